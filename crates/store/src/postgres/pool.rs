//! Connections to the database: so many at most, each given out to one at a time.
//! A connection on which a transaction may be open is never given to anybody else, and nothing is ever sent twice.

use super::error::{Error, Result};
use futures_util::stream::{Stream, StreamExt, poll_fn};
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls, Row};
use tokio_postgres_rustls::MakeRustlsConnect;

/// A connection is made within this time, or not at all.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// Whoever confirms nothing of what is sent for so long is gone.
const GONE_AFTER: Duration = Duration::from_secs(4);

/// Connections that nobody uses, and room for so many.
pub(super) struct Pool {
    to: Endpoint,
    idle: Mutex<Vec<Client>>,
    room: Arc<Semaphore>,
    /// Whoever waits longer for a connection is told that there is none.
    wait_max: Duration,
}

/// A connection of somebody. It goes back only if they said that no transaction is open on it; else it is closed.
pub(super) struct Conn {
    client: Option<Client>,
    pool: Arc<Pool>,
    clean: bool,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    pub fn new(to: Endpoint, connections: usize, wait_max: Duration) -> Arc<Pool> {
        let room = Arc::new(Semaphore::new(connections.max(1)));
        Arc::new(Pool { to, idle: Mutex::default(), room, wait_max })
    }

