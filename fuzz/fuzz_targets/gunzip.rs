//! Fuzz target: bodies packed with gzip.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::gunzip::check(body));
