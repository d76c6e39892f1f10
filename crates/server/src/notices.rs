//! Notices as people read them: what happened to which booking, in words and as JSON.
//! It decides nothing, and sends nothing.

use crate::app::App;
use crate::problem::{FieldError, Problem};
use crate::wire::time;
use serde::Serialize;
use slotwise_domain::{Change, EntryId, HoldId, Instant, Interval, News, Resource, ResourceId, Scope, Slot, Zone};
use slotwise_engine::{Noted, NoticeId, Record};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Something one is told.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeBody {
    /// Its place: later ones are greater.
    pub id: String,
    /// What happened: `booked` for one by somebody else, `approved`, `cancelled`, `moved`, `displaced`, `handed_over` to somebody
    /// else, `taken_over` from somebody else, `no_show`; of who waits `promoted`, `offered`, `lapsed` or `free`; and `reminder`,
    /// before it is too late to change or cancel; of a hold `hold_set` and `hold_ended` by whoever manages the resource.
    pub news: &'static str,
    /// When.
    pub at: String,
    /// Of which booking.
    pub booking: Uuid,
    /// On which resource; the first, if there are several.
    pub resource: Uuid,
    /// What that is called.
    pub resource_name: Option<String>,
    /// Where its times are read.
    pub zone: Option<String>,
    /// When the booking begins, as it is now; of one that is somebody else's by now, as it was when this happened.
    pub start: Option<String>,
    /// When it ends.
    pub end: Option<String>,
    /// What it is called; nothing of one that is somebody else's by now.
    pub title: Option<String>,
    /// Why, as whoever did it said.
    pub reason: Option<String>,
    /// Of how many dates of one series this is told, of which this is the first; 1 of anything else.
    pub dates: u32,
    /// Whether one has said that one has read it.
    pub read: bool,
}

impl NoticeBody {
    /// A notice with its booking as far as whom it tells may see it now.
    pub async fn of(app: &App, noted: &Noted, read: bool) -> Result<NoticeBody, Problem> {
        let Told { title, time: when, resource, reason, .. } = Told::of(app, noted).await?;
        Ok(NoticeBody {
            id: notice_id(noted.id),
            news: noted.notice.news.name(),
            at: time(noted.at),
            booking: noted.notice.booking.0,
            resource: noted.resource.0,
            zone: resource.as_ref().map(|r| r.spec.zone.name().to_owned()),
            resource_name: resource.map(|r| r.spec.name.clone()),
            start: when.map(|when| time(when.start())),
            end: when.map(|when| time(when.end())),
            title,
            reason,
            dates: noted.dates,
            read,
        })
    }
}

/// What a notice is about, as far as whom it tells may see it now.
struct Told {
    /// What it is called, if it is still theirs.
    title: Option<String>,
    /// From when until when, all of it; of who waits, what they wait for.
    time: Option<Interval>,
    /// What of it is on the resource that the notice names.
    here: Option<Interval>,
    resource: Option<Arc<Resource>>,
    reason: Option<String>,
}

/// Changes of one booking that are looked at for why it was changed, and for where it was.
const HISTORY_MAX: usize = 1_000;

impl Told {
    async fn of(app: &App, noted: &Noted) -> Result<Told, Problem> {
        let resource = app.resource(noted.resource);
        let Some(booking) = app.views.booking(noted.notice.booking).await? else {
            let time = awaited(app, noted).await?;
            return Ok(Told { title: None, time, here: time, resource, reason: None });
        };
        let theirs = booking.concerns(noted.notice.to);
        let says_why = says_why(noted.notice.news);
        let records = match theirs && !says_why {
            true => Vec::new(),
            false => app.views.history(booking.id, HISTORY_MAX).await?,
        };
        let reason = if says_why { why(app, noted, &records).await? } else { None };
        // Whose it is now has to do with it as it is now; whoever had it, with what they had.
        let slots = if theirs { booking.slots.clone() } else { slots_then(&records, noted) };
        let start = slots.iter().map(|slot| slot.interval.start()).min();
        let end = slots.iter().map(|slot| slot.interval.end()).max();
        let time = start.zip(end).and_then(|(start, end)| Interval::new(start, end).ok());
        let here = slots.iter().find(|slot| slot.resource == noted.resource).or(slots.first());
        let here = here.map(|slot| slot.interval);
        let title = booking.details.title.clone().filter(|_| theirs);
        Ok(Told { title, time, here, resource, reason })
    }
}

