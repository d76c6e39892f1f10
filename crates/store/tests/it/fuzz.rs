//! Stored records that are not what was written: every decoder answers, with what it read or with what is wrong.
//! The corpus is what a real store wrote in this run, and the samples of earlier formats.

use crate::disk::scratch;
use crate::mutate::{fuzz, fuzz_one_of};
use crate::support::{HOUR, START, Site, commit, exclusive, one};
use rusqlite::Connection;
use slotwise_domain::{BookingId, Details, ResourceId, Span};
use slotwise_store::codec::{
    decode_booking, decode_changes, decode_commit, decode_guests, decode_occurrence, decode_said, decode_spec,
    encode_booking, encode_changes, encode_commit, encode_said, encode_spec,
};
use slotwise_store::embedded::wal::{Log, inspect};
use slotwise_store::embedded::{Reading, import};
use std::ops::ControlFlow;
use std::path::Path;
use uuid::Uuid;

const ID: Uuid = Uuid::from_u128(0xa);

/// What a store writes of a few commands: a column of its journal, or its log.
async fn written(column: &str) -> Vec<Vec<u8>> {
    let site = Site::new();
    let store = site.open().await;
    let (room, lab) = (site.room(&store, "R1").await, site.resource(&store, exclusive("Lab")).await);
    for n in 1..=6 {
        let at = START.plus(Span::hours(n));
        commit(&store, vec![site.book(site.admin, room, at), site.book(site.admin, room, at)]).await;
        one(&store, site.hold(site.admin, lab, at)).await;
    }
    one(&store, site.block(room, 1, START.plus(Span::hours(20)))).await;
    let both = site.booking(site.admin, &[(room, START.plus(Span::hours(30))), (lab, START.plus(HOUR))], None);
    one(&store, site.by(site.admin, both)).await;
    let path = site.path().join("slotwise.sqlite");
    if column == "log" {
        let log = std::fs::read(path.with_extension("sqlite-wal")).unwrap();
        return vec![log[..32 + 3 * 4_120].to_vec(), log[..32 + 4_120].to_vec()];
    }
    drop(store);
    let db = Connection::open(path).unwrap();
    let mut select = db.prepare(&format!("SELECT {column} FROM journal WHERE {column} IS NOT NULL")).unwrap();
    let rows = select.query_map([], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn fuzz_commits() {
    let mut corpus = written("body").await;
    corpus.push(include_bytes!("samples/commit-1.bin").to_vec());
    fuzz("commits", corpus, &[], |bytes| match decode_commit(1, [9; 32], bytes) {
        Ok((commit, changes)) => {
            let changes: Vec<Vec<u8>> = changes.into_iter().map(<[u8]>::to_vec).collect();
            match encode_commit(&commit, &changes) {
                Ok(again) => assert_eq!(decode_commit(1, [9; 32], &again).unwrap().0, commit),
                Err(e) => return format!("not written again: {}", e.0),
            }
            "a commit".into()
        }
        Err(e) => e.0,
    });
}

#[tokio::test]
async fn fuzz_changes() {
    let mut corpus = Vec::new();
    for body in written("body").await {
        let (_, changes) = decode_commit(1, [9; 32], &body).unwrap();
        corpus.extend(changes.into_iter().map(<[u8]>::to_vec));
    }
    fuzz("changes", corpus, &[], |bytes| match decode_changes(ResourceId(ID), bytes) {
        Ok(changes) => {
            if let Ok(again) = encode_changes(ResourceId(ID), &changes) {
                assert_eq!(decode_changes(ResourceId(ID), &again).unwrap(), changes);
            }
            "changes".into()
        }
        Err(e) => e.0,
    });
}

#[tokio::test]
async fn fuzz_words_and_bookings() {
    let said = written("said").await;
    let bodies = written("body").await;
    let corpus = said.iter().chain(&bodies).cloned().collect();
    fuzz("words and bookings", corpus, &[], |bytes| {
        let said = decode_said(bytes).map(|said| {
            let again = encode_said(&said).unwrap();
            assert_eq!(decode_said(&again).unwrap(), said);
        });
        let booking = decode_booking(BookingId(ID), bytes, Details::default()).map(|booking| {
            if let Ok(again) = encode_booking(&booking) {
                assert_eq!(decode_booking(BookingId(ID), &again, Details::default()).unwrap(), booking);
            }
        });
        format!("{said:?} {booking:?} {:?}", decode_guests(bytes).is_ok())
    });
}

#[test]
fn fuzz_specs_and_dates() {
    let corpus = [include_str!("samples/room-1.json"), include_str!("samples/section-1.json"), "{\"n\":1}"];
    let corpus = corpus.map(|text| text.as_bytes().to_vec()).to_vec();
    let words = ["{", "}", "[", "]", "null", "true", "\"zone\":", "\"policy\":", "\"Europe/Berlin\"", "\\u0000"];
    fuzz("specs and dates", corpus, &words, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let spec = decode_spec(&text).map(|spec| {
            let again = encode_spec(&spec).unwrap();
            assert_eq!(decode_spec(&again).unwrap(), spec);
        });
        format!("{spec:?} {:?}", decode_occurrence(&text).map(drop))
    });
}

#[tokio::test]
async fn fuzz_logs_of_the_database() {
    let dir = scratch();
    let path = dir.path().join("log");
    fuzz("logs of the database", written("log").await, &[], |bytes| {
        std::fs::write(&path, bytes).unwrap();
        match inspect(&path).unwrap() {
            Log::Empty => "empty".into(),
            Log::Whole { frames } => format!("whole {}", "x".repeat(frames as usize)),
            Log::Torn { frames, offset } => {
                assert!(offset <= bytes.len() as u64);
                format!("torn {}", "x".repeat(frames as usize))
            }
            Log::Damaged { offset, says } => {
                assert!(offset <= bytes.len() as u64);
                says
            }
        }
    });
}

#[tokio::test]
async fn fuzz_exports() {
    let site = Site::new();
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    for n in 1..=3 {
        commit(&store, vec![site.book(site.admin, room, START.plus(Span::hours(n)))]).await;
    }
    drop(store);
    let (mut lines, name) = (Vec::new(), Path::new("lines"));
    let mut on = |_, _| ControlFlow::Continue(());
    Reading::open(site.path()).unwrap().export(&mut lines, name, START, &mut on).unwrap();
    let words =
        ["{\"commit\":", "{\"person\":", "{\"end\":", "\"hash\":\"", "\n", "null", "\"role\":\"admin\"", "}", "[]"];
    let dir = scratch();
    // Each makes a data directory.
    fuzz_one_of(100, "exports", vec![lines], &words, |bytes| {
        let data = dir.path().join("data");
        // What is refused leaves nothing behind but the lock that it took; what is taken is whole.
        let imported = import(&mut &*bytes, name, &data, &mut on);
        let files = std::fs::read_dir(&data).into_iter().flatten().map(|file| file.unwrap().file_name());
        let left = files.filter(|file| file != "lock").count() > 0;
        assert_eq!(imported.is_ok(), left, "{imported:?}");
        if data.exists() {
            std::fs::remove_dir_all(&data).unwrap();
        }
        imported.map_or_else(|e| e.to_string(), |_| "an export".into())
    });
}
