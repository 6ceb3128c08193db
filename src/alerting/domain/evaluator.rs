//! `AlertEvaluator`: points and time in, transitions out. Pure: no I/O, no async, no clock of its own.

mod added;
mod filling;
mod intake;
mod records;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use self::added::CounterBook;
use self::filling::{Filling, Known};
use super::alert::AlertKey;
use super::counters::{COUNTER_SERIES_MAX, CounterKey, LOOK_BACK, TenantNumber};
use super::instance::{EventTime, Instance, Lateness, PointRefusal};
use super::rule::{AlertRule, NoData, RuleKey, RuleSet};
use super::state::{Change, Course};
use super::transition::Transition;
use super::watchlist::{Group, GroupChange, GroupId, GroupKey, Watchlist};
use crate::shared::{MetricsIngested, TenantId, Timestamp, WatchId};

/// Groups of one rule that are evaluated at a time.
pub const INSTANCES_PER_RULE_MAX: usize = 1_000;
/// How often silent counter series are looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// When a group is looked at again that cannot be looked at now.
const SECOND: Duration = Duration::from_secs(1);
/// How long points are compared with what was read of the past.
const REFILL_REMEMBERED: Duration = Duration::from_secs(300);

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
    /// Groups that fire when nothing comes, and that are new or gone: a restart has to know of them.
    pub awaited: Vec<GroupKey>,
    /// How often so much came for rules whose windows were being filled that they went on without their past.
    pub fills_given_up: u64,
}

/// What of an instance outlives the process.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptInstance {
    pub key: GroupKey,
    pub course: Course,
    pub known_since: Timestamp,
}

/// Evaluates all rules over the points that they look at.
#[derive(Debug)]
pub struct AlertEvaluator {
    watchlist: Arc<Watchlist>,
    watches: HashMap<WatchId, Option<Arc<[GroupId]>>>,
    slots: Vec<Option<Box<Slot>>>,
    /// When which groups are to be looked at. What stands elsewhere in a slot's own [`Slot::due`] is no longer meant.
    agenda: BTreeMap<Timestamp, Vec<GroupId>>,
    rooms: HashMap<RuleKey, Room>,
    touched: Vec<GroupId>,
    tenants: HashMap<TenantId, TenantNumber>,
    counters: CounterBook,
    refilled: Option<Refilled>,
    filling: Filling,
    /// Alerts that were over because nothing came, and since when: what came before says nothing new about them.
    fell_silent: HashMap<(TenantId, AlertKey), Timestamp>,
    housekept_at: Timestamp,
    limits: EvaluatorLimits,
    counts: EvaluationCounts,
}

/// The newest point of each series that was read at the start.
#[derive(Debug)]
struct Refilled {
    newest: HashMap<CounterKey, Timestamp>,
    /// Until when that matters.
    until: Timestamp,
}

#[derive(Debug)]
struct Slot {
    group: Arc<Group>,
    instance: Instance,
    presence: Presence,
    due: Timestamp,
    /// What was read of its past while others were evaluated.
    known: Option<Box<Known>>,
}

/// Whether points came with the batch at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    Quiet,
    Touched,
}

