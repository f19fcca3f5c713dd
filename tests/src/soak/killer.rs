//! Ends the whole server as a power cut would, at random moments, and starts it again on the same port and store.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_postgres_cluster::Cluster;
use tokio::sync::watch;

use super::{calls::World, load::Chance};
use crate::Backend;

/// How long a run goes on.
#[derive(Debug, Clone, Copy)]
pub enum Kills {
    /// Until there were so many.
    Count(usize),
    /// For so long.
    For(Duration),
}

/// The one with the knife.
pub struct Killer<'a> {
    backend: &'a mut Backend,
    cluster: Option<&'a mut Cluster>,
    up: watch::Sender<bool>,
    world: Arc<World>,
    chance: Chance,
}

/// Answers between two kills.
const MOST_ANSWERS: u64 = 80;
/// Time between two kills, when answers are slow.
const LONGEST_LIFE: Duration = Duration::from_secs(6);

impl<'a> Killer<'a> {
    /// Kills `backend`, and `cluster` where there is one; says through `up` when calls have a chance.
    #[must_use]
    pub fn new(
        backend: &'a mut Backend,
        cluster: Option<&'a mut Cluster>,
        up: watch::Sender<bool>,
        world: Arc<World>,
        chance: Chance,
    ) -> Self {
        Self {
            backend,
            cluster,
            up,
            world,
            chance,
        }
    }

    /// Kills and restarts until it is over. Returns how often it killed.
    pub async fn kill_now_and_then(&mut self, kills: Kills) -> usize {
        let began = Instant::now();
        let mut killed = 0;
        loop {
            let over = match kills {
                Kills::Count(count) => killed >= count,
                Kills::For(time) => began.elapsed() >= time,
            };
            if over {
                return killed;
            }
            self.let_them_work().await;
            killed += tokio::task::block_in_place(|| self.kill_once());
        }
    }

    /// Until some calls more are answered, however slow the machine is, and a moment longer, so that the knife falls anywhere.
    async fn let_them_work(&self) {
        let enough = self.world.answers() + self.chance.draw(MOST_ANSWERS);
        let began = Instant::now();
        while self.world.answers() < enough && began.elapsed() < LONGEST_LIFE {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(self.chance.moment(0, 20)).await;
    }

    fn kill_once(&mut self) -> usize {
        let luck = self.chance.draw(8);
        if luck < 3
            && let Some(cluster) = self.cluster.as_mut()
        {
            // The database alone, or both.
            cluster.kill();
            self.up.send_replace(false);
            if luck == 0 {
                self.backend.kill();
            }
            cluster.restart();
            if luck == 0 {
                self.backend.restart();
            }
            self.up.send_replace(true);
            return 1;
        }
        self.backend.kill();
        self.up.send_replace(false);
        let mut killed = 1;
        if luck < 5 {
            // While it reads the store, before it listens, or just after.
            self.backend.start_and_kill(self.chance.moment(0, 250));
            killed += 1;
        }
        self.backend.restart();
        self.up.send_replace(true);
        killed
    }
}
