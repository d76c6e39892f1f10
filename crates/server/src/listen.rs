//! The accept loop: connections within their bounds, over TLS or in clear, and a graceful end.
//! It knows nothing of what is served, and speaks HTTP/1.1 only.

use crate::connection::{Pace, Seat, Seats, Sent, Watched};
use crate::site::{Peer, Site, network};
use crate::tls::Tls;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// How long running requests may take to end after a stop was asked for.
const STOP_WITHIN: Duration = Duration::from_secs(8);
/// How long accepting pauses when there are no descriptors left, so that some can be given back.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What one client may cost: sizes, times, numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections at once, WebSockets included; beyond it they are closed at once.
    pub connections_max: usize,
    /// The same from one address; trusted proxies are not counted so.
    pub connections_per_address_max: usize,
    /// Headers of a request.
    pub headers_max: usize,
    /// Bytes of a request's line and headers.
    pub headers_bytes: usize,
    /// From a request's first byte to the end of its headers, and for a TLS handshake.
    pub headers_within: Duration,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// From the end of the headers to the end of the body.
    pub body_within: Duration,
    /// From the headers to the answer. What is being carried out then goes on.
    pub handler_within: Duration,
    /// How long a client may take none of what it is sent.
    pub send_within: Duration,
    /// From an answer to the next request.
    pub idle_within: Duration,
}

/// What answers every request; each connection has one of its own.
pub trait Answers:
    Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Answers for S where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

/// What connections share.
struct Door<A> {
    http: http1::Builder,
    answers: A,
    bounds: Bounds,
    tls: Option<Arc<Tls>>,
    /// What is running may end, nothing new is begun.
    closing: CancellationToken,
}

/// Serves until `stop` resolves, then lets what is running end.
pub async fn serve(
    listener: TcpListener,
    answers: impl Answers,
    bounds: Bounds,
    site: Arc<Site>,
    tls: Option<Arc<Tls>>,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    // Our own clock is below: one for the head, another for idling.
    http.header_read_timeout(None).max_headers(bounds.headers_max).max_header_size(bounds.headers_bytes);
    let door = Arc::new(Door { http, answers, bounds, tls, closing: CancellationToken::new() });
    let seats = Seats::new(&bounds);
    let connections = TaskTracker::new();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                // Out of descriptors, most likely: wait for some to be given back instead of spinning.
                metrics::counter!("slotwise_accept_errors_total").increment(1);
                tracing::warn!("accepting a connection: {e}");
                tokio::time::sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let counted = (!site.trusts(peer.ip())).then(|| network(peer.ip()));
        let seat = match seats.take(counted) {
            Ok(seat) => seat,
            Err(why) => {
                metrics::counter!("slotwise_connections_refused_total", "why" => why).increment(1);
                tracing::debug!(%peer, "a connection too many is closed");
                continue;
            }
        };
        connections.spawn(one(door.clone(), stream, peer, seat));
    }
    drop(listener);
    door.closing.cancel();
    connections.close();
    if tokio::time::timeout(STOP_WITHIN, connections.wait()).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
}

async fn one(door: Arc<Door<impl Answers>>, stream: TcpStream, peer: SocketAddr, seat: Seat) {
    // Small answers must not wait for a full packet.
    if let Err(e) = stream.set_nodelay(true) {
        return tracing::debug!(%peer, "a connection ended at once: {e}");
    }
    let Some(tls) = &door.tls else { return http(&door, stream, peer, seat).await };
    let hands = tokio::time::timeout(door.bounds.headers_within, tls.acceptor().accept(stream));
    let shaken = tokio::select! {
        shaken = hands => shaken,
        () = door.closing.cancelled() => return,
    };
    match shaken {
        Ok(Ok(stream)) => http(&door, stream, peer, seat).await,
        Ok(Err(e)) => tracing::debug!(%peer, "a TLS handshake failed: {e}"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

async fn http<S>(door: &Door<impl Answers>, stream: S, peer: SocketAddr, seat: Seat)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pace = Arc::new(Pace::default());
    let stream = Watched::new(stream, pace.clone(), &door.bounds, seat);
    let service = service_fn(|mut request: hyper::Request<hyper::body::Incoming>| {
        pace.asked();
        request.extensions_mut().insert(Peer(peer));
        let answered = door.answers.clone().call(request.map(Body::new));
        let pace = pace.clone();
        async move {
            let Ok(response) = answered.await;
            if response.status() == hyper::StatusCode::SWITCHING_PROTOCOLS {
                pace.upgraded();
            }
            Ok::<_, Infallible>(response.map(|body| Sent::new(body, pace)))
        }
    });
    let connection = door.http.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = door.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!(%peer, "a connection ended: {e}");
    }
}
