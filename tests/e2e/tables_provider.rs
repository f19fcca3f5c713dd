//! The provider's endpoints, each parameter missing, twice, empty, too long, and of the wrong kind: the error that is documented, and
//! nothing changed.

use countersign_e2e::{
    Backend, BackendOptions, Credentials, Person, RelyingParty, Stage,
    form_fault::{
        Fault::{self, Empty, Is, Long, Missing, Twice},
        Form, form, spoilt, told,
    },
    http, snapshot,
};
use countersign_protocol::CIBA_GRANT;
use reqwest::{RequestBuilder, StatusCode, header};

type Row = (&'static str, Fault, &'static str);

/// Posts `good` with each row's fault; every answer has to be the row's, and nothing may change.
async fn table(stage: &Stage, path: &str, good: &Form, rows: &[Row]) {
    let Credentials::Basic(secret) = &stage.shop.credentials else {
        panic!("the shop has a secret")
    };
    let before = snapshot::take(&stage.backend);
    for (name, fault, error) in rows {
        let request = http()
            .post(format!("{}{path}", stage.backend.origin))
            .basic_auth(&stage.shop.id, Some(secret))
            .form(&spoilt(good, name, *fault));
        let expected = (StatusCode::BAD_REQUEST, (*error).to_owned());
        assert_eq!(told(request).await, expected, "R-067, R-120: {path} {name} {fault:?}");
        assert_eq!(
            snapshot::take(&stage.backend),
            before,
            "{path} {name} {fault:?} changed something"
        );
    }
}

#[tokio::test]
async fn authentication_requests_with_one_thing_wrong_are_refused_and_ask_nobody() {
    let stage = Stage::set().await;
    let good = form(&[
        ("scope", "openid profile"),
        ("login_hint", "anna"),
        ("binding_message", "W4SCT"),
        ("requested_expiry", "60"),
        ("acr_values", "urn:countersign:acr:device-verified"),
    ]);
    let rows = [
        ("scope", Missing, "invalid_request"),
        ("scope", Twice, "invalid_request"),
        ("scope", Empty, "invalid_request"),
        ("scope", Long(2_000), "invalid_scope"),
        ("scope", Is("profile"), "invalid_scope"),
        ("scope", Is("openid email"), "invalid_scope"),
        ("scope", Is("openid \"quoted\""), "invalid_scope"),
        ("login_hint", Missing, "invalid_request"),
        ("login_hint", Twice, "invalid_request"),
        ("login_hint", Empty, "invalid_request"),
        ("login_hint", Long(600), "invalid_request"),
        ("login_hint", Is("nobody"), "unknown_user_id"),
        (
            "login_hint",
            Is("{\"iss\":\"https://other.example\",\"sub\":\"x\"}"),
            "unknown_user_id",
        ),
        ("id_token_hint", Is("x.y.z"), "invalid_request"),
        ("login_hint_token", Is("x.y.z"), "invalid_request"),
        ("binding_message", Twice, "invalid_request"),
        ("binding_message", Long(65), "invalid_binding_message"),
        ("binding_message", Is("two\nlines"), "invalid_binding_message"),
        (
            "binding_message",
            Is("see https://evil.example"),
            "invalid_binding_message",
        ),
        ("requested_expiry", Twice, "invalid_request"),
        ("requested_expiry", Long(30), "invalid_request"),
        ("requested_expiry", Is("99999999999999999999"), "invalid_request"),
        ("requested_expiry", Is("-1"), "invalid_request"),
        ("requested_expiry", Is("soon"), "invalid_request"),
        ("acr_values", Twice, "invalid_request"),
        ("acr_values", Long(2_000), "invalid_request"),
        ("acr_values", Is("über"), "invalid_request"),
        ("request", Is("x.y.z"), "invalid_request"),
        ("client_id", Is("another-client"), "invalid_request"),
        ("client_secret", Is("a second way to authenticate"), "invalid_request"),
    ];
    table(&stage, "/bc-authorize", &good, &rows).await;
    assert!(stage.phone.pending().await.is_empty(), "nobody was asked");
    let ok = spoilt(&spoilt(&good, "binding_message", Empty), "requested_expiry", Empty);
    let ok = spoilt(&ok, "scope", Missing); // the client sends it itself
    let parameters: Vec<(&str, &str)> = ok.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    stage.shop.start(&parameters).await;
    assert_eq!(
        stage.phone.pending().await.len(),
        1,
        "R-067: an empty optional parameter counts as absent"
    );
}

