//! Rules, incidents and the dispatcher together, over a ledger in memory: what channels are told of any stream of points. The process
//! may be restarted at any moment, and be away for a while.

use std::collections::BTreeMap;

use prometheus_client::registry::Registry;
use proptest::prelude::*;

use super::*;
use crate::alerting::application::fake_ledger::{FakeLedger, FakeOutboxes};
use crate::alerting::application::ledger::Ledger;
use crate::alerting::application::notify::NotifierParts;
use crate::alerting::domain::alert::SEVERITY_LABEL;
use crate::alerting::domain::condition::{Comparison, Threshold};
use crate::alerting::domain::evaluator::EvaluatorLimits;
use crate::alerting::domain::fixtures::{rule_for, second, series};
use crate::alerting::domain::notification::Notification;
use crate::alerting::domain::notifying::dispatcher::NotificationPlan;
use crate::alerting::domain::notifying::fixtures::{plan, route, seconds};
use crate::alerting::domain::notifying::route::{GroupBy, RouteWords};
use crate::alerting::domain::rule::AlertRule;
use crate::alerting::domain::rule_words::{GroupBy as GroupLabels, HoldTime, Severity};
use crate::alerting::domain::thresholds::Thresholds;
use crate::alerting::domain::watchlist::WatchlistLimits;
use crate::shared::{
    MetricKind, NumberColumns, NumberRow, PastPoint, PastValue, SeriesId, SeriesIdentity, SeriesWatch,
};

const START: i64 = 1_000_000;
const HOSTS: [&str; 2] = ["a", "b"];
/// How long the past is that windows are filled with: longer than any of them.
const REACH: i64 = 70;

struct NoWords;

impl Annotate for NoWords {
    fn annotate(&self, _: &Transition) -> Vec<(Box<str>, Box<str>)> {
        Vec::new()
    }
}

/// The process as it is now; what outlives it; and what was sent to it.
struct World {
    rule: AlertRule,
    plan: fn() -> NotificationPlan,
    ledger: FakeLedger,
    outboxes: FakeOutboxes,
    watchlist: Arc<Watchlist>,
    evaluate: EvaluateRules,
    stored: Vec<(usize, i64, f64)>,
    unsent: Vec<(usize, i64, f64)>,
    starts: u64,
}

impl World {
    async fn new(rule: AlertRule, plan: fn() -> NotificationPlan) -> Self {
        let (ledger, outboxes) = (FakeLedger::default(), FakeOutboxes::default());
        let (watchlist, evaluate) = process(&rule, plan(), &ledger, &outboxes, 0, second(START)).await;
        let (stored, unsent) = (Vec::new(), Vec::new());
        Self { rule, plan, ledger, outboxes, watchlist, evaluate, stored, unsent, starts: 1 }
    }

    /// A process that knows what the one before left, and what is stored.
    async fn restart(&mut self, at: i64) {
        let now = second(START + at);
        let begun = process(&self.rule, (self.plan)(), &self.ledger, &self.outboxes, self.starts, now).await;
        (self.watchlist, self.evaluate) = begun;
        self.starts += 1;
        for (place, _) in HOSTS.iter().enumerate() {
            let of_host = self.stored.iter().filter(|(host, time, _)| *host == place && at - time <= REACH);
            let points = of_host.map(|(_, time, value)| PastPoint {
                time: second(START + time),
                start: Timestamp::EPOCH,
                value: PastValue::Number(*value),
            });
            let past = PastSeries { series: of(place), points: points.collect() };
            self.evaluate.refill(Piece::Series(past), now);
        }
    }

    /// Takes what was sent by now.
    async fn take(&mut self, at: i64) {
        let mut columns = NumberColumns::new(TenantId::unnamed());
        columns.begin_run("m", MetricKind::Gauge);
        for (host, time, value) in std::mem::take(&mut self.unsent) {
            let series = of(host);
            columns.push(NumberRow {
                series: series.id,
                watch: self.watchlist.watch(&series),
                time: second(START + time),
                start: Timestamp::EPOCH,
                value,
                integer_rest: 0,
                integer: false,
                flags: 0,
            });
            self.stored.push((host, time, value));
        }
        let event = MetricsIngested { columns: vec![columns.into()] };
        self.evaluate.observe(&event, second(START + at)).await;
    }
}

fn of(host: usize) -> SeriesIdentity {
    SeriesIdentity { id: SeriesId(host as u64 + 1), ..series(&[("host", HOSTS[host])]) }
}

