//! The core of Slotwise: what is true of resources, bookings and holds, and what may happen to them.
//! It does no IO, reads no clock, draws no chance and knows no store: time, ids and state arrive as arguments.
//!
//! Read in this order: [`command`] is what somebody asks, [`world`] what it is judged against, [`decide`] and [`settle`] the
//! judgement, [`change`] what follows from it, [`calendar`] how that folds into state, [`invariants`] what must hold after it.

/// Whether this bug of [`planted::Bug`] is in: in a build made to see that the tests find it. In every other build it is false.
#[cfg(feature = "planted")]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        $crate::planted::is($crate::planted::Bug::$bug)
    };
}

/// Whether a bug is planted: never, in this build.
#[cfg(not(feature = "planted"))]
#[macro_export]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

pub mod alternatives;
pub mod booking;
pub mod calendar;
pub mod change;
pub mod command;
pub mod course;
pub mod deadlines;
pub mod decide;
pub mod eligibility;
pub mod hold;
pub mod ids;
pub mod invariants;
pub mod levels;
pub mod notice;
pub mod outcome;
#[cfg(feature = "planted")]
pub mod planted;
pub mod policy;
pub mod recurrence;
pub mod resource;
pub mod series;
pub mod set;
pub mod settle;
pub mod time;
pub mod waitlist;
pub mod world;

pub use alternatives::Wish;
pub use booking::{Booking, BookingState, Counts, Details, DetailsPatch, Displacer, Guest, Slot};
pub use calendar::{Block, Calendar, Exceptions, Use, UseId};
pub use change::{Change, Changes};
pub use command::{
    Action, Actor, Asked, Below, BookingRef, Command, HoldRef, Line, OverBookings, OverHolds, Preview, Proposal, Seen,
    SeriesToBook, Service,
};
pub use course::{Course, Meeting};
pub use decide::{check_in_window, decide};
pub use eligibility::{Facts, Requirement};
pub use hold::{EndedHold, Hold, HoldEnd};
pub use ids::*;
pub use invariants::Broken;
pub use notice::{News, Notice};
pub use outcome::{Code, Decision, Failure, FailureCode, Ground, Outcome, Rejection, Rule, Subject, Verdict, Witness};
pub use policy::{
    CheckIn, Cutoff, HoldAt, Measure, OpeningHours, OwnOverlap, Period, Policy, PolicyError, PolicyField, Quota,
    QuotaScope, Weekdays,
};
pub use resource::{Grouped, Kind, Resource, ResourceError, ResourcePatch, ResourceSpec};
pub use series::{Became, Contract, DateSaid, Occurrence, Series, SeriesDate, SeriesEdit, SeriesPlace};
pub use set::Set;
pub use settle::{Settle, settle};
pub use time::{Instant, Interval, IntervalError, Span, Zone, ZoneError};
pub use waitlist::{EndedEntry, EntryEnd, Place, WaitEntry, WaitFill, WaitMode, Waitlist, Wants};
pub use world::{Counted, CountedSlot, Members, Person, Role, Scope, World};
