//! The layer that every request passes: an id, a span, a log line, the time it took, and a 500 for a panic.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use tracing::field::{self, Empty};

use super::Problem;
use super::request_metrics::RequestObserver;
use super::trace_context::{TRACERESPONSE, TraceContext};

/// Longest id that is taken from a client, in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 128;

/// Requests that take longer are logged as warnings.
pub const SLOW_REQUEST: Duration = Duration::from_secs(1);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const X_RESPONSE_TIME: HeaderName = HeaderName::from_static("x-response-time");

/// Names one request in its answer, in log lines and in problems: 1 to 128 characters out of letters, digits and
/// `. _ : -`. Cheap to clone. Found in the request's extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// Absent for texts that are not fit for a log line or a header.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-');
        let sane = (1..=REQUEST_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed);
        if !sane {
            return None;
        }
        HeaderValue::from_str(text).ok().map(Self)
    }

    /// A new UUIDv7: unique, and ordered by time.
    fn generate() -> Self {
        let text = uuid::Uuid::now_v7().to_string();
        Self(HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("none")))
    }

    fn of(headers: &HeaderMap) -> Self {
        [X_REQUEST_ID, X_CORRELATION_ID]
            .iter()
            .filter_map(|name| headers.get(name)?.to_str().ok())
            .find_map(Self::parse)
            .unwrap_or_else(Self::generate)
    }

    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }
}

/// Gives a request its [`RequestId`] and its [`TraceContext`], and its answer `X-Request-ID`, `X-Response-Time` (`12.345ms`)
/// and `traceresponse`. Counts it.
///
/// Use it as the outermost layer: `router.layer(axum::middleware::from_fn_with_state(observer, identify))`.
pub async fn identify(State(observer): State<RequestObserver>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let _in_flight = observer.begins();
    let id = RequestId::of(request.headers());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let path = path.as_ref().map_or("unknown", MatchedPath::as_str);
    let span = tracing::debug_span!(
        "http",
        otel.name = format!("{method} {path}"),
        otel.kind = "server",
        http.request.method = %method,
        http.route = path,
        http.response.status_code = Empty,
        request_id = id.as_str(),
        trace_id = Empty,
    );
    let trace = TraceContext::of(request.headers()).within(&span);
    span.record("trace_id", field::display(trace.trace));
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(trace);

    let answer = without_panic(next.run(request)).instrument(span.clone()).await.unwrap_or_else(|panic| {
        tracing::error!(request_id = id.as_str(), path, panic = panic_text(&*panic), "a handler panicked");
        Problem::internal().into_response()
    });

    span.record("http.response.status_code", answer.status().as_u16());
    let elapsed = started.elapsed();
    observer.ended(path, &method, answer.status(), elapsed);
    log(&method, path, answer.status(), elapsed, &id, &trace);
    with_headers(with_correlation_id(answer, &id), elapsed, id, &trace)
}

/// The path is the route's pattern: what the client wrote may hold anything.
fn log(
    method: &Method,
    path: &str,
    status: StatusCode,
    elapsed: Duration,
    id: &RequestId,
    trace: &TraceContext,
) {
    let (status, duration_ms, request_id) = (status.as_u16(), milliseconds(elapsed), id.as_str());
    let trace_id = &trace.trace;
    if elapsed > SLOW_REQUEST {
        tracing::warn!(%method, path, status, duration_ms, request_id, %trace_id, "slow request");
    } else {
        tracing::debug!(%method, path, status, duration_ms, request_id, %trace_id, "request");
    }
}

fn milliseconds(elapsed: Duration) -> f64 {
    elapsed.as_secs_f64() * 1_000.0
}

fn with_correlation_id(mut answer: Response, id: &RequestId) -> Response {
    if let Some(problem) = answer.extensions_mut().remove::<Problem>() {
        *answer.body_mut() = problem.with_correlation_id(id.as_str()).to_json().into();
        answer.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    }
    answer
}

