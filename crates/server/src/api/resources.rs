//! Resources: make, read, edit, block, and who holds what of them.
//! Bookings are not made here.

use super::Problems;
use crate::app::{AcceptedBody, App, Told, resource_etag};
use crate::auth::Asker;
use crate::events;
use crate::extract::{Body, IfMatch, Key, Path, Query, page_size};
use crate::problem::{FieldError, Problem};
use crate::wire::{
    BlockRequest, KindBody, Page, ReasonRequest, ResourceBody, ResourceEdit, ResourceRequest, fingerprint,
    read_exceptions, read_interval, read_over_bookings, read_reason, read_reason_if, read_time_if, read_version, time,
};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Action, BlockId, Booking, Calendar, Command, Details, Instant, Interval, Kind, OverHolds, ResourceId, Scope,
};
use slotwise_engine::as_of::{AsOf, AsOfError, Moment, as_of};
use slotwise_engine::{BookingFilter, Facets, ResourceFilter, Streamed, catalogue};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Items of a schedule at once; ask for a shorter stretch to see more.
const SCHEDULE_MAX: usize = 1_000;
/// Looks for bookings and a version that belong together, before a version is folded instead.
const LOOKS_MAX: usize = 5;
/// Records told at once; a reader further behind reads the resource again.
const RECORD_MAX: usize = 1_000;

/// Which resources.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// Of this kind.
    kind: Option<KindBody>,
    /// In this building.
    building: Option<String>,
    /// In this group.
    group: Option<Uuid>,
    /// `me`: those that one manages, by name or with their group.
    manager: Option<String>,
    /// With words that begin like all of these, in name, building or equipment; accents and case make no difference.
    q: Option<String>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Resources by name.
#[utoipa::path(get, operation_id = "list_resources", path = "/api/resources", tag = "resources", params(ListQuery),
    responses((status = 200, body = Page<ResourceBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<ListQuery>,
) -> Result<Json<Page<ResourceBody>>, Problem> {
    let max = page_size(q.limit)?;
    let after = q.after.as_deref().map(read_cursor).transpose()?;
    let among = match q.manager.as_deref() {
        None => None,
        Some("me") => Some(asker.manages.clone()),
        Some(_) => return Err(Problem::field(FieldError::new("manager", "not_understood", "must be me"))),
    };
    let filter = ResourceFilter {
        kind: q.kind.map(Kind::from),
        buildings: q.building.into_iter().collect(),
        group: q.group.map(ResourceId),
        among,
        words: words(q.q.as_deref())?,
        after,
        max: max + 1,
        ..ResourceFilter::default()
    };
    let mut found = catalogue::read(app.views.catalogue()).resources(&filter);
    let more = found.len() > max;
    found.truncate(max);
    let next = found.last().filter(|_| more).map(|r| format!("{}.{}", r.id, r.spec.name));
    let world = app.engine.look(Scope { resources: found.iter().map(|r| r.id).collect(), ..Scope::default() }).await?;
    let now = app.engine.now();
    let items =
        found.iter().filter_map(|r| Some(ResourceBody::of_calendar(world.calendars.get(&r.id)?, now))).collect();
    Ok(Json(Page { items, next, as_of: time(now) }))
}

fn read_cursor(text: &str) -> Result<(String, ResourceId), Problem> {
    let cursor = text.split_once('.').and_then(|(id, name)| Some((name.to_owned(), ResourceId(id.parse().ok()?))));
    cursor.ok_or_else(|| Problem::field(FieldError::new("after", "not_understood", "must be the next of a page")))
}

/// The words of a free-text filter, ten at the most.
pub fn words(q: Option<&str>) -> Result<Vec<String>, Problem> {
    let words: Vec<String> = q.unwrap_or_default().split_whitespace().map(str::to_owned).collect();
    if words.len() > 10 || q.is_some_and(|q| q.len() > 200) {
        return Err(Problem::field(FieldError::new("q", "too_long", "must have at most 10 words")));
    }
    Ok(words)
}

/// As of when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AsOfQuery {
    /// As it was at this version: `epoch.version`, such as `1.42`.
    at_version: Option<String>,
    /// As it was at this instant; with `at_version`, as that version was shown then.
    at: Option<String>,
}

