//! `slotwise import ubc-rooms`: a table of a university's rooms, with their seats and furniture.
//! It books nothing; what is there already is left as it is.

use super::submit::{Submit, patient, println_out};
use super::ucsd::open;
use crate::ids::FreshIds;
use anyhow::{Context, bail, ensure};
use clap::Args;
use serde::Deserialize;
use slotwise_domain::{Actor, Kind, Policy, ResourceSpec, Zone};
use slotwise_engine::Engine;
use slotwise_store::SystemClock;
use slotwise_store::embedded::{Embedded, Options};
use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

/// Rows of one file.
const ROWS_MAX: usize = 100_000;
/// Bytes of one file, unpacked.
const BYTES_MAX: u64 = 64 << 20;
/// What is wrong is told of so many lines.
const ERRORS_MAX: usize = 20;

/// `slotwise import ubc-rooms`.
#[derive(Args)]
pub struct RoomsArgs {
    /// The rooms as CSV, gzipped or not: building,room,capacity,furniture,type.
    file: PathBuf,
    /// The folder that holds everything, new or not; no server may be running on it.
    #[arg(long, env = "SLOTWISE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Where the rooms are.
    #[arg(long, default_value = "America/Vancouver")]
    zone: String,
}

/// Imports, and says what was made.
#[tokio::main]
pub async fn run(args: &RoomsArgs) -> anyhow::Result<()> {
    let name = args.file.display();
    let zone = Zone::named(&args.zone)?;
    let rooms = match read(open(&args.file)?, &zone).with_context(|| format!("reading {name}"))? {
        Ok(rooms) => rooms,
        Err(errors) => bail!("{name}: nothing was done:\n  {}", errors.join("\n  ")),
    };
    std::fs::create_dir_all(&args.data).with_context(|| format!("making {}", args.data.display()))?;
    let store =
        Embedded::open(&args.data, Options::default()).with_context(|| format!("opening {}", args.data.display()))?;
    let engine = Engine::start(store.clone(), Arc::new(SystemClock), Arc::new(FreshIds), patient());
    let all = rooms.len();
    let (_, new) = Submit { engine, actor: Actor::System }.make("rooms", rooms, &*store).await?;
    println_out(&format!("{all} rooms: {new} made, {} there already and left as they are", all - new))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cells {
    building: String,
    room: String,
    capacity: String,
    furniture: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The rooms, or what is wrong with which lines.
pub(super) fn read(reader: impl BufRead, zone: &Zone) -> anyhow::Result<Result<Vec<ResourceSpec>, Vec<String>>> {
    let mut table = csv::Reader::from_reader(reader.take(BYTES_MAX));
    let header = table.headers().context("line 1")?.clone();
    let (mut rooms, mut errors, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut cells = csv::StringRecord::new();
    while table.read_record(&mut cells)? {
        let line = cells.position().map_or(0, csv::Position::line);
        ensure!(rooms.len() < ROWS_MAX, "line {line}: there are more than {ROWS_MAX} rows");
        let room = cells.deserialize(Some(&header)).context("columns").and_then(|cells| room(&cells, zone));
        match room {
            Ok(room) if names.insert(room.name.clone()) => rooms.push(room),
            Ok(room) => errors.push(format!("line {line}: room: {} is there a second time", room.name)),
            Err(e) => errors.push(format!("line {line}: {e:#}")),
        }
        if errors.len() >= ERRORS_MAX {
            break;
        }
    }
    ensure!(table.into_inner().limit() > 0, "has more than {} MiB", BYTES_MAX >> 20);
    Ok(if errors.is_empty() { Ok(rooms) } else { Err(errors) })
}

fn room(cells: &Cells, zone: &Zone) -> anyhow::Result<ResourceSpec> {
    let (building, number) = (cells.building.trim(), cells.room.trim());
    ensure!(!building.is_empty(), "building: is empty");
    ensure!(!number.is_empty(), "room: is empty");
    let seats =
        cells.capacity.trim().parse().with_context(|| format!("capacity: {:?} is no number", cells.capacity))?;
    let mut equipment = furniture(&cells.furniture);
    equipment.extend(Some(cells.kind.trim().to_lowercase()).filter(|kind| !["", "tbd"].contains(&kind.as_str())));
    let spec = ResourceSpec {
        kind: Kind::Room,
        name: format!("{building} {number}"),
        building: Some(building.into()),
        seats: Some(seats),
        equipment,
        zone: zone.clone(),
        capacity: Some(1),
        interval: None,
        policy: Policy::default(),
        group: None,
        linked: Vec::new(),
        course: None,
    };
    spec.checked().map_err(|e| {
        let field = if e.field == "seats" {
            "capacity"
        } else if e.field == "equipment" {
            "furniture"
        } else {
            e.field
        };
        anyhow::anyhow!("{field}: {}", e.says)
    })
}

/// `Classroom-Fixed Tables/Moveable Chairs` as what people look for: fixed tables, movable chairs.
fn furniture(text: &str) -> Vec<String> {
    let text = text.trim().to_lowercase().replace("moveable", "movable");
    let text = text.strip_prefix("classroom-").unwrap_or(&text);
    let mut pieces: Vec<String> = Vec::new();
    for part in text.split('/') {
        // In "movable tables & chairs" both are movable.
        let how = part.split_whitespace().next().unwrap_or_default();
        for (n, piece) in part.split('&').map(str::trim).filter(|piece| !piece.is_empty()).enumerate() {
            pieces.push(if n == 0 { piece.to_owned() } else { format!("{how} {piece}") });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn furniture_is_told_piece_by_piece() {
        let check = |text: &str, expected: &str| assert_eq!(furniture(text).join(", "), expected, "{text}");
        check("Classroom-Fixed Tables/Movable Chairs", "fixed tables, movable chairs");
        check("Classroom-Moveable Tables & Chairs", "movable tables, movable chairs");
        check("Classroom-Fixed Tablets", "fixed tablets");
        check("Classroom-Learn Lab", "learn lab");
        check("", "");
    }

    #[test]
    fn what_is_wrong_is_told_by_line_and_field() {
        let rows = "building,room,capacity,furniture,type\nA,1,10,,\nA,,10,,\nA,2,many,,\nA,1,10,,\nA,3,0,,\nA,4,10,,Studio Lab\n";
        let errors = read(rows.as_bytes(), &Zone::utc()).unwrap().unwrap_err();
        let expected = [
            "line 3: room: is empty",
            "line 4: capacity: \"many\" is no number: invalid digit found in string",
            "line 5: room: A 1 is there a second time",
            "line 6: capacity: must be at least 1",
        ];
        assert_eq!(errors, expected);
        assert!(read("building,room\nA,1\n".as_bytes(), &Zone::utc()).unwrap().is_err());
    }
}
