//! Who people are, in the same database and apart from the record, so that they can be forgotten.
//! It knows no secret: of a key only its hash is kept.

use super::Postgres;
use super::error::{Error, Result};
use super::load::{facts_of, limit, signed, unsigned};
use super::pool::{args, rows};
use super::sql;
use super::writer::those_under_way_end;
use crate::codec;
use async_trait::async_trait;
use slotwise_domain::{BookingId, Facts, PersonId, ResourceId, Role};
use slotwise_engine::catalogue::words_of;
use slotwise_engine::{Directory, Erased, FactsPut, Listed, PersonCard, PersonRow, Plan, PlanPut, RowPut, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant as Moment};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

/// Bookings forgotten in one transaction.
const ERASED_AT_ONCE: usize = 100;
/// How long it is waited for those who hold what these are on, and how often it is looked.
const HELD_MAX: Duration = Duration::from_secs(30);
const HELD_LOOK_EVERY: Duration = Duration::from_millis(5);

#[async_trait]
impl Directory for Postgres {
    async fn person(&self, id: PersonId) -> std::result::Result<Option<PersonCard>, StoreError> {
        let found = self.shared.readers.rows(sql::PERSON, args![self.shared.part, id.0]).await?;
        Ok(found.first().map(card).transpose()?)
    }

    async fn people(&self, max: usize) -> std::result::Result<Vec<PersonCard>, StoreError> {
        let found = self.shared.readers.rows(sql::PEOPLE, args![self.shared.part, limit(max)]).await?;
        Ok(found.iter().map(card).collect::<Result<_>>()?)
    }

    async fn put_person(&self, person: PersonCard) -> std::result::Result<(), StoreError> {
        let part = self.shared.part;
        let put = self
            .shared
            .readers
            .transaction(move |client| Box::pin(async move { put_card(client, part, &person).await }));
        let put = put.await;
        self.shared.rights_changed();
        Ok(put?)
    }

    async fn find_people(
        &self,
        words: Vec<String>,
        suspended: bool,
        after: Option<(String, PersonId)>,
        max: usize,
    ) -> std::result::Result<Vec<Listed>, StoreError> {
        // Nothing sorts after the last character there is.
        let range = |word: String| (word.clone(), format!("{word}{}", char::MAX));
        let mut asked = words.iter().flat_map(|text| words_of(text)).map(range);
        let first = asked.next();
        let (lows, highs): (Vec<String>, Vec<String>) = asked.unzip();
        let (name, id) = after.unzip();
        let values = args![
            self.shared.part,
            first.as_ref().map(|(low, _)| low.clone()),
            first.map(|(_, high)| high),
            lows,
            highs,
            name,
            id.map(|id| id.0),
            limit(max),
            suspended,
        ];
        let found = self.shared.readers.rows(sql::FOUND, values).await?;
        Ok(found.iter().map(listed).collect::<Result<_>>()?)
    }

    async fn facts(&self, id: PersonId) -> std::result::Result<Option<(Facts, u64)>, StoreError> {
        let part = self.shared.part;
        let asked = [(sql::LISTED, args![part, id.0]), (sql::FACTS_OF, args![part, vec![id.0]])];
        let [person, facts] = self.shared.readers.all(asked).await?;
        if person.is_empty() {
            return Ok(None);
        }
        let facts = facts.first().map(facts_of).transpose()?;
        Ok(Some(facts.map(|(_, facts, version)| (facts, version)).unwrap_or_default()))
    }

