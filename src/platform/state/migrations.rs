//! Brings the schema to the version of this program, step by step, and refuses one that is newer.

use super::StateOpenError;
use super::pools::Pools;
use super::transaction::Tx;

const CREATE: &str = include_str!("../../../schemas/state/platform/create_state_migrations.sql");
const APPLIED: &str = include_str!("../../../schemas/state/platform/applied_migrations.sql");
const RECORD: &str = include_str!("../../../schemas/state/platform/record_migration.sql");

/// One step. Its statement and its number are written together.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The name of its file: steps are numbered from 1 by their order.
    pub name: &'static str,
    pub statement: &'static str,
}

/// Applies what is missing, in order.
pub(super) async fn migrate(pools: &Pools, migrations: &[Migration]) -> Result<(), StateOpenError> {
    let unusable = |source| StateOpenError::Unusable { source };
    let mut writer = pools.writer().await.map_err(unusable)?;
    sqlx::query(CREATE).execute(&mut writer).await.map_err(unusable)?;
    let applied: Vec<(i64, String)> =
        sqlx::query_as(APPLIED).fetch_all(&mut writer).await.map_err(unusable)?;
    // There is one: the steps need it.
    drop(writer);
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    if let Some((found, _)) = applied.last().filter(|(found, _)| *found > known) {
        return Err(StateOpenError::Newer { found: *found, known });
    }
    for (number, migration) in (1..).zip(migrations) {
        match applied.iter().find(|(found, _)| *found == number) {
            Some((_, found)) if found == migration.name => {}
            Some((_, found)) => {
                return Err(StateOpenError::Foreign { number, found: found.clone(), known: migration.name });
            }
            None => step(pools, number, migration).await.map_err(|source| StateOpenError::Step {
                number,
                name: migration.name,
                source,
            })?,
        }
    }
    Ok(())
}

async fn step(pools: &Pools, number: i64, migration: &Migration) -> Result<(), sqlx::Error> {
    let mut tx = Tx::begin(pools.writer().await?, pools.begin()).await?;
    sqlx::query(migration.statement).execute(&mut *tx).await?;
    sqlx::query(RECORD).bind(number).bind(migration.name).execute(&mut *tx).await?;
    tx.end().await?;
    tracing::info!(number, name = migration.name, "applied a step of the state database's schema");
    Ok(())
}
