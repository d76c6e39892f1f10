//! Holds: granted, confirmed, renewed, released, expired, superseded, voided.
//! A hold counts until its instant and not at it, whatever the sweep does.

crate::rows::tables! {
    // The two stories of the source document (semantics 4).
    claim_hold_confirm: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        hold room-1 10:00-11:00 by bob          -> REJECTED held_by_other (h 10:00-11:00) again 09:00:30
        book room-1 10:30-11:30 by bob          -> REJECTED held_by_other (h 10:00-11:00) again 09:00:30
        left room-1 10:00-11:00                 -> 0
        left room-1 10:00-11:00 by ann          -> 1      # R27: the holder still sees their own slot
        left room-1 10:00-11:00 by bob          -> 0
        confirm h by ann                        -> BOOKED; h consumed
        hold room-1 10:00-11:00 by bob          -> REJECTED full (ann 10:00-11:00)
        confirm h by ann                        -> REJECTED hold_superseded          # R10
    ";

    a_direct_attempt_needs_no_hold: "
        room room-1 no-holds
        at 09:00
        hold room-1 10:00-11:00 by ann          -> REJECTED invalid: holds_off
        book room-1 10:00-11:00 by ann          -> BOOKED
    ";

    the_holder_needs_no_confirm_to_book_what_they_hold: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        book room-1 10:30-11:30 by ann          -> BOOKED; h superseded
        confirm h by ann                        -> REJECTED hold_superseded
    ";

    // R9, scenario 16, 17: at the instant itself it is over.
    a_hold_ends_at_its_instant: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:29.999999
        book room-1 10:00-11:00 by bob          -> REJECTED held_by_other (h 10:00-11:00) again 09:00:30
        at 09:00:30
        confirm h by ann                        -> REJECTED hold_expired (09:00:30); h expired
        confirm h by ann                        -> REJECTED hold_expired (09:00:30)
        renew h by ann                          -> REJECTED hold_expired (09:00:30)
        release h by ann                        -> ACCEPTED, nothing changes
        book room-1 10:00-11:00 by bob          -> BOOKED
        confirm h by ann                        -> REJECTED hold_expired (09:00:30)
    ";

    a_hold_counts_until_its_instant: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:29.999999
        confirm h by ann                        -> BOOKED; h consumed
    ";

    others_need_no_sweep: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:30
        left room-1 10:00-11:00                 -> 1
        hold room-1 10:30-11:30 by bob as g     -> HELD until 09:01; h expired
        renew h by ann                          -> REJECTED hold_expired (09:00:30)
        confirm h by ann                        -> REJECTED hold_expired (09:00:30)
    ";

    expired_wanted_by_others_or_not: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:45
        renew h by ann                          -> REJECTED hold_expired (09:00:30)
        release h by ann                        -> ACCEPTED; h expired
    ";

    // Scenario 50: a restore voids every hold from before it, whoever asks first; what is granted after it is none of its business.
    a_restore_voids_what_was_held: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        restore
        confirm h by ann                        -> REJECTED hold_superseded; h voided
        confirm h by ann                        -> REJECTED hold_superseded
        renew h by ann                          -> REJECTED hold_superseded
        release h by ann                        -> ACCEPTED, nothing changes
        hold room-1 10:00-11:00 by bob as g     -> HELD until 09:00:30
        confirm g by bob                        -> BOOKED; g consumed
    ";

    others_need_no_sweep_after_a_restore: "
        room room-1
        room room-2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        hold room-2 10:00-11:00 by ann as i     -> HELD until 09:00:30
        restore
        book room-1 10:00-11:00 by bob          -> BOOKED; h voided
        at 09:01
        expire room-2                           -> ACCEPTED; i voided
        hold room-2 10:00-11:00 by ann as j     -> HELD until 09:01:30
        restore
        expire room-2                           -> ACCEPTED; j voided
        expire room-2                           -> ACCEPTED, nothing changes
    ";

    // Scenario 22: the sweep only tidies.
    a_sweep_takes_what_expired_and_nothing_else: "
        room room-1 capacity 2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:20
        hold room-1 10:00-11:00 by bob as g     -> HELD until 09:00:50
        expire room-1                           -> ACCEPTED, nothing changes
        renew h by ann                          -> HELD until 09:00:50
        at 09:00:49
        expire room-1                           -> ACCEPTED, nothing changes
        at 09:00:50
        expire room-1                           -> ACCEPTED; h expired, g expired
        expire room-1                           -> ACCEPTED, nothing changes
    ";

    renewals_are_counted: "
        room room-1 ttl 25s
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:25
        at 09:00:01
        renew h by ann                          -> HELD until 09:00:26
        at 09:00:02
        renew h by ann                          -> HELD until 09:00:27
        at 09:00:03
        renew h by ann                          -> HELD until 09:00:28
        at 09:00:04
        renew h by ann                          -> HELD until 09:00:29
        at 09:00:05
        renew h by ann                          -> HELD until 09:00:30
        at 09:00:06
        renew h by ann                          -> HELD until 09:00:31
        at 09:00:07
        renew h by ann                          -> HELD until 09:00:32
        at 09:00:08
        renew h by ann                          -> HELD until 09:00:33
        at 09:00:09
        renew h by ann                          -> HELD until 09:00:34
        at 09:00:10
        renew h by ann                          -> HELD until 09:00:35
        at 09:00:11
        renew h by ann                          -> REJECTED quota_exceeded: renewals
        confirm h by ann                        -> BOOKED; h consumed
    ";

    renewals_end_after_300_seconds_in_all: "
        room room-1 ttl 120s
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:02
        at 09:01:59
        renew h by ann                          -> HELD until 09:03:59
        at 09:03:58
        renew h by ann                          -> HELD until 09:05
        at 09:04:59.999999
        renew h by ann                          -> REJECTED quota_exceeded: renewals
        book room-1 10:00-11:00 by bob          -> REJECTED held_by_other (h 10:00-11:00) again 09:05
        at 09:05
        book room-1 10:00-11:00 by bob          -> BOOKED; h expired
    ";

    // Scenario 23, 24: only equality with the current token counts, and only for its holder.
    a_token_is_for_its_hold_and_holder: "
        room room-1
        room room-2
        at 09:00
        hold room-1 10:00-11:00 by ann as h1    -> HELD until 09:00:30
        hold room-2 10:00-11:00 by ann as h2    -> HELD until 09:00:30
        release h1 by ann                       -> ACCEPTED; h1 released
        hold room-1 10:00-11:00 by bob as g     -> HELD until 09:00:30
        confirm g by bob token h1               -> REJECTED hold_superseded
        at 09:00:01
        renew g by bob token h1                 -> REJECTED hold_superseded
        release g by bob token h1               -> REJECTED hold_superseded
        release h1 by ann                       -> ACCEPTED, nothing changes
        release h1 by ann token g               -> ACCEPTED, nothing changes
        confirm g by ann                        -> REJECTED not_allowed: holder
        renew g by ann                          -> REJECTED not_allowed: holder
        release g by ann                        -> REJECTED not_allowed: holder
        release g by root                       -> REJECTED not_allowed: holder
        release g by slotwise                   -> REJECTED not_allowed: holder
        release nothing by ann                  -> REJECTED not_found: holder
        renew nothing by ann                    -> REJECTED not_found: holder
        book room-1 10:00-11:00 by ann with nothing -> REJECTED not_found: holder
        confirm g by bob                        -> BOOKED; g consumed
    ";

    own_holds_do_not_stand_in_the_way: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:10
        hold room-1 10:30-11:30 by ann as g     -> HELD until 09:00:40; h superseded
        renew h by ann                          -> REJECTED hold_superseded
        release h by ann                        -> ACCEPTED, nothing changes
        left room-1 10:00-10:30                 -> 1
        confirm g by ann                        -> BOOKED; g consumed
    ";

    own_holds_stay_where_there_is_room_for_both: "
        room room-1 capacity 2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        hold room-1 10:00-11:00 by ann as g     -> HELD until 09:00:30
        left room-1 10:00-11:00                 -> 0
        left room-1 10:00-11:00 by ann          -> 2
        confirm h by ann                        -> BOOKED; h consumed
        confirm g by ann                        -> BOOKED; g consumed
    ";

    a_refused_hold_leaves_the_earlier_one: "
        room room-1 capacity 2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        hold room-1 10:30-11:30 by bob as g     -> HELD until 09:00:30
        hold room-1 10:00-11:00 x2 by ann       -> REJECTED held_by_other (g 10:30-11:30) again 09:00:30
        confirm h by ann                        -> BOOKED; h consumed
    ";

    // Scenario 26: different lengths.
    overlapping_holds_are_refused_by_any_shared_instant: "
        room room-1
        at 08:00
        hold room-1 09:00-10:00 by ann as h     -> HELD until 08:00:30
        hold room-1 09:30-11:00 by bob          -> REJECTED held_by_other (h 09:00-10:00) again 08:00:30
        hold room-1 08:30-09:00:00.000001 by bob -> REJECTED held_by_other (h 09:00-10:00) again 08:00:30
        hold room-1 10:00-11:00 by bob as g     -> HELD until 08:00:30
    ";

    a_hold_keeps_set_up_and_clear_down: "
        room room-1 setup 10m teardown 10m
        at 08:00
        hold room-1 09:00-10:00 by ann as h     -> HELD until 08:00:30
        book room-1 10:15-11:00 by bob          -> REJECTED held_by_other (h 09:00-10:00) again 08:00:30
        book room-1 10:20-11:00 by bob          -> BOOKED
    ";

    // R11: holds and bookings share one bucket.
    bookings_alone_in_the_way_are_told_first: "
        room room-1 capacity 3
        at 08:00
        book room-1 09:00-10:00 x2 by ann       -> BOOKED
        hold room-1 09:00-10:00 x1 by bob as h  -> HELD until 08:00:30
        book room-1 09:00-10:00 x1 by cat       -> REJECTED held_by_other (h 09:00-10:00) again 08:00:30
        book room-1 09:00-10:00 x2 by cat       -> REJECTED insufficient (ann 09:00-10:00)
        left room-1 09:00-10:00                 -> 0
    ";

    a_refused_confirm_lets_its_hold_go: "
        room room-1
        room room-2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        book room-2 10:00-11:00 by bob          -> BOOKED
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann with h -> REJECTED full on room-2 (bob 10:00-11:00); h released
        left room-1 10:00-11:00                 -> 1
        hold room-1 10:00-11:00 by ann as g     -> HELD until 09:00:30
        edit room-1 by root closed              -> ACCEPTED
        confirm g by ann                        -> REJECTED closed; g released
    ";

    // The hold of somebody else, or a token that is not current, is not let go.
    a_refused_confirm_lets_no_other_hold_go: "
        room room-1
        room room-2
        at 09:00
        hold room-2 10:00-11:00 by ann as h     -> HELD until 09:00:30
        hold room-1 10:00-11:00 by bob as g     -> HELD until 09:00:30
        confirm g by ann                        -> REJECTED not_allowed: holder
        confirm g by bob token h                -> BOOKED; g consumed      # both first grants: equal tokens
        hold room-1 12:00-13:00 by bob as g     -> HELD until 09:00:30
        confirm g by bob token h                -> REJECTED hold_superseded
        left room-1 12:00-13:00                 -> 0
    ";

    failed_leaves_the_hold: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        edit room-1 by root capacity 2          -> ACCEPTED
        edit room-1 by root seen 1 closed       -> FAILED version_stale
        block room-1 10:00-11:00 by root seen 1 voiding -> FAILED version_stale
        confirm h by ann                        -> BOOKED; h consumed
    ";

    // Scenario 25.
    ten_live_holds_a_person: "
        room hall capacity 100
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as first -> HELD until 09:00:30
        at 09:00:10
        repeat 9 hold hall 10:00-11:00 by ann as g -> HELD until 09:00:40
        hold hall 10:00-11:00 by ann            -> REJECTED quota_exceeded: holds_per_person again 09:00:30
        hold hall 10:00-11:00 by bob as b       -> HELD until 09:00:40
        hold room-1 10:00-12:00 by ann as second -> HELD until 09:00:40; first superseded
        hold hall 10:00-11:00 by ann            -> REJECTED quota_exceeded: holds_per_person again 09:00:40
        confirm g by ann                        -> BOOKED; g consumed
        hold hall 10:00-11:00 by ann as g       -> HELD until 09:00:40
        hold hall 10:00-11:00 by ann            -> REJECTED quota_exceeded: holds_per_person again 09:00:40
        release g by ann                        -> ACCEPTED; g released
        hold hall 10:00-11:00 by ann as g       -> HELD until 09:00:40
    ";

    expired_holds_do_not_count_against_the_holder: "
        room room-1 capacity 9
        room room-2 capacity 9
        at 09:00
        repeat 5 hold room-1 10:00-11:00 by ann as g -> HELD until 09:00:30
        repeat 5 hold room-2 10:00-11:00 by ann as h -> HELD until 09:00:30
        hold room-2 10:00-11:00 by ann          -> REJECTED quota_exceeded: holds_per_person again 09:00:30
        at 09:00:30
        hold room-2 10:00-11:00 by ann as last  -> HELD until 09:01; h expired, h expired, h expired, h expired, h expired
        left room-1 10:00-11:00                 -> 9
    ";

    a_pending_booking_consumes_its_hold: "
        room room-1 approval
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        confirm h by ann as a                   -> PENDING; h consumed
        left room-1 10:00-11:00                 -> 1
    ";

    a_section_is_held_for_its_interval: "
        section math-1 10:00-11:00 capacity 2 hold-at-claim ttl 300s
        at 09:00
        hold math-1 x2 by ann as h              -> HELD until 09:05
        hold math-1 by bob                      -> REJECTED held_by_other (h 10:00-11:00) again 09:05
        confirm h by ann                        -> BOOKED; h consumed
        hold math-1 by bob                      -> REJECTED full (ann 10:00-11:00)
        hold math-1 10:00-10:30 by bob          -> REJECTED invalid: one_interval
        hold math-1 x3 by bob                   -> REJECTED invalid: units
        hold math-1 x0 by bob                   -> REJECTED invalid: units
    ";

    // Scenario 27: a block over a held slot.
    a_block_over_a_hold: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        block room-1 10:30-12:00 by root        -> REJECTED held_by_other (h 10:00-11:00) again 09:00:30
        block room-1 11:00-12:00 by root as k   -> ACCEPTED
        block room-1 10:30-12:00 by root voiding as j -> ACCEPTED; h voided
        confirm h by ann                        -> REJECTED blocked (j 10:30-12:00)
        renew h by ann                          -> REJECTED hold_superseded
        unblock room-1 j by root                -> ACCEPTED
        confirm h by ann                        -> REJECTED hold_superseded
    ";

    a_block_needs_no_word_about_expired_holds: "
        room room-1
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        at 09:00:30
        block room-1 10:30-12:00 by root        -> ACCEPTED; h expired
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

    // A hold is confirmed by booking what is held.
    a_confirm_is_about_what_is_held: "
        room room-1
        room room-2
        at 09:00
        hold room-1 10:00-11:00 by ann as h     -> HELD until 09:00:30
        book room-2 10:00-11:00 by ann with h   -> REJECTED invalid: holder; h released
    ";
}
