//! A table in memory, the function over it, and faults to order.

#![allow(dead_code, reason = "every test file uses a part of it")]

pub(crate) mod log;
pub(crate) mod vouchers;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use chrono::{DateTime, Utc};
use customer::App;
use domain::card::CardNumber;
use domain::id::{LookupKey, Tenant};
use faults::{Fault, FaultPlan, Probe, Site};
use http_edge::caller::Locations;
use http_edge::{Caller, Request, Response, Scope};
use runtime::secrets::{CodeKeys, Pepper};
use serde_json::{Value, json};
use store::card::{self, Card};
use store::{Db, Record};
use treue_local::aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, REGION, SECRET_ACCESS_KEY};

pub(crate) const PEPPER: [u8; 32] = *b"a pepper of thirty-two characte.";
pub(crate) const CODE_KEY: &str = "a code key of thirty-two charact";

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

pub(crate) fn tenant() -> Tenant {
    "demo".parse().unwrap()
}

/// The card of the test with this serial.
pub(crate) fn number(serial: u64) -> CardNumber {
    CardNumber::from_serial(21, serial).unwrap()
}

pub(crate) fn lookup(number: &CardNumber) -> LookupKey {
    card::lookup_key(&PEPPER, number)
}

/// A table that ends with the test.
pub(crate) struct Table {
    pub(crate) client: aws_sdk_dynamodb::Client,
    _endpoints: AwsEndpoints,
}

impl Table {
    pub(crate) async fn start() -> Self {
        let endpoints = AwsEndpoints::start(AwsOptions::default()).await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
            .endpoint_url(endpoints.dynamodb_url())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let mut call = client
            .create_table()
            .table_name("test")
            .billing_mode(BillingMode::PayPerRequest)
            .global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name("work")
                    .key_schema(key("work_pk", KeyType::Hash))
                    .key_schema(key("work_sk", KeyType::Range))
                    .projection(Projection::builder().projection_type(ProjectionType::All).build())
                    .build()
                    .unwrap(),
            )
            .key_schema(key("pk", KeyType::Hash))
            .key_schema(key("sk", KeyType::Range));
        for name in ["pk", "sk", "work_pk", "work_sk"] {
            let attribute = AttributeDefinition::builder()
                .attribute_name(name)
                .attribute_type(ScalarAttributeType::S);
            call = call.attribute_definitions(attribute.build().unwrap());
        }
        call.send().await.unwrap();
        Self {
            client,
            _endpoints: endpoints,
        }
    }

    pub(crate) fn db(&self) -> Db {
        self.db_with(Probe::none())
    }

    pub(crate) fn db_with(&self, probe: Probe) -> Db {
        Db::new(self.client.clone(), "test".to_owned(), probe)
    }

    /// The function, called by an operator who may everything everywhere.
    pub(crate) fn api(&self) -> Api {
        Api::over(self.db())
    }

    /// The function, whose calls go as the plan wants.
    pub(crate) fn api_with(&self, plan: Arc<dyn FaultPlan>) -> Api {
        Api::over(self.db_with(Probe::with(plan)))
    }

    /// Everything in the table.
    pub(crate) async fn items(&self) -> Vec<BTreeMap<String, AttributeValue>> {
        let answer = self
            .client
            .scan()
            .table_name("test")
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        assert!(
            answer.last_evaluated_key.is_none(),
            "the test's table fits into one page"
        );
        answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|item| item.into_iter().collect())
            .collect()
    }

    /// The table without what differs from run to run: ids and numbers that were made.
    pub(crate) async fn shape(&self) -> Vec<String> {
        let text = |value: Option<&AttributeValue>| match value {
            Some(AttributeValue::S(text)) => text.clone(),
            Some(AttributeValue::N(number)) => number.clone(),
            _ => "-".to_owned(),
        };
        let mut shape: Vec<_> = self
            .items()
            .await
            .iter()
            .map(|item| {
                let d = match item.get("d") {
                    Some(AttributeValue::M(map)) => map.clone(),
                    _ => Default::default(),
                };
                format!(
                    "{} {} status={} version={} held={} replaced={}",
                    text(item.get("et")),
                    text(item.get("topics")),
                    text(d.get("status")),
                    text(d.get("version")),
                    d.contains_key("party"),
                    d.contains_key("replaced_by"),
                )
            })
            .collect();
        shape.sort();
        shape
    }

    /// The topic that a card's image carries.
    pub(crate) async fn topics(&self, number: &CardNumber) -> Option<String> {
        self.card_record(number).await.topics
    }

    /// A card as it is stored.
    pub(crate) async fn card(&self, number: &CardNumber) -> Card {
        self.card_record(number).await.d
    }

    async fn card_record(&self, number: &CardNumber) -> Record<Card> {
        let (db, tenant, lookup) = (self.db(), tenant(), lookup(number));
        let found = card::read(&db, Site::CardRead, &tenant, &lookup, store::db::Read::Strong).await;
        found.unwrap().unwrap()
    }
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .unwrap()
}

