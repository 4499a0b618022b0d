//! A table in memory and calls as the gateway makes them.

use administration::{App, REPORT_TIME};
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use chrono::{DateTime, Utc};
use domain::id::Tenant;
use faults::Probe;
use http_edge::{Request, Response, Scope};
use serde_json::{Value, json};
use store::Db;
use treue_local::aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, REGION, SECRET_ACCESS_KEY};

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub(crate) fn tenant() -> Tenant {
    "demo".parse().unwrap()
}

/// The function with a table that ends with the test.
pub(crate) struct Api {
    pub(crate) app: App,
    _endpoints: AwsEndpoints,
}

/// An answer, read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// Who calls, and what the path and the query say.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    route: &'static str,
    context: Value,
    path: Value,
    query: Value,
    body: Option<String>,
}

/// A call of an operator who may do everything everywhere.
pub(crate) fn call(route: &'static str) -> Call {
    let scopes: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    Call {
        route,
        context: json!({
            "tenant": "demo", "client": "back-office", "subject": "olga",
            "scopes": scopes.join(" "), "locations": "*",
        }),
        path: json!({}),
        query: json!({}),
        body: None,
    }
}

impl Call {
    pub(crate) fn path(mut self, name: &str, value: &str) -> Self {
        self.path[name] = json!(value);
        self
    }

    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.query[name] = json!(value);
        self
    }

    pub(crate) fn body(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string());
        self
    }

    pub(crate) fn scopes(mut self, scopes: &str) -> Self {
        self.context["scopes"] = json!(scopes);
        self
    }

    pub(crate) fn locations(mut self, locations: &str) -> Self {
        self.context["locations"] = json!(locations);
        self
    }

    pub(crate) fn subject(mut self, subject: &str) -> Self {
        self.context["subject"] = json!(subject);
        self
    }

    pub(crate) fn tenant(mut self, tenant: &str) -> Self {
        self.context["tenant"] = json!(tenant);
        self
    }
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::start_with(Probe::none()).await
    }

    /// As [`Api::start`], with calls to the table that fail as the probe says.
    pub(crate) async fn start_with(probe: Probe) -> Self {
        let endpoints = AwsEndpoints::start(AwsOptions::default()).await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
            .endpoint_url(endpoints.dynamodb_url())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let mut create = client
            .create_table()
            .table_name("test")
            .billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            create = create
                .attribute_definitions(attribute.build().unwrap())
                .key_schema(key.build().unwrap());
        }
        create.send().await.unwrap();
        Self {
            app: App {
                db: Db::new(client, "test".to_owned(), probe),
                report_time: REPORT_TIME,
            },
            _endpoints: endpoints,
        }
    }

    /// Makes the call at [`now`].
    pub(crate) async fn send(&self, call: Call) -> Answer {
        self.send_at(call, now()).await
    }

    pub(crate) async fn send_at(&self, call: Call, now: DateTime<Utc>) -> Answer {
        let event: ApiGatewayV2httpRequest = serde_json::from_value(json!({
            "version": "2.0", "routeKey": call.route, "rawPath": "/", "rawQueryString": "", "headers": {},
            "pathParameters": call.path, "queryStringParameters": call.query,
            "requestContext": {
                "accountId": "1", "apiId": "a", "stage": "$default", "requestId": "r-1", "time": "", "timeEpoch": 0,
                "http": {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": ""},
                "authorizer": {"lambda": call.context},
            },
            "body": call.body, "isBase64Encoded": false,
        }))
        .unwrap();
        let response = match self.app.handle(Request::from_event(event).unwrap(), now).await {
            Ok(response) => response,
            Err(problem) => Response::problem(&problem, "r-1"),
        };
        Answer {
            status: response.status,
            body: serde_json::from_str(&response.body).unwrap(),
        }
    }

    /// Stores the default programme.
    pub(crate) async fn with_programme(&self) {
        let answer = self.send(put_programme(0, &settings())).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }

    /// Adds a branch.
    pub(crate) async fn with_location(&self, id: &str) {
        let answer = self.send(put_location(id, &branch(id))).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

pub(crate) fn settings() -> Value {
    json!({
        "name": "Treue", "currency": "CHF", "zone": "Europe/Zurich",
        "earning": {"points": 1, "per_minor": 100},
        "excluded_groups": ["gift_card", "deposit"],
        "voucher": {"threshold_points": 500, "value_minor": 500, "valid_days": 180, "min_basket_minor": 0},
        "points": {"pending_days": 0, "expiry": {"rule": "end_of_month", "months": 24}, "grace_days": 30}, "returns": "unlimited",
        "claim_days": 30, "late_days": 30, "reservation_seconds": 900, "unmatched_hours": 24,
        "adjustments": {"alone_up_to": 500, "transfers": false},
    })
}

pub(crate) fn put_programme(expected_version: u32, settings: &Value) -> Call {
    call("PUT /v1/programmes/{programme_id}")
        .path("programme_id", "treue")
        .body(&json!({"expected_version": expected_version, "reason": "Test", "settings": settings}))
}

pub(crate) fn branch(name: &str) -> Value {
    json!({"name": name, "kind": "branch", "programme": "treue"})
}

/// The same body, for somebody who has read the version.
pub(crate) fn seen(version: u64, body: &Value) -> Value {
    let mut body = body.clone();
    body["expected_version"] = json!(version);
    body
}

pub(crate) fn put_location(id: &str, body: &Value) -> Call {
    call("PUT /v1/locations/{location_id}")
        .path("location_id", id)
        .body(body)
}
