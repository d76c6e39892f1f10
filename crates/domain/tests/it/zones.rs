//! Cutoffs and opening hours over every change of the clock, 2020 to 2030, in zones that change it in odd ways.
//! Compared with a walk through the minutes: it looks at what the clock on the wall shows, and knows no rule.

use jiff::civil::{self, DateTime};
use jiff::{Timestamp, ToSpan};
use slotwise_domain::{Cutoff, Instant, Interval, OpeningHours, OwnOverlap, Policy, Span, Weekdays, Zone};
use std::collections::BTreeMap;

/// By day and by night, by an hour and by half of one, at midnight, backwards in spring, twice in a year, for Ramadan, not at all.
const ZONES: [&str; 24] = [
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Chisinau",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Norfolk",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Africa/Juba",
    "America/Nuuk",
    "America/Scoresbysund",
    "America/Havana",
    "America/St_Johns",
    "America/Santiago",
    "America/Asuncion",
    "America/New_York",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Antarctica/Troll",
    "Antarctica/Casey",
];

/// Where the calendar library sees a fold that is none: there the offset stayed -02 while the rule behind it changed.
/// It is past; `the_library_reads_every_other_civil_time` says when it is mended.
const MISREAD: [(&str, &str); 2] =
    [("America/Godthab", "2023-10-29T01:00:00Z"), ("America/Nuuk", "2023-10-29T01:00:00Z")];

const MINUTE: i64 = 60_000_000;
/// Minutes looked at on either side of a change.
const AROUND: i64 = 72 * 60;

/// What the clock on the wall shows at every minute around an instant.
struct Wall {
    zone: Zone,
    first: Instant,
    shows: Vec<DateTime>,
}

impl Wall {
    fn around(zone: &Zone, change: Timestamp) -> Wall {
        let first = Instant((change.as_microsecond() / MINUTE - AROUND) * MINUTE);
        let at = |n: i64| zone.rules().to_datetime(Instant(first.0 + n * MINUTE).timestamp());
        Wall { zone: zone.clone(), first, shows: (0..2 * AROUND).map(at).collect() }
    }

    fn minute(&self, n: usize) -> Instant {
        Instant(self.first.0 + n as i64 * MINUTE)
    }

    /// When the clock shows this: the first time if twice; if never, as much later as the clock was put forward.
    fn find(&self, wanted: DateTime) -> Instant {
        if let Some(n) = self.shows.iter().position(|shown| *shown == wanted) {
            return self.minute(n);
        }
        let skipped = |pair: &[DateTime]| pair[0] < wanted && wanted < pair[1];
        let n = self.shows.windows(2).position(skipped).expect("it is around");
        let (before, after) = (self.shows[n], self.shows[n + 1]);
        let put_forward = before.until(after).unwrap().total(jiff::Unit::Minute).unwrap() as i64 - 1;
        let late = before.until(wanted).unwrap().total(jiff::Unit::Minute).unwrap() as i64;
        assert!(late <= put_forward);
        self.minute(n).plus(Span::minutes(late))
    }
}

fn changes() -> impl Iterator<Item = Wall> {
    let (from, to): (Timestamp, Timestamp) =
        ("2020-01-01T00:00Z".parse().unwrap(), "2031-01-01T00:00Z".parse().unwrap());
    ZONES.into_iter().flat_map(move |name| {
        let zone = Zone::named(name).unwrap_or_else(|e| panic!("{e}"));
        let rules = zone.rules().clone();
        let of_zone: Vec<Timestamp> = rules.following(from).map(|t| t.timestamp()).take_while(|t| *t < to).collect();
        // A zone without any change is looked at all the same.
        let at = if of_zone.is_empty() { vec!["2026-03-02T00:00Z".parse().unwrap()] } else { of_zone };
        let at = at.into_iter().filter(move |change| !MISREAD.contains(&(name, change.to_string().as_str())));
        at.map(move |change| Wall::around(&zone, change))
    })
}

#[test]
fn a_civil_cutoff_is_when_the_clock_shows_it() {
    let mut looked_at = 0;
    for wall in changes() {
        let middle = wall.shows[AROUND as usize].date();
        for day in [middle.yesterday().unwrap(), middle, middle.tomorrow().unwrap()] {
            for (hour, minute) in (0..24).flat_map(|h| [0, 15, 30, 45, 59].map(|m| (h, m))) {
                let at = civil::time(hour, minute, 0, 0);
                let expected = wall.find(day.to_datetime(at));
                // Whatever begins on that day, or so many days after it, means the same cutoff.
                for days_before in [0, 1] {
                    let noon = day.checked_add(i64::from(days_before).days()).unwrap().at(12, 0, 0, 0);
                    let start = wall.find(noon);
                    let cutoff = Cutoff::Civil { days_before, at };
                    assert_eq!(cutoff.instant(start, &wall.zone), expected, "{day} {at} in {:?}", wall.zone);
                    looked_at += 1;
                }
            }
        }
    }
    println!("{looked_at} civil cutoffs");
    assert!(looked_at > 100_000, "only {looked_at}");
}

#[test]
fn an_elapsed_cutoff_knows_no_clock_on_the_wall() {
    for wall in changes() {
        for n in (0..wall.shows.len()).step_by(97) {
            let start = wall.minute(n);
            assert_eq!(Cutoff::Elapsed(Span::hours(24)).instant(start, &wall.zone).0, start.0 - 86_400_000_000);
        }
    }
}

