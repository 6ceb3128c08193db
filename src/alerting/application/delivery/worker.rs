//! The worker of one address: sends what waits in its outbox, one message after the other.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::channel::{Answer, SendError, SendFailure};
use super::outbox::{Message, OUTBOX_MESSAGES_MAX, Task};
use super::outboxes::{Address, Registered};
use crate::alerting::application::backoff::{Backoff, Pacing};
use crate::alerting::application::metrics::{AlertingMetrics, Outcome};
use crate::alerting::application::outbox_ledger::{Fate, OutboxLedger};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{Clock, causes};

/// Messages of which the database does not know yet that they were sent; of older ones that wait there it never learns, and they
/// are sent again after a restart.
const OWED_MAX: usize = 1_000;
/// How long the database is told of them at the end.
const LAST_WORDS_MAX: Duration = Duration::from_secs(2);

/// Empties one outbox into its channels.
pub struct Worker {
    pub address: Arc<Address>,
    /// Those that speak to the address, by name.
    pub channels: HashMap<Box<str>, Arc<Registered>>,
    pub ledger: Arc<dyn OutboxLedger>,
    pub clock: Arc<dyn Clock>,
    pub pacing: Pacing,
    pub random: fastrand::Rng,
    pub metrics: AlertingMetrics,
}

impl Worker {
    /// Works until `stop`, and then for as long as the farewell to send what waits. What stays unsent then waits in the
    /// state database for the next start.
    pub async fn run(self, stop: CancellationToken) {
        let (address, farewell) = (Arc::clone(&self.address), self.pacing.farewell);
        let mut delivery = Delivery::new(self);
        let patience_ends = async {
            stop.cancelled().await;
            address.outbox.close();
            sleep(farewell).await;
        };
        tokio::select! {
            () = delivery.run(&stop) => {}
            () = patience_ends => {
                tracing::info!(messages = address.outbox.len(), "messages wait for the next start");
            }
        }
        _ = timeout(LAST_WORDS_MAX, delivery.pay()).await;
    }
}

struct Delivery {
    worker: Worker,
    backoff: Backoff,
    /// What became of messages that the database could not take note of.
    owed: VecDeque<(NotificationId, Fate)>,
}

impl Delivery {
    fn new(worker: Worker) -> Self {
        let backoff = Backoff::new(worker.pacing, worker.random.clone());
        Self { worker, backoff, owed: VecDeque::new() }
    }

    async fn run(&mut self, stop: &CancellationToken) {
        let address = Arc::clone(&self.worker.address);
        while let Some(task) = address.outbox.next().await {
            match task {
                Task::Send(message) => self.send(&message, stop).await,
                Task::Refill(channel) => self.refill(&channel, stop).await,
            }
        }
    }

    async fn send(&mut self, message: &Message, stop: &CancellationToken) {
        let address = Arc::clone(&self.worker.address);
        let Some(channel) = self.worker.channels.get(&message.notification.channel).cloned() else {
            address.outbox.settle(message);
            return;
        };
        let disabled = channel.state.lock().disabled.clone();
        if let Some(reason) = disabled {
            return self.give_up(message, format!("the channel is off: {reason}").into()).await;
        }
        let turn = address.turns.next().await;
        // It may have been replaced while others had their turn.
        if !address.outbox.holds(message) {
            return;
        }
        let Some(wanted) = channel.wanted(&message.notification) else { return self.skip(message).await };
        let sent = channel.channel.send(&wanted).await;
        drop(turn);
        channel.note(&sent, self.worker.clock.now());
        match sent {
            Ok(Answer(_)) => self.sent(message).await,
            Err(SendError::Retry { after, cause }) => self.retry(message, after, &cause, stop).await,
            Err(error) => {
                tracing::error!(channel = %channel.name, cause = causes(&error), "a message was refused for good");
                self.give_up(message, causes(&error).into()).await;
            }
        }
    }

    async fn sent(&mut self, message: &Message) {
        let Notification { id, channel, .. } = &*message.notification;
        self.worker.metrics.notified(channel, Outcome::Sent);
        self.backoff.reset();
        self.note(id, Fate::Settled).await;
        self.worker.address.outbox.settle(message);
    }

    /// The channel does not want to hear it.
    async fn skip(&mut self, message: &Message) {
        self.note(&message.notification.id, Fate::Settled).await;
        self.worker.address.outbox.settle(message);
    }

    async fn give_up(&mut self, message: &Message, reason: Box<str>) {
        let Notification { id, channel, .. } = &*message.notification;
        self.worker.metrics.notified(channel, Outcome::Failed);
        self.backoff.reset();
        let at = self.worker.clock.now();
        self.note(id, Fate::Refused { reason, at }).await;
        self.worker.address.outbox.settle(message);
    }

    async fn retry(
        &mut self,
        message: &Message,
        after: Option<Duration>,
        cause: &SendFailure,
        stop: &CancellationToken,
    ) {
        // Nothing may be sent for long.
        self.pay().await;
        let channel = &message.notification.channel;
        self.worker.metrics.notified(channel, Outcome::Retried);
        self.worker.address.outbox.postpone(message);
        let own = self.backoff.next_pause();
        let pause = after.unwrap_or(own);
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(%channel, cause = causes(cause), pause_ms, "a message was not taken; will retry");
        self.pause(pause, stop).await;
    }

    /// A process that stops does not wait for long.
    async fn pause(&self, pause: Duration, stop: &CancellationToken) {
        if stop.is_cancelled() {
            return sleep(pause.min(self.worker.pacing.message_gap)).await;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Takes up what did not fit into memory.
    async fn refill(&mut self, channel: &str, stop: &CancellationToken) {
        // What was sent and is still in the database would be sent again.
        self.pay().await;
        let unsent = match self.owed.is_empty() {
            true => self.worker.ledger.unsent_of(channel.into(), OUTBOX_MESSAGES_MAX).await,
            false => Ok(Vec::new()),
        };
        let outbox = &self.worker.address.outbox;
        match unsent {
            Ok(unsent) if self.owed.is_empty() => {
                unsent.into_iter().for_each(|notification| outbox.restore(notification));
                return;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(channel, cause = causes(&error), "what waits cannot be read; will retry");
            }
        }
        outbox.more_waits_for(channel);
        let pause = self.backoff.next_pause();
        self.pause(pause, stop).await;
    }

    /// Tells the database, also what it could not be told before.
    async fn note(&mut self, id: &NotificationId, fate: Fate) {
        self.owed.push_back((id.clone(), fate));
        if self.owed.len() > OWED_MAX {
            self.owed.pop_front();
        }
        self.pay().await;
    }

    async fn pay(&mut self) {
        while let Some((id, fate)) = self.owed.front().cloned() {
            if let Err(error) = self.worker.ledger.end(id, fate).await {
                tracing::error!(
                    messages = self.owed.len(),
                    cause = causes(&error),
                    "the state database does not know that messages were sent"
                );
                return;
            }
            self.owed.pop_front();
        }
    }
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Worker").field("channels", &self.channels).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
