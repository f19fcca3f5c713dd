//! Traces for the operator: the spans of [`crate::steps`], sent to an OpenTelemetry collector (OTLP 1 over HTTP, protobuf).
//!
//! Off unless `[telemetry]` names an endpoint; then a thread of its own sends what ended, and drops spans rather than let a grant wait.

mod sender;

use axum::http::HeaderMap;
use opentelemetry::{Context, propagation::TextMapPropagator as _, trace::TracerProvider as _};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tracing::{Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use self::sender::Sender;
use crate::{config::TelemetryConfig, steps::STEPS};

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// No client for the endpoint.
    #[error("no HTTP client can be made to send traces with")]
    Client(#[from] reqwest::Error),
    /// The endpoint cannot be used.
    #[error("[telemetry] otlp_endpoint cannot be used")]
    Endpoint(#[from] ExporterBuildError),
}

/// Sends traces until it is shut down.
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Begins to send; none when `config` names no endpoint. Call it inside the runtime.
    ///
    /// # Errors
    /// When the endpoint cannot be used. Whether somebody listens there is found out later, and is no error.
    pub fn start(config: &TelemetryConfig) -> Result<Option<Self>, TelemetryError> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new()?)
            .with_endpoint(config.otlp_endpoint.as_str())
            .build()?;
        let of_this_process = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        let ours = Sampler::TraceIdRatioBased(config.sampling_ratio);
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(of_this_process)
            .with_sampler(Sampler::ParentBased(Box::new(ours)))
            .build();
        Ok(Some(Self { provider }))
    }

    /// What turns the spans of [`STEPS`] into traces.
    #[must_use]
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(&self) -> impl Layer<S> {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("countersign"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_filter(Targets::new().with_target(STEPS, LevelFilter::TRACE))
    }

    /// Sends what is left, and ends.
    pub async fn shut_down(self) {
        // It waits for the network, which needs this runtime's threads.
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!("the last traces were not sent: {error}");
        }
    }
}

/// Continues the trace of a caller that sent `traceparent` (W3C Trace Context).
pub fn continue_trace(span: &Span, headers: &HeaderMap) {
    let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
    // Refused only where nothing listens to this span.
    let _ = span.set_parent(caller);
}
