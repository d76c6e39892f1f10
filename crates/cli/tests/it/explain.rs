//! Explanations and dry runs: what a person, an admin and whoever has the folder are told of an attempt, and that none knows too much.
//! What is told is compared with what was answered then.

use crate::harness::http::Ask;
use crate::harness::server::slotwise;
use crate::harness::world::World;
use serde_json::{Value, json};
use std::process::Command;
use uuid::Uuid;

/// Shows somebody a room, and lets them book it by what they saw under a key of their own.
fn books_what_was_seen(w: &World, who: &str, room: &str, seen: &Value, key: Uuid) -> Value {
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": w.id(room), "start": start, "end": end });
    let seen = json!({ "epoch": seen["epoch"], "version": seen["version"], "as_of": seen["as_of"] });
    let ask = Ask::post("/api/bookings").by(w.token(who)).key(key);
    w.send(&ask.json(&json!({ "lines": [line], "seen": seen }))).json()
}

fn texts(explained: &Value) -> String {
    let sentences = explained["sentences"].as_array().unwrap().iter();
    sentences.map(|s| s["text"].as_str().unwrap().to_owned() + "\n").collect()
}

fn stdout(command: &mut Command) -> (bool, String, String) {
    let done = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (done.status.success(), text(&done.stdout), text(&done.stderr))
}

#[test]
fn shown_free_and_refused_is_explained() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    w.room("blue");
    w.room("green");
    // Bob looks; Ann is faster; something else happens that has nothing to do with it.
    let seen = w.read("bob", &format!("/api/resources/{}", w.id("blue")));
    let anns = w.booked("ann", "blue", "10:30-11:30", 1);
    w.booked("cem", "blue", "15:00-16:00", 1);
    let key = Uuid::now_v7();
    let refused = books_what_was_seen(&w, "bob", "blue", &seen, key);
    assert_eq!((&refused["outcome"], &refused["code"]), (&json!("REJECTED"), &json!("full")), "{refused}");

    let path = format!("/api/attempts/{key}/explain");
    let told = w.read("bob", &path);
    assert_eq!(
        (&told["state"], &told["outcome"], &told["code"]),
        (&json!("recorded"), &json!("REJECTED"), &json!("full"))
    );
    assert_eq!((&told["witness"], &told["detail"]), (&refused["witness"], &refused["detail"]), "{told}");
    assert_eq!(told["decided_at"], refused["decided_at"]);
    assert_eq!(told["asked"][0]["start"], w.at("10:00"), "{told}");
    let room = &told["resources"][0];
    assert_eq!((&room["screen"]["free"], &room["screen"]["version"]), (&json!(true), &seen["version"]), "{told}");
    assert!(room["screen"]["age_ms"].as_i64().unwrap() >= 0);
    assert_eq!(room["decided"]["version"], refused["decided"][0]["version"]);
    assert_eq!((room["steps"].as_array().unwrap().len(), &room["unrelated"]), (1, &json!(1)), "{told}");
    let step = &room["steps"][0];
    assert_eq!((&step["what"], &step["who"], &step["decisive"]), (&json!("booked"), &json!("ann"), &json!(true)));
    assert_eq!(
        (&step["after_screen"], &step["attempt"]),
        (&json!(true), &Value::Null),
        "another's key is not told: {step}"
    );
    let words = texts(&told);
    for expected in [
        "You asked to book",
        "showed blue free",
        "Ann booked blue",
        "after your screen was drawn",
        "refused: Room already booked by ann",
        "One other change of blue",
    ] {
        assert!(words.contains(expected), "{expected:?} is missing:\n{words}");
    }
    assert!(!words.contains("Cem"), "{words}");
    assert_eq!((&told["now"]["free"], &told["now"]["code"]), (&json!(false), &json!("full")));
    let instead = told["alternatives"].as_array().unwrap();
    assert!(instead.iter().any(|a| a["resource"]["name"] == "green"), "{told}");
    let (text, mermaid) = (told["diagram"]["text"].as_str().unwrap(), told["diagram"]["mermaid"].as_str().unwrap());
    assert!(text.contains("REJECTED full") && text.contains("Slotwise"), "{text}");
    assert!(mermaid.starts_with("sequenceDiagram\n") && mermaid.contains("P1--xP0"), "{mermaid}");

    // It is free again: the past stays as it was, and now is told anew.
    assert_eq!(w.send(&w.cancel("ann", &anns)).told(), "200 ACCEPTED");
    let later = w.read("bob", &path);
    assert_eq!((&later["resources"], &later["now"]["free"]), (&told["resources"], &json!(true)));
    // The same as text, from a server and from the folder, also after the server has ended.
    let got = w.send(&Ask::get(&path).by(w.token("bob")).header("accept", "text/plain"));
    assert_eq!(got.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(got.text().contains("showed blue free"), "{}", got.text());
    let asked = stdout(
        slotwise(&["explain", &key.to_string(), "--url", &w.server.url()]).env("SLOTWISE_API_KEY", w.token("bob")),
    );
    assert_eq!((asked.0, &asked.1), (true, &got.text()), "{}", asked.2);
    let read = stdout(slotwise(&["explain", &key.to_string(), "--data"]).arg(w.home.data()));
    for expected in ["bob asked to book", "bob's screen", "showed blue free", "Ann booked blue", "REJECTED full"] {
        assert!(read.0 && read.1.contains(expected), "{expected:?} is missing:\n{}{}", read.1, read.2);
    }
    let drawn = stdout(slotwise(&["explain", &key.to_string(), "--mermaid", "--data"]).arg(w.home.data()));
    assert!(drawn.1.starts_with("sequenceDiagram\n"), "{}", drawn.1);
}

