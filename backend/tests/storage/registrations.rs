use countersign::{
    domain::{AuthRequestState, Client, Invitation, TokenHash},
    storage::{
        AddClient, Redeemed, RefreshUse, ReplaceClient, Replacement, Rotation, SelfRegistered, SelfRegistration,
        Storage,
    },
};
use countersign_protocol::{ClientId, Handle, PromptState};
use futures_util::future::join_all;

use crate::sample::{NOW, access, ada_and_the_shop, approve, ask_ada, client, hash, redemption, refresh, request_id};

pub fn invitation(name: &str, uses_left: u32) -> Invitation {
    Invitation {
        hash: TokenHash(hash(name)),
        name: name.to_owned(),
        created_at: NOW,
        expires_at: NOW + 60_000,
        uses_left,
    }
}

fn registration(id: &str, invited: Option<&str>) -> SelfRegistration {
    SelfRegistration {
        client: client(id),
        invitation: invited.map(|name| TokenHash(hash(name))),
        most: 100,
        now: NOW + 1000,
    }
}

fn disabled(id: &str) -> Client {
    Client {
        disabled: true,
        ..client(id)
    }
}

fn replacement(before: Client, after: Client) -> Replacement {
    Replacement {
        before,
        after,
        now: NOW + 3000,
    }
}

pub async fn a_client_is_replaced_by_who_saw_it_last(store: &dyn Storage) {
    let renamed = Client {
        name: "Another name".to_owned(),
        ..client("shop")
    };
    let replace = async |before: &Client, after: &Client| {
        store
            .replace_client(replacement(before.clone(), after.clone()))
            .await
            .unwrap()
    };
    assert_eq!(replace(&client("shop"), &renamed).await, ReplaceClient::Unknown);
    store.add_client(client("shop")).await.unwrap();
    assert_eq!(
        replace(&renamed, &client("shop")).await,
        ReplaceClient::Changed,
        "R-263: nobody undoes what they have not seen"
    );
    assert_eq!(replace(&client("shop"), &renamed).await, ReplaceClient::Replaced);
    assert_eq!(
        store.find_client(&ClientId::from("shop")).await.unwrap(),
        Some(renamed.clone())
    );
    assert_eq!(
        replace(&client("shop"), &disabled("shop")).await,
        ReplaceClient::Changed
    );
    assert_eq!(store.list_clients().await.unwrap(), [renamed]);
}

/// V-002.
pub async fn a_disabled_client_has_nothing_as_long_as_it_is_disabled(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["redeemed", "approved", "waiting"] {
        ask_ada(store, handle).await;
    }
    store.decide(approve("redeemed", "j1")).await.unwrap();
    store.decide(approve("approved", "j2")).await.unwrap();
    store.redeem(redemption("redeemed", "1")).await.unwrap();
    store
        .replace_client(replacement(client("shop"), disabled("shop")))
        .await
        .unwrap();

    for token in [access("1").hash, refresh("1").hash] {
        let found = store.find_token(token, NOW + 3000).await.unwrap();
        assert_eq!(found, None, "V-002: disabled after redemption");
    }
    let rotation = || Rotation {
        token: refresh("1").hash,
        client_id: ClientId::from("shop"),
        confirmation: refresh("1").confirmation,
        access: access("2"),
        next: refresh("2"),
        now: NOW + 3000,
    };
    assert_eq!(
        store.rotate_refresh(rotation()).await.unwrap(),
        RefreshUse::Refused,
        "V-002: disabled before refresh"
    );
    let blocked = store.redeem(redemption("approved", "3")).await.unwrap();
    assert_eq!(blocked, Redeemed::Blocked, "V-002: disabled after approval");
    let waiting = store.find_prompt(&Handle::from("waiting")).await.unwrap().unwrap();
    assert_eq!(
        waiting.view_at(NOW + 3000).state,
        PromptState::Cancelled,
        "V-002: disabled after start"
    );
    let request = store.find_auth_request(request_id("waiting")).await.unwrap().unwrap();
    assert_eq!(request.state, AuthRequestState::Denied);

    store
        .replace_client(replacement(disabled("shop"), client("shop")))
        .await
        .unwrap();
    assert!(
        store.find_token(access("1").hash, NOW + 3000).await.unwrap().is_some(),
        "back with its client"
    );
    assert!(matches!(
        store.rotate_refresh(rotation()).await.unwrap(),
        RefreshUse::Granted(_)
    ));
    let granted = store.redeem(redemption("approved", "3")).await.unwrap();
    assert!(matches!(granted, Redeemed::Granted { .. }), "{granted:?}");
}

