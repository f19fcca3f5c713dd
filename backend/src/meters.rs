//! What is counted and timed: every instrument with its name, its unit and its help text, in one place.
//!
//! Names follow the conventions of Prometheus; labels take values from closed sets only, never anything a client sent. A measurement is an
//! atomic addition or a short lock: no label is made on the way.

mod connectors;
mod process;
mod routes;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{
        LazyLock,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::{Registry, Unit},
};

use self::{connectors::ConnectorMeters, process::Process, routes::Routes};

pub use connectors::{Completion, Intake};

/// The media type of [`Meters::render`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// From a read in memory to a held stream.
const LATENCY_SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0,
];
/// From a fast disk's flush to a stuck one's.
const COMMIT_SECONDS: [f64; 12] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];
const GROUP_SIZES: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
/// As long as people take.
const DECISION_SECONDS: [f64; 10] = [1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];

/// The instruments of this process.
#[must_use]
pub fn meters() -> &'static Meters {
    static METERS: LazyLock<Meters> = LazyLock::new(Meters::new);
    &METERS
}

/// What became of a grant. A grant is opened, settled in one of six ways, and redeemed when it was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// A person is asked.
    Opened,
    /// The person said yes.
    Approved,
    /// The person said no, or typed a wrong number too often.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// A newer request took its place.
    Superseded,
    /// Its client was removed, or the database was restored.
    Cancelled,
    /// Tokens were issued.
    Redeemed,
}

impl Outcome {
    const ALL: [Self; 7] = [
        Self::Opened,
        Self::Approved,
        Self::Denied,
        Self::Expired,
        Self::Superseded,
        Self::Cancelled,
        Self::Redeemed,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Cancelled => "cancelled",
            Self::Redeemed => "redeemed",
        }
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.word().encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByPurpose {
    purpose: &'static str,
}

/// Makes histograms with the same limits.
#[derive(Clone)]
struct Limits(&'static [f64]);

impl MetricConstructor<Histogram> for Limits {
    fn new_metric(&self) -> Histogram {
        Histogram::new(self.0.iter().copied())
    }
}

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<i64, AtomicI64>;

/// All instruments.
pub struct Meters {
    registry: Registry,
    grants: [(Outcome, Count); 7],
    routes: Routes,
    decision_seconds: Histogram,
    commit_seconds: Histogram,
    group_size: Histogram,
    streams: Level,
    polls: Level,
    signing_keys: Family<ByPurpose, Level>,
    outbox: OutboxLevels,
    connectors: ConnectorMeters,
}

#[derive(Default)]
struct OutboxLevels {
    owed: Level,
    dead: Level,
    oldest: Level,
}

impl Meters {
    fn new() -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process));
        let ours = registry.sub_registry_with_prefix("countersign");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        ours.register("build", "The program that runs", build);

        let grants = Family::<ByOutcome, Count>::default();
        ours.register("grants", "Requests to people, by what became of them", grants.clone());
        let requests = Family::new_with_constructor(Limits(&LATENCY_SECONDS));
        ours.register_with_unit(
            "http_request_duration",
            "From a request's arrival to the beginning of its answer, by route and class of status",
            Unit::Seconds,
            requests.clone(),
        );
        let decision_seconds = Limits(&DECISION_SECONDS).new_metric();
        ours.register_with_unit(
            "decision",
            "From the moment a person is asked to their approval or denial",
            Unit::Seconds,
            decision_seconds.clone(),
        );
        let commit_seconds = Limits(&COMMIT_SECONDS).new_metric();
        ours.register_with_unit(
            "storage_commit",
            "From the beginning of a group of writes until it is on disk",
            Unit::Seconds,
            commit_seconds.clone(),
        );
        let group_size = Limits(&GROUP_SIZES).new_metric();
        ours.register(
            "storage_group_size",
            "Units of work that one commit brought to disk",
            group_size.clone(),
        );
        let streams = Level::default();
        ours.register("open_streams", "Devices that hold a stream", streams.clone());
        let polls = Level::default();
        ours.register("held_polls", "Clients whose poll waits for a person", polls.clone());
        let signing_keys = Family::<ByPurpose, Level>::default();
        ours.register_with_unit(
            "signing_key_active_since_timestamp",
            "When the key that signs became active, seconds since 1970; its age is time() less this",
            Unit::Seconds,
            signing_keys.clone(),
        );

