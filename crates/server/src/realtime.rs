//! Live: one task tells all sockets what was committed, in version order, from the outbox; sockets subscribe, resume, resync.
//! It speaks of nothing that is not durable, except `bookingConflict`, which goes to the loser's own sockets.

use crate::app::App;
use crate::auth::{self, Asker, Came};
use crate::board::{board, may_look};
use crate::crowd::CrowdBody;
use crate::events;
use crate::problem::Problem;
use crate::wire::{VersionBody, time};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde::{Deserialize, Serialize};
use serde_json::json;
use slotwise_domain::{Kind, PersonId, ResourceId, Scope, Version};
use slotwise_engine::outbox::Outbox;
use slotwise_engine::{Record, Streamed};
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef, TryData};
use socketioxide::socket::Sid;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use uuid::Uuid;

/// Things the task is asked at once; beyond it, a socket is asked to try again.
const ASKED_MAX: usize = 10_000;
/// Resources of one message.
const SUBSCRIBE_MAX: usize = 500;
/// Resources of one socket.
const SUBSCRIPTIONS_MAX: usize = 1_000;
/// Messages of the past that a socket which resumes is told, of all resources together, in a second; for what is further behind it
/// resyncs. It is half of what may wait for a socket: what happens meanwhile must fit too.
const REPLAY_MAX: usize = 500;
/// Messages waiting for one slow socket; beyond it, it is disconnected and resumes.
pub const BUFFER_MAX: usize = 1_024;
/// Bytes of one message of a client.
pub const PACKET_MAX: u64 = 100_000;
/// Bytes read from a socket at once. Nearly all sockets only listen, and each has a buffer of this size as long as it lives.
pub const READ_BUFFER: usize = 512;

/// How often a socket that was too slow is tried to be told so.
const CLOSE_EVERY: Duration = Duration::from_millis(100);

/// How often it is asked whether those who listen may still: whoever may not hears nothing more within this and the asking.
const ASK_AGAIN_EVERY: Duration = Duration::from_secs(2);
/// Doors asked about in one question.
const DOORS_AT_ONCE: usize = 500;

/// How often those who watch the board are told.
const BOARD_EVERY: Duration = Duration::from_secs(1);

/// The way to the task.
#[derive(Clone)]
pub struct Realtime {
    ask: mpsc::Sender<Ask>,
    sockets: Arc<AtomicUsize>,
    /// Sockets that were let in and have not gone, those included of which the task has not heard yet.
    let_in: Arc<AtomicUsize>,
}

/// What [`run`] reads.
pub type Asked = mpsc::Receiver<Ask>;

/// A refusal to be told to the loser's own sockets.
#[derive(Debug)]
pub struct Conflict {
    /// The loser.
    pub person: PersonId,
    /// What they wanted.
    pub resource: ResourceId,
    /// What they were answered.
    pub problem: Problem,
}

/// What the task is asked.
pub enum Ask {
    /// A socket is there.
    Connected(SocketRef, Box<Asker>),
    /// A socket has gone.
    Gone(Sid),
    /// A socket wants to hear of resources.
    Subscribe(SocketRef, Box<Asker>, Vec<(ResourceId, Option<Version>)>, AckSender),
    /// A socket has heard enough of them.
    Unsubscribe(Sid, Vec<ResourceId>),
    /// Somebody was faster.
    Conflict(Box<Conflict>),
    /// A socket wants to be told what is on the board.
    WatchBoard(SocketRef, Box<Asker>, AckSender),
    /// A socket has seen enough of it.
    LeaveBoard(Sid),
    /// A crowd has gone on.
    Crowd(Box<CrowdBody>),
    /// Whom the doors of some sockets let in now.
    Standing(Vec<(Came, Option<Box<Asker>>)>),
}

impl Realtime {
    /// The way to a task that is still to be run.
    pub fn new() -> (Realtime, Asked) {
        let (ask, asked) = mpsc::channel(ASKED_MAX);
        (Realtime { ask, sockets: Arc::default(), let_in: Arc::default() }, asked)
    }

    /// Tells the loser's own sockets; best effort, the HTTP answer is the authority. While there is no socket nothing is made to be told.
    pub fn conflict(&self, conflict: impl FnOnce() -> Conflict) {
        if self.let_in.load(Ordering::Acquire) > 0 && self.ask.try_send(Ask::Conflict(Box::new(conflict()))).is_err() {
            metrics::counter!("slotwise_conflicts_untold_total").increment(1);
        }
    }

