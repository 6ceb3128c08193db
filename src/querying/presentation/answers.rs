//! The answers as JSON: columnar, one array of times and one of values per series.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::querying::application::{CacheStatus, Read, TimeSeries, TimeSeriesQuery};
use crate::querying::domain::{
    CataloguePage, Fill, FormulaSeries, MetricDescription, MetricSummary, Number, Points, Values,
};
use crate::shared::duration_text;

use super::time_series_parameters::IntervalFrom;
use super::time_text;

const AMBIGUOUS: &str =
    "the metric was sent with several kinds, temporalities or units; shown are those of the newest";

/// A number, or null for a gap. JSON has no NaN and no infinities, so these are texts, as in OTLP/JSON.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value(pub(super) Option<Number>);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            None => serializer.serialize_none(),
            Some(Number::Integer(exact)) => serializer.serialize_i64(exact),
            Some(Number::Double(value)) if value.is_finite() => serializer.serialize_f64(value),
            Some(Number::Double(value)) if value.is_nan() => serializer.serialize_str("NaN"),
            Some(Number::Double(value)) if value > 0.0 => serializer.serialize_str("Infinity"),
            Some(Number::Double(_)) => serializer.serialize_str("-Infinity"),
        }
    }
}

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number, or null for a gap. JSON has no NaN and no infinities, so these are texts.",
            "anyOf": [{ "type": ["number", "null"] }, { "enum": ["NaN", "Infinity", "-Infinity"] }],
        })
    }
}

/// What an answer says beside its values.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TimeSeriesHeader")]
pub(super) struct Header<'a> {
    metric: Metric<'a>,
    aggregation: Cow<'static, str>,
    interval: String,
    /// What the interval follows from.
    interval_from: &'static str,
    range: Range,
    /// Groups that there are, also beyond `limit`.
    series_total: usize,
    /// `cursor` of the next groups; null if these are the last.
    next: Option<String>,
    partial: Partial,
    cache: &'static str,
    buckets: Buckets,
    rows_read: u64,
    elapsed_ms: f64,
    warnings: Vec<&'static str>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimeSeriesBody<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    /// Starts of the buckets, milliseconds since the epoch.
    times: Vec<i64>,
    series: Vec<Series<'a>>,
}

/// Steps of time that did not need the store, out of all.
#[derive(Debug, JsonSchema, Serialize)]
struct Buckets {
    cached: u64,
    asked: u64,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Metric<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    temporality: &'a str,
    monotonic: bool,
    unit: &'a str,
    description: &'a str,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "TimeRange")]
struct Range {
    start: String,
    end: String,
}

#[derive(Debug, JsonSchema, Serialize)]
struct Partial {
    first: bool,
    last: bool,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "MetricSeries")]
struct Series<'a> {
    labels: serde_json::Map<String, serde_json::Value>,
    #[serde(flatten)]
    values: SeriesValues<'a>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(untagged)]
enum SeriesValues<'a> {
    Numbers {
        values: Vec<Value>,
    },
    /// A heat map: the ends of its cells, and for each step of time a count per cell.
    HeatMap {
        cells: Vec<[Value; 2]>,
        counts: Vec<Option<&'a [u64]>>,
    },
}

impl<'a> SeriesValues<'a> {
    fn new(values: &'a Values, shown: &[usize]) -> Self {
        let end = |end: f64| Value(Some(Number::Double(end)));
        match values {
            Values::Numbers(values) => {
                Self::Numbers { values: picked(values, shown).copied().map(Value).collect() }
            }
            Values::HeatMap(map) => Self::HeatMap {
                cells: map.cells.iter().map(|(low, high)| [end(*low), end(*high)]).collect(),
                counts: picked(&map.counts, shown).map(Option::as_deref).collect(),
            },
        }
    }
}

/// The steps of time that are shown.
fn picked<'a, T>(values: &'a [T], shown: &[usize]) -> impl Iterator<Item = &'a T> {
    shown.iter().filter_map(|at| values.get(*at))
}

/// All steps, or with `fill=none` those in which something has a value.
fn shown_steps(fill: Fill, answer: &TimeSeries) -> Vec<usize> {
    let has_value = |at: usize| {
        answer.series.iter().any(|points| match &points.values {
            Values::Numbers(values) => values.get(at).is_some_and(Option::is_some),
            Values::HeatMap(map) => map.counts.get(at).is_some_and(Option::is_some),
        })
    };
    (0..answer.times.len()).filter(|at| fill != Fill::Omit || has_value(*at)).collect()
}

impl<'a> Header<'a> {
    pub(super) fn new(
        query: &'a TimeSeriesQuery,
        from: IntervalFrom,
        answer: &'a TimeSeries,
        elapsed_ms: f64,
    ) -> Self {
        let buckets = &query.buckets;
        let until = query.ranking.skip.saturating_add(answer.series.len());
        Self {
            metric: metric(&buckets.metric, &answer.description),
            aggregation: query.aggregation.name(),
            interval: duration_text::format(buckets.interval.duration()),
            interval_from: from.name(),
            range: range(query),
            series_total: answer.series_total,
            next: (until < answer.series_total).then(|| until.to_string()),
            partial: Partial { first: answer.partial.first, last: answer.partial.last },
            cache: answer.cache.name(),
            buckets: Buckets { cached: answer.buckets_cached, asked: answer.buckets_asked },
            rows_read: answer.rows_read,
            elapsed_ms,
            warnings: answer.description.ambiguous.then_some(AMBIGUOUS).into_iter().collect(),
        }
    }
}

