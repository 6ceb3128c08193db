//! `OriginColumns`: where the log records or spans of a request come from, decoded once and shared by index.

use super::map_column::MapColumn;
use super::text_columns::TextColumn;

/// Resources and scopes of a request. An *origin* is a scope together with its resource; rows name theirs by number.
#[derive(Debug, Clone, Default)]
pub struct OriginColumns {
    pub resources: ResourceColumns,
    pub scopes: ScopeColumns,
    /// The resource of each scope.
    resource_of: Vec<u32>,
}

/// Resources, column by column, a row each.
#[derive(Debug, Clone, Default)]
pub struct ResourceColumns {
    pub attributes: MapColumn,
    /// The attribute `service.name`; empty if there is none.
    pub services: TextColumn,
    pub schema_urls: TextColumn,
    pub dropped_attributes: Vec<u32>,
}

/// Instrumentation scopes, column by column, a row each.
#[derive(Debug, Clone, Default)]
pub struct ScopeColumns {
    pub attributes: MapColumn,
    pub names: TextColumn,
    pub versions: TextColumn,
    pub schema_urls: TextColumn,
    pub dropped_attributes: Vec<u32>,
}

impl ResourceColumns {
    pub fn len(&self) -> usize {
        self.services.len()
    }

    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// Keeps the first rows only.
    pub fn truncate(&mut self, rows: usize) {
        self.attributes.truncate(rows);
        self.services.truncate(rows);
        self.schema_urls.truncate(rows);
        self.dropped_attributes.truncate(rows);
    }
}

impl ScopeColumns {
    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Keeps the first rows only.
    pub fn truncate(&mut self, rows: usize) {
        self.attributes.truncate(rows);
        self.names.truncate(rows);
        self.versions.truncate(rows);
        self.schema_urls.truncate(rows);
        self.dropped_attributes.truncate(rows);
    }
}

impl OriginColumns {
    /// What an origin takes in memory beside its text, resource and scope together.
    pub const ORIGIN_BYTES: usize = 128;
    /// What an origin takes in each row of a block: its columns there, and the tenant's.
    pub const ROW_BYTES: usize = 40;

    /// Makes an origin of the scope and the resource that were added last, and gives its number.
    pub fn add(&mut self) -> u32 {
        let number = u32::try_from(self.resource_of.len()).unwrap_or(u32::MAX);
        let resource = self.resources.len().saturating_sub(1);
        self.resource_of.push(u32::try_from(resource).unwrap_or(u32::MAX));
        number
    }

    pub fn len(&self) -> usize {
        self.resource_of.len()
    }

    pub fn is_empty(&self) -> bool {
        self.resource_of.is_empty()
    }

    /// The resource of an origin, as a row of the resources. The origin itself is a row of the scopes.
    pub fn resource_of(&self, origin: u32) -> usize {
        self.resource_of.get(origin as usize).map_or(0, |resource| *resource as usize)
    }

    pub fn bytes(&self) -> usize {
        let Self { resources, scopes, resource_of } = self;
        let texts = [
            &resources.services,
            &resources.schema_urls,
            &scopes.names,
            &scopes.versions,
            &scopes.schema_urls,
        ];
        let texts: usize = texts.iter().map(|column| column.bytes()).sum();
        let counts = [&resources.dropped_attributes, &scopes.dropped_attributes, resource_of];
        let counts: usize = counts.iter().map(|column| column.capacity() * size_of::<u32>()).sum();
        texts + counts + resources.attributes.bytes() + scopes.attributes.bytes()
    }
}
