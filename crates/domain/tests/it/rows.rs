//! The one helper of the tables: rows in the domain's words, each with what must be said of it.
//! It judges nothing itself. Between rows the world is folded, and what must always hold is checked.
//!
//! ```text
//! room room-1 capacity 2 setup 15m cancel-by 24h open mon-fri 08:00-18:00
//! at 09:00
//! book room-1 10:00-11:00 x2 + room-2 10:00-12:00 by ann as a -> BOOKED
//! hold room-1 10:00-11:00 by bob as h                         -> REJECTED full (ann 10:00-11:00)
//! ```
//!
//! Times are civil, on the day of the table (Monday 2026-03-02, UTC, until `day 2026-03-29 Europe/Berlin` says otherwise);
//! what names a date or an offset is read as it is. Ended holds are told after a semicolon: `BOOKED; h consumed`.

use jiff::civil;
use slotwise_domain::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// Each table becomes a test of its name, and all of them are data for `codes`.
macro_rules! tables {
    ($($name:ident: $rows:expr;)*) => {
        pub const TABLES: &[(&str, &str)] = &[$((stringify!($name), $rows)),*];
        $(#[test] fn $name() { crate::rows::check($rows) })*
    };
}
pub(crate) use tables;

/// Checks every row of a table, in order, in one world.
pub fn check(rows: &str) {
    let mut desk = Desk::new();
    for (n, row) in rows.lines().enumerate() {
        let row = row.split('#').next().unwrap_or_default().trim();
        if row.is_empty() {
            continue;
        }
        let (asked, expected) = match row.split_once("->") {
            Some((asked, expected)) => (asked.trim(), Some(expected.trim())),
            None => (row, None),
        };
        let (times, asked) = repeated(asked);
        for _ in 0..times {
            let said = desk.row(asked);
            let expected = expected.unwrap_or("");
            assert!(said == expected, "row {}: {asked}\n  expected: {expected}\n      said: {said}\nin\n{rows}", n + 1);
        }
    }
}

fn repeated(row: &str) -> (usize, &str) {
    match row.strip_prefix("repeat ").and_then(|rest| rest.split_once(' ')) {
        Some((n, rest)) => (n.parse().unwrap(), rest),
        None => (1, row),
    }
}

struct Desk {
    world: World,
    now: Instant,
    day: civil::Date,
    zone: Zone,
    names: BTreeMap<String, Uuid>,
    called: BTreeMap<Uuid, String>,
    holds: BTreeMap<String, (HoldRef, Line)>,
    ids: u128,
}

/// What is left of a row, word by word.
struct Words<'r>(std::iter::Peekable<std::str::SplitWhitespace<'r>>);

impl<'r> Words<'r> {
    fn of(row: &'r str) -> Words<'r> {
        Words(row.split_whitespace().peekable())
    }
    fn next(&mut self) -> &'r str {
        self.0.next().expect("the row ends too early")
    }
    fn peek(&mut self) -> Option<&'r str> {
        self.0.peek().copied()
    }
    /// Passes the word if it comes next.
    fn has(&mut self, word: &str) -> bool {
        self.0.next_if(|w| *w == word).is_some()
    }
    /// The word after this one, if this one comes next.
    fn after(&mut self, word: &str) -> Option<&'r str> {
        self.has(word).then(|| self.next())
    }
    fn number(&mut self) -> u32 {
        let word = self.next();
        word.parse().unwrap_or_else(|_| panic!("{word} is no number"))
    }
    fn end(&mut self) {
        assert_eq!(self.peek(), None, "the row says more than is understood");
    }
}

impl Desk {
    fn new() -> Desk {
        let mut desk = Desk {
            world: World::empty(Epoch(1)),
            now: Instant(0),
            day: civil::date(2026, 3, 2),
            zone: Zone::utc(),
            names: BTreeMap::new(),
            called: BTreeMap::new(),
            holds: BTreeMap::new(),
            ids: 0,
        };
        desk.now = desk.instant("08:00");
        for (name, role) in [("ann", Role::Member), ("bob", Role::Member), ("cat", Role::Member), ("root", Role::Admin)]
        {
            desk.meet(name, role);
        }
        desk
    }

    fn meet(&mut self, name: &str, role: Role) -> PersonId {
        let id = PersonId(self.named(name));
        self.world.roles.insert(id, role);
        self.world.people.insert(id, Person::default());
        self.world.loaded.people.insert(id);
        self.world.counted.insert(id, Counted::default());
        self.world.loaded.counted.insert(id);
        self.world.loaded.facts.insert(id);
        id
    }

