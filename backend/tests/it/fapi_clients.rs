//! What the profiles of the Financial-grade API ask of clients.

use countersign::{
    config::Config,
    domain::{AuthorizationRules, Client, ClientAuthMethod, GrantType, Profile, RequestRules, TokenRules},
    op::check_profile,
};
use countersign_protocol::DeliveryMode;
use serde_json::json;

use crate::{
    mtls_actor::{Shown, self_signed},
    op_world::shop,
};

/// A client as the profile of FAPI 1.0 wants it.
pub fn fapi_ciba(id: &str, own: &Shown) -> Client {
    Client {
        auth_method: ClientAuthMethod::SelfSignedTlsClientAuth,
        secret_sha256: None,
        jwks: Some(json!({"keys": [own.jwk_with_certificate()]})),
        redirect_uris: Vec::new(),
        grant_types: vec![GrantType::Ciba, GrantType::RefreshToken],
        delivery_mode: Some(DeliveryMode::Poll),
        profile: Profile::FapiCiba,
        requests: RequestRules {
            signing_alg: Some("PS256".to_owned()),
            ..RequestRules::default()
        },
        tokens: TokenRules {
            certificate_bound: true,
            ..TokenRules::default()
        },
        ..shop(id)
    }
}

/// A client as the profile of FAPI 2.0 wants it.
pub fn fapi2(id: &str, own: &Shown) -> Client {
    Client {
        redirect_uris: vec!["https://shop.example/cb".to_owned(), "http://127.0.0.1/cb".to_owned()],
        grant_types: vec![GrantType::Ciba, GrantType::AuthorizationCode],
        profile: Profile::Fapi2,
        requests: RequestRules::default(),
        authorization: AuthorizationRules {
            pushed: true,
            ..AuthorizationRules::default()
        },
        tokens: TokenRules {
            dpop_bound: true,
            ..TokenRules::default()
        },
        ..fapi_ciba(id, own)
    }
}

type Change = fn(&mut Client);

/// Changes that leave a client of FAPI 1.0 one, and those that do not with the member that is named.
const OF_FAPI_CIBA: [(Change, Option<&str>, &str); 21] = [
    (|_| {}, None, "R-209: a certificate of its own"),
    (|c| c.auth_method = ClientAuthMethod::TlsClientAuth, None, "R-209"),
    (|c| c.auth_method = ClientAuthMethod::PrivateKeyJwt, None, "R-209"),
    (
        |c| c.delivery_mode = Some(DeliveryMode::Ping),
        None,
        "R-202: ping is optional",
    ),
    (|c| c.requests.signing_alg = Some("ES256".to_owned()), None, "R-210"),
    (|c| "PS256".clone_into(&mut c.id_token_alg), None, "R-210"),
    (
        |c| c.auth_method = ClientAuthMethod::None,
        Some("token_endpoint_auth_method"),
        "R-200",
    ),
    (
        |c| c.auth_method = ClientAuthMethod::ClientSecretBasic,
        Some("token_endpoint_auth_method"),
        "R-209",
    ),
    (
        |c| c.auth_method = ClientAuthMethod::ClientSecretPost,
        Some("token_endpoint_auth_method"),
        "R-209",
    ),
    (
        |c| c.auth_method = ClientAuthMethod::ClientSecretJwt,
        Some("token_endpoint_auth_method"),
        "R-209",
    ),
    (
        |c| c.delivery_mode = Some(DeliveryMode::Push),
        Some("backchannel_token_delivery_mode"),
        "R-202",
    ),
    (
        |c| c.requests.signing_alg = None,
        Some("backchannel_authentication_request_signing_alg"),
        "R-203",
    ),
    (
        |c| c.requests.signing_alg = Some("RS256".to_owned()),
        Some("backchannel_authentication_request_signing_alg"),
        "R-210",
    ),
    (
        |c| c.requests.signing_alg = Some("EdDSA".to_owned()),
        Some("backchannel_authentication_request_signing_alg"),
        "R-210",
    ),
    (
        |c| c.requests.signing_alg = Some("none".to_owned()),
        Some("backchannel_authentication_request_signing_alg"),
        "R-210",
    ),
    (
        |c| "RS256".clone_into(&mut c.id_token_alg),
        Some("id_token_signed_response_alg"),
        "R-210",
    ),
    (
        |c| c.assertion_alg = Some("RS256".to_owned()),
        Some("token_endpoint_auth_signing_alg"),
        "R-210",
    ),
    (
        |c| c.tokens.access_token_alg = Some("RS256".to_owned()),
        Some("access_token_signing_alg"),
        "R-210",
    ),
    (
        |c| c.tokens.certificate_bound = false,
        Some("tls_client_certificate_bound_access_tokens"),
        "R-209",
    ),
    (
        |c| c.tokens.dpop_bound = true,
        Some("tls_client_certificate_bound_access_tokens"),
        "R-209: a proof is no substitute",
    ),
    (
        |c| c.grant_types.push(GrantType::AuthorizationCode),
        Some("grant_types"),
        "R-200: what FAPI 1.0 asks of the code flow is not offered",
    ),
];

