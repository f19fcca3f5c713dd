//! Copies of the file, and what a copy that came back must have forgotten (V-041).

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use countersign::{
    domain::{AuthRequestState, AuthorizationCode, TokenHash},
    storage::{
        Accounts, AfterRestore, AuthRequests, BackupError, CodeRedemption, CodeUse, Devices, Ended, Grants, Prompts,
        Recovery, Redeemed, RefreshUse, Restoration, Role, Rotation, SqliteStorage, StorageError, back_up,
    },
};
use countersign_protocol::{ClientId, DeviceId, Handle, PromptState};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::sample::{
    NOW, access, account, ada_and_the_shop, add_account, approve, ask_ada, family, hash, person, redemption, refresh,
    request_id, sqlite,
};

/// When the backup comes back.
const LATER: i64 = NOW + 10_000;

fn paths(directory: &TempDir) -> (PathBuf, PathBuf) {
    let path = |name| directory.path().join(name);
    (path("countersign.db"), path("backup.db"))
}

async fn restore(backup: &Path, database: &Path, revoke_devices: bool) -> (SqliteStorage, Ended) {
    let restoration = Restoration::stage(backup, database, true).unwrap();
    let staged = SqliteStorage::open(restoration.staged(), Role::Command).unwrap();
    let after = AfterRestore {
        revoke_devices,
        now: LATER,
    };
    let ended = staged.after_restore(after).await.unwrap();
    drop(staged);
    restoration.install().unwrap();
    (SqliteStorage::open(database, Role::Server).unwrap(), ended)
}

fn rotate(old: &str, new: &str, now: i64) -> Rotation {
    Rotation {
        token: refresh(old).hash,
        client_id: ClientId::from("shop"),
        confirmation: refresh(old).confirmation,
        access: access(new),
        next: refresh(new),
        now,
    }
}

#[tokio::test]
async fn a_backup_beside_a_running_server_is_whole_and_private_and_overwrites_nothing() {
    let directory = tempdir().unwrap();
    let (database, backup) = paths(&directory);
    let server = sqlite(&directory);
    ada_and_the_shop(&server).await;
    let bytes = back_up(&database, &backup).unwrap();
    let written = fs::metadata(&backup).unwrap();
    assert_eq!(written.len(), bytes);
    assert_eq!(written.permissions().mode() & 0o777, 0o600, "for its owner alone");
    add_account(&server, account("bob")).await;
    let copy = SqliteStorage::open(&backup, Role::Command).unwrap();
    assert_eq!(copy.list_accounts().await.unwrap().len(), 1, "as it stood then");
    assert_eq!(server.list_accounts().await.unwrap().len(), 2, "the server goes on");
    let before = fs::read(&backup).unwrap();
    assert!(matches!(back_up(&database, &backup), Err(BackupError::Exists { .. })));
    assert_eq!(fs::read(&backup).unwrap(), before);
    let nowhere = back_up(&directory.path().join("missing.db"), &directory.path().join("other.db"));
    assert!(matches!(nowhere, Err(BackupError::File { .. })), "{nowhere:?}");
    let left: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("partial") || name.contains("missing") || name.contains("other"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "nothing is left behind");
}

#[tokio::test]
async fn a_backup_taken_while_many_write_is_of_one_moment() {
    let directory = tempdir().unwrap();
    let (database, backup) = paths(&directory);
    let server = std::sync::Arc::new(sqlite(&directory));
    ada_and_the_shop(&*server).await;
    let writing = tokio::spawn({
        let server = server.clone();
        async move {
            for number in 0..200 {
                ask_ada(&*server, &format!("h{number}")).await;
            }
        }
    });
    let copied = tokio::task::spawn_blocking(move || back_up(&database, &backup).map(|_| backup));
    let backup = copied.await.unwrap().unwrap();
    writing.await.unwrap();
    let copy = SqliteStorage::open(&backup, Role::Command).unwrap();
    let pending = copy.pending_prompts(&person("ada"), NOW, 1000).await.unwrap();
    for prompt in &pending {
        let request = copy
            .find_auth_request(request_id(prompt.handle.as_str()))
            .await
            .unwrap();
        assert!(request.is_some(), "a prompt and its request are in one commit");
    }
    let last = copy.last_seq(&person("ada")).await.unwrap();
    assert_eq!(last, i64::try_from(pending.len()).unwrap(), "and so is its number");
}

