//! What attributes become, and what of them is cut off.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value as Any,
};
use prost::Message;

use super::*;
use crate::shared::Signal;

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn read(attributes: Vec<(&str, Option<Any>)>) -> (Vec<(String, String)>, Findings) {
    let (mut reader, mut findings) = (AttributeReader::default(), Findings::new(Signal::Metrics));
    for (key, value) in attributes {
        let key_value = KeyValue { key: key.into(), value: value.map(any), ..KeyValue::default() };
        reader.read(&key_value.encode_to_vec(), &mut findings).unwrap();
    }
    let read = reader.finish(&mut findings);
    (read.kept.into_iter().map(|a| (a.attribute.key.into(), a.attribute.value.into())).collect(), findings)
}

#[test]
fn every_type_has_its_text() {
    let nested = Any::KvlistValue(KeyValueList {
        values: vec![KeyValue {
            key: "k\"".into(),
            value: Some(any(Any::DoubleValue(f64::NAN))),
            ..KeyValue::default()
        }],
    });
    let array = Any::ArrayValue(ArrayValue {
        values: vec![
            any(Any::StringValue("x\n".into())),
            any(Any::IntValue(7)),
            AnyValue { value: None },
            any(nested),
        ],
    });
    let (read, findings) = read(vec![
        ("a", Some(Any::StringValue("text".into()))),
        ("b", Some(Any::BoolValue(true))),
        ("c", Some(Any::IntValue(-42))),
        ("d", Some(Any::DoubleValue(0.1))),
        ("e", Some(Any::DoubleValue(f64::NEG_INFINITY))),
        ("f", Some(Any::BytesValue(b"any carnal pleas".to_vec()))),
        ("g", Some(array)),
        ("h", None),
    ]);
    let texts: Vec<&str> = read.iter().map(|(_, value)| value.as_str()).collect();
    let expected = [
        "text",
        "true",
        "-42",
        "0.1",
        "-Infinity",
        "YW55IGNhcm5hbCBwbGVhcw==",
        r#"["x\n",7,null,{"k\"":"NaN"}]"#,
        "",
    ];
    assert_eq!(texts, expected);
    assert_eq!(findings, Findings::new(Signal::Metrics));
}

#[test]
fn keys_are_sorted_and_the_last_of_equals_counts() {
    let text = |t: &str| Some(Any::StringValue(t.into()));
    let (read, findings) = read(vec![("b", text("1")), ("a", text("2")), ("b", text("3")), ("", text("4"))]);
    assert_eq!(read, vec![("a".into(), "2".into()), ("b".into(), "3".into())]);
    let warnings: Vec<_> = findings.warnings().map(|(warning, _)| warning).collect();
    assert_eq!(warnings, vec![Warning::AttributeKeyEmpty, Warning::AttributeKeyTwice]);
}

#[test]
fn of_any_number_of_attributes_the_first_keys_stay_with_their_last_values() {
    let sent: Vec<(String, i64)> = (0..15_000).rev().map(|n| (format!("{:04}", n % 5_000), n)).collect();
    let sent = sent.iter().map(|(key, n)| (key.as_str(), Some(Any::IntValue(*n))));
    let (read, findings) = read(sent.collect());
    assert_eq!(read, (0..128).map(|n| (format!("{n:04}"), n.to_string())).collect::<Vec<_>>());
    assert!(findings.warnings().eq([(Warning::AttributeKeyTwice, 1), (Warning::AttributesTooMany, 1)]));
}

#[test]
fn sizes_are_capped_at_character_boundaries() {
    let long = "ü".repeat(VALUE_BYTES_MAX);
    let key = "k".repeat(KEY_BYTES_MAX + 1);
    let (read, findings) = read(vec![(&key, Some(Any::StringValue(long)))]);
    assert_eq!((read[0].0.len(), read[0].1.len()), (KEY_BYTES_MAX, VALUE_BYTES_MAX));
    assert_eq!(findings.warnings().collect::<Vec<_>>(), vec![(Warning::AttributeCut, 2)]);
}

#[test]
fn sixty_four_levels_are_accepted_and_more_are_rejected_without_a_deep_stack() {
    let nest = |levels: usize| {
        let mut message: Vec<u8> = Vec::new();
        for _ in 0..levels {
            // AnyValue { array_value { values: message } }, from the inside out.
            let mut array = vec![0x0a];
            prost::encoding::encode_varint(message.len() as u64, &mut array);
            array.extend(&message);
            message = vec![0x2a];
            prost::encoding::encode_varint(array.len() as u64, &mut message);
            message.extend(array);
        }
        append_value(&message, VALUE_BYTES_MAX, &mut String::new(), &mut Findings::new(Signal::Metrics))
            .map(|written| written.kind)
    };
    assert_eq!(nest(DEPTH_MAX), Ok(5));
    let too_deep = Err(AttributesError::Rejected(Rejection::AttributesTooDeep));
    assert_eq!(nest(DEPTH_MAX + 1), too_deep);
    assert_eq!(nest(20_000), too_deep);
}

#[test]
fn the_service_name_does_not_fall_to_the_limit() {
    let keys: Vec<String> = (0..2 * ATTRIBUTES_MAX).map(|n| format!("k{n:04}")).collect();
    let mut attributes: Vec<(&str, Option<Any>)> =
        keys.iter().map(|key| (key.as_str(), Some(Any::BoolValue(true)))).collect();
    attributes.push(("service.name", Some(Any::StringValue("shop".into()))));
    let (read, _) = read(attributes);
    assert_eq!(read.len(), ATTRIBUTES_MAX);
    assert!(read.is_sorted() && read.contains(&("service.name".into(), "shop".into())));
}

#[test]
fn what_would_be_cut_off_is_not_written() {
    let tiny = AnyValue { value: Some(Any::DoubleValue(f64::MIN_POSITIVE)) };
    let array = ArrayValue { values: vec![tiny; 1_000_000] }.encode_to_vec();
    let value = [vec![0x2a], prost_length(array.len()), array].concat();
    let mut text = String::new();
    append_value(&value, VALUE_BYTES_MAX, &mut text, &mut Findings::new(Signal::Metrics)).unwrap();
    assert!(text.len() < VALUE_BYTES_MAX + 1_000, "{}", text.len());
}

fn prost_length(length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(length as u64, &mut bytes);
    bytes
}
