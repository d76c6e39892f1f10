//! Series: bookings from one rule as people meet them — each date is said, all or nothing is that under races, and what was said is
//! said again after the process was killed. It never looks into the server.

use crate::harness::server::slotwise;
use crate::harness::{Ask, Reply, World};
use serde_json::{Value, json};
use uuid::Uuid;

fn series(w: &World, who: &str, room: &str, span: &str, rule: &str, contract: &str) -> Ask {
    let (start, end) = span.split_once('-').unwrap();
    let (start, end) = (format!("{}T{start}", w.day), format!("{}T{end}", w.day));
    let body = json!({ "resource": w.id(room), "start": start, "end": end, "rule": rule, "contract": contract });
    w.change(who, "POST", "/api/series").json(&body)
}

/// What became of each date, in one line: `booked refused(full) booked`.
fn became(told: &Value) -> String {
    let dates = told["dates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let word = |date: &Value| match date["code"].as_str() {
        Some(code) => format!("{}({code})", date["became"].as_str().unwrap()),
        None => date["became"].as_str().unwrap().to_owned(),
    };
    dates.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn day(w: &World, n: i64) -> String {
    w.day.checked_add(jiff::Span::new().days(n)).unwrap().to_string()
}

/// Books the n-th day after the first.
fn book_on(w: &World, who: &str, room: &str, n: i64, span: &str) -> String {
    let (from, to) = span.split_once('-').unwrap();
    let line = json!({ "resource": w.id(room), "start": format!("{}T{from}:00Z", day(w, n)), "end": format!("{}T{to}:00Z", day(w, n)) });
    let told = w.send(&w.change(who, "POST", "/api/bookings").json(&json!({ "lines": [line] })));
    assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
    told.json()["booking"]["id"].as_str().unwrap().to_owned()
}

fn bookings(w: &World, who: &str, id: &Value) -> Vec<Value> {
    let series = w.read(who, &format!("/api/series/{}", id.as_str().unwrap()));
    series["bookings"].as_array().unwrap().clone()
}

fn clean(w: &World) {
    // `verify` is of a folder.
    if !w.home.is_folder() {
        return;
    }
    let done = slotwise(&["verify"]).arg(w.home.data()).output().unwrap();
    assert!(
        done.status.success(),
        "{}{}",
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn each_contract_says_what_became_of_each_date() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    book_on(&w, "bob", "room", 2, "10:00-11:00");
    let rule = "FREQ=DAILY;COUNT=4";

    let preview = |contract: &str| {
        let ask = series(&w, "ann", "room", "10:00-11:00", rule, contract);
        let body: Value = serde_json::from_slice(ask.body.as_ref().unwrap()).unwrap();
        let told = w.send(&Ask::post("/api/series/preview").by(w.token("ann")).json(&body));
        assert_eq!(told.status, 200, "{}", told.text());
        (told.json()["accepted"] == true, became(&told.json()))
    };
    assert_eq!(preview("all_or_nothing"), (false, "free free refused(full) free".into()));
    assert_eq!(preview("skip_conflicts"), (true, "free free refused(full) free".into()));
    assert_eq!(preview("best_alternative"), (true, "free free free_elsewhere free".into()));

    let told = w.send(&series(&w, "ann", "room", "10:00-11:00", rule, "all_or_nothing"));
    assert_eq!(told.told(), "409 REJECTED full", "{}", told.text());
    assert_eq!(became(&told.json()), "free free refused(full) free");
    assert_eq!(told.json()["dates"][2]["witness"]["owner"], "bob");
    assert_eq!(w.read("ann", "/api/bookings?owner=me")["items"], json!([]), "nothing was booked");

    let told = w.send(&series(&w, "ann", "room", "10:00-11:00", rule, "skip_conflicts"));
    assert_eq!(
        (told.told().as_str(), became(&told.json()).as_str()),
        ("201 BOOKED", "booked booked refused(full) booked")
    );
    assert_eq!(
        told.header("location"),
        Some(format!("/api/series/{}", told.json()["series"].as_str().unwrap()).as_str())
    );
    let made = bookings(&w, "ann", &told.json()["series"]);
    assert_eq!(made.iter().map(|b| b["occurrence"]["place"].clone()).collect::<Vec<_>>(), [0, 1, 3]);

    let told = w.send(&series(&w, "ann", "room", "09:30-10:30", rule, "best_alternative"));
    assert_eq!(
        (told.told().as_str(), became(&told.json()).as_str()),
        ("201 BOOKED", "booked_elsewhere ".repeat(4).trim_end())
    );
    for (n, date) in told.json()["dates"].as_array().unwrap().iter().enumerate() {
        assert_eq!(
            date["elsewhere"]["start"],
            format!("{}T09:00:00Z", day(&w, n as i64)),
            "the nearest, of the same day"
        );
    }
    let nothing = w.send(&series(&w, "bob", "room", "10:00-11:00", rule, "skip_conflicts"));
    assert_eq!(nothing.told(), "409 REJECTED full", "where no date can be had that is a refusal");
    w.sweep();
    clean(&w);
}

#[test]
fn what_was_said_is_said_again_after_a_kill() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    book_on(&w, "bob", "room", 1, "10:00-11:00");
    let rule = "FREQ=DAILY;COUNT=3";
    let asks = ["all_or_nothing", "skip_conflicts", "best_alternative"]
        .map(|contract| series(&w, "ann", "room", "10:00-11:00", rule, contract));
    let before: Vec<Reply> = asks.iter().map(|ask| w.send(ask)).collect();
    assert_eq!(before.iter().map(Reply::told).collect::<Vec<_>>(), ["409 REJECTED full", "201 BOOKED", "201 BOOKED"]);
    let seen = bookings(&w, "ann", &before[1].json()["series"]);
    for _ in 0..2 {
        for (ask, before) in asks.iter().zip(&before) {
            let again = w.send(ask);
            assert_eq!(again.header("idempotent-replayed"), Some("true"));
            assert_eq!(again.json()["dates"], before.json()["dates"]);
            assert_eq!((again.outcome(), again.code()), (before.outcome(), before.code()));
            let key = &ask.headers.iter().find(|(name, _)| name == "idempotency-key").unwrap().1;
            let standing = w.read("ann", &format!("/api/attempts/{key}"));
            assert_eq!(standing["answer"]["dates"], before.json()["dates"]);
        }
        w.kill_and_start_again();
    }
    let after = bookings(&w, "ann", &before[1].json()["series"]);
    let place = |b: &Value| (b["id"].clone(), b["occurrence"].clone(), b["lines"].clone(), b["revision"].clone());
    assert_eq!(after.iter().map(place).collect::<Vec<_>>(), seen.iter().map(place).collect::<Vec<_>>());
    clean(&w);
}

#[test]
fn all_or_nothing_is_all_or_nothing_whoever_else_clicks() {
    let mut w = World::new(&["ann", "bob", "cem", "dan"]);
    let people = ["ann", "bob", "cem", "dan"];
    for round in 0..6 {
        let room = format!("room{round}");
        w.room(&room);
        // Rules that meet on some days, and single bookings in between.
        let mut asks = Vec::new();
        for n in 0..24 {
            let rule = ["FREQ=DAILY;COUNT=12", "FREQ=DAILY;INTERVAL=2;COUNT=6", "FREQ=DAILY;INTERVAL=3;COUNT=5"][n % 3];
            asks.push(series(&w, people[n % 4], &room, "10:00-11:00", rule, "all_or_nothing"));
            if n % 4 == 0 {
                let date = day(&w, (n % 12) as i64);
                let line = json!({ "resource": w.id(&room), "start": format!("{date}T10:30:00Z"), "end": format!("{date}T10:45:00Z") });
                asks.push(w.change(people[n % 4], "POST", "/api/bookings").json(&json!({ "lines": [line] })));
            }
        }
        let replies = w.race(&asks);
        for reply in &replies {
            assert!(["201 BOOKED", "409 REJECTED full"].contains(&reply.told().as_str()), "{}", reply.text());
            let told = reply.json();
            let Some(dates) = told["dates"].as_array() else { continue };
            let made = dates.iter().filter(|date| date["became"] == "booked").count();
            let wanted = if reply.told() == "201 BOOKED" { dates.len() } else { 0 };
            assert_eq!(made, wanted, "{}", reply.text());
        }
        let ids: Vec<Value> = replies.iter().filter_map(|r| r.json().get("series").cloned()).collect();
        for id in &ids {
            let made = people.iter().find_map(|who| {
                let got = w.get(who, &format!("/api/series/{}", id.as_str().unwrap()));
                (got.status == 200).then(|| got.json()["bookings"].as_array().unwrap().len())
            });
            assert!([Some(12), Some(6), Some(5)].contains(&made), "{made:?}");
        }
        assert!(replies.iter().any(|r| r.told() == "201 BOOKED"), "a race is never won by nobody");
    }
    w.sweep();
    clean(&w);
}

#[test]
fn dates_are_changed_one_by_one_and_from_one_on() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    w.room("other");
    let told = w.send(&series(&w, "ann", "room", "10:00-11:00", "FREQ=WEEKLY;COUNT=5", "all_or_nothing"));
    assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
    let id = told.json()["series"].clone();
    let path = format!("/api/series/{}", id.as_str().unwrap());
    let ids: Vec<String> =
        told.json()["dates"].as_array().unwrap().iter().map(|d| d["booking"].as_str().unwrap().into()).collect();
    let change = |who: &str, method: &str, what: &str, body: Value| {
        w.send(&w.change(who, method, &format!("{path}{what}")).json(&body))
    };

    // One, as any booking.
    assert_eq!(w.send(&w.cancel("ann", &ids[1])).told(), "200 ACCEPTED");
    // A week later: every date goes where the next was, and the last to a new week. All of them, or none.
    let later = json!({ "start": format!("{}T12:00", day(&w, 7)), "end": format!("{}T13:30", day(&w, 7)) });
    let busy = book_on(&w, "bob", "room", 35, "13:00-14:00");
    let told = change("ann", "POST", "/move", later.clone());
    assert_eq!(
        (told.told().as_str(), became(&told.json()).as_str()),
        ("409 REJECTED full", "free free free refused(full)")
    );
    assert_eq!(w.send(&w.cancel("bob", &busy)).told(), "200 ACCEPTED");
    let told = change("ann", "POST", "/move", later);
    assert_eq!(
        (told.told().as_str(), became(&told.json()).as_str()),
        ("200 ACCEPTED", "changed changed changed changed")
    );
    let starts = |bookings: &[Value]| {
        bookings.iter().map(|b| b["lines"][0]["start"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let at = |n: i64, clock: &str| format!("{}T{clock}:00Z", day(&w, n));
    assert_eq!(
        starts(&bookings(&w, "ann", &id)),
        [at(7, "12:00"), at(7, "10:00"), at(21, "12:00"), at(28, "12:00"), at(35, "12:00")]
    );
    // This and later: another room; what somebody else may not do.
    let from = json!({ "from": ids[3], "resource": w.id("other") });
    assert_eq!(change("bob", "POST", "/move", from.clone()).told(), "403 not_allowed");
    let told = change("ann", "POST", "/move", from);
    assert_eq!((told.told().as_str(), became(&told.json()).as_str()), ("200 ACCEPTED", "changed changed"));
    let rooms = bookings(&w, "ann", &id).iter().map(|b| b["lines"][0]["name"].clone()).collect::<Vec<_>>();
    assert_eq!(rooms, ["room", "room", "room", "other", "other"]);
    // By another rule, the first of them to its first date.
    let rule = json!({ "from": ids[2], "start": format!("{}T08:00", day(&w, 40)), "end": format!("{}T09:00", day(&w, 40)),
        "rule": "FREQ=DAILY;INTERVAL=2;COUNT=3" });
    assert_eq!(change("ann", "POST", "/move", rule).told(), "200 ACCEPTED");
    let made = bookings(&w, "ann", &id);
    assert_eq!(starts(&made)[2..], [at(40, "08:00"), at(42, "08:00"), at(44, "08:00")]);
    assert_eq!(w.read("ann", &path)["rule"], "FREQ=DAILY;INTERVAL=2;COUNT=3");
    let few = json!({ "start": format!("{}T08:00", day(&w, 40)), "end": format!("{}T09:00", day(&w, 40)), "rule": "FREQ=DAILY;COUNT=2" });
    assert_eq!(change("ann", "POST", "/move", few).json()["errors"][0]["code"], "other_count");

    let told = change("ann", "PATCH", "", json!({ "from": ids[4], "details": { "title": "Choir" } }));
    assert_eq!(became(&told.json()), "changed");
    let titles = bookings(&w, "ann", &id).iter().map(|b| b["title"].clone()).collect::<Vec<_>>();
    assert_eq!(titles, [Value::Null, Value::Null, Value::Null, Value::Null, "Choir".into()]);

    let told = change("ann", "POST", "/cancel", json!({ "from": ids[2] }));
    assert_eq!(became(&told.json()), "changed changed changed");
    let told = change("ann", "POST", "/cancel", json!({}));
    assert_eq!(became(&told.json()), "changed untouched untouched untouched untouched");
    let wrong = change("ann", "POST", "/cancel", json!({ "contract": "best_alternative" }));
    assert_eq!(wrong.json()["errors"][0]["field"], "contract", "{}", wrong.text());
    w.sweep();
    w.kill_and_start_again();
    assert!(bookings(&w, "ann", &id).iter().all(|b| b["state"] == "cancelled"));
    clean(&w);
}

#[test]
fn gaps_and_folds_are_said_and_bad_rules_name_their_part() {
    let mut w = World::new(&["ann"]);
    w.resource("room", json!({ "zone": "Europe/Berlin" }));
    let spring = next_change(&w, 3);
    let ask = |start: &str, end: &str, rule: &str| {
        let body = json!({ "resource": w.id("room"), "start": start, "end": end, "rule": rule });
        w.send(&w.change("ann", "POST", "/api/series").json(&body))
    };
    let eve = spring.yesterday().unwrap();
    let told = ask(&format!("{eve}T02:30"), &format!("{eve}T02:45"), "FREQ=DAILY;COUNT=3");
    assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
    let dates = told.json()["dates"].clone();
    assert_eq!(dates[1]["met"], "shifted");
    assert_eq!((&dates[0]["met"], &dates[2]["met"]), (&"once".into(), &"once".into()));
    assert_eq!(
        (dates[1]["start"].as_str(), dates[1]["end"].as_str()),
        (Some(&*format!("{spring}T01:30:00Z")), Some(&*format!("{spring}T01:45:00Z")))
    );
    assert_eq!(dates[1]["given"]["start"], format!("{spring}T02:30:00"));
    assert!(dates[1]["note"].as_str().unwrap().contains("set forward"));
    let autumn = next_change(&w, 10);
    let eve = autumn.yesterday().unwrap();
    let dates = ask(&format!("{eve}T02:30"), &format!("{eve}T03:00"), "FREQ=DAILY;COUNT=2").json()["dates"].clone();
    assert_eq!((&dates[1]["met"], &dates[1]["start"]), (&"first".into(), &format!("{autumn}T00:30:00Z").into()));
    // A whole day is a whole day, however long.
    w.resource("hall", json!({ "zone": "Europe/Berlin" }));
    let body = json!({ "resource": w.id("hall"), "start": format!("{eve}T04:00"), "end": format!("{autumn}T04:00"), "rule": "FREQ=DAILY;COUNT=2" });
    let told = w.send(&w.change("ann", "POST", "/api/series").json(&body));
    assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
    let made = bookings(&w, "ann", &told.json()["series"]);
    assert_eq!(made[0]["lines"][0]["end"], format!("{autumn}T03:00:00Z"));

    for (start, rule, field, code) in [
        ("2031-03-01T10:00", "FREQ=HOURLY;COUNT=3", "rule", "not_understood"),
        ("2031-03-01T10:00", "FREQ=WEEKLY;BYDAY=1MO;COUNT=2", "rule", "not_understood"),
        ("2031-03-01T10:00", "FREQ=YEARLY;BYWEEKNO=20;BYDAY=-1MO;COUNT=2", "rule", "not_understood"),
        ("2031-03-01T10:00Z", "FREQ=DAILY;COUNT=3", "start", "not_a_civil_time"),
        ("2031-03-01T10:00", "FREQ=DAILY;COUNT=201", "rule", "too_many"),
        ("2031-03-01T10:00", "FREQ=YEARLY;COUNT=20", "rule", "too_far"),
        ("2031-03-01T10:00", "FREQ=YEARLY;COUNT=2;BYMONTH=2;BYMONTHDAY=30", "rule", "no_date"),
    ] {
        let body = json!({ "resource": w.id("room"), "start": start, "end": "2031-03-01T12:00", "rule": rule });
        let told = w.send(&w.change("ann", "POST", "/api/series").json(&body));
        assert_eq!(told.status, 422, "{}", told.text());
        assert_eq!(
            (told.json()["errors"][0]["field"].as_str(), told.json()["errors"][0]["code"].as_str()),
            (Some(field), Some(code))
        );
    }
    let meeting = json!({ "resource": w.id("room"), "start": "2031-03-01T10:00", "end": "2031-03-02T12:00", "rule": "FREQ=DAILY;COUNT=3" });
    let told = w.send(&w.change("ann", "POST", "/api/series").json(&meeting));
    assert_eq!(told.json()["errors"][0]["code"], "dates_meet", "{}", told.text());
    let many = json!({ "attempts": [{ "key": Uuid::now_v7(), "command": "book_series", "resource": w.id("room"),
        "start": "2031-05-01T10:00", "end": "2031-05-01T12:00", "rule": "FREQ=DAILY;COUNT=3" }] });
    if w.day.year() >= 2027 {
        let told = w.send(&w.change("ann", "POST", "/api/attempts").json(&many));
        assert_eq!(told.json()["attempts"][0]["outcome"], "BOOKED", "{}", told.text());
    }
    clean(&w);
}

/// The Sunday on which Berlin changes its clocks next, in March or October.
fn next_change(w: &World, month: i8) -> jiff::civil::Date {
    let year = w.day.year() + 1;
    let last = jiff::civil::date(year, month, 31);
    last.nth_weekday_of_month(-1, jiff::civil::Weekday::Sunday).unwrap()
}

#[test]
fn what_a_series_leaves_goes_to_who_waits_and_all_of_it_is_on_record() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("room", json!({ "policy": { "waitlist": { "mode": "book" } } }));
    let told = w.send(&series(&w, "ann", "room", "10:00-11:00", "FREQ=DAILY;COUNT=3", "all_or_nothing"));
    assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
    let id = told.json()["series"].clone();
    let dates = bookings(&w, "ann", &id);
    let wait = |who: &str, n: i64, gives_up: &Value| {
        let at = |hour: u8| format!("{}T{hour}:00:00Z", day(&w, n));
        let body = json!({ "resource": w.id("room"), "start": at(10), "end": at(11), "gives_up": gives_up });
        let told = w.send(&w.change(who, "POST", "/api/waitlist").json(&body));
        assert_eq!(told.told(), "201 ACCEPTED", "{}", told.text());
    };
    wait("bob", 1, &Value::Null);
    wait("ann", 2, &dates[0]["id"]);
    wait("bob", 0, &Value::Null);

    let told = w.send(&series(&w, "bob", "room", "10:00-11:00", "FREQ=DAILY;COUNT=3", "skip_conflicts"));
    assert_eq!(told.told(), "409 REJECTED full", "{}", told.text());
    let explained = w.read("bob", &format!("/api/attempts/{}/explain", told.json()["attempt"].as_str().unwrap()));
    let asked = explained["sentences"][0]["text"].as_str().unwrap();
    assert!(asked.starts_with("You asked to book a series: room, "), "{asked}");
    assert_eq!(explained["asked"].as_array().unwrap().len(), 3, "every date");

    // From the second date on: bob has the second; ann has the third anew, and gives up the first for it, which is bob's then.
    let path = format!("/api/series/{}/cancel", id.as_str().unwrap());
    let told = w.send(&w.change("ann", "POST", &path).json(&json!({ "from": dates[1]["id"] })));
    assert_eq!((told.told().as_str(), became(&told.json()).as_str()), ("200 ACCEPTED", "changed changed"));
    assert!(bookings(&w, "ann", &id).iter().all(|b| b["state"] == "cancelled"));
    let has = |who: &str| w.read(who, "/api/bookings?owner=me&state=confirmed")["items"].as_array().unwrap().len();
    assert_eq!((has("ann"), has("bob")), (1, 2));
    w.sweep();
    clean(&w);
}

#[test]
fn what_an_admin_cancels_of_a_series_is_one_notice() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let told = w.send(&series(&w, "ann", "room", "10:00-11:00", "FREQ=DAILY;COUNT=4", "all_or_nothing"));
    assert_eq!(told.told(), "201 BOOKED", "{}", told.text());
    let id = told.json()["series"].as_str().unwrap().to_owned();
    let ask =
        w.change("root", "POST", &format!("/api/series/{id}/cancel")).json(&json!({ "reason": "The roof leaks." }));
    assert_eq!(w.send(&ask).told(), "200 ACCEPTED");
    let notices = w.read("ann", "/api/notices");
    let [notice] = &notices["items"].as_array().unwrap()[..] else { panic!("not one: {notices}") };
    assert_eq!((&notice["news"], &notice["dates"], &notices["unread"]), (&json!("cancelled"), &json!(4), &json!(1)));
    assert_eq!(notice["start"], json!(w.at("10:00")));
    assert!(w.metric("slotwise_series_dates_total", "booked") >= 4.0);
}

#[test]
fn what_was_said_of_a_change_is_said_again_though_nothing_is_left_to_change() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let made = w.send(&series(&w, "ann", "room", "10:00-11:00", "FREQ=DAILY;COUNT=2", "all_or_nothing"));
    assert_eq!(made.told(), "201 BOOKED", "{}", made.text());
    let id = made.json()["series"].as_str().unwrap().to_owned();
    let change = |what: &str| w.change("ann", "POST", &format!("/api/series/{id}/{what}"));
    let (start, end) = (format!("{}T12:00", w.day), format!("{}T13:00", w.day));
    let there = json!({ "start": start, "end": end });
    let key = Uuid::now_v7();
    let under_it = |body: &Value| Ask::post(&format!("/api/series/{id}/move")).by(w.token("ann")).key(key).json(body);
    let moved = under_it(&there);
    assert_eq!(w.send(&moved).told(), "200 ACCEPTED");
    assert_eq!(w.send(&change("cancel").json(&json!({}))).told(), "200 ACCEPTED");
    assert_eq!(w.send(&moved).told(), "200 ACCEPTED replayed");
    assert_eq!(w.send(&change("move").json(&there)).told(), "422 malformed", "under a new key nothing is left");
    // The same among many.
    let one = json!({ "key": key, "command": "move_series", "id": id, "start": start, "end": end });
    let many = w.send(&Ask::post("/api/attempts").by(w.token("ann")).json(&json!({ "attempts": [one] })));
    let answer = many.json()["attempts"][0].clone();
    assert_eq!((&answer["status"], &answer["replayed"]), (&json!(200), &json!(true)), "{answer}");
    let says = json!({ "start": start, "end": end, "contract": "skip_conflicts" });
    assert_eq!(w.send(&under_it(&says)).told(), "422 key_reused");
    clean(&w);
}