/// V-041: what was redeemed after the backup is not redeemed again.
#[tokio::test]
async fn what_was_open_in_a_backup_is_ended_when_it_comes_back() {
    let directory = tempdir().unwrap();
    let (database, backup) = paths(&directory);
    let server = sqlite(&directory);
    ada_and_the_shop(&server).await;
    for handle in ["approved", "undecided", "redeemed"] {
        ask_ada(&server, handle).await;
    }
    for handle in ["approved", "redeemed"] {
        server.decide(approve(handle, handle)).await.unwrap();
    }
    server.redeem(redemption("redeemed", "1")).await.unwrap();
    let code = AuthorizationCode {
        hash: TokenHash(hash("code")),
        family: family("of the code"),
        redirect_uri: "https://shop.example/cb".to_owned(),
        code_challenge: "challenge".to_owned(),
        dpop_jkt: None,
        nonce: None,
        expires_at: NOW + 60_000,
    };
    server.add_code(code.clone()).await.unwrap();
    back_up(&database, &backup).unwrap();

    let granted = |redeemed| matches!(redeemed, Redeemed::Granted { .. });
    assert!(granted(server.redeem(redemption("approved", "2")).await.unwrap()));
    let rotated = server.rotate_refresh(rotate("1", "3", NOW + 3000)).await.unwrap();
    assert!(matches!(rotated, RefreshUse::Granted(_)));
    let heard = server.last_seq(&person("ada")).await.unwrap();
    drop(server);

    let (server, ended) = restore(&backup, &database, false).await;
    let expected = Ended {
        requests: 2,
        prompts: 1,
        grants: 2,
        debts: 0,
        devices: 0,
        active_devices: 1,
    };
    assert_eq!(ended, expected);
    for handle in ["approved", "undecided"] {
        let again = server.redeem(redemption(handle, "4")).await.unwrap();
        let Redeemed::Refused { request } = again else {
            panic!("V-041: {handle} is redeemable: {again:?}")
        };
        assert_eq!(request.state, AuthRequestState::Denied, "V-041: {handle}");
    }
    let rotated = server.rotate_refresh(rotate("1", "5", LATER)).await.unwrap();
    assert_eq!(
        rotated,
        RefreshUse::Refused,
        "V-041: a refresh token that was replaced since is not good again"
    );
    for token in [access("1").hash, access("2").hash, access("3").hash] {
        assert_eq!(server.find_token(token, LATER).await.unwrap(), None, "V-041");
    }
    let used = CodeRedemption {
        code: code.hash,
        client_id: ClientId::from("shop"),
        redirect_uri: code.redirect_uri,
        code_challenge: code.code_challenge,
        confirmation: None,
        access: access("6"),
        refresh: None,
        now: LATER,
    };
    assert_eq!(server.redeem_code(used).await.unwrap(), CodeUse::Refused, "V-041");
    let undecided = server.find_prompt(&Handle::from("undecided")).await.unwrap().unwrap();
    assert_eq!(undecided.view_at(LATER).state, PromptState::Cancelled);
    let since = server.prompts_since(&person("ada"), heard, 10).await.unwrap();
    let handles: Vec<&str> = since.iter().map(|prompt| prompt.handle.as_str()).collect();
    assert_eq!(
        handles,
        ["undecided"],
        "a device that heard more than the backup knows hears of the end"
    );
    ask_ada(&server, "new").await;
    let new = server.prompts_since(&person("ada"), undecided.seq, 10).await.unwrap();
    assert_eq!(new.len(), 1, "numbers go on after those of the end");
    server.decide(approve("new", "new")).await.unwrap();
    assert!(
        granted(server.redeem(redemption("new", "7")).await.unwrap()),
        "a new grant works"
    );
}

#[tokio::test]
async fn devices_come_back_unless_the_operator_says_otherwise() {
    for revoke_devices in [false, true] {
        let directory = tempdir().unwrap();
        let (database, backup) = paths(&directory);
        let server = sqlite(&directory);
        ada_and_the_shop(&server).await;
        back_up(&database, &backup).unwrap();
        let phone = DeviceId::from("phone");
        assert!(server.revoke_device(&person("ada"), &phone, NOW + 1000).await.unwrap());
        drop(server);
        let (server, ended) = restore(&backup, &database, revoke_devices).await;
        let device = server.find_device(&phone).await.unwrap().unwrap();
        assert_eq!(device.revoked_at.is_some(), revoke_devices);
        assert_eq!(ended.devices, u64::from(revoke_devices));
        assert_eq!(ended.active_devices, u64::from(!revoke_devices), "and it is told");
    }
}

