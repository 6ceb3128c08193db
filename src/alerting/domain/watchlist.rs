//! `Watchlist`: which series feed which rules. Asked when a series is new, never per point.
//!
//! Series that feed the same groups of the same rules share a watch, so the list grows with groups, not with series.
//! Ids are handed out to others and stay valid; nothing is ever taken from the list, and it is bounded.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::rule::{AlertRule, RuleSet};
use crate::shared::{SeriesIdentity, SeriesWatch, TenantId, WatchId};

/// Most groups of all rules together. One takes a few hundred bytes.
pub const GROUPS_MAX: usize = 100_000;
/// Most distinct sets of groups that series feed.
pub const WATCHES_MAX: usize = 200_000;

/// The place of a group in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupId(pub usize);

/// The place of a rule in its set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RuleNumber(pub usize);

/// The series of one tenant that one rule looks at together.
#[derive(Debug, PartialEq)]
pub struct Group {
    pub rule: Arc<AlertRule>,
    pub number: RuleNumber,
    pub tenant: TenantId,
    /// The values of the rule's `groupBy` labels, in its order; empty where a series lacks the label.
    pub values: Box<[Box<str>]>,
}

impl Group {
    /// The labels that the group has, then those of its rule that it has not; sorted by name.
    pub fn labels(&self) -> Vec<(Box<str>, Box<str>)> {
        let names = self.rule.group_by.labels().iter().cloned();
        let mut labels: Vec<_> =
            names.zip(self.values.iter().cloned()).filter(|(_, value)| !value.is_empty()).collect();
        for (name, value) in &self.rule.labels {
            if labels.iter().all(|(known, _)| known != name) {
                labels.push((name.clone(), value.clone()));
            }
        }
        labels.sort_unstable();
        labels
    }
}

/// Resolves series to watches, and tells the evaluator what each watch stands for.
#[derive(Debug)]
pub struct Watchlist {
    by_metric: HashMap<Box<str>, Vec<(RuleNumber, Arc<AlertRule>)>>,
    limits: WatchlistLimits,
    entries: RwLock<Entries>,
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
    groups: Vec<Arc<Group>>,
    group_ids: HashMap<GroupKey, GroupId>,
    watches: Vec<Arc<[GroupId]>>,
    watch_ids: HashMap<Arc<[GroupId]>, WatchId>,
    refused: u64,
}

type GroupKey = (RuleNumber, TenantId, Box<[Box<str>]>);

/// What was added to the list since it was last read.
#[derive(Debug, Default)]
pub struct NewEntries {
    pub groups: Vec<Arc<Group>>,
    /// The groups of each watch; the first watch of a list has the id 1.
    pub watches: Vec<Arc<[GroupId]>>,
}

impl Watchlist {
    pub fn new(rules: &RuleSet, limits: WatchlistLimits) -> Self {
        let mut by_metric: HashMap<Box<str>, Vec<_>> = HashMap::new();
        for (number, rule) in rules.rules().iter().enumerate() {
            let entry = (RuleNumber(number), Arc::clone(rule));
            by_metric.entry(rule.metric.as_str().into()).or_default().push(entry);
        }
        Self { by_metric, limits, entries: RwLock::default() }
    }

    /// Groups and watches beyond the first so many.
    pub fn added_since(&self, groups: usize, watches: usize) -> NewEntries {
        let entries = self.read();
        NewEntries {
            groups: entries.groups.get(groups..).unwrap_or_default().to_vec(),
            watches: entries.watches.get(watches..).unwrap_or_default().to_vec(),
        }
    }

    /// How often a group or a series was not watched because the list is full.
    pub fn refused(&self) -> u64 {
        self.read().refused
    }

    /// The groups that the series belongs to, looked up without a lock.
    fn groups_of(&self, series: &SeriesIdentity) -> Vec<Arc<Group>> {
        let Some(rules) = self.by_metric.get(&*series.metric) else { return Vec::new() };
        let matching = rules.iter().filter(|(_, rule)| rule.filter.matches(|label| series.label(label)));
        matching
            .map(|(number, rule)| {
                let labels = rule.group_by.labels().iter();
                Arc::new(Group {
                    rule: Arc::clone(rule),
                    number: *number,
                    tenant: series.tenant.clone(),
                    values: labels.map(|label| series.label(label).unwrap_or_default().into()).collect(),
                })
            })
            .collect()
    }

    // A thread that panicked left the list as it was or longer by an entry, which is whole either way.
    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeriesWatch for Watchlist {
    /// Conditions compare numbers: series of distributions are not watched.
    fn watch(&self, series: &SeriesIdentity) -> WatchId {
        if !series.kind.has_numbers() {
            return WatchId::NONE;
        }
        let groups = self.groups_of(series);
        if groups.is_empty() {
            return WatchId::NONE;
        }
        let known = self.read().find(&groups);
        known.unwrap_or_else(|| self.write().add(groups, self.limits))
    }
}

impl Entries {
    fn find(&self, groups: &[Arc<Group>]) -> Option<WatchId> {
        let ids: Option<Vec<GroupId>> =
            groups.iter().map(|group| self.group_ids.get(&group.key()).copied()).collect();
        self.watch_ids.get(ids?.as_slice()).copied()
    }

