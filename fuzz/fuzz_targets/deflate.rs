//! Fuzz target: bodies packed with deflate.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::deflate::check(body));
