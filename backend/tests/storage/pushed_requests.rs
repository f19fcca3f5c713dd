use countersign::{
    domain::{PushedRequest, TokenHash},
    storage::Storage,
};
use countersign_protocol::ClientId;
use futures_util::future::join_all;

use crate::sample::{NOW, hash};

fn pushed(of: &str) -> PushedRequest {
    PushedRequest {
        hash: TokenHash(hash(of)),
        client_id: ClientId::from("shop"),
        params: vec![
            ("state".to_owned(), "\"\u{e4} ".to_owned()),
            ("nonce".to_owned(), String::new()),
        ],
        expires_at: NOW + 60_000,
    }
}

///
pub async fn a_pushed_request_is_taken_once_by_its_client_in_time(store: &dyn Storage) {
    let request = pushed("one");
    store.add_pushed(request.clone()).await.unwrap();
    let (shop, bank) = (ClientId::from("shop"), ClientId::from("bank"));
    let unknown = store.take_pushed(TokenHash([9; 32]), &shop, NOW).await.unwrap();
    assert_eq!(unknown, None);
    let of_another = store.take_pushed(request.hash, &bank, NOW).await.unwrap();
    assert_eq!(of_another, None, "R-266: bound to its client");
    let late = store
        .take_pushed(request.hash, &shop, request.expires_at)
        .await
        .unwrap();
    assert_eq!(late, None, "R-266: short-lived");
    let taken = store.take_pushed(request.hash, &shop, NOW).await.unwrap();
    assert_eq!(taken, Some(request.clone()), "none of this used it up");
    let again = store.take_pushed(request.hash, &shop, NOW).await.unwrap();
    assert_eq!(again, None, "R-266: one-time");
}

///
pub async fn of_a_hundred_browsers_one_brings_the_pushed_request(store: &dyn Storage) {
    let request = pushed("one");
    store.add_pushed(request.clone()).await.unwrap();
    let shop = ClientId::from("shop");
    let taken = join_all((0..100).map(|_| store.take_pushed(request.hash, &shop, NOW))).await;
    let got = taken.iter().filter(|taken| taken.as_ref().unwrap().is_some());
    assert_eq!(got.count(), 1, "R-266: one-time");
}

pub async fn pushed_requests_that_nobody_brought_are_swept(store: &dyn Storage) {
    let (one, other) = (pushed("one"), pushed("other"));
    store.add_pushed(one.clone()).await.unwrap();
    store.add_pushed(other).await.unwrap();
    assert_eq!(store.sweep_pushed(one.expires_at - 1, 10).await.unwrap(), 0);
    assert_eq!(
        store.sweep_pushed(one.expires_at, 1).await.unwrap(),
        1,
        "at most the limit"
    );
    assert_eq!(store.sweep_pushed(one.expires_at, 10).await.unwrap(), 1);
}
