//! `Journaling`: brings a request into the journal, and from there, in the journal's order, into the ledger and the backlog.

use std::sync::Arc;

use crate::platform::journal::{AppendError, Journal, Payload, Record, Written};
use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::application::ledger::{Entered, Position};
use crate::telemetry::application::{Ledger, Pending, SinkRefusal};

use super::backlog::Backlog;
use super::batcher::stream;
use super::entry::{Entry, Held, Source};
use super::record_header::RecordHeader;

/// Shared by requests that come and letters that are tried again.
#[derive(Debug, Clone)]
pub struct Journaling {
    pub journal: Arc<Journal>,
    pub ledger: Arc<Ledger>,
    pub backlog: Arc<Backlog>,
}

/// What is to be journaled.
#[derive(Debug)]
pub struct ToJournal {
    pub tenant: TenantId,
    pub signal: Signal,
    pub received_at: Timestamp,
    pub header: RecordHeader,
    pub payload: Payload,
    pub entered: Entered,
    /// Absent: the items are read back when their turn comes.
    pub held: Option<Held>,
    pub pending: Pending,
}

impl Journaling {
    /// Does not wait; what it pends on hears the rest. Packs the payload on this thread.
    pub fn append(&self, request: ToJournal) -> Result<(), AppendError> {
        let ToJournal { tenant, signal, received_at, header, payload, entered, mut held, mut pending } =
            request;
        let items = usize::try_from(header.tally.accepted).unwrap_or(usize::MAX);
        let block_bytes = usize::try_from(header.block_bytes).unwrap_or(usize::MAX);
        let record = Record {
            stream: stream(signal),
            account: tenant.as_str().as_bytes().to_vec(),
            received_at,
            header: header.encode(),
            payload,
        };
        let (ledger, backlog) = (Arc::clone(&self.ledger), Arc::clone(&self.backlog));
        self.journal.append_then(record, move |written| match written {
            Ok(Written { sequence, kept }) => {
                ledger.enter(Some(Position(sequence.get())), (tenant.clone(), signal), &entered);
                pending.journaled();
                held.iter_mut().for_each(Held::without_body);
                let source = Source::Journal { kept, held };
                backlog.add(Entry { tenant, signal, items, block_bytes, source, pending });
            }
            Err(error) => pending.refused(SinkRefusal::from(error).into()),
        })
    }
}
