//! What an answer is made of that has just come in: the pane of its metric.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::querying::application::ReadError;
use crate::querying::domain::{BucketQuery, GroupSeries};
use crate::shared::TimeRange;

use super::super::super::bucket_reader::{FoldError, ReadGroups};
use super::super::super::bucket_source::BucketSource;
use super::super::super::pane_reader::pane_range;
use super::super::super::panes::{Loading, LookBack, Pane, Refolded, Seen};
use super::super::super::point_table::PointTable;
use super::super::super::series_groups::SeriesGroups;
use super::super::tails::Tail;
use super::{Assembly, LOOK_UPS_MAX, PointsFrom};

/// Most that is read before a pane while it is loaded: others wait for the pane, which is a small part of longer ranges.
const READ_WITH_PANE_MAX: Duration = Duration::from_secs(2 * 3_600);

impl<S: BucketSource> Assembly<'_, S> {
    /// The pane of the metric, unless it has too many points. Loads it if it is new.
    async fn loaded_pane(&mut self) -> Result<Option<Arc<Pane>>, ReadError> {
        let Some(pane) = self.pane.clone() else { return Ok(None) };
        let Some(range) = pane_range(pane.floor()) else { return Ok(None) };
        let loading = self.load_once(pane.loaded(), range, &pane).await?;
        Ok((loading == Loading::Complete).then_some(pane))
    }

    /// Loads a range into the pane, unless what is known of it says that this was done.
    async fn load_once(
        &mut self,
        known: &OnceCell<Loading>,
        range: TimeRange,
        pane: &Arc<Pane>,
    ) -> Result<Loading, ReadError> {
        let mut loads = false;
        let load = || {
            loads = true;
            self.reader.source.load_pane(self.query, range, pane)
        };
        let loading = *known.get_or_try_init(load).await?;
        self.asked_store |= loads;
        Ok(loading)
    }

    pub(super) fn is_pane_loaded(&self) -> bool {
        self.pane.as_ref().is_some_and(|pane| pane.loaded().get().is_some())
    }

    /// The pane of the metric, if it is not loaded and these buckets are made of its points and of those just before them.
    fn pane_to_load(&self, query: &BucketQuery, groups: &SeriesGroups) -> Option<Arc<Pane>> {
        let pane = self.pane.as_ref().filter(|pane| pane.loaded().get().is_none())?;
        let is_rolled_up =
            pane.table() == PointTable::Numbers && PointTable::rollup_for(query.interval).is_some();
        let floor = pane.floor();
        let is_near = query.range.start() >= floor.minus(READ_WITH_PANE_MAX) && query.range.end() > floor;
        (is_near && groups.all_pass() && !is_rolled_up).then(|| Arc::clone(pane))
    }

    /// Buckets from the pane; absent if it does not reach back that far.
    pub(super) async fn read_pane(
        &mut self,
        query: &BucketQuery,
    ) -> Result<Option<Vec<GroupSeries>>, ReadError> {
        Ok(self.fold_pane(query, None).await?.map(|folded| folded.groups))
    }

    /// The newest buckets from the pane: those that changed, after those that did not since they were asked for last.
    pub(super) async fn newest(
        &mut self,
        tail: &BucketQuery,
    ) -> Result<Option<Arc<[GroupSeries]>>, ReadError> {
        let read_at = self.reader.generations.now();
        let kept = self.reader.tails.get(tail).await;
        let folded = self.fold_pane(tail, kept.as_ref().map(|kept| kept.seen)).await?;
        let Some(folded) = folded else { return Ok(None) };
        let renewed = Arc::new(Tail::renewed(tail, kept.as_deref(), folded, read_at));
        self.reader.tails.put(tail, Arc::clone(&renewed)).await;
        Ok(Some(Arc::clone(&renewed.groups)))
    }

    async fn fold_pane(
        &mut self,
        query: &BucketQuery,
        before: Option<Seen>,
    ) -> Result<Option<Refolded>, ReadError> {
        let Some(pane) = self.loaded_pane().await? else { return Ok(None) };
        for _ in 0..LOOK_UPS_MAX {
            let (key, groups) = self.series(query, PointsFrom::Pane).await?;
            if groups.any_cumulative() && self.look_back(&pane, query).await? == Loading::TooLarge {
                return Ok(None);
            }
            match fold_pane(&pane, query, before, groups, self.reader.source.buckets_max()).await {
                Ok(folded) => return Ok(Some(folded)),
                Err(FoldError::Gone) => return Ok(None),
                Err(FoldError::Read(error)) => return Err(error),
                Err(FoldError::NewSeries) => self.reader.groups.forget(&key).await,
            }
        }
        Ok(None)
    }

    /// What counters in the pane are compared with.
    async fn look_back(&mut self, pane: &Arc<Pane>, query: &BucketQuery) -> Result<Loading, ReadError> {
        for back in LookBack::ALL {
            let Some(range) = back.range(pane.floor(), query.interval) else { continue };
            let loading = self.load_once(pane.looked_back(back), range, pane).await?;
            if loading == Loading::TooLarge {
                pane.retire();
                return Ok(loading);
            }
        }
        Ok(Loading::Complete)
    }

    /// Buckets out of the store; what was read for them may be what the pane is to be loaded with.
    pub(super) async fn fold_store(
        &self,
        query: &BucketQuery,
        groups: &Arc<SeriesGroups>,
    ) -> Result<ReadGroups, FoldError> {
        let source = &self.reader.source;
        if let Some(pane) = self.pane_to_load(query, groups) {
            let mut folded = None;
            let load = async {
                let (read, loading) = source.fold_and_load(query, groups, &pane).await?;
                folded = Some(read);
                Ok::<_, FoldError>(loading)
            };
            pane.loaded().get_or_try_init(|| load).await?;
            if let Some(read) = folded {
                return Ok(read);
            }
            // Somebody else has loaded it meanwhile.
        }
        source.fold(query, &self.description, groups).await
    }
}

/// What takes longer is folded on a thread that may be busy.
async fn fold_pane(
    pane: &Arc<Pane>,
    query: &BucketQuery,
    before: Option<Seen>,
    groups: Arc<SeriesGroups>,
    buckets_max: usize,
) -> Result<Refolded, FoldError> {
    if pane.is_quick(query, before) {
        return pane.fold(query, before, &groups, buckets_max);
    }
    let (pane, query) = (Arc::clone(pane), query.clone());
    let folded = tokio::task::spawn_blocking(move || pane.fold(&query, before, &groups, buckets_max));
    folded.await.map_err(|_| ReadError::Unavailable)?
}
