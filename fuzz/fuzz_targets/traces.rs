//! Fuzz target: spans in protobuf.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::traces::check(body));
