//! A server with people, their keys, and rooms: what a test begins with.
//! Times are on one day well ahead, in UTC unless a room says otherwise.

use super::http::{self, Ask, Reply};
use super::race;
use super::server::{Home, Server};
use jiff::{Timestamp, ToSpan, civil, tz::TimeZone};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Nobody is limited in how fast they ask.
pub const UNLIMITED: [&str; 3] = ["--rate-limit=off", "--rate-limit-admin=off", "--rate-limit-address=off"];

/// Somebody with an API key.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub token: String,
}

/// A server, whom it knows, and what can be booked.
pub struct World {
    pub home: Home,
    pub server: Server,
    flags: Vec<String>,
    people: BTreeMap<String, Person>,
    rooms: BTreeMap<String, String>,
    /// What rows have saved under a name.
    pub saved: BTreeMap<String, Value>,
    /// Keys that rows have named.
    pub keys: BTreeMap<String, Uuid>,
    /// The day that times of rows are on.
    pub day: civil::Date,
}

impl World {
    /// With these people and an admin called `root`. Nobody is limited in how fast they ask.
    pub fn new(people: &[&str]) -> World {
        World::with(people, &UNLIMITED)
    }

    /// The same, started with these flags.
    pub fn with(people: &[&str], flags: &[&str]) -> World {
        World::in_home(Home::new(), people, flags)
    }

    /// The same in a home that is there.
    pub fn in_home(home: Home, people: &[&str], flags: &[&str]) -> World {
        let server = Server::start(&home, flags);
        let day = Timestamp::now().to_zoned(TimeZone::UTC).date().checked_add(30.days()).unwrap();
        let mut world = World {
            home,
            server,
            flags: flags.iter().map(|f| (*f).to_owned()).collect(),
            people: BTreeMap::new(),
            rooms: BTreeMap::new(),
            saved: BTreeMap::new(),
            keys: BTreeMap::new(),
            day,
        };
        world.meet("root", "Root", "admin");
        for name in people {
            world.meet(name, name, "member");
        }
        world.server.ready_within(std::time::Duration::from_secs(10));
        world
    }

    /// Adds somebody: how rows call them, and how they are called.
    pub fn meet(&mut self, name: &str, called: &str, role: &str) {
        let token = self.home.key_create(called, role);
        let me = self.send(&Ask::get("/api/me").by(&token));
        assert_eq!(me.status, 200, "{}", me.text());
        let id = me.json()["id"].as_str().unwrap().to_owned();
        self.people.insert(name.into(), Person { id, token });
    }

    pub fn person(&self, name: &str) -> &Person {
        self.people.get(name).unwrap_or_else(|| panic!("nobody is called {name}"))
    }

    pub fn token(&self, name: &str) -> &str {
        &self.person(name).token
    }

    /// An exclusive room in UTC.
    pub fn room(&mut self, name: &str) -> String {
        self.resource(name, json!({}))
    }

    /// A room with so many units.
    pub fn hall(&mut self, name: &str, capacity: u32) -> String {
        self.resource(name, json!({ "capacity": capacity }))
    }

    /// A room with these fields.
    pub fn resource(&mut self, name: &str, fields: Value) -> String {
        let mut body = json!({ "kind": "room", "name": name, "zone": "UTC" });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let made = self.send(&self.change("root", "POST", "/api/resources").json(&body));
        assert_eq!(made.told(), "201 ACCEPTED", "{}", made.text());
        let id = made.json()["resource"]["id"].as_str().unwrap().to_owned();
        self.rooms.insert(name.into(), id.clone());
        id
    }

    pub fn rooms(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rooms.iter().map(|(name, id)| (name.as_str(), id.as_str()))
    }

    /// The id of a room.
    pub fn id(&self, room: &str) -> &str {
        self.rooms.get(room).unwrap_or_else(|| panic!("no room is called {room}"))
    }

    pub fn knows_room(&self, name: &str) -> bool {
        self.rooms.contains_key(name)
    }

    /// Stops looking after a room in sweeps.
    pub fn forget_room(&mut self, name: &str) {
        self.rooms.remove(name);
    }

