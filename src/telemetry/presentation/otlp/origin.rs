//! `OriginIntake`: decodes the resource and the scope around log records or spans, once and only if there are any.

use crate::shared::{OriginColumns, ResourceColumns, ScopeColumns};
use crate::telemetry::domain::Rejection;

use super::any_value::cut_bytes;
use super::fields::{Repeated, uint32};
use super::item_texts::{ItemError, ItemTexts};
use super::wire::{Reader, WireError};

/// Field number of the attributes in a `Resource`.
const RESOURCE_ATTRIBUTES: u32 = 1;
/// Field number of the attributes in an `InstrumentationScope`.
const SCOPE_ATTRIBUTES: u32 = 3;

/// More of a name is not shown to its sender.
const SHOWN_BYTES_MAX: usize = 256;

/// What stands around an item: unchecked bytes, empty where the sender gave nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct OriginBytes<'a> {
    pub resource: &'a [u8],
    pub resource_schema_url: &'a [u8],
    pub scope: &'a [u8],
    pub scope_schema_url: &'a [u8],
}

/// The origin that is walked just now, as far as it was decoded. That it is not acceptable is remembered too.
#[derive(Debug, Default)]
pub struct OriginIntake {
    resource: Option<Result<(), Rejection>>,
    /// Its number.
    origin: Option<Result<u32, Rejection>>,
    scope_name: Option<Box<[u8]>>,
}

impl OriginIntake {
    /// Another resource begins, and with it another scope.
    pub fn next_resource(&mut self) {
        *self = Self::default();
    }

    pub fn next_scope(&mut self) {
        self.origin = None;
        self.scope_name = None;
    }

    /// The name of the scope, for the sender's eyes: cut, and empty if it cannot be read. Looked up once, however many of its
    /// items are rejected.
    pub fn scope_name(&mut self, bytes: &OriginBytes<'_>) -> &[u8] {
        self.scope_name.get_or_insert_with(|| {
            let name = scope_fields(bytes.scope).map(|fields| fields.name).unwrap_or_default();
            cut_bytes(name, SHOWN_BYTES_MAX).into()
        })
    }

    /// The number of an item's origin, which is decoded for the first item that asks.
    #[inline]
    pub fn origin(
        &mut self,
        bytes: &OriginBytes<'_>,
        origins: &mut OriginColumns,
        texts: &mut ItemTexts<'_, '_>,
    ) -> Result<u32, ItemError> {
        match self.origin {
            Some(origin) => Ok(origin?),
            None => self.decode(bytes, origins, texts),
        }
    }

    #[cold]
    fn decode(
        &mut self,
        bytes: &OriginBytes<'_>,
        origins: &mut OriginColumns,
        texts: &mut ItemTexts<'_, '_>,
    ) -> Result<u32, ItemError> {
        texts.charge(OriginColumns::ORIGIN_BYTES)?;
        let resource = match self.resource {
            Some(resource) => resource,
            None => {
                let resource = add_resource(bytes, &mut origins.resources, texts);
                *self.resource.insert(remembered(resource)?)
            }
        };
        let origin = match resource {
            Err(rejection) => Err(rejection),
            Ok(()) => remembered(add_scope(bytes, &mut origins.scopes, texts))?.map(|()| origins.add()),
        };
        Ok((*self.origin.insert(origin))?)
    }
}

/// What ends the request need not be remembered.
fn remembered(result: Result<(), ItemError>) -> Result<Result<(), Rejection>, ItemError> {
    match result {
        Ok(()) => Ok(Ok(())),
        Err(ItemError::Rejected(rejection)) => Ok(Err(rejection)),
        Err(ItemError::Walk(error)) => Err(ItemError::Walk(error)),
    }
}

/// `Resource`: attributes 1, dropped_attributes_count 2. Its attributes are charged twice: a block holds them once more.
fn add_resource(
    bytes: &OriginBytes<'_>,
    resources: &mut ResourceColumns,
    texts: &mut ItemTexts<'_, '_>,
) -> Result<(), ItemError> {
    let row = resources.len();
    let sent = dropped_count(bytes.resource, 2)?;
    let attributes = Repeated::all_of(bytes.resource, RESOURCE_ATTRIBUTES);
    let dropped = match texts.attributes(attributes, &mut resources.attributes) {
        Ok(dropped) => dropped,
        Err(error) => {
            resources.truncate(row);
            return Err(error);
        }
    };
    resources.attributes.close_row();
    texts.charge(resources.attributes.row_text_bytes(row))?;
    resources.dropped_attributes.push(sent.saturating_add(dropped));
    let service = resources.attributes.row(row).find(|(key, _)| *key == "service.name");
    resources.services.push(service.map_or("", |(_, name)| name));
    texts.text(bytes.resource_schema_url, &mut resources.schema_urls)?;
    resources.schema_urls.close();
    Ok(())
}

fn add_scope(
    bytes: &OriginBytes<'_>,
    scopes: &mut ScopeColumns,
    texts: &mut ItemTexts<'_, '_>,
) -> Result<(), ItemError> {
    let row = scopes.len();
    let fields = scope_fields(bytes.scope)?;
    let attributes = Repeated::all_of(bytes.scope, SCOPE_ATTRIBUTES);
    let dropped = match texts.attributes(attributes, &mut scopes.attributes) {
        Ok(dropped) => dropped,
        Err(error) => {
            scopes.truncate(row);
            return Err(error);
        }
    };
    scopes.attributes.close_row();
    texts.charge(scopes.attributes.row_text_bytes(row))?;
    scopes.dropped_attributes.push(fields.dropped.saturating_add(dropped));
    for (text, column) in [
        (fields.name, &mut scopes.names),
        (fields.version, &mut scopes.versions),
        (bytes.scope_schema_url, &mut scopes.schema_urls),
    ] {
        texts.text(text, column)?;
        column.close();
    }
    Ok(())
}

/// `InstrumentationScope`: name 1, version 2, attributes 3, dropped_attributes_count 4.
struct ScopeFields<'a> {
    name: &'a [u8],
    version: &'a [u8],
    dropped: u32,
}

fn scope_fields(scope: &[u8]) -> Result<ScopeFields<'_>, WireError> {
    let mut found = ScopeFields { name: &[], version: &[], dropped: 0 };
    let mut fields = Reader::new(scope);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => found.name = value.bytes()?,
            2 => found.version = value.bytes()?,
            4 => found.dropped = uint32(value)?,
            _ => {}
        }
    }
    Ok(found)
}

fn dropped_count(message: &[u8], wanted: u32) -> Result<u32, WireError> {
    let mut count = 0;
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        if number == wanted {
            count = uint32(value)?;
        }
    }
    Ok(count)
}
