//! What is told of a crowd: how many were answered how, who won, in which order it was decided, how long it took.
//! It counts what others have decided and sends nobody.

use super::Errand;
use crate::board::millis;
use crate::wire::time;
use serde::Serialize;
use slotwise_domain::{BookingId, Instant, Interval, Version};
use slotwise_engine::PersonCard;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant as Moment;
use utoipa::ToSchema;
use uuid::Uuid;

/// Decisions told one by one.
const SEQUENCE_MAX: usize = 20;
/// Winners told by name.
const WINNERS_MAX: usize = 50;

/// A crowd, on its way or at its end.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CrowdBody {
    /// Its id.
    pub id: Uuid,
    /// `gathering`: its people are being made; `running`; `cancelling`: the winners give it back; `done`; `stopped`: it came to no end.
    pub state: &'static str,
    /// What everybody wants.
    pub resource: Uuid,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Its capacity in units; null for no limit.
    #[schema(required = true)]
    pub capacity: Option<u32>,
    /// From.
    pub start: String,
    /// Until.
    pub end: String,
    /// How many people.
    pub people: u32,
    /// Over how many milliseconds they come.
    pub spread_ms: u32,
    /// How many units each wants.
    pub units: u32,
    /// Whether they want slightly different times that overlap.
    pub overlapping: bool,
    /// Whether the winners give it back at the end.
    pub then_cancel: bool,
    /// How many of its people are there.
    pub gathered: u32,
    /// How many have been answered.
    pub answered: u32,
    /// The answers by outcome and code; they add up to `answered`.
    pub tally: Vec<TallyBody>,
    /// Who has it, in the order of the decisions, at most 50.
    pub winners: Vec<DecidedBody>,
    /// The first 20 decisions in the order in which they were made: by the version of the resource.
    pub sequence: Vec<DecidedBody>,
    /// From the first answer to the last, in milliseconds.
    pub answers_took_ms: f64,
    /// Half of the attempts took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// The most units that winners have at any one instant: never more than the capacity.
    pub units_peak: u64,
    /// How many of its bookings are on record, read back when all were answered; null before.
    #[schema(required = true)]
    pub on_record: Option<u32>,
    /// How many were given back.
    pub cancelled: u32,
    /// Why it stopped, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// When it was sent.
    pub began_at: String,
}

/// So many answers with one outcome and code.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TallyBody {
    /// `BOOKED`, `ACCEPTED`, `REJECTED`, `FAILED`, or `NONE` if there is no outcome yet.
    pub outcome: &'static str,
    /// The code of what was not accepted.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// How many.
    pub count: u32,
}

/// One decision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DecidedBody {
    /// Who asked.
    pub person: String,
    /// `BOOKED`, `ACCEPTED` or `REJECTED`.
    pub outcome: &'static str,
    /// The code of a refusal.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub code: &'static str,
    /// From when they wanted it.
    pub start: String,
    /// Until.
    pub end: String,
    /// The resource's version: the one it made, or the one it was refused at.
    pub version: u64,
    /// The decision instant.
    pub decided_at: String,
    /// How long the attempt took, in milliseconds.
    pub took_ms: f64,
}

/// What became of one person's attempt.
pub(super) struct Ended {
    pub person: usize,
    pub interval: Interval,
    pub booking: BookingId,
    pub outcome: &'static str,
    pub code: &'static str,
    /// The resource's version and the instant it was decided at, if it was.
    pub decided: Option<(Version, Instant)>,
    pub took: Duration,
    pub answered: Moment,
}

impl Ended {
    /// Whether they have something now that could be given back.
    pub fn accepted(&self) -> bool {
        self.outcome == "BOOKED" || self.outcome == "ACCEPTED"
    }

    /// The resource's version says the order of its decisions; what was refused at a version came after what made it.
    fn order(&self) -> (Option<(Version, Instant)>, bool, Moment) {
        (self.decided, !self.accepted(), self.answered)
    }

    fn body(&self, people: &[PersonCard]) -> DecidedBody {
        DecidedBody {
            person: people.get(self.person).map(|p| p.name.clone()).unwrap_or_default(),
            outcome: self.outcome,
            code: self.code,
            start: time(self.interval.start()),
            end: time(self.interval.end()),
            version: self.decided.map_or(0, |(version, _)| version.number),
            decided_at: self.decided.map(|(_, at)| time(at)).unwrap_or_default(),
            took_ms: millis_of(self.took),
        }
    }
}

impl CrowdBody {
    pub(super) fn of(id: Uuid, errand: &Errand, now: Instant) -> CrowdBody {
        CrowdBody {
            id,
            state: "gathering",
            resource: errand.resource.0,
            name: errand.name.clone(),
            zone: errand.zone.clone(),
            capacity: errand.capacity,
            start: time(errand.interval.start()),
            end: time(errand.interval.end()),
            people: errand.people,
            spread_ms: errand.spread_ms,
            units: errand.units,
            overlapping: errand.overlapping,
            then_cancel: errand.then_cancel,
            gathered: 0,
            answered: 0,
            tally: Vec::new(),
            winners: Vec::new(),
            sequence: Vec::new(),
            answers_took_ms: 0.0,
            p50_ms: 0.0,
            p99_ms: 0.0,
            units_peak: 0,
            on_record: None,
            cancelled: 0,
            trouble: None,
            began_at: time(now),
        }
    }

