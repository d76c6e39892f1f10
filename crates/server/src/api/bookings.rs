//! Bookings: make, read, edit, move, swap, cancel, approve, and what happened to them.
//! It parses, submits and renders; whether it may be is judged elsewhere.

use super::Problems;
use crate::app::{AcceptedBody, App, Told};
use crate::auth::Asker;
use crate::extract::{Body, IfMatch, Key, OptionalBody, OptionalIfMatch, Path, Query, page_size};
use crate::problem::{FieldError, Problem};
use crate::wire::{
    BookingBody, BookingEdit, BookingRequest, CancelRequest, HistoryBody, LineBody, LineRequest, MoveRequest,
    OverrideBody, Page, PersonBody, ReasonRequest, StepBody, SwapRequest, ThenBody, check_text, fingerprint, is_civil,
    read_displaces, read_interval, read_reason, read_reason_if, read_time_if, time,
};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use slotwise_domain::{
    Action, Booking, BookingId, BookingRef, Change, Command, Fingerprint, Instant, Line, PersonId, ResourceId, Role,
    SeriesId, Slot, Zone,
};
use slotwise_engine::{BookingFilter, Record};
use std::sync::Arc;
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
    let (print, command) = asked_book(&app, &asker, &body).await?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to book with asks.
pub async fn asked_book(app: &App, asker: &Asker, body: &BookingRequest) -> Result<(Fingerprint, Command), Problem> {
    let details = body.details()?;
    let action = Action::Book {
        booking: BookingId(app.engine.fresh_id()),
        owner: body.for_person.map_or(asker.id, PersonId),
        lines: read_lines(app, &body.lines)?,
        details,
        hold: body.hold.as_ref().map(|h| h.read("hold.token")).transpose()?,
    };
    let action = overridden(action, body.over.as_ref())?;
    let seen = body.seen.as_ref().map(crate::wire::SeenBody::read).transpose()?;
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((fingerprint("book", "", body), Command { actor: asker.actor(), action, seen, reason }))
}

/// The command by an admin's word, if the body has one.
fn overridden(action: Action, over: Option<&OverrideBody>) -> Result<Action, Problem> {
    let Some(over) = over else { return Ok(action) };
    let reason = read_reason(&over.reason, "override.reason")?;
    let displaces = read_displaces(&over.displaces, "override.displaces")?;
    Ok(Action::Override { action: Box::new(action), reason, displaces })
}

/// Reads lines; civil times are in the zone of each one's resource.
pub fn read_lines(app: &App, lines: &[LineRequest]) -> Result<Vec<Line>, Problem> {
    if lines.len() > Command::LINES_MAX {
        return Err(Problem::field(FieldError::new("lines", "too_many", "must be at most 20")));
    }
    let mut read = Vec::with_capacity(lines.len());
    for (n, line) in lines.iter().enumerate() {
        read.push(read_line(app, line, &format!("lines[{n}]."))?);
    }
    Ok(read)
}

