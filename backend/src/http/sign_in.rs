//! The person's side of the provider: authorization requests in a browser, and the form of the sign-in page.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    body::Body,
    extract::{ConnectInfo, RawQuery, State},
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::Response,
};
use countersign_protocol::Secret;

use super::{
    oauth_error, op_form,
    sign_in_page::{self, Page},
};
use crate::op::{Authorize, OpError, Params, Provider, Refusal, SignIn, SignInAttempt};

type Op = State<Arc<Provider>>;

/// `GET /authorize`
pub(super) async fn authorize_query(State(provider): Op, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    match Params::parse(query.unwrap_or_default().as_bytes()) {
        Ok(params) => authorize(&provider, &headers, &params).await,
        Err(refusal) => sign_in_page::error(StatusCode::BAD_REQUEST, &refusal.description),
    }
}

/// `POST /authorize`
pub(super) async fn authorize_form(State(provider): Op, request: Request<Body>) -> Response {
    match op_form::read(request).await {
        Ok(form) => authorize(&provider, &form.headers, &form.params).await,
        Err(unreadable) => sign_in_page::error(unreadable.status, &unreadable.refusal.description),
    }
}

async fn authorize(provider: &Provider, headers: &HeaderMap, params: &Params) -> Response {
    let cookie = Cookie::of(provider);
    match provider.authorize(params, cookie.read(headers)).await {
        Ok(Authorize::Page(page)) => {
            let set = cookie.set(&page.cookie, page.seconds);
            let mut response = sign_in_page::form(&Page::of(&page));
            if let Ok(set) = HeaderValue::from_str(&set) {
                response.headers_mut().insert(header::SET_COOKIE, set);
            }
            response
        }
        Ok(Authorize::Redirect(to)) => see_other(&to),
        Ok(Authorize::Refused(refusal)) => refused(&refusal),
        Err(error) => failed(&error),
    }
}

/// `POST /sign-in`
pub(super) async fn submit(State(provider): Op, request: Request<Body>) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let op_form::Form { headers, params, .. } = match op_form::read(request).await {
        Ok(read) => read,
        Err(unreadable) => return sign_in_page::error(unreadable.status, &unreadable.refusal.description),
    };
    if !is_own_page(&headers, provider.issuer()) {
        return sign_in_page::error(
            StatusCode::FORBIDDEN,
            "The form was not sent by our sign-in page. Please start again where you came from.",
        );
    }
    let attempt = SignInAttempt {
        request: params.get("request"),
        cookie: Cookie::of(&provider).read(&headers),
        username: params.get("username").unwrap_or_default().trim(),
        password: Secret::new(params.get("password").unwrap_or_default()),
        cancelled: params.get("action") == Some("cancel"),
        peer,
    };
    match provider.sign_in(attempt).await {
        Ok(SignIn::Redirect(to)) => see_other(&to),
        Ok(SignIn::Page(page)) => sign_in_page::form(&Page::of(&page)),
        Ok(SignIn::Refused(refusal)) => refused(&refusal),
        Err(error) => failed(&error),
    }
}

/// Whether the form comes from a page of ours, as far as the browser says (`Origin`, Fetch Metadata). What is sent without either is no
/// browser of today; the cookie decides then.
fn is_own_page(headers: &HeaderMap, issuer: &str) -> bool {
    let says = |name: header::HeaderName, ours: &str| headers.get(name).is_none_or(|value| value == ours);
    says(header::ORIGIN, issuer) && says(header::HeaderName::from_static("sec-fetch-site"), "same-origin")
}

fn refused(refusal: &Refusal) -> Response {
    sign_in_page::error(StatusCode::BAD_REQUEST, &refusal.description)
}

fn failed(error: &OpError) -> Response {
    oauth_error::log(error);
    let status = match error {
        OpError::Storage(_) => StatusCode::SERVICE_UNAVAILABLE,
        OpError::Refused(_) | OpError::Key(_) | OpError::Jose(_) | OpError::Stopped => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    };
    sign_in_page::error(
        status,
        "Signing in is not possible at the moment. Please try again in a minute.",
    )
}

/// 303, so that no browser repeats a form with a password elsewhere (RFC 9700 section 4.12).
fn see_other(to: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(to) else {
        return sign_in_page::error(StatusCode::BAD_REQUEST, "The address to return to is not usable.");
    };
    let mut response = oauth_error::empty(StatusCode::SEE_OTHER);
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The cookie that ties a page to the browser it was made for.
struct Cookie {
    name: &'static str,
    secure: bool,
}

impl Cookie {
    fn of(provider: &Provider) -> Self {
        let secure = provider.issuer().starts_with("https://");
        // The prefix makes browsers refuse a cookie of the same name from a subdomain or over plain http.
        let name = if secure {
            "__Host-countersign-sign-in"
        } else {
            "countersign-sign-in"
        };
        Self { name, secure }
    }

    fn read<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let pairs = headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        pairs
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(name, _)| *name == self.name)
            .map(|(_, value)| value)
    }

    fn set(&self, value: &str, seconds: u32) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = self.name;
        format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
    }
}
