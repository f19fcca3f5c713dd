//! `countersign doctor`.

use std::io::{self, Write};

use countersign_clock::SystemClock;

use super::ConfigFile;
use crate::{
    doctor::{Report, Verdict, examine},
    domain::is_deceptive,
};

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
    let report = examine(args.config.path(), &SystemClock).await;
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
        // Some of it is what others say of themselves.
        let says: String = says.chars().filter(|c| !c.is_control() && !is_deceptive(*c)).collect();
        let of = finding.connector.as_ref().map(|name| format!("{name}: "));
        let of = of.unwrap_or_default();
        writeln!(out, "{mark:<6} {:<14} {of}{says}", finding.check)?;
        if let Verdict::Ill { remedy, .. } = &finding.verdict {
            writeln!(out, "{:<21} -> {remedy}", "")?;
        }
    }
    Ok(())
}
