//! Each rule with what keeps it and what breaks it.

use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::{CIBA_GRANT, DeliveryMode};
use serde_json::{Map, Value, json};

use super::{By, Offer, read, write};
use crate::{
    config::Config,
    domain::{Client, ClientAuthMethod, GrantType, TokenRules},
};

fn offer(by: By, toml: &str) -> Offer {
    let config = Config::from_toml(toml).unwrap();
    let offer = Offer::to_operator(&config.op, &config.outbound.allow, &config.mtls);
    match by {
        By::Operator => offer,
        By::Client => offer.to_clients(&config.registration),
    }
}

/// `more` over `base`; a null is as good as nothing.
fn over(base: &Value, more: &Value) -> Map<String, Value> {
    let all = [base, more].map(|said| said.as_object().unwrap().clone());
    all.into_iter().flatten().collect()
}

/// Where clients may show certificates, of one of these authorities.
const CERTIFICATES: &str = "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\nca_file = \"ca.pem\"";

/// What an operator may say over a client that polls.
pub(super) fn operator(more: &Value) -> Result<Client, String> {
    registered(By::Operator, CERTIFICATES, more)
}

pub(super) fn registered(by: By, toml: &str, more: &Value) -> Result<Client, String> {
    let base = json!({
        "client_name": "Demo Shop",
        "grant_types": [CIBA_GRANT],
        "response_types": [],
        "backchannel_token_delivery_mode": "poll",
        "scope": "openid profile",
    });
    let client = read(&over(&base, more), Client::new("shop", "shop", 0), &offer(by, toml));
    client.map_err(|error| error.to_string())
}

pub(super) fn jwks() -> Value {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    json!({ "keys": [key.public_jwk()] })
}

#[test]
fn a_client_that_only_uses_ciba_is_registered() {
    let client = operator(&json!({})).unwrap();
    assert_eq!(client.delivery_mode, Some(DeliveryMode::Poll), "R-010");
    assert_eq!(client.grant_types, [GrantType::Ciba], "R-012");
    assert!(
        client.redirect_uris.is_empty(),
        "R-021: neither redirects nor response types"
    );
    assert_eq!(
        client.auth_method,
        ClientAuthMethod::ClientSecretBasic,
        "R-018: the only method, for both endpoints"
    );
    assert!(!client.requests.user_code, "R-017: false where nothing is said");
    let client = operator(&json!({"backchannel_client_notification_endpoint": "https://shop.example/cb"})).unwrap();
    assert_eq!(
        client.delivery_mode,
        Some(DeliveryMode::Poll),
        "R-014: an endpoint makes nobody be called"
    );
    let pushed = json!({"grant_types": [], "backchannel_token_delivery_mode": "push",
        "backchannel_client_notification_endpoint": "https://shop.example/cb"});
    let client = registered(By::Operator, "[op]\ndelivery_modes = [\"push\"]", &pushed).unwrap();
    assert!(
        client.grant_types.is_empty(),
        "R-012: who is pushed to need not name the grant"
    );
}

#[test]
fn what_was_read_is_written_and_reads_the_same() {
    for more in [
        json!({}),
        json!({"backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": "https://shop.example/cb",
            "backchannel_user_code_parameter": true, "token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(),
            "token_endpoint_auth_signing_alg": "PS256", "backchannel_authentication_request_signing_alg": "PS256",
            "require_signed_backchannel_request": true, "default_acr_values": ["a"], "authorization_details_types": ["payment"]}),
        json!({"grant_types": [CIBA_GRANT, "authorization_code", "refresh_token"], "response_types": ["code"],
            "redirect_uris": ["https://shop.example/cb"], "request_object_signing_alg": "ES256", "require_signed_request_object": true,
            "require_pushed_authorization_requests": true, "jwks_uri": "https://shop.example/jwks", "subject_type": "pairwise",
            "sector_identifier_uri": "https://shop.example/sector"}),
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=shop",
            "tls_client_certificate_bound_access_tokens": true}),
        json!({"id_token_signed_response_alg": "RS256", "userinfo_signed_response_alg": "ES256", "access_token_signing_alg": "ES256",
            "dpop_bound_access_tokens": true, "application_type": "web", "contacts": ["ops@shop.example"], "default_max_age": 60,
            "logo_uri": "https://shop.example/logo.png", "policy_uri": "https://shop.example/p", "tos_uri": "https://shop.example/t",
            "require_auth_time": true, "software_id": "shop", "software_version": "1.0", "client_uri": "https://shop.example/"}),
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(), "dpop_bound_access_tokens": true,
            "binding_mode": "type", "profile": "fapi2", "disabled": true, "endpoint_audience": true, "request_expires_in": 30,
            "request_max_expiry": 60, "required_acr": "urn:countersign:acr:device", "resources": ["https://api.example/"]}),
    ] {
        let client = operator(&more).unwrap();
        let written = write(&client, By::Operator);
        for (name, value) in more.as_object().unwrap() {
            assert_eq!(written.get(name), Some(value), "R-261: {name}");
        }
        let again = read(
            &written,
            Client::new("shop", "shop", 0),
            &offer(By::Operator, CERTIFICATES),
        )
        .unwrap();
        assert_eq!(again, client);
        let changed = read(&Map::new(), client, &offer(By::Operator, CERTIFICATES));
        assert!(
            changed.is_err(),
            "nothing of it stays: an empty description lacks redirects"
        );
    }
}

