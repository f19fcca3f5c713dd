use countersign::{
    domain::AuthRequestState,
    storage::{Storage, Swept},
};
use countersign_protocol::{Handle, PromptState};

use crate::sample::{
    DEADLINE, NOW, READABLE_UNTIL, access, ada_and_the_shop, approve, ask_ada, mistype, person, redemption, refresh,
    request_id,
};

///
pub async fn overdue_prompts_are_settled_as_of_their_deadline(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["a", "b", "decided"] {
        ask_ada(store, handle).await;
    }
    store.decide(approve("decided", "j")).await.unwrap();
    assert_eq!(store.expire_prompts(DEADLINE - 1, 10).await.unwrap(), []);
    let swept = |handle: &str| Swept {
        account: person("ada"),
        handle: Handle::from(handle),
    };
    let first = store.expire_prompts(DEADLINE, 1).await.unwrap();
    let second = store.expire_prompts(DEADLINE + 7000, 10).await.unwrap();
    assert_eq!([first, second].concat(), [swept("a"), swept("b")], "each once");
    for handle in ["a", "b"] {
        let prompt = store.find_prompt(&Handle::from(handle)).await.unwrap().unwrap();
        let settlement = prompt.settlement.unwrap();
        assert_eq!(
            (settlement.view.state, settlement.view.settled_at),
            (PromptState::Expired, Some(DEADLINE))
        );
        let request = store.find_auth_request(request_id(handle)).await.unwrap().unwrap();
        assert_eq!(request.state, AuthRequestState::Expired);
    }
    assert_eq!(store.last_seq(&person("ada")).await.unwrap(), 6);
}

pub async fn sweeping_prompts_deletes_what_is_old_and_nothing_else(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["old", "mistyped", "waiting"] {
        ask_ada(store, handle).await;
    }
    store.decide(approve("old", "j")).await.unwrap();
    store.mismatch(mistype("mistyped", "1")).await.unwrap();
    store.mismatch(mistype("mistyped", "2")).await.unwrap();
    assert_eq!(
        store.sweep_prompts(NOW + 500, NOW, 10).await.unwrap(),
        0,
        "strictly before"
    );
    assert_eq!(
        store.sweep_prompts(NOW + 9000, NOW, 1).await.unwrap(),
        1,
        "at most the limit"
    );
    assert_eq!(store.sweep_prompts(NOW + 9000, NOW, 10).await.unwrap(), 1);
    assert_eq!(store.find_prompt(&Handle::from("old")).await.unwrap(), None);
    assert!(store.find_prompt(&Handle::from("waiting")).await.unwrap().is_some());
    assert!(
        store.find_auth_request(request_id("old")).await.unwrap().is_some(),
        "still to be redeemed"
    );
    assert_eq!(store.sweep_prompts(NOW, READABLE_UNTIL, 10).await.unwrap(), 3);
    assert_eq!(store.find_auth_request(request_id("old")).await.unwrap(), None);
}

pub async fn sweeping_grants_deletes_what_is_over_and_nothing_else(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store.decide(approve("h", "j")).await.unwrap();
    store.redeem(redemption("h", "1")).await.unwrap();
    let (access_over, refresh_over) = (access("1").expires_at, refresh("1").expires_at);
    assert_eq!(store.sweep_grants(access_over - 1, 10).await.unwrap(), 0);
    assert_eq!(
        store.sweep_grants(access_over, 10).await.unwrap(),
        1,
        "the access token; the family has another"
    );
    assert!(
        store
            .find_token(refresh("1").hash, access_over)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        store.sweep_grants(refresh_over, 10).await.unwrap(),
        2,
        "the refresh token and the family"
    );
    assert_eq!(store.sweep_grants(refresh_over, 10).await.unwrap(), 0);
}
