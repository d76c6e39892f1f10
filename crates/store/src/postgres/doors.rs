//! Accounts, sessions, keys, one-time links, who manages what, and what was done with them, beside the people they belong to.
//! It keeps hashes and no secret.

use super::Postgres;
use super::error::{Error, Result};
use super::load::limit;
use super::people::card_from;
use super::pool::{args, rows};
use super::sql;
use crate::codec;
use async_trait::async_trait;
use slotwise_domain::{Instant, PersonId, ResourceId, Role};
use slotwise_engine::StoreError;
use slotwise_engine::doors::{
    Account, AccountOf, AccountPatch, AccountPut, Accounts, DEEDS_MAX, Deed, Door, RolePut, Scopes, Secret, SecretKind,
    Sha256, Subject, Which,
};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::{Client, Row};
use uuid::Uuid;

type Asked<T> = std::result::Result<T, StoreError>;

#[async_trait]
impl Accounts for Postgres {
    async fn doors(&self, secrets: Vec<Sha256>, now: Instant) -> Asked<Vec<Option<Door>>> {
        let doors = match secrets[..] {
            [one] => {
                let read = async { Ok(self.read_doors(vec![one]).await?.pop().flatten()) };
                vec![self.shared.doors.get(one, read).await?]
            }
            _ => self.read_doors(secrets).await?,
        };
        Ok(doors.into_iter().map(|door| door.filter(|door| door.secret.lives(now))).collect())
    }

    async fn account(&self, of: AccountOf) -> Asked<Option<Account>> {
        let part = self.shared.part;
        let (sql, values) = match of {
            AccountOf::Person(id) => (sql::ACCOUNT_OF, args![part, id.0]),
            AccountOf::Login(login) => (sql::ACCOUNT_BY_LOGIN, args![part, login]),
            AccountOf::Subject(s) => (sql::ACCOUNT_BY_SUBJECT, args![part, s.issuer, s.subject]),
        };
        let found = self.shared.readers.rows(sql, values).await?;
        Ok(found.first().map(account).transpose()?)
    }

