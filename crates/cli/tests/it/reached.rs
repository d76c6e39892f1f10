//! How the server is reached: over TLS with a certificate that is renewed, under a public URL, behind a proxy.
//! The certificates are made here, and the client checks them.

use crate::harness::{Ask, Conn, Home, Server, UNLIMITED, World};
use rcgen::CertifiedKey;
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Makes a certificate for this machine, puts it where the server reads it, and returns it.
fn certify(home: &Home) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(["localhost".into()]).unwrap();
    fs::write(home.file("cert.pem"), cert.pem()).unwrap();
    fs::write(home.file("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.der().clone()
}

fn tls_flags(home: &Home) -> Vec<String> {
    let path = |name: &str| home.file(name).to_str().unwrap().to_owned();
    vec![format!("--tls-cert={}", path("cert.pem")), format!("--tls-key={}", path("key.pem"))]
}

fn start(home: &Home, more: &[&str]) -> Server {
    let flags = tls_flags(home);
    Server::start(home, &[&flags.iter().map(String::as_str).collect::<Vec<_>>(), more].concat())
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Connects over TLS, trusting this certificate only.
fn connect(address: SocketAddr, trusted: &CertificateDer<'_>) -> Result<Tls, String> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone().into_owned()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let client = ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap();
    let tcp = TcpStream::connect(address).map_err(|e| e.to_string())?;
    tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    Ok(StreamOwned::new(client, tcp))
}

/// Asks over TLS; the answer as text, and what was agreed on.
fn ask_over_tls(address: SocketAddr, trusted: &CertificateDer<'_>, ask: &Ask) -> Result<(String, Vec<u8>), String> {
    let mut stream = connect(address, trusted)?;
    let ask = ask.clone().header("host", format!("localhost:{}", address.port())).header("connection", "close");
    stream.write_all(&ask.bytes(address)).map_err(|e| e.to_string())?;
    let mut told = Vec::new();
    stream.read_to_end(&mut told).map_err(|e| e.to_string())?;
    let agreed = stream.conn.alpn_protocol().unwrap_or_default().to_vec();
    Ok((String::from_utf8_lossy(&told).into_owned(), agreed))
}

#[test]
fn over_tls_everything_is_served_and_told_to_stay_so() {
    let home = Home::new();
    let cert = certify(&home);
    let server = start(&home, &[]);
    let token = home.key_create("Ann", "member");
    let (told, agreed) = ask_over_tls(server.address, &cert, &Ask::get("/api/me").by(&token)).unwrap();
    assert!(told.starts_with("HTTP/1.1 200") && told.contains("\"name\":\"Ann\""), "{told}");
    assert!(told.contains("strict-transport-security: max-age="), "{told}");
    assert_eq!(agreed, b"http/1.1", "HTTP/2 is not offered");
    // A socket goes over it as well.
    let ask = Ask::get("/socket.io/?EIO=4&transport=websocket").header("connection", "Upgrade");
    let ask = ask.header("upgrade", "websocket").header("sec-websocket-version", "13");
    let ask = ask.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let mut socket = connect(server.address, &cert).unwrap();
    socket.write_all(&ask.bytes(server.address)).unwrap();
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("\"pingInterval\"") {
        let mut part = [0; 1024];
        let n = socket.read(&mut part).unwrap();
        told.extend(&part[..n]);
    }
    assert!(told.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&told));
    // Who speaks in clear is not served and harms nobody.
    let mut clear = Conn::open(server.address).unwrap();
    clear.write(&Ask::get("/healthz")).unwrap();
    assert!(clear.read().is_err());
    assert!(ask_over_tls(server.address, &cert, &Ask::get("/healthz")).is_ok());
}

#[test]
fn a_demo_s_cookie_is_secure_over_tls_only() {
    let home = Home::new();
    let cert = certify(&home);
    let server = start(&home, &["--demo"]);
    let (people, _) = ask_over_tls(server.address, &cert, &Ask::get("/api/demo/people")).unwrap();
    let body = people.split_once("\r\n\r\n").unwrap().1;
    let people: Value = serde_json::from_str(body).unwrap();
    let sign_in = Ask::post("/api/demo/sign-in").json(&json!({ "person": people["items"][0]["id"] }));
    let (told, _) = ask_over_tls(server.address, &cert, &sign_in).unwrap();
    assert!(told.contains("SameSite=Lax; Secure"), "{told}");
    // The names of this machine are shared with other servers.
    assert!(!told.contains("strict-transport-security"), "{told}");
}

#[test]
fn a_renewed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let home = Home::new();
    let first = certify(&home);
    let server = start(&home, &[]);
    let health = Ask::get("/healthz");
    assert!(ask_over_tls(server.address, &first, &health).is_ok());
    let second = certify(&home);
    assert!(ask_over_tls(server.address, &second, &health).is_err(), "not yet told");
    server.hang_up();
    let since = Instant::now();
    while ask_over_tls(server.address, &second, &health).is_err() {
        assert!(since.elapsed() < Duration::from_secs(10), "the new certificate is never served");
        thread::sleep(Duration::from_millis(20));
    }
    assert!(ask_over_tls(server.address, &first, &health).is_err(), "the old one is served still");
    // Half of a pair: the key of one, the certificate of another.
    let key = fs::read(home.file("key.pem")).unwrap();
    certify(&home);
    fs::write(home.file("key.pem"), key).unwrap();
    server.hang_up();
    server.log_with("the certificate stays as it was");
    assert!(ask_over_tls(server.address, &second, &health).is_ok());
}

