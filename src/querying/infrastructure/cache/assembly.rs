//! Puts the answer to a query together, out of chunks, panes and the store.

mod newest;

use std::sync::Arc;

use crate::querying::application::{CacheStatus, ReadError};
use crate::querying::domain::{BucketQuery, Group, GroupSeries, MetricBuckets, MetricDescription};
use crate::shared::TimeRange;

use super::super::bucket_reader::{FoldError, ReadGroups};
use super::super::bucket_source::BucketSource;
use super::super::generations::Generation;
use super::super::panes::Pane;
use super::super::point_table::PointTable;
use super::super::series_groups::{GroupsQuery, SeriesGroups};
use super::chunks::{Chunk, State};
use super::entries::Found;
use super::merge::{Merged, indices, part};
use super::pieces::{Piece, Plan};
use super::{CachedReader, status};

/// How often series are looked up again when others have come meanwhile. After the last time they are left out: nobody
/// has been told that their points are visible.
const LOOK_UPS_MAX: usize = 3;

/// Where points are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PointsFrom {
    Pane,
    Store,
}

/// One answer on its way.
struct Assembly<'a, S> {
    reader: &'a CachedReader<S>,
    query: &'a BucketQuery,
    asked_at: Generation,
    description: Arc<MetricDescription>,
    /// Perhaps not loaded yet.
    pane: Option<Arc<Pane>>,
    asked_store: bool,
    rows_read: u64,
    buckets_cached: u64,
}

impl<S: BucketSource> CachedReader<S> {
    /// Everything from the store.
    pub(super) async fn read_all(&self, query: &BucketQuery) -> Result<MetricBuckets, ReadError> {
        let key = groups_query(query);
        let look_up = || self.source.groups(&key, query.range_with_look_back());
        let description = self.source.description(&query.tenant, &query.metric);
        let (description, mut groups) = tokio::try_join!(description, look_up())?;
        for _ in 0..LOOK_UPS_MAX {
            match self.source.fold(query, &description, &Arc::new(groups)).await {
                Ok(read) => {
                    return Ok(MetricBuckets {
                        groups: Group::all(&read.groups.into()),
                        rows_read: read.rows_read,
                        buckets_asked: query.range.buckets(query.interval),
                        ..MetricBuckets::nothing(description)
                    });
                }
                Err(FoldError::Read(error)) => return Err(error),
                Err(FoldError::NewSeries | FoldError::Gone) => groups = look_up().await?,
            }
        }
        Err(ReadError::Unavailable)
    }

    pub(super) async fn assemble(
        &self,
        query: &BucketQuery,
    ) -> Result<(MetricBuckets, CacheStatus), ReadError> {
        let asked_at = self.generations.now();
        let (description, found) = self.described(query).await?;
        let plan = Plan::new(query, self.clock.0.now());
        let mut assembly = Assembly {
            reader: self,
            query,
            asked_at,
            description,
            pane: None,
            asked_store: found == Found::Read,
            rows_read: 0,
            buckets_cached: 0,
        };
        if plan.tail.is_some() {
            let table = PointTable::of(&assembly.description.kind);
            assembly.pane = self.panes.as_ref().map(|panes| panes.of(query, table));
        }
        let groups = assembly.groups(&plan).await?;
        let status = status(assembly.asked_store);
        let answer = MetricBuckets {
            groups,
            rows_read: assembly.rows_read,
            buckets_cached: assembly.buckets_cached,
            buckets_asked: query.range.buckets(query.interval),
            ..MetricBuckets::nothing((*assembly.description).clone())
        };
        Ok((answer, status))
    }
}

/// The series of a query, whatever its range is within these days.
fn groups_query(query: &BucketQuery) -> GroupsQuery {
    let range = query.range_with_look_back();
    GroupsQuery {
        tenant: query.tenant.clone(),
        metric: query.metric.clone(),
        filter: query.filter.clone(),
        group_by: query.group_by.clone(),
        days: (range.start().day(), range.end().day()),
    }
}

