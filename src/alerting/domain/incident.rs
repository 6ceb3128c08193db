//! `Incident`: one open episode of a group, from the first message to the last, and what people did about it.
//!
//! A group that fires again within [`REOPEN_WITHIN`] reopens the incident that it had.

use std::time::Duration;

use super::alert::{AlertKey, IncidentId};
use super::label_set::LabelSet;
use super::rule_words::Severity;
use crate::shared::{TenantId, Timestamp};

/// How long after its end an incident is taken up again (alerting.md, "Evaluation").
pub const REOPEN_WITHIN: Duration = Duration::from_secs(300);
/// Most entries of a timeline. The oldest but the first go when there are more.
pub const TIMELINE_MAX: usize = 200;
/// Longest note or name that people give, in bytes.
pub const NOTE_BYTES_MAX: usize = 1_024;

/// One incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    pub id: IncidentId,
    pub tenant: TenantId,
    pub rule_id: Box<str>,
    pub rule_name: Box<str>,
    pub alert: AlertKey,
    pub labels: LabelSet,
    /// The worst that it had.
    pub severity: Severity,
    pub opened_at: Timestamp,
    pub state: IncidentState,
    pub assignee: Option<Box<str>>,
    pub timeline: Vec<Entry>,
}

/// Where an incident stands.
#[derive(Debug, Clone, PartialEq)]
pub enum IncidentState {
    Open,
    /// Somebody takes care of it: it is not told again until it changes.
    Acknowledged {
        by: Box<str>,
        at: Timestamp,
    },
    Resolved {
        at: Timestamp,
    },
    /// Somebody said that it is over, and the condition has held ever since. It is resolved for everybody; nothing more is told of it
    /// until the condition has ended, or becomes worse.
    Dismissed {
        at: Timestamp,
    },
}

/// Something that happened, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub at: Timestamp,
    pub what: Happening,
    pub text: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    Opened,
    Reopened,
    SeverityChanged,
    Acknowledged,
    Assigned,
    Resolved,
}

/// Why an incident cannot be changed so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IncidentError {
    #[error("the incident is resolved")]
    Resolved,
    #[error("a name or note has 1 to {NOTE_BYTES_MAX} bytes")]
    Text,
}

impl Happening {
    pub const ALL: [Self; 6] = [
        Self::Opened,
        Self::Reopened,
        Self::SeverityChanged,
        Self::Acknowledged,
        Self::Assigned,
        Self::Resolved,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Reopened => "reopened",
            Self::SeverityChanged => "severity",
            Self::Acknowledged => "acknowledged",
            Self::Assigned => "assigned",
            Self::Resolved => "resolved",
        }
    }
}

impl IncidentState {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Resolved { .. } | Self::Dismissed { .. } => "resolved",
        }
    }
}

impl Incident {
    pub const fn is_resolved(&self) -> bool {
        matches!(self.state, IncidentState::Resolved { .. } | IncidentState::Dismissed { .. })
    }

    /// Whether a group that fires at `now` is this incident still, or again.
    pub fn covers(&self, now: Timestamp) -> bool {
        match self.state {
            IncidentState::Resolved { at } => now.since(at) <= REOPEN_WITHIN,
            IncidentState::Open | IncidentState::Acknowledged { .. } | IncidentState::Dismissed { .. } => {
                true
            }
        }
    }

    #[must_use]
    pub fn opened(mut self, reason: &str) -> Self {
        self.note(self.opened_at, Happening::Opened, reason);
        self
    }

    #[must_use]
    pub fn reopened(mut self, severity: Severity, at: Timestamp, reason: &str) -> Self {
        self.severity = self.severity.max(severity);
        self.state = IncidentState::Open;
        self.note(at, Happening::Reopened, reason);
        self
    }

    /// A worse severity ends an acknowledgement: it is news.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity, at: Timestamp, reason: &str) -> Self {
        if severity > self.severity {
            self.severity = severity;
            self.state = IncidentState::Open;
        }
        self.note(at, Happening::SeverityChanged, reason);
        self
    }

    #[must_use]
    pub fn resolved(mut self, at: Timestamp, reason: &str) -> Self {
        self.state = IncidentState::Resolved { at };
        self.note(at, Happening::Resolved, reason);
        self
    }

    /// The condition does not hold any more. What somebody resolved before is over since then.
    #[must_use]
    pub fn calmed(self, at: Timestamp, reason: &str) -> Self {
        match self.state {
            IncidentState::Dismissed { at } => Self { state: IncidentState::Resolved { at }, ..self },
            IncidentState::Resolved { .. } => self,
            IncidentState::Open | IncidentState::Acknowledged { .. } => self.resolved(at, reason),
        }
    }

    /// Somebody says that it is over, and why.
    pub fn dismissed(mut self, by: &str, reason: &str, at: Timestamp) -> Result<Self, IncidentError> {
        self.may_change(by)?;
        self.may_change(reason)?;
        self.state = IncidentState::Dismissed { at };
        self.note(at, Happening::Resolved, &told_by(by, reason));
        Ok(self)
    }

    pub fn acknowledged(mut self, by: &str, note: &str, at: Timestamp) -> Result<Self, IncidentError> {
        self.may_change(by)?;
        self.state = IncidentState::Acknowledged { by: by.into(), at };
        self.note(at, Happening::Acknowledged, &told_by(by, note));
        Ok(self)
    }

    pub fn assigned(mut self, to: &str, at: Timestamp) -> Result<Self, IncidentError> {
        self.may_change(to)?;
        self.assignee = Some(to.into());
        self.note(at, Happening::Assigned, &format!("to {to}"));
        Ok(self)
    }

    fn may_change(&self, text: &str) -> Result<(), IncidentError> {
        if self.is_resolved() {
            return Err(IncidentError::Resolved);
        }
        let fits = !text.trim().is_empty() && text.len() <= NOTE_BYTES_MAX;
        if fits { Ok(()) } else { Err(IncidentError::Text) }
    }

    fn note(&mut self, at: Timestamp, what: Happening, text: &str) {
        if self.timeline.len() >= TIMELINE_MAX {
            self.timeline.remove(1);
        }
        self.timeline.push(Entry { at, what, text: text.into() });
    }
}

