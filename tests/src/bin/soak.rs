//! The soak run: `soak --seconds 600`, half of them on each store. Ends with a line for each, and with 1 when a promise was broken.

use std::{process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use countersign_clock::{OsRandom, Random as _};
use countersign_e2e::soak::{self, Options, Store, killer::Kills};

/// Redemptions of one id at once (V-010).
const STORM: usize = 1_000;
const VISITORS: usize = 16;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let (mut seconds, mut seed, mut stores) = (60, None, vec![Store::Sqlite, Store::Postgres]);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        let number = || value.parse().with_context(|| format!("{word} needs a number"));
        match word.as_str() {
            "--seconds" => seconds = number()?,
            "--seed" => seed = Some(number()?),
            "--store" => stores.retain(|store| store.name() == value),
            _ => bail!("soak [--seconds N] [--seed N] [--store sqlite|postgres]"),
        }
    }
    let mut chosen = [0; 8];
    OsRandom.fill(&mut chosen);
    let seed = seed.unwrap_or_else(|| u64::from_le_bytes(chosen));
    println!("seed {seed}");
    let each = Duration::from_secs(seconds) / u32::try_from(stores.len())?.max(1);
    let mut holds = !stores.is_empty();
    for store in stores {
        let options = Options {
            store,
            seed,
            kills: Kills::For(each),
            visitors: VISITORS,
            storm: STORM,
        };
        let report = soak::run(&options).await;
        println!("{report}");
        holds &= report.holds();
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
