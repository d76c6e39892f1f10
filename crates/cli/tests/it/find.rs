//! Finding over HTTP: words, several filters, counts, orders, pages, first free times, and what is free instead.
//! What is told as free is booked here, so that no screen promises what a commit refuses.

use crate::harness::World;
use crate::harness::oracle::encoded;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

fn campus() -> World {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("Café Été", json!({ "seats": 12, "building": "North, old", "equipment": ["projector"] }));
    w.resource("Großer Saal", json!({ "seats": 300, "building": "South", "equipment": ["projector", "piano"] }));
    w.resource("B101", json!({ "seats": 30, "building": "South", "equipment": ["projector", "whiteboard"] }));
    w.resource("B102", json!({ "seats": 32, "building": "South" }));
    w.resource("Nook", json!({ "building": "West" }));
    w.resource("Piano", json!({ "kind": "equipment", "building": "West", "capacity": 2 }));
    w
}

fn search(w: &World, query: &str) -> Value {
    w.read("ann", &format!("/api/search?start={}&end={}&{query}", w.at("10:00"), w.at("11:00")))
}

fn names(body: &Value) -> String {
    let items = body["items"].as_array().unwrap().iter();
    items.map(|i| i["resource"]["name"].as_str().unwrap()).collect::<Vec<_>>().join(" | ")
}

fn counts(body: &Value, facet: &str) -> String {
    let list = body["facets"][facet].as_array().unwrap().iter();
    list.map(|f| format!("{}:{}", f["value"].as_str().unwrap(), f["count"])).collect::<Vec<_>>().join(" ")
}

#[test]
fn words_and_filters_find_what_they_say() {
    let w = campus();
    let rows = [
        ("q=cafe", "Café Été"),
        ("q=ETE+caf", "Café Été"),
        ("q=grosser", "Großer Saal"),
        ("q=102", "B102"),
        ("q=b1", "B101 | B102"),
        ("q=pian", "Großer Saal | Piano"),
        ("q=saal+north", ""),
        ("building=South&building=West&kind=room", "B101 | B102 | Großer Saal | Nook"),
        (&format!("building={}", encoded("North, old")), "Café Été"),
        ("seats_min=30&seats_max=32", "B101 | B102"),
        ("seats_max=12", "Café Été"),
        ("seats_min=1&sort=name", "B101 | B102 | Café Été | Großer Saal"),
        ("sort=name&kind=room", "B101 | B102 | Café Été | Großer Saal | Nook"),
        ("sort=seats&kind=room", "Café Été | B101 | B102 | Großer Saal | Nook"),
        ("people=31&kind=room&free=true", "B102 | Großer Saal | Nook"),
    ];
    for (query, found) in rows {
        assert_eq!(names(&search(&w, query)), found, "{query}");
    }
}

#[test]
fn counts_say_what_one_more_choice_would_find() {
    let mut w = campus();
    w.check("bob POST /api/bookings B101 10:00-11:00 -> 201 BOOKED");
    let body = search(&w, "building=South&kind=room&equipment=projector");
    assert_eq!((&body["total"], &body["total_free"]), (&json!(2), &json!(1)), "{body}");
    assert_eq!(counts(&body, "buildings"), "North, old:1 South:2");
    assert_eq!(counts(&body, "kinds"), "room:2");
    assert_eq!(counts(&body, "equipment"), "piano:1 projector:2 whiteboard:1");
    // Only what is free is listed; what matches is counted all the same.
    let body = search(&w, "building=South&kind=room&equipment=projector&free=true");
    assert_eq!((names(&body).as_str(), &body["total"]), ("Großer Saal", &json!(2)));
    // Each count is what choosing it gives.
    for (field, facet) in [("building", "buildings"), ("kind", "kinds"), ("equipment", "equipment")] {
        for one in search(&w, "")["facets"][facet].as_array().unwrap() {
            let chosen = format!("{field}={}", encoded(one["value"].as_str().unwrap()));
            assert_eq!(search(&w, &chosen)["total"], one["count"], "{chosen}");
        }
    }
}

