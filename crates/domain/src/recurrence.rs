//! Which civil times a recurrence rule names (RFC 5545, days and coarser), and which instants those are in a zone.
//! It reads no text and no clock, and its work is bounded by the days it may look at, whether a rule matches any of them or none.
//!
//! A rule is read as a filter over the days of one period after the other: of all days of the year, month or week those that every
//! part allows, then the places that BYSETPOS names among them. Where RFC 5545 and the habit of widespread libraries differ, the
//! standard is followed; the one exception is that the start of a series counts only if the rule names it.

use crate::time::{Instant, Interval, IntervalError, Zone};
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::AmbiguousOffset;
use jiff::{Span, ToSpan};
use std::collections::BTreeSet;

/// How often a rule begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frequency {
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
    /// Each month.
    Monthly,
    /// Each year.
    Yearly,
}

/// When a rule ends. One that never does cannot be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// After so many dates.
    Count(u32),
    /// With the last date at or before this civil time.
    Until(DateTime),
}

/// A day of the week, each of the period or the n-th of it, counted from its end if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByDay {
    /// Which of the period; each if `None`. It has no meaning for days and weeks.
    pub ordinal: Option<i16>,
    /// The day of the week.
    pub weekday: Weekday,
}

/// A recurrence rule. Negative numbers count from the end; an empty part allows everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// How often it begins anew.
    pub frequency: Frequency,
    /// Every so manieth period, from 1.
    pub interval: u16,
    /// When it ends.
    pub ends: Ends,
    /// Months from 1 to 12.
    pub by_month: Vec<i8>,
    /// Weeks of the year, ±1 to ±53.
    pub by_week_no: Vec<i8>,
    /// Days of the year, ±1 to ±366.
    pub by_year_day: Vec<i16>,
    /// Days of the month, ±1 to ±31.
    pub by_month_day: Vec<i8>,
    /// Days of the week.
    pub by_day: Vec<ByDay>,
    /// Places among the days of one period, ±1 to ±366.
    pub by_set_pos: Vec<i16>,
    /// The day that weeks begin with.
    pub week_start: Weekday,
}

/// A date that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Except {
    /// Whatever is on this day.
    Day(Date),
    /// What begins exactly then.
    At(DateTime),
}

/// A rule with the dates beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recurrence {
    /// The rule; dates alone are a recurrence too.
    pub rule: Option<Rule>,
    /// Dates on top of the rule's.
    pub also: Vec<DateTime>,
    /// Dates left out.
    pub except: Vec<Except>,
}

/// How much a rule may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Dates.
    pub dates_max: usize,
    /// No day after this is looked at.
    pub last: Date,
}

/// Why a recurrence names no dates that can be booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// It names no date at all.
    #[error("names no date")]
    NoDate,
    /// More than [`Bounds::dates_max`].
    #[error("names more than {0} dates")]
    TooMany(usize),
    /// It goes on after [`Bounds::last`].
    #[error("goes on after {0}, which is too far away")]
    TooFar(Date),
}

impl Recurrence {
    /// The civil times it names from `start` on, in order, each once, at `start`'s time of day unless they are dates on top.
    pub fn expand(&self, start: DateTime, bounds: Bounds) -> Result<Vec<DateTime>, RecurrenceError> {
        let mut times: BTreeSet<DateTime> = self.also.iter().copied().collect();
        if let Some(late) = times.last().filter(|t| t.date() > bounds.last) {
            return Err(RecurrenceError::TooFar(late.date().min(bounds.last)));
        }
        if let Some(rule) = &self.rule {
            // What is left out was counted by the rule.
            times.extend(rule.expand(start, Bounds { dates_max: bounds.dates_max + self.except.len(), ..bounds })?);
        }
        times.retain(|t| {
            !self.except.iter().any(|except| match except {
                Except::Day(day) => *day == t.date(),
                Except::At(at) => at == t,
            })
        });
        match times.len() {
            0 => Err(RecurrenceError::NoDate),
            n if n > bounds.dates_max => Err(RecurrenceError::TooMany(bounds.dates_max)),
            _ => Ok(times.into_iter().collect()),
        }
    }
}

impl Rule {
    /// Every so manieth period at most.
    pub const INTERVAL_MAX: u16 = 1_000;

