//! What is asked for: random slots of random resources, each request with a fresh key, written into a request made once.
//! It allocates nothing per request.

use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// The days over which slots are spread.
const DAYS: u32 = 180;
const DAY_MINUTES: u32 = 24 * 60;
const SLOT_MINUTES: u32 = 30;

/// What random requests are made of.
pub struct Slots {
    resources: Vec<[u8; 36]>,
    /// Starts lie on so many minutes after the first day began; on one, everybody wants the same.
    minutes: u32,
    days: Vec<[u8; 10]>,
    secret: String,
    keys_from_ms: u64,
    began: Instant,
}

impl Slots {
    /// Slots of these resources from tomorrow on; one resource is a hot one.
    pub fn new(resources: &[Uuid], secret: &str) -> anyhow::Result<Arc<Slots>> {
        Slots::within(resources, secret, DAYS * DAY_MINUTES)
    }

    /// The one slot that everybody wants.
    pub fn one(resource: Uuid, secret: &str) -> anyhow::Result<Arc<Slots>> {
        Slots::within(&[resource], secret, 1)
    }

    fn within(resources: &[Uuid], secret: &str, minutes: u32) -> anyhow::Result<Arc<Slots>> {
        anyhow::ensure!(!resources.is_empty(), "no resources to book");
        let now = jiff::Timestamp::now();
        let mut date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let mut days = Vec::new();
        for _ in 0..=DAYS {
            date = date.tomorrow()?;
            days.push(text(&date.to_string()));
        }
        let resources = resources.iter().map(|id| text(&id.to_string())).collect();
        let keys_from_ms = u64::try_from(now.as_millisecond())?;
        Ok(Arc::new(Slots { resources, minutes, days, secret: secret.into(), keys_from_ms, began: Instant::now() }))
    }

    /// A resource and the minute at which a slot begins.
    fn draw(&self, dice: &mut Dice) -> (&[u8], u32) {
        let resource = dice.below(u32::try_from(self.resources.len()).unwrap_or(u32::MAX));
        let resource = self.resources.get(resource as usize).map_or(&[][..], |r| r);
        (resource, dice.below(self.minutes))
    }

    fn key(&self, dice: &mut Dice) -> Uuid {
        let mut random = [0; 10];
        let (high, low) = random.split_at_mut(8);
        high.copy_from_slice(&dice.roll().to_le_bytes());
        low.copy_from_slice(&dice.roll().to_le_bytes()[..2]);
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        uuid::Builder::from_unix_timestamp_millis(self.keys_from_ms.saturating_add(elapsed), &random).into_uuid()
    }
}

/// Bodies of `POST /api/attempts`: many bookings in one request, each with a key of its own.
pub struct Batch {
    slots: Arc<Slots>,
    dice: Dice,
}

impl Batch {
    /// Requests for one connection.
    pub fn new(slots: Arc<Slots>) -> Batch {
        Batch { slots, dice: Dice::new() }
    }

