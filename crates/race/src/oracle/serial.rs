//! Looks for one order of everything that was told of a resource, each within its call, that explains every answer
//! (Wing and Gong's search, remembering what was tried). It trusts no version and no clock of the server, and gives up within a bound.

use super::smallest::smallest;
use super::{Attempt, Facts, Fate, Found, used};
use crate::history::{Number, Outcome, Take, Thing, Us, What};
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use uuid::Uuid;

/// Steps of one search.
const STEPS_MAX: usize = 50_000;
/// Steps of all searches for a smaller witness together.
const MORE_STEPS_MAX: usize = 300_000;
/// Operations that are looked at for one resource.
const OPERATIONS_MAX: usize = 4_000;
/// Searches for a smaller witness.
const TRIES_MAX: usize = 400;

/// What one operation does, as the contract says.
#[derive(Clone, Debug)]
enum Does {
    /// Takes units of its own.
    Books { id: Uuid, take: Take, by: Uuid, with: Option<Uuid> },
    /// Holds units.
    Holds { id: Uuid, take: Take, by: Uuid },
    /// Gives back what was booked or held.
    Ends { id: Uuid },
    /// A hold comes to its end; it may.
    Expires { id: Uuid },
    /// Waits; may be given a booking later.
    Waits { id: Uuid, take: Take, class: i64, booking: Option<Uuid> },
    /// Waits no more.
    Leaves { id: Uuid },
    /// Was refused for want of units.
    NoRoom { take: Take, by: Uuid, held: bool },
    /// Edited the rules at a version of them.
    Edits { named: u64, capacity: Option<Option<u64>> },
    /// Was told that the rules are of another version.
    Stale { named: u64 },
    /// Was refused fewer units than are taken.
    TooFew { to: u64 },
    /// Puts a booking elsewhere; `None` is another resource.
    Moves { id: Uuid, take: Option<Take> },
    /// Two take each other's places.
    Swaps { one: Uuid, other: Uuid },
    /// Takes units at several times at once.
    BooksMany { all: Vec<(Uuid, Take)> },
    /// Takes bookings away, and books or blocks in their place.
    Displaces { ids: Vec<Uuid>, books: Option<(Uuid, Take)>, blocks: Option<Take>, named: Option<u64> },
}

#[derive(Clone, Debug)]
struct Operation {
    n: Number,
    from: Us,
    until: Us,
    does: Does,
    /// It may never have been: nobody was told, or it is a hold's end.
    maybe: bool,
    /// Where the answer says it belongs: a hint for the search, nothing more.
    hint: u64,
}

/// From, until, units.
type Units = (i64, i64, u64);

/// Who waits, with which priority, for what, and which booking it became.
type Waiting = (Uuid, i64, Units, Option<Uuid>);

#[derive(Clone, Hash, Default)]
struct State {
    capacity: Option<u64>,
    policy_version: u64,
    booked: BTreeMap<Uuid, Units>,
    /// Time out of use.
    blocked: Vec<(i64, i64)>,
    held: BTreeMap<Uuid, (i64, i64, u64, Uuid)>,
    waiting: Vec<Waiting>,
}

const fn plain(t: &Take) -> Units {
    (t.start, t.end, t.units)
}

impl State {
    fn fits(&self, take: Units, by: Option<Uuid>, without: Option<Uuid>) -> bool {
        let Some(capacity) = self.capacity else { return true };
        let as_take = |(start, end, units): Units| Take { resource: Uuid::nil(), start, end, units };
        let held = self.held.iter().filter(|(id, (.., whose))| Some(**id) != without && Some(*whose) != by);
        let all: Vec<Take> =
            self.booked.values().copied().chain(held.map(|(_, (s, e, u, _))| (*s, *e, *u))).map(as_take).collect();
        let inside = |t: &i64| take.0 <= *t && *t < take.1;
        let mut points = all.iter().map(|t| t.start).filter(inside).chain([take.0]);
        points.all(|at| used(all.iter(), at) + take.2 <= capacity)
    }

    /// Whether somebody who waits could have what is asked for.
    fn owed(&self, take: Units) -> bool {
        let meets = |w: &Units| w.0 < take.1 && take.0 < w.1;
        self.waiting.iter().any(|(_, _, w, _)| meets(w) && self.fits(*w, None, None))
    }

    /// Whoever waits has what is free, in order.
    fn promote(&mut self) {
        while let Some(at) = self.waiting.iter().position(|(_, _, w, _)| self.fits(*w, None, None)) {
            let (id, _, take, booking) = self.waiting.remove(at);
            self.booked.insert(booking.unwrap_or(id), take);
        }
    }

