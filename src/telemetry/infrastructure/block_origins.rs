//! The columns that blocks of logs and spans have in common: the tenant, and what an origin is. Rows name theirs by a
//! dictionary: few resources send many rows, so that what a resource is stands once in a block, as text.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::ArrowError;

use crate::shared::{MapColumn, OriginColumns, TextColumn};

use super::block_columns::Words;

/// What stands around the rows of a request.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub tenant: &'a str,
    pub origins: &'a OriginColumns,
    /// The origin of each row.
    pub rows: &'a [u32],
}

/// The columns, a row for each row of the requests. Fails if what origins hold would pass 2 GiB.
pub fn origin_columns(requests: &[Around<'_>]) -> Result<Vec<(&'static str, ArrayRef)>, ArrowError> {
    let rows = requests.iter().map(|request| request.rows.len()).sum();
    let mut tenants = Words::with_rows(rows);
    for request in requests {
        let code = tenants.code(request.tenant);
        tenants.push(code, request.rows.len());
    }
    let resource = |column: fn(&OriginColumns) -> &TextColumn| {
        words_of_origins(requests, rows, column, OriginColumns::resource_of)
    };
    let scope = |column: fn(&OriginColumns) -> &TextColumn| {
        words_of_origins(requests, rows, column, |_, origin| origin as usize)
    };
    Ok(vec![
        ("Tenant", tenants.finish()?),
        ("ServiceName", resource(|origins| &origins.resources.services)?),
        ("ResourceSchemaUrl", resource(|origins| &origins.resources.schema_urls)?),
        (
            "resource_attributes",
            texts_of_maps(requests, rows, |o| &o.resources.attributes, OriginColumns::resource_of)?,
        ),
        (
            "ResourceDroppedAttributesCount",
            counts_of_origins(requests, |o| &o.resources.dropped_attributes, OriginColumns::resource_of),
        ),
        ("ScopeSchemaUrl", scope(|origins| &origins.scopes.schema_urls)?),
        ("ScopeName", scope(|origins| &origins.scopes.names)?),
        ("ScopeVersion", scope(|origins| &origins.scopes.versions)?),
        ("scope_attributes", texts_of_maps(requests, rows, |o| &o.scopes.attributes, |_, o| o as usize)?),
        (
            "ScopeDroppedAttributesCount",
            counts_of_origins(requests, |o| &o.scopes.dropped_attributes, |_, o| o as usize),
        ),
    ])
}

/// Which row of a column belongs to an origin.
type RowOf = fn(&OriginColumns, u32) -> usize;

fn words_of_origins(
    requests: &[Around<'_>],
    rows: usize,
    column: fn(&OriginColumns) -> &TextColumn,
    row_of: RowOf,
) -> Result<ArrayRef, ArrowError> {
    let mut words = Words::with_rows(rows);
    for request in requests {
        push_rows(&mut words, request, column(request.origins).iter(), row_of);
    }
    words.finish()
}

fn texts_of_maps(
    requests: &[Around<'_>],
    rows: usize,
    column: fn(&OriginColumns) -> &MapColumn,
    row_of: RowOf,
) -> Result<ArrayRef, ArrowError> {
    let texts: Vec<TextColumn> = requests.iter().map(|request| json_texts(column(request.origins))).collect();
    let mut words = Words::with_rows(rows);
    for (request, texts) in requests.iter().zip(&texts) {
        push_rows(&mut words, request, texts.iter(), row_of);
    }
    words.finish()
}

/// Adds the word of each row, given the words of the origins' resources or scopes.
fn push_rows<'a>(
    words: &mut Words<'a>,
    request: &Around<'_>,
    texts: impl Iterator<Item = &'a str>,
    row_of: RowOf,
) {
    let codes: Vec<i32> = texts.map(|text| words.code(text)).collect();
    let code = |origin: &u32| codes.get(row_of(request.origins, *origin)).copied().unwrap_or_default();
    words.extend(request.rows.iter().map(code));
}

/// Each map as a JSON object of strings; nothing for an empty one.
fn json_texts(maps: &MapColumn) -> TextColumn {
    let mut texts = TextColumn::default();
    for row in 0..maps.len() {
        write_json(texts.open(), maps.row(row));
        texts.close();
    }
    texts
}

fn write_json<'a>(text: &mut Vec<u8>, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    let begin = text.len();
    for (key, value) in entries {
        text.push(if text.len() == begin { b'{' } else { b',' });
        write_string(text, key);
        text.push(b':');
        write_string(text, value);
    }
    if text.len() > begin {
        text.push(b'}');
    }
}

/// A string as RFC 8259, section 7 has it. Writing one into memory does not fail.
fn write_string(text: &mut Vec<u8>, value: &str) {
    let _ = serde_json::to_writer(text, value);
}

fn counts_of_origins(
    requests: &[Around<'_>],
    column: fn(&OriginColumns) -> &Vec<u32>,
    row_of: RowOf,
) -> ArrayRef {
    let counts = requests.iter().flat_map(|request| {
        let counts = column(request.origins);
        request.rows.iter().map(move |o| counts.get(row_of(request.origins, *o)).copied().unwrap_or_default())
    });
    Arc::new(UInt32Array::from_iter_values(counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_a_json_object() {
        let mut text = Vec::from("before");
        write_json(&mut text, [("a", "1"), ("\"b\"", "\u{1}\n")].into_iter());
        assert_eq!(str::from_utf8(&text), Ok(r#"before{"a":"1","\"b\"":"\u0001\n"}"#));
        text.clear();
        write_json(&mut text, std::iter::empty());
        assert!(text.is_empty());
    }
}
