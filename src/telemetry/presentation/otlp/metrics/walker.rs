//! Walks an `ExportMetricsServiceRequest` in wire format and shows its parts to a visitor:
//! resource, scope, metric, point (opentelemetry-proto 1.x, `metrics/v1/metrics.proto`).
//!
//! Nothing is decoded that the visitor does not ask for, and nothing is allocated, except where a sender split a
//! message over several fields, which protobuf allows and no SDK does.

use std::borrow::Cow;

use crate::telemetry::domain::{DeclaredKind, DeclaredTemporality, Metric, NumberValue, PointDraft};

use super::super::wire::{Reader, Value, WireError};

/// Is shown the parts of a request, outer before inner.
pub trait MetricsVisitor {
    /// A `Resource` message; empty if the sender gave none.
    fn resource(&mut self, resource: &[u8]);
    /// An `InstrumentationScope` message; empty if the sender gave none.
    fn scope(&mut self, scope: &[u8]);
    /// A metric with `points` points of any kind, before these are shown. They are passed over if it is not declared valid.
    fn metric<'m>(&mut self, header: &MetricHeader<'m>, points: u64) -> Option<Metric<'m>>;
    fn number_point(&mut self, around: &Around<'_>, point: &NumberPoint<'_>) -> Result<(), WireError>;
}

/// What stands around a point.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub resource: &'a [u8],
    pub scope: &'a [u8],
    pub description: &'a [u8],
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

/// One point of a gauge or a sum.
#[derive(Debug, Clone, Copy)]
pub struct NumberPoint<'a> {
    pub draft: PointDraft,
    pub attributes: AttributeBytes<'a>,
}

/// Where a point's attributes are: a run of `attributes` fields (number 7) with their tags.
#[derive(Debug, Clone, Copy)]
pub enum AttributeBytes<'a> {
    /// Nothing but attribute fields.
    Run(&'a [u8]),
    /// The whole point: attribute fields stand among others.
    Scattered(&'a [u8]),
}

/// Field number of the attributes in a `NumberDataPoint`.
pub const POINT_ATTRIBUTES: u32 = 7;

/// Shows a request to the visitor. An error means that the bytes are not a valid message.
pub fn walk(request: &[u8], visitor: &mut impl MetricsVisitor) -> Result<(), WireError> {
    let mut fields = Reader::new(request);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 {
            walk_resource_metrics(value.bytes()?, visitor)?;
        }
    }
    Ok(())
}

fn walk_resource_metrics(message: &[u8], visitor: &mut impl MetricsVisitor) -> Result<(), WireError> {
    let resource = merged(message, 1)?;
    visitor.resource(&resource);
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            2 => walk_scope_metrics(&resource, value.bytes()?, visitor)?,
            3 => drop(value.bytes()?),
            _ => {}
        }
    }
    Ok(())
}

fn walk_scope_metrics(
    resource: &[u8],
    message: &[u8],
    visitor: &mut impl MetricsVisitor,
) -> Result<(), WireError> {
    let scope = merged(message, 1)?;
    visitor.scope(&scope);
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            2 => walk_metric(resource, &scope, value.bytes()?, visitor)?,
            3 => drop(value.bytes()?),
            _ => {}
        }
    }
    Ok(())
}

/// A sub-message that may be given in several pieces, which protobuf merges by concatenation.
fn merged(message: &[u8], wanted: u32) -> Result<Cow<'_, [u8]>, WireError> {
    let mut found: Option<Cow<'_, [u8]>> = None;
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        if number == wanted {
            append(&mut found, value.bytes()?);
        }
    }
    Ok(found.unwrap_or_default())
}

fn append<'a>(message: &mut Option<Cow<'a, [u8]>>, piece: &'a [u8]) {
    match message {
        None => *message = Some(Cow::Borrowed(piece)),
        Some(before) => before.to_mut().extend_from_slice(piece),
    }
}

/// Kinds by field number in `Metric`.
const GAUGE: u32 = 5;
const SUM: u32 = 7;
const HISTOGRAM: u32 = 9;
const EXPONENTIAL_HISTOGRAM: u32 = 10;
const SUMMARY: u32 = 11;

