//! `Muting`: when a route is silent, by the clock. As in Alertmanager a route has its own, and inherits none.

use std::sync::Arc;

use super::time_interval::TimeIntervals;
use crate::shared::Timestamp;

/// What is due while a route is muted waits until it is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Muting {
    /// While one of these holds.
    pub mute: Vec<Arc<TimeIntervals>>,
    /// While none of these holds, if there are any.
    pub active: Vec<Arc<TimeIntervals>>,
}

impl Muting {
    pub fn is_empty(&self) -> bool {
        self.mute.is_empty() && self.active.is_empty()
    }

    /// The names of the intervals by which it is muted; none: it is not.
    pub fn muted_by(&self, now: Timestamp) -> Vec<&str> {
        let holding = self.mute.iter().filter(|intervals| intervals.hold(now));
        let by: Vec<&str> = holding.map(|intervals| &*intervals.name).collect();
        if !by.is_empty() || self.active.iter().any(|intervals| intervals.hold(now)) {
            return by;
        }
        self.active.iter().map(|intervals| &*intervals.name).collect()
    }

    pub fn is_muted(&self, now: Timestamp) -> bool {
        !self.muted_by(now).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;
    use crate::alerting::domain::notifying::fixtures::daily;

    #[test]
    fn it_is_muted_while_one_mutes_or_none_is_active() {
        let hours = 3_600;
        let names = |muting: &Muting, at: i64| muting.muted_by(second(at)).join(" ");
        let mute = Muting {
            mute: vec![daily("night", "22:00", "24:00"), daily("lunch", "12:00", "13:00")],
            active: vec![],
        };
        assert_eq!(
            [names(&mute, 0), names(&mute, 12 * hours), names(&mute, 23 * hours)],
            ["", "lunch", "night"]
        );
        let active = Muting {
            mute: vec![],
            active: vec![daily("office", "09:00", "17:00"), daily("duty", "20:00", "21:00")],
        };
        assert_eq!(
            [names(&active, 10 * hours), names(&active, 18 * hours), names(&active, 20 * hours)],
            ["", "office duty", ""]
        );
        let both = Muting { mute: mute.mute, active: active.active };
        assert_eq!(
            [names(&both, 12 * hours), names(&both, 8 * hours), names(&both, 9 * hours)],
            ["lunch", "office duty", ""]
        );
        assert!(!Muting::default().is_muted(second(0)) && Muting::default().is_empty());
    }
}
