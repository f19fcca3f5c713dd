//! What the operator says of a client, and the client does not.

use serde_json::Value;
use url::Url;

use super::{
    By, Member, Rule,
    given::{Given, Problem, listed, said, set},
    offer::Offer,
};
use crate::{domain::Client, op::acr};

pub(super) const MEMBERS: [Member; 9] = [
    Member {
        name: "binding_mode",
        by: By::Operator,
        read: |given, client, _| {
            client.binding_mode = given.word()?.unwrap_or_default();
            Ok(())
        },
        write: |client, _| said(&client.binding_mode),
    },
    Member {
        name: "profile",
        by: By::Operator,
        read: |given, client, _| {
            client.profile = given.word()?.unwrap_or_default();
            Ok(())
        },
        write: |client, _| said(&client.profile),
    },
    Member {
        name: "disabled",
        by: By::Operator,
        read: |given, client, _| {
            client.disabled = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.disabled),
    },
    Member {
        name: "endpoint_audience",
        by: By::Operator,
        read: |given, client, _| {
            client.endpoint_audience = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.endpoint_audience),
    },
    Member {
        name: "require_signed_backchannel_request",
        by: By::Operator,
        read: |given, client, _| {
            client.requests.signed = given.flag()?;
            Ok(())
        },
        write: |client, _| set(client.requests.signed),
    },
    Member {
        name: "request_expires_in",
        by: By::Operator,
        read: |given, client, offer| {
            client.requests.expires_in = bounded(given, offer)?;
            Ok(())
        },
        write: |client, _| client.requests.expires_in.map(Value::from),
    },
    Member {
        name: "request_max_expiry",
        by: By::Operator,
        read: |given, client, offer| {
            client.requests.max_expiry = bounded(given, offer)?;
            Ok(())
        },
        write: |client, _| client.requests.max_expiry.map(Value::from),
    },
    Member {
        name: "required_acr",
        by: By::Operator,
        read: |given, client, _| {
            client.requests.required_acr = given.one_of(&acr::SUPPORTED)?;
            Ok(())
        },
        write: |client, _| said(&client.requests.required_acr),
    },
    Member {
        name: "resources",
        by: By::Operator,
        read: resources,
        write: |client, _| listed(&client.requests.resources),
    },
];

pub(super) const RULES: [Rule; 2] = [
    Rule {
        member: "require_signed_backchannel_request",
        holds: |client, _| match (&client.requests.signing_alg, client.requests.signed) {
            (None, true) => Err("needs backchannel_authentication_request_signing_alg".into()),
            _ => Ok(()),
        },
    },
    Rule {
        member: "request_expires_in",
        holds: |client, _| match (client.requests.expires_in, client.requests.max_expiry) {
            (Some(usual), Some(greatest)) if usual > greatest => Err("is greater than request_max_expiry".into()),
            _ => Ok(()),
        },
    },
];

/// Seconds within the bounds of every request.
fn bounded(given: Given<'_>, offer: &Offer) -> Result<Option<u32>, Problem> {
    let seconds = given.seconds()?;
    if seconds.is_some_and(|seconds| !offer.expiry.contains(&seconds)) {
        return Err("is not between [op] min_expiry and max_expiry".into());
    }
    Ok(seconds)
}

/// Absolute, without a fragment (RFC 8707 section 2).
fn resources(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    let resources = given.texts()?.unwrap_or_default();
    let is_resource = |text: &String| Url::parse(text).is_ok_and(|url| url.fragment().is_none());
    if !resources.iter().all(is_resource) {
        return Err("has one that is not an absolute URI without a fragment".into());
    }
    client.requests.resources = resources;
    Ok(())
}
