//! Port: a way to tell people of a transition.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::shared::AlertTransition;

/// What people are told of.
#[derive(Debug, Clone)]
pub enum Notice {
    Firing(Arc<AlertTransition>),
    Resolved(Arc<AlertTransition>),
}

impl Notice {
    pub fn alert(&self) -> &AlertTransition {
        match self {
            Self::Firing(alert) | Self::Resolved(alert) => alert,
        }
    }
}

/// Sends one message per call. A call that fails is repeated or given up by the caller, as the error says.
pub trait Channel: Send + Sync + 'static {
    fn send(&self, notice: &Notice) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// What to do about a message that was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Try again, not before `after` if the other side said so.
    #[error("not taken now: {cause}")]
    Retry { after: Option<Duration>, cause: SendFailure },
    /// It will never be taken.
    #[error("refused: {cause}")]
    Permanent { cause: SendFailure },
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendFailure {
    #[error("answered {0}")]
    Status(u16),
    #[error("{0}")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
}
