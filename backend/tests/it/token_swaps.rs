//! Every kind of token at every place that reads one: only its own place takes it.

use axum::{body::Body, http::Request};
use countersign_protocol::CIBA_GRANT;
use serde_json::json;

use crate::{
    op_browser::VERIFIER,
    op_world::basic,
    token_kinds::{KINDS, Kind},
    token_stage::{PERSON, READER, REDIRECT, STORE, Seen, Stage, Waiting},
};

/// Where tokens are read.
#[derive(Debug, Clone, Copy)]
enum Place {
    CibaGrant,
    CodeGrant,
    RefreshGrant,
    ClientAssertion,
    ClientAssertionOfRequest,
    ClientSecret,
    UserInfo,
    Introspection,
    IntrospectionOfAnother,
    LoginHint,
    LoginHintToken,
    IdTokenHint,
    SignedRequest,
    AuthorizationRequest,
    PushedRequest,
    RequestUri,
    TokenProof,
    ResourceProof,
    DeviceToken,
    DeviceProof,
    DeviceSession,
    DecidedRequest,
    Decision,
    Handle,
    KeyRotation,
    RegisteredIdToken,
    RegisteredKeyProof,
    SignInState,
    SignInCookie,
    Registration,
}

/// Each place with the kinds that belong there. The last one changes the device's keys.
const PLACES: [(Place, &[Kind]); 30] = [
    (Place::UserInfo, &[Kind::AccessToken, Kind::SignedAccessToken]),
    (Place::Introspection, &[Kind::AccessToken, Kind::RefreshToken]),
    (Place::IntrospectionOfAnother, &[Kind::SignedAccessToken]),
    (Place::CibaGrant, &[Kind::AuthReqId]),
    (Place::CodeGrant, &[Kind::Code]),
    (Place::RefreshGrant, &[Kind::RefreshToken]),
    (Place::ClientAssertion, &[Kind::ClientAssertion]),
    (Place::ClientAssertionOfRequest, &[Kind::ClientAssertion]),
    (Place::ClientSecret, &[Kind::ClientSecret]),
    (Place::LoginHint, &[]),
    (Place::LoginHintToken, &[Kind::LoginHintToken]),
    (Place::IdTokenHint, &[Kind::IdToken]),
    (Place::SignedRequest, &[Kind::SignedRequest]),
    (Place::AuthorizationRequest, &[Kind::AuthorizationRequest]),
    (Place::PushedRequest, &[Kind::AuthorizationRequest]),
    (Place::RequestUri, &[Kind::RequestUri]),
    (Place::TokenProof, &[Kind::TokenProof]),
    (Place::ResourceProof, &[Kind::ResourceProof]),
    (Place::DeviceToken, &[Kind::DeviceAccess]),
    (Place::DeviceProof, &[Kind::DeviceProof]),
    (Place::DeviceSession, &[Kind::DeviceSession]),
    (Place::Handle, &[Kind::Handle]),
    (Place::DecidedRequest, &[Kind::DeviceRequest]),
    (Place::Decision, &[Kind::Decision]),
    (Place::RegisteredIdToken, &[Kind::AppIdToken]),
    (Place::RegisteredKeyProof, &[Kind::KeyProof]),
    (Place::SignInState, &[Kind::SignInState]),
    (Place::SignInCookie, &[Kind::SignInCookie]),
    (Place::Registration, &[Kind::RegistrationToken]),
    (Place::KeyRotation, &[Kind::KeyRotation]),
];

const ASSERTION_TYPE: (&str, &str) = (
    "client_assertion_type",
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
);

