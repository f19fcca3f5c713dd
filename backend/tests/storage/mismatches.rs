use countersign::{
    domain::{AuthRequestState, Matching},
    storage::{Decided, Mismatch, MismatchVerdict, Storage},
};
use countersign_protocol::{DeviceId, Handle, PromptState, SettledReason};
use futures_util::future::join_all;

use crate::sample::{
    DEADLINE, NOW, ada_and_the_shop, approve, ask_ada, deny, mistype, new_device, opening, person, register, request_id,
};

async fn left(store: &dyn Storage, mismatch: Mismatch) -> u32 {
    match store.mismatch(mismatch).await.unwrap() {
        MismatchVerdict::Wrong { tries_left, settled } => {
            assert_eq!(
                settled.is_some(),
                tries_left == 0,
                "denied when no try is left, and only then"
            );
            tries_left
        }
        other => panic!("{other:?}"),
    }
}

async fn counted(store: &dyn Storage) -> u32 {
    store
        .find_device(&DeviceId::from("phone"))
        .await
        .unwrap()
        .unwrap()
        .mismatches
}

/// S-007.
pub async fn wrong_numbers_are_counted_across_requests_until_a_right_one(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["a", "b", "c", "d"] {
        ask_ada(store, handle).await;
    }
    assert_eq!(left(store, mistype("a", "1")).await, 1, "S-007: two tries");
    assert_eq!(left(store, mistype("a", "2")).await, 0, "S-007");
    let a = store.find_prompt(&Handle::from("a")).await.unwrap().unwrap();
    let view = a.view_at(NOW + 500);
    assert_eq!(
        (view.state, view.reason),
        (PromptState::Denied, Some(SettledReason::NumberMismatch)),
        "S-007"
    );
    let request = store.find_auth_request(request_id("a")).await.unwrap().unwrap();
    assert_eq!(request.state, AuthRequestState::Denied, "the client hears of it");
    assert_eq!(
        store.last_seq(&person("ada")).await.unwrap(),
        5,
        "four opened, one ended; a wrong number alone is no change"
    );

    assert_eq!(
        left(store, mistype("b", "3")).await,
        0,
        "S-007: the next request starts with one try"
    );
    let right = store.decide(approve("c", "4")).await.unwrap();
    assert!(
        matches!(right, Decided::Recorded(_)),
        "S-007: but never with none: {right:?}"
    );
    assert_eq!(counted(store).await, 0, "S-007: success resets");
    assert_eq!(left(store, mistype("d", "5")).await, 1, "S-007: two tries again");
}

/// S-029.
pub async fn the_same_wrong_decision_counts_once(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    for _ in 0..3 {
        assert_eq!(left(store, mistype("h", "1")).await, 1, "S-029");
    }
    let last = store.mismatch(mistype("h", "2")).await.unwrap();
    assert_eq!(
        store.mismatch(mistype("h", "2")).await.unwrap(),
        last,
        "S-029: the denial too"
    );
    assert_eq!(
        left(store, mistype("h", "1")).await,
        1,
        "S-029: the first one keeps its answer"
    );
    assert_eq!(counted(store).await, 2);
}

pub async fn an_approval_without_a_number_forgets_no_mismatch(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "typed").await;
    left(store, mistype("typed", "1")).await;
    let mut shown = opening("shown", "ada");
    shown.prompt.matching = Matching::Show {
        message: Some("KLM 42".to_owned()),
    };
    store.open(shown).await.unwrap();
    store.decide(approve("shown", "2")).await.unwrap();
    assert_eq!(
        counted(store).await,
        1,
        "S-007: only a right number proves that it can be read"
    );
    store.decide(deny("typed", "3")).await.unwrap();
    assert_eq!(counted(store).await, 1);
}

pub async fn two_devices_share_the_tries_of_a_prompt(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    register(store, new_device("tablet", "ada")).await;
    ask_ada(store, "h").await;
    let on_the_tablet = Mismatch {
        device_id: DeviceId::from("tablet"),
        ..mistype("h", "1")
    };
    assert_eq!(left(store, mistype("h", "1")).await, 1);
    assert_eq!(
        left(store, on_the_tablet).await,
        0,
        "S-007: two tries a request, not two a device"
    );
}

pub async fn a_device_that_started_with_less_ends_earlier(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["earlier", "h"] {
        ask_ada(store, handle).await;
    }
    let one_of_four = |handle, decision| Mismatch {
        max_tries: 4,
        ..mistype(handle, decision)
    };
    assert_eq!(left(store, one_of_four("earlier", "1")).await, 3);
    for (decision, tries_left) in [("2", 2), ("3", 1), ("4", 0)] {
        assert_eq!(
            left(store, one_of_four("h", decision)).await,
            tries_left,
            "S-007: one less for the wrong number before, and no more than one"
        );
    }
}

pub async fn a_settled_or_foreign_prompt_counts_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    register(store, new_device("bobs", "bob")).await;
    ask_ada(store, "settled").await;
    ask_ada(store, "late").await;
    store.decide(deny("settled", "j")).await.unwrap();
    let verdict = store.mismatch(mistype("settled", "1")).await.unwrap();
    assert!(matches!(verdict, MismatchVerdict::Settled(view) if view.state == PromptState::Denied));
    let late = Mismatch {
        now: DEADLINE,
        ..mistype("late", "1")
    };
    let verdict = store.mismatch(late).await.unwrap();
    assert!(matches!(verdict, MismatchVerdict::Settled(view) if view.state == PromptState::Expired));
    let by_bob = Mismatch {
        account: person("bob"),
        device_id: DeviceId::from("bobs"),
        ..mistype("late", "1")
    };
    assert_eq!(store.mismatch(by_bob).await.unwrap(), MismatchVerdict::Unknown);
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    assert_eq!(
        store.mismatch(mistype("late", "2")).await.unwrap(),
        MismatchVerdict::DeviceRemoved
    );
    assert_eq!(counted(store).await, 0);
}

pub async fn parallel_wrong_numbers_never_allow_more_than_the_tries(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    let guesses = (0..100).map(|n| store.mismatch(mistype("h", &format!("guess {n}"))));
    let answers = join_all(guesses).await;
    let heard = answers
        .iter()
        .filter(|answer| matches!(answer.as_ref().unwrap(), MismatchVerdict::Wrong { .. }));
    assert_eq!(heard.count(), 2, "S-007: a hundred guesses at once are still two tries");
    assert_eq!(counted(store).await, 2);
}
