//! A notification as a Slack message: one pure function. Text from outside can neither mention nor link.

use serde_json::{Value, json};

use super::super::words::{self, RUNBOOK, SUMMARY};
use crate::alerting::domain::alert::Alert;
use crate::alerting::domain::external_url::ExternalUrl;
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notification::Notification;
use crate::shared::Timestamp;

/// Limits of Block Kit, in characters (docs.slack.dev, "Reference: blocks").
const HEADER_CHARS_MAX: usize = 150;
const SECTION_CHARS_MAX: usize = 3_000;
const FIELD_CHARS_MAX: usize = 2_000;
const FIELDS_MAX: usize = 10;

/// Alerts that a message of several names, firing ones and others each; more are counted.
const LINES_MAX: usize = 20;
const LINE_CHARS_MAX: usize = 400;

/// The body of a request to an incoming webhook.
pub fn message(notification: &Notification, external_url: &ExternalUrl) -> Value {
    match notification.alerts.as_slice() {
        [alert] if notification.truncated == 0 => about_one(alert, external_url, notification.at),
        _ => about_several(notification),
    }
}

fn about_one(alert: &Alert, external_url: &ExternalUrl, now: Timestamp) -> Value {
    let is_firing = alert.is_firing(now);
    let name = alert.name();
    let severity = words::severity(alert);
    let title = match is_firing {
        true if severity.is_empty() => format!("🔴 {name}"),
        true => format!("🔴 {severity}: {name}"),
        false => format!("✅ Resolved: {name}"),
    };
    let why = Some(words::reason(alert)).filter(|reason| !reason.is_empty());
    let why = why.unwrap_or_else(|| words::summary(alert));
    let fallback =
        if why.is_empty() { escaped(&title) } else { format!("{} ({})", escaped(&title), escaped(why)) };
    let summary = Some(words::summary(alert)).filter(|text| !text.is_empty()).unwrap_or(name);
    framed(
        &fallback,
        colour(is_firing, &severity),
        &[
            header(&title),
            json!({
                "type": "section",
                "text": markup(&escaped(summary), SECTION_CHARS_MAX),
                "fields": fields(alert, now),
            }),
            json!({ "type": "context", "elements": [markup(&context(alert, external_url, now), FIELD_CHARS_MAX)] }),
        ],
    )
}

fn fields(alert: &Alert, now: Timestamp) -> Vec<Value> {
    let mut fields: Vec<Value> =
        words::value(alert).map(|value| field("Value", &value)).into_iter().collect();
    let since = words::time(alert.starts_at);
    if alert.is_firing(now) {
        fields.push(field("Since", &since));
    } else {
        fields.push(field("Fired for", &format!("{}, since {since}", words::lasted(alert, now))));
        fields.extend(words::peak(alert).map(|peak| field("Peak", &peak)));
    }
    fields.extend(alert.finding.as_ref().map(|finding| field("Expression", &finding.expression)));
    let labels = words::joined(words::telling_labels(&alert.labels, &LabelSet::default()), "\n");
    if !labels.is_empty() {
        fields.push(field("Labels", &labels));
    }
    let others = alert.annotations.iter().filter(|(name, _)| ![SUMMARY, RUNBOOK].contains(name));
    fields.extend(others.map(|(name, text)| field(name, text)));
    fields.truncate(FIELDS_MAX);
    fields
}

fn context(alert: &Alert, external_url: &ExternalUrl, now: Timestamp) -> String {
    let mut parts = Vec::new();
    parts.extend(alert.finding.as_ref().map(|finding| format!("Rule {}", escaped(&finding.rule_id))));
    parts.push(format!("tenant {}", escaped(alert.tenant.as_str())));
    let reason = words::reason(alert);
    if !reason.is_empty() {
        parts.push(escaped(reason));
    }
    parts.push(words::time(now));
    parts.extend(external_url.incident(alert).map(|url| link(&url, "Incident")));
    parts.extend(words::runbook(alert).map(|url| link(url, "Runbook")));
    parts.extend(words::page(&alert.generator_url).map(|url| link(url, "Source")));
    parts.join(" · ")
}

fn about_several(notification: &Notification) -> Value {
    let is_firing = notification.is_firing();
    let severity = words::worst(notification);
    let what = format!("{} ({})", words::names(notification), words::counts(notification));
    let title = match is_firing {
        true if severity.is_empty() => format!("🔴 {what}"),
        true => format!("🔴 {severity}: {what}"),
        false => format!("✅ Resolved: {what}"),
    };
    let common = notification.common_labels();
    let mut blocks = vec![header(&title)];
    let firing: Vec<String> = notification.firing().map(|alert| firing_line(alert, &common)).collect();
    let resolved: Vec<String> =
        notification.resolved().map(|alert| resolved_line(alert, &common, notification.at)).collect();
    blocks.extend(section("Firing", &firing));
    blocks.extend(section("Resolved", &resolved));
    blocks.push(json!({
        "type": "context",
        "elements": [markup(&group_context(notification, &common), FIELD_CHARS_MAX)],
    }));
    framed(&escaped(&title), colour(is_firing, &severity), &blocks)
}

