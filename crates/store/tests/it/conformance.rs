//! The embedded store stands the suite of every store, each case in a directory of its own.
//! What only this store promises, of files and crashes, is in the other modules.

use slotwise_engine::conformance::{Harness, run_all};
use slotwise_store::{Embedded, Options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_the_embedded_store() {
    let mut dirs = Vec::new();
    run_all(2, |clock| {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { clock: clock.clone(), readers: 2, ..Options::default() };
        let store = Embedded::open(dir.path(), options).unwrap();
        dirs.push(dir);
        Harness {
            store: store.clone(),
            views: store.clone(),
            directory: store.clone(),
            accounts: store,
            clock,
            watches_clock: true,
            shuts_resources: false,
        }
    })
    .await;
}

/// Nothing is remembered here: every calendar is loaded from its rows each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_without_a_cache() {
    let mut dirs = Vec::new();
    run_all(2, |clock| {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { clock: clock.clone(), readers: 1, cache_bytes: 0, ..Options::default() };
        let store = Embedded::open(dir.path(), options).unwrap();
        dirs.push(dir);
        Harness {
            store: store.clone(),
            views: store.clone(),
            directory: store.clone(),
            accounts: store,
            clock,
            watches_clock: true,
            shuts_resources: false,
        }
    })
    .await;
}
