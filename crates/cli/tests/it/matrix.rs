//! Every operation of the document × who asks × whose thing it is: who gets in, and who is turned away with nothing changed.
//! For whom an operation is, the document says (`x-access`), from the table beside the router; a new operation is tried as soon as it is there.

use crate::harness::node::Node;
use crate::harness::{Ask, Reply, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Who asks. Ann's are the things; Mia manages where they are, Max another room; Rex was suspended.
const ASKERS: [&str; 8] = ["nobody", "ann", "bob", "mia", "max", "root", "aud", "rex"];

/// Operations of which only an offer, or the right hour, makes more than a refusal.
const NEVER_DONE_HERE: [&str; 3] = ["accept_offer", "decline_offer", "check_in_booking"];
/// Operations that change what the matrix stands on, or close what it asks through, when they are carried out: whoever may is not tried.
const NOT_CARRIED_OUT: [&str; 3] = ["erase_person", "suspend_person", "put_role"];

struct Stage {
    w: World,
    quarter: i64,
    /// What Ann gives up again before she has another: nobody may have any number of them.
    undo: Option<(String, Value)>,
}

impl Stage {
    fn new() -> Stage {
        let mut w = World::new(&["ann", "bob", "mia", "max", "rex", "eve"]);
        w.meet("aud", "Aud", "auditor");
        let check_in = json!({ "opens_s": 900, "closes_s": 900 });
        let mine = w.resource("mine", json!({ "policy": { "check_in": check_in } }));
        let asks = w.resource("asks", json!({ "policy": { "approval": true } }));
        let full = w.resource("full", json!({ "policy": { "waitlist": { "mode": "book" } } }));
        let other = w.room("other");
        let role = |who: &str, over: &[&String]| {
            let path = format!("/api/people/{}/role", w.person(who).id);
            let body = json!({ "role": "manager", "manages": over });
            assert_eq!(w.send(&Ask::new("PUT", &path).by(w.token("root")).json(&body)).status, 204);
        };
        role("mia", &[&mine, &asks, &full]);
        role("max", &[&other]);
        let rex = format!("/api/people/{}/suspend", w.person("rex").id);
        assert_eq!(w.send(&Ask::post(&rex).by(w.token("root"))).status, 204);
        Stage { w, quarter: 0, undo: None }
    }

    /// A quarter of an hour that nobody has used.
    fn time(&mut self) -> (String, String) {
        self.quarter += 1;
        let at = |n: i64| {
            let minutes = jiff::SignedDuration::from_mins(n * 15);
            (self.w.at("00:00").parse::<jiff::Timestamp>().unwrap() + minutes).to_string()
        };
        (at(self.quarter), at(self.quarter + 1))
    }

    fn made(&self, who: &str, path: &str, body: &Value) -> Value {
        let reply = self.w.send(&self.w.change(who, "POST", path).json(body));
        assert_eq!(reply.status, 201, "{path}: {}", reply.text());
        reply.json()
    }

    fn booked(&mut self, who: &str, room: &str) -> String {
        let (start, end) = self.time();
        let line = json!({ "resource": self.w.id(room), "start": start, "end": end });
        self.made(who, "/api/bookings", &json!({ "lines": [line] }))["booking"]["id"].as_str().unwrap().to_owned()
    }

    /// A thing of Ann's that an operation may be asked of, and the body to ask with.
    fn thing(&mut self, operation: &str, path: &str) -> (String, Value) {
        if let Some((path, body)) = self.undo.take() {
            self.w.send(&self.w.change("ann", "POST", &path).json(&body));
        }
        let (start, end) = self.time();
        let bob = self.w.person("bob").id.clone();
        let id = match path.split('/').nth(2).unwrap_or_default() {
            "bookings" if path.contains("{id}") => match operation {
                "approve_booking" | "decline_booking" => self.booked("ann", "asks"),
                _ => self.booked("ann", "mine"),
            },
            "resources" => self.w.id("mine").to_owned(),
            "people" => {
                let eve = self.w.person("eve").id.clone();
                if operation == "withdraw_invitation" {
                    self.made("root", &format!("/api/people/{eve}/invitation"), &json!({ "email": "eve@example.org" }));
                }
                eve
            }
            "series" if path.contains("{id}") => {
                let (start, end) = self.time();
                let civil = |at: &str| at.trim_end_matches('Z').to_owned();
                self.quarter += 1;
                let body = json!({ "resource": self.w.id("mine"), "start": civil(&start), "end": civil(&end), "rule": "FREQ=YEARLY;COUNT=2" });
                self.made("ann", "/api/series", &body)["series"].as_str().unwrap().to_owned()
            }
            "waitlist" if path.contains("{id}") => {
                let (start, end) = self.time();
                let line = json!({ "resource": self.w.id("full"), "start": start, "end": end });
                self.made("bob", "/api/bookings", &json!({ "lines": [line] }));
                let id = self.made("ann", "/api/waitlist", &line)["entry"]["id"].as_str().unwrap().to_owned();
                self.undo = Some((format!("/api/waitlist/{id}/leave"), json!({})));
                id
            }
            "holds" if path.contains("{id}") => {
                let body = json!({ "resource": self.w.id("mine"), "start": start, "end": end });
                let hold = self.made("ann", "/api/holds", &body)["hold"].clone();
                let id = hold["id"].as_str().unwrap().to_owned();
                self.undo = Some((format!("/api/holds/{id}/release"), json!({ "token": hold["token"] })));
                id
            }
            _ => Uuid::now_v7().to_string(),
        };
        let line = json!({ "resource": self.w.id("mine"), "start": start, "end": end });
        let reason = json!({ "reason": "The matrix." });
        let body = match operation {
            "approve_booking" | "leave_waitlist" | "remove_block" => reason,
            "create_booking" => json!({ "lines": [line] }),
            "create_room_booking" => json!({ "roomId": self.w.id("mine"), "start": start, "end": end }),
            "create_hold" => line,
            "edit_booking" => json!({ "title": "Matrix", "reason": "The matrix." }),
            "move_booking" => json!({ "lines": [line], "reason": "The matrix." }),
            "swap_bookings" => json!({ "with": self.booked("ann", "mine"), "reason": "The matrix." }),
            "cancel_booking" | "decline_booking" | "close_resource" | "reopen_resource" | "cancel_series"
            | "end_hold" => reason,
            "set_hold" => {
                let until = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 60).unwrap();
                json!({ "until": until.to_string(), "reason": "The matrix." })
            }
            "hand_over_booking" => json!({ "to": bob, "reason": "The matrix." }),
            "create_resource" => json!({ "kind": "room", "name": "New", "zone": "UTC" }),
            "edit_resource" => json!({ "building": "Main" }),
            "add_block" => json!({ "start": start, "end": end, "reason": "The matrix." }),
            "set_capacity" => json!({ "to": 1, "reason": "The matrix." }),
            "preview_displacement" => json!({ "capacity": { "to": 1 } }),
            "edit_series" => json!({ "details": { "title": "Matrix" }, "reason": "The matrix." }),
            "move_series" => {
                let civil = |at: &str| at.trim_end_matches('Z').to_owned();
                json!({ "start": civil(&start), "end": civil(&end), "reason": "The matrix." })
            }
            "set_class" => json!({ "class": 1, "reason": "The matrix." }),
            "import_people" => json!({ "csv": "name\nNew\n", "dry_run": true }),
            "demo_sign_in" => json!({ "person": bob }),
            "send_crowd" => json!({ "resource": self.w.id("mine"), "people": 5 }),
            "put_role" => json!({ "role": "member" }),
            "invite" => json!({ "name": "New", "email": format!("{}@example.org", Uuid::now_v7().simple()) }),
            "invite_again" => json!({ "email": "eve@example.org" }),
            _ => json!({}),
        };
        (id, body)
    }

    /// The version that an edit names.
    fn seen(&self, path: &str, id: &str) -> Option<String> {
        let (of, field) = match path.split('/').nth(2)? {
            "resources" if path.contains("{id}") => (format!("/api/resources/{id}"), "policy_version"),
            "bookings" if path.contains("{id}") => (format!("/api/bookings/{id}"), "revision"),
            "people" => (format!("/api/people/{id}/facts"), "version"),
            _ => return Some("\"0\"".into()),
        };
        Some(format!("\"{}\"", self.w.get("root", &of).json()[field]))
    }

    fn ask(&self, who: &str, method: &str, path: &str, id: &str, body: &Value) -> Reply {
        let filled = path.replace("{id}", id).replace("{key}", id).replace("{block}", id);
        let query = if path == "/api/bookings" || path == "/api/waitlist" { "?owner=me" } else { "" };
        let mut ask = Ask::new(method, &format!("{filled}{}", if method == "GET" { query } else { "" }));
        if who != "nobody" {
            ask = ask.by(self.w.token(who));
        }
        if method != "GET" {
            ask = ask.key(Uuid::now_v7()).json(body);
            if let Some(seen) = self.seen(path, id) {
                ask = ask.header("if-match", seen);
            }
        }
        self.w.send(&ask)
    }
}

