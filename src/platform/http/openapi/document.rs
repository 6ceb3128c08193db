//! Operations as a document of OpenAPI 3.1 (<https://spec.openapis.org/oas/v3.1.1.html>).

use std::collections::{BTreeMap, BTreeSet};

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::super::ProblemKind;
use super::super::problem::{Members, PROBLEM_JSON};
use super::{Answer, Content, Form, Needs, Operation, Parameter, Place, Presence, Times};

const VERSION: &str = "3.1.1";
/// The name of the security scheme.
const KEY: &str = "apiKey";
/// What is refused before a route is looked at, where the server has keys.
const OF_ACCESS: [ProblemKind; 3] =
    [ProblemKind::Unauthorized, ProblemKind::Forbidden, ProblemKind::TooManyRequests];

/// The document, with its keys in order.
pub fn document(title: &str, version: &str, description: &str, operations: &[Operation]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let problem = Value::from(generator.subschema_for::<Members<'_>>());
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let described = described(operation, &mut generator);
        paths.entry(operation.path).or_default().insert(operation.method.to_owned(), described);
    }
    let tags: BTreeSet<&str> = operations.iter().map(|operation| operation.tag).collect();
    let schemas: Map<String, Value> = generator.take_definitions(true);
    json!({
        "openapi": VERSION,
        "info": { "title": title, "version": version, "description": description },
        "servers": [{ "url": "/" }],
        "tags": tags.into_iter().map(|name| json!({ "name": name })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problem_responses(&problem),
            "securitySchemes": {
                KEY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key as `telemetryflow create-key` prints it. Without keys in its \
                        configuration a server asks for none.",
                },
            },
        },
    })
}

fn described(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in &operation.answers {
        responses.insert(answer.status.to_string(), good(answer, generator));
    }
    let of_access: &[ProblemKind] = if operation.needs == Needs::Nothing { &[] } else { &OF_ACCESS };
    for kind in operation.problems.iter().chain(of_access) {
        let reference = format!("#/components/responses/{}", component(*kind));
        responses.insert(kind.status().as_u16().to_string(), json!({ "$ref": reference }));
    }
    let long = "#/components/responses/HeadTooLong";
    responses.insert("431".to_owned(), json!({ "$ref": long }));
    let security = match operation.needs {
        Needs::Nothing => json!([]),
        Needs::Reader | Needs::Operator => json!([{ KEY: [] }]),
    };
    let mut value = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "security": security,
        "parameters": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
    });
    let description = match operation.needs {
        Needs::Operator => format!("{} Needs a key of the role admin.", operation.description),
        Needs::Nothing | Needs::Reader => operation.description.to_owned(),
    };
    set(&mut value, "description", description.trim().into());
    if let Some(question) = operation.question {
        let content = json!({ "application/json": { "schema": question(generator) } });
        set(&mut value, "requestBody", json!({ "required": true, "content": content }));
    }
    value
}

fn good(answer: &Answer, generator: &mut SchemaGenerator) -> Value {
    match answer.content {
        None => json!({ "description": answer.about }),
        Some(Content { media_type, schema }) => {
            let schema = schema(generator);
            json!({ "description": answer.about, "content": { media_type: { "schema": schema } } })
        }
    }
}

fn problem_responses(schema: &Value) -> Map<String, Value> {
    let response = |kind: ProblemKind| {
        let mut value =
            json!({ "description": kind.title(), "content": { PROBLEM_JSON: { "schema": schema } } });
        if matches!(kind, ProblemKind::TooManyRequests | ProblemKind::Unavailable) {
            let wait = json!({ "type": "integer", "minimum": 1 });
            let header = json!({ "description": "Seconds after which to come again.", "schema": wait });
            set(&mut value, "headers", json!({ "Retry-After": header }));
        }
        (component(kind), value)
    };
    let long = json!({ "description": "The request's head is too long" });
    ProblemKind::ALL.into_iter().map(response).chain([("HeadTooLong".to_owned(), long)]).collect()
}

/// `urn:telemetryflow:problem:not-found` is `NotFound`.
fn component(kind: ProblemKind) -> String {
    let slug = kind.type_uri().rsplit(':').next().unwrap_or_default();
    let capitalised = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    slug.split('-').filter_map(capitalised).collect()
}

