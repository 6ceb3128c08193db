//! The worker over a ledger in memory and a channel that fails as told.

use super::*;
use crate::alerting::application::delivery::fakes::{FakeChannel, FakeLedger, FixedClock, retry, status};
use crate::alerting::application::delivery::outbox::Outbox;
use crate::alerting::application::delivery::outboxes::{Outboxes, Resolved};
use crate::alerting::application::delivery::turn::Turns;
use crate::alerting::application::notify::Postbox;
use crate::alerting::application::outbox_ledger::Revival;
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::notification_fixtures::{notification, resolved};
use crate::shared::TenantId;

/// Between two messages.
const GAP: Duration = Duration::from_millis(10);

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn quick() -> Pacing {
    let (backoff_first, backoff_max) = (Duration::from_millis(1), Duration::from_millis(5));
    Pacing { message_gap: GAP, backoff_first, backoff_max, ..Pacing::default() }
}

async fn until(is_so: impl Fn() -> bool) {
    let begun = tokio::time::Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "it does not come to be");
        sleep(Duration::from_millis(1)).await;
    }
}

/// One channel, `slack`, and everything around it.
struct Scene {
    channel: FakeChannel,
    ledger: FakeLedger,
    outboxes: Outboxes,
    address: Arc<Address>,
    registered: Arc<Registered>,
    metrics: AlertingMetrics,
    stop: CancellationToken,
}

impl Scene {
    fn new(answers: impl IntoIterator<Item = SendError>) -> Self {
        Self::with(answers, Resolved::Told, Outbox::default())
    }

    fn with(answers: impl IntoIterator<Item = SendError>, told: Resolved, outbox: Outbox) -> Self {
        let (channel, ledger) = (FakeChannel::new(answers), FakeLedger::default());
        let registered = Arc::new(Registered::new("slack", "slack", told, Box::new(channel.clone())));
        let turns = Turns::new(GAP);
        let address = Arc::new(Address { outbox, turns });
        let pair = (Arc::clone(&registered), Arc::clone(&address));
        let clock = Arc::new(FixedClock(second(1_000)));
        let outboxes = Outboxes::new([pair], Arc::new(ledger.clone()), clock, fastrand::Rng::with_seed(1));
        let (metrics, stop) = (AlertingMetrics::default(), CancellationToken::new());
        Self { channel, ledger, outboxes, address, registered, metrics, stop }
    }

    fn tell(&self, notification: Notification) {
        self.ledger.unsent.lock().push(notification.clone());
        self.outboxes.put(notification);
    }

    /// Until all that waits is done.
    async fn run(&self) {
        self.address.outbox.close();
        self.worker().run(self.stop.clone()).await;
    }

    fn worker(&self) -> Worker {
        Worker {
            address: Arc::clone(&self.address),
            channels: HashMap::from([("slack".into(), Arc::clone(&self.registered))]),
            ledger: Arc::new(self.ledger.clone()),
            clock: Arc::new(FixedClock(second(1_000))),
            pacing: quick(),
            random: fastrand::Rng::with_seed(1),
            metrics: self.metrics.clone(),
        }
    }

    fn unsent(&self) -> usize {
        self.ledger.unsent.lock().len()
    }
}

#[tokio::test]
async fn a_message_is_retried_until_it_is_taken_and_then_leaves_the_ledger() {
    let asked = Duration::from_millis(40);
    let scene = Scene::new([retry(Some(asked)), retry(None)]);
    scene.tell(notification("1", "slack", "cpu", 1));
    scene.run().await;
    assert_eq!((scene.channel.ids(), scene.unsent()), (vec!["1".into()], 0));
    let (at, _) = scene.channel.taken.lock()[0];
    assert!(at >= asked, "{at:?}");
    let state = scene.registered.state.lock().clone();
    assert_eq!(state.last_error.unwrap().1, Box::from("not taken now: answered 503: why"));
    assert_eq!((state.last_sent, state.disabled), (Some(second(1_000)), None));
}

#[tokio::test]
async fn messages_to_one_address_are_a_gap_apart() {
    let scene = Scene::new([]);
    for group in ["a", "b", "c"] {
        scene.tell(notification(group, "slack", group, 1));
    }
    scene.run().await;
    let at: Vec<_> = scene.channel.taken.lock().iter().map(|(at, _)| *at).collect();
    assert_eq!(at.len(), 3);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= GAP), "{at:?}");
}

#[tokio::test]
async fn what_is_over_is_told_in_place_of_what_fires_also_while_a_pause_lasts() {
    let scene = Scene::new([retry(Some(Duration::from_secs(1)))]);
    scene.tell(notification("fires", "slack", "cpu", 1));
    let later = async {
        until(|| scene.channel.answers.lock().is_empty()).await;
        scene.tell(resolved("over", "slack", "cpu", 2));
        scene.address.outbox.close();
    };
    tokio::join!(scene.worker().run(scene.stop.clone()), later);
    assert_eq!(scene.channel.ids(), [Box::from("over")]);
}

