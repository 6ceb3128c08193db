//! The filter language over labels, shared by queries and alert rules:
//! `a="x" and b!="y" and c=~"re" and d in ("1","2") and e exists`.
//!
//! A label that a series does not have counts as the empty text, except for `exists`.

use std::hash::{Hash, Hasher};

use regex_automata::meta::{Config, Regex};

/// Longest filter, in bytes.
pub const FILTER_BYTES_MAX: usize = 4_096;
/// Most terms in one filter.
pub const TERMS_MAX: usize = 32;
/// Most values in one `in (...)`.
pub const VALUES_MAX: usize = 256;
/// Memory that one compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// The anchors of a pattern.
const BEFORE: &str = "^(?s:";
const AFTER: &str = ")$";

/// A conjunction of tests on labels. Empty: everything passes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct LabelFilter {
    terms: Vec<Term>,
}

/// One test on one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Term {
    pub label: Box<str>,
    pub test: LabelTest,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LabelTest {
    Equals(Box<str>),
    NotEquals(Box<str>),
    Matches(Pattern),
    NotMatches(Pattern),
    In(Vec<Box<str>>),
    NotIn(Vec<Box<str>>),
    Exists,
    Missing,
}

/// A regular expression that has to match the whole value (as in Prometheus).
#[derive(Debug, Clone)]
pub struct Pattern {
    anchored: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// Absent if it is not a valid expression, or too large.
    pub fn parse(text: &str) -> Option<Self> {
        Self::within(text, PATTERN_BYTES_MAX)
    }

    /// Absent if it is not a valid expression, or takes more memory than `bytes_max` compiled.
    pub fn within(text: &str, bytes_max: usize) -> Option<Self> {
        // On its own first: what is not whole by itself could close the group and escape the anchors.
        regex_syntax::parse(text).ok()?;
        // As in the store, a dot matches a line break too.
        let anchored = format!("{BEFORE}{text}{AFTER}");
        // States are made as texts are matched: making all of them before takes longer than most queries.
        let config = Config::new().dfa(false).nfa_size_limit(Some(bytes_max));
        let regex = Regex::builder().configure(config).build(&anchored).ok()?;
        Some(Self { anchored: anchored.into(), regex })
    }

    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The expression with its anchors.
    pub fn as_str(&self) -> &str {
        &self.anchored
    }

    /// The expression as it was written.
    pub fn written(&self) -> &str {
        let inner = self.anchored.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
        inner.unwrap_or(&self.anchored)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.anchored == other.anchored
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.anchored.hash(state);
    }
}

/// What is wrong with a filter, and where (a byte offset into its text).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position}")]
pub struct FilterError {
    pub position: usize,
    pub reason: FilterErrorReason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterErrorReason {
    #[error("expected a label name")]
    Label,
    #[error("expected one of = != =~ !~ in, not in, exists, not exists")]
    Operator,
    #[error("expected a text in double quotes")]
    Text,
    #[error("the text is not closed with a double quote")]
    OpenText,
    #[error("expected a list like (\"a\", \"b\")")]
    List,
    #[error("expected 'and'")]
    And,
    #[error("not a valid regular expression, or too large")]
    Pattern,
    #[error("the filter is longer than {FILTER_BYTES_MAX} bytes")]
    TooLong,
    #[error("more than {TERMS_MAX} terms")]
    TooManyTerms,
    #[error("more than {VALUES_MAX} values in a list")]
    TooManyValues,
}

impl LabelFilter {
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0 };
        if text.len() > FILTER_BYTES_MAX {
            return Err(parser.error(FilterErrorReason::TooLong));
        }
        let mut filter = Self::default();
        parser.skip_space();
        while parser.at < text.len() {
            if !filter.terms.is_empty() && !parser.take_word("and") {
                return Err(parser.error(FilterErrorReason::And));
            }
            filter.push(parser.term()?).map_err(|reason| parser.error(reason))?;
            parser.skip_space();
        }
        Ok(filter)
    }

    /// Adds `label = value`.
    pub fn push_equals(&mut self, label: &str, value: &str) -> Result<(), FilterErrorReason> {
        self.push(Term { label: label.into(), test: LabelTest::Equals(value.into()) })
    }

    /// Adds `label in (values)`.
    pub fn push_in(&mut self, label: &str, values: Vec<Box<str>>) -> Result<(), FilterErrorReason> {
        if values.len() > VALUES_MAX {
            return Err(FilterErrorReason::TooManyValues);
        }
        self.push(Term { label: label.into(), test: LabelTest::In(values) })
    }

    pub fn push(&mut self, term: Term) -> Result<(), FilterErrorReason> {
        if self.terms.len() == TERMS_MAX {
            return Err(FilterErrorReason::TooManyTerms);
        }
        self.terms.push(term);
        Ok(())
    }

    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether labels, given by a lookup, pass every term.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.terms.iter().all(|term| term.test.passes(label(&term.label)))
    }
}

