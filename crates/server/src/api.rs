//! The endpoints, a file for each noun. Handlers parse, submit and render;
//! they judge nothing and hold no SQL.

pub mod admin;
pub mod alternatives;
pub mod attempts;
pub mod audit;
pub mod board;
pub mod bookings;
pub mod classes;
pub mod courses;
pub mod doors;
pub mod explain;
pub mod holds;
pub mod notices;
pub mod oidc;
pub mod operations;
pub mod people;
pub mod plan;
pub mod resources;
pub mod room_bookings;
pub mod search;
pub mod series;
pub mod timeline;
pub mod waitlist;

use crate::problem::ProblemBody;

/// What is good once may be over.
#[derive(utoipa::IntoResponses)]
pub enum Over {
    /// A link that was used or whose time is over, or a set-up that is done.
    #[response(status = 410, content_type = "application/problem+json")]
    Gone(ProblemBody),
}

/// The problems every endpoint may answer with.
#[derive(utoipa::IntoResponses)]
pub enum Problems {
    /// Malformed, or the key is missing.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(ProblemBody),
    /// Nobody is signed in.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemBody),
    /// REJECTED `not_allowed`, or not the asker's to see.
    #[response(status = 403, content_type = "application/problem+json")]
    NotAllowed(ProblemBody),
    /// REJECTED `not_found`, or there is none.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// The body took too long to arrive.
    #[response(status = 408, content_type = "application/problem+json")]
    TooSlow(ProblemBody),
    /// REJECTED, or FAILED `conflict`.
    #[response(status = 409, content_type = "application/problem+json")]
    Refused(ProblemBody),
    /// FAILED `version_stale`.
    #[response(status = 412, content_type = "application/problem+json")]
    Stale(ProblemBody),
    /// The body is larger than allowed, 64 KiB if nothing else was configured.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body is not JSON, or encoded.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemBody),
    /// A field is not well formed, or REJECTED `invalid`.
    #[response(status = 422, content_type = "application/problem+json")]
    Malformed(ProblemBody),
    /// `If-Match` is missing.
    #[response(status = 428, content_type = "application/problem+json")]
    MatchMissing(ProblemBody),
    /// Too many attempts of one person, or too many requests without an identity from one address.
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(ProblemBody),
    /// FAILED `busy` or `store_unavailable`, no outcome yet, or no answer in time.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
}
