//! The soak run: `soak --seconds 600`. Ends with one line, and with 1 when a promise was broken.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use countersign_clock::{OsRandom, Random as _};
use countersign_e2e::soak::{self, Options, killer::Kills};

/// Redemptions of one id at once (V-010).
const STORM: usize = 1_000;
const VISITORS: usize = 16;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (mut seconds, mut seed) = (60, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let number = words.next().with_context(|| format!("{word} needs a number"))?;
        let number: u64 = number.parse().with_context(|| format!("{word} needs a number"))?;
        match word.as_str() {
            "--seconds" => seconds = number,
            "--seed" => seed = Some(number),
            _ => bail!("soak [--seconds N] [--seed N]"),
        }
    }
    let mut chosen = [0; 8];
    OsRandom.fill(&mut chosen);
    let options = Options {
        seed: seed.unwrap_or_else(|| u64::from_le_bytes(chosen)),
        kills: Kills::For(Duration::from_secs(seconds)),
        visitors: VISITORS,
        storm: STORM,
    };
    println!("seed {}", options.seed);
    let report = soak::run(&options).await;
    println!("{report}");
    Ok(if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
