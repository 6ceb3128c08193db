//! Query strings, parsed strictly: an unknown parameter, a value given twice, a wrong value each say what is allowed.

use std::time::Duration;

use crate::platform::http::Problem;
use crate::querying::application::CacheUse;
use crate::querying::domain::{CatalogueQuery, GroupBy};
use crate::shared::nearest::nearest;
use crate::shared::{Interval, LabelFilter, TenantId, TimeRange, Timestamp};

use super::time_text::{self, Moment};

/// Names that stand for one parameter; the first is the one in messages.
pub(super) type Names = &'static [&'static str];

pub(super) const METRIC_NAME: Names = &["metricName"];
pub(super) const SERVICE_NAME: Names = &["serviceName"];
pub(super) const START: Names = &["startTime", "start", "from"];
pub(super) const END: Names = &["endTime", "end", "to"];
pub(super) const INTERVAL: Names = &["interval", "step"];
pub(super) const GROUP_BY: Names = &["groupBy"];
pub(super) const FILTER: Names = &["filter"];
pub(super) const LIMIT: Names = &["limit"];
pub(super) const CACHE: Names = &["cache"];
pub(super) const SEARCH: Names = &["search"];
pub(super) const CURSOR: Names = &["cursor"];

pub(super) const OF_CATALOGUE: &[Names] = &[SEARCH, SERVICE_NAME, LIMIT, CURSOR, CACHE];

pub(super) const INTERVAL_DEFAULT: &str = "5m";
pub(super) const RANGE_DEFAULT: Duration = Duration::from_secs(3_600);
pub(super) const METRICS_DEFAULT: usize = 100;
pub(super) const METRICS_MAX: usize = 1_000;
/// Longest metric name, search text or cursor, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 1_024;

/// `attr[label]=value`.
pub(super) const ATTRIBUTES: &str = "attr";

/// The decoded pairs of a query string.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

/// Which of the two questions is asked.
pub fn asks_for_catalogue(parameters: &Parameters) -> bool {
    !parameters.0.iter().any(|(name, _)| METRIC_NAME.contains(&name.as_str()))
}

impl Parameters {
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    pub(super) fn only(&self, known: &[Names]) -> Result<(), Problem> {
        self.only_or(known, &[ATTRIBUTES])
    }

    /// Also of the form `map[key]`, for these maps.
    pub(super) fn only_or(&self, known: &[Names], maps: &[&str]) -> Result<(), Problem> {
        let in_map = |name: &str| maps.iter().any(|map| key_in(map, name).is_some());
        let unknown = self
            .0
            .iter()
            .find(|(name, _)| !in_map(name) && !known.iter().any(|n| n.contains(&name.as_str())));
        let Some((name, _)) = unknown else { return Ok(()) };
        let names = || known.iter().copied().flatten().copied();
        let problem = Problem::invalid("unknown parameter").with_field(shortened(name));
        Err(match nearest(name, names()) {
            Some(near) => problem.with_near([near]),
            None => problem.with_allowed(known.iter().filter_map(|n| n.first()).copied()),
        })
    }

    pub(super) fn one(&self, names: Names) -> Result<Option<&str>, Problem> {
        let mut found = self.0.iter().filter(|(name, _)| names.contains(&name.as_str()));
        match (found.next(), found.next()) {
            (first, None) => Ok(first.map(|(_, value)| value.as_str())),
            (_, Some(_)) => Err(wrong(names, "given more than once")),
        }
    }

