//! The rules of a resource: when it can be booked, held and cancelled, and by which clock.
//! A policy knows no bookings; [`crate::decide`] applies it.

use crate::eligibility::Requirement;
use crate::resource::Kind;
use crate::time::{Instant, Interval, Span, Zone};
use crate::waitlist::{WaitMode, Waitlist};
use jiff::{civil, tz::TimeZone};
use std::collections::BTreeSet;

/// The rules of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// When a hold is taken on the way to a booking.
    pub hold_at: HoldAt,
    /// How long a hold lives, and how long one renewal keeps it.
    pub hold_ttl: Span,
    /// Time before a booking that it takes too.
    pub setup: Span,
    /// Time after a booking that it takes too.
    pub teardown: Span,
    /// Taken out of service: nothing new is booked.
    pub closed: bool,
    /// A booking by anybody but an admin waits for approval, and takes nothing until then unless [`Policy::pending_takes`].
    pub approval: bool,
    /// What waits for approval takes its units meanwhile.
    pub pending_takes: bool,
    /// Whether one person may have two bookings at once among resources that refuse it.
    pub own_overlap: OwnOverlap,
    /// When it is open, in its zone; empty means always.
    pub opening_hours: Vec<OpeningHours>,
    /// From that instant on booking is open.
    pub book_from: Option<Cutoff>,
    /// Booking is too late from this instant on.
    pub book_by: Option<Cutoff>,
    /// Changing is too late from this instant on.
    pub change_by: Option<Cutoff>,
    /// Cancelling is too late from this instant on.
    pub cancel_by: Option<Cutoff>,
    /// Cancelling is late from this instant on: allowed, and marked so.
    pub late_cancel_from: Option<Cutoff>,
    /// Whether people say that they are there, and when.
    pub check_in: Option<CheckIn>,
    /// So long before it is too late to change a booking, and before it is too late to cancel it, its owner is reminded.
    pub remind_before: Option<Span>,
    /// The longest booking.
    pub duration_max: Option<Span>,
    /// How much one person may book in a period.
    pub quota: Option<Quota>,
    /// What a unit is worth under a quota of credits, in hundredths. `None` is what its course says, and one credit for what is of no course.
    pub credits: Option<u16>,
    /// What a person must be to book; all of them.
    pub eligibility: Vec<Requirement>,
    /// Whether people may wait for units that come free, and how they get them.
    pub waitlist: Option<Waitlist>,
}

/// A rule of a policy by name: what a resource in a group says itself, while all other rules are the group's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyField {
    /// [`Policy::hold_at`].
    HoldAt,
    /// [`Policy::hold_ttl`].
    HoldTtl,
    /// [`Policy::setup`].
    Setup,
    /// [`Policy::teardown`].
    Teardown,
    /// [`Policy::closed`].
    Closed,
    /// [`Policy::approval`].
    Approval,
    /// [`Policy::own_overlap`].
    OwnOverlap,
    /// [`Policy::opening_hours`].
    OpeningHours,
    /// [`Policy::book_from`].
    BookFrom,
    /// [`Policy::book_by`].
    BookBy,
    /// [`Policy::change_by`].
    ChangeBy,
    /// [`Policy::cancel_by`].
    CancelBy,
    /// [`Policy::remind_before`].
    RemindBefore,
    /// [`Policy::duration_max`].
    DurationMax,
    /// [`Policy::quota`].
    Quota,
    /// [`Policy::eligibility`].
    Eligibility,
    /// [`Policy::waitlist`].
    Waitlist,
    /// [`Policy::pending_takes`].
    PendingTakes,
    /// [`Policy::late_cancel_from`].
    LateCancelFrom,
    /// [`Policy::check_in`].
    CheckIn,
    /// [`Policy::credits`].
    Credits,
}

impl PolicyField {
    /// All of them.
    pub const ALL: [PolicyField; 21] = [
        PolicyField::HoldAt,
        PolicyField::HoldTtl,
        PolicyField::Setup,
        PolicyField::Teardown,
        PolicyField::Closed,
        PolicyField::Approval,
        PolicyField::OwnOverlap,
        PolicyField::OpeningHours,
        PolicyField::BookFrom,
        PolicyField::BookBy,
        PolicyField::ChangeBy,
        PolicyField::CancelBy,
        PolicyField::RemindBefore,
        PolicyField::DurationMax,
        PolicyField::Quota,
        PolicyField::Eligibility,
        PolicyField::Waitlist,
        PolicyField::PendingTakes,
        PolicyField::LateCancelFrom,
        PolicyField::CheckIn,
        PolicyField::Credits,
    ];

