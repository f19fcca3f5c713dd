//! Clients that show who they are by a certificate.

use countersign::domain::{CertificateSubject, Client, ClientAuthMethod};
use serde_json::json;

use crate::{
    mtls_actor::{Authority, SUBJECT, Shown, self_signed, settings},
    op_registration::{OPEN, polling},
    op_world::{SECRET, World, basic, shop},
};

const PROBE: (&str, &str) = ("token", "unknown");

fn by_authority(id: &str, subject: CertificateSubject) -> Client {
    Client {
        auth_method: ClientAuthMethod::TlsClientAuth,
        secret_sha256: None,
        certificate_subject: Some(subject),
        ..shop(id)
    }
}

fn by_own_certificate(id: &str, jwks: &[serde_json::Value]) -> Client {
    Client {
        auth_method: ClientAuthMethod::SelfSignedTlsClientAuth,
        secret_sha256: None,
        jwks: Some(json!({"keys": jwks})),
        ..shop(id)
    }
}

async fn with_authority(authority: &Authority) -> World {
    let folder = tempfile::tempdir().unwrap();
    World::with(&settings(folder.path(), authority, "")).await
}

async fn probe(world: &World, id: &str, shown: Option<&Shown>) -> u16 {
    let answer = world.form_with(shown, "/introspect", &[PROBE, ("client_id", id)]).await;
    if answer.status != 200 {
        answer.refused(401, "invalid_client", &format!("R-236, R-264: {id}"));
    }
    answer.status.as_u16()
}

/// Proves and B-01: `tls_client_auth`.
#[tokio::test]
async fn an_authority_vouches_for_the_registered_name_alone() {
    let authority = Authority::new("authority");
    let world = with_authority(&authority).await;
    let dn = CertificateSubject::SubjectDn(SUBJECT.to_owned());
    world.add_client(by_authority("by-dn", dn)).await;
    let dns = CertificateSubject::SanDns("client.shop.example".to_owned());
    world.add_client(by_authority("by-dns", dns)).await;
    let other = CertificateSubject::SubjectDn("CN=other,O=Shop".to_owned());
    world.add_client(by_authority("other", other)).await;
    let nameless = Client {
        certificate_subject: None,
        ..by_authority("nameless", CertificateSubject::SanDns(String::new()))
    };
    world.add_client(nameless).await;

    let own = authority.issue(|_| {});
    let intermediate = authority.below("intermediate");
    let mut far = intermediate.issue(|_| {});
    let lost = intermediate.issue(|_| {});
    far.issuers = vec![intermediate.der()];
    let stranger = Authority::new("authority").issue(|_| {});
    let past = authority.issue(|params| params.not_after = rcgen::date_time_ymd(2026, 11, 21));
    let future = authority.issue(|params| params.not_before = rcgen::date_time_ymd(2026, 11, 22));
    let server =
        authority.issue(|params| params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth]);
    let alone = self_signed(|_| {});
    let renamed = authority.issue(|params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "somebody");
        params.subject_alt_names.clear();
    });
    for (shown, good, why) in [
        (Some(&own), true, "issued by the authority"),
        (
            Some(&far),
            true,
            "issued by one that it vouches for, whose certificate is sent",
        ),
        (Some(&lost), false, "by one whose certificate is not sent"),
        (Some(&stranger), false, "by another authority of the same name"),
        (Some(&past), false, "not good any more"),
        (Some(&future), false, "not good yet"),
        (Some(&server), false, "not for clients"),
        (Some(&alone), false, "by nobody"),
        (Some(&renamed), false, "for somebody else"),
        (None, false, "not shown"),
    ] {
        for id in ["by-dn", "by-dns"] {
            assert_eq!(probe(&world, id, shown).await == 200, good, "R-264: {id}: {why}");
        }
        for id in ["other", "nameless", "unknown", "countersign-app"] {
            assert_eq!(probe(&world, id, shown).await, 401, "R-236: {id}: {why}");
        }
    }
    // What is good is decided at each request, not when the connection was opened.
    let short = authority.issue(|params| params.not_after = rcgen::date_time_ymd(2026, 11, 22));
    assert_eq!(probe(&world, "by-dn", Some(&short)).await, 200, "R-264");
    world.clock.advance(24 * 3600 * 1000);
    assert_eq!(probe(&world, "by-dn", Some(&short)).await, 401, "R-264: over by now");
}

