//! Writes OTLP/JSON in as many ways as the rules allow: spellings of numbers, order of members, members that do not count.
//! It knows no type of the program, so that tests within it and around it can use it.
#![allow(clippy::indexing_slicing, reason = "of lists of a known length")]
#![allow(missing_debug_implementations, reason = "for tests alone")]

#[path = "otlp_json/requests.rs"]
mod requests;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value as Any};

/// A JSON object under construction.
#[derive(Default)]
struct Members {
    /// Name and text of the value.
    written: Vec<(&'static str, String)>,
    /// Names of the `oneof`, if the message has one.
    either: &'static [&'static str],
}

impl Members {
    fn add(&mut self, name: &'static str, value: impl Into<String>) -> &mut Self {
        self.written.push((name, value.into()));
        self
    }
}

/// Chooses among the spellings by its random numbers.
pub struct Writer(pub fastrand::Rng);

impl Writer {
    fn often(&mut self) -> bool {
        self.0.u8(..4) == 0
    }

    /// In any order, among others that do not count.
    fn object(&mut self, mut members: Members) -> String {
        self.0.shuffle(&mut members.written);
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in std::mem::take(&mut members.written) {
            while self.often() {
                let decoy = self.decoy(name, members.either);
                // The one that counts comes later.
                all.insert(self.0.usize(..=all.len()), decoy);
            }
            all.push((name.to_owned(), value));
        }
        let names = all
            .iter()
            .map(|(name, _)| name.clone())
            .chain(members.either.iter().map(|&name| name.to_owned()));
        for name in names.collect::<Vec<_>>() {
            if self.0.u8(..20) == 0 {
                all.insert(self.0.usize(..=all.len()), (name, "null".to_owned()));
            }
        }
        let written: Vec<String> =
            all.iter().map(|(name, value)| format!("{}{}{value}", self.name(name), self.colon())).collect();
        let comma = if self.often() { " ,\n" } else { "," };
        format!("{{{}}}", written.join(comma))
    }

