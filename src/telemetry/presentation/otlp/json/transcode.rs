//! Walks the parser's tape with a message's description and writes the message.

use simd_json::{Node, StaticNode};

use super::JsonError;
use super::messages::ANY_VALUE;
use super::metered;
use super::number_text::NumberTexts;
use super::output::{Output, WireType};
use super::scalar::{self, Scalar};
use super::schema::{Field, Kind, Label, Message};
use crate::telemetry::presentation::otlp::attributes::DEPTH_MAX;
use crate::telemetry::presentation::otlp::meter::Meter;

/// Values within so many others come out empty. Some levels beyond what the rules for attributes accept, so that these refuse
/// the item. It also bounds the recursion here, at three messages a level.
const KEPT_DEPTH_MAX: usize = DEPTH_MAX + 6;
/// In [`Walk::found`], the place of whatever member of a `oneof` there is.
const ONE_OF: usize = 31;

/// Memory that is used again for every request.
#[derive(Debug, Default)]
pub struct Scratch {
    found: Vec<Found>,
    decoded: Vec<u8>,
}

impl Scratch {
    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.found.capacity() * size_of::<Found>() + self.decoded.capacity()
    }
}

/// A member that counts: its field, which place in the message it takes, and where its value is on the tape.
#[derive(Debug, Clone, Copy)]
struct Found {
    field: &'static Field,
    place: usize,
    value: usize,
}

/// One request on its way.
pub struct Walk<'w, 't, 'm> {
    pub tape: &'w [Node<'t>],
    pub numbers: NumberTexts<'t>,
    pub scratch: &'w mut Scratch,
    pub output: &'w mut Output,
    pub meter: &'w mut Meter<'m>,
}

impl<'t> Walk<'_, 't, '_> {
    /// The whole tape as this message.
    pub fn request(&mut self, message: &'static Message) -> Result<(), JsonError> {
        self.scratch.found.clear();
        match self.node(0)? {
            Node::Object { len, .. } => self.members(message, 0, len, 0),
            _ => Err(JsonError::NotAnObject),
        }
    }

