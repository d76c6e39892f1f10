//! The reference store stands the suite that it is the reference of.
//! No case is skipped but what needs a store that watches the clock.

use slotwise_engine::conformance::{Harness, run_all};
use slotwise_engine::memory::Memory;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_on_the_reference_store() {
    run_all(4, |clock| {
        let store = Memory::new(clock.clone());
        Harness {
            store: store.clone(),
            views: store.clone(),
            directory: store.clone(),
            accounts: store,
            clock,
            watches_clock: false,
            shuts_resources: false,
        }
    })
    .await;
}
