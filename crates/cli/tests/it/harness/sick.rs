//! A disk that is sick on demand: a few lines of C between the server and the system, which fail what they are told to fail.
//! The server is the one that ships; nothing in it knows of this.

use super::server::Home;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

pub const ENOSPC: i32 = 28;
pub const EIO: i32 = 5;
pub const EROFS: i32 = 30;

/// Makes a home whose servers see a sick disk; `None` where that cannot be done, which is said.
pub fn home() -> Option<Home> {
    let mut home = Home::new();
    let (source, library) =
        (PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/harness/sick.c"), home.file("sick.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
    if !cfg!(target_os = "linux") || !cc.status().is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED, AND NOTHING OF IT TESTED: sick disks need Linux and a C compiler called cc");
        return None;
    }
    // No temporary file either: whatever needs one would fail.
    home.env = vec![
        ("LD_PRELOAD", library),
        ("SICK_DISK", home.file("sick")),
        ("TMPDIR", home.file("there-is-none")),
        ("SQLITE_TMPDIR", home.file("there-is-none")),
    ];
    Some(home)
}

/// From now on so many operations of this kind on files whose path ends so fail.
pub fn fall_ill(home: &Home, operation: &str, file: &str, errno: i32, times: u32) {
    fs::write(home.file("sick-next"), format!("{operation} {file} {errno} {times}")).unwrap();
    fs::rename(home.file("sick-next"), home.file("sick")).unwrap();
}

/// All is well again.
pub fn recover(home: &Home) {
    drop(fs::remove_file(home.file("sick")));
}
