//! HTTP/1.1 over one blocking socket: enough for a test, and nothing that hides what was sent.
//! It never retries and never follows.

use rustix::net::{AddressFamily, SocketType};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// No answer takes so long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<Vec<u8>>,
}

impl Ask {
    pub fn get(path: &str) -> Ask {
        Ask::new("GET", path)
    }

    pub fn post(path: &str) -> Ask {
        Ask::new("POST", path)
    }

    pub fn new(method: &str, path: &str) -> Ask {
        Ask { method: method.into(), path: path.into(), ..Ask::default() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Ask {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn by(self, token: &str) -> Ask {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub fn key(self, key: uuid::Uuid) -> Ask {
        self.header("idempotency-key", key.to_string())
    }

    pub fn json(self, body: &Value) -> Ask {
        self.raw("application/json", body.to_string())
    }

    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Ask {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    /// As it goes over the wire.
    pub fn bytes(&self, address: SocketAddr) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !self.has("host") {
            write!(text, "host: {address}\r\n").unwrap();
        }
        for (name, value) in &self.headers {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if self.body.is_some() || self.method != "GET" {
            write!(text, "content-length: {}\r\n", self.body.as_ref().map_or(0, Vec::len)).unwrap();
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(self.body.iter().flatten());
        bytes
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body; null if it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn outcome(&self) -> String {
        self.json()["outcome"].as_str().unwrap_or_default().to_owned()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// In short, as rows expect it: `201 BOOKED`, `409 REJECTED full`, `422 key_reused`, `200 BOOKED replayed`.
    pub fn told(&self) -> String {
        let replayed = if self.header("idempotent-replayed") == Some("true") { "replayed" } else { "" };
        let words = [self.status.to_string(), self.outcome(), self.code(), replayed.into()];
        words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// A connection.
pub struct Conn {
    stream: TcpStream,
    address: SocketAddr,
}

impl Conn {
    pub fn open(address: SocketAddr) -> io::Result<Conn> {
        Conn::over(TcpStream::connect(address)?, address)
    }

    fn over(stream: TcpStream, address: SocketAddr) -> io::Result<Conn> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Conn { stream, address })
    }

    /// From another address of this machine, such as 127.0.0.2.
    pub fn open_from(source: IpAddr, address: SocketAddr) -> io::Result<Conn> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&socket, &SocketAddr::new(source, 0))?;
        rustix::net::connect(&socket, &address)?;
        Conn::over(TcpStream::from(socket), address)
    }

    /// With as small a buffer for what is received as there is: it is full soon when nothing is read.
    pub fn open_narrow(address: SocketAddr) -> io::Result<Conn> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::sockopt::set_socket_recv_buffer_size(&socket, 1)?;
        rustix::net::connect(&socket, &address)?;
        Conn::over(TcpStream::from(socket), address)
    }

    /// How long a read or a write may take from now on.
    pub fn patience(&self, limit: Duration) {
        self.stream.set_read_timeout(Some(limit)).unwrap();
        self.stream.set_write_timeout(Some(limit)).unwrap();
    }

    pub fn write(&mut self, ask: &Ask) -> io::Result<()> {
        self.stream.write_all(&ask.bytes(self.address))
    }

    pub fn write_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says that nothing more will be written.
    pub fn end_of_writing(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    pub fn send(&mut self, ask: &Ask) -> io::Result<Reply> {
        self.write(ask)?;
        self.read()
    }

    /// Whether the other side has closed: what is read then is nothing.
    pub fn closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 1]), Ok(0) | Err(_))
    }

    /// Whether the other side closes within so long, whatever it says before that.
    pub fn ended_within(&mut self, limit: Duration) -> bool {
        let since = Instant::now();
        let mut part = [0; 1024];
        loop {
            let left = limit.saturating_sub(since.elapsed()).max(Duration::from_millis(1));
            self.stream.set_read_timeout(Some(left)).unwrap();
            match self.stream.read(&mut part) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Reads one answer, if it comes in time.
    pub fn answered_within(&mut self, limit: Duration) -> io::Result<Reply> {
        self.stream.set_read_timeout(Some(limit))?;
        let reply = self.read();
        self.stream.set_read_timeout(Some(PATIENCE))?;
        reply
    }

    /// Reads until this has come, and what came with it.
    pub fn read_until(&mut self, text: &str) -> io::Result<Vec<u8>> {
        let mut got = Vec::new();
        while !String::from_utf8_lossy(&got).contains(text) {
            self.more(&mut got)?;
        }
        Ok(got)
    }

    /// Waits until something is there to be read, and leaves it unread.
    pub fn peek(&self) -> io::Result<usize> {
        self.stream.peek(&mut [0; 1])
    }

    /// Reads one answer.
    pub fn read(&mut self) -> io::Result<Reply> {
        let mut got = Vec::new();
        let head = loop {
            if let Some(at) = got.windows(4).position(|w| w == b"\r\n\r\n") {
                break at;
            }
            self.more(&mut got)?;
        };
        let text = String::from_utf8_lossy(&got[..head]).into_owned();
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|l| l.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status line: {text}")))?;
        let headers: Vec<(String, String)> =
            lines.filter_map(|l| l.split_once(':')).map(|(n, v)| (n.to_lowercase(), v.trim().to_owned())).collect();
        if headers.iter().any(|(n, v)| n == "transfer-encoding" && v == "chunked") {
            let body = self.chunks(got.split_off(head + 4))?;
            return Ok(Reply { status, headers, body });
        }
        let length = headers.iter().find(|(n, _)| n == "content-length").and_then(|(_, v)| v.parse().ok()).unwrap_or(0);
        while got.len() < head + 4 + length {
            self.more(&mut got)?;
        }
        Ok(Reply { status, headers, body: got[head + 4..head + 4 + length].to_vec() })
    }

    /// A body that comes in pieces, each after its length in hexadecimal.
    fn chunks(&mut self, mut got: Vec<u8>) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let Some(end) = got.windows(2).position(|w| w == b"\r\n") else {
                self.more(&mut got)?;
                continue;
            };
            let length = usize::from_str_radix(&String::from_utf8_lossy(&got[..end]), 16).map_err(io::Error::other)?;
            while got.len() < end + 2 + length + 2 {
                self.more(&mut got)?;
            }
            body.extend(&got[end + 2..end + 2 + length]);
            got.drain(..end + 2 + length + 2);
            if length == 0 {
                return Ok(body);
            }
        }
    }

    fn more(&mut self, got: &mut Vec<u8>) -> io::Result<()> {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part)? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "closed before the answer was complete")),
            n => {
                got.extend(&part[..n]);
                Ok(())
            }
        }
    }
}

/// One request on a connection of its own.
pub fn send(address: SocketAddr, ask: &Ask) -> io::Result<Reply> {
    Conn::open(address)?.send(&ask.clone().header("connection", "close"))
}
