//! Groups, quotas, facts, guests and the list of people, over HTTP: what members may see, and what a commit settles.
//! The rules themselves are tried in the domain's tables.

use crate::harness::server::slotwise;
use crate::harness::{Ask, Reply, World};
use serde_json::{Value, json};
use uuid::Uuid;

fn put_facts(w: &World, who: &str, person: &str, version: u64, facts: &Value) -> Reply {
    let path = format!("/api/people/{}/facts", w.person(person).id);
    w.send(&Ask::new("PUT", &path).by(w.token(who)).header("if-match", version.to_string()).json(facts))
}

#[test]
fn a_term_is_one_edit() {
    let mut w = World::new(&["ann"]);
    let (start, end) = w.span("10:00-11:00");
    let term = w.resource("term", json!({ "kind": "group", "policy": { "book_by": { "elapsed_s": 3600 } } }));
    w.forget_room("term");
    let section = |own: Value| json!({ "kind": "section", "capacity": 2, "interval": { "start": start, "end": end }, "group": term, "policy": own });
    w.resource("algebra", section(json!({})));
    let own = w.resource("chess", section(json!({ "closed": false })));
    let algebra = w.id("algebra").to_owned();
    let read = |w: &World, id: &str| w.read("ann", &format!("/api/resources/{id}"));
    assert_eq!(read(&w, &algebra)["policy"]["book_by"], json!({ "elapsed_s": 3600 }));
    assert_eq!((&read(&w, &own)["policy_own"], &read(&w, &algebra)["policy_own"]), (&json!(["closed"]), &json!([])));
    assert_eq!(read(&w, &own)["group"], json!(term));
    w.check(&format!(
        r#"ann POST /api/bookings algebra                                          -> 201 BOOKED
           ann POST /api/bookings {{"lines": [{{"resource": "{term}"}}]}}          -> 422 REJECTED invalid
           ann PATCH /api/resources/{term} if 1 {{"policy": {{"closed": true}}}}   -> 403 REJECTED not_allowed
           root PATCH /api/resources/{term} if 1 {{"policy": {{"closed": true}}}}  -> 200 ACCEPTED
           root PATCH /api/resources/{term} if 1 {{"policy": {{}}}}                -> 412 FAILED version_stale
           root PATCH /api/resources/{algebra} if 1 {{"capacity": 3}}              -> 412 FAILED version_stale
           ann POST /api/bookings algebra                                          -> 409 REJECTED closed
           ann POST /api/bookings chess                                            -> 201 BOOKED"#
    ));
    assert_eq!(read(&w, &algebra)["policy_version"], 2);
    assert_eq!((&read(&w, &own)["policy_version"], &read(&w, &own)["policy"]["closed"]), (&json!(2), &json!(false)));
    let names = |path: &str| -> Vec<String> {
        let page = w.read("ann", path);
        page["items"].as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&format!("/api/resources?group={term}")), ["algebra", "chess"]);
    assert_eq!(names("/api/resources?kind=group"), ["term"]);
    assert_eq!(names("/api/resources"), ["algebra", "chess"], "what cannot be booked is not among what can");
    // A restart makes the same of the record.
    w.kill_and_start_again();
    assert_eq!(w.read("ann", &format!("/api/resources/{algebra}"))["policy"]["closed"], true);
}

