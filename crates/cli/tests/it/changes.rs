//! Moving, swapping, many attempts in one request, and the history of a booking, over HTTP.
//! What is refused and why is the domain's to try; here it is what a program sends and is told.

use crate::harness::World;
use crate::harness::http::{Ask, Reply};
use serde_json::{Value, json};
use std::thread::sleep;
use std::time::{Duration, Instant};
use uuid::Uuid;

fn lines(w: &World, booking: &str) -> Vec<(Value, Value, Value)> {
    let booking = w.read("root", &format!("/api/bookings/{booking}"));
    let lines = booking["lines"].as_array().unwrap().iter();
    lines.map(|l| (l["resource"].clone(), l["start"].clone(), l["units"].clone())).collect()
}

#[test]
fn the_old_place_is_kept_unless_the_new_one_is_had() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 as a                -> 201 BOOKED
           bob POST /api/bookings room 11:00-12:00 as b                -> 201 BOOKED
           ann POST /api/bookings/@a/move room 11:00-12:00 as full     -> 409 REJECTED full "Room already booked by bob"
           ann POST /api/bookings/@a/move room 10:30-11:30             -> 409 REJECTED full
           ann POST /api/bookings/@a/move room 10:00-10:30 as shorter  -> 200 ACCEPTED
           bob POST /api/bookings/@b/move room 10:30-12:00             -> 200 ACCEPTED
           ann POST /api/bookings/@a/move room 09:00-10:00 key k       -> 200 ACCEPTED
           ann POST /api/bookings/@a/move room 09:00-10:00 key k       -> 200 ACCEPTED replayed
           ann POST /api/bookings/@a/move room 09:00-10:01 key k       -> 422 key_reused
           bob POST /api/bookings/@a/move room 14:00-15:00             -> 403 REJECTED not_allowed "Only the owner or an admin"
           root POST /api/bookings/@a/move room 14:00-15:00            -> 200 ACCEPTED
           nobody POST /api/bookings/@a/move room 14:00-15:00          -> 401 unauthenticated
           ann POST /api/bookings/00000000-0000-7000-8000-000000000000/move room 14:00-15:00 -> 404 REJECTED not_found
           ann POST /api/bookings/@a/cancel                            -> 200 ACCEPTED
           ann POST /api/bookings/@a/move room 14:00-15:00             -> 422 REJECTED invalid"#,
    );
    let full = &w.saved["full"];
    assert_eq!((&full["witness"]["kind"], &full["witness"]["owner"]), (&json!("booking"), &json!("bob")), "{full}");
    assert!(full["alternatives"].as_str().is_some_and(|a| a.starts_with("/api/alternatives?resource=")), "{full}");
    let shorter = &w.saved["shorter"];
    assert_eq!((&shorter["booking"]["revision"], &shorter["booking"]["state"]), (&json!(2), &json!("confirmed")));
    assert_eq!(shorter["booking"]["lines"][0]["end"], w.at("10:30"), "{shorter}");
    assert_eq!(shorter["versions"].as_array().map(Vec::len), Some(1), "{shorter}");
    w.sweep();
}

#[test]
fn a_move_names_the_field_at_fault() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 as a                -> 201 BOOKED
           ann POST /api/bookings/@a/move {"lines": []}                -> 422 REJECTED invalid
           ann POST /api/bookings/@a/move {}                           -> 422 malformed "lines"
           ann POST /api/bookings/@a/move {"lines": [{"resource": "@room", "start": "x", "end": "y"}]} -> 422 malformed "lines[0].start"
           ann POST /api/bookings/@a/move {"lines": [{"resource": "@room"}], "until": 1} -> 422 malformed "until"
           ann POST /api/bookings/@a/move {"lines": [["@room"]]}       -> 422 malformed "lines[0]"
           ann POST /api/bookings/@a/move room 12:00-13:00 if 7 as stale -> 412 FAILED version_stale
           ann POST /api/bookings/@a/move room 12:00-13:00 if x        -> 422 malformed "If-Match"
           ann POST /api/bookings/@a/move room 12:00-13:00 if 1        -> 200 ACCEPTED
           ann POST /api/bookings/x/move room 12:00-13:00              -> 404 not_found"#,
    );
    let stale = &w.saved["stale"];
    assert_eq!((&stale["yours"]["revision"], &stale["theirs"]["revision"]), (&json!(7), &json!(1)), "{stale}");
    let unkeyed = Ask::post(&format!("/api/bookings/{}/move", w.id_of("a"))).by(w.token("ann"));
    assert_eq!(w.send(&unkeyed.json(&json!({ "lines": [] }))).told(), "400 key_missing");
    w.sweep();
}

