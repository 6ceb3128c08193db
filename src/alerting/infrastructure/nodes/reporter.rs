//! The task of a node that evaluates no rules itself: tells the one that does what came of what the rules look at.
//!
//! What became visible in the store is told in that order, one report after the other, each until it is answered. Meanwhile events
//! wait on the bus; if there are more than wait there, the next report says so, and the other node reads the past anew.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use futures_util::FutureExt;
use prost::Message;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::wire::{NewsMark, PROTOBUF, RECEIPT_BYTES_MAX, Receipt, Report};
use super::{REPORTS_PATH, alert_from_wire, interest_from_wire, report_of, wire};
use crate::alerting::application::lookout::Lookout;
use crate::alerting::application::node_metrics::NodeMetrics;
use crate::alerting::application::sighting::Sighting;
use crate::platform::event_bus::{Delivery, EventBus, EventQueue, Topic};
use crate::platform::nodes::{NodeAddress, NodeClient, NodeError, OwnerWatch};
use crate::shared::DomainEvent;

/// How often it is asked what the rules look at, if there is nothing to tell.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// Before a report is sent again.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);
/// How long a node that stops goes on telling what it stored last.
const REST_TIME_MAX: Duration = Duration::from_secs(1);
/// About how large a report becomes: well below what is taken.
const REPORT_BYTES: usize = 1 << 20;

/// Tells what the lookout sees.
#[derive(Debug)]
pub struct Reporter {
    queues: [EventQueue; 3],
    /// Hears of alerts.
    bus: Arc<EventBus>,
    news: Option<NewsMark>,
    lookout: Arc<Lookout>,
    client: NodeClient,
    owner: OwnerWatch,
    metrics: NodeMetrics,
    sender: u64,
    number: u64,
    /// The interest that the lookout has; 0 for none.
    interest: u64,
    /// Something was lost, and nobody knows yet.
    gap: bool,
    /// What is being told, and how many parts of it were taken.
    telling: Option<DomainEvent>,
    parts_taken: usize,
}

/// What became of a report.
enum Answered {
    Taken,
    /// It was not: the rules look at something else by now.
    Outdated(Box<wire::Interest>),
    /// The other node cannot make anything of it.
    Refused,
}

impl Reporter {
    pub fn new(
        bus: &Arc<EventBus>,
        lookout: Arc<Lookout>,
        client: NodeClient,
        owner: OwnerWatch,
        metrics: NodeMetrics,
    ) -> Self {
        let queues = [Topic::Metrics, Topic::Logs, Topic::Spans].map(|topic| bus.subscribe(topic));
        let (sender, number, interest) = (fastrand::u64(..), 0, 0);
        // What was stored before was perhaps never told.
        let (bus, news) = (Arc::clone(bus), None);
        let (gap, telling, parts_taken) = (true, None, 0);
        Self {
            queues,
            bus,
            news,
            lookout,
            client,
            owner,
            metrics,
            sender,
            number,
            interest,
            gap,
            telling,
            parts_taken,
        }
    }

    /// Until it is stopped: then the rest is told to the one who is there to be told. What is not is in the store.
    pub async fn run(mut self, stop: CancellationToken) {
        let _stopped = stop.run_until_cancelled(self.report_all()).await;
        let _in_time = timeout(REST_TIME_MAX, self.report_rest()).await;
    }

    async fn report_rest(&mut self) {
        if self.telling.is_some() && self.owner.borrow().is_some() {
            self.tell().await;
        }
        for at in 0..self.queues.len() {
            while let Some(queue) = self.queues.get_mut(at)
                && let Some(Some(Delivery::Event(event))) = queue.next().now_or_never()
                && self.owner.borrow().is_some()
            {
                self.telling = Some(event);
                self.tell().await;
            }
        }
    }