#[tokio::test]
async fn nothing_is_restored_under_a_server_or_over_a_database_unasked() {
    let directory = tempdir().unwrap();
    let (database, backup) = paths(&directory);
    let server = sqlite(&directory);
    ada_and_the_shop(&server).await;
    back_up(&database, &backup).unwrap();
    add_account(&server, account("bob")).await;
    let under = Restoration::stage(&backup, &database, true).err().unwrap();
    assert!(
        matches!(&under, BackupError::Storage(StorageError::InUse { .. })),
        "{under:?}"
    );
    drop(server);
    let over = Restoration::stage(&backup, &database, false).err().unwrap();
    assert!(
        matches!(&over, BackupError::Exists { path } if *path == database),
        "{over:?}"
    );
    let (server, _) = restore(&backup, &database, false).await;
    assert_eq!(server.list_accounts().await.unwrap().len(), 1);
    drop(server);

    let replaced = directory.path().join("countersign.db.replaced");
    let before = SqliteStorage::open(&replaced, Role::Command).unwrap();
    assert_eq!(
        before.list_accounts().await.unwrap().len(),
        2,
        "the last commit is in it"
    );
    drop(before);
    let twice = Restoration::stage(&backup, &database, true).err().unwrap();
    assert!(
        matches!(&twice, BackupError::Exists { path } if *path == replaced),
        "what was replaced before is not lost: {twice:?}"
    );
}

#[tokio::test]
async fn what_is_no_whole_backup_of_this_program_leaves_the_database_alone() {
    let directory = tempdir().unwrap();
    let (database, backup) = paths(&directory);
    let server = sqlite(&directory);
    for number in 0..300 {
        add_account(&server, account(&format!("person{number}"))).await;
    }
    back_up(&database, &backup).unwrap();
    drop(server);
    let whole = fs::read(&backup).unwrap();
    let file = |name: &str, contents: &[u8]| {
        let path = directory.path().join(name);
        fs::write(&path, contents).unwrap();
        path
    };
    let half = file("half.db", &whole[..whole.len() / 2]);
    let mut scribbled = whole.clone();
    let (from, to) = (whole.len() / 4, whole.len() / 2);
    scribbled[from..to].fill(0x5a);
    let scribbled = file("scribbled.db", &scribbled);
    let text = file("text.db", b"not a database at all, but long enough to be looked at");
    let empty = file("empty.db", b"");
    let other = directory.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("create table coins (face integer); pragma user_version = 1;")
        .unwrap();
    for damaged in [half, scribbled, text, empty, other] {
        let refused = Restoration::stage(&damaged, &database, true).err().unwrap();
        assert!(
            matches!(&refused, BackupError::Damaged { path, .. } if *path == damaged),
            "{}: {refused:?}",
            damaged.display()
        );
    }
    Connection::open(&backup)
        .unwrap()
        .pragma_update(None, "user_version", 9_999)
        .unwrap();
    let refused = Restoration::stage(&backup, &database, true).err().unwrap();
    assert!(
        matches!(
            &refused,
            BackupError::Storage(StorageError::TooNew { found: 9_999, .. })
        ),
        "{refused:?}"
    );
    let server = sqlite(&directory);
    assert_eq!(server.list_accounts().await.unwrap().len(), 300, "untouched");
    assert!(!directory.path().join("countersign.db.restoring").exists());
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_can_be_replaced_and_keeps_its_log() {
    let directory = tempdir().unwrap();
    let (database, backup) = paths(&directory);
    let server = sqlite(&directory);
    ada_and_the_shop(&server).await;
    back_up(&database, &backup).unwrap();
    drop(server);
    fs::write(&database, b"scribbled over by something else, header and all").unwrap();
    fs::write(directory.path().join("countersign.db-wal"), b"left over").unwrap();
    let (server, _) = restore(&backup, &database, false).await;
    assert_eq!(server.list_accounts().await.unwrap().len(), 1);
    let kept = fs::read(directory.path().join("countersign.db.replaced-wal")).unwrap();
    assert_eq!(kept, b"left over", "for whoever wants to look into it");
}
