//! Fuzz target: OTLP/JSON bodies.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::json::check(body));
