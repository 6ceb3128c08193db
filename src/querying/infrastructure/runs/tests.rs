//! Rows in whatever order they come are points in order, each once.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int16Array, Int64Array, RecordBatch, UInt32Array, UInt64Array,
};
use proptest::prelude::*;

use super::*;
use crate::querying::domain::NumberPoint;

/// Series, time, part, value; NaN is a gap.
type Stored = (u64, i64, u32, f64);

fn batch(rows: &[Stored]) -> RecordBatch {
    let column = |values: ArrayRef| values;
    let columns = [
        ("series_id", column(Arc::new(UInt64Array::from_iter_values(rows.iter().map(|row| row.0))))),
        ("at", column(Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))))),
        ("value", column(Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.3))))),
        ("integer_rest", column(Arc::new(Int16Array::from(vec![0; rows.len()])))),
        ("is_gap", column(Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.3.is_nan())))))),
        ("part", column(Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.2))))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

fn read(batches: &[Vec<Stored>]) -> Vec<(u64, i64, f64)> {
    let rows = Rows { batches: batches.iter().map(|rows| batch(rows)).collect(), rows_read: 0 };
    let runs = Runs::<NumberPoint>::of(PointTable::Numbers, &rows).unwrap();
    let of = |series: SeriesRows<'_, '_, NumberPoint>| -> Vec<(u64, i64, f64)> {
        series.points().map(|point| (series.id().0, point.time, point.value)).collect()
    };
    runs.series().flat_map(of).collect()
}

#[test]
fn pieces_come_in_any_order() {
    let batches = [vec![(2, 5, 0, 1.0), (2, 6, 0, 2.0)], vec![(1, 9, 0, 3.0), (2, 4, 0, 4.0)]];
    assert_eq!(read(&batches), [(1, 9, 3.0), (2, 4, 4.0), (2, 5, 1.0), (2, 6, 2.0)]);
}

#[test]
fn of_a_point_that_was_stored_twice_the_later_one_counts() {
    let later_part = [vec![(1, 5, 1, 2.0)], vec![(1, 5, 0, 1.0), (1, 6, 0, 3.0)]];
    assert_eq!(read(&later_part), [(1, 5, 2.0), (1, 6, 3.0)]);
    let later_row = [vec![(1, 5, 0, 1.0), (1, 5, 0, 2.0)]];
    assert_eq!(read(&later_row), [(1, 5, 2.0)]);
    let cut_between = [vec![(1, 5, 0, 2.0), (1, 6, 0, 3.0)], vec![(0, 1, 0, 0.0), (1, 5, 0, 1.0)]];
    assert_eq!(read(&cut_between), [(0, 1, 0.0), (1, 5, 2.0), (1, 6, 3.0)]);
}

#[test]
fn a_gap_replaces_a_point_and_a_point_a_gap() {
    let gap = f64::NAN;
    assert_eq!(read(&[vec![(1, 5, 0, 1.0), (1, 6, 0, 2.0)], vec![(1, 5, 1, gap)]]), [(1, 6, 2.0)]);
    assert_eq!(read(&[vec![(1, 5, 0, gap)], vec![(1, 5, 1, 4.0)]]), [(1, 5, 4.0)]);
}

proptest! {
    /// Scenario: inserts whose points lie anywhere in time and replace one another, in parts, which are read in pieces in
    /// any order.
    /// Guarantees: what is read is what was stored last, in order.
    #[test]
    fn whatever_the_parts_and_pieces_the_last_stored_is_read(
        inserts in prop::collection::vec((0_u64..3, 0_i64..12, 0_u32..4), 1..60),
        piece in 2_usize..9,
        seed in any::<u64>(),
    ) {
        let mut stored: Vec<Stored> =
            (0_u32..).zip(&inserts).map(|(at, (series, time, part))| (*series, *time, *part, f64::from(at))).collect();
        // Parts follow one another, and each is in the order of the key and else in that of its inserts.
        stored.sort_by_key(|(series, time, part, _)| (*part, *series, *time));
        let mut expected: std::collections::BTreeMap<(u64, i64), f64> = std::collections::BTreeMap::new();
        for (series, time, _, value) in &stored {
            expected.insert((*series, *time), *value);
        }
        let parts = stored.chunk_by(|one, next| one.2 == next.2);
        let mut pieces: Vec<Vec<Stored>> = parts.flat_map(|part| part.chunks(piece)).map(<[Stored]>::to_vec).collect();
        // A piece of nothing but one series' single time has no order towards its like: no part is cut so.
        prop_assume!(pieces.iter().all(|piece| piece.first().map(|row| (row.0, row.1)) != piece.last().map(|row| (row.0, row.1)) || piece.len() == 1));
        fastrand::Rng::with_seed(seed).shuffle(&mut pieces);
        let single = pieces.iter().filter(|piece| piece.len() == 1).count();
        prop_assume!(single < 2);
        let expected: Vec<(u64, i64, f64)> = expected.into_iter().map(|((series, time), value)| (series, time, value)).collect();
        prop_assert_eq!(read(&pieces), expected);
    }
}
