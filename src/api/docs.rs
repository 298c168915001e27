//! `/api/docs`: the OpenAPI document as a page a person can read, without script.

use askama::Template;
use askama_web::WebTemplate;
use axum::extract::State;
use serde_json::Value;

use crate::{
    app::App,
    routes::{Access, Routes},
};

use super::openapi;

pub(super) fn routes() -> Routes {
    Routes::new().get("/api/docs", Access::Public, get)
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "api/docs.html")]
struct Docs {
    version: String,
    /// Where the console is, for the examples.
    console: String,
    description: String,
    groups: Vec<Group>,
    schemas: Vec<Schema>,
    problems: &'static [(&'static str, u16, &'static str)],
}

struct Group {
    name: String,
    description: String,
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    path: String,
    anchor: String,
    summary: String,
    description: String,
    parameters: Vec<Parameter>,
    body: Option<String>,
    answers: Vec<(String, String)>,
}

struct Parameter {
    name: String,
    place: String,
    description: String,
    required: bool,
}

struct Schema {
    name: String,
    description: String,
    fields: Vec<(String, String, String)>,
}

/// The parts of a text of the document, which is Markdown: whether each stands between backticks, in order.
fn spans(text: &str) -> Vec<(bool, &str)> {
    text.split('`').enumerate().map(|(n, part)| (n % 2 == 1, part)).collect()
}

/// Every kind of problem: anchor, status, and what to do about it.
const PROBLEMS: &[(&str, u16, &str)] = &[
    (
        "unauthorized",
        401,
        "No token, or one that is unknown, expired, revoked or used from another address. Make a new one.",
    ),
    (
        "forbidden",
        403,
        "The token's scope, or its owner's role, does not reach this far. The detail names the scope or the role that would.",
    ),
    ("not-found", 404, "There is no such thing within the owner's reach."),
    ("method", 405, "The address takes other methods."),
    (
        "conflict",
        409,
        "It has changed since it was read, or exists already, or the first call with this Idempotency-Key still runs.",
    ),
    ("slow", 408, "The body did not arrive within 10 seconds."),
    (
        "too-large",
        413,
        "The body is over 10 MiB where files are sent, or over 128 KiB elsewhere. Send it in parts, or use the command line, which streams.",
    ),
    ("address", 414, "The address is over 16 KiB. Use fewer filters."),
    ("media-type", 415, "The operation takes application/json."),
    ("malformed", 400, "The request did not arrive whole, or does not name its host once."),
    ("invalid", 422, "The input is not right; `errors` names each field."),
    ("refused", 422, "A rule says no, and trying again will not help."),
    ("limited", 429, "Too many tries from one address. Retry-After says how long to wait."),
    ("fault", 500, "A defect of the console. Nothing was changed; the x-request-id finds it in the log."),
    (
        "unavailable",
        503,
        "The database is away for a moment, or the console has more to do than it can. Retry-After says how long to wait; unless the detail \
         says otherwise the call did nothing.",
    ),
];

async fn get(State(app): State<App>) -> Docs {
    let document = serde_json::to_value(openapi::document()).unwrap_or_default();
    Docs {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        console: app.config.base_url(),
        description: text(at(&document, &["info"]), "description"),
        groups: groups(&document),
        schemas: schemas(&document),
        problems: PROBLEMS,
    }
}

fn groups(document: &Value) -> Vec<Group> {
    let operations: Vec<(String, Operation)> = pairs(at(document, &["paths"]))
        .flat_map(|(path, item)| pairs(item).map(move |(method, value)| operation(path, method, value)))
        .collect();
    let mut operations = operations;
    let tags = at(document, &["tags"]).as_array().cloned().unwrap_or_default();
    tags.iter()
        .map(|tag| {
            let name = text(tag, "name");
            let (ours, rest) = operations.drain(..).partition(|(of, _)| *of == name);
            operations = rest;
            Group { description: text(tag, "description"), operations: untag(ours), name }
        })
        .collect()
}

fn untag(tagged: Vec<(String, Operation)>) -> Vec<Operation> {
    tagged.into_iter().map(|(_, operation)| operation).collect()
}

fn operation(path: &str, method: &str, value: &Value) -> (String, Operation) {
    let parameters = at(value, &["parameters"]).as_array().map(Vec::as_slice).unwrap_or_default();
    let answers = pairs(at(value, &["responses"])).map(|(status, answer)| {
        let described = text(answer, "description");
        let content = pairs(at(answer, &["content"]))
            .next()
            .map(|(kind, body)| schema_name(at(body, &["schema"])).unwrap_or_else(|| kind.to_owned()));
        (status.to_owned(), [described, content.unwrap_or_default()].join(" ").trim().to_owned())
    });
    let body = pairs(at(value, &["requestBody", "content"]))
        .next()
        .map(|(kind, body)| schema_name(at(body, &["schema"])).unwrap_or_else(|| kind.to_owned()));
    let operation = Operation {
        method: method.to_uppercase(),
        path: path.to_owned(),
        anchor: text(value, "operationId"),
        summary: text(value, "summary"),
        description: text(value, "description"),
        parameters: parameters.iter().map(parameter).collect(),
        body,
        answers: answers.collect(),
    };
    (first_text(at(value, &["tags"])), operation)
}

fn parameter(value: &Value) -> Parameter {
    Parameter {
        name: text(value, "name"),
        place: text(value, "in"),
        description: text(value, "description"),
        required: at(value, &["required"]).as_bool().unwrap_or_default(),
    }
}

fn schemas(document: &Value) -> Vec<Schema> {
    pairs(at(document, &["components", "schemas"]))
        .map(|(name, schema)| Schema {
            name: name.to_owned(),
            description: text(schema, "description"),
            fields: fields(schema),
        })
        .collect()
}

/// The fields of a schema and of the schemas it is made of.
fn fields(schema: &Value) -> Vec<(String, String, String)> {
    let own = pairs(at(schema, &["properties"]))
        .map(|(name, field)| (name.to_owned(), kind(field), text(field, "description")));
    let parts =
        ["allOf", "oneOf"].iter().flat_map(|key| at(schema, &[key]).as_array().cloned().unwrap_or_default());
    let parts = parts.flat_map(|part| match schema_name(&part) {
        Some(name) => vec![("…".to_owned(), name, "All of its fields".to_owned())],
        None => fields(&part),
    });
    own.chain(parts).collect()
}

fn kind(field: &Value) -> String {
    if let Some(name) = schema_name(field) {
        return name;
    }
    match at(field, &["type"]) {
        Value::String(kind) if kind == "array" => format!("list of {}", self::kind(at(field, &["items"]))),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    }
}

fn schema_name(schema: &Value) -> Option<String> {
    if let Some(path) = at(schema, &["$ref"]).as_str() {
        return path.rsplit('/').next().map(str::to_owned);
    }
    (at(schema, &["type"]) == "array")
        .then(|| schema_name(at(schema, &["items"])))
        .flatten()
        .map(|name| format!("list of {name}"))
}

fn pairs(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value, name: &str) -> String {
    at(value, &[name]).as_str().unwrap_or_default().to_owned()
}

fn first_text(list: &Value) -> String {
    list.as_array().and_then(|list| list.first()).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The part at this path; null where there is none.
fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().try_fold(value, |value, name| value.get(name)).unwrap_or(&Value::Null)
}
