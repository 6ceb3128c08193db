//! `LogColumns`: accepted log records as columns: what the write path carries, the store receives and events share.

use super::map_column::MapColumn;
use super::origins::OriginColumns;
use super::text_columns::{TextColumn, WordColumn};
use super::{SpanId, TenantId, Timestamp, TraceId};

/// The type of a log record's body: the member of OTLP's `AnyValue` that held it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyType {
    Empty,
    String,
    Bool,
    Int,
    Double,
    Array,
    Map,
    Bytes,
}

impl BodyType {
    /// In the order of their field numbers in `AnyValue`.
    pub const ALL: [Self; 8] =
        [Self::Empty, Self::String, Self::Bool, Self::Int, Self::Double, Self::Array, Self::Map, Self::Bytes];

    /// Numbers that OTLP does not know count as empty.
    pub fn from_field_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Empty)
    }

    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::String => "string",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Double => "double",
            Self::Array => "array",
            Self::Map => "map",
            Self::Bytes => "bytes",
        }
    }
}

/// What of a log record has a fixed size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LogRow {
    pub time: Timestamp,
    /// The epoch if the sender did not say.
    pub observed: Timestamp,
    pub trace_id: Option<TraceId>,
    pub span_id: Option<SpanId>,
    /// All 32 bits; the lower eight are those of W3C Trace Context.
    pub flags: u32,
    /// 1 to 24 as OTLP names them, 0 if unspecified, or whatever was sent.
    pub severity: i32,
    /// Code in [`LogColumns::severity_texts`].
    pub severity_text: u32,
    /// Code in [`LogColumns::event_names`].
    pub event_name: u32,
    pub body_type: BodyType,
    /// By the sender and by us.
    pub dropped_attributes: u32,
    /// Number of an origin in [`LogColumns::origins`].
    pub origin: u32,
}

/// Log records of one request of one tenant, column by column.
///
/// All columns have the same length. Body and attributes of the next row are written before [`Self::push`] makes a row of
/// them, or [`Self::discard`] forgets them.
#[derive(Debug, Clone)]
pub struct LogColumns {
    tenant: TenantId,
    pub origins: OriginColumns,
    pub bodies: TextColumn,
    pub attributes: MapColumn,
    pub severity_texts: WordColumn,
    pub event_names: WordColumn,
    times: Vec<i64>,
    observed: Vec<i64>,
    trace_ids: Vec<[u8; TraceId::BYTES]>,
    span_ids: Vec<[u8; SpanId::BYTES]>,
    flags: Vec<u32>,
    severities: Vec<i32>,
    body_types: Vec<BodyType>,
    dropped_attributes: Vec<u32>,
    row_origins: Vec<u32>,
}

impl LogColumns {
    /// What a row takes in memory beside its text and its attributes.
    pub const ROW_BYTES: usize = 8 + 8 + 16 + 8 + 4 + 4 + 4 + 4 + 1 + 4 + 4 + 8 + 8;

    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            origins: OriginColumns::default(),
            bodies: TextColumn::default(),
            attributes: MapColumn::default(),
            severity_texts: WordColumn::default(),
            event_names: WordColumn::default(),
            times: Vec::new(),
            observed: Vec::new(),
            trace_ids: Vec::new(),
            span_ids: Vec::new(),
            flags: Vec::new(),
            severities: Vec::new(),
            body_types: Vec::new(),
            dropped_attributes: Vec::new(),
            row_origins: Vec::new(),
        }
    }

    /// Adds a row with the body and the attributes that are open.
    pub fn push(&mut self, row: &LogRow) {
        self.bodies.close();
        self.attributes.close_row();
        self.severity_texts.push(row.severity_text);
        self.event_names.push(row.event_name);
        self.times.push(row.time.nanos());
        self.observed.push(row.observed.nanos());
        self.trace_ids.push(row.trace_id.map_or([0; TraceId::BYTES], |id| *id.as_bytes()));
        self.span_ids.push(row.span_id.map_or([0; SpanId::BYTES], |id| *id.as_bytes()));
        self.flags.push(row.flags);
        self.severities.push(row.severity);
        self.body_types.push(row.body_type);
        self.dropped_attributes.push(row.dropped_attributes);
        self.row_origins.push(row.origin);
    }

    /// Forgets the body and the attributes that are open.
    pub fn discard(&mut self) {
        self.bodies.discard_open();
        self.attributes.discard_row();
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// What the columns hold in memory, for the byte budget.
    pub fn bytes(&self) -> usize {
        const FIXED: usize = LogColumns::ROW_BYTES - 4 - 4 - 8 - 8;
        let texts = self.bodies.bytes() + self.severity_texts.bytes() + self.event_names.bytes();
        self.times.capacity() * FIXED + texts + self.attributes.bytes() + self.origins.bytes()
    }

    /// What the rows take in a block, where every row names its origin.
    pub fn block_bytes(&self) -> usize {
        self.bytes() + self.len() * OriginColumns::ROW_BYTES
    }

    pub fn times(&self) -> &[i64] {
        &self.times
    }

    pub fn observed(&self) -> &[i64] {
        &self.observed
    }

    /// All zero where there is none.
    pub fn trace_ids(&self) -> &[[u8; TraceId::BYTES]] {
        &self.trace_ids
    }

    /// All zero where there is none.
    pub fn span_ids(&self) -> &[[u8; SpanId::BYTES]] {
        &self.span_ids
    }

    pub fn flags(&self) -> &[u32] {
        &self.flags
    }

    pub fn severities(&self) -> &[i32] {
        &self.severities
    }

    pub fn body_types(&self) -> &[BodyType] {
        &self.body_types
    }

    pub fn dropped_attributes(&self) -> &[u32] {
        &self.dropped_attributes
    }

    /// The origin of each row.
    pub fn row_origins(&self) -> &[u32] {
        &self.row_origins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> LogRow {
        LogRow {
            time: Timestamp::from_nanos(5),
            observed: Timestamp::EPOCH,
            trace_id: None,
            span_id: SpanId::parse(&[7; 8]),
            flags: 0,
            severity: 9,
            severity_text: 0,
            event_name: 0,
            body_type: BodyType::String,
            dropped_attributes: 0,
            origin: 0,
        }
    }

    #[test]
    fn what_is_open_goes_with_the_row_that_is_pushed() {
        let mut columns = LogColumns::new(TenantId::unnamed());
        columns.bodies.open().extend_from_slice(b"forgotten");
        columns.discard();
        columns.bodies.open().extend_from_slice(b"kept");
        columns.push(&row());
        assert_eq!((columns.len(), columns.bodies.get(0), columns.attributes.len()), (1, Some("kept"), 1));
        assert_eq!((columns.trace_ids()[0], columns.span_ids()[0]), ([0; 16], [7; 8]));
    }

    #[test]
    fn body_types_have_the_numbers_of_the_protocol() {
        let names: Vec<&str> = (0..9).map(|number| BodyType::from_field_number(number).name()).collect();
        assert_eq!(names, ["empty", "string", "bool", "int", "double", "array", "map", "bytes", "empty"]);
    }
}
