//! The documented rules of `src/querying/domain/distribution`, as a plain calculation over all parts at once.

use std::collections::BTreeMap;

/// Most buckets of one sign that an exponential histogram keeps.
const BUCKETS_MAX: usize = 320;

/// Counts by index.
pub type Counts = BTreeMap<i32, u64>;

/// What a point says, or several together.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub count: u64,
    pub sum: Option<f64>,
    pub shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    Unknown,
    Explicit { bounds: Vec<f64>, counts: Vec<u64> },
    Exponential(Exponential),
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exponential {
    pub scale: i32,
    pub zero: u64,
    pub threshold: f64,
    pub positive: Counts,
    pub negative: Counts,
}

/// Observations above the first and up to the second value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub low: f64,
    pub high: f64,
    pub count: u64,
    /// They lie evenly by their logarithm.
    by_logarithm: bool,
}

/// The sum is known if all say it, buckets are those of whoever has some.
pub fn together(parts: &[Observed]) -> Observed {
    Observed {
        count: parts.iter().map(|part| part.count).sum(),
        sum: parts.iter().map(|part| part.sum).sum(),
        shape: shapes_together(parts),
    }
}

fn shapes_together(parts: &[Observed]) -> Shape {
    let explicit: Vec<(&Vec<f64>, &Vec<u64>)> = parts
        .iter()
        .filter_map(|part| match &part.shape {
            Shape::Explicit { bounds, counts } => Some((bounds, counts)),
            Shape::Unknown | Shape::Exponential(_) => None,
        })
        .collect();
    let exponential: Vec<&Exponential> = parts
        .iter()
        .filter_map(|part| match &part.shape {
            Shape::Exponential(own) => Some(own),
            Shape::Unknown | Shape::Explicit { .. } => None,
        })
        .collect();
    match (explicit.first(), exponential.is_empty()) {
        (Some((bounds, _)), _) => {
            let common = |bound: &&f64| explicit.iter().all(|(bounds, _)| bounds.contains(bound));
            let bounds: Vec<f64> = bounds.iter().filter(common).copied().collect();
            let mut counts = vec![0; bounds.len() + 1];
            for (own, own_counts) in &explicit {
                for (at, count) in own_counts.iter().enumerate() {
                    // The first bound at or above the end of the bucket is the end of what it becomes a part of.
                    let end = own.get(at).copied().unwrap_or(f64::INFINITY);
                    let place = bounds.iter().position(|bound| *bound >= end).unwrap_or(bounds.len());
                    counts[place] += count;
                }
            }
            Shape::Explicit { bounds, counts }
        }
        (None, false) => Shape::Exponential(exponential_together(&exponential)),
        (None, true) => Shape::Unknown,
    }
}

/// At the lowest scale and the widest zero.
fn exponential_together(parts: &[&Exponential]) -> Exponential {
    let scale = parts.iter().map(|part| part.scale).min().unwrap_or_default();
    let threshold = parts.iter().map(|part| part.threshold).fold(0.0, f64::max);
    let mut all = Exponential { scale, threshold, ..Exponential::default() };
    for part in parts {
        let part = part.at(scale, threshold);
        all.zero += part.zero;
        for (own, other) in [(&mut all.positive, part.positive), (&mut all.negative, part.negative)] {
            other.into_iter().for_each(|(index, count)| *own.entry(index).or_default() += count);
        }
    }
    all.fitted()
}

fn end(scale: i32, index: i32) -> f64 {
    2_f64.powf(f64::from(index) / 2_f64.powi(scale))
}

impl Exponential {
    /// At a scale that is not higher, with a zero that is not narrower.
    fn at(&self, scale: i32, threshold: f64) -> Self {
        let wide = 2_i32.pow((self.scale - scale).unsigned_abs());
        let mut zero = self.zero;
        let mut lowered = |counts: &Counts| {
            let mut lowered = Counts::new();
            for (index, count) in counts {
                let index = index.div_euclid(wide);
                if end(scale, index + 1) <= threshold {
                    zero += count;
                } else {
                    *lowered.entry(index).or_default() += count;
                }
            }
            lowered
        };
        let (positive, negative) = (lowered(&self.positive), lowered(&self.negative));
        Self { scale, zero, threshold, positive, negative }
    }

    /// With no more buckets than are kept.
    pub fn fitted(self) -> Self {
        let mut fitted = self;
        while fitted.positive.len().max(fitted.negative.len()) > BUCKETS_MAX {
            fitted = fitted.at(fitted.scale - 1, fitted.threshold);
        }
        fitted
    }

