//! Recurrence rules as RFC 5545 writes them, read into the domain's.
//! It names the part that is not understood, and expands nothing.

use jiff::civil::{Date, DateTime, Time, Weekday};
use slotwise_domain::recurrence::{ByDay, Ends, Except, Frequency, Recurrence, Rule, civil_of};
use slotwise_domain::{Instant, Zone};

/// The longest text of a rule with its dates, in bytes.
pub const TEXT_MAX: usize = 4_000;
/// The most values of one part.
const VALUES_MAX: usize = 366;

/// A part of a rule that is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{part} {says}")]
pub struct PartError {
    /// Which, such as `BYDAY`.
    pub part: String,
    /// What is wrong, after its name.
    pub says: String,
}

type Read<T> = Result<T, PartError>;

fn bad<T>(part: &str, says: impl Into<String>) -> Read<T> {
    Err(PartError { part: part.into(), says: says.into() })
}

/// Reads a rule, with or without `RRULE:` before it, and lines of `RDATE` and `EXDATE`. Civil times are in the zone; `start` gives
/// dates without a time theirs.
pub fn parse(text: &str, start: DateTime, zone: &Zone) -> Read<Recurrence> {
    if text.len() > TEXT_MAX {
        return bad("RRULE", format!("and its dates must be at most {TEXT_MAX} bytes long"));
    }
    let mut recurrence = Recurrence { rule: None, also: Vec::new(), except: Vec::new() };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or(("RRULE", line));
        let (name, params) = name.split_once(';').unwrap_or((name, ""));
        match name.to_ascii_uppercase().as_str() {
            "RRULE" if recurrence.rule.is_some() => return bad("RRULE", "must be there once"),
            "RRULE" => recurrence.rule = Some(rule(value, zone)?),
            "RDATE" => {
                for moment in moments("RDATE", params, value, zone)? {
                    recurrence.also.push(match moment {
                        Moment::Day(day) => day.to_datetime(start.time()),
                        Moment::At(at) => at,
                    });
                }
            }
            "EXDATE" => {
                for moment in moments("EXDATE", params, value, zone)? {
                    recurrence.except.push(match moment {
                        Moment::Day(day) => Except::Day(day),
                        Moment::At(at) => Except::At(at),
                    });
                }
            }
            "DTSTART" => return bad("DTSTART", "is not understood here: say start and end beside the rule"),
            other => return bad(other, "is not understood: a rule has lines of RRULE, RDATE and EXDATE"),
        }
    }
    match recurrence.rule.is_none() && recurrence.also.is_empty() {
        true => bad("RRULE", "is missing"),
        false => Ok(recurrence),
    }
}

fn rule(text: &str, zone: &Zone) -> Read<Rule> {
    let mut frequency = None;
    let mut ends = None;
    let mut rule = Rule {
        frequency: Frequency::Daily,
        interval: 1,
        ends: Ends::Count(1),
        by_month: Vec::new(),
        by_week_no: Vec::new(),
        by_year_day: Vec::new(),
        by_month_day: Vec::new(),
        by_day: Vec::new(),
        by_set_pos: Vec::new(),
        week_start: Weekday::Monday,
    };
    let mut seen: Vec<String> = Vec::new();
    for part in text.split(';').filter(|part| !part.trim().is_empty()) {
        let Some((name, value)) = part.split_once('=') else { return bad(part, "must be a name, = and a value") };
        let (name, value) = (name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase());
        if seen.contains(&name) {
            return bad(&name, "must be there once");
        }
        match name.as_str() {
            "FREQ" => {
                frequency = Some(match value.as_str() {
                    "DAILY" => Frequency::Daily,
                    "WEEKLY" => Frequency::Weekly,
                    "MONTHLY" => Frequency::Monthly,
                    "YEARLY" => Frequency::Yearly,
                    "SECONDLY" | "MINUTELY" | "HOURLY" => {
                        return bad(
                            "FREQ",
                            "must be DAILY, WEEKLY, MONTHLY or YEARLY: nothing is booked more often than daily",
                        );
                    }
                    _ => return bad("FREQ", "must be DAILY, WEEKLY, MONTHLY or YEARLY"),
                });
            }
            "INTERVAL" => rule.interval = number(&name, &value, 1, i64::from(Rule::INTERVAL_MAX))? as u16,
            "COUNT" | "UNTIL" if ends.is_some() => {
                return bad(&name, "must not be beside the other of COUNT and UNTIL");
            }
            "COUNT" => ends = Some(Ends::Count(number(&name, &value, 1, i64::from(u32::MAX))? as u32)),
            "UNTIL" => {
                ends = Some(Ends::Until(match moment(&name, &value, zone)? {
                    Moment::Day(day) => day.to_datetime(Time::MAX),
                    Moment::At(at) => at,
                }));
            }
            "BYMONTH" => rule.by_month = numbers(&name, &value, |n| (1..=12).contains(&n))?,
            "BYWEEKNO" => rule.by_week_no = numbers(&name, &value, |n| (1..=53).contains(&n.abs()))?,
            "BYYEARDAY" => rule.by_year_day = numbers(&name, &value, |n| (1..=366).contains(&n.abs()))?,
            "BYMONTHDAY" => rule.by_month_day = numbers(&name, &value, |n| (1..=31).contains(&n.abs()))?,
            "BYSETPOS" => rule.by_set_pos = numbers(&name, &value, |n| (1..=366).contains(&n.abs()))?,
            "BYDAY" => rule.by_day = list(&name, &value, by_day)?,
            "WKST" => {
                let says = "must be one of MO, TU, WE, TH, FR, SA, SU";
                rule.week_start = weekday(&value).map_or_else(|| bad("WKST", says), Ok)?;
            }
            "BYHOUR" | "BYMINUTE" | "BYSECOND" => {
                return bad(&name, "is not understood: all dates begin at the time of the start");
            }
            other => return bad(other, "is not understood"),
        }
        seen.push(name);
    }
    rule.frequency = frequency.map_or_else(|| bad("FREQ", "is missing"), Ok)?;
    rule.ends = ends.map_or_else(|| bad("COUNT", "or UNTIL is missing: a series ends"), Ok)?;
    let within = matches!(rule.frequency, Frequency::Monthly | Frequency::Yearly) && rule.by_week_no.is_empty();
    if !within && rule.by_day.iter().any(|day| day.ordinal.is_some()) {
        return bad("BYDAY", "counts days of a month or year, so with MONTHLY or YEARLY only, and not beside BYWEEKNO");
    }
    Ok(rule)
}

