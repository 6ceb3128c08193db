//! The table `silences`.

use serde::{Deserialize, Serialize};

use super::alert_body::BodyError;
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::domain::notifying::matcher_text::parse_matcher;
use crate::alerting::domain::notifying::silence::{Silence, SilenceId, SilenceTerms};
use crate::platform::state::{Connection, StateError};
use crate::shared::{TenantId, Timestamp};

const PUT: &str = include_str!("../../../../schemas/state/silences/put_silence.sql");
const FORGET: &str = include_str!("../../../../schemas/state/silences/forget_silence.sql");
const SELECT: &str = include_str!("../../../../schemas/state/silences/select_silences.sql");

/// What a row holds beside its columns. Times are nanoseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    /// As people write them: `severity=~"A|B"`.
    matchers: Vec<String>,
    starts_at: i64,
    ends_at: i64,
    created_by: String,
    comment: String,
    updated_at: i64,
}

/// A silence as it is now; nothing forgets it.
pub async fn put(
    tx: &mut Connection,
    tenant: &TenantId,
    id: &SilenceId,
    silence: Option<&Silence>,
) -> Result<(), LedgerError> {
    let query = match silence {
        None => sqlx::query(FORGET).bind(tenant.as_str()).bind(&*id.0),
        Some(silence) => {
            let body = serde_json::to_string(&Body::from(silence))
                .map_err(|source| BodyError::Json { row: id.0.to_string(), source })?;
            sqlx::query(PUT).bind(tenant.as_str()).bind(&*id.0).bind(body)
        }
    };
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn all(connection: &mut Connection) -> Result<Vec<Silence>, LedgerError> {
    let rows: Vec<(String, String, String)> =
        sqlx::query_as(SELECT).fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(|(tenant, id, body)| Ok(silence(&tenant, id, &body)?)).collect()
}

fn silence(tenant: &str, row: String, body: &str) -> Result<Silence, BodyError> {
    let body: Body = match serde_json::from_str(body) {
        Ok(body) => body,
        Err(source) => return Err(BodyError::Json { row, source }),
    };
    let wrong = |what| BodyError::Value { row: row.clone(), what };
    let matchers = body.matchers.iter().map(|text| parse_matcher(text));
    let matchers = matchers.collect::<Result<_, _>>().map_err(|_| wrong("matcher"))?;
    let times = [body.starts_at, body.ends_at].map(Timestamp::from_nanos);
    Ok(Silence {
        tenant: TenantId::parse(tenant).map_err(|_| wrong("tenant"))?,
        terms: SilenceTerms::new(matchers, times, &body.created_by, &body.comment)
            .map_err(|_| wrong("silence"))?,
        updated_at: Timestamp::from_nanos(body.updated_at),
        id: SilenceId(row.into()),
    })
}

impl From<&Silence> for Body {
    fn from(silence: &Silence) -> Self {
        let terms = &silence.terms;
        Self {
            matchers: terms.matchers().iter().map(ToString::to_string).collect(),
            starts_at: terms.starts_at().nanos(),
            ends_at: terms.ends_at().nanos(),
            created_by: terms.created_by().to_owned(),
            comment: terms.comment().to_owned(),
            updated_at: silence.updated_at.nanos(),
        }
    }
}
