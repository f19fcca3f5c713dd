use super::locking::{Locking, locking};

/// Columns of a family, for statements that join `grant_families f`.
macro_rules! family {
    () => {
        "f.id, f.client_id, f.sub, f.scope, f.auth_time, f.amr, f.acr, f.created_at, f.revoked_at, f.extras"
    };
}

/// Whether the client of family `f` is disabled. The app is a client that is in no table.
macro_rules! off {
    () => {
        "case when exists (select 1 from clients o where o.id = f.client_id and o.disabled <> 0) then cast(1 as bigint) else cast(0 as bigint) end as off, "
    };
}

pub(in crate::storage) const ADD_FAMILY: &str = "insert into grant_families
        (id, client_id, sub, scope, auth_time, amr, acr, created_at, device_id, extras)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

pub(in crate::storage) const REVOKE_FAMILY: &str =
    "update grant_families set revoked_at = $2 where id = $1 and revoked_at is null";

pub(in crate::storage) const REVOKE_OF_CLIENT: &str =
    "update grant_families set revoked_at = $2 where client_id = $1 and revoked_at is null";

pub(in crate::storage) const REVOKE_OF_DEVICE: &str =
    "update grant_families set revoked_at = $2 where device_id = $1 and revoked_at is null";

pub(in crate::storage) const ADD_CODE: &str = "insert into codes
        (hash, family_id, redirect_uri, code_challenge, nonce, expires_at, dpop_jkt)
    values ($1, $2, $3, $4, $5, $6, $7)";

pub(in crate::storage) const FIND_CODE: Locking = locking!(
    concat!(
        "select c.redirect_uri, c.code_challenge, c.nonce, c.expires_at, c.used_at, c.dpop_jkt, ",
        off!(),
        family!(),
        " from codes c join grant_families f on f.id = c.family_id where c.hash = $1 and f.client_id = $2"
    ),
    "for update of c"
);

/// A code that is good, `$3` now.
pub(in crate::storage) const PEEK_CODE: &str = concat!(
    "select c.redirect_uri, c.code_challenge, c.nonce, c.expires_at, c.dpop_jkt, ",
    family!(),
    " from codes c join grant_families f on f.id = c.family_id
    where c.hash = $1 and f.client_id = $2 and c.used_at is null and c.expires_at > $3 and f.revoked_at is null"
);

pub(in crate::storage) const USE_CODE: &str =
    "update codes set used_at = $2 where hash = $1 and used_at is null and expires_at > $2";

pub(in crate::storage) const ADD_ACCESS: &str = "insert into access_tokens (hash, family_id, issued_at, expires_at, confirmation, resources) values ($1, $2, $3, $4, $5, $6)";

pub(in crate::storage) const ADD_REFRESH: &str =
    "insert into refresh_tokens (hash, family_id, issued_at, expires_at, confirmation) values ($1, $2, $3, $4, $5)";

pub(in crate::storage) const FIND_REFRESH: Locking = locking!(
    concat!(
        "select r.expires_at, r.used_at, r.confirmation, ",
        off!(),
        family!(),
        " from refresh_tokens r join grant_families f on f.id = r.family_id where r.hash = $1 and f.client_id = $2"
    ),
    "for update of r"
);

pub(in crate::storage) const USE_REFRESH: &str =
    "update refresh_tokens set used_at = $2 where hash = $1 and used_at is null and expires_at > $2";

/// What a live token stands for, `$2` now.
pub(in crate::storage) const FIND_TOKEN: &str = concat!(
    "select t.expires_at, t.issued_at, t.is_refresh, t.confirmation, t.resources, ",
    family!(),
    " from (select family_id, expires_at, issued_at, confirmation, resources, cast(0 as bigint) as is_refresh
            from access_tokens where hash = $1
        union all
        select family_id, expires_at, issued_at, confirmation, cast(null as text) as resources, cast(1 as bigint) as is_refresh
            from refresh_tokens where hash = $1 and used_at is null) t
    join grant_families f on f.id = t.family_id
    join accounts a on a.sub = f.sub
    where t.expires_at > $2 and f.revoked_at is null and a.disabled = 0
        and not exists (select 1 from clients o where o.id = f.client_id and o.disabled <> 0)"
);

pub(in crate::storage) const REVOKE_ACCESS: &str = "delete from access_tokens
    where hash = $1 and family_id in (select id from grant_families where client_id = $2)
    returning family_id";

pub(in crate::storage) const SWEEP_CODES: &str = "delete from codes where hash in
        (select hash from codes where expires_at <= $1 order by expires_at limit $2)
    returning family_id";

pub(in crate::storage) const SWEEP_ACCESS: &str = "delete from access_tokens where hash in
        (select hash from access_tokens where expires_at <= $1 order by expires_at limit $2)
    returning family_id";

pub(in crate::storage) const SWEEP_REFRESH: &str = "delete from refresh_tokens where hash in
        (select hash from refresh_tokens where expires_at <= $1 order by expires_at limit $2)
    returning family_id";

pub(in crate::storage) const SWEEP_FAMILY: &str = "delete from grant_families where id = $1
    and not exists (select 1 from codes where family_id = $1)
    and not exists (select 1 from access_tokens where family_id = $1)
    and not exists (select 1 from refresh_tokens where family_id = $1)";