/// Bob looks at a room, Ann is faster, Cem books another time of it, and Bob is refused: what he saw, what he was told, and the key.
fn refused(w: &mut World) -> (Value, Value, Uuid) {
    w.room("blue");
    w.room("green");
    w.booked("cem", "blue", "08:00-09:00", 1);
    let seen = w.read("bob", &format!("/api/resources/{}", w.id("blue")));
    w.booked("ann", "blue", "10:30-11:30", 1);
    w.booked("cem", "blue", "15:00-16:00", 1);
    let key = Uuid::now_v7();
    let told = books_what_was_seen(w, "bob", "blue", &seen, key);
    assert_eq!((&told["outcome"], &told["code"]), (&json!("REJECTED"), &json!("full")), "{told}");
    (seen, told, key)
}

fn explained(w: &World, who: &str, key: Uuid) -> Value {
    let bob = w.person("bob").id.clone();
    w.read(who, &format!("/api/attempts/{key}/explain?actor={bob}"))
}

#[test]
fn the_screen_is_told_as_it_was() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    let (seen, told, key) = refused(&mut w);
    let screen = explained(&w, "bob", key)["resources"][0]["screen"].clone();
    for field in ["epoch", "version", "as_of"] {
        assert_eq!(screen[field], seen[field], "{field}: {screen}");
    }
    assert_eq!(screen["free"], true);
    let at = |value: &Value| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let age = at(&told["decided_at"]).as_millisecond() - at(&seen["as_of"]).as_millisecond();
    assert!((screen["age_ms"].as_i64().unwrap() - age).abs() <= 1, "{screen}: {age}");
    // Whoever saw it taken and asked all the same is told that; whoever says nothing of a screen has none.
    let now = w.read("bob", &format!("/api/resources/{}", w.id("blue")));
    let key = Uuid::now_v7();
    books_what_was_seen(&w, "bob", "blue", &now, key);
    assert_eq!(explained(&w, "bob", key)["resources"][0]["screen"]["free"], false);
    w.check("bob POST /api/bookings blue 10:00-11:00 key blind -> 409 REJECTED full");
    let blind = explained(&w, "bob", w.keys["blind"]);
    assert_eq!(blind["resources"][0]["screen"], Value::Null);
    assert!(!texts(&blind).contains("screen"), "{}", texts(&blind));
}

