use countersign::{
    domain::{Account, NewAccount},
    storage::{AddAccount, HintMatch, Storage},
};
use countersign_protocol::Subject;

use crate::sample::{account, add_account};

async fn named(store: &dyn Storage, attributes: &[&str], value: &str) -> Option<String> {
    let attributes: Vec<String> = attributes.iter().map(|&attribute| attribute.to_owned()).collect();
    match store.find_by_hint(&attributes, value).await.unwrap() {
        HintMatch::Nobody => None,
        HintMatch::One(account) => Some(account.sub.to_string()),
        HintMatch::Several => Some("several".to_owned()),
    }
}

pub async fn a_hint_finds_by_the_attributes_it_may_use_and_compares_exactly(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    add_account(store, account("bob")).await;
    let ada = Some("ada".to_owned());
    assert_eq!(named(store, &["id"], "ada").await, ada);
    assert_eq!(named(store, &["username"], "ada-login").await, ada);
    assert_eq!(named(store, &["email", "id"], "ada@example.org").await, ada);
    assert_eq!(
        named(store, &["id", "username"], "ada@example.org").await,
        None,
        "not by what is not allowed"
    );
    assert_eq!(named(store, &["email"], "Ada@example.org").await, None, "exactly");
    assert_eq!(named(store, &["email"], "ada@example.org ").await, None, "exactly");
    assert_eq!(named(store, &[], "ada").await, None);
}

pub async fn a_hint_that_names_two_people_is_told_apart(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    let bob = Account {
        username: "ada@example.org".to_owned(),
        ..account("bob")
    };
    add_account(store, bob).await;
    assert_eq!(
        named(store, &["email", "username"], "ada@example.org").await,
        Some("several".to_owned())
    );
    assert_eq!(
        named(store, &["email", "email"], "ada@example.org").await,
        Some("ada".to_owned()),
        "one person twice is one"
    );
}

pub async fn an_attribute_names_one_person(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    let ada = store.find_account(&Subject::from("ada")).await.unwrap().unwrap();
    for (attribute, copied) in [
        (
            "id",
            Account {
                sub: ada.sub.clone(),
                ..account("bob")
            },
        ),
        (
            "username",
            Account {
                username: ada.username.clone(),
                ..account("bob")
            },
        ),
        (
            "email",
            Account {
                attributes: ada.attributes.clone(),
                ..account("bob")
            },
        ),
    ] {
        let refused = store.add_account(NewAccount { account: copied }).await.unwrap();
        assert_eq!(
            refused,
            AddAccount::Taken {
                attribute: attribute.to_owned()
            }
        );
    }
    let people = store.list_accounts().await.unwrap();
    assert_eq!(people.len(), 1, "nothing is left of those that were refused");
    assert_eq!(people[0].attributes, account("ada").attributes);
    assert_eq!(people[0].password_hash, account("ada").password_hash);
}

pub async fn a_disabled_account_is_found_and_says_so(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    assert!(store.set_account_disabled("ada-login", true).await.unwrap());
    assert!(!store.set_account_disabled("nobody", true).await.unwrap());
    assert!(
        store
            .find_account_by_username("ada-login")
            .await
            .unwrap()
            .unwrap()
            .disabled
    );
    let HintMatch::One(found) = store.find_by_hint(&["id".to_owned()], "ada").await.unwrap() else {
        panic!("a disabled person is found: the caller decides what that means");
    };
    assert!(found.disabled);
    assert!(store.set_account_disabled("ada-login", false).await.unwrap());
    assert!(
        !store
            .find_account_by_username("ada-login")
            .await
            .unwrap()
            .unwrap()
            .disabled
    );
}
