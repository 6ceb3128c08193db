//! The routes of alerting on a node of several: answered here while this node evaluates the rules, else by the node that does.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use parking_lot::RwLock;
use tower::ServiceExt;

use crate::alerting;
use crate::platform::http::{Problem, method_not_allowed, unrouted};
use crate::platform::nodes::{FORWARDED, NodeClient, OwnerWatch};

/// When somebody asks again while no node evaluates the rules: another one follows within seconds.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Who answers at the moment.
pub enum Role {
    /// This node, with these routes.
    Owner(Router),
    Follower,
}

/// Switches between answering and passing on.
pub struct RoleSwitch {
    role: RwLock<Role>,
    owner: OwnerWatch,
    client: NodeClient,
}

impl RoleSwitch {
    pub fn new(owner: OwnerWatch, client: NodeClient) -> Self {
        Self { role: RwLock::new(Role::Follower), owner, client }
    }

    pub fn turn_to(&self, role: Role) {
        *self.role.write() = match role {
            Role::Owner(router) => Role::Owner(router.method_not_allowed_fallback(method_not_allowed)),
            Role::Follower => Role::Follower,
        };
    }

    /// All routes of alerting.
    pub fn router(self: &Arc<Self>) -> Router {
        let paths = alerting::paths().into_iter().chain([alerting::REPORTS_PATH]);
        let routes = paths.fold(Router::new(), |router, path| router.route(path, any(answer)));
        routes.with_state(Arc::clone(self))
    }

    fn own_routes(&self) -> Option<Router> {
        match &*self.role.read() {
            Role::Owner(router) => Some(router.clone()),
            Role::Follower => None,
        }
    }
}

async fn answer(State(switch): State<Arc<RoleSwitch>>, request: Request) -> Result<Response, Problem> {
    if let Some(router) = switch.own_routes() {
        return Ok(router.oneshot(unrouted(request)).await.into_response());
    }
    // What another node has passed on comes back to it rather than to a third one.
    let is_for_owner =
        request.headers().contains_key(FORWARDED) || request.uri().path() == alerting::REPORTS_PATH;
    let owner = switch.owner.borrow().clone().filter(|_| !is_for_owner);
    let Some(owner) = owner else {
        return Err(Problem::unavailable("no node looks after alert rules at the moment", RETRY_AFTER));
    };
    let forwarded = switch.client.forward(&owner, request).await;
    forwarded.map_err(|error| {
        tracing::warn!(%owner, %error, "the node that looks after alert rules does not answer");
        Problem::unavailable("the node that looks after alert rules does not answer", RETRY_AFTER)
    })
}
