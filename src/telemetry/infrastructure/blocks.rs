//! Turns sealed batches into Arrow blocks, one per table.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, Int16Array, Int32Array, RecordBatch, StringArray,
    TimestampNanosecondArray, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_schema::ArrowError;

use crate::shared::{Attribute, NumberColumns};
use crate::telemetry::application::NewSeries;

pub const SAMPLES_TABLE: &str = "telemetryflow.metric_samples";
pub const SERIES_TABLE: &str = "telemetryflow.metric_series";

/// Rows of `metric_samples`, in the order of the requests.
pub fn samples(requests: &[NumberColumns]) -> Result<RecordBatch, ArrowError> {
    let rows = requests.iter().map(NumberColumns::len).sum();
    let mut tenants = Texts::with_rows(rows);
    let mut metrics = Texts::with_rows(rows);
    for columns in requests {
        tenants.push(columns.tenant().as_str(), columns.len());
        for run in columns.runs() {
            metrics.push(run.metric, run.rows.len());
        }
    }
    let series: Vec<u64> = requests.iter().flat_map(|c| c.series().iter().map(|id| id.0)).collect();
    RecordBatch::try_from_iter([
        ("tenant", tenants.finish()?),
        ("metric", metrics.finish()?),
        ("series_id", Arc::new(UInt64Array::from(series)) as ArrayRef),
        ("time", Arc::new(TimestampNanosecondArray::from(gather(requests, rows, NumberColumns::times)))),
        (
            "start_time",
            Arc::new(TimestampNanosecondArray::from(gather(requests, rows, NumberColumns::starts))),
        ),
        ("value", Arc::new(Float64Array::from(gather(requests, rows, NumberColumns::values)))),
        ("integer_rest", Arc::new(Int16Array::from(gather(requests, rows, NumberColumns::integer_rests)))),
        ("is_integer", Arc::new(BooleanArray::from(gather(requests, rows, NumberColumns::integers)))),
        ("flags", Arc::new(UInt32Array::from(gather(requests, rows, NumberColumns::flags)))),
    ])
}

fn gather<T: Copy>(
    requests: &[NumberColumns],
    rows: usize,
    column: impl Fn(&NumberColumns) -> &[T],
) -> Vec<T> {
    let mut all = Vec::with_capacity(rows);
    for columns in requests {
        all.extend_from_slice(column(columns));
    }
    all
}

/// A dictionary column for `LowCardinality(String)`, filled run by run.
#[derive(Debug)]
struct Texts<'a> {
    known: HashMap<&'a str, i32>,
    values: Vec<&'a str>,
    rows: Vec<i32>,
}

impl<'a> Texts<'a> {
    fn with_rows(rows: usize) -> Self {
        Self { known: HashMap::new(), values: Vec::new(), rows: Vec::with_capacity(rows) }
    }

    fn push(&mut self, text: &'a str, rows: usize) {
        let next = i32::try_from(self.values.len()).unwrap_or(i32::MAX);
        let code = *self.known.entry(text).or_insert(next);
        if code == next {
            self.values.push(text);
        }
        self.rows.resize(self.rows.len() + rows, code);
    }

    fn finish(self) -> Result<ArrayRef, ArrowError> {
        let values = Arc::new(StringArray::from(self.values));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(self.rows), values)?))
    }
}

/// Rows of `metric_series`.
pub fn series(series: &[NewSeries]) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&NewSeries) -> &str| -> Result<ArrayRef, ArrowError> {
        let mut texts = Texts::with_rows(series.len());
        series.iter().for_each(|new| texts.push(of(new), 1));
        texts.finish()
    };
    let ids: Vec<u64> = series.iter().map(|new| new.identity.id.0).collect();
    let days: Vec<u16> = series.iter().map(|new| u16::try_from(new.day).unwrap_or(u16::MAX)).collect();
    let seen: Vec<i64> = series.iter().map(|new| new.seen).collect();
    let monotonic: Vec<bool> = series.iter().map(|new| new.identity.kind.is_monotonic()).collect();
    let descriptions: StringArray = series.iter().map(|new| Some(&*new.identity.description)).collect();
    RecordBatch::try_from_iter([
        ("tenant", text(|new| new.identity.tenant.as_str())?),
        ("metric", text(|new| &new.identity.metric)?),
        ("series_id", Arc::new(UInt64Array::from(ids)) as ArrayRef),
        // ClickHouse's Date is a 16-bit count of days.
        ("day", Arc::new(UInt16Array::from(days))),
        ("last_seen", Arc::new(TimestampNanosecondArray::from(seen))),
        ("kind", text(|new| new.identity.kind.name())?),
        ("temporality", text(|new| new.identity.kind.temporality_name())?),
        ("is_monotonic", Arc::new(BooleanArray::from(monotonic))),
        ("unit", text(|new| &new.identity.unit)?),
        ("description", Arc::new(descriptions)),
        ("service", text(|new| &new.identity.resource.service)?),
        ("scope_name", text(|new| &new.identity.scope.name)?),
        ("scope_version", text(|new| &new.identity.scope.version)?),
        ("resource_attributes", maps(series.iter().map(|new| &*new.identity.resource.attributes))?),
        ("attributes", maps(series.iter().map(|new| &*new.identity.attributes))?),
    ])
}

fn maps<'a>(rows: impl Iterator<Item = &'a [Attribute]>) -> Result<ArrayRef, ArrowError> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for attributes in rows {
        for attribute in attributes {
            maps.keys().append_value(&attribute.key);
            maps.values().append_value(&attribute.value);
        }
        maps.append(true)?;
    }
    Ok(Arc::new(maps.finish()))
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;
    use crate::shared::{MetricKind, NumberRow, SeriesId, TenantId, Timestamp, WatchId};

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
            columns
        };
        let block = samples(&[request("a", &["m", "n"]), request("b", &["m"])]).unwrap();
        assert_eq!(block.num_rows(), 6);
        let metrics = block.column(1).as_dictionary::<Int32Type>();
        assert_eq!(metrics.keys().values(), &[0, 0, 1, 1, 0, 0]);
        assert_eq!(metrics.values().len(), 2);
        let tenants = block.column(0).as_dictionary::<Int32Type>();
        assert_eq!(tenants.keys().values(), &[0, 0, 0, 0, 1, 1]);
    }
}
