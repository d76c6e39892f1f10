//! `slotwise serve`: opens the store, starts the engine, listens, and ends gracefully.
//! The parts are put together here; none of them is written here.

use crate::config::{Config, Place, ServeArgs};
use crate::demo;
use crate::ids::IdsByClock;
use crate::logs;
use crate::scheduled::Scheduled;
use crate::warm::warm;
use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use slotwise_domain::{Instant, PersonId};
use slotwise_engine::outbox::Outbox;
use slotwise_engine::{
    Accounts, Clock, Directory, Engine, Limits, Post, Secret, SecretKind, Store, Views, deadlines, no_shows,
};
use slotwise_server::listen::Bounds;
use slotwise_server::rate::Rates;
use slotwise_server::tls::Tls;
use slotwise_server::{
    App, Crowds, DemoSessions, Mailer, Parts, Passwords, People, Provider, Realtime, SETUP_LASTS, Seen, listen,
    plain_code, router, run_realtime, secret_hash,
};
use slotwise_store::embedded::{Checkpoints, Embedded, Options};
use slotwise_store::{Postgres, SystemClock, postgres};
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};

/// Seconds, from a tenth of a millisecond to ten seconds.
const BUCKETS: [f64; 15] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Connections that wait to be accepted; the kernel takes no more than `net.core.somaxconn`. The usual 128 are gone in a moment when
/// thousands come at once, and whoever finds no place tries again after a second.
const BACKLOG: u32 = 4_096;
/// Descriptors for the store, its readers and the process itself.
const DESCRIPTORS_ELSE: usize = 64;
/// Proposals of one commit.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Runs until it is asked to stop.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.read()?;
    let _logs = logs::begin(&config.log)?;
    let metrics = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .set_buckets_for_metric(metrics_exporter_prometheus::Matcher::Full("slotwise_batch_size".into()), &SIZES)?
        .install_recorder()
        .context("installing the metrics recorder")?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config, metrics))
}

async fn serve(config: Config, metrics: PrometheusHandle) -> anyhow::Result<()> {
    let tls = config.tls.clone().map(|(cert, key)| Tls::load(cert, key)).transpose().context("TLS")?.map(Arc::new);
    let stores = Stores::open(&config).await?;
    let site = Arc::new(config.site);
    let bounds = Bounds { connections_max: affordable(config.bounds.connections_max), ..config.bounds };
    if config.demo {
        demo::people(&*stores.directory).await?;
    }
    let limits = Limits { running_max: config.attempts_max, queue_max: config.attempts_max, ..Limits::default() };
    let ids = IdsByClock::of(stores.clock.clone());
    let engine = Engine::start(stores.store, stores.clock, ids, limits);
    deadlines::fire_overdue(&engine).await;
    let backups = match (&config.place, config.backups) {
        (Place::Folder(data), Some(schedule)) => Some(Scheduled::start(data.clone(), schedule)).transpose(),
        (Place::Folder(_), None) | (Place::Database { .. }, _) => Ok(None),
    };
    let backups = backups.context("starting the thread that makes backups")?;
    // Whoever comes from now on waits until everything is there.
    let listener = listen_on(config.listen).with_context(|| format!("listening on {}", config.listen))?;
    let address = listener.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let base = slotwise_server::base(site.public.as_ref(), &format!("{scheme}://{address}"));
    let provider = config.provider.map(|provider| Provider::new(provider, &base)).transpose();
    let provider = provider.context("oidc-issuer")?;
    let (realtime, asked) = Realtime::new();
    let upkeep = metrics.clone();
    let app = App::new(Parts {
        engine: engine.clone(),
        views: stores.views.clone(),
        people: Arc::new(People::new(stores.directory.clone())),
        directory: stores.directory,
        post: stores.post,
        accounts: stores.accounts,
        seen: Seen::default(),
        passwords: Passwords::default(),
        provider,
        links: config.mailer.as_ref().map(Mailer::links),
        base,
        realtime,
        demo: config.demo.then(|| Arc::new(DemoSessions::default())),
        crowds: Arc::new(Crowds::default()),
        metrics: Arc::new(move || metrics.render()),
        warnings: match &backups {
            Some(backups) => Arc::new(backups.warnings()),
            None => Arc::new(Vec::new),
        },
        rates: Arc::new(Rates::new(config.rate_member, config.rate_admin, config.rate_address)),
        bounds,
        site: site.clone(),
    });
    let outbox = Outbox::from_now(&engine).await?;
    let mut tasks = vec![
        tokio::spawn(run_realtime(app.clone(), outbox, asked)),
        tokio::spawn(deadlines::run(engine.clone())),
        tokio::spawn(no_shows::run(engine.clone(), stores.views.clone())),
        tokio::spawn(tidy(upkeep)),
        tokio::spawn(forget_secrets(app.clone())),
        tokio::spawn(renew(tls.clone())),
    ];
    tasks.extend(config.mailer.map(|mailer| tokio::spawn(mailer.run(app.clone()))));
    let (crowds, accounts, base) = (app.crowds.clone(), app.accounts.clone(), app.base.clone());
    let (router, sockets) = router(app);
    tracing::info!(%address, place = config.place.name(), demo = config.demo, "serving");
    // Whoever started this reads where it listens; nobody may be reading.
    drop(writeln!(std::io::stdout(), "Slotwise is on {scheme}://{address}"));
    if !config.demo {
        print_setup_code(&*accounts, engine.now(), &base).await?;
    }
    // Half of the memory: what is asked for is to find room without anything having to go.
    let (views, now, half) = (stores.views, engine.now(), config.cache_bytes / 2);
    let warming = tokio::spawn(async move { warm(&*views, now, half).await });
    listen::serve(listener, router, bounds, site, tls, stop_asked(sockets)).await;
    warming.abort();
    crowds.stop();
    drop(backups);
    engine.drain().await;
    if let Some(database) = stores.database {
        database.finish().await;
    }
    for task in tasks {
        task.abort();
    }
    tracing::info!("stopped");
    Ok(())
}

