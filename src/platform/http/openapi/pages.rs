//! `/api/v2/openapi.json`, and `/docs`: a page to look at the operations and to try them. For everybody; it needs no other host.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;

use super::Operation;

const DOCUMENT_PATH: &str = "/api/v2/openapi.json";
const PAGE_PATH: &str = "/docs";
const SCRIPT_PATH: &str = "/docs/docs.js";
const STYLE_PATH: &str = "/docs/docs.css";

/// Paths served here, for the list of what there is.
pub const PATHS: [&str; 4] = [DOCUMENT_PATH, PAGE_PATH, SCRIPT_PATH, STYLE_PATH];

const PAGE: &str = include_str!("docs.html");
const SCRIPT: &str = include_str!("docs.js");
const STYLE: &str = include_str!("docs.css");

/// Nothing but what comes from here: no other host, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document as an operation of itself. The page and its parts are for people.
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get(DOCUMENT_PATH, "getOpenApi", "This document")
            .tagged("operations")
            .answers_with::<serde_json::Map<String, Value>>(200, "OpenAPI 3.1."),
    ]
}

/// The routes, for this document.
pub fn router(document: &Value) -> Router {
    let document: Arc<str> = document.to_string().into();
    let served = move || {
        let document = Arc::clone(&document);
        async move { asset("application/json", document.to_string()) }
    };
    Router::new()
        .route(DOCUMENT_PATH, get(served))
        .route(PAGE_PATH, get(async || asset("text/html; charset=utf-8", PAGE)))
        .route(SCRIPT_PATH, get(async || asset("text/javascript; charset=utf-8", SCRIPT)))
        .route(STYLE_PATH, get(async || asset("text/css; charset=utf-8", STYLE)))
}

fn asset(media_type: &'static str, text: impl IntoResponse) -> Response {
    let headers = [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
