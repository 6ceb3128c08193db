//! `BatchRows`: the rows of a sealed batch, ready to be inserted, and the event that tells of them.

use std::sync::Arc;

use arrow_schema::ArrowError;

use crate::shared::{DomainEvent, MetricColumns, MetricsIngested};
use crate::telemetry::application::{Accepted, AcceptedMetrics, NewSeries, Payload, Pending};

use super::blocks::{self, TableBlock};

/// What the requests of one batch hold, request by request. A batch has one signal, so two of the lists are empty.
#[derive(Debug, Default)]
pub struct BatchRows {
    pub metrics: Vec<MetricColumns>,
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

    /// In the order in which they are to be inserted.
    pub fn blocks(&self) -> Result<Vec<TableBlock>, ArrowError> {
        blocks::metrics(&self.metrics, &self.new_series)
    }

    /// What has become visible.
    pub fn into_events(self) -> impl Iterator<Item = DomainEvent> {
        let metrics = (!self.metrics.is_empty())
            .then(|| DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: self.metrics })));
        metrics.into_iter()
    }
}
