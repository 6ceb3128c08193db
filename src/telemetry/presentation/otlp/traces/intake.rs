//! `TracesIntake`: the visitor that checks every span and turns the accepted ones into columns.

use std::io::Write;

use crate::shared::{
    EventColumns, LinkColumns, OriginColumns, Signal, SpanColumns, SpanRow, TenantId, TextColumn,
};
use crate::telemetry::domain::{AcceptanceWindow, Findings, Span, event_time};

use super::super::attributes::AttributeLimits;
use super::super::item_texts::{ItemError, ItemTexts};
use super::super::meter::{Meter, MeterError};
use super::super::origin::{OriginBytes, OriginIntake};
use super::super::walk_error::WalkError;
use super::walker::{SpanEvent, SpanLink, SpanRecord, TracesVisitor};

/// What a request came to.
#[derive(Debug)]
pub struct DecodedTraces {
    pub columns: SpanColumns,
    pub findings: Findings,
}

/// Checks one request.
#[derive(Debug)]
pub struct TracesIntake<'m, 's> {
    window: AcceptanceWindow,
    origin: OriginIntake,
    texts: ItemTexts<'m, 's>,
    columns: SpanColumns,
}

impl<'m, 's> TracesIntake<'m, 's> {
    pub fn new(
        tenant: TenantId,
        window: AcceptanceWindow,
        limits: AttributeLimits,
        meter: &'m mut Meter<'s>,
    ) -> Self {
        Self {
            window,
            origin: OriginIntake::default(),
            texts: ItemTexts::new(Findings::new(Signal::Traces), limits, meter),
            columns: SpanColumns::new(tenant),
        }
    }

    pub fn finish(self) -> DecodedTraces {
        DecodedTraces { columns: self.columns, findings: self.texts.findings }
    }

    /// A refused span leaves parts of itself behind, which the caller forgets.
    #[inline]
    fn take(&mut self, around: &OriginBytes<'_>, record: &SpanRecord<'_>) -> Result<(), ItemError> {
        let Self { texts, columns, .. } = self;
        let span = Span::admit(&record.draft, self.window, &mut texts.findings)?;
        let origin = self.origin.origin(around, &mut columns.origins, texts)?;
        texts.charge(SpanColumns::ROW_BYTES + OriginColumns::ROW_BYTES)?;
        let dropped = texts.attributes(record.attributes, &mut columns.attributes)?;
        texts.text(record.trace_state, &mut columns.trace_states)?;
        texts.text(record.status_message, &mut columns.status_messages)?;
        record.events.for_each(|event| take_event(&SpanEvent::read(event)?, &mut columns.events, texts))?;
        record.links.for_each(|link| take_link(&SpanLink::read(link)?, &mut columns.links, texts))?;
        let row = SpanRow {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent: span.parent,
            start: span.start,
            duration: span.duration,
            name: texts.word(record.name, &mut columns.names)?,
            kind: span.kind,
            status: span.status,
            flags: record.flags,
            dropped_attributes: record.dropped_attributes.saturating_add(dropped),
            dropped_events: record.dropped_events,
            dropped_links: record.dropped_links,
            origin,
        };
        columns.push(&row);
        Ok(())
    }
}

fn take_event(
    event: &SpanEvent<'_>,
    events: &mut EventColumns,
    texts: &mut ItemTexts<'_, '_>,
) -> Result<(), ItemError> {
    texts.charge(EventColumns::ROW_BYTES)?;
    let dropped = texts.attributes(event.attributes, &mut events.attributes)?;
    events.attributes.close_row();
    let name = texts.word(event.name, &mut events.names)?;
    events.names.push(name);
    events.times.push(event_time(event.time, &mut texts.findings).nanos());
    events.dropped_attributes.push(event.dropped_attributes.saturating_add(dropped));
    Ok(())
}

fn take_link(
    link: &SpanLink<'_>,
    links: &mut LinkColumns,
    texts: &mut ItemTexts<'_, '_>,
) -> Result<(), ItemError> {
    texts.charge(LinkColumns::ROW_BYTES)?;
    let dropped = texts.attributes(link.attributes, &mut links.attributes)?;
    links.attributes.close_row();
    push_hex(link.trace_id, &mut links.trace_ids, texts)?;
    push_hex(link.span_id, &mut links.span_ids, texts)?;
    texts.text(link.trace_state, &mut links.trace_states)?;
    links.trace_states.close();
    links.flags.push(link.flags);
    links.dropped_attributes.push(link.dropped_attributes.saturating_add(dropped));
    Ok(())
}

/// Lower-case hexadecimal, whatever the length: a link is kept as it is.
fn push_hex(bytes: &[u8], column: &mut TextColumn, texts: &mut ItemTexts<'_, '_>) -> Result<(), MeterError> {
    texts.charge(bytes.len().saturating_mul(2))?;
    let text = column.open();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    column.close();
    Ok(())
}

impl TracesVisitor for TracesIntake<'_, '_> {
    fn hold(&mut self, bytes: usize) -> Result<(), MeterError> {
        self.texts.hold(bytes)
    }

    fn next_resource(&mut self) {
        self.origin.next_resource();
    }

    fn next_scope(&mut self) {
        self.origin.next_scope();
    }

    #[inline]
    fn span(&mut self, around: &OriginBytes<'_>, span: &SpanRecord<'_>) -> Result<(), WalkError> {
        match self.take(around, span) {
            Ok(()) => Ok(()),
            Err(ItemError::Walk(error)) => Err(error),
            Err(ItemError::Rejected(rejection)) => {
                self.columns.discard();
                self.texts.findings.reject(span.name, rejection, 1);
                Ok(())
            }
        }
    }
}
