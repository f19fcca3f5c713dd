//! `countersign outbox`: what was given up on.

use std::io::{self, Write};

use anyhow::{bail, ensure};
use clap::Subcommand;
use countersign_clock::{Clock as _, Millis, SystemClock};
use countersign_protocol::{Delivery, Handle};

use super::ConfigFile;
use crate::{
    app,
    config::ConnectorsConfig,
    domain::{DeadDebt, DebtId, DebtKind},
    storage::{Resend, Role, Storage},
};

/// Lines of a list, at most.
const MOST: u32 = 1000;

/// List what clients and providers could not be told, and try again
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what was given up on, the newest first
    #[command(
        after_help = "Each line has the prompt, what was owed, the client or the connector, the tries, how long ago it was given up on, until when it can be sent \
        again, and what went wrong last, with tabs between.\n\nWhat a `ping` was about stays at the token endpoint, whether or not the client was told. Tokens \
        that a `push` was to deliver were revoked when it was given up on: its client has to ask anew. With `complete` the provider that asked was not told how \
        its request ended, so its client gets no tokens; where it says `unclear`, nobody knows whether the provider heard. With `ask` another provider was not asked; the person's own \
        devices were."
    )]
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
    /// Send again what was given up on; a running server does so within a second
    #[command(
        after_help = "Examples:\n  countersign outbox resend --all\n  countersign outbox resend x6Qw...\n  countersign outbox resend x6Qw... --force\n\n\
        After the time of a request is over nothing is sent: the client could do nothing with it.\n\nWhere nobody knows whether Keycloak heard a result \
        (`unclear` in the list), telling it again may delete the grant: Keycloak deletes a request that it is told of twice. Look there first; --force \
        tells it anyhow. --all leaves these alone unless --force is given too."
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
        /// Also where the provider may have heard: Keycloak then deletes the grant
        #[arg(long)]
        force: bool,
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
                let unclear = is_unclear(&*storage, &dead).await?;
                writeln!(out, "{}", line(&dead, unclear, now))?;
            }
        }
        Command::Resend {
            config, prompt, force, ..
        } => {
            let config = config.load()?;
            let storage = app::open_storage(&config.storage, Role::Command).await?;
            match prompt {
                Some(prompt) => resend_one(&*storage, &config.connectors, &prompt, force, now).await?,
                None => resend_all(&*storage, &config.connectors, force, now, out).await?,
            }
        }
    }
    Ok(())
}

async fn resend_all(
    storage: &dyn Storage,
    connectors: &ConnectorsConfig,
    force: bool,
    now: Millis,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (mut sent, mut left) = (0, 0);
    for dead in storage
        .dead_debts(MOST)
        .await?
        .iter()
        .filter(|dead| now < dead.deadline)
    {
        if !force && is_dangerous(storage, connectors, dead).await? {
            left += 1;
        } else {
            sent += u32::from(storage.resend_debt(&dead.id, now).await? == Resend::Owed);
        }
    }
    writeln!(out, "{sent} will be sent again")?;
    if left > 0 {
        writeln!(
            out,
            "{left} left alone: the provider may have heard, and would delete the grant; see `countersign outbox resend --help`"
        )?;
    }
    Ok(())
}

async fn resend_one(
    storage: &dyn Storage,
    connectors: &ConnectorsConfig,
    prompt: &str,
    force: bool,
    now: Millis,
) -> anyhow::Result<()> {
    if !force {
        let dead = storage.dead_debts(MOST).await?;
        for dead in dead.iter().filter(|dead| dead.id.reference == prompt) {
            let dangerous = now < dead.deadline && is_dangerous(storage, connectors, dead).await?;
            ensure!(
                !dangerous,
                "{} may have heard this result already, and deletes the grant when it is told twice. Look there whether the request is decided; \
                 --force tells it anyhow",
                dead.creditor
            );
        }
    }
    match resend(storage, prompt, now).await? {
        Resend::Owed => Ok(()),
        Resend::TimeOver => bail!("the time of that request is over: nobody could do anything with the news"),
        Resend::Revoked => {
            bail!("that was to deliver tokens: they were revoked when it was given up on, the client has to ask anew")
        }
        Resend::Unknown => bail!("nothing of that name was given up on"),
    }
}

/// Whether nobody knows if the provider heard.
async fn is_unclear(storage: &dyn Storage, dead: &DeadDebt) -> anyhow::Result<bool> {
    if dead.id.kind != DebtKind::Complete {
        return Ok(false);
    }
    let found = storage.find_prompt(&Handle::new(&dead.id.reference)).await?;
    let settlement = found.and_then(|prompt| prompt.settlement);
    Ok(settlement.and_then(|end| end.view.delivery) == Some(Delivery::Unclear))
}

/// Whether telling again may undo what the first call did. What is not in the configuration any more is taken for Keycloak.
async fn is_dangerous(storage: &dyn Storage, connectors: &ConnectorsConfig, dead: &DeadDebt) -> anyhow::Result<bool> {
    let harmless = connectors.generic.iter().any(|other| other.name == dead.creditor);
    Ok(!harmless && is_unclear(storage, dead).await?)
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

fn line(dead: &DeadDebt, unclear: bool, now: Millis) -> String {
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
    let error = if unclear {
        format!("unclear whether it heard: {error}")
    } else {
        error.clone()
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
            line(&dead, false, 4_500),
            "h\tping\tshop\t3 tries\t3 s ago\t4 s left\tanswered 401"
        );
        assert!(line(&dead, false, 9_000).contains("\tover\t"));
        let lost = DeadDebt {
            id: DebtId {
                reference: "h".to_owned(),
                kind: DebtKind::Complete,
            },
            ..dead
        };
        let said = line(&lost, true, 4_500);
        assert!(said.starts_with("h\tcomplete\tshop\t"), "{said}");
        assert!(said.ends_with("\tunclear whether it heard: answered 401"), "{said}");
    }
}
