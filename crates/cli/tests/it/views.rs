//! What people see: search, schedules, lists, facets, pages, and what is nobody else's business.
//! It changes little and looks a lot.

use crate::harness::oracle::encoded;
use crate::harness::{Ask, World};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

fn campus() -> World {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("Small", json!({ "seats": 10, "building": "North", "equipment": ["projector"] }));
    w.resource("Middle", json!({ "seats": 30, "building": "North", "equipment": ["Projector", "Whiteboard"] }));
    w.resource("Large", json!({ "seats": 200, "building": "South", "equipment": ["projector", "piano"] }));
    w.resource("Plain", json!({ "seats": 30, "building": "South" }));
    w.resource("Lamp", json!({ "kind": "equipment", "building": "South", "capacity": 10 }));
    w
}

/// A search on the hour of ten, and what it finds in short: names, `-` before what is not free.
fn found(w: &World, who: &str, query: &str) -> Vec<String> {
    let body = searched(w, who, query);
    let short = |i: &Value| {
        let name = i["resource"]["name"].as_str().unwrap();
        if i["free"] == true { name.to_owned() } else { format!("-{name}") }
    };
    body["items"].as_array().unwrap().iter().map(short).collect()
}

fn searched(w: &World, who: &str, query: &str) -> Value {
    w.read(who, &format!("/api/search?start={}&end={}&{query}", w.at("10:00"), w.at("11:00")))
}

fn item<'a>(body: &'a Value, name: &str) -> &'a Value {
    body["items"].as_array().unwrap().iter().find(|i| i["resource"]["name"] == name).unwrap()
}

#[test]
fn search_says_what_is_free_best_fit_first_and_why_the_rest_is_not() {
    let mut w = campus();
    assert_eq!(found(&w, "ann", "kind=room"), ["Small", "Middle", "Plain", "Large"]);
    assert_eq!(found(&w, "ann", "kind=equipment&units=10"), ["Lamp"]);
    assert_eq!(found(&w, "ann", "kind=equipment&units=11"), ["-Lamp"]);
    assert_eq!(found(&w, "ann", "kind=room&people=25"), ["Middle", "Plain", "Large", "-Small"]);
    assert_eq!(found(&w, "ann", "kind=room&people=25&free=true"), ["Middle", "Plain", "Large"]);
    assert_eq!(found(&w, "ann", "equipment=projector"), ["Small", "Middle", "Large"]);
    assert_eq!(found(&w, "ann", "equipment=PROJECTOR,whiteboard"), ["Middle"]);
    assert_eq!(found(&w, "ann", "building=South&kind=room"), ["Plain", "Large"]);
    assert_eq!(found(&w, "ann", "q=north+mid"), ["Middle"]);
    assert_eq!(found(&w, "ann", "q=nowhere"), Vec::<String>::new());
    let small = searched(&w, "ann", "people=25");
    let small = item(&small, "Small");
    assert_eq!((&small["reason"]["code"], &small["reason"]["rule"]), (&json!("invalid"), &json!("seats")), "{small}");
    w.check(
        "bob POST /api/bookings Small 10:30-10:45 title Secret   -> 201 BOOKED
         bob POST /api/holds Middle 10:00-11:00                  -> 201 ACCEPTED",
    );
    assert_eq!(found(&w, "ann", "kind=room"), ["Plain", "Large", "-Small", "-Middle"]);
    let body = searched(&w, "ann", "kind=room");
    let (small, middle) = (item(&body, "Small"), item(&body, "Middle"));
    assert_eq!((&small["reason"]["code"], &small["badge"]), (&json!("full"), &json!("full")), "{small}");
    assert!(small["reason"]["detail"].as_str().is_some_and(|d| d.contains("booked by bob")), "{small}");
    assert!(!small.to_string().contains("Secret"), "{small}");
    assert_eq!((&middle["reason"]["code"], &middle["badge"]), (&json!("held_by_other"), &json!("held")), "{middle}");
    assert!(!middle.to_string().contains("bob"), "who holds is not told: {middle}");
    assert_eq!((&body["total"], &body["total_free"]), (&json!(4), &json!(2)), "{body}");
    // R27: the holder's own hold is not in the holder's way.
    assert_eq!(found(&w, "bob", "kind=room"), ["Middle", "Plain", "Large", "-Small"]);
    // Search promises nothing that booking does not keep: what is free can be booked.
    for name in found(&w, "ann", "kind=room&free=true") {
        w.check(&format!("ann POST /api/bookings {name} 10:00-11:00 -> 201 BOOKED"));
    }
    assert!(found(&w, "ann", "kind=room&free=true").is_empty());
    w.sweep();
}

