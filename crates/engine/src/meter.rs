//! The last two minutes, second by second: attempts by outcome and code, how long they took, commits, and which resources are hot.
//! It is kept in memory within fixed bounds, is gone with the process, and decides nothing.

use crate::attempt::lock;
use crate::port::Clock;
use slotwise_domain::{Instant, ResourceId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Seconds that are remembered.
pub const SECONDS_KEPT: i64 = 120;
/// Seconds that [`Heat`] is summed over.
pub const HOT_SECONDS: i64 = 60;
/// Resources of a [`Snapshot`].
pub const HOTTEST_MAX: usize = 10;
/// Resources counted in one second; further ones of that second are left out of [`Heat`], and of nothing else.
const RESOURCES_MAX: usize = 512;
/// A clock that was set back by more seconds than this begins a new memory.
const SET_BACK: i64 = 5;

/// How an execution ended, for latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// BOOKED or ACCEPTED.
    Accepted,
    /// REJECTED.
    Rejected,
    /// FAILED.
    Failed,
    /// No outcome, or the one of before: counted, and in no latency.
    Other,
}

/// So many executions with one outcome and code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// As in JSON.
    pub outcome: &'static str,
    /// As in JSON; empty for what was accepted.
    pub code: &'static str,
    /// How many.
    pub count: u32,
}

/// How long executions took, in microseconds: never less than it was, and at most a sixteenth more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many were measured; the rest is 0 if none was.
    pub count: u32,
    /// Half of them took no longer.
    pub p50: u64,
    /// 19 of 20.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
}

/// One second that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Second {
    /// Which: seconds since 1970.
    pub at: i64,
    /// Executions that ended in it.
    pub counts: Vec<Count>,
    /// Of all that have an outcome.
    pub all: Latency,
    /// Of those accepted.
    pub accepted: Latency,
    /// Of those rejected.
    pub rejected: Latency,
    /// Of those that failed.
    pub failed: Latency,
    /// Commits in it.
    pub commits: u32,
    /// Proposals of those commits.
    pub proposals: u32,
    /// Proposals of the largest of them.
    pub batch_max: u32,
}

/// What was decided on one resource lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heat {
    /// Decisions.
    pub attempts: u32,
    /// Accepted ones.
    pub accepted: u32,
    /// Refused ones.
    pub refused: u32,
}

/// What is remembered at an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The seconds that are over, oldest first, at most [`SECONDS_KEPT`]; without those in which nothing happened.
    pub seconds: Vec<Second>,
    /// The hottest resources of the last [`HOT_SECONDS`], hottest first, at most [`HOTTEST_MAX`].
    pub hottest: Vec<(ResourceId, Heat)>,
}

/// Measures. One lock, held for a few additions; percentiles are taken once, when a second is over.
pub struct Meter {
    clock: Arc<dyn Clock>,
    memory: Mutex<Memory>,
}

struct Memory {
    running: Running,
    over: VecDeque<Second>,
    hot: VecDeque<(i64, HashMap<ResourceId, Heat>)>,
}

/// The second that is not over yet.
#[derive(Default)]
struct Running {
    at: i64,
    counts: Vec<Count>,
    accepted: Buckets,
    rejected: Buckets,
    failed: Buckets,
    commits: u32,
    proposals: u32,
    batch_max: u32,
    heat: HashMap<ResourceId, Heat>,
}

