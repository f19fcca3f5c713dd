pub(in crate::storage) const ADD: &str = "insert into invitations (hash, name, created_at, expires_at, uses_left)
    values ($1, $2, $3, $4, $5) on conflict do nothing";

/// `$1` now.
pub(in crate::storage) const LIST: &str = "select hash, name, created_at, expires_at, uses_left from invitations
    where expires_at > $1 order by name";

/// `$2` now.
pub(in crate::storage) const IS_GOOD: &str = "select 1 from invitations where hash = $1 and expires_at > $2";

pub(in crate::storage) const COUNT_USE: &str = "update invitations set uses_left = uses_left - 1 where hash = $1";

pub(in crate::storage) const DROP_USED_UP: &str = "delete from invitations where hash = $1 and uses_left <= 0";

/// `$1` now.
pub(in crate::storage) const DROP_OVER: &str = "delete from invitations where expires_at <= $1";

pub(in crate::storage) const REMOVE: &str = "delete from invitations where name = $1";
