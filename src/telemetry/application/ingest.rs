//! `Ingest`: brings the accepted items of one request on their way and answers as durably as configured. The command is
//! `IngestMetrics`, `IngestLogs` or `IngestSpans` by its payload.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::shared::TenantId;
use crate::telemetry::domain::Findings;

use super::payload::{Accepted, Payload, ReceivedBody};
use super::ports::{Sink, SinkRefusal};
use super::resent::{Answer, Reading, ResentWindow, Seen};
use super::tally::Tally;
use super::{Crowding, IngestCounters, MemoryHold, Pending};

/// When a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After it is in the journal, on this node's disk.
    Journal,
    /// After its items are in the store.
    Store,
    /// After its items were checked and queued. They are lost if the process dies.
    Memory,
}

impl Durability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Journal => "journal",
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
    pub body: ReceivedBody,
}

/// What the sender is told.
#[derive(Debug, Clone, PartialEq)]
pub struct IngestReceipt {
    /// What the answer promises.
    pub durability: Durability,
    pub findings: Findings,
}

impl IngestReceipt {
    /// What was told when the same body came first.
    fn repeating(self, reading: Reading) -> Self {
        Self { findings: reading.instead_of(self.findings), ..self }
    }
}

/// Why a request could not be taken. But for the last it may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    #[error("the server is busy, try again")]
    Overloaded,
    #[error("the journal is full, try again later")]
    JournalFull,
    #[error("the journal's disk has no space, try again later")]
    NoSpace,
    #[error("the journal cannot be written")]
    JournalFailed,
    /// Others' room is kept for them.
    #[error("the journal holds more of this tenant than its share, try again later")]
    OverShare { retry_after: Duration },
    #[error("the server is shutting down")]
    ShuttingDown,
    #[error("the store did not take the request, try again")]
    NotStored,
    #[error("the store refuses the request for good; it is kept among the dead letters")]
    DeadLettered,
}

impl From<SinkRefusal> for IngestError {
    fn from(refusal: SinkRefusal) -> Self {
        match refusal {
            SinkRefusal::Busy => Self::Overloaded,
            SinkRefusal::Closed => Self::ShuttingDown,
            SinkRefusal::OverShare { retry_after } => Self::OverShare { retry_after },
            SinkRefusal::JournalFull => Self::JournalFull,
            SinkRefusal::NoSpace => Self::NoSpace,
            SinkRefusal::JournalFailed => Self::JournalFailed,
        }
    }
}

/// The use case. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    durability: Durability,
    sink: Arc<dyn Sink>,
    crowding: Arc<Crowding>,
    resent: Arc<ResentWindow>,
    counters: IngestCounters,
}

/// A request on its way.
#[derive(Debug)]
#[must_use = "the request is not answered yet"]
pub struct Submitted {
    receipt: IngestReceipt,
    /// Absent if there is nothing to wait for.
    answer: Option<oneshot::Receiver<Answer>>,
    crowding: Arc<Crowding>,
}

impl Submitted {
    /// Until the request is as durable as was promised, and a little longer if the store cannot follow.
    pub async fn acknowledged(self) -> Result<IngestReceipt, IngestError> {
        if let Some(answer) = self.answer {
            answer.await.unwrap_or(Err(IngestError::NotStored))?;
            // With `Store` it has waited for the store already.
            if self.receipt.durability != Durability::Store {
                self.crowding.room(Crowding::WAIT_MAX).await;
            }
        }
        Ok(self.receipt)
    }
}

impl Ingest {
    pub fn new(
        durability: Durability,
        sink: Arc<dyn Sink>,
        resent: Arc<ResentWindow>,
        counters: IngestCounters,
    ) -> Self {
        let crowding = sink.crowding();
        Self { durability, sink, crowding, resent, counters }
    }

    /// Whether a request of this tenant has a chance just now. To be asked before its body is read.
    pub fn admit(&self, tenant: &TenantId) -> Result<(), IngestError> {
        Ok(self.sink.admit(tenant)?)
    }

    /// Recognises what was sent before, and hands over what was not. Does not wait; packs the body for the journal, so
    /// that it is work for a decode thread.
    pub fn submit(&self, command: IngestCommand) -> Result<Submitted, IngestError> {
        let IngestCommand { payload, findings, memory, body } = command;
        let tally = Tally::new(payload.items(), &findings);
        let receipt = IngestReceipt { durability: self.durability, findings };
        let (tenant, signal) = (payload.tenant(), payload.signal());
        if tally.received() == 0 {
            self.counters.request_read(tenant, 0, &receipt.findings);
            return Ok(self.submitted(receipt, None));
        }
        let attempt = match self.resent.enter(body.hash, || Reading::of(&receipt.findings)) {
            Seen::First(attempt) => attempt,
            Seen::OnItsWay(answer, reading) => {
                self.counters.request_resent(tenant, signal);
                return Ok(self.submitted(receipt.repeating(reading), Some(answer)));
            }
            Seen::Acknowledged(reading) => {
                self.counters.request_resent(tenant, signal);
                return Ok(self.submitted(receipt.repeating(reading), None));
            }
        };
        let items = payload.items();
        self.counters.request_read(tenant, items, &receipt.findings);
        let (attempt, answer) = attempt.awaited();
        let pending = Pending::new(items, self.durability, attempt, self.counters.items(tenant, signal));
        self.sink.submit(Accepted { payload, memory, tally, body, pending })?;
        Ok(self.submitted(receipt, Some(answer)))
    }

    fn submitted(&self, receipt: IngestReceipt, answer: Option<oneshot::Receiver<Answer>>) -> Submitted {
        Submitted { receipt, answer, crowding: Arc::clone(&self.crowding) }
    }
}
