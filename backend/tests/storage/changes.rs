use countersign::{
    domain::AccountKey,
    storage::{PersonMark, Storage},
};
use countersign_protocol::{DeviceId, Handle};

use crate::sample::{self, DEADLINE, NOW, ada_and_the_shop, approve, ask_ada, person};

async fn mark(store: &dyn Storage, sub: &str) -> PersonMark {
    let people = [person("nobody"), person(sub)];
    let marks = store.person_marks(&people).await.unwrap();
    let found = marks.into_iter().find(|(account, _)| *account == people[1]);
    found.unwrap().1
}

pub async fn the_mark_of_a_person_changes_with_whatever_their_streams_have_to_know(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    let mut marks = vec![mark(store, "ada").await];
    ask_ada(store, "one").await;
    marks.push(mark(store, "ada").await);
    store.decide(approve("one", "jti")).await.unwrap();
    marks.push(mark(store, "ada").await);
    ask_ada(store, "two").await;
    marks.push(mark(store, "ada").await);
    store.expire_prompts(DEADLINE, 10).await.unwrap();
    marks.push(mark(store, "ada").await);
    let devices = store.list_devices(&person("ada")).await.unwrap();
    let revoked = store.revoke_device(&person("ada"), &devices[0].id, NOW).await;
    assert!(revoked.unwrap());
    marks.push(mark(store, "ada").await);
    assert!(store.set_account_disabled("ada-login", true).await.unwrap());
    marks.push(mark(store, "ada").await);
    for (at, mark) in marks.iter().enumerate() {
        assert!(!marks[..at].contains(mark), "{at}: {marks:?}");
    }
    assert_eq!(mark(store, "ada").await, marks[6], "and with nothing else");
}

pub async fn marks_tell_people_of_different_issuers_apart(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "one").await;
    let elsewhere = AccountKey {
        iss: "https://elsewhere.example".to_owned(),
        ..person("ada")
    };
    let odd = person("o'dd \"name\" \\ with, [commas]");
    let mut device = sample::new_device("odd", "ada");
    device.account = odd.clone();
    device.id = DeviceId::new("odd");
    sample::register(store, device).await;
    store.revoke_device(&odd, &DeviceId::new("odd"), NOW).await.unwrap();
    let people = [person("ada"), elsewhere.clone(), odd.clone()];
    let marks = store.person_marks(&people).await.unwrap();
    let of = |account: &AccountKey| marks.iter().find(|(found, _)| found == account).unwrap().1;
    assert_eq!((of(&people[0]).seq, of(&elsewhere).seq), (1, 0));
    assert_eq!((of(&odd).revoked, of(&people[0]).revoked), (1, 0));
    assert!(store.person_marks(&[]).await.unwrap().is_empty());
}

pub async fn of_many_requests_those_that_are_settled_are_found(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["one", "two", "three"] {
        let mut opening = sample::opening(handle, "ada");
        opening.supersede = false;
        store.open(opening).await.unwrap();
    }
    let all = ["one", "two", "three", "unknown"].map(Handle::new);
    assert!(store.settled_among(&all).await.unwrap().is_empty());
    store.decide(approve("one", "1")).await.unwrap();
    store.decide(sample::deny("three", "3")).await.unwrap();
    let mut settled = store.settled_among(&all).await.unwrap();
    settled.sort();
    assert_eq!(settled, ["one", "three"].map(Handle::new));
    assert!(store.settled_among(&[]).await.unwrap().is_empty());
}
