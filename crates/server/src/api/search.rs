//! Search: every resource that matches, with whether it could be booked right now, and why not.
//! It asks the same judgement as a booking, so it never says "free" by another rule.

use super::Problems;
use super::resources::FacetsBody;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Query, page_size};
use crate::find::{Found, Search, Sighting, WINDOW_LONGEST, When, find};
use crate::problem::{FieldError, Problem, WitnessBody};
use crate::standing;
use crate::wire::{HoldAtBody, KindBody, read_time_if, time};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use slotwise_domain::{Calendar, Interval, Kind, Rejection, Resource, ResourceId, Span, World, Zone};
use slotwise_engine::ResourceFilter;
use slotwise_engine::catalogue::{self, Order};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The longest window in which a first free time is looked for, in minutes.
const WINDOW_MAX_MIN: u32 = (WINDOW_LONGEST.whole_seconds() / 60) as u32;

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// From; a civil time is read in each resource's zone.
    start: Option<String>,
    /// Until.
    end: Option<String>,
    /// Instead of `start`: the beginning of a window, seven days at most, in which the first free time is told of each resource.
    from: Option<String>,
    /// The end of the window.
    to: Option<String>,
    /// How many minutes within the window.
    duration_min: Option<u32>,
    /// How many units; 1 if left out.
    units: Option<u32>,
    /// How many people must fit in. What is too small is told as not free.
    people: Option<u32>,
    /// Only what is known to have at least so many seats.
    seats_min: Option<u32>,
    /// Only what is known to have at most so many seats.
    seats_max: Option<u32>,
    /// In this group.
    group: Option<Uuid>,
    /// All of these, separated by commas.
    equipment: Option<String>,
    /// In this building; may be given several times, for any of them.
    #[serde(default)]
    building: Vec<String>,
    /// Of this kind.
    kind: Option<KindBody>,
    /// With words that begin like all of these, in name, building or equipment; accents and case make no difference.
    q: Option<String>,
    /// Only what is free.
    free: Option<bool>,
    /// In which order; `best` if left out.
    sort: Option<SortBody>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// An order of what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SortBody {
    /// Free before not free, then the fewest seats that suffice, then by name.
    #[default]
    Best,
    /// By name, free or not.
    Name,
    /// The fewest seats first, free or not.
    Seats,
}

/// A resource in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundResource {
    /// Its id.
    id: Uuid,
    /// What it is.
    kind: KindBody,
    /// Its name.
    pub name: String,
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
    /// A booking of it waits for approval, unless an admin makes it.
    approval: bool,
}

impl FoundResource {
    /// What is told of it in a list.
    pub fn of(resource: &Resource) -> FoundResource {
        let spec = &resource.spec;
        FoundResource {
            id: resource.id.0,
            kind: spec.kind.into(),
            name: spec.name.clone(),
            building: spec.building.clone(),
            seats: spec.seats,
            equipment: spec.equipment.clone(),
            zone: Zone::name(&spec.zone).to_owned(),
            capacity: spec.capacity,
            policy_version: resource.policy_version,
            approval: spec.policy.approval,
        }
    }
}

/// Why something is not free.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonBody {
    /// A code of a refusal.
    pub code: &'static str,
    /// For the person.
    pub detail: String,
    /// Which rule.
    pub rule: Option<&'static str>,
    /// What stands there.
    pub witness: Option<WitnessBody>,
}

