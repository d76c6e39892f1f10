//! Resources, courses and blocks as JSON, and their way into the domain and back.
//! It judges no edit.

use super::{
    DisplacedRef, HoursBody, IntervalBody, KindBody, PolicyBody, PolicyRequest, read_date, read_interval, time,
};
use crate::problem::{FieldError, Problem};
use crate::standing;
use jiff::civil;
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Block, Calendar, Course, Grouped, Instant, Meeting, Policy, Resource, ResourceId, ResourcePatch, ResourceSpec,
    Version, Zone,
};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a section is a section of. Sections of one group with the same subject and number are one course.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CourseBody {
    /// Such as `MATH`.
    pub subject: String,
    /// Such as `20B`.
    pub number: String,
    /// What the course is called.
    pub title: String,
    /// Which section this is, such as `001`.
    pub section: String,
    /// What it is of the course, such as `lecture`, `discussion` or `lab`.
    pub part: Option<String>,
    /// What it counts for, exact to hundredths, at most 100.
    pub credits: Option<f64>,
    /// Who teaches it.
    pub instructor: Option<String>,
    /// When it meets, at most 20; without any it meets at no fixed time.
    #[serde(default)]
    pub meetings: Vec<MeetingBody>,
}

/// Something that is the same every week, by the clock of the resource's zone.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetingBody {
    /// Of `mo tu we th fr sa su`.
    pub days: Vec<String>,
    /// Begins, such as `10:00`.
    pub from: String,
    /// Ends, such as `10:50`.
    pub to: String,
    /// From this day on, such as `2027-01-04`.
    pub first: String,
    /// The last day on which it may be.
    pub last: String,
    /// Where.
    pub place: Option<String>,
}

/// What is said of credits that are no whole number of hundredths.
pub(super) const TWO_DECIMALS: &str = "must have at most two decimals";

/// A number of hundredths; none if it is not exactly so many. Of decimals that were sent, the nearest number of two says which it was.
pub(super) fn hundredths(number: f64) -> Option<f64> {
    let whole = (number * 100.0).round();
    ((number * 100.0 - whole).abs() < 1e-6).then_some(whole)
}

/// Credits in hundredths.
pub(super) fn read_credits(credits: f64, field: &str) -> Result<u16, FieldError> {
    let bad = |detail| Err(FieldError::new(field, "not_understood", detail));
    match hundredths(credits) {
        Some(hundredths) if (0.0..=f64::from(Policy::CREDITS_MAX)).contains(&hundredths) => Ok(hundredths as u16),
        Some(_) => bad("must be between 0 and 100"),
        None => bad(TWO_DECIMALS),
    }
}

impl CourseBody {
    fn read(&self) -> Result<Arc<Course>, FieldError> {
        let bad = |field: &str, detail| FieldError::new(field, "not_understood", detail);
        let credits = self.credits.map(|credits| read_credits(credits, "course.credits")).transpose()?;
        let meeting = |(n, m): (usize, &MeetingBody)| {
            let within = |name: &str| format!("course.meetings[{n}].{name}");
            let hours = HoursBody { days: m.days.clone(), from: m.from.clone(), to: m.to.clone() };
            let hours = hours.read(&format!("course.meetings[{n}]"))?;
            let date = |name: &str, text: &str| -> Result<civil::Date, FieldError> {
                read_date(text).ok_or_else(|| bad(&within(name), "must be a date such as 2027-01-04"))
            };
            let (first, last) = (date("first", &m.first)?, date("last", &m.last)?);
            Ok(Meeting { hours, first, last, place: m.place.clone() })
        };
        Ok(Arc::new(Course {
            subject: self.subject.clone(),
            number: self.number.clone(),
            title: self.title.clone(),
            section: self.section.clone(),
            part: self.part.clone(),
            credits,
            instructor: self.instructor.clone(),
            meetings: self.meetings.iter().enumerate().map(meeting).collect::<Result<_, _>>()?,
        }))
    }
}

impl From<&Course> for CourseBody {
    fn from(course: &Course) -> CourseBody {
        let meeting = |m: &Meeting| {
            let HoursBody { days, from, to } = HoursBody::from(&m.hours);
            MeetingBody { days, from, to, first: m.first.to_string(), last: m.last.to_string(), place: m.place.clone() }
        };
        CourseBody {
            subject: course.subject.clone(),
            number: course.number.clone(),
            title: course.title.clone(),
            section: course.section.clone(),
            part: course.part.clone(),
            credits: course.credits.map(|hundredths| f64::from(hundredths) / 100.0),
            instructor: course.instructor.clone(),
            meetings: course.meetings.iter().map(meeting).collect(),
        }
    }
}

