//! `countersign connector`: providers outside, and how they fare.

use std::io::{self, Write};

use clap::Subcommand;
use countersign_clock::{Clock as _, Millis, SystemClock};
use serde::Serialize;

use super::{ConfigFile, ago};
use crate::{
    app,
    config::{ConnectorConfig, ConnectorsConfig},
    domain::is_deceptive,
    storage::{ConnectorMark, Role},
};

/// List the providers outside, and how they fare
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List connectors: when their providers were told something at last, what is owed to them and what was given up on
    #[command(
        after_help = "Examples:\n  countersign connector list --config countersign.toml\n  countersign connector list --json\n\n\
        `told` is when the provider took a result at last, to within a few seconds, and `failed` when it did not; OWED counts results that are to be told \
        now, and for how long the oldest has been; GIVEN UP those that `countersign outbox list` shows. A connector that is not in the \
        configuration any more is listed as long as there is something to say of it. `countersign doctor` looks at the providers themselves."
    )]
    List {
        #[command(flatten)]
        config: ConfigFile,
        /// Print JSON: times in milliseconds since 1970
        #[arg(long)]
        json: bool,
    },
}

/// A connector with how it fares.
#[derive(Debug, Serialize)]
struct Line<'a> {
    name: &'a str,
    /// `keycloak`, `generic` or `upstream`; none when it is not in the configuration any more.
    kind: Option<&'static str>,
    issuer: Option<&'a str>,
    told_at: Option<Millis>,
    failed_at: Option<Millis>,
    error: Option<&'a str>,
    owed: u32,
    oldest_owed_since: Option<Millis>,
    given_up: u32,
}

/// Runs the command and writes to standard output.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Command::List { config, json } = args.command;
    let config = config.load()?;
    let storage = app::open_storage(&config.storage, Role::Command).await?;
    let marks = storage.connector_marks().await?;
    let lines = lines(&config.connectors, &marks);
    let out = &mut io::stdout();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&lines)?)?;
    } else {
        write!(out, "{}", table(&lines, SystemClock.now()))?;
    }
    Ok(())
}

/// Those of the configuration in its order, then those that are not there any more.
fn lines<'a>(config: &'a ConnectorsConfig, marks: &'a [ConnectorMark]) -> Vec<Line<'a>> {
    let of = |kind: &'static str| move |one: &'a ConnectorConfig| (one.name.as_str(), one.issuer.as_str(), kind);
    let realms = config.keycloak.iter().map(of("keycloak"));
    let others = config.generic.iter().map(of("generic"));
    let asked = config
        .upstream
        .iter()
        .map(|one| (one.name.as_str(), one.issuer.as_str(), "upstream"));
    let configured: Vec<_> = realms.chain(others).chain(asked).collect();
    let gone = marks
        .iter()
        .filter(|mark| configured.iter().all(|(name, ..)| *name != mark.name))
        .map(|mark| line(&mark.name, None, Some(mark)));
    let known = configured.iter().map(|&(name, issuer, kind)| {
        let mark = marks.iter().find(|mark| mark.name == name);
        line(name, Some((issuer, kind)), mark)
    });
    known.chain(gone).collect()
}

fn line<'a>(name: &'a str, configured: Option<(&'a str, &'static str)>, mark: Option<&'a ConnectorMark>) -> Line<'a> {
    Line {
        name,
        kind: configured.map(|(_, kind)| kind),
        issuer: configured.map(|(issuer, _)| issuer),
        told_at: mark.and_then(|mark| mark.told_at),
        failed_at: mark.and_then(|mark| mark.failed_at),
        error: mark.and_then(|mark| mark.error.as_deref()),
        owed: mark.map_or(0, |mark| mark.debts),
        oldest_owed_since: mark.and_then(|mark| mark.oldest),
        given_up: mark.map_or(0, |mark| mark.dead),
    }
}

/// Aligned, the widest column last.
fn table(lines: &[Line<'_>], now: Millis) -> String {
    let head = [
        "NAME",
        "KIND",
        "TOLD",
        "FAILED",
        "OWED",
        "OLDEST",
        "GIVEN UP",
        "ISSUER",
        "LAST ERROR",
    ];
    let when = |at: Option<Millis>| at.map_or_else(|| "-".to_owned(), |at| format!("{} ago", ago(now - at)));
    let rows = lines.iter().map(|line| {
        [
            line.name.to_owned(),
            line.kind.unwrap_or("removed").to_owned(),
            when(line.told_at),
            when(line.failed_at),
            line.owed.to_string(),
            line.oldest_owed_since
                .map_or_else(|| "-".to_owned(), |since| ago(now - since)),
            line.given_up.to_string(),
            line.issuer.unwrap_or("-").to_owned(),
            plain(line.error.unwrap_or("-")),
        ]
    });
    let rows: Vec<[String; 9]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let cells: Vec<String> = cells.collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !is_deceptive(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const CONFIG: &str = "[[connectors.keycloak]]\nname = \"acme\"\nissuer = \"https://sso.acme.example/realms/acme\"\ntitle = \"Acme\"\napp_client_id = \"app\"\n\
        [[connectors.generic]]\nname = \"bank\"\nissuer = \"https://op.bank.example\"\ntitle = \"Bank\"\napp_client_id = \"app\"\nsecret_file = \"s\"\n\
        callback_url = \"https://op.bank.example/cb\"\n";

    fn marks() -> [ConnectorMark; 2] {
        [
            ConnectorMark {
                name: "acme".to_owned(),
                told_at: Some(995_000),
                failed_at: Some(400_000),
                error: Some("answered \u{1b}[31m500".to_owned()),
                debts: 2,
                oldest: Some(990_000),
                dead: 1,
            },
            ConnectorMark {
                name: "old".to_owned(),
                dead: 3,
                ..ConnectorMark::default()
            },
        ]
    }

    #[test]
    fn a_line_says_how_a_connector_fares() {
        let config = Config::from_toml(CONFIG).unwrap().connectors;
        let marks = marks();
        let lines = lines(&config, &marks);
        assert_eq!(
            table(&lines, 1_000_000),
            "NAME  KIND      TOLD     FAILED      OWED  OLDEST  GIVEN UP  ISSUER                                LAST ERROR\n\
             acme  keycloak  5 s ago  10 min ago  2     10 s    1         https://sso.acme.example/realms/acme  answered [31m500\n\
             bank  generic   -        -           0     -       0         https://op.bank.example               -\n\
             old   removed   -        -           0     -       3         -                                     -\n"
        );
    }

    #[test]
    fn programs_read_the_same_as_json() {
        let config = Config::from_toml(CONFIG).unwrap().connectors;
        let marks = marks();
        let json = serde_json::to_value(lines(&config, &marks)).unwrap();
        assert_eq!(
            json[1],
            serde_json::json!({
                "name": "bank", "kind": "generic", "issuer": "https://op.bank.example", "told_at": null, "failed_at": null, "error": null,
                "owed": 0, "oldest_owed_since": null, "given_up": 0,
            })
        );
        assert_eq!((&json[0]["told_at"], &json[0]["owed"]), (&995_000.into(), &2.into()));
        assert_eq!(json[2]["kind"], serde_json::Value::Null);
    }
}