    /// Whether something that changes nothing can be now.
    fn allows(&self, does: &Does) -> bool {
        match does {
            // What their own hold does to them is not ours to say.
            Does::NoRoom { take, by, held } => {
                let take = plain(take);
                *held
                    || !self.fits(take, None, None)
                    || self.owed(take)
                    || self.held.values().any(|(.., whose)| whose == by)
            }
            Does::Stale { named } => self.policy_version != *named,
            Does::TooFew { to } => !(State { capacity: Some(*to), ..self.clone() }).fits_all(),
            Does::Books { .. } | Does::Holds { .. } | Does::Ends { .. } | Does::Expires { .. } => false,
            Does::Waits { .. } | Does::Leaves { .. } | Does::Edits { .. } => false,
            Does::Moves { .. } | Does::Swaps { .. } | Does::BooksMany { .. } | Does::Displaces { .. } => false,
        }
    }

    fn open(&self, take: Units) -> bool {
        !self.blocked.iter().any(|(from, to)| *from < take.1 && take.0 < *to)
    }

    /// What it is after something that changes it; `None` if that cannot be now.
    fn after(&self, does: &Does) -> Option<State> {
        let mut next = self.clone();
        match does {
            Does::Books { id, take, by, with } => {
                if with.is_some_and(|hold| !self.held.contains_key(&hold)) {
                    return None;
                }
                let take = plain(take);
                if !self.fits(take, Some(*by), *with) || (with.is_none() && self.owed(take)) || !self.open(take) {
                    return None;
                }
                if let Some(hold) = with {
                    next.held.remove(hold);
                }
                next.booked.insert(*id, take);
                next.promote();
            }
            Does::Holds { id, take, by } => {
                let take = plain(take);
                if !self.fits(take, Some(*by), None) || self.owed(take) {
                    return None;
                }
                // A newer hold of one's own takes the place of the older.
                next.held.retain(|_, (s, e, _, whose)| whose != by || *s >= take.1 || take.0 >= *e);
                next.held.insert(*id, (take.0, take.1, take.2, *by));
            }
            Does::Ends { id } | Does::Expires { id } => {
                next.booked.remove(id);
                next.held.remove(id);
                next.promote();
            }
            Does::Waits { id, take, class, booking } => {
                if self.fits(plain(take), None, None) {
                    return None;
                }
                let at = self.waiting.partition_point(|(_, c, ..)| c >= class);
                next.waiting.insert(at, (*id, *class, plain(take), *booking));
            }
            Does::Leaves { id } => next.waiting.retain(|(w, ..)| w != id),
            Does::Edits { named, capacity } => {
                if self.policy_version != *named {
                    return None;
                }
                next.policy_version += 1;
                if let Some(capacity) = capacity {
                    let fewer = State { capacity: *capacity, ..self.clone() };
                    if !fewer.fits_all() {
                        return None;
                    }
                    next.capacity = *capacity;
                    next.promote();
                }
            }
            Does::Moves { id, take } => {
                next.booked.remove(id);
                if let Some(take) = take.as_ref().map(plain) {
                    if !next.fits(take, None, None) || !next.open(take) {
                        return None;
                    }
                    next.booked.insert(*id, take);
                }
                next.promote();
            }
            Does::Swaps { one, other } => {
                let places = (next.booked.remove(one), next.booked.remove(other));
                next.booked.extend(places.0.map(|place| (*other, place)));
                next.booked.extend(places.1.map(|place| (*one, place)));
            }
            Does::BooksMany { all } => {
                for (id, take) in all {
                    let take = plain(take);
                    if !next.fits(take, None, None) || self.owed(take) || !self.open(take) {
                        return None;
                    }
                    next.booked.insert(*id, take);
                }
            }
            Does::Displaces { ids, books, blocks, named } => {
                if named.is_some_and(|named| named != self.policy_version) {
                    return None;
                }
                for id in ids {
                    next.booked.remove(id)?;
                }
                if let Some((id, take)) = books {
                    if !next.fits(plain(take), None, None) || !self.open(plain(take)) {
                        return None;
                    }
                    next.booked.insert(*id, plain(take));
                }
                if let Some(block) = blocks {
                    let (from, to) = (block.start, block.end);
                    if next.booked.values().any(|b| b.0 < to && from < b.1) {
                        return None;
                    }
                    next.blocked.push((from, to));
                    next.policy_version += 1;
                }
                next.promote();
            }
            Does::NoRoom { .. } | Does::Stale { .. } | Does::TooFew { .. } => return None,
        }
        Some(next)
    }

