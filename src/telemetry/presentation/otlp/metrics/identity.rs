//! Decodes what a series is when it is first seen, and computes its id.
//!
//! Resource, scope and metadata are decoded once for all new series that share them, whatever their number: nobody can
//! make us decode megabytes for every point.

use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::shared::{Attribute, Resource, Scope, SeriesId, SeriesIdentity, TenantId};
use crate::telemetry::domain::{Findings, Metric, Rejection};

use super::super::attributes::{
    AttributeLimits, AttributeReader, Attributes, AttributesError, TypedAttribute, short_text,
};
use super::super::fields::uint32;
use super::super::item_texts::NAME_BYTES_MAX;
use super::super::wire::Reader;
use super::points::AttributeBytes;
use super::walker::{Around, METRIC_METADATA, OriginBytes};

/// Longest description that is kept, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 4_096;

/// Longest schema URL that is kept, in bytes.
const SCHEMA_URL_BYTES_MAX: usize = 2_048;

/// The resource, the scope and the metadata of the metric that are walked just now, decoded as far as somebody asked. That
/// one is not acceptable is remembered too.
#[derive(Debug, Default)]
pub struct Origin {
    limits: AttributeLimits,
    resource: Option<Result<Decoded<Resource>, Rejection>>,
    scope: Option<Result<Decoded<Scope>, Rejection>>,
    metadata: Option<Result<Arc<[Attribute]>, Rejection>>,
}

/// A part that many series share, and the hash of its canonical form.
#[derive(Debug)]
struct Decoded<T> {
    part: Arc<T>,
    hash: u128,
}

impl<T> Clone for Decoded<T> {
    fn clone(&self) -> Self {
        Self { part: Arc::clone(&self.part), hash: self.hash }
    }
}

