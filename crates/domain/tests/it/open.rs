//! Rows that semantics ask for and the judgement does not give yet, each with what is missing.
//! A row leaves this file for the table it belongs to when it passes.

crate::rows::tables! {
    // The commit that frees the past must not stop the store because the capacity was cut since.
    what_is_over_may_have_been_more_than_the_capacity_is_now: "
        room x capacity 3
        room y
        at 08:00
        book x 09:00-10:00 + y 11:00-12:00 by ann as a -> BOOKED
        book x 09:00-10:00 x2 by bob            -> BOOKED
        at 10:30
        edit x by root capacity 1               -> ACCEPTED
        cancel a by ann                         -> ACCEPTED
    ";

    an_expired_hold_on_the_past_stops_nothing: "
        room x capacity 3 ttl 300s
        at 08:00
        book x 09:00-10:00 x2 by bob            -> BOOKED
        at 09:59
        hold x 09:30-10:00 by ann as h          -> HELD until 10:04
        at 10:00
        edit x by root capacity 1               -> ACCEPTED
        at 10:04
        expire x                                -> ACCEPTED; h expired
    ";

    // Lines are summed before it is asked which own holds stand in the way.
    own_holds_do_not_stand_in_the_way_of_several_lines: "
        room room-1 capacity 2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        book room-1 10:00-11:00 + room-1 10:00-11:00 by ann -> BOOKED; h superseded
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

    // Nothing is used up: neither ten renewals nor 300 seconds.
    renewing_what_needs_no_renewal: "
        room room-1 ttl 300s
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:05
        edit room-1 by root ttl 30s             -> ACCEPTED
        at 09:00:01
        renew h by ann                          -> ACCEPTED, nothing changes
    ";

    renewing_at_the_instant_of_the_grant: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        renew h by ann                          -> ACCEPTED, nothing changes
    ";

    // Rises by one with every edit of policy, calendar, capacity or blocks, and with nothing else.
    a_name_is_no_policy: "
        room room-1
        edit room-1 by root seen 1 called Red   -> ACCEPTED
        edit room-1 by root seen 1 capacity 2   -> ACCEPTED
    ";

    // A pending booking waits for the interval it asked for.
    a_section_does_not_move_under_a_pending_booking: "
        section math-1 09:00-10:00 approval
        at 08:00
        book math-1 by ann as a                 -> PENDING
        edit math-1 by root interval 11:00-12:00 -> REJECTED invalid: interval
    ";

    // A hold is confirmed by booking what is held.
    a_confirm_is_about_what_is_held: "
        room room-1
        room room-2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        book room-2 10:00-11:00 by ann with h   -> REJECTED invalid: holder; h released
    ";
}

// Not counted as told by `codes`.
const _: &[(&str, &str)] = TABLES;
