//! How clients prove who they are at the two endpoints of CIBA.

use std::collections::BTreeSet;

use axum::http::header;
use countersign::domain::{ClientAuthMethod, GrantType};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::CIBA_GRANT;
use serde_json::{Value, json};

use crate::op_world::{ISSUER, SECRET, World, basic, encode, shop, unique};

const ASSERTION_TYPE: (&str, &str) = (
    "client_assertion_type",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
);
const ASK: [(&str, &str); 2] = [("scope", "openid"), ("login_hint", "anna")];

/// A world with one client for each method: `shop` sends Basic, `poster` its secret in the form, `keyed` an assertion.
async fn world() -> (World, SigningKey) {
    let world = World::new().await;
    let mut poster = shop("poster");
    poster.auth_method = ClientAuthMethod::ClientSecretPost;
    world.add_client(poster).await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut keyed = shop("keyed");
    keyed.auth_method = ClientAuthMethod::PrivateKeyJwt;
    keyed.secret_sha256 = None;
    keyed.jwks = Some(json!({"keys": [key.public_jwk()]}));
    world.add_client(keyed).await;
    (world, key)
}

fn assertion(world: &World, key: &SigningKey, audience: &str) -> String {
    let now = world.clock.now_seconds();
    let claims = json!({"iss": "keyed", "sub": "keyed", "aud": audience, "exp": now + 60, "iat": now, "jti": unique()});
    key.sign("JWT", &claims).unwrap()
}

