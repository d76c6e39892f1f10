//! Bookings: make, read, edit, cancel, approve.
//! It parses, submits and renders; whether it may be is judged elsewhere.

use super::Problems;
use crate::app::{AcceptedBody, App, Told};
use crate::auth::Asker;
use crate::extract::{Body, IfMatch, Key, Path, Query, page_size};
use crate::problem::{FieldError, Problem};
use crate::wire::{
    BookingBody, BookingEdit, BookingRequest, CancelRequest, LineRequest, Page, check_text, fingerprint, is_civil,
    read_details, read_interval, read_time_if, time,
};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use slotwise_domain::{Action, BookingId, Command, Instant, Line, PersonId, ResourceId, Scope};
use slotwise_engine::BookingFilter;
use utoipa::IntoParams;
use uuid::Uuid;

/// Books, confirming a hold if one is named. Several lines: all or nothing.
#[utoipa::path(post, operation_id = "create_booking", path = "/api/bookings", tag = "bookings", request_body = BookingRequest,
    params(("Idempotency-Key" = Uuid, Header, description = "a UUIDv7 of the client's")),
    responses((status = 201, body = AcceptedBody), (status = 200, body = AcceptedBody, description = "decided before"), Problems))]
pub async fn create(
    State(app): State<App>,
    asker: Asker,
    Key(key): Key,
    Body(body): Body<BookingRequest>,
) -> Result<Told, Problem> {
    let mut lines = Vec::with_capacity(body.lines.len().min(Command::LINES_MAX));
    if body.lines.len() > Command::LINES_MAX {
        return Err(Problem::field(FieldError::new("lines", "too_many", "must be at most 20")));
    }
    for (n, line) in body.lines.iter().enumerate() {
        lines.push(read_line(&app, line, &format!("lines[{n}].")).await?);
    }
    let details = read_details(body.title.as_ref(), body.purpose.as_ref(), body.people)?;
    let action = Action::Book {
        booking: BookingId(app.engine.fresh_id()),
        owner: body.for_person.map_or(asker.id, PersonId),
        lines,
        details,
        hold: body.hold.as_ref().map(|h| h.read("hold.token")).transpose()?,
    };
    let seen = body.seen.as_ref().map(crate::wire::SeenBody::read).transpose()?;
    let command = Command { actor: asker.actor(), action, seen };
    app.attempt(&asker, key, fingerprint("book", "", &body), command).await
}

/// Reads a line; civil times are in its resource's zone.
pub async fn read_line(app: &App, line: &LineRequest, prefix: &str) -> Result<Line, Problem> {
    let resource = ResourceId(line.resource);
    let interval = match (&line.start, &line.end) {
        (Some(start), Some(end)) => {
            let calendar = match is_civil(start) || is_civil(end) {
                true => app.calendar(resource).await?,
                false => None,
            };
            let zone = calendar.as_ref().map(|c| &c.resource.spec.zone);
            Some(read_interval(start, end, prefix, zone).map_err(Problem::fields)?)
        }
        (None, None) => None,
        (Some(_), None) => {
            return Err(Problem::field(FieldError::new(&format!("{prefix}end"), "missing", "is missing")));
        }
        (None, Some(_)) => {
            return Err(Problem::field(FieldError::new(&format!("{prefix}start"), "missing", "is missing")));
        }
    };
    Ok(Line { resource, interval, units: line.units })
}

/// Which bookings.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `me`; admins may leave it out or name a person.
    owner: Option<String>,
    /// On this resource.
    resource: Option<Uuid>,
    /// That end after this instant.
    from: Option<String>,
    /// That start before this instant.
    to: Option<String>,
    /// `confirmed`, `pending` or `cancelled`.
    state: Option<String>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Bookings by start: one's own, or anybody's for admins.
