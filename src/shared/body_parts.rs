//! How a log record's body stands in the store: as a *template* that many records share, and the *values* that tell them apart.
//!
//! A value is a word with a digit in it: `order 4711 was paid` is the template `order _ was paid` and the value `4711`. Values that
//! all bodies with this template share, of those that are stored together, stay in it. A body whose template hardly any other has is
//! kept whole: its template is empty, and its values are the body. What writes bodies and what searches them goes by this module.

use std::ops::Range;

/// Stands in a template for each value, and ends each of the values. No UTF-8 has this byte, so no body has it.
pub const MARK: u8 = 0xff;

/// A word of a text, as long as it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyWord {
    /// In bytes.
    pub range: Range<usize>,
    /// Whether it has a digit.
    pub is_value: bool,
}

/// Letters and digits of ASCII, and what joins them in ids, versions and names of hosts.
const fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The words of a text, in order.
pub fn body_words(text: &str) -> Vec<BodyWord> {
    let is_boundary = |at: &usize| {
        let of_word = |at: usize| text.as_bytes().get(at).copied().is_some_and(is_of_word);
        of_word(*at) && !at.checked_sub(1).is_some_and(of_word)
    };
    let word = |start: usize| {
        let rest = text.as_bytes().get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_of_word(*byte)).unwrap_or(rest.len());
        let is_value = rest.iter().take(length).any(u8::is_ascii_digit);
        BodyWord { range: start..start + length, is_value }
    };
    (0..text.len()).filter(is_boundary).map(word).collect()
}

/// Writes the template of a body, and its values with a mark behind each.
pub fn split_body(body: &[u8], template: &mut Vec<u8>, values: &mut Vec<u8>) {
    let mut rest = body;
    while let Some(digit) = rest.iter().position(u8::is_ascii_digit) {
        let (before, after) = rest.split_at(digit);
        let start = before.iter().rposition(|byte| !is_of_word(*byte)).map_or(0, |last| last + 1);
        let end = digit + after.iter().position(|byte| !is_of_word(*byte)).unwrap_or(after.len());
        template.extend_from_slice(rest.get(..start).unwrap_or_default());
        template.push(MARK);
        values.extend_from_slice(rest.get(start..end).unwrap_or_default());
        values.push(MARK);
        rest = rest.get(end..).unwrap_or_default();
    }
    template.extend_from_slice(rest);
}

/// The body of which these are the template and the values.
pub fn joined_body(template: &[u8], values: &[u8]) -> Vec<u8> {
    filled_template(template, values.split(is_mark))
}

/// Text and value in turns. There is a value behind the last text, too, if only an empty one.
pub fn filled_template<'v>(template: &[u8], values: impl Iterator<Item = &'v [u8]>) -> Vec<u8> {
    let pairs = template.split(is_mark).zip(values);
    pairs.flat_map(|(text, value)| text.iter().chain(value)).copied().collect()
}

/// Splits templates at values, and values at their ends.
pub fn is_mark(byte: &u8) -> bool {
    *byte == MARK
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(body: &str) -> (Vec<u8>, Vec<u8>) {
        let (mut template, mut values) = (Vec::new(), Vec::new());
        split_body(body.as_bytes(), &mut template, &mut values);
        (template, values)
    }

    #[test]
    fn words_with_a_digit_are_values() {
        for (body, template, values) in [
            ("order 4711 was paid", &b"order \xff was paid"[..], &b"4711\xff"[..]),
            ("GET /orders/a9-3 200", b"GET /orders/\xff \xff", b"a9-3\xff200\xff"),
            ("db-0.example:5432", b"\xff:\xff", b"db-0.example\xff5432\xff"),
            ("nothing to do", b"nothing to do", b""),
            ("7", b"\xff", b"7\xff"),
            ("ü4ü", b"\xc3\xbc\xff\xc3\xbc", b"4\xff"),
            ("", b"", b""),
        ] {
            assert_eq!(split(body), (template.to_vec(), values.to_vec()), "{body}");
        }
    }

    #[test]
    fn a_body_that_is_kept_whole_is_its_values() {
        assert_eq!(joined_body(b"", b"as it came"), b"as it came");
    }

    #[test]
    fn words_are_as_long_as_they_go() {
        let word = |range, is_value| BodyWord { range, is_value };
        assert_eq!(body_words(" ab-c: 1.2ü_"), [word(1..5, false), word(7..10, true), word(12..13, false)]);
        assert_eq!(body_words(" : ü"), []);
    }

    proptest! {
        #[test]
        fn a_body_is_its_template_and_its_values(body in "([a-c1-2 ._:ü\u{0}-]|\\PC){0,40}") {
            let (template, values) = split(&body);
            prop_assert_eq!(joined_body(&template, &values), body.as_bytes());
            let of_words: Vec<u8> = body_words(&body)
                .into_iter()
                .filter(|word| word.is_value)
                .flat_map(|word| [&body.as_bytes()[word.range], &[MARK]].concat())
                .collect();
            prop_assert_eq!(values, of_words);
        }
    }
}
