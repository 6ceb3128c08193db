//! The task by which the server watches itself: reads its own state every 5 s and hands it to the rules.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::alerting::application::commands::EvaluatorHandle;
use crate::alerting::application::delivery::outboxes::Outboxes;
use crate::alerting::application::metrics::AlertingMetrics;
use crate::alerting::application::own_measures::{OwnMeasures, OwnReading, ServerState};
use crate::shared::{Clock, SeriesWatch};

/// The windows of `src/alerting/own_rules.yaml` hold three of them.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// What is read, and who is told of it.
pub struct OwnWatch {
    pub server: Arc<dyn ServerState>,
    pub outboxes: Arc<Outboxes>,
    pub metrics: AlertingMetrics,
    pub watch: Arc<dyn SeriesWatch>,
    pub evaluator: EvaluatorHandle,
    pub clock: Arc<dyn Clock>,
}

impl OwnWatch {
    pub async fn run(self, mut measures: OwnMeasures, stop: CancellationToken) {
        let mut ticker = interval(SAMPLE_EVERY);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticker.tick()).await.is_some() {
            let reading = self.read().await;
            let now = self.clock.now();
            let measured = measures.measure(&reading, now);
            self.evaluator.observe(measures.event(&measured, &*self.watch, now));
        }
    }

    async fn read(&self) -> OwnReading {
        let channels = self.outboxes.health().await.inspect_err(|error| {
            tracing::debug!(%error, "it cannot be told how the channels do");
        });
        OwnReading {
            server: self.server.read(),
            channels: channels.ok(),
            lag: Duration::try_from_secs_f64(self.metrics.lag.get()).unwrap_or_default(),
            events_missed: self.metrics.events_overlooked(),
            crowded_out: self.metrics.crowded_out(),
        }
    }
}

impl std::fmt::Debug for OwnWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnWatch").field("outboxes", &self.outboxes).finish_non_exhaustive()
    }
}
