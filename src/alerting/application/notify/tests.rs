//! The notifier over a ledger that fails, and callers that do not wait.

use std::time::Duration;

use futures_util::FutureExt;

use super::*;
use crate::alerting::application::fake_ledger::{FakeLedger, FakeOutboxes, Mood};
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::notifying::fixtures::{by_cluster, labels, of_rule, over, plan};
use crate::alerting::domain::notifying::matcher_text::parse_matchers;

struct Scene {
    notifier: Notifier,
    ledger: FakeLedger,
    outboxes: FakeOutboxes,
    metrics: AlertingMetrics,
}

impl Scene {
    async fn new() -> Self {
        Self::over(FakeLedger::default()).await
    }

    async fn over(ledger: FakeLedger) -> Self {
        let outboxes = FakeOutboxes::default();
        let plan = plan(&by_cluster(vec![]), &[]);
        let random = fastrand::Rng::with_seed(1);
        let (shared, posted) = (Arc::new(ledger.clone()), Arc::new(outboxes.clone()));
        let metrics = AlertingMetrics::default();
        let parts =
            NotifierParts { plan, ledger: shared, outboxes: posted, metrics: metrics.clone(), random };
        let notifier = Notifier::open(parts, second(0)).await.unwrap();
        Self { notifier, ledger, outboxes, metrics }
    }

    async fn fire(&self, id: &str, at: i64) -> Result<(), LedgerError> {
        let alert = of_rule(&format!("id={id}"), &["ops"], second(at));
        self.notifier.commit(Changes::default(), vec![alert], second(at)).await
    }
}

fn tenant() -> TenantId {
    TenantId::unnamed()
}

#[tokio::test]
async fn what_is_told_is_remembered_in_one_transaction_before_it_is_handed_over() {
    let scene = Scene::new().await;
    scene.fire("a", 0).await.unwrap();
    assert_eq!((scene.ledger.transactions(), scene.outboxes.taken().len()), (1, 1));
    assert_eq!(scene.ledger.notifications(), scene.outboxes.taken());
    let remembered = scene.ledger.remembered().await.unwrap();
    assert_eq!((remembered.alerts.len(), remembered.groups.len()), (1, 1));
    scene.notifier.tick(second(1)).await.unwrap();
    assert_eq!(scene.ledger.transactions(), 1, "nothing changed, so nothing is written");
}

#[tokio::test]
async fn a_ledger_that_fails_delays_nothing_and_catches_up() {
    let scene = Scene::new().await;
    scene.ledger.set(Mood::Fails);
    assert!(scene.fire("a", 0).await.is_err());
    assert!(scene.fire("b", 1).await.is_err());
    assert_eq!(scene.outboxes.taken().len(), 2);
    scene.ledger.set(Mood::Works);
    scene.notifier.tick(second(2)).await.unwrap();
    assert_eq!(scene.ledger.notifications(), scene.outboxes.taken(), "remembered, and not sent again");
    assert_eq!(scene.ledger.remembered().await.unwrap().alerts.len(), 2);
}

#[tokio::test]
async fn a_step_that_nobody_waits_for_is_done_by_the_next_one() {
    let scene = Scene::new().await;
    let closed = scene.ledger.gate.clone().try_acquire_owned().unwrap();
    assert!(scene.fire("a", 0).now_or_never().is_none(), "it waits for the ledger, and is dropped there");
    assert!(scene.outboxes.taken().is_empty());
    drop(closed);
    scene.notifier.tick(second(1)).await.unwrap();
    assert_eq!((scene.ledger.transactions(), scene.outboxes.taken().len()), (1, 1));
}

#[tokio::test]
async fn steps_that_wait_are_written_together_and_in_order() {
    let scene = Scene::new().await;
    let closed = scene.ledger.gate.clone().try_acquire_owned().unwrap();
    let ended = vec![over(of_rule("id=a", &["ops"], second(0)), second(2))];
    let steps = async {
        tokio::join!(
            scene.fire("a", 0),
            scene.fire("b", 1),
            scene.notifier.commit(Changes::default(), ended, second(2)),
            async { drop(closed) },
        )
    };
    let (first, second_one, third, ()) = steps.await;
    assert!(first.is_ok() && second_one.is_ok() && third.is_ok());
    assert_eq!(scene.ledger.transactions(), 2, "the first alone, the others together");
    let said = scene.outboxes.taken();
    let firing: Vec<bool> = said.iter().map(Notification::is_firing).collect();
    assert_eq!(firing, [true, true, false]);
    assert_eq!(scene.ledger.notifications().len(), 2, "the newer one takes the older one's place");
}

