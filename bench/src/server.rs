//! The server under test, made ready: a key for an admin, many resources, a hot one, a sold-out one. All through its own doors.
//! It writes into no file of the server's.

use crate::child::Server;
use crate::http::{Connection, get, post};
use crate::slots::{Booking, Slots};
use anyhow::{Context, bail, ensure};
use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Connections over which resources are made.
const MAKERS: usize = 64;
/// Units of the hot resource, as many as there may be: room for all, and still counted one by one.
const HOT_UNITS: u32 = 1_000_000;
/// One person asks for everything here, over many connections: the bounds that protect against that are set aside, those of
/// the engine are not; nor is a line written for each request, as the bare server writes none. A flag that this build of the server does not have is left out.
const FLAGS: [(&str, &str); 6] = [
    ("--log-filter", "warn"),
    ("--rate-limit", "off"),
    ("--rate-limit-admin", "off"),
    ("--rate-limit-address", "off"),
    ("--connections-max", "40000"),
    ("--connections-per-address-max", "40000"),
];

/// The built server, ready to be measured.
pub struct Slotwise {
    /// Its process.
    pub server: Server,
    /// An API key of an admin.
    pub secret: String,
    /// Exclusive rooms.
    pub rooms: Vec<Uuid>,
    /// One resource with room for all.
    pub hot: Uuid,
    /// One resource whose one unit is taken at the slot of [`Slots::one`].
    pub sold_out: Uuid,
}

/// Where its data is.
#[derive(Clone, Copy)]
pub enum Place<'p> {
    /// In a folder.
    Folder(&'p Path),
    /// In a database, by its URL.
    Database(&'p str),
}

impl Place<'_> {
    fn words(self) -> [OsString; 2] {
        match self {
            Place::Folder(data) => ["--data".into(), data.into()],
            Place::Database(url) => ["--store".into(), url.into()],
        }
    }
}

/// A build of the server.
pub struct Build {
    file: PathBuf,
    help: String,
    more: Vec<OsString>,
}

impl Build {
    /// The release binary beside our own program if no other is named; with words to give to `slotwise serve` besides ours.
    pub fn find(target: &Path, named: Option<&Path>, more: &[OsString]) -> anyhow::Result<Build> {
        let file = named.map_or_else(|| target.join("release").join("slotwise"), Path::to_path_buf);
        ensure!(
            file.is_file(),
            "there is no {}; build it first: cargo build --release --package slotwise-cli",
            file.display()
        );
        let help = Command::new(&file).args(["serve", "--help"]).output().context("asking slotwise for its flags")?;
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        Ok(Build { file, help, more: more.to_vec() })
    }

    /// Starts it on a fresh folder and fills it.
    pub async fn start(&self, folder: &Path, rooms: u32) -> anyhow::Result<Slotwise> {
        let data = folder.join("data");
        std::fs::create_dir_all(&data)?;
        let secret = self.key(&data, "Bench", "admin")?;
        let (server, _) = self.serve(&data)?;
        let rooms = make_rooms(server.address, &secret, rooms).await?;
        with_hot(server, secret, rooms).await
    }

    /// Starts it on a folder that holds these rooms already.
    pub async fn open(&self, data: &Path, secret: String, rooms: Vec<Uuid>) -> anyhow::Result<Slotwise> {
        let (server, _) = self.serve(data)?;
        with_hot(server, secret, rooms).await
    }

    /// Starts it over a database, and fills it.
    pub async fn start_on(&self, database: &str, log: &Path, rooms: u32) -> anyhow::Result<Slotwise> {
        let secret = self.key_in(Place::Database(database), "Bench", "admin")?;
        let (server, _) = self.serve_on(database, log)?;
        let rooms = make_rooms(server.address, &secret, rooms).await?;
        with_hot(server, secret, rooms).await
    }

    /// Starts it over a database as it is; beside it the seconds until it said where it listens.
    pub fn serve_on(&self, database: &str, log: &Path) -> anyhow::Result<(Server, f64)> {
        self.serve_in(Place::Database(database), log)
    }

    /// Starts it; beside it the seconds from the start of the process until it said where it listens.
    pub fn serve(&self, data: &Path) -> anyhow::Result<(Server, f64)> {
        self.serve_in(Place::Folder(data), &data.with_extension("log"))
    }

