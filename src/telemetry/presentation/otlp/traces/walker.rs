//! Walks an `ExportTraceServiceRequest` in wire format and shows its parts to a visitor: resource, scope, span
//! (opentelemetry-proto 1.x, `trace/v1/trace.proto`). Events and links are read when the visitor asks for them.
//!
//! Nothing is decoded that the visitor does not ask for, and nothing is allocated, except where a sender split a message
//! over several fields, which protobuf allows and no SDK does.

use crate::telemetry::domain::SpanDraft;

use super::super::fields::{Envelope, Repeated, RepeatedSpan, enumeration, fixed32, uint32};
use super::super::meter::MeterError;
use super::super::origin::OriginBytes;
use super::super::walk_error::WalkError;
use super::super::wire::{Reader, WireError};

/// Is shown the parts of a request, outer before inner.
pub trait TracesVisitor {
    /// Asked before so many bytes are taken for a message that its sender split over several fields.
    fn hold(&mut self, _bytes: usize) -> Result<(), MeterError> {
        Ok(())
    }
    /// Another resource begins, and with it another scope. What they are stands around each span.
    fn next_resource(&mut self);
    /// Another scope of the same resource begins.
    fn next_scope(&mut self);
    fn span(&mut self, around: &OriginBytes<'_>, span: &SpanRecord<'_>) -> Result<(), WalkError>;
}

/// One span: unchecked bytes and numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanRecord<'a> {
    pub draft: SpanDraft<'a>,
    pub name: &'a [u8],
    pub trace_state: &'a [u8],
    pub status_message: &'a [u8],
    pub flags: u32,
    pub attributes: Repeated<'a>,
    pub dropped_attributes: u32,
    /// Each a message for [`SpanEvent::read`].
    pub events: Repeated<'a>,
    pub dropped_events: u32,
    /// Each a message for [`SpanLink::read`].
    pub links: Repeated<'a>,
    pub dropped_links: u32,
}

/// Something that happened during a span: unchecked.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanEvent<'a> {
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub name: &'a [u8],
    pub attributes: Repeated<'a>,
    pub dropped_attributes: u32,
}

/// A pointer to another span: unchecked.
#[derive(Debug, Clone, Copy, Default)]
pub struct SpanLink<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub trace_state: &'a [u8],
    pub attributes: Repeated<'a>,
    pub dropped_attributes: u32,
    pub flags: u32,
}

/// Field numbers of the repeated fields in a `Span`.
const SPAN_ATTRIBUTES: u32 = 9;
const SPAN_EVENTS: u32 = 11;
const SPAN_LINKS: u32 = 13;

/// Shows a request to the visitor. An error means that the bytes are not a valid message, or that there is no memory for it.
pub fn walk(request: &[u8], visitor: &mut impl TracesVisitor) -> Result<(), WalkError> {
    Repeated::all_of(request, 1).for_each(|resource_spans| walk_resource_spans(resource_spans, visitor))
}

fn walk_resource_spans(message: &[u8], visitor: &mut impl TracesVisitor) -> Result<(), WalkError> {
    let resource = Envelope::of(message, |bytes| visitor.hold(bytes))?;
    visitor.next_resource();
    Repeated::all_of(message, 2).for_each(|scope_spans| walk_scope_spans(&resource, scope_spans, visitor))
}

fn walk_scope_spans(
    resource: &Envelope<'_>,
    message: &[u8],
    visitor: &mut impl TracesVisitor,
) -> Result<(), WalkError> {
    let scope = Envelope::of(message, |bytes| visitor.hold(bytes))?;
    visitor.next_scope();
    let around = OriginBytes {
        resource: &resource.origin,
        resource_schema_url: resource.schema_url,
        scope: &scope.origin,
        scope_schema_url: scope.schema_url,
    };
    Repeated::all_of(message, 2).for_each(|span| visitor.span(&around, &span_record(span)?))
}

/// Part of its one loop: handing a span over in memory costs as much as reading it.
#[inline(always)]
fn span_record(message: &[u8]) -> Result<SpanRecord<'_>, WireError> {
    let mut span = SpanRecord::default();
    let (mut attributes, mut events, mut links) =
        (RepeatedSpan::default(), RepeatedSpan::default(), RepeatedSpan::default());
    let mut fields = Reader::new(message);
    loop {
        let at = fields.position();
        let Some((number, value)) = fields.next_field()? else { break };
        match number {
            SPAN_ATTRIBUTES => attributes.add(value, at, fields.position())?,
            SPAN_EVENTS => events.add(value, at, fields.position())?,
            SPAN_LINKS => links.add(value, at, fields.position())?,
            1 => span.draft.trace_id = value.bytes()?,
            2 => span.draft.span_id = value.bytes()?,
            3 => span.trace_state = value.bytes()?,
            4 => span.draft.parent = value.bytes()?,
            5 => span.name = value.bytes()?,
            6 => span.draft.kind = enumeration(value)?,
            7 => span.draft.start = value.fixed64()?,
            8 => span.draft.end = value.fixed64()?,
            10 => span.dropped_attributes = uint32(value)?,
            12 => span.dropped_events = uint32(value)?,
            14 => span.dropped_links = uint32(value)?,
            15 => read_status(value.bytes()?, &mut span)?,
            16 => span.flags = fixed32(value)?,
            _ => {}
        }
    }
    span.attributes = attributes.of(message, SPAN_ATTRIBUTES);
    span.events = events.of(message, SPAN_EVENTS);
    span.links = links.of(message, SPAN_LINKS);
    Ok(span)
}

/// `Status`: message 2, code 3. Its pieces, if there are several, are read one after the other, which merges them.
fn read_status<'a>(status: &'a [u8], span: &mut SpanRecord<'a>) -> Result<(), WireError> {
    let mut fields = Reader::new(status);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            2 => span.status_message = value.bytes()?,
            3 => span.draft.status = enumeration(value)?,
            _ => {}
        }
    }
    Ok(())
}

impl<'a> SpanEvent<'a> {
    /// `Span.Event`: time 1, name 2, attributes 3, dropped_attributes_count 4.
    pub fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut event = Self { attributes: Repeated::all_of(message, 3), ..Self::default() };
        let mut fields = Reader::new(message);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => event.time = value.fixed64()?,
                2 => event.name = value.bytes()?,
                4 => event.dropped_attributes = uint32(value)?,
                _ => {}
            }
        }
        Ok(event)
    }
}

impl<'a> SpanLink<'a> {
    /// `Span.Link`: trace_id 1, span_id 2, trace_state 3, attributes 4, dropped_attributes_count 5, flags 6.
    pub fn read(message: &'a [u8]) -> Result<Self, WireError> {
        let mut link = Self { attributes: Repeated::all_of(message, 4), ..Self::default() };
        let mut fields = Reader::new(message);
        while let Some((number, value)) = fields.next_field()? {
            match number {
                1 => link.trace_id = value.bytes()?,
                2 => link.span_id = value.bytes()?,
                3 => link.trace_state = value.bytes()?,
                5 => link.dropped_attributes = uint32(value)?,
                6 => link.flags = fixed32(value)?,
                _ => {}
            }
        }
        Ok(link)
    }
}
