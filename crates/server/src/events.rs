//! What became true, as Socket.IO messages, one set for each receiver: they carry only what that receiver may see.
//! They are made from the record, never from a request.

use crate::api::bookings::state_after;
use crate::auth::Asker;
use crate::people::People;
use crate::wire::{DisplacerBody, time};
use serde::Serialize;
use serde_json::{Value, json};
use slotwise_domain::{
    Booking, BookingId, BookingState, Change, EntryEnd, Hold, HoldEnd, Instant, Kind, PersonId, Slot, WaitEntry,
};
use slotwise_engine::{Record, Views};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One message.
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    /// The event's name.
    pub event: &'static str,
    /// What it carries.
    pub data: Value,
}

/// What is known of the bookings that a record speaks of, looked up once for all receivers.
#[derive(Default)]
pub struct Bookings {
    /// Those of a room as they are now: they say who may know whose they are. Of other things owners are not told anyway.
    known: BTreeMap<BookingId, Arc<Booking>>,
    /// Those that were moved or given to somebody else, with the state that they kept: the record says only whether they took nothing.
    states: BTreeMap<BookingId, &'static str>,
}

/// Records of one booking that are looked at for its state.
const HISTORY_MAX: usize = 1_000;

/// Looks up what is known of the bookings that a record speaks of. What cannot be looked up is not told.
pub async fn bookings_of(record: &Record, kind: Kind, views: &dyn Views) -> Bookings {
    let mut bookings = Bookings::default();
    for change in &record.changes {
        let Some(id) = change.booking() else { continue };
        if kind == Kind::Room
            && !bookings.known.contains_key(&id)
            && let Ok(Some(booking)) = views.booking(id).await
        {
            bookings.known.insert(id, booking);
        }
        let state = match change {
            Change::BookingMoved { pending, .. } | Change::BookingHandedOver { pending, .. } => match pending {
                true => Some("pending"),
                false => kept(record, change, id, views).await,
            },
            _ => None,
        };
        bookings.states.extend(state.map(|state| (id, state)));
    }
    bookings
}

/// The state that a booking kept while a record changed something else of it.
async fn kept(record: &Record, change: &Change, id: BookingId, views: &dyn Views) -> Option<&'static str> {
    let now = views.booking(id).await.ok()??;
    let is_last = matches!(change, Change::BookingMoved { revision, .. } if *revision == now.revision);
    // Nothing begins to wait again.
    if is_last || matches!(now.state, BookingState::Pending { .. }) {
        return Some(now.state.name());
    }
    let history = views.history(id, HISTORY_MAX).await.ok()?;
    let place = history.iter().position(|r| (r.attempt, r.actor) == (record.attempt, record.actor))?;
    let before = history.get(..place)?.iter().flat_map(|r| &r.changes);
    before.rev().filter(|change| change.booking() == Some(id)).find_map(state_after)
}

/// The messages of a record for one receiver, `part i of n` each.
pub async fn messages(
    record: &Record,
    kind: Kind,
    bookings: &Bookings,
    to: &Asker,
    people: &People,
    now: Instant,
) -> Vec<Message> {
    // Why something was done is told with it to whom it concerns, and is no event of its own.
    let told = || record.changes.iter().filter(|change| !matches!(change, Change::Reasoned { .. }));
    let parts = told().count();
    let mut messages = Vec::with_capacity(parts);
    for (n, change) in told().enumerate() {
        let known = change.booking().and_then(|id| bookings.known.get(&id)).map(|b| &**b);
        let kept = change.booking().and_then(|id| bookings.states.get(&id)).copied();
        let (event, name, about) = described(change, kind, (known, kept), to, people).await;
        let mut data = json!({
            "resource": record.resource.0,
            "epoch": record.version.epoch.0,
            "version": record.version.number,
            "part": n + 1,
            "parts": parts,
            "attempt": record.attempt,
            "decided_at": time(record.decided_at),
            "as_of": time(now),
        });
        if let Some(fields) = data.as_object_mut() {
            fields.insert(name.into(), about);
        }
        messages.push(Message { event, data });
    }
    messages
}

/// Who a record is about: they hear of it without subscribing.
pub fn concerned(record: &Record) -> impl Iterator<Item = PersonId> {
    record.changes.iter().flat_map(|change| change.about_before().into_iter().chain(change.about()))
}