#[test]
fn badges_say_how_much_is_left() {
    let mut w = campus();
    let badge = |w: &World| {
        let body = searched(w, "ann", "kind=equipment");
        let lamp = item(&body, "Lamp");
        (lamp["badge"].as_str().unwrap().to_owned(), lamp["units_free"].as_u64().unwrap())
    };
    for (units, badge_is, left) in [(7, "open", 3), (1, "few_left", 2), (2, "full", 0)] {
        w.check(&format!("bob POST /api/bookings Lamp 10:00-11:00 x{units} -> 201 BOOKED"));
        assert_eq!(badge(&w), (badge_is.into(), left));
    }
    let (from, to) = w.span("10:00-11:00");
    w.check(&format!(r#"root POST /api/resources/@Large/blocks if 1 {{"start": "{from}", "end": "{to}", "reason": "Piano tuner"}} -> 201 ACCEPTED"#));
    let body = searched(&w, "ann", "kind=room");
    let large = item(&body, "Large");
    assert_eq!((&large["badge"], &large["reason"]["code"]), (&json!("closed"), &json!("blocked")), "{large}");
    assert!(large["reason"]["detail"].as_str().is_some_and(|d| d.contains("Piano tuner")), "{large}");
}

#[test]
fn search_pages_cover_everything_once() {
    let mut w = World::new(&["ann"]);
    for n in 0..23 {
        w.resource(&format!("R{n:02}"), json!({ "seats": 10 + n % 5 }));
    }
    w.check("ann POST /api/bookings R07 10:00-11:00 -> 201 BOOKED");
    let (start, end) = w.span("10:00-11:00");
    for limit in [1, 5, 22, 23, 24] {
        let all = w.all("ann", &format!("/api/search?start={start}&end={end}&limit={limit}"));
        let names: Vec<&str> = all.iter().map(|i| i["resource"]["name"].as_str().unwrap()).collect();
        assert_eq!((names.len(), names.iter().collect::<BTreeSet<_>>().len()), (23, 23), "limit {limit}: {names:?}");
        assert_eq!(names.last(), Some(&"R07"), "what is not free comes last");
    }
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "after=x",
        "kind=boat",
        "start=x&end=y",
        "start=2027-01-01T10:00",
        "units=-1",
    ] {
        let start = if query.contains("start") { String::new() } else { format!("start={start}&end={end}&") };
        assert_eq!(w.get("ann", &format!("/api/search?{start}{query}")).told(), "422 malformed", "{query}");
    }
}

#[test]
fn lists_of_resources_page_by_name_and_cover_everything_once() {
    let mut w = World::new(&["ann"]);
    // Names that sort, repeat, and hold what cursors are made of.
    let names = ["b", "a.b", "a&c=d", "Ä", "z 1", "z%201", "é.1.2", "same1", "x+y", "0"];
    let mut ids = BTreeSet::new();
    for name in names {
        ids.insert(w.resource(name, json!({ "building": "Haus Ä & Co" })));
    }
    let twin = json!({ "kind": "room", "name": "same1", "zone": "UTC" });
    for _ in 0..3 {
        let made = w.send(&w.change("root", "POST", "/api/resources").json(&twin));
        ids.insert(made.json()["resource"]["id"].as_str().unwrap().to_owned());
    }
    for limit in [1, 2, 3, 7, 13, 200] {
        let all = w.all("ann", &format!("/api/resources?limit={limit}"));
        let told: Vec<&str> = all.iter().map(|r| r["id"].as_str().unwrap()).collect();
        assert_eq!(told.len(), ids.len(), "limit {limit}");
        assert_eq!(told.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(), ids, "limit {limit}");
    }
    let here = w.all("ann", &format!("/api/resources?building={}&limit=3", encoded("Haus Ä & Co")));
    assert_eq!(here.len(), names.len());
    assert_eq!(w.all("ann", "/api/resources?q=SAME1&limit=1").len(), 4);
    assert_eq!(w.get("ann", "/api/resources?after=nonsense").told(), "422 malformed");
}

#[test]
fn lists_of_bookings_page_by_start_and_cover_everything_once() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 1_000);
    let mut ids = BTreeSet::new();
    for n in 0..25 {
        // Many begin at the same instant.
        let hour = 8 + n / 8;
        ids.insert(w.booked("ann", "hall", &format!("{hour:02}:00-{hour:02}:30"), 1));
    }
    let other = w.booked("bob", "hall", "12:00-13:00", 1);
    for limit in [1, 3, 8, 24, 25, 26] {
        let all = w.all("ann", &format!("/api/bookings?owner=me&limit={limit}"));
        let starts: Vec<&str> = all.iter().map(|b| b["lines"][0]["start"].as_str().unwrap()).collect();
        assert!(starts.is_sorted(), "limit {limit}: {starts:?}");
        let told: Vec<String> = all.iter().map(|b| b["id"].as_str().unwrap().to_owned()).collect();
        assert_eq!((told.len(), told.into_iter().collect::<BTreeSet<_>>()), (25, ids.clone()), "limit {limit}");
    }
    // From and to are half-open, as everything is.
    let count =
        |w: &World, query: &str| w.all("root", &format!("/api/bookings?resource={}&{query}", w.id("hall"))).len();
    assert_eq!(count(&w, &format!("from={}&to={}", w.at("09:00"), w.at("10:00"))), 8);
    assert_eq!(count(&w, &format!("from={}&to={}", w.at("08:30"), w.at("09:00"))), 0);
    assert_eq!(count(&w, &format!("from={}&to={}", w.at("08:29"), w.at("09:01"))), 16);
    let first = ids.first().unwrap().clone();
    assert_eq!(w.send(&w.cancel("ann", &first)).told(), "200 ACCEPTED");
    assert_eq!((count(&w, "state=confirmed"), count(&w, "state=cancelled"), count(&w, "limit=7")), (25, 1, 26));
    // Others' bookings are for admins.
    assert_eq!(w.get("ann", "/api/bookings").told(), "403 not_allowed");
    let bob = &w.person("bob").id;
    assert_eq!(w.get("ann", &format!("/api/bookings?owner={bob}")).told(), "403 not_allowed");
    assert_eq!(w.all("root", &format!("/api/bookings?owner={bob}"))[0]["id"], other);
    for query in ["owner=x", "owner=me&state=free", "owner=me&from=10:00", "owner=me&after=1", "owner=me&limit=201"] {
        assert_eq!(w.get("ann", &format!("/api/bookings?{query}")).told(), "422 malformed", "{query}");
    }
}

