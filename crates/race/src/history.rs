//! What was asked, told, shown and heard in one round, as plain records: all that the oracle ever sees.
//! It judges nothing, and no type in it is the server's.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use uuid::Uuid;

/// Microseconds of our own clock since the round began.
pub type Us = i64;
/// Microseconds of the server's clock since 1970.
pub type ServerUs = i64;
/// The number of a record in its history.
pub type Number = usize;

/// Lines of a history that is read back.
const LINES_MAX: usize = 1_000_000;

/// One round of a scenario.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The scenario's name, the round, and the seed of its chance.
    pub about: About,
    /// What was raced for.
    pub things: Vec<Thing>,
    /// Requests that change something.
    pub calls: Vec<Call>,
    /// What somebody saw.
    pub views: Vec<View>,
    /// What a socket began to listen to.
    pub subscribed: Vec<Subscribed>,
    /// What sockets heard.
    pub heard: Vec<Heard>,
    /// How everything stood at the end.
    pub ends: Vec<End>,
}

/// Which round this is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct About {
    /// The scenario's name.
    pub scenario: String,
    /// The round, from 1.
    pub round: u32,
    /// What chance began with.
    pub seed: u64,
    /// Where the server is.
    pub server: String,
    /// The name of the run, which everything it made begins with.
    pub run: String,
}

/// Something that was raced for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thing {
    /// Its number.
    pub n: Number,
    /// How the scenario calls it.
    pub name: String,
    /// Its id.
    pub id: Uuid,
    /// Units at the beginning; `None` for no end of them.
    pub capacity: Option<u64>,
    /// `section`, `room`, ….
    pub kind: String,
    /// Its rules as the server says them.
    pub policy: Value,
    /// Its policy version at the beginning.
    pub policy_version: u64,
    /// Its version at the beginning.
    pub version: Version,
    /// From this instant on booking is too late, if the rules say so by elapsed time.
    pub book_by: Option<ServerUs>,
    /// From this instant on cancelling is too late.
    pub cancel_by: Option<ServerUs>,
}

/// A version of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Raised by a restore.
    pub epoch: u64,
    /// Raised by every accepted command.
    pub version: u64,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.epoch, self.version)
    }
}

/// Units of a resource from one instant to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Take {
    /// Of which resource.
    pub resource: Uuid,
    /// From.
    pub start: ServerUs,
    /// Until.
    pub end: ServerUs,
    /// How many.
    pub units: u64,
}

impl Take {
    /// Whether both want the same resource at some instant.
    pub fn meets(&self, other: &Take) -> bool {
        self.resource == other.resource && self.start < other.end && other.start < self.end
    }
}

/// What a call asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Book.
    Book,
    /// Hold.
    Hold,
    /// Book with a hold.
    Confirm,
    /// Keep a hold longer.
    Renew,
    /// Give a hold back.
    Release,
    /// Give a booking up.
    Cancel,
    /// Wait.
    Join,
    /// Wait no more.
    Leave,
    /// Take what is offered.
    Accept,
    /// Give back what is offered.
    Decline,
    /// Say how many units there are.
    SetCapacity,
    /// Edit a resource otherwise.
    Edit,
    /// Put a booking elsewhere.
    Move,
    /// Let two bookings take each other's places.
    Swap,
    /// Book several days as one attempt.
    Series,
    /// Take time out of use.
    Block,
    /// Book over whatever stands there.
    Override,
}

impl What {
    /// In a word.
    pub const fn word(self) -> &'static str {
        match self {
            What::Book => "book",
            What::Hold => "hold",
            What::Confirm => "confirm",
            What::Renew => "renew",
            What::Release => "release",
            What::Cancel => "cancel",
            What::Join => "join",
            What::Leave => "leave",
            What::Accept => "accept",
            What::Decline => "decline",
            What::SetCapacity => "set_capacity",
            What::Edit => "edit",
            What::Move => "move",
            What::Swap => "swap",
            What::Series => "series",
            What::Block => "block",
            What::Override => "override",
        }
    }
}

