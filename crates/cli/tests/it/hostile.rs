//! Whatever arrives is answered or closed, by the server that ships: requests, heads and packets that chance has changed.
//! No answer is a fault of the server's, nothing panics, memory does not grow with it, and others are served all the while.

use crate::harness::mutate::{Chance, corpus, fuzz};
use crate::harness::{Ask, Conn, UNLIMITED, World};
use std::io::ErrorKind;
use std::time::Duration;
use uuid::Uuid;

/// More memory than this is not taken for it.
const GROWN_MAX_KIB: u64 = 200 * 1_024;

struct Target {
    w: World,
    before: u64,
    names: Vec<(&'static str, String)>,
}

impl Target {
    fn new() -> Target {
        let mut w =
            World::with(&["ann"], &[&UNLIMITED[..], &["--body-within-s", "2", "--headers-within-s", "2"]].concat());
        let (room, hall) = (w.room("room"), w.hall("hall", 100_000));
        let booking = w.booked("root", "room", "10:00-11:00", 1);
        let hold = w.held("root", "room", "12:00-13:00")["id"].as_str().unwrap().to_owned();
        let day = w.day.to_string();
        let names = vec![("{room}", room), ("{hall}", hall), ("{booking}", booking), ("{hold}", hold), ("{day}", day)];
        let before = w.server.memory_kib();
        Target { w, before, names }
    }

    /// A corpus with this server's names in it.
    fn corpus(&self, text: &str) -> Vec<Vec<u8>> {
        let text = self.names.iter().fold(text.to_owned(), |text, (name, is)| text.replace(name, is));
        corpus(&text)
    }

    fn connect(&self) -> Conn {
        Conn::open(self.w.server.address).unwrap()
    }

    /// It goes on as if nothing had been.
    fn is_well(mut self) {
        self.w.server.ready_within(Duration::from_secs(5));
        assert_eq!(self.w.send(&self.w.book("ann", "hall", "10:00-11:00", 1)).told(), "201 BOOKED");
        let grown = self.w.server.memory_kib().saturating_sub(self.before);
        assert!(grown < GROWN_MAX_KIB, "{grown} KiB more than before");
        let log = self.w.server.log_with("serving");
        assert!(!log.contains("panicked") && !log.contains("caught a panic"), "{}", self.w.server.log_end());
        self.w.server.terminate();
        assert!(self.w.server.ended_within(Duration::from_secs(15)).is_some_and(|status| status.success()));
    }
}

/// What may be in the first line of a request; everything else goes as `%XX`.
fn path(bytes: &[u8]) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/?&=:,+".contains(&b);
    let encoded = |b: &u8| if plain(*b) { char::from(*b).to_string() } else { format!("%{b:02X}") };
    bytes.iter().take(4_000).map(encoded).collect()
}

