//! Those who wait, over HTTP: whose turn it is, told to nobody else, and never a newcomer's, however many come at once.
//! Scenarios 64 to 67 and 72; R16 and R17. Offers pass on by the server's own clock.

use crate::harness::{Ask, World, slotwise};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LESSON: &str = "10:00-11:00";

/// A section of so many seats, with this waitlist; without one, as its kind has it. All are at one time, and one may have several.
fn section(w: &mut World, name: &str, capacity: u32, waitlist: Option<Value>) {
    let (start, end) = w.span(LESSON);
    let mut policy = json!({ "own_overlap": "allow" });
    if let Some(waitlist) = waitlist {
        policy["waitlist"] = waitlist;
    }
    let interval = json!({ "start": start, "end": end });
    w.resource(name, json!({ "kind": "section", "capacity": capacity, "interval": interval, "policy": policy }));
}

fn join(w: &World, who: &str, name: &str) -> Ask {
    w.change(who, "POST", "/api/waitlist").json(&json!({ "resource": w.id(name) }))
}

/// Joins, which must succeed, and returns the entry.
fn waits(w: &World, who: &str, name: &str) -> Value {
    let reply = w.send(&join(w, who, name));
    assert_eq!(reply.told(), "201 ACCEPTED", "{}", reply.text());
    reply.json()["entry"].clone()
}

fn entry_of(w: &World, who: &str, entry: &Value) -> Value {
    w.read(who, &format!("/api/waitlist/{}", entry["id"].as_str().unwrap()))
}

fn state(w: &World, who: &str, entry: &Value) -> String {
    entry_of(w, who, entry)["state"].as_str().unwrap().to_owned()
}

fn act(w: &World, who: &str, entry: &Value, what: &str) -> Ask {
    w.change(who, "POST", &format!("/api/waitlist/{}/{what}", entry["id"].as_str().unwrap()))
}

/// Waits until something is so, two seconds at most: what follows by itself follows within one.
fn soon(what: &str, mut so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < Duration::from_secs(2), "not within two seconds: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What the record says holds, all of it.
fn sound(w: &World) {
    // `verify` is of a folder.
    if !w.home.is_folder() {
        return;
    }
    let verified = slotwise(&["verify"]).arg(w.home.data()).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
}

#[test]
fn who_waits_is_promoted_by_the_cancel_and_nobody_else_learns_who() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    section(&mut w, "algebra", 1, None);
    let early = w.send(&join(&w, "bob", "algebra"));
    assert_eq!(early.told(), "422 REJECTED invalid", "{}", early.text());
    assert_eq!(early.json()["witness"]["rule"], "units_free");
    let seat = w.booked("ann", "algebra", LESSON, 1);
    let full = w.send(&w.book("bob", "algebra", LESSON, 1));
    assert_eq!(full.told(), "409 REJECTED full");
    assert_eq!(full.json()["waitlist"], format!("/api/waitlist?resource={}", w.id("algebra")));

    let (bob, cat) = (waits(&w, "bob", "algebra"), waits(&w, "cat", "algebra"));
    assert_eq!((&bob["place"], &cat["place"], &cat["state"]), (&json!(1), &json!(2), &json!("waiting")));
    let shown = w.read("ann", &format!("/api/resources/{}", w.id("algebra")));
    let is = (&shown["badge"], &shown["remaining"], &shown["owed"], &shown["waiting"]);
    assert_eq!(is, (&json!("waitlist"), &json!(0), &json!(0), &json!(2)));
    // What others see of the line is how long it is.
    let line = w.read("cat", &format!("/api/waitlist?resource={}", w.id("algebra")));
    let seen: Vec<_> = line["items"].as_array().unwrap().iter().map(|e| (&e["id"], &e["owner"], &e["mine"])).collect();
    assert_eq!(seen, [(&Value::Null, &Value::Null, &json!(false)), (&cat["id"], &Value::Null, &json!(true))]);
    let line = w.read("root", &format!("/api/waitlist?resource={}", w.id("algebra")));
    assert_eq!(line["items"][0]["owner"]["name"], "bob");
    assert_eq!(w.get("cat", &format!("/api/waitlist/{}", bob["id"].as_str().unwrap())).status, 404);

    assert_eq!(w.send(&w.cancel("ann", &seat)).told(), "200 ACCEPTED");
    let now = entry_of(&w, "bob", &bob);
    assert_eq!((&now["state"], &now["place"], &now["booking"]), (&json!("promoted"), &Value::Null, &bob["id"]));
    let history = w.read("bob", &format!("/api/bookings/{}/history", bob["id"].as_str().unwrap()));
    assert_eq!((&history["steps"][0]["what"], &history["steps"][0]["by"]), (&json!("made"), &Value::Null), "{history}");
    let record = w.read("cat", &format!("/api/resources/{}/record?after=1.0", w.id("algebra")));
    let events: Vec<&str> = record["items"].as_array().unwrap().iter().filter_map(|i| i["event"].as_str()).collect();
    let promotion = ["bookingCanceled", "bookingCreated", "waitlistPromoted"];
    assert!(events.windows(3).any(|three| three == promotion), "{events:?}");
    assert!(!record.to_string().contains(w.person("bob").id.as_str()), "{record}");

    assert_eq!(w.send(&act(&w, "bob", &cat, "leave")).told(), "403 REJECTED not_allowed");
    assert_eq!(w.send(&act(&w, "cat", &cat, "leave")).told(), "200 ACCEPTED");
    assert_eq!(state(&w, "cat", &cat), "left");
    let mine = w.read("cat", "/api/waitlist?owner=me");
    assert_eq!((mine["items"].as_array().unwrap().len(), &mine["items"][0]["state"]), (1, &json!("left")));
}

