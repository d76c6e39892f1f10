//! Many requests at one moment, and chance that can be repeated.
//! A race has no winner by design: tests say what may follow, never who is first.

use super::http::{Ask, Conn, Reply};
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;

/// Sends all of them at once, each on a connection that is open already. An unanswered request is a failure.
pub fn race(address: SocketAddr, asks: &[Ask]) -> Vec<Reply> {
    let gate = Barrier::new(asks.len());
    thread::scope(|scope| {
        let running: Vec<_> = asks
            .iter()
            .map(|ask| {
                let gate = &gate;
                scope.spawn(move || {
                    let mut conn = Conn::open(address);
                    gate.wait();
                    let sent = conn.as_mut().map_err(|e| e.to_string());
                    sent.and_then(|c| c.send(ask).map_err(|e| e.to_string()))
                })
            })
            .collect();
        running.into_iter().map(|r| r.join().unwrap().expect("every request is answered")).collect()
    })
}

/// A small generator (SplitMix64): the same seed, the same choices.
#[derive(Clone, Debug)]
pub struct Rng(pub u64);

impl Rng {
    /// From `SLOTWISE_TEST_SEED`, or a new one; it is printed, so that a run can be repeated as far as its choices go.
    pub fn seeded(what: &str) -> Rng {
        let given = std::env::var("SLOTWISE_TEST_SEED").ok().and_then(|s| s.parse().ok());
        let seed = given.unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        println!("{what}: SLOTWISE_TEST_SEED={seed}");
        Rng(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}
