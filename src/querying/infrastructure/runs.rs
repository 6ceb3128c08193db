//! `Runs`: the rows of an answer put in order, series by series and in each by time, without moving them.

use std::ops::Range;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Rows, StoreError};
use crate::querying::domain::Point;
use crate::shared::SeriesId;

use super::point_table::PointTable;
use super::stored_points::{Row, StoredPoint};

/// Rows of one series that follow one another in a batch, in order of time: as they lie in one part of the table.
#[derive(Debug, Clone)]
struct Run {
    series: SeriesId,
    first: i64,
    last: i64,
    /// Of rows with the same time that of the later part counts.
    part: u32,
    batch: usize,
    rows: Range<usize>,
}

/// Rows by series. The store's threads hand over pieces of the key's order, in any order of the pieces.
pub struct Runs<'a, P: StoredPoint> {
    columns: Vec<P::Columns<'a>>,
    runs: Vec<Run>,
}

impl<P: StoredPoint> std::fmt::Debug for Runs<'_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runs").field("runs", &self.runs.len()).finish()
    }
}

impl<'a, P: StoredPoint> Runs<'a, P> {
    pub fn of(table: PointTable, rows: &'a Rows) -> Result<Self, StoreError> {
        let mut all = Self { columns: Vec::new(), runs: Vec::new() };
        for (number, batch) in rows.batches.iter().enumerate() {
            let columns = Columns(batch);
            let series = columns.counts("series_id")?.values();
            let times = columns.integers("at")?.values();
            // Tables that are read with FINAL have each point once.
            let parts = columns.has("part").then(|| columns.short_counts("part")).transpose()?;
            let parts = parts.map(|parts| &**parts.values());
            add_runs(&mut all.runs, number, series, times, parts);
            all.columns.push(P::columns(table, batch)?);
        }
        // Where a part is cut between two rows of the same time, the first of them may be a run of its own: the end of its batch.
        // The second begins one.
        let key = |run: &Run| (run.series.0, run.first, run.part, run.rows.start == 0);
        // Not `unstable`: the runs of a batch are in order already, which only the other sort makes use of.
        all.runs.sort_by_key(key);
        Ok(all)
    }

    /// Each series once.
    pub fn series(&self) -> impl Iterator<Item = SeriesRows<'_, 'a, P>> {
        let same = |one: &Run, next: &Run| one.series == next.series;
        self.runs.chunk_by(same).map(|runs| SeriesRows { columns: &self.columns, runs })
    }
}

fn add_runs(runs: &mut Vec<Run>, batch: usize, series: &[u64], times: &[i64], parts: Option<&[u32]>) {
    let mut from = 0;
    for same in series.chunk_by(|one, next| one == next) {
        let series = SeriesId(same.first().copied().unwrap_or_default());
        let to = from + same.len();
        let mut add = |rows: Range<usize>, part: u32| {
            let within = times.get(rows.clone()).unwrap_or_default();
            if let (Some(first), Some(last)) = (within.first(), within.last()) {
                runs.push(Run { series, first: *first, last: *last, part, batch, rows });
            }
        };
        match parts.and_then(|parts| parts.get(from..to)) {
            None => add(from..to, 0),
            Some(parts) => {
                let mut at = from;
                for part in parts.chunk_by(|one, next| one == next) {
                    add(at..at + part.len(), part.first().copied().unwrap_or_default());
                    at += part.len();
                }
            }
        }
        from = to;
    }
}

/// The rows of one series; there is at least one.
pub struct SeriesRows<'r, 'a, P: StoredPoint> {
    columns: &'r [P::Columns<'a>],
    runs: &'r [Run],
}

impl<P: StoredPoint> std::fmt::Debug for SeriesRows<'_, '_, P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.runs).finish()
    }
}

impl<'r, 'a: 'r, P: StoredPoint> SeriesRows<'r, 'a, P> {
    pub fn id(&self) -> SeriesId {
        self.runs.first().map_or(SeriesId(0), |run| run.series)
    }

    /// Of the earliest row.
    pub fn first_time(&self) -> i64 {
        self.runs.first().map_or(i64::MAX, |run| run.first)
    }

    /// In order of time, each time once: as it was stored last. Gaps are left out.
    pub fn points(&self) -> impl Iterator<Item = P> {
        if self.follow_one_another() {
            Points::Straight(Latest::of(rows_of(self.columns, self.runs)))
        } else {
            Points::Sorted(Latest::of(self.sorted().into_iter()))
        }
    }

    /// Whether they are in order as they are. Nearly always: parts hold what came one after the other.
    fn follow_one_another(&self) -> bool {
        let mut pairs = self.runs.iter().zip(self.runs.iter().skip(1));
        pairs.all(|(run, next)| (run.last, run.part) <= (next.first, next.part))
    }

    fn sorted(&self) -> Vec<Row<P>> {
        let mut runs = self.runs.to_vec();
        // They are in order of time, so that each part stays in its own.
        runs.sort_by_key(|run| run.part);
        let mut rows: Vec<Row<P>> = rows_of(self.columns, &runs).collect();
        rows.sort_by_key(|row| row.point.time());
        rows
    }
}

fn rows_of<'r, 'a: 'r, P: StoredPoint>(
    columns: &'r [P::Columns<'a>],
    runs: &'r [Run],
) -> impl Iterator<Item = Row<P>> {
    let batches = runs.iter().filter_map(|run| columns.get(run.batch).zip(Some(run)));
    batches.flat_map(|(columns, run)| P::rows(columns, run.rows.clone()))
}

enum Points<S, T> {
    Straight(S),
    Sorted(T),
}

impl<P, S: Iterator<Item = P>, T: Iterator<Item = P>> Iterator for Points<S, T> {
    type Item = P;

    #[inline]
    fn next(&mut self) -> Option<P> {
        match self {
            Self::Straight(points) => points.next(),
            Self::Sorted(points) => points.next(),
        }
    }

    #[inline]
    fn fold<B, F: FnMut(B, P) -> B>(self, first: B, take: F) -> B {
        match self {
            Self::Straight(points) => points.fold(first, take),
            Self::Sorted(points) => points.fold(first, take),
        }
    }
}

/// Of rows with the same time the last.
struct Latest<P, I> {
    rows: I,
    held: Option<Row<P>>,
}

impl<P, I: Iterator<Item = Row<P>>> Latest<P, I> {
    fn of(mut rows: I) -> Self {
        let held = rows.next();
        Self { rows, held }
    }
}

impl<P: Point, I: Iterator<Item = Row<P>>> Iterator for Latest<P, I> {
    type Item = P;

    #[inline]
    fn next(&mut self) -> Option<P> {
        loop {
            let row = self.held.take()?;
            self.held = self.rows.next();
            let is_replaced = self.held.as_ref().is_some_and(|next| next.point.time() == row.point.time());
            if !is_replaced && !row.is_gap {
                return Some(row.point);
            }
        }
    }

    /// Batch by batch, without asking for each row in which batch it is.
    #[inline]
    fn fold<B, F: FnMut(B, P) -> B>(self, first: B, mut take: F) -> B {
        let Some(held) = self.held else { return first };
        let (held, folded) = self.rows.fold((held, first), |(held, folded), row| {
            let is_replaced = row.point.time() == held.point.time();
            let folded = if is_replaced || held.is_gap { folded } else { take(folded, held.point) };
            (row, folded)
        });
        if held.is_gap { folded } else { take(folded, held.point) }
    }
}

#[cfg(test)]
mod tests;
