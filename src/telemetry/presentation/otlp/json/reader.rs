//! `JsonReader`: the memory that reading JSON takes, kept from one request to the next.

use std::fmt;

use simd_json::{Buffers, ErrorType, INPUT_PADDING, Node, Tape, fill_tape_padded};

use super::JsonError;
use super::messages;
use super::number_text::NumberTexts;
use super::output::Output;
use super::structure;
use super::transcode::{Scratch, Walk};
use crate::shared::Signal;
use crate::telemetry::presentation::otlp::meter::Meter;

/// Deepest nesting of objects and arrays. The deepest value that is accepted takes 265; beyond a thousand values nobody can mean it.
const DEPTH_MAX: usize = 4_096;
/// What the parser keeps for each level of nesting.
const LEVEL_BYTES: usize = 24;
/// What the parser's index takes for each structural character: four bytes, three times over while it grows.
const INDEX_BYTES: usize = 12;
/// By so many bytes a node can be longer on the wire than in the text: `0,` may be a double.
const NODE_GROWTH_BYTES: usize = 8;
/// Reads one request after the other; one for each thread that decodes.
pub struct JsonReader {
    /// The parser works in place, so it gets a copy.
    copy: Vec<u8>,
    buffers: Buffers,
    /// Empty between requests; only its memory is kept.
    tape: Tape<'static>,
    scratch: Scratch,
    output: Output,
    /// Longest body since the memory was last given back.
    longest_body: usize,
    /// Most that was taken from a meter since then.
    held_bytes: usize,
}

impl Default for JsonReader {
    fn default() -> Self {
        Self {
            copy: Vec::new(),
            buffers: Buffers::with_max_depth(0, DEPTH_MAX),
            tape: Tape(Vec::new()),
            scratch: Scratch::default(),
            output: Output::default(),
            longest_body: 0,
            held_bytes: 0,
        }
    }
}

impl fmt::Debug for JsonReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonReader").field("held_bytes", &self.held_bytes).finish_non_exhaustive()
    }
}

impl JsonReader {
    /// The body as the `Export*ServiceRequest` of this signal in protobuf. All memory that depends on the body is taken from the meter
    /// before it is allocated: four times the body's size for long texts, ten times for what SDKs send, 44 times at worst.
    /// The answer lives in this memory, too.
    pub fn transcode<'r>(
        &'r mut self,
        signal: Signal,
        body: &[u8],
        meter: &mut Meter<'_>,
    ) -> Result<&'r [u8], JsonError> {
        let before = meter.used();
        let written = self.write(signal, body, meter);
        self.held_bytes = self.held_bytes.max(meter.used() - before);
        written?;
        Ok(self.output.bytes())
    }

    /// Gives memory back if it may be more than this, counted as by the meter. What is below stays for the next request.
    pub fn shrink(&mut self, bytes_max: usize) {
        if self.held_bytes > bytes_max {
            *self = Self::default();
        }
    }

    fn write(&mut self, signal: Signal, body: &[u8], meter: &mut Meter<'_>) -> Result<(), JsonError> {
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let found = structure::count(body)?;
        meter.take(parser_bytes(body.len(), found))?;
        if body.len() > self.longest_body {
            // Its own growth would double what is there.
            self.buffers = Buffers::with_max_depth(0, DEPTH_MAX);
            self.longest_body = body.len();
        }
        tape.0.reserve_exact(found);
        self.copy.clear();
        self.copy.reserve_exact(body.len() + INPUT_PADDING);
        self.copy.extend_from_slice(body);
        self.copy.resize(body.len() + INPUT_PADDING, 0);
        let parsed = fill_tape_padded(&mut self.copy, body.len(), &mut self.buffers, &mut tape);
        parsed.map_err(|error| match error.error() {
            ErrorType::DepthLimitExceeded => JsonError::TooDeep,
            _ => JsonError::Syntax,
        })?;

        let output_bytes_max = body.len() + NODE_GROWTH_BYTES * tape.0.len();
        meter.take(output_bytes_max)?;
        self.output.begin(output_bytes_max);
        let mut walk = Walk {
            tape: &tape.0,
            numbers: NumberTexts::new(body, self.buffers.structural_indexes()),
            scratch: &mut self.scratch,
            output: &mut self.output,
            meter,
        };
        walk.request(messages::request(signal))?;
        self.output.finish();
        debug_assert!(self.output.bytes().len() <= output_bytes_max, "more than was taken from the meter");
        self.tape = tape.reset();
        Ok(())
    }
}

/// What the copy of a body, the decoded bytes of its longest text, and the parser's own buffers take.
fn parser_bytes(body: usize, found: usize) -> usize {
    let texts = 3 * (body + INPUT_PADDING);
    let index = body / 2 + INDEX_BYTES * (found + 64);
    let levels = LEVEL_BYTES * found.min(DEPTH_MAX);
    texts + index + levels + size_of::<Node<'_>>() * found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is really held, as far as it can be seen from here.
    fn held(reader: &JsonReader) -> usize {
        let parser = reader.copy.capacity()
            + reader.tape.0.capacity() * size_of::<Node<'_>>()
            + size_of_val(reader.buffers.structural_indexes());
        parser + reader.output.held_bytes() + reader.scratch.held_bytes()
    }

    #[test]
    fn no_more_is_held_than_was_taken_from_the_meter() {
        let bounds = |bound: &str| {
            let point = format!(r#"{{"explicitBounds":[{}0]}}"#, format!("{bound},").repeat(50_000));
            format!(
                r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"histogram":{{"dataPoints":[{point}]}}}}]}}]}}]}}"#
            )
        };
        let value = |open: &str, close: &str| {
            let value = format!("{}{{}}{}", open.repeat(60), close.repeat(60));
            let attribute = format!(r#"{{"key":"k","value":{value}}},"#).repeat(200);
            format!(r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{attribute}{{}}]}}}}]}}"#)
        };
        let text =
            |text: &str| format!(r#"{{"resourceMetrics":[{{"schemaUrl":"{}"}}]}}"#, text.repeat(100_000));
        let bodies = [
            "{}".to_owned(),
            bounds("0"),
            bounds("null"),
            bounds("0.1234567890123456"),
            value(r#"{"arrayValue":{"values":["#, "]}}"),
            value(r#"{"kvlistValue":{"values":[{"key":"a","value":"#, "}]}}"),
            text("x"),
            text("\\u00e9"),
            format!(r#"{{"resourceMetrics":[{}{{}}]}}"#, "{},".repeat(100_000)),
            format!(r#"{{"resourceMetrics":[{}{{}}]}}"#, r#"{"schemaUrl":""},"#.repeat(10_000)),
        ];
        for body in bodies {
            let (mut reader, mut meter) = (JsonReader::default(), Meter::unlimited());
            reader.transcode(Signal::Metrics, body.as_bytes(), &mut meter).unwrap();
            let start = body.get(..100).unwrap_or(&body);
            assert!(held(&reader) <= meter.used(), "{} > {}: {start}", held(&reader), meter.used());
            reader.shrink(meter.used());
            assert!(held(&reader) > 0);
            reader.shrink(meter.used() - 1);
            assert_eq!(held(&reader), 0);
        }
    }
}