    /// Does one row, and says what is said of it.
    fn row(&mut self, row: &str) -> String {
        let mut words = Words::of(row);
        match words.next() {
            "day" => {
                self.day = words.next().parse().unwrap();
                self.zone = Zone::named(words.next()).unwrap();
                String::new()
            }
            "auditor" => {
                self.meet(words.next(), Role::Auditor);
                String::new()
            }
            "manager" => {
                let id = self.meet(words.next(), Role::Manager);
                let managed = words.after("of").map(|name| ResourceId(self.named(name)));
                self.world.manages.insert(id, Arc::new(managed.into_iter().collect()));
                String::new()
            }
            "at" => {
                self.now = self.instant(words.next());
                String::new()
            }
            "restore" => {
                self.world.epoch = Epoch(self.world.epoch.0 + 1);
                String::new()
            }
            "suspend" => {
                let person = PersonId(self.named(words.next()));
                self.world.roles.remove(&person);
                String::new()
            }
            "room" => self.create(Kind::Room, &mut words),
            "section" => self.create(Kind::Section, &mut words),
            "group" => {
                let group = self.resource(words.peek().unwrap());
                self.world.members.entry(group).or_default();
                self.world.loaded.members.insert(group);
                self.create(Kind::Group, &mut words)
            }
            "facts" => {
                let person = PersonId(self.named(words.next()));
                let mut facts = Facts::default();
                while words.peek().is_some() {
                    match words.after("allows") {
                        Some(of) => drop(facts.allowances.insert(self.resource(of), words.number())),
                        None => drop(facts.tags.insert(words.next().into())),
                    }
                }
                facts.check().unwrap();
                self.world.facts.insert(person, Arc::new(facts));
                String::new()
            }
            "policy" => {
                let resource = self.resource(words.next());
                let resource = &self.world.calendars[&resource].resource;
                format!("version {}{}", resource.policy_version, self.policy_text(&resource.spec.policy))
            }
            "due" => {
                let resource = self.resource(words.next());
                let due = self.world.calendars[&resource].wait_due;
                due.map_or("never".into(), |at| self.time(at))
            }
            "owed" => {
                let (resource, interval) = (self.resource(words.next()), self.interval(words.next()));
                decide::owed_units(&self.world.calendars[&resource], interval, self.now).to_string()
            }
            "left" => {
                let (resource, interval) = (self.resource(words.next()), self.interval(words.next()));
                let asker = words.after("by").map(|who| PersonId(self.named(who)));
                let calendar = &self.world.calendars[&resource];
                let left = decide::free_units(calendar, interval, asker, self.now);
                left.map_or("unlimited".into(), |n| n.to_string())
            }
            verb => {
                let (command, name) = self.command(verb, &mut words);
                words.end();
                self.submit(command, name)
            }
        }
    }

    fn create(&mut self, kind: Kind, words: &mut Words) -> String {
        let name = words.next();
        let resource = ResourceId(self.named(name));
        let interval = (kind == Kind::Section).then(|| self.interval(words.next()));
        let mut spec = ResourceSpec {
            kind,
            name: name.into(),
            building: None,
            seats: None,
            equipment: Vec::new(),
            zone: self.zone.clone(),
            capacity: (kind != Kind::Group).then_some(1),
            interval,
            policy: Policy::default(),
            group: None,
            linked: Vec::new(),
            course: None,
        };
        let mut actor = Actor::System;
        let mut own = BTreeSet::new();
        while let Some(word) = words.peek() {
            if word == "by" {
                words.next();
                actor = self.actor(words.next());
            } else {
                own.extend(self.option(&mut spec, words));
            }
        }
        if let Some(grouped) = &mut spec.group {
            grouped.own = own;
        }
        let spec = Box::new(spec.checked().unwrap());
        let action = Action::CreateResource { resource, spec };
        let said = self.submit(Command { actor, action, seen: None, reason: None }, None);
        if said == "ACCEPTED" { String::new() } else { said }
    }

    /// A section of a course that meets so: `mo,we/10:00-10:50` and, if not all through 2026, `/first/last`; or `never`.
    fn course(&self, meets: &str) -> Course {
        let meeting = |meets: &str| {
            let mut parts = meets.split('/');
            let day = |name: &str| match name {
                "mo" => civil::Weekday::Monday,
                "tu" => civil::Weekday::Tuesday,
                "we" => civil::Weekday::Wednesday,
                "th" => civil::Weekday::Thursday,
                "fr" => civil::Weekday::Friday,
                other => panic!("{other} is no day that is used here"),
            };
            let days = parts.next().unwrap().split(',').map(day).collect();
            let minute = |text: &str| {
                let (hours, minutes) = text.split_once(':').unwrap();
                hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
            };
            let (from, to) = parts.next().unwrap().split_once('-').unwrap();
            let hours = OpeningHours { days, from_min: minute(from), to_min: minute(to) };
            let mut date = |or| parts.next().map_or(or, |date| date.parse().unwrap());
            Meeting { hours, first: date(civil::date(2026, 1, 1)), last: date(civil::date(2026, 12, 31)), place: None }
        };
        Course {
            subject: "MATH".into(),
            number: "20B".into(),
            title: "Calculus".into(),
            section: "001".into(),
            part: None,
            credits: None,
            instructor: None,
            meetings: if meets == "never" { Vec::new() } else { meets.split('+').map(meeting).collect() },
        }
    }

    /// What of the rules a resource says in a row, besides what they are by default.
    fn policy_text(&self, policy: &Policy) -> String {
        let mut says = String::new();
        if policy.closed {
            says += " closed";
        }
        if let Some(Cutoff::Elapsed(before)) = policy.book_by {
            says += &format!(" book-by {}m", before.whole_seconds() / 60);
        }
        if policy.pending_takes {
            says += " pending-takes";
        }
        if let Some(Cutoff::Elapsed(before)) = policy.late_cancel_from {
            says += &format!(" late-cancel-from {}m", before.whole_seconds() / 60);
        }
        if let Some(CheckIn { opens, closes }) = policy.check_in {
            says += &format!(" check-in {}m {}m", opens.whole_seconds() / 60, closes.whole_seconds() / 60);
        }
        if let Some(quota) = policy.quota {
            says += &format!(" quota {}", quota.most);
        }
        says
    }

