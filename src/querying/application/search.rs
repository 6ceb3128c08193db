//! `Search`: the questions about log records and spans, and the port to what answers them.

use std::future::Future;
use std::sync::Arc;

use crate::querying::domain::{
    LogContextQuery, LogCount, LogCursor, LogHistogram, LogHistogramQuery, LogQuery, RatesQuery,
    ServiceMapQuery, SpanPlace, TraceCursor, TraceQuery, span_order,
};
use crate::shared::{TenantId, TraceId};

use super::ports::ReadError;
use super::read_models::{
    LogContext, LogRecord, Page, ServiceCalls, Span, SpanRates, TraceSpans, TraceSummary,
};

/// Reads log records and spans.
pub trait SearchReader: Send + Sync {
    fn logs(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Page<LogRecord, LogCursor>, ReadError>> + Send;

    /// In any order, and how many rows were read for it.
    fn log_counts(
        &self,
        query: &LogHistogramQuery,
    ) -> impl Future<Output = Result<(Vec<LogCount>, u64), ReadError>> + Send;

    fn traces(
        &self,
        query: &TraceQuery,
    ) -> impl Future<Output = Result<Page<TraceSummary, TraceCursor>, ReadError>> + Send;

    /// The spans of a trace in any order; absent if it is not known.
    fn trace(
        &self,
        tenant: &TenantId,
        id: TraceId,
    ) -> impl Future<Output = Result<Option<TraceSpans>, ReadError>> + Send;

    /// Those with the most requests first.
    fn rates(&self, query: &RatesQuery) -> impl Future<Output = Result<Vec<SpanRates>, ReadError>> + Send;

    /// Those with the most calls first.
    fn service_calls(
        &self,
        query: &ServiceMapQuery,
    ) -> impl Future<Output = Result<Vec<ServiceCalls>, ReadError>> + Send;
}

/// The use cases.
pub struct Search<R> {
    reader: Arc<R>,
}

impl<R> std::fmt::Debug for Search<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Search")
    }
}

impl<R: SearchReader> Search<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }

    /// Log records that pass a filter, newest or oldest first.
    pub async fn logs(&self, query: &LogQuery) -> Result<Page<LogRecord, LogCursor>, ReadError> {
        self.reader.logs(query).await
    }

    /// What was recorded before and after a moment.
    pub async fn log_context(&self, query: &LogContextQuery) -> Result<LogContext, ReadError> {
        let Some((before, after)) = query.sides() else { return Ok(LogContext::default()) };
        let (mut before, after) = (self.reader.logs(&before).await?, self.reader.logs(&after).await?);
        before.rows.reverse();
        let rows_read = before.rows_read + after.rows_read;
        Ok(LogContext { before: before.rows, after: after.rows, rows_read })
    }

    /// How many log records pass a filter, over time and by class of severity.
    pub async fn log_histogram(&self, query: &LogHistogramQuery) -> Result<LogHistogram, ReadError> {
        let (counts, rows_read) = self.reader.log_counts(query).await?;
        Ok(query.histogram(&counts, rows_read))
    }

    /// Traces with a span that passes a filter, the newest first.
    pub async fn traces(&self, query: &TraceQuery) -> Result<Page<TraceSummary, TraceCursor>, ReadError> {
        self.reader.traces(query).await
    }

    /// One trace, parents before their children; absent if it is not known.
    pub async fn trace(&self, tenant: &TenantId, id: TraceId) -> Result<Option<TraceSpans>, ReadError> {
        let found = self.reader.trace(tenant, id).await?;
        Ok(found.map(|trace| TraceSpans { spans: in_order(trace.spans), ..trace }))
    }

    /// Rates, errors and durations by service or operation, and whether there are more.
    pub async fn rates(&self, query: RatesQuery) -> Result<(Vec<SpanRates>, bool), ReadError> {
        let limit = query.limit;
        let found = self.reader.rates(&RatesQuery { limit: limit + 1, ..query }).await?;
        Ok(first(found, limit))
    }

    /// Which service called which, and whether there are more.
    pub async fn service_calls(
        &self,
        query: ServiceMapQuery,
    ) -> Result<(Vec<ServiceCalls>, bool), ReadError> {
        let limit = query.limit;
        let found = self.reader.service_calls(&ServiceMapQuery { limit: limit + 1, ..query }).await?;
        Ok(first(found, limit))
    }
}

/// The first rows, and whether there are more. One more than asked for tells.
fn first<T>(mut rows: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = rows.len() > limit;
    rows.truncate(limit);
    (rows, more)
}

fn in_order(spans: Vec<Span>) -> Vec<Span> {
    let places: Vec<SpanPlace<'_>> = spans
        .iter()
        .map(|span| SpanPlace {
            id: &span.span_id,
            parent: &span.parent_span_id,
            start: span.start_unix_nano,
        })
        .collect();
    let order = span_order(&places);
    let mut spans: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| spans.get_mut(at).and_then(Option::take)).collect()
}
