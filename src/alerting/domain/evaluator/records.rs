//! Log records and spans as points of rules: each counts once, and a span has a duration.
//!
//! Labels of a log record are `severity` (`unspecified`, `trace`, `debug`, `info`, `warn`, `error` or `fatal`), `body`,
//! `event.name` and `scope.name`; those of a span `name`, `kind` (`unspecified`, `internal`, `server`, `client`, `producer` or
//! `consumer`), `status` (`unset`, `ok` or `error`) and `scope.name`. Any other name is an attribute of the record, else of its
//! resource; `service.name` is the resource's.

use std::sync::Arc;
use std::time::Duration;

use super::AlertEvaluator;
use crate::alerting::domain::aggregation::AggregationKind;
use crate::alerting::domain::panes::Contribution;
use crate::alerting::domain::rule::{AlertRule, Source};
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::{Group, GroupId, GroupKey};
use crate::shared::distribution::{Distribution, ExponentialBuckets, Shape};
use crate::shared::{
    LogColumns, LogsIngested, MapColumn, OriginColumns, PastRecord, SpanColumns, SpansIngested, TenantId,
    Timestamp,
};

/// What `severity` of a log record can be.
pub const SEVERITIES: [&str; 7] = ["unspecified", "trace", "debug", "info", "warn", "error", "fatal"];
/// What `kind` of a span can be.
pub const SPAN_KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// What `status` of a span can be.
pub const STATUSES: [&str; 3] = ["unset", "ok", "error"];
/// Buckets of durations are 2^(1/32) wide: a quantile is off by 2.2 % at most.
const DURATION_SCALE: i32 = 5;

/// One record, as filters and groups see it.
pub(super) trait Record {
    fn label(&self, name: &str) -> Option<&str>;

    fn time(&self) -> Timestamp;

    /// What it adds; absent if the aggregation asks for something that it has not.
    fn contribution(&self, aggregation: AggregationKind) -> Option<Contribution>;
}

struct LogRecord<'a> {
    columns: &'a LogColumns,
    row: usize,
}

struct Span<'a> {
    columns: &'a SpanColumns,
    row: usize,
}

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

impl Record for LogRecord<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        let Self { columns, row } = self;
        let origin = columns.row_origins().get(*row).copied().unwrap_or_default();
        match name {
            "severity" => Some(severity(columns.severities().get(*row).copied().unwrap_or_default())),
            "body" => columns.bodies.get(*row),
            "event.name" => columns.event_names.get(*row),
            _ => attribute(&columns.attributes, *row, name)
                .or_else(|| of_origin(&columns.origins, origin, name)),
        }
    }

    /// When it was observed, if its sender does not say when it happened.
    fn time(&self) -> Timestamp {
        let at = |times: &[i64]| times.get(self.row).copied().filter(|time| *time > 0);
        Timestamp::from_nanos(at(self.columns.times()).or(at(self.columns.observed())).unwrap_or_default())
    }

    fn contribution(&self, _: AggregationKind) -> Option<Contribution> {
        Some(Contribution::number(self.time(), 1.0))
    }
}

impl Record for Span<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        let Self { columns, row } = self;
        let span = columns.rows().get(*row)?;
        let word = |words: &'static [&'static str], number: i32| {
            usize::try_from(number).ok().and_then(|at| words.get(at)).or_else(|| words.first()).copied()
        };
        match name {
            "name" => columns.names.get(*row),
            "kind" => word(&SPAN_KINDS, span.kind),
            "status" => word(&STATUSES, span.status),
            _ => attribute(&columns.attributes, *row, name)
                .or_else(|| of_origin(&columns.origins, span.origin, name)),
        }
    }

    fn time(&self) -> Timestamp {
        let span = self.columns.rows().get(self.row);
        span.map_or(Timestamp::EPOCH, |span| span.start.plus(Duration::from_nanos(span.duration)))
    }

    fn contribution(&self, aggregation: AggregationKind) -> Option<Contribution> {
        let span = self.columns.rows().get(self.row)?;
        let status = self.label("status").unwrap_or_default();
        Some(of_span(self.time(), Duration::from_nanos(span.duration), status, aggregation))
    }
}

impl Record for PastRecord {
    fn label(&self, name: &str) -> Option<&str> {
        let known = self.labels.iter().find(|(label, _)| &**label == name).map(|(_, value)| &**value);
        known.or_else(|| match (name, self.duration) {
            ("severity", None) => SEVERITIES.first().copied(),
            ("kind", Some(_)) => SPAN_KINDS.first().copied(),
            ("status", Some(_)) => STATUSES.first().copied(),
            ("body" | "event.name", None) | ("name", Some(_)) => Some(""),
            _ => None,
        })
    }

    fn time(&self) -> Timestamp {
        self.time
    }

    fn contribution(&self, aggregation: AggregationKind) -> Option<Contribution> {
        Some(match self.duration {
            None => Contribution::number(self.time, 1.0),
            Some(duration) => {
                of_span(self.time, duration, self.label("status").unwrap_or_default(), aggregation)
            }
        })
    }
}

/// What a span adds that ended at `time`.
fn of_span(time: Timestamp, duration: Duration, status: &str, aggregation: AggregationKind) -> Contribution {
    let seconds = duration.as_secs_f64();
    let one = Contribution { amount: 1.0, ..Contribution::number(time, seconds) };
    match aggregation {
        AggregationKind::ErrorRatio => {
            let error = if Some(status) == STATUSES.last().copied() { 1.0 } else { 0.0 };
            Contribution { amount: 1.0, ..Contribution::number(time, error) }
        }
        AggregationKind::Quantile(_) => {
            Contribution { observed: Some(Box::new(duration_of(seconds))), ..one }
        }
        _ => one,
    }
}

/// A distribution of one duration.
fn duration_of(seconds: f64) -> Distribution {
    let width = f64::from(1_u32 << DURATION_SCALE);
    let (zeros, buckets) = if seconds > 0.0 {
        // Bucket i counts what is above base^i and up to base^(i+1).
        #[expect(clippy::cast_possible_truncation, reason = "the logarithm of a double is small")]
        let index = (seconds.log2() * width).ceil() as i32 - 1;
        (0, (index, &[1_u64][..]))
    } else {
        (1, (0, &[][..]))
    };
    let shape = Shape::Exponential(ExponentialBuckets::new(DURATION_SCALE, (zeros, 0.0), buckets, (0, &[])));
    Distribution { count: 1, sum: Some(seconds), shape }
}

/// The class of a severity number: four numbers each (opentelemetry logs data model, "Severity Fields").
fn severity(number: i32) -> &'static str {
    let class = if (1..=24).contains(&number) { (number - 1) / 4 + 1 } else { 0 };
    usize::try_from(class).ok().and_then(|class| SEVERITIES.get(class)).copied().unwrap_or_default()
}

fn of_origin<'a>(origins: &'a OriginColumns, origin: u32, name: &str) -> Option<&'a str> {
    if name == "scope.name" {
        return origins.scopes.names.get(usize::try_from(origin).ok()?);
    }
    attribute(&origins.resources.attributes, origins.resource_of(origin), name)
}

fn attribute<'a>(maps: &'a MapColumn, row: usize, name: &str) -> Option<&'a str> {
    // Most records of a request do not have the attribute at all.
    let code = maps.keys().find(name.as_bytes())?;
    let end = maps.row_ends().get(row).copied()?;
    let mut entries = maps.entries_before(row)..end;
    let entry = entries.find(|entry| maps.codes().get(*entry) == Some(&code))?;
    maps.values().get(entry)
}

#[cfg(test)]
mod tests;
