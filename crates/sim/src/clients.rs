//! Who asks: people who book, hold, wait, change their minds and their resources, ask twice, go away, and try what is not theirs;
//! and an admin who changes how much there is.
//! They keep what they were told and judge none of it.

use crate::chance::Chance;
use crate::clock::{Began, SimIds};
use crate::database::{Database, lock};
use crate::history::{History, Sent};
use crate::link::Link;
use crate::setting::{Faults, Room, Setting};
use crate::zones::Clocks;
use futures_util::future::{Either, join, select};
use slotwise_domain::recurrence::{Given, Met, civil_of};
use slotwise_domain::{
    Action, Actor, Below, BlockId, Booking, BookingId, BookingRef, Command, Contract, Details, EntryId, Exceptions,
    Fingerprint, Ground, Hold, HoldId, HoldRef, Interval, Line, Outcome, OverBookings, OverHolds, PersonId, Preview,
    ResourceId, Series, SeriesDate, SeriesId, SeriesToBook, WaitEntry, Wants, Zone,
};
use slotwise_engine::{Answer, Engine, Ids, Made, NoAnswer, Request};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How often one thing is sent at most, and how long its answer is waited for.
const SENDS_MAX: usize = 4;
const PATIENCE: Duration = Duration::from_secs(40);

/// The instances that are up.
#[derive(Default)]
pub struct Cluster(pub Mutex<Vec<Option<Instance>>>);

/// An instance, and its way to the store.
pub type Instance = (Arc<Engine>, Arc<Link>);

impl Cluster {
    fn any(&self, chance: &mut Chance) -> Option<Instance> {
        let instances = lock(&self.0);
        let up: Vec<_> = instances.iter().flatten().collect();
        chance.one(&up).map(|instance| (*instance).clone())
    }
}

/// What everybody has heard of.
#[derive(Default)]
pub struct Known {
    /// What can be booked.
    pub rooms: Vec<(ResourceId, Room)>,
    bookings: Vec<Arc<Booking>>,
    holds: Vec<Hold>,
    entries: Vec<WaitEntry>,
    sent: Vec<Request>,
}

/// One person, or the admin.
pub struct Client {
    /// Who.
    pub who: PersonId,
    /// They may do everything.
    pub admin: bool,
    /// Their chance.
    pub chance: Chance,
    /// Their ids.
    pub ids: Arc<SimIds>,
    /// Whom they ask.
    pub cluster: Arc<Cluster>,
    /// What goes wrong now.
    pub faults: Arc<Mutex<Faults>>,
    /// What all have heard.
    pub known: Arc<Mutex<Known>>,
    /// What all were told.
    pub history: Arc<Mutex<History>>,
    /// When the world began.
    pub began: Began,
    /// Where an admin looks before they edit.
    pub database: Arc<Database>,
    /// The clocks that civil times are read by, where more is asked for than bookings, holds and waiting.
    pub rich: Option<Clocks>,
}

impl Client {
    /// Asks so many things, one after another.
    pub async fn ask(&mut self, setting: &Setting) {
        for _ in 0..setting.commands {
            let think = self.chance.time(setting.think);
            sleep(think).await;
            let again = lock(&self.known).sent.last().cloned();
            if let Some(mut old) = again.filter(|_| self.chance.within(30)) {
                // Somebody's key again, mostly for what it was; at times for something else.
                if self.chance.within(300) {
                    old.fingerprint = self.fingerprint();
                }
                if old.command.actor == Actor::Person(self.who) {
                    self.send(old).await;
                }
                continue;
            }
            let action = self.action();
            let request = self.request(action.clone());
            lock(&self.known).sent.push(request.clone());
            let others = self.insist(request).await;
            // Who is told that others would go than they thought looks at them, and asks again: that is another attempt.
            if let Some(action) = others.and_then(|theirs| self.over_these(action, theirs)) {
                let request = self.request(action);
                self.insist(request).await;
            }
        }
    }

