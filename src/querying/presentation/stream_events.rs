//! Events of the live stream: the name of each, and its data as JSON.

use std::collections::BTreeMap;

use axum::response::sse::Event;
use serde::Serialize;

use crate::querying::application::live::{
    AlertChange, AlertState, Delivered, LivePoint, LiveValue, Message, Points,
};
use crate::querying::domain::Number;

use super::answers::Value;
use super::stream_parameters::{ALERTS, INGEST, LOGS, METRICS};
use super::time_text;

/// Some events were lost before this one.
pub(super) const LAGGED: &str = "lagged";

pub(super) fn event(delivered: &Delivered) -> Result<Event, axum::Error> {
    let (number, message) = match delivered {
        Delivered::Message { number, message } => (number, message),
        Delivered::Missed(missed) => {
            let body = LaggedBody { missed: missed.items, batches: missed.batches };
            return Event::default().event(LAGGED).json_data(body);
        }
    };
    let event = Event::default().id(number.to_string());
    match message {
        Message::Stored(stored) => {
            let body = IngestBody { signal: stored.signal.name(), items: stored.items };
            event.event(INGEST).json_data(body)
        }
        Message::Points(points) => event.event(METRICS).json_data(PointsBody::new(points)),
        Message::Log(record) => event.event(LOGS).json_data(record),
        Message::Alert(change) => event.event(ALERTS).json_data(AlertBody::new(change)),
    }
}

#[derive(Debug, Serialize)]
struct LaggedBody {
    /// Points, log records and so on that were meant for this client.
    missed: u64,
    /// Stored batches that were not looked into: some of it may have been meant for this client.
    batches: u64,
}

#[derive(Debug, Serialize)]
struct IngestBody {
    signal: &'static str,
    items: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PointsBody<'a> {
    metric_name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    points: Vec<PointBody>,
}

#[derive(Debug, Serialize)]
struct PointBody {
    /// 16 hexadecimal digits.
    series: String,
    time: String,
    #[serde(flatten)]
    value: ValueBody,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ValueBody {
    Number { value: Value },
    Population { count: u64, sum: Value },
}

impl<'a> PointsBody<'a> {
    fn new(points: &'a Points) -> Self {
        Self {
            metric_name: &points.metric,
            kind: points.kind.name(),
            points: points.points.iter().map(PointBody::new).collect(),
        }
    }
}

impl PointBody {
    fn new(point: &LivePoint) -> Self {
        let value = match point.value {
            LiveValue::Number(value) => ValueBody::Number { value: Value(value) },
            LiveValue::Population { count, sum } => {
                ValueBody::Population { count, sum: Value(sum.map(Number::Double)) }
            }
        };
        Self { series: format!("{:016x}", point.series.0), time: time_text::format(point.time), value }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AlertBody<'a> {
    state: &'static str,
    rule_id: &'a str,
    rule_name: &'a str,
    severity: &'a str,
    expression: &'a str,
    threshold: &'a str,
    value: Value,
    peak: Value,
    labels: BTreeMap<&'a str, &'a str>,
    since: String,
    at: String,
    reason: &'a str,
}

impl<'a> AlertBody<'a> {
    fn new(change: &'a AlertChange) -> Self {
        let transition = &*change.transition;
        let number = |value: Option<f64>| Value(value.map(Number::Double));
        Self {
            state: match change.state {
                AlertState::Triggered => "triggered",
                AlertState::Resolved => "resolved",
            },
            rule_id: &transition.rule_id,
            rule_name: &transition.rule_name,
            severity: transition.severity,
            expression: &transition.expression,
            threshold: &transition.threshold,
            value: number(transition.value),
            peak: number(transition.peak),
            labels: transition.labels.iter().map(|(name, value)| (&**name, &**value)).collect(),
            since: time_text::format(transition.since),
            at: time_text::format(transition.at),
            reason: &transition.reason,
        }
    }
}
