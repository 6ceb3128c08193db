//! Errors for Alertmanager's own clients, which understand a JSON text only. Everybody else is told the whole problem.

use axum::Json;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::platform::http::Problem;

/// A client that accepts `application/json` and nothing wider gets the problem's text as JSON.
pub(super) async fn as_alertmanager_says(request: Request, next: Next) -> Response {
    let plain = accepts_json_alone(request.headers());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if !plain {
        response.extensions_mut().insert(problem);
        return response;
    }
    let text = match problem.field() {
        Some(field) => format!("{field}: {}", problem.detail()),
        None => problem.detail().to_owned(),
    };
    let (mut head, _) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let body = Json(text).into_response().into_body();
    Response::from_parts(head, body)
}

/// No wildcard, and nothing of problems.
fn accepts_json_alone(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    types.peek().is_some()
        && types.flat_map(|list| list.split(',')).all(|one| {
            one.split(';').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("application/json"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_accepts_nothing_else_gets_plain_json() {
        let accepts = |value: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.extend(value.map(|value| (ACCEPT, HeaderValue::from_static(value))));
            accepts_json_alone(&headers)
        };
        assert!(accepts(Some("application/json")) && accepts(Some("Application/JSON; q=1")));
        for other in [None, Some("*/*"), Some("application/json, */*"), Some("application/problem+json")] {
            assert!(!accepts(other), "{other:?}");
        }
    }
}
