//! `AlertingHost`: alerting on a server that is alone, or on one of several.

use std::sync::Arc;

use axum::Router;
use prometheus_client::registry::Registry;

use super::alerting_parts::{AlertingAround, AlertingSetup};
use super::nodes::{Farewell, Nodes};
use super::state_parts;
use crate::alerting::{Alerting, NodeMetrics, RuleFiles, RuleReload, runbooks_router};
use crate::config::{self, Settings};
use crate::platform::event_bus::EventBus;
use crate::platform::health::{Dependency, Probe};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::state::{StateDatabase, StateDirectory, StateOptions, StateTarget};
use crate::shared::{Clock, SeriesWatch};

/// Opened, and ready to start.
pub struct AlertingHost {
    kind: Kind,
    reload: RuleReload,
    state: &'static str,
}

enum Kind {
    Alone { alerting: Box<Alerting>, database: Box<StateDatabase> },
    Several(Box<Nodes>),
}

impl AlertingHost {
    /// A server that is alone goes on where alerting stood, or fails. One of several takes part when it is started.
    pub async fn open(
        settings: &Settings,
        rules: &RuleFiles,
        (clock, bus): (&Arc<dyn Clock>, &Arc<EventBus>),
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let setup = AlertingSetup::new(settings, (clock, bus), registry);
        let reload = RuleReload::new(rules.clone());
        let kind = match (&settings.nodes, &settings.state.target) {
            (config::Nodes::Several(nodes), StateTarget::Postgres(postgres)) => {
                let directory = StateDirectory::new(postgres, &StateOptions::default())?;
                let metrics = NodeMetrics::registered(registry);
                let target = settings.state.target.clone();
                let nodes = Nodes::new(setup, nodes, target, directory, reload.clone(), metrics)?;
                Kind::Several(Box::new(nodes))
            }
            _ => {
                let database = state_parts::open(settings).await?;
                let alerting = setup.open(rules.clone(), database.clone(), setup.options()).await?;
                reload.attach(&alerting);
                Kind::Alone { alerting: Box::new(alerting), database: Box::new(database) }
            }
        };
        Ok(Self { kind, reload, state: settings.state.target.kind() })
    }

    /// Who looks at series.
    pub fn watch(&self) -> Arc<dyn SeriesWatch> {
        match &self.kind {
            Kind::Alone { alerting, .. } => alerting.watch(),
            Kind::Several(nodes) => nodes.watch(),
        }
    }

    /// How rule files are read again.
    pub fn reload(&self) -> RuleReload {
        self.reload.clone()
    }

    /// What one of several leaves until everything is stored.
    pub fn farewell(&self) -> Option<Farewell> {
        match &self.kind {
            Kind::Alone { .. } => None,
            Kind::Several(nodes) => Some(nodes.farewell()),
        }
    }

    /// The state database.
    pub fn dependency(&self) -> Dependency {
        Dependency::new(
            "state",
            self.state,
            match &self.kind {
                Kind::Alone { database, .. } => ask_database(StateDatabase::clone(database)),
                Kind::Several(nodes) => ask_directory(nodes.directory()),
            },
        )
    }

    /// Gives the routes of alerting.
    pub fn start(self, around: AlertingAround, lifecycle: &Lifecycle) -> Router {
        let routes = match self.kind {
            Kind::Alone { alerting, database } => {
                state_parts::watch(*database, lifecycle);
                around.start(*alerting, lifecycle)
            }
            Kind::Several(nodes) => nodes.start(around, lifecycle),
        };
        routes.merge(runbooks_router())
    }
}

fn ask_database(database: StateDatabase) -> Probe {
    Box::new(move || {
        let database = database.clone();
        Box::pin(async move { database.ping().await.map_err(|error| error.to_string()) })
    })
}

fn ask_directory(directory: Arc<StateDirectory>) -> Probe {
    Box::new(move || {
        let directory = Arc::clone(&directory);
        Box::pin(async move { directory.owner().await.map(drop).map_err(|error| error.to_string()) })
    })
}
