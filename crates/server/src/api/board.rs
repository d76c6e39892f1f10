//! The board, and in a demo the crowd that makes it worth looking at.
//! It parses and renders; what is counted and who is sent is said elsewhere.

use super::Problems;
use crate::app::App;
use crate::auth::Asker;
use crate::board::{BoardBody, board, may_look};
use crate::crowd::{CrowdBody, Errand, PEOPLE_MAX, SPREAD_MAX_MS, UNITS_MAX};
use crate::extract::{Body, Path};
use crate::problem::{FieldError, Problem};
use crate::wire::read_interval;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use slotwise_domain::ResourceId;
use utoipa::ToSchema;
use uuid::Uuid;

/// The last two minutes: attempts, latencies, hot resources. Admins only; in a demo, everybody.
#[utoipa::path(get, operation_id = "read_board", path = "/api/board", tag = "operations", responses((status = 200, body = BoardBody), Problems))]
pub async fn read(State(app): State<App>, asker: Asker) -> Result<Json<BoardBody>, Problem> {
    may_look(&app, &asker)?;
    Ok(Json(board(&app, 0).await))
}

/// Where there is no demo there is no such page, whoever asks.
pub struct InDemo;

impl FromRequestParts<App> for InDemo {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<InDemo, Problem> {
        app.demo.as_ref().map(|_| InDemo).ok_or_else(|| Problem::not_found("page: this is no demo"))
    }
}

/// A crowd to be sent.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CrowdRequest {
    /// What everybody wants.
    resource: Uuid,
    /// From, an instant or a civil time in the resource's zone; left out where the resource has one time of its own.
    start: Option<String>,
    /// Until.
    end: Option<String>,
    /// How many people, 1 to 2,000.
    #[schema(minimum = 1, maximum = 2000)]
    people: u32,
    /// Over how many milliseconds they come, 0 to 5,000; all at once if left out.
    #[serde(default)]
    #[schema(maximum = 5000)]
    spread_ms: u32,
    /// How many units each wants; 1 if left out.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 10000)]
    units: u32,
    /// Whether they want slightly different times: each is late by up to seven quarters of the interval.
    #[serde(default)]
    overlapping: bool,
    /// Whether the winners give it back at the end.
    #[serde(default)]
    then_cancel: bool,
}

const fn one() -> u32 {
    1
}

/// Sends a crowd of made-up people to book the same thing at once. Only with `--demo`; one crowd at a time.
#[utoipa::path(post, operation_id = "send_crowd", path = "/api/demo/crowd", tag = "operations", request_body = CrowdRequest,
    responses((status = 202, body = CrowdBody), Problems))]
pub async fn send_crowd(
    State(app): State<App>,
    _: InDemo,
    asker: Asker,
    Body(body): Body<CrowdRequest>,
) -> Result<Response, Problem> {
    let errand = read_errand(&app, &body).await?;
    let crowd = app.crowds.send(&app, errand)?;
    tracing::info!(person = %asker.id, crowd = %crowd.id, people = crowd.people, "a crowd is sent");
    let location = format!("/api/demo/crowd/{}", crowd.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(crowd)).into_response())
}

/// How far a crowd is, or how it ended. Only with `--demo`; the last eight are kept.
#[utoipa::path(get, operation_id = "read_crowd", path = "/api/demo/crowd/{id}", tag = "operations", params(("id" = Uuid, Path)),
    responses((status = 200, body = CrowdBody), Problems))]
pub async fn read_crowd(
    State(app): State<App>,
    _: InDemo,
    _: Asker,
    Path(id): Path<Uuid>,
) -> Result<Json<CrowdBody>, Problem> {
    app.crowds.crowd(id).map(Json).ok_or_else(|| Problem::not_found("crowd"))
}

async fn read_errand(app: &App, body: &CrowdRequest) -> Result<Errand, Problem> {
    let mut errors = Vec::new();
    if !(1..=PEOPLE_MAX).contains(&body.people) {
        errors.push(FieldError::new("people", "out_of_range", "must be between 1 and 2000"));
    }
    if body.spread_ms > SPREAD_MAX_MS {
        errors.push(FieldError::new("spread_ms", "out_of_range", "must be between 0 and 5000"));
    }
    if !(1..=UNITS_MAX).contains(&body.units) {
        errors.push(FieldError::new("units", "out_of_range", "must be between 1 and 10000"));
    }
    let resource = ResourceId(body.resource);
    let calendar = app.calendar(resource).await?;
    if calendar.is_none() {
        errors.push(FieldError::new("resource", "not_found", "is no resource that exists"));
    }
    let own = calendar.as_ref().and_then(|c| c.resource.spec.interval);
    let interval = match (&body.start, &body.end) {
        (None, None) if own.is_some() => {
            if body.overlapping {
                errors.push(FieldError::new(
                    "overlapping",
                    "one_interval",
                    "cannot be: this resource has one time only",
                ));
            }
            own
        }
        (start, end) => {
            let zone = calendar.as_ref().map(|c| &c.resource.spec.zone);
            for (field, text) in [("start", start), ("end", end)] {
                if text.is_none() {
                    errors.push(FieldError::new(field, "missing", "is missing"));
                }
            }
            start
                .as_ref()
                .zip(end.as_ref())
                .and_then(|(start, end)| read_interval(start, end, "", zone).map_err(|e| errors.extend(e)).ok())
        }
    };
    match (calendar, interval) {
        (Some(calendar), Some(interval)) if errors.is_empty() => Ok(Errand {
            resource,
            name: calendar.resource.spec.name.clone(),
            zone: calendar.resource.spec.zone.name().to_owned(),
            capacity: calendar.resource.spec.capacity,
            interval,
            own_interval: body.start.is_none(),
            people: body.people,
            spread_ms: body.spread_ms,
            units: body.units,
            overlapping: body.overlapping,
            then_cancel: body.then_cancel,
        }),
        _ => Err(Problem::fields(errors)),
    }
}
