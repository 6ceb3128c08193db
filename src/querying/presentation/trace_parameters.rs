//! The parameters of questions about traces and services.

use std::time::Duration;

use crate::platform::http::Problem;
use crate::querying::domain::{
    RatesOf, RatesQuery, ServiceMapQuery, SpanFilter, SpanStatus, TraceCursor, TraceQuery,
};
use crate::shared::{TenantId, Timestamp, TraceId, duration_text};

use super::parameters::{ATTRIBUTES, CURSOR, END, LIMIT, Names, Parameters, START, TEXT_BYTES_MAX, wrong};
use super::search_parameters::{SERVICE, not_a_cursor};

pub(super) const OPERATION: Names = &["operation"];
pub(super) const DURATION_MIN: Names = &["minDuration"];
pub(super) const DURATION_MAX: Names = &["maxDuration"];
pub(super) const STATUS: Names = &["status"];
pub(super) const FORMAT: Names = &["format"];

pub(super) const OF_TRACES: &[Names] =
    &[START, END, SERVICE, OPERATION, DURATION_MIN, DURATION_MAX, STATUS, LIMIT, CURSOR];
pub(super) const OF_ONE_TRACE: &[Names] = &[FORMAT];
pub(super) const OF_SERVICES: &[Names] = &[START, END, SERVICE, LIMIT];
pub(super) const OF_OPERATIONS: &[Names] = &[START, END, LIMIT];

/// How one trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceFormat {
    Json,
    Otlp,
}

impl Parameters {
    pub(super) fn traces(&self, tenant: TenantId, now: Timestamp) -> Result<TraceQuery, Problem> {
        self.only_or(OF_TRACES, &[ATTRIBUTES])?;
        Ok(TraceQuery {
            tenant,
            range: self.exact_range(now)?,
            filter: self.span_filter()?,
            limit: self.rows()?,
            after: self.one(CURSOR)?.map(|text| trace_cursor(text).ok_or_else(not_a_cursor)).transpose()?,
        })
    }

    fn span_filter(&self) -> Result<SpanFilter, Problem> {
        let (duration_min, duration_max) = (self.duration(DURATION_MIN)?, self.duration(DURATION_MAX)?);
        if duration_min.zip(duration_max).is_some_and(|(min, max)| max < min) {
            return Err(wrong(DURATION_MAX, "must not be less than minDuration"));
        }
        let status = self.one(STATUS)?.map(|text| {
            SpanStatus::parse(text)
                .ok_or_else(|| wrong(STATUS, "unknown value").with_allowed(SpanStatus::NAMES))
        });
        let operation = self.one(OPERATION)?.map(|_| self.text(OPERATION)).transpose()?;
        Ok(SpanFilter {
            services: self.services()?,
            operation,
            duration_min,
            duration_max,
            status: status.transpose()?,
            attributes: self.tests(ATTRIBUTES)?,
        })
    }

    fn duration(&self, names: Names) -> Result<Option<Duration>, Problem> {
        let parsed = self.one(names)?.map(duration_text::parse);
        parsed.transpose().map_err(|error| wrong(names, error.to_string()))
    }

    pub(super) fn trace_format(&self) -> Result<TraceFormat, Problem> {
        self.only_or(OF_ONE_TRACE, &[])?;
        match self.one(FORMAT)? {
            None | Some("json") => Ok(TraceFormat::Json),
            Some("otlp") => Ok(TraceFormat::Otlp),
            Some(_) => Err(wrong(FORMAT, "unknown value").with_allowed(["json", "otlp"])),
        }
    }

    pub(super) fn services_rates(&self, tenant: TenantId, now: Timestamp) -> Result<RatesQuery, Problem> {
        self.only_or(OF_SERVICES, &[])?;
        let (range, of) = (self.exact_range(now)?, RatesOf::Services(self.services()?));
        Ok(RatesQuery { tenant, range, of, limit: self.rows()? })
    }

    pub(super) fn service_map(&self, tenant: TenantId, now: Timestamp) -> Result<ServiceMapQuery, Problem> {
        self.only_or(OF_OPERATIONS, &[])?;
        Ok(ServiceMapQuery { tenant, range: self.exact_range(now)?, limit: self.rows()? })
    }

    pub(super) fn operations_rates(
        &self,
        tenant: TenantId,
        service: &str,
        now: Timestamp,
    ) -> Result<RatesQuery, Problem> {
        self.only_or(OF_OPERATIONS, &[])?;
        if service.len() > TEXT_BYTES_MAX {
            return Err(wrong(SERVICE, format!("longer than {TEXT_BYTES_MAX} bytes")));
        }
        let (range, of) = (self.exact_range(now)?, RatesOf::Operations(service.into()));
        Ok(RatesQuery { tenant, range, of, limit: self.rows()? })
    }
}

/// A cursor as clients carry it: time and id in hexadecimal.
pub(super) fn trace_cursor_text(cursor: &TraceCursor) -> String {
    format!("{:x}-{}", cursor.time.nanos(), cursor.id)
}

fn trace_cursor(text: &str) -> Option<TraceCursor> {
    let (time, id) = text.split_once('-')?;
    let time = Timestamp::from_unix_nanos(u64::from_str_radix(time, 16).ok()?)?;
    Some(TraceCursor { time, id: TraceId::from_hexadecimal(id)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_795_000_000_000_000_000);

    #[test]
    fn cursors_come_back_as_they_went() {
        let cursor = TraceCursor { time: NOW, id: TraceId::parse(&[0xa7; 16]).unwrap() };
        assert_eq!(trace_cursor(&trace_cursor_text(&cursor)), Some(cursor));
        for wrong in
            ["", "1", "1-2", "x-a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7", "1-00000000000000000000000000000000"]
        {
            assert_eq!(trace_cursor(wrong), None, "{wrong}");
        }
    }
}
