//! Booking and changing the dates of a series: each date is judged as a booking of its own, and the contract says what follows.
//! It has no rule of its own about what fits; what a refused date changed in the draft is undone.

use super::bookings::{Destination, NewBooking, book, cancel, edit_booking, move_to};
use super::draft::Draft;
use super::{Judged, Stop, promote, reject};
use crate::alternatives::Wish;
use crate::booking::Booking;
use crate::command::{Actor, BookingRef, Line, SeriesToBook};
use crate::ids::{BookingId, ResourceId, SeriesId};
use crate::outcome::{Code, Rejection, Rule, Subject};
use crate::series::{Became, Contract, DateSaid, Occurrence, Series, SeriesDate, SeriesEdit, SeriesPlace};
use crate::time::Interval;
use crate::world::{Scope, World};
use std::sync::Arc;

pub(super) fn book_series(draft: &mut Draft, actor: Actor, asked: &SeriesToBook) -> Judged {
    let apart = |pair: &[SeriesDate]| matches!(pair, [a, b] if a.interval.end() <= b.interval.start());
    let many = (1..=Series::DATES_MAX).contains(&asked.dates.len());
    if !many || !asked.dates.windows(2).all(apart) {
        return reject(Rejection::by(Code::Invalid, Rule::Dates).on(asked.resource));
    }
    set_aside(draft, [asked.resource])?;
    let mut said = Vec::with_capacity(asked.dates.len());
    for (date, place) in asked.dates.iter().zip(0..) {
        let became = match book_date(draft, actor, asked, date, place, date.interval)? {
            None => Became::Booked(date.booking),
            Some(rejection) => Became::Refused(rejection),
        };
        let SeriesDate { given, met, interval, .. } = *date;
        said.push(DateSaid { place, given, met, interval, became });
    }
    match asked.series.contract {
        Contract::AllOrNothing | Contract::SkipConflicts => {}
        Contract::BestAlternative => elsewhere(draft, actor, asked, &mut said)?,
    }
    conclude(draft, asked.series.contract, said, Subject::Series(asked.series.id))
}

/// What is owed to those who wait is asked before the first date changes anything. Of resources that there are: another is told with
/// its date.
fn set_aside(draft: &mut Draft, resources: impl IntoIterator<Item = ResourceId>) -> Result<(), Stop> {
    let known = resources.into_iter().filter(|id| draft.world.calendars.contains_key(id)).collect();
    promote::set_aside(draft, &known)
}

/// Books one date at a time, or leaves the draft as it was and says why not.
fn book_date(
    draft: &mut Draft,
    actor: Actor,
    asked: &SeriesToBook,
    date: &SeriesDate,
    place: u16,
    at: Interval,
) -> Result<Option<Rejection>, Stop> {
    let lines = [Line { resource: asked.resource, interval: Some(at), units: asked.units }];
    let occurrence = Occurrence { series: asked.series.clone(), place, given: date.given };
    let (id, owner, details) = (date.booking, asked.owner, &asked.details);
    let new = NewBooking { id, owner, lines: &lines, details, occurrence: Some(occurrence) };
    attempt(draft, |draft| book(draft, actor, &new, None, None))
}

/// Does one date, or leaves the draft as it was and says why not.
fn attempt(draft: &mut Draft, one: impl FnOnce(&mut Draft) -> Judged) -> Result<Option<Rejection>, Stop> {
    let before = draft.mark();
    match one(draft) {
        Ok(_) => Ok(None),
        Err(other @ (Stop::Needs(_) | Stop::Moved(_))) => Err(other),
        Err(Stop::Rejected(rejection)) => {
            draft.back_to(before);
            Ok(Some(*rejection))
        }
    }
}

/// Looks for other times for what was refused, after all that could be had as asked is: nothing takes the place of another date.
fn elsewhere(draft: &mut Draft, actor: Actor, asked: &SeriesToBook, said: &mut [DateSaid]) -> Result<(), Stop> {
    let mut taken: Vec<Interval> = Vec::with_capacity(said.len());
    taken.extend(said.iter().filter(|s| s.became.booking().is_some()).map(|s| s.interval));
    let mut looked = 0;
    for (said, date) in said.iter_mut().zip(&asked.dates) {
        if said.became.booking().is_some() || looked >= Series::ALTERNATIVES_MAX {
            continue;
        }
        looked += 1;
        let world = as_drafted(draft, actor, asked)?;
        let wish = Wish {
            world: &world,
            person: asked.owner,
            resource: asked.resource,
            units: asked.units,
            people: asked.details.people,
            now: draft.now,
        };
        for other in wish.other_times(date.interval) {
            if taken.iter().any(|t| t.meets(other)) {
                continue;
            }
            if book_date(draft, actor, asked, date, said.place, other)?.is_none() {
                said.became = Became::Elsewhere(date.booking, other);
                taken.push(other);
                break;
            }
        }
    }
    Ok(())
}

