//! A guarded route, as callers with all kinds of headers meet it.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::routing::get;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::shared::{Clock, TenantId, Timestamp};
use crate::tenancy::application::{AccessCounters, hash_secret};
use crate::tenancy::domain::{ApiKey, KeyId, Role};

struct Never;

impl Clock for Never {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }
}

fn router() -> Router {
    let key = |tenant: &str, role| ApiKey {
        id: KeyId::parse(tenant).unwrap(),
        hash: hash_secret("secret"),
        tenant: TenantId::parse(tenant).unwrap(),
        role,
        expires: None,
    };
    let keys = [key("shop", Role::Read), key("bank", Role::Read), key("meter", Role::Ingest)];
    let access = Access::with_keys(keys, Arc::new(Never), AccessCounters::default());
    let whose = async |Extension(caller): Extension<Caller>| caller.tenant.to_string();
    guarded(Router::new().route("/whose", get(whose)), access, Action::Read)
}

async fn ask(router: &Router, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for (name, value) in headers {
        request
            .headers_mut()
            .append(axum::http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    request.extensions_mut().insert(PeerAddress(IpAddr::from([127, 0, 0, 1])));
    router.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn only_the_credential_decides_whatever_else_the_request_names() {
    let router = router();
    let key = ("authorization", "Bearer shop.secret");
    for foreign in ["x-scope-orgid", "x-tenant-id", "x-tenant", "tenant", "x-forwarded-user", "cookie"] {
        let answer = ask(&router, "/whose?tenant=bank&tenantId=bank", &[key, (foreign, "bank")]).await;
        assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "shop"), "{foreign}");
        let answer = ask(&router, "/whose?access_token=bank.secret", &[(foreign, "bank")]).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{foreign}");
    }
}

#[tokio::test]
async fn who_is_not_known_is_challenged_and_who_is_not_allowed_is_not() {
    let router = router();
    for value in ["Bearer shop.wrong", "Bearer nobody.secret", "Basic c2hvcDpzZWNyZXQ=", "shop.secret"] {
        let answer = ask(&router, "/whose", &[("authorization", value)]).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{value}");
        assert_eq!(answer.headers()[WWW_AUTHENTICATE], "Bearer realm=\"telemetryflow\"");
        let body = text(answer).await;
        let quotes = ["shop", "nobody", "c2hvcDpz"].iter().any(|part| body.contains(part));
        assert!(!quotes, "nothing of the credential is repeated: {body}");
    }
    let sender = ask(&router, "/whose", &[("authorization", "Bearer meter.secret")]).await;
    assert_eq!(sender.status(), StatusCode::FORBIDDEN);
    assert!(!sender.headers().contains_key(WWW_AUTHENTICATE));
    assert!(text(sender).await.contains("a key of the role ingest may not read"));
}

#[tokio::test]
async fn of_two_credentials_neither_decides() {
    let (shop, bank) = (("authorization", "Bearer shop.secret"), ("authorization", "Bearer bank.secret"));
    for headers in [[shop, bank], [shop, shop]] {
        assert_eq!(ask(&router(), "/whose", &headers).await.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn who_guesses_is_told_when_to_come_back() {
    let router = router();
    let mut last = StatusCode::OK;
    for _ in 0..100 {
        let answer = ask(&router, "/whose", &[("authorization", "Bearer shop.guess")]).await;
        last = answer.status();
        if last == StatusCode::TOO_MANY_REQUESTS {
            assert_eq!(answer.headers()[RETRY_AFTER], "60");
            break;
        }
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
