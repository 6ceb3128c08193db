//! How a message is described: its fields by their names in JSON, with number and kind.

/// A protobuf message.
#[derive(Debug)]
pub struct Message {
    pub fields: &'static [Field],
}

impl Message {
    /// The place of a field in the table. Clients write members in the order of the definition, so the search begins at `hint`.
    #[inline]
    pub fn find(&self, name: &str, hint: usize) -> Option<usize> {
        let (before, after) = self.fields.split_at_checked(hint).unwrap_or((self.fields, &[]));
        let named = |field: &Field| field.name == name;
        let later = after.iter().position(named).map(|place| before.len() + place);
        later.or_else(|| before.iter().position(named))
    }
}

/// One field of a message.
#[derive(Debug)]
pub struct Field {
    /// In lowerCamelCase, the only spelling OTLP/JSON has.
    pub name: &'static str,
    pub number: u32,
    pub kind: Kind,
    pub label: Label,
}

/// How often a field may be there, and whether its default differs from its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    /// Left out when it has its default.
    Plain,
    /// `optional` in the definition.
    Optional,
    /// A member of the `oneof`, of which no message here has more than one.
    Member,
    Repeated,
}

/// What a field holds; the number kinds are named as in protobuf.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    /// Base64.
    Bytes,
    /// The id of a trace or span: hexadecimal.
    Id,
    Bool,
    Double,
    Fixed64,
    Sfixed64,
    Fixed32,
    Int64,
    Uint64,
    Uint32,
    Sint32,
    /// A number, or one of these names.
    Enum(&'static [(&'static str, i32)]),
    Message(&'static Message),
    /// `AnyValue`, the one message that may hold itself.
    Value,
}

impl Field {
    pub const fn new(name: &'static str, number: u32, kind: Kind) -> Self {
        Self { name, number, kind, label: Label::Plain }
    }

    pub const fn optional(self) -> Self {
        Self { label: Label::Optional, ..self }
    }

    pub const fn member(self) -> Self {
        Self { label: Label::Member, ..self }
    }

    pub const fn repeated(self) -> Self {
        Self { label: Label::Repeated, ..self }
    }

    /// Whether a field that has its default is written nevertheless.
    pub const fn keeps_default(&self) -> bool {
        !matches!(self.label, Label::Plain)
    }
}
