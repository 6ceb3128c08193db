//! Alertmanager's text form of matchers: `name="value"`, and lists `{a="b", c=~"d.*"}`, with or without the braces.
//!
//! Names may hold whatever is not reserved (`http.route`), or anything in double quotes. A value stands in double quotes, with
//! `\"`, `\\` and `\n`, or without any.

use super::matcher::{MATCHERS_MAX, Matcher, MatcherError, Operator, is_reserved};

/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 16_384;

/// What is wrong with a text, and where (a byte offset).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at position {position}")]
pub struct MatcherTextError {
    pub position: usize,
    pub reason: MatcherTextFault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatcherTextFault {
    #[error(transparent)]
    Matcher(#[from] MatcherError),
    #[error("expected one of = != =~ !~")]
    Operator,
    #[error("the text is not closed with a double quote")]
    OpenText,
    #[error("expected a comma between matchers")]
    Comma,
    #[error("the list is not closed with a brace")]
    OpenList,
    #[error("expected nothing more")]
    Surplus,
    #[error("more than {MATCHERS_MAX} matchers")]
    TooMany,
    #[error("the text is longer than {TEXT_BYTES_MAX} bytes")]
    TooLong,
}

/// One matcher. A value without quotes goes to the end of the text.
pub fn parse_matcher(text: &str) -> Result<Matcher, MatcherTextError> {
    let mut reader = Reader::new(text)?;
    let matcher = reader.matcher(End::OfText)?;
    reader.end()?;
    Ok(matcher)
}

/// Any number of matchers, separated by commas.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, MatcherTextError> {
    let mut reader = Reader::new(text)?;
    let braced = reader.take("{");
    let mut matchers = Vec::new();
    while !reader.at_end() && !reader.next_is("}") {
        if matchers.len() == MATCHERS_MAX {
            return Err(reader.fault(MatcherTextFault::TooMany));
        }
        matchers.push(reader.matcher(End::OfItem)?);
        if !reader.take(",") && !reader.at_end() && !reader.next_is("}") {
            return Err(reader.fault(MatcherTextFault::Comma));
        }
    }
    if braced && !reader.take("}") {
        return Err(reader.fault(MatcherTextFault::OpenList));
    }
    reader.end()?;
    Ok(matchers)
}

/// How far a value without quotes goes.
#[derive(Clone, Copy)]
enum End {
    OfText,
    /// To a comma or a closing brace.
    OfItem,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Result<Self, MatcherTextError> {
        let reader = Self { text, at: 0 };
        if text.len() > TEXT_BYTES_MAX {
            return Err(reader.fault(MatcherTextFault::TooLong));
        }
        Ok(reader)
    }

    fn fault(&self, reason: MatcherTextFault) -> MatcherTextError {
        MatcherTextError { position: self.at, reason }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn next_is(&mut self, symbol: &str) -> bool {
        self.skip_space();
        self.rest().starts_with(symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.next_is(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    fn at_end(&mut self) -> bool {
        self.skip_space();
        self.rest().is_empty()
    }

    fn end(&mut self) -> Result<(), MatcherTextError> {
        if self.at_end() { Ok(()) } else { Err(self.fault(MatcherTextFault::Surplus)) }
    }

    fn matcher(&mut self, end: End) -> Result<Matcher, MatcherTextError> {
        self.skip_space();
        let begin = self.at;
        let name = if self.next_is("\"") { self.quoted()? } else { self.until(is_reserved).to_owned() };
        if name.is_empty() {
            return Err(self.fault(MatcherError::Name.into()));
        }
        let operator = Operator::ALL.into_iter().find(|operator| self.take(operator.symbol()));
        let operator = operator.ok_or_else(|| self.fault(MatcherTextFault::Operator))?;
        self.skip_space();
        let value_at = self.at;
        let value = match (self.next_is("\""), end) {
            (true, _) => self.quoted()?,
            (false, End::OfText) => self.until(|c| c == '"').trim_end().to_owned(),
            (false, End::OfItem) => self.until(|c| matches!(c, ',' | '}' | '"')).trim_end().to_owned(),
        };
        Matcher::new(&name, operator, &value).map_err(|error| {
            let position = if error == MatcherError::Name { begin } else { value_at };
            MatcherTextError { position, reason: error.into() }
        })
    }

    fn until(&mut self, stop: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let taken = rest.get(..rest.find(stop).unwrap_or(rest.len())).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    /// A backslash before any other character stands for itself, as in Alertmanager.
    fn quoted(&mut self) -> Result<String, MatcherTextError> {
        let open = self.fault(MatcherTextFault::OpenText);
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1);
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(text);
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, escaped @ ('"' | '\\'))) => text.push(escaped),
                    Some((_, other)) => text.extend(['\\', other]),
                    None => return Err(open),
                },
                c => text.push(c),
            }
        }
        Err(open)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        parse_matcher(text).map_or_else(|error| error.to_string(), |matcher| matcher.to_string())
    }