/// The function as its callers see it.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) db: Db,
    pub(crate) caller: Caller,
    if_match: Option<&'static str>,
}

impl Api {
    /// The same caller, who sends this as `If-Match`.
    pub(crate) fn matching(&self, etag: &'static str) -> Self {
        Self {
            if_match: Some(etag),
            ..self.clone()
        }
    }

    pub(crate) fn over(db: Db) -> Self {
        let keys = json!({"current": "1", "1": CODE_KEY}).to_string();
        Self {
            app: Arc::new(App::new(
                db.clone(),
                Pepper::new(PEPPER.to_vec()),
                CodeKeys::parse(&keys).unwrap(),
            )),
            db,
            caller: Caller {
                tenant: tenant(),
                client: "office".parse().unwrap(),
                subject: "office".parse().unwrap(),
                scopes: Scope::ALL.iter().copied().collect(),
                locations: Locations::All,
            },
            if_match: None,
        }
    }

    /// Makes a call: `route` as declared, `path` with the values of its parameters in order, and after `?` the query.
    pub(crate) async fn call(&self, route: &str, path: &[&str], body: Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.call_text(route, path, &body).await
    }

    pub(crate) async fn call_text(&self, route: &str, path: &[&str], body: &str) -> (u16, Value) {
        let (route, query) = route.split_once('?').unwrap_or((route, ""));
        let parameters: BTreeMap<_, _> = route
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .zip(path.iter().copied())
            .collect();
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let context: BTreeMap<_, _> = self.caller.to_context().into_iter().collect();
        let headers: BTreeMap<_, _> = self.if_match.iter().map(|etag| ("if-match", *etag)).collect();
        let event = json!({
            "version": "2.0", "routeKey": route, "rawPath": "/", "headers": headers,
            "pathParameters": parameters, "queryStringParameters": query,
            "requestContext": {"requestId": "r-1", "routeKey": route, "http": {"method": "GET"}, "authorizer": {"lambda": context}},
            "body": body, "isBase64Encoded": false,
        });
        let request = Request::from_event(serde_json::from_value(event).unwrap()).unwrap();
        let response = self
            .app
            .handle(&request, now())
            .await
            .unwrap_or_else(|problem| Response::problem(&problem, "r-1"));
        (response.status, serde_json::from_str(&response.body).unwrap())
    }

    /// A stored person with this family name; its id.
    pub(crate) async fn person(&self, family_name: &str) -> String {
        let body = json!({"kind": "person", "given_name": "Anna", "family_name": family_name, "language": "fr"});
        let (status, answer) = self.call("POST /v1/parties", &[], body).await;
        assert_eq!(status, 201, "{answer}");
        answer["party_id"].as_str().unwrap().to_owned()
    }

    /// An issued card, a party's or from the stock.
    pub(crate) async fn card(&self, number: &CardNumber, party: Option<&str>) {
        let body = json!({"number": number.as_str(), "party_id": party});
        let (status, answer) = self.call("POST /v1/cards", &[], body).await;
        assert_eq!(status, 201, "{answer}");
    }

    /// A command on a card.
    pub(crate) async fn command(&self, number: &CardNumber, verb: &str, body: Value) -> (u16, Value) {
        let route = format!("POST /v1/cards/{{number}}/{verb}");
        self.call(&route, &[number.as_str()], body).await
    }
}

/// Insists on a problem.
#[track_caller]
pub(crate) fn assert_problem(answer: &(u16, Value), status: u16, code: &str) {
    assert_eq!(
        (answer.0, answer.1["code"].as_str()),
        (status, Some(code)),
        "{}",
        answer.1
    );
    assert_eq!(answer.1["request_id"], "r-1");
}

/// Insists on findings: pointer and code of each.
#[track_caller]
pub(crate) fn assert_findings(answer: &(u16, Value), expected: &[(&str, &str)]) {
    assert_problem(answer, 422, "invalid");
    let found: Vec<_> = answer.1["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| (error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap()))
        .collect();
    assert_eq!(found, expected);
}

/// One call at a site, counted from 0, before or after it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) site: Site,
    pub(crate) nth: usize,
    pub(crate) after: bool,
}

/// Lets one moment fail once, and writes down all.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) fault: Option<(Moment, Fault)>,
    pub(crate) passed: Mutex<Vec<Moment>>,
}

impl Plan {
    pub(crate) fn failing(moment: Moment, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            fault: Some((moment, fault)),
            passed: Mutex::default(),
        })
    }

    fn pass(&self, site: Site, after: bool) -> Fault {
        let mut passed = self.passed.lock().unwrap();
        let nth = passed.iter().filter(|m| m.site == site && m.after == after).count();
        let moment = Moment { site, nth, after };
        passed.push(moment);
        match self.fault {
            Some((at, fault)) if at == moment => fault,
            _ => Fault::None,
        }
    }
}

impl FaultPlan for Plan {
    fn before(&self, site: Site) -> Fault {
        self.pass(site, false)
    }

    fn after(&self, site: Site) -> Fault {
        self.pass(site, true)
    }
}
