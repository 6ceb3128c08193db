//! The table `outbox`: notifications that wait to be sent, and dead letters.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::alert_body::{AlertBody, BodyError, LabelsBody, labels_body};
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::application::outbox_ledger::{
    DEAD_LETTERS_MAX, DeadLetter, Discarded, Fate, Revival, Worth,
};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::platform::state::{Connection, StateError, StateRow};
use crate::shared::{TenantId, Timestamp};

const SELECT_UNSENT_OF_GROUP: &str =
    include_str!("../../../../schemas/state/outbox/select_unsent_of_group.sql");
const REPLACE_UNSENT: &str = include_str!("../../../../schemas/state/outbox/replace_unsent.sql");
const SUPERSEDE_DEAD: &str = include_str!("../../../../schemas/state/outbox/supersede_dead.sql");
const INSERT_UNSENT: &str = include_str!("../../../../schemas/state/outbox/insert_unsent.sql");
const SELECT_UNSENT: &str = include_str!("../../../../schemas/state/outbox/select_unsent.sql");
const SELECT_UNSENT_OF: &str = include_str!("../../../../schemas/state/outbox/select_unsent_of.sql");
const DELETE_SENT: &str = include_str!("../../../../schemas/state/outbox/delete_sent.sql");
const BURY: &str = include_str!("../../../../schemas/state/outbox/bury.sql");
const TENANT_OF: &str = include_str!("../../../../schemas/state/outbox/tenant_of.sql");
const FORGET_OLDEST_DEAD: &str = include_str!("../../../../schemas/state/outbox/forget_oldest_dead.sql");
const SELECT_DEAD: &str = include_str!("../../../../schemas/state/outbox/select_dead.sql");
const SELECT_DEAD_ONE: &str = include_str!("../../../../schemas/state/outbox/select_dead_one.sql");
const COUNT_DEAD: &str = include_str!("../../../../schemas/state/outbox/count_dead.sql");
const COUNT_DEAD_OF_ALL: &str = include_str!("../../../../schemas/state/outbox/count_dead_of_all.sql");
const REVIVE: &str = include_str!("../../../../schemas/state/outbox/revive.sql");
const DISCARD_DEAD: &str = include_str!("../../../../schemas/state/outbox/discard_dead.sql");

/// What a row holds beside its columns.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    group_labels: LabelsBody,
    alerts: Vec<AlertBody>,
    #[serde(default)]
    truncated: usize,
}

/// One to be sent, in place of what waits for its tenant, channel and group; the endings in that are told by this one.
pub async fn put(tx: &mut Connection, notification: &Notification) -> Result<(), LedgerError> {
    let Notification { id, tenant, channel, group_key, at, .. } = notification;
    let of_group =
        |statement| sqlx::query(statement).bind(tenant.as_str()).bind(&**channel).bind(&**group_key);
    let waiting =
        sqlx::query_as(SELECT_UNSENT_OF_GROUP).bind(tenant.as_str()).bind(&**channel).bind(&**group_key);
    let older: Option<Row> = waiting.fetch_optional(&mut *tx).await.map_err(StateError::from)?;
    let mut told = Cow::Borrowed(notification);
    // One that cannot be read is replaced all the same. It may be this one: where it was not heard that it was written.
    if let Some(Ok(older)) = older.map(Row::into_notification)
        && older.id != notification.id
    {
        told.to_mut().instead_of(&older);
    }
    of_group(REPLACE_UNSENT).execute(&mut *tx).await.map_err(StateError::from)?;
    of_group(SUPERSEDE_DEAD).bind(&*id.0).execute(&mut *tx).await.map_err(StateError::from)?;
    sqlx::query(INSERT_UNSENT)
        .bind(&*id.0)
        .bind(tenant.as_str())
        .bind(&**channel)
        .bind(&**group_key)
        .bind(at.nanos())
        .bind(body_text(&told)?)
        .execute(tx)
        .await
        .map_err(StateError::from)?;
    Ok(())
}

fn body_text(notification: &Notification) -> Result<String, LedgerError> {
    let body = Body {
        group_labels: labels_body(&notification.group_labels),
        alerts: notification.alerts.iter().map(AlertBody::from).collect(),
        truncated: notification.truncated,
    };
    let row = || notification.id.0.to_string();
    Ok(serde_json::to_string(&body).map_err(|source| BodyError::Json { row: row(), source })?)
}

/// All that waits, oldest first.
pub async fn unsent(connection: &mut Connection) -> Result<Vec<Notification>, LedgerError> {
    let rows: Vec<Row> =
        sqlx::query_as(SELECT_UNSENT).fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(Row::into_notification).collect()
}

pub async fn unsent_of(
    connection: &mut Connection,
    channel: &str,
    count: usize,
) -> Result<Vec<Notification>, LedgerError> {
    let query = sqlx::query_as(SELECT_UNSENT_OF).bind(channel).bind(limit(count));
    let rows: Vec<Row> = query.fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(Row::into_notification).collect()
}

/// It waits no more. What was replaced meanwhile is not touched.
pub async fn end(tx: &mut Connection, id: &NotificationId, fate: &Fate) -> Result<(), LedgerError> {
    match fate {
        Fate::Settled => settle(tx, id).await,
        Fate::Refused { reason, at } => bury(tx, id, reason, *at).await,
    }
    .map_err(|error| StateError::from(error).into())
}

async fn settle(tx: &mut Connection, id: &NotificationId) -> Result<(), sqlx::Error> {
    sqlx::query(DELETE_SENT).bind(&*id.0).execute(tx).await?;
    Ok(())
}

