//! Channels at servers on loopback: what is sent, and what an answer means.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::pagerduty::PagerDuty;
use super::slack::Slack;
use super::webhook::{Signing, Webhook};
use super::*;
use crate::alerting::application::delivery::channel::Channel;
use crate::alerting::application::delivery::fakes::FixedClock;
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::notification::Notification;
use crate::alerting::domain::notification_fixtures::{alert, notification, resolved};
use crate::platform::outgoing::{OutgoingClient, SecretUrl, SigningSecret};

mod faults;

/// Takes so many requests, each answered alike; gives their heads and bodies.
async fn server(requests: usize, answer: &'static str) -> (SecretUrl, JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/secret", listener.local_addr().unwrap());
    #[expect(clippy::disallowed_methods, reason = "a test's own server")]
    let task = tokio::spawn(async move {
        let mut taken = Vec::new();
        for _ in 0..requests {
            let (socket, _) = listener.accept().await.unwrap();
            let mut socket = BufReader::new(socket);
            let (mut head, mut length) = (String::new(), 0);
            while !head.ends_with("\r\n\r\n") {
                let mut line = String::new();
                socket.read_line(&mut line).await.unwrap();
                let line = line.to_ascii_lowercase();
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                head.push_str(&line);
            }
            let mut body = vec![0; length];
            socket.read_exact(&mut body).await.unwrap();
            taken.push((head, String::from_utf8(body).unwrap()));
            socket
                .write_all(format!("HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n").as_bytes())
                .await
                .unwrap();
        }
        taken
    });
    (SecretUrl::parse(&url).unwrap(), task)
}

fn client() -> OutgoingClient {
    OutgoingClient::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap()
}

fn webhook(url: SecretUrl, signing: Signing) -> Webhook {
    Webhook {
        client: client(),
        url,
        signing,
        clock: Arc::new(FixedClock(second(1_234))),
        external_url: ExternalUrl::default(),
    }
}

fn slack(client: OutgoingClient, url: SecretUrl) -> Slack {
    Slack { client, url, external_url: ExternalUrl::default() }
}

fn told() -> Notification {
    notification("0197-n", "hook", "cpu", 10)
}

#[tokio::test]
async fn a_status_tells_whether_trying_again_helps() {
    for (answer, expected) in [
        ("200 OK\r\ncontent-length: 2\r\n\r\nok", "answered 200: ok"),
        ("204 No", "answered 204"),
        ("302 Found", "refused: answered 302"),
        ("400 Bad\r\ncontent-length: 15\r\n\r\ninvalid_payload", "refused: answered 400: invalid_payload"),
        ("404 No", "refused: answered 404"),
        ("408 Slow", "not taken now: answered 408"),
        ("429 Slow", "not taken now: answered 429"),
        ("500 Oops", "not taken now: answered 500"),
        ("503 Later", "not taken now: answered 503"),
    ] {
        let (url, _task) = server(1, answer).await;
        let sent = slack(client(), url).send(&told()).await;
        assert_eq!(sent.map_or_else(|error| error.to_string(), |Answer(said)| said.into()), expected);
    }
}

#[tokio::test]
async fn a_wish_to_wait_is_heard_and_a_refused_address_is_refused_for_good() {
    let (url, _task) = server(1, "429 Slow\r\nretry-after: 7").await;
    let sent = slack(client(), url.clone()).send(&told()).await;
    assert!(
        matches!(sent, Err(SendError::Retry { after: Some(wait), .. }) if wait == Duration::from_secs(7))
    );
    let guarded = OutgoingClient::new(Vec::new()).unwrap();
    assert!(matches!(slack(guarded, url).send(&told()).await, Err(SendError::Permanent { .. })));
}

#[tokio::test]
async fn a_webhook_gets_a_body_that_it_can_check() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (url, task) = server(1, "200 OK").await;
    let signing = Signing::With(SigningSecret::parse(secret).unwrap());
    webhook(url, signing).send(&told()).await.unwrap();
    let (head, body) = task.await.unwrap().remove(0);
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    };
    assert_eq!((header("webhook-id"), header("webhook-timestamp")), ("0197-n".into(), "1234".into()));
    assert_eq!(header("content-type"), "application/json");
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("0197-n.1234.{body}").as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    // The head was put into lower case.
    assert_eq!(header("webhook-signature"), expected.to_ascii_lowercase());
    assert!(body.contains("\"version\":\"4\""), "{body}");
}

#[tokio::test]
async fn a_webhook_without_a_secret_signs_nothing_and_410_ends_it() {
    let (url, task) = server(1, "410 Gone\r\ncontent-length: 4\r\n\r\nbye!").await;
    let error = webhook(url, Signing::Off).send(&told()).await.unwrap_err();
    assert!(matches!(error, SendError::Gone { .. }));
    assert_eq!(error.to_string(), "no longer wanted: answered 410: bye!");
    let (head, _) = task.await.unwrap().remove(0);
    assert!(head.contains("webhook-id: 0197-n") && !head.contains("webhook-signature"), "{head}");
}

#[tokio::test]
async fn a_webhook_gets_every_alert_of_a_large_group_in_bodies_that_it_can_tell_apart() {
    let mut told = told();
    told.alerts = (0..4_000).map(|number| alert(&format!("cpu{number}"))).collect();
    let expected: Vec<String> = told.alerts.iter().map(|alert| alert.name().to_owned()).collect();
    let bodies = 2;
    let (url, task) = server(bodies, "200 OK").await;
    webhook(url, Signing::Off).send(&told).await.unwrap();
    let taken = task.await.unwrap();
    let ids: Vec<bool> = ["webhook-id: 0197-n\r\n", "webhook-id: 0197-n_2\r\n"]
        .into_iter()
        .zip(&taken)
        .map(|(id, (head, _))| head.contains(id))
        .collect();
    assert_eq!(ids, [true, true]);
    let names = taken.iter().flat_map(|(_, body)| {
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        body["alerts"].as_array().unwrap().clone()
    });
    let names: Vec<String> =
        names.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn pagerduty_gets_one_event_for_a_group() {
    let (url, task) = server(2, "202 Accepted").await;
    let mut told = told();
    told.alerts.push(alert("disk"));
    told.alerts.extend(resolved("n", "hook", "net", 5).alerts);
    let channel =
        PagerDuty { client: client(), url, routing_key: "R0".into(), external_url: ExternalUrl::default() };
    assert_eq!(&*channel.send(&told).await.unwrap().0, "answered 202");
    channel.send(&resolved("n2", "hook", "cpu", 20)).await.unwrap();
    let events: Vec<serde_json::Value> =
        task.await.unwrap().iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect();
    let actions: Vec<&str> = events.iter().map(|event| event["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    assert!(!format!("{channel:?}").contains("R0"));
}
