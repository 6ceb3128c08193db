//! gRPC server reflection, v1 and v1alpha: tells tools such as grpcurl which services there are.

use tonic_reflection::server::{Builder, Error, v1, v1alpha};

/// The OTLP services and what they import (`scripts/make-otlp-descriptors`).
const OTLP: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/otlp-descriptors.binpb"));
/// A request names one file, symbol or extension.
const REQUEST_BYTES_MAX: usize = 4_096;

pub(super) fn service_v1() -> Result<v1::ServerReflectionServer<impl v1::ServerReflection>, Error> {
    Ok(builder().build_v1()?.max_decoding_message_size(REQUEST_BYTES_MAX))
}

pub(super) fn service_v1alpha()
-> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>, Error> {
    Ok(builder().build_v1alpha()?.max_decoding_message_size(REQUEST_BYTES_MAX))
}

fn builder() -> Builder<'static> {
    Builder::configure()
        .register_encoded_file_descriptor_set(OTLP)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Signal;

    #[test]
    fn the_descriptors_are_readable_and_hold_every_service() {
        assert!(service_v1().is_ok() && service_v1alpha().is_ok());
        for signal in Signal::ALL {
            let (package, name) = super::super::service_name(signal).rsplit_once('.').unwrap();
            for text in [package, name] {
                assert!(OTLP.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "{text}");
            }
        }
    }
}
