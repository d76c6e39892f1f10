//! How people come in: accounts, sessions, API keys and one-time links, who manages what, and what was done with all of it.
//! It holds no secret, only hashes, and judges nothing of bookings.

use crate::port::{PersonCard, StoreError};
use async_trait::async_trait;
use slotwise_domain::{Instant, PersonId, ResourceId, Role};
use std::collections::BTreeSet;
use uuid::Uuid;

/// The SHA-256 of a secret that nobody can guess: such need no slow hash.
pub type Sha256 = [u8; 32];

/// Doors, apart from the record like people.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Whom these sessions and keys let in now, in their order; nobody whom none lets in, or who is suspended.
    async fn doors(&self, secrets: Vec<Sha256>, now: Instant) -> Result<Vec<Option<Door>>, StoreError>;

    /// The same of one.
    async fn door(&self, sha256: Sha256, now: Instant) -> Result<Option<Door>, StoreError> {
        Ok(self.doors(vec![sha256], now).await?.into_iter().flatten().next())
    }

    /// An account; `None` too if its person is suspended.
    async fn account(&self, of: AccountOf) -> Result<Option<Account>, StoreError>;

    /// Changes what is given of a person's account, and makes it if there is none.
    async fn put_account(&self, person: PersonId, patch: AccountPatch) -> Result<AccountPut, StoreError>;

    /// Keeps a secret from now on.
    async fn put_secret(&self, secret: Secret) -> Result<(), StoreError>;

    /// Makes an API key for a person that allows all they may do.
    async fn put_key(&self, sha256: Sha256, person: PersonId, label: String) -> Result<(), StoreError> {
        self.put_secret(Secret::key(sha256, person, label)).await
    }

    /// Takes a secret of a kind: of all who ask for one, one has it. What is past its time is nobody's.
    async fn take_secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Result<Option<Secret>, StoreError>;

    /// A secret of a kind as it is, without taking it.
    async fn secret(&self, sha256: Sha256, kind: SecretKind, now: Instant) -> Result<Option<Secret>, StoreError>;

    /// Secrets of a person of a kind, the latest first.
    async fn secrets_of(&self, person: PersonId, kind: SecretKind) -> Result<Vec<Secret>, StoreError>;

    /// Invitations that may still be accepted, the latest first, at most `max`.
    async fn invitations(&self, now: Instant, max: usize) -> Result<Vec<Secret>, StoreError>;

    /// Ends secrets of a person, and says how many.
    async fn end_secrets(&self, person: PersonId, kinds: Vec<SecretKind>, which: Which) -> Result<u64, StoreError>;

    /// A secret was used.
    async fn seen(&self, sha256: Sha256, now: Instant) -> Result<(), StoreError>;

    /// Forgets secrets whose time is over, and says how many.
    async fn forget_secrets(&self, now: Instant) -> Result<u64, StoreError>;

    /// Resources and groups that somebody manages, if their role is that.
    async fn manages(&self, person: PersonId) -> Result<BTreeSet<ResourceId>, StoreError>;

    /// What somebody may do from now on.
    async fn put_role(&self, person: PersonId, role: Role, over: BTreeSet<ResourceId>) -> Result<RolePut, StoreError>;

    /// Suspends somebody or lets them in again: while suspended nothing lets them in and they can be decided for by nobody.
    async fn put_suspended(&self, person: PersonId, suspended: bool) -> Result<RolePut, StoreError>;

    /// Whether there is an admin who is not suspended.
    async fn has_admin(&self) -> Result<bool, StoreError>;

    /// Writes down what was done.
    async fn note(&self, deed: Deed) -> Result<(), StoreError>;

    /// What was done, the latest first, before one, at most `max`.
    async fn deeds(&self, before: Option<Uuid>, max: usize) -> Result<Vec<Deed>, StoreError>;
}

/// Deeds that are kept; the oldest go first.
pub const DEEDS_MAX: i64 = 1_000_000;

/// Resources and groups that one person may be said to manage.
pub const MANAGES_MAX: usize = 500;

/// By what somebody is let in.
#[derive(Clone, Debug, PartialEq)]
pub struct Door {
    /// Who.
    pub card: PersonCard,
    /// What they manage: resources, and groups with all that is in them.
    pub manages: BTreeSet<ResourceId>,
    /// The session or the key.
    pub secret: Secret,
}

/// A session, a key or a one-time link, as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Secret {
    /// The hash of what its owner has.
    pub sha256: Sha256,
    /// What it is for.
    pub kind: SecretKind,
    /// Whose; nobody's for [`SecretKind::Setup`].
    pub person: Option<PersonId>,
    /// So that it is known again: a label, or the browser.
    pub label: String,
    /// What it allows of what its person may do.
    pub scopes: Scopes,
    /// Since when.
    pub made_at: Instant,
    /// By whom, if not by the person.
    pub made_by: Option<PersonId>,
    /// When it was used last, within some minutes.
    pub seen_at: Option<Instant>,
    /// When it ends; a key may last.
    pub until: Option<Instant>,
}