    /// A request of theirs with a key of its own.
    pub fn request(&mut self, action: Action) -> Request {
        // An admin owes one to whoever has what they change.
        let reason = self.admin.then(|| "The house changed.".to_owned());
        let command = Command { actor: Actor::Person(self.who), action, seen: None, reason };
        Request { key: self.ids.fresh(), fingerprint: self.fingerprint(), command }
    }

    fn fingerprint(&mut self) -> Fingerprint {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&self.chance.number().to_be_bytes());
        Fingerprint(fingerprint)
    }

    /// Sends it, mostly until there is an answer; gives up at times. The bookings that it would displace, if it must name them.
    async fn insist(&mut self, request: Request) -> Option<Preview> {
        for _ in 0..SENDS_MAX {
            let double = lock(&self.faults).double;
            let answers = if self.chance.within(double) {
                lock(&self.database.tally).count("a request was sent twice at once");
                let mut other = self.other();
                let (one, two) = join(self.send(request.clone()), other.send(request.clone())).await;
                [one, two]
            } else {
                [self.send(request.clone()).await, None]
            };
            let decided =
                |a: &Answer| !matches!(a, Answer::Failed(_) | Answer::None(NoAnswer::NotYet | NoAnswer::InProgress));
            if let Some(theirs) = answers.iter().flatten().find_map(others) {
                return Some(theirs);
            }
            if answers.iter().flatten().any(decided) || self.chance.within(200) {
                return None;
            }
            let later = self.chance.time(Duration::from_secs(2));
            sleep(later).await;
        }
        None
    }

    fn other(&mut self) -> Client {
        Client {
            chance: self.chance.fork(),
            ids: self.ids.clone(),
            cluster: self.cluster.clone(),
            faults: self.faults.clone(),
            known: self.known.clone(),
            history: self.history.clone(),
            database: self.database.clone(),
            ..*self
        }
    }

    /// Sends it once, to anybody who is up. `None` if no answer came: the client went away, or whom they asked did.
    pub async fn send(&mut self, request: Request) -> Option<Answer> {
        let Some((engine, link)) = self.cluster.any(&mut self.chance) else {
            sleep(Duration::from_millis(200)).await;
            return None;
        };
        let cancel = lock(&self.faults).cancel;
        let goes_away = self.chance.within(cancel);
        let patience = if goes_away { self.chance.time(Duration::from_millis(100)) } else { PATIENCE };
        let sent = lock(&self.history).sent(&request, self.began.moment());
        let answer = {
            let dies = Box::pin(link.dies());
            match select(dies, Box::pin(timeout(patience, engine.execute(request)))).await {
                Either::Left(_) => None,
                Either::Right((answer, _)) => answer.ok(),
            }
        };
        match &answer {
            Some(answer) => {
                lock(&self.history).told(sent, self.began.moment(), answer);
                self.learn(answer);
            }
            None if goes_away => lock(&self.database.tally).count("a client went away"),
            None => {}
        }
        answer
    }

    fn learn(&self, answer: &Answer) {
        let made = match answer {
            Answer::Decided(_, Some(made)) => Some(made.clone()),
            Answer::Decided(recorded, None) | Answer::Replayed(recorded) => match recorded.decision.outcome {
                Outcome::Booked | Outcome::Accepted => recorded.decision.subject.and_then(|s| self.database.made(s)),
                Outcome::Rejected(_) => None,
            },
            Answer::Failed(_) | Answer::None(_) => None,
        };
        let mut known = lock(&self.known);
        if let Answer::Decided(recorded, _) | Answer::Replayed(recorded) = answer {
            let dates = recorded.decision.dates.iter().filter_map(|date| date.became.booking());
            known.bookings.extend(dates.filter_map(|id| self.database.booking(id)));
        }
        match made {
            Some(Made::Booking(booking)) => known.bookings.push(booking),
            Some(Made::Bookings(one, other)) => known.bookings.extend([one, other]),
            Some(Made::Hold(hold, None)) => known.holds.push(hold),
            Some(Made::Entry(entry, None, _)) => known.entries.push(*entry),
            Some(Made::Hold(_, Some(_)) | Made::Entry(_, Some(_), _) | Made::Resource(..) | Made::Block(..)) | None => {
            }
        }
    }

    /// What they want next.
    fn action(&mut self) -> Action {
        let known = self.known.clone();
        let known = lock(&known);
        if let Some(clocks) = self.rich
            && self.chance.within(350)
        {
            return if self.admin || self.chance.within(40) { self.rule(&known) } else { self.more(&known, clocks) };
        }
        if self.admin && self.chance.within(500) {
            return self.edit(&known);
        }
        let line = self.line(&known);
        match self.chance.below(100) {
            0..25 => self.book(vec![line], None),
            25..30 => {
                // Several at once, each of another resource.
                let other = self.line(&known);
                let lines = if other.resource == line.resource { vec![line] } else { vec![line, other] };
                self.book(lines, None)
            }
            30..45 => Action::Hold { hold: HoldId(self.ids.fresh()), line },
            45..60 => match self.own_hold(&known) {
                Some(hold) => {
                    let line = Line { resource: hold.resource, interval: Some(hold.interval), units: hold.units };
                    let named = self.named(&hold, &known);
                    self.book(vec![line], Some(named))
                }
                None => self.book(vec![line], None),
            },
            60..64 => match self.own_hold(&known) {
                Some(hold) => Action::Renew(self.named(&hold, &known)),
                None => self.book(vec![line], None),
            },
            64..68 => match self.own_hold(&known) {
                Some(hold) => Action::Release(self.named(&hold, &known)),
                None => self.book(vec![line], None),
            },
            68..82 => match self.booking(&known) {
                Some(booking) => Action::Cancel { booking: booking.id, reason: Some("Plans changed.".into()) },
                None => self.book(vec![line], None),
            },
            82..87 => match self.booking(&known) {
                Some(booking) => {
                    let revision = Some(booking.revision).filter(|_| self.chance.within(300));
                    Action::Move { booking: BookingRef { id: booking.id, revision }, to: vec![line] }
                }
                None => self.book(vec![line], None),
            },
            87..97 => Action::JoinWaitlist {
                entry: EntryId(self.ids.fresh()),
                owner: self.who,
                line,
                class: 0,
                gives_up: None,
                wants: Wants::Units,
            },
            _ => match self.chance.one(&known.entries).copied() {
                Some(entry) => Action::LeaveWaitlist { entry: entry.id },
                None => Action::Cancel { booking: BookingId(self.ids.fresh()), reason: None },
            },
        }
    }

    /// What one attempt does to several bookings at once.
    fn more(&mut self, known: &Known, clocks: Clocks) -> Action {
        let line = self.line(known);
        let named = |booking: &Booking, chance: &mut Chance| {
            let revision = Some(booking.revision).filter(|_| chance.within(300));
            BookingRef { id: booking.id, revision }
        };
        match (self.chance.below(3), self.booking(known)) {
            (0, Some(one)) => match self.booking(known) {
                Some(other) => {
                    Action::Swap { one: named(&one, &mut self.chance), other: named(&other, &mut self.chance) }
                }
                None => self.book(vec![line], None),
            },
            (1, Some(booking)) => {
                let other = self.line(known);
                let to = if other.resource == line.resource { vec![line] } else { vec![line, other] };
                Action::Move { booking: named(&booking, &mut self.chance), to }
            }
            _ => self.series(known, line, clocks),
        }
    }

    /// All times of a resource that do not meet, as the dates of one series.
    fn series(&mut self, known: &Known, line: Line, clocks: Clocks) -> Action {
        let Ok(zone) = Zone::named(clocks.zone) else { return self.book(vec![line], None) };
        let room = known.rooms.iter().find(|(id, _)| *id == line.resource);
        let mut times: Vec<Interval> = room.map(|(_, room)| room.times.clone()).unwrap_or_default();
        times.sort();
        let mut dates: Vec<SeriesDate> = Vec::new();
        for interval in times {
            if dates.last().is_none_or(|last| last.interval.end() <= interval.start()) {
                let given = Given { start: civil_of(interval.start(), &zone), end: civil_of(interval.end(), &zone) };
                dates.push(SeriesDate { booking: BookingId(self.ids.fresh()), given, met: Met::Once, interval });
            }
        }
        let contract = if self.chance.within(500) { Contract::AllOrNothing } else { Contract::SkipConflicts };
        let (id, rule) = (SeriesId(self.ids.fresh()), "FREQ=DAILY".to_owned());
        Action::BookSeries(Box::new(SeriesToBook {
            series: Arc::new(Series { id, rule, zone, contract }),
            owner: self.who,
            resource: line.resource,
            units: 1,
            details: Details::default(),
            dates,
        }))
    }

    /// What an admin does to others.
    fn rule(&mut self, known: &Known) -> Action {
        let line = self.line(known);
        let (resource, reason) = (line.resource, "The house needs it.".to_owned());
        let calendars = self.database.calendars();
        let seen = calendars.iter().find(|c| c.resource.id == resource);
        let policy_version = seen.map_or(1, |c| c.resource.policy_version);
        let standing: Vec<BlockId> = seen.iter().flat_map(|c| c.blocks.keys().copied()).collect();
        match (self.chance.below(10), self.chance.one(&standing), line.interval) {
            (0..4, ..) | (_, _, None) => {
                let (action, displaces) = (Box::new(self.book(vec![line], None)), Preview::new());
                Action::Override { action, reason, displaces }
            }
            (4..6, ..) => Action::SetCapacity {
                resource,
                policy_version,
                to: Some(1 + self.chance.below(3) as u32),
                seen_used: None,
                below: Below::DisplaceNewest(Preview::new()),
                reason: Some(reason),
            },
            (6..9, Some(block), _) => Action::RemoveBlock { resource, policy_version, block: *block },
            (_, _, Some(interval)) => {
                let people = if self.chance.within(300) { vec![self.who] } else { Vec::new() };
                let over_holds = if self.chance.within(500) { OverHolds::Void } else { OverHolds::Refuse };
                let over_bookings = match self.chance.within(600) {
                    true => OverBookings::Displace(Preview::new()),
                    false => OverBookings::Refuse,
                };
                let (block, exceptions) = (BlockId(self.ids.fresh()), Exceptions::of(people, Vec::new()));
                Action::AddBlock {
                    resource,
                    policy_version,
                    block,
                    interval,
                    reason,
                    over_holds,
                    over_bookings,
                    exceptions,
                }
            }
        }
    }

    /// The same, over these; what it makes is made anew.
    fn over_these(&mut self, action: Action, displaces: Preview) -> Option<Action> {
        Some(match action {
            Action::Override { action, reason, .. } => {
                let Action::Book { lines, .. } = *action else { return None };
                Action::Override { action: Box::new(self.book(lines, None)), reason, displaces }
            }
            Action::SetCapacity { resource, policy_version, to, seen_used, reason, .. } => {
                let below = Below::DisplaceNewest(displaces);
                Action::SetCapacity { resource, policy_version, to, seen_used, below, reason }
            }
            Action::AddBlock { resource, policy_version, interval, reason, over_holds, exceptions, .. } => {
                let (block, over_bookings) = (BlockId(self.ids.fresh()), OverBookings::Displace(displaces));
                Action::AddBlock {
                    resource,
                    policy_version,
                    block,
                    interval,
                    reason,
                    over_holds,
                    over_bookings,
                    exceptions,
                }
            }
            _ => return None,
        })
    }

    fn line(&mut self, known: &Known) -> Line {
        let Some((resource, room)) = self.chance.one(&known.rooms).cloned() else {
            return Line { resource: ResourceId(uuid::Uuid::nil()), interval: None, units: 1 };
        };
        let interval: Option<Interval> = self.chance.one(&room.times).copied();
        // At times more than there can be.
        let most = if self.chance.within(20) { 6 } else { u64::from(room.capacity) };
        Line { resource, interval, units: 1 + self.chance.below(most) as u32 }
    }

    fn book(&mut self, lines: Vec<Line>, hold: Option<HoldRef>) -> Action {
        Action::Book { booking: BookingId(self.ids.fresh()), owner: self.who, lines, details: Details::default(), hold }
    }

    /// A hold of theirs, offers included; at times somebody else's.
    fn own_hold(&mut self, known: &Known) -> Option<Hold> {
        let anybody_s = self.chance.within(50);
        let (who, offered) = (self.who, self.chance.within(400));
        if offered {
            let calendars = self.database.calendars();
            let offers =
                calendars.iter().flat_map(|c| c.holds.values()).filter(|h| h.offer.is_some() && h.holder == who);
            let offers: Vec<Hold> = offers.copied().collect();
            if let Some(offer) = self.chance.one(&offers) {
                return Some(*offer);
            }
        }
        let latest = known.holds.iter().rev().filter(|h| anybody_s || h.holder == who).take(3);
        let latest: Vec<Hold> = latest.copied().collect();
        self.chance.one(&latest).copied()
    }

    /// By its token; at times by that of another hold.
    fn named(&mut self, hold: &Hold, known: &Known) -> HoldRef {
        let other = self.chance.within(50).then(|| self.chance.one(&known.holds).copied()).flatten();
        HoldRef { id: hold.id, token: other.map_or(hold.token, |other| other.token) }
    }

    /// A booking of theirs, promotions included; at times somebody else's.
    fn booking(&mut self, known: &Known) -> Option<Arc<Booking>> {
        let (who, anybody_s) = (self.who, self.chance.within(80));
        let theirs = known.bookings.iter().rev().filter(|b| anybody_s || b.owner == who).take(6);
        let theirs: Vec<Arc<Booking>> = theirs.cloned().collect();
        self.chance.one(&theirs).cloned()
    }

    fn edit(&mut self, known: &Known) -> Action {
        let Some((resource, _)) = self.chance.one(&known.rooms).cloned() else {
            return Action::ExpireHolds { resource: ResourceId(uuid::Uuid::nil()) };
        };
        let calendars = self.database.calendars();
        let seen = calendars.iter().find(|c| c.resource.id == resource);
        // At times they look at an old page.
        let old = u64::from(self.chance.within(100));
        let policy_version = seen.map_or(1, |c| c.resource.policy_version.saturating_sub(old));
        let below = if self.chance.within(500) { Below::Refuse } else { Below::OverCommit };
        let to = Some(1 + self.chance.below(4) as u32);
        let (seen_used, reason) = (None, Some("The house changed.".to_owned()));
        Action::SetCapacity { resource, policy_version, to, seen_used, below, reason }
    }
}

/// What was sent, for whoever sends it again.
pub fn again(sent: &Sent) -> Request {
    Request { key: sent.key.key, fingerprint: sent.fingerprint, command: sent.command.clone() }
}

/// Those that would be displaced, as an answer names them.
fn others(answer: &Answer) -> Option<Preview> {
    match answer {
        Answer::Failed(slotwise_domain::Failure { ground: Some(Ground::Displaced { theirs, .. }), .. }) => {
            Some(theirs.iter().map(|booking| (booking.id, booking.revision)).collect())
        }
        Answer::Failed(_) | Answer::Decided(..) | Answer::Replayed(_) | Answer::None(_) => None,
    }
}
