//! Traces out of the store: what passes a search stretch by stretch, and one trace by its id.

use std::collections::HashMap;
use std::time::Duration;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, StoreError, StoreErrorKind, parameters};
use crate::querying::application::{Page, ReadError, ServiceCalls, SpanRates, TraceSpans, TraceSummary};
use crate::querying::domain::{
    RatesOf, RatesQuery, ServiceMapQuery, Stretches, TimeOrder, TraceCursor, TraceQuery,
};
use crate::shared::{TenantId, TimeRange, Timestamp, TraceId};

use super::clickhouse_reader::{ClickHouseReader, failed};
use super::json_rows::{decoded, decoded_column};
use super::search_sql::{Conditions, span_conditions};
use super::span_rows::spans;

const BOUNDS: &str = include_str!("../../../clickhouse/querying/trace_bounds.sql");
const SPANS: &str = include_str!("../../../clickhouse/querying/trace_spans.sql");
const MATCHES: &str = include_str!("../../../clickhouse/querying/trace_matches.sql");
const SUMMARIES: &str = include_str!("../../../clickhouse/querying/trace_summaries.sql");
const SERVICE_MAP: &str = include_str!("../../../clickhouse/querying/service_map.sql");
const RATES: &str = include_str!("../../../clickhouse/querying/span_rates.sql");

/// Of the traces with these ids.
const MANY: &str = "trace_id IN (SELECT toFixedString(unhex(arrayJoin({ids:Array(String)})), 16))";

/// How long before and after a span its parent may begin, to be found: calls last, and clocks differ.
const PARENTS_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Where most searches end.
const FIRST_STRETCH: Duration = Duration::from_secs(60);
/// Most spans in the answer of one trace.
const SPANS_MAX: usize = 10_000;
/// Most times that one page asks the store. A page that ends by it is short and has a next one.
const ROUNDS_MAX: usize = 64;

/// A trace and the newest of its spans that pass.
type Placed = (TraceCursor, TraceSummary);

impl ClickHouseReader {
    /// The spans of a trace by their start. Absent if the trace is not known.
    pub(super) async fn read_trace(
        &self,
        tenant: &TenantId,
        id: TraceId,
    ) -> Result<Option<TraceSpans>, ReadError> {
        let Some((first, last, index_rows)) = self.trace_bounds(tenant, &[id]).await? else {
            return Ok(None);
        };
        let bound = vec![
            parameters::text("id", &id.to_string()),
            parameters::number("first", first),
            parameters::number("last", last),
            parameters::number("limit", SPANS_MAX + 1),
        ];
        let rows = self.select(tenant, SPANS.to_owned(), bound).await?;
        let mut spans = spans(&rows, id).map_err(|error| failed(&error))?;
        let complete = spans.len() <= SPANS_MAX;
        spans.truncate(SPANS_MAX);
        let rows_read = rows.rows_read + index_rows;
        Ok((!spans.is_empty()).then_some(TraceSpans { spans, complete, rows_read }))
    }

    /// The stretch of time in which all spans of these traces began, and how many rows were read to know it.
    async fn trace_bounds(
        &self,
        tenant: &TenantId,
        ids: &[TraceId],
    ) -> Result<Option<(i64, i64, u64)>, ReadError> {
        let (which, bound) = match ids {
            [id] => ("trace_id = unhex({id:String})", parameters::text("id", &id.to_string())),
            ids => {
                let ids: Vec<String> = ids.iter().map(TraceId::to_string).collect();
                (MANY, parameters::texts("ids", &ids))
            }
        };
        let rows = self.select(tenant, BOUNDS.replace("{{which}}", which), vec![bound]).await?;
        let bounds = bounds(&rows).map_err(|error| failed(&error))?;
        Ok(bounds.map(|(first, last)| (first, last, rows.rows_read)))
    }

