//! Ends the whole server as a power cut would, at random moments, and starts it again on the same port and store.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::load::Chance;
use crate::Backend;

/// How long a run goes on.
#[derive(Debug, Clone, Copy)]
pub enum Kills {
    /// Until there were so many.
    Count(usize),
    /// For so long.
    For(Duration),
}

/// Kills and restarts; says through `up` when calls have a chance. Returns how often it killed.
pub async fn kill_now_and_then(
    backend: &mut Backend,
    up: &watch::Sender<bool>,
    chance: &Chance,
    kills: Kills,
) -> usize {
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
        tokio::time::sleep(chance.moment(100, 1200)).await;
        killed += tokio::task::block_in_place(|| kill_once(backend, up, chance));
    }
}

fn kill_once(backend: &mut Backend, up: &watch::Sender<bool>, chance: &Chance) -> usize {
    backend.kill();
    up.send_replace(false);
    let mut killed = 1;
    if chance.draw(4) == 0 {
        // While it reads the store, before it listens, or just after.
        backend.start_and_kill(chance.moment(0, 250));
        killed += 1;
    }
    backend.restart();
    up.send_replace(true);
    killed
}