#[test]
fn a_schedule_shows_who_booked_a_room_and_never_who_holds_it() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let (start, end) = w.span("10:00-11:00");
    w.resource("course", json!({ "kind": "section", "capacity": 9, "interval": { "start": start, "end": end } }));
    w.check(
        "ann POST /api/bookings room 10:00-11:00 title Secret     -> 201 BOOKED
         ann POST /api/holds room 12:00-13:00 as h                -> 201 ACCEPTED
         ann POST /api/bookings course title Secret               -> 201 BOOKED",
    );
    let (from, to) = w.span("13:00-14:00");
    w.check(&format!(r#"root POST /api/resources/@room/blocks if 1 {{"start": "{from}", "end": "{to}", "reason": "Painters"}} -> 201 ACCEPTED"#));
    let schedule = |who: &str, room: &str| {
        let path = format!("/api/resources/{}/schedule?from={}&to={}", w.id(room), w.at("00:00"), w.at("23:59"));
        w.read(who, &path)["items"].as_array().unwrap().clone()
    };
    for (who, mine) in [("ann", true), ("bob", false), ("root", false)] {
        let items = schedule(who, "room");
        let kinds: Vec<&str> = items.iter().map(|i| i["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["booking", "hold", "block"], "{who}");
        assert_eq!((&items[0]["owner"], &items[0]["mine"]), (&json!("ann"), &json!(mine)), "{who}");
        let title = if who == "bob" { Value::Null } else { json!("Secret") };
        assert_eq!(items[0]["title"], title, "{who}");
        let (owner, id) = if mine { (json!("ann"), json!(w.id_of("h"))) } else { (Value::Null, Value::Null) };
        assert_eq!((&items[1]["owner"], &items[1]["id"], &items[1]["mine"]), (&owner, &id, &json!(mine)), "{who}");
        assert_eq!(items[2]["title"], "Painters", "{who}");
        assert_eq!(schedule(who, "course")[0]["owner"], if who == "bob" { Value::Null } else { json!("ann") }, "{who}");
    }
    // Only what is within what was asked for.
    let path = format!("/api/resources/{}/schedule?from={}&to={}", w.id("room"), w.at("11:00"), w.at("12:00"));
    assert_eq!(w.read("bob", &path)["items"], json!([]));
    assert_eq!(w.get("bob", "/api/resources/00000000-0000-7000-8000-000000000000/schedule").told(), "404 not_found");
}

#[test]
fn a_schedule_shows_what_stands_however_much_was_cancelled() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 1_000);
    for _ in 0..11 {
        let asks: Vec<_> = (0..100).map(|_| w.book("ann", "hall", "10:00-11:00", 1)).collect();
        let made = w.race(&asks);
        let id = |r: &crate::harness::Reply| r.json()["booking"]["id"].as_str().unwrap().to_owned();
        let cancels: Vec<_> = made.iter().map(|r| w.cancel("ann", &id(r))).collect();
        assert!(w.race(&cancels).iter().all(|r| r.told() == "200 ACCEPTED"));
    }
    let stands = w.booked("bob", "hall", "10:00-11:00", 1);
    let path = format!("/api/resources/{}/schedule?from={}&to={}", w.id("hall"), w.at("10:00"), w.at("11:00"));
    let schedule = w.read("bob", &path);
    assert_eq!(schedule["items"][0]["id"], stands, "more: {}", schedule["more"]);
}

#[test]
fn what_waits_for_approval_is_between_its_owner_and_the_admins() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("room", json!({ "policy": { "approval": true } }));
    w.check("ann POST /api/bookings room 10:00-11:00 title Secret as p -> 201 ACCEPTED");
    let path = format!("/api/resources/{}/schedule?from={}&to={}", w.id("room"), w.at("00:00"), w.at("23:59"));
    let item = |who: &str| w.read(who, &path)["items"][0].clone();
    assert_eq!((&item("bob")["state"], &item("bob")["owner"]), (&json!("pending"), &json!(null)), "{}", item("bob"));
    assert_eq!((&item("ann")["owner"], &item("root")["owner"]), (&json!("ann"), &json!("ann")));
    let booking = |who: &str| w.read(who, &format!("/api/bookings/{}", w.id_of("p")));
    assert_eq!((&booking("ann")["owner"]["name"], &booking("root")["title"]), (&json!("ann"), &json!("Secret")));
    assert_eq!(booking("bob")["title"], json!(null));
    assert_eq!(booking("bob")["owner"], json!(null), "one booking tells no more than the schedule does");
}

