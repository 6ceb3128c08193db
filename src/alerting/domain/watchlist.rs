//! `Watchlist`: which series feed which rules. Asked when a series is new or the rules have changed, never per point.
//!
//! Series that feed the same groups of the same rules share a watch, so the list grows with groups, not with series. The list
//! is bounded. When the rules change, an epoch begins: every series is asked for again with its next point, and what was
//! handed out is good for points on their way until the next epoch but one.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::alert::AlertKey;
use super::interest::Interest;
use super::label_set::LabelSet;
use super::rule::{AlertRule, RuleKey, RuleSet, Source};
use super::rule_words::WatchedMetric;
use crate::shared::{SeriesIdentity, SeriesWatch, TenantId, WatchEpoch, WatchId};

/// Most groups of all rules together. One takes a few hundred bytes.
pub const GROUPS_MAX: usize = 200_000;
/// Most distinct sets of groups that series feed.
pub const WATCHES_MAX: usize = 200_000;

/// The place of a group in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(pub usize);

/// The series of one tenant that one rule looks at together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    pub rule: Arc<AlertRule>,
    pub tenant: TenantId,
    /// The values of the rule's `groupBy` labels, in its order; empty where a series lacks the label.
    pub values: Box<[Box<str>]>,
}

impl Group {
    /// The labels by which the group was made.
    pub fn own_labels(&self) -> LabelSet {
        self.rule.measure.group_by.labels().iter().cloned().zip(self.values.iter().cloned()).collect()
    }

    /// The labels that the group has, then those of its rule that it has not.
    pub fn labels(&self) -> LabelSet {
        let of_rule = self.rule.labels.iter().map(|(name, value)| (name.clone(), value.clone()));
        let mut labels: LabelSet = of_rule.collect();
        for (name, value) in self.own_labels().iter() {
            labels.set(name, value);
        }
        labels
    }

    /// What does not change while an alert of the group lasts, and is the same after a restart.
    pub fn alert_key(&self) -> AlertKey {
        let mut labels = self.own_labels();
        // No label has such names: they are not part of what is shown.
        labels.set("\u{0}rule", self.rule.id.as_str());
        labels.set("\u{0}tenant", self.rule.tenant.as_ref().map_or("", TenantId::as_str));
        AlertKey::of(&labels)
    }

    pub fn key(&self) -> GroupKey {
        GroupKey { rule: self.rule.key(), tenant: self.tenant.clone(), values: self.values.clone() }
    }
}

/// Tells groups apart, also after a restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    pub rule: RuleKey,
    pub tenant: TenantId,
    pub values: Box<[Box<str>]>,
}

/// Resolves series to watches, and tells the evaluator what each watch stands for.
#[derive(Debug)]
pub struct Watchlist {
    limits: WatchlistLimits,
    entries: RwLock<Entries>,
    /// Changes with the entries; read by every request.
    changes: AtomicU32,
}

/// How far a list may grow.
#[derive(Debug, Clone, Copy)]
pub struct WatchlistLimits {
    pub groups: usize,
    pub watches: usize,
}

impl Default for WatchlistLimits {
    fn default() -> Self {
        Self { groups: GROUPS_MAX, watches: WATCHES_MAX }
    }
}

#[derive(Debug, Default)]
struct Entries {
    by_source: HashMap<Source, Arc<[Arc<AlertRule>]>>,
    epoch: WatchEpoch,
    groups: Vec<Option<Arc<Group>>>,
    group_ids: HashMap<GroupKey, GroupId>,
    /// Places of groups that no watch of this epoch or the one before names.
    free: Vec<GroupId>,
    /// Places that become free with the next epoch.
    leaving: Vec<GroupId>,
    watches: Vec<Arc<[GroupId]>>,
    watch_ids: HashMap<Arc<[GroupId]>, WatchId>,
    /// Those of the epoch before.
    watches_before: Vec<Arc<[GroupId]>>,
    refused: u64,
}

/// A group whose rule has changed.
#[derive(Debug)]
pub enum GroupChange {
    /// It measures the same as before.
    Kept(GroupId, Arc<Group>),
    /// Its rule is gone, off, or measures something else.
    Gone(GroupId),
}

