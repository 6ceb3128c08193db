//! `Span`: a span that was found acceptable, and the rules by which it is.

use crate::shared::{SpanId, Timestamp, TraceId};

use super::log::valid_id;
use super::{AcceptanceWindow, Findings, Rejection, Warning};

/// What a sender said of one span: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpanDraft<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    /// Empty means absent.
    pub parent: &'a [u8],
    /// Nanoseconds since the epoch; zero means absent.
    pub start: u64,
    /// Nanoseconds since the epoch.
    pub end: u64,
    /// OTLP's `SpanKind`: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer, or anything else.
    pub kind: i32,
    /// OTLP's `StatusCode`: 0 unset, 1 ok, 2 error, or anything else.
    pub status: i32,
}

/// A span that was admitted.
///
/// Invariants: its ids are valid, its start is within the window, its end is not before its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// Absent for the root of a trace.
    pub parent: Option<SpanId>,
    pub start: Timestamp,
    /// In nanoseconds.
    pub duration: u64,
    /// As sent: unknown kinds are kept.
    pub kind: i32,
    /// As sent: unknown numbers are kept.
    pub status: i32,
}

impl Span {
    /// Applies the rules for spans (otlp.md, "Traces").
    pub fn admit(
        draft: &SpanDraft<'_>,
        window: AcceptanceWindow,
        findings: &mut Findings,
    ) -> Result<Self, Rejection> {
        let trace_id = TraceId::parse(draft.trace_id).ok_or(Rejection::TraceIdInvalid)?;
        let span_id = SpanId::parse(draft.span_id).ok_or(Rejection::SpanIdInvalid)?;
        if draft.start == 0 {
            return Err(Rejection::StartMissing);
        }
        let start = Timestamp::from_unix_nanos(draft.start).ok_or(Rejection::TimeInFuture)?;
        window.check(start)?;
        let end = Timestamp::from_unix_nanos(draft.end).filter(|end| *end >= start);
        let end = end.unwrap_or_else(|| {
            findings.warn(Warning::EndBeforeStart);
            start
        });
        Ok(Self {
            trace_id,
            span_id,
            parent: valid_id(draft.parent, SpanId::parse, Warning::ParentIdInvalid, findings),
            start,
            duration: start.nanos().abs_diff(end.nanos()),
            kind: draft.kind,
            status: draft.status,
        })
    }
}

/// The time of a span's event. One after the end of time counts as unknown, which is the epoch.
pub fn event_time(nanos: u64, findings: &mut Findings) -> Timestamp {
    Timestamp::from_unix_nanos(nanos).unwrap_or_else(|| {
        findings.warn(Warning::EventTimeInvalid);
        Timestamp::EPOCH
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::shared::Signal;

    const NOW: u64 = 1_800_000_000_000_000_000;

    fn draft() -> SpanDraft<'static> {
        SpanDraft { trace_id: &[1; 16], span_id: &[2; 8], start: NOW, end: NOW + 5, ..SpanDraft::default() }
    }

    fn admit(draft: SpanDraft<'_>) -> (Result<Span, Rejection>, Vec<(Warning, u64)>) {
        let now = Timestamp::from_unix_nanos(NOW).unwrap();
        let minute = Some(Duration::from_secs(60));
        let mut findings = Findings::new(Signal::Traces);
        let span = Span::admit(&draft, AcceptanceWindow::around(now, minute, minute), &mut findings);
        (span, findings.warnings().collect())
    }

    #[test]
    fn a_span_needs_valid_ids_and_a_start_within_the_window() {
        for (bad, reason) in [
            (SpanDraft { trace_id: &[], ..draft() }, Rejection::TraceIdInvalid),
            (SpanDraft { trace_id: &[0; 16], ..draft() }, Rejection::TraceIdInvalid),
            (SpanDraft { trace_id: &[1; 32], ..draft() }, Rejection::TraceIdInvalid),
            (SpanDraft { span_id: &[], ..draft() }, Rejection::SpanIdInvalid),
            (SpanDraft { span_id: &[0; 8], ..draft() }, Rejection::SpanIdInvalid),
            (SpanDraft { span_id: &[1; 7], ..draft() }, Rejection::SpanIdInvalid),
            (SpanDraft { start: 0, ..draft() }, Rejection::StartMissing),
            (SpanDraft { start: 1, ..draft() }, Rejection::TimeTooOld),
            (SpanDraft { start: NOW + 61_000_000_000, ..draft() }, Rejection::TimeInFuture),
            (SpanDraft { start: u64::MAX, ..draft() }, Rejection::TimeInFuture),
        ] {
            assert_eq!(admit(bad), (Err(reason), vec![]));
        }
    }

    #[test]
    fn an_end_that_cannot_be_is_the_start_and_is_remarked() {
        for end in [0, NOW - 1, u64::MAX] {
            let (span, warnings) = admit(SpanDraft { end, ..draft() });
            assert_eq!((span.unwrap().duration, warnings), (0, vec![(Warning::EndBeforeStart, 1)]));
        }
        assert_eq!(admit(draft()).0.unwrap().duration, 5);
        assert_eq!(admit(SpanDraft { end: NOW, ..draft() }).1, []);
    }

    #[test]
    fn a_bad_parent_is_none_and_unknown_numbers_are_kept() {
        let (span, warnings) = admit(SpanDraft { parent: &[3; 5], kind: 77, status: -3, ..draft() });
        let span = span.unwrap();
        assert_eq!((span.parent, span.kind, span.status), (None, 77, -3));
        assert_eq!(warnings, [(Warning::ParentIdInvalid, 1)]);
        assert_eq!(admit(SpanDraft { parent: &[3; 8], ..draft() }).0.unwrap().parent, SpanId::parse(&[3; 8]));
    }
}