    #[test]
    fn what_amtool_sends_is_understood() {
        for (text, expected) in [
            ("alertname=\"x\"", "alertname=\"x\""),
            (" job =~ \"a.*\" ", "job=~\"a.*\""),
            ("job!=a b, c ", "job!=\"a b, c\""),
            ("a!~\"\"", "a!~\"\""),
            ("a=", "a=\"\""),
            ("http.route=\"/a\\\"b\\\\c\\n\\d\"", "http.route=\"/a\\\"b\\\\c\\n\\\\d\""),
            ("\"a b\"=c", "\"a b\"=\"c\""),
            ("größe=\"ü\"", "größe=\"ü\""),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn a_wrong_text_is_told_with_its_place() {
        for (text, expected) in [
            ("", "expected the name of a label, of at most 256 bytes at position 0"),
            ("=a", "expected the name of a label, of at most 256 bytes at position 0"),
            ("a", "expected one of = != =~ !~ at position 1"),
            ("a~b", "expected one of = != =~ !~ at position 1"),
            ("a=\"b", "the text is not closed with a double quote at position 2"),
            ("a=\"b\\", "the text is not closed with a double quote at position 2"),
            ("a=\"b\" c", "expected nothing more at position 6"),
            ("a=b\"", "expected nothing more at position 3"),
            ("a=~\"(\"", "not a valid regular expression, or too large at position 3"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn lists_have_braces_or_none() {
        let texts = |text: &str| {
            parse_matchers(text).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        for text in ["{a=\"1,}\", b=~2}", "a=\"1,}\",b=~2", " { a=\"1,}\" , b=~2 , } "] {
            assert_eq!(texts(text).unwrap(), ["a=\"1,}\"", "b=~\"2\""], "{text}");
        }
        assert!(texts("{}").unwrap().is_empty() && texts("").unwrap().is_empty());
        for (text, reason, position) in [
            ("{a=b", MatcherTextFault::OpenList, 4),
            ("a=b}", MatcherTextFault::Surplus, 3),
            ("{a=\"b\" c=d}", MatcherTextFault::Comma, 7),
            ("{a=b} c", MatcherTextFault::Surplus, 6),
        ] {
            assert_eq!(texts(text), Err(MatcherTextError { position, reason }), "{text}");
        }
        let many = "a=b,".repeat(MATCHERS_MAX + 1);
        assert_eq!(texts(&many).unwrap_err().reason, MatcherTextFault::TooMany);
        assert_eq!(texts(&" ".repeat(TEXT_BYTES_MAX + 1)).unwrap_err().reason, MatcherTextFault::TooLong);
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(name in "[^\\x00-\\x1f\\x7f-\\x9f]{1,20}", value in "\\PC{0,20}", which in 0_usize..4) {
            let operator = Operator::ALL[which];
            if let Ok(matcher) = Matcher::new(&name, operator, &value) {
                let text = matcher.to_string();
                prop_assert_eq!(&parse_matcher(&text).unwrap(), &matcher);
                let list = format!("{{{text},{text}}}");
                prop_assert_eq!(parse_matchers(&list).unwrap(), vec![matcher.clone(), matcher]);
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".{0,60}") {
            if let Err(error) = parse_matchers(&text) {
                prop_assert!(error.position <= text.len());
            }
            let _ = parse_matcher(&text).is_ok();
        }
    }
}
