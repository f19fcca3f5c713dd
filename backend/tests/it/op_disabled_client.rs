//! A client that the operator switched off. Proves V-002.

use countersign::{
    domain::Client,
    storage::{Clients as _, Replacement},
};
use countersign_clock::Clock as _;
use countersign_protocol::{CIBA_GRANT, ClientId};

use crate::{
    op_browser::request,
    op_world::{World, encode},
};

impl World {
    async fn switch(&self, id: &str, disabled: bool) {
        let before = self.storage.find_client(&ClientId::from(id)).await.unwrap().unwrap();
        let after = Client {
            disabled,
            ..before.clone()
        };
        let now = self.clock.now();
        self.storage
            .replace_client(Replacement { before, after, now })
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_disabled_client_is_refused_everywhere() {
    let world = World::new().await;
    let waiting = world.start(&[]).await;
    world.switch("shop", true).await;
    let ask = [("scope", "openid"), ("login_hint", "anna")];
    let poll = [("grant_type", CIBA_GRANT), ("auth_req_id", &waiting)];
    let token = [("token", "x")];
    for (path, form) in [
        ("/bc-authorize", &ask[..]),
        ("/token", &poll),
        ("/introspect", &token),
        ("/revoke", &token),
    ] {
        let refused = world.post(path, form).await;
        refused.refused(401, "invalid_client", "V-002: disabled after start");
        let unknown = world.post_as("nobody", path, form).await;
        assert_eq!(refused.body, unknown.body, "V-002: as if there were no such client");
    }
    let shop = request(&[("client_id", "shop"), ("redirect_uri", "https://shop.example/cb")]);
    let pairs: Vec<(&str, &str)> = shop.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let page = world.get(&format!("/authorize?{}", encode(&pairs))).await;
    assert_eq!(page.status, 400, "V-002: no sign-in for it");
    world.switch("shop", false).await;
    world
        .poll(&waiting)
        .await
        .refused(400, "access_denied", "R-145: what waited was cancelled");
}

#[tokio::test]
async fn what_a_disabled_client_was_given_is_worth_nothing_meanwhile() {
    let world = World::new().await;
    let ask = [("scope", "openid profile offline_access"), ("login_hint", "anna")];
    let asked = world.post("/bc-authorize", &ask).await.json();
    let redeemed = asked["auth_req_id"].as_str().unwrap();
    world.approve().await;
    let tokens = world.poll(redeemed).await.json();
    let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access, refresh) = (token("access_token"), token("refresh_token"));
    let approved = world.start(&[]).await;
    world.approve().await;
    let userinfo = async || {
        let header = format!("Bearer {access}");
        world.form("/userinfo", &[("authorization", &header)], &[]).await.status
    };
    assert_eq!(userinfo().await, 200);
    world.switch("shop", true).await;
    assert_eq!(userinfo().await, 401, "V-002: disabled after redemption");
    let refreshed = [("grant_type", "refresh_token"), ("refresh_token", &refresh)];
    world
        .post("/token", &refreshed)
        .await
        .refused(401, "invalid_client", "V-002: disabled before refresh");
    world
        .poll(&approved)
        .await
        .refused(401, "invalid_client", "V-002: disabled after approval");
    world.switch("shop", false).await;
    assert_eq!(userinfo().await, 200, "back with its client");
    assert_eq!(world.poll(&approved).await.status, 200);
}
