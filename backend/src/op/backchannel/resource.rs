//! `resource` (RFC 8707), asked for in a backchannel request as in any other.

use super::{Asked, Checked};
use crate::op::refusal::Refusal;

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    checked.resources = asked.provider.asked_resources(asked.client, asked.params)?;
    Ok(())
}