/// The instances of one rule.
#[derive(Debug, Default)]
struct Room {
    taken: BTreeSet<GroupId>,
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
        let look_back = look_back(rules, limits.lateness);
        Self {
            watchlist,
            watches: HashMap::new(),
            slots: Vec::new(),
            agenda: BTreeMap::new(),
            rooms: HashMap::new(),
            touched: Vec::new(),
            tenants: HashMap::new(),
            counters: CounterBook::new(limits.counter_series, look_back),
            refilled: None,
            filling: Filling::default(),
            fell_silent: HashMap::new(),
            housekept_at: Timestamp::EPOCH,
            limits,
            counts: EvaluationCounts::default(),
        }
    }

    /// Takes points that became visible. Rules that more data can only strengthen are decided at once.
    pub fn observe(&mut self, event: &MetricsIngested, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for columns in &event.columns {
            self.take(columns, now, &mut transitions);
        }
        self.look_early(now, &mut transitions);
        transitions
    }

    /// Call it every second: for conditions that have to hold for a while, panes that time closes, and data that stops. Only
    /// groups about which that can tell anything are looked at.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        while let Some(entry) = self.agenda.first_entry().filter(|entry| *entry.key() <= now) {
            let (due, ids) = entry.remove_entry();
            for id in ids {
                self.tick_group(id, due, now, &mut transitions);
            }
        }
        if now.since(self.housekept_at) >= FORGET_EVERY {
            self.keep_house(now);
        }
        transitions
    }

    /// Other rules apply from now on. What fired by a rule that is gone, or measures something else, is over.
    pub fn replace_rules(&mut self, rules: &RuleSet, now: Timestamp) -> Vec<Transition> {
        let look_back = look_back(rules, self.limits.lateness);
        self.counters.look_back_for(look_back);
        self.watches.clear();
        self.filling.keep_rules(rules);
        let mut transitions = Vec::new();
        for change in self.watchlist.replace_rules(rules) {
            match change {
                GroupChange::Kept(id, group) => {
                    if let Some(slot) = self.slot(id) {
                        slot.group = group;
                    }
                    self.look_by(id, now);
                }
                GroupChange::Gone(id) => {
                    self.filling.forget(id);
                    transitions.extend(self.end(id, now));
                }
            }
        }
        transitions
    }

    /// A group that was known before a restart goes on where it stood. The time in between does not count for it.
    ///
    /// Says whether it was taken: its rule may be gone, or group by other labels.
    pub fn restore(
        &mut self,
        rule: Option<&Arc<AlertRule>>,
        kept: KeptInstance,
        downtime: Duration,
        now: Timestamp,
    ) -> bool {
        let fits = |rule: &&Arc<AlertRule>| {
            rule.is_enabled() && rule.measure.group_by.labels().len() == kept.key.values.len()
        };
        let Some(rule) = rule.filter(fits) else { return false };
        let GroupKey { tenant, values, .. } = kept.key;
        let adopted = self.watchlist.adopt(Group { rule: Arc::clone(rule), tenant, values });
        let Some((id, group)) = adopted.and_then(|id| Some((id, self.watchlist.group(id)?))) else {
            return false;
        };
        let instance = Instance::new(rule, self.limits.lateness, EventTime::restored(now), now);
        let mut instance = instance.with_course(kept.course, kept.known_since);
        instance.skip(downtime);
        self.settle(id, group, instance);
        true
    }

    /// Alerts that were over before a restart because nothing came: what is read again of their past does not raise them again.
    pub fn fell_silent(&mut self, since: HashMap<(TenantId, AlertKey), Timestamp>) {
        self.fell_silent = since;
    }

    /// Nobody looked for a while, and nothing came.
    pub fn sleep(&mut self, time: Duration) {
        self.slots.iter_mut().flatten().for_each(|slot| slot.instance.sleep(time));
    }

    /// How many groups have data or fire.
    pub fn instances(&self) -> usize {
        self.rooms.values().map(|room| room.taken.len()).sum()
    }

    /// How many cumulative series are remembered.
    pub fn counter_series(&self) -> usize {
        self.counters.len()
    }

    /// The groups of a rule that have data or fire, with their states.
    pub fn groups_of(&self, rule: &RuleKey) -> impl Iterator<Item = (&Arc<Group>, &Course)> {
        let ids = self.rooms.get(rule).into_iter().flat_map(|room| &room.taken);
        let slots = ids.filter_map(|id| self.slots.get(id.0)?.as_deref());
        slots.map(|slot| (&slot.group, slot.instance.course()))
    }

    /// All groups that have data or fire.
    pub fn live_keys(&self) -> Vec<GroupKey> {
        self.slots.iter().flatten().map(|slot| slot.group.key()).collect()
    }

    /// What is to be kept of a group; absent once it has neither points nor a state.
    pub fn kept(&self, key: &GroupKey) -> Option<KeptInstance> {
        let id = self.watchlist.id_of(key)?;
        let slot = self.slots.get(id.0)?.as_deref()?;
        Some(KeptInstance {
            key: key.clone(),
            course: slot.instance.course().clone(),
            known_since: slot.instance.known_since(),
        })
    }

    pub fn take_counts(&mut self) -> EvaluationCounts {
        mem::take(&mut self.counts)
    }

    fn slot(&mut self, id: GroupId) -> Option<&mut Slot> {
        self.slots.get_mut(id.0)?.as_deref_mut()
    }

    /// Gives a group its instance, which is looked at with the next tick.
    fn settle(&mut self, id: GroupId, group: Arc<Group>, instance: Instance) {
        self.rooms.entry(group.rule.key()).or_default().taken.insert(id);
        if self.slots.len() <= id.0 {
            self.slots.resize_with(id.0 + 1, || None);
        }
        if let Some(place) = self.slots.get_mut(id.0) {
            let due = Timestamp::EPOCH;
            let presence = Presence::Quiet;
            *place = Some(Box::new(Slot { group, instance, presence, due, known: None }));
            self.agenda.entry(due).or_default().push(id);
        }
    }

    fn look_early(&mut self, now: Timestamp, out: &mut Vec<Transition>) {
        for id in mem::take(&mut self.touched) {
            let Some(slot) = self.slot(id) else { continue };
            slot.presence = Presence::Quiet;
            let change = slot.instance.look_early(&slot.group.rule, now);
            out.extend(slot.transition(change, now));
            let next = slot.instance.next_look(&slot.group.rule, now);
            self.look_by(id, next);
            self.counts.evaluations += 1;
        }
    }

    fn tick_group(&mut self, id: GroupId, due: Timestamp, now: Timestamp, out: &mut Vec<Transition>) {
        let held = self.filling.is_active() && self.is_held(id);
        let Some(slot) = self.slot(id).filter(|slot| slot.due == due) else { return };
        if held {
            slot.due = now.plus(SECOND);
            return self.agenda.entry(now.plus(SECOND)).or_default().push(id);
        }
        let change = slot.instance.tick(&slot.group.rule, now);
        out.extend(slot.transition(change, now));
        let next = slot.instance.next_look(&slot.group.rule, now);
        let (over, forgotten) =
            (slot.instance.is_over(&slot.group.rule, now), slot.instance.is_forgotten(now));
        slot.due = next;
        slot.known = slot.known.take().filter(|known| now < known.until());
        self.counts.evaluations += 1;
        if over {
            self.vacate(id);
        } else if forgotten {
            out.extend(self.end(id, now));
        } else {
            self.agenda.entry(next).or_default().push(id);
        }
    }

    /// Looks at a group with the next tick that is not before `at`, unless it is looked at earlier.
    fn look_by(&mut self, id: GroupId, at: Timestamp) {
        if let Some(slot) = self.slot(id).filter(|slot| slot.due > at) {
            slot.due = at;
            self.agenda.entry(at).or_default().push(id);
        }
    }

    fn end(&mut self, id: GroupId, now: Timestamp) -> Option<Transition> {
        let slot = self.vacate(id)?;
        let change = slot.instance.course().clone().end();
        slot.transition(change, now)
    }

    fn vacate(&mut self, id: GroupId) -> Option<Box<Slot>> {
        let slot = self.slots.get_mut(id.0)?.take()?;
        self.counts.note_awaited(&slot.group);
        if let Some(room) = self.rooms.get_mut(&slot.group.rule.key()) {
            room.taken.remove(&id);
        }
        Some(slot)
    }

    fn keep_house(&mut self, now: Timestamp) {
        self.counters.forget_silent(now);
        self.refilled = self.refilled.take().filter(|refilled| now < refilled.until);
        self.housekept_at = now;
        // What is held names groups by their places.
        if self.watchlist.is_crowded() && !self.filling.is_active() {
            let slots = &self.slots;
            self.watchlist.sweep(|id| slots.get(id.0).is_some_and(Option::is_some));
            self.watches.clear();
        }
    }
}

/// Counters look back as queries do, or as far as the longest window.
fn look_back(rules: &RuleSet, lateness: Lateness) -> Duration {
    let longest = rules.rules().iter().map(|rule| rule.measure.window.duration()).max().unwrap_or_default();
    (longest + lateness.0).max(LOOK_BACK)
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
    fn note_awaited(&mut self, group: &Group) {
        if matches!(group.rule.no_data, NoData::Alert { .. }) {
            self.awaited.push(group.key());
        }
    }

    fn refuse(&mut self, refusal: PointRefusal) {
        *self.refused.entry(refusal).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;