#[test]
fn pages_stay_in_their_order_while_things_are_booked() {
    let mut w = World::new(&["ann", "bob"]);
    for n in 0..9 {
        w.resource(&format!("R{n}"), json!({ "seats": 10 + n }));
    }
    for sort in ["best", "name", "seats"] {
        let first = search(&w, &format!("sort={sort}&limit=3"));
        assert_eq!(names(&first), "R0 | R1 | R2");
        let next = first["next"].as_str().unwrap().to_owned();
        // What was shown is taken; nothing that is left is passed over or told twice.
        w.check("bob POST /api/bookings R1 10:00-11:00 as b -> 201 BOOKED");
        let second = search(&w, &format!("sort={sort}&limit=3&after={next}"));
        assert_eq!(names(&second), "R3 | R4 | R5", "{sort}");
        w.check("bob POST /api/bookings/@b/cancel -> 200 ACCEPTED");
    }
    let body = search(&w, "limit=9");
    assert_eq!(body["next"], json!(null));
    let nobody = "free.00000000-0000-7000-8000-000000000000";
    for after in ["1", "free", "free.x", "gone.1", nobody] {
        let path = format!("/api/search?start={}&end={}&after={after}", w.at("10:00"), w.at("11:00"));
        let told = w.get("ann", &path);
        assert_eq!((told.told().as_str(), &told.json()["errors"][0]["field"]), ("422 malformed", &json!("after")));
    }
}

#[test]
fn the_first_free_time_of_each_is_told_within_a_window() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("Free", json!({ "seats": 1 }));
    w.resource("Busy", json!({ "seats": 2, "policy": { "setup_s": 300 } }));
    w.resource("Full", json!({ "seats": 3 }));
    let hours = json!([{ "days": ["mo", "tu", "we", "th", "fr", "sa", "su"], "from": "09:30", "to": "18:00" }]);
    w.resource("Late", json!({ "seats": 4, "policy": { "opening_hours": hours } }));
    w.check(
        "bob POST /api/bookings Busy 08:00-09:10 -> 201 BOOKED
         bob POST /api/bookings Busy 09:50-10:00 -> 201 BOOKED
         bob POST /api/bookings Full 07:00-12:00 -> 201 BOOKED",
    );
    let window = |from: &str, to: &str, minutes: &str| {
        w.get("ann", &format!("/api/search?from={}&to={}&duration_min={minutes}", w.at(from), w.at(to)))
    };
    let told = |body: &Value| {
        let items = body["items"].as_array().unwrap().iter();
        let short = |i: &Value| {
            let at = i["start"].as_str().unwrap()[11..16].to_owned();
            let name = i["resource"]["name"].as_str().unwrap();
            if i["free"] == true { format!("{name} {at}") } else { format!("-{name} {}", i["reason"]["code"]) }
        };
        items.map(short).collect::<Vec<_>>().join(", ")
    };
    let body = window("08:00", "12:00", "30").json();
    assert_eq!(told(&body), "Free 08:00, Busy 09:15, Late 09:30, -Full \"full\"");
    assert_eq!(body["total_free"], 3);
    // Forty minutes do not fit between the two, with the set-up before the second.
    assert_eq!(told(&window("08:00", "12:00", "40").json()), "Free 08:00, Busy 10:05, Late 09:30, -Full \"full\"");
    assert_eq!(told(&window("11:00", "12:30", "30").json()), "Free 11:00, Busy 11:00, Full 12:00, Late 11:00");
    for (query, field) in [
        ("from=@&to=@&duration_min=0", "duration_min"),
        ("from=@&to=@&duration_min=10081", "duration_min"),
        ("from=@&duration_min=30", "to"),
        ("to=@&duration_min=30", "from"),
        ("from=@&to=@", "duration_min"),
        ("from=@&to=@&duration_min=30", "to"),
        ("start=@&end=@&from=@", "from"),
        ("from=x&to=@&duration_min=30", "from"),
        ("duration_min=x", "duration_min"),
        ("seats_min=x", "seats_min"),
        ("sort=best&sort=name", "sort"),
        ("sort=up", "sort"),
        ("colour=blue", "colour"),
    ] {
        let told = w.get("ann", &format!("/api/search?{}", query.replace('@', &w.at("08:00"))));
        assert_eq!(told.told(), "422 malformed", "{query}: {}", told.text());
        assert_eq!(told.json()["errors"][0]["field"], field, "{query}: {}", told.text());
    }
    let long = w.get(
        "ann",
        &format!(
            "/api/search?from={}&to={}T08:00:01Z&duration_min=30",
            w.at("08:00"),
            w.day.saturating_add(jiff::Span::new().days(7))
        ),
    );
    assert_eq!((long.told().as_str(), &long.json()["errors"][0]["field"]), ("422 malformed", &json!("to")));
    let tight = window("08:00", "08:20", "30");
    assert_eq!((tight.told().as_str(), &tight.json()["errors"][0]["field"]), ("422 malformed", &json!("duration_min")));
}

