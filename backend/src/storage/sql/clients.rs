pub(in crate::storage) const FIND: &str = "select client from clients where id = $1";

pub(in crate::storage) const LIST: &str = "select client from clients order by id";

pub(in crate::storage) const ADD: &str = "insert into clients (id, client) values ($1, $2) on conflict (id) do nothing";

pub(in crate::storage) const REMOVE: &str = "delete from clients where id = $1";
