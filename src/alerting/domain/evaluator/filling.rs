//! Rules that are new while others are evaluated: their windows are filled with the past, and what comes for them meanwhile waits.
//!
//! A rule is held from the moment when it is in force. When its past has been read, what waited and is not in it is added, and the
//! rule is evaluated from then on. Points that were read and come as an event later are known, to the groups of these rules alone.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use super::added::{Added, CounterBook};
use super::{AlertEvaluator, REFILL_REMEMBERED};
use crate::alerting::domain::counters::CounterKey;
use crate::alerting::domain::instance::PointRefusal;
use crate::alerting::domain::panes::Contribution;
use crate::alerting::domain::rule::{AlertRule, RuleKey, RuleSet};
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::GroupId;
use crate::shared::{
    MetricKind, PastPoint, PastRecord, PastValue, SeriesIdentity, SeriesWatch, TenantId, Timestamp,
};

/// What may wait, in numbers. If there is more, it is added without the past.
const HELD_MAX: usize = 100_000;
/// Most moments of records in a group that are read and may be told of by an event later.
const RECORDS_KNOWN_MAX: usize = 100_000;
/// For how many numbers a histogram counts.
const DISTRIBUTION_WEIGHT: usize = 16;

/// The rules whose past is not known yet.
#[derive(Debug, Default)]
pub(super) struct Filling {
    rules: HashMap<RuleKey, (Arc<AlertRule>, Stage)>,
    /// In the order in which it came.
    held: Vec<HeldPoint>,
    held_records: Vec<(GroupId, Contribution)>,
    weight: usize,
    read: Option<Read>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    /// What is read now is for it.
    Reading,
}

/// What was read by now, for the rules whose past is being read.
#[derive(Debug)]
struct Read {
    counters: CounterBook,
    /// The newest point of each series.
    newest: HashMap<CounterKey, Timestamp>,
}

/// A point that waits, with what it adds if nothing is read of its series.
#[derive(Debug, Clone)]
pub(super) struct HeldPoint {
    pub groups: Vec<GroupId>,
    pub key: CounterKey,
    pub kind: MetricKind,
    pub point: PastPoint,
    pub added: Added,
}

/// What was read for a group that events may tell of yet.
#[derive(Debug)]
pub(super) struct Known {
    /// The newest point of each series.
    newest: HashMap<CounterKey, Timestamp>,
    /// How many records there are of each moment. Records have no identity that rules know of.
    records: HashMap<Timestamp, u32>,
    /// Until when that matters.
    until: Timestamp,
}

impl Known {
    fn new(now: Timestamp) -> Self {
        Self { newest: HashMap::new(), records: HashMap::new(), until: now.plus(REFILL_REMEMBERED) }
    }

    fn expect(&mut self, time: Timestamp) {
        if self.records.len() < RECORDS_KNOWN_MAX {
            *self.records.entry(time).or_default() += 1;
        }
    }

    /// Whether a record is one of those that were read, each of which comes once.
    fn takes(&mut self, time: Timestamp, now: Timestamp) -> bool {
        let left = self.records.get_mut(&time).filter(|left| now < self.until && **left > 0);
        left.map(|left| *left -= 1).is_some()
    }

    pub(super) fn has(&self, key: CounterKey, time: Timestamp, now: Timestamp) -> bool {
        now < self.until && self.newest.get(&key).is_some_and(|newest| time <= *newest)
    }

    pub(super) const fn until(&self) -> Timestamp {
        self.until
    }
}

