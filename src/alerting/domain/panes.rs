//! The points of one instance, summed up by pane: adding a point costs O(1), a window O(panes).

use std::time::Duration;

use super::aggregation::AggregationKind;
use super::window::{EvaluationWindow, PaneNumber};
use crate::shared::Timestamp;
use crate::shared::distribution::Distribution;

/// What one point adds to its pane.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    pub time: Timestamp,
    /// Values that the point stands for: 1, or those of a histogram.
    pub observations: u64,
    /// What `rate` and `increase` count: the number itself, or how many were observed.
    pub amount: f64,
    /// Sum, lowest and highest of the values. NaN where a histogram does not tell.
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    /// The number as it stands.
    pub last: f64,
    pub observed: Option<Box<Distribution>>,
}

impl Contribution {
    pub fn number(time: Timestamp, value: f64) -> Self {
        let (amount, sum, min, max, last) = (value, value, value, value, value);
        Self { time, observations: 1, amount, sum, min, max, last, observed: None }
    }

    /// What was observed, with the lowest and the highest as far as they are known.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 values are observed within a window")]
    pub fn observed(time: Timestamp, observed: Distribution, min: Option<f64>, max: Option<f64>) -> Self {
        let edge = |known: Option<f64>, q| known.or_else(|| observed.quantile(q)).unwrap_or(f64::NAN);
        let (min, max) = if observed.count == 0 {
            (f64::INFINITY, f64::NEG_INFINITY)
        } else {
            (edge(min, 0.0), edge(max, 1.0))
        };
        Self {
            time,
            observations: observed.count,
            amount: observed.count as f64,
            sum: observed.sum.unwrap_or(f64::NAN),
            min,
            max,
            last: f64::NAN,
            observed: Some(Box::new(observed)),
        }
    }
}

/// Points summed up. Empty if `points` is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    points: u64,
    observations: u64,
    amount: f64,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
    last_time: Timestamp,
    observed: Option<Box<Distribution>>,
}

impl Summary {
    const EMPTY: Self = Self {
        points: 0,
        observations: 0,
        amount: 0.0,
        sum: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        last: f64::NAN,
        last_time: Timestamp::EPOCH,
        observed: None,
    };

    fn add(&mut self, point: Contribution) {
        self.merge(&Self {
            points: 1,
            observations: point.observations,
            amount: point.amount,
            sum: point.sum,
            min: point.min,
            max: point.max,
            last: point.last,
            last_time: point.time,
            observed: point.observed,
        });
    }

    fn merge(&mut self, other: &Self) {
        if other.is_empty() {
            return;
        }
        self.points += other.points;
        self.observations = self.observations.saturating_add(other.observations);
        self.amount += other.amount;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_time >= self.last_time {
            (self.last, self.last_time) = (other.last, other.last_time);
        }
        match (&mut self.observed, &other.observed) {
            (Some(own), Some(other)) => own.add(other),
            (own @ None, Some(other)) => *own = Some(other.clone()),
            (_, None) => {}
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.points == 0
    }

    pub const fn points(&self) -> u64 {
        self.points
    }

    /// The one value of the points of a window; absent where they do not tell.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 values are in a window")]
    pub fn value(&self, aggregation: AggregationKind, window: Duration) -> Option<f64> {
        if self.is_empty() {
            return None;
        }
        let value = match aggregation {
            AggregationKind::Avg | AggregationKind::ErrorRatio => self.sum / self.observations as f64,
            AggregationKind::Max => self.max,
            AggregationKind::Min => self.min,
            AggregationKind::Sum => self.sum,
            AggregationKind::Count => self.observations as f64,
            AggregationKind::Last => self.last,
            AggregationKind::Rate => self.amount / window.as_secs_f64(),
            AggregationKind::Increase => self.amount,
            AggregationKind::Quantile(rank) => self.observed.as_ref()?.quantile(rank.part())?,
        };
        value.is_finite().then_some(value)
    }
}

/// A ring of panes: those of a window, and the one that is still open.
#[derive(Debug)]
pub struct Panes {
    ring: Box<[Summary]>,
    newest: PaneNumber,
    window: i64,
}

/// A pane that has left the ring takes no more points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaneGone;

impl Panes {
    pub fn new(window: EvaluationWindow, newest: PaneNumber) -> Self {
        let size = usize::try_from(window.panes()).unwrap_or(1) + 1;
        Self { ring: vec![Summary::EMPTY; size].into(), newest, window: window.panes() }
    }

    pub const fn newest(&self) -> PaneNumber {
        self.newest
    }

    /// Makes `pane` the newest. What falls out at the other end is forgotten.
    pub fn advance_to(&mut self, pane: PaneNumber) {
        let steps = pane.0.saturating_sub(self.newest.0).min(self.window + 1);
        for step in 0..steps {
            if let Some(freed) = self.at(PaneNumber(pane.0.saturating_sub(step))) {
                *freed = Summary::EMPTY;
            }
        }
        self.newest = self.newest.max(pane);
    }

