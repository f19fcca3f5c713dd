//! Signed authentication requests: who signs, with what, and what stands in them.

use countersign::op::AUTHENTICATION_PARAMETERS;
use countersign_jose::{Algorithm, SigningKey, b64};
use serde_json::{Value, json};

use crate::{
    op_signed::{SignedRequest, sign_bytes, signing_shop, signing_with},
    op_world::World,
};

/// A key of each algorithm; RSA keys are dear, so there is one.
fn keys() -> Vec<SigningKey> {
    let rsa = SigningKey::generate(Algorithm::Rs256).unwrap();
    let key = |algorithm: &Algorithm| match algorithm.as_str().get(..2) {
        Some("RS" | "PS") => SigningKey::from_pkcs8(*algorithm, rsa.to_pkcs8()).unwrap(),
        _ => SigningKey::generate(*algorithm).unwrap(),
    };
    Algorithm::ALL.iter().map(key).collect()
}

/// Proves R-004, R-016, R-090 and G-01, G-04: each algorithm that is offered works for clients that registered it, and no other does.
#[tokio::test]
async fn requests_are_signed_as_the_client_registered() {
    let world = World::new().await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let offered = &metadata["backchannel_authentication_request_signing_alg_values_supported"];
    assert_eq!(*offered, json!(Algorithm::ALL), "R-004: offered, and asymmetric only");
    let keys = keys();
    for key in &keys {
        let id = key.algorithm().to_string();
        let mut client = signing_with(&id, key);
        // All keys are the client's: it is the algorithm alone that is wrong below.
        let own: Vec<Value> = keys
            .iter()
            .map(|key| key.public_jwk().with_alg(key.algorithm()))
            .map(|jwk| json!(jwk))
            .collect();
        client.jwks = Some(json!({ "keys": own }));
        world.add_client(client).await;
    }
    for registered in Algorithm::ALL {
        for key in &keys {
            let id = registered.to_string();
            let request = SignedRequest::of(&world, &id).sign(key);
            let answer = world.ask_signed(&id, &request).await;
            if key.algorithm() == registered {
                assert_eq!(answer.status, 200, "R-090: {registered}: {}", answer.body);
            } else {
                let why = format!("R-016: {} for {registered}", key.algorithm());
                answer.refused(400, "invalid_request", &why);
            }
        }
    }
}

/// Proves R-005, R-015, R-016: no signed request where none is offered, or from a client that registered none.
#[tokio::test]
async fn whoever_did_not_register_to_sign_does_not() {
    let (world, key) = World::with_signer("[op]\nrequest_signing_algs = []").await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let offered = metadata.get("backchannel_authentication_request_signing_alg_values_supported");
    assert!(offered.is_none(), "R-005: none is offered");
    let request = SignedRequest::of(&world, "signer").sign(&key);
    let answer = world.ask_signed("signer", &request).await;
    answer.refused(400, "invalid_request", "R-005: so none is taken");

    let (world, key) = World::with_signer("[op]\nrequest_signing_algs = [\"PS256\"]").await;
    let request = SignedRequest::of(&world, "signer").sign(&key);
    let answer = world.ask_signed("signer", &request).await;
    answer.refused(400, "invalid_request", "R-016: its algorithm is not offered any more");

    let (world, _) = World::with_signer("").await;
    let (mut silent, key) = signing_shop("silent", Algorithm::Es256);
    silent.requests.signing_alg = None;
    world.add_client(silent).await;
    let request = SignedRequest::of(&world, "silent").sign(&key);
    let answer = world.ask_signed("silent", &request).await;
    answer.refused(400, "invalid_request", "R-016: it registered no algorithm");
}