        let outbox = OutboxLevels::default();
        ours.register(
            "outbox_owed",
            "Notifications that are owed to clients",
            outbox.owed.clone(),
        );
        ours.register(
            "outbox_dead",
            "Notifications that were given up on and are kept for the operator",
            outbox.dead.clone(),
        );
        ours.register_with_unit(
            "outbox_oldest_owed",
            "How long the oldest of the owed notifications has been owed",
            Unit::Seconds,
            outbox.oldest.clone(),
        );

        let connectors = ConnectorMeters::registered(ours);

        // Made now, so that each outcome is there from the first scrape, at zero: a rate needs something to start from.
        let counted = Outcome::ALL.map(|outcome| (outcome, grants.get_or_create_owned(&ByOutcome { outcome })));
        Self {
            registry,
            grants: counted,
            routes: Routes::new(requests),
            decision_seconds,
            commit_seconds,
            group_size,
            streams,
            polls,
            signing_keys,
            outbox,
            connectors,
        }
    }

    /// Counts a grant.
    pub fn count(&self, outcome: Outcome) {
        self.count_many(outcome, 1);
    }

    /// Counts `how_many` grants.
    pub fn count_many(&self, outcome: Outcome, how_many: usize) {
        if let Some((_, counter)) = self.grants.iter().find(|(counted, _)| *counted == outcome) {
            counter.inc_by(u64::try_from(how_many).unwrap_or(u64::MAX));
        }
    }

    /// Notes how long a person took to decide.
    pub fn decided(&self, took: Duration) {
        self.decision_seconds.observe(took.as_secs_f64());
    }

    /// Notes an answered request. `route` is the router's pattern, of which there is a fixed number, never the path that came.
    pub fn answered(&self, route: Option<&str>, status: u16, took: Duration) {
        self.routes.observe(route.unwrap_or("unmatched"), status, took);
    }

    /// Notes a group of `units` that is on disk.
    pub fn committed(&self, units: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.group_size
            .observe(u32::try_from(units).map_or(f64::INFINITY, f64::from));
    }

    /// Counts a stream until the returned value is dropped.
    #[must_use]
    pub fn stream(&self) -> Held {
        Held::one_of(&self.streams)
    }

    /// Counts a held poll until the returned value is dropped.
    #[must_use]
    pub fn poll(&self) -> Held {
        Held::one_of(&self.polls)
    }

    /// Notes since when the key for `purpose` signs, in seconds since 1970.
    pub fn key_signs_since(&self, purpose: &'static str, seconds: i64) {
        self.signing_keys.get_or_create(&ByPurpose { purpose }).set(seconds);
    }

    /// Notes how many notifications are owed, how many were given up on, and how long the oldest has been owed.
    pub fn owes(&self, owed: u32, dead: u32, oldest: Duration) {
        self.outbox.owed.set(owed.into());
        self.outbox.dead.set(dead.into());
        self.outbox
            .oldest
            .set(i64::try_from(oldest.as_secs()).unwrap_or(i64::MAX));
    }

    /// Notes a question that the provider behind `connector` handed over.
    pub fn handed_over(&self, connector: &str, outcome: Intake) {
        self.connectors.handed_over(connector, outcome);
    }

    /// Notes a call that told the provider behind `connector` how a question ended, at `seconds` since 1970.
    pub fn completed(&self, connector: &str, outcome: Completion, seconds: i64) {
        self.connectors.completed(connector, outcome, seconds);
    }

    /// Everything, as `OpenMetrics` text.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// One more of something that is open, until it is dropped.
pub struct Held(Level);

impl Held {
    fn one_of(level: &Level) -> Self {
        level.inc();
        Self(level.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}