#[test]
fn a_date_in_other_hands_leaves_the_series_its_owner() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let (start, end) = (format!("{}T10:00", w.day), format!("{}T11:00", w.day));
    let body = json!({ "resource": w.id("room"), "start": start, "end": end, "rule": "FREQ=DAILY;COUNT=3",
        "private": true, "title": "Rehearsal" });
    let made = w.send(&w.change("ann", "POST", "/api/series").json(&body));
    assert_eq!(made.told(), "201 BOOKED", "{}", made.text());
    let (id, made) = (made.json()["series"].clone(), made.json());
    let date = |n: usize| made["dates"][n]["booking"].as_str().unwrap().to_owned();
    let hand_over = |n: usize| {
        let over = w.change("root", "POST", &format!("/api/bookings/{}/hand-over", date(n)));
        assert_eq!(w.send(&over.json(&json!({ "to": w.person("bob").id, "reason": "Ill." }))).told(), "200 ACCEPTED");
    };
    hand_over(0);
    let ids = |who: &str| -> Vec<String> {
        let all = bookings(&w, who, &id);
        all.iter().map(|b| b["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("ann"), [date(1), date(2)], "what is hers of it");
    assert_eq!(ids("root"), [date(0), date(1), date(2)]);
    let path = format!("/api/series/{}", id.as_str().unwrap());
    let bobs = w.get("bob", &path);
    assert_eq!(bobs.told(), "403 not_allowed", "one date of it is no series: {}", bobs.text());
    for what in ["cancel", "move"] {
        assert_eq!(
            w.send(&w.change("bob", "POST", &format!("{path}/{what}")).json(&json!({}))).told(),
            "403 not_allowed"
        );
    }
    let listed = |who: &str| w.all(who, &format!("/api/bookings?series={}&owner=me", id.as_str().unwrap())).len();
    assert_eq!((listed("ann"), listed("bob")), (2, 1));
    let cancelled = w.send(&w.change("ann", "POST", &format!("{path}/cancel")).json(&json!({ "from": date(2) })));
    assert_eq!((cancelled.told().as_str(), became(&cancelled.json()).as_str()), ("200 ACCEPTED", "changed"));
    let cancelled = w.send(&w.change("ann", "POST", &format!("{path}/cancel")).json(&json!({})));
    assert_eq!((cancelled.told().as_str(), became(&cancelled.json()).as_str()), ("200 ACCEPTED", "changed untouched"));
    assert_eq!(w.read("bob", &format!("/api/bookings/{}", date(0)))["state"], "confirmed");
    clean(&w);
}

#[test]
fn who_has_been_given_every_date_has_the_series() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let made = w.send(&series(&w, "ann", "room", "10:00-11:00", "FREQ=DAILY;COUNT=2", "all_or_nothing")).json();
    for date in made["dates"].as_array().unwrap() {
        let over = w.change("root", "POST", &format!("/api/bookings/{}/hand-over", date["booking"].as_str().unwrap()));
        assert_eq!(w.send(&over.json(&json!({ "to": w.person("bob").id, "reason": "Ill." }))).told(), "200 ACCEPTED");
    }
    assert_eq!(bookings(&w, "bob", &made["series"]).len(), 2);
    assert_eq!(w.get("ann", &format!("/api/series/{}", made["series"].as_str().unwrap())).told(), "403 not_allowed");
}
