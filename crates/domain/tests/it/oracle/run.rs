//! Both sides of a step: what the model expects, what the domain says, and what is true afterwards.
//! It decides nothing itself.

mod series;

use super::model::*;
use super::steps::*;
use crate::rows::fold;
use slotwise_domain::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// Decisions that are looked at together, at the most.
const COMMITS_UP_TO: u128 = 12;

pub struct Run {
    pub world: World,
    model: Model,
    resources: Vec<ResourceId>,
    people: Vec<PersonId>,
    series: Vec<series::Dates>,
    /// What was decided since the last look at several decisions together, as at those of one commit.
    commit: Vec<(Changes, Instant)>,
    ids: u128,
    /// How often what was said or done.
    pub tally: BTreeMap<&'static str, u64>,
}

impl Run {
    pub fn new(setting: &Setting) -> Run {
        let model = Model {
            setting: setting.clone(),
            bookings: vec![],
            holds: vec![],
            blocks: vec![],
            waiters: vec![],
            fixed: None,
            now: setting.begins.min(-4 * 3600),
        };
        let mut run = Run {
            world: World::empty(Epoch(1)),
            model,
            resources: vec![],
            people: vec![],
            series: vec![],
            commit: vec![],
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
        let group = ResourceId(run.id());
        run.world.members.insert(group, Members::new());
        run.world.loaded.members.insert(group);
        run.resources = setting.rules.iter().map(|_| ResourceId(run.id())).collect();
        run.create(group, run.plain(Kind::Group));
        for (n, rules) in setting.rules.iter().enumerate() {
            let spec = run.spec(rules, group);
            run.create(run.resources[n], spec);
        }
        for (n, id) in run.people.clone().into_iter().enumerate().filter(|(n, _)| *n != NOVICE) {
            let facts = run.world.facts.entry(id).or_default();
            Arc::make_mut(facts).tags.insert(format!("passed:{n}"));
        }
        for (who, of, most) in &setting.allowances {
            let of = of.map_or(group, |n| run.resources[n]);
            let facts = run.world.facts.entry(run.people[*who]).or_default();
            Arc::make_mut(facts).allowances.insert(of, *most);
        }
        run.model.now = setting.begins;
        run
    }

    fn plain(&self, kind: Kind) -> ResourceSpec {
        ResourceSpec {
            kind,
            name: "room".into(),
            building: None,
            seats: None,
            equipment: vec![],
            zone: Zone::named(self.model.setting.night.zone).unwrap(),
            capacity: None,
            interval: None,
            policy: Policy::default(),
            group: None,
            linked: Vec::new(),
            course: None,
        }
    }

    fn spec(&self, rules: &Rules, group: ResourceId) -> ResourceSpec {
        let period = |limit: Limit| match limit.period {
            Time::Day => Period::Day,
            Time::Week => Period::Week,
            Time::Month => Period::Month,
            Time::All => Period::All,
        };
        let scope = |limit: Limit| if limit.together { QuotaScope::Group } else { QuotaScope::Resource };
        let policy = Policy {
            hold_ttl: Span::seconds(rules.ttl),
            setup: Span::minutes(rules.setup),
            teardown: Span::minutes(rules.teardown),
            approval: rules.approval,
            pending_takes: rules.pending_takes,
            own_overlap: if rules.exclusive { OwnOverlap::Refuse } else { OwnOverlap::Allow },
            quota: rules.quota.map(|limit| Quota {
                most: if limit.credits { limit.most * 100 } else { limit.most },
                counts: if limit.credits { Measure::Credits } else { Measure::Units },
                period: period(limit),
                scope: scope(limit),
            }),
            credits: Some(rules.worth),
            opening_hours: rules.open.map_or(Vec::new(), |(from, to)| {
                let days = || (0..7).map(|n| jiff::civil::Weekday::from_monday_zero_offset(n).unwrap()).collect();
                let (evening, night) = (23 * 60 + from as u16, to as u16 - 60);
                vec![
                    OpeningHours { days: days(), from_min: evening, to_min: 1440 },
                    OpeningHours { days: days(), from_min: 0, to_min: night },
                ]
            }),
            book_by: rules.adds_until.map(|minute| Cutoff::At(self.at(minute * 60))),
            change_by: rules.changes_until.map(|minute| Cutoff::At(self.at(minute * 60))),
            cancel_by: rules.drops_until.map(|minute| Cutoff::At(self.at(minute * 60))),
            eligibility: match rules.needs {
                true => vec![Requirement { all: vec!["passed:*".into()], any: vec![], none: vec![] }],
                false => vec![],
            },
            late_cancel_from: rules.late.map(|minutes| Cutoff::Elapsed(Span::minutes(minutes))),
            check_in: rules
                .check_in
                .map(|(opens, closes)| CheckIn { opens: Span::minutes(opens), closes: Span::minutes(closes) }),
            waitlist: rules.waits.map(|kept| {
                let fill = if kept { WaitFill::Strict } else { WaitFill::Skip };
                Waitlist { mode: WaitMode::Book, fill, capacity: None }
            }),
            ..Policy::default()
        };
        let together = rules.quota.is_some_and(|limit| limit.together);
        let of = |list: &Vec<usize>| list.iter().map(|n| self.resources[*n]).collect();
        ResourceSpec {
            capacity: rules.capacity,
            interval: rules.section.map(|(from, to)| self.interval(from, to)),
            policy,
            group: together.then(|| Grouped { id: group, own: PolicyField::ALL.into() }),
            linked: rules.linked.iter().map(of).collect(),
            course: None,
            ..self.plain(if rules.section.is_some() { Kind::Section } else { Kind::Room })
        }
    }

    fn create(&mut self, resource: ResourceId, spec: ResourceSpec) {
        let action = Action::CreateResource { resource, spec: Box::new(spec.checked().unwrap()) };
        let (verdict, _) = self.judge(Actor::System, action);
        assert!(matches!(verdict, Verdict::Accepted(..)), "{verdict:?}");
    }

    fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn at(&self, second: i64) -> Instant {
        Instant((self.model.setting.night.zero + second) * 1_000_000)
    }

    pub fn now(&self) -> Instant {
        self.at(self.model.now)
    }

    /// What the domain says, folded and asserted.
    fn judge(&mut self, actor: Actor, action: Action) -> (Verdict, World) {
        let command = Command { actor, action, seen: None, reason: Some("it is so".into()) };
        self.world.loaded.extend(&command.scope());
        let now = self.now();
        let before = self.world.clone();
        let key = AttemptKey { part: PartId::DEFAULT, actor: actor.uuid(), key: Uuid::nil() };
        let proposal = Proposal { key, fingerprint: Fingerprint([0; 32]), command, observed: vec![], hint: None };
        let verdict = settle(&self.world, &proposal, now);
        if let Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) = &verdict {
            fold(&mut self.world, changes, actor, now);
            // A commit reads the clock once, and holds as many as chance will have it: it begins and ends anywhere.
            self.commit.retain(|(_, at)| *at == now);
            self.commit.push((changes.clone(), now));
            if self.ids % COMMITS_UP_TO < self.commit.len() as u128 {
                invariants::check(&self.world, self.commit.iter().map(|(changes, at)| (changes, *at))).unwrap();
                self.commit.clear();
            }
            for change in changes.records.iter().flat_map(|(_, record)| record) {
                *self.tally.entry(effect(change)).or_default() += 1;
            }
        }
        (verdict, before)
    }

