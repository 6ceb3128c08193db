//! `SIGHUP`: the configuration and the rule files are read again. Where anything is wrong with them, all stays as it was.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use super::access::{api_keys, rate_limits};
use super::load_rules;
use super::routing::notification_plan;
use crate::alerting::{RuleFiles, RuleReload};
use crate::config::{Alerting, Settings, SettingsSource};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::logging::LogLevel;
use crate::tenancy::{Access, ApiKey, Rates};

/// What can be changed while the server runs.
#[derive(Debug)]
pub struct Reloading {
    pub source: SettingsSource,
    pub level: LogLevel,
    pub access: Access,
    pub rates: Arc<Rates>,
    pub rules: RuleReload,
}

/// What was read, and found right.
struct Read {
    /// What is in force from now on.
    settings: Settings,
    /// Keys whose new values need a start.
    waiting: Vec<String>,
    keys: Vec<ApiKey>,
    rules: RuleFiles,
}

impl Reloading {
    pub fn on_hangup(self, settings: &Settings, lifecycle: &Lifecycle) -> std::io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        let (mut settings, stop) = (settings.clone(), lifecycle.stop_token());
        lifecycle.spawn("reload", async move {
            while let Some(Some(())) = stop.run_until_cancelled(hangups.recv()).await {
                let (source, current) = (self.source.clone(), settings.clone());
                // Files are read on a thread that may wait for a disk.
                match tokio::task::spawn_blocking(move || read(&source, &current)).await {
                    Ok(Ok(read)) => {
                        settings = read.settings.clone();
                        self.apply(read).await;
                    }
                    Ok(Err(error)) => {
                        let error = format!("{error:#}");
                        tracing::error!(
                            error,
                            "the configuration is wrong; the one of before stays in force"
                        );
                    }
                    Err(error) => tracing::error!(%error, "the configuration was not read again"),
                }
            }
        });
        Ok(())
    }

    async fn apply(&self, read: Read) {
        if let Err(error) = self.level.set(&read.settings.log.level) {
            tracing::error!(%error, "the log level stays as it was");
        }
        let (keys, rules) = (read.keys.len(), read.rules.len());
        self.access.replace_keys(read.keys);
        self.rates.replace(rate_limits(&read.settings));
        if self.rules.replace(read.rules).await.is_some() {
            tracing::info!(rules, keys, "the configuration was read again");
        }
        if !read.waiting.is_empty() {
            let keys = read.waiting.join(", ");
            tracing::warn!(keys, "these keys have new values, which take a start of the server");
        }
    }
}

/// Everything is looked at before anything changes.
fn read(source: &SettingsSource, current: &Settings) -> anyhow::Result<Read> {
    let written = source.load()?;
    // Without keys everybody may do everything: nobody means that by a slip in a file.
    anyhow::ensure!(
        current.keys.is_empty() == written.keys.is_empty(),
        "[keys]: the first key, or the last one to go, takes a start of the server"
    );
    let settings = in_force(current, &written);
    notification_plan(&settings)?;
    Ok(Read {
        waiting: settings.keys_that_differ(&written).into_iter().collect(),
        keys: api_keys(&settings)?,
        rules: load_rules(&settings)?,
        settings,
    })
}

/// What was written, where it can be changed while the server runs; elsewhere what is in force.
fn in_force(current: &Settings, written: &Settings) -> Settings {
    let log = crate::config::Log { level: written.log.level.clone(), ..current.log.clone() };
    Settings {
        log,
        keys: written.keys.clone(),
        limits: written.limits,
        alerting: Alerting { rules: written.alerting.rules.clone(), ..current.alerting.clone() },
        ..current.clone()
    }
}
