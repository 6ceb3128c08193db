//! Walks an `ExportMetricsServiceRequest` in wire format and shows its parts to a visitor:
//! resource, scope, metric, point (opentelemetry-proto 1.x, `metrics/v1/metrics.proto`).
//!
//! Nothing is decoded that the visitor does not ask for, and nothing is allocated, except where a sender split a
//! message over several fields, which protobuf allows and no SDK does.

use std::borrow::Cow;

use crate::shared::MetricKind;
use crate::telemetry::domain::{DeclaredKind, DeclaredTemporality, Metric};

use super::super::fields::{Envelope, append};
use super::super::meter::MeterError;
pub use super::super::origin::OriginBytes;
use super::super::walk_error::WalkError;
use super::super::wire::{Reader, WireError};
use super::points::{
    ExponentialHistogramFields, ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint,
    histogram_point, number_point, summary_point,
};

/// Is shown the parts of a request, outer before inner.
pub trait MetricsVisitor {
    /// Asked before so many bytes are taken for a message that its sender split over several fields.
    fn hold(&mut self, _bytes: usize) -> Result<(), MeterError> {
        Ok(())
    }
    /// A `Resource` message; empty if the sender gave none.
    fn resource(&mut self, resource: &[u8]);
    /// An `InstrumentationScope` message; empty if the sender gave none.
    fn scope(&mut self, scope: &[u8]);
    /// A metric without points, or of a kind that nobody knows.
    fn empty_metric(&mut self);
    /// A metric with `points` points, before these are shown. They are passed over if it is not declared valid.
    fn metric<'m>(&mut self, header: &MetricHeader<'m>, points: u64)
    -> Result<Option<Metric<'m>>, WalkError>;
    /// A point of a gauge or a sum.
    fn number_point(&mut self, around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), WalkError>;
    fn histogram_point(&mut self, around: &Around<'_>, point: &HistogramPoint<'_>) -> Result<(), WalkError>;
    fn exponential_histogram_point(
        &mut self,
        around: &Around<'_>,
        point: &ExponentialHistogramPoint<'_>,
    ) -> Result<(), WalkError>;
    fn summary_point(&mut self, around: &Around<'_>, point: &SummaryPoint<'_>) -> Result<(), WalkError>;
}

/// What stands around a point.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub origin: OriginBytes<'a>,
    pub description: &'a [u8],
    /// A message whose fields [`METRIC_METADATA`] are the metric's metadata; empty if there is none.
    pub metadata: &'a [u8],
    pub metric: Metric<'a>,
}

/// What a metric says of itself: unchecked bytes.
#[derive(Debug, Clone, Copy)]
pub struct MetricHeader<'a> {
    pub name: &'a [u8],
    pub description: &'a [u8],
    pub unit: &'a [u8],
    pub kind: DeclaredKind,
}

/// Field number of the metadata in a `Metric`.
pub const METRIC_METADATA: u32 = 12;

/// Shows a request to the visitor. An error means that the bytes are not a valid message, or that the visitor has no room
/// for what they hold.
pub fn walk(request: &[u8], visitor: &mut impl MetricsVisitor) -> Result<(), WalkError> {
    let mut fields = Reader::new(request);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 {
            walk_resource_metrics(value.bytes()?, visitor)?;
        }
    }
    Ok(())
}

fn walk_resource_metrics(message: &[u8], visitor: &mut impl MetricsVisitor) -> Result<(), WalkError> {
    let envelope = Envelope::of(message, |bytes| visitor.hold(bytes))?;
    visitor.resource(&envelope.origin);
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        if number == 2 {
            walk_scope_metrics(&envelope, value.bytes()?, visitor)?;
        }
    }
    Ok(())
}

fn walk_scope_metrics(
    resource: &Envelope<'_>,
    message: &[u8],
    visitor: &mut impl MetricsVisitor,
) -> Result<(), WalkError> {
    let scope = Envelope::of(message, |bytes| visitor.hold(bytes))?;
    visitor.scope(&scope.origin);
    let origin = OriginBytes {
        resource: &resource.origin,
        resource_schema_url: resource.schema_url,
        scope: &scope.origin,
        scope_schema_url: scope.schema_url,
    };
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        if number == 2 {
            walk_metric(origin, value.bytes()?, visitor)?;
        }
    }
    Ok(())
}