#[test]
fn the_inside_of_a_booking_is_its_owners_and_the_admins() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let (start, end) = w.span("10:00-11:00");
    let body = format!(
        r#"{{"lines": [{{"resource": "{}", "start": "{start}", "end": "{end}"}}], "title": "T", "purpose": "P", "people": 3}}"#,
        w.id("room")
    );
    w.check(&format!("ann POST /api/bookings {body} -> 201 BOOKED"));
    let id = w.all("ann", "/api/bookings?owner=me")[0]["id"].as_str().unwrap().to_owned();
    let booking = |who: &str| w.read(who, &format!("/api/bookings/{id}"));
    for who in ["ann", "root"] {
        let b = booking(who);
        assert_eq!((&b["title"], &b["purpose"], &b["people"]), (&json!("T"), &json!("P"), &json!(3)), "{who}");
    }
    let b = booking("bob");
    assert_eq!((&b["title"], &b["purpose"], &b["people"]), (&json!(null), &json!(null), &json!(null)));
    assert_eq!((&b["owner"]["name"], &b["mine"]), (&json!("ann"), &json!(false)));
    assert_eq!(b["lines"][0]["name"], "room");
    for path in ["/api/bookings/00000000-0000-7000-8000-000000000000", "/api/bookings/x", "/api/resources/x"] {
        assert_eq!(w.get("ann", path).told(), "404 not_found", "{path}");
    }
}

