//! What `countersign doctor` says of providers outside.

use std::{fs, path::Path};

use countersign::doctor::{Report, Verdict, examine};
use countersign_clock::SystemClock;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::doctor_provider::{Provider, Shape, SignIn};

const REALM: [&str; 6] = [
    "issuer",
    "issuer_clock",
    "issuer_keys",
    "issuer_ciba",
    "sign_in",
    "app_client",
];

fn entry(kind: &str, name: &str, issuer: &str, more: &str) -> String {
    format!(
        "[[connectors.{kind}]]\nname = \"{name}\"\nissuer = \"{issuer}\"\ntitle = \"Acme\"\napp_client_id = \"countersign-app\"\n{more}\n"
    )
}

/// Looks with this configuration, laid down in `folder`.
async fn report(folder: &Path, connectors: &str) -> Report {
    // As the program does; whoever comes later finds it there.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let path = |name: &str| folder.join(name).display().to_string();
    let config = format!("[storage]\npath = {:?}\n{connectors}", path("test.db"));
    fs::write(path("config.toml"), config).unwrap();
    examine(Some(&folder.join("config.toml")), &SystemClock).await
}

async fn of_realm(issuer: &str) -> Report {
    let folder = TempDir::new().unwrap();
    report(folder.path(), &entry("keycloak", "acme", issuer, "")).await
}

fn found<'a>(report: &'a Report, connector: &str, check: &str) -> &'a Verdict {
    let of = |finding: &&countersign::doctor::Finding| {
        finding.check == check && finding.connector.as_deref() == Some(connector)
    };
    &report.checks.iter().find(of).unwrap().verdict
}

/// Each check of connectors that found something wrong, with what it said and what to do.
fn ills(report: &Report) -> Vec<(&'static str, String)> {
    let of_connectors = report.checks.iter().filter(|finding| finding.connector.is_some());
    let ills = of_connectors.filter_map(|finding| match &finding.verdict {
        Verdict::Ill { says, remedy } => Some((finding.check, format!("{says} -> {remedy}"))),
        Verdict::Ok { .. } | Verdict::Skipped { .. } => None,
    });
    ills.collect()
}

#[track_caller]
fn ill(report: &Report, check: &str, words: &str) {
    let ills = ills(report);
    let [(name, said)] = &ills[..] else {
        panic!("{check}: {words}: {report:#?}")
    };
    assert_eq!(*name, check, "{said}");
    assert!(said.contains(words), "{words}: {said}");
    assert!(!report.healthy);
}

