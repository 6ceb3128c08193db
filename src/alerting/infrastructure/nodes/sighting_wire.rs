//! What a node took in, to the wire and back.

use std::time::Duration;

use super::wire;
use crate::alerting::application::sighting::Sighting;
use crate::shared::distribution::{Distribution, ExplicitBuckets, ExponentialBuckets, Shape, SparseBuckets};
use crate::shared::tenant::TenantIdError;
use crate::shared::{
    Attribute, MetricKind, PastPoint, PastRecord, PastValue, SeriesId, SeriesIdentity, Temporality, TenantId,
    Timestamp,
};

/// Why a report is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    #[error("a tenant's id: {0}")]
    Tenant(#[from] TenantIdError),
    #[error("a point's series is not in the report")]
    Series,
    #[error("a series of a kind that this version does not know")]
    Kind,
}

/// A report without a sender.
pub fn report_of(sighting: &Sighting) -> wire::Report {
    wire::Report {
        series: sighting.series.iter().map(series_to_wire).collect(),
        points: sighting.points.iter().map(|(series, point)| point_to_wire(*series, point)).collect(),
        records: sighting.records.iter().map(|(tenant, record)| record_to_wire(tenant, record)).collect(),
        ..wire::Report::default()
    }
}

pub fn sighting_of(report: wire::Report) -> Result<Sighting, ReportError> {
    let series: Vec<SeriesIdentity> =
        report.series.into_iter().map(series_from_wire).collect::<Result<_, _>>()?;
    let points =
        report.points.into_iter().filter_map(|point| point_from_wire(point, series.len()).transpose());
    let points = points.collect::<Result<_, _>>()?;
    let records = report.records.into_iter().map(record_from_wire).collect::<Result<_, _>>()?;
    Ok(Sighting { series, points, records })
}

fn series_to_wire(series: &SeriesIdentity) -> wire::Series {
    let kind = match series.kind {
        MetricKind::Gauge => wire::Kind::Gauge,
        MetricKind::Sum { .. } => wire::Kind::Sum,
        MetricKind::Histogram { .. } => wire::Kind::Histogram,
        MetricKind::ExponentialHistogram { .. } => wire::Kind::ExponentialHistogram,
        MetricKind::Summary => wire::Kind::Summary,
    };
    wire::Series {
        id: series.id.0,
        tenant: series.tenant.to_string(),
        metric: series.metric.to_string(),
        kind: kind.into(),
        delta: series.kind.temporality() == Some(Temporality::Delta),
        monotonic: series.kind.is_monotonic(),
        labels: series.attributes.iter().map(|label| label_to_wire(&label.key, &label.value)).collect(),
    }
}

fn series_from_wire(series: wire::Series) -> Result<SeriesIdentity, ReportError> {
    let temporality = if series.delta { Temporality::Delta } else { Temporality::Cumulative };
    let kind = match series.kind() {
        wire::Kind::Unknown => return Err(ReportError::Kind),
        wire::Kind::Gauge => MetricKind::Gauge,
        wire::Kind::Sum => MetricKind::Sum { temporality, monotonic: series.monotonic },
        wire::Kind::Histogram => MetricKind::Histogram { temporality },
        wire::Kind::ExponentialHistogram => MetricKind::ExponentialHistogram { temporality },
        wire::Kind::Summary => MetricKind::Summary,
    };
    let mut attributes: Vec<Attribute> = series
        .labels
        .into_iter()
        .map(|label| Attribute { key: label.name.into(), value: label.value.into() })
        .collect();
    attributes.sort_unstable();
    attributes.dedup_by(|next, kept| next.key == kept.key);
    let tenant = TenantId::parse(&series.tenant)?;
    Ok(SeriesIdentity::labelled(SeriesId(series.id), tenant, series.metric.into(), kind, attributes))
}

