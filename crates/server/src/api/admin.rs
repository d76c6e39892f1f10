//! What admins do while people book: capacity, service, whose a booking is, who would be displaced; and who has come.
//! It parses, submits and renders; whether it may be is judged elsewhere.

use super::Problems;
use super::bookings::read_lines;
use crate::app::{AcceptedBody, App, Told};
use crate::auth::Asker;
use crate::extract::{Body, IfMatch, Key, OptionalIfMatch, Path};
use crate::problem::{FieldError, Problem};
use crate::wire::{
    CapacityRequest, DisplacementBody, DisplacementRequest, HandOverRequest, ReasonRequest, fingerprint,
    read_exceptions, read_interval, read_reason, time,
};
use axum::Json;
use axum::extract::State;
use slotwise_domain::{
    Action, Below, BlockId, BookingId, BookingRef, Command, Details, Fingerprint, Ground, OverBookings, OverHolds,
    PersonId, ResourceId, Service, Verdict,
};
use uuid::Uuid;

/// Says that a booking's people are there, while that is open. For its owner and admins.
#[utoipa::path(post, operation_id = "check_in_booking", path = "/api/bookings/{id}/check-in", tag = "bookings",
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn check_in(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
) -> Result<Told, Problem> {
    let (print, command) = asked_check_in(&asker, id);
    app.attempt(&asker, key, print, command).await
}

/// What checking in asks.
pub fn asked_check_in(asker: &Asker, id: Uuid) -> (Fingerprint, Command) {
    let action = Action::CheckIn { booking: BookingId(id) };
    (fingerprint("check_in", &id.to_string(), &()), asked(asker, action))
}

/// Refuses a pending booking. Admins only.
#[utoipa::path(post, operation_id = "decline_booking", path = "/api/bookings/{id}/decline", tag = "bookings", request_body = ReasonRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header),
        ("If-Match" = Option<String>, Header, description = "the revision, if it is to be that one")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn decline(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    OptionalIfMatch(revision): OptionalIfMatch,
    Body(body): Body<ReasonRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_decline(&asker, id, revision, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to decline with asks.
pub fn asked_decline(
    asker: &Asker,
    id: Uuid,
    revision: Option<u64>,
    body: &ReasonRequest,
) -> Result<(Fingerprint, Command), Problem> {
    let booking = BookingRef { id: BookingId(id), revision };
    let action = Action::Decline { booking, reason: read_reason(&body.reason, "reason")? };
    Ok((fingerprint("decline", &about(id, revision), body), asked(asker, action)))
}

/// Makes a booking somebody else's. Admins only.
#[utoipa::path(post, operation_id = "hand_over_booking", path = "/api/bookings/{id}/hand-over", tag = "bookings", request_body = HandOverRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header),
        ("If-Match" = Option<String>, Header, description = "the revision, if it is to be that one")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn hand_over(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    OptionalIfMatch(revision): OptionalIfMatch,
    Body(body): Body<HandOverRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_hand_over(&asker, id, revision, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to hand over with asks.
pub fn asked_hand_over(
    asker: &Asker,
    id: Uuid,
    revision: Option<u64>,
    body: &HandOverRequest,
) -> Result<(Fingerprint, Command), Problem> {
    let booking = BookingRef { id: BookingId(id), revision };
    let reason = read_reason(&body.reason, "reason")?;
    let action = Action::HandOver { booking, to: PersonId(body.to), reason };
    Ok((fingerprint("hand_over", &about(id, revision), body), asked(asker, action)))
}

/// Says how many units a resource has. Admins only; by default never fewer than are taken.
#[utoipa::path(post, operation_id = "set_capacity", path = "/api/resources/{id}/capacity", tag = "resources", request_body = CapacityRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the policy_version")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn set_capacity(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    IfMatch(policy_version): IfMatch,
    Body(body): Body<CapacityRequest>,
) -> Result<Told, Problem> {
    let action = Action::SetCapacity {
        resource: ResourceId(id),
        policy_version,
        to: body.to,
        seen_used: body.seen_used,
        below: body.below()?,
        reason: body.reason.clone(),
    };
    let print = fingerprint("set_capacity", &format!("{id} {policy_version}"), &body);
    app.attempt(&asker, key, print, asked(&asker, action)).await
}

/// Takes a resource out of service: nothing new is booked. Admins only.
#[utoipa::path(post, operation_id = "close_resource", path = "/api/resources/{id}/close", tag = "resources", request_body = ReasonRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the policy_version")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn close(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    IfMatch(policy_version): IfMatch,
    Body(body): Body<ReasonRequest>,
) -> Result<Told, Problem> {
    set_service(&app, &asker, id, key, policy_version, Service::Closed, &body).await
}

/// Puts a resource into service again. Admins only.
#[utoipa::path(post, operation_id = "reopen_resource", path = "/api/resources/{id}/reopen", tag = "resources", request_body = ReasonRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the policy_version")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn reopen(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    IfMatch(policy_version): IfMatch,
    Body(body): Body<ReasonRequest>,
) -> Result<Told, Problem> {
    set_service(&app, &asker, id, key, policy_version, Service::Open, &body).await
}

async fn set_service(
    app: &App,
    asker: &Asker,
    id: Uuid,
    key: Uuid,
    policy_version: u64,
    service: Service,
    body: &ReasonRequest,
) -> Result<Told, Problem> {
    let name = match service {
        Service::Closed => "close",
        Service::Open => "reopen",
    };
    let reason = read_reason(&body.reason, "reason")?;
    let action = Action::SetService { resource: ResourceId(id), policy_version, service, reason };
    let print = fingerprint(name, &format!("{id} {policy_version}"), body);
    app.attempt(asker, key, print, asked(asker, action)).await
}

/// Who would be displaced by a lower capacity, a block or an override. Nothing is done. Admins only.
#[utoipa::path(post, operation_id = "preview_displacement", path = "/api/resources/{id}/displacement-preview", tag = "resources",
    request_body = DisplacementRequest, params(("id" = Uuid, Path)), responses((status = 200, body = DisplacementBody), Problems))]
