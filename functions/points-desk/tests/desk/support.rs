//! A table in memory, the function over it, and faults to order.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::party::change::{Refused, Sight, When};
use ::party::related::{self, Plan};
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use chrono::{DateTime, Utc};
use domain::account::{Account, Entry};
use domain::code::VoucherCode;
use domain::id::{LookupKey, Tenant};
use domain::programme::{AdjustmentRule, Programme};
use domain::secret::Secret;
use domain::till_text::Language;
use domain::voucher::{CampaignTerms, State, Voucher};
use faults::{FaultPlan, Probe, Site};
use http_edge::caller::Locations;
use http_edge::{Caller, Request, Response, Scope};
use issuing::Issuer;
use points_desk::App;
use runtime::secrets::{CodeKeys, Pepper};
use runtime::sqs::Deadline;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use store::account::AccountId;
use store::party::{Identity, PartyDocument};
use store::programme::ProgrammeVersion;
use store::relationship::{self, Relationship, Shares};
use store::run::{self, Gave, GivenVoucher};
use store::voucher::OpenVoucher;
use store::{Db, Record, party, programme};
use treue_local::aws::{ACCESS_KEY_ID, AwsEndpoints, AwsOptions, REGION, SECRET_ACCESS_KEY};

pub(crate) const CORRECT: &str = "POST /v1/parties/{party_id}/points/corrections";
pub(crate) const TRANSFER: &str = "POST /v1/parties/{party_id}/points/transfers";
pub(crate) const APPROVE: &str = "POST /v1/points/corrections/{id}/approve";
pub(crate) const REJECT: &str = "POST /v1/points/corrections/{id}/reject";
pub(crate) const VOID: &str = "POST /v1/parties/{party_id}/vouchers/{sequence}/void";
pub(crate) const SHOW_VOUCHER: &str = "GET /v1/parties/{party_id}/vouchers/{sequence}?programme=treue";
pub(crate) const SHOW: &str = "GET /v1/points/corrections/{id}";
pub(crate) const LIST: &str = "GET /v1/points/corrections";

/// The parties of the tests.
pub(crate) const ANNA: &str = "0199-anna";
pub(crate) const BEAT: &str = "0199-beat";

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

const PEPPER: [u8; 32] = [7; 32];
const CODE_KEY: &str = "a code key of thirty-two charact";

fn code_keys() -> CodeKeys {
    CodeKeys::parse(&json!({"current": "1", "1": CODE_KEY}).to_string()).unwrap()
}

/// Where a voucher stands.
pub(crate) fn lookup_of(voucher: &Voucher) -> LookupKey {
    VoucherCode::derive(CODE_KEY.as_bytes(), &voucher.id()).lookup_key(&PEPPER)
}

pub(crate) fn tenant() -> Tenant {
    "demo".parse().unwrap()
}

/// The default programme, with transfers.
pub(crate) fn treue() -> Programme {
    let adjustments = AdjustmentRule {
        alone_up_to: 500,
        transfers: true,
    };
    Programme {
        adjustments,
        ..Programme::swiss_default("treue".parse().unwrap())
    }
}

/// A correction of these points under this token.
pub(crate) fn correction(points: i64, token: &str) -> Value {
    json!({"programme": "treue", "points": points, "reason": "Two receipts were lost", "client_token": token})
}

/// A transfer to Beat.
pub(crate) fn transfer(points: i64, token: &str) -> Value {
    json!({"programme": "treue", "to": BEAT, "points": points, "reason": "They moved in together", "client_token": token})
}

/// A table that ends with the test, with a programme, Anna and Beat.
pub(crate) struct Table {
    pub(crate) client: aws_sdk_dynamodb::Client,
    _endpoints: AwsEndpoints,
}

impl Table {
    pub(crate) async fn start() -> Self {
        Self::start_under(treue()).await
    }

    pub(crate) async fn start_under(programme: Programme) -> Self {
        let table = Self::empty().await;
        table.store_programme(programme).await;
        for id in [ANNA, BEAT] {
            table.store_party(id).await;
        }
        table.relate().await;
        table
    }

