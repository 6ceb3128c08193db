//! `GET /api/v2/ingest/rejections`: what was rejected of the caller's telemetry lately, and why.
//!
//! Parameters: `limit` (1 to 200, default 50) and `signal` (`metrics`, `logs` or `traces`; all without it). The answer,
//! the newest first:
//!
//! ```json
//! {"rejections": [
//!   {"time": "2026-11-18T10:00:00Z", "signal": "metrics", "transport": "http", "encoding": "protobuf",
//!    "outcome": "partial", "rejectedItems": 3,
//!    "reasons": [{"reason": "time_too_old", "text": "...", "items": 3, "examples": ["http.requests"]}],
//!    "warnings": [{"warning": "attribute_cut", "text": "...", "count": 1}]},
//!   {"time": "2026-11-18T09:59:59Z", "signal": "logs", "transport": "grpc", "encoding": "protobuf",
//!    "outcome": "refused", "reasons": [{"reason": "undecodable", "text": "...", "examples": []}], "warnings": []}
//! ]}
//! ```
//!
//! `refused`: nothing of the request was accepted, and its items were not counted. Kept in memory only: the last 500 of
//! all tenants, at most 200 of one.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::Serialize;

use crate::platform::http::Problem;
use crate::shared::nearest::nearest;
use crate::shared::{Signal, Timestamp};
use crate::telemetry::application::rejections::{
    Outcome, REJECTIONS_MAX_PER_TENANT, RejectionEntry, RejectionLog,
};
use crate::tenancy::Caller;

/// Path of the list, on the API's listener.
pub const REJECTIONS_PATH: &str = "/api/v2/ingest/rejections";

pub(super) const LIMIT: &str = "limit";
pub(super) const SIGNAL: &str = "signal";
pub(super) const LIMIT_DEFAULT: usize = 50;
/// Longest part of a name that an answer repeats, in characters.
const NAME_CHARS_MAX: usize = 64;

type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(super) async fn handle(
    State(log): State<Arc<RejectionLog>>,
    Extension(caller): Extension<Caller>,
    pairs: Pairs,
) -> Result<Response, Problem> {
    let Query(pairs) = pairs.map_err(|_| Problem::invalid("the query string cannot be decoded"))?;
    let asked = Asked::parse(&pairs)?;
    let found = log.newest(&caller.tenant, asked.signal, asked.limit);
    let body = Body { rejections: found.iter().map(|entry| Entry::new(entry)).collect() };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(body)).into_response())
}

/// What is asked for. Parsed strictly, as all query strings are.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    limit: usize,
    signal: Option<Signal>,
}

impl Asked {
    fn parse(pairs: &[(String, String)]) -> Result<Self, Problem> {
        let known = [LIMIT, SIGNAL];
        if let Some((unknown, _)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let shown: String = unknown.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
            let problem = Problem::invalid("unknown parameter").with_field(shown).with_allowed(known);
            return Err(problem.with_near(nearest(unknown, known)));
        }
        let limit = match one(pairs, LIMIT)? {
            None => LIMIT_DEFAULT,
            Some(text) => limit(text).ok_or_else(|| {
                let allowed = format!("expected a whole number from 1 to {REJECTIONS_MAX_PER_TENANT}");
                Problem::invalid(allowed).with_field(LIMIT)
            })?,
        };
        let signal = match one(pairs, SIGNAL)? {
            None => None,
            Some(text) => Some(signal(text).ok_or_else(|| {
                let names = Signal::ALL.map(Signal::name);
                Problem::invalid("unknown signal").with_field(SIGNAL).with_allowed(names)
            })?),
        };
        Ok(Self { limit, signal })
    }
}

fn one<'a>(pairs: &'a [(String, String)], name: &str) -> Result<Option<&'a str>, Problem> {
    let mut found = pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
    match (found.next(), found.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(Problem::invalid("given more than once").with_field(name)),
    }
}

fn limit(text: &str) -> Option<usize> {
    text.parse().ok().filter(|limit| (1..=REJECTIONS_MAX_PER_TENANT).contains(limit))
}

fn signal(text: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| signal.name() == text)
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RejectionsBody")]
pub(super) struct Body<'a> {
    rejections: Vec<Entry<'a>>,
}

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Rejection")]
struct Entry<'a> {
    time: String,
    signal: &'static str,
    transport: &'static str,
    encoding: &'static str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_items: Option<u64>,
    reasons: Vec<Reason<'a>>,
    warnings: Vec<Remark>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RejectionReason")]
struct Reason<'a> {
    reason: &'static str,
    text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<u64>,
    examples: Vec<&'a str>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "RejectionWarning")]
struct Remark {
    warning: &'static str,
    text: &'static str,
    count: u64,
}

impl<'a> Entry<'a> {
    fn new(entry: &'a RejectionEntry) -> Self {
        let (outcome, reasons, warnings) = match &entry.outcome {
            Outcome::Partial { rejected, warnings } => {
                let reasons = rejected.iter().map(|items| Reason {
                    reason: items.reason.name(),
                    text: items.reason.text(),
                    items: Some(items.items),
                    examples: items.examples.iter().map(|name| &**name).collect(),
                });
                let warnings = warnings.iter().map(|(warning, count)| Remark {
                    warning: warning.name(),
                    text: warning.text(),
                    count: *count,
                });
                ("partial", reasons.collect(), warnings.collect())
            }
            Outcome::Refused { reason, message } => {
                let reason = Reason { reason, text: message, items: None, examples: Vec::new() };
                ("refused", vec![reason], Vec::new())
            }
        };
        Self {
            time: time(entry.at),
            signal: entry.signal.name(),
            transport: entry.sent_as.transport(),
            encoding: entry.sent_as.encoding(),
            outcome,
            rejected_items: entry.rejected_items(),
            reasons,
            warnings,
        }
    }
}

/// RFC 3339 in UTC.
fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(at.nanos().into()).map_or_else(|_| String::new(), |at| at.to_string())
}

#[cfg(test)]
mod tests;