    /// The same by a person, held against what is expected; whether it was accepted, and what follows from it.
    fn compared(&mut self, expected: &Expected, who: usize, action: Action, asked: &[Taken]) -> (bool, Verdict) {
        let (verdict, before) = self.judge(Actor::Person(self.people[who]), action);
        (self.compare(expected, &verdict, &before, who, asked), verdict)
    }

    fn interval(&self, from: i64, to: i64) -> Interval {
        Interval::new(self.at(from * 60), self.at(to * 60)).unwrap()
    }

    fn line(&self, ask: Ask) -> Line {
        let interval = Some(self.interval(ask.from, ask.to));
        Line { resource: self.resources[ask.resource], interval, units: ask.units }
    }

    fn lines(&self, asks: &[Ask]) -> Vec<Line> {
        asks.iter().map(|ask| self.line(*ask)).collect()
    }

    fn taken(&self, asks: &[Ask]) -> Vec<Taken> {
        asks.iter().map(|ask| self.model.taken(*ask)).collect()
    }

    /// The hold of a step, with a token that is not its own if `stale`.
    fn named(&self, index: usize, stale: bool) -> Option<(Held, HoldRef)> {
        let hold = self.model.holds.get(index % self.model.holds.len().max(1))?.clone();
        let mut named = hold.named;
        if stale {
            named.token = FencingToken(Version { number: named.token.0.number + 1, ..named.token.0 }, 0);
        }
        Some((hold, named))
    }

    /// The booking of a step.
    fn booked(&self, index: usize) -> Option<Booked> {
        Some(self.model.bookings[index.checked_rem(self.model.bookings.len())?].clone())
    }

    /// A booking as somebody names it who has seen it, or seen it long ago.
    fn seen(booking: &Booked, old: bool) -> BookingRef {
        BookingRef { id: booking.id, revision: Some(if old { booking.revision + 1 } else { booking.revision }) }
    }

    fn policy_version(&self, resource: usize, old: bool) -> u64 {
        self.world.calendars[&self.resources[resource]].resource.policy_version + u64::from(old)
    }

    /// Those that an admin names, where these would do.
    fn shown(&self, gone: &BTreeSet<BookingId>, shown: Shown) -> Vec<(BookingId, u64)> {
        // Newest first: in which order they are named is nothing to the judgement.
        let mut named: Vec<_> = self.model.at_revisions(gone).into_iter().rev().collect();
        match shown {
            Shown::Exactly => {}
            Shown::Stale => named.iter_mut().take(1).for_each(|(_, revision)| *revision += 1),
            Shown::Less => named.truncate(named.len().saturating_sub(1)),
            Shown::More(index) => {
                if let Some(other) = self.booked(index).filter(|b| !gone.contains(&b.id)) {
                    named.push((other.id, other.revision));
                }
            }
        }
        named
    }

    /// Does one step on both sides. A step that has nothing to speak of is none.
    pub fn step(&mut self, step: &Step) -> bool {
        if let Step::Wait { seconds } = step {
            self.model.now += seconds;
            return false;
        }
        if self.done(step).is_none() {
            return false;
        }
        if self.model.setting.rules.iter().any(|k| k.waits.is_some()) {
            self.turns();
        }
        self.usage();
        true
    }