#[test]
fn what_is_no_certificate_is_refused_at_the_start() {
    let home = Home::new();
    certify(&home);
    let refused = |home: &Home| {
        let flags = tls_flags(home);
        Server::try_start(home, &flags.iter().map(String::as_str).collect::<Vec<_>>()).err().unwrap()
    };
    fs::write(home.file("cert.pem"), "nothing").unwrap();
    assert!(refused(&home).contains("cert.pem holds no certificate"));
    certify(&home);
    let cert = fs::read(home.file("cert.pem")).unwrap();
    certify(&home);
    fs::write(home.file("cert.pem"), cert).unwrap();
    assert!(refused(&home).contains("the certificate and the key"));
    fs::remove_file(home.file("key.pem")).unwrap();
    assert!(refused(&home).contains("key.pem"));
}

#[test]
fn under_a_public_url_links_origins_and_browsers_are_held_to_it() {
    let public = "https://book.example.edu";
    let mut w = World::with(&["ann"], &[&UNLIMITED[..], &["--public-url", public]].concat());
    w.room("room");
    let book = |span: &str, origin: Option<&str>| {
        let ask = w.book("ann", "room", span, 1).header("host", "inside:8080");
        w.send(&origin.into_iter().fold(ask, |ask, o| ask.header("origin", o)))
    };
    let booked = book("10:00-11:00", Some(public));
    assert_eq!(booked.told(), "201 BOOKED", "{}", booked.text());
    let location = booked.header("location").unwrap();
    assert!(location.starts_with("https://book.example.edu/api/bookings/"), "{location}");
    assert_eq!(booked.header("strict-transport-security"), Some("max-age=31536000"));
    assert_eq!(book("11:00-12:00", Some("https://evil.example")).told(), "403 cross_site");
    assert_eq!(book("11:00-12:00", None).told(), "201 BOOKED", "a program sends no origin");
    // Sockets are let in from there and from nowhere else, whatever the host is called inside.
    let hear = |origin: &str| {
        let open =
            Ask::get("/socket.io/?EIO=4&transport=polling").header("origin", origin).header("host", "inside:8080");
        let hello = w.send(&open).text();
        let sid: Value = serde_json::from_str(&hello[1..]).unwrap();
        let path = format!("/socket.io/?EIO=4&transport=polling&sid={}", sid["sid"].as_str().unwrap());
        let token = json!({ "token": w.token("ann") });
        w.send(&Ask::post(&path).raw("text/plain", format!("40{token}")).header("origin", origin));
        // A ping may come first.
        let heard = (0..3).map(|_| w.send(&Ask::get(&path).header("origin", origin)).text());
        heard
            .flat_map(|h| h.split('\u{1e}').map(str::to_owned).collect::<Vec<_>>())
            .find(|p| p.starts_with('4'))
            .unwrap()
    };
    assert!(hear(public).starts_with("40{"));
    for origin in ["http://book.example.edu", "https://inside:8080", "http://inside:8080", "null"] {
        let told = hear(origin);
        assert!(told.contains("forbidden_origin"), "{origin}: {told}");
    }
}

#[test]
fn the_way_is_secure_only_if_a_trusted_proxy_says_so() {
    let over = |flags: &[&str], header: &str, value: &str| {
        let w = World::with(&[], flags);
        let reply = w.send(&Ask::get("/healthz").header(header, value));
        reply.header("strict-transport-security").is_some()
    };
    assert!(!over(&[], "x-forwarded-proto", "https"));
    assert!(!over(&["--trusted-proxy", "10.0.0.0/8"], "x-forwarded-proto", "https"));
    assert!(over(&["--trusted-proxy", "127.0.0.1"], "x-forwarded-proto", "https"));
    assert!(over(&["--trusted-proxy", "127.0.0.1"], "forwarded", "for=192.0.2.1;proto=https"));
    assert!(!over(&["--trusted-proxy", "127.0.0.1"], "x-forwarded-proto", "http"));
}
