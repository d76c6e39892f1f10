//! What could be booked instead of something refused: the same thing at other times or for shorter, similar things at the same time.
//! Each was judged as a booking would be at that instant, and may be taken by the time somebody clicks.

use super::Problems;
use super::search::{FoundBody, body, equipment};
use crate::app::App;
use crate::auth::Asker;
use crate::extract::Query;
use crate::find::{Search, Sighting, When, find};
use crate::problem::{FieldError, Problem};
use crate::wire::{read_interval, time};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use slotwise_domain::{Calendar, Instant, Interval, Rejection, Resource, ResourceId, Scope, World};
use slotwise_engine::ResourceFilter;
use slotwise_engine::catalogue::{self, Catalogue, Order};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Alternatives told at once.
const ALTERNATIVES_MAX: usize = 12;

/// What was wished for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlternativesQuery {
    /// What was wished for.
    resource: Uuid,
    /// From; a civil time is read in the resource's zone. Left out for sections and sessions, which have their one time.
    start: Option<String>,
    /// Until.
    end: Option<String>,
    /// How many units; 1 if left out.
    units: Option<u32>,
    /// How many people must fit in.
    people: Option<u32>,
    /// What others must have, separated by commas.
    equipment: Option<String>,
    /// At most so many, 12 at the most.
    limit: Option<usize>,
}

/// In which way it is an alternative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Something of the same kind at the same time.
    OtherResource,
    /// The same for as long at another time.
    OtherTime,
    /// The same for a part of the time.
    Shorter,
}

/// Something that could be booked instead.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlternativeBody {
    /// In which way it is an alternative.
    pub why: Why,
    /// How many units.
    pub units: u32,
    /// What and when; free, as it was judged now.
    #[serde(flatten)]
    pub found: FoundBody,
}

/// What could be booked instead.
#[derive(Debug, Serialize, ToSchema)]
pub struct AlternativesBody {
    /// The best of each way first, then the second best of each, and so on.
    items: Vec<AlternativeBody>,
    /// The server's clock.
    as_of: String,
}

/// What could be booked instead of something, best first.
#[utoipa::path(get, operation_id = "alternatives", path = "/api/alternatives", tag = "search", params(AlternativesQuery),
    responses((status = 200, body = AlternativesBody), Problems))]
pub async fn alternatives(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<AlternativesQuery>,
) -> Result<Json<AlternativesBody>, Problem> {
    let limit = match q.limit {
        None => ALTERNATIVES_MAX,
        Some(n) if (1..=ALTERNATIVES_MAX).contains(&n) => n,
        Some(_) => return Err(Problem::field(FieldError::new("limit", "out_of_range", "must be between 1 and 12"))),
    };
    let calendar = app.known_calendar(ResourceId(q.resource)).await?;
    let wished = q.interval(&calendar)?;
    let wish = Wished { interval: wished, units: q.units.unwrap_or(1), people: q.people };
    let instead = instead(&app, &asker, &calendar, &wish, equipment(q.equipment.as_deref())?, limit).await?;
    Ok(Json(AlternativesBody { items: instead.items, as_of: time(instead.now) }))
}

/// What somebody wants of a resource.
pub struct Wished {
    /// When.
    pub interval: Interval,
    /// How many units.
    pub units: u32,
    /// How many people must fit in.
    pub people: Option<u32>,
}

/// How a wish stands now.
pub struct Instead {
    /// Why it would be refused, if it would.
    pub refused: Option<Rejection>,
    /// What could be booked instead, best first.
    pub items: Vec<AlternativeBody>,
    /// When it was judged.
    pub now: Instant,
}

/// Judges a wish as it is now, and what else could be booked.
pub async fn instead(
    app: &App,
    asker: &Asker,
    calendar: &Arc<Calendar>,
    wished: &Wished,
    equipment: Vec<String>,
    limit: usize,
) -> Result<Instead, Problem> {
    let kind = Some(calendar.resource.spec.kind);
    let search = Search {
        filter: ResourceFilter { kind, equipment, ..ResourceFilter::default() },
        order: Order::Seats,
        when: When::At(wished.interval),
        units: wished.units,
        people: wished.people,
        asker,
        now: app.engine.now(),
    };
    let mut world = asker_world(app, asker, calendar).await?;
    let wish = search.wish(&mut world, calendar.clone());
    let (times, shorter) = (wish.other_times(wished.interval), wish.shorter(wished.interval));
    let refused = wish.refused(wished.interval);
    let others = other_resources(app, &search, calendar, limit).await?;
    let ways = [
        others.into_iter().map(|(other, interval)| (Why::OtherResource, other, interval)).collect(),
        times.into_iter().map(|interval| (Why::OtherTime, calendar.clone(), interval)).collect(),
        shorter.into_iter().map(|interval| (Why::Shorter, calendar.clone(), interval)).collect(),
    ];
    let mut items = Vec::new();
    for (why, calendar, interval) in in_turns(ways).into_iter().take(limit) {
        let found = body(app, &search, &calendar, interval, None).await;
        items.push(AlternativeBody { why, units: search.units, found });
    }
    Ok(Instead { refused, items, now: search.now })
}

