//! `IngestMetrics`: brings the accepted points of one request on their way and answers as durably as configured.

use std::sync::Arc;

use crate::shared::NumberColumns;
use crate::telemetry::domain::Findings;

use super::ports::{MetricsSink, NewSeries, SinkRefusal};
use super::{IngestCounters, MemoryHold, Pending};

/// When a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After its points are in the store.
    Store,
    /// After its points were checked and queued. They are lost if the process dies.
    Memory,
}

impl Durability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Memory => "memory",
        }
    }
}

/// The command: what was found in one request.
#[derive(Debug)]
pub struct IngestMetricsCommand {
    pub columns: NumberColumns,
    pub new_series: Vec<NewSeries>,
    pub findings: Findings,
    /// Memory that was admitted for the points; given back when they are stored.
    pub memory: MemoryHold,
}

/// Points on their way to the store.
#[derive(Debug)]
pub struct AcceptedMetrics {
    pub columns: NumberColumns,
    pub new_series: Vec<NewSeries>,
    pub pending: Pending,
}

/// What the sender is told.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestReceipt {
    /// What the answer promises.
    pub durability: Durability,
    pub accepted_points: u64,
    pub findings: Findings,
}

/// Why a request could not be taken. It may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestMetricsError {
    #[error("the server is busy, try again")]
    Overloaded,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the store did not take the points, try again")]
    NotStored,
}

/// The use case. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IngestMetrics {
    durability: Durability,
    sink: Arc<dyn MetricsSink>,
    counters: IngestCounters,
}

impl IngestMetrics {
    pub fn new(durability: Durability, sink: Arc<dyn MetricsSink>, counters: IngestCounters) -> Self {
        Self { durability, sink, counters }
    }

    /// Submit, acknowledge. The journal will stand between the two.
    pub async fn handle(&self, command: IngestMetricsCommand) -> Result<IngestReceipt, IngestMetricsError> {
        let IngestMetricsCommand { columns, new_series, findings, memory } = command;
        let points = columns.len();
        self.counters.request_read(points, &findings);
        let receipt = IngestReceipt { durability: self.durability, accepted_points: points as u64, findings };
        if points == 0 {
            return Ok(receipt);
        }
        let counters = self.counters.clone();
        match self.durability {
            Durability::Memory => {
                self.submit(columns, new_series, Pending::answered(points, memory, counters))?;
            }
            Durability::Store => {
                let (pending, stored) = Pending::awaited(points, memory, counters);
                self.submit(columns, new_series, pending)?;
                stored.await.map_err(|_| IngestMetricsError::NotStored)?;
            }
        }
        Ok(receipt)
    }

    fn submit(
        &self,
        columns: NumberColumns,
        new_series: Vec<NewSeries>,
        pending: Pending,
    ) -> Result<(), IngestMetricsError> {
        let points = columns.len();
        let submitted = self.sink.submit(AcceptedMetrics { columns, new_series, pending });
        submitted.map_err(|refusal| {
            self.counters.points_refused(points);
            match refusal {
                SinkRefusal::Busy => IngestMetricsError::Overloaded,
                SinkRefusal::Closed => IngestMetricsError::ShuttingDown,
            }
        })
    }
}
