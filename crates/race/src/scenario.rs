//! Scenarios as readable files: who comes, what they do, what they wait for, and what must have come of it.
//! What makes no sense is refused when the file is read, naming the place; nothing is asked of a server here.

use crate::history::{Outcome, What};
use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Actors of one round.
pub const ACTORS_MAX: usize = 2_000;
/// Requests of one round, as far as the file tells.
pub const REQUESTS_MAX: u64 = 100_000;
/// Seconds of one round.
pub const SECONDS_MAX: u64 = 600;
/// Days of one series.
pub const DAYS_MAX: u32 = 100;
/// Bytes of a file.
pub const FILE_MAX: usize = 256 * 1024;

/// The scenarios that come with the kit, each file with its name.
const BUILT_IN: &[(&str, &str)] = &[
    ("two-teachers", include_str!("../scenarios/two-teachers.toml")),
    ("lock-conflict", include_str!("../scenarios/lock-conflict.toml")),
    ("last-seat", include_str!("../scenarios/last-seat.toml")),
    ("first-seats", include_str!("../scenarios/first-seats.toml")),
    ("overlapping-slots", include_str!("../scenarios/overlapping-slots.toml")),
    ("add-drop-deadline", include_str!("../scenarios/add-drop-deadline.toml")),
    ("cancel-against-promotion", include_str!("../scenarios/cancel-against-promotion.toml")),
    ("capacity-in-a-burst", include_str!("../scenarios/capacity-in-a-burst.toml")),
    ("two-admins", include_str!("../scenarios/two-admins.toml")),
    ("hold-expiry", include_str!("../scenarios/hold-expiry.toml")),
    ("old-tokens", include_str!("../scenarios/old-tokens.toml")),
    ("renewals", include_str!("../scenarios/renewals.toml")),
    ("strangers", include_str!("../scenarios/strangers.toml")),
    ("double-submit", include_str!("../scenarios/double-submit.toml")),
    ("stale-badge", include_str!("../scenarios/stale-badge.toml")),
    ("moves-and-swaps", include_str!("../scenarios/moves-and-swaps.toml")),
    ("series-against-singles", include_str!("../scenarios/series-against-singles.toml")),
    ("block-in-a-burst", include_str!("../scenarios/block-in-a-burst.toml")),
    ("override-duel", include_str!("../scenarios/override-duel.toml")),
    ("offers", include_str!("../scenarios/offers.toml")),
    ("registration-day", include_str!("../scenarios/registration-day.toml")),
    ("flash-sale", include_str!("../scenarios/flash-sale.toml")),
];

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// What happens, in a sentence or two.
    pub says: String,
    /// Seconds that one round may take.
    #[serde(default = "sixty")]
    pub within_s: u64,
    /// Rounds, each with resources of its own.
    #[serde(default = "one")]
    pub rounds: u32,
    /// What is raced for, by name.
    pub resources: BTreeMap<String, Resource>,
    /// Who comes, by name.
    pub actors: BTreeMap<String, Actors>,
    /// What must have come of it, beside what must always be.
    #[serde(default)]
    pub expect: Vec<Expect>,
}

const fn sixty() -> u64 {
    60
}

const fn one() -> u32 {
    1
}

/// Something to race for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// `room`, `section`, `session` or `equipment`.
    pub kind: String,
    /// Units there are; left out: no end of them.
    pub capacity: Option<u64>,
    /// Seconds from its making to its time; left out: on a day of its own well ahead.
    pub begins_in_s: Option<f64>,
    /// How long its time is.
    #[serde(default = "sixty")]
    pub lasts_min: u64,
    /// Its rules, sent as they stand.
    #[serde(default)]
    pub policy: Value,
}

/// Actors that do the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// `member` or `admin`.
    #[serde(default)]
    pub role: Role,
    /// How many of them.
    #[serde(default = "one")]
    pub count: u32,
    /// Their own clock is so far from the server's; of two numbers, any between.
    #[serde(default)]
    pub clock_offset_ms: Offset,
    /// They think so long before each step; of two numbers, any between.
    #[serde(default)]
    pub think_ms: Range,
    /// How often they do all their steps.
    #[serde(default = "one")]
    pub repeat: u32,
    /// What they do, one after the other.
    pub steps: Vec<Step>,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Books.
    #[default]
    Member,
    /// Edits resources.
    Admin,
}

