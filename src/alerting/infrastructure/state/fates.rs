//! `Fates`: what became of notifications of late, in memory.
//!
//! While the database is away, notifications are sent all the same, and written down when it is back. By then it must be known which
//! of them were sent: a row that nobody settles any more would be sent again by the next process.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;

use crate::alerting::application::outbox_ledger::Fate;
use crate::alerting::domain::notification::NotificationId;

/// Some megabytes. Older ones are forgotten: if they were not written by then, they are sent again after a restart.
const FATES_MAX: usize = 10_000;

/// The latest fates, by notification.
#[derive(Debug, Default)]
pub struct Fates(Mutex<Latest>);

#[derive(Debug, Default)]
struct Latest {
    fates: HashMap<NotificationId, Fate>,
    /// The keys of `fates`, oldest first.
    order: VecDeque<NotificationId>,
}

impl Fates {
    pub fn note(&self, id: &NotificationId, fate: Fate) {
        let mut latest = self.0.lock();
        if latest.fates.insert(id.clone(), fate).is_none() {
            latest.order.push_back(id.clone());
        }
        if latest.order.len() > FATES_MAX
            && let Some(oldest) = latest.order.pop_front()
        {
            latest.fates.remove(&oldest);
        }
    }

    /// It is to be sent again.
    pub fn forget(&self, id: &NotificationId) {
        let mut latest = self.0.lock();
        if latest.fates.remove(id).is_some() {
            latest.order.retain(|one| one != id);
        }
    }

    pub fn of(&self, id: &NotificationId) -> Option<Fate> {
        self.0.lock().fates.get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Timestamp;

    #[test]
    fn the_latest_are_known_and_the_last_word_counts() {
        let fates = Fates::default();
        let id = |number: usize| NotificationId(number.to_string().into());
        fates.note(&id(0), Fate::Settled);
        fates.note(&id(1), Fate::Settled);
        let refused = Fate::Refused { reason: "answered 404".into(), at: Timestamp::from_nanos(7) };
        fates.note(&id(1), refused.clone());
        for number in 2..=FATES_MAX {
            fates.note(&id(number), Fate::Settled);
        }
        assert_eq!(fates.of(&id(0)), None);
        assert_eq!(fates.of(&id(1)), Some(refused));
        assert_eq!(fates.of(&id(FATES_MAX)), Some(Fate::Settled));
        fates.forget(&id(1));
        assert_eq!(fates.of(&id(1)), None);
        let latest = fates.0.lock();
        assert_eq!((latest.fates.len(), latest.order.len()), (FATES_MAX - 1, FATES_MAX - 1));
    }
}
