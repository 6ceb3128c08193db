//! What nodes say to each other, and that it arrives once.

use std::time::Duration;

use axum::Router;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use super::reception::{Memory, Reception};
use super::*;
use crate::alerting::application::commands::{Command, EvaluatorHandle};
use crate::alerting::application::sighting::Sighting;
use crate::alerting::domain::fixtures::{COUNTER, rule_with, second, series};
use crate::alerting::domain::interest::Interest;
use crate::alerting::domain::rule::{AlertRule, RuleSet, Source};
use crate::alerting::domain::watchlist::{Watchlist, WatchlistLimits};
use crate::platform::event_bus::{Delivery, Topic};
use crate::platform::nodes::{NodeAddress, NodeSecret};
use crate::platform::tls::Trust;
use crate::shared::distribution::{Distribution, ExplicitBuckets, ExponentialBuckets, Shape};
use crate::shared::{
    AlertTransition, DomainEvent, LabelFilter, MetricColumns, MetricKind, MetricsIngested, NumberColumns,
    NumberRow, PastPoint, PastRecord, PastValue, SeriesId, SeriesIdentity, Temporality, TenantId, Timestamp,
};

const SECRET: &str = "a-secret-of-several-nodes";

fn observed(shape: Shape) -> PastValue {
    let observed = Distribution { count: 6, sum: Some(2.5), shape };
    PastValue::Observed { observed, min: Some(0.1), max: None }
}

#[test]
fn a_sighting_comes_through_as_it_was() {
    let histogram = MetricKind::ExponentialHistogram { temporality: Temporality::Delta };
    let explicit = ExplicitBuckets::new([1.0, 2.0].into(), [1, 2, 3].into()).unwrap();
    let exponential = ExponentialBuckets::new(3, (1, 0.5), (-2, &[1, 0, 2]), (4, &[2]));
    let values = [
        PastValue::Number(-0.5),
        observed(Shape::Explicit(explicit)),
        observed(Shape::Exponential(exponential)),
        observed(Shape::Unknown),
    ];
    let points = values.into_iter().enumerate();
    let sent = Sighting {
        series: vec![
            SeriesIdentity { kind: COUNTER, ..series(&[("app", "x"), ("host", "")]) },
            SeriesIdentity { id: SeriesId(u64::MAX), kind: histogram, ..series(&[]) },
        ],
        points: points
            .map(|(at, value)| (at % 2, PastPoint { time: second(9), start: second(3), value }))
            .collect(),
        records: vec![
            (
                TenantId::unnamed(),
                PastRecord {
                    time: second(4),
                    labels: vec![("severity".into(), "error".into())].into(),
                    duration: None,
                },
            ),
            (
                TenantId::parse("shop").unwrap(),
                PastRecord {
                    time: second(5),
                    labels: Vec::new().into(),
                    duration: Some(Duration::from_nanos(7)),
                },
            ),
        ],
    };
    let bytes = report_of(&sent).encode_to_vec();
    let arrived = sighting_of(wire::Report::decode(&*bytes).unwrap()).unwrap();
    assert_eq!(format!("{arrived:?}"), format!("{sent:?}"));
}

#[test]
fn an_interest_comes_through_as_it_was() {
    let filters = [
        "",
        r#"a = "x" and b != "" and c =~ "x|y" and d !~ "(z)" and e in ("1", "2") and f not in ("3") and g exists and h not exists"#,
    ];
    let rules = filters.iter().enumerate().map(|(at, filter)| {
        let mut rule = rule_with(&format!("r{at}"), "max > 1", &["host"]);
        rule.measure.filter = LabelFilter::parse(filter).unwrap();
        rule.tenant = (at > 0).then(|| TenantId::parse("shop").unwrap());
        rule
    });
    let mut rules: Vec<Arc<AlertRule>> = rules.map(Arc::new).collect();
    for source in [Source::Logs, Source::Spans] {
        let mut rule = rule_with(source.name(), "count > 1", &[]);
        rule.measure.source = source;
        rules.push(Arc::new(rule));
    }
    let sent = Interest::of(&rules);
    let bytes = interest_to_wire(5, &sent).encode_to_vec();
    assert_eq!(interest_from_wire(&wire::Interest::decode(&*bytes).unwrap()), sent);
}

#[test]
fn what_this_version_does_not_know_is_told_of_whole_rather_than_overlooked() {
    let term = wire::Term { label: "a".into(), test: 99, values: Vec::new() };
    let look = wire::Look { source: 1, metric: "m".into(), filter: vec![term], ..wire::Look::default() };
    let unknown = wire::Look { source: 77, ..wire::Look::default() };
    let read = interest_from_wire(&wire::Interest { id: 1, looks: vec![look, unknown] });
    assert!(read.series(&series(&[("a", "b")])).is_some());
    assert_eq!(read.looks().count(), 1);
}