/// Makes a dead letter of it; the tenant's oldest ones go where there are too many.
async fn bury(
    tx: &mut Connection,
    id: &NotificationId,
    reason: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(BURY).bind(&*id.0).bind(at.nanos()).bind(reason);
    query.execute(&mut *tx).await?;
    let tenant: Option<String> = sqlx::query_scalar(TENANT_OF).bind(&*id.0).fetch_optional(&mut *tx).await?;
    if let Some(tenant) = tenant {
        let query = sqlx::query(FORGET_OLDEST_DEAD).bind(tenant).bind(limit(DEAD_LETTERS_MAX));
        query.execute(tx).await?;
    }
    Ok(())
}

pub async fn dead_letters(
    connection: &mut Connection,
    tenant: &TenantId,
) -> Result<Vec<DeadLetter>, LedgerError> {
    let query = sqlx::query_as(SELECT_DEAD).bind(tenant.as_str()).bind(limit(DEAD_LETTERS_MAX));
    let rows: Vec<DeadRow> = query.fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(DeadRow::into_letter).collect()
}

pub async fn dead_counts(
    connection: &mut Connection,
    tenant: &TenantId,
) -> Result<Vec<(Box<str>, u64)>, LedgerError> {
    let query = sqlx::query_as(COUNT_DEAD).bind(tenant.as_str());
    Ok(counted(query.fetch_all(connection).await.map_err(StateError::from)?))
}

pub async fn dead_counts_of_all(connection: &mut Connection) -> Result<Vec<(Box<str>, u64)>, LedgerError> {
    let query = sqlx::query_as(COUNT_DEAD_OF_ALL);
    Ok(counted(query.fetch_all(connection).await.map_err(StateError::from)?))
}

fn counted(rows: Vec<(String, i64)>) -> Vec<(Box<str>, u64)> {
    rows.into_iter().map(|(channel, count)| (channel.into(), count.unsigned_abs())).collect()
}

pub async fn revive(
    tx: &mut Connection,
    tenant: &TenantId,
    id: &NotificationId,
) -> Result<Revival, LedgerError> {
    let query = sqlx::query_as(SELECT_DEAD_ONE).bind(tenant.as_str()).bind(&*id.0);
    let row: Option<DeadRow> = query.fetch_optional(&mut *tx).await.map_err(StateError::from)?;
    let Some(row) = row else { return Ok(Revival::Unknown) };
    let letter = row.into_letter()?;
    if letter.worth == Worth::Superseded {
        return Ok(Revival::Superseded);
    }
    let query = sqlx::query(REVIVE).bind(tenant.as_str()).bind(&*id.0);
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(Revival::Waits(letter.notification))
}

pub async fn discard(
    tx: &mut Connection,
    tenant: &TenantId,
    id: &NotificationId,
) -> Result<Discarded, LedgerError> {
    let query = sqlx::query(DISCARD_DEAD).bind(tenant.as_str()).bind(&*id.0);
    let done = query.execute(tx).await.map_err(StateError::from)?;
    Ok(if done.rows_affected() == 0 { Discarded::Unknown } else { Discarded::Gone })
}

fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// `id, tenant, channel, group_key, at, body`.
type Columns = (String, String, String, String, i64, String);

#[derive(Debug)]
struct Row(Columns);

impl<'r> sqlx::FromRow<'r, StateRow> for Row {
    fn from_row(row: &'r StateRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row as _;
        Ok(Self((
            row.try_get("id")?,
            row.try_get("tenant")?,
            row.try_get("channel")?,
            row.try_get("group_key")?,
            row.try_get("at")?,
            row.try_get("body")?,
        )))
    }
}

impl Row {
    fn into_notification(self) -> Result<Notification, LedgerError> {
        let (id, tenant, channel, group_key, at, body) = self.0;
        let wrong = |what| BodyError::Value { row: id.clone(), what };
        let body: Body =
            serde_json::from_str(&body).map_err(|source| BodyError::Json { row: id.clone(), source })?;
        let tenant = TenantId::parse(&tenant).map_err(|_| wrong("tenant"))?;
        let alerts = body.alerts.into_iter().map(|alert| alert.into_alert(tenant.clone()));
        let alerts = alerts.collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Notification {
            tenant,
            channel: channel.into(),
            group_key: group_key.into(),
            group_labels: body.group_labels.into_iter().collect(),
            alerts,
            truncated: body.truncated,
            at: Timestamp::from_nanos(at),
            id: NotificationId(id.into()),
        })
    }
}

/// A row of a dead letter.
#[derive(Debug)]
struct DeadRow {
    row: Row,
    dead_at: i64,
    dead_reason: Option<String>,
    superseded_by: Option<String>,
}

impl<'r> sqlx::FromRow<'r, StateRow> for DeadRow {
    fn from_row(row: &'r StateRow) -> Result<Self, sqlx::Error> {
        use sqlx::Row as _;
        Ok(Self {
            row: Row::from_row(row)?,
            dead_at: row.try_get("dead_at")?,
            dead_reason: row.try_get("dead_reason")?,
            superseded_by: row.try_get("superseded_by")?,
        })
    }
}

impl DeadRow {
    fn into_letter(self) -> Result<DeadLetter, LedgerError> {
        let worth = if self.superseded_by.is_some() { Worth::Superseded } else { Worth::Latest };
        Ok(DeadLetter {
            notification: self.row.into_notification()?,
            reason: self.dead_reason.unwrap_or_default().into(),
            died_at: Timestamp::from_nanos(self.dead_at),
            worth,
        })
    }
}