/// Proves R-090, R-101: the client's own key, and nobody else's.
#[tokio::test]
async fn only_a_key_of_the_client_signs_for_it() {
    let (world, key) = World::with_signer("").await;
    let (other, other_key) = signing_shop("other", Algorithm::Es256);
    world.add_client(other).await;
    let (mut keyless, keyless_key) = signing_shop("keyless", Algorithm::Es256);
    keyless.jwks = None;
    world.add_client(keyless).await;
    let before = world.stored();
    let request = SignedRequest::of(&world, "signer");
    let mut tampered = request.sign(&key);
    let (head, signature) = tampered.rsplit_once('.').unwrap();
    let mut bytes = b64::decode(signature).unwrap();
    bytes[40] ^= 1;
    tampered = format!("{head}.{}", b64::encode(bytes));
    let named = |kid: &str| json!({"alg": "ES256", "typ": "JWT", "kid": kid});
    let own_kid = key.kid().to_owned();
    for (client, request, why) in [
        ("signer", request.sign(&other_key), "R-101: another client's key"),
        (
            "signer",
            request.sign_as(&other_key, &named(&own_kid)),
            "R-101: under the name of the right key",
        ),
        (
            "signer",
            request.sign_as(&key, &named("unknown")),
            "R-101: under a name of no key",
        ),
        (
            "signer",
            request.sign_as(&key, &named("../../etc/passwd")),
            "R-101: under a name of no key",
        ),
        ("signer", tampered, "R-090: one bit is another"),
        ("other", request.sign(&key), "R-094, R-236: sent by another client"),
        (
            "other",
            request.sign(&other_key),
            "R-094: signed and sent by another client",
        ),
        (
            "keyless",
            SignedRequest::of(&world, "keyless").sign(&keyless_key),
            "R-101: no key is registered",
        ),
    ] {
        let answer = world.ask_signed(client, &request).await;
        answer.refused(400, "invalid_request", why);
    }
    assert_eq!(world.stored(), before, "a refusal changes nothing");
    let good = request.sign_as(&key, &json!({"alg": "ES256"}));
    assert_eq!(
        world.ask_signed("signer", &good).await.status,
        200,
        "R-101, R-103: without a name and a type"
    );
}

