//! The attempt's key over HTTP: replays, reuse, strangers, and keys that are none.
//! Scenarios 31 to 34 and R24, one request at a time and at once.

use crate::harness::{Ask, World};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A UUIDv7 made so many seconds from now.
fn key_at(seconds: i64) -> Uuid {
    let millis = jiff::Timestamp::now().as_millisecond() + seconds * 1_000;
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap(), &[7; 10]).into_uuid()
}

#[test]
fn the_same_key_and_content_is_the_same_answer_and_no_second_booking() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 10);
    w.room("room");
    w.check(
        "ann POST /api/bookings hall 10:00-11:00 x2 key a          -> 201 BOOKED
         ann POST /api/bookings hall 10:00-11:00 x2 key a          -> 200 BOOKED replayed
         # scenario 32: another payload under it does nothing and leaves the first as it was
         ann POST /api/bookings hall 10:00-11:00 x3 key a          -> 422 key_reused
         ann POST /api/bookings hall 10:00-11:00 x2 key a          -> 200 BOOKED replayed
         # scenario 33: somebody else's key of the same name is another key
         bob POST /api/bookings hall 10:00-11:00 x2 key a          -> 201 BOOKED
         bob POST /api/bookings hall 10:00-11:00 x3 key a          -> 422 key_reused
         # a refusal is an answer too
         ann POST /api/bookings room 10:00-11:00                   -> 201 BOOKED
         bob POST /api/bookings room 10:00-11:00 key b             -> 409 REJECTED full
         bob POST /api/bookings room 10:00-11:00 key b             -> 409 REJECTED full replayed
         # the same key at another address is other content
         bob POST /api/holds room 12:00-13:00 key b                -> 422 key_reused
         # the document's language has replays as well
         ann POST /api/room-bookings room 12:00-13:00 key c        -> 201 BOOKED
         ann POST /api/room-bookings room 12:00-13:00 key c        -> 200 BOOKED replayed
         bob POST /api/holds hall 12:00-13:00 key d                -> 201 ACCEPTED
         bob POST /api/holds hall 12:00-13:00 key d                -> 200 ACCEPTED replayed",
    );
    assert_eq!(w.bookings_on("hall").len(), 2);
    assert_eq!(w.bookings_on("room").len(), 2);
    w.sweep();
}

#[test]
fn a_replay_repeats_the_refusal_though_it_would_be_accepted_now() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        "ann POST /api/bookings room 10:00-11:00 as a      -> 201 BOOKED
         bob POST /api/bookings room 10:00-11:00 key b     -> 409 REJECTED full
         ann POST /api/bookings/@a/cancel                  -> 200 ACCEPTED
         bob POST /api/bookings room 10:00-11:00 key b     -> 409 REJECTED full replayed
         bob POST /api/bookings room 10:00-11:00           -> 201 BOOKED",
    );
    w.sweep();
}

#[test]
fn a_replay_of_the_documents_refusal_says_so_too() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        "ann POST /api/room-bookings room 10:00-11:00        -> 201 BOOKED
         bob POST /api/room-bookings room 10:00-11:00 key b  -> 409 REJECTED full
         bob POST /api/room-bookings room 10:00-11:00 key b  -> 409 REJECTED full replayed",
    );
}

#[test]
fn keys_that_are_none_are_refused_and_leave_nothing() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let ask = |key: Option<String>| {
        let ask = Ask::post("/api/bookings").by(w.token("ann"));
        let (start, end) = w.span("10:00-11:00");
        let ask = ask.json(&json!({ "lines": [{ "resource": w.id("room"), "start": start, "end": end }] }));
        w.send(&key.into_iter().fold(ask, |ask, key| ask.header("idempotency-key", key))).told()
    };
    assert_eq!(ask(None), "400 key_missing");
    for none in ["", "7", "not-a-key", "00000000-0000-0000-0000-000000000000", &Uuid::new_v4().to_string()] {
        assert_eq!(ask(Some(none.into())), "422 key_invalid", "{none:?}");
    }
    let hour = 3_600;
    assert_eq!(ask(Some(key_at(-8 * 24 * hour).to_string())), "422 key_expired", "scenario 34");
    let standing = w.get("ann", &format!("/api/attempts/{}", key_at(-8 * 24 * hour)));
    assert_eq!((standing.status, &standing.json()["code"]), (404, &json!("key_expired")));
    assert_eq!(standing.json()["answer"]["code"], "key_expired", "{}", standing.text());
    assert_eq!(ask(Some(key_at(25 * hour).to_string())), "422 key_invalid", "dated more than a day ahead");
    assert!(w.bookings_on("room").is_empty());
    // Old but not too old, and a little ahead, are keys; the structured form of the header draft is understood.
    assert_eq!(ask(Some(format!("\"{}\"", key_at(-6 * 24 * hour)))), "201 BOOKED");
    assert_eq!(ask(Some(key_at(23 * hour).to_string())), "409 REJECTED full");
}

