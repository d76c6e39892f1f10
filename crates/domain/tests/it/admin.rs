//! What admins do while people book, and what becomes of a booking after it was made, row by row.
//! Two at once are two rows that saw the same thing.

crate::rows::tables! {
    // An auditor looks and changes nothing; a manager is an admin of what they manage, and a member elsewhere.
    roles_are_judged_when_it_is_decided: "
        room room-1 approval
        room room-2 approval
        auditor eve
        manager max of room-1
        book room-1 09:00-10:00 by eve          -> REJECTED not_allowed: looks_only
        book room-1 09:00-10:00 by ann as a     -> PENDING
        book room-2 09:00-10:00 by ann as b     -> PENDING
        approve b by eve                        -> REJECTED not_allowed: looks_only
        approve b by max                        -> REJECTED not_allowed: admin_only
        approve a by max                        -> ACCEPTED
    ";

    who_has_come_is_checked_in: "
        room room-1 check-in 15m 10m
        room room-2
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        check-in a by ann                       -> REJECTED too_early: check_in (09:45) again 09:45
        at 09:44:59.999999
        check-in a by root                      -> REJECTED too_early: check_in (09:45) again 09:45
        at 09:45
        check-in a by bob                       -> REJECTED not_allowed: owner
        check-in a by ann                       -> ACCEPTED
        check-in a by root                      -> ACCEPTED, nothing changes
        left room-1 10:00-11:00                 -> 0
        no-show a by slotwise                   -> REJECTED invalid: state
        approve a by root                       -> ACCEPTED, nothing changes
        decline a by root                       -> REJECTED invalid: state
        move a to room-1 10:00-10:30 by ann     -> ACCEPTED
        move a to room-1 12:00-13:00 by ann     -> REJECTED invalid: state
        book room-2 10:00-11:00 by ann as b     -> BOOKED
        swap a with b by ann                    -> REJECTED invalid: state
        check-in b by ann                       -> REJECTED invalid: check_in
        check-in nothing by ann                 -> REJECTED not_found
        cancel a by ann                         -> ACCEPTED
        check-in a by ann                       -> REJECTED invalid: state
    ";

    // At the instant that it closes it is too late, whether or not the deadline has fired.
    who_has_not_come_lets_go: "
        room room-1 check-in 15m 10m teardown 15m
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        no-show a by slotwise                   -> REJECTED too_early: check_in (10:10) again 10:10
        at 10:09:59.999999
        no-show a by slotwise                   -> REJECTED too_early: check_in (10:10) again 10:10
        at 10:10
        check-in a by ann                       -> REJECTED past_cutoff: check_in (10:10)
        no-show a by bob                        -> REJECTED not_allowed: admin_only
        no-show a by slotwise                   -> ACCEPTED
        no-show a by slotwise                   -> ACCEPTED, nothing changes
        left room-1 10:10-11:00                 -> 1
        left room-1 10:00-10:30                 -> 0
        book room-1 10:05-11:00 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 10:10-11:00 by bob as b     -> BOOKED
        cancel a by ann                         -> REJECTED invalid: state
        change a by ann                         -> REJECTED invalid: state
        move a to room-1 13:00-14:00 by ann     -> REJECTED invalid: state
        hand a to cat by root                   -> REJECTED invalid: state
        at 11:00
        no-show b by slotwise                   -> REJECTED past_cutoff: begun (11:00)
    ";

    // A bundle is one booking: whoever does not come to its beginning lets go of all that has not begun, and of the rest of what has.
    a_bundle_nobody_came_to: "
        room room-1 check-in 15m 10m
        room beamer capacity 3
        at 09:00
        book room-1 10:00-11:00 + beamer 10:00-12:00 + beamer 14:00-15:00 by ann as a -> BOOKED
        at 10:30
        no-show a by root                       -> ACCEPTED
        left room-1 10:30-11:00                 -> 1
        left beamer 10:30-12:00                 -> 3
        left beamer 10:00-10:30                 -> 2
        left beamer 14:00-15:00                 -> 3
    ";

    a_late_cancel_is_marked: "
        room room-1 late-cancel-from 24h cancel-by 1h
        room room-2 late-cancel-from 24h approval
        day 2026-03-02 UTC
        at 08:00
        book room-1 2026-03-03T08:00..2026-03-03T09:00 by ann as a -> BOOKED
        book room-1 2026-03-03T09:00..2026-03-03T10:00 by ann as b -> BOOKED
        book room-1 2026-03-03T10:00..2026-03-03T11:00 by ann as c -> BOOKED
        book room-2 2026-03-02T20:00..2026-03-02T21:00 by ann as w -> PENDING
        at 08:59:59
        cancel a by ann                         -> ACCEPTED; a late
        cancel b by ann                         -> ACCEPTED
        at 2026-03-03T08:59:59
        cancel c by ann                         -> ACCEPTED; c late
        cancel w by root                        -> REJECTED past_cutoff: begun (21:00)
        book room-1 2026-03-03T12:00..2026-03-03T13:00 by ann as d -> BOOKED
        cancel d by root                        -> ACCEPTED
        book room-1 2026-03-03T12:00..2026-03-03T13:00 by ann as e -> BOOKED
        at 2026-03-03T11:00
        cancel e by ann                         -> REJECTED past_cutoff: cancel_by (2026-03-03T11:00)
    ";

    what_waits_may_keep_its_units: "
        room room-1 approval pending-takes
        room room-2 approval
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> PENDING
        book room-2 10:00-11:00 by ann as w     -> PENDING
        left room-1 10:00-11:00                 -> 0
        left room-2 10:00-11:00                 -> 1
        book room-1 10:00-11:00 by bob          -> REJECTED full (ann 10:00-11:00)
        move a to room-1 10:30-11:30 by ann     -> ACCEPTED
        left room-1 11:00-11:30                 -> 0
        approve a by bob                        -> REJECTED not_allowed: admin_only
        approve a by root                       -> ACCEPTED
        left room-1 10:30-11:30                 -> 0
        cancel a by ann                         -> ACCEPTED
        left room-1 10:30-11:30                 -> 1
        # What one of its resources does not keep, the booking does not take.
        book room-1 10:00-11:00 + room-2 10:00-11:00 by bob as b -> PENDING
        left room-1 10:00-11:00                 -> 1
        decline b by bob                        -> REJECTED not_allowed: admin_only
        decline b by root silently              -> REJECTED invalid: reason
        decline b by root seen 2                -> FAILED version_stale
        decline b by root seen 1                -> ACCEPTED
        decline b by root                       -> ACCEPTED, nothing changes
        approve b by root                       -> REJECTED invalid: state
    ";

    // Approving looks again: what it kept is its own, and there may be less now.
    approving_looks_again: "
        room room-1 capacity 2 approval pending-takes
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> PENDING
        book room-1 10:00-11:00 by bob as b     -> PENDING
        capacity room-1 to 1 by root over-committing -> ACCEPTED; 1 too many
        approve a by root                       -> REJECTED full (bob 10:00-11:00)
        decline b by root                       -> ACCEPTED; 0 too many
        approve a by root                       -> ACCEPTED
    ";

    a_lower_capacity_is_refused_over_committed_or_displaces: "
        section math 10:00-11:00 capacity 4
        at 08:00
        book math by ann as a                   -> BOOKED
        at 08:01
        book math by bob as b                   -> BOOKED
        at 08:02
        book math x2 by cat as c                -> BOOKED
        at 09:00
        capacity math to 3 by ann               -> REJECTED not_allowed: admin_only
        capacity math to 0 by root              -> REJECTED invalid: to
        capacity math to 3 by root              -> REJECTED insufficient: to (ann 10:00-11:00)
        capacity math to 2 by root over-committing silently -> REJECTED invalid: reason
        capacity math to 2 by root over-committing used 3 -> ACCEPTED; 2 too many
        book math by bob                        -> REJECTED full (ann 10:00-11:00)
        edit math by root called maths          -> ACCEPTED
        left math 10:00-11:00                   -> 0
        cancel a by ann                         -> ACCEPTED; 1 too many
        book math by ann                        -> REJECTED full (bob 10:00-11:00)
        # What stays may shrink, and nothing else.
        move c to math x1 by cat                -> ACCEPTED; 0 too many
        move c to math x2 by cat                -> REJECTED insufficient (bob 10:00-11:00)
        cancel b by bob                         -> ACCEPTED
        book math by ann as a                   -> BOOKED
        capacity math to 1 by root displacing nobody -> FAILED version_stale: a@1
        capacity math to 1 by root displacing c -> FAILED version_stale: a@1
        capacity math to 1 by root displacing a silently -> REJECTED invalid: reason
        capacity math to 1 by root displacing a -> ACCEPTED; a displaced
        capacity math to 4 by root              -> ACCEPTED
        left math 10:00-11:00                   -> 3
        cancel a by ann                         -> REJECTED invalid: state
        hand a to bob by root                   -> REJECTED invalid: state
    ";

    named_ones_are_displaced: "
        section math 10:00-11:00 capacity 3
        at 08:00
        book math by ann as a                   -> BOOKED
        book math by bob as b                   -> BOOKED
        book math by cat as c                   -> BOOKED
        capacity math to 1 by root displacing-named a -> REJECTED insufficient: to (bob 10:00-11:00)
        change b by bob people 2                -> ACCEPTED
        capacity math to 1 by root displacing-named a,b@1 -> FAILED version_stale: a@1,b@2
        capacity math to 1 by root displacing-named a,b@2 -> ACCEPTED; a displaced, b displaced
        capacity math to 1 by root seen 1       -> FAILED version_stale
        capacity math to 1 by root              -> ACCEPTED, nothing changes
        capacity math to unlimited by root      -> ACCEPTED
    ";

    // Holds give way first: nobody was told yet that they have anything.
    holds_give_way_to_a_lower_capacity: "
        room room-1 capacity 2
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        hold room-1 10:00-11:00 by bob as h     -> HELD until 09:00:30
        capacity room-1 to 1 by root            -> REJECTED insufficient: to (ann 10:00-11:00)
        capacity room-1 to 1 by root displacing nobody -> ACCEPTED; h voided
        confirm h by bob                        -> REJECTED hold_superseded
    ";

    // A booking came while the admin looked: they look again (scenarios 71, 73, 74).
    a_preview_binds_exactly_what_it_showed: "
        section math 10:00-11:00 capacity 3
        at 08:00
        book math by ann as a                   -> BOOKED
        at 08:01
        book math by bob as b                   -> BOOKED
        # The preview said b. Then cat comes.
        book math by cat as c                   -> BOOKED
        capacity math to 1 by root displacing b -> FAILED version_stale: b@1,c@1
        # Then bob goes by himself: nobody is displaced who has cancelled.
        cancel b by bob                         -> ACCEPTED
        capacity math to 1 by root displacing b,c -> FAILED version_stale: c@1
        # Two admins saw policy 1 and c.
        capacity math to 1 by root seen 1 displacing c -> ACCEPTED; c displaced
        capacity math to 1 by root seen 1 displacing c -> FAILED version_stale
        capacity math to 2 by root seen 1       -> FAILED version_stale
    ";

    a_bundle_is_displaced_whole: "
        room room-1
        room room-2
        at 09:00
        book room-1 10:00-11:00 + room-2 14:00-15:00 by ann as a -> BOOKED
        block room-1 10:30-12:00 by root displacing a -> ACCEPTED; a displaced
        left room-2 14:00-15:00                 -> 1
        book room-1 10:00-11:00 by bob          -> REJECTED blocked (block 10:30-12:00)
    ";

    a_block_over_bookings: "
        room room-1 capacity 3
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-1 10:00-11:00 by bob as b     -> BOOKED
        book room-1 10:00-11:00 by cat as c     -> BOOKED
        block room-1 10:00-12:00 by root        -> REJECTED full (ann 10:00-11:00)
        block room-1 10:00-12:00 by ann displacing a,b,c -> REJECTED not_allowed: admin_only
        block room-1 10:00-12:00 by root displacing a,b -> FAILED version_stale: a@1,b@1,c@1
        block room-1 10:00-12:00 by root displacing a,b,c except a,bob -> FAILED version_stale: c@1
        block room-1 10:00-12:00 by root displacing c except a,bob silently -> REJECTED invalid: reason
        block room-1 10:00-12:00 by root displacing c except a,bob as x -> ACCEPTED; c displaced
        left room-1 10:00-11:00                 -> 1
        book room-1 10:00-11:00 by ann          -> REJECTED blocked (x 10:00-12:00)
        move a to room-1 11:00-12:00 by ann     -> ACCEPTED
        book room-1 10:00-11:00 by bob          -> BOOKED
        hold room-1 11:00-12:00 by cat          -> REJECTED blocked (x 10:00-12:00)
        hold room-1 11:00-12:00 by bob as h     -> HELD until 09:00:30
        unblock room-1 x by root                -> ACCEPTED
        book room-1 11:00-12:00 by cat          -> BOOKED
    ";

    an_override_exceeds_rules: "
        room room-1 open daily 08:00-18:00 book-by 2h closed
        at 09:00
        book room-1 10:00-11:00 by root         -> REJECTED closed
        override book room-1 10:00-11:00 by ann -> REJECTED not_allowed: admin_only
        override book room-1 10:00-11:00 by root silently -> REJECTED invalid: reason
        override book room-1 10:00-11:00 by root for ann as a -> BOOKED
        override move a to room-1 20:00-21:00 by root -> ACCEPTED
        override move a to room-1 07:00-08:00 by root -> REJECTED past_cutoff: begun (08:00)
        reopen room-1 by root                   -> ACCEPTED
        # Blocks bind overrides too: they can be removed, or have exceptions.
        block room-1 12:00-13:00 by root        -> ACCEPTED
        override book room-1 12:00-13:00 by root -> REJECTED blocked (block 12:00-13:00)
    ";

    an_override_displaces: "
        room room-1
        room room-2
        room hall capacity 3
        at 09:00
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann as a -> BOOKED
        book room-1 11:00-12:00 by bob as b     -> BOOKED
        hold room-1 12:00-13:00 by cat as h     -> HELD until 09:00:30
        book room-1 10:30-12:30 by root         -> REJECTED full (ann 10:00-11:00)
        override book room-1 10:30-12:30 by root displacing a -> FAILED version_stale: a@1,b@1
        override book room-1 10:30-12:30 by root as o displacing a,b -> BOOKED; h voided, a displaced, b displaced
        left room-2 10:00-11:00                 -> 1
        override book hall 10:00-11:00 by root displacing o -> FAILED version_stale:
        book hall 10:00-11:00 x2 by ann as c    -> BOOKED
        at 09:05
        book hall 10:00-11:00 by bob as d       -> BOOKED
        override book hall 10:00-11:00 by root displacing d -> BOOKED; d displaced
        override move o to hall 10:00-11:00 by root displacing c,d -> FAILED version_stale: root's@1
        override move o to hall 10:00-11:00 x3 by root -> FAILED version_stale: c@1,root's@1
        # What is over is not taken away any more.
        at 11:30
        book room-2 10:45-11:40 by ann as e     -> BOOKED
        override book room-2 11:00-12:00 by root displacing e -> BOOKED; e displaced
    ";

    // What is past can be displaced no more, and a booking that is over stands in nobody's way by itself.
    what_is_over_is_not_displaced: "
        room room-1 check-in 15m 10m
        room hall capacity 2 teardown 30m
        at 07:00
        book hall 08:00-10:30 by ann as long    -> BOOKED
        at 07:01
        book hall 09:00-10:00 by bob as short   -> BOOKED
        at 09:50
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        at 10:10
        no-show a by slotwise                   -> ACCEPTED
        override book room-1 10:05-11:00 by root -> REJECTED full (ann 10:00-11:00)
        override book room-1 10:10-11:00 by root -> BOOKED
        # Of the newer one only the clear-down is left, which nobody can take away.
        capacity hall to 1 by root displacing long -> ACCEPTED; long displaced
    ";

    // A capacity holds from now on: what was taken before it was cut is nobody's fault.
    a_lower_capacity_does_not_look_back: "
        room room-1 capacity 2
        room room-2 capacity 2
        at 08:00
        book room-1 09:00-12:00 by ann as a     -> BOOKED
        book room-1 09:00-10:00 by bob          -> BOOKED
        book room-2 09:00-12:00 by ann          -> BOOKED
        book room-2 09:00-10:00 by bob          -> BOOKED
        at 09:30
        edit room-1 by root capacity 1          -> REJECTED insufficient: capacity (ann 09:00-12:00)
        at 10:00
        edit room-1 by root capacity 1          -> ACCEPTED
        capacity room-2 to 1 by root            -> ACCEPTED
        move a to room-1 09:00-11:30 by ann     -> ACCEPTED
    ";

    whose_it_is: "
        room room-1 no-two-at-once
        room room-2 no-two-at-once
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-2 10:30-11:30 by bob as b     -> BOOKED
        hand a to bob by ann                    -> REJECTED not_allowed: admin_only
        hand a to nobody-known by root          -> REJECTED not_found: person
        hand a to bob by root silently          -> REJECTED invalid: reason
        hand a to bob by root                   -> REJECTED own_overlap (bob 10:30-11:30)
        hand a to cat by root seen 2            -> FAILED version_stale
        hand a to cat by root seen 1            -> ACCEPTED
        hand a to cat by root                   -> ACCEPTED, nothing changes
        cancel a by ann                         -> REJECTED not_allowed: owner
        book room-2 10:00-10:30 by cat          -> REJECTED own_overlap (cat 10:00-11:00)
        book room-2 10:00-10:30 by ann as c     -> BOOKED
        cancel a by cat                         -> ACCEPTED
        hand nothing to cat by root             -> REJECTED not_found
        at 10:30
        hand c to cat by root                   -> REJECTED past_cutoff: begun (10:30)
    ";

    // Whoever has a booking only since it runs has as long to come as others have from the start.
    what_is_had_while_it_runs_is_not_let_go_at_once: "
        room room-1 check-in 15m 10m
        room room-2 check-in 15m 10m approval
        at 09:00
        book room-2 10:00-11:00 by ann as c     -> PENDING
        at 10:20
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        no-show a by slotwise                   -> REJECTED too_early: check_in (10:30) again 10:30
        approve c by root                       -> ACCEPTED
        no-show c by slotwise                   -> REJECTED too_early: check_in (10:30) again 10:30
        at 10:29
        check-in a by ann                       -> ACCEPTED
        hand c to bob by root                   -> ACCEPTED
        at 10:38
        no-show c by slotwise                   -> REJECTED too_early: check_in (10:39) again 10:39
        at 10:39
        check-in c by bob                       -> REJECTED past_cutoff: check_in (10:39)
        no-show c by slotwise                   -> ACCEPTED
    ";

    // Other words are no other time: nobody keeps a room by renaming what they do not come to.
    an_edit_gives_no_longer_to_check_in: "
        room room-1 check-in 15m 10m
        room room-2 check-in 15m 10m
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-2 10:00-11:00 by ann as b     -> BOOKED
        at 10:09
        change a by ann people 1                -> ACCEPTED
        change b by ann people 1                -> ACCEPTED
        move b to room-2 10:00-11:30 by ann     -> ACCEPTED
        no-show a by slotwise                   -> REJECTED too_early: check_in (10:10) again 10:10
        at 10:10
        check-in a by ann                       -> REJECTED past_cutoff: check_in (10:10)
        no-show a by root unsaid                -> REJECTED invalid: reason
        no-show a by slotwise                   -> ACCEPTED
        no-show b by slotwise                   -> REJECTED too_early: check_in (10:19) again 10:19
        change b by ann people 2                -> ACCEPTED
        at 10:19
        no-show b by root                       -> ACCEPTED
    ";

    whoever_acts_for_others_says_why: "
        room room-1 capacity 2 waitlist book
        room room-2 approval
        at 09:00
        book room-1 10:00-11:00 by root for ann unsaid   -> REJECTED invalid: reason
        book room-1 10:00-11:00 by bob for ann unsaid    -> REJECTED not_allowed: admin_only
        book room-1 10:00-11:00 by root for ann as a     -> BOOKED
        move a to room-1 12:00-13:00 by root unsaid      -> REJECTED invalid: reason
        move a to room-1 12:00-13:00 by bob unsaid       -> REJECTED not_allowed: owner
        move a to room-1 12:00-13:00 by ann unsaid       -> ACCEPTED
        move a to room-1 12:00-13:00 by root unsaid      -> ACCEPTED, nothing changes
        change a by root people 1 unsaid                 -> REJECTED invalid: reason
        change a by ann people 1 unsaid                  -> ACCEPTED
        book room-1 14:00-15:00 x2 by bob as b           -> BOOKED
        swap a with b by root unsaid                     -> REJECTED invalid: reason
        swap a with b by root                            -> ACCEPTED
        swap a with b by root                            -> ACCEPTED
        book room-2 10:00-11:00 by ann as p              -> PENDING
        approve p by ann unsaid                          -> REJECTED not_allowed: admin_only
        approve p by root unsaid                         -> REJECTED invalid: reason
        approve p by root                                -> ACCEPTED
        approve p by root unsaid                         -> ACCEPTED, nothing changes
        wait room-1 14:00-15:00 by root for ann unsaid   -> REJECTED invalid: reason
        wait room-1 14:00-15:00 by root for ann as w     -> WAITS at 1
        class w 2 by root unsaid                         -> REJECTED invalid: reason
        class w 2 by root                                -> ACCEPTED
        leave w by root unsaid                           -> REJECTED invalid: reason
        leave w by ann unsaid                            -> ACCEPTED; w left
        capacity room-1 to 3 by root silently            -> REJECTED invalid: reason
        capacity room-1 to 3 by root                     -> ACCEPTED
        block room-1 20:00-21:00 by root as k            -> ACCEPTED
        unblock room-1 k by ann unsaid                   -> REJECTED not_allowed: admin_only
        unblock room-1 k by root unsaid                  -> REJECTED invalid: reason
        unblock room-1 k by root                         -> ACCEPTED
    ";

    an_admin_says_why: "
        room room-1
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        cancel a by root silently               -> REJECTED invalid: reason
        cancel a by ann silently                -> ACCEPTED
        close room-1 by ann                     -> REJECTED not_allowed: admin_only
        close room-1 by root silently           -> REJECTED invalid: reason
        close room-1 by root seen 9             -> FAILED version_stale
        close room-1 by root                    -> ACCEPTED
        close room-1 by root                    -> ACCEPTED, nothing changes
        book room-1 10:00-11:00 by ann          -> REJECTED closed
        reopen room-1 by root                   -> ACCEPTED
        book room-1 10:00-11:00 by ann          -> BOOKED
    ";

    // What an admin left standing beyond the capacity may be given up late like anything else.
    what_is_over_committed_is_dropped_late: "
        room room-1 capacity 5 late-cancel-from 60m
        room room-2 capacity 5
        at 08:00
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann as a -> BOOKED
        book room-1 10:00-11:00 by bob               -> BOOKED
        book room-1 10:00-11:00 by cat               -> BOOKED
        book room-1 10:00-11:00 by root              -> BOOKED
        capacity room-1 to 1 by root over-committing -> ACCEPTED; 3 too many
        at 09:30
        move a to room-2 10:00-11:00 by ann          -> ACCEPTED; a-dropped given up, a-dropped late, 2 too many
    ";
}

#[test]
fn no_more_are_displaced_than_one_command_may() {
    use slotwise_domain::*;
    let named = (1..=Command::DISPLACED_MAX as u128 + 1).map(|n| (BookingId(uuid::Uuid::from_u128(n)), 1));
    let (booking, owner) = (BookingId(uuid::Uuid::nil()), PersonId(uuid::Uuid::from_u128(900)));
    let (lines, details) = (Vec::new(), Details::default());
    let action = Box::new(Action::Book { booking, owner, lines, details, hold: None });
    let action = Action::Override { action, reason: "painting".into(), displaces: named.collect() };
    let command = Command { actor: Actor::Person(owner), action, seen: None, reason: None };
    let mut world = World::empty(Epoch(1));
    world.loaded.extend(&command.scope());
    match decide(&world, &command, Instant(0)) {
        Verdict::Rejected(refused, _) => assert_eq!(refused, Rejection::by(Code::Invalid, Rule::DisplacedMax)),
        other => panic!("{other:?}"),
    }
}
