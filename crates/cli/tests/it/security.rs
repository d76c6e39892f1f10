//! What belongs to somebody stays theirs, in every operation there is; no secret lies where it can be read; no other protocol gets in.
//! The rest of the page on security is tested where each part is. Scenario 86.

use crate::harness::{Ask, Conn, World, slotwise};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;
use uuid::Uuid;

/// Operations on one thing that everybody may see, or that are nobody's in particular.
const EVERYBODYS: [&str; 7] = [
    // What is in it is told to its owner and admins alone: `views::the_inside_of_a_booking_is_its_owners_and_the_admins`.
    "GET /api/bookings/{id}",
    "GET /api/resources/{id}",
    "GET /api/resources/{id}/schedule",
    "GET /api/resources/{id}/record",
    "GET /api/demo/crowd/{id}",
    // One's own alone, and only for whoever came in by a password or a provider: `doors` and `matrix` try another's.
    "DELETE /api/me/keys/{id}",
    "DELETE /api/me/sessions/{id}",
];

/// Things of Ann's, and what Bob tries with each.
struct Anns {
    w: World,
    rows: Vec<(&'static str, String, Value)>,
}

impl Anns {
    fn new() -> Anns {
        let mut w = World::new(&["ann", "bob"]);
        let (room, other) = (w.room("room"), w.room("other"));
        let booking = w.booked("ann", "room", "10:00-11:00", 1);
        let bobs = w.booked("bob", "other", "10:00-11:00", 1);
        w.resource("asked", json!({ "policy": { "approval": true } }));
        let asked = w.send(&w.book("ann", "asked", "10:00-11:00", 1));
        assert_eq!(asked.told(), "201 ACCEPTED", "{}", asked.text());
        let asked = format!("/api/bookings/{}", asked.json()["booking"]["id"].as_str().unwrap());
        w.resource("checked", json!({ "policy": { "check_in": { "opens_s": 900, "closes_s": 600 } } }));
        let checked = format!("/api/bookings/{}", w.booked("ann", "checked", "10:00-11:00", 1));
        let hold = w.held("ann", "room", "12:00-13:00");
        let (start, end) = w.span("15:00-16:00");
        let section = json!({ "kind": "section", "capacity": 1, "interval": { "start": start, "end": end } });
        w.resource("section", section);
        w.booked_section("root", "section");
        let joined = w.change("ann", "POST", "/api/waitlist").json(&json!({ "resource": w.id("section") }));
        let joined = w.send(&joined);
        assert_eq!(joined.told(), "201 ACCEPTED", "{}", joined.text());
        let entry = joined.json()["entry"]["id"].as_str().unwrap().to_owned();
        let rule = json!({ "resource": other, "start": format!("{}T08:00", w.day), "end": format!("{}T09:00", w.day),
            "rule": "FREQ=DAILY;COUNT=2", "contract": "all_or_nothing" });
        let series = w.send(&w.change("ann", "POST", "/api/series").json(&rule));
        assert_eq!(series.status, 201, "{}", series.text());
        let series = series.json()["series"].as_str().unwrap().to_owned();
        let ann = w.person("ann").id.clone();
        let bob = w.person("bob").id.clone();
        let block = json!({ "start": start, "end": end, "reason": "paint" });
        let made =
            w.change("root", "POST", &format!("/api/resources/{room}/blocks")).header("if-match", "1").json(&block);
        let made = w.send(&made);
        assert_eq!(made.status, 201, "{}", made.text());
        let block_id = made.json()["block"]["id"].as_str().unwrap().to_owned();

        let (booking, series) = (format!("/api/bookings/{booking}"), format!("/api/series/{series}"));
        let (hold_path, entry) =
            (format!("/api/holds/{}", hold["id"].as_str().unwrap()), format!("/api/waitlist/{entry}"));
        let (resource, person) = (format!("/api/resources/{room}"), format!("/api/people/{ann}"));
        let (from, to) = w.span("17:00-18:00");
        let line = json!({ "resource": room, "start": from, "end": to });
        let token = json!({ "token": hold["token"] });
        let why = json!({ "reason": "because" });
        let soon = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 60).unwrap();
        let rows = vec![
            ("PATCH /api/bookings/{id}", booking.clone(), json!({ "purpose": "mine" })),
            ("POST /api/bookings/{id}/approve", format!("{asked}/approve"), why.clone()),
            ("POST /api/bookings/{id}/cancel", format!("{booking}/cancel"), why.clone()),
            ("POST /api/bookings/{id}/check-in", format!("{checked}/check-in"), json!({})),
            ("POST /api/bookings/{id}/decline", format!("{asked}/decline"), why.clone()),
            (
                "POST /api/bookings/{id}/hand-over",
                format!("{booking}/hand-over"),
                json!({ "to": bob, "reason": "mine" }),
            ),
            ("POST /api/bookings/{id}/move", format!("{booking}/move"), json!({ "lines": [line] })),
            ("POST /api/bookings/{id}/swap", format!("{booking}/swap"), json!({ "with": bobs })),
            ("GET /api/bookings/{id}/history", format!("{booking}/history"), Value::Null),
            ("POST /api/holds/{id}/release", format!("{hold_path}/release"), token.clone()),
            ("POST /api/holds/{id}/renew", format!("{hold_path}/renew"), token),
            ("POST /api/holds/{id}/end", format!("{hold_path}/end"), why.clone()),
            (
                "POST /api/holds/{id}/until",
                format!("{hold_path}/until"),
                json!({ "until": soon.to_string(), "reason": "because" }),
            ),
            ("GET /api/series/{id}", series.clone(), Value::Null),
            ("PATCH /api/series/{id}", series.clone(), json!({ "details": { "purpose": "mine" } })),
            ("POST /api/series/{id}/cancel", format!("{series}/cancel"), json!({ "reason": "because" })),
            (
                "POST /api/series/{id}/move",
                format!("{series}/move"),
                json!({ "start": format!("{}T09:00", w.day), "end": format!("{}T10:00", w.day) }),
            ),
            ("GET /api/waitlist/{id}", entry.clone(), Value::Null),
            ("POST /api/waitlist/{id}/accept", format!("{entry}/accept"), json!({})),
            ("POST /api/waitlist/{id}/class", format!("{entry}/class"), json!({ "class": 1, "reason": "because" })),
            ("POST /api/waitlist/{id}/decline", format!("{entry}/decline"), json!({})),
            ("POST /api/waitlist/{id}/leave", format!("{entry}/leave"), json!({})),
            ("POST /api/people/{id}/erase", format!("{person}/erase"), json!({})),
            ("GET /api/people/{id}/facts", format!("{person}/facts"), Value::Null),
            ("PUT /api/people/{id}/facts", format!("{person}/facts"), json!({ "tags": ["staff"] })),
            ("POST /api/people/{id}/keys", format!("{person}/keys"), json!({ "label": "mine" })),
            ("GET /api/people/{id}/keys", format!("{person}/keys"), Value::Null),
            ("DELETE /api/people/{id}/keys/{key}", format!("{person}/keys/{}", Uuid::nil()), Value::Null),
            ("DELETE /api/people/{id}/sessions", format!("{person}/sessions"), Value::Null),
            ("POST /api/people/{id}/invitation", format!("{person}/invitation"), json!({ "email": "bob@example.edu" })),
            ("PUT /api/people/{id}/role", format!("{person}/role"), json!({ "role": "admin" })),
            ("POST /api/people/{id}/suspend", format!("{person}/suspend"), json!({})),
            ("POST /api/people/{id}/restore", format!("{person}/restore"), json!({})),
            ("GET /api/people/{id}/standing", format!("{person}/standing"), Value::Null),
            ("DELETE /api/people/{id}/invitation", format!("{person}/invitation"), Value::Null),
            ("PATCH /api/resources/{id}", resource.clone(), json!({ "name": "Mine" })),
            ("POST /api/resources/{id}/blocks", format!("{resource}/blocks"), block),
            (
                "POST /api/resources/{id}/blocks/{block}/remove",
                format!("{resource}/blocks/{block_id}/remove"),
                why.clone(),
            ),
            (
                "POST /api/resources/{id}/capacity",
                format!("{resource}/capacity"),
                json!({ "to": 9, "reason": "because" }),
            ),
            ("POST /api/resources/{id}/close", format!("{resource}/close"), why.clone()),
            (
                "POST /api/resources/{id}/displacement-preview",
                format!("{resource}/displacement-preview"),
                json!({ "capacity": { "to": 0 } }),
            ),
            ("POST /api/resources/{id}/reopen", format!("{resource}/reopen"), why),
        ];
        Anns { w, rows }
    }