#[test]
fn what_waits_waits_on_and_what_is_confirmed_does_not_begin_to_wait() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    w.resource("asks", json!({ "policy": { "approval": true } }));
    w.check(
        r#"ann POST /api/bookings asks 10:00-11:00 as p            -> 201 ACCEPTED
           ann POST /api/bookings/@p/move asks 11:00-12:00 as q    -> 200 ACCEPTED
           ann POST /api/bookings room 10:00-11:00 as a            -> 201 BOOKED
           ann POST /api/bookings/@a/swap {"with": "@p"}           -> 422 REJECTED invalid "waits for approval"
           ann POST /api/bookings/@a/move asks 10:00-11:00         -> 403 REJECTED not_allowed "an admin's approval"
           root POST /api/bookings/@a/move asks 10:00-11:00        -> 200 ACCEPTED
           root POST /api/bookings/@p/approve                      -> 200 ACCEPTED"#,
    );
    assert_eq!(w.saved["q"]["booking"]["state"], "pending");
    w.sweep();
}

#[test]
fn a_bundle_moves_whole() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.room("other");
    w.hall("hall", 5);
    w.check(
        r#"ann POST /api/bookings room hall 10:00-11:00 as a           -> 201 BOOKED
           bob POST /api/bookings other 12:00-13:00                    -> 201 BOOKED
           ann POST /api/bookings/@a/move other hall 12:00-13:00       -> 409 REJECTED full"#,
    );
    let a = w.id_of("a");
    assert_eq!(lines(&w, &a).len(), 2);
    w.check("ann POST /api/bookings/@a/move other hall 13:00-14:00 x1  -> 200 ACCEPTED");
    let at = json!(w.at("13:00"));
    assert_eq!(lines(&w, &a), [(json!(w.id("other")), at.clone(), json!(1)), (json!(w.id("hall")), at, json!(1))]);
    let many = vec![json!({ "resource": w.id("hall"), "start": w.at("15:00"), "end": w.at("16:00") }); 21];
    let ask = w.change("ann", "POST", &format!("/api/bookings/{a}/move")).json(&json!({ "lines": many }));
    assert_eq!(w.send(&ask).told(), "422 malformed");
    w.check("ann POST /api/bookings/@a/cancel -> 200 ACCEPTED");
    w.sweep();
}

#[test]
fn two_take_each_other_s_places() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.room("other");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 as a                        -> 201 BOOKED
           bob POST /api/bookings other 14:00-15:00 as b                       -> 201 BOOKED
           ann POST /api/bookings/@a/swap {"with": "@b"}                       -> 403 REJECTED not_allowed "owns both"
           root POST /api/bookings/@a/swap {"with": "@a"}                      -> 422 REJECTED invalid "Two different bookings"
           root POST /api/bookings/@a/swap {"with": "00000000-0000-7000-8000-000000000000"} -> 404 REJECTED not_found
           root POST /api/bookings/@a/swap {}                                  -> 422 malformed "with"
           root POST /api/bookings/@a/swap as stale {"with": "@b", "with_revision": 9} -> 412 FAILED version_stale
           root POST /api/bookings/@a/swap {"with": "@b", "revision": 9}       -> 412 FAILED version_stale
           root POST /api/bookings/@a/swap {"with": "@b"}                      -> 422 REJECTED invalid "reason"
           root POST /api/bookings/@a/swap as s {"with": "@b", "revision": 1, "with_revision": 1, "reason": "As they asked."} -> 200 ACCEPTED
           ann POST /api/bookings room 10:00-11:00                             -> 409 REJECTED full "booked by bob""#,
    );
    let (a, b) = (w.id_of("a"), w.id_of("b"));
    assert_eq!(w.saved["stale"]["theirs"]["id"], b.as_str(), "the one that is stale: {}", w.saved["stale"]);
    let swapped: Vec<_> = w.saved["s"]["bookings"].as_array().unwrap().iter().map(|b| b["id"].clone()).collect();
    assert_eq!(swapped, [json!(a), json!(b)]);
    assert_eq!(lines(&w, &a), [(json!(w.id("other")), json!(w.at("14:00")), json!(1))]);
    assert_eq!(lines(&w, &b), [(json!(w.id("room")), json!(w.at("10:00")), json!(1))]);
    w.check(
        r#"ann POST /api/bookings room 16:00-17:00 as c          -> 201 BOOKED
           ann POST /api/bookings/@c/swap key s {"with": "@a"}   -> 200 ACCEPTED
           ann POST /api/bookings/@c/swap key s {"with": "@a"}   -> 200 ACCEPTED replayed
           ann POST /api/bookings/@c/cancel                      -> 200 ACCEPTED
           ann POST /api/bookings/@c/swap {"with": "@a"}         -> 422 REJECTED invalid"#,
    );
    w.sweep();
}