fn with_headers(mut answer: Response, elapsed: Duration, id: RequestId, trace: &TraceContext) -> Response {
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::try_from(format!("{:.3}ms", milliseconds(elapsed))) {
        headers.insert(X_RESPONSE_TIME, value);
    }
    headers.insert(X_REQUEST_ID, id.0);
    if let Some(value) = trace.answer() {
        headers.insert(TRACERESPONSE, value);
    }
    answer
}

/// What a handler panicked with.
pub type Panic = Box<dyn Any + Send>;

/// Runs a handler; what it panics with becomes an error. Nothing of the handler is used after a panic.
pub async fn without_panic<F: Future>(handler: F) -> Result<F::Output, Panic> {
    let mut handler = pin!(handler);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use axum::{Extension, Router};
    use http_body_util::BodyExt;
    use prometheus_client::registry::Registry;
    use tower::ServiceExt;

    use super::super::request_metrics::RequestMetrics;
    use super::*;

    fn router() -> Router {
        let observer = RequestMetrics::register(&mut Registry::default()).listener("api");
        Router::new()
            .route("/id", get(|Extension(id): Extension<RequestId>| async move { id.as_str().to_owned() }))
            .route("/problem", get(|| async { Problem::invalid("no") }))
            .route("/panic", get(|| async { panic!("on purpose") as () }))
            .layer(axum::middleware::from_fn_with_state(observer, identify))
    }

    async fn answer(path: &str, header: (&str, &str)) -> (Response<()>, String) {
        let request = Request::get(path).header(header.0, header.1).body(Body::empty()).unwrap();
        let (parts, body) = router().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_sane_id_of_the_client_is_kept_whichever_header_bears_it() {
        for header in ["x-request-id", "x-correlation-id"] {
            let (response, body) = answer("/id", (header, "Web_7:a.b-c")).await;
            assert_eq!(body, "Web_7:a.b-c");
            assert_eq!(response.headers()[X_REQUEST_ID], "Web_7:a.b-c");
        }
    }

    #[tokio::test]
    async fn any_other_id_is_replaced_by_a_new_one() {
        let long = "a".repeat(REQUEST_ID_BYTES_MAX + 1);
        for id in ["", "a b", "a\"b", "ü", &long] {
            let (response, body) = answer("/id", ("x-request-id", id)).await;
            assert_eq!(uuid::Uuid::parse_str(&body).unwrap().get_version_num(), 7, "{id}");
            assert_eq!(response.headers()[X_REQUEST_ID].to_str().unwrap(), body);
        }
    }

    #[tokio::test]
    async fn the_answer_says_how_long_it_took() {
        let (response, _) = answer("/id", ("accept", "*/*")).await;
        let text = response.headers()[X_RESPONSE_TIME].to_str().unwrap();
        let (whole, decimals) = text.strip_suffix("ms").unwrap().split_once('.').unwrap();
        assert!(whole.parse::<u64>().is_ok() && decimals.len() == 3, "{text}");
    }

    #[tokio::test]
    async fn the_answer_names_the_trace_of_the_request() {
        let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let (response, _) = answer("/id", ("traceparent", sent)).await;
        let text = response.headers()[TRACERESPONSE].to_str().unwrap();
        assert!(text.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && text.ends_with("-01"), "{text}");
        assert!(!text.contains("b7ad6b7169203331"), "the request has a span of its own: {text}");
        let (response, _) = answer("/id", ("accept", "*/*")).await;
        assert_eq!(response.headers()[TRACERESPONSE].len(), sent.len());
    }

    #[tokio::test]
    async fn a_problem_bears_the_id() {
        let (response, body) = answer("/problem", ("x-request-id", "r-1")).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(body.contains(r#""correlationId":"r-1""#), "{body}");
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_names_the_id_and_not_the_cause() {
        let (response, body) = answer("/panic", ("x-request-id", "r-2")).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()[X_REQUEST_ID], "r-2");
        assert!(body.contains("r-2") && !body.contains("on purpose"), "{body}");
    }
}