impl LabelTest {
    fn passes(&self, value: Option<&str>) -> bool {
        let text = value.unwrap_or_default();
        match self {
            Self::Equals(wanted) => text == &**wanted,
            Self::NotEquals(unwanted) => text != &**unwanted,
            Self::Matches(pattern) => pattern.is_match(text),
            Self::NotMatches(pattern) => !pattern.is_match(text),
            Self::In(values) => values.iter().any(|wanted| text == &**wanted),
            Self::NotIn(values) => values.iter().all(|unwanted| text != &**unwanted),
            Self::Exists => value.is_some(),
            Self::Missing => value.is_none(),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn error(&self, reason: FilterErrorReason) -> FilterError {
        FilterError { position: self.at, reason }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn take(&mut self, symbol: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Takes a keyword that is not the beginning of a longer name.
    fn take_word(&mut self, word: &str) -> bool {
        self.skip_space();
        let rest = self.rest();
        let found = rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
            && !rest.get(word.len()..).is_some_and(|tail| tail.starts_with(is_name_character));
        if found {
            self.at += word.len();
        }
        found
    }

    fn term(&mut self) -> Result<Term, FilterError> {
        let label = self.label()?;
        let test = self.test()?;
        Ok(Term { label, test })
    }

    /// A bare name (`http.route`), or any text in double quotes.
    fn label(&mut self) -> Result<Box<str>, FilterError> {
        self.skip_space();
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let rest = self.rest();
        let end = rest.find(|c| !is_name_character(c)).unwrap_or(rest.len());
        let name = rest
            .get(..end)
            .filter(|name| !name.is_empty())
            .ok_or_else(|| self.error(FilterErrorReason::Label))?;
        self.at += end;
        Ok(name.into())
    }

    fn test(&mut self) -> Result<LabelTest, FilterError> {
        if self.take("=~") {
            return self.pattern().map(LabelTest::Matches);
        }
        if self.take("!~") {
            return self.pattern().map(LabelTest::NotMatches);
        }
        if self.take("!=") {
            return self.quoted().map(LabelTest::NotEquals);
        }
        if self.take("==") || self.take("=") {
            return self.quoted().map(LabelTest::Equals);
        }
        let negated = self.take_word("not");
        if self.take_word("in") {
            let values = self.list()?;
            return Ok(if negated { LabelTest::NotIn(values) } else { LabelTest::In(values) });
        }
        if self.take_word("exists") {
            return Ok(if negated { LabelTest::Missing } else { LabelTest::Exists });
        }
        Err(self.error(FilterErrorReason::Operator))
    }

    fn pattern(&mut self) -> Result<Pattern, FilterError> {
        let text = self.quoted()?;
        Pattern::parse(&text).ok_or_else(|| self.error(FilterErrorReason::Pattern))
    }

    /// A text in double quotes; `\"` and `\\` stand for the quote and the backslash, other backslashes for themselves.
    fn quoted(&mut self) -> Result<Box<str>, FilterError> {
        if !self.take("\"") {
            return Err(self.error(FilterErrorReason::Text));
        }
        let mut value = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((offset, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    return Ok(value.into());
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => break,
                },
                other => value.push(other),
            }
        }
        Err(self.error(FilterErrorReason::OpenText))
    }

    fn list(&mut self) -> Result<Vec<Box<str>>, FilterError> {
        if !self.take("(") {
            return Err(self.error(FilterErrorReason::List));
        }
        let mut values = Vec::new();
        loop {
            if values.len() == VALUES_MAX {
                return Err(self.error(FilterErrorReason::TooManyValues));
            }
            values.push(self.quoted()?);
            if self.take(")") {
                return Ok(values);
            }
            if !self.take(",") {
                return Err(self.error(FilterErrorReason::List));
            }
        }
    }
}

fn is_name_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':')
}

#[cfg(test)]
mod tests;
