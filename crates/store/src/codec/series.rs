//! Occurrences of series and their civil times as bytes and as JSON.
//! It expands no rule.

use super::{Decoded, Id, Malformed};
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use slotwise_domain::recurrence::{Given, Met};
use slotwise_domain::{Contract, Occurrence, Series, SeriesId, Zone};
use std::borrow::Cow;
use std::sync::Arc;
use uuid::Uuid;

/// Begin of a civil time, and its length on the wall.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct GivenBin(i64, i64);

impl GivenBin {
    pub(super) fn of(given: Given) -> GivenBin {
        let (start, end) = (wall(given.start), wall(given.end));
        GivenBin(start, end.saturating_sub(start))
    }

    pub(super) fn given(self) -> Decoded<Given> {
        Ok(Given { start: wall_at(self.0)?, end: wall_at(self.0.saturating_add(self.1))? })
    }
}

/// A civil time as microseconds, as if it were in UTC.
fn wall(time: DateTime) -> i64 {
    jiff::tz::Offset::UTC.to_timestamp(time).map_or(i64::MIN, |t| t.as_microsecond())
}

fn wall_at(micros: i64) -> Decoded<DateTime> {
    let t = jiff::Timestamp::from_microsecond(micros).map_err(|e| Malformed(format!("{micros} is no time: {e}")))?;
    Ok(jiff::tz::Offset::UTC.to_datetime(t))
}

/// Which date of which series a booking is. A series is told once in a record, with the first of its dates.
#[derive(Serialize, Deserialize)]
pub(super) struct OccurrenceBin<'a> {
    #[serde(borrow)]
    series: Option<SeriesBin<'a>>,
    place: u16,
    given: GivenBin,
}

#[derive(Serialize, Deserialize)]
struct SeriesBin<'a> {
    id: Id,
    rule: Cow<'a, str>,
    zone: Cow<'a, str>,
    contract: Cow<'a, str>,
}

impl<'a> OccurrenceBin<'a> {
    pub(super) fn of(occurrence: &'a Occurrence, before: &mut Option<&'a Series>) -> OccurrenceBin<'a> {
        let Occurrence { series, place, given } = occurrence;
        let told = before.replace(series) == Some(series);
        let series = (!told).then(|| SeriesBin {
            id: series.id.0.into(),
            rule: Cow::Borrowed(&series.rule),
            zone: Cow::Borrowed(series.zone.name()),
            contract: Cow::Borrowed(series.contract.name()),
        });
        OccurrenceBin { series, place: *place, given: GivenBin::of(*given) }
    }

    pub(super) fn occurrence(self, before: &mut Option<Arc<Series>>) -> Decoded<Occurrence> {
        if let Some(SeriesBin { id, rule, zone, contract }) = self.series {
            let series = series_of(Uuid::from(id), rule.into_owned(), &zone, &contract)?;
            *before = Some(Arc::new(series));
        }
        let series = before.clone().ok_or_else(|| Malformed("a date of a series that is not told".into()))?;
        Ok(Occurrence { series, place: self.place, given: self.given.given()? })
    }
}

/// A series of its parts by name.
pub(crate) fn series_of(id: Uuid, rule: String, zone: &str, contract: &str) -> Decoded<Series> {
    let contract = Contract::named(contract).ok_or_else(|| Malformed(format!("{contract:?} is no contract")))?;
    Ok(Series { id: SeriesId(id), rule, zone: zone_named(zone)?, contract })
}

pub(super) fn zone_named(name: &str) -> Decoded<Zone> {
    match name {
        "UTC" => Ok(Zone::utc()),
        name => Zone::named(name).map_err(|e| Malformed(e.to_string())),
    }
}

names! {
    /// The stored name of how a civil time met its zone.
    met_name,
    /// How a civil time met its zone, by its stored name.
    met_named: Met { Met::Once = "once", Met::Shifted = "shifted", Met::First = "first" }
}

/// Which date of which series a booking in the tables is, as JSON.
pub fn encode_occurrence(occurrence: &Occurrence) -> Decoded<String> {
    let Occurrence { series, place, given } = occurrence;
    let (rule, zone) = (series.rule.clone(), series.zone.name().to_owned());
    let json = OccurrenceJson {
        series: series.id.0,
        rule,
        zone,
        contract: series.contract.name().to_owned(),
        place: *place,
        given: (given.start.to_string(), given.end.to_string()),
    };
    Ok(serde_json::to_string(&json)?)
}

/// Which date of which series a booking is, as [`encode_occurrence`] wrote it.
pub fn decode_occurrence(text: &str) -> Decoded<Occurrence> {
    let OccurrenceJson { series, rule, zone, contract, place, given: (start, end) } = serde_json::from_str(text)?;
    let series = Arc::new(series_of(series, rule, &zone, &contract)?);
    Ok(Occurrence { series, place, given: Given { start: civil_time(&start)?, end: civil_time(&end)? } })
}

/// A civil time as it is written.
pub(crate) fn civil_time(text: &str) -> Decoded<DateTime> {
    text.parse().map_err(|_| Malformed(format!("{text:?} is no civil time")))
}

#[derive(Serialize, Deserialize)]
struct OccurrenceJson {
    series: Uuid,
    rule: String,
    zone: String,
    contract: String,
    place: u16,
    given: (String, String),
}
