//! The crowd of a demo: so many made-up people who all want the same at once, sent through real attempts, and what became of each.
//! It judges nothing and keeps nothing that is true: what it shows is what the engine answered, and what is on record afterwards.

use crate::app::App;
use crate::board::millis;
use crate::problem::Problem;
use crate::realtime::Realtime;
use crate::wire::{fingerprint, time};
use axum::http::StatusCode;
use serde::Serialize;
use slotwise_domain::{
    Action, Actor, BookingId, Command, Details, Instant, Interval, Line, Outcome, PersonId, ResourceId, Role, Version,
};
use slotwise_engine::round::outcome_code;
use slotwise_engine::{Answer, BookingFilter, PersonCard, Request};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant as Moment, MissedTickBehavior};
use utoipa::ToSchema;
use uuid::Uuid;

/// People of one crowd.
pub const PEOPLE_MAX: u32 = 2_000;
/// Over how long they may come, in milliseconds.
pub const SPREAD_MAX_MS: u32 = 5_000;
/// Units each may want.
pub const UNITS_MAX: u32 = 10_000;
/// Attempts of a crowd under way at once; whoever comes then waits at the door, and that is not counted as the attempt's time.
const AT_ONCE_MAX: usize = 1_000;
/// Crowds whose end can still be asked for.
const KEPT_MAX: usize = 8;
/// Decisions told one by one.
const SEQUENCE_MAX: usize = 20;
/// Winners told by name.
const WINNERS_MAX: usize = 50;
/// Bookings read back at once.
const PAGE_MAX: usize = 200;
/// How often it is told how far a crowd is.
const TOLD_EVERY: Duration = Duration::from_millis(100);

/// What a crowd is to do.
#[derive(Clone, Debug)]
pub struct Errand {
    /// What everybody wants.
    pub resource: ResourceId,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its capacity; none for no limit.
    pub capacity: Option<u32>,
    /// When.
    pub interval: Interval,
    /// Whether that is the resource's own time, which attempts do not name.
    pub own_interval: bool,
    /// How many people.
    pub people: u32,
    /// Over how many milliseconds they come.
    pub spread_ms: u32,
    /// How many units each wants.
    pub units: u32,
    /// Whether they want slightly different times: each is late by up to seven quarters of the interval.
    pub overlapping: bool,
    /// Whether the winners give it back at the end.
    pub then_cancel: bool,
}

/// A crowd, on its way or at its end.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CrowdBody {
    /// Its id.
    pub id: Uuid,
    /// `gathering`: its people are being made; `running`; `cancelling`: the winners give it back; `done`; `stopped`: it came to no end.
    pub state: &'static str,
    /// What everybody wants.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its capacity in units; null for no limit.
    #[schema(required = true)]
    pub capacity: Option<u32>,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many people.
    pub people: u32,
    /// Over how many milliseconds they come.
    pub spread_ms: u32,
    /// How many units each wants.
    pub units: u32,
    /// Whether they want slightly different times that overlap.
    pub overlapping: bool,
    /// Whether the winners give it back at the end.
    pub then_cancel: bool,
    /// How many of its people are there.
    pub gathered: u32,
    /// How many have been answered.
    pub answered: u32,
    /// The answers by outcome and code; they add up to `answered`.
    pub tally: Vec<TallyBody>,
    /// Who has it, in the order of the decisions, at most 50.
    pub winners: Vec<DecidedBody>,
    /// The first 20 decisions in the order in which they were made: by the version of the resource.
    pub sequence: Vec<DecidedBody>,
    /// From the first answer to the last, in milliseconds.
    pub answers_took_ms: f64,
    /// Half of the attempts took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// The most units that winners have at any one instant: never more than the capacity.
    pub units_peak: u64,
    /// How many of its bookings are on record, read back when all were answered; null before.
    #[schema(required = true)]
    pub on_record: Option<u32>,
    /// How many were given back.
    pub cancelled: u32,
    /// Why it stopped, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// When it was sent.
    pub began_at: String,
}

/// So many answers with one outcome and code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TallyBody {
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, `FAILED`, or `NONE` if there is no outcome yet.
    pub outcome: &'static str,
    /// The code of what was not accepted.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// How many.
    pub count: u32,
}

/// One decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedBody {
    /// Who asked.
    pub person: String,
    /// `BOOKED`, `ACCEPTED` or `REJECTED`.
    pub outcome: &'static str,
    /// The code of a refusal.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// From when they wanted it.
    pub start: String,
    /// Until.
    pub end: String,
    /// The resource's version: the one it made, or the one it was refused at.
    pub version: u64,
    /// The decision instant.
    pub decided_at: String,
    /// How long the attempt took, in milliseconds.
    pub took_ms: f64,
}

