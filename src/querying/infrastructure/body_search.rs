//! Which log records have a text in their bodies. Most are told by their template or their values alone, which are a fraction of
//! the bytes of a body (`crate::shared::body_parts`). A template that is empty tells nothing: the body is its values.

use crate::platform::clickhouse::parameters;
use crate::shared::{BodyWord, body_words};

use super::search_sql::Conditions;

impl Conditions {
    /// Bodies that have this text as it is written. It is not empty.
    pub fn body_has(&mut self, text: &str) {
        let sought = Sought::new(text);
        if let Some(phrase) = sought.phrase {
            // A sum: where there is an `OR`, the engine reads the values before it looks at templates.
            let condition = "position(body_template, {phrase:String}) + empty(body_template) > 0";
            self.and(condition, parameters::text("phrase", phrase));
        }
        let mut places = vec!["position(body_template, {piece:String})".to_owned()];
        self.bound.push(parameters::text("piece", sought.piece));
        for (at, word) in sought.of_values.iter().enumerate() {
            places.push(format!("position(body_values, {{word_{at}:String}})"));
            self.bound.push(parameters::text(format!("word_{at}"), word));
        }
        self.sql.push_str(&format!(" AND {} > 0", places.join(" + ")));
        if !sought.is_told {
            self.and("position(Body, {text:String}) > 0", parameters::text("text", text));
        }
    }
}

/// What the parts of a body have that has a text.
#[derive(Debug, PartialEq, Eq)]
struct Sought<'t> {
    /// The longest piece that has no part in a value, so that the template has it.
    phrase: Option<&'t str>,
    /// The longest word with a digit, else the text: the template has it,
    piece: &'t str,
    /// or the values have one of these.
    of_values: Vec<&'t str>,
    /// Whether a body that has these has the text.
    is_told: bool,
}

impl<'t> Sought<'t> {
    fn new(text: &'t str) -> Self {
        let words = body_words(text);
        // In a body, a word at an end of the text may go on, and be a value there.
        let is_open = |word: &&BodyWord| word.range.start == 0 || word.range.end == text.len();
        let of_text = |word: &BodyWord| text.get(word.range.clone()).unwrap_or_default();
        let values = words.iter().filter(|word| word.is_value).map(of_text);
        let piece = values.max_by_key(|word| word.len());
        let open: Vec<&str> = words.iter().filter(is_open).map(of_text).collect();
        let of_values = match piece {
            Some(word) => vec![word],
            None if open.is_empty() => vec![text],
            None => open,
        };
        let cuts = words.iter().filter(|word| word.is_value || is_open(word));
        Self {
            phrase: longest_between(text, cuts),
            piece: piece.unwrap_or(text),
            is_told: of_values == [text],
            of_values,
        }
    }
}

/// The longest piece of a text between some of its words; absent if nothing is between them.
fn longest_between<'t, 'w>(text: &'t str, cuts: impl Iterator<Item = &'w BodyWord>) -> Option<&'t str> {
    let mut from = 0;
    let mut longest = "";
    for end in cuts.map(|cut| cut.range.clone()).chain(std::iter::once(text.len()..text.len())) {
        let piece = text.get(from..end.start).unwrap_or_default();
        longest = if piece.len() > longest.len() { piece } else { longest };
        from = end.end;
    }
    (!longest.is_empty()).then_some(longest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::shared::body_parts::{MARK, filled_template, is_mark};
    use crate::shared::split_body;

    use super::*;

    fn has(text: &[u8], piece: &str) -> bool {
        text.windows(piece.len()).any(|window| window == piece.as_bytes())
    }

    /// What the statement asks of a body's parts.
    fn is_found(sought: &Sought<'_>, text: &str, body: &str, template: &[u8], values: &[u8]) -> bool {
        sought.phrase.is_none_or(|phrase| template.is_empty() || has(template, phrase))
            && (has(template, sought.piece) || sought.of_values.iter().any(|word| has(values, word)))
            && (sought.is_told || body.contains(text))
    }

    #[test]
    fn what_is_sought_is_what_parts_of_a_body_must_have() {
        let sought = |phrase, piece, of_values: &[&'static str], is_told| Sought {
            phrase,
            piece,
            of_values: of_values.to_vec(),
            is_told,
        };
        for (text, expected) in [
            ("outbox", sought(None, "outbox", &["outbox"], true)),
            ("outbox is empty", sought(Some(" is "), "outbox is empty", &["outbox", "empty"], false)),
            (
                " outbox is empty:",
                sought(Some(" outbox is empty:"), " outbox is empty:", &[" outbox is empty:"], true),
            ),
            ("4711", sought(None, "4711", &["4711"], true)),
            ("the order 4711 was paid", sought(Some(" order "), "4711", &["4711"], false)),
            ("7 of 4711", sought(Some(" of "), "4711", &["4711"], false)),
            (": ", sought(Some(": "), ": ", &[": "], true)),
        ] {
            assert_eq!(Sought::new(text), expected, "{text}");
        }
    }

    proptest! {
        /// Of an alphabet in which texts are often found, and are often cut where they must not be.
        #[test]
        fn a_body_is_found_if_it_has_the_text(
            body in "[ab1 :]{0,12}",
            text in "[ab1 :]{1,4}",
            shared in prop::collection::vec(any::<bool>(), 8),
        ) {
            let (mut template, mut values) = (Vec::new(), Vec::new());
            split_body(body.as_bytes(), &mut template, &mut values);
            let (with_shared, own) = some_shared(&template, &values, &shared);
            let sought = Sought::new(&text);
            for (template, values) in
                [(&*template, &*values), (&*with_shared, &*own), (&[], body.as_bytes())]
            {
                prop_assert_eq!(is_found(&sought, &text, &body, template, values), body.contains(&text));
            }
        }
    }

    /// With some of the values in the template.
    fn some_shared(template: &[u8], values: &[u8], shared: &[bool]) -> (Vec<u8>, Vec<u8>) {
        let shared = || shared.iter().copied().chain(std::iter::repeat(false));
        // Behind the last value stands nothing.
        let in_text = values.split(is_mark).zip(shared()).map(|(value, is_shared)| match value {
            [_, ..] if !is_shared => &[MARK],
            _ => value,
        });
        let text = filled_template(template, in_text);
        let own = values.split_inclusive(is_mark).zip(shared()).filter(|(_, is_shared)| !is_shared);
        let own = own.flat_map(|(value, _)| value).copied().collect();
        (text, own)
    }
}
