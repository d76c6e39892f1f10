//! Many resources over a stretch of time at one look, for a screen of rooms by hours: what takes time of each, as far as one may know.
//! It judges nothing: whether something could be booked, search and the dry run say.

use super::Problems;
use super::resources::words;
use super::search::{FoundResource, buildings, equipment};
use crate::app::App;
use crate::auth::Asker;
use crate::extract::Query;
use crate::problem::{FieldError, Problem};
use crate::wire::{HoldAtBody, IntervalBody, KindBody, read_interval_named, time};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use slotwise_domain::{Booking, BookingId, Calendar, Instant, Interval, Kind, ResourceId, Scope, Span, UseId, World};
use slotwise_engine::catalogue::{self, Order};
use slotwise_engine::{BookingFilter, ResourceFilter};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Rows told at once.
const ROWS_MAX: usize = 50;
/// The longest stretch: a week, with the hour that a change of the clock adds.
const LONGEST: Span = Span::hours(8 * 24);
/// Items, or pieces of a level, of one row.
const ITEMS_MAX: usize = 500;

/// Which rows of which time.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
    /// From, an instant.
    from: String,
    /// Until, eight days later at the most.
    to: String,
    /// Only these, 50 at the most; may be given several times. The other filters then count for nothing.
    #[serde(default)]
    resource: Vec<Uuid>,
    /// Of this kind.
    kind: Option<KindBody>,
    /// In this building; may be given several times, for any of them.
    #[serde(default)]
    building: Vec<String>,
    /// In this group.
    group: Option<Uuid>,
    /// All of these, separated by commas.
    equipment: Option<String>,
    /// Only what is known to have at least so many seats.
    seats_min: Option<u32>,
    /// With words that begin like all of these, in name, building or equipment; accents and case make no difference.
    q: Option<String>,
    /// Which row comes first, counted from 0; 0 if left out.
    offset: Option<usize>,
    /// At most so many rows, 50 at the most.
    limit: Option<usize>,
}

/// Something that takes time of a resource.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineItem {
    /// `booking`, `hold` or `block`.
    kind: &'static str,
    /// Its id; a hold's for its holder only.
    id: Option<Uuid>,
    /// From.
    start: String,
    /// Until.
    end: String,
    /// From then on it takes the time: earlier than `start` where it must be set up.
    taken_from: String,
    /// Until then: later than `end` where it must be cleared.
    taken_until: String,
    /// `confirmed`, `pending`, `checked_in`, `held` or `blocked`.
    state: &'static str,
    /// Whether it is the asker's.
    mine: bool,
    /// Whose, where people may know.
    owner: Option<String>,
    /// Of a booking one may look into, and of a block its reason.
    title: Option<String>,
    /// Of a hold: when it ends.
    expires_at: Option<String>,
}

/// How full a resource is for a while.
#[derive(Debug, Serialize, ToSchema)]
pub struct LevelBody {
    /// From.
    start: String,
    /// Until.
    end: String,
    /// Units taken, by bookings and holds.
    used: u64,
    /// How many wait for a time that meets it.
    waiting: usize,
}

/// One resource over the time asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineRow {
    /// Which.
    resource: FoundResource,
    /// When a hold is taken on the way to a booking.
    hold_at: HoldAtBody,
    /// Whether it is out of service.
    closed: bool,
    /// When it is open; null is always.
    open: Option<Vec<IntervalBody>>,
    /// By start. Of what has more units than one only the asker's own, and blocks.
    items: Vec<TimelineItem>,
    /// Of what has more units than one: how full it is, without a gap.
    levels: Vec<LevelBody>,
    /// Whether there is more than is told at once: ask for a shorter stretch.
    more: bool,
    /// Raised by a restore.
    epoch: u32,
    /// Raised by every change.
    version: u64,
}

/// Rows by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineBody {
    /// From.
    from: String,
    /// Until.
    to: String,
    /// How many rows match.
    total: usize,
    /// The rows, by name.
    rows: Vec<TimelineRow>,
    /// The server's clock.
    as_of: String,
}

/// Many resources over a stretch of time. What ended more than two days ago is told by a resource's own schedule.
#[utoipa::path(get, operation_id = "read_timeline", path = "/api/timeline", tag = "search", params(TimelineQuery),
    responses((status = 200, body = TimelineBody), Problems))]
