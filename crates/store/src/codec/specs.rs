//! What an admin says of a resource, as JSON that an older and a newer version read.
//! It judges no policy.

use super::{
    At, Decoded, FORMAT, Malformed, at, hold_at_name, hold_at_named, interval, kind_name, kind_named, known,
    measure_name, measure_named, own_overlap_name, own_overlap_named, period_name, period_named, quota_scope_name,
    quota_scope_named, wait_fill_name, wait_fill_named, zone_named,
};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    CheckIn, Course, Cutoff, Grouped, Instant, Measure, Meeting, OpeningHours, Policy, PolicyField, Quota, Requirement,
    ResourceId, ResourceSpec, Span, WaitMode, Waitlist, Weekdays,
};
use std::sync::Arc;
use uuid::Uuid;

/// What an admin says of a resource.
pub fn encode_spec(spec: &ResourceSpec) -> Decoded<String> {
    Ok(serde_json::to_string(&StoredSpecJson { v: FORMAT, spec: SpecJson::of(spec) })?)
}

/// What an admin says of a resource, as [`encode_spec`] wrote it.
pub fn decode_spec(text: &str) -> Decoded<ResourceSpec> {
    let StoredSpecJson { v, spec } = serde_json::from_str(text)?;
    known(v)?;
    spec.spec()
}

#[derive(Serialize, Deserialize)]
struct StoredSpecJson {
    v: u32,
    #[serde(flatten)]
    spec: SpecJson,
}

#[derive(Serialize, Deserialize)]
struct SpecJson {
    kind: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    building: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seats: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    equipment: Vec<String>,
    zone: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval: Option<At>,
    policy: PolicyJson,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<GroupedJson>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    linked: Vec<Vec<Uuid>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    course: Option<CourseJson>,
}

#[derive(Serialize, Deserialize)]
struct CourseJson {
    subject: String,
    number: String,
    title: String,
    section: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credits: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instructor: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    meetings: Vec<MeetingJson>,
}

#[derive(Serialize, Deserialize)]
struct MeetingJson {
    #[serde(flatten)]
    hours: HoursJson,
    first: String,
    last: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

impl CourseJson {
    fn of(course: &Course) -> CourseJson {
        let meeting = |m: &Meeting| MeetingJson {
            hours: HoursJson::of(&m.hours),
            first: m.first.to_string(),
            last: m.last.to_string(),
            place: m.place.clone(),
        };
        let Course { subject, number, title, section, part, credits, instructor, meetings } = course.clone();
        let meetings = meetings.iter().map(meeting).collect();
        CourseJson { subject, number, title, section, part, credits, instructor, meetings }
    }

    fn course(self) -> Decoded<Arc<Course>> {
        let date = |text: &str| text.parse().map_err(|_| Malformed(format!("{text:?} is no date")));
        let meeting = |m: MeetingJson| {
            Ok(Meeting { hours: m.hours.hours()?, first: date(&m.first)?, last: date(&m.last)?, place: m.place })
        };
        Ok(Arc::new(Course {
            subject: self.subject,
            number: self.number,
            title: self.title,
            section: self.section,
            part: self.part,
            credits: self.credits,
            instructor: self.instructor,
            meetings: self.meetings.into_iter().map(meeting).collect::<Decoded<_>>()?,
        }))
    }
}

#[derive(Serialize, Deserialize)]
struct GroupedJson {
    id: Uuid,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    own: Vec<String>,
}

impl SpecJson {
    fn of(spec: &ResourceSpec) -> SpecJson {
        SpecJson {
            kind: kind_name(spec.kind).into(),
            name: spec.name.clone(),
            building: spec.building.clone(),
            seats: spec.seats,
            equipment: spec.equipment.clone(),
            zone: spec.zone.name().into(),
            capacity: spec.capacity,
            interval: spec.interval.map(at),
            policy: PolicyJson::of(&spec.policy),
            group: spec
                .group
                .as_ref()
                .map(|g| GroupedJson { id: g.id.0, own: g.own.iter().map(|field| field.name().to_owned()).collect() }),
            linked: spec.linked.iter().map(|list| list.iter().map(|id| id.0).collect()).collect(),
            course: spec.course.as_deref().map(CourseJson::of),
        }
    }

