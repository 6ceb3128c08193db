//! Bodies of log records as two columns: templates, of which there are few, and values (`crate::shared::body_parts`).

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, BinaryArray, DictionaryArray};
use arrow_schema::ArrowError;

use crate::shared::body_parts::{MARK, filled_template, is_mark};
use crate::shared::{TextColumn, split_body};

use super::block_columns::Texts;

pub const TEMPLATES: &str = "body_template";
pub const VALUES: &str = "body_values";

/// A longer body is kept whole: it has little in common with others, and a dictionary is no place for it.
const TEMPLATE_BYTES_MAX: usize = 2_048;
/// The rows of a block that a template has to stand for. Below it, a dictionary takes more than it saves.
const ROWS_MIN: u32 = 8;
/// So many templates of a block are remembered: texts that are all different take no more memory than this.
const TEMPLATES_MAX: usize = 4_096;
/// The code of the empty template, which bodies have that are kept whole.
const WHOLE: usize = 0;

/// All rows of these columns, one column after the other: their templates and their values.
pub fn body_columns<'a>(
    columns: impl Iterator<Item = &'a TextColumn> + Clone,
) -> Result<[(&'static str, ArrayRef); 2], ArrowError> {
    let bodies = columns.flat_map(TextColumn::rows);
    let mut split = Split::default();
    bodies.clone().for_each(|body| split.push(body));
    let (templates, places) = split.templates();
    let values = split.values(bodies, &places);
    drop(split);
    Ok([
        (TEMPLATES, Arc::new(DictionaryArray::<Int32Type>::try_new(places.into(), Arc::new(templates))?)),
        (VALUES, Texts::of(std::iter::once(&values))?),
    ])
}

/// Bodies in their parts, before it is known which templates are worth it.
#[derive(Debug)]
struct Split {
    codes: HashMap<Arc<[u8]>, usize, ahash::RandomState>,
    /// By code.
    templates: Vec<Template>,
    /// The code of each row.
    rows: Vec<usize>,
    /// Of rows that have a template.
    values: TextColumn,
    /// The template of the row that is being looked at.
    template: Vec<u8>,
}

impl Default for Split {
    fn default() -> Self {
        let whole = Template::new(&[], &[]);
        Self {
            codes: HashMap::from_iter([(Arc::clone(&whole.text), WHOLE)]),
            templates: vec![whole],
            rows: Vec::new(),
            values: TextColumn::default(),
            template: Vec::new(),
        }
    }
}

impl Split {
    fn push(&mut self, body: &[u8]) {
        let code = if body.len() > TEMPLATE_BYTES_MAX { WHOLE } else { self.code(body) };
        if code == WHOLE {
            self.values.discard_open();
        } else if let Some(template) = self.templates.get_mut(code) {
            template.see(self.values.open_bytes());
        }
        self.values.close();
        self.rows.push(code);
    }

    /// The code of a body's template. Its values are written.
    fn code(&mut self, body: &[u8]) -> usize {
        self.template.clear();
        split_body(body, &mut self.template, self.values.open());
        if let Some(code) = self.codes.get(self.template.as_slice()) {
            return *code;
        }
        let code = self.templates.len();
        if code > TEMPLATES_MAX {
            return WHOLE;
        }
        let template = Template::new(&self.template, self.values.open_bytes());
        self.codes.insert(Arc::clone(&template.text), code);
        self.templates.push(template);
        code
    }

    /// The templates that are worth it, and the place of each row's among them.
    fn templates(&self) -> (BinaryArray, Vec<i32>) {
        let mut kept = vec![Vec::new()];
        let mut places = Vec::with_capacity(self.templates.len());
        for template in &self.templates {
            let is_kept = template.rows >= ROWS_MIN;
            places.push(if is_kept { i32::try_from(kept.len()).unwrap_or_default() } else { 0 });
            kept.extend(is_kept.then(|| template.with_shared_values()));
        }
        let place = |code: &usize| places.get(*code).copied().unwrap_or_default();
        (BinaryArray::from_iter_values(kept), self.rows.iter().map(place).collect())
    }

    /// The values that differ, or the body where it is kept whole.
    fn values<'a>(&self, bodies: impl Iterator<Item = &'a [u8]>, places: &[i32]) -> TextColumn {
        let mut values = TextColumn::default();
        let rows = self.rows.iter().zip(places).zip(self.values.rows());
        for (body, ((code, place), split)) in bodies.zip(rows) {
            match self.templates.get(*code) {
                Some(template) if *place != 0 => template.write_own_values(split, values.open()),
                _ => values.open().extend_from_slice(body),
            }
            values.close();
        }
        values
    }
}

/// What rows have in common, and which of their values they share, too.
#[derive(Debug)]
struct Template {
    text: Arc<[u8]>,
    rows: u32,
    /// The values of the first row.
    first: Box<[u8]>,
    /// By value: whether another row has another one.
    differs: Vec<bool>,
}

