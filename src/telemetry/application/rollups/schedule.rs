//! `RollupSchedule`: has every hour calculated that has ended, and those again into which late points came.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::shared::{Clock, Timestamp};
use crate::telemetry::domain::Hour;

use super::calculate::{CalculateError, CalculateHourlyAggregation, newest};
use super::counters::RollupCounters;
use super::ports::{Block, Day, RollupError, Rollups};
use super::register::{RolledUp, Task};

/// How often it is looked for something to do.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it rests after a failure.
const RETRY_AFTER: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy)]
pub struct RollupOptions {
    /// How long after its end an hour is calculated; also how long late points may gather before it is done again.
    pub delay: Duration,
    /// How long points are kept: what is older is not calculated any more.
    pub points_kept: Duration,
}

impl RollupOptions {
    /// The first hour that has not ended.
    pub fn open(&self, now: Timestamp) -> Hour {
        Hour::of(now.minus(self.delay))
    }

    /// The first hour of which all points are there, and of the hour before.
    fn oldest(&self, now: Timestamp) -> Hour {
        Hour::of(now.minus(self.points_kept)).plus(2)
    }
}

/// Runs until it is stopped; one hour at a time.
pub struct RollupSchedule<S> {
    pub rollups: Arc<S>,
    pub calculate: CalculateHourlyAggregation<S>,
    pub rolled_up: Arc<RolledUp>,
    pub options: RollupOptions,
    pub counters: RollupCounters,
    pub clock: Arc<dyn Clock>,
}

impl<S> std::fmt::Debug for RollupSchedule<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RollupSchedule").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<S: Rollups> RollupSchedule<S> {
    pub async fn run(self, stop: CancellationToken) {
        while let Err(error) = self.load().await {
            tracing::warn!(%error, "what is rolled up cannot be read yet");
            if stop.run_until_cancelled(tokio::time::sleep(RETRY_AFTER)).await.is_none() {
                return;
            }
        }
        while !stop.is_cancelled() {
            let rest = match self.step(&stop).await {
                Ok(Some(_)) => continue,
                Ok(None) => LOOK_EVERY,
                Err(CalculateError::Stopped) => return,
                Err(error) => {
                    tracing::warn!(%error, "an hour could not be rolled up; it is tried again");
                    RETRY_AFTER
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(rest)).await;
        }
    }

    /// Finds out what was done before this process began.
    pub async fn load(&self) -> Result<(), RollupError> {
        let oldest = self.options.oldest(self.clock.now());
        // In this order: what is stored in between has a newer block than is known of its day, and its event was heard.
        let recorded: HashMap<Hour, Block> = self.rollups.recorded(oldest).await?.into_iter().collect();
        let days = self.rollups.days().await?;
        let pending = not_done(&days, &recorded);
        tracing::info!(hours = pending.len(), "hours that have points are to be rolled up");
        self.rolled_up.load(pending);
        Ok(())
    }

    /// Does what is to be done next, if there is something.
    pub async fn step(&self, stop: &CancellationToken) -> Result<Option<Task>, CalculateError> {
        let now = self.clock.now();
        let oldest = self.options.oldest(now);
        self.rolled_up.close(self.options.open(now));
        let (waiting, first) = self.rolled_up.waiting(oldest);
        self.counters.waiting(waiting, first.map_or(Duration::ZERO, |first| now.since(first.end())));
        let Some(task) = self.rolled_up.next(self.options.delay, oldest) else { return Ok(None) };
        let begun = Instant::now();
        let done = self.calculate.handle(&task, stop, || self.rolled_up.done()).await;
        if let Err(error) = done {
            self.rolled_up.failed();
            if error != CalculateError::Stopped {
                self.counters.failed();
            }
            return Err(error);
        }
        self.counters.calculated(&task.metrics, begun.elapsed());
        Ok(Some(task))
    }
}

/// Hours of days with points that were not calculated as a whole, or before the last of these points was stored.
fn not_done(days: &[Day], recorded: &HashMap<Hour, Block>) -> Vec<Hour> {
    let hours = days.iter().flat_map(|day| Hour::of_day(day.number));
    hours.filter(|hour| recorded.get(hour).is_none_or(|before| *before < newest(days, *hour))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: i64, newest: i64) -> Day {
        Day { number, newest: Block(newest) }
    }

    fn hours(recorded: &[(i64, i64)], days: &[Day]) -> Vec<i64> {
        let first = Hour::of(Timestamp::EPOCH);
        let recorded = recorded.iter().map(|(hour, block)| (first.plus(*hour), Block(*block))).collect();
        let numbers = (0..72).filter(|number| not_done(days, &recorded).contains(&first.plus(*number)));
        numbers.collect()
    }

    #[test]
    fn hours_without_a_record_are_to_be_done_where_there_are_points() {
        assert_eq!(hours(&[], &[day(1, 7)]), (24..48).collect::<Vec<_>>());
        assert_eq!(hours(&[], &[]), Vec::<i64>::new());
    }

    #[test]
    fn a_day_with_newer_points_is_done_again_and_so_is_the_first_hour_of_the_next() {
        let all: Vec<(i64, i64)> = (0..72).map(|hour| (hour, 7)).collect();
        assert_eq!(hours(&all, &[day(0, 7), day(1, 5), day(2, 7)]), Vec::<i64>::new());
        let again: Vec<i64> = (24..49).collect();
        assert_eq!(hours(&all, &[day(0, 7), day(1, 8), day(2, 7)]), again);
    }
}
