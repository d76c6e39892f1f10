//! Keeps the OpenAPI snapshot current: the web app's types are made from it.
//! It never writes it; `cargo xtask openapi` does.

#[test]
fn the_snapshot_is_what_the_code_says() {
    let snapshot = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json")).unwrap_or_default();
    let now = slotwise_server::openapi_json();
    let differs = snapshot.lines().zip(now.lines()).enumerate().find(|(_, (a, b))| a != b);
    assert!(
        snapshot == now,
        "crates/server/openapi.json is not current: run `cargo xtask openapi`. First difference: {differs:?}"
    );
}
