//! How does the demo say what went wrong, and during what?
//!
//! One sentence per failure, read from the outside in: "starting the server: no redis-server".
//! Nothing here is ever handled by kind, so a sentence is all there is.

use std::fmt::{self, Display};

/// Why the demo cannot go on.
#[derive(Debug)]
pub(crate) struct Failure(String);

/// What every fallible step of the demo returns.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure that is not caused by another one.
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Says during what a step failed.
pub(crate) trait Context<T> {
    /// Puts `during` before the failure's own words.
    fn context(self, during: impl Display) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context(self, during: impl Display) -> Result<T> {
        self.map_err(|cause| Failure(format!("{during}: {cause}")))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, during: impl Display) -> Result<T> {
        self.ok_or_else(|| Failure(during.to_string()))
    }
}
