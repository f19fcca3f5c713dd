//! The server dies at random moments, and no promise is broken.

use countersign_clock::{OsRandom, Random as _};
use countersign_e2e::soak::{self, Options, Store, killer::Kills};

async fn ten_kills(store: Store) {
    let mut seed = [0; 8];
    OsRandom.fill(&mut seed);
    let options = Options {
        store,
        seed: u64::from_le_bytes(seed),
        kills: Kills::Count(10),
        visitors: 8,
        storm: 30,
    };
    println!("seed {}", options.seed);
    let report = soak::run(&options).await;
    println!("{report}");
    assert!(report.holds(), "a promise was broken: {report}");
    assert!(report.kills >= 10 && report.grants > 0, "there was something to lose");
}

/// V-009, V-010: `make soak` does the same for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_kills_over_a_file_break_no_promise() {
    ten_kills(Store::Sqlite).await;
}

/// V-009, V-010: the database server is killed, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_kills_over_a_database_server_break_no_promise() {
    ten_kills(Store::Postgres).await;
}
