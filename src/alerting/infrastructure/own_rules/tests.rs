//! Simulated time tables of the built-in rules: how the server does goes in, what is told comes out. Each rule has its page.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::alerting::application::delivery::outboxes::{ChannelHealth, Course};
use crate::alerting::application::own_measures::{
    Inserts, JournalCourse, JournalReading, OwnMeasures, OwnReading, ServerReading,
};
use crate::alerting::application::rule_book::RuleFiles;
use crate::alerting::domain::evaluator::{AlertEvaluator, EvaluatorLimits};
use crate::alerting::domain::fixtures::{evaluator, second, told};
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::Watchlist;

const START: i64 = 1_000_000;

fn options(channels: &[&str], runbook_base: &str) -> OwnRuleOptions {
    OwnRuleOptions {
        tenant: TenantId::parse("operations").unwrap(),
        channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        runbook_base: runbook_base.to_owned(),
    }
}

fn read(options: &OwnRuleOptions) -> Vec<(AlertRule, Value)> {
    let known = options.channels.iter().cloned().collect();
    own_rules(options, &known).expect("the built-in rules are valid")
}

/// The built-in rules over a server that does as the test says. Seconds count from [`START`].
struct Bench {
    watchlist: Arc<Watchlist>,
    evaluator: AlertEvaluator,
    measures: OwnMeasures,
    reading: OwnReading,
    /// Items that come, and are stored, per second.
    rate: u64,
    now: i64,
    told: Vec<String>,
}

impl Bench {
    fn new(channels: &[&str]) -> Self {
        let options = options(channels, "");
        let rules = read(&options).into_iter().map(|(rule, _)| rule).collect();
        let (watchlist, evaluator) = evaluator(rules, EvaluatorLimits::default());
        let health = |name: &str| ChannelHealth { name: name.into(), course: Course::Sends, dead: 0 };
        let server = ServerReading {
            accepted: 0,
            in_flight: 0,
            inserts: Inserts::Pass,
            journal: Some(JournalReading { used_ratio: 0.1, course: JournalCourse::Works }),
        };
        let reading = OwnReading {
            server,
            channels: Some(vec![health("mail"), health("ops")]),
            lag: Duration::ZERO,
            events_missed: 0,
            crowded_out: 0,
        };
        let measures = OwnMeasures::new(options.tenant, second(START));
        Self { watchlist, evaluator, measures, reading, rate: 10, now: 0, told: Vec::new() }
    }

    /// Moves the clock; the server is read every five seconds.
    fn go_to(&mut self, until: i64) -> &mut Self {
        while self.now < until {
            self.now += 1;
            self.reading.server.accepted += self.rate;
            let now = second(START + self.now);
            if self.now % 5 == 0 {
                let measured = self.measures.measure(&self.reading, now);
                let event = self.measures.event(&measured, &*self.watchlist, now);
                let transitions = self.evaluator.observe(&event, now);
                self.tell(&transitions);
            }
            let transitions = self.evaluator.tick(now);
            self.tell(&transitions);
        }
        self
    }

    fn tell(&mut self, transitions: &[Transition]) {
        for transition in transitions {
            let Some(kind) = told(transition) else { continue };
            let (rule, labels) = (transition.rule().id.as_str(), transition.labels());
            let rule = rule.strip_prefix("telemetryflow-").unwrap_or(rule);
            let of: Vec<String> = labels.iter().map(|(_, value)| format!("of {value} ")).collect();
            let (of, severity) = (of.concat(), transition.severity().name());
            self.told.push(format!("{} {rule} {of}{kind} {severity}", self.now));
        }
    }

    fn channel(&mut self, name: &str) -> &mut ChannelHealth {
        let mut channels = self.reading.channels.iter_mut().flatten();
        channels.find(|health| &*health.name == name).unwrap()
    }

    fn journal(&mut self) -> &mut JournalReading {
        self.reading.server.journal.as_mut().unwrap()
    }
}

