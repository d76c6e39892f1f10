//! What was shown and heard: events without a gap, the same for everybody, views that never go back and add up.
//! A view may be old; it may not be wrong about the version that it names.

use super::{Facts, Fate, Found};
use crate::history::{Heard, Outcome, Version, What};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Where somebody stands in a resource's events.
type Place = (u64, u64, u64, u64);

/// I9: each socket, and the record, hears version after version and part after part, to the end.
pub(super) fn events(facts: &Facts<'_>, found: &mut Found) {
    for began in &facts.history.subscribed {
        let mut place: Place = (began.version.epoch, began.version.version, 1, 1);
        let mut last = began.n;
        let mut broken = false;
        let mine = |h: &&Heard| h.actor == began.actor && h.record == began.record;
        let name = facts.history.name_of(began.resource);
        if facts.history.heard.iter().filter(mine).any(|h| h.event == "resync") {
            continue;
        }
        for h in facts.history.heard.iter().filter(mine).filter(|h| h.resource == Some(began.resource) && h.n > began.n)
        {
            let (Some(version), Some((part, parts))) = (h.version, h.part) else { continue };
            let here: Place = (version.epoch, version.version, part, parts);
            found.compared += 1;
            // At least once: the same again is allowed, and at the beginning what one has already by the version it began from.
            if here == place || (last == began.n && version <= began.version) {
                continue;
            }
            let next = match place.2 < place.3 {
                true => (place.0, place.1, place.2 + 1),
                false => (place.0, place.1 + 1, 1),
            };
            let so_far = (place.0, place.1, place.2);
            let now = (here.0, here.1, here.2);
            if now < so_far {
                let says = format!("{} heard version {version} of {name} after {}.{}", began.actor, place.0, place.1);
                found.blame("I9", says, vec![last, h.n]);
                broken = true;
                continue;
            }
            if now != next && !broken {
                let says = format!(
                    "{} heard {version} part {part} of {name} after {}.{} part {}, and not what is between",
                    began.actor, place.0, place.1, place.2
                );
                found.blame("I9", says, vec![last, h.n]);
                broken = true;
            }
            place = here;
            last = h.n;
        }
        let Some(end) = facts.end(began.resource) else { continue };
        let upto = Version { epoch: place.0, version: place.1 };
        found.compared += 1;
        if !broken && (upto < end.version || place.2 < place.3) {
            let says = format!("{} heard of {name} up to {upto}, and it is at {}", began.actor, end.version);
            found.blame("I9", says, vec![last, end.n]);
        }
    }
}

/// I9: everybody hears the same of one part of one version, and it names the attempt that made it.
pub(super) fn agree(facts: &Facts<'_>, found: &mut Found) {
    let mut first: BTreeMap<(Uuid, Version, u64), &Heard> = BTreeMap::new();
    for h in &facts.history.heard {
        let (Some(resource), Some(version), Some((part, _))) = (h.resource, h.version, h.part) else { continue };
        let known = *first.entry((resource, version, part)).or_insert(h);
        found.compared += 1;
        if (&known.event, known.attempt, known.booking) != (&h.event, h.attempt, h.booking) {
            let name = facts.history.name_of(resource);
            let says = format!(
                "{} heard {} at {version} of {name}, and {} heard something else",
                known.actor, known.event, h.actor
            );
            found.blame("I9", says, vec![known.n, h.n]);
        }
    }
    for a in facts
        .attempts
        .iter()
        .filter(|a| a.fate == Fate::Yes && matches!(a.what, What::Book | What::Hold | What::Confirm | What::Join))
    {
        for (resource, version) in a.answer.iter().flat_map(|x| &x.versions) {
            let Some(h) = first.get(&(*resource, *version, 1)) else { continue };
            found.compared += 1;
            if h.attempt != Some(a.key) {
                let name = facts.history.name_of(*resource);
                let says = format!(
                    "{} was told to have made version {version} of {name}, and its event names another attempt",
                    a.who()
                );
                found.blame("I9", says, vec![a.n(), h.n]);
            }
        }
    }
}

/// I8: whoever is promoted is so by the attempt that freed it, and not some time later by nobody's.
pub(super) fn promoted_at_once(facts: &Facts<'_>, found: &mut Found) {
    for h in facts.history.heard.iter().filter(|h| h.event == "waitlistPromoted") {
        let Some((resource, attempt)) = h.resource.zip(h.attempt) else { continue };
        // A hold frees its units by time alone.
        let held = |a: &super::Attempt<'_>| a.what == What::Hold && a.takes().iter().any(|t| t.resource == resource);
        if facts.attempts.iter().any(held) {
            continue;
        }
        found.compared += 1;
        if !facts.attempts.iter().any(|a| a.key == attempt) {
            let name = facts.history.name_of(resource);
            let says = format!("what came free of {name} was given to those who wait later, by an attempt of nobody");
            found.blame("I8", says, vec![h.n]);
        }
    }
}

/// I10: what is left is never below nothing nor more than there is, and one version shows the same everywhere.
pub(super) fn numbers(facts: &Facts<'_>, found: &mut Found) {
    let mut shown: BTreeMap<(Uuid, Version), (i64, usize, &str)> = BTreeMap::new();
    for v in &facts.history.views {
        let Some(left) = v.remaining else { continue };
        let name = facts.history.name_of(v.resource);
        found.compared += 1;
        if left < 0 {
            found.blame("I10", format!("{} saw {left} units left of {name}", v.actor), vec![v.n]);
        }
        if v.capacity.is_some_and(|c| i64::try_from(c).is_ok_and(|c| left > c)) {
            found.blame("I10", format!("{} saw {left} units left of {name}, more than there are", v.actor), vec![v.n]);
        }
        // Where nothing is held and nobody waits, only versions change what is left, and all take the same time.
        if !plain(facts, v.resource) {
            continue;
        }
        match shown.get(&(v.resource, v.version)) {
            Some((other, n, place)) if *other != left => {
                let says =
                    format!("at version {} of {name} {place} showed {other} left and {} {left}", v.version, v.place);
                found.blame("I10", says, vec![*n, v.n]);
            }
            Some(_) => {}
            None => {
                shown.insert((v.resource, v.version), (left, v.n, &v.place));
            }
        }
    }
}

