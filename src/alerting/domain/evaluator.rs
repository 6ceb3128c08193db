//! `AlertEvaluator`: points and time in, transitions out. Pure: no I/O, no async, no clock of its own.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use super::counters::{COUNTER_SERIES_MAX, Counters, Increase};
use super::instance::{EventTime, Instance, Lateness, PointRefusal};
use super::rule::{AlertRule, RuleSet};
use super::state::Change;
use super::transition::Transition;
use super::watchlist::{Group, GroupId, Watchlist};
use crate::shared::{MetricKind, MetricsIngested, NumberRow, Timestamp, WatchId};

/// Groups of one rule that are evaluated at a time.
pub const INSTANCES_PER_RULE_MAX: usize = 1_000;
/// How often silent counter series are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// What the evaluator may keep in memory, and how long it waits for points.
#[derive(Debug, Clone, Copy)]
pub struct EvaluatorLimits {
    pub instances_per_rule: usize,
    pub counter_series: usize,
    pub lateness: Lateness,
}

impl Default for EvaluatorLimits {
    fn default() -> Self {
        Self {
            instances_per_rule: INSTANCES_PER_RULE_MAX,
            counter_series: COUNTER_SERIES_MAX,
            lateness: Lateness::default(),
        }
    }
}

/// What happened besides transitions since it was last asked.
#[derive(Debug, Default)]
pub struct EvaluationCounts {
    pub evaluations: u64,
    pub refused: BTreeMap<PointRefusal, u64>,
    /// Rules that ran out of instances for the first time.
    pub overflowed: Vec<Arc<AlertRule>>,
}

/// Evaluates all rules over the points that they look at.
#[derive(Debug)]
pub struct AlertEvaluator {
    watchlist: Arc<Watchlist>,
    watches: Vec<Arc<[GroupId]>>,
    slots: Vec<Slot>,
    live: Vec<GroupId>,
    rooms: Vec<Room>,
    touched: Vec<GroupId>,
    counters: Counters,
    counter_silence: Duration,
    forgotten_at: Timestamp,
    limits: EvaluatorLimits,
    counts: EvaluationCounts,
}

#[derive(Debug)]
struct Slot {
    group: Arc<Group>,
    instance: Option<Box<Instance>>,
    presence: Presence,
}

/// Whether points came with the batch at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Quiet,
    Touched,
}

/// The instances of one rule.
#[derive(Debug, Clone, Copy, Default)]
struct Room {
    taken: usize,
    history: RoomHistory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum RoomHistory {
    #[default]
    Sufficed,
    Overflowed,
}

impl AlertEvaluator {
    pub fn new(rules: &RuleSet, watchlist: Arc<Watchlist>, limits: EvaluatorLimits) -> Self {
        let longest = rules.rules().iter().map(|rule| rule.window.duration()).max().unwrap_or_default();
        Self {
            watchlist,
            watches: Vec::new(),
            slots: Vec::new(),
            live: Vec::new(),
            rooms: vec![Room::default(); rules.len()],
            touched: Vec::new(),
            counters: Counters::new(limits.counter_series),
            counter_silence: longest + limits.lateness.0,
            forgotten_at: Timestamp::EPOCH,
            limits,
            counts: EvaluationCounts::default(),
        }
    }

    /// Takes points that became visible. Rules that more data can only strengthen are decided at once.
    pub fn observe(&mut self, event: &MetricsIngested, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for columns in event.columns.iter().map(|columns| &columns.numbers) {
            for run in columns.runs() {
                let watches = columns.watches().get(run.rows.clone()).unwrap_or_default();
                for (at, watch) in run.rows.zip(watches) {
                    if watch.is_some()
                        && let Some(row) = columns.row(at)
                    {
                        self.point(run.kind, &row, now, &mut transitions);
                    }
                }
            }
        }
        self.look_early(now, &mut transitions);
        transitions
    }

    /// Call it every second: for conditions that have to hold for a while, panes that time closes, and data that stops.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let mut live = mem::take(&mut self.live);
        live.retain(|id| self.tick_group(*id, now, &mut transitions));
        self.live = live;
        if now.since(self.forgotten_at) >= FORGET_EVERY {
            self.counters.forget_silent(self.counter_silence, now);
            self.forgotten_at = now;
        }
        transitions
    }

    /// How many groups have data or fire.
    pub fn instances(&self) -> usize {
        self.live.len()
    }

    /// How many counter series are remembered.
    pub fn counter_series(&self) -> usize {
        self.counters.len()
    }

    pub fn take_counts(&mut self) -> EvaluationCounts {
        mem::take(&mut self.counts)
    }