impl AlternativesQuery {
    fn interval(&self, calendar: &Calendar) -> Result<Interval, Problem> {
        let spec = &calendar.resource.spec;
        let missing = |field| Err(Problem::field(FieldError::new(field, "missing", "is missing")));
        match (spec.interval, &self.start, &self.end) {
            (Some(one), ..) => Ok(one),
            (None, Some(start), Some(end)) => read_interval(start, end, "", Some(&spec.zone)).map_err(Problem::fields),
            (None, None, _) => missing("start"),
            (None, _, None) => missing("end"),
        }
    }
}

/// What the asker is judged in, about one resource.
async fn asker_world(app: &App, asker: &Asker, calendar: &Calendar) -> Result<World, Problem> {
    let mut scope = Scope { roles: [asker.id].into(), ..Scope::default() };
    // Where they are booked is known only once they are; what they book meanwhile is not waited for.
    for _ in 0..2 {
        let world = app.engine.look(scope.clone()).await?;
        let missing = world.missing_of_person(&calendar.resource.spec.policy, asker.id);
        if missing.is_empty() {
            return Ok(world);
        }
        scope.extend(&missing);
    }
    Ok(app.engine.look(scope).await?)
}

/// Others that are free at the same time, best first: of the same building, then the nearest in seats, then what has all the
/// equipment, then by name. Only if the building has too few are all the others looked at.
async fn other_resources(
    app: &App,
    search: &Search<'_>,
    calendar: &Calendar,
    limit: usize,
) -> Result<Vec<(Arc<Calendar>, Interval)>, Problem> {
    let spec = &calendar.resource.spec;
    let mut best = Vec::new();
    if let Some(building) = &spec.building {
        let filter = ResourceFilter { buildings: vec![building.clone()], ..search.filter.clone() };
        best = nearest(app, &Search { filter, when: search.when.clone(), ..*search }, calendar, limit).await?;
    }
    if best.len() < limit {
        best = nearest(app, search, calendar, limit).await?;
    }
    Ok(best)
}

async fn nearest(
    app: &App,
    search: &Search<'_>,
    calendar: &Calendar,
    limit: usize,
) -> Result<Vec<(Arc<Calendar>, Interval)>, Problem> {
    let found = find(app, search).await?;
    let ranked = ranked(&catalogue::read(app.views.catalogue()), &found.all, &calendar.resource, limit);
    let mut world = found.world;
    let calendars = app.views.calendars(ranked.iter().map(|s| s.matched.id).collect()).await?;
    let mut seen = ranked.iter();
    let judged = calendars.into_iter().filter_map(|calendar| {
        let Sighting { interval, .. } = *seen.find(|s| s.matched.id == calendar.resource.id)?;
        search.wish(&mut world, calendar.clone()).fits(interval).then_some((calendar, interval))
    });
    Ok(judged.collect())
}

fn ranked(catalogue: &Catalogue, all: &[Sighting], refused: &Resource, limit: usize) -> Vec<Sighting> {
    let spec = &refused.spec;
    let mut ranked = Vec::new();
    for sighting in all.iter().filter(|s| s.free && s.matched.id != refused.id) {
        let Some(other) = catalogue.resource(sighting.matched.id) else { continue };
        let distance = match (spec.seats, other.spec.seats) {
            (Some(seats), Some(others)) => seats.abs_diff(others),
            (None, None) => 0,
            (Some(_), None) | (None, Some(_)) => u32::MAX,
        };
        let elsewhere = other.spec.building != spec.building;
        let lacks = spec.equipment.iter().any(|e| other.spec.equipment.binary_search(e).is_err());
        ranked.push(((elsewhere, distance, lacks), sighting));
    }
    // Within the same seats the rank goes by name.
    ranked.sort_unstable_by_key(|(fit, sighting)| (*fit, sighting.matched.rank));
    ranked.into_iter().take(limit).map(|(_, sighting)| *sighting).collect()
}

/// The first of each, then the second of each, and so on.
fn in_turns<T, const N: usize>(ways: [Vec<T>; N]) -> Vec<T> {
    let longest = ways.iter().map(Vec::len).max().unwrap_or(0);
    let mut ways = ways.map(Vec::into_iter);
    let mut all = Vec::new();
    for _ in 0..longest {
        all.extend(ways.iter_mut().filter_map(Iterator::next));
    }
    all
}
