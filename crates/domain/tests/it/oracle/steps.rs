//! What is done in a sequence, under which rules, and chance from a seed.
//! It knows neither the model nor the judgement.

/// Commands of one sequence.
pub const STEPS: usize = 40;
/// Minutes that are looked at; everything asked for lies within, buffers included.
pub const MINUTES: usize = 120;
/// The minute of midnight.
pub const MIDNIGHT: i64 = 60;
pub const PEOPLE: usize = 4;
pub const ADMIN: usize = 3;
/// Who passed nothing.
pub const NOVICE: usize = 2;

/// What is done in one step. Indices are taken modulo what there is, so that a shortened sequence still means something.
#[derive(Clone, Debug)]
pub enum Step {
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
    /// Until so many seconds from now, or its end.
    SetHold {
        hold: usize,
        who: usize,
        until: Option<i64>,
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
        old: bool,
    },
    Swap {
        one: usize,
        other: usize,
        who: Option<usize>,
        old: bool,
    },
    Approve {
        booking: usize,
        who: usize,
    },
    Decline {
        booking: usize,
        who: usize,
        old: bool,
    },
    /// The capacity by an edit of the resource: below what is taken it is refused.
    Edit {
        resource: usize,
        to: Option<u32>,
        old: bool,
    },
    Capacity {
        resource: usize,
        who: usize,
        to: Option<u32>,
        below: Cut,
        shown: Shown,
        old: bool,
    },
    OverBook {
        who: usize,
        owner: usize,
        lines: Vec<Ask>,
        shown: Shown,
    },
    OverMove {
        booking: usize,
        who: usize,
        lines: Vec<Ask>,
        shown: Shown,
        old: bool,
    },
    HandOver {
        booking: usize,
        to: usize,
        who: usize,
        old: bool,
    },
    Service {
        resource: usize,
        who: usize,
        close: bool,
        old: bool,
    },
    /// `late` waits for the deadline first, if the day has come.
    CheckIn {
        booking: usize,
        who: Option<usize>,
    },
    NoShow {
        booking: usize,
        who: usize,
        late: bool,
    },
    Expire {
        resource: usize,
    },
    /// Takes time out of use, but for a person and a booking; holds in the way are voided or refuse it, bookings refuse it.
    Block {
        resource: usize,
        who: usize,
        from: i64,
        to: i64,
        but: Option<usize>,
        spares: Option<usize>,
        voids: bool,
        old: bool,
    },
    Unblock {
        block: usize,
        who: usize,
        old: bool,
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
    /// So many dates from the first, every so many minutes.
    Series {
        who: usize,
        first: Ask,
        every: i64,
        count: i64,
        promise: Promise,
    },
    /// Dates of a series are given up, or go so many minutes.
    EditSeries {
        series: usize,
        which: Which,
        who: Option<usize>,
        all: bool,
        by: Option<i64>,
    },
    Wait {
        seconds: i64,
    },
}

/// What a series does where a date cannot be had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Promise {
    All,
    Skip,
    Best,
}

/// Which dates of a series: all, one and those after it, or one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Which {
    All,
    From(usize),
    One(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    pub resource: usize,
    pub from: i64,
    pub to: i64,
    pub units: u32,
}

/// What becomes of what is more than a lower capacity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    Refuse,
    OverCommit,
    Newest,
    /// Those that are the newest, or whichever stands at this place of the list.
    Named(Option<usize>),
}

/// The bookings that an admin names, beside those that are in the way as they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shown {
    Exactly,
    /// The first at a revision that is not its own.
    Stale,
    /// Without the first.
    Less,
    /// With one that may not be in the way.
    More(usize),
}

/// The rules of one resource.
#[derive(Clone, Debug)]
pub struct Rules {
    pub capacity: Option<u32>,
    pub setup: i64,
    pub teardown: i64,
    pub ttl: i64,
    pub approval: bool,
    /// What waits for approval keeps its units meanwhile.
    pub pending_takes: bool,
    pub exclusive: bool,
    pub quota: Option<Limit>,
    /// Minutes before the start from which on a cancel still counts.
    pub late: Option<i64>,
    /// Minutes before and after the start between which people check in.
    pub check_in: Option<(i64, i64)>,
    /// Whether people may wait, and whether what is free is kept for the first of them.
    pub waits: Option<bool>,
    pub closed: bool,
    /// Hundredths of a credit that a unit is worth.
    pub worth: u16,
    /// Minutes of the night from which and until which it is open.
    pub open: Option<(i64, i64)>,
    /// Minutes of the night until which it is booked, changed and given up, whenever it begins.
    pub adds_until: Option<i64>,
    pub changes_until: Option<i64>,
    pub drops_until: Option<i64>,
    /// Only for those who passed something.
    pub needs: bool,
    /// The one time of a section.
    pub section: Option<(i64, i64)>,
    /// Of each list, one comes with it.
    pub linked: Vec<Vec<usize>>,
}