/// A number, or any between two.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum Range {
    /// This.
    One(u64),
    /// From one to the other, both included.
    Between([u64; 2]),
}

impl Default for Range {
    fn default() -> Range {
        Range::One(0)
    }
}

impl Range {
    /// Both ends.
    pub const fn ends(self) -> (u64, u64) {
        match self {
            Range::One(n) => (n, n),
            Range::Between([from, to]) => (from, to),
        }
    }
}

/// The same with a sign.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
pub enum Offset {
    /// This.
    One(i64),
    /// From one to the other, both included.
    Between([i64; 2]),
}

impl Default for Offset {
    fn default() -> Offset {
        Offset::One(0)
    }
}

impl Offset {
    /// Both ends.
    pub const fn ends(self) -> (i64, i64) {
        match self {
            Offset::One(n) => (n, n),
            Offset::Between([from, to]) => (from, to),
        }
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Do {
    /// Looks at the resource itself.
    See,
    /// Looks for it in a search.
    Search,
    /// Looks at its schedule.
    Schedule,
    /// Opens a socket and subscribes.
    Listen,
    /// Books.
    Book,
    /// Holds.
    Hold,
    /// Books with the hold.
    Confirm,
    /// Keeps the hold longer.
    Renew,
    /// Gives the hold back.
    Release,
    /// Gives the booking up.
    Cancel,
    /// Waits in the waitlist.
    Join,
    /// Waits no more.
    Leave,
    /// Takes what is offered.
    Accept,
    /// Gives back what is offered.
    Decline,
    /// Puts the booking elsewhere.
    Move,
    /// Lets two bookings take each other's places.
    Swap,
    /// Books the same time on several days, as one attempt.
    Series,
    /// Takes time out of use, over the bookings that were looked at.
    Block,
    /// Books over whatever stands there, by an admin's word, over the bookings that were looked at.
    Override,
    /// Says how many units there are.
    SetCapacity,
    /// Says how many people fit in, which is an edit like any other.
    SetSeats,
    /// Waits for all others that have a barrier of this name.
    Barrier,
    /// Waits a while, or for an instant.
    Wait,
}

impl Do {
    /// What it asks a server to change.
    pub const fn change(self) -> Option<What> {
        match self {
            Do::Book => Some(What::Book),
            Do::Hold => Some(What::Hold),
            Do::Confirm => Some(What::Confirm),
            Do::Renew => Some(What::Renew),
            Do::Release => Some(What::Release),
            Do::Cancel => Some(What::Cancel),
            Do::Join => Some(What::Join),
            Do::Leave => Some(What::Leave),
            Do::Accept => Some(What::Accept),
            Do::Decline => Some(What::Decline),
            Do::Move => Some(What::Move),
            Do::Swap => Some(What::Swap),
            Do::Series => Some(What::Series),
            Do::Block => Some(What::Block),
            Do::Override => Some(What::Override),
            Do::SetCapacity => Some(What::SetCapacity),
            Do::SetSeats => Some(What::Edit),
            Do::See | Do::Search | Do::Schedule | Do::Listen | Do::Barrier | Do::Wait => None,
        }
    }
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What is done.
    #[serde(rename = "do")]
    pub does: Do,
    /// To which resource.
    pub on: Option<String>,
    /// Minutes of the resource's time, from and to; several are given out in turn. Left out: all of it.
    #[serde(default)]
    pub spans: Vec<[u64; 2]>,
    /// Chance gives them out.
    #[serde(default)]
    pub any_span: bool,
    /// Units; of two numbers, any between.
    pub units: Option<Range>,
    /// How what is made is called from then on.
    #[serde(rename = "as")]
    pub named: Option<String>,
    /// What it is about: the name of something one made, or `actor.name` of the first of other actors.
    pub of: Option<String>,
    /// A hold, named as `of` is, whose token is sent in the place of one's own.
    pub token_of: Option<String>,
    /// The other booking of a swap, named as `of` is.
    pub with: Option<String>,
    /// Days of a series.
    pub days: Option<u32>,
    /// What becomes of a series if not all of it can be had: `all_or_nothing`, `skip_conflicts`.
    pub contract: Option<String>,
    /// `room-bookings` books in the words of the source document.
    pub via: Option<String>,
    /// Send it so often at once, all under one key.
    #[serde(default = "one")]
    pub copies: u32,
    /// The copies have keys of their own.
    #[serde(default)]
    pub own_keys: bool,
    /// Throw the first answer away, and ask again by the same key.
    #[serde(default)]
    pub lose_answer: bool,
    /// Do it so often.
    #[serde(default = "one")]
    pub repeat: u32,
    /// Do it no more when this is told.
    pub until: Option<Outcome>,
    /// Only if the last change was told this.
    pub if_last: Option<Outcome>,
    /// How many units there are to be, or people that fit in.
    pub to: Option<u64>,
    /// What happens if fewer than are taken: `refuse`, `over_commit`.
    pub below: Option<String>,
    /// The barrier's name.
    pub barrier: Option<String>,
    /// Waits so long; of two numbers, any between.
    pub ms: Option<Range>,
    /// Waits until so many milliseconds after (below 0: before) `book_by` or `cancel_by` of the resource, or the expiry of a hold (`of`).
    pub until_ms: Option<i64>,
    /// Which instant `until_ms` counts from.
    pub instant: Option<Instant>,
}

/// An instant that a resource or a hold has.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Instant {
    /// Booking is too late.
    BookBy,
    /// Cancelling is too late.
    CancelBy,
    /// The hold is over.
    Expiry,
}

/// What must have come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Of which actors; left out: of all.
    pub of: Option<String>,
    /// Of which kind of attempt.
    #[serde(rename = "do")]
    pub does: Option<Do>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// With which code.
    pub code: Option<String>,
    /// Instead of attempts: events of this name that sockets heard.
    pub hears: Option<String>,
    /// Instead of attempts: bookings that stand on this resource at the end.
    pub stand_on: Option<String>,
    /// So many.
    pub exactly: Option<u64>,
    /// So many or more.
    pub at_least: Option<u64>,
    /// So many or fewer.
    pub at_most: Option<u64>,
}