/// What may be: let in, turned away, or turned away as if nothing were there.
fn expected(who: &str, asker: &str, reads: bool) -> bool {
    match (who, asker) {
        ("anyone", _) => true,
        (_, "nobody" | "rex") => false,
        ("signed_in", "aud") => reads,
        ("signed_in", _) => true,
        ("concerned", "ann" | "mia" | "root") => true,
        ("concerned", "aud") => reads,
        ("manages", "mia" | "root") => true,
        ("looks", "root" | "aud") => true,
        ("admin", "root") => true,
        // What changes how people come in is done in a browser, and everybody here asks with a key.
        (_, _) => false,
    }
}

#[test]
fn every_operation_lets_in_whom_it_is_for_and_nobody_else() {
    let mut stage = Stage::new();
    let document = stage.w.send(&Ask::get("/api/openapi.json")).json();
    let (mut tried, mut wrong) = (BTreeMap::<&str, u32>::new(), Vec::new());
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let (method, id) = (method.to_uppercase(), operation["operationId"].as_str().unwrap());
            let who = operation["x-access"]["who"].as_str().unwrap_or_else(|| panic!("{id} says not for whom it is"));
            let scope = operation["x-access"]["scope"].as_str().unwrap();
            let has_thing = path.contains('{');
            for asker in ASKERS {
                let reads = scope == "read";
                let may = expected(who, asker, reads);
                if may && NOT_CARRIED_OUT.contains(&id) {
                    continue;
                }
                let (thing, body) = stage.thing(id, path);
                let reply = stage.ask(asker, &method, path, &thing, &body);
                let (status, told) = (reply.status, reply.told());
                let right = match (may, asker, who) {
                    _ if status >= 500 && !matches!((id, status), ("readyz", 503)) => false,
                    (true, _, "anyone") => status != 403,
                    (true, ..) => status != 401 && (status != 403 || !has_thing && told == "403 REJECTED not_allowed"),
                    (false, "nobody" | "rex", "demo") => matches!(status, 401 | 404),
                    (false, "nobody" | "rex", _) => status == 401,
                    (false, _, "demo") => matches!(status, 404 | 403),
                    // Auditors may say of themselves what nobody else is told.
                    (false, "aud", "signed_in") => {
                        status == 403
                            || (200..500).contains(&status) && told.starts_with("4")
                            || status < 300 && !told.contains("BOOKED")
                    }
                    (false, ..) if NEVER_DONE_HERE.contains(&id) => status >= 400,
                    (false, ..) => matches!(status, 403 | 404),
                };
                *tried.entry(if may { "let in" } else { "turned away" }).or_default() += 1;
                if !right {
                    wrong.push(format!(
                        "{asker} {method} {path} ({who}): {told} {}",
                        reply.text().chars().take(160).collect::<String>()
                    ));
                }
                // What is not there is not there for anybody, and never an error of ours.
                if has_thing {
                    let reply = stage.ask(asker, &method, path, &Uuid::now_v7().to_string(), &body);
                    let told = reply.told();
                    let right = match reply.status {
                        401 => asker == "nobody" || asker == "rex",
                        status => {
                            (400..500).contains(&status)
                                || id == "release_hold"
                                || (may && method == "GET")
                                || who == "admin" && may
                        }
                    };
                    *tried.entry("missing").or_default() += 1;
                    if !right {
                        wrong.push(format!("{asker} {method} {path} of nothing ({who}): {told}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried:?}:\n{}", wrong.len(), wrong.join("\n"));
    for (what, least) in [("let in", 300), ("turned away", 300), ("missing", 200)] {
        assert!(tried[what] >= least, "{tried:?}");
    }
}

/// What each of them may hear of Ann's private booking, her hold and her place in line.
#[test]
fn every_event_says_to_each_only_what_they_may_know() {
    let mut node = Node::start();
    let mut stage = Stage::new();
    let (mine, full) = (stage.w.id("mine").to_owned(), stage.w.id("full").to_owned());
    let listening = ["ann", "bob", "mia", "max", "root", "aud"];
    for who in listening {
        node.connect(&stage.w, who, who, &["websocket"]);
        for resource in [&mine, &full] {
            node.subscribe(who, resource, None);
        }
    }
    let hello = json!({ "do": "connect", "name": "rex", "url": stage.w.server.url(), "token": stage.w.token("rex"),
        "transports": ["websocket"], "upgrade": false });
    assert_eq!(node.call(hello).unwrap()["connected"], false, "who is suspended hears nothing");

    let (start, end) = stage.time();
    let line = json!({ "resource": mine, "start": start, "end": end });
    let made = stage.made("ann", "/api/bookings", &json!({ "lines": [line], "private": true, "title": "Secret" }));
    let booking = made["booking"]["id"].as_str().unwrap().to_owned();
    for who in listening {
        let told = node.event(who, "bookingCreated");
        let inside = ["ann", "mia", "root", "aud"].contains(&who);
        assert_eq!(told["booking"]["owner"].is_string(), inside, "{who}: {told}");
        assert_eq!(told["booking"]["mine"], who == "ann", "{who}: {told}");
        assert!(!told.to_string().contains("Secret"), "{who}: what is written inside is in no event: {told}");
    }
    let asked = stage.w.change("root", "POST", &format!("/api/bookings/{booking}/cancel"));
    assert_eq!(stage.w.send(&asked.json(&json!({ "reason": "The matrix." }))).status, 200);
    for who in listening {
        let told = node.event(who, "bookingCanceled");
        assert_eq!(told["booking"]["owner"].is_string(), ["ann", "mia", "root", "aud"].contains(&who), "{who}: {told}");
    }
    let (start, end) = stage.time();
    stage.made("ann", "/api/holds", &json!({ "resource": mine, "start": start, "end": end }));
    for who in listening {
        let told = node.event(who, "holdGranted");
        assert_eq!(
            (told["hold"]["mine"] == true, told["hold"]["id"].is_string()),
            (who == "ann", who == "ann"),
            "{who}: {told}"
        );
    }
    let (start, end) = stage.time();
    let line = json!({ "resource": full, "start": start, "end": end });
    stage.made("bob", "/api/bookings", &json!({ "lines": [line] }));
    stage.made("ann", "/api/waitlist", &line);
    for who in listening {
        let told = node.event(who, "waitlistJoined");
        let known = told.to_string().contains(&stage.w.person("ann").id);
        assert!(!known || ["ann", "mia", "root", "aud"].contains(&who), "{who}: {told}");
    }

    // A role that is taken away counts for who is listening already, within five seconds.
    let path = format!("/api/people/{}/role", stage.w.person("mia").id);
    let role = Ask::new("PUT", &path).by(stage.w.token("root")).json(&json!({ "role": "member" }));
    assert_eq!(stage.w.send(&role).status, 204);
    std::thread::sleep(std::time::Duration::from_secs(5));
    let (start, end) = stage.time();
    let line = json!({ "resource": mine, "start": start, "end": end });
    stage.made("ann", "/api/bookings", &json!({ "lines": [line], "private": true }));
    let is = |l: &Value| l["from"] == "mia" && l["event"] == "bookingCreated" && l["data"]["resource"] == mine;
    let told = node.wait(std::time::Duration::from_secs(20), is).unwrap();
    assert_eq!(told["data"]["booking"]["owner"], Value::Null, "{told}");
}
