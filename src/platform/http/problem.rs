//! Errors as answers: `application/problem+json` (RFC 9457), with what would have been right and the request's id.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::ProblemKind;
use crate::shared::nearest::nearest_few;

/// The media type of RFC 9457, section 3.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// What a 401 says of how to do better (RFC 9110, section 11.6.1; RFC 6750, section 3).
pub const BEARER_CHALLENGE: &str = "Bearer realm=\"telemetryflow\"";

/// How many known paths or names an answer suggests.
const SUGGESTIONS_MAX: usize = 3;

/// An error answer. Text in it is shown as data: it may quote a field's name or value, never a body or a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    field: Option<String>,
    allowed: Vec<String>,
    near: Vec<String>,
    retry_after: Option<Duration>,
    correlation_id: Option<String>,
}

impl Problem {
    fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            field: None,
            allowed: Vec::new(),
            near: Vec::new(),
            retry_after: None,
            correlation_id: None,
        }
    }

    /// 400.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::InvalidRequest, detail)
    }

    /// 401. The answer asks for a bearer token.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Unauthorized, detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Forbidden, detail)
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// 405. The router adds `Allow`.
    pub fn method_not_allowed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::MethodNotAllowed, detail)
    }

    /// 406.
    pub fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotAcceptable, detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Conflict, detail)
    }

    /// 412.
    pub fn precondition_failed(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::PreconditionFailed, detail)
    }

    /// 428.
    pub fn precondition_required(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::PreconditionRequired, detail)
    }

    /// 413. The answer closes the connection, which lingers so that the client can read it.
    pub fn body_too_large(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BodyTooLarge, detail)
    }

    /// 415.
    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::UnsupportedMediaType, detail)
    }

    /// 422.
    pub fn not_computable(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotComputable, detail)
    }

    /// 429; `retry_after` is rounded up to whole seconds, at least one.
    pub fn too_many_requests(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ProblemKind::TooManyRequests, detail) }
    }

    /// 500. Says nothing of the cause: that is in the log, under the same id.
    pub fn internal() -> Self {
        Self::new(ProblemKind::Internal, "the cause is in the server's log under the correlation id")
    }

    /// 503; `retry_after` is rounded up to whole seconds, at least one.
    pub fn unavailable(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ProblemKind::Unavailable, detail) }
    }

    /// Names the parameter or member that was wrong.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// Says what would have been accepted.
    #[must_use]
    pub fn with_allowed<T: Into<String>>(mut self, allowed: impl IntoIterator<Item = T>) -> Self {
        self.allowed = allowed.into_iter().map(Into::into).collect();
        self
    }

    /// Says which known names are near the unknown one, the nearest first.
    #[must_use]
    pub fn with_near<T: Into<String>>(mut self, near: impl IntoIterator<Item = T>) -> Self {
        self.near = near.into_iter().map(Into::into).collect();
        self
    }

    /// Set by the [`identify`](super::identify) layer on every problem that passes it.
    #[must_use]
    pub fn with_correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The parameter or member that was wrong, if it was named.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// The members of RFC 9457 and ours, as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let members = Members {
            r#type: self.kind.type_uri(),
            title: self.kind.title(),
            status: self.kind.status().as_u16(),
            detail: &self.detail,
            field: self.field.as_deref(),
            allowed: &self.allowed,
            near: &self.near,
            correlation_id: self.correlation_id.as_deref(),
        };
        serde_json::to_vec(&members).unwrap_or_default()
    }
}

