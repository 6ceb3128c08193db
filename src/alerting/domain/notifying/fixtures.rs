//! Alerts, routes and a dispatcher in simulated time, for tests.

use std::sync::Arc;
use std::time::Duration;

use super::dispatcher::{Decisions, DispatchChanges, Dispatcher, NotificationPlan, Remembered};
use super::inhibition::Inhibition;
use super::matcher_text::parse_matchers;
use super::posted::PostedAlert;
use super::route::{GroupBy, Route, RouteWords};
use super::silence::{SilenceId, SilenceTerms};
use super::time_interval::{IntervalWords, LocalTime, TimeInterval, TimeIntervals, Zone};
use crate::alerting::domain::alert::{Alert, AlertKey, Finding, IncidentId, Phase};
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::fixtures::second;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{TenantId, Timestamp};

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A zone whose clock and calendar stand still.
#[derive(Debug)]
pub struct LocalClock(pub LocalTime);

impl Zone for LocalClock {
    fn local(&self, _: Timestamp) -> LocalTime {
        self.0
    }
}

/// Universal time, always on the same day.
#[derive(Debug)]
struct OneDay;

impl Zone for OneDay {
    fn local(&self, at: Timestamp) -> LocalTime {
        let minute = at.nanos().div_euclid(60_000_000_000).rem_euclid(24 * 60);
        let minute = i32::try_from(minute).unwrap();
        LocalTime { year: 1970, month: 1, day: 1, days_in_month: 31, weekday: 4, minute }
    }
}

/// From one time to another, each day.
pub fn daily(name: &str, start: &str, end: &str) -> Arc<TimeIntervals> {
    let words = IntervalWords { times: vec![[start.into(), end.into()]], ..IntervalWords::default() };
    let intervals = vec![TimeInterval::new(words, Arc::new(OneDay)).unwrap()];
    Arc::new(TimeIntervals { name: name.into(), intervals })
}

/// Given as matchers: `a=1,b=2`.
pub fn labels(text: &str) -> LabelSet {
    parse_matchers(text).unwrap().iter().map(|m| (m.name(), m.value())).collect()
}

/// A route with its receiver, its matchers and the routes below it.
pub fn route(receiver: &str, matchers: &str, routes: Vec<RouteWords>) -> RouteWords {
    let matchers = parse_matchers(matchers).unwrap();
    RouteWords { matchers, receiver: Some(receiver.into()), routes, ..RouteWords::default() }
}

/// All alerts to the channel `all`, in groups by `cluster`.
pub fn by_cluster(routes: Vec<RouteWords>) -> RouteWords {
    RouteWords { group_by: Some(GroupBy::Labels(vec!["cluster".into()])), ..route("all", "", routes) }
}

pub fn plan(root: &RouteWords, inhibitions: &[(&str, &str, &str)]) -> NotificationPlan {
    let rule = |(source, target, equal): &(&str, &str, &str)| Inhibition {
        source: parse_matchers(source).unwrap(),
        target: parse_matchers(target).unwrap(),
        equal: vec![(*equal).into()],
    };
    NotificationPlan {
        root: Some(Route::root(root).unwrap()),
        inhibitions: inhibitions.iter().map(rule).collect(),
        external_url: ExternalUrl::default(),
    }
}

/// An alert of somebody else, which lasts five minutes.
pub fn posted(text: &str, now: Timestamp) -> Alert {
    let alert = PostedAlert { labels: labels(text), ..PostedAlert::default() };
    alert.checked(TenantId::unnamed(), now).unwrap()
}

/// An alert of a rule, known by its label `id`.
pub fn of_rule(text: &str, channels: &[&str], now: Timestamp) -> Alert {
    let labels = labels(text);
    let id = labels.get("id").unwrap_or_default();
    let finding = Finding {
        rule_id: id.into(),
        rule_name: id.into(),
        incident: IncidentId(id.into()),
        expression: "avg(m) over 1m".into(),
        threshold: "> 1".into(),
        value: Some(2.0),
        peak: 2.0,
        reason: "avg 2 > 1".into(),
    };
    Alert {
        key: AlertKey([("id", id)].into_iter().collect::<LabelSet>().fingerprint()),
        finding: Some(finding),
        channels: channels.iter().map(|name| (*name).into()).collect(),
        phase: Phase::Firing { expires: None },
        labels,
        ..posted("x=y", now)
    }
}