    async fn empty() -> Self {
        let endpoints = AwsEndpoints::start(AwsOptions::default()).await.unwrap();
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "test"))
            .endpoint_url(endpoints.dynamodb_url())
            .build();
        let client = aws_sdk_dynamodb::Client::from_conf(config);
        let work = GlobalSecondaryIndex::builder()
            .index_name("work")
            .key_schema(key("work_pk", KeyType::Hash))
            .key_schema(key("work_sk", KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::All).build());
        let mut call = client
            .create_table()
            .table_name("test")
            .billing_mode(BillingMode::PayPerRequest)
            .global_secondary_indexes(work.build().unwrap())
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

    pub(crate) async fn store_programme(&self, programme: Programme) {
        let version = ProgrammeVersion {
            programme,
            author: "test".parse().unwrap(),
            reason: "Test".to_owned(),
        };
        let stored = programme::write(&self.db(), Site::ToolWrite, &tenant(), version, now()).await;
        assert!(stored.unwrap(), "the version before is in force");
    }

    /// Anna and Beat live in one household.
    async fn relate(&self) {
        let wanted = related_with(BEAT, "household", ("member", "member"));
        self.change_related(ANNA, &wanted, |known| {
            related::relate(known, wanted.clone(), true, Sight::Seen, now().date_naive())
        })
        .await;
    }

    /// Ends the household of Anna and Beat.
    pub(crate) async fn separate(&self) {
        let wanted = related_with(BEAT, "household", ("member", "member"));
        self.change_related(ANNA, &wanted, |known| {
            related::end(known, None, Sight::Seen, now().date_naive())
        })
        .await;
    }

    /// Relates two parties by a type that shares points, the first of whom has the first role.
    pub(crate) async fn belong(&self, party: &str, other: &str, kind: &str, roles: (&str, &str)) {
        let wanted = related_with(other, kind, roles);
        self.change_related(party, &wanted, |known| {
            related::relate(known, wanted.clone(), true, Sight::Seen, now().date_naive())
        })
        .await;
    }

    /// Gives a party so many relationships that share no points, as a large association has.
    pub(crate) async fn crowd(&self, party: &str, count: u32) {
        let items = (0..count).map(|number| {
            let seen = Relationship {
                shares: None,
                ..related_with(&format!("0199-{number:05}"), "association", ("chair", "member"))
            };
            let key = store::db::Key {
                pk: format!("PARTY#{}#{party}", tenant()),
                sk: format!("REL#association#chair#{}#{}#001", seen.other, seen.since),
            };
            Record::new(key, "relationship", now(), seen)
        });
        for record in items {
            let item = serde_dynamo::to_item(&record).unwrap();
            let put = self.client.put_item().table_name("test").set_item(Some(item));
            put.send().await.unwrap();
        }
    }

    async fn change_related(
        &self,
        party: &str,
        wanted: &Relationship,
        decide: impl Fn(&[Relationship]) -> Result<Plan, Refused>,
    ) {
        let party = party.parse().unwrap();
        let step = party::Step {
            tenant: &tenant(),
            party: &party,
            expected: None,
            lookups: party::Lookups::default(),
            when: When {
                now: now(),
                today: now().date_naive(),
            },
            made: now().into(),
        };
        let sites = relationship::Sites {
            party: Site::ToolRead,
            read: Site::ToolRead,
            write: Site::ToolWrite,
        };
        let named = (&wanted.kind, &wanted.role, &wanted.other);
        let done = relationship::change(&self.db(), sites, &step, named, decide)
            .await
            .unwrap();
        assert!(matches!(done, relationship::Changed::Done(..)), "{done:?}");
    }

    pub(crate) async fn store_party(&self, id: &str) {
        let identity = Identity::Person {
            given_name: None,
            family_name: Secret::new("Keller".to_owned()),
        };
        let document = PartyDocument::new(id.parse().unwrap(), identity, Language::De);
        let stored = party::create(&self.db(), Site::ToolWrite, &tenant(), &document, &[], false, now()).await;
        assert_eq!(stored.unwrap(), party::Created::New);
    }

    /// Issues the vouchers that Anna's account is worth, as voucher-issuance does.
    pub(crate) async fn issue(&self) -> u64 {
        let issuer = Issuer::new(self.db(), Pepper::new(PEPPER.to_vec()), code_keys());
        issuer.issue(&account_id(ANNA), Deadline::never(), now()).await.unwrap()
    }

    /// Anna's account with so many points, and the vouchers they are worth.
    pub(crate) async fn with_vouchers(&self, points: i64) {
        let mut left = points;
        while left > 0 {
            let step = left.min(500);
            self.api().correct(step, &format!("points-{left}")).await.must(201);
            left -= step;
        }
        assert!(self.issue().await > 0);
    }

    /// Gives Anna a voucher of a run of a campaign, that is over two months later.
    pub(crate) async fn with_given_voucher(&self) -> &'static str {
        let number = "birthday~2026~1";
        let voucher = Voucher {
            party: ANNA.parse().unwrap(),
            programme: "treue".parse().unwrap(),
            number: number.parse().unwrap(),
            value_minor: 1_000,
            currency: treue().currency,
            min_basket_minor: 0,
            valid_from: "2026-11-01".parse().unwrap(),
            valid_until: "2027-01-31".parse().unwrap(),
            zone: treue().zone,
            reservation_seconds: 900,
            origin: None,
            issued_at: now(),
            code_key_version: 1,
            state: State::Open,
            version: 1,
            state_version: 1,
            reversed: vec![],
            payment: None,
            partial: None,
            campaign: Some(CampaignTerms {
                bearer: true,
                ..CampaignTerms::default()
            }),
        };
        let lookup = lookup_of(&voucher);
        let new = GivenVoucher { voucher, lookup };
        let gave = run::give(&self.db(), Site::ToolWrite, &tenant(), new, now()).await;
        assert_eq!(gave.unwrap(), Gave::Stands);
        number
    }

    /// Anna's voucher with this number.
    pub(crate) async fn voucher(&self, sequence: u64) -> Record<Voucher> {
        self.voucher_with(&sequence.to_string()).await
    }

    /// Anna's voucher with this number, which may be one of a campaign.
    pub(crate) async fn voucher_with(&self, number: &str) -> Record<Voucher> {
        let vouchers = self.of_type::<Voucher>(store::voucher::VOUCHER).await;
        vouchers
            .into_iter()
            .find(|voucher| voucher.d.number.to_string() == number)
            .unwrap()
    }

    /// The numbers of the vouchers on Anna's list, each with its last day.
    pub(crate) async fn listed(&self) -> Vec<(String, String)> {
        let open = self.of_type::<OpenVoucher>("open_voucher").await;
        let mut listed: Vec<_> = open
            .iter()
            .map(|open| (open.d.number.to_string(), open.d.valid_until.to_string()))
            .collect();
        listed.sort();
        listed
    }

    pub(crate) fn db(&self) -> Db {
        self.db_with(Probe::none())
    }

    fn db_with(&self, probe: Probe) -> Db {
        Db::new(self.client.clone(), "test".to_owned(), probe)
    }

    /// The function, called by Olga, who may everything.
    pub(crate) fn api(&self) -> Api {
        Api::over(self.db())
    }

    /// The function, whose calls go as the plan wants.
    pub(crate) fn api_with(&self, plan: Arc<dyn FaultPlan>) -> Api {
        Api::over(self.db_with(Probe::with(plan)))
    }

    /// Everything in the table.
    pub(crate) async fn items(&self) -> Vec<BTreeMap<String, AttributeValue>> {
        let scan = self.client.scan().table_name("test").consistent_read(true);
        let answer = scan.send().await.unwrap();
        assert!(answer.last_evaluated_key.is_none(), "the table fits into one page");
        let items = answer.items.unwrap_or_default().into_iter();
        items.map(|item| item.into_iter().collect()).collect()
    }

    /// The items of a type.
    pub(crate) async fn of_type<T: DeserializeOwned>(&self, kind: &str) -> Vec<Record<T>> {
        let is_one = |item: &BTreeMap<String, AttributeValue>| item["et"].as_s().is_ok_and(|et| et == kind);
        let items = self.items().await.into_iter().filter(is_one);
        items
            .map(|item| Record::from_item(Site::ToolRead, item.into_iter().collect()).unwrap())
            .collect()
    }

    /// The ledger of a party, by version; it must prove the snapshot.
    pub(crate) async fn books(&self, party: &str) -> (Account, Vec<Entry>) {
        let id = account_id(party);
        let of_party = |pk: &str| pk == id.key().pk;
        let mut entries: Vec<_> = self
            .of_type::<Entry>("ledger_entry")
            .await
            .into_iter()
            .filter(|record| of_party(&record.pk))
            .map(|record| record.d)
            .collect();
        entries.sort_by_key(|entry| entry.version);
        let snapshots = self.of_type::<Account>(store::account::ACCOUNT).await;
        let snapshot = snapshots.into_iter().find(|record| of_party(&record.pk));
        let snapshot = snapshot.map(|record| record.d).unwrap_or_default();
        assert_eq!(
            Account::replay(entries.clone()).unwrap(),
            snapshot,
            "the ledger proves it"
        );
        (snapshot, entries)
    }

    /// What the topics of a party's account announce.
    pub(crate) async fn topics(&self, party: &str) -> Option<String> {
        let snapshots = self.of_type::<Account>(store::account::ACCOUNT).await;
        let key = account_id(party).key();
        let snapshot = snapshots.into_iter().find(|record| record.key() == key);
        snapshot.and_then(|record| record.topics)
    }

    /// Everything in the table as text, in order.
    pub(crate) async fn shape(&self) -> Vec<String> {
        let mut shape: Vec<_> = self.items().await.iter().map(|item| in_order(item.iter())).collect();
        shape.sort();
        shape
    }
}

