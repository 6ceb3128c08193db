//! Use case: rules are tried on points and records that are given, in simulated time, before they are trusted.
//!
//! The evaluator is the one that the server runs. Time moves in steps; points and records come at the moments that are given, with a look
//! at what they decide at once, as when an event tells of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::past::Evidence;
use crate::alerting::domain::evaluator::{AlertEvaluator, EvaluatorLimits};
use crate::alerting::domain::instance::{Lateness, PointRefusal};
use crate::alerting::domain::rule::{AlertRule, RuleSet};
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::{Watchlist, WatchlistLimits};
use crate::shared::{PastPoint, PastRecord, PastSeries, SeriesIdentity, TenantId, TimeRange, Timestamp};

/// Most steps of time.
pub const STEPS_MAX: u64 = 200_000;
/// Most looks at groups: steps times groups.
pub const LOOKS_MAX: u64 = 5_000_000;
/// Most transitions that are kept; more are counted.
pub const TRANSITIONS_MAX: usize = 1_000;
const SECOND: Duration = Duration::from_secs(1);

/// Something that rules look at, and when it becomes visible.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at: Timestamp,
    pub what: Arriving,
}

#[derive(Debug, Clone)]
pub enum Arriving {
    Point {
        /// The place of its series in the list.
        series: usize,
        point: PastPoint,
    },
    /// A log record or a span.
    Record { tenant: TenantId, record: PastRecord },
}

/// What is played.
#[derive(Debug)]
pub struct Rehearsal {
    pub rules: RuleSet,
    pub lateness: Lateness,
    pub series: Vec<SeriesIdentity>,
    /// In any order; those of one moment are taken in the order in which they stand.
    pub arrivals: Vec<Arrival>,
    /// The first step; what came before is read as after a start.
    pub from: Timestamp,
    /// The last step.
    pub to: Timestamp,
    pub step: Duration,
    /// When the evaluator is thrown away, and another one goes on from what is kept of it and from the past of the series.
    pub restart: Option<Timestamp>,
    /// Most looks at groups: [`LOOKS_MAX`].
    pub looks_max: u64,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Played {
    /// The first [`TRANSITIONS_MAX`] of those that were asked for.
    pub transitions: Vec<Transition>,
    /// All of them.
    pub count: u64,
    /// Points that were not evaluated.
    pub refused: BTreeMap<PointRefusal, u64>,
}

/// Which transitions are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Those that people are told of.
    Told,
    All,
}

/// Why it was not played to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    #[error("the time is too long: at most {STEPS_MAX} steps of a second, or of a 60th of the window")]
    TooLong,
    #[error("too many groups for so long a time: at most {LOOKS_MAX} looks at groups, one a step each")]
    TooManyLooks,
}

/// What a rule would have done in `range`. What was before it fills the windows.
///
/// Time moves by a second, or by a pane of the window if that is longer.
pub fn backtest(
    rule: Arc<AlertRule>,
    past: Evidence,
    range: TimeRange,
    lateness: Lateness,
    wanted: Wanted,
) -> Result<Played, RehearsalError> {
    let window = rule.measure.window;
    let panes = u32::try_from(window.panes()).unwrap_or(1).max(1);
    let step = (window.duration() / panes).max(SECOND);
    let (series, arrivals) = arrivals(past);
    // One rule is never a duplicate of itself.
    let rules = RuleSet::of(vec![rule]).unwrap_or_default();
    let (from, to) = (range.start(), range.end());
    let looks_max = LOOKS_MAX;
    Rehearsal { rules, lateness, series, arrivals, from, to, step, restart: None, looks_max }.play(wanted)
}

/// All of it, as if it had come when it was made.
fn arrivals(past: Evidence) -> (Vec<SeriesIdentity>, Vec<Arrival>) {
    let (mut series, mut arrivals) = (Vec::new(), Vec::new());
    match past {
        Evidence::Series(past) => {
            for (place, PastSeries { series: identity, points }) in past.into_iter().enumerate() {
                series.push(identity);
                arrivals.extend(
                    points.into_iter().map(|point| Arrival {
                        at: point.time,
                        what: Arriving::Point { series: place, point },
                    }),
                );
            }
        }
        Evidence::Records { tenant, records } => {
            arrivals.extend(records.into_iter().map(|record| Arrival {
                at: record.time,
                what: Arriving::Record { tenant: tenant.clone(), record },
            }));
        }
    }
    (series, arrivals)
}

