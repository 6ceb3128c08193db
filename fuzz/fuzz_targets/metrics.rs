//! Fuzz target: metrics in protobuf.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::metrics::check(body));
