use countersign::storage::Storage;
use futures_util::future::join_all;

use crate::sample::NOW;

pub async fn what_was_seen_is_not_new_again_until_it_is_swept(store: &dyn Storage) {
    assert!(store.remember_once("dpop", "key", "jti", NOW + 10).await.unwrap());
    assert!(!store.remember_once("dpop", "key", "jti", NOW + 99).await.unwrap());
    assert!(store.remember_once("dpop", "other key", "jti", NOW + 10).await.unwrap());
    assert!(store.remember_once("assertion", "key", "jti", NOW + 20).await.unwrap());
    assert_eq!(store.sweep_replay(NOW + 9, 10).await.unwrap(), 0);
    assert_eq!(store.sweep_replay(NOW + 10, 1).await.unwrap(), 1, "at most the limit");
    assert_eq!(store.sweep_replay(NOW + 10, 10).await.unwrap(), 1);
    assert!(!store.remember_once("assertion", "key", "jti", NOW + 20).await.unwrap());
    assert!(store.remember_once("dpop", "key", "jti", NOW + 10).await.unwrap());
}

pub async fn of_a_hundred_parallel_sightings_one_is_new(store: &dyn Storage) {
    let sightings = (0..100).map(|_| store.remember_once("dpop", "key", "jti", NOW));
    let new = join_all(sightings)
        .await
        .into_iter()
        .filter(|seen| *seen.as_ref().unwrap());
    assert_eq!(new.count(), 1);
}
