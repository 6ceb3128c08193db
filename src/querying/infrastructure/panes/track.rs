//! `Track`: the points that a pane keeps of one series.

use std::collections::HashMap;

use crate::querying::application::ReadError;
use crate::querying::domain::{Fold, TooManyBuckets};
use crate::shared::{SeriesId, TimeRange, Timestamp};

use super::super::bucket_reader::FoldError;
use super::super::series_groups::{Place, SeriesGroups};
use super::super::stored_points::StoredPoint;

/// Points by series.
pub type Tracks<P> = HashMap<SeriesId, Track<P>, ahash::RandomState>;

/// The points of a series in order of time, and the newest one before the floor.
#[derive(Debug)]
pub struct Track<P> {
    before: Option<P>,
    points: Vec<P>,
}

impl<P> Default for Track<P> {
    fn default() -> Self {
        Self { before: None, points: Vec::new() }
    }
}

impl<P: StoredPoint> Track<P> {
    /// Of points with the same time the later one counts. Returns how many bytes were added.
    pub fn put(&mut self, point: P, floor: i64) -> usize {
        let time = point.time();
        if time < floor {
            if self.before.as_ref().is_none_or(|before| before.time() <= time) {
                self.before = Some(point);
            }
            return 0;
        }
        let bytes = point.bytes();
        if self.points.last().is_none_or(|last| last.time() < time) {
            self.points.push(point);
            return bytes;
        }
        match self.points.binary_search_by_key(&time, P::time) {
            Ok(at) => {
                if let Some(place) = self.points.get_mut(at) {
                    *place = point;
                }
                0
            }
            Err(at) => {
                self.points.insert(at, point);
                bytes
            }
        }
    }

    /// As [`Self::put`], but of points with the same time the one that is there already counts: it is at least as new.
    pub fn put_stored(&mut self, point: P, floor: i64) -> usize {
        let time = point.time();
        let known = match time < floor {
            true => self.before.as_ref().is_some_and(|before| before.time() >= time),
            false => self.points.binary_search_by_key(&time, P::time).is_ok(),
        };
        if known { 0 } else { self.put(point, floor) }
    }

    /// Returns how many bytes went.
    pub fn cut(&mut self, floor: i64) -> usize {
        let older = self.points.partition_point(|point| point.time() < floor);
        let gone: usize = self.points.iter().take(older).map(P::bytes).sum();
        if let Some(last) = self.points.drain(..older).next_back() {
            self.before = Some(last);
        }
        gone
    }

    /// The points of a range, and the one before them; absent if there are none, and then nobody may know the series.
    fn within(&self, range: TimeRange) -> Option<(Option<&P>, &[P])> {
        let place = |time: Timestamp| self.points.partition_point(|point| point.time() < time.nanos());
        // Most ranges are the newest.
        self.points.last().filter(|last| last.time() >= range.start().nanos())?;
        let (start, end) = (place(range.start()), place(range.end()));
        let points = self.points.get(start..end).filter(|points| !points.is_empty())?;
        let before = match start.checked_sub(1) {
            Some(at) => self.points.get(at),
            None => self.before.as_ref(),
        };
        Some((before, points))
    }
}

/// The buckets of a range.
pub fn fold_tracks<P: StoredPoint>(
    tracks: &Tracks<P>,
    fold: &mut Fold,
    range: TimeRange,
    groups: &SeriesGroups,
) -> Result<(), FoldError> {
    for (series, track) in tracks {
        let place = groups.place(*series);
        if place == Some(Place::Out) {
            continue;
        }
        let Some((before, points)) = track.within(range) else { continue };
        if let Place::Group { number, meaning } = place.ok_or(FoldError::NewSeries)? {
            fold.add_kept(number, meaning, before, points)
                .map_err(|TooManyBuckets| FoldError::Read(ReadError::TooLarge))?;
        }
    }
    Ok(())
}
