//! `EvaluationWindow`: how much of the past a rule looks at, and the panes that it is cut into.

use std::time::Duration;

use crate::shared::Timestamp;
use crate::shared::duration_text::{self, DurationTextError};

pub const WINDOW_MIN: Duration = Duration::from_secs(1);
pub const WINDOW_MAX: Duration = Duration::from_secs(24 * 3_600);
/// Panes in a window (alerting.md, "Evaluation"). A pane is never shorter than a second.
pub const PANES_MAX: u64 = 60;

/// A stretch of 1 s to 24 h that ends with the newest data, in up to 60 panes of equal width, at least a second each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvaluationWindow {
    duration: Duration,
    panes: i64,
    pane_nanos: i64,
}

/// Why a text is not an evaluation window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationWindowError {
    #[error(transparent)]
    Text(#[from] DurationTextError),
    #[error("a window is 1s to 24h")]
    Bounds,
}

/// The number of a pane since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PaneNumber(pub i64);

impl EvaluationWindow {
    pub fn parse(text: &str) -> Result<Self, EvaluationWindowError> {
        Self::new(duration_text::parse(text)?)
    }

    pub fn new(duration: Duration) -> Result<Self, EvaluationWindowError> {
        if !(WINDOW_MIN..=WINDOW_MAX).contains(&duration) {
            return Err(EvaluationWindowError::Bounds);
        }
        let panes = duration.as_secs().clamp(1, PANES_MAX);
        let nanos_of = |n| i64::try_from(n).map_err(|_| EvaluationWindowError::Bounds);
        Ok(Self {
            duration,
            panes: panes.cast_signed(),
            pane_nanos: nanos_of(duration.as_nanos() / u128::from(panes))?,
        })
    }

    pub const fn duration(self) -> Duration {
        self.duration
    }

    /// How long a pane is.
    pub const fn pane(self) -> Duration {
        Duration::from_nanos(self.pane_nanos.unsigned_abs())
    }

    /// How many panes make the window.
    pub const fn panes(self) -> i64 {
        self.panes
    }

    /// The pane that `time` falls into.
    pub const fn pane_of(self, time: Timestamp) -> PaneNumber {
        PaneNumber(time.nanos().div_euclid(self.pane_nanos))
    }

    /// When no more time falls into `pane`.
    pub const fn end_of(self, pane: PaneNumber) -> Timestamp {
        Timestamp::from_nanos(pane.0.saturating_add(1).saturating_mul(self.pane_nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_at_most_sixty_panes_of_a_second_or_more() {
        for (text, panes, pane_ms) in [
            ("1s", 1, 1_000),
            ("1500ms", 1, 1_500),
            ("7s", 7, 1_000),
            ("1m", 60, 1_000),
            ("5m", 60, 5_000),
            ("24h", 60, 1_440_000),
        ] {
            let window = EvaluationWindow::parse(text).unwrap();
            assert_eq!((window.panes, window.pane_nanos), (panes, pane_ms * 1_000_000), "{text}");
        }
    }

    #[test]
    fn a_window_is_a_second_to_a_day() {
        for text in ["0s", "999ms", "25h"] {
            assert_eq!(EvaluationWindow::parse(text), Err(EvaluationWindowError::Bounds), "{text}");
        }
    }

    #[test]
    fn panes_are_numbered_from_the_epoch() {
        let window = EvaluationWindow::parse("5m").unwrap();
        let pane = window.pane_of(Timestamp::EPOCH.plus(Duration::from_secs(14)));
        assert_eq!(pane, PaneNumber(2));
        assert_eq!(window.end_of(pane), Timestamp::EPOCH.plus(Duration::from_secs(15)));
        assert_eq!(window.pane_of(Timestamp::from_nanos(-1)), PaneNumber(-1));
    }
}
