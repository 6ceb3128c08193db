//! `BatchRows`: the rows of a sealed batch, ready to be inserted, and the event that tells of them.

use std::sync::Arc;

use arrow_schema::ArrowError;

use crate::shared::{
    DomainEvent, LogColumns, LogsIngested, MetricColumns, MetricsIngested, SpanColumns, SpansIngested,
};
use crate::telemetry::application::{AcceptedMetrics, NewSeries, Payload};

use super::blocks::{self, TableBlock};
use super::log_blocks::{self, LOGS_TABLE};
use super::span_blocks::{self, SPANS_TABLE, TRACE_INDEX_TABLE};

/// What the requests of one batch hold, request by request. A batch has one signal, so that the lists of the others are empty.
#[derive(Debug, Default)]
pub struct BatchRows {
    metrics: Vec<MetricColumns>,
    new_series: Vec<NewSeries>,
    logs: Vec<LogColumns>,
    spans: Vec<SpanColumns>,
}

impl BatchRows {
    /// Adds the rows of one request.
    pub fn add(&mut self, payload: Payload) {
        if payload.items() == 0 {
            return;
        }
        match payload {
            Payload::Metrics(metrics) => {
                let AcceptedMetrics { columns, new_series } = *metrics;
                self.metrics.push(columns);
                self.new_series.extend(new_series);
            }
            Payload::Logs(columns) => self.logs.push(*columns),
            Payload::Spans(columns) => self.spans.push(*columns),
        }
    }

    /// Series that are known to everybody once their rows are stored.
    pub fn new_series(&self) -> &[NewSeries] {
        &self.new_series
    }

    /// In the order in which they are to be inserted. A span is never visible without its place in the index.
    pub fn blocks(&self) -> Result<Vec<TableBlock>, ArrowError> {
        let mut blocks = Vec::new();
        if !self.metrics.is_empty() {
            blocks.extend(blocks::metrics(&self.metrics, &self.new_series)?);
        }
        if !self.logs.is_empty() {
            blocks.push((LOGS_TABLE, log_blocks::logs(&self.logs)?));
        }
        if !self.spans.is_empty() {
            blocks.push((TRACE_INDEX_TABLE, span_blocks::trace_index(&self.spans)?));
            blocks.push((SPANS_TABLE, span_blocks::spans(&self.spans)?));
        }
        Ok(blocks)
    }

    /// What has become visible.
    pub fn into_events(self) -> impl Iterator<Item = DomainEvent> {
        let Self { metrics, logs, spans, .. } = self;
        let metrics =
            held(metrics).map(|columns| DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns })));
        let logs = held(logs).map(|columns| DomainEvent::LogsIngested(Arc::new(LogsIngested { columns })));
        let spans =
            held(spans).map(|columns| DomainEvent::SpansIngested(Arc::new(SpansIngested { columns })));
        metrics.into_iter().chain(logs).chain(spans)
    }
}

fn held<T>(columns: Vec<T>) -> Option<Vec<T>> {
    (!columns.is_empty()).then_some(columns)
}
