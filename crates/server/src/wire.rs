//! What travels as JSON, and its way into the domain and back. All parsing ends here; no domain type is serialised anywhere else.
//! It judges nothing: what is well formed goes on, what is not is named field by field.

mod admin;

pub use admin::*;

use crate::problem::{FieldError, Problem, Shown, WitnessBody};
use crate::standing;
use jiff::civil;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::{
    Became, Block, Booking, BookingState, Calendar, CheckIn, Contract, Course, Cutoff, DateSaid, Details, DetailsPatch,
    EntryEnd, FencingToken, Fingerprint, Grouped, Guest, Hold, HoldAt, HoldRef, Instant, Interval, Kind, Measure,
    Meeting, OpeningHours, OwnOverlap, Period, PersonId, Policy, PolicyField, Quota, QuotaScope, Requirement, Resource,
    ResourceId, ResourcePatch, ResourceSpec, Role, Seen, Slot, Span, Version, WaitEntry, WaitFill, WaitMode, Waitlist,
    Wants, Weekdays, Zone, check_in_window,
};
use slotwise_domain::{Epoch, HoldId};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What was asked, hashed: the operation, whom it is about, and the body as it was understood.
pub fn fingerprint(operation: &str, about: &str, body: &impl Serialize) -> Fingerprint {
    let mut hash = Sha256::new();
    hash.update(operation);
    hash.update([0]);
    hash.update(about);
    hash.update([0]);
    // Our own request types always serialise: they hold strings, numbers and lists.
    hash.update(serde_json::to_vec(body).unwrap_or_default());
    Fingerprint(hash.finalize().into())
}

/// An instant as it is told.
pub fn time(t: Instant) -> String {
    t.to_string()
}

const NOT_A_TIME: &str = "must be a time such as 2026-11-23T18:00:00Z, or 2026-11-23T10:00 in the resource's zone";

/// Whether the text has the one form that is documented: a date, `T`, a time with minutes, seconds below 60 and up to six decimals if
/// wanted, and `Z` or an offset if it is an instant. The parser behind it knows many more, and reads some as something else.
fn as_documented(text: &str) -> bool {
    let shaped = |part: &str, shape: &str| {
        part.len() == shape.len()
            && part.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
    };
    let (Some(date), Some(b'T'), Some(clock)) = (text.get(..10), text.as_bytes().get(10), text.get(11..)) else {
        return false;
    };
    let offset = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(offset);
    let (whole, decimals) = clock.split_once('.').map_or((clock, None), |(whole, decimals)| (whole, Some(decimals)));
    let with_seconds = shaped(whole, "00:00:00") && !whole.ends_with(":60");
    shaped(date, "0000-00-00")
        && (with_seconds || (shaped(whole, "00:00") && decimals.is_none()))
        && decimals.is_none_or(|d| (1..=6).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
        && (offset.is_empty() || offset == "Z" || shaped(offset, "+00:00") || shaped(offset, "-00:00"))
}

/// Whether a time has no offset, so that a zone is needed to read it.
pub fn is_civil(text: &str) -> bool {
    text.get(11..).is_some_and(|clock| !clock.contains(['Z', '+', '-']))
}

/// Reads an instant with an offset, or a civil time in the resource's zone.
pub fn read_time(text: &str, field: &str, zone: Option<&Zone>) -> Result<Instant, FieldError> {
    let bad = |code, detail: &str| Err(FieldError::new(field, code, detail));
    if !as_documented(text) {
        return bad("not_a_time", NOT_A_TIME);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.into());
    }
    let Ok(civil) = text.parse::<civil::DateTime>() else {
        return bad(
            "not_a_time",
            "must be a time such as 2026-11-23T18:00:00Z, or 2026-11-23T10:00 in the resource's zone",
        );
    };
    let Some(zone) = zone else {
        return bad("offset_missing", "needs an offset here, such as 2026-11-23T18:00:00Z");
    };
    match zone.rules().to_ambiguous_timestamp(civil).unambiguous() {
        Ok(timestamp) => Ok(timestamp.into()),
        Err(_)
            if zone
                .rules()
                .to_ambiguous_timestamp(civil)
                .later()
                .is_ok_and(|t| t.to_zoned(zone.rules().clone()).datetime() == civil) =>
        {
            bad("in_fold", &format!("happens twice in {}, clocks are set back; give it an offset", zone.name()))
        }
        Err(_) => bad("in_gap", &format!("does not exist in {}, clocks are set forward then", zone.name())),
    }
}

/// Reads a time that may be left out.
pub fn read_time_if(text: Option<&String>, field: &str, zone: Option<&Zone>) -> Result<Option<Instant>, Problem> {
    text.map(|t| read_time(t, field, zone)).transpose().map_err(Problem::field)
}

/// Reads an interval from two fields.
pub fn read_interval(start: &str, end: &str, prefix: &str, zone: Option<&Zone>) -> Result<Interval, Vec<FieldError>> {
    read_interval_named(start, end, [&format!("{prefix}start"), &format!("{prefix}end")], zone)
}

/// Reads an interval from two fields of these names.
pub fn read_interval_named(
    start: &str,
    end: &str,
    [start_field, end_field]: [&str; 2],
    zone: Option<&Zone>,
) -> Result<Interval, Vec<FieldError>> {
    match (read_time(start, start_field, zone), read_time(end, end_field, zone)) {
        (Ok(start), Ok(end)) => Interval::new(start, end).map_err(|e| {
            let code = match e {
                slotwise_domain::IntervalError::EndNotAfterStart => "end_not_after_start",
                slotwise_domain::IntervalError::TooLong => "too_long",
                slotwise_domain::IntervalError::OutOfRange => "out_of_range",
            };
            vec![FieldError::new(end_field, code, &e.to_string())]
        }),
        (start, end) => Err([start.err(), end.err()].into_iter().flatten().collect()),
    }
}

/// A version of a resource.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VersionBody {
    /// Raised by a restore.
    pub epoch: u32,
    /// Raised by every change.
    pub version: u64,
}

impl From<Version> for VersionBody {
    fn from(v: Version) -> VersionBody {
        VersionBody { epoch: v.epoch.0, version: v.number }
    }
}

impl From<VersionBody> for Version {
    fn from(v: VersionBody) -> Version {
        Version { epoch: Epoch(v.epoch), number: v.version }
    }
}

/// The version of one resource.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ResourceVersion {
    /// Which resource.
    pub resource: Uuid,
    /// Raised by a restore.
    pub epoch: u32,
    /// Raised by every change.
    pub version: u64,
}

impl From<(ResourceId, Version)> for ResourceVersion {
    fn from((id, v): (ResourceId, Version)) -> ResourceVersion {
        ResourceVersion { resource: id.0, epoch: v.epoch.0, version: v.number }
    }
}

/// What a screen showed. Recorded; binds nothing.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenBody {
    /// The epoch shown.
    pub epoch: u32,
    /// The version shown.
    pub version: u64,
    /// The `as_of` shown.
    pub as_of: String,
}

impl SeenBody {
    /// As the domain has it.
    pub fn read(&self) -> Result<Seen, Problem> {
        let as_of = read_time(&self.as_of, "seen.as_of", None).map_err(Problem::field)?;
        Ok(Seen { version: VersionBody { epoch: self.epoch, version: self.version }.into(), as_of })
    }
}

/// What a resource is.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindBody {
    /// A room.
    Room,
    /// A section of a course.
    Section,
    /// A session of a class.
    Session,
    /// A thing to lend.
    Equipment,
    /// A building, a term, a studio: not booked itself. What is in it follows its policy.
    Group,
}

