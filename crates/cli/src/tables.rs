//! The tables of `slotwise export --format csv`: people, resources, bookings, holds, blocks and attempts for spreadsheets.
//! A cell that a spreadsheet would take for a formula begins with an apostrophe. Nothing secret is in them.

use crate::backup::told;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use slotwise_domain::{
    Block, BlockId, Change, Details, EndedHold, Guest, Hold, HoldId, Instant, Outcome, PersonId, Resource, ResourceId,
    ResourceSpec,
};
use slotwise_engine::Listed;
use slotwise_store::codec;
use slotwise_store::embedded::{BackupError, Everything, Progress, Reading};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// A person; keys are not told.
#[derive(Serialize, Deserialize)]
pub struct PersonRow {
    /// A UUID.
    pub id: String,
    /// Their name.
    pub name: String,
    /// What they are called.
    pub title: String,
    /// member or admin.
    pub role: String,
    /// Whether they are nobody for now.
    #[serde(default)]
    pub suspended: String,
}

/// A resource.
#[derive(Serialize, Deserialize)]
pub struct ResourceRow {
    /// A UUID.
    pub id: String,
    /// room, section, session, equipment or group.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where it is.
    #[serde(default)]
    pub building: String,
    /// How many people fit in.
    pub seats: Option<u32>,
    /// Words with commas between them.
    #[serde(default)]
    pub equipment: String,
    /// Of its calendar, such as Europe/Berlin.
    pub zone: String,
    /// Units; empty for no limit. A column that is forgotten is no empty cell.
    #[serde(deserialize_with = "cell")]
    pub capacity: Option<u32>,
    /// Of the one interval of a section or session, RFC 3339.
    #[serde(default)]
    pub start: String,
    /// Of that too.
    #[serde(default)]
    pub end: String,
    /// The rules as JSON, times in microseconds; empty for the defaults.
    #[serde(default)]
    pub rules: String,
    /// The UUID of the group it is in.
    #[serde(default)]
    pub group: String,
    /// Names of the rules it says itself, with spaces between them; all others follow the group.
    #[serde(default)]
    pub own_rules: String,
    /// Lists of linked sections: UUIDs with spaces between them, and a | between two lists.
    #[serde(default)]
    pub linked: String,
    /// What it is a section of, and when it meets, as JSON.
    #[serde(default)]
    pub course: String,
}

/// What may be empty, and must be there.
fn cell<'de, D: serde::Deserializer<'de>>(of: D) -> Result<Option<u32>, D::Error> {
    Option::deserialize(of)
}

/// A slot of a booking.
#[derive(Serialize, Deserialize)]
pub struct BookingRow {
    /// The booking's UUID, the same on each line of it.
    pub booking: String,
    /// Place in the booking, from 1.
    pub line: u16,
    /// confirmed, pending or cancelled.
    pub state: String,
    /// A UUID.
    pub owner: String,
    /// For readers.
    #[serde(default)]
    pub owner_name: String,
    /// What people say.
    pub title: String,
    /// What people say.
    pub purpose: String,
    /// How many come.
    pub people: Option<u32>,
    /// Who is invited, as JSON: a list of `{"person": id}` and `{"name": "…"}`.
    #[serde(default)]
    pub guests: String,
    /// true where others see only that the time is taken.
    #[serde(default)]
    pub private: String,
    /// A UUID.
    pub resource: String,
    /// For readers.
    #[serde(default)]
    pub resource_name: String,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339.
    pub end: String,
    /// How many.
    pub units: u32,
    /// A UUID; nil is Slotwise itself.
    #[serde(default)]
    pub made_by: String,
    /// Rises with each change.
    #[serde(default)]
    pub revision: u64,
    /// RFC 3339.
    #[serde(default)]
    pub created_at: String,
    /// RFC 3339.
    #[serde(default)]
    pub decided_at: String,
}

/// Time out of use.
#[derive(Serialize, Deserialize)]
pub struct BlockRow {
    /// A UUID.
    pub id: String,
    /// A UUID.
    pub resource: String,
    /// For readers.
    #[serde(default)]
    pub resource_name: String,
    /// RFC 3339.
    pub start: String,
    /// RFC 3339.
    pub end: String,
    /// Why.
    pub reason: String,
}

#[derive(Serialize)]
struct HoldRow {
    id: String,
    resource: String,
    resource_name: String,
    holder: String,
    holder_name: String,
    start: String,
    end: String,
    units: u32,
    granted_at: String,
    expires_at: String,
    renewals: u32,
}

