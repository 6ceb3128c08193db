//! Fuzz target: OTLP/JSON bodies.
#![no_main]

#[path = "../checks/json.rs"]
mod json;

libfuzzer_sys::fuzz_target!(|body: &[u8]| json::check(body));
