//! What a person or a client was given is worth nothing once they are switched off, however far it had got.

use countersign::storage::{Accounts as _, Clients as _, Devices as _};
use countersign_clock::Clock as _;
use countersign_protocol::{CIBA_GRANT, DeviceId};

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
    }
}

async fn refresh(world: &World, token: &str) -> crate::op_world::Answer {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    world.post("/token", &form).await
}

/// Proves V-002.
#[tokio::test]
async fn whoever_is_switched_off_takes_everything_along() {
    for off in [Off::Person, Off::Device, Off::Client] {
        for stage in [Stage::Approved, Stage::Redeemed, Stage::Refreshed] {
            let why = format!("V-002: {off:?} after {stage:?}");
            let world = World::new().await;
            let asked = [("scope", "openid offline_access"), ("login_hint", "anna")];
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
            let code = if off == Off::Client {
                "invalid_client"
            } else {
                "invalid_grant"
            };
            let status = if off == Off::Client { 401 } else { 400 };
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
            answer.refused(401, "invalid_token", &why);
            if off != Off::Client {
                let seen = world.post("/introspect", &[("token", &access)]).await;
                assert_eq!(seen.json()["active"], false, "{why}");
            }
        }
    }
}
