use super::locking::{Locking, locking};

/// Ends before a lock.
macro_rules! find {
    () => {
        "select id_hash, handle, client_id, sub, scope, created_at, expires_at, readable_until, interval, state, approval,
            redeemed_at, extras
        from auth_requests where id_hash = $1"
    };
}

pub(in crate::storage) const FIND: &str = find!();

pub(in crate::storage) const FIND_TO_REDEEM: Locking = locking!(find!(), "for update");

pub(in crate::storage) const ADD: &str = "insert into auth_requests
        (id_hash, handle, client_id, sub, scope, created_at, expires_at, readable_until, interval, state, owes, extras)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'pending', $10, $11)";

/// Follows the prompt: `$2` state, `$3` approval.
pub(in crate::storage) const SETTLE: &str =
    "update auth_requests set state = $2, approval = $3 where handle = $1 and state = 'pending' returning owes";

/// No row unless client `$1`, person `$2` and deciding device `$3` may still have tokens.
/// The client's row is not locked, because all of its redemptions would meet there: whoever removes a client waits for the requests that are being
/// redeemed, and revokes after that; whoever disables one has its tokens refused wherever they are shown.
pub(in crate::storage) const MAY_REDEEM: Locking = locking!(
    "select 1 from clients c, accounts a, devices d
    where c.id = $1 and c.disabled = 0 and a.sub = $2 and a.disabled = 0 and d.id = $3 and d.revoked_at is null",
    "for share of a, d"
);

/// As [`MAY_REDEEM`], where no device decided: the statement of another provider is kept with the prompt `$3`.
pub(in crate::storage) const MAY_REDEEM_BY_EVIDENCE: Locking = locking!(
    "select 1 from clients c, accounts a, prompts p
    where c.id = $1 and c.disabled = 0 and a.sub = $2 and a.disabled = 0 and p.handle = $3 and p.evidence is not null",
    "for share of a"
);

/// `$2` now.
pub(in crate::storage) const REDEEM: &str = "update auth_requests set state = 'redeemed', redeemed_at = $2
    where id_hash = $1 and state = 'approved' and readable_until > $2";

/// An approval that cannot be turned into tokens.
pub(in crate::storage) const FAIL: &str =
    "update auth_requests set state = 'denied', approval = null where id_hash = $1 and state = 'approved'";

pub(in crate::storage) const SWEEP: &str = "delete from auth_requests where id_hash in
    (select id_hash from auth_requests where readable_until <= $1 order by readable_until limit $2)";

pub(in crate::storage) const DENY_OF_CLIENT: &str = "update auth_requests set state = 'denied', approval = null where client_id = $1 and state in ('pending', 'approved')";
