//! Whether the store may be relied on: whether its writer has stopped, and whether somebody has set the wall clock.
//! What has stopped stays stopped; only an operator accepts a clock.

use slotwise_domain::{Instant, Span};
use slotwise_engine::{Clock, Status};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// How far the wall clock may part from the boot clock.
const APART_MAX: Span = Span::seconds(5);

pub(crate) struct Health {
    /// The cause, plainly.
    stopped: OnceLock<String>,
    /// What an operator should look at; nothing is stopped for it.
    warnings: Mutex<BTreeMap<&'static str, String>>,
    clock: Mutex<Watch>,
}

struct Watch {
    wall: Instant,
    boot: Span,
    jumped: bool,
}

impl Watch {
    /// The wall clock, so long after the boot, if nobody has set it.
    fn would_say(&self, boot: Span) -> Instant {
        self.wall.plus(Span(boot.0.saturating_sub(self.boot.0)))
    }
}

impl Health {
    /// Relies on the clock as it is now.
    pub fn new(clock: &dyn Clock) -> Health {
        Health {
            stopped: OnceLock::new(),
            warnings: Mutex::default(),
            clock: Mutex::new(Watch { wall: clock.now(), boot: clock.since_boot(), jumped: false }),
        }
    }

    /// Ends all writing, for good. The reason goes to the log; the first cause, in plain words, is what anybody may be told.
    pub fn stop(&self, cause: impl Into<String>, reason: String) {
        let cause = cause.into();
        tracing::error!(cause, reason, "the store has stopped writing; nothing is accepted until it is started again");
        drop(self.stopped.set(cause));
    }

    /// Says something of a part of the store until it says something else; `None` says that all is well with it.
    pub fn warn(&self, of: &'static str, says: Option<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match says {
            Some(says) => drop(warnings.insert(of, says)),
            None => drop(warnings.remove(of)),
        }
    }

    /// What an operator should look at.
    pub fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Why nothing is written any more.
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// Whether the wall clock was set by much since the start, or since somebody last said that it is right.
    pub fn clock_jumped(&self, wall: Instant, boot: Span) -> bool {
        self.clock_jumped_between(wall, boot, boot)
    }

    /// The same, where the wall clock was read at some moment between two readings of the boot clock: it was set if both say so.
    pub fn clock_jumped_between(&self, wall: Instant, from: Span, until: Span) -> bool {
        let mut watch = self.watch();
        // Whatever lies between them may be so.
        let [most, least] = [from, until].map(|boot| wall.since(watch.would_say(boot)).0);
        let apart = 0_i64.clamp(least.min(most), most);
        if apart.saturating_abs() > APART_MAX.0 && !watch.jumped {
            tracing::error!(
                apart_us = apart,
                "the wall clock was set; nothing is decided until an operator accepts it"
            );
            watch.jumped = true;
        }
        watch.jumped
    }

    /// What the wall clock says; or would say, had nobody set it. By this it is told what is long over and may be left out or thrown
    /// away: a clock that is wrong for an hour must not cost what nobody can bring back.
    pub fn unset(&self, clock: &dyn Clock) -> Instant {
        let (wall, boot) = (clock.now(), clock.since_boot());
        match self.clock_jumped(wall, boot) {
            false => wall,
            true => self.watch().would_say(boot),
        }
    }

    /// An operator says that the clock is right. If it was put back, `put_back` is done before anything is decided by it.
    pub fn accept(&self, clock: &dyn Clock, put_back: impl FnOnce()) {
        let (wall, boot) = (clock.now(), clock.since_boot());
        let mut watch = self.watch();
        let back = watch.would_say(boot).since(wall) > APART_MAX;
        *watch = Watch { wall, boot, jumped: false };
        if back {
            put_back();
        }
    }

    pub fn status(&self, clock: &dyn Clock) -> Status {
        match self.stopped() {
            Some(reason) => Status::Stopped(reason.to_owned()),
            None if self.clock_jumped(clock.now(), clock.since_boot()) => Status::ClockJumped,
            None => Status::Ready,
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
