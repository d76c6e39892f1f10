//! How long an attempt that comes now would take, by how long those took that came before.
//! It only reckons: it keeps nobody waiting, reads no clock and knows no store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How fast a crowd is served.
///
/// Whoever comes waits for those who are before them, so the time is what each of those costs. That is learned from executions that
/// found a crowd before them: when few come, nearly all of the time is one sync, and the first moment of a crowd would look like
/// minutes.
pub struct Pressure {
    /// So many are let in whatever is expected, or a store that was slow once would never be tried again.
    few: usize,
    /// Nanoseconds for each that is before; 0 before anything is known.
    each: AtomicU64,
}

impl Pressure {
    /// So many are no crowd: they find room in one commit.
    pub fn new(few: usize) -> Pressure {
        Pressure { few: few.max(1), each: AtomicU64::new(0) }
    }

    /// An execution that came while so many others were under way took so long.
    pub fn ended(&self, before: usize, took: Duration) {
        if before < self.few / 2 {
            return;
        }
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX) / (before as u64).max(1);
        let share = (self.few as u64 / 2).max(1);
        let known = self.each.load(Ordering::Relaxed);
        let after = match known {
            0 => took,
            // Those of one full commit make up six sevenths of what is known after it.
            known => known - known / share + took / share,
        };
        // Two at the same time may count as one: there are many.
        self.each.store(after.max(1), Ordering::Relaxed);
    }

    /// How long whoever comes now is expected to wait behind so many; nothing if those are few.
    pub fn wait(&self, before: usize) -> Duration {
        match before < self.few {
            true => Duration::ZERO,
            false => Duration::from_nanos(self.each.load(Ordering::Relaxed).saturating_mul(before as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn nothing_is_expected_before_anything_is_known() {
        assert_eq!(Pressure::new(100).wait(1_000_000), Duration::ZERO);
    }

    #[test]
    fn the_wait_grows_with_those_before() {
        let pressure = Pressure::new(100);
        pressure.ended(200, 100 * MS);
        assert_eq!([0, 99, 100, 1_000].map(|before| pressure.wait(before)), [0, 0, 50, 500].map(|n| n * MS));
    }

    #[test]
    fn few_say_nothing_of_a_crowd() {
        let pressure = Pressure::new(1_000);
        // A sync and nothing else: for each of ten thousand it would be ten seconds.
        pressure.ended(1, MS);
        assert_eq!(pressure.wait(10_000), Duration::ZERO);
    }

    #[test]
    fn a_stall_is_forgotten_by_one_full_commit_that_was_none() {
        let pressure = Pressure::new(1_024);
        (0..1_024).for_each(|_| pressure.ended(1_024, 10_240 * MS));
        assert_eq!(pressure.wait(2_000), 20_000 * MS);
        (0..5 * 1_024).for_each(|_| pressure.ended(1_023, 10 * MS));
        assert!(pressure.wait(2_000) < 100 * MS, "{:?}", pressure.wait(2_000));
    }

    #[test]
    fn however_slow_it_was_one_commit_is_filled() {
        let pressure = Pressure::new(10);
        pressure.ended(10, Duration::MAX);
        assert_eq!(pressure.wait(9), Duration::ZERO);
        assert!(
            pressure.wait(10) > Duration::from_secs(3_600) && pressure.wait(usize::MAX) > Duration::from_secs(3_600)
        );
    }
}
