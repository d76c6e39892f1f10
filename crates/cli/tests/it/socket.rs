//! Live events through the stock Socket.IO client: who hears what, in order, again after a break, and never more than they may.
//! Node and npm are needed; the client's version is in `tests/node`.

use crate::harness::node::Node;
use crate::harness::{Ask, World};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The ways a client may come.
const TRANSPORTS: [&[&str]; 3] = [&["websocket"], &["polling"], &["polling", "websocket"]];
/// Long enough for what is not to come.
const QUIET: Duration = Duration::from_millis(700);

fn version(told: &Value) -> (u64, u64) {
    (told["epoch"].as_u64().unwrap(), told["version"].as_u64().unwrap())
}

/// What a client keeps: messages that are newer by (epoch, version, part). Asserts that none is missing in between.
#[derive(Default)]
struct Fold {
    at: BTreeMap<String, (u64, u64, u64, u64)>,
    standing: BTreeMap<String, String>,
}

impl Fold {
    fn begin(&mut self, resource: &str, version: u64) {
        self.at.insert(resource.into(), (1, version, 1, 1));
    }

    #[track_caller]
    fn take(&mut self, event: &str, data: &Value) {
        let number = |name: &str| data[name].as_u64().unwrap();
        let resource = data["resource"].as_str().unwrap();
        let here = (number("epoch"), number("version"), number("part"), number("parts"));
        let at = self.at.get_mut(resource).unwrap_or_else(|| panic!("{resource} was not subscribed: {data}"));
        if (here.0, here.1, here.2) <= (at.0, at.1, at.2) {
            return;
        }
        let follows = if at.2 < at.3 { (at.0, at.1, at.2 + 1) } else { (at.0, at.1 + 1, 1) };
        assert_eq!((here.0, here.1, here.2), follows, "a gap: {event} {data}");
        *at = here;
        let id = || data["booking"]["id"].as_str().unwrap().to_owned();
        match event {
            "bookingCreated" => drop(self.standing.insert(id(), resource.into())),
            "bookingCanceled" => drop(self.standing.remove(&id())),
            _ => {}
        }
    }

    /// Takes everything until the version is reached.
    #[track_caller]
    fn until(&mut self, node: &mut Node, name: &str, resource: &str, version: u64) {
        while self.at[resource].1 < version || self.at[resource].2 < self.at[resource].3 {
            let next = node.wait(Duration::from_secs(20), |l| {
                l["from"] == name && l["data"]["resource"] == resource && l["data"]["version"].is_u64()
            });
            let next = next.unwrap_or_else(|| panic!("{name} waits for {version} and has {:?}", self.at[resource]));
            self.take(next["event"].as_str().unwrap(), &next["data"]);
        }
    }
}

/// The polling transport by hand, for what a well-behaved client never does.
struct Polling<'w> {
    w: &'w World,
    path: String,
    header: Option<(&'static str, String)>,
}

impl<'w> Polling<'w> {
    /// Opens a transport; an error is what was said instead.
    fn open(w: &'w World, header: Option<(&'static str, String)>) -> Result<Polling<'w>, String> {
        let mut polling = Polling { w, path: "/socket.io/?EIO=4&transport=polling".into(), header };
        let opened = w.send(&polling.ask("GET"));
        let hello = opened.text();
        let sid: Value = serde_json::from_str(hello.strip_prefix('0').unwrap_or_default()).map_err(|_| hello)?;
        polling.path = format!("{}&sid={}", polling.path, sid["sid"].as_str().unwrap());
        Ok(polling)
    }

    fn ask(&self, method: &str) -> Ask {
        self.header.iter().fold(Ask::new(method, &self.path), |ask, (name, value)| ask.header(name, value.as_str()))
    }

    fn say(&self, packet: &str) {
        let sent = self.w.send(&self.ask("POST").raw("text/plain", packet));
        assert_eq!(sent.status, 200, "{}", sent.text());
    }

    /// The packets that come next, as a well-behaved client takes them: pings are answered, not told. An end is told as `1`.
    fn hear(&self) -> Vec<String> {
        let heard = self.w.send(&self.ask("GET"));
        if heard.status != 200 {
            return vec!["1".into()];
        }
        let (pings, told): (Vec<String>, Vec<String>) =
            heard.text().split('\u{1e}').map(str::to_owned).partition(|packet| packet == "2");
        pings.iter().for_each(|_| self.say("3"));
        told
    }

    /// Hears until a packet begins so, at most ten times.
    #[track_caller]
    fn hear_until(&self, begins: &str) -> String {
        let found = (0..10).find_map(|_| self.hear().into_iter().find(|packet| packet.starts_with(begins)));
        found.unwrap_or_else(|| panic!("{begins} never came"))
    }
}

