//! `CalculateHourlyAggregation`: the points of an hour, rolled up by five minutes and by the hour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::platform::event_bus::EventBus;
use crate::shared::{AggregatedMetrics, AggregationCompleted, DomainEvent};
use crate::telemetry::domain::Hour;

use super::ports::{Block, Day, MetricOf, MetricPoints, RollupError, Rollups};
use super::register::{Metrics, Task};
use super::shares::{POINTS_MAX, Share, shares};

/// Metrics that are listed at once.
const PAGE: usize = 10_000;
/// Longest pause between two shares.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Why an hour was not calculated. What was written of it by then is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CalculateError {
    #[error("the process is stopping")]
    Stopped,
    #[error(transparent)]
    Rollups(#[from] RollupError),
}

/// The use case. It may be done any number of times: the rows of an hour replace those that were there.
pub struct CalculateHourlyAggregation<S> {
    rollups: Arc<S>,
    bus: Arc<EventBus>,
}

impl<S> std::fmt::Debug for CalculateHourlyAggregation<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CalculateHourlyAggregation")
    }
}

/// What was stored last of the points that an hour is made of: its own, and those of the hour before.
pub(super) fn newest(days: &[Day], hour: Hour) -> Block {
    let wanted = [hour.plus(-1).start().day(), hour.start().day()];
    let of_hour = days.iter().filter(|day| wanted.contains(&day.number));
    of_hour.map(|day| day.newest).max().unwrap_or(Block(-1))
}

impl<S: Rollups> CalculateHourlyAggregation<S> {
    pub fn new(rollups: Arc<S>, bus: Arc<EventBus>) -> Self {
        Self { rollups, bus }
    }

    /// Rolls up, and records it if it was the whole hour. `finished` runs when the rows are there, before others hear of it.
    /// Between shares it rests half as long as the last one took, so that ingestion and queries come before it.
    pub async fn handle(
        &self,
        task: &Task,
        stop: &CancellationToken,
        finished: impl FnOnce() + Send,
    ) -> Result<(), CalculateError> {
        match &task.metrics {
            Metrics::All => {
                // Before points are read: what comes while they are is newer.
                let before = newest(&self.rollups.days().await?, task.hour);
                self.whole(task.hour, stop).await?;
                self.rollups.record(task.hour, before).await?;
            }
            Metrics::These(metrics) => {
                let metrics: Vec<MetricOf> = metrics.iter().cloned().collect();
                for page in metrics.chunks(PAGE / 20) {
                    let points = self.rollups.points_of(task.hour, page).await?;
                    self.calculate(task.hour, points, stop).await?;
                }
            }
        }
        finished();
        if let Some(event) = completed(task) {
            self.bus.publish(event);
        }
        Ok(())
    }

    async fn whole(&self, hour: Hour, stop: &CancellationToken) -> Result<(), CalculateError> {
        let mut after: Option<MetricOf> = None;
        loop {
            let page = self.rollups.metrics(hour, after.as_ref(), PAGE).await?;
            let is_last = page.len() < PAGE;
            after = page.last().map(|last| last.of.clone());
            self.calculate(hour, page, stop).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    async fn calculate(
        &self,
        hour: Hour,
        points: Vec<MetricPoints>,
        stop: &CancellationToken,
    ) -> Result<(), CalculateError> {
        let mut left = shares(points, POINTS_MAX);
        while let Some(share) = left.pop() {
            let begun = Instant::now();
            match self.rollups.calculate(hour, &share).await {
                Ok(()) => {}
                // The points were counted some time ago, and differ in size.
                Err(RollupError::TooLarge) => left.extend(halves(share)?),
                Err(error) => return Err(error.into()),
            }
            let pause = tokio::time::sleep((begun.elapsed() / 2).min(PAUSE_MAX));
            stop.run_until_cancelled(pause).await.ok_or(CalculateError::Stopped)?;
        }
        Ok(())
    }
}

fn halves(share: Share) -> Result<[Share; 2], RollupError> {
    share.halves().ok_or(RollupError::TooLarge)
}

fn completed(task: &Task) -> Option<DomainEvent> {
    let metrics = match &task.metrics {
        Metrics::All => AggregatedMetrics::All,
        Metrics::These(metrics) => AggregatedMetrics::These(
            metrics.iter().map(|of| (of.tenant.clone(), of.metric.clone())).collect(),
        ),
    };
    let range = task.hour.range()?;
    Some(DomainEvent::AggregationCompleted(Arc::new(AggregationCompleted { range, metrics })))
}