    /// Reads one option; says which rule it is, if it is one.
    fn option(&self, spec: &mut ResourceSpec, words: &mut Words) -> Option<PolicyField> {
        let policy = &mut spec.policy;
        let word = words.next();
        match word {
            "in" => {
                let id = ResourceId(self.names.get(words.next()).copied().unwrap_or(Uuid::from_u128(u128::MAX)));
                spec.group = Some(Grouped { id, own: BTreeSet::new() });
            }
            "alone" => spec.group = None,
            "with-one-of" => {
                let list = words.next().split(',').map(|name| ResourceId(self.names[name])).collect();
                spec.linked.push(list);
            }
            "quota" => {
                let mut parts = words.next().split('/');
                let most = parts.next().unwrap().parse().unwrap();
                let period = match parts.next().unwrap() {
                    "day" => Period::Day,
                    "week" => Period::Week,
                    "month" => Period::Month,
                    "all" => Period::All,
                    other => panic!("{other} is no period"),
                };
                let scope = if parts.next() == Some("group") { QuotaScope::Group } else { QuotaScope::Resource };
                policy.quota = Some(Quota { most, counts: Measure::Units, period, scope });
            }
            // A limit of credits, exact to hundredths: of a term, of all time.
            "credits" => {
                let most = hundredths(words.next());
                let (counts, period, scope) = (Measure::Credits, Period::All, QuotaScope::Group);
                policy.quota = Some(Quota { most, counts, period, scope });
            }
            "worth" => policy.credits = Some(hundredths(words.next()) as u16),
            "of-credits" => {
                let mut course = Course::clone(&self.course("never"));
                course.credits = Some(hundredths(words.next()) as u16);
                spec.course = Some(Arc::new(course));
            }
            "no-quota" => policy.quota = None,
            "needs" | "either" | "bars" => {
                let tags = words.next().split(',').map(str::to_owned).collect();
                policy.eligibility.push(match word {
                    "needs" => Requirement { all: tags, ..Requirement::default() },
                    "either" => Requirement { any: tags, ..Requirement::default() },
                    _ => Requirement { none: tags, ..Requirement::default() },
                });
            }
            "capacity" => spec.capacity = if words.has("unlimited") { None } else { Some(words.number()) },
            "seats" => spec.seats = Some(words.number()),
            "called" => spec.name = words.next().into(),
            "zone" => spec.zone = Zone::named(words.next()).unwrap(),
            "interval" => spec.interval = Some(self.interval(words.next())),
            "setup" => policy.setup = span(words.next()),
            "teardown" => policy.teardown = span(words.next()),
            "ttl" => policy.hold_ttl = span(words.next()),
            "no-holds" => policy.hold_at = HoldAt::None,
            "hold-at-claim" => policy.hold_at = HoldAt::Claim,
            "closed" => policy.closed = true,
            "in-service" => policy.closed = false,
            "approval" => policy.approval = true,
            "meets" => spec.course = Some(Arc::new(self.course(words.next()))),
            "no-two-at-once" => policy.own_overlap = OwnOverlap::Refuse,
            "waitlist" => {
                let mode = match words.next() {
                    "book" => WaitMode::Book,
                    "offer" => WaitMode::Offer { ttl: span(words.next()) },
                    other => panic!("{other} is no way to have one's turn"),
                };
                policy.waitlist = Some(Waitlist { mode, fill: WaitFill::Skip, capacity: None });
            }
            "strict" => policy.waitlist.as_mut().unwrap().fill = WaitFill::Strict,
            "may-wait" => policy.waitlist.as_mut().unwrap().capacity = Some(words.number()),
            "no-waitlist" => policy.waitlist = None,
            "longest" => policy.duration_max = Some(span(words.next())),
            "book-from" => policy.book_from = Some(cutoff(words.next())),
            "book-by" => policy.book_by = Some(cutoff(words.next())),
            "change-by" => policy.change_by = Some(cutoff(words.next())),
            "cancel-by" => policy.cancel_by = Some(cutoff(words.next())),
            "late-cancel-from" => policy.late_cancel_from = Some(cutoff(words.next())),
            "pending-takes" => policy.pending_takes = true,
            "check-in" => {
                let (opens, closes) = (span(words.next()), span(words.next()));
                policy.check_in = Some(CheckIn { opens, closes });
            }
            "remind" => policy.remind_before = Some(span(words.next())),
            "open" => {
                let days = weekdays(words.next());
                let (from, to) = words.next().split_once('-').unwrap();
                policy.opening_hours.push(OpeningHours { days, from_min: minute(from), to_min: minute(to) });
            }
            other => panic!("{other} is no option of a resource"),
        }
        Some(match word {
            "closed" | "in-service" => PolicyField::Closed,
            "no-two-at-once" => PolicyField::OwnOverlap,
            "approval" => PolicyField::Approval,
            "book-from" => PolicyField::BookFrom,
            "book-by" => PolicyField::BookBy,
            "change-by" => PolicyField::ChangeBy,
            "cancel-by" => PolicyField::CancelBy,
            "remind" => PolicyField::RemindBefore,
            "quota" | "no-quota" | "credits" => PolicyField::Quota,
            "worth" => PolicyField::Credits,
            "needs" | "either" | "bars" => PolicyField::Eligibility,
            "waitlist" | "no-waitlist" => PolicyField::Waitlist,
            "pending-takes" => PolicyField::PendingTakes,
            "late-cancel-from" => PolicyField::LateCancelFrom,
            "check-in" => PolicyField::CheckIn,
            _ => return None,
        })
    }

