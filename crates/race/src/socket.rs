//! A small Socket.IO client: WebSocket only, the real handshake, subscriptions, heartbeats, events as JSON.
//! It resumes nothing and reconnects never; what is not understood ends it.

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// How long the server may take to greet a socket, or to answer it.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Events kept while an answer is waited for.
const KEPT_MAX: usize = 100_000;

/// A connected socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    kept: VecDeque<(String, Value)>,
}

impl Socket {
    /// Opens one to a host and port, and says who it is.
    pub async fn open(authority: &str, secret: &str) -> anyhow::Result<Socket> {
        let opened = tokio::time::timeout(ANSWER_WITHIN, Socket::greeted(authority, secret)).await;
        opened.with_context(|| format!("a socket was not let in within {ANSWER_WITHIN:?}"))?
    }

    async fn greeted(authority: &str, secret: &str) -> anyhow::Result<Socket> {
        let address = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let stream = TcpStream::connect(&address).await.with_context(|| format!("connecting to {address}"))?;
        stream.set_nodelay(true)?;
        let url = format!("ws://{authority}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = tokio_tungstenite::client_async(url, stream).await.context("opening a WebSocket")?;
        let mut socket = Socket { stream, kept: VecDeque::new() };
        let hello = socket.packet().await?;
        ensure!(hello.starts_with('0'), "instead of a handshake: {hello}");
        socket.send(format!("40{}", json!({ "token": secret }))).await?;
        let connected = socket.packet().await?;
        ensure!(connected.starts_with("40"), "not let in: {connected}");
        Ok(socket)
    }

    /// Subscribes to resources and returns what was acknowledged of each: its id and version.
    pub async fn subscribe(&mut self, resources: &[Uuid]) -> anyhow::Result<Vec<Value>> {
        let subscribed = tokio::time::timeout(ANSWER_WITHIN, self.subscribed(resources)).await;
        subscribed.with_context(|| format!("no subscription within {ANSWER_WITHIN:?}"))?
    }

    async fn subscribed(&mut self, resources: &[Uuid]) -> anyhow::Result<Vec<Value>> {
        let wanted: Vec<Value> = resources.iter().map(|id| json!({ "id": id })).collect();
        self.send(format!("420{}", json!(["subscribe", { "resources": wanted }]))).await?;
        loop {
            let packet = self.packet().await?;
            if let Some(answer) = packet.strip_prefix("430") {
                let answer: Value = serde_json::from_str(answer).context("reading an acknowledgement")?;
                let told = answer[0]["subscribed"].as_array().cloned().unwrap_or_default();
                ensure!(told.len() == resources.len(), "not subscribed: {answer}");
                return Ok(told);
            }
            if let Some(event) = read_event(&packet) {
                ensure!(self.kept.len() < KEPT_MAX, "too many events while waiting for an answer");
                self.kept.push_back(event);
            }
        }
    }

    /// The next event, name and data; heartbeats are answered on the way.
    pub async fn event(&mut self) -> anyhow::Result<(String, Value)> {
        if let Some(kept) = self.kept.pop_front() {
            return Ok(kept);
        }
        loop {
            if let Some(event) = read_event(&self.packet().await?) {
                return Ok(event);
            }
        }
    }

    async fn packet(&mut self) -> anyhow::Result<String> {
        loop {
            let message =
                self.stream.next().await.context("the server closed a socket")?.context("reading a socket")?;
            match message {
                Message::Text(text) if text.as_str() == "2" => self.send("3".into()).await?,
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("an unexpected message: {other}"),
            }
        }
    }

    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        self.stream.send(Message::text(text)).await.context("writing to a socket")
    }
}

fn read_event(packet: &str) -> Option<(String, Value)> {
    let (name, data) = serde_json::from_str::<(String, Value)>(packet.strip_prefix("42")?).ok()?;
    Some((name, data))
}
