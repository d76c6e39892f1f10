//! What is said of a command: verdict, outcome, rejection with its witness, failure.
//! Rejections are values in order of precedence; their names are never reused.

use crate::booking::Booking;
use crate::change::Changes;
use crate::command::{Asked, Preview, Seen};
use crate::ids::{BlockId, BookingId, EntryId, HoldId, PersonId, ResourceId, SeriesId, Version};
use crate::policy::Measure;
use crate::resource::Resource;
use crate::series::DateSaid;
use crate::time::{Instant, Interval};
use crate::world::Scope;
use std::sync::Arc;

/// What settle says of a proposal.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It becomes true.
    Accepted(Changes, Subject),
    /// An invariant would break. The changes are what the refusal itself settles: a confirmed hold let go, nothing else.
    Rejected(Rejection, Changes),
    /// What the command named has moved; nothing changes.
    Moved(Ground),
    /// It cannot be judged before this is loaded too.
    Needs(Scope),
}

/// What a command is about when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A booking.
    Booking(BookingId),
    /// Two bookings that took each other's places.
    Bookings(BookingId, BookingId),
    /// A hold on a resource.
    Hold(ResourceId, HoldId),
    /// A resource.
    Resource(ResourceId),
    /// A block of a resource.
    Block(ResourceId, BlockId),
    /// A series; what became of each date is in [`Decision::dates`].
    Series(SeriesId),
    /// A place in a resource's waitlist.
    Entry(ResourceId, EntryId),
}

/// What a command named that is no longer so.
#[derive(Clone, Debug, PartialEq)]
pub enum Ground {
    /// Another edit of the resource came first.
    PolicyVersion {
        /// What the editor saw.
        yours: u64,
        /// The resource now.
        theirs: Arc<Resource>,
    },
    /// Another edit of the booking came first.
    Revision {
        /// What the editor saw.
        yours: u64,
        /// The booking now.
        theirs: Arc<Booking>,
    },
    /// Others would be displaced than those that were looked at.
    Displaced {
        /// What was looked at.
        yours: Preview,
        /// Those that would be, as they are now, by id.
        theirs: Vec<Arc<Booking>>,
    },
}

/// Why a command is refused, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// A rule broken by a well-formed command; it can never be valid.
    Invalid,
    /// No such resource, booking or hold.
    NotFound,
    /// Not theirs to do.
    NotAllowed,
    /// They do not meet a condition.
    NotEligible,
    /// The resource is out of service.
    Closed,
    /// Not within opening hours.
    OutsideHours,
    /// Booking has not opened yet.
    TooEarly,
    /// It is too late.
    PastCutoff,
    /// An admin took the time out of use.
    Blocked,
    /// A limit per person is reached.
    QuotaExceeded,
    /// The person has another booking at that time.
    OwnOverlap,
    /// The hold's time was up.
    HoldExpired,
    /// The hold is no longer the current one.
    HoldSuperseded,
    /// Somebody else is booking it right now.
    HeldByOther,
    /// Nothing is left.
    Full,
    /// Something is left, but less than asked.
    Insufficient,
    /// What is left is owed to people who wait.
    WaitlistFirst,
}

impl Code {
    /// All of them, in order of precedence.
    pub const ALL: [Code; 17] = [
        Code::Invalid,
        Code::NotFound,
        Code::NotAllowed,
        Code::NotEligible,
        Code::Closed,
        Code::OutsideHours,
        Code::TooEarly,
        Code::PastCutoff,
        Code::Blocked,
        Code::QuotaExceeded,
        Code::OwnOverlap,
        Code::HoldExpired,
        Code::HoldSuperseded,
        Code::HeldByOther,
        Code::Full,
        Code::Insufficient,
        Code::WaitlistFirst,
    ];

    /// Its name in JSON, tables and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Invalid => "invalid",
            Code::NotFound => "not_found",
            Code::NotAllowed => "not_allowed",
            Code::NotEligible => "not_eligible",
            Code::Closed => "closed",
            Code::OutsideHours => "outside_hours",
            Code::TooEarly => "too_early",
            Code::PastCutoff => "past_cutoff",
            Code::Blocked => "blocked",
            Code::QuotaExceeded => "quota_exceeded",
            Code::OwnOverlap => "own_overlap",
            Code::HoldExpired => "hold_expired",
            Code::HoldSuperseded => "hold_superseded",
            Code::HeldByOther => "held_by_other",
            Code::Full => "full",
            Code::Insufficient => "insufficient",
            Code::WaitlistFirst => "waitlist_first",
        }
    }

    /// The code of that name.
    pub fn named(name: &str) -> Option<Code> {
        Code::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Whether somebody else took or keeps what was asked for: what `bookingConflict` is told for.
    pub const fn is_conflict(self) -> bool {
        match self {
            Code::HeldByOther | Code::Full | Code::Insufficient => true,
            Code::Invalid
            | Code::NotFound
            | Code::NotAllowed
            | Code::NotEligible
            | Code::Closed
            | Code::OutsideHours
            | Code::TooEarly
            | Code::PastCutoff
            | Code::Blocked
            | Code::QuotaExceeded
            | Code::OwnOverlap
            | Code::HoldExpired
            | Code::HoldSuperseded
            | Code::WaitlistFirst => false,
        }
    }
}