impl From<Kind> for KindBody {
    fn from(k: Kind) -> KindBody {
        match k {
            Kind::Room => KindBody::Room,
            Kind::Section => KindBody::Section,
            Kind::Session => KindBody::Session,
            Kind::Equipment => KindBody::Equipment,
            Kind::Group => KindBody::Group,
        }
    }
}

impl From<KindBody> for Kind {
    fn from(k: KindBody) -> Kind {
        match k {
            KindBody::Room => Kind::Room,
            KindBody::Section => Kind::Section,
            KindBody::Session => Kind::Session,
            KindBody::Equipment => Kind::Equipment,
            KindBody::Group => Kind::Group,
        }
    }
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RoleBody {
    /// Books.
    Member,
    /// Makes and edits resources.
    Admin,
    /// Does on named resources and groups what an admin does.
    Manager,
    /// Sees all, changes nothing.
    Auditor,
}

impl From<RoleBody> for Role {
    fn from(r: RoleBody) -> Role {
        match r {
            RoleBody::Member => Role::Member,
            RoleBody::Admin => Role::Admin,
            RoleBody::Manager => Role::Manager,
            RoleBody::Auditor => Role::Auditor,
        }
    }
}

impl From<Role> for RoleBody {
    fn from(r: Role) -> RoleBody {
        match r {
            Role::Member => RoleBody::Member,
            Role::Admin => RoleBody::Admin,
            Role::Manager => RoleBody::Manager,
            Role::Auditor => RoleBody::Auditor,
        }
    }
}

/// `{"elapsed_s": 86400}` before the start of a booking, `{"days_before": 1, "at": "18:00"}` in the resource's zone, or, whatever the
/// start, `{"at": "2027-01-15T17:00"}`: an instant with its offset, or by the clock of the resource's zone.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CutoffBody {
    /// So much elapsed time before.
    Elapsed(ElapsedCutoff),
    /// At a civil time so many days before.
    Civil(CivilCutoff),
    /// At an instant of its own.
    At(CutoffAt),
}

/// So much elapsed time before the start.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ElapsedCutoff {
    /// Seconds before the start.
    pub elapsed_s: i64,
}

/// A civil time on a day before the day of the start.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CivilCutoff {
    /// 0 is the day of the start.
    pub days_before: u16,
    /// Such as `18:00`.
    pub at: String,
}

/// An instant that does not depend on the start. What has one time for all can be booked until then though it has begun.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CutoffAt {
    /// Such as `2027-01-15T17:00` in the resource's zone, or `2027-01-16T01:00:00Z`; told with `Z`.
    pub at: String,
}

impl CutoffBody {
    fn read(&self, field: &str, zone: &Zone) -> Result<Cutoff, FieldError> {
        match self {
            CutoffBody::At(c) => read_time(&c.at, field, Some(zone)).map(Cutoff::At),
            CutoffBody::Elapsed(e) => Ok(Cutoff::Elapsed(Span::seconds(e.elapsed_s))),
            CutoffBody::Civil(c) => {
                let at =
                    c.at.parse()
                        .map_err(|_| FieldError::new(field, "not_a_time", "must be a time of day such as 18:00"))?;
                Ok(Cutoff::Civil { days_before: c.days_before, at })
            }
        }
    }
}

impl From<Cutoff> for CutoffBody {
    fn from(c: Cutoff) -> CutoffBody {
        match c {
            Cutoff::At(at) => CutoffBody::At(CutoffAt { at: time(at) }),
            Cutoff::Elapsed(span) => CutoffBody::Elapsed(ElapsedCutoff { elapsed_s: span.whole_seconds() }),
            Cutoff::Civil { days_before, at } => {
                CutoffBody::Civil(CivilCutoff { days_before, at: at.strftime("%H:%M").to_string() })
            }
        }
    }
}

/// Opening hours on some days.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoursBody {
    /// Of `mo tu we th fr sa su`.
    pub days: Vec<String>,
    /// Opens, such as `08:00`.
    pub from: String,
    /// Closes, such as `22:00`; `24:00` is the end of the day.
    pub to: String,
}

const DAYS: [(&str, civil::Weekday); 7] = [
    ("mo", civil::Weekday::Monday),
    ("tu", civil::Weekday::Tuesday),
    ("we", civil::Weekday::Wednesday),
    ("th", civil::Weekday::Thursday),
    ("fr", civil::Weekday::Friday),
    ("sa", civil::Weekday::Saturday),
    ("su", civil::Weekday::Sunday),
];

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 24 && minutes < 60 && hours * 60 + minutes <= 1440).then_some(hours * 60 + minutes)
}

fn clock_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl HoursBody {
    fn read(&self, field: &str) -> Result<OpeningHours, FieldError> {
        let bad = |detail| FieldError::new(field, "not_hours", detail);
        let day = |d: &String| DAYS.iter().find(|(name, _)| name == d).map(|(_, day)| *day);
        let days: Option<Weekdays> = self.days.iter().map(day).collect();
        let days = days.ok_or_else(|| bad("days are mo, tu, we, th, fr, sa, su"))?;
        let at = |text: &str| minute(text).ok_or_else(|| bad("times are such as 08:00, at the latest 24:00"));
        Ok(OpeningHours { days, from_min: at(&self.from)?, to_min: at(&self.to)? })
    }
}

impl From<&OpeningHours> for HoursBody {
    fn from(h: &OpeningHours) -> HoursBody {
        let name = |d| DAYS.iter().find(|(_, day)| *day == d).map_or("", |(name, _)| *name).to_owned();
        HoursBody { days: h.days.days().map(name).collect(), from: clock_text(h.from_min), to: clock_text(h.to_min) }
    }
}

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

/// Credits in hundredths.
fn read_credits(credits: f64, field: &str) -> Result<u16, FieldError> {
    match (credits * 100.0).round() {
        hundredths if (0.0..=f64::from(Policy::CREDITS_MAX)).contains(&hundredths) => Ok(hundredths as u16),
        _ => Err(FieldError::new(field, "not_understood", "must be between 0 and 100")),
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
                text.parse().map_err(|_| bad(&within(name), "must be a date such as 2027-01-04"))
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

/// The rules of a resource. What is left out is as in the default policy.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyBody {
    /// When a hold is taken on the way to a booking: `confirm`, `claim` or `none`.
    pub hold_at: HoldAtBody,
    /// How long a hold lives, in seconds.
    pub hold_ttl_s: i64,
    /// Time before a booking that it takes too, in seconds.
    pub setup_s: i64,
    /// Time after a booking that it takes too, in seconds.
    pub teardown_s: i64,
    /// Out of service.
    pub closed: bool,
    /// Bookings wait for an admin's approval.
    pub approval: bool,
    /// What waits for approval takes its units meanwhile.
    pub pending_takes: bool,
    /// Whether one person may have two at once.
    pub own_overlap: OwnOverlapBody,
    /// When it is open; empty means always.
    pub opening_hours: Vec<HoursBody>,
    /// From then on booking is open.
    pub book_from: Option<CutoffBody>,
    /// Booking is too late from then on.
    pub book_by: Option<CutoffBody>,
    /// Changing is too late from then on.
    pub change_by: Option<CutoffBody>,
    /// Cancelling is too late from then on.
    pub cancel_by: Option<CutoffBody>,
    /// Cancelling is late from then on: allowed, and marked so.
    pub late_cancel_from: Option<CutoffBody>,
    /// When people say that they are there; null asks nobody to.
    pub check_in: Option<CheckInBody>,
    /// So many seconds before `change_by` and before `cancel_by`, whoever has booked is reminded.
    pub remind_before_s: Option<i64>,
    /// The longest booking, in seconds.
    pub duration_max_s: Option<i64>,
    /// How much one person may book in a period.
    pub quota: Option<QuotaBody>,
    /// What a unit is worth under a quota of credits, exact to hundredths; null is what its course says, and 1 for what is of no course.
    #[serde(serialize_with = "whole_if")]
    pub credits: Option<f64>,
    /// What a person must be to book; all of them.
    pub eligibility: Vec<RequirementBody>,
    /// How those who wait get what comes free; null is no waitlist. Left out: sections book, sessions offer for an hour, others have none.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<WaitlistBody>)]
    pub waitlist: Option<Option<WaitlistBody>>,
}

/// How those who wait get what comes free.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitlistBody {
    /// `book` or `offer`.
    pub mode: WaitModeBody,
    /// How long an offer stands, in seconds; left out: an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offer_ttl_s: Option<i64>,
    /// `skip` or `strict`; left out: `skip`.
    #[serde(default)]
    pub fill: WaitFillBody,
    /// How many may wait at once; left out or null: 1000.
    pub capacity: Option<u32>,
}

