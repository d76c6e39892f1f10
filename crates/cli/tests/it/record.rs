//! The record read afterwards: what was shown is told again as of its version, whose a booking was at any instant, who asked what.
//! What is told is compared with what was answered then, byte for byte of its JSON.

use crate::harness::http::Ask;
use crate::harness::server::slotwise;
use crate::harness::world::World;
use serde_json::{Value, json};

/// SplitMix64: a run that fails once fails always.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Something somebody saw: who, the path with its query, and the answer.
type Picture = (&'static str, String, Value);

fn looks(w: &World, who: &'static str, room: &str) -> [Picture; 2] {
    let (from, to) = (w.at("00:00"), w.at("23:59"));
    let paths = [
        format!("/api/resources/{}?", w.id(room)),
        format!("/api/resources/{}/schedule?from={from}&to={to}&", w.id(room)),
    ];
    paths.map(|path| {
        let seen = w.read(who, path.trim_end_matches(['?', '&']));
        (who, path, seen)
    })
}

fn acts(w: &mut World, chance: &mut Chance, bookings: &mut Vec<(&'static str, String)>) {
    const PEOPLE: [&str; 3] = ["ann", "bob", "root"];
    let who = *chance.one(&PEOPLE);
    let room = *chance.one(&["blue", "hall", "asked"]);
    let hour = 8 + chance.below(10);
    let span = format!("{hour:02}:00-{:02}:30", hour + chance.below(2));
    let title = format!("Title {}", chance.below(1_000));
    match chance.below(10) {
        0..4 => {
            let made = w.go(&format!("{who} POST /api/bookings {room} {span} title {}", title.replace(' ', "_")));
            if let Some(id) = made.json()["booking"]["id"].as_str() {
                bookings.push((who, id.to_owned()));
            }
        }
        4 => drop(w.go(&format!("{who} POST /api/holds {room} {span}"))),
        5 if !bookings.is_empty() => {
            let (owner, id) = chance.one(bookings).clone();
            drop(w.send(&w.cancel(owner, &id)));
        }
        6 if !bookings.is_empty() => {
            let (owner, id) = chance.one(bookings).clone();
            let revision = w.read("root", &format!("/api/bookings/{id}"))["revision"].clone();
            drop(w.go(&format!(r#"{owner} PATCH /api/bookings/{id} if {revision} {{"title": "{title}"}}"#)));
        }
        7 if !bookings.is_empty() => {
            let (owner, id) = chance.one(bookings).clone();
            let (start, end) = w.span(&span);
            let lines = json!({ "lines": [{ "resource": w.id(room), "start": start, "end": end }] });
            drop(w.send(&w.change(owner, "POST", &format!("/api/bookings/{id}/move")).json(&lines)));
        }
        8 if !bookings.is_empty() => {
            let (_, id) = chance.one(bookings).clone();
            drop(w.send(
                &w.change("root", "POST", &format!("/api/bookings/{id}/approve")).json(&json!({ "reason": title })),
            ));
        }
        _ => {
            let policy_version = w.read("root", &format!("/api/resources/{}", w.id(room)))["policy_version"].clone();
            let (start, end) = w.span("20:00-21:00");
            let block = json!({ "start": start, "end": end, "reason": title });
            let path = format!("/api/resources/{}/blocks", w.id(room));
            drop(w.send(&w.change("root", "POST", &path).header("if-match", policy_version.to_string()).json(&block)));
        }
    }
}

#[test]
fn what_was_shown_is_told_again() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    w.hall("hall", 3);
    w.resource("asked", json!({ "policy": { "approval": true, "hold_ttl_s": 1 } }));
    let mut chance = Chance(7);
    let (mut bookings, mut pictures) = (Vec::new(), Vec::new());
    for n in 0..120 {
        acts(&mut w, &mut chance, &mut bookings);
        if n % 3 == 0 {
            let (who, room) = (*chance.one(&["ann", "bob", "root"]), *chance.one(&["blue", "hall", "asked"]));
            pictures.extend(looks(&w, who, room));
        }
    }
    let again = |w: &World| {
        let mut filled = 0;
        for (who, path, seen) in &pictures {
            let (epoch, version, at) = (&seen["epoch"], &seen["version"], seen["as_of"].as_str().unwrap());
            let then = w.read(who, &format!("{path}at_version={epoch}.{version}&at={at}"));
            assert_eq!(&then, seen, "{who} {path} at {epoch}.{version}");
            let by_time = w.read(who, &format!("{path}at={at}"));
            assert_eq!(&by_time["version"], version, "{path} at {at}");
            filled += usize::from(seen["items"].as_array().is_some_and(|items| !items.is_empty()));
        }
        assert!(filled > 10, "only {filled} pictures show something");
    };
    again(&w);
    // The same from the disk alone.
    w.kill_and_start_again();
    again(&w);

    let blue = w.id("blue").to_owned();
    let path = |query: &str| format!("/api/resources/{blue}?{query}");
    assert_eq!(w.get("ann", &path("at=2020-01-01T00:00:00Z")).told(), "404 not_yet");
    assert_eq!(w.get("ann", &path("at=2199-01-01T00:00:00Z")).told(), "422 malformed");
    assert_eq!(w.get("ann", &path("at_version=1.99999")).told(), "404 no_version");
    assert_eq!(w.get("ann", &path("at_version=7.1")).told(), "404 no_version");
    assert_eq!(w.get("ann", &path("at_version=one")).told(), "422 malformed");
    w.sweep();
}

#[test]
fn whose_it_was_at_an_instant() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    w.check("ann POST /api/bookings blue 10:00-11:00 as b -> 201 BOOKED");
    let made_at = w.saved["b"]["decided_at"].as_str().unwrap().to_owned();
    w.check(
        r#"ann PATCH /api/bookings/@b if 1 {"title": "Two"}         -> 200 ACCEPTED
           ann POST /api/bookings/@b/cancel {"reason": "ill"}       -> 200 ACCEPTED"#,
    );
    let path = format!("/api/bookings/{}/history", w.id_of("b"));
    let steps = w.read("ann", &path)["steps"].clone();
    let then = |at: &Value| w.read("root", &format!("{path}?at={}", at.as_str().unwrap()))["then"].clone();
    for (n, (state, revision)) in [("confirmed", 1), ("confirmed", 2), ("cancelled", 3)].into_iter().enumerate() {
        let then = then(&steps[n]["decided_at"]);
        assert_eq!((&then["state"], &then["revision"]), (&json!(state), &json!(revision)), "{then}");
        assert_eq!((&then["owner"]["name"], &then["lines"][0]["start"]), (&json!("ann"), &json!(w.at("10:00"))));
    }
    let before = w.read("ann", &format!("{path}?at=2020-01-01T00:00:00Z"));
    assert_eq!((&before["then"], before["steps"].as_array().unwrap().len()), (&Value::Null, 0));
    assert_eq!(steps[0]["decided_at"], made_at.as_str());
    assert_eq!(w.get("bob", &path).told(), "403 not_allowed");
}

#[test]
fn who_asked_what_is_on_record() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("blue");
    w.room("green");
    w.check(
        r#"ann POST /api/bookings blue 10:00-11:00 key won title =1+1 as a  -> 201 BOOKED
           bob POST /api/bookings blue 10:00-11:00 key lost                 -> 409 REJECTED full
           bob POST /api/bookings green 10:00-11:00                         -> 201 BOOKED
           ann POST /api/bookings/@a/cancel {"reason": "=cmd, \"quoted\""}  -> 200 ACCEPTED
           bob GET /api/audit                                               -> 403 not_allowed
           root GET /api/audit?code=nothing                                 -> 422 malformed
           root GET /api/audit?outcome=booked                               -> 422 malformed
           root GET /api/audit?limit=0                                      -> 422 malformed"#,
    );
    let list = |query: &str| w.read("root", &format!("/api/audit?{query}"))["items"].as_array().unwrap().clone();
    let told = |items: &[Value]| {
        let told =
            items.iter().map(|i| format!("{} {}", i["command"].as_str().unwrap(), i["outcome"].as_str().unwrap()));
        told.collect::<Vec<_>>()
    };
    let (ann, bob, blue) = (&w.person("ann").id, &w.person("bob").id, w.id("blue"));
    let all = list("");
    let expected = [
        "cancel ACCEPTED",
        "book BOOKED",
        "book REJECTED",
        "book BOOKED",
        "create_resource ACCEPTED",
        "create_resource ACCEPTED",
    ];
    assert_eq!(told(&all), expected);
    assert_eq!(told(&list(&format!("actor={bob}"))), ["book BOOKED", "book REJECTED"]);
    assert_eq!(told(&list(&format!("person={ann}&resource={blue}"))), ["cancel ACCEPTED", "book BOOKED"]);
    assert_eq!(told(&list("code=full")), ["book REJECTED"]);
    assert_eq!(told(&list("outcome=BOOKED")), ["book BOOKED", "book BOOKED"]);
    assert_eq!(list("code=full")[0]["attempt"], w.keys["lost"].to_string());
    assert_eq!(list("code=full")[0]["actor"]["name"], "bob");
    assert_eq!(list("actor=system"), Vec::<Value>::new());
    let third = all[2]["decided_at"].as_str().unwrap();
    assert_eq!(told(&list(&format!("from={third}"))), expected[..3]);
    assert_eq!(told(&list(&format!("to={third}"))), expected[3..]);
    // Page by page it is the same.
    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = w.read("root", &format!("/api/audit?limit=1{after}"));
        pages.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(pages, all);
    // As a table: each change a row, no formula, and what is quoted stays one cell.
    let got = w.send(&Ask::get("/api/audit").by(w.token("root")).header("accept", "text/csv"));
    assert!(got.header("content-type").unwrap().starts_with("text/csv"), "{:?}", got.headers);
    let table = got.text();
    assert!(table.contains("\"'=cmd, \"\"quoted\"\"\""), "{table}");
    assert!(table.contains("REJECTED,full"), "{table}");
}

/// Whether any file of the data folder holds these bytes.
fn holds(w: &World, text: &str) -> Vec<String> {
    let files = std::fs::read_dir(w.home.data()).unwrap().map(|f| f.unwrap().path());
    let with = files.filter(|f| std::fs::read(f).unwrap().windows(text.len()).any(|part| part == text.as_bytes()));
    with.map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_person_is_forgotten_and_the_record_holds() {
    let mut w = World::new(&["bob"]);
    w.meet("ann", "Annalena Musterfrau", "member");
    w.room("blue");
    w.room("green");
    w.check(
        r#"ann POST /api/bookings blue 10:00-11:00 title Eheberatung key won as a      -> 201 BOOKED
           ann PATCH /api/bookings/@a if 1 {"purpose": "Unterlagen-4711"}               -> 200 ACCEPTED
           ann POST /api/bookings green 10:00-11:00 title Steuerfrage as g              -> 201 BOOKED
           ann POST /api/bookings/@g/cancel                                             -> 200 ACCEPTED
           bob POST /api/bookings blue 13:00-14:00 title Mathe as b                     -> 201 BOOKED
           bob POST /api/bookings blue 10:00-11:00 key lost                             -> 409 REJECTED full "Annalena"
           bob POST /api/people/@ann/erase                                              -> 403 not_allowed
           root POST /api/people/@root/erase                                            -> 403 not_allowed
           root POST /api/people/@blue/erase                                            -> 404 not_found"#,
    );
    let ann = w.person("ann").id.clone();
    let csv = format!(
        "id,external_id,name,email,tags\n{ann},Matrikel-0815,Annalena,post-0815@example.org,hold:Schulden-0815\n"
    );
    let imported = w.send(&w.change("root", "POST", "/api/people/import").json(&json!({ "csv": csv })));
    assert_eq!((imported.status, &imported.json()["changed"]), (200, &json!(1)), "{}", imported.text());
    assert_eq!(w.read("ann", "/api/me/address")["email"], "post-0815@example.org", "it is written to there");
    for word in ["Eheberatung", "Matrikel-0815", "post-0815", "Schulden-0815"] {
        assert!(!holds(&w, word).is_empty(), "the test looks where {word} is");
    }
    let erased = w.go("root POST /api/people/@ann/erase");
    assert_eq!(
        (erased.status, &erased.json()["bookings"], &erased.json()["keys"]),
        (200, &json!(2), &json!(1)),
        "{}",
        erased.text()
    );
    let looks = |w: &World| {
        // Nobody any more, and what they had is somebody's, with nothing written in it.
        assert_eq!(w.get("ann", "/api/me").status, 401);
        let booking = w.read("root", &format!("/api/bookings/{}", w.id_of("a")));
        assert_eq!(
            (&booking["owner"], &booking["title"], &booking["purpose"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
        assert_eq!(booking["state"], "confirmed", "what was decided stays: {booking}");
        let blue = w.id("blue");
        let ann = &w.person("ann").id;
        let everything = [
            format!("/api/bookings/{}/history", w.id_of("a")),
            format!("/api/resources/{blue}/schedule?from={}", w.at("00:00")),
            format!("/api/resources/{blue}/schedule?from={}&at_version=1.3", w.at("00:00")),
            format!("/api/attempts/{}/explain?actor={ann}", w.keys["won"]),
            format!("/api/attempts/{}/explain?actor={}", w.keys["lost"], w.person("bob").id),
            "/api/audit".to_owned(),
        ];
        for path in everything {
            let told = w.get("root", &path);
            assert_eq!(told.status, 200, "{path}: {}", told.text());
            for word in ["Annalena", "Eheberatung", "4711", "Steuerfrage"] {
                assert!(!told.text().contains(word), "{path} tells {word}: {}", told.text());
            }
        }
        let refused = w.read("root", &format!("/api/attempts/{}/explain?actor={}", w.keys["lost"], w.person("bob").id));
        assert!(refused["sentences"].to_string().contains("Somebody booked blue"), "{refused}");
        let bobs = w.read("bob", &format!("/api/bookings/{}", w.id_of("b")));
        assert_eq!(bobs["title"], "Mathe", "others keep theirs");
    };
    looks(&w);
    assert_eq!(w.go("root POST /api/people/@ann/erase").status, 404);
    // Not in any file either, once the server has ended and its logs are copied; and the chain holds.
    w.server.terminate();
    assert!(w.server.ended_within(std::time::Duration::from_secs(20)).is_some());
    for word in ["Annalena", "annalena", "Eheberatung", "Unterlagen-4711", "Steuerfrage", "0815"] {
        assert_eq!(holds(&w, word), Vec::<String>::new(), "{word}");
    }
    let verified = slotwise(&["verify"]).arg(w.home.data()).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));
    // Tables that are made anew know no more.
    for suffix in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(w.home.data().join(format!("views.sqlite{suffix}"))));
    }
    w.start_again();
    looks(&w);
}

#[test]
fn what_was_made_private_since_is_private_in_every_version_of_it() {
    let mut w = World::new(&["ann", "bob", "cat"]);
    let cat = w.person("cat").id.clone();
    w.room("room");
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 title Arzt as a     -> 201 BOOKED
           bob POST /api/bookings room 11:00-12:00 title Offen         -> 201 BOOKED"#,
    );
    let then = format!("/api/resources/{}/schedule?from={}&at_version=1.3", w.id("room"), w.at("00:00"));
    let at_ten = |w: &World, who: &str| w.read(who, &then)["items"][0].clone();
    assert_eq!(at_ten(&w, "bob")["owner"], "ann");
    let edit = json!({ "private": true, "guests": [{ "person": cat }] });
    w.check(&format!("ann PATCH /api/bookings/@a if 1 {edit} -> 200 ACCEPTED"));
    // Under the rights that there are now: nobody else's, also of the time before, and those of whoever is invited since.
    let seen = at_ten(&w, "bob");
    assert_eq!(
        (&seen["owner"], &seen["title"], &seen["private"]),
        (&Value::Null, &Value::Null, &json!(true)),
        "{seen}"
    );
    for who in ["ann", "cat", "root"] {
        let seen = at_ten(&w, who);
        assert_eq!((&seen["owner"], &seen["title"]), (&json!("ann"), &json!("Arzt")), "{who}: {seen}");
    }
    assert_eq!(w.read("bob", &then)["items"][1]["owner"], "bob");
}
