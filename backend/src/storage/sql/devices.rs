use super::locking::{Locking, locking};

/// Ends before its condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "select id, iss, sub, name, pop_key, pop_thumbprint, uv_key, uv_thumbprint, key_level, uv_method, platform,
                app_version, session, push_type, push_token, created_at, last_seen_at, revoked_at, mismatches
            from devices where ",
            $condition
        )
    };
}

pub(in crate::storage) const FIND: &str = select!("id = $1");

pub(in crate::storage) const FIND_TO_DECIDE: Locking = locking!(select!("id = $1"), "for update");

pub(in crate::storage) const FIND_BY_SESSION: &str = select!("session = $1");

pub(in crate::storage) const FIND_BY_POP: &str = select!("pop_thumbprint = $1");

/// A device without keys, by its push target.
pub(in crate::storage) const FIND_KEYLESS: &str = select!(
    "iss = $1 and sub = $2 and pop_thumbprint is null and push_type = $3 and push_token = $4 and revoked_at is null"
);

pub(in crate::storage) const LIST: &str =
    select!("iss = $1 and sub = $2 and revoked_at is null order by created_at, id");

/// Whether a device other than `$3` has one of the keys `$1`, `$2`, in either place.
pub(in crate::storage) const KEY_IN_USE: &str = "select 1 from devices
    where (pop_thumbprint in ($1, $2) or uv_thumbprint in ($1, $2)) and id <> $3";

pub(in crate::storage) const ADD: &str = "insert into devices
        (id, iss, sub, name, push_type, push_token, created_at, last_seen_at, mismatches)
    values ($1, $2, $3, $4, $5, $6, $7, $7, 0)";

pub(in crate::storage) const RENEW: &str =
    "update devices set name = $2, push_type = $3, push_token = $4, last_seen_at = $5 where id = $1";

pub(in crate::storage) const SET_KEYS: &str = "update devices set pop_key = $2, pop_thumbprint = $3, uv_key = $4,
        uv_thumbprint = $5, key_level = $6, uv_method = $7, platform = $8, app_version = $9
    where id = $1";

pub(in crate::storage) const SET_SESSION: &str = "update devices set session = $2 where id = $1";

/// `$2` is the key that is replaced.
pub(in crate::storage) const HOLDS_KEY: &str =
    "select 1 from devices where id = $1 and pop_thumbprint = $2 and revoked_at is null";

pub(in crate::storage) const RENAME: &str =
    "update devices set name = $4 where id = $1 and iss = $2 and sub = $3 and revoked_at is null";

pub(in crate::storage) const REVOKE: &str =
    "update devices set revoked_at = $4 where id = $1 and iss = $2 and sub = $3 and revoked_at is null";

pub(in crate::storage) const SET_PUSH: &str =
    "update devices set push_type = $2, push_token = $3 where id = $1 and revoked_at is null";

pub(in crate::storage) const TOUCH: &str = "update devices set last_seen_at = $2 where id = $1 and last_seen_at < $2";

pub(in crate::storage) const COUNT_MISMATCH: &str = "update devices set mismatches = mismatches + 1 where id = $1";

pub(in crate::storage) const FORGET_MISMATCHES: &str =
    "update devices set mismatches = 0 where id = $1 and mismatches > 0";