    async fn report_all(&mut self) {
        let mut ticker = interval(ASK_EVERY);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let [metrics, logs, spans] = &mut self.queues;
            let delivery = tokio::select! {
                Some(delivery) = metrics.next() => Some(delivery),
                Some(delivery) = logs.next() => Some(delivery),
                Some(delivery) = spans.next() => Some(delivery),
                _ = ticker.tick() => None,
            };
            match delivery {
                Some(Delivery::Event(event)) => self.telling = Some(event),
                Some(Delivery::Missed(events)) => {
                    self.metrics.events_missed.inc_by(events);
                    tracing::warn!(
                        events,
                        "too much came at once to be told to the node that evaluates rules"
                    );
                    self.gap = true;
                }
                None => {}
            }
            self.tell().await;
        }
    }

    /// Returns when the other node has evaluated what is to be told, or nobody looks at it. Goes on where it was left.
    async fn tell(&mut self) {
        loop {
            let seen = self.telling.as_ref().map(|event| self.lookout.sight(event)).unwrap_or_default();
            if self.telling.is_some() && seen.is_empty() {
                break;
            }
            match self.tell_all(seen).await {
                Some(outdated) => {
                    self.lookout.replace(interest_from_wire(&outdated));
                    self.interest = outdated.id;
                }
                None => break,
            }
        }
        (self.telling, self.parts_taken) = (None, 0);
    }

    /// Gives what the rules look at by now, if that has changed: then nothing of it was taken.
    async fn tell_all(&mut self, seen: Sighting) -> Option<Box<wire::Interest>> {
        for (at, part) in seen.parts(REPORT_BYTES).into_iter().enumerate().skip(self.parts_taken) {
            let report = Report {
                sender: self.sender,
                number: self.number,
                interest: self.interest,
                gap: self.gap,
                follows: at > 0,
                news: self.news,
                ..report_of(&part)
            };
            match self.send(report).await {
                Answered::Outdated(interest) => return Some(interest),
                Answered::Taken => self.gap = false,
                Answered::Refused => self.gap = true,
            }
            self.number += 1;
            self.parts_taken = at + 1;
        }
        None
    }

    /// Until there is an answer, from whichever node is the one to be told by then.
    async fn send(&mut self, report: Report) -> Answered {
        let report = Bytes::from(report.encode_to_vec());
        let mut pause = RETRY_FIRST;
        loop {
            let Some(owner) = self.owner.borrow_and_update().clone() else {
                // An error means that nobody will ever know: the process is about to end.
                if self.owner.changed().await.is_err() {
                    sleep(RETRY_MAX).await;
                }
                continue;
            };
            match self.post(&owner, &report).await {
                Ok((StatusCode::OK, body)) => match Receipt::decode(&*body) {
                    Ok(receipt) => return self.answered(receipt),
                    Err(error) => self.fails(&owner, &error),
                },
                Ok((status @ (StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE), _)) => {
                    tracing::warn!(%owner, %status, "a node refuses what it is told; its rules will read it from the store");
                    return Answered::Refused;
                }
                Ok((status, _)) => self.fails(&owner, &status),
                Err(error) => self.fails(&owner, &error),
            }
            // Where nobody will ever know of another owner, only time passes.
            tokio::select! {
                () = sleep(pause) => {}
                Ok(()) = self.owner.changed() => {}
            }
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    fn answered(&mut self, receipt: Receipt) -> Answered {
        self.news = receipt.news;
        for event in receipt.alerts.into_iter().filter_map(alert_from_wire) {
            self.bus.publish(event);
        }
        if let Some(interest) = receipt.interest {
            return Answered::Outdated(Box::new(interest));
        }
        self.metrics.reports_sent.inc();
        Answered::Taken
    }

    async fn post(&self, owner: &NodeAddress, report: &Bytes) -> Result<(StatusCode, Vec<u8>), NodeError> {
        self.client.post(owner, REPORTS_PATH, PROTOBUF, report.clone(), RECEIPT_BYTES_MAX).await
    }

    fn fails(&self, owner: &NodeAddress, error: &dyn std::fmt::Display) {
        self.metrics.reports_failed.inc();
        tracing::debug!(%owner, %error, "the node that evaluates rules does not take a report");
    }
}
