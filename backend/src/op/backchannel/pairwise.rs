//! Whose sector it is: a client with pairwise subjects that fetches its tokens has shown in this flow that it has a key of its
//! `jwks_uri` (CIBA Core section 4). Else whoever names another's `jwks_uri` would learn that one's names of people.

use super::{Asked, Checked};
use crate::op::{
    clients::{Proven, is_pushed_to},
    refusal::Refusal,
};

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let client = asked.client;
    // Who is pushed to shows it by taking the tokens there.
    if !client.tokens.pairwise || is_pushed_to(client) {
        return Ok(());
    }
    if client.jwks_uri.is_some() && (asked.proven == Proven::Key || checked.signed) {
        return Ok(());
    }
    Err(Refusal::invalid_request(
        "a client with pairwise subjects signs its request, or authenticates with a key of its jwks_uri",
    ))
}
