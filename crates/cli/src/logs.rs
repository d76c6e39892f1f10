//! Where logs go, and with the feature `otlp` traces: lines on standard error through a bounded queue, spans to a collector.
//! A reader that does not read never holds the server up: what does not fit is dropped, and counted.

use crate::config::{LogConfig, LogFormat};
use anyhow::Context;
use std::io::{self, IsTerminal, Write};
use std::iter;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// What is logged if nothing else is said.
const USUAL: &str = "info,engineioxide=warn,socketioxide=warn";
/// Lines that wait for whoever reads standard error.
const LINES_MAX: usize = 10_000;
/// How long the first of them waits for others: what comes together is written at once, and its thread is woken once.
const LINGER: Duration = Duration::from_millis(1);
/// Bytes written at once.
const TOGETHER_MAX: usize = 64 << 10;
/// How long the last of them may take.
const END_WITHIN: Duration = Duration::from_secs(1);

/// Starts logging; what it returns is dropped last, and writes what is still waiting.
///
/// # Errors
/// The filter makes no sense, or the collector's address.
pub fn begin(config: &LogConfig) -> anyhow::Result<Logs> {
    let filter = config.filter.as_deref().unwrap_or(USUAL);
    let filter = EnvFilter::try_new(filter).with_context(|| format!("log-filter: {filter:?}"))?;
    let lines = Lines::begin();
    let layer = tracing_subscriber::fmt::layer().with_writer(lines.clone());
    let layer = match config.format {
        LogFormat::Json => layer.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => layer.with_ansi(io::stderr().is_terminal()).with_target(false).boxed(),
    };
    let registry = tracing_subscriber::registry().with(layer.with_filter(filter));
    #[cfg(feature = "otlp")]
    let traces = {
        let (traces, layer) = config.otlp_endpoint.as_deref().map(crate::traces::begin).transpose()?.unzip();
        registry.with(layer).init();
        traces
    };
    #[cfg(not(feature = "otlp"))]
    registry.init();
    Ok(Logs {
        lines,
        #[cfg(feature = "otlp")]
        _traces: traces,
    })
}

/// Writes what is still waiting when it is dropped.
pub struct Logs {
    lines: Lines,
    #[cfg(feature = "otlp")]
    _traces: Option<crate::traces::Traces>,
}

impl Drop for Logs {
    fn drop(&mut self) {
        let (tell, told) = mpsc::sync_channel(1);
        let asked = self.lines.0.try_send(Next::End(tell)).is_ok();
        if asked && told.recv_timeout(END_WITHIN).is_err() {
            // Whoever reads does not; nothing more can be said.
        }
    }
}

enum Next {
    Line(Vec<u8>),
    End(SyncSender<()>),
}

/// The way to the one thread that writes.
#[derive(Clone)]
struct Lines(SyncSender<Next>);

impl Lines {
    fn begin() -> Lines {
        let (lines, waiting) = mpsc::sync_channel(LINES_MAX);
        thread::spawn(move || {
            while let Ok(first) = waiting.recv() {
                thread::sleep(LINGER);
                let (mut text, mut ended) = (Vec::new(), None);
                for next in iter::once(first).chain(waiting.try_iter()) {
                    match next {
                        Next::Line(line) => text.extend_from_slice(&line),
                        Next::End(tell) => ended = Some(tell),
                    }
                    if text.len() >= TOGETHER_MAX || ended.is_some() {
                        break;
                    }
                }
                // A closed standard error is nothing to die of.
                drop(io::stderr().write_all(&text));
                if ended.is_some_and(|tell| tell.send(()).is_err()) {
                    break;
                }
            }
        });
        Lines(lines)
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Line;

    fn make_writer(&'w self) -> Line {
        Line { text: Vec::with_capacity(256), lines: self.clone() }
    }
}

/// One line, handed over when it is complete.
struct Line {
    text: Vec<u8>,
    lines: Lines,
}

impl Write for Line {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.lines.0.try_send(Next::Line(std::mem::take(&mut self.text))).is_err() {
            metrics::counter!("slotwise_log_lines_dropped_total").increment(1);
        }
    }
}
