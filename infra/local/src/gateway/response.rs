//! From a function's answer to an HTTP response, payload format 2.0, and the gateway's own errors.

use axum::body::Body;
use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

/// An error of the gateway itself: a status and `{"message": …}`.
pub(super) fn gateway_error(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({ "message": message }).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The answer to a function that failed or answered what no response can be made of.
pub(super) fn integration_error() -> Response<Body> {
    gateway_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// The response a function's answer stands for.
///
/// An object with `statusCode` is a response; anything else that is JSON becomes the body of a 200 answer.
pub(super) fn from_payload(payload: &Bytes) -> Response<Body> {
    let Ok(value) = serde_json::from_slice::<Value>(payload) else {
        return integration_error();
    };
    if value.get("statusCode").is_some() {
        return structured(&value).unwrap_or_else(integration_error);
    }
    let body = match value {
        Value::String(text) => Bytes::from(text),
        _ => payload.clone(),
    };
    let mut response = Response::new(Body::from(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn structured(value: &Value) -> Option<Response<Body>> {
    let code = match &value["statusCode"] {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let status = u16::try_from(code)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok())?;
    let text = match value.get("body") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return None,
    };
    let encoded = value.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    let body = if encoded {
        Bytes::from(base64::engine::general_purpose::STANDARD.decode(text).ok()?)
    } else {
        Bytes::from(text.to_owned())
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in value.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::try_from(name.as_str()).ok()?;
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return None,
        };
        // The gateway computes the length itself.
        if name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, HeaderValue::try_from(value).ok()?);
        }
    }
    for cookie in value.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        response
            .headers_mut()
            .append(header::SET_COOKIE, HeaderValue::try_from(cookie.as_str()?).ok()?);
    }
    let plain = HeaderValue::from_static("text/plain;charset=UTF-8");
    response.headers_mut().entry(header::CONTENT_TYPE).or_insert(plain);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(payload: &str) -> Response<Body> {
        from_payload(&Bytes::from(payload.to_owned()))
    }

    #[test]
    fn an_answer_without_status_code_is_the_body_of_a_200() {
        let response = respond(r#"{"a":1}"#);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/json");
    }

    #[test]
    fn headers_and_cookies_are_taken_over() {
        let response = respond(r#"{"statusCode":201,"headers":{"X-A":"b","N":3},"cookies":["a=1","b=2"],"body":"x"}"#);
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()["x-a"], "b");
        assert_eq!(response.headers()["n"], "3");
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn an_answer_that_is_no_response_is_an_internal_error() {
        for payload in [
            "not json",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":200,"body":{"a":1}}"#,
            r#"{"statusCode":42}"#,
        ] {
            assert_eq!(
                respond(payload).status(),
                StatusCode::INTERNAL_SERVER_ERROR,
                "{payload}"
            );
        }
    }
}
