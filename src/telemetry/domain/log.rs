//! `Log`: a log record that was found acceptable, and the rules by which it is.

use crate::shared::{SpanId, Timestamp, TraceId};

use super::{AcceptanceWindow, Findings, Rejection, Warning};

/// How grave a log record is: OTLP's `SeverityNumber`, 1 to 24, or 0 if its sender did not say. Other numbers mean nothing, but
/// are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Severity(i32);

impl Severity {
    pub const UNSPECIFIED: Self = Self(0);

    pub const fn from_number(number: i32) -> Self {
        Self(number)
    }

    pub const fn number(self) -> i32 {
        self.0
    }

    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`; absent for 0 and for numbers beyond OTLP's (data model, "Severity
    /// Fields").
    pub const fn range_name(self) -> Option<&'static str> {
        match self.0 {
            1..=4 => Some("TRACE"),
            5..=8 => Some("DEBUG"),
            9..=12 => Some("INFO"),
            13..=16 => Some("WARN"),
            17..=20 => Some("ERROR"),
            21..=24 => Some("FATAL"),
            _ => None,
        }
    }
}

/// What a sender said of one log record: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogDraft<'a> {
    /// Nanoseconds since the epoch; zero means absent.
    pub time: u64,
    /// Nanoseconds since the epoch; zero means absent.
    pub observed: u64,
    pub severity: i32,
    /// Empty means absent.
    pub trace_id: &'a [u8],
    /// Empty means absent.
    pub span_id: &'a [u8],
}

/// A log record that was admitted.
///
/// Invariants: its time is within the window; ids are valid where they are present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Log {
    pub time: Timestamp,
    /// The epoch if unknown.
    pub observed: Timestamp,
    pub severity: Severity,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
}

impl Log {
    /// Applies the rules for log records (otlp.md, "Logs"). Without a time of its own a record bears the time at which it was
    /// observed, else the time of receipt.
    pub fn admit(
        draft: &LogDraft<'_>,
        received_at: Timestamp,
        window: AcceptanceWindow,
        findings: &mut Findings,
    ) -> Result<Self, Rejection> {
        let time = match (draft.time, draft.observed) {
            (0, 0) => received_at,
            (0, observed) => Timestamp::from_unix_nanos(observed).ok_or(Rejection::TimeInFuture)?,
            (time, _) => Timestamp::from_unix_nanos(time).ok_or(Rejection::TimeInFuture)?,
        };
        window.check(time)?;
        let observed = Timestamp::from_unix_nanos(draft.observed).unwrap_or_else(|| {
            findings.warn(Warning::ObservedTimeInvalid);
            Timestamp::EPOCH
        });
        Ok(Self {
            time,
            observed,
            severity: Severity::from_number(draft.severity),
            trace_id: valid_id(draft.trace_id, TraceId::parse, Warning::TraceIdInvalid, findings),
            span_id: valid_id(draft.span_id, SpanId::parse, Warning::SpanIdInvalid, findings),
        })
    }
}

/// An id that may be absent. One that is invalid counts as absent, and is remarked.
pub(super) fn valid_id<T>(
    bytes: &[u8],
    parse: fn(&[u8]) -> Option<T>,
    warning: Warning,
    findings: &mut Findings,
) -> Option<T> {
    let id = parse(bytes);
    if id.is_none() && !bytes.is_empty() {
        findings.warn(warning);
    }
    id
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::shared::Signal;

    const NOW: u64 = 1_800_000_000_000_000_000;

    fn admit(draft: LogDraft<'_>) -> (Result<Log, Rejection>, Vec<(Warning, u64)>) {
        let now = Timestamp::from_unix_nanos(NOW).unwrap();
        let minute = Some(Duration::from_secs(60));
        let mut findings = Findings::new(Signal::Logs);
        let log = Log::admit(&draft, now, AcceptanceWindow::around(now, minute, minute), &mut findings);
        (log, findings.warnings().collect())
    }

    #[test]
    fn the_time_is_the_records_else_the_observers_else_ours() {
        for (time, observed, expected) in
            [(NOW - 7, NOW - 5, NOW - 7), (0, NOW - 5, NOW - 5), (NOW - 7, 0, NOW - 7), (0, 0, NOW)]
        {
            let (log, warnings) = admit(LogDraft { time, observed, ..LogDraft::default() });
            let log = log.unwrap();
            let nanos = |at: Timestamp| at.nanos().unsigned_abs();
            assert_eq!((nanos(log.time), nanos(log.observed), warnings), (expected, observed, vec![]));
        }
    }

    #[test]
    fn the_resulting_time_has_to_lie_within_the_window() {
        let late = NOW + 61_000_000_000;
        for (time, observed, reason) in [
            (1, NOW, Rejection::TimeTooOld),
            (0, 1, Rejection::TimeTooOld),
            (late, NOW, Rejection::TimeInFuture),
            (0, late, Rejection::TimeInFuture),
            (u64::MAX, NOW, Rejection::TimeInFuture),
            (0, u64::MAX, Rejection::TimeInFuture),
        ] {
            assert_eq!(admit(LogDraft { time, observed, ..LogDraft::default() }).0, Err(reason));
        }
        let (log, warnings) = admit(LogDraft { time: NOW, observed: u64::MAX, ..LogDraft::default() });
        assert_eq!(log.unwrap().observed, Timestamp::EPOCH);
        assert_eq!(warnings, [(Warning::ObservedTimeInvalid, 1)]);
    }

    #[test]
    fn bad_ids_cost_the_tie_to_the_trace_and_not_the_record() {
        let (log, warnings) = admit(LogDraft { trace_id: &[1; 15], span_id: &[0; 8], ..LogDraft::default() });
        let log = log.unwrap();
        assert_eq!((log.trace_id, log.span_id), (None, None));
        assert_eq!(warnings, [(Warning::TraceIdInvalid, 1), (Warning::SpanIdInvalid, 1)]);
        let (log, warnings) = admit(LogDraft { trace_id: &[1; 16], span_id: &[2; 8], ..LogDraft::default() });
        let log = log.unwrap();
        assert_eq!((log.trace_id, log.span_id), (TraceId::parse(&[1; 16]), SpanId::parse(&[2; 8])));
        assert_eq!(warnings, []);
    }

    #[test]
    fn severities_have_the_names_of_their_ranges_and_others_are_kept_as_numbers() {
        let name = |number| Severity::from_number(number).range_name();
        assert_eq!((name(1), name(9), name(24)), (Some("TRACE"), Some("INFO"), Some("FATAL")));
        assert_eq!((name(0), name(25), name(-1)), (None, None, None));
        let (log, _) = admit(LogDraft { severity: -7, ..LogDraft::default() });
        assert_eq!(log.unwrap().severity.number(), -7);
    }
}
