//! The states of one instance: inactive, pending, firing.

use std::time::Duration;

use super::condition::Threshold;
use crate::shared::Timestamp;

/// Where an instance stands. A transition consumes the state and gives the next one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum AlertState {
    #[default]
    Inactive,
    /// The condition holds, but not for long enough yet.
    Pending { since: Timestamp },
    /// `peak` is the value furthest beyond the threshold while firing.
    Firing { since: Timestamp, peak: f64 },
}

/// What a look at the window told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    Holds(f64),
    Fails(f64),
    /// The window is empty.
    NoData,
    /// There are points, but too few to tell.
    Undecided,
}

/// What is reported to others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    Triggered {
        since: Timestamp,
        value: f64,
    },
    /// Without a value: the data stopped.
    Resolved {
        since: Timestamp,
        value: Option<f64>,
        peak: f64,
    },
}

impl AlertState {
    /// The state after a look at `now`, and the change that others are told of, if any.
    #[must_use]
    pub fn after(
        self,
        verdict: Verdict,
        threshold: &Threshold,
        hold: Duration,
        now: Timestamp,
    ) -> (Self, Option<Change>) {
        match (self, verdict) {
            (state, Verdict::Undecided) => (state, None),
            (Self::Firing { since, peak }, Verdict::Holds(value)) => {
                (Self::Firing { since, peak: threshold.worse(peak, value) }, None)
            }
            (Self::Inactive, Verdict::Holds(value)) => Self::held(now, value, hold, now),
            (Self::Pending { since }, Verdict::Holds(value)) => Self::held(since, value, hold, now),
            (Self::Firing { since, peak }, Verdict::Fails(value)) => {
                (Self::Inactive, Some(Change::Resolved { since, value: Some(value), peak }))
            }
            (Self::Firing { since, peak }, Verdict::NoData) => {
                (Self::Inactive, Some(Change::Resolved { since, value: None, peak }))
            }
            (Self::Inactive | Self::Pending { .. }, Verdict::Fails(_) | Verdict::NoData) => {
                (Self::Inactive, None)
            }
        }
    }

    fn held(since: Timestamp, value: f64, hold: Duration, now: Timestamp) -> (Self, Option<Change>) {
        if now.since(since) < hold {
            return (Self::Pending { since }, None);
        }
        (Self::Firing { since, peak: value }, Some(Change::Triggered { since, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::{rule, second};

    /// Looks at one verdict a second and lists the changes.
    fn changes(hold_seconds: u64, verdicts: &[Verdict]) -> Vec<(i64, Change)> {
        let threshold = rule("avg > 5", "1m").threshold;
        let hold = Duration::from_secs(hold_seconds);
        let mut state = AlertState::Inactive;
        let mut changes = Vec::new();
        for (at, verdict) in (0..).zip(verdicts) {
            let (next, change) = state.after(*verdict, &threshold, hold, second(at));
            state = next;
            changes.extend(change.map(|change| (at, change)));
        }
        changes
    }

    use Verdict::{Fails, Holds, NoData, Undecided};

    #[test]
    fn without_for_a_condition_fires_at_once() {
        let since = second(0);
        assert_eq!(changes(0, &[Holds(6.0)]), [(0, Change::Triggered { since, value: 6.0 })]);
    }

    #[test]
    fn a_condition_fires_when_it_has_held_for_long_enough() {
        let since = second(1);
        let found = changes(2, &[Fails(1.0), Holds(6.0), Holds(7.0), Holds(8.0), Holds(9.0)]);
        assert_eq!(found, [(3, Change::Triggered { since, value: 8.0 })]);
    }

    #[test]
    fn a_condition_that_fails_in_between_starts_anew() {
        let found = changes(2, &[Holds(6.0), Holds(6.0), Fails(1.0), Holds(6.0), Holds(6.0), Holds(6.0)]);
        assert_eq!(found, [(5, Change::Triggered { since: second(3), value: 6.0 })]);
        assert_eq!(changes(2, &[Holds(6.0), NoData, Holds(6.0), Holds(6.0)]), []);
    }

    #[test]
    fn it_resolves_with_its_peak() {
        let since = second(0);
        let found = changes(0, &[Holds(6.0), Holds(9.0), Holds(7.0), Fails(2.0)]);
        assert_eq!(found[1], (3, Change::Resolved { since, value: Some(2.0), peak: 9.0 }));
        let silent = changes(0, &[Holds(6.0), Undecided, NoData]);
        assert_eq!(silent[1], (2, Change::Resolved { since, value: None, peak: 6.0 }));
    }

    #[test]
    fn too_little_data_changes_nothing() {
        assert_eq!(changes(0, &[Undecided, Undecided]), []);
        assert_eq!(changes(1, &[Holds(6.0), Undecided, Holds(6.0)]).len(), 1);
    }
}
