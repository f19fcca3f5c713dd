//! `scope`: there, with `openid`, and within what the client may ask for (CIBA Core section 7.1).

use super::{Asked, Checked};
use crate::op::refusal::Refusal;

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let scope = asked
        .params
        .get("scope")
        .ok_or_else(|| Refusal::invalid_request("scope is missing"))?;
    checked.scope = asked.provider.checked_scope(asked.client, scope)?;
    Ok(())
}
