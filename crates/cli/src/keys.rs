//! People and API keys from the command line. They are kept apart from the record, so this works while the server runs.
//! A key's secret is shown once and kept as a hash only.

use crate::backup::told;
use crate::config::Secret;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use slotwise_domain::{PersonId, Role};
use slotwise_engine::{
    Account, AccountOf, AccountPatch, AccountPut, Accounts, Directory, PersonCard, PersonRow, RolePut, RowPut,
    Secret as Door, SecretKind,
};
use slotwise_store::embedded::{People, Reading};
use slotwise_store::{Postgres, postgres};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;
use uuid::Uuid;

/// `slotwise person`.
#[derive(Subcommand)]
pub enum PersonCommand {
    /// Add somebody.
    Add(AddArgs),
    /// List everybody.
    List(ListArgs),
    /// Print a link with which an admin comes in again, or the first one comes in, whoever lost what.
    ResetAdmin(ResetAdminArgs),
}

/// Where everything is kept.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct PlaceArgs {
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The PostgreSQL database that holds everything.
    #[arg(long, env = "SLOTWISE_STORE", value_name = "URL", hide_env_values = true)]
    store: Option<Secret>,
}

/// One of the two.
pub enum Kept<'a> {
    /// A folder.
    Folder(&'a Path),
    /// A database, by its URL.
    Database(&'a str),
}

impl PlaceArgs {
    /// Which of the two was said.
    pub fn kept(&self) -> anyhow::Result<Kept<'_>> {
        match (&self.data, &self.store) {
            (_, Some(Secret(url))) => Ok(Kept::Database(url)),
            (Some(data), None) => Ok(Kept::Folder(data)),
            (None, None) => anyhow::bail!("say where the data is: --data DIR, or --store URL"),
        }
    }

    /// Opens all of it for reading. Servers may be running on it.
    pub fn reading(&self) -> anyhow::Result<Reading> {
        match self.kept()? {
            Kept::Folder(data) => Reading::open(data).map_err(told),
            Kept::Database(url) => postgres::reading(url, postgres::PART).map_err(told),
        }
    }
}

impl std::fmt::Display for Kept<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kept::Folder(data) => write!(f, "{}", data.display()),
            // The URL may have a password in it: it is not repeated.
            Kept::Database(_) => f.write_str("the database"),
        }
    }
}

/// The people of a folder or a database.
pub enum Directories {
    /// Of a folder.
    Folder(People),
    /// Of a database, with what its answers are waited for on.
    Database(Runtime, Arc<Postgres>),
}

impl Directories {
    /// Opens them.
    pub fn open(place: &PlaceArgs) -> anyhow::Result<Directories> {
        match place.kept()? {
            Kept::Database(url) => {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
                let options =
                    postgres::Options { readers: 1, doorbell: false, cache_bytes: 0, keep: None, ..Default::default() };
                let store = runtime.block_on(Postgres::open(url, options)).context("opening the database")?;
                Ok(Directories::Database(runtime, store))
            }
            Kept::Folder(data) => Ok(Directories::Folder(People::open(data)?)),
        }
    }

    fn person(&self, id: PersonId) -> anyhow::Result<Option<PersonCard>> {
        Ok(match self {
            Directories::Folder(people) => people.person(id)?,
            Directories::Database(runtime, store) => runtime.block_on(store.person(id))?,
        })
    }

    fn people(&self, max: usize) -> anyhow::Result<Vec<PersonCard>> {
        Ok(match self {
            Directories::Folder(people) => people.people(max)?,
            Directories::Database(runtime, store) => runtime.block_on(store.people(max))?,
        })
    }

    fn put_person(&self, card: PersonCard) -> anyhow::Result<()> {
        match self {
            Directories::Folder(people) => people.put_person(&card)?,
            Directories::Database(runtime, store) => runtime.block_on(store.put_person(card))?,
        }
        Ok(())
    }

    /// Makes and changes people, all or none; none at all if `dry_run`.
    pub fn put_all(&self, rows: Vec<PersonRow>, dry_run: bool) -> anyhow::Result<Vec<RowPut>> {
        Ok(match self {
            Directories::Folder(people) => people.put_all(&rows, dry_run)?,
            Directories::Database(runtime, store) => runtime.block_on(store.put_people(rows, dry_run))?,
        })
    }

    fn account(&self, login: &str) -> anyhow::Result<Option<Account>> {
        let of = AccountOf::Login(login.to_owned());
        Ok(match self {
            Directories::Folder(people) => people.account(&of)?,
            Directories::Database(runtime, store) => runtime.block_on(store.account(of))?,
        })
    }

    fn put_account(&self, id: PersonId, patch: AccountPatch) -> anyhow::Result<AccountPut> {
        Ok(match self {
            Directories::Folder(people) => people.put_account(id, patch)?,
            Directories::Database(runtime, store) => runtime.block_on(store.put_account(id, patch))?,
        })
    }

