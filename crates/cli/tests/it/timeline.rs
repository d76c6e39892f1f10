//! Many resources over a stretch of time, as a screen of rooms by hours asks for them: what takes time, how full, what is told of whom.
//! Whether something can be booked is not said there, and not tried here.

use crate::harness::World;
use crate::harness::http::Ask;
use crate::harness::oracle::encoded;
use serde_json::{Value, json};

fn window(w: &World, from: &str, to: &str) -> String {
    format!("from={}&to={}", encoded(&w.at(from)), encoded(&w.at(to)))
}

fn timeline(w: &World, who: &str, query: &str) -> Value {
    w.read(who, &format!("/api/timeline?{}&{query}", window(w, "08:00", "18:00")))
}

fn row<'t>(body: &'t Value, name: &str) -> &'t Value {
    body["rows"].as_array().unwrap().iter().find(|r| r["resource"]["name"] == name).unwrap()
}

/// Each item as `kind state owner mine title`.
fn items(row: &Value) -> Vec<String> {
    let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    let one = |i: &Value| {
        let mine = if i["mine"] == json!(true) { "mine" } else { "other" };
        [text(&i["kind"]), text(&i["state"]), text(&i["owner"]), mine.to_owned(), text(&i["title"])].join(" ")
    };
    row["items"].as_array().unwrap().iter().map(one).collect()
}

#[test]
fn rows_say_what_takes_time_as_far_as_one_may_know() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("A1", json!({ "building": "North", "policy": { "teardown_s": 1800 } }));
    w.resource("A2", json!({ "building": "South", "policy": { "approval": true } }));
    w.resource("Hall", json!({ "capacity": 3, "building": "South" }));
    w.resource("lab", json!({ "kind": "equipment" }));
    let (start, end) = w.span("14:00-15:00");
    let block = json!({ "start": start, "end": end, "reason": "Painting" });
    w.check(&format!(
        r#"ann POST /api/bookings A1 09:00-10:00 as a                  -> 201 BOOKED
           bob POST /api/bookings A1 11:00-12:00                       -> 201 BOOKED
           root POST /api/resources/@A1/blocks if 1 {block}            -> 201 ACCEPTED
           ann POST /api/bookings A2 09:00-10:00                       -> 201 ACCEPTED
           ann POST /api/bookings Hall 09:00-11:00                     -> 201 BOOKED
           bob POST /api/bookings Hall 10:00-12:00                     -> 201 BOOKED"#
    ));
    let told = timeline(&w, "bob", "kind=room");
    assert_eq!((told["total"].as_u64(), told["rows"].as_array().unwrap().len()), (Some(3), 3), "{told}");
    let a1 = row(&told, "A1");
    assert_eq!(
        items(a1),
        ["booking confirmed ann other -", "booking confirmed bob mine -", "block blocked - other Painting"]
    );
    assert_eq!(a1["items"][0]["taken_until"], json!(w.at("10:30")), "half an hour to clear it: {a1}");
    assert_eq!(a1["items"][0]["end"], json!(w.at("10:00")));
    let read = w.read("bob", &format!("/api/resources/{}", w.id("A1")));
    assert_eq!(a1["version"], read["version"]);
    assert_eq!(row(&told, "A2")["items"][0]["owner"], Value::Null, "who asks for approval is nobody's to know");
    assert_eq!(items(row(&timeline(&w, "ann", "kind=room"), "A2")), ["booking pending ann mine -"]);
    assert_eq!(items(row(&timeline(&w, "root", "kind=room"), "A2")), ["booking pending ann other -"]);

    // Of what several may have at once the levels are told, without a gap, and one's own.
    let hall = row(&told, "Hall");
    let levels: Vec<_> = hall["levels"].as_array().unwrap().iter().map(|l| l["used"].as_u64().unwrap()).collect();
    assert_eq!((levels, items(hall)), (vec![0, 1, 2, 1, 0], vec!["booking confirmed bob mine -".to_owned()]));
    assert_eq!(hall["levels"][0]["start"], json!(w.at("08:00")));
    assert_eq!(hall["levels"][4]["end"], json!(w.at("18:00")));
    assert_eq!(a1["levels"], json!([]));
    w.sweep();
}

#[test]
fn filters_pages_and_bounds() {
    let mut w = World::new(&["ann"]);
    for (name, building) in [("A1", "North"), ("A2", "South"), ("A3", "South")] {
        w.resource(name, json!({ "building": building, "seats": if name == "A3" { 40 } else { 4 } }));
    }
    let hours = json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "from": "09:00", "to": "17:00" }]);
    w.resource("open", json!({ "kind": "equipment", "policy": { "opening_hours": hours } }));
    let names = |body: &Value| -> Vec<String> {
        let rows = body["rows"].as_array().unwrap().iter();
        rows.map(|r| r["resource"]["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&timeline(&w, "ann", "kind=room&building=South&building=West")), ["A2", "A3"]);
    assert_eq!(names(&timeline(&w, "ann", "kind=room&seats_min=10")), ["A3"]);
    assert_eq!(names(&timeline(&w, "ann", "q=a1")), ["A1"]);
    let page = timeline(&w, "ann", "kind=room&limit=1&offset=1");
    assert_eq!((names(&page), page["total"].as_u64()), (vec!["A2".to_owned()], Some(3)));
    assert_eq!(names(&timeline(&w, "ann", "kind=room&offset=9")), Vec::<String>::new());
    let two = format!("resource={}&resource={}", w.id("A3"), w.id("A1"));
    assert_eq!(names(&timeline(&w, "ann", &two)), ["A3", "A1"], "in the order asked for");
    let open = row(&timeline(&w, "ann", "kind=equipment"), "open")["open"].clone();
    assert_eq!(open, json!([{ "start": w.at("09:00"), "end": w.at("17:00") }]));
    assert_eq!(row(&page, "A2")["open"], Value::Null, "always");

    let day = format!("{}T08:00:00Z", w.day);
    let weeks = format!("{}T08:00:00Z", w.day.saturating_add(jiff::Span::new().days(9)));
    for (query, field) in [
        (format!("{}&limit=51", window(&w, "08:00", "18:00")), "limit"),
        (format!("{}&limit=0", window(&w, "08:00", "18:00")), "limit"),
        (format!("from={day}&to={weeks}"), "to"),
        (format!("from={day}&to={day}"), "to"),
        (format!("from=today&to={day}"), "from"),
    ] {
        let refused = w.get("ann", &format!("/api/timeline?{query}"));
        assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{}", refused.text());
    }
    assert_eq!(w.send(&Ask::get(&format!("/api/timeline?{}", window(&w, "08:00", "18:00")))).status, 401);
}

#[test]
fn the_audit_of_one_booking_is_what_changed_it() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        r#"ann POST /api/bookings room 09:00-10:00 as a          -> 201 BOOKED
           ann POST /api/bookings room 11:00-12:00               -> 201 BOOKED
           bob POST /api/bookings room 09:00-10:00               -> 409 REJECTED full
           ann POST /api/bookings/@a/cancel {}                   -> 200 ACCEPTED"#,
    );
    let id = w.saved["a"]["booking"]["id"].as_str().unwrap().to_owned();
    let told = w.read("root", &format!("/api/audit?booking={id}"));
    let commands: Vec<_> = told["items"].as_array().unwrap().iter().map(|i| i["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["cancel", "book"], "{told}");
    assert_eq!(w.get("root", "/api/audit?booking=7").status, 422);
}
