//! `Ingest`: brings the accepted items of one request on their way and answers as durably as configured. The command is
//! `IngestMetrics`, `IngestLogs` or `IngestSpans` by its payload.

use std::sync::Arc;

use crate::telemetry::domain::Findings;

use super::payload::{Accepted, Payload};
use super::ports::{Sink, SinkRefusal};
use super::{IngestCounters, MemoryHold, Pending};

/// When a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After its items are in the store.
    Store,
    /// After its items were checked and queued. They are lost if the process dies.
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
pub struct IngestCommand {
    pub payload: Payload,
    pub findings: Findings,
    /// Memory that was admitted for the items; given back when they are stored.
    pub memory: MemoryHold,
}

/// What the sender is told.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestReceipt {
    /// What the answer promises.
    pub durability: Durability,
    pub findings: Findings,
}

/// Why a request could not be taken. It may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("the server is busy, try again")]
    Overloaded,
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the store did not take the request, try again")]
    NotStored,
}

/// The use case. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    durability: Durability,
    sink: Arc<dyn Sink>,
    counters: IngestCounters,
}

impl Ingest {
    pub fn new(durability: Durability, sink: Arc<dyn Sink>, counters: IngestCounters) -> Self {
        Self { durability, sink, counters }
    }

    /// Submit, acknowledge. The journal will stand between the two.
    pub async fn handle(&self, command: IngestCommand) -> Result<IngestReceipt, IngestError> {
        let IngestCommand { payload, findings, memory } = command;
        let (items, tenant) = (payload.items(), payload.tenant());
        self.counters.request_read(tenant, items, &findings);
        let receipt = IngestReceipt { durability: self.durability, findings };
        if items == 0 {
            return Ok(receipt);
        }
        let counters = self.counters.items(tenant, payload.signal());
        match self.durability {
            Durability::Memory => self.submit(payload, Pending::answered(items, memory, counters))?,
            Durability::Store => {
                let (pending, stored) = Pending::awaited(items, memory, counters);
                self.submit(payload, pending)?;
                stored.await.map_err(|_| IngestError::NotStored)?;
            }
        }
        Ok(receipt)
    }

    fn submit(&self, payload: Payload, pending: Pending) -> Result<(), IngestError> {
        self.sink.submit(Accepted { payload, pending }).map_err(|refusal| match refusal {
            SinkRefusal::Busy => IngestError::Overloaded,
            SinkRefusal::Closed => IngestError::ShuttingDown,
        })
    }
}