/// A resource, and whether it could be booked.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundBody {
    /// The resource.
    pub resource: FoundResource,
    /// When, as it was understood in the resource's zone.
    pub start: String,
    /// Until when.
    pub end: String,
    /// Whether it could be booked now.
    free: bool,
    /// Why not.
    reason: Option<ReasonBody>,
    /// `open`, `few_left`, `full`, `waitlist`, `held`, `closed` or `past_cutoff`.
    badge: &'static str,
    /// Units left at the fullest instant; null without limit. What is owed to those who wait is not among them.
    units_free: Option<u32>,
    /// Units free and owed to those who wait.
    owed: u32,
    /// How many wait for a time that meets it.
    waiting: usize,
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
    /// In the order asked for.
    items: Vec<FoundBody>,
    /// How many match, free or not.
    total: usize,
    /// How many of them are free.
    total_free: usize,
    /// What filters can choose from, among what matches. Kinds and buildings are counted as if none were chosen.
    facets: FacetsBody,
    /// The `after` of the next page; null on the last.
    next: Option<String>,
    /// The server's clock.
    as_of: String,
}

/// Resources that match, with whether they could be booked and why not.
#[utoipa::path(get, operation_id = "search", path = "/api/search", tag = "search", params(SearchQuery), responses((status = 200, body = SearchBody), Problems))]
pub async fn search(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<SearchQuery>,
) -> Result<Json<SearchBody>, Problem> {
    let limit = page_size(q.limit)?;
    let sort = q.sort.unwrap_or_default();
    let order = match sort {
        SortBody::Name => Order::Name,
        SortBody::Best | SortBody::Seats => Order::Seats,
    };
    let after = q.after.as_deref().map(|text| read_cursor(&app, text, order)).transpose()?;
    let when = q.when()?;
    let search = Search {
        filter: ResourceFilter {
            kind: q.kind.map(Kind::from),
            buildings: buildings(q.building)?,
            equipment: equipment(q.equipment.as_deref())?,
            words: super::resources::words(q.q.as_deref())?,
            group: q.group.map(ResourceId),
            seats_min: q.seats_min,
            seats_max: q.seats_max,
            ..ResourceFilter::default()
        },
        order,
        when,
        units: q.units.unwrap_or(1),
        people: q.people,
        asker: &asker,
        now: app.engine.now(),
    };
    let Found { all, facets, mut world } = find(&app, &search).await?;
    let total_free = all.iter().filter(|s| s.free).count();
    // What is not free comes behind what is, where that is asked for; a cursor is a place in that order.
    let group = |s: &Sighting| sort == SortBody::Best && !s.free;
    let wanted = |s: &&Sighting| {
        (s.free || q.free != Some(true)) && after.is_none_or(|after| (group(s), s.matched.rank) > after)
    };
    let (first, last) = (all.iter().filter(|s| !group(s)), all.iter().filter(|s| group(s)));
    let page: Vec<Sighting> = first.chain(last).filter(wanted).take(limit + 1).copied().collect();
    let next = (page.len() > limit).then(|| page.get(limit - 1)).flatten();
    let next = next.map(|s| format!("{}.{}", if group(s) { "taken" } else { "free" }, s.matched.id));
    let page = &page[..page.len().min(limit)];
    let items = bodies(&app, &search, &mut world, page).await?;
    let facets = FacetsBody::from(facets);
    Ok(Json(SearchBody { items, total: all.len(), total_free, facets, next, as_of: time(search.now) }))
}

impl SearchQuery {
    fn when(&self) -> Result<When, Problem> {
        let bad = |field, code, says| Err(Problem::field(FieldError::new(field, code, says)));
        let missing = |field| bad(field, "missing", "is missing");
        // What is no time at all is told whatever matches; the rest is read in each zone.
        for (field, text) in [("start", &self.start), ("end", &self.end), ("from", &self.from), ("to", &self.to)] {
            read_time_if(text.as_ref(), field, Some(&Zone::utc()))?;
        }
        match (&self.start, &self.end, &self.from, &self.to, self.duration_min) {
            (Some(start), Some(end), None, None, None) => Ok(When::Told(start.clone(), end.clone())),
            (None, None, None, None, None) => Ok(When::Whenever),
            (Some(_), None, None, None, None) => missing("end"),
            (None, Some(_), None, None, None) => missing("start"),
            (None, None, Some(_), Some(_), Some(minutes)) if !(1..=WINDOW_MAX_MIN).contains(&minutes) => {
                bad("duration_min", "out_of_range", "must be between 1 minute and 7 days")
            }
            (None, None, Some(from), Some(to), Some(minutes)) => {
                Ok(When::Within(from.clone(), to.clone(), Span::minutes(i64::from(minutes))))
            }
            (None, None, None, ..) => missing("from"),
            (None, None, _, None, _) => missing("to"),
            (None, None, _, _, None) => missing("duration_min"),
            (..) => bad("from", "not_both", "must be left out with start and end"),
        }
    }
}

