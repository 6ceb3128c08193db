//! `StateLedger`: what alerting remembers, in the state database. A file per table, each with functions over a connection.
//!
//! To add a table: a file in `schemas/state/migrations/` that is named at the end of [`MIGRATIONS`], statements in a folder
//! of `schemas/state/`, a file here with the row's DTO and its functions, and a line in [`StateLedger::apply`].

pub mod alert_body;
pub mod alive;
pub mod fates;
pub mod incidents;
pub mod instances;
pub mod notified_alerts;
pub mod notified_groups;
pub mod outbox;
pub mod rules;
pub mod silences;
#[cfg(test)]
mod tests;
pub mod transitions;

use std::sync::Arc;

use self::fates::Fates;
use crate::alerting::application::history::{HistoryEntry, HistoryStore};
use crate::alerting::application::incidents::{IncidentPage, IncidentStore};
use crate::alerting::application::ledger::{Changes, Ledger, LedgerError, LedgerFuture, Standing};
use crate::alerting::application::outbox_ledger::{DeadLetter, Discarded, Fate, OutboxLedger, Revival};
use crate::alerting::application::rule_store::{RuleStore, StoredRule};
use crate::alerting::domain::alert::IncidentId;
use crate::alerting::domain::incident::{Incident, REOPEN_WITHIN};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::alerting::domain::notifying::dispatcher::Remembered;
use crate::alerting::domain::rule_words::RuleId;
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
    migration!("0006_instances.sql"),
    migration!("0007_incidents.sql"),
    migration!("0008_incidents_by_tenant.sql"),
    migration!("0009_transitions.sql"),
    migration!("0010_transitions_by_time.sql"),
    migration!("0011_rules.sql"),
    migration!("0012_alive.sql"),
];

/// The ledger over a database whose schema is [`MIGRATIONS`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StateLedger {
    database: StateDatabase,
    fates: Arc<Fates>,
}

impl StateLedger {
    pub fn new(database: StateDatabase) -> Self {
        Self { database, fates: Arc::default() }
    }
}

impl From<StateError> for LedgerError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Unavailable(_) | StateError::TakenOver => Self::Unavailable(error.into()),
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
                // It may have been sent or refused before it could be written, or before it was heard that it was.
                let fate = self.fates.of(&notification.id);
                if fate.is_some() {
                    outbox::discard(&mut tx, &notification.tenant, &notification.id).await?;
                }
                outbox::put(&mut tx, notification).await?;
                if let Some(fate) = &fate {
                    outbox::end(&mut tx, &notification.id, fate).await?;
                }
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
            for (key, kept) in &changes.instances {
                match kept {
                    Some(kept) => instances::put(&mut tx, kept).await?,
                    None => instances::forget(&mut tx, key).await?,
                }
            }
            for incident in changes.incidents.values() {
                incidents::put(&mut tx, incident).await?;
            }
            for entry in &changes.history {
                transitions::insert(&mut tx, entry).await?;
            }
            if let Some(at) = changes.alive_at {
                alive::put(&mut tx, at).await?;
            }
            if let Some(before) = changes.forget_before {
                incidents::forget_old(&mut tx, before).await?;
                transitions::forget_old(&mut tx, before).await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn standing(&self, now: Timestamp) -> LedgerFuture<'_, Standing> {
        Box::pin(async move {
            let mut connection = self.database.read().await?;
            Ok(Standing {
                instances: instances::all(&mut connection).await?,
                incidents: incidents::recent(&mut connection, now.minus(REOPEN_WITHIN)).await?,
                alive_at: alive::last(&mut connection).await?,
            })
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

impl RuleStore for StateLedger {
    fn rules(&self) -> LedgerFuture<'_, Vec<StoredRule>> {
        Box::pin(async move { rules::all(&mut *self.database.read().await?).await })
    }

    fn put_rule(&self, rule: StoredRule) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            rules::put(&mut tx, &rule).await?;
            Ok(tx.commit().await?)
        })
    }

    fn delete_rule(&self, tenant: TenantId, id: RuleId) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            rules::delete(&mut tx, &tenant, &id).await?;
            Ok(tx.commit().await?)
        })
    }
}

impl IncidentStore for StateLedger {
    fn incidents(&self, page: IncidentPage) -> LedgerFuture<'_, Vec<Incident>> {
        Box::pin(async move { incidents::page(&mut *self.database.read().await?, &page).await })
    }

    fn incident(&self, tenant: TenantId, id: IncidentId) -> LedgerFuture<'_, Option<Incident>> {
        Box::pin(async move { incidents::one(&mut *self.database.read().await?, &tenant, &id).await })
    }
}

impl HistoryStore for StateLedger {
    fn history(
        &self,
        tenant: TenantId,
        rule_id: Box<str>,
        before: Timestamp,
        limit: usize,
    ) -> LedgerFuture<'_, Vec<HistoryEntry>> {
        Box::pin(async move {
            let mut connection = self.database.read().await?;
            transitions::latest(&mut connection, &tenant, &rule_id, before, limit).await
        })
    }
}

impl OutboxLedger for StateLedger {
    fn end(&self, id: NotificationId, fate: Fate) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            // Before the connection is waited for: whoever has it now, and writes this notification, is to know.
            self.fates.note(&id, fate.clone());
            let mut tx = self.database.begin().await?;
            outbox::end(&mut tx, &id, &fate).await?;
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

    fn dead_counts_of_all(&self) -> LedgerFuture<'_, Vec<(Box<str>, u64)>> {
        Box::pin(async move { outbox::dead_counts_of_all(&mut *self.database.read().await?).await })
    }

    fn revive(&self, tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Revival> {
        Box::pin(async move {
            let mut tx = self.database.begin().await?;
            let revival = outbox::revive(&mut tx, &tenant, &id).await?;
            tx.commit().await?;
            if matches!(revival, Revival::Waits(_)) {
                self.fates.forget(&id);
            }
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
