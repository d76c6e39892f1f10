//! What is there before actors come: people with keys, resources of a round; and what is read when they have gone.
//! It makes everything it uses, under the run's name, and touches nothing else.

use crate::actor::Tool;
use crate::client::{Ask, Client};
use crate::history::{End, EndBooking, EndEntry, Heard, ServerUs, Subscribed, Take, Thing, Version};
use crate::scenario::{Role, Scenario};
use anyhow::{Context, ensure};
use futures_util::StreamExt;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Requests at once while something is set up or read.
const AT_ONCE: usize = 8;
/// Pages of one list.
const PAGES_MAX: usize = 1_000;
/// Tries of a request that was told to come later; none of them was carried out.
const LATER_MAX: usize = 20;

/// Somebody of ours.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their id.
    pub id: Uuid,
    /// Their key.
    pub secret: String,
}

/// The people of a run.
pub struct People {
    members: Vec<Person>,
    admins: Vec<Person>,
}

impl People {
    /// The nth with a role.
    pub fn nth(&self, role: Role, n: usize) -> anyhow::Result<&Person> {
        let those = match role {
            Role::Member => &self.members,
            Role::Admin => &self.admins,
        };
        those.get(n).context("fewer people were made than the scenario has actors")
    }

    fn all(&self) -> impl Iterator<Item = &Person> {
        self.members.iter().chain(&self.admins)
    }
}

/// A server, an admin of it, and the run's name.
#[derive(Clone)]
pub struct Stage {
    /// How to ask.
    pub client: Client,
    /// The admin's key.
    pub secret: Arc<str>,
    /// The name of the run: one word.
    pub run: String,
    /// The server's clock less ours, in microseconds.
    pub clock: i64,
}

/// Our clock, in microseconds since 1970.
pub fn now() -> i64 {
    Timestamp::now().as_microsecond()
}

/// An instant as answers say it.
pub fn instant(value: &Value) -> Option<ServerUs> {
    Some(value.as_str()?.parse::<Timestamp>().ok()?.as_microsecond())
}

/// An instant as requests say it.
pub fn said(at: ServerUs) -> String {
    Timestamp::from_microsecond(at).map(|t| t.to_string()).unwrap_or_default()
}

