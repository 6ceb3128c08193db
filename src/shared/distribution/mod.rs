//! `Distribution`: how many observations there were and how they spread, put together from histograms of any kind.

mod explicit;
mod exponential;

pub use explicit::ExplicitBuckets;
pub use exponential::{ExponentialBuckets, SparseBuckets};

/// Observations, of one point or of many together.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    pub count: u64,
    /// Absent if a sender did not say.
    pub sum: Option<f64>,
    pub shape: Shape,
}

/// How observations spread.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Nobody said: summaries, and histograms without buckets.
    Unknown,
    Explicit(ExplicitBuckets),
    Exponential(ExponentialBuckets),
}

/// Observations between two values: above `low`, up to and with `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub low: f64,
    pub high: f64,
    pub count: u64,
    /// How values are assumed to lie within it.
    pub within: Within,
}

/// Where in a cell a part of its observations ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// Evenly: between explicit bounds.
    Linear,
    /// Evenly by their logarithm: between the bounds of an exponential histogram.
    Exponential,
}

impl Cell {
    /// The value below which a `part` (0 to 1) of the observations lies. An open end is not known: its finite bound is taken,
    /// if there is one.
    fn at(&self, part: f64) -> Option<f64> {
        let value = match (self.low.is_finite(), self.high.is_finite()) {
            (false, _) => self.high,
            (true, false) => self.low,
            (true, true) => match self.within {
                Within::Linear => self.low + (self.high - self.low) * part,
                Within::Exponential if self.low > 0.0 => self.low * (self.high / self.low).powf(part),
                Within::Exponential if self.high < 0.0 => self.low * (self.high / self.low).powf(part),
                Within::Exponential => self.low + (self.high - self.low) * part,
            },
        };
        value.is_finite().then_some(value)
    }
}

impl Distribution {
    /// Adds the observations of another one.
    pub fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.sum = self.sum.zip(other.sum).map(|(a, b)| a + b);
        self.shape.add(&other.shape);
    }

    /// What was observed after `earlier`, which is the same series before. Absent if it is not a continuation: a count fell.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        Some(Self {
            count: self.count.checked_sub(earlier.count)?,
            sum: self.sum.zip(earlier.sum).map(|(now, then)| now - then),
            shape: self.shape.since(&earlier.shape)?,
        })
    }

    /// The value below which a part `q` (0 to 1) of the observations lies, as far as the buckets tell: within one, values are
    /// taken to lie evenly. Absent without buckets or observations.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let (number, part) = match &self.shape {
            Shape::Unknown => None,
            Shape::Explicit(buckets) => place_of(q, buckets.counts().iter().copied()),
            Shape::Exponential(buckets) => place_of(q, buckets.counts()),
        }?;
        self.shape.cell(number)?.at(part)
    }
}

/// In which of these buckets a part `q` of all observations ends, and at which part of its own. Absent without observations.
fn place_of(q: f64, counts: impl Iterator<Item = u64> + Clone) -> Option<(usize, f64)> {
    let mut rank = q * as_double(counts.clone().sum());
    let mut last = None;
    for (number, count) in counts.enumerate().filter(|(_, count)| *count > 0) {
        let count = as_double(count);
        if rank <= count {
            return Some((number, (rank / count).clamp(0.0, 1.0)));
        }
        rank -= count;
        last = Some((number, 1.0));
    }
    last
}

#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is meant")]
const fn as_double(count: u64) -> f64 {
    count as f64
}

impl Shape {
    fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Explicit(own), Self::Explicit(other)) => own.add(other),
            (Self::Exponential(own), Self::Exponential(other)) => own.add(other),
            (Self::Unknown, other) => *self = other.clone(),
            (Self::Explicit(_) | Self::Exponential(_), _) => {}
        }
    }

    fn since(&self, earlier: &Self) -> Option<Self> {
        match (self, earlier) {
            (Self::Explicit(now), Self::Explicit(then)) => now.since(then).map(Self::Explicit),
            (Self::Exponential(now), Self::Exponential(then)) => now.since(then).map(Self::Exponential),
            (Self::Unknown, Self::Unknown) => Some(Self::Unknown),
            _ => None,
        }
    }

    /// The buckets from the lowest values to the highest.
    pub fn cells(&self) -> Vec<Cell> {
        (0..).map_while(|number| self.cell(number)).collect()
    }

    fn cell(&self, number: usize) -> Option<Cell> {
        match self {
            Self::Unknown => None,
            Self::Explicit(buckets) => buckets.cell(number),
            Self::Exponential(buckets) => buckets.cell(number),
        }
    }

    /// What it holds in memory beside itself.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Unknown => 0,
            Self::Explicit(buckets) => buckets.bytes(),
            Self::Exponential(buckets) => buckets.bytes(),
        }
    }
}

#[cfg(test)]
mod tests;