    fn node(&self, at: usize) -> Result<Node<'t>, JsonError> {
        self.tape.get(at).copied().ok_or(JsonError::Syntax)
    }

    /// Writes the fields of an object. `depth` is how many values it is within.
    fn members(
        &mut self,
        message: &'static Message,
        object: usize,
        members: usize,
        depth: usize,
    ) -> Result<(), JsonError> {
        let begin = self.scratch.found.len();
        self.find_members(message, object, members)?;
        let end = self.scratch.found.len();
        for place in begin..end {
            if let Some(Found { field, value, .. }) = self.scratch.found.get(place).copied() {
                self.field(field, value, depth)?;
            }
        }
        self.scratch.found.truncate(begin);
        Ok(())
    }

    /// Gathers the members that count, in their order: known, not `null`, and the last in their place.
    fn find_members(
        &mut self,
        message: &'static Message,
        object: usize,
        members: usize,
    ) -> Result<(), JsonError> {
        let begin = self.scratch.found.len();
        let (mut at, mut hint, mut taken) = (object + 1, 0, 0_u32);
        for _ in 0..members {
            let (key, value) = (self.node(at)?, self.node(at + 1)?);
            let known = if let Node::String(name) = key { message.find(name, hint) } else { None };
            if let Some((index, field)) = known.and_then(|index| Some((index, message.fields.get(index)?))) {
                hint = index + 1;
                let place = if field.label == Label::Member { ONE_OF } else { index };
                if !matches!(value, Node::Static(StaticNode::Null)) {
                    if taken & (1 << place) != 0 {
                        self.forget(begin, place);
                    }
                    taken |= 1 << place;
                    let found = Found { field, place, value: at + 1 };
                    metered::push(&mut self.scratch.found, found, self.meter)?;
                }
            }
            at += 1 + nodes(value);
        }
        Ok(())
    }

    /// An earlier member does not count after all.
    #[cold]
    fn forget(&mut self, begin: usize, place: usize) {
        let later = self.scratch.found.iter().skip(begin);
        if let Some(index) = later.clone().position(|found| found.place == place) {
            self.scratch.found.remove(begin + index);
        }
    }

    fn field(&mut self, field: &'static Field, at: usize, depth: usize) -> Result<(), JsonError> {
        if field.label != Label::Repeated {
            return self.single(field, at, depth);
        }
        let Node::Array { len, .. } = self.node(at)? else {
            return Err(JsonError::WrongType { field: field.name });
        };
        match field.kind {
            Kind::Message(_) | Kind::Value | Kind::Text | Kind::Bytes | Kind::Id => {
                self.items(field, at, len, depth)
            }
            _ if len == 0 => Ok(()),
            _ => self.packed(field, at, len),
        }
    }

    fn items(
        &mut self,
        field: &'static Field,
        array: usize,
        items: usize,
        depth: usize,
    ) -> Result<(), JsonError> {
        let mut at = array + 1;
        for _ in 0..items {
            let node = self.node(at)?;
            match (node, field.kind) {
                (Node::Static(StaticNode::Null), Kind::Message(_)) => {}
                (Node::Static(StaticNode::Null), Kind::Value) => self.sized(field, &[]),
                _ => self.single(field, at, depth)?,
            }
            at += nodes(node);
        }
        Ok(())
    }

    /// Numbers, one after the other in one field.
    fn packed(&mut self, field: &'static Field, array: usize, items: usize) -> Result<(), JsonError> {
        self.output.tag(field.number, WireType::Bytes);
        let opened = self.output.open(self.meter)?;
        for at in (array + 1..).take(items) {
            let scalar = match (self.node(at)?, field.kind) {
                (Node::Static(StaticNode::Null), Kind::Double) => Scalar::Fixed64(f64::NAN.to_bits()),
                (node, _) => scalar::scalar(field, node, || self.numbers.of(at))?,
            };
            scalar.write(self.output);
        }
        self.output.close(&opened);
        Ok(())
    }

    /// A field that is there once, or one item of a repeated one.
    fn single(&mut self, field: &'static Field, at: usize, depth: usize) -> Result<(), JsonError> {
        let node = self.node(at)?;
        match (field.kind, node) {
            (Kind::Message(message), Node::Object { len, .. }) => {
                self.message(field, message, at, len, depth)
            }
            (Kind::Value, Node::Object { .. }) if depth >= KEPT_DEPTH_MAX => {
                self.sized(field, &[]);
                Ok(())
            }
            (Kind::Value, Node::Object { len, .. }) => self.message(field, &ANY_VALUE, at, len, depth + 1),
            (Kind::Text | Kind::Bytes | Kind::Id, Node::String(text)) => self.text(field, text),
            _ => {
                let scalar = scalar::scalar(field, node, || self.numbers.of(at))?;
                if field.keeps_default() || !scalar.is_default() {
                    self.output.tag(field.number, scalar.wire_type());
                    scalar.write(self.output);
                }
                Ok(())
            }
        }
    }

    fn message(
        &mut self,
        field: &'static Field,
        message: &'static Message,
        object: usize,
        members: usize,
        depth: usize,
    ) -> Result<(), JsonError> {
        self.output.tag(field.number, WireType::Bytes);
        let opened = self.output.open(self.meter)?;
        self.members(message, object, members, depth)?;
        self.output.close(&opened);
        Ok(())
    }

    fn text(&mut self, field: &'static Field, text: &str) -> Result<(), JsonError> {
        // Taken out so that what is decoded and the output can be used side by side.
        let mut decoded = std::mem::take(&mut self.scratch.decoded);
        let bytes = match field.kind {
            Kind::Id => Some(scalar::id(text, &mut decoded)),
            Kind::Bytes => scalar::base64(text, &mut decoded),
            _ => Some(text.as_bytes()),
        };
        let bytes = bytes.ok_or(JsonError::NotBase64 { field: field.name })?;
        if field.keeps_default() || !bytes.is_empty() {
            self.sized(field, bytes);
        }
        self.scratch.decoded = decoded;
        Ok(())
    }

    fn sized(&mut self, field: &Field, bytes: &[u8]) {
        self.output.tag(field.number, WireType::Bytes);
        self.output.sized(bytes);
    }
}

/// How many nodes a value takes on the tape, with what is within it.
fn nodes(value: Node<'_>) -> usize {
    match value {
        Node::Object { count, .. } | Node::Array { count, .. } => count + 1,
        Node::String(_) | Node::Static(_) => 1,
    }
}
