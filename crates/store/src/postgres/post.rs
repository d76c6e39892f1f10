//! Where to write to people, what they have read, and the letters still to be sent. Several instances may send them: each letter is
//! taken by one of them at a time. It sends nothing itself.

use super::error::Result;
use super::load::{limit, signed, unsigned};
use super::pool::{args, rows};
use super::sql;
use super::{Postgres, noted};
use async_trait::async_trait;
use slotwise_domain::{Instant, PersonId, Span};
use slotwise_engine::{Letter, Noted, NoticeId, Post, StoreError};
use tokio_postgres::Row;

/// How long a letter that somebody has taken is kept from others. If they end in between, it is sent after that, once more at worst.
const TAKEN_FOR: Span = Span::minutes(5);

type Asked<T> = std::result::Result<T, StoreError>;

#[async_trait]
impl Post for Postgres {
    async fn address(&self, person: PersonId) -> Asked<Option<String>> {
        let found = self.shared.readers.rows(sql::ADDRESS, args![self.shared.part, person.0]).await?;
        Ok(found.first().map(|row| row.try_get(0)).transpose().map_err(super::Error::from)?)
    }

    async fn put_address(&self, person: PersonId, email: Option<String>) -> Asked<()> {
        let part = self.shared.part;
        let put = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                match email {
                    Some(email) => rows(client, sql::ADDRESS_PUT, &args![part, person.0, email]).await.map(drop),
                    None => {
                        rows(client, sql::ADDRESS_GONE, &args![part, person.0]).await?;
                        rows(client, sql::LETTERS_GONE, &args![part, person.0]).await.map(drop)
                    }
                }
            })
        });
        Ok(put.await?)
    }

    async fn read_until(&self, person: PersonId) -> Asked<NoticeId> {
        let found = self.shared.readers.rows(sql::READ_UNTIL, args![self.shared.part, person.0]).await?;
        Ok(found.first().map(|row| place(row, 0)).transpose()?.unwrap_or_default())
    }

    async fn put_read_until(&self, person: PersonId, until: NoticeId) -> Asked<()> {
        let values = args![self.shared.part, person.0, signed(until.commit), i64::from(until.place)];
        Ok(self.shared.readers.rows(sql::READ_UNTIL_PUT, values).await.map(drop)?)
    }

    async fn posted_until(&self) -> Asked<Option<NoticeId>> {
        let found = self.shared.readers.rows(sql::POSTED_UNTIL, args![self.shared.part]).await?;
        Ok(found.first().map(|row| place(row, 0)).transpose()?)
    }

    async fn post(&self, told: Vec<Noted>, until: NoticeId) -> Asked<()> {
        let part = self.shared.part;
        let post = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                for Noted { id, notice, resource, at, dates } in told {
                    let (to, stamp, place) = (notice.to.0, signed(id.commit), i64::from(id.place));
                    let first = rows(client, sql::NOTICE_POSTED, &args![part, to, stamp, place]).await?;
                    if !first.is_empty() {
                        let news = notice.news.name();
                        let (booking, dates) = (notice.booking.0, i64::from(dates));
                        let values = args![part, to, stamp, place, news, booking, resource.0, at.0, dates];
                        rows(client, sql::LETTER_ADD, &values).await?;
                    }
                }
                let values = args![part, signed(until.commit), i64::from(until.place)];
                rows(client, sql::POSTED_UNTIL_PUT, &values).await.map(drop)
            })
        });
        Ok(post.await?)
    }

    async fn letters(&self, now: Instant, max: usize) -> Asked<Vec<Letter>> {
        let part = self.shared.part;
        let taken = self.shared.readers.transaction(move |client| {
            Box::pin(async move {
                let found = rows(client, sql::LETTERS_DUE, &args![part, now.0, limit(max)]).await?;
                let letters = found.iter().map(letter).collect::<Result<Vec<_>>>()?;
                for Letter { told, .. } in &letters {
                    let (to, id) = (told.notice.to.0, told.id);
                    let until = now.plus(TAKEN_FOR).0;
                    let values = args![part, to, signed(id.commit), i64::from(id.place), until];
                    rows(client, sql::LETTER_TAKEN, &values).await?;
                }
                Ok(letters)
            })
        });
        Ok(taken.await?)
    }

    async fn letter_done(&self, person: PersonId, id: NoticeId) -> Asked<()> {
        let values = args![self.shared.part, person.0, signed(id.commit), i64::from(id.place)];
        Ok(self.shared.readers.rows(sql::LETTER_DONE, values).await.map(drop)?)
    }

    async fn letter_later(&self, person: PersonId, id: NoticeId, again: Instant) -> Asked<()> {
        let values = args![self.shared.part, person.0, signed(id.commit), i64::from(id.place), again.0];
        Ok(self.shared.readers.rows(sql::LETTER_LATER, values).await.map(drop)?)
    }
}

fn place(row: &Row, at: usize) -> Result<NoticeId> {
    let place: i64 = row.try_get(at + 1)?;
    Ok(NoticeId { commit: unsigned(row.try_get(at)?), place: u32::try_from(place).unwrap_or(u32::MAX) })
}

fn letter(row: &Row) -> Result<Letter> {
    let tries: i64 = row.try_get(8)?;
    Ok(Letter { told: noted(row)?, tries: u32::try_from(tries).unwrap_or(u32::MAX), email: row.try_get(9)? })
}
