//! Log records and spans as points of rules: each counts once, and a span has a duration.
//!
//! Labels of a log record are `severity` (`unspecified`, `trace`, `debug`, `info`, `warn`, `error` or `fatal`), `body`,
//! `event.name` and `scope.name`; those of a span `name`, `kind` (`unspecified`, `internal`, `server`, `client`, `producer` or
//! `consumer`), `status` (`unset`, `ok` or `error`) and `scope.name`. Any other name is an attribute of the record, else of its
//! resource; `service.name` is the resource's.

use std::time::Duration;

use super::aggregation::AggregationKind;
use super::panes::Contribution;
use crate::shared::distribution::{Distribution, ExponentialBuckets, Shape};
use crate::shared::{LogColumns, MapColumn, OriginColumns, PastRecord, SpanColumns, Timestamp};

/// What `severity` of a log record can be.
pub const SEVERITIES: [&str; 7] = ["unspecified", "trace", "debug", "info", "warn", "error", "fatal"];
/// What `kind` of a span can be.
pub const SPAN_KINDS: [&str; 6] = ["unspecified", "internal", "server", "client", "producer", "consumer"];
/// What `status` of a span can be.
pub const STATUSES: [&str; 3] = ["unset", "ok", "error"];
/// Buckets of durations are 2^(1/32) wide: a quantile is off by 2.2 % at most.
const DURATION_SCALE: i32 = 5;

/// One record, as filters and groups see it.
pub trait Record {
    fn label(&self, name: &str) -> Option<&str>;

    /// When it happened; of a span, when it ended.
    fn time(&self) -> Timestamp;

    /// How long it took: of a span only.
    fn duration(&self) -> Option<Duration>;

    /// What it adds; absent if the aggregation asks for something that it has not.
    fn contribution(&self, aggregation: AggregationKind) -> Option<Contribution>;
}

/// A row of log columns.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    pub columns: &'a LogColumns,
    pub row: usize,
}

/// A row of span columns.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    pub columns: &'a SpanColumns,
    pub row: usize,
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

    fn duration(&self) -> Option<Duration> {
        None
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

    fn duration(&self) -> Option<Duration> {
        Some(Duration::from_nanos(self.columns.rows().get(self.row)?.duration))
    }

    fn contribution(&self, aggregation: AggregationKind) -> Option<Contribution> {
        let status = self.label("status").unwrap_or_default();
        Some(of_span(self.time(), self.duration()?, status, aggregation))
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

    fn duration(&self) -> Option<Duration> {
        self.duration
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
mod tests {
    use super::*;

    #[test]
    fn severities_have_classes() {
        let classes = [0, 1, 4, 5, 9, 13, 17, 21, 24, 25, -1].map(severity);
        let expected = [
            "unspecified",
            "trace",
            "trace",
            "debug",
            "info",
            "warn",
            "error",
            "fatal",
            "fatal",
            "unspecified",
            "unspecified",
        ];
        assert_eq!(classes, expected);
    }
}
