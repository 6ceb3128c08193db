//! Reads the points of each kind: numbers and times are taken out, attributes, lists and exemplars stay where they lie
//! (opentelemetry-proto 1.x, `metrics/v1/metrics.proto`).

use std::borrow::Cow;

use crate::shared::{ExponentialShape, Population, ValueAtQuantile};
use crate::telemetry::domain::{
    ExponentialHistogramDraft, HistogramDraft, NumberValue, PointDraft, PointFrame, SummaryDraft,
};

use super::super::fields::{append, uint32};
use super::super::meter::MeterError;
use super::super::walk_error::WalkError;
use super::super::wire::{Reader, Value, WireError};
use super::number_list::{Coding, ListSurvey, NumberList, Numbers};

/// Where a point's attributes are: a run of `attributes` fields with their tags. Their number depends on the kind.
#[derive(Debug, Clone, Copy)]
pub enum AttributeBytes<'a> {
    /// Nothing but attribute fields.
    Run { fields: &'a [u8], number: u32 },
    /// The whole point: attribute fields stand among others.
    Scattered { point: &'a [u8], number: u32 },
}

/// Where a point's exemplars are: the fields of a number in the whole point, which is empty if it has none.
#[derive(Debug, Clone, Copy)]
pub struct ExemplarBytes<'a> {
    pub point: &'a [u8],
    pub number: u32,
}

/// One point of a gauge or a sum.
#[derive(Debug, Clone, Copy)]
pub struct NumberPoint<'a> {
    pub draft: PointDraft,
    pub attributes: AttributeBytes<'a>,
    pub exemplars: ExemplarBytes<'a>,
}

/// One point of a histogram.
#[derive(Debug, Clone, Copy)]
pub struct HistogramPoint<'a> {
    pub frame: PointFrame,
    pub population: Population,
    pub bucket_counts: NumberList<'a>,
    pub bounds: NumberList<'a>,
    pub attributes: AttributeBytes<'a>,
    pub exemplars: ExemplarBytes<'a>,
}

/// One point of an exponential histogram.
#[derive(Debug, Clone, Copy)]
pub struct ExponentialHistogramPoint<'a> {
    pub frame: PointFrame,
    pub population: Population,
    pub shape: ExponentialShape,
    pub positive_counts: NumberList<'a>,
    pub negative_counts: NumberList<'a>,
    pub attributes: AttributeBytes<'a>,
    pub exemplars: ExemplarBytes<'a>,
}

/// One point of a summary.
#[derive(Debug, Clone, Copy)]
pub struct SummaryPoint<'a> {
    pub frame: PointFrame,
    pub count: u64,
    pub sum: f64,
    pub quantiles: Quantiles<'a>,
    pub attributes: AttributeBytes<'a>,
}

impl<'a> HistogramPoint<'a> {
    pub fn draft(&self) -> HistogramDraft<Numbers<'a>, impl Iterator<Item = f64> + Clone + use<'a>> {
        HistogramDraft {
            frame: self.frame,
            population: self.population,
            bucket_counts: self.bucket_counts.iter(),
            bounds: self.bounds.iter().map(f64::from_bits),
        }
    }
}

impl<'a> ExponentialHistogramPoint<'a> {
    pub const fn draft(&self) -> ExponentialHistogramDraft<Numbers<'a>> {
        ExponentialHistogramDraft {
            frame: self.frame,
            population: self.population,
            shape: self.shape,
            positive_counts: self.positive_counts.iter(),
            negative_counts: self.negative_counts.iter(),
        }
    }
}

impl<'a> SummaryPoint<'a> {
    pub const fn draft(&self) -> SummaryDraft<Quantiles<'a>> {
        SummaryDraft { frame: self.frame, count: self.count, sum: self.sum, quantiles: self.quantiles }
    }
}

/// Follows the attribute fields of a point while it is read.
#[derive(Debug, Default)]
struct AttributeSpan {
    start: usize,
    end: usize,
    scattered: bool,
}

impl AttributeSpan {
    /// A field from `at` to `end`.
    #[inline(always)]
    const fn note(&mut self, at: usize, end: usize) {
        if self.end == 0 {
            self.start = at;
        } else if self.end != at {
            self.scattered = true;
        }
        self.end = end;
    }

    #[inline(always)]
    fn finish(self, point: &[u8], number: u32) -> AttributeBytes<'_> {
        if self.scattered {
            AttributeBytes::Scattered { point, number }
        } else {
            AttributeBytes::Run { fields: point.get(self.start..self.end).unwrap_or_default(), number }
        }
    }
}

