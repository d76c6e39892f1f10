//! Instants, spans, intervals and zones. Half-open, UTC, exact to the microsecond.
//! Nothing here reads a clock.

use jiff::{Timestamp, tz::TimeZone};
use std::fmt;

/// A point in time: microseconds since 1970 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Instant {
    /// The first instant that can be booked, 1970-01-01.
    pub const MIN: Instant = Instant(0);
    /// The first instant that cannot be booked any more, 2200-01-01.
    pub const MAX: Instant = Instant(7_258_118_400_000_000);

    /// This instant moved by a span; stays within what an `i64` can hold.
    pub const fn plus(self, span: Span) -> Instant {
        Instant(self.0.saturating_add(span.0))
    }

    /// This instant moved back by a span.
    pub const fn minus(self, span: Span) -> Instant {
        Instant(self.0.saturating_sub(span.0))
    }

    /// How long after `earlier` this is; negative if it is before.
    pub const fn since(self, earlier: Instant) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The same instant for the calendar library. Instants outside what it knows become its nearest.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }
}

impl From<Timestamp> for Instant {
    fn from(t: Timestamp) -> Instant {
        Instant(t.as_microsecond())
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.timestamp().fmt(f)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A length of elapsed time in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// So many seconds.
    pub const fn seconds(n: i64) -> Span {
        Span(n.saturating_mul(1_000_000))
    }

    /// So many minutes.
    pub const fn minutes(n: i64) -> Span {
        Span::seconds(n.saturating_mul(60))
    }

    /// So many hours.
    pub const fn hours(n: i64) -> Span {
        Span::minutes(n.saturating_mul(60))
    }

    /// So many days of 24 hours.
    pub const fn days(n: i64) -> Span {
        Span::hours(n.saturating_mul(24))
    }

    /// Whole seconds, rounded up, for people who are told to wait.
    pub const fn seconds_up(self) -> i64 {
        if self.0 <= 0 { 0 } else { (self.0 - 1) / 1_000_000 + 1 }
    }

    /// Whole seconds, rounded down.
    pub const fn whole_seconds(self) -> i64 {
        self.0 / 1_000_000
    }
}

/// A half-open stretch of time, `[start, end)`: never empty, at most [`Interval::LONGEST`] long, within [`Instant::MIN`] to [`Instant::MAX`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    start: Instant,
    end: Instant,
}

/// Why two instants are no interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    /// The end is at or before the start.
    #[error("the end must be after the start")]
    EndNotAfterStart,
    /// Longer than [`Interval::LONGEST`].
    #[error("an interval is at most 366 days long")]
    TooLong,
    /// Before 1970 or after 2199.
    #[error("times are between 1970 and 2199")]
    OutOfRange,
}

impl Interval {
    /// The longest interval that can be booked.
    pub const LONGEST: Span = Span::days(366);

    /// An interval, if these are the ends of one.
    pub fn new(start: Instant, end: Instant) -> Result<Interval, IntervalError> {
        if start < Instant::MIN || end > Instant::MAX {
            return Err(IntervalError::OutOfRange);
        }
        if start >= end {
            return Err(IntervalError::EndNotAfterStart);
        }
        if end.since(start) > Interval::LONGEST {
            return Err(IntervalError::TooLong);
        }
        Ok(Interval { start, end })
    }

    /// The first instant inside.
    pub const fn start(self) -> Instant {
        self.start
    }

    /// The first instant after.
    pub const fn end(self) -> Instant {
        self.end
    }

    /// How long it is.
    pub const fn length(self) -> Span {
        self.end.since(self.start)
    }

    /// Whether the two share an instant. 10–11 and 11–12 do not.
    pub fn meets(self, other: Interval) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Whether all of the other is inside.
    pub fn covers(self, other: Interval) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the instant is inside.
    pub fn contains(self, t: Instant) -> bool {
        self.start <= t && t < self.end
    }

    /// This interval with time added at both ends (set-up and clear-down).
    pub const fn widened(self, before: Span, after: Span) -> Interval {
        Interval { start: self.start.minus(before), end: self.end.plus(after) }
    }
}

impl fmt::Debug for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.start, self.end)
    }
}

/// A time zone of the bundled IANA database, by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    rules: TimeZone,
}

/// A name that is no zone of the bundled database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no IANA time zone, such as \"Europe/Berlin\"")]
pub struct ZoneError(pub String);

impl Zone {
    /// The zone of that name.
    pub fn named(name: &str) -> Result<Zone, ZoneError> {
        let rules = TimeZone::get(name).map_err(|_| ZoneError(name.into()))?;
        let name = rules.iana_name().ok_or_else(|| ZoneError(name.into()))?.to_owned();
        Ok(Zone { name, rules })
    }

    /// Coordinated universal time.
    pub fn utc() -> Zone {
        Zone { name: "UTC".into(), rules: TimeZone::UTC }
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its rules.
    pub const fn rules(&self) -> &TimeZone {
        &self.rules
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
