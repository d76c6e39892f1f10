//! Names of things. Ids are made outside (UUIDv7) and arrive as arguments.
//! Nothing here makes one up.

use std::fmt;
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { write!(f, "{}({})", stringify!($name), self.0) }
        }
    )*};
}

uuid_ids! {
    /// Something bookable.
    ResourceId,
    /// Units of one or more resources, owned by a person.
    BookingId,
    /// Units kept for one holder until an instant.
    HoldId,
    /// Time an admin took out of use.
    BlockId,
    /// A place in the order for units of a full resource.
    EntryId,
    /// Who a booking is for.
    PersonId,
    /// Bookings from one recurrence rule.
    SeriesId,
}

/// The unit of distribution that a transaction stays in. There is one by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId(pub i64);

impl PartId {
    /// The part everything lives in until somebody makes another.
    pub const DEFAULT: PartId = PartId(1);
}

/// Raised by a restore, so that nothing from before it can be mistaken for something after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

/// How many committed changes a resource has seen in its epoch. Compares as (epoch, number).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The epoch the change was committed in.
    pub epoch: Epoch,
    /// 1 for the change that made the resource, then one more each.
    pub number: u64,
}

impl Version {
    /// The version before anything happened.
    pub const fn zero(epoch: Epoch) -> Version {
        Version { epoch, number: 0 }
    }

    /// The version of the next change, committed in `epoch`.
    pub const fn next_in(self, epoch: Epoch) -> Version {
        Version { epoch, number: self.number + 1 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch.0, self.number)
    }
}

/// Proof of holding: the version of the grant, and which grant of that version it is, from 0: one command may make many offers.
/// Never used twice; only equality counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FencingToken(pub Version, pub u16);

impl FencingToken {
    /// No version is so large: above it a stored token keeps its place.
    const PLACE: u32 = 48;

    /// As one number beside its epoch: of the first grant of a version, the version's own.
    pub const fn number(self) -> u64 {
        self.0.number | (self.1 as u64) << FencingToken::PLACE
    }

    /// The token of an epoch and a number as [`FencingToken::number`] makes it.
    pub const fn of(epoch: Epoch, number: u64) -> FencingToken {
        let version = Version { epoch, number: number & ((1 << FencingToken::PLACE) - 1) };
        FencingToken(version, (number >> FencingToken::PLACE) as u16)
    }
}

impl fmt::Display for FencingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            0 => self.0.fmt(f),
            place => write!(f, "{}.{place}", self.0),
        }
    }
}

/// The name of an attempt: the client's UUIDv7, which means something to its actor and part only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The part the attempt belongs to.
    pub part: PartId,
    /// Who asks; the nil UUID stands for the system itself.
    pub actor: Uuid,
    /// The client's key.
    pub key: Uuid,
}

/// SHA-256 of what was asked, so that one key cannot mean two things.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}
