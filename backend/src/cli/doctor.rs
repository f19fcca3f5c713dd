//! `countersign doctor`.

use std::io::{self, Write};

use countersign_clock::{Clock as _, SystemClock};

use super::ConfigFile;
use crate::doctor::{Report, Verdict, examine};

/// What is looked at.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFile,
}

/// Looks, and prints what was found.
///
/// # Errors
/// When something is ill.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let report = examine(args.config.path(), SystemClock.now()).await;
    let out = &mut io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else {
        print(out, &report)?;
    }
    let ill = report
        .checks
        .iter()
        .filter(|finding| matches!(finding.verdict, Verdict::Ill { .. }))
        .count();
    anyhow::ensure!(
        report.healthy,
        "{ill} of {} checks found something wrong",
        report.checks.len()
    );
    Ok(())
}

fn print(out: &mut impl Write, report: &Report) -> io::Result<()> {
    for finding in &report.checks {
        let (mark, says) = match &finding.verdict {
            Verdict::Ok { says } => ("ok", says),
            Verdict::Ill { says, .. } => ("WRONG", says),
            Verdict::Skipped { says } => ("-", says),
        };
        writeln!(out, "{mark:<6} {:<14} {says}", finding.check)?;
        if let Verdict::Ill { remedy, .. } = &finding.verdict {
            writeln!(out, "{:<21} -> {remedy}", "")?;
        }
    }
    Ok(())
}
