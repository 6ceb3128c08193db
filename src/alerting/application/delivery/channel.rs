//! Port: a way to tell people of alerts.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::alerting::domain::notification::Notification;

pub type SendFuture<'a> = Pin<Box<dyn Future<Output = Result<Answer, SendError>> + Send + 'a>>;

/// Sends one notification per call. A call that fails is repeated or given up by the caller, as the error says; so a
/// receiver may hear the same notification twice, and can tell it by its id.
pub trait Channel: Send + Sync {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a>;
}

/// What the other side said when it took a message: a status and the beginning of its text, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer(pub Box<str>);

/// What to do about a message that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Try again, not before `after` if the other side said so.
    #[error("not taken now: {cause}")]
    Retry { after: Option<Duration>, cause: SendFailure },
    /// It will never be taken.
    #[error("refused: {cause}")]
    Permanent { cause: SendFailure },
    /// Nothing will ever be taken: the other side does not want to be called any more.
    #[error("no longer wanted: {cause}")]
    Gone { cause: SendFailure },
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure {
    /// With the beginning of the text, in one line.
    #[error("answered {status}{}", said(text))]
    Status { status: u16, text: Box<str> },
    #[error("{0}")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
}

fn said(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}
