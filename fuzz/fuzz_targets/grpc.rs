//! Fuzz target: the framing of gRPC requests.
#![no_main]

libfuzzer_sys::fuzz_target!(|body: &[u8]| telemetryflow_fuzz::grpc::check(body));
