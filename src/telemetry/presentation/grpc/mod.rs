//! OTLP over gRPC: the routes of its listener, with health and reflection beside them.
//!
//! The unary framing is our own: a tonic codec sees a message only after it was unpacked, without a bound on the ratio and
//! without the byte budget, and a message over tonic's limit is answered OUT_OF_RANGE, which OTLP clients retry for ever.

mod export;
pub mod framing;
mod health;
mod reflection;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use crate::platform::health::Readiness;
use crate::shared::Signal;
use crate::telemetry::application::SeriesLookup;

use super::otlp::receive::Receiver;

const CONTENT_TYPE: &str = "application/grpc";

/// Why the routes cannot be put together: the descriptors for reflection are unreadable.
#[derive(Debug, thiserror::Error)]
#[error("the descriptors of the OTLP services are damaged")]
pub struct RoutesError(#[from] tonic_reflection::server::Error);

/// Full name of a signal's service (`opentelemetry-proto`, `collector/*/v1/*_service.proto`).
const fn service_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "opentelemetry.proto.collector.metrics.v1.MetricsService",
        Signal::Logs => "opentelemetry.proto.collector.logs.v1.LogsService",
        Signal::Traces => "opentelemetry.proto.collector.trace.v1.TraceService",
    }
}

/// The routes; health is kept up to date until the process stops.
pub async fn router<C: SeriesLookup + 'static>(
    receiver: &Arc<Receiver<C>>,
    readiness: &Readiness,
) -> Result<Router, RoutesError> {
    let with_signal = |router: Router, signal: Signal| {
        let receiver = Arc::clone(receiver);
        router.route(
            &format!("/{}/Export", service_name(signal)),
            any(async move |request| export::handle(Arc::clone(&receiver), signal, request).await),
        )
    };
    let routes = Signal::ALL.into_iter().fold(Router::new(), with_signal);
    Ok(routes
        .route_service("/grpc.health.v1.Health/{method}", health::service(&Signal::ALL, readiness).await)
        .route_service("/grpc.reflection.v1.ServerReflection/{method}", reflection::service_v1()?)
        .route_service("/grpc.reflection.v1alpha.ServerReflection/{method}", reflection::service_v1alpha()?)
        .fallback(export::unknown_method)
        .layer(from_fn(grpc_only)))
}

/// What is no gRPC is answered in plain HTTP ("gRPC over HTTP2", Requests).
async fn grpc_only(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response();
    }
    if !is_grpc(request.headers()) {
        let message = "this port takes OTLP over gRPC (Content-Type: application/grpc)\n";
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, message).into_response();
    }
    next.run(request).await
}

/// `application/grpc` or `application/grpc+proto`, with or without parameters.
fn is_grpc(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    let (grpc, kind) = media.split_at_checked(CONTENT_TYPE.len()).unwrap_or_default();
    grpc.eq_ignore_ascii_case(CONTENT_TYPE) && (kind.is_empty() || kind.eq_ignore_ascii_case("+proto"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn content_types_are_read_whatever_their_spelling() {
        let is =
            |value| is_grpc(&HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))]));
        for grpc in
            ["application/grpc", "application/grpc+proto", "Application/GRPC;x=y", "application/grpc ; a"]
        {
            assert!(is(grpc), "{grpc}");
        }
        for other in ["", "application/grpc-web", "application/grpc+json", "application/grp", "text/plain"] {
            assert!(!is(other), "{other}");
        }
    }
}
