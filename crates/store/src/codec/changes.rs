//! Each change of the domain as bytes.
//! It folds nothing.

use super::{
    BlockBin, Decoded, DisplacerBin, EntryEndBin, ExceptionsBin, HoldBin, HoldEndBin, Id, Malformed, OccurrenceBin,
    ResourceBin, SlotBin, WaitBin, actor, whole,
};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Block, BookingId, Change, EndedEntry, EndedHold, HoldId, Instant, PersonId, ResourceId, Series, Slot, Wants,
};
use std::borrow::Cow;
use std::sync::Arc;

/// The changes of one resource at one version.
pub fn encode_changes(resource: ResourceId, changes: &[Change]) -> Decoded<Vec<u8>> {
    let mut before: Option<&Series> = None;
    let mut bins = Vec::with_capacity(changes.len());
    for change in changes {
        bins.push(ChangeBin::of(resource, change, &mut before)?);
    }
    let changes = bins;
    Ok(postcard::to_extend(&changes, Vec::with_capacity(128))?)
}

/// The changes of one resource at one version, as [`encode_changes`] wrote them.
pub fn decode_changes(resource: ResourceId, bytes: &[u8]) -> Decoded<Vec<Change>> {
    let changes: Vec<ChangeBin> = whole(bytes)?;
    let mut before = None;
    changes.into_iter().map(|change| change.change(resource, &mut before)).collect()
}

#[derive(Serialize, Deserialize)]
enum ChangeBin<'a> {
    ResourceCreated(ResourceBin),
    ResourceEdited(ResourceBin),
    BlockAdded(BlockBin),
    BlockRemoved(BlockBin),
    BookingMade {
        id: Id,
        owner: Id,
        pending: bool,
        slots: Vec<SlotBin>,
    },
    BookingApproved {
        id: Id,
        owner: Id,
        slots: Vec<SlotBin>,
    },
    BookingCancelled {
        id: Id,
        owner: Id,
        was_pending: bool,
        slots: Vec<SlotBin>,
        by: Id,
        reason: Option<Cow<'a, str>>,
    },
    BookingEdited {
        id: Id,
        owner: Id,
        revision: u64,
    },
    HoldGranted(HoldBin),
    HoldRenewed(HoldBin),
    HoldEnded(HoldEndBin, HoldBin),
    BookingMoved {
        id: Id,
        owner: Id,
        revision: u64,
        pending: bool,
        from: Vec<SlotBin>,
        to: Vec<SlotBin>,
    },
    OfferGranted(Id, HoldBin),
    OfferRenewed(Id, HoldBin),
    OfferEnded(Id, HoldEndBin, HoldBin),
    WaitJoined(WaitBin),
    WaitOffered(WaitBin),
    WaitResumed(WaitBin),
    WaitMoved(WaitBin),
    WaitEnded(EntryEndBin, WaitBin),
    WaitDue(Option<i64>),
    OccurrenceMade {
        id: Id,
        owner: Id,
        pending: bool,
        slots: Vec<SlotBin>,
        #[serde(borrow)]
        of: OccurrenceBin<'a>,
    },
    OccurrenceMoved {
        id: Id,
        owner: Id,
        revision: u64,
        pending: bool,
        from: Vec<SlotBin>,
        to: Vec<SlotBin>,
        #[serde(borrow)]
        of: OccurrenceBin<'a>,
    },
    /// A cancel that was late; others are `BookingCancelled`.
    BookingCancelledLate {
        id: Id,
        owner: Id,
        was_pending: bool,
        slots: Vec<SlotBin>,
        by: Id,
        reason: Option<Cow<'a, str>>,
    },
    BookingRequested {
        id: Id,
        owner: Id,
        slots: Vec<SlotBin>,
        #[serde(borrow)]
        of: Option<OccurrenceBin<'a>>,
    },
    RequestApproved {
        id: Id,
        owner: Id,
    },
    BookingCheckedIn {
        id: Id,
        owner: Id,
    },
    BookingNoShow {
        id: Id,
        owner: Id,
        from: Vec<SlotBin>,
        to: Vec<SlotBin>,
        at: i64,
    },
    BookingDisplaced {
        id: Id,
        owner: Id,
        was_pending: bool,
        slots: Vec<SlotBin>,
        by: Id,
        reason: Cow<'a, str>,
        by_what: DisplacerBin,
    },
    BookingHandedOver {
        id: Id,
        from: Id,
        to: Id,
        pending: bool,
        slots: Vec<SlotBin>,
        reason: Cow<'a, str>,
    },
    BookingOverrode {
        id: Id,
        owner: Id,
        reason: Cow<'a, str>,
    },
    CapacitySet {
        resource: ResourceBin,
        used: u64,
        seen_used: Option<u32>,
        over_commit: u32,
        reason: Option<Cow<'a, str>>,
    },
    ServiceSet {
        resource: ResourceBin,
        reason: Cow<'a, str>,
    },
    OverCommitLowered {
        to: u32,
    },
    /// A block with exceptions; others are `BlockAdded` and `BlockRemoved`.
    BlockAddedExcept(BlockBin, ExceptionsBin),
    BlockRemovedExcept(BlockBin, ExceptionsBin),
    WatchJoined(WaitBin),
    WatchMoved(WaitBin),
    WatchEnded(EntryEndBin, WaitBin),
    Reminded {
        id: Id,
        owner: Id,
        cutoff: i64,
    },
    Reasoned {
        reason: Cow<'a, str>,
    },
    HoldOverrode {
        id: Id,
        holder: Id,
        until: Option<i64>,
        reason: Cow<'a, str>,
    },
}

