//! Builds alerting from the settings: its state database, channels and routes, and where it reads the past.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;

use super::routing::notification_plan;
use crate::alerting::{
    Alerting, AlertingMetrics, AlertingOptions, AlertingParts, ChannelSetup, Inserts, JournalCourse,
    JournalReading, MIGRATIONS, Past, PastError, PastFuture, Resolved, RuleFiles, ServerReading, ServerState,
    Signing, Target,
};
use crate::config::{self, ChannelKind, SendResolved, Settings, WebhookSigning};
use crate::platform::event_bus::EventBus;
use crate::platform::journal::Measures;
use crate::platform::outgoing::OutgoingClient;
use crate::platform::state::{StateDatabase, StateOptions};
use crate::querying::{ClickHouseReader, ReadError};
use crate::shared::{Clock, PastRecord, PastSeries, RecordQuery, TenantId, TimeRange};
use crate::telemetry::WritePath;

/// What is remembered beside telemetry.
pub async fn open_state(settings: &Settings) -> anyhow::Result<StateDatabase> {
    let target = &settings.state.target;
    let database = StateDatabase::open(target, MIGRATIONS, StateOptions::default()).await;
    database.with_context(|| target.to_string())
}

/// Goes on where alerting stood.
pub async fn open(
    settings: &Settings,
    files: &RuleFiles,
    database: StateDatabase,
    (clock, bus): (&Arc<dyn Clock>, &Arc<EventBus>),
    metrics: AlertingMetrics,
) -> anyhow::Result<Alerting> {
    let alerting = AlertingParts {
        files: files.clone(),
        channels: settings.channels.iter().map(|(name, channel)| channel_setup(name, channel)).collect(),
        plan: notification_plan(settings)?,
        options: AlertingOptions {
            allowed_lateness: settings.alerting.allowed_lateness,
            instances_max: settings.alerting.instances_max,
            ..AlertingOptions::default()
        },
        database,
        outgoing: OutgoingClient::new(settings.outgoing.allow.clone())?,
        clock: Arc::clone(clock),
        bus: Arc::clone(bus),
        metrics,
    };
    Ok(Alerting::open(alerting).await?)
}

fn channel_setup(name: &str, channel: &config::Channel) -> ChannelSetup {
    let target = match &channel.kind {
        ChannelKind::Slack { url } => Target::Slack { url: url.clone() },
        ChannelKind::Webhook { url, signing } => Target::Webhook {
            url: url.clone(),
            signing: match signing {
                WebhookSigning::Off => Signing::Off,
                WebhookSigning::With(secret) => Signing::With(secret.clone()),
            },
        },
        ChannelKind::PagerDuty { url, routing_key } => {
            Target::PagerDuty { url: url.clone(), routing_key: routing_key.clone() }
        }
        ChannelKind::Email(email) => {
            Target::Email { server: email.server.clone(), from: email.from.clone(), to: email.to.clone() }
        }
    };
    let resolved = match channel.send_resolved {
        SendResolved::Yes => Resolved::Told,
        SendResolved::No => Resolved::Kept,
    };
    ChannelSetup { name: name.into(), resolved, target }
}

/// Whose series rules without a tenant look at.
pub fn tenants(settings: &Settings) -> Vec<TenantId> {
    let mut tenants: BTreeSet<TenantId> = settings.keys.values().map(|key| key.tenant.clone()).collect();
    tenants.insert(TenantId::unnamed());
    tenants.into_iter().collect()
}

/// How ingestion and the store do, for the rules over the server itself.
pub fn server_state(write_path: &Arc<WritePath>) -> Arc<dyn ServerState> {
    struct Own(Arc<WritePath>);

    impl ServerState for Own {
        fn read(&self) -> ServerReading {
            let totals = self.0.ledger().totals();
            ServerReading {
                accepted: totals.accepted,
                in_flight: totals.in_flight,
                inserts: if self.0.is_stalled() { Inserts::Fail } else { Inserts::Pass },
                journal: self.0.journal().map(|journal| journal_reading(&journal.measures())),
            }
        }
    }

    Arc::new(Own(Arc::clone(write_path)))
}

#[expect(clippy::cast_precision_loss, reason = "a ratio")]
fn journal_reading(measures: &Measures) -> JournalReading {
    JournalReading {
        used_ratio: measures.live_bytes as f64 / measures.bytes_max.max(1) as f64,
        course: if measures.is_failed { JournalCourse::Failed } else { JournalCourse::Works },
    }
}

/// The past, as the query side reads it.
pub fn past(reader: ClickHouseReader) -> Arc<dyn Past> {
    struct Stored(ClickHouseReader);

    impl Past for Stored {
        fn read(&self, tenant: TenantId, metric: Box<str>, range: TimeRange) -> PastFuture<'_, PastSeries> {
            Box::pin(async move {
                let read = self.0.past_series(&tenant, &metric, range).await;
                read.map_err(past_error)
            })
        }

        fn records(&self, tenant: TenantId, query: RecordQuery) -> PastFuture<'_, PastRecord> {
            Box::pin(async move {
                let read = self.0.past_records(&tenant, &query).await;
                read.map_err(past_error)
            })
        }
    }

    Arc::new(Stored(reader))
}

fn past_error(error: ReadError) -> PastError {
    match error {
        ReadError::TooLarge => PastError::TooMuch,
        other => PastError::Unavailable(other.to_string().into()),
    }
}