fn range(query: &TimeSeriesQuery) -> Range {
    let range = query.buckets.range;
    Range { start: time_text::format(range.start()), end: time_text::format(range.end()) }
}

impl<'a> TimeSeriesBody<'a> {
    pub(super) fn new(
        query: &'a TimeSeriesQuery,
        from: IntervalFrom,
        answer: &'a TimeSeries,
        elapsed_ms: f64,
    ) -> Self {
        let names = query.buckets.group_by.labels();
        let shown = shown_steps(query.fill, answer);
        Self {
            header: Header::new(query, from, answer, elapsed_ms),
            times: picked(&answer.times, &shown).map(|time| time.nanos() / 1_000_000).collect(),
            series: answer.series.iter().map(|points| series(names, points, &shown)).collect(),
        }
    }
}

/// The answer to several queries.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct QueryBody<'a> {
    interval: String,
    range: Range,
    /// Starts of the buckets, milliseconds since the epoch.
    times: Vec<i64>,
    /// Of the queries, then of the formulas, in their order.
    results: Vec<ResultBody<'a>>,
    cache: &'static str,
    elapsed_ms: f64,
}

/// The series of one query or formula; their values stand at the times that all have in common.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "QueryResult")]
pub(super) struct ResultBody<'a> {
    name: &'a str,
    /// Null for a formula.
    metric: Option<Metric<'a>>,
    aggregation: Option<Cow<'static, str>>,
    series: Vec<Series<'a>>,
    series_total: usize,
}

impl<'a> QueryBody<'a> {
    /// `first` is any of the queries: they have their range and interval in common.
    pub(super) fn new(
        first: &TimeSeriesQuery,
        answer: &TimeSeries,
        results: Vec<ResultBody<'a>>,
        cache: CacheStatus,
        elapsed_ms: f64,
    ) -> Self {
        Self {
            interval: duration_text::format(first.buckets.interval.duration()),
            range: range(first),
            times: answer.times.iter().map(|time| time.nanos() / 1_000_000).collect(),
            results,
            cache: cache.name(),
            elapsed_ms,
        }
    }
}

impl<'a> ResultBody<'a> {
    pub(super) fn of_query(name: &'a str, query: &'a TimeSeriesQuery, answer: &'a TimeSeries) -> Self {
        let labels = query.buckets.group_by.labels();
        let all: Vec<usize> = (0..answer.times.len()).collect();
        Self {
            name,
            metric: Some(metric(&query.buckets.metric, &answer.description)),
            aggregation: Some(query.aggregation.name()),
            series: answer.series.iter().map(|points| series(labels, points, &all)).collect(),
            series_total: answer.series_total,
        }
    }

    pub(super) fn of_formula(name: &'a str, found: &'a FormulaSeries, steps: usize) -> Self {
        let all: Vec<usize> = (0..steps).collect();
        Self {
            name,
            metric: None,
            aggregation: None,
            series: found.series.iter().map(|points| series(&found.labels, points, &all)).collect(),
            series_total: found.series.len(),
        }
    }
}

fn metric<'a>(name: &'a str, description: &'a MetricDescription) -> Metric<'a> {
    Metric {
        name,
        kind: &description.kind,
        temporality: &description.temporality,
        monotonic: description.monotonic,
        unit: &description.unit,
        description: &description.description,
    }
}

fn series<'a>(names: &[Box<str>], points: &'a Points, shown: &[usize]) -> Series<'a> {
    Series { labels: labels(names, points), values: SeriesValues::new(&points.values, shown) }
}

/// The labels of a group by name.
pub(super) fn labels(names: &[Box<str>], points: &Points) -> serde_json::Map<String, serde_json::Value> {
    let labels = names.iter().zip(&points.labels);
    labels.map(|(name, value)| (name.to_string(), value.to_string().into())).collect()
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CatalogueBody<'a> {
    metrics: Vec<Summary<'a>>,
    /// `cursor` of the next page; null on the last one.
    next: Option<&'a str>,
    cache: &'static str,
    elapsed_ms: f64,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "MetricSummary")]
struct Summary<'a> {
    #[serde(flatten)]
    metric: Metric<'a>,
    services: Vec<&'a str>,
    series_count: u64,
    last_seen: String,
}

impl<'a> CatalogueBody<'a> {
    pub(super) fn new(read: &'a Read<CataloguePage>, elapsed_ms: f64) -> Self {
        let page = &*read.answer;
        let last = page.metrics.last().filter(|_| page.more);
        Self {
            metrics: page.metrics.iter().map(summary).collect(),
            next: last.map(|metric| &*metric.name),
            cache: read.cache.name(),
            elapsed_ms,
        }
    }
}

fn summary(metric: &MetricSummary) -> Summary<'_> {
    Summary {
        metric: Metric {
            name: &metric.name,
            kind: &metric.kind,
            temporality: &metric.temporality,
            monotonic: metric.monotonic,
            unit: &metric.unit,
            description: &metric.description,
        },
        services: metric.services.iter().map(|service| &**service).collect(),
        series_count: metric.series_count,
        last_seen: time_text::format(metric.last_seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_gaps_and_what_json_cannot_say() {
        let doubles = [None, Some(0.5), Some(f64::NAN), Some(f64::INFINITY), Some(f64::NEG_INFINITY)];
        let mut values: Vec<Value> = doubles.map(|value| Value(value.map(Number::Double))).to_vec();
        values.push(Value(Some(Number::Integer(9_007_199_254_740_993))));
        let text = serde_json::to_string(&values).unwrap();
        assert_eq!(text, r#"[null,0.5,"NaN","Infinity","-Infinity",9007199254740993]"#);
    }
}
