//! Never more than there is: by our own clock, by the versions that answers name, and as it stands at the end.
//! It counts only what is certain to have been taken at once.

use super::smallest::smallest;
use super::{Facts, Fate, Found, used};
use crate::history::{Number, Take, Us, What};
use uuid::Uuid;

/// Our clock and the server's may run apart so much, in microseconds, while a hold lives.
const DRIFT_US: i64 = 20_000;
/// Tries to find a smaller witness.
const TRIES_MAX: usize = 500;

#[derive(Clone)]
struct Certain {
    n: Number,
    from: Us,
    until: Us,
    take: Take,
}

fn over(invariant_of: u64) -> &'static str {
    if invariant_of == 1 { "I2" } else { "I1" }
}

/// What is certain to be taken, from the answer that told it until the first request that may have ended it.
fn certain(facts: &Facts<'_>, resource: Uuid) -> Vec<Certain> {
    let mut found = Vec::new();
    for a in facts.attempts.iter().filter(|a| a.fate == Fate::Yes) {
        if a.what == What::Series {
            for (id, takes) in a.bookings() {
                let until = facts.enders(id).map(|e| e.sent).min().unwrap_or(Us::MAX);
                let here = takes.into_iter().filter(|t| t.resource == resource && a.told < until);
                found.extend(here.map(|take| Certain { n: a.n(), from: a.told, until, take }));
            }
            continue;
        }
        if matches!(a.what, What::Move | What::Swap) {
            // From then on, until somebody may have changed it again.
            let of = [a.about(), a.call().and_then(|c| c.with)];
            let others = || of.iter().flatten().flat_map(|id| facts.enders(*id)).filter(|e| e.key != a.key);
            // Whoever swaps knows a place as it was when they asked.
            if a.what == What::Swap && others().any(|e| e.person != a.person) {
                continue;
            }
            let others = others();
            let until = others.filter(|e| e.told >= a.sent).map(|e| e.sent).min().unwrap_or(Us::MAX);
            let here = a.takes().iter().filter(|t| t.resource == resource && a.told < until);
            found.extend(here.map(|take| Certain { n: a.n(), from: a.told, until, take: *take }));
            continue;
        }
        let Some(made) = a.made() else { continue };
        let until = match a.what {
            What::Book | What::Confirm | What::Accept | What::Override if a.has_booking() => Us::MAX,
            What::Hold => {
                let lives = a.answer.and_then(|x| Some(x.expires_at? - x.decided_at?)).unwrap_or(0);
                // A newer hold of one's own takes the place of the older.
                let newer = facts.attempts.iter().filter(|b| {
                    b.what == What::Hold
                        && b.person == a.person
                        && b.key != a.key
                        && b.sent >= a.sent
                        && b.fate != Fate::No
                });
                let newer = newer.map(|b| b.sent).min().unwrap_or(Us::MAX);
                newer.min(a.sent + lives - DRIFT_US)
            }
            _ => continue,
        };
        let ended = facts.enders(made).map(|e| e.sent).min().unwrap_or(Us::MAX);
        for take in a.takes().iter().filter(|t| t.resource == resource) {
            let until = until.min(ended);
            if a.told < until {
                found.push(Certain { n: a.n(), from: a.told, until, take: *take });
            }
        }
    }
    found.sort_by_key(|c| c.from);
    found
}

/// The instant of ours and of the resource's time at which more is taken than there is.
fn too_many(all: &[Certain], most: u64) -> Option<(Us, i64, u64)> {
    for new in all {
        let now: Vec<&Certain> = all.iter().filter(|c| c.from <= new.from && new.from < c.until).collect();
        let mut points: Vec<i64> = now.iter().map(|c| c.take.start.max(new.take.start)).collect();
        points.sort_unstable();
        points.dedup();
        for at in points.into_iter().filter(|at| *at < new.take.end) {
            let used = used(now.iter().map(|c| &c.take), at);
            if used > most {
                return Some((new.from, at, used));
            }
        }
    }
    None
}

/// I1 and I2 by our own clock.
pub(super) fn by_time(facts: &Facts<'_>, found: &mut Found) {
    for thing in &facts.history.things {
        let Some((most, _)) = facts.bounds(thing.id) else { continue };
        let all = certain(facts, thing.id);
        found.compared += all.len() as u64;
        let Some((us, at, used)) = too_many(&all, most) else { continue };
        let those: Vec<Certain> =
            all.into_iter().filter(|c| c.from <= us && us < c.until && c.take.start <= at && at < c.take.end).collect();
        let fewest = smallest(&those, TRIES_MAX, |left| too_many(left, most).is_some());
        let says = format!("{} has {most} units, and {used} were told to be taken at the same time", thing.name);
        found.blame(over(most), says, fewest.iter().map(|c| c.n).collect());
    }
}

/// I1 and I2 by the versions that answers name.
pub(super) fn by_version(facts: &Facts<'_>, found: &mut Found) {
    for thing in &facts.history.things {
        let Some((most, _)) = facts.bounds(thing.id) else { continue };
        let mut all = Vec::new();
        for a in facts.attempts.iter().filter(|a| a.has_booking()) {
            let (Some(made), Some(from)) = (a.made(), a.version_of(thing.id)) else { continue };
            let ended = facts.enders(made).map(|e| e.version_of(thing.id).map_or(0, |v| v.version)).min();
            let as_us = |v: u64| i64::try_from(v).unwrap_or(Us::MAX);
            for take in a.takes().iter().filter(|t| t.resource == thing.id) {
                let until = ended.map_or(Us::MAX, as_us);
                if as_us(from.version) < until {
                    all.push(Certain { n: a.n(), from: as_us(from.version), until, take: *take });
                }
            }
        }
        all.sort_by_key(|c| c.from);
        found.compared += all.len() as u64;
        let Some((version, at, used)) = too_many(&all, most) else { continue };
        all.retain(|c| c.from <= version && version < c.until && c.take.start <= at && at < c.take.end);
        let fewest = smallest(&all, TRIES_MAX, |left| too_many(left, most).is_some());
        let says =
            format!("{} has {most} units, and at version {version} {used} are taken by what was told", thing.name);
        found.blame(over(most), says, fewest.iter().map(|c| c.n).collect());
    }
}

/// I1 and I2 as the server itself shows it when all is over.
pub(super) fn at_the_end(facts: &Facts<'_>, found: &mut Found) {
    for end in &facts.history.ends {
        let Some(capacity) = end.capacity else { continue };
        let most = capacity + end.over_commit;
        let standing = end.bookings.iter().filter(|b| b.stands()).flat_map(|b| &b.takes);
        let takes: Vec<Take> = standing.chain(&end.holds).filter(|t| t.resource == end.resource).copied().collect();
        let mut points: Vec<i64> = takes.iter().map(|t| t.start).collect();
        points.sort_unstable();
        points.dedup();
        found.compared += takes.len() as u64;
        let worst = points.into_iter().map(|at| (used(takes.iter(), at), at)).max();
        if let Some((used, _)) = worst.filter(|(used, _)| *used > most) {
            let name = facts.history.name_of(end.resource);
            found.blame(
                over(capacity),
                format!("at the end {name} has {most} units and {used} are taken"),
                vec![end.n],
            );
        }
    }
}
