//! Around every request: its id, who sent it, one line in the log, and what every answer carries.
//! It never logs a body, a query, a name or a secret, and decides nothing of what is asked.

use crate::app::App;
use crate::problem::Problem;
use crate::rate::Standing;
use crate::site::{Client, Peer};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use slotwise_domain::PersonId;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tracing::Instrument;
use uuid::Uuid;

/// What the browser may load: only what is ours.
const CSP: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; \
frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

const SECURITY: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Where sockets are opened and polled.
const SOCKETS: &str = "/socket.io";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Browsers that came over TLS once come so for a year.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// What is found out about a request while it is answered, for its line in the log and its answer's headers.
#[derive(Debug, Default)]
pub struct Notes {
    /// Who asks.
    pub person: OnceLock<PersonId>,
    /// How their bucket stands, and under which policy.
    pub rate: OnceLock<(&'static str, Standing)>,
    route: OnceLock<MatchedPath>,
}

/// What a response says, beside it: for the log.
#[derive(Clone, Debug)]
pub struct Said {
    /// The outcome, if there is one.
    pub outcome: Option<&'static str>,
    /// The code of a problem; empty for none.
    pub code: String,
}

/// Once around everything.
pub async fn around(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.0.ip());
    let client = app.site.client(peer, request.headers());
    let (method, way) = (request.method().clone(), Way::of(&request));
    let notes = Arc::new(Notes::default());
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(notes.clone());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = answer(&app, client, &notes, way, request, next).instrument(span.clone()).await;
    finish(&app, client, &notes, &mut response);
    let _entered = span.enter();
    log(&method, way, client, &notes, &response, began);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// What the client calls its request, if that is short and plain; else a name of our own.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:".contains(b);
    let given = headers.get(REQUEST_ID).filter(|v| (1..=64).contains(&v.len()) && v.as_bytes().iter().all(plain));
    let made = || HeaderValue::from_str(&Uuid::now_v7().to_string()).unwrap_or(HeaderValue::from_static("none"));
    given.cloned().unwrap_or_else(made)
}

/// What a request is for, by its address alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The API or a page.
    Route,
    /// Opens a socket.
    Open,
    /// Carries what a socket says or hears.
    Poll,
}

impl Way {
    fn of(request: &Request) -> Way {
        if !request.uri().path().starts_with(SOCKETS) {
            return Way::Route;
        }
        let session = request.uri().query().is_some_and(|q| q.split('&').any(|p| p.starts_with("sid=")));
        if session { Way::Poll } else { Way::Open }
    }
}

/// Sockets have no handlers of ours, so their bounds are kept here: opening them by address, and how long a message may take to arrive.
async fn answer(app: &App, client: Client, notes: &Notes, way: Way, request: Request, next: Next) -> Response {
    if way == Way::Open
        && let Err(problem) = app.rates.stranger(client, notes)
    {
        return problem.into_response();
    }
    if way == Way::Route || request.method() != Method::POST {
        return next.run(request).await;
    }
    match tokio::time::timeout(app.bounds.handler_within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::too_slow().into_response(),
    }
}

/// What every answer carries.
fn finish(app: &App, client: Client, notes: &Notes, response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // A demo is on this machine's own names, which other servers here share.
    if client.secure && app.demo.is_none() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if let Some((policy, standing)) = notes.rate.get() {
        standing.say(policy, headers);
    }
    let location = headers.get(header::LOCATION).and_then(|l| l.to_str().ok());
    if let (Some(public), Some(path)) = (&app.site.public, location.filter(|l| l.starts_with('/')))
        && let Ok(whole) = HeaderValue::from_str(&format!("{}{path}", public.as_str()))
    {
        headers.insert(header::LOCATION, whole);
    }
}

fn log(method: &Method, way: Way, client: Client, notes: &Notes, response: &Response, began: Instant) {
    let took = began.elapsed();
    let status = response.status().as_u16();
    let route = notes.route.get().map(MatchedPath::as_str);
    let said = response.extensions().get::<Said>();
    let (outcome, code) = said.map_or((None, None), |s| (s.outcome, Some(s.code.as_str()).filter(|c| !c.is_empty())));
    let person = notes.person.get().map(|p| tracing::field::display(p.0));
    let ms = (took.as_secs_f64() * 1e6).round() / 1e3;
    // A path that is no route may hold anything, so it is not told.
    let route = route.unwrap_or(if way == Way::Route { "other" } else { SOCKETS });
    let client = tracing::field::display(client.address);
    // What monitors and polling sockets ask again and again tells nothing new.
    if way == Way::Poll || matches!(route, "/healthz" | "/readyz" | "/metrics") {
        tracing::debug!(target: "slotwise::request", %method, route, status, ms, person, client, outcome, code);
    } else {
        tracing::info!(target: "slotwise::request", %method, route, status, ms, person, client, outcome, code);
    }
}

/// Around each route: turned away while there is too much to do, and answered in time.
pub async fn carried(State(app): State<App>, request: Request, next: Next) -> Response {
    let notes = request.extensions().get::<Arc<Notes>>();
    if let (Some(notes), Some(route)) = (notes, request.extensions().get::<MatchedPath>()) {
        notes.route.get_or_init(|| route.clone());
    }
    let changes = matches!(*request.method(), Method::POST | Method::PATCH);
    let key = request.headers().get("idempotency-key").and_then(|k| k.to_str().ok());
    let key = key.and_then(|k| Uuid::try_parse(k.trim().trim_matches('"')).ok());
    let attempts = key.is_some() || request.uri().path() == "/api/room-bookings";
    // Before anybody is looked up or anything is read: turning away must cost little.
    if changes && attempts && app.engine.is_full() {
        metrics::counter!("slotwise_shed_total").increment(1);
        return Problem::busy(key).into_response();
    }
    match tokio::time::timeout(app.bounds.handler_within, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            metrics::counter!("slotwise_handlers_late_total").increment(1);
            Problem::late(key.filter(|_| changes)).into_response()
        }
    }
}
