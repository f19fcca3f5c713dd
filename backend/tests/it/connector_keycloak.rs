//! What a realm of Keycloak hands over, who can decide it, and what the realm is told.

use countersign::{
    domain::Payment,
    storage::{Connectors as _, Outbox as _, Prompts as _},
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::{Delivery, PromptState};
use serde_json::{Value, json};

use crate::{
    connector_provider::Heard,
    connector_world::{AtRealm, body},
    device_actor::{By, TestDevice},
};

#[tokio::test]
async fn an_approval_is_told_to_the_realm_under_its_own_token() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::Ps512, Algorithm::EdDsa] {
        let at = AtRealm::signing(algorithm).await;
        let device = at.device("anna-uuid").await;
        let bearer = at.realm.bearer(&at.claims());
        assert_eq!(at.hand_over(&bearer, &body()).await.status, 201);
        let listed = device.call("GET", "/ad/v1/requests", None).await.json();
        let handle = listed["requests"][0]["handle"].as_str().unwrap().into();
        let object = device.request_object(&handle).await;
        let shown: Value =
            serde_json::from_slice(&countersign_jose::b64::decode(object.split('.').nth(1).unwrap()).unwrap()).unwrap();
        assert_eq!(
            (&shown["op"], &shown["op_title"]),
            (&json!(at.realm.issuer), &json!("Acme"))
        );
        assert_eq!(shown["client"], json!({"id": "shop", "name": "Acme Shop"}));
        assert_eq!(shown["scopes"], json!([{"name": "profile", "text": "See your name"}]));
        assert_eq!(shown["match"]["message"], "W4SCT");
        let decided = device.approve(&handle).await;
        assert_eq!(decided.json()["delivery"], "owed", "{}", decided.json());
        at.world.clock.advance(200);
        assert_eq!(at.pay().await, Payment::Done);
        let told = Heard {
            authorization: format!("Bearer {bearer}"),
            body: json!({"status": "SUCCEED"}),
        };
        assert_eq!(at.realm.heard(), [told], "{algorithm}");
        assert_eq!(at.settled(&handle).await.delivery, Some(Delivery::Done));
        let history = device.call("GET", "/ad/v1/history", None).await.json();
        assert_eq!(history["entries"][0]["delivery"], "done");
    }
}

#[tokio::test]
async fn a_denial_is_told_and_an_expiry_is_not() {
    let at = AtRealm::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask().await;
    device.deny(&handle).await;
    at.world.clock.advance(200);
    assert_eq!(at.pay().await, Payment::Done);
    assert_eq!(at.realm.heard()[0].body, json!({"status": "UNAUTHORIZED"}));
    let other = AtRealm::new().await;
    let handle = other.ask().await;
    other.world.clock.advance(121_000);
    other.world.consent.settle_deadlines().await.unwrap();
    assert_eq!(
        other.settled(&handle).await.state,
        PromptState::Expired,
        "the token's `exp` is the deadline"
    );
    assert_eq!(other.pay().await, Payment::Done);
    assert_eq!(other.realm.heard(), [], "Keycloak knows by itself");
}

