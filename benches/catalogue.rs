//! The series catalogue: hits in a thread's own cache, hits in the shared map, and misses, among few and many series.
#![allow(clippy::expect_used, reason = "a benchmark ends where something unexpected happens")]

mod shared;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Bencher, Criterion, Throughput};
use telemetryflow::shared::{SeriesId, Timestamp};
use telemetryflow::telemetry::Catalogue;
use telemetryflow::telemetry::stages::{NewSeries, SeriesLookup, WireKey};

/// Slots of a thread's cache; the lower bits of a key say which.
const SLOTS: u64 = 1 << 15;
/// Lookups in one iteration.
const LOOKUPS: u64 = 10_000;
/// Points of a request that brings nothing but new series.
const MISSES: usize = 1_000;

fn main() {
    let mut criterion = shared::criterion();
    for (name, known) in [("10,000 series", 10_000), ("1,000,000 series", 1_000_000)] {
        hits(&mut criterion, name, known);
        misses(&mut criterion, name, known);
    }
}

/// Series by number: the slot is chosen, the rest of the key is scattered as a hash's bits are.
fn key(number: u64, slot: u64) -> WireKey {
    let scattered = u128::from(number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    WireKey((scattered & !u128::from(SLOTS - 1)) | u128::from(slot % SLOTS))
}

/// As hashes fall: several series may share a slot.
fn hashed_key(number: u64) -> WireKey {
    key(number, number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32)
}

/// A catalogue that knows these series.
fn catalogue_of(keys: impl Iterator<Item = WireKey>) -> Arc<Catalogue> {
    let catalogue = shared::catalogue();
    let example = shared::take_in(&shared::body(1, 1, u64::MAX), &mut catalogue.reader()).new_series;
    let example = example.into_iter().next().expect("a series that nobody knew");
    let mut known: Vec<NewSeries> = Vec::new();
    for (number, key) in (1_u64..).zip(keys) {
        let mut series = example.clone();
        series.key = key;
        series.entry.id = SeriesId(number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        known.push(series);
        if known.len() == 10_000 {
            catalogue.rows_stored(&known);
            known.clear();
        }
    }
    catalogue.rows_stored(&known);
    catalogue
}

fn hits(criterion: &mut Criterion, name: &str, known: u64) {
    let mut group = criterion.benchmark_group(name);
    let others = || (LOOKUPS..known).map(hashed_key);
    let mut measure = |what: &str, asked: &[WireKey], catalogue: &Arc<Catalogue>| {
        group.throughput(Throughput::Elements(asked.len() as u64));
        group.bench_function(what, |bencher| look_up(bencher, catalogue, asked));
    };
    // Each has a slot of its own.
    let asked: Vec<_> = (0..LOOKUPS).map(|number| key(number, number)).collect();
    measure("hit, thread's cache", &asked, &catalogue_of(asked.iter().copied().chain(others())));
    // Two share each slot in turn, so that the one before is always gone.
    let asked: Vec<_> = (0..LOOKUPS).map(|number| key(number, number % (LOOKUPS / 2))).collect();
    measure("hit, shared map", &asked, &catalogue_of(asked.iter().copied().chain(others())));
    // All series in turn, wherever their hashes put them.
    let asked: Vec<_> = (0..known).map(hashed_key).collect();
    measure("hit, all in turn", &asked, &catalogue_of(asked.iter().copied()));
    group.finish();
}

fn look_up(bencher: &mut Bencher<'_>, catalogue: &Arc<Catalogue>, asked: &[WireKey]) {
    let mut reader = catalogue.reader();
    reader.begin_request();
    let day = Timestamp::from_unix_nanos(shared::NOW).expect("a time of this century").day();
    assert!(asked.iter().all(|key| reader.find(*key, day).is_some()));
    bencher.iter(|| {
        for key in asked {
            black_box(reader.find(*key, day));
        }
    });
}

/// Walk, decode the identity, admit, and note the row as stored: all that a new series costs, but for its row.
fn misses(criterion: &mut Criterion, name: &str, known: u64) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(MISSES as u64)).sample_size(10);
    let mut grown = Grown::new(known);
    group.bench_function("miss", |bencher| {
        bencher.iter_custom(|iterations| (0..iterations).map(|_| grown.miss()).sum());
    });
    group.finish();
}

/// A catalogue that grows with every miss, and starts anew when a tenth was added.
struct Grown {
    known: u64,
    added: u64,
    catalogue: Arc<Catalogue>,
}

impl Grown {
    fn new(known: u64) -> Self {
        Self { known, added: 0, catalogue: catalogue_of((0..known).map(hashed_key)) }
    }

    fn miss(&mut self) -> Duration {
        if self.added * 10 >= self.known {
            *self = Self::new(self.known);
        }
        let body = shared::body(MISSES, 20, self.added);
        self.added += MISSES as u64;
        let mut reader = self.catalogue.reader();
        let begun = Instant::now();
        let decoded = shared::take_in(&body, &mut reader);
        self.catalogue.rows_stored(&decoded.new_series);
        let taken = begun.elapsed();
        assert_eq!(decoded.new_series.len(), MISSES);
        taken
    }
}
