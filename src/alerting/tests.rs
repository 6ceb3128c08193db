//! The whole context: points in, messages at a real local webhook out.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use prometheus_client::registry::Registry;

use super::*;
use crate::alerting::domain::fixtures::{rule, second, series};
use crate::platform::event_bus::QUEUE_EVENTS_MAX;
use crate::platform::outgoing::SecretUrl;
use crate::platform::state::{StateOptions, StateTarget};
use crate::shared::{DomainEvent, MetricKind, MetricsIngested, NumberColumns, NumberRow, Timestamp, WatchId};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct HandClock(Mutex<Timestamp>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

/// A request that the webhook took: the answer it got, and the text of the message.
type Taken = (&'static str, String);

/// Answers one request after the other as told, then with 200.
async fn webhook(answers: Vec<&'static str>) -> (u16, mpsc::Receiver<Taken>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, receiver) = mpsc::channel(16);
    #[expect(clippy::disallowed_methods, reason = "a test's own server")]
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        while let Ok((socket, _)) = listener.accept().await {
            let answer = answers.next().unwrap_or("200 OK");
            let text = take_request(socket, answer).await;
            if sender.send((answer, text)).await.is_err() {
                return;
            }
        }
    });
    (port, receiver)
}

async fn take_request(socket: TcpStream, answer: &str) -> String {
    let mut socket = BufReader::new(socket);
    let mut length = 0;
    loop {
        let mut line = String::new();
        socket.read_line(&mut line).await.unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    socket.read_exact(&mut body).await.unwrap();
    let head = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let message: serde_json::Value = serde_json::from_slice(&body).unwrap();
    message["text"].as_str().unwrap().to_owned()
}

/// A started context with one rule (`max > 5` over a second) that tells the webhook at `port`.
struct Scene {
    bus: Arc<EventBus>,
    clock: Arc<HandClock>,
    watch: WatchId,
    lifecycle: Lifecycle,
    registry: Registry,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn start(port: u16) -> Self {
        Self::start_after(port, |_| {}).await
    }

    /// Something happens between the set-up and the start.
    async fn start_after(port: u16, meanwhile: impl FnOnce(&EventBus)) -> Self {
        let (bus, clock) =
            (Arc::new(EventBus::default()), Arc::new(HandClock(Mutex::new(second(1_000_000)))));
        let url = SecretUrl::parse(&format!("http://127.0.0.1:{port}/services/secret")).unwrap();
        let target = Target::Slack { url };
        let channel = ChannelSetup { name: "slack".into(), resolved: Resolved::Told, target };
        let outgoing = OutgoingClient::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
        let instant = Duration::from_millis(1);
        let pacing = Pacing {
            message_gap: instant,
            backoff_first: instant,
            backoff_max: instant,
            ..Pacing::default()
        };
        let folder = tempfile::tempdir().unwrap();
        let target = StateTarget::File(folder.path().join("state.db"));
        let database = StateDatabase::open(&target, MIGRATIONS, StateOptions::default()).await.unwrap();
        let mut registry = Registry::with_prefix("telemetryflow");
        let alerting = Alerting::open(AlertingParts {
            files: RuleFiles::new(vec![(rule("max > 5", "1s"), serde_json::Value::Null)]).unwrap(),
            channels: vec![channel],
            plan: NotificationPlan::default(),
            options: AlertingOptions { pacing, ..AlertingOptions::default() },
            database,
            outgoing,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            bus: Arc::clone(&bus),
            metrics: AlertingMetrics::registered(&mut registry),
        });
        let alerting = alerting.await.unwrap();
        let watch = alerting.watch().watch(&series(&[]));
        let lifecycle = Lifecycle::default();
        meanwhile(&bus);
        alerting.start(None, Vec::new(), &lifecycle);
        Self { bus, clock, watch, lifecycle, registry, _folder: folder }
    }

    fn ingest(&self, value: f64) {
        let identity = series(&[]);
        let mut columns = NumberColumns::new(identity.tenant);
        columns.begin_run(&identity.metric, MetricKind::Gauge);
        columns.push(NumberRow {
            series: identity.id,
            watch: self.watch,
            time: self.clock.now(),
            start: Timestamp::EPOCH,
            value,
            integer_rest: 0,
            integer: false,
            flags: 0,
        });
        let event = MetricsIngested { columns: vec![columns.into()] };
        self.bus.publish(DomainEvent::MetricsIngested(Arc::new(event)));
    }

    fn wait_for_silence(&self) {
        let mut now = self.clock.0.lock();
        *now = now.plus(Duration::from_secs(60));
    }

    async fn stop(self) -> String {
        self.lifecycle.stop();
        self.lifecycle.wait().await;
        assert!(self.lifecycle.failed().is_empty());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }
}

async fn next(taken: &mut mpsc::Receiver<Taken>) -> Taken {
    timeout(PATIENCE, taken.recv()).await.expect("a request in time").expect("a running webhook")
}

/// Scenario: a webhook is overloaded, then broken, then well; later the data stops.
/// Guarantees: one firing message is taken, then one that resolves it; the asked-for pause is kept.
#[tokio::test]
async fn a_failing_webhook_gets_each_message_once_and_in_order() {
    let slow = "429 Too Many Requests\r\nretry-after: 1";
    let (port, mut taken) = webhook(vec![slow, "500 Oops"]).await;
    let scene = Scene::start(port).await;
    let begun = tokio::time::Instant::now();
    scene.ingest(9.0);

    let firing = "🔴 CRITICAL: Rule (max 9 &gt; 5)".to_owned();
    assert_eq!(next(&mut taken).await, (slow, firing.clone()));
    assert_eq!(next(&mut taken).await, ("500 Oops", firing.clone()));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(next(&mut taken).await, ("200 OK", firing));

    scene.wait_for_silence();
    assert_eq!(next(&mut taken).await, ("200 OK", "✅ Resolved: Rule (no data)".to_owned()));
    let metrics = scene.stop().await;
    assert!(taken.try_recv().is_err());
    for line in [
        "telemetryflow_alerting_notifications_total{channel=\"slack\",result=\"sent\"} 2",
        "telemetryflow_alerting_notifications_total{channel=\"slack\",result=\"retried\"} 2",
        "telemetryflow_alerting_transitions_total{kind=\"firing\"} 1",
        "telemetryflow_alerting_transitions_total{kind=\"resolved\"} 1",
        "telemetryflow_alerting_instances 0",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
}

/// Scenario: the process is stopped while a message waits for the end of a long pause.
/// Guarantees: it is tried once more before the process ends.
#[tokio::test]
async fn what_is_unsent_at_the_stop_is_tried_once_more() {
    let (port, mut taken) = webhook(vec!["503 Later\r\nretry-after: 600"]).await;
    let scene = Scene::start(port).await;
    scene.ingest(9.0);
    next(&mut taken).await;
    scene.stop().await;
    assert_eq!(next(&mut taken).await.0, "200 OK");
}

/// Scenario: more events than a queue holds are published before anybody reads.
/// Guarantees: what was overwritten is counted, and evaluation goes on with what is left.
#[tokio::test]
async fn events_that_were_overwritten_are_counted_and_evaluation_goes_on() {
    let (port, mut taken) = webhook(Vec::new()).await;
    let scene = Scene::start_after(port, |bus| {
        for _ in 0..QUEUE_EVENTS_MAX + 5 {
            let nothing = MetricsIngested { columns: Vec::new() };
            bus.publish(DomainEvent::MetricsIngested(Arc::new(nothing)));
        }
    })
    .await;
    tokio::task::yield_now().await;
    scene.ingest(9.0);
    next(&mut taken).await;
    let metrics = scene.stop().await;
    assert!(
        metrics.contains("telemetryflow_alerting_events_missed_total{listener=\"evaluator\"}"),
        "{metrics}"
    );
}
