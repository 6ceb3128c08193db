//! `GET` and `PUT /api/v2/log-level`: what the server logs, changed while it runs. Until the next start, or the next `SIGHUP`.
//!
//! ```json
//! {"level": "info,telemetryflow::alerting=debug"}
//! ```

use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::http::openapi::{Needs, Operation};
use super::http::{Problem, ProblemKind};
use super::logging::LogLevel;

pub const LOG_LEVEL_PATH: &str = "/api/v2/log-level";

const BODY_BYTES_MAX: usize = 4_096;

#[derive(Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
struct LevelBody {
    /// `error`, `warn`, `info`, `debug` or `trace`, also by target: `info,telemetryflow::alerting=debug`.
    level: String,
}

/// Who mounts it decides who may see and change what is logged.
pub fn router(level: LogLevel) -> Router {
    Router::new().route(LOG_LEVEL_PATH, get(tell).put(change)).with_state(level)
}

pub fn operations() -> Vec<Operation> {
    let tagged = |operation: Operation| operation.tagged("operations").needs(Needs::Operator);
    vec![
        tagged(Operation::get(LOG_LEVEL_PATH, "getLogLevel", "What the server logs")).answers::<LevelBody>(),
        tagged(Operation::put(LOG_LEVEL_PATH, "changeLogLevel", "Change what the server logs"))
            .described("Until the next start, or until the configuration is read again (SIGHUP).")
            .asks::<LevelBody>()
            .answers::<LevelBody>()
            .problems(&[ProblemKind::InvalidRequest, ProblemKind::BodyTooLarge]),
    ]
}

async fn tell(State(level): State<LogLevel>) -> Json<LevelBody> {
    Json(LevelBody { level: level.text() })
}

async fn change(State(level): State<LogLevel>, body: Body) -> Result<Json<LevelBody>, Problem> {
    let body = axum::body::to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
        Problem::body_too_large(format!("the body is longer than {BODY_BYTES_MAX} bytes, or was cut"))
    })?;
    let wanted: LevelBody = serde_json::from_slice(&body).map_err(|error| {
        Problem::invalid(format!("expected an object like {{\"level\": \"debug\"}}: {error}"))
    })?;
    if wanted.level.trim().is_empty() {
        return Err(Problem::invalid("an empty level would log nothing; \"off\" says so").with_field("level"));
    }
    level.set(&wanted.level).map_err(|error| {
        Problem::invalid(error.to_string()).with_field("level").with_allowed([
            "error",
            "warn",
            "info",
            "debug",
            "trace",
            "off",
            "info,telemetryflow::alerting=debug",
        ])
    })?;
    tracing::warn!(level = wanted.level, "the log level was changed");
    Ok(Json(wanted))
}
