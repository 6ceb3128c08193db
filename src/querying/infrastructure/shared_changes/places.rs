//! `Places`: which generation the places of the last minutes belong to.

use std::collections::VecDeque;

use super::super::generations::Generation;
use crate::platform::redis::exchange::{HISTORY, Position};

/// Places that lie closer together than so many milliseconds count as one.
const APART_MS: u64 = 50;
/// Most places.
const PLACES_MAX: usize = 8_192;

/// In order. The first is where listening began: of what was before nothing is known.
#[derive(Debug, Default)]
pub struct Places {
    known: VecDeque<(Position, Generation)>,
}

impl Places {
    pub fn put(&mut self, position: Position, generation: Generation) {
        let len = self.known.len();
        let before_last = len.checked_sub(2).and_then(|at| self.known.get(at));
        let close = before_last.is_some_and(|(before, _)| position.ms.saturating_sub(before.ms) < APART_MS);
        if close {
            self.known.pop_back();
        }
        self.known.push_back((position, generation));
        let history_ms = u64::try_from(HISTORY.as_millis()).unwrap_or(u64::MAX);
        while self.known.len() > PLACES_MAX
            || self.known.front().is_some_and(|(first, _)| first.ms.saturating_add(history_ms) < position.ms)
        {
            self.known.pop_front();
        }
    }

    pub fn last(&self) -> Option<Position> {
        self.known.back().map(|(position, _)| *position)
    }

    /// Of the last place that is not behind this one.
    pub fn generation_at(&self, place: Position) -> Option<Generation> {
        if place > self.last()? {
            return None;
        }
        let behind = self.known.partition_point(|(position, _)| *position <= place);
        self.known.get(behind.checked_sub(1)?).map(|(_, generation)| *generation)
    }
}