    fn since(&self, earlier: &Self) -> Option<Self> {
        let (scale, threshold) = (self.scale.min(earlier.scale), self.threshold.max(earlier.threshold));
        let (now, then) = (self.at(scale, threshold), earlier.at(scale, threshold));
        Some(Self {
            scale,
            threshold,
            zero: now.zero.checked_sub(then.zero)?,
            positive: counts_since(&now.positive, &then.positive)?,
            negative: counts_since(&now.negative, &then.negative)?,
        })
    }

    fn cells(&self) -> Vec<Cell> {
        let cell = |low, high, count| Cell { low, high, count, by_logarithm: true };
        let mut cells: Vec<Cell> = self
            .negative
            .iter()
            .rev()
            .map(|(index, count)| cell(-end(self.scale, index + 1), -end(self.scale, *index), *count))
            .collect();
        if self.zero > 0 {
            let low = if self.negative.is_empty() { 0.0 } else { -self.threshold };
            let high = if self.positive.is_empty() { 0.0 } else { self.threshold };
            cells.push(Cell { low, high, count: self.zero, by_logarithm: false });
        }
        let positive = self.positive.iter();
        cells.extend(
            positive.map(|(index, count)| cell(end(self.scale, *index), end(self.scale, index + 1), *count)),
        );
        cells
    }
}

fn counts_since(now: &Counts, then: &Counts) -> Option<Counts> {
    let mut left = now.clone();
    for (index, count) in then {
        let own = left.get_mut(index)?;
        *own = own.checked_sub(*count)?;
    }
    left.retain(|_, count| *count > 0);
    Some(left)
}

impl Observed {
    /// What came after an earlier point of the series; absent if this one does not go on from there.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let shape = match (&self.shape, &earlier.shape) {
            (Shape::Unknown, Shape::Unknown) => Shape::Unknown,
            (
                Shape::Explicit { bounds, counts },
                Shape::Explicit { bounds: bounds_before, counts: before },
            ) if bounds == bounds_before => {
                let pairs = counts.iter().zip(before);
                let counts = pairs.map(|(now, then)| now.checked_sub(*then)).collect::<Option<_>>()?;
                Shape::Explicit { bounds: bounds.clone(), counts }
            }
            (Shape::Exponential(now), Shape::Exponential(then)) => Shape::Exponential(now.since(then)?),
            _ => return None,
        };
        let sum = self.sum.zip(earlier.sum).map(|(now, then)| now - then);
        Some(Self { count: self.count.checked_sub(earlier.count)?, sum, shape })
    }

    /// From the lowest to the highest.
    pub fn cells(&self) -> Vec<Cell> {
        match &self.shape {
            Shape::Unknown => Vec::new(),
            Shape::Exponential(own) => own.cells(),
            Shape::Explicit { bounds, counts } => {
                let first = bounds
                    .first()
                    .map_or(f64::NEG_INFINITY, |b| if *b > 0.0 { 0.0 } else { f64::NEG_INFINITY });
                let lows = [first].into_iter().chain(bounds.iter().copied());
                let highs = bounds.iter().copied().chain([f64::INFINITY]);
                let cells = lows.zip(highs).zip(counts);
                cells
                    .map(|((low, high), count)| Cell { low, high, count: *count, by_logarithm: false })
                    .collect()
            }
        }
    }

    pub fn quantile(&self, part: f64) -> Option<f64> {
        let cells = self.cells();
        let total: u64 = cells.iter().map(|cell| cell.count).sum();
        let rank = part * total as f64;
        let mut below = 0;
        for cell in cells.iter().filter(|cell| cell.count > 0) {
            if rank <= (below + cell.count) as f64 {
                return cell.at((rank - below as f64) / cell.count as f64);
            }
            below += cell.count;
        }
        None
    }
}

impl Cell {
    /// Up to where such a part of its observations lies.
    fn at(&self, part: f64) -> Option<f64> {
        let value = if self.low.is_infinite() {
            self.high
        } else if self.high.is_infinite() {
            self.low
        } else if self.by_logarithm {
            let (low, high) = (self.low.abs().ln(), self.high.abs().ln());
            (low + (high - low) * part).exp().copysign(self.low)
        } else {
            self.low + (self.high - self.low) * part
        };
        value.is_finite().then_some(value)
    }
}
