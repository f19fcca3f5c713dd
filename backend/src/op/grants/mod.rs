//! One file a grant.

mod authorization_code;
mod ciba;
mod refresh_token;

pub(super) use authorization_code::fresh_code;