/// Proves R-090, R-102, R-103: what the header of a request may say.
#[tokio::test]
async fn headers_say_what_is_expected_and_nothing_more() {
    let (world, key) = World::with_signer("").await;
    for typ in [
        "JWT",
        "jwt",
        "oauth-authz-req+jwt",
        "OAUTH-AUTHZ-REQ+JWT",
        "application/oauth-authz-req+jwt",
    ] {
        let request = SignedRequest::of(&world, "signer").typ(typ).sign(&key);
        let answer = world.ask_signed("signer", &request).await;
        assert_eq!(answer.status, 200, "R-103: {typ}: {}", answer.body);
    }
    let before = world.stored();
    let jwk = json!(key.public_jwk());
    let with = |name: &str, value: Value| {
        let mut header = json!({"alg": "ES256", "typ": "JWT"});
        header[name] = value;
        header
    };
    for (header, why) in [
        (with("typ", json!("at+jwt")), "R-103: an access token"),
        (
            with("typ", json!("client-authentication+jwt")),
            "R-104: a client assertion",
        ),
        (with("typ", json!("dpop+jwt")), "R-103: a proof"),
        (with("typ", json!("countersign-decision+jwt")), "R-103: a decision"),
        (with("typ", json!("logout+jwt")), "R-103: a logout token"),
        (with("typ", json!("")), "R-103: an empty type"),
        (with("typ", json!(7)), "R-103: a type that is no text"),
        (with("alg", json!("none")), "R-090: none"),
        (with("alg", json!("None")), "R-090: none, in another spelling"),
        (with("alg", json!("NONE")), "R-090: none, in another spelling"),
        (with("alg", json!("")), "R-090: no algorithm"),
        (with("alg", Value::Null), "R-090: no algorithm"),
        (with("alg", json!("HS256")), "R-090: symmetric"),
        (with("alg", json!("HS512")), "R-090: symmetric"),
        (with("alg", json!("es256")), "R-016: nearly the algorithm"),
        (with("alg", json!("ES256K")), "R-016: nearly the algorithm"),
        (with("alg", json!(["ES256"])), "R-016: not a name"),
        (with("jwk", jwk), "V-014: a key of its own"),
        (with("jku", json!("https://evil.example/jwks")), "V-014: keys elsewhere"),
        (
            with("x5u", json!("https://evil.example/x5u")),
            "V-014: a certificate elsewhere",
        ),
        (with("x5c", json!(["MII"])), "V-014: a certificate of its own"),
        (with("crit", json!(["exp"])), "V-014: what is not understood"),
        (with("crit", json!([])), "V-014: what is not understood"),
        (with("b64", json!(false)), "V-014: another encoding"),
        (with("zip", json!("DEF")), "V-014: packed"),
        (with("cty", json!("JWT")), "R-102: a token in a token"),
    ] {
        let request = SignedRequest::of(&world, "signer").sign_as(&key, &header);
        let answer = world.ask_signed("signer", &request).await;
        answer.refused(400, "invalid_request", &format!("{why}: {header}"));
    }
    let good = SignedRequest::of(&world, "signer");
    let jws = good.sign(&key);
    let mut parts = jws.split('.');
    let (head, body, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let jwe = b64::encode(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM"}"#);
    for (request, why) in [
        (format!("{jwe}.AAAA.AAAA.AAAA.AAAA"), "R-102: a JWE"),
        (format!("{jws}.AAAA.AAAA"), "R-102: five parts"),
        (format!("{head}.{body}."), "R-090: no signature"),
        (format!("{head}.{body}"), "R-090: two parts"),
        (format!("{head}..{signature}"), "detached contents"),
        (format!("{jws}="), "padding"),
        (format!("{jws}\n"), "a line's end"),
        (format!("{head}.{body}.{signature}.x"), "a further part"),
        (
            format!("{head}.{}.{signature}", b64::encode("{}")),
            "R-090: other contents",
        ),
        (
            json!({"payload": body, "protected": head, "signature": signature}).to_string(),
            "JSON serialization",
        ),
        ("x.y.z".to_owned(), "not a token"),
        ("x".repeat(60_000), "too long"),
        (
            sign_bytes(&key, r#"{"alg":"ES256","alg":"ES256"}"#, &good.claims().to_string()),
            "V-014: a member twice",
        ),
        (sign_bytes(&key, r#"{"alg":"ES256"}"#, "[]"), "no object"),
        (sign_bytes(&key, r#"{"alg":"ES256"}"#, "null"), "no object"),
        (sign_bytes(&key, r#"{"alg":"ES256"}"#, ""), "nothing"),
    ] {
        let answer = world.ask_signed("signer", &request).await;
        answer.refused(400, "invalid_request", why);
    }
    assert_eq!(world.stored(), before, "a refusal changes nothing");
}

/// Proves R-091, R-092 and R-068.
#[tokio::test]
async fn nothing_of_the_request_stands_beside_the_signed_one() {
    let (world, key) = World::with_signer("").await;
    let before = world.stored();
    for name in AUTHENTICATION_PARAMETERS {
        for value in ["x", "openid payment", "anna"] {
            let request = SignedRequest::of(&world, "signer").sign(&key);
            let form = [("request", request.as_str()), (name, value)];
            let answer = world.post_as("signer", "/bc-authorize", &form).await;
            answer.refused(400, "invalid_request", &format!("R-091: {name} beside it"));
        }
    }
    let request = SignedRequest::of(&world, "signer").sign(&key);
    for form in [
        &[("request_uri", "urn:x"), ("request", request.as_str())][..],
        &[("request_uri", "https://shop.example/request")],
        &[
            ("request_uri", "https://shop.example/request"),
            ("scope", "openid"),
            ("login_hint", "anna"),
        ],
    ] {
        let answer = world.post_as("signer", "/bc-authorize", form).await;
        answer.refused(400, "invalid_request", &format!("R-103: {form:?}"));
    }
    assert_eq!(world.stored(), before, "a refusal changes nothing");
    for form in [
        &[("client_id", "signer")][..],
        &[("foo", "bar")],
        &[("scope", ""), ("login_hint", ""), ("request_uri", "")],
    ] {
        let request = SignedRequest::of(&world, "signer").sign(&key);
        let form = [&[("request", request.as_str())][..], form].concat();
        let answer = world.post_as("signer", "/bc-authorize", &form).await;
        assert_eq!(answer.status, 200, "R-067, R-068, R-092: {form:?}: {}", answer.body);
    }
}
