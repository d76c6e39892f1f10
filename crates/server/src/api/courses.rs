//! The catalogue of courses: sections of one term with the same subject and number, how full each is, and until when.
//! It judges nothing: what is shown is one look at the sections, and registering is judged when it is asked.

use super::Problems;
use super::resources::words;
use crate::app::App;
use crate::auth::Asker;
use crate::extract::{Query, page_size};
use crate::problem::{FieldError, Problem};
use crate::standing;
use crate::wire::{CourseBody, IntervalBody, Page, RequirementBody, time};
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use slotwise_domain::{Calendar, Course, Cutoff, Instant, Kind, PersonId, Resource, ResourceId, Scope, UseId, World};
use slotwise_engine::{ResourceFilter, catalogue};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Sections that one request looks at; if a filter passes over more, the page ends early and says how to go on.
const SECTIONS_MAX: usize = 20_000;

/// Which courses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CoursesQuery {
    /// In this term, a group.
    term: Option<Uuid>,
    /// Of this subject.
    subject: Option<String>,
    /// This number of it.
    number: Option<String>,
    /// With sections in which the words begin like all of these: of subject, number, title, section, part, instructor or name.
    q: Option<String>,
    /// Only with a section that has something left for newcomers.
    open: Option<bool>,
    /// At most so many, 200 at the most.
    limit: Option<usize>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A course of a term.
#[derive(Debug, Serialize, ToSchema)]
pub struct CourseListed {
    /// The term, a group; null if its sections are in none.
    #[schema(required = true)]
    term: Option<Uuid>,
    /// What the term is called.
    term_name: Option<String>,
    /// Such as `MATH`.
    subject: String,
    /// Such as `20B`.
    number: String,
    /// What it is called.
    title: String,
    /// What its sections are of it, such as `discussion` and `lecture`.
    parts: BTreeSet<String>,
    /// How many of its sections have something left for newcomers.
    open_sections: usize,
    /// Its sections, those that match, by part and then section.
    sections: Vec<SectionListed>,
}

/// A section and how full it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct SectionListed {
    /// The resource: what is booked.
    id: Uuid,
    /// Its name.
    name: String,
    /// What it is a section of, and when it meets.
    course: CourseBody,
    /// Where its civil times are read.
    zone: String,
    /// The time that a booking takes.
    interval: Option<IntervalBody>,
    /// How many seats; null is without limit.
    #[schema(required = true)]
    capacity: Option<u32>,
    /// Seats left for newcomers; null is without limit.
    #[schema(required = true)]
    remaining: Option<u32>,
    /// Seats that are free and owed to those who wait.
    owed: u32,
    /// How many wait.
    waiting: usize,
    /// How many may wait; null where nobody can.
    #[schema(required = true)]
    waitlist: Option<usize>,
    /// The status people see: `open`, `few_left`, `full`, `waitlist`, `held`, `closed` or `past_cutoff`.
    badge: Option<&'static str>,
    /// Of each list, one goes with it.
    linked: Vec<Vec<Uuid>>,
    /// What somebody must be to register; all of them.
    requires: Vec<RequirementBody>,
    /// A booking of it waits for approval, unless an admin makes it.
    approval: bool,
    /// When registration opens; null if it always was.
    opens_at: Option<String>,
    /// When it is too late to add it.
    add_by: Option<String>,
    /// When it is too late to drop it.
    drop_by: Option<String>,
    /// One's own booking of it.
    booking: Option<Uuid>,
    /// One's own place in its waitlist.
    entry: Option<Uuid>,
    /// Edits name it in `If-Match`.
    policy_version: u64,
    /// Raised by a restore.
    epoch: u32,
    /// Raised by every change.
    version: u64,
}

/// Courses and what they can be filtered by.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoursesBody {
    /// Them, by subject and number.
    #[serde(flatten)]
    page: Page<CourseListed>,
    /// How many courses of each subject match, were the subject not asked for.
    subjects: BTreeMap<String, usize>,
}

/// In the order in which courses are listed: `MATH 2` before `MATH 10`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    subject: String,
    numeric: u64,
    number: String,
    term: Option<ResourceId>,
}

impl Named {
    fn new(subject: &str, number: &str, term: Option<ResourceId>) -> Named {
        let digits: String =
            number.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        let numeric = digits.parse().unwrap_or(u64::MAX);
        Named { subject: subject.into(), numeric, number: number.into(), term }
    }

    fn of(resource: &Resource) -> Option<Named> {
        let course = resource.spec.course.as_ref()?;
        Some(Named::new(&course.subject, &course.number, resource.spec.group.as_ref().map(|g| g.id)))
    }

    fn cursor(&self) -> String {
        let term = self.term.map_or_else(String::new, |term| term.0.to_string());
        format!("{term}.{}.{}{}", self.subject.len(), self.subject, self.number)
    }

    fn read(cursor: &str) -> Option<Named> {
        let (term, rest) = cursor.split_once('.')?;
        let (length, rest) = rest.split_once('.')?;
        let (subject, number) = rest.split_at_checked(length.parse().ok()?)?;
        let term = if term.is_empty() { None } else { Some(ResourceId(term.parse().ok()?)) };
        Some(Named::new(subject, number, term))
    }
}

/// Courses with their sections, all as of one look.
#[utoipa::path(get, operation_id = "list_courses", path = "/api/courses", tag = "courses", params(CoursesQuery),
    responses((status = 200, body = CoursesBody), Problems))]
