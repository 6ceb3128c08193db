//! A number point before and after the rules were applied.

use crate::shared::Timestamp;

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
    /// Nanoseconds since the epoch; zero means absent.
    pub time: u64,
    /// Nanoseconds since the epoch; zero means unknown.
    pub start: u64,
    pub value: Option<NumberValue>,
    pub flags: u32,
}

/// A point that its metric has admitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdmittedPoint {
    pub time: Timestamp,
    /// The epoch if unknown.
    pub start: Timestamp,
    /// Absent where the series ends (`NO_RECORDED_VALUE`).
    pub value: Option<NumberValue>,
    pub flags: u32,
}
