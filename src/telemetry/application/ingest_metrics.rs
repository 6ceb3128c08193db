//! `IngestMetrics`: brings the accepted points of one request on their way and answers as durably as configured.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::shared::NumberColumns;
use crate::telemetry::domain::Findings;

use super::ports::{MetricsSink, NewSeries, SeriesCatalogue, SinkRefusal};

/// When a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After its points are in the store.
    Store,
    /// After its points were checked and queued. They are lost if the process dies.
    Memory,
}

/// The command: what was found in one request.
#[derive(Debug)]
pub struct IngestMetricsCommand<M> {
    pub columns: NumberColumns,
    pub new_series: Vec<NewSeries>,
    pub findings: Findings,
    /// Memory that was admitted for the points; given back when they are stored.
    pub memory: M,
}

/// Points on their way to the store.
#[derive(Debug)]
pub struct AcceptedMetrics {
    pub columns: NumberColumns,
    pub new_series: Vec<NewSeries>,
    pub memory: MemoryHold,
    pub stored: StoredSignal,
}

/// Keeps admitted memory reserved for as long as it lives.
pub type MemoryHold = Box<dyn std::any::Any + Send>;

/// Tells the waiting request what became of its points. Dropped without a word: they were not stored.
#[derive(Debug)]
pub struct StoredSignal(oneshot::Sender<()>);

impl StoredSignal {
    /// The points are durable and visible.
    pub fn stored(self) {
        // Nobody waits when the request is answered from memory, or when the client has left.
        let _ = self.0.send(());
    }
}

impl Durability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Memory => "memory",
        }
    }
}

/// What the sender is told.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestReceipt {
    /// What the answer promises.
    pub durability: Durability,
    pub accepted_points: u64,
    pub findings: Findings,
}

/// Why a request could not be taken. Nothing of it is stored, and it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestMetricsError {
    #[error("the write queue is full, try again")]
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
    catalogue: Arc<dyn SeriesCatalogue>,
}

impl IngestMetrics {
    pub fn new(
        durability: Durability,
        sink: Arc<dyn MetricsSink>,
        catalogue: Arc<dyn SeriesCatalogue>,
    ) -> Self {
        Self { durability, sink, catalogue }
    }

    /// Submit, acknowledge. The journal will stand between the two.
    pub async fn handle<M: Send + 'static>(
        &self,
        command: IngestMetricsCommand<M>,
    ) -> Result<IngestReceipt, IngestMetricsError> {
        let receipt = IngestReceipt {
            durability: self.durability,
            accepted_points: command.columns.len() as u64,
            findings: command.findings,
        };
        if command.columns.is_empty() && command.new_series.is_empty() {
            return Ok(receipt);
        }
        let stored = self.submit(command.columns, command.new_series, Box::new(command.memory))?;
        match self.durability {
            Durability::Memory => {}
            Durability::Store => stored.await.map_err(|_| IngestMetricsError::NotStored)?,
        }
        Ok(receipt)
    }

    /// Series are committed only after the sink has taken their rows, so that no point can outlive its series.
    fn submit(
        &self,
        columns: NumberColumns,
        new_series: Vec<NewSeries>,
        memory: MemoryHold,
    ) -> Result<oneshot::Receiver<()>, IngestMetricsError> {
        let (stored, waiting) = oneshot::channel();
        let tenant = columns.tenant().clone();
        let committed = new_series.clone();
        self.sink
            .submit(AcceptedMetrics { columns, new_series, memory, stored: StoredSignal(stored) })
            .map_err(|refusal| match refusal {
                SinkRefusal::Full => IngestMetricsError::Overloaded,
                SinkRefusal::Closed => IngestMetricsError::ShuttingDown,
            })?;
        self.catalogue.commit(&tenant, &committed);
        Ok(waiting)
    }
}