#[test]
fn a_client_has_no_say_in_what_is_the_operators() {
    let mut kept = operator(&json!({"binding_mode": "type", "request_max_expiry": 60})).unwrap();
    kept.profile = crate::domain::Profile::Fapi2;
    let keys = jwks();
    let theirs = json!({"grant_types": [CIBA_GRANT], "backchannel_token_delivery_mode": "poll", "binding_mode": "show", "profile": "plain",
        "token_endpoint_auth_method": "private_key_jwt", "jwks": keys, "dpop_bound_access_tokens": true,
        "disabled": true, "request_max_expiry": 600, "endpoint_audience": true, "unheard_of": 1, "client_name": "Shop"});
    let client = read(theirs.as_object().unwrap(), kept.clone(), &offer(By::Client, "")).unwrap();
    let expected = Client {
        name: "Shop".to_owned(),
        scopes: vec!["profile".to_owned(), "email".to_owned()],
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        jwks: Some(keys),
        tokens: TokenRules {
            dpop_bound: true,
            ..kept.tokens.clone()
        },
        ..kept
    };
    assert_eq!(
        client, expected,
        "R-262: what is not known is ignored, and so is what is not theirs"
    );
    let told = write(&client, By::Client);
    assert!(
        !told.contains_key("binding_mode") && !told.contains_key("profile"),
        "{told:?}"
    );
}

#[test]
fn the_policy_says_what_clients_may_register_themselves() {
    let policy = "[op]\ndelivery_modes = [\"poll\", \"push\"]\n[registration]\nscopes = [\"phone\"]\nauth_methods = [\"private_key_jwt\"]";
    let by_key = json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": jwks(), "scope": "openid phone"});
    let with = |more: Value| registered(By::Client, policy, &over(&by_key, &more).into());
    assert_eq!(
        with(json!({"scope": null})).unwrap().scopes,
        ["phone"],
        "all that there is, where nothing is said"
    );
    for (more, member) in [
        (
            json!({"token_endpoint_auth_method": null}),
            "token_endpoint_auth_method",
        ),
        (json!({"scope": "openid profile"}), "scope"),
        (
            json!({"backchannel_token_delivery_mode": "push"}),
            "backchannel_token_delivery_mode",
        ),
        (
            json!({"backchannel_token_delivery_mode": "ping"}),
            "backchannel_token_delivery_mode",
        ),
        (
            json!({"authorization_details_types": ["payment"]}),
            "authorization_details_types",
        ),
    ] {
        let error = with(more.clone()).unwrap_err();
        assert!(error.starts_with(member), "C-08, R-011: {more}: {error}");
    }
}

/// nobody has a host called that is not known to be theirs.
#[test]
fn a_notification_endpoint_is_at_a_host_of_the_client() {
    let ping = |endpoint: &str, more: Value| {
        let called =
            json!({"backchannel_token_delivery_mode": "ping", "backchannel_client_notification_endpoint": endpoint});
        over(&called, &more).into()
    };
    let published = |uri: &str| json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri});
    let shop = "https://shop.example/cb";
    for (hosts, more, good) in [
        ("", ping(shop, json!({})), false),
        ("", ping(shop, published("https://shop.example/jwks")), true),
        ("", ping(shop, published("https://keys.shop.example/jwks")), false),
        // A shared secret shows nothing about the host where keys are published.
        ("", ping(shop, json!({"jwks_uri": "https://shop.example/jwks"})), false),
        ("\"shop.example\"", ping(shop, json!({})), true),
        ("\"shop.example\"", ping("https://shop.example./cb", json!({})), true),
        (
            "\"shop.example\"",
            ping("https://evil-shop.example/cb", json!({})),
            false,
        ),
        (
            "\"*.shop.example\"",
            ping("https://a.b.shop.example/cb", json!({})),
            true,
        ),
        ("\"*.shop.example\"", ping(shop, json!({})), false),
        (
            "\"*.shop.example\"",
            ping("https://evilshop.example/cb", json!({})),
            false,
        ),
        ("\"*\"", ping(shop, json!({})), true),
    ] {
        let policy = format!("[registration]\nnotification_hosts = [{hosts}]");
        let made = registered(By::Client, &policy, &more);
        assert_eq!(made.is_ok(), good, "R-020: {hosts} {more}: {made:?}");
        assert!(
            registered(By::Operator, "", &more).is_ok(),
            "R-020: the operator approves: {more}"
        );
    }
}

/// Proves: what needs a certificate is registered where clients can show one.
#[test]
fn what_takes_a_certificate_needs_the_listener_for_certificates() {
    let certified = json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": "CN=shop"});
    let own = json!({"token_endpoint_auth_method": "self_signed_tls_client_auth", "jwks": jwks()});
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    let without_authority = CERTIFICATES.replace("ca_file = \"ca.pem\"", "");
    let method = "token_endpoint_auth_method";
    let bind = "tls_client_certificate_bound_access_tokens";
    for by in [By::Operator, By::Client] {
        for (settings, said, refused) in [
            ("", &certified, Some((method, "[mtls] listen"))),
            ("", &own, Some((method, "[mtls] listen"))),
            ("", &bound, Some((bind, "[mtls] listen"))),
            (&without_authority, &certified, Some((method, "[mtls] ca_file"))),
            (&without_authority, &own, None),
            (&without_authority, &bound, None),
            (CERTIFICATES, &certified, None),
            (CERTIFICATES, &own, None),
        ] {
            let policy = "[registration]\nauth_methods = [\"tls_client_auth\", \"self_signed_tls_client_auth\", \"client_secret_basic\"]";
            let made = registered(by, &format!("{settings}\n{policy}"), said);
            match (made, refused) {
                (Ok(_), None) => {}
                (Err(error), Some((member, setting))) => assert!(
                    error.starts_with(&format!("{member}: is not offered")) && error.contains(setting),
                    "R-042, R-262: {said}: {error}"
                ),
                (made, _) => panic!("R-042, R-262: {by:?}: {said} with {settings}: {made:?}"),
            }
        }
    }
}
