//! The walker and its rules: against prost on random requests, and case by case.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};
use prost::Message;

use super::*;
use crate::shared::{SeriesIdentity, TenantId, Timestamp, WatchId};
use crate::telemetry::application::{
    Admission, NewSeries, SeriesEntry, SeriesLimitReached, SeriesLookup, Standing, WireKey,
};
use crate::telemetry::domain::AcceptanceWindow;
use crate::telemetry::presentation::otlp::meter::Meter;
use crate::telemetry::presentation::otlp::walk_error::WalkError;

mod against_prost;
mod cases;
#[path = "../../../../../tests/support/every_kind.rs"]
mod every_kind;
mod kinds;

/// A catalogue that remembers what it is told.
#[derive(Debug, Default)]
struct Remembering(BTreeMap<(u128, i64), SeriesEntry>);

impl Remembering {
    fn learn(&mut self, series: &[NewSeries]) {
        self.0.extend(series.iter().map(|new| ((new.key.0, new.day), new.entry)));
    }
}

impl SeriesLookup for Remembering {
    fn begin_request(&mut self) {}

    fn find(&mut self, key: WireKey, day: i64) -> Option<SeriesEntry> {
        self.0.get(&(key.0, day)).copied()
    }

    fn admit(
        &mut self,
        _key: WireKey,
        identity: &SeriesIdentity,
        _day: i64,
        _staged: usize,
    ) -> Result<Admission, SeriesLimitReached> {
        let entry = SeriesEntry { id: identity.id, watch: WatchId::NONE };
        Ok(Admission { entry, standing: Standing::New })
    }
}

const NOW: u64 = 1_795_000_000_000_000_000;

fn intake(bytes: &[u8], catalogue: &mut Remembering) -> Result<DecodedMetrics, WalkError> {
    let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
    let mut meter = Meter::unlimited();
    let mut intake = MetricsIntake::new(TenantId::unnamed(), window, keys::KeySeed(7), &mut meter, catalogue);
    walk(bytes, &mut intake)?;
    Ok(intake.finish())
}

fn decode(request: &ExportMetricsServiceRequest) -> DecodedMetrics {
    intake(&request.encode_to_vec(), &mut Remembering::default()).unwrap()
}

fn key_value(key: &str, value: Option<Any>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: value.map(|value| AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
