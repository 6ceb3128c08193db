//! `Route`: the tree that decides which channel is told of an alert, and with which others together (Alertmanager, "route").

use std::sync::Arc;
use std::time::Duration;

use super::matcher::{Matcher, all_match};
use super::muting::Muting;
use crate::alerting::domain::label_set::LabelSet;

/// Deepest nesting of routes, and most of them.
pub const DEPTH_MAX: usize = 16;
pub const ROUTES_MAX: usize = 1_000;

/// When a group of alerts is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How long a new group waits for more alerts.
    pub group_wait: Duration,
    /// The shortest time between two notifications of a group; zero: changes are told at once.
    pub group_interval: Duration,
    /// When what still fires is told again.
    pub repeat_interval: Duration,
}

impl Timing {
    /// Alertmanager's defaults.
    pub const DEFAULT: Self = Self {
        group_wait: Duration::from_secs(30),
        group_interval: Duration::from_secs(5 * 60),
        repeat_interval: Duration::from_secs(4 * 3_600),
    };

    /// For alerts whose rule names its channels.
    pub const AT_ONCE: Self =
        Self { group_wait: Duration::ZERO, group_interval: Duration::ZERO, ..Self::DEFAULT };
}

/// Which alerts of a route belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupBy {
    /// Those that have the same values of these labels.
    Labels(Vec<Box<str>>),
    /// Those that have all labels alike: each alert is a group. Written `...`.
    All,
}

/// Whether routes behind one that matched are tried, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterMatch {
    #[default]
    Stop,
    Continue,
}

/// A route as it is written: what is absent is as the route above has it.
#[derive(Debug, Clone, Default)]
pub struct RouteWords {
    pub matchers: Vec<Matcher>,
    pub receiver: Option<Box<str>>,
    pub group_by: Option<GroupBy>,
    pub group_wait: Option<Duration>,
    pub group_interval: Option<Duration>,
    pub repeat_interval: Option<Duration>,
    pub after_match: AfterMatch,
    /// Its own; the route above hands none down.
    pub muting: Muting,
    pub routes: Vec<Self>,
}

/// Why routes cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    #[error("the first route takes all alerts: it has no matchers and does not continue")]
    RootMatches,
    #[error("the first route takes all alerts at any time: it has no time intervals")]
    RootMuted,
    #[error("the first route needs a receiver")]
    RootReceiver,
    #[error("routes are nested at most {DEPTH_MAX} deep")]
    TooDeep,
    #[error("there are at most {ROUTES_MAX} routes")]
    TooMany,
}

/// A route with all that it inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The matchers on the way to it: `{}/{team="db"}`.
    key: Box<str>,
    matchers: Vec<Matcher>,
    receiver: Box<str>,
    group_by: GroupBy,
    timing: Timing,
    after_match: AfterMatch,
    muting: Arc<Muting>,
    routes: Vec<Self>,
}

impl Route {
    pub fn root(words: &RouteWords) -> Result<Self, RouteError> {
        if !words.matchers.is_empty() || words.after_match == AfterMatch::Continue {
            return Err(RouteError::RootMatches);
        }
        if !words.muting.is_empty() {
            return Err(RouteError::RootMuted);
        }
        check_size(words)?;
        let receiver = words.receiver.clone().ok_or(RouteError::RootReceiver)?;
        let above = Self {
            key: "".into(),
            matchers: Vec::new(),
            receiver,
            group_by: GroupBy::Labels(Vec::new()),
            timing: Timing::DEFAULT,
            after_match: AfterMatch::Stop,
            muting: Arc::default(),
            routes: Vec::new(),
        };
        Ok(above.below("{}".into(), words))
    }

    fn below(&self, key: Box<str>, words: &RouteWords) -> Self {
        let timing = Timing {
            group_wait: words.group_wait.unwrap_or(self.timing.group_wait),
            group_interval: words.group_interval.unwrap_or(self.timing.group_interval),
            repeat_interval: words.repeat_interval.unwrap_or(self.timing.repeat_interval),
        };
        let mut route = Self {
            matchers: words.matchers.clone(),
            receiver: words.receiver.clone().unwrap_or_else(|| self.receiver.clone()),
            group_by: words.group_by.clone().unwrap_or_else(|| self.group_by.clone()),
            timing,
            after_match: words.after_match,
            muting: Arc::new(words.muting.clone()),
            routes: Vec::new(),
            key,
        };
        let inner = |words: &RouteWords| {
            let texts: Vec<String> = words.matchers.iter().map(ToString::to_string).collect();
            route.below(format!("{}/{{{}}}", route.key, texts.join(",")).into(), words)
        };
        let routes = words.routes.iter().map(inner).collect();
        route.routes = routes;
        route
    }

    /// The routes that an alert takes, at least one for the root of a tree.
    pub fn taken_by(&self, labels: &LabelSet) -> Vec<&Self> {
        let mut taken = Vec::new();
        if !all_match(&self.matchers, labels) {
            return taken;
        }
        for route in &self.routes {
            let found = route.taken_by(labels);
            let stops = !found.is_empty() && route.after_match == AfterMatch::Stop;
            taken.extend(found);
            if stops {
                break;
            }
        }
        if taken.is_empty() {
            taken.push(self);
        }
        taken
    }

    /// The labels that name an alert's group in this route.
    pub fn group_labels(&self, labels: &LabelSet) -> LabelSet {
        match &self.group_by {
            GroupBy::Labels(names) => labels.only(names),
            GroupBy::All => labels.clone(),
        }
    }

    /// As Alertmanager writes it: the route and the labels, `{}/{team="db"}:{alertname="Slow"}`.
    pub fn group_key(&self, group_labels: &LabelSet) -> String {
        let labels: Vec<String> =
            group_labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        format!("{}:{{{}}}", self.key, labels.join(", "))
    }