/// Units of one person in a period.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    pub most: u32,
    /// Credits are counted, and not units.
    pub credits: bool,
    pub period: Time,
    /// Together with whatever else counts so, or the resource alone.
    pub together: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Time {
    Day,
    Week,
    Month,
    All,
}

/// Which night it is: where, when its minute 0 is in seconds since 1970, and what ends at its midnight beside the day.
#[derive(Clone, Copy, Debug)]
pub struct Night {
    pub zone: &'static str,
    pub zero: i64,
    pub week: bool,
    pub month: bool,
}

/// Nights of 2026, from 23:00 to 01:00 where they are.
const NIGHTS: [Night; 5] = [
    // Monday to Tuesday.
    Night { zone: "UTC", zero: 1_772_492_400, week: false, month: false },
    // Sunday to Monday, the last of May to the first of June.
    Night { zone: "UTC", zero: 1_780_268_400, week: true, month: true },
    // Saturday to Sunday, the last of January to the first of February.
    Night { zone: "UTC", zero: 1_769_900_400, week: false, month: true },
    // Sunday the 8th to Monday the 9th of February, at +05:45.
    Night { zone: "Asia/Kathmandu", zero: 1_770_591_600 - 20_700, week: true, month: false },
    // Wednesday the 30th of September to Thursday the 1st of October, at -04:00.
    Night { zone: "America/New_York", zero: 1_790_809_200 + 14_400, week: false, month: true },
];

/// Everything that is so before the first step.
#[derive(Clone, Debug)]
pub struct Setting {
    pub night: Night,
    pub rules: Vec<Rules>,
    /// Whose allowance stands in the place of which limit: of one resource, or of what counts together.
    pub allowances: Vec<(usize, Option<usize>, u32)>,
    /// The second at which it begins, from the night's minute 0.
    pub begins: i64,
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
    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
    fn person(&mut self) -> usize {
        self.below(PEOPLE as u64) as usize
    }
    /// An admin, mostly.
    fn admin(&mut self) -> usize {
        if self.one_in(12) { self.person() } else { ADMIN }
    }
}

pub fn setting(dice: &mut Dice) -> Setting {
    let n = 1 + dice.below(3) as usize;
    let mut rules: Vec<Rules> = (0..n).map(|_| some_rules(dice)).collect();
    match dice.below(10) {
        0..4 => {
            // Whose turn it is on one resource depends on another only where two at once are refused, or where units of several count
            // together: the first is tried on one alone, the second not here.
            let alone = rules.len() == 1;
            for rules in &mut rules {
                rules.approval = false;
                rules.exclusive &= alone;
                rules.quota = rules.quota.map(|limit| Limit { together: false, ..limit });
                rules.waits = (!dice.one_in(4)).then(|| dice.one_in(3));
            }
        }
        4..6 if n > 1 => sections(dice, &mut rules),
        _ => {}
    }
    let limited: Vec<Option<usize>> =
        (0..n).filter_map(|n| Some(if rules[n].quota?.together { None } else { Some(n) })).collect();
    let mut allowances = Vec::new();
    for of in limited {
        if dice.one_in(3) && allowances.iter().all(|(_, other, _)| *other != of) {
            allowances.push((dice.person(), of, dice.below(8) as u32));
        }
    }
    // Either nothing has begun before the end, or things begin and end on the way.
    let begins = if dice.one_in(2) { -4 * 3600 } else { dice.below(50) as i64 * 60 };
    // Or something goes on that began more than an hour ago.
    let long = rules.iter().find_map(|rules| rules.section.filter(|(from, to)| to - from > 60));
    let begins = match long {
        Some((from, _)) if dice.one_in(2) => (from + 60 + dice.below(20) as i64) * 60,
        Some(_) | None => begins,
    };
    Setting { night: dice.one_of(&NIGHTS), rules, allowances, begins }
}

