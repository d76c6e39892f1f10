//! In a build with bugs on purpose: which one of them this process has, by the name in `SLOTWISE_PLANTED`.
//! It is in no binary that anybody runs.

use slotwise_domain::planted::{Bug, plant as planted};

/// Plants what the surroundings name; a name that no bug has ends the process.
pub fn plant() {
    let Some(name) = std::env::var("SLOTWISE_PLANTED").ok().filter(|name| !name.is_empty()) else { return };
    let known = Bug::ALL.into_iter().find(|bug| bug.name().trim_start_matches("planted: ") == name);
    let Some(bug) = known else { panic!("SLOTWISE_PLANTED: there is no bug called {name:?}") };
    planted(Some(bug));
}
