//! What was told: once, for good, with a reason, in time, and as it is at the end.
//! Nothing here judges capacity or views.

use super::{Attempt, Facts, Fate, Found, definite, used};
use crate::history::{Answer, Outcome, Take, Us, What};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Nobody is kept out by a hold longer than this after its end, in microseconds.
const AFTER_EXPIRY_US: i64 = 1_500_000;

/// I5: whatever a key was told for good, it is told again, whole.
pub(super) fn one_outcome(facts: &Facts<'_>, found: &mut Found) {
    for a in &facts.attempts {
        let told: Vec<(usize, &Answer)> =
            a.calls.iter().filter_map(|c| Some((c.n, c.answer.as_ref()?))).filter(|(_, x)| definite(x)).collect();
        let Some(((first_n, first), rest)) = told.split_first() else { continue };
        for (n, other) in rest {
            found.compared += 1;
            let same = |x: &Answer| (x.outcome, x.code.clone(), x.versions.clone(), x.made, x.decided_at);
            if same(first) != same(other) {
                let says = format!(
                    "{} asked to {} by one key and was told {} and {}{}",
                    a.who(),
                    a.what.word(),
                    first.short(),
                    other.short(),
                    if first.short() == other.short() { ", with another object, version or time" } else { "" }
                );
                found.blame("I5", says, vec![*first_n, *n]);
            }
        }
    }
    // Two keys cannot have made the same thing.
    let mut made: BTreeMap<Uuid, &Attempt<'_>> = BTreeMap::new();
    let makes = |a: &&Attempt<'_>| {
        a.fate == Fate::Yes && matches!(a.what, What::Book | What::Hold | What::Confirm | What::Join | What::Override)
    };
    for a in facts.attempts.iter().filter(makes) {
        let Some(id) = a.made() else { continue };
        found.compared += 1;
        if let Some(other) = made.insert(id, a) {
            let says =
                format!("{} and {} were told to have made one and the same {}", other.who(), a.who(), a.what.word());
            found.blame("I3", says, vec![other.n(), a.n()]);
        }
    }
}

/// I3 and I26: each answer is one of those there are, and each attempt has one in the end.
pub(super) fn well_formed(facts: &Facts<'_>, found: &mut Found) {
    for a in &facts.attempts {
        for call in &a.calls {
            let Some(answer) = &call.answer else { continue };
            found.compared += 1;
            let fits = match answer.outcome {
                Some(Outcome::Booked | Outcome::Accepted) => matches!(answer.status, 200 | 201),
                Some(Outcome::Rejected) => matches!(answer.status, 403 | 404 | 409 | 422) && answer.code.is_some(),
                Some(Outcome::Failed) => matches!(answer.status, 409 | 412 | 503) && answer.code.is_some(),
                None => answer.status < 500 || matches!(answer.code.as_deref(), Some("no_outcome_yet" | "timed_out")),
            };
            if !fits {
                let says = format!("{} was answered {} {}", call.actor, answer.status, answer.short());
                found.blame("I3", says, vec![call.n]);
            }
            let told_which = answer.made.is_some() || answer.dates.iter().any(Option::is_some);
            if answer.outcome == Some(Outcome::Booked) && !told_which {
                found.blame("I3", format!("{} was told BOOKED, and not which booking", call.actor), vec![call.n]);
            }
        }
        let cut = a.calls.iter().all(|c| c.cut);
        if a.fate == Fate::Unknown && !cut {
            let says = format!("{} never learned what became of an attempt to {}", a.who(), a.what.word());
            found.blame("I26", says, a.calls.iter().map(|c| c.n).collect());
        }
    }
}

