//! One attempt among faults: clients that go away, keys that come twice, queues that are full, commits nobody can vouch for.
//! In each an execution tries one commit at most.

use crate::faulty::{Fault, Faulty};
use futures_util::FutureExt;
use futures_util::future::join_all;
use slotwise_domain::{
    Action, Actor, AttemptKey, BookingId, Command, Details, Fingerprint, Interval, Kind, Line, PartId, PersonId,
    Policy, ResourceId, ResourceSpec, Role, Scope, Span, Zone,
};
use slotwise_engine::committer::{Spawn, as_a_task, on_a_thread};
use slotwise_engine::conformance::{START, TestClock, TestIds};
use slotwise_engine::memory::Memory;
use slotwise_engine::outbox::Outbox;
use slotwise_engine::{Answer, Directory, Engine, Ids, Limits, NoAnswer, PersonCard, Request, Store};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::sleep;

struct Bench {
    store: Arc<Faulty>,
    engine: Arc<Engine>,
    ids: Arc<TestIds>,
    ada: PersonId,
    ben: PersonId,
    room: ResourceId,
}

/// A room of ten units, and Ben.
async fn bench(limits: Limits) -> Bench {
    bench_of(limits, 1).await
}

async fn bench_of(limits: Limits, at_once: usize) -> Bench {
    bench_as(limits, at_once, on_a_thread).await
}

async fn bench_as(limits: Limits, at_once: usize, spawn: Spawn) -> Bench {
    let clock = TestClock::at(START);
    let ids = TestIds::of(clock.clone());
    let memory = Memory::new(clock.clone());
    let (ada, ben, room) = (PersonId(ids.fresh()), PersonId(ids.fresh()), ResourceId(ids.fresh()));
    for (id, name, role) in [(ada, "Ada", Role::Admin), (ben, "Ben", Role::Member)] {
        memory.put_person(PersonCard { id, name: name.into(), title: "Teacher".into(), role }).await.unwrap();
    }
    let store = Faulty::wide(memory, at_once);
    let engine = Engine::start_with(store.clone(), clock, ids.clone(), limits, spawn);
    let bench = Bench { store, engine, ids, ada, ben, room };
    bench.make(room).await;
    bench
}

fn told(answer: &Answer) -> String {
    match answer {
        Answer::Decided(recorded, _) => recorded.decision.outcome.name().into(),
        Answer::Replayed(recorded) => format!("again {}", recorded.decision.outcome.name()),
        Answer::Failed(failure) => format!("FAILED {}", failure.code.name()),
        Answer::None(no) => format!("{no:?}"),
    }
}

impl Bench {
    fn request(&self, who: PersonId, action: Action) -> Request {
        let command = Command { actor: Actor::Person(who), action, seen: None, reason: None };
        Request { key: self.ids.fresh(), fingerprint: Fingerprint([7; 32]), command }
    }

    fn book(&self) -> Request {
        let start = START.plus(Span::days(1));
        let interval = Interval::new(start, start.plus(Span::hours(1))).ok();
        let lines = vec![Line { resource: self.room, interval, units: 1 }];
        let booking = BookingId(self.ids.fresh());
        self.request(
            self.ben,
            Action::Book { booking, owner: self.ben, lines, details: Details::default(), hold: None },
        )
    }

    async fn make(&self, room: ResourceId) {
        let spec = ResourceSpec {
            kind: Kind::Room,
            name: "Room".into(),
            building: None,
            seats: None,
            equipment: Vec::new(),
            zone: Zone::utc(),
            capacity: Some(10),
            interval: None,
            policy: Policy::default(),
            group: None,
            linked: Vec::new(),
            course: None,
        };
        let action = Action::CreateResource { resource: room, spec: Box::new(spec) };
        assert_eq!(told(&self.engine.execute(self.request(self.ada, action)).await), "ACCEPTED");
    }

