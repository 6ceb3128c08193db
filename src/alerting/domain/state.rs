//! The states of one instance: inactive, pending, firing, recovering; and what it takes to go from one to the next.

use std::time::Duration;

use super::condition::Threshold;
use super::rule::{AlertRule, SeenValues};
use super::rule_words::Severity;
use crate::shared::Timestamp;

/// Where an instance stands, as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum AlertState {
    #[default]
    Inactive,
    /// A threshold is met, but not for long enough yet.
    Pending {
        since: Timestamp,
    },
    Firing(Episode),
    /// No threshold is met any more, and it fires on until it has been so for long enough.
    Recovering {
        episode: Episode,
        until: Timestamp,
    },
}

/// A time during which an instance fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Episode {
    /// When the condition began to hold.
    pub since: Timestamp,
    pub severity: Severity,
    /// The value furthest beyond its threshold; absent while it fires because nothing came.
    pub peak: Option<f64>,
}

/// Where one threshold stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Step {
    #[default]
    Off,
    /// Met since then, not for long enough yet.
    Pending { since: Timestamp },
    /// Met for long enough, and not over since.
    On { since: Timestamp },
}

/// An instance's state, with that of each of its rule's thresholds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Course {
    state: AlertState,
    /// In the order of the rule's thresholds. Missing ones are off.
    steps: Vec<Step>,
}

/// What a look at the window told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Look {
    Window(WindowValues),
    /// No point came for longer than the rule waits.
    NoData,
    /// There is too little to tell.
    Undecided,
}

/// The values of a window; absent where there are too few points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowValues {
    /// Up to the last pane that is closed.
    pub closed: Option<f64>,
    /// With the pane that is still open: says something only where more data cannot undo it.
    pub open: Option<f64>,
    pub extent: Extent,
    pub signs: SeenValues,
}

/// Whether a window lies wholly within what was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Whole,
    Partial,
}

/// A step from one state to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// It has to hold for a while yet.
    Pended {
        since: Timestamp,
        value: f64,
    },
    /// It held for too short a time.
    Calmed {
        value: Option<f64>,
    },
    Triggered {
        since: Timestamp,
        severity: Severity,
        cause: Cause,
    },
    /// Another threshold is the worst now.
    Shifted {
        since: Timestamp,
        from: Severity,
        severity: Severity,
        cause: Cause,
        peak: Option<f64>,
    },
    /// It fires on for a while.
    Recovering {
        since: Timestamp,
        value: Option<f64>,
    },
    /// It met a threshold again while it was recovering.
    Relapsed {
        since: Timestamp,
        value: f64,
    },
    Resolved {
        since: Timestamp,
        severity: Severity,
        peak: Option<f64>,
        ending: Ending,
    },
}

/// Why it fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause {
    Value(f64),
    NoData,
}

/// Why it fires no more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ending {
    /// Without a value: too few points came while it was recovering.
    Value(Option<f64>),
    NoData,
    /// Its rule measures something else now, or is gone, or off.
    RuleChanged,
}

impl Change {
    /// Whether people are told of it.
    pub const fn is_told(&self) -> bool {
        matches!(self, Self::Triggered { .. } | Self::Shifted { .. } | Self::Resolved { .. })
    }
}

/// What a threshold says of values that were looked at.
enum Verdict {
    Met(f64),
    Over(f64),
    /// Between the threshold and its recovery value.
    Between(f64),
    Undecided,
}

impl WindowValues {
    fn verdict(&self, rule: &AlertRule, threshold: &Threshold) -> Verdict {
        let strengthened = rule.is_strengthened_by_data(threshold, self.signs);
        let open = self.open.filter(|_| strengthened);
        if let Some(value) = open.filter(|value| threshold.is_met_by(*value)) {
            return Verdict::Met(value);
        }
        if rule.measure.aggregation.grows() && !strengthened && self.extent == Extent::Partial {
            return Verdict::Undecided;
        }
        match self.closed {
            None => Verdict::Undecided,
            Some(value) if threshold.is_met_by(value) => Verdict::Met(value),
            Some(value)
                if threshold.is_over_at(value) && open.is_none_or(|open| threshold.is_over_at(open)) =>
            {
                Verdict::Over(value)
            }
            Some(value) => Verdict::Between(value),
        }
    }
}