    fn done(&mut self, step: &Step) -> Option<()> {
        match step {
            Step::Wait { .. } => return None,
            Step::Book { who, owner, lines, hold } => {
                let hold = hold.and_then(|(index, stale)| Some((self.named(index, stale)?, stale)));
                // A confirm is about what is held, so the held line stands first.
                let mut lines = lines.clone();
                if let Some(((held, _), _)) = &hold {
                    lines[0] = held.ask;
                }
                self.book(*who, *owner, &lines, hold);
            }
            Step::Confirm { hold, stranger, stale } => {
                let (held, named) = self.named(*hold, *stale)?;
                let who = if *stranger { (held.holder + 1) % PEOPLE } else { held.holder };
                self.book(who, who, &[held.ask], Some(((held, named), *stale)));
            }
            Step::Hold { who, ask } => self.hold(*who, *ask),
            Step::Renew { hold, who, stale } => {
                let (held, named) = self.named(*hold, *stale)?;
                let who = who.unwrap_or(held.holder);
                let expected = self.model.renew(who, &held, *stale);
                let (accepted, verdict) = self.compared(&expected, who, Action::Renew(named), &[]);
                if accepted && let Some(granted) = changes(&verdict).find_map(granted) {
                    let latest = held.granted + 300;
                    let until = (self.model.now + self.model.rules(held.ask.resource).ttl).min(latest).max(held.until);
                    assert_eq!(granted.expires_at, self.at(until), "renewed until another instant");
                    let held = self.model.holds.iter_mut().find(|h| h.named.id == held.named.id).unwrap();
                    held.until = until;
                    held.renewals += 1;
                }
            }
            Step::Release { hold, who, stale } => {
                let (held, named) = self.named(*hold, *stale)?;
                let who = who.unwrap_or(held.holder);
                let expected = self.model.release(who, &held, *stale);
                let (accepted, _) = self.compared(&expected, who, Action::Release(named), &[]);
                if accepted && self.model.live(&held) {
                    self.end(held.named.id);
                }
            }
            Step::SetHold { hold, who, until } => {
                let (held, named) = self.named(*hold, false)?;
                let until = until.map(|seconds| self.model.now + seconds);
                let expected = self.model.set_hold(*who, &held, until);
                let instant = until.map(|until| self.at(until));
                let action = Action::SetHold { hold: named.id, until: instant, reason: "she is on her way".into() };
                let (accepted, verdict) = self.compared(&expected, *who, action, &[]);
                match until {
                    None if accepted && self.model.live(&held) => self.end(held.named.id),
                    Some(until) if accepted => {
                        let granted = changes(&verdict).find_map(granted).map(|hold| hold.expires_at);
                        assert!(granted == instant || until == held.until, "until another instant");
                        self.model.holds.iter_mut().find(|h| h.named.id == held.named.id).unwrap().until = until;
                    }
                    _ => {}
                }
            }
            Step::Cancel { booking, who } => {
                let booking = self.booked(*booking)?;
                let who = who.unwrap_or(booking.owner);
                let expected = self.model.cancel(who, &booking);
                let action = Action::Cancel { booking: booking.id, reason: Some("ill".into()) };
                if self.compared(&expected, who, action, &[]).0 && !booking.state.is_over() {
                    let state = self.model.given_up(who, &booking);
                    if state == (State::Cancelled { late: true }) {
                        self.count("cancelled late");
                    }
                    self.becomes(booking.id, state);
                }
            }
            Step::Move { booking, who, lines, nudge, keep, old } => {
                let booking = self.booked(*booking)?;
                self.relocate(&booking, *who, lines, *nudge, *keep, *old);
            }
            Step::Swap { one, other, who, old } => self.swap(*one, *other, *who, *old)?,
            Step::Approve { booking, who } => {
                let booking = self.booked(*booking)?;
                let expected = self.model.approve(*who, &booking);
                let action = Action::Approve { booking: booking.id };
                let (verdict, before) = self.judge(Actor::Person(self.people[*who]), action);
                let nobody = usize::MAX;
                if self.compare(&expected, &verdict, &before, nobody, &booking.lines)
                    && matches!(booking.state, State::Pending { .. })
                {
                    self.becomes(booking.id, State::Confirmed);
                }
            }
            Step::Decline { booking, who, old } => {
                let booking = self.booked(*booking)?;
                let expected = if *old { Expected::Moved(None) } else { self.model.decline(*who, &booking) };
                let action = Action::Decline { booking: Run::seen(&booking, *old), reason: "no".into() };
                if self.compared(&expected, *who, action, &[]).0 && !booking.state.is_over() {
                    self.becomes(booking.id, State::Cancelled { late: false });
                }
            }
            Step::Edit { resource, to, old } => {
                let n = resource % self.resources.len();
                let cut = *to != self.model.rules(n).capacity && self.model.beyond(n, *to).is_some();
                let expected = match () {
                    () if *old => Expected::Moved(None),
                    () if cut => Expected::Rejected(Code::Insufficient),
                    () => Expected::Accepted,
                };
                let (resource, policy_version) = (self.resources[n], self.policy_version(n, *old));
                let patch = Box::new(ResourcePatch { capacity: Some(*to), ..ResourcePatch::default() });
                let action = Action::EditResource { resource, policy_version, patch };
                if self.compared(&expected, ADMIN, action, &[]).0 {
                    self.model.setting.rules[n].capacity = *to;
                }
            }
            Step::Capacity { resource, who, to, below, shown, old } => {
                self.capacity(resource % self.resources.len(), *who, *to, *below, *shown, *old);
            }
            Step::OverBook { who, owner, lines, shown } => self.over_book(*who, *owner, lines, *shown),
            Step::OverMove { booking, who, lines, shown, old } => {
                let booking = self.booked(*booking)?;
                self.over_move(&booking, *who, lines, *shown, *old);
            }
            Step::HandOver { booking, to, who, old } => {
                let booking = self.booked(*booking)?;
                let expected = if *old { Expected::Moved(None) } else { self.model.hand_over(*who, &booking, *to) };
                let (named, person) = (Run::seen(&booking, *old), self.people[*to]);
                let action = Action::HandOver { booking: named, to: person, reason: "she left".into() };
                if self.compared(&expected, *who, action, &[]).0 && booking.owner != *to {
                    self.changed(booking.id).owner = *to;
                    if booking.state.has() {
                        self.has(*to, &booking.lines);
                    }
                }
            }
            Step::Service { resource, who, close, old } => {
                let n = resource % self.resources.len();
                let expected = match () {
                    () if *old => Expected::Moved(None),
                    () if *who != ADMIN => Expected::Rejected(Code::NotAllowed),
                    () => Expected::Accepted,
                };
                let (resource, policy_version) = (self.resources[n], self.policy_version(n, *old));
                let service = if *close { Service::Closed } else { Service::Open };
                let action = Action::SetService { resource, policy_version, service, reason: "paint".into() };
                if self.compared(&expected, *who, action, &[]).0 {
                    if self.model.rules(n).closed && !*close {
                        self.count("reopened");
                    }
                    self.model.setting.rules[n].closed = *close;
                }
            }
            Step::CheckIn { booking, who } => {
                let booking = self.booked(*booking)?;
                let who = who.unwrap_or(booking.owner);
                let expected = self.model.check_in(who, &booking);
                let action = Action::CheckIn { booking: booking.id };
                if self.compared(&expected, who, action, &[]).0 && booking.state == State::Confirmed {
                    self.becomes(booking.id, State::CheckedIn);
                }
            }
            Step::NoShow { booking, who, late } => {
                let booking = self.booked(*booking)?;
                self.no_show(&booking, *who, *late);
            }
            Step::Expire { resource } => {
                let resource = self.resources[resource % self.resources.len()];
                self.expire(resource);
            }
            Step::Block { resource, who, from, to, but, spares, voids, old } => {
                let resource = resource % self.resources.len();
                let spares = spares.and_then(|index| self.booked(index)).map(|b| b.id);
                let id = BlockId(self.id());
                let block = Blocked { id, resource, from: *from, to: *to, but: *but, spares };
                self.block(*who, block, *voids, *old);
            }
            Step::Unblock { block, who, old } => {
                let n = block.checked_rem(self.model.blocks.len())?;
                let Blocked { id, resource, .. } = self.model.blocks[n];
                let expected = match () {
                    () if *old => Expected::Moved(None),
                    () if *who != ADMIN => Expected::Rejected(Code::NotAllowed),
                    () => Expected::Accepted,
                };
                let policy_version = self.policy_version(resource, *old);
                let action = Action::RemoveBlock { resource: self.resources[resource], policy_version, block: id };
                if self.compared(&expected, *who, action, &[]).0 {
                    self.model.blocks.remove(n);
                }
            }
            Step::Join { who, ask, class } => self.join(*who, *ask, *class),
            Step::Series { who, first, every, count, promise } => {
                self.book_series(*who, *first, *every, *count, *promise)?;
            }
            Step::EditSeries { series, which, who, all, by } => self.edit_series(*series, *which, *who, *all, *by)?,
            Step::Leave { entry, who } => {
                let n = entry.checked_rem(self.model.waiters.len())?;
                let waiter = self.model.waiters[n].clone();
                let who = who.unwrap_or(waiter.owner);
                let allowed = who == waiter.owner || who == ADMIN;
                let expected = if allowed { Expected::Accepted } else { Expected::Rejected(Code::NotAllowed) };
                if self.compared(&expected, who, Action::LeaveWaitlist { entry: waiter.id }, &[]).0 {
                    self.model.waiters.remove(n);
                }
            }
        }
        Some(())
    }

    fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    fn becomes(&mut self, id: BookingId, state: State) {
        self.changed(id).state = state;
    }

    /// A booking that a command has changed.
    fn changed(&mut self, id: BookingId) -> &mut Booked {
        let now = self.model.now;
        let booking = self.model.booking(id);
        (booking.revision, booking.decided) = (booking.revision + 1, now);
        booking
    }

    fn block(&mut self, who: usize, block: Blocked, voids: bool, old: bool) {
        let expected = if old { Expected::Moved(None) } else { self.model.block(who, &block, voids) };
        let action = Action::AddBlock {
            resource: self.resources[block.resource],
            policy_version: self.policy_version(block.resource, old),
            block: block.id,
            interval: self.interval(block.from, block.to),
            reason: "paint".into(),
            over_holds: if voids { OverHolds::Void } else { OverHolds::Refuse },
            over_bookings: OverBookings::Refuse,
            exceptions: Exceptions::of(
                block.but.map(|n| self.people[n]).into_iter().collect(),
                block.spares.into_iter().collect(),
            ),
        };
        if self.compared(&expected, who, action, &[]).0 {
            if block.spares.is_some() || block.but.is_some() {
                self.count("blocked but for somebody");
            }
            for hold in self.model.voided(&block).collect::<Vec<_>>() {
                self.end(hold);
            }
            self.model.blocks.push(block);
        }
    }

    fn swap(&mut self, one: usize, other: usize, who: Option<usize>, old: bool) -> Option<()> {
        let (one, other) = (self.booked(one)?, self.booked(other)?);
        let who = who.unwrap_or(one.owner);
        let expected = if old { Expected::Moved(None) } else { self.model.swap(who, &one, &other) };
        let action = Action::Swap { one: Run::seen(&one, false), other: Run::seen(&other, old) };
        if self.compared(&expected, who, action, &[]).0 {
            self.count("swapped");
            for (to, from) in [(&one, &other), (&other, &one)] {
                self.changed(to.id).lines.clone_from(&from.lines);
                self.has(to.owner, &from.lines);
            }
        }
        Some(())
    }

