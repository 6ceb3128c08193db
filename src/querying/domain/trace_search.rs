//! Which traces are asked for, where a page of them ended, and of what rates are asked for.

use std::time::Duration;

use crate::shared::{TenantId, TimeRange, Timestamp, TraceId};

use super::log_search::AttributeTest;

/// What one of a trace's spans has to be like, in everything. Empty: all pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanFilter {
    /// One of these services; empty for all.
    pub services: Vec<Box<str>>,
    /// The span's name.
    pub operation: Option<Box<str>>,
    pub duration_min: Option<Duration>,
    pub duration_max: Option<Duration>,
    pub status: Option<SpanStatus>,
    pub attributes: Vec<AttributeTest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanStatus {
    Unset,
    Ok,
    Error,
}

impl SpanStatus {
    pub const NAMES: [&'static str; 3] = ["unset", "ok", "error"];

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "unset" => Some(Self::Unset),
            "ok" => Some(Self::Ok),
            "error" => Some(Self::Error),
            _ => None,
        }
    }

    /// As OTLP and the store have it.
    pub const fn number(self) -> i32 {
        match self {
            Self::Unset => 0,
            Self::Ok => 1,
            Self::Error => 2,
        }
    }
}

/// A page of traces with a span that passes, the newest of such spans first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceQuery {
    pub tenant: TenantId,
    /// When such a span began.
    pub range: TimeRange,
    pub filter: SpanFilter,
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<TraceCursor>,
}

/// The last trace of a page, by the start of its newest span that passes, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceCursor {
    pub time: Timestamp,
    pub id: TraceId,
}

/// Which service called which, by spans that began within a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceMapQuery {
    pub tenant: TenantId,
    pub range: TimeRange,
    pub limit: usize,
}

/// Rates, errors and durations of spans that began within a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatesQuery {
    pub tenant: TenantId,
    pub range: TimeRange,
    pub of: RatesOf,
    pub limit: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatesOf {
    /// A row for each of these services; empty for all.
    Services(Vec<Box<str>>),
    /// A row for each span name of this service.
    Operations(Box<str>),
}
