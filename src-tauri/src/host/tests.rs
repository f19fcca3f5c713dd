//! Key stores: the operating system's over a store in memory, the encrypted file over a real one.

use std::sync::Arc;

use countersign_authenticator::{
    PinCost, SecretStore, SecretStoreError, VaultError,
    view::{KeyStoreKind, KeyStoreState},
};
use countersign_clock::SeededRandom;
use countersign_protocol::{Platform, Secret};
use keyring_core::{CredentialStore, Error, api::CredentialStoreApi, mock};
use tempfile::TempDir;

use super::{KeyStoreError, KeyStores, keychain::Keychain, platform};

const PASSPHRASE: &str = "correct horse battery";

/// A machine without a key store.
pub(crate) fn no_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::PlatformFailure("there is no bus".into()))
}

/// Costs that a test can pay.
pub(crate) fn cheap_vault() -> PinCost {
    PinCost {
        memory_kib: 64,
        passes: 1,
    }
}

fn stores(
    folder: &TempDir,
    open: impl Fn() -> keyring_core::Result<Arc<CredentialStore>> + Send + Sync + 'static,
) -> KeyStores {
    let random = Arc::new(SeededRandom::new(7));
    KeyStores::new(Arc::new(open), cheap_vault(), random, folder.path(), folder.path())
}

fn passphrase() -> Secret {
    Secret::new(PASSPHRASE)
}

/// Makes the next use of an entry fail.
fn spoil(store: &mock::Store, name: &str, error: Error) {
    let entry = store.build("dev.countersign.app", name, None).unwrap();
    let credential: &mock::Cred = entry.as_any().downcast_ref().unwrap();
    credential.set_error(error);
}

/// The names of the entries that hold something, in order.
fn kept(store: &mock::Store) -> Vec<String> {
    let mut names = Vec::new();
    for cell in store.inner.lock().unwrap().borrow().iter() {
        if cell.inner.lock().unwrap().borrow().secret.is_some() {
            names.push(cell.specifiers.1.clone());
        }
    }
    names.sort();
    names
}

async fn text(store: &dyn SecretStore, name: &str) -> Option<String> {
    store.get(name).await.unwrap().map(|secret| secret.expose().to_owned())
}

#[tokio::test]
async fn the_keychain_keeps_replaces_and_forgets() {
    let keychain = Keychain::new(mock::Store::new().unwrap(), 4_096);
    assert_eq!(text(&keychain, "a").await, None);
    keychain.set("a", &Secret::new("one")).await.unwrap();
    keychain.set("b", &Secret::new("")).await.unwrap();
    keychain.set("a", &Secret::new("two")).await.unwrap();
    assert_eq!(text(&keychain, "a").await.as_deref(), Some("two"));
    assert_eq!(text(&keychain, "b").await.as_deref(), Some(""));
    keychain.delete("a").await.unwrap();
    keychain.delete("a").await.unwrap();
    assert_eq!(text(&keychain, "a").await, None);
}

#[tokio::test]
async fn a_secret_larger_than_an_entry_is_kept_in_pieces() {
    let store = mock::Store::new().unwrap();
    let keychain = Keychain::new(store.clone(), 16);
    for length in [15, 16, 17, 160, 3, 48] {
        let value = "ä".repeat(length);
        keychain.set("a", &Secret::new(&*value)).await.unwrap();
        assert_eq!(text(&keychain, "a").await, Some(value), "{length} letters");
    }
    keychain.delete("a").await.unwrap();
    assert_eq!(kept(&store), Vec::<String>::new(), "every piece is forgotten too");
}

#[tokio::test]
async fn no_entry_is_longer_than_the_store_takes() {
    let longest = platform::piece_len(Platform::Windows);
    let store = mock::Store::new().unwrap();
    let keychain = Keychain::new(store.clone(), longest);
    for length in [longest - 2, longest - 1, longest, longest + 1, 5 * longest] {
        let value = "x".repeat(length);
        keychain.set("a", &Secret::new(&*value)).await.unwrap();
        assert_eq!(
            text(&keychain, "a").await,
            Some(value),
            "{length} bytes come back whole"
        );
        for cell in store.inner.lock().unwrap().borrow().iter() {
            let bytes = cell.inner.lock().unwrap().borrow().secret.as_ref().map_or(0, Vec::len);
            assert!(bytes <= longest, "{bytes} bytes in one entry for a secret of {length}");
        }
    }
}

#[tokio::test]
async fn what_a_broken_write_left_behind_goes_with_the_next() {
    let store = mock::Store::new().unwrap();
    let keychain = Keychain::new(store.clone(), 4);
    let full = || Error::PlatformFailure("the disk is full".into());
    keychain.set("a", &Secret::new("an old secret")).await.unwrap();
    spoil(&store, "a#1.3", full());
    keychain
        .set("a", &Secret::new("a new secret of more pieces"))
        .await
        .unwrap_err();
    keychain.set("a", &Secret::new("letters")).await.unwrap();
    assert_eq!(
        kept(&store),
        ["a", "a#1.0", "a#1.1"],
        "the broken pieces were written over or removed"
    );

    spoil(&store, "a#0.0", full());
    keychain.set("a", &Secret::new("x")).await.unwrap_err();
    assert_eq!(
        text(&keychain, "a").await.as_deref(),
        Some("x"),
        "it was in force before the clearing broke"
    );
    keychain.delete("a").await.unwrap();
    assert_eq!(kept(&store), Vec::<String>::new(), "what is forgotten leaves nothing");
}