    /// What is asked, and the name of what it makes.
    fn command(&mut self, verb: &str, words: &mut Words) -> (Command, Option<String>) {
        let mut name = None;
        let (actor, action) = match verb {
            "book" => {
                let lines = self.lines(words);
                let (actor, owner) = self.who(words);
                let hold = words.after("with").map(|h| self.hold_ref(h));
                let people = words.has("people").then(|| words.number());
                name = words.after("as").map(str::to_owned);
                let booking = BookingId(self.fresh());
                let details = Details { people, ..Details::default() };
                (actor, Action::Book { booking, owner, lines, details, hold })
            }
            "confirm" => {
                let h = words.next();
                let (_, line) = self.holds[h];
                let (actor, owner) = self.who(words);
                let hold = self.token(h, words);
                name = words.after("as").map(str::to_owned);
                let booking = BookingId(self.fresh());
                let details = Details::default();
                (actor, Action::Book { booking, owner, lines: vec![line], details, hold: Some(hold) })
            }
            "hold" => {
                let lines = self.lines(words);
                let (actor, _) = self.who(words);
                let given = words.after("as").unwrap_or("h").to_owned();
                let hold = HoldId(self.fresh());
                let action = Action::Hold { hold, line: lines[0] };
                name = Some(given);
                (actor, action)
            }
            "renew" | "release" => {
                let h = words.next();
                let (actor, _) = self.who(words);
                let hold = self.token(h, words);
                (actor, if verb == "renew" { Action::Renew(hold) } else { Action::Release(hold) })
            }
            "approve" => {
                let booking = BookingId(self.named(words.next()));
                (self.who(words).0, Action::Approve { booking })
            }
            "cancel" => {
                let booking = BookingId(self.named(words.next()));
                let actor = self.who(words).0;
                (actor, Action::Cancel { booking, reason: reason(words) })
            }
            "override" => {
                let verb = words.next();
                let (Command { actor, action, .. }, given) = self.command(verb, words);
                name = given;
                let displaces = if words.has("displacing") { self.preview(words) } else { Vec::new() };
                let action = Box::new(action);
                (actor, Action::Override { action, reason: reason(words).unwrap_or_default(), displaces })
            }
            "check-in" => {
                let booking = BookingId(self.named(words.next()));
                (self.who(words).0, Action::CheckIn { booking })
            }
            "no-show" => {
                let booking = BookingId(self.named(words.next()));
                (self.who(words).0, Action::ReleaseNoShow { booking })
            }
            "decline" => {
                let id = BookingId(self.named(words.next()));
                let actor = self.who(words).0;
                let revision = words.has("seen").then(|| u64::from(words.number()));
                let reason = reason(words).unwrap_or_default();
                (actor, Action::Decline { booking: BookingRef { id, revision }, reason })
            }
            "hand" => {
                let id = BookingId(self.named(words.next()));
                assert!(words.has("to"), "a row says to whom");
                let to = PersonId(self.named(words.next()));
                let actor = self.who(words).0;
                let revision = words.has("seen").then(|| u64::from(words.number()));
                let reason = reason(words).unwrap_or_default();
                (actor, Action::HandOver { booking: BookingRef { id, revision }, to, reason })
            }
            "capacity" => {
                let resource = self.resource(words.next());
                assert!(words.has("to"), "a row says how many");
                let to = if words.has("unlimited") { None } else { Some(words.number()) };
                let actor = self.who(words).0;
                let seen = words.has("seen").then(|| u64::from(words.number()));
                let policy_version = seen.unwrap_or_else(|| self.policy_version(resource));
                let below = match words.peek() {
                    Some("over-committing") => Below::OverCommit,
                    Some("displacing") => Below::DisplaceNewest(Vec::new()),
                    Some("displacing-named") => Below::DisplaceNamed(Vec::new()),
                    _ => Below::Refuse,
                };
                let below = match below {
                    Below::Refuse => Below::Refuse,
                    other => {
                        words.next();
                        match other {
                            Below::DisplaceNewest(_) => Below::DisplaceNewest(self.preview(words)),
                            Below::DisplaceNamed(_) => Below::DisplaceNamed(self.preview(words)),
                            other => other,
                        }
                    }
                };
                let seen_used = words.has("used").then(|| words.number());
                let reason = reason(words);
                (actor, Action::SetCapacity { resource, policy_version, to, seen_used, below, reason })
            }
            "close" | "reopen" => {
                let resource = self.resource(words.next());
                let actor = self.who(words).0;
                let seen = words.has("seen").then(|| u64::from(words.number()));
                let policy_version = seen.unwrap_or_else(|| self.policy_version(resource));
                let service = if verb == "close" { Service::Closed } else { Service::Open };
                let reason = reason(words).unwrap_or_default();
                (actor, Action::SetService { resource, policy_version, service, reason })
            }
            "move" => {
                let booking = BookingId(self.named(words.next()));
                assert!(words.has("to"), "a row says where to");
                let to = self.lines(words);
                let actor = self.who(words).0;
                let revision = words.has("seen").then(|| u64::from(words.number()));
                (actor, Action::Move { booking: BookingRef { id: booking, revision }, to })
            }
            "swap" => {
                let one = BookingId(self.named(words.next()));
                assert!(words.has("with"), "a row says with which");
                let other = BookingId(self.named(words.next()));
                let actor = self.who(words).0;
                let mut revision = || words.has("seen").then(|| u64::from(words.number()));
                let [one, other] = [one, other].map(|id| BookingRef { id, revision: revision() });
                (actor, Action::Swap { one, other })
            }
            "change" => {
                let booking = BookingId(self.named(words.next()));
                let actor = self.who(words).0;
                let seen = words.has("seen").then(|| u64::from(words.number()));
                let people = words.has("people").then(|| Some(words.number()));
                let revision = seen.unwrap_or_else(|| self.world.bookings.get(&booking).map_or(1, |b| b.revision));
                let patch = DetailsPatch { people, ..DetailsPatch::default() };
                (actor, Action::EditBooking { booking, revision, patch })
            }
            "edit" => {
                let resource = self.resource(words.next());
                let actor = self.who(words).0;
                let seen = words.has("seen").then(|| u64::from(words.number()));
                let policy_version = seen.unwrap_or_else(|| self.policy_version(resource));
                let patch = Box::new(self.patch(resource, words));
                (actor, Action::EditResource { resource, policy_version, patch })
            }
            "block" => {
                let (resource, interval) = (self.resource(words.next()), self.interval(words.next()));
                let actor = self.who(words).0;
                let seen = words.has("seen").then(|| u64::from(words.number()));
                let policy_version = seen.unwrap_or_else(|| self.policy_version(resource));
                let over_holds = if words.has("voiding") { OverHolds::Void } else { OverHolds::Refuse };
                let over_bookings = match words.has("displacing") {
                    true => OverBookings::Displace(self.preview(words)),
                    false => OverBookings::Refuse,
                };
                let (mut people, mut bookings) = (Vec::new(), Vec::new());
                for name in words.after("except").into_iter().flat_map(|names| names.split(',')) {
                    match name.len() {
                        1 => bookings.push(BookingId(self.named(name))),
                        _ => people.push(PersonId(self.named(name))),
                    }
                }
                let exceptions = Exceptions::of(people, bookings);
                name = words.after("as").map(str::to_owned);
                let block = BlockId(self.fresh());
                let reason = reason(words).unwrap_or_default();
                (
                    actor,
                    Action::AddBlock {
                        resource,
                        policy_version,
                        block,
                        interval,
                        reason,
                        over_holds,
                        over_bookings,
                        exceptions,
                    },
                )
            }
            "unblock" => {
                let (resource, block) = (self.resource(words.next()), BlockId(self.named(words.next())));
                let actor = self.who(words).0;
                (actor, Action::RemoveBlock { resource, policy_version: self.policy_version(resource), block })
            }
            "wait" | "watch" => {
                let lines = self.lines(words);
                let (actor, owner) = self.who(words);
                let class = if words.has("class") { words.number() as u8 } else { 0 };
                let gives_up = words.after("giving").map(|b| BookingId(self.named(b)));
                let given = words.after("as").map(str::to_owned);
                // An entry keeps the id of its name, so that it can be asked for twice.
                let entry = given.as_ref().and_then(|n| self.names.get(n)).copied();
                let entry = EntryId(entry.unwrap_or_else(|| self.fresh()));
                name = given;
                let wants = if verb == "watch" { Wants::Word } else { Wants::Units };
                (actor, Action::JoinWaitlist { entry, owner, line: lines[0], class, gives_up, wants })
            }
            "leave" => {
                let entry = EntryId(self.named(words.next()));
                (self.who(words).0, Action::LeaveWaitlist { entry })
            }
            "class" => {
                let entry = EntryId(self.named(words.next()));
                let class = words.number() as u8;
                (self.who(words).0, Action::SetClass { entry, class })
            }
            "expire" => (Actor::System, Action::ExpireHolds { resource: self.resource(words.next()) }),
            other => panic!("{other} is no verb"),
        };
        // Most rows are about something else: whoever acts for others says why, unless the row says that they do not.
        let reason = (!words.has("unsaid")).then(|| "it is so".to_owned());
        (Command { actor, action, seen: None, reason }, name)
    }