#[test]
fn a_socket_is_let_in_with_a_key_over_every_transport_and_refused_without() {
    let w = World::new(&["ann"]);
    let mut node = Node::start();
    for transports in TRANSPORTS {
        let name = transports.join("+");
        node.connect(&w, &name, "ann", transports);
        if transports.len() > 1 {
            // The upgrade may be done before the connection is told, or after.
            let used = |node: &mut Node| node.call(json!({ "do": "transport", "name": name })).unwrap();
            let since = Instant::now();
            while used(&mut node) != "websocket" {
                assert!(since.elapsed() < Duration::from_secs(10), "never upgraded");
                std::thread::sleep(Duration::from_millis(20));
            }
        } else {
            let used = node.call(json!({ "do": "transport", "name": name })).unwrap();
            assert_eq!(used, transports[0]);
        }
        for (n, token) in [None, Some("nonsense"), Some("")].into_iter().enumerate() {
            let mut hello = json!({ "do": "connect", "name": format!("{name}{n}"), "url": w.server.url(), "transports": transports });
            if let Some(token) = token {
                hello["token"] = json!(token);
            }
            let said = node.call(hello).unwrap();
            assert_eq!((&said["connected"], &said["message"]), (&json!(false), &json!("unauthenticated")), "{token:?}");
        }
    }
}

#[test]
fn a_handshake_from_another_sites_page_is_refused() {
    let w = World::with(&[], &["--demo"]);
    let connect = |name: &'static str, value: &str| match Polling::open(&w, Some((name, value.to_owned()))) {
        Ok(socket) => {
            socket.say("40");
            socket.hear_until("4")
        }
        Err(refused) => refused,
    };
    for (name, value) in [("origin", "http://evil.example"), ("origin", "null"), ("host", "evil.example")] {
        let told = connect(name, value);
        assert!(told.contains("forbidden_origin") || told.contains("/problems/"), "{name} {value}: {told}");
    }
    let ours = connect("origin", &w.server.url());
    assert!(ours.contains("unauthenticated"), "{ours}");
}

