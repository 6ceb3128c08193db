//! Chunks that other nodes have read, or this one before it began anew.

use super::super::bucket_source::BucketSource;
use super::CachedReader;
use super::chunks::{Chunk, State};
use super::pieces::Piece;
use crate::platform::redis::exchange::Position;

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
            let chunk = Chunk { read_at: taken.read_at, covered: piece.key.range, groups: taken.groups };
            let holds = self.chunks.holds(&piece.key, &chunk);
            second_level.judged(holds);
            if holds {
                self.chunks.put(piece, chunk.clone()).await;
                *state = State::Ready(chunk);
            }
        }
    }

    /// Keeps a chunk for others, if it is whole.
    pub(super) fn give_to_others(
        &self,
        piece: &Piece,
        chunk: &Chunk,
        place: Option<Position>,
        rows_read: u64,
    ) {
        if let (Some(second_level), Some(place)) = (&self.second_level, place)
            && piece.is_whole_chunk(chunk.covered)
        {
            second_level.keep(&piece.key, &chunk.groups, place, rows_read);
        }
    }
}