    /// Judges, checks what must always hold, folds, and says what became of it.
    fn submit(&mut self, command: Command, name: Option<String>) -> String {
        self.world.loaded.extend(&command.scope());
        let key = AttemptKey { part: PartId::DEFAULT, actor: command.actor.uuid(), key: self.fresh() };
        let proposal = Proposal { key, fingerprint: Fingerprint([0; 32]), command, observed: Vec::new(), hint: None };
        let command = &proposal.command;
        let now = self.world.decided_at(&command.scope(), self.now);
        let verdict = settle(&self.world, &proposal, now);
        let (said, changes) = match verdict {
            Verdict::Accepted(changes, subject) => {
                self.remember(command, subject, &changes, name);
                (self.accepted(command, subject, &changes), changes)
            }
            Verdict::Rejected(rejection, changes) => {
                self.justified(command, &rejection, now);
                (self.rejected(command, &rejection), changes)
            }
            Verdict::Moved(Ground::Displaced { theirs, .. }) => {
                let theirs: Vec<_> = theirs.iter().map(|b| format!("{}@{}", self.name(b.id.0), b.revision)).collect();
                (format!("FAILED version_stale: {}", theirs.join(",")).trim_end().into(), Changes::default())
            }
            Verdict::Moved(_) => ("FAILED version_stale".into(), Changes::default()),
            Verdict::Needs(scope) => panic!("everything is loaded, and it needs {scope:?}"),
        };
        self.learn_offers(&changes);
        self.learn_dropped(&changes);
        let ended = self.ended(command, &changes);
        fold(&mut self.world, &changes, command.actor, now);
        assert!(changes.records.is_sorted_by(|a, b| a.0 < b.0), "records are sorted, one per resource");
        assert!(changes.records.iter().all(|(_, record)| !record.is_empty()), "no record without a change");
        if ended.is_empty() { said } else { format!("{said}; {}", ended.join(", ")) }
    }

    /// Names what was made, so that later rows can speak of it.
    fn remember(&mut self, command: &Command, subject: Subject, changes: &Changes, name: Option<String>) {
        let action = match &command.action {
            Action::Override { action, .. } => action,
            action => action,
        };
        match (action, subject) {
            (Action::Book { owner, .. }, Subject::Booking(id)) => {
                let name = name.unwrap_or_else(|| format!("{}'s", self.name(owner.0)));
                self.call(name, id.0);
            }
            (Action::Hold { line, .. }, Subject::Hold(_, id)) => {
                let granted = changes.records.iter().flat_map(|(_, record)| record).find_map(|c| match c {
                    Change::HoldGranted(hold) => Some(hold.token),
                    _ => None,
                });
                let name = name.unwrap();
                self.call(name.clone(), id.0);
                self.holds.insert(name, (HoldRef { id, token: granted.unwrap() }, *line));
            }
            (Action::JoinWaitlist { owner, .. }, Subject::Entry(_, id)) => {
                let name = name.unwrap_or_else(|| format!("{}'s-place", self.name(owner.0)));
                self.call(name, id.0);
            }
            (Action::AddBlock { .. }, Subject::Block(_, id)) => {
                self.call(name.unwrap_or("block".into()), id.0);
            }
            _ => {}
        }
    }

