//! Accounts, sessions, keys, one-time links, who manages what, and what was done with them, beside the people they belong to.
//! It keeps hashes and no secret.

use super::Embedded;
use super::error::{Cells, Error, Result};
use super::load::{PART, max_rows};
use super::people::People;
use crate::codec;
use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, params};
use slotwise_domain::{Instant, PersonId, ResourceId, Role};
use slotwise_engine::doors::{
    Account, AccountOf, AccountPatch, AccountPut, Accounts, DEEDS_MAX, Deed, Door, RolePut, Scopes, Secret, SecretKind,
    Sha256, Subject, Which,
};
use slotwise_engine::{PersonCard, StoreError};
use std::collections::BTreeSet;
use uuid::Uuid;

type Asked<T> = std::result::Result<T, StoreError>;

const SECRET: &str = "sha256, kind, person, label, scopes, made_at, made_by, seen_at, until";
const ACCOUNT: &str = "person, login, password, issuer, subject, language, zone";

impl People {
    /// Whom these let in, if that is known without asking the file; all of them or none.
    fn remembered_doors(&self, secrets: &[Sha256], now: Instant) -> Option<Vec<Option<Door>>> {
        secrets.iter().map(|sha256| Some(self.remembered_door(sha256)?.filter(|door| door.secret.lives(now)))).collect()
    }

    fn doors(&self, secrets: &[Sha256], now: Instant) -> Asked<Vec<Option<Door>>> {
        // Held until what was read is remembered: nobody's write can come between.
        let db = self.db();
        // Whoever had it before may have asked: many come at once when what is known has become too old.
        if let Some(doors) = self.remembered_doors(secrets, now) {
            return Ok(doors);
        }
        self.freshen(&db)?;
        let mut doors = Vec::with_capacity(secrets.len());
        for sha256 in secrets {
            let door = door(&db, sha256)?;
            // Only what lets somebody in: anybody can make up what does not.
            if door.is_some() {
                self.remember(|known| drop(known.doors.insert(*sha256, door.clone())));
            }
            doors.push(door.filter(|door| door.secret.lives(now)));
        }
        Ok(doors)
    }

    /// An account; `None` too if its person is suspended.
    pub fn account(&self, of: &AccountOf) -> Asked<Option<Account>> {
        let db = self.db();
        let found = account(&db, of)?;
        Ok(match found {
            Some(account) if person(&db, account.person)?.is_some() => Some(account),
            Some(_) | None => None,
        })
    }

    /// Changes what is given of a person's account, and makes it if there is none.
    pub fn put_account(&self, id: PersonId, patch: AccountPatch) -> Asked<AccountPut> {
        self.change(|db| put_account(db, id, patch))
    }

    /// Keeps a secret from now on.
    pub fn put_secret(&self, secret: &Secret) -> Asked<()> {
        self.change(|db| put_secret(db, secret))
    }

    fn secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Asked<Option<Secret>> {
        let found = secret(&self.db(), &sha256)?;
        Ok(found.filter(|s| s.kind == kind && s.lives(now)))
    }

    fn take_secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Asked<Option<Secret>> {
        self.change(|db| {
            let Some(found) = secret(db, &sha256)?.filter(|s| s.kind == kind) else { return Ok(None) };
            db.prepare_cached("DELETE FROM secret WHERE part_id = ?1 AND sha256 = ?2")?
                .execute(params![PART, sha256])?;
            Ok(Some(found).filter(|s| s.lives(now)))
        })
    }

    fn secrets_of(&self, id: PersonId, kind: SecretKind) -> Asked<Vec<Secret>> {
        let read = |db: &Connection| -> Result<Vec<Secret>> {
            let sql = format!(
                "SELECT {SECRET} FROM secret WHERE part_id = ?1 AND person = ?2 AND kind = ?3 ORDER BY made_at DESC, sha256"
            );
            let mut select = db.prepare_cached(&sql)?;
            let mut rows = select.query(params![PART, id.0, codec::secret_kind_name(kind)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read_secret(row)?);
            }
            Ok(found)
        };
        Ok(read(&self.db())?)
    }

