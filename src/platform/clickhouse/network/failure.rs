//! Failures of the client, sorted by what to do about them, and whether the server may have done what it was asked.

use clickhouse::error::Error;
use hyper_util::client::legacy::Error as HttpError;

use super::super::{StoreError, StoreErrorKind};
use crate::shared::causes;

/// Whether no answer came, or none that a server of ours gives.
pub fn is_of_network(error: &Error) -> bool {
    matches!(error, Error::Network(_) | Error::TimedOut)
}

/// Whether the server cannot have got anything.
pub fn is_unsent(error: &Error) -> bool {
    match error {
        Error::Network(cause) => cause.downcast_ref::<HttpError>().is_some_and(HttpError::is_connect),
        _ => false,
    }
}

/// Of a statement that only reads.
pub fn of_query(error: Error) -> StoreError {
    match error {
        Error::BadResponse(message) => StoreError::from_engine(message),
        error if is_of_network(&error) => StoreError::new(StoreErrorKind::Unavailable, causes(&error)),
        error => StoreError::new(StoreErrorKind::Answer, causes(&error)),
    }
}

/// Of a statement that changes something: where no answer came, it may be done.
pub fn of_insert(error: Error) -> StoreError {
    match error {
        Error::BadResponse(message) => StoreError::from_engine(message),
        error if is_unsent(&error) => StoreError::new(StoreErrorKind::Unavailable, causes(&error)),
        error => StoreError::new(StoreErrorKind::Unknown, causes(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Error {
        Error::Network("connection reset".into())
    }

    #[test]
    fn an_insert_without_an_answer_may_be_done_and_a_query_may_be_asked_again() {
        assert_eq!(of_insert(network()).kind, StoreErrorKind::Unknown);
        assert_eq!(of_insert(Error::TimedOut).kind, StoreErrorKind::Unknown);
        assert_eq!(of_query(network()).kind, StoreErrorKind::Unavailable);
        assert_eq!(of_query(Error::NotEnoughData).kind, StoreErrorKind::Answer);
    }

    #[test]
    fn what_the_server_says_counts_by_its_code() {
        for (message, kind) in [
            ("Code: 252. DB::Exception: Too many parts", StoreErrorKind::Unavailable),
            ("Code: 241. DB::Exception: Memory limit exceeded", StoreErrorKind::Limit),
            ("Code: 516. DB::Exception: default: Authentication failed", StoreErrorKind::Unprepared),
            ("Code: 164. DB::Exception: readonly", StoreErrorKind::Unprepared),
            ("502 Bad Gateway", StoreErrorKind::Unknown),
        ] {
            assert_eq!(of_insert(Error::BadResponse(message.to_owned())).kind, kind, "{message}");
        }
    }
}