/// What is offered, in short: why, name and time.
fn offered(body: &Value) -> Vec<String> {
    let clock = |i: &Value, field: &str| i[field].as_str().unwrap()[11..16].to_owned();
    let short = |i: &Value| {
        let name = i["resource"]["name"].as_str().unwrap();
        format!("{} {name} {}-{}", i["why"].as_str().unwrap(), clock(i, "start"), clock(i, "end"))
    };
    body["items"].as_array().unwrap().iter().map(short).collect()
}

#[test]
fn a_refusal_leads_to_other_rooms_other_times_and_a_shorter_time() {
    let mut w = campus();
    w.check(
        "bob POST /api/bookings B101 10:30-12:00 -> 201 BOOKED
         bob POST /api/bookings B101 08:15-09:15 -> 201 BOOKED
         bob POST /api/bookings Nook 10:00-10:15 -> 201 BOOKED",
    );
    let refused = w.send(&w.book("ann", "B101", "10:00-11:00", 1));
    assert_eq!(refused.told(), "409 REJECTED full");
    let link = refused.json()["alternatives"].as_str().unwrap().to_owned();
    let body = w.read("ann", &link);
    assert_eq!(
        offered(&body),
        [
            "other_resource B102 10:00-11:00",
            "other_time B101 09:30-10:30",
            "shorter B101 10:00-10:30",
            // The same building, then the nearest in seats; what is taken is not offered.
            "other_resource Großer Saal 10:00-11:00",
            "other_time B101 12:00-13:00",
            "other_resource Café Été 10:00-11:00",
            "other_time B101 07:15-08:15",
            "other_time B101 13:00-14:00",
        ]
    );
    assert!(body["items"].as_array().unwrap().iter().all(|i| i["free"] == true && i["units"] == 1), "{body}");
    assert_eq!(offered(&w.read("ann", &format!("{link}&limit=2"))).len(), 2);
    // What others must have and hold is asked of them.
    let fitting = offered(&w.read("ann", &format!("{link}&people=100&equipment=Projector")));
    assert_eq!(fitting.iter().filter(|o| o.starts_with("other_resource")).count(), 1, "{fitting:?}");
    // Each can be booked as it was told.
    for item in body["items"].as_array().unwrap() {
        let line = json!({ "resource": item["resource"]["id"], "start": item["start"], "end": item["end"] });
        let ask = w.change("ann", "POST", "/api/bookings").json(&json!({ "lines": [line] }));
        // The shorter one and the earlier one are of the same half hour.
        let expected = if item["why"] == "shorter" { "409 REJECTED full" } else { "201 BOOKED" };
        assert_eq!(w.send(&ask).told(), expected, "{item}");
    }
    w.sweep();
}