/// One store by its ports.
struct Stores {
    store: Arc<dyn Store>,
    views: Arc<dyn Views>,
    directory: Arc<dyn Directory>,
    post: Arc<dyn Post>,
    /// A database signs a last checkpoint when it is told; a folder does when it is closed.
    database: Option<Arc<Postgres>>,
    /// What decisions go by: this machine's, or the database's.
    clock: Arc<dyn Clock>,
    accounts: Arc<dyn Accounts>,
}

impl Stores {
    async fn open(config: &Config) -> anyhow::Result<Stores> {
        let checkpoints = Checkpoints {
            key: config.checkpoint_key.clone(),
            copy: config.checkpoints_to.clone(),
            every: Duration::from_secs(60 * u64::from(config.checkpoint_minutes)),
        };
        match &config.place {
            Place::Folder(data) => {
                std::fs::create_dir_all(data).with_context(|| format!("making {}", data.display()))?;
                let options = Options { cache_bytes: config.cache_bytes, checkpoints, ..Options::default() };
                let store = Embedded::open(data, options).with_context(|| format!("opening {}", data.display()))?;
                let clock = Arc::new(SystemClock);
                Ok(Stores {
                    store: store.clone(),
                    views: store.clone(),
                    directory: store.clone(),
                    accounts: store.clone(),
                    post: store,
                    database: None,
                    clock,
                })
            }
            Place::Database { url, connections, commits, doorbell } => {
                let options = postgres::Options {
                    cache_bytes: config.cache_bytes,
                    readers: *connections,
                    writers: *commits,
                    doorbell: *doorbell,
                    keep: Some(postgres::Keep { checkpoints, ..postgres::Keep::default() }),
                    ..postgres::Options::default()
                };
                // The URL may have a password in it: it is not repeated.
                let store = Postgres::open(&url.0, options).await.context("opening the database")?;
                let (database, clock) = (Some(store.clone()), store.clock());
                Ok(Stores {
                    store: store.clone(),
                    views: store.clone(),
                    directory: store.clone(),
                    accounts: store.clone(),
                    post: store,
                    database,
                    clock,
                })
            }
        }
    }
}