/// A resource to be made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceRequest {
    /// What it is.
    pub kind: KindBody,
    /// Its name for people.
    pub name: String,
    /// Where it is.
    pub building: Option<String>,
    /// How many people fit in.
    pub seats: Option<u32>,
    /// What it has.
    #[serde(default)]
    pub equipment: Vec<String>,
    /// An IANA time zone.
    pub zone: String,
    /// How many units it has; null is without limit. Left out: 1. A group has none.
    #[serde(default = "one_unit")]
    pub capacity: Option<u32>,
    /// For sections and sessions.
    pub interval: Option<IntervalBody>,
    /// Its rules. In a group, those that are left out follow it.
    #[serde(default)]
    #[schema(value_type = PolicyBody)]
    pub policy: PolicyRequest,
    /// The group it is in.
    pub group: Option<Uuid>,
    /// For sections: of each list, one must be booked with it, or before it.
    #[serde(default)]
    pub linked: Vec<Vec<Uuid>>,
    /// For sections: what it is a section of, and when it meets.
    pub course: Option<CourseBody>,
}

const fn one_unit() -> Option<u32> {
    Some(1)
}

fn read_zone(name: &str) -> Result<Zone, FieldError> {
    Zone::named(name).map_err(|e| FieldError::new("zone", "not_a_zone", &e.to_string()))
}

impl ResourceRequest {
    /// As the domain has it, checked.
    pub fn read(&self) -> Result<ResourceSpec, Problem> {
        let zone = read_zone(&self.zone).map_err(Problem::field)?;
        let interval = match &self.interval {
            Some(i) => Some(read_interval(&i.start, &i.end, "interval.", Some(&zone)).map_err(Problem::fields)?),
            None => None,
        };
        let (policy, own) = self.policy.read(self.kind.into(), &zone).map_err(Problem::field)?;
        // A group is not booked, so what is said for all that can be is not meant for it.
        let one_by_default = matches!(self.kind, KindBody::Group) && self.capacity == one_unit();
        let spec = ResourceSpec {
            kind: self.kind.into(),
            name: self.name.clone(),
            building: self.building.clone(),
            seats: self.seats,
            equipment: self.equipment.clone(),
            zone,
            capacity: self.capacity.filter(|_| !one_by_default),
            interval,
            policy,
            group: self.group.map(|id| Grouped { id: ResourceId(id), own }),
            linked: read_linked(&self.linked),
            course: self.course.as_ref().map(CourseBody::read).transpose().map_err(Problem::field)?,
        };
        spec.checked().map_err(|e| Problem::field(FieldError::new(e.field, "out_of_range", e.says)))
    }
}

fn read_linked(linked: &[Vec<Uuid>]) -> Vec<Vec<ResourceId>> {
    linked.iter().map(|list| list.iter().copied().map(ResourceId).collect()).collect()
}

/// An edit of a resource: what is there replaces, `null` takes away.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResourceEdit {
    /// Its name.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// Where it is.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub building: Option<Option<String>>,
    /// How many people fit in.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub seats: Option<Option<u32>>,
    /// What it has.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub equipment: Option<Vec<String>>,
    /// An IANA time zone.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub zone: Option<String>,
    /// How many units it has.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub capacity: Option<Option<u32>>,
    /// For sections and sessions.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub interval: Option<IntervalBody>,
    /// Its rules, all of them. In a group, those that are left out follow it; else they are as in the default policy.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<PolicyBody>, nullable = false)]
    pub policy: Option<PolicyRequest>,
    /// The group it is in. Who joins one without naming a policy follows it in everything; who leaves it keeps the rules as they are.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub group: Option<Option<Uuid>>,
    /// For sections: of each list, one must be booked with it, or before it. No list for none.
    #[serde(deserialize_with = "present")]
    #[schema(nullable = false)]
    pub linked: Option<Vec<Vec<Uuid>>>,
    /// For sections: what it is a section of, and when it meets. When it meets stays while somebody is in it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CourseBody>)]
    pub course: Option<Option<CourseBody>>,
    /// Why, where it is done to what is somebody else's; they are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Tells `null` from absent.
pub(super) fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

impl ResourceEdit {
    /// As the domain has it. `spec` is the resource's, for civil times and for what its kind has by default.
    pub fn read(&self, spec: &ResourceSpec) -> Result<ResourcePatch, Problem> {
        let zone = &spec.zone;
        let new_zone = self.zone.as_deref().map(read_zone).transpose().map_err(Problem::field)?;
        let zone = new_zone.as_ref().unwrap_or(zone);
        let interval = match &self.interval {
            Some(i) => Some(Some(read_interval(&i.start, &i.end, "interval.", Some(zone)).map_err(Problem::fields)?)),
            None => None,
        };
        let policy = self.policy.as_ref().map(|p| p.read(spec.kind, zone)).transpose().map_err(Problem::field)?;
        let own = policy.as_ref().map(|(_, own)| own.clone()).unwrap_or_default();
        let course = match &self.course {
            Some(course) => Some(course.as_ref().map(CourseBody::read).transpose().map_err(Problem::field)?),
            None => None,
        };
        Ok(ResourcePatch {
            name: self.name.clone(),
            building: self.building.clone(),
            seats: self.seats,
            equipment: self.equipment.clone(),
            zone: new_zone,
            capacity: self.capacity,
            interval,
            policy: policy.map(|(policy, _)| policy),
            own,
            group: self.group.map(|group| group.map(ResourceId)),
            linked: self.linked.as_deref().map(read_linked),
            course,
        })
    }
}

