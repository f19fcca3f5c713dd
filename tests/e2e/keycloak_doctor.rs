//! What the operator's commands say of a real Keycloak.

use countersign_e2e::{Backend, BackendOptions, Keycloak};
use tokio::task::block_in_place;

use crate::doctor::Report;

/// Every step of `docs/connectors/keycloak.md` that can be seen from outside is seen, and a step that was left out is named.
#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_a_realm_well_or_says_what_it_lacks() {
    let keycloak = Keycloak::borrow().await;
    let backend = keycloak.backend(&["acme", "beta"]);
    let report = block_in_place(|| Report::of(&backend));
    assert_eq!(
        report.code(),
        Some(0),
        "both realms are set up as the page says: {report}"
    );
    for check in ["issuer", "issuer_keys", "issuer_ciba", "sign_in", "app_client"] {
        assert_eq!(report.state(check), "ok", "{report}");
    }
    assert_eq!(
        report.state("issuer_clock"),
        "skipped",
        "Keycloak sends no `Date`: {report}"
    );
    let listed = block_in_place(|| backend.succeed(&["connector", "list"], ""));
    assert!(listed.contains("acme") && listed.contains("beta"), "{listed}");
    for (of, instead, check, words) in [
        (
            "\"countersign-app\"",
            "\"somebody\"",
            "app_client",
            "http://127.0.0.1/callback",
        ),
        ("/realms/acme", "/realms/nowhere", "issuer", "realm"),
    ] {
        let config = keycloak.entry("acme").replace(of, instead);
        let backend = Backend::start(&BackendOptions::with(&config));
        let report = block_in_place(|| Report::of(&backend));
        assert_eq!(report.state(check), "ill", "{instead}: {report}");
        assert!(report.says(check).contains(words), "it says what to do: {report}");
    }
}