#[test]
fn what_was_observed_and_what_was_decided_are_told_by_their_versions() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    let (_, told, key) = refused(&mut w);
    let room = explained(&w, "bob", key)["resources"][0].clone();
    let version = |of: &Value| (of["epoch"].clone(), of["version"].clone());
    assert_eq!(version(&room["observed"]), version(&told["observed"][0]), "{room}");
    assert_eq!(version(&room["decided"]), version(&told["decided"][0]), "{room}");
    assert!(room["observed"]["version"].as_u64() <= room["decided"]["version"].as_u64());
    // What was true then is told by the record as it was then, and under the rules of then.
    assert_eq!(room["policy_version"], 1);
    let edit = json!({ "policy": { "duration_max_s": 600 } });
    let path = format!("/api/resources/{}", w.id("blue"));
    assert_eq!(w.send(&w.change("root", "PATCH", &path).header("if-match", "1").json(&edit)).told(), "200 ACCEPTED");
    assert_eq!(explained(&w, "bob", key)["resources"][0], room, "what was decided stays as it was");
    let then = w.read("root", &format!("{path}?at={}", told["decided_at"].as_str().unwrap()));
    assert_eq!((&then["policy_version"], version(&then)), (&json!(1), version(&room["decided"])), "{then}");
}

#[test]
fn a_witness_is_told_as_far_as_whoever_asks_may_see_it() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    w.room("blue");
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": w.id("blue"), "start": start, "end": end });
    let private = json!({ "lines": [line], "title": "Interview", "private": true });
    assert_eq!(w.send(&w.change("ann", "POST", "/api/bookings").json(&private)).told(), "201 BOOKED");
    w.check("bob POST /api/bookings blue 10:00-11:00 key k -> 409 REJECTED full");
    let key = w.keys["k"];
    let told = explained(&w, "bob", key);
    assert_eq!(told["witness"]["kind"], "booking", "{told}");
    assert_eq!(told["witness"]["start"], start, "when it is taken is no secret: {told}");
    for secret in ["ann", "Interview"] {
        assert!(!told.to_string().contains(secret), "{secret}: {told}");
    }
    let all = explained(&w, "root", key);
    assert_eq!(all["resources"][0]["steps"][0]["who"], "ann", "{all}");
    assert!(all["detail"].as_str().unwrap().contains("ann"), "{all}");
}

#[test]
fn the_timeline_is_what_came_between_and_has_to_do_with_it() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    let (seen, told, key) = refused(&mut w);
    w.booked("cem", "blue", "17:00-18:00", 1);
    let room = explained(&w, "bob", key)["resources"][0].clone();
    // Before the screen was drawn, at another time, and after the decision: none of it is a step.
    let steps = room["steps"].as_array().unwrap();
    assert_eq!((steps.len(), &room["unrelated"], &room["more"]), (1, &json!(1), &json!(false)), "{room}");
    let step = &steps[0];
    assert_eq!(
        (&step["what"], &step["start"], &step["end"]),
        (&json!("booked"), &json!(w.at("10:30")), &json!(w.at("11:30")))
    );
    let number = |of: &Value| of["version"].as_u64().unwrap();
    assert!(number(&seen) < number(step) && number(step) <= number(&told["decided"][0]), "{step}");
    assert_eq!((&step["decisive"], &step["after_screen"]), (&json!(true), &json!(true)));
}

#[test]
fn what_is_free_instead_now_can_be_had_and_is_told_no_more_then() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    let (_, _, key) = refused(&mut w);
    let told = explained(&w, "bob", key);
    assert_eq!((&told["now"]["free"], &told["now"]["code"]), (&json!(false), &json!("full")), "{told}");
    let instead = told["alternatives"].as_array().unwrap();
    assert!(!instead.is_empty(), "{told}");
    let offered = |of: &Value| json!({ "resource": of["resource"]["id"], "start": of["start"], "end": of["end"] });
    let first = offered(&instead[0]);
    let booked = w.send(&w.change("bob", "POST", "/api/bookings").json(&json!({ "lines": [first] })));
    assert_eq!(booked.told(), "201 BOOKED", "{first}: {}", booked.text());
    let later = explained(&w, "bob", key);
    assert!(later["alternatives"].as_array().unwrap().iter().all(|of| offered(of) != first), "{later}");
    assert_eq!(later["resources"], told["resources"], "the past stays as it was");
}