#[test]
fn a_group_has_no_capacity_and_no_time() {
    let w = World::new(&[]);
    let (start, end) = w.span("10:00-11:00");
    let said = |body: Value| {
        let reply = w.send(&w.change("root", "POST", "/api/resources").json(&body));
        (reply.status, reply.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned())
    };
    let group = json!({ "kind": "group", "name": "Term", "zone": "UTC" });
    let with = |field: &str, value: Value| {
        let mut body = group.clone();
        body[field] = value;
        body
    };
    assert_eq!(said(with("capacity", json!(5))), (422, "capacity".into()));
    assert_eq!(said(with("seats", json!(5))), (422, "seats".into()));
    assert_eq!(said(with("interval", json!({ "start": start, "end": end }))), (422, "interval".into()));
    assert_eq!(said(with("group", json!(Uuid::nil()))), (422, "group".into()));
    assert_eq!(said(with("policy", json!({ "quota": { "most": 0, "period": "day" } }))), (422, "policy.quota".into()));
    assert_eq!(said(with("policy", json!({ "eligibility": [{}] }))), (422, "policy.eligibility".into()));
    assert_eq!(
        said(with("policy", json!({ "eligibility": [{ "all": ["a b"] }] }))),
        (422, "policy.eligibility".into())
    );
    assert_eq!(said(with("policy", json!({ "qouta": 3 }))).0, 422);
}

// Scenario 7: one person, many devices, one a day across rooms.
#[test]
fn a_quota_holds_under_a_race() {
    let mut w = World::new(&["ann"]);
    let policy = json!({ "quota": { "most": 1, "period": "day", "scope": "group" } });
    let studio = w.resource("studio", json!({ "kind": "group", "policy": policy }));
    w.forget_room("studio");
    for room in ["one", "two", "three"] {
        w.resource(room, json!({ "group": studio }));
    }
    let asks: Vec<Ask> = (0..30)
        .map(|n| w.book("ann", ["one", "two", "three"][n % 3], &format!("{:02}:00-{:02}:30", 8 + n / 3, 8 + n / 3), 1))
        .collect();
    let replies = w.race(&asks);
    assert_eq!(replies.iter().filter(|r| r.told() == "201 BOOKED").count(), 1);
    assert_eq!(replies.iter().filter(|r| r.told() == "409 REJECTED quota_exceeded").count(), 29);
    let refused = replies.iter().find(|r| r.status == 409).unwrap().json();
    assert_eq!((&refused["witness"]["kind"], &refused["witness"]["rule"]), (&json!("quota"), &json!("quota")));
    assert_eq!((&refused["witness"]["counted"], &refused["witness"]["most"]), (&json!(1), &json!(1)));
    assert!(refused["detail"].as_str().unwrap().starts_with("1 may be booked per person from"), "{refused}");
    // An allowance stands in its place, from the next decision on.
    let facts = json!({ "allowances": { &studio: 2 } });
    assert_eq!(put_facts(&w, "root", "ann", 0, &facts).status, 200);
    assert_eq!(w.send(&w.book("ann", "one", "20:00-20:30", 1)).told(), "201 BOOKED");
    assert_eq!(w.send(&w.book("ann", "two", "21:00-21:30", 1)).told(), "409 REJECTED quota_exceeded");
    w.sweep();
}

