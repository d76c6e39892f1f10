//! What is done in a sequence, and chance from a seed.
//! It knows neither the model nor the judgement.

/// Commands of one sequence.
pub const STEPS: usize = 40;
/// Minutes that are looked at; everything asked for lies within, buffers included.
pub const MINUTES: usize = 120;
pub const PEOPLE: usize = 4;
pub const ADMIN: usize = 3;
/// 2026-03-02T12:00Z; the clock of a sequence begins four hours before.
pub const ZERO: i64 = 1_772_452_800;

/// What is done in one step. Indices are taken modulo what there is, so that a shortened sequence still means something.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Book {
        who: usize,
        owner: usize,
        lines: Vec<Ask>,
        hold: Option<(usize, bool)>,
    },
    Confirm {
        hold: usize,
        stranger: bool,
        stale: bool,
    },
    Hold {
        who: usize,
        ask: Ask,
    },
    Renew {
        hold: usize,
        who: Option<usize>,
        stale: bool,
    },
    Release {
        hold: usize,
        who: Option<usize>,
        stale: bool,
    },
    Cancel {
        booking: usize,
        who: Option<usize>,
    },
    /// `nudge` moves the first line's ends from where the booking is; `keep` leaves its last line where it is.
    Move {
        booking: usize,
        who: Option<usize>,
        lines: Vec<Ask>,
        nudge: Option<(i64, i64)>,
        keep: bool,
    },
    Swap {
        one: usize,
        other: usize,
        who: Option<usize>,
    },
    Approve {
        booking: usize,
        who: usize,
    },
    Capacity {
        resource: usize,
        to: Option<u32>,
    },
    Expire {
        resource: usize,
    },
    Join {
        who: usize,
        ask: Ask,
        class: u8,
    },
    Leave {
        entry: usize,
        who: Option<usize>,
    },
    Wait {
        seconds: i64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ask {
    pub resource: usize,
    pub from: i64,
    pub to: i64,
    pub units: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub capacity: Option<u32>,
    pub setup: i64,
    pub teardown: i64,
    pub ttl: i64,
    pub approval: bool,
    pub exclusive: bool,
    /// Units of one person on the day that is looked at.
    pub quota: Option<u32>,
    /// Whether people may wait, and whether what is free is kept for the first of them.
    pub waits: Option<bool>,
}

/// Chance from a seed, the same everywhere.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
    pub fn index(&mut self) -> usize {
        self.below(1 << 20) as usize
    }
}

pub(super) fn kinds(dice: &mut Dice) -> Vec<Rules> {
    let n = 1 + dice.below(3);
    let kind = |_| Rules {
        capacity: (!dice.one_in(8)).then(|| 1 + dice.below(5) as u32),
        setup: if dice.one_in(3) { dice.below(8) as i64 } else { 0 },
        teardown: if dice.one_in(3) { dice.below(8) as i64 } else { 0 },
        ttl: [1, 5, 30, 300][dice.below(4) as usize],
        approval: dice.one_in(6),
        exclusive: dice.one_in(4),
        quota: dice.one_in(3).then(|| 1 + dice.below(6) as u32),
        waits: None,
    };
    let mut kinds: Vec<Rules> = (0..n).map(kind).collect();
    if dice.one_in(2) {
        // Whose turn it is on one resource depends on another only where two at once are refused: that is tried on one alone.
        let alone = kinds.len() == 1;
        for kind in &mut kinds {
            kind.approval = false;
            kind.exclusive &= alone;
            kind.waits = (!dice.one_in(4)).then(|| dice.one_in(3));
        }
    }
    kinds
}

pub(super) fn ask(dice: &mut Dice, kinds: &[Rules]) -> Ask {
    let resource = dice.below(kinds.len() as u64) as usize;
    let length = 1 + if dice.one_in(3) { dice.below(50) } else { dice.below(15) } as i64;
    let from = 10 + dice.below((MINUTES as i64 - 20 - length) as u64) as i64;
    let most = u64::from(kinds[resource].capacity.unwrap_or(9));
    let units = if dice.one_in(20) { dice.below(most + 3) } else { 1 + dice.below(most.div_ceil(2)) } as u32;
    Ask { resource, from, to: from + length, units }
}

pub(super) fn step(dice: &mut Dice, kinds: &[Rules]) -> Step {
    let who = dice.below(PEOPLE as u64) as usize;
    match dice.below(100) {
        0..28 => {
            let lines = if dice.one_in(4) { 2 + dice.below(2) } else { 1 };
            let mut lines: Vec<Ask> = (0..lines).map(|_| ask(dice, kinds)).collect();
            if lines.len() > 1 && dice.one_in(2) {
                // The same time on the same resource twice, or one after the other.
                lines[1] = if dice.one_in(2) {
                    lines[0]
                } else {
                    Ask { from: lines[0].to, to: (lines[0].to + 5).min(110), ..lines[0] }
                };
            }
            let owner = if dice.one_in(12) { dice.below(PEOPLE as u64) as usize } else { who };
            let hold = dice.one_in(12).then(|| (dice.index(), dice.one_in(4)));
            Step::Book { who, owner, lines, hold }
        }
        28..50 => Step::Hold { who, ask: ask(dice, kinds) },
        50..61 => Step::Confirm { hold: dice.index(), stranger: dice.one_in(12), stale: dice.one_in(8) },
        61..65 => Step::Renew { hold: dice.index(), who: dice.one_in(10).then_some(who), stale: dice.one_in(8) },
        65..69 => Step::Release { hold: dice.index(), who: dice.one_in(8).then_some(who), stale: dice.one_in(8) },
        69..75 => Step::Cancel { booking: dice.index(), who: dice.one_in(4).then_some(who) },
        75..83 => {
            let lines = if dice.one_in(4) { 2 } else { 1 };
            let lines = (0..lines).map(|_| ask(dice, kinds)).collect();
            let nudge = dice.one_in(2).then(|| (dice.below(21) as i64 - 10, dice.below(21) as i64 - 10));
            let who = dice.one_in(4).then_some(who);
            Step::Move { booking: dice.index(), who, lines, nudge, keep: dice.one_in(4) }
        }
        83..85 => Step::Swap { one: dice.index(), other: dice.index(), who: dice.one_in(2).then_some(ADMIN) },
        85..87 => Step::Approve { booking: dice.index(), who: if dice.one_in(6) { who } else { ADMIN } },
        87..89 => Step::Capacity { resource: dice.index(), to: (!dice.one_in(5)).then(|| 1 + dice.below(6) as u32) },
        89..91 => Step::Expire { resource: dice.index() },
        91..96 if kinds.iter().any(|k| k.waits.is_some()) => {
            let mut ask = ask(dice, kinds);
            if dice.one_in(2) {
                // Something wide is rarely free.
                (ask.from, ask.to) = (15, 105);
            }
            Step::Join { who, ask, class: if dice.one_in(6) { 1 } else { 0 } }
        }
        96 if kinds.iter().any(|k| k.waits.is_some()) => {
            Step::Leave { entry: dice.index(), who: dice.one_in(6).then_some(who) }
        }
        _ => Step::Wait { seconds: [0, 1, 1, 4, 5, 29, 30, 31][dice.below(8) as usize] },
    }
}