    /// Tells those who watch the board how far a crowd is; best effort, the next message says it too.
    pub fn crowd(&self, crowd: CrowdBody) {
        if self.ask.try_send(Ask::Crowd(Box::new(crowd))).is_err() {
            tracing::debug!("too much to tell; those who watch the board hear of the crowd with the next second");
        }
    }

    /// Sockets connected.
    pub fn sockets(&self) -> usize {
        self.sockets.load(Ordering::Relaxed)
    }
}

#[derive(Deserialize)]
struct Handshake {
    token: Option<String>,
}

#[derive(Deserialize)]
struct Subscribe {
    resources: Vec<SubscribeTo>,
}

#[derive(Deserialize)]
struct SubscribeTo {
    id: Uuid,
    after: Option<VersionBody>,
}

#[derive(Deserialize)]
struct Unsubscribe {
    resources: Vec<Uuid>,
}

#[derive(Serialize)]
struct Subscribed {
    id: Uuid,
    epoch: u32,
    version: u64,
    resync: bool,
}

/// Gives a socket's request memory of its own. The socket keeps it as long as it lives; what hyper made of it are slices of the eight
/// kilobytes it was read into, which would stay with it.
pub fn apart<B>(mut request: Request<B>) -> Request<B> {
    if !request.uri().path().starts_with("/socket.io") {
        return request;
    }
    let headers = request.headers().iter().map(|(name, value)| {
        let (name, mut own) = (name.as_str().parse().ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?);
        own.set_sensitive(value.is_sensitive());
        Some((name, own))
    });
    // Both were read from the same text before, so neither fails; if one did, the request would stay as it came.
    if let (Some(headers), Ok(uri)) =
        (headers.collect::<Option<Vec<(HeaderName, _)>>>(), request.uri().to_string().parse())
    {
        let mut own = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            own.append(name, value);
        }
        *request.headers_mut() = own;
        *request.uri_mut() = uri;
    }
    request
}

/// Lets sockets in: who they are is asked before they are connected.
pub fn attach(io: &SocketIo, app: &App) {
    use socketioxide::handler::ConnectHandler;
    let (door, inside) = (app.clone(), app.clone());
    let admit = async move |socket: SocketRef, TryData(hand): TryData<Handshake>| -> Result<(), &'static str> {
        let headers = &socket.req_parts().headers;
        if !door.site.same_origin(headers) || (door.demo.is_some() && !auth::loopback_host(headers)) {
            return Err("forbidden_origin");
        }
        let token = hand.ok().and_then(|h| h.token);
        match auth::whoever(&door, headers, token.as_deref()).await {
            Ok(Some(asker)) => {
                socket.extensions.insert(asker.clone());
                // Here, since a client may ask as soon as it hears that it is connected.
                on_messages(&socket, &door.realtime, &asker);
                Ok(())
            }
            Ok(None) => Err("unauthenticated"),
            Err(_) => Err("unavailable"),
        }
    };
    let connected = async move |socket: SocketRef| {
        let Some(asker) = socket.extensions.get::<Asker>() else { return };
        let ask = inside.realtime.ask.clone();
        let sid = socket.id;
        if ask.send(Ask::Connected(socket, Box::new(asker))).await.is_err() {
            tracing::debug!(%sid, "a socket came while closing");
        }
    };
    io.ns("/", connected.with(admit));
}

