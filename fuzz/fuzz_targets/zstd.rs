//! Fuzz target: bodies packed with zstd.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::zstd::check(body));
