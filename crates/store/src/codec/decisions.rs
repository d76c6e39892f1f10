//! Outcomes, reasons and witnesses as bytes.
//! It decides nothing.

use super::{At, Decoded, During, GivenBin, Id, Malformed, rule_name, rule_of};
use serde::{Deserialize, Serialize};
use slotwise_domain::recurrence::Met;
use slotwise_domain::{
    Asked, Became, BlockId, BookingId, Code, DateSaid, EntryId, HoldId, Instant, Line, Measure, Outcome, PersonId,
    Rejection, ResourceId, Rule, SeriesId, Subject, Witness,
};

#[derive(Serialize, Deserialize)]
pub(super) enum OutcomeBin {
    Booked,
    Accepted,
    Rejected(RejectionBin),
    RejectedAsked(RejectionBin, AskedBin),
    /// Of a series: with what was said of each date.
    Dated(Box<OutcomeBin>, Vec<DateBin>),
}

impl OutcomeBin {
    pub(super) fn of(outcome: &Outcome, asked: Option<AskedBin>, dates: &[DateSaid]) -> OutcomeBin {
        let of = match (outcome, asked) {
            (Outcome::Booked, _) => OutcomeBin::Booked,
            (Outcome::Accepted, _) => OutcomeBin::Accepted,
            (Outcome::Rejected(rejection), None) => OutcomeBin::Rejected(RejectionBin::of(rejection)),
            (Outcome::Rejected(rejection), Some(asked)) => {
                OutcomeBin::RejectedAsked(RejectionBin::of(rejection), asked)
            }
        };
        match dates {
            [] => of,
            dates => OutcomeBin::Dated(Box::new(of), dates.iter().map(DateBin::of).collect()),
        }
    }

    pub(super) fn outcome(self) -> Decoded<(Outcome, Option<AskedBin>, Vec<DateSaid>)> {
        Ok(match self {
            OutcomeBin::Booked => (Outcome::Booked, None, Vec::new()),
            OutcomeBin::Accepted => (Outcome::Accepted, None, Vec::new()),
            OutcomeBin::Rejected(rejection) => (Outcome::Rejected(rejection.rejection()?), None, Vec::new()),
            OutcomeBin::RejectedAsked(rejection, asked) => {
                (Outcome::Rejected(rejection.rejection()?), Some(asked), Vec::new())
            }
            OutcomeBin::Dated(outcome, dates) => match *outcome {
                OutcomeBin::Dated(..) => return Err(Malformed("dates within dates".into())),
                OutcomeBin::Booked | OutcomeBin::Accepted | OutcomeBin::Rejected(_) | OutcomeBin::RejectedAsked(..) => {
                    let (outcome, asked, _) = outcome.outcome()?;
                    (outcome, asked, dates.into_iter().map(DateBin::date).collect::<Decoded<_>>()?)
                }
            },
        })
    }
}

/// What was said of one date of a series.
#[derive(Serialize, Deserialize)]
pub(super) struct DateBin {
    place: u16,
    given: GivenBin,
    met: MetBin,
    at: During,
    became: BecameBin,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum MetBin {
    Once,
    Shifted,
    First,
}

#[derive(Serialize, Deserialize)]
enum BecameBin {
    Booked(Id),
    Elsewhere(Id, During),
    Free,
    Refused(RejectionBin),
    Changed(Id),
    Untouched(Id),
}

impl DateBin {
    fn of(said: &DateSaid) -> DateBin {
        let id = |id: BookingId| Id::from(id.0);
        DateBin {
            place: said.place,
            given: GivenBin::of(said.given),
            met: match said.met {
                Met::Once => MetBin::Once,
                Met::Shifted => MetBin::Shifted,
                Met::First => MetBin::First,
            },
            at: During::of(said.interval),
            became: match &said.became {
                Became::Booked(booking) => BecameBin::Booked(id(*booking)),
                Became::Elsewhere(booking, at) => BecameBin::Elsewhere(id(*booking), During::of(*at)),
                Became::Free => BecameBin::Free,
                Became::Refused(rejection) => BecameBin::Refused(RejectionBin::of(rejection)),
                Became::Changed(booking) => BecameBin::Changed(id(*booking)),
                Became::Untouched(booking) => BecameBin::Untouched(id(*booking)),
            },
        }
    }