/// Reads a line; civil times are in its resource's zone.
pub fn read_line(app: &App, line: &LineRequest, prefix: &str) -> Result<Line, Problem> {
    let resource = ResourceId(line.resource);
    let interval = match (&line.start, &line.end) {
        (Some(start), Some(end)) => {
            // Of what is not there the zone does not matter: it is refused for that, and not for its times.
            let zone_of = |id| app.resource(id).map_or_else(Zone::utc, |r| r.spec.zone.clone());
            let zone = (is_civil(start) || is_civil(end)).then(|| zone_of(resource));
            Some(read_interval(start, end, prefix, zone.as_ref()).map_err(Problem::fields)?)
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
    /// `me`; admins may leave it out or name a person, and managers may leave it out for what is on the resources they manage.
    owner: Option<String>,
    /// On this resource.
    resource: Option<Uuid>,
    /// That end after this instant.
    from: Option<String>,
    /// That start before this instant.
    to: Option<String>,
    /// `confirmed`, `pending`, `cancelled`, `checked_in`, `no_show` or `displaced`.
    state: Option<String>,
    /// Of this series.
    series: Option<Uuid>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// The states of a booking, as they are called.
const STATES: [&str; 6] = ["confirmed", "pending", "cancelled", "checked_in", "no_show", "displaced"];

/// Bookings that one request looks at for a manager; if it passes over more, the page ends early and says how to go on.
const LOOKED_MAX: usize = 10_000;

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
    let managed = q.resource.is_some_and(|id| asker.manages(ResourceId(id)));
    let all = owner == Some(asker.id) || asker.sees_all() || managed;
    let theirs = owner.is_none() && q.resource.is_none() && asker.role == Role::Manager;
    if !all && !theirs {
        return Err(Problem::not_allowed(
            "Only admins, and managers of the resource that is asked for, see the bookings of others here. Ask for owner=me.",
        ));
    }
    if q.state.as_deref().is_some_and(|s| !STATES.contains(&s)) {
        return Err(bad("state", "must be confirmed, pending, cancelled, checked_in, no_show or displaced"));
    }
    let max = page_size(q.limit)?;
    let filter = BookingFilter {
        owner,
        resource: q.resource.map(ResourceId),
        from: read_time_if(q.from.as_ref(), "from", None)?,
        to: read_time_if(q.to.as_ref(), "to", None)?,
        state: q.state.clone(),
        series: q.series.map(SeriesId),
        after: q
            .after
            .as_deref()
            .map(|c| read_cursor(c).ok_or_else(|| bad("after", "must be the next of a page")))
            .transpose()?,
        max: max + 1,
    };
    let (found, next) = match all {
        true => {
            let mut found = app.views.bookings(filter).await?;
            let more = found.len() > max;
            found.truncate(max);
            let next = found.last().filter(|_| more).map(|b| cursor(b.start(), b.id));
            (found, next)
        }
        false => overseen(&app, &asker, filter, max).await?,
    };
    let mut items = Vec::with_capacity(found.len());
    for booking in &found {
        items.push(app.booking_body(&asker, booking).await);
    }
    Ok(Json(Page { items, next, as_of: time(app.engine.now()) }))
}

/// Bookings that are all on resources which somebody manages, and where the next page begins.
async fn overseen(
    app: &App,
    asker: &Asker,
    mut filter: BookingFilter,
    max: usize,
) -> Result<(Vec<Arc<Booking>>, Option<String>), Problem> {
    let (mut found, mut looked) = (Vec::new(), 0);
    filter.max = 500;
    loop {
        let page = app.views.bookings(filter.clone()).await?;
        let whole = page.len() < filter.max;
        for booking in page {
            filter.after = Some((booking.start(), booking.id));
            looked += 1;
            if !asker.oversees(&booking) {
                continue;
            }
            found.push(booking);
            if found.len() == max {
                return Ok((found, filter.after.map(|(start, id)| cursor(start, id))));
            }
        }
        if whole {
            return Ok((found, None));
        }
        if looked >= LOOKED_MAX {
            return Ok((found, filter.after.map(|(start, id)| cursor(start, id))));
        }
    }
}

fn cursor(start: Instant, id: BookingId) -> String {
    format!("{}.{id}", start.0)
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
    let body = app.booking_body(&asker, &booking).await;
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
    let (print, command) = asked_edit(&asker, id, revision, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to edit with asks.
pub fn asked_edit(
    asker: &Asker,
    id: Uuid,
    revision: u64,
    body: &BookingEdit,
) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::EditBooking { booking: BookingId(id), revision, patch: body.read()? };
    let print = fingerprint("edit_booking", &format!("{id} {revision}"), body);
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((print, Command { actor: asker.actor(), action, seen: None, reason }))
}

/// Puts a booking elsewhere: other times, units or resources. Its old place is kept unless the new one is had.
#[utoipa::path(post, operation_id = "move_booking", path = "/api/bookings/{id}/move", tag = "bookings", request_body = MoveRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header),
        ("If-Match" = Option<String>, Header, description = "the revision, if it is to be that one")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn relocate(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    OptionalIfMatch(revision): OptionalIfMatch,
    Body(body): Body<MoveRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_move(&app, &asker, id, revision, &body).await?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to move with asks.
pub async fn asked_move(
    app: &App,
    asker: &Asker,
    id: Uuid,
    revision: Option<u64>,
    body: &MoveRequest,
) -> Result<(Fingerprint, Command), Problem> {
    let to = read_lines(app, &body.lines)?;
    let action = Action::Move { booking: BookingRef { id: BookingId(id), revision }, to };
    let action = overridden(action, body.over.as_ref())?;
    let seen = body.seen.as_ref().map(crate::wire::SeenBody::read).transpose()?;
    let about = revision.map_or_else(|| id.to_string(), |revision| format!("{id} {revision}"));
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((fingerprint("move", &about, body), Command { actor: asker.actor(), action, seen, reason }))
}

/// Lets two bookings take each other's places, units included. For somebody who owns both, and for admins.
#[utoipa::path(post, operation_id = "swap_bookings", path = "/api/bookings/{id}/swap", tag = "bookings", request_body = SwapRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn swap(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<SwapRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_swap(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to swap with asks.
pub fn asked_swap(asker: &Asker, id: Uuid, body: &SwapRequest) -> Result<(Fingerprint, Command), Problem> {
    let one = BookingRef { id: BookingId(id), revision: body.revision };
    let other = BookingRef { id: BookingId(body.with), revision: body.with_revision };
    let action = Action::Swap { one, other };
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((fingerprint("swap", &id.to_string(), body), Command { actor: asker.actor(), action, seen: None, reason }))
}

/// Gives a booking up. Cancelling what is cancelled changes nothing.
#[utoipa::path(post, operation_id = "cancel_booking", path = "/api/bookings/{id}/cancel", tag = "bookings", request_body = Option<CancelRequest>,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn cancel(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    OptionalBody(body): OptionalBody<CancelRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_cancel(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to cancel with asks.
pub fn asked_cancel(asker: &Asker, id: Uuid, body: &CancelRequest) -> Result<(Fingerprint, Command), Problem> {
    check_text(body.reason.as_ref(), "reason", 500).map_err(Problem::field)?;
    let action = Action::Cancel { booking: BookingId(id), reason: body.reason.clone() };
    let print = fingerprint("cancel", &id.to_string(), body);
    Ok((print, Command { actor: asker.actor(), action, seen: None, reason: None }))
}

/// Lets a pending booking take its units, if they are still to be had. Admins only.
#[utoipa::path(post, operation_id = "approve_booking", path = "/api/bookings/{id}/approve", tag = "bookings", request_body = ReasonRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn approve(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<ReasonRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_approve(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What approving asks.
pub fn asked_approve(asker: &Asker, id: Uuid, body: &ReasonRequest) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::Approve { booking: BookingId(id) };
    let reason = Some(read_reason(&body.reason, "reason")?);
    let print = fingerprint("approve", &id.to_string(), body);
    Ok((print, Command { actor: asker.actor(), action, seen: None, reason }))
}

/// Steps of one answer: a record for each resource of each.
const HISTORY_MAX: usize = 1_000;

/// Up to when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Only what had happened at this instant, and whose the booking was then.
    at: Option<String>,
}

/// What happened to a booking, oldest first, and whose it was at an instant. For its owner and admins.
#[utoipa::path(get, operation_id = "read_history", path = "/api/bookings/{id}/history", tag = "bookings",
    params(("id" = Uuid, Path), HistoryQuery), responses((status = 200, body = HistoryBody), Problems))]
