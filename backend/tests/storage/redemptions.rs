use countersign::{
    domain::AuthRequestState,
    storage::{Redeemed, Redemption, Storage},
};
use countersign_protocol::{ClientId, DeviceId};
use futures_util::future::join_all;

use crate::sample::{
    DEADLINE, NOW, READABLE_UNTIL, access, ada_and_the_shop, approval, approve, ask_ada, client, deny, person,
    redemption, refresh, request_id,
};

async fn approved(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
}

async fn refused_state(store: &dyn Storage, redemption: Redemption) -> AuthRequestState {
    match store.redeem(redemption).await.unwrap() {
        Redeemed::Refused { request } => request.state,
        other => panic!("{other:?}"),
    }
}

///
pub async fn an_approved_request_is_redeemed_once(store: &dyn Storage) {
    approved(store).await;
    let Redeemed::Granted {
        request,
        approval: proof,
    } = store.redeem(redemption("h", "1")).await.unwrap()
    else {
        panic!("not granted");
    };
    assert_eq!(
        (proof, request.scope.as_str(), request.interval),
        (approval(), "openid profile", 5)
    );
    for (hash, is_refresh) in [(access("1").hash, false), (refresh("1").hash, true)] {
        let facts = store.find_token(hash, NOW + 2000).await.unwrap().unwrap();
        assert_eq!((facts.is_refresh, facts.issued_at), (is_refresh, NOW + 2000));
        assert_eq!(facts.family.id, "family 1");
        assert_eq!((facts.family.amr, facts.family.acr), (approval().amr, approval().acr));
        assert_eq!(
            (facts.family.scope, facts.family.auth_time),
            ("openid profile".to_owned(), approval().auth_time)
        );
    }
    let state = refused_state(store, redemption("h", "2")).await;
    assert_eq!(state, AuthRequestState::Redeemed { at: NOW + 2000 }, "R-167");
    assert_eq!(
        store.find_token(access("2").hash, NOW + 2000).await.unwrap(),
        None,
        "R-167: nothing for the second one"
    );
    assert!(
        store.find_token(access("1").hash, NOW + 2000).await.unwrap().is_some(),
        "and nothing lost for the first"
    );
}

/// R-167, V-010.
pub async fn of_a_hundred_parallel_redemptions_one_is_granted(store: &dyn Storage) {
    approved(store).await;
    let comings = (0..100).map(|n| store.redeem(redemption("h", &format!("n{n}"))));
    let answers = join_all(comings).await;
    let granted = answers
        .iter()
        .filter(|answer| matches!(answer.as_ref().unwrap(), Redeemed::Granted { .. }));
    assert_eq!(granted.count(), 1, "R-167, V-010");
    let mut tokens = 0;
    for n in 0..100 {
        tokens += usize::from(
            store
                .find_token(access(&format!("n{n}")).hash, NOW)
                .await
                .unwrap()
                .is_some(),
        );
    }
    assert_eq!(tokens, 1, "V-010: one set of tokens");
}

pub async fn a_request_that_is_not_approved_is_refused_with_its_state(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "waiting").await;
    ask_ada(store, "denied").await;
    store.decide(deny("denied", "j")).await.unwrap();
    assert_eq!(
        refused_state(store, redemption("waiting", "1")).await,
        AuthRequestState::Pending
    );
    assert_eq!(
        refused_state(store, redemption("denied", "1")).await,
        AuthRequestState::Denied
    );
    let late = Redemption {
        now: DEADLINE,
        ..redemption("waiting", "1")
    };
    assert_eq!(
        refused_state(store, late.clone()).await,
        AuthRequestState::Expired,
        "swept or not"
    );
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    assert_eq!(refused_state(store, late).await, AuthRequestState::Expired);
    let stored = store.find_auth_request(request_id("waiting")).await.unwrap().unwrap();
    assert_eq!(stored.state, AuthRequestState::Expired);
}

pub async fn an_approval_can_be_redeemed_until_its_readable_time_is_over(store: &dyn Storage) {
    approved(store).await;
    let at = |now| Redemption {
        now,
        ..redemption("h", "1")
    };
    assert_eq!(
        refused_state(store, at(READABLE_UNTIL)).await,
        AuthRequestState::Approved(approval()),
        "too late"
    );
    let granted = store.redeem(at(READABLE_UNTIL - 1)).await.unwrap();
    assert!(
        matches!(granted, Redeemed::Granted { .. }),
        "after the deadline, within the grace: {granted:?}"
    );
}

pub async fn only_the_client_that_asked_redeems(store: &dyn Storage) {
    approved(store).await;
    store.add_client(client("bank")).await.unwrap();
    let by_another = Redemption {
        client_id: ClientId::from("bank"),
        ..redemption("h", "1")
    };
    assert_eq!(store.redeem(by_another).await.unwrap(), Redeemed::Unknown);
    assert_eq!(
        store.redeem(redemption("no such", "1")).await.unwrap(),
        Redeemed::Unknown
    );
    assert!(matches!(
        store.redeem(redemption("h", "1")).await.unwrap(),
        Redeemed::Granted { .. }
    ));
}

/// V-002.
pub async fn whoever_was_switched_off_after_the_approval_blocks_it(store: &dyn Storage) {
    approved(store).await;
    store.set_account_disabled("ada-login", true).await.unwrap();
    assert_eq!(
        store.redeem(redemption("h", "1")).await.unwrap(),
        Redeemed::Blocked,
        "V-002: the person"
    );
    store.set_account_disabled("ada-login", false).await.unwrap();
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    assert_eq!(
        store.redeem(redemption("h", "1")).await.unwrap(),
        Redeemed::Blocked,
        "V-002: the device"
    );
    let request = store.find_auth_request(request_id("h")).await.unwrap().unwrap();
    assert_eq!(
        request.state,
        AuthRequestState::Approved(approval()),
        "the request stays as it is"
    );
    store.remove_client(&ClientId::from("shop"), NOW).await.unwrap();
    assert!(
        !matches!(
            store.redeem(redemption("h", "1")).await.unwrap(),
            Redeemed::Granted { .. }
        ),
        "V-002: the client"
    );
}

/// V-002.
pub async fn whoever_is_switched_off_after_the_redemption_takes_the_tokens_along(store: &dyn Storage) {
    approved(store).await;
    store.redeem(redemption("h", "1")).await.unwrap();
    let lives = async || store.find_token(access("1").hash, NOW).await.unwrap().is_some();
    store.set_account_disabled("ada-login", true).await.unwrap();
    assert!(!lives().await, "V-002: the person");
    store.set_account_disabled("ada-login", false).await.unwrap();
    assert!(lives().await);
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    assert!(!lives().await, "V-002: the device that approved");
}
