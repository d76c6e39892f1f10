//! The policy of a resource as JSON: cutoffs, hours, waitlists, quotas, requirements, and their way into the domain and back.
//! It applies no rule.

use super::{CheckInBody, TWO_DECIMALS, hundredths, present, read_clock, read_credits, read_time, shaped, time};
use crate::problem::FieldError;
use jiff::civil;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    CheckIn, Cutoff, HoldAt, Kind, Measure, OpeningHours, OwnOverlap, Period, Policy, PolicyField, Quota, QuotaScope,
    Requirement, Span, WaitFill, WaitMode, Waitlist, Weekdays, Zone,
};
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// `{"elapsed_s": 86400}` before the start of a booking, `{"days_before": 1, "at": "18:00"}` in the resource's zone, or, whatever the
/// start, `{"at": "2027-01-15T17:00"}`: an instant with its offset, or by the clock of the resource's zone.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(
    untagged,
    expecting = "a cutoff is one of {\"elapsed_s\": 3600}, {\"days_before\": 1, \"at\": \"18:00\"} and {\"at\": \"2027-01-15T17:00\"}, in whole numbers"
)]
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
    pub(super) fn read(&self, field: &str, zone: &Zone) -> Result<Cutoff, FieldError> {
        match self {
            CutoffBody::At(c) => read_time(&c.at, field, Some(zone)).map(Cutoff::At),
            CutoffBody::Elapsed(e) => Ok(Cutoff::Elapsed(Span::seconds(e.elapsed_s))),
            CutoffBody::Civil(c) => {
                let bad = || FieldError::new(field, "not_a_time", "must be a time of day such as 18:00");
                Ok(Cutoff::Civil { days_before: c.days_before, at: read_clock(&c.at).ok_or_else(bad)? })
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
    let (hours, minutes) = text.split_once(':').filter(|_| shaped(text, "00:00"))?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 24 && minutes < 60 && hours * 60 + minutes <= 1440).then_some(hours * 60 + minutes)
}

fn clock_text(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

impl HoursBody {
    pub(super) fn read(&self, field: &str) -> Result<OpeningHours, FieldError> {
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
    /// Whether one person may have two at once. Left out: sections and sessions refuse it, others allow it.
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = OwnOverlapBody, required = false)]
    pub own_overlap: Option<OwnOverlapBody>,
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
        let bad = |detail| Err(FieldError::new("policy.quota.most", "out_of_range", detail));
        let (counts, most) = match q.counts {
            MeasureBody::Units => (Measure::Units, q.most),
            MeasureBody::Credits => match hundredths(q.most) {
                Some(most) => (Measure::Credits, most),
                None => return bad(TWO_DECIMALS),
            },
        };
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
    pub(super) fn read(&self, kind: Kind, zone: &Zone) -> Result<(Policy, BTreeSet<PolicyField>), FieldError> {
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
        // What depends on the kind is not said.
        (policy.own_overlap, policy.waitlist) = (None, None);
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
            own_overlap: Some(match p.own_overlap {
                OwnOverlap::Allow => OwnOverlapBody::Allow,
                OwnOverlap::Refuse => OwnOverlapBody::Refuse,
            }),
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
    pub(super) fn read(&self, kind: Kind, zone: &Zone) -> Result<Policy, FieldError> {
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
                Some(OwnOverlapBody::Allow) => OwnOverlap::Allow,
                Some(OwnOverlapBody::Refuse) => OwnOverlap::Refuse,
                None => OwnOverlap::of_kind(kind),
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
