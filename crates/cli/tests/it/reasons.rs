//! Whoever acts upon what is somebody else's says why: asked for by name, recorded, and told to whom it concerns.
//! Each row is a command that an admin sends without a reason, and then with one.

use crate::harness::{Ask, World};
use serde_json::{Value, json};
use uuid::Uuid;

const WHY: &str = "The pipes leak.";

fn sent(w: &World, who: &str, method: &str, path: &str, if_match: Option<u64>, body: &Value) -> (String, Value) {
    let ask = w.change(who, method, path).json(body);
    let reply = w.send(&if_match.into_iter().fold(ask, |ask, seen| ask.header("if-match", format!("\"{seen}\""))));
    (reply.told(), reply.json())
}

/// Refused without a reason, by the name of the field, and accepted with one.
fn owes_a_reason(w: &World, method: &str, path: &str, if_match: Option<u64>, body: &Value) -> Value {
    let (told, refused) = sent(w, "root", method, path, if_match, body);
    assert!(["422 REJECTED invalid", "422 malformed"].contains(&told.as_str()), "{method} {path}: {told}: {refused}");
    assert!(refused.to_string().contains("reason"), "{method} {path}: {refused}");
    let mut body = body.clone();
    body["reason"] = json!("  ");
    let (told, blank) = sent(w, "root", method, path, if_match, &body);
    assert!(told.starts_with("422 ") && blank.to_string().contains("reason"), "{method} {path}: {told}: {blank}");
    body["reason"] = json!(WHY);
    let (told, done) = sent(w, "root", method, path, if_match, &body);
    assert!(["200 ACCEPTED", "201 ACCEPTED", "201 BOOKED"].contains(&told.as_str()), "{method} {path}: {told}: {done}");
    done
}

#[test]
fn what_is_somebody_elses_is_changed_with_a_reason_that_they_are_told() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("room", 2);
    w.resource("asked", json!({ "policy": { "approval": true } }));
    w.resource("full", json!({ "capacity": 1, "policy": { "waitlist": { "mode": "book", "fill": "skip" } } }));
    let ann = w.person("ann").id.clone();
    let line = |room: &str, span: &str| {
        let (start, end) = w.span(span);
        json!({ "resource": w.id(room), "start": start, "end": end })
    };
    let id = |done: &Value| done["booking"]["id"].as_str().unwrap().to_owned();

    // Booked for her, and moved, edited, swapped, approved and handed over.
    let book = json!({ "lines": [line("room", "10:00-11:00")], "for": ann });
    let booked = id(&owes_a_reason(&w, "POST", "/api/bookings", None, &book));
    let path = |end: &str| format!("/api/bookings/{booked}{end}");
    let to = json!({ "lines": [line("room", "11:00-12:00")] });
    owes_a_reason(&w, "POST", &path("/move"), None, &to);
    owes_a_reason(&w, "PATCH", &path(""), Some(2), &json!({ "title": "Elsewhere" }));
    let other = w.booked("bob", "room", "13:00-14:00", 1);
    owes_a_reason(&w, "POST", &path("/swap"), None, &json!({ "with": other }));
    let pending = w.send(&w.book("ann", "asked", "10:00-11:00", 1)).json();
    owes_a_reason(&w, "POST", &format!("/api/bookings/{}/approve", id(&pending)), None, &json!({}));
    let bob = w.person("bob").id.clone();
    owes_a_reason(&w, "POST", &path("/hand-over"), None, &json!({ "to": bob }));
    owes_a_reason(&w, "POST", &path("/cancel"), None, &json!({}));

    // A series for her, and its dates.
    let civil = |clock: &str| format!("{}T{clock}", w.day);
    let series = json!({ "resource": w.id("room"), "start": civil("15:00"), "end": civil("16:00"), "rule": "FREQ=DAILY;COUNT=2", "for": ann });
    let (told, looked) = sent(&w, "root", "POST", "/api/series/preview", None, &series);
    assert_eq!(
        (told.as_str(), &looked["accepted"]),
        ("200", &json!(true)),
        "nothing is done, and nothing is said: {looked}"
    );
    let made = owes_a_reason(&w, "POST", "/api/series", None, &series);
    let path = format!("/api/series/{}", made["series"].as_str().unwrap());
    let to = json!({ "start": civil("17:00"), "end": civil("18:00") });
    owes_a_reason(&w, "POST", &format!("{path}/move"), None, &to);
    owes_a_reason(&w, "PATCH", &path, None, &json!({ "details": { "title": "Evening" } }));

    // Her place in line.
    w.booked("bob", "full", "10:00-11:00", 1);
    let mut wait = line("full", "10:00-11:00");
    wait["for"] = json!(ann);
    let entry = owes_a_reason(&w, "POST", "/api/waitlist", None, &wait)["entry"]["id"].clone();
    let path = format!("/api/waitlist/{}", entry.as_str().unwrap());
    owes_a_reason(&w, "POST", &format!("{path}/class"), None, &json!({ "class": 2 }));
    owes_a_reason(&w, "POST", &format!("{path}/leave"), None, &json!({}));

    // How much there is, both ways to say it.
    let room = format!("/api/resources/{}", w.id("room"));
    owes_a_reason(&w, "POST", &format!("{room}/capacity"), Some(1), &json!({ "to": 4 }));
    owes_a_reason(&w, "PATCH", &room, Some(2), &json!({ "capacity": 5 }));

    // Time that is put in use again.
    let (start, end) = w.span("20:00-21:00");
    let painted = json!({ "start": start, "end": end });
    let block = owes_a_reason(&w, "POST", &format!("{room}/blocks"), Some(3), &painted)["block"]["id"].clone();
    let path = format!("{room}/blocks/{}/remove", block.as_str().unwrap());
    owes_a_reason(&w, "POST", &path, Some(4), &json!({}));

    // Every one of them is on record with its reason.
    let audit = w.read("root", "/api/audit?limit=200");
    let mut with_reason: Vec<&str> = Vec::new();
    for item in audit["items"].as_array().unwrap().iter().filter(|i| i["outcome"] != "REJECTED") {
        if item["changes"].as_array().unwrap().iter().any(|change| change["reason"] == WHY) {
            with_reason.push(item["command"].as_str().unwrap());
        }
    }
    with_reason.sort_unstable();
    let expected = [
        "add_block",
        "approve",
        "book",
        "book_series",
        "cancel",
        "edit_booking",
        "edit_resource",
        "edit_series",
        "hand_over",
        "join_waitlist",
        "leave_waitlist",
        "move",
        "move_series",
        "remove_block",
        "set_capacity",
        "set_class",
        "swap",
    ];
    assert_eq!(with_reason, expected);

    // And told to whom it concerns: with the booking, and with the notice.
    let history = w.read("root", &format!("/api/bookings/{booked}/history"));
    let steps = history["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 6, "{history}");
    assert!(steps.iter().all(|step| step["reason"] == WHY), "{history}");
    let notices = w.read("ann", "/api/notices?limit=100");
    for news in ["booked", "moved", "approved", "handed_over"] {
        let told = notices["items"].as_array().unwrap().iter().find(|n| n["news"] == news);
        assert_eq!(told.unwrap_or_else(|| panic!("{news}: {notices}"))["reason"], WHY, "{news}");
    }
    w.sweep();
}

