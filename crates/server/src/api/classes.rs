//! Classes of a day: what is left of each, how it looks, and what the asker has of it.
//! It judges nothing; whether somebody could book, search says.

use super::Problems;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Query, page_size};
use crate::problem::{FieldError, Problem};
use crate::standing;
use crate::wire::{KindBody, MeasureBody, Page, amount, time, whole};
use axum::Json;
use axum::extract::State;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use slotwise_domain::decide::quota_standing;
use slotwise_domain::{
    BookingId, BookingState, Calendar, Cutoff, Instant, Kind, PersonId, Resource, ResourceId, Scope, UseId, World,
};
use slotwise_engine::ResourceFilter;
use slotwise_engine::catalogue::{self, Order};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Classes looked at together.
const LOOK_MAX: usize = 200;
/// How often a class is looked at again that changed while it was.
const LOOKS: usize = 3;

/// Which classes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The day, such as 2026-11-23, in each one's zone; today if left out.
    day: Option<String>,
    /// `session`, or `section`; sessions if left out.
    kind: Option<KindBody>,
    /// In this group.
    group: Option<Uuid>,
    /// With words that begin like all of these, in name, building or equipment; accents and case make no difference.
    q: Option<String>,
    /// Only those that have a place left for a newcomer.
    free: Option<bool>,
    /// Only those that the asker has or waits for.
    mine: Option<bool>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A class as it is at one version.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClassBody {
    /// Its id.
    id: Uuid,
    /// `session` or `section`.
    kind: KindBody,
    /// Its name.
    name: String,
    /// Where it is.
    building: Option<String>,
    /// The group it is in.
    group: Option<Uuid>,
    /// Its IANA zone.
    zone: String,
    /// When it begins.
    start: String,
    /// When it ends.
    end: String,
    /// How many places it has; null without limit.
    capacity: Option<u32>,
    /// Places left; null without limit. What is owed to those who wait is not among them.
    units_free: Option<u32>,
    /// Places free and owed to those who wait.
    owed: u32,
    /// How many wait.
    waiting: usize,
    /// `open`, `few_left`, `full`, `waitlist`, `held`, `closed`, `past_cutoff` or `overbooked`.
    badge: &'static str,
    /// A booking of it waits for approval, unless an admin makes it.
    approval: bool,
    /// From then on it cannot be booked.
    book_by: Option<String>,
    /// From then on it cannot be cancelled.
    cancel_by: Option<String>,
    /// From then on a cancel is late, and counts under the quota.
    late_cancel_from: Option<String>,
    /// What the asker has of it, if anything.
    mine: Option<MineBody>,
    /// How the asker stands under its quota, if it has one.
    quota: Option<QuotaStandingBody>,
    /// Raised by a restore.
    epoch: u32,
    /// The version that all of this is of.
    version: u64,
}

/// What somebody has of a class.
#[derive(Debug, Serialize, ToSchema)]
pub struct MineBody {
    /// `booked`, `pending`, `checked_in`, `no_show`, `offered`, `waiting`, or `watching`: to be told when a place is free.
    standing: &'static str,
    /// Their booking.
    booking: Option<Uuid>,
    /// Their place in a waitlist, or among those who are told.
    entry: Option<Uuid>,
    /// How many places.
    units: u32,
    /// Where in line, from 1.
    place: Option<usize>,
    /// Until when it is offered.
    offered_until: Option<String>,
}

/// How much somebody has had of what one may have in a period.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaStandingBody {
    /// The group or resource whose quota it is.
    of: Uuid,
    /// What counts already: of what one has, gave up late or did not come to.
    #[serde(serialize_with = "whole")]
    counted: f64,
    /// So much may.
    #[serde(serialize_with = "whole")]
    most: f64,
    /// Whether `units` or `credits` are counted.
    counts: MeasureBody,
    /// When the period began; null is all time.
    from: Option<String>,
    /// When it ends.
    to: Option<String>,
}

