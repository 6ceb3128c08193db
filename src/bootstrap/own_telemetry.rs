//! Sends the server's own metrics and traces where the configuration says.

use std::sync::Arc;

use anyhow::Context;

use crate::config::Settings;
use crate::platform::health::Health;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::own_telemetry::{ExportOptions, OwnTraces, export_metrics};
use crate::shared::Clock;

/// Absent where nothing is sent.
pub fn options(settings: &Settings) -> Option<ExportOptions> {
    let telemetry = &settings.telemetry;
    telemetry.otlp.as_ref().map(|base| ExportOptions {
        base: base.clone(),
        key: telemetry.key.clone(),
        metrics_interval: telemetry.metrics_interval,
        traces_per_thousand: telemetry.traces_per_thousand,
        instance: uuid::Uuid::now_v7().to_string(),
    })
}

/// Before there is an async runtime, since spans are sent by a client that blocks.
pub fn traces(export: Option<&ExportOptions>) -> anyhow::Result<Option<OwnTraces>> {
    let wanted = export.filter(|export| export.traces_per_thousand > 0);
    wanted.map(OwnTraces::start).transpose().context("[telemetry] otlp")
}

pub fn metrics(
    export: Option<&ExportOptions>,
    health: &Arc<Health>,
    clock: &Arc<dyn Clock>,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let Some(export) = export else { return Ok(()) };
    let health = Arc::clone(health);
    let expose = Arc::new(move || health.exposition().ok());
    export_metrics(export.clone(), expose, Arc::clone(clock), lifecycle).context("[telemetry] otlp")
}