/// What whoever is next gets.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitModeBody {
    /// A booking, at once.
    Book,
    /// An offer with a deadline.
    Offer,
}

/// Who is next.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaitFillBody {
    /// The first whom it fits.
    #[default]
    Skip,
    /// The first: what is free is kept until it suffices.
    Strict,
}

impl From<Waitlist> for WaitlistBody {
    fn from(w: Waitlist) -> WaitlistBody {
        let (mode, offer_ttl_s) = match w.mode {
            WaitMode::Book => (WaitModeBody::Book, None),
            WaitMode::Offer { ttl } => (WaitModeBody::Offer, Some(ttl.whole_seconds())),
        };
        let fill = match w.fill {
            WaitFill::Skip => WaitFillBody::Skip,
            WaitFill::Strict => WaitFillBody::Strict,
        };
        WaitlistBody { mode, offer_ttl_s, fill, capacity: w.capacity }
    }
}

impl WaitlistBody {
    fn read(self) -> Result<Waitlist, FieldError> {
        let mode = match (self.mode, self.offer_ttl_s) {
            (WaitModeBody::Book, None) => WaitMode::Book,
            (WaitModeBody::Book, Some(_)) => {
                let field = "policy.waitlist.offer_ttl_s";
                return Err(FieldError::new(field, "not_understood", "is for offers; leave it out to book"));
            }
            (WaitModeBody::Offer, ttl) => WaitMode::Offer { ttl: Span::seconds(ttl.unwrap_or(3_600)) },
        };
        let fill = match self.fill {
            WaitFillBody::Skip => WaitFill::Skip,
            WaitFillBody::Strict => WaitFill::Strict,
        };
        Ok(Waitlist { mode, fill, capacity: self.capacity })
    }
}

/// How much one person may book in a period: of their active bookings that begin in it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaBody {
    /// So many units or credits; a person's allowance stands in its place. Credits are exact to hundredths.
    #[serde(serialize_with = "whole")]
    pub most: f64,
    /// What is counted: `units`, or `credits` that they are worth.
    #[serde(default)]
    pub counts: MeasureBody,
    /// A stretch of civil time in the resource's zone.
    pub period: PeriodBody,
    /// What counts together.
    #[serde(default)]
    pub scope: QuotaScopeBody,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MeasureBody {
    /// Units.
    #[default]
    Units,
    /// What they are worth.
    Credits,
}

impl From<Measure> for MeasureBody {
    fn from(m: Measure) -> MeasureBody {
        match m {
            Measure::Units => MeasureBody::Units,
            Measure::Credits => MeasureBody::Credits,
        }
    }
}

/// So much of what is counted, as people say it.
pub fn amount(counts: Measure, n: u64) -> f64 {
    match counts {
        Measure::Units => n as f64,
        Measure::Credits => n as f64 / 100.0,
    }
}

/// A number without a fraction is told without one.
pub fn whole<S: serde::Serializer>(n: &f64, to: S) -> Result<S::Ok, S::Error> {
    match n.fract() == 0.0 && (0.0..=1e15).contains(n) {
        true => to.serialize_u64(*n as u64),
        false => to.serialize_f64(*n),
    }
}

/// The same, of a number that may be missing.
pub fn whole_if<S: serde::Serializer>(n: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    match n {
        Some(n) => whole(n, to),
        None => to.serialize_none(),
    }
}

/// A stretch of civil time.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PeriodBody {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From a first to the next.
    Month,
    /// All time.
    All,
}

/// What counts towards a quota together.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuotaScopeBody {
    /// Bookings of the resource.
    #[default]
    Resource,
    /// Bookings of everything in its group that counts so; of the resource alone if it is in none.
    Group,
}

impl From<Quota> for QuotaBody {
    fn from(q: Quota) -> QuotaBody {
        QuotaBody {
            most: amount(q.counts, q.most.into()),
            counts: q.counts.into(),
            period: match q.period {
                Period::Day => PeriodBody::Day,
                Period::Week => PeriodBody::Week,
                Period::Month => PeriodBody::Month,
                Period::All => PeriodBody::All,
            },
            scope: match q.scope {
                QuotaScope::Resource => QuotaScopeBody::Resource,
                QuotaScope::Group => QuotaScopeBody::Group,
            },
        }
    }
}

impl QuotaBody {
    fn read(self) -> Result<Quota, FieldError> {
        let q = self;
        let (counts, most) = match q.counts {
            MeasureBody::Units => (Measure::Units, q.most),
            MeasureBody::Credits => (Measure::Credits, (q.most * 100.0).round()),
        };
        let bad = |detail| Err(FieldError::new("policy.quota.most", "out_of_range", detail));
        if !(0.0..=f64::from(Policy::QUOTA_MAX)).contains(&most) {
            return bad("must be between 1 and 1000000 units, or up to 10000 credits");
        }
        if most.fract() != 0.0 {
            return bad("must be a whole number of units");
        }
        Ok(Quota {
            most: most as u32,
            counts,
            period: match q.period {
                PeriodBody::Day => Period::Day,
                PeriodBody::Week => Period::Week,
                PeriodBody::Month => Period::Month,
                PeriodBody::All => Period::All,
            },
            scope: match q.scope {
                QuotaScopeBody::Resource => QuotaScope::Resource,
                QuotaScopeBody::Group => QuotaScope::Group,
            },
        })
    }
}

/// One condition on whoever a booking is for. A tag that ends in `*` stands for all that begin so.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RequirementBody {
    /// They have all of these.
    pub all: Vec<String>,
    /// They have one of these, if there are any.
    pub any: Vec<String>,
    /// They have none of these.
    pub none: Vec<String>,
}

impl From<&Requirement> for RequirementBody {
    fn from(r: &Requirement) -> RequirementBody {
        RequirementBody { all: r.all.clone(), any: r.any.clone(), none: r.none.clone() }
    }
}

impl From<&RequirementBody> for Requirement {
    fn from(r: &RequirementBody) -> Requirement {
        Requirement { all: r.all.clone(), any: r.any.clone(), none: r.none.clone() }
    }
}

