//! The clocks of the world: the store's, and each machine's own, which may be wrong and may be set.
//! Time passes only while everybody waits; nothing here reads a real clock.

use crate::chance::Chance;
use slotwise_domain::{Instant, Span};
use slotwise_engine::{Clock, Ids};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::{Builder, Uuid};

/// When most worlds begin by a clock that is right: Monday, 5 January 2026, 08:00 UTC.
pub const BEGIN: Instant = Instant(1_767_600_000_000_000);

/// Microseconds since the world began, whatever the clocks show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub u64);

/// Where a world's time began.
#[derive(Clone, Copy, Debug)]
pub struct Began {
    at: tokio::time::Instant,
    /// What a clock that is right showed then.
    pub shown: Instant,
}

impl Began {
    /// Now, which is this instant.
    pub fn now(shown: Instant) -> Began {
        Began { at: tokio::time::Instant::now(), shown }
    }

    /// How long ago that is.
    pub fn moment(self) -> Moment {
        Moment(u64::try_from(self.at.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// One machine's clock.
#[derive(Debug)]
pub struct SimClock {
    began: Began,
    wrong_by: AtomicI64,
}

impl SimClock {
    /// A clock that is wrong by so much.
    pub fn new(began: Began, wrong_by: Span) -> Arc<SimClock> {
        Arc::new(SimClock { began, wrong_by: AtomicI64::new(wrong_by.0) })
    }

    /// Somebody sets it.
    pub fn set_by(&self, span: Span) {
        self.wrong_by.fetch_add(span.0, Ordering::Relaxed);
    }

    fn elapsed(&self) -> i64 {
        i64::try_from(self.began.moment().0).unwrap_or(i64::MAX)
    }
}

impl Clock for SimClock {
    fn now(&self) -> Instant {
        self.began.shown.plus(Span(self.elapsed())).plus(Span(self.wrong_by.load(Ordering::Relaxed)))
    }

    fn since_boot(&self) -> Span {
        Span(self.elapsed())
    }
}

/// New ids, dated by a clock.
#[derive(Debug)]
pub struct SimIds {
    clock: Arc<SimClock>,
    chance: Mutex<Chance>,
}

impl SimIds {
    /// Ids of one machine.
    pub fn new(clock: Arc<SimClock>, chance: Chance) -> Arc<SimIds> {
        Arc::new(SimIds { clock, chance: Mutex::new(chance) })
    }
}

impl Ids for SimIds {
    fn fresh(&self) -> Uuid {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = [0; 10];
        rest[..8].copy_from_slice(&chance.number().to_be_bytes());
        rest[8..].copy_from_slice(&chance.number().to_be_bytes()[..2]);
        let millis = u64::try_from(self.clock.now().0 / 1_000).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}
