//! Fuzz target: log records in protobuf.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::logs::check(body));
