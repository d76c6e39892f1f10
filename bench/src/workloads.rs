//! Fixed workloads whose instructions are counted: the judgement, a batch, the codec, a commit, a booking's JSON.
//! They use what the crates show to everybody, draw no chance and read no clock but the one they bring.

use crate::slots::Dice;
use crate::store::{Hands, Maker, person, room};
use anyhow::{Context, bail, ensure};
use slotwise_domain::{
    Action, BookingId, Change, Changes, Epoch, Instant, PersonId, Proposal, Resource, ResourceId, Role, Span, Verdict,
    World, decide, settle,
};
use slotwise_engine::round::{self, Judged};
use slotwise_engine::{BookingFilter, Store, Views};
use slotwise_store::{Embedded, Options, codec};
use std::hint::black_box;
use std::sync::Arc;
use uuid::Uuid;

/// One workload.
pub struct Workload {
    /// What it is called.
    pub name: &'static str,
    /// How many times it is done at least; the counting subtracts these from three times as many.
    pub times: u64,
    run: fn(u64) -> anyhow::Result<()>,
}

/// All of them.
pub const ALL: &[Workload] = &[
    Workload { name: "commit of 64 on the embedded store", times: 8, run: commit },
    Workload { name: "decide on a calendar with 1,000 bookings", times: 500, run: decide_one },
    Workload { name: "encode and decode the changes of a booking", times: 500, run: code },
    Workload { name: "read one booking's JSON", times: 500, run: read_json },
    Workload { name: "settle and fold a batch of 64", times: 20, run: batch },
];

/// Attempts of a batch.
const BATCH: u64 = 64;
const BOOKED: i64 = 1_000;
/// 2026-01-05T08:00:00Z.
const NOW: Instant = Instant(1_767_600_000_000_000);

/// Does one of them so many times.
pub fn run(name: &str, times: u64) -> anyhow::Result<()> {
    let workload = ALL.iter().find(|workload| workload.name == name);
    (workload.with_context(|| format!("there is no workload {name:?}"))?.run)(times)
}

/// Ids that are the same in every run.
fn id(n: u64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(
        u64::try_from(NOW.0 / 1_000).unwrap_or_default(),
        &[0, 0, 0, 0, 0, 0, 0, 0, n.to_be_bytes()[6], n.to_be_bytes()[7]],
    )
    .into_uuid()
}

fn maker() -> Maker {
    Maker { clock: Arc::new(Hands::at(NOW)), dice: Dice::from(7) }
}

/// A world in which these resources are there, and one person.
fn world(resources: u64, owner: PersonId) -> World {
    let mut world = World::empty(Epoch(1));
    world.loaded.roles.insert(owner);
    world.roles.insert(owner, Role::Member);
    for n in 0..resources {
        let id = ResourceId(id(1_000 + n));
        let spec = room(usize::try_from(n).unwrap_or_default());
        let resource = Resource { id, spec, policy_version: 1 };
        world.loaded.resources.insert(id);
        let changes =
            Changes { records: vec![(id, vec![Change::ResourceCreated(Arc::new(resource))])], ..Changes::default() };
        world.apply(&changes, NOW);
    }
    world
}

fn start(n: i64) -> Instant {
    NOW.plus(Span::days(1)).plus(Span::minutes(60 * n))
}

/// A resource with a thousand bookings of half an hour, an hour apart.
fn crowded(owner: PersonId, maker: &mut Maker) -> anyhow::Result<(World, ResourceId)> {
    let mut world = world(1, owner);
    let resource = ResourceId(id(1_000));
    for n in 0..BOOKED {
        let proposal = maker.book(owner, resource, start(n))?;
        let Verdict::Accepted(changes, _) = decide(&world, &proposal.command, NOW) else { bail!("not accepted") };
        world.apply(&changes, NOW);
    }
    Ok((world, resource))
}

fn decide_one(times: u64) -> anyhow::Result<()> {
    let (owner, mut maker) = (PersonId(id(1)), maker());
    let (world, resource) = crowded(owner, &mut maker)?;
    // Between two bookings, so that both of them are looked at.
    let wish = maker.book(owner, resource, start(BOOKED / 2).plus(Span::minutes(30)))?;
    for _ in 0..times {
        let verdict = decide(black_box(&world), black_box(&wish.command), NOW);
        ensure!(matches!(black_box(verdict), Verdict::Accepted(..)), "not accepted");
    }
    Ok(())
}