/// A refusal: an answer, true at its decision instant, recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub code: Code,
    /// Which rule, where the code alone does not say.
    pub rule: Option<Rule>,
    /// What made it true.
    pub witness: Option<Witness>,
    /// Which resource, where a command has several.
    pub resource: Option<ResourceId>,
    /// When asking again may go otherwise.
    pub retry_at: Option<Instant>,
}

impl Rejection {
    /// A refusal that its code explains.
    pub const fn of(code: Code) -> Rejection {
        Rejection { code, rule: None, witness: None, resource: None, retry_at: None }
    }

    /// A refusal by a rule.
    pub const fn by(code: Code, rule: Rule) -> Rejection {
        Rejection { rule: Some(rule), ..Rejection::of(code) }
    }

    /// With its witness.
    pub fn shown(self, witness: Witness) -> Rejection {
        Rejection { witness: Some(witness), ..self }
    }

    /// With the resource it is about.
    pub fn on(self, resource: ResourceId) -> Rejection {
        Rejection { resource: Some(resource), ..self }
    }
}

/// The rules a refusal can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// One to twenty lines.
    Lines,
    /// At least one unit, and no more than the resource has.
    Units,
    /// A section or session has one interval.
    OneInterval,
    /// A room needs an interval.
    IntervalMissing,
    /// The longest booking.
    DurationMax,
    /// More people than seats.
    Seats,
    /// The resource takes no holds.
    HoldsOff,
    /// The state does not allow it.
    State,
    /// At most so many blocks.
    BlocksMax,
    /// A field of what was asked.
    Field(&'static str),
    /// A booking with itself.
    SameBooking,
    /// Only the owner or an admin.
    Owner,
    /// Only the owner of both, or an admin.
    OwnerOfBoth,
    /// Only an admin puts a confirmed booking where bookings wait for approval.
    Approval,
    /// Only an admin.
    AdminOnly,
    /// Only the holder.
    Holder,
    /// It has begun too long ago, or ended.
    Begun,
    /// `book_from`.
    BookFrom,
    /// `book_by`.
    BookBy,
    /// `change_by`.
    ChangeBy,
    /// `cancel_by`.
    CancelBy,
    /// `late_cancel_from`. Refuses nothing.
    LateCancelFrom,
    /// Live holds of one person.
    HoldsPerPerson,
    /// Renewals of one hold.
    Renewals,
    /// The person asked for is not known here.
    Person,
    /// Another command made the same thing before.
    Exists,
    /// Dates of one series: so many at most, in order, and none meets the next.
    Dates,
    /// Bookings of the series that is named.
    SameSeries,
    /// The resource has no waitlist.
    WaitlistOff,
    /// They wait for it already.
    Waiting,
    /// Enough is free: it can be booked.
    UnitsFree,
    /// So many may wait for one resource.
    WaitlistCapacity,
    /// So many places one person may have.
    EntriesPerPerson,
    /// The booking to be given up is not theirs.
    GivesUp,
    /// A group is not booked itself; or there is no such group.
    Group,
    /// At most so many resources in a group.
    MembersMax,
    /// `quota`.
    Quota,
    /// `eligibility`.
    Eligibility,
    /// Sections that are booked together.
    Linked,
    /// The resource asks nobody to check in, or the time to do so has not come or is over.
    CheckIn,
    /// Too many bookings would be displaced at once.
    DisplacedMax,
    /// An auditor changes nothing.
    LooksOnly,
}

