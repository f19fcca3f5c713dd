//! A browser: opens the sign-in page, keeps its cookie, sends its form.

use axum::http::header;
use countersign_jose::digest;
use url::Url;

use crate::op_world::{Answer, ISSUER, PASSWORD, World, encode};

pub const VERIFIER: &str = "0123456789-0123456789-0123456789-0123456789";
pub const APP: &str = "countersign-app";
pub const APP_REDIRECT: &str = "http://127.0.0.1:4711/callback";

/// An authorization request of the app.
pub fn request(changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut request = vec![
        ("client_id", APP.to_owned()),
        ("redirect_uri", APP_REDIRECT.to_owned()),
        ("response_type", "code".to_owned()),
        ("scope", "openid profile".to_owned()),
        ("state", "st&te".to_owned()),
        ("nonce", "n0nce".to_owned()),
        ("code_challenge", digest::sha256_b64(VERIFIER)),
        ("code_challenge_method", "S256".to_owned()),
    ];
    request.retain(|(known, _)| !changes.iter().any(|(name, _)| name == known));
    request.extend(changes.iter().map(|(name, value)| (*name, (*value).to_owned())));
    request
}

/// An open sign-in page.
pub struct Page {
    pub answer: Answer,
    pub hidden: String,
    pub cookie: String,
}

pub async fn authorize(world: &World, changes: &[(&'static str, &str)]) -> Answer {
    let request = request(changes);
    let pairs: Vec<(&str, &str)> = request.iter().map(|(name, value)| (*name, value.as_str())).collect();
    world.get(&format!("/authorize?{}", encode(&pairs))).await
}

pub async fn open(world: &World, changes: &[(&'static str, &str)]) -> Page {
    let answer = authorize(world, changes).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let hidden = between(&answer.body, "name=\"request\" value=\"", "\"").to_owned();
    let cookie = answer.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
    Page { answer, hidden, cookie }
}

impl Page {
    pub async fn submit(&self, world: &World, username: &str, password: &str) -> Answer {
        let form = [
            ("request", self.hidden.as_str()),
            ("username", username),
            ("password", password),
        ];
        let headers = [
            ("cookie", self.cookie.as_str()),
            ("origin", ISSUER),
            ("sec-fetch-site", "same-origin"),
        ];
        world.form("/sign-in", &headers, &form).await
    }

    /// Signs Anna in; returns the code.
    pub async fn sign_in(&self, world: &World) -> String {
        let answer = self.submit(world, "anna", PASSWORD).await;
        assert_eq!(answer.status, 303, "R-270: 303 after a password: {}", answer.body);
        parameter(answer.header(header::LOCATION), "code").unwrap()
    }
}

/// A parameter of the address the browser is sent to.
pub fn parameter(location: &str, name: &str) -> Option<String> {
    let url = Url::parse(location).unwrap();
    url.query_pairs()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}

/// Brings a code of the app to the token endpoint, with changes.
pub async fn exchange(world: &World, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", APP_REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", APP),
    ];
    for (name, value) in changes {
        form.retain(|(known, _)| known != name);
        form.push((name, value));
    }
    world.form("/token", &[], &form).await
}

pub fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = &text[text.find(before).unwrap_or_else(|| panic!("no {before:?} in {text}")) + before.len()..];
    &rest[..rest.find(after).unwrap()]
}
