//! Alertmanager's API v2 (github.com/prometheus/alertmanager, api/v2/openapi.yaml, as of 0.25): so that amtool, karma, Grafana, and a
//! Prometheus that posts alerts, work. Only the caller's tenant is seen and changed.

mod alert_bodies;
mod alerts;
mod config_text;
mod errors;
mod operations;
mod parameters;
mod silence_bodies;
mod silences;
mod status;
mod time_text;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::{delete, get, post};

use crate::alerting::application::notify::Notifier;
use crate::shared::{Clock, Timestamp};
use crate::tenancy::{Access, Action, guarded};

pub use config_text::config_text;
pub use operations::operations;

const ALERTS_PATH: &str = "/api/v2/alerts";
const GROUPS_PATH: &str = "/api/v2/alerts/groups";
const SILENCES_PATH: &str = "/api/v2/silences";
const SILENCE_PATH: &str = "/api/v2/silence/{id}";
const RECEIVERS_PATH: &str = "/api/v2/receivers";
const STATUS_PATH: &str = "/api/v2/status";

/// What can be asked for, to suggest for a path that is not known.
pub const PATHS: [&str; 6] =
    [ALERTS_PATH, GROUPS_PATH, SILENCES_PATH, SILENCE_PATH, RECEIVERS_PATH, STATUS_PATH];

/// Longest body of a request: Prometheus sends 64 to 256 alerts at once.
const BODY_BYTES_MAX: usize = 4 << 20;

/// What the routes work with.
pub struct AlertmanagerApi {
    pub notifier: Arc<Notifier>,
    /// Names of channels.
    pub receivers: Vec<Box<str>>,
    /// The routes as Alertmanager would have them written, see [`config_text`].
    pub config: Box<str>,
    pub started: Timestamp,
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for AlertmanagerApi {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlertmanagerApi").field("receivers", &self.receivers).finish_non_exhaustive()
    }
}

/// The routes. Who may read may look; who posts alerts, or silences some, has to be allowed to change things.
pub fn router(api: Arc<AlertmanagerApi>, access: Access) -> Router {
    let reading = Router::new()
        .route(ALERTS_PATH, get(alerts::list))
        .route(GROUPS_PATH, get(alerts::groups))
        .route(SILENCES_PATH, get(silences::list))
        .route(SILENCE_PATH, get(silences::one))
        .route(RECEIVERS_PATH, get(status::receivers))
        .route(STATUS_PATH, get(status::status))
        .with_state(Arc::clone(&api));
    let writing = Router::new()
        .route(ALERTS_PATH, post(alerts::post))
        .route(SILENCES_PATH, post(silences::post))
        .route(SILENCE_PATH, delete(silences::expire))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(api);
    guarded(reading, access.clone(), Action::Read)
        .merge(guarded(writing, access, Action::Write))
        .route_layer(from_fn(errors::as_alertmanager_says))
}