impl Rule {
    /// Its name in JSON and in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Lines => "lines",
            Rule::Units => "units",
            Rule::OneInterval => "one_interval",
            Rule::IntervalMissing => "interval_missing",
            Rule::DurationMax => "duration_max_s",
            Rule::Seats => "seats",
            Rule::HoldsOff => "holds_off",
            Rule::State => "state",
            Rule::BlocksMax => "blocks_max",
            Rule::Field(field) => field,
            Rule::SameBooking => "same_booking",
            Rule::Owner => "owner",
            Rule::OwnerOfBoth => "owner_of_both",
            Rule::Approval => "approval",
            Rule::AdminOnly => "admin_only",
            Rule::LooksOnly => "looks_only",
            Rule::Holder => "holder",
            Rule::Begun => "begun",
            Rule::BookFrom => "book_from",
            Rule::BookBy => "book_by",
            Rule::ChangeBy => "change_by",
            Rule::CancelBy => "cancel_by",
            Rule::LateCancelFrom => "late_cancel_from",
            Rule::HoldsPerPerson => "holds_per_person",
            Rule::Renewals => "renewals",
            Rule::Person => "person",
            Rule::Exists => "exists",
            Rule::Dates => "dates",
            Rule::SameSeries => "same_series",
            Rule::WaitlistOff => "waitlist_off",
            Rule::Waiting => "waiting",
            Rule::UnitsFree => "units_free",
            Rule::WaitlistCapacity => "waitlist_capacity",
            Rule::EntriesPerPerson => "entries_per_person",
            Rule::GivesUp => "gives_up",
            Rule::Group => "group",
            Rule::MembersMax => "members_max",
            Rule::Quota => "quota",
            Rule::Eligibility => "eligibility",
            Rule::Linked => "linked",
            Rule::CheckIn => "check_in",
            Rule::DisplacedMax => "displaced_max",
        }
    }
}

/// What made a refusal true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A booking stands there.
    Booking {
        /// Which.
        id: BookingId,
        /// Whose.
        owner: PersonId,
        /// When.
        interval: Interval,
    },
    /// Somebody holds it.
    Hold {
        /// Which.
        id: HoldId,
        /// Who; not told to others.
        holder: PersonId,
        /// When.
        interval: Interval,
        /// Until.
        expires_at: Instant,
    },
    /// An admin took the time out of use.
    Block {
        /// Which.
        id: BlockId,
        /// When.
        interval: Interval,
    },
    /// An instant had passed, or not come.
    Instant(Instant),
    /// Somebody waits for it.
    Waiting {
        /// Which entry; not told to others.
        id: EntryId,
        /// Their place in line, from 1.
        place: u32,
    },
    /// So much is counted already.
    Quota {
        /// Of which group or resource.
        of: ResourceId,
        /// So much was counted before, as the measure says.
        counted: u64,
        /// So much is allowed.
        most: u32,
        /// What is counted.
        counts: Measure,
        /// In which period; `None` is all time.
        period: Option<(Instant, Instant)>,
    },
    /// A requirement of the resource's policy.
    Requirement {
        /// Its place there, from 0.
        place: u16,
    },
    /// One of these is missing: a list of the resource's linked ones.
    Linked {
        /// Its place there, from 0.
        place: u16,
    },
}

/// Why an execution failed. Nothing changed; the same key may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCode {
    /// What the command named has moved.
    VersionStale,
    /// A row was not had in time, or judging needed too much.
    Conflict,
    /// The queue was full, or the deadline passed in it.
    Busy,
    /// The store refused.
    StoreUnavailable,
}

impl FailureCode {
    /// Its name in JSON and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            FailureCode::VersionStale => "version_stale",
            FailureCode::Conflict => "conflict",
            FailureCode::Busy => "busy",
            FailureCode::StoreUnavailable => "store_unavailable",
        }
    }
}

/// A failed execution.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// Why.
    pub code: FailureCode,
    /// Both sides, if something named has moved.
    pub ground: Option<Ground>,
}

impl Failure {
    /// A failure that its code explains.
    pub const fn of(code: FailureCode) -> Failure {
        Failure { code, ground: None }
    }
}

/// The durable outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Accepted, and it books.
    Booked,
    /// Accepted, for commands that do not book.
    Accepted,
    /// Refused.
    Rejected(Rejection),
}

impl Outcome {
    /// Its name in JSON and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Outcome::Booked => "BOOKED",
            Outcome::Accepted => "ACCEPTED",
            Outcome::Rejected(_) => "REJECTED",
        }
    }
}

/// What is recorded of an attempt, in the commit of its effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The outcome.
    pub outcome: Outcome,
    /// What it is about, if it was accepted.
    pub subject: Option<Subject>,
    /// The decision instant.
    pub decided_at: Instant,
    /// What the screen showed.
    pub seen: Option<Seen>,
    /// The versions it was proposed against.
    pub observed: Vec<(ResourceId, Version)>,
    /// The versions it was decided at: those it made, or those it was refused at.
    pub decided: Vec<(ResourceId, Version)>,
    /// The policy versions in force at the decision.
    pub policies: Vec<(ResourceId, u64)>,
    /// What was said of each date of a series, accepted or refused; empty for everything else.
    pub dates: Vec<DateSaid>,
    /// Of a refusal what was asked for: it changed nothing that would tell.
    pub asked: Asked,
}
