//! `BatchRows`: the rows of a sealed batch, ready to be inserted, and the event that tells of them.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::shared::{DomainEvent, MetricsIngested, NumberColumns};
use crate::telemetry::application::{Accepted, AcceptedMetrics, NewSeries, Payload, Pending};

use super::blocks::{self, SAMPLES_TABLE, SERIES_TABLE};

/// Rows for one table.
pub type TableBlock = (&'static str, RecordBatch);

/// What the requests of one batch hold, request by request. A batch has one signal, so two of the lists are empty.
#[derive(Debug, Default)]
pub struct BatchRows {
    pub metrics: Vec<NumberColumns>,
    pub new_series: Vec<NewSeries>,
}

impl BatchRows {
    /// Parts rows from those who wait for them.
    pub fn of(requests: Vec<Accepted>) -> (Self, Vec<Pending>) {
        let mut rows = Self::default();
        let mut all_pending = Vec::with_capacity(requests.len());
        for Accepted { payload, pending } in requests {
            all_pending.push(pending);
            match payload {
                Payload::Metrics(AcceptedMetrics { columns, new_series }) => {
                    rows.metrics.push(columns);
                    rows.new_series.extend(new_series);
                }
            }
        }
        (rows, all_pending)
    }

    /// Rows that others rely on, to be inserted before [`Self::blocks`]: a point is never visible without its series.
    pub fn blocks_ahead(&self) -> Result<Vec<TableBlock>, ArrowError> {
        if self.new_series.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![(SERIES_TABLE, blocks::series(&self.new_series)?)])
    }

    pub fn blocks(&self) -> Result<Vec<TableBlock>, ArrowError> {
        let mut blocks = Vec::new();
        if !self.metrics.is_empty() {
            blocks.push((SAMPLES_TABLE, blocks::samples(&self.metrics)?));
        }
        Ok(blocks)
    }

    /// What has become visible.
    pub fn into_events(self) -> impl Iterator<Item = DomainEvent> {
        let metrics = (!self.metrics.is_empty())
            .then(|| DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: self.metrics })));
        metrics.into_iter()
    }
}