    /// Its name in JSON and in the record.
    pub const fn name(self) -> &'static str {
        match self {
            PolicyField::HoldAt => "hold_at",
            PolicyField::HoldTtl => "hold_ttl_s",
            PolicyField::Setup => "setup_s",
            PolicyField::Teardown => "teardown_s",
            PolicyField::Closed => "closed",
            PolicyField::Approval => "approval",
            PolicyField::OwnOverlap => "own_overlap",
            PolicyField::OpeningHours => "opening_hours",
            PolicyField::BookFrom => "book_from",
            PolicyField::BookBy => "book_by",
            PolicyField::ChangeBy => "change_by",
            PolicyField::CancelBy => "cancel_by",
            PolicyField::RemindBefore => "remind_before_s",
            PolicyField::DurationMax => "duration_max_s",
            PolicyField::Quota => "quota",
            PolicyField::Eligibility => "eligibility",
            PolicyField::Waitlist => "waitlist",
            PolicyField::PendingTakes => "pending_takes",
            PolicyField::LateCancelFrom => "late_cancel_from",
            PolicyField::CheckIn => "check_in",
            PolicyField::Credits => "credits",
        }
    }

    /// The field of that name.
    pub fn named(name: &str) -> Option<PolicyField> {
        PolicyField::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// How much one person may book in a period: of all their active bookings that count together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// So many, as [`Measure`] counts them; an allowance of the person stands in its place.
    pub most: u32,
    /// What is counted.
    pub counts: Measure,
    /// A booking counts in the period in which it begins.
    pub period: Period,
    /// What counts together.
    pub scope: QuotaScope,
}

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Units.
    Units,
    /// What they are worth, in hundredths of a credit.
    Credits,
}

impl Measure {
    /// How much so many units of something count.
    pub fn of(self, units: u32, credits: u16) -> u64 {
        match self {
            Measure::Units => u64::from(units),
            Measure::Credits => u64::from(units) * u64::from(credits),
        }
    }

    /// How much a person may have whose allowance is so many whole units or credits.
    pub fn allowed(self, allowance: u32) -> u64 {
        match self {
            Measure::Units => u64::from(allowance),
            Measure::Credits => u64::from(allowance) * 100,
        }
    }
}

/// A stretch of civil time, in the resource's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From a first to the next.
    Month,
    /// All time.
    All,
}

impl Period {
    /// The period that an instant lies in; `None` is all time.
    pub fn around(self, t: Instant, zone: &Zone) -> Option<(Instant, Instant)> {
        let day = t.timestamp().to_zoned(zone.rules().clone()).date();
        let (first, length) = match self {
            Period::Day => (day, jiff::Span::new().days(1)),
            Period::Week => {
                let since_monday = i64::from(day.weekday().to_monday_zero_offset());
                (day.saturating_sub(jiff::Span::new().days(since_monday)), jiff::Span::new().days(7))
            }
            Period::Month => (day.first_of_month(), jiff::Span::new().months(1)),
            Period::All => return None,
        };
        let midnight = |day: civil::Date| at_minute(day, 0, zone.rules());
        Some((midnight(first), midnight(first.saturating_add(length))))
    }
}

/// What counts towards a quota together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuotaScope {
    /// Bookings of the resource.
    Resource,
    /// Bookings of everything in its group that counts so; of the resource alone if it is in none.
    Group,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            hold_at: HoldAt::Confirm,
            hold_ttl: Span::seconds(30),
            setup: Span::ZERO,
            teardown: Span::ZERO,
            closed: false,
            approval: false,
            pending_takes: false,
            own_overlap: OwnOverlap::Allow,
            opening_hours: Vec::new(),
            book_from: None,
            book_by: None,
            change_by: None,
            cancel_by: None,
            late_cancel_from: None,
            check_in: None,
            remind_before: None,
            duration_max: None,
            quota: None,
            credits: None,
            eligibility: Vec::new(),
            waitlist: None,
        }
    }
}

/// A policy that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {says}")]
pub struct PolicyError {
    /// The field at fault, as it is called in JSON.
    pub field: &'static str,
    /// What it must be.
    pub says: &'static str,
}

