//! Walks an `ExportLogsServiceRequest` in wire format and shows its parts to a visitor: resource, scope, log record
//! (opentelemetry-proto 1.x, `logs/v1/logs.proto`).
//!
//! Nothing is decoded that the visitor does not ask for, and nothing is allocated, except where a sender split a message
//! over several fields, which protobuf allows and no SDK does.

use std::borrow::Cow;

use crate::telemetry::domain::LogDraft;

use super::super::fields::{Envelope, Repeated, RepeatedSpan, append, enumeration, fixed32, uint32};
use super::super::meter::MeterError;
use super::super::origin::OriginBytes;
use super::super::walk_error::WalkError;
use super::super::wire::Reader;

/// Is shown the parts of a request, outer before inner.
pub trait LogsVisitor {
    /// Asked before so many bytes are taken for a message that its sender split over several fields.
    fn hold(&mut self, _bytes: usize) -> Result<(), MeterError> {
        Ok(())
    }
    /// Another resource begins, and with it another scope. What they are stands around each record.
    fn next_resource(&mut self);
    /// Another scope of the same resource begins.
    fn next_scope(&mut self);
    fn log(&mut self, around: &OriginBytes<'_>, record: &LogRecord<'_>) -> Result<(), WalkError>;
}

/// One log record: unchecked bytes and numbers.
#[derive(Debug, Clone)]
pub struct LogRecord<'a> {
    pub draft: LogDraft<'a>,
    pub severity_text: &'a [u8],
    /// An `AnyValue`; empty if the sender gave none.
    pub body: Cow<'a, [u8]>,
    pub attributes: Repeated<'a>,
    pub dropped_attributes: u32,
    pub flags: u32,
    pub event_name: &'a [u8],
}

/// Field number of the attributes in a `LogRecord`.
const LOG_ATTRIBUTES: u32 = 6;

/// Shows a request to the visitor. An error means that the bytes are not a valid message, or that there is no memory for it.
pub fn walk(request: &[u8], visitor: &mut impl LogsVisitor) -> Result<(), WalkError> {
    Repeated::all_of(request, 1).for_each(|resource_logs| walk_resource_logs(resource_logs, visitor))
}

fn walk_resource_logs(message: &[u8], visitor: &mut impl LogsVisitor) -> Result<(), WalkError> {
    let resource = Envelope::of(message, |bytes| visitor.hold(bytes))?;
    visitor.next_resource();
    Repeated::all_of(message, 2).for_each(|scope_logs| walk_scope_logs(&resource, scope_logs, visitor))
}

fn walk_scope_logs(
    resource: &Envelope<'_>,
    message: &[u8],
    visitor: &mut impl LogsVisitor,
) -> Result<(), WalkError> {
    let scope = Envelope::of(message, |bytes| visitor.hold(bytes))?;
    visitor.next_scope();
    let around = OriginBytes {
        resource: &resource.origin,
        resource_schema_url: resource.schema_url,
        scope: &scope.origin,
        scope_schema_url: scope.schema_url,
    };
    Repeated::all_of(message, 2).for_each(|record| {
        let record = log_record(record, |bytes| visitor.hold(bytes))?;
        visitor.log(&around, &record)
    })
}

/// Part of its one loop: handing a record over in memory costs as much as reading it.
#[inline(always)]
fn log_record(
    message: &[u8],
    mut hold: impl FnMut(usize) -> Result<(), MeterError>,
) -> Result<LogRecord<'_>, WalkError> {
    let mut draft = LogDraft::default();
    let (mut severity_text, mut event_name): (&[u8], &[u8]) = (&[], &[]);
    let (mut dropped_attributes, mut flags) = (0, 0);
    let mut body = None;
    let mut attributes = RepeatedSpan::default();
    let mut fields = Reader::new(message);
    loop {
        let at = fields.position();
        let Some((number, value)) = fields.next_field()? else { break };
        match number {
            LOG_ATTRIBUTES => attributes.add(value, at, fields.position())?,
            1 => draft.time = value.fixed64()?,
            2 => draft.severity = enumeration(value)?,
            3 => severity_text = value.bytes()?,
            5 => append(&mut body, value.bytes()?, &mut hold)?,
            7 => dropped_attributes = uint32(value)?,
            8 => flags = fixed32(value)?,
            9 => draft.trace_id = value.bytes()?,
            10 => draft.span_id = value.bytes()?,
            11 => draft.observed = value.fixed64()?,
            12 => event_name = value.bytes()?,
            _ => {}
        }
    }
    Ok(LogRecord {
        draft,
        severity_text,
        body: body.unwrap_or_default(),
        attributes: attributes.of(message, LOG_ATTRIBUTES),
        dropped_attributes,
        flags,
        event_name,
    })
}