/// I3: what was told to be had or done is so when all is over.
pub(super) fn kept(facts: &Facts<'_>, found: &mut Found) {
    for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes) {
        let Some(id) = a.made() else { continue };
        let here = a.takes().first().map(|t| t.resource);
        if a.has_booking() {
            let Some(end) = here.and_then(|r| facts.end(r)) else { continue };
            found.compared += 1;
            let standing = end.bookings.iter().find(|b| b.id == id && b.stands());
            let gone = facts.enders(id).any(|e| !e.moves(id));
            let moved = facts.enders(id).any(|e| e.moves(id));
            let taken_away = gone || displaced(end.bookings.iter().find(|b| b.id == id));
            match standing {
                None if !taken_away => {
                    let says = format!("{} was told BOOKED, and the booking is not there at the end", a.who());
                    found.blame("I3", says, vec![a.n(), end.n]);
                }
                Some(b) if a.what != What::Accept && !moved && b.takes != a.takes() => {
                    let says = format!("{} was told BOOKED, and what stands is of another time or size", a.who());
                    found.blame("I3", says, vec![a.n(), end.n]);
                }
                Some(_) | None => {}
            }
        }
        if a.what == What::Cancel {
            let Some(of) = a.about() else { continue };
            let end = facts.history.ends.iter().find(|e| e.bookings.iter().any(|b| b.id == of && b.stands()));
            found.compared += 1;
            if let Some(end) = end {
                let says = format!("{} was told that a booking is cancelled, and it stands at the end", a.who());
                found.blame("I3", says, vec![a.n(), end.n]);
            }
        }
    }
}

fn displaced(booking: Option<&crate::history::EndBooking>) -> bool {
    booking.is_some_and(|b| b.state == "displaced")
}

/// I3: nothing stands that nobody was told of: a refusal or a failure changed nothing.
pub(super) fn absent(facts: &Facts<'_>, found: &mut Found) {
    let known: BTreeSet<Uuid> = facts
        .attempts
        .iter()
        .filter(|a| a.fate == Fate::Yes)
        .flat_map(|a| a.made().into_iter().chain(a.bookings().into_iter().map(|(id, _)| id)))
        .collect();
    let promoted: BTreeSet<Uuid> =
        facts.history.ends.iter().flat_map(|e| &e.entries).filter_map(|e| e.booking).collect();
    let open = |person: Option<Uuid>| {
        let of = |a: &&Attempt<'_>| a.fate == Fate::Unknown && Some(a.person) == person;
        facts.attempts.iter().filter(of).count()
    };
    for end in &facts.history.ends {
        let mut of: BTreeMap<Option<Uuid>, Vec<Uuid>> = BTreeMap::new();
        for b in end.bookings.iter().filter(|b| b.stands()) {
            found.compared += 1;
            if !known.contains(&b.id) && !promoted.contains(&b.id) {
                of.entry(b.owner).or_default().push(b.id);
            }
        }
        for (owner, bookings) in of {
            if bookings.len() > open(owner) {
                let theirs =
                    |a: &&Attempt<'_>| Some(a.person) == owner && a.takes().iter().any(|t| t.resource == end.resource);
                let calls: Vec<usize> = facts.attempts.iter().filter(theirs).map(Attempt::n).take(5).collect();
                let who = facts.attempts.iter().find(theirs).map_or("somebody", Attempt::who);
                let says = format!("{who} has a booking that nobody was told of");
                found.blame("I3", says, calls.into_iter().chain([end.n]).collect());
            }
        }
    }
}

/// Attempts that are told a version of their own.
fn versioned<'f, 'h>(
    facts: &'f Facts<'h>,
    resource: Uuid,
) -> impl Iterator<Item = (&'f Attempt<'h>, crate::history::Version)> {
    let makes = |a: &&Attempt<'_>| {
        a.fate == Fate::Yes && matches!(a.what, What::Book | What::Hold | What::Confirm | What::Join | What::Override)
    };
    facts.attempts.iter().filter(makes).filter_map(move |a| Some((a, a.version_of(resource)?)))
}

/// I9: every accepted command raises a resource by one, so no two have the same version.
pub(super) fn one_version_each(facts: &Facts<'_>, found: &mut Found) {
    for thing in &facts.history.things {
        let mut seen = BTreeMap::new();
        for (a, version) in versioned(facts, thing.id) {
            found.compared += 1;
            if let Some(other) = seen.insert(version, a) {
                let says = format!(
                    "{} and {} were both told to have made version {version} of {}",
                    other.who(),
                    a.who(),
                    thing.name
                );
                found.blame("I9", says, vec![other.n(), a.n()]);
            }
        }
    }
}

