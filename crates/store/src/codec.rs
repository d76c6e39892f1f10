//! How changes, decisions and specifications are written: JSON with a format number, short but readable.
//! It knows no table. What people say about a booking is not in here: the record refers to it and does not embed it.
//!
//! The types of the domain are mirrored one by one, so that a change of the domain cannot change what is stored unnoticed.
//! A format is never changed in place: a new one gets the next number, and the old ones keep decoding.

use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Actor, Block, BlockId, BookingId, Change, Code, Cutoff, Decision, EndedHold, Epoch, FencingToken, Hold, HoldAt,
    HoldEnd, HoldId, Instant, Interval, Kind, OpeningHours, Outcome, OwnOverlap, PersonId, Policy, Rejection, Resource,
    ResourceId, ResourceSpec, Role, Rule, Seen, Slot, Span, Subject, Version, Weekdays, Witness, Zone,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The format that is written.
pub const FORMAT: u32 = 1;

/// Stored bytes that say nothing this program knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl From<serde_json::Error> for Malformed {
    fn from(e: serde_json::Error) -> Malformed {
        Malformed(e.to_string())
    }
}

type Decoded<T> = Result<T, Malformed>;

/// The changes of one resource at one version.
pub fn encode_changes(resource: ResourceId, changes: &[Change]) -> Decoded<String> {
    let c = changes.iter().map(|change| ChangeJson::of(resource, change)).collect();
    Ok(serde_json::to_string(&ChangesJson { v: FORMAT, c })?)
}

/// The changes of one resource at one version, as [`encode_changes`] wrote them.
pub fn decode_changes(resource: ResourceId, text: &str) -> Decoded<Vec<Change>> {
    let ChangesJson { v, c } = serde_json::from_str(text)?;
    known(v)?;
    c.into_iter().map(|change| change.change(resource)).collect()
}

/// What was decided of an attempt.
pub fn encode_decision(decision: &Decision) -> Decoded<String> {
    Ok(serde_json::to_string(&DecisionJson::of(decision))?)
}

/// What was decided of an attempt, as [`encode_decision`] wrote it.
pub fn decode_decision(text: &str) -> Decoded<Decision> {
    let json: DecisionJson = serde_json::from_str(text)?;
    known(json.v)?;
    json.decision()
}

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

fn known(format: u32) -> Decoded<()> {
    match format {
        FORMAT => Ok(()),
        other => Err(Malformed(format!("format {other} is not known here"))),
    }
}

// Names

