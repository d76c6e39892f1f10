//! Keys: one answer each, to one actor, for one thing, as long as they are kept.
//! How an execution fails is the engine's tests' to try; here a store answers.

use super::kit::{Bench, hours, recorded, said, sorted, told};
use crate::attempt::{Answer, Ids, Request};
use crate::port::Clock;
use futures_util::future::join;
use slotwise_domain::{Action, Fingerprint, Ground, ResourcePatch, Span, settle};

fn otherwise(request: &Request) -> Request {
    Request { fingerprint: Fingerprint([8; 32]), ..request.clone() }
}

pub(super) async fn a_replay_repeats_the_decision(b: &Bench) {
    let room = b.room(1).await;
    let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    let first = b.again(&request).await;
    b.clock.step(Span::seconds(5));
    let second = b.again(&request).await;
    assert_eq!((told(&first), told(&second)), ("BOOKED".into(), "again BOOKED".into()));
    assert_eq!(recorded(&first), recorded(&second));
    assert_eq!(b.version(room).await, 2);
    assert_eq!(b.recall(b.ben, request.key).await.as_ref(), Some(recorded(&first)));
    let standing = b.engine.standing(b.ben.0, request.key).await.unwrap();
    assert_eq!((standing.running, standing.recorded.as_ref()), (false, Some(recorded(&first))));
}

pub(super) async fn a_refusal_is_repeated_too(b: &Bench) {
    let room = b.room(1).await;
    let booking = b.booked(b.cyd, room, hours(9, 10)).await.id;
    let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    let first = b.again(&request).await;
    assert_eq!(told(&first), "full");
    assert_eq!(b.says(b.cyd, Action::Cancel { booking, reason: None }).await, "ACCEPTED");
    let second = b.again(&request).await;
    assert_eq!((told(&second), recorded(&second)), ("again full".into(), recorded(&first)));
    let anew = Request { key: b.ids.fresh(), ..request };
    assert_eq!(told(&b.again(&anew).await), "BOOKED");
}

pub(super) async fn the_same_key_at_once(b: &Bench) {
    let room = b.room(100).await;
    let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    let answers = b.at_once(vec![request; 20]).await;
    let told = sorted(&answers);
    assert_eq!(told.iter().filter(|t| *t == "BOOKED").count(), 1, "{told:?}");
    assert!(told.iter().all(|t| ["BOOKED", "again BOOKED", "InProgress"].contains(&t.as_str())), "{told:?}");
    assert_eq!(b.version(room).await, 2);
}

pub(super) async fn the_same_key_on_two_engines(b: &Bench) {
    let room = b.room(100).await;
    let other = b.another_engine(b.clock.clone());
    for n in 2..12 {
        let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
        let (one, two) = join(b.engine.execute(request.clone()), other.execute(request.clone())).await;
        let told = sorted(&[one, two]);
        // Whoever comes second waits for the first a hundred milliseconds, and may send it again.
        assert!(told == ["BOOKED", "again BOOKED"] || told == ["BOOKED", "FAILED conflict"], "{told:?}");
        assert_eq!(super::kit::told(&other.execute(request).await), "again BOOKED");
        assert_eq!(b.version(room).await, n);
    }
}

pub(super) async fn a_key_means_one_thing(b: &Bench) {
    let room = b.room(2).await;
    let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    let first = b.again(&request).await;
    assert_eq!(told(&b.again(&otherwise(&request)).await), "KeyReused");
    assert_eq!(b.version(room).await, 2);
    assert_eq!(recorded(&b.again(&request).await), recorded(&first));
}

pub(super) async fn a_key_belongs_to_its_actor(b: &Bench) {
    let room = b.room(2).await;
    let request = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    assert_eq!(told(&b.again(&request).await), "BOOKED");
    let theirs = b.request(b.cyd, b.book(b.cyd, room, hours(9, 10)));
    let theirs = Request { key: request.key, ..otherwise(&theirs) };
    let answer = b.again(&theirs).await;
    assert_eq!(told(&answer), "BOOKED");
    assert_ne!(b.recall(b.ben, request.key).await, b.recall(b.cyd, request.key).await);
}

pub(super) async fn a_key_twice_in_one_commit(b: &Bench) {
    let room = b.room(5).await;
    let proposal = b.proposal(b.ben, b.book(b.ben, room, hours(9, 10)));
    let mut other = proposal.clone();
    other.fingerprint = Fingerprint([8; 32]);
    let fresh = b.proposal(b.cyd, b.book(b.cyd, room, hours(9, 10)));
    let settled = b.store.commit(vec![proposal.clone(), proposal.clone(), other.clone(), fresh], settle).await.unwrap();
    let told: Vec<String> = settled.into_iter().map(said).collect();
    assert_eq!(told, ["BOOKED", "again BOOKED", "KeyReused", "BOOKED"]);
    assert_eq!(b.version(room).await, 3);
    assert_eq!(b.commit(vec![other, proposal]).await, ["KeyReused", "again BOOKED"]);
}

pub(super) async fn old_keys_are_refused(b: &Bench) {
    let room = b.room(5).await;
    let known = b.request(b.ben, b.book(b.ben, room, hours(9, 10)));
    assert_eq!(told(&b.again(&known).await), "BOOKED");
    let now = b.clock.now();
    for (age, expected) in [(Span::days(7), "KeyExpired"), (Span(Span::days(7).0 - 1_000), "BOOKED")] {
        let request = b.request(b.cyd, b.book(b.cyd, room, hours(9, 10)));
        let request = Request { key: b.ids.dated(now.minus(age)), ..request };
        let version = b.version(room).await;
        assert_eq!(told(&b.again(&request).await), expected);
        let recorded = b.recall(b.cyd, request.key).await;
        assert_eq!(recorded.is_some(), expected == "BOOKED", "{recorded:?}");
        assert_eq!(b.version(room).await, version + u64::from(expected == "BOOKED"));
    }
    // What was recorded long ago is never done a second time.
    let version = b.version(room).await;
    b.clock.step(Span::days(8));
    let late = told(&b.again(&known).await);
    assert!(["again BOOKED", "KeyExpired"].contains(&late.as_str()), "{late}");
    assert_eq!(b.version(room).await, version);
}

pub(super) async fn what_failed_may_be_sent_again(b: &Bench) {
    let room = b.room(1).await;
    let edit = |policy_version| Action::EditResource {
        resource: room,
        policy_version,
        patch: Box::new(ResourcePatch { capacity: Some(Some(3)), ..ResourcePatch::default() }),
    };
    assert_eq!(b.says(b.ada, edit(1)).await, "ACCEPTED");
    let request = b.request(b.ada, edit(1));
    for _ in 0..2 {
        let answer = b.again(&request).await;
        let Answer::Failed(failure) = &answer else { panic!("{answer:?}") };
        let Some(Ground::PolicyVersion { yours: 1, theirs }) = &failure.ground else { panic!("{failure:?}") };
        assert_eq!((told(&answer).as_str(), theirs.policy_version), ("FAILED version_stale", 2));
        assert_eq!(b.recall(b.ada, request.key).await, None);
        assert!(b.engine.standing(b.ada.0, request.key).await.unwrap().last_failure.is_some());
    }
    assert_eq!(b.version(room).await, 2);
    let mut right = otherwise(&request);
    right.command.action = edit(2);
    assert_eq!(told(&b.again(&right).await), "ACCEPTED");
    assert_eq!(told(&b.again(&right).await), "again ACCEPTED");
}
