//! `Search`: the questions about log records and spans, and the port to what answers them.

use std::future::Future;
use std::sync::Arc;

use crate::querying::domain::{LogCursor, LogQuery};

use super::ports::ReadError;
use super::read_models::{LogRecord, Page};

/// Reads log records and spans.
pub trait SearchReader: Send + Sync {
    fn logs(
        &self,
        query: &LogQuery,
    ) -> impl Future<Output = Result<Page<LogRecord, LogCursor>, ReadError>> + Send;
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
}
