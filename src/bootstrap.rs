//! Where the parts meet: the only place that names adapters of several contexts. Starts them, and stops them in order.

mod access;
mod alerting_host;
mod alerting_parts;
mod backtest;
mod dead_letters;
mod dependencies;
mod ingestion;
mod listeners;
mod migrate;
mod nodes;
mod openapi;
mod own_telemetry;
mod parts;
mod redis;
mod reload;
mod role;
mod rollups;
mod routing;
mod shutdown;
mod sql;
mod state_parts;
mod store_parts;
mod surroundings;

use std::collections::BTreeSet;

use anyhow::Context;

use crate::alerting::{self, OwnRuleOptions, RuleFiles};
use crate::config::{LogFormat, OwnRules, Rules, Settings, SettingsSource};
use crate::platform::logging::{self, LineFormat, LogLevel};
use crate::platform::own_telemetry::{ExportOptions, OwnTraces};

/// Reads the alert rules that the configuration names, and puts the built-in ones beside them.
pub fn load_rules(settings: &Settings) -> anyhow::Result<RuleFiles> {
    let channels: BTreeSet<String> = settings.channels.keys().cloned().collect();
    let files = match &settings.alerting.rules {
        Rules::None => RuleFiles::default(),
        Rules::At(path) => alerting::load_rules(path, Some(&channels))?,
    };
    let own = &settings.alerting.own;
    match own.rules {
        OwnRules::Off => Ok(files),
        OwnRules::On => {
            let options = OwnRuleOptions {
                tenant: own.tenant.clone(),
                channels: own.channels.clone(),
                runbook_base: runbook_base(settings),
            };
            Ok(files.with_built_in(alerting::own_rules(&options, &channels)?))
        }
    }
}

/// The server has the pages itself.
fn runbook_base(settings: &Settings) -> String {
    let written = &settings.alerting.own.runbook_base;
    if written.is_empty() { settings.alerting.external_url.clone() } else { written.clone() }
}

pub use backtest::{BacktestRequest, run as run_backtest};
pub use dead_letters::dead_letters_path;
pub use migrate::dry_run as migrate_dry_run;
pub use openapi::document as openapi_document;
pub use routing::notification_plan;
pub use sql::run as run_sql;
pub use store_parts::open_prepared as run_migrate;
pub use surroundings::{Machine, Surroundings};

/// Serves until the process is asked to stop. Returns when everything that was accepted is stored.
pub fn serve(source: &SettingsSource, surroundings: &dyn Surroundings) -> anyhow::Result<()> {
    let settings = &source.load()?;
    let format = match settings.log.format {
        LogFormat::Text => LineFormat::Text,
        LogFormat::Json => LineFormat::Json,
    };
    let export = own_telemetry::options(settings);
    let traces = own_telemetry::traces(export.as_ref())?;
    let level = logging::start(format, &settings.log.level, traces.as_ref().map(OwnTraces::tracer))?;
    let process = Process { source: source.clone(), level, export };
    let rules = load_rules(settings)?;
    notification_plan(settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let served = runtime.block_on(run(settings, &rules, &process, surroundings));
    // What still runs by now is past its deadline.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    traces.into_iter().for_each(OwnTraces::stop);
    served
}

/// What there is once in a process.
#[derive(Debug)]
struct Process {
    source: SettingsSource,
    level: LogLevel,
    /// Where the own metrics and traces go, if anywhere.
    export: Option<ExportOptions>,
}

async fn run(
    settings: &Settings,
    rules: &RuleFiles,
    process: &Process,
    surroundings: &dyn Surroundings,
) -> anyhow::Result<()> {
    // Ports first: a second server on the same machine is told so before it opens anything.
    let listeners = listeners::bind(settings).await?;
    let parts = parts::build(settings, rules, process, surroundings).await?;
    let running = listeners::start(listeners, parts, process, settings).await?;
    running.say_ready(settings);
    let stop = shutdown::requested(&running).await?;
    running.stop(settings.shutdown.deadline).await?;
    stop.outcome()
}
