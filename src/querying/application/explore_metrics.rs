//! `ExploreMetrics`: the questions about the series of metrics, and the port to what answers them.

use std::future::Future;
use std::sync::Arc;

use crate::querying::domain::{
    CardinalityQuery, ExemplarsQuery, LabelValuesQuery, LabelsQuery, MetadataQuery, SeriesQuery,
};

use super::ports::{CacheUse, Read, ReadError};
use super::series_answers::{
    Cardinality, ExemplarPage, LabelPage, LabelValuePage, Metadata, MetricCardinality, SeriesPage,
};

/// Reads what the series of metrics are. A metric that is named and not known is an error.
pub trait MetricExplorer: Send + Sync {
    fn metadata(
        &self,
        query: &MetadataQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<Metadata>, ReadError>> + Send;

    fn labels(
        &self,
        query: &LabelsQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<LabelPage>, ReadError>> + Send;

    fn label_values(
        &self,
        query: &LabelValuesQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<LabelValuePage>, ReadError>> + Send;

    /// Over all metrics of the selection.
    fn cardinality(
        &self,
        query: &CardinalityQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<Cardinality>, ReadError>> + Send;

    /// Of the one metric of the selection.
    fn metric_cardinality(
        &self,
        query: &CardinalityQuery,
        cache: CacheUse,
    ) -> impl Future<Output = Result<Read<MetricCardinality>, ReadError>> + Send;

    fn series(&self, query: &SeriesQuery) -> impl Future<Output = Result<SeriesPage, ReadError>> + Send;

    fn exemplars(
        &self,
        query: &ExemplarsQuery,
    ) -> impl Future<Output = Result<ExemplarPage, ReadError>> + Send;
}

/// The use cases.
pub struct ExploreMetrics<R> {
    reader: Arc<R>,
}

impl<R> std::fmt::Debug for ExploreMetrics<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExploreMetrics")
    }
}

impl<R: MetricExplorer> ExploreMetrics<R> {
    pub fn new(reader: Arc<R>) -> Self {
        Self { reader }
    }

    /// All that a metric was sent as.
    pub async fn metadata(
        &self,
        query: &MetadataQuery,
        cache: CacheUse,
    ) -> Result<Read<Metadata>, ReadError> {
        self.reader.metadata(query, cache).await
    }

    /// Names of labels.
    pub async fn labels(&self, query: &LabelsQuery, cache: CacheUse) -> Result<Read<LabelPage>, ReadError> {
        self.reader.labels(query, cache).await
    }

    /// Values of a label.
    pub async fn label_values(
        &self,
        query: &LabelValuesQuery,
        cache: CacheUse,
    ) -> Result<Read<LabelValuePage>, ReadError> {
        self.reader.label_values(query, cache).await
    }

    /// Which metrics have the most series.
    pub async fn cardinality(
        &self,
        query: &CardinalityQuery,
        cache: CacheUse,
    ) -> Result<Read<Cardinality>, ReadError> {
        self.reader.cardinality(query, cache).await
    }

    /// What makes the series of one metric.
    pub async fn metric_cardinality(
        &self,
        query: &CardinalityQuery,
        cache: CacheUse,
    ) -> Result<Read<MetricCardinality>, ReadError> {
        self.reader.metric_cardinality(query, cache).await
    }

    /// Series that have points in a range.
    pub async fn series(&self, query: &SeriesQuery) -> Result<SeriesPage, ReadError> {
        self.reader.series(query).await
    }

    /// Measurements that were recorded beside points.
    pub async fn exemplars(&self, query: &ExemplarsQuery) -> Result<ExemplarPage, ReadError> {
        self.reader.exemplars(query).await
    }
}
