//! What was told, to whom and when, held against what was decided: each decision took effect once, between asking and answer.
//! It knows no rule of bookings; [`crate::model`] does.

use crate::clock::Moment;
use crate::database::Entry;
use crate::tally::Tally;
use slotwise_domain::{Actor, AttemptKey, Code, Command, Fingerprint, Outcome, PartId, Rejection, Witness};
use slotwise_engine::{Answer, NoAnswer, Record, Request};
use std::collections::BTreeMap;

/// One request on its way, each time it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its key.
    pub key: AttemptKey,
    /// What it means, hashed.
    pub fingerprint: Fingerprint,
    /// What it asks.
    pub command: Command,
    /// When it was sent.
    pub at: Moment,
    /// What it was told, and when; `None` if nobody was there to hear it.
    pub told: Option<(Moment, Answer)>,
}

/// Everything that was sent, in order.
#[derive(Default)]
pub struct History(pub Vec<Sent>);

impl History {
    /// Something is sent; its number.
    pub fn sent(&mut self, request: &Request, at: Moment) -> usize {
        let key = AttemptKey { part: PartId::DEFAULT, actor: request.command.actor.uuid(), key: request.key };
        let (fingerprint, command) = (request.fingerprint, request.command.clone());
        self.0.push(Sent { key, fingerprint, command, at, told: None });
        self.0.len() - 1
    }

    /// It is answered.
    pub fn told(&mut self, sent: usize, at: Moment, answer: &Answer) {
        if let Some(sent) = self.0.get_mut(sent) {
            sent.told = Some((at, answer.clone()));
        }
    }

    /// What is wrong with what was told, if something is.
    ///
    /// The log is one order of all decisions, each with the moment at which it took effect. If every one of them lies between the
    /// asking and the answer of what it answers, that order explains all that anybody saw: refusals and what nobody was told included.
    pub fn wrong(&self, log: &[Entry], tally: &mut Tally) -> Option<String> {
        let mut decided: BTreeMap<AttemptKey, &Entry> = BTreeMap::new();
        for entry in log {
            if let Some(other) = decided.insert(entry.recorded.key, entry) {
                return Some(format!("one key was decided twice: {entry:?} and {other:?}"));
            }
        }
        let mut by_key: BTreeMap<AttemptKey, Vec<&Sent>> = BTreeMap::new();
        for sent in &self.0 {
            by_key.entry(sent.key).or_default().push(sent);
        }
        for (key, sends) in &by_key {
            let entry = decided.get(key).copied();
            if let Some(wrong) = one_key(sends, entry, tally) {
                return Some(format!("{wrong}; key {key:?}, sent {sends:#?}, decided {entry:#?}"));
            }
        }
        // Whatever was decided was asked for.
        let stray = log.iter().find(|e| e.command.actor != Actor::System && !by_key.contains_key(&e.recorded.key));
        stray.map(|entry| format!("nobody asked for {entry:?}"))
    }
}

fn one_key(sends: &[&Sent], entry: Option<&Entry>, tally: &mut Tally) -> Option<String> {
    let mut failed = false;
    for sent in sends {
        let Some((at, answer)) = &sent.told else { continue };
        match answer {
            Answer::Decided(recorded, _) | Answer::Replayed(recorded) => {
                let Some(entry) = entry else { return Some("told as decided, and it is not in the log".into()) };
                if **recorded != *entry.recorded {
                    return Some("told otherwise than it was decided".into());
                }
                if entry.at > *at {
                    return Some("told before it took effect".into());
                }
                let earlier = sends.iter().any(|s| s.at <= entry.at && s.fingerprint == recorded.fingerprint);
                if !earlier {
                    return Some("it took effect before anybody asked for it".into());
                }
                let name = match &recorded.decision.outcome {
                    Outcome::Booked => "BOOKED",
                    Outcome::Accepted => "ACCEPTED",
                    Outcome::Rejected(rejection) => rejection.code.name(),
                };
                tally.count(name);
                if let Answer::Replayed(_) = answer {
                    match recorded.decision.outcome {
                        Outcome::Booked => tally.count("replay of BOOKED"),
                        Outcome::Rejected(_) => tally.count("replay of REJECTED"),
                        Outcome::Accepted => {}
                    }
                }
            }
            Answer::Failed(failure) => {
                failed = true;
                tally.count(match failure.code.name() {
                    "version_stale" => "FAILED version_stale",
                    "conflict" => "FAILED conflict",
                    "busy" => "FAILED busy",
                    _ => "FAILED store_unavailable",
                });
            }
            Answer::None(NoAnswer::KeyReused) => {
                let other = sends.iter().any(|s| s.fingerprint != sent.fingerprint && s.at <= *at);
                if !other {
                    return Some("refused as another meaning of its key, which had one".into());
                }
                tally.count("key reused");
            }
            Answer::None(NoAnswer::NotYet) => tally.count("no outcome yet"),
            Answer::None(NoAnswer::InProgress) => {
                if !sends.iter().any(|s| !std::ptr::eq(*s, *sent) && s.at <= *at) {
                    return Some("told to be in progress, and nobody else had sent it".into());
                }
                tally.count("in progress");
            }
            Answer::None(NoAnswer::KeyExpired | NoAnswer::EpochChanged) => {
                return Some("told that its key is too old, and it is not".into());
            }
        }
    }
    let entry = entry?;
    if let (
        Outcome::Rejected(Rejection { code: Code::PastCutoff, witness: Some(Witness::Instant(cutoff)), .. }),
        Some(first),
    ) = (&entry.recorded.decision.outcome, sends.first())
    {
        let since = i64::try_from(entry.at.0.saturating_sub(first.at.0)).unwrap_or(i64::MAX);
        if entry.recorded.decision.decided_at.since(*cutoff).0 < since {
            tally.count("a cutoff was crossed in the queue");
        }
    }
    // FAILED is a proof: it was another execution of the key, not proven to have failed before, by which it took effect.
    let never_did = |s: &Sent| {
        matches!(&s.told, Some((_, Answer::Failed(_) | Answer::None(NoAnswer::InProgress | NoAnswer::KeyReused))))
    };
    let may_have = |s: &&&Sent| s.at <= entry.at && s.fingerprint == entry.recorded.fingerprint && !never_did(s);
    if !sends.iter().any(|s| may_have(&s)) {
        return Some("it took effect, and each execution of it was told FAILED".into());
    }
    if failed && entry.recorded.decision.outcome == Outcome::Booked {
        tally.count("FAILED, and sent again and booked");
    }
    None
}

/// What is wrong with what a reader of events was told, if something is: per resource no gap, nothing twice, in order, and as it is in
/// the log.
pub fn wrong_events(told: &[Record], records: &[Record]) -> Option<String> {
    let mut last = BTreeMap::new();
    for record in told {
        let before = last.insert(record.resource, record.version);
        if before.is_some_and(|before| record.version.number != before.number + 1) {
            return Some(format!("after version {before:?} a reader was told {record:?}"));
        }
        let same = records.iter().find(|r| r.resource == record.resource && r.version == record.version);
        if same != Some(record) {
            return Some(format!("a reader was told {record:?}, and it is {same:?}"));
        }
    }
    None
}
