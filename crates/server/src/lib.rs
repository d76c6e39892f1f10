//! HTTP, Socket.IO and the web app's files over the engine: requests in, outcomes and events out.
//! It never names a store and judges nothing.

mod accept;
mod access;
pub mod api;
pub mod app;
mod assets;
pub mod auth;
mod board;
mod connection;
mod crowd;
mod events;
pub mod explain;
mod extract;
mod find;
pub mod listen;
mod mail;
mod notices;
mod oidc;
mod password;
mod people;
mod problem;
pub mod rate;
mod realtime;
mod requests;
pub mod roster;
mod router;
pub mod rrule;
pub mod site;
mod standing;
pub mod tls;
mod wire;

pub use access::{ALL as ACCESS, Access, Who};
pub use api::doors::{SETUP_LASTS, plain_code};
pub use app::{App, Parts};
pub use auth::{DemoSessions, Seen, new_secret, secret_hash};
pub use crowd::Crowds;
pub use mail::{Links, MailError, Mailer};
pub use oidc::{OidcError, Provider, ProviderConfig, base};
pub use password::Passwords;
pub use people::People;
pub use problem::Shown;
pub use realtime::{Realtime, run as run_realtime};
pub use router::{openapi_json, router};
/// All sockets, to close them.
pub use socketioxide::SocketIo as Sockets;
pub use wire::read_booking;