    fn fits_all(&self) -> bool {
        let nothing = |start: i64| (start, start + 1, 0);
        self.booked
            .values()
            .map(|b| b.0)
            .chain(self.held.values().map(|h| h.0))
            .all(|s| self.fits(nothing(s), None, None))
    }
}

impl Does {
    /// It leaves everything as it is: the sooner it is put, the better for all others.
    const fn changes_nothing(&self) -> bool {
        matches!(self, Does::NoRoom { .. } | Does::Stale { .. } | Does::TooFew { .. })
    }
}

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    /// There is such an order.
    Explained,
    /// There is none.
    Unexplained,
    /// It took too long to tell.
    GaveUp,
}

struct Frame {
    state: State,
    done: Vec<bool>,
    likeliest_last: Vec<usize>,
}

struct Search<'o> {
    all: &'o [Operation],
    tried: HashSet<u64>,
    steps: usize,
    steps_max: usize,
}

impl Search<'_> {
    /// Depth first, by hand: histories are longer than a stack is deep.
    fn run(&mut self, first: State) -> Came {
        let mut stack: Vec<Frame> = Vec::new();
        let mut next = Some((first, vec![false; self.all.len()]));
        loop {
            self.steps += 1;
            if self.steps > self.steps_max {
                return Came::GaveUp;
            }
            if let Some((state, mut done)) = next.take() {
                self.put_what_changes_nothing(&state, &mut done);
                if self.doomed(&state, &done) {
                    continue;
                }
                if self.all.iter().zip(&done).all(|(o, done)| *done || o.maybe) {
                    return Came::Explained;
                }
                let mut mark = DefaultHasher::new();
                done.hash(&mut mark);
                state.hash(&mut mark);
                if self.tried.insert(mark.finish()) {
                    let likeliest_last = self.candidates(&done);
                    stack.push(Frame { state, done, likeliest_last });
                }
            }
            let Some(frame) = stack.last_mut() else { return Came::Unexplained };
            let Some(at) = frame.likeliest_last.pop() else {
                stack.pop();
                continue;
            };
            if let Some(after) = frame.state.after(&self.all[at].does) {
                let mut done = frame.done.clone();
                done[at] = true;
                next = Some((after, done));
            }
        }
    }

    /// The sooner these are put, the better for all others.
    fn put_what_changes_nothing(&self, state: &State, done: &mut [bool]) {
        loop {
            let horizon = self.horizon(done);
            let mut put = false;
            for (at, o) in self.all.iter().enumerate() {
                if !done[at] && o.does.changes_nothing() && o.from <= horizon && state.allows(&o.does) {
                    done[at] = true;
                    put = true;
                }
            }
            if !put {
                return;
            }
        }
    }

    /// Whether something can be said to be unexplained whatever comes: a refusal for which too little can ever be taken, or bookings
    /// that stay and are too many. Without this a search would go through all orders of what comes at once.
    fn doomed(&self, state: &State, done: &[bool]) -> bool {
        let left = || self.all.iter().zip(done).filter(|(_, done)| !**done).map(|(o, _)| o);
        let many = |does: &Does| {
            matches!(does, Does::Moves { .. } | Does::Swaps { .. } | Does::BooksMany { .. } | Does::Displaces { .. })
        };
        if state.capacity.is_none() || self.all.iter().any(|o| matches!(o.does, Does::Edits { .. }) || many(&o.does)) {
            return false;
        }
        // The refusal that must be put next of all; the others have their turn.
        let refusals = left().filter(|o| !o.maybe && matches!(o.does, Does::NoRoom { held: false, .. }));
        if let Some(refused) = refusals.min_by_key(|o| o.until)
            && let Does::NoRoom { take, by, .. } = &refused.does
        {
            let mut most = state.clone();
            for o in left().filter(|o| o.from <= refused.until) {
                match &o.does {
                    Does::Books { id, take, .. } | Does::Waits { id, take, .. } => {
                        most.booked.insert(*id, plain(take));
                    }
                    Does::Holds { id, take, by } => {
                        most.held.insert(*id, (take.start, take.end, take.units, *by));
                    }
                    Does::Ends { .. } | Does::Expires { .. } | Does::Leaves { .. } | Does::NoRoom { .. } => {}
                    Does::Edits { .. } | Does::Stale { .. } | Does::TooFew { .. } => {}
                    Does::Moves { .. } | Does::Swaps { .. } | Does::BooksMany { .. } | Does::Displaces { .. } => {}
                }
            }
            let own = most.held.values().any(|(.., whose)| whose == by);
            if !own && most.waiting.is_empty() && most.fits(plain(take), None, None) {
                return true;
            }
        }
        let ends = |id: &Uuid| self.all.iter().any(|o| matches!(&o.does, Does::Ends { id: of } if of == id));
        let stays = state.booked.iter().filter(|(id, _)| !ends(id)).map(|(id, take)| (*id, *take));
        let mut stay = State { capacity: state.capacity, booked: stays.collect(), ..State::default() };
        for o in left().filter(|o| !o.maybe) {
            if let Does::Books { id, take, .. } = &o.does
                && !ends(id)
            {
                stay.booked.insert(*id, plain(take));
            }
        }
        !stay.fits_all()
    }

    fn candidates(&self, done: &[bool]) -> Vec<usize> {
        let horizon = self.horizon(done);
        let may = |at: &usize| !done[*at] && !self.all[*at].does.changes_nothing() && self.all[*at].from <= horizon;
        let mut next: Vec<usize> = (0..self.all.len()).filter(may).collect();
        // What may never have been comes after all others.
        next.sort_by_key(|at| std::cmp::Reverse((self.all[*at].maybe, self.all[*at].hint, self.all[*at].until)));
        next
    }

    /// Nothing that is still to come can be put before what has been told by then.
    fn horizon(&self, done: &[bool]) -> Us {
        self.all.iter().zip(done).filter(|(o, done)| !**done && !o.maybe).map(|(o, _)| o.until).min().unwrap_or(Us::MAX)
    }
}

