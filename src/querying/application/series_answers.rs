//! What the store says about the series of metrics. The order of the fields is that of the arrays in `clickhouse/querying/`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::querying::domain::{ExemplarPlace, Number, TextPlace};
use crate::shared::{SeriesId, Timestamp};

use super::read_models::{Attributes, Page};

/// The instrumentation that a series comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
pub struct SeriesScope {
    pub name: String,
    pub version: String,
    pub attributes: Attributes,
}

/// One of the ways in which a metric was sent (`metric_metadata.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentAs {
    pub kind: String,
    /// `none` for kinds without one.
    pub temporality: String,
    pub monotonic: bool,
    pub unit: String,
    pub description: String,
    /// Names and versions; at most 100, sorted.
    pub scopes: Vec<(String, String)>,
    /// At most 100, sorted.
    pub services: Vec<String>,
    #[serde(deserialize_with = "moment")]
    pub first_seen: Timestamp,
    #[serde(deserialize_with = "moment")]
    pub last_seen: Timestamp,
    #[serde(deserialize_with = "quoted")]
    pub series: u64,
    /// Different names of attributes of points.
    #[serde(deserialize_with = "quoted")]
    pub attributes: u64,
    /// Different names of attributes of resources.
    #[serde(deserialize_with = "quoted")]
    pub resource_attributes: u64,
}

/// Newest first; at most [`SENT_AS_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    pub sent_as: Vec<SentAs>,
    pub rows_read: u64,
}

/// Most ways in which a metric was sent that are told.
pub const SENT_AS_MAX: usize = 100;

/// The name of a label, and how many series carry it (`metric_labels.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    pub name: String,
    #[serde(deserialize_with = "quoted")]
    pub series: u64,
    /// As an attribute of points.
    #[serde(deserialize_with = "quoted")]
    pub as_attribute: u64,
    /// As an attribute of their resource.
    #[serde(deserialize_with = "quoted")]
    pub of_resource: u64,
}

/// A value of a label, and how many series have it (`metric_label_values.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LabelValue {
    pub value: String,
    #[serde(deserialize_with = "quoted")]
    pub series: u64,
}

/// A series (`metric_series_page.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeriesRow {
    /// 16 hexadecimal digits.
    pub id: String,
    #[serde(rename(serialize = "type"))]
    pub kind: String,
    pub temporality: String,
    pub monotonic: bool,
    pub unit: String,
    pub service: String,
    pub attributes: Attributes,
    pub resource_attributes: Attributes,
    pub scope: SeriesScope,
    /// Time of its last point in the range.
    pub last_seen: String,
}

/// A name or value, and a count (`metric_cardinality.sql`, `label_cardinality.sql`, `service_cardinality.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Counted(pub String, #[serde(deserialize_with = "quoted")] pub u64);

/// A label of a metric (`label_cardinality.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LabelCardinality {
    pub name: String,
    /// Different ones.
    #[serde(deserialize_with = "quoted")]
    pub values: u64,
    /// That have it.
    #[serde(deserialize_with = "quoted")]
    pub series: u64,
    /// The values that the most series have, at most ten.
    pub top: Vec<Counted>,
}

/// A service that has series of a metric (`service_cardinality.sql`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ServiceCardinality {
    pub name: String,
    #[serde(deserialize_with = "quoted")]
    pub series: u64,
    /// Its labels with the most different values, at most ten.
    pub labels: Vec<Counted>,
}

/// Which metrics have the most series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cardinality {
    /// Those with the most first.
    pub metrics: Vec<Counted>,
    /// Also beyond the limit.
    pub metrics_total: u64,
    pub series_total: u64,
    pub rows_read: u64,
}

/// What makes the series of one metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricCardinality {
    /// Those with the most values first.
    pub labels: Vec<LabelCardinality>,
    /// Those with the most series first.
    pub services: Vec<ServiceCardinality>,
    /// Also beyond the limit.
    pub services_total: u64,
    pub series_total: u64,
    pub rows_read: u64,
}

/// A recorded measurement (`metric_exemplars.sql`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Exemplar {
    /// RFC 3339 with nanoseconds.
    pub time: String,
    pub is_integer: bool,
    /// The number as text, exact.
    pub number: String,
    /// Hexadecimal; empty if there is none.
    pub trace_id: String,
    pub span_id: String,
    /// What the attributes of its series do not say.
    pub attributes: Attributes,
    /// Of its series: 16 hexadecimal digits.
    pub series_id: String,
    pub service: String,
    pub series_attributes: Attributes,
    pub resource_attributes: Attributes,
    pub scope: SeriesScope,
}

impl Exemplar {
    /// Absent if the text is none, which the store does not write.
    pub fn value(&self) -> Option<Number> {
        if self.is_integer {
            self.number.parse().ok().map(Number::Integer)
        } else {
            self.number.parse().ok().map(Number::Double)
        }
    }
}

pub type LabelPage = Page<Label, TextPlace>;
pub type LabelValuePage = Page<LabelValue, TextPlace>;
pub type SeriesPage = Page<SeriesRow, SeriesId>;
pub type ExemplarPage = Page<Exemplar, ExemplarPlace>;

/// The store writes numbers of 64 bits in quotes.
fn quoted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = Cow::<str>::deserialize(deserializer)?;
    text.parse().map(Timestamp::from_nanos).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemplars_have_exact_integers_and_every_double() {
        let value = |is_integer, number: &str| {
            let row = serde_json::json!(["", is_integer, number, "", "", {}, "", "", {}, {}, ["", "", {}]]);
            serde_json::from_value::<Exemplar>(row).unwrap().value()
        };
        assert_eq!(value(true, "9007199254740993"), Some(Number::Integer(9_007_199_254_740_993)));
        assert_eq!(value(true, "-9223372036854775808"), Some(Number::Integer(i64::MIN)));
        assert_eq!(value(false, "0.1"), Some(Number::Double(0.1)));
        assert_eq!(value(false, "inf"), Some(Number::Double(f64::INFINITY)));
        assert!(value(false, "nan").is_some_and(|number| number.as_double().is_nan()));
        assert_eq!(value(true, "0.5"), None);
    }
}