/// Rules as somebody sends them, and which of them they name: in a group, all others follow it.
#[derive(Clone, Debug, Default)]
pub struct PolicyRequest {
    named: BTreeSet<PolicyField>,
    policy: PolicyBody,
}

impl PolicyRequest {
    fn read(&self, kind: Kind, zone: &Zone) -> Result<(Policy, BTreeSet<PolicyField>), FieldError> {
        Ok((self.policy.read(kind, zone)?, self.named.clone()))
    }
}

impl Serialize for PolicyRequest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = serde_json::to_value(&self.policy).map_err(serde::ser::Error::custom)?;
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|name, _| PolicyField::named(name).is_none_or(|field| self.named.contains(&field)));
        }
        fields.serialize(to)
    }
}

impl<'de> Deserialize<'de> for PolicyRequest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<PolicyRequest, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = PolicyRequest;

            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("the rules of a resource")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PolicyRequest, A::Error> {
                let mut naming = Naming { map, named: BTreeSet::new() };
                let policy = PolicyBody::deserialize(MapAccessDeserializer::new(&mut naming))?;
                Ok(PolicyRequest { named: naming.named, policy })
            }
        }
        from.deserialize_map(Fields)
    }
}

/// A map that remembers which rules it named.
struct Naming<A> {
    map: A,
    named: BTreeSet<PolicyField>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for &mut Naming<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let Some(name) = self.map.next_key::<String>()? else { return Ok(None) };
        self.named.extend(PolicyField::named(&name));
        seed.deserialize(name.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// When a hold is taken.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HoldAtBody {
    /// When the person confirms.
    Confirm,
    /// When the dialog opens.
    Claim,
    /// Never.
    None,
}

/// Whether one person may have two bookings at once.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnOverlapBody {
    /// They may.
    Allow,
    /// They may not.
    Refuse,
}

impl Default for PolicyBody {
    fn default() -> PolicyBody {
        let mut policy = PolicyBody::from(&Policy::default());
        policy.waitlist = None;
        policy
    }
}

impl From<HoldAt> for HoldAtBody {
    fn from(h: HoldAt) -> HoldAtBody {
        match h {
            HoldAt::Confirm => HoldAtBody::Confirm,
            HoldAt::Claim => HoldAtBody::Claim,
            HoldAt::None => HoldAtBody::None,
        }
    }
}

impl From<&Policy> for PolicyBody {
    fn from(p: &Policy) -> PolicyBody {
        PolicyBody {
            hold_at: p.hold_at.into(),
            hold_ttl_s: p.hold_ttl.whole_seconds(),
            setup_s: p.setup.whole_seconds(),
            teardown_s: p.teardown.whole_seconds(),
            closed: p.closed,
            approval: p.approval,
            pending_takes: p.pending_takes,
            own_overlap: match p.own_overlap {
                OwnOverlap::Allow => OwnOverlapBody::Allow,
                OwnOverlap::Refuse => OwnOverlapBody::Refuse,
            },
            opening_hours: p.opening_hours.iter().map(HoursBody::from).collect(),
            book_from: p.book_from.map(CutoffBody::from),
            book_by: p.book_by.map(CutoffBody::from),
            change_by: p.change_by.map(CutoffBody::from),
            cancel_by: p.cancel_by.map(CutoffBody::from),
            late_cancel_from: p.late_cancel_from.map(CutoffBody::from),
            check_in: p
                .check_in
                .map(|c| CheckInBody { opens_s: c.opens.whole_seconds(), closes_s: c.closes.whole_seconds() }),
            remind_before_s: p.remind_before.map(Span::whole_seconds),
            duration_max_s: p.duration_max.map(Span::whole_seconds),
            quota: p.quota.map(QuotaBody::from),
            credits: p.credits.map(|hundredths| f64::from(hundredths) / 100.0),
            eligibility: p.eligibility.iter().map(RequirementBody::from).collect(),
            waitlist: Some(p.waitlist.map(WaitlistBody::from)),
        }
    }
}

impl PolicyBody {
    fn read(&self, kind: Kind, zone: &Zone) -> Result<Policy, FieldError> {
        let cutoff = |c: &Option<CutoffBody>, field| c.as_ref().map(|c| c.read(field, zone)).transpose();
        let policy = Policy {
            hold_at: match self.hold_at {
                HoldAtBody::Confirm => HoldAt::Confirm,
                HoldAtBody::Claim => HoldAt::Claim,
                HoldAtBody::None => HoldAt::None,
            },
            hold_ttl: Span::seconds(self.hold_ttl_s),
            setup: Span::seconds(self.setup_s),
            teardown: Span::seconds(self.teardown_s),
            closed: self.closed,
            approval: self.approval,
            pending_takes: self.pending_takes,
            own_overlap: match self.own_overlap {
                OwnOverlapBody::Allow => OwnOverlap::Allow,
                OwnOverlapBody::Refuse => OwnOverlap::Refuse,
            },
            opening_hours: self
                .opening_hours
                .iter()
                .map(|hours| hours.read("policy.opening_hours"))
                .collect::<Result<_, _>>()?,
            book_from: cutoff(&self.book_from, "policy.book_from.at")?,
            book_by: cutoff(&self.book_by, "policy.book_by.at")?,
            change_by: cutoff(&self.change_by, "policy.change_by.at")?,
            cancel_by: cutoff(&self.cancel_by, "policy.cancel_by.at")?,
            late_cancel_from: cutoff(&self.late_cancel_from, "policy.late_cancel_from.at")?,
            check_in: self
                .check_in
                .map(|c| CheckIn { opens: Span::seconds(c.opens_s), closes: Span::seconds(c.closes_s) }),
            remind_before: self.remind_before_s.map(Span::seconds),
            duration_max: self.duration_max_s.map(Span::seconds),
            quota: self.quota.map(QuotaBody::read).transpose()?,
            credits: self.credits.map(|credits| read_credits(credits, "policy.credits")).transpose()?,
            eligibility: self.eligibility.iter().map(Requirement::from).collect(),
            waitlist: match self.waitlist {
                Some(waitlist) => waitlist.map(WaitlistBody::read).transpose()?,
                // What waits for approval takes nothing, so nobody could be promoted.
                None => Waitlist::of_kind(kind).filter(|_| !self.approval),
            },
        };
        policy.check().map_err(|e| FieldError::new(&format!("policy.{}", e.field), "out_of_range", e.says))?;
        Ok(policy)
    }
}

/// An interval.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IntervalBody {
    /// Its first instant.
    pub start: String,
    /// The first instant after it.
    pub end: String,
}

impl From<Interval> for IntervalBody {
    fn from(i: Interval) -> IntervalBody {
        IntervalBody { start: time(i.start()), end: time(i.end()) }
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
    pub equipment: Option<Vec<String>>,
    /// An IANA time zone.
    pub zone: Option<String>,
    /// How many units it has.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub capacity: Option<Option<u32>>,
    /// For sections and sessions.
    pub interval: Option<IntervalBody>,
    /// Its rules, all of them. In a group, those that are left out follow it; else they are as in the default policy.
    #[schema(value_type = Option<PolicyBody>)]
    pub policy: Option<PolicyRequest>,
    /// The group it is in. Who joins one without naming a policy follows it in everything; who leaves it keeps the rules as they are.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub group: Option<Option<Uuid>>,
    /// For sections: of each list, one must be booked with it, or before it.
    pub linked: Option<Vec<Vec<Uuid>>>,
    /// For sections: what it is a section of, and when it meets. When it meets stays while somebody is in it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<CourseBody>)]
    pub course: Option<Option<CourseBody>>,
}

/// Tells `null` from absent.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
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

/// A line of a booking to be made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineRequest {
    /// Which resource.
    pub resource: Uuid,
    /// From; left out for sections and sessions.
    pub start: Option<String>,
    /// Until; left out for sections and sessions.
    pub end: Option<String>,
    /// How many units.
    #[serde(default = "one")]
    pub units: u32,
}