fn on_messages(socket: &SocketRef, realtime: &Realtime, asker: &Asker) {
    let ask = &realtime.ask;
    let (watch, watcher) = (ask.clone(), asker.clone());
    socket.on("watchBoard", async move |socket: SocketRef, ack: AckSender| {
        drop(watch.send(Ask::WatchBoard(socket, Box::new(watcher.clone()), ack)).await);
    });
    let leave = ask.clone();
    socket.on("leaveBoard", async move |socket: SocketRef, ack: AckSender| {
        drop(leave.send(Ask::LeaveBoard(socket.id)).await);
        drop(ack.send(&json!({ "watching": false })));
    });
    let (subscribe, asker) = (ask.clone(), asker.clone());
    socket.on("subscribe", async move |socket: SocketRef, TryData(wanted): TryData<Subscribe>, ack: AckSender| {
        let wanted = match wanted {
            Ok(w) if w.resources.len() <= SUBSCRIBE_MAX => w,
            Ok(_) => return refuse(ack, "too_many", "at most 500 resources in one message"),
            Err(e) => return refuse(ack, "malformed", &e.to_string()),
        };
        let wanted = wanted.resources.into_iter().map(|w| (ResourceId(w.id), w.after.map(Version::from))).collect();
        drop(subscribe.send(Ask::Subscribe(socket, Box::new(asker.clone()), wanted, ack)).await);
    });
    let unsubscribe = ask.clone();
    socket.on("unsubscribe", async move |socket: SocketRef, TryData(enough): TryData<Unsubscribe>, ack: AckSender| {
        let enough = match enough {
            Ok(enough) => enough.resources.into_iter().map(ResourceId).collect(),
            Err(e) => return refuse(ack, "malformed", &e.to_string()),
        };
        drop(unsubscribe.send(Ask::Unsubscribe(socket.id, enough)).await);
        drop(ack.send(&json!({ "unsubscribed": true })));
    });
    realtime.let_in.fetch_add(1, Ordering::AcqRel);
    let gone = realtime.clone();
    socket.on_disconnect(async move |socket: SocketRef| {
        gone.let_in.fetch_sub(1, Ordering::AcqRel);
        drop(gone.ask.send(Ask::Gone(socket.id)).await);
    });
}

/// Answers what cannot be done; whoever asked may have gone.
fn refuse(ack: AckSender, error: &str, detail: &str) {
    drop(ack.send(&json!({ "error": error, "detail": detail })));
}

struct Listener {
    socket: SocketRef,
    asker: Asker,
    /// What it subscribed, each with the last version that was replayed to it: the outbox may come to that record only later.
    subscribed: BTreeMap<ResourceId, Option<Version>>,
    /// Messages of the past that it was told since then.
    replayed: (Instant, usize),
}

impl Listener {
    fn new(socket: SocketRef, asker: Asker) -> Listener {
        Listener { socket, asker, subscribed: BTreeMap::new(), replayed: (Instant::now(), 0) }
    }

    /// Whether so many more messages of the past may be told to it now; if so, they are counted.
    fn may_be_replayed(&mut self, messages: usize) -> bool {
        let (since, told) = self.replayed;
        let (since, told) = if since.elapsed() < Duration::from_secs(1) { (since, told) } else { (Instant::now(), 0) };
        let may = told + messages <= REPLAY_MAX;
        self.replayed = (since, told + if may { messages } else { 0 });
        may
    }

    /// Whether this record came with the replay of a subscription.
    fn was_replayed(&self, record: &Record) -> bool {
        self.subscribed.get(&record.resource).is_some_and(|last| last.is_some_and(|last| record.version <= last))
    }
}

#[derive(Default)]
struct Hub {
    listeners: HashMap<Sid, Listener>,
    by_resource: HashMap<ResourceId, BTreeSet<Sid>>,
    by_person: HashMap<PersonId, BTreeSet<Sid>>,
    /// Who watches the board.
    board: BTreeSet<Sid>,
    /// Up to which second, since 1970, they have been told; what is not told yet begins with it.
    board_from: i64,
    /// Too slow, and still to be disconnected.
    closing: HashMap<Sid, SocketRef>,
}

/// Tells until the app is gone. One task: what a socket hears is in order, replayed or live.
pub async fn run(app: App, mut outbox: Outbox, mut asked: Asked) {
    let mut hub = Hub::default();
    let mut slow = tokio::time::interval(CLOSE_EVERY);
    slow.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut board = tokio::time::interval(BOARD_EVERY);
    board.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut again = tokio::time::interval(ASK_AGAIN_EVERY);
    again.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = board.tick(), if !hub.board.is_empty() => hub.tell_board(&app).await,
            _ = again.tick(), if !hub.listeners.is_empty() => hub.ask_again(&app),
            _ = slow.tick(), if !hub.closing.is_empty() => hub.close_slow(),
            // While nobody listens nothing is read.
            records = outbox.next(), if !hub.listeners.is_empty() => {
                for record in &records {
                    hub.tell(&app, record).await;
                }
            }
            ask = asked.recv() => match ask {
                Some(ask) => {
                    // Before the first listener is known: whatever they ask for after this is told or in the outbox to come.
                    if hub.listeners.is_empty() {
                        outbox.skip_to_now().await;
                    }
                    hub.answer(&app, ask).await;
                }
                None => return,
            },
        }
    }
}

