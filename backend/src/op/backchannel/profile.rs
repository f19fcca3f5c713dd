//! What a profile asks of a request, whatever is in it: that the person can tell what it is about (FAPI-CIBA section 5.2.2-2).

use countersign_protocol::OAuthErrorCode;

use super::{Asked, Checked};
use crate::op::{clients::Rules, refusal::Refusal};

pub(super) fn check(asked: &Asked<'_>, _: &mut Checked) -> Result<(), Refusal> {
    let rules = Rules::of(&asked.provider.parts.config, asked.client);
    let has_context = ["binding_message", "authorization_details"]
        .into_iter()
        .any(|name| asked.params.get(name).is_some());
    if rules.context && !has_context {
        return Err(Refusal::new(
            OAuthErrorCode::InvalidBindingMessage,
            "the profile wants a binding_message, or authorization_details",
        ));
    }
    Ok(())
}
