/// More changes than a person sees between a backup and its restoration.
pub(in crate::storage) const SKIP_SEQ: &str = "update account_seq set seq = seq + 1000000";

/// Takes numbers of the gap that [`SKIP_SEQ`] left. `$1` now.
pub(in crate::storage) const CANCEL_PROMPTS: &str =
    "update prompts set state = 'cancelled', settled_at = $1, seq = seq + 1000000 where state = 'pending'";

pub(in crate::storage) const DENY_REQUESTS: &str =
    "update auth_requests set state = 'denied', approval = null where state in ('pending', 'approved')";

pub(in crate::storage) const REVOKE_FAMILIES: &str =
    "update grant_families set revoked_at = $1 where revoked_at is null";

pub(in crate::storage) const REVOKE_DEVICES: &str = "update devices set revoked_at = $1 where revoked_at is null";

pub(in crate::storage) const COUNT_DEVICES: &str = "select count(*) as devices from devices where revoked_at is null";