impl Hub {
    async fn answer(&mut self, app: &App, ask: Ask) {
        match ask {
            Ask::Connected(socket, asker) => self.welcome(&socket, *asker),
            Ask::Gone(sid) => {
                self.closing.remove(&sid);
                self.forget(sid);
            }
            Ask::Subscribe(socket, asker, wanted, ack) => {
                self.welcome(&socket, *asker);
                self.subscribe(app, socket.id, wanted, ack).await;
            }
            Ask::Unsubscribe(sid, enough) => {
                for id in enough {
                    self.leave(sid, id);
                }
            }
            Ask::Conflict(conflict) => self.tell_loser(app, &conflict),
            Ask::WatchBoard(socket, asker, ack) => {
                self.welcome(&socket, *asker);
                self.watch_board(app, socket.id, ack).await;
            }
            Ask::LeaveBoard(sid) => {
                self.board.remove(&sid);
            }
            Ask::Standing(standing) => self.stand(standing),
            Ask::Crowd(crowd) => self.tell_watchers("crowd", &json!(crowd)),
        }
        app.realtime.sockets.store(self.listeners.len(), Ordering::Relaxed);
        metrics::gauge!("slotwise_sockets").set(self.listeners.len() as f64);
    }

    /// Asks, without anybody having to wait for it, whom the doors of all who listen let in now.
    fn ask_again(&self, app: &App) {
        let came: BTreeSet<Came> = self.listeners.values().map(|l| l.asker.came).collect();
        let came: Vec<Came> = came.into_iter().collect();
        for some in came.chunks(DOORS_AT_ONCE).map(<[Came]>::to_vec) {
            let app = app.clone();
            tokio::spawn(async move {
                match auth::standing(&app, some.clone()).await {
                    Ok(askers) => {
                        let standing = some.into_iter().zip(askers.into_iter().map(|a| a.map(Box::new))).collect();
                        drop(app.realtime.ask.send(Ask::Standing(standing)).await);
                    }
                    // What cannot be asked is asked again.
                    Err(problem) => tracing::warn!("asking who may still listen: {}", problem.detail),
                }
            });
        }
    }

    /// Whoever is let in hears what they may see now; whoever is not hears nothing more.
    fn stand(&mut self, standing: Vec<(Came, Option<Box<Asker>>)>) {
        let standing: HashMap<Came, Option<Box<Asker>>> = standing.into_iter().collect();
        let mut gone = Vec::new();
        for (sid, listener) in &mut self.listeners {
            match standing.get(&listener.asker.came) {
                Some(Some(asker)) => listener.asker = Asker::clone(asker),
                Some(None) => gone.push((*sid, listener.socket.clone())),
                None => {}
            }
        }
        for (sid, socket) in gone {
            self.forget(sid);
            drop(socket.emit("signedOut", &json!({ "reason": "signed_out" })));
            drop(socket.disconnect());
            metrics::counter!("slotwise_sockets_signed_out_total").increment(1);
        }
    }

    /// Knows a socket from now on, if it is still there: it may have gone, or asked for something, before it was said to be connected.
    fn welcome(&mut self, socket: &SocketRef, asker: Asker) {
        if socket.connected() && !self.closing.contains_key(&socket.id) && !self.listeners.contains_key(&socket.id) {
            self.by_person.entry(asker.id).or_default().insert(socket.id);
            self.listeners.insert(socket.id, Listener::new(socket.clone(), asker));
        }
    }

