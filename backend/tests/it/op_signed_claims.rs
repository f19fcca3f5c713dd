//! Signed authentication requests: claims about the request, and parameters as claims.

use countersign::domain::Profile;
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{
    fapi_clients::{fapi_ciba, fapi2},
    fapi_signatures::{ask_with_certificate, signing},
    mtls_actor::{Authority, self_signed, settings},
    op_signed::{SignedRequest, sign_bytes, signing_shop},
    op_world::{ISSUER, World, unique},
};

/// Proves R-093 to R-098 and V-035: about the request itself.
#[tokio::test]
async fn a_request_is_of_this_client_for_this_provider_and_of_now() {
    let (world, key) = World::with_signer("").await;
    let now = world.clock.now_seconds();
    for (claim, value, why) in [
        ("aud", json!([ISSUER]), "R-093: an array"),
        ("aud", json!(["https://other.example", ISSUER]), "R-093: among others"),
        ("iat", json!(now - 3000), "R-096: made before it is good"),
        ("iat", json!(now + 30), "R-096: a small skew"),
        ("nbf", json!(now + 30), "R-097: a small skew"),
        ("nbf", json!(now - 3540), "V-035: an hour in all"),
        ("exp", json!(now + 3600), "V-035: an hour in all"),
        ("sub", json!("anna"), "R-104: a subject that is not the client"),
        ("client_id", json!("signer"), "RFC 9101 section 4: the same client"),
        ("foo", json!({"bar": [1, null]}), "R-068: unknown"),
        ("jti", json!("x".repeat(256)), "R-098: a long name"),
    ] {
        let request = SignedRequest::of(&world, "signer")
            .with(claim, value.clone())
            .sign(&key);
        let answer = world.ask_signed("signer", &request).await;
        assert_eq!(answer.status, 200, "{why}: {claim} {value}: {}", answer.body);
    }
    let before = world.stored();
    for (claim, value, why) in [
        ("iss", Value::Null, "R-094: nobody"),
        ("iss", json!("shop"), "R-094: another client"),
        ("iss", json!("Signer"), "R-094: nearly the client"),
        ("iss", json!(["signer"]), "R-094: an array"),
        ("client_id", json!("shop"), "R-094: two clients"),
        ("client_id", json!(7), "R-094: a number"),
        ("aud", Value::Null, "R-093: nobody"),
        ("aud", json!(""), "R-093: nobody"),
        ("aud", json!([]), "R-093: nobody"),
        ("aud", json!("https://other.example"), "R-093: somebody else"),
        ("aud", json!(["https://other.example"]), "R-093: somebody else"),
        ("aud", json!(format!("{ISSUER}/")), "R-093: nearly us"),
        ("aud", json!(format!("{ISSUER}/bc-authorize")), "R-093: an endpoint"),
        ("aud", json!([ISSUER, 7]), "R-093: not all strings"),
        ("aud", json!({"iss": ISSUER}), "R-093: an object"),
        ("exp", Value::Null, "R-095: no end"),
        ("exp", json!(now - 30), "R-095: over"),
        ("exp", json!(now - 4000), "R-095: over"),
        ("exp", json!(now), "R-095: never good"),
        ("exp", json!(now + 3601), "V-035: too long"),
        ("exp", json!(now + 100_000), "V-035: too long"),
        ("exp", json!((now + 60).to_string()), "V-016: a string"),
        (
            "exp",
            json!(f64::from(u32::try_from(now).unwrap()) + 60.5),
            "V-016: a fraction",
        ),
        ("exp", json!(-1), "V-016: negative"),
        ("exp", json!(u64::MAX), "V-016: beyond all time"),
        ("iat", Value::Null, "R-096: no beginning"),
        ("iat", json!(now + 31), "R-096: from the future"),
        ("iat", json!(true), "V-016: no time"),
        ("iat", json!("now"), "V-016: no time"),
        ("nbf", Value::Null, "R-097: no beginning"),
        ("nbf", json!(now + 31), "R-097: not yet good"),
        ("nbf", json!(now + 600), "R-097: not yet good"),
        ("nbf", json!(now - 3541), "V-035: an hour is over"),
        ("nbf", json!(0), "V-035: good for fifty years"),
        ("nbf", json!(now.to_string()), "V-016: a string"),
        ("jti", Value::Null, "R-098: no name"),
        ("jti", json!(""), "R-098: an empty name"),
        ("jti", json!(7), "R-098: a number"),
        ("jti", json!("x".repeat(257)), "R-098: a name too long"),
        ("sub", json!("signer"), "R-104: a client assertion"),
        ("sub", json!(7), "a number"),
        ("request", json!("x"), "R-103: a request in a request"),
        ("request_uri", json!("urn:x"), "R-103: a request elsewhere"),
    ] {
        let request = SignedRequest::of(&world, "signer")
            .with(claim, value.clone())
            .sign(&key);
        let answer = world.ask_signed("signer", &request).await;
        answer.refused(400, "invalid_request", &format!("R-127, {why}: {claim} {value}"));
    }
    let twice = SignedRequest::of(&world, "signer").claims().to_string();
    for repeated in [
        r#""iss":"signer","#,
        r#""exp":9999999999,"#,
        r#""binding_message":"a","binding_message":"b","#,
    ] {
        let payload = twice.replacen('{', &format!("{{{repeated}"), 1);
        let request = sign_bytes(&key, r#"{"alg":"ES256"}"#, &payload);
        let answer = world.ask_signed("signer", &request).await;
        answer.refused(400, "invalid_request", &format!("R-067, V-014: {repeated}"));
    }
    assert_eq!(world.stored(), before, "a refusal changes nothing");
}

/// Proves R-098, V-017 and V-035.
#[tokio::test]
async fn a_request_is_taken_once() {
    let (world, key) = World::with_signer("").await;
    let (other, other_key) = signing_shop("other", Algorithm::Es256);
    world.add_client(other).await;
    let jti = unique();
    let named = |id: &str| SignedRequest::of(&world, id).with("jti", json!(jti));
    let request = named("signer").sign(&key);
    let sent = (0..20).map(|_| world.ask_signed("signer", &request));
    let answers = futures_util::future::join_all(sent).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(taken, 1, "R-098: many at once");
    let renamed = named("signer").with("binding_message", json!("W4SCT")).sign(&key);
    let answer = world.ask_signed("signer", &renamed).await;
    answer.refused(400, "invalid_request", "R-098: another request of the same name");
    let others = named("other").sign(&other_key);
    assert_eq!(
        world.ask_signed("other", &others).await.status,
        200,
        "R-098: names are each client's own"
    );
    world.clock.advance(59_000);
    let answer = world.ask_signed("signer", &request).await;
    answer.refused(400, "invalid_request", "R-098: in its last second");
    world.clock.advance(30_000);
    let answer = world.ask_signed("signer", &request).await;
    answer.refused(400, "invalid_request", "R-098: within the skew of its end");
    world.clock.advance(10_000);
    let answer = world.ask_signed("signer", &request).await;
    answer.refused(400, "invalid_request", "R-095: over");
    // What is wrong after the signature has used the name up as well: a request is made anew, not mended.
    let bad = SignedRequest::of(&world, "signer").with("scope", json!("nonsense"));
    world
        .ask_signed("signer", &bad.sign(&key))
        .await
        .refused(400, "invalid_scope", "R-051");
    let mended = bad.with("scope", json!("openid")).sign(&key);
    world
        .ask_signed("signer", &mended)
        .await
        .refused(400, "invalid_request", "R-098");
}

/// Proves R-206 and R-210 for who is held to it; others have the operator's bound.
#[tokio::test]
async fn profiles_bound_the_life_of_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let bound = "[op]\nsigned_request_seconds = 7200";
    let (world, key) = World::with_signer(&settings(folder.path(), &Authority::new("authority"), bound)).await;
    let now = world.clock.now_seconds();
    let own = self_signed(|_| {});
    let mut keys = vec![("signer", Profile::Plain, key)];
    for (id, client) in [("fapi", fapi_ciba("fapi", &own)), ("fapi2", fapi2("fapi2", &own))] {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let profile = client.profile;
        world.add_client(signing(client, &own, &key)).await;
        keys.push((id, profile, key));
    }
    let send = async |id: &str, request: &str| match id {
        "signer" => world.ask_signed(id, request).await,
        id => ask_with_certificate(&world, id, &own, request).await,
    };
    for (id, profile, key) in &keys {
        let plain = *profile == Profile::Plain;
        for (nbf, exp, good, why) in [
            (now, now + 3600, true, "an hour"),
            (now - 3570, now + 30, true, "an hour, nearly over"),
            (now, now + 3601, plain, "longer than an hour"),
            (now - 3540, now + 120, plain, "longer than an hour"),
            (now, now + 7200, plain, "two hours"),
            (now, now + 7201, false, "longer than two hours"),
            (now - 4200, now + 60, plain, "nbf 70 minutes ago"),
            (now + 30, now + 3640, plain, "exp beyond an hour"),
        ] {
            let request = SignedRequest::of(&world, id)
                .with("nbf", json!(nbf))
                .with("exp", json!(exp))
                .with("binding_message", json!("W4SCT"));
            let answer = send(id, &request.sign(key)).await;
            if good {
                assert_eq!(answer.status, 200, "R-206: {id}: {why}: {}", answer.body);
            } else {
                answer.refused(400, "invalid_request", &format!("R-206: {id}: {why}"));
            }
        }
        for missing in ["nbf", "exp"] {
            let request = SignedRequest::of(&world, id).with(missing, Value::Null).sign(key);
            let answer = send(id, &request).await;
            answer.refused(400, "invalid_request", &format!("R-206: {id} without {missing}"));
        }
    }
}

