//! `News`: the alerts that began or ended lately on the node that evaluates the rules, for the other nodes' live streams.

use std::collections::VecDeque;

use futures_util::FutureExt;
use parking_lot::Mutex;

use super::{alert_to_wire, wire};
use crate::platform::event_bus::{Delivery, EventQueue};

/// Alerts that are kept. A node that asks asks four times a second.
const ALERTS_MAX: usize = 4_096;
/// Most alerts in one answer.
const ANSWERED_MAX: usize = 1_000;

/// Kept in order, each with its number.
#[derive(Debug)]
pub struct News(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    queue: EventQueue,
    alerts: VecDeque<wire::Alert>,
    /// The number of the first that is kept.
    first: u64,
}

impl News {
    /// From here on.
    pub fn new(queue: EventQueue) -> Self {
        Self(Mutex::new(Kept { queue, alerts: VecDeque::new(), first: 0 }))
    }

    /// Those from this number on, and the number of the next one. Who is new has missed nothing.
    pub fn since(&self, number: Option<u64>) -> (Vec<wire::Alert>, u64) {
        let mut kept = self.0.lock();
        kept.catch_up();
        let next = kept.first + kept.alerts.len() as u64;
        let from = number.unwrap_or(next).clamp(kept.first, next);
        let skipped = usize::try_from(from - kept.first).unwrap_or(usize::MAX);
        let told: Vec<wire::Alert> = kept.alerts.iter().skip(skipped).take(ANSWERED_MAX).cloned().collect();
        let after = from + told.len() as u64;
        (told, after)
    }
}

impl Kept {
    fn catch_up(&mut self) {
        while let Some(Some(delivery)) = self.queue.next().now_or_never() {
            let Delivery::Event(event) = delivery else { continue };
            let Some(alert) = alert_to_wire(&event) else { continue };
            if self.alerts.len() == ALERTS_MAX {
                self.alerts.pop_front();
                self.first += 1;
            }
            self.alerts.push_back(alert);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::infrastructure::nodes::tests::alert;
    use crate::platform::event_bus::{EventBus, Topic};

    #[test]
    fn each_alert_is_told_once_to_who_asks_where_it_left_off() {
        let bus = EventBus::default();
        let news = News::new(bus.subscribe(Topic::Alerts));
        bus.publish(alert("before"));
        let (told, next) = news.since(None);
        assert!(told.is_empty(), "who is new has missed nothing");
        bus.publish(alert("a"));
        bus.publish(alert("b"));
        let (told, next) = news.since(Some(next));
        assert_eq!(told.iter().map(|alert| &*alert.rule_id).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(news.since(Some(next)), (Vec::new(), next));
    }

    #[test]
    fn of_more_than_are_kept_the_oldest_are_forgotten() {
        let bus = EventBus::default();
        let news = News::new(bus.subscribe(Topic::Alerts));
        let (_, begin) = news.since(None);
        for at in 0..ALERTS_MAX + 2 {
            bus.publish(alert(&at.to_string()));
        }
        let (told, next) = news.since(Some(begin));
        assert_eq!((&*told[0].rule_id, told.len(), next), ("2", ANSWERED_MAX, 2 + ANSWERED_MAX as u64));
    }
}