/// Two functions, from values to names and back. A new variant fails to compile until it has a name.
macro_rules! names {
    ($(#[$doc:meta])* $to:ident, $(#[$doc_back:meta])* $from:ident: $type:ty {
        $($variant:path = $name:literal),* $(,)?
    } $(also { $($other:pat = $called:literal),* })?) => {
        $(#[$doc])*
        pub const fn $to(value: $type) -> &'static str {
            match value {
                $($variant => $name,)*
                $($($other => $called,)*)?
            }
        }

        $(#[$doc_back])*
        pub fn $from(name: &str) -> Decoded<$type> {
            match name {
                $($name => Ok($variant),)*
                _ => Err(Malformed(format!("{name:?} is no {}", stringify!($type)))),
            }
        }
    };
}

names! {
    /// The stored name of a kind.
    kind_name,
    /// The kind of a stored name.
    kind_named: Kind {
        Kind::Room = "room", Kind::Section = "section", Kind::Session = "session", Kind::Equipment = "equipment",
    }
}

names! {
    /// The stored name of how a hold ended.
    hold_end_name,
    /// How a hold ended, by its stored name.
    hold_end_named: HoldEnd {
        HoldEnd::Expired = "expired", HoldEnd::Released = "released", HoldEnd::Consumed = "consumed",
        HoldEnd::Superseded = "superseded", HoldEnd::Voided = "voided",
    }
}

names! {
    /// The stored name of a role.
    role_name,
    /// The role of a stored name.
    role_named: Role { Role::Member = "member", Role::Admin = "admin" }
}

names! {
    /// The stored name of when holds are taken.
    hold_at_name,
    /// When holds are taken, by its stored name.
    hold_at_named: HoldAt { HoldAt::Confirm = "confirm", HoldAt::Claim = "claim", HoldAt::None = "none" }
}

names! {
    /// The stored name of the rule about two at once.
    own_overlap_name,
    /// The rule about two at once, by its stored name.
    own_overlap_named: OwnOverlap { OwnOverlap::Allow = "allow", OwnOverlap::Refuse = "refuse" }
}

names! {
    /// The stored name of a rule; one of a field is stored with the field's name.
    rule_name,
    /// The rule of a stored name.
    rule_named: Rule {
        Rule::Lines = "lines", Rule::Units = "units", Rule::OneInterval = "one_interval",
        Rule::IntervalMissing = "interval_missing", Rule::DurationMax = "duration_max", Rule::Seats = "seats",
        Rule::HoldsOff = "holds_off", Rule::State = "state", Rule::BlocksMax = "blocks_max", Rule::Owner = "owner",
        Rule::AdminOnly = "admin_only", Rule::Holder = "holder", Rule::Begun = "begun", Rule::BookFrom = "book_from",
        Rule::BookBy = "book_by", Rule::ChangeBy = "change_by", Rule::CancelBy = "cancel_by",
        Rule::HoldsPerPerson = "holds_per_person", Rule::Renewals = "renewals", Rule::Person = "person",
        Rule::Exists = "exists",
    } also { Rule::Field(_) = "field" }
}

/// The one copy of a field's name. There are as many as the program has fields; the bound only guards against strange data.
fn field_named(name: &str) -> Decoded<&'static str> {
    static FIELDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut fields = FIELDS.lock().unwrap_or_else(PoisonError::into_inner);
    match fields.get(name) {
        Some(field) => Ok(field),
        None if fields.len() >= 1_000 => Err(Malformed(format!("{name:?} is no field of a resource"))),
        None => {
            let field: &'static str = Box::leak(name.into());
            fields.insert(field);
            Ok(field)
        }
    }
}

// Small things

type At = (i64, i64);
type VersionJson = (u32, u64);

fn at(interval: Interval) -> At {
    (interval.start().0, interval.end().0)
}

fn interval((start, end): At) -> Decoded<Interval> {
    Interval::new(Instant(start), Instant(end)).map_err(|e| Malformed(format!("{start} to {end} is no interval: {e}")))
}

fn version_json(version: Version) -> VersionJson {
    (version.epoch.0, version.number)
}

fn version((epoch, number): VersionJson) -> Version {
    Version { epoch: Epoch(epoch), number }
}

/// Time taken around an interval: before it, after it. `None` if there is none.
fn around(interval: Interval, occupied: Interval) -> Option<(i64, i64)> {
    let around = (interval.start().since(occupied.start()).0, occupied.end().since(interval.end()).0);
    (around != (0, 0)).then_some(around)
}

fn occupied(interval: Interval, around: Option<(i64, i64)>) -> Interval {
    let (before, after) = around.unwrap_or_default();
    interval.widened(Span(before), Span(after))
}

/// An id, if it is not the one that the row is about anyway.
fn other(resource: ResourceId, of: ResourceId) -> Option<Uuid> {
    (resource != of).then_some(resource.0)
}

const fn is_one(n: &u32) -> bool {
    *n == 1
}

const fn one() -> u32 {
    1
}

const fn is_false(b: &bool) -> bool {
    !*b
}

const fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActorJson {
    Person(Uuid),
    System,
}

impl ActorJson {
    const fn of(actor: Actor) -> ActorJson {
        match actor {
            Actor::Person(id) => ActorJson::Person(id.0),
            Actor::System => ActorJson::System,
        }
    }

    const fn actor(self) -> Actor {
        match self {
            ActorJson::Person(id) => Actor::Person(PersonId(id)),
            ActorJson::System => Actor::System,
        }
    }
}

// Changes