    fn accepted(&self, command: &Command, subject: Subject, changes: &Changes) -> String {
        let until = changes.records.iter().flat_map(|(_, record)| record).find_map(|c| match c {
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => Some(hold.expires_at),
            _ => None,
        });
        let action = match &command.action {
            Action::Override { action, .. } => action,
            action => action,
        };
        match (action, subject) {
            (Action::Book { .. }, Subject::Booking(id)) => {
                let booking = changes.bookings.iter().find(|b| b.id == id).unwrap();
                if booking.state == BookingState::Confirmed { "BOOKED".into() } else { "PENDING".into() }
            }
            (Action::Hold { .. } | Action::Renew(_), _) if until.is_some() => {
                format!("HELD until {}", self.time(until.unwrap()))
            }
            (Action::JoinWaitlist { .. }, Subject::Entry(resource, id)) => {
                // Its place is the world's to say, after it.
                let mut world = self.world.clone();
                world.apply(changes, self.now);
                let place = world.calendars[&resource].place_in_line(id);
                place.map_or("ACCEPTED".into(), |n| format!("WAITS at {n}"))
            }
            _ if changes.is_empty() => "ACCEPTED, nothing changes".into(),
            _ => "ACCEPTED".into(),
        }
    }

    fn rejected(&self, command: &Command, rejection: &Rejection) -> String {
        let mut said = format!("REJECTED {}", rejection.code.name());
        if let Some(rule) = rejection.rule {
            said += &format!(": {}", rule.name());
        }
        if let (Action::Book { lines, .. } | Action::Move { to: lines, .. }, Some(resource)) =
            (&command.action, rejection.resource)
            && lines.iter().any(|l| l.resource != lines[0].resource)
        {
            said += &format!(" on {}", self.name(resource.0));
        }
        match rejection.witness {
            Some(Witness::Booking { owner, interval, .. }) => {
                said += &format!(" ({} {})", self.name(owner.0), self.span_of(interval));
            }
            Some(Witness::Hold { id, interval, .. }) => {
                said += &format!(" ({} {})", self.name(id.0), self.span_of(interval));
            }
            Some(Witness::Block { id, interval }) => {
                said += &format!(" ({} {})", self.name(id.0), self.span_of(interval));
            }
            Some(Witness::Instant(at)) => said += &format!(" ({})", self.time(at)),
            Some(Witness::Quota { of, counted, most, counts, period }) => {
                let within = period.map(|(from, to)| format!(" {}-{}", self.time(from), self.time(to)));
                let said_of = |n: u64| match counts {
                    Measure::Units => n.to_string(),
                    Measure::Credits => (n as f64 / 100.0).to_string(),
                };
                let (counted, most) = (said_of(counted), said_of(most.into()));
                said += &format!(" ({} {counted} of {most}{})", self.name(of.0), within.unwrap_or_default());
            }
            Some(Witness::Requirement { place } | Witness::Linked { place }) => said += &format!(" ({place})"),
            Some(Witness::Waiting { id, place }) => said += &format!(" ({} at {place})", self.name(id.0)),
            None => {}
        }
        if let Some(at) = rejection.retry_at {
            said += &format!(" again {}", self.time(at));
        }
        said
    }

    /// A refusal names what is true at its instant.
    fn justified(&self, command: &Command, rejection: &Rejection, now: Instant) {
        let calendar = rejection.resource.and_then(|id| self.world.calendars.get(&id));
        match rejection.witness {
            Some(Witness::Booking { id, owner, interval }) => {
                let booking = &self.world.bookings[&id];
                let moves = matches!(&command.action, Action::Move { booking, .. } if booking.id == id);
                assert!(!moves, "no booking stands in its own way: {command:?}");
                let stands = |s: &Slot| s.interval == interval && booking.state.takes(s);
                assert!(booking.owner == owner, "{booking:?} is no witness");
                assert!(booking.slots.iter().any(stands), "{booking:?} is not at {interval:?}");
            }
            Some(Witness::Hold { id, holder, interval, expires_at }) => {
                let hold = &calendar.unwrap().holds[&id];
                assert!(hold.holder == holder && hold.interval == interval && hold.expires_at == expires_at);
                assert!(!hold.expired(now), "an expired hold is no witness");
                let own = command.actor.person() == Some(holder);
                assert!(!own, "nobody is refused because of their own hold: {command:?}");
            }
            Some(Witness::Block { id, interval }) => assert_eq!(calendar.unwrap().blocks[&id].interval, interval),
            Some(Witness::Quota { of, counted, most, .. }) => {
                assert!(counted <= u64::from(most) || matches!(command.action, Action::Book { .. }), "{rejection:?}");
                assert_eq!(calendar.unwrap().resource.quota_of(), Some(of));
            }
            Some(Witness::Requirement { place }) => {
                assert!(usize::from(place) < calendar.unwrap().resource.spec.policy.eligibility.len());
            }
            Some(Witness::Linked { place }) => {
                assert!(usize::from(place) < calendar.unwrap().resource.spec.linked.len());
            }
            Some(Witness::Waiting { id, place }) => {
                // Somebody before them may have lapsed only now.
                assert!(calendar.unwrap().place_in_line(id).unwrap() >= place as usize, "they wait there");
            }
            Some(Witness::Instant(_)) | None => {}
        }
    }

    /// Names offers after the entry they are made to.
    fn learn_offers(&mut self, changes: &Changes) {
        for change in changes.records.iter().flat_map(|(_, record)| record) {
            if let Change::HoldGranted(hold) = change
                && let Some(entry) = hold.offer
            {
                let name = format!("{}-offer", self.name(entry.0));
                self.call(name.clone(), hold.id.0);
                let line = Line { resource: hold.resource, interval: Some(hold.interval), units: hold.units };
                self.holds.insert(name, (HoldRef { id: hold.id, token: hold.token }, line));
            }
        }
    }

