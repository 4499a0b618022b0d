//! The HTTP API of the template, payload format 2.0: routes, lambda authorizers with their cache, limits and the gateway's own
//! errors, as API Gateway gives them.

mod authorizer;
mod event;
mod response;
mod routes;
mod throttle;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
};
use base64::Engine as _;
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

pub use routes::{Matched, Routes, Target};

use crate::{
    lambda::{Functions, InvokeError},
    template::{EventSource, Model},
};
use authorizer::{AuthorizerGate, Verdict};
use event::Received;
use response::{from_payload, gateway_error, integration_error};
use throttle::Throttles;

/// The largest request body an HTTP API takes.
const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;
/// A body that has not arrived after this time never will.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A declared API that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The routes contradict each other.
    #[error("HTTP API {api}: {message}")]
    Routes {
        /// Logical id.
        api: String,
        /// What is wrong.
        message: String,
    },
    /// An authorizer's function is not declared.
    #[error("HTTP API {api}: the authorizer {authorizer} names the function {function}, which is not declared")]
    Authorizer {
        /// Logical id.
        api: String,
        /// Name of the authorizer.
        authorizer: String,
        /// Logical id of the function.
        function: String,
    },
}

/// The gateway of one HTTP API.
#[derive(Debug)]
pub struct Gateway {
    api_id: String,
    routes: Routes,
    authorizers: BTreeMap<String, AuthorizerGate>,
    throttles: Throttles,
    functions: Functions,
    port: u16,
}

impl Gateway {
    /// The gateway that the template declares, or `None` when it declares no API. `port` is what requests are told as the
    /// forwarded port.
    ///
    /// # Errors
    /// Routes that contradict each other, or an authorizer without function.
    pub fn new(model: &Model, functions: Functions, port: u16) -> Result<Option<Self>, GatewayError> {
        let Some(api) = &model.api else { return Ok(None) };
        let mut targets = Vec::new();
        for function in &model.functions {
            for event in &function.events {
                if let EventSource::Http(route) = &event.source {
                    targets.push(Target {
                        route: route.clone(),
                        function: function.id.clone(),
                    });
                }
            }
        }
        let wrong = |message| GatewayError::Routes {
            api: api.id.clone(),
            message,
        };
        let routes = Routes::new(targets).map_err(wrong)?;
        let mut authorizers = BTreeMap::new();
        for (name, settings) in &api.authorizers {
            let function = functions
                .get(&settings.function)
                .ok_or_else(|| GatewayError::Authorizer {
                    api: api.id.clone(),
                    authorizer: name.clone(),
                    function: settings.function.clone(),
                })?;
            authorizers.insert(
                name.clone(),
                AuthorizerGate::new(settings.clone(), Arc::clone(function)),
            );
        }
        let throttles = Throttles::new(api);
        Ok(Some(Self {
            api_id: "local".to_owned(),
            routes,
            authorizers,
            throttles,
            functions,
            port,
        }))
    }

    /// The routes, for printing.
    #[must_use]
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Forgets the cached answers of all authorizers, as if their time had passed.
    pub fn forget_authorizer_answers(&self) {
        self.authorizers.values().for_each(AuthorizerGate::forget);
    }

    /// The gateway as a router; serve it with connection information.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .fallback(handle)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(self))
    }

    async fn answer(&self, request: &Received) -> Response<Body> {
        let Some(matched) = self.routes.select(request.method.as_str(), request.uri.path()) else {
            return gateway_error(StatusCode::NOT_FOUND, "Not Found");
        };
        if !self.throttles.admit(&matched.target.key(), Instant::now()) {
            return gateway_error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
        }
        let context = match self.authorize(request, &matched).await {
            Verdict::Allowed(context) => context,
            Verdict::Denied => return gateway_error(StatusCode::FORBIDDEN, "Forbidden"),
            Verdict::Unidentified => return gateway_error(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Verdict::Failed => return integration_error(),
        };
        let authorized = matched.target.route.authorizer.is_some().then_some(&context);
        self.integrate(request, &matched, authorized).await
    }

    async fn authorize(&self, request: &Received, matched: &Matched) -> Verdict {
        let Some(name) = &matched.target.route.authorizer else {
            return Verdict::Allowed(Value::Null);
        };
        match self.authorizers.get(name) {
            Some(gate) => gate.check(&self.api_id, request, matched).await,
            None => Verdict::Failed,
        }
    }

    async fn integrate(&self, request: &Received, matched: &Matched, authorizer: Option<&Value>) -> Response<Body> {
        let Some(function) = self.functions.get(&matched.target.function) else {
            return integration_error();
        };
        let event = request.integration_event(&self.api_id, matched, authorizer);
        match tokio::time::timeout(matched.target.route.timeout, function.invoke(event)).await {
            Ok(Ok(outcome)) if outcome.is_success() => from_payload(&outcome.payload),
            Ok(Ok(_)) => integration_error(),
            Ok(Err(InvokeError::TooLarge { .. })) => {
                gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large")
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "an integration could not be invoked");
                integration_error()
            }
            Err(_) => gateway_error(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    // API Gateway's ids are base64 of twelve bytes; any unique text of that form will do.
    let id = base64::engine::general_purpose::STANDARD.encode(&uuid::Uuid::new_v4().as_bytes()[..11]);
    let mut response = match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, BODY_BYTES_MAX)).await {
        Ok(Ok(body)) => {
            let received = Received {
                method: parts.method,
                uri: parts.uri,
                version: parts.version,
                headers: parts.headers,
                body,
                source: peer.ip(),
                port: gateway.port,
                request_id: id.clone(),
                time: runtime::now(),
            };
            gateway.answer(&received).await
        }
        Ok(Err(_)) => gateway_error(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        Err(_) => gateway_error(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
    };
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}
