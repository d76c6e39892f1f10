//! Groups: what is in one follows its policy, wherever it says nothing itself, in the same commit.
//! What rules do to bookings is elsewhere.

use slotwise_domain::*;
use std::sync::Arc;
use uuid::Uuid;

crate::rows::tables! {
    a_group_is_not_booked: "
        group term
        book term 10:00-11:00 by ann                    -> REJECTED invalid: group
        hold term 10:00-11:00 by ann                    -> REJECTED invalid: group
        block term 10:00-11:00 by root                  -> REJECTED invalid: group
        room room-1
        book room-1 10:00-11:00 + term 10:00-11:00 by ann -> REJECTED invalid: group on term
    ";

    what_is_in_a_group_follows_it: "
        group term book-by 120m closed
        section algebra 10:00-11:00 in term
        section biology 10:00-11:00 in term in-service
        section chess 10:00-11:00 in term book-by 60m
        policy algebra                                  -> version 1 closed book-by 120m
        policy biology                                  -> version 1 book-by 120m
        policy chess                                    -> version 1 closed book-by 60m
        edit term by root in-service                    -> ACCEPTED
        policy algebra                                  -> version 2 book-by 120m
        policy biology                                  -> version 1 book-by 120m
        policy chess                                    -> version 2 book-by 60m
        edit term by root book-by 30m                   -> ACCEPTED
        policy term                                     -> version 3 book-by 30m
        policy algebra                                  -> version 3 book-by 30m
        policy chess                                    -> version 2 book-by 60m
        at 08:00
        book algebra by ann                             -> BOOKED
        at 09:00
        book chess by ann                               -> REJECTED past_cutoff: book_by (09:00)
    ";

    // What becomes of a booking after it was made follows the group too.
    check_in_late_cancel_and_what_waits_follow_the_group: "
        group studio check-in 15m 10m late-cancel-from 60m pending-takes
        room room-1 in studio
        room room-2 in studio check-in 30m 20m late-cancel-from 120m
        policy room-1                                   -> version 1 pending-takes late-cancel-from 60m check-in 15m 10m
        policy room-2                                   -> version 1 pending-takes late-cancel-from 120m check-in 30m 20m
        edit studio by root check-in 5m 40m             -> ACCEPTED
        policy room-1                                   -> version 2 pending-takes late-cancel-from 60m check-in 5m 40m
        policy room-2                                   -> version 1 pending-takes late-cancel-from 120m check-in 30m 20m
        book room-1 10:00-11:00 by ann as a             -> BOOKED
        book room-2 10:00-11:00 by bob as b             -> BOOKED
        at 09:50
        check-in a by ann                               -> REJECTED too_early: check_in (09:55) again 09:55
        check-in b by bob                               -> ACCEPTED
        at 10:20
        no-show a by slotwise                           -> REJECTED too_early: check_in (10:40) again 10:40
        edit studio by root check-in 5m 20m             -> ACCEPTED
        no-show a by slotwise                           -> ACCEPTED
    ";

    // Closing a group closes what follows it; what is closed or opened by itself says so from then on.
    a_group_closes_and_opens_what_follows_it: "
        group studio
        room room-1 in studio
        room room-2 in studio in-service
        close studio by ann                             -> REJECTED not_allowed: admin_only
        close studio by root                            -> ACCEPTED
        policy studio                                   -> version 2 closed
        policy room-1                                   -> version 2 closed
        policy room-2                                   -> version 1
        book room-1 10:00-11:00 by ann                  -> REJECTED closed
        reopen room-1 by root                           -> ACCEPTED
        policy room-1                                   -> version 3
        reopen studio by root                           -> ACCEPTED
        close studio by root                            -> ACCEPTED
        policy room-1                                   -> version 3
        capacity studio to 3 by root                    -> REJECTED invalid: group
    ";

    a_name_is_not_inherited: "
        group term
        section algebra 10:00-11:00 in term
        edit term by root called autumn                 -> ACCEPTED
        policy term                                     -> version 1
        policy algebra                                  -> version 1
    ";

    only_admins_edit_and_join: "
        group term
        section algebra 10:00-11:00 in term by ann      -> REJECTED not_allowed: admin_only
        edit term by ann closed                         -> REJECTED not_allowed: admin_only
        section algebra 10:00-11:00 in nowhere          -> REJECTED not_found: group
        room room-1
        section algebra 10:00-11:00 in room-1           -> REJECTED invalid: group
    ";

    // What two admins saw: one edits the group, the other something in it.
    an_edit_of_the_group_makes_an_edit_of_what_is_in_it_stale: "
        group term
        section algebra 10:00-11:00 in term
        edit term by root closed                        -> ACCEPTED
        edit algebra by root seen 1 capacity 5          -> FAILED version_stale
        edit term by root seen 1 in-service             -> FAILED version_stale
        edit algebra by root seen 2 capacity 5          -> ACCEPTED
        edit term by root seen 2 in-service             -> ACCEPTED
    ";

    joining_and_leaving: "
        group term book-by 120m
        group autumn closed
        section algebra 10:00-11:00
        edit algebra by root in term                    -> ACCEPTED
        policy algebra                                  -> version 2 book-by 120m
        edit algebra by root in autumn                  -> ACCEPTED
        policy algebra                                  -> version 3 closed
        edit term by root book-by 60m                   -> ACCEPTED
        policy algebra                                  -> version 3 closed
        edit algebra by root alone                      -> ACCEPTED
        policy algebra                                  -> version 4 closed
        edit autumn by root in-service                  -> ACCEPTED
        policy algebra                                  -> version 4 closed
        edit algebra by root in nowhere                 -> REJECTED not_found: group
    ";
}

