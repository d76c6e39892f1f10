//! What a store must show for groups, quotas and facts, within one commit and after it.
//! The rules themselves are the domain's tests' to try.

use super::admins::minutes;
use super::kit::{Bench, hours, rejection, room, with_policy};
use super::waits::join;
use crate::attempt::{Answer, Ids};
use crate::port::{Clock, FactsPut, Made, PersonRow, Plan, PlanPut, RowPut};
use slotwise_domain::{
    Action, BookingId, BookingRef, Calendar, CheckIn, Course, Cutoff, Facts, Ground, Grouped, Interval, Kind, Measure,
    Meeting, OpeningHours, OwnOverlap, PersonId, Policy, PolicyField, Quota, QuotaScope, Requirement, ResourceId,
    ResourcePatch, ResourceSpec, Role, Span, UseId, WaitFill, WaitMode, Waitlist, Witness, Zone,
};
use std::collections::BTreeSet;
use std::sync::Arc;

fn group(policy: Policy) -> ResourceSpec {
    ResourceSpec { kind: Kind::Group, capacity: None, policy, ..room("Term", 1) }
}

fn within(group: ResourceId, own: &[PolicyField], policy: Policy) -> ResourceSpec {
    let own = own.iter().copied().collect();
    ResourceSpec { group: Some(Grouped { id: group, own }), ..with_policy(9, policy) }
}

fn edit(resource: ResourceId, policy_version: u64, policy: Policy) -> Action {
    let patch = Box::new(ResourcePatch { policy: Some(policy), ..ResourcePatch::default() });
    Action::EditResource { resource, policy_version, patch }
}

fn closed() -> Policy {
    Policy { closed: true, ..Policy::default() }
}

fn a_day(most: u32, scope: QuotaScope) -> Policy {
    let quota = Some(Quota { most, counts: Measure::Units, period: slotwise_domain::Period::Day, scope });
    Policy { quota, ..Policy::default() }
}

pub(super) async fn an_edit_of_a_group_is_one_commit_over_all_that_is_in_it(b: &Bench) {
    let term = b.resource(group(Policy::default())).await;
    let (x, y) =
        (b.resource(within(term, &[], Policy::default())).await, b.resource(within(term, &[], closed())).await);
    let own = b.resource(within(term, &[PolicyField::Closed], Policy::default())).await;
    assert!(!b.calendar(y).await.resource.spec.policy.closed, "what it does not say itself follows the group");
    let versions = (b.version(x).await, b.version(own).await);
    // Made, booked and shut in one commit, in that order.
    let new = ResourceId(b.ids.fresh());
    let spec = Box::new(within(term, &[], Policy::default()));
    let batch = vec![
        b.proposal(b.ada, Action::CreateResource { resource: new, spec }),
        b.proposal(b.ben, b.book(b.ben, new, hours(9, 10))),
        b.proposal(b.ada, edit(term, 1, closed())),
        b.proposal(b.ben, b.book(b.ben, x, hours(9, 10))),
        b.proposal(b.ben, b.book(b.ben, new, hours(10, 11))),
        b.proposal(b.ben, b.book(b.ben, own, hours(9, 10))),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "BOOKED", "ACCEPTED", "closed", "closed", "BOOKED"]);
    for (id, policy_version) in [(term, 2), (x, 2), (y, 2), (new, 2), (own, 1)] {
        assert_eq!(b.calendar(id).await.resource.policy_version, policy_version, "{id}");
    }
    assert_eq!((b.version(x).await, b.version(own).await), (versions.0 + 1, versions.1 + 1));
    let members = crate::catalogue::read(b.views.catalogue()).members(term);
    assert_eq!(members.into_iter().collect::<BTreeSet<_>>(), [x, y, own, new].into());
}

