//! `POST /api/room-bookings`: the source document's language on top of the same attempt.
//! Trouble is never dressed up as "full".

use super::Problems;
use crate::app::{App, Told, mark_replay};
use crate::auth::Asker;
use crate::extract::{Body, OptionalKey};
use crate::problem::{Problem, ProblemBody};
use crate::requests::Said;
use crate::wire::{BookingBody, LineRequest, RoomBookingRequest, fingerprint, read_details};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use slotwise_domain::{Action, BookingId, Code, Command};
use utoipa::ToSchema;
use uuid::Uuid;

/// A room booked, in the source document's words.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomBooked {
    /// `BOOKED`, or `ACCEPTED` where an admin must approve.
    outcome: &'static str,
    /// The booking.
    booking: RoomBooking,
    /// For the person.
    message: &'static str,
    /// The attempt's key, made by the server if none was sent.
    attempt: Uuid,
    /// The decision instant.
    decided_at: String,
}

/// A booking of one room.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomBooking {
    /// Its id.
    id: Uuid,
    /// Which room.
    #[serde(rename = "roomId")]
    room_id: Uuid,
    /// From.
    start: String,
    /// Until.
    end: String,
    /// A line for calendars.
    title: Option<String>,
    /// `confirmed` or `pending`.
    state: &'static str,
    /// Edits name it.
    revision: u64,
}

/// A refusal in the source document's words.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomProblem {
    /// `BOOKING_CONFLICT` where somebody was faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    /// For the person.
    message: String,
    /// The problem.
    #[serde(flatten)]
    problem: ProblemBody,
}

/// Books one room for an interval. Without an `Idempotency-Key` the server makes one and returns it.
#[utoipa::path(post, operation_id = "create_room_booking", path = "/api/room-bookings", tag = "bookings", request_body = RoomBookingRequest,
    params(("Idempotency-Key" = Option<Uuid>, Header)),
    responses((status = 201, body = RoomBooked), (status = 200, body = RoomBooked, description = "decided before"), Problems))]
pub async fn create(
    State(app): State<App>,
    asker: Asker,
    OptionalKey(key): OptionalKey,
    Body(body): Body<RoomBookingRequest>,
) -> Result<Response, Problem> {
    let key = key.unwrap_or_else(|| app.engine.fresh_id());
    let line =
        LineRequest { resource: body.room_id, start: Some(body.start.clone()), end: Some(body.end.clone()), units: 1 };
    let action = Action::Book {
        booking: BookingId(app.engine.fresh_id()),
        owner: asker.id,
        lines: vec![super::bookings::read_line(&app, &line, "")?],
        details: read_details(body.title.as_ref(), None, None)?,
        hold: body.hold.as_ref().map(|h| h.read("hold.token")).transpose()?,
    };
    let command = Command { actor: asker.actor(), action, seen: None, reason: None };
    let told = app.attempt(&asker, key, fingerprint("room_booking", "", &body), command).await?;
    Ok(in_the_documents_words(told, key))
}

fn in_the_documents_words(told: Told, key: Uuid) -> Response {
    match told {
        Told::Accepted(body, _, replayed) => {
            let status = if replayed { StatusCode::OK } else { StatusCode::CREATED };
            let Some((booking, line)) =
                body.booking.and_then(|b: BookingBody| b.lines.first().cloned().map(|l| (b, l)))
            else {
                return Problem::no_answer(slotwise_engine::NoAnswer::NotYet, key).into_response();
            };
            let message = if booking.state == "pending" {
                "Room requested; an admin must approve it"
            } else {
                "Room booked successfully"
            };
            let location = format!("/api/bookings/{}", booking.id);
            let booked = RoomBooked {
                outcome: body.outcome,
                booking: RoomBooking {
                    id: booking.id,
                    room_id: line.resource,
                    start: line.start,
                    end: line.end,
                    title: booking.title,
                    state: booking.state,
                    revision: booking.revision,
                },
                message,
                attempt: body.attempt,
                decided_at: body.decided_at,
            };
            let said = Said { outcome: Some(body.outcome), code: String::new() };
            let headers = [(axum::http::header::LOCATION, location)];
            let response = (status, headers, Extension(said), Json(booked)).into_response();
            mark_replay(response, replayed)
        }
        Told::Problem(problem, replayed) => {
            let conflict = Code::named(&problem.code).is_some_and(Code::is_conflict);
            let (rendered, _) = problem.clone().into_response().into_parts();
            let message = short(&problem);
            let body = RoomProblem {
                error: conflict.then_some("BOOKING_CONFLICT"),
                message,
                problem: ProblemBody::clone(&problem),
            };
            let mut response = (rendered.status, Json(body)).into_response();
            *response.extensions_mut() = rendered.extensions;
            for name in [axum::http::header::CONTENT_TYPE, axum::http::header::RETRY_AFTER] {
                if let Some(value) = rendered.headers.get(&name) {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            mark_replay(response, replayed)
        }
    }
}

/// The document's sentence: "Room already booked by Teacher A", "Another teacher is currently booking".
pub fn short(problem: &Problem) -> String {
    let owner = problem.witness.as_ref().and_then(|w| w.owner.as_deref());
    match (problem.code.as_str(), owner) {
        ("full", Some(owner)) => format!("Room already booked by {owner}"),
        ("full", None) => "Room already booked".into(),
        ("held_by_other", _) => "Another teacher is currently booking".into(),
        _ => problem.detail.clone(),
    }
}
