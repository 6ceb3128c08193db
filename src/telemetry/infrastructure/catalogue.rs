//! The series catalogue: from the hash of a series' wire form to its id, shared by all decode threads, with a small
//! cache of each thread in front.
//!
//! It holds no text. What a series is stands in `metric_series`; a series that was evicted, or all of them after a
//! restart, come back with their next point, whose row the table merges with the one before.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dashmap::DashMap;

use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{Clock, SeriesId, SeriesIdentity, SeriesWatch, TenantId, WatchEpoch, WatchId};
use crate::telemetry::application::{
    Admission, NewSeries, SeriesEntry, SeriesLimitReached, SeriesLookup, Standing, WireKey,
};

/// Slots of each thread's cache; 32 bytes each, so that it stays within a core's own cache.
const READER_SLOTS: usize = 1 << 15;
/// Days before the latest one for which the catalogue remembers that a row was written.
const DAYS_REMEMBERED: u16 = 16;

/// Bounds on what the catalogue holds.
#[derive(Debug, Clone, Copy)]
pub struct CatalogueLimits {
    pub series_max_per_tenant: usize,
    /// A series without points for this long is forgotten.
    pub idle_max: Duration,
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    #[expect(clippy::cast_possible_truncation, reason = "half of a good hash is a good hash")]
    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

type HashKeyed<K, V> = DashMap<K, V, BuildHasherDefault<PassThrough>>;

/// One wire form of a series, with all that a point needs to know of it: points of many series wait for memory, and each
/// entry that is looked at is a wait.
#[derive(Debug, Clone, Copy)]
struct WireForm {
    entry: SeriesEntry,
    seen_hour: u32,
    days: WrittenDays,
}

#[derive(Debug)]
struct KnownSeries {
    watch: WatchId,
    /// As of the last commit or eviction; in between the wire forms know better.
    seen_hour: u32,
    days: WrittenDays,
    wire_forms: u8,
    tenant: Arc<AtomicUsize>,
}

/// Wire forms of one series that are remembered. A sender that orders its attributes by chance makes a few; one that makes
/// more pays by having each of its points decoded.
const WIRE_FORMS_MAX: u8 = 16;

/// Days for which a series' row is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct WrittenDays {
    latest: u16,
    /// Bit n: the day n before the latest.
    before: u16,
}

impl WrittenDays {
    fn holds(self, day: i64) -> bool {
        let Some(age) = u16::try_from(day).ok().and_then(|day| self.latest.checked_sub(day)) else {
            return false;
        };
        age < DAYS_REMEMBERED && self.before & (1 << age) != 0
    }

    fn add(&mut self, day: i64) {
        let Ok(day) = u16::try_from(day) else { return };
        match self.latest.checked_sub(day) {
            Some(age) if age < DAYS_REMEMBERED => self.before |= 1 << age,
            Some(_) => {}
            None => {
                let shift = u32::from(day - self.latest);
                self.before = self.before.checked_shl(shift).unwrap_or_default() | 1;
                self.latest = day;
            }
        }
    }
}

/// Shared by all threads.
#[derive(Debug)]
pub struct Catalogue {
    wire_forms: HashKeyed<u128, WireForm>,
    series: HashKeyed<u64, KnownSeries>,
    tenants: DashMap<TenantId, Arc<AtomicUsize>>,
    watch: Watcher,
    clock: ClockHandle,
    limits: CatalogueLimits,
}

struct Watcher(Arc<dyn SeriesWatch>);
struct ClockHandle(Arc<dyn Clock>);

impl std::fmt::Debug for Watcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SeriesWatch")
    }
}