fn explained(first: &State, all: &[Operation]) -> Came {
    explained_within(first, all, STEPS_MAX).0
}

/// The same within so many steps, and how many it took.
fn explained_within(first: &State, all: &[Operation], steps_max: usize) -> (Came, usize) {
    let mut search = Search { all, tried: HashSet::new(), steps: 0, steps_max };
    let came = search.run(first.clone());
    (came, search.steps)
}

/// Everything up to an instant of ours: what was not told by then may or may not have been.
fn until(all: &[Operation], us: Us) -> Vec<Operation> {
    let begun = all.iter().filter(|o| o.from <= us && (o.until <= us || !o.does.changes_nothing()));
    begun.map(|o| Operation { maybe: o.maybe || o.until > us, until: o.until, ..o.clone() }).collect()
}

/// I14: there is an order of all attempts on a resource that explains every answer.
pub(super) fn explains(facts: &Facts<'_>, found: &mut Found) {
    for thing in &facts.history.things {
        if let Some(why) = beyond(facts, thing) {
            found.left_out.push(format!("{}: no order was looked for: {why}", thing.name));
            continue;
        }
        let all = operations(facts, thing);
        if all.len() > OPERATIONS_MAX {
            found.left_out.push(format!("{}: no order was looked for among {} operations", thing.name, all.len()));
            continue;
        }
        let first = State { capacity: thing.capacity, policy_version: thing.policy_version, ..State::default() };
        found.compared += all.len() as u64;
        match explained(&first, &all) {
            Came::Explained => {}
            Came::GaveUp => found.left_out.push(format!("{}: no order was found within {STEPS_MAX} steps", thing.name)),
            Came::Unexplained => {
                let fewest = fewest(&first, &all);
                let says = format!("no order of these on {} explains what was told", thing.name);
                found.blame("I14", says, fewest.iter().map(|o| o.n).collect());
            }
        }
    }
}

