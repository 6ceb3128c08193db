//! Silences as JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::time_text::{Sent, parse};
use crate::alerting::domain::label_set::LabelSet;
use crate::alerting::domain::notifying::matcher::{Matcher, Operator};
use crate::alerting::domain::notifying::silence::{Silence, SilenceState, SilenceTerms};
use crate::alerting::presentation::words::time_to_the_millisecond as format;
use crate::platform::http::Problem;
use crate::shared::Timestamp;

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "GettableSilence")]
pub(super) struct SilenceBody {
    id: String,
    status: StateBody,
    updated_at: String,
    matchers: Vec<MatcherBody>,
    starts_at: String,
    ends_at: String,
    created_by: String,
    comment: String,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "SilenceStatus")]
struct StateBody {
    /// `pending`, `active` or `expired`.
    state: &'static str,
}

#[derive(Debug, JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SilenceMatcher")]
struct MatcherBody {
    name: String,
    /// A label that is missing counts as the empty text.
    value: String,
    /// Whether the value is a regular expression, which has to match the whole text.
    is_regex: bool,
    /// `false` turns the test around.
    #[serde(default = "yes")]
    is_equal: bool,
}

const fn yes() -> bool {
    true
}

/// A new silence, or with an `id` other terms for one. One that cannot be changed so ends, and a new one takes its place.
#[derive(Debug, JsonSchema, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PostableSilence")]
pub(super) struct PostedSilence {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    matchers: Vec<MatcherBody>,
    /// RFC 3339; a new silence begins now at the earliest.
    starts_at: String,
    /// RFC 3339.
    ends_at: String,
    created_by: String,
    comment: String,
}

#[derive(Debug, JsonSchema, Serialize)]
#[schemars(rename = "SilenceId")]
pub(super) struct IdBody {
    #[serde(rename = "silenceID")]
    pub(super) silence_id: String,
}

pub(super) const fn state_name(state: SilenceState) -> &'static str {
    match state {
        SilenceState::Pending => "pending",
        SilenceState::Active => "active",
        SilenceState::Expired => "expired",
    }
}

impl SilenceBody {
    pub(super) fn new(silence: &Silence, now: Timestamp) -> Self {
        let terms = &silence.terms;
        Self {
            id: silence.id.0.to_string(),
            status: StateBody { state: state_name(silence.state(now)) },
            updated_at: format(silence.updated_at),
            matchers: terms.matchers().iter().map(MatcherBody::from).collect(),
            starts_at: format(terms.starts_at()),
            ends_at: format(terms.ends_at()),
            created_by: terms.created_by().to_owned(),
            comment: terms.comment().to_owned(),
        }
    }
}

impl From<&Matcher> for MatcherBody {
    fn from(matcher: &Matcher) -> Self {
        Self {
            name: matcher.name().to_owned(),
            value: matcher.value().to_owned(),
            is_regex: matcher.operator().is_regex(),
            is_equal: matcher.operator().is_equal(),
        }
    }
}

impl PostedSilence {
    pub(super) fn terms(&self, now: Timestamp) -> Result<SilenceTerms, Problem> {
        let time = |text: &str, name: &'static str| match parse(text) {
            Some(Sent::At(at)) => Ok(Some(at)),
            Some(Sent::NotSet) => Ok(None),
            None => Err(Problem::invalid("expected a time of RFC 3339").with_field(name)),
        };
        let missing = || Problem::invalid("expected a time of RFC 3339").with_field("endsAt");
        let starts_at = time(&self.starts_at, "startsAt")?.unwrap_or(now);
        let ends_at = time(&self.ends_at, "endsAt")?.ok_or_else(missing)?;
        let matchers = self.matchers.iter().enumerate().map(|(place, body)| {
            body.matcher()
                .map_err(|error| Problem::invalid(error.to_string()).with_field(format!("matchers[{place}]")))
        });
        let matchers = matchers.collect::<Result<_, _>>()?;
        SilenceTerms::new(matchers, [starts_at, ends_at], &self.created_by, &self.comment)
            .map_err(|error| Problem::invalid(error.to_string()))
    }
}

impl MatcherBody {
    fn matcher(&self) -> Result<Matcher, crate::alerting::domain::notifying::matcher::MatcherError> {
        let operator = match (self.is_regex, self.is_equal) {
            (false, true) => Operator::Equal,
            (false, false) => Operator::NotEqual,
            (true, true) => Operator::Matches,
            (true, false) => Operator::NotMatches,
        };
        Matcher::new(&self.name, operator, &self.value)
    }
}

/// What filters of silences look at: the matchers as labels (Alertmanager, `CheckSilenceMatchesFilterLabels`).
pub(super) fn as_labels(silence: &Silence) -> LabelSet {
    silence.terms.matchers().iter().map(|matcher| (matcher.name(), matcher.value())).collect()
}