#[test]
fn what_is_ones_own_needs_no_reason_and_nobody_else_is_told_another_s() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.resource("class", json!({ "capacity": 1, "policy": { "waitlist": { "mode": "book", "fill": "skip" } } }));
    let booked = w.booked("ann", "room", "10:00-11:00", 1);
    let (start, end) = w.span("12:00-13:00");
    let to = json!({ "lines": [{ "resource": w.id("room"), "start": start, "end": end }] });
    assert_eq!(sent(&w, "ann", "POST", &format!("/api/bookings/{booked}/move"), None, &to).0, "200 ACCEPTED");
    // What an admin moves away frees a place, and whoever gets it by that is not told why.
    let place = w.booked("ann", "class", "10:00-11:00", 1);
    let line = json!({ "resource": w.id("class"), "start": w.at("10:00"), "end": w.at("11:00") });
    assert_eq!(sent(&w, "bob", "POST", "/api/waitlist", None, &line).0, "201 ACCEPTED");
    let (start, end) = w.span("14:00-15:00");
    let away = json!({ "lines": [{ "resource": w.id("class"), "start": start, "end": end }], "reason": WHY });
    assert_eq!(sent(&w, "root", "POST", &format!("/api/bookings/{place}/move"), None, &away).0, "200 ACCEPTED");
    let notices = w.read("bob", "/api/notices");
    assert_eq!((&notices["items"][0]["news"], &notices["items"][0]["reason"]), (&json!("promoted"), &Value::Null));
    let promoted = w.read("bob", "/api/bookings?owner=me")["items"][0]["id"].as_str().unwrap().to_owned();
    let history = w.read("bob", &format!("/api/bookings/{promoted}/history"));
    assert_eq!(history["steps"][0]["reason"], Value::Null, "{history}");
    let other = Ask::post("/api/attempts").by(w.token("ann"));
    let cancel = json!({ "key": Uuid::now_v7(), "command": "cancel", "id": booked });
    assert_eq!(w.send(&other.json(&json!({ "attempts": [cancel] }))).json()["attempts"][0]["status"], 200);
    w.sweep();
}
