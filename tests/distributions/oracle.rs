//! The documented rules (`src/querying/domain`) of histograms over time, as a plain calculation over all points.

use std::collections::BTreeMap;

use super::observed::{Observed, Shape, together};
use super::support::otlp::MINUTE;

/// How far before a cumulative point the previous one may lie.
const fn look_back(interval: u64) -> u64 {
    if interval < 60 * MINUTE { 15 * MINUTE } else { 60 * MINUTE }
}

pub type Labels = BTreeMap<&'static str, String>;

#[derive(Debug, Clone)]
pub struct Query {
    pub start: u64,
    pub length: u64,
    pub interval: u64,
    pub aggregation: &'static str,
    pub group_by: Vec<&'static str>,
    /// Of `host`.
    pub only: Option<&'static str>,
}

/// A stored point as the rules see it.
#[derive(Debug, Clone)]
pub struct Point {
    pub series: usize,
    pub batch: usize,
    pub time: u64,
    pub start: u64,
    /// Lowest and highest observation, if the sender says so.
    pub ends: Option<(f64, f64)>,
    /// Absent where the series has a gap.
    pub observed: Option<Observed>,
}

/// What a point adds to its bucket.
#[derive(Debug, Clone)]
struct Part {
    observed: Observed,
    ends: [Option<f64>; 2],
}

impl Part {
    /// Of all that a point holds the ends are as they were sent.
    fn new(observed: Observed, sent: Option<(f64, f64)>) -> Self {
        let ends = match (observed.count, sent) {
            (0, _) => [None, None],
            (_, Some((low, high))) => [Some(low), Some(high)],
            (_, None) => [observed.quantile(0.0), observed.quantile(1.0)],
        };
        Self { observed, ends }
    }
}

/// What a series adds, in order of time; absent where it says nothing of what was added.
fn parts(cumulative: bool, series: &[&Point], look_back: u64) -> Vec<(u64, Option<Part>)> {
    let mut previous: Option<(&Point, &Observed)> = None;
    let mut parts = Vec::new();
    for point in series {
        let Some(observed) = &point.observed else { continue };
        let near = previous.filter(|(before, _)| point.time - before.time <= look_back);
        let whole = || Some(Part::new(observed.clone(), point.ends));
        let part = match near {
            _ if !cumulative => whole(),
            None if point.start >= point.time - look_back && point.start < point.time => whole(),
            None => None,
            Some((before, was)) => {
                let moved = point.start >= before.time && point.start > before.start;
                match observed.since(was).filter(|_| !moved) {
                    Some(added) => Some(Part::new(added, None)),
                    None if point.start == point.time => None,
                    None => whole(),
                }
            }
        };
        parts.push((point.time, part));
        previous = Some((point, observed));
    }
    parts
}

/// A group's value of a bucket, or its counts in cells that all its buckets have in common.
#[derive(Debug, PartialEq)]
pub enum Values {
    Numbers(Vec<Option<f64>>),
    HeatMap { cells: Vec<(f64, f64)>, counts: Vec<Option<Vec<u64>>> },
}

pub type Answered = BTreeMap<Vec<String>, Values>;

fn aggregate(aggregation: &str, bucket: &[Part], seconds: f64) -> Option<f64> {
    if bucket.is_empty() {
        return None;
    }
    let observed: Vec<Observed> = bucket.iter().map(|part| part.observed.clone()).collect();
    let all = together(&observed);
    let count = all.count as f64;
    let ends = |at: usize| bucket.iter().filter_map(move |part| part.ends[at]);
    match aggregation {
        "count" | "increase" => Some(count),
        "rate" => Some(count / seconds),
        "sum" => all.sum,
        "avg" => all.sum.filter(|_| all.count > 0).map(|sum| sum / count),
        "min" => ends(0).reduce(f64::min),
        "max" => ends(1).reduce(f64::max),
        "p50" => all.quantile(0.5),
        "p99" => all.quantile(0.99),
        quantile => {
            let part = quantile.strip_prefix("quantile&quantile=").expect("a quantile");
            all.quantile(part.parse().expect("a number"))
        }
    }
}

