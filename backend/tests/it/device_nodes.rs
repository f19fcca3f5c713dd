//! Calls of one device at several nodes that share a store.

use axum::{Router, body::Body};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::{
    device_actor::TestDevice,
    device_world::{Answer, World},
};

const PATH: &str = "/ad/v1/requests";

/// Sends a proof to `node`; the device learns the nonce from the answer.
async fn send(node: &Router, device: &TestDevice, proof: &str) -> Answer {
    let request = axum::http::Request::get(PATH)
        .header("authorization", format!("DPoP {}", device.token))
        .header("dpop", proof)
        .body(Body::empty())
        .unwrap();
    let (parts, body) = node.clone().oneshot(request).await.unwrap().into_parts();
    let answer = Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes().to_vec(),
    };
    device.learn_nonce(&answer);
    answer
}

fn proof(device: &TestDevice) -> String {
    device.prove(&device.proof_claims("GET", PATH, Some(&device.token)))
}

/// Proves S-027: a proof that one node took is refused by all, and the nonce of one is good for the others.
#[tokio::test]
async fn a_proof_is_used_once_among_all_nodes() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let (one, other) = (world.node(), world.node());
    send(&one, &device, &proof(&device))
        .await
        .refused(401, "use_dpop_nonce");
    let used = proof(&device);
    assert_eq!(send(&one, &device, &used).await.status, 200);
    send(&other, &device, &used).await.refused(401, "invalid_dpop_proof");
    send(&one, &device, &used).await.refused(401, "invalid_dpop_proof");
    assert_eq!(
        send(&other, &device, &proof(&device)).await.status,
        200,
        "S-027: the other node takes a nonce that this one told"
    );
    let restarted = world.node();
    send(&restarted, &device, &used)
        .await
        .refused(401, "invalid_dpop_proof");
}