impl Meter {
    /// A meter that remembers nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Meter {
        let running = Running { at: second(clock.now()), ..Running::default() };
        Meter { clock, memory: Mutex::new(Memory { running, over: VecDeque::new(), hot: VecDeque::new() }) }
    }

    /// An execution has ended, on these resources if it was decided.
    pub fn ended(
        &self,
        class: Class,
        outcome: &'static str,
        code: &'static str,
        took: Duration,
        resources: impl Iterator<Item = ResourceId>,
    ) {
        let at = second(self.clock.now());
        let mut memory = lock(&self.memory);
        memory.go_on_to(at);
        let running = &mut memory.running;
        match running.counts.iter_mut().find(|c| c.outcome == outcome && c.code == code) {
            Some(known) => known.count += 1,
            None => running.counts.push(Count { outcome, code, count: 1 }),
        }
        match class {
            Class::Accepted => running.accepted.add(took),
            Class::Rejected => running.rejected.add(took),
            Class::Failed => running.failed.add(took),
            Class::Other => {}
        }
        for resource in resources {
            if running.heat.len() >= RESOURCES_MAX && !running.heat.contains_key(&resource) {
                continue;
            }
            let heat = running.heat.entry(resource).or_default();
            heat.attempts += 1;
            match class {
                Class::Accepted => heat.accepted += 1,
                Class::Rejected => heat.refused += 1,
                Class::Failed | Class::Other => {}
            }
        }
    }

    /// So many proposals were put into one commit.
    pub fn committed(&self, proposals: usize) {
        let proposals = u32::try_from(proposals).unwrap_or(u32::MAX);
        let at = second(self.clock.now());
        let mut memory = lock(&self.memory);
        memory.go_on_to(at);
        let running = &mut memory.running;
        running.commits += 1;
        running.proposals = running.proposals.saturating_add(proposals);
        running.batch_max = running.batch_max.max(proposals);
    }

    /// What is remembered now.
    pub fn snapshot(&self) -> Snapshot {
        let now = second(self.clock.now());
        let mut memory = lock(&self.memory);
        memory.go_on_to(now);
        let seconds = memory.over.iter().filter(|s| s.at >= now - SECONDS_KEPT).cloned().collect();
        let mut sum: HashMap<ResourceId, Heat> = HashMap::new();
        let lately = memory.hot.iter().filter(|(at, _)| *at > now - HOT_SECONDS).map(|(_, heat)| heat);
        for (resource, heat) in lately.chain([&memory.running.heat]).flatten() {
            let total = sum.entry(*resource).or_default();
            total.attempts += heat.attempts;
            total.accepted += heat.accepted;
            total.refused += heat.refused;
        }
        drop(memory);
        let mut hottest: Vec<(ResourceId, Heat)> = sum.into_iter().collect();
        hottest.sort_unstable_by_key(|(resource, heat)| (std::cmp::Reverse(heat.attempts), *resource));
        hottest.truncate(HOTTEST_MAX);
        Snapshot { seconds, hottest }
    }
}

impl Memory {
    /// Closes the running second if another has begun.
    fn go_on_to(&mut self, at: i64) {
        if at < self.running.at - SET_BACK {
            *self =
                Memory { running: Running { at, ..Running::default() }, over: VecDeque::new(), hot: VecDeque::new() };
        }
        if at <= self.running.at {
            return;
        }
        let over = std::mem::replace(&mut self.running, Running { at, ..Running::default() });
        let Running { at: was, counts, accepted, rejected, failed, commits, proposals, batch_max, heat } = over;
        if !heat.is_empty() {
            self.hot.push_back((was, heat));
        }
        if !counts.is_empty() || commits > 0 {
            self.over.push_back(Second {
                at: was,
                counts,
                all: Latency::of(&[&accepted, &rejected, &failed]),
                accepted: Latency::of(&[&accepted]),
                rejected: Latency::of(&[&rejected]),
                failed: Latency::of(&[&failed]),
                commits,
                proposals,
                batch_max,
            });
        }
        while self.over.front().is_some_and(|s| s.at < at - SECONDS_KEPT) {
            self.over.pop_front();
        }
        while self.hot.front().is_some_and(|(second, _)| *second <= at - HOT_SECONDS) {
            self.hot.pop_front();
        }
    }
}

fn second(at: Instant) -> i64 {
    at.0.div_euclid(1_000_000)
}

/// Steps of one doubling.
const STEPS: usize = 16;
/// From a microsecond to more than two minutes; what takes longer is in the last.
const BUCKETS: usize = 400;