impl Secret {
    /// A key that allows all its person may do, and lasts.
    pub const fn key(sha256: Sha256, person: PersonId, label: String) -> Secret {
        Secret {
            sha256,
            kind: SecretKind::Key,
            person: Some(person),
            label,
            scopes: Scopes::ALL,
            made_at: Instant(0),
            made_by: None,
            seen_at: None,
            until: None,
        }
    }

    /// Its name: half of its hash, which tells nothing of it.
    pub fn id(&self) -> Uuid {
        secret_id(&self.sha256)
    }

    /// Whether it is of use at an instant.
    pub fn lives(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// The name of a secret.
pub fn secret_id(sha256: &Sha256) -> Uuid {
    let mut half = [0; 16];
    half.copy_from_slice(sha256.split_at(16).0);
    Uuid::from_bytes(half)
}

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretKind {
    /// A browser that is signed in.
    Session,
    /// A program.
    Key,
    /// A link by which somebody begins.
    Invitation,
    /// A link by which somebody chooses a new password.
    Reset,
    /// The code of the first start.
    Setup,
}

/// What a key allows of what its person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scopes(pub u8);

impl Scopes {
    /// To look.
    pub const READ: Scopes = Scopes(1);
    /// To change bookings of one's own.
    pub const BOOK: Scopes = Scopes(2);
    /// To change resources, and bookings of others on them.
    pub const MANAGE: Scopes = Scopes(4);
    /// To change people.
    pub const ADMIN: Scopes = Scopes(8);
    /// All of it.
    pub const ALL: Scopes = Scopes(15);

    /// All names, in their order.
    pub const NAMED: [(&'static str, Scopes); 4] =
        [("read", Scopes::READ), ("book", Scopes::BOOK), ("manage", Scopes::MANAGE), ("admin", Scopes::ADMIN)];

    /// Whether all of these are among them.
    pub const fn allow(self, other: Scopes) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Scopes) -> Scopes {
        Scopes(self.0 | other.0)
    }

    /// The most that a key of somebody with this role may allow.
    pub const fn of_role(role: Role) -> Scopes {
        match role {
            Role::Member => Scopes(1 | 2),
            Role::Auditor => Scopes::READ,
            Role::Manager => Scopes(1 | 2 | 4),
            Role::Admin => Scopes::ALL,
        }
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        Scopes::NAMED.iter().filter(|(_, scope)| self.allow(*scope)).map(|(name, _)| *name).collect()
    }

    /// The scope of a name.
    pub fn named(name: &str) -> Option<Scopes> {
        Scopes::NAMED.iter().find(|(known, _)| *known == name).map(|(_, scope)| *scope)
    }
}

/// Which secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// The one of this name.
    Only(Uuid),
    /// All but this.
    But(Sha256),
}

/// Whose account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountOf {
    /// Of a person.
    Person(PersonId),
    /// Of whoever signs in with this address, in small letters.
    Login(String),
    /// Of whoever a provider calls so.
    Subject(Subject),
}

/// What a provider calls somebody: never anybody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// The provider.
    pub issuer: String,
    /// Its name for them.
    pub subject: String,
}

/// How somebody signs in, and how they like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub person: PersonId,
    /// The address they sign in with.
    pub login: Option<String>,
    /// Their password, hashed slowly (a PHC string).
    pub password: Option<String>,
    /// What a provider calls them.
    pub subject: Option<Subject>,
    /// Their language, such as `de`; empty if they did not say.
    pub language: String,
    /// Their zone, such as `Europe/Berlin`; empty if they did not say.
    pub zone: String,
}

/// What shall be otherwise of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountPatch {
    /// The address they sign in with.
    pub login: Option<String>,
    /// The hash of their password.
    pub password: Option<String>,
    /// What a provider calls them.
    pub subject: Option<Subject>,
    /// Their language.
    pub language: Option<String>,
    /// Their zone.
    pub zone: Option<String>,
}

impl Account {
    /// Of somebody of whom nothing is known yet.
    pub const fn of(person: PersonId) -> Account {
        Account { person, login: None, password: None, subject: None, language: String::new(), zone: String::new() }
    }

    /// With what is otherwise.
    #[must_use]
    pub fn patched(self, patch: AccountPatch) -> Account {
        Account {
            person: self.person,
            login: patch.login.or(self.login),
            password: patch.password.or(self.password),
            subject: patch.subject.or(self.subject),
            language: patch.language.unwrap_or(self.language),
            zone: patch.zone.unwrap_or(self.zone),
        }
    }
}

/// What became of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountPut {
    /// It is so now.
    Put,
    /// Somebody else signs in so.
    Taken,
    /// There is no such person.
    NoPerson,
}

/// What became of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolePut {
    /// It is so now.
    Put,
    /// They are the only admin, and nothing was changed.
    LastAdmin,
    /// There is no such person.
    NoPerson,
}

/// Something done with doors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Its name, which tells when (a UUIDv7).
    pub id: Uuid,
    /// When.
    pub at: Instant,
    /// By whom, if anybody was known.
    pub by: Option<PersonId>,
    /// To whom.
    pub person: Option<PersonId>,
    /// What, such as `signed_in`.
    pub what: String,
    /// What else there is to say; never a secret.
    pub detail: String,
    /// From which address.
    pub address: String,
}