    pub fn receiver(&self) -> &str {
        &self.receiver
    }

    pub const fn timing(&self) -> Timing {
        self.timing
    }

    pub const fn muting(&self) -> &Arc<Muting> {
        &self.muting
    }

    pub const fn group_by(&self) -> &GroupBy {
        &self.group_by
    }

    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    pub const fn after_match(&self) -> AfterMatch {
        self.after_match
    }

    pub fn routes(&self) -> &[Self] {
        &self.routes
    }

    /// This one and all below it.
    pub fn all(&self) -> Vec<&Self> {
        let mut all = vec![self];
        all.extend(self.routes.iter().flat_map(Self::all));
        all
    }
}

/// Without recursion: the depth is what is checked.
fn check_size(root: &RouteWords) -> Result<(), RouteError> {
    let (mut level, mut count) = (vec![root], 1);
    for _ in 0..DEPTH_MAX {
        level = level.iter().flat_map(|route| &route.routes).collect();
        count += level.len();
        if count > ROUTES_MAX {
            return Err(RouteError::TooMany);
        }
    }
    if level.is_empty() { Ok(()) } else { Err(RouteError::TooDeep) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::notifying::fixtures::daily;
    use crate::alerting::domain::notifying::matcher_text::parse_matchers;

    fn at_night() -> Muting {
        Muting { mute: vec![daily("night", "22:00", "24:00")], active: vec![] }
    }

    fn to(receiver: &str, matchers: &str, routes: Vec<RouteWords>) -> RouteWords {
        let matchers = parse_matchers(matchers).unwrap();
        RouteWords { receiver: Some(receiver.into()), matchers, routes, ..RouteWords::default() }
    }

    fn continued(words: RouteWords) -> RouteWords {
        RouteWords { after_match: AfterMatch::Continue, ..words }
    }

    fn labels(labels: &[(&str, &str)]) -> LabelSet {
        labels.iter().copied().collect()
    }

    #[test]
    fn an_alert_takes_the_deepest_first_match_and_goes_on_only_where_it_is_said() {
        let root = Route::root(&to(
            "all",
            "",
            vec![
                continued(to("log", "severity=~\"WARN|ERROR\"", vec![])),
                to("db", "team=db", vec![to("pager", "severity=ERROR", vec![])]),
                to("late", "", vec![]),
            ],
        ))
        .unwrap();
        let receivers = |set: &[(&str, &str)]| {
            root.taken_by(&labels(set)).iter().map(|route| route.receiver().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(receivers(&[("team", "db")]), ["db"]);
        assert_eq!(receivers(&[("team", "db"), ("severity", "ERROR")]), ["log", "pager"]);
        assert_eq!(receivers(&[("severity", "WARN")]), ["log", "late"]);
        assert_eq!(receivers(&[]), ["late"]);
        assert_eq!(root.all().len(), 5);
    }

    #[test]
    fn what_a_route_does_not_say_it_inherits() {
        let minute = Duration::from_secs(60);
        let root = RouteWords {
            group_by: Some(GroupBy::Labels(vec!["alertname".into()])),
            group_wait: Some(minute),
            ..to(
                "all",
                "",
                vec![RouteWords { repeat_interval: Some(minute), receiver: None, ..to("", "a=b", vec![]) }],
            )
        };
        let root = Route::root(&root).unwrap();
        let set = labels(&[("a", "b"), ("alertname", "Slow"), ("host", "x")]);
        let route = root.taken_by(&set)[0];
        assert_eq!(route.receiver(), "all");
        let timing = Timing { group_wait: minute, repeat_interval: minute, ..Timing::DEFAULT };
        assert_eq!(route.timing(), timing);
        let group = route.group_labels(&set);
        assert_eq!(route.group_key(&group), "{}/{a=\"b\"}:{alertname=\"Slow\"}");
        assert_eq!(root.group_key(&LabelSet::default()), "{}:{}");
    }

    #[test]
    fn a_route_hands_its_time_intervals_to_none_below_it() {
        let muted = RouteWords { muting: at_night(), ..to("a", "a=b", vec![to("b", "a=b", vec![])]) };
        let root = Route::root(&to("all", "", vec![muted])).unwrap();
        let muted: Vec<bool> = root.all().iter().map(|route| !route.muting().is_empty()).collect();
        assert_eq!(muted, [false, true, false]);
    }

    #[test]
    fn three_dots_make_each_alert_its_own_group() {
        let words = RouteWords { group_by: Some(GroupBy::All), ..to("all", "", vec![]) };
        let set = labels(&[("a", "1"), ("b", "2")]);
        assert_eq!(Route::root(&words).unwrap().group_labels(&set), set);
    }

    #[test]
    fn trees_that_cannot_be_are_refused() {
        assert_eq!(Route::root(&RouteWords::default()), Err(RouteError::RootReceiver));
        assert_eq!(Route::root(&to("a", "b=c", vec![])), Err(RouteError::RootMatches));
        assert_eq!(Route::root(&continued(to("a", "", vec![]))), Err(RouteError::RootMatches));
        let muted = RouteWords { muting: at_night(), ..to("a", "", vec![]) };
        assert_eq!(Route::root(&muted), Err(RouteError::RootMuted));
        let nested = |depth: usize| (1..depth).fold(to("a", "", vec![]), |inner, _| to("a", "", vec![inner]));
        assert!(Route::root(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(Route::root(&nested(DEPTH_MAX + 1)), Err(RouteError::TooDeep));
        let wide = to("a", "", vec![to("a", "b=c", vec![]); ROUTES_MAX]);
        assert_eq!(Route::root(&wide), Err(RouteError::TooMany));
    }
}