/// Attributes as text, in the order of their names.
fn in_order<'a>(attributes: impl Iterator<Item = (&'a String, &'a AttributeValue)>) -> String {
    let said: BTreeMap<_, _> = attributes
        .map(|(name, value)| match value {
            AttributeValue::M(map) => (name, in_order(map.iter())),
            AttributeValue::L(list) => {
                let list = list.iter().map(|entry| match entry {
                    AttributeValue::M(map) => in_order(map.iter()),
                    other => format!("{other:?}"),
                });
                (name, list.collect::<Vec<_>>().join("; "))
            }
            other => (name, format!("{other:?}")),
        })
        .collect();
    format!("{said:?}")
}

pub(crate) fn account_id(party: &str) -> AccountId {
    AccountId {
        tenant: tenant(),
        party: party.parse().unwrap(),
        programme: "treue".parse().unwrap(),
    }
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
    key.build().unwrap()
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) replayed: bool,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().expect("an id").to_owned()
    }

    #[track_caller]
    pub(crate) fn must(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// Insists on a problem.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.body);
        let said = self.body.to_string();
        assert!(
            !said.contains("lost") && !said.contains("moved in"),
            "a problem repeats no reason: {said}"
        );
    }
}

/// The function as its callers see it.
#[derive(Clone)]
pub(crate) struct Api {
    app: Arc<App>,
    pub(crate) caller: Caller,
    pub(crate) now: DateTime<Utc>,
}

