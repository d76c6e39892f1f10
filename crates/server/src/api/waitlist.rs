//! Waitlists: join, leave, take or decline an offer, and the places in line.
//! It never tells who else waits, but to admins.

use super::Problems;
use crate::app::{AcceptedBody, App, NotAsked, Told};
use crate::auth::Asker;
use crate::extract::{Body, Key, OptionalBody, Path, Query};
use crate::problem::{FieldError, Problem};
use crate::wire::{
    ClassRequest, EntryBody, JoinRequest, LeaveRequest, LineRequest, Page, PersonBody, fingerprint, read_reason_if,
    time,
};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use slotwise_domain::{
    Action, BookingId, Calendar, Command, Details, EntryEnd, EntryId, Fingerprint, Hold, HoldRef, Line, PersonId,
    ResourceId, Scope, WaitEntry,
};
use std::sync::Arc;
use utoipa::IntoParams;
use uuid::Uuid;

/// Entries of one's own that are told at once, those that joined last first.
const MINE_MAX: usize = 200;

/// Waits for units of a resource that has none left, or for word that they are free. Refused with `units_free` while it can simply be
/// booked.
#[utoipa::path(post, operation_id = "join_waitlist", path = "/api/waitlist", tag = "waitlist", request_body = JoinRequest,
    params(("Idempotency-Key" = Uuid, Header)),
    responses((status = 201, body = AcceptedBody), (status = 200, body = AcceptedBody, description = "decided before"), Problems))]
pub async fn join(
    State(app): State<App>,
    asker: Asker,
    Key(key): Key,
    Body(body): Body<JoinRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_join(&app, &asker, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to join with asks.
pub fn asked_join(app: &App, asker: &Asker, body: &JoinRequest) -> Result<(Fingerprint, Command), Problem> {
    let line =
        LineRequest { resource: body.resource, start: body.start.clone(), end: body.end.clone(), units: body.units };
    let line = super::bookings::read_line(app, &line, "")?;
    let action = Action::JoinWaitlist {
        entry: EntryId(app.engine.fresh_id()),
        owner: body.for_person.map_or(asker.id, PersonId),
        line,
        class: body.class,
        gives_up: body.gives_up.map(BookingId),
        wants: body.wants.into(),
    };
    let seen = body.seen.as_ref().map(crate::wire::SeenBody::read).transpose()?;
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((fingerprint("join_waitlist", "", body), Command { actor: asker.actor(), action, seen, reason }))
}

/// Waits no more. An offer is declined by it; leaving twice changes nothing.
#[utoipa::path(post, operation_id = "leave_waitlist", path = "/api/waitlist/{id}/leave", tag = "waitlist", request_body = Option<LeaveRequest>,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn leave(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    OptionalBody(body): OptionalBody<LeaveRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_leave(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What leaving asks.
pub fn asked_leave(asker: &Asker, id: Uuid, body: &LeaveRequest) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::LeaveWaitlist { entry: EntryId(id) };
    let reason = read_reason_if(body.reason.as_ref())?;
    let print = fingerprint("leave_waitlist", &id.to_string(), body);
    Ok((print, Command { actor: asker.actor(), action, seen: None, reason }))
}

/// Gives somebody who waits another priority. Admins only.
#[utoipa::path(post, operation_id = "set_class", path = "/api/waitlist/{id}/class", tag = "waitlist", request_body = ClassRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn set_class(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<ClassRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_class(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body with a priority asks.
pub fn asked_class(asker: &Asker, id: Uuid, body: &ClassRequest) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::SetClass { entry: EntryId(id), class: body.class };
    let reason = read_reason_if(body.reason.as_ref())?;
    Ok((fingerprint("set_class", &id.to_string(), body), Command { actor: asker.actor(), action, seen: None, reason }))
}

/// Takes what is offered: the hold of the offer is confirmed.
#[utoipa::path(post, operation_id = "accept_offer", path = "/api/waitlist/{id}/accept", tag = "waitlist",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)),
    responses((status = 201, body = AcceptedBody), (status = 200, body = AcceptedBody, description = "decided before"), Problems))]
pub async fn accept(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
) -> Result<Told, Problem> {
    let takes = |hold: Hold| Action::Book {
        booking: BookingId(app.engine.fresh_id()),
        owner: hold.holder,
        lines: vec![Line { resource: hold.resource, interval: Some(hold.interval), units: hold.units }],
        details: Details::default(),
        hold: Some(HoldRef { id: hold.id, token: hold.token }),
    };
    let print = fingerprint("accept_offer", &id.to_string(), &());
    let asked = asked_of_offer(&asker, print, offered(&app, &asker, id).await.map(takes));
    app.attempt_asked(&asker, key, asked).await
}

/// Declines what is offered: it goes on to whoever is next.
#[utoipa::path(post, operation_id = "decline_offer", path = "/api/waitlist/{id}/decline", tag = "waitlist",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn decline(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
) -> Result<Told, Problem> {
    let gives_back = |hold: Hold| Action::Release(HoldRef { id: hold.id, token: hold.token });
    let print = fingerprint("decline_offer", &id.to_string(), &());
    let asked = asked_of_offer(&asker, print, offered(&app, &asker, id).await.map(gives_back));
    app.attempt_asked(&asker, key, asked).await
}

