//! A client of the HTTP API by its contract alone: one request, one answer, bounded in size and time.
//! It never sends anything twice; whoever wants that does it, by the same key.

use anyhow::{Context, ensure};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Method, Request, Uri, header};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// No answer is longer.
const ANSWER_MAX: usize = 8 << 20;
/// How long an answer may take: longer than the server gives itself for any.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(40);

/// A client.
#[derive(Clone)]
pub struct Client {
    pool: Pool<HttpConnector, Full<Bytes>>,
    base: String,
    authority: String,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its method.
    pub method: Method,
    /// Its path and query.
    pub path: String,
    /// Who asks.
    pub secret: String,
    /// The idempotency key.
    pub key: Option<Uuid>,
    /// The version in `If-Match`.
    pub if_match: Option<u64>,
    /// Its body.
    pub body: Option<Value>,
}

impl Ask {
    /// Reads something.
    pub fn get(path: impl Into<String>, secret: &str) -> Ask {
        Ask { method: Method::GET, path: path.into(), secret: secret.into(), key: None, if_match: None, body: None }
    }

    /// Changes something.
    pub fn post(path: impl Into<String>, secret: &str, body: Value) -> Ask {
        Ask { method: Method::POST, body: Some(body), ..Ask::get(path, secret) }
    }

    /// Under a key.
    pub fn key(mut self, key: Uuid) -> Ask {
        self.key = Some(key);
        self
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// It says that it was told before.
    pub replayed: bool,
    /// Seconds after which one may ask again.
    pub retry_after: Option<u64>,
    /// The body; null if it is no JSON.
    pub body: Value,
}

impl Client {
    /// For a server by its URL. The error says what is wrong with it.
    pub fn new(url: &str) -> anyhow::Result<Client> {
        let base = url.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().with_context(|| format!("{url:?} is no address"))?;
        let says = "only http:// is spoken here: race a server that TLS is in front of by its own address";
        ensure!(uri.scheme_str() == Some("http"), "{url:?}: {says}");
        ensure!(uri.path().len() <= 1 && uri.query().is_none(), "{url:?}: give the address without a path");
        let authority = uri.authority().context("an address has a host")?.as_str().to_owned();
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(Duration::from_secs(10)));
        // What is on the mutating path is never sent again behind our back.
        let pool = Pool::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(5))
            .build(connector);
        Ok(Client { pool, base, authority })
    }

    /// Host and port.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Sends a request and reads its answer.
    pub async fn ask(&self, ask: &Ask) -> anyhow::Result<Reply> {
        let asked = tokio::time::timeout(ANSWER_WITHIN, self.ask_unbounded(ask)).await;
        asked.with_context(|| format!("there was no answer within {ANSWER_WITHIN:?}"))?
    }

    async fn ask_unbounded(&self, ask: &Ask) -> anyhow::Result<Reply> {
        let mut request = Request::builder().method(&ask.method).uri(format!("{}{}", self.base, ask.path));
        request = request.header(header::AUTHORIZATION, format!("Bearer {}", ask.secret));
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key.to_string());
        }
        if let Some(version) = ask.if_match {
            request = request.header(header::IF_MATCH, format!("\"{version}\""));
        }
        let body = match &ask.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Bytes::from(body.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).context("the API key has characters that no header takes")?;
        let answer = self.pool.request(request).await.with_context(|| format!("asking {}", self.base))?;
        let status = answer.status().as_u16();
        let said = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let replayed = said("idempotent-replayed").as_deref() == Some("true");
        let retry_after = said("retry-after").and_then(|s| s.parse().ok());
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        let body = body.map_err(|e| anyhow::anyhow!("reading an answer of {}: {e}", self.base))?.to_bytes();
        Ok(Reply { status, replayed, retry_after, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// The same, where anything but success is an error that says what the server said.
    pub async fn must(&self, ask: &Ask) -> anyhow::Result<Value> {
        let reply = self.ask(ask).await?;
        if (200..300).contains(&reply.status) {
            return Ok(reply.body);
        }
        let said = reply.body["detail"].as_str().unwrap_or("it did not say why").to_owned();
        anyhow::bail!("{} {}: {} {}", ask.method, ask.path, reply.status, said)
    }
}
