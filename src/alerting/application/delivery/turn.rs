//! `Turns`: one request at a time to one address, and a pause after each.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use parking_lot::Mutex;

/// Who may speak to an address. Those who wait come in the order in which they asked.
#[derive(Debug)]
pub struct Turns {
    gap: Duration,
    one: Semaphore,
    free_at: Mutex<Instant>,
}

/// The right to send one request; the pause begins when it is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Turns {
    pub fn new(gap: Duration) -> Self {
        Self { gap, one: Semaphore::new(1), free_at: Mutex::new(Instant::now()) }
    }

    pub async fn next(&self) -> Turn<'_> {
        // The semaphore is never closed.
        let permit = self.one.acquire().await.ok();
        let free_at = *self.free_at.lock();
        sleep_until(free_at).await;
        Turn { turns: self, _permit: permit }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.turns.free_at.lock() = Instant::now() + self.turns.gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_a_gap_apart_whoever_takes_them() {
        let gap = Duration::from_millis(20);
        let turns = Turns::new(gap);
        let take = async || {
            let turn = turns.next().await;
            let from = Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
            let until = Instant::now();
            drop(turn);
            (from, until)
        };
        let (a, b, c) = tokio::join!(take(), take(), take());
        for ((_, ended), (begun, _)) in [(a, b), (b, c)] {
            assert!(begun.duration_since(ended) >= gap);
        }
    }
}
