//! A series: bookings from one recurrence rule, each a booking of its own, asked for and answered as one attempt.
//! It expands no rule and judges nothing; its dates are instants from the moment it is asked for.

use crate::booking::DetailsPatch;
use crate::command::Line;
use crate::ids::{BookingId, ResourceId, SeriesId};
use crate::outcome::Rejection;
use crate::recurrence::{Given, Met};
use crate::time::{Interval, Zone};
use std::sync::Arc;

/// What the bookings of a series have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its name for machines.
    pub id: SeriesId,
    /// The rule as it was written, with the dates beside it.
    pub rule: String,
    /// The zone its civil times are in.
    pub zone: Zone,
    /// What it promised.
    pub contract: Contract,
}

impl Series {
    /// Dates of one series, measured for what a commit of them costs.
    pub const DATES_MAX: usize = 200;
    /// Dates of one series for which other times are looked for; the rest are told as refused.
    pub const ALTERNATIVES_MAX: usize = 20;
    /// No date is later than so many years after the day it is asked on.
    pub const YEARS_MAX: i16 = 5;
}

/// What becomes of a series if not all of its dates can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// Nothing is done.
    AllOrNothing,
    /// What can be had is, the rest is left out.
    SkipConflicts,
    /// Where a date cannot be had, the nearest time on the same resource is taken; if there is none, it is left out.
    BestAlternative,
}

impl Contract {
    /// Its name in JSON, tables and the record.
    pub const fn name(self) -> &'static str {
        match self {
            Contract::AllOrNothing => "all_or_nothing",
            Contract::SkipConflicts => "skip_conflicts",
            Contract::BestAlternative => "best_alternative",
        }
    }

    /// The contract of that name.
    pub fn named(name: &str) -> Option<Contract> {
        let all = [Contract::AllOrNothing, Contract::SkipConflicts, Contract::BestAlternative];
        all.into_iter().find(|c| c.name() == name)
    }
}

/// Which date of which series a booking is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Of which series.
    pub series: Arc<Series>,
    /// Its place among the dates the rule gave, from 0.
    pub place: u16,
    /// The civil time as it was given: later rules of the zone do not move it.
    pub given: Given,
}

impl Occurrence {
    /// The civil time that was given, if that is where the booking is; else the one it has now.
    pub fn given_at(&self, interval: Interval) -> (Given, Met) {
        match self.given.interval(&self.series.zone) {
            Ok((there, met)) if there == interval => (self.given, met),
            Ok(_) | Err(_) => (Given::of(interval, &self.series.zone), Met::Once),
        }
    }
}

/// One date of a series to be booked.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesDate {
    /// The id of its booking to be.
    pub booking: BookingId,
    /// The civil time.
    pub given: Given,
    /// How it met its zone.
    pub met: Met,
    /// The instants it stands for.
    pub interval: Interval,
}

/// What becomes of dates of a series.
#[derive(Clone, Debug, PartialEq)]
pub enum SeriesEdit {
    /// They are given up.
    Cancel {
        /// Why.
        reason: Option<String>,
    },
    /// They go elsewhere, one for each date that is named, in their order.
    Move(Vec<SeriesPlace>),
    /// What people say about them changes.
    Details(DetailsPatch),
}

impl SeriesEdit {
    /// What its dates take from then on, where that is said.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let places: &[SeriesPlace] = match self {
            SeriesEdit::Move(places) => places,
            SeriesEdit::Cancel { .. } | SeriesEdit::Details(_) => &[],
        };
        places.iter().map(SeriesPlace::line)
    }
}

/// Where a date of a series goes.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesPlace {
    /// Of which resource.
    pub resource: ResourceId,
    /// How many units.
    pub units: u32,
    /// The instants that its civil time stands for.
    pub interval: Interval,
    /// How its civil time met its zone.
    pub met: Met,
    /// What it is from then on.
    pub occurrence: Occurrence,
}

impl SeriesPlace {
    /// What the booking takes from then on.
    pub const fn line(&self) -> Line {
        Line { resource: self.resource, interval: Some(self.interval), units: self.units }
    }
}

/// What was said of one date of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateSaid {
    /// Its place in the series.
    pub place: u16,
    /// The civil time that was asked for.
    pub given: Given,
    /// How it met its zone.
    pub met: Met,
    /// The instants it stands for.
    pub interval: Interval,
    /// What became of it.
    pub became: Became,
}

/// What became of one date of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is booked, as asked.
    Booked(BookingId),
    /// It is booked at another time.
    Elsewhere(BookingId, Interval),
    /// It could be had; for the sake of others nothing was done.
    Free,
    /// It could not be had.
    Refused(Rejection),
    /// It was changed as asked.
    Changed(BookingId),
    /// It is over, given up, or as asked already: nothing was to be done.
    Untouched(BookingId),
}

impl Became {
    /// Its name in JSON and in the record.
    pub const fn name(&self) -> &'static str {
        match self {
            Became::Booked(_) => "booked",
            Became::Elsewhere(..) => "booked_elsewhere",
            Became::Free => "free",
            Became::Refused(_) => "refused",
            Became::Changed(_) => "changed",
            Became::Untouched(_) => "untouched",
        }
    }

    /// The booking of the date, if there is one.
    pub const fn booking(&self) -> Option<BookingId> {
        match self {
            Became::Booked(id) | Became::Elsewhere(id, _) | Became::Changed(id) | Became::Untouched(id) => Some(*id),
            Became::Free | Became::Refused(_) => None,
        }
    }
}
