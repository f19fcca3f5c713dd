//! Points at which the process fails when a test says so: `FAILPOINT_OF_COUNTERSIGN=Wake:2:abort` ends it, as a power cut would, at the second
//! time it comes to `Wake`; `stall` in place of `abort` holds up whoever comes there, for good.
//!
//! Compiled with the feature `failpoints` alone, which nothing but tests asks for.

use std::{
    process,
    sync::{
        LazyLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};

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
}

const POINTS: [Point; 8] = [
    Point::Open,
    Point::Decide,
    Point::Complete,
    Point::Redeem,
    Point::CommitBefore,
    Point::CommitAfter,
    Point::Wake,
    Point::Woken,
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
/// Whether the transaction that is open is a step of a grant: housekeeping commits at its own times, and would make counting a game of chance.
static IN_GRANT: AtomicBool = AtomicBool::new(false);

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

/// Fails here, if this is where and when it has to.
pub(crate) fn reach(point: Point) {
    let hit = match point {
        Point::Open | Point::Complete | Point::Redeem => {
            IN_GRANT.store(true, Ordering::SeqCst);
            None
        }
        Point::CommitBefore if IN_GRANT.load(Ordering::SeqCst) => Some(COMMITS.load(Ordering::SeqCst) + 1),
        Point::CommitAfter if IN_GRANT.swap(false, Ordering::SeqCst) => {
            Some(COMMITS.fetch_add(1, Ordering::SeqCst) + 1)
        }
        Point::CommitBefore | Point::CommitAfter => return,
        Point::Decide | Point::Wake | Point::Woken => None,
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
        Failure::Stall => tokio::task::block_in_place(|| {
            loop {
                thread::park();
            }
        }),
    }
}
