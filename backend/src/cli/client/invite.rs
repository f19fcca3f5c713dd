//! Initial access tokens: who may register clients over HTTP.

use std::io::{self, Write};

use anyhow::{Context as _, ensure};
use countersign_clock::{Clock as _, Millis, OsRandom, Random as _, SystemClock};
use countersign_jose::{b64, digest};

use super::{ConfigFile, registry::Registry};
use crate::{
    config::RegistrationMode,
    domain::{Invitation, TokenHash, is_deceptive},
};

const MAX_NAME: usize = 128;
const MAX_DAYS: i64 = 366;

#[derive(Debug, clap::Args)]
pub(super) struct Invite {
    #[command(flatten)]
    config: ConfigFile,
    /// For whom it is, for you
    #[arg(long)]
    name: String,
    /// Clients that it is good for
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    uses: u32,
    /// How long it is good, such as 30m, 12h or 7d
    #[arg(long, default_value = "7d", value_name = "TIME")]
    expires: String,
}

/// Makes an invitation and prints its token, as the only line.
pub(super) async fn invite(options: Invite, out: &mut dyn Write) -> anyhow::Result<()> {
    let name = options.name.trim();
    ensure!(
        !name.is_empty() && name.len() <= MAX_NAME && !name.chars().any(is_deceptive),
        "--name is empty, longer than {MAX_NAME} bytes, or has characters that do not show"
    );
    let life = life(&options.expires)?;
    let registry = Registry::open(&options.config).await?;
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes);
    let token = b64::encode(bytes);
    let now = SystemClock.now();
    let invitation = Invitation {
        hash: TokenHash(digest::sha256(&token)),
        name: name.to_owned(),
        created_at: now,
        expires_at: now + life,
        uses_left: options.uses,
    };
    let added = registry.storage.add_invitation(invitation).await?;
    ensure!(added, "there is an invitation called {name} already");
    if registry.config.registration.mode == RegistrationMode::Off {
        writeln!(
            io::stderr(),
            "warning: [registration] mode is \"off\": nobody can use it yet"
        )?;
    }
    writeln!(out, "{token}")?;
    Ok(())
}

/// Lists what is good now.
pub(super) async fn list(config: &ConfigFile, out: &mut dyn Write) -> anyhow::Result<()> {
    let now = SystemClock.now();
    for invitation in Registry::open(config).await?.storage.list_invitations(now).await? {
        let seconds = (invitation.expires_at - now).div_euclid(1000);
        writeln!(
            out,
            "{}\t{} left\tfor {seconds} s",
            invitation.name, invitation.uses_left
        )?;
    }
    Ok(())
}

/// Takes an invitation back.
pub(super) async fn take_back(config: &ConfigFile, name: &str) -> anyhow::Result<()> {
    let removed = Registry::open(config).await?.storage.remove_invitation(name).await?;
    ensure!(removed, "there is no invitation called {name}");
    Ok(())
}

/// `30m`, `12h` or `7d` in milliseconds.
fn life(text: &str) -> anyhow::Result<Millis> {
    let wrong = || format!("--expires {text:?} is not a time such as 30m, 12h or 7d, of at most {MAX_DAYS} days");
    let unit = text.chars().next_back().unwrap_or_default();
    let minutes: i64 = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        _ => 0,
    };
    let count: i64 = text
        .strip_suffix(unit)
        .unwrap_or_default()
        .parse()
        .with_context(wrong)?;
    let minutes = count.saturating_mul(minutes);
    ensure!((1..=MAX_DAYS * 24 * 60).contains(&minutes), wrong());
    Ok(minutes * 60 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_its_unit() {
        for (text, millis) in [("1m", 60_000), ("12h", 43_200_000), ("7d", 604_800_000)] {
            assert_eq!(life(text).unwrap(), millis, "{text}");
        }
        for bad in [
            "",
            "7",
            "d",
            "0m",
            "-1d",
            "367d",
            "1.5h",
            "1s",
            "7dd",
            "9223372036854775807d",
        ] {
            assert!(life(bad).is_err(), "{bad}");
        }
    }
}
