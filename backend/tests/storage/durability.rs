//! What is on disk when an answer leaves, and what shares a commit.

use std::sync::Arc;

use countersign::storage::{Accounts, Devices, Prompts, Role, SqliteStorage, Storage};
use countersign_protocol::{DeviceId, Handle};
use futures_util::{FutureExt as _, future::join_all};
use tempfile::tempdir;

use crate::sample::{NOW, ada_and_the_shop, approve, ask_ada, opening, request_id, sqlite};

/// The file as a crash would leave it: copied while the server has it open.
fn after_a_crash(directory: &tempfile::TempDir) -> (tempfile::TempDir, SqliteStorage) {
    let copy = tempdir().unwrap();
    for name in ["countersign.db", "countersign.db-wal"] {
        std::fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    let store = sqlite(&copy);
    (copy, store)
}

#[tokio::test]
async fn what_was_answered_survives_a_crash() {
    let directory = tempdir().unwrap();
    let store = sqlite(&directory);
    ada_and_the_shop(&store).await;
    ask_ada(&store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
    let (_copy, recovered) = after_a_crash(&directory);
    let store: &dyn Storage = &store;
    let recovered: &dyn Storage = &recovered;
    let handle = Handle::from("h");
    assert_eq!(
        recovered.find_prompt(&handle).await.unwrap(),
        store.find_prompt(&handle).await.unwrap()
    );
    assert_eq!(
        recovered.find_receipt(&handle).await.unwrap(),
        store.find_receipt(&handle).await.unwrap()
    );
    let id = request_id("h");
    assert_eq!(
        recovered.find_auth_request(id).await.unwrap(),
        store.find_auth_request(id).await.unwrap()
    );
}

#[tokio::test]
async fn a_store_reads_back_after_it_was_closed() {
    let directory = tempdir().unwrap();
    let store = sqlite(&directory);
    ada_and_the_shop(&store).await;
    store.touch_device(&DeviceId::from("phone"), NOW + 77).await.unwrap();
    drop(store);
    let store = SqliteStorage::open(&directory.path().join("countersign.db"), Role::Server).unwrap();
    assert_eq!(store.list_accounts().await.unwrap().len(), 1);
    let phone = store.find_device(&DeviceId::from("phone")).await.unwrap().unwrap();
    assert_eq!(
        phone.last_seen_at,
        NOW + 77,
        "a touch is written at the latest when the store closes"
    );
}

#[tokio::test]
async fn two_hundred_writers_share_commits() {
    let directory = tempdir().unwrap();
    let store = sqlite(&directory);
    let before = store.commits();
    let openings = (0..200).map(|n| store.open(opening(&format!("h{n}"), "ada")));
    let answers = join_all(openings).await;
    assert!(answers.iter().all(Result::is_ok));
    let commits = store.commits() - before;
    assert!((1..=50).contains(&commits), "200 writers took {commits} commits");
    let account = opening("h", "ada").prompt.account;
    assert_eq!(store.last_seq(&account).await.unwrap(), 200, "and every one is there");
}

#[tokio::test]
async fn one_failing_unit_does_not_undo_its_neighbours() {
    let directory = tempdir().unwrap();
    let store = sqlite(&directory);
    ask_ada(&store, "taken").await;
    let handles = (0..100).map(|n| {
        if n % 10 == 3 {
            "taken".to_owned()
        } else {
            format!("h{n}")
        }
    });
    let answers = join_all(handles.map(|handle| store.open(opening(&handle, "ada")))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_err()).count(), 10);
    for n in (0..100).filter(|n| n % 10 != 3) {
        let handle = Handle::new(format!("h{n}"));
        assert!(
            store.find_prompt(&handle).await.unwrap().is_some(),
            "{handle} was answered"
        );
    }
    let account = opening("h", "ada").prompt.account;
    assert_eq!(
        store.last_seq(&account).await.unwrap(),
        91,
        "a failed unit leaves no gap"
    );
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cancel_its_unit() {
    let directory = tempdir().unwrap();
    let store = sqlite(&directory);
    // Polled once, then dropped. It may even be done by then.
    let _ = store.open(opening("h", "ada")).now_or_never();
    // Units run in order, so this one's answer means that the other is done.
    ask_ada(&store, "next").await;
    assert!(store.find_prompt(&Handle::from("h")).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn whoever_was_answered_reads_it_on_any_thread() {
    let directory = tempdir().unwrap();
    let store = Arc::new(sqlite(&directory));
    let tasks = (0..16).map(|task| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in 0..20 {
                let handle = Handle::new(format!("{task}-{n}"));
                store.open(opening(handle.as_str(), "ada")).await.unwrap();
                assert!(
                    store.find_prompt(&handle).await.unwrap().is_some(),
                    "{handle} was answered"
                );
            }
        })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
    let account = opening("h", "ada").prompt.account;
    assert_eq!(store.last_seq(&account).await.unwrap(), 320);
}
