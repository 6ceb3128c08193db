//! `POST /api/v2/metrics/query`: several queries over one range of time, and formulas over their series.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::platform::http::Problem;
use crate::platform::http::json_body::{Body, from_json};
use crate::querying::application::{CacheStatus, MetricReader, TimeSeries, TimeSeriesQuery};
use crate::querying::domain::{Formula, FormulaSeries, Operand};
use crate::shared::TenantId;
use crate::tenancy::Caller;

use super::QueryApi;
use super::answers::{QueryBody, ResultBody};
use super::exchange::{cached_answer, milliseconds, problem};
use super::get_metrics::time_series_problem;
use super::parameters::Parameters;

/// Longest body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;
/// Most queries, and most formulas.
const QUERIES_MAX: usize = 20;
/// Longest name of a query or a formula, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What a query has in common with all others: it is said once.
const COMMON: [&str; 4] = ["startTime", "endTime", "interval", "cache"];

/// The question. Of a query, the names and values are those of the parameters of `GET /api/v2/metrics`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "MetricsQuestion")]
pub(super) struct Question {
    start_time: Option<Value>,
    end_time: Option<Value>,
    interval: Option<Value>,
    cache: Option<Value>,
    queries: Vec<serde_json::Map<String, Value>>,
    #[serde(default)]
    formulas: Vec<NamedFormula>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NamedFormula {
    name: String,
    formula: String,
}

/// A query and its answer.
struct Answered {
    name: String,
    query: TimeSeriesQuery,
    answer: TimeSeries,
}

pub(super) async fn handle<R: MetricReader + 'static>(
    State(api): State<Arc<QueryApi<R>>>,
    Extension(caller): Extension<Caller>,
    body: Body,
) -> Result<Response, Problem> {
    let started = Instant::now();
    let question: Question = from_json(body, "a query", BODY_BYTES_MAX)?;
    let formulas = checked(&question)?;
    let sampled = sample_interval(&api, &caller.tenant, &question).await?;
    let mut answered = Vec::with_capacity(question.queries.len());
    for at in 0..question.queries.len() {
        answered.push(answer_one(&api, &caller.tenant, &question, at, sampled).await?);
    }
    let computed = formulas
        .iter()
        .enumerate()
        .map(|(at, formula)| compute(formula, &answered).map_err(|problem| in_formula(problem, at)))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(first) = answered.first() else {
        return Err(Problem::invalid("no queries").with_field("queries"));
    };
    let hit = answered.iter().all(|one| one.answer.cache == CacheStatus::Hit);
    let cache = if hit { CacheStatus::Hit } else { CacheStatus::Miss };
    let elapsed_ms = milliseconds(started);
    let results = answered.iter().map(|one| ResultBody::of_query(&one.name, &one.query, &one.answer));
    let names = question.formulas.iter().map(|formula| formula.name.as_str());
    let results = results.chain(
        names
            .zip(&computed)
            .map(|(name, found)| ResultBody::of_formula(name, found, first.answer.times.len())),
    );
    let body = QueryBody::new(&first.query, &first.answer, results.collect(), cache, elapsed_ms);
    Ok(cached_answer(&body, elapsed_ms, cache))
}

/// The formulas, after what can be said without an answer was said.
fn checked(question: &Question) -> Result<Vec<Formula>, Problem> {
    for (field, count) in [("queries", question.queries.len()), ("formulas", question.formulas.len())] {
        if count > QUERIES_MAX || (field == "queries" && count == 0) {
            return Err(Problem::invalid(format!("expected at most {QUERIES_MAX}, and at least one query"))
                .with_field(field));
        }
    }
    let names: Vec<String> =
        (0..question.queries.len()).map(|at| name_of(question, at)).collect::<Result<_, _>>()?;
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut seen = BTreeSet::new();
    let all = known.iter().copied().chain(question.formulas.iter().map(|formula| formula.name.as_str()));
    for name in all {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !seen.insert(name) {
            let reason = format!("a name has 1 to {NAME_BYTES_MAX} bytes and is there once");
            return Err(Problem::invalid(reason).with_field("name"));
        }
    }
    let parsed = question.formulas.iter().enumerate().map(|(at, formula)| {
        Formula::parse(&formula.formula, &known).map_err(|error| {
            Problem::invalid(error.to_string()).with_field(format!("formulas[{at}].formula"))
        })
    });
    parsed.collect()
}

