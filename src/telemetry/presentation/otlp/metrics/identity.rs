//! Decodes a series' identity when it is first seen, and computes its id.

use xxhash_rust::xxh3::xxh3_64;

use crate::shared::{Attribute, MetricKind, SeriesId, SeriesIdentity, TenantId};
use crate::telemetry::domain::{Findings, Metric};

use super::super::attributes::{AttributeReader, AttributesError, KEY_BYTES_MAX, TypedAttribute, cut, utf8};
use super::super::wire::Reader;
use super::walker::{Around, AttributeBytes, POINT_ATTRIBUTES};

/// Longest description that is kept, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 4_096;

/// Decodes and canonicalises: attributes sorted and unique, so that their order does not matter.
pub fn decode(
    tenant: &TenantId,
    around: &Around<'_>,
    attributes: AttributeBytes<'_>,
    findings: &mut Findings,
) -> Result<SeriesIdentity, AttributesError> {
    let metric = &around.metric;
    let resource = attributes_in(around.resource, 1, findings)?;
    let scope = decode_scope(around.scope, findings)?;
    let attributes = match attributes {
        AttributeBytes::Run(fields) | AttributeBytes::Scattered(fields) => {
            attributes_in(fields, POINT_ATTRIBUTES, findings)?
        }
    };
    let id = canonical_id(tenant, metric, &resource, &scope, &attributes);
    let service = resource.iter().find(|a| &*a.attribute.key == "service.name");
    Ok(SeriesIdentity {
        id,
        tenant: tenant.clone(),
        metric: metric.name().as_str().into(),
        unit: metric.unit().as_str().into(),
        description: cut(utf8(around.description, findings), DESCRIPTION_BYTES_MAX, findings).into(),
        kind: metric.kind(),
        service: service.map(|a| a.attribute.value.clone()).unwrap_or_default(),
        resource: untyped(resource),
        scope_name: scope.name.into(),
        scope_version: scope.version.into(),
        attributes: untyped(attributes),
    })
}

fn untyped(attributes: Vec<TypedAttribute>) -> Vec<Attribute> {
    attributes.into_iter().map(|typed| typed.attribute).collect()
}

fn attributes_in(
    message: &[u8],
    number: u32,
    findings: &mut Findings,
) -> Result<Vec<TypedAttribute>, AttributesError> {
    let mut attributes = AttributeReader::default();
    let mut fields = Reader::new(message);
    while let Some((found, value)) = fields.next_field()? {
        if found == number {
            attributes.read(value.bytes()?, findings)?;
        }
    }
    Ok(attributes.finish(findings))
}

#[derive(Debug, Default)]
struct Scope {
    name: String,
    version: String,
    attributes: Vec<TypedAttribute>,
}

/// `InstrumentationScope`: name 1, version 2, attributes 3.
fn decode_scope(message: &[u8], findings: &mut Findings) -> Result<Scope, AttributesError> {
    let mut scope = Scope { attributes: attributes_in(message, 3, findings)?, ..Scope::default() };
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => scope.name = cut(utf8(value.bytes()?, findings), KEY_BYTES_MAX, findings),
            2 => scope.version = cut(utf8(value.bytes()?, findings), KEY_BYTES_MAX, findings),
            _ => {}
        }
    }
    Ok(scope)
}

/// Hashes what OTLP calls the identity of a timeseries (otlp.md, "Metrics"). The hash has no seed: every node and every
/// restart must find the same id. Version byte first, so that a later change cannot meet ids of this one.
fn canonical_id(
    tenant: &TenantId,
    metric: &Metric<'_>,
    resource: &[TypedAttribute],
    scope: &Scope,
    attributes: &[TypedAttribute],
) -> SeriesId {
    let mut canonical = vec![1];
    for text in [tenant.as_str(), metric.name().as_str(), metric.unit().as_str(), &scope.name, &scope.version]
    {
        push_text(&mut canonical, text);
    }
    canonical.extend(kind_bytes(metric.kind()));
    for list in [resource, &scope.attributes, attributes] {
        canonical.extend((list.len() as u64).to_le_bytes());
        for typed in list {
            push_text(&mut canonical, &typed.attribute.key);
            canonical.push(typed.value_kind);
            push_text(&mut canonical, &typed.attribute.value);
        }
    }
    SeriesId(xxh3_64(&canonical))
}

fn push_text(canonical: &mut Vec<u8>, text: &str) {
    canonical.extend((text.len() as u64).to_le_bytes());
    canonical.extend(text.as_bytes());
}

fn kind_bytes(kind: MetricKind) -> impl Iterator<Item = u8> {
    let names = [kind.name(), kind.temporality_name()];
    names.into_iter().flat_map(str::bytes).chain([u8::from(kind.is_monotonic())])
}