/// What is asked of an offer. That there is none is no answer to whoever was given one before.
fn asked_of_offer(
    asker: &Asker,
    print: Fingerprint,
    action: Result<Action, Problem>,
) -> Result<(Fingerprint, Command), NotAsked> {
    let command = |action| Command { actor: asker.actor(), action, seen: None, reason: None };
    action.map(|action| (print, command(action))).map_err(|problem| NotAsked::of(print, problem))
}

/// The hold that was offered to an entry last, live or not: whether it still counts is decided, not looked up.
async fn offered(app: &App, asker: &Asker, id: Uuid) -> Result<Hold, Problem> {
    let (entry, _, calendar) = known(app, asker, id).await?;
    let no_offer = || {
        let detail = "Nothing is offered to you there. You are told when it is your turn.";
        Problem::request(StatusCode::CONFLICT, "no_offer", "No offer", detail)
    };
    let hold = entry.offer.ok_or_else(no_offer)?;
    if let Some(live) = calendar.holds.get(&hold) {
        return Ok(*live);
    }
    let world = app.engine.look(Scope { holds: [hold].into(), ..Scope::default() }).await?;
    match world.holds.get(&hold) {
        Some((_, Some(ended))) => Ok(ended.hold),
        Some((resource, None)) => {
            let live = world.calendars.get(resource).and_then(|c| c.holds.get(&hold)).copied();
            live.ok_or_else(no_offer)
        }
        None => Err(no_offer()),
    }
}

/// An entry with its calendar, if it is the asker's or the asker is an admin.
async fn known(app: &App, asker: &Asker, id: Uuid) -> Result<(WaitEntry, Option<EntryEnd>, Arc<Calendar>), Problem> {
    let missing = || Problem::not_found("place in a waitlist");
    let world = app.engine.look(Scope { entries: [EntryId(id)].into(), ..Scope::default() }).await?;
    let (resource, ended) = world.entries.get(&EntryId(id)).ok_or_else(missing)?;
    let calendar = world.calendars.get(resource).cloned().ok_or_else(missing)?;
    let live = calendar.entry(EntryId(id)).map(|entry| (*entry, None));
    let (entry, end) = live.or_else(|| ended.map(|e| (e.entry, Some(e.end)))).ok_or_else(missing)?;
    match asker.sees_entry(&entry) {
        true => Ok((entry, end, calendar)),
        false => Err(missing()),
    }
}

/// One place in line. For whose it is, and admins.
#[utoipa::path(get, operation_id = "read_entry", path = "/api/waitlist/{id}", tag = "waitlist", params(("id" = Uuid, Path)),
    responses((status = 200, body = EntryBody), Problems))]
pub async fn read(State(app): State<App>, asker: Asker, Path(id): Path<Uuid>) -> Result<Json<EntryBody>, Problem> {
    let (entry, end, calendar) = known(&app, &asker, id).await?;
    Ok(Json(body(&app, &asker, &entry, end, Some(&calendar)).await))
}

/// Which places.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Those who wait for this resource, in order.
    resource: Option<Uuid>,
    /// `me`: one's own, also those that have ended, those that joined last first.
    owner: Option<String>,
}

/// Places in line: one's own, or those of a resource in their order. Whose the others are is told to admins only.
#[utoipa::path(get, operation_id = "list_waitlist", path = "/api/waitlist", tag = "waitlist", params(ListQuery),
    responses((status = 200, body = Page<EntryBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<ListQuery>,
) -> Result<Json<Page<EntryBody>>, Problem> {
    let mine = match q.owner.as_deref() {
        Some("me") => true,
        Some(_) => return Err(Problem::field(FieldError::new("owner", "not_understood", "must be me"))),
        None => false,
    };
    let mut items = Vec::new();
    match q.resource {
        Some(id) => {
            let calendar = app.known_calendar(ResourceId(id)).await?;
            // Who wants word is in nobody's way, and no business of theirs.
            let watching = calendar.watching.values().filter(|e| asker.sees_entry(e));
            for entry in calendar.waiting.values().chain(watching).filter(|e| !mine || e.owner == asker.id) {
                items.push(body(&app, &asker, entry, None, Some(&calendar)).await);
            }
        }
        None if mine => {
            let entries = app.views.entries_of(asker.id, MINE_MAX).await?;
            let waited_for = entries.iter().filter(|(_, end)| end.is_none()).map(|(e, _)| e.resource).collect();
            let world = app.engine.look(Scope { resources: waited_for, ..Scope::default() }).await?;
            for (entry, end) in &entries {
                let calendar = world.calendars.get(&entry.resource);
                items.push(body(&app, &asker, entry, *end, calendar).await);
            }
        }
        None => return Err(Problem::field(FieldError::new("resource", "missing", "is missing; or ask for owner=me"))),
    }
    Ok(Json(Page { items, next: None, as_of: time(app.engine.now()) }))
}

/// An entry as the asker may see it.
pub async fn body(
    app: &App,
    asker: &Asker,
    entry: &WaitEntry,
    end: Option<EntryEnd>,
    calendar: Option<&Arc<Calendar>>,
) -> EntryBody {
    let owner =
        if asker.sees_all() || asker.manages(entry.resource) { app.people.name(entry.owner).await } else { None };
    let owner = owner.map(|name| PersonBody { id: entry.owner.0, name });
    let line = calendar.filter(|_| end.is_none()).map(|c| &**c);
    EntryBody::of(entry, end, line, owner, asker.sees_entry(entry), entry.owner == asker.id, app.engine.now())
}
