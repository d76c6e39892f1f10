//! A commit and its entries as bytes, and what people said in it apart.
//! It hashes nothing.

use super::{
    AskedBin, Decoded, FORMAT, Id, Malformed, OutcomeBin, SubjectBin, VersionBin, decode_changes, known, whole,
};
use crate::commit::{Commit, Entry, EntryRecord};
use crate::record::Hash;
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    AttemptKey, BookingId, Decision, Details, Epoch, Fingerprint, Guest, Instant, PartId, PersonId, ResourceId, Seen,
    Version,
};
use slotwise_engine::Recorded;
use std::borrow::Cow;
use std::sync::Arc;

/// A commit, without what people say about their bookings. `changes` are the encoded changes of its records, in order.
pub fn encode_commit(commit: &Commit, changes: &[Vec<u8>]) -> Decoded<Vec<u8>> {
    let mut changes = changes.iter();
    let mut entries = Vec::with_capacity(commit.entries.len());
    for entry in &commit.entries {
        entries.push(EntryBin::of(entry, commit.at, &mut changes)?);
    }
    let body = CommitBin { format: FORMAT, epoch: commit.epoch.0, at: commit.at.0, entries };
    Ok(postcard::to_extend(&body, Vec::with_capacity(64 + commit.entries.len() * 320))?)
}

/// A commit as [`encode_commit`] wrote it; its bookings are not folded yet. Also the encoded changes of its records, in order.
pub fn decode_commit(number: u64, hash: Hash, bytes: &[u8]) -> Decoded<(Commit, Vec<&[u8]>)> {
    let format: u32 = postcard::take_from_bytes(bytes)?.0;
    known(format)?;
    let body: CommitBin = whole(bytes)?;
    let (epoch, at) = (Epoch(body.epoch), Instant(body.at));
    let mut changes = Vec::new();
    let entries = body.entries.into_iter().map(|entry| entry.entry(epoch, at, &mut changes)).collect::<Decoded<_>>()?;
    Ok((Commit { number, epoch, at, hash, entries }, changes))
}

/// When a commit was decided, from the beginning of what [`encode_commit`] wrote.
pub fn commit_time(bytes: &[u8]) -> Decoded<Instant> {
    let ((format, _, at), _): ((u32, u32, i64), _) = postcard::take_from_bytes(bytes)?;
    known(format)?;
    Ok(Instant(at))
}

/// What people say about their bookings, as it is after a commit: the place of the attempt, the booking, and the words.
pub type Said = Vec<(u32, BookingId, Details)>;

/// What people say about their bookings.
pub fn encode_said(said: &Said) -> Decoded<Vec<u8>> {
    let invited: Vec<InvitedBin> =
        said.iter().enumerate().filter_map(|(n, (.., details))| InvitedBin::of(n, details)).collect();
    let said: Vec<SaidBin> = said.iter().map(SaidBin::of).collect();
    let said = postcard::to_extend(&said, Vec::new())?;
    match invited.is_empty() {
        true => Ok(said),
        false => Ok(postcard::to_extend(&invited, said)?),
    }
}

/// What people say about their bookings, as [`encode_said`] wrote it.
pub fn decode_said(bytes: &[u8]) -> Decoded<Said> {
    let (said, rest): (Vec<SaidBin>, &[u8]) = postcard::take_from_bytes(bytes)?;
    let mut said: Said = said.into_iter().map(SaidBin::said).collect();
    let invited: Vec<InvitedBin> = if rest.is_empty() { Vec::new() } else { whole(rest)? };
    for InvitedBin { n, private, guests } in invited {
        let (.., details) =
            said.get_mut(n as usize).ok_or_else(|| Malformed(format!("nothing is said in place {n}")))?;
        (details.private, details.guests) = (private, guests.into_iter().map(Guest::from).collect());
    }
    Ok(said)
}

#[derive(Serialize, Deserialize)]
struct CommitBin<'a> {
    format: u32,
    epoch: u32,
    at: i64,
    #[serde(borrow)]
    entries: Vec<EntryBin<'a>>,
}

/// An attempt with what it changed. Its resources are named once and counted from 0.
#[derive(Serialize, Deserialize)]
struct EntryBin<'a> {
    key: Id,
    actor: Id,
    fingerprint: Hash,
    command: Cow<'a, str>,
    resources: Vec<Id>,
    outcome: OutcomeBin,
    subject: Option<SubjectBin>,
    /// After the commit's instant.
    later: i64,
    seen: Option<(VersionBin, i64)>,
    observed: Vec<(u16, VersionBin)>,
    decided: Vec<(u16, VersionBin)>,
    policies: Vec<(u16, u64)>,
    #[serde(borrow)]
    records: Vec<RecordBin<'a>>,
}

#[derive(Serialize, Deserialize)]
struct RecordBin<'a> {
    resource: u16,
    number: u64,
    previous: u64,
    hash: Hash,
    changes: &'a [u8],
}