#[test]
fn a_history_says_what_happened_and_by_whom() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.room("other");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 as a                  -> 201 BOOKED
           ann PATCH /api/bookings/@a if 1 {"title": "Physics"}          -> 200 ACCEPTED
           root POST /api/bookings/@a/move other 12:00-13:00 key m as m  -> 200 ACCEPTED
           ann POST /api/bookings/@a/move room other 12:00-13:00         -> 200 ACCEPTED
           bob GET /api/bookings/@a/history                              -> 403 not_allowed
           ann GET /api/bookings/00000000-0000-7000-8000-000000000000/history -> 404 not_found
           nobody GET /api/bookings/@a/history                           -> 401 unauthenticated
           root POST /api/bookings/@a/cancel {"reason": "The room is painted"} -> 200 ACCEPTED
           ann GET /api/bookings/@a/history as h                         -> 200
           root GET /api/bookings/@a/history as r                        -> 200"#,
    );
    let h = &w.saved["h"];
    let steps = h["steps"].as_array().unwrap();
    let told = |s: &Value| {
        let places = |p: &str| {
            let lines = s[p].as_array().unwrap().iter();
            lines.map(|l| l["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("+")
        };
        let (what, by, state) =
            (s["what"].as_str().unwrap(), s["by"]["name"].as_str().unwrap(), s["state"].as_str().unwrap());
        let versions = s["versions"].as_array().unwrap().len();
        format!("{} {what} by {by}: {state}, {}>{}, {versions} versions", s["revision"], places("from"), places("to"))
    };
    let mut expected = vec![
        "1 made by ann: confirmed, >room, 1 versions",
        "2 edited by ann: confirmed, >, 1 versions",
        "3 moved by Root: confirmed, room>other, 2 versions",
        "4 moved by ann: confirmed, other>room+other, 2 versions",
        "5 cancelled by Root: cancelled, room+other>, 2 versions",
    ];
    let mut all: Vec<String> = steps.iter().map(told).collect();
    // Lines on two resources are told in the order of their ids.
    for text in &mut all {
        *text = text.replace("other+room", "room+other");
    }
    assert_eq!(all, std::mem::take(&mut expected));
    assert!(steps.iter().all(|s| s["owner"]["name"] == "ann"), "{h}");
    assert_eq!(steps[4]["reason"], "The room is painted");
    assert_eq!(steps[2]["attempt"], w.keys["m"].to_string());
    assert_eq!(
        (&steps[2]["from"][0]["start"], &steps[2]["to"][0]["start"]),
        (&json!(w.at("10:00")), &json!(w.at("12:00")))
    );
    assert_eq!((&h["more"], &h["booking"]), (&json!(false), &json!(w.id_of("a"))));
    assert_eq!(w.saved["r"]["steps"], h["steps"]);
    w.sweep();
}

fn attempts(w: &World, who: &str, attempts: &Value) -> Reply {
    w.send(&Ask::post("/api/attempts").by(w.token(who)).json(&json!({ "attempts": attempts })))
}

/// Each answer in short.
fn told(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answers = reply.json()["attempts"].as_array().unwrap().clone();
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let short = |a: &Value| {
        let replayed = if a["replayed"] == true { "replayed".into() } else { String::new() };
        let words = [a["status"].to_string(), word(&a["outcome"]), word(&a["code"]), replayed];
        words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
    };
    answers.iter().map(short).collect()
}

fn key() -> Uuid {
    Uuid::now_v7()
}

#[test]
fn many_attempts_are_answered_as_their_own_endpoints_would() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let theirs = w.booked("bob", "room", "08:00-09:00", 1);
    let mine = w.booked("ann", "room", "09:00-10:00", 1);
    let second = w.booked("ann", "room", "16:00-17:00", 1);
    let held = w.held("ann", "room", "20:00-21:00");
    let also = w.held("ann", "room", "21:00-22:00");
    let line = |span: &str| json!({ "resource": w.id("room"), "start": w.span(span).0, "end": w.span(span).1 });
    let booked = key();
    let sent = json!([
        { "key": booked, "command": "book", "lines": [line("10:00-11:00")], "title": "Physics" },
        { "key": key(), "command": "book", "lines": [line("10:30-11:30")] },
        { "key": key(), "command": "hold", "resource": w.id("room"), "start": w.at("12:00"), "end": w.at("13:00") },
        { "key": key(), "command": "renew", "id": held["id"], "token": held["token"] },
        { "key": key(), "command": "release", "id": also["id"], "token": also["token"] },
        { "key": key(), "command": "move", "id": mine, "if_match": 1, "lines": [line("14:00-15:00")] },
        { "key": key(), "command": "move", "id": mine, "if_match": 1, "lines": [line("15:00-16:00")] },
        { "key": key(), "command": "swap", "id": mine, "with": second },
        { "key": key(), "command": "edit_booking", "id": second, "if_match": 2, "title": "Chemistry" },
        { "key": key(), "command": "cancel", "id": theirs },
        { "key": key(), "command": "cancel", "id": mine, "reason": "ill" },
        { "key": key(), "command": "approve", "id": second, "reason": "fine" },
    ]);
    let reply = attempts(&w, "ann", &sent);
    let expected = [
        "201 BOOKED",
        "409 REJECTED full",
        "201 ACCEPTED",
        "200 ACCEPTED",
        "200 ACCEPTED",
        "200 ACCEPTED",
        "412 FAILED version_stale",
        "200 ACCEPTED",
        "200 ACCEPTED",
        "403 REJECTED not_allowed",
        "200 ACCEPTED",
        "403 REJECTED not_allowed",
    ];
    assert_eq!(told(&reply), expected);
    let answers = reply.json()["attempts"].clone();
    for (sent, answer) in sent.as_array().unwrap().iter().zip(answers.as_array().unwrap()) {
        assert_eq!(sent["key"], answer["key"], "in their order");
        assert_eq!(sent["key"], answer["attempt"], "{answer}");
    }
    assert_eq!((&answers[0]["booking"]["title"], &answers[0]["replayed"]), (&json!("Physics"), &json!(false)));
    assert!(answers[1]["detail"].as_str().unwrap().contains("booked by you"), "{}", answers[1]);
    assert_eq!(answers[6]["theirs"]["revision"], 2, "{}", answers[6]);
    // It is the same attempt, whichever way it is sent.
    let again = w.send(
        &Ask::post("/api/bookings")
            .by(w.token("ann"))
            .key(booked)
            .json(&json!({ "lines": [line("10:00-11:00")], "title": "Physics" })),
    );
    assert_eq!(again.told(), "200 BOOKED replayed");
    let again = told(&attempts(&w, "ann", &sent));
    assert_eq!(again[..2], ["200 BOOKED replayed", "409 REJECTED full replayed"]);
    assert_eq!(w.read("ann", &format!("/api/attempts/{booked}"))["state"], "recorded");
    w.sweep();
}

