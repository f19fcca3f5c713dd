//! Points at which the process fails when a test says so: `FAILPOINT_OF_COUNTERSIGN=Wake:2:abort` ends it, as a power cut would, at the second
//! time it comes to `Wake`; `stall` in place of `abort` holds up whoever comes there, for good.
//!
//! Compiled with the feature `failpoints` alone, which nothing but tests asks for.

use std::{
    process,
    sync::{
        LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use tokio::task;

const VARIABLE: &str = "FAILPOINT_OF_COUNTERSIGN";

/// A step of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Point {
    /// In the transaction: the prompt is written, the provider's request not yet.
    Open,
    /// A verified decision, before the store hears of it.
    Decide,
    /// In the transaction: the prompt is settled, the provider's request not yet.
    Complete,
    /// In the transaction: the request is used up, its tokens are not written yet.
    Redeem,
    /// Before the commit of a transaction that came by one of the points above.
    CommitBefore,
    /// After it, before anybody hears of it.
    CommitAfter,
    /// After the commit, before the person's devices are woken.
    Wake,
    /// After that, before the answer.
    Woken,
    /// A provider is about to be told, and it is on disk that it may have heard.
    Tell,
    /// A client or a provider was called and has answered, before the store hears of it.
    Called,
}

const POINTS: [Point; 10] = [
    Point::Open,
    Point::Decide,
    Point::Complete,
    Point::Redeem,
    Point::CommitBefore,
    Point::CommitAfter,
    Point::Wake,
    Point::Woken,
    Point::Tell,
    Point::Called,
];

#[derive(Clone, Copy)]
enum Failure {
    Abort,
    Stall,
}

struct Armed {
    point: Point,
    hit: u32,
    failure: Failure,
}

static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
    #[expect(
        clippy::disallowed_methods,
        reason = "no setting: it belongs to one process of one test"
    )]
    let text = std::env::var(VARIABLE).ok()?;
    let Some(armed) = read(&text) else {
        tracing::error!("{VARIABLE} has to be POINT:HIT:abort or POINT:HIT:stall");
        process::abort();
    };
    Some(armed)
});
static HITS: AtomicU32 = AtomicU32::new(0);
/// Commits are counted when they are on disk, so that one that is tried again counts once.
static COMMITS: AtomicU32 = AtomicU32::new(0);
/// Whose open transaction is a step of a grant: housekeeping commits at its own times, and would make counting a game of chance. A task has one
/// transaction at a time; the thread that writes to a file is no task and has one for all.
static IN_GRANT: Mutex<Vec<Option<task::Id>>> = Mutex::new(Vec::new());

fn read(text: &str) -> Option<Armed> {
    let (point, rest) = text.split_once(':')?;
    let (hit, failure) = rest.split_once(':')?;
    Some(Armed {
        point: POINTS.into_iter().find(|known| format!("{known:?}") == point)?,
        hit: hit.parse().ok()?,
        failure: match failure {
            "abort" => Failure::Abort,
            "stall" => Failure::Stall,
            _ => return None,
        },
    })
}

fn in_grant() -> MutexGuard<'static, Vec<Option<task::Id>>> {
    IN_GRANT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Fails here, if this is where and when it has to.
pub(crate) fn reach(point: Point) {
    let hit = match point {
        Point::Open | Point::Complete | Point::Redeem => {
            let (mut in_grant, who) = (in_grant(), task::try_id());
            if !in_grant.contains(&who) {
                in_grant.push(who);
            }
            None
        }
        Point::CommitBefore if in_grant().contains(&task::try_id()) => Some(COMMITS.load(Ordering::SeqCst) + 1),
        Point::CommitAfter if in_grant().contains(&task::try_id()) => {
            in_grant().retain(|who| *who != task::try_id());
            Some(COMMITS.fetch_add(1, Ordering::SeqCst) + 1)
        }
        Point::CommitBefore | Point::CommitAfter => return,
        Point::Decide | Point::Wake | Point::Woken | Point::Tell | Point::Called => None,
    };
    let Some(armed) = ARMED.as_ref().filter(|armed| armed.point == point) else {
        return;
    };
    if hit.unwrap_or_else(|| HITS.fetch_add(1, Ordering::SeqCst) + 1) != armed.hit {
        return;
    }
    tracing::warn!(failpoint = ?point, "the process fails here, as it was told to");
    match armed.failure {
        Failure::Abort => process::abort(),
        // Others go on: whoever comes here may be a task of the runtime.
        Failure::Stall => task::block_in_place(|| {
            loop {
                thread::park();
            }
        }),
    }
}
