//! Rows as the store hands them over and the API gives them. The order of the fields is that of the arrays in
//! `clickhouse/querying/`; their names are those of the answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Attributes by name. Values are texts, as they are stored.
pub type Attributes = BTreeMap<String, String>;

/// A log record (`log_records.sql`). Moments are RFC 3339 with nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
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

/// What sent a record or a span.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    pub attributes: Attributes,
    pub dropped_attributes: u32,
    pub schema_url: String,
}

/// The instrumentation that made it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
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
