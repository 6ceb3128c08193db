//! Bodies decode to what was meant, whatever was there before.

mod json;
mod logs;
mod metrics;
mod traces;

use clap::Parser;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::*;
use crate::spans as spans_sent;

const START: u64 = 1_700_000_000_000_000_000;

fn body(line: &str) -> Body {
    let arguments = Arguments::try_parse_from(std::iter::once("load").chain(line.split_whitespace()));
    Body::new(&arguments.unwrap().check().unwrap()).unwrap()
}

fn moment(later_nanos: u64) -> Moment {
    Moment { now_nanos: START + later_nanos, run_start_nanos: START }
}

fn text_of(attributes: &[KeyValue], key: &str) -> String {
    let found = attributes.iter().find(|attribute| attribute.key == key).unwrap();
    match found.value.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        other => panic!("{other:?} is not a string"),
    }
}

fn service_of(resource: Option<&Resource>) -> String {
    text_of(&resource.unwrap().attributes, "service.name")
}

fn assert_filled(bytes: &[u8]) {
    let times = [workload::TIME, workload::VALUE, log_records::TIME, spans_sent::START, spans_sent::EVENT];
    let times = times.map(u64::to_le_bytes);
    let texts = [workload::POD, workload::SERVICE, log_records::ID, log_records::ORDER, log_records::COUNT];
    let ids: [&[u8]; 3] = [spans_sent::TRACE, spans_sent::SPAN, spans_sent::PARENT];
    let placeholders = texts.iter().map(|text| text.as_bytes()).chain(ids);
    for placeholder in placeholders.chain(times.iter().map(|time| time.as_slice())) {
        let left = bytes.windows(placeholder.len()).any(|window| window == placeholder);
        assert!(!left, "{} is left", String::from_utf8_lossy(placeholder));
    }
}