/// What somebody waits for or holds: they have no booking yet, and the one that it would be has the name of the entry or the hold.
async fn awaited(app: &App, noted: &Noted) -> Result<Option<Interval>, Problem> {
    let (entry, hold) = (EntryId(noted.notice.booking.0), HoldId(noted.notice.booking.0));
    let scope = Scope { entries: [entry].into(), holds: [hold].into(), ..Scope::default() };
    let world = app.engine.look(scope).await?;
    let calendar = world.calendars.get(&noted.resource);
    let live = calendar.and_then(|c| c.entry(entry)).map(|entry| entry.interval);
    let ended = || world.entries.get(&entry).and_then(|(_, ended)| Some(ended.as_ref()?.entry.interval));
    let held = || calendar.and_then(|c| c.holds.get(&hold)).map(|hold| hold.interval);
    let over = || world.holds.get(&hold).and_then(|(_, ended)| Some(ended.as_ref()?.hold.interval));
    Ok(live.or_else(ended).or_else(held).or_else(over))
}

/// What a booking took, or gave up, when somebody was told of it.
fn slots_then(records: &[Record], noted: &Noted) -> Vec<Slot> {
    let mut then: BTreeMap<ResourceId, &[(u16, Slot)]> = BTreeMap::new();
    for record in records.iter().take_while(|record| record.decided_at <= noted.at) {
        for change in record.changes.iter().filter(|change| change.booking() == Some(noted.notice.booking)) {
            match change {
                Change::BookingMade { slots, .. }
                | Change::BookingRequested { slots, .. }
                | Change::BookingApproved { slots, .. }
                | Change::BookingHandedOver { slots, .. }
                | Change::BookingDisplaced { slots, .. }
                | Change::BookingCancelled { slots, .. }
                | Change::BookingNoShow { from: slots, .. }
                | Change::BookingMoved { to: slots, .. } => drop(then.insert(record.resource, slots)),
                _ => {}
            }
        }
    }
    let mut slots: Vec<&(u16, Slot)> = then.into_values().flatten().collect();
    slots.sort_by_key(|(place, _)| *place);
    slots.into_iter().map(|(_, slot)| *slot).collect()
}

/// Whether it is told why this was done.
const fn says_why(news: News) -> bool {
    match news {
        News::Booked
        | News::Approved
        | News::Cancelled
        | News::Moved
        | News::Displaced
        | News::HandedOver
        | News::TakenOver => true,
        News::Promoted
        | News::Offered
        | News::Free
        | News::Reminder
        | News::Lapsed
        | News::NoShow
        | News::HoldEnded
        | News::HoldSet => false,
    }
}

/// Why somebody did what one is told of, if they said. What somebody who is forgotten wrote is not told.
async fn why(app: &App, noted: &Noted, records: &[Record]) -> Result<Option<String>, Problem> {
    let Some(record) = records.iter().find(|r| r.resource == noted.resource && r.decided_at == noted.at) else {
        return Ok(None);
    };
    let known = match record.actor.person() {
        Some(by) => app.people.name(by).await.is_some(),
        None => true,
    };
    Ok(crate::api::bookings::why(record, noted.notice.booking).filter(|_| known))
}

/// A notice as a letter says it: one line to see it by, and what is to be read.
pub async fn words(app: &App, noted: &Noted) -> Result<(String, String), Problem> {
    let Told { title, here: interval, resource, reason, .. } = Told::of(app, noted).await?;
    let what = resource.as_ref().map_or("A booking", |r| &r.spec.name);
    let zone = resource.as_ref().map(|r| r.spec.zone.clone());
    let when = interval.map(|interval| when(interval, zone.as_ref()));
    let (happened, sentence) = match noted.notice.news {
        News::Booked => ("Booked for you", "Somebody has made this booking for you."),
        News::Approved => ("Approved", "Your request was approved. The booking is yours."),
        News::Cancelled => ("Cancelled", "Your booking was cancelled by somebody else. It is no longer yours."),
        News::Moved => ("Moved", "Somebody has moved your booking. This is where it is now."),
        News::Promoted => ("Booked from the waitlist", "It is your turn: what you waited for is booked for you."),
        News::Offered => {
            ("Offered to you", "It is your turn: what you waited for is kept for you for a while. Take it before then.")
        }
        News::Displaced => {
            ("Displaced", "An admin needed the place for something else. The booking is no longer yours.")
        }
        News::HoldEnded => (
            "No longer held",
            "Somebody who manages it has ended your hold. What you had not confirmed is not kept for you any more.",
        ),
        News::HoldSet => {
            ("Held until another time", "Somebody who manages it has changed until when it is held for you.")
        }
        News::HandedOver => ("Handed over", "An admin has given your booking to somebody else. It is no longer yours."),
        News::TakenOver => ("Handed to you", "An admin has made this booking yours. It was somebody else's before."),
        News::NoShow => ("Not checked in", "Nobody checked in, so what was left of your booking is free for others."),
        News::Free => (
            "Free now",
            "What you wished to be told of is free. Nothing of it is kept for you: whoever books it first has it.",
        ),
        News::Reminder => {
            ("Soon too late to change", "This is what you have booked. Soon it will be too late to change that.")
        }
        News::Lapsed => {
            ("No longer waiting", "You wait no more: an offer was not taken in time, or it is too late for more.")
        }
    };
    let subject = match &when {
        Some(when) if noted.dates > 1 => format!("{happened}: {what}, {} dates from {when} on", noted.dates),
        Some(when) => format!("{happened}: {what}, {when}"),
        None => format!("{happened}: {what}"),
    };
    let mut text = format!("{sentence}\n\n{what}\n");
    for line in when.iter().chain(&title) {
        text.push_str(line);
        text.push('\n');
    }
    if let Some(reason) = reason {
        text.push_str(&format!("Why: {reason}\n"));
    }
    for line in closing(noted, interval, resource.as_deref()) {
        text.push_str(&line);
        text.push('\n');
    }
    if noted.dates > 1 {
        text.push_str(&format!(
            "This is so of {} dates of the series; the first of them is named here.\n",
            noted.dates
        ));
    }
    text.push_str(&format!("\nDecided at {} UTC.\n", utc(noted.at)));
    if let Some(public) = &app.site.public {
        text.push_str(&format!("\n{}{}\n", public.as_str(), screen(noted, interval)));
    }
    Ok((subject, text))
}

