//! What differs between operating systems: which key store there is, how much it takes, and what its errors mean.

use std::{collections::HashMap, sync::Arc};

use countersign_authenticator::view::KeyStoreKind;
use countersign_protocol::Platform;
use keyring_core::{CredentialStore, Error};
use url::Url;

/// Where the provider sends the person back on a phone (RFC 8252 section 7.1). `tauri.conf.json` claims the scheme.
const PHONE_REDIRECT: &str = "dev.countersign.app:/callback";

/// What an error of a key store means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// It is there but locked.
    Locked,
    /// There is none.
    Missing,
    /// It failed.
    Failed,
}

/// Opens the key store of the operating system. May block.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(crate) fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// Opens the key store of the operating system. May block.
#[cfg(target_os = "macos")]
pub(crate) fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

/// Opens the key store of the operating system. May block.
#[cfg(target_os = "ios")]
pub(crate) fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::protected::Store::new()?)
}

/// Opens the key store of the operating system. May block.
#[cfg(target_os = "windows")]
pub(crate) fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

/// Opens the key store of the operating system. May block.
#[cfg(target_os = "android")]
pub(crate) fn open_store() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(android_native_keyring_store::Store::new()?)
}

/// How the store is called.
pub(super) const fn kind() -> KeyStoreKind {
    match platform() {
        Platform::Linux => KeyStoreKind::SecretService,
        Platform::Macos | Platform::Ios => KeyStoreKind::Keychain,
        Platform::Windows => KeyStoreKind::WindowsCredentials,
        Platform::Android => KeyStoreKind::AndroidKeystore,
    }
}

/// The most bytes that are put into one entry of the store on `platform`. Windows takes 2560 in a credential (`CRED_MAX_CREDENTIAL_BLOB_SIZE`);
/// the others take more than this app ever writes.
pub(super) const fn piece_len(platform: Platform) -> usize {
    match platform {
        Platform::Windows => 2_048,
        Platform::Linux | Platform::Macos | Platform::Ios | Platform::Android => 65_536,
    }
}

/// What an entry is made with beyond its name, where the store would let it travel: the keys of a device belong to that device. Windows
/// would carry them to other machines in a roaming profile, iOS in a backup.
pub(super) fn entry_modifiers() -> Option<HashMap<&'static str, &'static str>> {
    let stays_here = match platform() {
        Platform::Windows => ("persistence", "Local"),
        Platform::Ios => ("access-policy", "WhenUnlockedThisDeviceOnly"),
        Platform::Linux | Platform::Macos | Platform::Android => return None,
    };
    Some(HashMap::from([stays_here]))
}

/// What the app runs on.
pub(super) const fn platform() -> Platform {
    if cfg!(target_os = "macos") {
        Platform::Macos
    } else if cfg!(target_os = "ios") {
        Platform::Ios
    } else if cfg!(target_os = "windows") {
        Platform::Windows
    } else if cfg!(target_os = "android") {
        Platform::Android
    } else {
        Platform::Linux
    }
}

/// Where the provider sends the person back, when not to a loopback address: a phone may put the app to sleep while the browser is in
/// front, and nobody would listen there.
pub(super) fn redirect_uri() -> Option<Url> {
    match platform() {
        Platform::Android | Platform::Ios => Url::parse(PHONE_REDIRECT).ok(),
        Platform::Linux | Platform::Macos | Platform::Windows => None,
    }
}

/// What the machine calls itself, for the list of devices; a plain description where it has no name.
pub(super) fn device_name() -> String {
    let name = gethostname::gethostname();
    let name = name.to_string_lossy();
    let name = name.split('.').next().unwrap_or_default().trim();
    if name.is_empty() || name == "localhost" {
        return plain_name().to_owned();
    }
    name.chars().take(64).collect()
}

const fn plain_name() -> &'static str {
    match platform() {
        Platform::Linux => "Linux computer",
        Platform::Macos => "Mac",
        Platform::Windows => "Windows computer",
        Platform::Android => "Android phone",
        Platform::Ios => "iPhone",
    }
}

/// Judges an error. The Secret Service reports a dismissed prompt in several ways; what counts is what it says below.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(super) fn judge(error: &Error) -> Judgement {
    let (Error::PlatformFailure(below) | Error::NoStorageAccess(below)) = error else {
        return Judgement::Failed;
    };
    match below.downcast_ref::<secret_service::Error>() {
        Some(
            secret_service::Error::Locked | secret_service::Error::Prompt | secret_service::Error::PromptDisconnected,
        ) => Judgement::Locked,
        // No collection to keep anything in, and nobody there to make one.
        Some(secret_service::Error::NoResult | secret_service::Error::Unavailable) => Judgement::Missing,
        Some(_) | None => Judgement::Failed,
    }
}

/// Judges an error.
#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub(super) fn judge(error: &Error) -> Judgement {
    match error {
        Error::NoStorageAccess(_) => Judgement::Locked,
        // This build of the system's store keeps nothing.
        Error::NotSupportedByStore(_) => Judgement::Missing,
        _ => Judgement::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fits_into_a_windows_credential() {
        const CRED_MAX_CREDENTIAL_BLOB_SIZE: usize = 5 * 512;
        assert!(piece_len(Platform::Windows) <= CRED_MAX_CREDENTIAL_BLOB_SIZE);
    }

    #[test]
    fn the_phone_that_is_sent_back_finds_this_app() {
        let config: serde_json::Value = serde_json::from_str(include_str!("../../tauri.conf.json")).unwrap();
        let redirect = Url::parse(PHONE_REDIRECT).unwrap();
        assert_eq!(
            config["plugins"]["deep-link"]["mobile"][0]["scheme"],
            serde_json::json!([redirect.scheme()]),
            "R-272: the scheme is claimed"
        );
        assert_eq!(
            config["identifier"],
            redirect.scheme(),
            "R-272: and in the name of this app"
        );
        assert_eq!(redirect_uri(), None, "R-272: a desktop listens on loopback");
    }
}