#[derive(Serialize, Deserialize)]
struct ChangesJson {
    v: u32,
    c: Vec<ChangeJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ChangeJson {
    ResourceCreated(ResourceJson),
    ResourceEdited(ResourceJson),
    BlockAdded(BlockJson),
    BlockRemoved(BlockJson),
    BookingMade {
        id: Uuid,
        owner: Uuid,
        #[serde(default, skip_serializing_if = "is_false")]
        pending: bool,
        slots: Vec<SlotJson>,
    },
    BookingApproved {
        id: Uuid,
        owner: Uuid,
        slots: Vec<SlotJson>,
    },
    BookingCancelled {
        id: Uuid,
        owner: Uuid,
        #[serde(default, skip_serializing_if = "is_false")]
        was_pending: bool,
        slots: Vec<SlotJson>,
        by: ActorJson,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    BookingEdited {
        id: Uuid,
        owner: Uuid,
        revision: u64,
    },
    HoldGranted(HoldJson),
    HoldRenewed(HoldJson),
    HoldEnded {
        end: String,
        hold: HoldJson,
    },
}

impl ChangeJson {
    fn of(resource: ResourceId, change: &Change) -> ChangeJson {
        let slots = |slots: &[(u16, Slot)]| slots.iter().map(|(n, s)| SlotJson::of(resource, *n, s)).collect();
        match change {
            Change::ResourceCreated(r) => ChangeJson::ResourceCreated(ResourceJson::of(resource, r)),
            Change::ResourceEdited(r) => ChangeJson::ResourceEdited(ResourceJson::of(resource, r)),
            Change::BlockAdded { block, policy_version } => {
                ChangeJson::BlockAdded(BlockJson::of(block, *policy_version))
            }
            Change::BlockRemoved { block, policy_version } => {
                ChangeJson::BlockRemoved(BlockJson::of(block, *policy_version))
            }
            Change::BookingMade { booking, owner, pending, slots: s } => {
                ChangeJson::BookingMade { id: booking.0, owner: owner.0, pending: *pending, slots: slots(s) }
            }
            Change::BookingApproved { booking, owner, slots: s } => {
                ChangeJson::BookingApproved { id: booking.0, owner: owner.0, slots: slots(s) }
            }
            Change::BookingCancelled { booking, owner, was_pending, slots: s, by, reason } => {
                ChangeJson::BookingCancelled {
                    id: booking.0,
                    owner: owner.0,
                    was_pending: *was_pending,
                    slots: slots(s),
                    by: ActorJson::of(*by),
                    reason: reason.clone(),
                }
            }
            Change::BookingEdited { booking, owner, revision } => {
                ChangeJson::BookingEdited { id: booking.0, owner: owner.0, revision: *revision }
            }
            Change::HoldGranted(hold) => ChangeJson::HoldGranted(HoldJson::of(resource, hold)),
            Change::HoldRenewed(hold) => ChangeJson::HoldRenewed(HoldJson::of(resource, hold)),
            Change::HoldEnded(EndedHold { hold, end }) => {
                ChangeJson::HoldEnded { end: hold_end_name(*end).into(), hold: HoldJson::of(resource, hold) }
            }
        }
    }

    fn change(self, resource: ResourceId) -> Decoded<Change> {
        let slots = |slots: Vec<SlotJson>| slots.into_iter().map(|s| s.slot(resource)).collect::<Decoded<Vec<_>>>();
        Ok(match self {
            ChangeJson::ResourceCreated(r) => Change::ResourceCreated(Arc::new(r.resource(resource)?)),
            ChangeJson::ResourceEdited(r) => Change::ResourceEdited(Arc::new(r.resource(resource)?)),
            ChangeJson::BlockAdded(b) => {
                let (block, policy_version) = b.block()?;
                Change::BlockAdded { block, policy_version }
            }
            ChangeJson::BlockRemoved(b) => {
                let (block, policy_version) = b.block()?;
                Change::BlockRemoved { block, policy_version }
            }
            ChangeJson::BookingMade { id, owner, pending, slots: s } => {
                Change::BookingMade { booking: BookingId(id), owner: PersonId(owner), pending, slots: slots(s)? }
            }
            ChangeJson::BookingApproved { id, owner, slots: s } => {
                Change::BookingApproved { booking: BookingId(id), owner: PersonId(owner), slots: slots(s)? }
            }
            ChangeJson::BookingCancelled { id, owner, was_pending, slots: s, by, reason } => Change::BookingCancelled {
                booking: BookingId(id),
                owner: PersonId(owner),
                was_pending,
                slots: slots(s)?,
                by: by.actor(),
                reason,
            },
            ChangeJson::BookingEdited { id, owner, revision } => {
                Change::BookingEdited { booking: BookingId(id), owner: PersonId(owner), revision }
            }
            ChangeJson::HoldGranted(hold) => Change::HoldGranted(hold.hold(resource)?),
            ChangeJson::HoldRenewed(hold) => Change::HoldRenewed(hold.hold(resource)?),
            ChangeJson::HoldEnded { end, hold } => {
                Change::HoldEnded(EndedHold { hold: hold.hold(resource)?, end: hold_end_named(&end)? })
            }
        })
    }
}

#[derive(Serialize, Deserialize)]
struct BlockJson {
    id: Uuid,
    at: At,
    reason: String,
    policy_version: u64,
}

impl BlockJson {
    fn of(block: &Block, policy_version: u64) -> BlockJson {
        BlockJson { id: block.id.0, at: at(block.interval), reason: block.reason.clone(), policy_version }
    }

    fn block(self) -> Decoded<(Block, u64)> {
        let block = Block { id: BlockId(self.id), interval: interval(self.at)?, reason: self.reason };
        Ok((block, self.policy_version))
    }
}

#[derive(Serialize, Deserialize)]
struct SlotJson {
    n: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Uuid>,
    at: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    around: Option<(i64, i64)>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    units: u32,
    #[serde(default, skip_serializing_if = "is_false")]
    exclusive: bool,
}

impl SlotJson {
    fn of(resource: ResourceId, n: u16, slot: &Slot) -> SlotJson {
        SlotJson {
            n,
            resource: other(slot.resource, resource),
            at: at(slot.interval),
            around: around(slot.interval, slot.occupied),
            units: slot.units,
            exclusive: match slot.own_overlap {
                OwnOverlap::Refuse => true,
                OwnOverlap::Allow => false,
            },
        }
    }

    fn slot(self, resource: ResourceId) -> Decoded<(u16, Slot)> {
        let interval = interval(self.at)?;
        let slot = Slot {
            resource: self.resource.map_or(resource, ResourceId),
            interval,
            occupied: occupied(interval, self.around),
            units: self.units,
            own_overlap: if self.exclusive { OwnOverlap::Refuse } else { OwnOverlap::Allow },
        };
        Ok((self.n, slot))
    }
}

#[derive(Serialize, Deserialize)]
struct HoldJson {
    id: Uuid,
    token: VersionJson,
    holder: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Uuid>,
    at: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    around: Option<(i64, i64)>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    units: u32,
    granted_at: i64,
    expires_at: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    renewals: u32,
}

impl HoldJson {
    fn of(resource: ResourceId, hold: &Hold) -> HoldJson {
        HoldJson {
            id: hold.id.0,
            token: version_json(hold.token.0),
            holder: hold.holder.0,
            resource: other(hold.resource, resource),
            at: at(hold.interval),
            around: around(hold.interval, hold.occupied),
            units: hold.units,
            granted_at: hold.granted_at.0,
            expires_at: hold.expires_at.0,
            renewals: hold.renewals,
        }
    }

    fn hold(self, resource: ResourceId) -> Decoded<Hold> {
        let interval = interval(self.at)?;
        Ok(Hold {
            id: HoldId(self.id),
            token: FencingToken(version(self.token)),
            holder: PersonId(self.holder),
            resource: self.resource.map_or(resource, ResourceId),
            interval,
            occupied: occupied(interval, self.around),
            units: self.units,
            granted_at: Instant(self.granted_at),
            expires_at: Instant(self.expires_at),
            renewals: self.renewals,
        })
    }
}

// Resources

#[derive(Serialize, Deserialize)]
struct ResourceJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Uuid>,
    policy_version: u64,
    spec: SpecJson,
}

impl ResourceJson {
    fn of(id: ResourceId, resource: &Resource) -> ResourceJson {
        ResourceJson {
            resource: other(resource.id, id),
            policy_version: resource.policy_version,
            spec: SpecJson::of(&resource.spec),
        }
    }