pub async fn history(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Query(q): Query<HistoryQuery>,
) -> Result<Json<HistoryBody>, Problem> {
    let at = read_time_if(q.at.as_ref(), "at", None)?;
    if at.is_some_and(|at| at > app.engine.now()) {
        return Err(Problem::field(FieldError::new("at", "in_the_future", "must not be later than now")));
    }
    let booking = app.views.booking(BookingId(id)).await?.ok_or_else(|| Problem::not_found("booking"))?;
    if !asker.oversees(&booking) && asker.id != booking.owner {
        return Err(Problem::not_allowed(
            "Only the owner of a booking, whoever manages its resource and admins see its history.",
        ));
    }
    let mut records = app.views.history(booking.id, HISTORY_MAX + 1).await?;
    let more = records.len() > HISTORY_MAX;
    if more {
        // One command has a record on each resource: a step is told whole or not at all.
        let last = records.last().map(|r| r.attempt);
        records.retain(|r| Some(r.attempt) != last);
    }
    records.retain(|r| at.is_none_or(|at| r.decided_at <= at));
    let mut steps: Vec<StepBody> = Vec::new();
    let mut last = None;
    for record in &records {
        let Some(place) = record.changes.iter().rposition(|c| c.booking() == Some(booking.id) && !is_word(c)) else {
            continue;
        };
        let Some((change, then)) = record.changes.get(place..).and_then(<[Change]>::split_first) else { continue };
        let (what, state, from, to, reason) = happened(change);
        let word = record.changes.iter().find_map(|c| match c {
            Change::BookingOverrode { booking: id, reason, .. } if *id == booking.id => Some(reason),
            _ => None,
        });
        if last.replace((record.attempt, record.actor)) != Some((record.attempt, record.actor)) {
            let by = known(&app, record.actor.person()).await;
            // What somebody who is forgotten wrote is not told.
            let told = by.is_some() || record.actor.person().is_none();
            let (revision, before) = steps.last().map_or((0, "confirmed"), |s| (s.revision, s.state));
            steps.push(StepBody {
                what,
                decided_at: time(record.decided_at),
                by: known(&app, done_by(record, change)).await,
                attempt: record.attempt,
                owner: known(&app, change.about()).await,
                state: state.unwrap_or(before),
                revision: revision + 1,
                versions: Vec::new(),
                from: Vec::new(),
                to: Vec::new(),
                reason: reason.or(word).or(said_why(then)).filter(|_| told).cloned(),
                overrode: word.is_some(),
            });
        }
        let lines = |slots: &[(u16, Slot)]| {
            let line = |(_, s): &(u16, Slot)| LineBody::of(s, app.resource(s.resource).as_deref());
            slots.iter().map(line).collect::<Vec<_>>()
        };
        if let Some(step) = steps.last_mut() {
            step.from.extend(lines(from));
            step.to.extend(lines(to));
            step.versions.push((record.resource, record.version).into());
        }
    }
    let then = match (at, steps.last()) {
        (Some(at), Some(last)) => Some(ThenBody {
            at: time(at),
            owner: last.owner.clone(),
            state: last.state,
            revision: last.revision,
            // An approval and a cancellation name what is taken or given up; an edit and a check-in name nothing.
            lines: steps.iter().rev().find(|s| !(s.from.is_empty() && s.to.is_empty())).map_or_else(Vec::new, |s| {
                match s.to.is_empty() {
                    true => s.from.clone(),
                    false => s.to.clone(),
                }
            }),
        }),
        (_, _) => None,
    };
    Ok(Json(HistoryBody { booking: id, steps, more, then, as_of: time(app.engine.now()) }))
}