impl Template {
    fn new(text: &[u8], first: &[u8]) -> Self {
        let differs = vec![false; first.split_inclusive(is_mark).count()];
        Self { text: Arc::from(text), rows: 0, first: Box::from(first), differs }
    }

    /// Another row has these values.
    fn see(&mut self, values: &[u8]) {
        self.rows += 1;
        let pairs = values.split_inclusive(is_mark).zip(self.first.split_inclusive(is_mark));
        for (differs, (value, first)) in self.differs.iter_mut().zip(pairs) {
            *differs |= value != first;
        }
    }

    /// The text, in which values stand that all rows have.
    fn with_shared_values(&self) -> Vec<u8> {
        // Behind the last piece nothing differs.
        let differs = self.differs.iter().chain(&[false]);
        let values = self.first.split(is_mark).zip(differs);
        filled_template(&self.text, values.map(|(value, differs)| if *differs { &[MARK] } else { value }))
    }

    /// Those of a row's values that other rows do not share.
    fn write_own_values(&self, values: &[u8], own: &mut Vec<u8>) {
        for (value, differs) in values.split_inclusive(is_mark).zip(&self.differs) {
            own.extend_from_slice(if *differs { value } else { &[] });
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use crate::shared::joined_body;

    use super::*;

    /// Template and values of each row.
    fn parts(bodies: &[String]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let (first, second) = bodies.split_at(bodies.len() / 2);
        let columns = [first, second].map(|bodies| {
            let mut column = TextColumn::default();
            bodies.iter().for_each(|body| column.push(body));
            column
        });
        let [(_, templates), (_, values)] = body_columns(columns.iter()).unwrap();
        let templates = templates.as_dictionary::<Int32Type>();
        let words = templates.values().as_binary::<i32>();
        assert!(words.len() <= 1 + bodies.len() / ROWS_MIN as usize);
        let template = |row: usize| words.value(templates.key(row).unwrap()).to_vec();
        let values = values.as_binary::<i32>();
        (0..values.len()).map(|row| (template(row), values.value(row).to_vec())).collect()
    }

    fn assert_same(parts: &[(Vec<u8>, Vec<u8>)], bodies: &[String]) {
        let joined = parts.iter().map(|(template, values)| joined_body(template, values));
        assert!(joined.eq(bodies.iter().map(|body| body.clone().into_bytes())));
    }

    #[test]
    fn what_many_bodies_share_is_their_template() {
        let bodies: Vec<String> = (0..20).map(|number| format!("order {number} was paid")).collect();
        let parts = parts(&bodies);
        assert_eq!(parts[3], (b"order \xff was paid".to_vec(), b"3\xff".to_vec()));
        assert_same(&parts, &bodies);
    }

    #[test]
    fn values_that_all_rows_share_stay_in_the_template() {
        let body = |number: usize| format!("{number}: try 2 of 3 at {} by v1", number % 5);
        let bodies: Vec<String> = (0..20).map(body).chain((0..8).map(|_| "2 of 3".to_owned())).collect();
        let parts = parts(&bodies);
        assert_eq!(parts[3], (b"\xff: try 2 of 3 at \xff by v1".to_vec(), b"3\xff3\xff".to_vec()));
        assert_eq!(parts[20], (b"2 of 3".to_vec(), Vec::new()));
        assert_same(&parts, &bodies);
    }

    #[test]
    fn a_body_that_hardly_any_other_is_like_is_kept_whole() {
        let seldom = |number| format!("seldom {number}");
        let often = |number| format!("often {number}");
        let bodies: Vec<String> =
            (0..7).map(seldom).chain((0..8).map(often)).chain([String::new()]).collect();
        let parts = parts(&bodies);
        assert_eq!(parts[6], (Vec::new(), b"seldom 6".to_vec()));
        assert_eq!(parts[7], (b"often \xff".to_vec(), b"0\xff".to_vec()));
        assert_eq!(parts[15], (Vec::new(), Vec::new()));
        assert_same(&parts, &bodies);
    }

    #[test]
    fn bodies_that_are_long_or_all_different_take_no_more_than_themselves() {
        let letters = |mut number: usize| {
            let mut word = String::new();
            while number > 0 {
                word.push(char::from(b'a' + u8::try_from(number % 26).unwrap()));
                number /= 26;
            }
            word
        };
        let different = (0..TEMPLATES_MAX + 50).map(letters);
        let late = (0..ROWS_MIN).map(|number| format!("too late {number}"));
        let long = (0..ROWS_MIN).map(|number| "x".repeat(TEMPLATE_BYTES_MAX) + &number.to_string());
        let bodies: Vec<String> = different.chain(late).chain(long).collect();
        let parts = parts(&bodies);
        assert!(parts.iter().all(|(template, _)| template.is_empty()));
        assert_same(&parts, &bodies);
    }
}
