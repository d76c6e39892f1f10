//! All that a database holds as a reading: the same exports and explanations as of a data directory.
//! It changes nothing it reads, and makes every hash again on the way.

use super::error::{Error, Result};
use super::load::{limit, record, signed};
use super::pool::args;
use super::sql;
use super::still::Still;
use super::{attempt_of, doors, load, people};
use crate::codec;
use crate::commit::{Lying, Place};
use crate::embedded::backup::BackupError;
use crate::embedded::export::Source;
use crate::embedded::journal::{Head, Meta};
use crate::embedded::{Everything, Progress, Reading};
use crate::record::{chain_all, chain_commit, commits_genesis};
use crate::text::{Hex, KeyText};
use slotwise_domain::{PersonId, ResourceId, Span, Version};
use slotwise_engine::{Account, Attempt, AttemptFilter, Listed, PersonCard, Record, Scopes};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use tokio_postgres::Row;
use uuid::Uuid;

/// People and keys read at once.
const PAGE: usize = 1_000;
/// A decision may be so much later than its commit's stamp, or earlier, where clocks were set.
const CLOCK_SLACK: Span = Span::seconds(60);

type Read<T> = std::result::Result<T, BackupError>;

/// A part of a database, up to where its journal ended when this was opened.
struct Database {
    still: Still,
    head: Head,
}

/// Opens a part of a database for reading. Servers may be running on it.
pub fn reading(url: &str, part: i64) -> Read<Reading> {
    let still = Still::open(url, part)?;
    let head = still.head()?;
    Ok(Reading::of(Database { still, head }))
}

impl From<Error> for BackupError {
    fn from(e: Error) -> BackupError {
        BackupError::Database(e.to_string())
    }
}

impl Database {
    fn damaged(&self, says: impl Into<String>) -> BackupError {
        BackupError::damaged(self.name(), says)
    }
}

impl Source for Database {
    fn name(&self) -> &Path {
        Path::new("the database")
    }

    fn ends(&self) -> (Meta, Head) {
        (self.still.meta, self.head)
    }

    fn several(&self) -> bool {
        true
    }

    fn people(&self, each: &mut dyn FnMut(Everything) -> Read<()>) -> Read<()> {
        let mut after: Option<Uuid> = None;
        loop {
            let found = self.still.rows(sql::PEOPLE_ALL, args![self.still.part, after, limit(PAGE)])?;
            let (accounts, manages) = self.doors_of(&found)?;
            for row in &found {
                let mut everything = everything(row)?;
                let id = everything.listed.card.id;
                everything.account = accounts.get(&id).cloned();
                everything.manages = manages.get(&id).cloned().unwrap_or_default();
                each(everything)?;
            }
            match found.last() {
                Some(row) if found.len() == PAGE => after = Some(row.try_get(0).map_err(Error::from)?),
                _ => return Ok(()),
            }
        }
    }

