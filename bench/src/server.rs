//! The server under test, made ready: a key for an admin, many resources, a hot one. All through its own doors.
//! It writes into no file of the server's.

use crate::child::Server;
use crate::http::{Connection, post};
use anyhow::{Context, bail, ensure};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::JoinSet;
use uuid::Uuid;

/// Connections over which resources are made.
const MAKERS: usize = 64;
/// Units of the hot resource, as many as there may be: room for all, and still counted one by one.
const HOT_UNITS: u32 = 1_000_000;

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
}

/// The server's release binary, beside our own program if no other is named.
pub fn binary(target: &Path, named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let binary = named.map_or_else(|| target.join("release").join("slotwise"), Path::to_path_buf);
    ensure!(
        binary.is_file(),
        "there is no {}; build it first: cargo build --release --package slotwise-cli",
        binary.display()
    );
    Ok(binary)
}

/// Starts it on a fresh folder and fills it.
pub async fn start(binary: &Path, folder: &Path, rooms: u32) -> anyhow::Result<Slotwise> {
    let data = folder.join("data");
    std::fs::create_dir_all(&data)?;
    let secret = key(binary, &data)?;
    let words: [&OsStr; 7] = [
        "serve".as_ref(),
        "--data".as_ref(),
        data.as_os_str(),
        "--port".as_ref(),
        "0".as_ref(),
        "--rate-limit-admin=off".as_ref(),
        "--log-filter=warn".as_ref(),
    ];
    let server = Server::start("slotwise", binary, &words, &folder.join("slotwise.log"))?;
    let rooms = make_rooms(server.address, &secret, rooms).await?;
    let mut connection = Connection::open(server.address).await?;
    let hot = make(&mut connection, &secret, "Hot", HOT_UNITS).await?;
    Ok(Slotwise { server, secret, rooms, hot })
}

fn key(binary: &Path, data: &Path) -> anyhow::Result<String> {
    let mut command = Command::new(binary);
    command.args(["key", "create", "--data"]).arg(data).args(["--person", "Bench", "--role", "admin"]);
    let made = command.output().context("running slotwise key create")?;
    let said = String::from_utf8_lossy(&made.stdout);
    match said.split_whitespace().last() {
        Some(secret) if made.status.success() => Ok(secret.to_owned()),
        _ => bail!("slotwise key create failed: {}", String::from_utf8_lossy(&made.stderr)),
    }
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
