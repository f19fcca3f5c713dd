use super::locking::{Locking, locking};

pub(in crate::storage) const FIND: &str =
    "select sub, username, name, password_hash, disabled, created_at from accounts where sub = $1";

pub(in crate::storage) const FIND_BY_USERNAME: &str =
    "select sub, username, name, password_hash, disabled, created_at from accounts where username = $1";

pub(in crate::storage) const FIND_SUB_BY_ATTRIBUTE: &str =
    "select sub from account_attributes where attribute = $1 and value = $2";

pub(in crate::storage) const LIST: &str =
    "select sub, username, name, password_hash, disabled, created_at from accounts order by username";

pub(in crate::storage) const ATTRIBUTES: &str =
    "select attribute, value from account_attributes where sub = $1 order by attribute";

pub(in crate::storage) const ADD: &str =
    "insert into accounts (sub, username, name, password_hash, disabled, created_at)
    values ($1, $2, $3, $4, $5, $6)";

pub(in crate::storage) const ADD_ATTRIBUTE: &str =
    "insert into account_attributes (attribute, value, sub) values ($1, $2, $3)";

pub(in crate::storage) const SET_DISABLED: &str = "update accounts set disabled = $2 where username = $1";

/// The person stays enabled as long as the unit runs.
pub(in crate::storage) const IS_ENABLED: Locking =
    locking!("select 1 from accounts where sub = $1 and disabled = 0", "for share");
