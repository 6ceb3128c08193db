//! Which times of a metric were touched when: finely of late, coarsely further back.

use std::collections::BTreeMap;

use super::SLOT;
use crate::shared::TimeRange;
use crate::shared::time::NANOS_PER_HOUR;

/// Slots remembered per metric; beyond it the older half becomes hours.
const SLOTS_MAX: usize = 48;
/// Hours remembered per metric; beyond it the older half becomes one.
const HOURS_MAX: usize = 24 * 14;
/// A run that is wider than so many slots touches hours, and beyond so many hours all that is older.
const SLOTS_TOUCHED_MAX: i64 = 48;
const HOURS_TOUCHED_MAX: i64 = 24 * 14;

/// Which times were touched when: finely of late, coarsely further back.
#[derive(Debug, Default)]
pub struct TouchedTimes {
    slots: BTreeMap<i64, u64>,
    hours: BTreeMap<i64, u64>,
    /// The end of what is older than all of that, in nanoseconds, and when anything of it was touched last.
    rest: Option<(i64, u64)>,
}

impl TouchedTimes {
    pub fn touch(&mut self, first: i64, last: i64, generation: u64) {
        let (first_slot, last_slot) = (first.div_euclid(SLOT), last.div_euclid(SLOT));
        if last_slot - first_slot >= SLOTS_TOUCHED_MAX {
            self.touch_hours(first, last, generation);
        } else {
            (first_slot..=last_slot).for_each(|slot| raise(&mut self.slots, slot, generation));
        }
        while self.slots.len() > SLOTS_MAX {
            let Some((slot, generation)) = self.slots.pop_first() else { break };
            raise(&mut self.hours, (slot * SLOT).div_euclid(NANOS_PER_HOUR), generation);
        }
        while self.hours.len() > HOURS_MAX {
            let Some((hour, generation)) = self.hours.pop_first() else { break };
            self.touch_rest((hour + 1) * NANOS_PER_HOUR, generation);
        }
    }

    fn touch_hours(&mut self, first: i64, last: i64, generation: u64) {
        let (first, last) = (first.div_euclid(NANOS_PER_HOUR), last.div_euclid(NANOS_PER_HOUR));
        if last - first >= HOURS_TOUCHED_MAX {
            self.touch_rest((last + 1) * NANOS_PER_HOUR, generation);
        } else {
            (first..=last).for_each(|hour| raise(&mut self.hours, hour, generation));
        }
    }

    fn touch_rest(&mut self, end: i64, generation: u64) {
        let (known_end, known) = self.rest.unwrap_or((i64::MIN, 0));
        self.rest = Some((end.max(known_end), generation.max(known)));
    }

    pub fn changed(&self, range: TimeRange, since: u64) -> bool {
        let (first, last) = (range.start().nanos(), range.end().nanos() - 1);
        let later = |(_, generation): (&i64, &u64)| *generation > since;
        let within = |times: &BTreeMap<i64, u64>, width: i64| {
            times.range(first.div_euclid(width)..=last.div_euclid(width)).any(later)
        };
        within(&self.slots, SLOT)
            || within(&self.hours, NANOS_PER_HOUR)
            || self.rest.is_some_and(|(end, generation)| first < end && generation > since)
    }
}

/// Batches may be noted out of order; the later one counts.
fn raise(times: &mut BTreeMap<i64, u64>, time: i64, generation: u64) {
    let known = times.entry(time).or_insert(generation);
    *known = generation.max(*known);
}
