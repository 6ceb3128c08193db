//! The documented rules (`src/querying/domain`) as a plain calculation over all points.

use std::collections::BTreeMap;

use super::support::encoded;
use super::support::otlp::MINUTE;

/// How far before a counter's point the previous one may lie.
const fn look_back(interval: u64) -> u64 {
    if interval < 60 * MINUTE { 15 * MINUTE } else { 60 * MINUTE }
}

pub type Labels = BTreeMap<&'static str, String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Gauge,
    Delta,
    Counter,
}

#[derive(Debug, Clone)]
pub struct Query {
    pub start: u64,
    pub length: u64,
    pub interval: u64,
    pub aggregation: &'static str,
    pub group_by: Vec<&'static str>,
    pub filter: Filter,
}

#[derive(Debug, Clone, Copy)]
pub enum Filter {
    None,
    Equals,
    NotEquals,
    Matches,
    In,
    Exists,
    Missing,
    EqualsNothing,
    Attribute,
    Service,
}

impl Filter {
    pub fn parameter(self) -> String {
        let filter = |text: &str| format!("&filter={}", encoded(text));
        match self {
            Self::None => String::new(),
            Self::Equals => filter("host = \"a\""),
            Self::NotEquals => filter("host != \"a\" and service.name exists"),
            Self::Matches => filter("host =~ \"a|c\""),
            Self::In => filter("zone in (\"x\", \"none\")"),
            Self::Exists => filter("zone exists"),
            Self::Missing => filter("zone not exists"),
            Self::EqualsNothing => filter("zone = \"\""),
            Self::Attribute => "&attr[zone]=y".to_owned(),
            Self::Service => "&serviceName=shop&serviceName=other".to_owned(),
        }
    }

    fn passes(self, labels: &Labels) -> bool {
        let label = |name| labels.get(name).map_or("", String::as_str);
        match self {
            Self::None | Self::Service => true,
            Self::Equals => label("host") == "a",
            Self::NotEquals => label("host") != "a",
            Self::Matches => ["a", "c"].contains(&label("host")),
            Self::In => label("zone") == "x",
            Self::Exists => labels.contains_key("zone"),
            Self::Missing => !labels.contains_key("zone"),
            Self::EqualsNothing => label("zone").is_empty(),
            Self::Attribute => label("zone") == "y",
        }
    }
}

/// A stored point as the rules see it.
#[derive(Debug, Clone)]
pub struct Point {
    pub series: usize,
    pub batch: usize,
    pub time: u64,
    pub start: u64,
    /// Absent where the series has a gap.
    pub value: Option<f64>,
}

/// What a point contributes: its time, its part of an aggregate, its own value.
type Part = (u64, Option<f64>, f64);

/// What a series contributes, in order of time.
fn parts(kind: Kind, series: &[&Point], look_back: u64) -> Vec<Part> {
    let mut previous: Option<(&Point, f64)> = None;
    let mut parts = Vec::new();
    for point in series {
        let Some(value) = point.value else { continue };
        let near = previous.filter(|(before, _)| point.time - before.time <= look_back);
        let part = match (kind, near) {
            (Kind::Gauge | Kind::Delta, _) => Some(value),
            // Without a point before, only a counter that just began says how much was added.
            (_, None) => (point.start >= point.time - look_back && point.start < point.time).then_some(value),
            (_, Some((before, was))) => {
                let began_anew = point.start >= before.time && point.start > before.start;
                Some(match (began_anew || value < was, point.start == point.time) {
                    (true, true) => 0.0,
                    (true, false) => value,
                    (false, _) => value - was,
                })
            }
        };
        parts.push((point.time, part, value));
        previous = Some((point, value));
    }
    parts
}

fn aggregate(aggregation: &str, bucket: &[Part], seconds: f64) -> Option<f64> {
    let parts: Vec<f64> = bucket.iter().filter_map(|(_, part, _)| *part).collect();
    let total: f64 = parts.iter().sum();
    match aggregation {
        "count" => return Some(bucket.len() as f64),
        "last" => return bucket.iter().max_by_key(|(time, ..)| *time).map(|(.., value)| *value),
        _ if parts.is_empty() => return None,
        _ => {}
    }
    Some(match aggregation {
        "avg" => total / parts.len() as f64,
        "min" => parts.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => parts.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "rate" => total / seconds,
        _ => total,
    })
}

pub type Answered = BTreeMap<Vec<String>, Vec<Option<f64>>>;

/// What the rules say: each group's value in each bucket that the range touches.
pub fn expected(kind: Kind, stored: &[Point], labels: &[Labels], query: &Query, start: u64) -> Answered {
    let end = start + query.length;
    let (first, last) = (start / query.interval, (end - 1) / query.interval);
    let mut groups: BTreeMap<Vec<String>, BTreeMap<u64, Vec<Part>>> = BTreeMap::new();
    for (number, labels) in labels.iter().enumerate().filter(|(_, labels)| query.filter.passes(labels)) {
        let mut own: Vec<&Point> = stored.iter().filter(|point| point.series == number).collect();
        own.retain(|point| point.time < end);
        own.sort_by_key(|point| point.time);
        let key: Vec<String> =
            query.group_by.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect();
        for part in
            parts(kind, &own, look_back(query.interval)).into_iter().filter(|(time, ..)| *time >= start)
        {
            groups.entry(key.clone()).or_default().entry(part.0 / query.interval).or_default().push(part);
        }
    }
    let seconds = query.interval as f64 / 1e9;
    let values = |buckets: BTreeMap<u64, Vec<_>>| {
        let value = |at| buckets.get(&at).and_then(|bucket| aggregate(query.aggregation, bucket, seconds));
        (first..=last).map(value).collect()
    };
    groups.into_iter().map(|(key, buckets)| (key, values(buckets))).collect()
}
