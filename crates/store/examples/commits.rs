//! How many attempts a second the embedded store makes durable, in process: bookings at random over many resources.
//! It measures; it asserts nothing but that bookings are booked.
//!
//!     cargo run --release -p slotwise-store --example commits -- [directory] [seconds each] [bookings before] [batch sizes, with commas]

#![expect(clippy::unwrap_used, reason = "what fails here has no measure")]

use mimalloc as _;
use slotwise_domain::{
    Action, Actor, AttemptKey, BookingId, Command, Details, Fingerprint, Instant, Interval, Kind, Line, Outcome,
    PartId, PersonId, Policy, Proposal, ResourceId, ResourceSpec, Role, Scope, Span, Zone, settle,
};
use slotwise_engine::{Clock, Directory, PersonCard, Settled, Store};
use slotwise_store::{Embedded, Options, SystemClock};
use std::path::PathBuf;
use std::time::Instant as Moment;
use uuid::Uuid;

const RESOURCES: usize = 10_000;
const PEOPLE: usize = 1_000;

struct Chance(u64);

impl Chance {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % n
    }
}

fn proposal(actor: Actor, action: Action) -> Proposal {
    let key = AttemptKey { part: PartId::DEFAULT, actor: actor.uuid(), key: Uuid::now_v7() };
    let command = Command { actor, action, seen: None, reason: None };
    Proposal { key, fingerprint: Fingerprint([1; 32]), command, observed: Vec::new(), hint: None }
}

fn book(chance: &mut Chance, people: &[PersonId], resource: ResourceId, now: Instant) -> Proposal {
    let owner = people[chance.below(people.len())];
    let from = now.plus(Span::hours(1 + chance.below(24 * 360) as i64));
    let interval = Interval::new(from, from.plus(Span::hours(1))).ok();
    let lines = vec![Line { resource, interval, units: 1 }];
    let details = Details { title: Some("Algebra".into()), ..Details::default() };
    let booking = BookingId(Uuid::now_v7());
    proposal(Actor::Person(owner), Action::Book { booking, owner, lines, details, hold: None })
}

fn cpu_seconds() -> f64 {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let dir: PathBuf = args.next().map_or_else(|| std::env::temp_dir().join("slotwise-commits"), PathBuf::from);
    let seconds: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(5);
    let before: usize = args.next().and_then(|n| n.parse().ok()).unwrap_or(0);
    let batches = args.next().unwrap_or_else(|| "1,64,100,1000,8000".into());
    let batches: Vec<usize> = batches.split(',').filter_map(|n| n.parse().ok()).collect();
    let store = match Embedded::open(&dir, Options::default()) {
        Ok(store) => store,
        Err(e) => return println!("{e}"),
    };
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let people: Vec<PersonId> = (0..PEOPLE).map(|_| PersonId(Uuid::now_v7())).collect();
    for id in &people {
        let card = PersonCard { id: *id, name: id.to_string(), title: "Teacher".into(), role: Role::Admin };
        store.put_person(card).await.unwrap();
    }
    let resources: Vec<ResourceId> = (0..RESOURCES).map(|_| ResourceId(Uuid::now_v7())).collect();
    for some in resources.chunks(1_000) {
        let create = some.iter().map(|id| {
            let spec = ResourceSpec {
                kind: Kind::Room,
                name: format!("Room {id}"),
                building: Some("Main".into()),
                seats: Some(30),
                equipment: vec![],
                zone: Zone::utc(),
                capacity: Some(1),
                interval: None,
                policy: Policy::default(),
                group: None,
                linked: Vec::new(),
                course: None,
            };
            proposal(Actor::System, Action::CreateResource { resource: *id, spec: Box::new(spec) })
        });
        store.commit(create.collect(), settle).await.unwrap();
    }
    let (mut made, mut spread) = (0, Chance(0x9e37_79b9_7f4a_7c15));
    while made < before {
        let now = SystemClock.now();
        let batch =
            (0..1_000).map(|_| book(&mut chance, &people, resources[spread.below(RESOURCES)], now)).collect::<Vec<_>>();
        made += batch.len();
        store.commit(batch, settle).await.unwrap();
    }
    println!("{RESOURCES} resources, {made} bookings before");
    for batch in batches {
        for hot in if std::env::var_os("SPREAD_ONLY").is_some() { vec![false] } else { vec![false, true] } {
            let (mut count, mut booked, mut waits) = (0, 0, Vec::new());
            let (begun, cpu) = (Moment::now(), cpu_seconds());
            while begun.elapsed().as_secs() < seconds {
                let now = SystemClock.now();
                let proposals: Vec<_> = (0..batch)
                    .map(|_| {
                        let resource = if hot { resources[0] } else { resources[chance.below(RESOURCES)] };
                        book(&mut chance, &people, resource, now)
                    })
                    .collect();
                let sent = Moment::now();
                let settled = store.commit(proposals, settle).await.unwrap();
                waits.push(sent.elapsed());
                count += settled.len();
                let is_booked =
                    |s: &&Settled| matches!(s, Settled::Decided(r, _) if r.decision.outcome == Outcome::Booked);
                booked += settled.iter().filter(is_booked).count();
            }
            let (took, cpu) = (begun.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            waits.sort();
            let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
            println!(
                "{} batch {batch:>5}: {:>8.0} attempts/s ({} of {count} booked), p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms, {:.1} us CPU each",
                if hot { "one resource " } else { "all resources" },
                count as f64 / took,
                booked,
                at(0.5),
                at(0.99),
                at(1.0),
                cpu * 1e6 / count as f64,
            );
        }
    }
    let scope = Scope { resources: [resources[1]].into(), roles: [people[0]].into(), ..Scope::default() };
    let begun = Moment::now();
    for _ in 0..100_000 {
        store.observe(scope.clone()).await.unwrap();
    }
    println!("observe, in memory: {:.2} us", begun.elapsed().as_secs_f64() * 10.0);
    let key = proposal(Actor::System, Action::ExpireHolds { resource: resources[0] }).key;
    let begun = Moment::now();
    for _ in 0..20_000 {
        store.recall(key).await.unwrap();
    }
    println!("recall, one after the other: {:.1} us", begun.elapsed().as_secs_f64() * 50.0);
}
