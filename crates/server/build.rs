//! Has the server built again when the web app was: its files are embedded.
//! It builds nothing itself.

fn main() {
    println!("cargo:rerun-if-changed=../../web/dist");
}