    fn spec(self) -> Decoded<ResourceSpec> {
        let zone = zone_named(&self.zone)?;
        Ok(ResourceSpec {
            kind: kind_named(&self.kind)?,
            name: self.name,
            building: self.building,
            seats: self.seats,
            equipment: self.equipment,
            zone,
            capacity: self.capacity,
            interval: self.interval.map(interval).transpose()?,
            policy: self.policy.policy()?,
            group: self.group.map(GroupedJson::grouped).transpose()?,
            linked: self.linked.into_iter().map(|list| list.into_iter().map(ResourceId).collect()).collect(),
            course: self.course.map(CourseJson::course).transpose()?,
        })
    }
}

impl GroupedJson {
    fn grouped(self) -> Decoded<Grouped> {
        let field = |name: &String| {
            PolicyField::named(name).ok_or_else(|| Malformed(format!("{name:?} is no field of a policy")))
        };
        Ok(Grouped { id: ResourceId(self.id), own: self.own.iter().map(field).collect::<Decoded<_>>()? })
    }
}

/// Spans are microseconds, as everywhere in the store.
#[derive(Serialize, Deserialize)]
struct PolicyJson {
    hold_at: String,
    hold_ttl: i64,
    setup: i64,
    teardown: i64,
    closed: bool,
    approval: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pending_takes: bool,
    own_overlap: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    opening_hours: Vec<HoursJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    book_from: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    book_by: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change_by: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cancel_by: Option<CutoffJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late_cancel_from: Option<CutoffJson>,
    /// How long before the start it opens, how long after it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    check_in: Option<(i64, i64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remind_before: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_max: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<QuotaJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credits: Option<u16>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    eligibility: Vec<RequirementJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waitlist: Option<WaitlistJson>,
}

#[derive(Serialize, Deserialize)]
struct QuotaJson {
    most: u32,
    /// Left out where units are counted, as they were when nothing else was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counts: Option<String>,
    period: String,
    scope: String,
}

impl QuotaJson {
    fn of(quota: Quota) -> QuotaJson {
        QuotaJson {
            most: quota.most,
            counts: (quota.counts != Measure::Units).then(|| measure_name(quota.counts).into()),
            period: period_name(quota.period).into(),
            scope: quota_scope_name(quota.scope).into(),
        }
    }

    fn quota(self) -> Decoded<Quota> {
        let counts = self.counts.map_or(Ok(Measure::Units), |name| measure_named(&name))?;
        let (period, scope) = (period_named(&self.period)?, quota_scope_named(&self.scope)?);
        Ok(Quota { most: self.most, counts, period, scope })
    }
}

#[derive(Serialize, Deserialize)]
struct RequirementJson {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    all: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    any: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    none: Vec<String>,
}

impl RequirementJson {
    fn of(requirement: &Requirement) -> RequirementJson {
        let Requirement { all, any, none } = requirement.clone();
        RequirementJson { all, any, none }
    }

    fn requirement(self) -> Requirement {
        Requirement { all: self.all, any: self.any, none: self.none }
    }
}

impl PolicyJson {
    fn of(policy: &Policy) -> PolicyJson {
        PolicyJson {
            hold_at: hold_at_name(policy.hold_at).into(),
            hold_ttl: policy.hold_ttl.0,
            setup: policy.setup.0,
            teardown: policy.teardown.0,
            closed: policy.closed,
            approval: policy.approval,
            pending_takes: policy.pending_takes,
            own_overlap: own_overlap_name(policy.own_overlap).into(),
            opening_hours: policy.opening_hours.iter().map(HoursJson::of).collect(),
            book_from: policy.book_from.map(CutoffJson::of),
            book_by: policy.book_by.map(CutoffJson::of),
            change_by: policy.change_by.map(CutoffJson::of),
            cancel_by: policy.cancel_by.map(CutoffJson::of),
            late_cancel_from: policy.late_cancel_from.map(CutoffJson::of),
            check_in: policy.check_in.map(|c| (c.opens.0, c.closes.0)),
            remind_before: policy.remind_before.map(|span| span.0),
            duration_max: policy.duration_max.map(|span| span.0),
            quota: policy.quota.map(QuotaJson::of),
            credits: policy.credits,
            eligibility: policy.eligibility.iter().map(RequirementJson::of).collect(),
            waitlist: policy.waitlist.map(WaitlistJson::of),
        }
    }

