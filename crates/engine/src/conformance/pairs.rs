//! Every two commands on one hold, one place in a waitlist, one offer and one resource, in both orders, apart and in one commit: the
//! same in every store. What becomes of them is the domain's to say; here it is that nobody's order or company makes a difference.

use super::admins::{block, capacity};
use super::kit::{Bench, named, room};
use crate::attempt::Ids;
use crate::port::Clock;
use slotwise_domain::{
    Action, Actor, Below, BookingId, Cutoff, EntryId, Hold, HoldEnd, Interval, Line, Policy, ResourceId, ResourcePatch,
    ResourceSpec, Scope, Service, Span, WaitFill, WaitMode, Waitlist, Wants,
};

/// What two commands meet at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Thing {
    /// A hold, that lasts or has run out.
    Hold { over: bool },
    /// Somebody waits, and it may have become too late for it.
    Entry { late: bool },
    /// What is offered to whoever waits, that stands or has run out.
    Offer { over: bool },
    /// A resource on which all is taken.
    Resource,
}

/// A thing, made anew for each two commands.
struct Scene {
    place: ResourceId,
    time: Interval,
    /// Cyd's, who has all of it.
    theirs: BookingId,
    hold: Option<Hold>,
    entry: EntryId,
}

impl Scene {
    /// Nobody waits or holds any more: one person may do only so much of it.
    async fn tidy(&self, b: &Bench) {
        b.clock.step(Span::minutes(6));
        let calendar = b.calendar(self.place).await;
        for entry in calendar.waiting.keys().filter_map(|place| Some(calendar.waiting.get(place)?.id)) {
            b.says(b.ben, Action::LeaveWaitlist { entry }).await;
        }
    }
}

impl Thing {
    async fn make(self, b: &Bench) -> Scene {
        let (mode, fill) = (WaitMode::Offer { ttl: Span::minutes(5) }, WaitFill::Skip);
        let waitlist = Some(Waitlist { mode, fill, capacity: None });
        let policy = Policy { waitlist, hold_ttl: Span::minutes(5), ..Policy::default() };
        let place = b.resource(ResourceSpec { policy: policy.clone(), ..room("Room", 2) }).await;
        let now = b.clock.now();
        let time = Interval::new(now.plus(Span::hours(2)), now.plus(Span::hours(3))).unwrap();
        let entry = EntryId(b.ids.fresh());
        let mut scene = Scene { place, time, theirs: BookingId(b.ids.fresh()), hold: None, entry };
        if let Thing::Hold { over } = self {
            scene.hold = Some(b.held(b.ben, place, time).await);
            b.clock.step(if over { Span::minutes(6) } else { Span::ZERO });
            return scene;
        }
        let both = b.booking(b.cyd, &[(place, time, 2)], None);
        let Action::Book { booking, .. } = both else { unreachable!("it books") };
        assert_eq!(b.says(b.cyd, both).await, "BOOKED");
        scene.theirs = booking;
        if self == Thing::Resource {
            return scene;
        }
        assert_eq!(b.says(b.ben, join(b, &scene, entry)).await, "ACCEPTED");
        match self {
            Thing::Entry { late: true } => {
                let book_by = Some(Cutoff::At(now.plus(Span::minutes(1))));
                let edit = edit(&scene, 1, Policy { book_by, ..policy });
                assert_eq!(b.says(b.ada, edit).await, "ACCEPTED");
                b.clock.step(Span::minutes(2));
            }
            Thing::Offer { over } => {
                assert_eq!(b.says(b.cyd, Action::Cancel { booking, reason: None }).await, "ACCEPTED");
                let calendar = b.calendar(place).await;
                scene.hold = calendar.holds.values().find(|h| h.offer == Some(entry)).copied();
                assert!(scene.hold.is_some(), "it is offered");
                b.clock.step(if over { Span::minutes(6) } else { Span::ZERO });
            }
            Thing::Entry { late: false } | Thing::Hold { .. } | Thing::Resource => {}
        }
        scene
    }