    pub(super) fn all(&self, names: Names) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self, names: Names) -> Result<Box<str>, Problem> {
        let text = self.one(names)?.unwrap_or_default();
        if text.len() > TEXT_BYTES_MAX {
            return Err(wrong(names, format!("longer than {TEXT_BYTES_MAX} bytes")));
        }
        Ok(text.into())
    }

    pub(super) fn count(&self, names: Names, default: usize, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.one(names)? else { return Ok(default.min(max)) };
        text.parse()
            .ok()
            .filter(|count| (1..=max).contains(count))
            .ok_or_else(|| wrong(names, format!("expected a whole number from 1 to {max}")))
    }

    pub(super) fn cache(&self) -> Result<CacheUse, Problem> {
        let known = [("auto", CacheUse::Auto), ("bypass", CacheUse::Bypass)];
        Ok(self.named(CACHE, &known)?.unwrap_or(CacheUse::Auto))
    }

    pub(super) fn moment(&self, names: Names, now: Timestamp) -> Result<Option<Moment>, Problem> {
        let Some(text) = self.one(names)? else { return Ok(None) };
        time_text::parse(text, now).map(Some).ok_or_else(|| {
            wrong(names, "not a moment").with_allowed([
                "2026-11-18T10:00:00Z",
                "unix time in s, ms, us or ns",
                "now-15m",
            ])
        })
    }

    /// Half-open. Ends that move with the present are put on the edges of buckets.
    pub(super) fn range(&self, interval: Interval, now: Timestamp) -> Result<TimeRange, Problem> {
        let end = self.moment(END, now)?.unwrap_or(Moment::Moving(now));
        let before_end = || match end {
            Moment::Fixed(at) => Moment::Fixed(at.minus(RANGE_DEFAULT)),
            Moment::Moving(at) => Moment::Moving(at.minus(RANGE_DEFAULT)),
        };
        let start = match self.moment(START, now)?.unwrap_or_else(before_end) {
            Moment::Fixed(at) => at,
            Moment::Moving(at) => interval.floor(at),
        };
        let end = match end {
            Moment::Fixed(at) => at,
            Moment::Moving(at) => interval.floor(at).plus(interval.duration()),
        };
        TimeRange::new(start, end).ok_or_else(|| wrong(END, "must be after startTime"))
    }

    /// Half-open, to the nanosecond; by default the hour before the end.
    pub(super) fn exact_range(&self, now: Timestamp) -> Result<TimeRange, Problem> {
        let end = self.moment(END, now)?.map_or(now, Moment::exact);
        let start = self.moment(START, now)?.map_or(end.minus(RANGE_DEFAULT), Moment::exact);
        TimeRange::new(start, end).ok_or_else(|| wrong(END, "must be after startTime"))
    }

    /// The pairs of the form `map[key]=value`, and the whole name of each.
    pub(super) fn in_map<'a>(&'a self, map: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
        self.0.iter().filter_map(move |(name, value)| {
            key_in(map, name).map(|key| (name.as_str(), key, value.as_str()))
        })
    }

    pub(super) fn filter(&self) -> Result<LabelFilter, Problem> {
        let text = self.one(FILTER)?.unwrap_or_default();
        let mut filter = LabelFilter::parse(text).map_err(|error| wrong(FILTER, error.to_string()))?;
        let services: Vec<Box<str>> = self.all(SERVICE_NAME).map(Box::from).collect();
        let added = match services.as_slice() {
            [] => Ok(()),
            [service] => filter.push_equals("service.name", service),
            _ => filter.push_in("service.name", services),
        };
        added.map_err(|reason| wrong(SERVICE_NAME, reason.to_string()))?;
        for (name, value) in &self.0 {
            if let Some(label) = key_in(ATTRIBUTES, name) {
                filter
                    .push_equals(label, value)
                    .map_err(|reason| Problem::invalid(reason.to_string()).with_field(shortened(name)))?;
            }
        }
        Ok(filter)
    }

    pub(super) fn group_by(&self) -> Result<GroupBy, Problem> {
        let labels = self
            .all(GROUP_BY)
            .flat_map(|list| list.split(','))
            .map(str::trim)
            .filter(|label| !label.is_empty());
        GroupBy::new(labels.map(Box::from).collect()).map_err(|error| wrong(GROUP_BY, error.to_string()))
    }

    /// One of some named values.
    pub(super) fn named<T: Copy>(
        &self,
        names: Names,
        known: &[(&'static str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.one(names)? else { return Ok(None) };
        let found = known.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let allowed = || known.iter().map(|(name, _)| *name);
            let problem = wrong(names, "unknown value").with_allowed(allowed());
            match nearest(text, allowed()) {
                Some(near) => problem.with_near([near]),
                None => problem,
            }
        })
    }

    pub(super) fn interval(&self) -> Result<Interval, Problem> {
        let text = self.one(INTERVAL)?.unwrap_or(INTERVAL_DEFAULT);
        Interval::parse(text).map_err(|error| wrong(INTERVAL, error.to_string()))
    }

    /// A range that has more buckets than one series may have points is refused.
    pub(super) fn bounded(
        &self,
        range: TimeRange,
        interval: Interval,
        points_max: u64,
    ) -> Result<(), Problem> {
        if range.buckets(interval) > points_max {
            let reason = format!("the range has more than {points_max} buckets: use a longer interval");
            return Err(wrong(INTERVAL, reason));
        }
        Ok(())
    }

    pub fn catalogue(&self, tenant: TenantId) -> Result<(CatalogueQuery, CacheUse), Problem> {
        self.only(OF_CATALOGUE)?;
        let query = CatalogueQuery {
            tenant,
            search: self.text(SEARCH)?,
            service: self.text(SERVICE_NAME)?,
            after: self.text(CURSOR)?,
            limit: self.count(LIMIT, METRICS_DEFAULT, METRICS_MAX)?,
        };
        Ok((query, self.cache()?))
    }
}

/// The key in `map[key]`.
fn key_in<'a>(map: &str, name: &'a str) -> Option<&'a str> {
    name.strip_prefix(map)?.strip_prefix('[')?.strip_suffix(']').filter(|key| !key.is_empty())
}

pub(super) fn wrong(names: Names, reason: impl Into<String>) -> Problem {
    let problem = Problem::invalid(reason);
    match names.first() {
        Some(name) => problem.with_field(*name),
        None => problem,
    }
}

/// A name from outside, fit for an answer.
pub(super) fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}
