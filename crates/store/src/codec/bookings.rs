//! What stands on a calendar, as bytes: bookings, holds, blocks, places in line.
//! It keeps no calendar.

use super::{
    Decoded, During, FORMAT, Id, Malformed, OccurrenceBin, VersionBin, actor, around, decode_spec, encode_spec, known,
    occupied, same, whole,
};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Block, BlockId, Booking, BookingId, BookingState, Counts, Details, Displacer, EntryEnd, EntryId, Epoch, Exceptions,
    FencingToken, Hold, HoldEnd, HoldId, Instant, OwnOverlap, PersonId, Resource, ResourceId, Slot, WaitEntry, Wants,
};

/// A booking as it is, without what people say about it.
pub fn encode_booking(booking: &Booking) -> Decoded<Vec<u8>> {
    Ok(postcard::to_extend(&BookingBin::of(booking)?, Vec::with_capacity(160))?)
}

/// A booking as [`encode_booking`] wrote it, with what people say about it.
pub fn decode_booking(id: BookingId, bytes: &[u8], details: Details) -> Decoded<Booking> {
    whole::<BookingBin>(bytes)?.booking(id, details)
}

/// A resource as it is; what an admin says of it is JSON, because it grows with every rule.
#[derive(Serialize, Deserialize)]
pub(super) struct ResourceBin {
    policy_version: u64,
    spec: String,
}

impl ResourceBin {
    pub(super) fn of(id: ResourceId, resource: &Resource) -> Decoded<ResourceBin> {
        same(resource.id, id)?;
        Ok(ResourceBin { policy_version: resource.policy_version, spec: encode_spec(&resource.spec)? })
    }

