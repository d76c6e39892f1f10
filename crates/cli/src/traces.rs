//! Spans of requests and attempts, sent to an OpenTelemetry collector over HTTP. Only with the feature `otlp`.
//! It never waits for the collector: what it cannot take is dropped.

use anyhow::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

/// The steps of an attempt are spans at this level.
const SPANS: &str = "off,slotwise_server=info,slotwise_engine=debug";

/// Sends what is still waiting when it is dropped.
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // The collector may have gone; what it did not hear is lost.
        drop(self.0.shutdown());
    }
}

/// Sends spans to `endpoint`, such as `http://localhost:4318/v1/traces`.
///
/// # Errors
/// The endpoint is no URL.
pub fn begin<S>(endpoint: &str) -> anyhow::Result<(Traces, impl Layer<S> + Send + Sync + use<S>)>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s> + Send + Sync,
{
    let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build();
    let exporter = exporter.with_context(|| format!("otlp-endpoint: {endpoint:?}"))?;
    let resource = Resource::builder().with_service_name("slotwise").build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("slotwise"));
    Ok((Traces(provider), layer.with_filter(EnvFilter::new(SPANS))))
}
