//! `PostedAlert`: what others say over the API of an alert of theirs; checked, it is an [`Alert`].

use std::time::Duration;

use super::matcher::NAME_BYTES_MAX;
use crate::alerting::domain::alert::{Alert, AlertKey, Phase};
use crate::alerting::domain::label_set::LabelSet;
use crate::shared::{TenantId, Timestamp};

/// An alert that does not say its end, and is not repeated, is over after so long (Alertmanager: `resolve_timeout`).
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5 * 60);
/// Labels and annotations of one alert together, in bytes.
pub const ALERT_BYTES_MAX: usize = 16_384;
pub const LABELS_MAX: usize = 64;
const URL_BYTES_MAX: usize = 2_048;

/// As it was sent.
#[derive(Debug, Clone, Default)]
pub struct PostedAlert {
    pub labels: LabelSet,
    pub annotations: LabelSet,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub generator_url: Box<str>,
}

/// Why a posted alert is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PostedError {
    #[error("at least one label pair required")]
    NoLabels,
    #[error("more than {LABELS_MAX} labels or annotations")]
    TooMany,
    #[error("the name of a label has 1 to {NAME_BYTES_MAX} bytes")]
    Name,
    #[error("more than {ALERT_BYTES_MAX} bytes of labels and annotations")]
    TooLarge,
    #[error("the generator's address has more than {URL_BYTES_MAX} bytes")]
    Url,
    #[error("start time must be before end time")]
    Times,
    #[error("too many alerts fire already")]
    TooManyAlerts,
}

impl PostedAlert {
    /// What is not said of its times follows from the other, else from now; without an end it lasts [`RESOLVE_TIMEOUT`].
    pub fn checked(self, tenant: TenantId, now: Timestamp) -> Result<Alert, PostedError> {
        self.check_texts()?;
        let starts_at = self.starts_at.or(self.ends_at).unwrap_or(now);
        let ends_at = self.ends_at.unwrap_or_else(|| now.plus(RESOLVE_TIMEOUT));
        if starts_at > ends_at {
            return Err(PostedError::Times);
        }
        let phase = match ends_at > now {
            true => Phase::Firing { expires: Some(ends_at) },
            false => Phase::Resolved { at: ends_at },
        };
        Ok(Alert {
            tenant,
            key: AlertKey::of(&self.labels),
            labels: self.labels,
            annotations: self.annotations,
            starts_at,
            phase,
            updated_at: now,
            generator_url: self.generator_url,
            finding: None,
            channels: Vec::new(),
        })
    }

    fn check_texts(&self) -> Result<(), PostedError> {
        if self.labels.is_empty() {
            return Err(PostedError::NoLabels);
        }
        if self.labels.len() > LABELS_MAX || self.annotations.len() > LABELS_MAX {
            return Err(PostedError::TooMany);
        }
        let pairs = || self.labels.iter().chain(self.annotations.iter());
        if pairs().any(|(name, _)| name.is_empty() || name.len() > NAME_BYTES_MAX) {
            return Err(PostedError::Name);
        }
        if pairs().map(|(name, value)| name.len() + value.len()).sum::<usize>() > ALERT_BYTES_MAX {
            return Err(PostedError::TooLarge);
        }
        if self.generator_url.len() > URL_BYTES_MAX {
            return Err(PostedError::Url);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;

    fn posted(starts: Option<i64>, ends: Option<i64>) -> PostedAlert {
        PostedAlert {
            labels: [("alertname", "x")].into_iter().collect(),
            starts_at: starts.map(second),
            ends_at: ends.map(second),
            ..PostedAlert::default()
        }
    }

    fn phase(starts: Option<i64>, ends: Option<i64>) -> Result<(Timestamp, Phase), PostedError> {
        let alert = posted(starts, ends).checked(TenantId::unnamed(), second(1_000))?;
        Ok((alert.starts_at, alert.phase))
    }

    #[test]
    fn times_that_are_not_said_follow_from_the_others() {
        let firing = |from, to| Ok((second(from), Phase::Firing { expires: Some(second(to)) }));
        assert_eq!(phase(None, None), firing(1_000, 1_300));
        assert_eq!(phase(Some(900), None), firing(900, 1_300));
        assert_eq!(phase(Some(900), Some(1_001)), firing(900, 1_001));
        assert_eq!(phase(Some(900), Some(1_000)), Ok((second(900), Phase::Resolved { at: second(1_000) })));
        assert_eq!(phase(None, Some(990)), Ok((second(990), Phase::Resolved { at: second(990) })));
        assert_eq!(phase(Some(5), Some(4)), Err(PostedError::Times));
    }

    #[test]
    fn what_is_empty_or_too_large_is_refused() {
        let refused = |alert: PostedAlert| alert.checked(TenantId::unnamed(), second(0)).unwrap_err();
        let many: LabelSet = (0..=LABELS_MAX).map(|i| (format!("l{i}"), "v")).collect();
        let large: LabelSet = [("a", "x".repeat(ALERT_BYTES_MAX))].into_iter().collect();
        let long_name: LabelSet = [("a".repeat(NAME_BYTES_MAX + 1), "x")].into_iter().collect();
        let base = || posted(None, None);
        assert_eq!(refused(PostedAlert::default()), PostedError::NoLabels);
        assert_eq!(refused(PostedAlert { labels: many, ..base() }), PostedError::TooMany);
        assert_eq!(refused(PostedAlert { annotations: large, ..base() }), PostedError::TooLarge);
        assert_eq!(refused(PostedAlert { labels: long_name, ..base() }), PostedError::Name);
        let generator_url = "x".repeat(URL_BYTES_MAX + 1).into();
        assert_eq!(refused(PostedAlert { generator_url, ..base() }), PostedError::Url);
    }
}