/// The crowds of this process: one on its way at most, and how the last ones ended.
#[derive(Default)]
pub struct Crowds {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    crowds: VecDeque<CrowdBody>,
    running: Option<JoinHandle<()>>,
}

impl Kept {
    fn busy(&self) -> bool {
        self.running.as_ref().is_some_and(|r| !r.is_finished())
    }

    /// As it is: one that is not at its end while nothing runs has been stopped.
    fn shown(&self, crowd: &CrowdBody) -> CrowdBody {
        let mut crowd = crowd.clone();
        if !self.busy() && crowd.state != "done" {
            crowd.state = "stopped";
        }
        crowd
    }
}

impl Crowds {
    /// Sends a crowd; refused while another is on its way.
    pub fn send(self: &Arc<Crowds>, app: &App, errand: Errand) -> Result<CrowdBody, Problem> {
        let mut kept = self.kept();
        if kept.busy() {
            let detail = "A crowd is on its way already. Wait until it is done, then send the next.";
            return Err(Problem::request(StatusCode::CONFLICT, "crowd_running", "A crowd is on its way", detail));
        }
        let crowd = CrowdBody::of(app.engine.fresh_id(), &errand, app.engine.now());
        kept.crowds.push_back(crowd.clone());
        if kept.crowds.len() > KEPT_MAX {
            kept.crowds.pop_front();
        }
        kept.running = Some(tokio::spawn(Box::pin(run(app.clone(), errand, crowd.clone()))));
        Ok(crowd)
    }

    /// One of the last crowds.
    pub fn crowd(&self, id: Uuid) -> Option<CrowdBody> {
        let kept = self.kept();
        kept.crowds.iter().find(|c| c.id == id).map(|c| kept.shown(c))
    }

    /// The one that was sent last.
    pub fn latest(&self) -> Option<CrowdBody> {
        let kept = self.kept();
        kept.crowds.back().map(|c| kept.shown(c))
    }

    /// Sends nobody any more. What is being executed goes on to its outcome.
    pub fn stop(&self) {
        if let Some(running) = self.kept().running.take() {
            running.abort();
        }
    }