#[test]
fn subscribers_hear_of_bookings_and_holds_as_far_as_they_may() {
    let mut w = World::new(&["ann", "bob", "cem"]);
    w.room("room");
    w.room("else");
    let (start, end) = w.span("10:00-11:00");
    w.resource("course", json!({ "kind": "section", "capacity": 9, "interval": { "start": start, "end": end } }));
    let mut node = Node::start();
    for (who, transports) in ["ann", "bob", "root"].into_iter().zip(TRANSPORTS) {
        node.connect(&w, who, who, transports);
        for room in ["room", "course"] {
            let subscribed = node.subscribe(who, w.id(room), None);
            assert_eq!((&subscribed["version"], &subscribed["resync"]), (&json!(1), &json!(false)));
        }
    }
    node.connect(&w, "cem", "cem", &["websocket"]);
    w.check(
        r#"ann POST /api/bookings room 10:00-11:00 title Secret as b   -> 201 BOOKED
           ann PATCH /api/bookings/@b if 1 {"title": "Secret too"}     -> 200 ACCEPTED
           ann POST /api/bookings/@b/cancel                            -> 200 ACCEPTED
           ann POST /api/holds room 12:00-13:00 as h                   -> 201 ACCEPTED
           ann POST /api/holds/@h/renew hold h                         -> 200 ACCEPTED
           ann POST /api/holds/@h/release hold h                       -> 200 ACCEPTED
           ann POST /api/bookings course                               -> 201 BOOKED
           ann POST /api/bookings else 10:00-11:00                     -> 201 BOOKED"#,
    );
    for who in ["ann", "bob", "root"] {
        let mine = json!(who == "ann");
        let created = node.event(who, "bookingCreated");
        assert_eq!(
            (version(&created), &created["part"], &created["parts"]),
            ((1, 2), &json!(1), &json!(1)),
            "{created}"
        );
        assert_eq!(created["resource"], w.id("room"));
        let booking = &created["booking"];
        assert_eq!(
            (&booking["id"], &booking["owner"], &booking["mine"]),
            (&json!(w.id_of("b")), &json!("ann"), &mine),
            "{who}"
        );
        assert_eq!(
            (&booking["start"], &booking["end"], &booking["units"]),
            (&json!(w.at("10:00")), &json!(w.at("11:00")), &json!(1))
        );
        assert_eq!(version(&node.event(who, "bookingChanged")), (1, 3));
        assert_eq!(version(&node.event(who, "bookingCanceled")), (1, 4));
        for (event, number) in [("holdGranted", 5), ("holdRenewed", 6), ("holdReleased", 7)] {
            let told = node.event(who, event);
            assert_eq!((version(&told), &told["hold"]["mine"]), ((1, number), &mine), "{who} {event}");
            let id = if who == "ann" { json!(w.id_of("h")) } else { Value::Null };
            assert_eq!(told["hold"]["id"], id, "{who}: a hold is its holder's business: {told}");
        }
        // A course names nobody but to whom may know.
        let course = node.event(who, "bookingCreated");
        assert_eq!(course["resource"], w.id("course"));
        assert_eq!(
            course["booking"]["owner"],
            if who == "bob" { Value::Null } else { json!("ann") },
            "{who}: {course}"
        );
    }
    // The owner hears of what is theirs without subscribing; others hear nothing of what they did not ask for.
    assert_eq!(node.event("ann", "bookingCreated")["resource"], w.id("else"));
    let rest = node.rest(QUIET);
    let strays: Vec<&Value> = rest.iter().filter(|l| l["from"] != "ann" && l["data"]["version"].is_u64()).collect();
    assert!(strays.is_empty(), "{strays:?}");
    assert!(!rest.iter().any(|l| l["from"] == "cem" && !l["event"].as_str().unwrap().starts_with('$')), "{rest:?}");
}

#[test]
fn a_move_is_told_where_it_left_and_where_it_came() {
    let mut w = World::new(&["ann", "bob"]);
    let mut node = Node::start();
    w.room("room");
    w.room("other");
    for who in ["ann", "bob"] {
        node.connect(&w, who, who, &["websocket"]);
        for room in ["room", "other"] {
            node.subscribe(who, w.id(room), None);
        }
    }
    w.check(
        "ann POST /api/bookings room 10:00-11:00 as a            -> 201 BOOKED
         ann POST /api/bookings/@a/move room 10:30-12:00         -> 200 ACCEPTED
         bob POST /api/bookings/@a/move room 14:00-15:00         -> 403 REJECTED not_allowed
         root POST /api/bookings/@a/move other 12:00-13:00       -> 200 ACCEPTED",
    );
    for who in ["ann", "bob"] {
        let shifted = node.event(who, "bookingMoved");
        assert_eq!((version(&shifted), &shifted["resource"]), ((1, 3), &json!(w.id("room"))), "{shifted}");
        let booking = &shifted["booking"];
        let named = (&booking["id"], &booking["owner"], &booking["mine"], &booking["revision"], &booking["state"]);
        let expected = (&json!(w.id_of("a")), &json!("ann"), &json!(who == "ann"), &json!(2), &json!("confirmed"));
        assert_eq!(named, expected);
        let place = |p: &Value| (p["start"].clone(), p["end"].clone(), p["units"].clone());
        assert_eq!(place(booking), (json!(w.at("10:30")), json!(w.at("12:00")), json!(1)));
        assert_eq!(place(&booking["from"]), (json!(w.at("10:00")), json!(w.at("11:00")), json!(1)));
        // On the resource that it left, and on the one that it took; which is told first is open.
        let both = [node.event(who, "bookingMoved"), node.event(who, "bookingMoved")];
        let on = |room: &str| both.iter().find(|e| e["resource"] == w.id(room)).unwrap();
        let (left, came) = (on("room"), on("other"));
        assert_eq!((version(left), version(came)), ((1, 4), (1, 2)));
        assert_eq!((&left["booking"]["start"], &left["booking"]["units"]), (&Value::Null, &json!(0)), "{left}");
        assert_eq!(left["booking"]["from"]["end"], w.at("12:00"));
        assert_eq!(
            (&came["booking"]["start"], &came["booking"]["from"]["start"]),
            (&json!(w.at("12:00")), &Value::Null)
        );
        assert_eq!(left["attempt"], came["attempt"]);
    }
    w.sweep();
}

