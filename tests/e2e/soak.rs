//! The server dies at random moments, and no promise is broken.

use countersign_clock::{OsRandom, Random as _};
use countersign_e2e::soak::{self, Options, killer::Kills};

/// V-009, V-010: `make soak` does the same for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_kills_break_no_promise() {
    let mut seed = [0; 8];
    OsRandom.fill(&mut seed);
    let options = Options {
        seed: u64::from_le_bytes(seed),
        kills: Kills::Count(20),
        visitors: 8,
        storm: 30,
    };
    println!("seed {}", options.seed);
    let report = soak::run(&options).await;
    println!("{report}");
    assert!(report.holds(), "a promise was broken: {report}");
    assert!(report.kills >= 20 && report.grants > 0, "there was something to lose");
}
