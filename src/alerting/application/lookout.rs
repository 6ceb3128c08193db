//! `Lookout`: the eyes of a node that evaluates no rules itself: which of its series the rules look at, and what came of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use dashmap::DashMap;
use parking_lot::RwLock;
use prometheus_client::metrics::counter::Counter;

use super::sighting::Sighting;
use crate::alerting::domain::interest::Interest;
use crate::alerting::domain::watched_points::watched_points;
use crate::shared::{
    DomainEvent, MetricsIngested, PastRecord, SeriesId, SeriesIdentity, SeriesWatch, TenantId, WatchEpoch,
    WatchId,
};

/// Most series that are looked at. One takes about a kilobyte.
pub const LOOKOUT_SERIES_MAX: usize = 500_000;

/// All series that somebody looks at have the same watch.
const LOOKED_AT: u32 = 1;

/// Remembers the series that the rules look at, by what was told of the rules last.
#[derive(Debug)]
pub struct Lookout {
    interest: RwLock<Arc<Interest>>,
    epoch: AtomicU32,
    series: DashMap<(TenantId, SeriesId), Known>,
    /// How often a series was not looked at because there were too many.
    refused: Counter,
}

#[derive(Debug)]
struct Known {
    identity: Arc<SeriesIdentity>,
    /// When it was asked for last.
    epoch: WatchEpoch,
}

impl Lookout {
    /// Nothing is looked at yet.
    pub fn beginning_at(epoch: WatchEpoch, refused: Counter) -> Self {
        Self {
            interest: RwLock::default(),
            epoch: AtomicU32::new(epoch.number()),
            series: DashMap::new(),
            refused,
        }
    }

    /// From here on this is what the rules look at: every series is asked for again with its next point.
    pub fn replace(&self, interest: Interest) {
        *self.interest.write() = Arc::new(interest);
        let begun = WatchEpoch::after(self.epoch.fetch_add(1, Ordering::Release) + 1);
        // What was on its way is of the epoch before.
        self.series.retain(|_, known| begun.since(known.epoch) <= 1);
    }

    /// What of an event the rules look at.
    pub fn sight(&self, event: &DomainEvent) -> Sighting {
        let interest = Arc::clone(&*self.interest.read());
        match event {
            DomainEvent::MetricsIngested(ingested) => self.sight_points(&interest, ingested),
            DomainEvent::LogsIngested(ingested) => {
                let of = ingested.columns.iter();
                records(of.map(|columns| (columns.tenant(), interest.logs(columns))))
            }
            DomainEvent::SpansIngested(ingested) => {
                let of = ingested.columns.iter();
                records(of.map(|columns| (columns.tenant(), interest.spans(columns))))
            }
            _ => Sighting::default(),
        }
    }

    fn sight_points(&self, interest: &Interest, ingested: &MetricsIngested) -> Sighting {
        let mut sighting = Sighting::default();
        let mut places: HashMap<(&TenantId, SeriesId), Option<usize>> = HashMap::new();
        for columns in &ingested.columns {
            let tenant = columns.tenant();
            for watched in watched_points(columns) {
                let place = *places.entry((tenant, watched.series)).or_insert_with(|| {
                    let known = self.series.get(&(tenant.clone(), watched.series))?;
                    sighting.series.push(interest.series(&known.identity)?);
                    Some(sighting.series.len() - 1)
                });
                sighting.points.extend(place.map(|place| (place, watched.point)));
            }
        }
        sighting
    }
}

fn records<'a>(found: impl Iterator<Item = (&'a TenantId, Vec<PastRecord>)>) -> Sighting {
    let of_tenant =
        found.flat_map(|(tenant, records)| records.into_iter().map(move |record| (tenant.clone(), record)));
    Sighting { records: of_tenant.collect(), ..Sighting::default() }
}

impl SeriesWatch for Lookout {
    fn watch(&self, series: &SeriesIdentity) -> WatchId {
        let epoch = self.epoch();
        let nobody = WatchId::none(epoch);
        if self.interest.read().series(series).is_none() {
            return nobody;
        }
        let key = (series.tenant.clone(), series.id);
        if self.series.len() >= LOOKOUT_SERIES_MAX && !self.series.contains_key(&key) {
            self.refused.inc();
            return nobody;
        }
        self.series.insert(key, Known { identity: Arc::new(series.clone()), epoch });
        WatchId::new(epoch, LOOKED_AT).unwrap_or(nobody)
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::after(self.epoch.load(Ordering::Acquire))
    }
}

#[cfg(test)]
mod tests;