/// `NumberDataPoint`. Part of the one loop over points: handing a point over in memory costs as much as reading it. Of
/// exemplars, which are rare, it only notes that there are some.
#[inline(always)]
pub(super) fn number_point(message: &[u8]) -> Result<NumberPoint<'_>, WireError> {
    const ATTRIBUTES: u32 = 7;
    const EXEMPLARS: u32 = 5;
    let mut draft = PointDraft::default();
    let mut attributes = AttributeSpan::default();
    let mut exemplars: &[u8] = &[];
    let mut fields = Reader::new(message);
    loop {
        let at = fields.position();
        let Some((number, value)) = fields.next_field()? else { break };
        match number {
            ATTRIBUTES => {
                value.bytes()?;
                attributes.note(at, fields.position());
            }
            2 => draft.frame.start = value.fixed64()?,
            3 => draft.frame.time = value.fixed64()?,
            4 => draft.value = Some(NumberValue::Double(double(value)?)),
            6 => draft.value = Some(NumberValue::Integer(value.fixed64()?.cast_signed())),
            EXEMPLARS => {
                value.bytes()?;
                exemplars = message;
            }
            8 => draft.frame.flags = uint32(value)?,
            _ => {}
        }
    }
    Ok(NumberPoint {
        draft,
        attributes: attributes.finish(message, ATTRIBUTES),
        exemplars: ExemplarBytes { point: exemplars, number: EXEMPLARS },
    })
}

/// `HistogramDataPoint`.
pub(super) fn histogram_point(message: &[u8]) -> Result<HistogramPoint<'_>, WireError> {
    const BUCKET_COUNTS: u32 = 6;
    const BOUNDS: u32 = 7;
    const EXEMPLARS: u32 = 8;
    const ATTRIBUTES: u32 = 9;
    let (mut frame, mut population) = (PointFrame::default(), Population::default());
    let (mut attributes, mut exemplars) = (AttributeSpan::default(), &[] as &[u8]);
    let mut bucket_counts = ListSurvey::new(Coding::Fixed64);
    let mut bounds = ListSurvey::new(Coding::Fixed64);
    let mut fields = Reader::new(message);
    loop {
        let at = fields.position();
        let Some((number, value)) = fields.next_field()? else { break };
        match number {
            2 => frame.start = value.fixed64()?,
            3 => frame.time = value.fixed64()?,
            4 => population.count = value.fixed64()?,
            5 => population.sum = Some(double(value)?),
            BUCKET_COUNTS => bucket_counts.note(value)?,
            BOUNDS => bounds.note(value)?,
            EXEMPLARS => {
                value.bytes()?;
                exemplars = message;
            }
            ATTRIBUTES => {
                value.bytes()?;
                attributes.note(at, fields.position());
            }
            10 => frame.flags = uint32(value)?,
            11 => population.min = Some(double(value)?),
            12 => population.max = Some(double(value)?),
            _ => {}
        }
    }
    Ok(HistogramPoint {
        frame,
        population,
        bucket_counts: bucket_counts.finish(message, BUCKET_COUNTS),
        bounds: bounds.finish(message, BOUNDS),
        attributes: attributes.finish(message, ATTRIBUTES),
        exemplars: ExemplarBytes { point: exemplars, number: EXEMPLARS },
    })
}

/// `ExponentialHistogramDataPoint`. Its buckets are messages of their own, which may come in pieces: so the point borrows from
/// what was read.
#[derive(Debug)]
pub(super) struct ExponentialHistogramFields<'a> {
    frame: PointFrame,
    population: Population,
    shape: ExponentialShape,
    positive: Cow<'a, [u8]>,
    negative: Cow<'a, [u8]>,
    attributes: AttributeBytes<'a>,
    exemplars: ExemplarBytes<'a>,
}

impl<'a> ExponentialHistogramFields<'a> {
    /// `hold` is asked for memory where buckets come in pieces.
    pub(super) fn read(
        message: &'a [u8],
        mut hold: impl FnMut(usize) -> Result<(), MeterError>,
    ) -> Result<Self, WalkError> {
        const ATTRIBUTES: u32 = 1;
        const EXEMPLARS: u32 = 11;
        let (mut frame, mut population) = (PointFrame::default(), Population::default());
        let (mut attributes, mut exemplars) = (AttributeSpan::default(), &[] as &[u8]);
        let mut shape = ExponentialShape::default();
        let (mut positive, mut negative) = (None, None);
        let mut fields = Reader::new(message);
        loop {
            let at = fields.position();
            let Some((number, value)) = fields.next_field()? else { break };
            match number {
                ATTRIBUTES => {
                    value.bytes()?;
                    attributes.note(at, fields.position());
                }
                2 => frame.start = value.fixed64()?,
                3 => frame.time = value.fixed64()?,
                4 => population.count = value.fixed64()?,
                5 => population.sum = Some(double(value)?),
                6 => shape.scale = zigzag(value)?,
                7 => shape.zero_count = value.fixed64()?,
                8 => append(&mut positive, value.bytes()?, &mut hold)?,
                9 => append(&mut negative, value.bytes()?, &mut hold)?,
                10 => frame.flags = uint32(value)?,
                EXEMPLARS => {
                    value.bytes()?;
                    exemplars = message;
                }
                12 => population.min = Some(double(value)?),
                13 => population.max = Some(double(value)?),
                14 => shape.zero_threshold = double(value)?,
                _ => {}
            }
        }
        Ok(Self {
            frame,
            population,
            shape,
            positive: positive.unwrap_or_default(),
            negative: negative.unwrap_or_default(),
            attributes: attributes.finish(message, ATTRIBUTES),
            exemplars: ExemplarBytes { point: exemplars, number: EXEMPLARS },
        })
    }

