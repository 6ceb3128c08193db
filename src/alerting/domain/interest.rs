//! `Interest`: what the rules look at. A node that does not evaluate them itself tells of that, and of nothing else.
//!
//! Of what is told only those labels are told that rules ask for: all labels that any rule over the same source asks for, since a
//! label that is left out is, to a filter, a label that is missing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::record::{LogRecord, Record, Span};
use super::rule::{AlertRule, Source};
use super::rule_words::WatchedMetric;
use crate::shared::{Attribute, LabelFilter, LogColumns, PastRecord, SeriesIdentity, SpanColumns, TenantId};

/// By source: whose, which, and with which labels.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Interest {
    by_source: HashMap<Source, Vec<Look>>,
}

/// What rules look at of a source that have the same tenant and filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// Absent: everybody's.
    pub tenant: Option<TenantId>,
    pub filter: LabelFilter,
    /// Those that are asked for, see [`Measure::labels`](super::rule::Measure::labels).
    pub labels: BTreeSet<Box<str>>,
}

impl Look {
    fn is_of(&self, tenant: &TenantId) -> bool {
        self.tenant.as_ref().is_none_or(|own| own == tenant)
    }
}

impl Interest {
    /// Of rules that are in force.
    pub fn of<'a>(rules: impl IntoIterator<Item = &'a Arc<AlertRule>>) -> Self {
        let mut interest = Self::default();
        for rule in rules {
            let measure = &rule.measure;
            let (filter, labels) = (measure.filter.clone(), measure.labels());
            let look = Look { tenant: rule.tenant.clone(), filter, labels };
            interest.add(measure.source.clone(), look);
        }
        interest
    }

    pub fn add(&mut self, source: Source, look: Look) {
        let looks = self.by_source.entry(source).or_default();
        match looks.iter_mut().find(|known| known.tenant == look.tenant && known.filter == look.filter) {
            Some(known) => known.labels.extend(look.labels),
            None => looks.push(look),
        }
    }

    pub fn looks(&self) -> impl Iterator<Item = (&Source, &Look)> {
        self.by_source.iter().flat_map(|(source, looks)| looks.iter().map(move |look| (source, look)))
    }

    /// The series with the labels that are asked for; absent if nobody looks at it.
    pub fn series(&self, series: &SeriesIdentity) -> Option<SeriesIdentity> {
        let metric = WatchedMetric::parse(&series.metric).ok()?;
        let looks = self.by_source.get(&Source::Metric(metric))?;
        let labels = wanted(looks, &series.tenant, |label| series.label(label))?;
        let attributes = labels.into_iter().map(|(key, value)| Attribute { key, value }).collect();
        let (tenant, metric) = (series.tenant.clone(), Arc::clone(&series.metric));
        Some(SeriesIdentity::labelled(series.id, tenant, metric, series.kind, attributes))
    }

    /// The log records that somebody looks at.
    pub fn logs(&self, columns: &LogColumns) -> Vec<PastRecord> {
        let rows = (0..columns.len()).map(|row| LogRecord { columns, row });
        self.records(&Source::Logs, columns.tenant(), rows)
    }

    /// The spans that somebody looks at.
    pub fn spans(&self, columns: &SpanColumns) -> Vec<PastRecord> {
        let rows = (0..columns.len()).map(|row| Span { columns, row });
        self.records(&Source::Spans, columns.tenant(), rows)
    }

    fn records(
        &self,
        source: &Source,
        tenant: &TenantId,
        rows: impl Iterator<Item = impl Record>,
    ) -> Vec<PastRecord> {
        let Some(looks) = self.by_source.get(source) else { return Vec::new() };
        let records = rows.filter_map(|row| {
            let labels = wanted(looks, tenant, |label| row.label(label))?;
            Some(PastRecord { time: row.time(), labels: labels.into(), duration: row.duration() })
        });
        records.collect()
    }
}

/// The labels that are there and asked for, sorted; absent if nobody looks at what has them.
fn wanted<'a>(
    looks: &[Look],
    tenant: &TenantId,
    label: impl Fn(&str) -> Option<&'a str>,
) -> Option<Vec<(Box<str>, Box<str>)>> {
    let of_tenant = || looks.iter().filter(|look| look.is_of(tenant));
    if !of_tenant().any(|look| look.filter.matches(&label)) {
        return None;
    }
    let asked: BTreeSet<&str> =
        of_tenant().flat_map(|look| look.labels.iter().map(|label| &**label)).collect();
    let known = asked.into_iter().filter_map(|name| Some((name.into(), label(name)?.into())));
    Some(known.collect())
}

#[cfg(test)]
mod tests;