impl Api {
    fn over(db: Db) -> Self {
        Self {
            app: Arc::new(App::new(db, Pepper::new(PEPPER.to_vec()), code_keys())),
            caller: Caller {
                tenant: tenant(),
                client: "office".parse().unwrap(),
                subject: "olga".parse().unwrap(),
                scopes: Scope::ALL.iter().copied().collect(),
                locations: Locations::All,
            },
            now: now(),
        }
    }

    /// The same function, called by somebody else.
    pub(crate) fn by(&self, subject: &str) -> Self {
        let mut other = self.clone();
        other.caller.subject = subject.parse().unwrap();
        other
    }

    /// The same function, some days later.
    pub(crate) fn days_later(&self, days: i64) -> Self {
        let mut later = self.clone();
        later.now += chrono::Duration::days(days);
        later
    }

    /// Makes a call: `route` as declared with the query behind `?`, `path` with the value of its one parameter.
    pub(crate) async fn call(&self, route: &str, path: &str, body: Value) -> Answer {
        self.call_with(route, &[path], body).await
    }

    pub(crate) async fn call_with(&self, route: &str, path: &[&str], body: Value) -> Answer {
        let (route, query) = route.split_once('?').unwrap_or((route, ""));
        let names = route
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters: BTreeMap<_, _> = names.zip(path.iter().copied()).collect();
        let query: BTreeMap<_, _> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let context: BTreeMap<_, _> = self.caller.to_context().into_iter().collect();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let event = json!({
            "version": "2.0", "routeKey": route, "rawPath": "/", "headers": {},
            "pathParameters": parameters, "queryStringParameters": query,
            "requestContext": {"requestId": "r-1", "routeKey": route, "http": {"method": "GET"}, "authorizer": {"lambda": context}},
            "body": body, "isBase64Encoded": false,
        });
        let request = Request::from_event(serde_json::from_value(event).unwrap()).unwrap();
        let response = self
            .app
            .handle(&request, self.now)
            .await
            .unwrap_or_else(|problem| Response::problem(&problem, "r-1"));
        Answer {
            status: response.status,
            replayed: response.headers.contains(&("idempotency-replayed", "true".to_owned())),
            body: serde_json::from_str(&response.body).unwrap(),
        }
    }