    fn colon(&mut self) -> &'static str {
        if self.often() { " :\t" } else { ":" }
    }

    /// An earlier member of the same name or `oneof`, or one with a name that is not known. Its value is anything.
    fn decoy(&mut self, name: &'static str, either: &'static [&'static str]) -> (String, String) {
        const ANYTHING: [&str; 9] = [
            "1",
            "true",
            "[]",
            "{}",
            "\"x\"",
            "[[null]]",
            r#"{"key":[1e3]}"#,
            "\"-1.5\"",
            r#"[{"name":"a"},{}]"#,
        ];
        let anything = ANYTHING[self.0.usize(..ANYTHING.len())].to_owned();
        let name = match self.0.u8(..4) {
            0 => snake_case(name),
            1 => format!("{name}X"),
            2 if either.contains(&name) => either[self.0.usize(..either.len())].to_owned(),
            _ => name.to_owned(),
        };
        // In lower case a name of one word is itself.
        (name, anything)
    }

    fn name(&mut self, name: &str) -> String {
        if self.0.u8(..20) == 0 { escaped(name) } else { format!("\"{name}\"") }
    }

    fn text(&mut self, text: &str) -> String {
        if self.often() { escaped(text) } else { serde_json::Value::from(text).to_string() }
    }

    fn array<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T) -> String) -> String {
        let items: Vec<String> = items.iter().map(|item| write(self, item)).collect();
        format!("[{}]", items.join(","))
    }

    /// Messages may stand among `null`.
    fn messages<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T) -> String) -> String {
        let mut all: Vec<String> = items.iter().map(|item| write(self, item)).collect();
        if self.0.u8(..10) == 0 {
            all.insert(self.0.usize(..=all.len()), "null".to_owned());
        }
        format!("[{}]", all.join(","))
    }

    fn quoted_or_not(&mut self, number: String) -> String {
        if self.0.bool() { format!("\"{number}\"") } else { number }
    }

    fn whole(&mut self, value: impl Into<i128>) -> String {
        let value: i128 = value.into();
        let written = match self.0.u8(..8) {
            0 => format!("{value}.0"),
            1 => format!("{value}.000e0"),
            2 if value != 0 => format!("{value}0E-1"),
            3 if value % 1_000 == 0 => format!("{}e+3", value / 1_000),
            _ => value.to_string(),
        };
        self.quoted_or_not(written)
    }

    fn double(&mut self, value: f64) -> String {
        if value.is_nan() {
            return "\"NaN\"".to_owned();
        }
        if value.is_infinite() {
            return if value > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }.to_owned();
        }
        let written = match self.0.u8(..4) {
            0 => format!("{value}"),
            1 => format!("{value:?}"),
            2 => format!("{value:.20E}"),
            _ => format!("{value:e}"),
        };
        self.quoted_or_not(written)
    }

    fn id(&mut self, id: &[u8]) -> String {
        let upper = self.0.bool();
        let digits = id.iter().map(|byte| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") });
        format!("\"{}\"", digits.collect::<String>())
    }

    fn bytes(&mut self, bytes: &[u8]) -> String {
        use base64::Engine;
        use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
        let text = match self.0.u8(..4) {
            0 => STANDARD.encode(bytes),
            1 => STANDARD_NO_PAD.encode(bytes),
            2 => URL_SAFE.encode(bytes),
            _ => URL_SAFE_NO_PAD.encode(bytes),
        };
        format!("\"{text}\"")
    }

    fn enumeration(&mut self, number: i32, names: &[&str]) -> String {
        let name = usize::try_from(number).ok().and_then(|number| names.get(number));
        match name {
            Some(name) if self.0.bool() => format!("\"{name}\""),
            _ => self.whole(number),
        }
    }

    fn value(&mut self, value: &AnyValue) -> String {
        let mut members = Members {
            either: &[
                "stringValue",
                "boolValue",
                "intValue",
                "doubleValue",
                "arrayValue",
                "kvlistValue",
                "bytesValue",
            ],
            ..Members::default()
        };
        match &value.value {
            None => {
                return if self.0.bool() {
                    "{}".to_owned()
                } else {
                    r#"{"unknown":{},"value":1}"#.to_owned()
                };
            }
            Some(Any::StringValue(text)) => members.add("stringValue", self.text(text)),
            Some(Any::BoolValue(value)) => members.add("boolValue", value.to_string()),
            Some(Any::IntValue(value)) => members.add("intValue", self.whole(*value)),
            Some(Any::DoubleValue(value)) => members.add("doubleValue", self.double(*value)),
            Some(Any::BytesValue(bytes)) => members.add("bytesValue", self.bytes(bytes)),
            Some(Any::ArrayValue(array)) => {
                let mut list = Members::default();
                // Within this array alone, `null` is a value.
                list.add(
                    "values",
                    self.array(&array.values, |writer, value| match &value.value {
                        None if writer.often() => "null".to_owned(),
                        _ => writer.value(value),
                    }),
                );
                members.add("arrayValue", self.object(list))
            }
            Some(Any::KvlistValue(map)) => {
                let mut list = Members::default();
                list.add("values", self.messages(&map.values, Self::attribute));
                members.add("kvlistValue", self.object(list))
            }
            Some(Any::StringValueStrindex(_)) => unreachable!("belongs to profiles"),
        };
        self.object(members)
    }

    fn attribute(&mut self, attribute: &KeyValue) -> String {
        let mut members = Members::default();
        members.add("key", self.text(&attribute.key));
        if let Some(value) = &attribute.value {
            members.add("value", self.value(value));
        }
        self.object(members)
    }

    fn attributes(&mut self, attributes: &[KeyValue]) -> String {
        self.messages(attributes, Self::attribute)
    }
}

/// Every character as `\u`.
fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

fn snake_case(name: &str) -> String {
    name.chars().fold(String::new(), |mut snake, c| {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
        snake
    })
}