    /// A booking of these rooms at one time.
    fn bundle(&self, rooms: &[ResourceId]) -> Request {
        let start = START.plus(Span::days(1));
        let interval = Interval::new(start, start.plus(Span::hours(1))).ok();
        let lines = rooms.iter().map(|room| Line { resource: *room, interval, units: 1 }).collect();
        let (booking, details) = (BookingId(self.ids.fresh()), Details::default());
        self.request(self.ben, Action::Book { booking, owner: self.ben, lines, details, hold: None })
    }

    fn key(&self, request: &Request) -> AttemptKey {
        AttemptKey { part: PartId::DEFAULT, actor: self.ben.0, key: request.key }
    }

    async fn says(&self, request: &Request) -> String {
        told(&self.engine.execute(request.clone()).await)
    }

    fn spawn(&self, request: &Request) -> JoinHandle<Answer> {
        let (engine, request) = (self.engine.clone(), request.clone());
        tokio::spawn(async move { engine.execute(request).await })
    }

    fn tries(&self, request: &Request) -> usize {
        self.store.tries_of(self.key(request))
    }

    async fn is_recorded(&self, request: &Request) -> bool {
        self.store.recall(self.key(request)).await.unwrap().is_some()
    }

    async fn bookings(&self) -> u64 {
        let scope = Scope { resources: [self.room].into(), ..Scope::default() };
        self.store.observe(scope).await.unwrap().calendars[&self.room].levels.at(START.plus(Span::days(1))).booked
    }
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_execution() {
    let b = bench(Limits::default()).await;
    let mut outbox = Outbox::from_now(&b.engine).await.unwrap();
    let request = b.book();
    b.store.close();
    assert!(b.engine.execute(request.clone()).now_or_never().is_none(), "polled once, and dropped");
    b.store.open();
    b.engine.drain().await;
    assert!(b.is_recorded(&request).await);
    assert_eq!((b.bookings().await, b.tries(&request)), (1, 1));
    let records = outbox.next().await;
    assert_eq!(records.iter().map(|r| r.attempt).collect::<Vec<_>>(), [request.key]);
    assert_eq!(b.says(&request).await, "again BOOKED");

    // Gone while the commit is under way.
    b.store.close();
    let request = b.book();
    let client = b.spawn(&request);
    b.store.somebody_came().await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    assert!(b.engine.standing(b.ben.0, request.key).await.unwrap().running);
    b.store.open();
    b.engine.drain().await;
    assert!(b.is_recorded(&request).await);
    assert_eq!(b.bookings().await, 2);
}

#[tokio::test]
async fn a_key_that_is_running_is_not_run_twice() {
    let b = bench(Limits::default()).await;
    b.store.close();
    let request = b.book();
    let first = b.spawn(&request);
    b.store.somebody_came().await;
    let otherwise = Request { fingerprint: Fingerprint([8; 32]), ..request.clone() };
    assert_eq!(b.says(&request).await, "InProgress");
    assert_eq!(b.says(&otherwise).await, "KeyReused");
    let standing = b.engine.standing(b.ben.0, request.key).await.unwrap();
    assert!(standing.running && standing.recorded.is_none());
    b.store.open();
    assert_eq!(told(&first.await.unwrap()), "BOOKED");
    assert_eq!(b.says(&request).await, "again BOOKED");
    assert_eq!(b.says(&otherwise).await, "KeyReused");
    assert_eq!(b.bookings().await, 1);
    let standing = b.engine.standing(b.ben.0, request.key).await.unwrap();
    assert!(!standing.running && standing.recorded.is_some() && standing.last_failure.is_none());
}

/// Its claim is given back after its record can be read.
#[tokio::test]
async fn what_is_durable_is_never_said_to_be_running() {
    let b = bench(Limits::default()).await;
    b.store.close();
    b.store.ends_in(Fault::ToldLate);
    let request = b.book();
    let first = b.spawn(&request);
    b.store.somebody_came().await;
    assert_eq!(b.says(&request).await, "InProgress");
    b.store.gate.add_permits(1);
    b.store.somebody_came().await;
    assert!(b.is_recorded(&request).await && b.engine.running() == 1, "durable, and nobody is told yet");
    let otherwise = Request { fingerprint: Fingerprint([8; 32]), ..request.clone() };
    assert_eq!(b.says(&request).await, "again BOOKED");
    assert_eq!(b.says(&otherwise).await, "KeyReused");
    b.store.open();
    assert_eq!(told(&first.await.unwrap()), "BOOKED");
    assert_eq!((b.bookings().await, b.tries(&request)), (1, 1));
}

#[tokio::test]
async fn a_full_queue_is_busy_at_once() {
    let b = bench(Limits { queue_max: 2, batch_max: 1, ..Limits::default() }).await;
    b.store.close();
    let committing = b.book();
    let first = b.spawn(&committing);
    b.store.somebody_came().await;
    let (waiting, turned_away) = ([b.book(), b.book()], b.book());
    let others: Vec<_> = waiting.iter().map(|r| b.spawn(r)).collect();
    // On one thread each of them runs until it waits.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(b.says(&turned_away).await, "FAILED busy");
    assert_eq!(b.tries(&turned_away), 0);
    let standing = b.engine.standing(b.ben.0, turned_away.key).await.unwrap();
    assert!(!standing.running && standing.recorded.is_none() && standing.last_failure.is_some());
    b.store.open();
    assert_eq!(told(&first.await.unwrap()), "BOOKED");
    for other in others {
        assert_eq!(told(&other.await.unwrap()), "BOOKED");
    }
    assert_eq!(b.says(&turned_away).await, "BOOKED", "the key may be sent again");
    assert_eq!(b.bookings().await, 4);
}

#[tokio::test]
async fn who_waited_too_long_in_the_queue_is_busy_and_not_tried() {
    let queue_wait_max = Duration::from_millis(20);
    let b = bench(Limits { batch_max: 1, queue_wait_max, ..Limits::default() }).await;
    b.store.close();
    let first = b.spawn(&b.book());
    b.store.somebody_came().await;
    let request = b.book();
    let late = b.spawn(&request);
    // Told while the commit before it still hangs, not when its turn would have come.
    assert_eq!(told(&late.await.unwrap()), "FAILED busy");
    b.store.open();
    assert_eq!(told(&first.await.unwrap()), "BOOKED", "what is being committed is not given up");
    assert_eq!((b.tries(&request), b.bookings().await), (0, 1));
    assert_eq!(b.says(&request).await, "BOOKED");
}

#[tokio::test]
async fn more_executions_than_allowed_are_turned_away_before_anything_is_read() {
    let b = bench(Limits { running_max: 2, ..Limits::default() }).await;
    b.store.close();
    let requests = [b.book(), b.book()];
    let running: Vec<_> = requests.iter().map(|r| b.spawn(r)).collect();
    b.store.somebody_came().await;
    assert!(b.engine.is_full());
    let turned_away = b.book();
    // Blind, an execution could not even be proposed.
    *b.store.blind.lock().unwrap() = true;
    assert_eq!(b.says(&turned_away).await, "FAILED busy");
    assert_eq!(b.says(&requests[0]).await, "InProgress", "a key that runs is told so all the same");
    *b.store.blind.lock().unwrap() = false;
    b.store.open();
    for answer in running {
        assert_eq!(told(&answer.await.unwrap()), "BOOKED");
    }
    assert!(!b.engine.is_full());
    assert_eq!(b.says(&turned_away).await, "BOOKED", "its key stayed free");
}

/// What commits has a thread of its own; it must not outlive the runtime, also not while a commit hangs.
#[test]
fn a_runtime_ends_though_somebody_holds_an_engine() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let b = runtime.block_on(async {
        let b = bench(Limits::default()).await;
        b.store.close();
        drop(b.spawn(&b.book()));
        b.store.somebody_came().await;
        b
    });
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(runtime);
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(60)).expect("the runtime does not end");
    assert_eq!(b.engine.running(), 0, "it was held until now");
}

