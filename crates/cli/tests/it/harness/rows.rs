//! Rows that read like the contract: who asks what, and what they are told.
//! They say nothing that a request could not: each row is one request.

use super::http::{Ask, Reply};
use super::world::World;
use serde_json::{Map, Value, json};
use uuid::Uuid;

impl World {
    /// Goes through all rows and tells every one that went otherwise.
    ///
    ///     ann POST /api/room-bookings room 10:00-11:00 -> 201 BOOKED
    ///
    /// A row is who, method, path, then any of: a room's name, a stretch of the day, `x3` units, `key k` (a key by name), `if 1`
    /// (If-Match), `hold h` (what a row saved), `as h` (saves the answer), `title Word`, or a JSON body up to the arrow. `@name` is the
    /// id of a room or of something saved; `nobody` asks without an API key. After the answer in short may stand, in quotes, what it
    /// must contain. A row that begins with `#` is a remark.
    #[track_caller]
    pub fn check(&mut self, rows: &str) {
        let mut wrong = Vec::new();
        for row in rows.lines().map(str::trim).filter(|r| !r.is_empty() && !r.starts_with('#')) {
            let (asked, expected) = row.rsplit_once(" -> ").unwrap_or_else(|| panic!("a row without an arrow: {row}"));
            let (expected, sentence) = match expected.split_once('"') {
                Some((short, sentence)) => (short.trim(), Some(sentence.trim_end_matches('"'))),
                None => (expected.trim(), None),
            };
            let reply = self.go(asked.trim());
            let said = sentence.is_none_or(|s| reply.text().contains(s));
            if reply.told() != expected || !said {
                wrong.push(format!("{row}\n    was {}: {}", reply.told(), reply.text()));
            }
        }
        assert!(wrong.is_empty(), "{} row(s) went otherwise:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// What a row asks, answered.
    pub fn go(&mut self, row: &str) -> Reply {
        let (ask, save) = self.ask_of(row);
        let reply = self.send(&ask);
        if let Some(name) = save {
            self.saved.insert(name, reply.json());
        }
        reply
    }

    fn ask_of(&mut self, row: &str) -> (Ask, Option<String>) {
        let (row, body) = match row.find(" {") {
            Some(at) => (&row[..at], Some(self.filled(&row[at + 1..]))),
            None => (row, None),
        };
        let mut words = row.split_whitespace();
        let (who, method, path) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
        let path = self.filled(path);
        let mut parts = Parts::default();
        let (mut key, mut save, mut if_match) = (Uuid::now_v7(), None, None);
        while let Some(word) = words.next() {
            let mut next = || words.next().unwrap_or_else(|| panic!("{word} wants a word after it: {row}")).to_owned();
            match word {
                "key" => key = *self.keys.entry(next()).or_insert_with(Uuid::now_v7),
                "as" => save = Some(next()),
                "if" => if_match = Some(format!("\"{}\"", next())),
                "hold" => parts.hold = Some(self.hold_of(&next())),
                "title" => parts.title = Some(next()),
                _ if self.knows_room(word) => parts.rooms.push(self.id(word).to_owned()),
                _ if word.starts_with('x') => parts.units = word[1..].parse().ok(),
                _ if word.contains('-') => parts.span = Some(self.span(word)),
                _ => panic!("{word} is not understood: {row}"),
            }
        }
        let mut ask = Ask::new(method, &path);
        if who != "nobody" {
            ask = ask.by(self.token(who));
        }
        if method != "GET" {
            ask = ask.key(key);
        }
        if let Some(version) = if_match {
            ask = ask.header("if-match", version);
        }
        let body = body.or_else(|| parts.body(who, method, &path).map(|b| b.to_string()));
        (body.into_iter().fold(ask, |ask, body| ask.raw("application/json", body)), save)
    }

    /// With every `@name` replaced by the id it stands for.
    fn filled(&self, text: &str) -> String {
        let mut pieces = text.split('@');
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let end = piece.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(piece.len());
            let (name, rest) = piece.split_at(end);
            out += &self.id_of(name);
            out += rest;
        }
        out
    }

    /// The id of a room, of somebody, or of what a row saved.
    pub fn id_of(&self, name: &str) -> String {
        if self.knows_room(name) {
            return self.id(name).to_owned();
        }
        let Some(saved) = self.saved.get(name) else { return self.person(name).id.clone() };
        let noun = ["booking", "hold", "block", "resource"].into_iter().find(|n| saved.get(n).is_some());
        let id = noun.and_then(|n| saved[n]["id"].as_str());
        id.unwrap_or_else(|| panic!("{name} was refused: {saved}")).to_owned()
    }

    fn hold_of(&self, name: &str) -> Value {
        let hold = &self.saved[name]["hold"];
        json!({ "id": hold["id"], "token": hold["token"] })
    }
}

#[derive(Default)]
struct Parts {
    rooms: Vec<String>,
    span: Option<(String, String)>,
    units: Option<u32>,
    hold: Option<Value>,
    title: Option<String>,
}

impl Parts {
    /// The body that the path wants.
    fn body(&self, who: &str, method: &str, path: &str) -> Option<Value> {
        let mut body = Map::new();
        let mut put = |name: &str, value: Value| drop(body.insert(name.into(), value));
        let span = || self.span.clone().unwrap_or_default();
        match path {
            _ if method == "GET" => return None,
            "/api/room-bookings" => {
                put("roomId", json!(self.rooms.first()));
                put("start", json!(span().0));
                put("end", json!(span().1));
            }
            _ if path == "/api/bookings" || path.ends_with("/move") => {
                let line = |room: &String| match &self.span {
                    Some((start, end)) => {
                        json!({ "resource": room, "start": start, "end": end, "units": self.units.unwrap_or(1) })
                    }
                    None => json!({ "resource": room, "units": self.units.unwrap_or(1) }),
                };
                put("lines", self.rooms.iter().map(line).collect());
                // What an admin owes whose booking it is.
                if who == "root" && path.ends_with("/move") {
                    put("reason", json!("It is better so."));
                }
            }
            "/api/holds" => {
                put("resource", json!(self.rooms.first()));
                put("start", json!(span().0));
                put("end", json!(span().1));
                put("units", json!(self.units.unwrap_or(1)));
            }
            _ if path.ends_with("/renew") || path.ends_with("/release") => {
                put("token", self.hold.as_ref().map_or(Value::Null, |h| h["token"].clone()));
                return Some(Value::Object(body));
            }
            _ if path.ends_with("/approve") => {
                put("reason", json!("It is free."));
                return Some(Value::Object(body));
            }
            _ if path.ends_with("/cancel") => {}
            _ => return None,
        }
        self.hold.iter().for_each(|h| put("hold", h.clone()));
        self.title.iter().for_each(|t| put("title", json!(t)));
        Some(Value::Object(body))
    }
}