/// Buckets that nothing is known of have no counts; the cells are those of all that is known.
fn heat_map(buckets: &[Option<Vec<Observed>>]) -> Values {
    let all: Vec<Observed> = buckets.iter().flatten().flatten().cloned().collect();
    let all = together(&all);
    let cells = all.cells();
    let place = |low: f64, high: f64| {
        let within = |cell: &&super::observed::Cell| cell.low <= low && high <= cell.high;
        cells.iter().position(|cell| within(&cell))
    };
    let row = |observed: &Vec<Observed>| {
        let mut row = vec![0; cells.len()];
        // Each part brings the shape of all with it: scale, threshold, bounds.
        let shape = Observed { shape: emptied(&all.shape), ..all.clone() };
        let aligned = together(&[observed.as_slice(), &[shape]].concat());
        for cell in aligned.cells().iter().filter(|cell| cell.count > 0) {
            let at = place(cell.low, cell.high).expect("a cell of all");
            row[at] += cell.count;
        }
        row
    };
    Values::HeatMap {
        cells: cells.iter().map(|cell| (cell.low, cell.high)).collect(),
        counts: buckets.iter().map(|bucket| bucket.as_ref().map(row)).collect(),
    }
}

fn emptied(shape: &Shape) -> Shape {
    match shape {
        Shape::Unknown => Shape::Unknown,
        Shape::Explicit { bounds, counts } => {
            Shape::Explicit { bounds: bounds.clone(), counts: vec![0; counts.len()] }
        }
        Shape::Exponential(own) => Shape::Exponential(super::observed::Exponential {
            scale: own.scale,
            threshold: own.threshold,
            ..Default::default()
        }),
    }
}

/// What the rules say: each group's value in each bucket that the range touches.
pub fn expected(
    cumulative: bool,
    stored: &[Point],
    labels: &[Labels],
    query: &Query,
    start: u64,
) -> Answered {
    let end = start + query.length;
    let (first, last) = (start / query.interval, (end - 1) / query.interval);
    let mut groups: BTreeMap<Vec<String>, BTreeMap<u64, Vec<Part>>> = BTreeMap::new();
    let passes = |labels: &Labels| query.only.is_none_or(|host| labels["host"] == host);
    for (number, labels) in labels.iter().enumerate().filter(|(_, labels)| passes(labels)) {
        let mut own: Vec<&Point> = stored.iter().filter(|point| point.series == number).collect();
        own.retain(|point| point.time < end);
        own.sort_by_key(|point| point.time);
        let key: Vec<String> =
            query.group_by.iter().map(|name| labels.get(name).cloned().unwrap_or_default()).collect();
        let parts = parts(cumulative, &own, look_back(query.interval));
        for (time, part) in parts.into_iter().filter(|(time, _)| *time >= start) {
            // A point that says nothing is there all the same.
            groups.entry(key.clone()).or_default().entry(time / query.interval).or_default().extend(part);
        }
    }
    let seconds = query.interval as f64 / 1e9;
    let values = |buckets: BTreeMap<u64, Vec<Part>>| {
        if query.aggregation == "histogram" {
            let observed = |at| {
                let parts = buckets.get(&at).filter(|parts: &&Vec<Part>| !parts.is_empty())?;
                Some(parts.iter().map(|part| part.observed.clone()).collect())
            };
            return heat_map(&(first..=last).map(observed).collect::<Vec<_>>());
        }
        let value = |at| buckets.get(&at).and_then(|bucket| aggregate(query.aggregation, bucket, seconds));
        Values::Numbers((first..=last).map(value).collect())
    };
    groups.into_iter().map(|(key, buckets)| (key, values(buckets))).collect()
}
