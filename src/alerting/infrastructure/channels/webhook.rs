//! Webhooks: Alertmanager's body, signed as Standard Webhooks says.

mod body;

use std::sync::Arc;

use super::{judged, unreached};
use crate::alerting::application::delivery::channel::{Answer, Channel, SendError, SendFailure, SendFuture};
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::notification::{Notification, NotificationId};
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
    pub external_url: ExternalUrl,
}

/// Whether receivers can tell that a message is ours.
#[derive(Debug, Clone)]
pub enum Signing {
    Off,
    With(SigningSecret),
}

impl Channel for Webhook {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        Box::pin(async move {
            let mut last = Answer("nothing to tell".into());
            for (number, body) in body::bodies(notification, &self.external_url).into_iter().enumerate() {
                last = self.post(&part_id(&notification.id, number), body).await?;
            }
            Ok(last)
        })
    }
}

/// The notification's own id for the first body. Receivers can tell each that is repeated.
fn part_id(id: &NotificationId, number: usize) -> String {
    if number == 0 { id.0.to_string() } else { format!("{}_{}", id.0, number + 1) }
}

impl Webhook {
    async fn post(&self, id: &str, body: String) -> Result<Answer, SendError> {
        let seconds = self.clock.now().nanos().div_euclid(1_000_000_000);
        let mut headers = vec![("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string())];
        if let Signing::With(secret) = &self.signing {
            headers.push(("webhook-signature", secret.sign(id, seconds, &body)));
        }
        let response = self.client.post(&self.url, &headers, body.into_bytes()).await.map_err(unreached)?;
        if response.status == GONE {
            let cause = SendFailure::Status { status: response.status, text: response.text };
            return Err(SendError::Gone { cause });
        }
        judged(Ok(response))
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
