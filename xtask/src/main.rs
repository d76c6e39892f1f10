//! `cargo xtask`: the commands a person types in this repository, from a first look to the full test run.
//! It never holds product code: it checks the machine, calls cargo, npm and the built binary, and reports.

mod console;
mod data;
mod demo;
mod doctor;
mod errands;
mod hostile;
mod install;
mod interrupt;
mod options;
mod process;
mod server;
mod stamp;
mod steps;
mod stop;
mod suite;
mod tools;
mod tree;
mod web;

use std::process::ExitCode;

use options::Task;
use stop::Stop;

fn main() -> ExitCode {
    let task = match options::read(std::env::args().skip(1)) {
        Ok(task) => task,
        Err(complaint) => {
            console::failure(&complaint);
            console::say(options::HELP);
            return ExitCode::from(2);
        }
    };
    let done = interrupt::listen().and_then(|()| perform(task));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Failed(reason)) => {
            console::failure(&reason);
            ExitCode::FAILURE
        }
        Err(Stop::Interrupted) => {
            console::failure("stopped on request");
            ExitCode::from(130)
        }
    }
}

fn perform(task: Task) -> Result<(), Stop> {
    match task {
        Task::Help => {
            console::say(options::HELP);
            Ok(())
        }
        Task::Doctor => doctor::examine(&doctor::Purpose::Everything).map(drop),
        Task::Web { if_changed } => web::web(if_changed),
        Task::Demo(wish) => demo::demo(&wish),
        Task::Test { quick } => suite::test(quick),
        Task::Openapi => errands::openapi(),
        Task::Bench(rest) => errands::bench(&rest),
        Task::InstallPeers => doctor::examine(&doctor::Purpose::Peers).map(drop),
        Task::Sim(rest) => errands::sim(&rest),
        Task::Planted => errands::planted(&tools::Tools::default()),
        Task::Mutants(rest) => errands::mutants(&rest),
        Task::Counts { refresh } => errands::counts(refresh),
        Task::Fuzz { executions } => hostile::fuzz(executions),
        Task::Api { seconds } => hostile::api(seconds),
    }
}