    fn serve_in(&self, place: Place<'_>, log: &Path) -> anyhow::Result<(Server, f64)> {
        let mut words: Vec<OsString> = vec!["serve".into(), "--port".into(), "0".into()];
        words.extend(place.words());
        for (flag, value) in FLAGS {
            if self.help.split_whitespace().any(|word| word == flag) {
                words.extend([flag.into(), value.into()]);
            }
        }
        words.extend(self.more.iter().cloned());
        let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
        let asked = Instant::now();
        let server = Server::start("slotwise", &self.file, &words, log)?;
        Ok((server, asked.elapsed().as_secs_f64()))
    }

    /// An API key for somebody new.
    pub fn key(&self, data: &Path, person: &str, role: &str) -> anyhow::Result<String> {
        self.key_in(Place::Folder(data), person, role)
    }

    /// The same, wherever its data is.
    pub fn key_in(&self, place: Place<'_>, person: &str, role: &str) -> anyhow::Result<String> {
        let mut command = Command::new(&self.file);
        command.args(["key", "create", "--person", person, "--role", role]).args(place.words());
        let made = command.output().context("running slotwise key create")?;
        let said = String::from_utf8_lossy(&made.stdout);
        match said.split_whitespace().last() {
            Some(secret) if made.status.success() => Ok(secret.to_owned()),
            _ => bail!("slotwise key create failed: {}", String::from_utf8_lossy(&made.stderr)),
        }
    }
}

/// A resource with so many units.
pub async fn resource(slotwise: &Slotwise, name: &str, capacity: u32) -> anyhow::Result<Uuid> {
    let mut connection = Connection::open(slotwise.server.address).await?;
    make(&mut connection, &slotwise.secret, name, capacity).await
}

/// How many confirmed bookings of a resource the server tells, up to 200.
pub async fn confirmed(slotwise: &Slotwise, resource: Uuid) -> anyhow::Result<usize> {
    let mut connection = Connection::open(slotwise.server.address).await?;
    let path = format!("/api/bookings?resource={resource}&state=confirmed&limit=200");
    let answer = connection.ask(get(&path, Some(&slotwise.secret)).as_bytes()).await?;
    let said: serde_json::Value = serde_json::from_slice(answer.body).context("reading a list of bookings")?;
    let items = said.get("items").and_then(|items| items.as_array());
    items.map(Vec::len).with_context(|| format!("no list of bookings: {said}"))
}

async fn with_hot(server: Server, secret: String, rooms: Vec<Uuid>) -> anyhow::Result<Slotwise> {
    let mut connection = Connection::open(server.address).await?;
    let hot = make(&mut connection, &secret, "Hot", HOT_UNITS).await?;
    let sold_out = make(&mut connection, &secret, "Sold out", 1).await?;
    let mut last = Booking::new(Slots::one(sold_out, &secret)?);
    let answer = connection.ask(last.next()).await?;
    ensure!(answer.status == 201, "the last unit was not booked: {}", String::from_utf8_lossy(answer.body));
    Ok(Slotwise { server, secret, rooms, hot, sold_out })
}

async fn make_rooms(address: SocketAddr, secret: &str, count: u32) -> anyhow::Result<Vec<Uuid>> {
    let next = Arc::new(AtomicU32::new(0));
    let mut makers = JoinSet::new();
    for _ in 0..MAKERS {
        let (next, secret) = (next.clone(), secret.to_owned());
        makers.spawn(async move {
            let mut connection = Connection::open(address).await?;
            let mut made = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return anyhow::Ok(made);
                }
                made.push(make(&mut connection, &secret, &format!("Room {n:05}"), 1).await?);
            }
        });
    }
    let mut rooms = Vec::new();
    while let Some(made) = makers.join_next().await {
        rooms.extend(made??);
    }
    Ok(rooms)
}

async fn make(connection: &mut Connection, secret: &str, name: &str, capacity: u32) -> anyhow::Result<Uuid> {
    let body = serde_json::json!({"kind": "room", "name": name, "zone": "America/Los_Angeles", "capacity": capacity});
    let key = Uuid::now_v7().to_string();
    let answer = connection.ask(post("/api/resources", secret, &key, &body.to_string()).as_bytes()).await?;
    let said: serde_json::Value = serde_json::from_slice(answer.body).context("reading a resource")?;
    let id = said.get("resource").and_then(|r| r.get("id")).and_then(|id| id.as_str());
    let Some(id) = id.filter(|_| answer.status == 201) else {
        bail!("a resource was not made ({}): {said}", answer.status);
    };
    Ok(id.parse()?)
}
