//! The query string of a rule's history.

use crate::alerting::presentation::query_string::{Parameters, count};
use crate::platform::http::Problem;
use crate::shared::Timestamp;

pub(super) use crate::alerting::presentation::query_string::Pairs;

pub(super) const BEFORE: &str = "before";
pub(super) const LIMIT: &str = "limit";
pub(super) const LIMIT_DEFAULT: usize = 100;
pub(super) const LIMIT_MAX: usize = 1_000;

/// The moment before which, and how many.
pub(super) fn history_page(pairs: Pairs, now: Timestamp) -> Result<(Timestamp, usize), Problem> {
    let parameters = Parameters::new(pairs, &[BEFORE, LIMIT])?;
    let before = parameters.moment(BEFORE)?.unwrap_or(Timestamp::from_nanos(now.nanos().saturating_add(1)));
    Ok((before, count(&parameters, LIMIT, LIMIT_DEFAULT, LIMIT_MAX)?))
}