async fn described(
    change: &Change,
    kind: Kind,
    (known, kept): (Option<&Booking>, Option<&'static str>),
    to: &Asker,
    people: &People,
) -> (&'static str, &'static str, Value) {
    match change {
        Change::ResourceCreated(r) => ("resourceCreated", "policy_version", json!(r.policy_version)),
        Change::ResourceEdited(r) => ("resourceChanged", "policy_version", json!(r.policy_version)),
        Change::BlockAdded { block, .. } | Change::BlockRemoved { block, .. } => {
            let event = if matches!(change, Change::BlockAdded { .. }) { "blockAdded" } else { "blockRemoved" };
            let (start, end) = (time(block.interval.start()), time(block.interval.end()));
            (event, "block", json!({ "id": block.id.0, "start": start, "end": end, "reason": block.reason }))
        }
        Change::BookingMade { booking, owner, slots, occurrence, .. }
        | Change::BookingRequested { booking, owner, slots, occurrence } => {
            let confirmed = matches!(change, Change::BookingMade { pending: false, .. });
            let state = if confirmed { "confirmed" } else { "pending" };
            let mut about = described_booking(*booking, *owner, Some(state), slots, (kind, known), to, people).await;
            if let (Some(fields), Some(occurrence)) = (about.as_object_mut(), occurrence) {
                fields.insert("series".into(), json!(occurrence.series.id.0));
            }
            ("bookingCreated", "booking", about)
        }
        Change::BookingApproved { booking, owner, slots } => (
            "bookingChanged",
            "booking",
            described_booking(*booking, *owner, Some("confirmed"), slots, (kind, known), to, people).await,
        ),
        Change::BookingCancelled { booking, owner, slots, .. } => (
            "bookingCanceled",
            "booking",
            described_booking(*booking, *owner, Some("cancelled"), slots, (kind, known), to, people).await,
        ),
        Change::BookingMoved { booking, owner, revision, from, to: taken, .. } => {
            let mut about = described_booking(*booking, *owner, kept, taken, (kind, known), to, people).await;
            if let Some(fields) = about.as_object_mut() {
                fields.insert("revision".into(), json!(revision));
                fields.insert("from".into(), described_slots(from));
            }
            ("bookingMoved", "booking", about)
        }
        Change::BookingEdited { booking, owner, revision } => {
            let about = json!({ "id": booking.0, "revision": revision, "mine": *owner == to.id });
            ("bookingChanged", "booking", about)
        }
        Change::RequestApproved { booking, owner } => {
            let about = json!({ "id": booking.0, "state": "confirmed", "mine": *owner == to.id });
            ("bookingChanged", "booking", about)
        }
        Change::BookingCheckedIn { booking, owner } => {
            let about = json!({ "id": booking.0, "state": "checked_in", "mine": *owner == to.id });
            ("bookingCheckedIn", "booking", about)
        }
        Change::BookingNoShow { booking, owner, from, at, .. } => {
            let about = described_booking(*booking, *owner, Some("no_show"), from, (kind, known), to, people).await;
            ("bookingNoShow", "booking", with(about, [("released_at", json!(time(*at)))]))
        }
        Change::BookingDisplaced { booking, owner, slots, reason, by_what, .. } => {
            let about = described_booking(*booking, *owner, Some("displaced"), slots, (kind, known), to, people).await;
            let inside = inside(*owner, known, to);
            let (reason, by_what) = (inside.then_some(reason), inside.then(|| DisplacerBody::from(*by_what)));
            ("bookingDisplaced", "booking", with(about, [("reason", json!(reason)), ("displaced_by", json!(by_what))]))
        }
        Change::BookingHandedOver { booking, from, to: owner, slots, reason, .. } => {
            let about = described_booking(*booking, *owner, kept, slots, (kind, known), to, people).await;
            let inside = inside(*owner, known, to) || to.id == *from;
            let fields = [("was_mine", json!(*from == to.id)), ("reason", json!(inside.then_some(reason)))];
            ("bookingHandedOver", "booking", with(about, fields))
        }
        Change::BookingOverrode { booking, owner, reason } => {
            let reason = inside(*owner, known, to).then_some(reason);
            let about = json!({ "id": booking.0, "mine": *owner == to.id, "reason": reason });
            ("bookingOverrode", "booking", about)
        }
        Change::CapacitySet { resource: r, .. } => ("resourceChanged", "policy_version", json!(r.policy_version)),
        Change::ServiceSet { resource: r, reason } => {
            let event = if r.spec.policy.closed { "resourceClosed" } else { "resourceReopened" };
            (event, "service", json!({ "policy_version": r.policy_version, "reason": reason }))
        }
        Change::OverCommitLowered { to } => ("overCommitLowered", "over_commit", json!(to)),
        Change::HoldGranted(hold) => ("holdGranted", "hold", described_hold(hold, to)),
        Change::HoldRenewed(hold) => ("holdRenewed", "hold", described_hold(hold, to)),
        Change::HoldOverrode { hold, holder, until, reason } => {
            let mine = *holder == to.id;
            let reason = inside(*holder, known, to).then_some(reason);
            let about =
                json!({ "id": mine.then_some(hold.0), "mine": mine, "expires_at": until.map(time), "reason": reason });
            ("holdOverrode", "hold", about)
        }
        Change::HoldEnded(ended) => {
            let event = match ended.end {
                HoldEnd::Expired => "holdExpired",
                HoldEnd::Released | HoldEnd::Consumed | HoldEnd::Superseded | HoldEnd::Voided => "holdReleased",
            };
            let mut about = described_hold(&ended.hold, to);
            if let Some(fields) = about.as_object_mut() {
                fields.insert("ended".into(), json!(crate::app::end_name(ended.end)));
            }
            (event, "hold", about)
        }
        Change::WaitJoined(entry) => ("waitlistJoined", "entry", described_entry(entry, to)),
        Change::WaitOffered(entry) => ("waitlistOffered", "entry", described_entry(entry, to)),
        Change::WaitResumed(entry) | Change::WaitMoved(entry) => {
            ("waitlistChanged", "entry", described_entry(entry, to))
        }
        Change::WaitEnded(ended) => {
            let mut about = described_entry(&ended.entry, to);
            if let Some(fields) = about.as_object_mut() {
                fields.insert("ended".into(), json!(ended.end.name()));
                if let EntryEnd::Promoted { booking } = ended.end {
                    fields.insert("booking".into(), json!((ended.entry.owner == to.id).then_some(booking.0)));
                }
            }
            let promoted = matches!(ended.end, EntryEnd::Promoted { .. });
            (if promoted { "waitlistPromoted" } else { "waitlistLeft" }, "entry", about)
        }
        // It is told as a notice, and so is why something was done.
        Change::Reasoned { .. } | Change::Reminded { .. } => ("bookingReminded", "booking", Value::Null),
        // That there is something to do is of no concern to anybody; what is done is told.
        Change::WaitDue(_) => ("waitlistChanged", "entry", Value::Null),
    }
}

fn with<const N: usize>(mut about: Value, fields: [(&str, Value); N]) -> Value {
    if let Some(about) = about.as_object_mut() {
        about.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    about
}

/// Who waits is told to themselves and to nobody else.
fn described_entry(entry: &WaitEntry, to: &Asker) -> Value {
    let mine = entry.owner == to.id;
    json!({
        "id": mine.then_some(entry.id.0),
        "start": time(entry.interval.start()),
        "end": time(entry.interval.end()),
        "units": entry.units,
        "offer": entry.offer.filter(|_| mine).map(|id| id.0),
        "mine": mine,
    })
}

async fn described_booking(
    id: BookingId,
    owner: PersonId,
    state: Option<&str>,
    slots: &[(u16, Slot)],
    (kind, known): (Kind, Option<&Booking>),
    to: &Asker,
    people: &People,
) -> Value {
    let theirs = inside(owner, known, to);
    // Who waits, gave it up, was displaced or did not come is between them and the admins.
    let stands = matches!(state, Some("confirmed" | "checked_in"));
    let open = kind == Kind::Room && stands && known.is_some_and(|b| !b.details.private);
    let shown = theirs || open;
    let name = if shown { people.name(owner).await } else { None };
    let mut about = described_slots(slots);
    if let Some(fields) = about.as_object_mut() {
        fields.extend([
            ("id".into(), json!(id.0)),
            ("state".into(), json!(state)),
            ("owner".into(), json!(name)),
            ("mine".into(), json!(owner == to.id)),
        ]);
    }
    about
}

/// Whether they may see a booking with all there is to it: its owner, admins, and whoever is invited.
fn inside(owner: PersonId, known: Option<&Booking>, to: &Asker) -> bool {
    to.sees_all() || owner == to.id || known.is_some_and(|b| b.concerns(to.id) || to.oversees(b))
}

/// From when until when, and how many units; no start and no end if there is nothing on this resource.
fn described_slots(slots: &[(u16, Slot)]) -> Value {
    let start = slots.iter().map(|(_, s)| s.interval.start()).min().map(time);
    let end = slots.iter().map(|(_, s)| s.interval.end()).max().map(time);
    let units: u64 = slots.iter().map(|(_, s)| u64::from(s.units)).sum();
    json!({ "start": start, "end": end, "units": units })
}

/// A hold's owner is told to nobody else.
fn described_hold(hold: &Hold, to: &Asker) -> Value {
    let mine = hold.holder == to.id;
    json!({
        "id": mine.then_some(hold.id.0),
        "start": time(hold.interval.start()),
        "end": time(hold.interval.end()),
        "units": hold.units,
        "expires_at": time(hold.expires_at),
        "mine": mine,
    })
}
