//! What a seed draws before its world begins: machines, rules, and what goes wrong how often. Much of it is left out of each seed,
//! so that what hides behind something else is seen in others.
//! It does nothing.

use crate::chance::Chance;
use slotwise_domain::{Cutoff, Instant, Interval, Policy, Span, WaitFill, WaitMode, Waitlist};
use std::time::Duration;

/// How the store is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One process over a disk of its own: whatever fails there stops it until somebody restarts it.
    Embedded,
    /// Several over one database, each over a network of its own: what is not known is asked for with a tombstone.
    Shared,
}

/// What goes wrong, per mille of the occasions unless it is a time.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// A message never comes.
    pub loss: u64,
    /// A commit is delivered twice.
    pub twice: u64,
    /// How long a message takes at most.
    pub delay: Duration,
    /// A message takes seconds.
    pub clog: u64,
    /// A commit waits for the disk or for others, at most so long.
    pub stall: Duration,
    /// How often it does.
    pub stalls: u64,
    /// A row is not had in time.
    pub busy: u64,
    /// There is no room for what is written.
    pub full_disk: u64,
    /// A sync fails.
    pub sync: u64,
    /// A read fails.
    pub read: u64,
    /// Every so often something crashes; never if zero.
    pub crash_every: Duration,
    /// Every so often the store's clock is set; never if zero.
    pub clock_every: Duration,
    /// A client goes away before it is answered.
    pub cancel: u64,
    /// A client sends the same thing twice at once.
    pub double: u64,
}

/// A resource to be made.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its units at first.
    pub capacity: u32,
    /// Its rules.
    pub policy: Policy,
    /// The times that people want; few, so that they meet.
    pub times: Vec<Interval>,
}

/// What a seed draws.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How the store is had.
    pub kind: Kind,
    /// How many instances.
    pub instances: usize,
    /// How wrong the clock of each is.
    pub wrong_by: Vec<Span>,
    /// What goes wrong in the first half. In the second nothing does.
    pub faults: Faults,
    /// What can be booked.
    pub rooms: Vec<Room>,
    /// How many people, the admin not counted.
    pub people: usize,
    /// Commands of each in each half.
    pub commands: usize,
    /// How long they think at most.
    pub think: Duration,
    /// Proposals that may wait for a commit of one instance.
    pub queue_max: usize,
    /// Proposals of one commit.
    pub batch_max: usize,
}

impl Setting {
    /// What this seed draws, of a world that begins at `begin`.
    pub fn of(chance: &mut Chance, begin: Instant) -> Setting {
        let kind = if chance.within(350) { Kind::Embedded } else { Kind::Shared };
        let instances = match kind {
            Kind::Embedded => 1,
            Kind::Shared => 1 + chance.below(3) as usize,
        };
        // By several minutes, on the machines that must not decide; the store's clock is set while it runs.
        let wrong_by = (0..instances).map(|_| Span::seconds(chance.below(1_200) as i64 - 600)).collect();
        let think = [50, 500, 4_000, 15_000][chance.below(4) as usize];
        Setting {
            kind,
            instances,
            wrong_by,
            faults: faults(chance),
            rooms: (0..1 + chance.below(3)).map(|_| room(chance, begin)).collect(),
            people: 2 + chance.below(5) as usize,
            commands: 10 + chance.below(40) as usize,
            think: Duration::from_millis(think),
            queue_max: if chance.within(150) { 2 } else { 16_384 },
            batch_max: if chance.within(300) { 1 } else { 64 },
        }
    }
}

/// In half of all seeds something does not happen.
fn some(chance: &mut Chance, most: u64) -> u64 {
    if chance.within(500) { 0 } else { 1 + chance.below(most) }
}

fn faults(chance: &mut Chance) -> Faults {
    let seconds = |n| Duration::from_secs(n);
    Faults {
        loss: some(chance, 120),
        twice: some(chance, 300),
        delay: Duration::from_millis(some(chance, 100)),
        clog: some(chance, 30),
        stall: seconds(some(chance, 20)),
        stalls: some(chance, 60),
        busy: some(chance, 60),
        full_disk: some(chance, 15),
        sync: some(chance, 20),
        read: some(chance, 40),
        crash_every: seconds(some(chance, 40)),
        clock_every: seconds(some(chance, 60)),
        cancel: some(chance, 200),
        double: some(chance, 100),
    }
}

fn room(chance: &mut Chance, begin: Instant) -> Room {
    let minutes = |chance: &mut Chance, most| Span::minutes(some(chance, most) as i64);
    let cutoff = |chance: &mut Chance| match chance.below(3) {
        0 => None,
        _ => Some(Cutoff::Elapsed(Span::seconds(chance.below(600) as i64))),
    };
    let mode = match chance.below(4) {
        0 => None,
        1 | 2 => Some(WaitMode::Book),
        _ => Some(WaitMode::Offer { ttl: Span::seconds(1 + chance.below(40) as i64) }),
    };
    let waitlist = mode.map(|mode| Waitlist { mode, fill: WaitFill::Skip, capacity: None });
    let policy = Policy {
        hold_ttl: Span::seconds([1, 5, 30][chance.below(3) as usize]),
        setup: minutes(chance, 2),
        teardown: minutes(chance, 2),
        book_by: cutoff(chance),
        cancel_by: cutoff(chance),
        waitlist,
        ..Policy::default()
    };
    let time = |chance: &mut Chance| {
        // Some begin while the world lasts.
        let start = begin.plus(Span::minutes(1 + chance.below(40) as i64));
        Interval::new(start, start.plus(Span::minutes(1 + chance.below(12) as i64))).ok()
    };
    let times = (0..2 + chance.below(5)).filter_map(|_| time(chance)).collect();
    Room { capacity: 1 + chance.below(3) as u32, policy, times }
}