/// V-013, S-092: only a realm of ours, with a token that it made for handing over now, gets a question asked.
#[tokio::test]
async fn a_forged_token_hands_nothing_over() {
    let at = AtRealm::new().await;
    let device = at.device("anna-uuid").await;
    let stranger = SigningKey::generate(Algorithm::Rs256).unwrap();
    let kid = at.realm.key.kid().to_owned();
    let mut forged = vec![
        stranger.sign("JWT", &at.claims()).unwrap(),
        stranger.sign_with_jwk("JWT", &at.claims()).unwrap(),
        at.realm.key.sign("refresh+jwt", &at.claims()).unwrap(),
        format!(
            "{}.{}.",
            none_header(&kid),
            at.realm.bearer(&at.claims()).split('.').nth(1).unwrap()
        ),
        String::new(),
        "opaque".to_owned(),
    ];
    let now = at.world.clock.now() / 1000;
    for (claim, value) in [
        ("iss", json!("https://sso.evil.example/realms/acme")),
        ("aud", json!("account")),
        ("aud", json!([at.realm.issuer, "account"])),
        ("typ", json!("Refresh")),
        ("typ", json!("ID")),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("iat", json!(now + 60)),
        ("jti", json!("")),
        ("sub", json!("")),
        ("azp", json!("")),
        ("jti", Value::Null),
    ] {
        let mut claims = at.claims();
        claims[claim] = value;
        forged.push(at.realm.bearer(&claims));
    }
    for bearer in forged {
        let answer = at.hand_over(&bearer, &body()).await;
        answer.refused(401, "invalid_signature");
    }
    let id_token = at.realm.id_token("anna-uuid", "n", at.world.clock.now());
    at.hand_over(&id_token, &body()).await.refused(401, "invalid_signature");
    let listed = device.call("GET", "/ad/v1/requests", None).await.json();
    assert_eq!(listed["requests"], json!([]), "V-013: nobody is asked anything");
}

fn none_header(kid: &str) -> String {
    countersign_jose::b64::encode(json!({"alg": "none", "typ": "JWT", "kid": kid}).to_string())
}

/// V-013: the same token again is the same question, and a stolen one cannot change what the person reads.
#[tokio::test]
async fn a_replayed_token_asks_nobody_again() {
    let at = AtRealm::new().await;
    let device = at.device("anna-uuid").await;
    let bearer = at.realm.bearer(&at.claims());
    let handle = at.ask().await;
    assert_eq!(
        at.hand_over(&bearer, &body()).await.status,
        201,
        "a lost answer is given again"
    );
    let mut other = body();
    other["binding_message"] = json!("EVIL");
    at.hand_over(&bearer, &other).await.refused(409, "conflict");
    let mut claims = at.claims();
    claims["exp"] = json!(at.world.clock.now() / 1000 + 100);
    at.hand_over(&at.realm.bearer(&claims), &body())
        .await
        .refused(409, "conflict");
    let listed = device.call("GET", "/ad/v1/requests", None).await.json();
    assert_eq!(listed["requests"].as_array().unwrap().len(), 1, "V-013");
    device.approve(&handle).await;
    assert_eq!(at.hand_over(&bearer, &body()).await.status, 201);
    let listed = device.call("GET", "/ad/v1/requests", None).await.json();
    assert_eq!(listed["requests"], json!([]), "V-013: what is decided stays decided");
    at.world.clock.advance(121_000);
    at.hand_over(&bearer, &body()).await.refused(401, "invalid_signature");
}

/// V-012, S-092: a request for somebody else is never listed, and a decision for somebody else never taken.
#[tokio::test]
async fn only_the_person_that_the_realm_names_can_decide() {
    let at = AtRealm::new().await;
    let anna = at.device("anna-uuid").await;
    let handle = at.ask().await;
    let object = anna.request_object(&handle).await;
    let local = TestDevice::registered(&at.world, "anna").await;
    for somebody in [&at.device("ben-uuid").await, &local] {
        let listed = somebody.call("GET", "/ad/v1/requests", None).await.json();
        assert_eq!(listed["requests"], json!([]), "V-012");
        let path = format!("/ad/v1/requests/{}", handle.as_str());
        somebody.call("GET", &path, None).await.refused(404, "not_found");
        let claims = somebody.decision(&handle, &object, "approve");
        let answer = somebody.submit(&handle, &object, &claims, By::Uv).await;
        answer.refused(400, "invalid_decision");
    }
    assert_eq!(at.settled(&handle).await.state, PromptState::Pending, "V-012, S-092");
    assert_eq!(anna.approve(&handle).await.status, 200);
}