impl Filling {
    pub(super) fn is_active(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Forgets rules that are gone, off, or measure something else.
    pub(super) fn keep_rules(&mut self, rules: &RuleSet) {
        self.rules.retain(|key, (held, _)| {
            rules.find(key).is_some_and(|rule| rule.is_enabled() && rule.measure == held.measure)
        });
    }

    /// What waits for a group is of no interest any more.
    pub(super) fn forget(&mut self, id: GroupId) {
        for held in &mut self.held {
            held.groups.retain(|group| *group != id);
        }
        self.held_records.retain(|(group, _)| *group != id);
    }

    fn wait(&mut self, held: HeldPoint) {
        self.weight += held.weight();
        self.held.push(held);
    }

    fn stage(&self, rule: &AlertRule) -> Option<Stage> {
        if self.rules.is_empty() {
            return None;
        }
        self.rules.get(&rule.key()).map(|(_, stage)| *stage)
    }
}

impl HeldPoint {
    const fn weight(&self) -> usize {
        match self.point.value {
            PastValue::Number(_) => 1,
            PastValue::Observed { .. } => DISTRIBUTION_WEIGHT,
        }
    }
}

impl AlertEvaluator {
    /// What comes for these rules waits from now on, until their windows are filled.
    pub fn hold(&mut self, rules: Vec<Arc<AlertRule>>) {
        self.filling.rules.extend(rules.into_iter().map(|rule| (rule.key(), (rule, Stage::Waiting))));
    }

    /// The rules that wait. What is read of the past from now on is for them.
    pub fn begin_fill(&mut self) -> Vec<Arc<AlertRule>> {
        let mut begun = Vec::new();
        for (rule, stage) in self.filling.rules.values_mut().filter(|(_, stage)| *stage == Stage::Waiting) {
            *stage = Stage::Reading;
            begun.push(Arc::clone(rule));
        }
        if !begun.is_empty() {
            let counters = self.counters.anew();
            self.filling.read = Some(Read { counters, newest: HashMap::new() });
        }
        begun
    }

    /// Takes the past of a series, in order of time, for the rules whose past is being read.
    pub fn fill(&mut self, series: &SeriesIdentity, points: Vec<PastPoint>, now: Timestamp) {
        let watch = self.watchlist.watch(series);
        let Some(groups) = self.groups_of_watch(watch).filter(|_| watch.is_some()) else { return };
        let groups: Vec<GroupId> =
            groups.iter().copied().filter(|id| self.stage_of(*id) == Some(Stage::Reading)).collect();
        let Some(newest) = points.last().map(|point| point.time).filter(|_| !groups.is_empty()) else {
            return;
        };
        let key = CounterKey { tenant: self.tenant(&series.tenant), series: series.id };
        for point in points {
            let time = point.time;
            let Some(read) = &mut self.filling.read else { return };
            let added = read.counters.added(key, series.kind, point, now);
            for id in &groups {
                self.refill_group(*id, time, &added, now);
            }
        }
        if let Some(read) = &mut self.filling.read {
            read.newest.insert(key, newest);
        }
        for id in groups {
            let Some(slot) = self.slot(id) else { continue };
            slot.known.get_or_insert_with(|| Box::new(Known::new(now))).newest.insert(key, newest);
        }
    }

    /// Takes log records or spans of the past, in order of time, for a rule whose past is being read.
    pub fn fill_records(
        &mut self,
        rule: &Arc<AlertRule>,
        tenant: &TenantId,
        records: &[PastRecord],
        now: Timestamp,
    ) {
        if self.filling.stage(rule) != Some(Stage::Reading) {
            return;
        }
        let in_force = self.watchlist.rules_of(&rule.measure.source);
        // Its thresholds may have changed meanwhile.
        let same = |now: &&Arc<AlertRule>| now.key() == rule.key() && now.measure == rule.measure;
        if let Some(rule) = in_force.iter().find(same) {
            self.refill_stored(rule, tenant, records, now);
        }
    }

    /// As [`Self::refill_records`]. The newest are not taken again when an event tells of them.
    pub fn refill_stored(
        &mut self,
        rule: &Arc<AlertRule>,
        tenant: &TenantId,
        records: &[PastRecord],
        now: Timestamp,
    ) {
        self.refill_records(rule, records.iter().map(|record| (tenant, record)), now);
        for record in records.iter().filter(|record| now.since(record.time) < REFILL_REMEMBERED) {
            let group = self.fed_by(rule, tenant, record).map(|(id, _)| id);
            if let Some(slot) = group.and_then(|id| self.slot(id)) {
                slot.known.get_or_insert_with(|| Box::new(Known::new(now))).expect(record.time);
            }
        }
    }

