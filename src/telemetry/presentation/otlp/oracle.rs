//! For the tests of logs and traces: random attributes, and what they have to become, written over prost's message tree.

use std::collections::BTreeMap;

use base64::Engine;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value as Any,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;

use super::attributes::AttributeLimits;
use crate::shared::{MapColumn, OriginColumns, Timestamp};

pub const NOW: u64 = 1_795_000_000_000_000_000;

/// So few that random items meet the limit.
pub const LIMITS: AttributeLimits =
    AttributeLimits { count_max: 3, key_bytes_max: 256, value_bytes_max: 64 * 1_024 };

/// Attributes as the store will have them, and how many were dropped.
pub type Kept = (BTreeMap<String, String>, u32);

pub fn kept(attributes: &[KeyValue], dropped_by_sender: u32) -> Kept {
    let (mut map, mut dropped) = (BTreeMap::new(), dropped_by_sender);
    for attribute in attributes {
        let key = &attribute.key;
        let is_room = map.len() < LIMITS.count_max || map.contains_key(key) || key == "service.name";
        if key.is_empty() || !is_room {
            dropped = dropped.saturating_add(1);
        } else {
            map.insert(key.clone(), text_of(attribute.value.as_ref()));
        }
    }
    (map, dropped)
}

pub fn kept_by_us(column: &MapColumn, row: usize, dropped: u32) -> Kept {
    (column.row(row).map(|(key, value)| (key.to_owned(), value.to_owned())).collect(), dropped)
}

pub fn text_of(value: Option<&AnyValue>) -> String {
    match value.and_then(|any| any.value.as_ref()) {
        None => String::new(),
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::DoubleValue(number)) => double(*number),
        Some(Any::BytesValue(bytes)) => base64::engine::general_purpose::STANDARD.encode(bytes),
        Some(_) => json_of(value),
    }
}

/// The field number of the member that is set.
pub fn kind_of(value: Option<&AnyValue>) -> u8 {
    match value.and_then(|any| any.value.as_ref()) {
        None => 0,
        Some(Any::StringValue(_)) => 1,
        Some(Any::BoolValue(_)) => 2,
        Some(Any::IntValue(_)) => 3,
        Some(Any::DoubleValue(_)) => 4,
        Some(Any::ArrayValue(_)) => 5,
        Some(Any::KvlistValue(_)) => 6,
        Some(_) => 7,
    }
}

fn double(number: f64) -> String {
    match number {
        n if n.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        n if n == 0.0 || (1e-7..1e21).contains(&n.abs()) => format!("{n}"),
        n => format!("{n:e}"),
    }
}

fn json_of(value: Option<&AnyValue>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match value.and_then(|any| any.value.as_ref()) {
        None => "null".into(),
        Some(Any::BoolValue(flag)) => flag.to_string(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::DoubleValue(number)) if number.is_finite() => double(*number),
        Some(Any::ArrayValue(array)) => {
            let items: Vec<String> = array.values.iter().map(|value| json_of(Some(value))).collect();
            format!("[{}]", items.join(","))
        }
        Some(Any::KvlistValue(map)) => {
            let entry = |kv: &KeyValue| format!("{}:{}", quoted(&kv.key), json_of(kv.value.as_ref()));
            let entries: Vec<String> = map.values.iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
        Some(_) => quoted(&text_of(value)),
    }
}

/// What stands around an item, as both sides see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenOrigin {
    service: String,
    resource: Kept,
    resource_url: String,
    name: String,
    version: String,
    scope: Kept,
    scope_url: String,
}

impl SeenOrigin {
    pub fn by_us(origins: &OriginColumns, origin: u32) -> Self {
        let (resource, scope) = (origins.resource_of(origin), origin as usize);
        let (resources, scopes) = (&origins.resources, &origins.scopes);
        Self {
            service: resources.services.get(resource).unwrap().into(),
            resource: kept_by_us(&resources.attributes, resource, resources.dropped_attributes[resource]),
            resource_url: resources.schema_urls.get(resource).unwrap().into(),
            name: scopes.names.get(scope).unwrap().into(),
            version: scopes.versions.get(scope).unwrap().into(),
            scope: kept_by_us(&scopes.attributes, scope, scopes.dropped_attributes[scope]),
            scope_url: scopes.schema_urls.get(scope).unwrap().into(),
        }
    }