async fn process(
    rule: &AlertRule,
    plan: NotificationPlan,
    ledger: &FakeLedger,
    outboxes: &FakeOutboxes,
    seed: u64,
    now: Timestamp,
) -> (Arc<Watchlist>, EvaluateRules) {
    let rules = RuleSet::new(vec![rule.clone()]).unwrap();
    let random = fastrand::Rng::with_seed(seed);
    let (shared, posted) = (Arc::new(ledger.clone()), Arc::new(outboxes.clone()));
    let metrics = AlertingMetrics::registered(&mut Registry::default());
    let notifier = NotifierParts {
        plan,
        ledger: shared,
        outboxes: posted,
        metrics: metrics.clone(),
        random: random.clone(),
    };
    let notifier = Arc::new(Notifier::open(notifier, now).await.unwrap());
    let watchlist = Arc::new(Watchlist::new(&rules, WatchlistLimits::default()));
    let parts = EvaluateParts {
        evaluator: AlertEvaluator::new(&rules, Arc::clone(&watchlist), EvaluatorLimits::default()),
        watchlist: Arc::clone(&watchlist),
        annotations: Box::new(NoWords),
        notifier,
        metrics,
        random,
    };
    let standing = ledger.standing(now).await.unwrap();
    (watchlist, EvaluateRules::resume(parts, &rules, standing, now).await)
}

/// When the process is killed, and for how many seconds it is away.
type Death = (i64, i64);

/// Lets each host send a value each second, or none, and gives what channels are told.
fn play(
    rule: &AlertRule,
    plan: fn() -> NotificationPlan,
    streams: &[Vec<Option<f64>>],
    deaths: &[Death],
) -> Vec<Notification> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new(rule.clone(), plan).await;
        let end = streams.iter().map(Vec::len).max().unwrap_or_default();
        let mut away_until = None;
        for now in 0..i64::try_from(end).unwrap() {
            let second_at = usize::try_from(now).unwrap();
            if let Some((_, lasts)) = deaths.iter().find(|(at, _)| *at == now) {
                away_until = Some(now + lasts);
            }
            if away_until.is_some_and(|until| until <= now) {
                away_until = None;
                world.restart(now).await;
            }
            if away_until.is_none() {
                world.evaluate.tick(second(START + now)).await;
            }
            for (host, stream) in streams.iter().enumerate() {
                let value = stream.get(second_at).copied().flatten();
                world.unsent.extend(value.map(|value| (host, now, value)));
            }
            // Senders try again until they are heard.
            if away_until.is_none() {
                world.take(now).await;
            }
        }
        world.outboxes.taken()
    })
}

/// Points each second at one level, or none.
#[derive(Debug, Clone, Copy)]
enum Stretch {
    Bad(i64),
    Worse(i64),
    Fine(i64),
    Silent(i64),
}

/// Longer than all waits and delays together, so that a delay never makes two changes one.
fn stretches() -> impl Strategy<Value = Vec<Option<f64>>> {
    let long = 70_i64..110;
    let stretch = prop_oneof![
        long.clone().prop_map(Stretch::Bad),
        long.clone().prop_map(Stretch::Worse),
        long.clone().prop_map(Stretch::Fine),
        long.prop_map(Stretch::Silent),
    ];
    proptest::collection::vec(stretch, 1..6).prop_map(|stretches| {
        let mut all = Vec::new();
        for stretch in stretches {
            let (value, length) = match stretch {
                Stretch::Bad(length) => (Some(6.0), length),
                Stretch::Worse(length) => (Some(9.0), length),
                Stretch::Fine(length) => (Some(1.0), length),
                Stretch::Silent(length) => (None, length),
            };
            all.extend((0..length).map(|_| value));
        }
        // Time for what is still to be told.
        all.extend([None; 100]);
        all
    })
}

fn rules() -> impl Strategy<Value = AlertRule> {
    let aggregation = prop_oneof![Just("max"), Just("avg"), Just("min"), Just("last")];
    let wait = || prop_oneof![Just("0s"), Just("7s"), Just("15s")];
    let no_data = prop_oneof![
        Just(NoData::Resolve { after: None }),
        Just(NoData::Resolve { after: Some(seconds(20)) }),
        Just(NoData::Keep),
        Just(NoData::Alert { after: seconds(20) }),
    ];
    let channels = prop_oneof![Just(&[][..]), Just(&["direct"][..]), Just(&["direct", "also"][..])];
    (aggregation, wait(), wait(), no_data, channels).prop_map(
        |(aggregation, hold, keep, no_data, channels)| {
            let mut rule = rule_for(&format!("{aggregation} > 5"), "10s", hold);
            let threshold = |severity, value| Threshold::new(severity, Comparison::Above, value).unwrap();
            let both = vec![threshold(Severity::Warn, 5.0), threshold(Severity::Critical, 8.0)];
            rule.thresholds = Thresholds::new(both, rule.measure.aggregation).unwrap();
            rule.measure.group_by = GroupLabels::parse(vec!["host".into()]).unwrap();
            let keep_firing = HoldTime::parse(keep).unwrap();
            let channels = channels.iter().map(|name| (*name).into()).collect();
            AlertRule { keep_firing, no_data, channels, ..rule }
        },
    )
}

/// Each host is told of at once.
fn prompt_plan() -> NotificationPlan {
    let by_host = RouteWords {
        group_by: Some(GroupBy::Labels(vec!["host".into()])),
        group_wait: Some(seconds(1)),
        group_interval: Some(seconds(1)),
        repeat_interval: Some(seconds(100_000)),
        ..route("all", "", vec![])
    };
    plan(&by_host, &[])
}

