//! Whether the rows of a block are in the store that says so.
//!
//! The engine writes down an insert's token before the part gets its name (`MergeTreeSink::finishDelayedChunk` adds to the
//! deduplication log, then renames). A process that dies in between, or a disk that fails, leaves a token without rows: the same
//! insert is then answered as done, and nothing is there. So whatever was tried before is looked for afterwards.

use std::collections::BTreeMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{TimestampNanosecondType, UInt16Type, UInt64Type};
use arrow_array::{Array, RecordBatch, UInt64Array};
use arrow_schema::DataType;
use arrow_select::take::take_record_batch;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Select, Store, StoreError, StoreErrorKind, parameters};
use crate::shared::joined_body;
use crate::shared::time::NANOS_PER_DAY;

use super::blocks::{
    EXEMPLARS_TABLE, EXPONENTIAL_HISTOGRAMS_TABLE, HISTOGRAMS_TABLE, SAMPLES_TABLE, SERIES_TABLE,
    SUMMARIES_TABLE,
};
use super::body_columns::{TEMPLATES, VALUES};
use super::log_blocks::LOGS_TABLE;
use super::span_blocks::{SPANS_TABLE, TRACE_INDEX_TABLE};

/// Of a body, so much is compared.
const BODY_CHARS_MAX: usize = 500;
const BODY: &str = "Body";

/// How a row of a table is found again.
struct Key {
    sql: &'static str,
    columns: &'static [&'static str],
    /// The last of the columns that says to which partition a row belongs: a time, or a day.
    partition: &'static str,
}

const POINT: &[&str] = &["tenant", "metric", "series_id", "time"];

fn key(table: &str) -> Option<Key> {
    let point = |sql| Key { sql, columns: POINT, partition: "time" };
    Some(match table {
        SAMPLES_TABLE => point(include_str!("../../../clickhouse/telemetry/presence/metric_samples.sql")),
        HISTOGRAMS_TABLE => {
            point(include_str!("../../../clickhouse/telemetry/presence/metric_histograms.sql"))
        }
        EXPONENTIAL_HISTOGRAMS_TABLE => {
            point(include_str!("../../../clickhouse/telemetry/presence/metric_exponential_histograms.sql"))
        }
        SUMMARIES_TABLE => point(include_str!("../../../clickhouse/telemetry/presence/metric_summaries.sql")),
        EXEMPLARS_TABLE => point(include_str!("../../../clickhouse/telemetry/presence/metric_exemplars.sql")),
        SERIES_TABLE => Key {
            sql: include_str!("../../../clickhouse/telemetry/presence/metric_series.sql"),
            columns: &["tenant", "metric", "series_id", "day"],
            partition: "day",
        },
        LOGS_TABLE => Key {
            sql: include_str!("../../../clickhouse/telemetry/presence/otel_logs.sql"),
            columns: &["Tenant", "ServiceName", "Timestamp", BODY],
            partition: "Timestamp",
        },
        SPANS_TABLE => Key {
            sql: include_str!("../../../clickhouse/telemetry/presence/otel_traces.sql"),
            columns: &["Tenant", "ServiceName", "SpanName", "Timestamp", "trace_id", "span_id"],
            partition: "Timestamp",
        },
        TRACE_INDEX_TABLE => Key {
            sql: include_str!("../../../clickhouse/telemetry/presence/trace_index.sql"),
            columns: &["Tenant", "trace_id", "Start"],
            partition: "Start",
        },
        _ => return None,
    })
}

/// The rows of a block that are not there; absent if all are. A block's rows of one day are one part, there as a whole or
/// not at all, so a few of them tell.
pub fn missing(
    store: &dyn Store,
    table: &str,
    block: &RecordBatch,
) -> Result<Option<RecordBatch>, StoreError> {
    let Some(key) = key(table) else { return Ok(None) };
    let mut gone: Vec<u64> = Vec::new();
    for rows in days(block, key.partition)?.into_values() {
        if !are_there(store, &key, block, &rows)? {
            gone.extend(rows.iter().map(|row| *row as u64));
        }
    }
    if gone.is_empty() {
        return Ok(None);
    }
    if gone.len() == block.num_rows() {
        return Ok(Some(block.clone()));
    }
    let rows = take_record_batch(block, &UInt64Array::from(gone));
    rows.map(Some).map_err(|error| StoreError::new(StoreErrorKind::Answer, error.to_string()))
}

