//! Blocks: what several requests come to.

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;

use super::*;
use crate::shared::{MetricKind, NumberColumns, NumberRow, SeriesId, TenantId, Timestamp, WatchId};

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
