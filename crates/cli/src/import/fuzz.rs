//! Files of strangers: whatever is in them is read, or refused with words, and nothing is booked by it.
//! It opens no store. Failing inputs are kept as lines of the corpus in `tests/it/corpus`.

#[path = "../../../store/tests/it/mutate.rs"]
mod mutate;

use super::{csv::Tables, foothill, rooms, ucsd};
use crate::replay::ucsd_changes;
use jiff::tz::TimeZone;
use mutate::{corpus, fuzz};
use slotwise_domain::Zone;

/// What a reader says, in short: what is wrong, without the place.
fn said<T, E: std::fmt::Display>(read: Result<T, E>, fine: impl FnOnce(T) -> String) -> String {
    match read {
        Ok(read) => fine(read),
        Err(e) => format!("{e:#}"),
    }
}

#[test]
fn fuzz_tables_of_bookings() {
    let words = [
        "0191e2a0-0000-7000-8000-000000000001",
        "bookings.csv\nbooking,line,state,owner,title,purpose,people,resource,start,end,units\n",
        "people.csv\nid,name,title,role,suspended\n",
        "resources.csv\n",
        "blocks.csv\nid,resource,start,end,reason\n",
        "2026-03-02T10:00:00Z",
        "confirmed",
        "\"[{\"\"name\"\":\"\"Cem\"\"}]\"",
        "'=1+1",
        ",",
        "\n",
        "\r\n",
        "\"",
        "true",
        "room",
        "Europe/Berlin",
    ];
    let dir = tempfile::tempdir_in(scratch()).unwrap();
    fuzz("tables of bookings", corpus(include_str!("../../tests/it/corpus/tables.txt")), &words, |bytes| {
        // The first line says which table it is.
        let names = ["people.csv", "resources.csv", "blocks.csv", "bookings.csv"];
        let end = bytes.iter().position(|b| *b == b'\n').unwrap_or(0);
        let name = names.into_iter().find(|name| bytes[..end] == *name.as_bytes());
        let file = dir.path().join(name.unwrap_or("bookings.csv"));
        std::fs::write(&file, if name.is_some() { &bytes[end + 1..] } else { bytes }).unwrap();
        let read = Tables::read(dir.path());
        std::fs::remove_file(file).unwrap();
        said(read, |tables| {
            format!("{} of {}", if tables.is_empty() { "nothing" } else { "rows" }, name.unwrap_or("no name"))
        })
    });
}

#[test]
fn fuzz_sections_of_a_college() {
    let words = [
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "null",
        "\"ACTG\":",
        "\"course\":\"",
        "\"time\":\"10:00 AM-11:50 PM\"",
        "\"days\":\"MTTh\"",
        "\"start\":\"09/21/2020\"",
        "\"end\":\"12/11/2020\"",
        "\"seats\":\"0\"",
        "\"wait_cap\":\"10\"",
        "\\u0000",
        "TBA",
    ];
    fuzz("sections of a college", corpus(include_str!("../../tests/it/corpus/sections.txt")), &words, |bytes| {
        said(foothill::read(&String::from_utf8_lossy(bytes)), |read| match read {
            Ok(sections) => format!("{} sections", if sections.is_empty() { "no" } else { "some" }),
            Err(errors) => errors.first().cloned().unwrap_or_default(),
        })
    });
}

#[test]
fn fuzz_rooms_of_a_university() {
    let words = [
        "building,room,capacity,furniture,type\n",
        ",",
        "\n",
        "\r\n",
        "\"",
        "Classroom-Fixed Tables/Movable Chairs",
        "&",
        "/",
        "0",
    ];
    fuzz("rooms of a university", corpus(include_str!("../../tests/it/corpus/rooms.txt")), &words, |bytes| {
        said(rooms::read(bytes, &Zone::utc()), |read| match read {
            Ok(rooms) => format!("{} rooms", if rooms.is_empty() { "no" } else { "some" }),
            Err(errors) => errors.first().cloned().unwrap_or_default(),
        })
    });
}

#[test]
fn fuzz_schedules_of_classes() {
    let words = [
        "subj_course_id\tsec_code\tsec_id\tinstructor\ttotal_seats\tmeetings\n",
        "\t",
        "|",
        ",",
        "LE,MWF,10:00 - 10:50,CENTR 101",
        "TuTh",
        "24:00",
        "00:00 - 00:00",
        "FI,2025-12-08,15:00 - 17:59,TBA",
        "\n",
        "\r\n",
        "TBA",
    ];
    fuzz("schedules of classes", corpus(include_str!("../../tests/it/corpus/schedules.txt")), &words, |bytes| {
        said(ucsd::read(bytes), |schedule| {
            let mut written = Vec::new();
            schedule.report.write(&mut written).unwrap();
            let reasons = schedule.report.not_taken_by_reason();
            format!(
                "{} {:?}",
                if schedule.meetings.is_empty() { "none" } else { "some" },
                reasons.keys().collect::<Vec<_>>()
            )
        })
    });
}

#[test]
fn fuzz_changes_of_a_term() {
    let words = [
        "time,section,enrolled,available,waitlisted,total\n",
        ",",
        "\n",
        "2022-05-19T08:00:00",
        "2022-11-06T01:30:00",
        "2022-03-13T02:30:00",
        "0,0,0,0",
        "\"",
        "+1",
    ];
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    fuzz("changes of a term", corpus(include_str!("../../tests/it/corpus/changes.txt")), &words, |bytes| {
        said(ucsd_changes::read(bytes, &zone), |rows| (if rows.is_empty() { "none" } else { "some" }).into())
    });
}

/// In memory, where there is such a place.
fn scratch() -> std::path::PathBuf {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { memory.into() } else { std::env::temp_dir() }
}
