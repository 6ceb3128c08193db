//! `BucketSource`: what the cache needs of the store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::querying::application::ReadError;
use crate::querying::domain::{
    BucketQuery, CataloguePage, CatalogueQuery, DistributionPoint, MetricDescription, NumberPoint,
};
use crate::shared::{TenantId, TimeRange, Timestamp};

use super::bucket_reader::{FoldError, PointsQuery, ReadGroups};
use super::clickhouse_reader::{ClickHouseReader, failed};
use super::panes::{KeptPoint, Loading, Pane};
use super::point_table::{PointTable, Starts};
use super::runs::Runs;
use super::series_groups::{GroupsQuery, SeriesGroups};
use super::stored_points::StoredPoint;

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

impl ClickHouseReader {
    async fn load<P: StoredPoint + KeptPoint>(
        &self,
        query: &BucketQuery,
        range: TimeRange,
        pane: &Arc<Pane>,
    ) -> Result<Loading, ReadError> {
        let table = pane.table();
        let (tenant, metric) = (query.tenant.clone(), query.metric.clone());
        let points = PointsQuery { tenant, metric, table, starts: Starts::Needed, range, series: None };
        // The number of points that did not fit: the rest is not even decoded.
        let take = move |pane: Arc<Pane>, rows| {
            let runs = Runs::<P>::of(table, &rows).map_err(|error| FoldError::Read(failed(&error)))?;
            if pane.take_stored(&runs) { Ok(pane) } else { Err(FoldError::Gone) }
        };
        match self.visit_points(&points, Arc::clone(pane), take).await {
            Ok(_) => Ok(Loading::Complete),
            Err(FoldError::Read(error)) => Err(error),
            Err(FoldError::Gone | FoldError::NewSeries) => {
                pane.give_up();
                Ok(Loading::TooLarge)
            }
        }
    }
}

/// What a pane is loaded with.
pub fn pane_range(floor: Timestamp) -> Option<TimeRange> {
    TimeRange::new(floor.max(Timestamp::EPOCH), Timestamp::LATEST)
}
