//! `Metric`: the aggregate that holds a metric's identity and decides which points belong to it.

use crate::shared::columns::FLAG_NO_RECORDED_VALUE;
use crate::shared::{MetricKind, Temporality, Timestamp};

use super::{AcceptanceWindow, AdmittedPoint, Findings, MetricName, PointDraft, Rejection, Unit, Warning};

/// The kind of a metric as its sender declared it: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredKind {
    Gauge,
    Sum {
        temporality: DeclaredTemporality,
        monotonic: bool,
    },
    /// A kind that this version does not store yet.
    Unsupported,
}

/// OTLP's enum, which also has an "unspecified" and may hold any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredTemporality {
    Delta,
    Cumulative,
    Other,
}

/// A metric whose name, unit and kind were found valid.
///
/// Invariants: a sum has a temporality; a point that was admitted has a time within the window, and a value unless it ends
/// its series; the values of a monotonic sum are never negative. That a cumulative sum decreases is legal: it is a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric<'a> {
    name: MetricName<'a>,
    unit: Unit<'a>,
    kind: MetricKind,
}

impl<'a> Metric<'a> {
    pub fn declare(name: &'a [u8], unit: &'a [u8], kind: DeclaredKind) -> Result<Self, Rejection> {
        let name = MetricName::parse(name)?;
        let unit = Unit::parse(unit)?;
        let kind = match kind {
            DeclaredKind::Gauge => MetricKind::Gauge,
            DeclaredKind::Sum { temporality, monotonic } => {
                MetricKind::Sum { temporality: known(temporality)?, monotonic }
            }
            DeclaredKind::Unsupported => return Err(Rejection::KindUnsupported),
        };
        Ok(Self { name, unit, kind })
    }

    pub fn name(&self) -> MetricName<'a> {
        self.name
    }

    pub fn unit(&self) -> Unit<'a> {
        self.unit
    }

    pub fn kind(&self) -> MetricKind {
        self.kind
    }

    /// Applies the rules for points (otlp.md, "Metrics").
    pub fn admit(
        &self,
        draft: &PointDraft,
        window: AcceptanceWindow,
        findings: &mut Findings,
    ) -> Result<AdmittedPoint, Rejection> {
        if draft.time == 0 {
            return Err(Rejection::TimeMissing);
        }
        let time = Timestamp::from_unix_nanos(draft.time).ok_or(Rejection::TimeInFuture)?;
        window.check(time)?;
        let value = self.value_of(draft)?;
        let start = match Timestamp::from_unix_nanos(draft.start) {
            Some(start) if start <= time => start,
            _ => {
                findings.warn(Warning::StartAfterTime);
                Timestamp::EPOCH
            }
        };
        Ok(AdmittedPoint { time, start, value, flags: draft.flags })
    }

    fn value_of(&self, draft: &PointDraft) -> Result<Option<super::NumberValue>, Rejection> {
        if draft.flags & FLAG_NO_RECORDED_VALUE != 0 {
            return Ok(None);
        }
        let value = draft.value.ok_or(Rejection::ValueMissing)?;
        if self.kind.is_monotonic() && value.is_negative() {
            return Err(Rejection::CounterNegative);
        }
        Ok(Some(value))
    }
}

fn known(declared: DeclaredTemporality) -> Result<Temporality, Rejection> {
    match declared {
        DeclaredTemporality::Delta => Ok(Temporality::Delta),
        DeclaredTemporality::Cumulative => Ok(Temporality::Cumulative),
        DeclaredTemporality::Other => Err(Rejection::TemporalityUnknown),
    }
}

#[cfg(test)]
mod tests {
    use super::super::NumberValue::{Double, Integer};
    use super::*;
    use crate::shared::Signal;

    const NOW: u64 = 1_800_000_000_000_000_000;
    const COUNTER: DeclaredKind =
        DeclaredKind::Sum { temporality: DeclaredTemporality::Cumulative, monotonic: true };

    fn draft(value: impl Into<Option<super::super::NumberValue>>) -> PointDraft {
        PointDraft { time: NOW, start: NOW - 5, value: value.into(), flags: 0 }
    }

    fn admit(kind: DeclaredKind, draft: PointDraft) -> (Result<AdmittedPoint, Rejection>, Findings) {
        let window = AcceptanceWindow::around(
            Timestamp::from_unix_nanos(NOW).unwrap(),
            Some(std::time::Duration::from_secs(60)),
            Some(std::time::Duration::from_secs(60)),
        );
        let mut findings = Findings::new(Signal::Metrics);
        let metric = Metric::declare(b"m", b"1", kind).unwrap();
        (metric.admit(&draft, window, &mut findings), findings)
    }

    #[test]
    fn a_sum_needs_a_temporality() {
        let kind = DeclaredKind::Sum { temporality: DeclaredTemporality::Other, monotonic: false };
        assert_eq!(Metric::declare(b"m", b"", kind), Err(Rejection::TemporalityUnknown));
        assert_eq!(Metric::declare(b"m", b"", DeclaredKind::Unsupported), Err(Rejection::KindUnsupported));
    }

    #[test]
    fn a_point_needs_a_time_within_the_window() {
        for (time, reason) in [
            (0, Rejection::TimeMissing),
            (1, Rejection::TimeTooOld),
            (NOW + 61_000_000_000, Rejection::TimeInFuture),
            (u64::MAX, Rejection::TimeInFuture),
        ] {
            assert_eq!(
                admit(DeclaredKind::Gauge, PointDraft { time, ..draft(Double(1.0)) }).0,
                Err(reason),
                "{time}"
            );
        }
    }

    #[test]
    fn a_point_without_a_value_is_refused_unless_it_ends_the_series() {
        assert_eq!(admit(DeclaredKind::Gauge, draft(None)).0, Err(Rejection::ValueMissing));
        let ended = admit(DeclaredKind::Gauge, PointDraft { flags: 1, ..draft(Double(3.0)) }).0.unwrap();
        assert_eq!(ended.value, None);
    }

    #[test]
    fn a_monotonic_sum_is_never_negative_but_others_may_be() {
        assert_eq!(admit(COUNTER, draft(Double(-0.5))).0, Err(Rejection::CounterNegative));
        assert_eq!(admit(COUNTER, draft(Integer(-1))).0, Err(Rejection::CounterNegative));
        assert!(admit(COUNTER, draft(Double(-0.0))).0.is_ok());
        let up_down = DeclaredKind::Sum { temporality: DeclaredTemporality::Cumulative, monotonic: false };
        assert!(admit(up_down, draft(Integer(-1))).0.is_ok());
        assert!(admit(DeclaredKind::Gauge, draft(Double(f64::NAN))).0.is_ok());
    }

    #[test]
    fn a_start_after_the_time_counts_as_unknown_and_is_remarked() {
        let (point, findings) = admit(COUNTER, PointDraft { start: NOW + 1, ..draft(Integer(1)) });
        assert_eq!(point.unwrap().start, Timestamp::EPOCH);
        assert_eq!(findings.warnings().collect::<Vec<_>>(), vec![(Warning::StartAfterTime, 1)]);
        let (point, findings) = admit(COUNTER, PointDraft { start: NOW, ..draft(Integer(1)) });
        assert_eq!(
            (point.unwrap().start.nanos().unsigned_abs(), findings),
            (NOW, Findings::new(Signal::Metrics))
        );
    }
}