/// A resource.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResourceBody {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    pub kind: KindBody,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub building: Option<String>,
    /// How many people fit in.
    pub seats: Option<u32>,
    /// What it has.
    pub equipment: Vec<String>,
    /// Its IANA time zone.
    pub zone: String,
    /// How many units it has; null is without limit.
    pub capacity: Option<u32>,
    /// For sections and sessions.
    pub interval: Option<IntervalBody>,
    /// Its rules, all of them.
    pub policy: PolicyBody,
    /// The group it is in.
    pub group: Option<Uuid>,
    /// The rules it says itself; all others follow the group. Empty where it is in none.
    pub policy_own: Vec<&'static str>,
    /// For sections: of each list, one must be booked with it, or before it.
    pub linked: Vec<Vec<Uuid>>,
    /// For sections: what it is a section of, and when it meets.
    pub course: Option<CourseBody>,
    /// Edits name it in `If-Match`.
    pub policy_version: u64,
    /// Raised by a restore.
    pub epoch: u32,
    /// Raised by every change.
    pub version: u64,
    /// Time out of use.
    pub blocks: Vec<BlockBody>,
    /// So many units more than it has may be taken, because an admin said so.
    pub over_commit: u32,
    /// Units left of a section or session; null without limit, and for what is booked for any time.
    pub remaining: Option<u32>,
    /// Units of a section or session that are free and owed to those who wait.
    pub owed: u32,
    /// How many wait for it, at any time.
    pub waiting: usize,
    /// The status people see of a section or session, for everybody alike: `open`, `few_left`, `full`, `waitlist`, `held`,
    /// `closed`, `past_cutoff` or `overbooked`; null for what is booked for any time.
    pub badge: Option<&'static str>,
    /// The server's clock.
    pub as_of: String,
}

impl ResourceBody {
    /// A resource at a version, with the blocks that are not over.
    pub fn of(resource: &Resource, version: Version, blocks: Vec<BlockBody>, as_of: Instant) -> ResourceBody {
        let spec = &resource.spec;
        ResourceBody {
            id: resource.id.0,
            kind: spec.kind.into(),
            name: spec.name.clone(),
            building: spec.building.clone(),
            seats: spec.seats,
            equipment: spec.equipment.clone(),
            zone: spec.zone.name().to_owned(),
            capacity: spec.capacity,
            interval: spec.interval.map(IntervalBody::from),
            policy: PolicyBody::from(&spec.policy),
            group: spec.group.as_ref().map(|g| g.id.0),
            policy_own: spec.group.iter().flat_map(|g| &g.own).map(|field| field.name()).collect(),
            linked: spec.linked.iter().map(|list| list.iter().map(|id| id.0).collect()).collect(),
            course: spec.course.as_deref().map(CourseBody::from),
            policy_version: resource.policy_version,
            epoch: version.epoch.0,
            version: version.number,
            blocks,
            over_commit: 0,
            remaining: None,
            owed: 0,
            waiting: 0,
            badge: None,
            as_of: time(as_of),
        }
    }

    /// The resource of a calendar.
    pub fn of_calendar(calendar: &Calendar, as_of: Instant) -> ResourceBody {
        let blocks = calendar.blocks.values().filter(|b| b.interval.end() > as_of).map(BlockBody::from).collect();
        let standing = standing::of_its_own_time(calendar, as_of);
        ResourceBody {
            remaining: standing.as_ref().and_then(|s| s.left),
            owed: standing.as_ref().map_or(0, |s| s.owed),
            waiting: calendar.waiting.len(),
            badge: standing.map(|s| s.badge),
            over_commit: calendar.over_commit,
            ..ResourceBody::of(&calendar.resource, calendar.version, blocks, as_of)
        }
    }
}

/// Time to be taken out of use.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockRequest {
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// Why; people are told.
    pub reason: String,
    /// Void live holds on that time instead of being refused.
    #[serde(default)]
    pub over_holds: bool,
    /// Displace bookings on that time instead of being refused: exactly these; ask for a displacement preview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub displaces: Option<Vec<DisplacedRef>>,
    /// People whose bookings stay, and who may book there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_people: Vec<Uuid>,
    /// Bookings that stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except_bookings: Vec<Uuid>,
}

/// Time out of use.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BlockBody {
    /// Its id.
    pub id: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// Why.
    pub reason: String,
    /// People whom it does not concern.
    pub except_people: Vec<Uuid>,
    /// Bookings that stay.
    pub except_bookings: Vec<Uuid>,
}

impl From<&Block> for BlockBody {
    fn from(b: &Block) -> BlockBody {
        BlockBody {
            id: b.id.0,
            start: time(b.interval.start()),
            end: time(b.interval.end()),
            reason: b.reason.clone(),
            except_people: b.exceptions.people.iter().map(|p| p.0).collect(),
            except_bookings: b.exceptions.bookings.iter().map(|b| b.0).collect(),
        }
    }
}
