//! What one signature says can never be taken for something else.

use countersign::{domain::AuthRequestState, storage::Prompts as _};
use countersign_jose::b64;
use countersign_protocol::Handle;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;

use crate::{
    device_actor::{By, TestDevice},
    device_world::{START, World},
};

/// A signed decision, what it was made for, and the request object it is about.
struct Made {
    handle: Handle,
    request: String,
    decision: String,
}

/// Swaps the payload of a token for one with `name` replaced, keeping header and signature.
fn with_claim(token: &str, name: &str, value: &Value) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&b64::decode(parts[1]).unwrap()).unwrap();
    if claims.get(name) == Some(value) {
        return String::new();
    }
    claims[name] = value.clone();
    [parts[0], &b64::encode(claims.to_string()), parts[2]].join(".")
}

fn claim(token: &str, name: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&b64::decode(payload).unwrap()).unwrap();
    claims[name].clone()
}

/// Two people with a device each; for each of them two requests, and for each request an approval and a denial.
async fn make(world: &std::sync::Arc<World>) -> (Vec<TestDevice>, Vec<Made>) {
    world.add_client("bank").await;
    let (mut devices, mut made) = (Vec::new(), Vec::new());
    for person in ["anna", "ben"] {
        let device = TestDevice::registered(world, person).await;
        for client in ["shop", "bank"] {
            let id = format!("{person}-{client}");
            let handle = world.ask_as(client, person, World::show("m"), &id).await;
            let request = device.request_object(&handle).await;
            for (dec, by) in [("approve", By::Uv), ("deny", By::Pop)] {
                made.push(Made {
                    decision: device.sign_decision(&device.decision(&handle, &request, dec), by),
                    handle: handle.clone(),
                    request: request.clone(),
                });
            }
        }
        devices.push(device);
    }
    (devices, made)
}

/// Proves S-025, V-012, V-014, V-015.
#[test]
fn no_swap_of_claims_or_parts_turns_one_decision_into_another() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::new());
    let (devices, made) = runtime.block_on(make(&world));
    let names = ["iss", "aud", "iat", "exp", "jti", "req", "rh", "dec", "uv", "reason"];
    let swap = (0..made.len(), 0..made.len(), 0..made.len(), 0..=names.len());
    let mut runner = TestRunner::new(Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(&swap, |(own, other, path, name)| {
            let (own, other, path) = (&made[own], &made[other], &made[path]);
            let decision = match names.get(name) {
                Some(name) => with_claim(&own.decision, name, &claim(&other.decision, name)),
                // Everything as it was signed, but together with another request object or at another address.
                None => own.decision.clone(),
            };
            let request = &other.request;
            let untouched = name == names.len() && own.request == *request && own.handle == path.handle;
            prop_assume!(!untouched);
            let answer = runtime.block_on(devices[0].send_decision(&path.handle, request, &decision));
            prop_assert_eq!(answer.status.as_u16(), 400, "S-025: {}", answer.json());
            prop_assert_eq!(answer.code(), "invalid_decision", "S-025");
            Ok(())
        })
        .unwrap();
    for made in &made {
        let prompt = runtime
            .block_on(world.storage.find_prompt(&made.handle))
            .unwrap()
            .unwrap();
        assert!(!prompt.view_at(START).state.is_final(), "S-025: nothing changed");
    }
    let request = runtime.block_on(world.auth_request("anna-shop"));
    assert_eq!(request.state, AuthRequestState::Pending);
}

/// Proves S-023, V-014, V-015: every kind of token where a decision belongs, and a decision where every other belongs.
#[tokio::test]
async fn a_token_of_another_kind_is_no_decision_and_a_decision_is_no_other_token() {
    let world = World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    let handle = world.ask("anna", World::show("m")).await;
    let request = device.request_object(&handle).await;
    let claims = device.decision(&handle, &request, "approve");
    let typs = [
        "countersign-request+jwt",
        "countersign-key+jwt",
        "countersign-key-rotation+jwt",
        "countersign-keys+jwt",
        "dpop+jwt",
        "JWT",
        "",
    ];
    for typ in typs {
        let token = device.uv.sign(typ, &claims).unwrap();
        let answer = device.send_decision(&handle, &request, &token).await;
        assert_eq!(answer.code(), "invalid_decision", "V-015: {typ}");
    }
    let signed = device.sign_decision(&claims, By::Uv);
    let (_, rest) = signed.split_once('.').unwrap();
    let (payload, signature) = rest.split_once('.').unwrap();
    for alg in ["none", "None", "HS256", "RS256", "ES384", ""] {
        let header = serde_json::json!({"alg": alg, "typ": "countersign-decision+jwt", "kid": device.uv.kid()});
        for signature in ["", signature] {
            let token = [&b64::encode(header.to_string()), payload, signature].join(".");
            let answer = device.send_decision(&handle, &request, &token).await;
            assert_eq!(answer.code(), "invalid_decision", "S-023: alg {alg:?}");
        }
    }
    let embedded = device.uv.sign_with_jwk("countersign-decision+jwt", &claims).unwrap();
    let answer = device.send_decision(&handle, &request, &embedded).await;
    assert_eq!(
        answer.code(),
        "invalid_decision",
        "V-014: a key in the header counts for nothing"
    );
    let decision = device.sign_decision(&claims, By::Uv);
    for token in [world.sign_id_token(&claims), request.clone(), device.token.clone()] {
        let answer = device.send_decision(&handle, &request, &token).await;
        assert_eq!(answer.code(), "invalid_decision", "V-015");
    }
    let answer = device.call_with("GET", "/ad/v1/requests", Some(&decision), None).await;
    answer.refused(401, "invalid_token");
    let session = serde_json::json!({"device_session": decision}).to_string();
    let answer = device.call_with("POST", "/ad/v1/session", None, Some(session)).await;
    answer.refused(401, "invalid_session");
    let statement = serde_json::json!({"statement": decision});
    let answer = device.call("PUT", "/ad/v1/keys", Some(statement)).await;
    answer.refused(400, "invalid_statement");
    let mut body = device.registration("anna");
    for (member, code) in [("uv_proof", "invalid_key_proof"), ("id_token_hint", "invalid_id_token")] {
        let good = body[member].clone();
        body[member] = decision.clone().into();
        assert_eq!(device.register(&body).await.code(), code, "V-015: {member}");
        body[member] = good;
    }
}
