//! Moving and swapping, row by row: the old place is kept unless the new one is had.
//! What new bookings are refused for is in the other tables; here it is what a booking that stands already is refused for.

crate::rows::tables! {
    // Scenario 8: never both, never neither.
    the_old_place_is_kept_unless_the_new_one_is_had: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-1 11:00-12:00 by bob as b     -> BOOKED
        move a to room-1 11:00-12:00 by ann     -> REJECTED full (bob 11:00-12:00)
        book room-1 10:00-11:00 by cat          -> REJECTED full (ann 10:00-11:00)
        move a to room-1 09:00-10:00 by ann     -> ACCEPTED
        left room-1 09:00-10:00                 -> 0
        left room-1 10:00-11:00                 -> 1
        move b to room-1 10:00-11:00 by bob     -> ACCEPTED
        book room-1 11:00-12:00 by cat          -> BOOKED
        cancel a by ann                         -> ACCEPTED
        left room-1 09:00-10:00                 -> 1
        left room-1 10:00-12:00                 -> 0
    ";

    touching_is_not_meeting: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-1 12:00-13:00 by bob as b     -> BOOKED
        move a to room-1 11:00-12:00 by ann     -> ACCEPTED
        move a to room-1 11:00-12:00:00.000001 by ann -> REJECTED full (bob 12:00-13:00)
        move b to room-1 11:59:59.999999-13:00 by bob -> REJECTED full (ann 11:00-12:00)
        move a to room-1 13:00-14:00 by ann     -> ACCEPTED
        move b to room-1 12:00-12:30 by bob     -> ACCEPTED
    ";

    // Its own units never stand in its own way.
    a_booking_may_overlap_its_own_old_place: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        move a to room-1 10:30-11:30 by ann     -> ACCEPTED
        left room-1 10:00-10:30                 -> 1
        move a to room-1 10:00-11:00 by ann     -> ACCEPTED
        move a to room-1 09:00-12:00 by ann     -> ACCEPTED
        move a to room-1 10:15-10:45 by ann     -> ACCEPTED
        left room-1 09:00-10:15                 -> 1
        left room-1 10:45-12:00                 -> 1
        left room-1 10:30-10:31                 -> 0
    ";

    moving_to_where_it_is_changes_nothing: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        move a to room-1 10:00-11:00 by ann     -> ACCEPTED, nothing changes
        move a to room-1 10:00-11:00 by bob     -> REJECTED not_allowed: owner
        change a by ann seen 1                  -> ACCEPTED
    ";

    units_grow_and_shrink: "
        room room-1 capacity 5
        at 08:00
        book room-1 10:00-11:00 x3 by ann as a  -> BOOKED
        book room-1 10:30-11:30 x1 by bob       -> BOOKED
        move a to room-1 10:00-11:00 x5 by ann  -> REJECTED insufficient (bob 10:30-11:30)
        move a to room-1 10:00-11:00 x4 by ann  -> ACCEPTED
        left room-1 10:30-11:00                 -> 0
        move a to room-1 10:00-11:00 x1 by ann  -> ACCEPTED
        left room-1 10:00-10:30                 -> 4
        left room-1 10:30-11:00                 -> 3
        move a to room-1 10:00-11:00 x6 by ann  -> REJECTED invalid: units
        move a to room-1 10:00-11:00 x0 by ann  -> REJECTED invalid: units
        move a to nothing by ann                -> REJECTED invalid: lines
    ";

    // To give up one thing for another, in one commit: the old one is kept unless the new one is had.
    a_move_to_another_resource_is_drop_and_add: "
        section phys-1 2026-03-02T10:00..2026-03-02T12:00 capacity 1 no-two-at-once
        section phys-2 2026-03-02T11:00..2026-03-02T13:00 capacity 1 no-two-at-once
        section phys-3 2026-03-02T14:00..2026-03-02T15:00 capacity 1 no-two-at-once
        at 08:00
        book phys-1 by ann as a                 -> BOOKED
        book phys-2 by bob as b                 -> BOOKED
        move a to phys-2 by ann                 -> REJECTED full (bob 11:00-13:00)
        left phys-1 10:00-12:00                 -> 0
        move b to phys-3 by bob                 -> ACCEPTED
        move a to phys-2 by ann                 -> ACCEPTED
        left phys-1 10:00-12:00                 -> 1
        left phys-2 11:00-13:00                 -> 0
        move a to phys-2 11:00-12:00 by ann     -> REJECTED invalid: one_interval
        book phys-1 by ann                      -> REJECTED own_overlap (ann 11:00-13:00)
    ";

    // The person's rule follows the booking from one resource to the other, in whichever order they are told.
    what_was_left_is_no_overlap_any_more: "
        room room-1 no-two-at-once
        room room-2 no-two-at-once
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        move a to room-2 10:30-11:30 by ann     -> ACCEPTED
        book room-1 10:00-11:00 by ann          -> REJECTED own_overlap (ann 10:30-11:30)
        move a to room-1 14:00-15:00 by ann     -> ACCEPTED
        book room-2 10:00-11:00 by ann as c     -> BOOKED
        move c to room-2 14:30-15:30 by ann     -> REJECTED own_overlap (ann 14:00-15:00)
        cancel a by ann                         -> ACCEPTED
        move c to room-2 14:30-15:30 by ann     -> ACCEPTED
        move c to room-1 09:00-11:00 + room-2 10:00-12:00 by ann -> REJECTED own_overlap on room-2
    ";

    holds_of_others_are_in_the_way_one_s_own_are_not: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        hold room-1 11:00-12:00 by bob as h     -> HELD until 08:00:30
        move a to room-1 11:30-12:30 by ann     -> REJECTED held_by_other (h 11:00-12:00) again 08:00:30
        at 08:00:30
        move a to room-1 11:30-12:30 by ann     -> ACCEPTED; h expired
        hold room-1 14:00-15:00 by ann as g     -> HELD until 08:01
        move a to room-1 14:30-15:30 by ann     -> ACCEPTED; g superseded
    ";

    blocks_hours_and_closed_rooms: "
        room room-1 open mon-fri 08:00-18:00
        room room-2 closed
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        block room-1 12:00-13:00 by root as k   -> ACCEPTED
        move a to room-1 11:30-12:30 by ann     -> REJECTED blocked (k 12:00-13:00)
        move a to room-1 11:00-12:00 by ann     -> ACCEPTED
        move a to room-1 17:30-18:30 by ann     -> REJECTED outside_hours
        move a to room-2 11:00-12:00 by ann     -> REJECTED closed
        move a to room-2 11:00-12:00 by root    -> REJECTED closed
    ";

    set_up_and_clear_down_come_along: "
        room room-1 setup 15m teardown 30m
        at 07:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-1 12:00-13:00 by bob as b     -> BOOKED
        move a to room-1 10:30-11:30 by ann     -> REJECTED full (bob 12:00-13:00)
        move a to room-1 10:15-11:15 by ann     -> ACCEPTED
        edit room-1 by root teardown 0m         -> ACCEPTED
        move a to room-1 10:45-11:45 by ann     -> ACCEPTED
        left room-1 11:45-12:00                 -> 0
        left room-1 09:30-10:30                 -> 1
    ";

    // What stays as it was is not booked anew; what is given back needs nobody's leave.
    what_is_kept_was_booked_already: "
        room room-1 book-by 2h
        room room-2
        at 08:00
        book room-1 11:00-13:00 + room-2 11:00-13:00 by ann as a     -> BOOKED
        edit room-1 by root closed teardown 30m                      -> ACCEPTED
        at 10:30
        move a to room-1 11:00-13:00 + room-2 14:00-15:00 by ann     -> ACCEPTED
        left room-1 13:00-14:00                                      -> 1
        move a to room-1 12:00-13:00 + room-2 14:00-15:00 by ann     -> ACCEPTED
        move a to room-1 12:00-13:30 + room-2 14:00-15:00 by ann     -> REJECTED closed on room-1
        edit room-1 by root in-service                               -> ACCEPTED
        move a to room-1 12:00-13:30 + room-2 14:00-15:00 by ann     -> REJECTED past_cutoff: book_by on room-1 (10:00)
        move a to room-1 12:00-13:00 + room-1 12:00-13:00 by ann     -> REJECTED past_cutoff: book_by (10:00)
    ";

    // What has been was fuller than it may be now, and is not asked.
    what_runs_goes_on_longer_though_it_was_fuller_before: "
        room room-1 capacity 3
        at 09:00
        book room-1 10:00-12:00 by ann as a          -> BOOKED
        book room-1 10:00-10:30 by bob               -> BOOKED
        book room-1 10:00-10:30 by cat               -> BOOKED
        book room-1 12:30-13:00 by cat               -> BOOKED
        at 10:40
        capacity room-1 to 1 by root                 -> ACCEPTED
        move a to room-1 10:00-12:45 by ann          -> REJECTED full (cat 12:30-13:00)
        move a to room-1 10:00-12:30 x2 by ann       -> REJECTED invalid: units
        move a to room-1 10:00-12:30 by ann          -> ACCEPTED
        move a to room-1 09:50-12:30 by ann          -> ACCEPTED
    ";

    what_has_begun_goes_on_longer_or_ends_sooner: "
        room room-1
        at 08:00
        book room-1 10:00-12:00 by ann as a     -> BOOKED
        book room-1 13:00-14:00 by bob as b     -> BOOKED
        at 11:30
        move a to room-1 10:00-12:30 by ann     -> ACCEPTED
        move a to room-1 10:00-13:30 by ann     -> REJECTED full (bob 13:00-14:00)
        move a to room-1 10:00-11:45 by ann     -> ACCEPTED
        move a to room-1 10:00-11:30 by ann     -> REJECTED past_cutoff: begun (11:30)
        move a to room-1 10:15-11:45 by ann     -> ACCEPTED
        move a to room-1 10:00-11:45 by ann     -> REJECTED past_cutoff: begun (11:00)
        move a to room-1 15:00-16:00 by ann     -> ACCEPTED
        move b to room-1 10:00-11:00 by bob     -> REJECTED past_cutoff: begun (11:00)
        at 14:00
        move b to room-1 17:00-18:00 by bob     -> REJECTED past_cutoff: begun (14:00)
        move b to room-1 17:00-18:00 by root    -> REJECTED past_cutoff: begun (14:00)
    ";

    // The cutoff of where it is, exclusive; admins may later.
    too_late_to_change: "
        room room-1 change-by 2h
        room room-2
        at 08:00
        book room-1 11:00-12:00 by ann as a     -> BOOKED
        book room-2 11:00-12:00 by ann as c     -> BOOKED
        at 08:59:59
        move a to room-1 12:00-13:00 by ann     -> ACCEPTED
        at 10:00
        move a to room-1 15:00-16:00 by ann     -> REJECTED past_cutoff: change_by (10:00)
        move a to room-2 15:00-16:00 by ann     -> REJECTED past_cutoff: change_by (10:00)
        move a to room-1 12:00-12:30 by ann     -> REJECTED past_cutoff: change_by (10:00)
        move c to room-1 11:00-12:00 by ann     -> ACCEPTED
        move c to room-2 11:00-12:00 by ann     -> REJECTED past_cutoff: change_by (09:00)
        move a to room-1 15:00-16:00 by root    -> ACCEPTED
    ";

    whose_it_is: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        move a to room-1 12:00-13:00 by bob     -> REJECTED not_allowed: owner
        move a to room-1 12:00-13:00 by nobody  -> REJECTED not_allowed: person
        move a to room-1 12:00-13:00 by root    -> ACCEPTED
        move nothing to room-1 12:00-13:00 by ann -> REJECTED not_found
        move a to nowhere 12:00-13:00 by ann    -> REJECTED not_found
        move nothing to room-1 12:00-13:00 x0 by ann -> REJECTED invalid: units
        cancel a by ann                         -> ACCEPTED
        move a to room-1 12:00-13:00 by ann     -> REJECTED invalid: state
        move a to room-1 12:00-13:00 by bob     -> REJECTED invalid: state
    ";

    as_it_was_when_it_was_seen: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        move a to room-1 11:00-12:00 by ann seen 1 -> ACCEPTED
        move a to room-1 12:00-13:00 by ann seen 1 -> FAILED version_stale
        move a to room-1 12:00-13:00 by ann seen 2 -> ACCEPTED
        move a to room-1 13:00-14:00 by ann     -> ACCEPTED
    ";

    // What waits takes nothing, there or here, and goes on waiting.
    what_waits_moves_and_waits_on: "
        room room-1 approval
        room room-2
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> PENDING
        book room-1 12:00-13:00 by root as r    -> BOOKED
        move a to room-1 12:00-13:00 by ann     -> REJECTED full (root 12:00-13:00)
        move a to room-1 11:00-12:00 by ann     -> ACCEPTED
        left room-1 11:00-12:00                 -> 1
        move a to room-2 11:00-12:00 by ann     -> ACCEPTED
        left room-2 11:00-12:00                 -> 1
        approve a by root                       -> ACCEPTED
        left room-2 11:00-12:00                 -> 0
        left room-1 10:00-12:00                 -> 1
    ";

    // It would have to wait there, and what waits takes nothing: the old place would be lost.
    what_is_confirmed_does_not_begin_to_wait: "
        room room-1 approval
        room room-2
        at 08:00
        book room-2 10:00-11:00 by ann as a     -> BOOKED
        move a to room-1 10:00-11:00 by ann     -> REJECTED not_allowed: approval
        move a to room-1 10:00-11:00 by root    -> ACCEPTED
        move a to room-1 10:00-11:30 by ann     -> REJECTED not_allowed: approval
        move a to room-1 10:00-10:30 by ann     -> ACCEPTED
        move a to room-2 10:00-11:00 by ann     -> ACCEPTED
    ";

    more_people_than_seats: "
        room room-1 seats 10
        room room-2 seats 4
        at 08:00
        book room-1 10:00-11:00 by ann people 6 as a -> BOOKED
        book room-2 10:00-11:00 by ann as b          -> BOOKED
        move a to room-2 11:00-12:00 by ann          -> REJECTED invalid: seats
        swap a with b by ann                         -> REJECTED invalid: seats
        change a by ann people 4                     -> ACCEPTED
        move a to room-2 11:00-12:00 by ann          -> ACCEPTED
    ";

    // R12, scenario 6: all of it or nothing, whatever the capacities.
    a_bundle_moves_whole: "
        room room-1
        room room-2 capacity 3
        room room-3
        at 08:00
        book room-1 10:00-11:00 + room-2 10:00-11:00 x2 by ann as a   -> BOOKED
        book room-2 12:00-13:00 x2 by bob as b                       -> BOOKED
        move a to room-1 12:00-13:00 + room-2 12:00-13:00 x2 by ann  -> REJECTED insufficient on room-2 (bob 12:00-13:00)
        left room-1 10:00-11:00                                      -> 0
        left room-2 10:00-11:00                                      -> 1
        move a to room-1 12:00-13:00 + room-2 12:00-13:00 x1 by ann  -> ACCEPTED
        left room-1 10:00-11:00                                      -> 1
        left room-2 10:00-11:00                                      -> 3
        left room-2 12:00-13:00                                      -> 0
        move a to room-3 12:00-13:00 by ann                          -> ACCEPTED
        left room-1 12:00-13:00                                      -> 1
        left room-2 12:00-13:00                                      -> 1
        move a to room-3 12:00-13:00 + room-1 12:00-14:00 + room-2 08:30-09:30 x3 by ann -> ACCEPTED
        cancel a by ann                                              -> ACCEPTED
        left room-1 12:00-14:00                                      -> 1
        left room-2 08:30-09:30                                      -> 3
        left room-3 12:00-13:00                                      -> 1
    ";

    // R13: lines on one resource are summed, its own old ones left out.
    lines_of_a_move_are_summed_first: "
        room room-1 capacity 3
        at 08:00
        book room-1 09:00-10:00 x2 by ann as a                       -> BOOKED
        move a to room-1 09:00-10:00 x2 + room-1 09:30-10:30 x2 by ann -> REJECTED insufficient
        move a to room-1 09:00-10:00 x2 + room-1 09:30-10:30 x1 by ann -> ACCEPTED
        book room-1 09:30-10:00 by bob                               -> REJECTED full (ann 09:00-10:00)
        move a to room-1 09:00-10:00 x1 *3 by ann                    -> ACCEPTED
        move a to room-1 09:00-10:00 x1 *4 by ann                    -> REJECTED insufficient
        move a to room-1 09:00-10:00 *21 by ann                      -> REJECTED invalid: lines
    ";

    // Scenario 9: nobody's booking is lost.
    two_take_each_other_s_places: "
        room room-1
        room room-2 setup 30m
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-2 14:00-15:00 by bob as b     -> BOOKED
        swap a with b by ann                    -> REJECTED not_allowed: owner_of_both
        swap a with b by cat                    -> REJECTED not_allowed: owner_of_both
        swap a with b by root                   -> ACCEPTED
        book room-1 10:00-11:00 by cat          -> REJECTED full (bob 10:00-11:00)
        book room-2 13:00-14:00 by cat          -> REJECTED full (ann 14:00-15:00)
        cancel a by ann                         -> ACCEPTED
        left room-2 13:30-15:00                 -> 1
        left room-1 10:00-11:00                 -> 0
    ";

    one_owner_of_both_swaps: "
        room room-1
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-1 11:00-12:00 by ann as b     -> BOOKED
        swap a with b by ann seen 2 seen 1      -> FAILED version_stale
        swap a with b by ann seen 1 seen 2      -> FAILED version_stale
        swap a with b by ann seen 1 seen 1      -> ACCEPTED
        swap a with b by ann seen 2 seen 2      -> ACCEPTED
        swap a with a by ann                    -> REJECTED invalid: same_booking
        swap a with nothing by ann              -> REJECTED not_found
        swap nothing with a by ann              -> REJECTED not_found
        cancel b by ann                         -> ACCEPTED
        swap a with b by ann                    -> REJECTED invalid: state
        swap b with nothing by ann              -> REJECTED invalid: state
        left room-1 10:00-11:00                 -> 0
        left room-1 11:00-12:00                 -> 1
    ";

    a_swap_keeps_to_both_owners_rules: "
        room room-1 no-two-at-once change-by 1h
        room room-2 no-two-at-once
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-2 14:00-15:00 by bob as b     -> BOOKED
        book room-2 10:30-11:30 by bob as c     -> BOOKED
        swap a with b by root                   -> REJECTED own_overlap (bob 10:30-11:30)
        swap a with c by root                   -> ACCEPTED
        swap a with b by root                   -> REJECTED own_overlap (bob 10:00-11:00)
        cancel c by bob                         -> ACCEPTED
        swap a with b by root                   -> ACCEPTED
        book room-1 10:30-12:00 by ann as d     -> BOOKED
        book room-1 14:30-15:30 by ann          -> REJECTED own_overlap (ann 14:00-15:00)
        at 09:30
        swap a with d by ann                    -> REJECTED past_cutoff: change_by (09:30)
        swap a with d by root                   -> ACCEPTED
        at 15:00
        swap a with d by root                   -> REJECTED past_cutoff: begun (12:00)
    ";

    a_swap_asks_for_one_state: "
        room room-1 approval
        room room-2
        at 08:00
        book room-1 10:00-11:00 by ann as a     -> PENDING
        book room-2 10:00-11:00 by ann as b     -> BOOKED
        book room-1 12:00-13:00 by ann as c     -> PENDING
        swap a with b by ann                    -> REJECTED invalid: approval
        swap a with c by ann                    -> ACCEPTED
        approve a by root                       -> ACCEPTED
        left room-1 12:00-13:00                 -> 0
        left room-1 10:00-11:00                 -> 1
    ";

    the_order_of_reasons: "
        room room-1 change-by 3h no-two-at-once
        room room-2 open tue 08:00-18:00 approval
        room room-3 book-from 1h
        room room-4 no-two-at-once
        at 08:00
        book room-1 11:00-12:00 by ann as a     -> BOOKED
        book room-4 14:00-15:00 by bob as b     -> BOOKED
        block room-4 16:00-17:00 by root as k   -> ACCEPTED
        move a to room-2 10:00-11:00 by ann     -> REJECTED not_allowed: approval
        move a to room-2 10:00-11:00 by root    -> REJECTED outside_hours
        move a to room-3 11:00-12:00 by ann     -> REJECTED too_early: book_from (10:00) again 10:00
        move a to room-4 16:00-17:00 by ann     -> REJECTED past_cutoff: change_by (08:00)
        move a to room-4 16:00-17:00 by root    -> REJECTED blocked (k 16:00-17:00)
        book room-4 17:00-18:00 by ann as c     -> BOOKED
        book room-4 18:00-19:00 by bob          -> BOOKED
        move a to room-4 17:30-18:30 by root    -> REJECTED own_overlap (ann 17:00-18:00)
        hold room-4 12:00-13:00 by cat as h     -> HELD until 08:00:30
        move a to room-4 12:30-14:30 by root    -> REJECTED full (bob 14:00-15:00)
        move a to room-4 12:30-13:30 by root    -> REJECTED held_by_other (h 12:00-13:00) again 08:00:30
    ";

    // What an admin left standing beyond the capacity stays as long as its owners wish, whole or in part; nothing of it grows.
    what_is_kept_of_a_bundle_is_not_asked_anew: "
        room room-1 capacity 5
        room room-2 capacity 9
        room room-3 capacity 9
        book room-1 10:00-11:00 x2 + room-2 10:00-11:00 + room-3 10:00-11:00 by ann as a -> BOOKED
        book room-1 10:00-11:00 x3 by bob as b                                 -> BOOKED
        capacity room-1 to 3 by root over-committing                           -> ACCEPTED; 2 too many
        move a to room-1 10:00-11:00 x2 + room-2 10:00-11:00 by ann            -> ACCEPTED
        move a to room-1 10:00-11:00 x2 + room-2 14:00-15:00 by ann            -> ACCEPTED
        move a to room-1 10:00-11:00 x3 + room-2 14:00-15:00 by ann            -> REJECTED full on room-1 (bob 10:00-11:00)
        move a to room-1 10:00-11:30 x2 + room-2 14:00-15:00 by ann            -> ACCEPTED
        move a to room-1 10:00-11:00 x1 + room-1 10:00-11:30 x1 + room-2 14:00-15:00 by ann -> ACCEPTED
        move a to room-1 10:00-11:00 x1 + room-1 10:00-11:30 x2 + room-2 14:00-15:00 by ann -> REJECTED full on room-1 (bob 10:00-11:00)
        move a to room-1 10:30-11:30 x1 + room-2 14:00-15:00 by ann            -> ACCEPTED; 1 too many
        move a to room-1 10:00-11:30 x1 + room-2 14:00-15:00 by ann            -> REJECTED full on room-1 (bob 10:00-11:00)
    ";

    // What was, before the capacity was cut, is not asked of what else is moved.
    what_is_over_of_a_bundle_is_not_asked_anew: "
        room room-1 capacity 2
        room room-2 capacity 9
        at 09:00
        book room-1 09:00-10:00 x2 + room-2 14:00-15:00 by ann as a            -> BOOKED
        at 11:00
        capacity room-1 to 1 by root                                           -> ACCEPTED
        edit room-1 by root capacity 2                                         -> ACCEPTED
        book room-1 12:00-13:00 by bob                                         -> BOOKED
        move a to room-1 09:00-10:00 x2 + room-2 15:00-16:00 by ann            -> ACCEPTED
    ";

    // What is left for something else is given up as late as if it had been cancelled, and counts so; what is kept of it is not.
    what_is_exchanged_late_is_given_up_late: "
        section yoga 10:00-11:00 capacity 9 late-cancel-from 60m quota 2/day
        section spin 15:00-16:00 capacity 9 late-cancel-from 60m
        room room-1 capacity 9 late-cancel-from 60m quota 3/day
        at 08:00
        book yoga by ann as a                           -> BOOKED
        book room-1 10:00-11:00 x3 by bob as b          -> BOOKED
        book room-1 10:00-12:00 by cat as c             -> BOOKED
        at 08:30
        move b to room-1 10:00-11:00 x2 by bob          -> ACCEPTED
        at 09:00
        move a to spin by root                          -> ACCEPTED
        move a to yoga by root                          -> ACCEPTED
        move a to spin by ann                           -> ACCEPTED; a-dropped given up, a-dropped late
        book yoga x2 by ann                             -> REJECTED quota_exceeded: quota (yoga 1 of 2 00:00-2026-03-03T00:00)
        move b to room-1 10:00-11:00 x1 by bob          -> ACCEPTED; b-dropped given up, b-dropped late
        book room-1 12:00-13:00 x2 by bob               -> REJECTED quota_exceeded: quota (room-1 2 of 3 00:00-2026-03-03T00:00)
        book room-1 12:00-13:00 by bob                  -> BOOKED
        move b to room-1 16:00-17:00 by bob             -> REJECTED quota_exceeded: quota (room-1 2 of 3 00:00-2026-03-03T00:00)
        move c to room-1 10:00-10:30 by cat             -> ACCEPTED
        move c to room-1 10:00-11:00 by cat             -> ACCEPTED
        move c to room-1 11:00-12:00 by cat             -> ACCEPTED; c-dropped given up, c-dropped late
    ";

    // Where people say that they are there, it is late from its beginning on, whoever was not there and says that they go.
    what_began_without_them_is_given_up_late: "
        section yoga 10:00-11:00 capacity 9 check-in 15m 10m
        section spin 15:00-16:00 capacity 9 check-in 15m 10m
        at 09:00
        book yoga by ann as a                           -> BOOKED
        book yoga by bob as b                           -> BOOKED
        book yoga by cat as c                           -> BOOKED
        at 09:59:59
        move c to spin by cat                           -> ACCEPTED
        at 10:00
        move a to spin by ann                           -> ACCEPTED; a-dropped given up, a-dropped late
        cancel b by bob                                 -> ACCEPTED; b late
        book yoga by bob as b2                          -> BOOKED
        check-in b2 by bob                              -> ACCEPTED
        cancel b2 by bob                                -> ACCEPTED
    ";

    // What comes instead of what cannot be dropped any more is of its kind, one for one.
    an_exchange_is_one_for_one_and_of_a_kind: "
        section algebra 14:00-15:00 capacity 9 cancel-by 2h
        section biology 14:00-15:00 capacity 9
        section chemistry 16:00-17:00 capacity 9 cancel-by 4h
        section drama 18:00-19:00 capacity 9
        room room-1 capacity 9
        at 08:00
        book algebra + biology by ann as a              -> BOOKED
        book algebra + chemistry by bob as b            -> BOOKED
        at 12:00
        move a to biology + room-1 14:00-14:01 by ann   -> REJECTED past_cutoff: cancel_by on algebra (12:00)
        move a to biology x2 by ann                     -> REJECTED past_cutoff: cancel_by (12:00)
        move a to biology + drama by ann                -> ACCEPTED
        move b to drama by bob                          -> REJECTED past_cutoff: cancel_by (12:00)
        move b to drama + biology by bob                -> ACCEPTED
        move b to drama + room-1 14:00-15:00 by bob     -> ACCEPTED
    ";
}