#[test]
fn no_newcomer_takes_what_is_owed_however_many_race() {
    let mut w = World::new(&["ann", "bob", "cat", "dan", "eve"]);
    for round in 0..8 {
        let name = format!("course-{round}");
        section(&mut w, &name, 1, None);
        let seat = w.booked("ann", &name, LESSON, 1);
        let entry = waits(&w, "bob", &name);
        let mut asks: Vec<Ask> = (0..12).map(|n| w.book(["cat", "dan", "eve"][n % 3], &name, LESSON, 1)).collect();
        asks.insert(6, w.cancel("ann", &seat));
        let replies = w.race(&asks);
        let told: Vec<String> = replies.iter().map(|r| r.told()).collect();
        assert!(told.iter().all(|t| !t.contains("BOOKED")), "{told:?}");
        assert_eq!(state(&w, "bob", &entry), "promoted");
    }
    sound(&w);
}

#[test]
fn an_offer_is_taken_once_and_goes_on_when_it_is_not() {
    let mut w = World::new(&["ann", "bob", "cat", "dan"]);
    section(&mut w, "yoga", 1, Some(json!({ "mode": "offer", "offer_ttl_s": 2 })));
    let seat = w.booked("ann", "yoga", LESSON, 1);
    let (bob, cat, dan) = (waits(&w, "bob", "yoga"), waits(&w, "cat", "yoga"), waits(&w, "dan", "yoga"));
    let early = w.send(&act(&w, "bob", &bob, "accept"));
    assert_eq!((early.status, early.json()["code"].as_str()), (409, Some("no_offer")), "{}", early.text());
    assert_eq!(w.send(&w.cancel("ann", &seat)).told(), "200 ACCEPTED");
    let offered = entry_of(&w, "bob", &bob);
    assert_eq!((&offered["state"], &offered["offer"]["mine"]), (&json!("offered"), &json!(true)), "{offered}");
    assert_eq!(w.send(&act(&w, "bob", &bob, "decline")).told(), "200 ACCEPTED");
    assert_eq!((state(&w, "bob", &bob), state(&w, "cat", &cat)), ("left".into(), "offered".into()));
    assert_eq!(w.send(&w.book("ann", "yoga", LESSON, 1)).told(), "409 REJECTED held_by_other");
    // Nobody takes this one, and it goes on by itself.
    soon("the offer goes on", || state(&w, "dan", &dan) == "offered" || state(&w, "cat", &cat) == "offered");
    let since = Instant::now();
    while state(&w, "dan", &dan) != "offered" {
        assert!(since.elapsed() < Duration::from_secs(5), "the offer does not go on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(state(&w, "cat", &cat), "lapsed");
    assert_eq!(w.send(&act(&w, "cat", &cat, "accept")).told(), "409 REJECTED hold_expired");
    let accept = act(&w, "dan", &dan, "accept");
    let taken = w.send(&accept);
    assert_eq!(taken.told(), "201 BOOKED", "{}", taken.text());
    let again = w.send(&accept);
    assert_eq!(
        (again.told().as_str(), &again.json()["booking"]["id"]),
        ("200 BOOKED replayed", &taken.json()["booking"]["id"])
    );
    assert_eq!(entry_of(&w, "dan", &dan)["booking"], taken.json()["booking"]["id"]);
    sound(&w);
}

#[test]
fn a_place_is_kept_over_a_restart_and_the_line_goes_on() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    section(&mut w, "algebra", 1, Some(json!({ "mode": "book", "fill": "strict", "capacity": 2 })));
    let seat = w.booked("ann", "algebra", LESSON, 1);
    let (bob, cat) = (waits(&w, "bob", "algebra"), waits(&w, "cat", "algebra"));
    let third = w.send(&join(&w, "root", "algebra"));
    assert_eq!(
        (third.told().as_str(), &third.json()["witness"]["rule"]),
        ("409 REJECTED quota_exceeded", &json!("waitlist_capacity"))
    );
    assert_eq!(w.send(&act(&w, "cat", &cat, "class").json(&json!({ "class": 1 }))).told(), "403 REJECTED not_allowed");
    assert_eq!(
        w.send(&act(&w, "root", &cat, "class").json(&json!({ "class": 1, "reason": "She graduates." }))).told(),
        "200 ACCEPTED"
    );
    w.kill_and_start_again();
    assert_eq!((&entry_of(&w, "cat", &cat)["place"], &entry_of(&w, "bob", &bob)["place"]), (&json!(1), &json!(2)));
    assert_eq!(w.send(&w.cancel("ann", &seat)).told(), "200 ACCEPTED");
    assert_eq!((state(&w, "cat", &cat), state(&w, "bob", &bob)), ("promoted".into(), "waiting".into()));
    w.kill_and_start_again();
    let id = cat["id"].as_str().unwrap();
    assert_eq!(w.send(&w.cancel("cat", id)).told(), "200 ACCEPTED");
    assert_eq!(state(&w, "bob", &bob), "promoted");
    sound(&w);
}

#[test]
fn a_swap_keeps_the_old_place_until_the_new_one_is_had() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    for name in ["algebra", "botany"] {
        let (start, end) = w.span(LESSON);
        let interval = json!({ "start": start, "end": end });
        w.resource(name, json!({ "kind": "section", "interval": interval, "policy": { "own_overlap": "refuse" } }));
    }
    let (theirs, mine) = (w.booked("ann", "algebra", LESSON, 1), w.booked("bob", "botany", LESSON, 1));
    assert_eq!(w.send(&join(&w, "bob", "algebra")).told(), "409 REJECTED own_overlap");
    let body = json!({ "resource": w.id("algebra"), "gives_up": mine });
    let one = json!({ "key": uuid::Uuid::now_v7(), "command": "join_waitlist", "resource": body["resource"], "gives_up": mine });
    let sent = w.send(&Ask::new("POST", "/api/attempts").by(w.token("bob")).json(&json!({ "attempts": [one] })));
    assert_eq!(sent.json()["attempts"][0]["status"], 201, "{}", sent.text());
    let cat = waits(&w, "cat", "botany");
    assert_eq!(w.read("bob", &format!("/api/bookings/{mine}"))["state"], "confirmed");
    assert_eq!(w.send(&w.cancel("ann", &theirs)).told(), "200 ACCEPTED");
    assert_eq!(w.read("bob", &format!("/api/bookings/{mine}"))["state"], "cancelled");
    assert_eq!(state(&w, "cat", &cat), "promoted");
    sound(&w);
}

