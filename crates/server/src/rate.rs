//! How fast somebody may ask: a bucket of tokens for each person or address, refilled steadily, and what a client is told of it.
//! It never keeps more buckets than its bound.

use crate::auth::Asker;
use crate::problem::Problem;
use crate::requests::Notes;
use crate::site::Client;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use slotwise_domain::PersonId;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Buckets of one kind kept at once; whoever has been quiet longest is forgotten first, and begins with a full one again.
const BUCKETS_MAX: usize = 100_000;

/// Tries to come in under one name from one network; each takes six.
const TRIES: Rate = rate_of(1, 60);
/// Tries to come in under one name from anywhere.
const NAMES: Rate = rate_of(1, 200);

const fn rate_of(per_second: u32, burst: u32) -> Rate {
    match (NonZeroU32::new(per_second), NonZeroU32::new(burst)) {
        (Some(per_second), Some(burst)) => Rate { per_second, burst },
        (_, _) => Rate { per_second: NonZeroU32::MIN, burst: NonZeroU32::MIN },
    }
}

/// So many at once, and so many per second in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come back each second.
    pub per_second: NonZeroU32,
    /// Tokens of a full bucket.
    pub burst: NonZeroU32,
}

impl Rate {
    /// Reads `20/s,100` (20 a second, 100 at once); `off` is no limit. The error says what is expected.
    pub fn read(text: &str) -> Result<Option<Rate>, String> {
        if text == "off" {
            return Ok(None);
        }
        let number = |text: &str| NonZeroU32::from_str(text.trim()).ok();
        let parts = text.split_once("/s,").and_then(|(rate, burst)| Some((number(rate)?, number(burst)?)));
        let (per_second, burst) =
            parts.ok_or_else(|| format!("{text:?} is no rate: say N/s,BURST such as 20/s,100, or off"))?;
        Ok(Some(Rate { per_second, burst }))
    }

    /// How long one token takes to come back.
    fn period(self) -> Duration {
        Duration::from_secs(1) / self.per_second.get()
    }

    /// How long an empty bucket takes to be full.
    fn window(self) -> Duration {
        self.period() * self.burst.get()
    }
}

/// How a bucket stands after something was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    rate: Rate,
    left: u32,
    full_in: Duration,
    /// How long to wait, if there was no token.
    pub wait: Option<Duration>,
}

impl Standing {
    /// Whole seconds to wait, at least one.
    pub fn retry_after(&self) -> Option<i64> {
        self.wait.map(|wait| i64::try_from(seconds_up(wait)).unwrap_or(i64::MAX).max(1))
    }