    /// A connection, waited for no longer than is set. On the way of a change nothing may be sent twice, so a connection that turns
    /// out to be closed is an error, and only what is known to be closed is passed over here.
    pub async fn get(self: &Arc<Pool>) -> Result<Conn> {
        let place = self.place().await?;
        let kept = loop {
            match self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                Some(client) if client.is_closed() => {}
                other => break other,
            }
        };
        let client = match kept {
            Some(client) => client,
            None => connect(&self.to).await?,
        };
        Ok(Conn { client: Some(client), pool: self.clone(), clean: false, _place: place })
    }

    /// A connection that nobody has had before: for whoever asks what became of one that was lost.
    pub async fn get_new(self: &Arc<Pool>) -> Result<Conn> {
        let place = self.place().await?;
        let client = connect(&self.to).await?;
        Ok(Conn { client: Some(client), pool: self.clone(), clean: false, _place: place })
    }

    async fn place(&self) -> Result<OwnedSemaphorePermit> {
        match tokio::time::timeout(self.wait_max, self.room.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(Error::Closed),
            Err(_) => Err(Error::NoConnection),
        }
    }

    /// One statement that is a transaction of its own.
    pub async fn rows(self: &Arc<Pool>, sql: &'static str, args: Args) -> Result<Vec<Row>> {
        let begun = Instant::now();
        let mut conn = self.get().await?;
        let rows = rows(&conn, sql, &args).await;
        conn.clean = rows.is_ok();
        metrics::histogram!("slotwise_store_query_seconds").record(begun.elapsed());
        rows
    }

    /// Several statements in one round trip, each a transaction of its own.
    pub async fn all<const N: usize>(self: &Arc<Pool>, asked: [(&'static str, Args); N]) -> Result<[Vec<Row>; N]> {
        let begun = Instant::now();
        let mut conn = self.get().await?;
        let rows = all(&conn, &asked).await;
        conn.clean = rows.is_ok();
        metrics::histogram!("slotwise_store_query_seconds").record(begun.elapsed());
        rows
    }

    /// A transaction in a task of its own: whoever asked for it may go away in the middle. It is rolled back if it fails.
    pub async fn transaction<T, F>(self: &Arc<Pool>, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c Client) -> Asking<'c, T> + Send + 'static,
    {
        self.transaction_if(move |client| Box::pin(async move { Ok((body(client).await?, true)) })).await
    }

    /// The same, and it is rolled back too if it says so.
    pub async fn transaction_if<T, F>(self: &Arc<Pool>, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c Client) -> Asking<'c, (T, bool)> + Send + 'static,
    {
        let pool = self.clone();
        let task = tokio::spawn(async move {
            let mut conn = pool.get().await?;
            plain(&conn, super::sql::BEGIN).await?;
            let done = body(&conn).await;
            let end = if matches!(done, Ok((_, true))) { super::sql::COMMIT } else { super::sql::ROLLBACK };
            let ended = plain(&conn, end).await;
            if ended.is_ok() {
                conn.clean();
            }
            let (done, keep) = done?;
            if keep {
                ended?;
            }
            Ok(done)
        });
        task.await.map_err(|_| Error::bug("a transaction panicked"))?
    }

    /// Whether it takes nobody any more.
    pub fn is_closed(&self) -> bool {
        self.room.is_closed()
    }

    /// Takes nobody any more, and closes what nobody uses.
    pub fn close(&self) {
        self.room.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Conn {
    /// No transaction is open on it: the server said so.
    pub fn clean(&mut self) {
        self.clean = true;
    }

    /// A transaction may be open on it.
    pub fn dirty(&mut self) {
        self.clean = false;
    }
}

impl Deref for Conn {
    type Target = Client;

    #[expect(clippy::expect_used, reason = "it is taken out on drop only")]
    fn deref(&self) -> &Client {
        self.client.as_ref().expect("a connection is there until it is dropped")
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && self.clean
            && !client.is_closed()
            && !self.pool.room.is_closed()
        {
            self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
        }
    }
}

/// Where the database is, and how it is spoken to.
#[derive(Clone)]
pub(super) struct Endpoint {
    config: Config,
    /// Said by `sslmode=require`: encrypted, and its certificate vouched for by an authority that this machine trusts.
    tls: Option<MakeRustlsConnect>,
}

impl Endpoint {
    /// Of a URL as libpq reads it.
    pub fn of(url: &str) -> Result<Endpoint> {
        let mut config: Config = url.parse()?;
        // A machine that is gone says nothing: what it has not confirmed for so long is lost, unless the URL says otherwise.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(GONE_AFTER).keepalives_idle(GONE_AFTER);
        }
        // By this name it is told from others: what the URL says is added to it.
        let name = match config.get_application_name() {
            None | Some("slotwise") => "slotwise".to_owned(),
            Some(more) => format!("slotwise: {more}"),
        };
        config.application_name(name);
        let tls = match config.get_ssl_mode() {
            SslMode::Require => {
                let (tls, errors) = MakeRustlsConnect::with_native_certs()
                    .map_err(|e| Error::Unfit(format!("no certificate authority is known to this machine: {e:?}")))?;
                for e in errors {
                    tracing::warn!("a certificate of this machine cannot be read: {e}");
                }
                Some(tls)
            }
            _ => {
                config.ssl_mode(SslMode::Disable);
                None
            }
        };
        Ok(Endpoint { config, tls })
    }

    /// The same under another name, by which the database's own tools tell it from servers.
    pub fn named(mut self, name: &str) -> Endpoint {
        self.config.application_name(name);
        self
    }

    /// Whether what is sent can be read on the way to another machine.
    pub fn is_open(&self) -> bool {
        let far = |host: &Host| match host {
            Host::Tcp(name) => !matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
            Host::Unix(_) => false,
        };
        self.tls.is_none() && self.config.get_hosts().iter().any(far)
    }

    /// A connection, and what it is told between answers.
    pub async fn listened(&self) -> Result<(Client, Messages)> {
        let connecting = async {
            Ok(match &self.tls {
                Some(tls) => {
                    let (client, mut connection) = self.config.connect(tls.clone()).await?;
                    (client, Box::pin(poll_fn(move |cx| connection.poll_message(cx))) as Messages)
                }
                None => {
                    let (client, mut connection) = self.config.connect(NoTls).await?;
                    (client, Box::pin(poll_fn(move |cx| connection.poll_message(cx))) as Messages)
                }
            })
        };
        tokio::time::timeout(CONNECT_WITHIN, connecting).await.map_err(|_| Error::NoConnection)?
    }
}

/// What a connection is told between answers; it goes on only while somebody takes it.
pub(super) type Messages = Pin<Box<dyn Stream<Item = std::result::Result<AsyncMessage, tokio_postgres::Error>> + Send>>;

/// A new connection, served by a task of its own.
pub(super) async fn connect(to: &Endpoint) -> Result<Client> {
    let (client, mut messages) = to.listened().await?;
    tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            match message {
                Ok(AsyncMessage::Notice(notice)) => tracing::debug!("the database says: {notice}"),
                Ok(_) => {}
                Err(e) => return tracing::warn!("a connection to the database ended: {e}"),
            }
        }
    });
    Ok(client)
}

