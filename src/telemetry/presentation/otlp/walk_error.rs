//! `WalkError`: why the walk of a request ends before the request does.

use super::meter::MeterError;
use super::wire::WireError;

/// Nothing of the request is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    #[error(transparent)]
    Wire(#[from] WireError),
    #[error(transparent)]
    Meter(#[from] MeterError),
}
