//! `Stretches`: a range of time, cut into pieces that widen, so that a search for the newest rows reads little where rows are
//! many and asks seldom where they are few.

use std::time::Duration;

use crate::shared::{TimeRange, Timestamp};

/// How much longer each piece is than the one before, unless it is said.
const GROWTH: u32 = 4;

/// In which order rows are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOrder {
    NewestFirst,
    OldestFirst,
}

/// The pieces of a range from one of its ends to the other, without gaps.
#[derive(Debug, Clone)]
pub struct Stretches {
    rest: Option<TimeRange>,
    width: Duration,
    growth: u32,
    order: TimeOrder,
}

impl Stretches {
    /// `first` is the width of the first piece. A range that is absent has none.
    pub fn new(range: Option<TimeRange>, order: TimeOrder, first: Duration) -> Self {
        Self { rest: range, width: first, growth: GROWTH, order }
    }

    /// Each piece is so many times as long as the one before.
    #[must_use]
    pub const fn growing(mut self, growth: u32) -> Self {
        self.growth = growth;
        self
    }
}

impl Iterator for Stretches {
    type Item = TimeRange;

    fn next(&mut self) -> Option<TimeRange> {
        let rest = self.rest.take()?;
        let (start, end): (Timestamp, Timestamp) = (rest.start(), rest.end());
        let piece = match self.order {
            TimeOrder::NewestFirst => {
                let cut = end.minus(self.width).max(start);
                self.rest = TimeRange::new(start, cut);
                TimeRange::new(cut, end)
            }
            TimeOrder::OldestFirst => {
                let cut = start.plus(self.width).min(end);
                self.rest = TimeRange::new(cut, end);
                TimeRange::new(start, cut)
            }
        };
        self.width = self.width.saturating_mul(self.growth);
        piece
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(seconds: i64, order: TimeOrder) -> Vec<(i64, i64)> {
        let at = |second: i64| Timestamp::from_nanos(second * 1_000_000_000);
        let range = TimeRange::new(at(0), at(seconds));
        let pieces = Stretches::new(range, order, Duration::from_secs(10));
        let seconds = |at: Timestamp| at.nanos() / 1_000_000_000;
        pieces.map(|piece| (seconds(piece.start()), seconds(piece.end()))).collect()
    }

    #[test]
    fn pieces_widen_and_cover_the_range_from_the_end_that_is_asked_for() {
        assert_eq!(pieces(100, TimeOrder::NewestFirst), [(90, 100), (50, 90), (0, 50)]);
        assert_eq!(pieces(100, TimeOrder::OldestFirst), [(0, 10), (10, 50), (50, 100)]);
        assert_eq!(pieces(10, TimeOrder::NewestFirst), [(0, 10)]);
        assert_eq!(pieces(3, TimeOrder::OldestFirst), [(0, 3)]);
        assert_eq!(pieces(0, TimeOrder::OldestFirst), []);
    }

    #[test]
    fn pieces_widen_as_fast_as_it_is_said() {
        let range = TimeRange::new(Timestamp::EPOCH, Timestamp::from_nanos(4_000));
        let pieces = Stretches::new(range, TimeOrder::OldestFirst, Duration::from_nanos(10)).growing(16);
        let starts: Vec<i64> = pieces.map(|piece| piece.start().nanos()).collect();
        assert_eq!(starts, [0, 10, 170, 2_730]);
    }

    #[test]
    fn a_year_is_few_pieces() {
        assert!(pieces(366 * 86_400, TimeOrder::NewestFirst).len() <= 13);
    }
}
