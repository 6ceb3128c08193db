//! `MetricsIntake`: the visitor that checks every point and turns the accepted ones into columns.

use std::collections::HashMap;

use crate::shared::columns::ROWS_RESERVED_MAX;
use crate::shared::{MetricColumns, NumberColumns, NumberRow, Signal, TenantId, Timestamp};
use crate::telemetry::application::{
    Admission, NewSeries, SERIES_BYTES, SeriesEntry, SeriesLookup, Standing, WireKey,
};
use crate::telemetry::domain::{
    AcceptanceWindow, AdmittedPoint, Findings, Metric, NumberValue, Rejection, Warning,
};

use super::super::attributes::{AttributeLimits, AttributesError};
use super::super::meter::{Meter, MeterError};
use super::super::walk_error::WalkError;
use super::super::wire::WireError;
use super::identity::Origin;
use super::keys::{KeyChain, KeySeed};
use super::over_limit::OverLimit;
use super::points::{AttributeBytes, ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint};
use super::walker::{Around, MetricHeader, MetricsVisitor};

/// What a request came to.
#[derive(Debug)]
pub struct DecodedMetrics {
    pub columns: MetricColumns,
    pub new_series: Vec<NewSeries>,
    pub findings: Findings,
    pub over_limit: OverLimit,
}

/// What a metric takes beside its name.
const RUN_BYTES: usize = 64;
/// What one request with new series may take in all, in bytes: offsets in Arrow's columns have 31 bits.
const REQUEST_BYTES_MAX: usize = i32::MAX.unsigned_abs() as usize;
/// Vectors double when they are full, so that they hold up to twice what is in them.
const GROWTH: usize = 2;

/// Checks one request. Identities stay bytes until a series is met that nobody knows. All memory that the request makes us
/// hold is taken from the meter first.
#[derive(Debug)]
pub struct MetricsIntake<'c, 's, C> {
    catalogue: &'c mut C,
    meter: &'c mut Meter<'s>,
    /// Rows of numbers for which memory was taken and that have not come yet.
    rows_paid: usize,
    pub(super) window: AcceptanceWindow,
    pub(super) limits: AttributeLimits,
    keys: KeyChain,
    origin: Origin,
    staged: HashMap<(WireKey, i64), SeriesEntry>,
    /// Staged series that were not known at all.
    staged_new: usize,
    /// How many points asked for their series so far.
    place: u32,
    /// Points that were found to be over the limit when the request came first.
    decided: OverLimit,
    pub(super) exemplar_run: ExemplarRun,
    pub(super) decoded: DecodedMetrics,
}

/// Whether the metric that is walked just now has a run among the exemplars. Most have none, so it is begun late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExemplarRun {
    NotBegun,
    Begun,
}

/// Why a point is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointError {
    /// It costs the whole request.
    Walk(WalkError),
    /// It costs its own point only.
    Rejected(Rejection),
}

impl From<Rejection> for PointError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<WalkError> for PointError {
    fn from(error: WalkError) -> Self {
        Self::Walk(error)
    }
}

impl From<WireError> for PointError {
    fn from(error: WireError) -> Self {
        Self::Walk(error.into())
    }
}

impl From<MeterError> for PointError {
    fn from(error: MeterError) -> Self {
        Self::Walk(error.into())
    }
}

