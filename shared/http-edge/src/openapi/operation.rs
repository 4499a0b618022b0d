//! How a call is described.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use crate::problem::Code;
use crate::routes::Route;

/// A DTO: its name in the document, its schemas, and the proof that an example is one.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Its name in the document.
    pub name: String,
    pub(super) collect: fn(&mut Vec<(String, RefOr<Schema>)>),
    /// Reads an example as the DTO and writes it again.
    pub round_trip: fn(&Value) -> Result<Value, serde_json::Error>,
}

impl Shape {
    pub(super) fn of<T: ToSchema + Serialize + DeserializeOwned>() -> Self {
        Self {
            name: T::name().into_owned(),
            collect: |found| {
                found.push((T::name().into_owned(), T::schema()));
                T::schemas(found);
            },
            round_trip: |example| serde_json::to_value(serde_json::from_value::<T>(example.clone())?),
        }
    }
}

/// A body with an example.
#[derive(Debug, Clone)]
pub struct Body {
    /// What it is.
    pub shape: Shape,
    /// One that works.
    pub example: Value,
    required: bool,
}

impl Body {
    pub(super) fn of<T: ToSchema + Serialize + DeserializeOwned>(example: Value) -> Self {
        Self {
            shape: Shape::of::<T>(),
            example,
            required: true,
        }
    }

    pub(super) fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    fn content(&self) -> Value {
        let schema = json!({"$ref": format!("#/components/schemas/{}", self.shape.name)});
        json!({"application/json": {"schema": schema, "example": self.example}})
    }
}

/// A parameter of path or query.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    place: &'static str,
    required: bool,
    schema: Value,
    description: &'static str,
    /// One that works.
    pub example: Value,
}

/// A text in the path.
pub(super) fn path(name: &'static str, description: &'static str, example: &str) -> Parameter {
    Parameter {
        name,
        place: "path",
        required: true,
        schema: json!({"type": "string"}),
        description,
        example: json!(example),
    }
}

/// A text in the query that must be given.
pub(super) fn query(name: &'static str, description: &'static str, example: &str) -> Parameter {
    Parameter {
        place: "query",
        ..path(name, description, example)
    }
}

/// A date in the query that must be given.
pub(super) fn date(name: &'static str, description: &'static str, example: &str) -> Parameter {
    Parameter {
        schema: json!({"type": "string", "format": "date"}),
        ..query(name, description, example)
    }
}

/// A text in the query that may be given. Without an example: it is left out of the example call.
pub(super) fn optional(name: &'static str, description: &'static str) -> Parameter {
    Parameter {
        required: false,
        example: Value::Null,
        ..query(name, description, "")
    }
}

/// The version that the caller has seen.
pub(super) fn if_match() -> Parameter {
    Parameter {
        place: "header",
        ..optional(
            "If-Match",
            "The `ETag` that the caller has seen; `*` for whichever is there.",
        )
    }
}

impl Parameter {
    /// A positive number in the query that may be given.
    pub(super) fn integer(name: &'static str, description: &'static str) -> Self {
        Self {
            schema: json!({"type": "integer", "format": "int32", "minimum": 1}),
            ..optional(name, description)
        }
    }
}

/// The two parameters of a listing.
pub(super) fn paging() -> [Parameter; 2] {
    let limit = Parameter {
        schema: json!({"type": "integer", "format": "int32", "minimum": 1, "maximum": 200, "default": 50}),
        ..optional("limit", "Most entries of the page.")
    };
    [
        limit,
        optional("next", "Token of the page before: `next` of its answer."),
    ]
}

/// A good answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    description: &'static str,
    /// Its body.
    pub body: Option<Body>,
    media_type: &'static str,
    may_replay: bool,
}

impl Answer {
    pub(super) fn json<T: ToSchema + Serialize + DeserializeOwned>(
        status: u16,
        description: &'static str,
        example: Value,
    ) -> Self {
        Self {
            status,
            description,
            body: Some(Body::of::<T>(example)),
            media_type: "application/json",
            may_replay: false,
        }
    }

    /// Says by a header whether it repeats what the first call of its kind was answered.
    pub(super) fn may_replay(mut self) -> Self {
        self.may_replay = true;
        self
    }

    /// An answer whose body is no DTO.
    pub(super) const fn other(description: &'static str, media_type: &'static str) -> Self {
        Self {
            status: 200,
            description,
            body: None,
            media_type,
            may_replay: false,
        }
    }

