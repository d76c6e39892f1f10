//! People and API keys from the command line. They are kept apart from the record, so this works while the server runs.
//! A key's secret is shown once and kept as a hash only.

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use slotwise_domain::{PersonId, Role};
use slotwise_engine::PersonCard;
use slotwise_store::embedded::People;
use std::io::Write;
use std::path::PathBuf;
use uuid::Uuid;

/// `slotwise person`.
#[derive(Subcommand)]
pub enum PersonCommand {
    /// Add somebody.
    Add(AddArgs),
    /// List everybody.
    List(ListArgs),
}

/// `slotwise person add`.
#[derive(Args)]
pub struct AddArgs {
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Their name.
    #[arg(long)]
    name: String,
    /// What they are called, such as Teacher.
    #[arg(long, default_value = "")]
    title: String,
    /// What they may do.
    #[arg(long, default_value = "member")]
    role: RoleArg,
}

/// `slotwise person list`.
#[derive(Args)]
pub struct ListArgs {
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
}

/// `slotwise key`.
#[derive(Subcommand)]
pub enum KeyCommand {
    /// Make an API key for somebody. It is shown once.
    Create(CreateArgs),
}

/// `slotwise key create`.
#[derive(Args)]
pub struct CreateArgs {
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// For whom: an id, or the name of somebody new.
    #[arg(long, value_name = "ID or NAME")]
    person: String,
    /// What somebody new may do.
    #[arg(long, default_value = "member")]
    role: RoleArg,
    /// What the key is for.
    #[arg(long, default_value = "")]
    label: String,
}

/// What somebody may do.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArg {
    /// Books.
    Member,
    /// Makes and edits resources.
    Admin,
}

impl From<RoleArg> for Role {
    fn from(r: RoleArg) -> Role {
        match r {
            RoleArg::Member => Role::Member,
            RoleArg::Admin => Role::Admin,
        }
    }
}

/// Runs `slotwise person`.
pub fn person(command: PersonCommand) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match command {
        PersonCommand::Add(args) => {
            let people = People::open(&args.data)?;
            let id = add(&people, &args.name, &args.title, args.role)?;
            writeln!(out, "{}", id.0)?;
        }
        PersonCommand::List(args) => {
            let people = People::open(&args.data)?;
            for p in people.people(10_000)? {
                let role = match p.role {
                    Role::Member => "member",
                    Role::Admin => "admin",
                };
                writeln!(out, "{}\t{role}\t{}\t{}", p.id.0, p.name, p.title)?;
            }
        }
    }
    Ok(())
}

/// Runs `slotwise key`.
pub fn key(command: KeyCommand) -> anyhow::Result<()> {
    let KeyCommand::Create(args) = command;
    let people = People::open(&args.data)?;
    let person = match args.person.parse::<Uuid>() {
        Ok(id) => people.person(PersonId(id))?.context("there is no person with that id")?.id,
        Err(_) => add(&people, &args.person, "", args.role)?,
    };
    let secret = slotwise_server::new_secret();
    people.put_key(slotwise_server::secret_hash(&secret), person, &args.label)?;
    writeln!(std::io::stdout(), "{secret}")?;
    drop(writeln!(std::io::stderr(), "Keep it: it is shown this once. Send it as `Authorization: Bearer <key>`."));
    Ok(())
}

fn add(people: &People, name: &str, title: &str, role: RoleArg) -> anyhow::Result<PersonId> {
    anyhow::ensure!(!name.trim().is_empty() && name.chars().count() <= 200, "a name has 1 to 200 characters");
    let id = PersonId(Uuid::now_v7());
    people.put_person(&PersonCard { id, name: name.trim().into(), title: title.into(), role: role.into() })?;
    Ok(id)
}