/// Whoever would have to wait too long is turned away at once and leaves nothing; what the engine asks for itself is not.
#[tokio::test]
async fn who_would_wait_too_long_is_turned_away_before_anything_is_read() {
    let limits = Limits { batch_max: 4, expected_wait_max: Duration::from_millis(200), ..Limits::default() };
    let b = bench(limits).await;
    let crowd = async |of: usize, commit: Duration| {
        b.store.close();
        let running: Vec<_> = (0..of).map(|_| b.spawn(&b.book())).collect();
        b.store.somebody_came().await;
        let full = b.engine.is_full();
        let turned_away = b.book();
        let said = if full { b.says(&turned_away).await } else { String::new() };
        let left = b.engine.standing(b.ben.0, turned_away.key).await.unwrap();
        assert!(!left.running && left.recorded.is_none() && left.last_failure.is_none());
        if full {
            let expire = Action::ExpireHolds { resource: b.room };
            let command = Command { actor: Actor::System, action: expire, seen: None, reason: None };
            let ours = Request { key: b.ids.fresh(), fingerprint: Fingerprint([9; 32]), command };
            let ours = b.spawn(&ours);
            sleep(commit).await;
            b.store.open();
            assert_ne!(told(&ours.await.unwrap()), "FAILED busy");
        } else {
            sleep(commit).await;
            b.store.open();
        }
        for answer in running {
            assert!(["BOOKED", "REJECTED"].contains(&told(&answer.await.unwrap()).as_str()));
        }
        assert_eq!(b.tries(&turned_away), 0);
        (full, said)
    };
    // Nothing is known: all are let in, and took more than a second.
    assert_eq!(crowd(12, Duration::from_millis(1_200)).await, (false, String::new()));
    assert_eq!(crowd(3, Duration::ZERO).await, (false, String::new()), "few are let in whatever is expected");
    assert_eq!(crowd(4, Duration::ZERO).await, (true, "FAILED busy".into()));
    // It is fast again: that is learned from those who were let in.
    while b.engine.is_full() || crowd(4, Duration::ZERO).await.0 {}
}

