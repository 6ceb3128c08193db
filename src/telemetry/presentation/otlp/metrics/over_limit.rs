//! `OverLimit`: which points of a request were rejected because their tenant has too many series. That depends on the
//! moment, so it is decided once and kept with the request: read again, it gives the same rows.

/// Points by their place among those of the request that had come to ask for their series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OverLimit {
    /// First and number of points, in order, never touching.
    runs: Vec<(u32, u32)>,
}

impl OverLimit {
    /// Bytes that one more point may take.
    pub const POINT_BYTES: usize = 8;

    /// Places come in rising order.
    pub fn push(&mut self, place: u32) {
        match self.runs.last_mut() {
            Some((first, points)) if *first + *points == place => *points += 1,
            _ => self.runs.push((place, 1)),
        }
    }

    pub fn holds(&self, place: u32) -> bool {
        let at = self.runs.partition_point(|(first, _)| *first <= place);
        let run = at.checked_sub(1).and_then(|at| self.runs.get(at));
        run.is_some_and(|(first, points)| place - first < *points)
    }

    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Little-endian pairs of first and number.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        for (first, points) in &self.runs {
            bytes.extend(first.to_le_bytes());
            bytes.extend(points.to_le_bytes());
        }
    }

    /// Absent where the bytes are no such pairs.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (pairs, []) = bytes.as_chunks::<{ Self::POINT_BYTES }>() else { return None };
        let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let pair = |pair: &[u8; 8]| Some((number(pair)?, number(pair.get(4..)?)?));
        Some(Self { runs: pairs.iter().map(pair).collect::<Option<_>>()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_put_in_also_when_it_was_written_and_read(
            places in prop::collection::btree_set(0_u32..200, 0..100),
        ) {
            let mut over = OverLimit::default();
            places.iter().for_each(|place| over.push(*place));
            let mut bytes = Vec::new();
            over.encode(&mut bytes);
            let read = OverLimit::decode(&bytes).unwrap();
            for place in 0..201 {
                prop_assert_eq!(read.holds(place), places.contains(&place), "{}", place);
            }
            prop_assert_eq!(read, over);
        }
    }

    #[test]
    fn half_a_pair_is_none() {
        assert_eq!(OverLimit::decode(&[1, 2, 3]), None);
    }
}
