//! Series on both sides: dates judged one after the other by the model, and together by the domain.
//! The model knows no series: to it they are bookings that are made, moved and given up in an order.

use super::super::model::*;
use super::super::steps::*;
use super::{Run, changes};
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::*;
use std::sync::Arc;

/// What was booked as one series, in the order of its dates.
#[derive(Clone)]
pub struct Dates {
    series: Arc<Series>,
    resource: usize,
    bookings: Vec<BookingId>,
}

/// What a single line is refused with, where it is.
fn refused(expected: &Expected) -> Option<Code> {
    match expected {
        Expected::Accepted => None,
        Expected::Rejected(code) => Some(*code),
        Expected::NoRoom(codes) => {
            let by_bookings = codes.iter().filter(|c| **c != Code::HeldByOther).min();
            Some(*by_bookings.unwrap_or(&Code::HeldByOther))
        }
        Expected::NoWay | Expected::Moved(_) => unreachable!("nothing is named: {expected:?}"),
    }
}

/// What the contract makes of what was said of each date.
fn concluded(codes: &[Option<Code>], promise: Promise) -> Expected {
    let first = codes.iter().flatten().min();
    let fails = match promise {
        Promise::All => first.is_some(),
        Promise::Skip | Promise::Best => codes.iter().all(Option::is_some),
    };
    first.filter(|_| fails).map_or(Expected::Accepted, |code| Expected::Rejected(*code))
}

fn contract(promise: Promise) -> Contract {
    match promise {
        Promise::All => Contract::AllOrNothing,
        Promise::Skip => Contract::SkipConflicts,
        Promise::Best => Contract::BestAlternative,
    }
}

fn said(verdict: &Verdict) -> &[DateSaid] {
    match verdict {
        Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) => &changes.dates,
        Verdict::Moved(_) | Verdict::Needs(_) => &[],
    }
}

/// Each date is told as the model has it.
fn assert_said(verdict: &Verdict, codes: &[Option<Code>]) {
    let told: Vec<Option<Code>> = said(verdict)
        .iter()
        .map(|said| match &said.became {
            Became::Refused(rejection) => Some(rejection.code),
            Became::Booked(_) | Became::Elsewhere(..) | Became::Free | Became::Changed(_) | Became::Untouched(_) => {
                None
            }
        })
        .collect();
    assert_eq!(told, codes, "what is said of each date: {verdict:?}");
}

impl Run {
    pub fn book_series(&mut self, who: usize, first: Ask, every: i64, count: i64, promise: Promise) -> Option<()> {
        if self.model.rules(first.resource).section.is_some() {
            return None;
        }
        let every = every.max(first.to - first.from);
        let later = |n| Ask { from: first.from + n * every, to: first.to + n * every, ..first };
        let asks: Vec<Ask> = (0..count).map(later).take_while(|ask| ask.to <= 110).collect();
        let zone = Zone::named(self.model.setting.night.zone).unwrap();
        let (rule, contract) = ("FREQ=DAILY".to_owned(), contract(promise));
        let series = Arc::new(Series { id: SeriesId(self.id()), rule, zone: zone.clone(), contract });
        let mut dates = Vec::new();
        for ask in &asks {
            let (booking, interval) = (BookingId(self.id()), self.interval(ask.from, ask.to));
            dates.push(SeriesDate { booking, given: Given::of(interval, &zone), met: Met::Once, interval });
        }
        let bookings: Vec<BookingId> = dates.iter().map(|date| date.booking).collect();

        // What is owed is what was owed before the first of them.
        let mut model = self.model.clone();
        model.fixed = Some(self.model.kept());
        let rules = model.rules(first.resource).clone();
        let waits = rules.approval && who != ADMIN;
        let state = if waits { State::Pending { takes: rules.pending_takes } } else { State::Confirmed };
        let codes: Vec<Option<Code>> = asks
            .iter()
            .zip(&bookings)
            .map(|(ask, id)| {
                let code = refused(&model.book(who, who, &[*ask], None));
                if code.is_none() {
                    let taken = vec![model.taken(*ask)];
                    model.put(*id, who, state, taken);
                }
                code
            })
            .collect();
        let asked = SeriesToBook {
            series: series.clone(),
            owner: self.people[who],
            resource: self.resources[first.resource],
            units: first.units,
            details: Details::default(),
            dates,
        };
        let action = Action::BookSeries(Box::new(asked));
        if promise == Promise::Best {
            self.elsewhere(who, action, &asks, &codes);
            return Some(());
        }
        let (accepted, verdict) = self.compared(&concluded(&codes, promise), who, action, &[]);
        assert_said(&verdict, &codes);
        if accepted {
            self.count(if codes.iter().any(Option::is_some) { "a series without some dates" } else { "a series" });
            let had = asks.iter().zip(&bookings).zip(&codes).filter(|(_, code)| code.is_none());
            let had: Vec<(Ask, BookingId)> = had.map(|((ask, id), _)| (*ask, *id)).collect();
            let taken: Vec<Taken> = had.iter().map(|(ask, _)| self.model.taken(*ask)).collect();
            self.given_up(&verdict, who, &taken, false, None);
            for ((_, id), line) in had.iter().zip(taken) {
                self.has(who, &[line]);
                self.model.put(*id, who, state, vec![line]);
            }
            let bookings = had.into_iter().map(|(_, id)| id).collect();
            self.series.push(Dates { series, resource: first.resource, bookings });
        } else {
            self.count("a series refused");
        }
        Some(())
    }

