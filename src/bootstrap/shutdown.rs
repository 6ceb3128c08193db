//! Stopping in order: no new requests, answers to those in flight, everything accepted stored, the engine closed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::telemetry::LeftOver;

use super::listeners::Running;

/// Kept for closing the engine: an eighth of the time, at most so long.
const CLOSE_RESERVE_MAX: Duration = Duration::from_secs(2);
/// How often it is looked whether queries have let go of the store.
const CLOSE_POLL: Duration = Duration::from_millis(20);

/// Why the server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Somebody asked for it.
    Asked,
    /// A part of it cannot go on, and has said so.
    FromWithin,
}

impl Stop {
    /// What the process ends with.
    pub fn outcome(self) -> anyhow::Result<()> {
        match self {
            Self::Asked => Ok(()),
            Self::FromWithin => bail!("the server cannot go on: the log says why"),
        }
    }
}

/// Returns when the process is asked to stop (SIGTERM, or Ctrl-C), or cannot go on.
pub async fn requested(running: &Running) -> anyhow::Result<Stop> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let from_within = running.lifecycle.stop_token();
    tokio::select! {
        _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
        _ = interrupt.recv() => tracing::info!("interrupted: stopping"),
        () = from_within.cancelled() => return Ok(Stop::FromWithin),
    }
    Ok(Stop::Asked)
}

impl Running {
    /// Stops within the deadline, or says what was left undone.
    pub async fn stop(self, deadline: Duration) -> anyhow::Result<()> {
        let started = Instant::now();
        let reserve = CLOSE_RESERVE_MAX.min(deadline / 8);
        let left = |reserve: Duration| deadline.saturating_sub(reserve).saturating_sub(started.elapsed());
        self.lifecycle.stop();
        if timeout(left(reserve * 2), self.lifecycle.wait()).await.is_err() {
            tracing::warn!("some connections did not end in time");
        }
        let write_path = Arc::clone(&self.write_path);
        let drained = tokio::task::spawn_blocking(move || write_path.drain());
        let mut drained = std::pin::pin!(drained);
        let in_time = matches!(timeout(left(reserve), &mut drained).await, Ok(Ok(())));
        if !in_time {
            self.write_path.give_up();
            let _ = timeout(left(reserve / 2), drained).await;
        }
        let left_over = self.write_path.left_over();
        drop(self.write_path);
        // Others are told of what was stored last.
        if let Some(exchange) = self.exchange {
            exchange.say_goodbye().await;
        }
        if let Some(farewell) = self.farewell {
            let _in_time = timeout(left(Duration::ZERO), farewell.say()).await;
        }
        close(self.store, left(Duration::ZERO)).await;
        let took_ms = started.elapsed().as_millis();
        match left_over {
            LeftOver::Nothing => tracing::info!(took_ms, "stopped; everything accepted is stored"),
            LeftOver::InJournal { records } => {
                tracing::warn!(took_ms, records, "stopped; what is not stored stays in the journal");
            }
            LeftOver::Lost => {
                bail!("accepted items could not be stored within {} s and are lost", deadline.as_secs())
            }
        }
        Ok(())
    }
}

/// The engine has to be closed before the process ends. A query whose client has left may still use it; if it goes on for too
/// long, the process ends as if it were killed, which loses nothing that was acknowledged.
async fn close(store: Arc<dyn crate::platform::clickhouse::Store>, patience: Duration) {
    let asked = Instant::now();
    while Arc::strong_count(&store) > 1 && asked.elapsed() < patience {
        tokio::time::sleep(CLOSE_POLL).await;
    }
    if Arc::strong_count(&store) > 1 {
        tracing::warn!(users = Arc::strong_count(&store) - 1, "the store is still in use");
    }
}
