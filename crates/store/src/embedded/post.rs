//! Where to write to people, what they have read and which letters are still to be sent, beside who they are.
//! It sends nothing, and a letter is gone only when somebody says that it is done.

use super::error::{Cells, Result};
use super::load::{PART, max_rows, signed};
use super::notices::noted;
use super::people::{People, put_email};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use slotwise_domain::{Instant, PersonId};
use slotwise_engine::{Letter, Noted, NoticeId, StoreError};

type Asked<T> = std::result::Result<T, StoreError>;

impl People {
    /// Where to write to a person.
    pub(super) fn address(&self, person: PersonId) -> Asked<Option<String>> {
        const ADDRESS: &str = "SELECT email FROM address WHERE part_id = ?1 AND person = ?2";
        self.post(|db| {
            Ok(db.prepare_cached(ADDRESS)?.query_row(params![PART, person.0], |row| row.get(0)).optional()?)
        })
    }

    /// Writes to them there from now on, or no more; letters that wait go there, or nowhere.
    pub(super) fn put_address(&self, person: PersonId, email: Option<&str>) -> Asked<()> {
        const GONE: &str = "DELETE FROM address WHERE part_id = ?1 AND person = ?2";
        const LETTERS_GONE: &str = "DELETE FROM letter WHERE part_id = ?1 AND person = ?2";
        self.post_change(|db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            match email {
                Some(email) => put_email(&tx, person, email)?,
                None => {
                    tx.prepare_cached(GONE)?.execute(params![PART, person.0])?;
                    tx.prepare_cached(LETTERS_GONE)?.execute(params![PART, person.0])?;
                }
            }
            Ok(tx.commit()?)
        })
    }

    /// Up to where a person has read.
    pub(super) fn read_until(&self, person: PersonId) -> Asked<NoticeId> {
        const READ: &str = "SELECT commit_number, place FROM notice_read WHERE part_id = ?1 AND person = ?2";
        let read = |db: &mut Connection| {
            let mut select = db.prepare_cached(READ)?;
            Ok(select.query_row(params![PART, person.0], place).optional()?.unwrap_or_default())
        };
        self.post(read)
    }

    /// A person has read up to there; it never goes back.
    pub(super) fn put_read_until(&self, person: PersonId, until: NoticeId) -> Asked<()> {
        const PUT: &str = "
            INSERT INTO notice_read (part_id, person, commit_number, place) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (part_id, person) DO UPDATE SET commit_number = excluded.commit_number, place = excluded.place
            WHERE (excluded.commit_number, excluded.place) > (notice_read.commit_number, notice_read.place)";
        self.post_change(|db| {
            db.prepare_cached(PUT)?.execute(params![PART, person.0, signed(until.commit), until.place])?;
            Ok(())
        })
    }

    /// Up to where letters were made.
    pub(super) fn posted_until(&self) -> Asked<Option<NoticeId>> {
        const POSTED: &str = "SELECT commit_number, place FROM posted WHERE part_id = ?1";
        self.post(|db| Ok(db.prepare_cached(POSTED)?.query_row(params![PART], place).optional()?))
    }

    /// Makes letters for those who have an address, and remembers up to where.
    pub(super) fn make_letters(&self, told: &[Noted], until: NoticeId) -> Asked<()> {
        const LETTER: &str = "
            INSERT OR IGNORE INTO letter (part_id, person, commit_number, place, news, booking, resource, at, due_at, dates)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, ?9
            WHERE EXISTS (SELECT 1 FROM address WHERE part_id = ?1 AND person = ?2)";
        const POSTED: &str = "
            INSERT INTO posted (part_id, commit_number, place) VALUES (?1, ?2, ?3)
            ON CONFLICT (part_id) DO UPDATE SET commit_number = excluded.commit_number, place = excluded.place";
        self.post_change(|db| {
            let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for Noted { id, notice, resource, at, dates } in told {
                let (commit, news) = (signed(id.commit), notice.news.name());
                let row = params![PART, notice.to.0, commit, id.place, news, notice.booking.0, resource.0, at.0, dates];
                tx.prepare_cached(LETTER)?.execute(row)?;
            }
            tx.prepare_cached(POSTED)?.execute(params![PART, signed(until.commit), until.place])?;
            Ok(tx.commit()?)
        })
    }

    /// Letters to be sent by now, to people who are not suspended.
    pub(super) fn letters(&self, now: Instant, max: usize) -> Asked<Vec<Letter>> {
        const DUE: &str = "
            SELECT l.person, l.commit_number, l.place, l.news, l.booking, l.resource, l.at, l.dates, l.tries, a.email
            FROM letter l JOIN address a ON a.part_id = l.part_id AND a.person = l.person
            JOIN person p ON p.part_id = l.part_id AND p.id = l.person AND p.suspended = 0
            WHERE l.part_id = ?1 AND l.due_at <= ?2 ORDER BY l.due_at LIMIT ?3";
        self.post(|db| {
            let mut select = db.prepare_cached(DUE)?;
            let mut rows = select.query(params![PART, now.0, max_rows(max)])?;
            let mut letters = Vec::new();
            while let Some(row) = rows.next()? {
                let told = noted(row, "letter")?;
                let cells = Cells { table: "letter", key: &told.notice.to, row };
                letters.push(Letter { told, tries: cells.get(8)?, email: cells.get(9)? });
            }
            Ok(letters)
        })
    }

    /// A letter is on its way, or will never be.
    pub(super) fn letter_done(&self, person: PersonId, id: NoticeId) -> Asked<()> {
        const GONE: &str =
            "DELETE FROM letter WHERE part_id = ?1 AND person = ?2 AND commit_number = ?3 AND place = ?4";
        self.post_change(|db| {
            db.prepare_cached(GONE)?.execute(params![PART, person.0, signed(id.commit), id.place])?;
            Ok(())
        })
    }

    /// A letter is tried again then.
    pub(super) fn letter_later(&self, person: PersonId, id: NoticeId, again: Instant) -> Asked<()> {
        const LATER: &str = "
            UPDATE letter SET tries = tries + 1, due_at = ?5
            WHERE part_id = ?1 AND person = ?2 AND commit_number = ?3 AND place = ?4";
        self.post_change(|db| {
            db.prepare_cached(LATER)?.execute(params![PART, person.0, signed(id.commit), id.place, again.0])?;
            Ok(())
        })
    }

    fn post_change<T>(&self, change: impl FnOnce(&mut Connection) -> Result<T>) -> Asked<T> {
        let mut db = self.db();
        let ready = self.after_a_failure(&db);
        Ok(self.carried_out(ready.and_then(|()| change(&mut db)))?)
    }

    fn post<T>(&self, ask: impl FnOnce(&mut Connection) -> Result<T>) -> Asked<T> {
        Ok(ask(&mut self.db())?)
    }
}

fn place(row: &rusqlite::Row) -> rusqlite::Result<NoticeId> {
    Ok(NoticeId { commit: row.get::<_, i64>(0)?.unsigned_abs(), place: row.get(1)? })
}
