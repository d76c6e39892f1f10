//! Requests that are not what they should be: refused with the field named, and never stored.
//! Scenarios 82, 83 and the small part of 85.

use crate::harness::{Ask, Conn, Reply, World};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

struct Desk {
    w: World,
}

impl Desk {
    fn new() -> Desk {
        let mut w = World::new(&["ann"]);
        w.hall("hall", 50);
        w.resource("berlin", json!({ "zone": "Europe/Berlin", "capacity": 50 }));
        Desk { w }
    }

    fn raw(&self, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
        let ask = Ask::post("/api/bookings").by(self.w.token("ann")).key(Uuid::now_v7());
        self.w.send(&ask.raw(content_type, body))
    }

    /// Books a stretch of a room, as it is written.
    fn book(&self, room: &str, start: &str, end: &str) -> Reply {
        let line = json!({ "resource": self.w.id(room), "start": start, "end": end });
        self.raw("application/json", json!({ "lines": [line] }).to_string())
    }

    /// Books with `units` as it is written.
    fn units(&self, units: &str) -> Reply {
        let (start, end) = self.w.span("10:00-11:00");
        let id = self.w.id("hall");
        let line = format!(r#"{{"resource":"{id}","start":"{start}","end":"{end}","units":{units}}}"#);
        self.raw("application/json", format!(r#"{{"lines":[{line}]}}"#))
    }

    fn nothing_is_stored(&self) {
        assert!(self.w.bookings_on("hall").is_empty() && self.w.bookings_on("berlin").is_empty());
        self.w.sweep();
    }
}

fn field(reply: &Reply) -> (String, String) {
    let first = &reply.json()["errors"][0];
    (first["field"].as_str().unwrap_or_default().into(), first["code"].as_str().unwrap_or_default().into())
}

#[track_caller]
fn refused(reply: &Reply, told: &str, at: &str, code: &str) {
    assert_eq!(reply.told(), told, "{}", reply.text());
    assert_eq!(field(reply), (at.to_owned(), code.to_owned()), "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    assert_eq!(reply.json()["outcome"], Value::Null, "no execution: {}", reply.text());
}

#[test]
fn what_is_not_json_is_refused_as_such() {
    let desk = Desk::new();
    let deep = "[".repeat(60_000);
    let lone = r#"{"lines":[],"title":"\ud800"}"#;
    for body in ["", "{", "{\"lines\":[]} and more", "nonsense", "{\"lines\":[}", lone] {
        let reply = desk.raw("application/json", body);
        assert_eq!(reply.told(), "400 not_json", "{}: {}", &body[..body.len().min(40)], reply.text());
    }
    assert!([400, 422].contains(&desk.raw("application/json", deep).status));
    let not_utf8 = desk.raw("application/json", b"{\"lines\":[],\"title\":\"\xff\"}".to_vec());
    assert!([400, 422].contains(&not_utf8.status), "{}", not_utf8.text());
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""] {
        assert_eq!(desk.raw(kind, r#"{"lines":[]}"#).told(), "415 not_json", "{kind:?}");
    }
    assert_eq!(desk.raw("application/json; charset=utf-8", r#"{"lines":[]}"#).told(), "422 REJECTED invalid");
    desk.nothing_is_stored();
}

#[test]
fn a_body_beyond_64_kib_is_too_large() {
    let desk = Desk::new();
    let body = |n: usize| json!({ "lines": [], "title": "x".repeat(n) }).to_string();
    assert_eq!(desk.raw("application/json", body(200 * 1024)).told(), "413 too_large");
    assert_eq!(desk.raw("application/json", body(65 * 1024)).told(), "413 too_large");
    refused(&desk.raw("application/json", body(60 * 1024)), "422 malformed", "title", "too_long");
    desk.nothing_is_stored();
}

#[test]
fn unknown_and_repeated_fields_are_refused_by_their_name() {
    let desk = Desk::new();
    let (start, end) = desk.w.span("10:00-11:00");
    let id = desk.w.id("hall").to_owned();
    let line = json!({ "resource": id, "start": start, "end": end });
    let with = |name: &str, value: Value, of: &Value| {
        let mut body = of.clone();
        body[name] = value;
        body
    };
    let booking = json!({ "lines": [line] });
    let stray = |name: &str| with(name, json!("x"), &booking);
    for name in ["owner", "role", "status", "state", "decided_at", "Lines", "id", "price"] {
        let reply = desk.raw("application/json", stray(name).to_string());
        assert_eq!(reply.told(), "422 malformed", "{name}");
        assert!(reply.text().contains(&format!("`{name}`")), "{name} is not named: {}", reply.text());
    }
    let in_line = json!({ "lines": [with("seat", json!(4), &line)] });
    let reply = desk.raw("application/json", in_line.to_string());
    assert_eq!(field(&reply).0, "lines[0].seat", "{}", reply.text());
    let repeated = format!(r#"{{"lines":[{line}],"lines":[{line}]}}"#);
    let reply = desk.raw("application/json", repeated);
    assert_eq!(reply.told(), "422 malformed", "{}", reply.text());
    assert!(reply.text().contains("lines"), "{}", reply.text());
    // Every other body refuses strays as well.
    let w = &desk.w;
    let nil = Uuid::nil();
    for (path, body) in [
        ("/api/room-bookings".to_owned(), json!({ "roomId": id, "start": start, "end": end, "units": 2 })),
        ("/api/holds".to_owned(), json!({ "resource": id, "start": start, "end": end, "ttl": 9 })),
        (format!("/api/bookings/{nil}/cancel"), json!({ "force": true })),
        (format!("/api/holds/{nil}/renew"), json!({ "token": "1.1", "ttl": 9 })),
        ("/api/resources".to_owned(), json!({ "kind": "room", "name": "x", "zone": "UTC", "id": nil })),
    ] {
        let reply = w.send(&w.change("root", "POST", &path).json(&body));
        assert_eq!(reply.told(), "422 malformed", "{path}: {}", reply.text());
        assert!(reply.text().contains("unknown field"), "{path}: {}", reply.text());
    }
    let edit = w.change("root", "PATCH", &format!("/api/resources/{id}")).header("if-match", "1");
    assert_eq!(w.send(&edit.json(&json!({ "policy_version": 9 }))).told(), "422 malformed");
    let query = w.get("ann", "/api/resources?limt=5");
    assert_eq!(query.told(), "422 malformed", "{}", query.text());
    assert!(query.text().contains("limt"), "{}", query.text());
    desk.nothing_is_stored();
}

#[test]
fn values_of_the_wrong_type_are_refused_where_they_are() {
    let desk = Desk::new();
    for (body, at) in [
        (json!([]), "body"),
        (json!({}), "lines"),
        (json!({ "lines": null }), "lines"),
        (json!({ "lines": {} }), "lines"),
        (json!({ "lines": [{ "resource": 7 }] }), "lines[0].resource"),
        (json!({ "lines": [{ "resource": "x" }] }), "lines[0].resource"),
        (json!({ "lines": [{ "resource": Uuid::nil(), "start": 10 }] }), "lines[0].start"),
        (json!({ "lines": [], "people": "many" }), "people"),
        (json!({ "lines": [], "title": 5 }), "title"),
        (json!({ "lines": [], "hold": "h" }), "hold"),
        (json!({ "lines": [], "hold": { "id": Uuid::nil(), "token": "42" } }), "hold.token"),
    ] {
        let reply = desk.raw("application/json", body.to_string());
        assert_eq!(reply.told(), "422 malformed", "{body}: {}", reply.text());
        assert_eq!(field(&reply).0, at, "{body}: {}", reply.text());
    }
    desk.nothing_is_stored();
}

#[test]
fn a_list_is_no_object() {
    let desk = Desk::new();
    let (start, end) = desk.w.span("10:00-11:00");
    let line = json!([desk.w.id("hall"), start, end, 1]);
    let reply = desk.raw("application/json", json!([[line], null, null, null, null, null, null]).to_string());
    assert_eq!(reply.told(), "422 malformed", "fields by their place are not the contract: {}", reply.text());
    desk.nothing_is_stored();
}

#[test]
fn units_are_whole_numbers_that_the_resource_has() {
    let desk = Desk::new();
    for units in ["-1", "1.5", "\"1\"", "null", "true", "[1]", "4294967296", "9223372036854775807", "1e3"] {
        refused(&desk.units(units), "422 malformed", "lines[0].units", "not_understood");
    }
    for units in ["1e309", "-1e309"] {
        let reply = desk.units(units);
        assert!([400, 422].contains(&reply.status), "{units}: {}", reply.text());
    }
    // Well formed, and never valid: an execution says so.
    for units in ["0", "51", "2147483648", "4294967295"] {
        let reply = desk.units(units);
        assert_eq!(reply.told(), "422 REJECTED invalid", "{units}: {}", reply.text());
        assert_eq!(reply.json()["witness"]["rule"], "units", "{units}: {}", reply.text());
    }
    desk.nothing_is_stored();
    // Lines of one request are summed, and the sum does not wrap.
    let (start, end) = desk.w.span("10:00-11:00");
    let line = json!({ "resource": desk.w.id("hall"), "start": start, "end": end, "units": 50 });
    let reply = desk.raw("application/json", json!({ "lines": [line, line] }).to_string());
    assert_eq!(reply.told().split(' ').next(), Some("409"), "{}", reply.text());
    desk.nothing_is_stored();
    assert_eq!(desk.units("50").told(), "201 BOOKED");
}

#[test]
fn texts_are_bounded_and_without_control_characters() {
    let desk = Desk::new();
    let with = |name: &str, value: Value| {
        let mut body = json!({ "lines": [] });
        body[name] = value;
        desk.raw("application/json", body.to_string())
    };
    refused(&with("title", json!("a\u{0}b")), "422 malformed", "title", "control_character");
    refused(&with("title", json!("a\u{1b}[31m")), "422 malformed", "title", "control_character");
    refused(&with("title", json!("a\r\nX: y")), "422 malformed", "title", "control_character");
    refused(&with("title", json!("x".repeat(201))), "422 malformed", "title", "too_long");
    refused(&with("purpose", json!("x".repeat(2_001))), "422 malformed", "purpose", "too_long");
    refused(&with("people", json!(0)), "422 malformed", "people", "out_of_range");
    let resource = |fields: Value| {
        let mut body = json!({ "kind": "room", "name": "x", "zone": "UTC" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        desk.w.send(&desk.w.change("root", "POST", "/api/resources").json(&body))
    };
    for (fields, at) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "a\u{0}" }), "name"),
        (json!({ "zone": "Mars/Olympus" }), "zone"),
        (json!({ "capacity": 0 }), "capacity"),
        (json!({ "capacity": 1_000_001 }), "capacity"),
        (json!({ "seats": 0 }), "seats"),
        (json!({ "equipment": ["a,b"] }), "equipment"),
        (json!({ "kind": "section" }), "interval"),
        (json!({ "policy": { "hold_ttl_s": 0 } }), "policy.hold_ttl_s"),
        (json!({ "policy": { "hold_ttl_s": 301 } }), "policy.hold_ttl_s"),
        (json!({ "policy": { "setup_s": -1 } }), "policy.setup_s"),
        (json!({ "policy": { "cancel_by": { "days_before": 1, "at": "25:00" } } }), "policy.cancel_by.at"),
        (json!({ "policy": { "cancel_by": { "at": "tomorrow" } } }), "policy.cancel_by.at"),
        (json!({ "policy": { "book_by": { "at": "1969-12-31T23:59:59Z" } } }), "policy.book_by"),
        // Clocks are set forward, and back: the time does not exist, and happens twice.
        (
            json!({ "zone": "Europe/Berlin", "policy": { "book_by": { "at": "2027-03-28T02:30" } } }),
            "policy.book_by.at",
        ),
        (
            json!({ "zone": "Europe/Berlin", "policy": { "book_by": { "at": "2027-10-31T02:30" } } }),
            "policy.book_by.at",
        ),
    ] {
        let reply = resource(fields.clone());
        assert_eq!(reply.told(), "422 malformed", "{fields}: {}", reply.text());
        assert_eq!(field(&reply).0, at, "{fields}: {}", reply.text());
    }
    // Emoji, quotes and markup are text.
    let (start, end) = desk.w.span("10:00-11:00");
    let line = json!({ "resource": desk.w.id("hall"), "start": start, "end": end });
    let title = "<b>\"Ω\" 🎓 =HYPERLINK()</b>";
    let reply = desk.raw("application/json", json!({ "lines": [line], "title": title }).to_string());
    assert_eq!(reply.told(), "201 BOOKED");
    assert_eq!(reply.json()["booking"]["title"], title);
}

#[test]
fn no_text_of_a_resource_has_control_characters() {
    let desk = Desk::new();
    for (name, value) in [("building", json!("a\u{0}")), ("equipment", json!(["a\u{0}"]))] {
        let mut body = json!({ "kind": "room", "name": "x", "zone": "UTC" });
        body[name] = value;
        let reply = desk.w.send(&desk.w.change("root", "POST", "/api/resources").json(&body));
        assert_eq!((reply.told().as_str(), field(&reply).0.as_str()), ("422 malformed", name), "{}", reply.text());
    }
}

#[test]
fn a_time_is_written_as_documented_and_never_read_as_another() {
    let desk = Desk::new();
    let d = desk.w.day;
    // A day is no time, and what stands in brackets is not passed over: this is 10:00 in Tokyo, whatever the room's zone.
    let next = d.tomorrow().unwrap();
    for (start, end) in [
        (format!("{d}T10:00"), format!("{next}")),
        (format!("{d}"), format!("{d}T10:00")),
        (format!("{d}T10:00[Asia/Tokyo]"), format!("{d}T11:00[Asia/Tokyo]")),
    ] {
        let reply = desk.book("berlin", &start, &end);
        assert_eq!(reply.told(), "422 malformed", "{start} to {end}: {}", reply.text());
    }
    desk.nothing_is_stored();
}

#[test]
fn intervals_are_real_stretches_of_bookable_time() {
    let desk = Desk::new();
    let d = desk.w.day;
    let (ten, eleven) = (desk.w.at("10:00"), desk.w.at("11:00"));
    for (start, end, code) in [
        (&*eleven, &*ten, "end_not_after_start"),
        (&ten, &ten, "end_not_after_start"),
        (&ten, &format!("{}Z", d.checked_add(jiff::Span::new().years(10)).unwrap().at(10, 0, 0, 0)), "too_long"),
        (&ten, "9999-12-30T00:00:00Z", "out_of_range"),
        ("1969-12-31T23:00:00Z", "1969-12-31T23:30:00Z", "out_of_range"),
    ] {
        refused(&desk.book("hall", start, end), "422 malformed", "lines[0].end", code);
    }
    for (end, code) in [
        ("10000-01-01T00:00:00Z", "not_a_time"),
        ("2027-02-30T10:00:00Z", "not_a_time"),
        ("2027-02-01T25:00:00Z", "not_a_time"),
        ("tomorrow", "not_a_time"),
        ("", "not_a_time"),
        ("1796000000", "not_a_time"),
        (&"2".repeat(65), "not_a_time"),
        (&format!("{d}T10:00:00.0000001Z"), "end_not_after_start"),
        (&format!("{d}T10:00:00.0000000001Z"), "not_a_time"),
        ("-000001-01-01T00:00:00Z", "not_a_time"),
    ] {
        refused(&desk.book("hall", &ten, end), "422 malformed", "lines[0].end", code);
    }
    let both = desk.book("hall", "x", "y");
    assert_eq!(both.json()["errors"].as_array().map(Vec::len), Some(2), "both are told: {}", both.text());
    let line = |fields: Value| desk.raw("application/json", json!({ "lines": [fields] }).to_string());
    refused(&line(json!({ "resource": desk.w.id("hall"), "start": ten })), "422 malformed", "lines[0].end", "missing");
    refused(&line(json!({ "resource": desk.w.id("hall"), "end": ten })), "422 malformed", "lines[0].start", "missing");
    let neither = line(json!({ "resource": desk.w.id("hall") }));
    assert_eq!(
        (neither.told(), &neither.json()["witness"]["rule"]),
        ("422 REJECTED invalid".into(), &json!("interval_missing"))
    );
    // What is over cannot be booked, however well formed.
    assert_eq!(desk.book("hall", "2020-01-01T10:00:00Z", "2020-01-01T11:00:00Z").told(), "409 REJECTED past_cutoff");
    desk.nothing_is_stored();
}

#[test]
fn a_leap_second_is_not_stored_as_another_instant() {
    let desk = Desk::new();
    // Scenario 82: there is none announced, and 23:59:59 is not what was written.
    let reply = desk.book("hall", "2026-12-31T23:59:60Z", "2027-01-01T01:00:00Z");
    assert_eq!(reply.told(), "422 malformed", "{}", reply.text());
    desk.nothing_is_stored();
}

#[test]
fn an_offset_is_taken_exactly_or_refused() {
    let desk = Desk::new();
    let d = desk.w.day;
    // Scenario 82: +23:59 is well formed and nobody's; what must not happen is a booking at another instant.
    let reply = desk.book("hall", &format!("{d}T10:00:00+23:59"), &format!("{d}T11:00:00+23:59"));
    if reply.status == 201 {
        let before = d.yesterday().unwrap();
        assert_eq!(reply.json()["booking"]["lines"][0]["start"], format!("{before}T10:01:00Z"), "{}", reply.text());
    } else {
        assert_eq!(reply.told(), "422 malformed", "{}", reply.text());
    }
    assert_eq!(desk.book("hall", &format!("{d}T10:00:00+99:99"), &format!("{d}T11:00:00Z")).told(), "422 malformed");
    let plus = desk.book("hall", &format!("{d}T10:00+02:00"), &format!("{d}T09:00Z"));
    assert_eq!(plus.json()["booking"]["lines"][0]["start"], format!("{d}T08:00:00Z"), "{}", plus.text());
}

#[test]
fn civil_times_are_read_in_the_zone_of_the_resource() {
    let desk = Desk::new();
    // Berlin sets its clocks forward on 2027-03-28 at 02:00 and back on 2027-10-31 at 03:00.
    let ok = |start: &str, end: &str, as_start: &str, as_end: &str| {
        let reply = desk.book("berlin", start, end);
        assert_eq!(reply.told(), "201 BOOKED", "{start}: {}", reply.text());
        let line = &reply.json()["booking"]["lines"][0];
        assert_eq!((&line["start"], &line["end"]), (&json!(as_start), &json!(as_end)), "{start}");
        assert_eq!(line["zone"], "Europe/Berlin");
    };
    ok("2027-03-27T10:00", "2027-03-27T11:00", "2027-03-27T09:00:00Z", "2027-03-27T10:00:00Z");
    ok("2027-03-28T01:30", "2027-03-28T03:30", "2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z");
    ok("2027-03-28T10:00", "2027-03-28T11:00", "2027-03-28T08:00:00Z", "2027-03-28T09:00:00Z");
    // A whole day of 23 and of 25 hours.
    ok("2027-03-28T00:00", "2027-03-29T00:00", "2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z");
    ok("2027-10-31T00:00", "2027-11-01T00:00", "2027-10-30T22:00:00Z", "2027-10-31T23:00:00Z");
    // In a fold an offset says which.
    ok("2027-10-31T02:30+02:00", "2027-10-31T02:30+01:00", "2027-10-31T00:30:00Z", "2027-10-31T01:30:00Z");
    refused(&desk.book("berlin", "2027-03-28T02:30", "2027-03-28T04:00"), "422 malformed", "lines[0].start", "in_gap");
    refused(&desk.book("berlin", "2027-10-31T02:30", "2027-10-31T04:00"), "422 malformed", "lines[0].start", "in_fold");
    refused(&desk.book("berlin", "2027-10-31T01:00", "2027-10-31T02:00"), "422 malformed", "lines[0].end", "in_fold");
    // 2026 had its own nights; they are over, and read all the same.
    refused(&desk.book("berlin", "2026-10-25T02:30", "2026-10-25T04:00"), "422 malformed", "lines[0].start", "in_fold");
    // Where no resource says which zone, an offset is needed.
    let path = "/api/bookings?owner=me&from=2027-03-28T10:00";
    refused(&desk.w.get("ann", path), "422 malformed", "from", "offset_missing");
    desk.w.sweep();
}

#[test]
fn a_request_is_answered_though_the_next_has_only_begun() {
    let desk = Desk::new();
    let mut conn = Conn::open(desk.w.server.address).unwrap();
    conn.write_raw(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /rea").unwrap();
    let first = conn.answered_within(Duration::from_secs(5)).expect("the first is complete, so it is answered");
    assert_eq!(first.status, 200);
    conn.write_raw(b"dyz HTTP/1.1\r\nhost: x\r\n\r\n").unwrap();
    assert_eq!(conn.read().unwrap().status, 200);
}

#[test]
fn headers_without_end_and_requests_without_sense_do_no_harm() {
    let desk = Desk::new();
    let w = &desk.w;
    let many = (0..500).fold(Ask::get("/healthz"), |ask, n| ask.header(&format!("x-{n}"), "y"));
    let mut conn = Conn::open(w.server.address).unwrap();
    conn.write(&many).unwrap();
    assert!(conn.read().is_ok_and(|r| [400, 431].contains(&r.status)), "too many headers are told so");
    for bytes in
        [&b"nonsense\r\n\r\n"[..], b"GET / HTTP/9.9\r\n\r\n", b"GET /healthz HTTP/1.1\r\nhost: x\r\nhost: \0\r\n\r\n"]
    {
        let mut conn = Conn::open(w.server.address).unwrap();
        conn.write_raw(bytes).unwrap();
        if let Ok(reply) = conn.read() {
            assert!((400..500).contains(&reply.status), "{}", reply.status);
        }
        assert!(conn.closed());
    }
    let twice = Ask::get("/healthz").header("host", "a").header("host", "b");
    assert!(w.send(&twice).status < 500);
    assert_eq!(w.send(&Ask::get("/healthz")).status, 200);
}

/// A body without what depends on the clock.
fn still(mut body: Value) -> Value {
    body.as_object_mut().unwrap().remove("as_of");
    body
}

#[test]
fn what_an_edit_answers_is_what_is_read_then() {
    let mut w = World::new(&["ann", "bob"]);
    let (start, end) = w.span("10:00-11:00");
    let section = json!({ "kind": "section", "capacity": 1, "interval": { "start": start, "end": end } });
    let id = w.resource("algebra", section);
    w.booked("ann", "algebra", "10:00-11:00", 1);
    let waits = w.send(&w.change("bob", "POST", "/api/waitlist").json(&json!({ "resource": id })));
    assert_eq!(waits.told(), "201 ACCEPTED", "{}", waits.text());
    let path = format!("/api/resources/{id}");
    let edit = |n: u64, hours: u64| {
        let policy = json!({ "policy": { "change_by": { "elapsed_s": hours * 3_600 } } });
        w.change("root", "PATCH", &path).header("if-match", n.to_string()).json(&policy)
    };
    let edited = w.send(&edit(1, 1));
    assert_eq!(edited.told(), "200 ACCEPTED", "{}", edited.text());
    let told = edited.json()["resource"].clone();
    assert_eq!((&told["remaining"], &told["waiting"], &told["badge"]), (&json!(0), &json!(1), &json!("waitlist")));
    assert_eq!(still(told), still(w.read("root", &path)));
    let stale = w.send(&edit(1, 2));
    assert_eq!(stale.told(), "412 FAILED version_stale", "{}", stale.text());
    assert_eq!(still(stale.json()["theirs"].clone()), still(w.read("root", &path)));
    assert_eq!(stale.json()["yours"], json!({ "policy_version": 1 }));
    let close = w.change("root", "POST", &format!("{path}/close")).header("if-match", "2");
    let closed = w.send(&close.json(&json!({ "reason": "The floor is wet." })));
    assert_eq!(closed.told(), "200 ACCEPTED", "{}", closed.text());
    assert_eq!(closed.json()["resource"]["waiting"], 1);
    assert_eq!(still(closed.json()["resource"].clone()), still(w.read("root", &path)));
    w.sweep();
}

#[test]
fn a_stale_edit_of_a_booking_is_shown_the_booking_as_it_is_read() {
    let mut w = World::new(&["ann"]);
    let policy = json!({ "cancel_by": { "elapsed_s": 86_400 }, "check_in": { "opens_s": 900, "closes_s": 600 } });
    w.resource("berlin", json!({ "zone": "Europe/Berlin", "policy": policy }));
    w.check(
        r#"ann POST /api/bookings berlin 10:00-11:00 as b          -> 201 BOOKED
           ann PATCH /api/bookings/@b if 1 {"title": "One"}         -> 200 ACCEPTED
           ann PATCH /api/bookings/@b if 1 as old {"title": "Two"}  -> 412 FAILED version_stale"#,
    );
    let path = format!("/api/bookings/{}", w.id_of("b"));
    let theirs = w.saved["old"]["theirs"].clone();
    assert_eq!((&theirs["lines"][0]["zone"], &theirs["owner"]["name"]), (&json!("Europe/Berlin"), &json!("ann")));
    assert_eq!(still(theirs), still(w.read("ann", &path)));
    assert_eq!(w.saved["old"]["yours"], json!({ "revision": 1 }));
    w.sweep();
}

#[test]
fn a_list_is_no_table_of_people() {
    let w = World::new(&["ann"]);
    let import = |body: &Value| w.send(&Ask::post("/api/people/import").by(w.token("root")).json(body));
    let csv = "external_id,name,title\nd1,Dora,Teacher [half]\n";
    let listed = import(&json!([csv, true]));
    assert_eq!((listed.told().as_str(), field(&listed).0.as_str()), ("422 malformed", "body"), "{}", listed.text());
    let named = import(&json!({ "csv": csv, "dry_run": true }));
    assert_eq!((named.status, &named.json()["made"]), (200, &json!(1)), "{}", named.text());
}
