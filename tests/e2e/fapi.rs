//! A bank under the profile of FAPI-CIBA: a certificate, a signed request, a real device, and tokens that are worth nothing without the certificate.

use std::{fs, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_clock::{Clock as _, SystemClock};
use countersign_e2e::{Backend, BackendOptions, Device, Person, http, install_tls};
use countersign_jose::{Algorithm, SigningKey, b64, digest};
use countersign_protocol::CIBA_GRANT;
use rcgen::{CertificateParams, CertifiedKey, KeyPair, PublicKeyData as _};
use reqwest::StatusCode;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A client with a certificate of its own.
struct Bank {
    id: &'static str,
    key: SigningKey,
    own: CertifiedKey<KeyPair>,
}

impl Bank {
    fn new(id: &'static str) -> Self {
        Self {
            id,
            key: SigningKey::generate(Algorithm::Es256).expect("a key can be made"),
            own: rcgen::generate_simple_self_signed([format!("{id}.example")]).expect("a certificate can be made"),
        }
    }

    fn add_to(&self, backend: &Backend) {
        let (x, y) = self.own.signing_key.der_bytes()[1..].split_at(32);
        let of_certificate = json!({
            "kty": "EC", "crv": "P-256", "x": b64::encode(x), "y": b64::encode(y),
            "kid": "tls", "x5c": [STANDARD.encode(self.own.cert.der())],
        });
        let file = backend.folder().join(format!("{}.jwks.json", self.id));
        let jwks = json!({ "keys": [self.key.public_jwk(), of_certificate] });
        fs::write(&file, jwks.to_string()).expect("the key set can be written");
        let file = file.to_str().expect("paths are UTF-8");
        let options = ["client", "add", "--id", self.id, "--name", "Bank", "--grant", "ciba"];
        let more = [
            "--scope",
            "openid profile",
            "--auth",
            "self_signed_tls_client_auth",
            "--jwks",
            file,
            "--set",
            "profile=fapi_ciba",
            "--set",
            "backchannel_authentication_request_signing_alg=ES256",
            "--set",
            "tls_client_certificate_bound_access_tokens=true",
        ];
        backend.succeed(&[&options[..], &more].concat(), "");
    }

    /// A signed request for Anna.
    fn request(&self, issuer: &str) -> String {
        let now = SystemClock.now_seconds();
        let claims = json!({
            "iss": self.id, "aud": issuer, "iat": now, "nbf": now, "exp": now + 60, "jti": digest::sha256_b64(now.to_string()),
            "scope": "openid profile", "login_hint": "anna", "binding_message": "4711",
        });
        self.key
            .sign("oauth-authz-req+jwt", &claims)
            .expect("a request can be signed")
    }

    /// The bank's way to a server with this certificate, with its own or without.
    fn http(&self, server: &CertificateDer<'static>, shown: bool) -> reqwest::Client {
        install_tls();
        let mut roots = RootCertStore::empty();
        roots.add(server.clone()).expect("it is a certificate");
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = if shown {
            let key = PrivateKeyDer::try_from(self.own.signing_key.serialize_der()).expect("it is a key");
            let chain = vec![self.own.cert.der().clone()];
            config.with_client_auth_cert(chain, key).expect("they belong together")
        } else {
            config.with_no_client_auth()
        };
        let client = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy();
        client.build().expect("a client can be built")
    }
}

async fn post(http: &reqwest::Client, url: &Value, form: &[(&str, &str)]) -> (StatusCode, Value) {
    let url = url.as_str().expect("an address");
    let answer = http.post(url).form(form).send().await.expect("the provider answers");
    (answer.status(), answer.json().await.expect("the provider answers JSON"))
}

/// Options with a listener for certificates, and the certificate of that listener.
fn with_certificates(folder: &TempDir) -> (BackendOptions, CertificateDer<'static>) {
    let key = KeyPair::generate().expect("a key can be made");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address is a name");
    let own = params.self_signed(&key).expect("a certificate can be made");
    let [certificate, secret] = ["tls.crt", "tls.key"].map(|name| folder.path().join(name));
    fs::write(&certificate, own.pem()).expect("it can be written");
    fs::write(&secret, key.serialize_pem()).expect("it can be written");
    let config = format!(
        "[mtls]\nlisten = \"127.0.0.1:0\"\ntls_profile = \"fapi_ciba\"\ntls_certificate = {certificate:?}\ntls_key = {secret:?}\n"
    );
    (
        BackendOptions::with(&config),
        CertificateDer::from_pem_file(&certificate).expect("it was just written"),
    )
}

/// Proves with real processes over TLS.
#[tokio::test]
async fn a_bank_is_known_by_its_certificate_from_the_request_to_the_last_use_of_its_token() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (options, server) = with_certificates(&folder);
    let backend = Backend::start(&options);
    let person = Person::add(&backend, "anna");
    let (bank, other) = (Bank::new("bank"), Bank::new("other"));
    bank.add_to(&backend);
    other.add_to(&backend);
    let phone = Device::pair(&backend, &person, "Anna's phone").await;
    let url = format!("{}/.well-known/openid-configuration", backend.origin);
    let metadata: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    let aliases = &metadata["mtls_endpoint_aliases"];
    let (with, without) = (bank.http(&server, true), bank.http(&server, false));
    let stranger = other.http(&server, true);

    let request = bank.request(&backend.origin);
    let form = [("client_id", "bank"), ("request", request.as_str())];
    let start = &aliases["backchannel_authentication_endpoint"];
    for (http, why) in [(&without, "no certificate"), (&stranger, "another's certificate")] {
        let (status, body) = post(http, start, &form).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("invalid_client")),
            "R-236: {why}"
        );
    }
    let unsigned = [
        ("client_id", "bank"),
        ("scope", "openid"),
        ("login_hint", "anna"),
        ("binding_message", "4711"),
    ];
    let (status, body) = post(&with, start, &unsigned).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_request")),
        "R-203"
    );
    let (status, started) = post(&with, start, &form).await;
    assert_eq!(status, StatusCode::OK, "R-203, R-264: {started}");

    let waiting = phone.wait_for_request().await;
    phone.approve(&waiting.handle, Some("4711")).await;
    let id = started["auth_req_id"].as_str().expect("an id");
    let form = [("client_id", "bank"), ("grant_type", CIBA_GRANT), ("auth_req_id", id)];
    let (status, _) = post(&without, &aliases["token_endpoint"], &form).await;
    assert_eq!(
        status,
        StatusCode::UNAUTHORIZED,
        "R-209: no tokens without the certificate"
    );
    let (status, tokens) = post(&with, &aliases["token_endpoint"], &form).await;
    assert_eq!(status, StatusCode::OK, "R-209: {tokens}");

    let token = tokens["access_token"].as_str().expect("a token");
    let form = [("client_id", "bank"), ("token", token)];
    let (_, facts) = post(&with, &aliases["introspection_endpoint"], &form).await;
    let thumbprint = digest::sha256_b64(bank.own.cert.der());
    assert_eq!(facts["cnf"]["x5t#S256"], thumbprint, "R-264: {facts}");

    let userinfo = aliases["userinfo_endpoint"].as_str().expect("an address");
    let direct = metadata["userinfo_endpoint"].as_str().expect("an address");
    let plain = http();
    for (http, url, expected, why) in [
        (&with, userinfo, StatusCode::OK, "with the certificate"),
        (&without, userinfo, StatusCode::UNAUTHORIZED, "without"),
        (&stranger, userinfo, StatusCode::UNAUTHORIZED, "with another"),
        (&plain, direct, StatusCode::UNAUTHORIZED, "where none can be shown"),
    ] {
        let name = "c770aef3-6784-41f7-8e0e-ff5f97bddb3a";
        let request = http.get(url).bearer_auth(token).header("x-fapi-interaction-id", name);
        let answer = request.send().await.expect("the provider answers");
        assert_eq!(answer.status(), expected, "R-209, R-264: {why}");
        assert_eq!(answer.headers()["x-fapi-interaction-id"], name, "R-212: {why}");
        assert!(answer.headers().contains_key("date"), "R-212: {why}");
    }
}
