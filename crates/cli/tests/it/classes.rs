//! Classes as people look for them: a day's list with what is left of each and what one has of it, word of what became free, and a
//! reminder before it is too late. Whose turn it is, is tried elsewhere.

use crate::harness::{Ask, World};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn session(w: &mut World, name: &str, span: &str, capacity: u32, fields: Value) {
    let (start, end) = w.span(span);
    let interval = json!({ "start": start, "end": end });
    let mut body = json!({ "kind": "session", "capacity": capacity, "interval": interval });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    w.resource(name, body);
}

fn list(w: &World, who: &str, more: &str) -> Value {
    w.read(who, &format!("/api/classes?day={}{more}", w.day))
}

/// So many whole seconds from now.
fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect()
}

fn class<'l>(list: &'l Value, name: &str) -> &'l Value {
    list["items"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap()
}

fn join(w: &World, who: &str, name: &str, more: &Value) -> Ask {
    let mut body = json!({ "resource": w.id(name) });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    w.change(who, "POST", "/api/waitlist").json(&body)
}

fn soon(what: &str, within: Duration, mut so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !so() {
        assert!(since.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_day_of_classes_says_what_is_left_and_what_is_one_s_own() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    let quota = json!({ "most": 3, "period": "day", "scope": "group" });
    w.resource(
        "studio",
        json!({ "kind": "group", "policy": { "quota": quota, "waitlist": { "mode": "offer", "offer_ttl_s": 600 } } }),
    );
    let in_studio = json!({ "group": w.id("studio") });
    session(&mut w, "yoga", "09:00-10:00", 1, in_studio.clone());
    session(&mut w, "pilates", "10:00-11:00", 6, in_studio.clone());
    session(&mut w, "boxing", "10:00-11:00", 2, json!({}));
    w.room("room");
    let yoga = w.booked("ann", "yoga", "09:00-10:00", 1);
    w.booked("ann", "boxing", "10:00-11:00", 1);
    for who in ["bob", "cat"] {
        let told = w.send(&join(&w, who, "yoga", &json!({})));
        assert_eq!(told.told(), "201 ACCEPTED", "{}", told.text());
    }

    let told = list(&w, "ann", "");
    assert_eq!(names(&told), ["yoga", "boxing", "pilates"], "by when they begin, then by name; and no rooms");
    let of = |list: &Value, name: &str| {
        let c = class(list, name);
        (c["units_free"].clone(), c["badge"].clone(), c["waiting"].clone(), c["mine"]["standing"].clone())
    };
    assert_eq!(of(&told, "yoga"), (json!(0), json!("waitlist"), json!(2), json!("booked")));
    assert_eq!(of(&told, "boxing"), (json!(1), json!("open"), json!(0), json!("booked")));
    assert_eq!(of(&told, "pilates"), (json!(6), json!("open"), json!(0), Value::Null));
    assert_eq!(class(&told, "yoga")["mine"]["booking"], json!(yoga));
    let quota = &class(&told, "pilates")["quota"];
    assert_eq!((&quota["counted"], &quota["most"], &quota["of"]), (&json!(1), &json!(3), &json!(w.id("studio"))));
    assert_eq!(class(&told, "boxing")["quota"], Value::Null);
    let resource = w.read("ann", &format!("/api/resources/{}", w.id("yoga")));
    assert_eq!(class(&told, "yoga")["version"], resource["version"], "of one version, which it says");
    let bobs = list(&w, "bob", "&mine=true");
    assert_eq!(names(&bobs), ["yoga"]);
    let mine = &class(&bobs, "yoga")["mine"];
    assert_eq!((&mine["standing"], &mine["place"], &mine["booking"]), (&json!("waiting"), &json!(1), &Value::Null));

    assert_eq!(names(&list(&w, "ann", &format!("&group={}", w.id("studio")))), ["yoga", "pilates"]);
    assert_eq!(names(&list(&w, "ann", "&free=true")), ["boxing", "pilates"]);
    assert_eq!(names(&list(&w, "ann", "&q=pil")), ["pilates"]);
    assert_eq!(names(&list(&w, "ann", "&kind=section")), Vec::<&str>::new());
    let mut paged = Vec::new();
    let mut after = String::new();
    for _ in 0..4 {
        let page = list(&w, "ann", &format!("&limit=1{after}"));
        paged.extend(names(&page).into_iter().map(str::to_owned));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(paged, ["yoga", "boxing", "pilates"]);
    for (query, field) in [("day=tomorrow", "day"), ("kind=room", "kind"), ("after=1.x", "after"), ("limit=0", "limit")]
    {
        let refused = w.get("ann", &format!("/api/classes?{query}"));
        assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!(field)), "{}", refused.text());
    }
    let tomorrow = w.day.tomorrow().unwrap();
    assert_eq!(w.read("ann", &format!("/api/classes?day={tomorrow}"))["items"], json!([]));
    assert_eq!(w.read("ann", "/api/classes")["items"], json!([]), "today, if no day is said");

    // The place passes on as an offer, and is nobody's to take meanwhile.
    assert_eq!(w.send(&w.cancel("ann", &yoga)).told(), "200 ACCEPTED");
    let told = list(&w, "bob", "&mine=true");
    assert_eq!(of(&told, "yoga").3, json!("offered"));
    assert!(class(&told, "yoga")["mine"]["offered_until"].is_string(), "{told}");
    assert!(
        w.metric("slotwise_waitlist_total", "joined") >= 2.0 && w.metric("slotwise_waitlist_total", "offered") >= 1.0
    );
}

#[test]
fn who_is_there_is_told_as_checked_in_and_a_late_cancel_counts() {
    let mut w = World::new(&["ann"]);
    let start = in_seconds(600);
    let interval = json!({ "start": start.to_string(), "end": (start + Duration::from_secs(600)).to_string() });
    let policy = json!({ "own_overlap": "allow", "check_in": { "opens_s": 3600, "closes_s": 300 },
        "late_cancel_from": { "elapsed_s": 7200 }, "quota": { "most": 2, "period": "all" } });
    for name in ["spin", "row"] {
        w.resource(name, json!({ "kind": "session", "capacity": 5, "interval": interval, "policy": policy }));
    }
    let book = |name: &str| {
        let line = json!({ "lines": [{ "resource": w.id(name) }] });
        let told = w.send(&w.change("ann", "POST", "/api/bookings").json(&line));
        assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
        told.json()["booking"]["id"].as_str().unwrap().to_owned()
    };
    let (stays, goes) = (book("spin"), book("row"));
    let there = w.change("ann", "POST", &format!("/api/bookings/{stays}/check-in")).json(&json!({}));
    assert_eq!(w.send(&there).told(), "200 ACCEPTED");
    assert_eq!(w.send(&w.cancel("ann", &goes)).told(), "200 ACCEPTED");
    let day = start.to_zoned(jiff::tz::TimeZone::UTC).date();
    let told = w.read("ann", &format!("/api/classes?day={day}"));
    assert_eq!(class(&told, "spin")["mine"]["standing"], "checked_in");
    assert_eq!(class(&told, "row")["mine"], Value::Null);
    assert_eq!(class(&told, "row")["quota"]["counted"], json!(1), "given up late, it has been had");
}

#[test]
fn word_of_what_became_free_comes_with_its_time_and_keeps_nothing() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    w.room("room");
    let word = |w: &World, who: &str| {
        let (start, end) = w.span("10:00-11:00");
        w.send(&join(w, who, "room", &json!({ "start": start, "end": end, "wants": "word" })))
    };
    let early = word(&w, "bob");
    assert_eq!(
        (early.told().as_str(), &early.json()["witness"]["rule"]),
        ("422 REJECTED invalid", &json!("units_free"))
    );
    let theirs = w.booked("ann", "room", "10:00-11:00", 1);
    let told = word(&w, "bob");
    assert_eq!(told.told(), "201 ACCEPTED", "{}", told.text());
    let entry = told.json()["entry"].clone();
    assert_eq!((&entry["wants"], &entry["place"], &entry["state"]), (&json!("word"), &Value::Null, &json!("waiting")));
    assert_eq!(word(&w, "cat").told(), "201 ACCEPTED");
    let line = w.read("cat", &format!("/api/waitlist?resource={}", w.id("room")));
    assert_eq!(line["items"].as_array().unwrap().len(), 1, "only one's own is told: {line}");
    assert_eq!(w.send(&w.cancel("ann", &theirs)).told(), "200 ACCEPTED");
    for who in ["bob", "cat"] {
        let notices = w.read(who, "/api/notices");
        let notice = &notices["items"][0];
        assert_eq!((&notice["news"], &notices["unread"]), (&json!("free"), &json!(1)));
        assert_eq!((&notice["start"], &notice["resource_name"]), (&entry["start"], &json!("room")));
    }
    let entry = w.read("bob", &format!("/api/waitlist/{}", entry["id"].as_str().unwrap()));
    assert_eq!(entry["state"], "told");
    assert_eq!(w.send(&w.book("cat", "room", "10:00-11:00", 1)).told(), "201 BOOKED", "whoever is first has it");
    assert_eq!(w.metric("slotwise_waitlist_total", "told"), 2.0);
    w.kill_and_start_again();
    assert_eq!(w.read("bob", "/api/notices")["items"].as_array().unwrap().len(), 1);
    w.sweep();
}