/// Durations by size: each of the first sixteen microseconds, then sixteen steps for every doubling.
#[derive(Default)]
struct Buckets {
    /// Empty until something is measured, so that a quiet second costs nothing.
    counts: Vec<u32>,
}

impl Buckets {
    fn add(&mut self, took: Duration) {
        if self.counts.is_empty() {
            self.counts = vec![0; BUCKETS];
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(micros)) {
            *count += 1;
        }
    }
}

fn bucket(micros: u64) -> usize {
    if micros < STEPS as u64 {
        return micros as usize;
    }
    let doublings = micros.ilog2() as usize - 4;
    let step = (micros >> doublings) as usize - STEPS;
    ((doublings + 1) * STEPS + step).min(BUCKETS - 1)
}

/// The longest duration of a bucket, in microseconds.
fn longest(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let (doublings, step) = (bucket / STEPS - 1, bucket % STEPS);
    (((STEPS + step + 1) as u64) << doublings) - 1
}

impl Latency {
    fn of(measured: &[&Buckets]) -> Latency {
        let at = |n: usize| measured.iter().filter_map(|b| b.counts.get(n)).sum::<u32>();
        let count: u32 = (0..BUCKETS).map(at).sum();
        let mut latency = Latency { count, ..Latency::default() };
        let mut sum = 0;
        for n in (0..BUCKETS).filter(|_| count > 0) {
            let before = sum;
            sum += at(n);
            for (percent, value) in [(50, &mut latency.p50), (95, &mut latency.p95), (99, &mut latency.p99)] {
                let rank = (u64::from(count) * percent).div_ceil(100);
                if u64::from(before) < rank && rank <= u64::from(sum) {
                    *value = longest(n);
                }
            }
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotwise_domain::Span;
    use std::sync::atomic::{AtomicI64, Ordering};
    use uuid::Uuid;

    #[derive(Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Instant {
            Instant(self.0.load(Ordering::SeqCst))
        }
        fn since_boot(&self) -> Span {
            Span(self.0.load(Ordering::SeqCst))
        }
    }

    struct Bench {
        hand: Arc<Hand>,
        meter: Meter,
    }

    impl Bench {
        fn at(second: i64) -> Bench {
            let hand = Arc::new(Hand::default());
            hand.0.store(second * 1_000_000, Ordering::SeqCst);
            Bench { meter: Meter::new(hand.clone()), hand }
        }

        fn go_to(&self, second: i64) -> &Bench {
            self.hand.0.store(second * 1_000_000 + 999_999, Ordering::SeqCst);
            self
        }

        fn ended(
            &self,
            class: Class,
            outcome: &'static str,
            code: &'static str,
            micros: u64,
            resource: u128,
        ) -> &Bench {
            let resource = ResourceId(Uuid::from_u128(resource));
            self.meter.ended(class, outcome, code, Duration::from_micros(micros), [resource].into_iter());
            self
        }

        fn booked(&self, resource: u128) -> &Bench {
            self.ended(Class::Accepted, "BOOKED", "", 900, resource)
        }

        fn full(&self, resource: u128) -> &Bench {
            self.ended(Class::Rejected, "REJECTED", "full", 700, resource)
        }
    }

