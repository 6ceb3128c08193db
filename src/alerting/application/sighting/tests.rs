//! A sighting in parts is the same sighting.

use super::*;
use crate::alerting::domain::fixtures::{second, series};
use crate::shared::{SeriesId, Timestamp};

fn point(time: Timestamp) -> PastPoint {
    PastPoint { time, start: Timestamp::EPOCH, value: PastValue::Number(1.0) }
}

#[test]
fn parts_hold_every_point_with_its_series_and_every_record() {
    let of = |id| SeriesIdentity { id: SeriesId(id), ..series(&[("host", "a")]) };
    let record = |at| PastRecord {
        time: second(at),
        labels: vec![("body".into(), "x".into())].into(),
        duration: None,
    };
    let whole = Sighting {
        series: vec![of(1), of(2), of(3)],
        points: (0..30).zip(0_usize..).map(|(time, at)| (at % 3, point(second(time)))).collect(),
        records: (0..10).map(|at| (TenantId::unnamed(), record(at))).collect(),
    };
    let told = |sighting: &Sighting| -> (Vec<(u64, i64)>, Vec<i64>) {
        let points = sighting.points().map(|(series, point)| (series.id.0, point.time.nanos()));
        (points.collect(), sighting.records.iter().map(|(_, record)| record.time.nanos()).collect())
    };
    let expected = told(&whole);
    for bytes in [1, 200, 1 << 20] {
        let parts = whole.clone().parts(bytes);
        let (points, records): (Vec<_>, Vec<_>) = parts.iter().map(told).unzip();
        assert_eq!((points.concat(), records.concat()), expected, "{bytes} bytes");
        assert_eq!(parts.len() == 1, bytes == 1 << 20);
    }
}

#[test]
fn nothing_is_one_empty_part() {
    let parts = Sighting::default().parts(100);
    assert!(matches!(&parts[..], [part] if part.is_empty()));
}
