//! Around every request: its id, who sent it, one line in the log, and what every answer carries.
//! It never logs a body, a query, a name or a secret, and decides nothing of what is asked.

use crate::app::App;
use crate::extract::KEY;
use crate::listen::Answers;
use crate::problem::Problem;
use crate::rate::Standing;
use crate::site::{Client, Peer};
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use slotwise_domain::PersonId;
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Instant;
use tokio::time::timeout;
use tracing::Instrument;
use uuid::Uuid;

/// What the browser may load: only what is ours.
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; \
object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
);

const SECURITY: [(HeaderName, HeaderValue); 8] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    // What the app's own files do not say otherwise of themselves is of one person at one instant.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
    ),
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
    /// The same of the bucket that was empty, which may be another.
    pub limited: OnceLock<(&'static str, Standing)>,
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

/// Once around everything that is served.
pub async fn around(app: App, served: impl Answers, mut request: Request) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |p| p.0.ip());
    let client = app.site.client(peer, request.headers());
    let (method, way) = (request.method().clone(), Way::of(&request));
    let notes = Arc::new(Notes::default());
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(notes.clone());
    let span = tracing::info_span!("request", id = id.to_str().unwrap_or_default());
    let mut response = answer(&app, client, &notes, way, request, served).instrument(span.clone()).await;
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

/// Turned away while there is too much to do, and answered in time. Sockets have no handlers of ours; what is bounded is how fast one
/// address opens them, and how long a message may take to arrive.
async fn answer(
    app: &App,
    client: Client,
    notes: &Notes,
    way: Way,
    request: Request,
    served: impl Answers,
) -> Response {
    // RFC 9112, 3.2: without it nobody knows whose server is asked, and two of them are a trap.
    if request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1 {
        let detail = "A request of HTTP/1.1 has exactly one Host.";
        return Problem::request(StatusCode::BAD_REQUEST, "host_missing", "No host", detail).into_response();
    }
    match way {
        Way::Route => carried(app, request, served).await,
        Way::Open if let Err(problem) = app.rates.stranger(client, notes) => problem.into_response(),
        Way::Open | Way::Poll if request.method() == Method::POST => {
            let within = app.bounds.handler_within;
            timeout(within, ask(served, request)).await.unwrap_or_else(|_| Problem::too_slow().into_response())
        }
        Way::Open | Way::Poll => ask(served, request).await,
    }
}

async fn carried(app: &App, request: Request, served: impl Answers) -> Response {
    let changes = matches!(*request.method(), Method::POST | Method::PATCH);
    let sent_key = request.headers().get(KEY).filter(|_| changes).cloned();
    let key = || Uuid::try_parse(sent_key.as_ref()?.to_str().ok()?.trim().trim_matches('"')).ok();
    // Before anybody is looked up or anything is read: turning away must cost little.
    if changes && app.engine.is_full() && (key().is_some() || request.uri().path() == "/api/room-bookings") {
        metrics::counter!("slotwise_shed_total").increment(1);
        return Problem::busy(key()).into_response();
    }
    timeout(app.bounds.handler_within, ask(served, request)).await.unwrap_or_else(|_| {
        metrics::counter!("slotwise_handlers_late_total").increment(1);
        Problem::late(key()).into_response()
    })
}

async fn ask(mut served: impl Answers, request: Request) -> Response {
    // It is always ready: nothing within keeps anybody waiting for a turn.
    match AssertUnwindSafe(async move { served.call(request).await }).catch_unwind().await {
        Ok(Ok(response)) => response,
        Err(_) => panicked(),
    }
}

/// A bug in a handler is not the end of the process. What was being carried out goes on in its own task.
fn panicked() -> Response {
    metrics::counter!("slotwise_handler_panics_total").increment(1);
    let detail = "Something went wrong on our side. If you sent an Idempotency-Key, ask for the attempt by it.";
    Problem::request(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail).into_response()
}

/// Notes the route that was found for a request, for its line in the log.
pub fn note_route(request: Request) -> Request {
    let extensions = request.extensions();
    if let (Some(notes), Some(route)) = (extensions.get::<Arc<Notes>>(), extensions.get::<MatchedPath>()) {
        notes.route.get_or_init(|| route.clone());
    }
    request
}

/// What every answer carries.
fn finish(app: &App, client: Client, notes: &Notes, response: &mut Response) {
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    // A demo is on this machine's own names, which other servers here share.
    if client.secure && app.demo.is_none() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if let Some((policy, standing)) = notes.limited.get().or_else(|| notes.rate.get()) {
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