impl Watchlist {
    pub fn new(rules: &RuleSet, limits: WatchlistLimits) -> Self {
        let entries = Entries { by_source: by_source(rules), ..Entries::default() };
        Self { limits, entries: RwLock::new(entries), changes: AtomicU32::new(0) }
    }

    /// The same, with another first epoch.
    #[must_use]
    pub fn beginning_at(mut self, epoch: WatchEpoch) -> Self {
        self.changes = AtomicU32::new(epoch.number());
        self.write().epoch = epoch;
        self
    }

    /// What the rules look at, in the epoch that they do.
    pub fn interest(&self) -> (WatchEpoch, Interest) {
        let entries = self.read();
        (entries.epoch, Interest::of(entries.by_source.values().flat_map(|rules| rules.iter())))
    }

    /// Begins an epoch with other rules. Tells what becomes of the groups that are known.
    pub fn replace_rules(&self, rules: &RuleSet) -> Vec<GroupChange> {
        let mut entries = self.write();
        let changes = entries.replace_rules(rules);
        self.changes.fetch_add(1, Ordering::Release);
        changes
    }

    /// Whether it is time for [`Self::sweep`].
    pub fn is_crowded(&self) -> bool {
        let entries = self.read();
        entries.group_ids.len() > self.limits.groups / 4 * 3
            || entries.watches.len() > self.limits.watches / 4 * 3
    }

    /// Forgets groups that nobody wants to keep, and begins an epoch: those that live come back with their next point.
    pub fn sweep(&self, is_kept: impl Fn(GroupId) -> bool) {
        let mut entries = self.write();
        entries.begin_epoch();
        for at in 0..entries.groups.len() {
            if !is_kept(GroupId(at)) {
                entries.remove(GroupId(at));
            }
        }
        self.changes.fetch_add(1, Ordering::Release);
    }

    pub fn group(&self, id: GroupId) -> Option<Arc<Group>> {
        self.read().groups.get(id.0)?.clone()
    }

    pub fn id_of(&self, key: &GroupKey) -> Option<GroupId> {
        self.read().group_ids.get(key).copied()
    }

    /// The groups that points with this watch feed; absent if it is too old.
    pub fn groups_of(&self, watch: WatchId) -> Option<Arc<[GroupId]>> {
        let entries = self.read();
        let watches = match entries.epoch.since(watch.epoch()) {
            0 => &entries.watches,
            1 => &entries.watches_before,
            _ => return None,
        };
        watches.get(usize::try_from(watch.number()).ok()?.checked_sub(1)?).cloned()
    }

    /// The rules that are in force over a source.
    pub fn rules_of(&self, source: &Source) -> Arc<[Arc<AlertRule>]> {
        self.read().by_source.get(source).cloned().unwrap_or_default()
    }

    /// The place of a group that is known from before a restart.
    pub fn adopt(&self, group: Group) -> Option<GroupId> {
        self.write().group_id(group, self.limits.groups)
    }

    /// How often a group or a series was not watched because the list is full.
    pub fn refused(&self) -> u64 {
        self.read().refused
    }

    // A thread that panicked left the list as it was or longer by an entry, which is whole either way.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn by_source(rules: &RuleSet) -> HashMap<Source, Arc<[Arc<AlertRule>]>> {
    let mut by_source: HashMap<Source, Vec<_>> = HashMap::new();
    for rule in rules.rules().iter().filter(|rule| rule.is_enabled()) {
        by_source.entry(rule.measure.source.clone()).or_default().push(Arc::clone(rule));
    }
    by_source.into_iter().map(|(source, rules)| (source, rules.into())).collect()
}

impl SeriesWatch for Watchlist {
    fn watch(&self, series: &SeriesIdentity) -> WatchId {
        let entries = self.read();
        let groups = entries.groups_for(series);
        if groups.is_empty() {
            return WatchId::none(entries.epoch);
        }
        if let Some(known) = entries.find(&groups) {
            return known;
        }
        let epoch = entries.epoch;
        drop(entries);
        let mut entries = self.write();
        // The rules changed in between: the series is asked for again.
        if entries.epoch == epoch { entries.add(groups, self.limits) } else { WatchId::none(epoch) }
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::after(self.changes.load(Ordering::Acquire))
    }
}

