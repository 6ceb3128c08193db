//! `/docs/runbooks/{page}`: what to do about the alerts of the built-in rules, for everybody.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::platform::http::Problem;

const PAGE_PATH: &str = "/docs/runbooks/{page}";

macro_rules! page {
    ($name:literal) => {
        (concat!($name, ".md"), include_str!(concat!("../../../docs/runbooks/", $name, ".md")))
    };
}

/// Every page, by its name.
const PAGES: [(&str, &str); 10] = [
    page!("evaluation-behind"),
    page!("evaluation-missed"),
    page!("ingestion-stopped"),
    page!("instances-overflowing"),
    page!("journal-failed"),
    page!("journal-growing"),
    page!("notifications-dead"),
    page!("notifications-failing"),
    page!("store-down"),
    page!("watchdog"),
];

pub fn router() -> Router {
    Router::new().route(PAGE_PATH, get(page))
}

/// As text: browsers show it.
async fn page(Path(name): Path<String>) -> Result<Response, Problem> {
    let found = PAGES.iter().find(|(known, _)| *known == name);
    let (_, text) = found.ok_or_else(|| Problem::not_found("there is no runbook of this name"))?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-cache"),
    ];
    Ok((headers, *text).into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_page_of_the_repository_is_there() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/runbooks");
        let files = std::fs::read_dir(folder).unwrap();
        let files: BTreeSet<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(files, PAGES.iter().map(|(name, _)| (*name).to_owned()).collect());
    }

    #[tokio::test]
    async fn a_page_is_text_and_nothing_else_is_served() {
        let found = page(Path("store-down.md".to_owned())).await.unwrap();
        assert_eq!(found.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
        for name in ["store-down", "../README.md", ""] {
            assert!(page(Path(name.to_owned())).await.is_err(), "{name}");
        }
    }
}