#[test]
fn a_report_that_makes_no_sense_is_refused() {
    let nobodys = wire::Point { series: 3, ..wire::Point::default() };
    let report = wire::Report { points: vec![nobodys], ..wire::Report::default() };
    assert!(sighting_of(report).is_err());
    let record = wire::Record { tenant: "NOT A TENANT".into(), ..wire::Record::default() };
    assert!(sighting_of(wire::Report { records: vec![record], ..wire::Report::default() }).is_err());
}

/// A node that evaluates the rule `m` with what it is told.
/// An alert of a rule began.
pub(super) fn alert(rule: &str) -> DomainEvent {
    DomainEvent::AlertTriggered(Arc::new(AlertTransition {
        tenant: TenantId::unnamed(),
        rule_id: rule.into(),
        rule_name: "Rule".into(),
        severity: "WARN",
        expression: "max(m) over 1m".into(),
        threshold: "> 1".into(),
        value: Some(2.0),
        peak: None,
        labels: vec![("host".into(), "a".into())],
        annotations: Vec::new(),
        channels: vec!["ops".into()],
        since: second(1),
        at: second(2),
        reason: "max 2 > 1".into(),
    }))
}

#[test]
fn an_alert_comes_through_as_it_was() {
    let sent = alert("r");
    let bytes = alert_to_wire(&sent).unwrap().encode_to_vec();
    let arrived = alert_from_wire(wire::Alert::decode(&*bytes).unwrap()).unwrap();
    assert_eq!(format!("{arrived:?}"), format!("{sent:?}"));
}

struct Owner {
    address: NodeAddress,
    told: mpsc::Receiver<Command>,
    watchlist: Arc<Watchlist>,
    gaps: Arc<Notify>,
    bus: EventBus,
    lifecycle: Lifecycle,
}

impl Owner {
    async fn new(rules: Vec<AlertRule>) -> Self {
        let watchlist = Arc::new(Watchlist::new(&RuleSet::new(rules).unwrap(), WatchlistLimits::default()));
        let (evaluator, told) = EvaluatorHandle::new();
        let (gaps, bus) = (Arc::<Notify>::default(), EventBus::default());
        let reception = Reception {
            secret: NodeSecret::parse(SECRET).unwrap(),
            evaluator,
            watchlist: Arc::clone(&watchlist),
            metrics: NodeMetrics::default(),
            gaps: Arc::clone(&gaps),
            news: News::new(bus.subscribe(Topic::Alerts)),
            memory: Memory::default(),
        };
        let lifecycle = Lifecycle::default();
        let address = served(reception::router(Arc::new(reception)), &lifecycle).await;
        Self { address, told, watchlist, gaps, bus, lifecycle }
    }

    /// The values of the points of the next report.
    async fn told(&mut self) -> Vec<f64> {
        let Ok(Some(Command::Sighted { seen, done })) =
            timeout(Duration::from_secs(20), self.told.recv()).await
        else {
            panic!("nothing is told")
        };
        done.send(()).unwrap();
        let value = |(_, point): (&SeriesIdentity, PastPoint)| match point.value {
            PastValue::Number(value) => value,
            PastValue::Observed { .. } => f64::NAN,
        };
        seen.points().map(value).collect()
    }
}

async fn served(router: Router, lifecycle: &Lifecycle) -> NodeAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = lifecycle.stop_token();
    lifecycle.spawn_transient(async move {
        let _stopped = stop.run_until_cancelled(axum::serve(listener, router).into_future()).await;
    });
    NodeAddress::parse(&format!("http://{address}")).unwrap()
}

struct Follower {
    bus: Arc<EventBus>,
    owner: watch::Sender<Option<NodeAddress>>,
    lookout: Arc<dyn SeriesWatch>,
    lifecycle: Lifecycle,
}

impl Follower {
    fn of(owner: Option<&Owner>, secret: &str) -> Self {
        let (bus, lifecycle) = (Arc::<EventBus>::default(), Lifecycle::default());
        let (known, watched) = watch::channel(owner.map(|owner| owner.address.clone()));
        let client = NodeClient::new(NodeSecret::parse(secret).unwrap(), &Trust::System).unwrap();
        let parts = FollowerParts {
            bus: &bus,
            client,
            owner: watched,
            metrics: NodeMetrics::default(),
            first_epoch: WatchEpoch::default(),
        };
        let lookout = follow(parts, &lifecycle);
        Self { bus, owner: known, lookout, lifecycle }
    }

    /// Until it knows that somebody looks at the series.
    async fn watch(&self, series: &SeriesIdentity) -> crate::shared::WatchId {
        let look = async {
            loop {
                let watch = self.lookout.watch(series);
                if watch.is_some() {
                    return watch;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), look).await.expect("the rules are not told of")
    }

    async fn takes_in(&self, series: &SeriesIdentity, value: f64) {
        let watch = self.watch(series).await;
        let mut columns = NumberColumns::new(series.tenant.clone());
        columns.begin_run(&series.metric, MetricKind::Gauge);
        columns.push(NumberRow {
            series: series.id,
            watch,
            time: Timestamp::from_nanos(9),
            start: Timestamp::EPOCH,
            value,
            integer_rest: 0,
            integer: false,
            flags: 0,
        });
        columns.finish();
        let columns = vec![MetricColumns::from(columns)];
        self.bus.publish(DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns })));
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

