//! What a profile asks of a request, whatever is in it: that the person can tell what it is about (FAPI-CIBA section 5.2.2-2).

use countersign_protocol::OAuthErrorCode;

use super::{Asked, Checked};
use crate::op::{clients::Rules, refusal::Refusal};

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let rules = Rules::of(&asked.provider.parts.config, asked.client);
    // An empty array of details is about nothing.
    let has_context = checked.details.is_some() || asked.params.get("binding_message").is_some();
    if rules.context && !has_context {
        return Err(Refusal::new(
            OAuthErrorCode::InvalidBindingMessage,
            "the profile wants a binding_message, or authorization_details",
        ));
    }
    Ok(())
}
