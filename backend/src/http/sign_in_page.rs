//! The sign-in page and the page for errors that cannot be sent back to a client: no script, nothing from elsewhere, not in a frame.

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use countersign_protocol::{DetailRow, DetailShown, DetailValue, DetailsShown, ScopeShown, lay_out};
use url::{Host, Url};

use super::sign_in_assets;
use crate::op::{SignInPage, SignInProblem};

/// The sign-in page.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub(super) struct Page<'a> {
    stylesheet: String,
    shown: &'a SignInPage,
    client_host: Option<String>,
    scopes: &'a [ScopeShown],
    details: Vec<Detail>,
    problem: Option<String>,
    waits: bool,
}

/// One element of authorization details.
struct Detail {
    title: Option<String>,
    lines: Vec<Line>,
}

/// One of its members.
struct Line {
    depth: u32,
    name: String,
    value: Option<String>,
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    stylesheet: String,
    text: &'a str,
}

impl<'a> Page<'a> {
    pub(super) fn of(page: &'a SignInPage) -> Self {
        let problem = page.problem.map(|problem| match problem {
            SignInProblem::Wrong => "User name and password do not match. Please try again.".to_owned(),
            SignInProblem::Wait(seconds) => {
                let unit = if seconds == 1 { "second" } else { "seconds" };
                format!("Too many attempts. Please wait {seconds} {unit}, then try again.")
            }
        });
        let uri = page.client_uri.as_deref().and_then(|uri| Url::parse(uri).ok());
        Self {
            stylesheet: sign_in_assets::address(),
            client_host: uri.and_then(|uri| uri.host_str().map(str::to_owned)),
            scopes: &page.scopes,
            details: page.details.as_ref().map(details).unwrap_or_default(),
            problem,
            waits: matches!(page.problem, Some(SignInProblem::Wait(_))),
            shown: page,
        }
    }

    fn status(&self) -> StatusCode {
        match self.shown.problem {
            None => StatusCode::OK,
            Some(SignInProblem::Wrong) => StatusCode::FORBIDDEN,
            Some(SignInProblem::Wait(_)) => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

fn details(shown: &DetailsShown) -> Vec<Detail> {
    // What cannot be laid out was not let in.
    let laid = lay_out(&shown.details, &shown.words).unwrap_or_default();
    let detail = |DetailShown { title, first, rest }| Detail {
        title,
        lines: first.into_iter().chain(rest).map(Line::of).collect(),
    };
    laid.into_iter().map(detail).collect()
}

impl Line {
    fn of(row: DetailRow) -> Self {
        Self {
            depth: row.depth.min(4),
            name: row.label.or(row.key).unwrap_or_default(),
            value: match row.value {
                DetailValue::Text { text } | DetailValue::Number { text } | DetailValue::Word { text } => Some(text),
                DetailValue::Sum { amount, currency } => Some(format!("{amount} {currency}")),
                DetailValue::Members { count: 0 } | DetailValue::Items { count: 0 } => Some("(empty)".to_owned()),
                DetailValue::Members { .. } | DetailValue::Items { .. } => None,
            },
        }
    }
}

/// Answers with the sign-in page.
pub(super) fn form(page: &Page<'_>) -> Response {
    html(page.status(), page, &form_target(&page.shown.redirect_uri))
}

/// Answers with an error page.
pub(super) fn error(status: StatusCode, text: &str) -> Response {
    let page = ErrorPage {
        stylesheet: sign_in_assets::address(),
        text,
    };
    html(status, &page, "")
}

fn html(status: StatusCode, page: &impl Template, form_target: &str) -> Response {
    let body = page.render().unwrap_or_else(|error| {
        tracing::error!("a page could not be written: {error}");
        String::new()
    });
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        // Not `no-referrer`: browsers then send `Origin: null` with our own form, which could be anybody's.
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let policy = format!(
        "default-src 'none'; style-src 'self'; form-action 'self'{form_target}; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Browsers that apply `form-action` to redirects have to be told where the form may lead.
fn form_target(redirect_uri: &str) -> String {
    let Ok(url) = Url::parse(redirect_uri) else {
        return String::new();
    };
    match url.host() {
        // A policy cannot name an IPv6 address.
        Some(Host::Ipv6(_)) | None => format!(" {}:", url.scheme()),
        Some(Host::Ipv4(_) | Host::Domain(_)) => format!(" {}", url.origin().ascii_serialization()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_may_lead_back_to_the_client_and_nowhere_else() {
        for (redirect_uri, target) in [
            ("http://127.0.0.1:4711/callback", " http://127.0.0.1:4711"),
            ("http://[::1]:4711/callback", " http:"),
            ("https://rp.example/cb?x=1", " https://rp.example"),
            ("com.example.app:/cb", " com.example.app:"),
        ] {
            assert_eq!(form_target(redirect_uri), target, "V-038");
        }
    }
}