#[tokio::test]
async fn a_write_that_breaks_off_leaves_the_old_secret() {
    let store = mock::Store::new().unwrap();
    let keychain = Keychain::new(store.clone(), 4);
    keychain.set("a", &Secret::new("the old secret")).await.unwrap();
    spoil(&store, "a#1.2", Error::PlatformFailure("the disk is full".into()));
    assert!(keychain.set("a", &Secret::new("the new secret")).await.is_err());
    assert_eq!(text(&keychain, "a").await.as_deref(), Some("the old secret"));
}

#[tokio::test]
async fn an_error_of_the_store_never_carries_the_secret() {
    let store = mock::Store::new().unwrap();
    let keychain = Keychain::new(store.clone(), 4_096);
    spoil(&store, "a", Error::BadEncoding(b"hunter2".to_vec()));
    let error = keychain.get("a").await.unwrap_err();
    let shown = format!("{error:?} {error}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("104, 117"),
        "S-075: {shown}"
    );
}

#[tokio::test]
async fn a_store_that_works_is_used_and_the_probe_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = mock::Store::new().unwrap();
    let shared = store.clone();
    let stores = stores(&folder, move || Ok(shared.clone()));
    assert_eq!(
        stores.view().state,
        KeyStoreState::Missing,
        "nothing was looked for yet"
    );
    stores.find().await;
    assert_eq!(stores.view().kind, platform::kind());
    assert_eq!(stores.view().state, KeyStoreState::Ready);
    stores.secrets().set("a", &Secret::new("one")).await.unwrap();
    assert_eq!(text(&*stores.secrets(), "a").await.as_deref(), Some("one"));
    assert_eq!(text(&*stores.secrets(), "probe").await, None);
    assert!(matches!(
        stores.choose_encrypted_file(passphrase()).await,
        Err(KeyStoreError::AlreadyChosen)
    ));
}

#[tokio::test]
async fn a_store_that_opens_and_keeps_nothing_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(&folder, || {
        let store = mock::Store::new()?;
        spoil(&store, "probe", Error::NotSupportedByStore("read-only".into()));
        Ok(store)
    });
    stores.find().await;
    assert_eq!(stores.view().kind, KeyStoreKind::None);
    assert!(matches!(
        stores.secrets().get("a").await,
        Err(SecretStoreError::Missing)
    ));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_keyring_whose_prompt_was_dismissed_is_locked_not_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = mock::Store::new().unwrap();
    let dismissed = || Error::PlatformFailure(Box::new(secret_service::Error::Prompt));
    spoil(&store, "probe", dismissed());
    let shared = store.clone();
    let stores = stores(&folder, move || Ok(shared.clone()));
    stores.find().await;
    assert_eq!(stores.view().kind, KeyStoreKind::SecretService);
    assert_eq!(stores.view().state, KeyStoreState::Locked);
    assert!(matches!(stores.secrets().get("a").await, Err(SecretStoreError::Locked)));
    spoil(&store, "probe", dismissed());
    assert!(stores.unlock(Secret::new("")).await.is_err(), "dismissed again");
    stores.unlock(Secret::new("")).await.unwrap();
    assert_eq!(stores.view().state, KeyStoreState::Ready, "unlocked by its own prompt");
}

#[tokio::test]
async fn nothing_falls_back_to_a_file_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let stores = stores(&folder, no_store);
    stores.find().await;
    assert_eq!(
        stores.view().state,
        KeyStoreState::Missing,
        "S-052: the person has to choose"
    );
    assert!(stores.unlock(passphrase()).await.is_err(), "unlocking chooses nothing");
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "and no file was made"
    );
}

#[tokio::test]
async fn the_chosen_file_is_remembered_and_asks_for_its_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let first = stores(&folder, no_store);
    first.find().await;
    let short = first.choose_encrypted_file(Secret::new("short")).await;
    assert!(matches!(short, Err(KeyStoreError::PassphraseTooShort)));
    first.choose_encrypted_file(passphrase()).await.unwrap();
    first.secrets().set("a", &Secret::new("one")).await.unwrap();

    // A key store that appears later does not take over: the keys are in the file.
    let second = stores(&folder, || Ok(mock::Store::new()?));
    second.find().await;
    assert_eq!(second.view().kind, KeyStoreKind::EncryptedFile);
    assert_eq!(second.view().state, KeyStoreState::Locked);
    assert!(matches!(second.secrets().get("a").await, Err(SecretStoreError::Locked)));
    assert!(matches!(
        second.unlock(Secret::new("another passphrase")).await,
        Err(KeyStoreError::Vault(VaultError::WrongPassphrase))
    ));
    second.unlock(passphrase()).await.unwrap();
    assert_eq!(text(&*second.secrets(), "a").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn a_file_that_is_there_is_opened_never_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let first = stores(&folder, no_store);
    first.choose_encrypted_file(passphrase()).await.unwrap();
    first.secrets().set("a", &Secret::new("one")).await.unwrap();
    std::fs::remove_file(folder.path().join("settings.json")).unwrap();

    let second = stores(&folder, no_store);
    second.find().await;
    assert!(
        second
            .choose_encrypted_file(Secret::new("another passphrase"))
            .await
            .is_err()
    );
    second.choose_encrypted_file(passphrase()).await.unwrap();
    assert_eq!(text(&*second.secrets(), "a").await.as_deref(), Some("one"));
}

#[tokio::test]
async fn unreadable_settings_do_not_start_a_new_store() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("settings.json"), "{").unwrap();
    let stores = stores(&folder, || Ok(mock::Store::new()?));
    stores.find().await;
    assert_eq!(stores.view().state, KeyStoreState::Missing);
}
