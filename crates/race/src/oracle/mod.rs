//! Judges a history: what was told, shown and heard against what must always hold. Each rule is a plain function of the history.
//! It knows nothing of how a server comes to its answers, and blames nothing that could have been so.

mod capacity;
mod many;
mod serial;
mod shown;
mod smallest;
mod told;
mod wanted;

use crate::history::{Answer, Call, History, Number, Outcome, Take, Us, Version, What};
use crate::scenario::Scenario;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// Violations of one invariant that are told of one round; the first are the most telling.
const EACH_MAX: usize = 5;

/// Something that must never be so, and is.
#[derive(Clone, Debug, Serialize, PartialEq, Eq)]
pub struct Violation {
    /// The invariant: `I1` to `I26`, or `expected` for what the scenario itself says.
    pub invariant: &'static str,
    /// The invariant in words.
    pub title: &'static str,
    /// What is wrong, in a sentence.
    pub says: String,
    /// The numbers of the fewest records that show it.
    pub witness: Vec<Number>,
}

/// What came of a round.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Judgement {
    /// What must never be so.
    pub violations: Vec<Violation>,
    /// Attempts by how they ended.
    pub tally: BTreeMap<String, u64>,
    /// What could not be judged, and why.
    pub left_out: Vec<String>,
    /// How many times something was compared, by rule: a rule that compared nothing has shown nothing.
    pub compared: BTreeMap<&'static str, u64>,
}

/// What a rule finds.
#[derive(Default)]
pub(crate) struct Found {
    violations: Vec<Violation>,
    left_out: Vec<String>,
    compared: u64,
}

impl Found {
    fn blame(&mut self, invariant: &'static str, says: String, mut witness: Vec<Number>) {
        witness.sort_unstable();
        witness.dedup();
        self.violations.push(Violation { invariant, title: title(invariant), says, witness });
    }
}

/// What each invariant says.
pub fn title(invariant: &str) -> &'static str {
    match invariant {
        "I1" => "never more than there is, at any instant",
        "I2" => "one owner of an exclusive slot",
        "I3" => "exactly one outcome, and it is so",
        "I5" => "the same key, the same answer",
        "I6" => "deadlines are exclusive",
        "I7" => "a hold counts until it is over, and not after",
        "I8" => "whoever waits comes first, in their order",
        "I9" => "events follow each other without a gap",
        "I10" => "no view goes back, and equal versions show the same",
        "I11" => "of two edits of one version, one is applied, and nothing is displaced that was not looked at",
        "I13" => "a series is had as it was asked for: whole, or day by day",
        "I14" => "a refusal has its reason",
        "I17" => "cancelled once is cancelled once",
        "I26" => "every attempt ends",
        _ => "what the scenario expects",
    }
}

type Rule = fn(&Facts<'_>, &mut Found);

/// All rules, by name.
const RULES: &[(&str, Rule)] = &[
    ("capacity by time", capacity::by_time),
    ("capacity by version", capacity::by_version),
    ("capacity at the end", capacity::at_the_end),
    ("one outcome per key", told::one_outcome),
    ("answers are well formed", told::well_formed),
    ("told is kept", told::kept),
    ("refused is absent", told::absent),
    ("one version each", told::one_version_each),
    ("order of versions", told::order),
    ("refusals have reasons", told::reasons),
    ("deadlines", told::deadlines),
    ("holds", told::holds),
    ("tokens", told::tokens),
    ("two admins", told::admins),
    ("cancelled once", told::cancelled_once),
    ("moved and swapped", many::moved),
    ("series", many::series),
    ("displaced", many::displaced),
    ("blocked", many::blocked),
    ("waitlist", told::waitlist),
    ("events", shown::events),
    ("events agree", shown::agree),
    ("promoted at once", shown::promoted_at_once),
    ("numbers", shown::numbers),
    ("views go forward", shown::forward),
    ("views are folds", shown::folds),
    ("one order explains all", serial::explains),
];

/// Judges a round; with its scenario also by what that expects.
pub fn judge(history: &History, scenario: Option<&Scenario>) -> Judgement {
    let facts = Facts::of(history);
    let mut judgement = Judgement { tally: tally(&facts), ..Judgement::default() };
    for (name, rule) in RULES {
        let mut found = Found::default();
        rule(&facts, &mut found);
        judgement.compared.insert(name, found.compared);
        judgement.left_out.extend(found.left_out);
        judgement.violations.extend(found.violations.into_iter().take(EACH_MAX));
    }
    if let Some(scenario) = scenario {
        let mut found = Found::default();
        wanted::wanted(&facts, scenario, &mut found);
        judgement.violations.extend(found.violations);
    }
    // The same seen by several rules: the smallest witness of each is kept once.
    let mut kept: Vec<Violation> = Vec::new();
    for violation in judgement.violations.drain(..) {
        if !kept.iter().any(|k| k.invariant == violation.invariant && k.witness == violation.witness) {
            kept.push(violation);
        }
    }
    kept.sort_by_key(|v| (v.invariant == "expected", v.witness.len()));
    let mut each: BTreeMap<&str, usize> = BTreeMap::new();
    kept.retain(|v| {
        let so_far = each.entry(v.invariant).or_default();
        *so_far += 1;
        *so_far <= EACH_MAX
    });
    judgement.violations = kept;
    judgement
}

fn tally(facts: &Facts<'_>) -> BTreeMap<String, u64> {
    let mut tally = BTreeMap::new();
    for attempt in &facts.attempts {
        let told = attempt.calls.iter().rev().find(|c| !c.after && c.answer.is_some());
        let short = told.and_then(|c| c.answer.as_ref()).map_or_else(|| "no answer".to_owned(), Answer::short);
        *tally.entry(format!("{} {short}", attempt.what.word())).or_default() += 1;
    }
    tally
}

/// What is known of an attempt's effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was told that it is so.
    Yes,
    /// It was told that it is not.
    No,
    /// Nobody was told.
    Unknown,
}