#[tokio::test]
async fn a_restart_goes_on_with_what_the_ledger_remembers() {
    let scene = Scene::new().await;
    scene.fire("a", 0).await.unwrap();
    scene.fire("b", 0).await.unwrap();
    let again = Scene::over(scene.ledger.clone()).await;
    again.fire("a", 5).await.unwrap();
    assert!(again.outboxes.taken().is_empty());
    let known = [(tenant(), of_rule("id=a", &[], second(0)).key)].into_iter().collect();
    again.notifier.settle_rules(&known, second(6)).await.unwrap();
    let said = again.outboxes.taken();
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].alerts[0].labels, labels("id=b"));
    assert!(!said[0].is_firing());
}

#[tokio::test]
async fn silences_are_set_changed_listed_and_ended() {
    let scene = Scene::new().await;
    let notifier = &scene.notifier;
    let terms = |matchers: &str, lasts: u64| {
        let times = [second(0), second(0).plus(Duration::from_secs(lasts))];
        SilenceTerms::new(parse_matchers(matchers).unwrap(), times, "ann", "works").unwrap()
    };
    let id = notifier.put_silence(&tenant(), None, terms("id=a", 60), second(0)).await.unwrap();
    let same = notifier.put_silence(&tenant(), Some(&id), terms("id=a", 90), second(1)).await.unwrap();
    assert_eq!(same, id);
    let other = notifier.put_silence(&tenant(), Some(&id), terms("id=b", 90), second(2)).await.unwrap();
    assert_ne!(other, id);
    assert_eq!(notifier.silences(&tenant()).len(), 2);
    assert_eq!(notifier.silence(&tenant(), &id).unwrap().terms.ends_at(), second(2));
    scene.fire("b", 3).await.unwrap();
    let hidden = AlertFilter {
        without: vec![super::super::alert_listing::Standing::Silenced],
        ..AlertFilter::default()
    };
    assert!(notifier.alerts(&tenant(), &hidden, second(3)).is_empty());
    let listed = notifier.alerts(&tenant(), &AlertFilter::default(), second(3));
    assert_eq!(listed[0].silenced_by, std::slice::from_ref(&other));
    assert_eq!(notifier.groups(&tenant(), &AlertFilter::default(), second(3)).len(), 1);
    notifier.expire_silence(&tenant(), &other, second(4)).await.unwrap();
    notifier.expire_silence(&tenant(), &other, second(5)).await.unwrap();
    let unknown = notifier.expire_silence(&tenant(), &SilenceId("x".into()), second(5)).await;
    assert!(matches!(unknown, Err(SilenceFailure::Refused(SilencingError::Unknown))));
    let foreign = TenantId::parse("other").unwrap();
    assert!(notifier.silences(&foreign).is_empty() && notifier.silence(&foreign, &id).is_none());
    assert_eq!(scene.ledger.remembered().await.unwrap().silences, notifier.silences(&tenant()));
}

#[tokio::test]
async fn alerts_of_others_are_taken_and_wrong_ones_are_named() {
    let scene = Scene::new().await;
    let good = PostedAlert { labels: labels("id=p,cluster=x"), ..PostedAlert::default() };
    let refused =
        scene.notifier.post_alerts(&tenant(), vec![PostedAlert::default(), good], second(0)).await.unwrap();
    assert_eq!(refused, [(0, PostedError::NoLabels)]);
    assert_eq!(scene.notifier.alerts(&tenant(), &AlertFilter::default(), second(0)).len(), 1);
    assert!(scene.notifier.alerts(&tenant(), &AlertFilter::default(), second(300)).is_empty());
    scene.notifier.tick(second(30)).await.unwrap();
    assert_eq!(scene.outboxes.taken().len(), 1);
}

#[tokio::test]
async fn what_is_taken_refused_and_made_is_counted() {
    use crate::alerting::application::metrics::{ChannelLabel, RefusedLabels, SourceLabel};
    let scene = Scene::new().await;
    scene.fire("a", 0).await.unwrap();
    let good = PostedAlert { labels: labels("id=p"), ..PostedAlert::default() };
    scene.notifier.post_alerts(&tenant(), vec![PostedAlert::default(), good], second(0)).await.unwrap();
    let metrics = &scene.metrics;
    let taken = |source| metrics.alerts_taken.get_or_create(&SourceLabel { source }).get();
    assert_eq!((taken("rule"), taken("api")), (1, 2));
    let labels = RefusedLabels { tenant: tenant().to_string(), reason: "invalid" };
    assert_eq!(metrics.alerts_refused.get_or_create(&labels).get(), 1);
    let made = metrics.notifications_made.get_or_create(&ChannelLabel { channel: "ops".to_owned() }).get();
    assert_eq!(made, 1);
}