    fn date(self) -> Decoded<DateSaid> {
        let booking = |id: Id| BookingId(id.into());
        Ok(DateSaid {
            place: self.place,
            given: self.given.given()?,
            met: match self.met {
                MetBin::Once => Met::Once,
                MetBin::Shifted => Met::Shifted,
                MetBin::First => Met::First,
            },
            interval: self.at.interval()?,
            became: match self.became {
                BecameBin::Booked(id) => Became::Booked(booking(id)),
                BecameBin::Elsewhere(id, at) => Became::Elsewhere(booking(id), at.interval()?),
                BecameBin::Free => Became::Free,
                BecameBin::Refused(rejection) => Became::Refused(rejection.rejection()?),
                BecameBin::Changed(id) => Became::Changed(booking(id)),
                BecameBin::Untouched(id) => Became::Untouched(booking(id)),
            },
        })
    }
}

/// What was asked for; resources by their place in the entry.
#[derive(Serialize, Deserialize)]
pub(super) struct AskedBin {
    owner: Option<Id>,
    bookings: Vec<Id>,
    lines: Vec<(u16, Option<During>, u32)>,
}

impl AskedBin {
    pub(super) fn of(asked: &Asked, place: &mut impl FnMut(ResourceId) -> u16) -> Option<AskedBin> {
        let mut line = |l: &Line| (place(l.resource), l.interval.map(During::of), l.units);
        (!asked.is_empty()).then(|| AskedBin {
            owner: asked.owner.map(|id| id.0.into()),
            bookings: asked.bookings.iter().map(|id| id.0.into()).collect(),
            lines: asked.lines.iter().map(&mut line).collect(),
        })
    }

