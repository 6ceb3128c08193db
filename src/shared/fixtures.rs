//! What tests of several contexts build of shared types.

use std::sync::Arc;

use super::{
    DomainEvent, MetricKind, MetricsIngested, NumberColumns, NumberRow, SeriesId, TenantId, Timestamp,
    WatchId,
};

/// That a point of each of these times was stored, all of one series that nobody watches, of the unnamed tenant.
pub fn numbers_ingested(
    metric: &str,
    kind: MetricKind,
    times: impl IntoIterator<Item = Timestamp>,
) -> DomainEvent {
    let mut columns = NumberColumns::new(TenantId::unnamed());
    columns.begin_run(metric, kind);
    for time in times {
        columns.push(NumberRow {
            series: SeriesId(1),
            watch: WatchId::NONE,
            time,
            start: Timestamp::EPOCH,
            value: 1.0,
            integer_rest: 0,
            integer: false,
            flags: 0,
        });
    }
    columns.finish();
    DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: vec![columns.into()] }))
}