/// I14: what was answered before something else was asked has the lower version, and was decided no later.
pub(super) fn order(facts: &Facts<'_>, found: &mut Found) {
    for thing in &facts.history.things {
        let mut by_sent: Vec<_> = versioned(facts, thing.id).collect();
        let mut by_told = by_sent.clone();
        by_sent.sort_by_key(|(a, _)| a.sent);
        by_told.sort_by_key(|(a, _)| a.told);
        let mut before = by_told.into_iter().peekable();
        let mut highest: Option<(&Attempt<'_>, crate::history::Version)> = None;
        for (a, version) in by_sent {
            while let Some((b, v)) = before.next_if(|(b, _)| b.told < a.sent) {
                if highest.is_none_or(|(_, h)| h < v) {
                    highest = Some((b, v));
                }
            }
            let Some((b, v)) = highest else { continue };
            found.compared += 1;
            if v > version {
                let says = format!(
                    "{} was told version {v} of {} before {} asked and was told {version}",
                    b.who(),
                    thing.name,
                    a.who()
                );
                found.blame("I14", says, vec![b.n(), a.n()]);
            }
        }
        let mut by_version: Vec<_> = versioned(facts, thing.id).collect();
        by_version.sort_by_key(|(_, v)| *v);
        for pair in by_version.windows(2) {
            let [(a, _), (b, _)] = pair else { continue };
            let at = |x: &Attempt<'_>| x.answer.and_then(|x| x.decided_at);
            if at(a).zip(at(b)).is_some_and(|(x, y)| x > y) {
                found.blame(
                    "I6",
                    format!("the later version of {} was decided at an earlier instant", thing.name),
                    vec![a.n(), b.n()],
                );
            }
        }
    }
}

/// I14: nobody is refused for want of units where there was room all the while, and what a refusal points at is there.
pub(super) fn reasons(facts: &Facts<'_>, found: &mut Found) {
    let known: BTreeSet<Uuid> = facts.history.ends.iter().flat_map(|e| &e.bookings).map(|b| b.id).collect();
    let told: BTreeSet<Uuid> = facts.attempts.iter().filter_map(Attempt::made).collect();
    let lost = facts.attempts.iter().any(|a| a.fate == Fate::Unknown);
    for a in facts.attempts.iter().filter(|a| a.is(Outcome::Rejected)) {
        if let Some((kind, Some(id))) = a.answer.and_then(|x| x.witness.as_ref())
            && kind == "booking"
        {
            found.compared += 1;
            if !known.contains(id) && !told.contains(id) && !lost {
                found.blame("I14", format!("{} was refused because of a booking that never was", a.who()), vec![a.n()]);
            }
        }
        if !matches!(a.code(), Some("full" | "insufficient" | "held_by_other")) {
            continue;
        }
        let takes = match a.takes() {
            [take] if matches!(a.what, What::Book | What::Hold | What::Confirm) => *take,
            _ => continue,
        };
        let Some((_, fewest)) = facts.bounds(take_resource(&takes)) else { continue };
        let others: Vec<Take> = facts
            .attempts
            .iter()
            .filter(|b| b.key != a.key && b.fate != Fate::No && b.sent < a.told)
            .filter(|b| may_take(facts, b, a.sent))
            .flat_map(|b| b.takes().iter().copied())
            .filter(|t| t.meets(&takes))
            .collect();
        let mut points: Vec<i64> = others.iter().map(|t| t.start.max(takes.start)).chain([takes.start]).collect();
        points.sort_unstable();
        points.dedup();
        let most = points.into_iter().map(|at| used(others.iter(), at)).max().unwrap_or(0);
        found.compared += 1;
        if most + takes.units <= fewest && set_apart(facts, takes.resource) == 0 {
            let name = facts.history.name_of(takes.resource);
            let says = format!(
                "{} asked for {} of {name} and was refused {}, while {most} of {fewest} units can have been taken at the most",
                a.who(),
                takes.units,
                a.code().unwrap_or_default()
            );
            found.blame("I14", says, vec![a.n()]);
        }
    }
}

const fn take_resource(take: &Take) -> Uuid {
    take.resource
}

/// Seconds around bookings that are taken too: then what is asked says too little about what is taken.
fn set_apart(facts: &Facts<'_>, resource: Uuid) -> i64 {
    let policy = facts.thing(resource).map(|t| &t.policy);
    let seconds = |name: &str| policy.and_then(|p| p[name].as_i64()).unwrap_or(0);
    seconds("setup_s") + seconds("teardown_s")
}

/// Whether an attempt may have had units at or after an instant of ours.
fn may_take(facts: &Facts<'_>, a: &Attempt<'_>, at: Us) -> bool {
    if matches!(a.what, What::Move | What::Swap | What::Series | What::Override) {
        return true;
    }
    if !matches!(a.what, What::Book | What::Hold | What::Confirm | What::Join | What::Accept) {
        return false;
    }
    let Some(made) = a.made() else { return true };
    if a.what == What::Hold {
        let lives = a.answer.and_then(|x| Some(x.expires_at? - x.decided_at?)).unwrap_or(Us::MAX / 4);
        let renewed = facts.attempts.iter().any(|r| r.what == What::Renew && r.about() == Some(made));
        if !renewed && a.told.saturating_add(lives).saturating_add(AFTER_EXPIRY_US) < at {
            return false;
        }
    }
    if a.what == What::Join {
        return true;
    }
    let gone = |e: &&Attempt<'_>| e.fate == Fate::Yes && matches!(e.what, What::Cancel | What::Release);
    !facts.enders(made).filter(gone).any(|e| e.told < at)
}

/// I6: a deadline is judged at the decision, and the instant itself is too late.
pub(super) fn deadlines(facts: &Facts<'_>, found: &mut Found) {
    for a in &facts.attempts {
        let Some((answer, at)) = a.answer.and_then(|x| Some((x, x.decided_at?))) else { continue };
        let resource = match a.what {
            What::Book | What::Confirm | What::Hold => a.takes().first().map(|t| t.resource),
            What::Cancel => facts
                .attempts
                .iter()
                .find(|b| b.made() == a.about())
                .and_then(|b| b.takes().first())
                .map(|t| t.resource),
            _ => None,
        };
        let Some(thing) = resource.and_then(|r| facts.thing(r)) else { continue };
        let deadline = if a.what == What::Cancel { thing.cancel_by } else { thing.book_by };
        let Some(deadline) = deadline else { continue };
        // Admins may cancel after it, and a cancel of what is cancelled changes nothing.
        let once_more = a.what == What::Cancel && facts.enders(a.about().unwrap_or_default()).any(|e| e.key != a.key);
        found.compared += 1;
        if answer.outcome.is_some_and(Outcome::is_yes) && at >= deadline && !once_more {
            let says = format!(
                "{} was told {} {} ms after the deadline of {}",
                a.who(),
                answer.short(),
                (at - deadline) / 1_000,
                thing.name
            );
            found.blame("I6", says, vec![a.n()]);
        }
        if a.code() == Some("past_cutoff") && at < deadline {
            let says = format!(
                "{} was refused past_cutoff {} ms before the deadline of {}",
                a.who(),
                (deadline - at) / 1_000,
                thing.name
            );
            found.blame("I6", says, vec![a.n()]);
        }
    }
}

/// I7: a hold is confirmed before its end or not at all.
pub(super) fn holds(facts: &Facts<'_>, found: &mut Found) {
    let mut ends: BTreeMap<Uuid, i64> = BTreeMap::new();
    let grants = |a: &&Attempt<'_>| a.fate == Fate::Yes && matches!(a.what, What::Hold | What::Renew);
    for a in facts.attempts.iter().filter(grants) {
        if let Some((id, at)) = a.made().zip(a.answer.and_then(|x| x.expires_at)) {
            let end = ends.entry(id).or_insert(at);
            *end = (*end).max(at);
        }
    }
    let mut used_up: BTreeMap<Uuid, &Attempt<'_>> = BTreeMap::new();
    for a in facts.attempts.iter().filter(|a| a.what == What::Confirm) {
        let Some((hold, at)) = a.about().zip(a.answer.and_then(|x| x.decided_at)) else { continue };
        let Some(end) = ends.get(&hold) else { continue };
        found.compared += 1;
        if a.fate == Fate::Yes {
            if at >= *end {
                found.blame(
                    "I7",
                    format!("{} confirmed a hold {} ms after its end", a.who(), (at - end) / 1_000),
                    vec![a.n()],
                );
            }
            if let Some(other) = used_up.insert(hold, a) {
                found.blame("I7", format!("{} confirmed one hold twice", a.who()), vec![other.n(), a.n()]);
            }
        }
        let unknown = facts.enders(hold).any(|e| e.fate == Fate::Unknown);
        if a.code() == Some("hold_expired") && at < *end && !unknown {
            let says = format!("{} was told that a hold is over {} ms before its end", a.who(), (end - at) / 1_000);
            found.blame("I7", says, vec![a.n()]);
        }
    }
}

/// I7: no token of a resource is given out twice, and none but that of the hold will do.
pub(super) fn tokens(facts: &Facts<'_>, found: &mut Found) {
    let mut given: BTreeMap<(Uuid, &str), &Attempt<'_>> = BTreeMap::new();
    let mut of_hold: BTreeMap<Uuid, &str> = BTreeMap::new();
    for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes && a.what == What::Hold) {
        let Some((answer, id)) = a.answer.zip(a.made()) else { continue };
        let (Some(token), Some(take)) = (answer.token.as_deref(), a.takes().first()) else { continue };
        found.compared += 1;
        of_hold.insert(id, token);
        if let Some(other) = given.insert((take.resource, token), a) {
            let name = facts.history.name_of(take.resource);
            let says = format!("{} and {} were given one token for two holds of {name}", other.who(), a.who());
            found.blame("I7", says, vec![other.n(), a.n()]);
        }
    }
    let by_token = |a: &&Attempt<'_>| matches!(a.what, What::Confirm | What::Renew | What::Release);
    for a in facts.attempts.iter().filter(by_token).filter(|a| a.fate == Fate::Yes) {
        let sent = a.call().and_then(|c| Some((c.about?, c.token.as_deref()?)));
        let Some((hold, sent)) = sent else { continue };
        let Some(own) = of_hold.get(&hold) else { continue };
        found.compared += 1;
        // To give back what is over already is no harm by whichever token.
        if *own != sent && a.what != What::Release {
            let says = format!("{} was told {} by another token than that of the hold", a.who(), a.what.word());
            found.blame("I7", says, vec![a.n()]);
        }
    }
}

