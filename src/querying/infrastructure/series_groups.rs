//! `SeriesGroups`: which series of a metric a query reads, and into which group each goes.

use std::collections::HashMap;

use arrow_array::cast::AsArray;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Parameter, Rows, StoreError, parameters};
use crate::querying::application::ReadError;
use crate::querying::domain::{GroupBy, Meaning};
use crate::shared::{LabelFilter, SeriesId, TenantId, TimeRange};

use super::clickhouse_reader::{ClickHouseReader, failed};
use super::filter_sql::{filter_sql, group_sql};

const SERIES_GROUPS: &str = include_str!("../../../clickhouse/querying/series_groups.sql");

/// Most series of one metric that a query may look through.
const SERIES_MAX: usize = 2_000_000;
/// Up to so many series are named to the store; beyond it all points of the metric are read.
const NAMED_MAX: usize = 20_000;

/// What tells the series of a query from those of another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GroupsQuery {
    pub tenant: TenantId,
    pub metric: Box<str>,
    pub filter: LabelFilter,
    pub group_by: GroupBy,
    /// First and last day, counted from the epoch.
    pub days: (i64, i64),
}

/// Where a series goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It does not pass the filter.
    Out,
    Group {
        number: usize,
        meaning: Meaning,
    },
}

/// Series of a metric by id. An id that is not there is of a series that came later.
#[derive(Debug, Default)]
pub struct SeriesGroups {
    places: HashMap<SeriesId, Place, ahash::RandomState>,
    /// Values of the labels to group by, by the number of the group.
    labels: Vec<Vec<Box<str>>>,
    passing: usize,
    cumulative: usize,
}

impl SeriesGroups {
    pub fn place(&self, series: SeriesId) -> Option<Place> {
        self.places.get(&series).copied()
    }

    pub fn labels(&self) -> &[Vec<Box<str>>] {
        &self.labels
    }

    /// The series to name to the store; absent if it is better to read all.
    pub fn named(&self) -> Option<Vec<SeriesId>> {
        let few = self.passing <= NAMED_MAX && self.passing * 2 < self.places.len();
        few.then(|| {
            let passing = self.places.iter().filter(|(_, place)| **place != Place::Out);
            passing.map(|(series, _)| *series).collect()
        })
    }

    /// Whether a series passes whose points are compared with those before.
    pub const fn any_cumulative(&self) -> bool {
        self.cumulative > 0
    }

    /// Whether every series passes, and there is one.
    pub fn all_pass(&self) -> bool {
        !self.is_empty() && self.passing == self.places.len()
    }

    /// Whether no series passes.
    pub const fn is_empty(&self) -> bool {
        self.passing == 0
    }

    /// What it holds in memory.
    pub fn bytes(&self) -> usize {
        let labels = self.labels.iter().flatten().map(|label| label.len() + 16).sum::<usize>();
        self.places.capacity() * (size_of::<(SeriesId, Place)>() + 1) + labels + self.labels.len() * 24
    }

    fn take(&mut self, rows: &Rows) -> Result<(), StoreError> {
        let mut numbers: HashMap<Vec<Box<str>>, usize> = HashMap::new();
        for batch in &rows.batches {
            let columns = Columns(batch);
            let (series, cumulative) = (columns.counts("series_id")?, columns.flags("is_cumulative")?);
            let (passes, labels) = (columns.flags("passes")?, columns.lists("labels")?);
            for at in 0..batch.num_rows() {
                let id = SeriesId(series.value(at));
                if !passes.value(at) {
                    self.places.insert(id, Place::Out);
                    continue;
                }
                let values = labels.value(at);
                let values: Vec<Box<str>> = values
                    .as_string_opt::<i32>()
                    .map(|texts| texts.iter().flatten().map(Box::from).collect())
                    .unwrap_or_default();
                let number = *numbers.entry(values).or_insert_with_key(|values| {
                    self.labels.push(values.clone());
                    self.labels.len() - 1
                });
                let meaning = if cumulative.value(at) { Meaning::Cumulative } else { Meaning::Own };
                self.places.insert(id, Place::Group { number, meaning });
                self.cumulative += usize::from(meaning == Meaning::Cumulative);
                self.passing += 1;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
impl SeriesGroups {
    /// Labels and series of each group.
    pub fn of_groups(groups: &[(Vec<Box<str>>, &[u64])], meaning: Meaning) -> Self {
        let mut all = Self::default();
        for (number, (labels, series)) in groups.iter().enumerate() {
            all.labels.push(labels.clone());
            let place = Place::Group { number, meaning };
            all.places.extend(series.iter().map(|series| (SeriesId(*series), place)));
            all.passing += series.len();
        }
        all
    }
}

/// A condition that names series, and its parameter; empty for all.
pub fn series_condition(series: Option<&[SeriesId]>) -> (&'static str, Option<Parameter>) {
    match series {
        None => ("", None),
        Some(series) => {
            let ids: Vec<u64> = series.iter().map(|series| series.0).collect();
            let condition = "AND series_id IN (SELECT arrayJoin({series:Array(UInt64)}))";
            (condition, Some(parameters::counts("series", &ids)))
        }
    }
}

impl ClickHouseReader {
    /// Looks the series of a metric up that lived within a range.
    pub(super) async fn series_groups(
        &self,
        query: &GroupsQuery,
        range: TimeRange,
    ) -> Result<SeriesGroups, ReadError> {
        let (filter, mut bound) = filter_sql(&query.filter);
        let (labels, named) = group_sql(&query.group_by);
        bound.extend(named);
        bound.extend([
            parameters::text("metric", &query.metric),
            parameters::number("start", range.start().nanos().max(0)),
            parameters::number("end", range.end().nanos()),
            parameters::number("rows_max", SERIES_MAX + 1),
        ]);
        let statement = SERIES_GROUPS.replace("{{filter}}", &filter).replace("{{labels}}", &labels);
        let rows = self.select(&query.tenant, statement, bound).await?;
        let taken = tokio::task::spawn_blocking(move || {
            let mut groups = SeriesGroups::default();
            groups.take(&rows).map(|()| groups)
        });
        let groups = taken.await.map_err(|_| ReadError::Unavailable)?.map_err(|error| failed(&error))?;
        if groups.places.len() > SERIES_MAX { Err(ReadError::TooLarge) } else { Ok(groups) }
    }
}