#[tokio::test]
async fn a_realm_that_is_set_up_well_is_found_well() {
    let provider = Provider::start(Shape::default()).await;
    let report = of_realm(&provider.issuer()).await;
    for check in REALM {
        let verdict = found(&report, "acme", check);
        assert!(matches!(verdict, Verdict::Ok { .. }), "{check}: {verdict:?}");
    }
    let json = serde_json::to_value(&report).unwrap();
    let last = json["checks"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["check"], &last["connector"]),
        (&json!("app_client"), &json!("acme"))
    );
    assert!(
        json["checks"][0].get("connector").is_none(),
        "others are about the server"
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_realm_is_said_with_what_to_do() {
    let over = |metadata: serde_json::Value| Shape {
        metadata,
        ..Shape::default()
    };
    let keys = |keys: serde_json::Value| Shape {
        keys: Some(json!({ "keys": keys })),
        ..Shape::default()
    };
    let late = Shape {
        date: Some("Sat, 21 Nov 2020 10:00:00 GMT"),
        ..Shape::default()
    };
    for (shape, check, words) in [
        (
            over(json!({"issuer": "https://sso.evil.example"})),
            "issuer",
            "about another issuer: https://sso.evil.example",
        ),
        (over(json!({"issuer": 7})), "issuer", "not the metadata of a provider"),
        (
            Shape {
                metadata_status: 404,
                ..Shape::default()
            },
            "issuer",
            "realm exists",
        ),
        (
            Shape {
                metadata_status: 502,
                ..Shape::default()
            },
            "issuer",
            "answered 502",
        ),
        (late, "issuer_clock", "behind ours"),
        (keys(json!([])), "issuer_keys", "Default Signature Algorithm"),
        (
            keys(json!([{"kty": "oct", "k": "AA"}])),
            "issuer_keys",
            "secret keys must never be published",
        ),
        (
            over(json!({"backchannel_authentication_endpoint": null})),
            "issuer_ciba",
            "announces no CIBA",
        ),
        (
            over(json!({"backchannel_token_delivery_modes_supported": []})),
            "issuer_ciba",
            "no way in which clients",
        ),
        (
            over(json!({"response_types_supported": ["none"]})),
            "sign_in",
            "authorization code",
        ),
        (
            over(json!({"code_challenge_methods_supported": ["plain"]})),
            "sign_in",
            "PKCE with S256",
        ),
        (
            over(json!({"authorization_response_iss_parameter_supported": null})),
            "sign_in",
            "RFC 9207",
        ),
    ] {
        let provider = Provider::start(shape).await;
        ill(&of_realm(&provider.issuer()).await, check, words);
    }
}

#[tokio::test]
async fn whether_the_apps_client_is_known_is_asked_without_signing_anybody_in() {
    for (sign_in, words) in [
        (SignIn::Page(400), "does not know the client countersign-app"),
        (SignIn::Page(200), "does not know the client countersign-app"),
        (SignIn::Page(503), "answered 503"),
        (SignIn::Back("unauthorized_client"), "standard flow"),
        (SignIn::Back("invalid_scope"), "app_scope"),
        (SignIn::Back("invalid_request"), "refused: invalid_request"),
    ] {
        let shape = Shape {
            sign_in,
            ..Shape::default()
        };
        let provider = Provider::start(shape).await;
        ill(&of_realm(&provider.issuer()).await, "app_client", words);
    }
    let shape = Shape {
        sign_in: SignIn::Elsewhere,
        ..Shape::default()
    };
    let provider = Provider::start(shape).await;
    let report = of_realm(&provider.issuer()).await;
    let verdict = found(&report, "acme", "app_client");
    assert!(
        matches!(verdict, Verdict::Skipped { .. }),
        "it is not followed: {verdict:?}"
    );
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_said_and_the_rest_is_left_out() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let report = of_realm(&format!("http://{address}/realms/acme")).await;
    ill(&report, "issuer", "firewall");
    for check in &REALM[1..] {
        let verdict = found(&report, "acme", check);
        assert!(matches!(verdict, Verdict::Skipped { .. }), "{check}: {verdict:?}");
    }
    let report = of_realm("https://no-such-host.invalid/realms/acme").await;
    ill(&report, "issuer", "whether the name is right");
    let plain = Provider::start(Shape::default()).await;
    let report = of_realm(&plain.issuer().replace("http://", "https://")).await;
    let [("issuer", said)] = &ills(&report)[..] else {
        panic!("{report:#?}")
    };
    assert!(said.contains("cannot be reached"), "it speaks no TLS: {said}");
}

#[tokio::test]
async fn of_a_generic_provider_the_secret_and_the_callback_are_looked_at() {
    use std::os::unix::fs::PermissionsExt as _;

    const GOOD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
    for (secret, mode, callback, expected) in [
        (GOOD, 0o600, 401, None),
        (GOOD, 0o640, 400, None),
        (GOOD, 0o604, 401, Some(("webhook_secret", "can be read by others"))),
        ("whsec_AAAA", 0o600, 401, Some(("webhook_secret", "holds 3 bytes"))),
        ("secret", 0o600, 401, Some(("webhook_secret", "does not hold `whsec_`"))),
        (GOOD, 0o600, 200, Some(("callback", "anybody can approve for anybody"))),
        (GOOD, 0o600, 204, Some(("callback", "takes what nobody signed"))),
        (GOOD, 0o600, 404, Some(("callback", "nothing takes results"))),
        (GOOD, 0o600, 302, Some(("callback", "leads elsewhere"))),
        (GOOD, 0o600, 500, Some(("callback", "where 401 is due"))),
    ] {
        let shape = Shape {
            metadata: json!({"backchannel_authentication_endpoint": null}),
            callback,
            ..Shape::default()
        };
        let provider = Provider::start(shape).await;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("whsec.txt");
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let more = format!(
            "secret_file = {:?}\ncallback_url = \"{}/callback\"",
            file.display().to_string(),
            provider.origin
        );
        let report = report(folder.path(), &entry("generic", "bank", &provider.issuer(), &more)).await;
        match expected {
            Some((check, words)) => ill(&report, check, words),
            None => assert_eq!(ills(&report), [], "{mode:o} {callback}"),
        }
        let verdict = found(&report, "bank", "issuer_ciba");
        assert!(
            matches!(verdict, Verdict::Skipped { .. }),
            "its clients may ask in another way"
        );
        let json = serde_json::to_string(&report).unwrap();
        assert!(!json.contains("MfKQ9r8"), "no secret is said");
    }
}

#[tokio::test]
async fn each_of_several_connectors_is_looked_at() {
    let good = Provider::start(Shape::default()).await;
    let bad = Provider::start(Shape {
        sign_in: SignIn::Page(400),
        ..Shape::default()
    })
    .await;
    let folder = TempDir::new().unwrap();
    let both = entry("keycloak", "acme", &good.issuer(), "") + &entry("keycloak", "beta", &bad.issuer(), "");
    let report = report(folder.path(), &both).await;
    ill(&report, "app_client", "countersign-app");
    assert!(matches!(found(&report, "acme", "app_client"), Verdict::Ok { .. }));
    assert!(matches!(found(&report, "beta", "issuer"), Verdict::Ok { .. }));
}
