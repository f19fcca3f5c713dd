//! `acr_values`: space-separated, in order of preference (CIBA Core section 7.1). Voluntary: the ID token says what was really met. Without
//! it, the classes that the client registered are asked for.

use super::{Asked, Checked};
use crate::op::refusal::Refusal;

const MAX_LEN: usize = 1024;

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let Some(values) = asked.params.bounded("acr_values", MAX_LEN)? else {
        let usual = &asked.client.requests.default_acr_values;
        checked.acr_values = (!usual.is_empty()).then(|| usual.join(" "));
        return Ok(());
    };
    if !values.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        return Err(Refusal::invalid_request("acr_values has characters that no value has"));
    }
    checked.acr_values = Some(values.to_owned());
    Ok(())
}
