//! Bodies of requests, as JSON.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::Problem;

/// A body, or why it could not be read. Routes that take one bound it (`DefaultBodyLimit`).
pub type Body = Result<Bytes, BytesRejection>;

/// What the body says. `what` is what it should be: `a rule`; `bytes_max` is the route's limit.
pub fn from_json<T: DeserializeOwned>(body: Body, what: &str, bytes_max: usize) -> Result<T, Problem> {
    let body = whole(body, bytes_max)?;
    serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("not {what}: {error}")))
}

/// The bytes of a body. `bytes_max` is the route's limit.
pub fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Problem> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::body_too_large(format!("the body is longer than {bytes_max} bytes"))
        }
        _ => Problem::invalid("the body cannot be read"),
    })
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::DefaultBodyLimit;
    use axum::http::Request;
    use axum::http::header::CONTENT_TYPE;
    use axum::routing::post;
    use http_body_util::BodyExt;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn take(body: Body) -> Result<(), Problem> {
        from_json::<Value>(body, "a thing", 8).map(drop)
    }

    #[tokio::test]
    async fn a_body_that_is_too_long_or_no_json_is_answered_with_a_problem() {
        let router = Router::new().route("/", post(take)).layer(DefaultBodyLimit::max(8));
        for (sent, status, detail) in [
            ("{}", 200, ""),
            ("[1, 2, 3]", 413, "the body is longer than 8 bytes"),
            ("{", 400, "not a thing: EOF while parsing an object at line 1 column 1"),
        ] {
            let request = Request::post("/").body(axum::body::Body::from(sent)).unwrap();
            let answer = router.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status, "{sent}");
            if status != 200 {
                assert_eq!(answer.headers()[CONTENT_TYPE], "application/problem+json");
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                let body: Value = serde_json::from_slice(&body).unwrap();
                assert_eq!(body["detail"], detail);
            }
        }
    }
}