fn list<T>(name: &str, value: &str, one: impl Fn(&str, &str) -> Read<T>) -> Read<Vec<T>> {
    match value.split(',').count() {
        0..=VALUES_MAX => value.split(',').map(|item| one(name, item.trim())).collect(),
        _ => bad(name, format!("must have at most {VALUES_MAX} values")),
    }
}

fn numbers<T: TryFrom<i64>>(name: &str, value: &str, allowed: fn(i64) -> bool) -> Read<Vec<T>> {
    list(name, value, |name, item| {
        let n = item.parse::<i64>().ok().filter(|n| allowed(*n)).and_then(|n| T::try_from(n).ok());
        n.map_or_else(|| bad(name, format!("does not know {item:?}")), Ok)
    })
}

fn number(name: &str, value: &str, least: i64, most: i64) -> Read<i64> {
    let n = value.parse().ok().filter(|n| (least..=most).contains(n));
    n.map_or_else(|| bad(name, format!("must be a number from {least} to {most}")), Ok)
}

fn by_day(name: &str, item: &str) -> Read<ByDay> {
    let wrong = || PartError { part: name.into(), says: format!("does not know {item:?}: such as MO, 1TU or -1FR") };
    let (ordinal, day) = item.len().checked_sub(2).and_then(|at| item.split_at_checked(at)).ok_or_else(wrong)?;
    let weekday = weekday(day).ok_or_else(wrong)?;
    let ordinal = match ordinal {
        "" => None,
        n => Some(n.parse::<i16>().ok().filter(|n| (1..=53).contains(&n.abs())).ok_or_else(wrong)?),
    };
    Ok(ByDay { ordinal, weekday })
}

fn weekday(text: &str) -> Option<Weekday> {
    Some(match text {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}

/// A day, or a civil time in the series' zone.
enum Moment {
    Day(Date),
    At(DateTime),
}

fn moments(name: &str, params: &str, value: &str, zone: &Zone) -> Read<Vec<Moment>> {
    for param in params.split(';').filter(|param| !param.is_empty()) {
        match param.split_once('=').map(|(name, value)| (name.to_ascii_uppercase(), value)) {
            Some((tzid, value)) if tzid == "TZID" && value == zone.name() => {}
            Some((tzid, _)) if tzid == "TZID" => {
                return bad(name, format!("must be in the zone of the series, {}", zone.name()));
            }
            Some((kind, "DATE" | "DATE-TIME")) if kind == "VALUE" => {}
            _ => return bad(name, format!("does not know {param:?}")),
        }
    }
    list(name, value, |name, item| moment(name, item, zone))
}

/// `20260329`, `20260329T023000` in the zone, or `20260329T003000Z`.
fn moment(name: &str, text: &str, zone: &Zone) -> Read<Moment> {
    let wrong = || PartError { part: name.into(), says: format!("does not know {text:?}: such as 20261123T100000") };
    let (day, clock) = text.split_once('T').map_or((text, None), |(day, clock)| (day, Some(clock)));
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let part = |text: &str, from: usize, to: usize| text.get(from..to).and_then(|n| n.parse::<i16>().ok());
    if !digits(day, 8) {
        return Err(wrong());
    }
    let date = part(day, 0, 4).zip(part(day, 4, 6)).zip(part(day, 6, 8));
    let date = date.and_then(|((y, m), d)| Date::new(y, m as i8, d as i8).ok()).ok_or_else(wrong)?;
    let Some(clock) = clock else { return Ok(Moment::Day(date)) };
    let (clock, utc) = clock.strip_suffix('Z').map_or((clock, false), |clock| (clock, true));
    if !digits(clock, 6) {
        return Err(wrong());
    }
    let time = part(clock, 0, 2).zip(part(clock, 2, 4)).zip(part(clock, 4, 6));
    let time = time.and_then(|((h, m), s)| Time::new(h as i8, m as i8, s as i8, 0).ok()).ok_or_else(wrong)?;
    let at = date.to_datetime(time);
    match utc {
        false => Ok(Moment::At(at)),
        true => {
            let t: Instant = Zone::utc().rules().to_timestamp(at).map_err(|_| wrong())?.into();
            Ok(Moment::At(civil_of(t, zone)))
        }
    }
}
