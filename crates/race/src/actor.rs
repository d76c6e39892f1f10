//! An actor: does the steps of a scenario one after the other and writes down what was asked, told, shown and heard.
//! It decides nothing by what it is told but what the file says, and asks again only by the same key.

use crate::chance::Chance;
use crate::client::{Ask, Reply};
use crate::history::{
    Answer, Call, Heard, History, Number, Outcome, ServerUs, Subscribed, Take, Thing, Version, View, What,
};
use crate::scenario::{Actors, Do, Instant, Step};
use crate::socket::Socket;
use crate::stage::{Person, Stage, heard, id, instant, now, said, version};
use anyhow::Context;
use hyper::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Barrier, watch};
use tokio::task::{JoinHandle, JoinSet};
use uuid::{NoContext, Timestamp, Uuid};

/// Tries by one key when an answer was lost, or somebody else of ours is still asking by it.
const TRIES_MAX: usize = 40;
/// Between two such tries.
const PAUSE: Duration = Duration::from_millis(50);
/// Looks for a resource that was just made, so far apart: it must be in every list within a second.
const LISTED_LOOKS_MAX: usize = 20;
/// The longest that anybody waits because they were told to come later.
const LATER_MAX: Duration = Duration::from_secs(5);
/// Records of one round; what is beyond is not written down, and the round is an error.
const RECORDS_MAX: usize = 400_000;

/// A resource with what a request needs to know of it.
#[derive(Clone, Debug)]
pub struct Tool {
    /// As the history has it.
    pub thing: Thing,
    /// Its time begins.
    pub start: ServerUs,
    /// Its time ends.
    pub end: ServerUs,
    /// Its time is its own: requests name none.
    pub timed: bool,
    /// Its whole name.
    pub called: String,
}

/// Something that somebody was given.
#[derive(Clone, Debug)]
struct Made {
    id: Uuid,
    token: Option<String>,
    expires_at: Option<ServerUs>,
    takes: Vec<Take>,
}

/// A request that was sent, to be sent once more when all is over.
#[derive(Clone)]
pub struct Sent {
    /// The request.
    pub ask: Ask,
    /// How it is written down.
    pub call: Call,
}

