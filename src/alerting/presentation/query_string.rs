//! Query strings of alerting's own routes, parsed strictly: an unknown name or a second value is an error.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;

use crate::platform::http::Problem;
use crate::shared::Timestamp;
use crate::shared::nearest::nearest;

/// Longest part of a name that an answer repeats, in characters.
const NAME_CHARS_MAX: usize = 64;

/// The query string, if it can be decoded.
pub type Pairs = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// Names and values, each name one of those that the route has.
#[derive(Debug)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn new(pairs: Pairs, known: &[&'static str]) -> Result<Self, Problem> {
        let Query(pairs) = pairs.map_err(|_| Problem::invalid("the query string cannot be decoded"))?;
        if let Some((unknown, _)) = pairs.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            let shown: String = unknown.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
            let near = nearest(unknown, known.iter().copied());
            let problem = Problem::invalid("unknown parameter").with_field(shown);
            return Err(problem.with_allowed(known.iter().copied()).with_near(near));
        }
        Ok(Self(pairs))
    }

    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn one(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut found = self.all(name);
        match (found.next(), found.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(Problem::invalid("given more than once").with_field(name)),
        }
    }

    /// Milliseconds since the epoch, as answers give them.
    pub fn moment(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let nanos = text.parse().ok().and_then(|ms: i64| ms.checked_mul(1_000_000));
        let wrong = || Problem::invalid("expected milliseconds since the epoch").with_field(name);
        nanos.map(Timestamp::from_nanos).ok_or_else(wrong).map(Some)
    }

    /// One of some words.
    pub fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.one(name)? else { return Ok(None) };
        let found = words.iter().find(|word| **word == text);
        let wrong = || {
            Problem::invalid("not one of the words allowed")
                .with_field(name)
                .with_allowed(words.iter().copied())
        };
        found.copied().ok_or_else(wrong).map(Some)
    }
}

/// For routes without parameters.
pub fn nothing_asked(pairs: Pairs) -> Result<(), Problem> {
    Parameters::new(pairs, &[]).map(drop)
}

/// 1 to `max`.
pub fn count(parameters: &Parameters, name: &str, default: usize, max: usize) -> Result<usize, Problem> {
    let Some(text) = parameters.one(name)? else { return Ok(default) };
    let count = text.parse().ok().filter(|count| (1..=max).contains(count));
    count.ok_or_else(|| Problem::invalid(format!("expected 1 to {max}")).with_field(name))
}
