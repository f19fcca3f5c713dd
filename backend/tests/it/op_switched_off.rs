//! What a person or a client was given is worth nothing once they are switched off, however far it had got.

use countersign::{
    domain::Client,
    storage::{Accounts as _, Clients as _, Devices as _, Replacement},
};
use countersign_clock::Clock as _;
use countersign_protocol::{CIBA_GRANT, DeviceId};

use serde_json::json;

use crate::{
    op_prover::{text, userinfo},
    op_world::{DEVICE, World, anna},
};

/// How far a request had got.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Approved,
    Redeemed,
    Refreshed,
}

/// Who is switched off.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Off {
    Person,
    Device,
    Client,
    /// Disabled, and not removed.
    Disabled,
    /// It may not ask for the name any more.
    Scope,
}

async fn switch_off(world: &World, off: Off) {
    let now = world.clock.now();
    match off {
        Off::Person => {
            world.storage.set_account_disabled("anna", true).await.unwrap();
        }
        Off::Device => {
            let device = DeviceId::new(DEVICE);
            world.storage.revoke_device(&anna(), &device, now).await.unwrap();
        }
        Off::Client => {
            world.storage.remove_client(&"shop".into(), now).await.unwrap();
        }
        Off::Disabled => change(world, |client| client.disabled = true).await,
        Off::Scope => change(world, |client| client.scopes.retain(|scope| scope != "profile")).await,
    }
}

async fn change(world: &World, change: impl FnOnce(&mut Client)) {
    let before = world.storage.find_client(&"shop".into()).await.unwrap().unwrap();
    let mut after = before.clone();
    change(&mut after);
    let now = world.clock.now();
    let replacement = Replacement { before, after, now };
    world.storage.replace_client(replacement).await.unwrap();
}

async fn refresh(world: &World, token: &str) -> crate::op_world::Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    world.post("/token", &form).await
}

/// Proves V-002.
#[tokio::test]
async fn whoever_is_switched_off_takes_everything_along() {
    for off in [Off::Person, Off::Device, Off::Client, Off::Disabled, Off::Scope] {
        for stage in [Stage::Approved, Stage::Redeemed, Stage::Refreshed] {
            let why = format!("V-002: {off:?} after {stage:?}");
            let world = World::new().await;
            let asked = [("scope", "openid profile offline_access"), ("login_hint", "anna")];
            let started = world.post("/bc-authorize", &asked).await.json();
            let id = text(&started, "auth_req_id");
            world.approve().await;
            let mut tokens = None;
            if stage != Stage::Approved {
                tokens = Some(world.poll(&id).await.json());
            }
            if stage == Stage::Refreshed {
                let token = text(tokens.as_ref().unwrap(), "refresh_token");
                tokens = Some(refresh(&world, &token).await.json());
            }
            switch_off(&world, off).await;
            let (status, code) = match off {
                Off::Client | Off::Disabled => (401, "invalid_client"),
                Off::Person | Off::Device | Off::Scope => (400, "invalid_grant"),
            };
            let Some(tokens) = tokens else {
                let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
                world.post("/token", &form).await.refused(status, code, &why);
                continue;
            };
            refresh(&world, &text(&tokens, "refresh_token"))
                .await
                .refused(status, code, &why);
            let access = text(&tokens, "access_token");
            let answer = userinfo(&world, &format!("Bearer {access}"), &[]).await;
            if off == Off::Scope {
                assert_eq!(
                    answer.json(),
                    json!({"sub": "sub-anna"}),
                    "{why}: the name is not told any more"
                );
                continue;
            }
            answer.refused(401, "invalid_token", &why);
            if status == 400 {
                let seen = world.post("/introspect", &[("token", &access)]).await;
                assert_eq!(seen.json()["active"], false, "{why}");
            }
        }
    }
}