/// Classes of one day, by when they begin. Each is told from one snapshot, with its version: places, badge and what the asker has of
/// it fit together.
#[utoipa::path(get, operation_id = "list_classes", path = "/api/classes", tag = "classes", params(ListQuery),
    responses((status = 200, body = Page<ClassBody>), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<ListQuery>,
) -> Result<Json<Page<ClassBody>>, Problem> {
    let limit = page_size(q.limit)?;
    let now = app.engine.now();
    let all = candidates(&app, &q, now)?;
    let (free, mine) = (q.free == Some(true), q.mine == Some(true));
    let mut items: Vec<(Place, ClassBody)> = Vec::with_capacity(limit + 1);
    for some in all.chunks(LOOK_MAX.min(limit + 1)) {
        let world = look(&app, asker.id, some).await?;
        let calendars = some.iter().filter_map(|place| Some((place, world.calendars.get(&place.id)?)));
        let bodies = calendars.filter_map(|(place, c)| Some((place.clone(), body(&world, c, asker.id, now)?)));
        let wanted = bodies.filter(|(_, class)| {
            (!free || matches!(class.badge, "open" | "few_left")) && (!mine || class.mine.is_some())
        });
        items.extend(wanted);
        if items.len() > limit {
            break;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|(place, _)| format!("{}.{}", place.start.0, place.id));
    Ok(Json(Page { items: items.into_iter().map(|(_, class)| class).collect(), next, as_of: time(now) }))
}

/// Where a class is in the list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    start: Instant,
    name: String,
    id: ResourceId,
}

/// What may be on the page, in order.
fn candidates(app: &App, q: &ListQuery, now: Instant) -> Result<Vec<Place>, Problem> {
    let bad = |field, code, says| Problem::field(FieldError::new(field, code, says));
    let kind = q.kind.map_or(Kind::Session, Kind::from);
    match kind {
        Kind::Session | Kind::Section => {}
        Kind::Room | Kind::Equipment | Kind::Group => {
            return Err(bad("kind", "out_of_range", "must be session or section: only these have a time of their own"));
        }
    }
    let a_day = |text: &String| {
        let day = (text.len() == 10).then(|| text.parse::<Date>().ok()).flatten();
        day.ok_or_else(|| bad("day", "not_a_day", "must be a day such as 2026-11-23"))
    };
    let day = q.day.as_ref().map(a_day).transpose()?;
    let filter = ResourceFilter {
        kind: Some(kind),
        group: q.group.map(ResourceId),
        words: super::resources::words(q.q.as_deref())?,
        ..ResourceFilter::default()
    };
    let catalogue = catalogue::read(app.views.catalogue());
    let known = |id| catalogue.resource(id).cloned();
    let after = q.after.as_deref().map(|text| {
        let read = || {
            let (start, id) = text.split_once('.')?;
            let id = ResourceId(id.parse().ok()?);
            Some(Place { start: Instant(start.parse().ok()?), name: known(id)?.spec.name.clone(), id })
        };
        read().ok_or_else(|| bad("after", "not_understood", "must be the next of a page"))
    });
    let after = after.transpose()?;
    let of_day = |resource: Arc<Resource>| {
        let start = resource.spec.interval?.start();
        let date = |t: Instant| t.timestamp().to_zoned(resource.spec.zone.rules().clone()).date();
        let place = Place { start, name: resource.spec.name.clone(), id: resource.id };
        (date(start) == day.unwrap_or_else(|| date(now)) && after.as_ref() < Some(&place)).then_some(place)
    };
    let matches = catalogue.matches(&filter, Order::Name).into_iter();
    let mut all: Vec<Place> = matches.filter_map(|m| of_day(known(m.id)?)).collect();
    all.sort();
    Ok(all)
}