    fn make_admin(&self, id: PersonId) -> anyhow::Result<()> {
        let put = match self {
            Directories::Folder(people) => people.put_role(id, Role::Admin, &BTreeSet::new())?,
            Directories::Database(runtime, store) => {
                runtime.block_on(store.put_role(id, Role::Admin, BTreeSet::new()))?
            }
        };
        anyhow::ensure!(put == RolePut::Put, "they cannot be made an admin");
        Ok(())
    }

    fn put_secret(&self, secret: Door) -> anyhow::Result<()> {
        match self {
            Directories::Folder(people) => people.put_secret(&secret)?,
            Directories::Database(runtime, store) => runtime.block_on(store.put_secret(secret))?,
        }
        Ok(())
    }

    fn put_key(&self, secret_sha256: [u8; 32], person: PersonId, label: &str) -> anyhow::Result<()> {
        match self {
            Directories::Folder(people) => people.put_key(secret_sha256, person, label)?,
            Directories::Database(runtime, store) => {
                runtime.block_on(store.put_key(secret_sha256, person, label.to_owned()))?;
            }
        }
        Ok(())
    }
}

/// `slotwise person add`.
#[derive(Args)]
pub struct AddArgs {
    #[command(flatten)]
    place: PlaceArgs,
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
    #[command(flatten)]
    place: PlaceArgs,
}

/// `slotwise person reset-admin`.
#[derive(Args)]
pub struct ResetAdminArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The address they sign in with.
    #[arg(long)]
    email: String,
    /// What somebody new is called.
    #[arg(long, default_value = "Admin")]
    name: String,
    /// Where the server is reached.
    #[arg(long, env = "SLOTWISE_PUBLIC_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
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
    #[command(flatten)]
    place: PlaceArgs,
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
    /// Looks at everything, changes nothing.
    Auditor,
}

impl From<RoleArg> for Role {
    fn from(r: RoleArg) -> Role {
        match r {
            RoleArg::Member => Role::Member,
            RoleArg::Admin => Role::Admin,
            RoleArg::Auditor => Role::Auditor,
        }
    }
}

/// Runs `slotwise person`.
pub fn person(command: PersonCommand) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match command {
        PersonCommand::Add(args) => {
            let people = Directories::open(&args.place)?;
            let id = add(&people, &args.name, &args.title, args.role)?;
            writeln!(out, "{}", id.0)?;
        }
        PersonCommand::List(args) => {
            let people = Directories::open(&args.place)?;
            for p in people.people(10_000)? {
                let role = match p.role {
                    Role::Member => "member",
                    Role::Admin => "admin",
                    Role::Manager => "manager",
                    Role::Auditor => "auditor",
                };
                writeln!(out, "{}\t{role}\t{}\t{}", p.id.0, p.name, p.title)?;
            }
        }
        PersonCommand::ResetAdmin(args) => reset_admin(&args)?,
    }
    Ok(())
}

/// Makes sure that whoever signs in with an address is an admin, and prints a link by which they choose a password. Whoever can run
/// this has the data in their hands already.
fn reset_admin(args: &ResetAdminArgs) -> anyhow::Result<()> {
    let people = Directories::open(&args.place)?;
    let login = args.email.trim().to_lowercase();
    anyhow::ensure!(login.contains('@'), "--email {:?} is no address", args.email);
    let id = match people.account(&login)? {
        Some(account) => account.person,
        None => {
            let id = add(&people, &args.name, "", RoleArg::Admin)?;
            let patch = AccountPatch { login: Some(login), ..AccountPatch::default() };
            anyhow::ensure!(
                people.put_account(id, patch)? == AccountPut::Put,
                "somebody who is suspended signs in with that address"
            );
            id
        }
    };
    people.make_admin(id)?;
    let secret = slotwise_server::new_secret();
    let now = slotwise_domain::Instant(jiff::Timestamp::now().as_microsecond());
    let link = Door {
        kind: SecretKind::Reset,
        made_at: now,
        until: Some(now.plus(slotwise_domain::Span::hours(1))),
        ..Door::key(slotwise_server::secret_hash(&secret), id, String::new())
    };
    people.put_secret(link)?;
    writeln!(std::io::stdout(), "{}/reset#{secret}", args.url.trim_end_matches('/'))?;
    drop(writeln!(std::io::stderr(), "Open it within an hour. It is good once."));
    Ok(())
}

/// Runs `slotwise key`.
pub fn key(command: KeyCommand) -> anyhow::Result<()> {
    let KeyCommand::Create(args) = command;
    let people = Directories::open(&args.place)?;
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

fn add(people: &Directories, name: &str, title: &str, role: RoleArg) -> anyhow::Result<PersonId> {
    anyhow::ensure!(!name.trim().is_empty() && name.chars().count() <= 200, "a name has 1 to 200 characters");
    let id = PersonId(Uuid::now_v7());
    people.put_person(PersonCard { id, name: name.trim().into(), title: title.into(), role: role.into() })?;
    Ok(id)
}