pub async fn preview(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Body(body): Body<DisplacementRequest>,
) -> Result<Json<DisplacementBody>, Problem> {
    if !asker.is_admin() && !asker.manages(ResourceId(id)) {
        return Err(Problem::not_allowed("Only admins, and managers of the resource, displace bookings."));
    }
    let resource = ResourceId(id);
    let calendar = app.known_calendar(resource).await?;
    let (verdict, now) = app.engine.preview(&asked(&asker, thought_of(&app, &asker, resource, &body)?)).await?;
    let (displaced, refused) = match verdict {
        Some(Verdict::Moved(Ground::Displaced { theirs, .. })) => (theirs, None),
        Some(Verdict::Rejected(rejection, _)) => (Vec::new(), Some(rejection)),
        Some(Verdict::Accepted(..) | Verdict::Moved(_) | Verdict::Needs(_)) => (Vec::new(), None),
        None => return Err(Problem::unavailable()),
    };
    let mut bookings = Vec::with_capacity(displaced.len());
    for booking in &displaced {
        bookings.push(app.booking_body(&asker, booking).await);
    }
    let detail = match &refused {
        Some(rejection) => Some(app.shown(&asker, rejection).await.detail),
        None => None,
    };
    Ok(Json(DisplacementBody {
        displaces: displaced.iter().map(|b| (&**b).into()).collect(),
        bookings,
        policy_version: calendar.resource.policy_version,
        used: calendar.fullest_from(now),
        refused: refused.map(|r| r.code.name()),
        detail,
        as_of: time(now),
    }))
}

/// The command, naming nobody: what it is answered says who stands in its way.
fn thought_of(app: &App, asker: &Asker, resource: ResourceId, body: &DisplacementRequest) -> Result<Action, Problem> {
    let reason = "preview".to_owned();
    let over = |action, reason| Action::Override { action: Box::new(action), reason, displaces: Vec::new() };
    let policy_version = 0;
    Ok(match body {
        DisplacementRequest::Capacity(wish) => Action::SetCapacity {
            resource,
            policy_version,
            to: Some(wish.to),
            seen_used: None,
            below: Below::DisplaceNewest(Vec::new()),
            reason: Some(reason),
        },
        DisplacementRequest::Block(wish) => {
            let zone = app.resource(resource).map(|r| r.spec.zone.clone());
            Action::AddBlock {
                resource,
                policy_version,
                block: BlockId(Uuid::nil()),
                interval: read_interval(&wish.start, &wish.end, "block.", zone.as_ref()).map_err(Problem::fields)?,
                reason,
                over_holds: OverHolds::Void,
                over_bookings: OverBookings::Displace(Vec::new()),
                exceptions: read_exceptions(&wish.except_people, &wish.except_bookings)?,
            }
        }
        DisplacementRequest::Book(wish) => {
            let lines = read_lines(app, &wish.lines)?;
            if lines.iter().all(|line| line.resource != resource) {
                let says = "must have a line of the resource in the path";
                return Err(Problem::field(FieldError::new("book.lines", "not_understood", says)));
            }
            let owner = wish.for_person.map_or(asker.id, PersonId);
            let (booking, details) = (BookingId(app.engine.fresh_id()), Details::default());
            over(Action::Book { booking, owner, lines, details, hold: None }, reason)
        }
        DisplacementRequest::Move(wish) => {
            let booking = BookingRef { id: BookingId(wish.booking), revision: None };
            over(Action::Move { booking, to: read_lines(app, &wish.lines)? }, reason)
        }
    })
}

fn asked(asker: &Asker, action: Action) -> Command {
    Command { actor: asker.actor(), action, seen: None, reason: None }
}

fn about(id: Uuid, revision: Option<u64>) -> String {
    revision.map_or_else(|| id.to_string(), |revision| format!("{id} {revision}"))
}
