//! Who asks: an API key, a session's cookie, or with `--demo` a cookie for whoever somebody chose to be. Identity comes from nowhere else.
//! Secrets are compared and kept by their hash, and never logged.

use crate::access;
use crate::app::App;
use crate::problem::Problem;
use crate::requests::Notes;
use crate::site::Client;
use axum::extract::FromRequestParts;
use axum::extract::MatchedPath;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sha2::Digest;
use slotwise_domain::{Actor, Booking, BookingState, Instant, PersonId, ResourceId, Role, Span, WaitEntry};
use slotwise_engine::doors::Sha256;
use slotwise_engine::{Door, PersonCard, Scopes, SecretKind, catalogue};
use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The cookie of a demo session.
pub const COOKIE: &str = "slotwise_demo";
/// The cookie of a session, over TLS: no other name of this site can set it.
const SESSION_TLS: &str = "__Host-slotwise";
/// The same where there is no TLS, as on one's own machine.
const SESSION_PLAIN: &str = "slotwise_session";
/// How long a session lasts.
pub const SESSION_MAX: Span = Span::hours(30 * 24);
/// How long it lasts without being used.
const SESSION_IDLE: Span = Span::hours(7 * 24);
/// How exactly it is known when it was used last.
const SEEN_EVERY: Span = Span::minutes(5);
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
    /// What they manage, when the request came in: resources, what is in their groups, and the groups.
    pub manages: Arc<BTreeSet<ResourceId>>,
    /// What their key allows; a session allows all.
    pub scopes: Scopes,
    /// By what they came in.
    pub came: Came,
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

    /// Whether they may look at everything.
    pub fn sees_all(&self) -> bool {
        match self.role {
            Role::Admin | Role::Auditor => true,
            Role::Member | Role::Manager => false,
        }
    }

    /// Whether they manage a resource.
    pub fn manages(&self, resource: ResourceId) -> bool {
        self.manages.contains(&resource)
    }

    /// Whether they look at everything there is on this booking's resources.
    pub fn oversees(&self, booking: &Booking) -> bool {
        self.sees_all() || booking.slots.iter().all(|slot| self.manages(slot.resource))
    }

    /// Whether a program asks with a key of theirs.
    pub fn by_key(&self) -> bool {
        match self.came {
            Came::Key(_) => true,
            Came::Session(_) | Came::Demo(_) => false,
        }
    }

    /// Whether they may see what is written inside a booking: its owner, its guests, and whoever oversees it.
    pub fn sees_inside(&self, booking: &Booking) -> bool {
        self.oversees(booking) || booking.concerns(self.id)
    }

    /// Whether they may see a place in line with all there is to it: its owner does, and whoever oversees it.
    pub fn sees_entry(&self, entry: &WaitEntry) -> bool {
        self.sees_all() || self.manages(entry.resource) || entry.owner == self.id
    }

    /// Whether they may see whose a booking is: of a room that is taken anybody may, unless it is private. Who asked for a room and
    /// waits, or gave it up, is between them and the admins.
    pub fn sees_owner(&self, booking: &Booking, all_rooms: bool) -> bool {
        let stands = matches!(booking.state, BookingState::Confirmed | BookingState::CheckedIn { .. });
        self.sees_inside(booking) || (all_rooms && stands && !booking.details.private)
    }
}

/// By what somebody came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Came {
    /// A session.
    Session(Sha256),
    /// An API key.
    Key(Sha256),
    /// A demo's session.
    Demo(Sha256),
}

impl Asker {
    fn of(app: &App, card: PersonCard, manages: BTreeSet<ResourceId>, scopes: Scopes, came: Came) -> Asker {
        let PersonCard { id, name, title, role } = card;
        let manages = Arc::new(if manages.is_empty() { manages } else { with_members(app, manages) });
        Asker { id, name, title, role, manages, scopes, came, notes: Arc::default() }
    }

    /// Whoever a door lets in, if it does now.
    fn let_in(app: &App, door: Door, came: Came, now: Instant) -> Option<Asker> {
        let kind = match came {
            Came::Session(_) => SecretKind::Session,
            Came::Key(_) => SecretKind::Key,
            Came::Demo(_) => return None,
        };
        let Door { card, manages, secret } = door;
        let used = secret.seen_at.unwrap_or(secret.made_at);
        let idle = kind == SecretKind::Session && used.plus(SESSION_IDLE) <= now;
        (secret.kind == kind && !idle).then(|| Asker::of(app, card, manages, secret.scopes, came))
    }
}