    fn resource(self, id: ResourceId) -> Decoded<Resource> {
        let id = self.resource.map_or(id, ResourceId);
        Ok(Resource { id, spec: self.spec.spec()?, policy_version: self.policy_version })
    }
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
        }
    }

    fn spec(self) -> Decoded<ResourceSpec> {
        let zone = match self.zone.as_str() {
            "UTC" => Zone::utc(),
            name => Zone::named(name).map_err(|e| Malformed(e.to_string()))?,
        };
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
        })
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
    duration_max: Option<i64>,
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
            own_overlap: own_overlap_name(policy.own_overlap).into(),
            opening_hours: policy.opening_hours.iter().map(HoursJson::of).collect(),
            book_from: policy.book_from.map(CutoffJson::of),
            book_by: policy.book_by.map(CutoffJson::of),
            change_by: policy.change_by.map(CutoffJson::of),
            cancel_by: policy.cancel_by.map(CutoffJson::of),
            duration_max: policy.duration_max.map(|span| span.0),
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
            own_overlap: own_overlap_named(&self.own_overlap)?,
            opening_hours: self.opening_hours.into_iter().map(HoursJson::hours).collect::<Decoded<_>>()?,
            book_from: cutoff(self.book_from)?,
            book_by: cutoff(self.book_by)?,
            change_by: cutoff(self.change_by)?,
            cancel_by: cutoff(self.cancel_by)?,
            duration_max: self.duration_max.map(Span),
        })
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
}

