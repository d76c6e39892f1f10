//! A keep-alive HTTP/1.1 connection framed by hand, because the generator shares the machine with what it measures.
//! It reads answers with a Content-Length only, one request at a time, and never reconnects by itself.

use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// The largest answer, head and body; that to 8,000 attempts is the largest we read.
const ANSWER_MAX: usize = 64 << 20;
/// Connections from one address of this machine: far below the number of its ports, and below a server's bound for one address.
const PER_ADDRESS: usize = 500;

/// How long a connection may take to open.
const OPEN_WITHIN: Duration = Duration::from_secs(20);
/// How long an answer may take: longer than the server gives itself for any.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer, as long as the next request is not sent.
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
}

/// A TCP connection; the nth of a crowd comes from an address of its own for every five hundred.
pub async fn connect(address: SocketAddr, nth: Option<usize>) -> anyhow::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(n) = nth {
        let host = u8::try_from(2 + n / PER_ADDRESS).context("too large a crowd")?;
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).with_context(|| format!("binding to 127.0.0.{host}"))?;
    }
    let stream = tokio::time::timeout(OPEN_WITHIN, socket.connect(address)).await;
    let stream = stream.with_context(|| format!("connecting to {address}: no answer within {OPEN_WITHIN:?}"))?;
    let stream = stream.with_context(|| format!("connecting to {address}"))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Where the parts of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    status: u16,
    body: usize,
    end: usize,
}

impl Connection {
    /// Opens one.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Connection> {
        Ok(Connection::over(connect(address, None).await?))
    }

    /// Opens the nth of a crowd, which comes from many addresses.
    pub async fn open_nth(address: SocketAddr, n: usize) -> anyhow::Result<Connection> {
        Ok(Connection::over(connect(address, Some(n)).await?))
    }

    fn over(stream: TcpStream) -> Connection {
        Connection { stream, buffer: vec![0; 4096], filled: 0 }
    }

    /// Sends a whole request and waits for its whole answer, but not for ever.
    pub async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        let answer = tokio::time::timeout(ANSWER_WITHIN, self.ask_unbounded(request)).await;
        answer.with_context(|| format!("there was no answer within {ANSWER_WITHIN:?}"))?
    }

    /// The same without a clock of its own, which would be measured too: for loops whose whole is bounded.
    pub async fn ask_unbounded(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.filled = 0;
        self.stream.write_all(request).await.context("sending a request")?;
        loop {
            if self.filled == self.buffer.len() {
                if self.filled >= ANSWER_MAX {
                    bail!("an answer is larger than {ANSWER_MAX} bytes");
                }
                self.buffer.resize(self.filled * 2, 0);
            }
            let free = self.buffer.get_mut(self.filled..).unwrap_or_default();
            let read = self.stream.read(free).await.context("reading an answer")?;
            if read == 0 {
                bail!("the server closed the connection");
            }
            self.filled += read;
            let so_far = self.buffer.get(..self.filled).unwrap_or_default();
            if let Some(frame) = frame(so_far)?
                && self.filled >= frame.end
            {
                let body = self.buffer.get(frame.body..frame.end).unwrap_or_default();
                return Ok(Answer { status: frame.status, body });
            }
        }
    }
}

/// The frame of an answer, once its head is whole.
fn frame(bytes: &[u8]) -> anyhow::Result<Option<Frame>> {
    let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(None) };
    let body = head + 4;
    let mut lines = bytes.get(..head).unwrap_or_default().split(|b| *b == b'\n');
    let status = lines.next().and_then(|line| std::str::from_utf8(line.get(9..12)?).ok()?.parse().ok());
    let status = status.context("an answer without a status")?;
    for line in lines {
        let Some((name, value)) = line.split_at_checked(15) else { continue };
        if name.eq_ignore_ascii_case(b"content-length:") {
            let length: usize = std::str::from_utf8(value)?.trim().parse().context("reading a Content-Length")?;
            return Ok(Some(Frame { status, body, end: body + length }));
        }
    }
    bail!("an answer without a Content-Length (status {status})")
}

/// A request with a JSON body; the key is a UUIDv7.
pub fn post(path: &str, secret: &str, key: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\nContent-Type: application/json\r\n\
         Idempotency-Key: {key}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request for a page.
pub fn get(path: &str, secret: Option<&str>) -> String {
    let secret = secret.map(|secret| format!("Authorization: Bearer {secret}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{secret}\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_framed_by_its_length() {
        let whole = b"HTTP/1.1 201 Created\r\nX-A: b\r\ncontent-length: 5\r\nx: y\r\n\r\nhello";
        assert_eq!(frame(&whole[..20]).unwrap(), None);
        let frame = frame(whole).unwrap().unwrap();
        assert_eq!((frame.status, &whole[frame.body..frame.end]), (201, b"hello".as_slice()));
    }

    #[test]
    fn an_answer_without_a_length_is_an_error() {
        assert!(frame(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
