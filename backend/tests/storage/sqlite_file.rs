//! The file itself: who may open it, and which version it has.

use countersign::storage::{Accounts, Clients, Role, SqliteStorage, StorageError};
use countersign_protocol::ClientId;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::sample::{account, add_account, client, sqlite};

#[tokio::test]
async fn a_second_server_is_refused_and_a_command_is_not() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("countersign.db");
    let server = sqlite(&directory);
    let second = SqliteStorage::open(&path, Role::Server);
    assert!(matches!(second, Err(StorageError::InUse { .. })));

    let command = SqliteStorage::open(&path, Role::Command).unwrap();
    add_account(&command, account("ada")).await;
    assert_eq!(
        server.list_accounts().await.unwrap().len(),
        1,
        "the server sees what the command wrote"
    );
    add_account(&server, account("bob")).await;
    assert_eq!(
        command.list_accounts().await.unwrap().len(),
        2,
        "and the other way round"
    );

    drop((server, command));
    sqlite(&directory);
}

#[tokio::test]
async fn a_command_makes_a_file_that_a_server_can_use_beside_it() {
    let directory = tempdir().unwrap();
    let command = SqliteStorage::open(&directory.path().join("countersign.db"), Role::Command).unwrap();
    add_account(&command, account("ada")).await;
    let server = sqlite(&directory);
    assert_eq!(server.list_accounts().await.unwrap().len(), 1);
}

#[test]
fn a_command_does_not_migrate_under_a_running_server() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("countersign.db");
    let _server = sqlite(&directory);
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 0).unwrap();
    let refused = SqliteStorage::open(&path, Role::Command);
    assert!(matches!(refused, Err(StorageError::InUse { .. })));
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("countersign.db");
    drop(sqlite(&directory));
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 4711).unwrap();
    for role in [Role::Server, Role::Command] {
        let refused = SqliteStorage::open(&path, role).err();
        assert!(
            matches!(refused, Some(StorageError::TooNew { found: 4711, .. })),
            "{refused:?}"
        );
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempdir().unwrap();
    std::fs::write(directory.path().join("countersign.db"), "").unwrap();
    let store = sqlite(&directory);
    add_account(&store, account("ada")).await;
    let files: Vec<_> = directory
        .path()
        .read_dir()
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 4, "database, lock, log and its index: {files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_row_that_does_not_read_back_is_corrupt_and_not_absent() {
    let directory = tempdir().unwrap();
    let store = sqlite(&directory);
    store.add_client(client("shop")).await.unwrap();
    let connection = Connection::open(directory.path().join("countersign.db")).unwrap();
    connection.execute("update clients set client = '{}'", []).unwrap();
    let read = store.find_client(&ClientId::from("shop")).await;
    assert!(
        matches!(read, Err(StorageError::Corrupt { what: "client" })),
        "{read:?}"
    );
}

#[test]
fn a_directory_that_is_not_there_is_unavailable() {
    let directory = tempdir().unwrap();
    let refused = SqliteStorage::open(&directory.path().join("no/such/countersign.db"), Role::Server);
    assert!(matches!(refused, Err(StorageError::Unavailable(_))));
}
