//! `Message`: what a listener is told.

use std::sync::Arc;

use crate::querying::application::LogRecord;
use crate::querying::domain::Number;
use crate::shared::events::AlertTransition;
use crate::shared::{MetricKind, SeriesId, Signal, Timestamp};

#[derive(Debug, Clone)]
pub enum Message {
    Stored(Stored),
    Points(Points),
    Log(Box<LogRecord>),
    Alert(AlertChange),
}

/// So many items of a signal can be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    pub signal: Signal,
    pub items: u64,
}

/// Points of a metric that can be read now.
#[derive(Debug, Clone)]
pub struct Points {
    pub metric: Box<str>,
    pub kind: MetricKind,
    pub points: Vec<LivePoint>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LivePoint {
    pub series: SeriesId,
    pub time: Timestamp,
    pub value: LiveValue,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LiveValue {
    /// Absent if the sender had none.
    Number(Option<Number>),
    /// Of a distribution; the sum is absent if it was not sent.
    Population { count: u64, sum: Option<f64> },
}

/// An alert that began or ceased to fire.
#[derive(Debug, Clone)]
pub struct AlertChange {
    pub state: AlertState,
    pub transition: Arc<AlertTransition>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    Triggered,
    Resolved,
}

impl Message {
    /// How many items it tells of: what is counted when it is lost.
    pub fn items(&self) -> u64 {
        match self {
            Self::Points(points) => points.points.len() as u64,
            Self::Stored(_) | Self::Log(_) | Self::Alert(_) => 1,
        }
    }

    /// About what it takes in memory.
    pub fn bytes(&self) -> usize {
        /// The message itself, and what its place in a queue takes.
        const OVERHEAD: usize = 128;
        OVERHEAD
            + match self {
                Self::Stored(_) => 0,
                Self::Points(points) => points.metric.len() + points.points.len() * size_of::<LivePoint>(),
                Self::Log(record) => log_bytes(record),
                // Shared by all who hear of it.
                Self::Alert(_) => size_of::<AlertTransition>(),
            }
    }
}

fn log_bytes(record: &LogRecord) -> usize {
    /// What a text takes beside its bytes, or an entry of a map.
    const TEXT: usize = 32;
    let maps = [&record.attributes, &record.resource.attributes, &record.scope.attributes];
    let entries = maps.into_iter().flatten();
    let texts = [
        &record.severity_text,
        &record.service,
        &record.body,
        &record.event_name,
        &record.resource.schema_url,
        &record.scope.name,
        &record.scope.version,
        &record.scope.schema_url,
    ];
    size_of::<LogRecord>()
        + texts.iter().map(|text| text.len()).sum::<usize>()
        + entries.map(|(key, value)| key.len() + value.len() + 2 * TEXT).sum::<usize>()
}