/// A resource as it was, and when it was shown so; `None` if nothing is asked of the past.
async fn as_it_was(
    app: &App,
    id: ResourceId,
    at_version: Option<&String>,
    at: Option<&String>,
) -> Result<Option<(AsOf, Instant)>, Problem> {
    let version = at_version.map(|v| {
        read_version(v).ok_or_else(|| {
            Problem::field(FieldError::new("at_version", "not_a_version", "must be epoch.version, such as 1.42"))
        })
    });
    let moment = Moment { version: version.transpose()?, at: read_time_if(at, "at", None)? };
    if moment == Moment::default() {
        return Ok(None);
    }
    if moment.at.is_some_and(|at| at > app.engine.now()) {
        return Err(Problem::field(FieldError::new("at", "in_the_future", "must not be later than now")));
    }
    let gone = |code, title, detail| Problem::request(StatusCode::NOT_FOUND, code, title, detail);
    match as_of(&*app.views, id, moment).await {
        Ok(Some(was)) => {
            let shown = moment.at.unwrap_or(was.calendar.decided_at);
            Ok(Some((was, shown)))
        }
        Ok(None) => Err(Problem::not_found("resource")),
        Err(AsOfError::NotYet) => Err(gone("not_yet", "Not yet", "It did not exist then.")),
        Err(AsOfError::NoVersion) => {
            let detail = "The record has no such version: it has not come yet, or was lost to a restore.";
            Err(gone("no_version", "No such version", detail))
        }
        Err(AsOfError::TooLong(records)) => {
            let detail = format!(
                "That needs {records} records to be folded, and at most {} are. Use slotwise export, which has no bound.",
                slotwise_engine::as_of::RECORDS_MAX
            );
            Err(Problem::request(StatusCode::UNPROCESSABLE_ENTITY, "too_long", "Too long a record", &detail))
        }
        Err(AsOfError::Store(e)) => Err(e.into()),
    }
}

/// One resource, as it is or as it was.
#[utoipa::path(get, operation_id = "read_resource", path = "/api/resources/{id}", tag = "resources", params(("id" = Uuid, Path), AsOfQuery),
    responses((status = 200, body = ResourceBody), Problems))]
pub async fn read(
    State(app): State<App>,
    _asker: Asker,
    Path(id): Path<Uuid>,
    Query(q): Query<AsOfQuery>,
) -> Result<Response, Problem> {
    let body = match as_it_was(&app, ResourceId(id), q.at_version.as_ref(), q.at.as_ref()).await? {
        Some((was, at)) => ResourceBody::of_calendar(&was.calendar, at),
        None => {
            // Before it is read: what is being decided now is not in it, and may be told of this instant later.
            let seen = app.engine.seen_until();
            let calendar = app.known_calendar(ResourceId(id)).await?;
            ResourceBody::of_calendar(&calendar, seen.max(calendar.decided_at))
        }
    };
    let etag = HeaderValue::from_str(&resource_etag(&body)).map_err(|_| Problem::unavailable())?;
    Ok(([(header::ETAG, etag)], Json(body)).into_response())
}

/// Makes a resource. Admins only.
#[utoipa::path(post, operation_id = "create_resource", path = "/api/resources", tag = "resources", request_body = ResourceRequest,
    params(("Idempotency-Key" = Uuid, Header)), responses((status = 201, body = AcceptedBody), Problems))]
pub async fn create(
    State(app): State<App>,
    asker: Asker,
    Key(key): Key,
    Body(body): Body<ResourceRequest>,
) -> Result<Told, Problem> {
    let spec = Box::new(body.read()?);
    let action = Action::CreateResource { resource: ResourceId(app.engine.fresh_id()), spec };
    let print = fingerprint("create_resource", "", &body);
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None, reason: None }).await
}

/// Edits a resource. Admins only; somebody else's edit is never overwritten.
#[utoipa::path(patch, operation_id = "edit_resource", path = "/api/resources/{id}", tag = "resources", request_body = ResourceEdit,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the policy_version")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn edit(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    IfMatch(policy_version): IfMatch,
    Body(body): Body<ResourceEdit>,
) -> Result<Told, Problem> {
    let calendar = app.known_calendar(ResourceId(id)).await?;
    let patch = Box::new(body.read(&calendar.resource.spec)?);
    let action = Action::EditResource { resource: ResourceId(id), policy_version, patch };
    let reason = read_reason_if(body.reason.as_ref())?;
    let print = fingerprint("edit_resource", &format!("{id} {policy_version}"), &body);
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None, reason }).await
}

/// Takes time out of use. Admins only.
#[utoipa::path(post, operation_id = "add_block", path = "/api/resources/{id}/blocks", tag = "resources", request_body = BlockRequest,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the policy_version")),
    responses((status = 201, body = AcceptedBody), Problems))]