#[test]
fn facts_are_for_admins_and_say_who_is_eligible() {
    let mut w = World::new(&["ann", "bob"]);
    w.resource("gym", json!({ "capacity": 9, "policy": { "eligibility": [{ "any": ["member:gold", "staff"] }, { "none": ["hold:*"] }] } }));
    let refused = w.send(&w.book("ann", "gym", "10:00-11:00", 1));
    assert_eq!(refused.told(), "403 REJECTED not_eligible");
    let refused = refused.json();
    assert_eq!((&refused["witness"]["kind"], &refused["witness"]["place"]), (&json!("requirement"), &json!(0)));
    assert!(refused["detail"].as_str().unwrap().contains("one of member:gold, staff"), "{refused}");
    let found = w.read("ann", &format!("/api/search?start={}&end={}", w.at("10:00"), w.at("11:00")));
    assert_eq!(
        (&found["items"][0]["free"], &found["items"][0]["reason"]["code"]),
        (&json!(false), &json!("not_eligible")),
        "{found}"
    );
    let gold = json!({ "tags": ["member:gold"] });
    assert_eq!(put_facts(&w, "ann", "ann", 0, &gold).status, 403);
    assert_eq!(w.get("ann", &format!("/api/people/{}/facts", w.person("ann").id)).status, 403);
    assert_eq!(put_facts(&w, "root", "ann", 0, &gold).json()["version"], 1);
    let stale = put_facts(&w, "root", "ann", 0, &json!({ "tags": ["hold:advisor"] }));
    assert_eq!(stale.status, 412);
    assert_eq!(
        (&stale.json()["yours"]["version"], &stale.json()["theirs"]["tags"]),
        (&json!(0), &json!(["member:gold"]))
    );
    assert_eq!(put_facts(&w, "root", "ann", 1, &json!({ "tags": ["a b"] })).status, 422);
    assert_eq!(w.send(&w.book("ann", "gym", "10:00-11:00", 1)).told(), "201 BOOKED");
    assert_eq!(put_facts(&w, "root", "ann", 1, &json!({ "tags": ["staff", "hold:fees"] })).status, 200);
    let refused = w.send(&w.book("ann", "gym", "12:00-13:00", 1));
    assert_eq!(
        (refused.told().as_str(), &refused.json()["witness"]["place"]),
        ("403 REJECTED not_eligible", &json!(1))
    );
    let nobody = Ask::get(&format!("/api/people/{}/facts", Uuid::nil())).by(w.token("root"));
    assert_eq!(w.send(&nobody).status, 404);
    w.kill_and_start_again();
    let facts = w.read("root", &format!("/api/people/{}/facts", w.person("ann").id));
    assert_eq!((&facts["tags"], &facts["version"]), (&json!(["hold:fees", "staff"]), &json!(2)));
}

#[test]
fn a_lecture_comes_with_its_discussion() {
    let mut w = World::new(&["ann"]);
    let section = |(start, end): &(String, String), linked: Value| {
        let interval = json!({ "start": start, "end": end });
        json!({ "kind": "section", "capacity": 9, "interval": interval, "linked": linked })
    };
    let (at10, at11) = (w.span("10:00-11:00"), w.span("11:00-12:00"));
    let lecture = w.resource("lecture", section(&at10, json!([])));
    let discussion = w.resource("discussion", section(&at11, json!([[lecture]])));
    let edit = json!({ "linked": [[discussion]] });
    let edited = w.change("root", "PATCH", &format!("/api/resources/{lecture}")).header("if-match", "1").json(&edit);
    assert_eq!(w.send(&edited).told(), "200 ACCEPTED");
    let book = |ids: &[&str]| {
        let lines: Vec<Value> = ids.iter().map(|id| json!({ "resource": id })).collect();
        w.send(&w.change("ann", "POST", "/api/bookings").json(&json!({ "lines": lines })))
    };
    let refused = book(&[&lecture]);
    assert_eq!(refused.told(), "403 REJECTED not_eligible");
    assert_eq!(refused.json()["detail"], "lecture is booked together with others: add discussion.");
    let both = book(&[&lecture, &discussion]);
    assert_eq!(both.told(), "201 BOOKED");
    let id = both.json()["booking"]["id"].as_str().unwrap().to_owned();
    let only = json!({ "lines": [{ "resource": lecture }] });
    let dropped = w.send(&w.change("ann", "POST", &format!("/api/bookings/{id}/move")).json(&only));
    assert_eq!(dropped.told(), "403 REJECTED not_eligible");
    assert_eq!(w.send(&w.cancel("ann", &id)).told(), "200 ACCEPTED");
}

