//! What the questions about log records and spans have in common, and those about log records.

use crate::platform::http::Problem;
use crate::querying::domain::{
    AttributeTest, LogContextQuery, LogCursor, LogFilter, LogHistogramQuery, LogQuery, Severity, TimeOrder,
};
use crate::shared::{SpanId, TenantId, Timestamp, TraceId};

use super::parameters::{
    ATTRIBUTES, CURSOR, END, INTERVAL, LIMIT, Names, Parameters, START, TEXT_BYTES_MAX, shortened, wrong,
};

pub(super) const SERVICE: Names = &["service", "serviceName"];
pub(super) const SEVERITY: Names = &["severity"];
pub(super) const TEXT: Names = &["text"];
pub(super) const TRACE_ID: Names = &["traceId"];
pub(super) const SPAN_ID: Names = &["spanId"];
pub(super) const ORDER: Names = &["order"];
/// `resource[key]=value`.
pub(super) const RESOURCE: &str = "resource";

pub(super) const OF_LOGS: &[Names] =
    &[START, END, SERVICE, SEVERITY, TEXT, TRACE_ID, SPAN_ID, LIMIT, ORDER, CURSOR];

/// What tells log records apart, whenever they were made.
pub(super) const OF_LOG_FILTER: &[Names] = &[SERVICE, SEVERITY, TEXT, TRACE_ID, SPAN_ID];

pub(super) const OF_HISTOGRAM: &[Names] = &[START, END, INTERVAL, SERVICE, SEVERITY, TEXT, TRACE_ID, SPAN_ID];

pub(super) const TIME: Names = &["time"];
pub(super) const BEFORE: Names = &["before"];
pub(super) const AFTER: Names = &["after"];
pub(super) const OF_CONTEXT: &[Names] = &[TIME, BEFORE, AFTER, SERVICE];
pub(super) const CONTEXT_DEFAULT: usize = 10;
pub(super) const CONTEXT_MAX: usize = 500;

pub(super) const ROWS_DEFAULT: usize = 100;
pub(super) const ROWS_MAX: usize = 1_000;
/// Most services, and most attributes, that one question names.
pub(super) const TERMS_MAX: usize = 32;

impl Parameters {
    pub(super) fn logs(&self, tenant: TenantId, now: Timestamp) -> Result<LogQuery, Problem> {
        self.only_or(OF_LOGS, &[ATTRIBUTES, RESOURCE])?;
        Ok(LogQuery {
            tenant,
            range: self.exact_range(now)?,
            filter: self.log_filter()?,
            order: self.order()?,
            limit: self.rows()?,
            after: self.one(CURSOR)?.map(|text| log_cursor(text).ok_or_else(not_a_cursor)).transpose()?,
        })
    }

    pub(super) fn log_histogram(
        &self,
        tenant: TenantId,
        points_max: u64,
        now: Timestamp,
    ) -> Result<LogHistogramQuery, Problem> {
        self.only_or(OF_HISTOGRAM, &[ATTRIBUTES, RESOURCE])?;
        let (range, interval) = (self.exact_range(now)?, self.interval()?);
        self.bounded(range, interval, points_max)?;
        Ok(LogHistogramQuery { tenant, range, interval, filter: self.log_filter()? })
    }

    pub(super) fn log_context(&self, tenant: TenantId, now: Timestamp) -> Result<LogContextQuery, Problem> {
        self.only_or(OF_CONTEXT, &[RESOURCE])?;
        let time = self.moment(TIME, now)?.ok_or_else(|| wrong(TIME, "missing"))?.exact();
        Ok(LogContextQuery {
            tenant,
            time,
            filter: self.log_filter()?,
            before: self.count(BEFORE, CONTEXT_DEFAULT, CONTEXT_MAX)?,
            after: self.count(AFTER, CONTEXT_DEFAULT, CONTEXT_MAX)?,
        })
    }

    pub(super) fn log_filter(&self) -> Result<LogFilter, Problem> {
        let severity = self.one(SEVERITY)?.map(|text| {
            let names = || Severity::CLASSES.into_iter().chain(["0 to 24"]);
            Severity::parse(text).ok_or_else(|| wrong(SEVERITY, "no severity").with_allowed(names()))
        });
        Ok(LogFilter {
            services: self.services()?,
            severity_min: severity.transpose()?,
            text: self.text(TEXT)?,
            trace_id: self.one(TRACE_ID)?.map(trace_id).transpose()?,
            span_id: self.one(SPAN_ID)?.map(span_id).transpose()?,
            attributes: self.tests(ATTRIBUTES)?,
            resource: self.tests(RESOURCE)?,
        })
    }