impl From<AttributesError> for PointError {
    fn from(error: AttributesError) -> Self {
        match error {
            AttributesError::Wire(error) => error.into(),
            AttributesError::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

impl<'c, 's, C: SeriesLookup> MetricsIntake<'c, 's, C> {
    pub fn new(
        tenant: TenantId,
        window: AcceptanceWindow,
        seed: KeySeed,
        meter: &'c mut Meter<'s>,
        catalogue: &'c mut C,
    ) -> Self {
        catalogue.begin_request();
        Self {
            catalogue,
            meter,
            rows_paid: 0,
            window,
            keys: KeyChain::new(seed, &tenant),
            limits: AttributeLimits::default(),
            origin: Origin::default(),
            staged: HashMap::new(),
            staged_new: 0,
            place: 0,
            decided: OverLimit::default(),
            exemplar_run: ExemplarRun::NotBegun,
            decoded: DecodedMetrics {
                columns: MetricColumns::new(tenant),
                new_series: Vec::new(),
                findings: Findings::new(Signal::Metrics),
                over_limit: OverLimit::default(),
            },
        }
    }

    /// Other bounds on attributes than the default ones.
    #[must_use]
    pub fn with_attribute_limits(self, limits: AttributeLimits) -> Self {
        Self { limits, origin: Origin::new(limits), ..self }
    }

    /// For a request that is read again: these points were rejected then.
    #[must_use]
    pub fn with_over_limit(self, decided: OverLimit) -> Self {
        Self { decided, ..self }
    }

    pub fn finish(mut self) -> DecodedMetrics {
        self.decoded.columns.finish();
        self.decoded
    }

    /// To be called before something of this size is added to a vector.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), MeterError> {
        self.meter.take(bytes.saturating_mul(GROWTH))
    }

    #[inline]
    fn take_number(&mut self, around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), PointError> {
        let admitted = around.metric.admit(&point.draft, self.window, &mut self.decoded.findings)?;
        let series = self.series_of(around, point.attributes, admitted.frame.time)?;
        match self.rows_paid.checked_sub(1) {
            Some(left) => self.rows_paid = left,
            None => {
                self.pay_rows(ROWS_RESERVED_MAX)?;
                self.rows_paid -= 1;
            }
        }
        self.decoded.columns.numbers.push(row(series, admitted));
        if !point.exemplars.point.is_empty() {
            self.take_exemplars(around, point.exemplars, series.id, admitted.frame.time)?;
        }
        Ok(())
    }

    /// Takes memory for so many rows to come, unless it was taken already.
    #[inline(never)]
    fn pay_rows(&mut self, rows: usize) -> Result<(), MeterError> {
        let rows = rows.min(ROWS_RESERVED_MAX);
        if let Some(missing) = rows.checked_sub(self.rows_paid) {
            self.charge(missing * NumberColumns::ROW_BYTES)?;
            self.rows_paid = rows;
        }
        Ok(())
    }

    /// The series of an admitted point: from the catalogue, from earlier in this request, or decoded now.
    pub(super) fn series_of(
        &mut self,
        around: &Around<'_>,
        attributes: AttributeBytes<'_>,
        time: Timestamp,
    ) -> Result<SeriesEntry, PointError> {
        let key = self.keys.point(attributes)?;
        let day = time.day();
        let place = self.place;
        self.place = place.wrapping_add(1);
        if !self.decided.is_empty() && self.decided.holds(place) {
            return Err(PointError::Rejected(Rejection::SeriesLimit));
        }
        if let Some(entry) = self.catalogue.find(key, day) {
            return Ok(entry);
        }
        match self.staged.get(&(key, day)) {
            Some(entry) => Ok(*entry),
            None => {
                let staged = self.stage(around, attributes, key, time);
                if staged == Err(PointError::Rejected(Rejection::SeriesLimit)) {
                    self.charge(OverLimit::POINT_BYTES)?;
                    self.decoded.over_limit.push(place);
                }
                staged
            }
        }
    }

    fn stage(
        &mut self,
        around: &Around<'_>,
        attributes: AttributeBytes<'_>,
        key: WireKey,
        time: Timestamp,
    ) -> Result<SeriesEntry, PointError> {
        let decoded = &mut self.decoded;
        let tenant = decoded.columns.tenant();
        let identity = self.origin.identify(tenant, around, attributes, &mut decoded.findings)?;
        let day = time.day();
        let Admission { entry, standing } = self
            .catalogue
            .admit(key, &identity, day, self.staged_new)
            .map_err(|_| PointError::Rejected(Rejection::SeriesLimit))?;
        if standing == Standing::Written {
            return Ok(entry);
        }
        self.meter.take(identity.held_bytes().saturating_add(SERIES_BYTES))?;
        if self.meter.used() > REQUEST_BYTES_MAX {
            return Err(MeterError::TooMuch.into());
        }
        self.staged_new += usize::from(standing == Standing::New);
        self.staged.insert((key, day), entry);
        decoded.new_series.push(NewSeries { key, entry, identity, day, seen: time.nanos() });
        Ok(entry)
    }

    /// A rejection is counted, and the walk goes on.
    #[inline]
    fn count_rejection(
        &mut self,
        around: &Around<'_>,
        taken: Result<(), PointError>,
    ) -> Result<(), WalkError> {
        match taken {
            Ok(()) => Ok(()),
            Err(PointError::Walk(error)) => Err(error),
            Err(PointError::Rejected(rejection)) => {
                self.decoded.findings.reject(around.metric.name().as_str().as_bytes(), rejection, 1);
                Ok(())
            }
        }
    }
}

impl<C: SeriesLookup> MetricsVisitor for MetricsIntake<'_, '_, C> {
    fn hold(&mut self, bytes: usize) -> Result<(), MeterError> {
        self.meter.take(bytes)
    }

    fn resource(&mut self, resource: &[u8]) {
        self.keys.resource(resource);
        self.origin.next_resource();
    }

    fn scope(&mut self, scope: &[u8]) {
        self.keys.scope(scope);
        self.origin.next_scope();
    }

    fn empty_metric(&mut self) {
        self.decoded.findings.warn(Warning::MetricEmpty);
    }

    fn metric<'m>(
        &mut self,
        header: &MetricHeader<'m>,
        points: u64,
    ) -> Result<Option<Metric<'m>>, WalkError> {
        let metric = match Metric::declare(header.name, header.unit, header.kind) {
            Ok(metric) => metric,
            Err(rejection) => {
                self.decoded.findings.reject(header.name, rejection, points);
                return Ok(None);
            }
        };
        self.keys.metric(header);
        self.origin.next_metric();
        self.exemplar_run = ExemplarRun::NotBegun;
        let points = usize::try_from(points).unwrap_or(usize::MAX);
        self.charge(header.name.len() + RUN_BYTES)?;
        self.decoded.columns.begin_run(metric.name().as_str(), metric.kind());
        if metric.kind().has_numbers() {
            self.pay_rows(points)?;
            self.decoded.columns.numbers.reserve(points);
        }
        Ok(Some(metric))
    }

    #[inline]
    fn number_point(&mut self, around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), WalkError> {
        let taken = self.take_number(around, point);
        self.count_rejection(around, taken)
    }

    fn histogram_point(&mut self, around: &Around<'_>, point: &HistogramPoint<'_>) -> Result<(), WalkError> {
        let taken = self.take_histogram(around, point);
        self.count_rejection(around, taken)
    }

    fn exponential_histogram_point(
        &mut self,
        around: &Around<'_>,
        point: &ExponentialHistogramPoint<'_>,
    ) -> Result<(), WalkError> {
        let taken = self.take_exponential_histogram(around, point);
        self.count_rejection(around, taken)
    }

    fn summary_point(&mut self, around: &Around<'_>, point: &SummaryPoint<'_>) -> Result<(), WalkError> {
        let taken = self.take_summary(around, point);
        self.count_rejection(around, taken)
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
        time: point.frame.time,
        start: point.frame.start,
        value,
        integer_rest,
        integer,
        flags: point.frame.flags,
    }
}