fn some_rules(dice: &mut Dice) -> Rules {
    Rules {
        capacity: (!dice.one_in(8)).then(|| 1 + dice.below(5) as u32),
        setup: if dice.one_in(3) { dice.below(8) as i64 } else { 0 },
        teardown: if dice.one_in(3) { dice.below(8) as i64 } else { 0 },
        ttl: dice.one_of(&[1, 5, 30, 300]),
        approval: dice.one_in(6),
        pending_takes: dice.one_in(2),
        exclusive: dice.one_in(4),
        quota: dice.one_in(2).then(|| Limit {
            most: 1 + dice.below(6) as u32,
            credits: dice.one_in(3),
            period: dice.one_of(&[Time::Day, Time::Week, Time::Month, Time::All]),
            together: dice.one_in(2),
        }),
        late: dice.one_in(3).then(|| dice.below(300) as i64),
        check_in: dice.one_in(2).then(|| (dice.below(90) as i64, 1 + dice.below(12) as i64)),
        waits: None,
        closed: false,
        worth: dice.one_of(&[0, 50, 100, 150, 250]),
        open: dice.one_in(6).then(|| (dice.below(40) as i64, 75 + dice.below(46) as i64)),
        adds_until: dice.one_in(6).then(|| dice.below(120) as i64),
        changes_until: dice.one_in(8).then(|| dice.below(120) as i64),
        drops_until: dice.one_in(8).then(|| dice.below(120) as i64),
        needs: dice.one_in(8),
        section: None,
        linked: Vec::new(),
    }
}

/// Sections that go together: the first with one of the others, each of the others with the first.
fn sections(dice: &mut Dice, rules: &mut [Rules]) {
    for rules in &mut *rules {
        let from = 20 + dice.below(40) as i64;
        // Some go on for more than an hour: what can be booked late is another matter there.
        rules.section = Some(match dice.one_in(3) {
            true => (8 + from / 10, 8 + from / 10 + 65 + dice.below(30) as i64),
            false => (from, from + 5 + dice.below(30) as i64),
        });
        rules.adds_until = rules.adds_until.or_else(|| dice.one_in(3).then(|| 60 + dice.below(60) as i64));
        // Mostly there is room: what goes together is the matter here.
        rules.capacity = rules.capacity.map(|capacity| capacity + 3);
    }
    let (first, others) = rules.split_at_mut(1);
    first[0].linked = vec![(1..=others.len()).collect()];
    for other in others {
        other.linked = vec![vec![0]];
    }
}

fn ask(dice: &mut Dice, rules: &[Rules]) -> Ask {
    let resource = dice.below(rules.len() as u64) as usize;
    let length = 1 + if dice.one_in(3) { dice.below(50) } else { dice.below(15) } as i64;
    let from = 10 + dice.below((MINUTES as i64 - 20 - length) as u64) as i64;
    let most = u64::from(rules[resource].capacity.unwrap_or(9));
    let units = if dice.one_in(20) { dice.below(most + 3) } else { 1 + dice.below(most.div_ceil(2)) } as u32;
    let (from, to) = rules[resource].section.unwrap_or((from, from + length));
    Ask { resource, from, to, units }
}

/// What somebody books: sometimes several things at once.
fn lines(dice: &mut Dice, rules: &[Rules]) -> Vec<Ask> {
    let number = if dice.one_in(4) { 2 + dice.below(2) } else { 1 };
    let mut lines: Vec<Ask> = (0..number).map(|_| ask(dice, rules)).collect();
    if lines.len() > 1 && dice.one_in(2) {
        // The same time on the same resource twice, or one after the other.
        let after = Ask { from: lines[0].to, to: (lines[0].to + 5).min(110), ..lines[0] };
        lines[1] = if dice.one_in(2) || after.from >= after.to { lines[0] } else { after };
    }
    if rules[0].section.is_some() && dice.one_in(2) {
        // A section with what belongs to it.
        lines = vec![Ask { units: 1, ..lines[0] }];
        let other = if lines[0].resource == 0 { 1 + dice.below(rules.len() as u64 - 1) as usize } else { 0 };
        let (from, to) = rules[other].section.unwrap_or((10, 20));
        lines.push(Ask { resource: other, from, to, units: 1 });
    }
    lines
}

fn shown(dice: &mut Dice) -> Shown {
    match dice.below(12) {
        0 => Shown::Stale,
        1 => Shown::Less,
        2 => Shown::More(dice.index()),
        _ => Shown::Exactly,
    }
}

