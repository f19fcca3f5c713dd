//! What a request asks of its approval beyond the operator's own rule, and what its client reported.

use countersign::{domain::AuthRequestState, op::Triggered};
use countersign_jose::b64;
use serde_json::{Value, json};

use crate::{
    device_actor::{By, TestDevice},
    device_world::World,
};

const OPTIONAL: &str = "[consent]\nuser_verification = \"optional\"";

/// Proves: a class that needs verification cannot be approved without it, where nobody else would need it.
#[tokio::test]
async fn what_needs_verification_is_not_approved_without_it() {
    let world = World::with(OPTIONAL).await;
    let device = TestDevice::registered(&world, "anna").await;
    let strict = Triggered {
        needs_user_verification: true,
        acr_values: Some("urn:countersign:acr:device-verified".to_owned()),
        ..world.triggered("shop", "anna", World::show("W4SCT"), "id-1")
    };
    let handle = world.ask_for(strict).await;
    let request = device.request_object(&handle).await;
    let shown: Value = serde_json::from_slice(&b64::decode(request.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(shown["policy"]["uv"], "required", "R-204: the device is told");
    let mut claims = device.decision(&handle, &request, "approve");
    claims.as_object_mut().unwrap().remove("uv");
    for by in [By::Pop, By::Uv] {
        let answer = device.submit(&handle, &request, &claims, by).await;
        answer.refused(403, "uv_required");
    }
    assert_eq!(
        world.auth_request("id-1").await.state,
        AuthRequestState::Pending,
        "R-204: nothing was approved"
    );
    assert_eq!(device.approve(&handle).await.status, 200, "R-140");
    let AuthRequestState::Approved(approval) = world.auth_request("id-1").await.state else {
        panic!("the approval is recorded");
    };
    assert_eq!(
        approval.acr.0, "urn:countersign:acr:device-verified",
        "R-204, R-205: what was asked for was met"
    );
}

/// Proves R-207, S-021: the person sees what the client reported, as what it reported.
#[tokio::test]
async fn what_the_client_reported_reaches_the_device() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let context = json!({"reported": {"device": "Firefox 143 on Windows", "ip": "203.0.113.7"}});
    let reported = Triggered {
        context: Some(context.clone()),
        ..world.triggered("shop", "anna", World::show("W4SCT"), "id-1")
    };
    let handle = world.ask_for(reported).await;
    let request = device.request_object(&handle).await;
    let shown: Value = serde_json::from_slice(&b64::decode(request.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(shown["context"], context, "R-207, S-021");
    assert_eq!(device.approve(&handle).await.status, 200);
}
