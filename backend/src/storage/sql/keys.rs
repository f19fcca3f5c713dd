pub(in crate::storage) const LIST: &str =
    "select kid, purpose, state, sealed, public_jwk, created_at, state_since, announcement
    from signing_keys order by created_at, kid";

pub(in crate::storage) const ADD: &str = "insert into signing_keys
        (kid, purpose, state, sealed, public_jwk, created_at, state_since, announcement)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(in crate::storage) const COUNT: &str =
    "select count(*) as keys, count(case when state = 'next' then 1 end) as waiting,
        count(case when state = 'next' and state_since <= $2 then 1 end) as ready
    from signing_keys where purpose = $1";

/// `$2` from, `$3` to, `$4` now.
pub(in crate::storage) const MOVE: &str =
    "update signing_keys set state = $3, state_since = $4 where purpose = $1 and state = $2";

pub(in crate::storage) const DROP_RETIRED: &str =
    "delete from signing_keys where state = 'retiring' and state_since < $1 and announcement is null";

/// What an announced key leaves behind; `$2` is nothing, in bytes.
pub(in crate::storage) const STRIP_RETIRED: &str = "update signing_keys set state = 'dropped', sealed = $2
    where state = 'retiring' and state_since < $1";
