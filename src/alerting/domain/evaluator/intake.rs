//! How points get to the instances that they feed.

use std::collections::HashMap;
use std::sync::Arc;

use super::added::Added;
use super::filling::HeldPoint;
use super::{AlertEvaluator, Presence, REFILL_REMEMBERED, Refilled};
use crate::alerting::domain::counters::{CounterKey, TenantNumber};
use crate::alerting::domain::instance::{EventTime, Instance, PointRefusal};
use crate::alerting::domain::panes::Contribution;
use crate::alerting::domain::rule::AlertRule;
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watched_points::{WatchedPoint, watched_points};
use crate::alerting::domain::watchlist::GroupId;
use crate::shared::{
    MetricColumns, MetricKind, PastPoint, PastValue, SeriesId, SeriesIdentity, SeriesWatch, TenantId,
    Timestamp, WatchId,
};

impl AlertEvaluator {
    pub(super) fn take(&mut self, columns: &MetricColumns, now: Timestamp, out: &mut Vec<Transition>) {
        let tenant = self.tenant(columns.tenant());
        for WatchedPoint { series, watch, kind, point } in watched_points(columns) {
            self.point(tenant, series, watch, kind, point, now, out);
        }
    }

    /// Takes points that became visible together, as if an event told of them.
    pub fn observe_points<'a>(
        &mut self,
        points: impl IntoIterator<Item = (&'a SeriesIdentity, PastPoint)>,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        for (series, point) in points {
            let watch = self.watchlist.watch(series);
            if !watch.is_some() {
                continue;
            }
            let tenant = self.tenant(&series.tenant);
            self.point(tenant, series.id, watch, series.kind, point, now, &mut transitions);
        }
        self.look_early(now, &mut transitions);
        transitions
    }

    /// Takes the past of a series, in order of time, without looking at it. Its points are not taken again when an event tells of them.
    pub fn refill(&mut self, series: &SeriesIdentity, points: Vec<PastPoint>, now: Timestamp) {
        let watch = self.watchlist.watch(series);
        let Some(groups) = self.groups_of_watch(watch).filter(|_| watch.is_some()) else { return };
        let groups: Vec<_> = groups.iter().map(|id| (*id, self.silent_since(*id))).collect();
        let key = CounterKey { tenant: self.tenant(&series.tenant), series: series.id };
        for point in points {
            let time = point.time;
            let added = self.counters.added(key, series.kind, point, now);
            for (id, _) in groups.iter().filter(|(_, silent)| silent.is_none_or(|at| time > at)) {
                self.refill_group(*id, time, &added, now);
            }
            let until = now.plus(REFILL_REMEMBERED);
            let refilled = self.refilled.get_or_insert_with(|| Refilled { newest: HashMap::new(), until });
            refilled.until = until;
            refilled.newest.insert(key, time);
        }
    }

    /// When the group's alert was over because nothing came, if that was shortly before the restart.
    pub(super) fn silent_since(&self, id: GroupId) -> Option<Timestamp> {
        if self.fell_silent.is_empty() {
            return None;
        }
        let group = self.watchlist.group(id)?;
        self.fell_silent.get(&(group.tenant.clone(), group.alert_key())).copied()
    }

    pub(super) fn refill_group(&mut self, id: GroupId, time: Timestamp, added: &Added, now: Timestamp) {
        let Some(rule) = self.rule_of(id) else { return };
        if let Ok(Some(point)) = added.contribution(&rule, time) {
            self.refill_with(id, &rule, point, now);
        }
    }

    /// Adds what a point or a record of the past says to its group, if that is not too long ago.
    pub(super) fn refill_with(&mut self, id: GroupId, rule: &AlertRule, point: Contribution, now: Timestamp) {
        let Ok(event_time) = EventTime::check(rule, self.limits.lateness, point.time, now) else { return };
        if self.ensure(id, event_time, now).is_ok()
            && let Some(slot) = self.slot(id)
        {
            slot.instance.refill(rule, event_time, point);
        }
    }

    pub(super) fn tenant(&mut self, tenant: &TenantId) -> TenantNumber {
        if let Some(number) = self.tenants.get(tenant) {
            return *number;
        }
        let number = TenantNumber(self.tenants.len());
        self.tenants.insert(tenant.clone(), number);
        number
    }

    #[expect(clippy::too_many_arguments, reason = "the columns of one row")]
    fn point(
        &mut self,
        tenant: TenantNumber,
        series: SeriesId,
        watch: WatchId,
        kind: MetricKind,
        point: PastPoint,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        if matches!(point.value, PastValue::Number(value) if value.is_nan()) {
            return self.counts.refuse(PointRefusal::NotANumber);
        }
        let (time, key) = (point.time, CounterKey { tenant, series });
        let known = self.refilled.as_ref().and_then(|refilled| refilled.newest.get(&key));
        if known.is_some_and(|known| time <= *known) {
            return self.counts.refuse(PointRefusal::Known);
        }
        let Some(groups) = self.groups_of_watch(watch) else {
            return self.counts.refuse(PointRefusal::RulesChanged);
        };
        let (waiting, groups) = self.held_of(groups);
        let held = (!waiting.is_empty()).then(|| point.clone());
        let added = self.counters.added(key, kind, point, now);
        for id in groups.iter() {
            self.add_new(*id, key, time, &added, now, out);
        }
        if let Some(point) = held {
            self.hold_point(HeldPoint { groups: waiting, key, kind, point, added }, now, out);
        }
    }

    /// Adds what a point says to a group, unless the point was read of its past already.
    pub(super) fn add_new(
        &mut self,
        id: GroupId,
        key: CounterKey,
        time: Timestamp,
        added: &Added,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        let known = self.slots.get(id.0).and_then(|slot| slot.as_ref()?.known.as_ref());
        if known.is_some_and(|known| known.has(key, time, now)) {
            return self.counts.refuse(PointRefusal::Known);
        }
        match self.add(id, time, added, now) {
            Ok(transition) => out.extend(transition),
            Err(refusal) => self.counts.refuse(refusal),
        }
    }

    pub(super) fn groups_of_watch(&mut self, watch: WatchId) -> Option<Arc<[GroupId]>> {
        if let Some(known) = self.watches.get(&watch) {
            return known.clone();
        }
        let groups = self.watchlist.groups_of(watch);
        self.watches.insert(watch, groups.clone());
        groups
    }

    pub(super) fn rule_of(&self, id: GroupId) -> Option<Arc<AlertRule>> {
        match self.slots.get(id.0).and_then(Option::as_deref) {
            Some(slot) => Some(Arc::clone(&slot.group.rule)),
            None => self.watchlist.group(id).map(|group| Arc::clone(&group.rule)),
        }
    }

    pub(super) fn add(
        &mut self,
        id: GroupId,
        time: Timestamp,
        added: &Added,
        now: Timestamp,
    ) -> Result<Option<Transition>, PointRefusal> {
        let rule = self.rule_of(id).ok_or(PointRefusal::RulesChanged)?;
        match added.contribution(&rule, time)? {
            Some(point) => self.contribute(id, &rule, point, now),
            None => Ok(None),
        }
    }

    /// Adds what a point or a record says to its group.
    pub(super) fn contribute(
        &mut self,
        id: GroupId,
        rule: &AlertRule,
        point: Contribution,
        now: Timestamp,
    ) -> Result<Option<Transition>, PointRefusal> {
        let event_time = EventTime::check(rule, self.limits.lateness, point.time, now)?;
        self.ensure(id, event_time, now)?;
        let Some(slot) = self.slot(id) else { return Ok(None) };
        let change = slot.instance.add(rule, event_time, point, now)?;
        let transition = slot.transition(change, now);
        if slot.presence == Presence::Quiet {
            slot.presence = Presence::Touched;
            self.touched.push(id);
        }
        Ok(transition)
    }

    /// Makes an instance for a group that has none, if its rule may have another one.
    fn ensure(&mut self, id: GroupId, first: EventTime, now: Timestamp) -> Result<(), PointRefusal> {
        if self.slot(id).is_some() {
            return Ok(());
        }
        let group = self.watchlist.group(id).ok_or(PointRefusal::RulesChanged)?;
        let room = self.rooms.entry(group.rule.key()).or_default();
        if room.taken.len() >= self.limits.instances_per_rule {
            self.counts.overflowed.extend(room.first_overflow(&group.rule));
            return Err(PointRefusal::TooManyInstances);
        }
        let instance = Instance::new(&group.rule, self.limits.lateness, first, now);
        self.counts.note_awaited(&group);
        self.settle(id, group, instance);
        Ok(())
    }
}
