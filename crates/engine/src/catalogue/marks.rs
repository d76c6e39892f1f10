//! Which resources have something on them, day by day, in 64 cells each: what has no mark need not be looked at.
//! A mark only warns: whether anything is in the way, a calendar says.

use slotwise_domain::{Calendar, Instant, Interval, Span};
use std::collections::BTreeMap;

const DAY: i64 = Span::days(1).0;
/// Twenty-two and a half minutes.
const CELL: i64 = DAY / 64;

/// For each day the cells of each resource, by its number.
#[derive(Debug, Default)]
pub(super) struct Marks {
    days: BTreeMap<i64, Vec<u64>>,
}

impl Marks {
    pub fn mark(&mut self, number: u32, taken: Interval) {
        for (day, cells) in days(taken) {
            *self.cells(day, number) |= cells;
        }
    }

    /// Marks the cells of an interval anew, by what is on the calendar now: something may have gone from there.
    pub fn look_again(&mut self, number: u32, calendar: &Calendar, interval: Interval) {
        let policy = &calendar.resource.spec.policy;
        for (day, cells) in days(interval) {
            let Some(during) = during(day, cells) else { continue };
            let uses = calendar.meeting(during).map(|u| u.occupied);
            let blocks = calendar.blocks.values().map(|b| b.interval);
            // What is owed to those who wait is not free either.
            let waiting = calendar.waiting.values().map(|e| policy.occupied(e.interval));
            let mut taken = 0;
            for by in uses.chain(blocks).chain(waiting) {
                taken |= cells_of(day, by) & cells;
                // Where many are at one time, the first of them say it.
                if taken == cells {
                    break;
                }
            }
            let marked = self.cells(day, number);
            *marked = *marked & !cells | taken;
        }
    }

    /// Forgets what lies too far back of a decision to matter: it is refused by rule, and calendars forget it too.
    pub fn forget_before(&mut self, decided_at: Instant) {
        let past = decided_at.minus(Calendar::LOOKBACK).0.div_euclid(DAY);
        while self.days.first_key_value().is_some_and(|(day, _)| *day < past) {
            self.days.pop_first();
        }
    }

    pub fn during(&self, taken: Interval) -> Vec<(&[u64], u64)> {
        days(taken).filter_map(|(day, cells)| Some((self.days.get(&day)?.as_slice(), cells))).collect()
    }

    /// The numbers below `len` that have a mark on the day of an instant or later, by the first such day, at most `max`.
    pub fn soonest(&self, from: Instant, len: usize, max: usize) -> Vec<u32> {
        let (mut told, mut numbers) = (vec![false; len], Vec::new());
        for cells in self.days.range(from.0.div_euclid(DAY)..).map(|(_, cells)| cells) {
            let marked = (0_u32..).zip(cells).zip(&mut told).filter(|((_, cells), told)| **cells != 0 && !**told);
            for ((number, _), told) in marked.take(max - numbers.len()) {
                *told = true;
                numbers.push(number);
            }
        }
        numbers
    }

    fn cells(&mut self, day: i64, number: u32) -> &mut u64 {
        let numbers = self.days.entry(day).or_default();
        let place = number as usize;
        if numbers.len() <= place {
            numbers.resize(place + 1, 0);
        }
        &mut numbers[place]
    }
}

/// The days that an interval meets, and its cells on each: no more than a year of them.
fn days(taken: Interval) -> impl Iterator<Item = (i64, u64)> {
    let (first, last) = (taken.start().0.div_euclid(DAY), (taken.end().0 - 1).div_euclid(DAY));
    (first..=last).map(move |day| (day, cells_of(day, taken)))
}

fn cells_of(day: i64, taken: Interval) -> u64 {
    let (start, end) = (taken.start().0 - day * DAY, taken.end().0 - day * DAY);
    let (first, last) = (start.max(0) / CELL, (end.min(DAY) - 1) / CELL);
    match (0..64).contains(&first) && first <= last && end > 0 {
        true => (u64::MAX >> (63 - (last - first))) << first,
        false => 0,
    }
}

/// From the first of some cells of a day to the end of the last.
fn during(day: i64, cells: u64) -> Option<Interval> {
    let (first, behind) = (i64::from(cells.trailing_zeros()), 64 - i64::from(cells.leading_zeros()));
    let at = |cell: i64| Instant((day * DAY + cell * CELL).max(Instant::MIN.0));
    Interval::new(at(first), at(behind)).ok()
}