#[test]
fn only_the_documents_request_may_come_without_a_key_and_is_told_the_one_it_got() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let (start, end) = w.span("10:00-11:00");
    let body = json!({ "roomId": w.id("room"), "start": start, "end": end });
    let reply = w.send(&Ask::post("/api/room-bookings").by(w.token("ann")).json(&body));
    assert_eq!(reply.told(), "201 BOOKED");
    let key = reply.json()["attempt"].as_str().unwrap().to_owned();
    assert_eq!(w.read("ann", &format!("/api/attempts/{key}"))["outcome"], "BOOKED");
    let again = Ask::post("/api/room-bookings").by(w.token("ann")).header("idempotency-key", key).json(&body);
    assert_eq!(w.send(&again).told(), "200 BOOKED replayed");
    for (path, body) in [
        ("/api/holds", json!({ "resource": w.id("room"), "start": w.at("12:00"), "end": w.at("13:00") })),
        ("/api/bookings/00000000-0000-7000-8000-000000000000/cancel", json!({})),
        ("/api/bookings/00000000-0000-7000-8000-000000000000/approve", json!({})),
        ("/api/resources", json!({ "kind": "room", "name": "x", "zone": "UTC" })),
    ] {
        assert_eq!(w.send(&Ask::post(path).by(w.token("root")).json(&body)).told(), "400 key_missing", "{path}");
    }
}

#[test]
fn an_attempt_is_told_by_its_key_to_its_actor_only() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        "ann POST /api/bookings room 10:00-11:00 key a title Secret  -> 201 BOOKED
         bob POST /api/bookings room 10:00-11:00 key b               -> 409 REJECTED full",
    );
    let (a, b) = (w.keys["a"], w.keys["b"]);
    let booked = w.read("ann", &format!("/api/attempts/{a}"));
    assert_eq!((&booked["state"], &booked["outcome"]), (&json!("recorded"), &json!("BOOKED")), "{booked}");
    assert_eq!(booked["answer"]["booking"]["title"], "Secret", "{booked}");
    assert_eq!(booked["last_failure"], json!(null));
    let refused = w.read("bob", &format!("/api/attempts/{b}"));
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("REJECTED"), &json!("full")), "{refused}");
    assert_eq!(refused["answer"]["witness"]["owner"], "ann", "{refused}");
    // Nobody learns of another's attempt: it is as unknown as one that never was.
    for (who, key) in [("bob", a), ("root", a), ("ann", Uuid::now_v7())] {
        let unknown = w.get(who, &format!("/api/attempts/{key}"));
        assert_eq!((unknown.status, &unknown.json()["state"]), (404, &json!("unknown")), "{who}: {}", unknown.text());
        assert_eq!(unknown.json()["attempt"], key.to_string());
    }
    assert_eq!(w.get("ann", "/api/attempts/nonsense").status, 404);
}

#[test]
fn a_failed_attempt_is_not_recorded_and_tells_how_it_failed_last() {
    let mut w = World::new(&[]);
    w.room("room");
    w.check(r#"root PATCH /api/resources/@room if 7 key k {"seats": 3} -> 412 FAILED version_stale"#);
    let unknown = w.get("root", &format!("/api/attempts/{}", w.keys["k"]));
    assert_eq!((unknown.status, &unknown.json()["state"]), (404, &json!("unknown")));
    assert_eq!(unknown.json()["last_failure"]["code"], "version_stale", "{}", unknown.text());
    // The same key may be sent again, and is a new execution.
    w.check(r#"root PATCH /api/resources/@room if 7 key k {"seats": 3} -> 412 FAILED version_stale"#);
}

#[test]
fn one_key_sent_by_many_connections_at_once_books_once() {
    let mut w = World::new(&["ann"]);
    w.hall("hall", 100);
    // Scenario 31: one executes; the others are told that it runs, or its answer.
    for _ in 0..5 {
        let ask = w.book("ann", "hall", "10:00-11:00", 1);
        let replies = w.race(&vec![ask; 20]);
        let mut told: BTreeMap<String, usize> = BTreeMap::new();
        replies.iter().for_each(|r| *told.entry(r.told()).or_default() += 1);
        assert_eq!(told.get("201 BOOKED"), Some(&1), "{told:?}");
        let others = ["201 BOOKED", "200 BOOKED replayed", "409 in_progress"];
        assert!(told.keys().all(|t| others.contains(&t.as_str())), "{told:?}");
        let ids = replies.iter().filter(|r| r.status < 300).map(|r| r.json()["booking"]["id"].to_string());
        assert_eq!(ids.collect::<std::collections::BTreeSet<_>>().len(), 1);
    }
    assert_eq!(w.bookings_on("hall").len(), 5);
    w.sweep();
}

#[test]
fn one_key_with_two_contents_at_once_executes_one_of_them() {
    let mut w = World::new(&["ann"]);
    w.hall("hall", 100);
    // R24: whichever comes first has the key; the other is refused and does nothing.
    for round in 0..10 {
        let key = Uuid::now_v7();
        let asks = ["10:00-11:00", "12:00-13:00"].map(|span| {
            let mut ask = w.book("ann", "hall", span, 1);
            ask.headers.retain(|(n, _)| n != "idempotency-key");
            ask.key(key)
        });
        let mut told: Vec<String> = w.race(&asks).iter().map(|r| r.told()).collect();
        told.sort();
        assert_eq!(told, ["201 BOOKED", "422 key_reused"]);
        assert_eq!(w.bookings_on("hall").len(), round + 1);
    }
    w.sweep();
}
