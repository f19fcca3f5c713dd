//! People decide and clients redeem while the server is killed again and again; then every history is judged.
//!
//! [`history`] is what was seen, [`checker`] judges it and knows nothing of servers, [`calls`] are recorded calls that may get lost, [`load`] is
//! what people and clients do, [`ledger`] what the store says in the end, [`killer`] the one with the knife.

pub mod calls;
pub mod checker;
#[cfg(test)]
mod checker_tests;
pub mod history;
pub mod killer;
pub mod ledger;
pub mod load;
pub mod report;

use std::{sync::Arc, time::Duration};

use countersign_clock::{Random as _, SeededRandom};
use countersign_postgres_cluster::{Cluster, PowerLoss};
use tokio::sync::watch;

use self::{
    calls::World,
    killer::{Killer, Kills},
    load::{Cast, Chance},
    report::Report,
};
use crate::{Backend, BackendOptions};

/// Requests live for seconds, so that runs see them end; only the ready line is logged, since each restart reads it.
pub const CONFIG: &str = "[op]\ninterval = 1\nexpires_in = 15\nmin_expiry = 3\ngrace_seconds = 20\n\
    [consent]\nsupersede = false\n[log]\nlevel = \"warn,countersign::app=info\"\n";

/// Where everything is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite,
    /// A PostgreSQL server of the run's own, which is killed, too.
    Postgres,
}

impl Store {
    /// Its name on the command line and in the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// Starts what it needs. Commits wait for the disk, as in production.
    #[must_use]
    pub fn start(self) -> Option<Cluster> {
        (self == Self::Postgres).then(|| Cluster::start(PowerLoss::Survived))
    }
}

/// How a run is made.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where everything is kept.
    pub store: Store,
    /// Where chance begins.
    pub seed: u64,
    /// How long.
    pub kills: Kills,
    /// Requests that go on at the same time.
    pub visitors: usize,
    /// Redemptions of one id at the same time, now and then.
    pub storm: usize,
}

/// Runs until there were as many kills, or as much time, as `options` say; lets everybody finish what they began; and judges.
///
/// # Panics
/// When the server does not come back, or people and clients cannot be set up.
pub async fn run(options: &Options) -> Report {
    let mut cluster = options.store.start();
    let mut backend = Backend::start(&BackendOptions {
        database_url: cluster.as_ref().map(Cluster::database),
        ..BackendOptions::with(CONFIG)
    });
    let (up, is_up) = watch::channel(true);
    let world = Arc::new(World::new(is_up));
    let cast = Arc::new(Cast::gather(&backend, options.storm).await);
    let (running, is_running) = watch::channel(true);

    let visitors: Vec<_> = (0..options.visitors)
        .map(|number| {
            let chance = Chance::new(options.seed.wrapping_add(1 + number as u64));
            tokio::spawn(load::visit(world.clone(), cast.clone(), chance, is_running.clone()))
        })
        .collect();
    let guessing = tokio::spawn(load::guess(world.clone(), cast.clone(), is_running));

    let mut killer = Killer::new(
        &mut backend,
        cluster.as_mut(),
        up,
        world.clone(),
        Chance::new(options.seed),
    );
    let kills = killer.kill_now_and_then(options.kills).await;
    running.send_replace(false);
    let mut histories = Vec::new();
    for visitor in visitors {
        histories.extend(visitor.await.expect("a visitor does not panic"));
    }
    let guesses = guessing.await.expect("who guesses does not panic");

    ledger::tell(&world, &cast, &mut histories).await;
    ledger::verify_some(&world, &cast, &histories).await;
    let report = Report::of(options, kills, guesses, &histories, world.surprises());
    if !report.holds() {
        println!("the data directory is kept: {}", backend.keep().display());
    }
    report
}

impl Chance {
    /// A run of luck that begins at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// A number below `below`.
    pub fn draw(&self, below: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % below
    }

    /// A time of `from` to `to` milliseconds.
    pub fn moment(&self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.draw(to - from))
    }
}