#[test]
fn a_server_that_is_well_says_nothing_and_one_with_a_watchdog_that() {
    let mut bench = Bench::new(&[]);
    bench.go_to(1_800);
    assert_eq!(bench.told, [""; 0]);
    let mut watched = Bench::new(&["ops"]);
    watched.go_to(1_800);
    assert_eq!(watched.told, ["6 watchdog fires INFO"]);
}

#[test]
fn ingestion_that_stopped_is_told_after_ten_minutes_and_only_if_there_was_some() {
    let mut bench = Bench::new(&[]);
    bench.rate = 0;
    bench.go_to(1_000);
    assert_eq!(bench.told, [""; 0], "nothing ever came");
    bench.rate = 10;
    bench.go_to(1_010).rate = 0;
    bench.go_to(1_700).rate = 1;
    bench.go_to(1_720);
    assert_eq!(bench.told, ["1611 ingestion-stopped fires WARN", "1706 ingestion-stopped resolves WARN"]);
}

#[test]
fn a_journal_that_grows_is_told_twice_and_well_below_the_borders_it_is_over() {
    let mut bench = Bench::new(&[]);
    for (until, used) in [(10, 0.6), (20, 0.61), (30, 0.79), (40, 0.9), (50, 0.75), (60, 0.55), (70, 0.4)] {
        bench.journal().used_ratio = used;
        bench.go_to(until);
    }
    bench.go_to(90);
    assert_eq!(
        bench.told,
        [
            "16 journal-growing fires WARN",
            "36 journal-growing shifts CRITICAL",
            "56 journal-growing shifts WARN",
            "66 journal-growing resolves WARN"
        ]
    );
}

#[test]
fn a_journal_that_failed_is_told_at_once() {
    let mut bench = Bench::new(&[]);
    bench.go_to(10).journal().course = JournalCourse::Failed;
    bench.go_to(60);
    assert_eq!(bench.told, ["16 journal-failed fires CRITICAL"]);
}

#[test]
fn a_store_that_takes_nothing_for_a_minute_is_down_until_it_takes_something() {
    let mut failing = Bench::new(&[]);
    failing.go_to(100).reading.server.inserts = Inserts::Fail;
    failing.go_to(200).reading.server.inserts = Inserts::Pass;
    failing.go_to(300);
    let expected = |fires, ends| {
        [format!("{fires} store-down fires CRITICAL"), format!("{ends} store-down resolves CRITICAL")]
    };
    assert_eq!(failing.told, expected(166, 206));

    let mut hanging = Bench::new(&[]);
    hanging.go_to(100);
    for at in 101..=200 {
        hanging.reading.server.in_flight += 10;
        hanging.go_to(at);
    }
    hanging.reading.server.in_flight = 0;
    hanging.go_to(300);
    assert_eq!(hanging.told, expected(161, 206));

    let mut briefly = Bench::new(&[]);
    briefly.go_to(100).reading.server.inserts = Inserts::Fail;
    briefly.go_to(150).reading.server.inserts = Inserts::Pass;
    briefly.go_to(155).reading.server.inserts = Inserts::Fail;
    briefly.go_to(200);
    assert_eq!(briefly.told, [""; 0]);
}

#[test]
fn a_channel_that_fails_for_five_minutes_is_told_of_by_name() {
    let mut bench = Bench::new(&[]);
    bench.go_to(10).channel("mail").course = Course::Fails;
    bench.go_to(200).channel("ops").course = Course::Fails;
    bench.go_to(400).channel("ops").course = Course::Sends;
    // For a while the state database cannot be asked.
    let channels = bench.reading.channels.take();
    bench.go_to(405).reading.channels = channels;
    bench.channel("mail").course = Course::Sends;
    bench.go_to(700);
    assert_eq!(
        bench.told,
        ["316 notifications-failing of mail fires ERROR", "411 notifications-failing of mail resolves ERROR"]
    );
}

#[test]
fn dead_letters_are_told_of_until_none_is_left() {
    let mut bench = Bench::new(&[]);
    bench.go_to(10).channel("ops").dead = 2;
    bench.go_to(30).channel("ops").dead = 0;
    bench.go_to(60);
    assert_eq!(
        bench.told,
        ["16 notifications-dead of ops fires WARN", "36 notifications-dead of ops resolves WARN"]
    );
}