fn batch(times: u64) -> anyhow::Result<()> {
    let (owner, mut maker) = (PersonId(id(1)), maker());
    let before = world(BATCH, owner);
    let proposals = bookings_of_all(&mut maker, owner, 0)?;
    for _ in 0..times {
        let mut world = before.clone();
        let mut changed = Vec::with_capacity(proposals.len());
        for proposal in &proposals {
            let judged = round::judge(&mut world, proposal, settle, NOW, |_, scope| {
                Err::<(), _>(anyhow::anyhow!("nothing is to be loaded: {scope:?}"))
            })?;
            let Judged::Decided(recorded, changes, _) = judged else { bail!("not decided: {judged:?}") };
            changed.push((changes, recorded.decision.decided_at));
        }
        let touched = changed.iter().map(|(changes, at)| (changes, *at));
        ensure!(round::assert_sound(&world, touched).is_ok(), "not sound");
        black_box(world);
    }
    Ok(())
}

/// A booking of each of the 64 rooms.
fn bookings_of_all(maker: &mut Maker, owner: PersonId, day: u64) -> anyhow::Result<Vec<Proposal>> {
    (0..BATCH).map(|n| maker.book(owner, ResourceId(id(1_000 + n)), start(i64::try_from(day)?))).collect()
}

fn code(times: u64) -> anyhow::Result<()> {
    let (owner, mut maker) = (PersonId(id(1)), maker());
    let world = world(1, owner);
    let resource = ResourceId(id(1_000));
    let wish = maker.book(owner, resource, start(0))?;
    let Verdict::Accepted(changes, _) = decide(&world, &wish.command, NOW) else { bail!("not accepted") };
    let (_, changes) = changes.records.first().context("no record")?;
    for _ in 0..times {
        let encoded = codec::encode_changes(resource, black_box(changes))?;
        let decoded = codec::decode_changes(resource, black_box(&encoded))?;
        ensure!(&decoded == changes, "decoded to something else");
    }
    Ok(())
}

fn commit(times: u64) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Arc::new(Hands::at(NOW));
        // What is done by the clock is left out, and the tables follow commit by commit: the same work however busy the machine is.
        let rest = std::time::Duration::from_secs(3_600);
        let options =
            Options { clock: clock.clone(), checkpoint_pages: u32::MAX, reconcile_rest: rest, ..Options::default() };
        let store = Embedded::open(folder.path(), options)?;
        let owner = person(&*store, "Ann", Role::Admin).await?;
        let mut maker = Maker { clock, dice: Dice::from(7) };
        let make = |maker: &mut Maker, n: u64| {
            let spec = Box::new(room(usize::try_from(n).unwrap_or_default()));
            maker.proposal(owner, Action::CreateResource { resource: ResourceId(id(1_000 + n)), spec })
        };
        let rooms = (0..BATCH).map(|n| make(&mut maker, n)).collect();
        all_accepted(&store.commit(rooms, settle).await?)?;
        for n in 0..times {
            let bookings = bookings_of_all(&mut maker, owner, n)?;
            all_accepted(&store.commit(bookings, settle).await?)?;
            let one = BookingFilter { owner: Some(owner), max: 1, ..BookingFilter::default() };
            ensure!(store.bookings(one).await?.len() == 1, "the tables do not follow");
        }
        Ok(())
    })
}

fn all_accepted(settled: &[slotwise_engine::Settled]) -> anyhow::Result<()> {
    ensure!(settled.iter().all(crate::store::accepted), "not all were accepted: {settled:?}");
    Ok(())
}

fn read_json(times: u64) -> anyhow::Result<()> {
    let body = format!(
        r#"{{"lines":[{{"resource":"{}","start":"2026-03-02T10:00:00Z","end":"2026-03-02T10:30:00Z","units":1}}],"title":"Seminar","people":12}}"#,
        BookingId(id(1_000)).0
    );
    for _ in 0..times {
        let lines = slotwise_server::read_booking(black_box(body.as_bytes())).map_err(|e| anyhow::anyhow!(e))?;
        ensure!(black_box(lines).len() == 1, "not read");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_workload_does_what_it_says() {
        for workload in ALL {
            if let Err(e) = (workload.run)(2) {
                panic!("{}: {e:#}", workload.name);
            }
        }
    }
}