    async fn put_account(&self, person: PersonId, patch: AccountPatch) -> Asked<AccountPut> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                if rows(client, sql::PERSON_HELD, &args![part, person.0]).await?.is_empty() {
                    return Ok(false);
                }
                let kept = rows(client, sql::ACCOUNT_KEPT, &args![part, person.0]).await?;
                let before = kept.first().map(account).transpose()?.unwrap_or(Account::of(person));
                put_account(client, part, before.patched(patch)).await?;
                Ok(true)
            })
        });
        match put.await {
            Ok(true) => Ok(AccountPut::Put),
            Ok(false) => Ok(AccountPut::NoPerson),
            Err(e) if e.key_taken() => Ok(AccountPut::Taken),
            Err(e) => Err(e.into()),
        }
    }

    async fn put_secret(&self, secret: Secret) -> Asked<()> {
        let Secret { sha256, kind, person, label, scopes, made_at, made_by, seen_at, until } = secret;
        let (person, made_by, kind) =
            (person.map(|id| id.0), made_by.map(|id| id.0), codec::secret_kind_name(kind).to_owned());
        let (seen_at, until, scopes) = (seen_at.map(|at| at.0), until.map(|at| at.0), i64::from(scopes.0));
        let values =
            args![self.shared.part, sha256.to_vec(), kind, person, label, scopes, made_at.0, made_by, seen_at, until];
        match self.shared.readers.rows(sql::SECRET_PUT, values).await {
            Ok(_) => Ok(()),
            Err(Error::Sql(e)) if e.code() == Some(&tokio_postgres::error::SqlState::FOREIGN_KEY_VIOLATION) => {
                Err(StoreError("there is no such person".into()))
            }
            Err(e) => Err(e.into()),
        }
    }

    async fn take_secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Asked<Option<Secret>> {
        let values = args![self.shared.part, sha256.to_vec(), codec::secret_kind_name(kind).to_owned()];
        let found = self.shared.readers.rows(sql::SECRET_TAKEN, values).await?;
        self.shared.rights_changed();
        Ok(found.first().map(secret_of).transpose()?.filter(|s| s.lives(now)))
    }

    async fn secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Asked<Option<Secret>> {
        let values = args![self.shared.part, sha256.to_vec(), codec::secret_kind_name(kind).to_owned()];
        let found = self.shared.readers.rows(sql::SECRET, values).await?;
        Ok(found.first().map(secret_of).transpose()?.filter(|s| s.lives(now)))
    }

    async fn secrets_of(&self, person: PersonId, kind: SecretKind) -> Asked<Vec<Secret>> {
        let values = args![self.shared.part, person.0, codec::secret_kind_name(kind).to_owned()];
        let found = self.shared.readers.rows(sql::SECRETS_OF, values).await?;
        Ok(found.iter().map(secret_of).collect::<Result<_>>()?)
    }

    async fn invitations(&self, now: Instant, max: usize) -> Asked<Vec<Secret>> {
        let kind = codec::secret_kind_name(SecretKind::Invitation).to_owned();
        let found =
            self.shared.readers.rows(sql::SECRETS_OPEN, args![self.shared.part, kind, now.0, limit(max)]).await?;
        Ok(found.iter().map(secret_of).collect::<Result<_>>()?)
    }

    async fn end_secrets(&self, person: PersonId, kinds: Vec<SecretKind>, which: Which) -> Asked<u64> {
        let kinds: Vec<String> = kinds.into_iter().map(|kind| codec::secret_kind_name(kind).to_owned()).collect();
        // A name is the first half of a hash: all hashes that begin so lie between these.
        let half = |id: Uuid, rest: u8| [id.as_bytes().as_slice(), &[rest; 16]].concat();
        let (low, high, but) = match which {
            Which::All => (None, None, None),
            Which::Only(id) => (Some(half(id, 0)), Some(half(id, u8::MAX)), None),
            Which::But(sha256) => (None, None, Some(sha256.to_vec())),
        };
        let values = args![self.shared.part, person.0, kinds, low, high, but];
        let ended = self.shared.readers.rows(sql::SECRETS_ENDED, values).await?.len() as u64;
        self.shared.rights_changed();
        Ok(ended)
    }

    async fn seen(&self, sha256: Sha256, now: Instant) -> Asked<()> {
        let values = args![self.shared.part, sha256.to_vec(), now.0];
        self.shared.readers.rows(sql::SECRET_SEEN, values).await?;
        Ok(())
    }

    async fn forget_secrets(&self, now: Instant) -> Asked<u64> {
        let (part, readers) = (self.shared.part, &self.shared.readers);
        readers.rows(sql::DEEDS_OVER, args![part, DEEDS_MAX]).await?;
        Ok(readers.rows(sql::SECRETS_OVER, args![part, now.0]).await?.len() as u64)
    }

    async fn manages(&self, person: PersonId) -> Asked<BTreeSet<ResourceId>> {
        let found = self.shared.readers.rows(sql::MANAGED, args![self.shared.part, vec![person.0]]).await?;
        Ok(found.iter().map(|row| Ok(managed(row)?.1)).collect::<Result<_>>()?)
    }

    async fn put_role(&self, person: PersonId, role: Role, over: BTreeSet<ResourceId>) -> Asked<RolePut> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                if role != Role::Admin && only_admin(client, part, person).await? {
                    return Ok(RolePut::LastAdmin);
                }
                let name = codec::role_name(role).to_owned();
                if rows(client, sql::ROLE_PUT, &args![part, person.0, name]).await?.is_empty() {
                    return Ok(RolePut::NoPerson);
                }
                rows(client, sql::MANAGES_GONE, &args![part, person.0]).await?;
                let over: Vec<Uuid> = over.into_iter().map(|id| id.0).collect();
                rows(client, sql::MANAGES_PUT, &args![part, person.0, over]).await?;
                Ok(RolePut::Put)
            })
        });
        let put = put.await;
        self.shared.rights_changed();
        Ok(put?)
    }

    async fn put_suspended(&self, person: PersonId, suspended: bool) -> Asked<RolePut> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                if suspended && only_admin(client, part, person).await? {
                    return Ok(RolePut::LastAdmin);
                }
                let set = rows(client, sql::SUSPENDED_SET, &args![part, person.0, suspended]).await?;
                Ok(if set.is_empty() { RolePut::NoPerson } else { RolePut::Put })
            })
        });
        let put = put.await;
        self.shared.rights_changed();
        Ok(put?)
    }

    async fn has_admin(&self) -> Asked<bool> {
        Ok(!self.shared.readers.rows(sql::ADMIN_ANY, args![self.shared.part]).await?.is_empty())
    }

    async fn note(&self, deed: Deed) -> Asked<()> {
        let Deed { id, at, by, person, what, detail, address } = deed;
        let (by, person) = (by.map(|id| id.0), person.map(|id| id.0));
        let values = args![self.shared.part, id, at.0, by, person, what, detail, address];
        self.shared.readers.rows(sql::DEED_ADD, values).await?;
        Ok(())
    }

    async fn deeds(&self, before: Option<Uuid>, max: usize) -> Asked<Vec<Deed>> {
        let found = self.shared.readers.rows(sql::DEEDS, args![self.shared.part, before, limit(max)]).await?;
        Ok(found.iter().map(deed).collect::<Result<_>>()?)
    }
}