pub async fn list(
    State(app): State<App>,
    asker: Asker,
    Query(q): Query<CoursesQuery>,
) -> Result<Json<CoursesBody>, Problem> {
    let max = page_size(q.limit)?;
    let bad = || Problem::field(FieldError::new("after", "not_understood", "must be the next of a page"));
    let after = q.after.as_deref().map(|cursor| Named::read(cursor).ok_or_else(bad)).transpose()?;
    let filter = ResourceFilter {
        kind: Some(Kind::Section),
        group: q.term.map(ResourceId),
        words: words(q.q.as_deref())?,
        max: usize::MAX,
        ..ResourceFilter::default()
    };
    let mut courses: BTreeMap<Named, Vec<Arc<Resource>>> = BTreeMap::new();
    for resource in catalogue::read(app.views.catalogue()).resources(&filter) {
        if let Some(named) = Named::of(&resource).filter(|named| q.number.as_ref().is_none_or(|n| *n == named.number)) {
            courses.entry(named).or_default().push(resource);
        }
    }
    let mut subjects: BTreeMap<String, usize> = BTreeMap::new();
    for named in courses.keys() {
        *subjects.entry(named.subject.clone()).or_default() += 1;
    }
    courses.retain(|named, _| {
        q.subject.as_ref().is_none_or(|s| *s == named.subject) && after.as_ref().is_none_or(|after| named > after)
    });
    // With a filter on what is open all are looked at, as far as one request goes; else those of the page.
    let only_open = q.open == Some(true);
    let mut looked_at = 0;
    let within = |sections: &[Arc<Resource>]| {
        looked_at += sections.len();
        looked_at <= SECTIONS_MAX
    };
    let most = if only_open { usize::MAX } else { max };
    let all = courses.len();
    let looked: Vec<(Named, Vec<Arc<Resource>>)> = {
        let mut within = within;
        courses.into_iter().take(most).take_while(|(_, sections)| within(sections)).collect()
    };
    let resources = looked.iter().flat_map(|(_, sections)| sections).map(|r| r.id).collect();
    let world = app.engine.look(Scope { resources, ..Scope::default() }).await?;
    let now = app.engine.now();
    let (mut items, mut last, mut seen) = (Vec::new(), None, 0);
    for (named, sections) in &looked {
        if items.len() == max {
            break;
        }
        (last, seen) = (Some(named), seen + 1);
        let listed = listed(&app, &world, named, sections, asker.id, now);
        if !only_open || listed.open_sections > 0 {
            items.push(listed);
        }
    }
    let next = last.filter(|_| seen < all).map(Named::cursor);
    Ok(Json(CoursesBody { page: Page { items, next, as_of: time(now) }, subjects }))
}

fn listed(
    app: &App,
    world: &World,
    named: &Named,
    sections: &[Arc<Resource>],
    asker: PersonId,
    now: Instant,
) -> CourseListed {
    let courses = || sections.iter().filter_map(|r| r.spec.course.as_deref());
    let calendars = sections.iter().filter_map(|r| world.calendars.get(&r.id));
    let mut shown: Vec<SectionListed> = calendars.filter_map(|c| section(c, asker, now)).collect();
    shown.sort_by(|a, b| {
        let key = |s: &SectionListed| (s.course.part.clone(), s.course.section.clone(), s.id);
        key(a).cmp(&key(b))
    });
    CourseListed {
        term: named.term.map(|term| term.0),
        term_name: named.term.and_then(|term| app.resource(term)).map(|term| term.spec.name.clone()),
        subject: named.subject.clone(),
        number: named.number.clone(),
        title: courses().next().map_or_else(String::new, |course| course.title.clone()),
        parts: courses().filter_map(|course| course.part.clone()).collect(),
        open_sections: shown.iter().filter(|s| matches!(s.badge, Some("open" | "few_left"))).count(),
        sections: shown,
    }
}

fn section(calendar: &Calendar, asker: PersonId, now: Instant) -> Option<SectionListed> {
    let (resource, spec) = (&calendar.resource, &calendar.resource.spec);
    let course: &Course = spec.course.as_deref()?;
    let standing = standing::of_its_own_time(calendar, now);
    let interval = spec.interval?;
    let cutoff = |cutoff: Option<Cutoff>| cutoff.map(|c| time(c.instant(interval.start(), &spec.zone)));
    let theirs = calendar.uses.values().filter(|u| u.owner == asker);
    let booking = theirs.filter_map(|u| match u.id {
        UseId::Booking(id, _) => Some(id.0),
        UseId::Hold(_) => None,
    });
    Some(SectionListed {
        id: resource.id.0,
        name: spec.name.clone(),
        course: CourseBody::from(course),
        zone: spec.zone.name().to_owned(),
        interval: Some(IntervalBody::from(interval)),
        capacity: spec.capacity,
        remaining: standing.as_ref().and_then(|s| s.left),
        owed: standing.as_ref().map_or(0, |s| s.owed),
        waiting: calendar.waiting.len(),
        waitlist: spec.policy.waitlist.map(|w| w.entries_max()),
        badge: standing.map(|s| s.badge),
        linked: spec.linked.iter().map(|list| list.iter().map(|id| id.0).collect()).collect(),
        requires: spec.policy.eligibility.iter().map(RequirementBody::from).collect(),
        opens_at: cutoff(spec.policy.book_from),
        approval: spec.policy.approval,
        add_by: cutoff(spec.policy.book_by),
        drop_by: cutoff(spec.policy.cancel_by),
        booking: booking.min(),
        entry: calendar.waiting.values().find(|e| e.owner == asker).map(|e| e.id.0),
        policy_version: resource.policy_version,
        epoch: calendar.version.epoch.0,
        version: calendar.version.number,
    })
}