/// Presents `token` where another one is due; everything else about the request is right. Whether it was taken.
#[expect(clippy::too_many_lines, reason = "one arm for each place")]
async fn is_taken(stage: &Stage, place: Place, token: &str, waiting: &Waiting) -> bool {
    let device = &stage.device;
    let ok = |seen: &Seen| seen.status == 200;
    let hint = |name| {
        let form = [("scope", "openid"), (name, token)];
        async move { stage.as_store("/bc-authorize", &form).await.status == 200 }
    };
    match place {
        Place::CibaGrant => {
            let form = [("grant_type", CIBA_GRANT), ("auth_req_id", token)];
            ok(&stage.as_store("/token", &form).await)
        }
        Place::CodeGrant => {
            let form = [
                ("grant_type", "authorization_code"),
                ("code", token),
                ("redirect_uri", REDIRECT),
                ("code_verifier", VERIFIER),
            ];
            ok(&stage.as_store("/token", &form).await)
        }
        Place::RefreshGrant => {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
            ok(&stage.as_store("/token", &form).await)
        }
        Place::ClientAssertion => {
            let form = [("token", "x"), ("client_assertion", token), ASSERTION_TYPE];
            ok(&stage.post("/introspect", &[], &form).await)
        }
        Place::ClientAssertionOfRequest => {
            let form = [
                ("scope", "openid"),
                ("login_hint", PERSON),
                ("client_assertion", token),
                ASSERTION_TYPE,
            ];
            ok(&stage.post("/bc-authorize", &[], &form).await)
        }
        Place::ClientSecret => {
            let secret = basic(STORE, token);
            ok(&stage
                .post("/introspect", &[("authorization", &secret)], &[("token", "x")])
                .await)
        }
        Place::UserInfo => {
            let bearer = format!("Bearer {token}");
            ok(&stage.post("/userinfo", &[("authorization", &bearer)], &[]).await)
        }
        Place::Introspection => stage.as_store("/introspect", &[("token", token)]).await.json()["active"] == true,
        Place::IntrospectionOfAnother => {
            let answer = stage.as_client(READER, "/introspect", &[("token", token)]).await;
            answer.json()["active"] == true
        }
        Place::LoginHint => hint("login_hint").await,
        Place::LoginHintToken => hint("login_hint_token").await,
        Place::IdTokenHint => hint("id_token_hint").await,
        Place::SignedRequest => ok(&stage.as_store("/bc-authorize", &[("request", token)]).await),
        Place::AuthorizationRequest | Place::RequestUri => {
            let name = if matches!(place, Place::RequestUri) {
                "request_uri"
            } else {
                "request"
            };
            let query = crate::op_world::encode(&[("client_id", STORE), (name, token)]);
            let get = Request::get(format!("/authorize?{query}")).body(Body::empty());
            ok(&stage.ask(get.unwrap()).await)
        }
        Place::PushedRequest => stage.as_store("/par", &[("request", token)]).await.status == 201,
        Place::TokenProof => ok(&stage.redeem(&stage.unredeemed, token).await),
        Place::ResourceProof => {
            let authorization = format!("DPoP {}", stage.bound);
            let headers = [("authorization", authorization.as_str()), ("dpop", token)];
            ok(&stage.post("/userinfo", &headers, &[]).await)
        }
        Place::DeviceToken => {
            let answer = device.call_with("GET", "/ad/v1/requests", Some(token), None).await;
            answer.status == 200
        }
        Place::DeviceProof => {
            let get = Request::get("/ad/v1/requests")
                .header("authorization", format!("DPoP {}", device.token))
                .header("dpop", token);
            stage.world.send(get.body(Body::empty()).unwrap()).await.status == 200
        }
        Place::DeviceSession => {
            let body = json!({"device_session": token}).to_string();
            let answer = device.call_with("POST", "/ad/v1/session", None, Some(body)).await;
            answer.status == 200
        }
        Place::Handle => {
            let path = format!("/ad/v1/requests/{token}");
            device.call("GET", &path, None).await.status == 200
        }
        Place::DecidedRequest => {
            let decision = stage.decision(waiting, token);
            device.send_decision(&waiting.handle, token, &decision).await.status == 200
        }
        Place::Decision => {
            let request = stage.request(waiting).await;
            device.send_decision(&waiting.handle, &request, token).await.status == 200
        }
        Place::KeyRotation => {
            let answer = device
                .call("PUT", "/ad/v1/keys", Some(json!({"statement": token})))
                .await;
            answer.status == 204
        }
        Place::RegisteredIdToken | Place::RegisteredKeyProof => {
            let member = if matches!(place, Place::RegisteredKeyProof) {
                "uv_proof"
            } else {
                "id_token_hint"
            };
            let mut body = stage.newcomer.registration(PERSON);
            body[member] = token.into();
            stage.newcomer.register(&body).await.status.is_success()
        }
        Place::Registration => {
            let path = format!("/register/{}", stage.registered["client_id"].as_str().unwrap());
            let get = Request::get(path).header("authorization", format!("Bearer {token}"));
            ok(&stage.ask(get.body(Body::empty()).unwrap()).await)
        }
        Place::SignInState => {
            let (_, cookie) = stage.page().await;
            stage.sign_in(token, &cookie).await.status == 303
        }
        Place::SignInCookie => {
            let (page, cookie) = stage.page().await;
            let (name, _) = cookie.split_once('=').unwrap();
            stage.sign_in(&page, &format!("{name}={token}")).await.status == 303
        }
    }
}

/// Proves V-015.
#[tokio::test]
async fn every_token_is_taken_at_its_own_place_alone() {
    let stage = Stage::set().await;
    // What is about a request comes last: asking anew ends the request before.
    let about = |kind: &Kind| matches!(kind, Kind::Handle | Kind::DeviceRequest | Kind::Decision);
    let mut waiting = stage.waiting().await;
    let mut made = Vec::new();
    for late in [false, true] {
        for kind in KINDS.into_iter().filter(|kind| about(kind) == late) {
            made.push((kind, stage.make(kind, &waiting).await));
        }
        if !late {
            waiting = stage.waiting().await;
        }
    }
    // What is rightly signed for this provider by the client is used up where signed requests are read, whatever it asks for: its name is noted.
    let stored = || -> Vec<String> {
        let rows = stage.world.stored().into_iter();
        rows.filter(|row| !row.starts_with("seen: request_object")).collect()
    };
    let before = stored();
    let (mut tried, mut wrong) = (0, Vec::new());
    for (place, own) in PLACES {
        for (kind, token) in made.iter().filter(|(kind, _)| !own.contains(kind)) {
            if is_taken(&stage, place, token, &waiting).await {
                wrong.push(format!("V-015: {kind:?} is taken as {place:?}"));
            }
            tried += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 700, "V-015: {tried} swaps");
    assert_eq!(stored(), before, "V-015: nothing that is stored changed");
    for (place, own) in PLACES {
        for kind in own {
            let waiting = stage.waiting().await;
            let token = stage.make(*kind, &waiting).await;
            let good = is_taken(&stage, place, &token, &waiting).await;
            assert!(good, "V-015: {kind:?} belongs where {place:?} is read");
        }
    }
}
