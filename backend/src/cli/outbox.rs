//! `countersign outbox`: what was given up on.

use std::io::{self, Write};

use anyhow::bail;
use clap::Subcommand;
use countersign_clock::{Clock as _, Millis, SystemClock};

use super::ConfigFile;
use crate::{
    app,
    domain::{DeadDebt, DebtId, DebtKind},
    storage::{Resend, Role, Storage},
};

/// Lines of a list, at most.
const MOST: u32 = 1000;

/// List what clients could not be told, and try again
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what was given up on, the newest first
    #[command(
        after_help = "Each line has the prompt, the client, the tries, how long ago it was given up on, until when it can be sent again, \
        and what went wrong last, with tabs between. What a `ping` was about stays at the token endpoint, whether or not the client was told. Tokens \
        that a `push` was to deliver were revoked when it was given up on: its client has to ask anew."
    )]
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Send again what was given up on; a running server does so within a second
    #[command(
        after_help = "Examples:\n  countersign outbox resend --all\n  countersign outbox resend x6Qw...\n\n\
        After the time of a request is over nothing is sent: the client could do nothing with it."
    )]
    Resend {
        #[command(flatten)]
        config: ConfigFile,
        /// The prompt, as `outbox list` names it
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        prompt: Option<String>,
        /// Everything that still can be sent
        #[arg(long)]
        all: bool,
    },
}

/// Runs the command and writes to standard output.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let out = &mut io::stdout();
    let now = SystemClock.now();
    match args.command {
        Command::List { config } => {
            let config = config.load()?;
            let storage = app::open_storage(&config.storage, Role::Command).await?;
            for dead in storage.dead_debts(MOST).await? {
                writeln!(out, "{}", line(&dead, now))?;
            }
        }
        Command::Resend { config, prompt, .. } => {
            let config = config.load()?;
            let storage = app::open_storage(&config.storage, Role::Command).await?;
            let Some(prompt) = prompt else {
                let dead = storage.dead_debts(MOST).await?;
                let mut sent = 0;
                for dead in dead.iter().filter(|dead| now < dead.deadline) {
                    sent += u32::from(storage.resend_debt(&dead.id, now).await? == Resend::Owed);
                }
                writeln!(out, "{sent} will be sent again")?;
                return Ok(());
            };
            match resend(&*storage, &prompt, now).await? {
                Resend::Owed => {}
                Resend::TimeOver => {
                    bail!("the time of that request is over: its client could do nothing with the news")
                }
                Resend::Revoked => bail!(
                    "that was to deliver tokens: they were revoked when it was given up on, the client has to ask anew"
                ),
                Resend::Unknown => bail!("nothing of that name was given up on"),
            }
        }
    }
    Ok(())
}

/// Whatever is owed because of this prompt.
async fn resend(storage: &dyn Storage, prompt: &str, now: Millis) -> anyhow::Result<Resend> {
    for kind in DebtKind::ALL {
        let reference = prompt.to_owned();
        let verdict = storage.resend_debt(&DebtId { reference, kind }, now).await?;
        if verdict != Resend::Unknown {
            return Ok(verdict);
        }
    }
    Ok(Resend::Unknown)
}

fn line(dead: &DeadDebt, now: Millis) -> String {
    let DeadDebt {
        id,
        creditor,
        attempts,
        died_at,
        deadline,
        error,
    } = dead;
    let (kind, prompt) = (id.kind.word(), &id.reference);
    let ago = (now - died_at) / 1000;
    let left = if now < *deadline {
        format!("{} s left", (deadline - now) / 1000)
    } else {
        "over".to_owned()
    };
    format!("{prompt}\t{kind}\t{creditor}\t{attempts} tries\t{ago} s ago\t{left}\t{error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_who_was_not_told_and_whether_it_is_too_late() {
        let dead = DeadDebt {
            id: DebtId {
                reference: "h".to_owned(),
                kind: DebtKind::Ping,
            },
            creditor: "shop".to_owned(),
            attempts: 3,
            died_at: 1_000,
            deadline: 9_000,
            error: "answered 401".to_owned(),
        };
        assert_eq!(
            line(&dead, 4_500),
            "h\tping\tshop\t3 tries\t3 s ago\t4 s left\tanswered 401"
        );
        assert!(line(&dead, 9_000).contains("\tover\t"));
    }
}
