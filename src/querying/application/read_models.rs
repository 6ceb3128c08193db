//! Rows as the store hands them over and the API gives them. Of what is read as JSON the order of the fields is that of the
//! arrays in `clickhouse/querying/`; their names are those of the answers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Attributes by name. Values are texts, as they are stored.
pub type Attributes = BTreeMap<String, String>;

/// A log record (`log_records.sql`). Moments are RFC 3339 with nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogRecord {
    pub time: String,
    /// Absent if the sender did not say.
    pub observed_time: Option<String>,
    pub severity_number: i32,
    pub severity_text: String,
    pub service: String,
    pub body: String,
    pub body_type: String,
    pub event_name: String,
    /// Hexadecimal; empty if there is none.
    pub trace_id: String,
    pub span_id: String,
    pub flags: u32,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
    pub resource: Resource,
    pub scope: Scope,
}

/// What was recorded around a moment, in order of time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogContext {
    pub before: Vec<LogRecord>,
    /// At the moment and after it.
    pub after: Vec<LogRecord>,
    pub rows_read: u64,
}

/// What sent a record or a span.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    pub attributes: Attributes,
    pub dropped_attributes: u32,
    pub schema_url: String,
}

/// The instrumentation that made it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    pub name: String,
    pub version: String,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
    pub schema_url: String,
}

/// A part of an answer, and where the next one begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, C> {
    pub rows: Vec<T>,
    /// Absent on the last page.
    pub next: Option<C>,
    /// Rows that the store read for it.
    pub rows_read: u64,
}

/// A span (`trace_spans.sql`).
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    pub trace_id: String,
    pub span_id: String,
    /// Empty in the root of a trace.
    pub parent_span_id: String,
    pub trace_state: String,
    pub flags: u32,
    pub name: String,
    /// Empty if OTLP does not know the number.
    pub kind: String,
    pub kind_number: i32,
    pub service: String,
    pub start: String,
    #[serde(serialize_with = "in_quotes")]
    #[schemars(with = "String")]
    pub start_unix_nano: u64,
    pub duration_nanos: u64,
    pub status: String,
    pub status_number: i32,
    pub status_message: String,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
    pub events: Vec<SpanEvent>,
    pub dropped_events: u32,
    pub links: Vec<SpanLink>,
    pub dropped_links: u32,
    pub resource: Resource,
    pub scope: Scope,
}

#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanEvent {
    pub time: String,
    #[serde(serialize_with = "in_quotes")]
    #[schemars(with = "String")]
    pub time_unix_nano: u64,
    pub name: String,
    pub attributes: Attributes,
    pub dropped_attributes: u32,
}

/// Ids are as they were sent, whatever their length.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanLink {
    pub trace_id: String,
    pub span_id: String,
    pub trace_state: String,
    pub attributes: Attributes,
    pub flags: u32,
    pub dropped_attributes: u32,
}

/// The spans of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSpans {
    pub spans: Vec<Span>,
    /// Whether these are all.
    pub complete: bool,
    pub rows_read: u64,
}

/// A trace in a list (`trace_summaries.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceSummary {
    pub trace_id: String,
    /// Absent while the root span is not known, as is its name.
    pub root_service: Option<String>,
    pub root_name: Option<String>,
    pub start: String,
    #[serde(deserialize_with = "quoted", serialize_with = "in_quotes")]
    #[schemars(with = "String")]
    pub start_unix_nano: u64,
    /// From the first start of a span to the last end of one.
    #[serde(deserialize_with = "quoted")]
    pub duration_nanos: u64,
    #[serde(deserialize_with = "quoted")]
    pub spans: u64,
    /// Spans with the status error.
    #[serde(deserialize_with = "quoted")]
    pub errors: u64,
    /// At most 100.
    pub services: Vec<String>,
}

/// Requests, errors and durations of a service or an operation (`span_rates.sql`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct SpanRates {
    pub name: String,
    #[serde(deserialize_with = "quoted")]
    pub spans: u64,
    /// Different names of spans.
    #[serde(deserialize_with = "quoted")]
    pub operations: u64,
    /// Spans of servers and consumers if there are any, else all.
    #[serde(deserialize_with = "quoted")]
    pub requests: u64,
    #[serde(deserialize_with = "quoted")]
    pub errors: u64,
    /// Nanoseconds: the median, and what 95 % and 99 % of requests stay below.
    pub durations: [f64; 3],
}

/// Calls of one service by another (`service_map.sql`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ServiceCalls {
    pub caller: String,
    pub callee: String,
    #[serde(deserialize_with = "quoted")]
    pub calls: u64,
    #[serde(deserialize_with = "quoted")]
    pub errors: u64,
    /// As in [`SpanRates`].
    pub durations: [f64; 3],
}

/// The store writes numbers of 64 bits in quotes.
fn quoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Nanoseconds since the epoch are beyond what a number in JSON says exactly everywhere; OTLP quotes them, too.
fn in_quotes<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// A moment in nanoseconds since the epoch as RFC 3339 with nanoseconds.
pub fn moment_text(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(nanos.into()).map(|at| format!("{at:.9}")).unwrap_or_default()
}

/// Hexadecimal; empty if all bytes are zero: then there is none.
pub fn id_text(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_ids_are_written_as_the_store_writes_them() {
        assert_eq!(moment_text(1_795_000_000_000_000_001), "2026-11-18T11:06:40.000000001Z");
        assert_eq!(moment_text(1_795_000_000_000_000_000), "2026-11-18T11:06:40.000000000Z");
        assert_eq!((id_text(&[0, 0]), id_text(&[0, 0xab])), (String::new(), "00ab".to_owned()));
    }
}