impl<'a> EntryBin<'a> {
    fn of(entry: &'a Entry, at: Instant, changes: &mut std::slice::Iter<'a, Vec<u8>>) -> Decoded<EntryBin<'a>> {
        let Recorded { key, fingerprint, decision } = &*entry.recorded;
        let mut resources: Vec<ResourceId> = Vec::with_capacity(1);
        let mut place = |id: ResourceId| -> u16 {
            let known = resources.iter().position(|known| *known == id);
            let place = known.unwrap_or_else(|| {
                resources.push(id);
                resources.len() - 1
            });
            place as u16
        };
        let decided = decision.decided.iter().map(|(id, v)| (place(*id), VersionBin::of(*v))).collect();
        let observed = decision.observed.iter().map(|(id, v)| (place(*id), VersionBin::of(*v))).collect();
        let policies = decision.policies.iter().map(|(id, v)| (place(*id), *v)).collect();
        let asked = AskedBin::of(&decision.asked, &mut place);
        let mut records = Vec::with_capacity(entry.records.len());
        for record in &entry.records {
            let changes = changes.next().ok_or_else(|| Malformed("a record without its changes".into()))?;
            let EntryRecord { resource, version, previous, hash, .. } = record;
            let (resource, number) = (place(*resource), version.number);
            records.push(RecordBin { resource, number, previous: *previous, hash: *hash, changes });
        }
        Ok(EntryBin {
            key: key.key.into(),
            actor: key.actor.into(),
            fingerprint: fingerprint.0,
            command: Cow::Borrowed(&entry.command),
            resources: resources.into_iter().map(|id| id.0.into()).collect(),
            outcome: OutcomeBin::of(&decision.outcome, asked, &decision.dates),
            subject: decision.subject.map(SubjectBin::of),
            later: decision.decided_at.0.saturating_sub(at.0),
            seen: decision.seen.map(|seen| (VersionBin::of(seen.version), seen.as_of.0)),
            observed,
            decided,
            policies,
            records,
        })
    }

    fn entry(self, epoch: Epoch, at: Instant, changes: &mut Vec<&'a [u8]>) -> Decoded<Entry> {
        let resources = self.resources;
        let named = |place: u16| -> Decoded<ResourceId> {
            let id = resources.get(usize::from(place)).copied();
            id.map(|id| ResourceId(id.into())).ok_or_else(|| Malformed(format!("there is no resource {place}")))
        };
        let versions = |versions: Vec<(u16, VersionBin)>| -> Decoded<Vec<(ResourceId, Version)>> {
            versions.into_iter().map(|(place, v)| Ok((named(place)?, v.version()))).collect()
        };
        let mut records = Vec::with_capacity(self.records.len());
        for record in self.records {
            let resource = named(record.resource)?;
            let version = Version { epoch, number: record.number };
            changes.push(record.changes);
            records.push(EntryRecord {
                resource,
                version,
                previous: record.previous,
                hash: record.hash,
                changes: decode_changes(resource, record.changes)?,
            });
        }
        let (outcome, asked, dates) = self.outcome.outcome()?;
        let decision = Decision {
            outcome,
            asked: asked.map(|asked| asked.asked(named)).transpose()?.unwrap_or_default(),
            dates,
            subject: self.subject.map(SubjectBin::subject),
            decided_at: Instant(at.0.saturating_add(self.later)),
            seen: self.seen.map(|(v, as_of)| Seen { version: v.version(), as_of: Instant(as_of) }),
            observed: versions(self.observed)?,
            decided: versions(self.decided)?,
            policies: self.policies.into_iter().map(|(n, v)| Ok((named(n)?, v))).collect::<Decoded<_>>()?,
        };
        let key = AttemptKey { part: PartId::DEFAULT, actor: self.actor.into(), key: self.key.into() };
        let recorded = Arc::new(Recorded { key, fingerprint: Fingerprint(self.fingerprint), decision });
        Ok(Entry { recorded, command: Cow::Owned(self.command.into_owned()), records, bookings: Vec::new() })
    }
}

#[derive(Serialize, Deserialize)]
struct SaidBin {
    place: u32,
    booking: Id,
    title: Option<String>,
    purpose: Option<String>,
    people: Option<u32>,
}

impl SaidBin {
    fn of((place, booking, details): &(u32, BookingId, Details)) -> SaidBin {
        let Details { title, purpose, people, guests: _, private: _ } = details.clone();
        SaidBin { place: *place, booking: booking.0.into(), title, purpose, people }
    }

    fn said(self) -> (u32, BookingId, Details) {
        let details = Details { title: self.title, purpose: self.purpose, people: self.people, ..Details::default() };
        (self.place, BookingId(self.booking.into()), details)
    }
}

/// Who is invited and whether others may know, where either is said; it follows the rest, by the place there.
#[derive(Serialize, Deserialize)]
struct InvitedBin {
    n: u32,
    private: bool,
    guests: Vec<GuestBin>,
}

#[derive(Serialize, Deserialize)]
enum GuestBin {
    Person(Id),
    Named(String),
}

impl InvitedBin {
    fn of(n: usize, details: &Details) -> Option<InvitedBin> {
        let guest = |guest: &Guest| match guest {
            Guest::Person(id) => GuestBin::Person(id.0.into()),
            Guest::Named(name) => GuestBin::Named(name.clone()),
        };
        let said = details.private || !details.guests.is_empty();
        said.then(|| InvitedBin {
            n: n as u32,
            private: details.private,
            guests: details.guests.iter().map(guest).collect(),
        })
    }
}

impl From<GuestBin> for Guest {
    fn from(guest: GuestBin) -> Guest {
        match guest {
            GuestBin::Person(id) => Guest::Person(PersonId(id.into())),
            GuestBin::Named(name) => Guest::Named(name),
        }
    }
}

/// Who is invited to one booking, as the tables keep it: nothing if nobody is.
pub fn encode_guests(details: &Details) -> Decoded<Option<Vec<u8>>> {
    match InvitedBin::of(0, details).map(|invited| invited.guests) {
        Some(guests) if !guests.is_empty() => Ok(Some(postcard::to_extend(&guests, Vec::new())?)),
        Some(_) | None => Ok(None),
    }
}

/// Who is invited to one booking, as [`encode_guests`] wrote it.
pub fn decode_guests(bytes: &[u8]) -> Decoded<Vec<Guest>> {
    let guests: Vec<GuestBin> = whole(bytes)?;
    Ok(guests.into_iter().map(Guest::from).collect())
}