pub(super) async fn an_edit_of_a_group_guards_what_is_in_it(b: &Bench) {
    let term = b.resource(group(Policy::default())).await;
    let x = b.resource(within(term, &[], Policy::default())).await;
    assert_eq!(b.says(b.ada, edit(term, 1, closed())).await, "ACCEPTED");
    assert_eq!(b.says(b.ada, edit(x, 1, Policy::default())).await, "FAILED version_stale");
    match b.send(b.ada, edit(term, 1, Policy::default())).await {
        crate::Answer::Failed(failure) => match failure.ground {
            Some(Ground::PolicyVersion { yours: 1, theirs }) => assert_eq!(theirs.policy_version, 2),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
    let nowhere = within(ResourceId(b.ids.fresh()), &[], Policy::default());
    let action = Action::CreateResource { resource: ResourceId(b.ids.fresh()), spec: Box::new(nowhere) };
    assert_eq!(b.says(b.ada, action).await, "not_found");
}

pub(super) async fn a_quota_is_settled_within_one_commit(b: &Bench) {
    let studio = b.resource(group(a_day(2, QuotaScope::Group))).await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(b.resource(within(studio, &[], Policy::default())).await);
    }
    let batch = rooms.iter().map(|r| b.proposal(b.ben, b.book(b.ben, *r, hours(9, 10)))).collect();
    assert_eq!(b.commit(batch).await, ["BOOKED", "BOOKED", "quota_exceeded", "quota_exceeded"]);
    // From two devices, scenario 7; and after it.
    let requests = rooms.repeat(5).into_iter().map(|r| b.request(b.cyd, b.book(b.cyd, r, hours(10, 11))));
    let answers = b.at_once(requests.collect()).await;
    assert_eq!(super::kit::count(&answers, "BOOKED"), 2);
    assert_eq!(super::kit::count(&answers, "quota_exceeded"), 18);
    let refused = rejection(&b.send(b.ben, b.book(b.ben, rooms[3], hours(12, 13))).await);
    assert!(
        matches!(refused.witness, Some(Witness::Quota { of, counted: 2, most: 2, .. }) if of == studio),
        "{refused:?}"
    );
}

/// Within one commit, after it, and after the worth and the limit are others; in hundredths.
pub(super) async fn credits_are_counted_as_they_were_decided(b: &Bench) {
    let limit =
        |most| Quota { most, counts: Measure::Credits, period: slotwise_domain::Period::All, scope: QuotaScope::Group };
    let term = b.resource(group(Policy { quota: Some(limit(650)), ..Policy::default() })).await;
    let mut rooms = Vec::new();
    for credits in [Some(250), Some(400), None] {
        let policy = Policy { credits, ..Policy::default() };
        rooms.push(b.resource(within(term, &[PolicyField::Credits], policy)).await);
    }
    let book = |who, n: usize, hour| b.book(who, rooms[n], hours(hour, hour + 1));
    let batch = vec![
        b.proposal(b.ben, book(b.ben, 0, 9)),
        b.proposal(b.ben, book(b.ben, 2, 9)),
        b.proposal(b.ben, book(b.ben, 1, 9)),
        b.proposal(b.ben, book(b.ben, 0, 10)),
        b.proposal(b.ben, book(b.ben, 2, 10)),
    ];
    assert_eq!(b.commit(batch).await, ["BOOKED", "BOOKED", "quota_exceeded", "BOOKED", "quota_exceeded"]);
    let refused = rejection(&b.send(b.ben, book(b.ben, 2, 12)).await);
    let expected = Witness::Quota { of: term, counted: 600, most: 650, counts: Measure::Credits, period: None };
    assert_eq!(refused.witness, Some(expected));
    // Worth less from now on, and more may be had: what was decided counts as it was.
    let cheap = Box::new(ResourcePatch {
        policy: Some(Policy { credits: Some(50), ..Policy::default() }),
        own: [PolicyField::Credits].into(),
        ..ResourcePatch::default()
    });
    let edited = Action::EditResource { resource: rooms[0], policy_version: 1, patch: cheap };
    assert_eq!(b.says(b.ada, edited).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, book(b.ben, 0, 13)).await, "BOOKED");
    assert_eq!(b.says(b.ben, book(b.ben, 0, 14)).await, "quota_exceeded");
    let units = Quota { most: 4, counts: Measure::Units, ..limit(0) };
    assert_eq!(b.says(b.ada, edit(term, 1, Policy { quota: Some(units), ..Policy::default() })).await, "ACCEPTED");
    assert_eq!(b.says(b.ben, book(b.ben, 0, 15)).await, "quota_exceeded");
}

