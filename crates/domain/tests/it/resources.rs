//! What admins do: make, edit, block. Edits match what the editor saw; nothing is overbooked silently.
//! What bookings make of it is in `bookings` and `holds`.

crate::rows::tables! {
    only_admins_make_and_edit: "
        room room-1 by root
        room room-2 by ann                      -> REJECTED not_allowed: admin_only
        room room-1 by root                     -> REJECTED invalid: exists
        edit room-1 by ann capacity 2           -> REJECTED not_allowed: admin_only
        edit nowhere by root                    -> REJECTED not_found
        block room-1 09:00-10:00 by ann         -> REJECTED not_allowed: admin_only
        block nowhere 09:00-10:00 by root       -> REJECTED not_found
        block room-1 09:00-10:00 by root as k   -> ACCEPTED
        unblock room-1 k by ann                 -> REJECTED not_allowed: admin_only
        unblock room-1 nothing by root          -> REJECTED not_found
        unblock room-1 k by root                -> ACCEPTED
        unblock room-1 k by root                -> REJECTED not_found
    ";

    // Scenario 73: two admins who saw the same version.
    an_edit_matches_what_the_editor_saw: "
        room room-1
        at 08:00
        edit room-1 by root seen 1 capacity 2   -> ACCEPTED
        edit room-1 by root seen 1 capacity 3   -> FAILED version_stale
        block room-1 09:00-10:00 by root seen 1 -> FAILED version_stale
        block room-1 09:00-10:00 by root seen 2 as k -> ACCEPTED
        edit room-1 by root seen 2 capacity 3   -> FAILED version_stale
        edit room-1 by root seen 3 capacity 3   -> ACCEPTED
    ";

    bookings_do_not_make_an_edit_stale: "
        room room-1
        at 08:00
        book room-1 09:00-10:00 by ann          -> BOOKED
        hold room-1 10:00-11:00 by bob as h     -> HELD until 08:00:30
        edit room-1 by root seen 1 capacity 2   -> ACCEPTED
    ";

    // Scenario 71, R19: refused by default.
    capacity_is_not_cut_below_use: "
        room room-1 capacity 3
        at 08:00
        book room-1 09:00-10:00 x2 by ann       -> BOOKED
        book room-1 11:00-12:00 x3 by bob as b  -> BOOKED
        edit room-1 by root capacity 2          -> REJECTED insufficient: capacity (bob 11:00-12:00)
        cancel b by bob                         -> ACCEPTED
        edit room-1 by root capacity 2          -> ACCEPTED
        edit room-1 by root capacity 1          -> REJECTED insufficient: capacity (ann 09:00-10:00)
        hold room-1 11:00-12:00 x2 by bob as h  -> HELD until 08:00:30
        at 10:00
        edit room-1 by root capacity 1          -> ACCEPTED; h expired
        edit room-1 by root capacity unlimited  -> ACCEPTED
        book room-1 11:00-12:00 x500 by cat     -> BOOKED
    ";

    live_holds_are_use: "
        room room-1 capacity 2
        at 08:00
        hold room-1 09:00-10:00 x2 by ann as h  -> HELD until 08:00:30
        edit room-1 by root capacity 1          -> REJECTED insufficient: capacity (h 09:00-10:00)
        edit room-1 by root capacity unlimited  -> ACCEPTED
        confirm h by ann                        -> BOOKED; h consumed
    ";

    a_capacity_takes_effect_at_once: "
        room room-1
        at 08:00
        book room-1 09:00-10:00 by ann          -> BOOKED
        book room-1 09:00-10:00 by bob          -> REJECTED full (ann 09:00-10:00)
        edit room-1 by root capacity 2          -> ACCEPTED
        book room-1 09:00-10:00 by bob          -> BOOKED
        book room-1 09:00-10:00 x2 by cat       -> REJECTED full (ann 09:00-10:00)
    ";

    fields_of_an_edit_are_checked: "
        room room-1
        section math-1 09:00-10:00
        edit room-1 by root capacity 0          -> REJECTED invalid: capacity
        edit room-1 by root capacity 1000001    -> REJECTED invalid: capacity
        edit room-1 by root seats 0             -> REJECTED invalid: seats
        edit room-1 by root ttl 301s            -> REJECTED invalid: hold_ttl_s
        edit room-1 by root ttl 0s              -> REJECTED invalid: hold_ttl_s
        edit room-1 by root setup 25h           -> REJECTED invalid: setup_s
        edit room-1 by root teardown 25h        -> REJECTED invalid: teardown_s
        edit room-1 by root longest 367d        -> REJECTED invalid: duration_max_s
        edit room-1 by root cancel-by 367d      -> REJECTED invalid: cancel_by
        edit room-1 by root book-by 18:00/367d  -> REJECTED invalid: book_by
        edit room-1 by root open mon 10:00-10:00 -> REJECTED invalid: opening_hours
        edit room-1 by root open mon 10:00-24:01 -> REJECTED invalid: opening_hours
        edit room-1 by root interval 09:00-10:00 -> REJECTED invalid: interval
        edit math-1 by root interval 10:00-11:00 -> ACCEPTED
        edit room-1 by root ttl 300s setup 24h longest 366d open mon 00:00-24:00 -> ACCEPTED
        edit room-1 by ann capacity 0           -> REJECTED invalid: capacity
    ";

    blocked_time_is_out_of_use: "
        room room-1 capacity 5 teardown 10m
        at 08:00
        block room-1 10:00-11:00 by root as k   -> ACCEPTED
        book room-1 10:30-10:45 by ann          -> REJECTED blocked (k 10:00-11:00)
        book room-1 09:00-10:00 by ann          -> REJECTED blocked (k 10:00-11:00)     # its clear-down
        book room-1 09:00-09:50 by ann          -> BOOKED
        book room-1 11:00-12:00 by ann          -> BOOKED
        hold room-1 10:30-10:45 by bob          -> REJECTED blocked (k 10:00-11:00)
        unblock room-1 k by root                -> ACCEPTED
        book room-1 10:30-10:45 by ann          -> BOOKED
    ";

    // R20: nothing booked is overlapped silently.
    a_block_is_refused_over_bookings: "
        room room-1 capacity 5
        at 08:00
        book room-1 10:00-11:00 by ann          -> BOOKED
        block room-1 10:59-12:00 by root        -> REJECTED full (ann 10:00-11:00)
        block room-1 10:59-12:00 by root voiding -> REJECTED full (ann 10:00-11:00)
        block room-1 11:00-12:00 by root as k   -> ACCEPTED
        block room-1 11:30-13:00 by root as j   -> ACCEPTED
        block room-1 07:00-08:00 by root        -> REJECTED past_cutoff: begun
        block room-1 07:00-08:00:00.000001 by root -> ACCEPTED
    ";

    a_thousand_blocks_are_enough: "
        room room-1
        at 08:00
        repeat 1000 block room-1 10:00-11:00 by root as k -> ACCEPTED
        block room-1 10:00-11:00 by root        -> REJECTED invalid: blocks_max
        unblock room-1 k by root                -> ACCEPTED
        block room-1 10:00-11:00 by root        -> ACCEPTED
    ";

    out_of_service: "
        room room-1 closed
        at 08:00
        book room-1 09:00-10:00 by ann          -> REJECTED closed
        book room-1 09:00-10:00 by root         -> REJECTED closed
        hold room-1 09:00-10:00 by ann          -> REJECTED closed
        edit room-1 by root in-service          -> ACCEPTED
        book room-1 09:00-10:00 by ann as a     -> BOOKED
        edit room-1 by root closed              -> ACCEPTED
        cancel a by ann                         -> ACCEPTED
    ";

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

    // Rises by one with every edit of policy, calendar, capacity or blocks, and with nothing else.
    a_name_is_no_policy: "
        room room-1
        edit room-1 by root seen 1 called Red   -> ACCEPTED
        edit room-1 by root seen 1 capacity 2   -> ACCEPTED
    ";

    // A pending booking waits for the interval it asked for, and a section that moved is another.
    a_section_that_moved_is_not_what_was_asked_for: "
        section math-1 09:00-10:00 approval
        at 08:00
        book math-1 by ann as a                 -> PENDING
        edit math-1 by root interval 11:00-12:00 -> ACCEPTED
        approve a by root                       -> REJECTED invalid: one_interval
    ";

    // Nobody is there any more, and nothing is taken from them.
    what_is_over_stands_in_no_block_s_way: "
        room room-1 teardown 15m
        at 07:30
        book room-1 08:00-09:00 by ann               -> BOOKED
        book room-1 10:00-11:00 by bob as b          -> BOOKED
        cancel b by bob                              -> ACCEPTED
        at 09:10
        block room-1 00:00-24:00 by root             -> REJECTED full (ann 08:00-09:00)
        at 09:15
        block room-1 00:00-24:00 by root             -> ACCEPTED
    ";
}
