//! The past of log records and spans, for those who evaluate rules on it: what passes a filter, with the labels that are asked for.

use std::collections::HashMap;
use std::time::Duration;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, StoreError, parameters};
use crate::querying::application::ReadError;
use crate::shared::{PastRecord, RecordLabels, RecordQuery, RecordSource, TenantId, Timestamp};

use super::clickhouse_reader::{ClickHouseReader, failed};
use super::filter_sql::{LabelSql, filter_sql_over};
use super::json_rows::decoded;

const PAST_LOGS: &str = include_str!("../../../clickhouse/querying/past_logs.sql");
const PAST_SPANS: &str = include_str!("../../../clickhouse/querying/past_spans.sql");

/// Most records that are read at once.
const RECORDS_MAX: usize = 1_000_000;
/// How long a span may have taken whose end is looked for.
const SPAN_LENGTH_MAX: Duration = Duration::from_secs(3_600);

impl ClickHouseReader {
    /// Records in order of time. Spans that took more than an hour are left out.
    pub async fn past_records(
        &self,
        tenant: &TenantId,
        query: &RecordQuery,
    ) -> Result<Vec<PastRecord>, ReadError> {
        let (statement, of_label) = match query.source {
            RecordSource::Logs => (PAST_LOGS, OF_LOGS),
            RecordSource::Spans => (PAST_SPANS, OF_SPANS),
        };
        let (filter, mut bound) = filter_sql_over(of_label, &query.filter);
        let (labels, named) = labels_sql(of_label, &query.labels);
        bound.extend(named);
        let (start, end) = (query.range.start(), query.range.end());
        bound.extend([
            parameters::number("first", start.minus(SPAN_LENGTH_MAX).nanos().max(0)),
            parameters::number("start", start.nanos().max(0)),
            parameters::number("end", end.nanos()),
            parameters::number("rows_max", RECORDS_MAX + 1),
        ]);
        let sql = statement.replace("{{labels}}", &labels).replace("{{filter}}", &filter);
        let rows = self.select(tenant, sql, bound).await?;
        let names = query.labels.clone();
        // Hundreds of thousands of rows would hold up an async thread.
        let read = tokio::task::spawn_blocking(move || records(&names, &rows));
        let records = read.await.map_err(|_| ReadError::Unavailable)?.map_err(|error| failed(&error))?;
        if records.len() > RECORDS_MAX { Err(ReadError::TooLarge) } else { Ok(records) }
    }
}

/// `, value` for each label, and the parameters that they name.
fn labels_sql(of_label: LabelSql, labels: &[Box<str>]) -> (String, Vec<Parameter>) {
    let (mut sql, mut bound) = (String::new(), Vec::new());
    for (at, label) in labels.iter().enumerate() {
        let name = format!("asked_{at}");
        let key = format!("{{{name}:String}}");
        let (value, exists) = ((of_label.value)(label, &key), (of_label.exists)(label, &key));
        sql.push_str(&format!(", if({exists}, toNullable(toString({value})), NULL)"));
        bound.push(parameters::text(name, label));
    }
    (sql, bound)
}

/// What a log record says of a label: the same as an alert rule hears of it when it comes.
const OF_LOGS: LabelSql = LabelSql {
    value: |label, key| match label {
        "severity" => word(
            "'unspecified', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'",
            "if(SeverityNumber BETWEEN 1 AND 24, intDiv(SeverityNumber + 3, 4), 0)",
        ),
        "body" => "Body".to_owned(),
        "event.name" => "toString(EventName)".to_owned(),
        _ => attribute("LogAttributes", label, key),
    },
    exists: |label, key| match label {
        "severity" | "body" | "event.name" => "true".to_owned(),
        _ => has_attribute("LogAttributes", label, key),
    },
};

/// What a span says of a label.
const OF_SPANS: LabelSql = LabelSql {
    value: |label, key| match label {
        "name" => "toString(SpanName)".to_owned(),
        "kind" => word(
            "'unspecified', 'internal', 'server', 'client', 'producer', 'consumer'",
            "if(SpanKindNumber BETWEEN 0 AND 5, SpanKindNumber, 0)",
        ),
        "status" => word("'unset', 'ok', 'error'", "if(StatusNumber BETWEEN 0 AND 2, StatusNumber, 0)"),
        _ => attribute("SpanAttributes", label, key),
    },
    exists: |label, key| match label {
        "name" | "kind" | "status" => "true".to_owned(),
        _ => has_attribute("SpanAttributes", label, key),
    },
};

fn word(words: &str, number: &str) -> String {
    format!("arrayElement([{words}], {number} + 1)")
}

/// The record's own attribute comes before its scope's name, and before its resource's.
fn attribute(column: &str, label: &str, key: &str) -> String {
    let other = match label {
        "scope.name" => "toString(ScopeName)".to_owned(),
        _ => format!("JSONExtractString(resource_attributes, {key})"),
    };
    format!("if(mapContains({column}, {key}), {column}[{key}], {other})")
}

fn has_attribute(column: &str, label: &str, key: &str) -> String {
    match label {
        "scope.name" => "true".to_owned(),
        _ => format!("(mapContains({column}, {key}) OR JSONHas(resource_attributes, {key}))"),
    }
}

fn records(names: &[Box<str>], rows: &Rows) -> Result<Vec<PastRecord>, StoreError> {
    // Most records have the labels of others.
    let mut known: HashMap<Box<str>, RecordLabels> = HashMap::new();
    let mut found = Vec::new();
    for batch in &rows.batches {
        let columns = Columns(batch);
        let (times, texts) = (columns.integers("at")?, columns.texts("row")?);
        let durations = if columns.has("duration") { Some(columns.counts("duration")?) } else { None };
        for (at, text) in texts.iter().flatten().enumerate() {
            let labels = match known.get(text) {
                Some(labels) => labels.clone(),
                None => known.entry(text.into()).or_insert(labels_of(names, text)?).clone(),
            };
            found.push(PastRecord {
                time: Timestamp::from_nanos(times.value(at)),
                labels,
                duration: durations.map(|durations| Duration::from_nanos(durations.value(at))),
            });
        }
    }
    Ok(found)
}

/// Values as they stand behind an empty text.
fn labels_of(names: &[Box<str>], text: &str) -> Result<RecordLabels, StoreError> {
    let values: Vec<Option<Box<str>>> = decoded(text)?;
    let values = values.into_iter().skip(1);
    Ok(names.iter().cloned().zip(values).filter_map(|(name, value)| Some((name, value?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::LabelFilter;

    #[test]
    fn nothing_from_outside_is_in_the_sql() {
        let filter = LabelFilter::parse(r#""e'); DROP" = "'; DROP" and severity = "x" and body =~ "DROP.*""#);
        for of_label in [OF_LOGS, OF_SPANS] {
            let (sql, _) = filter_sql_over(of_label, filter.as_ref().unwrap());
            let (labels, bound) = labels_sql(of_label, &["'); DROP".into(), "scope.name".into(), "a".into()]);
            assert!(!sql.contains("DROP") && !labels.contains("DROP"), "{sql} {labels}");
            let names: Vec<&str> = bound.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, ["asked_0", "asked_1", "asked_2"]);
        }
    }

    #[test]
    fn labels_that_a_record_has_not_are_left_out() {
        let names = ["a".into(), "b".into(), "c".into()];
        let labels = labels_of(&names, r#"["", "x", null, ""]"#).unwrap();
        assert_eq!(*labels, [("a".into(), "x".into()), ("c".into(), "".into())]);
    }
}
