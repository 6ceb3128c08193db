//! `StateLedger`: what alerting remembers, in the state database. A file per table, each with functions over a connection.
//!
//! To add a table: a file in `schemas/state/migrations/` that is named at the end of [`MIGRATIONS`], statements in a folder
//! of `schemas/state/`, a file here with the row's DTO and its functions, and a line in [`StateLedger::apply`].

pub mod alert_body;
pub mod notified_alerts;
pub mod notified_groups;
pub mod outbox;
pub mod silences;
#[cfg(test)]
mod tests;

use crate::alerting::application::ledger::{Changes, Ledger, LedgerError, LedgerFuture};
use crate::alerting::application::outbox_ledger::{DeadLetter, Discarded, OutboxLedger, Revival};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::alerting::domain::notifying::dispatcher::Remembered;
use crate::platform::state::{Migration, StateDatabase, StateError};
use crate::shared::{TenantId, Timestamp};

/// A step of the schema, from its file.
macro_rules! migration {
    ($name:literal) => {
        Migration {
            name: $name,
            statement: include_str!(concat!("../../../../schemas/state/migrations/", $name)),
        }
    };
}

/// In the order in which they are applied; what was released never changes.
pub const MIGRATIONS: &[Migration] = &[
    migration!("0001_outbox.sql"),
    migration!("0002_outbox_waiting.sql"),
    migration!("0003_silences.sql"),
    migration!("0004_notified_groups.sql"),
    migration!("0005_notified_alerts.sql"),
];

/// The ledger over a database whose schema is [`MIGRATIONS`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StateLedger {
    database: StateDatabase,
}

impl StateLedger {
    pub fn new(database: StateDatabase) -> Self {
        Self { database }
    }
}

impl From<StateError> for LedgerError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Unavailable(_) => Self::Unavailable(error.into()),
            StateError::Unreadable(_) => Self::Unreadable(error.into()),
        }
    }
}

impl Ledger for StateLedger {
    fn apply(&self, changes: Changes) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            if changes.is_empty() {
                return Ok(());
            }
            let mut tx = self.database.begin().await?;
            for notification in &changes.notifications {
                outbox::put(&mut tx, notification).await?;
            }
            for ((tenant, key), alert) in &changes.dispatch.alerts {
                notified_alerts::put(&mut tx, tenant, *key, alert.as_deref()).await?;
            }
            for ((tenant, id), memo) in &changes.dispatch.groups {
                notified_groups::put(&mut tx, tenant, id, memo.as_ref()).await?;
            }
            for ((tenant, id), silence) in &changes.dispatch.silences {
                silences::put(&mut tx, tenant, id, silence.as_ref()).await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn remembered(&self) -> LedgerFuture<'_, Remembered> {
        Box::pin(async move {
            let mut connection = self.database.read().await?;
            Ok(Remembered {
                alerts: notified_alerts::all(&mut connection).await?,
                groups: notified_groups::all(&mut connection).await?,
                silences: silences::all(&mut connection).await?,
            })
        })
    }

    fn unsent(&self) -> LedgerFuture<'_, Vec<Notification>> {
        Box::pin(async move { outbox::unsent(&mut *self.database.read().await?).await })
    }
}

impl OutboxLedger for StateLedger {
    fn settle(&self, id: NotificationId) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            outbox::settle(&mut tx, &id).await?;
            Ok(tx.commit().await?)
        })
    }

    fn bury(&self, id: NotificationId, reason: Box<str>, at: Timestamp) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            outbox::bury(&mut tx, &id, &reason, at).await?;
            Ok(tx.commit().await?)
        })
    }

    fn unsent_of(&self, channel: Box<str>, count: usize) -> LedgerFuture<'_, Vec<Notification>> {
        Box::pin(async move { outbox::unsent_of(&mut *self.database.read().await?, &channel, count).await })
    }

    fn dead_letters(&self, tenant: TenantId) -> LedgerFuture<'_, Vec<DeadLetter>> {
        Box::pin(async move { outbox::dead_letters(&mut *self.database.read().await?, &tenant).await })
    }

    fn dead_counts(&self, tenant: TenantId) -> LedgerFuture<'_, Vec<(Box<str>, u64)>> {
        Box::pin(async move { outbox::dead_counts(&mut *self.database.read().await?, &tenant).await })
    }

    fn revive(&self, tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Revival> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            let revival = outbox::revive(&mut tx, &tenant, &id).await?;
            tx.commit().await?;
            Ok(revival)
        })
    }

    fn discard(&self, tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Discarded> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            let discarded = outbox::discard(&mut tx, &tenant, &id).await?;
            tx.commit().await?;
            Ok(discarded)
        })
    }
}
