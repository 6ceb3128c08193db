//! E-mail: one message per notification, in plain text; those of one incident or group make a conversation.

use std::sync::Arc;

use super::unreached;
use super::words::{self, hashed};
use crate::alerting::application::delivery::channel::{Answer, Channel, SendError, SendFailure, SendFuture};
use crate::alerting::domain::alert::Alert;
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::Notification;
use crate::platform::outgoing::{Mail, MailAddress, MailError, MailServer, OutgoingClient};
use crate::shared::{Clock, Timestamp};

const SUBJECT_CHARS_MAX: usize = 150;
/// Of each text in the body, in characters.
const TEXT_CHARS_MAX: usize = 4_000;
/// Of the body up to which alerts are described; the rest is counted. Some servers take no more than 1 MB.
const BODY_BYTES_MAX: usize = 256 * 1_024;

/// Gives mail to one server.
pub struct Email {
    pub client: OutgoingClient,
    pub server: MailServer,
    pub from: MailAddress,
    /// At least one.
    pub to: Vec<MailAddress>,
    pub clock: Arc<dyn Clock>,
    pub external_url: ExternalUrl,
}

impl Channel for Email {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        let host = self.from.host();
        let mail = Mail {
            from: self.from.clone(),
            to: self.to.clone(),
            subject: words::cut(&subject(notification), SUBJECT_CHARS_MAX),
            text: text(notification, &self.external_url),
            message_id: format!("<{}@{host}>", notification.id.0),
            thread: format!("<{}@{host}>", conversation(notification)),
            at: self.clock.now(),
        };
        Box::pin(async move {
            match self.client.mail(&self.server, mail).await {
                Ok(said) => Ok(Answer(format!("answered {said}").into())),
                Err(MailError::NotReached(error)) => Err(unreached(error)),
                Err(error @ (MailError::Refused(_) | MailError::Message(_))) => {
                    Err(SendError::Permanent { cause: SendFailure::Transport(error.into()) })
                }
                Err(error) => {
                    Err(SendError::Retry { after: None, cause: SendFailure::Transport(error.into()) })
                }
            }
        })
    }
}

/// The same for all that is told about one incident, else about one group. No message bears it: mail programs put those
/// together that answer the same one.
fn conversation(notification: &Notification) -> String {
    if let [Alert { finding: Some(finding), .. }] = notification.alerts.as_slice() {
        return hashed(&[&finding.incident.0]);
    }
    hashed(&[notification.tenant.as_str(), &notification.channel, &notification.group_key])
}

/// `[FIRING] CRITICAL: Checkout slow`; without counts for a single alert.
fn subject(notification: &Notification) -> String {
    let names = words::names(notification);
    let what = match (notification.alerts.len(), notification.truncated) {
        (1, 0) => names,
        _ => format!("{names} ({})", words::counts(notification)),
    };
    let severity = words::worst(notification);
    match notification.is_firing() {
        true if severity.is_empty() => format!("[FIRING] {what}"),
        true => format!("[FIRING] {severity}: {what}"),
        false => format!("[RESOLVED] {what}"),
    }
}

fn text(notification: &Notification, external_url: &ExternalUrl) -> String {
    let now = notification.at;
    let (mut text, mut told) = (String::new(), 0);
    for (title, alerts) in [
        ("Firing", notification.firing().collect::<Vec<_>>()),
        ("Resolved", notification.resolved().collect()),
    ] {
        if !alerts.is_empty() {
            text.push_str(&format!("{title}\n\n"));
        }
        for alert in alerts {
            if text.len() >= BODY_BYTES_MAX {
                break;
            }
            text.push_str(&about(alert, external_url, now));
            text.push('\n');
            told += 1;
        }
    }
    let rest = notification.alerts.len() - told + notification.truncated;
    if rest > 0 {
        text.push_str(&format!("... and {rest} more\n\n"));
    }
    text.push_str(&format!("-- \nTelemetryFlow, tenant {}, {}\n", notification.tenant, words::time(now)));
    text
}

