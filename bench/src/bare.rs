//! The baseline: the same framework reads the same JSON and answers JSON of the same size, and nothing lies between.
//! It decides nothing and stores nothing.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::serve::ListenerExt;
use axum::{Json, Router, routing};
use serde::{Deserialize, Serialize};
use std::io::Write;
use uuid::Uuid;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    lines: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    resource: Uuid,
    start: String,
    end: String,
    units: u32,
}

/// As the server's answer to a booking looks.
#[derive(Serialize)]
struct Answer {
    outcome: &'static str,
    attempt: Uuid,
    decided_at: &'static str,
    versions: Vec<Version>,
    booking: Booking,
}

#[derive(Serialize)]
struct Version {
    resource: Uuid,
    epoch: u64,
    version: u64,
}

#[derive(Serialize)]
struct Booking {
    id: Uuid,
    state: &'static str,
    owner: Owner,
    title: Option<String>,
    purpose: Option<String>,
    people: Option<u32>,
    lines: Vec<Booked>,
    revision: u64,
    created_at: &'static str,
    decided_at: &'static str,
    cancelled_at: Option<String>,
    mine: bool,
    cancel_by: Option<String>,
    as_of: &'static str,
}

#[derive(Serialize)]
struct Owner {
    id: Uuid,
    name: &'static str,
}

#[derive(Serialize)]
struct Booked {
    resource: Uuid,
    name: &'static str,
    start: String,
    end: String,
    units: u32,
    zone: &'static str,
}

const INSTANT: &str = "2026-01-01T00:00:00.000000Z";

/// Serves until it is ended.
pub fn run() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "The bare server is on http://{}", listener.local_addr()?)?;
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, Router::new().route("/api/bookings", routing::post(book))).await?;
        Ok(())
    })
}

async fn book(Json(request): Json<Request>) -> impl IntoResponse {
    let id = request.lines.first().map(|line| line.resource).unwrap_or_default();
    let lines = request.lines.into_iter().map(|line| Booked {
        resource: line.resource,
        name: "Room 1234",
        start: line.start,
        end: line.end,
        units: line.units,
        zone: "America/Los_Angeles",
    });
    let answer = Answer {
        outcome: "BOOKED",
        attempt: id,
        decided_at: INSTANT,
        versions: vec![Version { resource: id, epoch: 1, version: 42 }],
        booking: Booking {
            id,
            state: "confirmed",
            owner: Owner { id, name: "Bench" },
            title: None,
            purpose: None,
            people: None,
            lines: lines.collect(),
            revision: 1,
            created_at: INSTANT,
            decided_at: INSTANT,
            cancelled_at: None,
            mine: true,
            cancel_by: Some(INSTANT.to_owned()),
            as_of: INSTANT,
        },
    };
    (StatusCode::CREATED, [(header::LOCATION, "/api/bookings/1")], Json(answer))
}
