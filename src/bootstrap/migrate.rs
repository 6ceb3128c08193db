//! `telemetryflow migrate`: brings the schema to this version without serving, or prints what would be run.

use parking_lot::Mutex;

use crate::config::{Settings, StoreKind};
use crate::platform::clickhouse::deployment::Deployment;
use crate::platform::clickhouse::{Insert, Rows, Select, Store, StoreError};

use super::store_parts::{deployment, prepare};

/// All statements that a store without tables would be given, in their order, each ended by a semicolon. Asks nobody.
pub fn dry_run(settings: &Settings) -> anyhow::Result<String> {
    let deployment = match &settings.store.kind {
        StoreKind::Network(network) => deployment(network),
        StoreKind::Embedded | StoreKind::Null => Deployment::default(),
    };
    let recorder = Recorder { deployment, statements: Mutex::default() };
    prepare(&recorder, settings)?;
    let statements = recorder.statements.into_inner();
    Ok(statements.iter().map(|statement| format!("{};\n\n", statement.trim_end())).collect())
}

/// A store that has nothing and writes down what it is told.
#[derive(Debug)]
struct Recorder {
    deployment: Deployment,
    statements: Mutex<Vec<String>>,
}

impl Store for Recorder {
    fn execute(&self, statement: &str) -> Result<(), StoreError> {
        self.statements.lock().extend(self.deployment.schema(statement));
        Ok(())
    }

    fn select(&self, _select: &Select<'_>) -> Result<Rows, StoreError> {
        Ok(Rows::default())
    }

    fn derive(&self, _statement: &Select<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    fn insert(&self, _insert: &Insert<'_>) -> Result<(), StoreError> {
        Ok(())
    }
}
