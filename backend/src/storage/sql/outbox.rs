use super::locking::{Locking, locking};

pub(in crate::storage) const ADD: &str =
    "insert into outbox (reference, kind, creditor, state, payload, deadline, attempt, not_before)
    values ($1, $2, $3, 'waiting', $4, $5, 0, $6)";

/// Owed since `$6`.
pub(in crate::storage) const ADD_DUE: &str =
    "insert into outbox (reference, kind, creditor, state, payload, deadline, attempt, not_before, due_at, owed_since)
    values ($1, $2, $3, 'owed', $4, $5, 0, $6, $6, $6)";

/// The request `$1` is settled, `$2` now.
pub(in crate::storage) const OWE: &str = "update outbox set state = 'owed', owed_since = $2,
        due_at = case when not_before > $2 then not_before else $2 end
    where reference = $1 and state = 'waiting'";

/// What is due is found once, whatever the planner thinks; the condition stands there twice, so that a row that somebody else took between finding
/// and changing it stays theirs. Workers on PostgreSQL pass over what another one is just taking.
macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "with taken as materialized (
                select reference, kind from outbox where state = 'owed' and due_at <= $1 and deadline > $1
                order by due_at limit $4",
            $lock,
            ") update outbox set due_at = $2, lease = $3, attempt = attempt + 1 from taken
            where outbox.reference = taken.reference and outbox.kind = taken.kind and state = 'owed' and due_at <= $1
            returning outbox.reference as reference, outbox.kind as kind, creditor, payload, deadline, attempt,
                telling as interrupted"
        )
    };
}

/// `$1` now, `$2` end of the lease, `$3` lease, `$4` at most.
pub(in crate::storage) const CLAIM_SQLITE: &str = claim!("");
/// As [`CLAIM_SQLITE`].
pub(in crate::storage) const CLAIM_POSTGRES: &str = claim!(" for update skip locked");

/// Only who has the lease `$3`. `$4` now.
pub(in crate::storage) const DONE: &str =
    "update outbox set state = 'done', payload = null, lease = null, last_error = null, settled_at = $4
    where reference = $1 and kind = $2 and lease = $3 and state = 'owed'";

/// Only who has the lease `$3`. `$4` not before, `$5` why.
pub(in crate::storage) const RETRY: &str = "update outbox set due_at = $4, lease = null, last_error = $5, telling = 0
    where reference = $1 and kind = $2 and lease = $3 and state = 'owed'";

/// Only who has the lease `$3`. `$4` now, `$5` why. Tokens that nobody was given are not kept.
pub(in crate::storage) const DEAD: &str =
    "update outbox set state = 'dead', lease = null, settled_at = $4, last_error = $5,
        payload = case when family_id is null then payload end
    where reference = $1 and kind = $2 and lease = $3 and state = 'owed' returning family_id";

/// Only who has the lease `$3`: from here on the other side may hear.
pub(in crate::storage) const MARK_TELLING: &str = "update outbox set telling = 1
    where reference = $1 and kind = $2 and lease = $3 and state = 'owed'";

/// Only who has the lease `$3`: nothing failed, and it goes on at `$4` with the payload `$5`, and is owed as if since `$6`.
pub(in crate::storage) const GO_ON: &str =
    "update outbox set due_at = $4, payload = $5, owed_since = $6, lease = null, last_error = null, attempt = 0
    where reference = $1 and kind = $2 and lease = $3 and state = 'owed'";

/// No row unless `$3` is the lease of a debt whose result was not sealed yet.
pub(in crate::storage) const HOLDS: Locking = locking!(
    "select 1 from outbox where reference = $1 and kind = $2 and lease = $3 and state = 'owed' and family_id is null",
    "for update"
);

/// What is to be delivered, `$3`; the grant that began with it, `$4`; and a deadline that may be nearer, `$5`.
pub(in crate::storage) const SEAL: &str =
    "update outbox set payload = $3, family_id = $4, deadline = case when deadline < $5 then deadline else $5 end
    where reference = $1 and kind = $2";

pub(in crate::storage) const LIST_DEAD: &str =
    "select reference, kind, creditor, attempt, settled_at, deadline, last_error from outbox
    where state = 'dead' order by settled_at desc, reference limit $1";

pub(in crate::storage) const FIND_DEAD: &str =
    "select family_id from outbox where reference = $1 and kind = $2 and state = 'dead'";

/// `$3` now.
pub(in crate::storage) const RESEND: &str =
    "update outbox set state = 'owed', due_at = $3, owed_since = $3, attempt = 0, settled_at = null, telling = 0
    where reference = $1 and kind = $2 and state = 'dead' and deadline > $3 and payload is not null";

pub(in crate::storage) const COUNT_OWED: &str =
    "select count(*) as debts, min(owed_since) as oldest from outbox where state = 'owed'";

pub(in crate::storage) const COUNT_DEAD: &str = "select count(*) as debts from outbox where state = 'dead'";

/// What is owed to a client. A connector may have the name of a client.
pub(in crate::storage) const DROP_OF_CREDITOR: &str =
    "delete from outbox where creditor = $1 and kind in ('ping', 'push')";

/// What nobody has a lease on at `$1`, its deadline. As with [`CLAIM_SQLITE`] the conditions stand there twice, in this and in what follows.
pub(in crate::storage) const GIVE_UP: &str =
    "update outbox set state = 'dead', payload = null, lease = null, settled_at = deadline,
        last_error = coalesce(last_error, 'not reached before its deadline')
    where (reference, kind) in (
        select reference, kind from outbox where state = 'owed' and due_at <= $1 and deadline <= $1
        order by due_at limit $2)
    and state = 'owed' and due_at <= $1 returning reference, kind, creditor, family_id";

pub(in crate::storage) const ERASE: &str = "update outbox set payload = null where (reference, kind) in (
    select reference, kind from outbox where state = 'dead' and payload is not null and deadline <= $1
    order by deadline limit $2)
    and state = 'dead'";

pub(in crate::storage) const SWEEP: &str = "delete from outbox where (reference, kind) in (
    select reference, kind from outbox where deadline <= $1 and state <> 'dead' and state <> 'owed'
    order by deadline limit $2)
    and state <> 'dead' and state <> 'owed'";

pub(in crate::storage) const SWEEP_DEAD: &str = "delete from outbox where (reference, kind) in (
    select reference, kind from outbox where state = 'dead' and settled_at < $1 and deadline <= $2
    order by settled_at limit $3)
    and state = 'dead'";

/// By creditor: what is owed now to those outside that asked, since when, and what was given up on.
pub(in crate::storage) const ARREARS_OF_PROVIDERS: &str = "select creditor,
        sum(case when state = 'owed' then 1 else 0 end) as debts,
        min(case when state = 'owed' then owed_since end) as oldest,
        sum(case when state = 'dead' then 1 else 0 end) as dead
    from outbox where kind in ('complete', 'ask') and state in ('owed', 'dead') group by creditor";
