//! The authorization endpoint: where a browser is sent.

use axum::{body::Body, http::Request};
use url::Url;

use crate::server::{REDIRECTS, server};

/// Any query: nobody is sent anywhere but to the client's own address.
pub fn authorize(data: &[u8]) {
    let Ok(query) = std::str::from_utf8(data) else { return };
    let Ok(request) = Request::get(format!("/authorize?{query}")).body(Body::empty()) else {
        return;
    };
    let answer = server().send(request);
    assert!([200, 303, 400].contains(&answer.status), "{}", answer.status);
    let Some(location) = answer.headers.get("location") else {
        return;
    };
    let location = Url::parse(location.to_str().expect("a location is text")).expect("a location is an address");
    let is_own = REDIRECTS
        .iter()
        .chain(&["http://[::1]/callback", "dev.countersign.app:/callback"])
        .any(|registered| {
            let registered = Url::parse(registered).expect("an address");
            let loopback = registered.scheme() == "http";
            location.scheme() == registered.scheme()
                && location.host() == registered.host()
                && (loopback || location.port() == registered.port())
                && location.path() == registered.path()
                && location.username().is_empty()
                && location.fragment().is_none()
        });
    assert!(is_own, "{location}");
}
