//! What the catalogue promises, with a clock that the test turns.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU32};

use proptest::prelude::*;

use super::*;
use crate::shared::{MetricKind, Timestamp};

#[derive(Debug, Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// Watches every series, and counts how often the rules have changed.
#[derive(Default)]
struct WatchAll(AtomicU32);

impl SeriesWatch for WatchAll {
    fn watch(&self, series: &SeriesIdentity) -> WatchId {
        watch_of(series.id.0, self.0.load(Ordering::SeqCst))
    }

    fn epoch(&self) -> WatchEpoch {
        WatchEpoch::after(self.0.load(Ordering::SeqCst))
    }
}

fn watch_of(series: u64, changes: u32) -> WatchId {
    WatchId::new(WatchEpoch::after(changes), u32::try_from(series).unwrap() + 100).unwrap()
}

fn identity(id: u64) -> SeriesIdentity {
    SeriesIdentity {
        id: SeriesId(id),
        tenant: TenantId::unnamed(),
        metric: "m".into(),
        unit: "".into(),
        description: "".into(),
        metadata: Arc::default(),
        kind: MetricKind::Gauge,
        resource: Arc::default(),
        scope: Arc::default(),
        attributes: Vec::new(),
    }
}

fn catalogue(series_max: usize) -> (Arc<Catalogue>, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let limits = CatalogueLimits { series_max_per_tenant: series_max, idle_max: Duration::from_secs(7_200) };
    (Catalogue::new(limits, Arc::<WatchAll>::default(), Arc::clone(&clock) as Arc<dyn Clock>), clock)
}

fn admit(reader: &mut CatalogueReader, key: u128, id: u64, day: i64) -> Result<Standing, SeriesLimitReached> {
    reader.admit(WireKey(key), &identity(id), day, 0).map(|admission| admission.standing)
}

fn learn(reader: &mut CatalogueReader, key: u128, id: u64, day: i64) {
    let identity = identity(id);
    let Admission { entry, .. } = reader.admit(WireKey(key), &identity, day, 0).unwrap();
    reader.catalogue.rows_stored(&[NewSeries { key: WireKey(key), entry, identity, day, seen: 0 }]);
}

#[test]
fn a_series_is_known_on_the_days_for_which_its_row_was_stored_and_not_before() {
    let (catalogue, _clock) = catalogue(10);
    let mut reader = catalogue.reader();
    assert_eq!(reader.find(WireKey(7), 20_000), None);
    assert_eq!(admit(&mut reader, 7, 1, 20_000), Ok(Standing::New));
    assert_eq!(reader.find(WireKey(7), 20_000), None, "admitted is not yet stored");
    learn(&mut reader, 7, 1, 20_000);
    let entry = SeriesEntry { id: SeriesId(1), watch: watch_of(1, 0) };
    assert_eq!(reader.find(WireKey(7), 20_000), Some(entry));
    assert_eq!(reader.find(WireKey(7), 20_001), None, "a new day needs a new row");
    assert_eq!(catalogue.reader().find(WireKey(7), 20_000), Some(entry), "all threads know it");
}

#[test]
fn when_the_rules_change_each_series_is_asked_for_again_and_not_stored_again() {
    let (clock, watch) = (Arc::<TestClock>::default(), Arc::<WatchAll>::default());
    let limits = CatalogueLimits { series_max_per_tenant: 10, idle_max: Duration::from_secs(7_200) };
    let catalogue = Catalogue::new(limits, Arc::clone(&watch) as Arc<dyn SeriesWatch>, clock);
    let mut reader = catalogue.reader();
    learn(&mut reader, 7, 1, 5);
    assert!(reader.find(WireKey(7), 5).is_some());
    watch.0.store(1, Ordering::SeqCst);
    reader.begin_request();
    assert_eq!(reader.find(WireKey(7), 5), None);
    let again = reader.admit(WireKey(7), &identity(1), 5, 0).unwrap();
    assert_eq!((again.standing, again.entry.watch), (Standing::Written, watch_of(1, 1)));
    assert_eq!(reader.find(WireKey(7), 5), Some(again.entry));
    assert_eq!(catalogue.len(), 1);
}