#[derive(Serialize)]
struct AttemptRow {
    key: String,
    actor: String,
    command: String,
    outcome: &'static str,
    code: &'static str,
    decided_at: String,
}

/// Writes the tables into an existing folder, and says how much that was.
pub fn write(reading: &Reading, dir: &Path, now: Instant, progress: Progress) -> anyhow::Result<String> {
    let mut names: BTreeMap<PersonId, String> = BTreeMap::new();
    let mut people = Table::new(dir, "people.csv")?;
    let mut failed = None;
    let row = |row: anyhow::Result<()>, failed: &mut Option<anyhow::Error>| match row {
        Ok(()) => Ok(()),
        Err(e) => {
            *failed = Some(e);
            Err(BackupError::Stopped)
        }
    };
    let read = reading.people(|Everything { listed: Listed { card, .. }, suspended, .. }| {
        names.insert(card.id, card.name.clone());
        let put = people.row(&PersonRow {
            id: card.id.0.to_string(),
            name: guarded(&card.name),
            title: guarded(&card.title),
            role: codec::role_name(card.role).into(),
            suspended: suspended.to_string(),
        });
        row(put, &mut failed)
    });
    done(read, &mut failed)?;

    let mut attempts = Table::new(dir, "attempts.csv")?;
    let state = RefCell::new(State::default());
    let read = reading.folded(progress, |commit| {
        for entry in &commit.entries {
            entry.changes_by_resource().for_each(|(resource, change)| state.borrow_mut().fold(resource, change));
            let decision = &entry.recorded.decision;
            let put = attempts.row(&AttemptRow {
                key: entry.recorded.key.key.to_string(),
                actor: entry.recorded.key.actor.to_string(),
                command: guarded(&entry.command),
                outcome: decision.outcome.name(),
                code: match &decision.outcome {
                    Outcome::Rejected(rejection) => rejection.code.name(),
                    Outcome::Booked | Outcome::Accepted => "",
                },
                decided_at: decision.decided_at.to_string(),
            });
            row(put, &mut failed)?;
        }
        Ok(())
    });
    let bookings = done(read, &mut failed)?;
    let State { resources, blocks, holds } = state.into_inner();
    let resource_name = |id: ResourceId| resources.get(&id).map_or_else(String::new, |r| guarded(&r.spec.name));
    let person_name = |id: PersonId| names.get(&id).map_or_else(String::new, |name| guarded(name));

    let mut table = Table::new(dir, "resources.csv")?;
    for resource in resources.values() {
        table.row(&ResourceRow::of(resource)?)?;
    }
    let resources_written = table.end()?;
    let mut table = Table::new(dir, "blocks.csv")?;
    for (resource, block) in blocks.values() {
        table.row(&BlockRow {
            id: block.id.0.to_string(),
            resource: resource.0.to_string(),
            resource_name: resource_name(*resource),
            start: block.interval.start().to_string(),
            end: block.interval.end().to_string(),
            reason: guarded(&block.reason),
        })?;
    }
    table.end()?;
    let mut table = Table::new(dir, "holds.csv")?;
    for hold in holds.values().filter(|hold| hold.over(reading.epoch(), now).is_none()) {
        table.row(&HoldRow {
            id: hold.id.0.to_string(),
            resource: hold.resource.0.to_string(),
            resource_name: resource_name(hold.resource),
            holder: hold.holder.0.to_string(),
            holder_name: person_name(hold.holder),
            start: hold.interval.start().to_string(),
            end: hold.interval.end().to_string(),
            units: hold.units,
            granted_at: hold.granted_at.to_string(),
            expires_at: hold.expires_at.to_string(),
            renewals: hold.renewals,
        })?;
    }
    table.end()?;
    let mut table = Table::new(dir, "bookings.csv")?;
    let read = bookings.each(|booking| {
        for (n, slot) in booking.slots.iter().enumerate() {
            let put = table.row(&BookingRow {
                booking: booking.id.0.to_string(),
                line: n as u16 + 1,
                state: booking.state.name().into(),
                owner: booking.owner.0.to_string(),
                owner_name: person_name(booking.owner),
                title: guarded(booking.details.title.as_deref().unwrap_or_default()),
                purpose: guarded(booking.details.purpose.as_deref().unwrap_or_default()),
                people: booking.details.people,
                guests: guests_text(&booking.details.guests),
                private: booking.details.private.to_string(),
                resource: slot.resource.0.to_string(),
                resource_name: resource_name(slot.resource),
                start: slot.interval.start().to_string(),
                end: slot.interval.end().to_string(),
                units: slot.units,
                made_by: booking.made_by.uuid().to_string(),
                revision: booking.revision,
                created_at: booking.created_at.to_string(),
                decided_at: booking.decided_at.to_string(),
            });
            row(put, &mut failed)?;
        }
        Ok(())
    });
    let bookings = done(read, &mut failed)?;
    table.end()?;
    let (people, attempts) = (people.end()?, attempts.end()?);
    File::open(dir).and_then(|dir| dir.sync_all()).with_context(|| format!("syncing {}", dir.display()))?;
    Ok(format!("{people} people, {resources_written} resources, {bookings} bookings, {attempts} attempts"))
}

