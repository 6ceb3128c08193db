//! Log records that a listener wants, out of the columns that were stored, as the search would answer them.

use crate::querying::application::read_models::{Attributes, LogRecord, Resource, Scope};
use crate::querying::domain::{LogFilter, LogTest};
use crate::shared::{BodyType, LogColumns, MapColumn};

use super::extract::Gathering;
use super::messages::Message;

/// Adds them from the last to the first.
pub fn log_records(columns: &LogColumns, filter: &LogFilter, found: &mut Gathering) {
    let test = LogTest::new(filter, columns);
    for row in (0..columns.len()).rev().filter(|row| test.passes(*row)) {
        found.add(1, || Message::Log(Box::new(log_record(columns, row))));
    }
}

/// As `log_records.sql` makes it.
fn log_record(columns: &LogColumns, row: usize) -> LogRecord {
    let origin = at(columns.row_origins(), row);
    let (origins, scope) = (&columns.origins, origin as usize);
    let resource = origins.resource_of(origin);
    let (resources, scopes) = (&origins.resources, &origins.scopes);
    let observed = at(columns.observed(), row);
    LogRecord {
        time: moment(at(columns.times(), row)),
        observed_time: (observed != 0).then(|| moment(observed)),
        severity_number: at(columns.severities(), row),
        severity_text: text(columns.severity_texts.get(row)),
        service: text(resources.services.get(resource)),
        body: text(columns.bodies.get(row)),
        body_type: columns.body_types().get(row).copied().unwrap_or(BodyType::Empty).name().to_owned(),
        event_name: text(columns.event_names.get(row)),
        trace_id: id(columns.trace_ids().get(row).map_or(&[], |id| id)),
        span_id: id(columns.span_ids().get(row).map_or(&[], |id| id)),
        flags: at(columns.flags(), row),
        attributes: attributes(&columns.attributes, row),
        dropped_attributes: at(columns.dropped_attributes(), row),
        resource: Resource {
            attributes: attributes(&resources.attributes, resource),
            dropped_attributes: at(&resources.dropped_attributes, resource),
            schema_url: text(resources.schema_urls.get(resource)),
        },
        scope: Scope {
            name: text(scopes.names.get(scope)),
            version: text(scopes.versions.get(scope)),
            attributes: attributes(&scopes.attributes, scope),
            dropped_attributes: at(&scopes.dropped_attributes, scope),
            schema_url: text(scopes.schema_urls.get(scope)),
        },
    }
}

fn at<T: Copy + Default>(column: &[T], row: usize) -> T {
    column.get(row).copied().unwrap_or_default()
}

fn text(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn attributes(maps: &MapColumn, row: usize) -> Attributes {
    maps.row(row).map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Empty if it is all zero: then there is none.
fn id(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 3339 with nanoseconds.
fn moment(nanos: i64) -> String {
    jiff::Timestamp::from_nanosecond(nanos.into()).map(|at| format!("{at:.9}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_and_ids_are_written_as_the_store_writes_them() {
        assert_eq!(moment(1_795_000_000_000_000_001), "2026-11-18T11:06:40.000000001Z");
        assert_eq!(moment(1_795_000_000_000_000_000), "2026-11-18T11:06:40.000000000Z");
        assert_eq!((id(&[0, 0]), id(&[0, 0xab])), (String::new(), "00ab".to_owned()));
    }
}
