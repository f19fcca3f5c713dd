//! Races that an attacker would start on purpose, many times over: each has one winner, and everything that is stored agrees about who it is.

use countersign::{
    domain::AuthRequestState,
    storage::{Decided, Redeemed, Storage},
};
use countersign_protocol::{ClientId, Handle, PromptState};
use futures_util::future::{join, join_all, join3};

use crate::sample::{
    DEADLINE, NOW, access, ada_and_the_shop, approve, ask_ada, client, deny, opening, person, receipt, redemption,
    request_id,
};

/// V-010, a test of every store: 50 at once, 20 times.
pub async fn each_time_many_redeem_one_is_granted(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for round in 0..20 {
        let handle = format!("h{round}");
        ask_ada(store, &handle).await;
        store.decide(approve(&handle, &handle)).await.unwrap();
        let of = |n: usize| format!("{handle}-{n}");
        let answers = join_all((0..50).map(|n| store.redeem(redemption(&handle, &of(n))))).await;
        let granted: Vec<usize> = (0..50)
            .filter(|n| matches!(answers[*n].as_ref().unwrap(), Redeemed::Granted { .. }))
            .collect();
        assert_eq!(granted.len(), 1, "V-010: round {round}");
        for n in 0..50 {
            let token = store.find_token(access(&of(n)).hash, NOW + 2000).await.unwrap();
            assert_eq!(
                token.is_some(),
                granted == [n],
                "V-010: round {round}: the tokens of the winner alone"
            );
        }
    }
}

/// V-011, a test of every store: approval, denial, expiry, and either a newer request or the removal of the client, all at once.
pub async fn whatever_meets_a_request_it_has_one_end(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let shop = ClientId::from("shop");
    for round in 0..200 {
        let (handle, no, newer) = (format!("h{round}"), format!("no{round}"), format!("n{round}"));
        ask_ada(store, &handle).await;
        let mut asking_anew = opening(&newer, "ada");
        asking_anew.supersede = true;
        let removes = round % 10 == 0;
        let others = async {
            if removes {
                assert!(store.remove_client(&shop, NOW).await.unwrap());
            } else {
                store.open(asking_anew).await.unwrap();
            }
        };
        let approval = store.decide(approve(&handle, &handle));
        let denial = store.decide(deny(&handle, &no));
        // The order in which they are sent changes, so that each comes first now and then.
        let (approved, denied) = match round % 3 {
            0 => {
                let rest = join(store.expire_prompts(DEADLINE, 10), others);
                let (approved, denied, _) = join3(approval, denial, rest).await;
                (approved, denied)
            }
            1 => {
                let rest = join(others, store.expire_prompts(DEADLINE, 10));
                let (denied, approved, _) = join3(denial, approval, rest).await;
                (approved, denied)
            }
            _ => {
                let rest = join(others, store.expire_prompts(DEADLINE, 10));
                let (_, denied, approved) = join3(rest, denial, approval).await;
                (approved, denied)
            }
        };
        let (approved, denied) = (approved.unwrap(), denied.unwrap());
        let recorded = |decided: &Decided| matches!(decided, Decided::Recorded(_));
        let prompt = store
            .find_prompt(&Handle::from(handle.as_str()))
            .await
            .unwrap()
            .unwrap();
        let state = prompt.view_at(NOW + 1000).state;
        let why = format!("V-011: round {round}: {state:?}, approval {approved:?}, denial {denied:?}");
        assert!(state.is_final(), "{why}");
        assert_eq!(recorded(&approved), state == PromptState::Approved, "{why}");
        assert_eq!(recorded(&denied), state == PromptState::Denied, "{why}");
        let history = store.history(&person("ada"), i64::MAX, 1000).await.unwrap();
        let entry = history
            .into_iter()
            .find(|(prompt, ..)| prompt.handle.as_str() == handle);
        let proof = entry.and_then(|(_, receipt, _)| receipt);
        let due = match state {
            PromptState::Approved => Some(receipt(&handle)),
            PromptState::Denied => Some(receipt(&no)),
            _ => None,
        };
        assert_eq!(proof, due, "the receipt is the winner's: {why}");
        let request = store.find_auth_request(request_id(&handle)).await.unwrap();
        let redeemed = store.redeem(redemption(&handle, &handle)).await.unwrap();
        let granted = matches!(redeemed, Redeemed::Granted { .. });
        if removes {
            assert!(!granted, "a client that is gone gets nothing: {why}");
            store.add_client(client("shop")).await.unwrap();
        } else {
            let approved = matches!(request.unwrap().state, AuthRequestState::Approved(_));
            assert_eq!(
                (approved, granted),
                (state == PromptState::Approved, approved),
                "request and prompt agree: {why}"
            );
        }
        store.expire_prompts(DEADLINE, 10).await.unwrap();
    }
}
