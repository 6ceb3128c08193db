//! Takes in exemplars: few points have them, so they are read apart from the points.

use crate::shared::columns::ExemplarColumns;
use crate::shared::{Attribute, Exemplar, NumberRow, SeriesId, Timestamp};
use crate::telemetry::application::SeriesLookup;
use crate::telemetry::domain::{AdmittedExemplar, ExemplarDraft, NumberValue, Warning};

use super::super::attributes::AttributesError;
use super::super::walk_error::WalkError;
use super::super::wire::{Reader, WireError};
use super::identity::{attributes_in, untyped};
use super::intake::{ExemplarRun, MetricsIntake};
use super::points::{ExemplarBytes, double};
use super::walker::Around;

/// Field number of the filtered attributes in an `Exemplar`.
const ATTRIBUTES: u32 = 7;

impl<C: SeriesLookup> MetricsIntake<'_, '_, C> {
    /// The exemplars of a point that was taken.
    #[cold]
    pub(super) fn take_exemplars(
        &mut self,
        around: &Around<'_>,
        exemplars: ExemplarBytes<'_>,
        series: SeriesId,
        time: Timestamp,
    ) -> Result<(), WalkError> {
        let mut is_first = true;
        let mut fields = Reader::new(exemplars.point);
        while let Some((number, value)) = fields.next_field()? {
            if number == exemplars.number
                && let Some((exemplar, attributes)) = self.read_exemplar(value.bytes()?)?
            {
                if std::mem::take(&mut is_first) {
                    self.begin_exemplars(around, series, time)?;
                }
                let own: usize = attributes.iter().map(Attribute::text_bytes).sum();
                let vectors = ExemplarColumns::EXEMPLAR_BYTES + attributes.len() * size_of::<Attribute>();
                self.charge(vectors.saturating_add(own))?;
                self.decoded.columns.exemplars.push(exemplar, attributes);
            }
        }
        Ok(())
    }

    fn begin_exemplars(
        &mut self,
        around: &Around<'_>,
        series: SeriesId,
        time: Timestamp,
    ) -> Result<(), WalkError> {
        let metric = around.metric.name().as_str();
        if self.exemplar_run == ExemplarRun::NotBegun {
            self.charge(metric.len())?;
            self.decoded.columns.exemplars.begin_run(metric, around.metric.kind());
            self.exemplar_run = ExemplarRun::Begun;
        }
        self.charge(ExemplarColumns::ROW_BYTES)?;
        self.decoded.columns.exemplars.begin_point(series, time);
        Ok(())
    }

    /// Absent if it is not worth keeping, which was remarked then.
    fn read_exemplar(&mut self, message: &[u8]) -> Result<Option<(Exemplar, Vec<Attribute>)>, WalkError> {
        let findings = &mut self.decoded.findings;
        let Some(admitted) = exemplar_draft(message)?.admit(findings) else { return Ok(None) };
        match attributes_in(message, ATTRIBUTES, self.limits, findings) {
            Ok(attributes) => Ok(Some((exemplar(admitted), untyped(attributes.kept)))),
            Err(AttributesError::Wire(error)) => Err(error.into()),
            Err(AttributesError::Rejected(_)) => {
                findings.warn(Warning::ExemplarInvalid);
                Ok(None)
            }
        }
    }
}

/// `Exemplar`: time 2, value 3 or 6, span 4, trace 5.
fn exemplar_draft(message: &[u8]) -> Result<ExemplarDraft<'_>, WireError> {
    let mut draft = ExemplarDraft::default();
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            2 => draft.time = value.fixed64()?,
            3 => draft.value = Some(NumberValue::Double(double(value)?)),
            4 => draft.span = value.bytes()?,
            5 => draft.trace = value.bytes()?,
            6 => draft.value = Some(NumberValue::Integer(value.fixed64()?.cast_signed())),
            _ => {}
        }
    }
    Ok(draft)
}

fn exemplar(admitted: AdmittedExemplar) -> Exemplar {
    let (value, integer_rest, integer) = match admitted.value {
        NumberValue::Double(value) => (value, 0, false),
        NumberValue::Integer(exact) => {
            let (value, rest) = NumberRow::split_integer(exact);
            (value, rest, true)
        }
    };
    let AdmittedExemplar { time, trace, span, .. } = admitted;
    Exemplar { time, value, integer_rest, integer, trace, span }
}
