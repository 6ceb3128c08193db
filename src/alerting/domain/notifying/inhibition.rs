//! `Inhibition`: an alert is not told of while another one that explains it fires (Alertmanager, "inhibit_rules").

use std::collections::{BTreeMap, BTreeSet};

use super::matcher::{Matcher, all_match};
use crate::alerting::domain::alert::AlertKey;
use crate::alerting::domain::label_set::LabelSet;

/// Most rules of inhibition.
pub const INHIBITIONS_MAX: usize = 100;

/// One rule: targets are not told of while a source fires that has the same values of `equal`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Inhibition {
    pub source: Vec<Matcher>,
    pub target: Vec<Matcher>,
    /// Names of labels. One that both lack is equal.
    pub equal: Vec<Box<str>>,
}

/// The alerts that are sources, by rule and by the values that have to be equal.
#[derive(Debug, Default)]
pub struct Sources {
    by_rule: BTreeMap<(usize, LabelSet), BTreeSet<AlertKey>>,
}

impl Sources {
    pub fn add(&mut self, rules: &[Inhibition], key: AlertKey, labels: &LabelSet) {
        for (index, rule) in sourced_by(rules, labels) {
            self.by_rule.entry((index, labels.only(&rule.equal))).or_default().insert(key);
        }
    }

    pub fn remove(&mut self, rules: &[Inhibition], key: AlertKey, labels: &LabelSet) {
        for (index, rule) in sourced_by(rules, labels) {
            let place = (index, labels.only(&rule.equal));
            if let Some(keys) = self.by_rule.get_mut(&place) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.by_rule.remove(&place);
                }
            }
        }
    }

    /// The first alert that keeps one with these labels from being told, of those that `fires` says do.
    ///
    /// An alert that is target and source of a rule is not inhibited by others that are both (Alertmanager, "inhibit.go").
    pub fn inhibitor<'a>(
        &self,
        rules: &[Inhibition],
        labels: &LabelSet,
        fires: impl Fn(AlertKey) -> Option<&'a LabelSet>,
    ) -> Option<AlertKey> {
        rules.iter().enumerate().filter(|(_, rule)| all_match(&rule.target, labels)).find_map(
            |(index, rule)| {
                let keys = self.by_rule.get(&(index, labels.only(&rule.equal)))?;
                let both = all_match(&rule.source, labels);
                let explains = |key: &&AlertKey| {
                    fires(**key).is_some_and(|source| !both || !all_match(&rule.target, source))
                };
                keys.iter().find(explains).copied()
            },
        )
    }
}

fn sourced_by<'a>(
    rules: &'a [Inhibition],
    labels: &'a LabelSet,
) -> impl Iterator<Item = (usize, &'a Inhibition)> {
    rules.iter().enumerate().filter(|(_, rule)| all_match(&rule.source, labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::notifying::matcher_text::parse_matchers;

    fn rule(source: &str, target: &str, equal: &[&str]) -> Inhibition {
        Inhibition {
            source: parse_matchers(source).unwrap(),
            target: parse_matchers(target).unwrap(),
            equal: equal.iter().map(|name| (*name).into()).collect(),
        }
    }

    /// Whether the last alert is inhibited while all fire.
    fn last_is_inhibited(rule: &Inhibition, alerts: &[&str]) -> bool {
        let rules = [rule.clone()];
        let sets: Vec<LabelSet> = alerts
            .iter()
            .map(|text| {
                parse_matchers(text)
                    .unwrap()
                    .iter()
                    .map(|m| (m.name().to_owned(), m.value().to_owned()))
                    .collect()
            })
            .collect();
        let mut sources = Sources::default();
        for set in &sets {
            sources.add(&rules, AlertKey::of(set), set);
        }
        let fires = |key| sets.iter().find(|set| AlertKey::of(set) == key);
        sources.inhibitor(&rules, sets.last().unwrap(), fires).is_some()
    }

    #[test]
    fn a_source_inhibits_targets_with_the_same_values() {
        let rule = rule("severity=critical", "severity=warning", &["cluster"]);
        assert!(last_is_inhibited(&rule, &["severity=critical,cluster=a", "severity=warning,cluster=a"]));
        assert!(!last_is_inhibited(&rule, &["severity=critical,cluster=a", "severity=warning,cluster=b"]));
        assert!(!last_is_inhibited(&rule, &["severity=critical,cluster=a", "severity=warning"]));
        assert!(last_is_inhibited(&rule, &["severity=critical", "severity=warning"]), "both lack it");
        assert!(!last_is_inhibited(&rule, &["severity=warning,cluster=a"]));
    }

    #[test]
    fn one_that_is_both_does_not_inhibit_itself_or_its_like() {
        let rule = rule("team=db", "severity=~\".+\"", &[]);
        assert!(!last_is_inhibited(&rule, &["team=db,severity=x"]));
        assert!(!last_is_inhibited(&rule, &["team=db,severity=y", "team=db,severity=x"]));
        assert!(last_is_inhibited(&rule, &["team=db", "team=db,severity=x"]));
    }

    #[test]
    fn a_source_that_is_gone_inhibits_nothing() {
        let rules = [rule("a=1", "b=1", &[])];
        let source: LabelSet = [("a", "1")].into_iter().collect();
        let mut sources = Sources::default();
        sources.add(&rules, AlertKey::of(&source), &source);
        let target = [("b", "1")].into_iter().collect();
        assert!(sources.inhibitor(&rules, &target, |_| None).is_none(), "it does not fire");
        assert!(sources.inhibitor(&rules, &target, |_| Some(&source)).is_some());
        sources.remove(&rules, AlertKey::of(&source), &source);
        assert!(
            sources.inhibitor(&rules, &target, |_| Some(&source)).is_none() && sources.by_rule.is_empty()
        );
    }
}