/// An id in an answer.
pub fn id(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

/// Epoch and version in an answer.
pub fn version(value: &Value) -> Option<Version> {
    Some(Version { epoch: value["epoch"].as_u64()?, version: value["version"].as_u64()? })
}

impl Stage {
    /// Looks at the server: it is ready, the key is an admin's, and its clock is so.
    pub async fn enter(client: Client, secret: &str, run: &str) -> anyhow::Result<Stage> {
        client.must(&Ask::get("/readyz", secret)).await.context("the server is not ready")?;
        let mut best: Option<(i64, i64)> = None;
        for _ in 0..5 {
            let before = now();
            let me = client.must(&Ask::get("/api/me", secret)).await.context("asking whose the key is")?;
            let after = now();
            ensure!(me["role"] == "admin", "the key is not an admin's: resources and people are made with it");
            let theirs = instant(&me["as_of"]).context("the server does not say its clock")?;
            let trip = after - before;
            if best.is_none_or(|(shortest, _)| trip < shortest) {
                best = Some((trip, theirs - i64::midpoint(before, after)));
            }
        }
        let clock = best.map_or(0, |(_, clock)| clock);
        Ok(Stage { client, secret: secret.into(), run: run.to_owned(), clock })
    }

    /// The server's clock, as far as we know it.
    pub fn server_now(&self) -> ServerUs {
        now() + self.clock
    }

    /// Carries a change of ours out; what was turned away before it began is sent again, by the same key.
    async fn change(&self, ask: Ask) -> anyhow::Result<Value> {
        let ask = ask.key(Uuid::now_v7());
        for _ in 0..LATER_MAX {
            let reply = self.client.ask(&ask).await?;
            if reply.status != 429 {
                ensure!(
                    (200..300).contains(&reply.status),
                    "{} {}: {} {}",
                    ask.method,
                    ask.path,
                    reply.status,
                    reply.body["detail"]
                );
                return Ok(reply.body);
            }
            tokio::time::sleep(Duration::from_secs(reply.retry_after.unwrap_or(1).clamp(1, 5))).await;
        }
        anyhow::bail!("{}: told to come later {LATER_MAX} times", ask.path)
    }

    /// Makes so many people, each with a key.
    pub async fn make_people(&self, members: usize, admins: usize) -> anyhow::Result<People> {
        let mut csv = "external_id,name,title,role\n".to_owned();
        for (role, count) in [("member", members), ("admin", admins)] {
            for n in 1..=count {
                writeln!(csv, "race-{run}-{role}-{n},Race {run} {role} {n},Race,{role}", run = self.run)?;
            }
        }
        let import = Ask::post("/api/people/import", &self.secret, json!({ "csv": csv }));
        self.client.must(&import).await.context("making people")?;
        let mut ids: BTreeMap<String, Uuid> = BTreeMap::new();
        for person in self.all(&format!("/api/people?q={}&limit=200", self.run)).await? {
            if let (Some(external), Some(id)) = (person["external_id"].as_str(), id(&person["id"])) {
                ids.insert(external.to_owned(), id);
            }
        }
        let key = async |role: &'static str, n: usize| -> anyhow::Result<Person> {
            let external = format!("race-{}-{role}-{n}", self.run);
            let id = *ids.get(&external).with_context(|| format!("{external} was made and is not there"))?;
            let label = format!("race {}", self.run);
            let ask = Ask::post(format!("/api/people/{id}/keys"), &self.secret, json!({ "label": label }));
            let made = self.client.must(&ask).await.context("making an API key")?;
            let secret = made["key"].as_str().context("an API key was made and not told")?.to_owned();
            Ok(Person { id, secret })
        };
        let made = |role: &'static str, count: usize| {
            futures_util::stream::iter(1..=count).map(move |n| (role, n)).map(|(role, n)| key(role, n))
        };
        let members: Vec<anyhow::Result<Person>> = made("member", members).buffered(AT_ONCE).collect().await;
        let admins: Vec<anyhow::Result<Person>> = made("admin", admins).buffered(AT_ONCE).collect().await;
        let members = members.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        Ok(People { members, admins: admins.into_iter().collect::<anyhow::Result<Vec<_>>>()? })
    }

    /// Makes the resources of a round. `day` counts rounds of the run: each has a day of its own, so that nobody is in their own way.
    pub async fn make_things(
        &self,
        scenario: &Scenario,
        round: u32,
        day: i64,
    ) -> anyhow::Result<BTreeMap<String, Tool>> {
        let mut things = BTreeMap::new();
        let hour = 3_600_000_000;
        let ahead = self.server_now() / hour * hour + (30 + day) * 24 * hour;
        for (n, (name, wanted)) in scenario.resources.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "seconds of a file, far from the end of the number")]
            let start = match wanted.begins_in_s {
                Some(seconds) => self.server_now() + (seconds * 1e6) as i64,
                None => ahead,
            };
            let end = start + i64::try_from(wanted.lasts_min)? * 60_000_000;
            let called = format!("Race {} {} {round} {name}", self.run, scenario.name);
            let mut body = json!({ "kind": wanted.kind, "name": called, "zone": "UTC", "capacity": wanted.capacity });
            if let Value::Object(policy) = &wanted.policy {
                body["policy"] = Value::Object(policy.clone());
            }
            let timed = ["section", "session"].contains(&wanted.kind.as_str());
            if timed {
                body["interval"] = json!({ "start": said(start), "end": said(end) });
            }
            let made = self.change(Ask::post("/api/resources", &self.secret, body)).await;
            let made = made.with_context(|| format!("making {name}"))?["resource"].take();
            let cutoff = |name: &str| match &made["policy"][name] {
                said if said["days_before"].is_null() && said["at"].is_string() => instant(&said["at"]),
                said => Some(start - said["elapsed_s"].as_i64()? * 1_000_000),
            };
            let thing = Thing {
                n,
                name: name.clone(),
                id: id(&made["id"]).context("a resource was made and has no id")?,
                capacity: made["capacity"].as_u64(),
                kind: wanted.kind.clone(),
                policy_version: made["policy_version"].as_u64().unwrap_or(1),
                version: version(&made).context("a resource was made and has no version")?,
                book_by: cutoff("book_by"),
                cancel_by: cutoff("cancel_by"),
                policy: made["policy"].clone(),
            };
            things.insert(name.clone(), Tool { thing, start, end, timed, called });
        }
        Ok(things)
    }

    /// Reads all pages of a list.
    async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let mut found = Vec::new();
        let mut after = String::new();
        for _ in 0..PAGES_MAX {
            let page = self.client.must(&Ask::get(format!("{path}{after}"), &self.secret)).await?;
            found.extend(page["items"].as_array().into_iter().flatten().cloned());
            let Some(next) = page["next"].as_str() else { return Ok(found) };
            after = format!("&after={}", encoded(next));
        }
        anyhow::bail!("{path} has more than {PAGES_MAX} pages")
    }

    /// Reads how a resource stands. `entries` are places in line that somebody has had.
    pub async fn read_end(&self, thing: &Thing, entries: &BTreeSet<Uuid>) -> anyhow::Result<End> {
        let path = format!("/api/resources/{}", thing.id);
        let now = self.client.must(&Ask::get(&path, &self.secret)).await?;
        let take = |line: &Value| {
            Some(Take {
                resource: thing.id,
                start: instant(&line["start"])?,
                end: instant(&line["end"])?,
                units: line["units"].as_u64()?,
            })
        };
        let mut bookings = Vec::new();
        for booking in self.all(&format!("/api/bookings?resource={}&limit=200", thing.id)).await? {
            let here = |line: &&Value| id(&line["resource"]) == Some(thing.id);
            let lines = booking["lines"].as_array().into_iter().flatten().filter(here);
            bookings.push(EndBooking {
                id: id(&booking["id"]).context("a booking without an id")?,
                owner: id(&booking["owner"]["id"]),
                state: booking["state"].as_str().unwrap_or_default().to_owned(),
                takes: lines.filter_map(take).collect(),
                created_at: instant(&booking["created_at"]),
            });
        }
        let holds = self.all(&format!("/api/holds?resource={}", thing.id)).await?;
        let mut known = Vec::new();
        for entry in entries {
            let entry = self.client.must(&Ask::get(format!("/api/waitlist/{entry}"), &self.secret)).await?;
            let Some((id, take)) = id(&entry["id"]).zip(take(&entry)) else { continue };
            known.push(EndEntry {
                id,
                owner: entry["owner"]["id"].as_str().and_then(|id| id.parse().ok()),
                state: entry["state"].as_str().unwrap_or_default().to_owned(),
                take,
                class: entry["class"].as_i64().unwrap_or(0),
                booking: entry["booking"].as_str().and_then(|id| id.parse().ok()),
            });
        }
        Ok(End {
            n: 0,
            resource: thing.id,
            version: version(&now).context("a resource without a version")?,
            capacity: now["capacity"].as_u64(),
            policy_version: now["policy_version"].as_u64().unwrap_or(0),
            remaining: now["remaining"].as_i64(),
            over_commit: now["over_commit"].as_u64().unwrap_or(0),
            bookings,
            holds: holds.iter().filter_map(take).collect(),
            entries: known,
        })
    }

    /// Reads the record of a resource, as a socket would have told it; `None` where it is too long to be told.
    pub async fn read_record(&self, thing: &Thing) -> anyhow::Result<Option<(Subscribed, Vec<Heard>)>> {
        let epoch = thing.version.epoch;
        let path = format!("/api/resources/{}/record?after={epoch}.0", thing.id);
        let record = self.client.must(&Ask::get(path, &self.secret)).await?;
        if record["resync"] == true {
            return Ok(None);
        }
        let from = Version { epoch, version: 0 };
        let began = Subscribed { n: 0, actor: "the record".into(), resource: thing.id, version: from, record: true };
        let items = record["items"].as_array().into_iter().flatten();
        let heard =
            items.map(|item| heard("the record", 0, item["event"].as_str().unwrap_or_default(), &item["data"], true));
        Ok(Some((began, heard.collect())))
    }

    /// Takes what was made out of use: resources are closed, people erased with their keys.
    pub async fn leave(&self, things: &[Uuid], people: &People) -> anyhow::Result<()> {
        for thing in things {
            let path = format!("/api/resources/{thing}");
            let now = self.client.must(&Ask::get(&path, &self.secret)).await?;
            let reason = json!({ "reason": format!("The race {} is over.", self.run) });
            let mut close = Ask::post(format!("{path}/close"), &self.secret, reason);
            (close.method, close.if_match) = (Method::POST, now["policy_version"].as_u64());
            self.change(close).await.context("closing a resource of ours")?;
        }
        for person in people.all() {
            let erase = Ask::post(format!("/api/people/{}/erase", person.id), &self.secret, json!({}));
            self.client.must(&erase).await.context("erasing a person of ours")?;
        }
        Ok(())
    }
}

/// An event as it was told.
pub fn heard(actor: &str, at: i64, event: &str, data: &Value, record: bool) -> Heard {
    Heard {
        n: 0,
        actor: actor.to_owned(),
        at,
        event: event.to_owned(),
        resource: id(&data["resource"]),
        version: version(data),
        part: data["part"].as_u64().zip(data["parts"].as_u64()),
        attempt: id(&data["attempt"]),
        booking: id(&data["booking"]["id"]),
        record,
    }
}

/// For a query.
pub fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
