//! The binary `slotwise`: reads what is asked of it and hands it on. Everything meets here and nowhere else.
//! It decides nothing about bookings.

mod backup;
mod config;
mod demo;
mod explain;
mod export;
mod ids;
mod import;
mod keys;
mod logs;
mod migrate;
#[cfg(feature = "planted")]
mod planted;
mod race;
mod replay;
mod scheduled;
mod serve;
mod tables;
#[cfg(feature = "otlp")]
mod traces;
mod verify;
mod warm;

use clap::{Parser, Subcommand};
// It takes the place of malloc, by being linked: for SQLite as for us.
use mimalloc as _;
use std::io::Write;
use std::process::ExitCode;

/// Books scarce things, and stays right when everybody clicks at once.
#[derive(Parser)]
#[command(name = "slotwise", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, live events and the web app.
    Serve(Box<config::ServeArgs>),
    /// Look at all of a data folder or a database: whether it is as it was written.
    Verify(verify::VerifyArgs),
    /// Say why an attempt ended as it did, as sentences and a sequence diagram: of a running server, a data folder or a database.
    Explain(explain::ExplainArgs),
    /// Bring data in.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Ask the engine again for what happened elsewhere, and say what became of it.
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// People.
    #[command(subcommand)]
    Person(keys::PersonCommand),
    /// API keys.
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// Make a whole copy of a data folder, also while a server runs on it; or check one.
    Backup(backup::BackupArgs),
    /// Make a new data folder of a backup; or begin a new epoch in a database that its own tools have restored.
    Restore(backup::RestoreArgs),
    /// Bring all that a data folder holds into a PostgreSQL database.
    Migrate(migrate::MigrateArgs),
    /// Write everything as lines of JSON, or tables for spreadsheets, also while a server runs.
    Export(export::ExportArgs),
    /// Race many people over a running server and judge what they were told.
    Race(race::RaceArgs),
    /// Print the OpenAPI document.
    Openapi,
}

#[derive(Subcommand)]
enum ImportCommand {
    /// What `slotwise export` wrote: a new data folder, or a database, with the same record.
    Jsonl(export::JsonlArgs),
    /// Tables as `slotwise export --format csv` writes them: people, resources, blocks and bookings to come.
    Csv(import::csv::CsvArgs),
    /// A table of people: who they are and what is known of them. Also while a server runs.
    People(import::people::PeopleArgs),
    /// A UC San Diego class schedule: its rooms, and their weekly meetings as bookings over a term.
    UcsdSchedule(import::submit::UcsdArgs),
    /// Foothill College's sections of a term: courses with their meetings, the seats that are left, and who waits.
    Foothill(import::foothill::FoothillArgs),
    /// Rooms of the University of British Columbia, with their seats and furniture.
    UbcRooms(import::rooms::RoomsArgs),
    /// A small made-up world around now: rooms with rules of their own, courses in registration, a studio's classes, people in them.
    DemoWorld(import::world::WorldArgs),
}

#[derive(Subcommand)]
enum ReplayCommand {
    /// Course registration at UC San Diego: each change of a section as enrolments, drops, waitlists and seats of synthetic students.
    UcsdChanges(replay::ucsd_changes::UcsdChangesArgs),
}

fn main() -> ExitCode {
    #[cfg(feature = "planted")]
    planted::plant();
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(args) => serve::run(*args),
        // These have exit codes of their own.
        Command::Verify(args) => return verify::run(args),
        Command::Race(args) => return race::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(ImportCommand::Jsonl(args)) => export::run_import(&args),
        Command::Import(ImportCommand::Csv(args)) => import::csv::run(&args),
        Command::Import(ImportCommand::People(args)) => import::people::run(&args),
        Command::Import(ImportCommand::UcsdSchedule(args)) => import::submit::run(&args),
        Command::Import(ImportCommand::Foothill(args)) => import::foothill::run(&args),
        Command::Import(ImportCommand::UbcRooms(args)) => import::rooms::run(&args),
        Command::Import(ImportCommand::DemoWorld(args)) => import::world::run(&args),
        Command::Replay(ReplayCommand::UcsdChanges(args)) => replay::ucsd_changes::run(&args),
        Command::Person(command) => keys::person(command),
        Command::Key(command) => keys::key(command),
        Command::Backup(args) => backup::run(args),
        Command::Restore(args) => backup::restore_run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Openapi => print(&slotwise_server::openapi_json()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            // Nobody may be reading any more; the exit code says it too.
            drop(writeln!(std::io::stderr(), "slotwise: {e:#}"));
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> anyhow::Result<()> {
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
