//! What may happen at the same time, on one node or on several: whoever comes first, the outcome is one that some order of one after the other has.

use countersign::{
    domain::{Approval, Decision},
    storage::{Decide, Decided, Opening, Redeemed, Registered, Storage},
};
use countersign_protocol::{ClientId, DeviceId, Handle, PromptState};
use futures_util::future::{join, join_all};

use crate::sample::{
    NOW, access, ada_and_the_shop, approval, approve, ask_ada, client, keys, new_device, opening, person, redemption,
    register,
};

const ROUNDS: usize = 12;

/// The shop asks Ada anew, and what it asked before gives way.
fn asking_anew(handle: &str) -> Opening {
    Opening {
        supersede: true,
        ..opening(handle, "ada")
    }
}

fn approve_on(device: &str, handle: &str) -> Decide {
    let device_id = DeviceId::from(device);
    Decide {
        decision: Decision::Approve(Approval {
            device_id: Some(device_id.clone()),
            ..approval()
        }),
        device_id,
        key_thumbprint: format!("{device}-uv"),
        ..approve(handle, handle)
    }
}

/// S-035.
pub async fn of_openings_that_meet_the_last_one_waits(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let handles: Vec<_> = (0..ROUNDS).map(|n| format!("h{n}")).collect();
    let opened = join_all(handles.iter().map(|handle| store.open(asking_anew(handle)))).await;
    let superseded: usize = opened
        .iter()
        .map(|opened| opened.as_ref().unwrap().superseded.len())
        .sum();
    let waiting = store.pending_prompts(&person("ada"), NOW, 100).await.unwrap();
    assert_eq!(
        (waiting.len(), superseded),
        (1, ROUNDS - 1),
        "each but the last gives way, once"
    );
    let last = opened.iter().map(|opened| opened.as_ref().unwrap().seq).max();
    assert_eq!(
        Some(waiting[0].seq),
        last,
        "the last change is the opening of what waits"
    );
}

///
pub async fn a_decision_that_meets_a_newer_request_wins_or_is_told_that_it_is_late(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for round in 0..ROUNDS {
        let (old, new) = (format!("old{round}"), format!("new{round}"));
        ask_ada(store, &old).await;
        let (decided, opened) = join(store.decide(approve(&old, &old)), store.open(asking_anew(&new))).await;
        let gave_way = opened.unwrap().superseded.contains(&Handle::from(old.as_str()));
        match decided.unwrap() {
            Decided::Recorded(_) => assert!(!gave_way, "R-143: what was approved does not give way"),
            Decided::Settled(view) => {
                assert!(gave_way);
                assert_eq!(view.state, PromptState::Superseded, "R-143");
            }
            other => panic!("{other:?}"),
        }
    }
}

/// V-002.
pub async fn a_device_that_is_revoked_meanwhile_leaves_no_token(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for round in 0..ROUNDS {
        let name = format!("d{round}");
        register(store, new_device(&name, "ada")).await;
        ask_ada(store, &name).await;
        store.decide(approve_on(&name, &name)).await.unwrap();
        let (ada, device) = (person("ada"), DeviceId::from(name.as_str()));
        let redeemed = store.redeem(redemption(&name, &name));
        let (redeemed, revoked) = join(redeemed, store.revoke_device(&ada, &device, NOW)).await;
        assert!(revoked.unwrap());
        let redeemed = redeemed.unwrap();
        assert!(
            matches!(redeemed, Redeemed::Granted { .. } | Redeemed::Blocked),
            "{redeemed:?}"
        );
        let token = store.find_token(access(&name).hash, NOW).await.unwrap();
        assert_eq!(token, None, "V-002: in whichever order, {redeemed:?}");
    }
}

/// V-002.
pub async fn a_client_that_is_removed_meanwhile_leaves_no_token(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let shop = ClientId::from("shop");
    for round in 0..ROUNDS {
        let name = format!("h{round}");
        ask_ada(store, &name).await;
        store.decide(approve(&name, &name)).await.unwrap();
        let redeemed = store.redeem(redemption(&name, &name));
        let (redeemed, removed) = join(redeemed, store.remove_client(&shop, NOW)).await;
        assert!(removed.unwrap());
        let redeemed = redeemed.unwrap();
        // Whoever takes the id later must not find anything of the client before.
        store.add_client(client("shop")).await.unwrap();
        let token = store.find_token(access(&name).hash, NOW).await.unwrap();
        assert_eq!(token, None, "V-002: in whichever order, {redeemed:?}");
        let again = store.redeem(redemption(&name, "again")).await.unwrap();
        assert!(!matches!(again, Redeemed::Granted { .. }), "V-002: {again:?}");
    }
}

pub async fn of_registrations_of_one_key_one_gets_it(store: &dyn Storage) {
    let people: Vec<_> = (0..ROUNDS).map(|n| format!("p{n}")).collect();
    let all = people.iter().map(|sub| {
        let mut device = new_device(&format!("d-{sub}"), sub);
        device.keys = Some(keys("one"));
        store.register_device(device)
    });
    let registered = join_all(all).await;
    let new = registered.iter().filter(|one| matches!(one, Ok(Registered::New(_))));
    let refused = registered.iter().filter(|one| matches!(one, Ok(Registered::KeyInUse)));
    assert_eq!((new.count(), refused.count()), (1, ROUNDS - 1), "{registered:?}");
}

/// One device's key for decisions is never another one's session key.
pub async fn of_registrations_that_cross_their_keys_one_gets_them(store: &dyn Storage) {
    for round in 0..ROUNDS {
        let (one, other) = (format!("a{round}"), format!("b{round}"));
        let mut crossed = new_device(&other, "bob");
        if let Some(crossed) = &mut crossed.keys {
            crossed.uv_thumbprint = format!("{one}-pop");
        }
        let (straight, crossed) = join(
            store.register_device(new_device(&one, "ada")),
            store.register_device(crossed),
        )
        .await;
        let both = [straight.unwrap(), crossed.unwrap()];
        let new = both.iter().filter(|one| matches!(one, Registered::New(_)));
        assert_eq!(new.count(), 1, "{both:?}");
    }
}