impl Rehearsal {
    pub fn play(mut self, wanted: Wanted) -> Result<Played, RehearsalError> {
        let step = self.step.max(SECOND);
        if self.to.since(self.from).as_secs() / step.as_secs() > STEPS_MAX {
            return Err(RehearsalError::TooLong);
        }
        self.arrivals.sort_by_key(|arrival| arrival.at);
        let mut played = Played::default();
        let (mut evaluator, mut next) = self.begin(self.from);
        let (mut now, mut looks, mut restart) = (self.from, 0_u64, self.restart);
        loop {
            next = self.arrive(&mut evaluator, next, now, &mut played, wanted);
            if restart.is_some_and(|at| at <= now) {
                restart = None;
                played.count_refused(&mut evaluator);
                evaluator = self.restarted(&evaluator, next, now);
            }
            played.take(evaluator.tick(now), wanted);
            looks = looks.saturating_add(u64::try_from(evaluator.instances()).unwrap_or(u64::MAX));
            if looks > self.looks_max {
                return Err(RehearsalError::TooManyLooks);
            }
            if now >= self.to {
                break;
            }
            now = now.plus(step).min(self.to);
        }
        self.arrive(&mut evaluator, next, self.to.plus(Duration::from_nanos(1)), &mut played, wanted);
        played.count_refused(&mut evaluator);
        Ok(played)
    }

    /// An evaluator that knows what came before `at`, and the place of the first arrival since.
    fn begin(&self, at: Timestamp) -> (AlertEvaluator, usize) {
        let next = self.arrivals.partition_point(|arrival| arrival.at < at);
        let mut evaluator = self.evaluator();
        self.refill(&mut evaluator, next, at);
        (evaluator, next)
    }

    fn evaluator(&self) -> AlertEvaluator {
        let watchlist = Arc::new(Watchlist::new(&self.rules, WatchlistLimits::default()));
        let limits = EvaluatorLimits { lateness: self.lateness, ..EvaluatorLimits::default() };
        AlertEvaluator::new(&self.rules, watchlist, limits)
    }

    fn restarted(&self, before: &AlertEvaluator, next: usize, now: Timestamp) -> AlertEvaluator {
        let mut after = self.evaluator();
        for kept in before.live_keys().iter().filter_map(|key| before.kept(key)) {
            let rule = self.rules.rules().iter().find(|rule| rule.key() == kept.key.rule);
            after.restore(rule, kept, Duration::ZERO, now);
        }
        self.refill(&mut after, next, now);
        after
    }

    /// Fills the windows from the first `known` arrivals, as far as they reach back.
    fn refill(&self, evaluator: &mut AlertEvaluator, known: usize, now: Timestamp) {
        let longest = self.rules.rules().iter().map(|rule| rule.measure.window.duration()).max();
        let first = now.minus(longest.unwrap_or_default() + self.lateness.0 * 2);
        let mut past: BTreeMap<usize, Vec<PastPoint>> = BTreeMap::new();
        let mut records = Vec::new();
        for arrival in self.arrivals.iter().take(known) {
            match &arrival.what {
                Arriving::Point { series, point } if first <= point.time => {
                    past.entry(*series).or_default().push(point.clone());
                }
                Arriving::Record { tenant, record } if first <= record.time => records.push((tenant, record)),
                Arriving::Point { .. } | Arriving::Record { .. } => {}
            }
        }
        records.sort_by_key(|(_, record)| record.time);
        for rule in self.rules.rules() {
            evaluator.refill_records(rule, records.iter().copied(), now);
        }
        for (place, mut points) in past {
            points.sort_by_key(|point| point.time);
            if let Some(series) = self.series.get(place) {
                evaluator.refill(series, points, now);
            }
        }
    }

    /// Lets come what comes before `until`; says what is next.
    fn arrive(
        &self,
        evaluator: &mut AlertEvaluator,
        mut next: usize,
        until: Timestamp,
        played: &mut Played,
        wanted: Wanted,
    ) -> usize {
        while let Some(first) = self.arrivals.get(next).filter(|arrival| arrival.at < until) {
            let rest = self.arrivals.get(next..).unwrap_or_default();
            let together = rest.iter().take_while(|arrival| arrival.at == first.at).count();
            let points = rest.iter().take(together).filter_map(|arrival| match &arrival.what {
                Arriving::Point { series, point } => Some((self.series.get(*series)?, point.clone())),
                Arriving::Record { .. } => None,
            });
            played.take(evaluator.observe_points(points, first.at), wanted);
            let records = rest.iter().take(together).filter_map(|arrival| match &arrival.what {
                Arriving::Record { tenant, record } => Some((tenant, record)),
                Arriving::Point { .. } => None,
            });
            played.take(evaluator.observe_records(records, first.at), wanted);
            next += together;
        }
        next
    }
}

impl Played {
    fn take(&mut self, transitions: Vec<Transition>, wanted: Wanted) {
        for transition in transitions {
            if wanted == Wanted::Told && !transition.change.is_told() {
                continue;
            }
            self.count += 1;
            if self.transitions.len() < TRANSITIONS_MAX {
                self.transitions.push(transition);
            }
        }
    }

    fn count_refused(&mut self, evaluator: &mut AlertEvaluator) {
        for (refusal, count) in evaluator.take_counts().refused {
            *self.refused.entry(refusal).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests;
