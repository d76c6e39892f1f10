//! Both sides of a step: what the model expects, what the domain says, and what is true afterwards.
//! It decides nothing itself.

use super::model::*;
use super::steps::*;
use crate::rows::fold;
use slotwise_domain::*;
use std::collections::BTreeMap;
use uuid::Uuid;

pub(super) struct Run {
    pub world: World,
    pub model: Model,
    pub resources: Vec<ResourceId>,
    pub people: Vec<PersonId>,
    pub ids: u128,
    pub tally: BTreeMap<&'static str, u64>,
}

impl Run {
    pub fn new(kinds: &[Rules]) -> Run {
        let mut run = Run {
            world: World::empty(Epoch(1)),
            model: Model { kinds: kinds.to_vec(), bookings: vec![], holds: vec![], waiters: vec![], now: -4 * 3600 },
            resources: vec![],
            people: vec![],
            ids: 0,
            tally: BTreeMap::new(),
        };
        for n in 0..PEOPLE {
            let id = PersonId(run.id());
            run.people.push(id);
            run.world.roles.insert(id, if n == ADMIN { Role::Admin } else { Role::Member });
            run.world.people.insert(id, Person::default());
            run.world.loaded.people.insert(id);
            run.world.counted.insert(id, Counted::default());
            run.world.loaded.counted.insert(id);
            run.world.loaded.facts.insert(id);
        }
        for kind in kinds {
            let resource = ResourceId(run.id());
            let policy = Policy {
                hold_ttl: Span::seconds(kind.ttl),
                setup: Span::minutes(kind.setup),
                teardown: Span::minutes(kind.teardown),
                approval: kind.approval,
                own_overlap: if kind.exclusive { OwnOverlap::Refuse } else { OwnOverlap::Allow },
                quota: kind.quota.map(|most| Quota { most, period: Period::Day, scope: QuotaScope::Resource }),
                waitlist: kind.waits.map(|kept| {
                    let fill = if kept { WaitFill::Strict } else { WaitFill::Skip };
                    Waitlist { mode: WaitMode::Book, fill, capacity: None }
                }),
                ..Policy::default()
            };
            let spec = ResourceSpec {
                kind: Kind::Room,
                name: "room".into(),
                building: None,
                seats: None,
                equipment: vec![],
                zone: Zone::utc(),
                capacity: kind.capacity,
                interval: None,
                policy,
                group: None,
                linked: Vec::new(),
            };
            run.resources.push(resource);
            let action = Action::CreateResource { resource, spec: Box::new(spec.checked().unwrap()) };
            let (verdict, _) = run.judge(Actor::System, action);
            assert!(matches!(verdict, Verdict::Accepted(..)));
        }
        run
    }

    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    pub fn now(&self) -> Instant {
        Instant((ZERO + self.model.now) * 1_000_000)
    }