impl Step {
    fn after(self, verdict: &Verdict, hold: Duration, now: Timestamp) -> Self {
        match (self, verdict) {
            (step, Verdict::Undecided) => step,
            (Self::Off, Verdict::Met(_)) => Self::held(now, hold, now),
            (Self::Pending { since }, Verdict::Met(_)) => Self::held(since, hold, now),
            (Self::On { since }, Verdict::Met(_) | Verdict::Between(_)) => Self::On { since },
            (_, Verdict::Over(_) | Verdict::Between(_)) => Self::Off,
        }
    }

    fn held(since: Timestamp, hold: Duration, now: Timestamp) -> Self {
        if now.since(since) < hold { Self::Pending { since } } else { Self::On { since } }
    }
}

/// What the thresholds say together.
#[derive(Debug, Default)]
struct Level {
    /// The worst threshold that is on.
    on: Option<(Severity, Timestamp, Option<f64>)>,
    pending: Option<Timestamp>,
    /// Of any threshold that decided something.
    value: Option<f64>,
}

impl Course {
    /// As it was kept.
    pub const fn restored(state: AlertState, steps: Vec<Step>) -> Self {
        Self { state, steps }
    }

    pub const fn state(&self) -> &AlertState {
        &self.state
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The time for which it fires, if it does.
    pub const fn episode(&self) -> Option<&Episode> {
        match &self.state {
            AlertState::Firing(episode) | AlertState::Recovering { episode, .. } => Some(episode),
            AlertState::Inactive | AlertState::Pending { .. } => None,
        }
    }

    /// The course after a look at `now`, and the change that came of it, if any.
    #[must_use]
    pub fn after(mut self, look: Look, rule: &AlertRule, now: Timestamp) -> (Self, Option<Change>) {
        let change = match look {
            Look::Window(values) => {
                let level = self.climb(&values, rule, now);
                self.stand(&level, rule, now)
            }
            Look::NoData => self.fall_silent(rule, now),
            Look::Undecided => self.recover(None, now),
        };
        (self, change)
    }

    /// Its rule is gone, or measures something else.
    pub fn end(self) -> Option<Change> {
        let Episode { since, severity, peak } = *self.episode()?;
        Some(Change::Resolved { since, severity, peak, ending: Ending::RuleChanged })
    }

    /// Time during which nobody looked does not count.
    pub fn skip(&mut self, time: Duration) {
        let shifted = |since: &mut Timestamp| *since = since.plus(time);
        match &mut self.state {
            AlertState::Pending { since } => shifted(since),
            AlertState::Recovering { until, .. } => shifted(until),
            AlertState::Inactive | AlertState::Firing(_) => {}
        }
        for step in &mut self.steps {
            if let Step::Pending { since } = step {
                shifted(since);
            }
        }
    }

    fn climb(&mut self, values: &WindowValues, rule: &AlertRule, now: Timestamp) -> Level {
        self.steps.resize(rule.thresholds.len(), Step::Off);
        // What is met again while it recovers was met for long enough before.
        let regained = match self.state {
            AlertState::Recovering { episode, .. } => Some(episode.severity),
            AlertState::Inactive | AlertState::Pending { .. } | AlertState::Firing(_) => None,
        };
        let mut level = Level::default();
        for (step, threshold) in self.steps.iter_mut().zip(rule.thresholds.iter()) {
            let verdict = values.verdict(rule, threshold);
            let value = match verdict {
                Verdict::Met(value) | Verdict::Over(value) | Verdict::Between(value) => Some(value),
                Verdict::Undecided => None,
            };
            let is_regained = regained.is_some_and(|severity| threshold.severity() <= severity);
            let hold = if is_regained { Duration::ZERO } else { rule.hold.duration() };
            *step = step.after(&verdict, hold, now);
            level.value = value.or(level.value);
            match *step {
                Step::On { since } => level.on = Some((threshold.severity(), since, value)),
                Step::Pending { since } => {
                    level.pending = Some(level.pending.map_or(since, |at| at.min(since)));
                }
                Step::Off => {}
            }
        }
        level
    }

    fn stand(&mut self, level: &Level, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        let Some((severity, since, value)) = level.on else { return self.stand_down(level, rule, now) };
        match self.state {
            AlertState::Inactive | AlertState::Pending { .. } => {
                let value = value?;
                self.state = AlertState::Firing(Episode { since, severity, peak: Some(value) });
                Some(Change::Triggered { since, severity, cause: Cause::Value(value) })
            }
            AlertState::Firing(episode) | AlertState::Recovering { episode, .. } => {
                let relapsed = matches!(self.state, AlertState::Recovering { .. });
                let peak = worse(rule, severity, episode.peak, value);
                self.state = AlertState::Firing(Episode { severity, peak, ..episode });
                let since = episode.since;
                let shifted = |value| {
                    let (from, cause) = (episode.severity, Cause::Value(value));
                    Change::Shifted { since, from, severity, cause, peak }
                };
                match value {
                    Some(value) if severity != episode.severity || episode.peak.is_none() => {
                        Some(shifted(value))
                    }
                    Some(value) if relapsed => Some(Change::Relapsed { since, value }),
                    _ => None,
                }
            }
        }
    }

    /// No threshold is on.
    fn stand_down(&mut self, level: &Level, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        match self.state {
            AlertState::Inactive => {
                let (since, value) = level.pending.zip(level.value)?;
                self.state = AlertState::Pending { since };
                Some(Change::Pended { since, value })
            }
            AlertState::Pending { .. } => {
                if level.pending.is_some() || level.value.is_none() {
                    return None;
                }
                self.state = AlertState::Inactive;
                Some(Change::Calmed { value: level.value })
            }
            AlertState::Firing(episode) => {
                // Nothing was decided, so nothing is over.
                let value = level.value?;
                let keep = rule.keep_firing.duration();
                if keep.is_zero() || episode.peak.is_none() {
                    return Some(self.resolve(episode, Ending::Value(Some(value))));
                }
                self.state = AlertState::Recovering { episode, until: now.plus(keep) };
                Some(Change::Recovering { since: episode.since, value: Some(value) })
            }
            AlertState::Recovering { .. } => self.recover(level.value, now),
        }
    }

    fn recover(&mut self, value: Option<f64>, now: Timestamp) -> Option<Change> {
        let AlertState::Recovering { episode, until } = self.state else { return None };
        (now >= until).then(|| self.resolve(episode, Ending::Value(value)))
    }

    fn fall_silent(&mut self, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        use super::rule::NoData;
        match rule.no_data {
            NoData::Keep => self.recover(None, now),
            NoData::Resolve { .. } => {
                self.steps.clear();
                let change = self.episode().copied().map(|episode| self.resolve(episode, Ending::NoData));
                let pending = std::mem::take(&mut self.state) != AlertState::Inactive;
                change.or(pending.then_some(Change::Calmed { value: None }))
            }
            NoData::Alert { .. } => {
                self.steps.clear();
                let severity = rule.thresholds.worst_severity();
                match self.episode().copied() {
                    Some(Episode { peak: None, .. }) => None,
                    Some(Episode { since, severity: from, peak }) => {
                        self.state = AlertState::Firing(Episode { since, severity, peak: None });
                        Some(Change::Shifted { since, from, severity, cause: Cause::NoData, peak })
                    }
                    None => {
                        self.state = AlertState::Firing(Episode { since: now, severity, peak: None });
                        Some(Change::Triggered { since: now, severity, cause: Cause::NoData })
                    }
                }
            }
        }
    }

    fn resolve(&mut self, Episode { since, severity, peak }: Episode, ending: Ending) -> Change {
        self.state = AlertState::Inactive;
        Change::Resolved { since, severity, peak, ending }
    }
}

fn worse(rule: &AlertRule, severity: Severity, peak: Option<f64>, value: Option<f64>) -> Option<f64> {
    match (rule.thresholds.of(severity), peak, value) {
        (Some(threshold), Some(peak), Some(value)) => Some(threshold.worse(peak, value)),
        (_, peak, value) => peak.or(value),
    }
}

#[cfg(test)]
mod tests;