/// Whatever is told of a private booking, to whom: nothing of it names its owner or what it is for.
#[test]
fn a_private_booking_is_busy_and_nothing_else_to_others() {
    let mut w = World::new(&["Gwendolyn", "bob", "cem"]);
    w.room("room");
    let room = w.id("room").to_owned();
    let ((start, end), cem) = (w.span("10:00-11:00"), w.person("cem").id.clone());
    let body = json!({ "lines": [{ "resource": room, "start": start, "end": end }], "title": "Interview", "purpose": "hiring",
                       "private": true, "guests": [{ "person": cem }, { "name": "Dora from outside" }] });
    let made = w.send(&w.change("Gwendolyn", "POST", "/api/bookings").json(&body));
    assert_eq!(made.told(), "201 BOOKED", "{}", made.text());
    let id = made.json()["booking"]["id"].as_str().unwrap().to_owned();
    let booking = format!("/api/bookings/{id}");
    let schedule = format!("/api/resources/{room}/schedule?from={}&to={}", w.at("00:00"), w.at("23:00"));
    let record = format!("/api/resources/{room}/record?after=1.0");
    let search = format!("/api/search?start={start}&end={end}");
    let others = format!("/api/alternatives?resource={room}&start={start}&end={end}");
    let secrets = ["Gwendolyn", "Interview", "hiring", "Dora"];
    for path in [&booking, &schedule, &record, &search, &others] {
        let told = w.get("bob", path);
        assert_eq!(told.status, 200, "{path}: {}", told.text());
        for secret in secrets {
            assert!(!told.text().contains(secret), "{path} tells {secret}: {}", told.text());
        }
    }
    assert_eq!(w.read("bob", &booking)["private"], true);
    assert_eq!(w.read("bob", &schedule)["items"][0]["private"], true);
    for room_id in [true, false] {
        let ask = match room_id {
            true => w
                .change("bob", "POST", "/api/room-bookings")
                .json(&json!({ "roomId": room, "start": start, "end": end })),
            false => w.book("bob", "room", "10:30-11:30", 1),
        };
        let refused = w.send(&ask);
        assert_eq!((refused.status, &refused.json()["witness"]["id"]), (409, &json!(id)), "{}", refused.text());
        assert!(secrets.iter().all(|secret| !refused.text().contains(secret)), "{}", refused.text());
        let again = w.get("bob", &format!("/api/attempts/{}", refused.json()["attempt"].as_str().unwrap()));
        assert!(secrets.iter().all(|secret| !again.text().contains(secret)), "{}", again.text());
    }
    assert_eq!(w.get("bob", &format!("{booking}/history")).status, 403);
    // Its guests and admins see it as its owner does.
    for who in ["Gwendolyn", "cem", "root"] {
        let inside = w.read(who, &booking);
        assert_eq!((&inside["title"], &inside["owner"]["name"]), (&json!("Interview"), &json!("Gwendolyn")), "{who}");
        assert_eq!(inside["guests"], json!([{ "person": cem }, { "name": "Dora from outside" }]));
        assert_eq!(w.read(who, &schedule)["items"][0]["title"], "Interview", "{who}");
        assert!(w.get(who, &record).text().contains("Gwendolyn"), "{who}");
    }
    assert_eq!(w.send(&w.book("cem", "room", "10:30-11:30", 1)).json()["witness"]["owner"], "Gwendolyn");
    // A guest sees, and changes nothing.
    let edit = |who: &str, body: Value| {
        let revision = w.read("root", &booking)["revision"].to_string();
        w.send(&w.change(who, "PATCH", &booking).header("if-match", revision).json(&body))
    };
    assert_eq!(edit("cem", json!({ "private": false })).told(), "403 REJECTED not_allowed");
    assert_eq!(edit("Gwendolyn", json!({ "private": false, "guests": [] })).told(), "200 ACCEPTED");
    let open = w.read("bob", &booking);
    assert_eq!((&open["owner"]["name"], &open["title"]), (&json!("Gwendolyn"), &Value::Null));
    assert_eq!(w.read("cem", &booking)["title"], Value::Null);
    let many: Vec<Value> = (0..101).map(|n| json!({ "name": format!("guest {n}") })).collect();
    assert_eq!(edit("Gwendolyn", json!({ "guests": many })).status, 422);
    w.kill_and_start_again();
    w.sweep();
}

