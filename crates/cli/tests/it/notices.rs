//! Notices over HTTP and by e-mail, through a stock mail server: what others did to one's bookings, each at least once.
//! What is news and what is not is the domain's to say; here it arrives.

use crate::harness::node::Node;
use crate::harness::{Ask, World};
use serde_json::{Value, json};
use std::time::Duration;

fn notices(w: &World, who: &str) -> Value {
    w.read(who, "/api/notices")
}

fn news(body: &Value) -> Vec<&str> {
    body["items"].as_array().unwrap().iter().map(|n| n["news"].as_str().unwrap()).collect()
}

fn put_address(w: &World, who: &str, email: Value) -> u16 {
    let ask = Ask::new("PUT", "/api/me/address").by(w.token(who)).json(&json!({ "email": email }));
    w.send(&ask).status
}

#[test]
fn what_others_did_is_told_once_and_stays_read() {
    let mut w = World::new(&["ann", "bob"]);
    w.meet("ada", "Ada", "admin");
    w.room("room");
    let booked = |span: &str| w.booked("ann", "room", span, 1);
    let (one, other, own) = (booked("10:00-11:00"), booked("11:00-12:00"), booked("12:00-13:00"));
    assert_eq!(notices(&w, "ann")["items"], json!([]), "what one does oneself is no news");
    for booking in [&one, &other] {
        let ask = w.cancel("ada", booking);
        assert_eq!(w.send(&ask).status, 200);
    }
    let ask = w.cancel("ann", &own);
    assert_eq!(w.send(&ask).status, 200);
    let told = notices(&w, "ann");
    assert_eq!((news(&told), &told["unread"]), (vec!["cancelled", "cancelled"], &json!(2)));
    assert_eq!(told["items"][0]["booking"], json!(other), "the newest first");
    assert_eq!(told["items"][0]["resource_name"], "room");
    assert_eq!(notices(&w, "bob")["items"], json!([]), "nobody sees another's");
    // Page by page.
    let first = w.read("ann", "/api/notices?limit=1");
    let next = first["next"].as_str().unwrap();
    let second = w.read("ann", &format!("/api/notices?limit=1&after={next}"));
    assert_eq!((&second["items"][0]["booking"], &second["next"]), (&json!(one), &Value::Null));
    // Read is read, and a later word does not unread it.
    let read = |until: &Value| {
        let ask = Ask::post("/api/notices/read").by(w.token("ann")).json(&json!({ "until": until }));
        w.send(&ask).status
    };
    assert_eq!(read(&told["items"][0]["id"]), 204);
    assert_eq!(read(&told["items"][1]["id"]), 204);
    let told = notices(&w, "ann");
    assert_eq!((&told["unread"], &told["items"][1]["read"]), (&json!(0), &json!(true)));
    assert_eq!(read(&json!("soon")), 422);
    // What is yet to come cannot have been read.
    assert_eq!(read(&json!("999999.1")), 204);
    let again = w.booked("ann", "room", "14:00-15:00", 1);
    let ask = w.cancel("ada", &again);
    assert_eq!(w.send(&ask).status, 200);
    assert_eq!(notices(&w, "ann")["unread"], 1);
    w.kill_and_start_again();
    let told = notices(&w, "ann");
    assert_eq!((told["items"].as_array().unwrap().len(), &told["unread"]), (3, &json!(1)), "a restart forgets nothing");
}

#[test]
fn a_letter_follows_the_commit_though_the_server_is_killed() {
    let mut node = Node::start();
    let mail = node.mail();
    let from = "Slotwise <no-reply@example.org>";
    let mut w = World::with(&["ann", "bob"], &["--mail-url", &mail, "--mail-from", from]);
    w.meet("ada", "Ada", "admin");
    w.room("room");
    assert_eq!(put_address(&w, "ann", json!("not an address")), 422);
    assert_eq!(put_address(&w, "ann", json!("ann@example.org")), 200);
    assert_eq!(w.read("ann", "/api/me/address"), json!({ "email": "ann@example.org" }));
    let (anns, bobs) = (w.booked("ann", "room", "10:00-11:00", 1), w.booked("bob", "room", "11:00-12:00", 1));
    for booking in [&bobs, &anns] {
        let ask = w.cancel("ada", booking);
        assert_eq!(w.send(&ask).status, 200);
    }
    // Told is kept: killed before it was sent, or while.
    w.kill_and_start_again();
    let letter = node.event("$mail", "letter");
    assert_eq!(letter["to"], json!(["ann@example.org"]));
    let text = letter["text"].as_str().unwrap();
    for says in ["Subject: Cancelled: room", "Auto-Submitted: auto-generated", "From: Slotwise <no-reply@example.org>"]
    {
        assert!(text.contains(says), "no {says:?} in {text}");
    }
    // Bob has no address, so nothing else comes; who takes theirs away hears no more.
    assert_eq!(put_address(&w, "ann", Value::Null), 200);
    let more = w.booked("ann", "room", "12:00-13:00", 1);
    let ask = w.cancel("ada", &more);
    assert_eq!(w.send(&ask).status, 200);
    let rest = node.rest(Duration::from_millis(2_500));
    let others = rest.iter().filter(|l| l["from"] == "$mail" && l["data"]["text"].as_str() != Some(text));
    let same = |l: &&Value| l["data"]["to"] == json!(["ann@example.org"]);
    let id = |text: &str| text.lines().find(|l| l.starts_with("Message-ID")).map(str::to_owned);
    for other in others {
        // At least once: one that was sent twice has the same id.
        assert!(same(&other) && id(other["data"]["text"].as_str().unwrap()) == id(text), "{other}");
    }
}

