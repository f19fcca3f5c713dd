//! Authorization details and resources: from the request to the token, as the client wrote them.

use countersign::{
    domain::{Client, RequestRules},
    storage::AuthRequests as _,
};
use countersign_clock::Clock as _;
use countersign_jose::Algorithm;
use countersign_protocol::{DetailsWords, MemberLabel};
use serde_json::json;

use crate::{
    op_browser::{exchange, open},
    op_calling::{Calling, LOOPBACK, TOKEN},
    op_push::pushed,
    op_receiver::Says,
    op_signed::{SignedRequest, sign_bytes, signing_shop},
    op_world::{Answer, SECRET, World, basic, shop},
};

/// Two types, one of which the shop may not ask for.
pub const TYPES: &str = r#"
[op]
resources = ["https://api.example/", "urn:example:ledger"]

[op.authorization_details.transfer]
title = "Move units"
first = ["/units"]
labels = { "/units" = "Units" }
schema = '''{
    "required": ["type", "units"],
    "properties": { "units": { "type": "number", "maximum": 12345678901234567890 }, "note": { "maxLength": 20 }, "ä": { "const": 1 } },
    "propertyNames": { "pattern": "^[a-z\u00e4]*$" }
}'''

[op.authorization_details.deploy]
title = "Deploy"
schema = {}
"#;

/// Spaces, order, digits and escapes that a reader would lose.
pub const SENT: &str = r#"[{"units":12345678901234567890,"type":"transfer", "fee":12.10,"note":"\u00e4 b"},{ "type":"transfer","units":1E+2}]"#;

pub async fn world() -> World {
    let world = World::with(TYPES).await;
    world.add_client(payer("payer")).await;
    world
}

pub fn payer(id: &str) -> Client {
    Client {
        requests: RequestRules {
            details_types: vec!["transfer".to_owned()],
            resources: vec!["https://own.example/a?b".to_owned()],
            ..RequestRules::default()
        },
        ..shop(id)
    }
}

/// What stands in `answer` as authorization details, to the byte.
#[track_caller]
fn granted(answer: &Answer) -> bool {
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.contains(&format!("\"authorization_details\":{SENT}"))
}

async fn ask(world: &World, more: &[(&str, &str)]) -> Answer {
    let form = [
        &[("scope", "openid payment offline_access"), ("login_hint", "anna")],
        more,
    ]
    .concat();
    world.post_as("payer", "/bc-authorize", &form).await
}

#[tokio::test]
async fn what_a_client_wrote_is_what_the_person_sees_and_what_the_token_says() {
    let world = world().await;
    let answer = ask(&world, &[("authorization_details", SENT)]).await;
    assert_eq!(answer.status, 200, "R-268: {}", answer.body);
    let details = world.trigger.seen.lock().unwrap()[0].details.clone().unwrap();
    assert_eq!(
        details.details.text(),
        SENT,
        "R-268, R-141: what the person is shown, to the byte"
    );
    let words = DetailsWords {
        kind: "transfer".to_owned(),
        title: "Move units".to_owned(),
        labels: vec![MemberLabel {
            at: "/units".to_owned(),
            text: "Units".to_owned(),
        }],
        first: vec!["/units".to_owned()],
    };
    assert_eq!(
        details.words,
        [words],
        "B-09, R-141: in the operator's words, once a type"
    );
    world.approve().await;
    let id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
    let poll = [("grant_type", countersign_protocol::CIBA_GRANT), ("auth_req_id", &id)];
    let tokens = world.post_as("payer", "/token", &poll).await;
    assert!(granted(&tokens), "R-268: the token response: {}", tokens.body);
    let token = |answer: &Answer, name: &str| answer.json()[name].as_str().unwrap().to_owned();
    let access = token(&tokens, "access_token");
    let facts = world.post_as("payer", "/introspect", &[("token", &access)]).await;
    assert!(granted(&facts), "R-268: introspection: {}", facts.body);
    let refresh = token(&tokens, "refresh_token");
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let fresh = world.post_as("payer", "/token", &form).await;
    assert!(granted(&fresh), "R-268: after a refresh: {}", fresh.body);
}

/// Proves R-100, R-268: in a signed request they are JSON, and every byte of it is what was signed.
#[tokio::test]
async fn a_signed_request_carries_them_to_the_byte() {
    let world = world().await;
    let (signing, key) = signing_shop("signing", Algorithm::Es256);
    let mut client = payer("signing");
    client.jwks = signing.jwks;
    client.requests.signing_alg = signing.requests.signing_alg;
    world.add_client(client).await;
    let request =
        SignedRequest::of(&world, "signing").with("resource", json!(["urn:example:ledger", "https://own.example/a?b"]));
    let payload = request.claims().to_string();
    let payload = format!("{},\"authorization_details\":{SENT}}}", payload.trim_end_matches('}'));
    let header = json!({"alg": "ES256", "typ": "oauth-authz-req+jwt"}).to_string();
    let answer = world.ask_signed("signing", &sign_bytes(&key, &header, &payload)).await;
    assert_eq!(answer.status, 200, "R-100, R-268: {}", answer.body);
    let seen = world.trigger.seen.lock().unwrap()[0].details.clone().unwrap();
    assert_eq!(seen.details.text(), SENT, "R-100, R-268");
    world.approve().await;
    let id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
    let poll = [("grant_type", countersign_protocol::CIBA_GRANT), ("auth_req_id", &id)];
    assert!(granted(&world.post_as("signing", "/token", &poll).await), "R-268");
}

