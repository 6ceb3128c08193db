//! Query strings of these routes. Parsed strictly, as all query strings are.

use crate::alerting::application::alert_listing::{AlertFilter, Standing};
use crate::alerting::domain::notifying::matcher::{MATCHERS_MAX, Matcher};
use crate::alerting::domain::notifying::matcher_text::parse_matcher;
use crate::alerting::presentation::query_string::Parameters;
use crate::platform::http::Problem;
use crate::shared::label_filter::Pattern;

pub(super) const FILTER: &str = "filter";
pub(super) const RECEIVER: &str = "receiver";
pub(super) const ACTIVE: &str = "active";
pub(super) const SILENCED: &str = "silenced";
pub(super) const INHIBITED: &str = "inhibited";
/// No alert is unprocessed: they are routed as they come in.
pub(super) const UNPROCESSED: &str = "unprocessed";
pub(super) const MUTED: &str = "muted";

pub(super) const OF_ALERTS: [&str; 6] = [FILTER, RECEIVER, ACTIVE, SILENCED, INHIBITED, UNPROCESSED];
pub(super) const OF_GROUPS: [&str; 6] = [FILTER, RECEIVER, ACTIVE, SILENCED, INHIBITED, MUTED];
pub(super) const OF_SILENCES: [&str; 1] = [FILTER];

pub(super) const EXPRESSION_BYTES_MAX: usize = 1_024;
const PATTERN_BYTES_MAX: usize = 128 << 10;
pub(super) fn matchers(parameters: &Parameters) -> Result<Vec<Matcher>, Problem> {
    if parameters.all(FILTER).count() > MATCHERS_MAX {
        return Err(Problem::invalid(format!("more than {MATCHERS_MAX}")).with_field(FILTER));
    }
    let wrong = |error: &dyn std::error::Error| Problem::invalid(error.to_string()).with_field(FILTER);
    parameters.all(FILTER).map(|text| parse_matcher(text).map_err(|error| wrong(&error))).collect()
}

pub(super) fn alert_filter(parameters: &Parameters) -> Result<AlertFilter, Problem> {
    let receiver = parameters.one(RECEIVER)?.map(|text| {
        let short = Some(text).filter(|text| text.len() <= EXPRESSION_BYTES_MAX);
        short.and_then(|text| Pattern::within(text, PATTERN_BYTES_MAX)).ok_or_else(|| {
            Problem::invalid("not a valid regular expression, or too large").with_field(RECEIVER)
        })
    });
    let mut without = Vec::new();
    for (name, standing) in [
        (ACTIVE, Standing::Active),
        (SILENCED, Standing::Silenced),
        (INHIBITED, Standing::Inhibited),
        (MUTED, Standing::Muted),
    ] {
        if flag(parameters, name)? == Flag::False {
            without.push(standing);
        }
    }
    flag(parameters, UNPROCESSED)?;
    Ok(AlertFilter { matchers: matchers(parameters)?, receiver: receiver.transpose()?, without })
}

/// True unless it is said.
fn flag(parameters: &Parameters, name: &str) -> Result<Flag, Problem> {
    match parameters.one(name)? {
        None | Some("true" | "1") => Ok(Flag::True),
        Some("false" | "0") => Ok(Flag::False),
        Some(_) => {
            Err(Problem::invalid("expected true or false").with_field(name).with_allowed(["true", "false"]))
        }
    }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flag {
    True,
    False,
}

#[cfg(test)]
mod tests {
    use axum::extract::Query;

    use super::*;

    fn filter(pairs: &[(&str, &str)]) -> Result<AlertFilter, Problem> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        alert_filter(&Parameters::new(Ok(Query(pairs)), &OF_ALERTS)?)
    }

    #[test]
    fn what_amtool_asks_for_is_understood() {
        let asked = filter(&[
            ("active", "true"),
            ("silenced", "false"),
            ("inhibited", "false"),
            ("unprocessed", "true"),
            ("filter", "alertname=\"a\""),
            ("filter", "job=~\"b.*\""),
            ("receiver", "ops|page"),
        ])
        .unwrap();
        assert_eq!(asked.without, [Standing::Silenced, Standing::Inhibited]);
        assert_eq!(asked.matchers.len(), 2);
        assert!(asked.receiver.unwrap().is_match("page"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (pairs, field, detail) in [
            (&[("filtr", "a=b")][..], "filtr", "unknown parameter"),
            (&[("filter", "a")], "filter", "expected one of = != =~ !~ at position 1"),
            (&[("receiver", "(")], "receiver", "not a valid regular expression, or too large"),
            (&[("active", "maybe")], "active", "expected true or false"),
            (&[("muted", "true")], "muted", "unknown parameter"),
            (&[("active", "true"), ("active", "true")], "active", "given more than once"),
        ] {
            let problem = filter(pairs).unwrap_err();
            assert_eq!((problem.field(), problem.detail()), (Some(field), detail));
        }
        let many = vec![("filter", "a=b"); MATCHERS_MAX + 1];
        assert_eq!(filter(&many).unwrap_err().field(), Some(FILTER));
    }
}