/// Proves R-062, R-099, R-100: parameters as claims, of the type that each has.
#[tokio::test]
async fn parameters_are_claims_of_their_type() {
    let (world, key) = World::with_signer("").await;
    for (claim, value, why) in [
        ("requested_expiry", json!("30"), "R-099: a string"),
        ("requested_expiry", json!(30), "R-099: a number"),
        ("binding_message", json!("Zürich 7"), "R-059"),
        ("acr_values", json!("urn:countersign:acr:device"), "R-057"),
        ("acr_values", json!(""), "R-067: as good as absent"),
        ("request_context", json!({"ip": "203.0.113.7"}), "R-100: an object"),
        ("request_context", json!("{\"ip\":\"203.0.113.7\"}"), "R-100: its text"),
        ("user_code", json!("1234"), "R-063: not offered"),
    ] {
        let request = SignedRequest::of(&world, "signer")
            .with(claim, value.clone())
            .sign(&key);
        let answer = world.ask_signed("signer", &request).await;
        assert_eq!(answer.status, 200, "{why}: {claim} {value}: {}", answer.body);
    }
    let seen: Vec<_> = {
        let seen = world.trigger.seen.lock().unwrap();
        seen.iter()
            .map(|seen| (seen.expires_in, seen.message.clone(), seen.context.clone()))
            .collect()
    };
    assert_eq!((seen[0].0, seen[1].0), (30, 30), "R-066, R-099: obeyed either way");
    assert_eq!(seen[2].1.as_deref(), Some("Zürich 7"), "R-060: word for word");
    let reported = json!({"reported": {"ip": "203.0.113.7"}});
    assert!(
        seen[5].2 == Some(reported.clone()) && seen[6].2 == Some(reported),
        "R-100: handed over"
    );
}