    fn order(&self) -> Result<TimeOrder, Problem> {
        match self.one(ORDER)? {
            None | Some("desc") => Ok(TimeOrder::NewestFirst),
            Some("asc") => Ok(TimeOrder::OldestFirst),
            Some(_) => Err(wrong(ORDER, "unknown value").with_allowed(["desc", "asc"])),
        }
    }

    pub(super) fn rows(&self) -> Result<usize, Problem> {
        self.count(LIMIT, ROWS_DEFAULT, ROWS_MAX)
    }

    pub(super) fn services(&self) -> Result<Vec<Box<str>>, Problem> {
        let services: Vec<Box<str>> = self.all(SERVICE).map(Box::from).collect();
        if services.len() > TERMS_MAX {
            return Err(wrong(SERVICE, format!("more than {TERMS_MAX} of them")));
        }
        if services.iter().any(|service| service.len() > TEXT_BYTES_MAX) {
            return Err(wrong(SERVICE, format!("longer than {TEXT_BYTES_MAX} bytes")));
        }
        Ok(services)
    }

    /// The conditions `map[key]=value`.
    pub(super) fn tests(&self, map: &str) -> Result<Vec<AttributeTest>, Problem> {
        let mut tests = Vec::new();
        for (name, key, value) in self.in_map(map) {
            if tests.len() == TERMS_MAX {
                return Err(Problem::invalid(format!("more than {TERMS_MAX} of them")).with_field(map));
            }
            if key.len() > TEXT_BYTES_MAX || value.len() > TEXT_BYTES_MAX {
                let reason = format!("longer than {TEXT_BYTES_MAX} bytes");
                return Err(Problem::invalid(reason).with_field(shortened(name)));
            }
            tests.push(AttributeTest { key: key.into(), value: value.into() });
        }
        Ok(tests)
    }
}

pub(super) fn trace_id(text: &str) -> Result<TraceId, Problem> {
    TraceId::from_hexadecimal(text)
        .ok_or_else(|| wrong(TRACE_ID, "expected 32 hexadecimal digits, not all zero"))
}

fn span_id(text: &str) -> Result<SpanId, Problem> {
    SpanId::from_hexadecimal(text)
        .ok_or_else(|| wrong(SPAN_ID, "expected 16 hexadecimal digits, not all zero"))
}

pub(super) fn not_a_cursor() -> Problem {
    wrong(CURSOR, "not the `next` of an answer")
}

/// A cursor as clients carry it: time, hash and count in hexadecimal.
pub(super) fn log_cursor_text(cursor: &LogCursor) -> String {
    format!("{:x}-{:x}-{:x}", cursor.time.nanos(), cursor.tie, cursor.shown)
}

fn log_cursor(text: &str) -> Option<LogCursor> {
    let mut parts = text.split('-').map(|part| u64::from_str_radix(part, 16).ok());
    let (time, tie, shown) = (parts.next()??, parts.next()??, parts.next()??);
    let time = Timestamp::from_unix_nanos(time)?;
    // What the store can skip at once is far less.
    (parts.next().is_none() && shown <= u64::from(u32::MAX)).then_some(LogCursor { time, tie, shown })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_nanos(1_795_000_000_000_000_000);

    fn parse(pairs: &[(&str, &str)]) -> Result<LogQuery, Problem> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Parameters::new(pairs).logs(TenantId::unnamed(), NOW)
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        let cursor = LogCursor { time: NOW, tie: u64::MAX, shown: 3 };
        assert_eq!(log_cursor(&log_cursor_text(&cursor)), Some(cursor));
        for wrong in ["", "1-2", "1-2-3-4", "x-1-1", "1-1-ffffffffff", "ffffffffffffffff-1-1", "+-1-1"] {
            assert_eq!(log_cursor(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_last_hour_newest_first_is_asked_for_unless_said_otherwise() {
        let query = parse(&[]).unwrap();
        assert_eq!((query.range.end(), query.limit), (NOW, 100));
        assert_eq!(query.range.end().since(query.range.start()).as_secs(), 3_600);
        assert_eq!((query.order, query.filter), (TimeOrder::NewestFirst, LogFilter::default()));
    }

    #[test]
    fn ids_are_hexadecimal_in_any_case() {
        let id = "00112233445566778899aAbBcCdDeEfF";
        let query = parse(&[("traceId", id), ("spanId", "0000000000000001")]).unwrap();
        assert_eq!(query.filter.trace_id.unwrap().to_string(), id.to_lowercase());
        for wrong in
            ["", "0", "00", "zz112233445566778899aabbccddeeff", "+0", "00000000000000000000000000000000"]
        {
            assert!(parse(&[("traceId", wrong)]).is_err(), "{wrong}");
        }
    }
}