/// `• *CRITICAL* Checkout slow http.route=/cart: 0.93 (threshold > 0.8), since 2026-01-01T00:00:00Z`
fn firing_line(alert: &Alert, common: &LabelSet) -> String {
    let mut line = format!("• *{}* {}", escaped(&words::severity(alert)), subject(alert, common));
    if let Some(value) = words::value(alert) {
        line.push_str(&format!(": {}", escaped(&value)));
    }
    line.push_str(&format!(", since {}", words::time(alert.starts_at)));
    cut(&line, LINE_CHARS_MAX)
}

fn resolved_line(alert: &Alert, common: &LabelSet, now: Timestamp) -> String {
    let mut line = format!("• {}: fired for {}", subject(alert, common), words::lasted(alert, now));
    if let Some(peak) = words::peak(alert) {
        line.push_str(&format!(", peak {peak}"));
    }
    cut(&line, LINE_CHARS_MAX)
}

fn subject(alert: &Alert, common: &LabelSet) -> String {
    let labels = words::joined(words::telling_labels(&alert.labels, common), ", ");
    escaped(&format!("{} {labels}", alert.name())).trim_end().to_owned()
}

/// As many lines as fit; the rest is counted.
fn section(title: &str, lines: &[String]) -> Option<Value> {
    if lines.is_empty() {
        return None;
    }
    const REST_CHARS_MAX: usize = 40;
    let mut text = format!("*{title}*");
    let mut shown = 0;
    for line in lines.iter().take(LINES_MAX) {
        if text.chars().count() + line.chars().count() + 1 > SECTION_CHARS_MAX - REST_CHARS_MAX {
            break;
        }
        text.push('\n');
        text.push_str(line);
        shown += 1;
    }
    if shown < lines.len() {
        text.push_str(&format!("\n… and {} more", lines.len() - shown));
    }
    Some(json!({ "type": "section", "text": markup(&text, SECTION_CHARS_MAX) }))
}

fn group_context(notification: &Notification, common: &LabelSet) -> String {
    let mut parts = vec![format!("tenant {}", escaped(notification.tenant.as_str()))];
    let labels = words::joined(words::telling_labels(common, &LabelSet::default()), ", ");
    if !labels.is_empty() {
        parts.push(escaped(&labels));
    }
    parts.push(words::time(notification.at));
    let mut runbooks: Vec<&str> = notification.alerts.iter().filter_map(words::runbook).collect();
    runbooks.dedup();
    if let [url] = runbooks.as_slice() {
        parts.push(link(url, "Runbook"));
    }
    parts.join(" · ")
}

fn framed(fallback: &str, colour: &str, blocks: &[Value]) -> Value {
    json!({
        "text": cut(fallback, SECTION_CHARS_MAX),
        "attachments": [{ "color": colour, "blocks": blocks }],
    })
}

fn colour(is_firing: bool, severity: &str) -> &'static str {
    match (is_firing, words::rank(severity)) {
        (false, _) => "#2eb67d",
        (true, 4..) => "#a30200",
        (true, 3) => "#e01e5a",
        (true, 2) => "#ecb22e",
        (true, _) => "#36c5f0",
    }
}

/// A header is plain text: nothing in it is read as markup.
fn header(title: &str) -> Value {
    json!({ "type": "header", "text": { "type": "plain_text", "text": words::cut(title, HEADER_CHARS_MAX) } })
}

fn field(name: &str, text: &str) -> Value {
    markup(&format!("*{}*\n{}", escaped(name), escaped(text)), FIELD_CHARS_MAX)
}

/// Text whose outside parts are escaped already.
fn markup(text: &str, chars_max: usize) -> Value {
    json!({ "type": "mrkdwn", "text": cut(text, chars_max), "verbatim": true })
}

/// The address is one of a page: nothing in it ends the link.
fn link(url: &str, label: &str) -> String {
    format!("<{}|{label}>", escaped(url))
}

/// What Slack asks to escape (docs.slack.dev, "Formatting message text"); mentions and links are dead by it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// At most so many characters; an escape that would be cut in two is left out.
fn cut(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max - 1).collect();
    let torn = kept.rfind('&').filter(|at| !kept.get(*at..).unwrap_or_default().contains(';'));
    let whole = torn.filter(|at| kept.len() - at < "&amp;".len()).and_then(|at| kept.get(..at));
    format!("{}…", whole.unwrap_or(&kept))
}

#[cfg(test)]
mod tests;
