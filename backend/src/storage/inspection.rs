use countersign_clock::Millis;

/// What can be told of a store without changing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Version of its schema; 0 where there is none yet.
    pub schema: i64,
    /// Newest version that this program knows.
    pub known: i64,
    /// The latest time of which it tells, if it tells of any.
    pub latest: Option<Millis>,
    /// What only one engine can tell.
    pub kind: StoreKind,
}

/// Which engine a store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreKind {
    /// SQLite.
    File {
        /// The first fault of its pages, if there is one.
        fault: Option<String>,
        /// Size in bytes.
        bytes: u64,
        /// Size in bytes of what is written and not yet merged into the file.
        log_bytes: u64,
        /// Whether a server has it now.
        in_use: bool,
    },
    /// PostgreSQL.
    Server {
        /// Its clock.
        now: Millis,
    },
}

/// The latest time of which a store tells, found by indexes.
pub(super) const LATEST: &str = "select max(at) as latest from (
    select max(settled_at) as at from prompts where state <> 'pending' union all
    select max(state_since) as at from signing_keys) as times";