    fn try_as(&self, who: &str, operation: &str, path: &str, body: &Value) -> Ask {
        let method = operation.split(' ').next().unwrap();
        // The block was one change of its resource's rules.
        let version = if path.starts_with("/api/resources/") { "2" } else { "1" };
        let ask = self.w.change(who, method, path).header("if-match", version);
        if body.is_null() { Ask { headers: ask.headers, ..Ask::new(method, path) } } else { ask.json(body) }
    }
}

trait Seats {
    fn booked_section(&self, who: &str, section: &str);
}

impl Seats for World {
    fn booked_section(&self, who: &str, section: &str) {
        let lines = json!({ "lines": [{ "resource": self.id(section) }] });
        let reply = self.send(&self.change(who, "POST", "/api/bookings").json(&lines));
        assert_eq!(reply.told(), "201 BOOKED", "{}", reply.text());
    }
}

#[test]
fn what_is_somebodys_is_refused_to_others_in_every_operation() {
    let anns = Anns::new();
    let document = anns.w.read("root", "/api/openapi.json");
    let mut missing: BTreeSet<String> = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|m| ["get", "post", "put", "patch", "delete"].contains(&m.as_str()))
        {
            let operation = format!("{} {path}", method.to_uppercase());
            let known = anns.rows.iter().any(|(row, ..)| *row == operation) || EVERYBODYS.contains(&operation.as_str());
            // By its key an attempt is found by who made it alone: another's key is one that nobody used.
            if path.contains('{') && path != "/api/attempts/{key}" && path != "/api/attempts/{key}/explain" && !known {
                missing.insert(operation);
            }
        }
    }
    assert!(missing.is_empty(), "what does somebody else get from these? {missing:?}");
    let hers = || {
        let mut bookings = anns.w.read("ann", "/api/bookings?owner=me")["items"].clone();
        bookings.as_array_mut().unwrap().iter_mut().for_each(|b| drop(b.as_object_mut().unwrap().remove("as_of")));
        bookings
    };
    let before = hers();
    let mut wrong = Vec::new();
    for (operation, path, body) in &anns.rows {
        let got = anns.w.send(&anns.try_as("bob", operation, path, body));
        // Not allowed, or not there for them; and no more than if it had never been.
        if ![403, 404].contains(&got.status) {
            wrong.push(format!("{operation}: {} {}", got.told(), got.text()));
        }
        let nobody = anns.w.send(
            &Ask { headers: Vec::new(), ..anns.try_as("bob", operation, path, body) }
                .raw("application/json", body.to_string()),
        );
        if nobody.status != 401 {
            wrong.push(format!("{operation} by nobody: {}", nobody.told()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(hers(), before, "nothing of it has changed");
    assert_eq!(anns.w.read("ann", "/api/holds?owner=me")["items"].as_array().unwrap().len(), 1);
    anns.w.sweep();
}

fn files(dir: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
}

#[test]
fn no_key_is_kept_as_it_is_anywhere() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    w.booked("ann", "room", "10:00-11:00", 1);
    let token = w.token("ann").to_owned();
    assert_eq!(w.send(&Ask::get("/api/me").by(&format!("{token}x"))).status, 401);
    w.server.terminate();
    assert!(w.server.ended_within(Duration::from_secs(10)).is_some_and(|status| status.success()));
    let mut found = Vec::new();
    files(&w.home.data(), &mut found);
    found.push(("the log".into(), w.server.log_with("serving").into_bytes()));
    assert!(found.len() >= 4, "the folder was read");
    for (name, bytes) in found {
        let secret = token.as_bytes();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{name} has a key in it");
    }
    let exported = slotwise(&["export", "--to", "-", "--data"]).arg(w.home.data()).output().unwrap();
    assert!(exported.status.success() && !String::from_utf8_lossy(&exported.stdout).contains(&token));
}

#[test]
fn another_protocol_is_answered_in_this_one_or_closed() {
    let w = World::new(&["ann"]);
    let frames = [
        // A flood of streams that are taken back at once wants HTTP/2, which is not spoken here.
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x03\0\0\0\x01\0\0\0\x08".to_vec(),
        b"GET /api/me HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(),
    ];
    for bytes in frames {
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write_raw(&bytes).unwrap();
        match conn.answered_within(Duration::from_secs(15)) {
            Ok(reply) => assert!([400, 401, 505].contains(&reply.status), "{}", reply.status),
            Err(_) => assert!(conn.ended_within(Duration::from_secs(15))),
        }
    }
    assert_eq!(w.send(&Ask::get("/readyz")).status, 200);
    let key = Uuid::now_v7();
    assert_eq!(w.get("ann", &format!("/api/attempts/{key}")).status, 404);
}
