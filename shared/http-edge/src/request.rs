//! The event as a request.

use std::collections::HashMap;
use std::fmt::{self, Display};
use std::str::FromStr;

use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use base64::Engine;
use serde::de::DeserializeOwned;

use crate::caller::Caller;
use crate::problem::{Code, Problem};

/// Greatest body in bytes.
pub const BODY_MAX: usize = 256 * 1024;

/// A request, with what the gateway and the authorizer found out about it.
#[derive(Clone, Default)]
pub struct Request {
    /// `METHOD /path/{parameter}` as declared.
    pub route: String,
    /// Values of the path's parameters, decoded.
    pub path: HashMap<String, String>,
    /// Query parameters, decoded.
    pub query: HashMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// The header `If-Match`: the version that the caller has seen.
    pub if_match: Option<String>,
    /// The gateway's id of the request.
    pub id: String,
    caller: Option<Caller>,
}

impl fmt::Debug for Request {
    /// Without body and path, which hold cards and codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("route", &self.route)
            .field("id", &self.id)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Reads the gateway's event.
    ///
    /// # Errors
    /// [`Code::BodyTooLarge`], or [`Code::MalformedBody`] when base64 is announced and not there.
    pub fn from_event(event: ApiGatewayV2httpRequest) -> Result<Self, Problem> {
        let context = event.request_context;
        // The context of a Lambda authorizer; a JWT authorizer's claims are no caller here.
        let authorized = context
            .authorizer
            .map(|authorizer| authorizer.fields)
            .unwrap_or_default();
        let caller = Caller::from_context(|name| authorized.get(name)?.as_str().map(str::to_owned));
        let body = event.body.unwrap_or_default();
        if body.len() > BODY_MAX * 4 / 3 + 4 {
            return Err(too_large());
        }
        let body = if event.is_base64_encoded {
            base64::engine::general_purpose::STANDARD
                .decode(&body)
                .map_err(|_| Problem::new(Code::MalformedBody, "the body is not valid base64"))?
        } else {
            body.into_bytes()
        };
        if body.len() > BODY_MAX {
            return Err(too_large());
        }
        Ok(Self {
            route: event.route_key.unwrap_or_default(),
            path: event.path_parameters,
            query: event
                .query_string_parameters
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body,
            if_match: event
                .headers
                .get("if-match")
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            id: context.request_id.unwrap_or_default(),
            caller,
        })
    }

    /// Who calls.
    ///
    /// # Errors
    /// [`Code::Unauthenticated`] when the request came past the authorizer.
    pub fn caller(&self) -> Result<&Caller, Problem> {
        self.caller
            .as_ref()
            .ok_or_else(|| Problem::new(Code::Unauthenticated, "the request carries no caller"))
    }

    /// The body as a document of the documented shape.
    ///
    /// # Errors
    /// [`Code::MalformedBody`] with the place, without the content.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let detail = match error.classify() {
                // The message names fields and expected types; it quotes a value only for unknown variants, so it is cut there.
                serde_json::error::Category::Data => format!("{} at line {line} column {column}", shape_of(&error)),
                _ => format!("the body is not JSON at line {line} column {column}"),
            };
            Problem::new(Code::MalformedBody, detail)
        })
    }

    /// A parameter of the path.
    ///
    /// # Errors
    /// [`Code::MalformedParameter`] with what is expected.
    pub fn path<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Problem> {
        let text = self.path.get(name).map(String::as_str).unwrap_or_default();
        text.parse()
            .map_err(|error| Problem::new(Code::MalformedParameter, format!("{name}: {error}")))
    }

    /// A parameter of the query, if given.
    ///
    /// # Errors
    /// [`Code::MalformedParameter`] with what is expected.
    pub fn query<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, Problem> {
        let parse = |text: &String| {
            text.parse()
                .map_err(|error| Problem::new(Code::MalformedParameter, format!("{name}: {error}")))
        };
        self.query.get(name).map(parse).transpose()
    }

    /// A parameter of the query that must be given.
    ///
    /// # Errors
    /// [`Code::MalformedParameter`] with what is expected.
    pub fn required_query<T: FromStr<Err: Display>>(&self, name: &str) -> Result<T, Problem> {
        self.query(name)?.ok_or_else(|| {
            Problem::new(
                Code::MalformedParameter,
                format!("the query parameter {name} is missing"),
            )
        })
    }

    /// The version in the header `If-Match`, as an `ETag` gave it; `None` when the header is absent or `*`.
    ///
    /// # Errors
    /// [`Code::MalformedParameter`].
    pub fn expected_version(&self) -> Result<Option<u64>, Problem> {
        let Some(text) = self.if_match.as_deref().map(str::trim).filter(|text| *text != "*") else {
            return Ok(None);
        };
        let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let version = digits.filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let version = version.and_then(|digits| digits.parse().ok());
        let detail = "If-Match: must be an ETag of this resource, such as \"7\", or *";
        version
            .map(Some)
            .ok_or_else(|| Problem::new(Code::MalformedParameter, detail))
    }

    /// Insists on the header `If-Match`.
    ///
    /// # Errors
    /// [`Code::PreconditionNeeded`].
    pub fn needs_match(&self) -> Result<(), Problem> {
        match self.if_match {
            Some(_) => Ok(()),
            None => Err(Problem::new(
                Code::PreconditionNeeded,
                "If-Match is missing: send the ETag of the party you have read",
            )),
        }
    }

    /// Entries of a page: the query parameter `limit`, 50 when absent, 1 to 200.
    ///
    /// # Errors
    /// [`Code::MalformedParameter`].
    pub fn limit(&self) -> Result<i32, Problem> {
        match self.query::<i32>("limit")? {
            None => Ok(50),
            Some(limit) if (1..=200).contains(&limit) => Ok(limit),
            Some(_) => Err(Problem::new(Code::MalformedParameter, "limit: must be 1 to 200")),
        }
    }
}

