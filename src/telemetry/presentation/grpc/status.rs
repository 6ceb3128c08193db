//! gRPC statuses: the code of each failure, and whether the client may come back (OTLP specification, "OTLP/gRPC Response").

use std::time::Duration;

use prost::Message;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt, pb};

use crate::platform::http::BodyError;
use crate::telemetry::presentation::otlp::answer::Refusal;
use crate::telemetry::presentation::otlp::receive::Failure;

use super::framing::FramingError;

/// Longest `grpc-message` as it is sent: clients bound the headers of an answer, some at 8 KiB.
const MESSAGE_BYTES_MAX: usize = 1_000;
/// When a client may try again after a passing fault.
const RETRY_DELAY: Duration = Duration::from_secs(1);

const RETRY_INFO: &str = "google.rpc.retryinfo-bin";

/// Why an export is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error("grpc-encoding may be one of identity, gzip, zstd")]
    Encoding,
    #[error("the message is marked as compressed, and grpc-encoding does not say how")]
    EncodingUnnamed,
    #[error("the cause is in the server's log")]
    Panicked,
}

impl Refused {
    /// What kind of refusal it is.
    pub(super) const fn refusal(&self) -> Refusal {
        match self {
            Self::Failure(failure) => failure.refusal(),
            Self::Framing(_) => Refusal::Malformed,
            Self::Encoding | Self::EncodingUnnamed => Refusal::Unsupported,
            Self::Panicked => Refusal::Internal,
        }
    }

    pub(super) fn status(self) -> Status {
        let message = self.to_string();
        match self {
            // Whoever was too slow may be faster next time, and whoever left does not hear it.
            Self::Failure(Failure::Body(BodyError::Disconnected)) => {
                passing(Code::Unavailable, &message, RETRY_DELAY)
            }
            Self::Failure(failure) => of_refusal(failure.refusal(), &message),
            Self::Framing(_) => lasting(Code::InvalidArgument, &message),
            Self::Encoding => lasting(Code::Unimplemented, &message),
            Self::EncodingUnnamed | Self::Panicked => lasting(Code::Internal, &message),
        }
    }

    /// Stable name, for counters.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Failure(failure) => failure.name(),
            Self::Framing(_) => "grpc_framing",
            Self::Encoding | Self::EncodingUnnamed => "content_encoding",
            Self::Panicked => "panic",
        }
    }
}

fn of_refusal(refusal: Refusal, message: &str) -> Status {
    match refusal {
        Refusal::Malformed => lasting(Code::InvalidArgument, message),
        Refusal::NotFound | Refusal::Method | Refusal::Unsupported => lasting(Code::Unimplemented, message),
        // Without RetryInfo, which would make the client send the same again.
        Refusal::TooLarge => lasting(Code::ResourceExhausted, message),
        // Whoever was too slow may be faster next time, and whoever left does not hear it.
        Refusal::Incomplete | Refusal::Busy => passing(Code::Unavailable, message, RETRY_DELAY),
        Refusal::Unauthenticated => lasting(Code::Unauthenticated, message),
        Refusal::Forbidden => lasting(Code::PermissionDenied, message),
        Refusal::TooMany { retry_after } => passing(Code::ResourceExhausted, message, retry_after),
        Refusal::Internal => lasting(Code::Internal, message),
    }
}

/// The same request would be refused again.
pub(super) fn lasting(code: Code, message: &str) -> Status {
    Status::new(code, bounded(message))
}

/// The same request may be sent again, after a while. That stands in the details, and once more in a trailer of its own, the
/// only place where Python's exporter looks for it.
fn passing(code: Code, message: &str, delay: Duration) -> Status {
    let details = ErrorDetails::with_retry_info(Some(delay));
    let mut status = Status::with_error_details(code, bounded(message), details);
    let detail =
        pb::Status::decode(status.details()).ok().and_then(|status| status.details.into_iter().next());
    if let Some(retry_info) = detail {
        status.metadata_mut().insert_bin(RETRY_INFO, MetadataValue::from_bytes(&retry_info.value));
    }
    status
}