    pub fn by_prost(
        resource: Option<&Resource>,
        resource_url: &str,
        scope: Option<&InstrumentationScope>,
        scope_url: &str,
    ) -> Self {
        let (resource, scope) = (resource.cloned().unwrap_or_default(), scope.cloned().unwrap_or_default());
        let attributes = kept(&resource.attributes, resource.dropped_attributes_count);
        Self {
            service: attributes.0.get("service.name").cloned().unwrap_or_default(),
            resource: attributes,
            resource_url: resource_url.into(),
            scope: kept(&scope.attributes, scope.dropped_attributes_count),
            name: scope.name,
            version: scope.version,
            scope_url: scope_url.into(),
        }
    }
}

pub fn any_value() -> impl Strategy<Value = Option<AnyValue>> {
    let leaf = prop_oneof![
        1 => Just(None),
        4 => "\\PC{0,8}".prop_map(|text| Some(Any::StringValue(text))),
        1 => any::<bool>().prop_map(|flag| Some(Any::BoolValue(flag))),
        2 => any::<i64>().prop_map(|number| Some(Any::IntValue(number))),
        2 => any::<f64>().prop_map(|number| Some(Any::DoubleValue(number))),
        1 => (-9.0..9.0_f64).prop_map(|number| Some(Any::DoubleValue(number))),
        1 => proptest::collection::vec(any::<u8>(), 0..9).prop_map(|bytes| Some(Any::BytesValue(bytes))),
    ];
    let leaf = leaf.prop_map(|value| AnyValue { value });
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        let values = || proptest::collection::vec(inner.clone(), 0..4);
        let entries = proptest::collection::vec(("[a-c\"]{0,2}", inner.clone()), 0..4);
        prop_oneof![
            values().prop_map(|values| Any::ArrayValue(ArrayValue { values })),
            entries.prop_map(|entries| Any::KvlistValue(KeyValueList {
                values: entries.into_iter().map(|(key, value)| key_value(&key, Some(value))).collect(),
            })),
        ]
        .prop_map(|value| AnyValue { value: Some(value) })
    });
    proptest::option::weighted(0.9, nested)
}

pub fn key_value(key: &str, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

pub fn text(key: &str, value: &str) -> KeyValue {
    key_value(key, Some(AnyValue { value: Some(Any::StringValue(value.into())) }))
}

pub fn any_attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof![6 => "[a-d]{1,2}", 1 => Just(String::new()), 1 => Just("service.name".into())];
    let attribute = (key, any_value()).prop_map(|(key, value)| key_value(&key, value));
    proptest::collection::vec(attribute, 0..6)
}

/// Mostly some, seldom as many as there can be.
pub fn any_count() -> impl Strategy<Value = u32> {
    prop_oneof![4 => 0_u32..9, 1 => any::<u32>()]
}

pub fn any_time() -> impl Strategy<Value = u64> {
    prop_oneof![4 => NOW..NOW + 1_000, 2 => Just(0), 1 => any::<u64>()]
}

/// Mostly of the right length.
pub fn any_id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => proptest::collection::vec(any::<u8>(), length..=length),
        1 => proptest::collection::vec(any::<u8>(), 0..2 * length),
        1 => Just(Vec::new()),
        1 => Just(vec![0; length]),
    ]
}

prop_compose! {
    pub fn any_resource()(attributes in any_attributes(), dropped_attributes_count in any_count()) -> Resource {
        Resource { attributes, dropped_attributes_count, ..Resource::default() }
    }
}

prop_compose! {
    pub fn any_scope()(
        name in "[a-c]{0,2}", version in "[0-9.]{0,3}", attributes in any_attributes(), dropped in any_count(),
    ) -> InstrumentationScope {
        InstrumentationScope {
            name, version, attributes, dropped_attributes_count: dropped
        }
    }
}

/// Nanoseconds that can be a time, if they can.
pub fn in_time(nanos: u64) -> Option<i64> {
    i64::try_from(nanos).ok().filter(|time| *time <= Timestamp::LATEST.nanos())
}
