//! One suite for every store: what the engine relies on, told as cases, each run on a store that is still empty.
//! It knows no store, and looks into none: whatever it says is seen through the ports.

#![expect(clippy::unwrap_used, reason = "a test suite: a panic is how it fails")]

mod admins;
mod batches;
mod doors;
mod keys;
mod kit;
mod leases;
mod moves;
mod pairs;
mod persons;
mod races;
mod random;
mod reads;
mod record;
mod rules;
mod series;
mod twin;
mod verdicts;
mod waits;

use crate::attempt::Ids;
use crate::doors::Accounts;
use crate::port::{Clock, Directory, Store, Views};
use futures_util::future::BoxFuture;
use kit::Bench;
use slotwise_domain::{Instant, Span};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tokio::task::{Id, JoinSet};
use uuid::{Builder, Uuid};

/// When cases begin: Monday, 5 January 2026, 08:00 UTC.
pub const START: Instant = Instant(1_767_600_000_000_000);

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct TestClock {
    wall: AtomicI64,
    boot: AtomicI64,
}

impl TestClock {
    /// A clock that shows this.
    pub fn at(wall: Instant) -> Arc<TestClock> {
        Arc::new(TestClock { wall: AtomicI64::new(wall.0), boot: AtomicI64::new(Span::hours(1).0) })
    }

    /// Time passes, on the wall and since boot.
    pub fn step(&self, by: Span) {
        self.step_wall(by);
        self.step_boot(by);
    }

    /// Somebody sets the wall clock by so much.
    pub fn step_wall(&self, by: Span) {
        self.wall.fetch_add(by.0, Ordering::SeqCst);
    }

    /// Time passes that the wall clock does not show.
    pub fn step_boot(&self, by: Span) {
        self.boot.fetch_add(by.0, Ordering::SeqCst);
    }

    /// Time passes until the wall shows this.
    pub fn set(&self, wall: Instant) {
        self.step(wall.since(self.now()));
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        Instant(self.wall.load(Ordering::SeqCst))
    }

    fn since_boot(&self) -> Span {
        Span(self.boot.load(Ordering::SeqCst))
    }
}

/// Ids in order: the time of a clock and a number.
#[derive(Debug)]
pub struct TestIds {
    clock: Arc<TestClock>,
    next: AtomicU64,
}

impl TestIds {
    /// Ids dated by this clock.
    pub fn of(clock: Arc<TestClock>) -> Arc<TestIds> {
        Arc::new(TestIds { clock, next: AtomicU64::new(1) })
    }