    /// What the domain says, folded and asserted.
    pub fn judge(&mut self, actor: Actor, action: Action) -> (Verdict, World) {
        let command = Command { actor, action, seen: None };
        self.world.loaded.extend(&command.scope());
        let now = self.now();
        let before = self.world.clone();
        let verdict = decide(&self.world, &command, now);
        if let Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) = &verdict {
            fold(&mut self.world, changes, actor, now);
        }
        (verdict, before)
    }

    pub fn line(&self, ask: Ask) -> Line {
        let at = |minute: i64| Instant((ZERO + minute * 60) * 1_000_000);
        let interval = Interval::new(at(ask.from), at(ask.to)).unwrap();
        Line { resource: self.resources[ask.resource], interval: Some(interval), units: ask.units }
    }

    /// The hold of a step, with a token that is not its own if `stale`.
    pub fn named(&self, index: usize, stale: bool) -> Option<(Held, HoldRef)> {
        let hold = self.model.holds.get(index % self.model.holds.len().max(1))?.clone();
        let mut named = hold.named;
        if stale {
            named.token = FencingToken(Version { number: named.token.0.number + 1, ..named.token.0 });
        }
        Some((hold, named))
    }

    /// Does one step on both sides. A step that has nothing to speak of is none.
    pub fn step(&mut self, step: &Step) -> bool {
        match step {
            Step::Wait { seconds } => {
                self.model.now += seconds;
                return false;
            }
            Step::Book { who, owner, lines, hold } => {
                let hold = hold.and_then(|(index, stale)| Some((self.named(index, stale)?, stale)));
                // A confirm is about what is held, so the held line stands first.
                let mut lines = lines.clone();
                if let Some(((held, _), _)) = &hold {
                    lines[0] = held.ask;
                }
                if !self.book(*who, *owner, &lines, hold) {
                    return false;
                }
            }
            Step::Confirm { hold, stranger, stale } => {
                let Some((held, named)) = self.named(*hold, *stale) else { return false };
                let who = if *stranger { (held.holder + 1) % PEOPLE } else { held.holder };
                if !self.book(who, who, &[held.ask], Some(((held, named), *stale))) {
                    return false;
                }
            }
            Step::Hold { who, ask } => self.hold(*who, *ask),
            Step::Renew { hold, who, stale } => {
                let Some((held, named)) = self.named(*hold, *stale) else { return false };
                let who = who.unwrap_or(held.holder);
                let expected = self.model.renew(who, &held, *stale);
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), Action::Renew(named));
                if self.compare(&expected, &verdict, &before, who, &[])
                    && let Some(granted) = changes(&verdict).find_map(granted)
                {
                    let latest = held.granted + 300;
                    let until = (self.model.now + self.model.kinds[held.ask.resource].ttl).min(latest).max(held.until);
                    assert_eq!(granted.expires_at.0, (ZERO + until) * 1_000_000, "renewed until another instant");
                    let held = self.model.holds.iter_mut().find(|h| h.named.id == held.named.id).unwrap();
                    held.until = until;
                    held.renewals += 1;
                }
            }
            Step::Release { hold, who, stale } => {
                let Some((held, named)) = self.named(*hold, *stale) else { return false };
                let who = who.unwrap_or(held.holder);
                let expected = self.model.release(who, &held, *stale);
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), Action::Release(named));
                if self.compare(&expected, &verdict, &before, who, &[]) && self.model.live(&held) {
                    self.end(held.named.id);
                }
            }
            Step::Cancel { booking, who } => {
                if self.model.bookings.is_empty() {
                    return false;
                }
                let n = booking % self.model.bookings.len();
                let booking = self.model.bookings[n].clone();
                let who = who.unwrap_or(booking.owner);
                let allowed = who == booking.owner || who == ADMIN;
                let expected = if allowed { Expected::Accepted } else { Expected::Rejected(Code::NotAllowed) };
                let action = Action::Cancel { booking: booking.id, reason: Some("ill".into()) };
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
                if self.compare(&expected, &verdict, &before, who, &[]) {
                    self.model.bookings[n].state = State::Cancelled;
                }
            }
            Step::Move { booking, who, lines, nudge, keep } => {
                let Some(n) = booking.checked_rem(self.model.bookings.len()) else { return false };
                self.relocate(n, *who, lines, *nudge, *keep);
            }
            Step::Swap { one, other, who } => {
                let Some(n) = one.checked_rem(self.model.bookings.len()) else { return false };
                let m = other % self.model.bookings.len();
                let (one, other) = (self.model.bookings[n].clone(), self.model.bookings[m].clone());
                let who = who.unwrap_or(one.owner);
                let expected = self.model.swap(who, &one, &other);
                let named = |id| BookingRef { id, revision: None };
                let action = Action::Swap { one: named(one.id), other: named(other.id) };
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
                if self.compare(&expected, &verdict, &before, who, &[]) {
                    *self.tally.entry("swapped").or_default() += 1;
                    (self.model.bookings[n].lines, self.model.bookings[m].lines) = (other.lines, one.lines);
                }
            }
            Step::Approve { booking, who } => {
                if self.model.bookings.is_empty() {
                    return false;
                }
                let n = booking % self.model.bookings.len();
                let booking = self.model.bookings[n].clone();
                let expected = match booking.state {
                    _ if *who != ADMIN => Expected::Rejected(Code::NotAllowed),
                    State::Cancelled => Expected::Rejected(Code::Invalid),
                    State::Confirmed => Expected::Accepted,
                    State::Pending if self.model.too_many(booking.owner, &booking.lines, &[]) => {
                        Expected::Rejected(Code::QuotaExceeded)
                    }
                    State::Pending if self.model.twice(booking.owner, &booking.lines) => {
                        Expected::Rejected(Code::OwnOverlap)
                    }
                    State::Pending => self.model.room(&booking.lines, None, None, &self.model.kept()).0,
                };
                if *who != ADMIN && booking.state == State::Cancelled {
                    return false;
                }
                let action = Action::Approve { booking: booking.id };
                let (verdict, before) = self.judge(Actor::Person(self.people[*who]), action);
                let nobody = usize::MAX;
                if self.compare(&expected, &verdict, &before, nobody, &booking.lines) {
                    self.model.bookings[n].state = State::Confirmed;
                }
            }
            Step::Capacity { resource, to } => {
                let n = resource % self.resources.len();
                let most = self.model.minutes(n, None, None).iter().map(|m| m.booked + m.held).max().unwrap_or(0);
                let fits = to.is_none_or(|to| most <= u64::from(to));
                let expected = if fits { Expected::Accepted } else { Expected::Rejected(Code::Insufficient) };
                let resource = self.resources[n];
                let policy_version = self.world.calendars[&resource].resource.policy_version;
                let patch = Box::new(ResourcePatch { capacity: Some(*to), ..ResourcePatch::default() });
                let action = Action::EditResource { resource, policy_version, patch };
                let (verdict, before) = self.judge(Actor::Person(self.people[ADMIN]), action);
                if self.compare(&expected, &verdict, &before, ADMIN, &[]) {
                    self.model.kinds[n].capacity = *to;
                }
            }
            Step::Expire { resource } => {
                let resource = self.resources[resource % self.resources.len()];
                self.expire(resource);
            }
            Step::Join { who, ask, class } => self.join(*who, *ask, *class),
            Step::Leave { entry, who } => {
                let Some(n) = entry.checked_rem(self.model.waiters.len()) else { return false };
                let waiter = self.model.waiters[n].clone();
                let who = who.unwrap_or(waiter.owner);
                let allowed = who == waiter.owner || who == ADMIN;
                let expected = if allowed { Expected::Accepted } else { Expected::Rejected(Code::NotAllowed) };
                let action = Action::LeaveWaitlist { entry: waiter.id };
                let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
                if self.compare(&expected, &verdict, &before, who, &[]) {
                    self.model.waiters.remove(n);
                }
            }
        }
        if self.model.kinds.iter().any(|k| k.waits.is_some()) {
            self.turns();
        }
        self.usage();
        true
    }

    pub fn join(&mut self, who: usize, ask: Ask, class: u8) {
        let model = &self.model;
        let line = model.taken(ask);
        let mine = model.waiters.iter().filter(|w| w.owner == who);
        let same = |w: &Waiter| (w.ask.resource, w.ask.from, w.ask.to) == (ask.resource, ask.from, ask.to);
        // Without whatever they hold themselves.
        let mut others = model.clone();
        others.holds.retain(|h| h.holder != who);
        let free = || others.room(&[line], None, None, &model.kept()).0 == Expected::Accepted;
        let expected =
            if model.invalid(&[ask]) || model.kinds[ask.resource].waits.is_none() || mine.clone().any(same) || free() {
                Expected::Rejected(Code::Invalid)
            } else if class != 0 && who != ADMIN {
                Expected::Rejected(Code::NotAllowed)
            } else if mine.count() >= 20 || model.too_many(who, &[line], &[]) {
                Expected::Rejected(Code::QuotaExceeded)
            } else if model.twice(who, &[line]) {
                Expected::Rejected(Code::OwnOverlap)
            } else {
                Expected::Accepted
            };
        let id = EntryId(self.id());
        let (owner, line) = (self.people[who], self.line(ask));
        let action = Action::JoinWaitlist { entry: id, owner, line, class, gives_up: None };
        let (verdict, before) = self.judge(Actor::Person(owner), action);
        if self.compare(&expected, &verdict, &before, who, &[]) {
            *self.tally.entry("waits").or_default() += 1;
            let place = self.model.waiters.iter().position(|w| w.class < class).unwrap_or(self.model.waiters.len());
            self.model.waiters.insert(place, Waiter { id, owner: who, ask, class });
        }
    }

    /// After what is due is done everywhere, both sides have given the same people their turn, and the same wait on in the same order.
    pub fn turns(&mut self) {
        for resource in self.resources.clone() {
            self.expire(resource);
        }
        let promoted = self.model.fill();
        *self.tally.entry("promoted").or_default() += promoted;
        for (n, id) in self.resources.iter().enumerate() {
            let calendar = &self.world.calendars[id];
            let ours: Vec<EntryId> = calendar.waiting.values().map(|e| e.id).collect();
            let waiters = self.model.waiters.iter().filter(|w| w.ask.resource == n);
            assert_eq!(ours, waiters.map(|w| w.id).collect::<Vec<_>>(), "who waits");
        }
    }

    /// Who has what they waited for waits no more.
    pub fn has(&mut self, owner: usize, lines: &[Taken]) {
        let same = |w: &Waiter, l: &Taken| {
            (w.ask.resource, w.ask.from, w.ask.to) == (l.ask.resource, l.ask.from, l.ask.to)
                && w.ask.units <= l.ask.units
        };
        self.model.waiters.retain(|w| w.owner != owner || !lines.iter().any(|l| same(w, l)));
    }

    pub fn expire(&mut self, resource: ResourceId) {
        let (verdict, before) = self.judge(Actor::System, Action::ExpireHolds { resource });
        self.compare(&Expected::Accepted, &verdict, &before, usize::MAX, &[]);
    }

    pub fn relocate(&mut self, n: usize, who: Option<usize>, lines: &[Ask], nudge: Option<(i64, i64)>, keep: bool) {
        let booking = self.model.bookings[n].clone();
        let who = who.unwrap_or(booking.owner);
        let mut lines = lines.to_vec();
        if let Some((a, b)) = nudge {
            let old = booking.lines[0].ask;
            let from = (old.from + a).clamp(10, 108);
            lines[0] = Ask { from, to: (old.to + b).clamp(from + 1, 110), ..old };
        }
        if keep {
            lines.push(booking.lines[booking.lines.len() - 1].ask);
        }
        let expected = self.model.relocate(who, &booking, &lines);
        let taken: Vec<Taken> = lines.iter().map(|l| self.model.taken(*l)).collect();
        let (_, beside) = self.model.without(&[booking.id]).room(&taken, Some(who), None, &self.model.kept());
        let to = lines.iter().map(|l| self.line(*l)).collect();
        let action = Action::Move { booking: BookingRef { id: booking.id, revision: None }, to };
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        if self.compare(&expected, &verdict, &before, who, &taken) {
            *self.tally.entry("moved").or_default() += 1;
            self.given_up(&verdict, who, &taken, beside, None);
            self.has(booking.owner, &taken);
            self.model.bookings[n].lines = taken;
        }
    }

    pub fn book(&mut self, who: usize, owner: usize, lines: &[Ask], hold: Option<((Held, HoldRef), bool)>) -> bool {
        let expected = self.model.book(who, owner, lines, hold.as_ref().map(|((held, _), stale)| (held, *stale)));
        let booking = BookingId(self.id());
        let action = Action::Book {
            booking,
            owner: self.people[owner],
            lines: lines.iter().map(|l| self.line(*l)).collect(),
            details: Details::default(),
            hold: hold.as_ref().map(|((_, named), _)| *named),
        };
        let taken: Vec<Taken> = lines.iter().map(|l| self.model.taken(*l)).collect();
        let without = hold.as_ref().map(|((held, _), _)| held.named.id);
        let (_, beside) = self.model.room(&taken, Some(who), without, &self.model.kept());
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        if self.compare(&expected, &verdict, &before, who, &taken) {
            let pending = who != ADMIN && lines.iter().any(|l| self.model.kinds[l.resource].approval);
            let state = if pending { State::Pending } else { State::Confirmed };
            let found = self.world.bookings[&booking].state.clone();
            assert_eq!(found.takes_units(), !pending, "pending, or not");
            self.given_up(&verdict, who, &taken, beside, without);
            if let Some(id) = without {
                self.end(id);
            }
            self.has(owner, &taken);
            self.model.bookings.push(Booked { id: booking, owner, state, lines: taken });
        } else if let Some(((held, _), false)) = hold
            && held.holder == who
            && self.model.live(&held)
        {
            // A refused confirm lets its hold go.
            self.end(held.named.id);
        }
        true
    }

    pub fn hold(&mut self, who: usize, ask: Ask) {
        let expected = self.model.hold(who, ask);
        let line = self.model.taken(ask);
        let (_, beside) = self.model.room(&[line], Some(who), None, &self.model.kept());
        let id = HoldId(self.id());
        let action = Action::Hold { hold: id, line: self.line(ask) };
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        if self.compare(&expected, &verdict, &before, who, &[line]) {
            self.given_up(&verdict, who, &[line], beside, None);
            let granted = changes(&verdict).find_map(granted).unwrap();
            let until = self.model.now + self.model.kinds[ask.resource].ttl;
            assert_eq!(granted.expires_at.0, (ZERO + until) * 1_000_000, "granted until another instant");
            let fresh =
                self.model.holds.iter().all(|h| h.ask.resource != ask.resource || h.named.token != granted.token);
            assert!(fresh, "a token is never used twice");
            let named = HoldRef { id, token: granted.token };
            let (granted, renewals) = (self.model.now, 0);
            self.model.holds.push(Held { named, holder: who, line, ask, granted, until, renewals, ended: false });
        }
    }

    /// Own holds were given up only where they stood in the way, and then they were.
    pub fn given_up(&mut self, verdict: &Verdict, who: usize, lines: &[Taken], beside: bool, consumed: Option<HoldId>) {
        let ended: Vec<EndedHold> = changes(verdict)
            .filter_map(|c| match c {
                Change::HoldEnded(e) if e.end == HoldEnd::Superseded => Some(*e),
                _ => None,
            })
            .collect();
        assert!(ended.is_empty() || !beside, "{ended:?} did not stand in the way");
        for ended in ended {
            let hold = self.model.holds.iter().find(|h| h.named.id == ended.hold.id).unwrap();
            let meets =
                |l: &Taken| l.ask.resource == hold.ask.resource && l.first < hold.line.end && hold.line.first < l.end;
            assert!(
                self.model.live(hold) && hold.holder == who && Some(hold.named.id) != consumed,
                "{hold:?} given up"
            );
            assert!(lines.iter().any(meets), "{hold:?} does not meet what was asked");
            self.end(ended.hold.id);
        }
    }

    pub fn end(&mut self, id: HoldId) {
        self.model.holds.iter_mut().find(|h| h.named.id == id).unwrap().ended = true;
    }

    /// Holds the domain's answer against what is expected; whether it accepted.
    pub fn compare(
        &mut self,
        expected: &Expected,
        verdict: &Verdict,
        before: &World,
        who: usize,
        asked: &[Taken],
    ) -> bool {
        match (expected, verdict) {
            (Expected::Accepted, Verdict::Accepted(..)) => {
                *self.tally.entry("accepted").or_default() += 1;
                true
            }
            (Expected::Rejected(code), Verdict::Rejected(rejection, _)) => {
                assert_eq!(*code, rejection.code, "refused for another reason: {rejection:?}");
                *self.tally.entry(code.name()).or_default() += 1;
                false
            }
            (Expected::NoRoom(codes), Verdict::Rejected(rejection, _)) => {
                assert!(codes.contains(&rejection.code), "{rejection:?}, but what is true is {codes:?}");
                // One line is judged over all its minutes: bookings alone are told before holds, nothing before too little.
                let by_bookings = codes.iter().filter(|c| **c != Code::HeldByOther).min();
                if let [_] = asked {
                    assert_eq!(rejection.code, *by_bookings.unwrap_or(&Code::HeldByOther), "of {codes:?}");
                }
                self.witness(rejection, before, who, asked);
                *self.tally.entry(rejection.code.name()).or_default() += 1;
                false
            }
            _ => panic!("expected {expected:?}, said {verdict:?}"),
        }
    }

    /// What a refusal names stood there, at a minute where there is no room.
    pub fn witness(&self, rejection: &Rejection, before: &World, who: usize, asked: &[Taken]) {
        let resource = self.resources.iter().position(|id| Some(*id) == rejection.resource).unwrap();
        let meets = |line: &Taken| {
            let asked = asked.iter().filter(|l| l.ask.resource == resource);
            line.ask.resource == resource && asked.clone().any(|l| l.first < line.end && line.first < l.end)
        };
        match (rejection.code, rejection.witness) {
            (Code::HeldByOther, Some(Witness::Hold { id, holder, expires_at, .. })) => {
                let hold = self.model.holds.iter().find(|h| h.named.id == id).unwrap();
                assert!(self.model.live(hold) && meets(&hold.line), "{hold:?} does not stand there");
                assert!(hold.holder != who, "nobody is refused because of their own hold");
                assert_eq!(holder, self.people[hold.holder]);
                assert_eq!(Some(expires_at), rejection.retry_at);
                assert_eq!(expires_at.0, (ZERO + hold.until) * 1_000_000);
            }
            (Code::Full | Code::Insufficient, Some(Witness::Booking { id, owner, .. })) => {
                let booking = self.model.bookings.iter().find(|b| b.id == id).unwrap();
                assert!(booking.state == State::Confirmed, "{booking:?} takes nothing");
                assert!(booking.lines.iter().any(meets), "{booking:?} does not stand there");
                assert_eq!(owner, self.people[booking.owner]);
                assert!(before.bookings.contains_key(&id));
            }
            (Code::WaitlistFirst, Some(Witness::Waiting { id, .. })) => {
                let waits = self.model.waiters.iter().find(|w| w.id == id).unwrap();
                assert_eq!(waits.ask.resource, resource, "{waits:?} waits elsewhere");
            }
            // The lines of the request are too much by themselves.
            (Code::Insufficient, None) => {
                let capacity = self.model.kinds[resource].capacity.unwrap_or(u32::MAX);
                assert!(asked.len() > 1 || asked[0].ask.units > capacity, "no witness");
            }
            other => panic!("no witness of {other:?}"),
        }
    }

    /// At every minute both sides take the same, and badges say what is left.
    pub fn usage(&self) {
        for (n, id) in self.resources.iter().enumerate() {
            let calendar = &self.world.calendars[id];
            let minutes = self.model.minutes(n, Some(0), None);
            let expired: Vec<&Hold> = calendar.holds.values().filter(|h| h.expired(self.now())).collect();
            for (minute, expected) in minutes.iter().enumerate() {
                let at = Instant((ZERO + minute as i64 * 60) * 1_000_000);
                let level = calendar.levels.at(at);
                let idle: u64 = expired.iter().filter(|h| h.occupied.contains(at)).map(|h| u64::from(h.units)).sum();
                assert_eq!((level.booked, level.held - idle), (expected.booked, expected.held), "at minute {minute}");
            }
            let all = Interval::new(Instant((ZERO + 600) * 1_000_000), Instant((ZERO + 6000) * 1_000_000)).unwrap();
            let kind = self.model.kinds[n];
            let policy = &calendar.resource.spec.policy;
            let seen = (10 - policy.setup.0 / 60_000_000) as usize..(100 + policy.teardown.0 / 60_000_000) as usize;
            let fullest = minutes[seen].iter().map(|m| m.booked + m.held - m.own).max().unwrap_or(0);
            let left = decide::free_units(calendar, all, Some(self.people[0]), self.now());
            // Who they are is not asked when units are shown: what is owed then is at least what is owed to those who may have it.
            if !calendar.waiting.is_empty() {
                continue;
            }
            assert_eq!(left.map(u64::from), kind.capacity.map(|c| u64::from(c).saturating_sub(fullest)), "left");
        }
    }
}

pub(super) fn changes(verdict: &Verdict) -> impl Iterator<Item = &Change> {
    let changes = match verdict {
        Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) => Some(changes),
        Verdict::Moved(_) | Verdict::Needs(_) => None,
    };
    changes.into_iter().flat_map(|c| &c.records).flat_map(|(_, record)| record)
}

pub(super) fn granted(change: &Change) -> Option<Hold> {
    match change {
        Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some(*hold),
        _ => None,
    }
}