    async fn put_facts(&self, id: PersonId, version: u64, facts: Facts) -> std::result::Result<FactsPut, StoreError> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                if rows(client, sql::PERSON_HELD, &args![part, id.0]).await?.is_empty() {
                    return Ok(FactsPut::NoPerson);
                }
                let (theirs, at) = known(client, part, id).await?;
                if at != version {
                    return Ok(FactsPut::Moved(theirs, at));
                }
                put_facts(client, part, id, &facts, version + 1).await?;
                Ok(FactsPut::Put(version + 1))
            })
        });
        Ok(put.await?)
    }

    async fn plan(&self, id: PersonId) -> std::result::Result<(Plan, u64), StoreError> {
        let found = self.shared.readers.rows(sql::PLAN, args![self.shared.part, id.0]).await?;
        Ok(found.first().map(plan_of).transpose()?.unwrap_or_default())
    }

    async fn put_plan(&self, id: PersonId, version: u64, plan: Plan) -> std::result::Result<PlanPut, StoreError> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                if rows(client, sql::PERSON_HELD, &args![part, id.0]).await?.is_empty() {
                    return Ok(PlanPut::NoPerson);
                }
                let found = rows(client, sql::PLAN, &args![part, id.0]).await?;
                let (theirs, at) = found.first().map(plan_of).transpose()?.unwrap_or_default();
                if at != version {
                    return Ok(PlanPut::Moved(theirs, at));
                }
                put_plan(client, part, id, &plan, version + 1).await?;
                Ok(PlanPut::Put(version + 1))
            })
        });
        Ok(put.await?)
    }

    async fn put_people(&self, people: Vec<PersonRow>, dry_run: bool) -> std::result::Result<Vec<RowPut>, StoreError> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction_if(move |client| {
            Box::pin(async move {
                let mut put = Vec::with_capacity(people.len());
                for row in people {
                    put.push(put_row(client, part, row).await?);
                }
                let keep = !dry_run && !put.contains(&RowPut::ExternalIdTaken);
                Ok((put, keep))
            })
        });
        let put = put.await;
        self.shared.rights_changed();
        Ok(put?)
    }

    async fn erase(&self, id: PersonId) -> std::result::Result<Option<Erased>, StoreError> {
        let (part, readers) = (self.shared.part, &self.shared.readers);
        if readers.rows(sql::LISTED, args![part, id.0]).await?.is_empty() {
            return Ok(None);
        }
        // From here on they can ask for nothing more. What has read before that who they are ends first, so no new words of theirs come.
        readers.rows(sql::SUSPENDED_PUT, args![part, id.0, true]).await?;
        self.shared.rights_changed();
        let mut conn = readers.get().await?;
        those_under_way_end(&conn).await?;
        let found = rows(&conn, sql::BOOKINGS_OF_OWNER, &args![part, id.0]).await?;
        conn.clean();
        drop(conn);
        let all = super::load::ids(&found)?;
        for some in all.chunks(ERASED_AT_ONCE) {
            self.erase_words(some.to_vec()).await?;
        }
        let mut erased = Erased { bookings: all.len() as u64, ..Erased::default() };
        let gone = readers.transaction(move |client| {
            Box::pin(async move {
                let all = ["key", "session", "invitation", "reset"].map(String::from).to_vec();
                let none = None::<Vec<u8>>;
                let values = args![part, id.0, all, none.clone(), none.clone(), none];
                let ended = rows(client, sql::SECRETS_ENDED, &values).await?;
                let keys =
                    ended.iter().filter(|row| row.try_get::<_, String>(0).is_ok_and(|kind| kind == "key")).count();
                for sql in [
                    sql::DEEDS_FORGOTTEN,
                    sql::ACCOUNT_GONE,
                    sql::MANAGES_GONE,
                    sql::LETTERS_GONE,
                    sql::READ_GONE,
                    sql::ADDRESS_GONE,
                    sql::PLAN_GONE,
                    sql::FACTS_GONE,
                    sql::WORDS_GONE,
                    sql::PERSON_GONE,
                ] {
                    rows(client, sql, &args![part, id.0]).await?;
                }
                Ok(keys as u64)
            })
        });
        let gone = gone.await;
        self.shared.rights_changed();
        erased.keys = gone?;
        Ok(Some(erased))
    }
}