/// Fewer operations that no order explains either. What is left out never made the others harder to explain: the end of the
/// history, refusals, and, once no refusal is left, whole lives of bookings.
fn fewest(first: &State, all: &[Operation]) -> Vec<Operation> {
    let mut steps_left = MORE_STEPS_MAX;
    let mut unexplained = |some: &[Operation]| {
        let (came, steps) = explained_within(first, some, steps_left.min(STEPS_MAX));
        steps_left = steps_left.saturating_sub(steps);
        came == Came::Unexplained
    };
    let mut ends: Vec<Us> = all.iter().filter(|o| !o.maybe).map(|o| o.until).collect();
    ends.sort_unstable();
    let mut kept = all.to_vec();
    // The first instant by which it could be known.
    let (mut low, mut high) = (0, ends.len().saturating_sub(1));
    while low < high {
        let middle = usize::midpoint(low, high);
        match ends.get(middle).is_some_and(|us| unexplained(&until(all, *us))) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    if let Some(us) = ends.get(low) {
        let sooner = until(all, *us);
        if unexplained(&sooner) {
            kept = sooner;
        }
    }
    let maybe: Vec<Operation> = kept.iter().filter(|o| o.maybe).cloned().collect();
    let (refused, rest): (Vec<Operation>, Vec<Operation>) =
        kept.iter().cloned().partition(|o| o.does.changes_nothing());
    let with =
        |some: &[Operation], rest: &[Operation]| -> Vec<Operation> { some.iter().chain(rest).cloned().collect() };
    let refused = smallest(&refused, TRIES_MAX, |some| unexplained(&with(some, &rest)));
    let mut kept = with(&refused, &rest);
    let booked_only = rest.iter().all(|o| matches!(o.does, Does::Books { .. } | Does::Ends { .. }));
    if refused.is_empty() && booked_only {
        let life = |o: &Operation| match &o.does {
            Does::Books { id, .. } | Does::Ends { id } => Some(*id),
            _ => None,
        };
        let mut lives: Vec<Uuid> = rest.iter().filter_map(life).collect();
        lives.sort_unstable();
        lives.dedup();
        let of = |some: &[Uuid]| -> Vec<Operation> {
            rest.iter().filter(|o| life(o).is_some_and(|id| some.contains(&id))).cloned().collect()
        };
        let lives = smallest(&lives, TRIES_MAX, |some| unexplained(&of(some)));
        kept = of(&lives);
    } else if let [refusal] = refused.as_slice() {
        // One refusal that nothing explains: whatever cannot have been by then does not matter to it.
        kept.retain(|o| !o.maybe || maybe.iter().any(|m| m.n == o.n && m.from <= refusal.until));
    }
    kept
}

/// Why no order is looked for, if none is.
fn beyond(facts: &Facts<'_>, thing: &Thing) -> Option<&'static str> {
    let policy = &thing.policy;
    let seconds = |name: &str| policy[name].as_i64().unwrap_or(0);
    if seconds("setup_s") + seconds("teardown_s") > 0 {
        return Some("bookings take time around them");
    }
    if facts.attempts.iter().any(|a| a.what == What::Block && a.fate != Fate::No)
        && facts.attempts.iter().any(|a| matches!(a.what, What::Hold | What::Join))
    {
        return Some("blocks void holds");
    }
    if policy["approval"] == true {
        return Some("bookings wait for approval");
    }
    let waits = facts.attempts.iter().any(|a| a.what == What::Join && touches(a, thing.id));
    if waits && policy["waitlist"]["mode"] == "offer" {
        return Some("places are offered and end by time");
    }
    if waits && policy["waitlist"]["fill"] == "strict" {
        return Some("what is free is kept for the first in line");
    }
    if waits && (policy["own_overlap"] == "refuse" || !policy["quota"].is_null()) {
        return Some("who waits may be passed over");
    }
    if facts.end(thing.id).is_some_and(|e| e.over_commit > 0) {
        return Some("more was allowed than there is");
    }
    let renewed = facts.attempts.iter().any(|a| a.what == What::Renew);
    renewed.then_some("holds were renewed")
}

fn touches(a: &Attempt<'_>, resource: Uuid) -> bool {
    a.takes().iter().any(|t| t.resource == resource)
}

fn operations(facts: &Facts<'_>, thing: &Thing) -> Vec<Operation> {
    let mut all = Vec::new();
    let end = facts.end(thing.id);
    let here: HashSet<Uuid> =
        facts.attempts.iter().filter(|a| touches(a, thing.id)).filter_map(Attempt::made).collect();
    for a in &facts.attempts {
        let take = a.takes().iter().find(|t| t.resource == thing.id).copied();
        let id = a.made().unwrap_or(a.key);
        let call = a.call();
        let edits = call.is_some_and(|c| c.resource == Some(thing.id));
        let yes = a.fate != Fate::No;
        let no_room = a.is(Outcome::Rejected) && matches!(a.code(), Some("full" | "insufficient" | "held_by_other"));
        let hold = facts.attempts.iter().any(|b| b.what == What::Hold && b.person == a.person && b.fate != Fate::No);
        let does = match (a.what, take) {
            (What::Book, Some(take)) if yes => Does::Books { id, take, by: a.person, with: None },
            (What::Confirm, Some(take)) if yes => Does::Books { id, take, by: a.person, with: a.about() },
            (What::Hold, Some(take)) if yes => Does::Holds { id, take, by: a.person },
            (What::Book | What::Hold, Some(take)) if no_room && a.takes().len() == 1 => {
                Does::NoRoom { take, by: a.person, held: hold && a.what == What::Book }
            }
            (What::Join, Some(take)) if yes => {
                let entry = end.and_then(|e| e.entries.iter().find(|x| x.id == id));
                let (class, booking) = entry.map_or((0, None), |x| (x.class, x.booking));
                Does::Waits { id, take, class, booking }
            }
            (What::Cancel | What::Release, _)
                if yes && a.about().is_some_and(|id| here.contains(&id) || promoted(facts, id)) =>
            {
                Does::Ends { id: a.about().unwrap_or_default() }
            }
            (What::Move, take) if yes => Does::Moves { id: a.about().unwrap_or_default(), take },
            (What::Swap, _) if yes => {
                let other = call.and_then(|c| c.with).unwrap_or_default();
                Does::Swaps { one: a.about().unwrap_or_default(), other }
            }
            (What::Series, Some(_)) if a.fate == Fate::Yes => {
                let all = a.bookings().into_iter().flat_map(|(id, takes)| takes.into_iter().map(move |t| (id, t)));
                Does::BooksMany { all: all.filter(|(_, t)| t.resource == thing.id).collect() }
            }
            (What::Override, Some(take)) if yes => {
                let ids = call.map(|c| c.displaces.clone()).unwrap_or_default();
                Does::Displaces { ids, books: Some((id, take)), blocks: None, named: None }
            }
            (What::Block, Some(take)) if yes => {
                let ids = call.map(|c| c.displaces.clone()).unwrap_or_default();
                Does::Displaces { ids, books: None, blocks: Some(take), named: call.and_then(|c| c.if_match) }
            }
            (What::Leave, _) if yes => Does::Leaves { id: a.about().unwrap_or_default() },
            (What::SetCapacity | What::Edit, _) if edits => {
                let Some(named) = call.and_then(|c| c.if_match) else { continue };
                let to = call.and_then(|c| c.to);
                match (yes, a.what, to) {
                    (true, What::Edit, _) => Does::Edits { named, capacity: None },
                    (true, _, to) => Does::Edits { named, capacity: Some(to) },
                    (false, What::SetCapacity, Some(to)) if a.code() == Some("insufficient") => Does::TooFew { to },
                    (false, _, _) => {
                        let stale = a
                            .calls
                            .iter()
                            .any(|c| c.answer.as_ref().is_some_and(|x| x.code.as_deref() == Some("version_stale")));
                        if !stale {
                            continue;
                        }
                        Does::Stale { named }
                    }
                }
            }
            (_, _) => continue,
        };
        let hint = a.version_of(thing.id).map_or(u64::MAX, |v| v.version);
        let maybe = a.fate == Fate::Unknown;
        if let (Does::Holds { id, .. }, Some(answer)) = (&does, a.answer)
            && let Some(lives) = answer.expires_at.zip(answer.decided_at).map(|(end, at)| end - at)
        {
            // Our clock may be a little slower than theirs.
            let from = a.sent + lives - lives / 1_000 - 20_000;
            all.push(Operation {
                n: a.n(),
                from,
                until: Us::MAX,
                does: Does::Expires { id: *id },
                maybe: true,
                hint: u64::MAX,
            });
        }
        all.push(Operation { n: a.n(), from: a.sent, until: a.told, does, maybe, hint });
    }
    all
}

fn promoted(facts: &Facts<'_>, id: Uuid) -> bool {
    facts.history.ends.iter().flat_map(|e| &e.entries).any(|e| e.booking == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    const WHOLE: (i64, i64) = (0, 60);

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn take(units: u64, (start, end): (i64, i64)) -> Take {
        Take { resource: Uuid::nil(), start, end, units }
    }

    fn books(n: u128, units: u64, span: (i64, i64)) -> Does {
        Does::Books { id: id(n), take: take(units, span), by: id(n), with: None }
    }

    fn refused(n: u128, units: u64, span: (i64, i64)) -> Does {
        Does::NoRoom { take: take(units, span), by: id(n), held: false }
    }

    /// Each with the instants between which it was.
    fn all(rows: Vec<(Us, Us, Does)>) -> Vec<Operation> {
        let numbered = rows.into_iter().enumerate();
        numbered.map(|(n, (from, until, does))| Operation { n, from, until, does, maybe: false, hint: 0 }).collect()
    }

    fn one_unit() -> State {
        State { capacity: Some(1), policy_version: 1, ..State::default() }
    }

    #[track_caller]
    fn check(first: &State, rows: Vec<(Us, Us, Does)>, came: &Came) {
        assert_eq!(explained(first, &all(rows)), *came);
    }

    #[test]
    fn answers_of_one_unit() {
        let first = one_unit();
        let ends = |n| Does::Ends { id: id(n) };
        // Asked together, and one after the other.
        check(&first, vec![(0, 9, books(1, 1, WHOLE)), (1, 5, refused(2, 1, WHOLE))], &Came::Explained);
        check(&first, vec![(0, 2, books(1, 1, WHOLE)), (3, 5, refused(2, 1, WHOLE))], &Came::Explained);
        check(&first, vec![(3, 5, books(1, 1, WHOLE)), (0, 2, refused(2, 1, WHOLE))], &Came::Unexplained);
        check(&first, vec![(0, 9, books(1, 1, WHOLE)), (0, 9, books(2, 1, WHOLE))], &Came::Unexplained);
        check(&first, vec![(0, 9, books(1, 1, (0, 30))), (0, 9, books(2, 1, (30, 60)))], &Came::Explained);
        check(&first, vec![(0, 1, books(1, 1, WHOLE)), (2, 5, ends(1)), (3, 4, books(2, 1, WHOLE))], &Came::Explained);
        check(
            &first,
            vec![(0, 1, books(1, 1, WHOLE)), (4, 5, ends(1)), (2, 3, books(2, 1, WHOLE))],
            &Came::Unexplained,
        );
        // Free again, and still refused.
        check(
            &first,
            vec![(0, 1, books(1, 1, WHOLE)), (2, 3, ends(1)), (4, 5, refused(2, 1, WHOLE))],
            &Came::Unexplained,
        );
    }

    #[test]
    fn what_nobody_was_told_may_have_been() {
        let first = one_unit();
        let mut rows = all(vec![(0, Us::MAX, books(1, 1, WHOLE)), (3, 4, refused(2, 1, WHOLE))]);
        assert_eq!(explained(&first, &rows[1..]), Came::Unexplained);
        rows[0].maybe = true;
        assert_eq!(explained(&first, &rows), Came::Explained);
        let mut rows = all(vec![(0, Us::MAX, books(1, 1, WHOLE)), (3, 4, books(2, 1, WHOLE))]);
        rows[0].maybe = true;
        assert_eq!(explained(&first, &rows), Came::Explained);
    }

    #[test]
    fn a_hold_counts_until_it_may_be_over() {
        let first = one_unit();
        let holds = Does::Holds { id: id(7), take: take(1, WHOLE), by: id(1) };
        let over =
            |from| Operation { n: 9, from, until: Us::MAX, does: Does::Expires { id: id(7) }, maybe: true, hint: 0 };
        let confirms = Does::Books { id: id(8), take: take(1, WHOLE), by: id(1), with: Some(id(7)) };
        let with = |rows, from| -> Vec<Operation> { all(rows).into_iter().chain([over(from)]).collect() };
        let rows = vec![(0, 1, holds.clone()), (2, 3, books(2, 1, WHOLE))];
        assert_eq!(explained(&first, &with(rows.clone(), 100)), Came::Unexplained);
        assert_eq!(explained(&first, &with(rows, 2)), Came::Explained);
        let rows = vec![(0, 1, holds.clone()), (2, 3, refused(2, 1, WHOLE)), (4, 5, confirms.clone())];
        assert_eq!(explained(&first, &with(rows, 100)), Came::Explained);
        let rows = vec![(0, 1, holds), (2, 3, books(2, 1, WHOLE)), (4, 5, confirms)];
        assert_eq!(explained(&first, &with(rows, 2)), Came::Unexplained);
    }

    #[test]
    fn whoever_waits_comes_first() {
        let first = one_unit();
        let waits = |n: u128| Does::Waits { id: id(n), take: take(1, WHOLE), class: 0, booking: Some(id(n + 100)) };
        let begin = [(0, 1, books(1, 1, WHOLE)), (2, 3, waits(5)), (4, 5, waits(6)), (6, 9, Does::Ends { id: id(1) })];
        let with = |row| begin.iter().cloned().chain([row]).collect::<Vec<_>>();
        check(&first, with((7, 8, refused(2, 1, WHOLE))), &Came::Explained);
        check(&first, with((7, 8, books(2, 1, WHOLE))), &Came::Unexplained);
        // The first in line has it by then, the second only when they give it back.
        check(&first, with((10, 11, Does::Ends { id: id(105) })), &Came::Explained);
        // To wait for what is free is refused.
        check(&first, vec![(0, 1, waits(5))], &Came::Unexplained);
    }

    #[test]
    fn of_two_edits_one_is_applied() {
        let first = State { capacity: Some(10), policy_version: 3, ..State::default() };
        let edits = |named, to| Does::Edits { named, capacity: Some(Some(to)) };
        check(&first, vec![(0, 9, edits(3, 5)), (0, 9, Does::Stale { named: 3 })], &Came::Explained);
        check(&first, vec![(0, 9, edits(3, 5)), (0, 9, edits(3, 7))], &Came::Unexplained);
        check(&first, vec![(0, 9, edits(3, 5)), (0, 9, edits(4, 7))], &Came::Explained);
        check(&first, vec![(0, 9, Does::Stale { named: 3 })], &Came::Unexplained);
        check(&first, vec![(0, 1, books(1, 6, WHOLE)), (2, 3, edits(3, 5))], &Came::Unexplained);
        check(&first, vec![(0, 1, books(1, 6, WHOLE)), (2, 3, Does::TooFew { to: 5 })], &Came::Explained);
        check(&first, vec![(0, 1, Does::TooFew { to: 5 })], &Came::Unexplained);
    }

    /// What one true order told, each call as wide as chance makes it.
    fn true_history(chance: &mut Chance, capacity: u64, count: usize) -> Vec<Operation> {
        let mut state = State { capacity: Some(capacity), policy_version: 1, ..State::default() };
        let mut standing = Vec::new();
        let mut rows = Vec::new();
        for n in 0..count {
            let at = n as Us * 10;
            let begins = i64::try_from(chance.within(0, 4)).unwrap() * 10;
            let span = (begins, begins + 10 + i64::try_from(chance.within(0, 3)).unwrap() * 10);
            let name = 1_000 + n as u128;
            let does = if chance.within(0, 3) == 0 && !standing.is_empty() {
                let nth = usize::try_from(chance.within(0, standing.len() as u64 - 1)).unwrap();
                Does::Ends { id: standing.swap_remove(nth) }
            } else {
                let units = chance.within(1, 2);
                match state.after(&books(name, units, span)) {
                    Some(_) => {
                        standing.push(id(name));
                        books(name, units, span)
                    }
                    None => refused(name, units, span),
                }
            };
            if let Some(after) = state.after(&does) {
                state = after;
            }
            let wide = |chance: &mut Chance| i64::try_from(chance.within(0, 60)).unwrap();
            rows.push((at - wide(chance), at + wide(chance), does));
        }
        // Nobody gives up what they were not told they have.
        let mut all = all(rows);
        for at in 0..all.len() {
            if let Does::Ends { id: of } = all[at].does {
                let told = all.iter().find(|o| matches!(o.does, Does::Books { id, .. } if id == of)).unwrap().until;
                all[at].from = all[at].from.max(told.min(at as Us * 10));
            }
        }
        all
    }

    #[test]
    fn what_was_so_is_always_explained() {
        let mut chance = Chance::new(11, "true histories");
        for round in 0..300 {
            let capacity = chance.within(1, 5);
            let all = true_history(&mut chance, capacity, 40);
            let first = State { capacity: Some(capacity), policy_version: 1, ..State::default() };
            assert_eq!(explained(&first, &all), Came::Explained, "round {round}");
        }
    }

    #[test]
    fn the_witness_is_small() {
        // Among three hundred, two that cannot both be.
        let mut rows: Vec<(Us, Us, Does)> =
            (0..300).map(|n| (n * 10, n * 10 + 15, refused(n as u128, 5, WHOLE))).collect();
        rows.push((5, 9, books(1_001, 1, WHOLE)));
        rows.push((1_500, 1_509, books(1_002, 1, WHOLE)));
        let first = State { capacity: Some(1), policy_version: 1, ..State::default() };
        let all = all(rows);
        assert_eq!(explained(&first, &all), Came::Unexplained);
        let fewest: Vec<Number> = fewest(&first, &all).iter().map(|o| o.n).collect();
        assert_eq!(fewest, [300, 301]);
    }
}
