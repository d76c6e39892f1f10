//! The few times at which clocks are set that worlds stand around, written down by hand: the model asks no table of zones.
//! It knows no other zones, and no other years. All of them have been: what is to come, governments may still change.

use slotwise_domain::{Instant, Interval};

/// Clocks of a zone that are set once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Its IANA name.
    pub zone: &'static str,
    /// When they are set, in seconds since 1970.
    set_at: i64,
    /// Minutes ahead of UTC until then, and from then on.
    until: i64,
    from: i64,
}

/// How a civil time stands to the clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// As on any other day.
    Once,
    /// Clocks are set back over it.
    Twice,
    /// Clocks are set forward over it.
    Never,
}

const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

impl Clocks {
    /// Clocks that are never set.
    pub const UTC: Clocks = Clocks { zone: "UTC", set_at: 0, until: 0, from: 0 };

    /// Back and forward, at night, at midnight, and by half an hour.
    #[rustfmt::skip]
    pub const SET: [Clocks; 5] = [
        // 2025-11-02, one o'clock is midnight again.
        Clocks { zone: "America/Havana", set_at: 1_762_059_600, until: -240, from: -300 },
        // 2025-03-09, there is no midnight.
        Clocks { zone: "America/Havana", set_at: 1_741_496_400, until: -300, from: -240 },
        // 2025-10-26, three is two again.
        Clocks { zone: "Europe/Berlin", set_at: 1_761_440_400, until: 120, from: 60 },
        // 2025-03-30, two is three.
        Clocks { zone: "Europe/Berlin", set_at: 1_743_296_400, until: 60, from: 120 },
        // 2025-04-06, two is half past one.
        Clocks { zone: "Australia/Lord_Howe", set_at: 1_743_865_200, until: 660, from: 630 },
    ];

    /// Those of a zone that are set next to an instant; of a zone that is not here, those that are never set.
    pub fn of(zone: &str, now: Instant) -> Clocks {
        let here = Clocks::SET.into_iter().filter(|c| c.zone == zone);
        here.min_by_key(|c| c.set_at().since(now).0.saturating_abs()).unwrap_or(Clocks::UTC)
    }

    /// When they are set.
    pub const fn set_at(&self) -> Instant {
        Instant(self.set_at * 1_000_000)
    }

    /// What they show, in microseconds since 1970 as if it were UTC.
    pub fn shows(&self, t: Instant) -> i64 {
        t.0 + if t < self.set_at() { self.until } else { self.from } * MINUTE
    }

    /// Which day it is, since 1970.
    pub fn day(&self, t: Instant) -> i64 {
        self.shows(t).div_euclid(DAY)
    }

    /// The minute of its day.
    pub fn minute(&self, t: Instant) -> i64 {
        self.shows(t).rem_euclid(DAY) / MINUTE
    }

    /// The minute of its day that they would show if nobody set them.
    pub fn minute_as_before(&self, t: Instant) -> i64 {
        (t.0 + self.until * MINUTE).rem_euclid(DAY) / MINUTE
    }

    /// When they show that minute of that day: the first time if they do so twice, and as much later if they never do.
    pub fn instant(&self, day: i64, minute: i64) -> Instant {
        let shown = day * DAY + minute * MINUTE;
        let (first, second) = (Instant(shown - self.until * MINUTE), Instant(shown - self.from * MINUTE));
        if first < self.set_at() || second < self.set_at() { first } else { second }
    }

    /// How that minute of that day stands to them.
    pub fn is(&self, day: i64, minute: i64) -> Is {
        let shown = day * DAY + minute * MINUTE;
        let (until, from) = (self.set_at().0 + self.until * MINUTE, self.set_at().0 + self.from * MINUTE);
        if from <= shown && shown < until {
            Is::Twice
        } else if until <= shown && shown < from {
            Is::Never
        } else {
            Is::Once
        }
    }

    /// Whether something is within hours of a day, from a minute to a minute of it.
    pub fn within(&self, interval: Interval, from: i64, to: i64) -> bool {
        let day = self.day(interval.start());
        self.instant(day, from) <= interval.start() && interval.end() <= self.instant(day, to)
    }
}