fn parameter(parameter: &Parameter) -> Value {
    let (name, aliases) = match &*parameter.names {
        [name, aliases @ ..] => (*name, aliases),
        [] => ("", &[][..]),
    };
    let mut about = parameter.about.to_string();
    if !aliases.is_empty() {
        about.push_str(&format!(" Also: `{}`.", aliases.join("`, `")));
    }
    let schema = match parameter.times {
        Times::Several => json!({ "type": "array", "items": schema(&parameter.form) }),
        Times::Once => schema(&parameter.form),
    };
    let mut value = json!({
        "name": name,
        "in": match parameter.place {
            Place::Query => "query",
            Place::Path => "path",
        },
        "description": about,
        "required": parameter.presence == Presence::Needed,
        "schema": schema,
    });
    if !aliases.is_empty() {
        set(&mut value, "x-aliases", json!(aliases));
    }
    match (&parameter.form, parameter.times) {
        // `attr[key]=value`
        (Form::Map { .. }, _) => {
            set(&mut value, "style", "deepObject".into());
            set(&mut value, "explode", true.into());
        }
        // `name=a&name=b`
        (_, Times::Several) => {
            set(&mut value, "style", "form".into());
            set(&mut value, "explode", true.into());
        }
        _ => {}
    }
    value
}

fn schema(form: &Form) -> Value {
    match form {
        Form::Text { bytes_max, example } => {
            let mut value = json!({ "type": "string", "maxLength": bytes_max });
            if !example.is_empty() {
                set(&mut value, "examples", json!([example]));
            }
            value
        }
        Form::Hexadecimal { digits } => {
            json!({ "type": "string", "pattern": format!("^[0-9a-fA-F]{{{digits}}}$") })
        }
        Form::Count { default, max } => {
            let mut value = json!({ "type": "integer", "minimum": 1, "default": default });
            if let Some(max) = max {
                set(&mut value, "maximum", (*max).into());
            }
            value
        }
        Form::Choice { values, default } => {
            let mut value = json!({ "type": "string", "enum": values });
            if let Some(default) = default {
                set(&mut value, "default", (*default).into());
            }
            value
        }
        Form::Map { bytes_max } => {
            json!({ "type": "object", "additionalProperties": { "type": "string", "maxLength": bytes_max } })
        }
    }
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        /// What it is called.
        full_name: &'a str,
        age: Option<u8>,
    }

    const NAMES: &[&str] = &["name", "n"];

    fn example() -> Value {
        let parameters = [
            Parameter::new(NAMES, "A name.", Form::Text { bytes_max: 8, example: "ann" }).repeated(),
            Parameter::new(&["limit"], "How many.", Form::Count { default: 5, max: Some(9) }),
            Parameter::new(&["attr"], "Attributes.", Form::Map { bytes_max: 8 }),
        ];
        let operation = Operation::get("/people", "people", "Who is there")
            .tagged("people")
            .needs(Needs::Reader)
            .with(parameters)
            .answers::<Body<'_>>()
            .problems(&[ProblemKind::InvalidRequest]);
        document("Title", "1", "About", &[operation])
    }

    #[test]
    fn an_operation_says_what_it_takes_answers_and_refuses() {
        let document = example();
        let get = &document["paths"]["/people"]["get"];
        assert_eq!(get["security"], json!([{ "apiKey": [] }]));
        let [names, limit, attributes] = [0, 1, 2].map(|at| &get["parameters"][at]);
        assert_eq!(names["schema"]["items"]["maxLength"], 8);
        assert_eq!((&names["x-aliases"], &names["explode"]), (&json!(["n"]), &json!(true)));
        assert_eq!(limit["schema"], json!({ "type": "integer", "minimum": 1, "maximum": 9, "default": 5 }));
        assert_eq!(attributes["style"], "deepObject");
        let statuses: Vec<&String> = get["responses"].as_object().unwrap().keys().collect();
        assert_eq!(statuses, ["200", "400", "401", "403", "429", "431"]);
        assert_eq!(get["responses"]["400"]["$ref"], "#/components/responses/InvalidRequest");
    }

    #[test]
    fn bodies_have_the_names_that_serde_gives_their_members() {
        let document = example();
        let body = &document["components"]["schemas"]["Body"];
        assert_eq!(body["required"], json!(["fullName", "age"]));
        assert_eq!(body["properties"]["fullName"]["description"], "What it is called.");
        let busy = &document["components"]["responses"]["TooManyRequests"];
        assert_eq!(busy["headers"]["Retry-After"]["schema"]["type"], "integer");
    }
}