/// Proves R-050, R-051, R-062, R-065, R-075, R-099 and R-207: each claim of the wrong type or value is refused as the parameter would be.
#[tokio::test]
async fn claims_that_no_parameter_could_be_are_refused() {
    let (world, key) = World::with_signer("").await;
    let before = world.stored().len();
    let mut tried = 0;
    for (claim, value, code, why) in [
        ("scope", Value::Null, "invalid_request", "R-050: missing"),
        ("scope", json!(""), "invalid_request", "R-067: empty is missing"),
        ("scope", json!(["openid"]), "invalid_request", "R-099: an array"),
        ("scope", json!("payment"), "invalid_scope", "R-050: without openid"),
        ("scope", json!("openid unheard-of"), "invalid_scope", "R-051"),
        ("login_hint", Value::Null, "invalid_request", "R-075: none"),
        ("login_hint", json!(""), "invalid_request", "R-075: none"),
        ("login_hint", json!(7), "invalid_request", "R-099: a number"),
        ("login_hint", json!({"sub": "x"}), "invalid_request", "R-099: an object"),
        ("login_hint", json!("nobody"), "unknown_user_id", "R-076"),
        ("id_token_hint", json!("x"), "invalid_request", "R-075: two hints"),
        ("login_hint_token", json!("x"), "invalid_request", "R-075: two hints"),
        ("login_hint_token", json!({}), "invalid_request", "R-099: an object"),
        ("binding_message", json!(""), "invalid_binding_message", "R-062: empty"),
        ("binding_message", json!("a\nb"), "invalid_binding_message", "R-062"),
        (
            "binding_message",
            json!("\u{202e}x"),
            "invalid_binding_message",
            "R-062",
        ),
        (
            "binding_message",
            json!("x".repeat(65)),
            "invalid_binding_message",
            "R-062",
        ),
        ("binding_message", json!(1234), "invalid_request", "R-099: a number"),
        ("binding_message", json!(["a"]), "invalid_request", "R-099: an array"),
        ("requested_expiry", json!(0), "invalid_request", "R-065"),
        ("requested_expiry", json!(-5), "invalid_request", "R-065"),
        ("requested_expiry", json!(1.5), "invalid_request", "R-065"),
        ("requested_expiry", json!("1e2"), "invalid_request", "R-065"),
        ("requested_expiry", json!("soon"), "invalid_request", "R-065"),
        ("requested_expiry", json!(601), "invalid_request", "R-066"),
        ("requested_expiry", json!(true), "invalid_request", "R-099"),
        ("requested_expiry", json!([30]), "invalid_request", "R-099"),
        ("requested_expiry", json!({}), "invalid_request", "R-099"),
        ("acr_values", json!(["urn:x"]), "invalid_request", "R-099: an array"),
        ("acr_values", json!("a\tb"), "invalid_request", "no acr value"),
        ("user_code", json!(1234), "invalid_request", "R-099: a number"),
        ("client_notification_token", json!(false), "invalid_request", "R-099"),
        ("request_context", json!([]), "invalid_request", "R-207: no object"),
        ("request_context", json!(7), "invalid_request", "R-207: no object"),
        (
            "request_context",
            json!({"a": "\u{202e}"}),
            "invalid_request",
            "R-207: not plain text",
        ),
        (
            "request_context",
            json!({"a": "x".repeat(2048)}),
            "invalid_request",
            "R-207: too long",
        ),
        (
            "request_context",
            json!({"a": [[[[1]]]]}),
            "invalid_request",
            "R-207: too deep",
        ),
    ] {
        let request = SignedRequest::of(&world, "signer")
            .with(claim, value.clone())
            .sign(&key);
        let answer = world.ask_signed("signer", &request).await;
        answer.refused(400, code, &format!("R-120, {why}: {claim} {value}"));
        tried += 1;
    }
    assert!(
        world.stored().len() <= before + tried,
        "nothing but the names of the requests is left"
    );
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "R-076: nobody was asked");
}