/// One request that changes something, and what was answered. Several with one key are one attempt.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Call {
    /// Its number.
    pub n: Number,
    /// Who asked: the actor's name and number.
    pub actor: String,
    /// The person that they are.
    pub person: Uuid,
    /// What for.
    pub what: What,
    /// The idempotency key.
    pub key: Uuid,
    /// What it would take; of a swap, what the booking it is about would, and then the other.
    pub takes: Vec<Take>,
    /// The booking, hold or place in line that it is about.
    pub about: Option<Uuid>,
    /// The token that it sends along.
    #[serde(default)]
    pub token: Option<String>,
    /// The other booking of a swap.
    #[serde(default)]
    pub with: Option<Uuid>,
    /// The bookings that it would displace.
    #[serde(default)]
    pub displaces: Vec<Uuid>,
    /// Everything or nothing is wanted.
    #[serde(default)]
    pub whole: bool,
    /// The resource whose rules it edits.
    pub resource: Option<Uuid>,
    /// The policy version that it names.
    pub if_match: Option<u64>,
    /// Units that there are to be; for no end of them `None` too.
    pub to: Option<u64>,
    /// When it was sent.
    pub sent: Us,
    /// When its answer was read; `None` if none came.
    pub answered: Option<Us>,
    /// The answer.
    pub answer: Option<Answer>,
    /// Sent once more when the race was over, to see that the answer stays.
    pub after: bool,
    /// The answer was thrown away on purpose.
    pub cut: bool,
}

/// What was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, `FAILED`; `None` for no outcome.
    pub outcome: Option<Outcome>,
    /// Why not.
    pub code: Option<String>,
    /// It says of itself that it was told before.
    pub replayed: bool,
    /// When it was decided, by the server's clock.
    pub decided_at: Option<ServerUs>,
    /// The versions that it made.
    pub versions: Vec<(Uuid, Version)>,
    /// The booking, hold or place in line that it made or is about.
    pub made: Option<Uuid>,
    /// The token of a hold.
    pub token: Option<String>,
    /// When a hold is over.
    pub expires_at: Option<ServerUs>,
    /// What a refusal points at: kind and id.
    pub witness: Option<(String, Option<Uuid>)>,
    /// Of a series, the booking of each day, in order; `None` where there is none.
    #[serde(default)]
    pub dates: Vec<Option<Uuid>>,
}

/// How an execution ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Outcome {
    /// It is had.
    Booked,
    /// It is done.
    Accepted,
    /// A rule would be broken.
    Rejected,
    /// Nothing was changed.
    Failed,
}

impl Outcome {
    /// Reads the word of an answer.
    pub fn read(word: &str) -> Option<Outcome> {
        match word {
            "BOOKED" => Some(Outcome::Booked),
            "ACCEPTED" => Some(Outcome::Accepted),
            "REJECTED" => Some(Outcome::Rejected),
            "FAILED" => Some(Outcome::Failed),
            _ => None,
        }
    }

    /// As answers say it.
    pub const fn word(self) -> &'static str {
        match self {
            Outcome::Booked => "BOOKED",
            Outcome::Accepted => "ACCEPTED",
            Outcome::Rejected => "REJECTED",
            Outcome::Failed => "FAILED",
        }
    }

    /// Whether it changed something, or found it so.
    pub const fn is_yes(self) -> bool {
        matches!(self, Outcome::Booked | Outcome::Accepted)
    }
}

impl Answer {
    /// In short: `BOOKED`, `REJECTED full`, `429 rate_limited`.
    pub fn short(&self) -> String {
        let code = self.code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
        match self.outcome {
            Some(outcome) => format!("{}{code}", outcome.word()),
            None => format!("{}{code}", self.status),
        }
    }
}

impl Call {
    /// In short, what came of it.
    pub fn told(&self) -> String {
        self.answer.as_ref().map_or_else(|| "no answer".into(), Answer::short)
    }
}

/// What somebody saw of a resource.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct View {
    /// Its number.
    pub n: Number,
    /// Who looked.
    pub actor: String,
    /// Where: `resource`, `search`, `schedule`.
    pub place: String,
    /// At what.
    pub resource: Uuid,
    /// When it was asked for.
    pub sent: Us,
    /// When it was read.
    pub answered: Us,
    /// The version that it says it shows.
    pub version: Version,
    /// Units that it says are left.
    pub remaining: Option<i64>,
    /// Units there are.
    pub capacity: Option<u64>,
    /// What it says in a word.
    pub badge: Option<String>,
    /// For which time, where it is shown for one.
    pub of: Option<(ServerUs, ServerUs)>,
}

/// A socket listens to a resource from a version on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Subscribed {
    /// Its number.
    pub n: Number,
    /// Whose socket.
    pub actor: String,
    /// To what.
    pub resource: Uuid,
    /// From after this version on.
    pub version: Version,
    /// It is no socket but the record, read when all was over.
    pub record: bool,
}