    /// What somebody asks of it, by name, as they see it.
    fn asks(self, b: &Bench, scene: &Scene) -> Vec<(&'static str, Actor, Action)> {
        let Scene { place, time, theirs, hold, entry } = *scene;
        let [ada, ben, cyd] = [b.ada, b.ben, b.cyd].map(Actor::Person);
        let seen = self.policy_version();
        let block = |displaces| match block(b, place, time, displaces, Vec::new()) {
            Action::AddBlock { resource, block, interval, reason, over_holds, over_bookings, exceptions, .. } => {
                let policy_version = seen;
                Action::AddBlock {
                    resource,
                    policy_version,
                    block,
                    interval,
                    reason,
                    over_holds,
                    over_bookings,
                    exceptions,
                }
            }
            other => other,
        };
        let service = |service| {
            let reason = "paint".to_owned();
            Action::SetService { resource: place, policy_version: seen, service, reason }
        };
        let mut all = vec![
            ("block", ada, block(Vec::new())),
            ("close", ada, service(Service::Closed)),
            ("more units", ada, capacity(place, seen, 5, Below::Refuse)),
            ("what falls due", Actor::System, Action::ExpireHolds { resource: place }),
        ];
        if let Some(hold) = hold {
            all.extend([
                ("confirm", ben, b.confirm(&hold)),
                ("release", ben, Action::Release(named(&hold))),
                ("renew", ben, Action::Renew(named(&hold))),
                ("hold once more", ben, b.hold(place, time)),
            ]);
        }
        match self {
            Thing::Hold { .. } => {
                let booking = b.booking(b.cyd, &[(place, time, 1)], hold.as_ref());
                all.push(("confirm somebody else's", cyd, booking));
            }
            Thing::Entry { .. } | Thing::Offer { .. } => all.extend([
                ("leave", ben, Action::LeaveWaitlist { entry }),
                ("another class", ada, Action::SetClass { entry, class: 3 }),
                ("no waitlist any more", ada, edit(scene, seen, Policy::default())),
            ]),
            Thing::Resource => all.extend([
                ("reopen", ada, service(Service::Open)),
                ("fewer units", ada, capacity(place, 1, 1, Below::Refuse)),
                ("fewer units, and over", ada, capacity(place, 1, 1, Below::OverCommit)),
                ("fewer units, and displaced", ada, capacity(place, 1, 1, Below::DisplaceNewest(vec![(theirs, 1)]))),
                ("block, and displaced", ada, block(vec![(theirs, 1)])),
                ("hold", ben, b.hold(place, time)),
            ]),
        }
        match self {
            Thing::Entry { .. } => all.extend([
                ("join once more", ben, join(b, scene, EntryId(b.ids.fresh()))),
                ("what stands there is given up", cyd, Action::Cancel { booking: theirs, reason: None }),
            ]),
            Thing::Resource => all.push(("give up", cyd, Action::Cancel { booking: theirs, reason: None })),
            Thing::Hold { .. } | Thing::Offer { .. } => {}
        }
        all
    }

    /// Of its resource, as it was made.
    const fn policy_version(self) -> u64 {
        match self {
            Thing::Entry { late: true } => 2,
            Thing::Entry { late: false } | Thing::Hold { .. } | Thing::Offer { .. } | Thing::Resource => 1,
        }
    }
}

fn edit(scene: &Scene, policy_version: u64, policy: Policy) -> Action {
    let patch = Box::new(ResourcePatch { policy: Some(policy), ..ResourcePatch::default() });
    Action::EditResource { resource: scene.place, policy_version, patch }
}

fn join(b: &Bench, scene: &Scene, entry: EntryId) -> Action {
    let line = Line { resource: scene.place, interval: Some(scene.time), units: 1 };
    Action::JoinWaitlist { entry, owner: b.ben, line, class: 0, gives_up: None, wants: Wants::Units }
}