#[test]
fn people_are_found_by_words_and_members_see_names_only() {
    let w = World::new(&["ann"]);
    let csv = "external_id,name,title,email,tags\nA1,Zoë Müller,Teacher,zoe@example.org,staff\nA2,Anna Muster,,,\n";
    let import = |who: &str, csv: &str, dry_run: bool| {
        w.send(&Ask::post("/api/people/import").by(w.token(who)).json(&json!({ "csv": csv, "dry_run": dry_run })))
    };
    assert_eq!(import("ann", csv, false).status, 403);
    assert_eq!(import("root", csv, true).json(), json!({ "dry_run": true, "made": 2, "changed": 0, "same": 0 }));
    let names = |who: &str, query: &str| -> Vec<Value> {
        w.read(who, &format!("/api/people?q={query}"))["items"].as_array().unwrap().clone()
    };
    assert!(names("ann", "muller").is_empty());
    assert_eq!(import("root", csv, false).json(), json!({ "dry_run": false, "made": 2, "changed": 0, "same": 0 }));
    assert_eq!(import("root", csv, false).json(), json!({ "dry_run": false, "made": 0, "changed": 0, "same": 2 }));
    let found = names("ann", "MULLER%20zo");
    let keys: Vec<&str> = found[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((found.len(), keys), (1, vec!["id", "name", "title"]));
    assert_eq!(names("root", "teach")[0]["email"], "zoe@example.org");
    let page = w.read("ann", "/api/people?q=mu&limit=1");
    assert_eq!(page["items"][0]["name"], "Anna Muster");
    let next = page["next"].as_str().unwrap().replace(' ', "%20");
    let page = w.read("ann", &format!("/api/people?q=mu&limit=1&after={next}"));
    assert_eq!((&page["items"][0]["name"], &page["next"]), (&json!("Zoë Müller"), &Value::Null));
    let id = page["items"][0]["id"].as_str().unwrap();
    assert_eq!(w.read("root", &format!("/api/people/{id}/facts"))["tags"], json!(["staff"]));
    let wrong = import("root", "external_id,name,role\nA1,Zoë,teacher\nA9,Nina,member\n", false);
    assert_eq!(
        (wrong.status, &wrong.json()["errors"][0]["field"]),
        (422, &json!("csv line 2 column role")),
        "{}",
        wrong.text()
    );
    assert!(names("ann", "nina").is_empty(), "one wrong line, and nobody is made");
    let none = Ask::get("/api/people?q=a");
    assert_eq!(w.send(&none).status, 401);
}

#[test]
fn people_are_imported_from_the_command_line_while_the_server_runs() {
    let w = World::new(&["ann"]);
    let (file, data) = (w.home.file("people.csv"), w.home.data());
    let run = |more: &[&str]| {
        let args = [&["import", "people", file.to_str().unwrap(), "--data", data.to_str().unwrap()], more].concat();
        let out = slotwise(&args).output().unwrap();
        (out.status.success(), String::from_utf8(out.stdout).unwrap() + &String::from_utf8(out.stderr).unwrap())
    };
    std::fs::write(&file, "external_id,name,tags\nS1,Ida,major:cs;passed:MATH20A\nS2,Jon,\n").unwrap();
    assert_eq!(
        run(&["--dry-run"]),
        (true, "nothing was done; it would be: 2 made, 0 changed, 0 as they were\n".into())
    );
    assert_eq!(run(&[]), (true, "2 made, 0 changed, 0 as they were\n".into()));
    std::fs::write(&file, "external_id,name,tags\nS1,Ida,major:cs\nS2,Jon,\n").unwrap();
    assert_eq!(run(&[]), (true, "0 made, 1 changed, 1 as they were\n".into()));
    assert_eq!(w.read("ann", "/api/people?q=ida")["items"][0]["name"], "Ida");
    std::fs::write(&file, "external_id,name,role\nS1,Ida,boss\nS3,,\n").unwrap();
    let (done, said) = run(&[]);
    assert!(!done && said.contains("line 2, column role: must be member, manager, auditor or admin"), "{said}");
    assert!(said.contains("line 3, column name: is missing"), "{said}");
}

// Nobody waits for a person to be let in again, and whoever is has what was free and theirs all along.
#[test]
fn who_is_let_in_again_has_their_turn() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    let (start, end) = w.span("10:00-11:00");
    let interval = json!({ "start": start, "end": end });
    w.resource("algebra", json!({ "kind": "section", "capacity": 1, "interval": interval }));
    let seat = w.booked("ann", "algebra", "10:00-11:00", 1);
    let joined = w.send(&w.change("bob", "POST", "/api/waitlist").json(&json!({ "resource": w.id("algebra") })));
    let entry = joined.json()["entry"]["id"].as_str().unwrap().to_owned();
    let let_in = |w: &World, how: &str| {
        let path = format!("/api/people/{}/{how}", w.person("bob").id);
        assert_eq!(w.send(&Ask::post(&path).by(w.token("root"))).status, 204);
    };
    let state = |w: &World| w.read("root", &format!("/api/waitlist/{entry}"))["state"].clone();
    let_in(&w, "suspend");
    assert_eq!(w.send(&w.cancel("ann", &seat)).told(), "200 ACCEPTED");
    assert_eq!(state(&w), json!("waiting"));
    let_in(&w, "restore");
    assert_eq!(state(&w), json!("promoted"));
    assert_eq!(w.send(&w.book("cat", "algebra", "10:00-11:00", 1)).told(), "409 REJECTED full");
}

