//! `authorization_details` (RFC 9396), asked for in a backchannel request as in any other.

use super::{Asked, Checked};
use crate::op::refusal::Refusal;

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let sent = asked.params.get("authorization_details");
    checked.details = asked.provider.asked_details(asked.client, sent)?;
    Ok(())
}
