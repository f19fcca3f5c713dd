use super::locking::{Locking, locking};

/// Ends before its condition.
macro_rules! select {
    ($condition:literal) => {
        concat!(
            "select handle, connector, external_ref, iss, sub, client, scopes, authorization_details, match_mode,
                match_value, acr_values, context, policy, created_at, expires_at, seq, state, settled_at, reason,
                decided_device, decided_name, decision_jti, tries, redeemed_at, receipt_request, receipt_decision,
                receipt_device_key, receipt_request_key, receipt_at, intake_digest, approval, delivery
            from prompts where ",
            $condition
        )
    };
}

pub(in crate::storage) const FIND: &str = select!("handle = $1");

pub(in crate::storage) const FIND_TO_SETTLE: Locking =
    locking!(select!("handle = $1 and iss = $2 and sub = $3"), "for update");

pub(in crate::storage) const PENDING: &str =
    select!("iss = $1 and sub = $2 and state = 'pending' and expires_at > $3 order by created_at, seq limit $4");

pub(in crate::storage) const SINCE: &str = select!("iss = $1 and sub = $2 and seq > $3 order by seq limit $4");

pub(in crate::storage) const HISTORY: &str = select!(
    "iss = $1 and sub = $2 and state <> 'pending' and settled_at < $3 order by settled_at desc, seq desc limit $4"
);

/// Older prompts of the same client that give way to one received at `$5`.
pub(in crate::storage) const TO_SUPERSEDE: Locking = locking!(
    select!(
        "iss = $1 and sub = $2 and state = 'pending' and connector = $3 and client_id = $4 and expires_at > $5
            order by created_at, seq"
    ),
    "for update"
);

/// What somebody is deciding just now is left for the next time.
pub(in crate::storage) const OVERDUE: Locking = locking!(
    select!("state = 'pending' and expires_at <= $1 order by expires_at limit $2"),
    "for update skip locked"
);

pub(in crate::storage) const PENDING_OF_CLIENT: Locking = locking!(
    select!(
        "handle in (select handle from auth_requests where client_id = $1 and state = 'pending') and state = 'pending'
            order by created_at, seq"
    ),
    "for update"
);

pub(in crate::storage) const ADD: &str = "insert into prompts
        (handle, connector, external_ref, iss, sub, client_id, client, scopes, authorization_details, match_mode,
        match_value, acr_values, context, policy, created_at, expires_at, seq, intake_digest, state, tries)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'pending', 0)";

pub(in crate::storage) const LAST_SEQ: &str = "select seq from account_seq where iss = $1 and sub = $2";

/// Takes the next change number of a person.
pub(in crate::storage) const NEXT_SEQ: &str = "insert into account_seq (iss, sub, seq) values ($1, $2, 1)
    on conflict (iss, sub) do update set seq = account_seq.seq + 1 returning seq";

/// The one way out of `pending`. `$8`: only when its deadline is after this.
pub(in crate::storage) const SETTLE: &str = "update prompts set state = $2, settled_at = $3, reason = $4,
        decided_device = $5, decided_name = $6, decision_jti = $7, seq = $9, receipt_request = $10, receipt_decision = $11,
        receipt_device_key = $12, receipt_request_key = $13, receipt_at = $14, approval = $15, delivery = $16
    where handle = $1 and state = 'pending' and expires_at > $8";

pub(in crate::storage) const FIND_TO_TELL: Locking = locking!(select!("handle = $1"), "for update");

/// What another provider signed.
pub(in crate::storage) const SET_EVIDENCE: &str = "update prompts set evidence = $2 where handle = $1";

pub(in crate::storage) const FIND_EVIDENCE: &str = "select evidence from prompts where handle = $1";

/// Whether the provider knows; `$3` the change number.
pub(in crate::storage) const SET_DELIVERY: &str = "update prompts set delivery = $2, seq = $3 where handle = $1";

pub(in crate::storage) const SET_REDEEMED: &str = "update prompts set redeemed_at = $2 where handle = $1";

pub(in crate::storage) const COUNT_TRY: &str = "update prompts set tries = tries + 1 where handle = $1 returning tries";

pub(in crate::storage) const FIND_ATTEMPT: &str =
    "select tries_left from match_attempts where handle = $1 and device_id = $2 and jti = $3";

/// What this device has left on this prompt; null when it has not tried.
pub(in crate::storage) const DEVICE_LEFT: &str =
    "select min(device_left) as device_left from match_attempts where handle = $1 and device_id = $2";

pub(in crate::storage) const ADD_ATTEMPT: &str =
    "insert into match_attempts (handle, device_id, jti, device_left, tries_left) values ($1, $2, $3, $4, $5)";

pub(in crate::storage) const SWEEP: &str = "delete from prompts where handle in
    (select handle from prompts where state <> 'pending' and settled_at < $1 order by settled_at limit $2)";

/// `$4` since when.
pub(in crate::storage) const REPORTED: &str = "select 1 from prompts
    where iss = $1 and sub = $2 and client_id = $3 and settled_at > $4 and reason = 'not_me' limit 1";