/// A section or session on which nothing was held and nobody waited.
fn plain(facts: &Facts<'_>, resource: Uuid) -> bool {
    let timed = facts.thing(resource).is_some_and(|t| matches!(t.kind.as_str(), "section" | "session"));
    let other = |w: What| !matches!(w, What::Book | What::Cancel | What::SetCapacity | What::Edit);
    timed && !facts.attempts.iter().any(|a| other(a.what) && a.fate != Fate::No)
}

/// Since when, which version, from which record.
type Known = (i64, Version, usize);

/// I10: whoever has seen a version, or made it, or heard of it, is shown none before it.
pub(super) fn forward(facts: &Facts<'_>, found: &mut Found) {
    let mut known: BTreeMap<(&str, Uuid), Vec<Known>> = BTreeMap::new();
    for v in &facts.history.views {
        known.entry((&v.actor, v.resource)).or_default().push((v.answered, v.version, v.n));
    }
    for a in facts.attempts.iter().filter(|a| a.answer.is_some_and(|x| x.outcome.is_some_and(Outcome::is_yes))) {
        for (resource, version) in a.answer.iter().flat_map(|x| &x.versions) {
            known.entry((a.who(), *resource)).or_default().push((a.told, *version, a.n()));
        }
    }
    for h in facts.history.heard.iter().filter(|h| !h.record) {
        if let (Some(resource), Some(version)) = (h.resource, h.version) {
            known.entry((&h.actor, resource)).or_default().push((h.at, version, h.n));
        }
    }
    for list in known.values_mut() {
        list.sort_unstable();
        let mut highest: Option<(Version, usize)> = None;
        for item in list.iter_mut() {
            // From here on each says the highest that was known by then, and from which record.
            if highest.is_none_or(|(v, _)| v < item.1) {
                highest = Some((item.1, item.2));
            }
            if let Some((version, n)) = highest {
                (item.1, item.2) = (version, n);
            }
        }
    }
    for v in &facts.history.views {
        let Some(list) = known.get(&(v.actor.as_str(), v.resource)) else { continue };
        let before = list.partition_point(|(at, ..)| *at < v.sent);
        let Some((_, version, n)) = before.checked_sub(1).and_then(|at| list.get(at)) else { continue };
        found.compared += 1;
        if v.version < *version {
            let name = facts.history.name_of(v.resource);
            let says =
                format!("{} knew {version} of {name} and was then shown {} by the {}", v.actor, v.version, v.place);
            found.blame("I10", says, vec![*n, v.n]);
        }
    }
}

/// I10: what is left at a version is what the answers up to that version leave.
pub(super) fn folds(facts: &Facts<'_>, found: &mut Found) {
    for thing in facts.history.things.iter().filter(|t| plain(facts, t.id)) {
        let Some(capacity) = thing.capacity else { continue };
        let mut changes: BTreeMap<Version, (i64, usize)> = BTreeMap::new();
        let mut cancelled: BTreeMap<Uuid, (Version, usize)> = BTreeMap::new();
        let units =
            |a: &super::Attempt<'_>| a.takes().iter().filter(|t| t.resource == thing.id).map(|t| t.units).sum::<u64>();
        for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes) {
            let Some(version) = a.version_of(thing.id) else { continue };
            match a.what {
                What::Book if a.has_booking() => {
                    changes.insert(version, (-i64::try_from(units(a)).unwrap_or(0), a.n()));
                }
                What::Cancel => {
                    let Some(of) = a.about() else { continue };
                    let first = cancelled.entry(of).or_insert((version, a.n()));
                    *first = (*first).min((version, a.n()));
                }
                What::Edit => {
                    changes.entry(version).or_insert((0, a.n()));
                }
                _ => {}
            }
        }
        for (of, (version, n)) in cancelled {
            let gave_back = facts.attempts.iter().find(|a| a.made() == Some(of) && a.has_booking()).map_or(0, units);
            changes.entry(version).or_insert((i64::try_from(gave_back).unwrap_or(0), n));
        }
        if facts.attempts.iter().any(|a| a.what == What::SetCapacity && a.fate != Fate::No) {
            continue;
        }
        for v in facts.history.views.iter().filter(|v| v.resource == thing.id && v.version.epoch == thing.version.epoch)
        {
            let Some(left) = v.remaining else { continue };
            let steps = changes.range(..=v.version);
            let all = v.version.version.saturating_sub(thing.version.version);
            if steps.clone().count() as u64 != all {
                // Somebody made a version and was not told: nothing is known for sure.
                continue;
            }
            let should =
                i64::try_from(capacity).unwrap_or(i64::MAX) + steps.clone().map(|(_, (delta, _))| delta).sum::<i64>();
            found.compared += 1;
            if left != should {
                let says = format!(
                    "at version {} of {} {should} units are left, and the {} showed {left}",
                    v.version, thing.name, v.place
                );
                let last = steps.last().map(|(_, (_, n))| *n);
                found.blame("I10", says, last.into_iter().chain([v.n]).collect());
            }
        }
    }
}
