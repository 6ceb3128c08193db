//! Other forms of a time series: a row per value, CSV (RFC 4180), and what Prometheus answers to a range query.

use std::fmt::Write;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::querying::application::{TimeSeries, TimeSeriesQuery};
use crate::querying::domain::{Number, Points, Values};

use super::answers::{self, Header};
use super::time_series_parameters::IntervalFrom;
use super::time_text;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// Columns: the times once, and the values of each series.
    #[default]
    Json,
    Rows,
    Csv,
    Prometheus,
}

impl Format {
    pub const NAMED: &'static [(&'static str, Self)] =
        &[("json", Self::Json), ("rows", Self::Rows), ("csv", Self::Csv), ("prometheus", Self::Prometheus)];
}

/// An object per value.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RowsBody<'a> {
    #[serde(flatten)]
    header: Header<'a>,
    rows: Vec<Row>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "MetricRow")]
struct Row {
    /// Start of the bucket, milliseconds since the epoch.
    time: i64,
    labels: serde_json::Map<String, Value>,
    value: answers::Value,
}

impl<'a> RowsBody<'a> {
    pub fn new(
        query: &'a TimeSeriesQuery,
        from: IntervalFrom,
        answer: &'a TimeSeries,
        elapsed_ms: f64,
    ) -> Self {
        let names = query.buckets.group_by.labels();
        let rows = answer.series.iter().flat_map(|points| {
            let labels = answers::labels(names, points);
            present(answer, points).map(move |(time, value)| Row {
                time: time / 1_000_000,
                labels: labels.clone(),
                value: answers::Value(Some(value)),
            })
        });
        let rows = rows.collect();
        Self { header: Header::new(query, from, answer, elapsed_ms), rows }
    }
}

/// The values that there are, with their times in nanoseconds.
fn present<'a>(answer: &'a TimeSeries, points: &'a Points) -> impl Iterator<Item = (i64, Number)> + 'a {
    let values: &[Option<Number>] = match &points.values {
        Values::Numbers(values) => values,
        Values::HeatMap(_) => &[],
    };
    answer.times.iter().zip(values).filter_map(|(time, value)| value.map(|value| (time.nanos(), value)))
}

/// `time`, a column per label, `value`.
pub fn csv(query: &TimeSeriesQuery, answer: &TimeSeries) -> Response {
    let mut text = String::from("time");
    for name in query.buckets.group_by.labels() {
        text.push(',');
        push_field(&mut text, name);
    }
    text.push_str(",value\r\n");
    for points in &answer.series {
        for (time, value) in present(answer, points) {
            text.push_str(&time_text::format(crate::shared::Timestamp::from_nanos(time)));
            for label in &points.labels {
                text.push(',');
                push_field(&mut text, label);
            }
            text.push(',');
            push_number(&mut text, value);
            text.push_str("\r\n");
        }
    }
    let content_type = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    ([(header::CONTENT_TYPE, content_type)], text).into_response()
}

/// Labels are text from outside: where a spreadsheet would take one for a formula, an apostrophe goes before it (OWASP, "CSV
/// Injection").
fn push_field(text: &mut String, field: &str) {
    let guard = if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if field.contains([',', '"', '\r', '\n']) {
        let _ = write!(text, "\"{guard}{}\"", field.replace('"', "\"\""));
    } else {
        text.push_str(guard);
        text.push_str(field);
    }
}

fn push_number(text: &mut String, value: Number) {
    let _ = match value {
        Number::Integer(integer) => write!(text, "{integer}"),
        Number::Double(double) if double.is_nan() => write!(text, "NaN"),
        Number::Double(double) if double.is_infinite() => {
            write!(text, "{}Inf", if double > 0.0 { "+" } else { "-" })
        }
        Number::Double(double) => write!(text, "{double}"),
    };
}

/// As `/api/v1/query_range` of Prometheus answers: times in seconds, values as texts.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PrometheusBody {
    status: &'static str,
    data: Matrix,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PrometheusMatrix")]
struct Matrix {
    result_type: &'static str,
    result: Vec<Samples>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "PrometheusSeries")]
struct Samples {
    metric: serde_json::Map<String, Value>,
    values: Vec<(f64, String)>,
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch fit a double")]
pub fn prometheus(query: &TimeSeriesQuery, answer: &TimeSeries) -> PrometheusBody {
    let names = query.buckets.group_by.labels();
    let result = answer.series.iter().map(|points| {
        let mut metric = answers::labels(names, points);
        metric.insert("__name__".to_owned(), query.buckets.metric.to_string().into());
        let values = present(answer, points).map(|(time, value)| {
            let mut text = String::new();
            push_number(&mut text, value);
            ((time / 1_000_000) as f64 / 1e3, text)
        });
        Samples { metric, values: values.collect() }
    });
    PrometheusBody { status: "success", data: Matrix { result_type: "matrix", result: result.collect() } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_with_a_comma_or_a_quote_is_quoted() {
        let field = |text: &str| {
            let mut out = String::new();
            push_field(&mut out, text);
            out
        };
        assert_eq!(field("plain"), "plain");
        assert_eq!(field("a,b"), "\"a,b\"");
        assert_eq!(field("a\"b\nc"), "\"a\"\"b\nc\"");
    }

    #[test]
    fn a_field_that_a_spreadsheet_would_compute_is_guarded() {
        for (label, shown) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("=\"a\"", "\"'=\"\"a\"\"\""),
            ("a=b", "a=b"),
        ] {
            let mut out = String::new();
            push_field(&mut out, label);
            assert_eq!(out, shown);
        }
    }

    #[test]
    fn numbers_are_exact_and_what_is_none_has_its_name() {
        let text = |value| {
            let mut out = String::new();
            push_number(&mut out, value);
            out
        };
        assert_eq!(text(Number::Integer(9_007_199_254_740_993)), "9007199254740993");
        assert_eq!(text(Number::Double(0.5)), "0.5");
        assert_eq!(text(Number::Double(f64::NAN)), "NaN");
        assert_eq!(text(Number::Double(f64::NEG_INFINITY)), "-Inf");
    }
}
