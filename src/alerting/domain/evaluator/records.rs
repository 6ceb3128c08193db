//! How log records and spans get to the instances that they feed.

use std::sync::Arc;

use super::AlertEvaluator;
use crate::alerting::domain::panes::Contribution;
use crate::alerting::domain::record::{LogRecord, Record, Span};
use crate::alerting::domain::rule::{AlertRule, Source};
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::{Group, GroupId, GroupKey};
use crate::shared::{LogsIngested, PastRecord, SpansIngested, TenantId, Timestamp};

impl AlertEvaluator {
    /// As [`Self::observe`], of log records.
    pub fn observe_logs(&mut self, event: &LogsIngested, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let rules = self.watchlist.rules_of(&Source::Logs);
        for columns in event.columns.iter().filter(|_| !rules.is_empty()) {
            for row in 0..columns.len() {
                self.record(&rules, columns.tenant(), &LogRecord { columns, row }, now, &mut transitions);
            }
        }
        self.look_early(now, &mut transitions);
        transitions
    }

    /// As [`Self::observe`], of spans. One counts at its end.
    pub fn observe_spans(&mut self, event: &SpansIngested, now: Timestamp) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let rules = self.watchlist.rules_of(&Source::Spans);
        for columns in event.columns.iter().filter(|_| !rules.is_empty()) {
            for row in 0..columns.len() {
                self.record(&rules, columns.tenant(), &Span { columns, row }, now, &mut transitions);
            }
        }
        self.look_early(now, &mut transitions);
        transitions
    }

    /// Takes log records and spans that became visible together, as if events told of them.
    pub fn observe_records<'a>(
        &mut self,
        records: impl IntoIterator<Item = (&'a TenantId, &'a PastRecord)>,
        now: Timestamp,
    ) -> Vec<Transition> {
        let mut transitions = Vec::new();
        let (logs, spans) = (self.watchlist.rules_of(&Source::Logs), self.watchlist.rules_of(&Source::Spans));
        for (tenant, record) in records {
            let rules = if record.duration.is_some() { &spans } else { &logs };
            self.record(rules, tenant, record, now, &mut transitions);
        }
        self.look_early(now, &mut transitions);
        transitions
    }

    /// As [`Self::refill`], of log records or spans, in order of time, for one rule.
    pub fn refill_records<'a>(
        &mut self,
        rule: &Arc<AlertRule>,
        records: impl IntoIterator<Item = (&'a TenantId, &'a PastRecord)>,
        now: Timestamp,
    ) {
        let is_of_source = |record: &PastRecord| match rule.measure.source {
            Source::Metric(_) => false,
            Source::Logs => record.duration.is_none(),
            Source::Spans => record.duration.is_some(),
        };
        for (tenant, record) in records.into_iter().filter(|(_, record)| is_of_source(record)) {
            let Some((id, point)) = self.fed_by(rule, tenant, record) else { continue };
            if self.silent_since(id).is_none_or(|at| record.time > at) {
                self.refill_with(id, rule, point, now);
            }
        }
    }

    fn record(
        &mut self,
        rules: &[Arc<AlertRule>],
        tenant: &TenantId,
        record: &impl Record,
        now: Timestamp,
        out: &mut Vec<Transition>,
    ) {
        for rule in rules {
            let Some((id, point)) = self.fed_by(rule, tenant, record) else { continue };
            self.add_record(id, rule, point, now, out);
        }
    }

    /// The group of a rule that a record feeds, and what it adds.
    pub(super) fn fed_by(
        &self,
        rule: &Arc<AlertRule>,
        tenant: &TenantId,
        record: &impl Record,
    ) -> Option<(GroupId, Contribution)> {
        let is_looked_at = rule.tenant.as_ref().is_none_or(|of| of == tenant)
            && rule.measure.filter.matches(|label| record.label(label));
        if !is_looked_at {
            return None;
        }
        let id = self.group_of_record(rule, tenant, record)?;
        Some((id, record.contribution(rule.measure.aggregation)?))
    }

    fn group_of_record(
        &self,
        rule: &Arc<AlertRule>,
        tenant: &TenantId,
        record: &impl Record,
    ) -> Option<GroupId> {
        let labels = rule.measure.group_by.labels().iter();
        let values = labels.map(|label| record.label(label).unwrap_or_default().into()).collect();
        let key = GroupKey { rule: rule.key(), tenant: tenant.clone(), values };
        self.watchlist.id_of(&key).or_else(|| {
            let GroupKey { tenant, values, .. } = key;
            self.watchlist.adopt(Group { rule: Arc::clone(rule), tenant, values })
        })
    }
}

#[cfg(test)]
mod tests;
