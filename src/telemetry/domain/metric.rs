//! `Metric`: the aggregate that holds a metric's identity and decides which points belong to it.

use crate::shared::{MetricKind, Temporality, ValueAtQuantile};

use super::{
    AcceptanceWindow, AdmittedFrame, AdmittedPoint, ExponentialHistogramDraft, Findings, HistogramDraft,
    MetricName, PointDraft, Rejection, SummaryDraft, Unit,
};

/// The kind of a metric as its sender declared it: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeclaredKind {
    Gauge,
    Sum { temporality: DeclaredTemporality, monotonic: bool },
    Histogram { temporality: DeclaredTemporality },
    ExponentialHistogram { temporality: DeclaredTemporality },
    Summary,
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
/// Invariants: what adds up over time has a temporality; a point that was admitted has a time within the window, and a value unless it ends
/// its series; the values of a monotonic sum are never negative; the buckets of a histogram hold what its count says. That a cumulative sum decreases is legal: it is a reset.
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
            DeclaredKind::Histogram { temporality } => {
                MetricKind::Histogram { temporality: known(temporality)? }
            }
            DeclaredKind::ExponentialHistogram { temporality } => {
                MetricKind::ExponentialHistogram { temporality: known(temporality)? }
            }
            DeclaredKind::Summary => MetricKind::Summary,
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
        let time = draft.frame.check_time(window)?;
        let value = self.value_of(draft)?;
        Ok(AdmittedPoint { frame: draft.frame.admitted(time, findings), value })
    }

    fn value_of(&self, draft: &PointDraft) -> Result<Option<super::NumberValue>, Rejection> {
        if draft.frame.ends_series() {
            return Ok(None);
        }
        let value = draft.value.ok_or(Rejection::ValueMissing)?;
        if self.kind.is_monotonic() && value.is_negative() {
            return Err(Rejection::CounterNegative);
        }
        Ok(Some(value))
    }

    /// A point that ends its series may say of itself what it likes.
    pub fn admit_histogram<C, B>(
        &self,
        draft: &HistogramDraft<C, B>,
        window: AcceptanceWindow,
        findings: &mut Findings,
    ) -> Result<AdmittedFrame, Rejection>
    where
        C: Iterator<Item = u64> + Clone,
        B: Iterator<Item = f64> + Clone,
    {
        let time = draft.frame.check_time(window)?;
        if !draft.frame.ends_series() {
            draft.check_buckets()?;
        }
        Ok(draft.frame.admitted(time, findings))
    }

    pub fn admit_exponential_histogram(
        &self,
        draft: &ExponentialHistogramDraft<impl Iterator<Item = u64> + Clone>,
        window: AcceptanceWindow,
        findings: &mut Findings,
    ) -> Result<AdmittedFrame, Rejection> {
        let time = draft.frame.check_time(window)?;
        if !draft.frame.ends_series() {
            draft.check_buckets()?;
        }
        Ok(draft.frame.admitted(time, findings))
    }

    pub fn admit_summary(
        &self,
        draft: &SummaryDraft<impl Iterator<Item = ValueAtQuantile> + Clone>,
        window: AcceptanceWindow,
        findings: &mut Findings,
    ) -> Result<AdmittedFrame, Rejection> {
        let time = draft.frame.check_time(window)?;
        if !draft.frame.ends_series() {
            draft.check_quantiles()?;
        }
        Ok(draft.frame.admitted(time, findings))
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
    use super::super::{PointFrame, Warning};
    use super::*;
    use crate::shared::{Signal, Timestamp};

    const NOW: u64 = 1_800_000_000_000_000_000;
    const FRAME: PointFrame = PointFrame { time: NOW, start: NOW - 5, flags: 0 };
    const COUNTER: DeclaredKind =
        DeclaredKind::Sum { temporality: DeclaredTemporality::Cumulative, monotonic: true };

    fn draft(value: impl Into<Option<super::super::NumberValue>>) -> PointDraft {
        PointDraft { frame: FRAME, value: value.into() }
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
    fn what_adds_up_needs_a_temporality() {
        let temporality = DeclaredTemporality::Other;
        for kind in [
            DeclaredKind::Sum { temporality, monotonic: false },
            DeclaredKind::Histogram { temporality },
            DeclaredKind::ExponentialHistogram { temporality },
        ] {
            assert_eq!(Metric::declare(b"m", b"", kind), Err(Rejection::TemporalityUnknown));
        }
        assert!(Metric::declare(b"m", b"", DeclaredKind::Summary).is_ok());
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
                admit(
                    DeclaredKind::Gauge,
                    PointDraft { frame: PointFrame { time, ..FRAME }, ..draft(Double(1.0)) }
                )
                .0,
                Err(reason),
                "{time}"
            );
        }
    }

    #[test]
    fn a_point_without_a_value_is_refused_unless_it_ends_the_series() {
        assert_eq!(admit(DeclaredKind::Gauge, draft(None)).0, Err(Rejection::ValueMissing));
        let ended = admit(
            DeclaredKind::Gauge,
            PointDraft { frame: PointFrame { flags: 1, ..FRAME }, ..draft(Double(3.0)) },
        )
        .0
        .unwrap();
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
        let (point, findings) =
            admit(COUNTER, PointDraft { frame: PointFrame { start: NOW + 1, ..FRAME }, ..draft(Integer(1)) });
        assert_eq!(point.unwrap().frame.start, Timestamp::EPOCH);
        assert_eq!(findings.warnings().collect::<Vec<_>>(), vec![(Warning::StartAfterTime, 1)]);
        let (point, findings) =
            admit(COUNTER, PointDraft { frame: PointFrame { start: NOW, ..FRAME }, ..draft(Integer(1)) });
        assert_eq!(
            (point.unwrap().frame.start.nanos().unsigned_abs(), findings),
            (NOW, Findings::new(Signal::Metrics))
        );
    }
}