fn made(world: &mut World, id: ResourceId, kind: Kind, group: Option<ResourceId>) -> Verdict {
    let spec = ResourceSpec {
        kind,
        name: "one of many".into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: Zone::utc(),
        capacity: (kind != Kind::Group).then_some(1),
        interval: None,
        policy: Policy::default(),
        group: group.map(|id| Grouped { id, own: Default::default() }),
        linked: Vec::new(),
        course: None,
    };
    let action = Action::CreateResource { resource: id, spec: Box::new(spec) };
    let command = Command { actor: Actor::System, action, seen: None, reason: None };
    world.loaded.extend(&command.scope());
    decide(world, &command, Instant(0))
}

#[test]
fn a_group_holds_so_many_and_no_more() {
    let mut world = World::empty(Epoch(1));
    let (group, id) = (ResourceId(Uuid::from_u128(1)), |n: usize| ResourceId(Uuid::from_u128(100 + n as u128)));
    let Verdict::Accepted(changes, _) = made(&mut world, group, Kind::Group, None) else { panic!("no group") };
    world.apply(&changes, Instant(0));
    world.members.insert(group, (0..ResourceSpec::MEMBERS_MAX - 1).map(id).collect());
    let Verdict::Accepted(changes, _) = made(&mut world, id(20_000), Kind::Room, Some(group)) else {
        panic!("refused")
    };
    world.apply(&changes, Instant(0));
    assert_eq!(world.members[&group].len(), ResourceSpec::MEMBERS_MAX);
    match made(&mut world, id(20_001), Kind::Room, Some(group)) {
        Verdict::Rejected(refused, _) => assert_eq!(refused, Rejection::by(Code::Invalid, Rule::MembersMax).on(group)),
        other => panic!("{other:?}"),
    }
}

/// An edit asks to see what is in the group, and then each of it; nobody is kept waiting for that who is no admin.
#[test]
fn what_is_in_a_group_is_asked_for_in_two_steps() {
    let mut world = World::empty(Epoch(1));
    let (group, member) = (ResourceId(Uuid::from_u128(1)), ResourceId(Uuid::from_u128(2)));
    world.members.insert(group, Members::new());
    for (id, kind, within) in [(group, Kind::Group, None), (member, Kind::Room, Some(group))] {
        let Verdict::Accepted(changes, _) = made(&mut world, id, kind, within) else { panic!("refused") };
        world.apply(&changes, Instant(0));
    }
    let calendar: Arc<Calendar> = world.calendars.remove(&member).unwrap();
    let members = world.members.remove(&group).unwrap();
    world.loaded = Scope { resources: [group].into(), ..Scope::default() };
    let patch =
        ResourcePatch { policy: Some(Policy { closed: true, ..Policy::default() }), ..ResourcePatch::default() };
    let action = Action::EditResource { resource: group, policy_version: 1, patch: Box::new(patch) };
    let command = Command { actor: Actor::System, action, seen: None, reason: None };
    let asked = decide(&world, &command, Instant(0));
    assert_eq!(asked, Verdict::Needs(Scope { members: [group].into(), ..Scope::default() }));
    world.members.insert(group, members);
    let asked = decide(&world, &command, Instant(0));
    assert_eq!(asked, Verdict::Needs(Scope { resources: [member].into(), ..Scope::default() }));
    world.calendars.insert(member, calendar);
    world.loaded.resources.insert(member);
    let Verdict::Accepted(changes, _) = decide(&world, &command, Instant(0)) else { panic!("refused") };
    assert_eq!(changes.records.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [group, member]);
}