/// What was read, or what went wrong while writing meanwhile.
fn done<T>(read: Result<T, BackupError>, failed: &mut Option<anyhow::Error>) -> anyhow::Result<T> {
    match failed.take() {
        Some(e) => Err(e),
        None => read.map_err(told),
    }
}

/// What is true of resources after the commits read so far; bookings are apart.
#[derive(Default)]
struct State {
    resources: BTreeMap<ResourceId, Arc<Resource>>,
    blocks: BTreeMap<BlockId, (ResourceId, Block)>,
    holds: BTreeMap<HoldId, Hold>,
}

impl State {
    fn fold(&mut self, resource: ResourceId, change: &Change) {
        match change {
            Change::ResourceCreated(r)
            | Change::ResourceEdited(r)
            | Change::CapacitySet { resource: r, .. }
            | Change::ServiceSet { resource: r, .. } => {
                self.resources.insert(resource, r.clone());
            }
            Change::BlockAdded { block, .. } => {
                self.blocks.insert(block.id, (resource, block.clone()));
            }
            Change::BlockRemoved { block, .. } => {
                self.blocks.remove(&block.id);
            }
            Change::HoldGranted(hold) | Change::HoldRenewed(hold) => {
                self.holds.insert(hold.id, *hold);
            }
            Change::HoldEnded(EndedHold { hold, .. }) => {
                self.holds.remove(&hold.id);
            }
            Change::BookingMade { .. }
            | Change::BookingApproved { .. }
            | Change::BookingCancelled { .. }
            | Change::BookingMoved { .. }
            | Change::BookingEdited { .. }
            | Change::BookingRequested { .. }
            | Change::RequestApproved { .. }
            | Change::BookingCheckedIn { .. }
            | Change::BookingNoShow { .. }
            | Change::BookingDisplaced { .. }
            | Change::BookingHandedOver { .. }
            | Change::BookingOverrode { .. }
            | Change::Reasoned { .. }
            | Change::HoldOverrode { .. }
            | Change::OverCommitLowered { .. }
            | Change::WaitJoined(_)
            | Change::WaitOffered(_)
            | Change::WaitResumed(_)
            | Change::WaitMoved(_)
            | Change::WaitEnded(_)
            | Change::WaitDue(_)
            | Change::Reminded { .. } => {}
        }
    }
}

/// Who is invited, as a cell.
fn guests_text(guests: &[Guest]) -> String {
    let guest = |guest: &Guest| match guest {
        Guest::Person(id) => serde_json::json!({ "person": id.0.to_string() }),
        Guest::Named(name) => serde_json::json!({ "name": name }),
    };
    match guests {
        [] => String::new(),
        guests => serde_json::Value::Array(guests.iter().map(guest).collect()).to_string(),
    }
}

/// Who is invited, of a cell.
pub fn guests_of(cell: &str) -> anyhow::Result<Vec<Guest>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Cell {
        Person(uuid::Uuid),
        Name(String),
    }
    if cell.trim().is_empty() {
        return Ok(Vec::new());
    }
    let guests: Vec<Cell> = serde_json::from_str(cell).context("guests")?;
    ensure!(guests.len() <= Details::GUESTS_MAX, "guests: must be at most {}", Details::GUESTS_MAX);
    let guest = |guest| match guest {
        Cell::Person(id) => Ok(Guest::Person(PersonId(id))),
        Cell::Name(name) => {
            ensure!(name.chars().count() <= 200, "guests: a name has at most 200 characters");
            ensure!(!name.chars().any(char::is_control), "guests: a name must not have control characters");
            Ok(Guest::Named(name))
        }
    };
    guests.into_iter().map(guest).collect()
}