#[test]
fn what_is_written_in_a_booking_is_told_to_nobody() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let mut node = Node::start();
    for who in ["ann", "bob"] {
        node.connect(&w, who, who, &["websocket"]);
        node.subscribe(who, w.id("room"), None);
    }
    w.check("ann POST /api/bookings room 10:00-11:00 title Secret -> 201 BOOKED");
    for (who, mine) in [("ann", true), ("bob", false)] {
        let told = node.event(who, "bookingCreated");
        assert!(!told.to_string().contains("Secret"), "{told}");
        assert_eq!(told["booking"]["mine"], mine, "{told}");
    }
}

#[test]
fn a_conflict_is_told_to_the_losers_own_sockets_only() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    let mut node = Node::start();
    for (name, who) in [("ann", "ann"), ("bob", "bob"), ("bob2", "bob"), ("root", "root")] {
        node.connect(&w, name, who, &["websocket"]);
        node.subscribe(name, w.id("room"), None);
    }
    w.check(
        "ann POST /api/bookings room 10:00-11:00           -> 201 BOOKED
         bob POST /api/bookings room 10:30-11:30 key k     -> 409 REJECTED full",
    );
    for name in ["bob", "bob2"] {
        let told = node.event(name, "bookingConflict");
        assert_eq!(told["attempt"], w.keys["k"].to_string());
        assert_eq!((&told["outcome"], &told["code"]), (&json!("REJECTED"), &json!("full")), "{told}");
        assert_eq!(told["message"], "Room already booked by ann");
        assert_eq!((&told["resource"], &told["witness"]["owner"]), (&json!(w.id("room")), &json!("ann")));
        assert_eq!((&told["start"], &told["end"]), (&json!(w.at("10:00")), &json!(w.at("11:00"))), "{told}");
        assert!(told["alternatives"].as_str().is_some_and(|a| a.starts_with("/api/alternatives?")), "{told}");
    }
    w.check(
        "bob POST /api/holds room 12:00-13:00              -> 201 ACCEPTED
         ann POST /api/holds room 12:00-13:00              -> 409 REJECTED held_by_other
         ann POST /api/bookings room 08:00-07:00           -> 422 malformed",
    );
    let told = node.event("ann", "bookingConflict");
    assert_eq!(
        (&told["code"], &told["message"]),
        (&json!("held_by_other"), &json!("Another teacher is currently booking"))
    );
    assert!(!told.to_string().contains("bob"), "{told}");
    let strays: Vec<Value> = node.rest(QUIET).into_iter().filter(|l| l["event"] == "bookingConflict").collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[test]