pub(super) async fn what_is_cancelled_and_moved_counts_as_it_is(b: &Bench) {
    let x = b.resource(with_policy(9, a_day(1, QuotaScope::Resource))).await;
    let first = b.booked(b.ben, x, hours(9, 10)).await;
    let batch = vec![
        b.proposal(b.ben, b.book(b.ben, x, hours(10, 11))),
        b.proposal(b.ben, b.relocate(first.id, &[(x, hours(14, 15), 1)])),
        b.proposal(b.ben, Action::Cancel { booking: first.id, reason: None }),
        b.proposal(b.ben, b.book(b.ben, x, hours(10, 11))),
        b.proposal(b.ben, b.book(b.ben, x, hours(11, 12))),
    ];
    assert_eq!(b.commit(batch).await, ["quota_exceeded", "ACCEPTED", "ACCEPTED", "BOOKED", "quota_exceeded"]);
    assert_eq!(b.says(b.ben, b.book(b.ben, x, hours(11, 12))).await, "quota_exceeded");
    let tomorrow = slotwise_domain::Interval::new(super::kit::minute(33 * 60), super::kit::minute(34 * 60)).unwrap();
    assert_eq!(b.says(b.ben, b.book(b.ben, x, tomorrow)).await, "BOOKED");
}

/// A late cancel and a no-show go on counting, in the tables too; what an admin displaces does not.
pub(super) async fn what_was_had_counts_and_what_was_taken_away_does_not(b: &Bench) {
    let policy = Policy {
        late_cancel_from: Some(Cutoff::Elapsed(Span::hours(1))),
        check_in: Some(CheckIn { opens: Span::minutes(30), closes: Span::minutes(10) }),
        ..a_day(1, QuotaScope::Resource)
    };
    let (x, y) = (b.resource(with_policy(9, policy.clone())).await, b.resource(with_policy(9, policy.clone())).await);
    let z = b.resource(with_policy(1, policy)).await;
    let late = b.booked(b.ben, x, minutes(30, 90)).await;
    let gone = b.booked(b.ben, y, minutes(20, 80)).await;
    let taken = b.booked(b.ben, z, minutes(60, 120)).await;
    let over = Action::Override {
        action: Box::new(b.book(b.cyd, z, minutes(60, 120))),
        reason: "The Dean comes.".into(),
        displaces: vec![(taken.id, 1)],
    };
    let batch = vec![
        b.proposal(b.ben, Action::Cancel { booking: late.id, reason: None }),
        b.proposal(b.ben, b.book(b.ben, x, minutes(120, 180))),
        b.proposal(b.ada, over),
        b.proposal(b.ben, b.book(b.ben, z, minutes(120, 180))),
        b.proposal(b.ben, b.book(b.ben, z, minutes(180, 240))),
    ];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "quota_exceeded", "BOOKED", "BOOKED", "quota_exceeded"]);
    b.clock.step(Span::minutes(30));
    assert_eq!(b.says(b.ada, Action::ReleaseNoShow { booking: gone.id }).await, "ACCEPTED");
    // Asked before and after what was decided is in the tables: lists wait for them.
    for _ in 0..2 {
        assert_eq!(b.says(b.ben, b.book(b.ben, x, minutes(120, 180))).await, "quota_exceeded");
        assert_eq!(b.says(b.ben, b.book(b.ben, y, minutes(120, 180))).await, "quota_exceeded");
        assert_eq!(b.says(b.ben, b.book(b.ben, z, minutes(180, 240))).await, "quota_exceeded");
        b.views.bookings(crate::BookingFilter { owner: Some(b.ben), max: 10, ..Default::default() }).await.unwrap();
    }
    assert_eq!((b.state_of(late.id).await, b.state_of(gone.id).await), ("cancelled", "no_show"));
}