/// The classes, what the asker has booked of them, and what their quotas count. A booking is never newer than the class is.
async fn look(app: &App, asker: PersonId, places: &[Place]) -> Result<World, Problem> {
    let mut scope = Scope { resources: places.iter().map(|p| p.id).collect(), ..Scope::default() };
    let mut world = app.engine.look(scope.clone()).await?;
    for _ in 0..LOOKS {
        let before = scope.clone();
        for calendar in world.calendars.values() {
            scope.bookings.extend(own(calendar, asker).map(|(id, _)| id));
            if calendar.resource.spec.policy.quota.is_some() {
                scope.extend(&Scope::of_person(&calendar.resource.spec.policy, asker));
            }
        }
        let at = |id: &ResourceId| world.calendars.get(id).map(|c| c.decided_at);
        let newer = world.bookings.values().any(|b| b.resources().iter().any(|r| at(r) < Some(b.decided_at)));
        if scope == before && !newer {
            break;
        }
        world = app.engine.look(scope.clone()).await?;
    }
    Ok(world)
}

/// The bookings of a person that take places of a class, with how many.
fn own(calendar: &Calendar, person: PersonId) -> impl Iterator<Item = (BookingId, u32)> {
    calendar.uses.values().filter(move |u| u.owner == person).filter_map(|u| match u.id {
        UseId::Booking(id, _) => Some((id, u.units)),
        UseId::Hold(_) => None,
    })
}

fn body(world: &World, calendar: &Calendar, asker: PersonId, now: Instant) -> Option<ClassBody> {
    let (resource, spec) = (&calendar.resource, &calendar.resource.spec);
    let interval = spec.interval?;
    let standing = standing::of_its_own_time(calendar, now)?;
    let at = |cutoff: Option<Cutoff>| cutoff.map(|c| time(c.instant(interval.start(), &spec.zone)));
    let quota = quota_standing(world, resource, asker, interval.start());
    Some(ClassBody {
        id: resource.id.0,
        kind: spec.kind.into(),
        name: spec.name.clone(),
        building: spec.building.clone(),
        group: spec.group.as_ref().map(|g| g.id.0),
        zone: spec.zone.name().to_owned(),
        start: time(interval.start()),
        end: time(interval.end()),
        capacity: spec.capacity,
        units_free: standing.left,
        owed: standing.owed,
        waiting: standing.waiting,
        badge: standing.badge,
        approval: spec.policy.approval,
        book_by: at(spec.policy.book_by),
        cancel_by: at(spec.policy.cancel_by),
        late_cancel_from: spec.policy.late_from(interval.start(), &spec.zone, false).map(time),
        mine: mine(world, calendar, asker),
        quota: quota.map(|quota| QuotaStandingBody {
            of: quota.of.0,
            counted: amount(quota.counts, quota.counted),
            most: amount(quota.counts, quota.most),
            counts: quota.counts.into(),
            from: quota.period.map(|(from, _)| time(from)),
            to: quota.period.map(|(_, to)| time(to)),
        }),
        epoch: calendar.version.epoch.0,
        version: calendar.version.number,
    })
}

fn mine(world: &World, calendar: &Calendar, asker: PersonId) -> Option<MineBody> {
    if let Some((id, units)) = own(calendar, asker).next() {
        let standing = match world.bookings.get(&id).map(|b| &b.state) {
            Some(BookingState::CheckedIn { .. }) => "checked_in",
            Some(BookingState::NoShow { .. }) => "no_show",
            Some(BookingState::Pending { .. }) => "pending",
            Some(BookingState::Confirmed | BookingState::Cancelled { .. } | BookingState::Displaced { .. }) | None => {
                "booked"
            }
        };
        let booking = Some(id.0);
        return Some(MineBody { standing, booking, entry: None, units, place: None, offered_until: None });
    }
    let waits = calendar.waiting.values().chain(calendar.watching.values()).find(|e| e.owner == asker)?;
    let place = calendar.place_in_line(waits.id);
    let offer = waits.offer.and_then(|id| calendar.holds.get(&id));
    Some(MineBody {
        standing: match (offer, place) {
            (Some(_), _) => "offered",
            (None, Some(_)) => "waiting",
            (None, None) => "watching",
        },
        booking: None,
        entry: Some(waits.id.0),
        units: waits.units,
        place,
        offered_until: offer.map(|hold| time(hold.expires_at)),
    })
}
