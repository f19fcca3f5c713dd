/// More changes than a person sees between a backup and its restoration.
pub(in crate::storage) const SKIP_SEQ: &str = "update account_seq set seq = seq + 1000000";

/// Takes numbers of the gap that [`SKIP_SEQ`] left. `$1` now.
pub(in crate::storage) const CANCEL_PROMPTS: &str =
    "update prompts set state = 'cancelled', settled_at = $1, seq = seq + 1000000 where state = 'pending'";

/// What was owed may have been paid.
pub(in crate::storage) const FORGET_DEBTS: &str = "delete from outbox where state in ('waiting', 'owed')";

/// They may have been used up.
pub(in crate::storage) const FORGET_INVITATIONS: &str = "delete from invitations";

pub(in crate::storage) const DENY_REQUESTS: &str =
    "update auth_requests set state = 'denied', approval = null where state in ('pending', 'approved')";

/// `$1` now, at most `$2` of them.
pub(in crate::storage) const REVOKE_FAMILIES: &str = "update grant_families set revoked_at = $1 where id in
    (select id from grant_families where revoked_at is null limit $2)";

pub(in crate::storage) const REVOKE_DEVICES: &str = "update devices set revoked_at = $1 where revoked_at is null";

pub(in crate::storage) const COUNT_DEVICES: &str = "select count(*) as devices from devices where revoked_at is null";