#[test]
fn evaluation_that_stays_behind_or_overlooks_something_is_told() {
    let mut bench = Bench::new(&[]);
    bench.go_to(10).reading.lag = Duration::from_secs(6);
    bench.go_to(25).reading.lag = Duration::ZERO;
    bench.go_to(50).reading.lag = Duration::from_secs(6);
    bench.go_to(100).reading.lag = Duration::from_secs(5);
    bench.go_to(120);
    assert_eq!(bench.told, ["86 evaluation-behind fires WARN", "106 evaluation-behind resolves WARN"]);
    let mut missing = Bench::new(&[]);
    missing.go_to(100).reading.events_missed = 3;
    missing.go_to(900);
    assert_eq!(missing.told, ["105 evaluation-missed fires ERROR", "410 evaluation-missed resolves ERROR"]);
}

#[test]
fn rules_without_room_for_their_groups_are_told_of() {
    let mut bench = Bench::new(&[]);
    bench.go_to(100).reading.crowded_out = 1;
    bench.go_to(900);
    assert_eq!(
        bench.told,
        ["105 instances-overflowing fires WARN", "410 instances-overflowing resolves WARN"]
    );
}

#[test]
fn the_configuration_says_whose_alerts_they_are_who_is_told_and_where_the_pages_are() {
    for (rule, body) in read(&options(&["ops"], "https://wiki.example/tf/")) {
        assert_eq!(rule.tenant, TenantId::parse("operations").ok());
        assert_eq!(rule.channels, [Box::from("ops")]);
        assert!(rule.is_enabled());
        let url = body["annotations"]["runbook_url"].as_str().unwrap();
        assert!(url.starts_with("https://wiki.example/tf/docs/runbooks/"), "{url}");
        assert!(rule.annotations.iter().any(|(name, value)| &**name == RUNBOOK && **value == *url), "{url}");
    }
    for (rule, _) in read(&options(&[], "")) {
        assert_eq!((rule.channels.len(), rule.is_enabled()), (0, rule.id.as_str() != WATCHDOG));
    }
}

#[test]
fn every_rule_has_its_page_and_every_page_its_rule() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = read(&options(&[], "")).into_iter().map(|(rule, body)| {
        let name = rule.id.as_str().strip_prefix("telemetryflow-").unwrap().to_owned();
        let path = format!("docs/runbooks/{name}.md");
        assert_eq!(body["annotations"]["runbook_url"], path.as_str());
        let page = fs::read_to_string(root.join(&path)).expect(&path);
        assert!(page.starts_with(&format!("# {}\n\nRule `{}`.", rule.name, rule.id)), "{path}");
        for part in ["## How to look\n\n```sh\n", "curl ", "## What to do", "## What makes it go away"] {
            assert!(page.contains(part), "{path} lacks {part}");
        }
        format!("{name}.md")
    });
    let named: BTreeSet<String> = named.collect();
    let pages = fs::read_dir(root.join("docs/runbooks")).unwrap();
    let pages: BTreeSet<String> =
        pages.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(named, pages);
}

#[test]
fn a_rule_of_a_file_takes_the_place_of_the_built_in_one_with_its_id() {
    let built_in = read(&options(&[], ""));
    let count = built_in.len();
    let of_file = |tenant: Option<&str>| {
        let (rule, body) = built_in.first().cloned().unwrap();
        let tenant = tenant.map(|tenant| TenantId::parse(tenant).unwrap());
        let files = RuleFiles::new(vec![(AlertRule { tenant, ..rule }, body)]).unwrap();
        files.with_built_in(built_in.clone())
    };
    for (tenant, all) in [(None, count), (Some("operations"), count), (Some("shop"), count + 1)] {
        let files = of_file(tenant);
        assert_eq!((files.len(), files.rules().len()), (1, all), "{tenant:?}");
    }
}
