//! Starts what decides who is told of which alert, over the state database, and gives Alertmanager's routes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tokio::time::{MissedTickBehavior, interval};

use super::routing::notification_plan;
use crate::alerting::{
    AlertmanagerApi, MIGRATIONS, Notification, Notifier, Outboxes, StateLedger, alertmanager_router,
    config_text,
};
use crate::config::Settings;
use crate::platform::clock::SystemClock;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::state::{StateDatabase, StateOptions};
use crate::shared::Clock;
use crate::tenancy::Access;

/// How often it is looked what has become due.
const TICK: Duration = Duration::from_secs(1);

/// Notifications wait in the ledger until their channel is served from there.
struct InLedger;

impl Outboxes for InLedger {
    fn put(&self, notification: Notification) {
        tracing::info!(channel = %notification.channel, "a notification waits in the state database");
    }
}

/// Goes on with what the state database remembers, until the lifecycle stops.
pub async fn start(settings: &Settings, access: Access, lifecycle: &Lifecycle) -> anyhow::Result<Router> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let path = &settings.state.path;
    let database = StateDatabase::open(path, MIGRATIONS, StateOptions::default()).await;
    let database = database.with_context(|| format!("[state] path = {}", path.display()))?;
    let ledger = Arc::new(StateLedger::new(database));
    let plan = notification_plan(settings)?;
    let receivers: Vec<Box<str>> = settings.channels.keys().map(|name| name.as_str().into()).collect();
    let config = config_text(&plan, &receivers).into();
    let started = clock.now();
    let notifier = Notifier::open(plan, ledger, Arc::new(InLedger), fastrand::Rng::new(), started).await?;
    let notifier = Arc::new(notifier);
    lifecycle.spawn("notifier", tick(Arc::clone(&notifier), Arc::clone(&clock), lifecycle.stop_token()));
    let api = AlertmanagerApi { notifier, receivers, config, started, clock };
    Ok(alertmanager_router(Arc::new(api), access))
}

async fn tick(notifier: Arc<Notifier>, clock: Arc<dyn Clock>, stop: tokio_util::sync::CancellationToken) {
    let mut ticker = interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticker.tick()).await.is_some() {
        if let Err(error) = notifier.tick(clock.now()).await {
            tracing::error!(%error, "what alerts are in cannot be remembered now; will retry");
        }
    }
}
