//! What the checks of the three walkers have in common: each body is taken in twice, with all the memory that it wants and
//! with very little.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use telemetryflow::platform::http::ByteBudget;
use telemetryflow::shared::{MapColumn, OriginColumns, TextColumn, Timestamp};
use telemetryflow::telemetry::stages::{AcceptanceWindow, AttributeLimits, Meter, WalkError, WireError};

/// The time of receipt: 2026-11-18, in nanoseconds since the epoch.
pub const NOW: u64 = 1_795_000_000_000_000_000;

/// Enough for a few items, and too little for many.
const TIGHT_BYTES: usize = 16 * 1_024;

/// Vectors begin with a few places that nobody paid for: so much, for all of a request.
const UNPAID_BYTES: usize = 8 * 1_024;

/// Few and short, so that small bodies meet the limits.
pub const LIMITS: AttributeLimits = AttributeLimits { count_max: 4, key_bytes_max: 16, value_bytes_max: 64 };

pub fn now() -> Timestamp {
    Timestamp::from_unix_nanos(NOW).expect("before 2100")
}

/// Every time from 1970 to 2100 is acceptable.
pub fn window() -> AcceptanceWindow {
    AcceptanceWindow::around(Timestamp::EPOCH, None, None)
}

/// A time that can be stored.
pub fn in_time(nanos: u64) -> Option<i64> {
    Timestamp::from_unix_nanos(nanos).map(Timestamp::nanos)
}

/// Takes a body in both ways. `held` tells how much of memory the result holds, `seen` what is in it. Gives the result of
/// unlimited memory.
pub fn take_in_twice<T>(
    mut take_in: impl FnMut(&mut Meter<'_>) -> Result<T, WalkError>,
    held: impl Fn(&T) -> usize,
    seen: impl Fn(&T) -> String,
) -> Result<T, WireError> {
    let mut meter = Meter::unlimited();
    let free = take_in(&mut meter);
    if let Ok(taken) = &free {
        let (held, paid) = (held(taken), meter.used());
        assert!(held <= paid + UNPAID_BYTES, "holds {held} bytes and paid for {paid}");
    }
    let budget = ByteBudget::new(TIGHT_BYTES);
    let mut share = budget.try_reserve(0).expect("nothing is always there");
    let tight = take_in(&mut Meter::new(&mut share));
    assert!(budget.used() <= budget.bytes_max());
    drop(share);
    assert_eq!(budget.used(), 0);
    match (&free, &tight) {
        (Ok(free), Ok(tight)) => assert_eq!(seen(free), seen(tight)),
        (_, Err(WalkError::Meter(_))) => {}
        (free, tight) => assert_eq!(free.as_ref().err(), tight.as_ref().err()),
    }
    free.map_err(|error| match error {
        WalkError::Wire(error) => error,
        WalkError::Meter(error) => panic!("short bodies are not too much: {error}"),
    })
}

/// Prost skips groups, which no OTLP message has. Everything else that it reads is readable.
pub fn is_a_group(error: WireError) -> bool {
    error == WireError::WireType
}

/// A text that was cut, if it is too long.
pub fn assert_text(ours: Option<&str>, sent: &str, bytes_max: usize) {
    let ours = ours.expect("a row has a text");
    if sent.len() <= bytes_max {
        assert_eq!(ours, sent);
    } else {
        assert!(sent.starts_with(ours) && ours.len() + 3 >= bytes_max);
    }
}

pub fn assert_texts(column: &TextColumn, rows: usize) {
    assert_eq!(column.len(), rows);
    assert_eq!(column.iter().count(), rows, "a text is not cut within a character");
    assert_eq!(column.end_of(rows), column.text().len(), "nothing is left open");
}

pub fn assert_maps(column: &MapColumn, rows: usize) {
    assert_eq!(column.len(), rows);
    assert_texts(column.values(), column.codes().len());
    assert_eq!(column.row_ends().last().copied().unwrap_or_default(), column.codes().len());
    for row in 0..rows {
        let keys: Vec<&str> = column.row(row).map(|(key, _)| key).collect();
        let entries = column.row_ends()[row] - column.entries_before(row);
        assert_eq!(keys.len(), entries, "every entry has a key");
        assert!(entries <= LIMITS.count_max + 1, "one more at most, which is service.name");
        let mut unique = keys;
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), entries, "a key stands once in a row");
    }
}

pub fn assert_origins(origins: &OriginColumns, named: impl Iterator<Item = u32>) {
    let (resources, scopes) = (&origins.resources, &origins.scopes);
    assert_eq!(scopes.len(), origins.len());
    for number in named {
        assert!((number as usize) < origins.len());
        assert!(origins.resource_of(number) < resources.len());
    }
    assert_maps(&resources.attributes, resources.len());
    assert_maps(&scopes.attributes, scopes.len());
    assert_texts(&resources.services, resources.len());
    assert_texts(&resources.schema_urls, resources.len());
    assert_eq!(resources.dropped_attributes.len(), resources.len());
    for column in [&scopes.names, &scopes.versions, &scopes.schema_urls] {
        assert_texts(column, scopes.len());
    }
    assert_eq!(scopes.dropped_attributes.len(), scopes.len());
}

/// The attributes of a row: those that were sent, as far as the limits allow, and the count of the others.
pub fn assert_attributes(column: &MapColumn, row: usize, dropped: u32, sent: &[KeyValue], sent_dropped: u32) {
    let mut kept: BTreeMap<&str, &KeyValue> = BTreeMap::new();
    let mut expected = sent_dropped;
    for attribute in sent {
        let key = &*attribute.key;
        let is_room = kept.len() < LIMITS.count_max || kept.contains_key(key) || key == "service.name";
        if key.is_empty() || !is_room {
            expected = expected.saturating_add(1);
        } else {
            kept.insert(&key[..key.floor_char_boundary(LIMITS.key_bytes_max)], attribute);
        }
    }
    assert_eq!(dropped, expected);
    let ours: BTreeMap<&str, &str> = column.row(row).collect();
    assert!(ours.keys().eq(kept.keys()), "{ours:?} of {sent:?}");
    for (attribute, text) in kept.values().zip(ours.into_values()) {
        let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
        // A value that is sent in pieces is merged by prost, and its last piece counts with us: that may be empty.
        match value {
            _ if text.is_empty() => {}
            Some(Value::StringValue(sent)) => assert_text(Some(text), sent, LIMITS.value_bytes_max),
            Some(Value::IntValue(sent)) => assert_eq!(text, sent.to_string()),
            Some(Value::BoolValue(sent)) => assert_eq!(text, sent.to_string()),
            _ => {}
        }
    }
}