/// Whoever it is handed to must be allowed it, and then has it; whoever had it may have another.
pub(super) async fn a_booking_handed_over_counts_for_its_new_owner(b: &Bench) {
    let gold = Requirement { all: vec!["member:gold".into()], ..Requirement::default() };
    let section = |interval: Interval, linked: Vec<Vec<ResourceId>>, policy: Policy| ResourceSpec {
        kind: Kind::Section,
        interval: Some(interval),
        linked,
        ..with_policy(9, policy)
    };
    let lab = b.resource(section(minutes(180, 240), Vec::new(), Policy::default())).await;
    let rules = Policy { eligibility: vec![gold], own_overlap: OwnOverlap::Refuse, ..a_day(1, QuotaScope::Resource) };
    let x = b.resource(section(minutes(60, 120), vec![vec![lab]], rules)).await;
    let facts = Facts { tags: ["member:gold".to_owned()].into(), ..Facts::default() };
    b.directory.put_facts(b.ben, 0, facts.clone()).await.unwrap();
    let both = |owner| b.booking(owner, &[(x, minutes(60, 120), 1), (lab, minutes(180, 240), 1)], None);
    // Every rule about a person at once is asked in few rounds.
    let Answer::Decided(_, Some(Made::Booking(mine))) = b.send(b.ben, both(b.ben)).await else { panic!("not booked") };
    let hand = |booking: BookingId| Action::HandOver {
        booking: BookingRef { id: booking, revision: None },
        to: b.cyd,
        reason: "Ben is ill.".into(),
    };
    assert_eq!(b.says(b.ada, hand(mine.id)).await, "not_eligible");
    b.directory.put_facts(b.cyd, 0, facts).await.unwrap();
    let batch = vec![b.proposal(b.ada, hand(mine.id)), b.proposal(b.cyd, both(b.cyd)), b.proposal(b.ben, both(b.ben))];
    assert_eq!(b.commit(batch).await, ["ACCEPTED", "quota_exceeded", "BOOKED"]);
    let second =
        b.views.bookings(crate::BookingFilter { owner: Some(b.ben), max: 10, ..Default::default() }).await.unwrap();
    let theirs = second.iter().find(|b| b.state.name() == "confirmed").unwrap();
    assert_eq!(b.says(b.ada, hand(theirs.id)).await, "quota_exceeded");
    assert_eq!(b.says(b.cyd, both(b.cyd)).await, "quota_exceeded");
}

/// What an admin displaces is had at once by the first who waits and may have it.
pub(super) async fn what_is_displaced_is_for_whoever_may_have_it(b: &Bench) {
    let waitlist = Some(Waitlist { mode: WaitMode::Book, fill: WaitFill::Skip, capacity: None });
    let studio = b.resource(group(Policy { waitlist, ..a_day(1, QuotaScope::Group) })).await;
    let one = ResourceSpec { capacity: Some(1), ..within(studio, &[], Policy::default()) };
    let (hall, side, outside) = (b.resource(one.clone()).await, b.resource(one).await, b.room(1).await);
    let time = minutes(60, 120);
    let lines = [(hall, time, 1), (outside, time, 1)];
    let Answer::Decided(_, Some(Made::Booking(bundle))) = b.send(b.ada, b.booking(b.ada, &lines, None)).await else {
        panic!("not booked")
    };
    assert_eq!(b.says(b.ben, join(b, b.ben, hall, time, None)).await, "ACCEPTED");
    assert_eq!(b.says(b.cyd, join(b, b.cyd, hall, time, None)).await, "ACCEPTED");
    // The first in line has as much as they may by then.
    let elsewhere = b.booked(b.ben, side, time).await;
    let over = Action::Override {
        action: Box::new(b.book(b.ada, outside, time)),
        reason: "The Dean comes.".into(),
        displaces: vec![(bundle.id, 1)],
    };
    assert_eq!(b.says(b.ada, over).await, "BOOKED");
    let owners = |calendar: &Calendar| calendar.uses.values().map(|u| u.owner).collect::<Vec<_>>();
    assert_eq!(owners(&*b.calendar(hall).await), [b.cyd]);
    // And what was taken from its owner counts no more.
    assert_eq!(b.says(b.ada, b.book(b.ada, side, minutes(180, 240))).await, "BOOKED");
    let batch = vec![
        b.proposal(
            b.ada,
            Action::HandOver {
                booking: BookingRef { id: elsewhere.id, revision: None },
                to: b.cyd,
                reason: "Ben is ill.".into(),
            },
        ),
        b.proposal(b.ben, Action::Cancel { booking: elsewhere.id, reason: None }),
        b.proposal(
            b.ada,
            Action::Cancel { booking: calendar_booking(&*b.calendar(hall).await), reason: Some("Ill.".into()) },
        ),
    ];
    assert_eq!(b.commit(batch).await, ["quota_exceeded", "ACCEPTED", "ACCEPTED"]);
    assert_eq!(owners(&*b.calendar(hall).await), [b.ben]);
}

