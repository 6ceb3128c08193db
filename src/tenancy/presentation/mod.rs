//! How a request shows its credential, over HTTP and gRPC alike, and how HTTP answers those that are not let in.

use std::net::IpAddr;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{Extensions, HeaderMap};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;

use super::application::{Access, AccessError, Denial};
use super::domain::{Action, Caller};
use crate::platform::http::{PeerAddress, Problem};

/// Who sends a request, given its headers (gRPC: its metadata) and extensions, and that it may do what it asks for.
///
/// Looks at `Authorization` only; a second one is an error, since it is not clear which of the two would decide.
pub fn permitted(
    access: &Access,
    headers: &HeaderMap,
    extensions: &Extensions,
    action: Action,
) -> Result<Caller, AccessError> {
    let mut values = headers.get_all(AUTHORIZATION).iter().map(|value| value.as_bytes());
    let authorization = match (values.next(), values.next()) {
        (first, None) => first,
        // No credential has this form.
        (_, Some(_)) => Some(&b""[..]),
    };
    access.permit(peer(extensions), authorization, action)
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<PeerAddress>().map(|peer| peer.0)
}

/// Lets only those into the routes who may do `action`; handlers find them as `Extension<Caller>`. Everybody else is
/// answered with a problem before the request is looked at: 401, 403 or 429.
pub fn guarded(router: Router, access: Access, action: Action) -> Router {
    router.route_layer(from_fn_with_state((access, action), let_in))
}

async fn let_in(
    State((access, action)): State<(Access, Action)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let caller = permitted(&access, request.headers(), request.extensions(), action)
        .map_err(|error| problem(&error))?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

fn problem(error: &AccessError) -> Problem {
    match error {
        AccessError::Denied(Denial::TooManyFailures { retry_after }) => {
            Problem::too_many_requests(error.to_string(), *retry_after)
        }
        AccessError::Denied(_) => Problem::unauthorized(error.to_string()),
        AccessError::NotAllowed(_) => Problem::forbidden(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
