//! One group of one rule while it has data: its panes, its event clock and its state.
//!
//! Windows end with the newest *event*, not with the wall clock, so data that arrives with a constant delay is evaluated as
//! if it came at once. Once no point has come for a while, the window moves on with the wall clock until it is empty.

use std::time::Duration;

use super::panes::{Contribution, Panes, Summary};
use super::rule::{AlertRule, NoData, SeenValues};
use super::state::{AlertState, Change, Course, Extent, Look, WindowValues};
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
    /// The rules that look at it have changed since it was read.
    RulesChanged,
    /// It was read from the store at the start already.
    Known,
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
            Self::RulesChanged => "rules_changed",
            Self::Known => "known",
        }
    }
}

/// How long a group is remembered that fires, or is kept, although nothing comes.
pub const SILENCE_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// A group that has, or recently had, points.
#[derive(Debug)]
pub struct Instance {
    panes: Panes,
    course: Course,
    newest_event: Timestamp,
    seen_at: Timestamp,
    known_since: Timestamp,
    first_pane: PaneNumber,
    signs: SeenValues,
    /// The last look at closed panes; taken away by each new point.
    looked: Option<(PaneNumber, Summarised)>,
    lateness: Lateness,
}

/// What a look at closed panes found.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Summarised {
    values: WindowValues,
    emptiness: Emptiness,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emptiness {
    Empty,
    HasPoints,
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
        if time < now.minus(rule.measure.window.duration()).minus(lateness.0) {
            return Err(PointRefusal::Late);
        }
        Ok(Self(time.min(now)))
    }

    /// The time from which on a restored instance is looked at.
    pub const fn restored(at: Timestamp) -> Self {
        Self(at)
    }
}

impl Instance {
    pub fn new(rule: &AlertRule, lateness: Lateness, first: EventTime, now: Timestamp) -> Self {
        let pane = rule.measure.window.pane_of(first.0);
        Self {
            panes: Panes::new(rule.measure.window, pane),
            course: Course::default(),
            newest_event: first.0,
            seen_at: now,
            known_since: now,
            first_pane: pane,
            signs: SeenValues::NonNegative,
            looked: None,
            lateness,
        }
    }

    /// As it was before a restart: its state, and when it was first seen; points come later.
    #[must_use]
    pub fn with_course(self, course: Course, known_since: Timestamp) -> Self {
        Self { course, known_since, ..self }
    }

    pub const fn course(&self) -> &Course {
        &self.course
    }

    pub const fn known_since(&self) -> Timestamp {
        self.known_since
    }

    /// Adds a point. Where it opens a new pane, the window up to the one that it closes is looked at first.
    pub fn add(
        &mut self,
        rule: &AlertRule,
        time: EventTime,
        point: Contribution,
        now: Timestamp,
    ) -> Result<Option<Change>, PointRefusal> {
        if time.0 < self.newest_event.minus(self.lateness.0) {
            return Err(PointRefusal::Late);
        }
        let pane = rule.measure.window.pane_of(time.0);
        let mut change = None;
        if pane > self.panes.newest() {
            change = self.look_at(rule, self.panes.newest(), now);
            self.panes.advance_to(pane);
        }
        if point.amount < 0.0 || point.min < 0.0 {
            self.signs = SeenValues::SomeNegative;
        }
        self.panes.add(pane, point).map_err(|_| PointRefusal::Late)?;
        self.newest_event = self.newest_event.max(time.0);
        self.seen_at = now;
        self.looked = None;
        Ok(change)
    }

    /// Adds a point of the past that is known at the start, without looking.
    pub fn refill(&mut self, rule: &AlertRule, time: EventTime, point: Contribution) {
        let pane = rule.measure.window.pane_of(time.0);
        if pane > self.panes.newest() {
            self.panes.advance_to(pane);
        }
        if point.amount < 0.0 || point.min < 0.0 {
            self.signs = SeenValues::SomeNegative;
        }
        self.first_pane = self.first_pane.min(pane);
        self.newest_event = self.newest_event.max(time.0);
        self.looked = None;
        // What has left the window is of no interest.
        let _gone = self.panes.add(pane, point);
    }

    /// Looks at the open pane too, where more data can only strengthen a condition. It can begin to hold by that, not end.
    pub fn look_early(&mut self, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        let open = self.open_value(rule)?;
        let meets = |threshold: &_| rule.is_strengthened_by_data(threshold, self.signs);
        let decides = rule.thresholds.iter().any(|threshold| meets(threshold) && threshold.is_met_by(open));
        if !decides || self.is_too_new(rule, now) {
            return None;
        }
        let (extent, signs) = (Extent::Partial, self.signs);
        self.step(rule, Look::Window(WindowValues { closed: None, open: Some(open), extent, signs }), now)
    }

    /// Moves the window on where data stopped, and looks at what is closed by now.
    pub fn tick(&mut self, rule: &AlertRule, now: Timestamp) -> Option<Change> {
        self.follow_the_clock(rule, now);
        let newest = self.panes.newest();
        let closed =
            if now >= rule.measure.window.end_of(newest) { newest } else { PaneNumber(newest.0 - 1) };
        self.look_at(rule, closed, now)
    }

