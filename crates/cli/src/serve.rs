//! `slotwise serve`: opens the store, starts the engine, listens, and ends gracefully.
//! The parts are put together here; none of them is written here.

use crate::config::{Config, ServeArgs};
use crate::demo;
use crate::ids::FreshIds;
use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use slotwise_engine::outbox::Outbox;
use slotwise_engine::{Engine, Limits, deadlines};
use slotwise_server::{App, Crowds, DemoSessions, People, Realtime, listen, router, run_realtime};
use slotwise_store::SystemClock;
use slotwise_store::embedded::{Embedded, Options};
use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

/// Seconds, from a tenth of a millisecond to ten seconds.
const BUCKETS: [f64; 15] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
/// Proposals of one commit.
const SIZES: [f64; 9] = [1.0, 2.0, 4.0, 16.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// Runs until it is asked to stop.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.read()?;
    log_to_stderr(config.log_json);
    let metrics = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)?
        .set_buckets_for_metric(metrics_exporter_prometheus::Matcher::Full("slotwise_batch_size".into()), &SIZES)?
        .install_recorder()
        .context("installing the metrics recorder")?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(config, metrics))
}

async fn serve(config: Config, metrics: PrometheusHandle) -> anyhow::Result<()> {
    std::fs::create_dir_all(&config.data).with_context(|| format!("making {}", config.data.display()))?;
    let clock = Arc::new(SystemClock);
    let options = Options { cache_bytes: config.cache_bytes, ..Options::default() };
    let store = Embedded::open(&config.data, options).with_context(|| format!("opening {}", config.data.display()))?;
    if config.demo {
        demo::people(&*store).await?;
    }
    let engine = Engine::start(store.clone(), clock, Arc::new(FreshIds), Limits::default());
    let (realtime, asked) = Realtime::new();
    let upkeep = metrics.clone();
    let app = App {
        engine: engine.clone(),
        views: store.clone(),
        directory: store.clone(),
        people: Arc::new(People::new(store.clone())),
        realtime,
        demo: config.demo.then(|| Arc::new(DemoSessions::default())),
        crowds: Arc::new(Crowds::default()),
        metrics: Arc::new(move || metrics.render()),
        limiter: slotwise_server::limiter(config.attempts_per_second),
    };
    let outbox = Outbox::from_now(&engine).await?;
    let tasks = [
        tokio::spawn(run_realtime(app.clone(), outbox, asked)),
        tokio::spawn(deadlines::run(engine.clone())),
        tokio::spawn(tidy(app.clone(), upkeep)),
    ];
    let listener = TcpListener::bind(config.listen).await.with_context(|| format!("listening on {}", config.listen))?;
    let address = listener.local_addr()?;
    let crowds = app.crowds.clone();
    let (router, sockets) = router(app);
    tracing::info!(%address, data = %config.data.display(), demo = config.demo, "serving");
    // Whoever started this reads where it listens; nobody may be reading.
    drop(writeln!(std::io::stdout(), "Slotwise is on http://{address}"));
    listen::serve(listener, router, config.connections_max, stop_asked(sockets)).await;
    crowds.stop();
    engine.drain().await;
    for task in tasks {
        task.abort();
    }
    tracing::info!("stopped");
    Ok(())
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

/// Things that grow are tidied now and then.
async fn tidy(app: App, metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tick.tick().await;
        metrics.run_upkeep();
        if let Some(limiter) = &app.limiter {
            limiter.retain_recent();
        }
    }
}

/// Logs go to standard error: fields and a message, as text for people or as JSON lines.
pub fn log_to_stderr(json: bool) {
    let filter = EnvFilter::try_from_env("SLOTWISE_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,engineioxide=warn,socketioxide=warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        builder.json().init();
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).init();
    }
}
