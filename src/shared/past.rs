//! The past of a metric, series by series: read by one context, evaluated by another.

use super::distribution::Distribution;
use super::{SeriesIdentity, Timestamp};

/// A series with its points of a range, in order of time.
#[derive(Debug, Clone)]
pub struct PastSeries {
    pub series: SeriesIdentity,
    pub points: Vec<PastPoint>,
}

/// A point as the store has it.
#[derive(Debug, Clone)]
pub struct PastPoint {
    pub time: Timestamp,
    /// The epoch if the sender did not say.
    pub start: Timestamp,
    pub value: PastValue,
}

#[derive(Debug, Clone)]
pub enum PastValue {
    Number(f64),
    /// With the lowest and the highest observation, if they were sent.
    Observed {
        observed: Distribution,
        min: Option<f64>,
        max: Option<f64>,
    },
}