#[test]
fn an_answer_to_who_takes_what_is_offered_is_given_again() {
    let mut w = World::new(&["ann", "bob"]);
    section(&mut w, "yoga", 1, Some(json!({ "mode": "offer", "offer_ttl_s": 600 })));
    let seat = w.booked("ann", "yoga", LESSON, 1);
    let bob = waits(&w, "bob", "yoga");
    assert_eq!(w.send(&w.cancel("ann", &seat)).told(), "200 ACCEPTED");
    assert_eq!(state(&w, "bob", &bob), "offered");
    let close = w.change("root", "POST", &format!("/api/resources/{}/close", w.id("yoga"))).header("if-match", "1");
    assert_eq!(w.send(&close.json(&json!({ "reason": "It is wet." }))).told(), "200 ACCEPTED");
    let (key, path) = (uuid::Uuid::now_v7(), format!("/api/waitlist/{}", bob["id"].as_str().unwrap()));
    let under_it = |what: &str| w.send(&Ask::post(&format!("{path}/{what}")).by(w.token("bob")).key(key));
    let (refused, again) = (under_it("accept"), under_it("accept"));
    assert_eq!(refused.outcome(), "REJECTED", "{}", refused.text());
    assert_eq!(again.told(), format!("{} replayed", refused.told()), "{}\n{}", refused.text(), again.text());
    assert_eq!(again.json()["decided_at"], refused.json()["decided_at"]);
    // The key is used for that, and for nothing else.
    assert_eq!(under_it("decline").told(), "422 key_reused");
    assert_eq!(w.send(&act(&w, "bob", &bob, "accept")).told(), "409 no_offer", "a new key is a new question");
    sound(&w);
}