    fn expand(&self, start: DateTime, bounds: Bounds) -> Result<Vec<DateTime>, RecurrenceError> {
        let filter = Filter::of(self, start.date());
        let too_far = |found: &[DateTime]| match found {
            [] => RecurrenceError::NoDate,
            _ => RecurrenceError::TooFar(bounds.last),
        };
        let mut found = Vec::new();
        let mut period = Some(Period::first(self, start.date()));
        while let Some(days) = period {
            for day in filter.days_of(days) {
                let time = day.to_datetime(start.time());
                match self.ends {
                    Ends::Until(until) if time > until => return Ok(found),
                    Ends::Until(_) | Ends::Count(_) => {}
                }
                if day > bounds.last {
                    return Err(too_far(&found));
                }
                if time < start {
                    continue;
                }
                if found.len() >= bounds.dates_max {
                    return Err(RecurrenceError::TooMany(bounds.dates_max));
                }
                found.push(time);
                if self.ends == Ends::Count(found.len() as u32) {
                    return Ok(found);
                }
            }
            period = days.next(self).filter(|next| next.first <= bounds.last);
        }
        match self.ends {
            Ends::Until(until) if until.date() <= bounds.last => Ok(found),
            Ends::Until(_) | Ends::Count(_) => Err(too_far(&found)),
        }
    }
}

/// The days of one period, both included.
#[derive(Clone, Copy, Debug)]
struct Period {
    first: Date,
    last: Date,
}

impl Period {
    fn first(rule: &Rule, start: Date) -> Period {
        match rule.frequency {
            Frequency::Daily => Period { first: start, last: start },
            Frequency::Weekly => Period::week(week_of(start, rule.week_start)),
            Frequency::Monthly => Period { first: start.first_of_month(), last: start.last_of_month() },
            Frequency::Yearly => Period { first: start.first_of_year(), last: start.last_of_year() },
        }
    }

    fn week(first: Date) -> Period {
        Period { first, last: first.saturating_add(6.days()) }
    }

    /// The next that the rule's interval names; none after the last year of the calendar.
    fn next(self, rule: &Rule) -> Option<Period> {
        let n = i64::from(rule.interval.max(1));
        let after = |span: Span| self.first.checked_add(span).ok();
        Some(match rule.frequency {
            Frequency::Daily => after(n.days()).map(|day| Period { first: day, last: day })?,
            Frequency::Weekly => Period::week(after(n.weeks())?),
            Frequency::Monthly => after(n.months()).map(|d| Period { first: d, last: d.last_of_month() })?,
            Frequency::Yearly => after(n.years()).map(|d| Period { first: d, last: d.last_of_year() })?,
        })
    }

    /// At most 366.
    fn days(self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(move |day| *day <= self.last)
    }
}

/// A rule with what its start says where the rule itself says nothing.
struct Filter<'r> {
    rule: &'r Rule,
    months: Vec<i8>,
    month_days: Vec<i8>,
    days: Vec<ByDay>,
}

impl Filter<'_> {
    fn of(rule: &Rule, start: Date) -> Filter<'_> {
        let mut filter = Filter {
            rule,
            months: rule.by_month.clone(),
            month_days: rule.by_month_day.clone(),
            days: rule.by_day.clone(),
        };
        let says_day = !(rule.by_year_day.is_empty() && rule.by_month_day.is_empty() && rule.by_day.is_empty());
        let on_weekday = ByDay { ordinal: None, weekday: start.weekday() };
        match (rule.frequency, rule.by_week_no.is_empty()) {
            (Frequency::Daily, _) => {}
            (_, _) if says_day => {}
            (Frequency::Yearly, true) => {
                if filter.months.is_empty() {
                    filter.months.push(start.month());
                }
                filter.month_days.push(start.day());
            }
            (Frequency::Yearly, false) | (Frequency::Weekly, true) => filter.days.push(on_weekday),
            (Frequency::Monthly, true) => filter.month_days.push(start.day()),
            // The standard knows weeks of the year in yearly rules only; elsewhere they narrow, and every day of them is named.
            (Frequency::Monthly | Frequency::Weekly, false) => {}
        }
        filter
    }

    /// The days of a period that the rule names, in order, each once.
    fn days_of(&self, period: Period) -> Vec<Date> {
        let days: Vec<Date> = period.days().filter(|day| self.allows(*day)).collect();
        if self.rule.by_set_pos.is_empty() {
            return days;
        }
        let place = |at: i16| match at {
            0 => None,
            1.. => usize::try_from(at - 1).ok(),
            _ => days.len().checked_sub(usize::from(at.unsigned_abs())),
        };
        let picked = self.rule.by_set_pos.iter().filter_map(|at| days.get(place(*at)?).copied());
        picked.collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn allows(&self, day: Date) -> bool {
        let rule = self.rule;
        (self.months.is_empty() || self.months.contains(&day.month()))
            && (rule.by_week_no.is_empty() || self.in_week(day))
            && named(&rule.by_year_day, day.day_of_year(), day.days_in_year())
            && named(&self.month_days, day.day(), day.days_in_month())
            && (self.days.is_empty() || self.days.iter().any(|by| self.on_day(*by, day)))
    }

    fn in_week(&self, day: Date) -> bool {
        let (week, weeks) = week_number(day, self.rule.week_start);
        named(&self.rule.by_week_no, week, weeks)
    }

    fn on_day(&self, by: ByDay, day: Date) -> bool {
        let of_month = match self.rule.frequency {
            Frequency::Daily | Frequency::Weekly => return by.weekday == day.weekday(),
            Frequency::Monthly => true,
            Frequency::Yearly => !self.months.is_empty(),
        };
        // The n-th of its weekday from the one end, and from the other.
        let (place, days) = match of_month {
            true => (i16::from(day.day()), i16::from(day.days_in_month())),
            false => (day.day_of_year(), day.days_in_year()),
        };
        let (from_first, from_last) = ((place - 1) / 7 + 1, -((days - place) / 7 + 1));
        by.weekday == day.weekday() && by.ordinal.is_none_or(|n| n == from_first || n == from_last)
    }
}