impl CutoffJson {
    fn of(cutoff: Cutoff) -> CutoffJson {
        match cutoff {
            Cutoff::Elapsed(span) => CutoffJson::Elapsed(span.0),
            Cutoff::Civil { days_before, at } => CutoffJson::Civil { days_before, at: at.to_string() },
        }
    }

    fn cutoff(self) -> Decoded<Cutoff> {
        Ok(match self {
            CutoffJson::Elapsed(span) => Cutoff::Elapsed(Span(span)),
            CutoffJson::Civil { days_before, at } => {
                let at = at.parse().map_err(|_| Malformed(format!("{at:?} is no time of day")))?;
                Cutoff::Civil { days_before, at }
            }
        })
    }
}

// Decisions

#[derive(Serialize, Deserialize)]
struct DecisionJson {
    v: u32,
    outcome: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejection: Option<RejectionJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<SubjectJson>,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<(VersionJson, i64)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    observed: Vec<(Uuid, VersionJson)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    decided: Vec<(Uuid, VersionJson)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    policies: Vec<(Uuid, u64)>,
}

impl DecisionJson {
    fn of(decision: &Decision) -> DecisionJson {
        let versions = |versions: &[(ResourceId, Version)]| {
            versions.iter().map(|(id, version)| (id.0, version_json(*version))).collect()
        };
        DecisionJson {
            v: FORMAT,
            outcome: decision.outcome.name().into(),
            rejection: match &decision.outcome {
                Outcome::Booked | Outcome::Accepted => None,
                Outcome::Rejected(rejection) => Some(RejectionJson::of(rejection)),
            },
            subject: decision.subject.map(SubjectJson::of),
            at: decision.decided_at.0,
            seen: decision.seen.map(|seen| (version_json(seen.version), seen.as_of.0)),
            observed: versions(&decision.observed),
            decided: versions(&decision.decided),
            policies: decision.policies.iter().map(|(id, version)| (id.0, *version)).collect(),
        }
    }