/// Four times too many at a store that takes a fifth of a second for two: each is told something definite or turned away, in time.
#[tokio::test]
async fn a_burst_four_times_too_large_is_shed_and_over_within_five_seconds() {
    let limits = Limits { running_max: 100, batch_max: 2, ..Limits::default() };
    let b = bench(limits).await;
    b.store.close();
    let gate = b.store.clone();
    let slow = tokio::spawn(async move {
        loop {
            sleep(Duration::from_millis(200)).await;
            gate.gate.add_permits(1);
        }
    });
    let began = tokio::time::Instant::now();
    let requests: Vec<Request> = (0..400).map(|_| b.book()).collect();
    let answers = join_all(requests.iter().map(|r| b.spawn(r))).await;
    assert!(began.elapsed() <= Duration::from_secs(5), "the last answer came after {:?}", began.elapsed());
    let mut count = std::collections::BTreeMap::new();
    for (request, answer) in requests.iter().zip(answers) {
        let told = told(&answer.unwrap());
        assert_eq!(b.tries(request), usize::from(told != "FAILED busy"), "{told}");
        *count.entry(told).or_insert(0) += 1;
    }
    // About twenty commits begin in four seconds; what was taken by then is waited for.
    assert_eq!(count["BOOKED"], 10, "{count:?}");
    assert!(count["REJECTED"] >= 10 && count["FAILED busy"] >= 300, "{count:?}");
    assert_eq!(count.values().sum::<i32>(), 400, "nobody is left without an outcome: {count:?}");
    assert_eq!(count.len(), 3, "{count:?}");
    slow.abort();
}

#[tokio::test]
async fn who_waited_too_long_for_the_answer_has_none_yet() {
    let b = bench(Limits { answer_wait_max: Duration::from_millis(20), ..Limits::default() }).await;
    b.store.close();
    let request = b.book();
    assert_eq!(b.says(&request).await, "NotYet");
    assert!(b.engine.standing(b.ben.0, request.key).await.unwrap().running);
    b.store.open();
    b.engine.drain().await;
    let standing = b.engine.standing(b.ben.0, request.key).await.unwrap();
    assert!(!standing.running && standing.recorded.is_some());
    assert_eq!(b.bookings().await, 1);
}

