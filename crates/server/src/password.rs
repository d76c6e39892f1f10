//! Passwords: hashed slowly, off the threads that answer, few at once; and what one must be.
//! It never logs one, and takes as long for somebody who is not there as for somebody who is.

use crate::problem::{FieldError, Problem};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use axum::http::StatusCode;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Semaphore;

/// Hashes made at once: each takes a core and 19 MiB for some hundredths of a second, and bookings want the cores too.
const AT_ONCE: usize = 2;
/// Those who wait for their turn; more are asked to come again.
const WAITING_MAX: usize = 64;
/// The shortest, in characters.
const LENGTH_MIN: usize = 10;
/// The longest, in bytes.
const LENGTH_MAX: usize = 256;

/// Where passwords are hashed.
pub struct Passwords {
    turns: Semaphore,
    waiting: AtomicUsize,
}

impl Default for Passwords {
    fn default() -> Passwords {
        Passwords { turns: Semaphore::new(AT_ONCE), waiting: AtomicUsize::new(0) }
    }
}

/// A hash that no password has, for those who are not there.
static NOBODYS: LazyLock<Option<String>> = LazyLock::new(|| hashed(&uuid::Uuid::new_v4().to_string()));

fn hashed(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

impl Passwords {
    /// The hash of a password, as it is kept.
    pub async fn hash(&self, password: String) -> Result<String, Problem> {
        self.in_turn(move || hashed(&password)).await?.ok_or_else(Problem::unavailable)
    }

    /// Whether it is the password of this hash. Without a hash it takes as long, and is not.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        self.in_turn(move || {
            let nobodys = hash.is_none();
            let Some(hash) = hash.as_ref().or(NOBODYS.as_ref()) else { return false };
            let right = PasswordHash::new(hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
            right && !nobodys
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        if self.waiting.fetch_add(1, Ordering::AcqRel) >= WAITING_MAX {
            self.waiting.fetch_sub(1, Ordering::AcqRel);
            let detail = "Too many sign in at this moment. Nothing was done; try again in a moment.";
            let problem = Problem::request(StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy", detail);
            return Err(problem.with(|p| (p.retryable, p.retry_after) = (true, Some(1))));
        }
        let turn = self.turns.acquire().await;
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        if turn.is_err() {
            return Err(Problem::unavailable());
        }
        tokio::task::spawn_blocking(work).await.map_err(|_| Problem::unavailable())
    }
}

/// What a new password must be. `others` are words it may not be, such as the address.
pub fn check(field: &str, password: &str, others: &[&str]) -> Result<(), Problem> {
    let refuse = |code, says| Err(Problem::field(FieldError::new(field, code, says)));
    let mut letters: Vec<char> = password.chars().collect();
    if letters.len() < LENGTH_MIN {
        return refuse("too_short", "must have 10 characters at least; several words are good");
    }
    if password.len() > LENGTH_MAX {
        return refuse("too_long", "must have 256 bytes at most");
    }
    letters.sort_unstable();
    letters.dedup();
    let small = password.to_lowercase();
    let known = others.iter().any(|other| !other.is_empty() && small.contains(&other.to_lowercase()));
    match known || letters.len() < 4 {
        true => {
            refuse("too_easy", "is too easy to guess: leave your name and address out, and do not repeat one letter")
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn what_a_password_must_be() {
        for (password, told) in [
            ("correct horse battery", ""),
            ("kurzwort1", "too_short"),
            ("aaaaaaaaaaaaaaaa", "too_easy"),
            ("ann@example.edu!", "too_easy"),
            (&"long word ".repeat(30), "too_long"),
        ] {
            let said = check("password", password, &["Ann@example.edu"]).err();
            assert_eq!(said.map_or(String::new(), |p| p.errors[0].code.clone()), told, "{password}");
        }
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_and_nobody_takes_as_long_as_somebody() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let tried = async |password: &str, hash: Option<&String>| {
            let begun = Instant::now();
            let right = passwords.verify(password.into(), hash.cloned()).await.unwrap();
            (right, begun.elapsed())
        };
        assert!(tried("correct horse battery", Some(&hash)).await.0);
        assert!(!tried("correct horse batterx", Some(&hash)).await.0);
        let (mut somebody, mut nobody) = (Vec::new(), Vec::new());
        for _ in 0..9 {
            somebody.push(tried("wrong horse battery", Some(&hash)).await.1);
            let (right, took) = tried("wrong horse battery", None).await;
            assert!(!right);
            nobody.push(took);
        }
        somebody.sort();
        nobody.sort();
        let (a, b) = (somebody[4].as_secs_f64(), nobody[4].as_secs_f64());
        assert!((0.5..2.0).contains(&(a / b)), "somebody {a}, nobody {b}");
    }
}
