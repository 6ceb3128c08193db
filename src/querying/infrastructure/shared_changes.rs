//! `SharedChanges`: tells the other nodes what became visible here, and counts what they tell.
//!
//! It also knows which place of the nodes' messages a generation belongs to: whatever a message up to that place tells was counted by
//! that generation. So an answer that another node read at some place can be held against what changed since.

mod pending;
mod places;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::platform::redis::exchange::{Bell, Garbled, MessageNumber, Position, Rest, Said, Subject};
use crate::shared::DomainEvent;

use self::pending::Pending;
use self::places::Places;
use super::generations::{Generation, Generations, Touch};

/// The form of a section.
const VERSION: u8 = 1;
/// Flags: more changed than is remembered.
const EVERYTHING: u8 = 1;
/// Touches of one message, so that hearing it takes about a millisecond.
const TOUCHES_MAX: usize = 1_024;

#[derive(Debug)]
pub struct SharedChanges {
    generations: Arc<Generations>,
    bell: Bell,
    pending: Mutex<Pending>,
    places: Mutex<Places>,
}

impl SharedChanges {
    pub fn new(generations: Arc<Generations>, bell: Bell) -> Self {
        Self { generations, bell, pending: Mutex::default(), places: Mutex::default() }
    }

    /// Runs within `publish`, before the generations count the batch.
    pub fn observe(&self, event: &DomainEvent) {
        let DomainEvent::MetricsIngested(ingested) = event else { return };
        {
            let mut pending = self.pending.lock();
            pending.begin(self.generations.counted().next());
            Touch::of_batch(ingested).for_each(|touch| pending.add(touch));
        }
        self.bell.ring();
    }

    /// What is read from the store from now on holds all that was told up to here; absent before anything was heard.
    pub fn place(&self) -> Option<Position> {
        self.places.lock().last()
    }

    /// The generation of an answer that was read there; absent if nothing is known of that place.
    pub fn generation_at(&self, place: Position) -> Option<Generation> {
        self.places.lock().generation_at(place)
    }
}

impl Subject for SharedChanges {
    fn tell(&self, number: MessageNumber, section: &mut Vec<u8>) -> Rest {
        let mut pending = self.pending.lock();
        let Some(told) = pending.take(number, TOUCHES_MAX) else { return Rest::Nothing };
        section.extend([VERSION, if told.everything { EVERYTHING } else { 0 }]);
        told.touches.iter().for_each(|touch| touch.encode(section));
        told.rest
    }

    fn hear(&self, section: &[u8], _: Said) -> Result<(), Garbled> {
        let [VERSION, flags, touches @ ..] = section else { return Err(Garbled) };
        let (touches, rest) = touches.as_chunks::<{ Touch::BYTES }>();
        if !rest.is_empty() {
            return Err(Garbled);
        }
        let touches: Option<Vec<Touch>> = touches.iter().map(Touch::decode).collect();
        self.generations.count(touches.ok_or(Garbled)?.into_iter());
        match *flags {
            0 => Ok(()),
            EVERYTHING => {
                self.generations.forget_all();
                Ok(())
            }
            _ => Err(Garbled),
        }
    }

    fn came_back(&self, number: MessageNumber) {
        self.pending.lock().came_back(number);
    }

    fn heard_up_to(&self, position: Position) {
        // What was not told yet, or has not come back, may come to stand behind this place.
        let untold = self.pending.lock().oldest();
        let counted = self.generations.counted();
        let generation = untold.map_or(counted, |untold| counted.min(untold.before()));
        self.places.lock().put(position, generation);
    }

    fn trust_until(&self, until: Instant) {
        self.generations.trust_until(until);
    }

    fn lost(&self) {
        self.generations.forget_all();
    }

    fn begin(&self) {
        *self.places.lock() = Places::default();
        self.generations.forget_all();
    }
}

#[cfg(test)]
mod tests;