pub async fn block(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Key(key): Key,
    IfMatch(policy_version): IfMatch,
    Body(body): Body<BlockRequest>,
) -> Result<Told, Problem> {
    let reason = read_reason(&body.reason, "reason")?;
    let calendar = app.known_calendar(ResourceId(id)).await?;
    let interval =
        read_interval(&body.start, &body.end, "", Some(&calendar.resource.spec.zone)).map_err(Problem::fields)?;
    let action = Action::AddBlock {
        resource: ResourceId(id),
        policy_version,
        block: BlockId(app.engine.fresh_id()),
        interval,
        reason,
        over_holds: if body.over_holds { OverHolds::Void } else { OverHolds::Refuse },
        over_bookings: read_over_bookings(body.displaces.as_ref())?,
        exceptions: read_exceptions(&body.except_people, &body.except_bookings)?,
    };
    let print = fingerprint("add_block", &format!("{id} {policy_version}"), &body);
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None, reason: None }).await
}

/// Puts time in use again. Admins only.
#[utoipa::path(post, operation_id = "remove_block", path = "/api/resources/{id}/blocks/{block}/remove", tag = "resources", request_body = ReasonRequest,
    params(("id" = Uuid, Path), ("block" = Uuid, Path), ("Idempotency-Key" = Uuid, Header), ("If-Match" = String, Header, description = "the policy_version")),
    responses((status = 200, body = AcceptedBody), Problems))]
pub async fn unblock(
    State(app): State<App>,
    asker: Asker,
    Path((id, block)): Path<(Uuid, Uuid)>,
    Key(key): Key,
    IfMatch(policy_version): IfMatch,
    Body(body): Body<ReasonRequest>,
) -> Result<Told, Problem> {
    let reason = Some(read_reason(&body.reason, "reason")?);
    let action = Action::RemoveBlock { resource: ResourceId(id), policy_version, block: BlockId(block) };
    let print = fingerprint("remove_block", &format!("{id} {block} {policy_version}"), &body);
    app.attempt(&asker, key, print, Command { actor: asker.actor(), action, seen: None, reason }).await
}

/// Which stretch of time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScheduleQuery {
    /// From; civil times are in the resource's zone. Left out: now.
    from: Option<String>,
    /// Until. Left out: a week later.
    to: Option<String>,
    /// As it was at this version: `epoch.version`, such as `1.42`.
    at_version: Option<String>,
    /// As it was at this instant; with `at_version`, as that version was shown then.
    at: Option<String>,
}

/// Something that takes time of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleItem {
    /// `booking`, `hold` or `block`.
    kind: &'static str,
    /// Its id; a hold's for its holder only.
    id: Option<Uuid>,
    /// From.
    start: String,
    /// Until.
    end: String,
    /// How many units; null for a block.
    units: Option<u32>,
    /// Of a booking: `confirmed`, `pending` or `checked_in`.
    state: &'static str,
    /// Whether it is the asker's.
    mine: bool,
    /// Whose, where people may know.
    owner: Option<String>,
    /// Of a booking one may look into, and of a block its reason.
    title: Option<String>,
    /// Of a booking: whether others see only that the time is taken.
    private: bool,
}

/// Who holds what of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScheduleBody {
    /// Which resource.
    resource: Uuid,
    /// By start.
    items: Vec<ScheduleItem>,
    /// Whether there is more than is told at once: ask for a shorter stretch.
    more: bool,
    /// Raised by a restore.
    epoch: u32,
    /// Raised by every change.
    version: u64,
    /// The server's clock.
    as_of: String,
}

/// Who holds what of a resource, or held of it, as far as one may know.
#[utoipa::path(get, operation_id = "read_schedule", path = "/api/resources/{id}/schedule", tag = "resources", params(("id" = Uuid, Path), ScheduleQuery),
    responses((status = 200, body = ScheduleBody), Problems))]
