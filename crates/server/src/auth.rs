//! Who asks: an API key, or with `--demo` a cookie for whoever somebody chose to be. Identity comes from nowhere else.
//! Secrets are compared and kept by their hash, and never logged.

use crate::app::App;
use crate::problem::Problem;
use crate::requests::Notes;
use crate::site::Client;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sha2::{Digest, Sha256};
use slotwise_domain::{Actor, Booking, BookingState, PersonId, Role, WaitEntry};
use slotwise_engine::PersonCard;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The cookie of a demo session.
pub const COOKIE: &str = "slotwise_demo";
/// Demo sessions kept at once; the oldest are forgotten.
const SESSIONS_MAX: usize = 10_000;

/// The person who asks.
#[derive(Clone, Debug)]
pub struct Asker {
    /// Who.
    pub id: PersonId,
    /// Their name.
    pub name: String,
    /// What they are called.
    pub title: String,
    /// What they could do when the request came in; the decision asks again.
    pub role: Role,
    /// What is noted about the request they ask with.
    pub notes: Arc<Notes>,
}

impl Asker {
    /// As the one who acts.
    pub const fn actor(&self) -> Actor {
        Actor::Person(self.id)
    }

    /// Whether they are an admin.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether they may see what is written inside a booking: its owner, its guests and admins do.
    pub fn sees_inside(&self, booking: &Booking) -> bool {
        self.is_admin() || booking.concerns(self.id)
    }

    /// Whether they may see a place in line with all there is to it: its owner and admins do.
    pub fn sees_entry(&self, entry: &WaitEntry) -> bool {
        self.is_admin() || entry.owner == self.id
    }

    /// Whether they may see whose a booking is: of a room that is taken anybody may, unless it is private. Who asked for a room and
    /// waits, or gave it up, is between them and the admins.
    pub fn sees_owner(&self, booking: &Booking, all_rooms: bool) -> bool {
        let stands = matches!(booking.state, BookingState::Confirmed | BookingState::CheckedIn { .. });
        self.sees_inside(booking) || (all_rooms && stands && !booking.details.private)
    }
}

impl From<PersonCard> for Asker {
    fn from(p: PersonCard) -> Asker {
        Asker { id: p.id, name: p.name, title: p.title, role: p.role, notes: Arc::default() }
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Asker, Problem> {
        let Some(mut asker) = whoever(app, &parts.headers, None).await? else {
            Stranger::from_request_parts(parts, app).await?;
            return Err(Problem::unauthenticated());
        };
        asker.notes = notes(parts);
        asker.notes.person.get_or_init(|| asker.id);
        Ok(asker)
    }
}

/// Somebody who need not say who they are: counted by their address.
pub struct Stranger(pub Client);

impl FromRequestParts<App> for Stranger {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Stranger, Problem> {
        let nowhere = Client { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), secure: false };
        let client = parts.extensions.get::<Client>().copied().unwrap_or(nowhere);
        app.rates.stranger(client, &notes(parts))?;
        Ok(Stranger(client))
    }
}

fn notes(parts: &Parts) -> Arc<Notes> {
    parts.extensions.get::<Arc<Notes>>().cloned().unwrap_or_default()
}

/// Who the headers speak for; `token` is an API key that came another way (the socket's handshake).
pub async fn whoever(app: &App, headers: &HeaderMap, token: Option<&str>) -> Result<Option<Asker>, Problem> {
    let bearer =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    if let Some(secret) = bearer.or(token) {
        return Ok(app.directory.by_key(secret_hash(secret)).await?.map(Asker::from));
    }
    let Some(sessions) = &app.demo else { return Ok(None) };
    let Some(person) = cookie(headers).and_then(|secret| sessions.person(secret)) else { return Ok(None) };
    Ok(app.directory.person(person).await?.map(Asker::from))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    cookies.flat_map(|c| c.split(';')).find_map(|c| c.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// How a secret is kept: high-entropy secrets need no slow hash.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// The secret of a new API key: two version 4 UUIDs, 244 bits of the system's randomness.
pub fn new_secret() -> String {
    format!("slw_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// Sessions of `--demo`: whoever somebody chose to be. In memory only.
#[derive(Default)]
pub struct DemoSessions {
    sessions: Mutex<HashMap<[u8; 32], (u64, PersonId)>>,
}

impl DemoSessions {
    /// Begins a session and returns its secret. `random` is one half of it each.
    pub fn begin(&self, person: PersonId, random: [Uuid; 2]) -> String {
        let secret = format!("{}{}", random[0].simple(), random[1].simple());
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX
            && let Some(oldest) = sessions.iter().min_by_key(|(_, (n, _))| *n).map(|(hash, _)| *hash)
        {
            sessions.remove(&oldest);
        }
        let n = sessions.values().map(|(n, _)| n + 1).max().unwrap_or(0);
        sessions.insert(secret_hash(&secret), (n, person));
        secret
    }

    /// Ends the session the headers name, if there is one.
    pub fn end(&self, headers: &HeaderMap) {
        if let Some(secret) = cookie(headers) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&secret_hash(secret));
        }
    }

    fn person(&self, secret: &str) -> Option<PersonId> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&secret_hash(secret)).map(|(_, person)| *person)
    }
}

/// Whether a host header names this machine only: what `--demo` insists on, so that no web page elsewhere can reach it by another name.
pub fn loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|h| h.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.chars().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}