/// I11: of two edits that name one version, one is applied; and nobody is told of another edit that was not.
pub(super) fn admins(facts: &Facts<'_>, found: &mut Found) {
    let mut applied: BTreeMap<(Uuid, u64), &Attempt<'_>> = BTreeMap::new();
    let edits = |a: &&Attempt<'_>| matches!(a.what, What::SetCapacity | What::Edit | What::Block);
    for a in facts.attempts.iter().filter(edits) {
        let Some((resource, named)) = a.call().and_then(|c| Some((c.resource?, c.if_match?))) else { continue };
        found.compared += 1;
        if a.fate == Fate::Yes
            && let Some(other) = applied.insert((resource, named), a)
        {
            let same = other.call().map(|c| (c.what, c.to)) == a.call().map(|c| (c.what, c.to));
            if !same {
                let name = facts.history.name_of(resource);
                let says = format!(
                    "{} and {} both edited policy version {named} of {name}, and both were applied",
                    other.who(),
                    a.who()
                );
                found.blame("I11", says, vec![other.n(), a.n()]);
            }
        }
        let stale =
            a.calls.iter().find(|c| c.answer.as_ref().is_some_and(|x| x.code.as_deref() == Some("version_stale")));
        if let Some(stale) = stale {
            let others = facts.attempts.iter().filter(edits).filter(|b| b.key != a.key && b.fate != Fate::No);
            let mut others = others.filter(|b| b.call().and_then(|c| c.resource) == Some(resource));
            // What is displaced may have changed too, without an edit.
            if a.what == What::Block {
                continue;
            }
            if !others.any(|b| b.sent < stale.answered.unwrap_or(Us::MAX)) {
                let says = format!("{} was told that somebody else had edited it, and nobody had", a.who());
                found.blame("I14", says, vec![stale.n]);
            }
        }
    }
}

