//! The message by which people try a channel.

use uuid::Builder;

use crate::alerting::domain::alert::{Alert, AlertKey, NAME_LABEL, Phase, SEVERITY_LABEL};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{TenantId, Timestamp};

/// An alert of severity INFO that is over already, so that nothing stays open where it was sent.
pub fn sample(channel: &str, tenant: &TenantId, now: Timestamp, random: &mut fastrand::Rng) -> Notification {
    let labels: LabelSet =
        [(NAME_LABEL, "Test of the channel"), (SEVERITY_LABEL, "INFO"), ("channel", channel)]
            .into_iter()
            .collect();
    let alert = Alert {
        tenant: tenant.clone(),
        key: AlertKey::of(&labels),
        annotations: [("summary", "This is a test: nothing is wrong.")].into_iter().collect(),
        starts_at: now,
        phase: Phase::Resolved { at: now },
        updated_at: now,
        generator_url: "".into(),
        finding: None,
        channels: vec![channel.into()],
        labels: labels.clone(),
    };
    Notification {
        id: new_id(now, random),
        tenant: tenant.clone(),
        channel: channel.into(),
        group_key: "test".into(),
        group_labels: labels,
        alerts: vec![alert],
        truncated: 0,
        at: now,
    }
}

/// A UUID (version 7).
fn new_id(now: Timestamp, random: &mut fastrand::Rng) -> NotificationId {
    let millis = u64::try_from(now.nanos() / 1_000_000).unwrap_or_default();
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    let id = Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid();
    NotificationId(id.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;

    #[test]
    fn a_sample_says_that_it_is_one_and_leaves_nothing_open() {
        let mut random = fastrand::Rng::with_seed(1);
        let tenant = TenantId::unnamed();
        let [a, b] = [(), ()].map(|()| sample("ops", &tenant, second(5), &mut random));
        assert_ne!(a.id, b.id);
        assert_eq!(a.id.0.chars().nth(14), Some('7'));
        assert!(!a.is_firing());
        assert_eq!(a.common_labels().get("channel"), Some("ops"));
    }
}