fn calendar_booking(calendar: &Calendar) -> BookingId {
    let of = |u: &slotwise_domain::Use| match u.id {
        UseId::Booking(id, _) => Some(id),
        UseId::Hold(_) => None,
    };
    calendar.uses.values().find_map(of).unwrap()
}

pub(super) async fn facts_count_from_the_next_decision_on(b: &Bench) {
    let gold = Requirement { all: vec!["member:gold".into()], ..Requirement::default() };
    let eligibility = Policy { eligibility: vec![gold], ..a_day(1, QuotaScope::Resource) };
    let gym = b.resource(with_policy(9, eligibility)).await;
    let refused = rejection(&b.send(b.ben, b.book(b.ben, gym, hours(9, 10))).await);
    assert_eq!((refused.code.name(), refused.witness), ("not_eligible", Some(Witness::Requirement { place: 0 })));
    let facts = Facts { tags: ["member:gold".to_owned()].into(), ..Facts::default() };
    assert_eq!(b.directory.put_facts(b.ben, 0, facts.clone()).await.unwrap(), FactsPut::Put(1));
    assert_eq!(b.says(b.ben, b.book(b.ben, gym, hours(9, 10))).await, "BOOKED");
    assert_eq!(b.says(b.ben, b.book(b.ben, gym, hours(10, 11))).await, "quota_exceeded");
    let more = Facts { allowances: [(gym, 2)].into(), ..facts.clone() };
    assert_eq!(b.directory.put_facts(b.ben, 0, more.clone()).await.unwrap(), FactsPut::Moved(facts, 1));
    assert_eq!(b.directory.put_facts(b.ben, 1, more.clone()).await.unwrap(), FactsPut::Put(2));
    assert_eq!(b.says(b.ben, b.book(b.ben, gym, hours(10, 11))).await, "BOOKED");
    assert_eq!(b.directory.facts(b.ben).await.unwrap(), Some((more, 2)));
    assert_eq!(b.directory.facts(b.cyd).await.unwrap(), Some((Facts::default(), 0)));
    let nobody = PersonId(b.ids.fresh());
    assert_eq!(b.directory.facts(nobody).await.unwrap(), None);
    assert_eq!(b.directory.put_facts(nobody, 0, Facts::default()).await.unwrap(), FactsPut::NoPerson);
}

pub(super) async fn people_are_put_by_rows_and_found_by_words(b: &Bench) {
    let row = |external: &str, name: &str| PersonRow {
        id: None,
        fresh: PersonId(b.ids.fresh()),
        external_id: Some(external.into()),
        name: name.into(),
        title: None,
        email: None,
        role: None,
        tags: None,
    };
    let rows = || vec![row("a1", "Zoë Müller"), row("a2", "Anna Muster"), row("a3", "Åsa Öberg")];
    let put = b.directory.put_people(rows(), true).await.unwrap();
    assert!(put.iter().all(|put| matches!(put, RowPut::Made(_))), "{put:?}");
    let names = async |words: &[&str], after: Option<(String, PersonId)>, max: usize| {
        let words = words.iter().map(|w| (*w).to_owned()).collect();
        let found = b.directory.find_people(words, false, after, max).await.unwrap();
        found.into_iter().map(|l| (l.card.name, l.card.id)).collect::<Vec<_>>()
    };
    assert_eq!(names(&["mu"], None, 9).await, [], "a dry run does nothing");
    b.directory.put_people(rows(), false).await.unwrap();
    let again = b.directory.put_people(rows(), false).await.unwrap();
    assert!(again.iter().all(|put| matches!(put, RowPut::Same(_))), "{again:?}");
    let found = names(&["MU"], None, 9).await;
    assert_eq!(found.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>(), ["Anna Muster", "Zoë Müller"]);
    assert_eq!(names(&["mu"], Some(found[0].clone()), 9).await, found[1..]);
    assert_eq!(names(&["mu"], None, 1).await, found[..1]);
    assert_eq!(names(&["zoe mul"], None, 9).await, found[1..]);
    assert_eq!(names(&["zoe", "anna"], None, 9).await, []);
    assert_eq!(names(&["oberg"], None, 9).await.len(), 1);
    // Somebody else's external id spoils the whole table.
    let taken = PersonRow { id: Some(found[0].1), ..row("a1", "Anna Muster") };
    let put = b.directory.put_people(vec![row("a9", "New"), taken], false).await.unwrap();
    assert_eq!(put[1], RowPut::ExternalIdTaken);
    assert_eq!(names(&["new"], None, 9).await, []);
    // What is said is changed, and nothing else.
    let gold = PersonRow {
        role: Some(Role::Admin),
        tags: Some(["member:gold".to_owned()].into()),
        email: Some("anna@example.org".into()),
        ..row("a2", "Anna Meister")
    };
    let put = b.directory.put_people(vec![gold], false).await.unwrap();
    assert_eq!(put, [RowPut::Changed(found[0].1)]);
    let put = b.directory.put_people(vec![row("a2", "Anna Meister")], false).await.unwrap();
    assert_eq!(put, [RowPut::Same(found[0].1)]);
    let card = b.directory.person(found[0].1).await.unwrap().unwrap();
    assert_eq!((&card.name[..], card.role), ("Anna Meister", Role::Admin));
    assert_eq!(names(&["muster"], None, 9).await, []);
    let facts = b.directory.facts(found[0].1).await.unwrap().unwrap();
    assert_eq!((facts.0.tags.len(), facts.1), (1, 1));
}

