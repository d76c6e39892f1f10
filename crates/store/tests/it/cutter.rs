//! A way to a database that can be cut: it passes everything on, until it is told where to cut the connection that commits.
//! It understands only where a client's messages end.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Where the connection that commits is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Nowhere.
    Never,
    /// Instead of its nth request after BEGIN, which the database never gets.
    Before(usize),
    /// When the database has got its nth request after BEGIN: no answer to it comes back.
    After(usize),
}

#[derive(Debug)]
struct Plan {
    cut: Cut,
    /// Whether it was carried out.
    done: bool,
    /// Whether nobody gets through any more.
    closed: bool,
    /// After a cut, close.
    closes: bool,
}

pub struct Cutter {
    pub port: u16,
    plan: Arc<Mutex<Plan>>,
}

impl Cutter {
    pub fn before(port: u16) -> Cutter {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let plan = Arc::new(Mutex::new(Plan { cut: Cut::Never, done: false, closed: false, closes: false }));
        let plans = plan.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if plans.lock().unwrap().closed {
                    continue;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || back(from, to));
                let plans = plans.clone();
                std::thread::spawn(move || forth(client, server, &plans));
            }
        });
        Cutter { port: own, plan }
    }

    /// Cuts there, once.
    pub fn cut(&self, cut: Cut) {
        let mut plan = self.plan.lock().unwrap();
        (plan.cut, plan.done) = (cut, false);
    }

    /// Whether it has cut.
    pub fn has_cut(&self) -> bool {
        self.plan.lock().unwrap().done
    }

    /// From the cut on nobody gets through, until [`Cutter::open`].
    pub fn closes_with_the_cut(&self) {
        self.plan.lock().unwrap().closes = true;
    }

    pub fn open(&self) {
        let mut plan = self.plan.lock().unwrap();
        (plan.closed, plan.closes, plan.cut) = (false, false, Cut::Never);
    }
}

/// Everything from the database. Once the client is gone it goes nowhere, and the database is not told.
fn back(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 16_384];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        drop(to.write_all(&bytes[..n]));
    }
    drop(to.shutdown(Shutdown::Both));
    drop(from.shutdown(Shutdown::Both));
}

/// Message by message from the client. A request ends with a Sync or is a simple query.
fn forth(mut client: TcpStream, mut server: TcpStream, plan: &Mutex<Plan>) {
    // The first message has no letter.
    let mut requests: Option<usize> = None;
    let mut pass = || -> std::io::Result<()> {
        let first = message(&mut client, false)?;
        server.write_all(&first)?;
        loop {
            let message = message(&mut client, true)?;
            let is_request = matches!(message[0], b'S' | b'Q');
            if message[0] == b'Q' && message[5..].starts_with(b"BEGIN ISOLATION") {
                requests = Some(0);
            } else if is_request && let Some(n) = &mut requests {
                *n += 1;
            }
            let now = requests.filter(|_| is_request);
            let cut = {
                let mut plan = plan.lock().unwrap();
                let hit = match (plan.cut, now) {
                    (Cut::Before(at) | Cut::After(at), Some(n)) => !plan.done && at == n,
                    _ => false,
                };
                if hit {
                    plan.done = true;
                    plan.closed = plan.closes;
                    Some(plan.cut)
                } else {
                    None
                }
            };
            match cut {
                None => server.write_all(&message)?,
                Some(Cut::After(_)) => {
                    // No answer gets back: the client's side is gone before the database can have one.
                    drop(client.shutdown(Shutdown::Both));
                    server.write_all(&message)?;
                    // The database reads what it was sent before it sees that we are gone.
                    drop(server.shutdown(Shutdown::Write));
                    return Ok(());
                }
                Some(Cut::Before(_) | Cut::Never) => return Err(std::io::Error::other("cut")),
            }
        }
    };
    if pass().is_err() {
        drop(client.shutdown(Shutdown::Both));
        drop(server.shutdown(Shutdown::Both));
    }
}

fn message(from: &mut TcpStream, lettered: bool) -> std::io::Result<Vec<u8>> {
    let head = if lettered { 5 } else { 4 };
    let mut bytes = vec![0; head];
    from.read_exact(&mut bytes)?;
    let length = u32::from_be_bytes(bytes[head - 4..].try_into().unwrap()) as usize;
    bytes.resize(head - 4 + length, 0);
    from.read_exact(&mut bytes[head..])?;
    Ok(bytes)
}