#[test]
fn a_reminder_comes_by_itself_before_it_is_too_late() {
    let mut w = World::new(&["ann", "bob"]);
    // Reminded a minute before the last hour; in three seconds from now.
    let start = in_seconds(3_663);
    let interval = json!({ "start": start.to_string(), "end": (start + Duration::from_secs(600)).to_string() });
    let policy = json!({ "cancel_by": { "elapsed_s": 3600 }, "remind_before_s": 60 });
    w.resource("yoga", json!({ "kind": "session", "capacity": 5, "interval": interval, "policy": policy }));
    let book = |w: &World, who: &str| {
        let line = json!({ "lines": [{ "resource": w.id("yoga") }] });
        let told = w.send(&w.change(who, "POST", "/api/bookings").json(&line));
        assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
        told.json()["booking"]["id"].as_str().unwrap().to_owned()
    };
    let anns = book(&w, "ann");
    let bobs = book(&w, "bob");
    assert_eq!(w.send(&w.cancel("bob", &bobs)).told(), "200 ACCEPTED");
    let news = |w: &World, who: &str| w.read(who, "/api/notices")["items"].as_array().unwrap().clone();
    assert_eq!(news(&w, "ann"), Vec::<Value>::new());
    soon("a reminder", Duration::from_secs(15), || !news(&w, "ann").is_empty());
    let told = news(&w, "ann");
    assert_eq!((&told[0]["news"], &told[0]["booking"], told.len()), (&json!("reminder"), &json!(anns), 1));
    w.kill_and_start_again();
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(news(&w, "ann").len(), 1, "once");
    assert_eq!(news(&w, "bob"), Vec::<Value>::new(), "who gave it up is not reminded of it");
}
