//! A notice as a Slack message: one pure function. Text from outside can neither mention nor link.

use serde_json::{Value, json};

use crate::alerting::application::channel::Notice;
use crate::alerting::domain::number_text::measured;
use crate::shared::{AlertTransition, Timestamp, duration_text};

/// Limits of Block Kit, in characters (docs.slack.dev, "Reference: blocks").
const HEADER_CHARS_MAX: usize = 150;
const SECTION_CHARS_MAX: usize = 3_000;
const FIELD_CHARS_MAX: usize = 2_000;
const FIELDS_MAX: usize = 10;
const URL_CHARS_MAX: usize = 2_000;

/// Annotations that have a place of their own.
const SUMMARY: &str = "summary";
const RUNBOOK: &str = "runbook_url";

/// The body of a request to an incoming webhook.
pub fn message(notice: &Notice) -> Value {
    let alert = notice.alert();
    let title = title(notice);
    let fallback = format!("{} ({})", escaped(&title), escaped(&alert.reason));
    json!({
        "text": cut(&fallback, SECTION_CHARS_MAX),
        "attachments": [{
            "color": colour(notice),
            "blocks": [
                // A header is plain text: nothing in it is read as markup.
                { "type": "header", "text": { "type": "plain_text", "text": cut(&title, HEADER_CHARS_MAX) } },
                { "type": "section", "text": markup(&summary(alert), SECTION_CHARS_MAX), "fields": fields(notice) },
                { "type": "context", "elements": [markup(&context(alert), FIELD_CHARS_MAX)] },
            ],
        }],
    })
}

fn title(notice: &Notice) -> String {
    match notice {
        Notice::Firing(alert) => format!("🔴 {}: {}", alert.severity, alert.rule_name),
        Notice::Resolved(alert) => format!("✅ Resolved: {}", alert.rule_name),
    }
}

fn colour(notice: &Notice) -> &'static str {
    match notice {
        Notice::Resolved(_) => "#2eb67d",
        Notice::Firing(alert) => match alert.severity {
            "CRITICAL" => "#a30200",
            "ERROR" => "#e01e5a",
            "WARN" => "#ecb22e",
            _ => "#36c5f0",
        },
    }
}

/// What the author of the rule wants people to read, else why it fired.
fn summary(alert: &AlertTransition) -> String {
    let written = annotation(alert, SUMMARY).filter(|text| !text.trim().is_empty());
    escaped(written.unwrap_or(&alert.reason))
}

fn fields(notice: &Notice) -> Vec<Value> {
    let alert = notice.alert();
    let shown = alert.value.map_or_else(|| "no data".to_owned(), measured);
    let mut fields = vec![field("Value", &format!("{shown} (threshold {})", alert.threshold))];
    match notice {
        Notice::Firing(_) => fields.push(field("Since", &time(alert.since))),
        Notice::Resolved(_) => {
            let lasted = duration_text::format(whole_seconds(alert));
            fields.push(field("Fired for", &format!("{lasted}, since {}", time(alert.since))));
            fields.extend(alert.peak.map(|peak| field("Peak", &measured(peak))));
        }
    }
    fields.push(field("Expression", &alert.expression));
    let labels: Vec<_> = alert.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !labels.is_empty() {
        fields.push(field("Labels", &labels.join("\n")));
    }
    let others = alert.annotations.iter().filter(|(name, _)| !matches!(&**name, SUMMARY | RUNBOOK));
    fields.extend(others.map(|(name, text)| field(name, text)));
    fields.truncate(FIELDS_MAX);
    fields
}

fn context(alert: &AlertTransition) -> String {
    let mut parts = vec![
        format!("Rule {}", escaped(&alert.rule_id)),
        format!("tenant {}", escaped(alert.tenant.as_str())),
        escaped(&alert.reason),
        time(alert.at),
    ];
    parts.extend(runbook(alert).map(|url| format!("<{url}|Runbook>")));
    parts.join(" · ")
}

/// A link only to where a browser goes, and without the characters that would end or label it.
fn runbook(alert: &AlertTransition) -> Option<String> {
    let url = annotation(alert, RUNBOOK)?.trim();
    let goes_to_a_page = url.starts_with("https://") || url.starts_with("http://");
    let unfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '|');
    let fits = url.chars().count() <= URL_CHARS_MAX && !url.contains(unfit);
    (goes_to_a_page && fits).then(|| escaped(url))
}

fn annotation<'a>(alert: &'a AlertTransition, name: &str) -> Option<&'a str> {
    alert.annotations.iter().find(|(known, _)| &**known == name).map(|(_, text)| &**text)
}

fn field(name: &str, text: &str) -> Value {
    markup(&format!("*{}*\n{}", escaped(name), escaped(text)), FIELD_CHARS_MAX)
}

/// Text whose outside parts are escaped already.
fn markup(text: &str, chars_max: usize) -> Value {
    json!({ "type": "mrkdwn", "text": cut(text, chars_max), "verbatim": true })
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

/// RFC 3339 in UTC, to the second.
fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.nanos().div_euclid(1_000_000_000))
        .map_or_else(|_| "at an unknown time".to_owned(), |time| time.to_string())
}

fn whole_seconds(alert: &AlertTransition) -> std::time::Duration {
    std::time::Duration::from_secs(alert.at.since(alert.since).as_secs())
}

#[cfg(test)]
mod tests;
