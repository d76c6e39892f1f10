//! The words of an explanation: what a change, a command and a time are called in a sentence.
//! They say what they are given, and look nothing up.

use crate::problem::at_text;
use slotwise_domain::{Change, EntryEnd, HoldEnd, Instant, Interval, Slot, Span, Zone};

/// How a sentence goes on, given a name.
pub(super) type Verb = Box<dyn Fn(&str) -> String>;

/// What a change is called, when it is about, and how it goes on after the name of whoever did it.
pub(super) fn happened(change: &Change, zone: &Zone) -> (&'static str, Option<Interval>, Verb) {
    let hull = |slots: &[(u16, Slot)]| {
        let start = slots.iter().map(|(_, s)| s.interval.start()).min()?;
        Interval::new(start, slots.iter().map(|(_, s)| s.interval.end()).max()?).ok()
    };
    let when = |i: Option<Interval>| i.map(|i| format!(", {}", during(i, zone))).unwrap_or_default();
    let verb = |text: String, tail: String| -> Verb { Box::new(move |name| format!("{text} {name}{tail}")) };
    match change {
        Change::BookingMade { pending: false, slots, .. } => {
            ("booked", hull(slots), verb("booked".into(), when(hull(slots))))
        }
        Change::BookingMade { pending: true, slots, .. } | Change::BookingRequested { slots, .. } => (
            "requested",
            hull(slots),
            verb("asked for".into(), format!("{}, for an admin to approve", when(hull(slots)))),
        ),
        Change::BookingApproved { slots, .. } => {
            ("approved", hull(slots), verb("got an approval for".into(), when(hull(slots))))
        }
        Change::BookingCancelled { slots, .. } => {
            ("cancelled", hull(slots), verb("gave up a booking of".into(), when(hull(slots))))
        }
        Change::BookingMoved { from, to, .. } => {
            let verb = match (hull(from), hull(to)) {
                (None, to) => verb("moved a booking to".into(), when(to)),
                (from, None) => verb("moved a booking away from".into(), when(from)),
                (from, to) => {
                    verb("moved a booking of".into(), format!("{} to{}", when(from), when(to).replacen(',', "", 1)))
                }
            };
            ("moved", hull(to).or(hull(from)), verb)
        }
        Change::RequestApproved { .. } => ("approved", None, verb("got an approval for".into(), String::new())),
        Change::BookingCheckedIn { .. } => ("checked_in", None, verb("checked in to".into(), String::new())),
        Change::BookingNoShow { from, .. } => {
            let tail = format!("{}, and what was left of it was free again", when(hull(from)));
            ("no_show", hull(from), verb("did not check in to".into(), tail))
        }
        Change::BookingDisplaced { slots, .. } => {
            ("displaced", hull(slots), verb("displaced a booking of".into(), when(hull(slots))))
        }
        Change::BookingHandedOver { slots, .. } => {
            let tail = format!("{} to somebody else", when(hull(slots)));
            ("handed_over", hull(slots), verb("handed a booking of".into(), tail))
        }
        Change::BookingOverrode { .. } => {
            let tail = " before a rule or other bookings".into();
            ("overrode", None, verb("put a booking of".into(), tail))
        }
        Change::Reasoned { .. } => ("reasoned", None, verb("said why on".into(), String::new())),
        Change::CapacitySet { resource, .. } => {
            let units = match resource.spec.capacity {
                Some(1) => ": it has 1 unit".into(),
                Some(units) => format!(": it has {units} units"),
                None => ": it has no limit".into(),
            };
            ("capacity_set", None, verb("changed".into(), units))
        }
        Change::ServiceSet { resource, .. } => {
            let closed = resource.spec.policy.closed;
            let (what, tail) = if closed { ("closed", " out of service") } else { ("reopened", " in service again") };
            (what, None, verb(if closed { "took" } else { "put" }.into(), tail.into()))
        }
        Change::OverCommitLowered { .. } => {
            ("over_commit_lowered", None, verb("saw that less is taken beyond what there is of".into(), String::new()))
        }
        Change::BookingEdited { .. } => ("edited", None, verb("edited a booking of".into(), String::new())),
        Change::HoldGranted(hold) => {
            let until = format!(
                "{}, and it was kept for them until {}",
                when(Some(hold.interval)),
                clock(hold.expires_at, zone)
            );
            ("held", Some(hold.interval), verb("began to book".into(), until))
        }
        Change::HoldRenewed(hold) => {
            let until = format!("{}, until {}", when(Some(hold.interval)), clock(hold.expires_at, zone));
            ("renewed", Some(hold.interval), verb("kept".into(), until))
        }
        Change::HoldOverrode { until, .. } => {
            let tail = match until {
                Some(until) => format!(" last until {}", clock(*until, zone)),
                None => " end".into(),
            };
            ("hold_overrode", None, verb("let a hold on".into(), tail))
        }
        Change::HoldEnded(ended) => {
            let text = match ended.end {
                HoldEnd::Expired => "ended a hold that nobody confirmed in time on",
                HoldEnd::Released => "let go of a hold on",
                HoldEnd::Consumed => "confirmed a hold on",
                HoldEnd::Superseded => "gave up an older hold on",
                HoldEnd::Voided => "lost a hold on",
            };
            ("hold_ended", Some(ended.hold.interval), verb(text.into(), when(Some(ended.hold.interval))))
        }
        Change::ResourceCreated(_) => ("created", None, verb("made".into(), String::new())),
        Change::ResourceEdited(_) => ("changed", None, verb("changed".into(), String::new())),
        Change::BlockAdded { block, .. } => {
            let tail = format!(" out of use{}: {}", when(Some(block.interval)), block.reason.trim_end_matches('.'));
            ("blocked", Some(block.interval), verb("took".into(), tail))
        }
        Change::BlockRemoved { block, .. } => (
            "unblocked",
            Some(block.interval),
            verb("put".into(), format!(" in use again{}", when(Some(block.interval)))),
        ),
        Change::WaitJoined(entry) => {
            ("wait_joined", Some(entry.interval), verb("began to wait for".into(), when(Some(entry.interval))))
        }
        Change::WaitOffered(entry) => (
            "wait_offered",
            Some(entry.interval),
            verb("offered".into(), format!(" to whoever was next{}", when(Some(entry.interval)))),
        ),
        Change::WaitResumed(entry) => {
            ("wait_resumed", Some(entry.interval), verb("took an offer back of".into(), when(Some(entry.interval))))
        }
        Change::WaitMoved(entry) => {
            ("wait_moved", Some(entry.interval), verb("has another place in the order for".into(), String::new()))
        }
        Change::WaitEnded(ended) => {
            let text = match ended.end {
                EntryEnd::Promoted { .. } => "had waited, and now has",
                EntryEnd::Left => "no longer waits for",
                EntryEnd::Lapsed => "did not take in time, or can no longer have,",
                EntryEnd::Voided => "cannot wait any longer for",
                EntryEnd::Told => "was told of what is free of",
            };
            ("wait_ended", Some(ended.entry.interval), verb(text.into(), when(Some(ended.entry.interval))))
        }
        Change::Reminded { .. } => ("reminded", None, verb("reminded somebody of a booking of".into(), String::new())),
        Change::WaitDue(_) => ("wait_due", None, verb("will look who is next for".into(), String::new())),
    }
}

