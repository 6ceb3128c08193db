//! `BucketSource`: what the cache needs of the store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::querying::application::ReadError;
use crate::querying::domain::{
    BucketQuery, CataloguePage, CatalogueQuery, DistributionPoint, MetricDescription, NumberPoint,
};
use crate::shared::{TenantId, TimeRange, Timestamp};

use super::bucket_reader::{FoldError, ReadGroups};
use super::clickhouse_reader::ClickHouseReader;
use super::panes::{Loading, Pane};
use super::point_table::PointTable;
use super::series_groups::{GroupsQuery, SeriesGroups};

/// Reads what buckets are made of.
pub trait BucketSource: Send + Sync {
    fn description(
        &self,
        tenant: &TenantId,
        metric: &str,
    ) -> impl Future<Output = Result<MetricDescription, ReadError>> + Send;

    fn groups(
        &self,
        query: &GroupsQuery,
        range: TimeRange,
    ) -> impl Future<Output = Result<SeriesGroups, ReadError>> + Send;

    /// The buckets of a range, from the points in the store.
    fn fold(
        &self,
        query: &BucketQuery,
        description: &MetricDescription,
        groups: &Arc<SeriesGroups>,
    ) -> impl Future<Output = Result<ReadGroups, FoldError>> + Send;

    /// As [`Self::fold`], of a range that reaches into a pane which is not loaded: its points are then in the pane, too. All series
    /// have to pass.
    fn fold_and_load(
        &self,
        query: &BucketQuery,
        groups: &Arc<SeriesGroups>,
        pane: &Arc<Pane>,
    ) -> impl Future<Output = Result<(ReadGroups, Loading), FoldError>> + Send;

    /// Puts the points of a range into a pane.
    fn load_pane(
        &self,
        query: &BucketQuery,
        range: TimeRange,
        pane: &Arc<Pane>,
    ) -> impl Future<Output = Result<Loading, ReadError>> + Send;

    /// How far apart the points of a series lay lately.
    fn sample_interval(
        &self,
        tenant: &TenantId,
        metric: &str,
        description: &MetricDescription,
        now: Timestamp,
    ) -> impl Future<Output = Result<Option<Duration>, ReadError>> + Send;

    fn page(&self, query: &CatalogueQuery) -> impl Future<Output = Result<CataloguePage, ReadError>> + Send;

    /// Most buckets of one answer, over all groups.
    fn buckets_max(&self) -> usize;
}

impl BucketSource for ClickHouseReader {
    async fn description(&self, tenant: &TenantId, metric: &str) -> Result<MetricDescription, ReadError> {
        self.describe(tenant, metric).await
    }

    async fn groups(&self, query: &GroupsQuery, range: TimeRange) -> Result<SeriesGroups, ReadError> {
        self.series_groups(query, range).await
    }

    async fn fold(
        &self,
        query: &BucketQuery,
        description: &MetricDescription,
        groups: &Arc<SeriesGroups>,
    ) -> Result<ReadGroups, FoldError> {
        self.fold_stored(query, description, groups).await
    }

    async fn fold_and_load(
        &self,
        query: &BucketQuery,
        groups: &Arc<SeriesGroups>,
        pane: &Arc<Pane>,
    ) -> Result<(ReadGroups, Loading), FoldError> {
        match pane.table() {
            PointTable::Numbers => self.fold_and_load_points::<NumberPoint>(query, groups, pane).await,
            _ => self.fold_and_load_points::<DistributionPoint>(query, groups, pane).await,
        }
    }

    async fn load_pane(
        &self,
        query: &BucketQuery,
        range: TimeRange,
        pane: &Arc<Pane>,
    ) -> Result<Loading, ReadError> {
        match pane.table() {
            PointTable::Numbers => self.load::<NumberPoint>(query, range, pane).await,
            _ => self.load::<DistributionPoint>(query, range, pane).await,
        }
    }

    async fn sample_interval(
        &self,
        tenant: &TenantId,
        metric: &str,
        description: &MetricDescription,
        now: Timestamp,
    ) -> Result<Option<Duration>, ReadError> {
        self.read_sample_interval(tenant, metric, PointTable::of(&description.kind), now).await
    }

    async fn page(&self, query: &CatalogueQuery) -> Result<CataloguePage, ReadError> {
        self.read_catalogue(query).await
    }

    fn buckets_max(&self) -> usize {
        Self::buckets_max(self)
    }
}