    fn invitations(&self, now: Instant, max: usize) -> Asked<Vec<Secret>> {
        let read = |db: &Connection| -> Result<Vec<Secret>> {
            let sql = format!(
                "SELECT {SECRET} FROM secret WHERE part_id = ?1 AND kind = ?2 AND (until IS NULL OR until > ?3)
                 ORDER BY made_at DESC, sha256 LIMIT ?4"
            );
            let mut select = db.prepare_cached(&sql)?;
            let kind = codec::secret_kind_name(SecretKind::Invitation);
            let mut rows = select.query(params![PART, kind, now.0, max_rows(max)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read_secret(row)?);
            }
            Ok(found)
        };
        Ok(read(&self.db())?)
    }

    /// Ends secrets of a person, and says how many.
    pub fn end_secrets(&self, id: PersonId, kinds: &[SecretKind], which: Which) -> Asked<u64> {
        let kinds: Vec<&str> = kinds.iter().map(|kind| codec::secret_kind_name(*kind)).collect();
        let (only, but) = match which {
            Which::All => (None, None),
            Which::Only(id) => (Some(id.as_bytes().to_vec()), None),
            Which::But(sha256) => (None, Some(sha256.to_vec())),
        };
        const END: &str = "
            DELETE FROM secret WHERE part_id = ?1 AND person = ?2 AND instr(' ' || ?3 || ' ', ' ' || kind || ' ') > 0
            AND (?4 IS NULL OR substr(sha256, 1, 16) = ?4) AND (?5 IS NULL OR sha256 <> ?5)";
        self.change(|db| Ok(db.prepare_cached(END)?.execute(params![PART, id.0, kinds.join(" "), only, but])? as u64))
    }

    fn seen(&self, sha256: Sha256, now: Instant) -> Asked<()> {
        const SEEN: &str = "UPDATE secret SET seen_at = ?3 WHERE part_id = ?1 AND sha256 = ?2";
        self.change(|db| {
            db.prepare_cached(SEEN)?.execute(params![PART, sha256, now.0])?;
            Ok(())
        })
    }