    /// A request with so many attempts.
    pub fn next(&mut self, attempts: usize) -> Vec<u8> {
        let mut body = String::with_capacity(32 + attempts * 240);
        body.push_str(r#"{"attempts":["#);
        for n in 0..attempts {
            let (resource, start) = self.slots.draw(&mut self.dice);
            let (from, to) = (instant(&self.slots.days, start), instant(&self.slots.days, start + SLOT_MINUTES));
            let key = self.slots.key(&mut self.dice);
            let comma = if n == 0 { "" } else { "," };
            let (resource, from, to) = (ascii(resource), ascii(&from), ascii(&to));
            body.push_str(&format!(
                r#"{comma}{{"key":"{key}","command":"book","lines":[{{"resource":"{resource}","start":"{from}","end":"{to}","units":1}}]}}"#
            ));
        }
        body.push_str("]}");
        // The request has no key of its own: each of its attempts has one.
        let head = crate::http::post("/api/attempts", &self.slots.secret, &Uuid::now_v7().to_string(), &body);
        head.into_bytes()
    }
}

fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A booking request whose changing parts are written over in place.
pub struct Booking {
    slots: Arc<Slots>,
    dice: Dice,
    bytes: Vec<u8>,
    key_at: usize,
    resource_at: usize,
    start_at: usize,
    end_at: usize,
}

impl Booking {
    /// A request of its own for one connection.
    pub fn new(slots: Arc<Slots>) -> Booking {
        let (key, id, start, end) = ("k".repeat(36), "r".repeat(36), "s".repeat(20), "e".repeat(20));
        let body = format!(r#"{{"lines":[{{"resource":"{id}","start":"{start}","end":"{end}","units":1}}]}}"#);
        let text = crate::http::post("/api/bookings", &slots.secret, &key, &body);
        let at = |part: &str| text.find(part).unwrap_or_default();
        let (key_at, resource_at, start_at, end_at) = (at(&key), at(&id), at(&start), at(&end));
        Booking { slots, dice: Dice::new(), bytes: text.into_bytes(), key_at, resource_at, start_at, end_at }
    }

    /// The next request: another key, another resource, another slot.
    pub fn next(&mut self) -> &[u8] {
        let slots = self.slots.clone();
        let mut key = [0; 36];
        slots.key(&mut self.dice).hyphenated().encode_lower(&mut key);
        let (resource, start) = slots.draw(&mut self.dice);
        self.put(self.key_at, &key);
        self.put(self.resource_at, resource);
        self.put(self.start_at, &instant(&slots.days, start));
        self.put(self.end_at, &instant(&slots.days, start + SLOT_MINUTES));
        &self.bytes
    }

    /// The key of the last request.
    pub fn key(&self) -> Option<Uuid> {
        let text = self.bytes.get(self.key_at..self.key_at + 36)?;
        Uuid::try_parse_ascii(text).ok()
    }

    fn put(&mut self, at: usize, part: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + part.len()) {
            place.copy_from_slice(part);
        }
    }
}

/// `2026-01-02T03:04:00Z`, so many minutes after the first day began.
fn instant(days: &[[u8; 10]], minute: u32) -> [u8; 20] {
    let mut text = *b"0000-00-00T00:00:00Z";
    let (date, time) = text.split_at_mut(10);
    date.copy_from_slice(days.get((minute / DAY_MINUTES) as usize).unwrap_or(b"0000-00-00"));
    let (hour, minute) = (minute % DAY_MINUTES / 60, minute % 60);
    for (place, digit) in [(1, hour / 10), (2, hour % 10), (4, minute / 10), (5, minute % 10)] {
        if let Some(byte) = time.get_mut(place) {
            *byte = b'0' + u8::try_from(digit).unwrap_or(0);
        }
    }
    text
}

fn text<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [b' '; N];
    for (to, from) in bytes.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    bytes
}

/// Splitmix64: fast and even, which is all that is needed here.
pub struct Dice(u64);

impl From<u64> for Dice {
    /// The same numbers every time.
    fn from(seed: u64) -> Dice {
        Dice(seed)
    }
}

impl Dice {
    /// From a seed of its own.
    pub fn new() -> Dice {
        Dice(Uuid::new_v4().as_u64_pair().0)
    }

    /// A number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below the bound.
    pub fn below(&mut self, bound: u32) -> u32 {
        u32::try_from((u128::from(self.roll()) * u128::from(bound)) >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_whole_and_its_keys_differ() {
        let slots = Slots::new(&[Uuid::new_v4(), Uuid::new_v4()], "secret").unwrap();
        let request = String::from_utf8(Batch::new(slots).next(3)).unwrap();
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let attempts = body["attempts"].as_array().unwrap();
        let keys: std::collections::BTreeSet<_> = attempts.iter().map(|a| a["key"].as_str().unwrap()).collect();
        assert_eq!((attempts.len(), keys.len()), (3, 3));
        assert_eq!(attempts[0]["command"], "book");
        assert_eq!(attempts[0]["lines"][0]["units"], 1);
    }

    #[test]
    fn one_slot_is_always_the_same() {
        let slots = Slots::one(Uuid::new_v4(), "secret").unwrap();
        let mut booking = Booking::new(slots);
        let mut slot =
            || String::from_utf8(booking.next().to_vec()).unwrap().split_once("resource").unwrap().1.to_owned();
        assert_eq!(slot(), slot());
    }

    #[test]
    fn every_request_is_whole_and_different() {
        let resource = Uuid::new_v4();
        let slots = Slots::new(&[resource], "secret").unwrap();
        let mut booking = Booking::new(slots);
        let first = String::from_utf8(booking.next().to_vec()).unwrap();
        let second = String::from_utf8(booking.next().to_vec()).unwrap();
        assert_ne!(first, second);
        let (head, body) = first.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let line = &body["lines"][0];
        assert_eq!(line["resource"], resource.to_string());
        let start: jiff::Timestamp = line["start"].as_str().unwrap().parse().unwrap();
        let end: jiff::Timestamp = line["end"].as_str().unwrap().parse().unwrap();
        assert_eq!(end.duration_since(start).as_secs(), i64::from(SLOT_MINUTES) * 60);
        let key = head.lines().find_map(|l| l.strip_prefix("Idempotency-Key: ")).unwrap();
        assert_eq!(key.parse::<Uuid>().unwrap().get_version_num(), 7);
    }

    #[test]
    fn minutes_are_told_as_instants() {
        let days = [*b"2026-01-02", *b"2026-01-03"];
        assert_eq!(&instant(&days, 0), b"2026-01-02T00:00:00Z");
        assert_eq!(&instant(&days, DAY_MINUTES + 61), b"2026-01-03T01:01:00Z");
    }
}
