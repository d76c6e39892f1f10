//! Booking, cancelling, changing and approving, row by row.
//! What fits and what does not; holds are in `holds`, clocks in `times`.

crate::rows::tables! {
    // 10–11 and 11–12 never meet (scenarios 3, 4; R2, R21).
    an_exclusive_room_is_taken_once: "
        room room-1
        at 09:00
        book room-1 10:00-11:00 by ann          -> BOOKED
        book room-1 10:00-11:00 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 10:30-11:30 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 09:30-10:30 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 10:15-10:45 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 09:00-12:00 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 09:00-10:00 by bob as b     -> BOOKED
        book room-1 11:00-12:00 by bob          -> BOOKED
        left room-1 10:00-11:00                 -> 0
        left room-1 12:00-13:00                 -> 1
        book room-1 11:59:59-13:00 by cat       -> REJECTED full (bob 11:00-12:00)
        book room-1 10:59:59.999999-11:00 by cat -> REJECTED full (ann 10:00-11:00)
        book room-1 12:00-12:00:00.000001 by cat -> BOOKED
        book room-1 12:00:00.000001-13:00 by cat -> BOOKED
    ";

    a_slot_is_free_again_when_it_is_cancelled: "
        room room-1
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        cancel a by bob                         -> REJECTED not_allowed: owner
        cancel a by ann                         -> ACCEPTED
        left room-1 10:00-11:00                 -> 1
        cancel a by ann                         -> ACCEPTED, nothing changes
        left room-1 10:00-11:00                 -> 1
        cancel a by root                        -> ACCEPTED, nothing changes
        book room-1 10:00-11:00 by bob as b     -> BOOKED
        cancel a by ann                         -> ACCEPTED, nothing changes
        left room-1 10:00-11:00                 -> 0
        cancel b by root                        -> ACCEPTED
        cancel nothing by ann                   -> REJECTED not_found
    ";

    // Scenario 5: the two never coincide, so their units are not added up.
    units_are_summed_at_the_instant: "
        room room-1 capacity 2
        at 08:00
        book room-1 09:00-10:00 by ann          -> BOOKED
        book room-1 10:00-11:00 by bob          -> BOOKED
        book room-1 09:00-11:00 by cat          -> BOOKED
        left room-1 09:00-11:00                 -> 0
        book room-1 09:59-10:01 by cat          -> REJECTED full (ann 09:00-10:00)
        left room-1 11:00-12:00                 -> 2
    ";

    less_than_asked_is_not_nothing: "
        room room-1 capacity 3
        at 08:00
        book room-1 09:00-10:00 x2 by ann       -> BOOKED
        book room-1 09:00-10:00 x2 by bob       -> REJECTED insufficient (ann 09:00-10:00)
        book room-1 09:00-10:00 x3 by bob       -> REJECTED insufficient (ann 09:00-10:00)
        book room-1 09:00-10:00 x1 by bob       -> BOOKED
        book room-1 09:00-10:00 x1 by cat       -> REJECTED full (ann 09:00-10:00)
        book room-1 09:00-10:00 x2 by cat       -> REJECTED full (ann 09:00-10:00)
    ";

    no_limit_is_no_limit: "
        room hall capacity unlimited
        at 08:00
        repeat 50 book hall 09:00-10:00 x1000000 by ann  -> BOOKED
        left hall 09:00-10:00                   -> unlimited
        book hall 09:00-10:00 x1000001 by ann   -> REJECTED invalid: units
        book hall 09:00-10:00 x4294967295 by ann -> REJECTED invalid: units
    ";

    the_largest_capacity_fills_exactly: "
        room hall capacity 1000000
        at 08:00
        book hall 09:00-10:00 x999999 by ann    -> BOOKED
        book hall 09:00-10:00 x2 by bob         -> REJECTED insufficient (ann 09:00-10:00)
        book hall 09:00-10:00 by bob            -> BOOKED
        book hall 09:00-10:00 by cat            -> REJECTED full (ann 09:00-10:00)
    ";

    set_up_and_clear_down_take_time_too: "
        room room-1 setup 15m teardown 30m
        at 07:00
        book room-1 10:00-11:00 by ann          -> BOOKED
        book room-1 08:00-09:15 by bob          -> BOOKED
        book room-1 11:30-11:45 by cat          -> REJECTED full (ann 10:00-11:00)
        book room-1 11:44:59-12:00 by cat       -> REJECTED full (ann 10:00-11:00)
        book room-1 11:45-12:00 by cat          -> BOOKED
        left room-1 07:00-07:15                 -> 1
        left room-1 07:00-07:15:01              -> 0
    ";

    buffers_are_as_they_were_when_it_was_decided: "
        room room-1 teardown 30m
        at 07:00
        book room-1 10:00-11:00 by ann          -> BOOKED
        edit room-1 by root teardown 0m         -> ACCEPTED
        book room-1 11:00-12:00 by bob          -> REJECTED full (ann 10:00-11:00)
        book room-1 11:30-12:00 by bob          -> BOOKED
        book room-1 12:00-13:00 by cat          -> BOOKED
    ";

    // R13: duplicate lines in one request.
    lines_on_one_resource_are_summed_first: "
        room room-1 capacity 3
        at 08:00
        book room-1 09:00-10:00 x2 + room-1 09:00-10:00 x2 by ann  -> REJECTED insufficient
        book room-1 09:00-10:00 x2 + room-1 09:30-10:30 x2 by ann  -> REJECTED insufficient
        book room-1 09:00-10:00 x2 + room-1 10:00-11:00 x2 by ann  -> BOOKED
        book room-1 09:00-10:00 x1 + room-1 09:00-10:00 x1 by bob  -> REJECTED insufficient (ann 09:00-10:00)
        book room-1 09:00-10:00 x1 + room-1 10:00-11:00 x1 by bob  -> BOOKED
        book room-1 09:00-11:00 by cat                             -> REJECTED full (ann 09:00-10:00)
        book room-1 11:00-12:00 x1 *3 by cat                       -> BOOKED
        book room-1 12:00-13:00 x1 *4 by cat                       -> REJECTED insufficient
    ";

    // Scenario 6, R12: opposite order, mixed capacities.
    a_bundle_is_all_or_nothing: "
        room x
        room y capacity 2
        at 08:00
        book x 09:00-10:00 + y 09:00-10:00 x2 by ann as a  -> BOOKED
        book y 09:00-10:00 + x 10:00-11:00 by bob          -> REJECTED full on y (ann 09:00-10:00)
        left x 10:00-11:00                                 -> 1
        book x 10:00-11:00 + y 09:00-10:00 by bob          -> REJECTED full on y (ann 09:00-10:00)
        left x 10:00-11:00                                 -> 1
        book y 10:00-11:00 + x 09:30-11:00 by bob          -> REJECTED full on x (ann 09:00-10:00)
        left y 10:00-11:00                                 -> 2
        book x 09:00-10:00 + nowhere 09:00-10:00 by bob    -> REJECTED not_found on nowhere
        cancel a by ann                                    -> ACCEPTED
        left x 09:00-10:00                                 -> 1
        left y 09:00-10:00                                 -> 2
        book y 09:00-10:00 + x 09:00-10:00 by bob          -> BOOKED
    ";

    a_section_has_one_interval: "
        section math-1 09:00-10:00 capacity 2
        at 08:00
        book math-1 by ann                      -> BOOKED
        book math-1 09:00-10:00 by bob as b     -> BOOKED
        book math-1 09:00-09:30 by cat          -> REJECTED invalid: one_interval
        book math-1 10:00-11:00 by cat          -> REJECTED invalid: one_interval
        book math-1 by cat                      -> REJECTED full (ann 09:00-10:00)
        edit math-1 by root interval 09:00-11:00 -> REJECTED invalid: interval
        cancel b by bob                         -> ACCEPTED
        book math-1 by cat                      -> BOOKED
    ";

    an_interval_is_never_valid_or_missing: "
        room room-1 capacity 2 longest 2h
        section math-1 09:00-12:00 longest 2h
        at 08:00
        book room-1 by ann                      -> REJECTED invalid: interval_missing
        book room-1 09:00-11:00 by ann          -> BOOKED
        book room-1 09:00-11:00:00.000001 by ann -> REJECTED invalid: duration_max_s
        book math-1 by ann                      -> BOOKED       # its one interval is the admin's own
    ";

    a_command_is_never_valid: "
        room room-1 capacity 3 seats 4
        at 08:00
        book nothing by ann                     -> REJECTED invalid: lines
        book room-1 09:00-10:00 *21 by ann      -> REJECTED invalid: lines
        book room-1 09:00-10:00 x0 by ann       -> REJECTED invalid: units
        book room-1 09:00-10:00 x4 by ann       -> REJECTED invalid: units
        book room-1 09:00-10:00 x1 + room-1 09:00-10:00 x0 by ann -> REJECTED invalid: units
        book room-1 09:00-10:00 by ann people 5 -> REJECTED invalid: seats
        book room-1 09:00-10:00 by ann people 4 as a -> BOOKED
        change a by ann people 5                -> REJECTED invalid: seats
        change a by ann people 3                -> ACCEPTED
    ";

    twenty_lines_are_allowed: "
        room hall capacity 20
        at 08:00
        book hall 09:00-10:00 *20 by ann        -> BOOKED
        left hall 09:00-10:00                   -> 0
    ";

    people_book_for_themselves_and_admins_for_others: "
        room room-1
        at 08:00
        book room-1 09:00-10:00 by ann for bob  -> REJECTED not_allowed: admin_only
        book room-1 09:00-10:00 by root for bob as b -> BOOKED
        cancel b by ann                         -> REJECTED not_allowed: owner
        cancel b by bob                         -> ACCEPTED
        book room-1 09:00-10:00 by root for nobody -> REJECTED not_found: person
        book room-1 09:00-10:00 by nobody       -> REJECTED not_allowed: person
        suspend ann
        book room-1 09:00-10:00 by ann          -> REJECTED not_allowed: person
        book room-1 09:00-10:00 by root for ann -> REJECTED not_found: person
        hold room-1 09:00-10:00 by ann          -> REJECTED not_allowed: person
        hold room-1 09:00-10:00 by slotwise     -> REJECTED not_allowed: holder
    ";

    // Scenario 39: a double click with different keys.
    no_two_at_once_among_resources_that_refuse_it: "
        section math-1 09:00-10:00 capacity 9 no-two-at-once
        section math-2 09:30-10:30 capacity 9 no-two-at-once
        section math-3 10:00-11:00 capacity 9 no-two-at-once
        room room-1 capacity 9
        at 08:00
        book math-1 by ann as a                 -> BOOKED
        book math-1 by ann                      -> REJECTED own_overlap (ann 09:00-10:00)
        book math-2 by ann                      -> REJECTED own_overlap (ann 09:00-10:00)
        book math-3 by ann                      -> BOOKED
        book room-1 09:00-10:00 by ann          -> BOOKED
        book room-1 09:00-10:00 by ann          -> BOOKED
        book math-2 by bob                      -> BOOKED
        book math-2 by root for ann             -> REJECTED own_overlap (ann 09:00-10:00)
        cancel a by ann                         -> ACCEPTED
        book math-1 by ann                      -> BOOKED
        book math-1 + math-2 by cat             -> REJECTED own_overlap on math-2
        book math-1 + math-3 by cat             -> BOOKED
        book math-1 *2 by root                  -> REJECTED own_overlap
    ";

    // The time asked for counts, not set-up and clear-down.
    two_at_once_is_about_the_person_not_the_room: "
        room a no-two-at-once setup 30m teardown 30m
        room b no-two-at-once setup 30m teardown 30m
        at 08:00
        book a 09:00-10:00 by ann               -> BOOKED
        book b 10:00-11:00 by ann               -> BOOKED
        book b 08:30-09:00 by ann               -> BOOKED
    ";

    // Scenario 12, R5: two pendings approved, one fits.
    a_pending_booking_takes_nothing: "
        room room-1 approval
        at 08:00
        book room-1 09:00-10:00 by ann as a     -> PENDING
        left room-1 09:00-10:00                 -> 1
        book room-1 09:00-10:00 by bob as b     -> PENDING
        approve a by ann                        -> REJECTED not_allowed: admin_only
        approve a by root                       -> ACCEPTED
        left room-1 09:00-10:00                 -> 0
        approve a by root                       -> ACCEPTED, nothing changes
        approve b by root                       -> REJECTED full (ann 09:00-10:00)
        book room-1 09:00-10:00 by cat          -> REJECTED full (ann 09:00-10:00)
        cancel a by ann                         -> ACCEPTED
        approve a by root                       -> REJECTED invalid: state
        approve b by root                       -> ACCEPTED
        approve nothing by root                 -> REJECTED not_found
        book room-1 10:00-11:00 by root         -> BOOKED
    ";

    a_pending_booking_is_cancelled_without_freeing_anything: "
        room room-1 approval
        at 08:00
        book room-1 09:00-10:00 by ann as a     -> PENDING
        book room-1 09:00-10:00 by root as r    -> BOOKED
        cancel a by ann                         -> ACCEPTED
        left room-1 09:00-10:00                 -> 0
        cancel r by root                        -> ACCEPTED
        left room-1 09:00-10:00                 -> 1
    ";

    approval_is_judged_when_it_is_given: "
        room room-1 approval no-two-at-once
        room room-2 no-two-at-once
        at 08:00
        book room-1 09:00-10:00 by ann as a     -> PENDING
        book room-2 09:30-10:30 by ann as two   -> BOOKED
        approve a by root                       -> REJECTED own_overlap (ann 09:30-10:30)
        cancel two by ann                       -> ACCEPTED
        block room-1 09:30-09:45 by root as k   -> ACCEPTED
        approve a by root                       -> REJECTED blocked (k 09:30-09:45)
        unblock room-1 k by root                -> ACCEPTED
        hold room-1 09:30-11:00 by bob as h     -> HELD until 08:00:30
        approve a by root                       -> REJECTED held_by_other (h 09:30-11:00) again 08:00:30
        at 09:59:59
        approve a by root                       -> ACCEPTED; h expired
    ";

    // There may be less than was asked for by the time it is approved: nobody else is in the way.
    approval_fits_the_capacity_as_it_is_now: "
        room room-1 approval capacity 3
        at 08:00
        book room-1 09:00-10:00 x3 by ann as a  -> PENDING
        edit room-1 by root capacity 2          -> ACCEPTED
        approve a by root                       -> REJECTED insufficient
        edit room-1 by root capacity 3          -> ACCEPTED
        approve a by root                       -> ACCEPTED
    ";

    too_late_to_approve: "
        room room-1 approval
        at 08:00
        book room-1 09:00-10:00 by ann as a     -> PENDING
        at 10:00
        approve a by root                       -> REJECTED past_cutoff: begun (10:00)
    ";

    an_edit_matches_the_revision: "
        room room-1
        at 08:00
        book room-1 09:00-10:00 by ann as a     -> BOOKED
        change a by ann seen 1 people 2         -> ACCEPTED
        change a by ann seen 1 people 3         -> FAILED version_stale
        change a by root seen 2 people 3        -> ACCEPTED
        change a by bob people 4                -> REJECTED not_allowed: owner
        cancel a by ann                         -> ACCEPTED
        change a by ann people 2                -> REJECTED invalid: state
        change nothing by ann people 2          -> REJECTED not_found
    ";
}
