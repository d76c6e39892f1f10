//! What a crash or a sick disk leaves behind: every prefix of the log opens with all that was told, damage inside it does not open.
//! It works on copies, and never on a file that is open.

use crate::support::{START, Site, commit, image};
use slotwise_domain::{AttemptKey, Span};
use slotwise_engine::{Recorded, Settled, Store};
use slotwise_store::Embedded;
use slotwise_store::embedded::wal::{Log, inspect};
use slotwise_store::embedded::{OpenError, verify};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const FRAME: usize = 24 + 4_096;

struct Told {
    /// How long the log was when the answers were told.
    log: u64,
    answers: Vec<Recorded>,
}

fn log(dir: &Path) -> PathBuf {
    dir.join("slotwise.sqlite-wal")
}

/// A store that was killed after some commits, with what had been told when.
async fn killed(site: &Site) -> (TempDir, Vec<Told>) {
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let mut told = Vec::new();
    for n in 1..=12 {
        let at = START.plus(Span::hours(n));
        let batch = vec![site.book(site.admin, room, at), site.book(site.admin, room, at)];
        let answers = commit(&store, batch).await.into_iter().map(|settled| match settled {
            Settled::Decided(recorded, _) => Arc::unwrap_or_clone(recorded),
            other => panic!("{other:?}"),
        });
        told.push(Told { answers: answers.collect(), log: fs::metadata(log(site.path())).unwrap().len() });
    }
    let image = image(site.path());
    drop(store);
    (image, told)
}

async fn recalled(store: &Embedded, key: AttemptKey) -> Option<Recorded> {
    store.recall(key).await.unwrap()
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_told() {
    let site = Site::new();
    let (image, told) = killed(&site).await;
    assert!(matches!(inspect(&log(image.path())).unwrap(), Log::Whole { frames } if frames > 12));
    let store = Embedded::open(image.path(), site.options.clone()).unwrap();
    for recorded in told.iter().flat_map(|t| &t.answers) {
        assert_eq!(recalled(&store, recorded.key).await.as_ref(), Some(recorded));
    }
    verify(image.path()).unwrap();
    // All of it is in the database itself when the store says that it is ready.
    assert_eq!(fs::metadata(log(image.path())).map_or(0, |m| m.len()), 0);
}

#[tokio::test]
async fn a_flipped_byte_anywhere_but_at_the_end_refuses_and_changes_nothing() {
    let site = Site::new();
    let (image, _) = killed(&site).await;
    let whole = fs::read(log(image.path())).unwrap();
    let frames = (whole.len() - 32) / FRAME;
    let mut places = vec![0, 5, 17, 25];
    for frame in [0, 1, 2, frames / 2, frames - 2] {
        // Page number, size after commit, salt, checksum, page.
        places.extend([3, 7, 9, 18, 24, 24 + 2_000].map(|offset| 32 + frame * FRAME + offset));
    }
    for place in places {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x10;
        fs::write(log(image.path()), &bytes).unwrap();
        let refused = Embedded::open(image.path(), site.options.clone()).err();
        let Some(OpenError::DamagedLog { offset, says, .. }) = refused else { panic!("byte {place} was not seen") };
        let expected = if place < 32 { 0 } else { place - (place - 32) % FRAME };
        assert_eq!(offset, expected as u64, "byte {place}: {says}");
        assert_eq!(fs::read(log(image.path())).unwrap(), bytes, "a damaged log was changed");
    }
}

#[tokio::test]
async fn the_very_last_frame_cannot_be_told_from_a_torn_one() {
    let site = Site::new();
    let (image, told) = killed(&site).await;
    let mut bytes = fs::read(log(image.path())).unwrap();
    let last = bytes.len() - 100;
    bytes[last] ^= 1;
    fs::write(log(image.path()), &bytes).unwrap();
    assert!(matches!(inspect(&log(image.path())).unwrap(), Log::Torn { .. }));
    let store = Embedded::open(image.path(), site.options.clone()).unwrap();
    let (lost, kept) = told.split_last().unwrap();
    for recorded in kept.iter().flat_map(|t| &t.answers) {
        assert_eq!(recalled(&store, recorded.key).await.as_ref(), Some(recorded));
    }
    assert_eq!(recalled(&store, lost.answers[0].key).await, None);
}

#[tokio::test]
async fn a_tail_cut_anywhere_opens_with_every_commit_before_it() {
    let site = Site::new();
    let (image, told) = killed(&site).await;
    let whole = fs::read(log(image.path())).unwrap();
    let database = fs::read(image.path().join("slotwise.sqlite")).unwrap();
    let first = usize::try_from(told[0].log).unwrap();
    let mut cuts: Vec<usize> = (first..whole.len()).step_by(FRAME / 3 + 7).collect();
    cuts.extend(told.iter().flat_map(|t| [t.log, t.log + 1, t.log + 24, t.log - 1]).map(|at| at as usize));
    cuts.retain(|cut| *cut >= first && *cut <= whole.len());
    cuts.extend([0, 10]);
    for cut in cuts {
        fs::write(image.path().join("slotwise.sqlite"), &database).unwrap();
        fs::write(log(image.path()), &whole[..cut]).unwrap();
        fs::remove_file(image.path().join("slotwise.sqlite-shm")).ok();
        // The checkpoint of an earlier round speaks for what is cut off in this one.
        fs::remove_file(image.path().join("checkpoints.jsonl")).ok();
        let store = Embedded::open(image.path(), site.options.clone()).unwrap_or_else(|e| panic!("cut at {cut}: {e}"));
        for t in &told {
            let known = recalled(&store, t.answers[0].key).await;
            let (expected, of) = (t.log <= cut as u64, t.log);
            assert_eq!(known.is_some(), expected, "cut at {cut}, a commit told at {of}");
            assert_eq!(recalled(&store, t.answers[1].key).await.is_some(), expected, "half a commit at {cut}");
        }
        drop(store);
        verify(image.path()).unwrap();
    }
}

#[tokio::test]
async fn an_earlier_rounds_frames_behind_the_end_are_no_damage() {
    let mut site = Site::new();
    site.options.checkpoint_pages = 8;
    let store = site.open().await;
    let room = site.room(&store, "R1").await;
    let mut answers = Vec::new();
    for n in 1..=60 {
        let settled = commit(&store, vec![site.book(site.admin, room, START.plus(Span::hours(n)))]).await;
        answers.extend(settled.into_iter().filter_map(|s| match s {
            Settled::Decided(recorded, _) => Some(recorded),
            _ => None,
        }));
        let image = image(site.path());
        assert!(!matches!(inspect(&log(image.path())).unwrap(), Log::Damaged { .. }), "after {n}");
        if n % 10 == 0 {
            let copy = Embedded::open(image.path(), site.options.clone()).unwrap();
            for recorded in &answers {
                assert_eq!(recalled(&copy, recorded.key).await.as_ref(), Some(&**recorded));
            }
        }
    }
}

#[tokio::test]
async fn a_log_without_its_database_refuses() {
    let site = Site::new();
    let (image, _) = killed(&site).await;
    fs::remove_file(image.path().join("slotwise.sqlite")).unwrap();
    let refused = Embedded::open(image.path(), site.options.clone()).err().unwrap();
    assert!(refused.to_string().contains("a database that is gone"), "{refused}");
}
