//! What a point adds, before it is known to which window: cumulative series are read through their increase.

use std::time::Duration;

use crate::alerting::domain::counters::{CounterKey, CounterPoint, Counters, Increase};
use crate::alerting::domain::instance::PointRefusal;
use crate::alerting::domain::panes::Contribution;
use crate::alerting::domain::rule::AlertRule;
use crate::shared::distribution::Distribution;
use crate::shared::{MetricKind, PastPoint, PastValue, Temporality, Timestamp};

/// What a point adds.
#[derive(Debug, Clone)]
pub(super) enum Added {
    Number { increase: Increase<f64>, last: f64 },
    Observed { increase: Increase<Distribution>, min: Option<f64>, max: Option<f64> },
}

/// The last points of cumulative series.
#[derive(Debug)]
pub(super) struct CounterBook {
    numbers: Counters<f64>,
    distributions: Counters<Distribution>,
}

impl CounterBook {
    pub(super) fn new(series_max: usize, look_back: Duration) -> Self {
        Self {
            numbers: Counters::new(series_max, look_back),
            distributions: Counters::new(series_max, look_back),
        }
    }

    /// An empty one with the same limits.
    pub(super) fn anew(&self) -> Self {
        Self { numbers: self.numbers.anew(), distributions: self.distributions.anew() }
    }

    /// The longest window may have changed.
    pub(super) const fn look_back_for(&mut self, look_back: Duration) {
        self.numbers.look_back_for(look_back);
        self.distributions.look_back_for(look_back);
    }

    pub(super) fn forget_silent(&mut self, now: Timestamp) {
        self.numbers.forget_silent(now);
        self.distributions.forget_silent(now);
    }

    /// How many series are remembered.
    pub(super) fn len(&self) -> usize {
        self.numbers.len() + self.distributions.len()
    }

    /// Takes over what another book knows of series that this one does not know.
    pub(super) fn learn(&mut self, other: Self) {
        self.numbers.learn(other.numbers);
        self.distributions.learn(other.distributions);
    }

    pub(super) fn added(
        &mut self,
        key: CounterKey,
        kind: MetricKind,
        point: PastPoint,
        now: Timestamp,
    ) -> Added {
        let (time, start) = (point.time, point.start);
        match point.value {
            PastValue::Number(last) => {
                let increase = if kind.is_cumulative_counter() {
                    self.numbers.increase(key, CounterPoint { time, start, value: last }, now)
                } else {
                    Increase::SinceLast(last)
                };
                Added::Number { increase, last }
            }
            PastValue::Observed { observed, min, max } => {
                let cumulative = kind.temporality() == Some(Temporality::Cumulative);
                if !cumulative {
                    return Added::Observed { increase: Increase::SinceLast(observed), min, max };
                }
                // Lowest and highest of a cumulative point are those of its whole life.
                let increase =
                    self.distributions.increase(key, CounterPoint { time, start, value: observed }, now);
                Added::Observed { increase, min: None, max: None }
            }
        }
    }
}

impl Added {
    /// What counts for a window that ends with a point at `time`; `None` if that cannot be known.
    pub(super) fn contribution(
        &self,
        rule: &AlertRule,
        time: Timestamp,
    ) -> Result<Option<Contribution>, PointRefusal> {
        let window = rule.measure.window.duration();
        match self {
            Self::Number { last, .. } if rule.measure.aggregation.is_a_level() => {
                Ok(Some(Contribution::number(time, *last)))
            }
            Self::Number { increase, .. } => {
                Ok(within(increase, window, time)?.map(|added| Contribution::number(time, *added)))
            }
            Self::Observed { increase, min, max } => Ok(within(increase, window, time)?
                .map(|added| Contribution::observed(time, added.clone(), *min, *max))),
        }
    }
}

fn within<V>(increase: &Increase<V>, window: Duration, time: Timestamp) -> Result<Option<&V>, PointRefusal> {
    match increase {
        Increase::SinceLast(added) => Ok(Some(added)),
        Increase::SinceStart { added, start } => Ok((time.since(*start) <= window).then_some(added)),
        Increase::Unknown => Ok(None),
        Increase::OutOfOrder => Err(PointRefusal::OutOfOrder),
        Increase::NoRoom => Err(PointRefusal::TooManyCounters),
    }
}