pub async fn schedule(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Query(q): Query<ScheduleQuery>,
) -> Result<Json<ScheduleBody>, Problem> {
    let was = as_it_was(&app, ResourceId(id), q.at_version.as_ref(), q.at.as_ref()).await?;
    let mut now = was.as_ref().map_or_else(|| app.engine.seen_until(), |(_, at)| *at);
    let zone = match &was {
        Some((was, _)) => was.calendar.resource.spec.zone.clone(),
        None => app.known_calendar(ResourceId(id)).await?.resource.spec.zone.clone(),
    };
    let from = read_time_if(q.from.as_ref(), "from", Some(&zone))?.unwrap_or(now);
    let to = read_time_if(q.to.as_ref(), "to", Some(&zone))?.unwrap_or(from.plus(slotwise_domain::Span::days(7)));
    let (calendar, mut bookings) = match was {
        Some((was, _)) => bookings_then(&app, was, from, to).await?,
        None => {
            let seen = bookings_now(&app, ResourceId(id), from, to).await?;
            now = now.max(seen.0.decided_at);
            seen
        }
    };
    let spec = &calendar.resource.spec;
    bookings.sort_by_key(|b| (b.start(), b.id));
    let more = bookings.len() > SCHEDULE_MAX;
    let mut items = Vec::new();
    for booking in bookings.iter().take(SCHEDULE_MAX) {
        let (inside, mine) = (asker.sees_inside(booking), asker.id == booking.owner);
        let shown = asker.sees_owner(booking, spec.kind == Kind::Room);
        let owner = if shown { app.people.name(booking.owner).await } else { None };
        for (_, slot) in
            booking.slots_on(ResourceId(id)).filter(|(_, s)| s.interval.end() > from && s.interval.start() < to)
        {
            items.push(ScheduleItem {
                kind: "booking",
                id: Some(booking.id.0),
                start: time(slot.interval.start()),
                end: time(slot.interval.end()),
                units: Some(slot.units),
                state: booking.state.name(),
                mine,
                owner: owner.clone(),
                title: booking.details.title.clone().filter(|_| inside),
                private: booking.details.private,
            });
        }
    }
    for hold in
        calendar.holds.values().filter(|h| !h.expired(now) && h.interval.end() > from && h.interval.start() < to)
    {
        let mine = hold.holder == asker.id;
        items.push(ScheduleItem {
            kind: "hold",
            id: mine.then_some(hold.id.0),
            start: time(hold.interval.start()),
            end: time(hold.interval.end()),
            units: Some(hold.units),
            state: "held",
            mine,
            owner: mine.then(|| asker.name.clone()),
            title: None,
            private: false,
        });
    }
    for block in calendar.blocks.values().filter(|b| b.interval.end() > from && b.interval.start() < to) {
        items.push(ScheduleItem {
            kind: "block",
            id: Some(block.id.0),
            start: time(block.interval.start()),
            end: time(block.interval.end()),
            units: None,
            state: "blocked",
            mine: false,
            owner: None,
            title: Some(block.reason.clone()),
            private: false,
        });
    }
    items.sort_by(|a, b| (&a.start, &a.end).cmp(&(&b.start, &b.end)));
    let version = calendar.version;
    Ok(Json(ScheduleBody {
        resource: id,
        items,
        more,
        epoch: version.epoch.0,
        version: version.number,
        as_of: time(now),
    }))
}

/// Bookings that stand on a resource within a time, and the calendar of the same version: what came between two looks shows in the
/// version, and then all is looked at again.
async fn bookings_now(
    app: &App,
    id: ResourceId,
    from: Instant,
    to: Instant,
) -> Result<(Arc<Calendar>, Vec<Arc<Booking>>), Problem> {
    let mut calendar = app.known_calendar(id).await?;
    let mut bookings = Vec::new();
    for _ in 0..LOOKS_MAX {
        bookings.clear();
        // What was cancelled is not asked for: however much of it there is, it hides nothing.
        for state in ["confirmed", "pending", "checked_in"] {
            let state = Some(state.to_owned());
            let (resource, from, to) = (Some(id), Some(from), Some(to));
            let filter = BookingFilter { resource, from, to, state, max: SCHEDULE_MAX + 1, ..BookingFilter::default() };
            bookings.extend(app.views.bookings(filter).await?);
        }
        let then = app.known_calendar(id).await?;
        if then.version == calendar.version {
            return Ok((calendar, bookings));
        }
        calendar = then;
    }
    // Somebody always comes between: a version is folded, which holds still.
    match as_of(&*app.views, id, Moment::default()).await {
        Ok(Some(was)) => bookings_then(app, was, from, to).await,
        Ok(None) => Err(Problem::not_found("resource")),
        // A record too long to be folded: what was seen last is nearly of one version.
        Err(AsOfError::TooLong(_) | AsOfError::NotYet | AsOfError::NoVersion) => Ok((calendar, bookings)),
        Err(AsOfError::Store(e)) => Err(e.into()),
    }
}

