//! A request that a router has found a route for, handed to another router.

use axum::extract::Request;
use axum::http::Extensions;

use super::{PeerAddress, RequestId, TraceContext};

/// The request as it came: what a router found in its path would be added to what the next one finds there. What is known of the
/// request itself stays.
pub fn unrouted(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let known = std::mem::take(&mut parts.extensions);
    keep::<PeerAddress>(&known, &mut parts.extensions);
    keep::<RequestId>(&known, &mut parts.extensions);
    keep::<TraceContext>(&known, &mut parts.extensions);
    Request::from_parts(parts, body)
}

fn keep<T: Clone + Send + Sync + 'static>(known: &Extensions, kept: &mut Extensions) {
    if let Some(value) = known.get::<T>() {
        kept.insert(value.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::extract::Path;
    use axum::routing::get;
    use axum::{Extension, response::Response};
    use tower::ServiceExt;

    use super::*;

    const PATH: &str = "/things/{name}";

    async fn inner(Path(name): Path<String>, Extension(peer): Extension<PeerAddress>) -> String {
        format!("{name} for {}", peer.0)
    }

    async fn outer(Path(_): Path<String>, request: Request) -> Response {
        match Router::new().route(PATH, get(inner)).oneshot(unrouted(request)).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        }
    }

    #[tokio::test]
    async fn what_one_router_found_in_the_path_is_not_found_twice() {
        let mut request = Request::get("/things/a").body(Body::empty()).unwrap();
        request.extensions_mut().insert(PeerAddress(Ipv4Addr::LOCALHOST.into()));
        let answer = Router::new().route(PATH, get(outer)).oneshot(request).await.unwrap();
        let body = to_bytes(answer.into_body(), 1_000).await.unwrap();
        assert_eq!(body, "a for 127.0.0.1");
    }
}