pub(super) async fn a_plan_is_kept_as_it_was_put(b: &Bench) {
    let (x, y) = (b.resource(room("X", 1)).await, b.resource(room("Y", 1)).await);
    let plan: Plan = vec![vec![x, y], vec![y]];
    assert_eq!(b.directory.plan(b.ben).await.unwrap(), (Plan::new(), 0));
    assert_eq!(b.directory.put_plan(b.ben, 0, plan.clone()).await.unwrap(), PlanPut::Put(1));
    assert_eq!(b.directory.put_plan(b.ben, 0, Plan::new()).await.unwrap(), PlanPut::Moved(plan.clone(), 1));
    assert_eq!(b.directory.plan(b.ben).await.unwrap(), (plan, 1));
    assert_eq!(b.directory.put_plan(b.ben, 1, Plan::new()).await.unwrap(), PlanPut::Put(2));
    assert_eq!(b.directory.plan(b.ben).await.unwrap(), (Plan::new(), 2));
    assert_eq!(b.directory.plan(b.cyd).await.unwrap(), (Plan::new(), 0));
    let nobody = PersonId(b.ids.fresh());
    assert_eq!(b.directory.put_plan(nobody, 0, Plan::new()).await.unwrap(), PlanPut::NoPerson);
}

/// A section on all of a morning that meets on its one day at these hours.
fn section(from_hour: u16, to_hour: u16) -> ResourceSpec {
    let day = hours(9, 10).start().timestamp().to_zoned(Zone::utc().rules().clone()).date();
    let days = std::iter::once(day.weekday()).collect();
    let hours_of_day = OpeningHours { days, from_min: from_hour * 60, to_min: to_hour * 60 };
    let course = Course {
        subject: "MATH".into(),
        number: "2".into(),
        title: "Algebra".into(),
        section: "001".into(),
        part: None,
        credits: None,
        instructor: None,
        meetings: vec![Meeting { hours: hours_of_day, first: day, last: day, place: None }],
    };
    let policy = Policy { own_overlap: OwnOverlap::Refuse, ..Policy::default() };
    let (interval, course) = (Some(hours(9, 20)), Some(Arc::new(course)));
    ResourceSpec { kind: Kind::Section, interval, course, ..with_policy(9, policy) }
}

/// All are on one time, and meet at hours of it: what the rule must see of the person's other sections is loaded.
pub(super) async fn sections_clash_where_they_meet(b: &Bench) {
    let (x, y) = (b.resource(section(9, 11)).await, b.resource(section(10, 12)).await);
    let z = b.resource(section(11, 13)).await;
    let book = |who, id| b.book(who, id, hours(9, 20));
    assert_eq!(b.says(b.ben, book(b.ben, x)).await, "BOOKED");
    assert_eq!(b.says(b.ben, book(b.ben, y)).await, "own_overlap");
    assert_eq!(b.says(b.ben, book(b.ben, z)).await, "BOOKED");
    assert_eq!(b.says(b.ben, book(b.ben, x)).await, "own_overlap");
    let batch = vec![b.proposal(b.cyd, book(b.cyd, y)), b.proposal(b.cyd, book(b.cyd, z))];
    assert_eq!(b.commit(batch).await, ["BOOKED", "own_overlap"]);
}