impl Policy {
    /// Renewals of one hold.
    pub const RENEWALS_MAX: u32 = 10;
    /// How long one hold may live, renewals included.
    pub const HOLD_LONGEST: Span = Span::seconds(300);
    /// Live holds of one person, all resources together.
    pub const HOLDS_PER_PERSON_MAX: usize = 10;
    /// The longest set-up or clear-down.
    pub const BUFFER_LONGEST: Span = Span::hours(24);
    /// How long ago a new booking may have begun: enough for "this room, now".
    pub const START_GRACE: Span = Span::hours(1);
    /// The longest before a cutoff that anybody is reminded of it.
    pub const REMIND_LONGEST: Span = Span::days(30);
    /// The most units, or hundredths of a credit, that a quota or an allowance can speak of.
    pub const QUOTA_MAX: u32 = 1_000_000;
    /// The most that one unit is worth, in hundredths of a credit.
    pub const CREDITS_MAX: u16 = 10_000;

    /// Checks what no type can: bounds of spans and hours.
    pub fn check(&self) -> Result<(), PolicyError> {
        let err = |field, says| Err(PolicyError { field, says });
        if self.hold_ttl < Span::seconds(1) || self.hold_ttl > Policy::HOLD_LONGEST {
            return err("hold_ttl_s", "must be between 1 and 300 seconds");
        }
        for (field, span) in [("setup_s", self.setup), ("teardown_s", self.teardown)] {
            if span < Span::ZERO || span > Policy::BUFFER_LONGEST {
                return err(field, "must be between 0 and 86400 seconds");
            }
        }
        if self.opening_hours.len() > 50 {
            return err("opening_hours", "must have at most 50 entries");
        }
        if self.opening_hours.iter().any(|h| h.from_min >= h.to_min || h.to_min > 1440 || h.days.is_empty()) {
            return err("opening_hours", "must name days, and close after it opens, at the latest at 24:00");
        }
        let cutoffs = [
            ("book_from", self.book_from),
            ("book_by", self.book_by),
            ("change_by", self.change_by),
            ("cancel_by", self.cancel_by),
            ("late_cancel_from", self.late_cancel_from),
        ];
        for (field, cutoff) in cutoffs {
            match cutoff {
                Some(Cutoff::Elapsed(before)) if before < Span::ZERO || before > Interval::LONGEST => {
                    return err(field, "must be between 0 and 366 days");
                }
                Some(Cutoff::Civil { days_before, .. }) if days_before > 366 => {
                    return err(field, "must be at most 366 days before");
                }
                Some(Cutoff::At(at)) if at < Instant::MIN || at > Instant::MAX => {
                    return err(field, "must be between 1970 and 2200");
                }
                Some(Cutoff::Elapsed(_) | Cutoff::Civil { .. } | Cutoff::At(_)) | None => {}
            }
        }
        if let Some(CheckIn { opens, closes }) = self.check_in
            && (opens < Span::ZERO
                || opens > CheckIn::LONGEST
                || closes < CheckIn::CLOSES_MIN
                || closes > CheckIn::LONGEST)
        {
            return err(
                "check_in",
                "must open between 0 and 86400 seconds before the start, and close between 60 and 86400 seconds after it",
            );
        }
        if self.remind_before.is_some_and(|d| d < Span::seconds(1) || d > Policy::REMIND_LONGEST) {
            return err("remind_before_s", "must be between 1 second and 30 days");
        }
        if self.duration_max.is_some_and(|d| d < Span::seconds(1) || d > Interval::LONGEST) {
            return err("duration_max_s", "must be between 1 second and 366 days");
        }
        if self.quota.is_some_and(|q| q.most == 0 || q.most > Policy::QUOTA_MAX) {
            return err("quota", "must allow between 1 and 1000000 units, or up to 10000 credits");
        }
        if self.credits.is_some_and(|credits| credits > Policy::CREDITS_MAX) {
            return err("credits", "must be at most 100");
        }
        if self.eligibility.len() > Requirement::MOST {
            return err("eligibility", "must have at most 20 requirements");
        }
        if let Some(Waitlist { mode, capacity, .. }) = self.waitlist {
            let ttl = match mode {
                WaitMode::Book => Waitlist::OFFER_LONGEST,
                WaitMode::Offer { ttl } => ttl,
            };
            if ttl < Span::seconds(1) || ttl > Waitlist::OFFER_LONGEST {
                return err("waitlist.offer_ttl_s", "must be between 1 and 604800 seconds");
            }
            if capacity.is_some_and(|c| c == 0 || c > Waitlist::ENTRIES_MAX) {
                return err("waitlist.capacity", "must be between 1 and 1000, or null");
            }
            if self.approval {
                return err("waitlist", "cannot be together with approval: what waits for approval takes nothing");
            }
        }
        match self.eligibility.iter().try_for_each(Requirement::check) {
            Ok(()) => Ok(()),
            Err(says) => err("eligibility", says),
        }
    }

