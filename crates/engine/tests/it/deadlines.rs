//! What fell due while nobody ran: all of it before anybody is served, in rounds, and not for ever if nothing can be written.
//! When a hold is over is the domain's tests' to say.

use crate::faulty::{Fault, Faulty};
use slotwise_domain::{
    Action, Actor, Command, Fingerprint, HoldId, Interval, Kind, Line, PersonId, Policy, ResourceId, ResourceSpec,
    Role, Span, Zone,
};
use slotwise_engine::conformance::{START, TestClock, TestIds};
use slotwise_engine::memory::Memory;
use slotwise_engine::{Answer, Clock, Directory, Engine, Ids, Limits, PersonCard, Request, Store, deadlines};

/// More than one round takes.
const ROOMS: usize = 600;
/// Holds that one person may have.
const EACH: usize = 10;

#[tokio::test]
async fn all_that_is_overdue_is_freed_before_anybody_is_served() {
    let clock = TestClock::at(START);
    let ids = TestIds::of(clock.clone());
    let memory = Memory::new(clock.clone());
    let person = |role| PersonCard { id: PersonId(ids.fresh()), name: "P".into(), title: String::new(), role };
    let ada = person(Role::Admin);
    memory.put_person(ada.clone()).await.unwrap();
    let store = Faulty::over(memory.clone());
    let engine = Engine::start(store.clone(), clock.clone(), ids.clone(), Limits::default());
    let request = |who: PersonId, action| {
        let command = Command { actor: Actor::Person(who), action, seen: None, reason: None };
        Request { key: ids.fresh(), fingerprint: Fingerprint([7; 32]), command }
    };
    let from = START.plus(Span::hours(1));
    let interval = Interval::new(from, from.plus(Span::hours(1))).unwrap();
    let mut holder = ada.id;
    for n in 0..ROOMS {
        if n.is_multiple_of(EACH) {
            let next = person(Role::Member);
            holder = next.id;
            memory.put_person(next).await.unwrap();
        }
        let resource = ResourceId(ids.fresh());
        let spec = ResourceSpec {
            kind: Kind::Room,
            name: format!("Room {n}"),
            building: None,
            seats: None,
            equipment: Vec::new(),
            zone: Zone::utc(),
            capacity: Some(1),
            interval: None,
            policy: Policy::default(),
            group: None,
            linked: Vec::new(),
            course: None,
        };
        let create = Action::CreateResource { resource, spec: Box::new(spec) };
        let line = Line { resource, interval: Some(interval), units: 1 };
        let hold = Action::Hold { hold: HoldId(ids.fresh()), line };
        for (who, action) in [(ada.id, create), (holder, hold)] {
            let answer = engine.execute(request(who, action)).await;
            assert!(matches!(answer, Answer::Decided(..)), "{answer:?}");
        }
    }
    clock.step(Span::minutes(1));
    let left = || async { store.due(Some(clock.now()), ROOMS + 1).await.unwrap().len() };
    assert_eq!(left().await, ROOMS);
    store.ends_in(Fault::NothingWritten);
    deadlines::fire_overdue(&engine).await;
    assert_eq!(left().await, ROOMS);
    store.ends_in(Fault::None);
    deadlines::fire_overdue(&engine).await;
    assert_eq!(left().await, 0);
}
