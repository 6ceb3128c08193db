//! The columns that blocks of logs and spans have in common: the tenant, and what an origin is, spelled out in each row.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_schema::ArrowError;

use crate::shared::{MapColumn, OriginColumns, TextColumn};

use super::block_columns::{Maps, Words};

/// What stands around the rows of a request.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    pub tenant: &'a str,
    pub origins: &'a OriginColumns,
    /// The origin of each row.
    pub rows: &'a [u32],
}

/// The columns that logs and spans have in common: the tenant, and what an origin is, spelled out in each row.
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
            "ResourceAttributes",
            maps_of_origins(requests, |o| &o.resources.attributes, OriginColumns::resource_of)?,
        ),
        (
            "ResourceDroppedAttributesCount",
            counts_of_origins(requests, |o| &o.resources.dropped_attributes, OriginColumns::resource_of),
        ),
        ("ScopeSchemaUrl", scope(|origins| &origins.scopes.schema_urls)?),
        ("ScopeName", scope(|origins| &origins.scopes.names)?),
        ("ScopeVersion", scope(|origins| &origins.scopes.versions)?),
        ("ScopeAttributes", maps_of_origins(requests, |o| &o.scopes.attributes, |_, o| o as usize)?),
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
        let codes: Vec<i32> = column(request.origins).iter().map(|text| words.code(text)).collect();
        let code = |origin: &u32| codes.get(row_of(request.origins, *origin)).copied().unwrap_or_default();
        words.extend(request.rows.iter().map(code));
    }
    words.finish()
}

fn maps_of_origins(
    requests: &[Around<'_>],
    column: fn(&OriginColumns) -> &MapColumn,
    row_of: RowOf,
) -> Result<ArrayRef, ArrowError> {
    // Counted first: what is spelled out may be a hundred times what was sent, and must not double when it grows.
    let (mut entries, mut bytes) = (0, 0);
    for request in requests {
        let column = column(request.origins);
        for origin in request.rows {
            let extent = column.row_extent(row_of(request.origins, *origin));
            entries += extent.0;
            bytes += extent.1;
        }
    }
    let rows = requests.iter().map(|request| request.rows.len()).sum();
    let mut maps = Maps::with_room(rows, entries, bytes);
    for request in requests {
        let rows = request.rows.iter().map(|origin| row_of(request.origins, *origin));
        maps.push_rows(column(request.origins), rows);
    }
    maps.finish()
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