    fn decision(self) -> Decoded<Decision> {
        let versions = |versions: Vec<(Uuid, VersionJson)>| {
            versions.into_iter().map(|(id, v)| (ResourceId(id), version(v))).collect::<Vec<_>>()
        };
        let outcome = match (self.outcome.as_str(), self.rejection) {
            ("BOOKED", None) => Outcome::Booked,
            ("ACCEPTED", None) => Outcome::Accepted,
            ("REJECTED", Some(rejection)) => Outcome::Rejected(rejection.rejection()?),
            (name, _) => return Err(Malformed(format!("{name:?} is no outcome, or its rejection is at odds with it"))),
        };
        Ok(Decision {
            outcome,
            subject: self.subject.map(SubjectJson::subject),
            decided_at: Instant(self.at),
            seen: self.seen.map(|(v, as_of)| Seen { version: version(v), as_of: Instant(as_of) }),
            observed: versions(self.observed),
            decided: versions(self.decided),
            policies: self.policies.into_iter().map(|(id, version)| (ResourceId(id), version)).collect(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SubjectJson {
    Booking(Uuid),
    Hold(Uuid, Uuid),
    Resource(Uuid),
    Block(Uuid, Uuid),
}

impl SubjectJson {
    const fn of(subject: Subject) -> SubjectJson {
        match subject {
            Subject::Booking(id) => SubjectJson::Booking(id.0),
            Subject::Hold(resource, id) => SubjectJson::Hold(resource.0, id.0),
            Subject::Resource(id) => SubjectJson::Resource(id.0),
            Subject::Block(resource, id) => SubjectJson::Block(resource.0, id.0),
        }
    }

    const fn subject(self) -> Subject {
        match self {
            SubjectJson::Booking(id) => Subject::Booking(BookingId(id)),
            SubjectJson::Hold(resource, id) => Subject::Hold(ResourceId(resource), HoldId(id)),
            SubjectJson::Resource(id) => Subject::Resource(ResourceId(id)),
            SubjectJson::Block(resource, id) => Subject::Block(ResourceId(resource), BlockId(id)),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct RejectionJson {
    code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    witness: Option<WitnessJson>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resource: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_at: Option<i64>,
}

impl RejectionJson {
    fn of(rejection: &Rejection) -> RejectionJson {
        RejectionJson {
            code: rejection.code.name().into(),
            rule: rejection.rule.map(|rule| rule_name(rule).into()),
            field: match rejection.rule {
                Some(Rule::Field(field)) => Some(field.into()),
                _ => None,
            },
            witness: rejection.witness.map(WitnessJson::of),
            resource: rejection.resource.map(|id| id.0),
            retry_at: rejection.retry_at.map(|t| t.0),
        }
    }

    fn rejection(self) -> Decoded<Rejection> {
        let rule = match (self.rule.as_deref(), self.field) {
            (None, None) => None,
            (Some("field"), Some(field)) => Some(Rule::Field(field_named(&field)?)),
            (Some(name), None) => Some(rule_named(name)?),
            (rule, Some(field)) => return Err(Malformed(format!("rule {rule:?} has no field {field:?}"))),
        };
        Ok(Rejection {
            code: Code::named(&self.code).ok_or_else(|| Malformed(format!("{:?} is no code", self.code)))?,
            rule,
            witness: self.witness.map(WitnessJson::witness).transpose()?,
            resource: self.resource.map(ResourceId),
            retry_at: self.retry_at.map(Instant),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WitnessJson {
    Booking { id: Uuid, owner: Uuid, at: At },
    Hold { id: Uuid, holder: Uuid, at: At, expires_at: i64 },
    Block { id: Uuid, at: At },
    Instant(i64),
}

impl WitnessJson {
    fn of(witness: Witness) -> WitnessJson {
        match witness {
            Witness::Booking { id, owner, interval } => {
                WitnessJson::Booking { id: id.0, owner: owner.0, at: at(interval) }
            }
            Witness::Hold { id, holder, interval, expires_at } => {
                WitnessJson::Hold { id: id.0, holder: holder.0, at: at(interval), expires_at: expires_at.0 }
            }
            Witness::Block { id, interval } => WitnessJson::Block { id: id.0, at: at(interval) },
            Witness::Instant(t) => WitnessJson::Instant(t.0),
        }
    }

    fn witness(self) -> Decoded<Witness> {
        Ok(match self {
            WitnessJson::Booking { id, owner, at } => {
                Witness::Booking { id: BookingId(id), owner: PersonId(owner), interval: interval(at)? }
            }
            WitnessJson::Hold { id, holder, at, expires_at } => Witness::Hold {
                id: HoldId(id),
                holder: PersonId(holder),
                interval: interval(at)?,
                expires_at: Instant(expires_at),
            },
            WitnessJson::Block { id, at } => Witness::Block { id: BlockId(id), interval: interval(at)? },
            WitnessJson::Instant(t) => Witness::Instant(Instant(t)),
        })
    }
}
