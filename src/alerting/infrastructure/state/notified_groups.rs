//! The table `notified_groups`: what channels were told last of groups of alerts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alert_body::{BodyError, LabelsBody, labels_body};
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::domain::alert::AlertKey;
use crate::alerting::domain::label_set::Fingerprint;
use crate::alerting::domain::notifying::group::{GroupId, GroupMemo, Told};
use crate::platform::state::{Connection, StateError};
use crate::shared::{TenantId, Timestamp};

const PUT: &str = include_str!("../../../../schemas/state/notified_groups/put_group.sql");
const FORGET: &str = include_str!("../../../../schemas/state/notified_groups/forget_group.sql");
const SELECT: &str = include_str!("../../../../schemas/state/notified_groups/select_groups.sql");

/// What a row holds beside its columns.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    labels: LabelsBody,
    /// In nanoseconds since 1970.
    told_at: i64,
    /// Keys of alerts with the fingerprints of their labels, each of 16 hexadecimal digits.
    firing: BTreeMap<String, String>,
}

/// A group's memo; nothing forgets it.
pub async fn put(
    tx: &mut Connection,
    tenant: &TenantId,
    id: &GroupId,
    memo: Option<&GroupMemo>,
) -> Result<(), LedgerError> {
    let of_group = |statement| sqlx::query(statement).bind(tenant.as_str()).bind(&*id.channel).bind(&*id.key);
    let query = match memo {
        None => of_group(FORGET),
        Some(memo) => {
            let body = serde_json::to_string(&Body::from(memo))
                .map_err(|source| BodyError::Json { row: id.key.to_string(), source })?;
            of_group(PUT).bind(body)
        }
    };
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn all(connection: &mut Connection) -> Result<Vec<GroupMemo>, LedgerError> {
    let rows: Vec<(String, String, String, String)> =
        sqlx::query_as(SELECT).fetch_all(connection).await.map_err(StateError::from)?;
    let memo = |(tenant, channel, key, body): (String, String, String, String)| {
        let id = GroupId { channel: channel.into(), key: key.into() };
        Ok(memo(&tenant, id, &body)?)
    };
    rows.into_iter().map(memo).collect()
}

fn memo(tenant: &str, id: GroupId, body: &str) -> Result<GroupMemo, BodyError> {
    let row = id.key.to_string();
    let body: Body = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(source) => return Err(BodyError::Json { row, source }),
    };
    let wrong = |what| BodyError::Value { row: row.clone(), what };
    let fingerprint = |text: &str| u64::from_str_radix(text, 16).map(Fingerprint);
    let firing = body.firing.iter().map(|(key, labels)| {
        let key = fingerprint(key).map_err(|_| wrong("alert key"))?;
        let labels = fingerprint(labels).map_err(|_| wrong("fingerprint"))?;
        Ok((AlertKey(key), labels))
    });
    Ok(GroupMemo {
        tenant: TenantId::parse(tenant).map_err(|_| wrong("tenant"))?,
        told: Told { at: Timestamp::from_nanos(body.told_at), firing: firing.collect::<Result<_, _>>()? },
        labels: body.labels.into_iter().collect(),
        id,
    })
}

impl From<&GroupMemo> for Body {
    fn from(memo: &GroupMemo) -> Self {
        let firing = memo.told.firing.iter();
        Self {
            labels: labels_body(&memo.labels),
            told_at: memo.told.at.nanos(),
            firing: firing.map(|(key, labels)| (key.0.to_string(), labels.to_string())).collect(),
        }
    }
}