/// An event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// Its number.
    pub n: Number,
    /// Whose socket.
    pub actor: String,
    /// When it was heard.
    pub at: Us,
    /// Its name.
    pub event: String,
    /// Of which resource.
    pub resource: Option<Uuid>,
    /// At which version.
    pub version: Option<Version>,
    /// Which part of it, of how many.
    pub part: Option<(u64, u64)>,
    /// By which attempt.
    pub attempt: Option<Uuid>,
    /// About which booking.
    pub booking: Option<Uuid>,
    /// It is no socket but the record.
    pub record: bool,
}

/// How a resource stood when all was over.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    /// Its number.
    pub n: Number,
    /// Which.
    pub resource: Uuid,
    /// At this version.
    pub version: Version,
    /// Units there are.
    pub capacity: Option<u64>,
    /// Its policy version.
    pub policy_version: u64,
    /// Units left, where it is told.
    pub remaining: Option<i64>,
    /// More may be taken, because an admin said so.
    pub over_commit: u64,
    /// Bookings, also cancelled ones.
    pub bookings: Vec<EndBooking>,
    /// Holds that live.
    pub holds: Vec<Take>,
    /// Places in line, also ended ones.
    pub entries: Vec<EndEntry>,
}

/// A booking at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndBooking {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub owner: Option<Uuid>,
    /// `confirmed`, `cancelled`, ….
    pub state: String,
    /// What it takes of this resource.
    pub takes: Vec<Take>,
    /// When it was made.
    pub created_at: Option<ServerUs>,
}

impl EndBooking {
    /// Whether it takes its units.
    pub fn stands(&self) -> bool {
        matches!(self.state.as_str(), "confirmed" | "checked_in")
    }
}

/// A place in line at the end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EndEntry {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub owner: Option<Uuid>,
    /// `waiting`, `promoted`, ….
    pub state: String,
    /// What is waited for.
    pub take: Take,
    /// The priority.
    pub class: i64,
    /// The booking that came of it.
    pub booking: Option<Uuid>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
enum Line {
    About(About),
    Thing(Thing),
    Call(Box<Call>),
    View(View),
    Subscribed(Subscribed),
    Heard(Heard),
    End(End),
}

impl History {
    /// Everything that is numbered, with how it reads in a line, in order.
    pub fn number_max(&self) -> Number {
        let calls = self.calls.iter().map(|c| c.n).chain(self.views.iter().map(|v| v.n));
        let heard = calls.chain(self.heard.iter().map(|h| h.n)).chain(self.subscribed.iter().map(|s| s.n));
        heard.chain(self.ends.iter().map(|e| e.n)).chain(self.things.iter().map(|t| t.n)).max().unwrap_or(0)
    }

    /// How the scenario calls a resource.
    pub fn name_of(&self, resource: Uuid) -> &str {
        self.things.iter().find(|t| t.id == resource).map_or("something else", |t| t.name.as_str())
    }

    /// Writes it as lines of JSON.
    pub fn write(&self, to: &mut dyn Write) -> anyhow::Result<()> {
        let mut line = |line: &Line| -> anyhow::Result<()> {
            serde_json::to_writer(&mut *to, line)?;
            to.write_all(b"\n")?;
            Ok(())
        };
        line(&Line::About(self.about.clone()))?;
        let mut lines: BTreeMap<Number, Line> = BTreeMap::new();
        lines.extend(self.things.iter().map(|x| (x.n, Line::Thing(x.clone()))));
        lines.extend(self.calls.iter().map(|x| (x.n, Line::Call(Box::new(x.clone())))));
        lines.extend(self.views.iter().map(|x| (x.n, Line::View(x.clone()))));
        lines.extend(self.subscribed.iter().map(|x| (x.n, Line::Subscribed(x.clone()))));
        lines.extend(self.heard.iter().map(|x| (x.n, Line::Heard(x.clone()))));
        lines.extend(self.ends.iter().map(|x| (x.n, Line::End(x.clone()))));
        lines.values().try_for_each(line)
    }

    /// Reads what was written.
    pub fn read(from: impl BufRead) -> anyhow::Result<History> {
        let mut history = History::default();
        for (at, line) in from.lines().enumerate() {
            if at >= LINES_MAX {
                bail!("a history has {LINES_MAX} lines at the most");
            }
            let line: Line = serde_json::from_str(&line?).with_context(|| format!("line {}", at + 1))?;
            match line {
                Line::About(x) => history.about = x,
                Line::Thing(x) => history.things.push(x),
                Line::Call(x) => history.calls.push(*x),
                Line::View(x) => history.views.push(x),
                Line::Subscribed(x) => history.subscribed.push(x),
                Line::Heard(x) => history.heard.push(x),
                Line::End(x) => history.ends.push(x),
            }
        }
        Ok(history)
    }
}