    pub(super) fn tell(&mut self, ended: &[Ended], people: &[PersonCard], errand: &Errand) {
        let mut tally: BTreeMap<(&'static str, &'static str), u32> = BTreeMap::new();
        for one in ended {
            *tally.entry((one.outcome, one.code)).or_default() += 1;
        }
        self.answered = ended.len() as u32;
        self.tally = tally.into_iter().map(|((outcome, code), count)| TallyBody { outcome, code, count }).collect();

        let mut decided: Vec<&Ended> = ended.iter().filter(|e| e.decided.is_some()).collect();
        decided.sort_by_key(|e| e.order());
        self.sequence = decided.iter().take(SEQUENCE_MAX).map(|e| e.body(people)).collect();
        let winners = || decided.iter().filter(|e| e.outcome == "BOOKED");
        self.winners = winners().take(WINNERS_MAX).map(|e| e.body(people)).collect();
        self.units_peak = peak(winners().map(|e| e.interval)) * u64::from(errand.units);

        let mut took: Vec<Duration> = ended.iter().map(|e| e.took).collect();
        took.sort_unstable();
        let at = |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        self.p50_ms = millis_of(at(50).unwrap_or_default());
        self.p99_ms = millis_of(at(99).unwrap_or_default());
        let (first, last) = (ended.iter().map(|e| e.answered).min(), ended.iter().map(|e| e.answered).max());
        self.answers_took_ms = first.zip(last).map_or(0.0, |(first, last)| millis_of(last.duration_since(first)));
    }
}

fn millis_of(took: Duration) -> f64 {
    millis(u64::try_from(took.as_micros()).unwrap_or(u64::MAX))
}

/// How many of these half-open intervals share an instant, at the most.
fn peak(intervals: impl Iterator<Item = Interval>) -> u64 {
    // At one instant ends come before starts: false sorts before true.
    let mut edges: Vec<(Instant, bool)> = intervals.flat_map(|i| [(i.start(), true), (i.end(), false)]).collect();
    edges.sort_unstable();
    let (mut now, mut most) = (0_u64, 0);
    for (_, starts) in edges {
        now = if starts { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crowd::person;
    use slotwise_domain::{Epoch, ResourceId};

    fn interval(start: i64, end: i64) -> Interval {
        Interval::new(Instant(start), Instant(end)).unwrap()
    }

    #[test]
    fn the_peak_counts_half_open_intervals() {
        let peak = |spans: &[(i64, i64)]| super::peak(spans.iter().map(|(s, e)| interval(*s, *e)));
        assert_eq!(peak(&[]), 0);
        assert_eq!(peak(&[(0, 10), (10, 20), (20, 30)]), 1, "they touch and do not meet");
        assert_eq!(peak(&[(0, 11), (10, 20), (10, 12)]), 3);
    }

    #[test]
    fn decisions_are_told_in_the_order_of_versions_and_the_tally_adds_up() {
        let people: Vec<PersonCard> = (1..=6).map(person).collect();
        let hour = interval(0, 3_600_000_000);
        let began = Moment::now();
        let one = |n: usize, outcome, code, version: Option<u64>| Ended {
            person: n,
            interval: hour,
            booking: BookingId(Uuid::from_u128(n as u128)),
            outcome,
            code,
            decided: version.map(|number| (Version { epoch: Epoch(1), number }, Instant(5))),
            took: Duration::from_millis(n as u64 + 1),
            answered: began + Duration::from_millis(10 - n as u64),
        };
        let ended = [
            one(0, "FAILED", "busy", None),
            one(1, "REJECTED", "full", Some(7)),
            one(2, "BOOKED", "", Some(7)),
            one(3, "REJECTED", "full", Some(6)),
            one(4, "BOOKED", "", Some(6)),
        ];
        let errand = Errand {
            resource: ResourceId(Uuid::nil()),
            name: "Room".into(),
            zone: "UTC".into(),
            capacity: Some(2),
            interval: hour,
            own_interval: false,
            people: 5,
            spread_ms: 0,
            units: 1,
            overlapping: false,
            then_cancel: false,
        };
        let mut crowd = CrowdBody::of(Uuid::nil(), &errand, Instant(0));
        crowd.tell(&ended, &people, &errand);
        let told: Vec<_> = crowd.sequence.iter().map(|d| (d.person.as_str(), d.outcome)).collect();
        let expected = [(5, "BOOKED"), (4, "REJECTED"), (3, "BOOKED"), (2, "REJECTED")];
        assert_eq!(told, expected.map(|(n, outcome)| (people[n - 1].name.as_str(), outcome)));
        assert_eq!(crowd.tally.iter().map(|t| t.count).sum::<u32>(), crowd.answered);
        assert_eq!((crowd.answered, crowd.winners.len(), crowd.units_peak), (5, 2, 2));
        assert_eq!((crowd.answers_took_ms, crowd.p50_ms, crowd.p99_ms), (4.0, 3.0, 5.0));
    }
}
