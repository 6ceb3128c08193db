//! Slack as a channel: incoming webhooks.

use super::slack_message;
use crate::alerting::application::channel::{Channel, Notice, SendError, SendFailure};
use crate::platform::outgoing::{OutgoingClient, OutgoingError, Response, SecretUrl};

/// A configured Slack channel: the name by which rules know it, and its webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackChannel {
    pub name: Box<str>,
    pub url: SecretUrl,
}

/// Posts to one webhook.
#[derive(Debug)]
pub struct SlackWebhook {
    client: OutgoingClient,
    url: SecretUrl,
}

impl SlackWebhook {
    pub fn new(client: OutgoingClient, url: SecretUrl) -> Self {
        Self { client, url }
    }
}

impl Channel for SlackWebhook {
    async fn send(&self, notice: &Notice) -> Result<(), SendError> {
        let message = slack_message::message(notice);
        match self.client.post_json(&self.url, &message).await {
            Ok(response) => judge(&response),
            Err(error @ OutgoingError::AddressRefused) => {
                Err(SendError::Permanent { cause: SendFailure::Transport(error.into()) })
            }
            Err(error) => Err(SendError::Retry { after: None, cause: SendFailure::Transport(error.into()) }),
        }
    }
}

/// 408, 429 and 5xx pass; everything else that is not a success stays as it is.
fn judge(response: &Response) -> Result<(), SendError> {
    let cause = SendFailure::Status(response.status);
    match response.status {
        200..=299 => Ok(()),
        408 | 429 | 500..=599 => Err(SendError::Retry { after: response.retry_after, cause }),
        _ => Err(SendError::Permanent { cause }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_status_tells_whether_trying_again_helps() {
        let verdict = |status| match judge(&Response {
            status,
            retry_after: Some(Duration::from_secs(3)),
            text: "".into(),
        }) {
            Ok(()) => "sent",
            Err(SendError::Retry { after: Some(_), .. }) => "retry",
            Err(SendError::Retry { after: None, .. }) => "retry now",
            Err(SendError::Permanent { .. }) => "never",
        };
        for (status, expected) in [
            (200, "sent"),
            (204, "sent"),
            (302, "never"),
            (400, "never"),
            (404, "never"),
            (408, "retry"),
            (429, "retry"),
            (500, "retry"),
            (503, "retry"),
        ] {
            assert_eq!(verdict(status), expected, "{status}");
        }
    }
}
