//! A proxy before a real server that lies about one thing, so that whoever judges answers can be judged.
//! What it is not told to change goes through as it is, sockets included.

use futures_util::{SinkExt, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

/// What was asked.
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub body: Value,
}

impl Asked {
    /// A change with this path, such as `/api/bookings`.
    pub fn posts(&self, path: &str) -> bool {
        self.method == Method::POST && self.path == path
    }
}

/// What is said.
#[derive(Clone)]
pub struct Said {
    pub status: u16,
    pub replayed: bool,
    pub body: Value,
}

impl Said {
    pub fn of(status: u16, body: Value) -> Said {
        Said { status, replayed: false, body }
    }
}

/// What a liar remembers.
#[derive(Default)]
pub struct Memory {
    pub kept: BTreeMap<String, Value>,
    counts: BTreeMap<String, u64>,
}

impl Memory {
    /// How often this has been counted, this time included.
    pub fn count(&mut self, what: &str) -> u64 {
        let count = self.counts.entry(what.into()).or_default();
        *count += 1;
        *count
    }
}

/// What it lies about.
#[derive(Clone, Copy)]
pub struct Lie {
    /// Says this and never asks the server; `None` asks it. A status of 0 hangs up.
    pub instead: fn(&Asked, &mut Memory) -> Option<Said>,
    /// Changes what the server said.
    pub after: fn(&Asked, &mut Said, &mut Memory),
    /// Whether an event goes through.
    pub tells: fn(&str, &Value, &mut Memory) -> bool,
}

/// No lie at all.
pub const HONEST: Lie = Lie { instead: |_, _| None, after: |_, _, _| {}, tells: |_, _, _| true };

/// The proxy; it ends with its value.
pub struct Liar {
    pub address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

type Remembered = Arc<Mutex<Memory>>;

impl Liar {
    pub fn before(server: SocketAddr, lie: Lie) -> Liar {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        let memory = Remembered::default();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (client, memory) = (client.clone(), memory.clone());
                tokio::spawn(async move {
                    drop(stream.set_nodelay(true));
                    let mut head = [0; 64];
                    // Nothing yet: it was closed, or says nothing; then there is nothing to lie about.
                    let Ok(n) = stream.peek(&mut head).await else { return };
                    if String::from_utf8_lossy(&head[..n]).contains(" /socket.io") {
                        socket(stream, server, lie, memory).await;
                    } else {
                        let serve = service_fn(move |asked| answer(asked, server, client.clone(), lie, memory.clone()));
                        // Whoever hung up is gone.
                        drop(http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await);
                    }
                });
            }
        });
        Liar { address, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

type Forward = Client<HttpConnector, Full<Bytes>>;

async fn answer(
    request: Request<Incoming>,
    server: SocketAddr,
    client: Forward,
    lie: Lie,
    memory: Remembered,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let hang_up = || std::io::Error::other("hung up");
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| hang_up())?.to_bytes();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let asked = Asked { method: parts.method.clone(), path: path.clone(), body: json };
    let instead = (lie.instead)(&asked, &mut memory.lock().unwrap());
    let (said, headers) = match instead {
        Some(Said { status: 0, .. }) => return Err(hang_up()),
        Some(said) => (said, HeaderMap::new()),
        None => {
            let mut forward = Request::builder().method(parts.method).uri(format!("http://{server}{path}"));
            for (name, value) in parts.headers.iter().filter(|(n, _)| *n != "host" && *n != "content-length") {
                forward = forward.header(name, value);
            }
            let told = client.request(forward.body(Full::new(body)).unwrap()).await.map_err(|_| hang_up())?;
            let (head, body) = told.into_parts();
            let replayed = head.headers.get("idempotent-replayed").is_some_and(|v| v == "true");
            let body = body.collect().await.map_err(|_| hang_up())?.to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let mut said = Said { status: head.status.as_u16(), replayed, body };
            (lie.after)(&asked, &mut said, &mut memory.lock().unwrap());
            (said, head.headers)
        }
    };
    let mut response = Response::builder().status(StatusCode::from_u16(said.status).unwrap());
    for name in ["content-type", "etag", "retry-after", "location"].map(HeaderName::from_static) {
        if let Some(value) = headers.get(&name) {
            response = response.header(name, value);
        }
    }
    if said.replayed {
        response = response.header("idempotent-replayed", "true");
    }
    Ok(response.body(Full::new(Bytes::from(said.body.to_string()))).unwrap())
}

async fn socket(stream: TcpStream, server: SocketAddr, lie: Lie, memory: Remembered) {
    let Ok(near) = tokio_tungstenite::accept_async(stream).await else { return };
    let Ok(far) = TcpStream::connect(server).await else { return };
    let url = format!("ws://{server}/socket.io/?EIO=4&transport=websocket");
    let Ok((far, _)) = tokio_tungstenite::client_async(url, far).await else { return };
    let (mut to_near, mut from_near) = near.split();
    let (mut to_far, mut from_far) = far.split();
    let up = async {
        while let Some(Ok(message)) = from_near.next().await {
            if to_far.send(message).await.is_err() {
                return;
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = from_far.next().await {
            if let Message::Text(text) = &message
                && let Some(event) = text.as_str().strip_prefix("42")
                && let Ok((name, data)) = serde_json::from_str::<(String, Value)>(event)
                && !(lie.tells)(&name, &data, &mut memory.lock().unwrap())
            {
                continue;
            }
            if to_near.send(message).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
}
