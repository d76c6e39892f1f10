//! What travels as JSON, and its way into the domain and back. All parsing ends here; no domain type is serialised anywhere else.
//! It judges nothing: what is well formed goes on, what is not is named field by field.

mod admin;
mod bookings;
mod holds;
mod policy;
mod resources;
mod series;
mod waits;

pub use admin::*;
pub use bookings::*;
pub use holds::*;
pub use policy::*;
pub use resources::*;
pub use series::*;
pub use waits::*;

use crate::problem::{FieldError, Problem};
use jiff::civil;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use slotwise_domain::{Epoch, Fingerprint, Instant, Interval, Kind, ResourceId, Role, Seen, Version, Zone};
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

/// Whether the text has the one form that is documented: a date, `T`, a time with minutes, seconds below 60 and up to nine decimals if
/// wanted, and `Z` or an offset if it is an instant. The parser behind it knows many more, and reads some as something else.
fn as_documented(text: &str) -> bool {
    let (Some(date), Some(b'T'), Some(clock)) = (text.get(..10), text.as_bytes().get(10), text.get(11..)) else {
        return false;
    };
    let offset = clock.find(['Z', '+', '-']).unwrap_or(clock.len());
    let (clock, offset) = clock.split_at(offset);
    let (whole, decimals) = clock.split_once('.').map_or((clock, None), |(whole, decimals)| (whole, Some(decimals)));
    let with_seconds = shaped(whole, "00:00:00") && !whole.ends_with(":60");
    shaped(date, "0000-00-00")
        && (with_seconds || (shaped(whole, "00:00") && decimals.is_none()))
        && decimals.is_none_or(|d| (1..=9).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
        && (offset.is_empty()
            || offset == "Z"
            // RFC 3339, 5.6: an offset is less than a day.
            || ((shaped(offset, "+00:00") || shaped(offset, "-00:00")) && offset.get(1..3) < Some("24")))
}

/// Whether a text is like another in which each 0 stands for any digit.
fn shaped(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(b, s)| if s == b'0' { b.is_ascii_digit() } else { b == s })
}

/// Reads a date such as `2027-01-04`.
fn read_date(text: &str) -> Option<civil::Date> {
    shaped(text, "0000-00-00").then(|| text.parse().ok()).flatten()
}

/// Reads a time of day such as `18:00`.
fn read_clock(text: &str) -> Option<civil::Time> {
    shaped(text, "00:00").then(|| text.parse().ok()).flatten()
}

/// Whether a time has no offset, so that a zone is needed to read it.
pub fn is_civil(text: &str) -> bool {
    text.get(11..).is_some_and(|clock| !clock.contains(['Z', '+', '-']))
}

/// Reads an instant with an offset, or a civil time in the resource's zone.
pub fn read_time(text: &str, field: &str, zone: Option<&Zone>) -> Result<Instant, FieldError> {
    let bad = |code, detail: &str| Err(FieldError::new(field, code, detail));
    if !as_documented(text) {
        // In an address a plus is a space, unless it is written otherwise.
        let offset_lost = text.split_once(' ').is_some_and(|(t, offset)| as_documented(&format!("{t}+{offset}")));
        return bad(
            "not_a_time",
            if offset_lost { "has a space for its +: in an address, write %2B" } else { NOT_A_TIME },
        );
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

/// Reads `epoch.version`.
pub fn read_version(text: &str) -> Option<Version> {
    let (epoch, number) = text.split_once('.')?;
    Some(Version { epoch: Epoch(epoch.parse().ok()?), number: number.parse().ok()? })
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
