//! Rules over the API: list, make, change, take away, try out; and what happened to them.

mod bodies;
mod change;
mod operations;
mod parameters;
mod read;
mod rehearse;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};

use crate::alerting::application::commands::EvaluatorHandle;
use crate::alerting::application::history::HistoryStore;
use crate::alerting::application::rule_book::RuleBook;
use crate::shared::Clock;
use crate::tenancy::{Access, Action, guarded};

pub use operations::operations;
pub use rehearse::RehearseApi;

const RULES_PATH: &str = "/api/v2/alert-rules";
const RULE_PATH: &str = "/api/v2/alert-rules/{id}";
const ENABLE_PATH: &str = "/api/v2/alert-rules/{id}/enable";
const DISABLE_PATH: &str = "/api/v2/alert-rules/{id}/disable";
const HISTORY_PATH: &str = "/api/v2/alert-rules/{id}/history";

const TEST_PATH: &str = "/api/v2/alert-rules/test";
const BACKTEST_PATH: &str = "/api/v2/alert-rules/backtest";

/// What can be asked for, to suggest for a path that is not known.
pub const PATHS: [&str; 7] =
    [RULES_PATH, RULE_PATH, ENABLE_PATH, DISABLE_PATH, HISTORY_PATH, TEST_PATH, BACKTEST_PATH];

/// Longest rule, in bytes.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What the routes work with.
pub struct AlertRulesApi {
    pub book: Arc<RuleBook>,
    pub evaluator: EvaluatorHandle,
    pub history: Arc<dyn HistoryStore>,
    pub clock: Arc<dyn Clock>,
}

/// Who may read may try rules out: nothing comes of it.
pub fn rehearse_router(api: Arc<RehearseApi>, access: Access) -> Router {
    let routes = Router::new()
        .route(TEST_PATH, post(rehearse::test))
        .route(BACKTEST_PATH, post(rehearse::try_on_past))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api);
    guarded(routes, access, Action::Read)
}

/// Who may read may look; who makes or changes rules has to be allowed to change things.
pub fn router(api: Arc<AlertRulesApi>, access: Access) -> Router {
    let reading = Router::new()
        .route(RULES_PATH, get(read::list))
        .route(RULE_PATH, get(read::one))
        .route(HISTORY_PATH, get(read::history))
        .with_state(Arc::clone(&api));
    let writing = Router::new()
        .route(RULES_PATH, post(change::create))
        .route(RULE_PATH, put(change::replace))
        .route(RULE_PATH, delete(change::remove))
        .route(ENABLE_PATH, post(change::enable))
        .route(DISABLE_PATH, post(change::disable))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api);
    guarded(reading, access.clone(), Action::Read).merge(guarded(writing, access, Action::Write))
}