/// Proves and B-01: `self_signed_tls_client_auth`.
#[tokio::test]
async fn a_client_may_vouch_for_itself_with_what_it_registered() {
    let authority = Authority::new("authority");
    let world = with_authority(&authority).await;
    let own = self_signed(|_| {});
    let issued = authority.issue(|_| {});
    let second = Shown {
        certificate: crate::mtls_actor::of_client()
            .self_signed(&own.key)
            .unwrap()
            .der()
            .to_vec(),
        issuers: Vec::new(),
        key: rcgen::KeyPair::try_from(own.key.serialize_der()).unwrap(),
    };
    let past = self_signed(|params| params.not_after = rcgen::date_time_ymd(2026, 11, 21));
    let other = self_signed(|_| {});
    world.add_client(by_own_certificate("by-key", &[own.jwk()])).await;
    world
        .add_client(by_own_certificate(
            "by-certificate",
            &[other.jwk(), own.jwk_with_certificate()],
        ))
        .await;
    world
        .add_client(by_own_certificate("issued", &[issued.jwk_with_certificate()]))
        .await;
    world
        .add_client(by_own_certificate("past", &[past.jwk_with_certificate()]))
        .await;
    world.add_client(by_own_certificate("keyless", &[])).await;
    for (id, shown, good, why) in [
        ("by-key", Some(&own), true, "the key that was registered"),
        ("by-key", Some(&second), true, "another certificate of the same key"),
        ("by-key", Some(&other), false, "another key"),
        ("by-key", Some(&issued), false, "an authority does not help"),
        ("by-key", None, false, "nothing"),
        (
            "by-certificate",
            Some(&own),
            true,
            "the certificate that was registered",
        ),
        ("by-certificate", Some(&other), true, "the other key"),
        (
            "by-certificate",
            Some(&second),
            false,
            "another certificate of the same key",
        ),
        ("issued", Some(&issued), true, "it may be one that somebody issued"),
        ("past", Some(&past), false, "it says itself that it is over"),
        ("keyless", Some(&own), false, "nothing is registered"),
    ] {
        assert_eq!(probe(&world, id, shown).await == 200, good, "R-264: {id}: {why}");
    }
}

#[tokio::test]
async fn a_certificate_is_no_second_way_in() {
    let authority = Authority::new("authority");
    let world = with_authority(&authority).await;
    let own = authority.issue(|_| {});
    let dn = CertificateSubject::SubjectDn(SUBJECT.to_owned());
    world.add_client(by_authority("by-dn", dn)).await;
    world.add_client(by_own_certificate("by-key", &[own.jwk()])).await;
    let secretly = Client {
        jwks: Some(json!({"keys": [own.jwk()]})),
        certificate_subject: Some(CertificateSubject::SubjectDn(SUBJECT.to_owned())),
        ..shop("secret")
    };
    world.add_client(secretly).await;
    assert_eq!(
        probe(&world, "secret", Some(&own)).await,
        401,
        "R-042: registered for Basic"
    );
    let unnamed = world.form_with(Some(&own), "/introspect", &[PROBE]).await;
    unnamed.refused(401, "invalid_client", "R-045, R-264: client_id is always sent");
    for id in ["by-dn", "by-key"] {
        let form = [PROBE, ("client_id", id), ("client_secret", SECRET)];
        let answer = world.form_with(Some(&own), "/introspect", &form).await;
        answer.refused(401, "invalid_client", &format!("R-042: {id} has no secret"));
        let header = basic(id, SECRET);
        let answer = world.form("/introspect", &[("authorization", &header)], &[PROBE]).await;
        answer.refused(401, "invalid_client", &format!("R-042: {id} has no secret"));
    }
    // Whoever authenticates otherwise may have a certificate as well: its tokens can be bound to it.
    let request = axum::http::Request::post("/introspect")
        .header("authorization", basic("secret", SECRET))
        .header("content-type", "application/x-www-form-urlencoded");
    let mut request = request.body("token=unknown".into()).unwrap();
    own.beside(&mut request);
    assert_eq!(world.send(request).await.status, 200, "R-042");
}

/// Proves R-236 where it counts, and R-045: the certificate of one client does not start a request of another.
#[tokio::test]
async fn a_request_is_made_by_the_client_whose_certificate_it_is() {
    let authority = Authority::new("authority");
    let world = with_authority(&authority).await;
    let (one, other) = (self_signed(|_| {}), self_signed(|_| {}));
    world
        .add_client(by_own_certificate("one", &[one.jwk_with_certificate()]))
        .await;
    world
        .add_client(by_own_certificate("other", &[other.jwk_with_certificate()]))
        .await;
    let ask = async |id: &str, shown: Option<&Shown>| {
        let form = [("client_id", id), ("scope", "openid"), ("login_hint", "anna")];
        world.form_with(shown, "/bc-authorize", &form).await
    };
    let answer = ask("one", Some(&one)).await;
    assert_eq!(answer.status, 200, "R-042, R-045: {}", answer.body);
    let request = answer.json()["auth_req_id"].as_str().unwrap().to_owned();
    for (id, shown) in [("other", Some(&one)), ("one", Some(&other)), ("one", None)] {
        let answer = ask(id, shown).await;
        answer.refused(401, "invalid_client", &format!("R-236: {id}"));
    }
    world.approve().await;
    let poll = async |id: &str, shown: &Shown| {
        let form = [
            ("client_id", id),
            ("grant_type", countersign_protocol::CIBA_GRANT),
            ("auth_req_id", &request),
        ];
        world.form_with(Some(shown), "/token", &form).await
    };
    poll("one", &other).await.refused(401, "invalid_client", "R-236");
    poll("other", &other).await.refused(400, "invalid_grant", "R-157");
    assert_eq!(poll("one", &one).await.status, 200, "R-042, R-236");
}

