//! The names under which kinds, states and ends are stored, and the way back.
//! A name is never changed: what is stored under it would be lost.

use super::{Decoded, Malformed};
use slotwise_domain::{
    BookingId, EntryEnd, HoldAt, HoldEnd, Kind, Measure, OwnOverlap, Period, QuotaScope, Role, Rule, WaitFill, Wants,
};
use slotwise_engine::SecretKind;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

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
        Kind::Group = "group",
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
    role_named: Role {
        Role::Member = "member", Role::Admin = "admin", Role::Manager = "manager", Role::Auditor = "auditor",
    }
}

names! {
    /// The stored name of what a secret is for.
    secret_kind_name,
    /// What a secret is for, by its stored name.
    secret_kind_named: SecretKind {
        SecretKind::Session = "session", SecretKind::Key = "key", SecretKind::Invitation = "invitation",
        SecretKind::Reset = "reset", SecretKind::Setup = "setup",
    }
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
        Rule::Exists = "exists", Rule::SameBooking = "same_booking", Rule::OwnerOfBoth = "owner_of_both",
        Rule::Approval = "approval", Rule::Group = "group", Rule::MembersMax = "members_max", Rule::Quota = "quota",
        Rule::Eligibility = "eligibility", Rule::Linked = "linked",
        Rule::WaitlistOff = "waitlist_off", Rule::Waiting = "waiting",
        Rule::UnitsFree = "units_free", Rule::WaitlistCapacity = "waitlist_capacity",
        Rule::EntriesPerPerson = "entries_per_person", Rule::GivesUp = "gives_up",
        Rule::Dates = "dates", Rule::SameSeries = "same_series",
        Rule::LateCancelFrom = "late_cancel_from", Rule::CheckIn = "check_in", Rule::DisplacedMax = "displaced_max",
        Rule::LooksOnly = "looks_only",
    } also { Rule::Field(_) = "field" }
}

names! {
    /// The stored name of a period.
    period_name,
    /// The period of a stored name.
    period_named: Period {
        Period::Day = "day", Period::Week = "week", Period::Month = "month", Period::All = "all",
    }
}

names! {
    /// The stored name of what a quota counts.
    measure_name,
    /// What a quota of that name counts.
    measure_named: Measure { Measure::Units = "units", Measure::Credits = "credits" }
}

names! {
    /// The stored name of what counts together.
    quota_scope_name,
    /// What counts together, by its stored name.
    quota_scope_named: QuotaScope { QuotaScope::Resource = "resource", QuotaScope::Group = "group" }
}

names! {
    /// The stored name of who is next.
    wait_fill_name,
    /// Who is next, by the stored name.
    wait_fill_named: WaitFill { WaitFill::Skip = "skip", WaitFill::Strict = "strict" }
}

/// What an entry is to get, by its stored name.
pub(crate) fn wants_named(name: &str) -> Decoded<Wants> {
    Wants::named(name).ok_or_else(|| Malformed(format!("{name:?} is nothing that an entry wants")))
}

/// How an entry ended, by its stored name; a promotion is stored with its booking.
pub(crate) fn entry_end_of(name: &str, booking: Option<BookingId>) -> Decoded<EntryEnd> {
    match (name, booking) {
        ("promoted", Some(booking)) => Ok(EntryEnd::Promoted { booking }),
        ("left", None) => Ok(EntryEnd::Left),
        ("lapsed", None) => Ok(EntryEnd::Lapsed),
        ("voided", None) => Ok(EntryEnd::Voided),
        ("told", None) => Ok(EntryEnd::Told),
        (name, booking) => Err(Malformed(format!("{name:?} with booking {booking:?} is no end of an entry"))),
    }
}

/// The booking of a promotion.
pub(crate) const fn promoted_to(end: EntryEnd) -> Option<BookingId> {
    match end {
        EntryEnd::Promoted { booking } => Some(booking),
        EntryEnd::Left | EntryEnd::Lapsed | EntryEnd::Voided | EntryEnd::Told => None,
    }
}

/// The rule of a stored name and field.
pub(crate) fn rule_of(name: Option<&str>, field: Option<&str>) -> Decoded<Option<Rule>> {
    match (name, field) {
        (None, None) => Ok(None),
        (Some("field"), Some(field)) => Ok(Some(Rule::Field(field_named(field)?))),
        (Some(name), None) => rule_named(name).map(Some),
        (rule, Some(field)) => Err(Malformed(format!("rule {rule:?} has no field {field:?}"))),
    }
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
