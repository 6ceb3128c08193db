//! A number point before and after the rules were applied.

use super::{AdmittedFrame, PointFrame};

/// A number as it was sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NumberValue {
    Double(f64),
    Integer(i64),
}

impl NumberValue {
    /// NaN is not negative, and neither is negative zero.
    pub fn is_negative(self) -> bool {
        match self {
            Self::Double(value) => value < 0.0,
            Self::Integer(value) => value < 0,
        }
    }
}

/// What a sender said of one point: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PointDraft {
    pub frame: PointFrame,
    pub value: Option<NumberValue>,
}

/// A point that its metric has admitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdmittedPoint {
    pub frame: AdmittedFrame,
    /// Absent where the series ends (`NO_RECORDED_VALUE`).
    pub value: Option<NumberValue>,
}
