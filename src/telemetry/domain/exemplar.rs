//! Exemplars: which measurements beside a point are kept, and what of them
//! (opentelemetry-proto, `Exemplar`).

use crate::shared::{SpanId, Timestamp, TraceId};

use super::{Findings, NumberValue, Warning};

/// What a sender said of one measurement: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ExemplarDraft<'a> {
    /// Nanoseconds since the epoch; zero means unknown.
    pub time: u64,
    pub value: Option<NumberValue>,
    pub trace: &'a [u8],
    pub span: &'a [u8],
}

/// A measurement that has a value, and a time that can be stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdmittedExemplar {
    /// The epoch if unknown.
    pub time: Timestamp,
    pub value: NumberValue,
    pub trace: Option<TraceId>,
    pub span: Option<SpanId>,
}

impl ExemplarDraft<'_> {
    /// An exemplar is an extra: one that is invalid is left out with a warning and costs its point nothing. One with a bad
    /// id is kept, but tied to no trace.
    pub fn admit(&self, findings: &mut Findings) -> Option<AdmittedExemplar> {
        let (trace, span) = (TraceId::parse(self.trace), SpanId::parse(self.span));
        let Some((value, time)) = self.value.zip(Timestamp::from_unix_nanos(self.time)) else {
            findings.warn(Warning::ExemplarInvalid);
            return None;
        };
        let is_bad = |sent: &[u8], known: bool| !known && sent.iter().any(|byte| *byte != 0);
        if is_bad(self.trace, trace.is_some()) || is_bad(self.span, span.is_some()) {
            findings.warn(Warning::ExemplarUntied);
        }
        Some(AdmittedExemplar { time, value, trace, span })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Signal;

    fn admit(draft: &ExemplarDraft<'_>) -> (Option<AdmittedExemplar>, Vec<(Warning, u64)>) {
        let mut findings = Findings::new(Signal::Metrics);
        let admitted = draft.admit(&mut findings);
        (admitted, findings.warnings().collect())
    }

    #[test]
    fn an_exemplar_needs_a_value_and_a_time_that_can_be_stored() {
        let value = Some(NumberValue::Integer(1));
        assert!(admit(&ExemplarDraft { value, ..ExemplarDraft::default() }).0.is_some());
        for draft in [
            ExemplarDraft { time: 5, ..ExemplarDraft::default() },
            ExemplarDraft { time: u64::MAX, value, ..ExemplarDraft::default() },
        ] {
            assert_eq!(admit(&draft), (None, vec![(Warning::ExemplarInvalid, 1)]));
        }
    }

    #[test]
    fn an_exemplar_with_a_bad_id_is_kept_without_it_and_absent_ids_are_no_fault() {
        let value = Some(NumberValue::Double(0.5));
        let (kept, warnings) = admit(&ExemplarDraft { value, trace: &[1; 15], span: &[2; 8], time: 0 });
        let kept = kept.unwrap();
        assert_eq!((kept.trace, kept.span), (None, SpanId::parse(&[2; 8])));
        assert_eq!(warnings, [(Warning::ExemplarUntied, 1)]);
        for absent in [&[][..], &[0; 16]] {
            let (kept, warnings) = admit(&ExemplarDraft { value, trace: absent, span: &[], time: 0 });
            assert_eq!((kept.unwrap().trace, warnings), (None, Vec::new()));
        }
    }
}
