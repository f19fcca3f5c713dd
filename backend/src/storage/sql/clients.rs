use super::locking::{Locking, locking};

pub(in crate::storage) const FIND: &str = "select client from clients where id = $1";

/// The client stays as it is as long as the unit runs.
pub(in crate::storage) const FIND_TO_CHANGE: Locking =
    locking!("select client from clients where id = $1", "for update");

pub(in crate::storage) const LIST: &str = "select client from clients order by id";

/// `$3` whether it is disabled, `$4` whether it registered itself.
pub(in crate::storage) const ADD: &str =
    "insert into clients (id, client, disabled, registered) values ($1, $2, $3, $4)
    on conflict (id) do nothing";

pub(in crate::storage) const REPLACE: &str = "update clients set client = $2, disabled = $3 where id = $1";

pub(in crate::storage) const COUNT_REGISTERED: &str = "select count(*) as registered from clients where registered = 1";

pub(in crate::storage) const REMOVE: &str = "delete from clients where id = $1";