/// Groups, with what is in them now.
fn with_members(app: &App, mut manages: BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
    let catalogue = catalogue::read(app.views.catalogue());
    let within: Vec<ResourceId> = manages.iter().flat_map(|id| catalogue.members(*id)).collect();
    manages.extend(within);
    manages
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
        access::admit(&asker, &parts.method, parts.extensions.get::<MatchedPath>())?;
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
    let Some(came) = came(app, headers, token) else { return Ok(None) };
    Ok(standing(app, vec![came]).await?.into_iter().flatten().next())
}

/// By what the headers would come in.
pub fn came(app: &App, headers: &HeaderMap, token: Option<&str>) -> Option<Came> {
    let said = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once(' '));
    // The name of a scheme is the same in any case.
    let bearer = said.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret.trim());
    if let Some(secret) = bearer.or(token) {
        return Some(Came::Key(secret_hash(secret)));
    }
    // Over TLS only the name that nobody else can set counts.
    let names: &[&str] = if headers_secure(app) { &[SESSION_TLS] } else { &[SESSION_TLS, SESSION_PLAIN] };
    let session = names.iter().find_map(|name| cookie(headers, name)).map(|secret| Came::Session(secret_hash(secret)));
    let demo = || app.demo.as_ref().and_then(|_| cookie(headers, COOKIE)).map(|secret| Came::Demo(secret_hash(secret)));
    session.or_else(demo)
}

fn headers_secure(app: &App) -> bool {
    app.site.tls || app.site.public.as_ref().is_some_and(|public| public.as_str().starts_with("https://"))
}

/// Whom each of these lets in now, in their order.
pub async fn standing(app: &App, came: Vec<Came>) -> Result<Vec<Option<Asker>>, Problem> {
    let now = app.engine.now();
    let hash = |came: &Came| match came {
        Came::Session(hash) | Came::Key(hash) => Some(*hash),
        Came::Demo(_) => None,
    };
    let mut doors = app.accounts.doors(came.iter().filter_map(hash).collect(), now).await?.into_iter();
    let mut askers = Vec::with_capacity(came.len());
    for came in came {
        askers.push(match came {
            Came::Session(hash) | Came::Key(hash) => match doors.next().flatten() {
                Some(door) => {
                    let used = door.secret.seen_at.unwrap_or(Instant(0));
                    let asker = Asker::let_in(app, door, came, now);
                    if asker.is_some() && used.plus(SEEN_EVERY) <= now && app.seen.is_news(hash, now) {
                        let accounts = app.accounts.clone();
                        // Nobody waits for it, and nothing hangs on it.
                        tokio::spawn(async move {
                            if let Err(e) = accounts.seen(hash, now).await {
                                tracing::debug!("noting when a key or a session was used: {e}");
                            }
                        });
                    }
                    asker
                }
                None => None,
            },
            Came::Demo(hash) => match app.demo.as_ref().and_then(|sessions| sessions.person(&hash)) {
                Some(person) => match app.directory.person(person).await? {
                    Some(card) => {
                        let manages = match card.role {
                            Role::Manager => app.accounts.manages(person).await?,
                            Role::Member | Role::Admin | Role::Auditor => BTreeSet::new(),
                        };
                        Some(Asker::of(app, card, manages, Scopes::ALL, came))
                    }
                    None => None,
                },
                None => None,
            },
        });
    }
    Ok(askers)
}

/// What was noted as used lately, so that many who come at once with one key note it once.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<Sha256, Instant>>);

impl Seen {
    fn is_news(&self, hash: Sha256, now: Instant) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.get(&hash).is_some_and(|at| at.plus(SEEN_EVERY) > now) {
            return false;
        }
        if noted.len() >= SESSIONS_MAX {
            noted.clear();
        }
        noted.insert(hash, now);
        true
    }
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|v| v.to_str().ok());
    cookies.flat_map(|c| c.split(';')).find_map(|c| c.trim().strip_prefix(name)?.strip_prefix('='))
}

/// The cookie that keeps a session, or takes it away.
pub fn session_cookie(client: Client, secret: Option<&str>) -> String {
    let (name, secure) = if client.secure { (SESSION_TLS, "; Secure") } else { (SESSION_PLAIN, "") };
    let age = if secret.is_some() { SESSION_MAX.0 / 1_000_000 } else { 0 };
    format!("{name}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={age}{secure}", secret.unwrap_or_default())
}

/// The secret of a session or a link: 244 bits of the system's randomness.
pub fn plain_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// How a secret is kept: high-entropy secrets need no slow hash.
pub fn secret_hash(secret: &str) -> [u8; 32] {
    sha2::Sha256::digest(secret).into()
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
        if let Some(secret) = cookie(headers, COOKIE) {
            self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&secret_hash(secret));
        }
    }

    fn person(&self, secret: &Sha256) -> Option<PersonId> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(secret).map(|(_, person)| *person)
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