/// S-092: Keycloak deletes a request that is told of twice, so after a call that may have been heard there is none.
#[tokio::test]
async fn nothing_is_told_twice_when_it_may_have_been_heard() {
    for status in [500, 502, 504, 400] {
        let at = AtRealm::new().await;
        let device = at.device("anna-uuid").await;
        let handle = at.ask().await;
        device.approve(&handle).await;
        at.world.clock.advance(200);
        at.realm.says(&[status]);
        assert!(matches!(at.pay().await, Payment::Unclear { .. }), "S-092: {status}");
        at.world.clock.advance(60_000);
        assert_eq!(at.claim().await, [], "S-092: never again by itself");
        let settled = at.settled(&handle).await;
        assert_eq!(
            (settled.state, settled.delivery),
            (PromptState::Failed, Some(Delivery::Unclear))
        );
        let dead = at.world.storage.dead_debts(10).await.unwrap();
        assert!(
            dead[0].error.contains(&status.to_string()),
            "the operator reads why: {}",
            dead[0].error
        );
        let [mark] = &at.world.storage.connector_marks().await.unwrap()[..] else {
            panic!("one connector")
        };
        assert!(mark.failed_at.is_some() && mark.told_at.is_none() && mark.dead == 1);
    }
}

/// The store-after-201 race: Keycloak does not know the request yet.
#[tokio::test]
async fn an_unknown_request_is_told_again_for_a_while_after_it_was_handed_over() {
    let at = AtRealm::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask().await;
    device.approve(&handle).await;
    assert_eq!(at.claim().await, [], "not before the realm can know");
    at.world.clock.advance(200);
    at.realm.says(&[403, 503, 200]);
    assert!(matches!(at.pay().await, Payment::Retry { .. }), "not yet");
    at.world.clock.advance(250);
    assert!(matches!(at.pay().await, Payment::Retry { .. }), "not ready");
    assert_eq!(at.settled(&handle).await.delivery, Some(Delivery::Owed));
    at.world.clock.advance(1000);
    assert_eq!(at.pay().await, Payment::Done);
    let late = AtRealm::new().await;
    let device = late.device("anna-uuid").await;
    let handle = late.ask().await;
    late.world.clock.advance(11_000);
    late.realm.says(&[403]);
    device.approve(&handle).await;
    assert!(matches!(late.pay().await, Payment::Dead { .. }), "unknown for good");
    assert_eq!(
        late.settled(&handle).await.state,
        PromptState::Failed,
        "never shown as success"
    );
}

/// S-092: a crash after the mark counts as a call that may have been heard.
#[tokio::test]
async fn a_worker_that_died_while_telling_leaves_it_unclear() {
    let at = AtRealm::new().await;
    let device = at.device("anna-uuid").await;
    let handle = at.ask().await;
    device.approve(&handle).await;
    at.world.clock.advance(200);
    let [debt] = &at.claim().await[..] else {
        panic!("one debt is due")
    };
    assert!(at.world.storage.mark_telling(&debt.id, &debt.lease).await.unwrap());
    at.world.clock.advance(20_000);
    assert!(matches!(at.pay().await, Payment::Unclear { .. }), "S-092");
    assert_eq!(at.realm.heard(), [], "S-092");
    assert_eq!(at.settled(&handle).await.delivery, Some(Delivery::Unclear));
}

#[tokio::test]
async fn what_cannot_be_shown_is_refused_by_name() {
    let at = AtRealm::new().await;
    for (member, value) in [
        ("binding_message", json!("\u{202e}evil")),
        ("scope", json!(["openid"])),
        ("acr_values", json!(7)),
    ] {
        let mut body = body();
        body[member] = value;
        let answer = at.hand_over(&at.realm.bearer(&at.claims()), &body).await;
        answer.refused(400, "invalid_body");
        assert_eq!(answer.field(), member);
    }
    let prompt = at
        .world
        .storage
        .find_prompt(&countersign::connectors::handle_of("acme", "request-1"))
        .await;
    assert_eq!(prompt.unwrap(), None, "bad input changes nothing");
}
