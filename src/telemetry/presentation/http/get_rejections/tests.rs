//! The list of rejections, as callers of several tenants read it.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::shared::{Clock, TenantId};
use crate::telemetry::application::Durability;
use crate::telemetry::application::rejections::SentAs;
use crate::telemetry::domain::{Findings, Rejection, Warning};
use crate::telemetry::presentation::http::{Stats, api_router};
use crate::tenancy::{Access, AccessCounters, ApiKey, KeyId, Role, hash_secret};

struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }
}

const MORNING: Timestamp = Timestamp::from_nanos(1_795_000_000_000_000_000);

fn log() -> Arc<RejectionLog> {
    let log = RejectionLog::default();
    let tenant = |name: &str| TenantId::parse(name).unwrap();
    let mut findings = Findings::new(Signal::Metrics);
    findings.reject(b"<script>\"requests\"", Rejection::TimeTooOld, 3);
    findings.warn(Warning::AttributeCut);
    log.record(RejectionEntry::partial(MORNING, tenant("shop"), SentAs::HttpProtobuf, &findings).unwrap());
    let refused = |name: &str, message: &str| {
        let (signal, sent_as) = (Signal::Logs, SentAs::Grpc);
        RejectionEntry::refused(MORNING, tenant(name), signal, sent_as, "malformed", message)
    };
    log.record(refused("shop", "not OTLP"));
    log.record(refused("bank", "the bank's own"));
    Arc::new(log)
}

fn router() -> axum::Router {
    let key = |id: &str, tenant: &str, role| ApiKey {
        id: KeyId::parse(id).unwrap(),
        hash: hash_secret("secret"),
        tenant: TenantId::parse(tenant).unwrap(),
        role,
        expires: None,
    };
    let keys = [
        key("reader", "shop", Role::Read),
        key("admin", "bank", Role::Admin),
        key("sender", "shop", Role::Ingest),
    ];
    let clock: Arc<dyn Clock> = Arc::new(Stopped);
    let stats = Stats { durability: Durability::Memory, ledger: Arc::default(), journal: None, clock };
    let access = Access::with_keys(keys, Arc::new(Stopped), AccessCounters::default());
    api_router(log(), stats, access)
}

async fn ask(key: &str, query: &str) -> (StatusCode, Value) {
    let request = Request::get(format!("{REJECTIONS_PATH}{query}"))
        .header("authorization", format!("Bearer {key}.secret"))
        .header("x-scope-orgid", "bank");
    let response = router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_reader_sees_what_was_rejected_of_its_tenant_the_newest_first() {
    let expected = json!({"rejections": [
        {
            "time": "2026-11-18T11:06:40Z", "signal": "logs", "transport": "grpc", "encoding": "protobuf",
            "outcome": "refused", "warnings": [],
            "reasons": [{"reason": "malformed", "text": "not OTLP", "examples": []}],
        },
        {
            "time": "2026-11-18T11:06:40Z", "signal": "metrics", "transport": "http", "encoding": "protobuf",
            "outcome": "partial", "rejectedItems": 3,
            "reasons": [{
                "reason": "time_too_old", "text": Rejection::TimeTooOld.text(), "items": 3,
                "examples": ["<script>\"requests\""],
            }],
            "warnings": [{"warning": "attribute_cut", "text": Warning::AttributeCut.text(), "count": 1}],
        },
    ]});
    assert_eq!(ask("reader", "").await, (StatusCode::OK, expected));
}

#[tokio::test]
async fn another_tenant_sees_its_own_and_a_sender_nothing() {
    let (_, bank) = ask("admin", "").await;
    assert_eq!(bank["rejections"].as_array().map(Vec::len), Some(1));
    assert_eq!(bank["rejections"][0]["reasons"][0]["text"], "the bank's own");
    assert_eq!(ask("sender", "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask("nobody", "").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_list_can_be_narrowed() {
    let of_metrics = ask("reader", "?signal=metrics").await.1;
    assert_eq!(of_metrics["rejections"][0]["signal"], "metrics");
    assert_eq!(of_metrics["rejections"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask("reader", "?limit=1").await.1["rejections"].as_array().map(Vec::len), Some(1));
    assert_eq!(ask("reader", "?signal=traces").await.1, json!({"rejections": []}));
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    for (query, field) in [
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=1&limit=2", "limit"),
        ("?signal=profiles", "signal"),
        ("?signal=", "signal"),
        ("?tenant=bank", "tenant"),
    ] {
        let (status, problem) = ask("reader", query).await;
        assert_eq!((status, problem["field"].as_str()), (StatusCode::BAD_REQUEST, Some(field)), "{query}");
    }
}