    pub(crate) async fn correct(&self, points: i64, token: &str) -> Answer {
        self.call(CORRECT, ANNA, correction(points, token)).await
    }

    pub(crate) async fn transfer(&self, points: i64, token: &str) -> Answer {
        self.call(TRANSFER, ANNA, transfer(points, token)).await
    }

    pub(crate) async fn void(&self, sequence: u64, token: &str) -> Answer {
        let body = json!({"programme": "treue", "reason": "The letter was lost", "client_token": token});
        self.call_with(VOID, &[ANNA, &sequence.to_string()], body).await
    }

    /// `block`, `unblock`, `reissue` or `void` of Anna's voucher with this number.
    pub(crate) async fn on_voucher(&self, what: &str, number: &str, token: &str) -> Answer {
        let body = json!({"programme": "treue", "reason": "The letter was lost", "client_token": token});
        let route = format!("POST /v1/parties/{{party_id}}/vouchers/{{sequence}}/{what}");
        self.call_with(&route, &[ANNA, number], body).await
    }

    pub(crate) async fn extend(&self, number: &str, until: &str, token: &str) -> Answer {
        let body = json!({
            "programme": "treue", "valid_until": until, "reason": "The letter was lost", "client_token": token,
        });
        let route = "POST /v1/parties/{party_id}/vouchers/{sequence}/extend";
        self.call_with(route, &[ANNA, number], body).await
    }

    pub(crate) async fn show_voucher(&self, number: &str) -> Answer {
        self.call_with(SHOW_VOUCHER, &[ANNA, number], Value::Null).await
    }

    pub(crate) async fn approve(&self, id: &str) -> Answer {
        self.call(APPROVE, id, Value::Null).await
    }

    pub(crate) async fn reject(&self, id: &str) -> Answer {
        self.call(REJECT, id, json!({"reason": "Not ours"})).await
    }

    pub(crate) async fn list(&self, query: &str) -> Answer {
        self.call_with(&format!("{LIST}?{query}"), &[], Value::Null).await
    }
}

fn related_with(other: &str, kind: &str, (role, other_role): (&str, &str)) -> Relationship {
    let word = |text: &str| text.parse().unwrap();
    Relationship {
        number: 0,
        kind: word(kind),
        role: word(role),
        other: other.parse().unwrap(),
        other_role: word(other_role),
        since: "2020-01-01".parse().unwrap(),
        until: None,
        ended: false,
        department: None,
        shares: Some(Shares { group: word(role) }),
        points_owner: None,
    }
}