// Statements

/// What is asked within a transaction.
pub(super) type Asking<'c, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'c>>;

/// What a statement is asked with.
pub(super) type Args = Vec<(Box<dyn ToSql + Sync + Send>, Type)>;

/// A value with the type that it has in the database.
pub(super) trait Arg: ToSql + Sync + Send + 'static {
    const TYPE: Type;
}

macro_rules! args_of {
    ($($type:ty => $name:ident,)*) => { $(impl Arg for $type { const TYPE: Type = Type::$name; })* };
}

args_of! {
    i64 => INT8, Option<i64> => INT8, Vec<i64> => INT8_ARRAY, Vec<Option<i64>> => INT8_ARRAY,
    bool => BOOL, Vec<bool> => BOOL_ARRAY,
    uuid::Uuid => UUID, Option<uuid::Uuid> => UUID, Vec<uuid::Uuid> => UUID_ARRAY, Vec<Option<uuid::Uuid>> => UUID_ARRAY,
    String => TEXT, Option<String> => TEXT, &'static str => TEXT, Vec<String> => TEXT_ARRAY, Vec<&'static str> => TEXT_ARRAY,
    Vec<Option<String>> => TEXT_ARRAY, Vec<Option<bool>> => BOOL_ARRAY,
    Vec<u8> => BYTEA, Option<Vec<u8>> => BYTEA, Vec<Vec<u8>> => BYTEA_ARRAY, Vec<Option<Vec<u8>>> => BYTEA_ARRAY,
}

/// A value as [`Args`] hold it.
pub(super) fn arg<A: Arg>(value: A) -> (Box<dyn ToSql + Sync + Send>, Type) {
    (Box::new(value), A::TYPE)
}

macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::postgres::pool::arg($value)),*] };
}
pub(super) use args;

/// One statement. It is sent whole, without being prepared: nothing sent after it can overtake it, and whoever pools connections
/// between us and the database need not know about it.
pub(super) async fn rows(client: &Client, sql: &str, args: &Args) -> Result<Vec<Row>> {
    let args: Vec<(&(dyn ToSql + Sync), Type)> =
        args.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone())).collect();
    Ok(client.query_typed(sql, &args).await?)
}

/// One statement without values.
pub(super) async fn plain(client: &Client, sql: &str) -> Result<()> {
    Ok(client.batch_execute(sql).await?)
}

/// Several statements in one round trip, answered in their order. The first error is told; those after it have failed too, if they
/// are in one transaction.
pub(super) async fn all<const N: usize>(client: &Client, asked: &[(&'static str, Args); N]) -> Result<[Vec<Row>; N]> {
    let mut sent = Vec::with_capacity(N);
    for (sql, args) in asked {
        sent.push(Sent::now(rows(client, sql, args)));
    }
    let mut answers = Vec::with_capacity(N);
    for sent in sent {
        answers.push(sent.await);
    }
    let answers: Vec<Vec<Row>> = answers.into_iter().collect::<Result<_>>()?;
    answers.try_into().map_err(|_| Error::bug("a statement was not answered"))
}

/// A statement that is on its way already: its future was polled once, and that puts it into the connection's queue.
pub(super) struct Sent<'c, T> {
    asking: Pin<Box<dyn Future<Output = T> + Send + 'c>>,
    answer: Option<T>,
}

impl<'c, T> Sent<'c, T> {
    pub fn now(asking: impl Future<Output = T> + Send + 'c) -> Sent<'c, T> {
        let mut asking: Pin<Box<dyn Future<Output = T> + Send + 'c>> = Box::pin(asking);
        let answer = match asking.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        };
        Sent { asking, answer }
    }
}

impl<T: Unpin> Future for Sent<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match self.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => self.asking.as_mut().poll(cx),
        }
    }
}