fn subscribing_after_a_version_replays_what_came_since_in_order() {
    let mut w = World::new(&["ann", "bob"]);
    w.room("room");
    for hour in 8..18 {
        let id = w.booked("ann", "room", &format!("{hour:02}:00-{hour:02}:30"), 1);
        if hour % 2 == 0 {
            assert_eq!(w.send(&w.cancel("ann", &id)).told(), "200 ACCEPTED");
        }
    }
    let mut node = Node::start();
    for (n, transports) in TRANSPORTS.into_iter().enumerate() {
        let name = format!("s{n}");
        node.connect(&w, &name, "bob", transports);
        let subscribed = node.subscribe(&name, w.id("room"), Some((1, 1)));
        assert_eq!((version(&subscribed), &subscribed["resync"]), ((1, 16), &json!(false)), "{subscribed}");
        let mut fold = Fold::default();
        fold.begin(w.id("room"), 1);
        fold.until(&mut node, &name, w.id("room"), 16);
        assert_eq!(fold.standing.len(), 5);
    }
    // Nothing is told twice that was had, and what comes next follows.
    node.connect(&w, "late", "bob", &["websocket"]);
    assert_eq!(node.subscribe("late", w.id("room"), Some((1, 16)))["resync"], false);
    w.booked("ann", "room", "20:00-21:00", 1);
    assert_eq!(version(&node.event("late", "bookingCreated")), (1, 17));
    // What cannot be told from there is said.
    for after in [(2, 1), (0, 5), (1, 99)] {
        assert_eq!(node.subscribe("late", w.id("room"), Some(after))["resync"], true, "{after:?}");
    }
    // And the subscription counts all the same.
    w.booked("ann", "room", "21:00-22:00", 1);
    assert_eq!(version(&node.event("late", "bookingCreated")), (1, 18));
    let enough =
        json!({ "do": "ask", "name": "late", "event": "unsubscribe", "data": { "resources": [w.id("room")] } });
    node.call(enough).unwrap();
    w.booked("ann", "room", "22:00-23:00", 1);
    assert!(node.rest(QUIET).iter().all(|l| !(l["from"] == "late" && l["data"]["version"] == 19)));
}

#[test]
fn five_hundred_quick_changes_are_heard_without_a_gap_by_everybody() {
    let mut w = World::new(&["ann", "bob", "cem", "dan"]);
    w.hall("hall", 10_000);
    let mut node = Node::start();
    let mut folds = Vec::new();
    for (n, transports) in TRANSPORTS.into_iter().enumerate() {
        node.connect(&w, &format!("s{n}"), "bob", transports);
        node.subscribe(&format!("s{n}"), w.id("hall"), None);
        let mut fold = Fold::default();
        fold.begin(w.id("hall"), 1);
        folds.push(fold);
    }
    for round in 0..10 {
        let who = ["ann", "bob", "cem", "dan"];
        let asks: Vec<Ask> = (0..50).map(|n| w.book(who[n % 4], "hall", "10:00-11:00", 1)).collect();
        assert!(w.race(&asks).iter().all(|r| r.told() == "201 BOOKED"), "round {round}");
    }
    for (n, fold) in folds.iter_mut().enumerate() {
        fold.until(&mut node, &format!("s{n}"), w.id("hall"), 501);
        assert_eq!(fold.standing.len(), 500);
    }
    // Snapshot, then stream: whoever reads first and subscribes after what they read has no gap either.
    let read = w.read("cem", &format!("/api/resources/{}", w.id("hall")));
    w.booked("ann", "hall", "10:00-11:00", 1);
    node.connect(&w, "joined", "cem", &["websocket"]);
    node.subscribe("joined", w.id("hall"), Some(version(&read)));
    let mut fold = Fold::default();
    fold.begin(w.id("hall"), version(&read).1);
    fold.until(&mut node, "joined", w.id("hall"), 502);
}

#[test]
fn more_than_five_hundred_changes_behind_is_a_resync() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 10_000);
    for _ in 0..6 {
        let asks: Vec<Ask> = (0..100).map(|_| w.book("ann", "hall", "10:00-11:00", 1)).collect();
        assert!(w.race(&asks).iter().all(|r| r.told() == "201 BOOKED"));
    }
    let mut node = Node::start();
    node.connect(&w, "bob", "bob", &["websocket"]);
    let far = node.subscribe("bob", w.id("hall"), Some((1, 1)));
    assert_eq!((&far["resync"], version(&far)), (&json!(true), (1, 601)));
    // Exactly five hundred can be told.
    node.connect(&w, "near", "bob", &["websocket"]);
    assert_eq!(node.subscribe("near", w.id("hall"), Some((1, 101)))["resync"], false);
    let mut fold = Fold::default();
    fold.begin(w.id("hall"), 101);
    fold.until(&mut node, "near", w.id("hall"), 601);
}

