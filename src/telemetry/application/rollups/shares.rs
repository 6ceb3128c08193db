//! `Share`: so much of an hour's points as is rolled up at once, in bounded memory.

use super::ports::{MetricOf, MetricPoints};

/// Points that are sorted and grouped at once: about 200 MB within the engine.
pub const POINTS_MAX: u64 = 2_000_000;
/// Metrics that one statement names.
const METRICS_MAX: usize = 500;

/// Some metrics, and of these the series whose ids are within the bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub metrics: Vec<MetricOf>,
    pub first_series: u64,
    pub last_series: u64,
}

impl Share {
    /// Two that are half as large; absent if this is one series.
    pub fn halves(mut self) -> Option<[Self; 2]> {
        let (first_series, last_series) = (self.first_series, self.last_series);
        if self.metrics.len() > 1 {
            let metrics = self.metrics.split_off(self.metrics.len() / 2);
            return Some([self, Self { metrics, first_series, last_series }]);
        }
        let middle = first_series + (last_series - first_series) / 2;
        (first_series < last_series).then(|| {
            let upper = Self { metrics: self.metrics.clone(), first_series: middle + 1, last_series };
            [Self { last_series: middle, ..self }, upper]
        })
    }
}

/// Small metrics go together, large ones are cut by the ids of their series, which are hashes and so even.
pub fn shares(metrics: Vec<MetricPoints>, points_max: u64) -> Vec<Share> {
    let mut shares = Vec::new();
    let (mut together, mut points) = (Vec::new(), 0_u64);
    for metric in metrics {
        if metric.points > points_max {
            shares.extend(pieces(metric.of, metric.points.div_ceil(points_max)));
            continue;
        }
        if together.len() == METRICS_MAX || points.saturating_add(metric.points) > points_max {
            shares.push(whole(std::mem::take(&mut together)));
            points = 0;
        }
        points += metric.points;
        together.push(metric.of);
    }
    if !together.is_empty() {
        shares.push(whole(together));
    }
    shares
}

const fn whole(metrics: Vec<MetricOf>) -> Share {
    Share { metrics, first_series: 0, last_series: u64::MAX }
}

/// The ids in `count` ranges without gaps.
fn pieces(of: MetricOf, count: u64) -> impl Iterator<Item = Share> {
    let width = u64::MAX / count.max(1);
    (0..count).map(move |at| Share {
        metrics: vec![of.clone()],
        first_series: at * width,
        last_series: if at + 1 == count { u64::MAX } else { (at + 1) * width - 1 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::TenantId;

    fn metric(name: &str, points: u64) -> MetricPoints {
        MetricPoints { of: MetricOf { tenant: TenantId::unnamed(), metric: name.into() }, points }
    }

    fn cut(metrics: &[(&str, u64)]) -> Vec<(Vec<String>, u64, u64)> {
        let metrics = metrics.iter().map(|(name, points)| metric(name, *points)).collect();
        let names = |share: &Share| share.metrics.iter().map(|of| of.metric.to_string()).collect();
        shares(metrics, 10)
            .iter()
            .map(|share| (names(share), share.first_series, share.last_series))
            .collect()
    }

    #[test]
    fn small_metrics_go_together_up_to_the_limit() {
        let all = |names: &[&str]| (names.iter().map(ToString::to_string).collect(), 0, u64::MAX);
        assert_eq!(cut(&[("a", 4), ("b", 6), ("c", 1)]), [all(&["a", "b"]), all(&["c"])]);
        assert_eq!(cut(&[]), []);
        let many: Vec<MetricPoints> = (0..METRICS_MAX + 1).map(|_| metric("m", 0)).collect();
        let sizes: Vec<usize> = shares(many, 10).iter().map(|share| share.metrics.len()).collect();
        assert_eq!(sizes, [METRICS_MAX, 1]);
    }

    #[test]
    fn a_share_is_halved_down_to_one_series() {
        let share = whole(vec![metric("a", 1).of, metric("b", 1).of]);
        let [a, b] = share.halves().unwrap();
        assert_eq!((a.metrics.len(), b.metrics.len()), (1, 1));
        let [lower, upper] = a.halves().unwrap();
        assert_eq!((lower.first_series, upper.last_series), (0, u64::MAX));
        assert_eq!(lower.last_series + 1, upper.first_series);
        let one = Share { first_series: 7, last_series: 7, ..lower };
        assert_eq!(one.halves(), None);
    }

    #[test]
    fn a_large_metric_is_cut_so_that_each_series_is_in_one_share() {
        let pieces = cut(&[("big", 35), ("a", 1)]);
        assert_eq!(pieces.len(), 5);
        let mut next = Some(0);
        for (_, first, last) in &pieces[..4] {
            assert_eq!(Some(*first), next);
            next = last.checked_add(1);
        }
        assert_eq!(next, None, "the last share ends with the last id");
    }
}
