//! Which log records are asked for, and where a page of them ended.

use std::time::Duration;

use crate::shared::{SpanId, TenantId, TimeRange, Timestamp, TraceId};

use super::stretches::TimeOrder;

/// An attribute that has to have this value. One that is missing counts as the empty text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeTest {
    pub key: Box<str>,
    pub value: Box<str>,
}

/// What a log record has to be like. Empty: all pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// One of these services; empty for all.
    pub services: Vec<Box<str>>,
    /// At least as severe.
    pub severity_min: Option<Severity>,
    /// Part of the body.
    pub text: Box<str>,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    pub attributes: Vec<AttributeTest>,
    pub resource: Vec<AttributeTest>,
}

/// A page of log records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    pub tenant: TenantId,
    pub range: TimeRange,
    pub filter: LogFilter,
    pub order: TimeOrder,
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<LogCursor>,
}

/// How far around a record its context reaches.
const CONTEXT_WITHIN: Duration = Duration::from_secs(3_600);

/// What was recorded around a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogContextQuery {
    pub tenant: TenantId,
    pub time: Timestamp,
    pub filter: LogFilter,
    /// Most records before the moment.
    pub before: usize,
    /// Most records at the moment and after it.
    pub after: usize,
}

impl LogContextQuery {
    /// The searches for what was before, newest first, and for what was then and after. Absent if there is no time around.
    pub fn sides(&self) -> Option<(LogQuery, LogQuery)> {
        let side = |start, end, order, limit| {
            let (tenant, filter) = (self.tenant.clone(), self.filter.clone());
            TimeRange::new(start, end).map(|range| LogQuery {
                tenant,
                range,
                filter,
                order,
                limit,
                after: None,
            })
        };
        let (first, last) = (self.time.minus(CONTEXT_WITHIN), self.time.plus(CONTEXT_WITHIN));
        let before = side(first, self.time, TimeOrder::NewestFirst, self.before)?;
        Some((before, side(self.time, last, TimeOrder::OldestFirst, self.after)?))
    }
}

/// A severity number of OTLP, 0 to 24.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Severity(u8);

impl Severity {
    pub const CLASSES: [&'static str; 6] = ["trace", "debug", "info", "warn", "error", "fatal"];

    /// `0` to `24`, or a name in any case: `warn`, `WARN2`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<u8>() {
            return (number <= 24).then_some(Self(number));
        }
        let (name, step) = match text.split_at_checked(text.len().saturating_sub(1)) {
            Some((name, "2")) => (name, 1),
            Some((name, "3")) => (name, 2),
            Some((name, "4")) => (name, 3),
            _ => (text, 0),
        };
        let class = Self::CLASSES.iter().position(|class| class.eq_ignore_ascii_case(name))?;
        u8::try_from(class * 4 + 1 + step).ok().map(Self)
    }

    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The last record of a page, by its time and a hash of all that it is; and how many records that are alike in both were
/// shown. Records that come meanwhile stand before or behind it and move nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCursor {
    pub time: Timestamp,
    pub tie: u64,
    pub shown: u64,
}

impl LogCursor {
    /// After a page whose records have these places, in their order. Absent if there are none.
    pub fn after(places: &[(Timestamp, u64)], before: Option<Self>) -> Option<Self> {
        let (time, tie) = *places.last()?;
        let alike = places.iter().rev().take_while(|place| **place == (time, tie)).count();
        let earlier = before
            .filter(|before| alike == places.len() && (before.time, before.tie) == (time, tie))
            .map_or(0, |before| before.shown);
        Some(Self { time, tie, shown: earlier.saturating_add(alike as u64) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_numbers_or_names() {
        for (text, number) in
            [("0", 0), ("24", 24), ("trace", 1), ("Info", 9), ("WARN2", 14), ("error4", 20), ("FATAL", 21)]
        {
            assert_eq!(Severity::parse(text).map(Severity::number), Some(number), "{text}");
        }
        for text in ["", "25", "-1", "warn1", "warn5", "warning", "2", "ü2"] {
            assert_eq!(Severity::parse(text).is_some(), text == "2", "{text}");
        }
    }

    #[test]
    fn a_cursor_counts_what_is_alike_over_pages() {
        let place = |time, tie| (Timestamp::from_nanos(time), tie);
        let first = LogCursor::after(&[place(9, 1), place(8, 5), place(8, 5)], None).unwrap();
        assert_eq!(first, LogCursor { time: Timestamp::from_nanos(8), tie: 5, shown: 2 });
        let second = LogCursor::after(&[place(8, 5), place(8, 5)], Some(first)).unwrap();
        assert_eq!(second.shown, 4);
        let third = LogCursor::after(&[place(8, 5), place(8, 4)], Some(second)).unwrap();
        assert_eq!((third.tie, third.shown), (4, 1));
        assert_eq!(LogCursor::after(&[], Some(third)), None);
    }
}