    /// Names what was dropped late after the booking that it was of.
    fn learn_dropped(&mut self, changes: &Changes) {
        for of in changes.bookings.iter().filter_map(|b| self.world.bookings.get(&b.id)).cloned().collect::<Vec<_>>() {
            let dropped = changes.bookings.iter().find(|b| b.id == of.dropped_as(b.decided_at)).map(|b| b.id.0);
            if let Some(id) = dropped {
                let name = format!("{}-dropped", self.name(of.id.0));
                self.call(name, id);
            }
        }
    }

    /// What became of holds, of those who wait, and of what they gave up, in order.
    fn ended(&self, command: &Command, changes_of: &Changes) -> Vec<String> {
        let changes = changes_of.records.iter().flat_map(|(_, record)| record);
        let how = |end| match end {
            HoldEnd::Expired => "expired",
            HoldEnd::Released => "released",
            HoldEnd::Consumed => "consumed",
            HoldEnd::Superseded => "superseded",
            HoldEnd::Voided => "voided",
        };
        let told = changes.filter_map(|change| match change {
            Change::HoldEnded(e) => Some(format!("{} {}", self.name(e.hold.id.0), how(e.end))),
            Change::HoldGranted(Hold { offer: Some(entry), expires_at, .. }) => {
                Some(format!("{} offered until {}", self.name(entry.0), self.time(*expires_at)))
            }
            Change::WaitResumed(entry) => Some(format!("{} waits again", self.name(entry.id.0))),
            Change::WaitEnded(e) => Some(format!("{} {}", self.name(e.entry.id.0), e.end.name())),
            Change::Reminded { booking, cutoff, .. } => {
                Some(format!("{} reminded of {}", self.name(booking.0), self.time(*cutoff)))
            }
            Change::BookingCancelled { booking: id, .. }
                if !matches!(command.action, Action::Cancel { booking, .. } if booking == *id)
                    && !matches!(command.action, Action::Decline { booking, .. } if booking.id == *id) =>
            {
                Some(format!("{} given up", self.name(id.0)))
            }
            _ => None,
        });
        let mut all: Vec<String> = told.collect();
        for booking in &changes_of.bookings {
            let name = self.name(booking.id.0);
            match &booking.state {
                BookingState::Displaced { .. } => all.push(format!("{name} displaced")),
                BookingState::Cancelled { late: true, .. } => all.push(format!("{name} late")),
                _ => {}
            }
        }
        let lowered = changes_of.records.iter().flat_map(|(_, record)| record).filter_map(|c| match c {
            Change::OverCommitLowered { to } => Some(*to),
            Change::CapacitySet { over_commit: to @ 1.., .. } => Some(*to),
            _ => None,
        });
        all.extend(lowered.map(|n| format!("{n} too many")));
        all
    }

    // Words

    fn lines(&mut self, words: &mut Words) -> Vec<Line> {
        let mut lines = Vec::new();
        if words.has("nothing") {
            return lines;
        }
        loop {
            let resource = self.resource(words.next());
            let interval = words.0.next_if(|w| w.starts_with(|c: char| c.is_ascii_digit()));
            let interval = interval.map(|w| self.interval(w));
            let units = words.0.next_if(|w| w.starts_with('x')).map_or(1, |w| w[1..].parse().unwrap());
            let times = words.0.next_if(|w| w.starts_with('*')).map_or(1, |w| w[1..].parse().unwrap());
            lines.extend(std::iter::repeat_n(Line { resource, interval, units }, times));
            if !words.has("+") {
                return lines;
            }
        }
    }

    /// Bookings at their revisions: `a@1,b@2`; the one they have is meant if none is said, and `nobody` is none of them.
    fn preview(&mut self, words: &mut Words) -> Preview {
        let word = words.next();
        let named = word.split(',').filter(|name| *name != "nobody");
        let mut preview = Vec::new();
        for name in named {
            let (name, revision) = name.split_once('@').map_or((name, None), |(n, r)| (n, r.parse().ok()));
            let id = BookingId(self.named(name));
            preview.push((id, revision.unwrap_or_else(|| self.world.bookings.get(&id).map_or(1, |b| b.revision))));
        }
        preview
    }

    /// Who asks, and for whom.
    fn who(&mut self, words: &mut Words) -> (Actor, PersonId) {
        assert!(words.has("by"), "a row says by whom");
        let actor = self.actor(words.next());
        let owner = words.after("for").map(|name| PersonId(self.named(name)));
        (actor, owner.or(actor.person()).unwrap_or(PersonId(Uuid::nil())))
    }

    fn actor(&mut self, name: &str) -> Actor {
        match name {
            "slotwise" => Actor::System,
            _ => Actor::Person(PersonId(self.named(name))),
        }
    }

    fn hold_ref(&mut self, name: &str) -> HoldRef {
        match self.holds.get(name) {
            Some((hold, _)) => *hold,
            None => HoldRef { id: HoldId(self.named(name)), token: FencingToken(Version::zero(Epoch(1)), 0) },
        }
    }

    /// A hold, with its own token unless the row says `token NAME`.
    fn token(&mut self, name: &str, words: &mut Words) -> HoldRef {
        let hold = self.hold_ref(name);
        match words.after("token") {
            Some(other) => HoldRef { token: self.hold_ref(other).token, ..hold },
            None => hold,
        }
    }

    fn policy_version(&self, resource: ResourceId) -> u64 {
        self.world.calendars.get(&resource).map_or(1, |c| c.resource.policy_version)
    }