/// Proves R-268: a client that is called is told so too, also when it is called again with what was kept sealed meanwhile.
#[tokio::test]
async fn pushed_tokens_say_what_was_granted() {
    let types = TYPES.replacen("[op]\n", "[op]\ndelivery_modes = [\"push\"]\n", 1);
    let client = |endpoint: &str| Client {
        requests: payer("pushed").requests,
        ..pushed(endpoint)
    };
    let calling = Calling::with(client, &[Says::Status(500)], &format!("{LOOPBACK}{types}")).await;
    let form = [
        ("scope", "openid"),
        ("login_hint", "anna"),
        ("client_notification_token", TOKEN),
        ("authorization_details", SENT),
    ];
    let answer = calling.world.post_as("pushed", "/bc-authorize", &form).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    calling.world.approve().await;
    calling.paid().await;
    let calls = calling.receiver.calls();
    assert_eq!(calls.len(), 2, "the first call failed");
    for call in calls {
        assert!(
            call.body.contains(&format!("\"authorization_details\":{SENT}")),
            "R-268: {}",
            call.body
        );
    }
}

#[tokio::test]
async fn without_details_nothing_says_a_word_of_them() {
    let world = world().await;
    let id = ask(&world, &[("authorization_details", "[]")]).await.json()["auth_req_id"].clone();
    assert!(
        world.trigger.seen.lock().unwrap()[0].details.is_none(),
        "R-268: an empty array is none"
    );
    world.approve().await;
    let poll = [
        ("grant_type", countersign_protocol::CIBA_GRANT),
        ("auth_req_id", id.as_str().unwrap()),
    ];
    let tokens = world.post_as("payer", "/token", &poll).await.json();
    assert!(tokens["access_token"].is_string());
    assert!(tokens.get("authorization_details").is_none(), "R-268: {tokens}");
}

#[tokio::test]
async fn the_browser_shows_them_and_the_code_carries_them() {
    let world = world().await;
    let redirect = "https://shop.example/cb";
    let changes = [
        ("client_id", "payer"),
        ("redirect_uri", redirect),
        ("authorization_details", SENT),
        ("resource", "urn:example:ledger"),
    ];
    let page = open(&world, &changes).await;
    let body = page.answer.body.clone();
    for shown in [
        "Move units",
        "Units",
        "12345678901234567890",
        "12.10",
        "\u{e4} b",
        "1E+2",
    ] {
        assert!(body.contains(shown), "R-268: the page shows {shown}: {body}");
    }
    let again = page.submit(&world, "anna", "wrong").await;
    assert!(again.body.contains("12345678901234567890"), "R-268: and shows it again");
    let code = page.sign_in(&world).await;
    let secret = basic("payer", SECRET);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", redirect),
        ("code_verifier", crate::op_browser::VERIFIER),
    ];
    let tokens = world.form("/token", &[("authorization", &secret)], &form).await;
    assert!(granted(&tokens), "R-268: {}", tokens.body);
    let plain = open(&world, &[]).await.sign_in(&world).await;
    let tokens = exchange(&world, &plain, &[]).await;
    assert!(!tokens.body.contains("authorization_details"), "R-268: {}", tokens.body);
}

#[tokio::test]
async fn resources_are_kept_in_their_order_each_once() {
    let world = world().await;
    let resources = [
        ("resource", "urn:example:ledger"),
        ("resource", "https://own.example/a?b"),
        ("resource", "urn:example:ledger"),
    ];
    let answer = ask(&world, &resources).await;
    assert_eq!(answer.status, 200, "R-069: {}", answer.body);
    let id = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
    let id = countersign::domain::AuthRequestId(countersign_jose::digest::sha256(&id));
    let request = world.storage.find_auth_request(id).await.unwrap().unwrap();
    assert_eq!(
        request.extras.resources,
        ["urn:example:ledger", "https://own.example/a?b"],
        "R-069: RFC 8707 section 2"
    );
    assert!(request.expires_at > world.clock.now());
}

#[tokio::test]
async fn a_token_request_stays_within_what_was_granted() {
    let world = world().await;
    let asked = [
        ("authorization_details", SENT),
        ("resource", "urn:example:ledger"),
        ("resource", "https://api.example/"),
    ];
    let id = ask(&world, &asked).await.json()["auth_req_id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.approve().await;
    let poll = [
        ("grant_type", countersign_protocol::CIBA_GRANT),
        ("auth_req_id", id.as_str()),
    ];
    for (more, code) in [
        (&[("resource", "https://own.example/a?b")][..], "invalid_target"),
        (
            &[("authorization_details", r#"[{"type":"transfer","units":101}]"#)],
            "invalid_authorization_details",
        ),
        (&[("authorization_details", "{")], "invalid_authorization_details"),
        (
            &[("authorization_details", r#"[{"type":"transfer","units":1e2}]"#)],
            "invalid_authorization_details",
        ),
    ] {
        let refused = world.post_as("payer", "/token", &[&poll[..], more].concat()).await;
        refused.refused(400, code, &format!("R-268, R-069: {more:?}"));
    }
    let all = [
        ("resource", "https://api.example/"),
        ("resource", "urn:example:ledger"),
        ("authorization_details", r#"[{"type":"transfer","units":1E+2}]"#),
    ];
    let tokens = world.post_as("payer", "/token", &[&poll[..], &all].concat()).await;
    assert!(
        granted(&tokens),
        "R-268: what was refused changed nothing: {}",
        tokens.body
    );
    let refresh = tokens.json()["refresh_token"].as_str().unwrap().to_owned();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
    let other = [&form[..], &[("resource", "urn:example:other")]].concat();
    let refused = world.post_as("payer", "/token", &other).await;
    refused.refused(400, "invalid_target", "R-069: a refresh changes nothing of that");
    assert!(granted(&world.post_as("payer", "/token", &form).await), "R-268");
}
