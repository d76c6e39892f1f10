//! How the server is configured: flags, then environment, then one file, then defaults.
//! It starts nothing.

use anyhow::Context;
use clap::Args;
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// `slotwise serve`.
#[derive(Args, Debug, Default)]
pub struct ServeArgs {
    /// The folder that holds everything.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// A TOML file with the same names as these flags, in snake_case; flags and environment win over it.
    #[arg(long, env = "SLOTWISE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on; 127.0.0.1 if left out.
    #[arg(long, env = "SLOTWISE_HOST", value_name = "ADDRESS")]
    host: Option<IpAddr>,
    /// The port to listen on; 8080 if left out, 0 for any that is free.
    #[arg(long, env = "SLOTWISE_PORT")]
    port: Option<u16>,
    /// Let anybody on this machine choose who to be, without a password. Loopback only.
    #[arg(long)]
    demo: bool,
    /// Memory for what is booked, in MiB; 256 if left out.
    #[arg(long, env = "SLOTWISE_CACHE_MIB", value_name = "MIB")]
    cache_mib: Option<usize>,
    /// Changes that one person may ask for per second; 50 if left out, 0 for no limit.
    #[arg(long, env = "SLOTWISE_ATTEMPTS_PER_SECOND", value_name = "N")]
    attempts_per_second: Option<u32>,
    /// Connections at once; 10,000 if left out.
    #[arg(long, env = "SLOTWISE_CONNECTIONS_MAX", value_name = "N")]
    connections_max: Option<usize>,
    /// Logs as JSON lines.
    #[arg(long, env = "SLOTWISE_LOG_JSON")]
    log_json: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    data: Option<PathBuf>,
    host: Option<IpAddr>,
    port: Option<u16>,
    cache_mib: Option<usize>,
    attempts_per_second: Option<u32>,
    connections_max: Option<usize>,
    log_json: bool,
}

/// What the server runs with.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// The folder that holds everything.
    pub data: PathBuf,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Anybody may choose who to be.
    pub demo: bool,
    /// Memory for what is booked.
    pub cache_bytes: usize,
    /// Changes that one person may ask for per second; 0 for no limit.
    pub attempts_per_second: u32,
    /// Connections at once.
    pub connections_max: usize,
    /// Logs as JSON lines.
    pub log_json: bool,
}

impl ServeArgs {
    /// Flags and environment over the file over defaults.
    pub fn read(self) -> anyhow::Result<Config> {
        let file = self.config.as_deref().map(read_file).transpose()?.unwrap_or_default();
        let host = self.host.or(file.host).unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        if self.demo && !host.is_loopback() {
            anyhow::bail!(
                "--demo lets anybody choose who to be, so it is served on loopback only; leave --host out, or leave --demo out"
            );
        }
        let data =
            self.data.or(file.data).context("say where the data is: --data DIR, SLOTWISE_DATA, or data in the file")?;
        Ok(Config {
            data,
            listen: SocketAddr::new(host, self.port.or(file.port).unwrap_or(8080)),
            demo: self.demo,
            cache_bytes: self.cache_mib.or(file.cache_mib).unwrap_or(256).saturating_mul(1 << 20),
            attempts_per_second: self.attempts_per_second.or(file.attempts_per_second).unwrap_or(50),
            connections_max: self.connections_max.or(file.connections_max).unwrap_or(10_000).max(1),
            log_json: self.log_json || file.log_json,
        })
    }
}

fn read_file(path: &Path) -> anyhow::Result<File> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slotwise.toml");
        std::fs::write(&path, "data = \"/somewhere\"\nport = 9000\ncache_mib = 8\n").unwrap();
        let args = ServeArgs { config: Some(path), port: Some(9001), ..ServeArgs::default() };
        let config = args.read().unwrap();
        assert_eq!(
            (config.listen.port(), config.cache_bytes, config.data),
            (9001, 8 << 20, PathBuf::from("/somewhere"))
        );
    }

    #[test]
    fn an_unknown_name_in_the_file_is_refused_by_its_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("slotwise.toml");
        std::fs::write(&path, "prot = 9000\n").unwrap();
        let error = ServeArgs { config: Some(path), ..ServeArgs::default() }.read().unwrap_err();
        assert!(format!("{error:#}").contains("prot"), "{error:#}");
    }

    #[test]
    fn a_demo_is_served_on_loopback_only() {
        let host = Some("0.0.0.0".parse().unwrap());
        let args = ServeArgs { demo: true, host, data: Some("/somewhere".into()), ..ServeArgs::default() };
        assert!(args.read().unwrap_err().to_string().contains("loopback"));
    }
}
