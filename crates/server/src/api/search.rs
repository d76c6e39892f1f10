//! Search: every resource that matches, with whether it could be booked right now, and why not.
//! It asks the same judgement as a booking, so it never says "free" by another rule.

use super::Problems;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Query, page_size};
use crate::problem::{FieldError, Problem, WitnessBody};
use crate::wire::{HoldAtBody, KindBody, read_interval, time};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use slotwise_domain::decide::free_units;
use slotwise_domain::{
    Action, BookingId, Calendar, Code, Command, Details, Instant, Interval, Kind, Line, Rejection, Scope, Verdict,
    World, Zone, decide,
};
use slotwise_engine::ResourceFilter;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Resources looked at by one search; a narrower filter sees the rest.
const LOOKED_AT_MAX: usize = 10_000;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// From; a civil time is read in each resource's zone.
    start: Option<String>,
    /// Until.
    end: Option<String>,
    /// How many units; 1 if left out.
    units: Option<u32>,
    /// How many people must fit in.
    people: Option<u32>,
    /// All of these, separated by commas.
    equipment: Option<String>,
    /// In this building.
    building: Option<String>,
    /// Of this kind.
    kind: Option<KindBody>,
    /// With all these words in name or building.
    q: Option<String>,
    /// Only what is free.
    free: Option<bool>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A resource in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundResource {
    /// Its id.
    id: Uuid,
    /// What it is.
    kind: KindBody,
    /// Its name.
    name: String,
    /// Where it is.
    building: Option<String>,
    /// How many people fit in.
    seats: Option<u32>,
    /// What it has.
    equipment: Vec<String>,
    /// Its IANA zone.
    zone: String,
    /// How many units it has.
    capacity: Option<u32>,
    /// Its policy version.
    policy_version: u64,
}

/// Why something is not free.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonBody {
    /// A code of a refusal.
    code: &'static str,
    /// For the person.
    detail: String,
    /// Which rule.
    rule: Option<&'static str>,
    /// What stands there.
    witness: Option<WitnessBody>,
}

/// A resource, and whether it could be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundBody {
    /// The resource.
    resource: FoundResource,
    /// When, as it was understood in the resource's zone.
    start: String,
    /// Until when.
    end: String,
    /// Whether it could be booked now.
    free: bool,
    /// Why not.
    reason: Option<ReasonBody>,
    /// `open`, `few_left`, `full`, `held`, `closed` or `past_cutoff`.
    badge: &'static str,
    /// Units left at the fullest instant; null without limit.
    units_free: Option<u32>,
    /// When a hold is taken on the way to a booking.
    hold_at: HoldAtBody,
    /// Raised by a restore.
    epoch: u32,
    /// Raised by every change.
    version: u64,
}

/// What was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchBody {
    /// Best fit first: free before not free, then the fewest seats that suffice, then by name.
    items: Vec<FoundBody>,
    /// How many match.
    total: usize,
    /// How many of them are free.
    total_free: usize,
    /// The `after` of the next page; null on the last.
    next: Option<String>,
    /// The server's clock.
    as_of: String,
}

struct Found {
    calendar: Arc<Calendar>,
    interval: Interval,
    refused: Option<Rejection>,
}

/// Resources that match, with whether they could be booked and why not.
#[utoipa::path(get, operation_id = "search", path = "/api/search", tag = "search", params(SearchQuery), responses((status = 200, body = SearchBody), Problems))]
pub async fn search(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<SearchQuery>,
) -> Result<Json<SearchBody>, Problem> {
    let limit = page_size(q.limit)?;
    let skip: usize = match q.after.as_deref() {
        Some(n) => n
            .parse()
            .map_err(|_| Problem::field(FieldError::new("after", "not_understood", "must be the next of a page")))?,
        None => 0,
    };
    let equipment = q.equipment.as_deref().unwrap_or_default();
    let equipment: Vec<String> =
        equipment.split(',').map(|e| e.trim().to_lowercase()).filter(|e| !e.is_empty()).collect();
    if equipment.len() > 20 {
        return Err(Problem::field(FieldError::new("equipment", "too_many", "must be at most 20")));
    }
    let words = super::resources::words(q.q.as_deref())?;
    let filter = ResourceFilter {
        kind: q.kind.map(Kind::from),
        building: q.building.clone(),
        equipment,
        words,
        after: None,
        max: LOOKED_AT_MAX,
    };
    let resources = app.views.resources(filter).await?;
    let scope = Scope {
        resources: resources.iter().map(|r| r.id).collect(),
        people: [asker.id].into(),
        roles: [asker.id].into(),
        ..Scope::default()
    };
    let world = app.engine.look(scope).await?;
    let now = app.engine.now();
    let mut found = Vec::with_capacity(resources.len());
    for resource in &resources {
        let Some(calendar) = world.calendars.get(&resource.id) else { continue };
        let Some(interval) = interval_for(&q, calendar)? else { continue };
        let refused = refusal(&world, calendar, interval, &q, &asker, now);
        if refused.is_none() || q.free != Some(true) {
            found.push(Found { calendar: calendar.clone(), interval, refused });
        }
    }
    let fit = |f: &Found| {
        let spec = &f.calendar.resource.spec;
        (f.refused.is_some(), spec.seats.unwrap_or(u32::MAX), spec.name.clone(), f.calendar.resource.id)
    };
    found.sort_by_cached_key(fit);
    let total_free = found.iter().filter(|f| f.refused.is_none()).count();
    let next = (found.len() > skip.saturating_add(limit)).then(|| (skip + limit).to_string());
    let mut items = Vec::with_capacity(limit);
    for f in found.iter().skip(skip).take(limit) {
        items.push(body(&app, &asker, f, now).await);
    }
    Ok(Json(SearchBody { items, total: found.len(), total_free, next, as_of: time(now) }))
}