/// Without a name, queries are called `a`, `b`, `c`, ...
fn name_of(question: &Question, at: usize) -> Result<String, Problem> {
    match question.queries.get(at).and_then(|query| query.get("name")) {
        Some(Value::String(name)) => Ok(name.clone()),
        Some(_) => Err(Problem::invalid("expected a text").with_field(format!("queries[{at}].name"))),
        None => {
            Ok(char::from_u32(u32::try_from(at).unwrap_or_default() + u32::from('a')).unwrap_or('a').into())
        }
    }
}

/// With `interval=auto`, how often the metric is sent that is sent most seldom: all have the same steps.
async fn sample_interval<R: MetricReader>(
    api: &QueryApi<R>,
    tenant: &TenantId,
    question: &Question,
) -> Result<Option<Duration>, Problem> {
    let mut widest = None;
    for at in 0..question.queries.len() {
        let Some(metric) = Parameters::new(pairs(question, at)?).auto_interval_of() else { return Ok(None) };
        let sampled = api.time_series.sample_interval(tenant, &metric, api.clock.now()).await;
        widest = widest.max(sampled.map_err(|error| in_query(problem(&error), at))?);
    }
    Ok(widest)
}

async fn answer_one<R: MetricReader>(
    api: &QueryApi<R>,
    tenant: &TenantId,
    question: &Question,
    at: usize,
    sampled: Option<Duration>,
) -> Result<Answered, Problem> {
    let within = |problem: Problem| in_query(problem, at);
    let parameters = Parameters::new(pairs(question, at)?);
    let now = api.clock.now();
    let bounds = api.bounds;
    let (mut query, _) = parameters.time_series(tenant.clone(), bounds, now, sampled).map_err(within)?;
    // A formula needs all series, whichever are the highest.
    if !question.formulas.is_empty() {
        query.ranking.limit = bounds.series_max;
    }
    let answer = api.time_series.handle(&query).await.map_err(|error| within(time_series_problem(error)))?;
    Ok(Answered { name: name_of(question, at)?, query, answer })
}

/// A query of the body as the pairs of a query string.
fn pairs(question: &Question, at: usize) -> Result<Vec<(String, String)>, Problem> {
    let own = question.queries.get(at).into_iter().flatten().filter(|(name, _)| *name != "name");
    let common = [&question.start_time, &question.end_time, &question.interval, &question.cache];
    let common =
        COMMON.iter().zip(common).filter_map(|(name, value)| value.as_ref().map(|value| (*name, value)));
    let mut pairs = Vec::new();
    for (name, value) in own.map(|(name, value)| (name.as_str(), value)) {
        if COMMON.contains(&name) {
            let problem = Problem::invalid("said once, for all queries");
            return Err(problem.with_field(format!("queries[{at}].{name}")));
        }
        push(&mut pairs, name, value).map_err(|problem| in_query(problem, at))?;
    }
    for (name, value) in common {
        push(&mut pairs, name, value)?;
    }
    Ok(pairs)
}

/// A list is a parameter that is there several times.
fn push(pairs: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<(), Problem> {
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(Problem::invalid("expected a text, a number or a list of these").with_field(name)),
    };
    match value {
        Value::Array(values) => {
            for value in values {
                pairs.push((name.to_owned(), text(value)?));
            }
        }
        value => pairs.push((name.to_owned(), text(value)?)),
    }
    Ok(())
}

fn compute(formula: &Formula, answered: &[Answered]) -> Result<FormulaSeries, Problem> {
    let operands: Vec<Operand<'_>> = formula
        .names()
        .iter()
        .filter_map(|name| answered.iter().find(|one| *one.name == **name))
        .map(|one| Operand { labels: one.query.buckets.group_by.labels(), series: &one.answer.series })
        .collect();
    formula.over(&operands).map_err(|mismatch| Problem::not_computable(mismatch.to_string()))
}

fn in_query(problem: Problem, at: usize) -> Problem {
    let field =
        problem.field().map_or_else(|| format!("queries[{at}]"), |field| format!("queries[{at}].{field}"));
    problem.with_field(field)
}

fn in_formula(problem: Problem, at: usize) -> Problem {
    problem.with_field(format!("formulas[{at}].formula"))
}