    fn patch(&self, resource: ResourceId, words: &mut Words) -> ResourcePatch {
        let Some(calendar) = self.world.calendars.get(&resource) else { return ResourcePatch::default() };
        let before = &calendar.resource.spec;
        let mut spec = before.clone();
        let mut own = BTreeSet::new();
        while words.peek().is_some() {
            own.extend(self.option(&mut spec, words));
        }
        let group = |spec: &ResourceSpec| spec.group.as_ref().map(|g| g.id);
        ResourcePatch {
            name: (spec.name != before.name).then(|| spec.name.clone()),
            seats: (spec.seats != before.seats).then_some(spec.seats),
            capacity: (spec.capacity != before.capacity).then_some(spec.capacity),
            interval: (spec.interval != before.interval).then_some(spec.interval),
            zone: (spec.zone != before.zone).then(|| spec.zone.clone()),
            policy: (spec.policy != before.policy).then(|| spec.policy.clone()),
            own,
            group: (group(&spec) != group(before)).then(|| group(&spec)),
            linked: (spec.linked != before.linked).then(|| spec.linked.clone()),
            course: (spec.course != before.course).then(|| spec.course.clone()),
            ..ResourcePatch::default()
        }
    }

    fn resource(&mut self, name: &str) -> ResourceId {
        ResourceId(self.named(name))
    }

    /// The id of a name; a name nobody gave gets an id that nothing has.
    fn named(&mut self, name: &str) -> Uuid {
        if let Some(id) = self.names.get(name) {
            return *id;
        }
        let id = self.fresh();
        self.call(name.into(), id);
        id
    }

    /// A name means what it was given to last; a thing keeps the name it was given.
    fn call(&mut self, name: String, id: Uuid) {
        self.called.insert(id, name.clone());
        self.names.insert(name, id);
    }

    fn name(&self, id: Uuid) -> &str {
        self.called.get(&id).map_or("?", String::as_str)
    }

    fn fresh(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    fn interval(&self, word: &str) -> Interval {
        let (start, end) = word.split_once("..").or_else(|| word.split_once('-')).unwrap();
        Interval::new(self.instant(start), self.instant(end)).unwrap()
    }

    fn instant(&self, word: &str) -> Instant {
        if let Ok(at) = word.parse::<jiff::Timestamp>() {
            return Instant::from(at);
        }
        let civil = match word.parse::<civil::DateTime>() {
            Ok(civil) if word.contains('T') => civil,
            _ if word == "24:00" => self.day.tomorrow().unwrap().at(0, 0, 0, 0),
            _ => self.day.to_datetime(word.parse().unwrap_or_else(|e| panic!("{word} is no time: {e}"))),
        };
        let at = self.zone.rules().to_ambiguous_timestamp(civil).unambiguous();
        Instant::from(at.unwrap_or_else(|e| panic!("{word} needs an offset here: {e}")))
    }

    fn time(&self, at: Instant) -> String {
        let zoned = at.timestamp().to_zoned(self.zone.rules().clone());
        let mut time = zoned.strftime("%H:%M:%S%.f").to_string();
        if time.ends_with(":00") {
            time.truncate(5);
        }
        match zoned.date() == self.day {
            true => time,
            false => format!("{}T{time}", zoned.date()),
        }
    }

    fn span_of(&self, interval: Interval) -> String {
        format!("{}-{}", self.time(interval.start()), self.time(interval.end()))
    }
}

/// Every row has a reason, unless it says `silently`.
fn reason(words: &mut Words) -> Option<String> {
    (!words.has("silently")).then(|| "painting".into())
}

fn span(word: &str) -> Span {
    let (n, unit) = word.split_at(word.len() - 1);
    let n: i64 = n.parse().unwrap_or_else(|_| panic!("{word} is no span"));
    match unit {
        "s" => Span::seconds(n),
        "m" => Span::minutes(n),
        "h" => Span::hours(n),
        "d" => Span::days(n),
        _ => panic!("{word} is no span"),
    }
}

/// `24h` is elapsed time before the start; `18:00/1d` is 18:00 on the day before; `@2026-03-02T10:30:00Z` is that instant.
fn cutoff(word: &str) -> Cutoff {
    if let Some(at) = word.strip_prefix('@') {
        return Cutoff::At(at.parse::<jiff::Timestamp>().unwrap().into());
    }
    match word.split_once('/') {
        Some((at, days)) => {
            let days_before = days.strip_suffix('d').unwrap().parse().unwrap();
            Cutoff::Civil { days_before, at: at.parse().unwrap() }
        }
        None => Cutoff::Elapsed(span(word)),
    }
}

fn hundredths(word: &str) -> u32 {
    (word.parse::<f64>().unwrap() * 100.0).round() as u32
}

fn minute(word: &str) -> u16 {
    let (h, m) = word.split_once(':').unwrap();
    h.parse::<u16>().unwrap() * 60 + m.parse::<u16>().unwrap()
}

fn weekdays(word: &str) -> Weekdays {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = |name: &str| NAMES.iter().position(|n| *n == name).unwrap_or_else(|| panic!("{name} is no day"));
    let (from, to) = match (word, word.split_once('-')) {
        ("daily", _) => (0, 6),
        (_, Some((from, to))) => (day(from), day(to)),
        (one, None) => (day(one), day(one)),
    };
    (from..=to).map(|n| civil::Weekday::from_monday_zero_offset(n as i8).unwrap()).collect()
}

/// Folds what was decided, and checks that the record alone says the same: of calendars, of bookings, of versions.
pub fn fold(world: &mut World, changes: &Changes, by: Actor, now: Instant) {
    let before = world.clone();
    let versions = world.apply(changes, now);
    for (id, version) in &versions {
        let number = before.calendars.get(id).map_or(0, |c| c.version.number);
        assert_eq!(version.number, number + 1, "an accepted command raises a version by one");
    }
    for after in &changes.bookings {
        let record = changes.records.iter().flat_map(|(_, record)| record);
        let details = Some(after.details.clone());
        let earlier = before.bookings.get(&after.id).map(|b| &**b);
        let folded = Booking::after(earlier, after.id, record, details, by, now);
        assert_eq!(folded.as_ref(), Some(&**after), "the booking is not what the record folds to");
    }
    invariants::check(world, [(changes, now)]).unwrap();
}