    /// Says it in the fields of draft-ietf-httpapi-ratelimit-headers: the policy's quota and window, what is left of it and
    /// after how many seconds there is more: all of it again, or after a refusal the first one.
    pub fn say(&self, policy: &str, headers: &mut HeaderMap) {
        let rate = self.rate;
        let resets = self.wait.unwrap_or(self.full_in);
        let fields = [
            ("ratelimit-policy", format!("\"{policy}\";q={};w={}", rate.burst, seconds_up(rate.window()).max(1))),
            ("ratelimit", format!("\"{policy}\";r={};t={}", self.left, seconds_up(resets))),
        ];
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// Buckets by whom they belong to. Each is kept as the instant at which it is full again.
pub struct Buckets<K> {
    max: usize,
    shelves: Mutex<Shelves<K>>,
}

/// Two shelves: whoever asks comes onto the young one; when that is half of all, the old one is emptied and they change places.
struct Shelves<K> {
    young: HashMap<K, Instant>,
    old: HashMap<K, Instant>,
}

impl<K: Eq + Hash> Default for Buckets<K> {
    fn default() -> Buckets<K> {
        Buckets::holding(BUCKETS_MAX)
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// At most so many.
    fn holding(max: usize) -> Buckets<K> {
        Buckets { max, shelves: Mutex::new(Shelves { young: HashMap::new(), old: HashMap::new() }) }
    }

    /// Takes so many tokens, if there is one: what is taken beyond it is owed, and paid back before there is another.
    pub fn take(&self, key: K, rate: Rate, tokens: u32, now: Instant) -> Standing {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        let Shelves { young, old } = &mut *shelves;
        if young.len() >= self.max / 2 && !young.contains_key(&key) {
            std::mem::swap(young, old);
            young.clear();
        }
        let before = old.remove(&key);
        let full_at = young.entry(key).or_insert_with(|| before.unwrap_or(now));
        let missing = full_at.saturating_duration_since(now);
        let after = missing + rate.period();
        if let Some(wait) = after.checked_sub(rate.window()).filter(|wait| !wait.is_zero()) {
            return Standing { rate, left: 0, full_in: missing, wait: Some(wait) };
        }
        let after = missing + rate.period() * tokens;
        *full_at = now + after;
        let left = rate.window().saturating_sub(after).as_nanos() / rate.period().as_nanos().max(1);
        Standing { rate, left: u32::try_from(left).unwrap_or(u32::MAX), full_in: after, wait: None }
    }
}

/// The limits, and everybody's buckets. Where there is no rate nobody is limited.
#[derive(Default)]
pub struct Rates {
    /// Attempts of one member.
    pub member: Option<Rate>,
    /// Attempts of one admin, whose programs ask for many.
    pub admin: Option<Rate>,
    /// Requests of one address that come without an identity, and sockets it opens.
    pub address: Option<Rate>,
    people: Buckets<PersonId>,
    tries: Buckets<(IpAddr, [u8; 32])>,
    names: Buckets<[u8; 32]>,
    addresses: Buckets<IpAddr>,
}

impl Rates {
    /// With these limits.
    pub fn new(member: Option<Rate>, admin: Option<Rate>, address: Option<Rate>) -> Rates {
        Rates { member, admin, address, ..Rates::default() }
    }

    /// Counts attempts of one request. Refused, they leave nothing behind: their keys stay free.
    pub fn attempts(&self, asker: &Asker, n: usize) -> Result<(), Problem> {
        let tokens = u32::try_from(n).unwrap_or(u32::MAX);
        let Some(rate) = (if asker.is_admin() { self.admin } else { self.member }) else { return Ok(()) };
        judge("attempts", self.people.take(asker.id, rate, tokens, Instant::now()), &asker.notes)
    }

    /// Counts somebody's try to come in under a name, by the hash of it: a few at once from one place and then one each six seconds,
    /// and more, but not any number, from all places together. It does not tell whether there is anybody of that name.
    pub fn try_in(&self, client: Client, name: [u8; 32], notes: &Notes) -> Result<(), Problem> {
        if self.address.is_none() {
            return Ok(());
        }
        let now = Instant::now();
        judge("sign-in", self.tries.take((client.network(), name), TRIES, 6, now), notes)?;
        judge("sign-in", self.names.take(name, NAMES, 1, now), notes)
    }

    /// Counts a request of somebody who is nobody yet.
    pub fn stranger(&self, client: Client, notes: &Notes) -> Result<(), Problem> {
        let Some(rate) = self.address else { return Ok(()) };
        judge("address", self.addresses.take(client.network(), rate, 1, Instant::now()), notes)
    }
}

fn judge(policy: &'static str, standing: Standing, notes: &Notes) -> Result<(), Problem> {
    notes.rate.get_or_init(|| (policy, standing));
    if standing.wait.is_none() {
        return Ok(());
    }
    notes.limited.get_or_init(|| (policy, standing));
    metrics::counter!("slotwise_rate_limited_total", "policy" => policy).increment(1);
    Err(Problem::rate_limited(&standing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::read(text).unwrap().unwrap()
    }

    #[test]
    fn a_rate_is_read_or_refused() {
        assert_eq!(Rate::read("off"), Ok(None));
        assert_eq!(
            rate("20/s,100"),
            Rate { per_second: NonZeroU32::new(20).unwrap(), burst: NonZeroU32::new(100).unwrap() }
        );
        for text in ["", "20", "20/s", "20/m,100", "0/s,1", "1/s,0", "-1/s,1", "1/s,4294967296"] {
            assert!(Rate::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate_exactly() {
        let (buckets, rate, begin) = (Buckets::default(), rate("4/s,10"), Instant::now());
        let left: Vec<u32> = (0..10).map(|_| buckets.take(1, rate, 1, begin).left).collect();
        assert_eq!(left, (0..10).rev().collect::<Vec<_>>());
        assert_eq!(buckets.take(1, rate, 1, begin).wait, Some(Duration::from_millis(250)));
        assert_eq!(buckets.take(2, rate, 1, begin).wait, None, "another's is another's");
        // A refusal costs nothing: in ten seconds come forty, and one more than the bucket holds is not kept.
        let given =
            (1..=1_000).filter(|n| buckets.take(1, rate, 1, begin + Duration::from_millis(n * 10)).wait.is_none());
        assert_eq!(given.count(), 40);
        let later = begin + Duration::from_secs(3_600);
        assert_eq!((0..20).filter(|_| buckets.take(1, rate, 1, later).wait.is_none()).count(), 10);
    }

    #[test]
    fn many_at_once_are_paid_back_before_there_is_another() {
        let (buckets, rate, begin) = (Buckets::default(), rate("4/s,10"), Instant::now());
        let standing = buckets.take(1, rate, 50, begin);
        assert_eq!((standing.wait, standing.left), (None, 0));
        // Forty are owed, and one more must come back.
        assert_eq!(buckets.take(1, rate, 1, begin).wait, Some(Duration::from_millis(10_250)));
        assert_eq!(buckets.take(1, rate, 1, begin + Duration::from_millis(10_250)).wait, None);
    }

    #[test]
    fn what_is_told_is_what_the_bucket_does() {
        let (buckets, rate, begin) = (Buckets::default(), rate("4/s,10"), Instant::now());
        let say = |standing: Standing| {
            let mut headers = HeaderMap::new();
            standing.say("attempts", &mut headers);
            ["ratelimit-policy", "ratelimit"].map(|n| headers[n].to_str().unwrap().to_owned())
        };
        let first = say(buckets.take(1, rate, 1, begin));
        assert_eq!(first, ["\"attempts\";q=10;w=3", "\"attempts\";r=9;t=1"]);
        assert_eq!((0..9).filter(|_| buckets.take(1, rate, 1, begin).wait.is_none()).count(), 9);
        let refused = buckets.take(1, rate, 1, begin);
        assert_eq!((say(refused)[1].as_str(), refused.retry_after()), ("\"attempts\";r=0;t=1", Some(1)));
    }

    #[test]
    fn there_are_never_more_buckets_than_allowed_and_the_quiet_ones_go() {
        let (buckets, rate, now) = (Buckets::holding(100), rate("1/s,1"), Instant::now());
        assert_eq!(buckets.take(0, rate, 1, now).wait, None);
        for n in 1..10_000 {
            buckets.take(n, rate, 1, now);
            // Who keeps asking is not forgotten for those who come and go.
            assert!(buckets.take(0, rate, 1, now).wait.is_some(), "after {n}");
            let shelves = buckets.shelves.lock().unwrap();
            assert!(shelves.young.len() + shelves.old.len() <= 100);
        }
    }
}
