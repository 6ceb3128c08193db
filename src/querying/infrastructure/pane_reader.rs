//! Reads points of a metric from the store into its pane, alone or while they are folded.

use std::sync::Arc;

use crate::querying::application::ReadError;
use crate::querying::domain::{BucketQuery, Fold, look_back};
use crate::shared::{TimeRange, Timestamp};

use super::bucket_reader::{FoldError, Folding, PointsQuery, ReadGroups};
use super::clickhouse_reader::ClickHouseReader;
use super::panes::{KeptPoint, Loading, Pane};
use super::point_table::Starts;
use super::runs::Runs;
use super::series_groups::SeriesGroups;
use super::stored_points::StoredPoint;

/// What a pane is loaded with.
pub fn pane_range(floor: Timestamp) -> Option<TimeRange> {
    TimeRange::new(floor.max(Timestamp::EPOCH), Timestamp::LATEST)
}

/// Points of all series, as panes keep them.
fn points_of(query: &BucketQuery, range: TimeRange, pane: &Pane) -> PointsQuery {
    let (tenant, metric) = (query.tenant.clone(), query.metric.clone());
    PointsQuery { tenant, metric, table: pane.table(), starts: Starts::Needed, range, series: None }
}

impl ClickHouseReader {
    pub(super) async fn load<P: StoredPoint + KeptPoint>(
        &self,
        query: &BucketQuery,
        range: TimeRange,
        pane: &Arc<Pane>,
    ) -> Result<Loading, ReadError> {
        // Where points do not fit the rest is not even read.
        let take = |pane: Arc<Pane>, runs: &Runs<'_, P>| match pane.take_stored(runs) {
            true => Ok(pane),
            false => Err(FoldError::Gone),
        };
        match self.visit_points(&points_of(query, range, pane), Arc::clone(pane), take).await {
            Ok(_) => Ok(Loading::Complete),
            Err(FoldError::Read(error)) => Err(error),
            Err(FoldError::Gone | FoldError::NewSeries) => {
                pane.give_up();
                Ok(Loading::TooLarge)
            }
        }
    }

    /// First what is older than the pane, of which the pane only needs each series' last point, and then what is in it.
    pub(super) async fn fold_and_load_points<P: StoredPoint + KeptPoint>(
        &self,
        query: &BucketQuery,
        groups: &Arc<SeriesGroups>,
        pane: &Arc<Pane>,
    ) -> Result<(ReadGroups, Loading), FoldError> {
        let floor = pane.floor();
        let compared = groups.any_cumulative();
        let looked_back = floor.minus(look_back(query.interval));
        let from = match compared {
            true => query.range_with_look_back().start().min(looked_back),
            false => query.range.start(),
        };
        let fold = Fold::new(query.range, query.interval, groups.labels().len(), self.buckets_max());
        let (mut folding, mut rows_read) = (Folding::<P>::begin(fold, groups), 0);
        if let Some(older) = TimeRange::new(from.max(Timestamp::EPOCH), floor) {
            let starts = if compared { Starts::Needed } else { Starts::Unneeded };
            let points = PointsQuery { starts, ..points_of(query, older, pane) };
            (folding, rows_read) = self.visit_points(&points, folding, Folding::take).await?;
        }
        let last = folding.before.iter().filter(|(_, point)| point.time() >= looked_back.nanos());
        pane.take_last(last.map(|(series, point)| (*series, point.clone())));
        let mut loading = Loading::Complete;
        if let Some(newer) = pane_range(floor) {
            let (kept, end) = (Arc::clone(pane), query.range.end());
            let take = move |(mut folding, mut loading): (Folding<P>, Loading), runs: &Runs<'_, P>| {
                folding.take_until(end, runs)?;
                if loading == Loading::Complete && !kept.take_stored(runs) {
                    kept.give_up();
                    loading = Loading::TooLarge;
                }
                Ok((folding, loading))
            };
            let state = (folding, loading);
            let visited = self.visit_points(&points_of(query, newer, pane), state, take).await?;
            ((folding, loading), rows_read) = (visited.0, rows_read + visited.1);
        }
        if loading == Loading::Complete && compared {
            pane.looked_back_for(query.interval);
        }
        Ok((ReadGroups { groups: folding.fold.finish(groups.labels()), rows_read }, loading))
    }
}
