//! One connection's bytes, watched: how long it may be silent in each phase, and the seat it takes among all connections.
//! It knows nothing of what the bytes say; an upgraded connection keeps its seat until it is closed.

use crate::listen::Bounds;
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The head of a request is to arrive.
    Head,
    /// A request is being answered; its handler has its own bounds.
    Busy,
    /// Nothing is asked.
    Idle,
    /// It is a WebSocket now, which has its own heartbeat.
    Upgraded,
}

/// The phase, told by the service to the bytes below it, with a count: the same phase again is a new one.
#[derive(Debug, Default)]
pub struct Pace {
    stamp: AtomicU32,
    /// Who reads while a request is answered, and must look again when it was.
    reader: Mutex<Option<Waker>>,
}

impl Pace {
    fn phase_of(stamp: u32) -> Phase {
        match stamp & 3 {
            0 => Phase::Head,
            1 => Phase::Busy,
            2 => Phase::Idle,
            _ => Phase::Upgraded,
        }
    }

    fn set(&self, phase: Phase) {
        self.stamp.update(Ordering::AcqRel, Ordering::Acquire, |stamp| (stamp & !3).wrapping_add(4) | phase as u32);
        if let Some(reader) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take() {
            reader.wake();
        }
    }

    /// Wakes this reader when the phase changes.
    fn tell(&self, cx: &Context<'_>) {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if !reader.as_ref().is_some_and(|r| r.will_wake(cx.waker())) {
            *reader = Some(cx.waker().clone());
        }
    }

    /// A whole head has arrived.
    pub fn asked(&self) {
        self.set(Phase::Busy);
    }

    /// The connection is no more HTTP.
    pub fn upgraded(&self) {
        self.set(Phase::Upgraded);
    }
}

/// A response's body that tells when it is sent.
pub struct Sent {
    body: Body,
    pace: Arc<Pace>,
}

impl Sent {
    /// Over a body.
    pub fn new(body: Body, pace: Arc<Pace>) -> Sent {
        Sent { body, pace }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if Pace::phase_of(self.pace.stamp.load(Ordering::Acquire)) == Phase::Busy {
            self.pace.set(Phase::Idle);
        }
    }
}

/// A stream that ends with an error when the other side is silent for too long.
pub struct Watched<S> {
    stream: S,
    pace: Arc<Pace>,
    headers_within: Duration,
    idle_within: Duration,
    send_within: Duration,
    /// The stamp of the phase that `read_by` is for.
    stamp: u32,
    read_by: Pin<Box<Sleep>>,
    /// Runs while the other side takes nothing.
    write_by: Option<Pin<Box<Sleep>>>,
    _seat: Seat,
}

impl<S> Watched<S> {
    /// Waits for the head of a request from now on.
    pub fn new(stream: S, pace: Arc<Pace>, bounds: &Bounds, seat: Seat) -> Watched<S> {
        let &Bounds { headers_within, idle_within, send_within, .. } = bounds;
        let stamp = pace.stamp.load(Ordering::Acquire);
        let read_by = Box::pin(tokio::time::sleep(headers_within));
        Watched { stream, pace, headers_within, idle_within, send_within, stamp, read_by, write_by: None, _seat: seat }
    }

    /// Restarts the wait for bytes when the phase has changed.
    fn keep_pace(&mut self) -> Phase {
        let stamp = self.pace.stamp.load(Ordering::Acquire);
        let phase = Pace::phase_of(stamp);
        if stamp != self.stamp {
            self.stamp = stamp;
            match phase {
                Phase::Head => self.read_by.as_mut().reset(Instant::now() + self.headers_within),
                Phase::Idle => self.read_by.as_mut().reset(Instant::now() + self.idle_within),
                Phase::Busy | Phase::Upgraded => {}
            }
        }
        phase
    }

    /// Waits on, but not longer than the other side may take nothing.
    fn stalled<T>(&mut self, cx: &mut Context<'_>, tried: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if tried.is_ready() {
            self.write_by = None;
            return tried;
        }
        let within = self.send_within;
        let by = self.write_by.get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        ready!(by.as_mut().poll(cx));
        metrics::counter!("slotwise_connections_cut_total", "why" => "send").increment(1);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = &mut *self;
        let phase = me.keep_pace();
        let filled = buf.filled().len();
        let read = Pin::new(&mut me.stream).poll_read(cx, buf);
        if read.is_ready() {
            if phase == Phase::Idle && buf.filled().len() > filled {
                me.pace.set(Phase::Head);
            }
            return read;
        }
        let why = match phase {
            Phase::Head => "headers",
            Phase::Idle => "idle",
            Phase::Busy => {
                me.pace.tell(cx);
                return Poll::Pending;
            }
            Phase::Upgraded => return Poll::Pending,
        };
        ready!(me.read_by.as_mut().poll(cx));
        metrics::counter!("slotwise_connections_cut_total", "why" => why).increment(1);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.stalled(cx, tried)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let tried = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.stalled(cx, tried)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.stream).poll_flush(cx);
        self.stalled(cx, tried)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let tried = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.stalled(cx, tried)
    }
}

/// How many connections there are, in all and by address.
pub struct Seats {
    max: usize,
    per_address_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<IpAddr, usize>,
}

impl Seats {
    /// At most so many.
    pub fn new(bounds: &Bounds) -> Arc<Seats> {
        let &Bounds { connections_max: max, connections_per_address_max: per_address_max, .. } = bounds;
        Arc::new(Seats { max, per_address_max, taken: Mutex::default() })
    }

    /// Takes a seat for an address, or only among all if there is none; the error says which bound was met.
    pub fn take(self: &Arc<Seats>, address: Option<IpAddr>) -> Result<Seat, &'static str> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.max {
            return Err("all");
        }
        if let Some(address) = address {
            let here = taken.by.entry(address).or_default();
            if *here >= self.per_address_max {
                return Err("address");
            }
            *here += 1;
        }
        taken.all += 1;
        metrics::gauge!("slotwise_connections").set(taken.all as f64);
        Ok(Seat { seats: self.clone(), address })
    }
}

/// One connection's place, given back when it is closed.
pub struct Seat {
    seats: Arc<Seats>,
    address: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        metrics::gauge!("slotwise_connections").set(taken.all as f64);
        if let Some(address) = self.address
            && let Some(here) = taken.by.get_mut(&address)
        {
            *here -= 1;
            if *here == 0 {
                taken.by.remove(&address);
            }
        }
    }
}