    fn keep(&self, crowd: &CrowdBody, realtime: &Realtime) {
        if let Some(known) = self.kept().crowds.iter_mut().find(|c| c.id == crowd.id) {
            *known = crowd.clone();
        }
        realtime.crowd(crowd.clone());
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of one person's attempt.
struct Ended {
    person: usize,
    interval: Interval,
    booking: BookingId,
    outcome: &'static str,
    code: &'static str,
    /// The resource's version and the instant it was decided at, if it was.
    decided: Option<(Version, Instant)>,
    took: Duration,
    answered: Moment,
}

async fn run(app: App, errand: Errand, mut crowd: CrowdBody) {
    if let Err(trouble) = go(&app, &errand, &mut crowd).await {
        tracing::error!(crowd = %crowd.id, "a crowd has stopped: {trouble}");
        crowd.state = "stopped";
        crowd.trouble = Some("The server cannot be relied on at the moment; its log says why.".into());
    }
    app.crowds.keep(&crowd, &app.realtime);
}

async fn go(app: &App, errand: &Errand, crowd: &mut CrowdBody) -> Result<(), slotwise_engine::StoreError> {
    let people = gather(app, errand, crowd).await?;
    crowd.state = "running";
    let mut ended: Vec<Ended> = Vec::with_capacity(people.len());
    let mut tell = tokio::time::interval(TOLD_EVERY);
    tell.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut attempts = all_at_once(app, errand, &people);
    loop {
        tokio::select! {
            next = attempts.join_next() => match next {
                Some(Ok(one)) => ended.push(one),
                // A bug in one execution; the others go on, and the tally says that one is missing.
                Some(Err(e)) => tracing::error!(crowd = %crowd.id, "one of a crowd was not answered: {e}"),
                None => break,
            },
            _ = tell.tick() => {
                crowd.tell(&ended, &people, errand);
                app.crowds.keep(crowd, &app.realtime);
            }
        }
    }
    crowd.tell(&ended, &people, errand);
    crowd.on_record = Some(read_back(app, errand, &ended).await?);
    if errand.then_cancel {
        crowd.state = "cancelling";
        app.crowds.keep(crowd, &app.realtime);
        crowd.cancelled = give_back(app, &ended, &people).await;
    }
    crowd.state = "done";
    Ok(())
}

/// The people of crowds: always the same ones, made when they are first needed.
async fn gather(
    app: &App,
    errand: &Errand,
    crowd: &mut CrowdBody,
) -> Result<Vec<PersonCard>, slotwise_engine::StoreError> {
    let mut people = Vec::with_capacity(errand.people as usize);
    let mut told = Moment::now();
    for n in 1..=errand.people {
        let card = person(n);
        if app.directory.person(card.id).await?.is_none() {
            app.directory.put_person(card.clone()).await?;
        }
        people.push(card);
        crowd.gathered = n;
        if told.elapsed() >= TOLD_EVERY {
            told = Moment::now();
            app.crowds.keep(crowd, &app.realtime);
        }
    }
    Ok(people)
}

/// Their ids are fixed, so that they are not made twice. Without a title they are nobody whom one can choose to be.
fn person(n: u32) -> PersonCard {
    let id = PersonId(Uuid::from_u128(0x0193_0000_0000_7000_8001_0000_0000_0000 + u128::from(n)));
    PersonCard { id, name: format!("Demo person {n:04}"), title: String::new(), role: Role::Member }
}

/// Everybody comes at a moment of their own within the spread, in an order that chance makes anew each time.
fn all_at_once(app: &App, errand: &Errand, people: &[PersonCard]) -> JoinSet<Ended> {
    let door = Arc::new(Semaphore::new(AT_ONCE_MAX));
    let mut chances: Vec<(u64, usize)> = (0..people.len()).map(|n| (Uuid::new_v4().as_u64_pair().1, n)).collect();
    chances.sort_unstable();
    let begin = Moment::now();
    let mut attempts = JoinSet::new();
    for (place, (chance, n)) in chances.into_iter().enumerate() {
        let Some(card) = people.get(n) else { continue };
        let wait = Duration::from_millis(chance % (u64::from(errand.spread_ms) + 1));
        let interval = if errand.overlapping { later(errand.interval, place) } else { errand.interval };
        let booking = BookingId(app.engine.fresh_id());
        let request = attempt(app, errand, card, booking, interval);
        let (engine, door, resource) = (app.engine.clone(), door.clone(), errand.resource);
        attempts.spawn(async move {
            tokio::time::sleep_until(begin + wait).await;
            // It is never closed; and if it were, going in without waiting is the same attempt.
            let permit = door.acquire().await.ok();
            let began = Moment::now();
            let answer = engine.execute(request).await;
            drop(permit);
            let answered = Moment::now();
            let (outcome, code, decided) = read(&answer, resource);
            let took = answered.duration_since(began);
            Ended { person: n, interval, booking, outcome, code, decided, took, answered }
        });
    }
    attempts
}

/// The interval, later by 0 to 7 quarters of itself.
fn later(interval: Interval, place: usize) -> Interval {
    let length = interval.end().since(interval.start());
    let shift = slotwise_domain::Span(length.0 / 4 * (place % 8) as i64);
    // Only at the end of all time is there no later one.
    Interval::new(interval.start().plus(shift), interval.end().plus(shift)).unwrap_or(interval)
}

fn attempt(app: &App, errand: &Errand, card: &PersonCard, booking: BookingId, interval: Interval) -> Request {
    let line =
        Line { resource: errand.resource, interval: (!errand.own_interval).then_some(interval), units: errand.units };
    let asked = (card.id.0, errand.resource.0, time(interval.start()), time(interval.end()), errand.units);
    let details = Details { title: Some("A crowd".into()), ..Details::default() };
    let action = Action::Book { booking, owner: card.id, lines: vec![line], details, hold: None };
    Request {
        key: app.engine.fresh_id(),
        fingerprint: fingerprint("crowd", "", &asked),
        command: Command { actor: Actor::Person(card.id), action, seen: None },
    }
}

fn read(answer: &Answer, resource: ResourceId) -> (&'static str, &'static str, Option<(Version, Instant)>) {
    match answer {
        Answer::Decided(recorded, _) | Answer::Replayed(recorded) => {
            let decision = &recorded.decision;
            let version = decision.decided.iter().find(|(id, _)| *id == resource).map(|(_, version)| *version);
            let decided = version.map(|version| (version, decision.decided_at));
            (decision.outcome.name(), outcome_code(&decision.outcome), decided)
        }
        Answer::Failed(failure) => ("FAILED", failure.code.name(), None),
        Answer::None(_) => ("NONE", "", None),
    }
}

/// How many of the bookings they asked for are on record: asked of the store, not of the answers.
async fn read_back(app: &App, errand: &Errand, ended: &[Ended]) -> Result<u32, slotwise_engine::StoreError> {
    let ours: BTreeSet<BookingId> = ended.iter().map(|e| e.booking).collect();
    let until = ended.iter().map(|e| e.interval.end()).max();
    let filter = |after| BookingFilter {
        resource: Some(errand.resource),
        from: Some(errand.interval.start()),
        to: until,
        after,
        max: PAGE_MAX,
        ..BookingFilter::default()
    };
    let (mut found, mut after) = (0, None);
    // Bounded however many others are on this time: a page for every person.
    for _ in 0..errand.people {
        let page = app.views.bookings(filter(after)).await?;
        let Some(last) = page.last() else { break };
        after = Some((last.start(), last.id));
        found += page.iter().filter(|b| ours.contains(&b.id) && b.state.takes_units()).count();
        if page.len() < PAGE_MAX {
            break;
        }
    }
    Ok(u32::try_from(found).unwrap_or(u32::MAX))
}

/// Each winner gives it back, by an attempt of their own.
async fn give_back(app: &App, ended: &[Ended], people: &[PersonCard]) -> u32 {
    let mut cancelled = 0;
    for one in ended.iter().filter(|e| e.accepted()) {
        let Some(card) = people.get(one.person) else { continue };
        let action = Action::Cancel { booking: one.booking, reason: Some("The crowd has gone home.".into()) };
        let request = Request {
            key: app.engine.fresh_id(),
            fingerprint: fingerprint("crowd_cancel", "", &one.booking.0),
            command: Command { actor: Actor::Person(card.id), action, seen: None },
        };
        if let Answer::Decided(recorded, _) = app.engine.execute(request).await {
            match recorded.decision.outcome {
                Outcome::Booked | Outcome::Accepted => cancelled += 1,
                Outcome::Rejected(_) => {}
            }
        }
    }
    cancelled
}

impl Ended {
    fn accepted(&self) -> bool {
        self.outcome == "BOOKED" || self.outcome == "ACCEPTED"
    }

    /// The resource's version says the order of its decisions; what was refused at a version came after what made it.
    fn order(&self) -> (Option<(Version, Instant)>, bool, Moment) {
        (self.decided, !self.accepted(), self.answered)
    }

    fn body(&self, people: &[PersonCard]) -> DecidedBody {
        DecidedBody {
            person: people.get(self.person).map(|p| p.name.clone()).unwrap_or_default(),
            outcome: self.outcome,
            code: self.code,
            start: time(self.interval.start()),
            end: time(self.interval.end()),
            version: self.decided.map_or(0, |(version, _)| version.number),
            decided_at: self.decided.map(|(_, at)| time(at)).unwrap_or_default(),
            took_ms: millis_of(self.took),
        }
    }
}

impl CrowdBody {
    fn of(id: Uuid, errand: &Errand, now: Instant) -> CrowdBody {
        CrowdBody {
            id,
            state: "gathering",
            resource: errand.resource.0,
            name: errand.name.clone(),
            zone: errand.zone.clone(),
            capacity: errand.capacity,
            start: time(errand.interval.start()),
            end: time(errand.interval.end()),
            people: errand.people,
            spread_ms: errand.spread_ms,
            units: errand.units,
            overlapping: errand.overlapping,
            then_cancel: errand.then_cancel,
            gathered: 0,
            answered: 0,
            tally: Vec::new(),
            winners: Vec::new(),
            sequence: Vec::new(),
            answers_took_ms: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            units_peak: 0,
            on_record: None,
            cancelled: 0,
            trouble: None,
            began_at: time(now),
        }
    }

    fn tell(&mut self, ended: &[Ended], people: &[PersonCard], errand: &Errand) {
        let mut tally: BTreeMap<(&'static str, &'static str), u32> = BTreeMap::new();
        for one in ended {
            *tally.entry((one.outcome, one.code)).or_default() += 1;
        }
        self.answered = ended.len() as u32;
        self.tally = tally.into_iter().map(|((outcome, code), count)| TallyBody { outcome, code, count }).collect();

        let mut decided: Vec<&Ended> = ended.iter().filter(|e| e.decided.is_some()).collect();
        decided.sort_by_key(|e| e.order());
        self.sequence = decided.iter().take(SEQUENCE_MAX).map(|e| e.body(people)).collect();
        let winners = || decided.iter().filter(|e| e.outcome == "BOOKED");
        self.winners = winners().take(WINNERS_MAX).map(|e| e.body(people)).collect();
        self.units_peak = peak(winners().map(|e| e.interval)) * u64::from(errand.units);

        let mut took: Vec<Duration> = ended.iter().map(|e| e.took).collect();
        took.sort_unstable();
        let at = |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        self.p50_ms = millis_of(at(50).unwrap_or_default());
        self.p99_ms = millis_of(at(99).unwrap_or_default());
        let (first, last) = (ended.iter().map(|e| e.answered).min(), ended.iter().map(|e| e.answered).max());
        self.answers_took_ms = first.zip(last).map_or(0.0, |(first, last)| millis_of(last.duration_since(first)));
    }
}

fn millis_of(took: Duration) -> f64 {
    millis(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// How many of these half-open intervals share an instant, at the most.
fn peak(intervals: impl Iterator<Item = Interval>) -> u64 {
    // At one instant ends come before starts: false sorts before true.
    let mut edges: Vec<(Instant, bool)> = intervals.flat_map(|i| [(i.start(), true), (i.end(), false)]).collect();
    edges.sort_unstable();
    let (mut now, mut most) = (0_u64, 0);
    for (_, starts) in edges {
        now = if starts { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use slotwise_domain::Epoch;

    fn interval(start: i64, end: i64) -> Interval {
        Interval::new(Instant(start), Instant(end)).unwrap()
    }

    #[test]
    fn the_peak_counts_half_open_intervals() {
        let peak = |spans: &[(i64, i64)]| super::peak(spans.iter().map(|(s, e)| interval(*s, *e)));
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[(0, 10), (10, 20), (20, 30)]), 1, "they touch and do not meet");
        assert_eq!(peak(&[(0, 11), (10, 20), (10, 12)]), 3);
    }

    #[test]
    fn those_who_come_later_want_it_later_by_quarters() {
        let hour = interval(0, 3_600_000_000);
        let starts: Vec<i64> = (0..9).map(|n| later(hour, n).start().0 / 60_000_000).collect();
        assert_eq!(starts, [0, 15, 30, 45, 60, 75, 90, 105, 0]);
        assert_eq!(later(hour, 3).end().0 / 60_000_000, 105);
    }

    #[test]
    fn decisions_are_told_in_the_order_of_versions_and_the_tally_adds_up() {
        let people: Vec<PersonCard> = (1..=6).map(person).collect();
        let hour = interval(0, 3_600_000_000);
        let began = Moment::now();
        let one = |n: usize, outcome, code, version: Option<u64>| Ended {
            person: n,
            interval: hour,
            booking: BookingId(Uuid::from_u128(n as u128)),
            outcome,
            code,
            decided: version.map(|number| (Version { epoch: Epoch(1), number }, Instant(5))),
            took: Duration::from_millis(n as u64 + 1),
            answered: began + Duration::from_millis(10 - n as u64),
        };
        let ended = [
            one(0, "FAILED", "busy", None),
            one(1, "REJECTED", "full", Some(7)),
            one(2, "BOOKED", "", Some(7)),
            one(3, "REJECTED", "full", Some(6)),
            one(4, "BOOKED", "", Some(6)),
        ];
        let errand = Errand {
            resource: ResourceId(Uuid::nil()),
            name: "Room".into(),
            zone: "UTC".into(),
            capacity: Some(2),
            interval: hour,
            own_interval: false,
            people: 5,
            spread_ms: 0,
            units: 1,
            overlapping: false,
            then_cancel: false,
        };
        let mut crowd = CrowdBody::of(Uuid::nil(), &errand, Instant(0));
        crowd.tell(&ended, &people, &errand);
        let told: Vec<_> = crowd.sequence.iter().map(|d| (d.person.as_str(), d.outcome)).collect();
        let expected = [(5, "BOOKED"), (4, "REJECTED"), (3, "BOOKED"), (2, "REJECTED")];
        assert_eq!(told, expected.map(|(n, outcome)| (people[n - 1].name.as_str(), outcome)));
        assert_eq!(crowd.tally.iter().map(|t| t.count).sum::<u32>(), crowd.answered);
        assert_eq!((crowd.answered, crowd.winners.len(), crowd.units_peak), (5, 2, 2));
        assert_eq!((crowd.answers_took_ms, crowd.p50_ms, crowd.p99_ms), (4.0, 3.0, 5.0));
    }
}