/// A round that is being run: what all its actors share.
pub struct Round {
    /// The server.
    pub stage: Stage,
    /// What is raced for, by name.
    pub tools: BTreeMap<String, Tool>,
    /// When it began, by our clock.
    pub began: i64,
    barriers: HashMap<String, Barrier>,
    notes: Mutex<Notes>,
    board: Mutex<HashMap<(String, String), Made>>,
    over: watch::Sender<bool>,
    sockets: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Notes {
    history: History,
    next: Number,
    sent: HashMap<Uuid, Sent>,
    troubles: Vec<String>,
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Round {
    /// Before anybody comes. `barriers`: how many meet at each.
    pub fn new(
        stage: Stage,
        tools: BTreeMap<String, Tool>,
        barriers: BTreeMap<String, usize>,
        history: History,
    ) -> Round {
        let next = history.number_max() + 1;
        Round {
            stage,
            tools,
            began: now(),
            barriers: barriers.into_iter().map(|(name, n)| (name, Barrier::new(n))).collect(),
            notes: Mutex::new(Notes { history, next, ..Notes::default() }),
            board: Mutex::default(),
            over: watch::Sender::new(false),
            sockets: Mutex::default(),
        }
    }

    fn us(&self) -> i64 {
        now() - self.began
    }

    /// Writes something down, under the next number.
    pub fn note(&self, write: impl FnOnce(&mut History, Number)) {
        let mut notes = open(&self.notes);
        if notes.next > RECORDS_MAX {
            notes.troubles.push(format!("more than {RECORDS_MAX} records: make the scenario smaller"));
            return;
        }
        let n = notes.next;
        notes.next += 1;
        write(&mut notes.history, n);
    }

    /// Something that kept the round from being run as it is written.
    pub fn trouble(&self, what: String) {
        let mut notes = open(&self.notes);
        if notes.troubles.len() < 20 {
            notes.troubles.push(what);
        }
    }

    /// What was written down so far, what was sent, and what went wrong with the running of it.
    pub fn so_far(&self) -> (History, Vec<Sent>, Vec<String>) {
        let notes = open(&self.notes);
        let mut sent: Vec<Sent> = notes.sent.values().cloned().collect();
        sent.sort_by_key(|s| s.call.sent);
        (notes.history.clone(), sent, notes.troubles.clone())
    }

    /// Requests so far.
    pub fn requests(&self) -> usize {
        open(&self.notes).next
    }

    /// The highest version of each resource that each socket has heard of.
    pub fn heard_upto(&self) -> HashMap<(String, Uuid), Version> {
        let notes = open(&self.notes);
        let mut upto: HashMap<(String, Uuid), Version> = HashMap::new();
        for s in &notes.history.subscribed {
            upto.insert((s.actor.clone(), s.resource), s.version);
        }
        for h in notes.history.heard.iter().filter(|h| !h.record) {
            if let (Some(resource), Some(version), Some((part, parts))) = (h.resource, h.version, h.part)
                && part == parts
                && let Some(known) = upto.get_mut(&(h.actor.clone(), resource))
            {
                *known = (*known).max(version);
            }
        }
        upto
    }

    /// Ends the sockets and waits for them.
    pub async fn hang_up(&self) {
        self.over.send_replace(true);
        let sockets: Vec<JoinHandle<()>> = std::mem::take(&mut *open(&self.sockets));
        for socket in sockets {
            // A socket's task that panicked has written down nothing more; the gap is seen.
            drop(socket.await);
        }
    }

    /// Sends a request once and writes down what came of it.
    pub async fn send(&self, ask: &Ask, mut call: Call) -> (Call, Option<Reply>) {
        call.sent = self.us();
        let reply = self.stage.client.ask(ask).await.ok();
        call.answered = reply.as_ref().map(|_| self.us());
        call.answer = reply.as_ref().map(read_answer);
        self.note(|history, n| {
            call.n = n;
            history.calls.push(call.clone());
        });
        (call, reply)
    }
}

/// Reads what was told.
pub fn read_answer(reply: &Reply) -> Answer {
    let body = &reply.body;
    let read = |v: &Value| Some((id(&v["resource"])?, version(v)?));
    let made = ["booking", "hold", "entry"].iter().find_map(|of| id(&body[*of]["id"]));
    Answer {
        status: reply.status,
        outcome: body["outcome"].as_str().and_then(Outcome::read),
        code: body["code"].as_str().map(str::to_owned),
        replayed: reply.replayed,
        decided_at: instant(&body["decided_at"]),
        versions: body["versions"].as_array().into_iter().flatten().filter_map(read).collect(),
        made,
        token: body["hold"]["token"].as_str().map(str::to_owned),
        expires_at: instant(&body["hold"]["expires_at"]),
        dates: body["dates"].as_array().into_iter().flatten().map(|date| id(&date["booking"])).collect(),
        witness: body["witness"]["kind"].as_str().map(|kind| (kind.to_owned(), id(&body["witness"]["id"]))),
    }
}

/// One of the actors of a group.
pub struct Actor {
    round: Arc<Round>,
    label: String,
    nth: usize,
    person: Person,
    chance: Chance,
    clock_offset_us: i64,
    seen: HashMap<String, Seen>,
    last: Option<Outcome>,
}

#[derive(Clone)]
struct Seen {
    version: Version,
    as_of: String,
    policy_version: Option<u64>,
}

impl Actor {
    /// The nth of a group.
    pub fn new(round: Arc<Round>, group: &str, actors: &Actors, nth: usize, person: Person, seed: u64) -> Actor {
        let label = if actors.count == 1 { group.to_owned() } else { format!("{group} {}", nth + 1) };
        let mut chance = Chance::new(seed, &label);
        let (from, to) = actors.clock_offset_ms.ends();
        let off = from + i64::try_from(chance.within(0, (to - from).max(0).unsigned_abs())).unwrap_or(0);
        let clock_offset_us = off * 1_000;
        Actor { round, label, nth, person, chance, clock_offset_us, seen: HashMap::new(), last: None }
    }

    /// Does everything.
    pub async fn act(mut self, actors: Actors) {
        for _ in 0..actors.repeat {
            for step in &actors.steps {
                if step.if_last.is_some() && step.if_last != self.last {
                    continue;
                }
                for _ in 0..step.repeat {
                    self.think(&actors).await;
                    let told = match self.step(step).await {
                        Ok(told) => told,
                        Err(e) => {
                            self.round.trouble(format!("{}: {:?}: {e:#}", self.label, step.does));
                            None
                        }
                    };
                    self.last = told.or(self.last);
                    if step.until.is_some() && told == step.until {
                        break;
                    }
                }
            }
        }
    }

    async fn think(&mut self, actors: &Actors) {
        let (from, to) = actors.think_ms.ends();
        let think = self.chance.within(from, to);
        if think > 0 {
            tokio::time::sleep(Duration::from_millis(think)).await;
        }
    }

    async fn step(&mut self, step: &Step) -> anyhow::Result<Option<Outcome>> {
        match step.does {
            Do::Barrier => {
                let barrier = step.barrier.as_ref().and_then(|name| self.round.barriers.get(name));
                barrier.context("no such barrier")?.wait().await;
                Ok(None)
            }
            Do::Wait => self.wait(step).await.map(|()| None),
            Do::See => self.see(self.tool(step)?).await.map(|()| None),
            Do::Search => self.search(self.tool(step)?, step).await.map(|()| None),
            Do::Schedule => self.schedule(self.tool(step)?).await.map(|()| None),
            Do::Listen => self.listen(self.tool(step)?).await.map(|()| None),
            Do::Book | Do::Hold | Do::Confirm | Do::Renew | Do::Release | Do::Cancel => self.change(step).await,
            Do::Join | Do::Leave | Do::Accept | Do::Decline | Do::SetCapacity | Do::SetSeats => self.change(step).await,
            Do::Move | Do::Swap | Do::Series | Do::Block | Do::Override => self.change(step).await,
        }
    }

    fn tool(&self, step: &Step) -> anyhow::Result<Tool> {
        let name = step.on.as_deref().context("it does not say on which resource")?;
        self.round.tools.get(name).cloned().with_context(|| format!("there is no resource {name}"))
    }

    async fn wait(&mut self, step: &Step) -> anyhow::Result<()> {
        if let Some(ms) = step.ms {
            let (from, to) = ms.ends();
            tokio::time::sleep(Duration::from_millis(self.chance.within(from, to))).await;
        }
        let Some((ms, which)) = step.until_ms.zip(step.instant) else { return Ok(()) };
        let at = match which {
            Instant::BookBy => self.tool(step)?.thing.book_by,
            Instant::CancelBy => self.tool(step)?.thing.cancel_by,
            // Nobody waits for the end of what was not had.
            Instant::Expiry => match self.about(step) {
                Some(made) => made.expires_at,
                None => return Ok(()),
            },
        };
        let at = at.context("there is no such instant")? + ms * 1_000;
        // By their own clock, which may be wrong.
        let left = at - (self.round.stage.server_now() + self.clock_offset_us);
        if let Ok(left) = u64::try_from(left) {
            tokio::time::sleep(Duration::from_micros(left)).await;
        }
        Ok(())
    }

    async fn look(&mut self, path: &str) -> anyhow::Result<(i64, i64, Value)> {
        let sent = self.round.us();
        let ask = Ask::get(path, &self.person.secret);
        let body = self.round.stage.client.must(&ask).await?;
        Ok((sent, self.round.us(), body))
    }

    fn viewed(&mut self, tool: &Tool, place: &str, (sent, answered): (i64, i64), body: &Value, view: View) {
        let as_of = body["as_of"].as_str().unwrap_or_default().to_owned();
        let known = self.seen.get(&tool.thing.name).and_then(|s| s.policy_version);
        let policy_version = body["policy_version"].as_u64().or(known);
        self.seen.insert(tool.thing.name.clone(), Seen { version: view.version, as_of, policy_version });
        let (actor, place, resource) = (self.label.clone(), place.to_owned(), tool.thing.id);
        self.round.note(|history, n| history.views.push(View { n, actor, place, resource, sent, answered, ..view }));
    }

    async fn see(&mut self, tool: Tool) -> anyhow::Result<()> {
        let (sent, answered, body) = self.look(&format!("/api/resources/{}", tool.thing.id)).await?;
        let view = View {
            version: version(&body).context("a view without a version")?,
            remaining: body["remaining"].as_i64(),
            capacity: body["capacity"].as_u64(),
            badge: body["badge"].as_str().map(str::to_owned),
            ..no_view()
        };
        self.viewed(&tool, "resource", (sent, answered), &body, view);
        Ok(())
    }

    async fn search(&mut self, tool: Tool, step: &Step) -> anyhow::Result<()> {
        let take = self.take(&tool, step);
        let (start, end) = (take.start, take.end);
        let words = crate::stage::encoded(&tool.called);
        let kind = &tool.thing.kind;
        let path = format!("/api/search?kind={kind}&q={words}&start={}&end={}&limit=200", said(start), said(end));
        let mut looks = 1;
        let (sent, answered, body, item) = loop {
            let (sent, answered, body) = self.look(&path).await?;
            let found = body["items"].as_array().into_iter().flatten();
            match found.into_iter().find(|i| id(&i["resource"]["id"]) == Some(tool.thing.id)).cloned() {
                Some(item) => break (sent, answered, body, item),
                // Made at one of several servers, it is in the lists of the others a moment later.
                None if looks < LISTED_LOOKS_MAX => looks += 1,
                None => anyhow::bail!("the search does not find {}", tool.called),
            }
            tokio::time::sleep(PAUSE).await;
        };
        let item = &item;
        let view = View {
            version: version(item).context("a view without a version")?,
            remaining: item["units_free"].as_i64(),
            capacity: item["resource"]["capacity"].as_u64(),
            badge: item["badge"].as_str().map(str::to_owned),
            of: Some((start, end)),
            ..no_view()
        };
        self.viewed(&tool, "search", (sent, answered), &body, view);
        Ok(())
    }

    async fn schedule(&mut self, tool: Tool) -> anyhow::Result<()> {
        let (from, to) = (said(tool.start), said(tool.end));
        let path = format!("/api/resources/{}/schedule?from={from}&to={to}", tool.thing.id);
        let (sent, answered, body) = self.look(&path).await?;
        let taken = body["items"].as_array().into_iter().flatten().filter_map(|i| i["units"].as_i64()).sum::<i64>();
        // Where all take the same time, what is shown adds up.
        let capacity = tool.thing.capacity.and_then(|c| i64::try_from(c).ok()).filter(|_| tool.timed);
        let view = View {
            version: version(&body).context("a view without a version")?,
            remaining: capacity.map(|c| c - taken),
            ..no_view()
        };
        self.viewed(&tool, "schedule", (sent, answered), &body, view);
        Ok(())
    }

    async fn listen(&mut self, tool: Tool) -> anyhow::Result<()> {
        let mut socket = Socket::open(self.round.stage.client.authority(), &self.person.secret).await?;
        let told = socket.subscribe(&[tool.thing.id]).await?;
        let from = told.first().and_then(version).context("subscribed from no version")?;
        let (actor, resource) = (self.label.clone(), tool.thing.id);
        self.round.note(|history, n| {
            history.subscribed.push(Subscribed { n, actor, resource, version: from, record: false });
        });
        let (round, label) = (self.round.clone(), self.label.clone());
        let mut over = self.round.over.subscribe();
        let task = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    event = socket.event() => event,
                    _ = over.wait_for(|over| *over) => return,
                };
                match event {
                    Ok((name, data)) => {
                        let heard: Heard = heard(&label, round.us(), &name, &data, false);
                        round.note(|history, n| history.heard.push(Heard { n, ..heard }));
                    }
                    Err(e) => return round.trouble(format!("{label}: a socket ended: {e:#}")),
                }
            }
        });
        open(&self.round.sockets).push(task);
        Ok(())
    }

    fn take(&mut self, tool: &Tool, step: &Step) -> Take {
        let last = step.spans.len().saturating_sub(1) as u64;
        let place = match step.any_span {
            true => usize::try_from(self.chance.within(0, last)).unwrap_or(0),
            false => self.nth % step.spans.len().max(1),
        };
        let minute = |m: u64| i64::try_from(m).unwrap_or(0) * 60_000_000;
        let (start, end) = match step.spans.get(place) {
            Some([from, to]) if !tool.timed => (tool.start + minute(*from), tool.start + minute(*to)),
            _ => (tool.start, tool.end),
        };
        let (from, to) = step.units.map_or((1, 1), crate::scenario::Range::ends);
        Take { resource: tool.thing.id, start, end, units: self.chance.within(from, to) }
    }

    /// What a step is about: something this actor made, or the first of others.
    fn about(&self, step: &Step) -> Option<Made> {
        self.named(step.of.as_deref().unwrap_or("it"))
    }

    /// The token that a step sends along: that of the hold, unless the step says another's.
    fn token(&self, step: &Step, made: &Made) -> Option<String> {
        let other = step.token_of.as_deref().and_then(|of| self.named(of));
        other.map_or_else(|| made.token.clone(), |other| other.token)
    }

    fn named(&self, of: &str) -> Option<Made> {
        let board = open(&self.round.board);
        match of.split_once('.') {
            Some((group, name)) => {
                let of = |label: String| board.get(&(label, name.to_owned())).cloned();
                of(group.to_owned()).or_else(|| of(format!("{group} 1")))
            }
            None => board.get(&(self.label.clone(), of.to_owned())).cloned(),
        }
    }

    fn key(&self) -> Uuid {
        let at = now() + self.round.stage.clock + self.clock_offset_us;
        let (seconds, rest) = (at.div_euclid(1_000_000), at.rem_euclid(1_000_000));
        let (seconds, nanos) = (u64::try_from(seconds).unwrap_or(0), u32::try_from(rest * 1_000).unwrap_or(0));
        Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos))
    }

    /// The bookings that would be displaced, as they are shown to an admin, and the policy version that is shown with them.
    async fn shown(&mut self, tool: &Tool, of: Value) -> anyhow::Result<(Vec<Value>, Option<u64>)> {
        let path = format!("/api/resources/{}/displacement-preview", tool.thing.id);
        let ask = Ask::post(path, &self.person.secret, of);
        let preview = self.round.stage.client.must(&ask).await?;
        let named = preview["displaces"].as_array().cloned().unwrap_or_default();
        Ok((named, preview["policy_version"].as_u64()))
    }

    /// The request of a step that does something to several bookings at once, or over them.
    async fn asked_of_many(&mut self, step: &Step, what: What) -> anyhow::Result<Option<Sent>> {
        let mut sent = self.nothing_yet(what);
        let reason = "A race asked for it.";
        let body = match what {
            What::Move => {
                let Some(made) = self.about(step) else { return Ok(None) };
                let tool = self.tool(step)?;
                let take = self.take(&tool, step);
                (sent.call.about, sent.call.takes) = (Some(made.id), vec![take]);
                sent.ask.path = format!("/api/bookings/{}/move", made.id);
                json!({ "lines": [self.line(&take)], "reason": reason })
            }
            What::Swap => {
                let of = step.with.as_deref().context("it does not say with what")?;
                let (Some(one), Some(other)) = (self.about(step), self.named(of)) else { return Ok(None) };
                (sent.call.about, sent.call.with) = (Some(one.id), Some(other.id));
                sent.call.takes = other.takes.iter().chain(&one.takes).copied().collect();
                sent.ask.path = format!("/api/bookings/{}/swap", one.id);
                json!({ "with": other.id, "reason": reason })
            }
            What::Series => {
                let tool = self.tool(step)?;
                let first = self.take(&tool, step);
                let days = step.days.unwrap_or(1);
                let day = |n: u32| i64::from(n) * 24 * 3_600_000_000;
                let nth = |n: u32| Take { start: first.start + day(n), end: first.end + day(n), ..first };
                sent.call.takes = (0..days).map(nth).collect();
                let contract = step.contract.as_deref().unwrap_or("all_or_nothing");
                sent.call.whole = contract == "all_or_nothing";
                sent.ask.path = "/api/series".into();
                // Civil times, in a zone that is UTC.
                let civil = |at: ServerUs| said(at).chars().take(19).collect::<String>();
                json!({ "resource": first.resource, "units": first.units, "start": civil(first.start), "end": civil(first.end),
                    "rule": format!("FREQ=DAILY;COUNT={days}"), "contract": contract })
            }
            What::Block | What::Override => {
                let tool = self.tool(step)?;
                let take = self.take(&tool, step);
                let (block, line) = (json!({ "start": said(take.start), "end": said(take.end) }), self.line(&take));
                let of = match what {
                    What::Block => json!({ "block": block }),
                    _ => json!({ "book": { "lines": [line] } }),
                };
                let (displaces, policy_version) = self.shown(&tool, of).await?;
                sent.call.displaces = displaces.iter().filter_map(|named| id(&named["id"])).collect();
                if what == What::Block {
                    sent.call.if_match = policy_version;
                    (sent.call.resource, sent.call.takes) = (Some(tool.thing.id), vec![Take { units: 0, ..take }]);
                    sent.ask.path = format!("/api/resources/{}/blocks", tool.thing.id);
                    json!({ "start": block["start"], "end": block["end"], "reason": reason, "over_holds": true, "displaces": displaces })
                } else {
                    sent.call.takes = vec![take];
                    sent.ask.path = "/api/bookings".into();
                    json!({ "lines": [line], "override": { "reason": reason, "displaces": displaces } })
                }
            }
            What::Book
            | What::Hold
            | What::Confirm
            | What::Renew
            | What::Release
            | What::Cancel
            | What::Join
            | What::Leave
            | What::Accept
            | What::Decline
            | What::SetCapacity
            | What::Edit => return self.asked(step, what),
        };
        let Sent { ask, call } = sent;
        let ask = Ask { if_match: call.if_match, ..Ask::post(ask.path, &self.person.secret, body) };
        Ok(Some(Sent { ask: Ask { key: Some(call.key), ..ask }, call }))
    }

    /// A request with a key of its own that asks for nothing so far.
    fn nothing_yet(&self, what: What) -> Sent {
        let call = Call {
            n: 0,
            actor: self.label.clone(),
            person: self.person.id,
            what,
            key: self.key(),
            takes: Vec::new(),
            about: None,
            token: None,
            with: None,
            displaces: Vec::new(),
            whole: false,
            resource: None,
            if_match: None,
            to: None,
            sent: 0,
            answered: None,
            answer: None,
            after: false,
            cut: false,
        };
        Sent { ask: Ask::post("", "", Value::Null), call }
    }

    /// The request of a step, and how it is written down; `None` if what it is about was never had.
    fn asked(&mut self, step: &Step, what: What) -> anyhow::Result<Option<Sent>> {
        let made = self.about(step);
        let post = |path: String, body: Value| Ask::post(path, "", body);
        let (mut takes, mut about, mut resource, mut if_match, mut token) = (Vec::new(), None, None, None, None);
        let (ask, to) = match what {
            What::Book | What::Hold | What::Join => {
                let tool = self.tool(step)?;
                let take = self.take(&tool, step);
                takes.push(take);
                let mut line = json!({ "resource": take.resource, "units": take.units });
                if !tool.timed {
                    line["start"] = json!(said(take.start));
                    line["end"] = json!(said(take.end));
                }
                let seen = self
                    .seen
                    .get(&tool.thing.name)
                    .map(|s| json!({ "epoch": s.version.epoch, "version": s.version.version, "as_of": s.as_of }));
                let mut body = match (what, step.via.is_some()) {
                    (What::Book, true) => {
                        json!({ "roomId": take.resource, "start": said(take.start), "end": said(take.end) })
                    }
                    (What::Book, false) => json!({ "lines": [line] }),
                    (_, _) => line,
                };
                if let Some(seen) = seen.filter(|_| step.via.is_none()) {
                    body["seen"] = seen;
                }
                let path = match (what, step.via.is_some()) {
                    (What::Book, true) => "/api/room-bookings",
                    (What::Book, false) => "/api/bookings",
                    (What::Hold, _) => "/api/holds",
                    (_, _) => "/api/waitlist",
                };
                (post(path.into(), body), None)
            }
            What::Confirm => {
                let Some(made) = made else { return Ok(None) };
                takes.clone_from(&made.takes);
                about = Some(made.id);
                token = self.token(step, &made);
                let hold = json!({ "id": made.id, "token": token });
                let lines: Vec<Value> = takes.iter().map(|t| self.line(t)).collect();
                let (path, body) = match (step.via.is_some(), takes.first()) {
                    (true, Some(t)) => (
                        "/api/room-bookings",
                        json!({ "roomId": t.resource, "start": said(t.start), "end": said(t.end), "hold": hold }),
                    ),
                    (_, _) => ("/api/bookings", json!({ "lines": lines, "hold": hold })),
                };
                (post(path.into(), body), None)
            }
            What::Renew | What::Release => {
                let Some(made) = made else { return Ok(None) };
                about = Some(made.id);
                token = self.token(step, &made);
                let path = format!("/api/holds/{}/{}", made.id, what.word());
                (post(path, json!({ "token": token })), None)
            }
            What::Cancel => {
                let Some(made) = made else { return Ok(None) };
                about = Some(made.id);
                // Whoever gives up what is somebody else's says why.
                (post(format!("/api/bookings/{}/cancel", made.id), json!({ "reason": "A race asked for it." })), None)
            }
            What::Leave | What::Accept | What::Decline => {
                let Some(made) = made else { return Ok(None) };
                (about, takes) = (Some(made.id), made.takes);
                (post(format!("/api/waitlist/{}/{}", made.id, what.word()), json!({})), None)
            }
            What::SetCapacity | What::Edit => {
                let tool = self.tool(step)?;
                let seen = self.seen.get(&tool.thing.name).and_then(|s| s.policy_version);
                if_match = Some(seen.unwrap_or(tool.thing.policy_version));
                resource = Some(tool.thing.id);
                let path = format!("/api/resources/{}", tool.thing.id);
                if what == What::Edit {
                    (Ask { method: Method::PATCH, ..post(path, json!({ "seats": step.to })) }, step.to)
                } else {
                    let below = step.below.as_deref().unwrap_or("refuse");
                    let body = json!({ "to": step.to, "below": below, "reason": "A race asked for it." });
                    (post(format!("{path}/capacity"), body), step.to)
                }
            }
            What::Move | What::Swap | What::Series | What::Block | What::Override => return Ok(None),
        };
        let call = Call { takes, about, resource, if_match, to, token, ..self.nothing_yet(what).call };
        let ask = Ask { secret: self.person.secret.clone(), key: Some(call.key), if_match, ..ask };
        Ok(Some(Sent { ask, call }))
    }

    fn line(&self, take: &Take) -> Value {
        let timed = self.round.tools.values().any(|t| t.thing.id == take.resource && t.timed);
        match timed {
            true => json!({ "resource": take.resource, "units": take.units }),
            false => {
                json!({ "resource": take.resource, "units": take.units, "start": said(take.start), "end": said(take.end) })
            }
        }
    }

    async fn change(&mut self, step: &Step) -> anyhow::Result<Option<Outcome>> {
        let what = step.does.change().context("it changes nothing")?;
        let Some(first) = self.asked_of_many(step, what).await? else { return Ok(None) };
        let mut copies = vec![first.clone()];
        for _ in 1..step.copies {
            let mut copy = first.clone();
            if step.own_keys {
                copy.call.key = self.key();
                copy.ask.key = Some(copy.call.key);
            }
            copies.push(copy);
        }
        if step.lose_answer {
            self.cut(&first).await;
        }
        let mut all = JoinSet::new();
        for copy in copies {
            let round = self.round.clone();
            all.spawn(async move { round.settle(copy).await });
        }
        let mut told = None;
        while let Some(done) = all.join_next().await {
            let Some(call) = done.context("a copy of a request panicked")? else { continue };
            let Some(answer) = call.answer.clone().filter(|a| a.outcome.is_some()) else { continue };
            if answer.outcome.is_some_and(Outcome::is_yes) {
                self.moved(&call);
            }
            if let Some(made) = answer.made.filter(|_| answer.outcome.is_some_and(Outcome::is_yes)) {
                let name = step.named.clone().unwrap_or_else(|| "it".into());
                // What is only kept longer takes what it took.
                let before = if what == What::Renew { self.about(step) } else { None };
                let takes = before.map_or_else(|| call.takes.clone(), |before| before.takes);
                let token = answer.token.clone();
                let made = Made { id: made, token, expires_at: answer.expires_at, takes };
                // What only ends something is about what is there already.
                if matches!(
                    what,
                    What::Book | What::Hold | What::Confirm | What::Join | What::Renew | What::Accept | What::Override
                ) {
                    open(&self.round.board).insert((self.label.clone(), name), made);
                }
            }
            told = told.max(answer.outcome.map(|o| (o.is_yes(), o)));
        }
        Ok(told.map(|(_, outcome)| outcome))
    }

    /// What has gone elsewhere is remembered there.
    fn moved(&self, call: &Call) {
        let of = [call.about, call.with];
        let places = match call.what {
            What::Move => vec![call.takes.clone()],
            What::Swap => call.takes.chunks(call.takes.len().div_ceil(2).max(1)).map(<[Take]>::to_vec).collect(),
            _ => return,
        };
        let mut board = open(&self.round.board);
        for (id, takes) in of.into_iter().zip(places) {
            board.values_mut().filter(|made| Some(made.id) == id).for_each(|made| made.takes.clone_from(&takes));
        }
    }

    /// Sends it and hangs up before an answer can be read.
    async fn cut(&mut self, sent: &Sent) {
        let patience = Duration::from_micros(self.chance.within(200, 6_000));
        let mut call = sent.call.clone();
        (call.sent, call.cut) = (self.round.us(), true);
        // Whatever came in that time is thrown away.
        drop(tokio::time::timeout(patience, self.round.stage.client.ask(&sent.ask)).await);
        self.round.note(|history, n| history.calls.push(Call { n, ..call }));
    }
}