    fn forget_secrets(&self, now: Instant) -> Asked<u64> {
        const OVER: &str = "DELETE FROM secret WHERE part_id = ?1 AND until IS NOT NULL AND until <= ?2";
        const OLD: &str = "
            DELETE FROM deed WHERE part_id = ?1 AND id <= (SELECT id FROM deed WHERE part_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
        self.change(|db| {
            db.prepare_cached(OLD)?.execute(params![PART, DEEDS_MAX])?;
            Ok(db.prepare_cached(OVER)?.execute(params![PART, now.0])? as u64)
        })
    }

    /// What somebody manages.
    pub(super) fn manages_of(&self, id: PersonId) -> Asked<BTreeSet<ResourceId>> {
        Ok(manages(&self.db(), id)?)
    }

    /// What somebody may do from now on, and over what.
    pub fn put_role(&self, id: PersonId, role: Role, over: &BTreeSet<ResourceId>) -> Asked<RolePut> {
        const PUT: &str = "UPDATE person SET role = ?3 WHERE part_id = ?1 AND id = ?2";
        self.change(|db| {
            if role != Role::Admin && only_admin(db, id)? {
                return Ok(RolePut::LastAdmin);
            }
            if db.prepare_cached(PUT)?.execute(params![PART, id.0, codec::role_name(role)])? == 0 {
                return Ok(RolePut::NoPerson);
            }
            db.prepare_cached("DELETE FROM manages WHERE part_id = ?1 AND person = ?2")?
                .execute(params![PART, id.0])?;
            let mut put = db.prepare_cached("INSERT INTO manages (part_id, person, resource) VALUES (?1, ?2, ?3)")?;
            for resource in over {
                put.execute(params![PART, id.0, resource.0])?;
            }
            Ok(RolePut::Put)
        })
    }

    fn put_suspended(&self, id: PersonId, suspended: bool) -> Asked<RolePut> {
        const PUT: &str = "UPDATE person SET suspended = ?3 WHERE part_id = ?1 AND id = ?2";
        self.change(|db| {
            if suspended && only_admin(db, id)? {
                return Ok(RolePut::LastAdmin);
            }
            match db.prepare_cached(PUT)?.execute(params![PART, id.0, suspended])? {
                0 => Ok(RolePut::NoPerson),
                _ => Ok(RolePut::Put),
            }
        })
    }

    fn has_admin(&self) -> Asked<bool> {
        Ok(has_admin_besides(&self.db(), PersonId(Uuid::nil()))?)
    }

    fn note(&self, deed: &Deed) -> Asked<()> {
        const PUT: &str = "
            INSERT INTO deed (part_id, id, at, by, person, what, detail, address) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let Deed { id, at, by, person, what, detail, address } = deed;
        let (by, person) = (by.map(|id| id.0), person.map(|id| id.0));
        self.change(|db| {
            db.prepare_cached(PUT)?.execute(params![PART, id, at.0, by, person, what, detail, address])?;
            Ok(())
        })
    }

    fn deeds(&self, before: Option<Uuid>, max: usize) -> Asked<Vec<Deed>> {
        const DEEDS: &str = "
            SELECT id, at, by, person, what, detail, address FROM deed
            WHERE part_id = ?1 AND (?2 IS NULL OR id < ?2) ORDER BY id DESC LIMIT ?3";
        let read = |db: &Connection| -> Result<Vec<Deed>> {
            let mut select = db.prepare_cached(DEEDS)?;
            let mut rows = select.query(params![PART, before, max_rows(max)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let person = |n| -> rusqlite::Result<_> { Ok(row.get::<_, Option<Uuid>>(n)?.map(PersonId)) };
                found.push(Deed {
                    id: row.get(0)?,
                    at: Instant(row.get(1)?),
                    by: person(2)?,
                    person: person(3)?,
                    what: row.get(4)?,
                    detail: row.get(5)?,
                    address: row.get(6)?,
                });
            }
            Ok(found)
        };
        Ok(read(&self.db())?)
    }
}

fn person(db: &Connection, id: PersonId) -> Result<Option<PersonCard>> {
    super::people::person(db, id)
}

fn door(db: &Connection, sha256: &Sha256) -> Result<Option<Door>> {
    let lets_in = |s: &Secret| matches!(s.kind, SecretKind::Session | SecretKind::Key);
    let Some(secret) = secret(db, sha256)?.filter(lets_in) else { return Ok(None) };
    let Some(id) = secret.person else { return Ok(None) };
    let Some(card) = person(db, id)? else { return Ok(None) };
    let manages = if card.role == Role::Manager { manages(db, id)? } else { BTreeSet::new() };
    Ok(Some(Door { card, manages, secret }))
}

/// What somebody manages.
pub(super) fn manages(db: &Connection, id: PersonId) -> Result<BTreeSet<ResourceId>> {
    let mut select = db.prepare_cached("SELECT resource FROM manages WHERE part_id = ?1 AND person = ?2")?;
    let found = select.query_map(params![PART, id.0], |row| Ok(ResourceId(row.get(0)?)))?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn secret(db: &Connection, sha256: &Sha256) -> Result<Option<Secret>> {
    let sql = format!("SELECT {SECRET} FROM secret WHERE part_id = ?1 AND sha256 = ?2");
    let mut select = db.prepare_cached(&sql)?;
    let mut rows = select.query(params![PART, sha256])?;
    rows.next()?.map(read_secret).transpose()
}

fn read_secret(row: &Row) -> Result<Secret> {
    let sha256: Sha256 = row.get(0)?;
    let key = PersonId(row.get::<_, Option<Uuid>>(2)?.unwrap_or_default());
    let cells = Cells { table: "secret", key: &key, row };
    let scopes: i64 = row.get(4)?;
    Ok(Secret {
        sha256,
        kind: cells.decode(1, codec::secret_kind_named)?,
        person: row.get::<_, Option<Uuid>>(2)?.map(PersonId),
        label: row.get(3)?,
        scopes: Scopes(u8::try_from(scopes).unwrap_or_default()),
        made_at: Instant(row.get(5)?),
        made_by: row.get::<_, Option<Uuid>>(6)?.map(PersonId),
        seen_at: row.get::<_, Option<i64>>(7)?.map(Instant),
        until: row.get::<_, Option<i64>>(8)?.map(Instant),
    })
}

/// Keeps a secret.
pub(super) fn put_secret(db: &Connection, secret: &Secret) -> Result<()> {
    let sql = format!("INSERT INTO secret (part_id, {SECRET}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
    let Secret { sha256, kind, person, label, scopes, made_at, made_by, seen_at, until } = secret;
    let (person, made_by) = (person.map(|id| id.0), made_by.map(|id| id.0));
    let (seen_at, until, kind) = (seen_at.map(|at| at.0), until.map(|at| at.0), codec::secret_kind_name(*kind));
    let values = params![PART, sha256, kind, person, label, i64::from(scopes.0), made_at.0, made_by, seen_at, until];
    db.prepare_cached(&sql)?.execute(values)?;
    Ok(())
}

fn account(db: &Connection, of: &AccountOf) -> Result<Option<Account>> {
    let read = |row: &Row| -> rusqlite::Result<Account> {
        let (issuer, subject): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        Ok(Account {
            person: PersonId(row.get(0)?),
            login: row.get(1)?,
            password: row.get(2)?,
            subject: issuer.zip(subject).map(|(issuer, subject)| Subject { issuer, subject }),
            language: row.get(5)?,
            zone: row.get(6)?,
        })
    };
    let sql = |by: &str| format!("SELECT {ACCOUNT} FROM account WHERE part_id = ?1 AND {by}");
    let found = match of {
        AccountOf::Person(id) => db.prepare_cached(&sql("person = ?2"))?.query_row(params![PART, id.0], read),
        AccountOf::Login(login) => db.prepare_cached(&sql("login = ?2"))?.query_row(params![PART, login], read),
        AccountOf::Subject(s) => {
            db.prepare_cached(&sql("issuer = ?2 AND subject = ?3"))?.query_row(params![PART, s.issuer, s.subject], read)
        }
    };
    Ok(found.optional()?)
}

fn put_account(db: &Connection, id: PersonId, patch: AccountPatch) -> Result<AccountPut> {
    if !super::people::exists(db, id)? {
        return Ok(AccountPut::NoPerson);
    }
    let others = [patch.login.clone().map(AccountOf::Login), patch.subject.clone().map(AccountOf::Subject)];
    for other in others.into_iter().flatten() {
        if account(db, &other)?.is_some_and(|account| account.person != id) {
            return Ok(AccountPut::Taken);
        }
    }
    let before = account(db, &AccountOf::Person(id))?.unwrap_or(Account::of(id));
    let Account { login, password, subject, language, zone, .. } = before.patched(patch);
    let (issuer, subject) = subject.map(|s| (s.issuer, s.subject)).unzip();
    let sql = format!("INSERT OR REPLACE INTO account (part_id, {ACCOUNT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    db.prepare_cached(&sql)?.execute(params![PART, id.0, login, password, issuer, subject, language, zone])?;
    Ok(AccountPut::Put)
}

/// How somebody signs in, and what they manage.
pub(super) fn of_person(db: &Connection, id: PersonId) -> Result<(Option<Account>, BTreeSet<ResourceId>)> {
    Ok((account(db, &AccountOf::Person(id))?, manages(db, id)?))
}

/// Puts the same of somebody new.
pub(super) fn put_of_person(db: &Connection, id: PersonId, of: Option<AccountPatch>, over: &[Uuid]) -> Result<()> {
    if let Some(patch) = of
        && put_account(db, id, patch)? != AccountPut::Put
    {
        return Err(Error::Bug("somebody else signs in so".into()));
    }
    let mut put = db.prepare_cached("INSERT INTO manages (part_id, person, resource) VALUES (?1, ?2, ?3)")?;
    for resource in over {
        put.execute(params![PART, id.0, resource])?;
    }
    Ok(())
}

fn has_admin_besides(db: &Connection, id: PersonId) -> Result<bool> {
    const ADMINS: &str = "SELECT 1 FROM person WHERE part_id = ?1 AND role = ?2 AND suspended = 0 AND id <> ?3 LIMIT 1";
    Ok(db.prepare_cached(ADMINS)?.exists(params![PART, codec::role_name(Role::Admin), id.0])?)
}

fn only_admin(db: &Connection, id: PersonId) -> Result<bool> {
    let is_admin = person(db, id)?.is_some_and(|card| card.role == Role::Admin);
    Ok(is_admin && !has_admin_besides(db, id)?)
}

#[async_trait]
impl Accounts for Embedded {
    async fn doors(&self, secrets: Vec<Sha256>, now: Instant) -> Asked<Vec<Option<Door>>> {
        match self.people.remembered_doors(&secrets, now) {
            Some(doors) => Ok(doors),
            None => self.with_people(move |people| people.doors(&secrets, now)).await,
        }
    }

    async fn account(&self, of: AccountOf) -> Asked<Option<Account>> {
        self.with_people(move |people| people.account(&of)).await
    }

    async fn put_account(&self, person: PersonId, patch: AccountPatch) -> Asked<AccountPut> {
        self.with_people(move |people| people.put_account(person, patch)).await
    }

    async fn put_secret(&self, secret: Secret) -> Asked<()> {
        self.with_people(move |people| people.put_secret(&secret)).await
    }

    async fn take_secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Asked<Option<Secret>> {
        self.with_people(move |people| people.take_secret(sha256, kind, now)).await
    }

    async fn secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Asked<Option<Secret>> {
        self.with_people(move |people| people.secret(sha256, kind, now)).await
    }

    async fn secrets_of(&self, person: PersonId, kind: SecretKind) -> Asked<Vec<Secret>> {
        self.with_people(move |people| people.secrets_of(person, kind)).await
    }

    async fn invitations(&self, now: Instant, max: usize) -> Asked<Vec<Secret>> {
        self.with_people(move |people| people.invitations(now, max)).await
    }

    async fn end_secrets(&self, person: PersonId, kinds: Vec<SecretKind>, which: Which) -> Asked<u64> {
        self.with_people(move |people| people.end_secrets(person, &kinds, which)).await
    }

    async fn seen(&self, sha256: Sha256, now: Instant) -> Asked<()> {
        self.with_people(move |people| people.seen(sha256, now)).await
    }

    async fn forget_secrets(&self, now: Instant) -> Asked<u64> {
        self.with_people(move |people| people.forget_secrets(now)).await
    }

    async fn manages(&self, person: PersonId) -> Asked<BTreeSet<ResourceId>> {
        self.with_people(move |people| people.manages_of(person)).await
    }

    async fn put_role(&self, person: PersonId, role: Role, over: BTreeSet<ResourceId>) -> Asked<RolePut> {
        self.with_people(move |people| people.put_role(person, role, &over)).await
    }

    async fn put_suspended(&self, person: PersonId, suspended: bool) -> Asked<RolePut> {
        self.with_people(move |people| people.put_suspended(person, suspended)).await
    }

    async fn has_admin(&self) -> Asked<bool> {
        self.with_people(People::has_admin).await
    }

    async fn note(&self, deed: Deed) -> Asked<()> {
        self.with_people(move |people| people.note(&deed)).await
    }

    async fn deeds(&self, before: Option<Uuid>, max: usize) -> Asked<Vec<Deed>> {
        self.with_people(move |people| people.deeds(before, max)).await
    }
}