pub async fn read(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<TimelineQuery>,
) -> Result<Json<TimelineBody>, Problem> {
    let window = read_interval_named(&q.from, &q.to, ["from", "to"], None).map_err(Problem::fields)?;
    if window.length() > LONGEST {
        return Err(Problem::field(FieldError::new("to", "out_of_range", "must be at most eight days after from")));
    }
    let (total, ids) = q.rows(&app)?;
    let world = look(&app, &asker, &ids, window).await?;
    let now = app.engine.now();
    let mut rows = Vec::with_capacity(ids.len());
    for calendar in ids.iter().filter_map(|id| world.calendars.get(id)) {
        rows.push(row(&app, &asker, &world, calendar, window, now).await?);
    }
    Ok(Json(TimelineBody { from: time(window.start()), to: time(window.end()), total, rows, as_of: time(now) }))
}

impl TimelineQuery {
    /// How many match, and which of them are told.
    fn rows(&self, app: &App) -> Result<(usize, Vec<ResourceId>), Problem> {
        let bad = |field, says| Err(Problem::field(FieldError::new(field, "out_of_range", says)));
        if self.resource.len() > ROWS_MAX {
            return bad("resource", "must be at most 50");
        }
        let limit = self.limit.unwrap_or(ROWS_MAX);
        if !(1..=ROWS_MAX).contains(&limit) {
            return bad("limit", "must be between 1 and 50");
        }
        if !self.resource.is_empty() {
            return Ok((self.resource.len(), self.resource.iter().copied().map(ResourceId).collect()));
        }
        let filter = ResourceFilter {
            kind: self.kind.map(Kind::from),
            buildings: buildings(self.building.clone())?,
            equipment: equipment(self.equipment.as_deref())?,
            words: words(self.q.as_deref())?,
            group: self.group.map(ResourceId),
            seats_min: self.seats_min,
            ..ResourceFilter::default()
        };
        let all = catalogue::read(app.views.catalogue()).matches(&filter, Order::Name);
        let page = all.iter().skip(self.offset.unwrap_or(0)).take(limit).map(|m| m.id).collect();
        Ok((all.len(), page))
    }
}

/// The calendars, and the bookings whose owner or title may be told.
async fn look(app: &App, asker: &Asker, ids: &[ResourceId], window: Interval) -> Result<World, Problem> {
    let mut scope = Scope { resources: ids.iter().copied().collect(), ..Scope::default() };
    let world = app.engine.look(scope.clone()).await?;
    for calendar in world.calendars.values() {
        scope.bookings.extend(shown_uses(calendar, asker, window).filter_map(|u| match u.id {
            UseId::Booking(id, _) => Some(id),
            UseId::Hold(_) => None,
        }));
    }
    Ok(if scope.bookings.is_empty() { world } else { app.engine.look(scope).await? })
}

/// What is told one by one: everything of what one alone can have, one's own of everything else.
fn shown_uses<'a>(
    calendar: &'a Calendar,
    asker: &Asker,
    window: Interval,
) -> impl Iterator<Item = &'a slotwise_domain::Use> {
    let (alone, me) = (calendar.resource.spec.capacity == Some(1), asker.id);
    calendar.meeting(window).filter(move |u| alone || u.owner == me).take(ITEMS_MAX + 1)
}

async fn row(
    app: &App,
    asker: &Asker,
    world: &World,
    calendar: &Calendar,
    window: Interval,
    now: Instant,
) -> Result<TimelineRow, Problem> {
    let (id, spec) = (calendar.resource.id, &calendar.resource.spec);
    let mut items = Vec::new();
    let mut told = BTreeSet::new();
    for taken in shown_uses(calendar, asker, window) {
        let (booking, hold) = match taken.id {
            UseId::Booking(id, _) => (Some(id), None),
            UseId::Hold(id) => (None, calendar.holds.get(&id)),
        };
        if hold.is_some_and(|hold| hold.expired(now)) {
            continue;
        }
        told.extend(booking);
        let known = booking.and_then(|id| world.bookings.get(&id));
        items.push(item(app, asker, spec.kind, (taken.interval, taken.occupied), (booking, known), hold).await);
    }
    // What waits for an approval and takes nothing meanwhile is in no calendar.
    if spec.policy.approval {
        for booking in pending(app, id, window).await?.iter().filter(|b| !told.contains(&b.id)) {
            for (_, slot) in booking.slots_on(id).filter(|(_, s)| s.interval.meets(window)) {
                let times = (slot.interval, slot.occupied);
                items.push(item(app, asker, spec.kind, times, (Some(booking.id), Some(booking)), None).await);
            }
        }
    }
    items.extend(calendar.blocks.values().filter(|b| b.interval.meets(window)).map(|b| TimelineItem {
        kind: "block",
        id: Some(b.id.0),
        start: time(b.interval.start()),
        end: time(b.interval.end()),
        taken_from: time(b.interval.start()),
        taken_until: time(b.interval.end()),
        state: "blocked",
        mine: false,
        owner: None,
        title: Some(b.reason.clone()),
        expires_at: None,
    }));
    items.sort_by(|a, b| (&a.start, &a.end, a.id).cmp(&(&b.start, &b.end, b.id)));
    let mut levels = levels(calendar, window);
    let more = items.len() > ITEMS_MAX || levels.len() > ITEMS_MAX;
    items.truncate(ITEMS_MAX);
    levels.truncate(ITEMS_MAX);
    Ok(TimelineRow {
        resource: FoundResource::of(&calendar.resource),
        hold_at: spec.policy.hold_at.into(),
        closed: spec.policy.closed,
        open: open(calendar, window),
        items,
        levels,
        more,
        epoch: calendar.version.epoch.0,
        version: calendar.version.number,
    })
}

