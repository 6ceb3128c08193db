//! `Sighting`: what a node took in of what the rules look at, for the node that evaluates them.

use std::collections::HashMap;
use std::mem;

use crate::shared::{PastPoint, PastRecord, PastValue, SeriesIdentity, TenantId};

/// What a point or a record takes on its way, beside its texts. About, in bytes.
const ITEM_BYTES: usize = 48;
/// What a distribution takes: 160 buckets, as SDKs send them.
const DISTRIBUTION_BYTES: usize = 1_600;

/// Points and records that became visible in the store together.
#[derive(Debug, Clone, Default)]
pub struct Sighting {
    pub series: Vec<SeriesIdentity>,
    /// Each with the place of its series in [`Self::series`].
    pub points: Vec<(usize, PastPoint)>,
    pub records: Vec<(TenantId, PastRecord)>,
}

impl Sighting {
    pub fn is_empty(&self) -> bool {
        self.points.is_empty() && self.records.is_empty()
    }

    pub fn len(&self) -> usize {
        self.points.len() + self.records.len()
    }

    /// Points with their series.
    pub fn points(&self) -> impl Iterator<Item = (&SeriesIdentity, PastPoint)> {
        let of_series = |(at, point): &(usize, PastPoint)| Some((self.series.get(*at)?, point.clone()));
        self.points.iter().filter_map(of_series)
    }

    /// The same in parts of about so many bytes on their way; at least one.
    pub fn parts(self, bytes: usize) -> Vec<Self> {
        let mut parts = Parts { bytes_max: bytes, ..Parts::default() };
        for (at, point) in self.points {
            if let Some(series) = self.series.get(at) {
                parts.point(at, series, point);
            }
        }
        for (tenant, record) in self.records {
            parts.record(tenant, record);
        }
        parts.done.push(parts.open);
        parts.done
    }
}

#[derive(Default)]
struct Parts {
    bytes_max: usize,
    done: Vec<Sighting>,
    open: Sighting,
    bytes: usize,
    /// By their places in the whole: the places of series in the open part.
    places: HashMap<usize, usize>,
}

impl Parts {
    fn point(&mut self, at: usize, series: &SeriesIdentity, point: PastPoint) {
        self.make_room();
        let open = &mut self.open;
        let place = *self.places.entry(at).or_insert_with(|| {
            self.bytes += ITEM_BYTES + series.text_bytes();
            open.series.push(series.clone());
            open.series.len() - 1
        });
        self.bytes += match point.value {
            PastValue::Number(_) => ITEM_BYTES,
            PastValue::Observed { .. } => DISTRIBUTION_BYTES,
        };
        open.points.push((place, point));
    }

    fn record(&mut self, tenant: TenantId, record: PastRecord) {
        self.make_room();
        let texts: usize = record.labels.iter().map(|(name, value)| name.len() + value.len() + 8).sum();
        self.bytes += ITEM_BYTES + tenant.as_str().len() + texts;
        self.open.records.push((tenant, record));
    }

    fn make_room(&mut self) {
        if self.bytes >= self.bytes_max {
            self.done.push(mem::take(&mut self.open));
            self.places.clear();
            self.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests;
