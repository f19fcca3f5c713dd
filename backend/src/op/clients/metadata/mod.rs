//! Client metadata (RFC 7591 section 2, OpenID Connect Dynamic Client Registration section 2, CIBA Core section 4): each member once, with
//! how it is read and written, and each rule that a registration keeps. Whoever registers a client comes through here: the client itself, the
//! operator's commands and the operator's file.

mod authentication;
mod delivery;
mod given;
mod grants;
mod identity;
mod offer;
mod operators;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod tests;
mod tokens;

use std::borrow::Cow;

use countersign_protocol::OAuthErrorCode;
use serde_json::{Map, Value};

use self::given::{Given, Problem};
pub use self::offer::Offer;
use crate::{
    domain::Client,
    op::{Refusal, Violation, check_profile},
};

/// Whose words metadata are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The client's own: members that are not known are ignored, members of the operator are not known.
    Client,
    /// The operator's: every member is known, and a member that is not is a slip of the pen.
    Operator,
}

/// Why metadata make no client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{member}: {problem}")]
pub struct MetadataError {
    /// The member at fault.
    pub member: String,
    /// What is wrong. Nothing that was sent is repeated in it.
    pub problem: Cow<'static, str>,
}

impl From<MetadataError> for Refusal {
    fn from(error: MetadataError) -> Self {
        let code = match error.member.as_str() {
            "redirect_uris" => OAuthErrorCode::InvalidRedirectUri,
            _ => OAuthErrorCode::InvalidClientMetadata,
        };
        Self::new(code, error.to_string())
    }
}

/// One member of the metadata.
struct Member {
    name: &'static str,
    /// Whom it is for: what is the operator's is not the client's to say.
    by: By,
    /// Writes what was given into the client, or the default.
    read: fn(Given<'_>, &mut Client, &Offer) -> Result<(), Problem>,
    /// The member as it is registered; none where there is nothing to say.
    write: fn(&Client, &'static str) -> Option<Value>,
}

/// What has to hold among the members.
struct Rule {
    /// Which one is named when it does not.
    member: &'static str,
    holds: fn(&Client, &Offer) -> Result<(), Problem>,
}

/// In the order in which they are read: a later one may look at what an earlier one left.
const MEMBERS: [&[Member]; 6] = [
    &grants::MEMBERS,
    &identity::MEMBERS,
    &authentication::MEMBERS,
    &delivery::MEMBERS,
    &tokens::MEMBERS,
    &operators::MEMBERS,
];

const RULES: [&[Rule]; 5] = [
    &grants::RULES,
    &authentication::RULES,
    &delivery::RULES,
    &tokens::RULES,
    &operators::RULES,
];

/// What we do not do for anybody, so that nobody relies on it: a member that asks for it is refused, not ignored.
const REFUSED: [&str; 4] = [
    "id_token_encrypted_response_alg",
    "userinfo_encrypted_response_alg",
    "request_object_encryption_alg",
    "introspection_encrypted_response_alg",
];

/// The client that `metadata` describe, whole: a member that is not there has its default. Id, secrets and whatever is not the business of
/// `offer.by` stay as they are in `base`.
///
/// # Errors
/// With the first member that is not as it has to be.
pub fn read(metadata: &Map<String, Value>, base: Client, offer: &Offer) -> Result<Client, MetadataError> {
    let fault = |member: &str, problem: Problem| MetadataError {
        member: member.to_owned(),
        problem,
    };
    if offer.by == By::Operator {
        let known = |name: &str| table(offer.by).any(|member| member.name == name);
        if let Some(name) = metadata.keys().find(|name| !known(name.as_str())) {
            return Err(fault(name, "is not known".into()));
        }
    }
    if let Some(name) = REFUSED
        .iter()
        .find(|name| metadata.get(**name).is_some_and(|value| !value.is_null()))
    {
        return Err(fault(name, "nothing is encrypted here".into()));
    }
    let mut client = base;
    for member in table(offer.by) {
        let given = Given::of(member.name, metadata);
        (member.read)(given, &mut client, offer).map_err(|problem| fault(member.name, problem))?;
    }
    for rule in RULES.into_iter().flatten() {
        (rule.holds)(&client, offer).map_err(|problem| fault(rule.member, problem))?;
    }
    check_profile(offer.profiles, &client).map_err(|Violation { member, problem }| fault(member, problem.into()))?;
    Ok(client)
}

/// What is registered of `client`, as far as it is the business of `by`. Reading it again makes the same client.
#[must_use]
pub fn write(client: &Client, by: By) -> Map<String, Value> {
    let said = table(by).filter_map(|member| Some((member.name.to_owned(), (member.write)(client, member.name)?)));
    said.collect()
}

fn table(by: By) -> impl Iterator<Item = &'static Member> {
    let all = MEMBERS.into_iter().flatten();
    all.filter(move |member| by == By::Operator || member.by == By::Client)
}