#[test]
fn whoever_is_behind_on_much_at_once_is_told_what_fits_and_stays() {
    let mut w = World::new(&["ann", "bob"]);
    for hall in ["one", "two", "three"] {
        w.hall(hall, 10_000);
        for _ in 0..4 {
            let asks: Vec<Ask> = (0..100).map(|_| w.book("ann", hall, "10:00-11:00", 1)).collect();
            assert!(w.race(&asks).iter().all(|r| r.told() == "201 BOOKED"));
        }
    }
    let mut node = Node::start();
    node.connect(&w, "bob", "bob", &["websocket"]);
    // 400 each: the first is told, for the others it is to be read anew.
    let resync: Vec<Value> = ["one", "two", "three"]
        .iter()
        .map(|h| node.subscribe("bob", w.id(h), Some((1, 1)))["resync"].clone())
        .collect();
    assert_eq!(resync, [json!(false), json!(true), json!(true)]);
    let mut fold = Fold::default();
    fold.begin(w.id("one"), 1);
    fold.until(&mut node, "bob", w.id("one"), 401);
    // It is still there, and hears of all of them.
    fold.begin(w.id("three"), 401);
    assert_eq!(w.send(&w.book("ann", "three", "10:00-11:00", 1)).told(), "201 BOOKED");
    fold.until(&mut node, "bob", w.id("three"), 402);
    assert_eq!(w.metric("slotwise_resyncs_total", "slow"), 0.0);
}

#[test]
fn a_client_that_reconnects_after_a_restart_resumes_where_it_was() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 100);
    let mut node = Node::start();
    node.connect(&w, "before", "bob", &["polling", "websocket"]);
    node.subscribe("before", w.id("hall"), None);
    let mut fold = Fold::default();
    fold.begin(w.id("hall"), 1);
    w.booked("ann", "hall", "10:00-11:00", 1);
    fold.until(&mut node, "before", w.id("hall"), 2);
    // Killed and stopped, each with something that happens before the client is back.
    for (round, name) in ["killed", "stopped"].into_iter().enumerate() {
        if round == 0 {
            w.kill_and_start_again();
        } else {
            w.server.terminate();
            let ended = w.server.ended_within(Duration::from_secs(10));
            assert!(ended.is_some_and(|s| s.success()), "{ended:?}");
            w.start_again();
        }
        let gone = if round == 0 { "before" } else { "killed" };
        node.event(gone, "$disconnected");
        w.booked("ann", "hall", "10:00-11:00", 1);
        node.connect(&w, name, "bob", &["websocket"]);
        let at = fold.at[w.id("hall")];
        let subscribed = node.subscribe(name, w.id("hall"), Some((at.0, at.1)));
        assert_eq!(subscribed["resync"], false, "{subscribed}");
        w.booked("ann", "hall", "10:00-11:00", 1);
        fold.until(&mut node, name, w.id("hall"), 4 + 2 * round as u64);
    }
    assert_eq!(fold.standing.len(), 5);
}

#[test]
fn whoever_subscribes_as_soon_as_connected_is_answered() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let mut node = Node::start();
    for transport in ["websocket", "polling"] {
        let wanted = json!({ "resources": [{ "id": w.id("room") }] });
        let rush = json!({ "do": "rush", "url": w.server.url(), "token": w.token("ann"), "transports": [transport],
            "sockets": 150, "event": "subscribe", "data": wanted });
        let said = node.call(rush).unwrap();
        assert_eq!(said["answered"], 150, "{transport}: {said}");
    }
}

#[test]
fn a_socket_may_subscribe_so_much_and_no_more() {
    let mut w = World::new(&["ann"]);
    w.room("room");
    let mut node = Node::start();
    node.connect(&w, "ann", "ann", &["websocket"]);
    let mut ask = |event: &str, data: Value| {
        node.call(json!({ "do": "ask", "name": "ann", "event": event, "data": data })).unwrap()
    };
    let nothing = |n: usize| (0..n).map(|_| json!({ "id": uuid::Uuid::now_v7() })).collect::<Vec<_>>();
    assert_eq!(ask("subscribe", json!({ "resources": nothing(501) }))["error"], "too_many");
    for malformed in
        [json!({}), json!({ "resources": "all" }), json!({ "resources": [{ "id": "x" }] }), json!(null), json!([1])]
    {
        assert_eq!(ask("subscribe", malformed.clone())["error"], "malformed", "{malformed}");
    }
    // What does not exist is not subscribed, and is no error.
    assert_eq!(ask("subscribe", json!({ "resources": nothing(500) }))["subscribed"], json!([]));
    let room = json!({ "resources": [{ "id": w.id("room") }] });
    for _ in 0..3 {
        assert_eq!(ask("subscribe", room.clone())["subscribed"].as_array().map(Vec::len), Some(1), "again is no more");
    }
}