/// A command as people say it.
pub(super) fn command_words(command: &str) -> &str {
    match command {
        "edit_booking" => "edit a booking",
        "create_resource" => "make a resource",
        "edit_resource" => "change a resource",
        "add_block" => "take time out of use",
        "remove_block" => "put time in use again",
        "approve" => "approve a booking",
        "cancel" => "give up a booking",
        "move" => "move a booking",
        "swap" => "swap two bookings",
        "renew" => "keep a hold longer",
        "set_hold" => "let somebody's hold last until another time",
        "end_hold" => "end somebody's hold",
        "release" => "let go of a hold",
        "expire_holds" => "tidy holds that are over",
        "join_waitlist" => "wait for it",
        "leave_waitlist" => "stop waiting",
        "set_class" => "change who is next",
        "book_series" => "book a series",
        "move_series" => "move a series",
        "edit_series" => "edit a series",
        "cancel_series" => "give up a series",
        "check_in" => "check in",
        "release_no_show" => "let go of what nobody came to",
        "decline" => "decline a booking",
        "hand_over" => "hand a booking over",
        "set_capacity" => "change how many units there are",
        "set_service" => "take it out of service or put it in service again",
        "override" => "put a booking before rules or other bookings",
        // The others are words already: book, hold.
        other => other,
    }
}

/// The time of day in a zone, to the millisecond.
pub fn clock(t: Instant, zone: &Zone) -> String {
    t.timestamp().to_zoned(zone.rules().clone()).strftime("%H:%M:%S%.3f").to_string()
}

/// From when until when, the day once if it is the same.
pub fn during(interval: Interval, zone: &Zone) -> String {
    let (start, end) = (at_text(interval.start(), zone), at_text(interval.end(), zone));
    match (start.rsplit_once(", "), end.rsplit_once(", ")) {
        (Some((day, _)), Some((same, clock))) if day == same => format!("{start}–{clock}"),
        (_, _) => format!("{start} – {end}"),
    }
}

/// A length of time, in the unit that fits it.
pub(super) fn span(length: Span) -> String {
    let ms = length.0 / 1_000;
    match ms {
        ..1_000 => format!("{ms} ms"),
        1_000..120_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        120_000..7_200_000 => format!("{} min", ms / 60_000),
        7_200_000..172_800_000 => format!("{} h", ms / 3_600_000),
        _ => format!("{} days", ms / 86_400_000),
    }
}

/// As a sentence begins.
pub(super) fn first_upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// In the middle of a sentence; names stay as they are.
pub(super) fn lower(whose: &str) -> String {
    if whose == "Your" { "your".into() } else { whose.into() }
}