/// A place in the order: whether in its second group, and where among all resources.
fn read_cursor(app: &App, text: &str, order: Order) -> Result<(bool, u32), Problem> {
    let cursor = text.split_once('.').and_then(|(group, id)| {
        let group = match group {
            "free" => false,
            "taken" => true,
            _ => return None,
        };
        Some((group, catalogue::read(app.views.catalogue()).rank(order, ResourceId(id.parse().ok()?))?))
    });
    cursor.ok_or_else(|| Problem::field(FieldError::new("after", "not_understood", "must be the next of a page")))
}

/// The buildings of a filter, fifty at the most.
pub fn buildings(buildings: Vec<String>) -> Result<Vec<String>, Problem> {
    match buildings.len() <= 50 {
        true => Ok(buildings),
        false => Err(Problem::field(FieldError::new("building", "too_many", "must be at most 50"))),
    }
}

/// The equipment of a filter, twenty things at the most.
pub fn equipment(list: Option<&str>) -> Result<Vec<String>, Problem> {
    let all = list.unwrap_or_default().split(',').map(|e| e.trim().to_lowercase()).filter(|e| !e.is_empty());
    let all: Vec<String> = all.collect();
    match all.len() <= 20 {
        true => Ok(all),
        false => Err(Problem::field(FieldError::new("equipment", "too_many", "must be at most 20"))),
    }
}

/// What was seen, judged once more each and put in words; what is gone is left out.
pub async fn bodies(
    app: &App,
    search: &Search<'_>,
    world: &mut World,
    seen: &[Sighting],
) -> Result<Vec<FoundBody>, Problem> {
    let calendars = app.views.calendars(seen.iter().map(|s| s.matched.id).collect()).await?;
    let mut items = Vec::with_capacity(seen.len());
    let mut seen = seen.iter();
    for calendar in calendars {
        let Some(sighting) = seen.find(|s| s.matched.id == calendar.resource.id) else { break };
        let refused = search.wish(world, calendar.clone()).refused(sighting.interval);
        items.push(body(app, search, &calendar, sighting.interval, refused).await);
    }
    Ok(items)
}

/// A resource at a time, and why it is not free if it is not.
pub async fn body(
    app: &App,
    search: &Search<'_>,
    calendar: &Calendar,
    interval: Interval,
    refused: Option<Rejection>,
) -> FoundBody {
    let (resource, spec) = (&calendar.resource, &calendar.resource.spec);
    let code = refused.as_ref().map(|r| r.code);
    let standing = standing::of(calendar, interval, Some(search.asker.id), code, search.now);
    let reason = match refused {
        Some(rejection) => {
            let shown = app.shown(search.asker, &rejection).await;
            let rule = rejection.rule.map(slotwise_domain::Rule::name);
            Some(ReasonBody { code: rejection.code.name(), detail: shown.detail, rule, witness: shown.witness })
        }
        None => None,
    };
    FoundBody {
        resource: FoundResource::of(resource),
        start: time(interval.start()),
        end: time(interval.end()),
        free: code.is_none(),
        badge: standing.badge,
        reason,
        units_free: standing.left,
        owed: standing.owed,
        waiting: standing.waiting,
        hold_at: spec.policy.hold_at.into(),
        epoch: calendar.version.epoch.0,
        version: calendar.version.number,
    }
}
