//! What a client may do: grants, redirects, scopes (RFC 7591 section 2 and 2.1).

use serde_json::{Value, json};
use url::Url;

use super::{
    By, Member, Rule,
    given::{Given, Problem, listed, said},
    offer::Offer,
};
use crate::{
    domain::{Client, GrantType},
    op::{authorization::is_registrable, is_scope_value},
};

pub(super) const MEMBERS: [Member; 4] = [
    Member {
        name: "grant_types",
        by: By::Client,
        read: grant_types,
        write: |client, _| said(&client.grant_types),
    },
    Member {
        name: "response_types",
        by: By::Client,
        read: response_types,
        write: |client, _| Some(if is_code(client) { json!(["code"]) } else { json!([]) }),
    },
    Member {
        name: "redirect_uris",
        by: By::Client,
        read: redirect_uris,
        write: |client, _| listed(&client.redirect_uris),
    },
    Member {
        name: "scope",
        by: By::Client,
        read: scope,
        write: |client, _| {
            let values: Vec<&str> = std::iter::once("openid")
                .chain(client.scopes.iter().map(String::as_str))
                .collect();
            Some(Value::String(values.join(" ")))
        },
    },
];

pub(super) const RULES: [Rule; 2] = [
    Rule {
        member: "grant_types",
        holds: |client, _| {
            let some = is_code(client) || client.grant_types.contains(&GrantType::Ciba);
            if some || client.delivery_mode.is_some() {
                return Ok(());
            }
            Err(
                "leads to no token: neither authorization_code nor urn:openid:params:grant-type:ciba is among it"
                    .into(),
            )
        },
    },
    Rule {
        member: "redirect_uris",
        holds: |client, _| match (is_code(client), client.redirect_uris.is_empty()) {
            (true, true) => Err("is missing: the grant type authorization_code needs it".into()),
            (false, false) => Err("is for the grant type authorization_code".into()),
            (true, false) | (false, true) => Ok(()),
        },
    },
];

pub(super) fn is_code(client: &Client) -> bool {
    client.grant_types.contains(&GrantType::AuthorizationCode)
}

fn grant_types(given: Given<'_>, client: &mut Client, offer: &Offer) -> Result<(), Problem> {
    client.grant_types = match given.texts()? {
        None => vec![GrantType::AuthorizationCode],
        Some(names) => {
            if !names.iter().all(|name| offer.grants.contains(name)) {
                return Err("has a grant type that is not offered".into());
            }
            let grants = serde_json::from_value(names.into());
            grants.map_err(|_| "has a grant type that is not offered")?
        }
    };
    Ok(())
}

fn response_types(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    match given.texts()?.as_deref() {
        None => Ok(()),
        Some([]) if !is_code(client) => Ok(()),
        Some([]) => Err("has to have code for the grant type authorization_code".into()),
        Some([code]) if code == "code" && is_code(client) => Ok(()),
        Some([code]) if code == "code" => Err("has code, but grant_types lacks authorization_code".into()),
        Some(_) => Err("has a response type other than code".into()),
    }
}

fn redirect_uris(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    let uris = given.texts()?.unwrap_or_default();
    if uris.iter().any(|uri| !is_registrable(uri)) {
        return Err("has one that is not https, http on 127.0.0.1 or [::1], or a private scheme with a dot, without fragment and user name".into());
    }
    client.redirect_uris = uris;
    Ok(())
}

fn scope(given: Given<'_>, client: &mut Client, offer: &Offer) -> Result<(), Problem> {
    let Some(text) = given.text()? else {
        client.scopes.clone_from(&offer.scopes_unasked);
        return Ok(());
    };
    let mut scopes: Vec<String> = Vec::new();
    for value in text.split(' ').filter(|value| !value.is_empty() && *value != "openid") {
        if !is_scope_value(value) {
            return Err("has characters that no scope value has".into());
        }
        if !offer.scopes.iter().any(|known| known == value) {
            return Err(match offer.by {
                By::Operator => "has a value that is not in [op.scopes], where it needs words for people".into(),
                By::Client => "has a value that clients which register themselves cannot have here".into(),
            });
        }
        if !scopes.iter().any(|known| known == value) {
            scopes.push(value.to_owned());
        }
    }
    client.scopes = scopes;
    Ok(())
}

/// Whether the redirects are those of a web application (OpenID Connect Dynamic Client Registration section 2).
pub(super) fn fits_application_type(client: &Client) -> bool {
    let web = |uri: &String| Url::parse(uri).is_ok_and(|url| url.scheme() == "https");
    client.redirect_uris.iter().all(web)
}