fn walk_metric(
    resource: &[u8],
    scope: &[u8],
    message: &[u8],
    visitor: &mut impl MetricsVisitor,
) -> Result<(), WireError> {
    let mut header = MetricHeader { name: &[], description: &[], unit: &[], kind: DeclaredKind::Unsupported };
    let mut data: Option<Cow<'_, [u8]>> = None;
    let mut data_number = 0;
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => header.name = value.bytes()?,
            2 => header.description = value.bytes()?,
            3 => header.unit = value.bytes()?,
            GAUGE | SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM | SUMMARY => {
                // Of a oneof the last member wins; pieces of the same member are merged.
                if data_number != number {
                    data = None;
                    data_number = number;
                }
                append(&mut data, value.bytes()?);
            }
            _ => {}
        }
    }
    let data = data.unwrap_or_default();
    let (kind, points) = survey(&data, data_number)?;
    header.kind = kind;
    match visitor.metric(&header, points) {
        Some(metric) => {
            let around = Around { resource, scope, description: header.description, metric };
            walk_number_points(&around, &data, visitor)
        }
        None => Ok(()),
    }
}

/// The kind that a metric's data declares, and how many points there are.
fn survey(data: &[u8], data_number: u32) -> Result<(DeclaredKind, u64), WireError> {
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
    let kind = match data_number {
        GAUGE => DeclaredKind::Gauge,
        SUM => DeclaredKind::Sum { temporality: temporality_of(temporality), monotonic: monotonic != 0 },
        _ => DeclaredKind::Unsupported,
    };
    Ok((kind, points))
}

/// Enums are 32 bits wide on the wire; higher bits are cut off (protobuf encoding guide, "Enums").
fn temporality_of(number: u64) -> DeclaredTemporality {
    match number & 0xffff_ffff {
        1 => DeclaredTemporality::Delta,
        2 => DeclaredTemporality::Cumulative,
        _ => DeclaredTemporality::Other,
    }
}

fn walk_number_points(
    around: &Around<'_>,
    data: &[u8],
    visitor: &mut impl MetricsVisitor,
) -> Result<(), WireError> {
    let mut fields = Reader::new(data);
    while let Some((number, value)) = fields.next_field()? {
        if number == 1 {
            visitor.number_point(around, &number_point(value.bytes()?)?)?;
        }
    }
    Ok(())
}

/// Part of its one loop: handing a point over in memory costs as much as reading it.
#[inline(always)]
fn number_point(message: &[u8]) -> Result<NumberPoint<'_>, WireError> {
    let mut draft = PointDraft::default();
    let (mut run_start, mut run_end, mut scattered) = (0, 0, false);
    let mut fields = Reader::new(message);
    loop {
        let at = fields.position();
        let Some((number, value)) = fields.next_field()? else { break };
        match number {
            POINT_ATTRIBUTES => {
                value.bytes()?;
                if run_end == 0 {
                    run_start = at;
                } else if run_end != at {
                    scattered = true;
                }
                run_end = fields.position();
            }
            2 => draft.start = value.fixed64()?,
            3 => draft.time = value.fixed64()?,
            4 => draft.value = Some(NumberValue::Double(f64::from_bits(value.fixed64()?))),
            6 => draft.value = Some(NumberValue::Integer(value.fixed64()?.cast_signed())),
            5 => drop(value.bytes()?),
            8 => draft.flags = low_half(value)?,
            _ => {}
        }
    }
    let attributes = if scattered {
        AttributeBytes::Scattered(message)
    } else {
        AttributeBytes::Run(message.get(run_start..run_end).unwrap_or_default())
    };
    Ok(NumberPoint { draft, attributes })
}

/// A `uint32` field: higher bits are cut off, as in the reference implementations.
fn low_half(value: Value<'_>) -> Result<u32, WireError> {
    #[expect(clippy::cast_possible_truncation, reason = "that is the rule for uint32")]
    let low = value.varint()? as u32;
    Ok(low)
}
