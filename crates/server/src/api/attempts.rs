//! What became of an attempt: the question after a lost connection, always answered.
//! It reads what was recorded and carries nothing out.

use super::Problems;
use crate::app::{App, Told};
use crate::auth::Asker;
use crate::extract::Path;
use crate::problem::Problem;
use crate::wire::time;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use slotwise_engine::round::outcome_code;
use utoipa::ToSchema;
use uuid::Uuid;

/// How an execution of an attempt failed last.
#[derive(Debug, Serialize, ToSchema)]
pub struct LastFailure {
    /// A code of FAILED.
    code: &'static str,
    /// When.
    at: String,
}

/// How an attempt stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct AttemptBody {
    /// Its key.
    attempt: Uuid,
    /// `recorded`, `in_progress` or `unknown`.
    state: &'static str,
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, or null.
    #[schema(required = true)]
    outcome: Option<&'static str>,
    /// Of a refusal.
    code: Option<&'static str>,
    /// What was answered, shown under the asker's present rights.
    #[schema(value_type = Object)]
    answer: Option<Value>,
    /// How an execution failed last, if one did on this instance and is still remembered.
    last_failure: Option<LastFailure>,
    /// The server's clock.
    as_of: String,
}

/// How one's own attempt stands.
#[utoipa::path(get, operation_id = "read_attempt", path = "/api/attempts/{key}", tag = "attempts", params(("key" = Uuid, Path)),
    responses((status = 200, body = AttemptBody), (status = 404, body = AttemptBody, description = "nothing is known of it"), Problems))]
pub async fn read(State(app): State<App>, asker: Asker, Path(key): Path<Uuid>) -> Result<Response, Problem> {
    let standing = app.engine.standing(asker.id.0, key).await?;
    let last_failure = standing.last_failure.map(|(code, at)| LastFailure { code: code.name(), at: time(at) });
    let (state, status) = match (&standing.recorded, standing.running) {
        (Some(_), _) => ("recorded", StatusCode::OK),
        (None, true) => ("in_progress", StatusCode::OK),
        (None, false) => ("unknown", StatusCode::NOT_FOUND),
    };
    let mut body = AttemptBody {
        attempt: key,
        state,
        outcome: None,
        code: None,
        answer: None,
        last_failure,
        as_of: time(app.engine.now()),
    };
    if let Some(recorded) = &standing.recorded {
        let made = app.present(&recorded.decision).await?;
        body.outcome = Some(recorded.decision.outcome.name());
        body.code = Some(outcome_code(&recorded.decision.outcome)).filter(|c| !c.is_empty());
        body.answer = match app.decided(&asker, recorded, made, true, None).await? {
            Told::Accepted(accepted, _, _) => serde_json::to_value(accepted).ok(),
            Told::Problem(problem, _) => serde_json::to_value(&*problem).ok(),
        };
    }
    Ok((status, Json(body)).into_response())
}
