//! `LogTest`: whether a log record in memory passes a filter, as the store's own conditions would say.

use crate::shared::{LogColumns, MapColumn};

use super::{AttributeTest, LogFilter};

/// A filter, made ready for the records of one request: what it asks of resources is decided once for each of them.
#[derive(Debug)]
pub struct LogTest<'a> {
    filter: &'a LogFilter,
    columns: &'a LogColumns,
    /// By origin: whether service and resource pass.
    origins: Vec<bool>,
    /// The key's code and the value of each attribute. No code: no record has the key.
    attributes: Vec<(Option<u32>, &'a str)>,
}

impl<'a> LogTest<'a> {
    pub fn new(filter: &'a LogFilter, columns: &'a LogColumns) -> Self {
        let resources = &columns.origins.resources;
        let passes = |resource: usize| {
            let service = resources.services.get(resource).unwrap_or_default();
            (filter.services.is_empty() || filter.services.iter().any(|asked| **asked == *service))
                && filter.resource.iter().all(|test| has(&resources.attributes, resource, test))
        };
        let resources: Vec<bool> = (0..resources.len()).map(passes).collect();
        let of_origin = |origin| resources.get(columns.origins.resource_of(origin)).copied();
        let origins = (0..columns.origins.len())
            .map(|origin| u32::try_from(origin).ok().and_then(of_origin).unwrap_or_default());
        let code =
            |test: &'a AttributeTest| (columns.attributes.keys().find(test.key.as_bytes()), &*test.value);
        Self {
            filter,
            columns,
            origins: origins.collect(),
            attributes: filter.attributes.iter().map(code).collect(),
        }
    }

    /// A row that is not there does not pass.
    pub fn passes(&self, row: usize) -> bool {
        self.passed(row).unwrap_or_default()
    }

    fn passed(&self, row: usize) -> Option<bool> {
        let (filter, columns) = (self.filter, self.columns);
        let origin = *columns.row_origins().get(row)?;
        let severity = *columns.severities().get(row)?;
        let trace_id = columns.trace_ids().get(row)?;
        let span_id = columns.span_ids().get(row)?;
        Some(
            self.origins.get(origin as usize).copied().unwrap_or_default()
                && filter.severity_min.is_none_or(|least| severity >= i32::from(least.number()))
                && filter.trace_id.is_none_or(|id| id.as_bytes() == trace_id)
                && filter.span_id.is_none_or(|id| id.as_bytes() == span_id)
                && columns.bodies.get(row)?.contains(&*filter.text)
                && self.attributes.iter().all(|(code, value)| self.attribute(row, *code) == *value),
        )
    }

    /// Empty if the record has none, as in the store's maps.
    fn attribute(&self, row: usize, code: Option<u32>) -> &'a str {
        let attributes = &self.columns.attributes;
        let Some(code) = code else { return "" };
        let end = attributes.row_ends().get(row).copied().unwrap_or_default();
        let mut entries = attributes.entries_before(row)..end;
        let entry = entries.find(|entry| attributes.codes().get(*entry) == Some(&code));
        entry.and_then(|entry| attributes.values().get(entry)).unwrap_or_default()
    }
}

fn has(maps: &MapColumn, row: usize, test: &AttributeTest) -> bool {
    let value = maps.row(row).find(|(key, _)| **key == *test.key).map(|(_, value)| value);
    value.unwrap_or_default() == &*test.value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::Severity;
    use crate::shared::{BodyType, LogRow, TenantId, Timestamp, TraceId};

    fn set(map: &mut MapColumn, key: &str, value: &str) {
        let code = map.find(key.as_bytes()).unwrap_or_else(|| map.learn(key));
        map.begin_entry(code);
        map.value().extend_from_slice(value.as_bytes());
        map.close_entry();
    }

    fn origin(columns: &mut LogColumns, service: &str, region: &str) -> u32 {
        let origins = &mut columns.origins;
        origins.resources.services.push(service);
        set(&mut origins.resources.attributes, "region", region);
        origins.resources.attributes.close_row();
        origins.add()
    }

    /// Two services; the second record alone has a user, a trace and the severity error.
    fn columns() -> LogColumns {
        let mut columns = LogColumns::new(TenantId::unnamed());
        let origins = [origin(&mut columns, "shop", "eu"), origin(&mut columns, "bank", "us")];
        let word = (columns.severity_texts.learn(""), columns.event_names.learn(""));
        for (at, origin) in origins.into_iter().enumerate() {
            let second = at == 1;
            columns.bodies.open().extend_from_slice(if second { b"paid 20" } else { b"opened" });
            if second {
                set(&mut columns.attributes, "user", "ann");
            }
            columns.push(&LogRow {
                time: Timestamp::from_nanos(5),
                observed: Timestamp::EPOCH,
                trace_id: second.then(|| TraceId::parse(&[7; 16])).flatten(),
                span_id: None,
                flags: 0,
                severity: if second { 17 } else { 9 },
                severity_text: word.0,
                event_name: word.1,
                body_type: BodyType::String,
                dropped_attributes: 0,
                origin,
            });
        }
        columns
    }

    fn attribute(key: &str, value: &str) -> Vec<AttributeTest> {
        vec![AttributeTest { key: key.into(), value: value.into() }]
    }

    #[test]
    fn each_condition_lets_the_right_records_pass() {
        let all = LogFilter::default;
        for (filter, expected) in [
            (all(), [true, true]),
            (LogFilter { services: vec!["bank".into(), "x".into()], ..all() }, [false, true]),
            (LogFilter { severity_min: Severity::parse("error"), ..all() }, [false, true]),
            (LogFilter { text: "aid 2".into(), ..all() }, [false, true]),
            (LogFilter { text: "PAID".into(), ..all() }, [false, false]),
            (LogFilter { trace_id: TraceId::parse(&[7; 16]), ..all() }, [false, true]),
            (LogFilter { attributes: attribute("user", "ann"), ..all() }, [false, true]),
            (LogFilter { attributes: attribute("user", ""), ..all() }, [true, false]),
            (LogFilter { attributes: attribute("other", ""), ..all() }, [true, true]),
            (LogFilter { resource: attribute("region", "eu"), ..all() }, [true, false]),
            (LogFilter { resource: attribute("zone", ""), ..all() }, [true, true]),
            (LogFilter { resource: attribute("region", "eu"), text: "paid".into(), ..all() }, [false, false]),
        ] {
            let columns = columns();
            let test = LogTest::new(&filter, &columns);
            assert_eq!([0, 1].map(|row| test.passes(row)), expected, "{filter:?}");
            assert!(!test.passes(2));
        }
    }
}