#[test]
fn one_malformed_attempt_spoils_none() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let line = |span: &str| json!({ "resource": w.id("room"), "start": w.span(span).0, "end": w.span(span).1 });
    let bad_line = json!({ "resource": w.id("room"), "start": "soon", "end": w.at("11:00") });
    let v4 = "00000000-0000-4000-8000-000000000000";
    let sent = json!([
        { "key": key(), "command": "book", "lines": [line("10:00-11:00")] },
        { "key": key(), "command": "hold", "resource": w.id("room"), "start": "soon", "end": w.at("11:00") },
        { "key": key(), "command": "book", "lines": [line("11:00-12:00"), bad_line] },
        { "key": v4, "command": "book", "lines": [line("11:00-12:00")] },
        { "command": "book", "lines": [line("11:00-12:00")] },
        { "key": key(), "command": "dance" },
        { "key": key(), "lines": [] },
        "book",
        { "key": key(), "command": "cancel" },
        { "key": key(), "command": "approve", "id": v4, "title": "x" },
        { "key": key(), "command": "edit_booking", "id": v4, "title": "x" },
        { "key": key(), "command": "book", "lines": [line("12:00-13:00")], "colour": "red" },
        { "key": key(), "command": "renew", "id": v4 },
        { "key": key(), "command": "book", "lines": [[w.id("room")]] },
        { "key": key(), "command": "move", "id": "x", "lines": [] },
        { "key": key(), "command": "book", "lines": [line("11:00-12:00")] },
    ]);
    let reply = attempts(&w, "ann", &sent);
    let mut expected = vec!["422 malformed"; 16];
    (expected[0], expected[15]) = ("201 BOOKED", "201 BOOKED");
    assert_eq!(told(&reply), expected);
    let answers = reply.json()["attempts"].clone();
    let fields = [
        (1, "attempts[1].start"),
        (2, "attempts[2].lines[1].start"),
        (3, "attempts[3].key"),
        (4, "attempts[4].key"),
        (5, "attempts[5].command"),
        (6, "attempts[6].command"),
        (7, "attempts[7]"),
        (8, "attempts[8].id"),
        (9, "attempts[9].title"),
        (10, "attempts[10].if_match"),
        (11, "attempts[11].colour"),
        (12, "attempts[12].token"),
        (13, "attempts[13].lines[0]"),
        (14, "attempts[14].id"),
    ];
    for (n, field) in fields {
        let answer = &answers[n];
        assert_eq!(answer["errors"][0]["field"], field, "{answer}");
        let (said, outcome) = (answer["errors"][0]["detail"].as_str().unwrap(), &answer["outcome"]);
        assert!(said.starts_with(field) && !said[field.len()..].contains("attempts["), "{said}");
        assert_eq!((outcome, &answer["key"]), (&json!(null), &sent[n]["key"]), "no execution, and its key stays free");
    }
    w.sweep();
}

