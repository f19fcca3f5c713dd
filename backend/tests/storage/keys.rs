use countersign::{
    domain::{KeyPurpose, KeyState, StoredKey},
    storage::Storage,
};
use countersign_jose::Algorithm;
use futures_util::future::join_all;

use crate::sample::NOW;

fn key(kid: &str, purpose: KeyPurpose, age: i64) -> StoredKey {
    StoredKey {
        kid: kid.to_owned(),
        purpose,
        state: KeyState::Next,
        sealed: vec![0, 255, 7],
        public_jwk: "{}".to_owned(),
        created_at: NOW + age,
        state_since: NOW + age,
        announcement: (purpose == KeyPurpose::RequestObject).then(|| "a.b.c".to_owned()),
    }
}

async fn states(store: &dyn Storage) -> Vec<(String, KeyState)> {
    let keys = store.list_keys().await.unwrap();
    keys.into_iter().map(|key| (key.kid, key.state)).collect()
}

pub async fn the_first_key_signs_and_the_next_one_waits(store: &dyn Storage) {
    let purpose = KeyPurpose::RequestObject;
    assert!(store.add_key(key("one", purpose, 0)).await.unwrap());
    assert!(store.add_key(key("two", purpose, 1)).await.unwrap());
    assert!(
        !store.add_key(key("three", purpose, 2)).await.unwrap(),
        "one is waiting already"
    );
    assert!(
        store
            .add_key(key("id", KeyPurpose::IdToken(Algorithm::Es256), 3))
            .await
            .unwrap(),
        "another purpose"
    );
    let expected = [
        ("one", KeyState::Active),
        ("two", KeyState::Next),
        ("id", KeyState::Active),
    ];
    assert_eq!(
        states(store).await,
        expected.map(|(kid, state)| (kid.to_owned(), state))
    );
    let first = store.list_keys().await.unwrap().remove(0);
    assert_eq!(
        (first.purpose, first.sealed, first.announcement),
        (purpose, vec![0, 255, 7], Some("a.b.c".to_owned()))
    );
}

/// Nodes that start together each find that there is no key, and make the first.
pub async fn of_first_keys_that_meet_one_is_stored(store: &dyn Storage) {
    let purpose = KeyPurpose::IdToken(Algorithm::Es256);
    let first = |n: usize| StoredKey {
        state: KeyState::Active,
        ..key(&format!("k{n}"), purpose, 0)
    };
    let added = join_all((0..6).map(|n| store.add_key(first(n)))).await;
    let stored = added.iter().filter(|added| *added.as_ref().unwrap());
    assert_eq!(stored.count(), 1);
    let states: Vec<_> = states(store).await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states, [KeyState::Active]);
}

pub async fn promotion_retires_the_key_before_and_retired_ones_are_dropped(store: &dyn Storage) {
    let purpose = KeyPurpose::IdToken(Algorithm::Rs256);
    store.add_key(key("one", purpose, 0)).await.unwrap();
    assert!(
        !store.promote_key(purpose, NOW + 5, NOW + 5).await.unwrap(),
        "nothing waits"
    );
    assert_eq!(states(store).await, [("one".to_owned(), KeyState::Active)]);
    store.add_key(key("two", purpose, 1)).await.unwrap();
    assert!(
        !store.promote_key(purpose, NOW, NOW + 10).await.unwrap(),
        "it is not published long enough"
    );
    assert_eq!(states(store).await[1], ("two".to_owned(), KeyState::Next));
    assert!(store.promote_key(purpose, NOW + 1, NOW + 10).await.unwrap());
    let expected = [
        ("one".to_owned(), KeyState::Retiring),
        ("two".to_owned(), KeyState::Active),
    ];
    assert_eq!(states(store).await, expected);
    assert!(
        store
            .list_keys()
            .await
            .unwrap()
            .iter()
            .all(|key| key.state_since == NOW + 10)
    );
    assert_eq!(
        store.drop_retired_keys(NOW + 10).await.unwrap(),
        0,
        "retiring since then, not before"
    );
    assert_eq!(store.drop_retired_keys(NOW + 11).await.unwrap(), 1);
    assert_eq!(states(store).await, [("two".to_owned(), KeyState::Active)]);
}

/// S-013: devices that were away need the announcements between the key they know and the one that signs.
pub async fn of_a_dropped_request_key_the_announcement_stays(store: &dyn Storage) {
    let purpose = KeyPurpose::RequestObject;
    for (kid, at) in [("one", 0), ("two", 10), ("three", 20)] {
        store.add_key(key(kid, purpose, at)).await.unwrap();
        store.promote_key(purpose, NOW + at, NOW + at).await.unwrap();
    }
    assert_eq!(store.drop_retired_keys(NOW + 30).await.unwrap(), 2);
    let expected = [
        ("one".to_owned(), KeyState::Dropped),
        ("two".to_owned(), KeyState::Dropped),
        ("three".to_owned(), KeyState::Active),
    ];
    assert_eq!(states(store).await, expected);
    let keys = store.list_keys().await.unwrap();
    for dropped in keys.iter().filter(|key| key.state == KeyState::Dropped) {
        assert_eq!(dropped.sealed, Vec::<u8>::new(), "the private half is gone");
        assert_eq!(dropped.announcement.as_deref(), Some("a.b.c"), "S-013");
    }
    assert_eq!(store.drop_retired_keys(NOW + 40).await.unwrap(), 0, "dropped once");
}