#[tokio::test]
async fn what_may_be_durable_has_no_outcome_until_somebody_asks() {
    let b = bench(Limits::default()).await;
    for (fault, written) in [(Fault::UnknownWritten, true), (Fault::UnknownLost, false), (Fault::TooFew, true)] {
        let before = b.bookings().await;
        b.store.ends_in(fault);
        let request = b.book();
        let answer = b.engine.execute(request.clone()).await;
        assert!(matches!(answer, Answer::None(NoAnswer::NotYet)), "{fault:?}: {answer:?}");
        let standing = b.engine.standing(b.ben.0, request.key).await.unwrap();
        assert_eq!((standing.running, standing.recorded.is_some()), (false, written), "{fault:?}");
        assert!(standing.last_failure.is_none(), "{fault:?}: what may have happened did not fail");
        b.store.ends_in(Fault::None);
        assert_eq!(b.tries(&request), 1, "{fault:?}: never tried again by us");
        let again = if written { "again BOOKED" } else { "BOOKED" };
        assert_eq!(b.says(&request).await, again, "{fault:?}");
        assert_eq!(b.bookings().await, before + 1, "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_not_written_failed_and_may_be_sent_again() {
    let b = bench(Limits::default()).await;
    b.store.ends_in(Fault::NothingWritten);
    let request = b.book();
    for n in 1..=2 {
        assert_eq!(b.says(&request).await, "FAILED store_unavailable");
        assert_eq!(b.tries(&request), n);
        let standing = b.engine.standing(b.ben.0, request.key).await.unwrap();
        assert!(!standing.running && standing.recorded.is_none());
        assert_eq!(standing.last_failure.map(|(code, _)| code.name()), Some("store_unavailable"));
    }
    b.store.ends_in(Fault::None);
    assert_eq!(b.says(&request).await, "BOOKED");
    assert_eq!(b.bookings().await, 1);
}

#[tokio::test]
async fn what_cannot_be_observed_is_not_tried() {
    let b = bench(Limits::default()).await;
    *b.store.blind.lock().unwrap() = true;
    let request = b.book();
    assert_eq!(b.says(&request).await, "FAILED store_unavailable");
    assert_eq!(b.tries(&request), 0);
    *b.store.blind.lock().unwrap() = false;
    assert_eq!(b.says(&request).await, "BOOKED");
}

#[tokio::test]
async fn failures_are_remembered_up_to_a_bound() {
    let b = bench(Limits { failures_max: 3, ..Limits::default() }).await;
    b.store.ends_in(Fault::NothingWritten);
    let requests: Vec<Request> = (0..5).map(|_| b.book()).collect();
    for request in &requests {
        assert_eq!(b.says(request).await, "FAILED store_unavailable");
    }
    let mut remembered = Vec::new();
    for request in &requests {
        remembered.push(b.engine.standing(b.ben.0, request.key).await.unwrap().last_failure.is_some());
    }
    assert_eq!(remembered, [false, false, true, true, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_execution_tries_one_commit_at_most() {
    let b = bench(Limits { queue_max: 20, batch_max: 7, ..Limits::default() }).await;
    let mut answers = Vec::new();
    for fault in [Fault::None, Fault::NothingWritten, Fault::UnknownLost, Fault::UnknownWritten] {
        b.store.ends_in(fault);
        let requests: Vec<Request> = (0..100).map(|_| b.book()).collect();
        for (request, answer) in requests.iter().zip(join_all(requests.iter().map(|r| b.spawn(r))).await) {
            let (told, tries) = (told(&answer.unwrap()), b.tries(request));
            assert_eq!(tries, usize::from(told != "FAILED busy"), "{told}");
            answers.push(told);
        }
    }
    answers.sort();
    answers.dedup();
    for expected in ["BOOKED", "FAILED store_unavailable", "NotYet", "REJECTED"] {
        assert!(answers.iter().any(|a| a == expected), "{expected} is among {answers:?}");
    }
}

/// Lets everything else on this thread run until it waits.
async fn all_wait() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Two commits at a time: on other rooms, never on one; whoever wants what is wanted waits, and is overtaken by nobody who wants the same.
#[tokio::test]
async fn commits_on_other_resources_go_side_by_side() {
    let b = bench_of(Limits::default(), 2).await;
    let (one, two, three) = (b.room, ResourceId(b.ids.fresh()), ResourceId(b.ids.fresh()));
    b.make(two).await;
    b.make(three).await;
    b.store.close();
    let first = b.bundle(&[one]);
    let mut told_of = vec![b.spawn(&first)];
    b.store.somebody_came().await;
    // Waits for the room that is wanted already; the next wants the other room that this one wants, and waits behind it.
    let (both, behind) = (b.bundle(&[one, two]), b.bundle(&[two]));
    told_of.push(b.spawn(&both));
    all_wait().await;
    told_of.push(b.spawn(&behind));
    all_wait().await;
    assert_eq!((b.tries(&both), b.tries(&behind), b.engine.waiting()), (0, 0, 2));
    let beside = b.bundle(&[three]);
    told_of.push(b.spawn(&beside));
    b.store.somebody_came().await;
    assert_eq!(b.tries(&beside), 1);
    // As many as may be are under way: whoever comes now waits, whatever they want.
    let third = b.bundle(&[three]);
    told_of.push(b.spawn(&third));
    all_wait().await;
    assert_eq!(b.tries(&third), 0);
    // As soon as there is room, those who waited share a commit.
    b.store.gate.add_permits(2);
    b.store.somebody_came().await;
    all_wait().await;
    assert_eq!((b.tries(&both), b.tries(&behind)), (1, 1));
    b.store.open();
    for told_of in told_of {
        assert_eq!(told(&told_of.await.unwrap()), "BOOKED");
    }
    for request in [&first, &both, &behind, &beside, &third] {
        assert_eq!(b.tries(request), 1);
    }
    assert_eq!(b.engine.waiting(), 0);
}

/// Beside a commit under way those who come within two milliseconds share one; sixteen wait for nobody else.
#[tokio::test(start_paused = true)]
async fn a_commit_beside_another_is_shared() {
    let b = bench_as(Limits::default(), 2, as_a_task).await;
    let rooms: Vec<ResourceId> = (0..20).map(|_| ResourceId(b.ids.fresh())).collect();
    for room in &rooms {
        b.make(*room).await;
    }
    b.store.close();
    let requests: Vec<Request> = rooms.iter().map(|room| b.bundle(&[*room])).collect();
    let mut told_of = Vec::new();
    for (place, wait) in [(0..1, 0), (1..4, 2), (4..20, 0)] {
        let begun = tokio::time::Instant::now();
        for request in &requests[place.clone()] {
            told_of.push(b.spawn(request));
            all_wait().await;
        }
        b.store.somebody_came().await;
        assert_eq!(begun.elapsed().as_millis(), wait, "{place:?}");
        assert!(requests[place].iter().all(|request| b.tries(request) == 1), "all of them share it");
        if wait > 0 {
            // The first has come through, and another is under way still.
            b.store.gate.add_permits(1);
            all_wait().await;
        }
    }
    b.store.open();
    for told_of in told_of {
        assert_eq!(told(&told_of.await.unwrap()), "BOOKED");
    }
}

/// While a commit is under way a screen says that it shows what was so before it began.
#[tokio::test]
async fn what_is_shown_is_before_what_is_being_decided() {
    for at_once in [1, 3] {
        let b = bench_of(Limits::default(), at_once).await;
        assert_eq!(b.engine.seen_until(), b.engine.now());
        b.store.close();
        let request = b.book();
        let client = b.spawn(&request);
        b.store.somebody_came().await;
        assert_eq!(b.engine.seen_until(), b.engine.now().minus(Span(1)));
        b.store.open();
        assert_eq!(told(&client.await.unwrap()), "BOOKED");
        assert_eq!(b.engine.seen_until(), b.engine.now());
    }
}