    /// What can be had elsewhere is looked at, and not done: it may lie where the model does not look.
    fn elsewhere(&mut self, who: usize, action: Action, asks: &[Ask], codes: &[Option<Code>]) {
        let actor = Actor::Person(self.people[who]);
        let command = Command { actor, action, seen: None, reason: None };
        self.world.loaded.extend(&command.scope());
        let verdict = decide(&self.world, &command, self.now());
        let mut taken: Vec<Interval> = Vec::new();
        let mut moved = 0;
        assert_eq!(said(&verdict).len(), asks.len());
        for ((said, code), ask) in said(&verdict).iter().zip(codes).zip(asks) {
            match &said.became {
                Became::Booked(_) | Became::Free => {
                    assert_eq!(*code, None, "{said:?}");
                    taken.push(self.interval(ask.from, ask.to));
                }
                Became::Refused(rejection) => assert_eq!(Some(rejection.code), *code, "{said:?}"),
                Became::Elsewhere(_, there) => {
                    assert!(code.is_some(), "what can be had as asked is: {said:?}");
                    assert_eq!(there.length(), self.interval(ask.from, ask.to).length(), "{said:?}");
                    taken.push(*there);
                    moved += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        taken.sort();
        assert!(taken.windows(2).all(|pair| !pair[0].meets(pair[1])), "dates meet: {taken:?}");
        assert_eq!(matches!(verdict, Verdict::Accepted(..)), !taken.is_empty(), "{verdict:?}");
        if moved > 0 {
            self.count("a date elsewhere");
        }
    }

    /// One date of a series, this and later ones, or all: given up, or moved by so many minutes.
    pub fn edit_series(
        &mut self,
        index: usize,
        which: Which,
        who: Option<usize>,
        all: bool,
        by: Option<i64>,
    ) -> Option<()> {
        let dates = self.series.get(index.checked_rem(self.series.len())?)?.clone();
        let named: &[BookingId] = match which {
            Which::All => &dates.bookings,
            Which::From(n) => dates.bookings.get(n % dates.bookings.len()..)?,
            Which::One(n) => std::slice::from_ref(dates.bookings.get(n % dates.bookings.len())?),
        };
        let known = |id: &BookingId| self.model.bookings.iter().find(|b| b.id == *id).cloned();
        let bookings: Vec<Booked> = named.iter().filter_map(known).collect();
        let who = who.unwrap_or(bookings.first()?.owner);
        let promise = if all { Promise::All } else { Promise::Skip };
        match by {
            None => self.cancel_series(&dates, &bookings, who, promise),
            Some(by) => self.move_series(&dates, bookings, who, promise, by)?,
        }
        Some(())
    }

    fn cancel_series(&mut self, dates: &Dates, bookings: &[Booked], who: usize, promise: Promise) {
        let mut becomes: Vec<(BookingId, State)> = Vec::new();
        let mut model = self.model.clone();
        let codes: Vec<Option<Code>> = bookings
            .iter()
            .map(|booking| {
                // What is over is left as it is.
                if booking.state.is_over() || model.now >= booking.to() * 60 {
                    return None;
                }
                let code = refused(&model.cancel(who, booking));
                if code.is_none() {
                    let state = model.given_up(who, booking);
                    model.booking(booking.id).state = state;
                    becomes.push((booking.id, state));
                }
                code
            })
            .collect();
        let edit = SeriesEdit::Cancel { reason: Some("ill".into()) };
        let (accepted, verdict) =
            self.compared(&concluded(&codes, promise), who, edited(dates, bookings, promise, edit), &[]);
        assert_said(&verdict, &codes);
        if accepted && !becomes.is_empty() {
            self.count("dates given up");
            for (id, state) in becomes {
                self.becomes(id, state);
            }
        }
    }

    fn move_series(
        &mut self,
        dates: &Dates,
        bookings: Vec<Booked>,
        who: usize,
        promise: Promise,
        by: i64,
    ) -> Option<()> {
        // Quotas of dates that leave and come at once are another matter, and tried by rows.
        if self.model.rules(dates.resource).quota.is_some() {
            return None;
        }
        let live = |b: &Booked| !b.state.is_over() && self.model.now < b.to() * 60;
        let bookings: Vec<Booked> = bookings.into_iter().filter(live).collect();
        let units = |b: &Booked| b.lines[0].ask.units;
        let there = |b: &Booked| {
            let (from, to) = (b.from() + by, b.to() + by);
            (10 <= from && to <= 110).then(|| Ask { resource: dates.resource, from, to, units: units(b) })
        };
        let asks: Vec<Ask> = bookings.iter().map(there).collect::<Option<_>>()?;
        let meet = |(n, a): (usize, &Ask)| asks.iter().take(n).any(|b| a.from < b.to && b.from < a.to);
        if bookings.is_empty() || asks.iter().enumerate().any(meet) {
            return None;
        }
        let is_there = |b: &Booked, ask: &Ask| b.lines.len() == 1 && b.lines[0].ask == *ask;
        let mut order: Vec<usize> = (0..bookings.len()).collect();
        if asks[0].from > bookings[0].from() {
            order.reverse();
        }
        let mut model = self.model.clone();
        model.fixed = Some(self.model.kept());
        let mut leaving: Vec<BookingId> = match promise {
            Promise::All => {
                bookings.iter().zip(&asks).filter(|(b, ask)| !is_there(b, ask)).map(|(b, _)| b.id).collect()
            }
            Promise::Skip | Promise::Best => Vec::new(),
        };
        let mut codes = vec![None; bookings.len()];
        let mut moved = Vec::new();
        for n in order {
            let (booking, ask) = (&bookings[n], asks[n]);
            if is_there(booking, &ask) {
                continue;
            }
            let others: Vec<BookingId> = leaving.iter().filter(|id| **id != booking.id).copied().collect();
            codes[n] = refused(&model.without(&others).relocate(who, booking, &[ask]));
            if codes[n].is_none() {
                let dropped = model.dropped_late(who, booking, &[ask]);
                let line = model.taken(ask);
                model.booking(booking.id).lines = vec![line];
                leaving.retain(|id| *id != booking.id);
                moved.push((booking.clone(), line, dropped));
            }
        }
        let zone = &dates.series.zone;
        let place = |(booking, ask): (&Booked, &Ask)| {
            let interval = self.interval(ask.from, ask.to);
            let occurrence = self.world.bookings[&booking.id].occurrence.clone().unwrap();
            let occurrence = Occurrence { given: Given::of(interval, zone), ..occurrence };
            let (resource, units) = (self.resources[dates.resource], ask.units);
            SeriesPlace { resource, units, interval, met: Met::Once, occurrence }
        };
        let edit = SeriesEdit::Move(bookings.iter().zip(&asks).map(place).collect());
        let names: Vec<BookingId> =
            moved.iter().map(|(b, ..)| self.world.bookings[&b.id].dropped_as(self.now())).collect();
        let (accepted, verdict) =
            self.compared(&concluded(&codes, promise), who, edited(dates, &bookings, promise, edit), &[]);
        assert_said(&verdict, &codes);
        if accepted && !moved.is_empty() {
            self.count("dates moved");
            let taken: Vec<Taken> = moved.iter().map(|(_, line, _)| *line).collect();
            self.given_up(&verdict, who, &taken, false, None);
            for ((booking, line, dropped), name) in moved.into_iter().zip(names) {
                self.is_at(&booking, vec![line]);
                if !dropped.is_empty() {
                    self.model.put(name, booking.owner, State::Cancelled { late: true }, dropped);
                }
            }
        }
        assert!(accepted || changes(&verdict).next().is_none(), "nothing half done: {verdict:?}");
        Some(())
    }
}

fn edited(dates: &Dates, bookings: &[Booked], promise: Promise, edit: SeriesEdit) -> Action {
    let bookings = bookings.iter().map(|b| BookingRef { id: b.id, revision: None }).collect();
    Action::EditSeries { series: dates.series.id, bookings, contract: contract(promise), edit }
}