/// As `TcpListener::bind` does it, with room for a crowd.
fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for what is left of old connections.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Resolves when the process is asked to stop; the sockets are told first.
async fn stop_asked(sockets: slotwise_server::Sockets) {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(signal) => signal,
        Err(e) => {
            tracing::warn!("SIGTERM cannot be heard: {e}");
            return drop(tokio::signal::ctrl_c().await);
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    tracing::info!("stopping: running requests may end, no new ones are taken");
    sockets.close().await;
}

/// Says on standard output, and nowhere else, the code with which the first admin is made; nothing if there is an admin.
async fn print_setup_code(accounts: &dyn Accounts, now: Instant, base: &str) -> anyhow::Result<()> {
    if accounts.has_admin().await? {
        return Ok(());
    }
    let random = uuid::Uuid::new_v4().simple().to_string();
    let code = random.as_bytes().chunks(4).map(String::from_utf8_lossy).take(5).collect::<Vec<_>>().join("-");
    let secret = Secret {
        kind: SecretKind::Setup,
        person: None,
        made_at: now,
        until: Some(now.plus(SETUP_LASTS)),
        ..Secret::key(secret_hash(&plain_code(&code)), PersonId(uuid::Uuid::nil()), String::new())
    };
    accounts.put_secret(secret).await?;
    drop(writeln!(
        std::io::stdout(),
        "There is no admin yet. Open {base}/setup within a day and enter this code: {code}"
    ));
    Ok(())
}

/// Secrets whose time is over are forgotten now and then; they were of no use before.
async fn forget_secrets(app: App) {
    let mut tick = tokio::time::interval(Duration::from_secs(3_600));
    loop {
        tick.tick().await;
        if let Err(e) = app.accounts.forget_secrets(app.engine.now()).await {
            tracing::warn!("forgetting secrets whose time is over: {e}");
        }
    }
}

/// Things that grow are tidied now and then.
async fn tidy(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}

/// Reads the certificate again whenever SIGHUP says that it was renewed. Without TLS the signal does nothing, also not end us.
async fn renew(tls: Option<Arc<Tls>>) {
    let mut hangup = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()) {
        Ok(signal) => signal,
        Err(e) => return tracing::warn!("SIGHUP cannot be heard: {e}"),
    };
    while hangup.recv().await.is_some() {
        match tls.as_ref().map(|tls| tls.reload()) {
            Some(Ok(())) => tracing::info!("the certificate was read again"),
            Some(Err(e)) => tracing::error!("the certificate stays as it was: {e}"),
            None => tracing::info!("SIGHUP: there is no certificate to read again"),
        }
    }
}

/// As many connections as there are descriptors for, beside those of files. The soft limit is raised to the hard one first.
fn affordable(connections_max: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, raised).is_ok() { limit.maximum } else { limit.current };
    let Some(descriptors) = current.and_then(|n| usize::try_from(n).ok()) else { return connections_max };
    let affordable = descriptors.saturating_sub(DESCRIPTORS_ELSE).max(1);
    if affordable < connections_max {
        tracing::warn!(descriptors, "only {affordable} connections at once: raise the limit of open files (ulimit -n)");
    }
    affordable.min(connections_max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    /// Nobody accepts here: without a place in the backlog a connection is not made at once.
    #[tokio::test]
    async fn a_crowd_finds_room_before_it_is_accepted() {
        let most: usize = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
        let crowd = affordable(most.min(BACKLOG as usize));
        assert!(crowd > 128, "this machine allows no crowd: {crowd}");
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = listen_on(any.parse().unwrap()) else {
                assert!(any.starts_with('['), "only IPv6 may be missing");
                continue;
            };
            let address = listener.local_addr().unwrap();
            let at_once = |n| {
                let made = TcpStream::connect_timeout(&address, Duration::from_millis(900));
                made.unwrap_or_else(|e| panic!("connection {n} of {crowd} found no room: {e}"))
            };
            let held: Vec<TcpStream> = (0..crowd).map(at_once).collect();
            assert_eq!(held.len(), crowd);
        }
    }
}