const fn one() -> u32 {
    1
}

/// A hold as its holder names it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRefBody {
    /// Its id.
    pub id: Uuid,
    /// The token of its grant.
    pub token: String,
}

impl HoldRefBody {
    /// As the domain has it.
    pub fn read(&self, field: &str) -> Result<HoldRef, Problem> {
        Ok(HoldRef { id: HoldId(self.id), token: read_token(&self.token, field)? })
    }
}

/// Reads a fencing token.
pub fn read_token(text: &str, field: &str) -> Result<FencingToken, Problem> {
    // Two dots: a version and a place.
    let read = || match text.rsplit_once('.') {
        Some((version, place)) if version.contains('.') => {
            Some(FencingToken(read_version(version)?, place.parse().ok().filter(|place| *place > 0)?))
        }
        Some(_) | None => Some(FencingToken(read_version(text)?, 0)),
    };
    read().ok_or_else(|| {
        Problem::field(FieldError::new(field, "not_a_token", "must be the token of the hold, such as 1.42"))
    })
}

/// Reads `epoch.version`.
pub fn read_version(text: &str) -> Option<Version> {
    let (epoch, number) = text.split_once('.')?;
    Some(Version { epoch: Epoch(epoch.parse().ok()?), number: number.parse().ok()? })
}

/// A booking to be made.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BookingRequest {
    /// What; all of it or nothing.
    pub lines: Vec<LineRequest>,
    /// A line for calendars.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// How many people come.
    pub people: Option<u32>,
    /// Who is invited, 100 at the most. Those who are people here see what is written inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<GuestBody>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// The hold this confirms.
    pub hold: Option<HoldRefBody>,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
    /// An admin's word over rules and over what stands there.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub over: Option<OverrideBody>,
}

/// Reads a booking's body as its handler does: JSON with the path of what is wrong, times with an offset, details. It is for
/// whoever counts what reading costs; the error is a text.
pub fn read_booking(json: &[u8]) -> Result<Vec<slotwise_domain::Line>, String> {
    let mut reader = serde_json::Deserializer::from_slice(json);
    let body: BookingRequest = serde_path_to_error::deserialize(&mut reader).map_err(|e| e.to_string())?;
    let wrong = |e: Vec<FieldError>| e.into_iter().map(|e| e.detail).collect::<Vec<_>>().join("; ");
    let read = |line: &LineRequest| {
        let interval = match (&line.start, &line.end) {
            (Some(start), Some(end)) => Some(read_interval(start, end, "", None).map_err(wrong)?),
            _ => None,
        };
        Ok(slotwise_domain::Line { resource: ResourceId(line.resource), interval, units: line.units })
    };
    let lines = body.lines.iter().map(read).collect();
    body.details().map_err(|_| "details".to_owned())?;
    lines
}

/// A booking in the source document's language.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomBookingRequest {
    /// Which room.
    #[serde(rename = "roomId")]
    pub room_id: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// A line for calendars.
    pub title: Option<String>,
    /// The hold this confirms.
    pub hold: Option<HoldRefBody>,
}

/// Reads what people say about a booking.
pub fn read_details(title: Option<&String>, purpose: Option<&String>, people: Option<u32>) -> Result<Details, Problem> {
    check_text(title, "title", 200).and_then(|()| check_text(purpose, "purpose", 2_000)).map_err(Problem::field)?;
    check_people(people).map_err(Problem::field)?;
    Ok(Details { title: title.cloned(), purpose: purpose.cloned(), people, ..Details::default() })
}

impl BookingRequest {
    /// What people say about it.
    pub fn details(&self) -> Result<Details, Problem> {
        let guests = read_guests(&self.guests)?;
        let details = read_details(self.title.as_ref(), self.purpose.as_ref(), self.people)?;
        Ok(Details { guests, private: self.private, ..details })
    }
}

/// Somebody who is invited: `{"person": id}`, or `{"name": "…"}` for anybody else.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum GuestBody {
    /// A person known here, by id.
    Person(Uuid),
    /// Anybody else, by name.
    Name(String),
}

impl From<&Guest> for GuestBody {
    fn from(guest: &Guest) -> GuestBody {
        match guest {
            Guest::Person(id) => GuestBody::Person(id.0),
            Guest::Named(name) => GuestBody::Name(name.clone()),
        }
    }
}

fn read_guests(guests: &[GuestBody]) -> Result<Vec<Guest>, Problem> {
    if guests.len() > Details::GUESTS_MAX {
        return Err(Problem::field(FieldError::new("guests", "too_many", "must be at most 100")));
    }
    let mut read = Vec::with_capacity(guests.len());
    for (n, guest) in guests.iter().enumerate() {
        read.push(match guest {
            GuestBody::Person(id) => Guest::Person(PersonId(*id)),
            GuestBody::Name(name) => {
                let field = format!("guests[{n}].name");
                check_text(Some(name), &field, 200).map_err(Problem::field)?;
                if name.trim().is_empty() {
                    return Err(Problem::field(FieldError::new(&field, "missing", "is missing")));
                }
                Guest::Named(name.clone())
            }
        });
    }
    Ok(read)
}

/// Bounds a text people write.
pub fn check_text(text: Option<&String>, field: &str, max: usize) -> Result<(), FieldError> {
    match text {
        Some(t) if t.chars().count() > max => {
            Err(FieldError::new(field, "too_long", &format!("must have at most {max} characters")))
        }
        Some(t) if t.chars().any(|c| c.is_control() && c != '\n') => {
            Err(FieldError::new(field, "control_character", "must not have control characters"))
        }
        Some(_) | None => Ok(()),
    }
}

fn check_people(people: Option<u32>) -> Result<(), FieldError> {
    match people {
        Some(n) if n == 0 || n > 1_000_000 => {
            Err(FieldError::new("people", "out_of_range", "must be between 1 and 1000000"))
        }
        Some(_) | None => Ok(()),
    }
}

/// An edit of what people say about a booking: what is there replaces, `null` takes away.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BookingEdit {
    /// A line for calendars.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Option<String>>,
    /// What it is for.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub purpose: Option<Option<String>>,
    /// How many people come.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    pub people: Option<Option<u32>>,
    /// Who is invited, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guests: Option<Vec<GuestBody>>,
    /// Whether others see only that the time is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,
}

impl BookingEdit {
    /// As the domain has it.
    pub fn read(&self) -> Result<DetailsPatch, Problem> {
        let (title, purpose) = (self.title.clone().flatten(), self.purpose.clone().flatten());
        read_details(title.as_ref(), purpose.as_ref(), self.people.flatten())?;
        let guests = self.guests.as_deref().map(read_guests).transpose()?;
        let (title, purpose) = (self.title.clone(), self.purpose.clone());
        Ok(DetailsPatch { title, purpose, people: self.people, guests, private: self.private })
    }
}

/// A booking to be put elsewhere.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    /// What it takes from then on, all of it; a line that stays is named too.
    pub lines: Vec<LineRequest>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
    /// An admin's word over rules and over what stands there.
    #[serde(rename = "override", default, skip_serializing_if = "Option::is_none")]
    pub over: Option<OverrideBody>,
}