    fn capacity(&mut self, n: usize, who: usize, to: Option<u32>, below: Cut, shown: Shown, old: bool) {
        let gone = match below {
            Cut::Refuse | Cut::OverCommit => Gone::default(),
            Cut::Named(Some(index)) => {
                Gone { bookings: self.booked(index).map(|b| b.id).into_iter().collect(), ..Gone::default() }
            }
            Cut::Newest | Cut::Named(None) => self.model.newest_beyond(n, to).unwrap_or_default(),
        };
        let preview = self.shown(&gone.bookings, shown);
        let expected = if old { Expected::Moved(None) } else { self.model.cut(who, n, to, below, &preview) };
        // What the judgement makes of it, holds included.
        let ids = preview.iter().map(|(id, _)| *id).collect();
        let gone = match below {
            Cut::Named(_) => self.model.named_go(n, to, &ids),
            Cut::Newest => self.model.newest_beyond(n, to),
            Cut::Refuse | Cut::OverCommit => None,
        };
        let below = match below {
            Cut::Refuse => Below::Refuse,
            Cut::OverCommit => Below::OverCommit,
            Cut::Newest => Below::DisplaceNewest(preview),
            Cut::Named(_) => Below::DisplaceNamed(preview),
        };
        let (resource, policy_version) = (self.resources[n], self.policy_version(n, old));
        let reason = Some("fire safety".into());
        let name = match below {
            Below::Refuse => "capacity set",
            Below::OverCommit => "over-committed",
            Below::DisplaceNewest(_) => "newest displaced",
            Below::DisplaceNamed(_) => "named displaced",
        };
        let action = Action::SetCapacity { resource, policy_version, to, seen_used: None, below, reason };
        let (accepted, verdict) = self.compared(&expected, who, action, &[]);
        if accepted {
            self.model.setting.rules[n].capacity = to;
            let gone = gone.unwrap_or_default();
            if name != "over-committed" && name != "capacity set" && gone.bookings.is_empty() {
                // Nothing was in the way.
            } else if name != "over-committed" || self.model.beyond(n, to).is_some() {
                self.count(name);
            }
            self.are_gone(&verdict, &gone);
        }
    }

    /// Exactly these holds were voided and these bookings displaced; whole, on all their resources.
    fn are_gone(&mut self, verdict: &Verdict, gone: &Gone) {
        let (mut holds, mut bookings) = (BTreeSet::new(), BTreeMap::<BookingId, usize>::new());
        for change in changes(verdict) {
            match change {
                Change::HoldEnded(ended) if ended.end == HoldEnd::Voided => drop(holds.insert(ended.hold.id)),
                Change::BookingDisplaced { booking, .. } => *bookings.entry(*booking).or_default() += 1,
                _ => {}
            }
        }
        assert_eq!(holds, gone.holds, "voided");
        let whole = gone.bookings.iter().map(|id| (*id, self.model.booking(*id).resources())).collect();
        assert_eq!(bookings, whole, "displaced, on so many resources");
        for hold in &gone.holds {
            self.end(*hold);
        }
        for (id, of) in bookings {
            if of > 1 {
                self.count("bundle displaced");
            }
            self.becomes(id, State::Displaced);
        }
    }

    fn over_book(&mut self, who: usize, owner: usize, lines: &[Ask], shown: Shown) {
        let taken = self.taken(lines);
        let gone = self.model.way(&taken).unwrap_or_default();
        let preview = self.shown(&gone.bookings, shown);
        let expected = self.model.over_book(who, owner, lines, &preview);
        let booking = BookingId(self.id());
        let book = Action::Book {
            booking,
            owner: self.people[owner],
            lines: self.lines(lines),
            details: Details::default(),
            hold: None,
        };
        let action = Action::Override { action: Box::new(book), reason: "the dean comes".into(), displaces: preview };
        let (accepted, verdict) = self.compared(&expected, who, action, &[]);
        if accepted {
            if self.model.too_many(owner, lines, &[]) {
                self.count("over the quota");
            }
            self.are_gone(&verdict, &gone);
            self.has(owner, &taken);
            self.model.put(booking, owner, State::Confirmed, taken);
        }
    }

    fn over_move(&mut self, booking: &Booked, who: usize, lines: &[Ask], shown: Shown, old: bool) {
        let taken = self.taken(lines);
        let gone = self.model.without(&[booking.id]).way(&taken).unwrap_or_default();
        let preview = self.shown(&gone.bookings, shown);
        let expected = match old {
            true => Expected::Moved(None),
            false => self.model.over_move(who, booking, lines, &preview),
        };
        let to = self.lines(lines);
        let action = Box::new(Action::Move { booking: Run::seen(booking, old), to });
        let action = Action::Override { action, reason: "the dean comes".into(), displaces: preview };
        let (accepted, verdict) = self.compared(&expected, who, action, &[]);
        if accepted && booking.lines.iter().map(|l| l.ask).ne(lines.iter().copied()) {
            self.count("moved over others");
            self.are_gone(&verdict, &gone);
            self.is_at(booking, taken);
        }
    }

    /// A booking has its new place.
    fn is_at(&mut self, booking: &Booked, lines: Vec<Taken>) {
        self.has(booking.owner, &lines);
        self.changed(booking.id).lines = lines;
    }