/// Hosts are told of together.
fn grouped_plan() -> NotificationPlan {
    let together = RouteWords {
        group_by: Some(GroupBy::Labels(vec![])),
        group_wait: Some(seconds(10)),
        group_interval: Some(seconds(60)),
        repeat_interval: Some(seconds(100_000)),
        ..route("all", "", vec![])
    };
    plan(&together, &[])
}

/// By channel and group, in order: when, and how each alert stands.
type Told = BTreeMap<(Box<str>, Box<str>), Vec<(i64, Vec<String>)>>;

fn told(notifications: &[Notification]) -> Told {
    let mut told = Told::new();
    for one in notifications {
        let word = |alert: &Alert| {
            let label = |name| alert.labels.get(name).unwrap_or_default();
            let fires = if alert.is_firing(one.at) { "fires" } else { "is over" };
            format!("{} {fires} {}", label("host"), label(SEVERITY_LABEL))
        };
        let at = i64::try_from(one.at.since(second(START)).as_secs()).unwrap();
        let group = (one.channel.clone(), one.group_key.clone());
        told.entry(group).or_default().push((at, one.alerts.iter().map(word).collect()));
    }
    told
}

/// Without what was told of an alert on its way to something worse: an average passes WARN seconds before CRITICAL, and a process that
/// is away meanwhile finds it there.
fn lasting(told: &Told) -> Told {
    const BRIEF: i64 = 30;
    let lasts = |pair: &[(i64, Vec<String>)]| match pair {
        [(at, now), (later, next)] => {
            let gets_worse = now.concat().contains("fires") && next.concat().contains("fires");
            !gets_worse || later - at > BRIEF
        }
        _ => true,
    };
    let lines = |lines: &Vec<(i64, Vec<String>)>| {
        let pairs = (0..lines.len()).map(|at| &lines[at..lines.len().min(at + 2)]);
        pairs.filter(|pair| lasts(pair)).map(|pair| pair[0].clone()).collect()
    };
    told.iter().map(|(group, all)| (group.clone(), lines(all))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn restarts_change_no_notification_but_by_its_delay(
        rule in rules(),
        streams in proptest::collection::vec(stretches(), 1..=2),
        parts in proptest::collection::vec((0.0_f64..1.0, 0_i64..10), 1..=2),
    ) {
        let end = streams.iter().map(Vec::len).max().unwrap_or_default();
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a second of a few minutes")]
        let deaths: Vec<Death> =
            parts.iter().map(|(part, lasts)| ((end as f64 * part) as i64, *lasts)).collect();
        let undisturbed = lasting(&told(&play(&rule, prompt_plan, &streams, &[])));
        let restarted = lasting(&told(&play(&rule, prompt_plan, &streams, &deaths)));
        let words = |told: &Told| -> Vec<_> {
            let lines = |lines: &Vec<(i64, Vec<String>)>| lines.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>();
            told.iter().map(|(group, all)| (group.clone(), lines(all))).collect()
        };
        prop_assert_eq!(words(&undisturbed), words(&restarted), "{:?} {:?}", undisturbed, restarted);
        for (before, after) in undisturbed.values().flatten().zip(restarted.values().flatten()) {
            prop_assert!(before.0 <= after.0 && after.0 - before.0 <= 60, "{undisturbed:?} {restarted:?}");
        }
    }

    /// In a time T, with `for` H and `keepFiringFor` K: a direct channel hears at most 2 + 2T / (H + K) times of each group, and a
    /// group of a route at most once in its interval.
    #[test]
    fn what_flaps_is_told_as_often_as_the_settings_allow_and_no_more(
        streams in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![Just(Some(1.0)), Just(Some(9.0))], 60..300), 1..=2),
        hold in 1_u32..20,
        keep in 0_u32..20,
        death in (0_i64..300, 0_i64..10),
    ) {
        let mut rule = AlertRule {
            keep_firing: HoldTime::parse(&format!("{keep}s")).unwrap(),
            channels: vec!["direct".into()],
            ..rule_for("max > 5", "1s", &format!("{hold}s"))
        };
        rule.measure.group_by = GroupLabels::parse(vec!["host".into()]).unwrap();
        let time = streams.iter().map(Vec::len).max().unwrap_or_default();
        let most = 2 + 2 * time / usize::try_from(hold + keep).unwrap();
        for (group, lines) in told(&play(&rule, prompt_plan, &streams, &[death])) {
            prop_assert!(lines.len() <= most, "{group:?}: {} of at most {most}", lines.len());
            for pair in lines.windows(2) {
                prop_assert_ne!(&pair[0].1, &pair[1].1, "told twice");
            }
        }
        let routed = AlertRule { channels: vec![], ..rule };
        for (group, lines) in told(&play(&routed, grouped_plan, &streams, &[death])) {
            prop_assert!(lines.len() <= 1 + time / 60, "{group:?}: {lines:?}");
            for pair in lines.windows(2) {
                prop_assert!(pair[1].0 - pair[0].0 >= 60, "{lines:?}");
            }
        }
    }
}