#[tokio::test]
async fn what_is_refused_for_good_becomes_a_dead_letter_that_can_be_sent_again() {
    let scene = Scene::new([SendError::Permanent { cause: status(404) }]);
    scene.tell(notification("1", "slack", "cpu", 1));
    scene.tell(notification("2", "slack", "disk", 1));
    scene.run().await;
    assert_eq!(scene.channel.ids(), [Box::from("2")]);
    assert_eq!((scene.ledger.reasons(), scene.unsent()), (vec!["refused: answered 404: why".into()], 0));

    let tenant = TenantId::unnamed();
    let report = scene.outboxes.report(&tenant).await.unwrap();
    assert_eq!((report[0].waiting, report[0].dead), (0, 1));
    let id = NotificationId("1".into());
    assert!(matches!(scene.outboxes.replay(&tenant, id.clone()).await.unwrap(), Revival::Waits(_)));
    assert_eq!(scene.outboxes.replay(&tenant, id).await.unwrap(), Revival::Unknown);
    scene.run().await;
    assert_eq!(scene.channel.ids(), [Box::from("2"), Box::from("1")]);
}

#[tokio::test]
async fn a_channel_that_does_not_want_to_be_called_is_off_until_the_next_start() {
    let scene = Scene::new([SendError::Gone { cause: status(410) }]);
    scene.tell(notification("1", "slack", "cpu", 1));
    scene.tell(notification("2", "slack", "disk", 1));
    scene.run().await;
    assert_eq!(scene.channel.ids(), Vec::<Box<str>>::new());
    assert_eq!(
        scene.ledger.reasons(),
        [
            Box::from("no longer wanted: answered 410: why"),
            "the channel is off: no longer wanted: answered 410: why".into()
        ]
    );
}

#[tokio::test]
async fn a_ledger_that_is_locked_learns_later_what_was_sent() {
    let scene = Scene::new([]);
    *scene.ledger.failing.lock() = 1;
    scene.tell(notification("1", "slack", "cpu", 1));
    scene.tell(notification("2", "slack", "disk", 1));
    scene.run().await;
    assert_eq!((scene.channel.ids().len(), scene.unsent()), (2, 0));
}

#[tokio::test]
async fn what_did_not_fit_into_memory_is_sent_from_the_ledger() {
    let scene = Scene::with([], Resolved::Told, Outbox::with_room(3));
    for number in 0..10 {
        let group = number.to_string();
        scene.tell(notification(&group, "slack", &group, number));
    }
    assert_eq!(scene.address.outbox.len(), 3);
    *scene.ledger.failing.lock() = 3;
    let later = async {
        until(|| scene.unsent() == 0).await;
        scene.address.outbox.close();
    };
    tokio::join!(scene.worker().run(scene.stop.clone()), later);
    let expected: Vec<Box<str>> = (0..10).map(|number: i32| number.to_string().into()).collect();
    assert_eq!((scene.channel.ids(), scene.unsent()), (expected, 0));
}

#[tokio::test]
async fn a_channel_may_not_want_to_hear_what_is_over() {
    let scene = Scene::with([], Resolved::Kept, Outbox::default());
    let mut both = notification("both", "slack", "cpu", 1);
    both.alerts.extend(resolved("x", "slack", "cpu", 1).alerts);
    scene.tell(both.clone());
    scene.tell(resolved("over", "slack", "disk", 1));
    assert_eq!(scene.outboxes.wanted(resolved("over", "slack", "disk", 1)), None);
    assert_eq!(scene.outboxes.wanted(both).unwrap().alerts.len(), 1);
    scene.run().await;
    assert_eq!((scene.channel.ids(), scene.unsent()), (vec!["both".into()], 0));
    assert_eq!(scene.channel.taken.lock()[0].1.alerts.len(), 1);
}

#[tokio::test]
async fn a_stop_cuts_a_pause_tries_once_more_and_leaves_the_rest_to_the_next_start() {
    let hour = Duration::from_secs(3_600);
    let scene = Scene::new([retry(Some(hour)), retry(Some(hour))]);
    scene.tell(notification("1", "slack", "cpu", 1));
    let begun = tokio::time::Instant::now();
    let later = async {
        until(|| scene.channel.answers.lock().len() == 1).await;
        scene.stop.cancel();
    };
    tokio::join!(scene.worker().run(scene.stop.clone()), later);
    assert!(begun.elapsed() < PATIENCE);
    assert_eq!(scene.channel.ids(), [Box::from("1")]);

    let endless = Scene::new((0..100_000).map(|_| retry(None)));
    endless.tell(notification("1", "slack", "cpu", 1));
    endless.stop.cancel();
    let worker = endless.worker();
    let pacing = Pacing { farewell: Duration::from_millis(50), ..worker.pacing };
    Worker { pacing, ..worker }.run(endless.stop.clone()).await;
    assert_eq!((endless.channel.ids(), endless.unsent()), (Vec::new(), 1));
}

#[tokio::test]
async fn a_test_is_sent_at_once_and_tells_the_answer() {
    let scene = Scene::new([SendError::Permanent { cause: status(404) }]);
    let tenant = TenantId::unnamed();
    let refused = scene.outboxes.test("slack", &tenant).await.unwrap().unwrap_err();
    assert_eq!(refused.to_string(), "refused: answered 404: why");
    let answer = scene.outboxes.test("slack", &tenant).await.unwrap().unwrap();
    assert_eq!(&*answer.0, "answered 200");
    assert!(scene.outboxes.test("nobody", &tenant).await.is_none());
    assert_eq!(scene.ledger.dead.lock().len(), 0);
}
