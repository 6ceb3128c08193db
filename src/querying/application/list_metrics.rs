//! `ListMetrics`: a page of the metric catalogue.

use std::sync::Arc;

use crate::querying::domain::{CataloguePage, CatalogueQuery};

use super::ports::{CacheUse, MetricReader, Read, ReadError};

/// The use case.
pub struct ListMetrics<R> {
    reader: Arc<R>,
}

impl<R> std::fmt::Debug for ListMetrics<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ListMetrics")
    }
}

impl<R: MetricReader> ListMetrics<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }

    pub async fn handle(
        &self,
        query: &CatalogueQuery,
        cache: CacheUse,
    ) -> Result<Read<CataloguePage>, ReadError> {
        self.reader.catalogue(query, cache).await
    }
}