impl<'a> ChangeBin<'a> {
    /// `before` is the series that the record spoke of last.
    fn of(resource: ResourceId, change: &'a Change, before: &mut Option<&'a Series>) -> Decoded<ChangeBin<'a>> {
        let slots =
            |slots: &[(u16, Slot)]| slots.iter().map(|(n, s)| SlotBin::of(resource, *n, s)).collect::<Decoded<_>>();
        Ok(match change {
            Change::ResourceCreated(r) => ChangeBin::ResourceCreated(ResourceBin::of(resource, r)?),
            Change::ResourceEdited(r) => ChangeBin::ResourceEdited(ResourceBin::of(resource, r)?),
            Change::BlockAdded { block, policy_version } if !block.exceptions.is_empty() => {
                ChangeBin::BlockAddedExcept(BlockBin::of(block, *policy_version), ExceptionsBin::of(&block.exceptions))
            }
            Change::BlockRemoved { block, policy_version } if !block.exceptions.is_empty() => {
                ChangeBin::BlockRemovedExcept(
                    BlockBin::of(block, *policy_version),
                    ExceptionsBin::of(&block.exceptions),
                )
            }
            Change::BlockAdded { block, policy_version } => ChangeBin::BlockAdded(BlockBin::of(block, *policy_version)),
            Change::BlockRemoved { block, policy_version } => {
                ChangeBin::BlockRemoved(BlockBin::of(block, *policy_version))
            }
            Change::BookingMade { booking, owner, pending, slots: s, occurrence: Some(o) } => {
                ChangeBin::OccurrenceMade {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    pending: *pending,
                    slots: slots(s)?,
                    of: OccurrenceBin::of(o, before),
                }
            }
            Change::BookingMade { booking, owner, pending, slots: s, occurrence: None } => ChangeBin::BookingMade {
                id: booking.0.into(),
                owner: owner.0.into(),
                pending: *pending,
                slots: slots(s)?,
            },
            Change::BookingApproved { booking, owner, slots: s } => {
                ChangeBin::BookingApproved { id: booking.0.into(), owner: owner.0.into(), slots: slots(s)? }
            }
            Change::BookingCancelled { booking, owner, was_pending, slots: s, by, reason, late: true } => {
                ChangeBin::BookingCancelledLate {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    was_pending: *was_pending,
                    slots: slots(s)?,
                    by: by.uuid().into(),
                    reason: reason.as_deref().map(Cow::Borrowed),
                }
            }
            Change::BookingCancelled { booking, owner, was_pending, slots: s, by, reason, late: false } => {
                ChangeBin::BookingCancelled {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    was_pending: *was_pending,
                    slots: slots(s)?,
                    by: by.uuid().into(),
                    reason: reason.as_deref().map(Cow::Borrowed),
                }
            }
            Change::BookingMoved { booking, owner, revision, pending, from, to, occurrence } => {
                let (id, owner, revision, pending) = (booking.0.into(), owner.0.into(), *revision, *pending);
                let (from, to) = (slots(from)?, slots(to)?);
                match occurrence {
                    None => ChangeBin::BookingMoved { id, owner, revision, pending, from, to },
                    Some(o) => {
                        let of = OccurrenceBin::of(o, before);
                        ChangeBin::OccurrenceMoved { id, owner, revision, pending, from, to, of }
                    }
                }
            }
            Change::BookingEdited { booking, owner, revision } => {
                ChangeBin::BookingEdited { id: booking.0.into(), owner: owner.0.into(), revision: *revision }
            }
            Change::HoldGranted(hold) => {
                let bin = HoldBin::of(resource, hold)?;
                match hold.offer {
                    None => ChangeBin::HoldGranted(bin),
                    Some(entry) => ChangeBin::OfferGranted(entry.0.into(), bin),
                }
            }
            Change::HoldRenewed(hold) => {
                let bin = HoldBin::of(resource, hold)?;
                match hold.offer {
                    None => ChangeBin::HoldRenewed(bin),
                    Some(entry) => ChangeBin::OfferRenewed(entry.0.into(), bin),
                }
            }
            Change::HoldEnded(EndedHold { hold, end }) => {
                let (end, bin) = (HoldEndBin::of(*end), HoldBin::of(resource, hold)?);
                match hold.offer {
                    None => ChangeBin::HoldEnded(end, bin),
                    Some(entry) => ChangeBin::OfferEnded(entry.0.into(), end, bin),
                }
            }
            Change::WaitJoined(entry) => match entry.wants {
                Wants::Units => ChangeBin::WaitJoined(WaitBin::of(resource, entry)?),
                Wants::Word => ChangeBin::WatchJoined(WaitBin::of(resource, entry)?),
            },
            Change::WaitOffered(entry) | Change::WaitResumed(entry) if entry.wants != Wants::Units => {
                return Err(Malformed(format!("{} wants only word, and is offered something", entry.id)));
            }
            Change::WaitOffered(entry) => ChangeBin::WaitOffered(WaitBin::of(resource, entry)?),
            Change::WaitResumed(entry) => ChangeBin::WaitResumed(WaitBin::of(resource, entry)?),
            Change::WaitMoved(entry) => match entry.wants {
                Wants::Units => ChangeBin::WaitMoved(WaitBin::of(resource, entry)?),
                Wants::Word => ChangeBin::WatchMoved(WaitBin::of(resource, entry)?),
            },
            Change::WaitEnded(EndedEntry { entry, end }) => {
                let (end, bin) = (EntryEndBin::of(*end), WaitBin::of(resource, entry)?);
                match entry.wants {
                    Wants::Units => ChangeBin::WaitEnded(end, bin),
                    Wants::Word => ChangeBin::WatchEnded(end, bin),
                }
            }
            Change::WaitDue(at) => ChangeBin::WaitDue(at.map(|at| at.0)),
            Change::BookingRequested { booking, owner, slots: s, occurrence } => ChangeBin::BookingRequested {
                id: booking.0.into(),
                owner: owner.0.into(),
                slots: slots(s)?,
                of: occurrence.as_ref().map(|o| OccurrenceBin::of(o, before)),
            },
            Change::RequestApproved { booking, owner } => {
                ChangeBin::RequestApproved { id: booking.0.into(), owner: owner.0.into() }
            }
            Change::BookingCheckedIn { booking, owner } => {
                ChangeBin::BookingCheckedIn { id: booking.0.into(), owner: owner.0.into() }
            }
            Change::BookingNoShow { booking, owner, from, to, at } => ChangeBin::BookingNoShow {
                id: booking.0.into(),
                owner: owner.0.into(),
                from: slots(from)?,
                to: slots(to)?,
                at: at.0,
            },
            Change::BookingDisplaced { booking, owner, was_pending, slots: s, by, reason, by_what } => {
                ChangeBin::BookingDisplaced {
                    id: booking.0.into(),
                    owner: owner.0.into(),
                    was_pending: *was_pending,
                    slots: slots(s)?,
                    by: by.uuid().into(),
                    reason: Cow::Borrowed(reason),
                    by_what: DisplacerBin::of(*by_what),
                }
            }
            Change::BookingHandedOver { booking, from, to, pending, slots: s, reason } => {
                ChangeBin::BookingHandedOver {
                    id: booking.0.into(),
                    from: from.0.into(),
                    to: to.0.into(),
                    pending: *pending,
                    slots: slots(s)?,
                    reason: Cow::Borrowed(reason),
                }
            }
            Change::HoldOverrode { hold, holder, until, reason } => ChangeBin::HoldOverrode {
                id: hold.0.into(),
                holder: holder.0.into(),
                until: until.map(|until| until.0),
                reason: Cow::Borrowed(reason),
            },
            Change::BookingOverrode { booking, owner, reason } => ChangeBin::BookingOverrode {
                id: booking.0.into(),
                owner: owner.0.into(),
                reason: Cow::Borrowed(reason),
            },
            Change::CapacitySet { resource: r, used, seen_used, over_commit, reason } => ChangeBin::CapacitySet {
                resource: ResourceBin::of(resource, r)?,
                used: *used,
                seen_used: *seen_used,
                over_commit: *over_commit,
                reason: reason.as_deref().map(Cow::Borrowed),
            },
            Change::ServiceSet { resource: r, reason } => {
                ChangeBin::ServiceSet { resource: ResourceBin::of(resource, r)?, reason: Cow::Borrowed(reason) }
            }
            Change::Reasoned { reason } => ChangeBin::Reasoned { reason: Cow::Borrowed(reason) },
            Change::OverCommitLowered { to } => ChangeBin::OverCommitLowered { to: *to },
            Change::Reminded { booking, owner, cutoff } => {
                ChangeBin::Reminded { id: booking.0.into(), owner: owner.0.into(), cutoff: cutoff.0 }
            }
        })
    }

    fn change(self, resource: ResourceId, before: &mut Option<Arc<Series>>) -> Decoded<Change> {
        let slots = |slots: Vec<SlotBin>| slots.into_iter().map(|s| s.slot(resource)).collect::<Decoded<Vec<_>>>();
        let (booking, person) = (|id: Id| BookingId(id.into()), |id: Id| PersonId(id.into()));
        Ok(match self {
            ChangeBin::ResourceCreated(r) => Change::ResourceCreated(Arc::new(r.resource(resource)?)),
            ChangeBin::ResourceEdited(r) => Change::ResourceEdited(Arc::new(r.resource(resource)?)),
            ChangeBin::BlockAdded(b) => {
                let (block, policy_version) = b.block()?;
                Change::BlockAdded { block, policy_version }
            }
            ChangeBin::BlockRemoved(b) => {
                let (block, policy_version) = b.block()?;
                Change::BlockRemoved { block, policy_version }
            }
            ChangeBin::BookingMade { id, owner, pending, slots: s } => Change::BookingMade {
                booking: booking(id),
                owner: person(owner),
                pending,
                slots: slots(s)?,
                occurrence: None,
            },
            ChangeBin::OccurrenceMade { id, owner, pending, slots: s, of } => Change::BookingMade {
                booking: booking(id),
                owner: person(owner),
                pending,
                slots: slots(s)?,
                occurrence: Some(of.occurrence(before)?),
            },
            ChangeBin::BookingApproved { id, owner, slots: s } => {
                Change::BookingApproved { booking: booking(id), owner: person(owner), slots: slots(s)? }
            }
            ChangeBin::BookingCancelled { id, owner, was_pending, slots: s, by, reason } => Change::BookingCancelled {
                booking: booking(id),
                owner: person(owner),
                was_pending,
                slots: slots(s)?,
                by: actor(by.into()),
                reason: reason.map(Cow::into_owned),
                late: false,
            },
            ChangeBin::BookingCancelledLate { id, owner, was_pending, slots: s, by, reason } => {
                Change::BookingCancelled {
                    booking: booking(id),
                    owner: person(owner),
                    was_pending,
                    slots: slots(s)?,
                    by: actor(by.into()),
                    reason: reason.map(Cow::into_owned),
                    late: true,
                }
            }
            ChangeBin::BookingMoved { id, owner, revision, pending, from, to } => Change::BookingMoved {
                booking: booking(id),
                owner: person(owner),
                revision,
                pending,
                from: slots(from)?,
                to: slots(to)?,
                occurrence: None,
            },
            ChangeBin::OccurrenceMoved { id, owner, revision, pending, from, to, of } => Change::BookingMoved {
                booking: booking(id),
                owner: person(owner),
                revision,
                pending,
                from: slots(from)?,
                to: slots(to)?,
                occurrence: Some(of.occurrence(before)?),
            },
            ChangeBin::BookingEdited { id, owner, revision } => {
                Change::BookingEdited { booking: booking(id), owner: person(owner), revision }
            }
            ChangeBin::HoldGranted(hold) => Change::HoldGranted(hold.hold(resource, None)?),
            ChangeBin::HoldRenewed(hold) => Change::HoldRenewed(hold.hold(resource, None)?),
            ChangeBin::HoldEnded(end, hold) => {
                Change::HoldEnded(EndedHold { hold: hold.hold(resource, None)?, end: end.end() })
            }
            ChangeBin::OfferGranted(entry, hold) => Change::HoldGranted(hold.hold(resource, Some(entry))?),
            ChangeBin::OfferRenewed(entry, hold) => Change::HoldRenewed(hold.hold(resource, Some(entry))?),
            ChangeBin::OfferEnded(entry, end, hold) => {
                Change::HoldEnded(EndedHold { hold: hold.hold(resource, Some(entry))?, end: end.end() })
            }
            ChangeBin::WaitJoined(entry) => Change::WaitJoined(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitOffered(entry) => Change::WaitOffered(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitResumed(entry) => Change::WaitResumed(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitMoved(entry) => Change::WaitMoved(entry.entry(resource, Wants::Units)?),
            ChangeBin::WaitEnded(end, entry) => {
                Change::WaitEnded(EndedEntry { entry: entry.entry(resource, Wants::Units)?, end: end.end() })
            }
            ChangeBin::WatchJoined(entry) => Change::WaitJoined(entry.entry(resource, Wants::Word)?),
            ChangeBin::WatchMoved(entry) => Change::WaitMoved(entry.entry(resource, Wants::Word)?),
            ChangeBin::WatchEnded(end, entry) => {
                Change::WaitEnded(EndedEntry { entry: entry.entry(resource, Wants::Word)?, end: end.end() })
            }
            ChangeBin::Reminded { id, owner, cutoff } => {
                Change::Reminded { booking: booking(id), owner: person(owner), cutoff: Instant(cutoff) }
            }
            ChangeBin::WaitDue(at) => Change::WaitDue(at.map(Instant)),
            ChangeBin::BookingRequested { id, owner, slots: s, of } => Change::BookingRequested {
                booking: booking(id),
                owner: person(owner),
                slots: slots(s)?,
                occurrence: of.map(|of| of.occurrence(before)).transpose()?,
            },
            ChangeBin::RequestApproved { id, owner } => {
                Change::RequestApproved { booking: booking(id), owner: person(owner) }
            }
            ChangeBin::BookingCheckedIn { id, owner } => {
                Change::BookingCheckedIn { booking: booking(id), owner: person(owner) }
            }
            ChangeBin::BookingNoShow { id, owner, from, to, at } => Change::BookingNoShow {
                booking: booking(id),
                owner: person(owner),
                from: slots(from)?,
                to: slots(to)?,
                at: Instant(at),
            },
            ChangeBin::BookingDisplaced { id, owner, was_pending, slots: s, by, reason, by_what } => {
                Change::BookingDisplaced {
                    booking: booking(id),
                    owner: person(owner),
                    was_pending,
                    slots: slots(s)?,
                    by: actor(by.into()),
                    reason: reason.into_owned(),
                    by_what: by_what.displacer(),
                }
            }
            ChangeBin::BookingHandedOver { id, from, to, pending, slots: s, reason } => Change::BookingHandedOver {
                booking: booking(id),
                from: person(from),
                to: person(to),
                pending,
                slots: slots(s)?,
                reason: reason.into_owned(),
            },
            ChangeBin::HoldOverrode { id, holder, until, reason } => Change::HoldOverrode {
                hold: HoldId(id.into()),
                holder: person(holder),
                until: until.map(Instant),
                reason: reason.into_owned(),
            },
            ChangeBin::BookingOverrode { id, owner, reason } => {
                Change::BookingOverrode { booking: booking(id), owner: person(owner), reason: reason.into_owned() }
            }
            ChangeBin::CapacitySet { resource: r, used, seen_used, over_commit, reason } => Change::CapacitySet {
                resource: Arc::new(r.resource(resource)?),
                used,
                seen_used,
                over_commit,
                reason: reason.map(Cow::into_owned),
            },
            ChangeBin::ServiceSet { resource: r, reason } => {
                Change::ServiceSet { resource: Arc::new(r.resource(resource)?), reason: reason.into_owned() }
            }
            ChangeBin::Reasoned { reason } => Change::Reasoned { reason: reason.into_owned() },
            ChangeBin::OverCommitLowered { to } => Change::OverCommitLowered { to },
            ChangeBin::BlockAddedExcept(b, exceptions) => {
                let (block, policy_version) = b.block()?;
                Change::BlockAdded { block: Block { exceptions: exceptions.exceptions(), ..block }, policy_version }
            }
            ChangeBin::BlockRemovedExcept(b, exceptions) => {
                let (block, policy_version) = b.block()?;
                Change::BlockRemoved { block: Block { exceptions: exceptions.exceptions(), ..block }, policy_version }
            }
        })
    }
}
