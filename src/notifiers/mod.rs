//! Ways to tell people: a trait, one file per channel, a fake beside the real ones. The only home of the mail library.

pub mod email;
pub mod outbox;

use std::time::Duration;

use async_trait::async_trait;

/// One message to one recipient. Recipients never share a message, so no address list leaks (S35).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One address, `local@host`.
    pub to: String,
    /// At most 70 characters, no line breaks; control characters already made visible.
    pub subject: String,
    /// Complete in itself.
    pub text: String,
    /// The same, for people who read HTML.
    pub html: Option<String>,
    /// `<…@host>`; the same again when the message is sent again because an answer was lost (R7).
    pub message_id: String,
    /// Further headers: name and value, fixed names only.
    pub headers: Vec<(&'static str, String)>,
}

/// The relay's last word about a message it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Its answer, one line, cut at 500 characters.
    pub answer: String,
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Permanent: this recipient or message will never be taken (5xx).
    #[error("refused: {0}")]
    Refused(String),
    /// Transient: relay away, busy or cut off (4xx, network). `maybe_sent`: the content had been handed over when the line broke.
    #[error("unreachable: {reason}")]
    Unreachable {
        /// What happened.
        reason: String,
        /// The relay may have taken it.
        maybe_sent: bool,
    },
    /// Our settings are wrong (credentials refused, TLS not offered): trying again without a change will not help, but nothing is lost.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
    /// The relay asks us to wait.
    #[error("limited: {reason}")]
    Limited {
        /// What it said.
        reason: String,
        /// How long to wait.
        wait: Duration,
    },
}

/// Sends messages. May be called again with the same message: the receiver sees the same Message-ID. Cancel-safe only before the content
/// is handed over. `Refused` is permanent, everything else transient.
#[async_trait]
pub trait Notifier: Send + Sync + 'static {
    /// Hands `message` over and waits for the answer.
    async fn send(&self, message: &Message) -> Result<Accepted, Error>;
}
