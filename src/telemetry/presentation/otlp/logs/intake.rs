//! `LogsIntake`: the visitor that checks every log record and turns the accepted ones into columns.

use crate::shared::{BodyType, LogColumns, LogRow, OriginColumns, Signal, TenantId, Timestamp};
use crate::telemetry::domain::{AcceptanceWindow, Findings, Log, Warning};

use super::super::any_value::Extent;
use super::super::attributes::AttributeLimits;
use super::super::item_texts::{ItemError, ItemTexts};
use super::super::meter::{Meter, MeterError};
use super::super::origin::{OriginBytes, OriginIntake};
use super::super::walk_error::WalkError;
use super::walker::{LogRecord, LogsVisitor};

/// Longest body in text form, in bytes. A stack trace or a document is more than an attribute's value.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// What a request came to.
#[derive(Debug)]
pub struct DecodedLogs {
    pub columns: LogColumns,
    pub findings: Findings,
}

/// Checks one request.
#[derive(Debug)]
pub struct LogsIntake<'m, 's> {
    received_at: Timestamp,
    window: AcceptanceWindow,
    body_bytes_max: usize,
    origin: OriginIntake,
    texts: ItemTexts<'m, 's>,
    columns: LogColumns,
}

impl<'m, 's> LogsIntake<'m, 's> {
    pub fn new(
        tenant: TenantId,
        received_at: Timestamp,
        window: AcceptanceWindow,
        limits: AttributeLimits,
        body_bytes_max: usize,
        meter: &'m mut Meter<'s>,
    ) -> Self {
        Self {
            received_at,
            window,
            body_bytes_max,
            origin: OriginIntake::default(),
            texts: ItemTexts::new(Findings::new(Signal::Logs), limits, meter),
            columns: LogColumns::new(tenant),
        }
    }

    pub fn finish(self) -> DecodedLogs {
        DecodedLogs { columns: self.columns, findings: self.texts.findings }
    }

    /// What may be refused comes first; a refused record leaves text behind, which the caller forgets.
    #[inline]
    fn take(&mut self, around: &OriginBytes<'_>, record: &LogRecord<'_>) -> Result<(), ItemError> {
        let Self { texts, columns, .. } = self;
        let log = Log::admit(&record.draft, self.received_at, self.window, &mut texts.findings)?;
        let origin = self.origin.origin(around, &mut columns.origins, texts)?;
        texts.charge(LogColumns::ROW_BYTES + OriginColumns::ROW_BYTES)?;
        let dropped = texts.attributes(record.attributes, &mut columns.attributes)?;
        let body = texts.value(&record.body, self.body_bytes_max, columns.bodies.open())?;
        if body.extent == Extent::Cut {
            texts.findings.warn(Warning::BodyCut);
        }
        let row = LogRow {
            time: log.time,
            observed: log.observed,
            trace_id: log.trace_id,
            span_id: log.span_id,
            flags: record.flags,
            severity: log.severity.number(),
            severity_text: texts.word(record.severity_text, &mut columns.severity_texts)?,
            event_name: texts.word(record.event_name, &mut columns.event_names)?,
            body_type: BodyType::from_field_number(body.kind),
            dropped_attributes: record.dropped_attributes.saturating_add(dropped),
            origin,
        };
        columns.push(&row);
        Ok(())
    }
}

impl LogsVisitor for LogsIntake<'_, '_> {
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
    fn log(&mut self, around: &OriginBytes<'_>, record: &LogRecord<'_>) -> Result<(), WalkError> {
        match self.take(around, record) {
            Ok(()) => Ok(()),
            Err(ItemError::Walk(error)) => Err(error),
            Err(ItemError::Rejected(rejection)) => {
                self.columns.discard();
                self.texts.findings.reject(self.origin.scope_name(around), rejection, 1);
                Ok(())
            }
        }
    }
}
