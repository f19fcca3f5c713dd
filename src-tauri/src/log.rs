//! The log: lines on standard error. No body, token, key, PIN or message of a request ever goes there.

use std::{error::Error, fmt};

use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::environment;

/// Starts the log at the level the environment asks for. What the libraries say is kept to warnings.
pub(crate) fn start() {
    let level = environment::log_level();
    let ours = Targets::new()
        .with_default(level.min(tracing::level_filters::LevelFilter::WARN))
        .with_target("countersign", level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(ours);
    if let Err(error) = tracing_subscriber::registry().with(lines).try_init() {
        tracing::debug!(%error, "the log was started before");
    }
}

/// An error with all its causes, for the one line that records it.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
