//! `Changes`: which times of a pane changed when, so that what was folded before is folded again only from there on.

use std::collections::BTreeMap;

use crate::shared::time::NANOS_PER_SECOND;

/// How finely changes are told apart.
const SLOT: i64 = 5 * NANOS_PER_SECOND;
/// Slots remembered; beyond it the oldest count as one with all that is before.
const SLOTS_MAX: usize = 1_024;
/// A batch that spans more slots counts as one that changes everything.
const SLOTS_TOUCHED_MAX: i64 = 64;

/// How many batches a pane has taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Version(u64);

/// The last batch that changed a slot of time.
#[derive(Debug, Default)]
pub struct Changes {
    now: Version,
    slots: BTreeMap<i64, Version>,
    /// The last that changed anything that is not remembered by slots.
    rest: Version,
}

impl Changes {
    pub const fn now(&self) -> Version {
        self.now
    }

    /// A batch came whose points lie between these times, both included. Nanoseconds since the epoch.
    pub fn touch(&mut self, first: i64, last: i64) {
        self.now = Version(self.now.0 + 1);
        let (first, last) = (first.div_euclid(SLOT), last.div_euclid(SLOT));
        if last.saturating_sub(first) >= SLOTS_TOUCHED_MAX {
            self.rest = self.now;
            return;
        }
        for slot in first..=last {
            self.slots.insert(slot, self.now);
        }
        while self.slots.len() > SLOTS_MAX {
            self.forget_first();
        }
    }

    /// Points came that may lie anywhere.
    pub fn touch_all(&mut self) {
        self.now = Version(self.now.0 + 1);
        self.rest = self.now;
    }

    /// Lets go of slots before a time.
    pub fn cut(&mut self, floor: i64) {
        while self.slots.first_key_value().is_some_and(|(slot, _)| *slot < floor.div_euclid(SLOT)) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, version)) = self.slots.pop_first() {
            self.rest = self.rest.max(version);
        }
    }

    /// No time before this one has changed since; absent if none has.
    pub fn earliest(&self, since: Version) -> Option<i64> {
        if self.rest > since {
            return Some(i64::MIN);
        }
        let changed = self.slots.iter().find(|(_, version)| **version > since);
        changed.map(|(slot, _)| slot.saturating_mul(SLOT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_slot_that_changed_since_is_told() {
        let mut changes = Changes::default();
        changes.touch(100 * SLOT, 102 * SLOT + 1);
        let then = changes.now();
        assert_eq!(changes.earliest(then), None);
        changes.touch(110 * SLOT, 110 * SLOT);
        changes.touch(105 * SLOT + 7, 105 * SLOT + 9);
        assert_eq!(changes.earliest(then), Some(105 * SLOT));
        assert_eq!(changes.earliest(Version::default()), Some(100 * SLOT));
    }

    #[test]
    fn what_is_not_remembered_counts_as_changed() {
        let mut changes = Changes::default();
        changes.touch(1, 1);
        changes.touch(50 * SLOT, 50 * SLOT);
        let then = changes.now();
        changes.touch(0, 100 * SLOT);
        assert_eq!(changes.earliest(then), Some(i64::MIN), "it spans too much");
        let then = changes.now();
        changes.touch(2 * SLOT, 2 * SLOT);
        changes.touch(60 * SLOT, 60 * SLOT);
        changes.cut(10 * SLOT);
        assert_eq!(changes.earliest(then), Some(i64::MIN), "it was let go of");
        assert_eq!(changes.earliest(changes.now()), None);
    }
}
