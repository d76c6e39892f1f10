//! Waiting and having one's turn: who is next, what is owed meanwhile, and what follows in the same commit.
//! Races and stores are tried elsewhere; here everything is loaded.

crate::rows::tables! {
    a_cancel_promotes_the_first_in_its_own_commit: "
        section algebra 10:00-11:00 waitlist book
        book algebra by ann as a            -> BOOKED
        wait algebra by bob as w1           -> WAITS at 1
        wait algebra by cat as w2           -> WAITS at 2
        cancel a by ann                     -> ACCEPTED; w1 promoted
        book algebra by ann                 -> REJECTED full (bob 10:00-11:00)
        cancel w1 by bob                    -> ACCEPTED; w2 promoted
        cancel w2 by cat                    -> ACCEPTED
        book algebra by ann                 -> BOOKED
    ";

    // The seat of whoever drops in the first week goes to whoever waits, until adding ends.
    a_section_that_runs_promotes_until_adding_ends: "
        section math 10:00-16:00 waitlist book book-by @2026-03-02T13:00:00Z cancel-by @2026-03-02T15:00:00Z
        book math by ann as a                   -> BOOKED
        at 12:00
        wait math by bob as w1                  -> WAITS at 1
        wait math by cat as w2                  -> WAITS at 2
        cancel a by ann                         -> ACCEPTED; w1 promoted
        at 12:59:59.999999
        cancel w1 by bob                        -> ACCEPTED; w2 promoted
        wait math by ann as w3                  -> WAITS at 1
        at 13:00
        cancel w2 by cat                        -> ACCEPTED; w3 lapsed
        book math by bob                        -> REJECTED past_cutoff: book_by (13:00)
    ";

    // Whoever gets what they wait for by a swap waits no more, and is not promoted into it a second time.
    a_swap_ends_the_wait_of_whoever_gains_by_it: "
        section math 10:00-11:00 capacity 2 waitlist book
        section bio 12:00-13:00 waitlist book
        book math by ann as a                   -> BOOKED
        book math by root as r                  -> BOOKED
        book bio by bob as b                    -> BOOKED
        wait math by bob as w1                  -> WAITS at 1
        wait math by cat as w2                  -> WAITS at 2
        swap a with b by root                   -> ACCEPTED; w1 promoted
        cancel r by root                        -> ACCEPTED; w2 promoted
        cancel w2 by cat                        -> ACCEPTED
    ";

    what_admins_free_goes_to_whoever_is_next: "
        room room-1 waitlist book check-in 15m 10m
        room room-2 waitlist book
        at 09:00
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann as a -> BOOKED
        wait room-1 10:00-11:00 by bob as w1    -> WAITS at 1
        wait room-2 10:00-11:00 by cat as w2    -> WAITS at 1
        # An override goes before the order; what else it frees does not.
        override book room-1 10:00-11:00 by root as o displacing a -> BOOKED; w2 promoted, a displaced
        hand w2 to bob by root                  -> ACCEPTED
        cancel o by root                        -> ACCEPTED; w1 promoted
        # Nobody comes: the rest of the time is somebody else's at once.
        wait room-1 10:30-11:00 by cat as w3    -> WAITS at 1
        at 10:10
        no-show w1 by slotwise                  -> ACCEPTED; w3 promoted
        book room-1 10:30-11:00 by ann          -> REJECTED full (cat 10:30-11:00)
    ";

    a_booking_handed_over_ends_its_new_owners_wait_and_lets_its_old_owner_have_their_turn: "
        room room-1 waitlist book no-two-at-once
        room room-2 waitlist book no-two-at-once
        at 09:00
        book room-1 10:00-11:00 by ann as a     -> BOOKED
        wait room-1 10:00-11:00 by cat as w1    -> WAITS at 1
        book room-2 10:00-11:00 by bob as b     -> BOOKED
        wait room-2 10:00-11:00 by ann giving a as w2 -> WAITS at 1
        hand a to cat by root                   -> ACCEPTED; w1 promoted
        cancel b by bob                         -> ACCEPTED; w2 promoted
        book room-2 10:00-11:00 by bob          -> REJECTED full (ann 10:00-11:00)
    ";

    more_units_a_resource_opened_again_and_a_block_with_exceptions: "
        section math 10:00-11:00 capacity 2 waitlist book
        at 09:00
        book math by ann as a                   -> BOOKED
        book math by root as b                  -> BOOKED
        wait math by bob as w1                  -> WAITS at 1
        wait math by cat as w2                  -> WAITS at 2
        capacity math to 1 by root over-committing -> ACCEPTED; 1 too many
        cancel a by ann                         -> ACCEPTED; 0 too many
        capacity math to 2 by root              -> ACCEPTED; w1 promoted
        close math by root                      -> ACCEPTED
        cancel b by root                        -> ACCEPTED
        reopen math by root                     -> ACCEPTED; w2 promoted
        room room-1 waitlist book
        book room-1 10:00-11:00 by ann as c     -> BOOKED
        wait room-1 10:00-11:00 by bob as w3    -> WAITS at 1
        wait room-1 10:00-11:00 by cat as w4    -> WAITS at 2
        # Whom a block concerns is passed over, and nothing is owed to them.
        block room-1 10:00-12:00 by root displacing c except cat as x -> ACCEPTED; w4 promoted, c displaced
        cancel w4 by cat                        -> ACCEPTED
        unblock room-1 x by root                -> ACCEPTED; w3 promoted
    ";

    an_offer_in_the_way_of_an_override_stands_again: "
        section math 10:00-11:00 waitlist offer 60m
        at 08:00
        book math by ann as a                   -> BOOKED
        wait math by bob as w                   -> WAITS at 1
        cancel a by ann                         -> ACCEPTED; w offered until 09:00
        override book math by root as o         -> BOOKED; w-offer voided, w waits again
        cancel o by root                        -> ACCEPTED; w offered until 09:00
    ";

    two_cancels_promote_two: "
        section algebra 10:00-11:00 capacity 2 waitlist book
        book algebra by ann as a            -> BOOKED
        book algebra by root as b           -> BOOKED
        wait algebra by bob as w1           -> WAITS at 1
        wait algebra by cat as w2           -> WAITS at 2
        cancel b by root                    -> ACCEPTED; w1 promoted
        cancel a by ann                     -> ACCEPTED; w2 promoted
    ";

    who_may_wait_for_what: "
        room room-1
        section algebra 10:00-11:00 waitlist book may-wait 1
        wait room-1 10:00-11:00 by ann      -> REJECTED invalid: waitlist_off
        wait algebra x0 by ann              -> REJECTED invalid: units
        wait algebra by ann                 -> REJECTED invalid: units_free
        hold algebra by ann as h            -> HELD until 08:00:30
        wait algebra by ann                 -> REJECTED invalid: units_free
        book algebra by ann with h as a     -> BOOKED; h consumed
        wait algebra by ann for bob         -> REJECTED not_allowed: admin_only
        wait algebra by bob class 1         -> REJECTED not_allowed: admin_only
        wait algebra by root for nobody     -> REJECTED not_found: person
        wait algebra by bob giving nothing  -> REJECTED not_found
        wait algebra by bob giving a        -> REJECTED not_allowed: gives_up
        wait algebra by root for bob as w   -> WAITS at 1
        wait algebra by bob                 -> REJECTED invalid: waiting
        wait algebra by cat                 -> REJECTED quota_exceeded: waitlist_capacity
        wait algebra by cat as w            -> REJECTED invalid: exists
        leave w by cat                      -> REJECTED not_allowed: owner
        leave nothing by cat                -> REJECTED not_found
        class w 3 by bob                    -> REJECTED not_allowed: admin_only
        class w 3 by root                   -> ACCEPTED
        class w 3 by root                   -> ACCEPTED, nothing changes
        leave w by bob                      -> ACCEPTED; w left
        leave w by bob                      -> ACCEPTED, nothing changes
        class w 3 by root                   -> REJECTED invalid: state
        wait algebra by cat as w2           -> WAITS at 1
        edit algebra by root closed         -> ACCEPTED
        wait algebra by bob                 -> REJECTED closed
    ";

    twenty_places_and_no_more: "
        room room-1 capacity 1 waitlist book
        book room-1 08:00-24:00 by ann      -> BOOKED
        wait room-1 09:00-09:10 by bob      -> WAITS at 1
        wait room-1 09:10-09:20 by bob      -> WAITS at 2
        wait room-1 09:20-09:30 by bob      -> WAITS at 3
        wait room-1 09:30-09:40 by bob      -> WAITS at 4
        wait room-1 09:40-09:50 by bob      -> WAITS at 5
        wait room-1 10:00-10:10 by bob      -> WAITS at 6
        wait room-1 10:10-10:20 by bob      -> WAITS at 7
        wait room-1 10:20-10:30 by bob      -> WAITS at 8
        wait room-1 10:30-10:40 by bob      -> WAITS at 9
        wait room-1 10:40-10:50 by bob      -> WAITS at 10
        wait room-1 11:00-11:10 by bob      -> WAITS at 11
        wait room-1 11:10-11:20 by bob      -> WAITS at 12
        wait room-1 11:20-11:30 by bob      -> WAITS at 13
        wait room-1 11:30-11:40 by bob      -> WAITS at 14
        wait room-1 11:40-11:50 by bob      -> WAITS at 15
        wait room-1 12:00-12:10 by bob      -> WAITS at 16
        wait room-1 12:10-12:20 by bob      -> WAITS at 17
        wait room-1 12:20-12:30 by bob      -> WAITS at 18
        wait room-1 12:30-12:40 by bob      -> WAITS at 19
        wait room-1 12:40-12:50 by bob      -> WAITS at 20
        wait room-1 13:00-13:10 by bob      -> REJECTED quota_exceeded: entries_per_person
        wait room-1 13:00-13:10 by cat      -> WAITS at 21
    ";

    priority_goes_first_then_who_joined_first: "
        section algebra 10:00-11:00 waitlist book
        book algebra by root as r           -> BOOKED
        wait algebra by ann as w1           -> WAITS at 1
        wait algebra by bob as w2           -> WAITS at 2
        wait algebra by root for cat class 5 as w3  -> WAITS at 1
        class w2 5 by root                  -> ACCEPTED
        cancel r by root                    -> ACCEPTED; w2 promoted
        cancel w2 by bob                    -> ACCEPTED; w3 promoted
        cancel w3 by cat                    -> ACCEPTED; w1 promoted
    ";

    skip_gives_what_fits_to_the_first_whom_it_fits: "
        section algebra 10:00-11:00 capacity 2 waitlist book
        book algebra by ann as a            -> BOOKED
        book algebra by root as r           -> BOOKED
        wait algebra x2 by bob as w1        -> WAITS at 1
        wait algebra by cat as w2           -> WAITS at 2
        cancel a by ann                     -> ACCEPTED; w2 promoted
        cancel r by root                    -> ACCEPTED
        book algebra by ann as b            -> BOOKED
        cancel b by ann                     -> ACCEPTED
        cancel w2 by cat                    -> ACCEPTED; w1 promoted
    ";

    strict_keeps_what_is_free_for_the_head: "
        section algebra 10:00-11:00 capacity 2 waitlist book strict
        book algebra by ann as a            -> BOOKED
        book algebra by root as r           -> BOOKED
        wait algebra x2 by bob as w1        -> WAITS at 1
        wait algebra by cat as w2           -> WAITS at 2
        cancel a by ann                     -> ACCEPTED
        book algebra by ann                 -> REJECTED waitlist_first (w1 at 1)
        hold algebra by ann                 -> REJECTED waitlist_first (w1 at 1)
        book algebra by root                -> REJECTED waitlist_first (w1 at 1)
        left algebra 10:00-11:00            -> 0
        owed algebra 10:00-11:00            -> 1
        cancel r by root                    -> ACCEPTED; w1 promoted
        owed algebra 10:00-11:00            -> 0
        cancel w1 by bob                    -> ACCEPTED; w2 promoted
        book algebra by ann                 -> BOOKED
    ";

    what_is_kept_for_somebody_is_free_when_they_have_something_else_then: "
        section algebra 10:00-11:00 capacity 2 no-two-at-once waitlist book strict
        section botany 10:30-11:30 no-two-at-once
        book algebra by root as r           -> BOOKED
        book algebra by cat                 -> BOOKED
        wait algebra x2 by ann as w1        -> WAITS at 1
        wait algebra by bob as w2           -> WAITS at 2
        cancel r by root                    -> ACCEPTED
        book botany by ann                  -> BOOKED; w2 promoted
    ";

    a_head_that_gives_something_up_keeps_what_is_free: "
        section algebra 10:00-11:00 capacity 2 waitlist book strict
        section botany 10:30-11:30
        book botany by ann as b             -> BOOKED
        book algebra by root as r           -> BOOKED
        book algebra by cat                 -> BOOKED
        wait algebra x2 by ann giving b as w1 -> WAITS at 1
        wait algebra by bob as w2           -> WAITS at 2
        cancel r by root                    -> ACCEPTED
    ";

    a_head_that_can_never_be_served_keeps_nothing: "
        section algebra 10:00-11:00 capacity 2 waitlist book strict
        book algebra x2 by ann as a         -> BOOKED
        wait algebra x2 by bob as w1        -> WAITS at 1
        wait algebra by cat as w2           -> WAITS at 2
        move a to algebra by ann            -> ACCEPTED
        edit algebra by root capacity 1     -> ACCEPTED
        cancel a by ann                     -> ACCEPTED; w2 promoted
    ";

    what_is_kept_for_a_head_is_free_when_their_own_turn_elsewhere_is_their_last: "
        room room-1 capacity 2 waitlist book strict quota 2/all
        book room-1 10:00-14:00 x2 by ann as a  -> BOOKED
        wait room-1 10:00-11:00 x2 by bob as w1 -> WAITS at 1
        wait room-1 10:00-11:00 by cat as w2    -> WAITS at 2
        wait room-1 13:00-14:00 by bob as w3    -> WAITS at 3
        move a to room-1 10:00-14:00 x1 by ann  -> ACCEPTED; w3 promoted, w2 promoted
        owed room-1 10:00-11:00                 -> 0
    ";

    nobody_has_their_turn_before_it_is_known_what_those_before_them_may_have: "
        room room-1 capacity 2 waitlist book quota 2/all
        book room-1 10:00-13:00 x2 by ann as a  -> BOOKED
        wait room-1 12:00-13:00 x2 by bob as w1 -> WAITS at 1
        wait room-1 10:00-11:00 by bob as w2    -> WAITS at 2
        wait room-1 10:00-11:00 x2 by cat as w3 -> WAITS at 3
        wait room-1 10:00-11:00 by root as w4   -> WAITS at 4
        cancel a by ann                         -> ACCEPTED; w1 promoted, w3 promoted
    ";

    what_is_given_up_for_a_turn_is_theirs_who_come_first: "
        room room-1 capacity 3 waitlist book
        book room-1 10:00-11:00 by bob as b              -> BOOKED
        book room-1 10:00-13:00 x2 by ann as a           -> BOOKED
        book room-1 12:00-13:00 by root                  -> BOOKED
        wait room-1 10:00-11:00 x2 by cat as w1          -> WAITS at 1
        wait room-1 12:00-13:00 by bob giving b as w2    -> WAITS at 2
        wait room-1 10:00-11:00 by root as w3            -> WAITS at 3
        move a to room-1 10:00-13:00 x1 by ann           -> ACCEPTED; w2 promoted, b given up, w1 promoted
    ";

    an_offer_is_taken_or_declined_or_lapses: "
        section yoga 10:00-11:00 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        wait yoga by bob as w2              -> WAITS at 2
        wait yoga by cat as w3              -> WAITS at 3
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        book yoga by root                   -> REJECTED held_by_other (w1-offer 10:00-11:00) again 08:10
        renew w1-offer by ann               -> REJECTED quota_exceeded: renewals
        confirm w1-offer by bob             -> REJECTED not_allowed: holder
        at 08:05
        release w1-offer by ann             -> ACCEPTED; w1-offer released, w1 left, w2 offered until 08:15
        at 08:15
        confirm w2-offer by bob             -> REJECTED hold_expired (08:15); w2-offer expired, w2 lapsed
        expire yoga                         -> ACCEPTED; w3 offered until 08:25
        confirm w3-offer by cat as c        -> BOOKED; w3-offer consumed, w3 promoted
        book yoga by bob                    -> REJECTED full (cat 10:00-11:00)
    ";

    an_offer_expires_at_its_instant: "
        section yoga 10:00-11:00 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        wait yoga by bob as w2              -> WAITS at 2
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        at 08:10
        book yoga by root                   -> REJECTED waitlist_first (w2 at 1)
        expire yoga                         -> ACCEPTED; w1-offer expired, w1 lapsed, w2 offered until 08:20
    ";

    leaving_declines_an_offer: "
        section yoga 10:00-11:00 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        wait yoga by bob as w2              -> WAITS at 2
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        leave w1 by ann                     -> ACCEPTED; w1-offer released, w1 left, w2 offered until 08:10
    ";

    after_a_restore_an_offer_is_void_and_they_wait_again: "
        section yoga 10:00-11:00 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        wait yoga by bob as w2              -> WAITS at 2
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        restore
        book yoga by cat                    -> REJECTED waitlist_first (w1 at 1)
        expire yoga                         -> ACCEPTED; w1-offer voided, w1 waits again, w1 offered until 08:10
        confirm w1-offer by ann             -> BOOKED; w1-offer consumed, w1 promoted
    ";

    a_refused_confirm_is_offered_again_but_not_for_ever: "
        section yoga 10:00-11:00 seats 1 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        book yoga by ann with w1-offer people 2 -> REJECTED invalid: seats; w1-offer released, w1 waits again
        due yoga                            -> 08:00
        book yoga by bob                    -> REJECTED waitlist_first (w1 at 1)
        expire yoga                         -> ACCEPTED; w1 offered until 08:10
        book yoga by ann with w1-offer people 2 -> REJECTED invalid: seats; w1-offer released, w1 waits again
        expire yoga                         -> ACCEPTED; w1 offered until 08:10
        book yoga by ann with w1-offer people 2 -> REJECTED invalid: seats; w1-offer released, w1 lapsed
        book yoga by bob                    -> BOOKED
    ";

    who_books_past_their_offer_has_taken_it: "
        section yoga 10:00-11:00 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        wait yoga by bob as w2              -> WAITS at 2
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        book yoga by ann as a               -> BOOKED; w1-offer superseded, w1 promoted
        cancel a by ann                     -> ACCEPTED; w2 offered until 08:10
    ";

    a_hold_on_an_offer_goes_on_with_it: "
        section yoga 10:00-11:00 waitlist offer 10m
        book yoga by root as r              -> BOOKED
        wait yoga by ann as w1              -> WAITS at 1
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        hold yoga by ann as h               -> HELD until 08:10; w1-offer superseded, w1 offered until 08:10
        confirm w1-offer by ann as a        -> BOOKED; w1-offer consumed, w1 promoted
    ";

    // What was offered is kept for as long as it was; what was not is held as long as by anybody.
    a_hold_that_grows_from_an_offer_is_a_hold_like_others: "
        room room-1 capacity 2 waitlist offer 10m
        book room-1 10:00-11:00 by root as r1   -> BOOKED
        book room-1 10:00-11:00 by root as r2   -> BOOKED
        wait room-1 10:00-11:00 x2 by bob as w1 -> WAITS at 1
        wait room-1 10:00-11:00 by ann as w2    -> WAITS at 2
        cancel r1 by root                       -> ACCEPTED; w2 offered until 08:10
        cancel r2 by root                       -> ACCEPTED
        hold room-1 10:00-11:00 x2 by ann as h  -> HELD until 08:00:30; w2-offer superseded, w2 waits again
        renew h by ann                          -> ACCEPTED, nothing changes
        at 08:00:30
        expire room-1                           -> ACCEPTED; h expired, w1 offered until 08:10:30
    ";

    a_hold_for_longer_than_the_offer_does_not_keep_it: "
        room room-1 waitlist offer 60m
        book room-1 10:00-11:00 by root as r      -> BOOKED
        wait room-1 10:00-11:00 by ann as w1      -> WAITS at 1
        cancel r by root                          -> ACCEPTED; w1 offered until 09:00
        hold room-1 10:15-10:45 by ann as h       -> HELD until 09:00; w1-offer superseded, w1 offered until 09:00
        hold room-1 10:15-2026-04-06T10:15:00Z by ann as h2 -> HELD until 08:00:30; w1-offer superseded, w1 waits again
        release h2 by ann                         -> ACCEPTED; h2 released, w1 offered until 09:00
    ";

    // Only what is asked for now has its own clock: the wait for what began before is over.
    a_hold_that_comes_too_late_for_the_offer_ends_it: "
        room room-1 waitlist offer 120m
        book room-1 10:00-11:00 by root as r      -> BOOKED
        wait room-1 10:00-11:00 by ann as w1      -> WAITS at 1
        at 09:30
        cancel r by root                          -> ACCEPTED; w1 offered until 11:00
        at 10:59:50
        hold room-1 10:30-11:00 by ann as h1      -> HELD until 11:00:20; w1-offer superseded, w1 offered until 11:00:20
        at 11:00:10
        hold room-1 10:40-11:40 by ann as h2      -> HELD until 11:00:40; w1-offer superseded, w1 lapsed
    ";

    // Booking closes after an offer was made: what is left of it is only what is asked for now.
    a_hold_in_the_place_of_an_offer_after_booking_closed_for_that_ends_it: "
        room room-1 waitlist offer 120m
        book room-1 10:00-11:00 by root as r      -> BOOKED
        wait room-1 10:00-11:00 by ann as w1      -> WAITS at 1
        cancel r by root                          -> ACCEPTED; w1 offered until 10:00
        edit room-1 by root book-by 120m          -> ACCEPTED
        hold room-1 10:30-11:00 by ann as h1      -> HELD until 08:00:30; w1-offer superseded, w1 lapsed
    ";

    a_hold_on_an_offer_takes_nobody_s_turn: "
        room room-1 capacity 2 waitlist offer 10m
        book room-1 10:00-11:00 by root as r1     -> BOOKED
        book room-1 10:00-10:30 by root as r2     -> BOOKED
        book room-1 10:30-11:00 by root as r3     -> BOOKED
        wait room-1 10:00-10:30 x2 by bob as w1   -> WAITS at 1
        wait room-1 10:00-11:00 by ann as w2      -> WAITS at 2
        cancel r1 by root                         -> ACCEPTED; w2 offered until 08:10
        cancel r2 by root                         -> ACCEPTED
        hold room-1 10:00-11:00 by ann as h       -> HELD until 08:10; w2-offer superseded, w2 offered until 08:10
    ";

    a_block_voids_an_offer_and_its_end_brings_it_back: "
        room room-1 waitlist offer 10m
        book room-1 10:00-11:00 by root as r    -> BOOKED
        wait room-1 10:00-11:00 by ann as w1    -> WAITS at 1
        cancel r by root                        -> ACCEPTED; w1 offered until 08:10
        block room-1 10:00-11:00 by root        -> REJECTED held_by_other (w1-offer 10:00-11:00) again 08:10
        block room-1 10:00-11:00 by root voiding as b -> ACCEPTED; w1-offer voided, w1 waits again
        unblock room-1 b by root                -> ACCEPTED; w1 offered until 08:10
    ";

    whatever_frees_units_promotes: "
        room room-1 capacity 2 waitlist book
        room room-2
        book room-1 10:00-12:00 x2 by ann as a  -> BOOKED
        wait room-1 10:00-11:00 by bob as w1    -> WAITS at 1
        wait room-1 11:00-12:00 by cat as w2    -> WAITS at 2
        move a to room-1 10:00-11:00 x2 by ann  -> ACCEPTED; w2 promoted
        edit room-1 by root capacity 3          -> ACCEPTED; w1 promoted
        wait room-1 10:00-11:00 by root as w3   -> WAITS at 1
        move a to room-2 10:00-11:00 by ann     -> ACCEPTED; w3 promoted
    ";

    a_hold_that_goes_promotes: "
        section algebra 10:00-11:00 waitlist book
        hold algebra by ann as h            -> HELD until 08:00:30
        wait algebra by bob as w1           -> WAITS at 1
        release h by ann                    -> ACCEPTED; h released, w1 promoted
        cancel w1 by bob                    -> ACCEPTED
        hold algebra by ann as h            -> HELD until 08:00:30
        wait algebra by cat as w2           -> WAITS at 1
        at 08:00:30
        book algebra by bob                 -> REJECTED waitlist_first (w2 at 1)
        expire algebra                      -> ACCEPTED; h expired, w2 promoted
    ";

    a_hold_from_before_is_confirmed_though_somebody_waits: "
        section algebra 10:00-11:00 capacity 2 waitlist book
        book algebra by root as r           -> BOOKED
        hold algebra by ann as h            -> HELD until 08:00:30
        wait algebra by bob as w1           -> WAITS at 1
        confirm h by ann as a               -> BOOKED; h consumed
    ";

    nothing_is_promoted_past_the_cutoff: "
        section algebra 10:00-11:00 waitlist book book-by 1h
        book algebra by ann as a            -> BOOKED
        wait algebra by bob as w1           -> WAITS at 1
        due algebra                         -> 09:00
        at 09:00
        cancel a by ann                     -> ACCEPTED; w1 lapsed
        due algebra                         -> never
        wait algebra by bob                 -> REJECTED invalid: units_free
    ";

    an_offer_does_not_outlast_the_cutoff: "
        section yoga 10:00-11:00 waitlist offer 2h book-by 1h
        book yoga by ann as a               -> BOOKED
        wait yoga by bob as w1              -> WAITS at 1
        cancel a by ann                     -> ACCEPTED; w1 offered until 09:00
    ";

    without_a_cutoff_the_beginning_is_one: "
        section algebra 10:00-11:00 waitlist book
        book algebra by ann as a            -> BOOKED
        wait algebra by bob as w1           -> WAITS at 1
        due algebra                         -> 11:00
        at 11:00
        expire algebra                      -> ACCEPTED; w1 lapsed
    ";

    who_cannot_have_it_is_passed_over_and_keeps_their_place: "
        section algebra 10:00-11:00 no-two-at-once waitlist book
        section botany 10:30-11:30 no-two-at-once
        book algebra by root as r           -> BOOKED
        wait algebra by ann as w1           -> WAITS at 1
        wait algebra by bob as w2           -> WAITS at 2
        book botany by ann as b             -> BOOKED
        cancel r by root                    -> ACCEPTED; w2 promoted
        cancel w2 by bob                    -> ACCEPTED
        left algebra 10:00-11:00            -> 0  # who they are is not asked when units are shown
        cancel b by ann                     -> ACCEPTED; w1 promoted
    ";

    what_frees_somebody_elsewhere_is_their_turn_there: "
        section algebra 10:00-11:00 no-two-at-once waitlist book
        section botany 10:30-11:30 no-two-at-once waitlist book
        book algebra by root as r           -> BOOKED
        wait algebra by ann as w1           -> WAITS at 1
        book botany by ann as b             -> BOOKED
        wait botany by bob as w2            -> WAITS at 1
        cancel r by root                    -> ACCEPTED
        book algebra by cat                 -> BOOKED
        edit algebra by root capacity 2     -> ACCEPTED
        cancel b by ann                     -> ACCEPTED; w1 promoted, w2 promoted
    ";

    who_is_suspended_is_passed_over: "
        section algebra 10:00-11:00 waitlist book
        book algebra by root as r           -> BOOKED
        wait algebra by ann as w1           -> WAITS at 1
        wait algebra by bob as w2           -> WAITS at 2
        suspend ann
        cancel r by root                    -> ACCEPTED; w2 promoted
    ";

    a_swap_gives_up_the_old_place_in_the_same_commit: "
        section algebra 10:00-11:00 no-two-at-once waitlist book
        section botany 10:00-11:00 no-two-at-once waitlist book
        section chemistry 10:00-11:00 no-two-at-once waitlist book
        book algebra by root as r           -> BOOKED
        book botany by ann as a             -> BOOKED
        book chemistry by bob as b          -> BOOKED
        wait algebra by ann                 -> REJECTED own_overlap (ann 10:00-11:00)
        wait algebra by ann giving a as w1  -> WAITS at 1
        wait botany by bob giving b as w2   -> WAITS at 1
        wait chemistry by cat as w3         -> WAITS at 1
        cancel r by root                    -> ACCEPTED; w1 promoted, a given up, w2 promoted, b given up, w3 promoted
    ";

    // What it is given up for may lie in its own place: as by a move, it does not stand in its own way.
    what_is_given_up_makes_room_for_the_turn: "
        room room-1 waitlist book
        section algebra 10:00-11:00 capacity 2 waitlist book
        book room-1 10:00-11:00 by ann as a              -> BOOKED
        book room-1 11:00-12:00 by bob as b              -> BOOKED
        wait room-1 10:30-11:30 by ann giving a as w1    -> WAITS at 1
        wait room-1 10:00-10:30 by cat as w2             -> WAITS at 2
        cancel b by bob                                  -> ACCEPTED; w1 promoted, a given up, w2 promoted
        wait room-1 10:00-10:45 by ann giving w1         -> WAITS at 1
        wait room-1 10:45-11:45 by ann giving w1         -> REJECTED invalid: units_free
        book algebra by ann as c                         -> BOOKED
        book algebra by bob as d                         -> BOOKED
        wait algebra x2 by ann giving c as w3            -> WAITS at 1
        book algebra by cat                              -> REJECTED full (ann 10:00-11:00)
        cancel d by bob                                  -> ACCEPTED; w3 promoted, c given up
    ";

    // What somebody gives up for their turn was not free for those before them.
    nobody_is_passed_by_who_gives_up_their_own: "
        room room-1 capacity 3 waitlist book
        book room-1 10:00-11:00 by ann as a              -> BOOKED
        book room-1 10:00-11:00 by root as r1            -> BOOKED
        book room-1 10:00-11:30 by cat as c              -> BOOKED
        book room-1 11:00-11:30 x2 by root as r2         -> BOOKED
        wait room-1 10:00-11:00 x2 by bob as w1          -> WAITS at 1
        wait room-1 10:30-11:30 by ann giving a as w2    -> WAITS at 2
        cancel c by cat                                  -> ACCEPTED; w2 promoted, a given up
        cancel r1 by root                                -> ACCEPTED; w1 promoted
    ";

    // Offered is what is free beside it: until they take the offer they have both.
    an_offer_is_held_beside_what_is_given_up_for_it: "
        room room-1 waitlist offer 10m
        book room-1 10:00-11:00 by ann as a              -> BOOKED
        book room-1 11:00-12:00 by bob as b              -> BOOKED
        wait room-1 10:30-11:30 by ann giving a as w1    -> WAITS at 1
        cancel b by bob                                  -> ACCEPTED
        # In one command it may not change twice, so their turn is by another, at once.
        move a to room-1 10:00-10:30 by ann              -> ACCEPTED
        due room-1                                       -> 08:00
        book room-1 10:30-11:00 by cat                   -> REJECTED waitlist_first (w1 at 1)
        expire room-1                                    -> ACCEPTED; w1 offered until 08:10
        confirm w1-offer by ann                          -> BOOKED; w1-offer consumed, w1 promoted, a given up
    ";

    // As by a move, whatever else is asked for with the offer.
    what_is_given_up_makes_room_for_what_is_taken_with_an_offer: "
        room room-1 capacity 2 waitlist offer 10m
        book room-1 10:00-11:00 by ann as a              -> BOOKED
        book room-1 11:00-12:00 x2 by bob as b           -> BOOKED
        wait room-1 10:30-11:30 by ann giving a as w1    -> WAITS at 1
        cancel b by bob                                  -> ACCEPTED; w1 offered until 08:10
        book room-1 10:15-11:30 x2 by ann                -> REJECTED insufficient (ann 10:00-11:00)
        book room-1 10:15-11:30 x2 by ann with w1-offer as c -> BOOKED; w1-offer consumed, w1 promoted, a given up
        book room-1 10:00-10:15 x2 by bob                -> BOOKED
    ";

    // Freed by what they cancel, and then once more by what they give up.
    who_is_freed_twice_by_one_command_is_looked_at_twice: "
        section two 10:30-11:30 no-two-at-once waitlist book
        section one 09:30-10:30 no-two-at-once waitlist book
        section other 10:00-11:00 no-two-at-once
        section early 09:00-10:00 no-two-at-once
        book two by root as r2                           -> BOOKED
        book one by root as r1                           -> BOOKED
        wait two by ann as w2                            -> WAITS at 1
        book other by ann as o                           -> BOOKED
        wait one by ann giving o as w1                   -> WAITS at 1
        book early by ann as e                           -> BOOKED
        cancel r1 by root                                -> ACCEPTED
        cancel r2 by root                                -> ACCEPTED
        cancel e by ann                                  -> ACCEPTED; w2 promoted, w1 promoted, o given up
    ";

    what_cannot_be_given_up_any_more_is_not: "
        section algebra 10:00-11:00 no-two-at-once waitlist book
        section botany 10:00-11:00 no-two-at-once cancel-by 1h
        book algebra by root as r           -> BOOKED
        book botany by ann as a             -> BOOKED
        wait algebra by ann giving a as w1  -> WAITS at 1
        wait algebra by bob as w2           -> WAITS at 2
        at 09:00
        cancel r by root                    -> ACCEPTED; w2 promoted
    ";

    whoever_takes_an_offer_gives_up_what_they_said: "
        section yoga 10:00-11:00 no-two-at-once waitlist offer 10m
        section botany 10:00-11:00 no-two-at-once waitlist book
        book yoga by root as r              -> BOOKED
        book botany by ann as a             -> BOOKED
        wait botany by bob as w2            -> WAITS at 1
        wait yoga by ann giving a as w1     -> WAITS at 1
        cancel r by root                    -> ACCEPTED; w1 offered until 08:10
        confirm w1-offer by ann             -> BOOKED; w1-offer consumed, w1 promoted, a given up, w2 promoted
    ";

    a_closed_resource_promotes_when_it_is_open_again: "
        section algebra 10:00-11:00 waitlist book
        book algebra by root as r           -> BOOKED
        wait algebra by ann as w1           -> WAITS at 1
        edit algebra by root closed         -> ACCEPTED
        cancel r by root                    -> ACCEPTED
        edit algebra by root in-service     -> ACCEPTED; w1 promoted
    ";

    without_a_waitlist_nobody_waits: "
        section algebra 10:00-11:00 waitlist book
        book algebra by root as r           -> BOOKED
        wait algebra by ann as w1           -> WAITS at 1
        edit algebra by root no-waitlist    -> ACCEPTED; w1 voided
        edit algebra by root waitlist book approval -> REJECTED invalid: waitlist
    ";

    a_move_takes_nothing_that_is_owed: "
        section algebra 10:00-11:00 capacity 3 waitlist book strict
        room room-1
        book algebra x3 by root as r        -> BOOKED
        wait algebra x3 by ann as w1        -> WAITS at 1
        book room-1 10:00-11:00 by bob as b -> BOOKED
        move r to algebra x2 by root        -> ACCEPTED
        move b to algebra by bob            -> REJECTED waitlist_first (w1 at 1)
        move r to algebra x3 by root        -> REJECTED waitlist_first (w1 at 1)
        move r to algebra x1 by root        -> ACCEPTED
    ";

    waitlist_first_is_told_last: "
        room room-1 capacity 2 waitlist book strict
        room room-2
        book room-1 10:00-11:00 by ann as a         -> BOOKED
        book room-1 10:00-11:00 by root as r        -> BOOKED
        book room-2 10:00-11:00 by cat              -> BOOKED
        wait room-1 10:00-11:00 x2 by bob as w1     -> WAITS at 1
        cancel a by ann                             -> ACCEPTED
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann -> REJECTED full on room-2 (cat 10:00-11:00)
        book room-1 10:00-11:00 x2 by ann           -> REJECTED insufficient (root 10:00-11:00)
        book room-1 10:00-11:00 by ann              -> REJECTED waitlist_first (w1 at 1)
        book room-1 11:00-12:00 by ann              -> BOOKED
    ";
}
