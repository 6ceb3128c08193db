//! Blocks: what several requests come to.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt64Type};

use super::*;
use crate::shared::{
    MetricKind, NumberColumns, NumberRow, PointRow, Population, SeriesId, Temporality, TenantId, Timestamp,
    WatchId,
};

#[test]
fn requests_of_several_tenants_become_one_block_with_dictionaries() {
    let row = NumberRow {
        series: SeriesId(3),
        watch: WatchId::NONE,
        time: Timestamp::from_nanos(5),
        start: Timestamp::EPOCH,
        value: 1.5,
        integer_rest: 0,
        integer: false,
        flags: 0,
    };
    let request = |tenant: &str, metrics: &[&str]| {
        let mut columns = NumberColumns::new(TenantId::parse(tenant).unwrap());
        for metric in metrics {
            columns.begin_run(metric, MetricKind::Gauge);
            columns.push(row);
            columns.push(row);
        }
        columns.finish();
        MetricColumns::from(columns)
    };
    let block = samples(&[request("a", &["m", "n"]), request("b", &["m"])]).unwrap();
    assert_eq!(block.num_rows(), 6);
    let metrics = block.column(1).as_dictionary::<Int32Type>();
    assert_eq!(metrics.keys().values(), &[0, 0, 1, 1, 0, 0]);
    assert_eq!(metrics.values().len(), 2);
    let tenants = block.column(0).as_dictionary::<Int32Type>();
    assert_eq!(tenants.keys().values(), &[0, 0, 0, 0, 1, 1]);
}

#[test]
fn lists_of_several_requests_stand_one_after_the_other() {
    let request = |counts: &[&[u64]]| {
        let mut columns = MetricColumns::new(TenantId::unnamed());
        let kind = MetricKind::Histogram { temporality: Temporality::Delta };
        columns.begin_run("h", kind);
        for list in counts {
            let (series, time, start) = (SeriesId(3), Timestamp::from_nanos(5), Timestamp::EPOCH);
            let point = PointRow { series, watch: WatchId::NONE, time, start, flags: 0 };
            columns.histograms.push(point, Population::default(), list.iter().copied(), []);
        }
        columns.finish();
        columns
    };
    let block = histograms(&[request(&[&[1, 2], &[]]), request(&[]), request(&[&[3], &[4, 5]])]).unwrap();
    let lists = block.column_by_name("bucket_counts").unwrap().as_list::<i32>();
    assert_eq!(lists.value_offsets(), &[0, 2, 2, 3, 5]);
    assert_eq!(lists.values().as_primitive::<UInt64Type>().values(), &[1, 2, 3, 4, 5]);
    assert!(block.column_by_name("sum").unwrap().is_null(0), "absent is not 0");
}

#[test]
fn a_batch_gives_blocks_for_those_tables_only_that_get_rows() {
    assert!(metrics(&[MetricColumns::new(TenantId::unnamed())], &[]).unwrap().is_empty());
}