/// The screen that shows what it is about, and where one answers.
fn screen(noted: &Noted, interval: Option<Interval>) -> String {
    let at = interval.map(|i| format!("?start={}&end={}", time(i.start()), time(i.end())));
    match noted.notice.news {
        News::Offered => format!("/waitlist/{}", noted.notice.booking),
        News::Free | News::HoldEnded | News::HoldSet => {
            format!("/slots/{}{}", noted.resource, at.unwrap_or_default())
        }
        News::Lapsed => "/bookings?show=waiting".to_owned(),
        News::Booked
        | News::Approved
        | News::Cancelled
        | News::Moved
        | News::Promoted
        | News::Displaced
        | News::TakenOver
        | News::NoShow
        | News::Reminder => format!("/bookings/{}", noted.notice.booking),
        // It is no longer theirs to look at.
        News::HandedOver => "/bookings".to_owned(),
    }
}

/// Of a reminder: until when what can still be done, by the rules as they are now.
fn closing(noted: &Noted, interval: Option<Interval>, resource: Option<&Resource>) -> Vec<String> {
    let (News::Reminder, Some(interval), Some(resource)) = (noted.notice.news, interval, resource) else {
        return Vec::new();
    };
    let (policy, zone) = (&resource.spec.policy, &resource.spec.zone);
    let cutoffs = [("changed", policy.change_by), ("cancelled", policy.cancel_by)].into_iter();
    let cutoffs = cutoffs.filter_map(|(what, cutoff)| Some((what, cutoff?.instant(interval.start(), zone))));
    let ahead = cutoffs.filter(|(_, at)| *at > noted.at);
    let until = |at: Instant| civil(at, Some(zone)).strftime("%a %-d %b %Y, %H:%M %Z").to_string();
    ahead.map(|(what, at)| format!("It can be {what} until {}.", until(at))).collect()
}

fn civil(t: Instant, zone: Option<&Zone>) -> jiff::Zoned {
    match zone {
        Some(zone) => t.timestamp().to_zoned(zone.rules().clone()),
        None => t.timestamp().to_zoned(jiff::tz::TimeZone::UTC),
    }
}

fn when(interval: Interval, zone: Option<&Zone>) -> String {
    let (start, end) = (civil(interval.start(), zone), civil(interval.end(), zone));
    let until = if start.date() == end.date() { "%H:%M %Z" } else { "%a %-d %b %Y, %H:%M %Z" };
    format!("{} – {}", start.strftime("%a %-d %b %Y, %H:%M"), end.strftime(until))
}

fn utc(t: Instant) -> String {
    t.timestamp().strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The place of a notice as text.
pub fn notice_id(id: NoticeId) -> String {
    format!("{}.{}", id.commit, id.place)
}

/// The place of a notice from its text.
pub fn read_notice_id(text: &str, field: &'static str) -> Result<NoticeId, Problem> {
    let read = || {
        let (commit, place) = text.split_once('.')?;
        Some(NoticeId { commit: commit.parse().ok()?, place: place.parse().ok()? })
    };
    read().ok_or_else(|| Problem::field(FieldError::new(field, "not_understood", "must be the id of a notice")))
}
