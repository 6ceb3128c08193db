//! Log records out of the store: stretch by stretch, first the moments from narrow columns, then what was recorded at these.

use std::time::Duration;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, StoreError, parameters};
use crate::querying::application::{LogRecord, Page, ReadError};
use crate::querying::domain::{
    LogCount, LogCursor, LogFilter, LogHistogramQuery, LogQuery, Stretches, TimeOrder,
};
use crate::shared::{TimeRange, Timestamp};

use super::clickhouse_reader::{ClickHouseReader, failed};
use super::json_rows::decoded;
use super::search_sql::{Conditions, direction, log_conditions, narrow_log_conditions};

const HISTOGRAM: &str = include_str!("../../../clickhouse/querying/log_histogram.sql");
const TIMES: &str = include_str!("../../../clickhouse/querying/log_times.sql");
const RECORDS: &str = include_str!("../../../clickhouse/querying/log_records.sql");

/// Where most searches end: a busy tenant has a page of records within it.
const FIRST_STRETCH: Duration = Duration::from_secs(15);
/// Of a search that has to read bodies or attributes: a busy tenant has hundreds of thousands of records in a second.
const FIRST_STRETCH_INTO_RECORDS: Duration = Duration::from_secs(1);
/// What is not in the newest second of so many is rare, and soon all of the range is read in one go.
const GROWTH_INTO_RECORDS: u32 = 16;

/// A record and its place in the order.
type Placed = ((Timestamp, u64), LogRecord);

impl ClickHouseReader {
    /// A page of log records.
    pub(super) async fn read_logs(&self, query: &LogQuery) -> Result<Page<LogRecord, LogCursor>, ReadError> {
        // One more than asked for tells whether there is another page.
        let wanted = query.limit + 1;
        let mut reading = Reading { conditions: log_conditions(&query.filter), query, rows_read: 0 };
        let mut found = Vec::new();
        if let Some(cursor) = query.after.filter(|cursor| query.range.contains(cursor.time)) {
            let (tie, shown) = (cursor.tie, cursor.shown);
            found = reading.records(self, &[cursor.time], Some((tie, shown)), wanted).await?;
        }
        let left = not_shown(query);
        let mut stretches = Stretches::new(left, query.order, FIRST_STRETCH);
        if found.len() < wanted && looks_into_records(&query.filter) {
            let narrow = narrow_log_conditions(&query.filter);
            let mut looking = Reading { conditions: narrow, query, rows_read: 0 };
            let left = looking.with_records(self, left).await?;
            stretches =
                Stretches::new(left, query.order, FIRST_STRETCH_INTO_RECORDS).growing(GROWTH_INTO_RECORDS);
            reading.rows_read += looking.rows_read;
        }
        for stretch in stretches {
            if found.len() >= wanted {
                break;
            }
            let missing = wanted - found.len();
            let times = reading.times(self, stretch, missing).await?;
            if !times.is_empty() {
                found.extend(reading.records(self, &times, None, missing).await?);
            }
        }
        Ok(page(query, found, reading.rows_read))
    }

    /// Log records by bucket and class, and how many rows were read to count them.
    pub(super) async fn read_log_counts(
        &self,
        query: &LogHistogramQuery,
    ) -> Result<(Vec<LogCount>, u64), ReadError> {
        let conditions = log_conditions(&query.filter);
        let own = [
            parameters::number("step", query.interval.nanos()),
            parameters::number("start", query.range.start().nanos()),
            parameters::number("end", query.range.end().nanos()),
        ];
        let sql = HISTOGRAM.replace("{{filter}}", &conditions.sql);
        let rows = self.select(&query.tenant, sql, conditions.parameters(own)).await?;
        let counts = counts(&rows).map_err(|error| failed(&error))?;
        Ok((counts, rows.rows_read))
    }
}

/// What of the range is behind the moment of the cursor.
fn not_shown(query: &LogQuery) -> Option<TimeRange> {
    let (start, end) = (query.range.start(), query.range.end());
    match (query.after, query.order) {
        (None, _) => Some(query.range),
        (Some(cursor), TimeOrder::NewestFirst) => TimeRange::new(start, end.min(cursor.time)),
        (Some(cursor), TimeOrder::OldestFirst) => {
            TimeRange::new(start.max(cursor.time.plus(Duration::from_nanos(1))), end)
        }
    }
}

/// Whether bodies or attributes have to be read to tell if a record is one of those that are looked for.
fn looks_into_records(filter: &LogFilter) -> bool {
    !filter.text.is_empty() || !filter.attributes.is_empty()
}

