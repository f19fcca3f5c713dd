//! People with an account in a realm of `tests/keycloak`, and their browser.

use countersign_authenticator::Timing;
use countersign_jose::digest;
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::Keycloak;
use crate::{
    Backend, Device, Person, RawDevice, http,
    person::{browser, form},
    raw_device::{RawKeys, random_text},
};

/// Registered without a port, which stands for every port. Nobody listens there: the code is read out of the address.
const REDIRECT_URI: &str = "http://127.0.0.1:9/callback";

impl Keycloak {
    /// The person called `username`, `anna` or `bert`.
    #[must_use]
    pub fn person(username: &str) -> Person {
        Person {
            username: username.to_owned(),
            password: format!("correct horse {username}"),
        }
    }

    /// Pairs a real device for `username` of `realm` at `backend`.
    pub async fn device(&self, backend: &Backend, realm: &str, username: &str, name: &str) -> Device {
        let person = Self::person(username);
        let browse = async |authorize: &Url| {
            let back = sign_in(&person, authorize).await;
            let answer = http().get(back).send().await.expect("the app's listener answers");
            assert!(
                answer.status().is_success(),
                "the app takes its redirect: {}",
                answer.status()
            );
        };
        let issuer = self.issuer(realm);
        Device::pair_as(&backend.origin, Some(&issuer), name, Timing::default(), browse).await
    }

    /// Registers a device by hand for `username` of `realm` at `backend`, with the ID token of a sign-in at Keycloak.
    pub async fn phone(&self, backend: &Backend, realm: &str, username: &str) -> RawDevice {
        let keys = RawKeys::generate();
        let tokens = self.tokens(realm, &Self::person(username), &keys.nonce()).await;
        let id_token = tokens["id_token"].as_str().expect("there is an ID token");
        RawDevice::register_with(&backend.origin, keys, id_token, &format!("{username}'s phone")).await
    }

    /// Signs `person` in at `realm` as the app does; returns the whole token response.
    pub async fn tokens(&self, realm: &str, person: &Person, nonce: &str) -> Value {
        let endpoint = format!("{}/protocol/openid-connect", self.issuer(realm));
        let verifier = random_text();
        let mut authorize = Url::parse(&format!("{endpoint}/auth")).expect("an issuer is a URL");
        authorize.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", "countersign-app"),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "openid profile"),
            ("state", "state"),
            ("nonce", nonce),
            ("code_challenge", &digest::sha256_b64(&verifier)),
            ("code_challenge_method", "S256"),
        ]);
        let back = sign_in(person, &authorize).await;
        let code = back.query_pairs().find(|(name, _)| name == "code");
        let code = code.expect("Keycloak sends a code").1.into_owned();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "countersign-app"),
            ("code", &code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", &verifier),
        ];
        let answer = http().post(format!("{endpoint}/token")).form(&form).send().await;
        let answer = answer.expect("Keycloak answers");
        assert_eq!(answer.status(), StatusCode::OK, "the code is exchanged");
        answer.json().await.expect("tokens are JSON")
    }
}

/// Fills in Keycloak's sign-in page and returns where the browser is sent.
async fn sign_in(person: &Person, authorize: &Url) -> Url {
    let browser = browser();
    let page = browser.get(authorize.clone()).send().await;
    let page = page.expect("the sign-in page answers");
    assert_eq!(page.status(), StatusCode::OK, "the sign-in page opens");
    let (action, mut fields) = form(authorize, &page.text().await.expect("the page is text"));
    fields.push(("username".to_owned(), person.username.clone()));
    fields.push(("password".to_owned(), person.password.clone()));
    let answer = browser.post(action).form(&fields).send().await;
    let answer = answer.expect("the form is taken");
    let to = answer.headers().get("location").and_then(|to| to.to_str().ok());
    let to = to.unwrap_or_else(|| panic!("Keycloak sends the browser back: {}", answer.status()));
    Url::parse(to).expect("a location is absolute")
}