/// Whether it only says why another change was made against the rules.
const fn is_word(change: &Change) -> bool {
    matches!(change, Change::BookingOverrode { .. })
}

/// Why what stands before these in its record was done, if that is said.
fn said_why(then: &[Change]) -> Option<&String> {
    then.iter().find_map(|change| match change {
        Change::Reasoned { reason } => Some(reason),
        _ => None,
    })
}

/// Why a record did something to a booking, as its owner is told.
pub fn why(record: &Record, booking: BookingId) -> Option<String> {
    let place = record.changes.iter().rposition(|c| c.booking() == Some(booking))?;
    let (change, then) = record.changes.get(place..)?.split_first()?;
    happened(change).4.or(said_why(then)).cloned()
}

/// The state of a booking after a change, if that says one; else it is what it was.
pub fn state_after(change: &Change) -> Option<&'static str> {
    happened(change).1
}

/// Who did it. What followed for those who wait was nobody's doing, and whoever gave the unit up stays unnamed.
fn done_by(record: &Record, change: &Change) -> Option<PersonId> {
    match change {
        Change::BookingMade { booking, .. }
            if record.changes.iter().any(|c| matches!(c, Change::WaitEnded(ended) if ended.made(*booking))) =>
        {
            None
        }
        Change::BookingCancelled { by, .. } => by.person(),
        _ => record.actor.person(),
    }
}

async fn known(app: &App, id: Option<PersonId>) -> Option<PersonBody> {
    let id = id?;
    app.people.name(id).await.map(|name| PersonBody { id: id.0, name })
}

/// What a change is called, the state after it if it says one, what the booking took until then, what it takes, and why.
type Happened<'c> = (&'static str, Option<&'static str>, &'c [(u16, Slot)], &'c [(u16, Slot)], Option<&'c String>);

fn happened(change: &Change) -> Happened<'_> {
    let waits = |pending: bool| Some(if pending { "pending" } else { "confirmed" });
    match change {
        Change::BookingMade { pending, slots, .. } => ("made", waits(*pending), &[], slots, None),
        Change::BookingApproved { slots, .. } => ("approved", waits(false), &[], slots, None),
        // What waits goes on waiting, and who has checked in has: that it takes its units says nothing of which it is.
        Change::BookingMoved { from, to, .. } => ("moved", None, from, to, None),
        Change::BookingCancelled { slots, reason, .. } => ("cancelled", Some("cancelled"), slots, &[], reason.as_ref()),
        Change::BookingRequested { slots, .. } => ("made", Some("pending"), &[], slots, None),
        Change::RequestApproved { .. } => ("approved", waits(false), &[], &[], None),
        Change::BookingCheckedIn { .. } => ("checked_in", Some("checked_in"), &[], &[], None),
        Change::BookingNoShow { from, .. } => ("no_show", Some("no_show"), from, &[], None),
        Change::BookingDisplaced { slots, reason, .. } => ("displaced", Some("displaced"), slots, &[], Some(reason)),
        Change::BookingHandedOver { reason, .. } => ("handed_over", None, &[], &[], Some(reason)),
        Change::BookingOverrode { reason, .. } => ("overrode", None, &[], &[], Some(reason)),
        Change::BookingEdited { .. }
        | Change::Reasoned { .. }
        | Change::CapacitySet { .. }
        | Change::ServiceSet { .. }
        | Change::OverCommitLowered { .. }
        | Change::HoldGranted(_)
        | Change::HoldRenewed(_)
        | Change::HoldEnded(_)
        | Change::HoldOverrode { .. }
        | Change::ResourceCreated(_)
        | Change::ResourceEdited(_)
        | Change::BlockAdded { .. }
        | Change::BlockRemoved { .. }
        | Change::WaitJoined(_)
        | Change::WaitOffered(_)
        | Change::WaitResumed(_)
        | Change::WaitMoved(_)
        | Change::WaitEnded(_)
        | Change::WaitDue(_)
        | Change::Reminded { .. } => ("edited", None, &[], &[], None),
    }
}
