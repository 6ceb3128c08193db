//! `Flights`: of several who want the same, one asks the store, and the others wait for what it brings.

use std::sync::{Arc, Weak};

use dashmap::DashMap;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::querying::domain::BucketQuery;
use crate::shared::{TimeRange, Timestamp};

/// Beyond so many, those that are over are looked for.
const TIDY_ABOVE: usize = 1_024;

#[derive(Debug, Default)]
pub struct Flights {
    by_question: DashMap<BucketQuery, Weak<Mutex<()>>>,
}

impl Flights {
    /// Waits until nobody else asks the same of any range.
    pub async fn enter(&self, query: &BucketQuery) -> OwnedMutexGuard<()> {
        if self.by_question.len() > TIDY_ABOVE {
            self.by_question.retain(|_, flight| flight.strong_count() > 0);
        }
        let flight = {
            let mut entry = self.by_question.entry(whatever_the_range(query)).or_default();
            entry.upgrade().unwrap_or_else(|| {
                let flight = Arc::new(Mutex::new(()));
                *entry = Arc::downgrade(&flight);
                flight
            })
        };
        flight.lock_owned().await
    }
}

/// The same key for all ranges of a question.
pub fn whatever_the_range(query: &BucketQuery) -> BucketQuery {
    let one = TimeRange::new(Timestamp::EPOCH, Timestamp::from_nanos(1));
    one.map_or_else(|| query.clone(), |range| query.over(range))
}