    /// A page of traces.
    pub(super) async fn read_traces(
        &self,
        query: &TraceQuery,
    ) -> Result<Page<TraceSummary, TraceCursor>, ReadError> {
        let mut search = Search {
            query,
            conditions: span_conditions(&query.filter),
            found: Vec::new(),
            behind: query.after,
            rounds: 0,
            rows_read: 0,
        };
        let end = query.after.map_or(query.range.end(), |after| after.time.plus(Duration::from_nanos(1)));
        let range = TimeRange::new(query.range.start(), query.range.end().min(end));
        for stretch in Stretches::new(range, TimeOrder::NewestFirst, FIRST_STRETCH) {
            while search.wants_more() && search.round(self, stretch).await? {}
        }
        Ok(search.page())
    }

    /// Rates by service or by operation.
    pub(super) async fn read_rates(&self, query: &RatesQuery) -> Result<Vec<SpanRates>, ReadError> {
        let mut conditions = Conditions::default();
        let name = match &query.of {
            RatesOf::Services(services) => {
                conditions.services(services);
                "toString(ServiceName)"
            }
            RatesOf::Operations(service) => {
                conditions.services(std::slice::from_ref(service));
                "toString(SpanName)"
            }
        };
        let own = [
            parameters::number("start", query.range.start().nanos()),
            parameters::number("end", query.range.end().nanos()),
            parameters::number("limit", query.limit),
        ];
        let sql = RATES.replace("{{name}}", name).replace("{{filter}}", &conditions.sql);
        let rows = self.select(&query.tenant, sql, conditions.parameters(own)).await?;
        decoded_column(&rows, "rates").map_err(|error| failed(&error))
    }

    /// Calls between services.
    pub(super) async fn read_service_calls(
        &self,
        query: &ServiceMapQuery,
    ) -> Result<Vec<ServiceCalls>, ReadError> {
        let (start, end) = (query.range.start(), query.range.end());
        let bound = vec![
            parameters::number("start", start.nanos()),
            parameters::number("end", end.nanos()),
            parameters::number("parents_start", start.minus(PARENTS_WITHIN).nanos()),
            parameters::number("parents_end", end.plus(PARENTS_WITHIN).nanos()),
            parameters::number("limit", query.limit),
        ];
        let rows = self.select(&query.tenant, SERVICE_MAP.to_owned(), bound).await?;
        decoded_column(&rows, "edge").map_err(|error| failed(&error))
    }
}

/// A search on its way.
struct Search<'a> {
    query: &'a TraceQuery,
    conditions: Conditions,
    found: Vec<Placed>,
    /// The last trace that was looked at.
    behind: Option<TraceCursor>,
    rounds: usize,
    rows_read: u64,
}