impl Scenario {
    /// Those that come with the kit.
    pub fn built_in() -> anyhow::Result<Vec<Scenario>> {
        BUILT_IN.iter().map(|(name, text)| Scenario::read(text).with_context(|| format!("scenario {name}"))).collect()
    }

    /// One that comes with the kit, by its name.
    pub fn named(name: &str) -> Option<anyhow::Result<Scenario>> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(Scenario::read(text).with_context(|| format!("scenario {name}")))
    }

    /// The file of one that comes with the kit.
    pub fn text_of(name: &str) -> Option<&'static str> {
        BUILT_IN.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
    }

    /// One that only has a name: for a history whose file is not at hand.
    pub fn nameless(name: &str) -> Scenario {
        let says = "Its file is not at hand: only what must always hold was judged.".into();
        let (resources, actors) = (BTreeMap::new(), BTreeMap::new());
        Scenario { name: name.into(), says, within_s: sixty(), rounds: 1, resources, actors, expect: Vec::new() }
    }

    /// Reads a file's text.
    pub fn read(text: &str) -> anyhow::Result<Scenario> {
        ensure!(text.len() <= FILE_MAX, "a scenario has {FILE_MAX} bytes at the most");
        let scenario: Scenario = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Actors of one round, by role.
    pub fn head_count(&self, role: Role) -> usize {
        self.actors.values().filter(|a| a.role == role).map(|a| a.count as usize).sum()
    }

    /// Requests of one round, as far as the file tells.
    pub fn requests(&self) -> u64 {
        let of_step = |s: &Step| match s.does {
            Do::Barrier | Do::Wait => 0,
            _ => u64::from(s.repeat) * u64::from(s.copies),
        };
        let of = |a: &Actors| {
            let steps = a.steps.iter().map(of_step).fold(0, u64::saturating_add);
            steps.saturating_mul(u64::from(a.count)).saturating_mul(u64::from(a.repeat))
        };
        self.actors.values().map(of).fold(0, u64::saturating_add)
    }

    fn check(&self) -> anyhow::Result<()> {
        let plain = |name: &str| {
            !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_ ".contains(c))
        };
        ensure!(plain(&self.name), "name: 1 to 60 letters, digits, spaces, - and _");
        ensure!(!self.resources.is_empty(), "resources: name at least one");
        ensure!(self.resources.len() <= 100, "resources: 100 at the most");
        ensure!(!self.actors.is_empty(), "actors: name at least one");
        ensure!((1..=SECONDS_MAX).contains(&self.within_s), "within_s: 1 to {SECONDS_MAX}");
        ensure!((1..=1000).contains(&self.rounds), "rounds: 1 to 1000");
        let heads = self.head_count(Role::Member) + self.head_count(Role::Admin);
        ensure!(heads <= ACTORS_MAX, "actors: {heads} of them; {ACTORS_MAX} at the most");
        let requests = self.requests();
        ensure!(requests <= REQUESTS_MAX, "steps: {requests} requests; {REQUESTS_MAX} at the most");
        for name in self.resources.keys().chain(self.actors.keys()) {
            ensure!(plain(name) && !name.contains(' '), "{name:?}: a name has letters, digits, - and _");
        }
        for (name, r) in &self.resources {
            ensure!((1..=10_080).contains(&r.lasts_min), "resources.{name}.lasts_min: 1 to 10080");
            ensure!(
                ["room", "section", "session", "equipment"].contains(&r.kind.as_str()),
                "resources.{name}.kind: room, section, session or equipment"
            );
        }
        let mut barriers: BTreeMap<&str, (u32, &str)> = BTreeMap::new();
        for (name, actors) in &self.actors {
            ensure!(actors.count >= 1 && actors.repeat >= 1, "actors.{name}: count and repeat are 1 or more");
            for (at, step) in actors.steps.iter().enumerate() {
                self.check_step(step).with_context(|| format!("actors.{name}.steps[{at}]"))?;
                if let Some(barrier) = step.barrier.as_deref() {
                    let (repeat, other) = barriers.entry(barrier).or_insert((actors.repeat, name));
                    ensure!(
                        *repeat == actors.repeat,
                        "actors.{name}: meets {other} at {barrier:?}, so both must have the same repeat"
                    );
                    let met = actors.steps.iter().filter(|s| s.barrier.as_deref() == Some(barrier)).count();
                    ensure!(met == 1, "actors.{name}: comes to the barrier {barrier:?} more than once in its steps");
                }
            }
        }
        for (at, expect) in self.expect.iter().enumerate() {
            self.check_expect(expect).with_context(|| format!("expect[{at}]"))?;
        }
        Ok(())
    }

    fn check_step(&self, step: &Step) -> anyhow::Result<()> {
        if let Some(on) = &step.on {
            ensure!(self.resources.contains_key(on), "on: there is no resource {on:?}");
        }
        ensure!((1..=1_000).contains(&step.copies), "copies: 1 to 1000");
        ensure!((1..=10_000).contains(&step.repeat), "repeat: 1 to 10000");
        for [from, to] in &step.spans {
            ensure!(from < to && *to <= 10_080, "spans: from before to, in minutes");
        }
        let needs_on = match step.does {
            Do::See | Do::Search | Do::Schedule | Do::Listen | Do::Book | Do::Hold | Do::Join => true,
            Do::SetCapacity | Do::SetSeats | Do::Move | Do::Series | Do::Block | Do::Override => true,
            Do::Swap => false,
            Do::Confirm | Do::Renew | Do::Release | Do::Cancel | Do::Leave | Do::Accept | Do::Decline => false,
            Do::Barrier | Do::Wait => false,
        };
        ensure!(!needs_on || step.on.is_some(), "on: say which resource");
        ensure!(
            (step.does == Do::Barrier) == step.barrier.is_some(),
            "barrier: a barrier has a name, nothing else has"
        );
        if step.does == Do::Wait {
            let waits = [step.ms.is_some(), step.until_ms.is_some()];
            ensure!(waits != [false, false] && waits != [true, true], "wait: say either ms or until_ms");
            ensure!(step.until_ms.is_some() == step.instant.is_some(), "until_ms: say the instant it counts from");
            let of_resource = matches!(step.instant, Some(Instant::BookBy | Instant::CancelBy));
            ensure!(!of_resource || step.on.is_some(), "on: say whose deadline");
        }
        ensure!(
            (step.does == Do::Swap) == step.with.is_some(),
            "with: a swap is with another booking, nothing else is"
        );
        let by_token = matches!(step.does, Do::Confirm | Do::Renew | Do::Release);
        ensure!(by_token || step.token_of.is_none(), "token_of: only confirm, renew and release send a token");
        ensure!(
            (step.does == Do::Series) == step.days.is_some_and(|days| (1..=DAYS_MAX).contains(&days)),
            "days: a series has 1 to {DAYS_MAX} of them, nothing else has"
        );
        ensure!(step.contract.is_none() || step.does == Do::Series, "contract: only a series has one");
        ensure!(step.does != Do::SetSeats || step.to.is_some(), "to: say how many");
        if let Some(via) = &step.via {
            ensure!(via == "room-bookings" && step.does.change().is_some(), "via: room-bookings, or leave it out");
        }
        Ok(())
    }

    fn check_expect(&self, expect: &Expect) -> anyhow::Result<()> {
        if let Some(of) = &expect.of {
            ensure!(self.actors.contains_key(of), "of: there are no actors {of:?}");
        }
        if let Some(on) = &expect.stand_on {
            ensure!(self.resources.contains_key(on), "stand_on: there is no resource {on:?}");
        }
        if expect.exactly.is_none() && expect.at_least.is_none() && expect.at_most.is_none() {
            bail!("say exactly, at_least or at_most");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_kit_makes_sense_and_is_called_as_its_file() {
        let all = Scenario::built_in().unwrap();
        let names: Vec<&str> = all.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(names, BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        assert!(all.iter().all(|s| !s.expect.is_empty()), "each says what must come of it");
    }

    fn refused(change: &str) -> String {
        let text = format!(
            "name = \"x\"\nsays = \"y\"\n[resources.r]\nkind = \"room\"\ncapacity = 1\n[actors.a]\nsteps = [\n{change}\n]\n"
        );
        format!("{:#}", Scenario::read(&text).unwrap_err())
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_place() {
        for (step, says) in [
            ("{ do = \"book\", on = \"s\" }", "actors.a.steps[0]: on: there is no resource"),
            ("{ do = \"book\" }", "on: say which resource"),
            ("{ do = \"barrier\" }", "barrier: a barrier has a name"),
            ("{ do = \"wait\" }", "say either ms or until_ms"),
            ("{ do = \"swap\" }", "with: a swap is with another booking"),
            ("{ do = \"series\", on = \"r\" }", "days: a series has 1 to 100"),
            ("{ do = \"book\", on = \"r\", contract = \"skip_conflicts\" }", "only a series has one"),
            ("{ do = \"cancel\", token_of = \"it\" }", "only confirm, renew and release send a token"),
            ("{ do = \"dance\", on = \"r\" }", "unknown variant `dance`"),
            ("{ do = \"book\", on = \"r\", unit = 1 }", "unknown field `unit`"),
            ("{ do = \"book\", on = \"r\", spans = [[60, 0]] }", "from before to"),
            ("{ do = \"book\", on = \"r\", copies = 1000, repeat = 10000 }", "requests; 100000 at the most"),
            ("{ do = \"barrier\", barrier = \"b\" }, { do = \"barrier\", barrier = \"b\" }", "more than once"),
        ] {
            let why = refused(step);
            assert!(why.contains(says), "{step}: {why}");
        }
    }
}