/// Proves B-02, R-120: client, signature, parameters, person.
#[tokio::test]
async fn the_signature_is_looked_at_before_what_it_signs() {
    let (world, key) = World::with_signer("").await;
    let bad = SignedRequest::of(&world, "signer")
        .with("scope", json!("nonsense"))
        .with("login_hint", json!("nobody"));
    let unsigned = bad.sign_as(&key, &json!({"alg": "ES256", "kid": "x"}));
    let answer = world
        .form(
            "/bc-authorize",
            &[("authorization", "Basic eDp5")],
            &[("request", &unsigned)],
        )
        .await;
    answer.refused(401, "invalid_client", "B-02, R-120: the client first");
    let answer = world.ask_signed("signer", &unsigned).await;
    answer.refused(400, "invalid_request", "B-02, R-120: then the signature");
    let answer = world.ask_signed("signer", &bad.sign(&key)).await;
    answer.refused(400, "invalid_scope", "B-02, R-120: then parameters");
    let mended = bad.with("scope", json!("openid")).with("jti", json!(unique()));
    let answer = world.ask_signed("signer", &mended.sign(&key)).await;
    answer.refused(400, "unknown_user_id", "B-02, R-120: at last the person");
    assert!(world.trigger.seen.lock().unwrap().is_empty(), "R-076: nobody was asked");
}