/// When: a section's one interval, or what is asked, read in the resource's zone. Sections outside what is asked do not match.
fn interval_for(q: &SearchQuery, calendar: &Calendar) -> Result<Option<Interval>, Problem> {
    let spec = &calendar.resource.spec;
    let asked = match (&q.start, &q.end) {
        (Some(start), Some(end)) => Some(read_interval(start, end, "", Some(&spec.zone)).map_err(Problem::fields)?),
        (None, None) => None,
        (Some(_), None) => return Err(Problem::field(FieldError::new("end", "missing", "is missing"))),
        (None, Some(_)) => return Err(Problem::field(FieldError::new("start", "missing", "is missing"))),
    };
    match (spec.interval, asked) {
        (Some(one), Some(asked)) => Ok(one.meets(asked).then_some(one)),
        (Some(one), None) => Ok(Some(one)),
        (None, Some(asked)) => Ok(Some(asked)),
        (None, None) => {
            Err(Problem::field(FieldError::new("start", "missing", "is missing: say from when until when")))
        }
    }
}

fn refusal(
    world: &World,
    calendar: &Calendar,
    interval: Interval,
    q: &SearchQuery,
    asker: &Asker,
    now: Instant,
) -> Option<Rejection> {
    let line = Line { resource: calendar.resource.id, interval: Some(interval), units: q.units.unwrap_or(1) };
    let details = Details { people: q.people, ..Details::default() };
    let action =
        Action::Book { booking: BookingId(Uuid::nil()), owner: asker.id, lines: vec![line], details, hold: None };
    match decide(world, &Command { actor: asker.actor(), action, seen: None }, now) {
        Verdict::Rejected(rejection, _) => Some(rejection),
        Verdict::Accepted(..) | Verdict::Moved(_) | Verdict::Needs(_) => None,
    }
}

async fn body(app: &App, asker: &Asker, f: &Found, now: Instant) -> FoundBody {
    let (resource, spec) = (&f.calendar.resource, &f.calendar.resource.spec);
    let units_free = free_units(&f.calendar, f.interval, Some(asker.id), now);
    let reason = match &f.refused {
        Some(rejection) => {
            let shown = app.shown(asker, rejection).await;
            let rule = rejection.rule.map(slotwise_domain::Rule::name);
            Some(ReasonBody { code: rejection.code.name(), detail: shown.detail, rule, witness: shown.witness })
        }
        None => None,
    };
    FoundBody {
        resource: FoundResource {
            id: resource.id.0,
            kind: spec.kind.into(),
            name: spec.name.clone(),
            building: spec.building.clone(),
            seats: spec.seats,
            equipment: spec.equipment.clone(),
            zone: Zone::name(&spec.zone).to_owned(),
            capacity: spec.capacity,
            policy_version: resource.policy_version,
        },
        start: time(f.interval.start()),
        end: time(f.interval.end()),
        free: f.refused.is_none(),
        badge: badge(f.refused.as_ref().map(|r| r.code), units_free, spec.capacity),
        reason,
        units_free,
        hold_at: spec.policy.hold_at.into(),
        epoch: f.calendar.version.epoch.0,
        version: f.calendar.version.number,
    }
}

/// The status people see. "Few left" is a fifth of a resource that has more than one unit.
fn badge(refused: Option<Code>, units_free: Option<u32>, capacity: Option<u32>) -> &'static str {
    match refused {
        Some(Code::HeldByOther) => "held",
        Some(Code::Closed | Code::OutsideHours | Code::Blocked | Code::TooEarly) => "closed",
        Some(Code::PastCutoff) => "past_cutoff",
        Some(Code::Full | Code::Insufficient | Code::WaitlistFirst) => "full",
        None | Some(_) => match (units_free, capacity) {
            (Some(0), _) => "full",
            (Some(free), Some(capacity)) if capacity > 1 && free <= capacity / 5 => "few_left",
            (_, _) => "open",
        },
    }
}