    /// These rules where `own` says them, and the group's where not. Each is named, so that a new rule has to say how it follows.
    pub fn following(&self, group: &Policy, own: &BTreeSet<PolicyField>) -> Policy {
        let by = |field| if own.contains(&field) { self } else { group };
        Policy {
            hold_at: by(PolicyField::HoldAt).hold_at,
            hold_ttl: by(PolicyField::HoldTtl).hold_ttl,
            setup: by(PolicyField::Setup).setup,
            teardown: by(PolicyField::Teardown).teardown,
            closed: by(PolicyField::Closed).closed,
            approval: by(PolicyField::Approval).approval,
            pending_takes: by(PolicyField::PendingTakes).pending_takes,
            own_overlap: by(PolicyField::OwnOverlap).own_overlap,
            opening_hours: by(PolicyField::OpeningHours).opening_hours.clone(),
            book_from: by(PolicyField::BookFrom).book_from,
            book_by: by(PolicyField::BookBy).book_by,
            change_by: by(PolicyField::ChangeBy).change_by,
            cancel_by: by(PolicyField::CancelBy).cancel_by,
            late_cancel_from: by(PolicyField::LateCancelFrom).late_cancel_from,
            check_in: by(PolicyField::CheckIn).check_in,
            remind_before: by(PolicyField::RemindBefore).remind_before,
            duration_max: by(PolicyField::DurationMax).duration_max,
            quota: by(PolicyField::Quota).quota,
            credits: by(PolicyField::Credits).credits,
            eligibility: by(PolicyField::Eligibility).eligibility.clone(),
            waitlist: by(PolicyField::Waitlist).waitlist,
        }
    }

    /// Whether the resource is open during all of the interval, by civil time in its zone.
    pub fn open_during(&self, interval: Interval, zone: &Zone) -> bool {
        if self.opening_hours.is_empty() {
            return true;
        }
        let mut reached = interval.start();
        // Each step passes at least one opening window, and there are at most 50 of them on each of 367 days.
        for _ in 0..20_000 {
            if reached >= interval.end() {
                return true;
            }
            let day = reached.timestamp().to_zoned(zone.rules().clone()).date();
            let until = self
                .opening_hours
                .iter()
                .filter(|h| h.days.has(day.weekday()))
                .map(|h| (at_minute(day, h.from_min, zone.rules()), at_minute(day, h.to_min, zone.rules())))
                .filter(|(from, to)| *from <= reached && reached < *to)
                .map(|(_, to)| to)
                .max();
            match until {
                Some(to) => reached = to,
                None => return false,
            }
        }
        false
    }

    /// The time that an interval takes, set-up and clear-down included.
    pub const fn occupied(&self, interval: Interval) -> Interval {
        interval.widened(self.setup, self.teardown)
    }

    /// From when on it is late to give up what starts then: from [`Policy::late_cancel_from`] on, and, where people say that they are
    /// there and this one has not, once it has begun. `None` if it never is.
    pub fn late_from(&self, start: Instant, zone: &Zone, came: bool) -> Option<Instant> {
        let said = self.late_cancel_from.map(|cutoff| cutoff.instant(start, zone));
        said.into_iter().chain(self.check_in.filter(|_| !came).map(|_| start)).min()
    }

    /// When it opens and closes between two instants, by civil time in its zone; nothing if it is always open.
    pub fn windows(&self, zone: &Zone, from: Instant, to: Instant) -> Vec<(Instant, Instant)> {
        let mut windows = Vec::new();
        if self.opening_hours.is_empty() {
            return windows;
        }
        for day in civil_days(zone, from, to) {
            let today = self.opening_hours.iter().filter(|h| h.days.has(day.weekday()));
            windows.extend(
                today.map(|h| (at_minute(day, h.from_min, zone.rules()), at_minute(day, h.to_min, zone.rules()))),
            );
        }
        windows
    }

    /// The beginnings of the civil days between two instants, in its zone.
    pub(crate) fn midnights(zone: &Zone, from: Instant, to: Instant) -> impl Iterator<Item = Instant> {
        civil_days(zone, from, to).map(|day| at_minute(day, 0, zone.rules()))
    }
}