/// Somebody sits in more sections than judging may ask to see more: each of them is looked at all the same, when they book, when it
/// is only tried, and when it is their turn.
pub(super) async fn whoever_sits_in_many_sections_sits_in_one_more(b: &Bench) {
    let mut many = Vec::new();
    for hour in 0..12 {
        let id = b.resource(section(hour, hour + 1)).await;
        many.push(id);
        assert_eq!(b.says(b.ben, b.book(b.ben, id, hours(9, 20))).await, "BOOKED", "the one at {hour}");
    }
    let (another, meets) = (b.resource(section(20, 21)).await, b.resource(section(11, 13)).await);
    let book = |id| b.book(b.ben, id, hours(9, 20));
    let command = b.request(b.ben, book(another)).command;
    let tried = b.engine.dry_run(command).await.unwrap().would;
    assert!(
        matches!(tried, crate::round::Judged::Decided(recorded, ..) if recorded.decision.outcome.name() == "BOOKED")
    );
    assert_eq!(b.says(b.ben, book(another)).await, "BOOKED");
    assert_eq!(b.says(b.ben, book(meets)).await, "own_overlap");
    // What comes free is theirs at once, and nothing of it is due any more.
    let waitlist = Waitlist::of_kind(Kind::Section);
    let waited = |from, to| {
        let spec = section(from, to);
        ResourceSpec { capacity: Some(1), policy: Policy { waitlist, ..spec.policy.clone() }, ..spec }
    };
    let (free, clashes) = (b.resource(waited(21, 22)).await, b.resource(waited(11, 13)).await);
    for (id, has) in [(free, b.ben), (clashes, b.cyd)] {
        let theirs = b.booked(b.ada, id, hours(9, 20)).await;
        for who in [b.ben, b.cyd] {
            let said = b.says(who, join(b, who, id, hours(9, 20), None)).await;
            assert_eq!(said, if who == b.ben && id == clashes { "own_overlap" } else { "ACCEPTED" });
        }
        assert_eq!(b.says(b.ada, Action::Cancel { booking: theirs.id, reason: None }).await, "ACCEPTED");
        let calendar = b.calendar(id).await;
        assert_eq!(calendar.uses.values().map(|u| u.owner).collect::<Vec<_>>(), [has]);
        assert!(calendar.wait_due.is_none_or(|due| due > b.clock.now()), "{:?}", calendar.wait_due);
    }
}

/// A lecture that goes with one of more labs than judging may ask to see more is given up, and left for another.
pub(super) async fn whoever_leaves_a_lecture_of_many_labs_is_asked_of_each(b: &Bench) {
    let of = |hour: i64, linked: Vec<Vec<ResourceId>>| ResourceSpec {
        kind: Kind::Section,
        interval: Some(hours(hour, hour + 1)),
        linked,
        ..with_policy(9, Policy::default())
    };
    let mut labs = Vec::new();
    for _ in 0..12 {
        labs.push(b.resource(of(12, Vec::new())).await);
    }
    let (lecture, evening) =
        (b.resource(of(9, vec![labs.clone()])).await, b.resource(of(18, vec![labs.clone()])).await);
    for lab in &labs {
        let linked = Some(vec![vec![lecture, evening]]);
        let patch = Box::new(ResourcePatch { linked, ..ResourcePatch::default() });
        let action = Action::EditResource { resource: *lab, policy_version: 1, patch };
        assert_eq!(b.says(b.ada, action).await, "ACCEPTED");
    }
    let both = [(lecture, hours(9, 10), 1), (labs[11], hours(12, 13), 1)];
    for who in [b.ben, b.cyd] {
        let Answer::Decided(_, Some(Made::Booking(mine))) = b.send(who, b.booking(who, &both, None)).await else {
            panic!("not booked")
        };
        let to = [(evening, hours(18, 19), 1), (labs[10], hours(12, 13), 1)];
        assert_eq!(b.says(who, b.relocate(mine.id, &to)).await, "ACCEPTED");
        assert_eq!(b.says(who, Action::Cancel { booking: mine.id, reason: None }).await, "ACCEPTED");
    }
}
