//! One group of one rule while it has data: its panes, its event clock and its state.
//!
//! Windows end with the newest *event*, not with the wall clock, so data that arrives with a constant delay is evaluated as
//! if it came at once. Once no point has come for a while, the window moves on with the wall clock until it is empty.

use std::time::Duration;

use super::panes::Panes;
use super::rule::{AlertRule, SeenValues};
use super::state::{AlertState, Change, Verdict};
use super::window::PaneNumber;
use crate::shared::Timestamp;

/// How much older than the newest point of its group a point may be, and how far ahead of our clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness(pub Duration);

impl Default for Lateness {
    /// Half a minute: the usual delay of a collector that batches (alerting.md, "Evaluation").
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

/// Why a point is not evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PointRefusal {
    /// Older than the newest of its group by more than [`Lateness`], or than now by a window more than that.
    Late,
    /// Ahead of the clock by more than [`Lateness`].
    Future,
    /// Not newer than the point before it of the same counter.
    OutOfOrder,
    NotANumber,
    /// Its group would be one more than the rule may have.
    TooManyInstances,
    /// Its series would be one more counter than can be remembered.
    TooManyCounters,
}

impl PointRefusal {
    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Future => "future",
            Self::OutOfOrder => "out_of_order",
            Self::NotANumber => "not_a_number",
            Self::TooManyInstances => "too_many_instances",
            Self::TooManyCounters => "too_many_counters",
        }
    }
}

/// A group that has, or recently had, points.
#[derive(Debug)]
pub struct Instance {
    panes: Panes,
    state: AlertState,
    newest_event: Timestamp,
    seen_at: Timestamp,
    first_pane: PaneNumber,
    values: SeenValues,
    /// The last look at closed panes; taken away by each new point.
    looked: Option<(PaneNumber, Verdict)>,
    lateness: Lateness,
}

/// A point's time, checked against the clocks.
#[derive(Debug, Clone, Copy)]
pub struct EventTime(Timestamp);

impl EventTime {
    /// A sender's clock may be a little ahead: such points count as of now.
    pub fn check(
        rule: &AlertRule,
        lateness: Lateness,
        time: Timestamp,
        now: Timestamp,
    ) -> Result<Self, PointRefusal> {
        if time > now.plus(lateness.0) {
            return Err(PointRefusal::Future);
        }
        if time < now.minus(rule.window.duration()).minus(lateness.0) {
            return Err(PointRefusal::Late);
        }
        Ok(Self(time.min(now)))
    }
}

impl Instance {
    pub fn new(rule: &AlertRule, lateness: Lateness, first: EventTime, now: Timestamp) -> Self {
        let pane = rule.window.pane_of(first.0);
        Self {
            panes: Panes::new(rule.window, pane),
            state: AlertState::Inactive,
            newest_event: first.0,
            seen_at: now,
            first_pane: pane,
            values: SeenValues::NonNegative,
            looked: None,
            lateness,
        }
    }

    /// Adds a point. Where it opens a new pane, the window up to the one that it closes is looked at first.
    pub fn add(
        &mut self,
        rule: &AlertRule,
        time: EventTime,
        value: f64,
        now: Timestamp,
    ) -> Result<Option<Change>, PointRefusal> {
        if time.0 < self.newest_event.minus(self.lateness.0) {
            return Err(PointRefusal::Late);
        }
        let pane = rule.window.pane_of(time.0);
        let mut change = None;
        if pane > self.panes.newest() {
            change = self.look(rule, self.panes.newest(), now);
            self.panes.advance_to(pane);
        }
        self.panes.add(pane, value).map_err(|_| PointRefusal::Late)?;
        self.newest_event = self.newest_event.max(time.0);
        self.seen_at = now;
        self.looked = None;
        if value < 0.0 {
            self.values = SeenValues::SomeNegative;
        }
        Ok(change)
    }

    /// Looks at the open pane too, where more data can only strengthen the condition. It can begin to hold by that, not end.
    pub fn look_early(&mut self, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        let held = self.early_verdict(rule)?;
        self.step(rule, held, now)
    }

    /// Moves the window on where data stopped, and looks at what is closed by now.
    pub fn tick(&mut self, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        self.follow_the_clock(rule, now);
        let newest = self.panes.newest();
        let closed = if now >= rule.window.end_of(newest) { newest } else { PaneNumber(newest.0 - 1) };
        self.look(rule, closed, now)
    }

    /// Neither points nor a state that anybody waits for.
    pub fn is_over(&self) -> bool {
        self.panes.is_empty() && self.state == AlertState::Inactive
    }

    /// A window is known to be empty only when what belongs into it can no longer come. Short windows are not made to wait
    /// for longer than they are.
    fn follow_the_clock(&mut self, rule: &AlertRule, now: Timestamp) {
        let patience = self.lateness.0.min(rule.window.duration());
        let silence = now.since(self.seen_at).saturating_sub(patience);
        let pane = rule.window.pane_of(self.newest_event.plus(silence));
        if pane > self.panes.newest() {
            self.panes.advance_to(pane);
        }
    }

    fn look(&mut self, rule: &AlertRule, closed: PaneNumber, now: Timestamp) -> Option<Change> {
        let verdict = match self.looked {
            Some((at, verdict)) if at == closed => verdict,
            _ => self.verdict(rule, closed),
        };
        self.looked = Some((closed, verdict));
        self.step(rule, verdict, now)
    }

    fn step(&mut self, rule: &AlertRule, verdict: Verdict, now: Timestamp) -> Option<Change> {
        let state = std::mem::take(&mut self.state);
        let (state, change) = state.after(verdict, &rule.threshold, rule.hold.duration(), now);
        self.state = state;
        change
    }

    fn verdict(&self, rule: &AlertRule, closed: PaneNumber) -> Verdict {
        if self.panes.is_empty() {
            return Verdict::NoData;
        }
        if let Some(held) = self.early_verdict(rule) {
            return held;
        }
        let first = PaneNumber(closed.0 - rule.window.panes() + 1);
        if rule.needs_a_whole_window() && first <= self.first_pane {
            return Verdict::Undecided;
        }
        match self.panes.window_to(closed).value(rule.aggregation) {
            None => Verdict::Undecided,
            Some(value) if rule.threshold.is_met_by(value) => Verdict::Holds(value),
            Some(value) => Verdict::Fails(value),
        }
    }

    fn early_verdict(&self, rule: &AlertRule) -> Option<Verdict> {
        if !rule.is_strengthened_by_data(self.values) {
            return None;
        }
        let value = self.panes.window_to(self.panes.newest()).value(rule.aggregation)?;
        rule.threshold.is_met_by(value).then_some(Verdict::Holds(value))
    }
}