/// Kinds by field number in `Metric`.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL_HISTOGRAM: u32 = 10;
const SUMMARY: u32 = 11;

fn walk_metric(
    origin: OriginBytes<'_>,
    message: &[u8],
    visitor: &mut impl MetricsVisitor,
) -> Result<(), WalkError> {
    let (mut name, mut description, mut unit): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
    let mut metadata: &[u8] = &[];
    let mut data: Option<Cow<'_, [u8]>> = None;
    let mut data_number = 0;
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => name = value.bytes()?,
            2 => description = value.bytes()?,
            3 => unit = value.bytes()?,
            METRIC_METADATA => {
                value.bytes()?;
                metadata = message;
            }
            GAUGE | SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM | SUMMARY => {
                // Of a oneof the last member wins; pieces of the same member are merged.
                if data_number != number {
                    data = None;
                    data_number = number;
                }
                append(&mut data, value.bytes()?, |bytes| visitor.hold(bytes))?;
            }
            _ => {}
        }
    }
    let data = data.unwrap_or_default();
    let Some((kind, points)) = survey(&data, data_number)? else {
        visitor.empty_metric();
        return Ok(());
    };
    match visitor.metric(&MetricHeader { name, description, unit, kind }, points)? {
        Some(metric) => walk_points(&Around { origin, description, metadata, metric }, &data, visitor),
        None => Ok(()),
    }
}

/// The kind that a metric's data declares, and how many points there are. Absent if there are none.
fn survey(data: &[u8], data_number: u32) -> Result<Option<(DeclaredKind, u64)>, WireError> {
    let (mut points, mut temporality, mut monotonic) = (0, 0, 0);
    let mut fields = Reader::new(data);
    while let Some((number, value)) = fields.next_field()? {
        match (number, data_number) {
            (1, _) => {
                value.bytes()?;
                points += 1;
            }
            (2, SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM) => temporality = value.varint()?,
            (3, SUM) => monotonic = value.varint()?,
            _ => {}
        }
    }
    let temporality = temporality_of(temporality);
    let kind = match data_number {
        _ if points == 0 => return Ok(None),
        GAUGE => DeclaredKind::Gauge,
        SUM => DeclaredKind::Sum { temporality, monotonic: monotonic != 0 },
        HISTOGRAM => DeclaredKind::Histogram { temporality },
        EXPONENTIAL_HISTOGRAM => DeclaredKind::ExponentialHistogram { temporality },
        SUMMARY => DeclaredKind::Summary,
        _ => return Ok(None),
    };
    Ok(Some((kind, points)))
}

/// Enums are 32 bits wide on the wire; higher bits are cut off (protobuf encoding guide, "Enums").
fn temporality_of(number: u64) -> DeclaredTemporality {
    match number & 0xffff_ffff {
        1 => DeclaredTemporality::Delta,
        2 => DeclaredTemporality::Cumulative,
        _ => DeclaredTemporality::Other,
    }
}

fn walk_points(around: &Around<'_>, data: &[u8], visitor: &mut impl MetricsVisitor) -> Result<(), WalkError> {
    match around.metric.kind() {
        MetricKind::Gauge | MetricKind::Sum { .. } => {
            each_point(data, |point| visitor.number_point(around, &number_point(point)?))
        }
        MetricKind::Histogram { .. } => {
            each_point(data, |point| visitor.histogram_point(around, &histogram_point(point)?))
        }
        MetricKind::ExponentialHistogram { .. } => each_point(data, |point| {
            let point = ExponentialHistogramFields::read(point, |bytes| visitor.hold(bytes))?;
            visitor.exponential_histogram_point(around, &point.point()?)
        }),
        MetricKind::Summary => {
            each_point(data, |point| visitor.summary_point(around, &summary_point(point)?))
        }
    }
}

/// Part of each caller's own loop: handing a point over in memory costs as much as reading it.
#[inline(always)]
fn each_point<'a>(
    data: &'a [u8],
    mut show: impl FnMut(&'a [u8]) -> Result<(), WalkError>,
) -> Result<(), WalkError> {
    let mut fields = Reader::new(data);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 {
            show(value.bytes()?)?;
        }
    }
    Ok(())
}