pub fn over(alert: Alert, now: Timestamp) -> Alert {
    Alert { phase: Phase::Resolved { at: now }, updated_at: now, ..alert }
}

/// A dispatcher, what it has said, and what a ledger would remember of it.
pub struct Scene {
    pub dispatcher: Dispatcher,
    pub now: Timestamp,
    pub told: Vec<Notification>,
    pub remembered: DispatchChanges,
    ids: u64,
}

impl Scene {
    pub fn new(plan: NotificationPlan) -> Self {
        let (dispatcher, remembered) = (Dispatcher::new(plan), DispatchChanges::default());
        Self { dispatcher, now: second(0), told: Vec::new(), remembered, ids: 0 }
    }

    /// One step, and what is due after it.
    pub fn step(&mut self, change: impl FnOnce(&mut Dispatcher, Timestamp, &mut Decisions)) {
        let mut decisions = Decisions::default();
        change(&mut self.dispatcher, self.now, &mut decisions);
        let ids = &mut self.ids;
        let mut next_id = |_| {
            *ids += 1;
            NotificationId(ids.to_string().into())
        };
        self.dispatcher.flush(self.now, &mut next_id, &mut decisions);
        self.told.extend(decisions.notifications);
        self.remembered.absorb(decisions.changes);
        self.remembered.alerts.retain(|_, alert| alert.is_some());
        self.remembered.groups.retain(|_, memo| memo.is_some());
        self.remembered.silences.retain(|_, silence| silence.is_some());
    }

    /// Lets time pass, second by second.
    pub fn until(&mut self, at: i64) {
        while self.now < second(at) {
            self.now = self.now.plus(seconds(1));
            self.step(|_, _, _| {});
        }
    }

    pub fn take(&mut self, alert: impl FnOnce(Timestamp) -> Alert) {
        self.step(|dispatcher, now, decisions| dispatcher.take(alert(now), now, decisions).unwrap());
    }

    pub fn silence(&mut self, matchers: &str, lasts: u64) -> SilenceId {
        self.ids += 1;
        let id = SilenceId(format!("silence-{}", self.ids).into());
        let new_id = id.clone();
        self.step(|dispatcher, now, decisions| {
            let matchers = parse_matchers(matchers).unwrap();
            let terms = SilenceTerms::new(matchers, [now, now.plus(seconds(lasts))], "ann", "works").unwrap();
            dispatcher.put_silence(&TenantId::unnamed(), None, terms, new_id, now, decisions).unwrap();
        });
        id
    }

    /// The process ends, and another one goes on with what is remembered.
    pub fn restart(&mut self, plan: NotificationPlan) {
        let remembered = Remembered {
            alerts: self.remembered.alerts.values().flatten().map(|alert| (**alert).clone()).collect(),
            groups: self.remembered.groups.values().flatten().cloned().collect(),
            silences: self.remembered.silences.values().flatten().cloned().collect(),
        };
        self.dispatcher = Dispatcher::restored(plan, remembered, self.now);
    }

    /// What was told: `second channel [firing] [resolved]`, alerts by their label `id`.
    pub fn lines(&self) -> Vec<String> {
        let ids = |alerts: Vec<&Alert>| {
            let mut ids: Vec<_> =
                alerts.iter().map(|alert| alert.labels.get("id").unwrap_or("?").to_owned()).collect();
            ids.sort();
            ids.join(" ")
        };
        let line = |told: &Notification| {
            let (firing, resolved) = (ids(told.firing().collect()), ids(told.resolved().collect()));
            format!("{} {} [{firing}] [{resolved}]", told.at.nanos() / 1_000_000_000, told.channel)
        };
        self.told.iter().map(line).collect()
    }
}
