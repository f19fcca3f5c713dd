//! `countersign doctor`: looks at everything a server needs, one named check after the other, and says in a sentence each what is well, or what
//! is wrong and what to do. It changes nothing and works beside a running server.

mod app_client;
mod certificate;
mod connectors;
mod issuer;
mod keys;
mod reach;
mod settings;
mod store;
mod upstream;
mod webhook;

use std::path::Path;

use countersign_clock::Clock;
use serde::Serialize;

use crate::{
    config::Config,
    storage::{Inspection, StoreKind},
};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it should be.
    Ok {
        /// How it is.
        says: String,
    },
    /// It is not.
    Ill {
        /// What is wrong.
        says: String,
        /// What to do.
        remedy: String,
    },
    /// It could not be looked at, because of another finding or because nothing runs.
    Skipped {
        /// Why.
        says: String,
    },
}

/// One check with what it found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which check. Stable: programs may match on it.
    pub check: &'static str,
    /// Of which connector, where there may be several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connector: Option<String>,
    /// What it found.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Everything that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether no check is ill.
    pub healthy: bool,
    /// In the order in which one thing needs the other.
    pub checks: Vec<Finding>,
}

fn ok(says: impl Into<String>) -> Verdict {
    Verdict::Ok { says: says.into() }
}

fn ill(says: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict::Ill {
        says: says.into(),
        remedy: remedy.into(),
    }
}

fn skipped(says: impl Into<String>) -> Verdict {
    Verdict::Skipped { says: says.into() }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Whether a server has the database; unknown where any number may.
fn held(look: Option<&Inspection>) -> Option<bool> {
    match look.map(|look| &look.kind) {
        Some(StoreKind::File { in_use, .. }) => Some(*in_use),
        Some(StoreKind::Server { .. }) => None,
        None => Some(false),
    }
}

/// Looks at everything that the configuration in `file` (the defaults when none) names.
pub async fn examine(file: Option<&Path>, clock: &dyn Clock) -> Report {
    let now = clock.now();
    let mut checks = Vec::new();
    let mut note = |check, verdict| {
        checks.push(Finding {
            check,
            connector: None,
            verdict,
        });
    };
    match Config::load(file) {
        Err(error) => note(
            "configuration",
            ill(
                chain(&error),
                "correct it; `countersign defaults` prints every key with its meaning",
            ),
        ),
        Ok(config) => {
            let from = file.map_or_else(|| "the defaults".to_owned(), |file| file.display().to_string());
            note("configuration", ok(format!("{from} can be used")));
            note("address", settings::address(&config.server));
            note("tls", settings::tls(&config, now));
            note("mtls", settings::mtls(&config, now));
            let look = store::look(&config).await;
            note("database", store::database(&config, look.as_ref()));
            note("integrity", store::integrity(look.as_ref().ok()));
            note("disk", store::disk(&config, look.as_ref().ok()));
            note("log", store::log(look.as_ref().ok()));
            note("clock", store::clock(look.as_ref().ok(), now));
            let kids = keys::open(&config, look.as_ref().ok()).await;
            note("keys", kids.verdict);
            let site = reach::Site::look(&config, held(look.as_ref().ok())).await;
            note("listen", site.listen());
            note("discovery", site.discovery());
            note("jwks", site.jwks(&kids.signing).await);
            checks.extend(connectors::look(&config, clock).await);
        }
    }
    let healthy = !checks
        .iter()
        .any(|finding| matches!(finding.verdict, Verdict::Ill { .. }));
    Report { healthy, checks }
}