/// The part of the world that a wish for the resource is judged against, with what the draft has booked already.
fn as_drafted(draft: &Draft, actor: Actor, asked: &SeriesToBook) -> Result<World, Stop> {
    let mut world = World::empty(draft.world.epoch);
    let people = [Some(asked.owner), actor.person()];
    world.loaded = Scope {
        resources: [asked.resource].into(),
        people: draft.world.people.keys().filter(|id| **id == asked.owner).copied().collect(),
        roles: people.into_iter().flatten().collect(),
        counted: draft.world.loaded.counted.clone(),
        facts: draft.world.loaded.facts.clone(),
        ..Scope::default()
    };
    world.counted.extend(draft.counted(asked.owner).map(|counted| (asked.owner, counted.into_owned())));
    world.facts.clone_from(&draft.world.facts);
    world.calendars.insert(asked.resource, Arc::new(draft.calendar(asked.resource)?.clone()));
    for id in &world.loaded.people {
        world.people.extend(draft.world.people.get(id).map(|person| (*id, person.clone())));
    }
    for id in &world.loaded.roles {
        world.roles.extend(draft.world.roles.get(id).map(|role| (*id, *role)));
    }
    Ok(world)
}

pub(super) fn edit_series(
    draft: &mut Draft,
    actor: Actor,
    series: SeriesId,
    named: &[BookingRef],
    contract: Contract,
    edit: &SeriesEdit,
) -> Judged {
    let (many, whole) = ((1..=Series::DATES_MAX).contains(&named.len()), |n| named.len() == n);
    let matching = match edit {
        SeriesEdit::Move(places) => whole(places.len()) && apart(places),
        SeriesEdit::Cancel { .. } | SeriesEdit::Details(_) => true,
    };
    if !many || !matching {
        return reject(Rejection::by(Code::Invalid, Rule::Dates));
    }
    let mut dates = Vec::with_capacity(named.len());
    for named in named {
        let Some(booking) = draft.world.bookings.get(&named.id).cloned() else {
            return reject(Rejection::of(Code::NotFound));
        };
        match &booking.occurrence {
            Some(occurrence) if occurrence.series.id == series => dates.push(booking.clone()),
            Some(_) | None => return reject(Rejection::by(Code::Invalid, Rule::SameSeries)),
        }
    }
    let said = match edit {
        SeriesEdit::Cancel { reason } => each(draft, &dates, |draft, id| cancel(draft, actor, id, reason.as_ref()))?,
        SeriesEdit::Details(patch) => each(draft, &dates, |draft, id| edit_booking(draft, actor, id, patch))?,
        SeriesEdit::Move(places) => moved(draft, actor, &dates, places, contract)?,
    };
    conclude(draft, contract, said, Subject::Series(series))
}

/// Whether no place of a date meets that of another, on one resource.
fn apart(places: &[SeriesPlace]) -> bool {
    let mut taken: Vec<_> = places.iter().map(|p| (p.resource, p.interval)).collect();
    taken.sort();
    taken.windows(2).all(|pair| matches!(pair, [(a, x), (b, y)] if a != b || !x.meets(*y)))
}

/// Does the same to each date that is still to be, in order.
fn each(
    draft: &mut Draft,
    dates: &[Arc<Booking>],
    mut one: impl FnMut(&mut Draft, BookingId) -> Judged,
) -> Result<Vec<DateSaid>, Stop> {
    let mut said = Vec::with_capacity(dates.len());
    for booking in dates {
        let (id, before) = (booking.id, draft.bookings_len());
        let became = match over(draft, booking) {
            true => Became::Untouched(id),
            false => match attempt(draft, |draft| one(draft, id))? {
                Some(rejection) => Became::Refused(rejection),
                None if draft.bookings_len() == before => Became::Untouched(id),
                None => Became::Changed(id),
            },
        };
        said.extend(as_it_was(booking, became));
    }
    Ok(said)
}