#[test]
fn what_was_booked_explains_itself_and_what_is_not_known_says_so() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    let seen = w.read("ann", &format!("/api/resources/{}", w.id("blue")));
    let key = Uuid::now_v7();
    let booked = books_what_was_seen(&w, "ann", "blue", &seen, key);
    assert_eq!(booked["outcome"], "BOOKED", "{booked}");
    let path = format!("/api/attempts/{key}/explain");
    let told = w.read("ann", &path);
    assert_eq!((&told["outcome"], &told["command"]), (&json!("BOOKED"), &json!("book")), "{told}");
    let step = &told["resources"][0]["steps"][0];
    assert_eq!((&step["this_attempt"], &step["attempt"]), (&json!(true), &json!(key.to_string())), "{told}");
    assert!(texts(&told).contains("nothing stood in the way. BOOKED"), "{}", texts(&told));
    assert!(texts(&told).contains("the booking is confirmed"), "{}", texts(&told));
    // Others do not see it, admins do; a key that nobody used says so.
    let other = w.get("bob", &path);
    assert_eq!((other.status, &other.json()["state"]), (404, &json!("unknown")));
    let ann = w.person("ann").id.clone();
    assert_eq!(w.get("bob", &format!("{path}?actor={ann}")).told(), "403 not_allowed");
    let by_root = w.read("root", &format!("{path}?actor={ann}"));
    assert_eq!((&by_root["outcome"], &by_root["actor"]["name"]), (&json!("BOOKED"), &json!("ann")));
    assert!(texts(&by_root).contains("ann asked to book"), "{}", texts(&by_root));
    let nothing = w.get("ann", &format!("/api/attempts/{}/explain", Uuid::now_v7()));
    assert_eq!(nothing.status, 404);
    assert!(texts(&nothing.json()).contains("Nothing is known"), "{}", nothing.text());
    let old = Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1_600_000_000, 0));
    let old = w.get("ann", &format!("/api/attempts/{old}/explain")).json();
    assert_eq!(old["code"], "key_expired", "{old}");
    assert_eq!(w.send(&Ask::get(&path)).status, 401);
}

#[test]
fn a_holder_stays_unnamed_and_a_course_shows_no_names() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    let (start, end) = w.span("10:00-11:00");
    w.resource("algebra", json!({ "kind": "section", "capacity": 1, "interval": { "start": start, "end": end } }));
    w.check(
        "ann POST /api/holds blue 10:00-11:00                    -> 201 ACCEPTED
         bob POST /api/bookings blue 10:00-11:00 key held        -> 409 REJECTED held_by_other
         ann POST /api/bookings algebra                          -> 201 BOOKED
         bob POST /api/bookings algebra key full                 -> 409 REJECTED full",
    );
    for (key, what) in [("held", "held"), ("full", "booked")] {
        let told = w.get("bob", &format!("/api/attempts/{}/explain", w.keys[key]));
        let step = &told.json()["resources"][0]["steps"][0];
        assert_eq!(
            (&step["what"], &step["who"], &step["decisive"]),
            (&json!(what), &Value::Null, &json!(true)),
            "{}",
            told.text()
        );
        assert!(!told.text().to_lowercase().contains("ann"), "{}", told.text());
        let bob = w.person("bob").id.clone();
        let by_root = w.read("root", &format!("/api/attempts/{}/explain?actor={bob}", w.keys[key]));
        assert_eq!(by_root["resources"][0]["steps"][0]["who"], "ann");
    }
}

