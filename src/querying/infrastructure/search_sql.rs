//! Turns what is asked of log records and spans into SQL out of fixed fragments; keys and values become bound parameters.

use crate::platform::clickhouse::{Parameter, parameters};
use crate::querying::domain::{AttributeTest, LogFilter, SpanFilter, TimeOrder};

/// ` AND ...` for each condition, and the parameters that they name.
#[derive(Debug, Default)]
pub struct Conditions {
    pub sql: String,
    pub bound: Vec<Parameter>,
}

impl Conditions {
    pub fn and(&mut self, condition: &str, parameter: Parameter) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.bound.push(parameter);
    }

    /// The parameters of a statement with these conditions: theirs and its own.
    pub fn parameters(&self, own: impl IntoIterator<Item = Parameter>) -> Vec<Parameter> {
        self.bound.iter().cloned().chain(own).collect()
    }

    pub fn services(&mut self, services: &[Box<str>]) {
        if !services.is_empty() {
            let condition = "ServiceName IN (SELECT arrayJoin({services:Array(String)}))";
            self.and(condition, parameters::texts("services", services));
        }
    }

    /// Attributes in a map column.
    pub fn map_values(&mut self, column: &'static str, tests: &[AttributeTest]) {
        for (at, test) in tests.iter().enumerate() {
            let (key, value) = (format!("attribute_{at}"), format!("attribute_value_{at}"));
            self.bound.push(parameters::text(key.clone(), &test.key));
            let condition = format!("{column}[{{{key}:String}}] = {{{value}:String}}");
            self.and(&condition, parameters::text(value, &test.value));
        }
    }

    /// Attributes of the resource: each resource of a part is looked at once.
    pub fn resource_values(&mut self, tests: &[AttributeTest]) {
        for (at, test) in tests.iter().enumerate() {
            let (key, value) = (format!("resource_{at}"), format!("resource_value_{at}"));
            self.bound.push(parameters::text(key.clone(), &test.key));
            let condition =
                format!("JSONExtractString(resource_attributes, {{{key}:String}}) = {{{value}:String}}");
            self.and(&condition, parameters::text(value, &test.value));
        }
    }
}

/// Cheap columns first.
pub fn log_conditions(filter: &LogFilter) -> Conditions {
    let mut conditions = narrow_log_conditions(filter);
    if !filter.text.is_empty() {
        conditions.body_has(&filter.text);
    }
    conditions.map_values("LogAttributes", &filter.attributes);
    conditions
}

/// Those of [`log_conditions`] that need narrow columns alone.
pub fn narrow_log_conditions(filter: &LogFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.services(&filter.services);
    if let Some(severity) = filter.severity_min {
        conditions
            .and("SeverityNumber >= {severity:Int32}", parameters::number("severity", severity.number()));
    }
    if let Some(id) = filter.trace_id {
        conditions.and("trace_id = unhex({trace_id:String})", parameters::text("trace_id", &id.to_string()));
    }
    if let Some(id) = filter.span_id {
        conditions.and("span_id = unhex({span_id:String})", parameters::text("span_id", &id.to_string()));
    }
    conditions.resource_values(&filter.resource);
    conditions
}

/// Cheap columns first.
pub fn span_conditions(filter: &SpanFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.services(&filter.services);
    if let Some(operation) = &filter.operation {
        conditions.and("SpanName = {operation:String}", parameters::text("operation", operation));
    }
    if let Some(status) = filter.status {
        conditions.and("StatusNumber = {status:Int32}", parameters::number("status", status.number()));
    }
    if let Some(least) = filter.duration_min {
        conditions
            .and("Duration >= {duration_min:UInt64}", parameters::number("duration_min", least.as_nanos()));
    }
    if let Some(most) = filter.duration_max {
        conditions
            .and("Duration <= {duration_max:UInt64}", parameters::number("duration_max", most.as_nanos()));
    }
    conditions.map_values("SpanAttributes", &filter.attributes);
    conditions
}

/// The word after a column in `ORDER BY`.
pub const fn direction(order: TimeOrder) -> &'static str {
    match order {
        TimeOrder::NewestFirst => "DESC",
        TimeOrder::OldestFirst => "ASC",
    }
}