/// A paragraph.
fn about(alert: &Alert, external_url: &ExternalUrl, now: Timestamp) -> String {
    let mut lines = vec![format!("* {} {}", words::severity(alert), alert.name()).replace("*  ", "* ")];
    let mut add = |name: &str, text: &str| {
        if !text.is_empty() {
            lines.push(format!("  {name}: {}", words::cut(text, TEXT_CHARS_MAX)));
        }
    };
    add("Summary", words::summary(alert));
    add("Value", &words::value(alert).unwrap_or_default());
    add("Since", &words::time(alert.starts_at));
    if !alert.is_firing(now) {
        add("Fired for", &words::lasted(alert, now));
        add("Peak", &words::peak(alert).unwrap_or_default());
    }
    if let Some(finding) = &alert.finding {
        add("Expression", &finding.expression);
        add("Reason", &finding.reason);
    }
    add("Labels", &words::joined(words::telling_labels(&alert.labels, &LabelSet::default()), ", "));
    let others =
        alert.annotations.iter().filter(|(name, _)| ![words::SUMMARY, words::RUNBOOK].contains(name));
    others.for_each(|(name, text)| add(name, text));
    add("Incident", &external_url.incident(alert).unwrap_or_default());
    add("Runbook", words::runbook(alert).unwrap_or_default());
    add("Source", words::page(&alert.generator_url).unwrap_or_default());
    lines.join("\n") + "\n"
}

impl std::fmt::Debug for Email {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Email").field("server", &self.server).field("to", &self.to).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::alert::IncidentId;
    use crate::alerting::domain::notification_fixtures::{alert, notification, resolved};

    fn text_of(notification: &Notification) -> String {
        text(notification, &ExternalUrl::parse("https://flow.example").unwrap())
    }

    #[test]
    fn a_message_tells_what_fires_and_since_when() {
        let mut told = notification("n", "mail", "Checkout slow", 1_767_225_600);
        told.alerts[0].annotations.set("runbook_url", "https://wiki/x");
        assert_eq!(subject(&told), "[FIRING] CRITICAL: Checkout slow");
        assert_eq!(
            text_of(&told),
            "Firing\n\n\
             * CRITICAL Checkout slow\n  Summary: 0.93 s on /cart\n  Value: 0.9333 (threshold > 0.8)\n  \
             Since: 1970-01-01T00:00:00Z\n  Expression: avg(http.server.duration) over 5m\n  \
             Reason: avg 0.9333 > 0.8 for 2m\n  Labels: http.route=/cart\n  \
             Incident: https://flow.example/api/v2/incidents/0197-incident\n  Runbook: https://wiki/x\n\n\
             -- \nTelemetryFlow, tenant default, 2026-01-01T00:00:00Z\n"
        );
    }

    #[test]
    fn what_is_over_tells_how_long_and_the_peak() {
        let told = resolved("n", "mail", "Checkout slow", 3_600);
        assert_eq!(subject(&told), "[RESOLVED] Checkout slow");
        assert!(text_of(&told).contains("\n  Fired for: 1h\n  Peak: 0.95\n"), "{}", text_of(&told));
    }

    #[test]
    fn several_alerts_are_counted_in_the_subject() {
        let mut told = notification("n", "mail", "Checkout slow", 9);
        told.alerts.push(alert("Disk full"));
        told.truncated = 2;
        assert_eq!(subject(&told), "[FIRING] CRITICAL: 2 alerts (2 firing, 2 more)");
        assert!(text_of(&told).contains("... and 2 more\n"));
    }

    #[test]
    fn a_large_group_makes_a_bounded_message_that_counts_the_rest() {
        let mut told = notification("n", "mail", "Checkout slow", 9);
        told.alerts = vec![alert("Checkout slow"); 10_000];
        let text = text_of(&told);
        let named = text.matches("* CRITICAL Checkout slow").count();
        assert!(text.len() < BODY_BYTES_MAX + 1_000 && named > 100, "{named}");
        assert!(text.contains(&format!("\n... and {} more\n", 10_000 - named)));
        assert_eq!(subject(&told), "[FIRING] CRITICAL: Checkout slow (10000 firing)");
    }

    #[test]
    fn a_conversation_lasts_as_long_as_its_incident_or_its_group() {
        let first = notification("1", "mail", "cpu", 1);
        assert_eq!(conversation(&first), conversation(&resolved("2", "mail", "cpu", 2)));
        let mut later = notification("3", "mail", "cpu", 3);
        later.alerts[0].finding.as_mut().unwrap().incident = IncidentId("another".into());
        assert_ne!(conversation(&first), conversation(&later));
        let mut first = first;
        for told in [&mut later, &mut first] {
            told.alerts.push(alert("more"));
            assert_eq!(conversation(told), hashed(&["default", "mail", "cpu"]));
        }
    }
}