/// All calls of one person under one key.
pub(crate) struct Attempt<'h> {
    pub(crate) key: Uuid,
    pub(crate) person: Uuid,
    pub(crate) what: What,
    pub(crate) calls: Vec<&'h Call>,
    pub(crate) fate: Fate,
    /// It cannot have happened before.
    pub(crate) sent: Us,
    /// It cannot have happened after; the end of time if nobody was told.
    pub(crate) told: Us,
    /// The first definite answer.
    pub(crate) answer: Option<&'h Answer>,
}

impl Attempt<'_> {
    /// The number of the call that was told, or else of the first.
    pub(crate) fn n(&self) -> Number {
        let told = self.calls.iter().find(|c| c.answer.as_ref().is_some_and(definite));
        told.or(self.calls.first()).map_or(0, |c| c.n)
    }

    pub(crate) fn takes(&self) -> &[Take] {
        self.calls.first().map_or(&[], |c| c.takes.as_slice())
    }

    pub(crate) fn about(&self) -> Option<Uuid> {
        self.calls.first().and_then(|c| c.about)
    }

    pub(crate) fn call(&self) -> Option<&Call> {
        self.calls.first().copied()
    }

    pub(crate) fn who(&self) -> &str {
        self.calls.first().map_or("", |c| c.actor.as_str())
    }

    pub(crate) fn made(&self) -> Option<Uuid> {
        self.answer.and_then(|a| a.made)
    }

    pub(crate) fn code(&self) -> Option<&str> {
        self.answer.and_then(|a| a.code.as_deref())
    }

    pub(crate) fn version_of(&self, resource: Uuid) -> Option<Version> {
        self.answer?.versions.iter().find(|(r, _)| *r == resource).map(|(_, v)| *v)
    }

    pub(crate) fn is(&self, outcome: Outcome) -> bool {
        self.answer.is_some_and(|a| a.outcome == Some(outcome))
    }

    /// It has units that it was told of: a booking that takes them at once.
    pub(crate) fn has_booking(&self) -> bool {
        matches!(self.what, What::Book | What::Confirm | What::Accept | What::Override) && self.is(Outcome::Booked)
    }

    /// Each booking that it made, with what that takes.
    pub(crate) fn bookings(&self) -> Vec<(Uuid, Vec<Take>)> {
        if self.what == What::Series && self.fate == Fate::Yes {
            let dates = self.answer.map_or(&[][..], |a| a.dates.as_slice());
            return dates.iter().zip(self.takes()).filter_map(|(id, take)| Some(((*id)?, vec![*take]))).collect();
        }
        let made = self.made().filter(|_| self.has_booking());
        made.map(|id| (id, self.takes().to_vec())).into_iter().collect()
    }

    /// It may have put this booking elsewhere, where it stands.
    pub(crate) fn moves(&self, of: Uuid) -> bool {
        matches!(self.what, What::Move | What::Swap) && self.concerns(of)
    }

    /// It is about this, or over it.
    pub(crate) fn concerns(&self, of: Uuid) -> bool {
        let with = self.call().is_some_and(|c| c.with == Some(of) || c.displaces.contains(&of));
        self.about() == Some(of) || with
    }
}

