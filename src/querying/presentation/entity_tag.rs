//! `EntityTag`: by what a client knows that an answer says nothing new (RFC 9110, section 8.8.3).

use std::hash::{Hash, Hasher};

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use xxhash_rust::xxh3::Xxh3Default;

use crate::querying::application::{TimeSeries, TimeSeriesQuery};
use crate::querying::domain::{Number, Values};

use super::formats::Format;

/// A hash of all that an answer says but how it came about. Weak: the bytes tell of the time it took, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag(String);

impl EntityTag {
    pub fn of(query: &TimeSeriesQuery, format: Format, answer: &TimeSeries) -> Self {
        let mut hasher = Xxh3Default::new();
        (format, query.aggregation, query.buckets.interval, query.buckets.range).hash(&mut hasher);
        (&query.buckets.metric, &query.buckets.group_by, answer.series_total).hash(&mut hasher);
        (&answer.description.kind, &answer.description.unit, &answer.description.description)
            .hash(&mut hasher);
        (answer.partial.first, answer.partial.last, query.ranking.skip).hash(&mut hasher);
        for points in &answer.series {
            points.labels.hash(&mut hasher);
            hash_values(&points.values, &mut hasher);
        }
        Self(format!("W/\"{:016x}\"", hasher.finish()))
    }

    /// Whether the client has this answer already.
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        tags.flat_map(|tags| tags.split(',')).map(str::trim).any(|tag| tag == self.0 || tag == "*")
    }

    pub fn on(&self, mut response: Response) -> Response {
        if let Ok(value) = HeaderValue::try_from(self.0.as_str()) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

fn hash_values(values: &Values, hasher: &mut Xxh3Default) {
    match values {
        Values::Numbers(values) => {
            for value in values {
                match value {
                    None => 0_u8.hash(hasher),
                    Some(Number::Double(double)) => (1_u8, double.to_bits()).hash(hasher),
                    Some(Number::Integer(integer)) => (2_u8, integer).hash(hasher),
                }
            }
        }
        Values::HeatMap(map) => {
            for (low, high) in &map.cells {
                (low.to_bits(), high.to_bits()).hash(hasher);
            }
            map.counts.hash(hasher);
        }
    }
}