const OF_FAPI_2: [(Change, Option<&str>, &str); 13] = [
    (|_| {}, None, "R-223: bound by proofs"),
    (
        |c| {
            c.tokens.dpop_bound = false;
            c.tokens.certificate_bound = true;
        },
        None,
        "R-223: bound to the certificate",
    ),
    (|c| c.auth_method = ClientAuthMethod::PrivateKeyJwt, None, "R-223"),
    (|c| c.assertion_alg = Some("EdDSA".to_owned()), None, "R-223"),
    (
        |c| c.requests.signing_alg = Some("EdDSA".to_owned()),
        None,
        "R-221, R-223: signed if it likes",
    ),
    (
        |c| c.tokens.dpop_bound = false,
        Some("dpop_bound_access_tokens"),
        "R-223",
    ),
    (
        |c| c.auth_method = ClientAuthMethod::None,
        Some("token_endpoint_auth_method"),
        "R-200, R-223",
    ),
    (
        |c| c.auth_method = ClientAuthMethod::ClientSecretPost,
        Some("token_endpoint_auth_method"),
        "R-223",
    ),
    (
        |c| c.authorization.pushed = false,
        Some("require_pushed_authorization_requests"),
        "R-223",
    ),
    (
        |c| c.authorization.object_alg = Some("RS256".to_owned()),
        Some("request_object_signing_alg"),
        "R-223",
    ),
    (
        |c| c.tokens.userinfo_alg = Some("RS256".to_owned()),
        Some("userinfo_signed_response_alg"),
        "R-223",
    ),
    (
        |c| c.redirect_uris = vec!["com.example.app:/cb".to_owned()],
        Some("redirect_uris"),
        "R-223",
    ),
    (
        |c| c.delivery_mode = Some(DeliveryMode::Push),
        Some("backchannel_token_delivery_mode"),
        "R-202, R-223",
    ),
];

/// Proves.
#[test]
fn a_client_is_registered_only_as_its_profile_says() {
    let own = self_signed(|_| {});
    let config = Config::from_toml("").unwrap().op;
    let everywhere = "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\n[op]\nprofile = ";
    let fapi_ciba_for_all = Config::from_toml(&format!("{everywhere}\"fapi_ciba\"")).unwrap().op;
    let fapi2_for_all = Config::from_toml(&format!("{everywhere}\"fapi2\"")).unwrap().op;
    let tables = [
        (&OF_FAPI_CIBA[..], fapi_ciba("client", &own), &fapi_ciba_for_all),
        (&OF_FAPI_2[..], fapi2("client", &own), &fapi2_for_all),
    ];
    for (table, good, for_all) in tables {
        for (change, member, why) in table {
            let mut changed = good.clone();
            change(&mut changed);
            let of_nobody = Client {
                profile: Profile::Plain,
                ..changed.clone()
            };
            assert_eq!(check_profile((&config).into(), &of_nobody), Ok(()), "{why}: no profile");
            for (config, client) in [(&config, &changed), (for_all, &of_nobody), (for_all, &changed)] {
                let checked = check_profile(config.into(), client);
                assert_eq!(checked.is_ok(), member.is_none(), "{why}: {checked:?}");
                if let (Err(violation), Some(member)) = (checked, member) {
                    assert_eq!(&violation.member, member, "{why}");
                }
            }
        }
    }
    // The stricter one of both, whichever is the client's.
    assert!(
        check_profile((&fapi_ciba_for_all).into(), &fapi2("client", &own)).is_err(),
        "R-209"
    );
    let both = Client {
        redirect_uris: Vec::new(),
        ..fapi_ciba("client", &own)
    };
    assert_eq!(check_profile((&fapi2_for_all).into(), &both), Ok(()), "R-209, R-223");
}

#[test]
fn the_newer_draft_leaves_signing_to_the_client() {
    let own = self_signed(|_| {});
    let config = Config::from_toml("[op]\nfapi_ciba = \"draft03\"").unwrap().op;
    let mut client = fapi_ciba("client", &own);
    client.requests.signing_alg = None;
    assert_eq!(check_profile((&config).into(), &client), Ok(()), "R-221");
}
