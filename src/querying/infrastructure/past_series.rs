//! The past of a metric: its series with all their points of a range, for those who evaluate rules on it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Rows, StoreError, parameters};
use crate::querying::application::ReadError;
use crate::querying::domain::{DistributionPoint, NumberPoint};
use crate::shared::{
    Attribute, MetricKind, PastPoint, PastSeries, PastValue, Resource, SeriesId, SeriesIdentity, Temporality,
    TenantId, TimeRange, Timestamp,
};

use super::bucket_reader::{FoldError, PointsQuery};
use super::clickhouse_reader::{ClickHouseReader, failed};
use super::json_rows::decoded;
use super::point_table::{PointTable, Starts};
use super::runs::Runs;
use super::stored_points::StoredPoint;

const PAST_SERIES: &str = include_str!("../../../clickhouse/querying/past_series.sql");

/// Most series of one metric whose past is read.
const SERIES_MAX: usize = 200_000;
/// Most points of one metric that are read at once.
const POINTS_MAX: usize = 10_000_000;

/// `kind, temporality, is_monotonic, attributes, resource_attributes`.
type Described = (Box<str>, Box<str>, bool, BTreeMap<Box<str>, Box<str>>, BTreeMap<Box<str>, Box<str>>);

impl ClickHouseReader {
    /// The series that have points in the range. Summaries are left out.
    pub async fn past_series(
        &self,
        tenant: &TenantId,
        metric: &str,
        range: TimeRange,
    ) -> Result<Vec<PastSeries>, ReadError> {
        let bound = vec![
            parameters::text("metric", metric),
            parameters::number("start", range.start().nanos().max(0)),
            parameters::number("end", range.end().nanos()),
            parameters::number("rows_max", SERIES_MAX + 1),
        ];
        let rows = self.select(tenant, PAST_SERIES.to_owned(), bound).await?;
        let known = identities(tenant, metric, &rows).map_err(|error| failed(&error))?;
        if known.len() > SERIES_MAX {
            return Err(ReadError::TooLarge);
        }
        let mut past = Past { left: POINTS_MAX, points: HashMap::new() };
        let has = |suits: fn(MetricKind) -> bool| known.values().any(|series| suits(series.kind));
        if has(MetricKind::has_numbers) {
            past = self.past_points::<NumberPoint>(past, tenant, metric, PointTable::Numbers, range).await?;
        }
        if has(|kind| matches!(kind, MetricKind::Histogram { .. })) {
            past = self
                .past_points::<DistributionPoint>(past, tenant, metric, PointTable::Histograms, range)
                .await?;
        }
        if has(|kind| matches!(kind, MetricKind::ExponentialHistogram { .. })) {
            let table = PointTable::ExponentialHistograms;
            past = self.past_points::<DistributionPoint>(past, tenant, metric, table, range).await?;
        }
        let mut known = known;
        let with_series = |(id, points)| Some(PastSeries { series: known.remove(&id)?, points });
        Ok(past.points.into_iter().filter_map(with_series).collect())
    }

    async fn past_points<P: StoredPoint + Into<PastPoint>>(
        &self,
        past: Past,
        tenant: &TenantId,
        metric: &str,
        table: PointTable,
        range: TimeRange,
    ) -> Result<Past, ReadError> {
        let (tenant, metric) = (tenant.clone(), metric.into());
        let query = PointsQuery { tenant, metric, table, starts: Starts::Needed, range, series: None };
        match self.visit_points(&query, past, Past::take::<P>).await {
            Ok((past, _)) => Ok(past),
            Err(FoldError::Read(error)) => Err(error),
            Err(FoldError::NewSeries | FoldError::Gone) => Err(ReadError::Unavailable),
        }
    }
}

/// What was read by now.
struct Past {
    /// How many points there is still room for.
    left: usize,
    points: HashMap<SeriesId, Vec<PastPoint>>,
}

impl Past {
    fn take<P: StoredPoint + Into<PastPoint>>(mut self, runs: &Runs<'_, P>) -> Result<Self, FoldError> {
        for series in runs.series() {
            let points = self.points.entry(series.id()).or_default();
            for point in series.points() {
                self.left = self.left.checked_sub(1).ok_or(FoldError::Read(ReadError::TooLarge))?;
                points.push(point.into());
            }
        }
        Ok(self)
    }
}

fn identities(
    tenant: &TenantId,
    metric: &str,
    rows: &Rows,
) -> Result<HashMap<SeriesId, SeriesIdentity>, StoreError> {
    let metric: Arc<str> = metric.into();
    let mut found = HashMap::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (ids, texts) = (columns.counts("series_id")?, columns.texts("row")?);
        for (id, text) in ids.values().iter().zip(texts.iter().flatten()) {
            let (kind, temporality, is_monotonic, own, of_resource): Described = decoded(text)?;
            let Some(kind) = kind_of(&kind, &temporality, is_monotonic) else { continue };
            let resource = Resource { attributes: attributes(of_resource), ..Resource::default() };
            let (tenant, metric) = (tenant.clone(), Arc::clone(&metric));
            let labelled = SeriesIdentity::labelled(SeriesId(*id), tenant, metric, kind, attributes(own));
            let identity = SeriesIdentity { resource: Arc::new(resource), ..labelled };
            found.insert(identity.id, identity);
        }
    }
    Ok(found)
}

fn attributes(of: BTreeMap<Box<str>, Box<str>>) -> Vec<Attribute> {
    of.into_iter().map(|(key, value)| Attribute { key, value }).collect()
}

/// Absent for summaries, whose quantiles nothing can be made of.
fn kind_of(kind: &str, temporality: &str, monotonic: bool) -> Option<MetricKind> {
    let temporality = if temporality == "cumulative" { Temporality::Cumulative } else { Temporality::Delta };
    match kind {
        "gauge" => Some(MetricKind::Gauge),
        "sum" => Some(MetricKind::Sum { temporality, monotonic }),
        "histogram" => Some(MetricKind::Histogram { temporality }),
        "exponential_histogram" => Some(MetricKind::ExponentialHistogram { temporality }),
        _ => None,
    }
}

impl From<NumberPoint> for PastPoint {
    fn from(point: NumberPoint) -> Self {
        let (time, start) = (Timestamp::from_nanos(point.time), Timestamp::from_nanos(point.start));
        Self { time, start, value: PastValue::Number(point.value) }
    }
}

impl From<DistributionPoint> for PastPoint {
    fn from(point: DistributionPoint) -> Self {
        let known = |value: f64| Some(value).filter(|value| !value.is_nan());
        let (min, max) = (known(point.low), known(point.high));
        Self {
            time: Timestamp::from_nanos(point.time),
            start: Timestamp::from_nanos(point.start),
            value: PastValue::Observed { observed: point.observed, min, max },
        }
    }
}
