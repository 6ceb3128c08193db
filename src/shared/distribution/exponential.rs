//! Buckets of exponential histograms: bucket i counts the values above base^i and up to base^(i+1), with base = 2^(2^-scale)
//! (opentelemetry-proto, `ExponentialHistogramDataPoint`).

use super::{Cell, Within};

/// Most buckets of one sign; beyond it the resolution is halved until they fit. SDKs send 160.
pub const BUCKETS_MAX: usize = 320;
/// Bounds of a scale (specification, "Exponential Scale"): what is sent lies within -10 to 20.
const SCALE_MIN: i32 = -16;

/// Counts by index, in ascending order of the index, without zeros.
type Counts = Vec<(i32, u64)>;

#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialBuckets {
    scale: i32,
    zero_count: u64,
    zero_threshold: f64,
    positive: Counts,
    negative: Counts,
}

/// What buckets are made of: counts by index.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SparseBuckets {
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: f64,
    pub positive: Vec<(i32, u64)>,
    pub negative: Vec<(i32, u64)>,
}

impl From<SparseBuckets> for ExponentialBuckets {
    fn from(sparse: SparseBuckets) -> Self {
        let SparseBuckets { scale, zero_count, zero_threshold, positive, negative } = sparse;
        let counts = |mut counts: Counts| {
            counts.retain(|(_, count)| *count > 0);
            counts.sort_unstable();
            counts.dedup_by_key(|(index, _)| *index);
            counts
        };
        let (positive, negative) = (counts(positive), counts(negative));
        let mut own = Self { scale, zero_count, zero_threshold, positive, negative };
        own.fit();
        own
    }
}

impl From<&ExponentialBuckets> for SparseBuckets {
    fn from(buckets: &ExponentialBuckets) -> Self {
        Self {
            scale: buckets.scale,
            zero_count: buckets.zero_count,
            zero_threshold: buckets.zero_threshold,
            positive: buckets.positive.clone(),
            negative: buckets.negative.clone(),
        }
    }
}

impl ExponentialBuckets {
    /// From a point's offsets and counts.
    pub fn new(
        scale: i32,
        (zero_count, zero_threshold): (u64, f64),
        positive: (i32, &[u64]),
        negative: (i32, &[u64]),
    ) -> Self {
        let sparse = |(offset, counts): (i32, &[u64])| {
            let indexed = (0_i32..).zip(counts).map(|(at, count)| (offset.saturating_add(at), *count));
            indexed.filter(|(_, count)| *count > 0).collect()
        };
        let (positive, negative) = (sparse(positive), sparse(negative));
        let mut own = Self { scale, zero_count, zero_threshold, positive, negative };
        own.fit();
        own
    }

    /// Halves the resolution `steps` times: each bucket takes in its neighbour.
    fn lower(&mut self, steps: u32) {
        for counts in [&mut self.positive, &mut self.negative] {
            for (index, _) in counts.iter_mut() {
                *index = index.checked_shr(steps).unwrap_or(if *index < 0 { -1 } else { 0 });
            }
            counts.dedup_by(|next, kept| {
                let same = next.0 == kept.0;
                if same {
                    kept.1 = kept.1.saturating_add(next.1);
                }
                same
            });
        }
        self.scale = self.scale.saturating_sub_unsigned(steps);
    }

    fn fit(&mut self) {
        while self.positive.len().max(self.negative.len()) > BUCKETS_MAX && self.scale > SCALE_MIN {
            self.lower(1);
        }
    }

    /// At the lower of both scales.
    pub(super) fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        self.meet(&mut other);
        self.zero_count = self.zero_count.saturating_add(other.zero_count);
        self.positive = merged(&self.positive, &other.positive);
        self.negative = merged(&self.negative, &other.negative);
        self.fit();
    }

    /// Brings both to the same scale and the same threshold of zero.
    fn meet(&mut self, other: &mut Self) {
        let scale = self.scale.min(other.scale);
        let threshold = self.zero_threshold.max(other.zero_threshold);
        for one in [self, other] {
            one.lower(one.scale.abs_diff(scale));
            one.widen_zero(threshold);
        }
    }

    /// Buckets that lie below the threshold as a whole become part of the zero bucket.
    fn widen_zero(&mut self, threshold: f64) {
        if threshold <= self.zero_threshold {
            return;
        }
        self.zero_threshold = threshold;
        let scale = self.scale;
        let mut moved = 0_u64;
        for counts in [&mut self.positive, &mut self.negative] {
            counts.retain(|(index, count)| {
                let within = bound(scale, index.saturating_add(1)) <= threshold;
                if within {
                    moved = moved.saturating_add(*count);
                }
                !within
            });
        }
        self.zero_count = self.zero_count.saturating_add(moved);
    }

    /// A series lowers its scale as its values spread: the earlier point is brought to the same one.
    pub(super) fn since(&self, earlier: &Self) -> Option<Self> {
        let (mut now, mut then) = (self.clone(), earlier.clone());
        now.meet(&mut then);
        now.zero_count = now.zero_count.checked_sub(then.zero_count)?;
        now.positive = difference(&now.positive, &then.positive)?;
        now.negative = difference(&now.negative, &then.negative)?;
        Some(now)
    }

    /// From the lowest values to the highest; of zero only where there are any.
    pub(super) fn counts(&self) -> impl Iterator<Item = u64> + Clone {
        let zero = (self.zero_count > 0).then_some(self.zero_count);
        let of = |(_, count): &(i32, u64)| *count;
        self.negative.iter().rev().map(of).chain(zero).chain(self.positive.iter().map(of))
    }

    /// In the order of [`Self::counts`].
    pub(super) fn cell(&self, number: usize) -> Option<Cell> {
        let (scale, within) = (self.scale, Within::Exponential);
        if let Some((index, count)) = self.negative.iter().rev().nth(number) {
            let (low, high) = (-bound(scale, index.saturating_add(1)), -bound(scale, *index));
            return Some(Cell { low, high, count: *count, within });
        }
        let number = number - self.negative.len();
        let zeros = usize::from(self.zero_count > 0);
        if number < zeros {
            // Without values of the other sign, zero is where they begin.
            let low = if self.negative.is_empty() { 0.0 } else { -self.zero_threshold };
            let high = if self.positive.is_empty() { 0.0 } else { self.zero_threshold };
            return Some(Cell { low, high, count: self.zero_count, within: Within::Linear });
        }
        let (index, count) = self.positive.get(number - zeros)?;
        let (low, high) = (bound(scale, *index), bound(scale, index.saturating_add(1)));
        Some(Cell { low, high, count: *count, within })
    }

    pub(super) const fn bytes(&self) -> usize {
        (self.positive.len() + self.negative.len()) * size_of::<(i32, u64)>()
    }
}

/// The lower end of a bucket: base^index. Beyond what a double says it is infinite, or zero.
fn bound(scale: i32, index: i32) -> f64 {
    (f64::from(index) * (-f64::from(scale)).exp2()).exp2()
}

fn merged(left: &Counts, right: &Counts) -> Counts {
    let mut all: Counts = left.iter().chain(right).copied().collect();
    all.sort_unstable_by_key(|(index, _)| *index);
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 = kept.1.saturating_add(next.1);
        }
        same
    });
    all
}

fn difference(now: &Counts, then: &Counts) -> Option<Counts> {
    let mut left = now.clone();
    for (index, count) in then {
        let at = left.binary_search_by_key(index, |(index, _)| *index).ok()?;
        let place = left.get_mut(at)?;
        place.1 = place.1.checked_sub(*count)?;
    }
    left.retain(|(_, count)| *count > 0);
    Some(left)
}