fn too_large() -> Problem {
    Problem::new(Code::BodyTooLarge, format!("the body has more than {BODY_MAX} bytes"))
}

/// Serde's message up to the value it quotes: `invalid type: string "…"` becomes `invalid type`.
fn shape_of(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let kinds = ["invalid type", "invalid value", "unknown variant", "invalid length"];
    match kinds.iter().find(|kind| message.starts_with(**kind)) {
        Some(kind) => match message.split_once(", expected ") {
            // Serde names the type as this program does; its callers know it as a JSON object.
            Some((_, expected)) if expected.starts_with("struct ") => format!("{kind}, expected an object"),
            Some((_, expected)) => format!("{kind}, expected {expected}"),
            None => (*kind).to_owned(),
        },
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> Request {
        Request {
            body: body.as_bytes().to_vec(),
            ..Request::default()
        }
    }

    #[test]
    fn a_malformed_body_is_placed_and_not_quoted() {
        #[derive(Debug, serde::Deserialize)]
        struct Body {
            #[expect(dead_code, reason = "only its type matters")]
            count: u32,
        }
        let detail = |body: &str| request(body).json::<Body>().unwrap_err().detail;
        assert_eq!(detail("{"), "the body is not JSON at line 1 column 1");
        assert_eq!(detail("{}"), "missing field `count` at line 1 column 2");
        assert_eq!(detail("\"Max\""), "invalid type, expected an object at line 1 column 5");
        let quoted = detail(r#"{"count":"Max Muster"}"#);
        assert!(quoted.starts_with("invalid type, expected u32"), "{quoted}");
        assert!(!quoted.contains("Muster"));
    }

    #[test]
    fn a_version_is_an_etag_or_a_star() {
        let with = |text: &str| Request {
            if_match: Some(text.to_owned()),
            ..Request::default()
        };
        assert_eq!(with("\"7\"").expected_version().unwrap(), Some(7));
        assert_eq!(with("*").expected_version().unwrap(), None);
        assert_eq!(Request::default().expected_version().unwrap(), None);
        for bad in [
            "",
            "7",
            "\"\"",
            "W/\"7\"",
            "\"+7\"",
            "\"7\", \"8\"",
            "\"99999999999999999999\"",
        ] {
            let refused = with(bad).expected_version().unwrap_err();
            assert_eq!(refused.code, Code::MalformedParameter, "{bad}");
        }
        assert_eq!(
            Request::default().needs_match().unwrap_err().code,
            Code::PreconditionNeeded
        );
        with("*").needs_match().unwrap();
    }

    #[test]
    fn a_request_past_the_authorizer_has_no_caller() {
        assert_eq!(request("").caller().unwrap_err().code, Code::Unauthenticated);
    }

    #[test]
    fn the_caller_is_what_the_authorizer_found_out() {
        let event = serde_json::from_value(serde_json::json!({
            "version": "2.0", "routeKey": "POST /v1/purchases", "headers": {},
            "requestContext": {"http": {"method": "POST"}, "authorizer": {"lambda": {
                "tenant": "demo", "client": "pos", "subject": "pos", "scopes": "purchases:write", "locations": "B01",
            }}},
        }));
        let request = Request::from_event(event.unwrap()).unwrap();
        let caller = request.caller().unwrap();
        assert_eq!((caller.tenant.as_str(), caller.client.as_str()), ("demo", "pos"));
        assert!(caller.has(crate::Scope::PurchasesWrite));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_is_read() {
        let mut event = ApiGatewayV2httpRequest::default();
        event.body = Some("x".repeat(BODY_MAX + 1));
        assert_eq!(Request::from_event(event).unwrap_err().code, Code::BodyTooLarge);
    }
}