/// Puts dates elsewhere. With all or nothing they leave their places together, so that one may go where another is; otherwise each
/// keeps its old place unless it has the new one, and those that go later begin with the last.
fn moved(
    draft: &mut Draft,
    actor: Actor,
    dates: &[Arc<Booking>],
    places: &[SeriesPlace],
    contract: Contract,
) -> Result<Vec<DateSaid>, Stop> {
    set_aside(draft, places.iter().map(|p| p.resource))?;
    let mut order: Vec<usize> = (0..dates.len()).collect();
    let later = |n: &usize| dates.get(*n).zip(places.get(*n)).is_some_and(|(b, p)| p.interval.start() > b.start());
    if order.iter().find(|n| dates.get(**n).is_some_and(|b| !over(draft, b))).is_some_and(later) {
        order.reverse();
    }
    let stays =
        |draft: &Draft, booking: &Booking, place: &SeriesPlace| over(draft, booking) || is_there(booking, place);
    let mut leaving: Vec<BookingId> = Vec::with_capacity(dates.len());
    if contract == Contract::AllOrNothing {
        for (booking, place) in dates.iter().zip(places) {
            if !stays(draft, booking, place) {
                draft.lift(booking);
                leaving.push(booking.id);
            }
        }
    }
    let mut said: Vec<DateSaid> = Vec::with_capacity(dates.len());
    for n in order {
        let Some((booking, place)) = dates.get(n).zip(places.get(n)) else { continue };
        let id = booking.id;
        if stays(draft, booking, place) {
            said.extend(as_it_was(booking, Became::Untouched(id)));
            continue;
        }
        let lines = [place.line()];
        let to = Destination { lines: &lines, leaving: &leaving, occurrence: Some(&place.occurrence) };
        let became = match attempt(draft, |draft| move_to(draft, actor, id, &to, None))? {
            Some(rejection) => Became::Refused(rejection),
            None => {
                leaving.push(id);
                Became::Changed(id)
            }
        };
        let Occurrence { place: n, given, .. } = place.occurrence;
        said.push(DateSaid { place: n, given, met: place.met, interval: place.interval, became });
    }
    said.sort_by_key(|s| s.place);
    Ok(said)
}

/// Whether a date is over, given up or taken away: a change of its series leaves it as it is.
fn over(draft: &Draft, booking: &Booking) -> bool {
    booking.state.is_final() || draft.now >= booking.end()
}

/// Whether a date is where it shall go already.
fn is_there(booking: &Booking, place: &SeriesPlace) -> bool {
    match &booking.slots[..] {
        [slot] => (slot.resource, slot.interval, slot.units) == (place.resource, place.interval, place.units),
        _ => false,
    }
}

/// What is said of a date that stays where it is, or was.
fn as_it_was(booking: &Booking, became: Became) -> Option<DateSaid> {
    let (slot, occurrence) = (booking.slots.first()?, booking.occurrence.as_ref()?);
    let (given, met) = occurrence.given_at(slot.interval);
    Some(DateSaid { place: occurrence.place, given, met, interval: slot.interval, became })
}

/// What follows from what was said of each date.
fn conclude(draft: &mut Draft, contract: Contract, mut said: Vec<DateSaid>, subject: Subject) -> Judged {
    let refused = said.iter().filter_map(|s| match &s.became {
        Became::Refused(rejection) => Some(rejection),
        Became::Booked(_) | Became::Elsewhere(..) | Became::Free | Became::Changed(_) | Became::Untouched(_) => None,
    });
    let first = refused.clone().min_by_key(|r| r.code).cloned();
    let fails = match contract {
        Contract::AllOrNothing => first.is_some(),
        // Where nothing at all could be done, that is a refusal.
        Contract::SkipConflicts | Contract::BestAlternative => refused.count() == said.len(),
    };
    match first {
        Some(rejection) if fails => {
            for said in &mut said {
                match said.became {
                    Became::Booked(_) | Became::Elsewhere(..) | Became::Changed(_) => said.became = Became::Free,
                    Became::Free | Became::Refused(_) | Became::Untouched(_) => {}
                }
            }
            draft.dates = said;
            reject(rejection)
        }
        Some(_) | None => {
            draft.dates = said;
            Ok(subject)
        }
    }
}