#[test]
fn fuzz_requests() {
    let target = Target::new();
    let words = [
        "{",
        "}",
        "[",
        "]",
        "null",
        "\"lines\":",
        "\"resource\":",
        "\"units\":",
        "T23:59:60Z",
        "+14:00",
        "Europe/Berlin",
        "\\u0000",
        "\\ud800",
        "FREQ=SECONDLY;COUNT=1000000000",
        "/",
        "?",
        "&",
        "limit=",
        "after=",
        "%00",
        "..",
    ];
    let mut conn = target.connect();
    let mut chance = Chance(7);
    fuzz("requests", target.corpus(include_str!("corpus/requests.txt")), &words, |input| {
        let mut parts = input.splitn(2, |b| *b == b'\t');
        let (first, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let mut first = first.splitn(2, |b| *b == b' ');
        let method = String::from_utf8_lossy(first.next().unwrap_or_default()).into_owned();
        let method = ["GET", "POST", "PUT", "PATCH"].into_iter().find(|m| *m == method).unwrap_or("POST");
        let path = format!("/{}", path(first.next().unwrap_or_default()).trim_start_matches('/'));
        let mut ask = Ask::new(method, &path).by(target.w.token("root"));
        ask = match chance.below(20) {
            0 => ask,
            1 => ask.header("idempotency-key", self::path(body).chars().take(60).collect::<String>()),
            _ => ask.key(Uuid::now_v7()),
        };
        if chance.below(3) == 0 {
            ask = ask.header("if-match", ["1", "\"1\"", "*", "x", "18446744073709551616"][chance.below(5)]);
        }
        if method != "GET" {
            ask = ask.raw("application/json", body);
        }
        let reply = conn.send(&ask).or_else(|_| {
            conn = target.connect();
            conn.send(&ask)
        });
        let reply = reply.unwrap_or_else(|e| panic!("no answer: {e}"));
        assert!(reply.status < 500, "{} {path}: {}", reply.told(), reply.text());
        // Of an attempt that is not known it is told that it is not known.
        let problem =
            reply.header("content-type") == Some("application/problem+json") || reply.json()["state"] == "unknown";
        assert!(
            reply.status < 400 || problem || !path.starts_with("/api/"),
            "{} {path}: {}",
            reply.status,
            reply.text()
        );
        if reply.header("connection") == Some("close") {
            conn = target.connect();
        }
        let field = reply.json()["errors"][0]["field"].as_str().unwrap_or_default().to_owned();
        let status = "x".repeat(usize::from(reply.status / 100));
        format!("{method} {status} {} {field}", reply.told())
    });
    target.is_well();
}

#[test]
fn fuzz_heads() {
    let target = Target::new();
    let token = target.w.token("ann");
    let heads = [
        format!("GET /api/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"),
        "POST /api/bookings HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n".into(),
        "POST /api/bookings HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".into(),
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n\u{1}\u{2}"
            .into(),
        "OPTIONS * HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n".into(),
    ];
    let words = [
        "\r\n",
        "\r",
        "\n",
        ": ",
        "transfer-encoding: chunked\r\n",
        "content-length: 5\r\n",
        "content-length: -1\r\n",
        "HTTP/1.0",
        "HTTP/2.0",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "upgrade: h2c\r\n",
        "\0",
        "ffffffffffffffff\r\n",
        "cookie: slotwise=",
    ];
    fuzz("heads", heads.map(String::into_bytes).to_vec(), &words, |input| {
        let mut conn = target.connect();
        conn.patience(Duration::from_secs(4));
        let sent = conn.write_raw(input).and_then(|()| conn.end_of_writing());
        let reply = match sent.and_then(|()| conn.read()) {
            Ok(reply) => reply,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("neither answered nor closed")
            }
            Err(e) => return format!("closed {:?}", e.kind()),
        };
        assert!(reply.status < 500, "{}: {}", reply.status, reply.text());
        format!("{} {}", "x".repeat(usize::from(reply.status % 100)), reply.code())
    });
    target.is_well();
}

#[test]
fn fuzz_packets() {
    let target = Target::new();
    let words = [
        "\x1e",
        "42[",
        "451-",
        "[",
        "]",
        "{",
        "\"subscribe\"",
        "\"resources\":",
        "_placeholder",
        "999999999",
        "40",
        "b",
        "4",
    ];
    let mut conn = target.connect();
    let mut session: Option<String> = None;
    let ask = |conn: &mut Conn, ask: Ask| {
        conn.send(&ask).or_else(|_| {
            *conn = target.connect();
            conn.send(&ask)
        })
    };
    fuzz("packets", target.corpus(include_str!("corpus/packets.txt")), &words, |input| {
        let place = session.take().unwrap_or_else(|| {
            let hello = Ask::get("/socket.io/?EIO=4&transport=polling").by(target.w.token("ann"));
            let hello = ask(&mut conn, hello).unwrap();
            let text = hello.text();
            let hello: serde_json::Value = serde_json::from_str(&text[1..]).unwrap_or_else(|e| panic!("{e}: {text}"));
            format!("/socket.io/?EIO=4&transport=polling&sid={}", hello["sid"].as_str().unwrap())
        });
        let post = Ask::post(&place).by(target.w.token("ann")).raw("text/plain", input);
        let reply = ask(&mut conn, post).unwrap_or_else(|e| panic!("no answer: {e}"));
        assert!(reply.status < 500, "{}: {}", reply.status, reply.text());
        // As long as it is one: thousands that nobody polls would each be kept for a while.
        session = (!reply.text().contains("unknown")).then_some(place);
        format!("{} {}", "x".repeat(usize::from(reply.status % 100)), reply.text())
    });
    target.is_well();
}