impl Round {
    /// Sends until there is an answer that says what became of it. Only what is lost, still running or was turned away before it began
    /// is sent again, always by the same key.
    async fn settle(&self, sent: Sent) -> Option<Call> {
        let mut last = None;
        for _ in 0..TRIES_MAX {
            let (call, reply) = self.send(&sent.ask, sent.call.clone()).await;
            let later = match &reply {
                None => Some(PAUSE),
                Some(r) if r.status == 429 => Some(Duration::from_secs(r.retry_after.unwrap_or(1)).min(LATER_MAX)),
                Some(r) if r.body["code"] == "in_progress" => Some(PAUSE),
                Some(r) if r.status == 503 && r.body["outcome"].is_null() => Some(PAUSE),
                Some(_) => None,
            };
            last = Some(call.clone());
            let Some(later) = later else {
                if call.answer.as_ref().is_some_and(|a| a.outcome.is_some_and(|o| o != Outcome::Failed)) {
                    open(&self.notes).sent.insert(call.key, Sent { ask: sent.ask, call });
                }
                return last;
            };
            tokio::time::sleep(later).await;
        }
        last
    }
}

fn no_view() -> View {
    View {
        n: 0,
        actor: String::new(),
        place: String::new(),
        resource: Uuid::nil(),
        sent: 0,
        answered: 0,
        version: Version::default(),
        remaining: None,
        capacity: None,
        badge: None,
        of: None,
    }
}
