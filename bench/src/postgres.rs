//! PostgreSQL under pgbench: one prepared statement that takes a unit if there is one and writes the booking, fsync on.
//! The cluster is our own, on a socket in a folder of its own and on no port; it never touches one that is installed as a service.

use crate::child::{self, Program};
use crate::gauge;
use crate::ground::Ground;
use crate::results::Reading;
use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The user that a cluster of root's runs as; PostgreSQL refuses to run as root.
const USER: &str = "postgres";

/// A resource has units, a booking takes one: the guard is in the UPDATE, and without a row there is no INSERT.
const TABLES: &str = "\
CREATE TABLE resource (id integer PRIMARY KEY, units_left bigint NOT NULL CHECK (units_left >= 0));
CREATE TABLE booking (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), resource integer NOT NULL, starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL, owner uuid NOT NULL, decided_at timestamptz NOT NULL DEFAULT now());
INSERT INTO resource SELECT id, 1000000000 FROM generate_series(1, 10000) AS id;
ANALYZE resource;";

const BOOK: &str = "\
\\set minute random(0, 259199)
WITH taken AS (UPDATE resource SET units_left = units_left - 1 WHERE id = :resource AND units_left > 0 RETURNING id)
INSERT INTO booking (resource, starts_at, ends_at, owner)
SELECT id, now() + :minute * interval '1 minute', now() + (:minute + 30) * interval '1 minute',
    '018f0000-0000-7000-8000-000000000001' FROM taken;
";

/// A running cluster with its tables.
pub struct Postgres {
    program: Program,
    folder: PathBuf,
    programs: PathBuf,
}

impl Postgres {
    /// Makes a cluster and starts it; `None` if PostgreSQL or pgbench is not installed.
    pub fn start(ground: &Ground) -> anyhow::Result<Option<Postgres>> {
        let folders = debian_folders();
        let (Some(postgres), Some(_)) = (child::find("postgres", &folders), child::find("pgbench", &folders)) else {
            return Ok(None);
        };
        let programs = postgres.parent().context("postgres lies in no folder")?.to_path_buf();
        let folder = ground.scratch.folder("postgres")?;
        let cluster = folder.join("cluster");
        if let Some((user, group)) = other_user()? {
            std::os::unix::fs::chown(&folder, Some(user), Some(group)).context("giving a folder to postgres")?;
        }
        let mut initdb = as_user(&programs.join("initdb"))?;
        initdb.args(["--auth=trust", "--username=bench", "--encoding=UTF8", "--no-locale", "--pgdata"]).arg(&cluster);
        run(&mut initdb, "initdb")?;
        let mut words: Vec<&OsStr> = Vec::new();
        let (wrapper, wrapped) = wrapper()?;
        let server = programs.join("postgres");
        words.extend(wrapped.iter().map(OsStr::new));
        if wrapper.is_some() {
            words.push(server.as_os_str());
        }
        let options =
            ["-c", "listen_addresses=", "-c", "fsync=on", "-c", "synchronous_commit=on", "-c", "max_connections=100"];
        let memory = ["-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-k"];
        words.extend(options.iter().chain(&memory).map(OsStr::new));
        words.extend([folder.as_os_str(), "-D".as_ref(), cluster.as_os_str()]);
        let first = wrapper.as_deref().unwrap_or(&server);
        let mut program = Program::start("postgres", first, &words, &ground.scratch.path().join("postgres.log"))?;
        let asked = Instant::now();
        loop {
            program.ensure_running()?;
            let mut ready = Command::new(programs.join("pg_isready"));
            if ready.arg("-q").arg("-h").arg(&folder).status().is_ok_and(|status| status.success()) {
                break;
            }
            ensure!(asked.elapsed() < Duration::from_secs(30), "postgres did not become ready");
            std::thread::sleep(Duration::from_millis(50));
        }
        let postgres = Postgres { program, folder, programs };
        let mut psql = postgres.client("psql");
        run(psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--command", TABLES]), "psql")?;
        for (name, resource) in [("spread", "\\set resource random(1, 10000)\n"), ("hot", "\\set resource 1\n")] {
            std::fs::write(postgres.script(name), format!("{resource}{BOOK}"))
                .context("writing a script for pgbench")?;
        }
        Ok(Some(postgres))
    }

    /// An empty database beside pgbench's, by its URL.
    pub fn database(&self, name: &str) -> anyhow::Result<String> {
        let mut psql = self.client("psql");
        run(
            psql.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--command", &format!("CREATE DATABASE {name}")]),
            "psql",
        )?;
        let folder = self.folder.to_str().context("the folder's name is not UTF-8")?.replace('/', "%2F");
        Ok(format!("postgres://bench@{folder}/{name}"))
    }

    /// Where its clients find it: a socket in the file system.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(".s.PGSQL.5432")
    }