/// Whether a list names the place, from 1, among so many: from the first or, negative, from the last.
fn named<T: Copy + Into<i64> + PartialEq>(list: &[T], place: T, of: T) -> bool {
    let (place, of): (i64, i64) = (place.into(), of.into());
    list.is_empty() || list.iter().any(|n| (*n).into() == place || (*n).into() == place - of - 1)
}

/// The first day of the week that a day is in.
fn week_of(day: Date, week_start: Weekday) -> Date {
    day.saturating_sub(i64::from(week_start.until(day.weekday())).days())
}

/// The number of the week that a day is in, and how many weeks that week's year has. The year of a week is the one that has at least
/// four of its days.
fn week_number(day: Date, week_start: Weekday) -> (i8, i8) {
    let middle = week_of(day, week_start).saturating_add(3.days());
    let place = middle.day_of_year() - 1;
    let (week, weeks) = (place / 7 + 1, (middle.days_in_year() - 1 - place % 7) / 7 + 1);
    (week as i8, weeks as i8)
}

/// How a civil time met the zone it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// It is once.
    Once,
    /// It is not: clocks are set forward over it. It was shifted forward by as much.
    Shifted,
    /// It is twice: clocks are set back over it. The first is meant.
    First,
}

impl Met {
    /// Its name in JSON and in the record.
    pub const fn name(self) -> &'static str {
        match self {
            Met::Once => "once",
            Met::Shifted => "shifted",
            Met::First => "first",
        }
    }
}

/// A civil time from when to when, as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// From.
    pub start: DateTime,
    /// Until.
    pub end: DateTime,
}

/// The instant of a civil time in a zone. `None` at the ends of the calendar.
pub fn instant_of(time: DateTime, zone: &Zone) -> Option<(Instant, Met)> {
    let ambiguous = zone.rules().to_ambiguous_timestamp(time);
    let met = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } => Met::Once,
        AmbiguousOffset::Gap { .. } => Met::Shifted,
        AmbiguousOffset::Fold { .. } => Met::First,
    };
    Some((ambiguous.compatible().ok()?.into(), met))
}

/// The civil time of an instant in a zone.
pub fn civil_of(t: Instant, zone: &Zone) -> DateTime {
    zone.rules().to_datetime(t.timestamp())
}

impl Given {
    /// From when to when this is in a zone, and how it met it. It ends at its civil end, so that a whole day is a whole day however
    /// long; only where its start is in a gap or a fold and it ends on the same day, it keeps its length.
    pub fn interval(&self, zone: &Zone) -> Result<(Interval, Met), IntervalError> {
        let out = IntervalError::OutOfRange;
        let (start, met) = instant_of(self.start, zone).ok_or(out)?;
        if met != Met::Once && self.start.date() == self.end.date() {
            let length = crate::time::Span(self.end.duration_since(self.start).as_micros() as i64);
            return Ok((Interval::new(start, start.plus(length))?, met));
        }
        let (end, end_met) = instant_of(self.end, zone).ok_or(out)?;
        Ok((Interval::new(start, end)?, if met == Met::Once { end_met } else { met }))
    }

    /// What the clock on the wall shows at both ends.
    pub fn of(interval: Interval, zone: &Zone) -> Given {
        Given { start: civil_of(interval.start(), zone), end: civil_of(interval.end(), zone) }
    }

    /// This at another start, just as long by the calendar and the clock on the wall.
    pub fn starting(&self, start: DateTime) -> Option<Given> {
        let length = self.end.duration_since(self.start);
        Some(Given { start, end: start.checked_add(length).ok()? })
    }
}
