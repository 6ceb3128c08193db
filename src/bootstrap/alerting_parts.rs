//! Builds alerting from the settings: its state database, channels and routes, and where it reads the past.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use prometheus_client::registry::Registry;

use super::routing::notification_plan;
use crate::alerting::{
    Alerting, AlertingMetrics, AlertingOptions, AlertingParts, ChannelSetup, Inserts, JournalCourse,
    JournalReading, Past, PastError, PastFuture, Resolved, RuleFiles, ServerReading, ServerState, Signing,
    Target,
};
use crate::config::{self, ChannelKind, OwnRules, SendResolved, Settings, WebhookSigning};
use crate::platform::event_bus::EventBus;
use crate::platform::journal::Measures;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::outgoing::OutgoingClient;
use crate::platform::state::StateDatabase;
use crate::querying::{ClickHouseReader, ReadError};
use crate::shared::{Clock, PastRecord, PastSeries, RecordQuery, TenantId, TimeRange};
use crate::telemetry::{InTransit, WritePath};
use crate::tenancy::Access;

/// Opens alerting, as often as this node begins to evaluate the rules.
pub struct AlertingSetup {
    settings: Settings,
    clock: Arc<dyn Clock>,
    pub bus: Arc<EventBus>,
    metrics: AlertingMetrics,
}

impl AlertingSetup {
    pub fn new(
        settings: &Settings,
        (clock, bus): (&Arc<dyn Clock>, &Arc<EventBus>),
        registry: &mut Registry,
    ) -> Self {
        let metrics = AlertingMetrics::registered(registry);
        Self { settings: settings.clone(), clock: Arc::clone(clock), bus: Arc::clone(bus), metrics }
    }

    pub fn options(&self) -> AlertingOptions {
        AlertingOptions {
            allowed_lateness: self.settings.alerting.allowed_lateness,
            instances_max: self.settings.alerting.instances_max,
            ..AlertingOptions::default()
        }
    }

    /// Goes on where alerting stood.
    pub async fn open(
        &self,
        files: RuleFiles,
        database: StateDatabase,
        options: AlertingOptions,
    ) -> anyhow::Result<Alerting> {
        let channels = self.settings.channels.iter();
        let alerting = AlertingParts {
            files,
            channels: channels.map(|(name, channel)| channel_setup(name, channel)).collect(),
            plan: notification_plan(&self.settings)?,
            options,
            database,
            outgoing: OutgoingClient::new(self.settings.outgoing.allow.clone())?,
            clock: Arc::clone(&self.clock),
            bus: Arc::clone(&self.bus),
            metrics: self.metrics.clone(),
        };
        Ok(Alerting::open(alerting).await?)
    }
}

/// What alerting works with while it runs.
pub struct AlertingAround {
    pub access: Access,
    pub past: Arc<dyn Past>,
    /// Whose series rules without a tenant look at.
    pub tenants: Vec<TenantId>,
    /// How the server does, for the rules over itself, and whose they are; absent without such rules.
    pub own: Option<(Arc<dyn ServerState>, TenantId)>,
}

impl AlertingAround {
    pub fn new(
        settings: &Settings,
        access: Access,
        past: Arc<dyn Past>,
        write_path: &Arc<WritePath>,
    ) -> Self {
        let own = &settings.alerting.own;
        let own = (own.rules == OwnRules::On).then(|| (server_state(write_path), own.tenant.clone()));
        Self { access, past, tenants: tenants(settings), own }
    }

    /// Gives its routes.
    pub fn start(&self, alerting: Alerting, lifecycle: &Lifecycle) -> Router {
        let routes = alerting.router(&self.access, Arc::clone(&self.past));
        if let Some((server, tenant)) = &self.own {
            alerting.watch_itself(Arc::clone(server), tenant.clone(), lifecycle);
        }
        alerting.start(Some(Arc::clone(&self.past)), self.tenants.clone(), lifecycle);
        routes
    }
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
fn server_state(write_path: &Arc<WritePath>) -> Arc<dyn ServerState> {
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

/// The past, as the query side reads it, and what is on its way there.
pub fn past(reader: ClickHouseReader, in_transit: Arc<InTransit>) -> Arc<dyn Past> {
    struct Stored {
        reader: ClickHouseReader,
        in_transit: Arc<InTransit>,
    }

    impl Past for Stored {
        fn read(&self, tenant: TenantId, metric: Box<str>, range: TimeRange) -> PastFuture<'_, PastSeries> {
            Box::pin(async move {
                let read = self.reader.past_series(&tenant, &metric, range).await;
                read.map_err(past_error)
            })
        }

        fn records(&self, tenant: TenantId, query: RecordQuery) -> PastFuture<'_, PastRecord> {
            Box::pin(async move {
                let read = self.reader.past_records(&tenant, &query).await;
                read.map_err(past_error)
            })
        }

        fn catches_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            Box::pin(self.in_transit.passed())
        }
    }

    Arc::new(Stored { reader, in_transit })
}

fn past_error(error: ReadError) -> PastError {
    match error {
        ReadError::TooLarge => PastError::TooMuch,
        other => PastError::Unavailable(other.to_string().into()),
    }
}
