//! Slack: incoming webhooks.

mod message;

use super::judged;
use crate::alerting::application::delivery::channel::{Channel, SendFuture};
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::notification::Notification;
use crate::platform::outgoing::{OutgoingClient, SecretUrl};

/// Posts to one incoming webhook.
#[derive(Debug)]
pub struct Slack {
    pub client: OutgoingClient,
    pub url: SecretUrl,
    pub external_url: ExternalUrl,
}

impl Channel for Slack {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        let message = message::message(notification, &self.external_url);
        Box::pin(async move { judged(self.client.post_json(&self.url, &message).await) })
    }
}