/// What is so at the end, without the names and instants that are others each time.
#[derive(Debug, PartialEq)]
struct End {
    said: Vec<String>,
    hold: Option<HoldEnd>,
    entry: Option<&'static str>,
    offered: bool,
    theirs: Option<&'static str>,
    taken: usize,
    held: usize,
    waiting: usize,
    resource: (bool, Option<u32>, u32),
    version: u64,
}

impl End {
    async fn of(b: &Bench, scene: &Scene, said: Vec<String>) -> End {
        let calendar = b.calendar(scene.place).await;
        let holds = scene.hold.map(|hold| hold.id).into_iter().collect();
        let world = b.engine.look(Scope { holds, entries: [scene.entry].into(), ..Scope::default() }).await.unwrap();
        let ended = |hold: Hold| world.holds.get(&hold.id)?.1.map(|ended| ended.end);
        let spec = &calendar.resource.spec;
        End {
            said,
            hold: scene.hold.and_then(ended),
            entry: world.entries.get(&scene.entry).map(|(_, ended)| ended.map_or("waits", |ended| ended.end.name())),
            offered: calendar.entry(scene.entry).is_some_and(|entry| entry.offer.is_some()),
            theirs: b.views.booking(scene.theirs).await.unwrap().map(|booking| booking.state.name()),
            taken: calendar.uses.len(),
            held: calendar.holds.len(),
            waiting: calendar.waiting.len(),
            resource: (spec.policy.closed, spec.capacity, calendar.over_commit),
            version: calendar.version.number,
        }
    }

    /// Nothing brings back what had ended.
    fn keeps(&self, before: &End) -> bool {
        let hold = before.hold.is_none() || before.hold == self.hold;
        let entry = matches!(before.entry, None | Some("waits")) || before.entry == self.entry;
        let theirs = matches!(before.theirs, None | Some("confirmed")) || before.theirs == self.theirs;
        hold && entry && theirs
    }
}

/// Every two commands on it, in both orders, apart and in one commit: what comes of one commit is what comes of the same commands one
/// after the other.
async fn every_two(b: &Bench, thing: Thing) {
    let many = thing.asks(b, &thing.make(b).await).len();
    for (first, second) in (0..many).flat_map(|first| (0..many).map(move |second| (first, second))) {
        let mut ends = Vec::new();
        for together in [false, true] {
            let scene = thing.make(b).await;
            let (one, by, action) = thing.asks(b, &scene).swap_remove(first);
            let (other, also_by, also) = thing.asks(b, &scene).swap_remove(second);
            let batch = [b.proposed(by, action), b.proposed(also_by, also)];
            let said = match together {
                true => b.commit(batch.into()).await,
                false => {
                    let [action, also] = batch;
                    let mut said = b.commit(vec![action]).await;
                    let between = End::of(b, &scene, Vec::new()).await;
                    said.extend(b.commit(vec![also]).await);
                    let end = End::of(b, &scene, Vec::new()).await;
                    assert!(end.keeps(&between), "{thing:?}, {one} then {other}: {between:?} became {end:?}");
                    said
                }
            };
            ends.push((format!("{thing:?}, {one} then {other}"), End::of(b, &scene, said).await));
            scene.tidy(b).await;
        }
        let together = ends.pop();
        assert_eq!(ends.pop(), together);
    }
}

/// On a hold, that lasts or has run out.
pub(super) async fn every_two_commands_on_one_hold(b: &Bench) {
    every_two(b, Thing::Hold { over: false }).await;
    every_two(b, Thing::Hold { over: true }).await;
}

/// On a place in a waitlist, in time or too late.
pub(super) async fn every_two_commands_on_one_entry(b: &Bench) {
    every_two(b, Thing::Entry { late: false }).await;
    every_two(b, Thing::Entry { late: true }).await;
}

/// On an offer, that stands or has run out.
pub(super) async fn every_two_commands_on_one_offer(b: &Bench) {
    every_two(b, Thing::Offer { over: false }).await;
    every_two(b, Thing::Offer { over: true }).await;
}

/// On a resource of which all is taken.
pub(super) async fn every_two_commands_on_one_resource(b: &Bench) {
    every_two(b, Thing::Resource).await;
}