#[tokio::test]
async fn headers_that_name_a_certificate_are_not_read() {
    let authority = Authority::new("authority");
    let world = with_authority(&authority).await;
    let own = self_signed(|_| {});
    world.add_client(by_own_certificate("by-key", &[own.jwk()])).await;
    let text = own.jwk_with_certificate()["x5c"][0].as_str().unwrap().to_owned();
    for (name, value) in [
        ("client-cert", format!(":{text}:")),
        ("x-client-cert", text.clone()),
        ("x-ssl-client-cert", text.clone()),
        ("x-forwarded-client-cert", format!("Cert=\"{text}\"")),
        ("ssl-client-cert", text.clone()),
    ] {
        let form = [PROBE, ("client_id", "by-key")];
        let answer = world.form("/introspect", &[(name, &value)], &form).await;
        answer.refused(401, "invalid_client", &format!("R-264: {name}"));
    }
}

#[tokio::test]
async fn without_the_listener_certificates_are_worth_nothing() {
    let world = World::new().await;
    let own = self_signed(|_| {});
    world.add_client(by_own_certificate("by-key", &[own.jwk()])).await;
    assert_eq!(
        probe(&world, "by-key", Some(&own)).await,
        401,
        "R-264: nothing was offered"
    );
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    assert!(metadata.get("mtls_endpoint_aliases").is_none(), "R-232");
    assert!(
        metadata.get("tls_client_certificate_bound_access_tokens").is_none(),
        "R-230"
    );
}

/// Proves where the listener is on.
#[tokio::test]
async fn clients_with_certificates_are_told_where_to_go() {
    let authority = Authority::new("authority");
    let world = with_authority(&authority).await;
    let metadata = world.get("/.well-known/openid-configuration").await.json();
    let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
    for (name, url) in aliases {
        assert!(name.ends_with("_endpoint"), "R-232: {name}");
        let plain = metadata[name]
            .as_str()
            .unwrap_or_else(|| panic!("R-232: {name} is no endpoint"));
        let path = plain.strip_prefix(crate::op_world::ISSUER).unwrap();
        assert_eq!(url, &format!("https://mtls.id.example{path}"), "R-232");
    }
    assert!(!aliases.contains_key("authorization_endpoint"), "R-232");
    assert!(metadata["authorization_endpoint"].is_string(), "R-230");
    for name in [
        "token_endpoint",
        "backchannel_authentication_endpoint",
        "userinfo_endpoint",
    ] {
        assert!(aliases.contains_key(name), "R-232: {name}");
    }
    assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true, "R-230");
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    for method in ["tls_client_auth", "self_signed_tls_client_auth"] {
        assert!(methods.iter().any(|known| known == method), "R-042: {method}");
    }
    let config = "[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"";
    let without = World::with(config).await;
    let metadata = without.get("/.well-known/openid-configuration").await.json();
    let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(
        !methods.iter().any(|known| known == "tls_client_auth"),
        "R-042: nobody could vouch for a client"
    );
}

/// Proves: what discovery names can be registered, and nothing else that takes a certificate.
#[tokio::test]
async fn what_can_be_registered_is_what_is_offered() {
    let offering = format!("{OPEN}\nauth_methods = [\"tls_client_auth\", \"self_signed_tls_client_auth\"]\n");
    let listening = format!("{offering}[server]\ntls = \"development\"\n[mtls]\nlisten = \"127.0.0.1:0\"\n");
    let own = self_signed(|_| {});
    for config in [offering, listening] {
        let world = World::with(&config).await;
        let metadata = world.get("/.well-known/openid-configuration").await.json();
        let offered = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
        for (method, name, value) in [
            ("tls_client_auth", "tls_client_auth_subject_dn", json!("CN=till")),
            ("self_signed_tls_client_auth", "jwks", json!({"keys": [own.jwk()]})),
        ] {
            let mut till = polling("Till");
            till["token_endpoint_auth_method"] = method.into();
            till[name] = value;
            let answer = world.register(&till).await;
            if offered.iter().any(|known| known == method) {
                assert_eq!(answer.status, 201, "R-262: {method}: {}", answer.body);
            } else {
                answer.refused(400, "invalid_client_metadata", &format!("R-042, R-262: {method}"));
                let why = answer.json()["error_description"].to_string();
                assert!(why.contains("token_endpoint_auth_method: is not offered: "), "{why}");
            }
        }
    }
}