/// Whether an answer says for good what became of it.
fn definite(answer: &Answer) -> bool {
    answer.outcome.is_some_and(|o| o != Outcome::Failed)
}

/// A history with its attempts put together.
pub(crate) struct Facts<'h> {
    pub(crate) history: &'h History,
    pub(crate) attempts: Vec<Attempt<'h>>,
}

impl<'h> Facts<'h> {
    pub(crate) fn of(history: &'h History) -> Facts<'h> {
        let mut by_key: BTreeMap<(Uuid, Uuid), Vec<&'h Call>> = BTreeMap::new();
        for call in &history.calls {
            by_key.entry((call.person, call.key)).or_default().push(call);
        }
        let mut attempts: Vec<Attempt<'h>> =
            by_key.into_iter().filter_map(|(of, calls)| put_together(of, calls)).collect();
        attempts.sort_by_key(|a| (a.sent, a.calls.first().map(|c| c.n)));
        Facts { history, attempts }
    }

    pub(crate) fn thing(&self, resource: Uuid) -> Option<&'h crate::history::Thing> {
        self.history.things.iter().find(|t| t.id == resource)
    }

    pub(crate) fn end(&self, resource: Uuid) -> Option<&'h crate::history::End> {
        self.history.ends.iter().find(|e| e.resource == resource)
    }

    /// Attempts that may have ended something, by what it is.
    pub(crate) fn enders(&self, of: Uuid) -> impl Iterator<Item = &Attempt<'h>> {
        self.attempts.iter().filter(move |a| a.concerns(of) && a.fate != Fate::No)
    }

    /// The most and the fewest units that a resource may have had; `None` for no end of them, or if more was allowed.
    pub(crate) fn bounds(&self, resource: Uuid) -> Option<(u64, u64)> {
        let thing = self.thing(resource)?;
        let (mut most, mut fewest) = (thing.capacity?, thing.capacity?);
        if self.end(resource).is_some_and(|e| e.over_commit > 0) {
            return None;
        }
        for edit in self.attempts.iter().filter(|a| a.what == What::SetCapacity && a.fate != Fate::No) {
            if edit.call().is_some_and(|c| c.resource == Some(resource)) {
                let to = edit.call()?.to?;
                (most, fewest) = (most.max(to), fewest.min(to));
            }
        }
        Some((most, fewest))
    }
}

fn put_together<'h>((person, key): (Uuid, Uuid), calls: Vec<&'h Call>) -> Option<Attempt<'h>> {
    let first = calls.first()?;
    let sent = calls.iter().map(|c| c.sent).min()?;
    let told = calls.iter().filter(|c| c.answer.as_ref().is_some_and(definite));
    let told = told.min_by_key(|c| c.answered.unwrap_or(Us::MAX));
    let answer = told.and_then(|c| c.answer.as_ref());
    let open = |c: &&&Call| match &c.answer {
        None => true,
        // Turned away before it began, or proof that nothing was changed.
        Some(a) => {
            a.outcome.is_none() && a.status != 429 && (a.status >= 500 || a.code.as_deref() == Some("in_progress"))
        }
    };
    let fate = match answer.and_then(|a| a.outcome) {
        Some(Outcome::Booked | Outcome::Accepted) => Fate::Yes,
        Some(Outcome::Rejected) => Fate::No,
        Some(Outcome::Failed) | None if calls.iter().any(|c| open(&c)) => Fate::Unknown,
        Some(Outcome::Failed) | None => Fate::No,
    };
    let told = told.and_then(|c| c.answered);
    let failed = calls.iter().filter_map(|c| c.answered).max();
    let told = match fate {
        Fate::Yes => told.unwrap_or(Us::MAX),
        Fate::No => told.or(failed).unwrap_or(Us::MAX),
        Fate::Unknown => Us::MAX,
    };
    Some(Attempt { key, person, what: first.what, sent, told, answer, fate, calls })
}

/// Units that are taken at an instant.
pub(crate) fn used<'t>(takes: impl Iterator<Item = &'t Take>, at: i64) -> u64 {
    takes.filter(|t| t.start <= at && at < t.end).map(|t| t.units).sum()
}
