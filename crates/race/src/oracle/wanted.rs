//! What a scenario itself expects: so many of these outcomes, events or bookings, no more and no fewer.
//! It is asked beside what must always hold, never instead.

use super::{Attempt, Facts, Found};
use crate::scenario::{Expect, Scenario};

/// Records that are shown of what was counted: a count has no smaller witness than all of them.
const SHOWN_MAX: usize = 5;

/// Compares each expectation with what came of it.
pub(super) fn wanted(facts: &Facts<'_>, scenario: &Scenario, found: &mut Found) {
    for expect in &scenario.expect {
        let (count, witness) = counted(facts, expect);
        let fits = expect.exactly.is_none_or(|n| count == n)
            && expect.at_least.is_none_or(|n| count >= n)
            && expect.at_most.is_none_or(|n| count <= n);
        found.compared += 1;
        if !fits {
            let says = format!("{}: {count}, and there should be {}", what(expect), how_many(expect));
            found.blame("expected", says, witness.into_iter().take(SHOWN_MAX).collect());
        }
    }
}

fn counted(facts: &Facts<'_>, expect: &Expect) -> (u64, Vec<usize>) {
    let of = |label: &str| {
        expect
            .of
            .as_deref()
            .is_none_or(|group| label == group || label.strip_prefix(group).is_some_and(|l| l.starts_with(' ')))
    };
    if let Some(event) = &expect.hears {
        let heard = facts.history.heard.iter().filter(|h| !h.record && h.event == *event && of(&h.actor));
        let numbers: Vec<usize> = heard.map(|h| h.n).collect();
        return (numbers.len() as u64, numbers);
    }
    if let Some(on) = &expect.stand_on {
        let ends = facts.history.ends.iter().filter(|e| facts.history.name_of(e.resource) == on);
        let standing = ends.clone().flat_map(|e| &e.bookings).filter(|b| b.stands()).count();
        return (standing as u64, ends.map(|e| e.n).collect());
    }
    let fits = |a: &&Attempt<'_>| {
        let answer = || a.answer.or_else(|| a.calls.iter().rev().find_map(|c| c.answer.as_ref()));
        of(a.who())
            && expect.does.is_none_or(|does| does.change() == Some(a.what))
            && expect.outcome.is_none_or(|o| answer().is_some_and(|x| x.outcome == Some(o)))
            && expect.code.as_deref().is_none_or(|code| answer().is_some_and(|x| x.code.as_deref() == Some(code)))
    };
    let numbers: Vec<usize> = facts.attempts.iter().filter(fits).map(Attempt::n).collect();
    (numbers.len() as u64, numbers)
}

fn what(expect: &Expect) -> String {
    let of = expect.of.as_deref().unwrap_or("all");
    if let Some(event) = &expect.hears {
        return format!("{event} heard by {of}");
    }
    if let Some(on) = &expect.stand_on {
        return format!("bookings that stand on {on}");
    }
    let does = expect.does.and_then(|d| d.change()).map(|w| format!(" {}", w.word())).unwrap_or_default();
    let outcome = expect.outcome.map(|o| format!(" {}", o.word())).unwrap_or_default();
    let code = expect.code.as_deref().map(|c| format!(" {c}")).unwrap_or_default();
    format!("{of}{does}{outcome}{code}")
}

fn how_many(expect: &Expect) -> String {
    match (expect.exactly, expect.at_least, expect.at_most) {
        (Some(n), _, _) => format!("{n}"),
        (None, Some(from), Some(to)) => format!("{from} to {to}"),
        (None, Some(from), None) => format!("{from} or more"),
        (None, None, Some(to)) => format!("{to} or fewer"),
        (None, None, None) => "any number".into(),
    }
}