#[tokio::test]
async fn token_requests_with_one_thing_wrong_are_refused_and_use_nothing_up() {
    let stage = Stage::set().await;
    let started = stage.ask(&[]).await;
    stage.decide(countersign_protocol::Verdict::Approve, None).await;
    let good = form(&[("grant_type", CIBA_GRANT), ("auth_req_id", &started.auth_req_id)]);
    let rows = [
        ("grant_type", Missing, "invalid_request"),
        ("grant_type", Twice, "invalid_request"),
        ("grant_type", Empty, "invalid_request"),
        ("grant_type", Long(2_000), "invalid_request"),
        ("grant_type", Is("password"), "unsupported_grant_type"),
        ("grant_type", Is("authorization_code"), "unauthorized_client"),
        ("grant_type", Is("refresh_token"), "unauthorized_client"),
        ("auth_req_id", Missing, "invalid_request"),
        ("auth_req_id", Twice, "invalid_request"),
        ("auth_req_id", Empty, "invalid_request"),
        ("auth_req_id", Long(2_000), "invalid_request"),
        (
            "auth_req_id",
            Is("1c266114-a1be-4252-8ad1-04986c5b9ac1"),
            "invalid_grant",
        ),
        ("client_id", Is("another-client"), "invalid_request"),
    ];
    table(&stage, "/token", &good, &rows).await;
    let tokens = stage
        .shop
        .poll(&started.auth_req_id)
        .await
        .expect("nothing was used up");

    let token = tokens.response["access_token"]
        .as_str()
        .expect("there is an access token");
    let good = form(&[("token", token)]);
    let rows = [
        ("token", Missing, "invalid_request"),
        ("token", Twice, "invalid_request"),
        ("token", Empty, "invalid_request"),
        ("token", Long(17_000), "invalid_request"),
    ];
    table(&stage, "/introspect", &good, &rows).await;
    table(&stage, "/revoke", &good, &rows).await;
    let (status, body) = stage.shop.post("introspection_endpoint", &[("token", "unknown")]).await;
    assert_eq!(
        (status, body),
        (StatusCode::OK, serde_json::json!({ "active": false })),
        "RFC 7662 section 2.2"
    );
    let (_, body) = stage.shop.post("introspection_endpoint", &[("token", token)]).await;
    assert_eq!(body["active"], true, "refused revocations revoke nothing");
}

#[tokio::test]
async fn whoever_is_not_authenticated_or_sends_no_form_is_refused() {
    let stage = Stage::set().await;
    let Credentials::Basic(secret) = &stage.shop.credentials else {
        panic!("the shop has a secret")
    };
    let before = snapshot::take(&stage.backend);
    for path in ["/bc-authorize", "/token", "/introspect", "/revoke"] {
        let url = format!("{}{path}", stage.backend.origin);
        let good = form(&[
            ("scope", "openid"),
            ("login_hint", "anna"),
            ("grant_type", CIBA_GRANT),
            ("auth_req_id", "x"),
            ("token", "x"),
        ]);
        let post = || http().post(&url);
        let shop = || post().basic_auth("shop", Some(secret));
        let forms = |request: RequestBuilder| request.form(&good);
        let json = "application/json";
        let large = "a=".to_owned() + &"b".repeat(70_000);
        let kind = (header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let rows = [
            ("nobody", forms(post()), 401, "invalid_client"),
            (
                "a stranger",
                forms(post().basic_auth("stranger", Some("secret"))),
                401,
                "invalid_client",
            ),
            (
                "a wrong secret",
                forms(post().basic_auth("shop", Some("secret"))),
                401,
                "invalid_client",
            ),
            (
                "no credentials at all",
                forms(post().header("authorization", "Basic !")),
                401,
                "invalid_client",
            ),
            ("a token instead", forms(post().bearer_auth("x")), 401, "invalid_client"),
            (
                "JSON",
                shop().header("content-type", json).body("{}"),
                400,
                "invalid_request",
            ),
            ("no type", shop().body("scope=openid"), 400, "invalid_request"),
            (
                "70 kB",
                shop().header(kind.0.clone(), kind.1).body(large),
                413,
                "invalid_request",
            ),
            (
                "no UTF-8",
                shop().header(kind.0, kind.1).body("scope=%ff"),
                400,
                "invalid_request",
            ),
        ];
        for (what, request, status, error) in rows {
            let (found, code) = told(request).await;
            assert_eq!(
                (found.as_u16(), code.as_str()),
                (status, error),
                "R-041, S-034: {path}: {what}"
            );
        }
        let (status, _) = told(http().get(&url)).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path} is for POST alone");
    }
    let userinfo = http()
        .get(format!("{}/userinfo", stage.backend.origin))
        .bearer_auth("unknown");
    assert_eq!(
        told(userinfo).await,
        (StatusCode::UNAUTHORIZED, "invalid_token".to_owned()),
        "RFC 6750 section 3.1"
    );
    assert_eq!(snapshot::take(&stage.backend), before, "nothing changed");
}

