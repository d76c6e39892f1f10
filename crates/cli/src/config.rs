//! How the server is configured: flags, then environment, then one file, then defaults.
//! It starts nothing.

use anyhow::Context;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::Deserialize;
use slotwise_server::listen::Bounds;
use slotwise_server::rate::Rate;
use slotwise_server::site::{Origin, Site};
use slotwise_server::{Mailer, ProviderConfig};
use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// `slotwise serve`.
#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// A TOML file with the same names as these flags, in snake_case; flags and environment win over it.
    #[arg(long, env = "SLOTWISE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Let anybody on this machine choose who to be, without a password. Loopback only.
    #[arg(long)]
    demo: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What may be said on the command line, in the environment and in the file.
#[derive(Args, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// A PostgreSQL database instead of a folder, such as postgres://slotwise:password@db.example.edu/slotwise; any number of servers
    /// may use it at once. Best said in the environment or the file, where others on this machine do not see the password.
    #[arg(long, env = "SLOTWISE_STORE", value_name = "URL", hide_env_values = true)]
    store: Option<Secret>,
    /// Connections to the database for reading. 8 if left out.
    #[arg(long, env = "SLOTWISE_STORE_CONNECTIONS", value_name = "N")]
    store_connections: Option<usize>,
    /// Commits to the database at a time, each on a connection of its own, and two more. 4 if left out.
    #[arg(long, env = "SLOTWISE_STORE_COMMITS", value_name = "N")]
    store_commits: Option<usize>,
    /// Whether servers ring each other through the database; true if left out. Without it, changes by others are shown a little later.
    #[arg(long, env = "SLOTWISE_STORE_DOORBELL", value_name = "TRUE or FALSE")]
    store_doorbell: Option<bool>,
    /// The address to listen on; 127.0.0.1 if left out.
    #[arg(long, env = "SLOTWISE_HOST", value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on; 8080 if left out, 0 for any that is free.
    #[arg(long, env = "SLOTWISE_PORT")]
    port: Option<u16>,
    /// Memory for what is booked, in MiB; 256 if left out.
    #[arg(long, env = "SLOTWISE_CACHE_MIB", value_name = "MIB")]
    cache_mib: Option<usize>,

    /// The certificate chain, in PEM; serves TLS. Read again on SIGHUP.
    #[arg(long, env = "SLOTWISE_TLS_CERT", value_name = "FILE", help_heading = "How it is reached")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(long, env = "SLOTWISE_TLS_KEY", value_name = "FILE", help_heading = "How it is reached")]
    tls_key: Option<PathBuf>,
    /// The address people use, such as https://book.example.edu: for links, origins and cookies.
    #[arg(long, env = "SLOTWISE_PUBLIC_URL", value_name = "URL", help_heading = "How it is reached")]
    public_url: Option<String>,
    /// A proxy in front, whose word about the client's address counts; several are separated by commas.
    #[arg(
        long,
        env = "SLOTWISE_TRUSTED_PROXY",
        value_name = "CIDR",
        value_delimiter = ',',
        help_heading = "How it is reached"
    )]
    trusted_proxy: Option<Vec<String>>,

    /// Attempts of one member, a second and at once; 20/s,100 if left out, off for no limit.
    #[arg(long, env = "SLOTWISE_RATE_LIMIT", value_name = "N/s,BURST", help_heading = "Limits")]
    rate_limit: Option<String>,
    /// Attempts of one admin, and so of their programs; 200/s,1000 if left out.
    #[arg(long, env = "SLOTWISE_RATE_LIMIT_ADMIN", value_name = "N/s,BURST", help_heading = "Limits")]
    rate_limit_admin: Option<String>,
    /// Requests without an identity and new sockets from one address; 50/s,1000 if left out.
    #[arg(long, env = "SLOTWISE_RATE_LIMIT_ADDRESS", value_name = "N/s,BURST", help_heading = "Limits")]
    rate_limit_address: Option<String>,
    /// Attempts carried out at once; more are told that it is busy. 16,384 if left out.
    #[arg(long, env = "SLOTWISE_ATTEMPTS_MAX", value_name = "N", help_heading = "Limits")]
    attempts_max: Option<usize>,
    /// Connections at once, sockets included; 10,000 if left out, and never more than there are descriptors for.
    #[arg(long, env = "SLOTWISE_CONNECTIONS_MAX", value_name = "N", help_heading = "Limits")]
    connections_max: Option<usize>,
    /// Connections at once from one address (one /64 of IPv6); 2,000 if left out.
    #[arg(long, env = "SLOTWISE_CONNECTIONS_PER_ADDRESS_MAX", value_name = "N", help_heading = "Limits")]
    connections_per_address_max: Option<usize>,
    /// Headers of a request; 100 if left out.
    #[arg(long, env = "SLOTWISE_HEADERS_MAX", value_name = "N", help_heading = "Limits")]
    headers_max: Option<usize>,
    /// A request's line and headers, in KiB; 64 if left out.
    #[arg(long, env = "SLOTWISE_HEADERS_KIB", value_name = "KIB", help_heading = "Limits")]
    headers_kib: Option<usize>,
    /// How long a request's headers may take to arrive, in seconds; 10 if left out.
    #[arg(long, env = "SLOTWISE_HEADERS_WITHIN_S", value_name = "SECONDS", help_heading = "Limits")]
    headers_within_s: Option<u32>,
    /// A body, in KiB; 64 if left out.
    #[arg(long, env = "SLOTWISE_BODY_KIB", value_name = "KIB", help_heading = "Limits")]
    body_kib: Option<usize>,
    /// How long a body may take to arrive, in seconds; 10 if left out.
    #[arg(long, env = "SLOTWISE_BODY_WITHIN_S", value_name = "SECONDS", help_heading = "Limits")]
    body_within_s: Option<u32>,
    /// How long an answer may take, in seconds; 20 if left out.
    #[arg(long, env = "SLOTWISE_ANSWER_WITHIN_S", value_name = "SECONDS", help_heading = "Limits")]
    answer_within_s: Option<u32>,
    /// How long a client may take nothing of what it is sent, in seconds; 30 if left out.
    #[arg(long, env = "SLOTWISE_SEND_WITHIN_S", value_name = "SECONDS", help_heading = "Limits")]
    send_within_s: Option<u32>,
    /// How long a connection may be idle between requests, in seconds; 75 if left out.
    #[arg(long, env = "SLOTWISE_IDLE_WITHIN_S", value_name = "SECONDS", help_heading = "Limits")]
    idle_within_s: Option<u32>,

    /// Make backups in this folder, by itself.
    #[arg(long, env = "SLOTWISE_BACKUP_TO", value_name = "DIR", help_heading = "Backups")]
    backup_to: Option<PathBuf>,
    /// How often, such as 6h or 30m; 6h if left out.
    #[arg(long, env = "SLOTWISE_BACKUP_EVERY", value_name = "TIME", help_heading = "Backups")]
    backup_every: Option<String>,
    /// How many of them are kept, the newest; 28 if left out.
    #[arg(long, env = "SLOTWISE_BACKUP_KEEP", value_name = "N", help_heading = "Backups")]
    backup_keep: Option<usize>,

    /// The file with the key that checkpoints are signed with; `checkpoint.key` in the folder, made at the first start, if left
    /// out. Over a database none are made without it, and all servers need the same.
    #[arg(long, env = "SLOTWISE_CHECKPOINT_KEY", value_name = "FILE", help_heading = "Checkpoints")]
    checkpoint_key: Option<PathBuf>,
    /// A second file for signed checkpoints, best on another machine's disk.
    #[arg(long, env = "SLOTWISE_CHECKPOINTS_TO", value_name = "FILE", help_heading = "Checkpoints")]
    checkpoints_to: Option<PathBuf>,
    /// Minutes from one signed checkpoint to the next while anything is booked; 10 if left out.
    #[arg(long, env = "SLOTWISE_CHECKPOINT_MINUTES", value_name = "N", help_heading = "Checkpoints")]
    checkpoint_minutes: Option<u32>,

    /// The server that letters are sent through, such as smtps://user:password@mail.example.edu; none are sent if left out. Best said
    /// in the environment or the file, where others on this machine do not see the password.
    #[arg(long, env = "SLOTWISE_MAIL_URL", value_name = "URL", hide_env_values = true, help_heading = "E-mail")]
    mail_url: Option<Secret>,
    /// From whom letters are, such as Slotwise <no-reply@example.edu>.
    #[arg(long, env = "SLOTWISE_MAIL_FROM", value_name = "ADDRESS", help_heading = "E-mail")]
    mail_from: Option<String>,

    /// A provider that people may sign in with (OpenID Connect), such as https://id.example.edu; none if left out.
    #[arg(long, env = "SLOTWISE_OIDC_ISSUER", value_name = "URL", help_heading = "Sign-in by a provider")]
    oidc_issuer: Option<String>,
    /// What the provider calls this server.
    #[arg(long, env = "SLOTWISE_OIDC_CLIENT_ID", value_name = "ID", help_heading = "Sign-in by a provider")]
    oidc_client_id: Option<String>,
    /// The secret that the provider gave it. Best said in the environment or the file.
    #[arg(
        long,
        env = "SLOTWISE_OIDC_CLIENT_SECRET",
        value_name = "SECRET",
        hide_env_values = true,
        help_heading = "Sign-in by a provider"
    )]
    oidc_client_secret: Option<Secret>,
    /// What the button says; "Single sign-on" if left out.
    #[arg(long, env = "SLOTWISE_OIDC_NAME", value_name = "TEXT", help_heading = "Sign-in by a provider")]
    oidc_name: Option<String>,
    /// Whether whoever the provider vouches for and is not known becomes a member; false if left out.
    #[arg(
        long,
        env = "SLOTWISE_OIDC_NEW_PEOPLE",
        value_name = "TRUE or FALSE",
        help_heading = "Sign-in by a provider"
    )]
    oidc_new_people: Option<bool>,

    /// Logs as lines for people or as JSON; text if left out.
    #[arg(long, env = "SLOTWISE_LOG_FORMAT", value_name = "FORMAT", help_heading = "Logs")]
    log_format: Option<LogFormat>,
    /// What is logged: levels, also by module, such as slotwise_engine=debug,info; info if left out.
    #[arg(long, env = "SLOTWISE_LOG_FILTER", value_name = "FILTER", help_heading = "Logs")]
    log_filter: Option<String>,
    /// Where traces go, such as http://localhost:4318/v1/traces.
    #[cfg(feature = "otlp")]
    #[arg(long, env = "SLOTWISE_OTLP_ENDPOINT", value_name = "URL", help_heading = "Logs")]
    otlp_endpoint: Option<String>,
}

