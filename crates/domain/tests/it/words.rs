//! Being told: that something became free, and that it will soon be too late to change a booking.
//! Nobody gets or loses anything by it; how they are told is tried elsewhere.

crate::rows::tables! {
    word_is_given_once_and_keeps_nothing: "
        room room-1
        book room-1 10:00-11:00 by ann as a   -> BOOKED
        watch room-1 10:00-11:00 by bob as w1 -> ACCEPTED
        watch room-1 10:30-10:45 by cat as w2 -> ACCEPTED
        watch room-1 10:00-11:00 by bob       -> REJECTED invalid: waiting
        left room-1 10:00-11:00               -> 0
        cancel a by ann                       -> ACCEPTED; w1 told, w2 told
        owed room-1 10:00-11:00               -> 0
        due room-1                            -> never
        book room-1 10:00-11:00 by ann as b   -> BOOKED
        cancel b by ann                       -> ACCEPTED
    ";

    who_may_have_word_of_what: "
        room room-1 capacity 2
        watch room-1 10:00-11:00 by bob            -> REJECTED invalid: units_free
        book room-1 10:00-11:00 by ann as a        -> BOOKED
        watch room-1 10:00-11:00 by bob            -> REJECTED invalid: units_free
        watch room-1 10:00-11:00 x2 by bob as w    -> ACCEPTED
        watch room-1 10:00-11:00 x2 by cat giving a -> REJECTED invalid: gives_up
        watch room-1 10:00-11:00 x2 by bob for cat -> REJECTED not_allowed: admin_only
        watch room-1 10:00-11:00 x2 by root for cat as c -> ACCEPTED
        leave w by cat                             -> REJECTED not_allowed: owner
        leave w by bob                             -> ACCEPTED; w left
        leave w by bob                             -> ACCEPTED, nothing changes
        cancel a by ann                            -> ACCEPTED; c told
        edit room-1 by root closed                 -> ACCEPTED
        watch room-1 10:00-11:00 x2 by bob         -> REJECTED invalid: units_free
    ";

    there_is_word_of_no_more_than_newcomers_may_have: "
        section yoga 10:00-11:00 capacity 2 waitlist book strict
        book yoga x2 by ann as a            -> BOOKED
        wait yoga x2 by bob as w1           -> WAITS at 1
        watch yoga by cat as w2             -> ACCEPTED
        move a to yoga by ann               -> ACCEPTED
        owed yoga 10:00-11:00               -> 1
        cancel a by ann                     -> ACCEPTED; w1 promoted
        cancel w1 by bob                    -> ACCEPTED; w2 told
    ";

    however_it_becomes_free: "
        room room-1
        hold room-1 10:00-11:00 by ann as h   -> HELD until 08:00:30
        watch room-1 10:00-11:00 by bob as w1 -> ACCEPTED
        at 08:00:30
        expire room-1                         -> ACCEPTED; h expired, w1 told
        block room-1 10:00-11:00 by root as shut -> ACCEPTED
        watch room-1 10:00-11:00 by bob as w2 -> ACCEPTED
        unblock room-1 shut by root           -> ACCEPTED; w2 told
        book room-1 10:00-11:00 by ann as a   -> BOOKED
        watch room-1 10:00-11:00 by bob as w3 -> ACCEPTED
        edit room-1 by root capacity 2        -> ACCEPTED; w3 told
        edit room-1 by root capacity 1        -> ACCEPTED
        watch room-1 10:00-11:00 by bob as w4 -> ACCEPTED
        move a to room-1 11:00-12:00 by ann   -> ACCEPTED; w4 told
        hold room-1 10:00-11:00 by ann as h2  -> HELD until 08:01
        watch room-1 10:00-11:00 by bob as w5 -> ACCEPTED
        release h2 by ann                     -> ACCEPTED; h2 released, w5 told
    ";

    there_is_no_word_once_it_begins_or_is_had: "
        room room-1 book-by 30m
        book room-1 10:00-11:00 by ann as a   -> BOOKED
        watch room-1 10:00-11:00 by bob as w1 -> ACCEPTED
        watch room-1 10:00-10:30 by cat as w2 -> ACCEPTED
        due room-1                            -> 09:30
        at 09:30
        watch room-1 10:15-10:45 by cat as w3 -> ACCEPTED; w1 lapsed, w2 lapsed
        watch room-1 09:50-11:00 by bob       -> REJECTED past_cutoff: book_by (09:20)
        due room-1                            -> 09:45
        at 09:45
        expire room-1                         -> ACCEPTED; w3 lapsed
        due room-1                            -> never
    ";

    who_has_it_meanwhile_needs_no_word: "
        room room-1
        hold room-1 10:00-11:00 by ann as h   -> HELD until 08:00:30
        watch room-1 10:00-11:00 by bob as w  -> ACCEPTED
        watch room-1 10:00-11:00 by cat as w2 -> ACCEPTED
        at 08:00:30
        book room-1 10:00-11:00 by bob as b   -> BOOKED; h expired, w promoted
        cancel b by bob                       -> ACCEPTED; w2 told
    ";

    a_reminder_comes_before_each_cutoff: "
        room room-1 cancel-by 2h change-by 1h remind 30m
        book room-1 14:00-15:00 by ann as a   -> BOOKED
        book room-1 15:00-16:00 by bob as b   -> BOOKED
        book room-1 16:00-17:00 by cat as c   -> BOOKED
        at 11:29
        expire room-1                         -> ACCEPTED, nothing changes
        at 11:30:01
        expire room-1                         -> ACCEPTED; a reminded of 12:00
        expire room-1                         -> ACCEPTED, nothing changes
        at 12:29
        cancel b by bob                       -> ACCEPTED
        at 12:30:01
        expire room-1                         -> ACCEPTED; a reminded of 13:00
        at 13:29
        move c to room-1 18:00-19:00 by cat   -> ACCEPTED
        at 14:30:01
        expire room-1                         -> ACCEPTED, nothing changes
        at 15:30:01
        expire room-1                         -> ACCEPTED; c reminded of 16:00
    ";

    // The resource whose cutoff comes first reminds of it, whichever it is; after it nothing can be done any more.
    a_bundle_is_reminded_of_what_closes_first: "
        room room-1 cancel-by 1h remind 30m
        room beamer cancel-by 3h change-by 1h remind 45m
        room chairs capacity 9 remind 2h
        at 06:00
        book room-1 12:00-13:00 + beamer 12:00-13:00 + chairs 12:00-13:00 by ann as a -> BOOKED
        book beamer 14:00-15:00 x1 by bob as b -> BOOKED
        at 08:15:01
        expire beamer                         -> ACCEPTED; a reminded of 09:00
        expire room-1                         -> ACCEPTED, nothing changes
        at 10:15:01
        expire beamer                         -> ACCEPTED; a reminded of 11:00, b reminded of 11:00
        at 10:30:01
        expire room-1                         -> ACCEPTED
        expire chairs                         -> ACCEPTED, nothing changes
    ";

    who_books_late_is_not_reminded: "
        room room-1 cancel-by 1h remind 2h
        book room-1 10:30-11:00 by ann as a   -> BOOKED
        book room-1 11:30-12:00 by bob as b   -> BOOKED
        at 08:31
        expire room-1                         -> ACCEPTED; b reminded of 10:30
        expire room-1                         -> ACCEPTED, nothing changes
    ";

    any_command_reminds_and_none_twice: "
        room room-1 cancel-by 1h remind 30m
        book room-1 10:00-10:30 by ann as a   -> BOOKED
        book room-1 10:30-11:00 by bob as b   -> BOOKED
        at 08:40
        book room-1 12:00-13:00 by cat        -> BOOKED; a reminded of 09:00
        at 09:10
        cancel b by bob                       -> ACCEPTED
        expire room-1                         -> ACCEPTED, nothing changes
    ";

    too_late_is_no_time_for_a_reminder: "
        room room-1 cancel-by 1h remind 30m
        book room-1 10:00-10:30 by ann as a   -> BOOKED
        at 09:00
        expire room-1                         -> ACCEPTED
        due room-1                            -> never
    ";

    a_reminder_survives_a_refused_confirm: "
        room room-1 cancel-by 1h remind 30m
        book room-1 10:00-10:30 by ann as a   -> BOOKED
        at 08:29:50
        hold room-1 12:00-12:30 by bob as h   -> HELD until 08:30:20
        at 08:30:10
        suspend bob
        confirm h by bob                      -> REJECTED not_allowed: person; h released
        expire room-1                         -> ACCEPTED; a reminded of 09:00
        expire room-1                         -> ACCEPTED, nothing changes
    ";

    the_rule_is_the_group_s_unless_said: "
        group house remind 30m
        room room-1 cancel-by 1h in house
        book room-1 10:00-10:30 by ann as a   -> BOOKED
        at 08:30:01
        expire room-1                         -> ACCEPTED; a reminded of 09:00
    ";
}
