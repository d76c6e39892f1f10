//! Holds: take, keep, give back, and who holds what; and whoever manages a resource changes the holds on it.
//! It tells nobody else who holds.

use super::Problems;
use crate::app::{AcceptedBody, App, Told};
use crate::auth::Asker;
use crate::extract::{Body, Key, Path, Query};
use crate::problem::{FieldError, Problem};
use crate::wire::{
    HoldBody, HoldRequest, LineRequest, Page, PersonBody, ReasonRequest, SetHoldRequest, TokenRequest, fingerprint,
    read_reason, read_time, read_time_if, read_token, time,
};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use slotwise_domain::{Action, Command, Fingerprint, Hold, HoldId, HoldRef, Instant, ResourceId};
use utoipa::IntoParams;
use uuid::Uuid;

/// Keeps units for a while.
#[utoipa::path(post, operation_id = "create_hold", path = "/api/holds", tag = "holds", request_body = HoldRequest, params(("Idempotency-Key" = Uuid, Header)),
    responses((status = 201, body = AcceptedBody), (status = 200, body = AcceptedBody, description = "decided before"), Problems))]
pub async fn create(
    State(app): State<App>,
    asker: Asker,
    Key(key): Key,
    Body(body): Body<HoldRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_hold(&app, &asker, &body).await?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to hold with asks.
pub async fn asked_hold(app: &App, asker: &Asker, body: &HoldRequest) -> Result<(Fingerprint, Command), Problem> {
    let line =
        LineRequest { resource: body.resource, start: body.start.clone(), end: body.end.clone(), units: body.units };
    let line = super::bookings::read_line(app, &line, "")?;
    let action = Action::Hold { hold: HoldId(app.engine.fresh_id()), line };
    let seen = body.seen.as_ref().map(crate::wire::SeenBody::read).transpose()?;
    Ok((fingerprint("hold", "", body), Command { actor: asker.actor(), action, seen, reason: None }))
}

/// Keeps them longer.
#[utoipa::path(post, operation_id = "renew_hold", path = "/api/holds/{id}/renew", tag = "holds", request_body = TokenRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn renew(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<TokenRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_renew(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to renew with asks.
pub fn asked_renew(asker: &Asker, id: Uuid, body: &TokenRequest) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::Renew(HoldRef { id: HoldId(id), token: read_token(&body.token, "token")? });
    Ok((
        fingerprint("renew", &id.to_string(), body),
        Command { actor: asker.actor(), action, seen: None, reason: None },
    ))
}

/// Gives them back. Releasing what has ended changes nothing.
#[utoipa::path(post, operation_id = "release_hold", path = "/api/holds/{id}/release", tag = "holds", request_body = TokenRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn release(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<TokenRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_release(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to release with asks.
pub fn asked_release(asker: &Asker, id: Uuid, body: &TokenRequest) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::Release(HoldRef { id: HoldId(id), token: read_token(&body.token, "token")? });
    Ok((
        fingerprint("release", &id.to_string(), body),
        Command { actor: asker.actor(), action, seen: None, reason: None },
    ))
}

/// Has somebody's hold last until another instant. For whoever manages the resource; its holder is told.
#[utoipa::path(post, operation_id = "set_hold", path = "/api/holds/{id}/until", tag = "holds", request_body = SetHoldRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn set(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<SetHoldRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_set(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to have a hold last asks.
pub fn asked_set(asker: &Asker, id: Uuid, body: &SetHoldRequest) -> Result<(Fingerprint, Command), Problem> {
    let until = Some(read_time(&body.until, "until", None).map_err(Problem::field)?);
    let action = Action::SetHold { hold: HoldId(id), until, reason: read_reason(&body.reason, "reason")? };
    Ok((
        fingerprint("set_hold", &id.to_string(), body),
        Command { actor: asker.actor(), action, seen: None, reason: None },
    ))
}

/// Ends somebody's hold. For whoever manages the resource; its holder is told. Ending what has ended changes nothing.
#[utoipa::path(post, operation_id = "end_hold", path = "/api/holds/{id}/end", tag = "holds", request_body = ReasonRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header)), responses((status = 200, body = AcceptedBody), Problems))]
pub async fn end(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    Body(body): Body<ReasonRequest>,
) -> Result<Told, Problem> {
    let (print, command) = asked_end(&asker, id, &body)?;
    app.attempt(&asker, key, print, command).await
}

/// What a body to end a hold asks.
pub fn asked_end(asker: &Asker, id: Uuid, body: &ReasonRequest) -> Result<(Fingerprint, Command), Problem> {
    let action = Action::SetHold { hold: HoldId(id), until: None, reason: read_reason(&body.reason, "reason")? };
    Ok((
        fingerprint("end_hold", &id.to_string(), body),
        Command { actor: asker.actor(), action, seen: None, reason: None },
    ))
}

/// Which holds.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// On this resource.
    resource: Option<Uuid>,
    /// That end after this instant.
    from: Option<String>,
    /// That start before this instant.
    to: Option<String>,
    /// `me`: one's own, on any resource.
    owner: Option<String>,
}

/// Live holds: on a resource, or one's own. The token is told of one's own only; whose one is, also to whoever oversees the resource.
#[utoipa::path(get, operation_id = "list_holds", path = "/api/holds", tag = "holds", params(ListQuery),
    responses((status = 200, body = Page<HoldBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<ListQuery>,
) -> Result<Json<Page<HoldBody>>, Problem> {
    let (from, to) = (
        read_time_if(q.from.as_ref(), "from", None)?.unwrap_or(Instant::MIN),
        read_time_if(q.to.as_ref(), "to", None)?.unwrap_or(Instant::MAX),
    );
    let mine = match q.owner.as_deref() {
        Some("me") => true,
        Some(_) => return Err(Problem::field(FieldError::new("owner", "not_understood", "must be me"))),
        None => false,
    };
    let holds: Vec<Hold> = match q.resource {
        Some(id) => app.known_calendar(ResourceId(id)).await?.holds.values().copied().collect(),
        None if mine => app.views.holds_of(asker.id).await?,
        None => return Err(Problem::field(FieldError::new("resource", "missing", "is missing; or ask for owner=me"))),
    };
    let now = app.engine.now();
    let wanted = |h: &&Hold| {
        !h.expired(now) && h.interval.end() > from && h.interval.start() < to && (!mine || h.holder == asker.id)
    };
    let mut items = Vec::new();
    for hold in holds.iter().filter(wanted).take(1_000) {
        let mut body = HoldBody::of(hold, hold.holder == asker.id, now);
        if body.mine || asker.sees_all() || asker.manages(hold.resource) {
            let name = app.people.name(hold.holder).await;
            body.owner = name.map(|name| PersonBody { id: hold.holder.0, name });
        }
        items.push(body);
    }
    Ok(Json(Page { items, next: None, as_of: time(now) }))
}
