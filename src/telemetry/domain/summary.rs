//! Summary points: which of them make sense (opentelemetry-proto, `SummaryDataPoint`; otlp.md, "Metrics").

use crate::shared::ValueAtQuantile;

use super::{PointFrame, Rejection};

/// What a sender said of one point: unchecked. The quantiles are gone through, never held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SummaryDraft<Q> {
    pub frame: PointFrame,
    pub count: u64,
    pub sum: f64,
    pub quantiles: Q,
}

impl<Q: Iterator<Item = ValueAtQuantile> + Clone> SummaryDraft<Q> {
    /// Quantiles lie between 0, the minimum, and 1, the maximum.
    pub(super) fn check_quantiles(&self) -> Result<(), Rejection> {
        let all_within = self.quantiles.clone().all(|at| (0.0..=1.0).contains(&at.quantile));
        if all_within { Ok(()) } else { Err(Rejection::QuantileRange) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(quantiles: &[f64]) -> Result<(), Rejection> {
        let quantiles = quantiles.iter().map(|quantile| ValueAtQuantile { quantile: *quantile, value: 1.0 });
        SummaryDraft { frame: PointFrame::default(), count: 1, sum: 1.0, quantiles }.check_quantiles()
    }

    #[test]
    fn quantiles_lie_between_zero_and_one() {
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[0.0, -0.0, 0.5, 1.0]), Ok(()));
        for wrong in [-0.1, 1.000_000_1, f64::NAN, f64::INFINITY] {
            assert_eq!(check(&[0.5, wrong]), Err(Rejection::QuantileRange), "{wrong}");
        }
    }
}
