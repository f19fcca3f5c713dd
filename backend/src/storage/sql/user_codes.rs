use super::locking::{Locking, locking};

pub(in crate::storage) const SET: &str =
    "update accounts set user_code = $2, user_code_tries = 0, user_code_wait_until = 0 where sub = $1";

pub(in crate::storage) const HAS: &str = "select 1 from accounts where sub = $1 and user_code is not null";

/// Who tries at the same time waits, so that each try is counted before the next one is looked at.
pub(in crate::storage) const FIND_TO_TRY: Locking = locking!(
    "select user_code, user_code_tries, user_code_wait_until from accounts where sub = $1 and user_code is not null",
    "for no key update"
);

pub(in crate::storage) const TRY: &str =
    "update accounts set user_code_tries = $2, user_code_wait_until = $3 where sub = $1";

pub(in crate::storage) const RIGHT: &str =
    "update accounts set user_code_tries = 0, user_code_wait_until = 0 where sub = $1 and user_code_tries > 0";
