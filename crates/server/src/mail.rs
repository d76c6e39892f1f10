//! Sends notices as letters: each at least once to whoever has an address, after the commit that made it true, in its own time.
//! A letter that cannot be sent waits and is tried again; it holds up nothing else.

use crate::api::doors::reset_letter;
use crate::app::App;
use crate::notices::{notice_id, words};
use crate::problem::Problem;
use crate::site::Client;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::response::Severity;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use slotwise_domain::{PersonId, Span};
use slotwise_engine::{AccountOf, Letter, StoreError};
use std::fmt;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often it is looked for something to send.
const EVERY: Duration = Duration::from_secs(1);
/// Notices sorted at once.
const SORT_MAX: usize = 1_000;
/// Letters sent one after the other before it is looked again.
const SEND_MAX: usize = 50;
/// How long one letter may take.
const SEND_WITHIN: Duration = Duration::from_secs(30);
/// After each failure it waits so many minutes; after the last one it gives up.
const AGAIN_AFTER_MIN: [i64; 8] = [1, 5, 15, 60, 180, 360, 720, 1_440];
/// What became true longer ago than this is not written about any more, as when e-mail is switched on.
const NEWS_AGE_MAX: Span = Span::hours(48);

/// Letters with links that wait to be sent, and people who wait for one; beyond it they are not written.
const LINKS_MAX: usize = 1_000;
/// A letter with a link is tried again after so many seconds, and then given up: whoever waits for it asks again.
const LINK_AGAIN_AFTER_S: [u64; 3] = [0, 5, 30];

/// A letter with a link by which somebody comes in. It is never kept: only the hash of its link is.
pub struct Link {
    to: Mailbox,
    subject: String,
    text: String,
}

/// What is to be written.
enum Asked {
    Letter(Box<Link>),
    Reset(String, Client),
}

/// The way to those who write letters with links.
#[derive(Clone)]
pub struct Links(mpsc::Sender<Asked>);

impl Links {
    /// Hands a letter over; false if there are too many.
    pub fn send(&self, link: Link) -> bool {
        self.0.try_send(Asked::Letter(Box::new(link))).is_ok()
    }

    /// Writes to whoever forgot a password, if there is somebody. What is told of it is told before.
    pub fn begin(&self, email: String, client: Client) {
        if self.0.try_send(Asked::Reset(email, client)).is_err() {
            tracing::warn!("too many letters with links wait; one is not written");
        }
    }
}

impl Link {
    /// To somebody who is invited.
    pub async fn invitation(app: &App, id: PersonId, email: String, by: &str, link: &str) -> Result<Link, Problem> {
        Link::write(app, id, email, |name, german| match german {
            true => (
                "Einladung zu Slotwise".to_owned(),
                format!(
                    "Guten Tag {name},\n\n{by} lädt Sie ein, mit Slotwise zu buchen. Hier beginnen Sie, \
                     innerhalb von sieben Tagen:\n\n{link}\n\nDer Link gilt einmal und nur für Sie.\n"
                ),
            ),
            false => (
                "Your invitation to Slotwise".to_owned(),
                format!(
                    "Hello {name},\n\n{by} invites you to book with Slotwise. Begin here, \
                     within seven days:\n\n{link}\n\nThe link is good once, and for you only.\n"
                ),
            ),
        })
        .await
    }

    /// To somebody who forgot their password.
    pub async fn reset(app: &App, id: PersonId, email: String, link: &str) -> Result<Link, Problem> {
        Link::write(app, id, email, |name, german| match german {
            true => (
                "Neues Passwort für Slotwise".to_owned(),
                format!("Guten Tag {name},\n\nhier wählen Sie innerhalb einer Stunde ein neues Passwort:\n\n{link}\n\n\
                     Der Link gilt einmal. Haben Sie nicht darum \
                     gebeten, so ist nichts zu tun: Ihr Passwort bleibt, wie es ist.\n"),
            ),
            false => (
                "A new password for Slotwise".to_owned(),
                format!("Hello {name},\n\nchoose a new password here, within an hour:\n\n{link}\n\nThe link is good once. If you did not ask \
                     for it, there is nothing to do: your password stays as it is.\n"),
            ),
        })
        .await
    }

    async fn write(
        app: &App,
        id: PersonId,
        email: String,
        words: impl FnOnce(&str, bool) -> (String, String),
    ) -> Result<Link, Problem> {
        let name = app.people.name(id).await.unwrap_or_default();
        let account = app.accounts.account(AccountOf::Person(id)).await?;
        let (subject, text) = words(&name, account.is_some_and(|account| account.language == "de"));
        let address = email.parse().map_err(|_| Problem::unavailable())?;
        Ok(Link { to: Mailbox::new(Some(name), address), subject, text })
    }
}

/// A way to send letters, and from whom they are.
pub struct Mailer {
    links: Links,
    asked: mpsc::Receiver<Asked>,
    server: AsyncSmtpTransportBuilder,
    from: Mailbox,
}

/// A mailer at work.
struct Sender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("from", &self.from.email).finish_non_exhaustive()
    }
}

/// How a mailer cannot be made. It never repeats the URL, which has a password in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The URL.
    #[error("the mail URL is not understood; it must be smtps://user:password@host, or smtp://host:port?tls=required")]
    Url,
    /// The sender.
    #[error("the sender of mails must be an address such as Slotwise <no-reply@example.org>")]
    From,
}