#[test]
fn live_holds_are_listed_and_their_tokens_are_their_holders() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 5);
    w.hall("other", 5);
    w.check(
        "ann POST /api/holds hall 10:00-11:00 x2 as a    -> 201 ACCEPTED
         bob POST /api/holds hall 12:00-13:00 as b       -> 201 ACCEPTED
         ann POST /api/holds other 10:00-11:00           -> 201 ACCEPTED",
    );
    let holds =
        |who: &str, query: &str| w.read(who, &format!("/api/holds?{query}"))["items"].as_array().unwrap().clone();
    let here = format!("resource={}", w.id("hall"));
    let told = holds("bob", &here);
    assert_eq!(told.len(), 2);
    let (theirs, mine): (Vec<&Value>, Vec<&Value>) = told.iter().partition(|h| h["mine"] == false);
    assert_eq!((&theirs[0]["token"], &theirs[0]["units"]), (&json!(null), &json!(2)), "{theirs:?}");
    assert_eq!(mine[0]["token"], w.saved["b"]["hold"]["token"]);
    assert!(!format!("{theirs:?}").contains("ann"));
    assert_eq!(holds("bob", &format!("{here}&from={}&to={}", w.at("10:30"), w.at("12:00"))).len(), 1);
    assert_eq!(holds("bob", &format!("{here}&from={}&to={}", w.at("11:00"), w.at("12:00"))).len(), 0);
    assert_eq!((holds("ann", "owner=me").len(), holds("ann", &format!("{here}&owner=me")).len()), (2, 1));
    assert_eq!(w.get("ann", "/api/holds").told(), "422 malformed");
    assert_eq!(w.get("ann", "/api/holds?owner=bob").told(), "422 malformed");
}

#[test]
fn facets_count_what_can_be_chosen() {
    let w = campus();
    let facets = w.read("ann", "/api/facets");
    let of = |name: &str| {
        let list = facets[name].as_array().unwrap().iter();
        list.map(|f| format!("{}:{}", f["value"].as_str().unwrap(), f["count"])).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of("kinds"), "room:4 equipment:1");
    assert_eq!(of("buildings"), "North:2 South:3");
    assert_eq!(of("equipment"), "piano:1 projector:3 whiteboard:1");
}

#[test]
fn the_record_tells_what_came_after_a_version() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.check(
        "ann POST /api/bookings room 10:00-11:00 title Secret as b    -> 201 BOOKED
         ann POST /api/bookings/@b/cancel                             -> 200 ACCEPTED
         ann POST /api/holds room 10:00-11:00 as h                    -> 201 ACCEPTED
         ann POST /api/bookings room 10:00-11:00 hold h               -> 201 BOOKED",
    );
    let record = |after: &str| w.read("bob", &format!("/api/resources/{}/record?after={after}", w.id("room")));
    let events = |after: &str| {
        let items = record(after)["items"].as_array().unwrap().clone();
        let event =
            |i: &Value| format!("{}/{} {}", i["data"]["version"], i["data"]["part"], i["event"].as_str().unwrap());
        items.iter().map(event).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        events("1.0"),
        "1/1 resourceCreated, 2/1 bookingCreated, 3/1 bookingCanceled, 4/1 holdGranted, 5/1 holdReleased, 5/2 bookingCreated"
    );
    assert_eq!(events("1.4"), "5/1 holdReleased, 5/2 bookingCreated");
    assert_eq!(events("1.5"), "");
    assert!(!record("1.0").to_string().contains("Secret"));
    for elsewhere in ["1.6", "2.1", "0.1"] {
        assert_eq!(record(elsewhere)["resync"], true, "{elsewhere}");
    }
    let path = format!("/api/resources/{}/record?after=5", w.id("room"));
    assert_eq!(w.get("bob", &path).told(), "422 malformed");
}

/// What the record tells somebody of the bookings of a room: `event state owner`, one a line.
fn heard(w: &World, who: &str, room: &str) -> Vec<String> {
    let record = w.read(who, &format!("/api/resources/{}/record?after=1.0", w.id(room)));
    let items = record["items"].as_array().unwrap().iter();
    let word = |v: &Value| v.as_str().unwrap_or("-").to_owned();
    let of = |i: &Value| {
        let booking = &i["data"]["booking"];
        format!("{} {} {}", word(&i["event"]), word(&booking["state"]), word(&booking["owner"]))
    };
    items.filter(|i| i["data"]["booking"].is_object()).map(of).collect()
}