fn label_to_wire(name: &str, value: &str) -> wire::Label {
    wire::Label { name: name.to_owned(), value: value.to_owned() }
}

fn point_to_wire(series: usize, point: &PastPoint) -> wire::Point {
    let value = match &point.value {
        PastValue::Number(value) => wire::Value::Number(*value),
        PastValue::Observed { observed, min, max } => wire::Value::Observed(wire::Observed {
            count: observed.count,
            sum: observed.sum,
            min: *min,
            max: *max,
            shape: shape_to_wire(&observed.shape),
        }),
    };
    wire::Point {
        series: u32::try_from(series).unwrap_or(u32::MAX),
        time: point.time.nanos(),
        start: point.start.nanos(),
        value: Some(value),
    }
}

/// A point whose value this version does not know is left out.
fn point_from_wire(point: wire::Point, series: usize) -> Result<Option<(usize, PastPoint)>, ReportError> {
    let at = usize::try_from(point.series).ok().filter(|at| *at < series).ok_or(ReportError::Series)?;
    let Some(value) = point.value else { return Ok(None) };
    let value = match value {
        wire::Value::Number(value) => PastValue::Number(value),
        wire::Value::Observed(sent) => PastValue::Observed {
            observed: Distribution {
                count: sent.count,
                sum: sent.sum,
                shape: sent.shape.map_or(Shape::Unknown, shape_from_wire),
            },
            min: sent.min,
            max: sent.max,
        },
    };
    let (time, start) = (Timestamp::from_nanos(point.time), Timestamp::from_nanos(point.start));
    Ok(Some((at, PastPoint { time, start, value })))
}

fn shape_to_wire(shape: &Shape) -> Option<wire::Shape> {
    match shape {
        Shape::Unknown => None,
        Shape::Explicit(buckets) => Some(wire::Shape::Explicit(wire::Explicit {
            bounds: buckets.bounds().to_vec(),
            counts: buckets.counts().to_vec(),
        })),
        Shape::Exponential(buckets) => {
            let SparseBuckets { scale, zero_count, zero_threshold, positive, negative } = buckets.into();
            let (positive, positive_counts) = positive.into_iter().unzip();
            let (negative, negative_counts) = negative.into_iter().unzip();
            Some(wire::Shape::Exponential(wire::Exponential {
                scale,
                zero_count,
                zero_threshold,
                positive,
                positive_counts,
                negative,
                negative_counts,
            }))
        }
    }
}

fn shape_from_wire(shape: wire::Shape) -> Shape {
    match shape {
        wire::Shape::Explicit(wire::Explicit { bounds, counts }) => {
            ExplicitBuckets::new(bounds.into(), counts.into()).map_or(Shape::Unknown, Shape::Explicit)
        }
        wire::Shape::Exponential(sent) => Shape::Exponential(ExponentialBuckets::from(SparseBuckets {
            scale: sent.scale,
            zero_count: sent.zero_count,
            zero_threshold: sent.zero_threshold,
            positive: sent.positive.into_iter().zip(sent.positive_counts).collect(),
            negative: sent.negative.into_iter().zip(sent.negative_counts).collect(),
        })),
    }
}

fn record_to_wire(tenant: &TenantId, record: &PastRecord) -> wire::Record {
    wire::Record {
        tenant: tenant.to_string(),
        time: record.time.nanos(),
        duration: record.duration.map(|duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        labels: record.labels.iter().map(|(name, value)| label_to_wire(name, value)).collect(),
    }
}

fn record_from_wire(record: wire::Record) -> Result<(TenantId, PastRecord), ReportError> {
    let labels = record.labels.into_iter().map(|label| (label.name.into(), label.value.into()));
    let read = PastRecord {
        time: Timestamp::from_nanos(record.time),
        labels: labels.collect::<Vec<_>>().into(),
        duration: record.duration.map(Duration::from_nanos),
    };
    Ok((TenantId::parse(&record.tenant)?, read))
}