impl Postgres {
    /// Whom these let in, in their order, also those whose time is over.
    async fn read_doors(&self, secrets: Vec<Sha256>) -> Result<Vec<Option<Door>>> {
        let (part, readers) = (self.shared.part, &self.shared.readers);
        let hashes: Vec<Vec<u8>> = secrets.iter().map(|s| s.to_vec()).collect();
        let found = readers.rows(sql::DOORS, args![part, hashes]).await?;
        let mut doors = BTreeMap::new();
        for row in &found {
            let (secret, card) = (secret_of(row)?, card_from(row, 9)?);
            doors.insert(secret.sha256, Door { card, manages: BTreeSet::new(), secret });
        }
        let managers: BTreeSet<Uuid> =
            doors.values().filter(|d| d.card.role == Role::Manager).map(|d| d.card.id.0).collect();
        if !managers.is_empty() {
            let of_them: Vec<Uuid> = managers.into_iter().collect();
            for row in readers.rows(sql::MANAGED, args![part, of_them]).await? {
                let (id, resource) = managed(&row)?;
                for door in doors.values_mut().filter(|door| door.card.id == id) {
                    door.manages.insert(resource);
                }
            }
        }
        Ok(secrets.iter().map(|sha256| doors.get(sha256).cloned()).collect())
    }
}

/// How somebody comes in and what they manage, as an export tells of it.
pub(super) async fn fill(
    client: &Client,
    part: i64,
    person: PersonId,
    account: Option<AccountPatch>,
    manages: Vec<Uuid>,
) -> Result<()> {
    if let Some(patch) = account {
        put_account(client, part, Account::of(person).patched(patch)).await?;
    }
    rows(client, sql::MANAGES_PUT, &args![part, person.0, manages]).await.map(drop)
}

async fn put_account(client: &Client, part: i64, account: Account) -> Result<()> {
    let Account { person, login, password, subject, language, zone } = account;
    let (issuer, subject) = subject.map(|s| (s.issuer, s.subject)).unzip();
    let values = args![part, person.0, login, password, issuer, subject, language, zone];
    rows(client, sql::ACCOUNT_PUT, &values).await.map(drop)
}

async fn only_admin(client: &Client, part: i64, id: PersonId) -> Result<bool> {
    let admins = super::load::ids(&rows(client, sql::ADMINS_HELD, &args![part]).await?)?;
    Ok(admins == [id.0])
}

pub(super) fn managed(row: &Row) -> Result<(PersonId, ResourceId)> {
    Ok((PersonId(row.try_get(0)?), ResourceId(row.try_get(1)?)))
}

fn secret_of(row: &Row) -> Result<Secret> {
    let hash: Vec<u8> = row.try_get(0)?;
    let person = |n| -> Result<Option<PersonId>> { Ok(row.try_get::<_, Option<Uuid>>(n)?.map(PersonId)) };
    let instant = |n| -> Result<Option<Instant>> { Ok(row.try_get::<_, Option<i64>>(n)?.map(Instant)) };
    Ok(Secret {
        sha256: hash.try_into().map_err(|_| Error::bug("a hash is not 32 bytes long"))?,
        kind: codec::secret_kind_named(row.try_get(1)?)?,
        person: person(2)?,
        label: row.try_get(3)?,
        scopes: Scopes(u8::try_from(row.try_get::<_, i64>(4)?).unwrap_or_default()),
        made_at: Instant(row.try_get(5)?),
        made_by: person(6)?,
        seen_at: instant(7)?,
        until: instant(8)?,
    })
}

pub(super) fn account(row: &Row) -> Result<Account> {
    let (issuer, subject): (Option<String>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
    Ok(Account {
        person: PersonId(row.try_get(0)?),
        login: row.try_get(1)?,
        password: row.try_get(2)?,
        subject: issuer.zip(subject).map(|(issuer, subject)| Subject { issuer, subject }),
        language: row.try_get(5)?,
        zone: row.try_get(6)?,
    })
}

fn deed(row: &Row) -> Result<Deed> {
    Ok(Deed {
        id: row.try_get(0)?,
        at: Instant(row.try_get(1)?),
        by: row.try_get::<_, Option<Uuid>>(2)?.map(PersonId),
        person: row.try_get::<_, Option<Uuid>>(3)?.map(PersonId),
        what: row.try_get(4)?,
        detail: row.try_get(5)?,
        address: row.try_get(6)?,
    })
}
