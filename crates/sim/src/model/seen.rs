//! What the store has after a decision, held against the model, and what a run must have met.
//! It corrects nothing: what differs is wrong.

use super::{Model, State, Taken};
use crate::database::Entry;
use crate::zones::{Clocks, Is};
use slotwise_domain::{Action, Code, Cutoff, Instant, Outcome, Rule, Span, UseId};

impl Model {
    /// What the resources that changed are after it, and what they should be.
    pub(super) fn compare(&self, entry: &Entry) -> Result<(), String> {
        for calendar in &entry.after {
            let id = calendar.resource.id;
            let Some(known) = self.resources.get(&id) else { continue };
            let mut theirs: Vec<_> = calendar
                .uses
                .values()
                .map(|u| {
                    let until = match u.id {
                        UseId::Hold(hold) => calendar.holds.get(&hold).map(|h| h.expires_at),
                        UseId::Booking(..) => None,
                    };
                    (u.interval, u.occupied.start(), u.occupied.end(), u.units, u.owner, until)
                })
                .collect();
            let row = |l: &Taken, owner, until| (l.interval, l.first, l.end, l.units, owner, until);
            let standing = self.bookings.values().filter(|b| b.state == State::Stands);
            let booked = standing.flat_map(|b| b.lines.iter().map(|l| (l, b.owner))).filter(|(l, _)| l.resource == id);
            let held = self.holds.values().filter(|h| h.ended.is_none() && h.line.resource == id);
            let mut ours: Vec<_> = booked.map(|(l, owner)| row(l, owner, None)).collect();
            ours.extend(held.map(|h| row(&h.line, h.holder, Some(h.until))));
            theirs.sort();
            ours.sort();
            if ours != theirs {
                return Err(format!("{id} should have on it\n{ours:#?}\nand it has\n{theirs:#?}"));
            }
            let theirs: Vec<_> =
                calendar.waiting.values().map(|w| (w.id, w.owner, w.interval, w.units, w.offer)).collect();
            let ours: Vec<_> = known.waiting.iter().map(|w| (w.id, w.owner, w.interval, w.units, w.offer)).collect();
            if ours != theirs {
                return Err(format!("for {id} should wait\n{ours:#?}\nand there wait\n{theirs:#?}"));
            }
            let theirs: Vec<_> = calendar.blocks.values().map(|b| (b.id, b.interval)).collect();
            let ours: Vec<_> = known.blocks.iter().map(|(id, b)| (*id, b.interval)).collect();
            if ours != theirs {
                return Err(format!("{id} should be blocked\n{ours:#?}\nand it is\n{theirs:#?}"));
            }
            if calendar.resource.spec.capacity != Some(known.capacity) {
                return Err(format!("{id} should have {} units", known.capacity));
            }
        }
        Ok(())
    }

    /// What is overdue some time after the last fault: holds that should have ended, and units that somebody who waits should have.
    pub fn overdue(&self, now: Instant) -> Option<String> {
        let slack = now.minus(Span::seconds(2));
        let dead = self.holds.iter().find(|(_, h)| h.ended.is_none() && h.until < slack);
        if let Some((id, held)) = dead {
            return Some(format!("{id} should have ended at {}, and it is {now}", held.until));
        }
        for id in self.resources.keys() {
            // What ended by time since then is given by whoever looks for what is due, and they look once a second.
            if let Some(waiter) = self.turns(*id, slack).0.first() {
                return Some(format!("units of {id} are owed to {waiter:?}, who still waits at {now}"));
            }
        }
        None
    }

    /// Counts what a run must have met.
    pub(super) fn remarkable(&mut self, entry: &Entry) {
        let decision = &entry.recorded.decision;
        match (&entry.command.action, &decision.outcome) {
            (Action::Book { lines, .. }, Outcome::Booked) if lines.len() > 1 => self.tally.count("bundle booked"),
            (Action::Book { hold: Some(named), .. }, Outcome::Rejected(r)) => match r.code {
                Code::HoldExpired => {
                    let held = self.holds.get(&named.id);
                    if held.is_some_and(|h| h.ended.is_none()) {
                        self.tally.count("a hold expired during its confirm");
                    }
                    if held.is_some_and(|h| h.entry.is_some()) {
                        self.tally.count("an offer expired while it was taken");
                    }
                }
                Code::HoldSuperseded => self.tally.count("a stale token was refused"),
                _ => {}
            },
            (Action::BookSeries(_), Outcome::Rejected(_)) => self.tally.count("a series was refused"),
            (_, Outcome::Rejected(r)) if r.rule == Some(Rule::Quota) => self.tally.count("a quota was kept"),
            (_, Outcome::Rejected(r))
                if r.code == Code::WaitlistFirst && r.resource.is_some_and(|id| self.rules(id).strict) =>
            {
                self.tally.count("a strict order was kept");
            }
            (Action::Move { .. }, Outcome::Rejected(r)) if r.code.is_conflict() => {
                self.tally.count("the old place kept")
            }
            (Action::SetCapacity { .. }, Outcome::Rejected(r)) if r.code == Code::Insufficient => {
                self.tally.count("a cut under use");
            }
            _ => {}
        }
    }

    /// Counts what met a time at which clocks are set.
    pub(super) fn by_the_clocks(&mut self, action: &Action, outcome: &Outcome, now: Instant) {
        for id in self.touched(action) {
            let Some(known) = self.resources.get(&id) else { continue };
            let clocks = known.clocks;
            if clocks != Clocks::UTC && clocks.is(clocks.day(now), clocks.minute(now)) == Is::Twice {
                self.tally.count("decided in an hour that is twice");
            }
            let Outcome::Rejected(rejection) = outcome else { continue };
            let cutoff = match rejection.rule {
                Some(Rule::BookBy) => known.policy.book_by,
                Some(Rule::CancelBy) => known.policy.cancel_by,
                _ => None,
            };
            if rejection.resource == Some(id)
                && let Some(Cutoff::Civil { at, .. }) = cutoff
            {
                let minute = i64::from(at.hour()) * 60 + i64::from(at.minute());
                match clocks.is(clocks.day(now), minute) {
                    Is::Once => {}
                    Is::Twice => self.tally.count("too late by a time that is twice"),
                    Is::Never => self.tally.count("too late by a time that never is"),
                }
            }
        }
    }

    pub(super) fn around(&self, action: &Action, now: Instant) -> String {
        let touched = self.touched(action);
        let on = |l: &Taken| touched.contains(&l.resource);
        let bookings = self.bookings.iter().filter(|(_, b)| b.state == State::Stands && b.lines.iter().any(on));
        let holds = self.holds.iter().filter(|(_, h)| h.ended.is_none() && on(&h.line));
        let resources =
            self.resources.iter().filter(|(id, _)| touched.contains(id)).map(|(id, r)| (id, r.capacity, &r.waiting));
        format!(
            "at {now}, where are\n{:#?}\n{:#?}\nof\n{:#?}",
            bookings.collect::<Vec<_>>(),
            holds.collect::<Vec<_>>(),
            resources.collect::<Vec<_>>()
        )
    }
}