#[test]
fn both_owners_hear_of_a_hand_over_and_whoever_is_displaced_of_that() {
    let mut w = World::new(&["ann", "bob"]);
    w.meet("ada", "Ada", "admin");
    w.room("room");
    let (handed, displaced) = (w.booked("ann", "room", "10:00-11:00", 1), w.booked("ann", "room", "11:00-12:00", 1));
    let to = w.person("bob").id.clone();
    let ask = w.change("ada", "POST", &format!("/api/bookings/{handed}/hand-over"));
    assert_eq!(w.send(&ask.json(&json!({ "to": to, "reason": "Ill." }))).status, 200);
    let line = json!({ "resource": w.id("room"), "start": w.at("11:00"), "end": w.at("12:00") });
    let word = json!({ "reason": "Exams.", "displaces": [{ "id": displaced, "revision": 1 }] });
    let ask = w.change("ada", "POST", "/api/bookings");
    let reply = w.send(&ask.json(&json!({ "lines": [line], "override": word })));
    assert_eq!(reply.told(), "201 BOOKED", "{}", reply.text());
    assert_eq!(news(&notices(&w, "ann")), ["displaced", "handed_over"], "the newest first");
    assert_eq!(news(&notices(&w, "bob")), ["taken_over"]);
    assert_eq!(news(&notices(&w, "ada")), [""; 0], "what one does oneself is no news");
}

#[test]
fn a_letter_that_is_refused_for_good_is_given_up() {
    let mut node = Node::start();
    let mail = node.mail();
    let mut w = World::with(&["ann"], &["--mail-url", &mail, "--mail-from", "slotwise@example.org"]);
    w.meet("ada", "Ada", "admin");
    w.room("room");
    assert_eq!(put_address(&w, "ann", json!("nobody@example.org")), 200);
    let booking = w.booked("ann", "room", "10:00-11:00", 1);
    let ask = w.cancel("ada", &booking);
    assert_eq!(w.send(&ask).status, 200);
    let given_up = || w.metric("slotwise_letters_total", "given_up") >= 1.0;
    assert!((0..100).any(|_| given_up() || {
        std::thread::sleep(Duration::from_millis(100));
        false
    }));
    assert!(node.rest(Duration::from_millis(100)).iter().all(|l| l["from"] != "$mail"));
}

#[test]
fn whose_a_booking_was_is_told_no_more_of_it_than_they_were() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check("ann POST /api/bookings room 10:00-11:00 title Mine as b -> 201 BOOKED");
    let (booking, bob) = (w.id_of("b"), w.person("bob").id.clone());
    w.check("root POST /api/bookings/@b/move room 11:00-12:00 -> 200 ACCEPTED");
    let told = notices(&w, "ann")["items"][0].clone();
    assert_eq!((&told["title"], &told["start"]), (&json!("Mine"), &json!(w.at("11:00"))), "{told}");
    let over = w.change("root", "POST", &format!("/api/bookings/{booking}/hand-over"));
    assert_eq!(w.send(&over.json(&json!({ "to": bob, "reason": "Ill." }))).told(), "200 ACCEPTED");
    w.check(
        r#"bob PATCH /api/bookings/@b if 3 {"title": "SECRET", "private": true} -> 200 ACCEPTED
           bob POST /api/bookings/@b/move room 15:00-16:00                      -> 200 ACCEPTED"#,
    );
    let anns = notices(&w, "ann");
    assert_eq!(news(&anns), ["handed_over", "moved"]);
    for told in anns["items"].as_array().unwrap() {
        assert_eq!(told["title"], Value::Null, "{told}");
        let when = (&told["start"], &told["end"]);
        assert_eq!(when, (&json!(w.at("11:00")), &json!(w.at("12:00"))), "as it was when it was theirs: {told}");
        assert_eq!((&told["resource_name"], &told["booking"]), (&json!("room"), &json!(booking)), "{told}");
    }
    assert_eq!(anns["items"][0]["reason"], "Ill.");
    let bobs = notices(&w, "bob")["items"][0].clone();
    assert_eq!((&bobs["title"], &bobs["start"]), (&json!("SECRET"), &json!(w.at("15:00"))), "{bobs}");
}