impl Mailer {
    /// Sends through the server of a URL, `smtp://` or `smtps://`, as somebody. It does not connect yet.
    pub fn new(url: &str, from: &str) -> Result<Mailer, MailError> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| MailError::Url)?;
        let server = server.timeout(Some(SEND_WITHIN));
        let (links, asked) = mpsc::channel(LINKS_MAX);
        Ok(Mailer { links: Links(links), asked, server, from: from.parse().map_err(|_| MailError::From)? })
    }

    /// The way to it, for letters with links.
    pub fn links(&self) -> Links {
        self.links.clone()
    }

    /// Sends until its task is aborted.
    pub async fn run(self, app: App) {
        let sender = Sender { transport: self.server.build(), from: self.from };
        // Beside the notices: whoever waits for a link waits at the door.
        tokio::join!(sender.send_notices(&app), sender.send_links(&app, self.asked));
    }
}

impl Sender {
    async fn send_notices(&self, app: &App) {
        let mut tick = tokio::time::interval(EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(e) = self.round(app).await {
                tracing::warn!("looking for letters to send: {e}");
            }
        }
    }

    async fn send_links(&self, app: &App, mut asked: mpsc::Receiver<Asked>) {
        while let Some(asked) = asked.recv().await {
            let link = match asked {
                Asked::Letter(link) => *link,
                Asked::Reset(email, client) => match reset_letter(app, &email, client).await {
                    Ok(Some(link)) => link,
                    Ok(None) => continue,
                    Err(problem) => {
                        tracing::warn!("a letter with a link cannot be written: {}", problem.detail);
                        continue;
                    }
                },
            };
            self.send_link(link).await;
        }
    }

    async fn send_link(&self, Link { to, subject, text }: Link) {
        let message = Message::builder().from(self.from.clone()).to(to).subject(subject).header(AutoSubmitted);
        let message = match message.header(ContentType::TEXT_PLAIN).body(text) {
            Ok(message) => message,
            Err(e) => return tracing::error!("a letter with a link cannot be written: {e}"),
        };
        for after in LINK_AGAIN_AFTER_S {
            tokio::time::sleep(Duration::from_secs(after)).await;
            match self.transport.send(message.clone()).await {
                Ok(_) => {
                    metrics::counter!("slotwise_letters_total", "outcome" => "sent").increment(1);
                    return;
                }
                Err(e) => tracing::warn!("a letter with a link was not sent: {e}"),
            }
        }
        metrics::counter!("slotwise_letters_total", "outcome" => "given_up").increment(1);
    }

    async fn round(&self, app: &App) -> Result<(), StoreError> {
        let mut after = app.post.posted_until().await?.unwrap_or_default();
        loop {
            let mut noted = app.views.notices_after(after, SORT_MAX).await?;
            let Some(last) = noted.last().map(|n| n.id) else { break };
            let since = app.engine.now().minus(NEWS_AGE_MAX);
            noted.retain(|n| n.at > since);
            app.post.post(noted, last).await?;
            after = last;
        }
        for letter in app.post.letters(app.engine.now(), SEND_MAX).await? {
            self.send(app, &letter).await?;
        }
        Ok(())
    }

    async fn send(&self, app: &App, letter: &Letter) -> Result<(), StoreError> {
        let (to, id) = (letter.told.notice.to, letter.told.id);
        let message = match self.write(app, letter).await {
            Ok(message) => message,
            Err(why) => {
                tracing::error!(person = %to, notice = %notice_id(id), "a letter cannot be written: {why}");
                metrics::counter!("slotwise_letters_total", "outcome" => "given_up").increment(1);
                return app.post.letter_done(to, id).await;
            }
        };
        match self.transport.send(message).await {
            Ok(_) => {
                metrics::counter!("slotwise_letters_total", "outcome" => "sent").increment(1);
                app.post.letter_done(to, id).await
            }
            Err(e) => {
                let refused = e.status().is_some_and(|code| code.severity == Severity::PermanentNegativeCompletion);
                let again = AGAIN_AFTER_MIN.get(letter.tries as usize).filter(|_| !refused);
                // The error may quote the server's words, never ours or the password.
                let outcome = if again.is_some() { "put_off" } else { "given_up" };
                tracing::warn!(person = %to, notice = %notice_id(id), tries = letter.tries + 1, outcome, "a letter was not sent: {e}");
                metrics::counter!("slotwise_letters_total", "outcome" => outcome).increment(1);
                match again {
                    Some(minutes) => {
                        let at = app.engine.now().plus(Span::seconds(60 * minutes));
                        app.post.letter_later(to, id, at).await
                    }
                    None => app.post.letter_done(to, id).await,
                }
            }
        }
    }

    async fn write(&self, app: &App, letter: &Letter) -> Result<Message, String> {
        let name = app.people.name(letter.told.notice.to).await;
        let to = Mailbox::new(name, letter.email.parse().map_err(|_| "its address is none")?);
        let (subject, text) = words(app, &letter.told).await.map_err(|_| "its booking cannot be read")?;
        let domain = self.from.email.domain();
        // The same letter has the same id, so that one sent twice is shown once.
        let id = format!("<{}.{}@{domain}>", notice_id(letter.told.id), letter.told.notice.booking);
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .message_id(Some(id))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN);
        message.body(text).map_err(|e| e.to_string())
    }
}

/// Says that nobody wrote it, so that no absence note answers (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(AutoSubmitted::name(), "auto-generated".to_owned())
    }
}