    /// The past has been read: what waited is added, and the rules are evaluated from now on.
    pub fn end_fill(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        self.release(Stage::Reading, now, &mut transitions);
        self.look_early(now, &mut transitions);
        transitions
    }

    pub(super) fn is_held(&self, id: GroupId) -> bool {
        self.stage_of(id).is_some()
    }

    /// Those of some groups that wait, and the others.
    pub(super) fn held_of(&self, groups: Arc<[GroupId]>) -> (Vec<GroupId>, Arc<[GroupId]>) {
        if !self.filling.is_active() {
            return (Vec::new(), groups);
        }
        let (held, others): (Vec<_>, Vec<_>) = groups.iter().copied().partition(|id| self.is_held(*id));
        (held, others.into())
    }

    pub(super) fn hold_point(&mut self, held: HeldPoint, now: Timestamp, out: &mut Vec<Transition>) {
        self.filling.wait(held);
        self.hold_no_more(now, out);
    }

    /// Adds what a record says to its group, unless the record was read of its past already, or the rule waits for that.
    pub(super) fn add_record(
        &mut self,
        id: GroupId,
        rule: &AlertRule,
        point: Contribution,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        if self.filling.stage(rule).is_some() {
            self.filling.weight += 1;
            self.filling.held_records.push((id, point));
            return self.hold_no_more(now, out);
        }
        let known = self.slot(id).and_then(|slot| slot.known.as_mut());
        if known.is_some_and(|known| known.takes(point.time, now)) {
            return self.counts.refuse(PointRefusal::Known);
        }
        match self.contribute(id, rule, point, now) {
            Ok(transition) => out.extend(transition),
            Err(refusal) => self.counts.refuse(refusal),
        }
    }

    /// Gives the past up if too much waits for it.
    fn hold_no_more(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        if self.filling.weight > HELD_MAX {
            self.counts.fills_given_up += 1;
            self.release(Stage::Reading, now, out);
            self.release(Stage::Waiting, now, out);
        }
    }

    fn stage_of(&self, id: GroupId) -> Option<Stage> {
        self.filling.stage(&*self.rule_of(id)?)
    }

    /// Lets the rules at a stage go on with what waited for them.
    fn release(&mut self, stage: Stage, now: Timestamp, out: &mut Vec<Transition>) {
        self.filling.weight = 0;
        let mut due = Vec::new();
        for point in mem::take(&mut self.filling.held) {
            let (ready, others): (Vec<_>, Vec<_>) =
                point.groups.iter().copied().partition(|id| self.stage_of(*id) == Some(stage));
            let waiting: Vec<GroupId> = others.into_iter().filter(|id| self.is_held(*id)).collect();
            if !waiting.is_empty() {
                self.filling.wait(HeldPoint { groups: waiting, ..point.clone() });
            }
            due.push(HeldPoint { groups: ready, ..point });
        }
        let (due_records, waiting): (Vec<_>, Vec<_>) = mem::take(&mut self.filling.held_records)
            .into_iter()
            .partition(|(id, _)| self.stage_of(*id) == Some(stage));
        self.filling.weight += waiting.len();
        self.filling.held_records = waiting;
        let mut read = self.filling.read.take().filter(|_| stage == Stage::Reading);
        self.filling.rules.retain(|_, (_, at)| *at != stage);
        for HeldPoint { groups, key, kind, point, added } in due {
            let time = point.time;
            let follows = |read: &&mut Read| read.newest.get(&key).is_some_and(|newest| *newest < time);
            let added = match read.as_mut().filter(follows) {
                Some(read) => read.counters.added(key, kind, point, now),
                None => added,
            };
            for id in groups {
                self.add_new(id, key, time, &added, now, out);
            }
        }
        if let Some(read) = read {
            self.counters.learn(read.counters);
        }
        for (id, point) in due_records {
            if let Some(rule) = self.rule_of(id) {
                self.add_record(id, &rule, point, now, out);
            }
        }
    }
}