    fn keys(&self, each: &mut dyn FnMut(KeyText) -> Read<()>) -> Read<()> {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let found = self.still.rows(sql::KEYS_ALL, args![self.still.part, after, limit(PAGE)])?;
            for row in &found {
                each(key(row)?)?;
            }
            match found.last() {
                Some(row) if found.len() == PAGE => after = Some(row.try_get(0).map_err(Error::from)?),
                _ => return Ok(()),
            }
        }
    }

    fn lying(&self, progress: Progress, each: &mut dyn FnMut(&[Lying]) -> Read<()>) -> Read<()> {
        let mut chains: HashMap<Uuid, (u64, [u8; 32])> = HashMap::new();
        let mut at = Head { number: 0, hash: commits_genesis(self.still.meta.writer) };
        let mut after: Option<Place> = None;
        while at.number < self.head.number {
            if progress(at.number, self.head.number).is_break() {
                return Err(BackupError::Stopped);
            }
            let page = self.still.commits_after(after.as_ref())?;
            let Some(last) = page.last() else { break };
            after = last.place;
            for lying in &page {
                let Some(Place { writer, .. }) = lying.place else { continue };
                let (number, hash) = chains.get(&writer).copied().unwrap_or((0, commits_genesis(writer)));
                if lying.number != number + 1 {
                    return Err(self.damaged(format!("commit {} of writer {writer} follows {number}", lying.number)));
                }
                if chain_commit(&hash, lying.number, &lying.body) != lying.hash {
                    let says = "is not what was written, or what is before it";
                    return Err(self.damaged(format!("commit {} of writer {writer} {says}", lying.number)));
                }
                chains.insert(writer, (lying.number, lying.hash));
                at = Head { number: at.number + 1, hash: chain_all(&at.hash, &lying.hash) };
            }
            each(&page)?;
        }
        if at != self.head {
            return Err(self.damaged(format!("it ends at commit {} of {}", at.number, self.head.number)));
        }
        match progress(self.head.number, self.head.number).is_break() {
            true => Err(BackupError::Stopped),
            false => Ok(()),
        }
    }

    fn attempts(&self, filter: &AttemptFilter) -> Read<Vec<Attempt>> {
        let first = filter.from.map_or(i64::MIN, |from| from.minus(CLOCK_SLACK).0);
        let last = filter.to.map_or(i64::MAX, |to| to.plus(CLOCK_SLACK).0);
        // No id is greater than this one: it begins after all that is stamped before.
        let mut after = Some(Place { writer: Uuid::nil(), stamp: first, id: Uuid::nil() });
        let mut found = Vec::new();
        loop {
            let page = self.still.commits_after(after.as_ref())?;
            let Some(place) = page.last().and_then(|lying| lying.place) else { break };
            for lying in &page {
                let (commit, _) = codec::decode_commit(lying.number, lying.hash, &lying.body)
                    .map_err(|e| self.damaged(format!("commit {}: {e}", lying.number)))?;
                let taken = commit.entries.iter().filter(|e| filter.takes(&e.recorded, || e.changes_by_resource()));
                found.extend(taken.map(attempt_of));
            }
            if place.stamp > last || found.len() >= filter.max {
                break;
            }
            after = Some(place);
        }
        found.reverse();
        found.truncate(filter.max);
        Ok(found)
    }

    fn records(&self, upto: &[(ResourceId, Version)]) -> Read<BTreeMap<ResourceId, Vec<Record>>> {
        let mut records = BTreeMap::new();
        for (id, version) in upto {
            let args = args![self.still.part, id.0, 0_i64, signed(version.number), i64::MAX];
            let found = self.still.rows(sql::RECORDS, args)?;
            let of_it = found.iter().map(record).collect::<Result<Vec<_>>>()?;
            if !of_it.is_empty() {
                records.insert(*id, of_it);
            }
        }
        Ok(records)
    }
}

impl Database {
    /// The accounts of these people, and what they manage.
    #[expect(clippy::type_complexity, reason = "two tables by person")]
    fn doors_of(
        &self,
        people: &[Row],
    ) -> Result<(HashMap<PersonId, Account>, HashMap<PersonId, BTreeSet<ResourceId>>)> {
        let ids = people.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<Uuid>>>()?;
        let (mut accounts, mut manages) = (HashMap::new(), HashMap::<_, BTreeSet<_>>::new());
        for row in self.still.rows(sql::ACCOUNTS_OF, args![self.still.part, ids.clone()])? {
            let account = doors::account(&row)?;
            accounts.insert(account.person, account);
        }
        for row in self.still.rows(sql::MANAGED, args![self.still.part, ids])? {
            let (person, resource) = doors::managed(&row)?;
            manages.entry(person).or_default().insert(resource);
        }
        Ok((accounts, manages))
    }
}

/// A row of id, name, title, role, what another system calls them, address, whether they are suspended, version, tags, allowances, the plan's version, its lines.
fn everything(row: &Row) -> Result<Everything> {
    let role = codec::role_named(row.try_get(3)?)?;
    let id = PersonId(row.try_get(0)?);
    let card = PersonCard { id, name: row.try_get(1)?, title: row.try_get(2)?, role };
    let facts = match row.try_get::<_, Option<i64>>(7)? {
        Some(version) => Some((load::facts(row.try_get(8)?, row.try_get(9)?)?, load::unsigned(version))),
        None => None,
    };
    let plan = match row.try_get::<_, Option<i64>>(10)? {
        Some(version) => (people::plan_lines(row.try_get(11)?)?, load::unsigned(version)),
        None => Default::default(),
    };
    let listed = Listed { card, external_id: row.try_get(4)?, email: row.try_get(5)? };
    let (account, manages) = Default::default();
    Ok(Everything { listed, suspended: row.try_get(6)?, facts, plan, account, manages })
}

fn key(row: &Row) -> Result<KeyText> {
    let secret: Vec<u8> = row.try_get(0)?;
    let scopes = u8::try_from(row.try_get::<_, i64>(3)?).unwrap_or_default();
    Ok(KeyText {
        secret_sha256: Hex(load::hash_of(&secret)?),
        person: row.try_get(1)?,
        label: row.try_get(2)?,
        scopes: Some(scopes).filter(|scopes| *scopes != Scopes::ALL.0),
        until: row.try_get(4)?,
    })
}
