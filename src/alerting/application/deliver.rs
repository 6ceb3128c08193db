//! Use case: tell people of transitions. One worker per address sends what waits in its outbox, at the address's pace.
//!
//! At least once while the process lives. Known limit: the outbox is in memory; what is unsent when the process ends, after
//! a short farewell, is lost.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::backoff::{Backoff, Pacing};
use super::channel::{Channel, SendError};
use super::metrics::{AlertingMetrics, Outcome};
use super::outbox::{Message, Outbox};

/// Empties one outbox into one channel.
#[derive(Debug)]
pub struct Deliver<C> {
    pub name: Box<str>,
    pub channel: C,
    pub outbox: Arc<Outbox>,
    pub pacing: Pacing,
    pub random: fastrand::Rng,
    pub metrics: AlertingMetrics,
}

impl<C: Channel> Deliver<C> {
    /// Works until the outbox is closed and empty, but not for longer than the farewell after `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let (outbox, name, farewell) = (Arc::clone(&self.outbox), self.name.clone(), self.pacing.farewell);
        let patience_ends = async {
            stop.cancelled().await;
            sleep(farewell).await;
        };
        tokio::select! {
            () = self.deliver(stop.clone()) => {}
            () = patience_ends => {
                tracing::warn!(channel = %name, messages = outbox.len(), "messages stay unsent at the stop");
            }
        }
    }

    async fn deliver(self, stop: CancellationToken) {
        let mut backoff = Backoff::new(self.pacing, self.random.clone());
        let mut free_at = Instant::now();
        while let Some(message) = self.outbox.next().await {
            // The message may have been replaced during the pause.
            if Instant::now() < free_at {
                sleep_until(free_at).await;
                continue;
            }
            let sent = self.channel.send(&message.notice).await;
            free_at = Instant::now() + self.pacing.message_gap;
            if let Some(pause) = self.settle(&message, sent, &mut backoff) {
                self.pause(pause, &stop).await;
            }
        }
    }

    /// Gives the pause that a failure calls for.
    fn settle(
        &self,
        message: &Message,
        sent: Result<(), SendError>,
        backoff: &mut Backoff,
    ) -> Option<Duration> {
        let rule = &message.notice.alert().rule_id;
        match sent {
            Ok(()) => {
                self.outbox.settle(message);
                self.metrics.notified(&self.name, Outcome::Sent);
            }
            Err(SendError::Retry { after, cause }) => {
                self.outbox.postpone(message);
                self.metrics.notified(&self.name, Outcome::Retried);
                let pause = after.unwrap_or_else(|| backoff.next_pause());
                let (cause, pause_ms) = (causes(&cause), pause.as_millis());
                tracing::warn!(channel = %self.name, %rule, cause, pause_ms, "a message was not taken; will retry");
                return Some(pause);
            }
            Err(SendError::Permanent { cause }) => {
                self.outbox.settle(message);
                self.metrics.notified(&self.name, Outcome::Failed);
                let cause = causes(&cause);
                tracing::error!(channel = %self.name, %rule, cause, "a message was refused and is given up");
            }
        }
        backoff.reset();
        None
    }

    /// A process that stops does not wait for long backoffs.
    async fn pause(&self, pause: Duration, stop: &CancellationToken) {
        if stop.is_cancelled() {
            return sleep(pause.min(self.pacing.message_gap)).await;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

/// An error and what caused it, in one line.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::VecDeque;

    use parking_lot::Mutex;

    use super::*;
    use crate::alerting::application::channel::{Notice, SendFailure};
    use crate::alerting::domain::fixtures::second;
    use crate::shared::{AlertTransition, TenantId};

    pub fn notice(rule: &str, reason: &str) -> Notice {
        Notice::Firing(Arc::new(AlertTransition {
            tenant: TenantId::unnamed(),
            rule_id: rule.into(),
            rule_name: "Rule".into(),
            severity: "WARN",
            expression: "avg(m) over 5m".into(),
            threshold: "> 1".into(),
            value: Some(2.0),
            peak: Some(2.0),
            labels: Vec::new(),
            annotations: Vec::new(),
            channels: vec!["fake".into()],
            since: second(0),
            at: second(60),
            reason: reason.into(),
        }))
    }

    /// Answers as told and keeps what it took; further messages are taken.
    #[derive(Debug, Clone, Default)]
    struct FakeChannel {
        answers: Arc<Mutex<VecDeque<SendError>>>,
        taken: Arc<Mutex<Vec<Box<str>>>>,
    }

    impl Channel for FakeChannel {
        async fn send(&self, notice: &Notice) -> Result<(), SendError> {
            if let Some(error) = self.answers.lock().pop_front() {
                return Err(error);
            }
            self.taken.lock().push(notice.alert().reason.clone());
            Ok(())
        }
    }

    fn retry(after: Option<Duration>) -> SendError {
        SendError::Retry { after, cause: SendFailure::Status(503) }
    }

    fn quick() -> Pacing {
        let instant = Duration::from_millis(1);
        Pacing { message_gap: instant, backoff_first: instant, backoff_max: instant, ..Pacing::default() }
    }

    fn worker(errors: impl IntoIterator<Item = SendError>, pacing: Pacing) -> Deliver<FakeChannel> {
        let channel = FakeChannel::default();
        channel.answers.lock().extend(errors);
        Deliver {
            name: "fake".into(),
            channel,
            outbox: Arc::new(Outbox::default()),
            pacing,
            random: fastrand::Rng::with_seed(1),
            metrics: AlertingMetrics::default(),
        }
    }

    fn counted(metrics: &AlertingMetrics) -> [u64; 3] {
        ["sent", "retried", "failed"].map(|result| {
            let labels = super::super::metrics::NotificationLabels { channel: "fake".to_owned(), result };
            metrics.notifications.get_or_create(&labels).get()
        })
    }

    #[tokio::test]
    async fn a_message_is_retried_until_it_is_taken() {
        let worker = worker([retry(None), retry(Some(Duration::from_millis(2)))], quick());
        let (outbox, taken, metrics) =
            (Arc::clone(&worker.outbox), Arc::clone(&worker.channel.taken), worker.metrics.clone());
        outbox.put(notice("a", "fires")).unwrap();
        outbox.close();
        worker.run(CancellationToken::new()).await;
        assert_eq!(*taken.lock(), ["fires".into()]);
        assert_eq!(counted(&metrics), [1, 2, 0]);
    }

    #[tokio::test]
    async fn what_is_refused_for_good_is_dropped_and_counted() {
        let refused = SendError::Permanent { cause: SendFailure::Status(404) };
        let worker = worker([refused], quick());
        let (outbox, taken, metrics) =
            (Arc::clone(&worker.outbox), Arc::clone(&worker.channel.taken), worker.metrics.clone());
        outbox.put(notice("a", "one")).unwrap();
        outbox.put(notice("b", "two")).unwrap();
        outbox.close();
        worker.run(CancellationToken::new()).await;
        assert_eq!(*taken.lock(), ["two".into()]);
        assert_eq!(counted(&metrics), [1, 0, 1]);
    }

    #[tokio::test]
    async fn a_stop_cuts_the_backoff_and_tries_once_more() {
        let hour = Duration::from_secs(3_600);
        let worker = worker([retry(Some(hour))], quick());
        let (outbox, taken) = (Arc::clone(&worker.outbox), Arc::clone(&worker.channel.taken));
        outbox.put(notice("a", "fires")).unwrap();
        outbox.close();
        let stop = CancellationToken::new();
        stop.cancel();
        worker.run(stop).await;
        assert_eq!(*taken.lock(), ["fires".into()]);
    }

    #[tokio::test]
    async fn the_farewell_ends_even_if_nothing_is_taken() {
        let errors = (0..100_000).map(|_| retry(None));
        let worker = worker(errors, Pacing { farewell: Duration::from_millis(20), ..quick() });
        let outbox = Arc::clone(&worker.outbox);
        outbox.put(notice("a", "fires")).unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        worker.run(stop).await;
        assert_eq!(outbox.len(), 1);
    }
}
