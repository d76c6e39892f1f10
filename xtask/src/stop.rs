//! Why a task ended early: something failed, or a person asked us to stop.
//! It never carries a code for machines to branch on beyond these two.

/// The reason a task did not reach its end.
#[derive(Debug)]
pub enum Stop {
    /// Something is missing or went wrong; the text is for the person at the terminal.
    Failed(String),
    /// Ctrl-C, a closed terminal or a termination signal.
    Interrupted,
}

impl Stop {
    /// A failure in the words of whoever noticed it.
    pub fn failed(reason: impl Into<String>) -> Stop {
        Stop::Failed(reason.into())
    }
}

/// Adds what was being done to an input/output error.
pub trait Doing<T> {
    /// Turns the error into a failure that begins with `what`.
    fn doing(self, what: &str) -> Result<T, Stop>;
}

impl<T> Doing<T> for std::io::Result<T> {
    fn doing(self, what: &str) -> Result<T, Stop> {
        self.map_err(|error| Stop::Failed(format!("{what}: {error}")))
    }
}
