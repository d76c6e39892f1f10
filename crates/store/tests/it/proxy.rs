//! A way to a database that takes its time: what is sent arrives a while later, in order.
//! It understands nothing of what it passes on.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Where it listens. What goes through is late by so much, each way.
pub fn slow_way(port: u16, each_way: Duration) -> u16 {
    way(port, Arc::new(AtomicU64::new(millis(each_way))), Arc::new(AtomicU64::new(millis(each_way))))
}

/// The same, where only what comes back is late, by as many milliseconds as is said at any time.
pub fn late_way(port: u16, back: Arc<AtomicU64>) -> u16 {
    way(port, Arc::default(), back)
}

fn millis(by: Duration) -> u64 {
    u64::try_from(by.as_millis()).unwrap()
}

fn way(port: u16, there: Arc<AtomicU64>, back: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let own = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { continue };
            client.set_nodelay(true).unwrap();
            server.set_nodelay(true).unwrap();
            late(client.try_clone().unwrap(), server.try_clone().unwrap(), there.clone());
            late(server, client, back.clone());
        }
    });
    own
}

fn late(mut from: TcpStream, mut to: TcpStream, by: Arc<AtomicU64>) {
    let (put, take) = mpsc::channel::<(Instant, Vec<u8>)>();
    std::thread::spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(n @ 1..) = from.read(&mut bytes) {
            let by = Duration::from_millis(by.load(Ordering::Relaxed));
            if put.send((Instant::now() + by, bytes[..n].to_vec())).is_err() {
                return;
            }
        }
    });
    std::thread::spawn(move || {
        for (at, bytes) in take {
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                return;
            }
        }
        drop(to.shutdown(std::net::Shutdown::Both));
    });
}