    fn add(&mut self, groups: Vec<Arc<Group>>, limits: WatchlistLimits) -> WatchId {
        let ids: Arc<[GroupId]> =
            groups.into_iter().filter_map(|group| self.group_id(group, limits.groups)).collect();
        if ids.is_empty() {
            return WatchId::NONE;
        }
        if let Some(known) = self.watch_ids.get(&ids) {
            return *known;
        }
        let next = u32::try_from(self.watches.len() + 1).ok().filter(|_| self.watches.len() < limits.watches);
        let Some(id) = next.map(WatchId) else {
            self.refused += 1;
            return WatchId::NONE;
        };
        self.watches.push(Arc::clone(&ids));
        self.watch_ids.insert(ids, id);
        id
    }

    fn group_id(&mut self, group: Arc<Group>, groups_max: usize) -> Option<GroupId> {
        let key = group.key();
        if let Some(known) = self.group_ids.get(&key) {
            return Some(*known);
        }
        if self.groups.len() >= groups_max {
            self.refused += 1;
            return None;
        }
        let id = GroupId(self.groups.len());
        self.groups.push(group);
        self.group_ids.insert(key, id);
        Some(id)
    }
}

impl Group {
    fn key(&self) -> GroupKey {
        (self.number, self.tenant.clone(), self.values.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::{rule_with, series};
    use crate::shared::LabelFilter;
    use crate::shared::MetricKind;

    fn watchlist(limits: WatchlistLimits) -> Watchlist {
        let by_host = rule_with("hosts", "max > 1", &["host"]);
        let mut shop = rule_with("shop", "max > 1", &[]);
        shop.filter = LabelFilter::parse(r#"app = "shop""#).unwrap();
        Watchlist::new(&RuleSet::new(vec![by_host, shop]).unwrap(), limits)
    }

    #[test]
    fn a_series_that_no_rule_looks_at_is_not_watched() {
        let list = watchlist(WatchlistLimits::default());
        let mut other = series(&[("host", "a")]);
        other.metric = "other".into();
        assert_eq!(list.watch(&other), WatchId::NONE);
    }

    #[test]
    fn a_series_of_distributions_is_not_watched() {
        let list = watchlist(WatchlistLimits::default());
        let summary = SeriesIdentity { kind: MetricKind::Summary, ..series(&[("host", "a")]) };
        assert_eq!(list.watch(&summary), WatchId::NONE);
        assert_ne!(list.watch(&series(&[("host", "a")])), WatchId::NONE);
    }

    #[test]
    fn series_of_the_same_groups_share_a_watch_and_keep_it() {
        let list = watchlist(WatchlistLimits::default());
        let first = list.watch(&series(&[("host", "a"), ("path", "/1")]));
        let second = list.watch(&series(&[("host", "a"), ("path", "/2")]));
        let other = list.watch(&series(&[("host", "b")]));
        assert_eq!(first, WatchId(1));
        assert_eq!((second, other), (first, WatchId(2)));
        assert_eq!(list.watch(&series(&[("host", "a"), ("path", "/1")])), first);
    }

    #[test]
    fn a_watch_names_every_rule_whose_filter_passes() {
        let list = watchlist(WatchlistLimits::default());
        list.watch(&series(&[("app", "shop"), ("host", "a")]));
        list.watch(&series(&[("app", "shop"), ("host", "b")]));
        let added = list.added_since(0, 0);
        let rules = |watch: usize| -> Vec<_> {
            added.watches[watch].iter().map(|id| added.groups[id.0].rule.id.as_str()).collect()
        };
        assert_eq!((rules(0), rules(1)), (vec!["hosts", "shop"], vec!["hosts", "shop"]));
        assert_eq!(added.groups.len(), 3);
        assert_eq!(added.watches[0][1], added.watches[1][1]);
        assert!(list.added_since(3, 2).groups.is_empty());
    }

    #[test]
    fn tenants_do_not_share_groups() {
        let list = watchlist(WatchlistLimits::default());
        let mut foreign = series(&[("host", "a")]);
        foreign.tenant = TenantId::parse("other").unwrap();
        assert_ne!(list.watch(&series(&[("host", "a")])), list.watch(&foreign));
    }

    #[test]
    fn the_list_is_bounded_and_says_what_it_refused() {
        let list = watchlist(WatchlistLimits { groups: 1, watches: 1 });
        assert_eq!(list.watch(&series(&[("host", "a")])), WatchId(1));
        assert_eq!(list.watch(&series(&[("host", "b")])), WatchId::NONE);
        assert_eq!(list.watch(&series(&[("host", "a")])), WatchId(1));
        assert_eq!(list.refused(), 1);
    }

    #[test]
    fn the_labels_of_a_group_come_before_those_of_its_rule() {
        let mut rule = rule_with("r", "max > 1", &["host", "zone"]);
        rule.labels = vec![("team".into(), "ops".into()), ("host".into(), "rule".into())];
        let list = Watchlist::new(&RuleSet::new(vec![rule]).unwrap(), WatchlistLimits::default());
        list.watch(&series(&[("host", "a")]));
        let labels = list.added_since(0, 0).groups[0].labels();
        assert_eq!(labels, [("host".into(), "a".into()), ("team".into(), "ops".into())]);
    }
}
