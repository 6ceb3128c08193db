//! Sequence numbers that were not found: whether they had been on disk, and which bytes stand in their place.

use super::record::{Mark, Sequence};

/// Bytes of a segment between sound frames where numbers are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hole {
    /// The first missing number ...
    pub(super) first: u64,
    /// ... and the one that follows the last.
    pub(super) end: u64,
    pub(super) epoch: u64,
    pub(super) from: u64,
    pub(super) until: u64,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) lost: u64,
    pub(super) torn: u64,
    /// To be written before anything else, so that the next start does not count the same again.
    pub(super) marks: Vec<Mark>,
    /// Those that are news.
    pub(super) holes: Vec<Hole>,
}

#[derive(Debug)]
pub(super) struct Gaps {
    /// Everything below was on disk when something that was found was written.
    on_disk_below: u64,
    known: Vec<(u64, u64)>,
    holes: Vec<Hole>,
}

impl Gaps {
    pub(super) fn after(on_disk_below: u64) -> Self {
        Self { on_disk_below, known: Vec::new(), holes: Vec::new() }
    }

    pub(super) fn written_after(&mut self, on_disk_below: u64) {
        self.on_disk_below = self.on_disk_below.max(on_disk_below);
    }

    pub(super) fn on_disk_below(&self) -> u64 {
        self.on_disk_below
    }

    /// Counted by an earlier start; both included.
    pub(super) fn known(&mut self, first: u64, last: u64) {
        self.known.push((first, last));
    }

    pub(super) fn add(&mut self, hole: Hole) {
        if hole.first < hole.end {
            self.holes.push(hole);
        }
    }

    /// `absent` rises.
    pub(super) fn judge(&mut self, absent: impl Iterator<Item = u64>) -> Damage {
        self.known.sort_unstable();
        let is_news = |sequence: u64| {
            let before = self.known.partition_point(|(first, _)| *first <= sequence);
            !self.known.iter().take(before).any(|(_, last)| sequence <= *last)
        };
        let (mut lost, mut torn) = (0, 0);
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for sequence in absent.filter(|sequence| is_news(*sequence)) {
            if sequence < self.on_disk_below {
                lost += 1;
            } else {
                torn += 1;
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == sequence => *last = sequence,
                _ => ranges.push((sequence, sequence)),
            }
        }
        let overlaps =
            |hole: &Hole| ranges.iter().any(|(first, last)| hole.first <= *last && *first < hole.end);
        let holes = self.holes.iter().copied().filter(overlaps).collect();
        let marks = ranges.iter().map(|(first, last)| Mark::Gap(Sequence(*first), Sequence(*last))).collect();
        Damage { lost, torn, marks, holes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(first: u64, end: u64) -> Hole {
        Hole { first, end, epoch: 1, from: 0, until: 8 }
    }

    #[test]
    fn what_is_missing_before_the_last_group_was_lost_and_the_rest_was_torn() {
        let mut gaps = Gaps::after(1);
        gaps.written_after(5);
        gaps.add(hole(3, 5));
        gaps.add(hole(6, 7));
        let damage = gaps.judge([3, 4, 6].into_iter());
        assert_eq!((damage.lost, damage.torn), (2, 1));
        assert_eq!(damage.holes.len(), 2);
        let marks = [Mark::Gap(Sequence(3), Sequence(4)), Mark::Gap(Sequence(6), Sequence(6))];
        assert_eq!(damage.marks, marks);
    }

    #[test]
    fn what_an_earlier_start_counted_is_no_news() {
        let mut gaps = Gaps::after(9);
        gaps.known(3, 4);
        gaps.add(hole(3, 5));
        gaps.add(hole(7, 8));
        let damage = gaps.judge([3, 4, 7].into_iter());
        assert_eq!((damage.lost, damage.torn, damage.holes), (1, 0, vec![hole(7, 8)]));
    }
}
