use countersign_protocol::{ExactJson, ExactValue, OAuthErrorCode};

use crate::{
    domain::GrantExtras,
    op::{Params, Refusal},
};

/// The authorization details of a grant, for the answers that say what was granted.
pub(in crate::op) fn of_grant(extras: &GrantExtras) -> Option<ExactJson> {
    ExactJson::new(extras.authorization_details.as_deref()?).ok()
}

/// A token request may name what it is for, within what was granted (RFC 9396 section 6.1). Tokens are always for all of it.
///
/// # Errors
/// `invalid_authorization_details`.
pub(in crate::op) fn check_narrowing(extras: &GrantExtras, params: &Params) -> Result<(), Refusal> {
    if let Some(asked) = params.get("authorization_details") {
        let granted = of_grant(extras).map_or_else(Vec::new, |granted| elements(&granted));
        let asked = ExactJson::new(asked).map_or_else(|_| Vec::new(), |asked| elements(&asked));
        if asked.is_empty() || !asked.iter().all(|element| granted.contains(element)) {
            return Err(Refusal::new(
                OAuthErrorCode::InvalidAuthorizationDetails,
                "authorization_details are not among those that were granted",
            ));
        }
    }
    Ok(())
}

fn elements(details: &ExactJson) -> Vec<ExactValue> {
    match details.read() {
        Ok(ExactValue::Items(elements)) => elements,
        Ok(_) | Err(_) => Vec::new(),
    }
}
