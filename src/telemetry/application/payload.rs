//! `Payload`: the accepted items of one request, on their way to the store.

use bytes::Bytes;

use crate::shared::{LogColumns, MetricColumns, Signal, SpanColumns, TenantId, Timestamp};

use super::resent::BodyHash;
use super::tally::Tally;
use super::{MemoryHold, NewSeries, Pending};

/// What a new series takes in memory beside its texts and attributes, on its way to the store: among its request's new ones, in
/// the index of these, and as a row of a block.
pub const SERIES_BYTES: usize = 1_024;

/// Accepted items of one signal and tenant.
#[derive(Debug)]
pub enum Payload {
    Metrics(Box<AcceptedMetrics>),
    Logs(Box<LogColumns>),
    Spans(Box<SpanColumns>),
}

/// Points, and the series that the store does not know yet.
#[derive(Debug)]
pub struct AcceptedMetrics {
    pub columns: MetricColumns,
    pub new_series: Vec<NewSeries>,
}

/// What the write path is given.
#[derive(Debug)]
pub struct Accepted {
    pub payload: Payload,
    /// Held for the payload, and for the body until the journal has it.
    pub memory: MemoryHold,
    pub tally: Tally,
    pub body: ReceivedBody,
    pub pending: Pending,
}

/// The request as it came, and what it takes to read it again.
#[derive(Debug)]
pub struct ReceivedBody {
    /// How it was read: words of whoever did, for [`Replay`](super::ports::Replay).
    pub form: Vec<u8>,
    pub bytes: Bytes,
    pub compression: BodyCompression,
    pub hash: BodyHash,
    pub received_at: Timestamp,
}

/// Whether a body is worth compressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyCompression {
    None,
    /// By its sender.
    Compressed,
}

impl Payload {
    pub const fn signal(&self) -> Signal {
        match self {
            Self::Metrics(_) => Signal::Metrics,
            Self::Logs(_) => Signal::Logs,
            Self::Spans(_) => Signal::Traces,
        }
    }

    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Metrics(metrics) => metrics.columns.tenant(),
            Self::Logs(columns) => columns.tenant(),
            Self::Spans(columns) => columns.tenant(),
        }
    }

    /// How many items: points, log records, spans.
    pub fn items(&self) -> usize {
        match self {
            Self::Metrics(metrics) => metrics.columns.len(),
            Self::Logs(columns) => columns.len(),
            Self::Spans(columns) => columns.len(),
        }
    }

    /// What they take as rows of a block, which spell out what they share.
    pub fn block_bytes(&self) -> usize {
        match self {
            Self::Metrics(metrics) => {
                let series = metrics.new_series.iter().map(|new| SERIES_BYTES + new.identity.row_bytes());
                metrics.columns.bytes() + series.sum::<usize>()
            }
            Self::Logs(columns) => columns.block_bytes(),
            Self::Spans(columns) => columns.block_bytes(),
        }
    }

    /// What they take in memory until they are stored: the columns stay while their block is built and inserted.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Metrics(metrics) => {
                let series = metrics.new_series.iter().map(|new| SERIES_BYTES + new.identity.held_bytes());
                2 * metrics.columns.bytes() + series.sum::<usize>()
            }
            Self::Logs(columns) => columns.bytes() + columns.block_bytes(),
            Self::Spans(columns) => columns.bytes() + columns.block_bytes(),
        }
    }
}