    /// The size of a database, in bytes.
    pub fn size_of(&self, name: &str) -> anyhow::Result<f64> {
        let mut psql = self.client("psql");
        let asked = format!("SELECT pg_database_size('{name}')");
        let said = run(psql.args(["--no-align", "--tuples-only", "--command", &asked]), "psql")?;
        said.trim().parse().context("reading a size")
    }

    /// One window of pgbench.
    pub fn window(&self, window: Duration, hot: bool, clients: u32) -> anyhow::Result<Reading> {
        let seconds = window.as_secs();
        let script = self.script(if hot { "hot" } else { "spread" });
        let mut pgbench = self.client("pgbench");
        pgbench.args(["--no-vacuum", "--protocol=prepared", "--jobs=2", "--client"]).arg(clients.to_string());
        pgbench.arg("--file").arg(&script).arg("--time").arg(seconds.to_string());
        let (server, own) = (gauge::cpu_of_tree(self.program.pid()), gauge::own_cpu_with_children());
        let said = run(&mut pgbench, "pgbench")?;
        let (server, own) = (gauge::cpu_of_tree(self.program.pid()) - server, gauge::own_cpu_with_children() - own);
        let number = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches([' ', '=', ':']).split_whitespace().next()?.parse::<f64>().ok()
        };
        let rate = number("tps").with_context(|| format!("pgbench says no rate: {said}"))?;
        let failed = number("number of failed transactions").unwrap_or_default();
        ensure!(failed == 0.0, "pgbench: {failed} transactions failed");
        let answers = number("number of transactions actually processed").unwrap_or(rate * seconds as f64).max(1.0);
        let mut reading = Reading::of(rate)
            .with("server_cpu_us", server * 1e6 / answers)
            .with("generator_cpu_us", own * 1e6 / answers);
        if let Some(ms) = number("latency average") {
            reading.details.insert("mean_us".into(), ms * 1e3);
        }
        reading.outcomes = [("booked".into(), answers as u64)].into();
        Ok(reading)
    }

    /// Ends it.
    pub fn end(self) -> anyhow::Result<()> {
        self.program.end(Signal::INT)
    }

    fn script(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.sql"))
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("PGHOST", &self.folder).env("PGUSER", "bench").env("PGDATABASE", "postgres");
        command
    }
}

/// Debian keeps the programs of each version in a folder that is not on the PATH; the newest first.
fn debian_folders() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders
}

/// Who runs the cluster if we are root: user and group.
fn other_user() -> anyhow::Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").context("looking for the user postgres")?;
    let ids = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == USER).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    ids.map(Some).context("there is no user postgres to run a cluster as")
}

/// What gives root's rights up before a program, and ends it with us: the kernel forgets that wish when the user changes.
fn wrapper() -> anyhow::Result<(Option<PathBuf>, Vec<String>)> {
    if other_user()?.is_none() {
        return Ok((None, Vec::new()));
    }
    let setpriv = child::find("setpriv", &[]).context("there is no setpriv (of util-linux) to run PostgreSQL with")?;
    let words = ["--reuid", USER, "--regid", USER, "--clear-groups", "--pdeathsig", "INT", "--"];
    Ok((Some(setpriv), words.map(str::to_owned).to_vec()))
}

fn as_user(program: &Path) -> anyhow::Result<Command> {
    let (wrapper, words) = wrapper()?;
    let mut command = Command::new(wrapper.as_deref().unwrap_or(program));
    command.args(words);
    if wrapper.is_some() {
        command.arg(program);
    }
    Ok(command)
}

/// Runs a short program; what it says.
fn run(command: &mut Command, name: &str) -> anyhow::Result<String> {
    let done = command.output().with_context(|| format!("running {name}"))?;
    if !done.status.success() {
        bail!("{name} failed: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}
