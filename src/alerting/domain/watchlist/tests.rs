//! Which series feed which groups, while rules come and go.

use super::*;
use crate::alerting::domain::fixtures::{rule_with, series};
use crate::shared::{LabelFilter, MetricKind};

fn rules() -> Vec<AlertRule> {
    let by_host = rule_with("hosts", "max > 1", &["host"]);
    let mut shop = rule_with("shop", "max > 1", &[]);
    shop.measure.filter = LabelFilter::parse(r#"app = "shop""#).unwrap();
    vec![by_host, shop]
}

fn watchlist(limits: WatchlistLimits) -> Watchlist {
    Watchlist::new(&RuleSet::new(rules()).unwrap(), limits)
}

fn rules_of(list: &Watchlist, watch: WatchId) -> Vec<String> {
    let groups = list.groups_of(watch).unwrap_or_default();
    groups.iter().map(|id| list.group(*id).unwrap().rule.id.to_string()).collect()
}

#[test]
fn a_series_that_no_rule_looks_at_is_not_watched() {
    let list = watchlist(WatchlistLimits::default());
    let mut other = series(&[("host", "a")]);
    other.metric = "other".into();
    assert!(!list.watch(&other).is_some());
}

#[test]
fn a_series_that_has_not_what_is_asked_for_is_not_watched() {
    let list = watchlist(WatchlistLimits::default());
    let summary = SeriesIdentity { kind: MetricKind::Summary, ..series(&[("host", "a")]) };
    assert!(!list.watch(&summary).is_some());
}

#[test]
fn a_rule_of_a_tenant_looks_at_its_series_alone() {
    let own = AlertRule { tenant: TenantId::parse("shop").ok(), ..rule_with("r", "max > 1", &[]) };
    let list = Watchlist::new(&RuleSet::new(vec![own]).unwrap(), WatchlistLimits::default());
    assert!(!list.watch(&series(&[])).is_some());
    let shops = SeriesIdentity { tenant: TenantId::parse("shop").unwrap(), ..series(&[]) };
    assert!(list.watch(&shops).is_some());
}

#[test]
fn series_of_the_same_groups_share_a_watch() {
    let list = watchlist(WatchlistLimits::default());
    let first = list.watch(&series(&[("cpu", "0"), ("host", "a")]));
    let second = list.watch(&series(&[("cpu", "1"), ("host", "a")]));
    let other = list.watch(&series(&[("host", "b")]));
    assert_eq!((first.number(), second, other.number()), (1, first, 2));
}

#[test]
fn a_watch_names_each_group_that_a_series_feeds() {
    let list = watchlist(WatchlistLimits::default());
    let a = list.watch(&series(&[("app", "shop"), ("host", "a")]));
    let b = list.watch(&series(&[("app", "shop"), ("host", "b")]));
    assert_eq!(
        (rules_of(&list, a), rules_of(&list, b)),
        (vec!["hosts".to_owned(), "shop".to_owned()], vec!["hosts".to_owned(), "shop".to_owned()])
    );
    let (a, b) = (list.groups_of(a).unwrap(), list.groups_of(b).unwrap());
    assert!(a[0] != b[0] && a[1] == b[1]);
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
    assert_eq!(list.watch(&series(&[("host", "a")])).number(), 1);
    assert!(!list.watch(&series(&[("host", "b")])).is_some());
    assert_eq!(list.watch(&series(&[("host", "a")])).number(), 1);
    assert_eq!(list.refused(), 1);
}

#[test]
fn changed_rules_begin_an_epoch_and_watches_of_the_one_before_stay_good() {
    let list = watchlist(WatchlistLimits::default());
    let shop = series(&[("app", "shop"), ("host", "a")]);
    let before = list.watch(&shop);
    let mut changed = rules();
    changed.remove(0);
    let changes = list.replace_rules(&RuleSet::new(changed).unwrap());
    assert!(matches!(changes[..], [GroupChange::Gone(_)]), "{changes:?}");
    assert_ne!(list.epoch(), before.epoch());
    let groups = list.groups_of(before).unwrap();
    assert_eq!(groups.iter().filter_map(|id| list.group(*id)).count(), 1);
    let after = list.watch(&shop);
    assert_eq!((after.epoch(), rules_of(&list, after)), (list.epoch(), vec!["shop".to_owned()]));
    list.replace_rules(&RuleSet::default());
    assert_eq!((list.groups_of(before), list.groups_of(after).is_some()), (None, true));
}

#[test]
fn a_rule_that_measures_the_same_keeps_its_groups() {
    let list = watchlist(WatchlistLimits::default());
    let shop = series(&[("app", "shop"), ("host", "a")]);
    let before = list.groups_of(list.watch(&shop)).unwrap();
    let mut changed = rules();
    changed[0].name = "Other".into();
    let changes = list.replace_rules(&RuleSet::new(changed).unwrap());
    let [GroupChange::Kept(id, group)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!((*id, &*group.rule.name), (before[0], "Other"));
    assert_eq!(list.groups_of(list.watch(&shop)).unwrap(), before);
}

#[test]
fn the_place_of_a_group_is_used_again_only_when_no_point_can_name_it() {
    let list = watchlist(WatchlistLimits::default());
    let first = list.groups_of(list.watch(&series(&[("host", "a")]))).unwrap()[0];
    list.replace_rules(&RuleSet::default());
    let others = || RuleSet::new(vec![rule_with("new", "max > 1", &[])]).unwrap();
    list.replace_rules(&others());
    assert_eq!(list.groups_of(list.watch(&series(&[]))).unwrap()[0], first);
}

#[test]
fn groups_that_nobody_keeps_make_room_for_others() {
    let list = watchlist(WatchlistLimits { groups: 2, watches: 9 });
    let watch = |host: &str| list.watch(&series(&[("host", host)]));
    let kept = list.groups_of(watch("a")).unwrap()[0];
    assert!(watch("b").is_some() && list.is_crowded() && !watch("c").is_some());
    list.sweep(|id| id == kept);
    assert!(watch("c").is_some() && !watch("b").is_some());
    assert_eq!(list.groups_of(watch("a")).unwrap()[0], kept);
}

#[test]
fn the_labels_of_a_group_come_before_those_of_its_rule() {
    let mut rule = rule_with("r", "max > 1", &["host", "zone"]);
    rule.labels = vec![("team".into(), "ops".into()), ("host".into(), "rule".into())];
    let list = Watchlist::new(&RuleSet::new(vec![rule]).unwrap(), WatchlistLimits::default());
    let id = list.groups_of(list.watch(&series(&[("host", "a")]))).unwrap()[0];
    let labels = list.group(id).unwrap().labels();
    assert_eq!(labels, [("host", "a"), ("team", "ops")].into_iter().collect());
}