    #[test]
    fn every_duration_lies_in_its_bucket_and_is_told_at_most_a_sixteenth_too_long() {
        let mut before = 0;
        for micros in (0..5_000).chain((5_000..200_000_000).step_by(9_973)) {
            let n = bucket(micros);
            assert!(n >= before && n < BUCKETS, "{micros}");
            before = n;
            if n < BUCKETS - 1 {
                assert!(longest(n) >= micros && longest(n) <= micros + micros / 16, "{micros}: {}", longest(n));
                assert!(n == 0 || longest(n - 1) < micros, "{micros}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_those_of_the_sorted_list() {
        let bench = Bench::at(100);
        for n in 1..=100 {
            bench.ended(Class::Rejected, "REJECTED", "full", n * 10, 1);
        }
        bench.booked(1).go_to(101);
        let seconds = bench.meter.snapshot().seconds;
        let rejected = seconds[0].rejected;
        assert_eq!(rejected.count, 100);
        for (told, is) in [(rejected.p50, 500), (rejected.p95, 950), (rejected.p99, 990)] {
            assert!(told >= is && told <= is + is / 16, "{told} for {is}");
        }
        assert_eq!((seconds[0].all.count, seconds[0].accepted.count, seconds[0].failed), (101, 1, Latency::default()));
    }

    #[test]
    fn one_measurement_is_every_percentile() {
        let bench = Bench::at(1);
        bench.ended(Class::Failed, "FAILED", "busy", 7, 1).go_to(2);
        assert_eq!(bench.meter.snapshot().seconds[0].failed, Latency { count: 1, p50: 7, p95: 7, p99: 7 });
    }

    #[test]
    fn a_second_is_told_when_it_is_over_and_quiet_ones_are_left_out() {
        let bench = Bench::at(100);
        bench.booked(1).full(1).full(1);
        assert_eq!(bench.meter.snapshot().seconds, []);
        bench.go_to(103).full(2).go_to(104);
        let seconds = bench.meter.snapshot().seconds;
        let count = |outcome, code, count| Count { outcome, code, count };
        let told: Vec<_> = seconds.iter().map(|s| (s.at, s.counts.clone())).collect();
        let first = vec![count("BOOKED", "", 1), count("REJECTED", "full", 2)];
        assert_eq!(told, [(100, first), (103, vec![count("REJECTED", "full", 1)])]);
    }

    #[test]
    fn two_minutes_are_kept_and_what_is_older_is_forgotten() {
        let bench = Bench::at(1);
        for second in 1..=300 {
            bench.go_to(second).booked(1);
        }
        bench.go_to(301);
        let seconds = bench.meter.snapshot().seconds;
        assert_eq!((seconds.len(), seconds[0].at, seconds[119].at), (120, 181, 300));
        bench.go_to(10_000);
        assert_eq!(bench.meter.snapshot(), Snapshot::default());
    }

    #[test]
    fn the_hottest_are_those_of_the_last_minute_and_bounded() {
        let bench = Bench::at(1_000);
        for _ in 0..50 {
            bench.full(99);
        }
        bench.go_to(1_061);
        for resource in 1..=20 {
            for _ in 0..resource {
                bench.full(resource);
            }
        }
        bench.booked(20);
        let hottest = bench.meter.snapshot().hottest;
        assert_eq!(hottest.len(), HOTTEST_MAX);
        let (first, heat) = hottest[0];
        assert_eq!((first.0.as_u128(), heat), (20, Heat { attempts: 21, accepted: 1, refused: 20 }));
        assert_eq!(hottest[9].0.0.as_u128(), 11);
        bench.go_to(1_062);
        for resource in 0..2_000 {
            bench.full(1_000 + resource);
        }
        assert!(lock(&bench.meter.memory).running.heat.len() <= RESOURCES_MAX);
        bench.go_to(1_063);
        let seconds = bench.meter.snapshot().seconds;
        assert_eq!(seconds.last().map(|s| s.counts[0].count), Some(2_000), "left out of the heat only");
    }

    #[test]
    fn commits_are_summed_and_the_largest_is_known() {
        let bench = Bench::at(5);
        for proposals in [1, 30, 4] {
            bench.meter.committed(proposals);
        }
        bench.go_to(6);
        let second = &bench.meter.snapshot().seconds[0];
        assert_eq!((second.commits, second.proposals, second.batch_max), (3, 35, 30));
    }

    #[test]
    fn a_clock_set_back_begins_a_new_memory() {
        let bench = Bench::at(10_000);
        bench.booked(1).go_to(10_001).booked(1).go_to(4_000).full(2).go_to(4_001);
        let snapshot = bench.meter.snapshot();
        assert_eq!(snapshot.seconds.iter().map(|s| s.at).collect::<Vec<_>>(), [4_000]);
        assert_eq!(snapshot.hottest.len(), 1);
    }
}
