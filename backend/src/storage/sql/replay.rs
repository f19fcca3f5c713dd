pub(in crate::storage) const REMEMBER: &str = "insert into seen (kind, owner, id, expires_at) values ($1, $2, $3, $4)
    on conflict (kind, owner, id) do nothing";

pub(in crate::storage) const SWEEP: &str = "delete from seen where (kind, owner, id) in
    (select kind, owner, id from seen where expires_at <= $1 order by expires_at limit $2)";