/// The same of a resource as it was.
async fn bookings_then(
    app: &App,
    was: AsOf,
    from: Instant,
    to: Instant,
) -> Result<(Arc<Calendar>, Vec<Arc<Booking>>), Problem> {
    let AsOf { calendar, bookings: held } = was;
    let within = |times: &Vec<Interval>| times.iter().any(|i| i.end() > from && i.start() < to);
    let mut bookings = Vec::new();
    for id in held.iter().filter(|(_, times)| within(times)).map(|(id, _)| *id).take(SCHEDULE_MAX + 1) {
        let Some(then) = app.views.booking_as_of(id, calendar.resource.id, calendar.version.number).await? else {
            continue;
        };
        // Who may look into it is as it is now: what was made private since is private in every version of it.
        let Details { private, guests, .. } = match app.views.booking(id).await? {
            Some(now) => now.details.clone(),
            None => then.details.clone(),
        };
        let details = Details { private, guests, ..then.details.clone() };
        bookings.push(Arc::new(Booking { details, ..Booking::clone(&then) }));
    }
    Ok((Arc::new(calendar), bookings))
}

/// From which version on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordQuery {
    /// `epoch.version`, such as `1.42`; what came after it is told.
    after: String,
}

/// The changes of a resource, as the socket tells them.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordBody {
    /// Each `{"event": name, "data": message}`, in order.
    #[schema(value_type = Vec<Object>)]
    items: Vec<crate::events::Message>,
    /// It cannot be told from there: read the resource again.
    resync: bool,
    /// The server's clock.
    as_of: String,
}

/// What happened to a resource after a version: for readers without a socket.
#[utoipa::path(get, operation_id = "read_record", path = "/api/resources/{id}/record", tag = "resources", params(("id" = Uuid, Path), RecordQuery),
    responses((status = 200, body = RecordBody), Problems))]
pub async fn record(
    State(app): State<App>,
    asker: Asker,
    Path(id): Path<Uuid>,
    Query(q): Query<RecordQuery>,
) -> Result<Json<RecordBody>, Problem> {
    let after = read_version(&q.after).ok_or_else(|| {
        Problem::field(FieldError::new("after", "not_a_version", "must be epoch.version, such as 1.42"))
    })?;
    let calendar = app.known_calendar(ResourceId(id)).await?;
    let now: Instant = app.engine.now();
    let as_of = time(now);
    match app.engine.store().stream(ResourceId(id), after, RECORD_MAX).await? {
        Streamed::Records(records, false) => {
            let mut items = Vec::new();
            for record in &records {
                let kind = calendar.resource.spec.kind;
                let bookings = events::bookings_of(record, kind, &*app.views).await;
                items.extend(events::messages(record, kind, &bookings, &asker, &app.people, now).await);
            }
            Ok(Json(RecordBody { items, resync: false, as_of }))
        }
        Streamed::Records(_, true) | Streamed::Resync => {
            Ok(Json(RecordBody { items: Vec::new(), resync: true, as_of }))
        }
    }
}

/// A value to filter by, and how many resources have it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetBody {
    /// The value.
    value: String,
    /// How many.
    count: u64,
}

/// What filters can choose from.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetsBody {
    /// Kinds.
    kinds: Vec<FacetBody>,
    /// Buildings.
    buildings: Vec<FacetBody>,
    /// Equipment.
    equipment: Vec<FacetBody>,
}

/// What filters can choose from, with counts.
#[utoipa::path(get, operation_id = "read_facets", path = "/api/facets", tag = "resources", responses((status = 200, body = FacetsBody), Problems))]
pub async fn facets(State(app): State<App>, _asker: Asker) -> Json<FacetsBody> {
    Json(catalogue::read(app.views.catalogue()).facets(&ResourceFilter::default()).into())
}

impl From<Facets> for FacetsBody {
    fn from(Facets { kinds, buildings, equipment }: Facets) -> FacetsBody {
        let list = |m: BTreeMap<String, u64>| m.into_iter().map(|(value, count)| FacetBody { value, count }).collect();
        let kind = |k: &Kind| match k {
            Kind::Room => "room",
            Kind::Section => "section",
            Kind::Session => "session",
            Kind::Equipment => "equipment",
            Kind::Group => "group",
        };
        let kinds = kinds.iter().map(|(k, count)| FacetBody { value: kind(k).into(), count: *count }).collect();
        FacetsBody { kinds, buildings: list(buildings), equipment: list(equipment) }
    }
}