    /// When it is to be looked at again, if no point comes before.
    ///
    /// A group that is fine, and whose thresholds are all such that points decide by themselves, has nothing to hope or to fear
    /// from panes that close.
    pub fn next_look(&self, rule: &AlertRule, now: Timestamp) -> Timestamp {
        const SECOND: Duration = Duration::from_secs(1);
        let decided = |threshold: &_| rule.is_strengthened_by_data(threshold, self.signs);
        let pane = self.panes.newest();
        let pane_ends = rule.measure.window.end_of(pane);
        let next_pane = if pane_ends > now { pane_ends } else { now.plus(rule.measure.window.pane()) };
        let emptied =
            self.seen_at.plus(rule.measure.window.duration()).plus(self.patience(rule)).plus(SECOND);
        let next = match self.course.state() {
            AlertState::Pending { .. } | AlertState::Recovering { .. } => now.plus(SECOND),
            AlertState::Firing(_) => next_pane,
            AlertState::Inactive if self.is_too_new(rule, now) => {
                self.known_since.plus(rule.new_group_grace.duration())
            }
            AlertState::Inactive if rule.thresholds.iter().all(decided) => emptied,
            AlertState::Inactive => next_pane,
        };
        let next = match rule.no_data {
            NoData::Alert { after } | NoData::Resolve { after: Some(after) } => {
                next.min(self.seen_at.plus(after))
            }
            NoData::Keep | NoData::Resolve { after: None } => next,
        };
        if next > now { next } else { now.plus(SECOND) }
    }

    /// Neither points nor a state that anybody waits for.
    pub fn is_over(&self, rule: &AlertRule, now: Timestamp) -> bool {
        let idle = self.course.state() == &AlertState::Inactive && self.panes.is_empty();
        let awaited = matches!(rule.no_data, NoData::Alert { .. }) && now.since(self.seen_at) < SILENCE_MAX;
        idle && !awaited
    }

    /// Says that nothing has come for so long that nobody waits for it any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.seen_at) >= SILENCE_MAX && self.panes.is_empty()
    }

    /// A window is known to be empty only when what belongs into it can no longer come. Short windows are not made to wait
    /// for longer than they are.
    fn follow_the_clock(&mut self, rule: &AlertRule, now: Timestamp) {
        let silence = now.since(self.seen_at).saturating_sub(self.patience(rule));
        let pane = rule.measure.window.pane_of(self.newest_event.plus(silence));
        if pane > self.panes.newest() {
            self.panes.advance_to(pane);
        }
    }

    fn patience(&self, rule: &AlertRule) -> Duration {
        self.lateness.0.min(rule.measure.window.duration())
    }

    fn look_at(&mut self, rule: &AlertRule, closed: PaneNumber, now: Timestamp) -> Option<Change> {
        let found = match self.looked {
            Some((at, found)) if at == closed => found,
            _ => self.summarise(rule, closed),
        };
        self.looked = Some((closed, found));
        let look = if self.is_silent(rule, found.emptiness, now) {
            Look::NoData
        } else if found.emptiness == Emptiness::Empty || self.is_too_new(rule, now) {
            Look::Undecided
        } else {
            Look::Window(found.values)
        };
        self.step(rule, look, now)
    }

    fn is_silent(&self, rule: &AlertRule, emptiness: Emptiness, now: Timestamp) -> bool {
        let silence = now.since(self.seen_at);
        match rule.no_data {
            NoData::Keep => false,
            NoData::Resolve { after: Some(after) } | NoData::Alert { after } => silence >= after,
            // A restored instance has no points yet; a window's time tells whether any can still come.
            NoData::Resolve { after: None } => {
                emptiness == Emptiness::Empty
                    && silence > self.patience(rule)
                    && silence - self.patience(rule) >= rule.measure.window.duration()
            }
        }
    }

    fn is_too_new(&self, rule: &AlertRule, now: Timestamp) -> bool {
        now.since(self.known_since) < rule.new_group_grace.duration()
    }

    fn step(&mut self, rule: &AlertRule, look: Look, now: Timestamp) -> Option<Change> {
        let (course, change) = std::mem::take(&mut self.course).after(look, rule, now);
        self.course = course;
        change
    }

    fn summarise(&self, rule: &AlertRule, closed: PaneNumber) -> Summarised {
        let emptiness = if self.panes.is_empty() { Emptiness::Empty } else { Emptiness::HasPoints };
        let first = PaneNumber(closed.0 - rule.measure.window.panes() + 1);
        let is_whole = first > self.first_pane || !rule.needs_a_whole_window();
        let extent = if is_whole { Extent::Whole } else { Extent::Partial };
        let closed = value_of(rule, &self.panes.window_to(closed));
        Summarised {
            values: WindowValues { closed, open: self.open_value(rule), extent, signs: self.signs },
            emptiness,
        }
    }

    /// The value of the window that ends with the open pane, where that can decide anything.
    fn open_value(&self, rule: &AlertRule) -> Option<f64> {
        let strengthened = |threshold: &_| rule.is_strengthened_by_data(threshold, self.signs);
        if !rule.thresholds.iter().any(strengthened) {
            return None;
        }
        value_of(rule, &self.panes.window_to(self.panes.newest()))
    }

    pub fn skip(&mut self, time: Duration) {
        self.course.skip(time);
    }

    /// As [`Self::skip`], of time during which points could not come either.
    pub fn sleep(&mut self, time: Duration) {
        self.skip(time);
        self.seen_at = self.seen_at.plus(time);
    }
}

fn value_of(rule: &AlertRule, window: &Summary) -> Option<f64> {
    let enough = window.points() >= rule.points_min.max(1);
    if enough { window.value(rule.measure.aggregation, rule.measure.window.duration()) } else { None }
}