/// What an attempt is told, for comparison with its dry run.
fn real(w: &World, who: &str, command: &Value) -> (u64, Value) {
    let mut attempt = command.clone();
    attempt["key"] = json!(Uuid::now_v7().to_string());
    let ask = Ask::post("/api/attempts").by(w.token(who)).json(&json!({ "attempts": [attempt] }));
    let told = w.send(&ask).json()["attempts"][0].clone();
    (told["status"].as_u64().unwrap_or_default(), told)
}

#[test]
fn a_dry_run_is_what_one_then_gets_and_leaves_nothing() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    w.resource("late", json!({ "policy": { "book_by": { "elapsed_s": 40 * 86_400 } } }));
    w.resource("asked", json!({ "policy": { "approval": true } }));
    w.check("ann POST /api/bookings blue 09:00-10:00 as a -> 201 BOOKED");
    let line = |room: &str, span: &str| {
        let (start, end) = w.span(span);
        json!({ "resource": w.id(room), "start": start, "end": end })
    };
    let book = |room: &str, span: &str| json!({ "command": "book", "lines": [line(room, span)] });
    let civil = |clock: &str| format!("{}T{clock}", w.day);
    let commands = [
        ("bob", book("blue", "09:30-10:30")),
        ("bob", book("blue", "10:00-11:00")),
        ("bob", book("blue", "10:00-11:00")),
        ("bob", book("late", "10:00-11:00")),
        ("bob", book("asked", "10:00-11:00")),
        ("bob", json!({ "command": "cancel", "id": w.id_of("a") })),
        (
            "ann",
            json!({ "command": "move", "id": w.id_of("a"), "if_match": 7, "lines": [line("blue", "08:00-09:00")] }),
        ),
        ("ann", json!({ "command": "move", "id": w.id_of("a"), "lines": [line("blue", "08:00-09:00")] })),
        ("ann", json!({ "command": "hold", "resource": w.id("blue"), "start": w.at("12:00"), "end": w.at("13:00") })),
        ("root", json!({ "command": "cancel", "id": w.id_of("a") })),
        ("root", json!({ "command": "hand_over", "id": w.id_of("a"), "to": w.person("bob").id, "reason": "ill" })),
        ("bob", json!({ "command": "edit_booking", "id": w.id_of("a"), "if_match": 1, "title": "Later" })),
        ("root", json!({ "command": "cancel", "id": w.id_of("a"), "reason": "ill" })),
        ("ann", book("blue", "10:00-11:00")),
        (
            "bob",
            json!({ "command": "join_waitlist", "resource": w.id("blue"), "start": w.at("10:00"), "end": w.at("11:00"), "wants": "word" }),
        ),
        (
            "bob",
            json!({ "command": "book_series", "resource": w.id("blue"), "start": civil("10:00"), "end": civil("11:00"), "rule": "FREQ=DAILY;COUNT=2" }),
        ),
    ];
    for (who, command) in commands {
        let before = w.read("root", "/api/audit?limit=200")["items"].as_array().unwrap().len();
        let dry = w.send(&Ask::post("/api/attempts/dry-run").by(w.token(who)).json(&command));
        assert_eq!(dry.status, 200, "{command}: {}", dry.text());
        let dry = dry.json();
        let after = w.read("root", "/api/audit?limit=200")["items"].as_array().unwrap().len();
        assert_eq!(before, after, "a dry run leaves no attempt");
        let (status, did) = real(&w, who, &command);
        assert_eq!((&dry["status"], &dry["outcome"]), (&json!(status), &did["outcome"]), "{command}\n{dry}\n{did}");
        for field in ["code", "detail", "witness", "title", "alternatives"] {
            assert_eq!(dry[field], did[field], "{field} of {command}");
        }
        assert_eq!(dry["booking"]["lines"], did["booking"]["lines"], "{command}");
        assert_eq!(dry["booking"]["state"], did["booking"]["state"], "{command}");
        if did["outcome"] == "REJECTED" {
            assert_eq!(dry["bounds"]["versions"], did["decided"], "{command}");
        }
        assert!(!dry["bounds"]["deadlines"].as_array().unwrap().is_empty(), "{dry}");
    }
    let late = w.send(&Ask::post("/api/attempts/dry-run").by(w.token("bob")).json(&book("late", "10:00-11:00"))).json();
    let deadlines = late["bounds"]["deadlines"].as_array().unwrap();
    assert!(deadlines.iter().any(|d| d["what"] == "book_by" && d["passed"] == true), "{late}");
    let bad = json!({ "command": "book", "key": Uuid::now_v7().to_string(), "lines": [] });
    let refused = w.send(&Ask::post("/api/attempts/dry-run").by(w.token("bob")).json(&bad));
    assert_eq!((refused.status, &refused.json()["errors"][0]["field"]), (422, &json!("key")));
    w.sweep();
}