    /// A time of the day as an instant: `10:00`, also with seconds.
    pub fn at(&self, clock: &str) -> String {
        let seconds = if clock.len() == 5 { ":00" } else { "" };
        format!("{}T{clock}{seconds}Z", self.day)
    }

    /// `10:00-11:00` as two instants.
    pub fn span(&self, text: &str) -> (String, String) {
        let (from, to) = text.split_once('-').unwrap();
        (self.at(from), self.at(to))
    }

    pub fn send(&self, ask: &Ask) -> Reply {
        http::send(self.server.address, ask).unwrap_or_else(|e| panic!("{} {}: {e}", ask.method, ask.path))
    }

    pub fn get(&self, who: &str, path: &str) -> Reply {
        self.send(&Ask::get(path).by(self.token(who)))
    }

    /// What is there, which must be.
    pub fn read(&self, who: &str, path: &str) -> Value {
        let got = self.get(who, path);
        assert_eq!(got.status, 200, "{path}: {}", got.text());
        got.json()
    }

    /// A request that changes something, under a new key.
    pub fn change(&self, who: &str, method: &str, path: &str) -> Ask {
        Ask::new(method, path).by(self.token(who)).key(Uuid::now_v7())
    }

    pub fn book(&self, who: &str, room: &str, span: &str, units: u32) -> Ask {
        let (start, end) = self.span(span);
        let line = json!({ "resource": self.id(room), "start": start, "end": end, "units": units });
        self.change(who, "POST", "/api/bookings").json(&json!({ "lines": [line] }))
    }

    pub fn hold(&self, who: &str, room: &str, span: &str) -> Ask {
        let (start, end) = self.span(span);
        self.change(who, "POST", "/api/holds").json(&json!({ "resource": self.id(room), "start": start, "end": end }))
    }

    /// Takes a hold, which must be granted, and returns its id and token.
    pub fn held(&self, who: &str, room: &str, span: &str) -> Value {
        let reply = self.send(&self.hold(who, room, span));
        assert_eq!(reply.told(), "201 ACCEPTED", "{}", reply.text());
        let hold = reply.json()["hold"].clone();
        json!({ "id": hold["id"], "token": hold["token"], "expires_at": hold["expires_at"] })
    }

    /// Confirms a hold by what [`World::held`] returned.
    pub fn confirm(&self, who: &str, room: &str, span: &str, hold: &Value) -> Ask {
        let (start, end) = self.span(span);
        let line = json!({ "resource": self.id(room), "start": start, "end": end });
        let hold = json!({ "id": hold["id"], "token": hold["token"] });
        self.change(who, "POST", "/api/bookings").json(&json!({ "lines": [line], "hold": hold }))
    }

    /// Cancels, with the reason that an admin owes.
    pub fn cancel(&self, who: &str, booking: &str) -> Ask {
        self.change(who, "POST", &format!("/api/bookings/{booking}/cancel")).json(&json!({ "reason": "Not needed." }))
    }

    /// Books, which must succeed, and returns the booking's id.
    pub fn booked(&self, who: &str, room: &str, span: &str, units: u32) -> String {
        let reply = self.send(&self.book(who, room, span, units));
        assert_eq!(reply.told(), "201 BOOKED", "{}", reply.text());
        reply.json()["booking"]["id"].as_str().unwrap().to_owned()
    }

    pub fn race(&self, asks: &[Ask]) -> Vec<Reply> {
        race::race(self.server.address, asks)
    }

    /// Starts a new server on the same data, after the old one has ended.
    pub fn start_again(&mut self) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        self.server = Server::start(&self.home, &flags);
        self.server.ready_within(std::time::Duration::from_secs(5));
    }

    /// SIGKILL, and a new server on the same data.
    pub fn kill_and_start_again(&mut self) {
        self.server.end();
        self.start_again();
    }

    /// What a counter or gauge of `/metrics` says, summed over its labels that contain `with`.
    pub fn metric(&self, name: &str, with: &str) -> f64 {
        let text = self.send(&Ask::get("/metrics")).text();
        let lines = text.lines().filter(|l| l.starts_with(name) && l.contains(with));
        let lines = lines.filter(|l| matches!(l.as_bytes().get(name.len()), Some(b'{' | b' ')));
        lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}
