//! What a seed draws before its world begins: machines, rules, and what goes wrong how often. Much of it is left out of each seed,
//! so that what hides behind something else is seen in others.
//! It does nothing.

use crate::chance::Chance;
use crate::clock::BEGIN;
use crate::zones::Clocks;
use jiff::civil;
use slotwise_domain::{
    Cutoff, Instant, Interval, Measure, OpeningHours, Period, Policy, Quota, QuotaScope, Span, WaitFill, WaitMode,
    Waitlist,
};
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
    /// More than bookings, holds and waiting is asked for: blocks, overrides, series, swaps, in the hours around which clocks are set.
    pub rich: bool,
    /// When it begins by a clock that is right.
    pub begin: Instant,
    /// The clocks that its civil times are read by.
    pub clocks: Clocks,
}

impl Setting {
    /// What this seed draws.
    pub fn of(seed: u64, rich: bool, chance: &mut Chance) -> Setting {
        let mut setting = Setting::plain(chance);
        if rich {
            // Of a chance of its own: what is plain does what it always did.
            setting.enrich(&mut Chance::new(!seed));
        }
        setting
    }

    fn plain(chance: &mut Chance) -> Setting {
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
            rooms: (0..1 + chance.below(3)).map(|_| room(chance, BEGIN)).collect(),
            people: 2 + chance.below(5) as usize,
            commands: 10 + chance.below(40) as usize,
            think: Duration::from_millis(think),
            queue_max: if chance.within(150) { 2 } else { 16_384 },
            batch_max: if chance.within(300) { 1 } else { 64 },
            rich: false,
            begin: BEGIN,
            clocks: Clocks::UTC,
        }
    }

    /// More rules, and more that is asked for.
    fn enrich(&mut self, chance: &mut Chance) {
        self.rich = true;
        let clocks = chance.one(&Clocks::SET).copied().filter(|_| chance.within(600));
        if let Some(clocks) = clocks {
            // The clocks are set while it lasts, or an hour later, in which what is booked begins.
            let before = Span::minutes(if chance.within(300) { 60 } else { 0 } + chance.below(12) as i64);
            (self.clocks, self.begin) = (clocks, clocks.set_at().minus(before));
        }
        for room in &mut self.rooms {
            self.clocks.rules(&mut room.policy, chance, self.begin);
            room.capacity += chance.below(3) as u32;
            let later = if self.clocks == Clocks::UTC { 40 } else { 100 };
            room.times = times(chance, self.begin, later);
        }
    }
}

impl Clocks {
    /// Rules that a day, an hour or somebody's number of bookings matters to.
    fn rules(&self, policy: &mut Policy, chance: &mut Chance, begin: Instant) {
        if chance.within(350) {
            policy.book_by = Some(self.cutoff(chance, begin));
        }
        if chance.within(350) {
            policy.cancel_by = Some(self.cutoff(chance, begin));
        }
        if chance.within(400) {
            let period = if chance.within(600) { Period::Day } else { Period::All };
            let most = 1 + chance.below(3) as u32;
            policy.quota = Some(Quota { most, counts: Measure::Units, period, scope: QuotaScope::Resource });
        }
        if let Some(waitlist) = &mut policy.waitlist
            && chance.within(600)
        {
            waitlist.fill = WaitFill::Strict;
        }
        let from = self.minute(begin) + 1 + chance.below(15) as i64;
        let to = from + 30 + chance.below(80) as i64;
        if chance.within(250) && to <= 1_440 {
            let days = (0..7).filter_map(|n| civil::Weekday::from_monday_zero_offset(n).ok()).collect();
            policy.opening_hours = vec![OpeningHours { days, from_min: from as u16, to_min: to as u16 }];
        }
    }

    /// A civil time that comes while the world lasts, or just when there is none.
    fn cutoff(&self, chance: &mut Chance, begin: Instant) -> Cutoff {
        let around = match chance.below(3) {
            _ if *self == Clocks::UTC => begin.plus(Span::seconds(chance.below(1_800) as i64)),
            0 => begin.plus(Span::seconds(chance.below(1_800) as i64)),
            // In the hour that is twice, seen from its end; in the hour that is not, as if nobody had set them.
            1 => self.set_at().minus(Span::minutes(1 + chance.below(10) as i64)),
            _ => self.set_at().plus(Span::minutes(chance.below(20) as i64)),
        };
        let minute = self.minute_as_before(around);
        let at = civil::time((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        Cutoff::Civil { days_before: u16::from(chance.within(150)), at }
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
    let times = times(chance, begin, 40);
    Room { capacity: 1 + chance.below(3) as u32, policy, times }
}

/// Times that begin within so many minutes; some while the world lasts.
fn times(chance: &mut Chance, begin: Instant, later: u64) -> Vec<Interval> {
    let time = |chance: &mut Chance| {
        let start = begin.plus(Span::minutes(1 + chance.below(later) as i64));
        Interval::new(start, start.plus(Span::minutes(1 + chance.below(12) as i64))).ok()
    };
    (0..2 + chance.below(5)).filter_map(|_| time(chance)).collect()
}