    fn describe(&self) -> Value {
        let content = match &self.body {
            Some(body) => body.content(),
            None => json!({self.media_type: {}}),
        };
        let mut described = json!({"description": self.description, "content": content});
        if self.may_replay {
            let header = json!({"$ref": "#/components/headers/IdempotencyReplayed"});
            described["headers"] = json!({"idempotency-replayed": header});
        }
        described
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Operation {
    /// `METHOD /path` as in [`crate::routes`].
    pub route: &'static str,
    /// Name for generated clients.
    pub id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// Parameters of path and query.
    pub parameters: Vec<Parameter>,
    /// The body.
    pub request: Option<Body>,
    /// Good answers.
    pub answers: Vec<Answer>,
    /// Problems of this call beside the ones that all have.
    pub codes: &'static [Code],
}

impl Operation {
    pub(super) fn shapes(&self) -> impl Iterator<Item = &Shape> {
        let answers = self.answers.iter().filter_map(|answer| answer.body.as_ref());
        self.request.iter().chain(answers).map(|body| &body.shape)
    }

    /// Every body with its example.
    pub fn bodies(&self) -> impl Iterator<Item = &Body> {
        let answers = self.answers.iter().filter_map(|answer| answer.body.as_ref());
        self.request.iter().chain(answers)
    }

    pub(super) fn describe(&self, route: &Route) -> Map<String, Value> {
        let mut described = Map::new();
        let mut put = |name: &str, value: Value| drop(described.insert(name.to_owned(), value));
        put("operationId", json!(self.id));
        put("tags", json!([self.tag]));
        put("summary", json!(self.summary));
        put("description", json!(self.description));
        if !self.parameters.is_empty() {
            put("parameters", self.parameters.iter().map(parameter).collect());
        }
        if let Some(body) = &self.request {
            put(
                "requestBody",
                json!({"required": body.required, "content": body.content()}),
            );
        }
        put("security", security(route));
        put("responses", self.responses(route));
        described
    }

    fn responses(&self, route: &Route) -> Value {
        let mut responses: BTreeMap<String, Value> = self
            .answers
            .iter()
            .map(|answer| (answer.status.to_string(), answer.describe()))
            .collect();
        if route.scope.is_none() {
            return json!(responses);
        }
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in self.all_codes() {
            by_status.entry(code.status()).or_default().push(code);
        }
        let gateway = [401, 403, 429, 500, 503]
            .into_iter()
            .chain(self.request.as_ref().map(|_| 413));
        for status in gateway {
            by_status.entry(status).or_default();
        }
        for (status, codes) in by_status {
            responses.insert(status.to_string(), failure(status, &codes));
        }
        json!(responses)
    }

    fn all_codes(&self) -> Vec<Code> {
        let mut codes = vec![Code::ScopeMissing, Code::Internal, Code::Unavailable];
        if self.request.is_some() {
            codes.extend([Code::MalformedBody, Code::BodyTooLarge]);
        }
        if !self.parameters.is_empty() {
            codes.push(Code::MalformedParameter);
        }
        if self.route.contains("{party_id}") {
            codes.push(Code::PartyErased);
        }
        codes.extend(self.codes);
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

fn parameter(parameter: &Parameter) -> Value {
    let mut described = json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    });
    if !parameter.example.is_null() {
        described["example"] = parameter.example.clone();
    }
    described
}

fn security(route: &Route) -> Value {
    match route.scope {
        Some(scope) => json!([{"apiKey": [scope.as_str()]}, {"operatorToken": [scope.as_str()]}]),
        None => json!([]),
    }
}

/// What the gateway says by itself under this status.
const fn gateway_message(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("Unauthorized"),
        403 => Some("Forbidden"),
        413 => Some("Request Entity Too Large"),
        429 => Some("Too Many Requests"),
        500 => Some("Internal Server Error"),
        503 => Some("Service Unavailable"),
        _ => None,
    }
}

fn failure(status: u16, codes: &[Code]) -> Value {
    let mut content = Map::new();
    let mut said = Vec::new();
    if !codes.is_empty() {
        let names: Vec<_> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
        said.push(format!("{}.", names.join(", ")));
        let schema = json!({"$ref": "#/components/schemas/Problem"});
        content.insert("application/problem+json".to_owned(), json!({"schema": schema}));
    }
    if let Some(message) = gateway_message(status) {
        said.push(format!("From the gateway: `{{\"message\":\"{message}\"}}`."));
        let schema = json!({"$ref": "#/components/schemas/GatewayError"});
        content.insert("application/json".to_owned(), json!({"schema": schema}));
    }
    let mut described = json!({"description": said.join(" "), "content": content});
    if codes
        .iter()
        .any(|code| matches!(code, Code::TooManyUnknown | Code::Unavailable))
    {
        described["headers"] = json!({"Retry-After": {"$ref": "#/components/headers/RetryAfter"}});
    }
    described["x-codes"] = codes.iter().map(|code| json!(code.as_str())).collect();
    described
}
