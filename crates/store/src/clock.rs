//! The process's clocks: the wall's, and the one that nobody sets.
//! It decides nothing; [`crate::embedded`] compares the two.

use rustix::time::{ClockId, clock_gettime};
use slotwise_domain::{Instant, Span};
use slotwise_engine::Clock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The clocks of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
    fn now(&self) -> Instant {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        };
        Instant(micros)
    }

    fn since_boot(&self) -> Span {
        let t = clock_gettime(ClockId::Boottime);
        Span(t.tv_sec.saturating_mul(1_000_000).saturating_add(t.tv_nsec / 1_000))
    }
}

/// How long the calling thread has been at work, not counting what it waited for.
pub(crate) fn thread_cpu() -> Duration {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}