/// What no log and no message may repeat.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(pub String);

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Secret, Infallible> {
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }
}

/// How a line of the log is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// How a line is written.
    pub format: LogFormat,
    /// What is logged, if it was said.
    pub filter: Option<String>,
    /// Where traces go.
    #[cfg(feature = "otlp")]
    pub otlp_endpoint: Option<String>,
}

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a folder, of one process.
    Folder(PathBuf),
    /// In a database, of any number of them.
    Database {
        /// Its URL, which may have a password in it.
        url: Secret,
        /// Connections for reading.
        connections: usize,
        /// Commits at a time.
        commits: usize,
        /// Whether servers ring each other through it.
        doorbell: bool,
    },
}

impl Place {
    /// What it is called in the log, without any password.
    pub fn name(&self) -> String {
        match self {
            Place::Folder(data) => data.display().to_string(),
            Place::Database { .. } => "a PostgreSQL database".to_owned(),
        }
    }
}

/// What the server runs with.
#[derive(Debug)]
pub struct Config {
    /// Where everything is kept.
    pub place: Place,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Anybody may choose who to be.
    pub demo: bool,
    /// Memory for what is booked.
    pub cache_bytes: usize,
    /// Attempts carried out at once.
    pub attempts_max: usize,
    /// The certificate and its key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where it is reached.
    pub site: Site,
    /// What a request may cost.
    pub bounds: Bounds,
    /// How fast a member may ask.
    pub rate_member: Option<Rate>,
    /// How fast an admin may ask.
    pub rate_admin: Option<Rate>,
    /// How fast an address may ask without an identity.
    pub rate_address: Option<Rate>,
    /// Backups that it makes by itself.
    pub backups: Option<Schedule>,
    /// The key of signed checkpoints, if it is not the folder's own.
    pub checkpoint_key: Option<PathBuf>,
    /// A second file for them.
    pub checkpoints_to: Option<PathBuf>,
    /// From one to the next.
    pub checkpoint_minutes: u32,
    /// How letters are sent, if they are.
    pub mailer: Option<Mailer>,
    /// A provider that people may sign in with.
    pub provider: Option<ProviderConfig>,
    /// What is logged, and how.
    pub log: LogConfig,
}

