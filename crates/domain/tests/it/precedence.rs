//! Two reasons true at once: the earlier one in the list of codes is told.
//! One pair of neighbours a table, in that order.

crate::rows::tables! {
    invalid_before_not_found: "
        room room-1
        book room-1 10:00-11:00 x0 + nowhere 10:00-11:00 by ann   -> REJECTED invalid: units on room-1
        book nowhere 10:00-11:00 *21 by ann                       -> REJECTED invalid: lines
        book nowhere 10:00-11:00 x0 by ann                        -> REJECTED invalid: units
        book room-1 + nowhere 10:00-11:00 by ann                  -> REJECTED invalid: interval_missing on room-1
    ";

    invalid_before_not_allowed: "
        room room-1 seats 4
        book room-1 10:00-11:00 x2 by ann for bob                 -> REJECTED invalid: units
        book room-1 10:00-11:00 by ann for bob people 5           -> REJECTED invalid: seats
        book room-1 10:00-11:00 x2 by nobody                      -> REJECTED invalid: units
        room room-1 by ann                                        -> REJECTED invalid: exists
        edit room-1 by ann capacity 0                             -> REJECTED invalid: capacity
    ";

    not_found_before_not_allowed: "
        book nowhere 10:00-11:00 by ann for bob                   -> REJECTED not_found
        book nowhere 10:00-11:00 by nobody                        -> REJECTED not_found
        block nowhere 10:00-11:00 by ann                          -> REJECTED not_found
        edit nowhere by ann                                       -> REJECTED not_found
        cancel nothing by nobody                                  -> REJECTED not_found
        approve nothing by ann                                    -> REJECTED not_found
    ";

    not_allowed_before_closed: "
        room room-1 closed
        hold room-1 10:00-11:00 by nobody                         -> REJECTED not_allowed: person
        book room-1 10:00-11:00 by ann for bob                    -> REJECTED not_allowed: admin_only
        edit room-1 by root in-service                            -> ACCEPTED
        hold room-1 10:00-11:00 by bob as h                       -> HELD until 08:00:30
        edit room-1 by root closed                                -> ACCEPTED
        book room-1 10:00-11:00 by ann with h                     -> REJECTED not_allowed: holder
    ";

    not_allowed_before_not_eligible: "
        room room-1 needs gold
        book room-1 10:00-11:00 by ann for bob                    -> REJECTED not_allowed: admin_only
        book room-1 10:00-11:00 by nobody                         -> REJECTED not_allowed: person
        book room-1 10:00-11:00 by ann                            -> REJECTED not_eligible: eligibility (0)
    ";

    not_eligible_before_closed: "
        room room-1 needs gold closed
        room room-2 closed
        book room-1 10:00-11:00 by ann                            -> REJECTED not_eligible: eligibility (0)
        book room-2 10:00-11:00 + room-1 10:00-11:00 by ann       -> REJECTED not_eligible: eligibility on room-1 (0)
        facts ann gold
        book room-1 10:00-11:00 by ann                            -> REJECTED closed
    ";

    blocked_before_a_quota_and_that_before_own_overlap: "
        room room-1 quota 1/day no-two-at-once
        room room-2 no-two-at-once
        block room-1 12:00-13:00 by root as k                     -> ACCEPTED
        book room-1 10:00-11:00 by ann                            -> BOOKED
        book room-1 12:00-13:00 by ann                            -> REJECTED blocked (k 12:00-13:00)
        book room-1 10:30-11:30 by ann                            -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        book room-2 10:30-11:30 + room-1 14:00-15:00 by ann       -> REJECTED quota_exceeded: quota on room-1 (room-1 1 of 1 00:00-2026-03-03T00:00)
    ";

    closed_before_outside_hours: "
        room room-1 closed open tue 08:00-18:00
        room room-2 open tue 08:00-18:00
        book room-1 10:00-11:00 by ann                            -> REJECTED closed
        book room-2 10:00-11:00 + room-1 10:00-11:00 by ann       -> REJECTED closed on room-1
    ";

    outside_hours_before_too_early: "
        room room-1 open tue 08:00-18:00 book-from 1h
        room room-2 book-from 1h
        at 08:00
        book room-1 10:00-11:00 by ann                            -> REJECTED outside_hours
        book room-2 10:00-11:00 + room-1 10:00-11:00 by ann       -> REJECTED outside_hours on room-1
    ";

    too_early_before_past_cutoff: "
        room room-1 book-from 1h book-by 2h
        room room-2 book-by 2h
        at 08:30
        book room-1 10:00-11:00 by ann                            -> REJECTED too_early: book_from (09:00) again 09:00
        book room-2 10:00-11:00 + room-1 10:00-11:00 by ann       -> REJECTED too_early: book_from on room-1 (09:00) again 09:00
    ";

    past_cutoff_before_blocked: "
        room room-1 book-by 2h
        room room-2
        at 07:00
        block room-1 10:00-11:00 by root as k                     -> ACCEPTED
        block room-2 10:00-11:00 by root as j                     -> ACCEPTED
        at 08:00
        book room-1 10:00-11:00 by ann                            -> REJECTED past_cutoff: book_by (08:00)
        book room-2 10:00-11:00 + room-1 10:00-11:00 by ann       -> REJECTED past_cutoff: book_by on room-1 (08:00)
        at 11:00
        book room-2 10:00-11:00 by ann                            -> REJECTED past_cutoff: begun (11:00)
    ";

    blocked_before_quota_exceeded: "
        room hall capacity 20
        room room-1
        repeat 10 hold hall 10:00-11:00 by ann as h               -> HELD until 08:00:30
        block room-1 10:00-11:00 by root as k                     -> ACCEPTED
        hold room-1 10:00-11:00 by ann                            -> REJECTED blocked (k 10:00-11:00)
        hold room-1 11:00-12:00 by ann                            -> REJECTED quota_exceeded: holds_per_person again 08:00:30
    ";

    blocked_before_own_overlap: "
        room room-1 no-two-at-once
        room room-2 no-two-at-once
        book room-2 10:00-11:00 by ann                            -> BOOKED
        block room-1 10:00-11:00 by root as k                     -> ACCEPTED
        book room-1 10:00-11:00 by ann                            -> REJECTED blocked (k 10:00-11:00)
    ";

    quota_exceeded_before_hold_superseded: "
        room room-1 ttl 300s
        at 08:00
        hold room-1 10:00-11:00 by ann as old                     -> HELD until 08:05
        release old by ann                                        -> ACCEPTED; old released
        hold room-1 10:00-11:00 by ann as h                       -> HELD until 08:05
        at 08:00:01
        renew h by ann token old                                  -> REJECTED quota_exceeded: renewals
    ";

    quota_exceeded_before_held_by_other_and_full: "
        room hall capacity 20
        room room-1
        repeat 10 hold hall 10:00-11:00 by ann as h               -> HELD until 08:00:30
        book room-1 10:00-11:00 by bob                            -> BOOKED
        hold room-1 11:00-12:00 by bob as b                       -> HELD until 08:00:30
        hold room-1 10:00-11:00 by ann                            -> REJECTED quota_exceeded: holds_per_person again 08:00:30
        hold room-1 11:00-12:00 by ann                            -> REJECTED quota_exceeded: holds_per_person again 08:00:30
    ";

    own_overlap_before_hold_expired_and_superseded: "
        room room-1 no-two-at-once
        room room-2 no-two-at-once
        hold room-1 10:00-11:00 by ann as h                       -> HELD until 08:00:30
        hold room-1 11:00-12:00 by ann as g                       -> HELD until 08:00:30
        book room-2 10:00-12:00 by ann                            -> BOOKED
        release g by ann                                          -> ACCEPTED; g released
        confirm g by ann                                          -> REJECTED own_overlap (ann 10:00-12:00)
        at 08:00:30
        confirm h by ann                                          -> REJECTED own_overlap (ann 10:00-12:00); h expired
    ";

    hold_expired_before_held_by_other_and_full: "
        room room-1
        hold room-1 10:00-11:00 by ann as h                       -> HELD until 08:00:30
        at 08:00:30
        hold room-1 10:00-11:00 by bob as g                       -> HELD until 08:01; h expired
        confirm h by ann                                          -> REJECTED hold_expired (08:00:30)
        confirm g by bob                                          -> BOOKED; g consumed
        confirm h by ann                                          -> REJECTED hold_expired (08:00:30)
    ";

    hold_superseded_before_held_by_other_and_full: "
        room room-1
        hold room-1 10:00-11:00 by ann as h                       -> HELD until 08:00:30
        release h by ann                                          -> ACCEPTED; h released
        hold room-1 10:00-11:00 by bob as g                       -> HELD until 08:00:30
        confirm h by ann                                          -> REJECTED hold_superseded
        confirm g by bob                                          -> BOOKED; g consumed
        confirm h by ann                                          -> REJECTED hold_superseded
    ";

    // A block is refused by holds first, by bookings then.
    held_by_other_before_full: "
        room room-1
        book room-1 10:00-11:00 by ann                            -> BOOKED
        hold room-1 11:00-12:00 by bob as h                       -> HELD until 08:00:30
        block room-1 10:00-12:00 by root                          -> REJECTED held_by_other (h 11:00-12:00) again 08:00:30
    ";

    // Where bookings alone leave no room, waiting for a hold to end helps nobody: they are told.
    bookings_alone_are_told_before_a_hold: "
        room room-1
        book room-1 11:00-12:00 by ann                            -> BOOKED
        hold room-1 10:00-11:00 by bob as h                       -> HELD until 08:00:30
        book room-1 10:00-12:00 by cat                            -> REJECTED full (ann 11:00-12:00)
        book room-1 10:00-11:00 by cat                            -> REJECTED held_by_other (h 10:00-11:00) again 08:00:30
    ";

    // Nothing is left of the interval, so it is full, wherever its first shortage is.
    full_before_insufficient: "
        room room-1 capacity 3
        at 08:00
        book room-1 09:00-10:00 x2 by ann       -> BOOKED
        book room-1 10:00-11:00 x3 by bob       -> BOOKED
        book room-1 09:00-11:00 x2 by cat       -> REJECTED full (bob 10:00-11:00)
        book room-1 10:00-11:00 + room-1 09:00-10:00 x2 by cat -> REJECTED full (bob 10:00-11:00)
        book room-1 09:00-10:00 x2 + room-1 10:00-11:00 by cat -> REJECTED full (bob 10:00-11:00)
    ";

    // Guards stand in the order of codes, each over all lines.
    held_by_other_before_full_over_lines: "
        room x
        room y
        book x 10:00-11:00 by ann               -> BOOKED
        hold y 10:00-11:00 by bob as h          -> HELD until 08:00:30
        book y 10:00-11:00 + x 10:00-11:00 by cat -> REJECTED held_by_other on y (h 10:00-11:00) again 08:00:30
        book x 10:00-11:00 + y 10:00-11:00 by cat -> REJECTED held_by_other on y (h 10:00-11:00) again 08:00:30
    ";

    invalid_before_not_found_over_lines: "
        room room-1
        book nowhere 10:00-11:00 + room-1 10:00-11:00 x2 by ann -> REJECTED invalid: units on room-1
        book nowhere 10:00-11:00 + room-1 by ann -> REJECTED invalid: interval_missing on room-1
    ";

    invalid_before_not_allowed_over_all: "
        room room-1 seats 4
        at 08:00
        book room-1 10:00-11:00 by nobody people 5 -> REJECTED invalid: seats
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        cancel a by ann                         -> ACCEPTED
        approve a by ann                        -> REJECTED invalid: state
    ";

    not_found_before_not_allowed_over_all: "
        room room-1
        book room-1 10:00-11:00 by ann for nobody -> REJECTED not_found: person
        book room-1 10:00-11:00 by ann for bob with nothing -> REJECTED not_found: holder
    ";
}