// Whoever waits is judged like a newcomer, and has their turn as soon as they may have it, whichever way that is said.
#[test]
fn facts_that_come_let_somebody_have_their_turn() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    let (start, end) = w.span("10:00-11:00");
    let policy = json!({ "eligibility": [{ "none": ["hold:*"] }] });
    let interval = json!({ "start": start, "end": end });
    w.resource("algebra", json!({ "kind": "section", "capacity": 2, "interval": interval, "policy": policy }));
    let seats = [w.booked("ann", "algebra", "10:00-11:00", 1), w.booked("root", "algebra", "10:00-11:00", 1)];
    let join = |w: &World, who: &str| {
        w.send(&w.change(who, "POST", "/api/waitlist").json(&json!({ "resource": w.id("algebra") })))
    };
    let waits = |w: &World, who: &str| join(w, who).json()["entry"]["id"].as_str().unwrap().to_owned();
    let state = |w: &World, who: &str, id: &str| w.read(who, &format!("/api/waitlist/{id}"))["state"].clone();
    let (bobs, cats) = (waits(&w, "bob"), waits(&w, "cat"));
    for who in ["bob", "cat"] {
        assert_eq!(put_facts(&w, "root", who, 0, &json!({ "tags": ["hold:advisor"] })).status, 200);
    }
    for seat in &seats {
        assert_eq!(w.send(&w.cancel("root", seat)).told(), "200 ACCEPTED");
    }
    assert_eq!((state(&w, "bob", &bobs), state(&w, "cat", &cats)), (json!("waiting"), json!("waiting")));
    assert_eq!(put_facts(&w, "root", "bob", 1, &json!({})).status, 200);
    assert_eq!((state(&w, "bob", &bobs), state(&w, "cat", &cats)), (json!("promoted"), json!("waiting")));
    let csv = format!("id,name,tags\n{},cat,\n", w.person("cat").id);
    let import = |dry_run: bool| {
        let body = json!({ "csv": csv, "dry_run": dry_run });
        let reply = w.send(&w.change("root", "POST", "/api/people/import").json(&body));
        assert_eq!((reply.status, &reply.json()["changed"]), (200, &json!(1)), "{}", reply.text());
    };
    import(true);
    assert_eq!(state(&w, "cat", &cats), "waiting", "a dry run does nothing");
    import(false);
    assert_eq!(state(&w, "cat", &cats), "promoted");
    assert_eq!(put_facts(&w, "root", "ann", 0, &json!({ "tags": ["hold:advisor"] })).status, 200);
    assert_eq!(join(&w, "ann").told(), "403 REJECTED not_eligible");
    w.sweep();
}

