//! `cargo xtask web`: the web app from its sources into web/dist, which the binary embeds.
//! It never commits anything, and never builds what has not changed when it is told to look.

use std::time::Instant;

use crate::console;
use crate::doctor::{self, Purpose};
use crate::process;
use crate::stamp;
use crate::stop::Stop;
use crate::tools::Tools;
use crate::tree;

/// What is in web/ but not in what is built.
const NOT_BUILT: &[&str] = &["node_modules", "dist", "e2e", "test-results", "coverage", ".vite"];

/// The command of its own.
pub fn web(if_changed: bool) -> Result<(), Stop> {
    console::say("Slotwise: the web app");
    let tools = doctor::examine(&Purpose::Web)?;
    build(&tools, if_changed)
}

/// Installs what the lock file names and builds; does neither again if nothing has changed.
pub fn build(tools: &Tools, if_changed: bool) -> Result<(), Stop> {
    console::heading("web: npm run build");
    let web = tree::web();
    if !web.join("package-lock.json").is_file() {
        return Err(Stop::failed("web/package-lock.json is missing: this checkout has no web app to build"));
    }
    install(tools)?;
    let sources = stamp::of_content(std::slice::from_ref(&web), NOT_BUILT)?;
    if if_changed && stamp::unchanged("web-build", sources) && web.join("dist/index.html").is_file() {
        console::tick("the web app is up to date");
        return Ok(());
    }
    let started = Instant::now();
    stamp::forget("web-build")?;
    process::run_quiet(tools.npm().args(["run", "build"]), "npm run build")?;
    if !web.join("dist/index.html").is_file() {
        return Err(Stop::failed("npm run build ended well but left no web/dist/index.html"));
    }
    stamp::keep("web-build", sources)?;
    console::tick(&format!("built into web/dist in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// `npm ci`, when the lock file has changed since the last one.
pub fn install(tools: &Tools) -> Result<(), Stop> {
    let web = tree::web();
    let wanted = stamp::of_content(&[web.join("package.json"), web.join("package-lock.json")], &[])?;
    if stamp::unchanged("web-install", wanted) && web.join("node_modules").is_dir() {
        console::tick("npm packages are up to date");
        return Ok(());
    }
    let started = Instant::now();
    stamp::forget("web-install")?;
    console::note("npm ci: bringing the packages that package-lock.json names …");
    let mut ci = tools.npm();
    ci.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
    process::run_quiet(&mut ci, "npm ci")?;
    stamp::keep("web-install", wanted)?;
    console::tick(&format!("npm packages installed in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(())
}
