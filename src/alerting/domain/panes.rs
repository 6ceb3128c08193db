//! The points of one instance, summed up by pane: adding a point costs O(1), a window O(panes).

use super::rule_words::AggregationKind;
use super::window::{EvaluationWindow, PaneNumber};

/// Points summed up. Empty if `count` is zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Summary {
    const EMPTY: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn add(&mut self, value: f64) {
        self.merge(&Self { count: 1, sum: value, min: value, max: value });
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The one value of the points; absent without points.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^53 points are in a window")]
    pub fn value(&self, aggregation: AggregationKind) -> Option<f64> {
        (!self.is_empty()).then_some(match aggregation {
            AggregationKind::Avg => self.sum / self.count as f64,
            AggregationKind::Max => self.max,
            AggregationKind::Min => self.min,
            AggregationKind::Sum => self.sum,
            AggregationKind::Count => self.count as f64,
        })
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

    /// Adds a value to a pane that is not newer than the newest.
    pub fn add(&mut self, pane: PaneNumber, value: f64) -> Result<(), PaneGone> {
        let age = self.newest.0.saturating_sub(pane.0);
        if !(0..=self.window).contains(&age) {
            return Err(PaneGone);
        }
        self.at(pane).ok_or(PaneGone)?.add(value);
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
    use super::*;

    fn panes() -> Panes {
        Panes::new(EvaluationWindow::parse("3s").unwrap(), PaneNumber(10))
    }

    fn sum(panes: &Panes, last: i64) -> Option<f64> {
        panes.window_to(PaneNumber(last)).value(AggregationKind::Sum)
    }

    #[test]
    fn a_window_ends_with_the_open_pane_or_the_one_before() {
        let mut panes = panes();
        for (pane, value) in [(10, 1.0), (11, 10.0), (12, 100.0), (13, 1000.0)] {
            panes.advance_to(PaneNumber(pane));
            panes.add(PaneNumber(pane), value).unwrap();
        }
        assert_eq!(sum(&panes, 13), Some(1110.0));
        assert_eq!(sum(&panes, 12), Some(111.0));
    }

    #[test]
    fn late_points_reach_panes_that_are_still_there() {
        let mut panes = panes();
        panes.advance_to(PaneNumber(13));
        assert_eq!(panes.add(PaneNumber(10), 1.0), Ok(()));
        assert_eq!(panes.add(PaneNumber(9), 1.0), Err(PaneGone));
        assert_eq!(panes.add(PaneNumber(14), 1.0), Err(PaneGone));
        assert_eq!(panes.add(PaneNumber(i64::MIN), 1.0), Err(PaneGone));
    }

    #[test]
    fn what_leaves_the_window_is_forgotten_however_far_time_jumps() {
        let mut panes = panes();
        panes.add(PaneNumber(10), 1.0).unwrap();
        panes.advance_to(PaneNumber(1_000_000));
        assert!(panes.is_empty());
        assert_eq!(sum(&panes, 1_000_000), None);
    }

    #[test]
    fn a_summary_gives_each_aggregation() {
        let mut panes = panes();
        for value in [1.0, 2.0, 6.0] {
            panes.add(PaneNumber(10), value).unwrap();
        }
        let window = panes.window_to(PaneNumber(10));
        for (aggregation, value) in [("avg", 3.0), ("min", 1.0), ("max", 6.0), ("sum", 9.0), ("count", 3.0)] {
            assert_eq!(window.value(AggregationKind::parse(aggregation).unwrap()), Some(value));
        }
    }
}