pub fn step(dice: &mut Dice, setting: &Setting) -> Step {
    let rules = &setting.rules[..];
    let who = dice.person();
    let waits = rules.iter().any(|k| k.waits.is_some());
    let old = dice.one_in(20);
    match dice.below(151) {
        0..28 => {
            let owner = if dice.one_in(12) { dice.person() } else { who };
            let hold = dice.one_in(12).then(|| (dice.index(), dice.one_in(4)));
            Step::Book { who, owner, lines: lines(dice, rules), hold }
        }
        28..46 => Step::Hold { who, ask: ask(dice, rules) },
        46..56 => Step::Confirm { hold: dice.index(), stranger: dice.one_in(12), stale: dice.one_in(8) },
        56..60 => Step::Renew { hold: dice.index(), who: dice.one_in(10).then_some(who), stale: dice.one_in(8) },
        60..64 => Step::Release { hold: dice.index(), who: dice.one_in(8).then_some(who), stale: dice.one_in(8) },
        64..71 => Step::Cancel { booking: dice.index(), who: dice.one_in(4).then_some(who) },
        71..79 => {
            let number = if dice.one_in(4) { 2 } else { 1 };
            let lines = (0..number).map(|_| ask(dice, rules)).collect();
            let nudge = dice.one_in(2).then(|| {
                let from = if dice.one_in(2) { 0 } else { dice.below(21) as i64 - 10 };
                (from, dice.below(21) as i64 - 10)
            });
            let who = dice.one_in(4).then_some(who);
            Step::Move { booking: dice.index(), who, lines, nudge, keep: dice.one_in(4), old }
        }
        79..82 => Step::Swap { one: dice.index(), other: dice.index(), who: (!dice.one_in(3)).then_some(ADMIN), old },
        82..84 => Step::Approve { booking: dice.index(), who: if dice.one_in(6) { who } else { ADMIN } },
        84 => Step::Decline { booking: dice.index(), who: dice.admin(), old },
        85 => Step::Edit { resource: dice.index(), to: (!dice.one_in(5)).then(|| 1 + dice.below(6) as u32), old },
        86..92 => {
            let to = (!dice.one_in(12)).then(|| 1 + dice.below(5) as u32);
            let below = match dice.below(6) {
                0 => Cut::Refuse,
                1 | 2 => Cut::OverCommit,
                3 | 4 => Cut::Newest,
                _ => Cut::Named(dice.one_in(3).then(|| dice.index())),
            };
            let (resource, who, shown) = (dice.index(), dice.admin(), shown(dice));
            Step::Capacity { resource, who, to, below, shown, old }
        }
        92..98 => {
            Step::OverBook { who: dice.admin(), owner: dice.person(), lines: lines(dice, rules), shown: shown(dice) }
        }
        98..101 => Step::OverMove {
            booking: dice.index(),
            who: dice.admin(),
            lines: lines(dice, rules),
            shown: shown(dice),
            old,
        },
        101..105 => Step::HandOver { booking: dice.index(), to: dice.person(), who: dice.admin(), old },
        105..107 => Step::Service { resource: dice.index(), who: dice.admin(), close: dice.one_in(3), old },
        107..111 => Step::CheckIn { booking: dice.index(), who: dice.one_in(5).then_some(who) },
        111..115 => Step::NoShow { booking: dice.index(), who: dice.admin(), late: !dice.one_in(3) },
        115 => Step::Expire { resource: dice.index() },
        116 => {
            let until = (!dice.one_in(3)).then(|| dice.below(340) as i64 - 20);
            Step::SetHold { hold: dice.index(), who: dice.admin(), until }
        }
        117..122 if waits => {
            let mut ask = ask(dice, rules);
            if dice.one_in(2) {
                // Something wide is rarely free.
                (ask.from, ask.to) = (15, 105);
            }
            Step::Join { who, ask, class: if dice.one_in(6) { 1 } else { 0 } }
        }
        122 if waits => Step::Leave { entry: dice.index(), who: dice.one_in(6).then_some(who) },
        134..137 => {
            let from = 10 + dice.below(90) as i64;
            Step::Block {
                resource: dice.index(),
                who: dice.admin(),
                from,
                to: from + 1 + dice.below(15) as i64,
                but: dice.one_in(2).then_some(who),
                spares: dice.one_in(3).then(|| dice.index()),
                voids: dice.one_in(2),
                old,
            }
        }
        137..139 => Step::Unblock { block: dice.index(), who: dice.admin(), old },
        139..145 => {
            let mut first = ask(dice, rules);
            (first.from, first.to) = (first.from, (first.from + 1 + dice.below(12) as i64).min(110));
            let promise = dice.one_of(&[Promise::All, Promise::Skip, Promise::Skip, Promise::Best]);
            Step::Series { who, first, every: dice.below(30) as i64, count: 1 + dice.below(5) as i64, promise }
        }
        145..151 => {
            let n = dice.index();
            let which = dice.one_of(&[Which::All, Which::From(n), Which::One(n)]);
            let by = (!dice.one_in(3)).then(|| dice.below(41) as i64 - 20);
            let who = if dice.one_in(4) { Some(who) } else { dice.one_in(3).then_some(ADMIN) };
            Step::EditSeries { series: dice.index(), which, who, all: dice.one_in(2), by }
        }
        // Minutes pass where things begin on the way, and seconds where holds run out.
        123..130 if setting.begins >= 0 => Step::Wait { seconds: dice.one_of(&[30, 60, 300, 420, 600]) },
        _ => Step::Wait { seconds: dice.one_of(&[0, 1, 1, 4, 5, 29, 30, 31]) },
    }
}