    pub(super) fn point(&self) -> Result<ExponentialHistogramPoint<'_>, WireError> {
        let (positive_offset, positive_counts) = buckets(&self.positive)?;
        let (negative_offset, negative_counts) = buckets(&self.negative)?;
        Ok(ExponentialHistogramPoint {
            frame: self.frame,
            population: self.population,
            shape: ExponentialShape { positive_offset, negative_offset, ..self.shape },
            positive_counts,
            negative_counts,
            attributes: self.attributes,
            exemplars: self.exemplars,
        })
    }
}

/// `ExponentialHistogramDataPoint.Buckets`: the index of the first bucket, and the counts.
fn buckets(message: &[u8]) -> Result<(i32, NumberList<'_>), WireError> {
    let mut offset = 0;
    let mut counts = ListSurvey::new(Coding::Varint);
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => offset = zigzag(value)?,
            2 => counts.note(value)?,
            _ => {}
        }
    }
    Ok((offset, counts.finish(message, 2)))
}

/// `SummaryDataPoint`.
pub(super) fn summary_point(message: &[u8]) -> Result<SummaryPoint<'_>, WireError> {
    const QUANTILES: u32 = 6;
    const ATTRIBUTES: u32 = 7;
    let mut frame = PointFrame::default();
    let mut attributes = AttributeSpan::default();
    let (mut count, mut sum) = (0, 0.0);
    let mut quantiles = Quantiles { point: Reader::new(message), number: QUANTILES, len: 0 };
    let mut fields = Reader::new(message);
    loop {
        let at = fields.position();
        let Some((number, value)) = fields.next_field()? else { break };
        match number {
            2 => frame.start = value.fixed64()?,
            3 => frame.time = value.fixed64()?,
            4 => count = value.fixed64()?,
            5 => sum = double(value)?,
            QUANTILES => {
                value_at_quantile(value.bytes()?)?;
                quantiles.len += 1;
            }
            ATTRIBUTES => {
                value.bytes()?;
                attributes.note(at, fields.position());
            }
            8 => frame.flags = uint32(value)?,
            _ => {}
        }
    }
    let attributes = attributes.finish(message, ATTRIBUTES);
    Ok(SummaryPoint { frame, count, sum, quantiles, attributes })
}

/// The quantiles of a summary point, which were found readable.
#[derive(Debug, Clone, Copy)]
pub struct Quantiles<'a> {
    point: Reader<'a>,
    number: u32,
    len: usize,
}

impl Quantiles<'_> {
    /// How many there were when it began.
    pub const fn len(&self) -> usize {
        self.len
    }

    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl Iterator for Quantiles<'_> {
    type Item = ValueAtQuantile;

    fn next(&mut self) -> Option<ValueAtQuantile> {
        // No error was met when the point was read, so there is none.
        while let Some((number, value)) = self.point.next_field().ok()? {
            if number == self.number {
                return value_at_quantile(value.bytes().ok()?).ok();
            }
        }
        None
    }
}

/// `SummaryDataPoint.ValueAtQuantile`.
fn value_at_quantile(message: &[u8]) -> Result<ValueAtQuantile, WireError> {
    let mut at = ValueAtQuantile { quantile: 0.0, value: 0.0 };
    let mut fields = Reader::new(message);
    while let Some((number, value)) = fields.next_field()? {
        match number {
            1 => at.quantile = double(value)?,
            2 => at.value = double(value)?,
            _ => {}
        }
    }
    Ok(at)
}

#[inline(always)]
pub(super) fn double(value: Value<'_>) -> Result<f64, WireError> {
    value.fixed64().map(f64::from_bits)
}

/// A `sint32` field (protobuf encoding guide, "Signed Integers").
fn zigzag(value: Value<'_>) -> Result<i32, WireError> {
    let low = uint32(value)?;
    Ok((low >> 1).cast_signed() ^ -(low & 1).cast_signed())
}
