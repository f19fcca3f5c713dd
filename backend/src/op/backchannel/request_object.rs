//! Signed authentication requests are not offered, so none is accepted (CIBA Core section 4).

use super::{Asked, Checked};
use crate::op::refusal::Refusal;

pub(super) fn check(asked: &Asked<'_>, _: &mut Checked) -> Result<(), Refusal> {
    let signed = ["request", "request_uri"]
        .into_iter()
        .any(|name| asked.params.get(name).is_some());
    if signed {
        return Err(Refusal::invalid_request(
            "signed authentication requests are not supported",
        ));
    }
    if asked.provider.must_sign(asked.client) {
        return Err(Refusal::invalid_request("requests of this client have to be signed"));
    }
    Ok(())
}
