pub(in crate::storage) const ADD: &str =
    "insert into pushed_requests (hash, client_id, params, expires_at) values ($1, $2, $3, $4)";

/// `$3` now.
pub(in crate::storage) const TAKE: &str =
    "delete from pushed_requests where hash = $1 and client_id = $2 and expires_at > $3
    returning params, expires_at";

pub(in crate::storage) const SWEEP: &str = "delete from pushed_requests where hash in
    (select hash from pushed_requests where expires_at <= $1 order by expires_at limit $2)";
