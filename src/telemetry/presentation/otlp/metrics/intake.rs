//! `MetricsIntake`: the visitor that checks every point and turns the accepted ones into columns.

use std::collections::HashMap;

use crate::shared::{NumberColumns, NumberRow, Signal, TenantId, Timestamp};
use crate::telemetry::application::{
    Admission, NewSeries, SERIES_BYTES, SeriesEntry, SeriesLookup, Standing, WireKey,
};
use crate::telemetry::domain::{
    AcceptanceWindow, AdmittedPoint, DeclaredKind, Findings, Metric, NumberValue, Rejection, Warning,
};

use super::super::attributes::AttributesError;
use super::super::wire::WireError;
use super::identity::Origin;
use super::keys::{KeyChain, KeySeed};
use super::walker::{Around, MetricHeader, MetricsVisitor, NumberPoint};

/// What a request came to.
#[derive(Debug)]
pub struct DecodedMetrics {
    pub columns: NumberColumns,
    pub new_series: Vec<NewSeries>,
    pub findings: Findings,
}

/// Checks one request. Identities stay bytes until a series is met that nobody knows.
#[derive(Debug)]
pub struct MetricsIntake<'c, C> {
    catalogue: &'c mut C,
    window: AcceptanceWindow,
    keys: KeyChain,
    origin: Origin,
    staged: HashMap<(WireKey, i64), SeriesEntry>,
    /// Staged series that were not known at all.
    staged_new: usize,
    /// Text that new series may still bring, in bytes.
    text_left: usize,
    decoded: DecodedMetrics,
}

impl<'c, C: SeriesLookup> MetricsIntake<'c, C> {
    /// `text_bytes_max` bounds what all new series of the request take, in bytes: their text and [`SERIES_BYTES`] each.
    pub fn new(
        tenant: TenantId,
        window: AcceptanceWindow,
        seed: KeySeed,
        text_bytes_max: usize,
        catalogue: &'c mut C,
    ) -> Self {
        catalogue.begin_request();
        Self {
            catalogue,
            window,
            keys: KeyChain::new(seed, &tenant),
            origin: Origin::default(),
            staged: HashMap::new(),
            staged_new: 0,
            text_left: text_bytes_max,
            decoded: DecodedMetrics {
                columns: NumberColumns::new(tenant),
                new_series: Vec::new(),
                findings: Findings::new(Signal::Metrics),
            },
        }
    }

    pub fn finish(mut self) -> DecodedMetrics {
        self.decoded.columns.finish();
        self.decoded
    }

    fn take_point(&mut self, around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), AttributesError> {
        let admitted = around
            .metric
            .admit(&point.draft, self.window, &mut self.decoded.findings)
            .map_err(AttributesError::Rejected)?;
        let series = self.series_of(around, point, admitted.time)?;
        self.decoded.columns.push(row(series, admitted));
        Ok(())
    }

    /// The series of an admitted point: from the catalogue, from earlier in this request, or decoded now.
    fn series_of(
        &mut self,
        around: &Around<'_>,
        point: &NumberPoint<'_>,
        time: Timestamp,
    ) -> Result<SeriesEntry, AttributesError> {
        let key = self.keys.point(point.attributes)?;
        let day = time.day();
        if let Some(entry) = self.catalogue.find(key, day) {
            return Ok(entry);
        }
        match self.staged.get(&(key, day)) {
            Some(entry) => Ok(*entry),
            None => self.stage(around, point, key, time),
        }
    }

    fn stage(
        &mut self,
        around: &Around<'_>,
        point: &NumberPoint<'_>,
        key: WireKey,
        time: Timestamp,
    ) -> Result<SeriesEntry, AttributesError> {
        let decoded = &mut self.decoded;
        let tenant = decoded.columns.tenant();
        let identity = self.origin.identify(tenant, around, point.attributes, &mut decoded.findings)?;
        let text_left = self.text_left.checked_sub(identity.text_bytes() + SERIES_BYTES);
        let text_left = text_left.ok_or(AttributesError::Rejected(Rejection::SeriesText))?;
        let day = time.day();
        let Admission { entry, standing } = self
            .catalogue
            .admit(key, &identity, day, self.staged_new)
            .map_err(|_| AttributesError::Rejected(Rejection::SeriesLimit))?;
        if standing == Standing::Written {
            return Ok(entry);
        }
        self.text_left = text_left;
        self.staged_new += usize::from(standing == Standing::New);
        self.staged.insert((key, day), entry);
        decoded.new_series.push(NewSeries { key, entry, identity, day, seen: time.nanos() });
        Ok(entry)
    }
}

impl<C: SeriesLookup> MetricsVisitor for MetricsIntake<'_, C> {
    fn resource(&mut self, resource: &[u8]) {
        self.keys.resource(resource);
        self.origin.next_resource();
    }

    fn scope(&mut self, scope: &[u8]) {
        self.keys.scope(scope);
        self.origin.next_scope();
    }

    fn metric<'m>(&mut self, header: &MetricHeader<'m>, points: u64) -> Option<Metric<'m>> {
        let findings = &mut self.decoded.findings;
        if points == 0 {
            findings.warn(Warning::MetricEmpty);
            return None;
        }
        match Metric::declare(header.name, header.unit, header.kind) {
            Ok(metric) => {
                self.keys.metric(header);
                self.decoded.columns.begin_run(metric.name().as_str(), metric.kind());
                self.decoded.columns.reserve(usize::try_from(points).unwrap_or_default());
                Some(metric)
            }
            Err(rejection) => {
                findings.reject(header.name, most_telling(rejection, header.kind), points);
                None
            }
        }
    }

    #[inline]
    fn number_point(&mut self, around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), WireError> {
        match self.take_point(around, point) {
            Ok(()) => Ok(()),
            Err(AttributesError::Wire(error)) => Err(error),
            Err(AttributesError::Rejected(rejection)) => {
                self.decoded.findings.reject(around.metric.name().as_str().as_bytes(), rejection, 1);
                Ok(())
            }
        }
    }
}

/// That a kind is not supported says more than what else is wrong with the metric.
fn most_telling(rejection: Rejection, kind: DeclaredKind) -> Rejection {
    match kind {
        DeclaredKind::Unsupported => Rejection::KindUnsupported,
        _ => rejection,
    }
}

fn row(series: SeriesEntry, point: AdmittedPoint) -> NumberRow {
    let (value, integer_rest, integer) = match point.value {
        Some(NumberValue::Double(value)) => (value, 0, false),
        Some(NumberValue::Integer(exact)) => {
            let (value, rest) = NumberRow::split_integer(exact);
            (value, rest, true)
        }
        None => (f64::NAN, 0, false),
    };
    NumberRow {
        series: series.id,
        watch: series.watch,
        time: point.time,
        start: point.start,
        value,
        integer_rest,
        integer,
        flags: point.flags,
    }
}
