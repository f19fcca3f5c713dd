use countersign::{
    domain::AuthRequestState,
    storage::{AddClient, Decided, Redeemed, Storage},
};
use countersign_protocol::{ClientId, Handle, PromptState};

use crate::sample::{
    DEADLINE, NOW, access, ada_and_the_shop, approve, ask_ada, client, redemption, refresh, request_id,
};

pub async fn a_client_reads_back_as_it_was_added(store: &dyn Storage) {
    for id in ["shop", "bank"] {
        assert_eq!(store.add_client(client(id)).await.unwrap(), AddClient::Added);
    }
    assert_eq!(store.add_client(client("shop")).await.unwrap(), AddClient::Taken);
    assert_eq!(
        store.find_client(&ClientId::from("shop")).await.unwrap(),
        Some(client("shop"))
    );
    assert_eq!(store.find_client(&ClientId::from("Shop")).await.unwrap(), None);
    assert_eq!(
        store.list_clients().await.unwrap(),
        [client("bank"), client("shop")],
        "by id"
    );
}

pub async fn a_removed_client_loses_its_grants_and_its_questions(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["redeemed", "approved", "waiting"] {
        ask_ada(store, handle).await;
    }
    store.decide(approve("redeemed", "j1")).await.unwrap();
    store.decide(approve("approved", "j2")).await.unwrap();
    store.redeem(redemption("redeemed", "1")).await.unwrap();
    assert!(store.remove_client(&ClientId::from("shop"), NOW + 3000).await.unwrap());
    assert!(!store.remove_client(&ClientId::from("shop"), NOW + 3000).await.unwrap());

    for token in [access("1").hash, refresh("1").hash] {
        assert_eq!(
            store.find_token(token, NOW + 3000).await.unwrap(),
            None,
            "V-002: removed after redemption"
        );
    }
    let blocked = store.redeem(redemption("approved", "2")).await.unwrap();
    assert!(
        !matches!(blocked, Redeemed::Granted { .. }),
        "V-002: removed after approval: {blocked:?}"
    );
    let waiting = store.find_prompt(&Handle::from("waiting")).await.unwrap().unwrap();
    assert_eq!(waiting.view_at(NOW + 3000).state, PromptState::Cancelled);
    assert_eq!(
        waiting.seq, 6,
        "R-145: devices hear of it: three opened, two decided, one cancelled"
    );
    let late = store.decide(approve("waiting", "j3")).await.unwrap();
    assert!(
        matches!(late, Decided::Settled(_)),
        "V-002: removed after start: {late:?}"
    );
}

///
pub async fn a_question_that_was_over_stays_so_when_its_client_is_removed(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "over").await;
    store.remove_client(&ClientId::from("shop"), DEADLINE).await.unwrap();
    let over = store.find_prompt(&Handle::from("over")).await.unwrap().unwrap();
    let view = over.view_at(DEADLINE);
    assert_eq!(
        (view.state, view.settled_at),
        (PromptState::Expired, Some(DEADLINE)),
        "R-144: devices and clients that heard so heard the truth"
    );
    let request = store.find_auth_request(request_id("over")).await.unwrap().unwrap();
    assert_eq!(request.state, AuthRequestState::Expired);
}

pub async fn a_client_that_takes_a_removed_ones_id_inherits_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "approved").await;
    ask_ada(store, "redeemed").await;
    store.decide(approve("approved", "j1")).await.unwrap();
    store.decide(approve("redeemed", "j2")).await.unwrap();
    store.redeem(redemption("redeemed", "1")).await.unwrap();
    store.remove_client(&ClientId::from("shop"), NOW + 3000).await.unwrap();
    store.add_client(client("shop")).await.unwrap();
    let refused = store.redeem(redemption("approved", "2")).await.unwrap();
    assert!(matches!(refused, Redeemed::Refused { .. }), "{refused:?}");
    let request = store.find_auth_request(request_id("approved")).await.unwrap().unwrap();
    assert_eq!(request.state, AuthRequestState::Denied);
    assert_eq!(store.find_token(access("1").hash, NOW + 3000).await.unwrap(), None);
}