    /// An id dated otherwise.
    pub fn dated(&self, at: Instant) -> Uuid {
        let mut rest = [0; 10];
        rest[2..].copy_from_slice(&self.next.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        Builder::from_unix_timestamp_millis(u64::try_from(at.0 / 1_000).unwrap_or(0), &rest).into_uuid()
    }
}

impl Ids for TestIds {
    fn fresh(&self) -> Uuid {
        self.dated(self.clock.now())
    }
}

/// An empty store for one case, by its ports, and the clock that it decides by.
pub struct Harness {
    /// The write port.
    pub store: Arc<dyn Store>,
    /// The reads.
    pub views: Arc<dyn Views>,
    /// The people.
    pub directory: Arc<dyn Directory>,
    /// How they come in.
    pub accounts: Arc<dyn Accounts>,
    /// The store's only clock.
    pub clock: Arc<TestClock>,
    /// Whether the store refuses to decide after the wall clock was set by much.
    pub watches_clock: bool,
    /// Whether a broken invariant stops the resource that it is broken on, and not the store.
    pub shuts_resources: bool,
}

/// A case by its name.
pub type Case = (&'static str, fn(Harness) -> BoxFuture<'static, ()>);

/// All cases. After each, everything that was recorded is folded and compared with what is shown.
pub fn cases() -> Vec<Case> {
    macro_rules! cases {
        ($($module:ident: $($name:ident)*;)*) => {{
            let cases: Vec<Case> = vec![$($((stringify!($name), |harness| {
                Box::pin(async move {
                    let bench = Bench::over(harness).await;
                    $module::$name(&bench).await;
                    bench.audit().await;
                })
            }),)*)*];
            cases
        }};
    }
    cases! {
        doors:
            a_secret_lets_its_person_in_until_it_ends
            a_link_is_taken_once
            an_address_and_a_subject_are_one_persons
            a_manager_decides_over_what_they_manage_at_the_instant
            an_auditor_changes_nothing
            the_last_admin_stays
            what_was_done_is_written_down
            whoever_is_erased_has_no_door;
        races:
            one_of_two_hundred_has_the_room
            two_hundred_share_seven_units
            overlapping_claims_make_a_serial_order
            touching_intervals_never_meet
            units_are_summed_at_the_instant
            two_cancels_are_one_cancellation
            a_cancel_and_an_edit_make_a_serial_order
            one_of_two_pending_bookings_is_approved
            bundles_in_opposite_order
            a_bundle_is_all_or_nothing;
        leases:
            who_holds_is_not_disturbed
            a_hold_expires_at_its_instant_without_any_sweep
            the_commit_s_clock_decides
            a_renewed_hold_survives_the_sweep
            tokens_are_never_used_twice
            a_late_release_does_nothing_to_another_hold
            an_admin_says_how_long_a_hold_lasts
            ten_live_holds_and_no_more
            renewals_are_bounded
            a_block_over_holds_is_explicit
            a_hold_outlives_its_engine
            an_expired_confirm_lets_the_hold_go
            a_refused_confirm_lets_the_hold_go
            deadlines_free_what_expired
            deadlines_go_by_the_store_s_clock;
        keys:
            a_replay_repeats_the_decision
            a_refusal_is_repeated_too
            the_same_key_at_once
            the_same_key_on_two_engines
            a_key_means_one_thing
            a_key_belongs_to_its_actor
            a_key_twice_in_one_commit
            old_keys_are_refused
            what_failed_may_be_sent_again;
        moves:
            the_old_place_is_kept_unless_the_new_one_is_had
            a_move_and_a_booking_make_a_serial_order
            six_moves_of_one_booking_leave_it_in_one_place
            a_move_and_a_cancel_make_a_serial_order
            two_moves_to_each_other_s_places_are_both_refused
            a_move_to_another_resource_is_drop_and_add
            a_bundle_moves_whole
            a_booking_moves_twice_in_one_commit
            what_waits_moves_and_waits_on
            what_one_left_is_no_overlap_any_more
            two_take_each_other_s_places
            a_swap_by_whom_it_concerns
            revisions_bind_whoever_names_them
            a_booking_is_found_where_it_is
            a_history_is_told_in_order
            many_attempts_have_an_answer_each
            a_key_twice_among_many;
        persons:
            an_edit_of_a_group_is_one_commit_over_all_that_is_in_it
            an_edit_of_a_group_guards_what_is_in_it
            a_quota_is_settled_within_one_commit
            credits_are_counted_as_they_were_decided
            what_is_cancelled_and_moved_counts_as_it_is
            what_was_had_counts_and_what_was_taken_away_does_not
            a_booking_handed_over_counts_for_its_new_owner
            what_is_displaced_is_for_whoever_may_have_it
            facts_count_from_the_next_decision_on
            people_are_put_by_rows_and_found_by_words
            a_plan_is_kept_as_it_was_put
            sections_clash_where_they_meet
            whoever_sits_in_many_sections_sits_in_one_more
            whoever_leaves_a_lecture_of_many_labs_is_asked_of_each;
        rules:
            no_two_at_once
            no_two_at_once_in_one_commit
            holds_are_counted_within_one_commit
            a_commit_sees_its_own_changes
            a_commit_sees_what_it_changed_of_a_person
            policy_versions_bind_admins_only
            a_role_counts_at_the_decision
            a_person_who_is_gone_may_do_nothing;
        admins:
            what_is_over_committed_falls
            two_admins_cut_in_a_burst
            a_block_displaces_bundles_whole
            an_override_takes_what_it_names
            a_booking_changes_hands
            who_has_not_come_is_let_go
            every_two_commands_on_one_booking;
        pairs:
            every_two_commands_on_one_hold
            every_two_commands_on_one_entry
            every_two_commands_on_one_offer
            every_two_commands_on_one_resource;
        batches:
            bookings_of_a_person_are_as_the_commit_left_them
            an_edit_binds_those_after_it
            changes_of_one_commit_are_in_order;
        verdicts:
            a_panic_spares_its_neighbours
            an_unsound_commit_stops_what_it_is_about
            judging_may_ask_to_see_more
            who_asks_for_ever_is_in_conflict
            an_empty_commit_is_nothing;
        record:
            versions_rise_by_one
            the_outbox_is_in_order
            a_stream_resumes
            a_stream_of_nothing_is_empty
            what_is_over_is_forgotten_by_calendars_only
            what_the_screen_showed_is_recorded
            decided_at_never_goes_back
            a_clock_that_jumped_is_accepted_by_an_operator;
        waits:
            a_cancel_promotes_in_its_own_commit
            newcomers_never_get_what_is_owed
            a_cancel_and_a_leave_make_a_serial_order
            offers_go_on_by_deadlines
            offers_of_one_commit_have_their_own_tokens
            a_hundred_at_once_and_the_rest_right_after
            whom_a_cancel_frees_has_their_turn_elsewhere
            whom_a_later_cancel_frees_was_not_passed_over
            what_is_given_up_is_somebody_else_s
            a_move_asks_as_often_as_it_must
            one_commit_joins_cancels_and_promotes
            what_waits_lapses_in_time
            word_comes_in_the_commit_that_frees_it
            a_reminder_is_told_once_by_a_deadline
            one_s_own_command_may_come_upon_it
            a_full_class_is_reminded_in_pieces;
        reads:
            resources_page_by_page
            resources_by_filter
            bookings_page_by_page
            bookings_by_filter
            holds_of_a_person
            people_and_their_keys
            what_people_must_be_told;
        series:
            what_was_said_of_each_date_is_recalled
            dates_go_elsewhere_together
            who_waits_has_what_a_series_leaves
            a_series_gets_nothing_that_is_owed
            a_series_is_told_of_once
            what_is_left_of_a_series_is_displaced_as_a_whole_or_not
            a_block_in_the_way_of_a_series_is_named_by_its_dates;
        twin:
            the_same_as_the_reference_store_1
            the_same_as_the_reference_store_2
            the_same_as_the_reference_store_3
            what_a_dry_run_says_is_what_one_gets;
    }
}

/// Runs every case on a store of its own, `at_once` at a time, and tells of all that failed.
///
/// # Panics
/// If any case fails.
pub async fn run_all(at_once: usize, mut fresh: impl FnMut(Arc<TestClock>) -> Harness) {
    let mut failed = Vec::new();
    let mut running = JoinSet::new();
    let mut names = HashMap::new();
    let cases = cases();
    let all = cases.len();
    for (name, case) in cases {
        while running.len() >= at_once.max(1) {
            ended(&mut running, &names, &mut failed).await;
        }
        println!("{name}");
        let task = running.spawn(case(fresh(TestClock::at(START))));
        names.insert(task.id(), name);
    }
    while !running.is_empty() {
        ended(&mut running, &names, &mut failed).await;
    }
    assert!(failed.is_empty(), "{} of {all} cases failed: {failed:?}", failed.len());
}

/// Waits for one of them.
async fn ended(running: &mut JoinSet<()>, names: &HashMap<Id, &'static str>, failed: &mut Vec<&'static str>) {
    if let Some(Err(e)) = running.join_next().await {
        let name = names[&e.id()];
        println!("{name} FAILED: {e}");
        failed.push(name);
    }
}