#[tokio::test]
async fn what_a_node_takes_in_is_told_in_order_and_once() {
    let mut owner = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    let follower = Follower::of(Some(&owner), SECRET);
    for value in [1.0, 2.0, 3.0] {
        follower.takes_in(&series(&[]), value).await;
    }
    for value in [1.0, 2.0, 3.0] {
        assert_eq!(owner.told().await, [value]);
    }
    timeout(Duration::from_secs(20), owner.gaps.notified())
        .await
        .expect("what was before is read from the store");
}

#[tokio::test]
async fn alerts_are_heard_of_on_every_node() {
    let owner = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    let follower = Follower::of(Some(&owner), SECRET);
    let mut heard = follower.bus.subscribe(Topic::Alerts);
    follower.watch(&series(&[])).await;
    for rule in ["a", "b"] {
        owner.bus.publish(alert(rule));
        let next = timeout(Duration::from_secs(20), heard.next()).await.expect("it is told");
        let Some(Delivery::Event(DomainEvent::AlertTriggered(alert))) = next else { panic!("{next:?}") };
        assert_eq!(&*alert.rule_id, rule);
    }
}

#[tokio::test]
async fn when_the_rules_change_the_other_nodes_know_before_they_tell_more() {
    let mut owner = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    let follower = Follower::of(Some(&owner), SECRET);
    follower.takes_in(&series(&[("host", "a")]), 1.0).await;
    assert_eq!(owner.told().await, [1.0]);
    let mut other = rule_with("other", "max > 1", &["host"]);
    other.measure.source =
        Source::Metric(crate::alerting::domain::rule_words::WatchedMetric::parse("other").unwrap());
    owner.watchlist.replace_rules(&RuleSet::new(vec![other]).unwrap());
    follower.watch(&SeriesIdentity { metric: "other".into(), ..series(&[("host", "a")]) }).await;
    assert!(!follower.lookout.watch(&series(&[("host", "a")])).is_some(), "nobody looks at it any more");
}

#[tokio::test]
async fn what_nobody_could_be_told_waits_for_the_next_owner() {
    let mut first = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    let follower = Follower::of(Some(&first), SECRET);
    follower.takes_in(&series(&[]), 1.0).await;
    assert_eq!(first.told().await, [1.0]);
    first.lifecycle.stop();
    first.lifecycle.wait().await;
    drop(first);
    follower.takes_in(&series(&[]), 2.0).await;
    let mut second = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    follower.owner.send_replace(Some(second.address.clone()));
    assert_eq!(second.told().await, [2.0]);
}

#[tokio::test]
async fn who_does_not_know_the_secret_is_not_listened_to() {
    let owner = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    let client =
        NodeClient::new(NodeSecret::parse("another-secret-of-nodes").unwrap(), &Trust::System).unwrap();
    let report = wire::Report::default().encode_to_vec().into();
    let (status, _) = client.post(&owner.address, REPORTS_PATH, wire::PROTOBUF, report, 1_000).await.unwrap();
    assert_eq!(status.as_u16(), 401);
}

#[tokio::test]
async fn a_report_that_comes_again_is_not_evaluated_again() {
    let mut owner = Owner::new(vec![rule_with("r", "max > 1", &[])]).await;
    let client = NodeClient::new(NodeSecret::parse(SECRET).unwrap(), &Trust::System).unwrap();
    let post = async |report: &wire::Report| {
        let body = report.encode_to_vec().into();
        let (status, answer) =
            client.post(&owner.address, REPORTS_PATH, wire::PROTOBUF, body, 10_000).await.unwrap();
        assert_eq!(status.as_u16(), 200);
        wire::Receipt::decode(&*answer).unwrap()
    };
    let point = PastPoint { time: second(1), start: second(0), value: PastValue::Number(5.0) };
    let seen = Sighting { series: vec![series(&[])], points: vec![(0, point)], records: Vec::new() };
    let report = wire::Report { sender: 7, number: 1, ..report_of(&seen) };
    let interest = post(&report).await.interest.expect("it did not know what the rules look at").id;
    let report = wire::Report { interest, ..report };
    let told = async {
        assert_eq!(post(&report).await.interest, None);
        assert_eq!(post(&report).await.interest, None, "as if it had been taken");
    };
    let evaluated = async {
        let Some(Command::Sighted { done, .. }) = owner.told.recv().await else { panic!("nothing is told") };
        done.send(()).unwrap();
    };
    tokio::join!(told, evaluated);
    assert!(owner.told.try_recv().is_err());
}
