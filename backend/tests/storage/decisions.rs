use countersign::{
    domain::{AuthRequestState, ConnectorId, Decision},
    storage::{Decide, Decided, Opening, RotateKeys, Storage, StorageError},
};
use countersign_protocol::{
    ClientId, DecidedBy, Delivery, DenyReason, DeviceId, Handle, PromptState, SettledReason, SettledView,
};
use futures_util::future::join_all;

use crate::sample::{
    DEADLINE, NOW, ada_and_the_shop, approval, approve, ask_ada, deny, keys, new_device, opening, person, prompt,
    receipt, register, request_id,
};

fn approved() -> SettledView {
    SettledView {
        state: PromptState::Approved,
        settled_at: Some(NOW + 1000),
        reason: None,
        decided_by: Some(DecidedBy {
            device_id: DeviceId::from("phone"),
            name: "ada's phone".to_owned(),
        }),
        delivery: None,
    }
}

/// a denial as "not me" is found by person and client, for as long as it is asked for; other denials are none.
pub async fn a_report_is_found_by_person_and_client(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let (shop, other) = (ClientId::from("shop"), ClientId::from("bank"));
    let reported = async |client: &ClientId, since| {
        let found = store.was_reported(&person("ada"), client, since).await;
        found.unwrap()
    };
    ask_ada(store, "h").await;
    let changed_mind = Decide {
        decision: Decision::Deny(DenyReason::ChangedMind),
        ..deny("h", "j1")
    };
    store.decide(changed_mind).await.unwrap();
    assert!(!reported(&shop, 0).await, "R-256: a change of mind reports nobody");
    ask_ada(store, "i").await;
    let not_me = deny("i", "j2");
    let at = not_me.now;
    store.decide(not_me).await.unwrap();
    assert!(reported(&shop, at - 1).await, "R-256");
    assert!(!reported(&shop, at).await, "R-256: only what came after");
    assert!(!reported(&other, 0).await, "R-256: another client");
    let somebody = store.was_reported(&person("ben"), &shop, 0).await;
    assert!(!somebody.unwrap(), "R-256: another person");
}

///
pub async fn the_first_decision_wins(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    register(store, new_device("tablet", "ada")).await;
    ask_ada(store, "h").await;
    assert_eq!(
        store.decide(approve("h", "j1")).await.unwrap(),
        Decided::Recorded(approved())
    );
    let from_the_tablet = Decide {
        device_id: DeviceId::from("tablet"),
        key_thumbprint: "tablet-pop".to_owned(),
        ..deny("h", "j2")
    };
    assert_eq!(
        store.decide(from_the_tablet).await.unwrap(),
        Decided::Settled(approved()),
        "R-143"
    );
    let stored = store.find_prompt(&Handle::from("h")).await.unwrap().unwrap();
    let settlement = stored.settlement.unwrap();
    assert_eq!(
        (settlement.view, settlement.decision_jti),
        (approved(), Some("j1".to_owned()))
    );
    assert_eq!(
        store.find_receipt(&Handle::from("h")).await.unwrap(),
        Some(receipt("j1"))
    );
    let request = store.find_auth_request(request_id("h")).await.unwrap().unwrap();
    assert_eq!(
        request.state,
        AuthRequestState::Approved(approval()),
        "in the same commit"
    );
}

/// R-143, S-028.
pub async fn of_a_hundred_parallel_decisions_one_is_recorded(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    let decisions = (0..50).flat_map(|n| [approve("h", &format!("yes {n}")), deny("h", &format!("no {n}"))]);
    let answers = join_all(decisions.map(|decision| store.decide(decision))).await;
    let recorded: Vec<_> = answers
        .iter()
        .filter_map(|answer| match answer.as_ref().unwrap() {
            Decided::Recorded(view) => Some(view),
            _ => None,
        })
        .collect();
    assert_eq!(recorded.len(), 1, "S-028");
    let losers = answers
        .iter()
        .filter(|answer| *answer.as_ref().unwrap() == Decided::Settled(recorded[0].clone()));
    assert_eq!(losers.count(), 99, "R-143: everybody else hears the final state");
    assert_eq!(
        store.last_seq(&person("ada")).await.unwrap(),
        2,
        "opened and settled, nothing else"
    );
}

/// S-029.
pub async fn the_same_decision_again_gets_the_same_answer(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    let first = store.decide(approve("h", "j1")).await.unwrap();
    let later = Decide {
        now: DEADLINE + 5,
        ..approve("h", "j1")
    };
    assert_eq!(
        store.decide(later.clone()).await.unwrap(),
        first,
        "S-029: even after the deadline"
    );
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    assert_eq!(
        store.decide(later).await.unwrap(),
        first,
        "S-029: what is recorded stays recorded"
    );
    assert_eq!(store.last_seq(&person("ada")).await.unwrap(), 2, "it changes nothing");
}

/// S-028, S-029.
pub async fn another_decision_under_the_same_jti_is_told_what_was_decided(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store.decide(approve("h", "j1")).await.unwrap();
    let other = Decide {
        decision: Decision::Deny(DenyReason::NotMe),
        ..approve("h", "j1")
    };
    let Decided::Settled(view) = store.decide(other).await.unwrap() else {
        panic!("S-028: a denial must not be answered as if it had been recorded");
    };
    assert_eq!(view.state, PromptState::Approved);
}

