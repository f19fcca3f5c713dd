use anyhow::Context as _;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    config::{Config, LogFormat},
    telemetry::Telemetry,
};

/// Writes log lines to standard error, as `[log]` says, and sends traces where `[telemetry]` says. Returns what sends them.
pub fn start(config: &Config) -> anyhow::Result<Option<Telemetry>> {
    let level = &config.log.level;
    let filter = EnvFilter::try_new(level).with_context(|| format!("[log] level: {level:?}"))?;
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log.format {
        // The list of spans, whose first is the request; the innermost alone would not name it.
        LogFormat::Json => lines.json().with_current_span(false).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    let telemetry = Telemetry::start(&config.telemetry)?;
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .with(telemetry.as_ref().map(Telemetry::layer))
        .try_init()?;
    Ok(telemetry)
}
