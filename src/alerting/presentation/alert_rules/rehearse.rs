//! `POST /api/v2/alert-rules/test` and `/backtest`: rules are tried out, in simulated time or on what is stored. One at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::{Extension, Json};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::BODY_BYTES_MAX;
use super::bodies::TransitionBody;
use super::change::{invalid, rule_id, unknown};
use crate::alerting::application::history::HistoryEntry;
use crate::alerting::application::past::{Past, PastError, evidence};
use crate::alerting::application::rehearse::{Played, RehearsalError, Wanted, backtest};
use crate::alerting::application::rule_book::RuleBook;
use crate::alerting::application::rule_test::{Compared, ReadRuleTests, RuleTest, TestOutcome};
use crate::alerting::domain::instance::Lateness;
use crate::alerting::domain::rule::AlertRule;
use crate::alerting::presentation::RETRY_AFTER;
use crate::platform::http::Problem;
use crate::platform::http::json_body::{Body, from_json};
use crate::shared::{TimeRange, Timestamp};
use crate::tenancy::Caller;

/// Looks at groups that the tests of one request may take: about a second.
const LOOKS_MAX: u64 = 500_000;

/// What the routes work with.
pub struct RehearseApi {
    pub book: Arc<RuleBook>,
    pub tests: Arc<dyn ReadRuleTests>,
    pub past: Arc<dyn Past>,
    pub lateness: Duration,
    pub turn: Semaphore,
}

/// Which rule is tried on which past. Times are milliseconds since the epoch.
#[derive(Debug, JsonSchema, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct BacktestQuestion {
    /// A rule that is in force; or `rule`.
    #[serde(default)]
    rule_id: Option<String>,
    /// A rule as `schemas/alert-rules.schema.json` describes it.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    rule: Option<Value>,
    start: i64,
    end: i64,
    /// Also what people are not told of: pending, recovering, inactive.
    #[serde(default)]
    all: bool,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct BacktestBody {
    /// The first thousand, in order of time.
    transitions: Vec<TransitionBody>,
    /// How many there are.
    count: u64,
    /// Points that were not evaluated, by reason.
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct TestsBody {
    passed: bool,
    tests: Vec<TestBody>,
}

/// How a test went.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct TestBody {
    name: String,
    passed: bool,
    rows: Vec<RowBody>,
}

/// What was expected beside what happened; one side is empty where something is missing or was not expected.
#[derive(Debug, JsonSchema, Serialize)]
pub(super) struct RowBody {
    expected: String,
    found: String,
    /// `ok`, `missing` or `unexpected`.
    verdict: &'static str,
}

pub(super) async fn test(
    State(api): State<Arc<RehearseApi>>,
    body: Body,
) -> Result<Json<TestsBody>, Problem> {
    let tests: Value = from_json(body, "tests of rules", BODY_BYTES_MAX)?;
    let tests = api.tests.read(&tests).map_err(|problems| invalid(&problems))?;
    let _turn = turn(&api)?;
    let outcomes = at_leisure(move || run_all(tests)).await?;
    let tests: Vec<TestBody> =
        outcomes.map_err(|error| too_much(&error))?.into_iter().map(Into::into).collect();
    Ok(Json(TestsBody { passed: tests.iter().all(|test| test.passed), tests }))
}

pub(super) async fn try_on_past(
    State(api): State<Arc<RehearseApi>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Json<BacktestBody>, Problem> {
    let question: BacktestQuestion = from_json(body, "what is asked for", BODY_BYTES_MAX)?;
    let rule = asked_for(&api, &caller, &question)?;
    let moment = |ms: i64| ms.checked_mul(1_000_000).map(Timestamp::from_nanos);
    let range =
        moment(question.start).zip(moment(question.end)).and_then(|(start, end)| TimeRange::new(start, end));
    let range = range.ok_or_else(|| Problem::invalid("the end is after the start").with_field("end"))?;
    let _turn = turn(&api)?;
    let past = evidence(&rule, caller.tenant, range, api.lateness, &*api.past).await;
    let past = past.map_err(|error| untold(&error))?;
    let (lateness, wanted) = (Lateness(api.lateness), if question.all { Wanted::All } else { Wanted::Told });
    let played = at_leisure(move || backtest(rule, past, range, lateness, wanted)).await?;
    Ok(Json(played.map_err(|error| too_much(&error))?.into()))
}

fn asked_for(
    api: &RehearseApi,
    caller: &Caller,
    question: &BacktestQuestion,
) -> Result<Arc<AlertRule>, Problem> {
    match (&question.rule_id, &question.rule) {
        (Some(id), None) => {
            api.book.find(&caller.tenant, &rule_id(id)?).map(|entry| entry.rule).ok_or_else(unknown)
        }
        (None, Some(body)) => {
            api.book.read(&caller.tenant, body).map(Arc::new).map_err(|problems| invalid(&problems))
        }
        _ => Err(Problem::invalid("give either ruleId or rule").with_field("ruleId")),
    }
}

fn run_all(tests: Vec<RuleTest>) -> Result<Vec<TestOutcome>, RehearsalError> {
    let bounded = |mut test: RuleTest| {
        test.rehearsal.looks_max = LOOKS_MAX;
        test.run()
    };
    tests.into_iter().map(bounded).collect()
}

/// On a thread that may be busy.
async fn at_leisure<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::internal())
}

fn turn(api: &RehearseApi) -> Result<SemaphorePermit<'_>, Problem> {
    api.turn.try_acquire().map_err(|_| Problem::unavailable("another rule is being tried out", RETRY_AFTER))
}

fn untold(error: &PastError) -> Problem {
    match error {
        PastError::TooMuch => Problem::not_computable(error.to_string()),
        PastError::Unavailable(_) => Problem::unavailable(error.to_string(), RETRY_AFTER),
    }
}

fn too_much(error: &RehearsalError) -> Problem {
    Problem::not_computable(error.to_string())
}

impl From<Played> for BacktestBody {
    fn from(played: Played) -> Self {
        let told = |transition: &_| TransitionBody::from(HistoryEntry::from(transition));
        Self {
            transitions: played.transitions.iter().map(told).collect(),
            count: played.count,
            refused: played.refused.into_iter().map(|(refusal, points)| (refusal.name(), points)).collect(),
        }
    }
}

impl From<TestOutcome> for TestBody {
    fn from(outcome: TestOutcome) -> Self {
        let passed = outcome.has_passed();
        let row =
            |row: Compared| RowBody { expected: row.expected, found: row.found, verdict: row.verdict.name() };
        Self { name: outcome.name.into(), passed, rows: outcome.rows.into_iter().map(row).collect() }
    }
}
