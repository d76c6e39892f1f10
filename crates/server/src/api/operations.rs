//! What operators ask: does it live, may it be relied on, what does it measure; and saying that the clock is right.
//! It changes nothing that is booked.

use super::Problems;
use crate::app::App;
use crate::auth::Asker;
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use slotwise_engine::Status;
use utoipa::ToSchema;
use uuid::Uuid;

/// Whether it may be relied on.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthBody {
    /// `ok`, or why not.
    status: String,
    /// Which build.
    version: &'static str,
    /// What somebody should look at, though it may be relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What the record was at an instant, signed, so that anybody may keep it.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckpointBody {
    /// Of this object; 1.
    format: u32,
    /// When it was made.
    made_at: String,
    /// Whose chain of commits it is of.
    writer: Uuid,
    /// The epoch then.
    epoch: u32,
    /// The last commit that it speaks for.
    commit: u64,
    /// Its hash, over it and all before it; hexadecimal, as all that follows.
    hash: String,
    /// SHA-256 over the heads of all resources.
    heads: String,
    /// Ed25519 over all of the above.
    signature: String,
    /// The key that verifies it.
    public_key: String,
}

fn body(status: &str, warnings: Vec<String>) -> Json<HealthBody> {
    Json(HealthBody { status: status.into(), version: env!("CARGO_PKG_VERSION"), warnings })
}

/// The process lives.
#[utoipa::path(get, operation_id = "healthz", path = "/healthz", tag = "operations", responses((status = 200, body = HealthBody)))]
pub async fn healthz() -> Json<HealthBody> {
    body("ok", Vec::new())
}

/// It may take bookings; 503 says why not.
#[utoipa::path(get, operation_id = "readyz", path = "/readyz", tag = "operations",
    responses((status = 200, body = HealthBody), (status = 503, body = HealthBody)))]
pub async fn readyz(State(app): State<App>) -> Response {
    let mut warnings = (app.warnings)();
    warnings.extend(app.engine.store().warnings());
    match app.engine.status() {
        Status::Ready => body("ok", warnings).into_response(),
        Status::Stopped(cause) => {
            let why = format!(
                "the writer has stopped: {cause}. What is booked can be read; the log says more. Restart when it is mended"
            );
            (StatusCode::SERVICE_UNAVAILABLE, body(&why, warnings)).into_response()
        }
        Status::ClockJumped => {
            let why = "the clock was set by more than five seconds; an admin must say that it is right: POST /api/clock/accept";
            (StatusCode::SERVICE_UNAVAILABLE, body(why, warnings)).into_response()
        }
    }
}

/// Counters and histograms for Prometheus.
#[utoipa::path(get, operation_id = "metrics", path = "/metrics", tag = "operations", responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.metrics)()).into_response()
}

/// The latest signed checkpoint, as one line that may be kept: it shows later whether the record was cut or changed.
#[utoipa::path(get, operation_id = "checkpoint", path = "/api/checkpoint", tag = "operations",
    responses((status = 200, body = CheckpointBody), Problems))]
pub async fn checkpoint(State(app): State<App>) -> Result<Response, Problem> {
    let c = app.engine.store().checkpoint().ok_or_else(|| Problem::not_found("checkpoint yet"))?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let body = CheckpointBody {
        format: 1,
        made_at: c.made_at.to_string(),
        writer: c.writer,
        epoch: c.epoch.0,
        commit: c.commit,
        hash: hex(&c.hash),
        heads: hex(&c.heads),
        signature: hex(&c.signature),
        public_key: hex(&c.public_key),
    };
    let line = serde_json::to_string(&body).unwrap_or_default() + "\n";
    Ok(([(header::CONTENT_TYPE, "application/json")], line).into_response())
}

/// Says that the clock is right as it is now, after a jump. Admins only.
#[utoipa::path(post, operation_id = "accept_clock", path = "/api/clock/accept", tag = "operations", responses((status = 204), Problems))]
pub async fn accept_clock(State(app): State<App>, asker: Asker) -> Result<StatusCode, Problem> {
    if !asker.is_admin() {
        return Err(Problem::not_allowed("Only an admin may say that the clock is right."));
    }
    app.engine.store().accept_clock();
    tracing::warn!(person = %asker.id, "an admin says that the clock is right");
    Ok(StatusCode::NO_CONTENT)
}
