//! `SpanColumns`: accepted spans as columns, with their events and links.

use super::map_column::MapColumn;
use super::origins::OriginColumns;
use super::text_columns::{TextColumn, WordColumn};
use super::{SpanId, TenantId, Timestamp, TraceId};

/// What of a span has a fixed size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanRow {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    /// Absent for the root of a trace.
    pub parent: Option<SpanId>,
    pub start: Timestamp,
    /// In nanoseconds. The end is the start and this.
    pub duration: u64,
    /// Code in [`SpanColumns::names`].
    pub name: u32,
    /// 0 to 5 as OTLP names them, or whatever was sent.
    pub kind: i32,
    /// 0 unset, 1 ok, 2 error, or whatever was sent.
    pub status: i32,
    pub flags: u32,
    /// By the sender and by us.
    pub dropped_attributes: u32,
    pub dropped_events: u32,
    pub dropped_links: u32,
    /// Number of an origin in [`SpanColumns::origins`].
    pub origin: u32,
}

/// Events of spans, a row each. All columns have the same length.
#[derive(Debug, Clone, Default)]
pub struct EventColumns {
    /// Nanoseconds since the epoch.
    pub times: Vec<i64>,
    pub names: WordColumn,
    pub attributes: MapColumn,
    pub dropped_attributes: Vec<u32>,
}

/// Links of spans, a row each. All columns have the same length.
#[derive(Debug, Clone, Default)]
pub struct LinkColumns {
    /// Lower-case hexadecimal, of whatever bytes were sent.
    pub trace_ids: TextColumn,
    /// Lower-case hexadecimal, of whatever bytes were sent.
    pub span_ids: TextColumn,
    pub trace_states: TextColumn,
    pub attributes: MapColumn,
    pub flags: Vec<u32>,
    pub dropped_attributes: Vec<u32>,
}

impl EventColumns {
    /// What a row takes in memory beside its attributes.
    pub const ROW_BYTES: usize = 8 + 4 + 8 + 4;

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Keeps the first rows only, whichever of the columns are ahead.
    fn truncate(&mut self, rows: usize) {
        self.times.truncate(rows);
        self.names.truncate(rows);
        self.attributes.truncate(rows);
        self.dropped_attributes.truncate(rows);
    }

    fn bytes(&self) -> usize {
        self.times.capacity() * (8 + 4) + self.names.bytes() + self.attributes.bytes()
    }
}

impl LinkColumns {
    /// What a row takes in memory beside its texts and attributes.
    pub const ROW_BYTES: usize = 8 + 8 + 8 + 8 + 4 + 4;

    pub fn len(&self) -> usize {
        self.flags.len()
    }

    pub fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// Keeps the first rows only, whichever of the columns are ahead.
    fn truncate(&mut self, rows: usize) {
        self.trace_ids.truncate(rows);
        self.span_ids.truncate(rows);
        self.trace_states.truncate(rows);
        self.attributes.truncate(rows);
        self.flags.truncate(rows);
        self.dropped_attributes.truncate(rows);
    }

    fn bytes(&self) -> usize {
        let texts = self.trace_ids.bytes() + self.span_ids.bytes() + self.trace_states.bytes();
        self.flags.capacity() * (4 + 4) + texts + self.attributes.bytes()
    }
}

/// Spans of one request of one tenant, column by column.
///
/// All columns have the same length. Texts, attributes, events and links of the next row are written before [`Self::push`]
/// makes a row of them, or [`Self::discard`] forgets them.
#[derive(Debug, Clone)]
pub struct SpanColumns {
    tenant: TenantId,
    pub origins: OriginColumns,
    pub names: WordColumn,
    pub attributes: MapColumn,
    pub trace_states: TextColumn,
    pub status_messages: TextColumn,
    pub events: EventColumns,
    pub links: LinkColumns,
    rows: Vec<SpanRow>,
    event_ends: Vec<usize>,
    link_ends: Vec<usize>,
}

impl SpanColumns {
    /// What a row takes in memory beside texts, attributes, events and links.
    pub const ROW_BYTES: usize = size_of::<SpanRow>() + 4 + 5 * 8;

    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            origins: OriginColumns::default(),
            names: WordColumn::default(),
            attributes: MapColumn::default(),
            trace_states: TextColumn::default(),
            status_messages: TextColumn::default(),
            events: EventColumns::default(),
            links: LinkColumns::default(),
            rows: Vec::new(),
            event_ends: Vec::new(),
            link_ends: Vec::new(),
        }
    }

    /// Adds a row with the texts and attributes that are open, and the events and links that were added since the last.
    pub fn push(&mut self, row: &SpanRow) {
        self.names.push(row.name);
        self.attributes.close_row();
        self.trace_states.close();
        self.status_messages.close();
        self.event_ends.push(self.events.len());
        self.link_ends.push(self.links.len());
        self.rows.push(*row);
    }

    /// Forgets what was written since the last row.
    pub fn discard(&mut self) {
        self.attributes.discard_row();
        self.trace_states.discard_open();
        self.status_messages.discard_open();
        self.events.truncate(self.event_ends.last().copied().unwrap_or_default());
        self.links.truncate(self.link_ends.last().copied().unwrap_or_default());
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What the columns hold in memory, for the byte budget.
    pub fn bytes(&self) -> usize {
        let fixed = self.rows.capacity() * (size_of::<SpanRow>() + 2 * size_of::<usize>());
        let texts = self.names.bytes() + self.trace_states.bytes() + self.status_messages.bytes();
        let inner = self.events.bytes() + self.links.bytes();
        fixed + texts + inner + self.attributes.bytes() + self.origins.bytes()
    }

    /// What the rows take in a block, where every row names its origin.
    pub fn block_bytes(&self) -> usize {
        self.bytes() + self.len() * OriginColumns::ROW_BYTES
    }

    pub fn rows(&self) -> &[SpanRow] {
        &self.rows
    }

    /// Where the events of each row end.
    pub fn event_ends(&self) -> &[usize] {
        &self.event_ends
    }

    /// Where the links of each row end.
    pub fn link_ends(&self) -> &[usize] {
        &self.link_ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discarded_span_takes_its_events_and_links_with_it() {
        let mut columns = SpanColumns::new(TenantId::unnamed());
        let event = |columns: &mut SpanColumns| {
            columns.events.times.push(1);
            let name = columns.events.names.learn("e");
            columns.events.names.push(name);
            columns.events.attributes.close_row();
            columns.events.dropped_attributes.push(0);
        };
        let row = SpanRow {
            trace_id: TraceId::parse(&[1; 16]).unwrap(),
            span_id: SpanId::parse(&[1; 8]).unwrap(),
            parent: None,
            start: Timestamp::from_nanos(1),
            duration: 2,
            name: 0,
            kind: 0,
            status: 0,
            flags: 0,
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            origin: 0,
        };
        event(&mut columns);
        columns.push(&row);
        event(&mut columns);
        columns.links.trace_ids.open().extend_from_slice(b"half of a link");
        columns.trace_states.open().extend_from_slice(b"k=v");
        columns.discard();
        event(&mut columns);
        event(&mut columns);
        columns.push(&row);
        assert_eq!((columns.event_ends(), columns.link_ends()), (&[1, 3][..], &[0, 0][..]));
        assert_eq!((columns.events.attributes.len(), columns.links.trace_ids.text()), (3, &b""[..]));
        assert_eq!(columns.trace_states.get(1), Some(""));
    }
}
