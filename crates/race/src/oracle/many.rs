//! What one attempt does to several bookings, or over them: moves, swaps, series, blocks and overrides.
//! It blames nothing that another attempt at the same time may have done.

use super::{Facts, Fate, Found};
use crate::history::{EndBooking, Number, Take, What};
use uuid::Uuid;

/// The booking as it stands at the end, with the record that says so.
fn at_the_end<'h>(facts: &Facts<'h>, id: Uuid) -> Vec<(Number, &'h EndBooking)> {
    let ends = facts.history.ends.iter();
    ends.flat_map(|e| e.bookings.iter().filter(move |b| b.id == id).map(move |b| (e.n, b))).collect()
}

/// What a booking takes at the end, of all that was raced for; `None` if it stands nowhere.
fn takes_at_the_end(facts: &Facts<'_>, id: Uuid) -> Option<Vec<Take>> {
    let standing = at_the_end(facts, id).into_iter().filter(|(_, b)| b.stands());
    let takes: Vec<Take> = standing.flat_map(|(_, b)| b.takes.clone()).collect();
    (!takes.is_empty()).then_some(takes)
}

/// I3: what was moved or swapped is there at the end, if nobody can have changed it since.
pub(super) fn moved(facts: &Facts<'_>, found: &mut Found) {
    for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes && matches!(a.what, What::Move | What::Swap)) {
        let of = [a.about(), a.call().and_then(|c| c.with)];
        let places = a.takes().chunks(a.takes().len().div_ceil(if a.what == What::Swap { 2 } else { 1 }).max(1));
        for (id, places) in of.into_iter().flatten().zip(places) {
            // Whoever swaps knows a place as it was when they asked.
            let others =
                a.what == What::Swap && of.iter().flatten().any(|id| facts.enders(*id).any(|e| e.person != a.person));
            let since = |e: &&super::Attempt<'_>| e.key != a.key && (e.told >= a.sent || others);
            if facts.enders(id).any(|e| since(&e)) {
                continue;
            }
            found.compared += 1;
            if takes_at_the_end(facts, id).as_deref() != Some(places) {
                let says = format!("{} was told that a booking is elsewhere, and at the end it is not there", a.who());
                let ends = at_the_end(facts, id).into_iter().map(|(n, _)| n);
                found.blame("I3", says, ends.chain([a.n()]).collect());
            }
        }
    }
}

/// I13: a series that was booked stands day by day as it was told, and whole if nothing else was wanted.
pub(super) fn series(facts: &Facts<'_>, found: &mut Found) {
    for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes && a.what == What::Series) {
        let made = a.bookings();
        let whole = a.call().is_some_and(|c| c.whole);
        found.compared += 1;
        if whole && made.len() != a.takes().len() {
            let says =
                format!("{} asked for {} days or nothing, and was told {}", a.who(), a.takes().len(), made.len());
            found.blame("I13", says, vec![a.n()]);
        }
        for (id, takes) in made {
            if facts.enders(id).next().is_some() {
                continue;
            }
            if takes_at_the_end(facts, id).as_deref() != Some(takes.as_slice()) {
                let says = format!("{} was told of a day of a series, and it does not stand so at the end", a.who());
                let ends = at_the_end(facts, id).into_iter().map(|(n, _)| n);
                found.blame("I13", says, ends.chain([a.n()]).collect());
            }
        }
    }
}

/// I11: whatever is displaced was looked at by whoever displaced it, and whatever they were told is displaced stands no more.
pub(super) fn displaced(facts: &Facts<'_>, found: &mut Found) {
    let names = |id: Uuid| facts.attempts.iter().filter(move |a| a.call().is_some_and(|c| c.displaces.contains(&id)));
    for end in &facts.history.ends {
        for b in end.bookings.iter().filter(|b| b.state == "displaced") {
            found.compared += 1;
            if !names(b.id).any(|a| a.fate != Fate::No) {
                let says = "a booking was displaced, and nobody who displaced anything had looked at it".into();
                found.blame("I11", says, vec![end.n]);
            }
        }
    }
    for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes) {
        for id in a.call().into_iter().flat_map(|c| &c.displaces) {
            found.compared += 1;
            if takes_at_the_end(facts, *id).is_some() {
                let says = format!("{} was told that a booking is displaced, and it stands at the end", a.who());
                let ends = at_the_end(facts, *id).into_iter().map(|(n, _)| n);
                found.blame("I11", says, ends.chain([a.n()]).collect());
            }
        }
    }
}

/// I1 and I14: in time that is out of use nothing is booked, and nobody is refused for a block that is not there.
pub(super) fn blocked(facts: &Facts<'_>, found: &mut Found) {
    let blocks: Vec<_> = facts.attempts.iter().filter(|a| a.what == What::Block && a.fate != Fate::No).collect();
    let meets =
        |block: &super::Attempt<'_>, takes: &[Take]| block.takes().iter().any(|b| takes.iter().any(|t| b.meets(t)));
    for a in facts.attempts.iter().filter(|a| a.code() == Some("blocked")) {
        found.compared += 1;
        if !blocks.iter().any(|b| b.sent < a.told && meets(b, a.takes())) {
            found.blame("I14", format!("{} was refused for a block that nobody had set", a.who()), vec![a.n()]);
        }
    }
    for block in blocks.iter().filter(|b| b.fate == Fate::Yes) {
        for a in facts.attempts.iter().filter(|a| a.sent > block.told) {
            for (_, takes) in a.bookings() {
                found.compared += 1;
                if meets(block, &takes) {
                    let says = format!("{} was BOOKED in time that {} had taken out of use", a.who(), block.who());
                    found.blame("I1", says, vec![block.n(), a.n()]);
                }
            }
        }
        for end in &facts.history.ends {
            let standing = end.bookings.iter().filter(|b| b.stands() && meets(block, &b.takes));
            for b in standing {
                let says =
                    format!("{} took time out of use, and the booking {} stands in it at the end", block.who(), b.id);
                found.blame("I1", says, vec![block.n(), end.n]);
            }
        }
    }
}