/// The civil days that meet a stretch of time, two years of them at most.
fn civil_days(zone: &Zone, from: Instant, to: Instant) -> impl Iterator<Item = civil::Date> {
    let on = |t: Instant| t.timestamp().to_zoned(zone.rules().clone()).date();
    let last = on(to);
    on(from).series(jiff::Span::new().days(1)).take_while(move |day| *day <= last).take(732)
}

pub(crate) fn at_minute(day: civil::Date, minute: u16, zone: &TimeZone) -> Instant {
    let (day, minute) = if minute >= 1440 { (day.tomorrow().unwrap_or(civil::Date::MAX), 0) } else { (day, minute) };
    // `minute` is below 1440 here, so hour and minute are in range.
    let at = day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
    resolve(at, zone)
}

/// A rule's civil time as an instant: shifted forward over a gap, the first of a fold.
fn resolve(at: civil::DateTime, zone: &TimeZone) -> Instant {
    zone.to_timestamp(at).map_or(Instant::MAX, Instant::from)
}

/// When a hold is taken on the way to a booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HoldAt {
    /// When the person confirms: the page asks for a hold and confirms with its token.
    Confirm,
    /// When the dialog opens, with a countdown while the form is filled.
    Claim,
    /// Never: one commit books.
    None,
}

/// When people say that they are there. Who has not by the end of it is not expected any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CheckIn {
    /// So long before the start it opens.
    pub opens: Span,
    /// So long after the start it closes. Exclusive: at the instant it is too late.
    pub closes: Span,
}

impl CheckIn {
    /// The longest that either can be.
    pub const LONGEST: Span = Span::hours(24);
    /// The shortest time after the start.
    pub const CLOSES_MIN: Span = Span::minutes(1);
}

/// Whether one person may have two bookings at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnOverlap {
    /// They may.
    Allow,
    /// They may not, among the resources that refuse it.
    Refuse,
}

impl OwnOverlap {
    /// What a kind of resource has unless somebody says otherwise: nobody sits in two sections or classes at once, and whoever books
    /// rooms and equipment may book them for others. A group says nothing of what is in it.
    pub const fn of_kind(kind: Kind) -> OwnOverlap {
        match kind {
            Kind::Section | Kind::Session => OwnOverlap::Refuse,
            Kind::Room | Kind::Equipment | Kind::Group => OwnOverlap::Allow,
        }
    }
}

/// An instant after which (for `book_from`: from which) a kind of change is another matter. Exclusive: at the instant it is too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cutoff {
    /// So much elapsed time before the start.
    Elapsed(Span),
    /// A civil time on a day so many days before the day of the start, in the resource's zone.
    Civil {
        /// 0 is the day of the start itself.
        days_before: u16,
        /// The time on that day.
        at: civil::Time,
    },
    /// An instant of its own, the same for whatever starts whenever: such as the last day to add a course.
    At(Instant),
}

impl Cutoff {
    /// The instant this means for something that starts then.
    pub fn instant(self, start: Instant, zone: &Zone) -> Instant {
        match self {
            Cutoff::At(at) => at,
            Cutoff::Elapsed(before) => start.minus(before),
            Cutoff::Civil { days_before, at } => {
                let day = start.timestamp().to_zoned(zone.rules().clone()).date();
                let day = day.saturating_sub(jiff::Span::new().days(i64::from(days_before)));
                resolve(day.to_datetime(at), zone.rules())
            }
        }
    }
}

/// Opening hours on some days of the week, in minutes after midnight; `to_min` 1440 is the end of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OpeningHours {
    /// The days.
    pub days: Weekdays,
    /// Opens.
    pub from_min: u16,
    /// Closes.
    pub to_min: u16,
}

/// A set of days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Weekdays(u8);

impl Weekdays {
    /// The days of this set in order, Monday first.
    pub fn days(self) -> impl Iterator<Item = civil::Weekday> {
        (0..7).filter_map(|n| civil::Weekday::from_monday_zero_offset(n).ok()).filter(move |d| self.has(*d))
    }

    /// Whether the day is in it.
    pub fn has(self, day: civil::Weekday) -> bool {
        self.0 & (1 << day.to_monday_zero_offset()) != 0
    }

    /// Whether it has no day at all.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<civil::Weekday> for Weekdays {
    fn from_iter<T: IntoIterator<Item = civil::Weekday>>(days: T) -> Weekdays {
        Weekdays(days.into_iter().fold(0, |set, day| set | 1 << day.to_monday_zero_offset()))
    }
}