impl Search<'_> {
    fn wants_more(&self) -> bool {
        // One more than asked for tells whether there is another page.
        self.found.len() <= self.query.limit && self.rounds < ROUNDS_MAX
    }

    /// Looks at the next traces of a stretch. Says whether there may be more in it.
    async fn round(&mut self, reader: &ClickHouseReader, stretch: TimeRange) -> Result<bool, ReadError> {
        self.rounds += 1;
        let limit = self.query.limit + 1;
        let candidates = self.candidates(reader, stretch, limit).await?;
        let Some(last) = candidates.last().copied() else { return Ok(false) };
        let mut summaries = self.summaries(reader, &candidates).await?;
        for candidate in &candidates {
            // A trace stands at the newest of its spans that pass; if that is another one, it stands elsewhere, or the span is
            // not what it was any more.
            if let Some((_, summary)) =
                summaries.remove(&candidate.id).filter(|(at, _)| *at == candidate.time)
            {
                self.found.push((*candidate, summary));
            }
        }
        self.behind = Some(last);
        Ok(candidates.len() == limit)
    }

    async fn select(
        &mut self,
        reader: &ClickHouseReader,
        sql: &str,
        own: impl IntoIterator<Item = Parameter>,
    ) -> Result<Rows, ReadError> {
        let sql = sql.replace("{{filter}}", &self.conditions.sql);
        let rows = reader.select(&self.query.tenant, sql, self.conditions.parameters(own)).await?;
        self.rows_read += rows.rows_read;
        Ok(rows)
    }

    async fn candidates(
        &mut self,
        reader: &ClickHouseReader,
        stretch: TimeRange,
        limit: usize,
    ) -> Result<Vec<TraceCursor>, ReadError> {
        let before = self.behind.map_or(i64::MAX, |behind| behind.time.nanos());
        let before_id = self.behind.map(|behind| behind.id.to_string()).unwrap_or_default();
        let own = [
            parameters::number("start", stretch.start().nanos()),
            parameters::number("end", stretch.end().nanos()),
            parameters::number("before", before),
            parameters::text("before_id", &before_id),
            parameters::number("limit", limit),
        ];
        let rows = self.select(reader, MATCHES, own).await?;
        candidates(&rows).map_err(|error| failed(&error))
    }

    async fn summaries(
        &mut self,
        reader: &ClickHouseReader,
        candidates: &[TraceCursor],
    ) -> Result<HashMap<TraceId, (Timestamp, TraceSummary)>, ReadError> {
        let ids: Vec<TraceId> = candidates.iter().map(|candidate| candidate.id).collect();
        let times = || candidates.iter().map(|candidate| candidate.time.nanos());
        let (mut first, mut last) = (times().min().unwrap_or_default(), times().max().unwrap_or_default());
        // Spans become visible a moment before the index has them.
        if let Some((start, end, read)) = reader.trace_bounds(&self.query.tenant, &ids).await? {
            (first, last) = (first.min(start), last.max(end));
            self.rows_read += read;
        }
        let ids: Vec<String> = ids.iter().map(TraceId::to_string).collect();
        let own = [
            parameters::number("start", self.query.range.start().nanos()),
            parameters::number("end", self.query.range.end().nanos()),
            parameters::number("first", first),
            parameters::number("last", last),
            parameters::texts("ids", &ids),
        ];
        let rows = self.select(reader, SUMMARIES, own).await?;
        summaries(&rows).map_err(|error| failed(&error))
    }

    fn page(mut self) -> Page<TraceSummary, TraceCursor> {
        let limit = self.query.limit;
        let next = if self.found.len() > limit {
            self.found.get(limit - 1).map(|(place, _)| *place)
        } else {
            self.behind.filter(|_| self.rounds == ROUNDS_MAX)
        };
        self.found.truncate(limit);
        let rows = self.found.into_iter().map(|(_, summary)| summary).collect();
        Page { rows, next, rows_read: self.rows_read }
    }
}

fn bounds(rows: &Rows) -> Result<Option<(i64, i64)>, StoreError> {
    let Some(batch) = rows.batches.iter().find(|batch| batch.num_rows() > 0) else { return Ok(None) };
    let columns = Columns(batch);
    Ok(Some((columns.integers("first")?.value(0), columns.integers("last")?.value(0))))
}

fn candidates(rows: &Rows) -> Result<Vec<TraceCursor>, StoreError> {
    let mut found = Vec::new();
    for batch in &rows.batches {
        let (ids, times) = (Columns(batch).texts("id")?, Columns(batch).integers("at")?);
        for at in 0..batch.num_rows() {
            found.push(TraceCursor {
                time: Timestamp::from_nanos(times.value(at)),
                id: trace_id(ids.value(at))?,
            });
        }
    }
    Ok(found)
}

fn summaries(rows: &Rows) -> Result<HashMap<TraceId, (Timestamp, TraceSummary)>, StoreError> {
    let mut found = HashMap::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (ids, times, traces) = (columns.texts("id")?, columns.integers("at")?, columns.texts("trace")?);
        for at in 0..batch.num_rows() {
            let summary = decoded(traces.value(at))?;
            found.insert(trace_id(ids.value(at))?, (Timestamp::from_nanos(times.value(at)), summary));
        }
    }
    Ok(found)
}

fn trace_id(text: &str) -> Result<TraceId, StoreError> {
    TraceId::from_hexadecimal(text)
        .ok_or_else(|| StoreError::new(StoreErrorKind::Answer, "a trace without an id"))
}
