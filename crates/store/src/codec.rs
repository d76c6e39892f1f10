//! How commits, changes and decisions are written: short binary (postcard) for what is written with every attempt, JSON for what an
//! admin says of a resource. It knows no table. What people say about a booking is apart: the record refers to it and does not embed it.
//!
//! The types of the domain are mirrored one by one, so that a change of the domain cannot change what is stored unnoticed.
//! A format is never changed in place: variants are only ever added at the end of an enum; anything else gets the next number, and
//! the old ones keep decoding.

mod bookings;
mod changes;
mod commits;
mod decisions;
#[macro_use]
mod names;
mod series;
mod specs;

pub use bookings::*;
pub use changes::*;
pub use commits::*;
use decisions::*;
pub use names::*;
pub use series::*;
pub use specs::*;

use serde::{Deserialize, Serialize};
use slotwise_domain::{Actor, Epoch, Instant, Interval, PersonId, ResourceId, Span, Version};
use uuid::Uuid;

/// The format that is written.
pub const FORMAT: u32 = 1;

/// Stored bytes that say nothing this program knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl From<serde_json::Error> for Malformed {
    fn from(e: serde_json::Error) -> Malformed {
        Malformed(e.to_string())
    }
}

impl From<postcard::Error> for Malformed {
    fn from(e: postcard::Error) -> Malformed {
        Malformed(e.to_string())
    }
}

type Decoded<T> = Result<T, Malformed>;

/// All of the bytes as one value.
fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Decoded<T> {
    match postcard::take_from_bytes(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(Malformed(format!("{} bytes follow its end", rest.len()))),
    }
}

fn known(format: u32) -> Decoded<()> {
    match format {
        FORMAT => Ok(()),
        other => Err(Malformed(format!("format {other} is not known here"))),
    }
}

/// Sixteen bytes without a length before them.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Id([u8; 16]);

impl From<Uuid> for Id {
    fn from(id: Uuid) -> Id {
        Id(id.into_bytes())
    }
}

impl From<Id> for Uuid {
    fn from(id: Id) -> Uuid {
        Uuid::from_bytes(id.0)
    }
}

/// Begin and end, in microseconds.
type At = (i64, i64);

fn at(interval: Interval) -> At {
    (interval.start().0, interval.end().0)
}

fn interval((start, end): At) -> Decoded<Interval> {
    Interval::new(Instant(start), Instant(end)).map_err(|e| Malformed(format!("{start} to {end} is no interval: {e}")))
}

/// Begin and length: half the bytes of two instants.
#[derive(Serialize, Deserialize)]
struct During(i64, i64);

impl During {
    fn of(interval: Interval) -> During {
        During(interval.start().0, interval.length().0)
    }

    fn interval(self) -> Decoded<Interval> {
        interval((self.0, self.0.saturating_add(self.1)))
    }
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct VersionBin(u32, u64);

impl VersionBin {
    const fn of(version: Version) -> VersionBin {
        VersionBin(version.epoch.0, version.number)
    }

    const fn version(self) -> Version {
        Version { epoch: Epoch(self.0), number: self.1 }
    }
}

/// Time taken around an interval: before it, after it.
fn around(interval: Interval, occupied: Interval) -> (i64, i64) {
    (interval.start().since(occupied.start()).0, occupied.end().since(interval.end()).0)
}

fn occupied(interval: Interval, (before, after): (i64, i64)) -> Interval {
    interval.widened(Span(before), Span(after))
}

/// The resource a thing is of is the one its record is of.
fn same(resource: ResourceId, of: ResourceId) -> Decoded<()> {
    match resource == of {
        true => Ok(()),
        false => Err(Malformed(format!("a change of {resource} stands in a record of {of}"))),
    }
}

/// Who is meant by an id as attempts are filed: nil is the system.
pub const fn actor(id: Uuid) -> Actor {
    match id.is_nil() {
        true => Actor::System,
        false => Actor::Person(PersonId(id)),
    }
}
