//! What channels say of an alert, whatever they speak.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::alerting::domain::alert::{Alert, NAME_LABEL, SEVERITY_LABEL};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::Notification;
use crate::alerting::domain::number_text::measured;
use crate::shared::{Timestamp, duration_text};

/// Annotations that have a place of their own.
pub const SUMMARY: &str = "summary";
pub const RUNBOOK: &str = "runbook_url";
const DESCRIPTION: &str = "description";

/// Longest URL that is repeated, in characters.
const URL_CHARS_MAX: usize = 2_000;

/// As its label says, in capitals; empty if it does not.
pub fn severity(alert: &Alert) -> String {
    alert.labels.get(SEVERITY_LABEL).unwrap_or_default().to_uppercase()
}

/// From the least to the worst: a place among the severities that are known, those of other products included.
pub fn rank(severity: &str) -> u8 {
    match severity {
        "CRITICAL" | "PAGE" | "FATAL" => 4,
        "ERROR" => 3,
        "WARN" | "WARNING" => 2,
        "INFO" => 1,
        _ => 0,
    }
}

/// What the author wants people to read, else why it fired; empty if nobody says.
pub fn summary(alert: &Alert) -> &str {
    let written = |name| alert.annotations.get(name).filter(|text: &&str| !text.trim().is_empty());
    written(SUMMARY).or_else(|| written(DESCRIPTION)).unwrap_or_else(|| reason(alert))
}

pub fn reason(alert: &Alert) -> &str {
    alert.finding.as_ref().map_or("", |finding| &finding.reason)
}

/// `0.93 (threshold > 0.8)`; absent for alerts of others.
pub fn value(alert: &Alert) -> Option<String> {
    let finding = alert.finding.as_ref()?;
    let shown = finding.value.map_or_else(|| "no data".to_owned(), measured);
    Some(format!("{shown} (threshold {})", finding.threshold))
}

pub fn peak(alert: &Alert) -> Option<String> {
    alert.finding.as_ref().map(|finding| measured(finding.peak))
}

/// How long it fired, to the second.
pub fn lasted(alert: &Alert, now: Timestamp) -> String {
    let ended = alert.ends_at().unwrap_or(now);
    duration_text::format(Duration::from_secs(ended.since(alert.starts_at).as_secs()))
}

/// The labels that tell which series it is: without those that have a place of their own, and without those in `known`.
pub fn telling_labels<'a>(
    labels: &'a LabelSet,
    known: &'a LabelSet,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let plain = labels.iter().filter(|(name, _)| ![NAME_LABEL, SEVERITY_LABEL].contains(name));
    plain.filter(|(name, value)| known.get(name) != Some(*value))
}

/// `a=1, b=2`.
pub fn joined<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>, between: &str) -> String {
    labels.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(between)
}

/// `3 firing, 1 resolved`, with those that the notification does not hold.
pub fn counts(notification: &Notification) -> String {
    let (firing, resolved) = (notification.firing().count(), notification.resolved().count());
    let mut parts = Vec::new();
    for (count, what) in [(firing, "firing"), (resolved, "resolved"), (notification.truncated, "more")] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    parts.join(", ")
}

/// The name that all alerts share, else how many names there are.
pub fn names(notification: &Notification) -> String {
    let mut names: Vec<&str> = notification.alerts.iter().map(Alert::name).collect();
    names.sort_unstable();
    names.dedup();
    match names.as_slice() {
        [one] => (*one).to_owned(),
        many => format!("{} alerts", many.len()),
    }
}

/// The worst severity of those that fire.
pub fn worst(notification: &Notification) -> String {
    notification.firing().map(severity).max_by_key(|severity| rank(severity)).unwrap_or_default()
}

/// A link only to where a browser goes, and without the characters that would end or label it.
pub fn page(url: &str) -> Option<&str> {
    let url = url.trim();
    let goes_to_a_page = url.starts_with("https://") || url.starts_with("http://");
    let unfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '|');
    let fits = url.chars().count() <= URL_CHARS_MAX && !url.contains(unfit);
    (goes_to_a_page && fits).then_some(url)
}

pub fn runbook(alert: &Alert) -> Option<&str> {
    page(alert.annotations.get(RUNBOOK)?)
}

/// RFC 3339 in UTC, to the second.
pub fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.nanos().div_euclid(1_000_000_000))
        .map_or_else(|_| "at an unknown time".to_owned(), |time| time.to_string())
}

/// RFC 3339 in UTC, to the nanosecond.
pub fn exact_time(at: Timestamp) -> String {
    jiff::Timestamp::from_nanosecond(at.nanos().into()).unwrap_or_default().to_string()
}

/// 128 bits in hexadecimal digits: what an id may hold, whatever the texts are.
pub fn hashed(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// At most so many characters.
pub fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{kept}…")
}
