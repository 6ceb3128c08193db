//! Chunks that other nodes have read, or this one before it began anew.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::super::bucket_source::BucketSource;
use super::CachedReader;
use super::chunks::{Chunk, State};
use super::pieces::Piece;
use crate::platform::redis::exchange::Position;

/// What the store reads fast anyway is not kept. Where only rows of the answer are known
/// ([`Rows::rows_read`](crate::platform::clickhouse::Rows)), many more were read for these.
const ROWS_MIN: u64 = 100;
/// A chunk that is asked for again is kept anew after so long, so that it stays as long as somebody looks at it.
const RENEWED_AFTER: Duration = Duration::from_secs(200);

impl<S: BucketSource> CachedReader<S> {
    /// Where the store is read from now on; absent where there are no others.
    pub(super) fn place(&self) -> Option<Position> {
        self.second_level.as_ref()?.place()
    }

    /// Fills in what others have and what is true still.
    pub(super) async fn take_from_others(&self, pieces: &[Piece], states: &mut [State]) {
        let Some(second_level) = &self.second_level else { return };
        let missing = |(piece, state): (&Piece, &State)| {
            matches!(state, State::Missing(_)) && piece.is_whole_chunk(piece.wanted)
        };
        let wanted: Vec<usize> = pieces
            .iter()
            .zip(states.iter())
            .enumerate()
            .filter(|(_, both)| missing(*both))
            .map(|(at, _)| at)
            .collect();
        if wanted.is_empty() || !self.generations.is_certain() {
            return;
        }
        let keys: Vec<_> = wanted.iter().filter_map(|at| pieces.get(*at)).map(|piece| &piece.key).collect();
        for (at, taken) in wanted.iter().zip(second_level.take(&keys).await) {
            let (Some(piece), Some(state), Some(taken)) = (pieces.get(*at), states.get_mut(*at), taken)
            else {
                continue;
            };
            let mut chunk = Chunk::new(taken.read_at, piece.key.range, taken.groups);
            chunk.given = Some(Arc::new(Given::at(Instant::now())));
            let holds = self.chunks.holds(&piece.key, &chunk);
            second_level.judged(holds);
            if holds {
                self.chunks.put(piece, chunk.clone()).await;
                *state = State::Ready(chunk);
            }
        }
    }

    /// Keeps a chunk for others, if it is whole and the store had to read many rows for it.
    pub(super) fn give_to_others(
        &self,
        piece: &Piece,
        chunk: &mut Chunk,
        place: Option<Position>,
        rows_read: u64,
    ) {
        if let (Some(second_level), Some(place)) = (&self.second_level, place)
            && rows_read >= ROWS_MIN
            && piece.is_whole_chunk(chunk.covered)
        {
            second_level.keep(&piece.key, &chunk.groups, place);
            chunk.given = Some(Arc::new(Given::at(Instant::now())));
        }
    }

    /// Keeps a chunk for longer that is asked for again. It is as if it had been read now, if nothing has changed it.
    pub(super) fn renew_for_others(&self, piece: &Piece, chunk: &Chunk) {
        let Some((second_level, given)) = self.second_level.as_ref().zip(chunk.given.as_ref()) else {
            return;
        };
        // The place first: what was told up to there has been counted, or has changed the chunk.
        let Some(place) = second_level.place() else { return };
        if given.is_due(Instant::now()) && self.chunks.holds(&piece.key, chunk) {
            second_level.keep(&piece.key, &chunk.groups, place);
        }
    }
}

/// When a chunk was given to others last.
#[derive(Debug)]
pub struct Given(Mutex<Instant>);

impl Given {
    pub const fn at(moment: Instant) -> Self {
        Self(Mutex::new(moment))
    }

    /// Whether it is to be given again; says so once.
    fn is_due(&self, now: Instant) -> bool {
        let mut last = self.0.lock();
        let due = now.saturating_duration_since(*last) >= RENEWED_AFTER;
        if due {
            *last = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::redis::exchange::HISTORY;

    #[test]
    fn a_chunk_is_given_again_before_others_lose_it_and_not_with_each_question() {
        let start = Instant::now();
        let given = Given::at(start);
        assert!(!given.is_due(start + RENEWED_AFTER / 2));
        assert!(given.is_due(start + RENEWED_AFTER));
        assert!(!given.is_due(start + RENEWED_AFTER));
        assert!(given.is_due(start + RENEWED_AFTER * 2));
        assert!(RENEWED_AFTER < HISTORY);
    }
}