    async fn subscribe(&mut self, app: &App, sid: Sid, wanted: Vec<(ResourceId, Option<Version>)>, ack: AckSender) {
        let Some(listener) = self.listeners.get_mut(&sid) else { return };
        let new = wanted.iter().filter(|(id, _)| !listener.subscribed.contains_key(id)).count();
        if listener.subscribed.len() + new > SUBSCRIPTIONS_MAX {
            return refuse(ack, "too_many", "at most 1000 resources on one socket");
        }
        let scope = Scope { resources: wanted.iter().map(|(id, _)| *id).collect(), ..Scope::default() };
        let Ok(world) = app.engine.look(scope).await else {
            return refuse(ack, "unavailable", "try again");
        };
        let (mut subscribed, mut replays, now) = (Vec::new(), Vec::new(), app.engine.now());
        for (id, after) in wanted {
            let Some(calendar) = world.calendars.get(&id) else { continue };
            let kind = calendar.resource.spec.kind;
            // What was committed since the look comes with the replay or with the outbox, and with one of them only.
            let mut last = None;
            let resync = match after {
                Some(after) => match app.engine.store().stream(id, after, REPLAY_MAX).await {
                    Ok(Streamed::Records(records, false)) => {
                        let mut messages = Vec::new();
                        for record in &records {
                            let bookings = events::bookings_of(record, kind, &*app.views).await;
                            let told = events::messages(record, kind, &bookings, &listener.asker, &app.people, now);
                            messages.extend(told.await);
                        }
                        let fits = listener.may_be_replayed(messages.len());
                        if fits {
                            last = records.last().map(|r| r.version);
                            replays.extend(messages);
                        }
                        !fits
                    }
                    Ok(Streamed::Records(_, true) | Streamed::Resync) | Err(_) => true,
                },
                None => false,
            };
            if resync {
                metrics::counter!("slotwise_resyncs_total", "why" => "resume").increment(1);
            }
            let known = listener.subscribed.entry(id).or_default();
            *known = last.max(*known);
            self.by_resource.entry(id).or_default().insert(sid);
            let version = calendar.version;
            subscribed.push(Subscribed { id: id.0, epoch: version.epoch.0, version: version.number, resync });
        }
        drop(ack.send(&json!({ "subscribed": subscribed, "as_of": time(now) })));
        let socket = listener.socket.clone();
        for message in replays {
            if !self.send(&socket, message.event, &message.data) {
                return;
            }
        }
    }

    /// Tells one record to whoever subscribed its resource and to whom it is about.
    async fn tell(&mut self, app: &App, record: &Record) {
        let mut sids: BTreeSet<Sid> = self.by_resource.get(&record.resource).cloned().unwrap_or_default();
        for person in events::concerned(record) {
            sids.extend(self.by_person.get(&person).into_iter().flatten());
        }
        if sids.is_empty() {
            return;
        }
        let kind = app.resource(record.resource).map(|r| r.spec.kind);
        // Without knowing what it is, nobody is named.
        let kind = kind.unwrap_or(Kind::Section);
        let now = app.engine.now();
        metrics::histogram!("slotwise_push_seconds").record(now.since(record.decided_at).0 as f64 / 1e6);
        let bookings = events::bookings_of(record, kind, &*app.views).await;
        for sid in sids {
            let Some(listener) = self.listeners.get(&sid) else { continue };
            if listener.was_replayed(record) {
                continue;
            }
            let (socket, asker) = (listener.socket.clone(), listener.asker.clone());
            for message in events::messages(record, kind, &bookings, &asker, &app.people, now).await {
                if !self.send(&socket, message.event, &message.data) {
                    break;
                }
            }
        }
    }

    /// From now on a socket is told each second, if its person may look now; what was before is read with `GET /api/board`.
    async fn watch_board(&mut self, app: &App, sid: Sid, ack: AckSender) {
        let Some(listener) = self.listeners.get(&sid) else { return };
        let allowed = match app.directory.person(listener.asker.id).await {
            Ok(Some(card)) => may_look(app, &Asker { role: card.role, ..listener.asker.clone() }),
            Ok(None) => Err(Problem::unauthenticated()),
            Err(_) => Err(Problem::unavailable()),
        };
        if let Err(problem) = allowed {
            return refuse(ack, &problem.code, &problem.detail);
        }
        let now = app.engine.now();
        if self.board.is_empty() {
            self.board_from = now.0.div_euclid(1_000_000);
        }
        self.board.insert(sid);
        drop(ack.send(&json!({ "watching": true, "as_of": time(now) })));
    }

