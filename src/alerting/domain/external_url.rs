//! `ExternalUrl`: where people reach this server from outside, and the links that begin with it.

use super::alert::{Alert, Finding};

/// Longest one, in bytes.
const BYTES_MAX: usize = 1_024;

/// The beginning of an address, without a slash at its end. The default is that nobody said: then there are no links.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalUrl(Box<str>);

impl ExternalUrl {
    /// `http` or `https`; empty for none. Absent for anything that a link could not begin with.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('/');
        let fits =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'|' | b'"' | b'?' | b'#');
        let begins = text.is_empty() || text.starts_with("https://") || text.starts_with("http://");
        (begins && text.len() <= BYTES_MAX && text.bytes().all(fits)).then(|| Self(text.into()))
    }

    /// Empty if nobody said.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What raised a rule's alert.
    pub fn rule(&self, finding: &Finding) -> Option<String> {
        self.to("/api/v2/alert-rules/", &finding.rule_id)
    }

    /// The incident of a rule's alert.
    pub fn incident(&self, alert: &Alert) -> Option<String> {
        self.to("/api/v2/incidents/", &alert.finding.as_ref()?.incident.0)
    }

    /// Ids of rules and incidents need no escape; anything else is no link.
    fn to(&self, path: &str, id: &str) -> Option<String> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        (!self.0.is_empty() && id.bytes().all(fits)).then(|| format!("{}{path}{id}", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::notification_fixtures::alert;

    #[test]
    fn links_begin_with_it_and_without_it_there_are_none() {
        let alert = alert("cpu");
        let outside = ExternalUrl::parse("https://flow.example/telemetry/").unwrap();
        assert_eq!(outside.as_str(), "https://flow.example/telemetry");
        let incident = "https://flow.example/telemetry/api/v2/incidents/0197-incident";
        assert_eq!(outside.incident(&alert).as_deref(), Some(incident));
        let finding = alert.finding.clone().unwrap();
        let rule = "https://flow.example/telemetry/api/v2/alert-rules/checkout-latency";
        assert_eq!(outside.rule(&finding).as_deref(), Some(rule));
        assert_eq!(outside.rule(&Finding { rule_id: "a b".into(), ..finding.clone() }), None);
        let nobody_said = ExternalUrl::parse("").unwrap();
        assert_eq!((nobody_said.incident(&alert), nobody_said.rule(&finding)), (None, None));
    }

    #[test]
    fn what_is_no_beginning_of_a_link_is_refused() {
        let long = format!("https://{}", "x".repeat(BYTES_MAX));
        for text in
            ["flow.example", "javascript:alert(1)", "https://a b", "https://a|b", "https://a?b", &long]
        {
            assert_eq!(ExternalUrl::parse(text), None, "{text}");
        }
    }
}