/// Two bookings to take each other's places.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapRequest {
    /// The other booking.
    pub with: Uuid,
    /// The revision of this booking, if it is to be that one.
    pub revision: Option<u64>,
    /// The revision of the other, if it is to be that one.
    pub with_revision: Option<u64>,
}

/// A booking to be given up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CancelRequest {
    /// Why.
    pub reason: Option<String>,
}

/// Somebody, as others may see them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonBody {
    /// Their id.
    pub id: Uuid,
    /// Their name.
    pub name: String,
}

/// A line of a booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineBody {
    /// Which resource.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many units.
    pub units: u32,
    /// The resource's zone.
    pub zone: String,
}

impl LineBody {
    /// A slot with its resource, if that is at hand.
    pub fn of(slot: &Slot, resource: Option<&Resource>) -> LineBody {
        let spec = resource.map(|r| &r.spec);
        LineBody {
            resource: slot.resource.0,
            name: spec.map_or_else(String::new, |s| s.name.clone()),
            start: time(slot.interval.start()),
            end: time(slot.interval.end()),
            units: slot.units,
            zone: spec.map_or("UTC", |s| s.zone.name()).to_owned(),
        }
    }
}

/// A booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BookingBody {
    /// Its id.
    pub id: Uuid,
    /// `confirmed`, `pending`, `cancelled`, `checked_in`, `no_show` or `displaced`.
    pub state: &'static str,
    /// Whose, as far as one may know.
    pub owner: Option<PersonBody>,
    /// A line for calendars; for the owner, guests and admins.
    pub title: Option<String>,
    /// What it is for; for the owner, guests and admins.
    pub purpose: Option<String>,
    /// How many people come; for the owner, guests and admins.
    pub people: Option<u32>,
    /// Who is invited; for the owner, admins and guests.
    pub guests: Vec<GuestBody>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    pub private: bool,
    /// What it takes.
    pub lines: Vec<LineBody>,
    /// Which date of which series it is; for the owner and admins.
    pub occurrence: Option<OccurrenceBody>,
    /// Edits name it in `If-Match`.
    pub revision: u64,
    /// When it was decided first.
    pub created_at: String,
    /// When it was decided last.
    pub decided_at: String,
    /// When it was given up.
    pub cancelled_at: Option<String>,
    /// Whether that was later than the policy asks for.
    pub late: bool,
    /// Since when it is cancelled, checked in, a no-show or displaced.
    pub state_at: Option<String>,
    /// Why it was cancelled or displaced, if they said; for the owner and admins.
    pub state_reason: Option<String>,
    /// For what it was displaced; for the owner and admins.
    pub displaced_by: Option<DisplacerBody>,
    /// When its people can say that they are there; null if nobody asks.
    pub check_in: Option<IntervalBody>,
    /// Whether it is the asker's.
    pub mine: bool,
    /// Cancelling is too late from then on; null once nothing can become of it any more.
    pub cancel_by: Option<String>,
    /// The server's clock.
    pub as_of: String,
}

impl BookingBody {
    /// A booking as its owner, a guest or an admin sees it, or as others do (`inside` false). `resource` knows what it is of.
    pub fn of(
        b: &Booking,
        resource: &dyn Fn(ResourceId) -> Option<std::sync::Arc<Resource>>,
        owner: Option<PersonBody>,
        inside: bool,
        mine: bool,
        as_of: Instant,
    ) -> BookingBody {
        let nothing = (None, None, None, false);
        let (state_at, state_reason, displaced_by, late) = match &b.state {
            BookingState::Cancelled { at, reason, late, .. } => (Some(*at), reason.clone(), None, *late),
            BookingState::Displaced { at, reason, by_what, .. } => {
                (Some(*at), Some(reason.clone()), Some(DisplacerBody::from(*by_what)), false)
            }
            BookingState::CheckedIn { at, .. } | BookingState::NoShow { at } => (Some(*at), None, None, false),
            BookingState::Confirmed | BookingState::Pending { .. } => nothing,
        };
        let cancelled_at = state_at.filter(|_| matches!(b.state, BookingState::Cancelled { .. }));
        let rule = |id| resource(id)?.spec.policy.check_in;
        let check_in = check_in_window(b, rule).filter(|_| b.state == BookingState::Confirmed);
        let cutoff = |s: &Slot| {
            let resource = resource(s.resource)?;
            let spec = &resource.spec;
            Some(spec.policy.cancel_by?.instant(s.interval.start(), &spec.zone))
        };
        let cancel_by = b.slots.iter().filter_map(cutoff).fold(b.end(), Instant::min);
        BookingBody {
            id: b.id.0,
            state: b.state.name(),
            owner,
            title: b.details.title.clone().filter(|_| inside),
            purpose: b.details.purpose.clone().filter(|_| inside),
            people: b.details.people.filter(|_| inside),
            guests: b.details.guests.iter().filter(|_| inside).map(GuestBody::from).collect(),
            private: b.details.private,
            lines: b.slots.iter().map(|s| LineBody::of(s, resource(s.resource).as_deref())).collect(),
            occurrence: OccurrenceBody::of(b).filter(|_| inside),
            revision: b.revision,
            created_at: time(b.created_at),
            decided_at: time(b.decided_at),
            cancelled_at: cancelled_at.map(time),
            late,
            state_at: state_at.map(time),
            state_reason: state_reason.filter(|_| inside),
            displaced_by: displaced_by.filter(|_| inside),
            check_in: check_in.map(|(_, opens, closes)| IntervalBody { start: time(opens), end: time(closes) }),
            mine,
            cancel_by: (!b.state.is_final()).then(|| time(cancel_by)),
            as_of: time(as_of),
        }
    }
}

/// What happened to a booking, oldest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryBody {
    /// Which booking.
    pub booking: Uuid,
    /// One for each accepted command.
    pub steps: Vec<StepBody>,
    /// More happened after these.
    pub more: bool,
    /// How it was at the instant that was asked for; null if it did not exist then, or nothing was asked.
    #[schema(required = true)]
    pub then: Option<ThenBody>,
    /// The server's clock.
    pub as_of: String,
}

/// A booking as it was.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ThenBody {
    /// When.
    pub at: String,
    /// Whose it was; null for somebody who is forgotten.
    #[schema(required = true)]
    pub owner: Option<PersonBody>,
    /// `confirmed`, `pending` or `cancelled`.
    pub state: &'static str,
    /// Its revision.
    pub revision: u64,
    /// What it took.
    pub lines: Vec<LineBody>,
}

/// One thing that happened to a booking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepBody {
    /// `made`, `approved`, `moved`, `edited`, `cancelled`, `checked_in`, `no_show`, `handed_over` or `displaced`.
    pub what: &'static str,
    /// When it was decided.
    pub decided_at: String,
    /// Who did it; null for Slotwise itself, or somebody who is forgotten.
    pub by: Option<PersonBody>,
    /// The attempt's key.
    pub attempt: Uuid,
    /// Whose the booking was from then on.
    pub owner: Option<PersonBody>,
    /// The booking's state, from then on.
    pub state: &'static str,
    /// The booking's revision, after it.
    pub revision: u64,
    /// The versions it made.
    pub versions: Vec<ResourceVersion>,
    /// What it took until then: of a move and a cancellation.
    pub from: Vec<LineBody>,
    /// What it takes from then on.
    pub to: Vec<LineBody>,
    /// Why, if they said.
    pub reason: Option<String>,
    /// Whether it was an admin's word against a rule or over others.
    pub overrode: bool,
}