    fn policy(self) -> Decoded<Policy> {
        let cutoff = |cutoff: Option<CutoffJson>| cutoff.map(CutoffJson::cutoff).transpose();
        Ok(Policy {
            hold_at: hold_at_named(&self.hold_at)?,
            hold_ttl: Span(self.hold_ttl),
            setup: Span(self.setup),
            teardown: Span(self.teardown),
            closed: self.closed,
            approval: self.approval,
            pending_takes: self.pending_takes,
            own_overlap: own_overlap_named(&self.own_overlap)?,
            opening_hours: self.opening_hours.into_iter().map(HoursJson::hours).collect::<Decoded<_>>()?,
            book_from: cutoff(self.book_from)?,
            book_by: cutoff(self.book_by)?,
            change_by: cutoff(self.change_by)?,
            cancel_by: cutoff(self.cancel_by)?,
            late_cancel_from: cutoff(self.late_cancel_from)?,
            check_in: self.check_in.map(|(opens, closes)| CheckIn { opens: Span(opens), closes: Span(closes) }),
            remind_before: self.remind_before.map(Span),
            duration_max: self.duration_max.map(Span),
            quota: self.quota.map(QuotaJson::quota).transpose()?,
            credits: self.credits,
            eligibility: self.eligibility.into_iter().map(RequirementJson::requirement).collect(),
            waitlist: self.waitlist.map(WaitlistJson::waitlist).transpose()?,
        })
    }
}

/// With a time to live it offers, without one it books.
#[derive(Serialize, Deserialize)]
struct WaitlistJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    offer_ttl: Option<i64>,
    fill: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    capacity: Option<u32>,
}

impl WaitlistJson {
    fn of(waitlist: Waitlist) -> WaitlistJson {
        let offer_ttl = match waitlist.mode {
            WaitMode::Book => None,
            WaitMode::Offer { ttl } => Some(ttl.0),
        };
        WaitlistJson { offer_ttl, fill: wait_fill_name(waitlist.fill).into(), capacity: waitlist.capacity }
    }

    fn waitlist(self) -> Decoded<Waitlist> {
        let mode = self.offer_ttl.map_or(WaitMode::Book, |ttl| WaitMode::Offer { ttl: Span(ttl) });
        Ok(Waitlist { mode, fill: wait_fill_named(&self.fill)?, capacity: self.capacity })
    }
}

/// Days count from 1, Monday, to 7.
#[derive(Serialize, Deserialize)]
struct HoursJson {
    days: Vec<i8>,
    from_min: u16,
    to_min: u16,
}

impl HoursJson {
    fn of(hours: &OpeningHours) -> HoursJson {
        let days = hours.days.days().map(|day| day.to_monday_one_offset()).collect();
        HoursJson { days, from_min: hours.from_min, to_min: hours.to_min }
    }

    fn hours(self) -> Decoded<OpeningHours> {
        let day = |n: i8| {
            jiff::civil::Weekday::from_monday_one_offset(n).map_err(|_| Malformed(format!("{n} is no day of the week")))
        };
        let days = self.days.into_iter().map(day).collect::<Decoded<Weekdays>>()?;
        Ok(OpeningHours { days, from_min: self.from_min, to_min: self.to_min })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CutoffJson {
    Elapsed(i64),
    Civil { days_before: u16, at: String },
    At(i64),
}

impl CutoffJson {
    fn of(cutoff: Cutoff) -> CutoffJson {
        match cutoff {
            Cutoff::Elapsed(span) => CutoffJson::Elapsed(span.0),
            Cutoff::Civil { days_before, at } => CutoffJson::Civil { days_before, at: at.to_string() },
            Cutoff::At(at) => CutoffJson::At(at.0),
        }
    }

    fn cutoff(self) -> Decoded<Cutoff> {
        Ok(match self {
            CutoffJson::Elapsed(span) => Cutoff::Elapsed(Span(span)),
            CutoffJson::At(at) => Cutoff::At(Instant(at)),
            CutoffJson::Civil { days_before, at } => {
                let at = at.parse().map_err(|_| Malformed(format!("{at:?} is no time of day")))?;
                Cutoff::Civil { days_before, at }
            }
        })
    }
}