    /// The seconds that are over and were not told yet.
    async fn tell_board(&mut self, app: &App) {
        let now = app.engine.now().0.div_euclid(1_000_000);
        // A clock that was set back must not make them wait.
        let from = self.board_from.min(now.saturating_sub(1));
        let body = board(app, from).await;
        self.board_from = now;
        self.tell_watchers("board", &json!(body));
    }

    fn tell_watchers(&mut self, event: &str, data: &serde_json::Value) {
        for sid in self.board.clone() {
            if let Some(socket) = self.listeners.get(&sid).map(|l| l.socket.clone()) {
                self.send(&socket, event, data);
            }
        }
    }

    fn tell_loser(&mut self, app: &App, conflict: &Conflict) {
        let Some(sids) = self.by_person.get(&conflict.person).cloned() else { return };
        let problem = &conflict.problem;
        let message = crate::api::room_bookings::short(problem);
        let (start, end) = problem.witness.as_ref().map(|w| (w.start.clone(), w.end.clone())).unwrap_or_default();
        let data = json!({
            "attempt": problem.attempt,
            "outcome": problem.outcome,
            "code": problem.code,
            "message": message,
            "detail": problem.detail,
            "resource": conflict.resource.0,
            "start": start,
            "end": end,
            "witness": problem.witness,
            "alternatives": problem.alternatives,
            "as_of": time(app.engine.now()),
        });
        for sid in sids {
            if let Some(listener) = self.listeners.get(&sid) {
                let socket = listener.socket.clone();
                self.send(&socket, "bookingConflict", &data);
            }
        }
    }

    /// Sends, or lets a socket go that cannot keep up: it resumes from the version it has. False if it is gone.
    fn send(&mut self, socket: &SocketRef, event: &str, data: &serde_json::Value) -> bool {
        if socket.emit(event, data).is_ok() {
            return true;
        }
        self.forget(socket.id);
        if socket.connected() {
            metrics::counter!("slotwise_resyncs_total", "why" => "slow").increment(1);
            tracing::info!(sid = %socket.id, "a socket cannot keep up; it is disconnected and may resume");
            self.closing.insert(socket.id, socket.clone());
            self.close_slow();
        }
        false
    }

    /// Tells sockets that could not keep up so, and disconnects them, as soon as their buffers take that much. Until then they hear
    /// nothing more: what they have not read yet is in order, and what comes after it they ask for when they are back.
    fn close_slow(&mut self) {
        self.closing.retain(|_, socket| {
            let told = socket.connected() && socket.emit("resync", &json!({ "reason": "slow" })).is_ok();
            socket.connected() && !(told && socket.clone().disconnect().is_ok())
        });
    }

    fn forget(&mut self, sid: Sid) {
        self.board.remove(&sid);
        let Some(listener) = self.listeners.remove(&sid) else { return };
        for id in listener.subscribed.into_keys() {
            remove(&mut self.by_resource, id, sid);
        }
        remove(&mut self.by_person, listener.asker.id, sid);
    }

    fn leave(&mut self, sid: Sid, id: ResourceId) {
        if let Some(listener) = self.listeners.get_mut(&sid) {
            listener.subscribed.remove(&id);
        }
        remove(&mut self.by_resource, id, sid);
    }
}

fn remove<K: std::hash::Hash + Eq>(of: &mut HashMap<K, BTreeSet<Sid>>, key: K, sid: Sid) {
    if let std::collections::hash_map::Entry::Occupied(mut entry) = of.entry(key) {
        entry.get_mut().remove(&sid);
        if entry.get().is_empty() {
            entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    #[test]
    fn a_sockets_request_says_the_same_in_memory_of_its_own() {
        let read = Bytes::from("x".repeat(8_192));
        let mut request = Request::new(());
        *request.uri_mut() = "/socket.io/?EIO=4&transport=websocket".parse().unwrap();
        for (name, value) in [("cookie", "a=1"), ("cookie", "b=2"), ("x-own", "\u{e4}")] {
            request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        request.headers_mut().insert("x-read", HeaderValue::from_maybe_shared(read.slice(..4)).unwrap());
        assert!(!read.is_unique());
        let (uri, headers) = (request.uri().clone(), request.headers().clone());
        let own = apart(request);
        assert_eq!((own.uri(), own.headers()), (&uri, &headers));
        drop(headers);
        assert!(read.is_unique());
    }
}
