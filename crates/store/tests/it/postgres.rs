//! The PostgreSQL store stands the suite of every store, on a real server: each case in a part of its own.
//! What only this store promises, of several instances and lost connections, is told after it.

use crate::database::Database;
use crate::hop::Hop;
use slotwise_engine::Clock;
use slotwise_engine::conformance::{Harness, run_all};
use slotwise_store::Postgres;
use slotwise_store::postgres::Options;
use std::sync::Arc;
use tokio::runtime::Handle;

/// From within a test's own threads, where nothing may wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| Handle::current().block_on(future))
}

fn open(url: &str, part: i64, clock: Arc<dyn Clock>, cache_bytes: usize) -> Arc<Postgres> {
    let options = Options { part, clock: Some(clock), cache_bytes, readers: 3, ..Options::default() };
    now(Postgres::open(url, options)).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_postgres() {
    let Some(database) = Database::start(&[]) else { return };
    let mut part = 0;
    run_all(|clock| {
        part += 1;
        let store = open(&database.url(), part, clock.clone(), 64 << 20);
        Harness { store: store.clone(), views: store.clone(), directory: store, clock, watches_clock: true }
    })
    .await;
}

/// Every second time one of them remembers nothing: each calendar is made of its snapshot and its record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_either_of_two_instances() {
    let Some(database) = Database::start(&[]) else { return };
    let mut part = 0;
    run_all(|clock| {
        part += 1;
        let cache_bytes = if part % 2 == 0 { 0 } else { 64 << 20 };
        let one = open(&database.url(), part, clock.clone(), cache_bytes);
        let other = open(&database.url(), part, clock.clone(), 64 << 20);
        let store = Hop::over(one, other, part.unsigned_abs() * 0x9e37_79b9);
        Harness { store: store.clone(), views: store.clone(), directory: store, clock, watches_clock: true }
    })
    .await;
}
