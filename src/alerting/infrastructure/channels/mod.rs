//! Ways to tell people: Slack, webhooks, PagerDuty, e-mail.

pub mod email;
pub mod pagerduty;
pub mod setup;
pub mod slack;
pub mod webhook;
mod words;

#[cfg(test)]
mod tests;

use crate::alerting::application::delivery::channel::{Answer, SendError, SendFailure};
use crate::platform::outgoing::{OutgoingError, Response};

/// 408, 429 and 5xx pass; everything else that is not a success stays as it is.
fn judged(response: Result<Response, OutgoingError>) -> Result<Answer, SendError> {
    let Response { status, text, retry_after } = response.map_err(unreached)?;
    let cause = SendFailure::Status { status, text };
    match status {
        200..=299 => Ok(Answer(cause.to_string().into())),
        408 | 429 | 500..=599 => Err(SendError::Retry { after: retry_after, cause }),
        _ => Err(SendError::Permanent { cause }),
    }
}

/// Nobody was asked. An address that is refused stays refused.
fn unreached(error: OutgoingError) -> SendError {
    let is_refused = matches!(error, OutgoingError::AddressRefused);
    let cause = SendFailure::Transport(error.into());
    if is_refused { SendError::Permanent { cause } } else { SendError::Retry { after: None, cause } }
}