#[test]
fn alternatives_are_asked_for_properly() {
    let mut w = campus();
    let b = w.id("B101").to_owned();
    let (start, end) = w.span("10:00-11:00");
    w.resource("Algebra", json!({ "kind": "section", "capacity": 1, "interval": { "start": start, "end": end } }));
    w.resource(
        "Topology",
        json!({ "kind": "section", "capacity": 1, "interval": { "start": w.at("10:30"), "end": w.at("11:30") } }),
    );
    w.check("bob POST /api/bookings Algebra -> 201 BOOKED");
    let section = w.read("ann", &format!("/api/alternatives?resource={}", w.id("Algebra")));
    assert_eq!(offered(&section), ["other_resource Topology 10:30-11:30"]);
    for (query, field) in [
        ("", "resource"),
        ("resource=x", "resource"),
        (&format!("resource={b}"), "start"),
        (&format!("resource={b}&start={start}"), "end"),
        (&format!("resource={b}&start={end}&end={start}"), "end"),
        (&format!("resource={b}&start={start}&end={end}&limit=13"), "limit"),
        (&format!("resource={b}&start={start}&end={end}&units=-1"), "units"),
    ] {
        let told = w.get("ann", &format!("/api/alternatives?{query}"));
        assert_eq!(told.told(), "422 malformed", "{query}: {}", told.text());
        let says = told.json()["errors"][0].to_string();
        assert!(says.contains(field), "{query}: {says}");
    }
    let gone = "/api/alternatives?resource=00000000-0000-7000-8000-000000000000";
    assert_eq!(w.get("ann", gone).told(), "404 not_found");
    assert_eq!(w.send(&crate::harness::Ask::get(gone)).status, 401);
}