#[utoipa::path(get, operation_id = "list_bookings", path = "/api/bookings", tag = "bookings", params(ListQuery),
    responses((status = 200, body = Page<BookingBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<ListQuery>,
) -> Result<Json<Page<BookingBody>>, Problem> {
    let bad = |field, detail| Problem::field(FieldError::new(field, "not_understood", detail));
    let owner = match q.owner.as_deref() {
        Some("me") => Some(asker.id),
        Some(id) => Some(PersonId(id.parse().map_err(|_| bad("owner", "must be me, or the id of a person"))?)),
        None => None,
    };
    if owner != Some(asker.id) && !asker.is_admin() {
        return Err(Problem::not_allowed("Only admins see the bookings of others here. Ask for owner=me."));
    }
    if q.state.as_deref().is_some_and(|s| !["confirmed", "pending", "cancelled"].contains(&s)) {
        return Err(bad("state", "must be confirmed, pending or cancelled"));
    }
    let max = page_size(q.limit)?;
    let filter = BookingFilter {
        owner,
        resource: q.resource.map(ResourceId),
        from: read_time_if(q.from.as_ref(), "from", None)?,
        to: read_time_if(q.to.as_ref(), "to", None)?,
        state: q.state.clone(),
        after: q
            .after
            .as_deref()
            .map(|c| read_cursor(c).ok_or_else(|| bad("after", "must be the next of a page")))
            .transpose()?,
        max: max + 1,
    };
    let mut found = app.views.bookings(filter).await?;
    let more = found.len() > max;
    found.truncate(max);
    let next = found.last().filter(|_| more).map(|b| format!("{}.{}", b.start().0, b.id));
    let resources = found.iter().flat_map(|b| b.resources()).collect();
    let world = app.engine.look(Scope { resources, ..Scope::default() }).await?;
    let mut items = Vec::with_capacity(found.len());
    for booking in &found {
        items.push(app.booking_body_in(&asker, booking, &world).await);
    }
    Ok(Json(Page { items, next, as_of: time(app.engine.now()) }))
}

fn read_cursor(text: &str) -> Option<(Instant, BookingId)> {
    let (start, id) = text.split_once('.')?;
    Some((Instant(start.parse().ok()?), BookingId(id.parse().ok()?)))
}

/// One booking.
#[utoipa::path(get, operation_id = "read_booking", path = "/api/bookings/{id}", tag = "bookings", params(("id" = Uuid, Path)),
    responses((status = 200, body = BookingBody), Problems))]
pub async fn read(State(app): State<App>, asker: Asker, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let booking = app.views.booking(BookingId(id)).await?.ok_or_else(|| Problem::not_found("booking"))?;
    let body = app.booking_body(&asker, &booking).await?;
    let etag = HeaderValue::from_str(&format!("\"{}\"", body.revision)).map_err(|_| Problem::unavailable())?;
    Ok(([(header::ETAG, etag)], Json(body)).into_response())
}

/// Edits what people say about a booking.
#[utoipa::path(patch, operation_id = "edit_booking", path = "/api/bookings/{id}", tag = "bookings", request_body = BookingEdit,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the revision")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn edit(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    IfMatch(revision): IfMatch,
    Body(body): Body<BookingEdit>,
) -> Result<Told, Problem> {
    let action = Action::EditBooking { booking: BookingId(id), revision, patch: body.read()? };
    let print = fingerprint("edit_booking", &format!("{id} {revision}"), &body);
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None }).await
}

/// Gives a booking up. Cancelling what is cancelled changes nothing.
#[utoipa::path(post, operation_id = "cancel_booking", path = "/api/bookings/{id}/cancel", tag = "bookings", request_body = CancelRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn cancel(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<CancelRequest>,
) -> Result<Told, Problem> {
    check_text(body.reason.as_ref(), "reason", 500).map_err(Problem::field)?;
    let action = Action::Cancel { booking: BookingId(id), reason: body.reason.clone() };
    let print = fingerprint("cancel", &id.to_string(), &body);
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None }).await
}

/// Lets a pending booking take its units, if they are still to be had. Admins only.
#[utoipa::path(post, operation_id = "approve_booking", path = "/api/bookings/{id}/approve", tag = "bookings",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn approve(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
) -> Result<Told, Problem> {
    let action = Action::Approve { booking: BookingId(id) };
    let print = fingerprint("approve", &id.to_string(), &());
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None }).await
}