/// An authorization request with one thing wrong ends on an error page when it is not sure where to send the browser, else at the client.
#[tokio::test]
async fn authorization_requests_with_one_thing_wrong_show_no_sign_in_page() {
    let backend = Backend::start(&BackendOptions::default());
    let anna = Person::add(&backend, "anna");
    let _shop = RelyingParty::add(&backend, "shop", &[]).await;
    let good = form(&[
        ("response_type", "code"),
        ("client_id", "countersign-app"),
        ("redirect_uri", "http://127.0.0.1:9/callback"),
        ("scope", "openid profile"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    let page = "";
    let rows = [
        ("client_id", Missing, page),
        ("client_id", Twice, page),
        ("client_id", Empty, page),
        ("client_id", Long(2_000), page),
        ("client_id", Is("stranger"), page),
        ("redirect_uri", Missing, page),
        ("redirect_uri", Twice, page),
        ("redirect_uri", Long(3_000), page),
        ("redirect_uri", Is("https://evil.example/callback"), page),
        ("redirect_uri", Is("http://127.0.0.1:9/callback/../x"), page),
        ("redirect_uri", Is("http://localhost:9/callback"), page),
        ("response_type", Missing, "invalid_request"),
        ("response_type", Empty, "invalid_request"),
        ("response_type", Is("token"), "unsupported_response_type"),
        ("scope", Missing, "invalid_request"),
        ("scope", Is("profile"), "invalid_scope"),
        ("scope", Is("openid payment"), "invalid_scope"),
        ("scope", Long(2_000), "invalid_scope"),
        ("state", Long(3_000), "invalid_request"),
        ("nonce", Long(3_000), "invalid_request"),
        ("code_challenge", Missing, "invalid_request"),
        ("code_challenge", Is("short"), "invalid_request"),
        ("code_challenge_method", Missing, "invalid_request"),
        ("code_challenge_method", Is("plain"), "invalid_request"),
        ("prompt", Is("none"), "login_required"),
        ("max_age", Is("long"), "invalid_request"),
        ("response_mode", Is("fragment"), "invalid_request"),
        ("request", Is("x.y.z"), "request_not_supported"),
        ("request_uri", Is("https://x.example"), "request_uri_not_supported"),
    ];
    let before = snapshot::take(&backend);
    let authorize = url::Url::parse(&format!("{}/authorize", backend.origin)).expect("a URL");
    for (name, fault, error) in rows {
        let mut url = authorize.clone();
        url.query_pairs_mut().extend_pairs(spoilt(&good, name, fault));
        let answer = http().get(url).send().await.expect("the provider answers");
        if error == page {
            assert_eq!(
                answer.status(),
                StatusCode::BAD_REQUEST,
                "R-270: {name} {fault:?} leads nowhere"
            );
            assert!(
                !answer.headers().contains_key(header::LOCATION),
                "R-270: {name} {fault:?}"
            );
            continue;
        }
        assert_eq!(
            answer.status(),
            StatusCode::SEE_OTHER,
            "{name} {fault:?} is told to the client"
        );
        let to = answer.headers()[header::LOCATION].to_str().expect("ASCII");
        let to = url::Url::parse(to).expect("a URL");
        let said = |wanted: &str| {
            to.query_pairs()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        assert_eq!(said("error").as_deref(), Some(error), "{name} {fault:?}");
        assert_eq!(
            said("iss").as_deref(),
            Some(backend.origin.as_str()),
            "R-269: {name} {fault:?}"
        );
        assert_eq!(said("code"), None, "{name} {fault:?}");
    }
    assert_eq!(snapshot::take(&backend), before, "nothing changed");
    let mut url = authorize;
    url.query_pairs_mut().extend_pairs(&good);
    let back = anna.sign_in(&url).await;
    assert!(
        back.query_pairs().any(|(name, _)| name == "code"),
        "with nothing wrong it works"
    );
}