fn page(query: &LogQuery, mut found: Vec<Placed>, rows_read: u64) -> Page<LogRecord, LogCursor> {
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let (places, rows): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let next = more.then(|| LogCursor::after(&places, query.after)).flatten();
    Page { rows, next, rows_read }
}

struct Reading<'a> {
    query: &'a LogQuery,
    conditions: Conditions,
    rows_read: u64,
}

impl Reading<'_> {
    async fn select(
        &mut self,
        reader: &ClickHouseReader,
        sql: &str,
        own: impl IntoIterator<Item = Parameter>,
    ) -> Result<Rows, ReadError> {
        let sql = sql
            .replace("{{filter}}", &self.conditions.sql)
            .replace("{{direction}}", direction(self.query.order));
        let rows = reader.select(&self.query.tenant, sql, self.conditions.parameters(own)).await?;
        self.rows_read += rows.rows_read;
        Ok(rows)
    }

    /// The range without what is empty at the end where the search begins: stretches widen, and one that is wide because minutes
    /// before it are empty would be searched whole. Absent if nothing is in it.
    async fn with_records(
        &mut self,
        reader: &ClickHouseReader,
        range: Option<TimeRange>,
    ) -> Result<Option<TimeRange>, ReadError> {
        for stretch in Stretches::new(range, self.query.order, FIRST_STRETCH) {
            let times = self.times(reader, stretch, 1).await?;
            if let (Some(range), Some(first)) = (range, times.first()) {
                return Ok(match self.query.order {
                    TimeOrder::NewestFirst => {
                        TimeRange::new(range.start(), first.plus(Duration::from_nanos(1)))
                    }
                    TimeOrder::OldestFirst => TimeRange::new(*first, range.end()),
                });
            }
        }
        Ok(None)
    }

    /// The first moments of a stretch, in order.
    async fn times(
        &mut self,
        reader: &ClickHouseReader,
        stretch: TimeRange,
        limit: usize,
    ) -> Result<Vec<Timestamp>, ReadError> {
        let own = [
            parameters::number("start", stretch.start().nanos()),
            parameters::number("end", stretch.end().nanos()),
            parameters::number("limit", limit),
        ];
        let rows = self.select(reader, TIMES, own).await?;
        moments(&rows).map_err(|error| failed(&error))
    }

    /// The records of these moments; of those at the cursor's place, the ones behind it.
    async fn records(
        &mut self,
        reader: &ClickHouseReader,
        times: &[Timestamp],
        behind: Option<(u64, u64)>,
        limit: usize,
    ) -> Result<Vec<Placed>, ReadError> {
        let mut times: Vec<i64> = times.iter().map(|time| time.nanos()).collect();
        times.sort_unstable();
        times.dedup();
        let (from_tie, first_tie) = match self.query.order {
            TimeOrder::NewestFirst => ("tie <= {tie:UInt64}", u64::MAX),
            TimeOrder::OldestFirst => ("tie >= {tie:UInt64}", 0),
        };
        let (tie, shown) = behind.unwrap_or((first_tie, 0));
        let own = [
            parameters::number("first", times.first().copied().unwrap_or_default()),
            parameters::number("last", times.last().copied().unwrap_or_default()),
            parameters::numbers("times", &times),
            parameters::number("tie", tie),
            parameters::number("shown", shown),
            parameters::number("limit", limit),
        ];
        let rows = self.select(reader, &RECORDS.replace("{{from_tie}}", from_tie), own).await?;
        placed(&rows).map_err(|error| failed(&error))
    }
}

fn moments(rows: &Rows) -> Result<Vec<Timestamp>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        found.extend(Columns(batch).integers("at")?.values().iter().copied().map(Timestamp::from_nanos));
    }
    Ok(found)
}

fn placed(rows: &Rows) -> Result<Vec<Placed>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (times, ties) = (columns.integers("at")?, columns.counts("tie")?);
        let records = columns.texts("record")?;
        for at in 0..batch.num_rows() {
            let place = (Timestamp::from_nanos(times.value(at)), ties.value(at));
            found.push((place, decoded(records.value(at))?));
        }
    }
    Ok(found)
}

fn counts(rows: &Rows) -> Result<Vec<LogCount>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (buckets, classes) = (columns.integers("bucket")?, columns.integers("class")?);
        let records = columns.counts("records")?;
        for at in 0..batch.num_rows() {
            let class = usize::try_from(classes.value(at)).unwrap_or_default();
            found.push(LogCount { bucket: buckets.value(at), class, records: records.value(at) });
        }
    }
    Ok(found)
}