/// I17: the record tells of one cancellation, however often it was asked for.
pub(super) fn cancelled_once(facts: &Facts<'_>, found: &mut Found) {
    let mut told: BTreeMap<(Uuid, Uuid), usize> = BTreeMap::new();
    for event in facts.history.heard.iter().filter(|h| h.record && h.event == "bookingCanceled") {
        let Some(of) = event.booking.zip(event.resource) else { continue };
        found.compared += 1;
        if let Some(first) = told.insert(of, event.n) {
            let mut witness: Vec<usize> = facts.enders(of.0).map(Attempt::n).collect();
            witness.extend([first, event.n]);
            found.blame("I17", "one booking was cancelled twice".into(), witness);
        }
    }
}

/// I8: no newcomer takes what somebody waits for, and those who wait have it in their order.
pub(super) fn waitlist(facts: &Facts<'_>, found: &mut Found) {
    for end in &facts.history.ends {
        let Some(thing) = facts.thing(end.resource) else { continue };
        let plain =
            |name: &str| thing.policy[name].is_null() || thing.policy[name].as_array().is_some_and(Vec::is_empty);
        let anybody = plain("quota") && plain("eligibility") && thing.policy["own_overlap"] != "refuse";
        if end.entries.is_empty() || !anybody {
            continue;
        }
        // Who still waits, has tried nothing else, and in which version they joined.
        let joined = |id: Uuid| {
            facts.attempts.iter().find(|a| a.what == What::Join && a.made() == Some(id) && a.fate == Fate::Yes)
        };
        for entry in &end.entries {
            let Some(join) = joined(entry.id) else { continue };
            let tried = facts.enders(entry.id).next().is_some();
            if entry.state != "waiting" || tried {
                continue;
            }
            for b in facts.attempts.iter().filter(|b| b.what == What::Book && b.has_booking() && b.sent > join.told) {
                found.compared += 1;
                let took = b.takes().iter().any(|t| {
                    t.start <= entry.take.start
                        && entry.take.end <= t.end
                        && t.units >= entry.take.units
                        && t.resource == end.resource
                });
                if took {
                    let says = format!("{} was BOOKED while {} had been waiting for the same", b.who(), join.who());
                    found.blame("I8", says, vec![join.n(), b.n(), end.n]);
                }
            }
            for other in end.entries.iter().filter(|o| o.booking.is_some() && o.id != entry.id) {
                let Some(later) = joined(other.id) else { continue };
                let alike = other.take == entry.take && other.class == entry.class;
                let versions = join.version_of(end.resource).zip(later.version_of(end.resource));
                found.compared += 1;
                if alike && versions.is_some_and(|(first, then)| first < then) {
                    let says = format!(
                        "{} had a place although {} waited for the same and had joined before",
                        later.who(),
                        join.who()
                    );
                    found.blame("I8", says, vec![join.n(), later.n(), end.n]);
                }
            }
        }
        let made = |id: Uuid| end.bookings.iter().find(|b| b.id == id).and_then(|b| b.created_at);
        let mut promoted: Vec<_> = end
            .entries
            .iter()
            .filter_map(|e| Some((joined(e.id)?, e, made(e.booking?)?)))
            .filter_map(|(join, e, at)| Some((join.version_of(end.resource)?, join, e, at)))
            .collect();
        promoted.sort_by_key(|(version, ..)| *version);
        // What is offered they take when they like.
        if thing.policy["waitlist"]["mode"] == "offer" {
            promoted.clear();
        }
        for pair in promoted.windows(2) {
            let [(_, first, a, at), (_, then, b, later)] = pair else { continue };
            found.compared += 1;
            if a.take == b.take && a.class == b.class && at > later {
                let says = format!("{} joined before {} and was promoted after", first.who(), then.who());
                found.blame("I8", says, vec![first.n(), then.n(), end.n]);
            }
        }
        let mut bookings: BTreeMap<Uuid, Uuid> = BTreeMap::new();
        for entry in &end.entries {
            if let Some(booking) = entry.booking
                && bookings.insert(booking, entry.id).is_some()
            {
                found.blame("I8", "two places in line became one booking".into(), vec![end.n]);
            }
        }
    }
}