/// The first, the middle and the last of these rows.
fn are_there(store: &dyn Store, key: &Key, block: &RecordBatch, rows: &[usize]) -> Result<bool, StoreError> {
    for row in [rows.first(), rows.get(rows.len() / 2), rows.last()].into_iter().flatten() {
        let parameters =
            key.columns.iter().map(|name| parameter(block, name, *row)).collect::<Result<Vec<_>, _>>()?;
        let answer = store.select(&Select::new(key.sql, &parameters))?;
        // A store that keeps nothing answers nothing.
        let Some(batch) = answer.batches.first() else { return Ok(true) };
        if Columns(batch).counts("found")?.iter().flatten().next() == Some(0) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn days(block: &RecordBatch, partition: &str) -> Result<BTreeMap<i64, Vec<usize>>, StoreError> {
    let column = column(block, partition)?;
    let mut days: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for row in 0..block.num_rows() {
        let day = match column.data_type() {
            DataType::UInt16 => column.as_primitive::<UInt16Type>().value(row).into(),
            _ => nanos(column, row).ok_or_else(|| unexpected(partition))?.div_euclid(NANOS_PER_DAY),
        };
        days.entry(day).or_default().push(row);
    }
    Ok(days)
}

fn parameter(block: &RecordBatch, name: &'static str, row: usize) -> Result<Parameter, StoreError> {
    if name == BODY {
        return body(block, row).map(|body| parameters::text(name, &body));
    }
    let column = column(block, name)?;
    let value = match column.data_type() {
        DataType::UInt64 => Some(parameters::number(name, column.as_primitive::<UInt64Type>().value(row))),
        DataType::UInt16 => Some(parameters::number(name, column.as_primitive::<UInt16Type>().value(row))),
        DataType::Timestamp(..) => nanos(column, row).map(|nanos| parameters::number(name, nanos)),
        DataType::FixedSizeBinary(_) => {
            let bytes = column.as_fixed_size_binary().value(row);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(parameters::text(name, &digits))
        }
        _ => bytes(column, row).and_then(text).map(|text| parameters::text(name, text)),
    };
    value.ok_or_else(|| unexpected(name))
}

/// The beginning of a log record's body. It may have other parts in the store: these depend on the rest of a block.
fn body(block: &RecordBatch, row: usize) -> Result<String, StoreError> {
    let part = |name| bytes(column(block, name)?, row).ok_or_else(|| unexpected(name));
    let body = joined_body(part(TEMPLATES)?, part(VALUES)?);
    let body = text(&body).ok_or_else(|| unexpected(BODY))?;
    Ok(body.chars().take(BODY_CHARS_MAX).collect())
}

fn nanos(column: &dyn Array, row: usize) -> Option<i64> {
    Some(column.as_primitive_opt::<TimestampNanosecondType>()?.value(row))
}

fn bytes(column: &dyn Array, row: usize) -> Option<&[u8]> {
    let (texts, row) = match column.as_any_dictionary_opt() {
        Some(words) => (words.values().as_ref(), *words.normalized_keys().get(row)?),
        None => (column, row),
    };
    Some(match texts.as_binary_opt::<i32>() {
        Some(bytes) => bytes.value(row),
        None => texts.as_string_opt::<i32>()?.value(row).as_bytes(),
    })
}

/// Texts of ours are UTF-8, whatever their column is called.
fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn column<'b>(block: &'b RecordBatch, name: &str) -> Result<&'b dyn Array, StoreError> {
    block.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| unexpected(name))
}

fn unexpected(name: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Answer, format!("column {name} of a block is missing or of another type"))
}