impl ResourceRow {
    fn of(resource: &Resource) -> anyhow::Result<ResourceRow> {
        let spec: &ResourceSpec = &resource.spec;
        let stored: serde_json::Value = serde_json::from_str(&codec::encode_spec(spec)?)?;
        let at = |t: Option<Instant>| t.map_or_else(String::new, |t| t.to_string());
        Ok(ResourceRow {
            id: resource.id.0.to_string(),
            kind: codec::kind_name(spec.kind).into(),
            name: guarded(&spec.name),
            building: guarded(spec.building.as_deref().unwrap_or_default()),
            seats: spec.seats,
            equipment: guarded(&spec.equipment.join(", ")),
            zone: spec.zone.name().into(),
            capacity: spec.capacity,
            start: at(spec.interval.map(|i| i.start())),
            end: at(spec.interval.map(|i| i.end())),
            rules: stored.get("policy").map_or_else(String::new, ToString::to_string),
            group: spec.group.as_ref().map_or_else(String::new, |g| g.id.0.to_string()),
            own_rules: {
                let own = spec.group.iter().flat_map(|g| &g.own);
                own.map(|field| field.name()).collect::<Vec<_>>().join(" ")
            },
            linked: {
                let list = |ids: &Vec<ResourceId>| ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(" ");
                spec.linked.iter().map(list).collect::<Vec<_>>().join(" | ")
            },
            course: stored.get("course").map_or_else(String::new, ToString::to_string),
        })
    }
}

/// A file of the export.
struct Table {
    name: String,
    rows: u64,
    out: csv::Writer<File>,
}

impl Table {
    fn new(dir: &Path, name: &str) -> anyhow::Result<Table> {
        let path = dir.join(name);
        let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
        // RFC 4180 ends lines with both.
        let mut out = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).has_headers(false).from_writer(file);
        let columns = COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, columns)| *columns);
        out.write_record(columns.with_context(|| format!("{name} is no table"))?)?;
        Ok(Table { name: name.into(), rows: 0, out })
    }

    fn row(&mut self, row: &impl Serialize) -> anyhow::Result<()> {
        self.rows += 1;
        self.out.serialize(row).with_context(|| format!("writing {}", self.name))
    }

    fn end(mut self) -> anyhow::Result<u64> {
        self.out.flush().with_context(|| format!("writing {}", self.name))?;
        self.out.get_ref().sync_all().with_context(|| format!("syncing {}", self.name))?;
        Ok(self.rows)
    }
}

/// The first line of each table: there also when it has no other.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("people.csv", &["id", "name", "title", "role", "suspended"]),
    (
        "resources.csv",
        &[
            "id",
            "kind",
            "name",
            "building",
            "seats",
            "equipment",
            "zone",
            "capacity",
            "start",
            "end",
            "rules",
            "group",
            "own_rules",
            "linked",
            "course",
        ],
    ),
    (
        "bookings.csv",
        &[
            "booking",
            "line",
            "state",
            "owner",
            "owner_name",
            "title",
            "purpose",
            "people",
            "guests",
            "private",
            "resource",
            "resource_name",
            "start",
            "end",
            "units",
            "made_by",
            "revision",
            "created_at",
            "decided_at",
        ],
    ),
    ("blocks.csv", &["id", "resource", "resource_name", "start", "end", "reason"]),
    (
        "holds.csv",
        &[
            "id",
            "resource",
            "resource_name",
            "holder",
            "holder_name",
            "start",
            "end",
            "units",
            "granted_at",
            "expires_at",
            "renewals",
        ],
    ),
    ("attempts.csv", &["key", "actor", "command", "outcome", "code", "decided_at"]),
];

/// Whether a spreadsheet would take it for a formula, whatever apostrophes are before it.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// Text as it is written to a cell: what a spreadsheet would run has an apostrophe before it.
pub fn guarded(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.into() }
}

/// Text that was written by [`guarded`]; other text is as it is.
pub fn unguarded(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if is_formula(rest) => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{guarded, unguarded};

    #[test]
    fn formulas_are_guarded_and_every_text_comes_back() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''-", "'", "", "'quoted'", "plain", " =1", "Ü=1"]
        {
            let cell = guarded(text);
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
            assert_eq!(unguarded(&cell), text);
        }
        assert_eq!((guarded("'quoted'").as_str(), guarded("=1").as_str()), ("'quoted'", "'=1"));
    }
}
