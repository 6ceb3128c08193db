//! The routes over a ledger in memory and a channel that fails as told.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::*;
use crate::alerting::application::delivery::channel::SendError;
use crate::alerting::application::delivery::fakes::{FakeChannel, FakeLedger, FixedClock, status};
use crate::alerting::application::delivery::outbox::Outbox;
use crate::alerting::application::delivery::outboxes::{Address, Registered};
use crate::alerting::application::delivery::turn::Turns;
use crate::alerting::application::outbox_ledger::{Fate, OutboxLedger};
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::notification_fixtures::notification;

struct Scene {
    router: Router,
    ledger: FakeLedger,
}

impl Scene {
    fn new(answers: impl IntoIterator<Item = SendError>) -> Self {
        let ledger = FakeLedger::default();
        let channel = Box::new(FakeChannel::new(answers));
        let registered = Arc::new(Registered::new("ops", "slack", Resolved::Told, channel));
        let address =
            Arc::new(Address { outbox: Outbox::default(), turns: Turns::new(Duration::from_millis(1)) });
        let clock = Arc::new(FixedClock(second(60)));
        let random = fastrand::Rng::with_seed(1);
        let outboxes = Outboxes::new([(registered, address)], Arc::new(ledger.clone()), clock, random);
        let router = routes(Arc::new(outboxes)).layer(Extension(Caller::anybody()));
        Self { router, ledger }
    }

    async fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn bury(&self, id: &str) {
        self.ledger.unsent.lock().push(notification(id, "ops", "cpu", 30));
        let refused = Fate::Refused { reason: "answered 404".into(), at: second(40) };
        self.ledger.end(NotificationId(id.into()), refused).await.unwrap();
    }
}

#[tokio::test]
async fn a_test_tells_what_the_other_side_said_and_the_list_remembers_it() {
    let scene = Scene::new([SendError::Gone { cause: status(410) }]);
    let (code, body) = scene.ask("POST", "/api/v2/channels/ops/test").await;
    assert_eq!(
        (code, body),
        (200, json!({"channel": "ops", "taken": false, "answer": "no longer wanted: answered 410: why"}))
    );
    let (code, body) = scene.ask("POST", "/api/v2/channels/ops/test").await;
    assert_eq!((code, body), (200, json!({"channel": "ops", "taken": true, "answer": "answered 200"})));
    let (code, body) = scene.ask("GET", "/api/v2/channels").await;
    assert_eq!(
        (code, body),
        (
            200,
            json!({"channels": [{
                "name": "ops",
                "kind": "slack",
                "sendResolved": true,
                "waiting": 0,
                "dead": 0,
                "state": "off",
                "lastSentAt": "1970-01-01T00:01:00Z",
                "lastErrorAt": "1970-01-01T00:01:00Z",
                "lastError": "no longer wanted: answered 410: why",
            }]})
        )
    );
    let (code, body) = scene.ask("POST", "/api/v2/channels/nobody/test").await;
    assert_eq!((code, &body["field"], &body["allowed"]), (404, &json!("channel"), &json!(["ops"])));
}

#[tokio::test]
async fn dead_letters_are_listed_sent_again_and_dropped() {
    let scene = Scene::new([]);
    scene.bury("one").await;
    scene.bury("two").await;
    let (code, body) = scene.ask("GET", "/api/v2/notifications/dead").await;
    assert_eq!(
        (code, &body["notifications"][0]),
        (
            200,
            &json!({
                "id": "one",
                "channel": "ops",
                "groupKey": "cpu",
                "status": "firing",
                "alerts": ["cpu"],
                "at": "1970-01-01T00:00:30Z",
                "refusedAt": "1970-01-01T00:00:40Z",
                "reason": "answered 404",
                "replayable": true,
            })
        )
    );
    assert_eq!(scene.ask("POST", "/api/v2/notifications/dead/one/replay").await.0, 200);
    assert_eq!(scene.ask("POST", "/api/v2/notifications/dead/one/replay").await.0, 404);
    assert_eq!(scene.ask("GET", "/api/v2/channels").await.1["channels"][0]["waiting"], 1);
    assert_eq!(scene.ask("DELETE", "/api/v2/notifications/dead/two").await.0, 200);
    assert_eq!(scene.ask("DELETE", "/api/v2/notifications/dead/two").await.0, 404);
    let (_, body) = scene.ask("GET", "/api/v2/notifications/dead").await;
    assert_eq!(body, json!({"notifications": []}));
}

#[tokio::test]
async fn what_cannot_be_is_said() {
    let scene = Scene::new([]);
    assert_eq!(scene.ask("GET", "/api/v2/channels?name=ops").await.0, 400);
    *scene.ledger.failing.lock() = 1;
    let (code, body) = scene.ask("GET", "/api/v2/channels").await;
    assert_eq!((code, &body["detail"]), (503, &json!("the state database cannot be used just now")));
    assert_eq!(scene.ask("DELETE", "/api/v2/notifications/dead/%FF").await.0, 404);
}

#[test]
fn every_route_is_described() {
    let described: std::collections::BTreeSet<&str> = operations().iter().map(|one| one.path()).collect();
    assert_eq!(described, PATHS.into_iter().collect());
}
