//! Rules about the person a booking is for: how much they may have, what they must be, what goes together.
//! Two at once and holds per person are with the bookings and holds.

use slotwise_domain::*;
use std::sync::Arc;
use uuid::Uuid;

crate::rows::tables! {
    // So many credits of a term, exact to hundredths: what the course of a section says, or its rules.
    credits_of_a_term_are_limited: "
        group term credits 10.5
        section math 10:00-11:00 capacity 9 of-credits 4.5 in term
        section bio 11:00-12:00 capacity 9 of-credits 5 in term
        section lab 12:00-13:00 capacity 9 of-credits 0 in term
        section art 13:00-14:00 capacity 9 of-credits 1.01 in term
        section yoga 14:00-15:00 capacity 9 in term
        section night 15:00-16:00 capacity 9 worth 2.5 of-credits 4 in term
        book math by ann as m                           -> BOOKED
        book bio by ann as b                            -> BOOKED
        book lab by ann                                 -> BOOKED
        book art by ann                                 -> REJECTED quota_exceeded: quota (term 9.5 of 10.5)
        book yoga by ann as y                           -> BOOKED
        book night by ann                               -> REJECTED quota_exceeded: quota (term 10.5 of 10.5)
        # What is dropped makes room, and a swap counts what it leaves.
        move b to night by ann                          -> ACCEPTED
        book bio by ann                                 -> REJECTED quota_exceeded: quota (term 8 of 10.5)
        cancel m by ann                                 -> ACCEPTED
        book bio by ann                                 -> BOOKED
        # Two seats count twice; several sections at once are summed.
        book bio x2 + art by bob                        -> REJECTED quota_exceeded: quota on bio (term 0 of 10.5)
        book bio x2 by bob                              -> BOOKED
        # An allowance is of whole credits, in the place of the term's number.
        facts cat allows term 4
        book math by cat                                -> REJECTED quota_exceeded: quota (term 0 of 4)
        facts cat allows term 5
        book math by cat                                -> BOOKED
        # What was decided while units were counted is worth what it was then.
        facts cat
        edit term by root quota 2/all/group             -> ACCEPTED
        book yoga by cat as x                           -> BOOKED
        book lab by cat                                 -> REJECTED quota_exceeded: quota (term 2 of 2)
        edit term by root credits 6                     -> ACCEPTED
        book art by cat                                 -> REJECTED quota_exceeded: quota (term 5.5 of 6)
    ";

    a_quota_counts_units_by_the_day: "
        room room-1 capacity 9 quota 3/day
        book room-1 09:00-10:00 x2 by ann as a          -> BOOKED
        book room-1 10:00-11:00 x2 by ann               -> REJECTED quota_exceeded: quota (room-1 2 of 3 00:00-2026-03-03T00:00)
        book room-1 10:00-11:00 by ann                  -> BOOKED
        book room-1 11:00-12:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 3 of 3 00:00-2026-03-03T00:00)
        book room-1 11:00-12:00 x3 by bob               -> BOOKED
        book room-1 2026-03-03T09:00..2026-03-03T10:00 x3 by ann -> BOOKED
        cancel a by ann                                 -> ACCEPTED
        book room-1 11:00-12:00 x2 by ann               -> BOOKED
    ";

    // What begins before midnight counts on that day, whenever it ends; the edge itself is the next day.
    a_booking_counts_where_it_begins: "
        room room-1 quota 1/day
        book room-1 23:00..2026-03-03T01:00 by ann      -> BOOKED
        book room-1 2026-03-03T02:00..2026-03-03T03:00 by ann -> BOOKED
        book room-1 22:00-23:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
    ";

    lines_of_one_command_are_summed: "
        room room-1 capacity 9 quota 3/day
        book room-1 09:00-10:00 x2 + room-1 10:00-11:00 x2 by ann -> REJECTED quota_exceeded: quota (room-1 0 of 3 00:00-2026-03-03T00:00)
        book room-1 09:00-10:00 x2 + room-1 10:00-11:00 by ann -> BOOKED
    ";

    a_week_begins_on_monday_and_a_month_on_its_first: "
        room room-1 quota 1/week
        room room-2 quota 1/month
        book room-1 2026-03-08T23:00..2026-03-09T00:00 by ann -> BOOKED
        book room-1 09:00-10:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-09T00:00)
        book room-1 2026-03-09T00:00..2026-03-09T01:00 by ann -> BOOKED
        book room-2 2026-03-31T23:00..2026-03-31T23:30 by ann -> BOOKED
        book room-2 09:00-10:00 by ann                  -> REJECTED quota_exceeded: quota (room-2 1 of 1 2026-03-01T00:00-2026-04-01T00:00)
        book room-2 2026-04-01T00:00..2026-04-01T01:00 by ann -> BOOKED
    ";

    // R8, scenario 7: one a day across all rooms of a group; what counts alone, or not at all, does not count there.
    a_group_counts_together: "
        group studio quota 1/day/group
        room room-1 in studio
        room room-2 in studio
        room room-3 in studio quota 1/day
        room room-4 in studio no-quota
        book room-1 09:00-10:00 by ann                  -> BOOKED
        book room-2 10:00-11:00 by ann                  -> REJECTED quota_exceeded: quota (studio 1 of 1 00:00-2026-03-03T00:00)
        book room-3 10:00-11:00 by ann                  -> BOOKED
        book room-4 10:00-11:00 by ann                  -> BOOKED
        book room-2 10:00-11:00 by bob                  -> BOOKED
        book room-2 10:30-11:30 + room-1 12:00-13:00 by cat -> REJECTED quota_exceeded: quota on room-2 (studio 0 of 1 00:00-2026-03-03T00:00)
    ";

    an_allowance_stands_in_the_place_of_the_quota: "
        group term quota 2/all/group
        section algebra 10:00-11:00 capacity 5 in term
        section biology 11:00-12:00 capacity 5 in term
        section chess 12:00-13:00 capacity 5 in term
        facts ann allows term 3
        facts bob allows term 1
        facts cat allows term 0
        book algebra + biology + chess by ann           -> BOOKED
        book algebra + biology by bob                   -> REJECTED quota_exceeded: quota on algebra (term 0 of 1)
        book algebra by bob                             -> BOOKED
        book algebra by cat                             -> REJECTED quota_exceeded: quota (term 0 of 0)
        book algebra + biology + chess by root          -> REJECTED quota_exceeded: quota on algebra (term 0 of 2)
    ";

    a_move_within_the_period_counts_once: "
        room room-1 quota 1/day
        book room-1 09:00-10:00 by ann as a             -> BOOKED
        move a to room-1 14:00-15:00 by ann             -> ACCEPTED
        book room-1 2026-03-03T09:00..2026-03-03T10:00 by ann as b -> BOOKED
        move b to room-1 16:00-17:00 by ann             -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        cancel a by ann                                 -> ACCEPTED
        move b to room-1 16:00-17:00 by ann             -> ACCEPTED
    ";

    // Whoever has more than is allowed by now keeps it, and may put it elsewhere; more of it is refused.
    a_quota_lowered_later_takes_nothing_away: "
        room room-1 capacity 9 quota 3/day
        book room-1 09:00-10:00 x3 by ann as a          -> BOOKED
        edit room-1 by root quota 1/day                 -> ACCEPTED
        move a to room-1 14:00-15:00 x3 by ann          -> ACCEPTED
        move a to room-1 14:00-15:00 x4 by ann          -> REJECTED quota_exceeded: quota (room-1 0 of 1 00:00-2026-03-03T00:00)
        book room-1 11:00-12:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 3 of 1 00:00-2026-03-03T00:00)
    ";

    a_quota_holds_for_holds_and_approvals: "
        room room-1 capacity 9 quota 1/day approval
        book room-1 09:00-10:00 by ann as a             -> PENDING
        book room-1 10:00-11:00 by ann as b             -> PENDING
        approve a by root                               -> ACCEPTED
        approve b by root                               -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        hold room-1 11:00-12:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        book room-1 11:00-12:00 by root for ann         -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
    ";

    a_swap_counts_for_both: "
        room room-1 quota 1/day
        room room-2
        book room-1 09:00-10:00 by ann as a1            -> BOOKED
        book room-2 10:00-11:00 by ann as a2            -> BOOKED
        book room-1 11:00-12:00 by bob as b1            -> BOOKED
        swap a1 with b1 by root                         -> ACCEPTED
        swap a2 with b1 by root                         -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        swap a1 with a2 by ann                          -> ACCEPTED
    ";

    a_day_of_the_quota_is_of_the_zone: "
        day 2026-03-29 Europe/Berlin
        room room-1 quota 1/day
        book room-1 2026-03-28T23:30..00:30 by ann      -> BOOKED
        book room-1 01:00-04:00 by ann                  -> BOOKED
        book room-1 23:00-23:30 by ann                  -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-30T00:00)
    ";

    facts_say_who_is_eligible: "
        section algebra 10:00-11:00 capacity 9 needs passed:MATH10A either major:math,major:cs bars hold:*
        book algebra by ann                             -> REJECTED not_eligible: eligibility (0)
        hold algebra by ann                             -> REJECTED not_eligible: eligibility (0)
        facts ann passed:MATH10A
        book algebra by ann                             -> REJECTED not_eligible: eligibility (1)
        facts ann passed:MATH10A major:cs hold:advisor
        book algebra by ann                             -> REJECTED not_eligible: eligibility (2)
        facts ann passed:MATH10A major:cs
        book algebra by ann                             -> BOOKED
        book algebra by root                            -> REJECTED not_eligible: eligibility (0)
        book algebra by root for bob                    -> REJECTED not_eligible: eligibility (0)
    ";

    what_is_lost_later_takes_no_booking_away: "
        room gym capacity 9 needs member:gold
        facts ann member:gold
        book gym 10:00-11:00 by ann as a                -> BOOKED
        facts ann
        move a to gym 10:00-10:30 by ann                -> ACCEPTED
        move a to gym 12:00-13:00 by ann                -> REJECTED not_eligible: eligibility (0)
        cancel a by ann                                 -> ACCEPTED
    ";

    eligibility_is_asked_again_at_approval_and_swap: "
        room gym capacity 9 needs member:gold approval
        room hall
        facts ann member:gold
        book gym 10:00-11:00 by ann as a                -> PENDING
        facts ann
        approve a by root                               -> REJECTED not_eligible: eligibility (0)
        facts ann member:gold
        approve a by root                               -> ACCEPTED
        book hall 10:00-11:00 by bob as b               -> BOOKED
        swap a with b by root                           -> REJECTED not_eligible: eligibility (0)
    ";

    // A lecture comes with a discussion and a lab, in one command or with what one has.
    linked_sections_go_together: "
        section lecture 10:00-11:00 capacity 9
        section tue 11:00-12:00 capacity 9 with-one-of lecture
        section wed 12:00-13:00 capacity 9 with-one-of lecture
        edit lecture by root with-one-of tue,wed        -> ACCEPTED
        book lecture by ann                             -> REJECTED not_eligible: linked (0)
        book tue by ann                                 -> REJECTED not_eligible: linked (0)
        book lecture + tue by ann as both               -> BOOKED
        book wed by ann as more                         -> BOOKED
        book wed by bob                                 -> REJECTED not_eligible: linked (0)
        cancel both by ann                              -> REJECTED not_eligible: linked (ann 12:00-13:00)
        move both to lecture + wed by ann               -> ACCEPTED
        move both to tue by ann                         -> REJECTED not_eligible: linked (0)
        cancel more by ann                              -> ACCEPTED
        cancel both by ann                              -> ACCEPTED
        book wed by ann                                 -> REJECTED not_eligible: linked (0)
    ";

    // Sections of one term are on the whole term and meet week by week: only what meets at one time is refused.
    sections_clash_where_they_meet: "
        section algebra 09:00-20:00 capacity 9 no-two-at-once meets mo,we/10:00-10:50
        section biology 09:00-20:00 capacity 9 no-two-at-once meets we,fr/10:30-11:20
        section chemistry 09:00-20:00 capacity 9 no-two-at-once meets tu/10:00-10:50+th/14:00-15:00
        section drawing 09:00-20:00 capacity 9 no-two-at-once meets we/10:50-11:20
        section online 09:00-20:00 capacity 9 no-two-at-once meets never
        section later 09:00-20:00 capacity 9 no-two-at-once meets mo/10:00-11:00/2026-06-01/2026-12-31
        section sooner 09:00-20:00 capacity 9 no-two-at-once meets mo/10:00-11:00/2026-01-01/2026-05-31
        section once 09:00-20:00 capacity 9 no-two-at-once meets mo,tu,we,th,fr/08:00-20:00/2026-03-02/2026-03-02
        section here 10:45-11:00 capacity 9 no-two-at-once
        section there 10:50-11:30 capacity 9 no-two-at-once
        section berlin 09:00-20:00 capacity 9 no-two-at-once zone Europe/Berlin meets mo/11:00-11:30
        section dublin 09:00-20:00 capacity 9 no-two-at-once zone Europe/Berlin meets mo/09:00-10:30
        book algebra by ann as a                        -> BOOKED
        book biology by ann                             -> REJECTED own_overlap (ann 09:00-20:00)
        wait biology by ann                             -> REJECTED invalid: waitlist_off
        book chemistry by ann as c                      -> BOOKED
        book drawing + biology by bob                   -> REJECTED own_overlap on biology
        book drawing + online by ann                    -> BOOKED
        book online by ann                              -> REJECTED own_overlap (ann 09:00-20:00)
        book later by ann                               -> REJECTED own_overlap (ann 09:00-20:00)
        book later + sooner by bob                      -> BOOKED
        book once by cat                                -> BOOKED
        book sooner by cat                              -> REJECTED own_overlap (cat 09:00-20:00)
        book later by cat                               -> BOOKED
        book here by ann                                -> REJECTED own_overlap (ann 09:00-20:00)
        book there by ann                               -> BOOKED
        book berlin by ann                              -> REJECTED own_overlap (ann 09:00-20:00)
        book dublin by ann                              -> BOOKED
        move c to biology by ann                        -> REJECTED own_overlap (ann 09:00-20:00)
        move a to biology by ann                        -> REJECTED own_overlap (ann 09:00-20:00)
        edit chemistry by root meets mo/10:00-11:00     -> REJECTED invalid: course.meetings
    ";

    // Who leaves one of several behind, and has nothing instead, gives it up: not after it is too late for that.
    a_part_is_dropped_as_the_whole_is: "
        section algebra 14:00-15:00 capacity 9 cancel-by 2h
        section biology 14:00-15:00 capacity 9
        section chemistry 14:00-15:00 capacity 9
        book algebra + biology by ann as a              -> BOOKED
        book algebra + biology by bob as b              -> BOOKED
        at 11:59
        move b to biology by bob                        -> ACCEPTED
        at 12:00
        move a to biology by ann                        -> REJECTED past_cutoff: cancel_by (12:00)
        move a to algebra by ann                        -> ACCEPTED
        move a to chemistry by ann                      -> ACCEPTED
        book algebra + biology by cat as c              -> BOOKED
        move c to biology by root                       -> ACCEPTED
    ";

    // Whoever waits is passed over while they sit elsewhere at that time, and only then.
    who_waits_sits_elsewhere: "
        section algebra 09:00-20:00 no-two-at-once waitlist book meets mo/10:00-10:50
        section biology 09:00-20:00 capacity 9 no-two-at-once meets mo/10:30-11:20
        section chemistry 09:00-20:00 capacity 9 no-two-at-once meets tu/10:30-11:20
        book algebra by ann as a                        -> BOOKED
        wait algebra by bob as w1                       -> WAITS at 1
        wait algebra by cat as w2                       -> WAITS at 2
        book biology by bob as b                        -> BOOKED
        book chemistry by cat                           -> BOOKED
        cancel a by ann                                 -> ACCEPTED; w2 promoted
        cancel b by bob                                 -> ACCEPTED
        cancel w2 by cat                                -> ACCEPTED; w1 promoted
    ";

    // What another booking rests on is not moved away from under it either.
    a_move_leaves_nothing_alone: "
        section lecture 10:00-11:00 capacity 9
        section evening 18:00-19:00 capacity 9
        section tue 11:00-12:00 capacity 9 with-one-of lecture,evening
        book lecture by ann as one                      -> BOOKED
        book tue by ann as other                        -> BOOKED
        edit lecture by root with-one-of tue            -> ACCEPTED
        section music 12:00-13:00 capacity 9
        move one to music by ann                        -> REJECTED not_eligible: linked (ann 11:00-12:00)
        move one to evening by ann                      -> ACCEPTED
        edit evening by root with-one-of tue            -> ACCEPTED
        move one to music by root                       -> ACCEPTED
    ";

    an_admin_may_drop_what_others_rest_on: "
        section lecture 10:00-11:00 capacity 9
        section tue 11:00-12:00 capacity 9 with-one-of lecture
        edit lecture by root with-one-of tue            -> ACCEPTED
        book lecture + tue by ann as both               -> BOOKED
        book tue by ann as more                         -> BOOKED
        cancel both by ann                              -> REJECTED not_eligible: linked (ann 11:00-12:00)
        cancel both by root                             -> ACCEPTED
    ";

    who_waits_is_judged_like_a_newcomer: "
        section algebra 10:00-11:00 waitlist book needs ok quota 2/day
        facts ann ok
        facts bob ok
        book algebra by ann as a                        -> BOOKED
        wait algebra by cat                             -> REJECTED not_eligible: eligibility (0)
        wait algebra by bob as w1                       -> WAITS at 1
        facts cat ok
        wait algebra by cat as w2                       -> WAITS at 2
        facts bob
        cancel a by ann                                 -> ACCEPTED; w2 promoted
        facts bob ok
        cancel w2 by cat                                -> ACCEPTED; w1 promoted
    ";

    // Whoever has as much as they may is passed over, and what they give back lets them have their turn elsewhere.
    a_quota_holds_for_those_who_wait: "
        group term quota 1/all/group waitlist book
        section algebra 10:00-11:00 in term
        section biology 11:00-12:00 in term
        book algebra by ann as a                        -> BOOKED
        wait algebra by bob as w1                       -> WAITS at 1
        wait algebra by cat as w2                       -> WAITS at 2
        book biology by bob as b                        -> BOOKED
        wait algebra by bob                             -> REJECTED invalid: waiting
        wait biology by ann                             -> REJECTED quota_exceeded: quota (term 1 of 1)
        wait biology by ann giving a as w3              -> WAITS at 1
        cancel a by ann                                 -> ACCEPTED; w2 promoted
        cancel w2 by cat                                -> ACCEPTED
        cancel b by bob                                 -> ACCEPTED; w1 promoted, w3 promoted
    ";

    what_is_linked_is_had_before_the_turn: "
        section lab 13:00-14:00 capacity 5
        section algebra 10:00-11:00 waitlist book with-one-of lab
        book lab + algebra by ann as a                  -> BOOKED
        wait algebra by bob                             -> REJECTED not_eligible: linked (0)
        book lab by bob as b                            -> BOOKED
        wait algebra by bob as w1                       -> WAITS at 1
        book lab by cat                                 -> BOOKED
        wait algebra by cat as w2                       -> WAITS at 2
        cancel b by bob                                 -> ACCEPTED
        cancel a by ann                                 -> ACCEPTED; w2 promoted
    ";

    // Passed over while they lacked what it goes with, they have their turn when they have that again, by whatever command.
    who_has_what_it_goes_with_again_has_their_turn: "
        section lecture 10:00-11:00 capacity 5
        section mon 11:00-12:00 capacity 5 with-one-of lecture
        section tue 12:00-13:00 waitlist book with-one-of lecture
        edit lecture by root with-one-of mon,tue        -> ACCEPTED
        book lecture + mon by ann as a                  -> BOOKED
        book lecture + tue by bob as b                  -> BOOKED
        wait tue by ann as w1                           -> WAITS at 1
        cancel a by ann                                 -> ACCEPTED
        move b to lecture + mon by bob                  -> ACCEPTED
        book lecture + mon by ann as a                  -> BOOKED; w1 promoted
        cancel w1 by ann                                -> ACCEPTED
        move b to lecture + tue by bob                  -> ACCEPTED
        wait tue by ann as w2                           -> WAITS at 1
        edit lecture by root approval                   -> ACCEPTED
        cancel a by ann                                 -> ACCEPTED
        move b to lecture + mon by bob                  -> ACCEPTED
        book lecture + mon by ann as a                  -> PENDING
        approve a by root                               -> ACCEPTED; w2 promoted
    ";

    // Given up late, or not come to, it has been had; displaced, it never was.
    a_late_cancel_and_a_no_show_count_and_what_is_displaced_does_not: "
        room room-1 capacity 9 quota 2/day late-cancel-from 60m check-in 15m 10m
        room room-2 capacity 9 quota 1/day check-in 15m 10m
        at 08:00
        book room-1 10:00-11:00 by ann as a             -> BOOKED
        book room-1 14:00-15:00 by ann as b             -> BOOKED
        cancel b by ann                                 -> ACCEPTED
        at 09:00
        cancel a by ann                                 -> ACCEPTED; a late
        book room-1 14:00-15:00 by ann as c             -> BOOKED
        book room-1 16:00-17:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 2 of 2 00:00-2026-03-03T00:00)
        cancel c by root                                -> ACCEPTED
        book room-1 14:00-15:00 by ann as d             -> BOOKED
        override book room-1 14:00-15:00 x9 by root for bob as o displacing d -> BOOKED; d displaced
        book room-1 16:00-17:00 by ann as e             -> BOOKED
        book room-2 10:00-11:00 by ann as n             -> BOOKED
        at 10:10
        no-show n by slotwise                           -> ACCEPTED
        book room-2 12:00-13:00 by ann                  -> REJECTED quota_exceeded: quota (room-2 1 of 1 00:00-2026-03-03T00:00)
    ";

    // A section that is dropped by a move to the others counts by the same rule as one that is cancelled.
    what_is_dropped_late_counts_as_if_it_were_cancelled: "
        room room-1 capacity 9 quota 2/day late-cancel-from 60m
        room room-2 capacity 9 late-cancel-from 60m
        at 08:00
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann as a -> BOOKED
        book room-1 14:00-15:00 + room-2 14:00-15:00 by ann as b -> BOOKED
        move b to room-2 14:00-15:00 by ann             -> ACCEPTED
        book room-1 16:00-17:00 by ann as c             -> BOOKED
        at 09:00
        move a to room-2 10:00-11:00 by ann             -> ACCEPTED; a-dropped given up, a-dropped late
        book room-1 18:00-19:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 2 of 2 00:00-2026-03-03T00:00)
        cancel a-dropped by ann                         -> ACCEPTED, nothing changes
        cancel c by ann                                 -> ACCEPTED
        book room-1 10:00-11:00 + room-2 10:30-11:30 by ann as d -> BOOKED
        move d to room-2 10:30-11:30 by root            -> ACCEPTED
        book room-1 18:00-19:00 by ann                  -> BOOKED
    ";

    // An override exceeds what a person may have, be and lack; never what there is, nor what they have at that time.
    an_override_exceeds_quota_eligibility_and_links: "
        section lab 13:00-14:00 capacity 5
        section algebra 10:00-11:00 capacity 1 needs ok quota 1/day with-one-of lab no-two-at-once
        room room-1 quota 1/day no-two-at-once
        book algebra by root for ann                    -> REJECTED not_eligible: eligibility (0)
        override book algebra by root for ann as a      -> BOOKED
        override book algebra by root for bob as b      -> FAILED version_stale: a@1
        book room-1 12:00-13:00 by ann as c             -> BOOKED
        book room-1 14:00-15:00 by root for ann         -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        override book room-1 14:00-15:00 by root for ann as d -> BOOKED
        move d to room-1 2026-03-03T14:00..2026-03-03T15:00 by ann -> ACCEPTED
        override move d to room-1 16:00-17:00 by root   -> ACCEPTED
        override book room-1 10:30-11:30 by root for ann -> REJECTED own_overlap (ann 10:00-11:00)
    ";

    // Whoever gets it is judged as if they booked it; whoever had it has it no more.
    what_is_handed_over_counts_for_its_new_owner: "
        section lab 13:00-14:00 capacity 5
        section algebra 10:00-11:00 capacity 5 needs ok quota 1/day with-one-of lab
        section again 11:00-12:00 capacity 5
        room room-1 capacity 5 quota 1/day
        facts ann ok
        book lab + algebra by ann as a                  -> BOOKED
        hand a to bob by root                           -> REJECTED not_eligible: eligibility (0)
        facts bob ok
        book room-1 10:00-11:00 by ann as r             -> BOOKED
        book room-1 11:00-12:00 by bob as s             -> BOOKED
        hand r to bob by root                           -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        hand r to cat by root                           -> ACCEPTED
        book room-1 14:00-15:00 by ann                  -> BOOKED
        book room-1 14:00-15:00 by cat                  -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        hand a to bob by root                           -> ACCEPTED
        book lab + algebra by bob                       -> REJECTED quota_exceeded: quota on algebra (algebra 1 of 1 00:00-2026-03-03T00:00)
    ";

    what_waits_and_takes_counts: "
        room room-1 capacity 5 quota 1/day approval pending-takes
        book room-1 10:00-11:00 by ann as a             -> PENDING
        book room-1 12:00-13:00 by ann                  -> REJECTED quota_exceeded: quota (room-1 1 of 1 00:00-2026-03-03T00:00)
        approve a by root                               -> ACCEPTED
        book room-1 12:00-13:00 by bob as b             -> PENDING
        decline b by root                               -> ACCEPTED
        book room-1 13:00-14:00 by bob                  -> PENDING
    ";

    // Whatever an admin frees: who waits has their turn as far as the rules about them go.
    what_admins_free_is_had_by_whoever_may: "
        group term quota 1/all/group waitlist book check-in 15m 10m
        section algebra 10:00-11:00 in term needs ok
        section biology 14:00-15:00 in term
        facts ann ok
        facts bob ok
        facts cat ok
        at 08:00
        book algebra by ann as a                        -> BOOKED
        wait algebra by bob as w1                       -> WAITS at 1
        wait algebra by cat as w2                       -> WAITS at 2
        book biology by bob as b                        -> BOOKED
        wait biology by ann giving a as w3              -> WAITS at 1
        facts cat
        # One has as much as they may, the other is not what they must be: it is nobody's.
        cancel a by root                                -> ACCEPTED
        facts cat ok
        hand b to root by root                          -> ACCEPTED; w1 promoted
        cancel b by root                                -> ACCEPTED; w3 promoted
        # A no-show goes on counting, and what it leaves is somebody's who may have it.
        room room-1 in term
        book room-1 10:00-11:00 by root as n            -> BOOKED
        at 10:10
        no-show w1 by slotwise                          -> ACCEPTED
        wait room-1 10:30-11:00 by bob                  -> REJECTED quota_exceeded: quota (term 1 of 1)
        wait room-1 10:30-11:00 by cat as w4            -> WAITS at 1
        no-show n by slotwise                           -> ACCEPTED; w4 promoted
    ";

    what_a_displacement_frees_is_had_by_whoever_may: "
        group term quota 1/all/group waitlist book
        room room-1 in term capacity 2
        room room-2 in term
        room room-3 no-waitlist
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann as a -> REJECTED quota_exceeded: quota on room-1 (term 0 of 1)
        facts ann allows term 2
        book room-1 10:00-11:00 + room-2 10:00-11:00 by ann as a -> BOOKED
        wait room-2 10:00-11:00 by bob as w1            -> WAITS at 1
        wait room-2 10:00-11:00 by cat as w2            -> WAITS at 2
        book room-1 12:00-13:00 by bob as b             -> BOOKED
        block room-1 10:00-12:00 by root displacing a as x -> ACCEPTED; w2 promoted, a displaced
        # What was taken from them counts no more.
        book room-1 13:00-14:00 x2 by ann               -> BOOKED
        override move b to room-1 14:00-15:00 by root   -> ACCEPTED
        block room-1 14:00-15:00 by root displacing b as y -> ACCEPTED; b displaced
        cancel w2 by cat                                -> ACCEPTED; w1 promoted
    ";

    rules_of_a_group_go_together_with_a_members_own: "
        group term waitlist book
        room room-1 in term approval                    -> REJECTED invalid: waitlist
        room room-1 in term
        edit term by root approval no-waitlist          -> ACCEPTED
    ";
}

