//! `cargo xtask demo`: from a fresh checkout to a running Slotwise with real data, and what to click there.
//! It never keeps data unless a folder was named, and never touches what that folder already held.

use std::time::Instant;

use crate::console;
use crate::data;
use crate::doctor::{self, Purpose};
use crate::interrupt;
use crate::options::{DEMO_PORT, DemoWish};
use crate::process;
use crate::server::Server;
use crate::stop::{Doing, Stop};
use crate::tools::Tools;
use crate::tree::Scratch;
use crate::web;

/// Builds, imports, serves, waits for Ctrl-C, cleans up.
pub fn demo(wish: &DemoWish) -> Result<(), Stop> {
    let started = Instant::now();
    let port = if wish.port == DEMO_PORT { String::new() } else { format!(" on port {}", wish.port) };
    console::say(&format!("Slotwise: the demonstration{port}"));
    let tools = doctor::examine(&Purpose::Demo { port: wish.port })?;
    web::build(&tools, true)?;
    build_binary(&tools)?;

    console::heading("data: the real schedule");
    let mut scratch = None;
    let folder = match &wish.data {
        Some(folder) => std::path::absolute(folder).doing("finding the folder for --data")?,
        None => scratch.insert(Scratch::new("demo")?).path().to_path_buf(),
    };
    data::fill(&folder)?;
    data::add_world(&folder)?;
    interrupt::check()?;

    console::heading("serve");
    let mut server = Server::start(&folder, wish.port, None)?;
    server.wait_until_ready()?;
    let farewell = match scratch {
        Some(_) => "Ctrl-C ends it and removes its data (keep it with --data DIR).".to_owned(),
        None => format!("Ctrl-C ends it; its data stays in {}", folder.display()),
    };
    console::say(&what_to_click(&server.url(), started.elapsed().as_secs_f64(), &farewell));
    server.wait_for_stop()?;
    if scratch.is_some() {
        drop(scratch);
        console::say("The server has ended, its data is gone.");
    } else {
        console::say(&format!("The server has ended. Its data is in {}", folder.display()));
    }
    Ok(())
}

/// Builds `slotwise` for release.
fn build_binary(tools: &Tools) -> Result<(), Stop> {
    console::heading("build: cargo build --release (minutes the first time, seconds after that)");
    process::run(tools.cargo().args(["build", "--release", "--package", "slotwise-cli"]), "cargo build --release")
}

fn what_to_click(url: &str, seconds: f64, farewell: &str) -> String {
    format!(
        "
  Slotwise runs at {url}   (up after {seconds:.1} s)

  What to click:
    1. Open {url} and choose Teacher A.
    2. Open it once more in a private window and choose Teacher B.
    3. In both windows search a room for the same time and pick the same one.
    4. Claim it as Teacher A, then as Teacher B.
    5. Confirm as Teacher A, then as Teacher B: one has the room, the other is told about the
       conflict at once, with what stands in the way and what else is free.
    6. Be Sam Ito, a student: two terms of courses, one open for registration, one that opens ten minutes after the start.
       Be Mia Novak: classes of a studio, one of which is offered to her. Be Alex Rivera: a request waits for approval.
       Be Dana Osei, who manages the rooms of the Commons and the studio, or Lin Zhao, who sees everything and changes nothing.
    7. Open {url}/board, send a crowd of hundreds at one room, and watch the race
       being decided: exactly one has it.

  {farewell}
"
    )
}