/// Whatever of a value is a name for machines, by where it stands.
fn names(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, of)| names(of, &format!("{at}.{name}"), found)),
        Value::Array(items) => items.iter().for_each(|of| names(of, at, found)),
        Value::String(text) if Uuid::try_parse(text).is_ok() => found.push((at.to_owned(), text.clone())),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[test]
fn a_dry_run_names_nothing_that_is_not_there() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    w.check("ann POST /api/bookings blue 09:00-10:00 as a -> 201 BOOKED");
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": w.id("blue"), "start": start, "end": end });
    let over = json!({ "reason": "The Dean comes.", "displaces": [] });
    let civil = |clock: &str| format!("{}T{clock}", w.day);
    let makes = [
        ("ann", json!({ "command": "book", "lines": [line] })),
        ("root", json!({ "command": "book", "lines": [line], "override": over })),
        ("ann", json!({ "command": "hold", "resource": w.id("blue"), "start": start, "end": end })),
        (
            "ann",
            json!({ "command": "book_series", "resource": w.id("blue"), "start": civil("10:00"), "end": civil("11:00"), "rule": "FREQ=DAILY;COUNT=2" }),
        ),
        (
            "bob",
            json!({ "command": "join_waitlist", "resource": w.id("blue"), "start": w.at("09:00"), "end": w.at("10:00"), "wants": "word" }),
        ),
    ];
    let known =
        [w.id("blue").to_owned(), w.person("ann").id.clone(), w.person("bob").id.clone(), w.person("root").id.clone()];
    for (who, command) in makes {
        let dry = w.send(&Ask::post("/api/attempts/dry-run").by(w.token(who)).json(&command)).json();
        assert_eq!(dry["status"], 201, "{command}: {dry}");
        let mut found = Vec::new();
        names(&dry, "", &mut found);
        found.retain(|(_, id)| !known.contains(id));
        assert!(found.is_empty(), "{command} would make {found:?}: {dry}");
    }
    // What is there keeps its name.
    let moves = json!({ "command": "move", "id": w.id_of("a"), "lines": [line] });
    let dry = w.send(&Ask::post("/api/attempts/dry-run").by(w.token("ann")).json(&moves)).json();
    assert_eq!((&dry["status"], &dry["booking"]["id"]), (&json!(200), &json!(w.id_of("a"))));
    // A key that could not send it is told so.
    let asked = json!({ "label": "a screen", "scopes": ["read"] });
    let path = format!("/api/people/{}/keys", w.person("ann").id);
    let made = w.send(&Ask::post(&path).by(w.token("root")).json(&asked));
    let reads = made.json()["key"].as_str().unwrap().to_owned();
    let dry =
        w.send(&Ask::post("/api/attempts/dry-run").by(&reads).json(&json!({ "command": "book", "lines": [line] })));
    let told = dry.json();
    assert_eq!((dry.status, &told["status"], &told["code"]), (200, &json!(403), &json!("scope_missing")), "{told}");
    assert_eq!((&told["outcome"], &told["booking"]), (&Value::Null, &Value::Null), "{told}");
    let sent = json!({ "attempts": [{ "key": Uuid::now_v7(), "command": "book", "lines": [line] }] });
    let sent = w.send(&Ask::post("/api/attempts").by(&reads).json(&sent));
    assert_eq!((sent.status, sent.code()), (403, "scope_missing".to_owned()));
    w.sweep();
}