impl std::fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Catalogue {
    pub fn new(limits: CatalogueLimits, watch: Arc<dyn SeriesWatch>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            wire_forms: DashMap::default(),
            series: DashMap::default(),
            tenants: DashMap::new(),
            watch: Watcher(watch),
            clock: ClockHandle(clock),
            limits,
        })
    }

    /// A view for one thread.
    pub fn reader(self: &Arc<Self>) -> CatalogueReader {
        self.reader_with_limit(self.limits.series_max_per_tenant)
    }

    /// A view for a thread that reads requests again: whether a tenant may have their series was decided before.
    pub fn replay_reader(self: &Arc<Self>) -> CatalogueReader {
        self.reader_with_limit(usize::MAX)
    }

    fn reader_with_limit(self: &Arc<Self>, series_max: usize) -> CatalogueReader {
        let slots = vec![Slot::EMPTY; READER_SLOTS];
        let epoch = self.watch.0.epoch();
        CatalogueReader { catalogue: Arc::clone(self), slots, hour: 0, epoch, series_max }
    }

    /// Series that are known just now.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Forgets series that had no point for longer than the limit. To be called once an hour or so.
    pub fn evict_idle(&self) {
        let idle_hours = u32::try_from(self.limits.idle_max.as_secs() / 3_600).unwrap_or(u32::MAX).max(1);
        let oldest = self.hour().saturating_sub(idle_hours);
        self.wire_forms.retain(|_, form| {
            let stays = form.seen_hour >= oldest;
            if let Some(mut known) = self.series.get_mut(&form.entry.id.0) {
                known.seen_hour = known.seen_hour.max(form.seen_hour);
                known.wire_forms = known.wire_forms.saturating_sub(u8::from(!stays));
            }
            stays
        });
        self.series.retain(|_, known| {
            let stays = known.seen_hour >= oldest;
            if !stays {
                known.tenant.fetch_sub(1, Ordering::Relaxed);
            }
            stays
        });
    }

    fn hour(&self) -> u32 {
        u32::try_from(self.clock.0.now().nanos() / NANOS_PER_HOUR).unwrap_or_default()
    }

    fn find(&self, key: WireKey, day: i64, hour: u32) -> Option<SeriesEntry> {
        let mut form = self.wire_forms.get_mut(&key.0)?;
        form.seen_hour = hour;
        let is_current = form.entry.watch.epoch() == self.watch.0.epoch();
        (is_current && form.days.holds(day)).then_some(form.entry)
    }

    fn tenant(&self, tenant: &TenantId) -> Arc<AtomicUsize> {
        if let Some(count) = self.tenants.get(tenant) {
            return Arc::clone(&count);
        }
        Arc::clone(&self.tenants.entry(tenant.clone()).or_default())
    }

    fn admit(
        &self,
        key: WireKey,
        identity: &SeriesIdentity,
        day: i64,
        room: usize,
    ) -> Result<Admission, SeriesLimitReached> {
        let tenant = self.tenant(&identity.tenant);
        // Ids are hashes that a sender may make collide with those of another tenant, which has to gain it nothing.
        let known = self.series.get_mut(&identity.id.0).filter(|known| Arc::ptr_eq(&known.tenant, &tenant));
        let known = known.map(|mut known| {
            if known.watch.epoch() != self.watch.0.epoch() {
                known.watch = self.watch.0.watch(identity);
            }
            (known.watch, known.days.holds(day))
        });
        if let Some((watch, written)) = known {
            let entry = SeriesEntry { id: identity.id, watch };
            if written {
                self.remember(key, entry, day);
            }
            let standing = if written { Standing::Written } else { Standing::Known };
            return Ok(Admission { entry, standing });
        }
        let count = tenant.load(Ordering::Relaxed);
        if count >= room {
            return Err(SeriesLimitReached);
        }
        let entry = SeriesEntry { id: identity.id, watch: self.watch.0.watch(identity) };
        Ok(Admission { entry, standing: Standing::New })
    }

    /// To be called once the rows of these series are in the store, and not before: whoever finds a series here writes no
    /// row for it.
    pub fn rows_stored(&self, series: &[NewSeries]) {
        let hour = self.hour();
        for NewSeries { key, entry, identity, day, .. } in series {
            let tenant = self.tenant(&identity.tenant);
            let mut known = self.series.entry(entry.id.0).or_insert_with(|| {
                tenant.fetch_add(1, Ordering::Relaxed);
                KnownSeries {
                    watch: entry.watch,
                    seen_hour: hour,
                    days: WrittenDays::default(),
                    wire_forms: 0,
                    tenant: Arc::clone(&tenant),
                }
            });
            if !Arc::ptr_eq(&known.tenant, &tenant) {
                continue;
            }
            known.seen_hour = hour;
            known.days.add(*day);
            drop(known);
            self.remember(*key, *entry, *day);
        }
    }

    /// Notes a wire form of a series whose row for the day is stored. Locks one entry at a time: whoever holds a series' entry
    /// must not wait for a wire form's, since eviction does it the other way round.
    fn remember(&self, key: WireKey, entry: SeriesEntry, day: i64) {
        let hour = self.hour();
        if let Some(mut form) = self.wire_forms.get_mut(&key.0) {
            form.entry = entry;
            form.days.add(day);
            form.seen_hour = hour;
            return;
        }
        let has_room = self.series.get_mut(&entry.id.0).is_some_and(|mut known| {
            let has_room = known.wire_forms < WIRE_FORMS_MAX;
            known.wire_forms += u8::from(has_room);
            has_room
        });
        if has_room {
            let mut days = WrittenDays::default();
            days.add(day);
            self.wire_forms.insert(key.0, WireForm { entry, seen_hour: hour, days });
        }
    }
}

/// One thread's view: a direct-mapped cache in front of the shared catalogue.
///
/// A slot is trusted for the hour in which it was filled. So the catalogue learns once an hour that a series lives, and
/// what it forgot comes back within the hour.
#[derive(Debug)]
pub struct CatalogueReader {
    catalogue: Arc<Catalogue>,
    slots: Vec<Slot>,
    hour: u32,
    epoch: WatchEpoch,
    series_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: WireKey,
    id: SeriesId,
    watch: WatchId,
    day: u16,
    /// Lower half of the hour: enough to tell this hour from the ones before.
    hour: u16,
}

impl Slot {
    const EMPTY: Self =
        Self { key: WireKey(0), id: SeriesId(0), watch: WatchId::NONE, day: u16::MAX, hour: 0 };
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
const fn low_half(hour: u32) -> u16 {
    hour as u16
}

impl SeriesLookup for CatalogueReader {
    fn begin_request(&mut self) {
        self.hour = self.catalogue.hour();
        self.epoch = self.catalogue.watch.0.epoch();
    }

    #[inline]
    fn find(&mut self, key: WireKey, day: i64) -> Option<SeriesEntry> {
        let at = key.0 as usize % READER_SLOTS;
        let hour = low_half(self.hour);
        let slot = self.slots.get_mut(at)?;
        let is_current = slot.hour == hour && slot.watch.epoch() == self.epoch;
        if slot.key == key && i64::from(slot.day) == day && is_current {
            return Some(SeriesEntry { id: slot.id, watch: slot.watch });
        }
        let entry = self.catalogue.find(key, day, self.hour)?;
        if let Ok(day) = u16::try_from(day) {
            *slot = Slot { key, id: entry.id, watch: entry.watch, day, hour };
        }
        Some(entry)
    }

    fn admit(
        &mut self,
        key: WireKey,
        identity: &SeriesIdentity,
        day: i64,
        staged: usize,
    ) -> Result<Admission, SeriesLimitReached> {
        self.catalogue.admit(key, identity, day, self.series_max.saturating_sub(staged))
    }
}

#[cfg(test)]
mod tests;
