//! Log records that a listener wants, out of the columns that were stored, as the search would answer them.

use crate::querying::application::read_models::{
    Attributes, LogRecord, Resource, Scope, id_text, moment_text,
};
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
        time: moment_text(at(columns.times(), row)),
        observed_time: (observed != 0).then(|| moment_text(observed)),
        severity_number: at(columns.severities(), row),
        severity_text: text(columns.severity_texts.get(row)),
        service: text(resources.services.get(resource)),
        body: text(columns.bodies.get(row)),
        body_type: columns.body_types().get(row).copied().unwrap_or(BodyType::Empty).name().to_owned(),
        event_name: text(columns.event_names.get(row)),
        trace_id: id_text(columns.trace_ids().get(row).map_or(&[], |id| id)),
        span_id: id_text(columns.span_ids().get(row).map_or(&[], |id| id)),
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