/// What went wrong, and what would have been right (RFC 9457).
#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Problem")]
pub(super) struct Members<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    allowed: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    near: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<&'a str>,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds_rounded_up(wait).into());
        }
        if self.kind == ProblemKind::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(BEARER_CHALLENGE));
        }
        if self.kind == ProblemKind::BodyTooLarge {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        let mut response = (self.kind.status(), headers, self.to_json()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// As `Retry-After` tells a wait: whoever comes back after so long does not come too early.
pub fn seconds_rounded_up(wait: Duration) -> u64 {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// The router's answer for paths it does not know: 404 with the nearest of `known`, or all of them if none is near and
/// they are few. Use with `Router::fallback`.
pub fn unknown_path(path: &str, known: &[&str]) -> Problem {
    let near = nearest_few(path, known.iter().copied(), SUGGESTIONS_MAX);
    let problem = Problem::not_found("no such path");
    if near.is_empty() && known.len() <= SUGGESTIONS_MAX {
        return problem.with_allowed(known.iter().copied());
    }
    problem.with_near(near)
}

/// The router's answer for a method that the path does not take: 405; the router adds `Allow`. Use with
/// `Router::method_not_allowed_fallback`.
pub async fn method_not_allowed(request: Request) -> Problem {
    Problem::method_not_allowed(format!(
        "{} is not among the methods in the {ALLOW} header",
        request.method()
    ))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::http::{StatusCode, Uri};
    use axum::routing::get;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;

    async fn json_of(response: Response) -> Value {
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&bytes).unwrap()
    }

    #[tokio::test]
    async fn a_problem_names_the_field_what_is_allowed_and_what_is_near() {
        let problem = Problem::invalid("unknown aggregation")
            .with_field("aggregation")
            .with_allowed(["avg", "sum"])
            .with_near(["avg"])
            .with_correlation_id("r-1");
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        let expected = json!({
            "type": "urn:telemetryflow:problem:invalid-request",
            "title": "The request is not valid",
            "status": 400,
            "detail": "unknown aggregation",
            "field": "aggregation",
            "allowed": ["avg", "sum"],
            "near": ["avg"],
            "correlationId": "r-1",
        });
        assert_eq!(json_of(response).await, expected);
    }

    #[tokio::test]
    async fn members_that_say_nothing_are_left_out() {
        let value = json_of(Problem::not_found("no such metric").into_response()).await;
        let names: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(names, ["detail", "status", "title", "type"]);
    }

    #[test]
    fn a_wait_is_whole_seconds_and_at_least_one() {
        for (wait, expected) in [(0, "1"), (1_000, "1"), (1_001, "2"), (30_000, "30")] {
            let response = Problem::unavailable("full", Duration::from_millis(wait)).into_response();
            assert_eq!(response.headers()[RETRY_AFTER], expected);
        }
    }

    #[test]
    fn a_body_that_is_too_large_closes_the_connection() {
        assert_eq!(Problem::body_too_large("64 MiB").into_response().headers()[CONNECTION], "close");
    }

    const KNOWN: [&str; 4] = ["/v1/metrics", "/v1/logs", "/v1/traces", "/livez"];

    fn router() -> Router {
        Router::new()
            .route("/v1/metrics", get(|| async {}))
            .fallback(|uri: Uri| async move { unknown_path(uri.path(), &KNOWN) })
            .method_not_allowed_fallback(method_not_allowed)
    }

    #[tokio::test]
    async fn an_unknown_path_is_answered_with_the_near_ones() {
        let request = Request::get("/v1/metric/").body(Body::empty()).unwrap();
        let response = router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(json_of(response).await["near"], json!(["/v1/metrics"]));
    }

    #[test]
    fn a_short_list_of_paths_is_given_in_full_when_none_is_near() {
        assert_eq!(unknown_path("/else", &KNOWN[..3]).allowed, &KNOWN[..3]);
        assert!(unknown_path("/else", &KNOWN).allowed.is_empty());
    }

    #[tokio::test]
    async fn a_wrong_method_is_answered_with_those_that_are_right() {
        let request = Request::delete("/v1/metrics").body(Body::empty()).unwrap();
        let response = router().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], "GET,HEAD");
        assert_eq!(json_of(response).await["type"], "urn:telemetryflow:problem:method-not-allowed");
    }
}