///
pub async fn an_expired_prompt_is_never_decided(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    let at = |now| Decide {
        now,
        ..approve("h", &format!("at {now}"))
    };
    for now in [DEADLINE, DEADLINE + 1] {
        let Decided::Settled(view) = store.decide(at(now)).await.unwrap() else {
            panic!("R-144: decided at {now}");
        };
        assert_eq!(
            (view.state, view.settled_at),
            (PromptState::Expired, Some(DEADLINE)),
            "R-144"
        );
    }
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    let swept = store.decide(at(DEADLINE - 1)).await.unwrap();
    assert!(
        matches!(swept, Decided::Settled(_)),
        "R-144: an expired one stays expired, whatever a late clock says: {swept:?}"
    );

    ask_ada(store, "in time").await;
    let last_moment = Decide {
        now: DEADLINE - 1,
        ..approve("in time", "j")
    };
    assert!(matches!(store.decide(last_moment).await.unwrap(), Decided::Recorded(_)));
}

pub async fn a_decision_counts_only_for_its_person(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    register(store, new_device("bobs", "bob")).await;
    ask_ada(store, "h").await;
    let as_bob = Decide {
        account: person("bob"),
        device_id: DeviceId::from("bobs"),
        key_thumbprint: "bobs-uv".to_owned(),
        ..approve("h", "j1")
    };
    assert_eq!(store.decide(as_bob.clone()).await.unwrap(), Decided::Unknown);
    let as_ada_on_bobs = Decide {
        account: person("ada"),
        ..as_bob
    };
    assert_eq!(store.decide(as_ada_on_bobs).await.unwrap(), Decided::DeviceRemoved);
    assert_eq!(store.decide(approve("no such", "j2")).await.unwrap(), Decided::Unknown);
}

/// V-002.
pub async fn a_revoked_device_decides_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    for decision in [approve("h", "j1"), deny("h", "j2")] {
        assert_eq!(store.decide(decision).await.unwrap(), Decided::DeviceRemoved, "V-002");
    }
}

pub async fn a_replaced_key_decides_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    let rotation = RotateKeys {
        device_id: DeviceId::from("phone"),
        old_thumbprint: "phone-pop".to_owned(),
        keys: keys("new"),
    };
    assert!(store.rotate_device_keys(rotation).await.unwrap());
    assert_eq!(store.decide(approve("h", "j1")).await.unwrap(), Decided::DeviceRemoved);
    let with_the_new_key = Decide {
        key_thumbprint: "new-uv".to_owned(),
        ..approve("h", "j2")
    };
    assert_eq!(
        store.decide(with_the_new_key).await.unwrap(),
        Decided::Recorded(approved())
    );
}

/// V-002.
pub async fn a_disabled_person_decides_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store.set_account_disabled("ada-login", true).await.unwrap();
    assert_eq!(
        store.decide(approve("h", "j1")).await.unwrap(),
        Decided::AccountDisabled,
        "V-002"
    );
    store.set_account_disabled("ada-login", false).await.unwrap();
    assert_eq!(
        store.decide(approve("h", "j2")).await.unwrap(),
        Decided::Recorded(approved())
    );
}

pub async fn a_denial_reaches_the_request(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for (reason, shown) in [
        (DenyReason::NotMe, SettledReason::NotMe),
        (DenyReason::ChangedMind, SettledReason::ChangedMind),
        (DenyReason::TooMany, SettledReason::TooMany),
    ] {
        let handle = format!("{reason:?}");
        ask_ada(store, &handle).await;
        let denial = Decide {
            decision: Decision::Deny(reason),
            ..deny(&handle, "j")
        };
        let Decided::Recorded(view) = store.decide(denial).await.unwrap() else {
            panic!("{handle} was not recorded");
        };
        assert_eq!((view.state, view.reason), (PromptState::Denied, Some(shown)));
        let request = store.find_auth_request(request_id(&handle)).await.unwrap().unwrap();
        assert_eq!(request.state, AuthRequestState::Denied);
    }
}

pub async fn a_prompt_of_another_provider_needs_no_account_here(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let mut foreign = prompt("h", "ada");
    foreign.connector = ConnectorId("keycloak".to_owned());
    foreign.external_ref = Some("bearer".to_owned());
    let opening = Opening {
        prompt: foreign,
        auth_request: None,
        ask: None,
        supersede: true,
    };
    store.open(opening).await.unwrap();
    assert_eq!(
        store.decide(approve("h", "j1")).await.unwrap(),
        Decided::Recorded(SettledView {
            delivery: Some(Delivery::Owed),
            ..approved()
        })
    );
}

pub async fn an_approval_that_reaches_no_request_is_not_recorded(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let without_request = Opening {
        auth_request: None,
        ..opening("h", "ada")
    };
    store.open(without_request).await.unwrap();
    let refused = store.decide(approve("h", "j1")).await;
    assert!(matches!(refused, Err(StorageError::Corrupt { .. })), "{refused:?}");
    let prompt = store.find_prompt(&Handle::from("h")).await.unwrap().unwrap();
    assert_eq!((prompt.settlement, prompt.seq), (None, 1), "all of it is undone");
}