#[test]
fn a_key_twice_in_one_request_is_carried_out_once() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let line = |span: &str| json!({ "resource": w.id("room"), "start": w.span(span).0, "end": w.span(span).1 });
    let (once, other) = (key(), key());
    let sent = json!([
        { "key": once, "command": "book", "lines": [line("10:00-11:00")] },
        { "key": once, "command": "book", "lines": [line("10:00-11:00")] },
        { "key": once, "command": "book", "lines": [line("11:00-12:00")] },
        { "key": other, "command": "book", "lines": [line("11:00-12:00")] },
    ]);
    let reply = attempts(&w, "ann", &sent);
    assert_eq!(told(&reply), ["201 BOOKED", "409 in_progress", "422 key_reused", "201 BOOKED"]);
    let again = told(&attempts(&w, "ann", &sent));
    assert_eq!(again, ["200 BOOKED replayed", "409 in_progress", "422 key_reused", "200 BOOKED replayed"]);
    w.sweep();
}

#[test]
fn the_bounds_of_one_request() {
    let mut w = World::new(&["ann"]);
    w.hall("hall", 10_000);
    let sent = |n: usize| -> Value {
        let line = json!({ "resource": w.id("hall"), "start": w.at("10:00"), "end": w.at("11:00") });
        (0..n).map(|_| json!({ "key": key(), "command": "book", "lines": [line] })).collect()
    };
    assert_eq!(attempts(&w, "ann", &json!([])).told(), "422 malformed");
    assert_eq!(attempts(&w, "ann", &sent(8_193)).told(), "422 malformed");
    assert_eq!(attempts(&w, "ann", &json!("x")).told(), "422 malformed");
    for body in [json!({}), json!([]), json!({ "attempts": [], "more": 1 })] {
        let reply = w.send(&Ask::post("/api/attempts").by(w.token("ann")).json(&body));
        assert_eq!(reply.told(), "422 malformed", "{body}: {}", reply.text());
    }
    let long = "x".repeat(4 * 1024 * 1024);
    let reply = attempts(&w, "ann", &json!([{ "key": key(), "command": "book", "lines": [], "title": long }]));
    assert_eq!(reply.told(), "413 too_large");
    assert_eq!(w.send(&Ask::post("/api/attempts").json(&json!({ "attempts": [] }))).told(), "401 unauthenticated");
    assert_eq!(w.read("ann", &format!("/api/resources/{}", w.id("hall")))["version"], 1, "nothing was done");
    // As many as there may be, each booked once. Where the machine has other things to do that may take longer than an answer is waited
    // for: then there is no outcome yet, and the same request tells it later.
    let (all, began) = (sent(8_192), Instant::now());
    loop {
        let told = told(&attempts(&w, "ann", &all));
        assert_eq!(told.len(), 8_192);
        let booked = told.iter().filter(|t| ["201 BOOKED", "200 BOOKED replayed"].contains(&t.as_str())).count();
        if booked == 8_192 {
            break;
        }
        let later = ["503 no_outcome_yet", "409 in_progress", "503 FAILED busy"];
        let other =
            told.iter().find(|t| !t.ends_with("BOOKED") && !t.ends_with("replayed") && !later.contains(&t.as_str()));
        assert!(other.is_none() && began.elapsed() < Duration::from_secs(120), "{booked} are booked; {other:?}");
        sleep(Duration::from_millis(200));
    }
    assert_eq!(w.read("ann", &format!("/api/resources/{}", w.id("hall")))["version"], 8_193);
}