#[test]
fn what_is_subscribed_again_is_no_more_than_before() {
    let mut w = World::new(&["ann"]);
    let make = |n: usize| {
        w.change("root", "POST", "/api/resources")
            .json(&json!({ "kind": "room", "name": format!("r{n}"), "zone": "UTC" }))
    };
    let mut made = Vec::new();
    for round in 0..6 {
        let asks: Vec<Ask> = (0..100).map(|n| make(round * 100 + n)).collect();
        made.extend(w.race(&asks).iter().map(|r| json!({ "id": r.json()["resource"]["id"] })));
    }
    w.room("room");
    let mut node = Node::start();
    node.connect(&w, "ann", "ann", &["websocket"]);
    let mut subscribe = |wanted: &[Value]| {
        let data = json!({ "resources": wanted });
        node.call(json!({ "do": "ask", "name": "ann", "event": "subscribe", "data": data })).unwrap()
    };
    assert_eq!(subscribe(&made[..500])["subscribed"].as_array().map(Vec::len), Some(500));
    assert_eq!(subscribe(&made[500..])["subscribed"].as_array().map(Vec::len), Some(100));
    // As a client does that was told to resync.
    let again = subscribe(&made[..500]);
    assert_eq!(again["subscribed"].as_array().map(Vec::len), Some(500), "{again}");
}

#[test]
fn a_malformed_unsubscribe_is_answered() {
    let w = World::new(&["ann"]);
    let mut node = Node::start();
    node.connect(&w, "ann", "ann", &["websocket"]);
    let malformed = json!({ "do": "ask", "name": "ann", "event": "unsubscribe", "data": { "resources": "all" } });
    let said = node.call(malformed);
    assert!(said.is_ok(), "nobody answers: {said:?}");
}

#[test]
fn a_socket_that_does_not_read_is_disconnected_and_nobody_else_notices() {
    let mut w = World::new(&["ann", "bob"]);
    w.hall("hall", 10_000);
    // By hand: a polling client that connects, subscribes, and never polls again.
    let idle = Polling::open(&w, None).unwrap();
    idle.say(&format!("40{}", json!({ "token": w.token("bob") })));
    idle.hear_until("40{");
    idle.say(&format!("420{}", json!(["subscribe", { "resources": [{ "id": w.id("hall") }] }])));
    assert!(idle.hear_until("430").contains("subscribed"));
    let mut node = Node::start();
    node.connect(&w, "healthy", "bob", &["websocket"]);
    node.subscribe("healthy", w.id("hall"), None);
    let mut fold = Fold::default();
    fold.begin(w.id("hall"), 1);
    for _ in 0..12 {
        let asks: Vec<Ask> = (0..100).map(|_| w.book("ann", "hall", "10:00-11:00", 1)).collect();
        assert!(w.race(&asks).iter().all(|r| r.told() == "201 BOOKED"));
    }
    fold.until(&mut node, "healthy", w.id("hall"), 1_201);
    assert_eq!(w.metric("slotwise_resyncs_total", "slow"), 1.0);
    // What it had not read was not skipped behind its back: the connection is over, and it resumes.
    // It begins to read again: it hears what was kept and then that it is over. Not being told, it would think that it is up to date.
    let mut heard = 0;
    let told = (0..20).find_map(|_| {
        let packets = idle.hear();
        heard += packets.iter().filter(|p| p.contains("\"version\"")).count();
        let over = |p: &String| p == "1" || p.starts_with("41") || p.contains("\"resync\"");
        // Nothing but a ping after all that was kept: it is thought to be connected, and left out.
        if packets.is_empty() { Some(false) } else { packets.iter().any(over).then_some(true) }
    });
    assert_eq!(told, Some(true), "after {heard} of 1200 messages nothing says that it is over");
}