#[test]
fn who_asked_and_was_declined_or_gave_it_up_is_told_to_nobody_else() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("asked", json!({ "policy": { "approval": true } }));
    w.resource("takes", json!({ "policy": { "approval": true, "pending_takes": true } }));
    w.room("free");
    for room in ["asked", "takes"] {
        w.check(&format!(
            r#"ann POST /api/bookings {room} 10:00-11:00 as a{room}                        -> 201 ACCEPTED
               root POST /api/bookings/@a{room}/decline {{"reason": "No."}}                -> 200 ACCEPTED
               ann POST /api/bookings {room} 10:00-11:00 as b{room}                        -> 201 ACCEPTED
               ann POST /api/bookings/@b{room}/cancel                                      -> 200 ACCEPTED"#
        ));
        let [asked, gone] = ["bookingCreated pending", "bookingCanceled cancelled"];
        let all = |name: &str| [asked, gone, asked, gone].map(|what| format!("{what} {name}"));
        assert_eq!(heard(&w, "bob", room), all("-"), "{room}");
        assert_eq!((heard(&w, "ann", room), heard(&w, "root", room)), (all("ann").to_vec(), all("ann").to_vec()));
    }
    // One booking, once it is given up, tells no more than that either.
    w.check(
        "ann POST /api/bookings free 10:00-11:00 as c -> 201 BOOKED
         ann POST /api/bookings/@c/cancel             -> 200 ACCEPTED",
    );
    assert_eq!(heard(&w, "bob", "free"), ["bookingCreated confirmed ann", "bookingCanceled cancelled -"]);
    assert_eq!(w.read("bob", &format!("/api/bookings/{}", w.id_of("c")))["owner"], Value::Null);
}

#[test]
fn who_waits_for_approval_and_takes_the_room_is_named_by_no_refusal() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("room", json!({ "policy": { "approval": true, "pending_takes": true } }));
    w.check("ann POST /api/bookings room 10:00-11:00 as a -> 201 ACCEPTED");
    let tell = |w: &World, who: &str, key: Uuid| {
        let line = json!({ "resource": w.id("room"), "start": w.at("10:00"), "end": w.at("11:00") });
        let ask = Ask::post("/api/bookings").by(w.token(who)).key(key).json(&json!({ "lines": [line] }));
        let refused = w.send(&ask);
        assert_eq!((refused.status, refused.code().as_str()), (409, "full"), "{}", refused.text());
        refused.json()
    };
    let (key, roots) = (Uuid::now_v7(), Uuid::now_v7());
    let refused = tell(&w, "bob", key);
    assert_eq!((&refused["witness"]["kind"], &refused["witness"]["owner"]), (&json!("booking"), &Value::Null));
    let free = |w: &World| item(&searched(w, "bob", "kind=room"), "room")["reason"].clone();
    assert_eq!((&free(&w)["code"], &free(&w)["witness"]["owner"]), (&json!("full"), &Value::Null));
    let explained = |w: &World| w.read("bob", &format!("/api/attempts/{key}/explain"));
    for told in [refused, free(&w), explained(&w)] {
        assert!(!told.to_string().contains("ann"), "{told}");
    }
    assert_eq!(tell(&w, "root", roots)["witness"]["owner"], "ann", "an admin is to approve it");
    // Whoever was never approved stays unnamed when they have given it up, too.
    w.check(
        "ann POST /api/bookings/@a/cancel              -> 200 ACCEPTED
         ann POST /api/bookings room 10:00-11:00 as b  -> 201 ACCEPTED",
    );
    assert_eq!(tell(&w, "bob", key)["witness"]["owner"], Value::Null, "the same answer");
    w.check("root POST /api/bookings/@b/approve -> 200 ACCEPTED");
    let approved = Uuid::now_v7();
    assert_eq!(tell(&w, "bob", approved)["witness"]["owner"], "ann", "whose a room is that is taken, anybody may know");
    assert_eq!(free(&w)["witness"]["owner"], "ann");
    w.check("ann POST /api/bookings/@b/cancel -> 200 ACCEPTED");
    assert_eq!(tell(&w, "bob", approved)["witness"]["owner"], "ann", "what was told is told again");
    assert_eq!(tell(&w, "bob", key)["witness"]["owner"], Value::Null);
}
