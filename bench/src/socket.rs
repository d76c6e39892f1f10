//! A small Socket.IO client: WebSocket only, the real handshake, subscriptions, heartbeats, events as text.
//! It resumes nothing and reconnects never; what is not understood ends it.

use crate::http;
use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

/// How long the server may take to greet a socket, or to answer it.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// A connected socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
}

impl Socket {
    /// Opens the nth of a crowd and says who it is.
    pub async fn open(address: SocketAddr, secret: &str, n: usize) -> anyhow::Result<Socket> {
        let opened = tokio::time::timeout(ANSWER_WITHIN, Socket::greeted(address, secret, n)).await;
        opened.with_context(|| format!("a socket was not let in within {ANSWER_WITHIN:?}"))?
    }

    async fn greeted(address: SocketAddr, secret: &str, n: usize) -> anyhow::Result<Socket> {
        let stream = http::connect(address, Some(n)).await?;
        let url = format!("ws://{address}/socket.io/?EIO=4&transport=websocket");
        let (stream, _) = tokio_tungstenite::client_async(url, stream).await.context("opening a WebSocket")?;
        let mut socket = Socket { stream };
        let hello = socket.packet().await?;
        ensure!(hello.starts_with('0'), "instead of a handshake: {hello}");
        socket.send(format!("40{}", serde_json::json!({ "token": secret }))).await?;
        let connected = socket.packet().await?;
        ensure!(connected.starts_with("40"), "not let in: {connected}");
        Ok(socket)
    }

    /// Subscribes to resources and waits for the answer.
    pub async fn subscribe(&mut self, resources: &[Uuid]) -> anyhow::Result<()> {
        let subscribed = tokio::time::timeout(ANSWER_WITHIN, self.subscribed(resources)).await;
        subscribed.with_context(|| format!("no subscription within {ANSWER_WITHIN:?}"))?
    }

    async fn subscribed(&mut self, resources: &[Uuid]) -> anyhow::Result<()> {
        let wanted: Vec<_> = resources.iter().map(|id| serde_json::json!({ "id": id })).collect();
        let message = serde_json::json!(["subscribe", { "resources": wanted }]);
        self.send(format!("420{message}")).await?;
        loop {
            let packet = self.packet().await?;
            if let Some(answer) = packet.strip_prefix("430") {
                let answer: serde_json::Value = serde_json::from_str(answer).context("reading an acknowledgement")?;
                let subscribed = answer.get(0).and_then(|answer| answer.get("subscribed")).and_then(|s| s.as_array());
                ensure!(subscribed.is_some_and(|s| s.len() == resources.len()), "not subscribed: {answer}");
                return Ok(());
            }
        }
    }

    /// The next event's text, name first; heartbeats are answered on the way.
    pub async fn event(&mut self) -> anyhow::Result<String> {
        loop {
            let packet = self.packet().await?;
            if let Some(event) = packet.strip_prefix("42") {
                return Ok(event.to_owned());
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
