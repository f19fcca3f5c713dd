use countersign::{
    domain::UserCodeLimit,
    storage::{Storage, UserCodeTry},
};
use countersign_protocol::Subject;
use futures_util::future::join_all;

use crate::sample::{self, NOW, account, add_account};

const WAIT: i64 = 900_000;
const LIMIT: UserCodeLimit = UserCodeLimit {
    tries: 5,
    first_wait: WAIT,
};

fn ada() -> Subject {
    Subject::from("ada")
}

async fn take(store: &dyn Storage, now: i64) -> UserCodeTry {
    store.take_user_code_try(&ada(), LIMIT, now).await.unwrap()
}

/// Ada, whose code has this hash.
async fn ada_with_a_code(store: &dyn Storage) -> UserCodeTry {
    add_account(store, account("ada")).await;
    assert!(store.set_user_code(&ada(), Some("hash".to_owned())).await.unwrap());
    UserCodeTry::Try("hash".to_owned())
}

pub async fn a_code_is_set_changed_and_cleared(store: &dyn Storage) {
    add_account(store, account("bob")).await;
    let allowed = ada_with_a_code(store).await;
    assert!(store.has_user_code(&ada()).await.unwrap());
    assert_eq!(take(store, NOW).await, allowed);
    assert!(store.set_user_code(&ada(), Some("other".to_owned())).await.unwrap());
    assert_eq!(take(store, NOW).await, UserCodeTry::Try("other".to_owned()));
    let bob = Subject::from("bob");
    assert!(
        !store.has_user_code(&bob).await.unwrap(),
        "a code is one person's alone"
    );
    let of_bob = store.take_user_code_try(&bob, LIMIT, NOW).await.unwrap();
    assert_eq!(of_bob, UserCodeTry::NoCode);
    assert!(store.set_user_code(&ada(), None).await.unwrap());
    assert!(!store.has_user_code(&ada()).await.unwrap());
    assert_eq!(take(store, NOW).await, UserCodeTry::NoCode);
    let nobody = Subject::from("nobody");
    assert!(!store.set_user_code(&nobody, Some("hash".to_owned())).await.unwrap());
    assert!(!store.has_user_code(&nobody).await.unwrap());
    let of_nobody = store.take_user_code_try(&nobody, LIMIT, NOW).await.unwrap();
    assert_eq!(of_nobody, UserCodeTry::NoCode);
}

/// R-112, V-008.
pub async fn after_the_last_free_try_everybody_waits(store: &dyn Storage) {
    let allowed = ada_with_a_code(store).await;
    for _ in 0..5 {
        assert_eq!(take(store, NOW).await, allowed);
    }
    assert_eq!(take(store, NOW + WAIT - 1).await, UserCodeTry::Wait, "R-112");
    assert_eq!(take(store, NOW + WAIT).await, allowed, "R-112: the wait is over");
    let then = NOW + WAIT;
    assert_eq!(
        take(store, then + 2 * WAIT - 1).await,
        UserCodeTry::Wait,
        "R-112: and doubles"
    );
    assert_eq!(take(store, then + 2 * WAIT).await, allowed);
}

pub async fn a_right_code_and_a_new_one_forget_the_tries(store: &dyn Storage) {
    let allowed = ada_with_a_code(store).await;
    for round in 0..3 {
        for _ in 0..4 {
            assert_eq!(take(store, NOW).await, allowed, "round {round}");
        }
        store.user_code_was_right(&ada()).await.unwrap();
    }
    for _ in 0..5 {
        take(store, NOW).await;
    }
    assert_eq!(take(store, NOW).await, UserCodeTry::Wait);
    assert!(store.set_user_code(&ada(), Some("hash".to_owned())).await.unwrap());
    assert_eq!(
        take(store, NOW).await,
        allowed,
        "whoever sets a new code is not locked out"
    );
}

/// V-008: guesses that come at once are no way around the limit.
pub async fn of_a_hundred_parallel_tries_five_are_let_through(store: &dyn Storage) {
    let allowed = ada_with_a_code(store).await;
    let taken = join_all((0..100).map(|_| take(store, NOW))).await;
    assert_eq!(taken.iter().filter(|one| **one == allowed).count(), 5, "V-008");
    assert_eq!(
        taken.iter().filter(|one| **one == UserCodeTry::Wait).count(),
        95,
        "V-008"
    );
}

/// V-008: whoever makes the server start again gets no further tries.
#[tokio::test]
async fn tries_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let store = sample::sqlite(&directory);
    ada_with_a_code(&store).await;
    for _ in 0..5 {
        take(&store, NOW).await;
    }
    drop(store);
    let store = sample::sqlite(&directory);
    assert_eq!(take(&store, NOW + 1).await, UserCodeTry::Wait, "V-008");
}
