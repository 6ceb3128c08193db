//! `Pending`: what became visible here and was not told yet, or was told and has not come back.

use std::collections::{HashMap, VecDeque};

use super::super::generations::{Generation, Touch, TouchKey};
use crate::platform::redis::exchange::{MessageNumber, Rest};

/// Touches that are remembered one by one, about 6 MB. Beyond it everything counts as changed.
const PENDING_MAX: usize = 65_536;
/// Messages that are remembered until they come back. Beyond it several count as one.
const TOLD_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub struct Pending {
    touches: HashMap<TouchKey, Touch, ahash::RandomState>,
    everything: bool,
    /// No touch that waits is older.
    oldest: Option<Generation>,
    /// Messages on their way, and the oldest touch of each.
    told: VecDeque<(MessageNumber, Generation)>,
}

/// What goes into one message.
#[derive(Debug)]
pub struct Told {
    pub touches: Vec<Touch>,
    pub everything: bool,
    pub rest: Rest,
}

impl Pending {
    /// Touches follow that are counted by this generation or a later one.
    pub fn begin(&mut self, generation: Generation) {
        self.oldest.get_or_insert(generation);
    }

    pub fn add(&mut self, touch: Touch) {
        if self.everything {
            return;
        }
        self.touches.entry(touch.key()).and_modify(|known| known.merge(&touch)).or_insert(touch);
        if self.touches.len() > PENDING_MAX {
            self.everything = true;
            self.touches.clear();
        }
    }

    /// Absent if nothing waits.
    pub fn take(&mut self, number: MessageNumber, touches_max: usize) -> Option<Told> {
        let oldest = self.oldest?;
        let everything = std::mem::take(&mut self.everything);
        let keys: Vec<TouchKey> = self.touches.keys().take(touches_max).copied().collect();
        let touches = keys.iter().filter_map(|key| self.touches.remove(key)).collect();
        let rest = if self.touches.is_empty() { Rest::Nothing } else { Rest::More };
        if rest == Rest::Nothing {
            self.oldest = None;
        }
        if self.told.len() >= TOLD_MAX {
            let older = self.told.pop_back();
            self.told.push_back((number, older.map_or(oldest, |(_, older)| older.min(oldest))));
        } else {
            self.told.push_back((number, oldest));
        }
        Some(Told { touches, everything, rest })
    }

    pub fn came_back(&mut self, number: MessageNumber) {
        while self.told.front().is_some_and(|(told, _)| *told <= number) {
            self.told.pop_front();
        }
    }

    /// The oldest touch that has not come back; absent if all have.
    pub fn oldest(&self) -> Option<Generation> {
        let told = self.told.iter().map(|(_, oldest)| *oldest);
        told.chain(self.oldest).min()
    }
}