    fn no_show(&mut self, booking: &Booked, who: usize, late: bool) {
        if late
            && self.model.now >= 0
            && booking.state == State::Confirmed
            && let Some((_, closes)) = self.model.window(booking)
        {
            self.model.now = self.model.now.max(closes);
        }
        // On a full minute, so that what is left of it is minutes.
        self.model.now = (self.model.now + 59).div_euclid(60) * 60;
        let expected = self.model.no_show(who, booking);
        let action = Action::ReleaseNoShow { booking: booking.id };
        if self.compared(&expected, who, action, &[]).0 && booking.state == State::Confirmed {
            let minute = self.model.now / 60;
            self.becomes(booking.id, State::NoShow);
            for line in &mut self.model.booking(booking.id).lines {
                line.end = line.end.min(minute).max(line.first);
            }
        }
    }

    fn join(&mut self, who: usize, ask: Ask, class: u8) {
        let expected = self.model.join(who, ask, class);
        let id = EntryId(self.id());
        let (owner, line) = (self.people[who], self.line(ask));
        let action = Action::JoinWaitlist { entry: id, owner, line, class, gives_up: None, wants: Wants::Units };
        if self.compared(&expected, who, action, &[]).0 {
            self.count("waits");
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
    fn has(&mut self, owner: usize, lines: &[Taken]) {
        let same = |w: &Waiter, l: &Taken| {
            (w.ask.resource, w.ask.from, w.ask.to) == (l.ask.resource, l.ask.from, l.ask.to)
                && w.ask.units <= l.ask.units
        };
        self.model.waiters.retain(|w| w.owner != owner || !lines.iter().any(|l| same(w, l)));
    }

    fn expire(&mut self, resource: ResourceId) {
        let (verdict, before) = self.judge(Actor::System, Action::ExpireHolds { resource });
        self.compare(&Expected::Accepted, &verdict, &before, usize::MAX, &[]);
    }

    fn relocate(
        &mut self,
        booking: &Booked,
        who: Option<usize>,
        lines: &[Ask],
        nudge: Option<(i64, i64)>,
        keep: bool,
        old: bool,
    ) {
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
        let expected = if old { Expected::Moved(None) } else { self.model.relocate(who, booking, &lines) };
        let taken = self.taken(&lines);
        let dropped = self.model.dropped_late(who, booking, &lines);
        let id = self.world.bookings[&booking.id].dropped_as(self.now());
        let asked = self.model.more_than_it_had(booking, &lines);
        let (_, beside) = self.model.without(&[booking.id]).room(&asked, Some(who), None, &self.model.kept());
        let action = Action::Move { booking: Run::seen(booking, old), to: self.lines(&lines) };
        let (accepted, verdict) = self.compared(&expected, who, action, &asked);
        if accepted && booking.lines.iter().map(|l| l.ask).ne(lines.iter().copied()) {
            self.count("moved");
            self.given_up(&verdict, who, &taken, beside, None);
            self.is_at(booking, taken);
            if !dropped.is_empty() {
                let exchanged = !self.model.asks_for_more(&booking.lines, &lines).is_empty();
                self.count(if exchanged { "exchanged late" } else { "dropped late" });
                self.model.put(id, booking.owner, State::Cancelled { late: true }, dropped);
            }
        }
    }

    fn book(&mut self, who: usize, owner: usize, lines: &[Ask], hold: Option<((Held, HoldRef), bool)>) {
        let expected = self.model.book(who, owner, lines, hold.as_ref().map(|((held, _), stale)| (held, *stale)));
        let booking = BookingId(self.id());
        let action = Action::Book {
            booking,
            owner: self.people[owner],
            lines: self.lines(lines),
            details: Details::default(),
            hold: hold.as_ref().map(|((_, named), _)| *named),
        };
        let taken = self.taken(lines);
        let without = hold.as_ref().map(|((held, _), _)| held.named.id);
        let (_, beside) = self.model.room(&taken, Some(who), without, &self.model.kept());
        let (accepted, verdict) = self.compared(&expected, who, action, &taken);
        if accepted {
            let rules = || lines.iter().map(|l| self.model.rules(l.resource)).filter(|r| r.approval);
            let pending = State::Pending { takes: rules().all(|r| r.pending_takes) };
            let state = if who != ADMIN && rules().next().is_some() { pending } else { State::Confirmed };
            let found = self.world.bookings[&booking].state.clone();
            assert_eq!(found.takes_units(), state.has(), "pending, or not");
            self.given_back(owner, lines);
            if taken.iter().any(|l| l.ask.resource != lines[0].resource) {
                self.count("bundle booked");
            }
            if lines.iter().any(|l| self.model.now >= l.from * 60 + 3600) {
                self.count("booked while it runs");
            }
            if lines.iter().any(|l| !self.model.rules(l.resource).linked.is_empty()) {
                self.count("linked together");
            }
            self.given_up(&verdict, who, &taken, beside, without);
            if let Some(id) = without {
                self.end(id);
            }
            self.has(owner, &taken);
            self.model.put(booking, owner, state, taken);
        } else if expected == Expected::Rejected(Code::QuotaExceeded) {
            self.kept_from(owner, lines);
            let credits = |l: &Ask| self.model.rules(l.resource).quota.is_some_and(|limit| limit.credits);
            if lines.iter().all(credits) {
                self.count("too many credits");
            }
        }
        if !accepted
            && let Some(((held, _), false)) = hold
            && held.holder == who
            && self.model.live(&held)
        {
            // A refused confirm lets its hold go.
            self.end(held.named.id);
        }
    }

    /// Counts what was had under a quota because something else counts no more, or by an allowance.
    fn given_back(&mut self, owner: usize, lines: &[Ask]) {
        let gone =
            [("a cancel gave back", State::Cancelled { late: false }), ("a displacement gave back", State::Displaced)];
        for (name, state) in gone {
            let over = |l: &Ask| {
                if self.model.rules(l.resource).quota.is_some_and(|limit| limit.credits) {
                    return false;
                }
                let with = self.model.counted(owner, l, |b| b.state == state) + u64::from(l.units);
                self.model.most(owner, l).is_some_and(|most| with > most)
            };
            if lines.iter().any(over) {
                self.count(name);
            }
        }
        let mut without = self.model.clone();
        without.setting.allowances.clear();
        if without.too_many(owner, lines, &[]) {
            self.count("a higher allowance");
        }
    }

    /// Counts what was refused under a quota for what is not had any more, or by an allowance.
    fn kept_from(&mut self, owner: usize, lines: &[Ask]) {
        for (name, state) in
            [("a no-show counts", State::NoShow), ("a late cancel counts", State::Cancelled { late: true })]
        {
            let mut without = self.model.clone();
            without.bookings.retain(|b| b.state != state);
            if !without.too_many(owner, lines, &[]) && self.model.too_many(owner, lines, &[]) {
                self.count(name);
            }
        }
        let mut without = self.model.clone();
        without.setting.allowances.clear();
        if !without.too_many(owner, lines, &[]) && self.model.too_many(owner, lines, &[]) {
            self.count("a lower allowance");
        }
    }

    fn hold(&mut self, who: usize, ask: Ask) {
        let expected = self.model.hold(who, ask);
        let line = self.model.taken(ask);
        let (_, beside) = self.model.room(&[line], Some(who), None, &self.model.kept());
        let id = HoldId(self.id());
        let action = Action::Hold { hold: id, line: self.line(ask) };
        let (accepted, verdict) = self.compared(&expected, who, action, &[line]);
        if accepted {
            self.given_up(&verdict, who, &[line], beside, None);
            let granted = changes(&verdict).find_map(granted).unwrap();
            let until = self.model.now + self.model.rules(ask.resource).ttl;
            assert_eq!(granted.expires_at, self.at(until), "granted until another instant");
            let fresh =
                self.model.holds.iter().all(|h| h.ask.resource != ask.resource || h.named.token != granted.token);
            assert!(fresh, "a token is never used twice");
            let named = HoldRef { id, token: granted.token };
            let (granted, renewals) = (self.model.now, 0);
            self.model.holds.push(Held { named, holder: who, line, ask, granted, until, renewals, ended: false });
        }
    }

    /// Own holds were given up only where they stood in the way, and then they were.
    fn given_up(&mut self, verdict: &Verdict, who: usize, lines: &[Taken], beside: bool, consumed: Option<HoldId>) {
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

    fn end(&mut self, id: HoldId) {
        self.model.holds.iter_mut().find(|h| h.named.id == id).unwrap().ended = true;
    }

    /// Holds the domain's answer against what is expected; whether it accepted.
    fn compare(&mut self, expected: &Expected, verdict: &Verdict, before: &World, who: usize, asked: &[Taken]) -> bool {
        match (expected, verdict) {
            (Expected::Accepted, Verdict::Accepted(..)) => {
                self.count("accepted");
                return true;
            }
            (Expected::Rejected(code), Verdict::Rejected(rejection, _)) => {
                assert_eq!(*code, rejection.code, "refused for another reason: {rejection:?}");
            }
            (Expected::NoWay, Verdict::Rejected(rejection, _)) => {
                assert!(
                    matches!(rejection.code, Code::Full | Code::Insufficient),
                    "{rejection:?}, but there is no room"
                );
                self.count("no way");
            }
            (Expected::NoRoom(codes), Verdict::Rejected(rejection, _)) => {
                assert!(codes.contains(&rejection.code), "{rejection:?}, but what is true is {codes:?}");
                // One line is judged over all its minutes: bookings alone are told before holds, nothing before too little.
                let by_bookings = codes.iter().filter(|c| **c != Code::HeldByOther).min();
                if let [_] = asked {
                    assert_eq!(rejection.code, *by_bookings.unwrap_or(&Code::HeldByOther), "of {codes:?}");
                }
                self.witness(rejection, before, who, asked);
            }
            (Expected::Moved(None), Verdict::Moved(Ground::PolicyVersion { .. } | Ground::Revision { .. })) => {
                self.count("version_stale");
            }
            (Expected::Moved(Some(gone)), Verdict::Moved(Ground::Displaced { theirs, .. })) => {
                assert_eq!(*gone, theirs.iter().map(|b| b.id).collect(), "who would be displaced");
                self.count("others would go");
            }
            _ => panic!("expected {expected:?}, said {verdict:?}"),
        }
        if let Verdict::Rejected(rejection, _) = verdict {
            self.count(rejection.code.name());
            if let Some(rule) = rejection.rule {
                self.count(rule.name());
            }
        }
        false
    }

    /// What a refusal names stood there, at a minute where there is no room.
    fn witness(&self, rejection: &Rejection, before: &World, who: usize, asked: &[Taken]) {
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
                assert_eq!(expires_at, self.at(hold.until));
            }
            (Code::Full | Code::Insufficient, Some(Witness::Booking { id, owner, .. })) => {
                let booking = self.model.bookings.iter().find(|b| b.id == id).unwrap();
                assert!(booking.state.has() || booking.state == State::NoShow, "{booking:?} takes nothing");
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
                let capacity = self.model.rules(resource).capacity.unwrap_or(u32::MAX);
                assert!(asked.len() > 1 || asked[0].ask.units > capacity, "no witness");
            }
            other => panic!("no witness of {other:?}"),
        }
    }

    /// Both sides know the same bookings, at every minute both take the same, and badges say what is left.
    pub fn usage(&self) {
        for ours in &self.model.bookings {
            let theirs = &self.world.bookings[&ours.id];
            let state = match ours.state {
                State::Pending { .. } => "pending",
                State::Confirmed => "confirmed",
                State::CheckedIn => "checked_in",
                State::NoShow => "no_show",
                State::Cancelled { .. } => "cancelled",
                State::Displaced => "displaced",
            };
            let late = matches!(theirs.state, BookingState::Cancelled { late: true, .. });
            let told = (theirs.state.name(), late, theirs.owner, theirs.revision);
            let known = ours.state == State::Cancelled { late: true };
            assert_eq!(told, (state, known, self.people[ours.owner], ours.revision), "{ours:?}");
        }
        for (n, id) in self.resources.iter().enumerate() {
            let calendar = &self.world.calendars[id];
            let minutes = self.model.minutes(n, Some(0), None);
            let expired: Vec<&Hold> = calendar.holds.values().filter(|h| h.expired(self.now())).collect();
            for (minute, expected) in minutes.iter().enumerate() {
                let at = self.at(minute as i64 * 60);
                let level = calendar.levels.at(at);
                let idle: u64 = expired.iter().filter(|h| h.occupied.contains(at)).map(|h| u64::from(h.units)).sum();
                assert_eq!((level.booked, level.held - idle), (expected.booked, expected.held), "at minute {minute}");
            }
            let rules = self.model.rules(n);
            let seen = (10 - rules.setup) as usize..(100 + rules.teardown) as usize;
            let fullest = minutes[seen].iter().map(|m| m.booked + m.held - m.own).max().unwrap_or(0);
            let left = decide::free_units(calendar, self.interval(10, 100), Some(self.people[0]), self.now());
            // Who they are is not asked when units are shown: what is owed then is at least what is owed to those who may have it.
            if !calendar.waiting.is_empty() {
                continue;
            }
            assert_eq!(left.map(u64::from), rules.capacity.map(|c| u64::from(c).saturating_sub(fullest)), "left");
        }
    }
}

fn changes(verdict: &Verdict) -> impl Iterator<Item = &Change> {
    let changes = match verdict {
        Verdict::Accepted(changes, _) | Verdict::Rejected(_, changes) => Some(changes),
        Verdict::Moved(_) | Verdict::Needs(_) => None,
    };
    changes.into_iter().flat_map(|c| &c.records).flat_map(|(_, record)| record)
}

fn granted(change: &Change) -> Option<Hold> {
    match change {
        Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some(*hold),
        _ => None,
    }
}

/// What a change is called in the tally.
fn effect(change: &Change) -> &'static str {
    match change {
        Change::ResourceCreated(_) => "ResourceCreated",
        Change::ResourceEdited(_) => "ResourceEdited",
        Change::BlockAdded { .. } => "BlockAdded",
        Change::BlockRemoved { .. } => "BlockRemoved",
        Change::BookingMade { .. } => "BookingMade",
        Change::BookingApproved { .. } => "BookingApproved",
        Change::BookingCancelled { .. } => "BookingCancelled",
        Change::BookingMoved { .. } => "BookingMoved",
        Change::BookingEdited { .. } => "BookingEdited",
        Change::HoldGranted(_) => "HoldGranted",
        Change::HoldRenewed(_) => "HoldRenewed",
        Change::HoldEnded(ended) => match ended.end {
            HoldEnd::Expired => "hold expired",
            HoldEnd::Released => "hold released",
            HoldEnd::Consumed => "hold consumed",
            HoldEnd::Superseded => "hold given up",
            HoldEnd::Voided => "hold voided",
        },
        Change::WaitJoined(_) => "WaitJoined",
        Change::WaitOffered(_) => "WaitOffered",
        Change::WaitResumed(_) => "WaitResumed",
        Change::WaitMoved(_) => "WaitMoved",
        Change::WaitEnded(ended) => match ended.end {
            EntryEnd::Promoted { .. } => "wait promoted",
            EntryEnd::Left => "wait left",
            EntryEnd::Lapsed => "wait lapsed",
            EntryEnd::Voided => "wait voided",
            EntryEnd::Told => "told that it is free",
        },
        Change::WaitDue(_) => "WaitDue",
        Change::Reminded { .. } => "Reminded",
        Change::BookingRequested { .. } => "BookingRequested",
        Change::RequestApproved { .. } => "RequestApproved",
        Change::BookingCheckedIn { .. } => "BookingCheckedIn",
        Change::BookingNoShow { .. } => "BookingNoShow",
        Change::BookingDisplaced { .. } => "BookingDisplaced",
        Change::BookingHandedOver { .. } => "BookingHandedOver",
        Change::BookingOverrode { .. } => "BookingOverrode",
        Change::Reasoned { .. } => "Reasoned",
        Change::HoldOverrode { .. } => "HoldOverrode",
        Change::CapacitySet { .. } => "CapacitySet",
        Change::ServiceSet { .. } => "ServiceSet",
        Change::OverCommitLowered { .. } => "OverCommitLowered",
    }
}