/// The first of two settings, or where it says nothing the second.
macro_rules! over {
    ($first:ident, $second:ident: $($(#[$only:meta])? $name:ident)*) => {
        Settings { $($(#[$only])? $name: $first.$name.or($second.$name)),* }
    };
}

impl Settings {
    fn over(self, file: Settings) -> Settings {
        over!(self, file:
            data store store_connections store_commits store_doorbell host port cache_mib
            tls_cert tls_key public_url trusted_proxy
            rate_limit rate_limit_admin rate_limit_address attempts_max connections_max connections_per_address_max
            headers_max headers_kib headers_within_s body_kib body_within_s answer_within_s send_within_s idle_within_s
            backup_to backup_every backup_keep checkpoint_key checkpoints_to checkpoint_minutes mail_url mail_from
            oidc_issuer oidc_client_id oidc_client_secret oidc_name oidc_new_people
            log_format log_filter #[cfg(feature = "otlp")] otlp_endpoint)
    }

    fn place(&self) -> anyhow::Result<Place> {
        let only_folder = [("backup-to", self.backup_to.is_some())];
        let only_database = [
            ("store-connections", self.store_connections.is_some()),
            ("store-commits", self.store_commits.is_some()),
            ("store-doorbell", self.store_doorbell.is_some()),
        ];
        let said = |of: &[(&'static str, bool)]| of.iter().find(|(_, said)| *said).map(|(name, _)| *name);
        match (&self.data, &self.store) {
            (Some(data), None) => match said(&only_database) {
                Some(name) => anyhow::bail!("{name} is of a database, and this is served from a folder"),
                None => Ok(Place::Folder(data.clone())),
            },
            (None, Some(url)) => {
                if let Some(name) = said(&only_folder) {
                    anyhow::bail!(
                        "{name} is of a folder, and this is served from a database: use the database's own tools"
                    );
                }
                // Without a key of their own, each server would sign with another.
                let keyless = [
                    ("checkpoints-to", self.checkpoints_to.is_some()),
                    ("checkpoint-minutes", self.checkpoint_minutes.is_some()),
                ];
                if let (None, Some(name)) = (&self.checkpoint_key, said(&keyless)) {
                    anyhow::bail!(
                        "{name} needs checkpoint-key: over a database checkpoints are made with a key that is named"
                    );
                }
                let known = url.0.starts_with("postgres://") || url.0.starts_with("postgresql://");
                anyhow::ensure!(known, "store must be a URL that begins with postgres://");
                Ok(Place::Database {
                    url: url.clone(),
                    connections: within("store-connections", self.store_connections, 8, 1..=1_000)?,
                    commits: within("store-commits", self.store_commits, 4, 1..=64)?,
                    doorbell: self.store_doorbell.unwrap_or(true),
                })
            }
            (Some(_), Some(_)) => anyhow::bail!("data and store are both said: everything is in one place"),
            (None, None) => anyhow::bail!(
                "say where the data is: --data DIR, SLOTWISE_DATA, or data in the file; or a database with --store URL"
            ),
        }
    }

    fn site(&self) -> anyhow::Result<Site> {
        let public = self.public_url.as_deref().map(str::parse::<Origin>).transpose();
        let public = public.map_err(|e| anyhow::anyhow!("public-url: {e}"))?;
        let proxies = self.trusted_proxy.iter().flatten().map(|text| network(text));
        Ok(Site { public, proxies: proxies.collect::<anyhow::Result<_>>()?, tls: self.tls_cert.is_some() })
    }

    fn mailer(&self) -> anyhow::Result<Option<Mailer>> {
        match (&self.mail_url, &self.mail_from) {
            (Some(Secret(url)), Some(from)) => Ok(Some(Mailer::new(url, from)?)),
            (None, None) => Ok(None),
            (Some(_), None) => anyhow::bail!("mail-url is said and mail-from is not: a letter needs a sender"),
            (None, Some(_)) => {
                anyhow::bail!("mail-from is said and mail-url is not: say where letters are sent through")
            }
        }
    }

    fn provider(&self) -> anyhow::Result<Option<ProviderConfig>> {
        let Some(issuer) = &self.oidc_issuer else {
            let said = [
                ("oidc-client-id", self.oidc_client_id.is_some()),
                ("oidc-client-secret", self.oidc_client_secret.is_some()),
                ("oidc-name", self.oidc_name.is_some()),
                ("oidc-new-people", self.oidc_new_people.is_some()),
            ];
            return match said.into_iter().find(|(_, said)| *said) {
                Some((name, _)) => anyhow::bail!("{name} is said and oidc-issuer is not: say which provider"),
                None => Ok(None),
            };
        };
        let missing = |name| format!("oidc-issuer is said and {name} is not: the provider gives both");
        let client_id = self.oidc_client_id.clone().with_context(|| missing("oidc-client-id"))?;
        let Secret(client_secret) = self.oidc_client_secret.clone().with_context(|| missing("oidc-client-secret"))?;
        Ok(Some(ProviderConfig {
            issuer: issuer.clone(),
            client_id,
            client_secret,
            name: self.oidc_name.clone().unwrap_or_else(|| "Single sign-on".to_owned()),
            new_people: self.oidc_new_people.unwrap_or(false),
        }))
    }

    fn bounds(&self) -> anyhow::Result<Bounds> {
        let seconds = |name, given: Option<u32>, usual| -> anyhow::Result<Duration> {
            Ok(Duration::from_secs(u64::from(within(name, given, usual, 1..=86_400)?)))
        };
        let kib =
            |name, given: Option<usize>| -> anyhow::Result<usize> { Ok(within(name, given, 64, 8..=16_384)? << 10) };
        Ok(Bounds {
            connections_max: within("connections-max", self.connections_max, 10_000, 1..=1_000_000)?,
            connections_per_address_max: within(
                "connections-per-address-max",
                self.connections_per_address_max,
                2_000,
                1..=1_000_000,
            )?,
            headers_max: within("headers-max", self.headers_max, 100, 1..=1_000)?,
            headers_bytes: kib("headers-kib", self.headers_kib)?,
            headers_within: seconds("headers-within-s", self.headers_within_s, 10)?,
            body_bytes: kib("body-kib", self.body_kib)?,
            body_within: seconds("body-within-s", self.body_within_s, 10)?,
            handler_within: seconds("answer-within-s", self.answer_within_s, 20)?,
            send_within: seconds("send-within-s", self.send_within_s, 30)?,
            idle_within: seconds("idle-within-s", self.idle_within_s, 75)?,
        })
    }
}

/// Where, how often, and how many are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The folder they are in.
    pub to: PathBuf,
    /// From one to the next.
    pub every: Duration,
    /// At least one.
    pub keep: usize,
}

impl Schedule {
    /// More often is no backup any more.
    const EVERY_MIN: Duration = Duration::from_secs(1);

    fn read(
        to: Option<PathBuf>,
        every: Option<String>,
        keep: Option<usize>,
        data: &Path,
    ) -> anyhow::Result<Option<Schedule>> {
        let Some(to) = to else {
            let said = every.map(|_| "--backup-every").or(keep.map(|_| "--backup-keep"));
            return match said {
                Some(said) => anyhow::bail!("{said} needs --backup-to: say where the backups go"),
                None => Ok(None),
            };
        };
        anyhow::ensure!(
            !to.starts_with(data),
            "--backup-to {} is within the data folder; whatever takes that away takes the backups too",
            to.display()
        );
        let text = every.as_deref().unwrap_or("6h");
        let read = text.parse::<jiff::SignedDuration>().ok().and_then(|every| Duration::try_from(every).ok());
        let every = read.filter(|every| *every >= Schedule::EVERY_MIN);
        let every = every.with_context(|| format!("--backup-every {text:?} must be a time such as 6h, 1s at least"))?;
        let keep = keep.unwrap_or(28);
        anyhow::ensure!(keep > 0, "--backup-keep 0 would keep none; say 1 at least");
        Ok(Some(Schedule { to, every, keep }))
    }
}

impl ServeArgs {
    /// Flags and environment over the file over defaults.
    ///
    /// # Errors
    /// Something is missing, cannot be read or makes no sense; the message names it.
    pub fn read(self) -> anyhow::Result<Config> {
        let file = self.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let settings = self.settings.over(file);
        let host = settings.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if self.demo && !host.is_loopback() {
            anyhow::bail!(
                "--demo lets anybody choose who to be, so it is served on loopback only; leave --host out, or leave --demo out"
            );
        }
        let tls = match (&settings.tls_cert, &settings.tls_key) {
            (Some(cert), Some(key)) => Some((cert.clone(), key.clone())),
            (None, None) => None,
            (Some(_), None) => anyhow::bail!("tls-cert is said and tls-key is not: TLS needs both"),
            (None, Some(_)) => anyhow::bail!("tls-key is said and tls-cert is not: TLS needs both"),
        };
        let (site, bounds, mailer) = (settings.site()?, settings.bounds()?, settings.mailer()?);
        let (place, provider) = (settings.place()?, settings.provider()?);
        anyhow::ensure!(
            provider.is_none() || !self.demo,
            "--demo lets anybody choose who to be, so there is no provider: leave oidc-issuer out, or leave --demo out"
        );
        let data = settings.data.unwrap_or_default();
        let backups = Schedule::read(settings.backup_to, settings.backup_every, settings.backup_keep, &data)?;
        Ok(Config {
            place,
            backups,
            listen: SocketAddr::new(host, settings.port.unwrap_or(8080)),
            demo: self.demo,
            cache_bytes: settings.cache_mib.unwrap_or(256).saturating_mul(1 << 20),
            attempts_max: within("attempts-max", settings.attempts_max, 16_384, 1..=1_000_000)?,
            tls,
            site,
            bounds,
            rate_member: rate("rate-limit", settings.rate_limit.as_deref(), "20/s,100")?,
            rate_admin: rate("rate-limit-admin", settings.rate_limit_admin.as_deref(), "200/s,1000")?,
            rate_address: rate("rate-limit-address", settings.rate_limit_address.as_deref(), "50/s,1000")?,
            checkpoint_key: settings.checkpoint_key,
            checkpoints_to: settings.checkpoints_to,
            checkpoint_minutes: within("checkpoint-minutes", settings.checkpoint_minutes, 10, 1..=100_000)?,
            mailer,
            provider,
            log: LogConfig {
                format: settings.log_format.unwrap_or_default(),
                filter: settings.log_filter,
                #[cfg(feature = "otlp")]
                otlp_endpoint: settings.otlp_endpoint,
            },
        })
    }
}

fn within<N: PartialOrd + std::fmt::Display>(
    name: &str,
    given: Option<N>,
    usual: N,
    range: std::ops::RangeInclusive<N>,
) -> anyhow::Result<N> {
    let n = given.unwrap_or(usual);
    anyhow::ensure!(range.contains(&n), "{name} must be from {} to {}, not {n}", range.start(), range.end());
    Ok(n)
}

fn rate(name: &str, given: Option<&str>, usual: &str) -> anyhow::Result<Option<Rate>> {
    Rate::read(given.unwrap_or(usual)).map_err(|e| anyhow::anyhow!("{name}: {e}"))
}

/// A network, or one address as the network that holds nothing else.
fn network(text: &str) -> anyhow::Result<IpNet> {
    let text = text.trim();
    let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    net.map_err(|_| anyhow::anyhow!("trusted-proxy: {text:?} is neither an address nor a network such as 10.0.0.0/8"))
}

fn read_file(path: &Path) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: Settings, file: &str) -> anyhow::Result<Config> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slotwise.toml");
        std::fs::write(&path, file).unwrap();
        ServeArgs { config: Some(path), settings, ..ServeArgs::default() }.read()
    }

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let file = "data = \"/somewhere\"\nport = 9000\ncache_mib = 8\ntrusted_proxy = [\"10.0.0.0/8\", \"::1\"]\n";
        let config = read(Settings { port: Some(9001), ..Settings::default() }, file).unwrap();
        assert_eq!(
            (config.listen.port(), config.cache_bytes, config.place),
            (9001, 8 << 20, Place::Folder("/somewhere".into()))
        );
        assert_eq!(config.site.proxies.len(), 2);
        assert_eq!(config.bounds.idle_within, Duration::from_secs(75));
        assert_eq!(config.rate_member, Rate::read("20/s,100").unwrap());
    }

    #[test]
    fn an_unknown_name_in_the_file_is_refused_by_its_name() {
        let error = read(Settings::default(), "prot = 9000\n").unwrap_err();
        assert!(format!("{error:#}").contains("prot"), "{error:#}");
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        for (file, name) in [
            ("headers_max = 0", "headers-max"),
            ("idle_within_s = 0", "idle-within-s"),
            ("body_kib = 1000000", "body-kib"),
            ("rate_limit = \"fast\"", "rate-limit"),
            ("trusted_proxy = [\"10.0.0.0/99\"]", "trusted-proxy"),
            ("public_url = \"book.example.edu\"", "public-url"),
            ("tls_cert = \"cert.pem\"", "tls-key"),
            ("tls_key = \"key.pem\"", "tls-cert"),
            ("log_format = \"xml\"", "log_format"),
            ("mail_url = \"smtp://localhost\"", "mail-from"),
            ("oidc_client_id = \"it\"", "oidc-issuer"),
            ("oidc_issuer = \"https://id.example.edu\"", "oidc-client-id"),
            ("oidc_issuer = \"https://id.example.edu\"\noidc_client_id = \"it\"", "oidc-client-secret"),
            ("mail_from = \"me@localhost\"", "mail-url"),
            ("mail_url = \"not://it\"\nmail_from = \"me@localhost\"", "mail URL"),
            ("mail_url = \"smtp://localhost\"\nmail_from = \"nobody\"", "sender"),
        ] {
            let error = read(Settings { data: Some("/somewhere".into()), ..Settings::default() }, file).unwrap_err();
            assert!(format!("{error:#}").contains(name), "{file}: {error:#}");
        }
    }

    #[test]
    fn everything_is_in_one_place() {
        let url = Secret("postgres://me:secret@db/slotwise".into());
        let stored = |file: &str| read(Settings { store: Some(url.clone()), ..Settings::default() }, file);
        let place = Place::Database { url: url.clone(), connections: 8, commits: 4, doorbell: true };
        assert_eq!(stored("").unwrap().place, place);
        let place = Place::Database { url: url.clone(), connections: 3, commits: 2, doorbell: false };
        assert_eq!(stored("store_connections = 3\nstore_commits = 2\nstore_doorbell = false").unwrap().place, place);
        for (file, says) in [
            ("data = \"/somewhere\"", "both"),
            ("backup_to = \"/else\"", "backup-to"),
            ("checkpoint_minutes = 1", "checkpoint-minutes"),
            ("checkpoints_to = \"/else\"", "checkpoint-key"),
            ("store_connections = 0", "store-connections"),
            ("store_commits = 65", "store-commits"),
        ] {
            let error = format!("{:#}", stored(file).unwrap_err());
            assert!(error.contains(says) && !error.contains("secret"), "{file}: {error}");
        }
        let error = read(Settings::default(), "store = \"mysql://me:secret@db\"").unwrap_err();
        assert!(format!("{error:#}").contains("postgres://") && !format!("{error:#}").contains("secret"), "{error:#}");
        assert!(read(Settings::default(), "").unwrap_err().to_string().contains("--store"));
        let folder = read(Settings { data: Some("/somewhere".into()), ..Settings::default() }, "store_doorbell = true");
        assert!(folder.unwrap_err().to_string().contains("store-doorbell"));
    }

    #[test]
    fn a_schedule_of_backups_is_whole_or_refused() {
        let scheduled = |to: Option<&str>, every: Option<&str>, keep: Option<usize>| {
            let said = Settings {
                data: Some("/somewhere".into()),
                backup_to: to.map(PathBuf::from),
                backup_every: every.map(str::to_owned),
                backup_keep: keep,
                ..Settings::default()
            };
            read(said, "").map(|config| config.backups).map_err(|e| format!("{e:#}"))
        };
        assert_eq!(scheduled(None, None, None), Ok(None));
        let every = |hours: u64| Duration::from_secs(hours * 3_600);
        let schedule = |hours, keep| Ok(Some(Schedule { to: "/else".into(), every: every(hours), keep }));
        assert_eq!(scheduled(Some("/else"), None, None), schedule(6, 28));
        assert_eq!(scheduled(Some("/else"), Some("24h"), Some(3)), schedule(24, 3));
        for (to, every, keep, says) in [
            (None, Some("6h"), None, "--backup-every needs --backup-to"),
            (None, None, Some(3), "--backup-keep needs --backup-to"),
            (Some("/somewhere/in"), None, None, "within the data folder"),
            (Some("/else"), Some("often"), None, "--backup-every \"often\""),
            (Some("/else"), Some("-6h"), None, "--backup-every"),
            (Some("/else"), Some("100ms"), None, "1s at least"),
            (Some("/else"), None, Some(0), "--backup-keep 0"),
        ] {
            let error = scheduled(to, every, keep).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn a_demo_is_served_on_loopback_only() {
        let host = Some("0.0.0.0".parse().unwrap());
        let settings = Settings { host, data: Some("/somewhere".into()), ..Settings::default() };
        let args = ServeArgs { demo: true, settings, ..ServeArgs::default() };
        assert!(args.read().unwrap_err().to_string().contains("loopback"));
    }
}