/// Units to be kept.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Which resource.
    pub resource: Uuid,
    /// From; left out for sections and sessions.
    pub start: Option<String>,
    /// Until; left out for sections and sessions.
    pub end: Option<String>,
    /// How many units.
    #[serde(default = "one")]
    pub units: u32,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
}

/// The token of a hold.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// The token of its grant.
    pub token: String,
}

/// A hold.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HoldBody {
    /// Its id.
    pub id: Uuid,
    /// The token of its grant; for its holder only.
    pub token: Option<String>,
    /// Of which resource.
    pub resource: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many units.
    pub units: u32,
    /// From then on it counts for nothing.
    pub expires_at: String,
    /// When it was granted.
    pub granted_at: String,
    /// How often it can be renewed.
    pub renewals_left: u32,
    /// Whether it is the asker's.
    pub mine: bool,
    /// Whose, in a list, for admins, auditors and whoever manages the resource.
    pub owner: Option<PersonBody>,
    /// Whether it is an offer to somebody who waits, which stands until its own deadline.
    pub offer: bool,
    /// The server's clock.
    pub as_of: String,
}

impl HoldBody {
    /// A hold as its holder sees it, or as others do.
    pub fn of(h: &Hold, mine: bool, as_of: Instant) -> HoldBody {
        HoldBody {
            id: h.id.0,
            token: mine.then(|| h.token.to_string()),
            resource: h.resource.0,
            start: time(h.interval.start()),
            end: time(h.interval.end()),
            units: h.units,
            expires_at: time(h.expires_at),
            granted_at: time(h.granted_at),
            renewals_left: Policy::RENEWALS_MAX.saturating_sub(h.renewals),
            mine,
            owner: None,
            offer: h.offer.is_some(),
            as_of: time(as_of),
        }
    }
}

/// A civil time, without an offset: in the zone of a series.
pub fn read_civil(text: &str, field: &str) -> Result<civil::DateTime, FieldError> {
    const CIVIL: &str = "must be a civil time without an offset, such as 2026-11-23T10:00";
    let civil = as_documented(text).then(|| text.parse::<civil::DateTime>().ok()).flatten();
    civil.filter(|_| is_civil(text)).ok_or_else(|| FieldError::new(field, "not_a_civil_time", CIVIL))
}

/// What a series promises.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractBody {
    /// All of its dates or nothing.
    #[default]
    AllOrNothing,
    /// The dates that can be had.
    SkipConflicts,
    /// Where a date cannot be had, the nearest time on the same resource.
    BestAlternative,
}

impl From<ContractBody> for Contract {
    fn from(c: ContractBody) -> Contract {
        match c {
            ContractBody::AllOrNothing => Contract::AllOrNothing,
            ContractBody::SkipConflicts => Contract::SkipConflicts,
            ContractBody::BestAlternative => Contract::BestAlternative,
        }
    }
}

impl From<Contract> for ContractBody {
    fn from(c: Contract) -> ContractBody {
        match c {
            Contract::AllOrNothing => ContractBody::AllOrNothing,
            Contract::SkipConflicts => ContractBody::SkipConflicts,
            Contract::BestAlternative => ContractBody::BestAlternative,
        }
    }
}

/// A series to be booked: one booking for each date of a rule.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeriesRequest {
    /// Which resource.
    pub resource: Uuid,
    /// The civil time at which the rule begins; it is a date only if the rule names it.
    pub start: String,
    /// The civil time at which a date that begins then ends.
    pub end: String,
    /// The IANA zone of the civil times; the resource's if left out.
    pub zone: Option<String>,
    /// RFC 5545: `FREQ=WEEKLY;COUNT=10;BYDAY=TU`, and lines of `RDATE:` and `EXDATE:` after it if wanted. Days and coarser.
    pub rule: String,
    /// What becomes of it if not all dates can be had.
    #[serde(default)]
    pub contract: ContractBody,
    /// How many units, each time.
    #[serde(default = "one")]
    pub units: u32,
    /// A line for calendars.
    pub title: Option<String>,
    /// What it is for.
    pub purpose: Option<String>,
    /// How many people come.
    pub people: Option<u32>,
    /// Who is invited to each date, 100 at the most. Those who are people here see what is written inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guests: Vec<GuestBody>,
    /// Others see that the time is taken, and neither whose it is nor what for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
}

impl SeriesRequest {
    /// What people say about each date.
    pub fn details(&self) -> Result<Details, Problem> {
        let guests = read_guests(&self.guests)?;
        let details = read_details(self.title.as_ref(), self.purpose.as_ref(), self.people)?;
        Ok(Details { guests, private: self.private, ..details })
    }
}

/// A place in a waitlist to be had.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// For which resource.
    pub resource: Uuid,
    /// From; left out for sections and sessions.
    pub start: Option<String>,
    /// Until; left out for sections and sessions.
    pub end: Option<String>,
    /// How many units.
    #[serde(default = "one")]
    pub units: u32,
    /// A booking of one's own that is given up in the same commit when this is had: the old place is kept until then.
    pub gives_up: Option<Uuid>,
    /// `units`, or `word`: to be told once when it is free. Nothing is kept for whoever wants word, so whoever is first has it.
    #[serde(default)]
    pub wants: WantsBody,
    /// Priority, the higher goes first; only admins give another than 0.
    #[serde(default)]
    pub class: u8,
    /// For whom, if not for oneself; admins only.
    #[serde(rename = "for")]
    pub for_person: Option<Uuid>,
    /// What the screen showed.
    pub seen: Option<SeenBody>,
}

/// What somebody who waits is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WantsBody {
    /// The units.
    #[default]
    Units,
    /// Word that they are free.
    Word,
}

impl From<WantsBody> for Wants {
    fn from(wants: WantsBody) -> Wants {
        match wants {
            WantsBody::Units => Wants::Units,
            WantsBody::Word => Wants::Word,
        }
    }
}

impl From<Wants> for WantsBody {
    fn from(wants: Wants) -> WantsBody {
        match wants {
            Wants::Units => WantsBody::Units,
            Wants::Word => WantsBody::Word,
        }
    }
}

/// Dates of a series to be given up.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesCancelRequest {
    /// The booking of a date: that one and those after it. All that are not over if left out.
    pub from: Option<Uuid>,
    /// All of them or none, or those that can be: `best_alternative` is not understood.
    pub contract: ContractBody,
    /// Why.
    pub reason: Option<String>,
}

/// Dates of a series to be put elsewhere.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesMoveRequest {
    /// The booking of a date: that one and those after it. All that are not over if left out.
    pub from: Option<Uuid>,
    /// The new civil time of the first of them; the others go as many days, and to the same time of day.
    pub start: Option<String>,
    /// When it ends.
    pub end: Option<String>,
    /// A rule that begins at `start`: the first of them goes to its first date, the next to its next.
    pub rule: Option<String>,
    /// Another resource.
    pub resource: Option<Uuid>,
    /// All of them or none, or those that can be: `best_alternative` is not understood.
    pub contract: ContractBody,
}

/// What people say about dates of a series, edited.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SeriesEditRequest {
    /// The booking of a date: that one and those after it. All that are not over if left out.
    pub from: Option<Uuid>,
    /// All of them or none, or those that can be: `best_alternative` is not understood.
    pub contract: ContractBody,
    /// What shall be otherwise.
    pub details: BookingEdit,
}