/// The states that somebody is told a room's booking had, with whom they were told it is of: `bookingMoved pending -`.
fn states_heard(w: &World, who: &str, room: &str) -> Vec<String> {
    let record = w.read(who, &format!("/api/resources/{}/record?after=1.0", w.id(room)));
    let word = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    let items = record["items"].as_array().unwrap().iter();
    items
        .filter(|i| i["data"]["booking"]["state"].is_string())
        .map(|i| {
            let booking = &i["data"]["booking"];
            format!("{} {} {}", word(&i["event"]), word(&booking["state"]), word(&booking["owner"]))
        })
        .collect()
}

/// Each step of a history and the state from then on.
fn steps(w: &World, who: &str, booking: &str) -> Vec<String> {
    let history = w.read(who, &format!("/api/bookings/{booking}/history"));
    let step = |s: &Value| format!("{} {}", s["what"].as_str().unwrap(), s["state"].as_str().unwrap());
    history["steps"].as_array().unwrap().iter().map(step).collect()
}

#[test]
fn what_waits_and_takes_its_room_is_said_to_wait_wherever_it_is_moved() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    w.resource("room", json!({ "policy": { "approval": true, "pending_takes": true } }));
    w.check(
        "ann POST /api/bookings room 10:00-11:00 as a      -> 201 ACCEPTED
         ann POST /api/bookings/@a/move room 12:00-13:00   -> 200 ACCEPTED",
    );
    let a = w.id_of("a");
    assert_eq!(w.read("ann", &format!("/api/bookings/{a}"))["state"], "pending");
    // What Bob is told who wants that time: it is taken, and not by whom.
    let key = key();
    let line = json!({ "resource": w.id("room"), "start": w.at("12:00"), "end": w.at("13:00") });
    let ask = Ask::post("/api/bookings").by(w.token("bob")).key(key).json(&json!({ "lines": [line] }));
    assert_eq!(w.send(&ask).told(), "409 REJECTED full");
    let explained = w.read("bob", &format!("/api/attempts/{key}/explain"));
    assert!(explained.to_string().contains("moved") && !explained.to_string().contains("ann"), "{explained}");
    let over = w.change("root", "POST", &format!("/api/bookings/{a}/hand-over"));
    let cat = w.person("cat").id.clone();
    assert_eq!(w.send(&over.json(&json!({ "to": cat, "reason": "Ill." }))).told(), "200 ACCEPTED");
    let before =
        ["bookingCreated pending -", "bookingMoved pending -", "bookingHandedOver pending -"].map(str::to_owned);
    assert_eq!(states_heard(&w, "bob", "room"), before);
    assert_eq!(steps(&w, "cat", &a), ["made pending", "moved pending", "handed_over pending"]);
    // That it is approved says nothing of what it was.
    w.check(
        "root POST /api/bookings/@a/approve                -> 200 ACCEPTED
         cat POST /api/bookings/@a/move room 12:00-12:30   -> 200 ACCEPTED",
    );
    let heard = states_heard(&w, "bob", "room");
    assert_eq!(heard[..3], before);
    assert_eq!(heard[3..], ["bookingChanged confirmed -", "bookingMoved confirmed cat"], "{heard:?}");
    let explained = w.read("bob", &format!("/api/attempts/{key}/explain"));
    assert!(!explained["resources"].to_string().contains("ann"), "{explained}");
    w.sweep();
}