#[test]
fn opening_hours_are_open_at_the_minutes_they_say() {
    let mut asked = 0;
    for (n, wall) in changes().enumerate() {
        for hours in hours(n) {
            let policy = Policy { opening_hours: hours.clone(), ..Policy::default() };
            policy.check().unwrap();
            let open = open_minutes(&wall, &hours);
            // How many of the minutes before this one are closed.
            let mut closed = vec![0_u32];
            for is_open in &open {
                closed.push(closed.last().unwrap() + u32::from(!is_open));
            }
            let (from, to) = ((AROUND - 36 * 60) as usize, (AROUND + 36 * 60) as usize);
            for start in (from..to).step_by(29) {
                for length in [1, 7, 30, 61, 180, 600, 1440] {
                    let end = (start + length).min(to);
                    let interval = Interval::new(wall.minute(start), wall.minute(end)).unwrap();
                    let expected = closed[start] == closed[end];
                    let says = policy.open_during(interval, &wall.zone);
                    assert_eq!(says, expected, "{interval:?} with {hours:?} in {:?}", wall.zone);
                    asked += 1;
                }
            }
        }
    }
    println!("{asked} intervals against opening hours");
    assert!(asked > 500_000, "only {asked}");
}

/// Which minutes lie in a window of any day.
fn open_minutes(wall: &Wall, hours: &[OpeningHours]) -> Vec<bool> {
    let mut open = vec![false; wall.shows.len()];
    let days: BTreeMap<civil::Date, ()> = wall.shows.iter().map(|shown| (shown.date(), ())).collect();
    // The first and last days are not all there.
    let days: Vec<civil::Date> = days.into_keys().collect();
    for day in &days[1..days.len() - 1] {
        for window in hours.iter().filter(|h| h.days.has(day.weekday())) {
            let midnight = day.at(0, 0, 0, 0);
            let at = |minute: u16| wall.find(midnight.checked_add(i64::from(minute).minutes()).unwrap());
            let (from, to) = (at(window.from_min), at(window.to_min));
            for (n, open) in open.iter_mut().enumerate() {
                *open |= from <= wall.minute(n) && wall.minute(n) < to;
            }
        }
    }
    open
}

/// Ordinary hours, nights, hours that begin or end where the clock is changed, all day, hours that touch.
fn hours(n: usize) -> Vec<Vec<OpeningHours>> {
    let daily: Weekdays = (0..7).map(|n| civil::Weekday::from_monday_zero_offset(n).unwrap()).collect();
    let one: Weekdays = [civil::Weekday::from_monday_zero_offset((n % 7) as i8).unwrap()].into_iter().collect();
    let window = |days, from_min, to_min| OpeningHours { days, from_min, to_min };
    vec![
        vec![window(daily, 480, 1080)],
        vec![window(daily, 0, 1440)],
        vec![window(daily, 0, 150), window(daily, 1350, 1440)],
        vec![window(daily, 60, 120), window(daily, 120, 180), window(daily, 210, 240)],
        vec![window(daily, 135, 165)],
        vec![window(daily, 23 * 60, 1440), window(daily, 0, 30)],
        vec![window(one, 0, 1440), window(daily, 600, 900), window(daily, 850, 901)],
    ]
}

/// What a clock shows can be read back, in every zone, around every change to come for years.
#[test]
fn the_library_reads_every_other_civil_time() {
    let (from, to): (Timestamp, Timestamp) =
        ("2020-01-01T00:00Z".parse().unwrap(), "2040-01-01T00:00Z".parse().unwrap());
    let mut misread = Vec::new();
    for name in jiff::tz::db().available() {
        let Ok(zone) = Zone::named(name.as_str()) else { continue };
        let changes = zone.rules().following(from).map(|t| t.timestamp());
        for change in changes.take_while(|t| *t < to) {
            let at = |n: i64| zone.rules().to_datetime(Instant::from(change).plus(Span::minutes(n)).timestamp());
            let same = |n: i64| {
                let read = zone.rules().to_timestamp(at(n)).unwrap();
                zone.rules().to_datetime(read) == at(n)
            };
            if !(-130..130).step_by(5).all(same) {
                misread.push((name.as_str().to_owned(), change.to_string()));
            }
        }
    }
    let misread: Vec<(&str, &str)> = misread.iter().map(|(zone, at)| (zone.as_str(), at.as_str())).collect();
    assert_eq!(misread, MISREAD);
}

/// All zones the database has, once: nothing that can be asked panics, however odd the instant.
#[test]
fn no_zone_and_no_instant_panics() {
    let daily: Weekdays = (0..7).map(|n| civil::Weekday::from_monday_zero_offset(n).unwrap()).collect();
    let opening_hours = vec![OpeningHours { days: daily, from_min: 0, to_min: 1440 }];
    let policy = Policy { opening_hours, own_overlap: OwnOverlap::Allow, ..Policy::default() };
    let mut zones = 0;
    for name in jiff::tz::db().available() {
        let Ok(zone) = Zone::named(name.as_str()) else { continue };
        zones += 1;
        for start in
            [Instant::MIN, Instant(1_000_000), Instant(1_774_742_400_000_000), Instant::MAX.minus(Span::days(3))]
        {
            let interval = Interval::new(start, start.plus(Span::days(2))).unwrap();
            assert!(policy.open_during(interval, &zone), "{zone:?} is open all day, every day, from {start:?}");
            let cutoff = Cutoff::Civil { days_before: 366, at: civil::time(23, 59, 59, 999_999_999) };
            assert!(cutoff.instant(start, &zone) < start);
        }
    }
    assert!(zones > 400, "only {zones} zones");
    for far in [i64::MIN, i64::MAX] {
        let cutoff = Cutoff::Civil { days_before: 366, at: civil::time(0, 0, 0, 0) };
        assert_eq!(cutoff.instant(Instant(far), &Zone::utc()), cutoff.instant(Instant(far), &Zone::utc()));
    }
}