impl Postgres {
    async fn erase_words(&self, mut left: Vec<Uuid>) -> Result<()> {
        let (part, begun) = (self.shared.part, Moment::now());
        while !left.is_empty() {
            let some = left.clone();
            let erase = self
                .shared
                .readers
                .transaction(move |client| Box::pin(async move { erase_words(client, part, some).await }));
            let done = erase.await?;
            left.retain(|id| !done.contains(id));
            if done.is_empty() {
                if begun.elapsed() >= HELD_MAX {
                    return Err(Error::NotHad);
                }
                tokio::time::sleep(HELD_LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Makes somebody nobody for now, or somebody again.
    pub async fn suspend(&self, id: PersonId, suspended: bool) -> std::result::Result<(), StoreError> {
        let values = args![self.shared.part, id.0, suspended];
        let put = self.shared.readers.rows(sql::SUSPENDED_PUT, values).await;
        self.shared.rights_changed();
        Ok(put.map(drop)?)
    }
}

fn card(row: &Row) -> Result<PersonCard> {
    card_from(row, 0)
}

/// A card in four columns from the n-th on.
pub(super) fn card_from(row: &Row, n: usize) -> Result<PersonCard> {
    let role = codec::role_named(row.try_get(n + 3)?)?;
    Ok(PersonCard { id: PersonId(row.try_get(n)?), name: row.try_get(n + 1)?, title: row.try_get(n + 2)?, role })
}

fn listed(row: &Row) -> Result<Listed> {
    Ok(Listed { card: card(row)?, external_id: row.try_get(4)?, email: row.try_get(5)? })
}

/// A row of version, lines.
fn plan_of(row: &Row) -> Result<(Plan, u64)> {
    Ok((plan_lines(row.try_get(1)?)?, unsigned(row.try_get(0)?)))
}

pub(super) fn plan_lines(text: &str) -> Result<Plan> {
    let lines: Vec<Vec<Uuid>> = serde_json::from_str(text).map_err(|e| Error::Malformed(e.into()))?;
    Ok(lines.into_iter().map(|line| line.into_iter().map(ResourceId).collect()).collect())
}

async fn known(client: &Client, part: i64, id: PersonId) -> Result<(Facts, u64)> {
    let found = rows(client, sql::FACTS_OF, &args![part, vec![id.0]]).await?;
    let facts = found.first().map(facts_of).transpose()?;
    Ok(facts.map(|(_, facts, version)| (facts, version)).unwrap_or_default())
}

async fn put_facts(client: &Client, part: i64, id: PersonId, facts: &Facts, version: u64) -> Result<()> {
    let json = |e: serde_json::Error| Error::bug(e.to_string());
    let tags = serde_json::to_string(&facts.tags).map_err(json)?;
    let allowances: BTreeMap<Uuid, u32> = facts.allowances.iter().map(|(of, most)| (of.0, *most)).collect();
    let allowances = serde_json::to_string(&allowances).map_err(json)?;
    rows(client, sql::FACTS_PUT, &args![part, id.0, signed(version), tags, allowances]).await.map(drop)
}

async fn put_card(client: &Client, part: i64, person: &PersonCard) -> Result<()> {
    let PersonCard { id, name, title, role } = person;
    let role = codec::role_name(*role);
    rows(client, sql::PERSON_PUT, &args![part, id.0, name.clone(), title.clone(), role]).await?;
    put_words(client, part, person).await
}

/// By which words they are found.
async fn put_words(client: &Client, part: i64, person: &PersonCard) -> Result<()> {
    let PersonCard { id, name, title, role: _ } = person;
    rows(client, sql::WORDS_GONE, &args![part, id.0]).await?;
    let words: BTreeSet<String> = [name, title].into_iter().flat_map(|text| words_of(text)).collect();
    let words: Vec<String> = words.into_iter().collect();
    rows(client, sql::WORDS_PUT, &args![part, id.0, words]).await.map(drop)
}

/// Somebody as an export tells of them, whoever was there before.
pub(super) async fn fill(
    client: &Client,
    part: i64,
    listed: Listed,
    suspended: bool,
    facts: Option<(Facts, u64)>,
    plan: Option<(Plan, u64)>,
) -> Result<()> {
    let Listed { card, external_id, email } = listed;
    let (id, role) = (card.id, codec::role_name(card.role));
    let values = args![part, id.0, card.name.clone(), card.title.clone(), role, suspended, external_id];
    rows(client, sql::PERSON_FILL, &values).await?;
    put_words(client, part, &card).await?;
    if let Some(email) = email {
        rows(client, sql::ADDRESS_PUT, &args![part, id.0, email]).await?;
    }
    if let Some((facts, version)) = facts {
        put_facts(client, part, id, &facts, version).await?;
    }
    match plan {
        Some((plan, version)) => put_plan(client, part, id, &plan, version).await,
        None => Ok(()),
    }
}

async fn put_plan(client: &Client, part: i64, id: PersonId, plan: &Plan, version: u64) -> Result<()> {
    let lines: Vec<Vec<Uuid>> = plan.iter().map(|line| line.iter().map(|id| id.0).collect()).collect();
    let lines = serde_json::to_string(&lines).map_err(|e| Error::bug(e.to_string()))?;
    rows(client, sql::PLAN_PUT, &args![part, id.0, signed(version), lines]).await.map(drop)
}

async fn put_row(client: &Client, part: i64, row: PersonRow) -> Result<RowPut> {
    let called = match &row.external_id {
        Some(external) => {
            let found = rows(client, sql::CALLED, &args![part, external.clone()]).await?;
            found.first().map(|row| row.try_get(0)).transpose()?.map(PersonId)
        }
        None => None,
    };
    let id = row.id.or(called).unwrap_or(row.fresh);
    if called.is_some_and(|other| other != id) {
        return Ok(RowPut::ExternalIdTaken);
    }
    // Held, so that two who change one person come one after the other.
    rows(client, sql::PERSON_HELD, &args![part, id.0]).await?;
    let before = rows(client, sql::LISTED, &args![part, id.0]).await?;
    let before = before.first().map(listed).transpose()?;
    let was = before.as_ref();
    let after = Listed {
        card: PersonCard {
            id,
            name: row.name,
            title: row.title.or(was.map(|b| b.card.title.clone())).unwrap_or_default(),
            role: row.role.or(was.map(|b| b.card.role)).unwrap_or(Role::Member),
        },
        external_id: row.external_id.or(was.and_then(|b| b.external_id.clone())),
        email: row.email.or(was.and_then(|b| b.email.clone())),
    };
    let (known, version) = known(client, part, id).await?;
    let tags = row.tags.filter(|tags| *tags != known.tags);
    if before.as_ref() == Some(&after) && tags.is_none() {
        return Ok(RowPut::Same(id));
    }
    put_card(client, part, &after.card).await?;
    rows(client, sql::EXTERNAL_ID_PUT, &args![part, id.0, after.external_id]).await?;
    if let Some(email) = after.email {
        rows(client, sql::ADDRESS_PUT, &args![part, id.0, email]).await?;
    }
    if let Some(tags) = tags {
        put_facts(client, part, id, &Facts { tags, ..known }, version + 1).await?;
    }
    Ok(if before.is_some() { RowPut::Changed(id) } else { RowPut::Made(id) })
}

/// Takes what was written in some bookings out of the journal's unhashed side and the lists: of those whose resources are held by nobody
/// else. Says of which. Whoever changes a booking holds its resources, so nobody who has read the words can write them again.
async fn erase_words(client: &Client, part: i64, ids: Vec<Uuid>) -> Result<Vec<Uuid>> {
    let on = async || -> Result<BTreeMap<Uuid, BTreeSet<Uuid>>> {
        let found = rows(client, sql::BOOKINGS_BY_ID, &args![part, ids.clone()]).await?;
        let bookings = found.iter().map(super::load::booking);
        bookings.map(|b| b.map(|b| (b.id.0, b.resources().into_iter().map(|id| id.0).collect()))).collect()
    };
    let resources: BTreeSet<Uuid> = on().await?.into_values().flatten().collect();
    let wanted: Vec<Uuid> = resources.into_iter().collect();
    let held: BTreeSet<Uuid> =
        super::load::ids(&rows(client, sql::HEADS_HELD, &args![part, wanted]).await?)?.into_iter().collect();
    // They may have been moved until their resources were held.
    let had = on().await?.into_iter().filter(|(_, on)| on.is_subset(&held));
    let had: Vec<Uuid> = had.map(|(id, _)| id).collect();
    let (mut commits, mut left) = (Vec::new(), Vec::new());
    for row in rows(client, sql::JOURNAL_SAID, &args![part, had.clone()]).await? {
        let mut said = codec::decode_said(row.try_get(1)?)?;
        said.retain(|(_, BookingId(booking), _)| !had.contains(booking));
        commits.push(row.try_get::<_, Uuid>(0)?);
        left.push(if said.is_empty() { None } else { Some(codec::encode_said(&said)?) });
    }
    rows(client, sql::JOURNAL_SAID_PUT, &args![part, commits, left]).await?;
    rows(client, sql::WORDS_OF_BOOKINGS_GONE, &args![part, had.clone()]).await?;
    Ok(had)
}