#[test]
fn an_explanation_does_not_tell_whose_a_private_booking_is() {
    let mut w = World::new(&["annalena", "bob"]);
    w.room("blue");
    let (start, end) = w.span("10:00-11:00");
    let line = json!({ "resource": w.id("blue"), "start": start, "end": end });
    let private = json!({ "lines": [line], "title": "Interview", "private": true });
    assert_eq!(w.send(&w.change("annalena", "POST", "/api/bookings").json(&private)).told(), "201 BOOKED");
    let key = Uuid::now_v7();
    let ask = Ask::post("/api/bookings").by(w.token("bob")).key(key).json(&json!({ "lines": [line] }));
    assert_eq!(w.send(&ask).told(), "409 REJECTED full");
    let explained = |who: &str, query: &str| w.get(who, &format!("/api/attempts/{key}/explain{query}")).text();
    let bobs = explained("bob", "");
    assert!(bobs.contains("Somebody booked blue"), "{bobs}");
    assert!(!bobs.to_lowercase().contains("annalena") && !bobs.contains("Interview"), "{bobs}");
    let admins = explained("root", &format!("?actor={}", w.person("bob").id));
    assert!(admins.contains("Annalena booked blue"), "{admins}");
}

#[test]
fn an_admin_makes_keys_for_programs() {
    let mut w = World::new(&["ann"]);
    w.meet("cem", "Cem", "member");
    let path = |who: &str| format!("/api/people/{}/keys", w.person(who).id);
    let make = |who: &str, path: &str, body: Value| w.send(&Ask::post(path).by(w.token(who)).json(&body));
    let made = make("root", &path("cem"), json!({ "label": "nightly sync" }));
    assert_eq!((made.status, made.header("cache-control")), (201, Some("no-store")), "{}", made.text());
    let key = made.json()["key"].as_str().unwrap().to_owned();
    let speaks_for = |key: &str| w.send(&Ask::get("/api/me").by(key));
    assert_eq!(speaks_for(&key).json()["id"], json!(w.person("cem").id));
    // One more is another one, and the first goes on.
    let other = make("root", &path("cem"), json!({})).json()["key"].as_str().unwrap().to_owned();
    assert_ne!(key, other);
    assert_eq!((speaks_for(&key).status, speaks_for(&other).status), (200, 200));
    // Members make none, not even for themselves.
    assert_eq!(make("ann", &path("ann"), json!({})).told(), "403 not_allowed");
    // Nor does a key for whom it is: it would outlive itself.
    let root = w.read("root", "/api/me")["id"].as_str().unwrap().to_owned();
    assert_eq!(make("root", &format!("/api/people/{root}/keys"), json!({})).told(), "403 not_allowed");
    assert_eq!(make("root", &path("cem"), json!({ "label": "x".repeat(101) })).told(), "422 malformed");
    assert_eq!(make("root", &path("cem"), json!({ "role": "admin" })).told(), "422 malformed");
    assert_eq!(make("root", &format!("/api/people/{}/keys", Uuid::nil()), json!({})).told(), "404 not_found");
    // The secret is told once: it is not in the log, and ends with the person.
    let erased = make("root", &format!("/api/people/{}/erase", w.person("cem").id), json!({}));
    assert_eq!((erased.status, &erased.json()["keys"]), (200, &json!(3)), "{}", erased.text());
    assert_eq!((speaks_for(&key).status, speaks_for(&other).status), (401, 401));
    let log = w.server.log_with("/api/people/{id}/erase");
    assert!(!log.contains(&key) && !log.contains(&other));
}