/// Whose turn it is cannot be told where what is asked for is never shown. A look of its own that finds no more than that is no
/// decision: it makes no version, however often it falls due.
#[test]
fn a_turn_that_cannot_be_known_makes_no_version_for_ever() {
    let (algebra, bob, at) =
        (ResourceId(Uuid::from_u128(1)), PersonId(Uuid::from_u128(2)), Instant(1_772_438_400_000_000));
    let interval = Interval::new(at.plus(Span::hours(2)), at.plus(Span::hours(3))).unwrap();
    let spec = ResourceSpec {
        kind: Kind::Section,
        name: "Algebra".into(),
        building: None,
        seats: None,
        equipment: Vec::new(),
        zone: Zone::utc(),
        capacity: Some(1),
        interval: Some(interval),
        policy: Policy {
            own_overlap: OwnOverlap::Refuse,
            waitlist: Waitlist::of_kind(Kind::Section),
            ..Policy::default()
        },
        group: None,
        linked: Vec::new(),
        course: None,
    };
    let entry = WaitEntry {
        id: EntryId(Uuid::from_u128(3)),
        owner: bob,
        made_by: Actor::Person(bob),
        resource: algebra,
        interval,
        units: 1,
        class: 0,
        joined: Version::zero(Epoch(1)),
        joined_at: at,
        gives_up: None,
        offer: None,
        offers: 0,
        wants: Wants::Units,
    };
    let made = vec![
        Change::ResourceCreated(Arc::new(Resource { id: algebra, spec, policy_version: 1 })),
        Change::WaitJoined(entry),
    ];
    let mut world = World::empty(Epoch(1));
    world.apply(&Changes { records: vec![(algebra, made)], ..Changes::default() }, at);
    let look =
        Command { actor: Actor::System, action: Action::ExpireHolds { resource: algebra }, seen: None, reason: None };
    // Nothing more can be asked for, and nobody has shown who Bob is: it is due to be looked at again, at once.
    let Verdict::Accepted(changes, _) = decide(&world, &look, at) else { panic!("it was not looked at") };
    assert_eq!(changes.records, [(algebra, vec![Change::WaitDue(Some(at))])]);
    world.apply(&changes, at);
    for n in 1..4 {
        let said = decide(&world, &look, at.plus(Span::seconds(n)));
        assert!(matches!(&said, Verdict::Needs(scope) if scope.people.contains(&bob)), "{said:?}");
    }
    // Whoever is shown has their turn.
    world.roles.insert(bob, Role::Member);
    world.loaded.roles.insert(bob);
    world.people.insert(bob, Person::default());
    world.loaded.people.insert(bob);
    let Verdict::Accepted(changes, _) = decide(&world, &look, at.plus(Span::seconds(9))) else { panic!("no turn") };
    assert!(changes.bookings.iter().any(|b| b.owner == bob));
}