impl Origin {
    pub fn new(limits: AttributeLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Another resource begins, and with it another scope.
    pub fn next_resource(&mut self) {
        *self = Self::new(self.limits);
    }

    pub fn next_scope(&mut self) {
        self.scope = None;
        self.metadata = None;
    }

    pub fn next_metric(&mut self) {
        self.metadata = None;
    }

    /// Decodes and canonicalises: attributes sorted and unique, so that their order does not matter.
    pub fn identify(
        &mut self,
        tenant: &TenantId,
        around: &Around<'_>,
        attributes: AttributeBytes<'_>,
        findings: &mut Findings,
    ) -> Result<SeriesIdentity, AttributesError> {
        let limits = self.limits;
        let resource = once(&mut self.resource, || decode_resource(&around.origin, limits, findings))?;
        let scope = once(&mut self.scope, || decode_scope(&around.origin, limits, findings))?;
        let metadata = once(&mut self.metadata, || {
            Ok(untyped(attributes_in(around.metadata, METRIC_METADATA, limits, findings)?.kept).into())
        })?;
        let attributes = match attributes {
            AttributeBytes::Run { fields, number } | AttributeBytes::Scattered { point: fields, number } => {
                attributes_in(fields, number, limits, findings)?
            }
        };
        let metric = &around.metric;
        Ok(SeriesIdentity {
            id: canonical_id(tenant, metric, [resource.hash, scope.hash], &attributes),
            tenant: tenant.clone(),
            metric: metric.name().as_str().into(),
            unit: metric.unit().as_str().into(),
            description: short_text(around.description, DESCRIPTION_BYTES_MAX, findings).into(),
            metadata,
            kind: metric.kind(),
            resource: resource.part,
            scope: scope.part,
            attributes: untyped(attributes.kept),
        })
    }
}

/// An unreadable message ends the request, so there is nothing to remember of it.
fn once<T: Clone>(
    known: &mut Option<Result<T, Rejection>>,
    decode: impl FnOnce() -> Result<T, AttributesError>,
) -> Result<T, AttributesError> {
    let result = match known {
        Some(result) => result.clone(),
        None => {
            let result = match decode() {
                Ok(decoded) => Ok(decoded),
                Err(AttributesError::Rejected(rejection)) => Err(rejection),
                Err(AttributesError::Wire(error)) => return Err(error.into()),
            };
            known.insert(result).clone()
        }
    };
    result.map_err(AttributesError::Rejected)
}

pub(super) fn untyped(attributes: Vec<TypedAttribute>) -> Vec<Attribute> {
    // Collected in place they would keep the room in which they were gathered.
    let mut exact = Vec::with_capacity(attributes.len());
    exact.extend(attributes.into_iter().map(|typed| typed.attribute));
    exact
}

/// The attributes in the fields `number` of a message.
pub(super) fn attributes_in(
    message: &[u8],
    number: u32,
    limits: AttributeLimits,
    findings: &mut Findings,
) -> Result<Attributes, AttributesError> {
    let mut attributes = AttributeReader::new(limits);
    let mut fields = Reader::new(message);
    while let Some((found, value)) = fields.next_field()? {
        if found == number {
            attributes.read(value.bytes()?, findings)?;
        }
    }
    Ok(attributes.finish(findings))
}

/// `Resource`: attributes 1, dropped attributes 2.
fn decode_resource(
    origin: &OriginBytes<'_>,
    limits: AttributeLimits,
    findings: &mut Findings,
) -> Result<Decoded<Resource>, AttributesError> {
    let mut sent_dropped = 0_u32;
    let mut fields = Reader::new(origin.resource);
    while let Some((number, value)) = fields.next_field()? {
        if number == 2 {
            sent_dropped = uint32(value)?;
        }
    }
    let attributes = attributes_in(origin.resource, 1, limits, findings)?;
    let mut canonical = Vec::new();
    push_attributes(&mut canonical, &attributes);
    let service = attributes.kept.iter().find(|typed| &*typed.attribute.key == "service.name");
    let service = service.map(|typed| typed.attribute.value.clone()).unwrap_or_default();
    let part = Arc::new(Resource {
        service,
        dropped_attributes: sent_dropped.saturating_add(attributes.dropped),
        attributes: untyped(attributes.kept),
        schema_url: short_text(origin.resource_schema_url, SCHEMA_URL_BYTES_MAX, findings).into(),
    });
    Ok(Decoded { part, hash: xxh3_128(&canonical) })
}

/// `InstrumentationScope`: name 1, version 2, attributes 3, dropped attributes 4.
fn decode_scope(
    origin: &OriginBytes<'_>,
    limits: AttributeLimits,
    findings: &mut Findings,
) -> Result<Decoded<Scope>, AttributesError> {
    let (mut name, mut version): (&[u8], &[u8]) = (&[], &[]);
    let mut sent_dropped = 0_u32;
    let mut fields = Reader::new(origin.scope);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => name = value.bytes()?,
            2 => version = value.bytes()?,
            4 => sent_dropped = uint32(value)?,
            _ => {}
        }
    }
    let attributes = attributes_in(origin.scope, 3, limits, findings)?;
    let mut canonical = Vec::new();
    // As sent: scopes differ where only what is cut off differs.
    push_bytes(&mut canonical, name);
    push_bytes(&mut canonical, version);
    push_attributes(&mut canonical, &attributes);
    let part = Arc::new(Scope {
        name: short_text(name, NAME_BYTES_MAX, findings).into(),
        version: short_text(version, NAME_BYTES_MAX, findings).into(),
        dropped_attributes: sent_dropped.saturating_add(attributes.dropped),
        attributes: untyped(attributes.kept),
        schema_url: short_text(origin.scope_schema_url, SCHEMA_URL_BYTES_MAX, findings).into(),
    });
    Ok(Decoded { part, hash: xxh3_128(&canonical) })
}

/// Hashes what OTLP calls the identity of a timeseries (otlp.md, "Metrics"), and nothing that only describes it. The
/// hash has no seed: every node and every restart must find the same id. Version byte first, so that a later change cannot meet ids of this one.
fn canonical_id(
    tenant: &TenantId,
    metric: &Metric<'_>,
    origin: [u128; 2],
    attributes: &Attributes,
) -> SeriesId {
    let kind = metric.kind();
    let mut canonical = vec![1];
    let texts = [
        tenant.as_str(),
        metric.name().as_str(),
        metric.unit().as_str(),
        kind.name(),
        kind.temporality_name(),
    ];
    texts.into_iter().for_each(|text| push_text(&mut canonical, text));
    canonical.push(u8::from(kind.is_monotonic()));
    canonical.extend(origin.into_iter().flat_map(u128::to_le_bytes));
    push_attributes(&mut canonical, attributes);
    SeriesId(xxh3_64(&canonical))
}

fn push_attributes(canonical: &mut Vec<u8>, attributes: &Attributes) {
    canonical.extend((attributes.kept.len() as u64).to_le_bytes());
    for typed in &attributes.kept {
        push_text(canonical, &typed.attribute.key);
        canonical.push(typed.value_kind);
        push_text(canonical, &typed.attribute.value);
    }
    if attributes.lost != 0 {
        canonical.extend(attributes.lost.to_le_bytes());
    }
}

fn push_text(canonical: &mut Vec<u8>, text: &str) {
    push_bytes(canonical, text.as_bytes());
}

fn push_bytes(canonical: &mut Vec<u8>, bytes: &[u8]) {
    canonical.extend((bytes.len() as u64).to_le_bytes());
    canonical.extend(bytes);
}