impl<S: BucketSource> Assembly<'_, S> {
    /// All groups of the plan's pieces and tail.
    async fn groups(&mut self, plan: &Plan) -> Result<Vec<Group>, ReadError> {
        let mut states = self.states(&plan.pieces).await?;
        // Held until everything is there: whoever wants the same finds it.
        let mut flight = None;
        if states.iter().any(|state| matches!(state, State::Missing(_))) {
            flight = Some(self.reader.flights.enter(self.query).await);
            states = self.states(&plan.pieces).await?;
            self.reader.take_from_others(&plan.pieces, &mut states).await;
            self.read_missing(&plan.pieces, &mut states).await?;
        }
        let mut merged = Merged::default();
        for (piece, state) in plan.pieces.iter().zip(&states) {
            if let State::Ready(chunk) = state {
                merged.add(&chunk.groups, &indices(self.query, piece.wanted));
            }
        }
        if let Some(tail) = &plan.tail {
            merged.add(&self.tail(tail).await?, &indices(self.query, tail.range));
        }
        drop(flight);
        Ok(merged.finish())
    }

    /// What there is, after what is short was made longer out of the pane.
    async fn states(&mut self, pieces: &[Piece]) -> Result<Vec<State>, ReadError> {
        let mut states = Vec::with_capacity(pieces.len());
        let mut missing = false;
        self.buckets_cached = 0;
        for piece in pieces {
            let state = match self.reader.chunks.state_since(piece, self.asked_at).await {
                State::Short(chunk) => self.lengthened(piece, chunk).await?,
                // What comes before it has to be read, and the pane may be loaded with that.
                State::Missing(range) if missing && !self.is_pane_loaded() => State::Missing(range),
                State::Missing(range) => self.recent(piece, range).await?,
                State::Ready(chunk) => State::Ready(chunk),
            };
            missing |= matches!(state, State::Missing(_));
            if let State::Ready(chunk) = &state {
                self.reader.renew_for_others(piece, chunk);
                self.buckets_cached += piece.wanted.buckets(self.query.interval);
            }
            states.push(state);
        }
        Ok(states)
    }

    async fn lengthened(&mut self, piece: &Piece, chunk: Chunk) -> Result<State, ReadError> {
        let missing = State::Missing(super::chunks::hull(chunk.covered, piece.wanted));
        let Some(range) = TimeRange::new(chunk.covered.end(), piece.wanted.end()) else { return Ok(missing) };
        let read_at = self.reader.generations.now();
        let Some(newest) = self.read_pane(&piece.key.over(range)).await? else { return Ok(missing) };
        let mut merged = Merged::default();
        merged.add(&chunk.groups, &indices(self.query, chunk.covered));
        merged.add(&newest.into(), &indices(self.query, range));
        let covered = super::chunks::hull(chunk.covered, range);
        let longer = Chunk::new(read_at, covered, merged.finish_copied());
        // What changed it meanwhile would be taken for known: it is looked at once more.
        match self.reader.chunks.state(piece).await {
            State::Short(still) if still.read_at == chunk.read_at => {
                self.reader.chunks.put(piece, longer.clone()).await;
                Ok(State::Ready(longer))
            }
            State::Ready(ready) => Ok(State::Ready(ready)),
            State::Short(_) | State::Missing(_) => Ok(missing),
        }
    }

    /// A chunk that has just begun, or was let go: if the pane reaches back that far, nobody has to be asked for it.
    async fn recent(&mut self, piece: &Piece, range: TimeRange) -> Result<State, ReadError> {
        let reaches = self.pane.as_ref().is_some_and(|pane| pane.floor() <= range.start());
        if !reaches {
            return Ok(State::Missing(range));
        }
        let read_at = self.reader.generations.now();
        let Some(newest) = self.read_pane(&piece.key.over(range)).await? else {
            return Ok(State::Missing(range));
        };
        let chunk = Chunk::new(read_at, range, newest.into());
        self.reader.chunks.put(piece, chunk.clone()).await;
        Ok(State::Ready(chunk))
    }

    /// The series of a query. Those of a pane may be as they were looked up last, since one that came later is noticed; the
    /// store is asked for those that are known alone.
    async fn series(
        &mut self,
        query: &BucketQuery,
        points: PointsFrom,
    ) -> Result<(GroupsQuery, Arc<SeriesGroups>), ReadError> {
        let key = groups_query(query);
        let range = query.range_with_look_back();
        let generations = &self.reader.generations;
        let changed = |since| {
            points == PointsFrom::Store
                && generations.metric_changed(&query.tenant, &query.metric, range, since)
        };
        let read = async || self.reader.source.groups(&key, range).await.map(Arc::new);
        let (groups, found) = self.reader.groups.answer(&key, generations, changed, read).await?;
        self.asked_store |= found == Found::Read;
        Ok((key, groups))
    }

    async fn read_store(&mut self, query: &BucketQuery) -> Result<ReadGroups, ReadError> {
        self.asked_store = true;
        for _ in 0..LOOK_UPS_MAX {
            let (key, groups) = self.series(query, PointsFrom::Store).await?;
            match self.fold_store(query, &groups).await {
                Ok(read) => {
                    self.rows_read += read.rows_read;
                    return Ok(read);
                }
                Err(FoldError::Read(error)) => return Err(error),
                Err(FoldError::NewSeries | FoldError::Gone) => self.reader.groups.forget(&key).await,
            }
        }
        Err(ReadError::Unavailable)
    }

    /// Reads what is missing; pieces that follow one another at once.
    async fn read_missing(&mut self, pieces: &[Piece], states: &mut [State]) -> Result<(), ReadError> {
        let mut at = 0;
        while at < states.len() {
            let missing = run_of_missing(states, at);
            let Some(range) = missing.iter().copied().reduce(super::chunks::hull) else {
                at += 1;
                continue;
            };
            let (place, read_at) = (self.reader.place(), self.reader.generations.now());
            let read = self.read_store(&self.query.over(range)).await?;
            let groups = read.groups.into();
            let filled = pieces.iter().zip(states.iter_mut()).skip(at).zip(&missing);
            for ((piece, state), covered) in filled {
                let part = part(&groups, &indices(self.query, *covered));
                let mut chunk = Chunk::new(read_at, *covered, part);
                self.reader.give_to_others(piece, &mut chunk, place, read.rows_read);
                self.reader.chunks.put(piece, chunk.clone()).await;
                *state = State::Ready(chunk);
            }
            at += missing.len();
        }
        Ok(())
    }

    async fn tail(&mut self, tail: &BucketQuery) -> Result<Arc<[GroupSeries]>, ReadError> {
        if let Some(groups) = self.newest(tail).await? {
            // A bucket of which the piece before has a part is counted there.
            self.buckets_cached += tail.range.buckets(tail.interval);
            self.buckets_cached = self.buckets_cached.min(self.query.range.buckets(self.query.interval));
            return Ok(groups);
        }
        let piece = Piece { key: tail.clone(), wanted: tail.range };
        if let State::Ready(chunk) = self.reader.chunks.state_since(&piece, self.asked_at).await {
            return Ok(chunk.groups);
        }
        let read_at = self.reader.generations.now();
        let read = self.read_store(tail).await?;
        let chunk = Chunk::new(read_at, tail.range, read.groups.into());
        self.reader.chunks.put(&piece, chunk.clone()).await;
        Ok(chunk.groups)
    }
}

/// Missing ranges from a place on that follow one another.
fn run_of_missing(states: &[State], from: usize) -> Vec<TimeRange> {
    let mut run: Vec<TimeRange> = Vec::new();
    for state in states.iter().skip(from) {
        let State::Missing(range) = state else { break };
        if run.last().is_some_and(|last| last.end() != range.start()) {
            break;
        }
        run.push(*range);
    }
    run
}