/// Proves: what a client registered is what both endpoints take.
#[tokio::test]
async fn each_registered_method_starts_a_request_and_redeems_it() {
    let (world, key) = world().await;
    for method in ["shop", "poster", "keyed"] {
        let mut codes = Vec::new();
        for path in ["/bc-authorize", "/token"] {
            let id: String = codes.first().cloned().unwrap_or_default();
            let mut form = match path {
                "/token" => vec![("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())],
                _ => ASK.to_vec(),
            };
            let header = basic(method, SECRET);
            let signed = assertion(&world, &key, ISSUER);
            let headers = match method {
                "shop" => vec![("authorization", header.as_str())],
                _ => Vec::new(),
            };
            match method {
                "poster" => form.extend([("client_id", "poster"), ("client_secret", SECRET)]),
                "keyed" => form.extend([ASSERTION_TYPE, ("client_assertion", signed.as_str())]),
                _ => {}
            }
            let answer = world.form(path, &headers, &form).await;
            assert_eq!(answer.status, 200, "R-042, R-155: {method} at {path}: {}", answer.body);
            if path == "/bc-authorize" {
                codes.push(answer.json()["auth_req_id"].as_str().unwrap().to_owned());
                world.approve().await;
                if method == "keyed" {
                    let again = world.form(path, &headers, &form).await;
                    again.refused(401, "invalid_client", "R-047: an assertion is good for one request");
                }
            }
        }
    }
}

/// Proves: nothing else is taken, and nothing happens.
#[tokio::test]
async fn whoever_does_not_authenticate_as_registered_is_refused() {
    let (world, key) = world().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let asked = world.trigger.seen.lock().unwrap().len();
    let before = world.stored();
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let redeem = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    for (path, form) in [("/bc-authorize", ASK), ("/token", redeem)] {
        let forged = assertion(&world, &stranger, ISSUER);
        let endpoint = assertion(&world, &key, &format!("{ISSUER}{path}"));
        let elsewhere = assertion(&world, &key, "https://op.example");
        let both = assertion(&world, &key, ISSUER);
        let (right, wrong) = (basic("shop", SECRET), basic("shop", "wrong"));
        let (swapped, secret) = (basic("poster", SECRET), ("client_secret", SECRET));
        let by_key = |token| vec![ASSERTION_TYPE, ("client_assertion", token)];
        let right = Some(right.as_str());
        for (authorization, more, status, why) in [
            (None, vec![], 401, "R-042: nobody"),
            (None, vec![("client_id", "shop")], 401, "R-042: a name alone"),
            (
                None,
                vec![("client_id", "shop"), secret],
                401,
                "R-042: Basic is registered",
            ),
            (Some(wrong.as_str()), vec![], 401, "R-042: a wrong secret"),
            (Some(swapped.as_str()), vec![], 401, "R-042: the form is registered"),
            (None, by_key(&forged), 401, "R-047: another key"),
            (None, by_key(&elsewhere), 401, "R-043: for somebody else"),
            (
                None,
                by_key(&endpoint),
                401,
                "R-043, V-018: new clients name the issuer",
            ),
            (right, vec![secret], 400, "R-045: two mechanisms"),
            (right, by_key(&both), 400, "R-045: two mechanisms"),
            (None, vec![("client_assertion", &both)], 400, "R-045: no type"),
        ] {
            let headers: Vec<(&str, &str)> = authorization
                .map(|value| ("authorization", value))
                .into_iter()
                .collect();
            let answer = world.form(path, &headers, &[&form[..], &more].concat()).await;
            let code = if status == 401 {
                "invalid_client"
            } else {
                "invalid_request"
            };
            answer.refused(status, code, &format!("{why}: {path}"));
            let challenged = answer.header(header::WWW_AUTHENTICATE).starts_with("Basic ");
            assert_eq!(
                challenged,
                status == 401 && authorization.is_some(),
                "R-133: {why}: {path}"
            );
        }
    }
    assert_eq!(world.trigger.seen.lock().unwrap().len(), asked, "nobody was asked");
    let stored = world.stored();
    let untouched = before.iter().filter(|row| stored.contains(row)).count();
    assert_eq!(untouched, before.len(), "no row changed");
    assert_eq!(
        world.poll(&id).await.status,
        200,
        "R-155: the approval waits for its client"
    );
}

/// Proves R-043: a client of an older profile may name the endpoint it asks.
#[tokio::test]
async fn an_older_profile_may_name_the_backchannel_endpoint() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let mut keyed = shop("keyed");
    keyed.auth_method = ClientAuthMethod::PrivateKeyJwt;
    keyed.jwks = Some(json!({"keys": [key.public_jwk()]}));
    keyed.endpoint_audience = true;
    world.add_client(keyed).await;
    for path in ["", "/token", "/bc-authorize"] {
        let signed = assertion(&world, &key, &format!("{ISSUER}{path}"));
        let form = [&ASK[..], &[ASSERTION_TYPE, ("client_assertion", &signed)]].concat();
        let answer = world.form("/bc-authorize", &[], &form).await;
        assert_eq!(answer.status, 200, "R-043: {path:?}: {}", answer.body);
    }
}

/// Proves R-155: a poll is a form that is posted, and the grant has one name.
#[tokio::test]
async fn a_poll_is_a_posted_form() {
    let world = World::new().await;
    let id = world.start(&[]).await;
    world.approve().await;
    let form = [("grant_type", CIBA_GRANT), ("auth_req_id", id.as_str())];
    let query = format!("/token?{}", encode(&form));
    assert_eq!(world.get(&query).await.status, 405, "R-155: not read from the address");
    world
        .post(&query, &[])
        .await
        .refused(400, "invalid_request", "R-155: not read from the address");
    let as_json: Value = json!({"grant_type": CIBA_GRANT, "auth_req_id": id});
    let request = axum::http::Request::post("/token")
        .header("content-type", "application/json")
        .header("authorization", basic("shop", SECRET))
        .body(as_json.to_string().into());
    world
        .send(request.unwrap())
        .await
        .refused(400, "invalid_request", "R-155: not JSON");
    let other = [
        ("grant_type", "urn:openid:params:modrna:grant-type:backchannel_request"),
        form[1],
    ];
    world
        .post("/token", &other)
        .await
        .refused(400, "unsupported_grant_type", "R-155: not an old name of it");
    assert_eq!(world.poll(&id).await.status, 200, "R-155: none of this used it up");
}

/// Proves: the codes of CIBA Core sections 11 and 13 with their status, and nothing of what was sent.
#[tokio::test]
async fn a_refusal_is_one_of_the_listed_codes_and_repeats_nothing() {
    const MARK: &str = "zq\"<\\>\u{e4}";
    let world = World::new().await;
    let mut web = shop("web");
    web.grant_types.retain(|grant| *grant != GrantType::Ciba);
    world.add_client(web).await;
    let asking = [
        (401, "invalid_client"),
        (400, "invalid_request"),
        (400, "invalid_scope"),
        (400, "unknown_user_id"),
        (400, "unauthorized_client"),
        (400, "invalid_binding_message"),
    ];
    let redeeming = [
        (401, "invalid_client"),
        (400, "invalid_request"),
        (400, "invalid_grant"),
        (400, "unauthorized_client"),
        (400, "unsupported_grant_type"),
    ];
    let redeem = [("grant_type", CIBA_GRANT), ("auth_req_id", "x")];
    for (path, good, listed) in [("/bc-authorize", ASK, &asking[..]), ("/token", redeem, &redeeming[..])] {
        let mut heard = BTreeSet::new();
        for client in ["shop", "web", MARK] {
            for name in [
                "scope",
                "login_hint",
                "binding_message",
                "requested_expiry",
                "request",
                "grant_type",
                "auth_req_id",
            ] {
                for mark in [MARK, "zq\u{202e}", ""] {
                    let others = good.iter().copied().filter(|(known, _)| *known != name);
                    let form: Vec<(&str, &str)> = others.chain([(name, mark)]).collect();
                    let answer = world.post_as(client, path, &form).await;
                    let (status, code) = (answer.status.as_u16(), answer.error());
                    if status == 200 {
                        continue;
                    }
                    assert!(
                        listed.contains(&(status, &code)),
                        "R-127, R-170: {path}: {status} {code}"
                    );
                    answer.refused(status, &code, &format!("{path}: {name}"));
                    assert!(!answer.body.contains("zq"), "R-128: {path}: {name}: {}", answer.body);
                    heard.insert((status, code));
                }
            }
        }
        for (status, code) in listed {
            assert!(
                heard.contains(&(*status, (*code).to_owned())),
                "R-127: {path} says {status} {code}"
            );
        }
    }
}
