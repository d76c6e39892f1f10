//! Clocks and calendars: opening hours, windows and cutoffs at their very instants, on nights when the clock is changed.
//! At the instant of a cutoff it is too late.

crate::rows::tables! {
    opening_hours_are_half_open: "
        room room-1 capacity 9 open mon-fri 08:00-12:00 open mon-fri 13:00-18:00
        at 07:30
        book room-1 08:00-12:00 by ann          -> BOOKED
        book room-1 07:59:59-09:00 by ann       -> REJECTED outside_hours
        book room-1 11:00-12:00:00.000001 by ann -> REJECTED outside_hours
        book room-1 11:00-14:00 by ann          -> REJECTED outside_hours
        book room-1 13:00-18:00 by ann          -> BOOKED
        book room-1 2026-03-07T09:00..2026-03-07T10:00 by ann -> REJECTED outside_hours
        book room-1 2026-03-09T09:00..2026-03-09T10:00 by ann -> BOOKED
    ";

    hours_that_touch_are_one: "
        room room-1 capacity 9 open mon 18:00-24:00 open tue 00:00-06:00 open tue 05:00-08:00
        at 12:00
        book room-1 18:00..2026-03-03T08:00 by ann -> BOOKED
        book room-1 18:00..2026-03-03T08:01 by ann -> REJECTED outside_hours
        book room-1 17:59..2026-03-03T02:00 by ann -> REJECTED outside_hours
    ";

    hours_are_read_in_the_zone_of_the_resource: "
        at 06:30
        room room-1 capacity 9 zone Europe/Berlin open mon 08:00-18:00
        book room-1 07:00-17:00 by ann          -> BOOKED          # 08:00 to 18:00 in Berlin
        book room-1 06:59-08:00 by ann          -> REJECTED outside_hours
    ";

    a_booking_may_have_begun_an_hour_ago: "
        room room-1 capacity 9
        at 10:59:59.999999
        book room-1 10:00-12:00 by ann          -> BOOKED
        hold room-1 10:00-12:00 by ann          -> HELD until 11:00:29.999999
        at 11:00
        book room-1 10:00-12:00 by ann          -> REJECTED past_cutoff: begun (11:00)
        hold room-1 10:00-12:00 by ann          -> REJECTED past_cutoff: begun (11:00)
        book room-1 10:30-11:00 by ann          -> REJECTED past_cutoff: begun (11:00)
        book room-1 10:30-11:00:00.000001 by ann -> BOOKED
    ";

    booking_opens_and_closes_at_its_instants: "
        day 2026-03-10 UTC
        room room-1 capacity 9 book-from 7d book-by 24h
        at 2026-03-03T09:59:59.999999Z
        book room-1 10:00-11:00 by ann          -> REJECTED too_early: book_from (2026-03-03T10:00) again 2026-03-03T10:00
        at 2026-03-03T10:00Z
        book room-1 10:00-11:00 by ann          -> BOOKED
        at 2026-03-09T09:59:59.999999Z
        book room-1 10:00-11:00 by ann          -> BOOKED
        at 2026-03-09T10:00Z
        book room-1 10:00-11:00 by ann          -> REJECTED past_cutoff: book_by (2026-03-09T10:00)
        hold room-1 10:00-11:00 by ann          -> REJECTED past_cutoff: book_by (2026-03-09T10:00)
        book room-1 10:00-11:00 by root         -> REJECTED past_cutoff: book_by (2026-03-09T10:00)
    ";

    a_window_may_open_when_it_begins: "
        room room-1 book-from 0h
        at 09:59:59.999999
        book room-1 10:00-11:00 by ann          -> REJECTED too_early: book_from (10:00) again 10:00
        at 10:00
        book room-1 10:00-11:00 by ann          -> BOOKED
    ";

    // Added and dropped while it runs, until instants of their own; exclusive at them. Admins drop as long as it runs.
    a_section_is_booked_and_dropped_while_it_runs_until_the_instant: "
        section math 10:00-16:00 capacity 2 book-from @2026-03-02T09:00:00Z book-by @2026-03-02T13:00:00Z change-by @2026-03-02T13:30:00Z cancel-by @2026-03-02T14:00:00Z
        at 08:59:59.999999
        book math by ann                        -> REJECTED too_early: book_from (09:00) again 09:00
        at 09:00
        book math by ann as a                   -> BOOKED
        at 12:59:59.999999
        book math by bob as b                   -> BOOKED
        cancel b by bob                         -> ACCEPTED
        at 13:00
        book math by bob                        -> REJECTED past_cutoff: book_by (13:00)
        book math by root                       -> REJECTED past_cutoff: book_by (13:00)
        hold math by bob                        -> REJECTED past_cutoff: book_by (13:00)
        at 13:29:59.999999
        change a by ann people 1                -> ACCEPTED
        at 13:30
        change a by ann people 2                -> REJECTED past_cutoff: change_by (13:30)
        at 13:59:59.999999
        cancel a by ann                         -> ACCEPTED
        at 14:00
        override book math by root for ann as c -> BOOKED
        cancel c by ann                         -> REJECTED past_cutoff: cancel_by (14:00)
        cancel c by root                        -> ACCEPTED
    ";

    // An instant after the end of it closes nothing before the end does.
    nobody_books_what_is_over: "
        section math 10:00-16:00 capacity 2 book-by @2026-03-03T13:00:00Z cancel-by @2026-03-03T13:00:00Z
        at 15:59:59.999999
        book math by ann as a                   -> BOOKED
        at 16:00
        book math by bob                        -> REJECTED past_cutoff: begun (16:00)
        cancel a by ann                         -> REJECTED past_cutoff: begun (16:00)
    ";

    // What has no one time is not booked late because there is a last instant for all of it.
    a_room_has_begun_as_ever: "
        room room-1 capacity 9 book-by @2026-03-02T13:00:00Z
        at 11:00
        book room-1 10:00-12:00 by ann          -> REJECTED past_cutoff: begun (11:00)
        book room-1 15:00-16:00 by ann          -> BOOKED
        at 13:00
        book room-1 15:00-16:00 by ann          -> REJECTED past_cutoff: book_by (13:00)
    ";

    // A term says when adding ends, and a section may say something else.
    a_term_hands_its_instants_down: "
        group term book-by @2026-03-02T13:00:00Z cancel-by @2026-03-02T14:00:00Z
        section math 10:00-16:00 capacity 9 in term
        section bio 11:00-16:00 capacity 9 book-by @2026-03-02T12:00:00Z in term
        at 12:00
        book math by ann as a                   -> BOOKED
        book bio by ann                         -> REJECTED past_cutoff: book_by (12:00)
        edit term by root book-by @2026-03-02T12:30:00Z cancel-by @2026-03-02T14:00:00Z -> ACCEPTED
        at 12:30
        book math by bob                        -> REJECTED past_cutoff: book_by (12:30)
        at 13:59:59.999999
        cancel a by ann                         -> ACCEPTED
    ";

    cancelling_and_changing_close_at_their_instants: "
        day 2026-03-10 UTC
        room room-1 capacity 9 cancel-by 24h change-by 48h
        at 2026-03-02T10:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        book room-1 10:00-11:00 by ann as b     -> BOOKED
        at 2026-03-08T09:59:59.999999
        change a by ann people 2                -> ACCEPTED
        at 2026-03-08T10:00
        change a by ann people 3                -> REJECTED past_cutoff: change_by (2026-03-08T10:00)
        change a by root people 3               -> ACCEPTED
        at 2026-03-09T09:59:59.999999
        cancel a by ann                         -> ACCEPTED
        at 2026-03-09T10:00
        cancel b by ann                         -> REJECTED past_cutoff: cancel_by (2026-03-09T10:00)
        cancel a by ann                         -> ACCEPTED, nothing changes
        cancel b by root                        -> ACCEPTED
    ";

    nobody_cancels_or_changes_what_has_ended: "
        room room-1 capacity 9
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        at 10:59:59.999999
        change a by ann people 2                -> ACCEPTED
        at 11:00
        change a by ann people 3                -> REJECTED past_cutoff: begun (11:00)
        change a by root people 3               -> REJECTED past_cutoff: begun (11:00)
        cancel a by ann                         -> REJECTED past_cutoff: begun (11:00)
        cancel a by root                        -> REJECTED past_cutoff: begun (11:00)
    ";

    a_booking_that_runs_can_be_given_up: "
        room room-1
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        at 10:30
        cancel a by ann                         -> ACCEPTED
        book room-1 10:30-11:00 by bob          -> BOOKED
    ";

    // The strictest of a bundle's cutoffs counts, each by its own line.
    every_line_has_its_own_cutoff: "
        room x cancel-by 1h
        room y cancel-by 3h
        at 08:00
        book x 12:00-13:00 + y 14:00-15:00 by ann as a -> BOOKED
        at 10:59:59.999999
        cancel a by ann                         -> ACCEPTED
        book x 12:00-13:00 + y 14:00-15:00 by ann as a -> BOOKED
        at 11:00
        cancel a by ann                         -> REJECTED past_cutoff: cancel_by (11:00)
    ";

    // The clock goes from 02:00 to 03:00 on Sunday 2026-03-29: the night is an hour shorter.
    berlin_in_spring: "
        day 2026-03-29 Europe/Berlin
        room elapsed capacity 9 cancel-by 24h
        room civil capacity 9 cancel-by 18:00/1d
        room gap capacity 9 cancel-by 02:30/0d
        at 2026-03-20T10:00
        book elapsed 10:00-11:00 by ann as a    -> BOOKED
        book civil 10:00-11:00 by ann as b      -> BOOKED
        book gap 10:00-11:00 by ann as c        -> BOOKED
        at 2026-03-28T08:59:59.999999
        cancel a by root                        -> ACCEPTED
        book elapsed 10:00-11:00 by ann as a    -> BOOKED
        at 2026-03-28T09:00                     # 24 hours before is 09:00, the day has 23
        cancel a by ann                         -> REJECTED past_cutoff: cancel_by (2026-03-28T09:00)
        at 2026-03-28T17:59:59.999999
        change b by ann people 1                -> ACCEPTED
        at 2026-03-28T18:00
        cancel b by ann                         -> REJECTED past_cutoff: cancel_by (2026-03-28T18:00)
        at 03:29:59.999999                      # 02:30 does not exist: the rule means 03:30
        change c by ann people 1                -> ACCEPTED
        at 03:30
        cancel c by ann                         -> REJECTED past_cutoff: cancel_by (03:30)
    ";

    // The clock goes back from 03:00 to 02:00 on Sunday 2026-10-25: the night is an hour longer.
    berlin_in_autumn: "
        day 2026-10-25 Europe/Berlin
        room elapsed capacity 9 cancel-by 24h
        room civil capacity 9 cancel-by 18:00/1d
        room fold capacity 9 cancel-by 02:30/0d
        at 2026-10-20T10:00
        book elapsed 10:00-11:00 by ann as a    -> BOOKED
        book civil 10:00-11:00 by ann as b      -> BOOKED
        book fold 10:00-11:00 by ann as c       -> BOOKED
        at 2026-10-24T10:59:59.999999
        change a by ann people 1                -> ACCEPTED
        at 2026-10-24T11:00                     # 24 hours before is 11:00, the day has 25
        cancel a by ann                         -> REJECTED past_cutoff: cancel_by (2026-10-24T11:00)
        at 2026-10-24T18:00
        cancel b by ann                         -> REJECTED past_cutoff: cancel_by (2026-10-24T18:00)
        at 2026-10-25T00:29:59.999999Z
        change c by ann people 1                -> ACCEPTED
        at 2026-10-25T00:30:00Z                 # 02:30 comes twice: the rule means the first
        cancel c by ann                         -> REJECTED past_cutoff: cancel_by (02:30)
    ";

    short_and_long_days_have_their_hours: "
        day 2026-03-29 Europe/Berlin
        room room-1 capacity 9 open daily 01:00-05:00
        at 2026-03-28T12:00
        book room-1 01:00-05:00 by ann          -> BOOKED          # three hours
        day 2026-10-25 Europe/Berlin
        at 2026-10-24T12:00
        book room-1 01:00-05:00 by ann          -> BOOKED          # five hours
        book room-1 2026-10-25T00:30:00Z..2026-10-25T01:30:00Z by ann -> BOOKED  # 02:30 to 02:30
        book room-1 00:59-01:30 by ann          -> REJECTED outside_hours
        book room-1 04:30-05:01 by ann          -> REJECTED outside_hours
    ";

    // Lord Howe moves by half an hour: 2026-04-05 02:00 becomes 01:30, 2026-10-04 02:00 becomes 02:30.
    lord_howe: "
        day 2026-04-05 Australia/Lord_Howe
        room elapsed capacity 9 cancel-by 24h
        room civil capacity 9 cancel-by 18:00/1d
        room fold capacity 9 cancel-by 01:45/0d
        room gap capacity 9 cancel-by 02:15/0d
        at 2026-04-01T12:00
        book elapsed 10:00-11:00 by ann as a    -> BOOKED
        book civil 10:00-11:00 by ann as b      -> BOOKED
        book fold 10:00-11:00 by ann as c       -> BOOKED
        at 2026-04-04T10:29:59.999999
        change a by ann people 1                -> ACCEPTED
        at 2026-04-04T10:30                     # the day has 24 and a half hours
        cancel a by ann                         -> REJECTED past_cutoff: cancel_by (2026-04-04T10:30)
        at 2026-04-04T18:00
        cancel b by ann                         -> REJECTED past_cutoff: cancel_by (2026-04-04T18:00)
        at 2026-04-04T14:44:59Z
        change c by ann people 1                -> ACCEPTED
        at 2026-04-04T14:45:00Z                 # the first 01:45
        cancel c by ann                         -> REJECTED past_cutoff: cancel_by (01:45)
        day 2026-10-04 Australia/Lord_Howe
        at 2026-10-01T12:00
        book elapsed 10:00-11:00 by ann as d    -> BOOKED
        book gap 10:00-11:00 by ann as e        -> BOOKED
        at 2026-10-03T09:30                     # the day has 23 and a half hours
        cancel d by ann                         -> REJECTED past_cutoff: cancel_by (2026-10-03T09:30)
        at 02:44:59.999999                      # 02:15 does not exist: the rule means 02:45
        change e by ann people 1                -> ACCEPTED
        at 02:45
        cancel e by ann                         -> REJECTED past_cutoff: cancel_by (02:45)
    ";
}
