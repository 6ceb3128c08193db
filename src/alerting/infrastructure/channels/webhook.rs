//! Webhooks: Alertmanager's body, signed as Standard Webhooks says.

mod body;

use std::sync::Arc;

use super::{judged, unreached};
use crate::alerting::application::delivery::channel::{Channel, SendError, SendFailure, SendFuture};
use crate::alerting::domain::notification::Notification;
use crate::platform::outgoing::{OutgoingClient, SecretUrl, SigningSecret};
use crate::shared::Clock;

/// The other side does not want to be called any more (Standard Webhooks; RFC 9110, section 15.5.11).
const GONE: u16 = 410;

/// Posts to one address.
pub struct Webhook {
    pub client: OutgoingClient,
    pub url: SecretUrl,
    pub signing: Signing,
    pub clock: Arc<dyn Clock>,
}

/// Whether receivers can tell that a message is ours.
#[derive(Debug, Clone)]
pub enum Signing {
    Off,
    With(SigningSecret),
}

impl Channel for Webhook {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        let body = body::body(notification).to_string();
        let seconds = self.clock.now().nanos().div_euclid(1_000_000_000);
        let id = &notification.id.0;
        let mut headers = vec![("webhook-id", id.to_string()), ("webhook-timestamp", seconds.to_string())];
        if let Signing::With(secret) = &self.signing {
            headers.push(("webhook-signature", secret.sign(id, seconds, &body)));
        }
        Box::pin(async move {
            let response =
                self.client.post(&self.url, &headers, body.into_bytes()).await.map_err(unreached)?;
            if response.status == GONE {
                let cause = SendFailure::Status { status: response.status, text: response.text };
                return Err(SendError::Gone { cause });
            }
            judged(Ok(response))
        })
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook")
            .field("url", &self.url)
            .field("signing", &self.signing)
            .finish_non_exhaustive()
    }
}