#[test]
fn what_is_edited_and_made_is_found_at_once_and_after_a_kill() {
    let mut w = campus();
    let lamp = w.resource("Lamp", json!({ "kind": "equipment", "building": "Attic" }));
    assert_eq!(names(&search(&w, "q=lamp")), "Lamp");
    let edit = w.change("root", "PATCH", &format!("/api/resources/{lamp}")).header("If-Match", "1");
    let edited = w.send(&edit.json(&json!({ "name": "Lantern", "building": "Cellar" })));
    assert_eq!(edited.told(), "200 ACCEPTED", "{}", edited.text());
    w.check("bob POST /api/holds B101 10:00-11:00 -> 201 ACCEPTED");
    let seen = |w: &World| {
        let all = search(w, "sort=name");
        let free: BTreeMap<String, bool> = all["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| (i["resource"]["name"].as_str().unwrap().to_owned(), i["free"] == true))
            .collect();
        (names(&search(w, "q=lamp")), names(&search(w, "building=Cellar&q=lant")), counts(&all, "buildings"), free)
    };
    let before = seen(&w);
    assert_eq!((before.0.as_str(), before.1.as_str(), before.3["B101"]), ("", "Lantern", false));
    w.kill_and_start_again();
    assert_eq!(seen(&w), before);
}

/// Rooms with rules of all kinds, and bookings and holds on them between eight and half past seven.
fn crowded() -> World {
    let mut w = World::new(&["ann", "bob"]);
    let mut chance = 7_u64;
    let mut below = |n: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % n
    };
    for n in 0..24 {
        let mut policy = json!({ "setup_s": 600 * below(2), "teardown_s": 300 * below(2) });
        if below(4) == 0 {
            policy["own_overlap"] = json!("refuse");
        }
        if below(5) == 0 {
            policy["closed"] = json!(true);
        }
        let capacity = 1 + below(3);
        w.resource(&format!("R{n:02}"), json!({ "capacity": capacity, "seats": 5 + below(9), "policy": policy }));
    }
    let rooms: Vec<String> = w.rooms().map(|(name, _)| name.to_owned()).collect();
    for _ in 0..70 {
        let room = &rooms[below(rooms.len() as u64) as usize];
        let from = 8 * 60 + below(40) * 15;
        let (to, who) = (from + 15 + below(6) * 15, ["ann", "bob"][below(2) as usize]);
        let span = format!("{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60);
        let ask = if below(4) == 0 { w.hold(who, room, &span) } else { w.book(who, room, &span, 1) };
        w.send(&ask);
    }
    w
}

/// Everything told as free is booked by somebody, and what is told as taken is refused to everybody who asks.
#[test]
fn search_and_commit_never_disagree() {
    let w = crowded();
    let rooms: Vec<&str> = w.rooms().map(|(name, _)| name).collect();
    let (mut free, mut taken) = (0, 0);
    for (from, to) in [("08:00", "09:00"), ("10:10", "10:50"), ("13:00", "16:00")] {
        for units in [1, 2] {
            let times = format!("start={}&end={}&units={units}&limit=200&people=7", w.at(from), w.at(to));
            let found = w.read("ann", &format!("/api/search?{times}"));
            let ids: BTreeSet<&str> =
                found["items"].as_array().unwrap().iter().filter_map(|i| i["resource"]["id"].as_str()).collect();
            assert_eq!(ids.len(), rooms.len());
            for item in found["items"].as_array().unwrap() {
                let line = json!({ "resource": item["resource"]["id"], "start": item["start"], "end": item["end"], "units": units });
                let ask = w.change("ann", "POST", "/api/bookings").json(&json!({ "lines": [line], "people": 7 }));
                let reply = w.send(&ask);
                let booked = reply.told() == "201 BOOKED";
                // A booking made in this loop may stand in the way of the person's next; then the reason is their own.
                let own = reply.json()["code"] == "own_overlap";
                assert!(booked == (item["free"] == true) || own, "{} but {}", item, reply.text());
                if !booked {
                    taken += 1;
                    continue;
                }
                free += 1;
                let id = reply.json()["booking"]["id"].as_str().unwrap().to_owned();
                assert_eq!(w.send(&w.cancel("ann", &id)).told(), "200 ACCEPTED");
            }
        }
    }
    assert!(free > 20 && taken > 20, "{free} {taken}");
}

/// Everything in this world begins and ends on five minutes, so asking about each of them finds the first one that is free.
#[test]
fn the_first_free_time_in_a_window_is_the_first_that_is_told_as_free() {
    let w = crowded();
    let starts: Vec<String> = (8 * 12..=13 * 12).map(|n| format!("{:02}:{:02}", n / 12, n % 12 * 5)).collect();
    let told = |query: &str| -> BTreeMap<String, (bool, String)> {
        let found = w.read("ann", &format!("/api/search?{query}&limit=200"));
        let items = found["items"].as_array().unwrap().iter().map(|i| {
            let name = i["resource"]["name"].as_str().unwrap().to_owned();
            (name, (i["free"] == true, i["start"].as_str().unwrap()[11..16].to_owned()))
        });
        items.collect()
    };
    let mut first: BTreeMap<String, String> = BTreeMap::new();
    for start in &starts {
        let (h, m) = start.split_once(':').unwrap();
        let end = format!("{:02}:{m}", h.parse::<u32>().unwrap() + 1);
        let at = told(&format!("start={}&end={}", w.at(start), w.at(&end)));
        for (name, _) in at.into_iter().filter(|(_, (free, _))| *free) {
            first.entry(name).or_insert_with(|| start.clone());
        }
    }
    let within = told(&format!("from={}&to={}&duration_min=60", w.at("08:00"), w.at("14:00")));
    let free: BTreeMap<String, String> =
        within.into_iter().filter(|(_, (free, _))| *free).map(|(name, (_, start))| (name, start)).collect();
    assert_eq!(free, first);
    let later = first.values().filter(|start| *start != "08:00").count();
    assert!(later > 4 && first.len() - later > 2 && first.len() < 24, "{first:?}");
}

#[test]
fn what_is_booked_is_read_ahead_after_a_start() {
    let mut w = World::new(&["ann"]);
    for n in 0..40 {
        w.room(&format!("R{n}"));
        if n % 2 == 0 {
            w.booked("ann", &format!("R{n}"), "10:00-11:00", 1);
        }
    }
    w.kill_and_start_again();
    let log = w.server.log_with("calendars=20");
    assert!(log.contains("what is booked soonest is in memory"), "{log}");
}