/// `by ada: on it`
pub fn told_by(by: &str, note: &str) -> String {
    let text = if note.is_empty() { format!("by {by}") } else { format!("by {by}: {note}") };
    text.get(..NOTE_BYTES_MAX).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;

    fn incident() -> Incident {
        let labels: LabelSet = [("host", "a")].into_iter().collect();
        let incident = Incident {
            id: IncidentId("i".into()),
            tenant: TenantId::unnamed(),
            rule_id: "r".into(),
            rule_name: "R".into(),
            alert: AlertKey::of(&labels),
            labels,
            severity: Severity::Warn,
            opened_at: second(0),
            state: IncidentState::Open,
            assignee: None,
            timeline: Vec::new(),
        };
        incident.opened("max 6 > 5")
    }

    fn happened(incident: &Incident) -> Vec<&'static str> {
        incident.timeline.iter().map(|entry| entry.what.name()).collect()
    }

    #[test]
    fn what_fires_again_soon_is_the_same_incident() {
        let over = incident().resolved(second(10), "max 1");
        assert!(over.covers(second(310)) && !over.covers(second(311)) && incident().covers(second(9_999)));
        let again = over.reopened(Severity::Warn, second(20), "max 7 > 5");
        assert_eq!(again.state, IncidentState::Open);
        assert_eq!(happened(&again), ["opened", "resolved", "reopened"]);
    }

    #[test]
    fn somebody_takes_care_of_it_until_it_gets_worse() {
        let taken = incident().acknowledged("ada", "on it", second(1)).unwrap();
        assert_eq!(&*taken.timeline[1].text, "by ada: on it");
        let same = taken.clone().with_severity(Severity::Info, second(2), "");
        assert!(matches!(same.state, IncidentState::Acknowledged { .. }));
        let worse = taken.with_severity(Severity::Critical, second(2), "max 11 > 10");
        assert_eq!((worse.state, worse.severity), (IncidentState::Open, Severity::Critical));
    }

    #[test]
    fn what_somebody_resolved_is_over_until_its_condition_has_ended_and_begins_again() {
        let taken = incident().acknowledged("ada", "", second(1)).unwrap();
        let over = taken.dismissed("ada", "disk replaced", second(10)).unwrap();
        assert!(over.is_resolved() && over.covers(second(99_999)), "{over:?}");
        assert_eq!((over.state.name(), &*over.timeline[2].text), ("resolved", "by ada: disk replaced"));
        let calm = over.clone().calmed(second(5_000), "max 1");
        assert_eq!((&calm.state, calm.timeline.len()), (&IncidentState::Resolved { at: second(10) }, 3));
        assert!(!calm.covers(second(5_001)) && calm.covers(second(310)));
        assert_eq!(over.clone().dismissed("bob", "me too", second(11)), Err(IncidentError::Resolved));
        let worse = over.reopened(Severity::Critical, second(20), "max 11 > 10");
        assert_eq!((worse.state, worse.severity), (IncidentState::Open, Severity::Critical));
    }

    #[test]
    fn who_resolves_says_who_and_why() {
        assert_eq!(incident().dismissed("ada", " ", second(1)), Err(IncidentError::Text));
        assert_eq!(incident().dismissed("", "why", second(1)), Err(IncidentError::Text));
        let long = "x".repeat(NOTE_BYTES_MAX + 1);
        assert_eq!(incident().dismissed("ada", &long, second(1)), Err(IncidentError::Text));
    }

    #[test]
    fn what_is_over_is_not_taken_up_by_hand() {
        let over = incident().resolved(second(10), "");
        assert_eq!(over.clone().acknowledged("ada", "", second(11)), Err(IncidentError::Resolved));
        assert_eq!(over.assigned("ada", second(11)), Err(IncidentError::Resolved));
        assert_eq!(incident().assigned(" ", second(1)), Err(IncidentError::Text));
    }

    #[test]
    fn a_timeline_is_bounded_and_keeps_its_beginning() {
        let mut long = incident();
        for at in 0..300 {
            long = long.with_severity(Severity::Warn, second(at), "");
        }
        assert_eq!((long.timeline.len(), long.timeline[0].what), (TIMELINE_MAX, Happening::Opened));
    }
}
