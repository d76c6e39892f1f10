//! An independent look at the whole: no instant is oversold, nobody shares an exclusive room, no version is missing.
//! Deliberately naive, and it shares no code with the server.

use super::world::World;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Something that takes units for a while.
#[derive(Clone, Debug)]
pub struct Taken {
    pub id: String,
    pub start: Timestamp,
    pub end: Timestamp,
    pub units: u64,
}

fn instant(v: &Value) -> Timestamp {
    v.as_str().and_then(|t| t.parse().ok()).unwrap_or_else(|| panic!("{v} is no instant"))
}

impl World {
    /// All pages of a list.
    pub fn all(&self, who: &str, path: &str) -> Vec<Value> {
        let mut items: Vec<Value> = Vec::new();
        let mut after = String::new();
        for _ in 0..1_000 {
            let page = self.read(who, &format!("{path}{after}"));
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => after = format!("&after={}", encoded(next)),
                None => return items,
            }
        }
        panic!("{path} never ends");
    }

    /// What is booked on a room, as the admin is told.
    pub fn bookings_on(&self, room: &str) -> Vec<Taken> {
        let path = format!("/api/bookings?resource={}&state=confirmed&limit=200", self.id(room));
        let lines = self.all("root", &path).into_iter().flat_map(|b| {
            let lines = b["lines"].as_array().unwrap().clone();
            lines.into_iter().map(move |l| (b["id"].as_str().unwrap().to_owned(), l))
        });
        let here = lines.filter(|(_, l)| l["resource"] == self.id(room));
        here.map(|(id, l)| Taken {
            id,
            start: instant(&l["start"]),
            end: instant(&l["end"]),
            units: l["units"].as_u64().unwrap(),
        })
        .collect()
    }

    fn holds_on(&self, room: &str) -> Vec<Taken> {
        let holds = self.read("root", &format!("/api/holds?resource={}", self.id(room)));
        let holds = holds["items"].as_array().unwrap().clone();
        let taken = |h: &Value| Taken {
            id: h["id"].to_string(),
            start: instant(&h["start"]),
            end: instant(&h["end"]),
            units: h["units"].as_u64().unwrap(),
        };
        holds.iter().map(taken).collect()
    }

    /// Asserts of every room: units booked and held are within capacity at every instant (I1, I2), versions follow each other
    /// without a gap (I9), and what the record tells is what the list shows.
    #[track_caller]
    pub fn sweep(&self) {
        let names: Vec<String> = self.rooms().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            self.sweep_room(&name);
        }
    }

    /// The same of one room; returns the attempt of each accepted change, with how many versions carry it.
    #[track_caller]
    pub fn sweep_room(&self, room: &str) -> BTreeMap<String, usize> {
        let path = format!("/api/resources/{}", self.id(room));
        let resource = self.read("root", &path);
        let booked = self.bookings_on(room);
        let mut taken = self.holds_on(room);
        taken.extend(booked.iter().cloned());
        if let Some(capacity) = resource["capacity"].as_u64() {
            let over = oversold(&taken, capacity);
            assert!(over.is_empty(), "{room} has more than {capacity} units taken: {over:?} of {taken:#?}");
        }
        let (versions, folded, attempts) = self.record_of(room);
        let last = resource["version"].as_u64().unwrap();
        assert!(versions.len() as u64 >= last, "{room} is at version {last} and its record has {}", versions.len());
        let listed: BTreeSet<String> = booked.into_iter().map(|b| b.id).collect();
        assert_eq!(folded, listed, "what the record of {room} folds to is what the list shows");
        attempts
    }

    /// The versions of a room's record (asserted gap-free from 1), the bookings it folds to, and its attempts.
    #[track_caller]
    fn record_of(&self, room: &str) -> (BTreeSet<u64>, BTreeSet<String>, BTreeMap<String, usize>) {
        let record = self.read("root", &format!("/api/resources/{}/record?after=1.0", self.id(room)));
        assert_eq!(record["resync"], false, "{room} has more changes than the record tells at once");
        let (mut versions, mut standing, mut attempts) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        let mut at = (0, 1, 1);
        for item in record["items"].as_array().unwrap() {
            let (event, data) = (item["event"].as_str().unwrap(), &item["data"]);
            let number = |name: &str| data[name].as_u64().unwrap();
            let here = (number("version"), number("part"), number("parts"));
            let follows = if at.1 < at.2 { (at.0, at.1 + 1) } else { (at.0 + 1, 1) };
            assert_eq!((here.0, here.1), follows, "the record of {room} after {at:?}: {item}");
            at = here;
            versions.insert(here.0);
            if here.1 == 1 {
                *attempts.entry(data["attempt"].as_str().unwrap().to_owned()).or_insert(0) += 1;
            }
            let booking = &data["booking"];
            let id = || booking["id"].as_str().unwrap().to_owned();
            match (event, booking["state"].as_str()) {
                ("bookingCreated" | "bookingChanged", Some("confirmed")) => drop(standing.insert(id())),
                ("bookingMoved", Some("confirmed")) if booking["start"].is_string() => drop(standing.insert(id())),
                ("bookingCanceled" | "bookingDisplaced" | "bookingNoShow" | "bookingMoved", _) => {
                    standing.remove(&id());
                }
                _ => {}
            }
        }
        assert_eq!(at.1, at.2, "the record of {room} ends in the middle of a version");
        (versions, standing, attempts)
    }
}

/// Instants at which more is taken than there is. Usage only rises where something begins, so those are looked at, each against all.
pub fn oversold(taken: &[Taken], capacity: u64) -> Vec<(Timestamp, u64)> {
    let used = |t: Timestamp| taken.iter().filter(|x| x.start <= t && t < x.end).map(|x| x.units).sum::<u64>();
    taken.iter().map(|x| (x.start, used(x.start))).filter(|(_, used)| *used > capacity).collect()
}

/// For a query.
pub fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[test]
fn the_oracle_sees_what_is_oversold_and_only_that() {
    let t = |n: i64| Timestamp::from_second(n).unwrap();
    let taken = |start, end, units| Taken { id: String::new(), start: t(start), end: t(end), units };
    assert!(oversold(&[taken(0, 1, 1), taken(1, 2, 1)], 1).is_empty());
    assert!(oversold(&[taken(0, 2, 1), taken(1, 3, 1), taken(2, 4, 1)], 2).is_empty());
    assert_eq!(oversold(&[taken(0, 2, 1), taken(1, 3, 1)], 1), [(t(1), 2)]);
    assert_eq!(oversold(&[taken(0, 9, 3), taken(4, 5, 5)], 7), [(t(4), 8)]);
}