    /// Adds a point to a pane that is not newer than the newest.
    pub fn add(&mut self, pane: PaneNumber, point: Contribution) -> Result<(), PaneGone> {
        let age = self.newest.0.saturating_sub(pane.0);
        if !(0..=self.window).contains(&age) {
            return Err(PaneGone);
        }
        self.at(pane).ok_or(PaneGone)?.add(point);
        Ok(())
    }

    fn at(&mut self, pane: PaneNumber) -> Option<&mut Summary> {
        let slot = pane.0.rem_euclid(self.window + 1);
        self.ring.get_mut(usize::try_from(slot).ok()?)
    }

    /// The points of the window that ends with `last`, which is the newest pane or the one before it.
    pub fn window_to(&self, last: PaneNumber) -> Summary {
        let beyond = if last == self.newest { last.0.saturating_sub(self.window) } else { self.newest.0 };
        let left_out = usize::try_from(beyond.rem_euclid(self.window + 1)).ok();
        let mut whole = Summary::EMPTY;
        for (slot, pane) in self.ring.iter().enumerate() {
            if Some(slot) != left_out {
                whole.merge(pane);
            }
        }
        whole
    }

    /// Whether no pane holds a point.
    pub fn is_empty(&self) -> bool {
        self.ring.iter().all(Summary::is_empty)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::alerting::domain::fixtures::second;
    use crate::shared::distribution::{ExplicitBuckets, Shape};

    const WINDOW: Duration = Duration::from_secs(3);

    fn panes() -> Panes {
        Panes::new(EvaluationWindow::parse("3s").unwrap(), PaneNumber(10))
    }

    fn number(value: f64) -> Contribution {
        Contribution::number(second(0), value)
    }

    fn sum(panes: &Panes, last: i64) -> Option<f64> {
        panes.window_to(PaneNumber(last)).value(AggregationKind::Sum, WINDOW)
    }

    #[test]
    fn a_window_ends_with_the_open_pane_or_the_one_before() {
        let mut panes = panes();
        for (pane, value) in [(10, 1.0), (11, 10.0), (12, 100.0), (13, 1000.0)] {
            panes.advance_to(PaneNumber(pane));
            panes.add(PaneNumber(pane), number(value)).unwrap();
        }
        assert_eq!(sum(&panes, 13), Some(1110.0));
        assert_eq!(sum(&panes, 12), Some(111.0));
    }

    #[test]
    fn late_points_reach_panes_that_are_still_there() {
        let mut panes = panes();
        panes.advance_to(PaneNumber(13));
        assert_eq!(panes.add(PaneNumber(10), number(1.0)), Ok(()));
        for gone in [9, 14, i64::MIN] {
            assert_eq!(panes.add(PaneNumber(gone), number(1.0)), Err(PaneGone));
        }
    }

    #[test]
    fn what_leaves_the_window_is_forgotten_however_far_time_jumps() {
        let mut panes = panes();
        panes.add(PaneNumber(10), number(1.0)).unwrap();
        panes.advance_to(PaneNumber(1_000_000));
        assert!(panes.is_empty());
        assert_eq!(sum(&panes, 1_000_000), None);
    }

    #[test]
    fn a_summary_gives_each_aggregation() {
        let mut panes = panes();
        for (at, value) in [(2, 2.0), (3, 6.0), (1, 1.0)] {
            panes.add(PaneNumber(10), Contribution::number(second(at), value)).unwrap();
        }
        let window = panes.window_to(PaneNumber(10));
        for (aggregation, value) in [
            ("avg", 3.0),
            ("min", 1.0),
            ("max", 6.0),
            ("sum", 9.0),
            ("count", 3.0),
            ("last", 6.0),
            ("increase", 9.0),
            ("rate", 3.0),
        ] {
            let found = window.value(AggregationKind::parse(aggregation).unwrap(), WINDOW);
            assert_eq!(found, Some(value), "{aggregation}");
        }
        assert_eq!(window.value(AggregationKind::parse("p50").unwrap(), WINDOW), None);
    }

    #[test]
    fn histograms_are_merged_before_they_are_asked_for_a_quantile() {
        let bounds: Arc<[f64]> = [1.0, 2.0].into();
        let mut panes = panes();
        for counts in [[10, 0, 0], [0, 10, 0]] {
            let buckets = ExplicitBuckets::new(Arc::clone(&bounds), counts.into()).unwrap();
            let observed = Distribution { count: 10, sum: Some(12.0), shape: Shape::Explicit(buckets) };
            panes.add(PaneNumber(10), Contribution::observed(second(0), observed, None, Some(1.9))).unwrap();
        }
        let window = panes.window_to(PaneNumber(10));
        let value = |name| window.value(AggregationKind::parse(name).unwrap(), WINDOW);
        assert_eq!((value("p75"), value("p50"), value("count")), (Some(1.5), Some(1.0), Some(20.0)));
        assert_eq!((value("avg"), value("max"), window.points()), (Some(1.2), Some(1.9), 2));
    }
}
