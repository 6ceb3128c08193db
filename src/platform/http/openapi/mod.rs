//! `Operation`: what a route takes and answers, in the words of OpenAPI 3.1. Those who serve routes describe them with it, out of
//! the tables and types that they serve them with; [`document`] puts all together.

mod document;
mod pages;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::ProblemKind;

pub use document::document;
pub use pages::{PATHS, operations, router};

/// A route with one of its methods.
#[derive(Debug)]
pub struct Operation {
    path: &'static str,
    method: &'static str,
    /// What is sent, for those that take a body.
    question: Option<fn(&mut SchemaGenerator) -> Schema>,
    /// Its name in generated clients.
    id: &'static str,
    summary: &'static str,
    /// What it is about, as a heading.
    tag: &'static str,
    description: &'static str,
    needs: Needs,
    parameters: Vec<Parameter>,
    answers: Vec<Answer>,
    problems: Vec<ProblemKind>,
}

/// Which key has to be shown, where the server has keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// One that may read.
    Reader,
    /// One that may operate the server.
    Operator,
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub place: Place,
    /// The first is its name, the others mean the same.
    pub names: Cow<'static, [&'static str]>,
    pub about: Cow<'static, str>,
    pub form: Form,
    pub presence: Presence,
    pub times: Times,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Query,
    Path,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Needed,
    Optional,
}

/// How often it may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    Once,
    Several,
}

/// What a value of a parameter looks like.
#[derive(Debug, Clone)]
pub enum Form {
    Text {
        bytes_max: usize,
        example: &'static str,
    },
    /// Of so many hexadecimal digits.
    Hexadecimal {
        digits: usize,
    },
    /// A whole number from 1 on. Without `max` the configuration says it.
    Count {
        default: usize,
        max: Option<usize>,
    },
    Choice {
        values: Vec<Cow<'static, str>>,
        default: Option<&'static str>,
    },
    /// `name[key]=value`, for any keys.
    Map {
        bytes_max: usize,
    },
}

/// A good answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    about: &'static str,
    content: Option<Content>,
}

/// What the body of an answer is.
#[derive(Debug, Clone, Copy)]
struct Content {
    media_type: &'static str,
    schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Operation {
    pub const fn get(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("get", path, id, summary)
    }

    pub const fn post(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("post", path, id, summary)
    }

    pub const fn put(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("put", path, id, summary)
    }

    pub const fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self::new("delete", path, id, summary)
    }

    const fn new(method: &'static str, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        Self {
            path,
            method,
            question: None,
            id,
            summary,
            tag: "other",
            description: "",
            needs: Needs::Nothing,
            parameters: Vec::new(),
            answers: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// It takes a body, as JSON.
    #[must_use]
    pub fn asks<T: JsonSchema>(mut self) -> Self {
        self.question = Some(|generator| generator.subschema_for::<T>());
        self
    }

    #[must_use]
    pub const fn tagged(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    #[must_use]
    pub const fn described(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    #[must_use]
    pub const fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    #[must_use]
    pub fn with(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// 200 with a body that has the form of `T`.
    #[must_use]
    pub fn answers<T: JsonSchema>(self) -> Self {
        self.answers_with::<T>(200, "The answer.")
    }

    #[must_use]
    pub fn answers_with<T: JsonSchema>(mut self, status: u16, about: &'static str) -> Self {
        let schema = |generator: &mut SchemaGenerator| generator.subschema_for::<T>();
        let content = Some(Content { media_type: "application/json", schema });
        self.answers.push(Answer { status, about, content });
        self
    }

    /// 204.
    #[must_use]
    pub fn leaves_nothing(mut self, about: &'static str) -> Self {
        self.answers.push(Answer { status: 204, about, content: None });
        self
    }

    /// 200 without a body.
    #[must_use]
    pub fn answers_nothing(mut self, about: &'static str) -> Self {
        self.answers.push(Answer { status: 200, about, content: None });
        self
    }

    /// 200 with a text of this type.
    #[must_use]
    pub fn answers_text(mut self, media_type: &'static str, about: &'static str) -> Self {
        let schema = |_: &mut SchemaGenerator| json_schema!({ "type": "string" });
        self.answers.push(Answer { status: 200, about, content: Some(Content { media_type, schema }) });
        self
    }

    #[must_use]
    pub fn problems(mut self, problems: &[ProblemKind]) -> Self {
        self.problems.extend(problems);
        self
    }
}

impl Parameter {
    pub fn new(names: &'static [&'static str], about: impl Into<Cow<'static, str>>, form: Form) -> Self {
        let (place, presence, times) = (Place::Query, Presence::Optional, Times::Once);
        Self { place, names: names.into(), about: about.into(), form, presence, times }
    }

    /// A part of the path.
    pub fn in_path(names: &'static [&'static str], about: &'static str, form: Form) -> Self {
        Self { place: Place::Path, presence: Presence::Needed, ..Self::new(names, about, form) }
    }

    #[must_use]
    pub const fn needed(mut self) -> Self {
        self.presence = Presence::Needed;
        self
    }

    #[must_use]
    pub const fn repeated(mut self) -> Self {
        self.times = Times::Several;
        self
    }
}