#[test]
fn several_wire_forms_meet_in_one_series_which_counts_once() {
    let (catalogue, _clock) = catalogue(1);
    let mut reader = catalogue.reader();
    learn(&mut reader, 7, 1, 5);
    learn(&mut reader, 8, 1, 5);
    assert_eq!(reader.find(WireKey(7), 5), reader.find(WireKey(8), 5));
    assert_eq!(catalogue.len(), 1);
    assert_eq!(admit(&mut reader, 9, 2, 5), Err(SeriesLimitReached));
}

#[test]
fn the_limit_counts_what_the_same_request_brings() {
    let (catalogue, _clock) = catalogue(3);
    let mut reader = catalogue.reader();
    learn(&mut reader, 7, 1, 5);
    assert!(reader.admit(WireKey(8), &identity(2), 5, 1).is_ok());
    assert_eq!(reader.admit(WireKey(9), &identity(3), 5, 2), Err(SeriesLimitReached));
    let known_on_another_day = reader.admit(WireKey(7), &identity(1), 6, 2).unwrap();
    assert_eq!(known_on_another_day.standing, Standing::Known);
}

#[test]
fn idle_series_are_forgotten_and_make_room_while_living_ones_stay() {
    let (catalogue, clock) = catalogue(2);
    let mut reader = catalogue.reader();
    learn(&mut reader, 7, 1, 0);
    learn(&mut reader, 8, 2, 0);
    for hour in 1..=4 {
        clock.0.store(hour * NANOS_PER_HOUR, Ordering::SeqCst);
        reader.begin_request();
        assert!(reader.find(WireKey(7), 0).is_some());
        catalogue.evict_idle();
    }
    assert_eq!(reader.find(WireKey(8), 0), None);
    assert_eq!(catalogue.len(), 1);
    assert_eq!(admit(&mut reader, 9, 3, 0), Ok(Standing::New));
}

#[test]
fn a_further_wire_form_of_a_stored_series_needs_no_row_and_only_so_many_are_remembered() {
    let (catalogue, _clock) = catalogue(1);
    let mut reader = catalogue.reader();
    learn(&mut reader, 7, 1, 5);
    for form in 100..200 {
        assert_eq!(admit(&mut reader, form, 1, 5), Ok(Standing::Written));
    }
    let remembered = (100..200).filter(|form| reader.find(WireKey(*form), 5).is_some()).count();
    assert_eq!(remembered, usize::from(WIRE_FORMS_MAX) - 1);
    assert!(reader.find(WireKey(7), 5).is_some());
}

proptest! {
    /// Guarantees: the catalogue never claims a day whose row was not written; it may forget old days.
    #[test]
    fn written_days_agree_with_a_set(days in proptest::collection::vec(0_i64..60, 1..40)) {
        let (mut written, mut model) = (WrittenDays::default(), BTreeSet::new());
        for day in days {
            written.add(day);
            model.insert(day);
            let latest = *model.last().unwrap();
            for asked in 0..60 {
                let remembered = asked > latest - i64::from(DAYS_REMEMBERED);
                prop_assert!(!written.holds(asked) || model.contains(&asked), "claims {asked}");
                // A day that arrives when it is already too old is not remembered later either.
                if asked == day && remembered {
                    prop_assert!(written.holds(asked), "forgot {asked}");
                }
            }
        }
    }
}

#[test]
fn a_series_of_another_tenant_with_the_same_id_gains_nothing() {
    let (catalogue, _) = catalogue(10);
    let mut reader = catalogue.reader();
    learn(&mut reader, 1, 7, 3);
    let foreign = SeriesIdentity { tenant: TenantId::parse("other").unwrap(), ..identity(7) };
    let admitted = reader.admit(WireKey(2), &foreign, 3, 0).unwrap();
    assert_eq!(admitted.standing, Standing::New, "its row has to be written");
    let new = NewSeries { key: WireKey(2), entry: admitted.entry, identity: foreign, day: 3, seen: 0 };
    catalogue.rows_stored(&[new]);
    assert_eq!(reader.find(WireKey(2), 3), None);
    assert!(reader.find(WireKey(1), 3).is_some());
}