    pub(super) fn asked(self, named: impl Fn(u16) -> Decoded<ResourceId>) -> Decoded<Asked> {
        let line = |(place, at, units): (u16, Option<During>, u32)| {
            Ok(Line { resource: named(place)?, interval: at.map(During::interval).transpose()?, units })
        };
        Ok(Asked {
            owner: self.owner.map(|id| PersonId(id.into())),
            bookings: self.bookings.into_iter().map(|id| BookingId(id.into())).collect(),
            lines: self.lines.into_iter().map(line).collect::<Decoded<_>>()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum SubjectBin {
    Booking(Id),
    Hold(Id, Id),
    Resource(Id),
    Block(Id, Id),
    Bookings(Id, Id),
    Entry(Id, Id),
    Series(Id),
}

impl SubjectBin {
    pub(super) fn of(subject: Subject) -> SubjectBin {
        match subject {
            Subject::Booking(id) => SubjectBin::Booking(id.0.into()),
            Subject::Bookings(one, other) => SubjectBin::Bookings(one.0.into(), other.0.into()),
            Subject::Hold(resource, id) => SubjectBin::Hold(resource.0.into(), id.0.into()),
            Subject::Resource(id) => SubjectBin::Resource(id.0.into()),
            Subject::Block(resource, id) => SubjectBin::Block(resource.0.into(), id.0.into()),
            Subject::Entry(resource, id) => SubjectBin::Entry(resource.0.into(), id.0.into()),
            Subject::Series(id) => SubjectBin::Series(id.0.into()),
        }
    }

    pub(super) fn subject(self) -> Subject {
        match self {
            SubjectBin::Booking(id) => Subject::Booking(BookingId(id.into())),
            SubjectBin::Bookings(one, other) => Subject::Bookings(BookingId(one.into()), BookingId(other.into())),
            SubjectBin::Hold(resource, id) => Subject::Hold(ResourceId(resource.into()), HoldId(id.into())),
            SubjectBin::Resource(id) => Subject::Resource(ResourceId(id.into())),
            SubjectBin::Block(resource, id) => Subject::Block(ResourceId(resource.into()), BlockId(id.into())),
            SubjectBin::Entry(resource, id) => Subject::Entry(ResourceId(resource.into()), EntryId(id.into())),
            SubjectBin::Series(id) => Subject::Series(SeriesId(id.into())),
        }
    }
}

/// Codes and rules are named, since their order is their precedence and may change.
#[derive(Serialize, Deserialize)]
pub(super) struct RejectionBin {
    code: String,
    rule: Option<String>,
    field: Option<String>,
    witness: Option<WitnessBin>,
    resource: Option<Id>,
    retry_at: Option<i64>,
}

impl RejectionBin {
    fn of(rejection: &Rejection) -> RejectionBin {
        RejectionBin {
            code: rejection.code.name().into(),
            rule: rejection.rule.map(|rule| rule_name(rule).into()),
            field: match rejection.rule {
                Some(Rule::Field(field)) => Some(field.into()),
                _ => None,
            },
            witness: rejection.witness.map(WitnessBin::of),
            resource: rejection.resource.map(|id| id.0.into()),
            retry_at: rejection.retry_at.map(|t| t.0),
        }
    }

    fn rejection(self) -> Decoded<Rejection> {
        Ok(Rejection {
            code: Code::named(&self.code).ok_or_else(|| Malformed(format!("{:?} is no code", self.code)))?,
            rule: rule_of(self.rule.as_deref(), self.field.as_deref())?,
            witness: self.witness.map(WitnessBin::witness).transpose()?,
            resource: self.resource.map(|id| ResourceId(id.into())),
            retry_at: self.retry_at.map(Instant),
        })
    }
}

#[derive(Serialize, Deserialize)]
enum WitnessBin {
    Booking {
        id: Id,
        owner: Id,
        at: During,
    },
    Hold {
        id: Id,
        holder: Id,
        at: During,
        expires_at: i64,
    },
    Block {
        id: Id,
        at: During,
    },
    Instant(i64),
    Waiting {
        id: Id,
        place: u32,
    },
    Quota {
        of: Id,
        counted: u64,
        most: u32,
        period: Option<At>,
    },
    Requirement(u16),
    Linked(u16),
    /// Of a quota that counts credits, in hundredths.
    Credits {
        of: Id,
        counted: u64,
        most: u32,
        period: Option<At>,
    },
}

impl WitnessBin {
    fn of(witness: Witness) -> WitnessBin {
        let during = During::of;
        match witness {
            Witness::Booking { id, owner, interval } => {
                WitnessBin::Booking { id: id.0.into(), owner: owner.0.into(), at: during(interval) }
            }
            Witness::Hold { id, holder, interval, expires_at } => WitnessBin::Hold {
                id: id.0.into(),
                holder: holder.0.into(),
                at: during(interval),
                expires_at: expires_at.0,
            },
            Witness::Block { id, interval } => WitnessBin::Block { id: id.0.into(), at: during(interval) },
            Witness::Instant(t) => WitnessBin::Instant(t.0),
            Witness::Waiting { id, place } => WitnessBin::Waiting { id: id.0.into(), place },
            Witness::Quota { of, counted, most, counts, period } => {
                let (of, period) = (of.0.into(), period.map(|(from, to)| (from.0, to.0)));
                match counts {
                    Measure::Units => WitnessBin::Quota { of, counted, most, period },
                    Measure::Credits => WitnessBin::Credits { of, counted, most, period },
                }
            }
            Witness::Requirement { place } => WitnessBin::Requirement(place),
            Witness::Linked { place } => WitnessBin::Linked(place),
        }
    }

    fn witness(self) -> Decoded<Witness> {
        let quota = |counts, of: Id, counted, most, period: Option<At>| Witness::Quota {
            of: ResourceId(of.into()),
            counted,
            most,
            counts,
            period: period.map(|(from, to)| (Instant(from), Instant(to))),
        };
        Ok(match self {
            WitnessBin::Booking { id, owner, at } => {
                Witness::Booking { id: BookingId(id.into()), owner: PersonId(owner.into()), interval: at.interval()? }
            }
            WitnessBin::Hold { id, holder, at, expires_at } => Witness::Hold {
                id: HoldId(id.into()),
                holder: PersonId(holder.into()),
                interval: at.interval()?,
                expires_at: Instant(expires_at),
            },
            WitnessBin::Block { id, at } => Witness::Block { id: BlockId(id.into()), interval: at.interval()? },
            WitnessBin::Instant(t) => Witness::Instant(Instant(t)),
            WitnessBin::Waiting { id, place } => Witness::Waiting { id: EntryId(id.into()), place },
            WitnessBin::Quota { of, counted, most, period } => quota(Measure::Units, of, counted, most, period),
            WitnessBin::Credits { of, counted, most, period } => quota(Measure::Credits, of, counted, most, period),
            WitnessBin::Requirement(place) => Witness::Requirement { place },
            WitnessBin::Linked(place) => Witness::Linked { place },
        })
    }
}
