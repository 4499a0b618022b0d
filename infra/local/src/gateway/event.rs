//! The events an HTTP API sends, payload format 2.0: to integrations and to REQUEST authorizers.

use std::{collections::BTreeMap, net::IpAddr};

use base64::Engine as _;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, Uri, Version};
use serde_json::{Map, Value, json};

use super::routes::{Matched, decoded};
use crate::template::{ACCOUNT_ID, IdentitySource, REGION};

/// A request as the gateway received it.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) source: IpAddr,
    pub(super) port: u16,
    pub(super) request_id: String,
    pub(super) time: DateTime<Utc>,
}

impl Received {
    /// Headers by lower-case name, several values joined by a comma; cookies have a place of their own.
    pub(super) fn headers(&self) -> BTreeMap<String, String> {
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in &self.headers {
            if name == http::header::COOKIE {
                continue;
            }
            let value = String::from_utf8_lossy(value.as_bytes());
            headers
                .entry(name.as_str().to_owned())
                .and_modify(|joined| {
                    joined.push(',');
                    joined.push_str(&value);
                })
                .or_insert_with(|| value.into_owned());
        }
        let added = [
            ("x-forwarded-for", self.source.to_string()),
            ("x-forwarded-proto", "http".to_owned()),
        ];
        for (name, value) in added {
            headers.entry(name.to_owned()).or_insert(value);
        }
        headers
            .entry("x-forwarded-port".to_owned())
            .or_insert_with(|| self.port.to_string());
        headers
    }

    fn cookies(&self) -> Vec<String> {
        let values = self.headers.get_all(http::header::COOKIE).iter();
        let texts = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        texts
            .flat_map(|text| text.split(';').map(|c| c.trim().to_owned()).collect::<Vec<_>>())
            .collect()
    }

    fn raw_query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    /// Query parameters, decoded; several values of one name joined by a comma.
    pub(super) fn query(&self) -> BTreeMap<String, String> {
        let mut parameters: BTreeMap<String, String> = BTreeMap::new();
        for pair in self.raw_query().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let plain = |text: &str| decoded(&text.replace('+', " "));
            let value = plain(value);
            parameters
                .entry(plain(name))
                .and_modify(|joined| {
                    joined.push(',');
                    joined.push_str(&value);
                })
                .or_insert_with(|| value.clone());
        }
        parameters
    }

    /// The path as an HTTP API hands it on: URL-decoded, and cut at a decoded question mark.
    fn raw_path(&self) -> String {
        let path = decoded(self.uri.path());
        path.split('?').next().unwrap_or_default().to_owned()
    }

    /// The value of an identity source, if the request has it.
    pub(super) fn identity(&self, source: &IdentitySource, route_key: &str) -> Option<String> {
        let value = match source {
            IdentitySource::Header(name) => self.headers().get(name).cloned(),
            IdentitySource::Query(name) => self.query().get(name).cloned(),
            IdentitySource::Context(_) => Some(route_key.to_owned()),
        };
        value.filter(|value| !value.is_empty())
    }

    fn context(&self, api_id: &str, route_key: &str) -> Value {
        let domain = format!("{api_id}.execute-api.{REGION}.amazonaws.com");
        let agent = self
            .headers
            .get(http::header::USER_AGENT)
            .map_or("", |value| value.to_str().unwrap_or_default());
        json!({
            "accountId": ACCOUNT_ID,
            "apiId": api_id,
            "domainName": domain,
            "domainPrefix": api_id,
            "http": {
                "method": self.method.as_str(),
                "path": self.raw_path(),
                "protocol": format!("{:?}", self.version),
                "sourceIp": self.source.to_string(),
                "userAgent": agent,
            },
            "requestId": self.request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": self.time.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": self.time.timestamp_millis(),
        })
    }

    fn common(&self, api_id: &str, matched: &Matched) -> Map<String, Value> {
        let route_key = matched.target.key();
        let mut event = Map::new();
        event.insert("version".to_owned(), json!("2.0"));
        event.insert("routeKey".to_owned(), json!(route_key));
        event.insert("rawPath".to_owned(), json!(self.raw_path()));
        event.insert("rawQueryString".to_owned(), json!(self.raw_query()));
        let cookies = self.cookies();
        if !cookies.is_empty() {
            event.insert("cookies".to_owned(), json!(cookies));
        }
        event.insert("headers".to_owned(), json!(self.headers()));
        let query = self.query();
        if !query.is_empty() {
            event.insert("queryStringParameters".to_owned(), json!(query));
        }
        if !matched.parameters.is_empty() {
            event.insert("pathParameters".to_owned(), json!(matched.parameters));
        }
        event.insert("requestContext".to_owned(), self.context(api_id, &route_key));
        event
    }

    /// The event for the function behind the route.
    pub(super) fn integration_event(&self, api_id: &str, matched: &Matched, authorizer: Option<&Value>) -> Bytes {
        let mut event = self.common(api_id, matched);
        if let (Some(context), Some(Value::Object(request))) = (authorizer, event.get_mut("requestContext")) {
            request.insert("authorizer".to_owned(), json!({ "lambda": context }));
        }
        let text = std::str::from_utf8(&self.body).ok().filter(|_| self.has_text());
        match text {
            _ if self.body.is_empty() => {}
            Some(text) => drop(event.insert("body".to_owned(), json!(text))),
            None => {
                let encoded = base64::engine::general_purpose::STANDARD.encode(&self.body);
                event.insert("body".to_owned(), json!(encoded));
            }
        }
        let encoded = !self.body.is_empty() && text.is_none();
        event.insert("isBase64Encoded".to_owned(), json!(encoded));
        Bytes::from(Value::Object(event).to_string())
    }

    /// The event for a REQUEST authorizer.
    pub(super) fn authorizer_event(&self, api_id: &str, matched: &Matched, identity: &[String]) -> Bytes {
        let mut event = self.common(api_id, matched);
        let path = self.raw_path();
        let arn = format!(
            "arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{api_id}/$default/{}{path}",
            self.method
        );
        event.insert("type".to_owned(), json!("REQUEST"));
        event.insert("routeArn".to_owned(), json!(arn));
        event.insert("identitySource".to_owned(), json!(identity));
        Bytes::from(Value::Object(event).to_string())
    }

    /// Whether the gateway passes the body on as text: everything else is base64, form data included.
    fn has_text(&self) -> bool {
        let kind = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let kind = kind
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        kind.starts_with("text/")
            || matches!(
                kind.as_str(),
                "application/json" | "application/javascript" | "application/xml"
            )
            || (kind.starts_with("application/") && (kind.ends_with("+json") || kind.ends_with("+xml")))
    }
}
