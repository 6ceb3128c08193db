//! `Keeper`: writes entries in the background, no more than may be there at once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Order, SecondLevelCounters};
use crate::platform::redis::RedisClient;
use crate::platform::redis::exchange::HISTORY;

/// What an entry costs beside its bytes: key, node, expiry.
const OVERHEAD: usize = 256;

#[derive(Debug)]
pub struct Keeper {
    client: RedisClient,
    orders: mpsc::Receiver<Order>,
    written: Written,
    counters: SecondLevelCounters,
}

impl std::fmt::Debug for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keep { key, .. } => f.debug_tuple("Keep").field(key).finish(),
            Self::Remove { key } => f.debug_tuple("Remove").field(key).finish(),
        }
    }
}

impl Keeper {
    pub(super) fn new(
        client: RedisClient,
        orders: mpsc::Receiver<Order>,
        bytes_max: u64,
        counters: SecondLevelCounters,
    ) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { client, orders, written: Written::new(bytes_max), counters }
    }

    /// Until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(Some(order)) = stop.run_until_cancelled(self.orders.recv()).await {
            match order {
                Order::Remove { key } => _ = self.client.remove(&key).await,
                Order::Keep { key, bytes } => self.keep(&key, &bytes).await,
            }
        }
        stop.cancelled().await;
    }

    async fn keep(&mut self, key: &str, bytes: &[u8]) {
        let outcome = match self.written.admit(bytes.len() + OVERHEAD, Instant::now()) {
            false => "full",
            true if self.client.set(key, bytes, HISTORY).await.is_ok() => "kept",
            true => "failed",
        };
        self.counters.count(outcome);
    }
}

/// Bytes that were written within the time that entries live.
#[derive(Debug)]
struct Written {
    bytes_max: usize,
    bytes: usize,
    entries: VecDeque<(Instant, usize)>,
}

impl Written {
    const fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, entries: VecDeque::new() }
    }

    fn admit(&mut self, bytes: usize, now: Instant) -> bool {
        let gone =
            |written: Instant| now.saturating_duration_since(written) > HISTORY + Duration::from_secs(1);
        while let Some((_, bytes)) = self.entries.front().filter(|(written, _)| gone(*written)) {
            self.bytes = self.bytes.saturating_sub(*bytes);
            self.entries.pop_front();
        }
        if self.bytes.saturating_add(bytes) > self.bytes_max {
            return false;
        }
        self.bytes += bytes;
        self.entries.push_back((now, bytes));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_written_than_may_be_there_at_once() {
        let (mut written, start) = (Written::new(1_000), Instant::now());
        assert!(written.admit(600, start));
        assert!(!written.admit(600, start));
        assert!(written.admit(400, start + Duration::from_secs(200)));
        assert!(!written.admit(1, start + Duration::from_secs(300)));
        assert!(written.admit(600, start + Duration::from_secs(302)));
        assert!(!written.admit(1, start + Duration::from_secs(302)));
    }
}
