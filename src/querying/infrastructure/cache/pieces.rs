//! Into which pieces a range falls: chunks of aligned buckets, which every range shares, and what is cut off at its ends.

use std::time::Duration;

use crate::querying::domain::BucketQuery;
use crate::shared::{TimeRange, Timestamp};

use super::super::generations::SLOT;

/// Aligned buckets in one chunk.
const CHUNK: i64 = 60;
/// Points that come later than so long after their time make a cached chunk be read again.
const LATENESS: Duration = Duration::from_secs(180);

/// A part of a range that is cached on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The query over the whole piece: the key.
    pub key: BucketQuery,
    /// What is wanted of it: not what lies outside of the range, nor the newest points, which do not keep still yet.
    pub wanted: TimeRange,
}

impl Piece {
    /// Whether it is one that every range shares, to its end.
    pub fn is_whole_chunk(&self, covered: TimeRange) -> bool {
        let nanos = self.key.range.end().nanos().saturating_sub(self.key.range.start().nanos());
        covered == self.key.range && nanos == self.key.interval.nanos().saturating_mul(CHUNK)
    }
}

/// A range in pieces.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// In order of time, without gaps.
    pub pieces: Vec<Piece>,
    /// The newest part.
    pub tail: Option<BucketQuery>,
}

impl Plan {
    pub fn new(query: &BucketQuery, now: Timestamp) -> Self {
        let quiet = quiet_until(now);
        let (start, end) = (query.range.start(), query.range.end());
        let still = TimeRange::new(start, end.min(quiet));
        let pieces = still.map(|still| pieces(query, still)).unwrap_or_default();
        let tail = TimeRange::new(start.max(quiet), end).map(|range| query.over(range));
        Self { pieces, tail }
    }
}

/// Up to where points have come in, but for late ones.
pub fn quiet_until(now: Timestamp) -> Timestamp {
    Timestamp::from_nanos(now.minus(LATENESS).nanos().div_euclid(SLOT) * SLOT)
}

fn pieces(query: &BucketQuery, still: TimeRange) -> Vec<Piece> {
    let width = query.interval.nanos();
    let (start, end) = (query.range.start().nanos(), query.range.end().nanos());
    // Whole buckets of the query; what is left and right of them is cut by the range.
    let (first, last) = ((start + width - 1).div_euclid(width) * width, end.div_euclid(width) * width);
    let mut pieces = Vec::new();
    let mut add = |(from, to): (i64, i64), (wanted_from, wanted_to): (i64, i64)| {
        let wanted = range(from.max(wanted_from), to.min(wanted_to).min(still.end().nanos()));
        if let Some((range, wanted)) = range(from, to).zip(wanted) {
            pieces.push(Piece { key: query.over(range), wanted });
        }
    };
    if first >= last {
        add((start, end), (start, end));
        return pieces;
    }
    add((start, first), (start, first));
    let chunk = width.saturating_mul(CHUNK);
    let mut at = first.div_euclid(chunk) * chunk;
    while at < last {
        let next = at.saturating_add(chunk);
        add((at, next), (first, last));
        at = next;
    }
    add((last, end), (last, end));
    pieces
}

fn range(from: i64, to: i64) -> Option<TimeRange> {
    TimeRange::new(Timestamp::from_nanos(from), Timestamp::from_nanos(to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::GroupBy;
    use crate::shared::{Interval, LabelFilter, TenantId};

    const MINUTE: i64 = 60_000_000_000;

    type Minutes = (i64, i64);

    /// Pieces as what they are and what is wanted of them, and the tail.
    fn plan(start: i64, end: i64, interval: &str, now: i64) -> (Vec<(Minutes, Minutes)>, Option<Minutes>) {
        let query = BucketQuery {
            tenant: TenantId::unnamed(),
            metric: "m".into(),
            range: range(start * MINUTE, end * MINUTE).unwrap(),
            interval: Interval::parse(interval).unwrap(),
            filter: LabelFilter::default(),
            group_by: GroupBy::default(),
        };
        let plan = Plan::new(&query, Timestamp::from_nanos(now * MINUTE));
        let minutes = |range: TimeRange| (range.start().nanos() / MINUTE, range.end().nanos() / MINUTE);
        let piece = |piece: &Piece| (minutes(piece.key.range), minutes(piece.wanted));
        (plan.pieces.iter().map(piece).collect(), plan.tail.map(|tail| minutes(tail.range)))
    }

    #[test]
    fn ranges_share_their_chunks_whatever_their_ends() {
        let chunks = vec![((60, 120), (70, 120)), ((120, 180), (120, 180)), ((180, 240), (180, 190))];
        assert_eq!(plan(70, 190, "1m", 9_999), (chunks, None));
    }

    #[test]
    fn what_the_range_cuts_off_is_a_piece_of_its_own() {
        let cut = |start, end| ((start, end), (start, end));
        let (pieces, tail) = plan(61, 609, "10m", 9_999);
        assert_eq!((pieces, tail), (vec![cut(61, 70), ((0, 600), (70, 600)), cut(600, 609)], None));
        assert_eq!(plan(61, 69, "10m", 9_999), (vec![cut(61, 69)], None));
    }

    #[test]
    fn the_newest_points_are_no_piece() {
        let (pieces, tail) = plan(60, 130, "1m", 129);
        assert_eq!(
            (pieces, tail),
            (vec![((60, 120), (60, 120)), ((120, 180), (120, 125))], Some((125, 130)))
        );
        assert_eq!(plan(126, 130, "1m", 129), (Vec::new(), Some((126, 130))));
    }
}