#[test]
fn who_has_checked_in_has_so_after_a_move_and_in_other_hands() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("room", json!({ "policy": { "check_in": { "opens_s": 86_400, "closes_s": 600 } } }));
    let soon = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(2)).unwrap();
    let at = |hours: i64| {
        let at = soon.checked_add(jiff::SignedDuration::from_hours(hours)).unwrap();
        at.round(jiff::Unit::Second).unwrap().to_string()
    };
    let lines = |until: i64| json!({ "lines": [{ "resource": w.id("room"), "start": at(0), "end": at(until) }] });
    let made = w.send(&w.change("ann", "POST", "/api/bookings").json(&lines(3)));
    assert_eq!(made.told(), "201 BOOKED", "{}", made.text());
    let booking = made.json()["booking"]["id"].as_str().unwrap().to_owned();
    let act = |who: &str, what: &str| w.change(who, "POST", &format!("/api/bookings/{booking}/{what}"));
    assert_eq!(w.send(&act("ann", "check-in")).told(), "200 ACCEPTED");
    assert_eq!(w.send(&act("ann", "move").json(&lines(2))).told(), "200 ACCEPTED");
    let over = json!({ "to": w.person("bob").id, "reason": "Ill." });
    assert_eq!(w.send(&act("root", "hand-over").json(&over)).told(), "200 ACCEPTED");
    let now = w.read("bob", &format!("/api/bookings/{booking}"));
    assert_eq!(now["state"], "checked_in");
    let expected = ["made confirmed", "checked_in checked_in", "moved checked_in", "handed_over checked_in"];
    assert_eq!(steps(&w, "bob", &booking), expected);
    let then = w.read("bob", &format!("/api/bookings/{booking}/history?at={}", now["decided_at"].as_str().unwrap()));
    assert_eq!((&then["then"]["state"], &then["then"]["owner"]["name"]), (&json!("checked_in"), &json!("bob")));
    let heard = states_heard(&w, "root", "room");
    let expected = [
        "bookingCreated confirmed ann",
        "bookingCheckedIn checked_in -",
        "bookingMoved checked_in ann",
        "bookingHandedOver checked_in bob",
    ];
    assert_eq!(heard, expected);
    w.sweep();
}

/// Sends attempts as they are written.
fn written(w: &World, token: &str, path: &str, body: &str) -> Reply {
    w.send(&Ask::post(path).by(token).raw("application/json", body))
}

#[test]
fn what_a_key_may_not_do_spoils_nothing_else() {
    let mut w = World::new(&["ann"]);
    w.meet("mia", "Mia", "member");
    w.room("room");
    let role = Ask::new("PUT", &format!("/api/people/{}/role", w.person("mia").id)).by(w.token("root"));
    assert_eq!(w.send(&role.json(&json!({ "role": "manager", "manages": [w.id("room")] }))).status, 204);
    let asked = json!({ "label": "a program", "scopes": ["read", "book"] });
    let path = format!("/api/people/{}/keys", w.person("mia").id);
    let made = w.send(&Ask::post(&path).by(w.token("root")).json(&asked));
    assert_eq!(made.status, 201, "{}", made.text());
    let token = made.json()["key"].as_str().unwrap().to_owned();
    let anns = w.booked("ann", "room", "10:00-11:00", 1);
    let line = |span: &str| json!({ "resource": w.id("room"), "start": w.span(span).0, "end": w.span(span).1 });
    let sent = json!({ "attempts": [
        { "key": key(), "command": "cancel", "id": anns, "reason": "mine now" },
        { "key": key(), "command": "book", "lines": [line("11:00-12:00")] },
        { "key": key(), "command": "approve", "id": anns, "reason": "mine now" },
        { "key": key(), "command": "book", "lines": [line("12:00-13:00")] },
    ] });
    let reply = written(&w, &token, "/api/attempts", &sent.to_string());
    assert_eq!(told(&reply), ["403 scope_missing", "201 BOOKED", "403 scope_missing", "201 BOOKED"]);
    assert_eq!(reply.json()["attempts"][0]["key"], sent["attempts"][0]["key"]);
    assert_eq!(w.read("ann", &format!("/api/bookings/{anns}"))["state"], "confirmed");
    w.sweep();
}