    fn point(&mut self, kind: MetricKind, row: &NumberRow, now: Timestamp, out: &mut Vec<Transition>) {
        if !row.has_value() {
            return;
        }
        if row.value.is_nan() {
            return self.counts.refuse(PointRefusal::NotANumber);
        }
        let increase = if kind.is_cumulative_counter() {
            self.counters.increase(row, now)
        } else {
            Increase::SinceLast(row.value)
        };
        let Some(groups) = self.groups_of(row.watch) else { return };
        for id in groups.iter() {
            match self.add(*id, row.time, increase, now) {
                Ok(transition) => out.extend(transition),
                Err(refusal) => self.counts.refuse(refusal),
            }
        }
    }

    fn groups_of(&mut self, watch: WatchId) -> Option<Arc<[GroupId]>> {
        let at = usize::try_from(watch.0).ok()?.checked_sub(1)?;
        if at >= self.watches.len() {
            self.learn();
        }
        self.watches.get(at).map(Arc::clone)
    }

    fn learn(&mut self) {
        let added = self.watchlist.added_since(self.slots.len(), self.watches.len());
        let slot = |group| Slot { group, instance: None, presence: Presence::Quiet };
        self.slots.extend(added.groups.into_iter().map(slot));
        self.watches.extend(added.watches);
    }

    fn add(
        &mut self,
        id: GroupId,
        time: Timestamp,
        increase: Increase,
        now: Timestamp,
    ) -> Result<Option<Transition>, PointRefusal> {
        let Some(slot) = self.slots.get_mut(id.0) else { return Ok(None) };
        let rule = &*slot.group.rule;
        let Some(value) = increase.within(rule.window.duration(), time)? else { return Ok(None) };
        let event_time = EventTime::check(rule, self.limits.lateness, time, now)?;
        let instance = match &mut slot.instance {
            Some(instance) => instance,
            vacant => {
                let room = self.rooms.get_mut(slot.group.number.0).ok_or(PointRefusal::TooManyInstances)?;
                if room.taken >= self.limits.instances_per_rule {
                    self.counts.overflowed.extend(room.first_overflow(&slot.group.rule));
                    return Err(PointRefusal::TooManyInstances);
                }
                room.taken += 1;
                self.live.push(id);
                vacant.insert(Box::new(Instance::new(rule, self.limits.lateness, event_time, now)))
            }
        };
        let change = instance.add(rule, event_time, value, now)?;
        if slot.presence == Presence::Quiet {
            slot.presence = Presence::Touched;
            self.touched.push(id);
        }
        Ok(slot.transition(change, now))
    }

    fn look_early(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        for id in self.touched.drain(..) {
            let Some(slot) = self.slots.get_mut(id.0) else { continue };
            slot.presence = Presence::Quiet;
            let rule = &slot.group.rule;
            let change = slot.instance.as_mut().and_then(|instance| instance.look_early(rule, now));
            self.counts.evaluations += 1;
            out.extend(slot.transition(change, now));
        }
    }

    /// Says whether the group still has an instance.
    fn tick_group(&mut self, id: GroupId, now: Timestamp, out: &mut Vec<Transition>) -> bool {
        let Some(slot) = self.slots.get_mut(id.0) else { return false };
        let Some(instance) = &mut slot.instance else { return false };
        let change = instance.tick(&slot.group.rule, now);
        let over = instance.is_over();
        self.counts.evaluations += 1;
        out.extend(slot.transition(change, now));
        if over {
            slot.instance = None;
            if let Some(room) = self.rooms.get_mut(slot.group.number.0) {
                room.taken = room.taken.saturating_sub(1);
            }
        }
        !over
    }
}

impl Slot {
    fn transition(&self, change: Option<Change>, at: Timestamp) -> Option<Transition> {
        change.map(|change| Transition { group: Arc::clone(&self.group), change, at })
    }
}

impl Room {
    /// The rule, if this has not happened to it before.
    fn first_overflow(&mut self, rule: &Arc<AlertRule>) -> Option<Arc<AlertRule>> {
        let before = mem::replace(&mut self.history, RoomHistory::Overflowed);
        (before == RoomHistory::Sufficed).then(|| Arc::clone(rule))
    }
}

impl EvaluationCounts {
    fn refuse(&mut self, refusal: PointRefusal) {
        *self.refused.entry(refusal).or_default() += 1;
    }
}

impl Increase {
    /// What counts for a window that ends with a point at `time`; `None` if that cannot be known.
    fn within(self, window: Duration, time: Timestamp) -> Result<Option<f64>, PointRefusal> {
        match self {
            Self::SinceLast(added) => Ok(Some(added)),
            Self::SinceStart { added, start } => Ok((time.since(start) <= window).then_some(added)),
            Self::Unknown => Ok(None),
            Self::OutOfOrder => Err(PointRefusal::OutOfOrder),
            Self::NoRoom => Err(PointRefusal::TooManyCounters),
        }
    }
}

#[cfg(test)]
mod tests;
