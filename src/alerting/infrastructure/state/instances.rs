//! The table `instances`: how groups of rules stand.

use serde::{Deserialize, Serialize};

use super::alert_body::BodyError;
use crate::alerting::application::ledger::LedgerError;
use crate::alerting::domain::evaluator::KeptInstance;
use crate::alerting::domain::rule::RuleKey;
use crate::alerting::domain::rule_words::{RuleId, Severity};
use crate::alerting::domain::state::{AlertState, Course, Episode, Step};
use crate::alerting::domain::watchlist::GroupKey;
use crate::platform::state::{Connection, StateError};
use crate::shared::{TenantId, Timestamp};

const PUT: &str = include_str!("../../../../schemas/state/instances/put.sql");
const FORGET: &str = include_str!("../../../../schemas/state/instances/forget.sql");
const SELECT_ALL: &str = include_str!("../../../../schemas/state/instances/select_all.sql");

/// What a row holds beside its columns; times in nanoseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    state: StateBody,
    steps: Vec<StepBody>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateBody {
    Inactive,
    Pending { since: i64 },
    Firing(EpisodeBody),
    Recovering { episode: EpisodeBody, until: i64 },
}

#[derive(Debug, Serialize, Deserialize)]
struct EpisodeBody {
    since: i64,
    severity: String,
    peak: Option<f64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StepBody {
    Off,
    Pending { since: i64 },
    On { since: i64 },
}

pub async fn put(tx: &mut Connection, kept: &KeptInstance) -> Result<(), LedgerError> {
    let [rule_tenant, rule_id, tenant, values] = columns(&kept.key)?;
    let body = text(&Body::from(&kept.course))?;
    let query = sqlx::query(PUT).bind(rule_tenant).bind(rule_id).bind(tenant).bind(values);
    let query = query.bind(kept.known_since.nanos()).bind(body);
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn forget(tx: &mut Connection, key: &GroupKey) -> Result<(), LedgerError> {
    let [rule_tenant, rule_id, tenant, values] = columns(key)?;
    let query = sqlx::query(FORGET).bind(rule_tenant).bind(rule_id).bind(tenant).bind(values);
    query.execute(tx).await.map_err(StateError::from)?;
    Ok(())
}

pub async fn all(connection: &mut Connection) -> Result<Vec<KeptInstance>, LedgerError> {
    let rows: Vec<Row> = sqlx::query_as(SELECT_ALL).fetch_all(connection).await.map_err(StateError::from)?;
    rows.into_iter().map(read).collect()
}

/// `rule_tenant, rule_id, tenant, group_values, known_since, body`.
type Row = (String, String, String, String, i64, String);

fn columns(key: &GroupKey) -> Result<[String; 4], LedgerError> {
    let rule_tenant = key.rule.tenant.as_ref().map_or_else(String::new, ToString::to_string);
    Ok([rule_tenant, key.rule.id.to_string(), key.tenant.to_string(), text(&key.values)?])
}

fn text(value: &impl Serialize) -> Result<String, LedgerError> {
    Ok(serde_json::to_string(value).map_err(|source| BodyError::Json { row: "instances".into(), source })?)
}

fn read((rule_tenant, rule_id, tenant, values, known_since, body): Row) -> Result<KeptInstance, LedgerError> {
    let row = format!("{rule_id} {values}");
    let json = |source| BodyError::Json { row: row.clone(), source };
    let wrong = |what| BodyError::Value { row: row.clone(), what };
    let body: Body = serde_json::from_str(&body).map_err(json)?;
    let tenant_of = |text: &str| TenantId::parse(text).map_err(|_| wrong("tenant"));
    let rule = RuleKey {
        tenant: if rule_tenant.is_empty() { None } else { Some(tenant_of(&rule_tenant)?) },
        id: RuleId::remembered(&rule_id).map_err(|_| wrong("rule"))?,
    };
    let values = serde_json::from_str(&values).map_err(json)?;
    Ok(KeptInstance {
        key: GroupKey { rule, tenant: tenant_of(&tenant)?, values },
        course: body.into_course().ok_or_else(|| wrong("severity"))?,
        known_since: Timestamp::from_nanos(known_since),
    })
}

impl From<&Course> for Body {
    fn from(course: &Course) -> Self {
        let state = match course.state() {
            AlertState::Inactive => StateBody::Inactive,
            AlertState::Pending { since } => StateBody::Pending { since: since.nanos() },
            AlertState::Firing(episode) => StateBody::Firing(episode.into()),
            AlertState::Recovering { episode, until } => {
                StateBody::Recovering { episode: episode.into(), until: until.nanos() }
            }
        };
        let step = |step: &Step| match step {
            Step::Off => StepBody::Off,
            Step::Pending { since } => StepBody::Pending { since: since.nanos() },
            Step::On { since } => StepBody::On { since: since.nanos() },
        };
        Self { state, steps: course.steps().iter().map(step).collect() }
    }
}

impl Body {
    fn into_course(self) -> Option<Course> {
        let time = Timestamp::from_nanos;
        let state = match self.state {
            StateBody::Inactive => AlertState::Inactive,
            StateBody::Pending { since } => AlertState::Pending { since: time(since) },
            StateBody::Firing(episode) => AlertState::Firing(episode.into_episode()?),
            StateBody::Recovering { episode, until } => {
                AlertState::Recovering { episode: episode.into_episode()?, until: time(until) }
            }
        };
        let step = |step| match step {
            StepBody::Off => Step::Off,
            StepBody::Pending { since } => Step::Pending { since: time(since) },
            StepBody::On { since } => Step::On { since: time(since) },
        };
        Some(Course::restored(state, self.steps.into_iter().map(step).collect()))
    }
}

impl From<&Episode> for EpisodeBody {
    fn from(episode: &Episode) -> Self {
        let Episode { since, severity, peak } = episode;
        Self { since: since.nanos(), severity: severity.name().to_owned(), peak: *peak }
    }
}

impl EpisodeBody {
    fn into_episode(self) -> Option<Episode> {
        let severity = Severity::parse(&self.severity)?;
        Some(Episode { since: Timestamp::from_nanos(self.since), severity, peak: self.peak })
    }
}