    pub(super) fn resource(self, id: ResourceId) -> Decoded<Resource> {
        Ok(Resource { id, spec: decode_spec(&self.spec)?, policy_version: self.policy_version })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct BlockBin {
    id: Id,
    at: During,
    reason: String,
    policy_version: u64,
}

impl BlockBin {
    pub(super) fn of(block: &Block, policy_version: u64) -> BlockBin {
        BlockBin { id: block.id.0.into(), at: During::of(block.interval), reason: block.reason.clone(), policy_version }
    }

    pub(super) fn block(self) -> Decoded<(Block, u64)> {
        let (id, interval) = (BlockId(self.id.into()), self.at.interval()?);
        let block = Block { id, interval, reason: self.reason, exceptions: Exceptions::default() };
        Ok((block, self.policy_version))
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ExceptionsBin {
    people: Vec<Id>,
    bookings: Vec<Id>,
}

impl ExceptionsBin {
    pub(super) fn of(exceptions: &Exceptions) -> ExceptionsBin {
        ExceptionsBin {
            people: exceptions.people.iter().map(|id| id.0.into()).collect(),
            bookings: exceptions.bookings.iter().map(|id| id.0.into()).collect(),
        }
    }

    pub(super) fn exceptions(self) -> Exceptions {
        Exceptions {
            people: self.people.into_iter().map(|id| PersonId(id.into())).collect(),
            bookings: self.bookings.into_iter().map(|id| BookingId(id.into())).collect(),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum DisplacerBin {
    Booking(Id),
    Block(Id),
    Capacity(Id),
}

impl DisplacerBin {
    pub(super) fn of(by_what: Displacer) -> DisplacerBin {
        match by_what {
            Displacer::Booking(id) => DisplacerBin::Booking(id.0.into()),
            Displacer::Block(id) => DisplacerBin::Block(id.0.into()),
            Displacer::Capacity(id) => DisplacerBin::Capacity(id.0.into()),
        }
    }

    pub(super) fn displacer(self) -> Displacer {
        match self {
            DisplacerBin::Booking(id) => Displacer::Booking(BookingId(id.into())),
            DisplacerBin::Block(id) => Displacer::Block(BlockId(id.into())),
            DisplacerBin::Capacity(id) => Displacer::Capacity(ResourceId(id.into())),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct SlotBin {
    n: u16,
    at: During,
    around: (i64, i64),
    units: u32,
    rules: SlotRulesBin,
}

/// The rules about a person that a slot counts under. The first two are one byte, 0 or 1, as they were when there was one rule.
#[derive(Serialize, Deserialize)]
enum SlotRulesBin {
    None,
    Exclusive,
    Counted {
        exclusive: bool,
        quota: Id,
    },
    /// The same, since units are worth credits.
    Worth {
        exclusive: bool,
        quota: Id,
        credits: u16,
    },
}

impl SlotBin {
    pub(super) fn of(resource: ResourceId, n: u16, slot: &Slot) -> Decoded<SlotBin> {
        same(slot.resource, resource)?;
        Ok(SlotBin {
            n,
            at: During::of(slot.interval),
            around: around(slot.interval, slot.occupied),
            units: slot.units,
            rules: match (slot.own_overlap, slot.quota) {
                (OwnOverlap::Allow, None) => SlotRulesBin::None,
                (OwnOverlap::Refuse, None) => SlotRulesBin::Exclusive,
                (own_overlap, Some(Counts { of, credits })) => {
                    let (exclusive, quota) = (own_overlap == OwnOverlap::Refuse, of.0.into());
                    SlotRulesBin::Worth { exclusive, quota, credits }
                }
            },
        })
    }

    pub(super) fn slot(self, resource: ResourceId) -> Decoded<(u16, Slot)> {
        let interval = self.at.interval()?;
        let (exclusive, quota) = match self.rules {
            SlotRulesBin::None => (false, None),
            SlotRulesBin::Exclusive => (true, None),
            SlotRulesBin::Counted { exclusive, quota } => {
                (exclusive, Some(Counts { of: ResourceId(quota.into()), credits: 0 }))
            }
            SlotRulesBin::Worth { exclusive, quota, credits } => {
                (exclusive, Some(Counts { of: ResourceId(quota.into()), credits }))
            }
        };
        let slot = Slot {
            resource,
            interval,
            occupied: occupied(interval, self.around),
            units: self.units,
            own_overlap: if exclusive { OwnOverlap::Refuse } else { OwnOverlap::Allow },
            quota,
        };
        Ok((self.n, slot))
    }
}

/// A booking as it is. Its resources are named once and counted from 0.
#[derive(Serialize, Deserialize)]
struct BookingBin<'a> {
    format: u32,
    owner: Id,
    made_by: Id,
    state: BookingStateBin,
    resources: Vec<Id>,
    slots: Vec<(u16, SlotBin)>,
    #[serde(borrow)]
    occurrence: Option<OccurrenceBin<'a>>,
    revision: u64,
    created_at: i64,
    decided_at: i64,
}

#[derive(Serialize, Deserialize)]
enum BookingStateBin {
    Pending { takes: bool },
    Confirmed,
    Cancelled { at: i64, by: Id, reason: Option<String>, late: bool },
    CheckedIn { at: i64, by: Id },
    NoShow { at: i64 },
    Displaced { at: i64, by: Id, reason: String, by_what: DisplacerBin },
}

impl BookingStateBin {
    fn of(state: &BookingState) -> BookingStateBin {
        match state {
            BookingState::Pending { takes } => BookingStateBin::Pending { takes: *takes },
            BookingState::Confirmed => BookingStateBin::Confirmed,
            BookingState::Cancelled { at, by, reason, late } => {
                BookingStateBin::Cancelled { at: at.0, by: by.uuid().into(), reason: reason.clone(), late: *late }
            }
            BookingState::CheckedIn { at, by } => BookingStateBin::CheckedIn { at: at.0, by: by.uuid().into() },
            BookingState::NoShow { at } => BookingStateBin::NoShow { at: at.0 },
            BookingState::Displaced { at, by, reason, by_what } => BookingStateBin::Displaced {
                at: at.0,
                by: by.uuid().into(),
                reason: reason.clone(),
                by_what: DisplacerBin::of(*by_what),
            },
        }
    }

    fn state(self) -> BookingState {
        match self {
            BookingStateBin::Pending { takes } => BookingState::Pending { takes },
            BookingStateBin::Confirmed => BookingState::Confirmed,
            BookingStateBin::Cancelled { at, by, reason, late } => {
                BookingState::Cancelled { at: Instant(at), by: actor(by.into()), reason, late }
            }
            BookingStateBin::CheckedIn { at, by } => BookingState::CheckedIn { at: Instant(at), by: actor(by.into()) },
            BookingStateBin::NoShow { at } => BookingState::NoShow { at: Instant(at) },
            BookingStateBin::Displaced { at, by, reason, by_what } => {
                BookingState::Displaced { at: Instant(at), by: actor(by.into()), reason, by_what: by_what.displacer() }
            }
        }
    }
}

impl<'a> BookingBin<'a> {
    fn of(booking: &'a Booking) -> Decoded<BookingBin<'a>> {
        let Booking { id: _, owner, made_by, state, details: _, slots, occurrence, revision, created_at, decided_at } =
            booking;
        let resources = booking.resources();
        let placed = slots.iter().enumerate().map(|(n, slot)| {
            let place = resources.iter().position(|id| *id == slot.resource).unwrap_or(0);
            Ok((place as u16, SlotBin::of(slot.resource, n as u16, slot)?))
        });
        Ok(BookingBin {
            format: FORMAT,
            owner: owner.0.into(),
            made_by: made_by.uuid().into(),
            state: BookingStateBin::of(state),
            slots: placed.collect::<Decoded<_>>()?,
            resources: resources.iter().map(|id| id.0.into()).collect(),
            occurrence: occurrence.as_ref().map(|occurrence| OccurrenceBin::of(occurrence, &mut None)),
            revision: *revision,
            created_at: created_at.0,
            decided_at: decided_at.0,
        })
    }

    fn booking(self, id: BookingId, details: Details) -> Decoded<Booking> {
        known(self.format)?;
        let resources = self.resources;
        let slots = self.slots.into_iter().map(|(place, slot)| {
            let of = resources.get(usize::from(place)).copied();
            let of = of.ok_or_else(|| Malformed(format!("there is no resource {place}")))?;
            Ok(slot.slot(ResourceId(of.into()))?.1)
        });
        Ok(Booking {
            id,
            owner: PersonId(self.owner.into()),
            made_by: actor(self.made_by.into()),
            state: self.state.state(),
            details,
            slots: slots.collect::<Decoded<_>>()?,
            occurrence: self.occurrence.map(|occurrence| occurrence.occurrence(&mut None)).transpose()?,
            revision: self.revision,
            created_at: Instant(self.created_at),
            decided_at: Instant(self.decided_at),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct HoldBin {
    id: Id,
    token: VersionBin,
    holder: Id,
    at: During,
    around: (i64, i64),
    units: u32,
    granted_at: i64,
    lasts: i64,
    renewals: u32,
}

impl HoldBin {
    pub(super) fn of(resource: ResourceId, hold: &Hold) -> Decoded<HoldBin> {
        same(hold.resource, resource)?;
        Ok(HoldBin {
            id: hold.id.0.into(),
            token: VersionBin(hold.token.0.epoch.0, hold.token.number()),
            holder: hold.holder.0.into(),
            at: During::of(hold.interval),
            around: around(hold.interval, hold.occupied),
            units: hold.units,
            granted_at: hold.granted_at.0,
            lasts: hold.expires_at.since(hold.granted_at).0,
            renewals: hold.renewals,
        })
    }

    /// `offer` stands beside it: it was no part of a hold at first.
    pub(super) fn hold(self, resource: ResourceId, offer: Option<Id>) -> Decoded<Hold> {
        let interval = self.at.interval()?;
        Ok(Hold {
            id: HoldId(self.id.into()),
            token: FencingToken::of(Epoch(self.token.0), self.token.1),
            holder: PersonId(self.holder.into()),
            resource,
            interval,
            occupied: occupied(interval, self.around),
            units: self.units,
            granted_at: Instant(self.granted_at),
            expires_at: Instant(self.granted_at.saturating_add(self.lasts)),
            renewals: self.renewals,
            offer: offer.map(|id| EntryId(id.into())),
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct WaitBin {
    id: Id,
    owner: Id,
    made_by: Id,
    at: During,
    units: u32,
    class: u8,
    joined: VersionBin,
    joined_at: i64,
    gives_up: Option<Id>,
    offer: Option<Id>,
    offers: u8,
}

impl WaitBin {
    pub(super) fn of(resource: ResourceId, entry: &WaitEntry) -> Decoded<WaitBin> {
        same(entry.resource, resource)?;
        Ok(WaitBin {
            id: entry.id.0.into(),
            owner: entry.owner.0.into(),
            made_by: entry.made_by.uuid().into(),
            at: During::of(entry.interval),
            units: entry.units,
            class: entry.class,
            joined: VersionBin::of(entry.joined),
            joined_at: entry.joined_at.0,
            gives_up: entry.gives_up.map(|id| id.0.into()),
            offer: entry.offer.map(|id| id.0.into()),
            offers: entry.offers,
        })
    }

    /// What it wants stands beside it: nobody could want but units at first.
    pub(super) fn entry(self, resource: ResourceId, wants: Wants) -> Decoded<WaitEntry> {
        Ok(WaitEntry {
            id: EntryId(self.id.into()),
            owner: PersonId(self.owner.into()),
            made_by: actor(self.made_by.into()),
            resource,
            interval: self.at.interval()?,
            units: self.units,
            wants,
            class: self.class,
            joined: self.joined.version(),
            joined_at: Instant(self.joined_at),
            gives_up: self.gives_up.map(|id| BookingId(id.into())),
            offer: self.offer.map(|id| HoldId(id.into())),
            offers: self.offers,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum EntryEndBin {
    Promoted(Id),
    Left,
    Lapsed,
    Voided,
    Told,
}

impl EntryEndBin {
    pub(super) fn of(end: EntryEnd) -> EntryEndBin {
        match end {
            EntryEnd::Promoted { booking } => EntryEndBin::Promoted(booking.0.into()),
            EntryEnd::Left => EntryEndBin::Left,
            EntryEnd::Lapsed => EntryEndBin::Lapsed,
            EntryEnd::Voided => EntryEndBin::Voided,
            EntryEnd::Told => EntryEndBin::Told,
        }
    }

    pub(super) fn end(self) -> EntryEnd {
        match self {
            EntryEndBin::Promoted(id) => EntryEnd::Promoted { booking: BookingId(id.into()) },
            EntryEndBin::Left => EntryEnd::Left,
            EntryEndBin::Lapsed => EntryEnd::Lapsed,
            EntryEndBin::Voided => EntryEnd::Voided,
            EntryEndBin::Told => EntryEnd::Told,
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) enum HoldEndBin {
    Expired,
    Released,
    Consumed,
    Superseded,
    Voided,
}

impl HoldEndBin {
    pub(super) const fn of(end: HoldEnd) -> HoldEndBin {
        match end {
            HoldEnd::Expired => HoldEndBin::Expired,
            HoldEnd::Released => HoldEndBin::Released,
            HoldEnd::Consumed => HoldEndBin::Consumed,
            HoldEnd::Superseded => HoldEndBin::Superseded,
            HoldEnd::Voided => HoldEndBin::Voided,
        }
    }

    pub(super) const fn end(self) -> HoldEnd {
        match self {
            HoldEndBin::Expired => HoldEnd::Expired,
            HoldEndBin::Released => HoldEnd::Released,
            HoldEndBin::Consumed => HoldEnd::Consumed,
            HoldEndBin::Superseded => HoldEnd::Superseded,
            HoldEndBin::Voided => HoldEnd::Voided,
        }
    }
}
