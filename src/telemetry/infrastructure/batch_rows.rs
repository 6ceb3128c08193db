//! `BatchRows`: the rows of a sealed batch, ready to be inserted, and the event that tells of them.

use std::sync::Arc;

use arrow_schema::ArrowError;

use crate::shared::{
    DomainEvent, LogColumns, LogsIngested, MetricColumns, MetricsIngested, SpanColumns, SpansIngested,
};
use crate::telemetry::application::{Accepted, AcceptedMetrics, NewSeries, Payload, Pending};

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
    /// Parts rows from those who wait for them.
    pub fn of(requests: Vec<Accepted>) -> (Self, Vec<Pending>) {
        let mut rows = Self::default();
        let mut all_pending = Vec::with_capacity(requests.len());
        for Accepted { payload, pending } in requests {
            all_pending.push(pending);
            match payload {
                Payload::Metrics(metrics) => {
                    let AcceptedMetrics { columns, new_series } = *metrics;
                    rows.metrics.push(columns);
                    rows.new_series.extend(new_series);
                }
                Payload::Logs(columns) => rows.logs.push(*columns),
                Payload::Spans(columns) => rows.spans.push(*columns),
            }
        }
        (rows, all_pending)
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