#[test]
fn one_attempt_that_is_no_json_spoils_none_and_its_key_is_told() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let token = w.token("ann").to_owned();
    let line = |span: &str| json!([{ "resource": w.id("room"), "start": w.span(span).0, "end": w.span(span).1 }]);
    let (good, huge, lone) = (key(), key(), key());
    let body = format!(
        r#"{{"attempts": [
            {{"key": "{huge}", "command": "book", "lines": {lines}, "people": 1e999}},
            {{"key": "{lone}", "command": "book", "lines": {lines}, "title": "\ud800"}},
            {{"key": "{good}", "command": "book", "lines": {lines}}}]}}"#,
        lines = line("10:00-11:00")
    );
    let reply = written(&w, &token, "/api/attempts", &body);
    // As at its own endpoint.
    assert_eq!(told(&reply), ["400 not_json", "400 not_json", "201 BOOKED"], "{}", reply.text());
    let answers = reply.json()["attempts"].clone();
    for (n, key) in [huge, lone, good].iter().enumerate() {
        assert_eq!(answers[n]["key"], json!(key), "{}", answers[n]);
    }
    for no_list in ["{\"attempts\": [", "[1]", "{\"attempts\": [{]}", "[[]]"] {
        let reply = written(&w, &token, "/api/attempts", no_list);
        assert!([400, 422].contains(&reply.status), "{no_list}: {}", reply.text());
    }
    w.sweep();
}

#[test]
fn what_is_there_twice_is_refused_as_at_its_own_endpoint() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let token = w.token("ann").to_owned();
    let (room, start, end) = (w.id("room").to_owned(), w.at("10:00"), w.at("11:00"));
    let line = format!(r#"{{"resource": "{room}", "start": "{start}", "end": "{end}"}}"#);
    let twice_in_line = format!(r#"{{"resource": "{room}", "start": "{start}", "start": "{start}", "end": "{end}"}}"#);
    let (one, other) = (key(), key());
    // The fields of an attempt, and which of them is there twice.
    let cases = [
        (format!(r#""lines": [{line}], "title": "first", "title": "second""#), "title"),
        (format!(r#""lines": [{twice_in_line}]"#), "lines[0].start"),
        (format!(r#""lines": [{line}], "lines": [{line}]"#), "lines"),
    ];
    for (fields, field) in &cases {
        let alone = Ask::post("/api/bookings").by(&token).key(key()).raw("application/json", format!("{{{fields}}}"));
        let alone = w.send(&alone);
        assert_eq!((alone.told().as_str(), &alone.json()["errors"][0]["field"]), ("422 malformed", &json!(field)));
        let reply = written(
            &w,
            &token,
            "/api/attempts",
            &format!(r#"{{"attempts": [{{"key": "{one}", "command": "book", {fields}}}]}}"#),
        );
        assert_eq!(told(&reply), ["422 malformed"], "{}", reply.text());
        let answer = reply.json()["attempts"][0].clone();
        assert_eq!(answer["errors"][0]["field"], format!("attempts[0].{field}"), "{answer}");
        assert!(answer["errors"][0]["detail"].as_str().unwrap().ends_with("is there more than once"), "{answer}");
        assert_eq!(answer["key"], json!(one), "{answer}");
        let dry = written(&w, &token, "/api/attempts/dry-run", &format!(r#"{{"command": "book", {fields}}}"#));
        assert_eq!((dry.told().as_str(), &dry.json()["errors"][0]["field"]), ("422 malformed", &json!(field)));
    }
    // Two keys are none.
    let keys =
        format!(r#"{{"attempts": [{{"key": "{one}", "key": "{other}", "command": "book", "lines": [{line}]}}]}}"#);
    let reply = written(&w, &token, "/api/attempts", &keys);
    let answer = reply.json()["attempts"][0].clone();
    assert_eq!(
        (told(&reply), &answer["errors"][0]["field"]),
        (vec!["422 malformed".to_owned()], &json!("attempts[0].key"))
    );
    assert_eq!(answer["key"], Value::Null, "neither of them is its key: {answer}");
    let lists =
        format!(r#"{{"attempts": [{{"key": "{one}", "command": "book", "lines": [{line}]}}], "attempts": []}}"#);
    let reply = written(&w, &token, "/api/attempts", &lists);
    assert_eq!((reply.told().as_str(), &reply.json()["errors"][0]["field"]), ("422 malformed", &json!("attempts")));
    assert!(w.bookings_on("room").is_empty(), "nothing was booked");
    for key in [one, other] {
        assert_eq!(w.get("ann", &format!("/api/attempts/{key}")).status, 404, "its key stays free");
    }
    w.sweep();
}
