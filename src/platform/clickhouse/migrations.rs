//! Brings the schema to the version of this program, step by step, and refuses one that is newer.

use arrow_array::cast::AsArray;
use arrow_array::types::UInt32Type;

use super::{Select, Store, StoreError};

/// One numbered step. Its statements can run again without harm, since a crash may have cut the step short.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Counts from 1, without gaps.
    pub version: u32,
    pub name: &'static str,
    pub statements: &'static [&'static str],
}

#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    #[error(
        "the data was written by a newer version (schema {found}, this program knows {known}): use that version or another data folder"
    )]
    Newer { found: u32, known: u32 },
    #[error("schema step {version} ({name}) failed")]
    Step { version: u32, name: &'static str, source: StoreError },
    #[error("the schema's version cannot be read")]
    Version(#[from] StoreError),
}

const CREATE_DATABASE: &str = include_str!("../../../clickhouse/platform/create_database.sql");
const CREATE_TABLE: &str = include_str!("../../../clickhouse/platform/create_schema_migrations.sql");
const VERSION: &str = include_str!("../../../clickhouse/platform/schema_version.sql");
const RECORD: &str = include_str!("../../../clickhouse/platform/record_migration.sql");

/// Applies what is missing, in order, and returns the version before.
pub fn migrate(store: &dyn Store, migrations: &[Migration]) -> Result<u32, MigrationError> {
    store.execute(CREATE_DATABASE)?;
    store.execute(CREATE_TABLE)?;
    let found = version(store)?;
    let known = migrations.last().map_or(0, |last| last.version);
    if found > known {
        return Err(MigrationError::Newer { found, known });
    }
    for migration in migrations.iter().filter(|migration| migration.version > found) {
        // A step may rewrite all that is stored: whoever waits knows for what.
        tracing::info!(version = migration.version, name = migration.name, "applying schema step");
        apply(store, migration).map_err(|source| MigrationError::Step {
            version: migration.version,
            name: migration.name,
            source,
        })?;
        tracing::info!(version = migration.version, name = migration.name, "applied schema step");
    }
    Ok(found)
}

fn apply(store: &dyn Store, migration: &Migration) -> Result<(), StoreError> {
    for statement in migration.statements {
        store.execute(statement)?;
    }
    let record =
        RECORD.replace("{{version}}", &migration.version.to_string()).replace("{{name}}", migration.name);
    store.execute(&record)
}

fn version(store: &dyn Store) -> Result<u32, StoreError> {
    let rows = store.select(&Select::new(VERSION, &[]))?;
    let column = rows.batches.first().and_then(|batch| batch.columns().first().cloned());
    let versions = column.as_ref().and_then(|column| column.as_primitive_opt::<UInt32Type>());
    Ok(versions.and_then(|column| column.iter().next().flatten()).unwrap_or_default())
}