pub async fn an_invitation_is_good_for_its_uses_and_its_time(store: &dyn Storage) {
    assert!(store.add_invitation(invitation("two", 2)).await.unwrap());
    assert!(
        !store
            .add_invitation(Invitation {
                hash: TokenHash(hash("x")),
                ..invitation("two", 2)
            })
            .await
            .unwrap(),
        "the name is taken"
    );
    let register = async |id: &str, invited: &str, now| {
        let registration = SelfRegistration {
            now,
            ..registration(id, Some(invited))
        };
        store.register_client(registration).await.unwrap()
    };
    assert_eq!(register("a", "unknown", NOW).await, SelfRegistered::NotInvited, "R-261");
    assert_eq!(
        register("a", "two", NOW + 60_000).await,
        SelfRegistered::NotInvited,
        "R-261: it is over"
    );
    assert_eq!(register("a", "two", NOW).await, SelfRegistered::Added);
    assert_eq!(
        register("a", "two", NOW).await,
        SelfRegistered::Taken,
        "and no use of it is lost"
    );
    assert_eq!(store.list_invitations(NOW).await.unwrap(), [invitation("two", 1)]);
    assert_eq!(register("b", "two", NOW).await, SelfRegistered::Added);
    assert_eq!(
        register("c", "two", NOW).await,
        SelfRegistered::NotInvited,
        "R-261: it is used up"
    );
    assert_eq!(store.list_invitations(NOW).await.unwrap(), []);
    assert!(
        store.add_invitation(invitation("two", 1)).await.unwrap(),
        "its name is free"
    );
    assert!(store.remove_invitation("two").await.unwrap());
    assert!(!store.remove_invitation("two").await.unwrap());
    assert_eq!(
        register("c", "two", NOW).await,
        SelfRegistered::NotInvited,
        "it was taken back"
    );
    let later = Invitation {
        created_at: NOW + 60_000,
        expires_at: NOW + 90_000,
        ..invitation("later", 1)
    };
    store.add_invitation(invitation("early", 1)).await.unwrap();
    store.add_invitation(later.clone()).await.unwrap();
    assert_eq!(store.list_invitations(NOW).await.unwrap(), [later], "what is over goes");
}

pub async fn of_parallel_registrations_as_many_are_added_as_were_invited(store: &dyn Storage) {
    store.add_invitation(invitation("three", 3)).await.unwrap();
    let ids: Vec<String> = (0..20).map(|number| format!("client{number}")).collect();
    let registered = join_all(
        ids.iter()
            .map(|id| store.register_client(registration(id, Some("three")))),
    )
    .await;
    let added = registered
        .into_iter()
        .filter(|one| matches!(one, Ok(SelfRegistered::Added)));
    assert_eq!(added.count(), 3, "R-261: an invitation for three");
    assert_eq!(store.list_clients().await.unwrap().len(), 3);
}

pub async fn there_are_only_so_many_clients_that_registered_themselves(store: &dyn Storage) {
    store.add_client(client("shop")).await.unwrap();
    let register = async |id: &str| {
        let registration = SelfRegistration {
            most: 2,
            ..registration(id, None)
        };
        store.register_client(registration).await.unwrap()
    };
    assert_eq!(
        register("a").await,
        SelfRegistered::Added,
        "the operator's own do not count"
    );
    assert_eq!(register("shop").await, SelfRegistered::Taken);
    assert_eq!(register("b").await, SelfRegistered::Added);
    assert_eq!(register("c").await, SelfRegistered::Full);
    assert_eq!(store.add_client(client("bank")).await.unwrap(), AddClient::Added);
    assert!(store.remove_client(&ClientId::from("a"), NOW).await.unwrap());
    assert_eq!(register("c").await, SelfRegistered::Added, "one has made room");
}
