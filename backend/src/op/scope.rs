//! Scope values (RFC 6749 section 3.3): what a client asks for, checked against what it may have.

use countersign_protocol::{OAuthErrorCode, ScopeShown};

use super::{Provider, refusal::Refusal};
use crate::domain::{Client, GrantType};

const MAX_LEN: usize = 1024;

/// Whether `value` can be a scope value.
#[must_use]
pub fn is_scope_value(value: &str) -> bool {
    !value.is_empty()
        && value
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

/// Whether the space-separated `scope` has `value`.
pub(super) fn has(scope: &str, value: &str) -> bool {
    scope.split(' ').any(|one| one == value)
}

/// Whether tokens for `scope` come with a refresh token for this client.
pub(super) fn wants_refresh(client: &Client, scope: &str) -> bool {
    client.grant_types.contains(&GrantType::RefreshToken) && has(scope, "offline_access")
}

impl Provider {
    /// The scope asked for, each value once, in the order in which it was asked for.
    pub(super) fn checked_scope(&self, client: &Client, asked: &str) -> Result<String, Refusal> {
        let invalid = |description| Refusal::new(OAuthErrorCode::InvalidScope, description);
        if asked.len() > MAX_LEN {
            return Err(invalid("scope is too long"));
        }
        let mut values: Vec<&str> = Vec::new();
        for value in asked.split(' ').filter(|value| !value.is_empty()) {
            if !is_scope_value(value) {
                return Err(invalid("scope has characters that no scope value has"));
            }
            let known = value == "openid" || self.parts.config.scopes.contains_key(value);
            if !known {
                return Err(invalid("scope has a value that is not known here"));
            }
            if value != "openid" && !client.scopes.iter().any(|allowed| allowed == value) {
                return Err(invalid("scope has a value that this client may not ask for"));
            }
            if !values.contains(&value) {
                values.push(value);
            }
        }
        if !values.contains(&"openid") {
            return Err(invalid("scope has to contain openid"));
        }
        Ok(values.join(" "))
    }

    /// Whether `client` may still have all of the scope that it was granted: neither the operator nor its registration took a value away.
    ///
    /// # Errors
    /// `invalid_grant` when it may not.
    pub(super) fn check_still_allowed(&self, client: &Client, granted: &str) -> Result<(), Refusal> {
        if granted.split(' ').all(|value| self.may_have(client, value)) {
            return Ok(());
        }
        Err(Refusal::invalid_grant(
            "the client may not have all of the scope any more",
        ))
    }

    /// Whether `client` may have the scope `value` now.
    pub(super) fn may_have(&self, client: &Client, value: &str) -> bool {
        let allowed = || client.scopes.iter().any(|allowed| allowed == value);
        value == "openid" || (self.parts.config.scopes.contains_key(value) && allowed())
    }

    /// What `scope` means, in the operator's words. `openid` means nothing to people.
    pub(super) fn shown_scopes(&self, scope: &str) -> Vec<ScopeShown> {
        let words = &self.parts.config.scopes;
        let shown = scope.split(' ').filter_map(|name| {
            words.get(name).map(|text| ScopeShown {
                name: name.to_owned(),
                text: text.clone(),
            })
        });
        shown.collect()
    }
}