impl Entries {
    fn groups_for(&self, series: &SeriesIdentity) -> Vec<Group> {
        let Ok(metric) = WatchedMetric::parse(&series.metric) else { return Vec::new() };
        let Some(rules) = self.by_source.get(&Source::Metric(metric)) else { return Vec::new() };
        let matching = rules.iter().filter(|rule| {
            let of_tenant = rule.tenant.as_ref().is_none_or(|tenant| *tenant == series.tenant);
            let measure = &rule.measure;
            of_tenant
                && measure.aggregation.suits(series.kind)
                && measure.filter.matches(|label| series.label(label))
        });
        matching
            .map(|rule| {
                let labels = rule.measure.group_by.labels().iter();
                Group {
                    rule: Arc::clone(rule),
                    tenant: series.tenant.clone(),
                    values: labels.map(|label| series.label(label).unwrap_or_default().into()).collect(),
                }
            })
            .collect()
    }

    fn find(&self, groups: &[Group]) -> Option<WatchId> {
        let ids: Option<Vec<GroupId>> =
            groups.iter().map(|group| self.group_ids.get(&group.key()).copied()).collect();
        self.watch_ids.get(ids?.as_slice()).copied()
    }

    fn add(&mut self, groups: Vec<Group>, limits: WatchlistLimits) -> WatchId {
        let ids: Arc<[GroupId]> =
            groups.into_iter().filter_map(|group| self.group_id(group, limits.groups)).collect();
        if ids.is_empty() {
            return WatchId::none(self.epoch);
        }
        if let Some(known) = self.watch_ids.get(&ids) {
            return *known;
        }
        let number =
            u32::try_from(self.watches.len() + 1).ok().filter(|_| self.watches.len() < limits.watches);
        let Some(id) = number.and_then(|number| WatchId::new(self.epoch, number)) else {
            self.refused += 1;
            return WatchId::none(self.epoch);
        };
        self.watches.push(Arc::clone(&ids));
        self.watch_ids.insert(ids, id);
        id
    }

    fn group_id(&mut self, group: Group, groups_max: usize) -> Option<GroupId> {
        let key = group.key();
        if let Some(known) = self.group_ids.get(&key) {
            return Some(*known);
        }
        if self.group_ids.len() >= groups_max {
            self.refused += 1;
            return None;
        }
        let id = self.free.pop().unwrap_or(GroupId(self.groups.len()));
        match self.groups.get_mut(id.0) {
            Some(place) => *place = Some(Arc::new(group)),
            None => self.groups.push(Some(Arc::new(group))),
        }
        self.group_ids.insert(key, id);
        Some(id)
    }

    fn begin_epoch(&mut self) {
        self.epoch = self.epoch.next();
        self.watches_before = std::mem::take(&mut self.watches);
        self.watch_ids.clear();
        self.free.append(&mut self.leaving);
    }

    fn remove(&mut self, id: GroupId) {
        if let Some(group) = self.groups.get_mut(id.0).and_then(Option::take) {
            self.group_ids.remove(&group.key());
            self.leaving.push(id);
        }
    }

    fn replace_rules(&mut self, rules: &RuleSet) -> Vec<GroupChange> {
        self.begin_epoch();
        self.by_source = by_source(rules);
        let mut changes = Vec::new();
        let mut gone = Vec::new();
        for (at, place) in self.groups.iter_mut().enumerate() {
            let Some(group) = place else { continue };
            let same = rules.find(&group.rule.key());
            let same = same.filter(|rule| rule.is_enabled() && rule.measure == group.rule.measure);
            match same {
                Some(rule) if *rule == group.rule => {}
                Some(rule) => {
                    let changed = Arc::new(Group { rule: Arc::clone(rule), ..Group::clone(group) });
                    *group = Arc::clone(&changed);
                    changes.push(GroupChange::Kept(GroupId(at), changed));
                }
                None => gone.push(GroupId(at)),
            }
        }
        for id in gone {
            self.remove(id);
            changes.push(GroupChange::Gone(id));
        }
        changes
    }
}

#[cfg(test)]
mod tests;