/// A civil time from when to when.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GivenBody {
    /// From, without an offset.
    pub start: String,
    /// Until, without an offset.
    pub end: String,
}

impl From<Given> for GivenBody {
    fn from(g: Given) -> GivenBody {
        GivenBody { start: g.start.to_string(), end: g.end.to_string() }
    }
}

/// How a civil time met its zone, for people.
const fn note(met: Met) -> Option<&'static str> {
    match met {
        Met::Once => None,
        Met::Shifted => Some("Clocks are set forward over this time on that day; it was shifted forward by as much."),
        Met::First => Some("Clocks are set back over this time on that day, so it comes twice; the first is meant."),
    }
}

/// What was said of one date of a series.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DateBody {
    /// Its place in the series, from 0.
    pub place: u16,
    /// The civil time that was asked for.
    pub given: GivenBody,
    /// How it met its zone: `once`, `shifted` out of a gap, or the `first` of a fold.
    pub met: &'static str,
    /// The same in words, if it is worth one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
    /// The instant it begins.
    pub start: String,
    /// The instant it ends.
    pub end: String,
    /// `booked`, `booked_elsewhere`, `free` (nothing was done for the sake of others), `refused`, `changed` or `untouched`;
    /// in a preview `free`, `free_elsewhere` or `refused`.
    pub became: &'static str,
    /// Its booking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booking: Option<Uuid>,
    /// Where it is instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<IntervalBody>,
    /// Why it is refused, for programs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// Why it is refused, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What made that true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witness: Option<WitnessBody>,
}

impl DateBody {
    /// What was said of a date, and how its refusal is shown.
    pub fn of(said: &DateSaid, refused: Option<(slotwise_domain::Code, Shown)>) -> DateBody {
        let (code, shown) = refused.map_or((None, None), |(code, shown)| (Some(code.name()), Some(shown)));
        let (detail, witness) = shown.map_or((None, None), |shown| (Some(shown.detail), shown.witness));
        DateBody {
            place: said.place,
            given: said.given.into(),
            met: said.met.name(),
            note: note(said.met),
            start: time(said.interval.start()),
            end: time(said.interval.end()),
            became: said.became.name(),
            booking: said.became.booking().map(|id| id.0),
            elsewhere: match &said.became {
                Became::Elsewhere(_, at) => Some((*at).into()),
                Became::Booked(_) | Became::Free | Became::Refused(_) | Became::Changed(_) | Became::Untouched(_) => {
                    None
                }
            },
            code,
            detail,
            witness,
        }
    }

    /// The same of a date that was only looked at.
    pub fn looked_at(self) -> DateBody {
        let became = match self.became {
            "booked" => "free",
            "booked_elsewhere" => "free_elsewhere",
            other => other,
        };
        DateBody { became, booking: None, ..self }
    }
}

/// What a series would become.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesPreview {
    /// Whether it would be accepted now.
    pub accepted: bool,
    /// Why not, for programs.
    pub code: Option<&'static str>,
    /// Why not, for people.
    pub detail: Option<String>,
    /// The zone of its civil times.
    pub zone: String,
    /// What would become of each date.
    pub dates: Vec<DateBody>,
    /// The server's clock.
    pub as_of: String,
}

/// Which date of which series a booking is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OccurrenceBody {
    /// Which series.
    pub series: Uuid,
    /// Its place in the series, from 0.
    pub place: u16,
    /// The civil time that was asked for, or where it is now if it was moved by itself.
    pub given: GivenBody,
    /// The zone of that.
    pub zone: String,
    /// How it met its zone: `once`, `shifted` out of a gap, or the `first` of a fold.
    pub met: &'static str,
}

impl OccurrenceBody {
    fn of(b: &Booking) -> Option<OccurrenceBody> {
        let (slot, occurrence) = (b.slots.first()?, b.occurrence.as_ref()?);
        let (given, met) = occurrence.given_at(slot.interval);
        let zone = occurrence.series.zone.name().to_owned();
        let (series, place) = (occurrence.series.id.0, occurrence.place);
        Some(OccurrenceBody { series, place, given: given.into(), zone, met: met.name() })
    }
}

/// A series with its bookings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeriesBody {
    /// Its id.
    pub id: Uuid,
    /// The rule as it was written.
    pub rule: String,
    /// The zone of its civil times.
    pub zone: String,
    /// What it promised.
    pub contract: ContractBody,
    /// Its bookings, by their place. Dates that were refused are told by the attempt that asked.
    pub bookings: Vec<BookingBody>,
    /// The server's clock.
    pub as_of: String,
}

/// Another priority.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassRequest {
    /// The higher goes first; 0 is everybody's.
    pub class: u8,
}

/// A place in a waitlist. What is told of others is where they are, and nothing else.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EntryBody {
    /// Its id; for its owner and admins.
    pub id: Option<Uuid>,
    /// For which resource.
    pub resource: Uuid,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many units.
    pub units: u32,
    /// `units`, or `word` that they are free.
    pub wants: WantsBody,
    /// `waiting`, `offered`, `promoted`, `left`, `lapsed`, `voided` or `told`.
    pub state: &'static str,
    /// The place in line, from 1; null once it has ended, and of who wants only word.
    pub place: Option<usize>,
    /// Priority; for its owner and admins.
    pub class: Option<u8>,
    /// When it joined; for its owner and admins.
    pub joined_at: Option<String>,
    /// The booking that is given up for it; for its owner and admins.
    pub gives_up: Option<Uuid>,
    /// What is offered; for its owner.
    pub offer: Option<HoldBody>,
    /// The booking that it became; for its owner and admins.
    pub booking: Option<Uuid>,
    /// Whose, for admins.
    pub owner: Option<PersonBody>,
    /// Whether it is the asker's.
    pub mine: bool,
    /// The server's clock.
    pub as_of: String,
}

impl EntryBody {
    /// An entry as its owner or an admin sees it, or as others do (`inside` false). `line` is where it waits, if it does.
    pub fn of(
        e: &WaitEntry,
        end: Option<EntryEnd>,
        line: Option<&Calendar>,
        owner: Option<PersonBody>,
        inside: bool,
        mine: bool,
        as_of: Instant,
    ) -> EntryBody {
        let state = match end {
            Some(end) => end.name(),
            None if e.offer.is_some() => "offered",
            None => "waiting",
        };
        let offer = e.offer.filter(|_| mine && end.is_none());
        let offer = offer.and_then(|id| line?.holds.get(&id)).map(|h| HoldBody::of(h, mine, as_of));
        EntryBody {
            id: inside.then_some(e.id.0),
            resource: e.resource.0,
            start: time(e.interval.start()),
            end: time(e.interval.end()),
            units: e.units,
            wants: e.wants.into(),
            state,
            place: line.and_then(|calendar| calendar.place_in_line(e.id)),
            class: inside.then_some(e.class),
            joined_at: inside.then(|| time(e.joined_at)),
            gives_up: e.gives_up.filter(|_| inside).map(|id| id.0),
            offer,
            booking: match end {
                Some(EntryEnd::Promoted { booking }) => inside.then_some(booking.0),
                Some(EntryEnd::Left | EntryEnd::Lapsed | EntryEnd::Voided | EntryEnd::Told) | None => None,
            },
            owner,
            mine,
            as_of: time(as_of),
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The `after` of the next page; null on the last.
    pub next: Option<String>,
    /// The server's clock.
    pub as_of: String,
}