async fn pending(app: &App, resource: ResourceId, window: Interval) -> Result<Vec<Arc<Booking>>, Problem> {
    let filter = BookingFilter {
        resource: Some(resource),
        from: Some(window.start()),
        to: Some(window.end()),
        state: Some("pending".to_owned()),
        max: ITEMS_MAX + 1,
        ..BookingFilter::default()
    };
    Ok(app.views.bookings(filter).await?)
}

async fn item(
    app: &App,
    asker: &Asker,
    kind: Kind,
    (interval, occupied): (Interval, Interval),
    (id, booking): (Option<BookingId>, Option<&Arc<Booking>>),
    hold: Option<&slotwise_domain::Hold>,
) -> TimelineItem {
    let mine = booking.is_some_and(|b| b.owner == asker.id) || hold.is_some_and(|h| h.holder == asker.id);
    let seen = booking.filter(|b| asker.sees_owner(b, kind == Kind::Room));
    let owner = match seen {
        Some(booking) => app.people.name(booking.owner).await,
        None => mine.then(|| asker.name.clone()),
    };
    TimelineItem {
        kind: if id.is_some() { "booking" } else { "hold" },
        id: id.map(|id| id.0).or_else(|| hold.filter(|_| mine).map(|h| h.id.0)),
        start: time(interval.start()),
        end: time(interval.end()),
        taken_from: time(occupied.start()),
        taken_until: time(occupied.end()),
        // A booking made between two looks is not known yet, and stands.
        state: if id.is_none() { "held" } else { booking.map_or("confirmed", |b| b.state.name()) },
        mine,
        owner,
        title: booking.filter(|b| asker.sees_inside(b)).and_then(|b| b.details.title.clone()),
        expires_at: hold.map(|h| time(h.expires_at)),
    }
}

/// When it can be booked at all: its own time, or its opening hours; `None` is always.
fn open(calendar: &Calendar, window: Interval) -> Option<Vec<IntervalBody>> {
    let spec = &calendar.resource.spec;
    let clipped = |from: Instant, to: Instant| {
        Interval::new(from.max(window.start()), to.min(window.end())).ok().map(IntervalBody::from)
    };
    if let Some(own) = spec.interval {
        return Some(clipped(own.start(), own.end()).into_iter().collect());
    }
    if spec.policy.opening_hours.is_empty() {
        return None;
    }
    let windows = spec.policy.windows(&spec.zone, window.start(), window.end());
    Some(windows.into_iter().filter_map(|(from, to)| clipped(from, to)).take(ITEMS_MAX).collect())
}

/// How full it is, piece by piece; nothing of what one alone can have.
fn levels(calendar: &Calendar, window: Interval) -> Vec<LevelBody> {
    if calendar.resource.spec.capacity == Some(1) {
        return Vec::new();
    }
    let pieces: Vec<_> = calendar.levels.during(window).take(ITEMS_MAX + 1).collect();
    let ends = pieces.iter().skip(1).map(|(start, _)| *start).chain([window.end()]);
    let whole =
        pieces.iter().zip(ends).filter_map(|((start, level), end)| Some((Interval::new(*start, end).ok()?, level)));
    let waiting = |piece: Interval| calendar.waiting.values().filter(|e| e.interval.meets(piece)).count();
    whole
        .map(|(piece, level)| LevelBody {
            start: time(piece.start()),
            end: time(piece.end()),
            used: level.taken(),
            waiting: waiting(piece),
        })
        .collect()
}