/// Cut where it would pass the limit once percent-encoded.
fn bounded(message: &str) -> &str {
    let encoded = |c: char| if c.is_ascii_alphanumeric() { 1 } else { 3 * c.len_utf8() };
    let mut bytes = 0;
    let end = message.char_indices().find_map(|(at, c)| {
        bytes += encoded(c);
        (bytes > MESSAGE_BYTES_MAX).then_some(at)
    });
    end.and_then(|end| message.get(..end)).unwrap_or(message)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::platform::cpu_pool::PoolError;
    use crate::platform::http::BudgetExhausted;
    use crate::telemetry::application::IngestError;
    use crate::telemetry::presentation::otlp::content::UnpackError;
    use crate::telemetry::presentation::otlp::meter::MeterError;

    #[test]
    fn only_passing_faults_ask_the_client_to_come_back() {
        let passing = [
            Failure::Body(BodyError::Exhausted(BudgetExhausted)),
            Failure::Body(BodyError::Disconnected),
            Failure::Unpack(UnpackError::Meter(MeterError::Exhausted)),
            Failure::Meter(MeterError::Exhausted),
            Failure::Pool(PoolError::Busy),
            Failure::Ingest(IngestError::Overloaded),
            Failure::Ingest(IngestError::JournalFull),
            Failure::Ingest(IngestError::NoSpace),
            Failure::Ingest(IngestError::JournalFailed),
            Failure::Ingest(IngestError::ShuttingDown),
            Failure::Ingest(IngestError::NotStored),
        ];
        for failure in passing {
            let status = Refused::from(failure).status();
            let retry = status.get_details_retry_info().and_then(|retry| retry.retry_delay);
            assert_eq!((status.code(), retry), (Code::Unavailable, Some(RETRY_DELAY)), "{failure}");
            let trailer = status.metadata().get_bin(RETRY_INFO).and_then(|value| value.to_bytes().ok());
            // A RetryInfo whose delay is a Duration of one second.
            assert_eq!(trailer.as_deref(), Some(&[0x0a, 2, 0x08, 1][..]), "{failure}");
        }
        let lasting = [
            (Refused::from(Failure::Body(BodyError::TooLarge { bytes_max: 1 })), Code::ResourceExhausted),
            (Failure::Unpack(UnpackError::TooLarge).into(), Code::ResourceExhausted),
            (Failure::Unpack(UnpackError::Ratio).into(), Code::ResourceExhausted),
            (Failure::Meter(MeterError::TooMuch).into(), Code::ResourceExhausted),
            (Failure::Unpack(UnpackError::Malformed).into(), Code::InvalidArgument),
            (Failure::Pool(PoolError::Lost).into(), Code::Internal),
            (Failure::Ingest(IngestError::DeadLettered).into(), Code::Internal),
            (FramingError::Trailing.into(), Code::InvalidArgument),
            (Refused::Encoding, Code::Unimplemented),
            (Refused::EncodingUnnamed, Code::Internal),
            (Refused::Panicked, Code::Internal),
        ];
        for (refused, code) in lasting {
            let status = refused.status();
            assert_eq!((status.code(), status.details()), (code, &b""[..]), "{refused}");
        }
    }

    #[test]
    fn messages_stay_below_a_kibibyte_however_they_are_encoded() {
        for message in ["a".repeat(5_000), " ".repeat(5_000), "ü\n".repeat(2_000), "x€".repeat(400)] {
            for status in
                [lasting(Code::Internal, &message), passing(Code::Unavailable, &message, RETRY_DELAY)]
            {
                let response = status.into_http::<Body>();
                let sent = response.headers()["grpc-message"].len();
                assert!((900..1_024).contains(&sent) || message.starts_with(' '), "{sent}");
                let all: usize = response.headers().values().map(|value| value.len()).sum();
                assert!(all < 4_096, "{all}");
            }
        }
        assert_eq!(bounded("short"), "short");
    }
}
