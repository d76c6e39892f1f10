//! The crowd of a demo: so many made-up people who all want the same at once, sent through real attempts, and what became of each.
//! It judges nothing and keeps nothing that is true: what it shows is what the engine answered, and what is on record afterwards.

mod told;

use crate::app::App;
use crate::problem::Problem;
use crate::realtime::Realtime;
use crate::wire::{fingerprint, time};
use axum::http::StatusCode;
use slotwise_domain::{
    Action, Actor, BookingId, Command, Details, Instant, Interval, Line, Outcome, PersonId, ResourceId, Role, Version,
};
use slotwise_engine::round::outcome_code;
use slotwise_engine::{Answer, BookingFilter, PersonCard, Request};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant as Moment, MissedTickBehavior};
use told::Ended;
use uuid::Uuid;

pub use told::CrowdBody;

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
        command: Command { actor: Actor::Person(card.id), action, seen: None, reason: None },
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
            command: Command { actor: Actor::Person(card.id), action, seen: None, reason: None },
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

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(start: i64, end: i64) -> Interval {
        Interval::new(Instant(start), Instant(end)).unwrap()
    }

    #[test]
    fn those_who_come_later_want_it_later_by_quarters() {
        let hour = interval(0, 3_600_000_000);
        let starts: Vec<i64> = (0..9).map(|n| later(hour, n).start().0 / 60_000_000).collect();
        assert_eq!(starts, [0, 15, 30, 45, 60, 75, 90, 105, 0]);
        assert_eq!(later(hour, 3).end().0 / 60_000_000, 105);
    }
}
