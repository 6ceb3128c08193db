//! `GET /api/v2/status` and `GET /api/v2/receivers`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;

use super::AlertmanagerApi;
use super::alert_bodies::ReceiverBody;
use crate::alerting::presentation::words::time_to_the_millisecond as format;

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AlertmanagerStatus")]
pub(super) struct StatusBody {
    cluster: ClusterBody,
    version_info: VersionBody,
    config: ConfigBody,
    /// Since when the server runs.
    uptime: String,
}

/// There is one node.
#[derive(Debug, JsonSchema, Serialize)]
struct ClusterBody {
    status: &'static str,
    peers: Vec<String>,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
struct VersionBody {
    version: &'static str,
    revision: &'static str,
    branch: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

#[derive(Debug, JsonSchema, Serialize)]
struct ConfigBody {
    /// The routes as a configuration of Alertmanager, in YAML.
    original: String,
}

pub(super) async fn status(State(api): State<Arc<AlertmanagerApi>>) -> Json<StatusBody> {
    Json(StatusBody {
        cluster: ClusterBody { status: "disabled", peers: Vec::new() },
        version_info: VersionBody {
            version: env!("CARGO_PKG_VERSION"),
            revision: "",
            branch: "",
            build_user: "",
            build_date: "",
            go_version: "",
        },
        config: ConfigBody { original: api.config.to_string() },
        uptime: format(api.started),
    })
}

pub(super) async fn receivers(State(api): State<Arc<AlertmanagerApi>>) -> Json<Vec<ReceiverBody>> {
    Json(api.receivers.iter().map(|name| ReceiverBody { name: name.to_string() }).collect())
}
