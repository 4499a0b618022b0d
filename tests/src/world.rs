//! Keys, a clock, and calls to the handlers as the platform makes them.

use std::sync::{Arc, Once};

use chrono::{DateTime, Utc};
use domain::card::CardNumber;
use domain::location::{Location, LocationKind};
use domain::programme::Programme;
use faults::{Crash, FaultPlan, Probe};
use http_edge::caller::Locations;
use http_edge::{Caller, Problem, Request, Response, Scope};
use runtime::secrets::{CodeKeys, Pepper};
use runtime::signing::{self, Signer};
use serde_json::{Value, json};
use store::programme::ProgrammeVersion;
use store::run::Cut;
use store::{Db, Site};

use crate::place::Place;

/// The tenant of the world.
pub const TENANT: &str = "demo";
/// The programme of the world.
pub const PROGRAMME: &str = "treue";
/// How runs of campaigns are cut: a few customers are no work for many.
pub const CUT: Cut = Cut { segments: 2, shards: 3 };
/// Members of a page when vouchers are given: a handful of members are two pages.
pub const PAGE: u8 = 2;
/// Branches of a world.
const BRANCHES: u32 = 24;
/// How often a caller repeats a call that broke down.
const REPEATS_MAX: usize = 12;

/// One world. Dropping it ends its place.
#[derive(Debug)]
pub struct World {
    /// The table, queues and bucket, and the clients for them.
    pub place: Place,
    /// The table, without faults.
    pub db: Db,
    /// Where handlers' calls pass.
    pub probe: Probe,
    /// What time it is.
    pub now: DateTime<Utc>,
    /// URLs of the queues: posting, issuance, news for the middleware.
    pub queues: event_relay::Queues,
    /// URL of the queue of the close of a day.
    pub day_close_queue: String,
    /// URL of the queue of finance's books.
    pub finance_queue: String,
    /// URL of the queue of imports.
    pub import_queue: String,
    /// URL of the queue of campaigns' runs.
    pub campaign_queue: String,
    /// URL of the queue of the printer's files.
    pub lettershop_queue: String,
    /// URL of the queue of the lettershop's inbox.
    pub inbox_queue: String,
    /// The code keys that new processes know.
    pub code_keys: CodeKeys,
    pepper: Pepper,
}

/// An answer, or that the process died.
#[derive(Debug)]
pub enum Called<T> {
    /// The handler answered.
    Answered(T),
    /// The handler died.
    Died,
}

impl World {
    /// An empty world with the default programme, 24 branches and the shop.
    ///
    /// # Panics
    /// When the endpoints cannot be set up.
    pub async fn new() -> Self {
        Self::with_plan(None).await
    }

    /// As [`World::new`], with handlers whose calls pass through `plan`.
    ///
    /// # Panics
    /// When the endpoints cannot be set up.
    pub async fn with_plan(plan: Option<Arc<dyn FaultPlan>>) -> Self {
        Self::with_branches(BRANCHES, plan).await
    }

    /// As [`World::with_plan`], with this many branches.
    ///
    /// # Panics
    /// When the endpoints cannot be set up.
    pub async fn with_branches(branches: u32, plan: Option<Arc<dyn FaultPlan>>) -> Self {
        silence_crashes();
        let (place, queues, day_close_queue, finance_queue) = Box::pin(Place::new()).await;
        let import_queue = place.create_queue(crate::place::IMPORT).await;
        let campaign_queue = place.create_queue(crate::place::CAMPAIGN).await;
        let lettershop_queue = place.create_queue(crate::place::LETTERSHOP).await;
        let inbox_queue = place.create_queue(crate::place::INBOX).await;
        let key = "k".repeat(64);
        let world = Self {
            db: Db::new(place.dynamodb(), place.table().to_owned(), Probe::none()),
            probe: plan.map_or(Probe::none(), Probe::with),
            place,
            now: "2026-11-22T12:00:00Z".parse().expect("an instant"),
            queues,
            day_close_queue,
            finance_queue,
            import_queue,
            campaign_queue,
            lettershop_queue,
            inbox_queue,
            pepper: Pepper::new("p".repeat(64).into_bytes()),
            code_keys: CodeKeys::parse(&json!({"current": "1", "1": key}).to_string()).expect("code keys"),
        };
        world.set_up(branches).await;
        world
    }

    async fn set_up(&self, branches: u32) {
        let programme = Programme::swiss_default(PROGRAMME.parse().expect("an id"));
        self.store_programme(programme).await;
        let branches = (1..=branches).map(|n| (format!("B{n:02}"), LocationKind::Branch));
        for (id, kind) in branches.chain([("SHOP".to_owned(), LocationKind::Shop)]) {
            // Every other branch is run by a company of its own.
            let company = if id.ends_with(['2', '4', '6', '8']) {
                "2000"
            } else {
                "1000"
            };
            let group = id.bytes().map(u32::from).sum::<u32>() % 4;
            let location = Location {
                id: id.parse().expect("an id"),
                name: id,
                kind,
                programme: PROGRAMME.parse().expect("an id"),
                feed_group: format!("g{group}").parse().expect("a group"),
                company: Some(company.parse().expect("a code")),
                closed_on: None,
                version: 1,
            };
            let tenant = TENANT.parse().expect("a tenant");
            let stored = store::location::write(&self.db, Site::ToolWrite, &tenant, None, location, self.now).await;
            assert!(stored.expect("the location is stored"));
        }
    }

    /// Stores the next version of a programme.
    ///
    /// # Panics
    /// When it cannot be stored.
    pub async fn store_programme(&self, programme: Programme) {
        let version = ProgrammeVersion {
            programme,
            author: "test".parse().expect("a subject"),
            reason: "Test".to_owned(),
        };
        let tenant = TENANT.parse().expect("a tenant");
        let stored = store::programme::write(&self.db, Site::ToolWrite, &tenant, version, self.now).await;
        assert!(stored.expect("the programme is stored"));
    }

    /// The table as handlers see it; the meter of [`World::db`] counts what they do.
    pub fn handlers_db(&self) -> Db {
        self.db.through(self.probe.clone())
    }

    /// The sender to queues as handlers see it.
    pub fn sender(&self) -> messages::Sender {
        messages::Sender::new(self.place.sqs(), self.probe.clone())
    }

    /// A new process of point calculation.
    pub fn posting(&self) -> point_calculation::App {
        point_calculation::App::new(self.handlers_db())
    }

    /// A new process of voucher issuance.
    pub fn issuance(&self) -> voucher_issuance::App {
        voucher_issuance::App::new(self.handlers_db(), self.pepper.clone(), self.code_keys.clone())
    }

    /// A new process of the close of a day.
    pub fn closing(&self) -> day_close::App {
        let (pepper, keys) = (self.pepper.clone(), self.code_keys.clone());
        day_close::App::new(
            self.handlers_db(),
            self.sender(),
            self.day_close_queue.clone(),
            pepper,
            keys,
        )
    }

    /// A new process of the ERP's intake.
    pub fn erp(&self) -> erp_intake::App {
        erp_intake::App::new(self.handlers_db(), self.pepper.clone(), queue_of())
    }

    /// A new process of privacy. Statements share the bucket of the relay.
    ///
    /// # Panics
    /// Never: its keys are good.
    pub fn privacy(&self) -> privacy::App {
        let bucket = self.place.bucket().to_owned();
        let buckets = privacy::Buckets {
            statements: bucket.clone(),
            imports: bucket.clone(),
            failures: bucket,
        };
        let files = privacy::Files::new(self.place.s3(), buckets, self.probe.clone());
        let keys = json!({"current": "1", "1": "s".repeat(64)}).to_string();
        let keys = CodeKeys::parse(&keys).expect("keys");
        let signer = Signer::new(&keys, signing::STATEMENTS).expect("a signer");
        privacy::App::new(
            self.handlers_db(),
            self.sender(),
            self.queues.privacy.clone(),
            files,
            signer,
        )
    }

    /// A new process of offline redemption. It signs with its second key.
    ///
    /// # Panics
    /// Never: its keys are good.
    pub fn offline(&self) -> offline_redemption::App {
        let keys = json!({"current": "2", "1": "a".repeat(64), "2": "b".repeat(64)}).to_string();
        let keys = CodeKeys::parse(&keys).expect("keys");
        let signer = Signer::new(&keys, signing::ALLOWANCES).expect("a signer");
        offline_redemption::App::new(self.handlers_db(), self.pepper.clone(), signer)
    }

    /// A new process of recalculation.
    pub fn recalculating(&self) -> recalculation::App {
        recalculation::App::new(self.handlers_db(), self.sender(), self.queues.recalculation.clone())
    }

    /// A new process of the search index.
    pub fn listing(&self) -> search_index::App {
        search_index::App::new(self.handlers_db(), self.pepper.clone())
    }

    /// A new process of the workflows.
    pub fn running_workflows(&self) -> workflow_runner::App {
        self.running_workflows_over(self.handlers_db())
    }

    /// A new process of the workflows over this table, whose meter tells what it costs.
    pub fn running_workflows_over(&self, db: Db) -> workflow_runner::App {
        workflow_runner::App::new(db, self.pepper.clone())
    }

    /// The search, over a table whose calls are counted.
    pub fn searching(&self, db: Db) -> party_search::App {
        party_search::App::new(db, self.pepper.clone())
    }

    /// The hour at which the schedule asks for the close of the day that has begun; asked again until it ends well.
    ///
    /// # Panics
    /// When it never does.
    pub async fn ask_for_close(&self) {
        for _ in 0..REPEATS_MAX {
            let (app, now) = (self.closing(), self.now);
            if let Called::Answered(Ok(())) = alive(async move { Box::pin(app.ask(now)).await }).await {
                return;
            }
        }
        panic!("the close of the day was not asked for after {REPEATS_MAX} hours");
    }

    /// A new process of finance's books. They share the bucket of the relay.
    pub fn books(&self) -> finance_reports::App {
        let bucket = self.place.bucket().to_owned();
        let files = finance_reports::Files::new(self.place.s3(), bucket, self.probe.clone());
        finance_reports::App::new(self.handlers_db(), self.sender(), self.finance_queue.clone(), files)
    }

    /// The day on which the schedule asks for the books of the month that is over; asked again until it ends well.
    ///
    /// # Panics
    /// When it never does.
    pub async fn ask_for_books(&self) {
        for _ in 0..REPEATS_MAX {
            let (app, now) = (self.books(), self.now);
            if let Called::Answered(Ok(())) = alive(async move { Box::pin(app.ask(now)).await }).await {
                return;
            }
        }
        panic!("the books were not asked for after {REPEATS_MAX} days");
    }

    /// A new process of campaigns' runs.
    pub fn running_campaigns(&self) -> campaign_run::App {
        self.running_campaigns_over(self.handlers_db())
    }

    /// A new process of campaigns' runs over this table, whose meter tells what it costs.
    pub fn running_campaigns_over(&self, db: Db) -> campaign_run::App {
        let queues = campaign_run::Queues {
            campaign: self.campaign_queue.clone(),
            lettershop: self.lettershop_queue.clone(),
        };
        let (pepper, keys) = (self.pepper.clone(), self.code_keys.clone());
        campaign_run::App::new(db, self.sender(), queues, pepper, keys)
            .with_cut(CUT)
            .with_page(i32::from(PAGE))
    }

    /// A new process of the results of campaigns.
    pub fn counting(&self) -> campaign_results::App {
        campaign_results::App::new(self.handlers_db())
    }

    /// A new process of the printer's files, in the smallest parts that a bucket takes. It shares the bucket of the relay.
    pub fn exporting(&self) -> lettershop_export::App {
        let bucket = self.place.bucket().to_owned();
        let objects = lettershop_export::Objects::new(self.place.s3(), bucket, self.probe.clone());
        let (queue, pepper, keys) = (
            self.lettershop_queue.clone(),
            self.pepper.clone(),
            self.code_keys.clone(),
        );
        lettershop_export::App::new(self.handlers_db(), self.sender(), queue, objects, pepper, keys)
            .with_part_bytes(5 * 1024 * 1024)
    }

    /// The hour at which the schedule asks for the runs whose day has come; asked again until it ends well.
    ///
    /// # Panics
    /// When it never does.
    pub async fn ask_for_runs(&self) {
        for _ in 0..REPEATS_MAX {
            let (app, now) = (self.running_campaigns(), self.now);
            if let Called::Answered(Ok(())) = alive(async move { Box::pin(app.ask(now)).await }).await {
                return;
            }
        }
        panic!("the runs were not asked for after {REPEATS_MAX} hours");
    }

    /// A new process of the lettershop's calls and inbox. It shares the bucket of the relay.
    pub fn lettershop(&self) -> lettershop_intake::App {
        let place = lettershop_intake::Place {
            queue_url: self.inbox_queue.clone(),
            files_queue_url: self.lettershop_queue.clone(),
            bucket: self.place.bucket().to_owned(),
        };
        let objects = lettershop_intake::Objects::new(self.place.s3(), self.probe.clone());
        lettershop_intake::App::new(self.handlers_db(), self.sender(), objects, place)
    }

    /// Puts a file into the lettershop's inbox, and notifies it as the bucket does, until it is heard.
    ///
    /// # Panics
    /// When it never is.
    pub async fn put_inbox(&self, name: &str, content: &[u8]) {
        self.put_bytes(name, content.to_vec()).await;
        self.notify_inbox(name).await;
    }

    /// A notification of the inbox, delivered until it is heard.
    ///
    /// # Panics
    /// When it never is.
    pub async fn notify_inbox(&self, name: &str) {
        for _ in 0..REPEATS_MAX {
            let (app, put) = (self.lettershop(), self.notice(name, ""));
            if let Called::Answered(Ok(())) = alive(async move { Box::pin(app.begin(put)).await }).await {
                return;
            }
        }
        panic!("the inbox did not hear of a file in {REPEATS_MAX} notifications");
    }

    /// What the bucket says of a file that was put.
    fn notice(&self, name: &str, sequencer: &str) -> runtime::sqs::Put {
        runtime::sqs::Put {
            bucket: self.place.bucket().to_owned(),
            key: format!("incoming/{TENANT}/{name}"),
            sequencer: sequencer.to_owned(),
        }
    }

    /// A new process of the import. It shares the bucket of the relay.
    pub fn importing(&self) -> party_import::App {
        self.importing_over(self.handlers_db())
    }

    /// A new process of the import over this table, whose meter tells what it costs.
    pub fn importing_over(&self, db: Db) -> party_import::App {
        let objects = party_import::Objects::new(self.place.s3(), self.probe.clone());
        let (queue, pepper) = (self.import_queue.clone(), self.pepper.clone());
        party_import::App::new(db, self.sender(), queue, objects, pepper)
    }

    /// Puts a file to be imported, and notifies the import as the bucket does, until it is heard.
    ///
    /// # Panics
    /// When it never is.
    pub async fn put_import(&self, name: &str, content: &str) {
        self.put_only(name, content).await;
        self.notify_import(name, &format!("{:016x}", fastrand::u64(..))).await;
    }

    /// Puts a file to be imported, and notifies nobody.
    ///
    /// # Panics
    /// When it cannot be put.
    pub async fn put_only(&self, name: &str, content: &str) {
        self.put_bytes(name, content.to_owned().into_bytes()).await;
    }

    async fn put_bytes(&self, name: &str, content: Vec<u8>) {
        let put = self.place.s3().put_object().bucket(self.place.bucket());
        let put = put.key(format!("incoming/{TENANT}/{name}"));
        put.body(content.into()).send().await.expect("the file is put");
    }

    /// Takes a file away that was put to be imported.
    ///
    /// # Panics
    /// When it cannot be taken away.
    pub async fn take_away(&self, name: &str) {
        let delete = self.place.s3().delete_object().bucket(self.place.bucket());
        let delete = delete.key(format!("incoming/{TENANT}/{name}"));
        delete.send().await.expect("the file is taken away");
    }

    /// A notification of the bucket, delivered until it is heard.
    ///
    /// # Panics
    /// When it never is.
    pub async fn notify_import(&self, name: &str, sequencer: &str) {
        for _ in 0..REPEATS_MAX {
            let (app, now) = (self.importing(), self.now);
            let put = self.notice(name, sequencer);
            if let Called::Answered(Ok(())) = alive(async move { Box::pin(app.begin(put, now)).await }).await {
                return;
            }
        }
        panic!("the import did not hear of a file in {REPEATS_MAX} notifications");
    }

    /// A file of the bucket; `None` when it is not there.
    ///
    /// # Panics
    /// When it is no text.
    pub async fn file(&self, key: &str) -> Option<String> {
        let get = self.place.s3().get_object().bucket(self.place.bucket()).key(key);
        let bytes = get.send().await.ok()?.body.collect().await.expect("the whole file");
        Some(String::from_utf8(bytes.to_vec()).expect("a text"))
    }

    /// A new process of the relay.
    pub fn relay(&self) -> event_relay::App {
        let bucket = self.place.bucket().to_owned();
        let failures = event_relay::Failures::new(self.place.s3(), bucket, self.probe.clone());
        event_relay::App::new(self.handlers_db(), self.sender(), self.queues.clone(), failures)
    }

    /// One call by a till with all rights, to a new process. `Died` when a fault killed it.
    ///
    /// # Panics
    /// When the handler panics for another reason than an injected crash.
    pub async fn call_once(&self, route: &str, path: &[(&str, &str)], body: &Value) -> Called<(u16, Value)> {
        self.call_once_as(&everywhere(), route, path, body).await
    }

    /// As [`World::call_once`], by this caller.
    ///
    /// # Panics
    /// When the handler panics for another reason than an injected crash.
    pub async fn call_once_as(
        &self,
        caller: &Caller,
        route: &str,
        path: &[(&str, &str)],
        body: &Value,
    ) -> Called<(u16, Value)> {
        let request = request(caller, route, path, body);
        let (db, pepper, keys, now) = (
            self.handlers_db(),
            self.pepper.clone(),
            self.code_keys.clone(),
            self.now,
        );
        let declared = route.split('?').next().unwrap_or(route);
        let function = http_edge::routes::find(declared).expect("a declared route").function;
        let finance = finance::App::new(
            self.handlers_db(),
            self.sender(),
            self.place.s3(),
            finance::Place {
                queue_url: self.finance_queue.clone(),
                bucket: self.place.bucket().to_owned(),
            },
        );
        let imports = imports::App::new(
            self.handlers_db(),
            self.sender(),
            self.place.s3(),
            imports::Place {
                queue_url: self.import_queue.clone(),
                bucket: self.place.bucket().to_owned(),
            },
        );
        let (privacy, offline) = (self.privacy(), self.offline());
        let campaigns =
            campaigns::App::new(self.handlers_db(), self.sender(), self.campaign_queue.clone()).with_cut(CUT);
        let lettershop = self.lettershop();
        // The future of one handler is large, that of all of them too large for the stack.
        alive(Box::pin(async move {
            let outcome = match function {
                "campaigns" => campaigns.handle(request, now).await,
                "lettershop-intake" => lettershop.handle(request, now).await,
                "imports" => imports.handle(request, now).await,
                "finance" => finance.handle(request, now).await,
                "privacy" => privacy.handle(&request, now).await,
                "offline-redemption" => offline.handle(&request, now).await,
                "purchase-ingestion" => {
                    purchase_ingestion::App::new(db, pepper, keys)
                        .handle(&request, now)
                        .await
                }
                "voucher-redemption" => {
                    voucher_redemption::App::new(db, pepper, keys)
                        .handle(&request, now)
                        .await
                }
                "customer" => customer::App::new(db, pepper, keys).handle(&request, now).await,
                "party-search" => party_search::App::new(db, pepper).handle(&request, now).await,
                "erp-intake" => erp_intake::App::new(db, pepper, queue_of()).handle(&request, now).await,
                "service-desk" => service_desk::App::new(db, pepper).handle(&request, now).await,
                "points-desk" => points_desk::App::new(db, pepper, keys).handle(&request, now).await,
                "administration" => {
                    let report_time = administration::REPORT_TIME;
                    administration::App { db, report_time }.handle(request, now).await
                }
                other => panic!("{other} is not part of this world"),
            };
            answer(outcome)
        }))
        .await
    }

    /// How many records the relay has put into its bucket because it did not understand them.
    ///
    /// # Panics
    /// When the bucket cannot be read.
    pub async fn not_understood(&self) -> usize {
        let list = self.place.s3().list_objects_v2().bucket(self.place.bucket());
        let listed = list.prefix("not-understood/").send().await.expect("the bucket");
        listed.contents().len()
    }

    /// A call as a patient client makes it: repeated while the process dies or asks to come again.
    ///
    /// # Panics
    /// When it is never answered.
    pub async fn call(&self, route: &str, path: &[(&str, &str)], body: &Value) -> (u16, Value) {
        self.call_as(&everywhere(), route, path, body).await
    }

    /// As [`World::call`], by this caller.
    ///
    /// # Panics
    /// When it is never answered.
    pub async fn call_as(&self, caller: &Caller, route: &str, path: &[(&str, &str)], body: &Value) -> (u16, Value) {
        for _ in 0..REPEATS_MAX {
            if let Called::Answered((status, answer)) = self.call_once_as(caller, route, path, body).await
                && status != 503
            {
                return (status, answer);
            }
        }
        panic!("{route} was not answered after {REPEATS_MAX} calls");
    }

    /// Whether the authorizer lets the holder of an API key take a route. Asked as the gateway does, again when it is not
    /// answered.
    ///
    /// # Panics
    /// When it is never answered.
    pub async fn authorizes(&self, key: &str, route: &str) -> bool {
        let event = json!({
            "version": "2.0",
            "type": "REQUEST",
            "routeKey": route,
            "headers": {"authorization": format!("Bearer {key}")},
        });
        for _ in 0..REPEATS_MAX {
            let app = authorizer::App {
                db: self.handlers_db(),
                tokens: None,
            };
            let (event, now) = (event.clone(), self.now);
            let outcome = alive(async move { app.handle(event, now).await.map_err(|e| e.to_string()) }).await;
            if let Called::Answered(Ok(answer)) = outcome {
                return answer.is_authorized;
            }
        }
        panic!("{route} was not authorised or refused after {REPEATS_MAX} calls");
    }

    /// A receipt, until it is answered.
    pub async fn buy(&self, receipt: &Value) -> (u16, Value) {
        self.call("POST /v1/purchases", &[], receipt).await
    }

    /// A customer with an active card; returns the card's number and the party's id.
    ///
    /// # Panics
    /// When the customer function refuses.
    pub async fn customer(&self, serial: u64) -> (String, String) {
        let party = self.party(serial).await;
        let card = card(serial);
        let (status, answer) = self
            .call("POST /v1/cards", &[], &json!({"number": card, "party_id": party}))
            .await;
        assert!(matches!(status, 200 | 201), "{status} {answer}");
        (card, party)
    }

    /// A customer without a card.
    ///
    /// # Panics
    /// When the customer function refuses.
    pub async fn party(&self, serial: u64) -> String {
        let body = json!({
            "kind": "person", "given_name": "Maxine", "family_name": "Muster", "language": "de",
            "external_id": {"system": "test", "id": serial.to_string()},
        });
        let (status, answer) = self.call("POST /v1/parties", &[], &body).await;
        assert!(matches!(status, 200 | 201), "{status} {answer}");
        answer["party_id"].as_str().expect("a party id").to_owned()
    }

    /// The codes that the cash desk shows for a card, with the balance.
    ///
    /// # Panics
    /// When the cash desk refuses.
    pub async fn desk(&self, card: &str) -> (i64, Vec<String>) {
        let (status, answer) = self
            .call(
                "GET /v1/cash-desk/{card}?store=B01&till=1",
                &[("card", card)],
                &Value::Null,
            )
            .await;
        assert_eq!(status, 200, "{answer}");
        let codes = answer["open_vouchers"].as_array().into_iter().flatten();
        let codes = codes
            .filter_map(|voucher| voucher["code"].as_str().map(str::to_owned))
            .collect();
        (answer["customer"]["balance"].as_i64().unwrap_or(0), codes)
    }
}

/// The card with this serial number.
///
/// # Panics
/// When the serial number has more than ten digits.
pub fn card(serial: u64) -> String {
    CardNumber::from_serial(25, serial)
        .expect("a serial of ten digits")
        .as_str()
        .to_owned()
}

/// Runs a handler as a process of its own.
///
/// # Panics
/// When it panics for another reason than an injected crash.
pub async fn alive<T: Send + 'static>(handler: impl Future<Output = T> + Send + 'static) -> Called<T> {
    match tokio::spawn(handler).await {
        Ok(answer) => Called::Answered(answer),
        Err(error) => match error.try_into_panic() {
            Ok(panic) if panic.is::<Crash>() => Called::Died,
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Called::Died,
        },
    }
}

fn answer(outcome: Result<Response, Problem>) -> (u16, Value) {
    let response = outcome.unwrap_or_else(|problem| Response::problem(&problem, "r-1"));
    (
        response.status,
        serde_json::from_str(&response.body).unwrap_or(Value::Null),
    )
}

/// The tenants whose queue the ERP's is.
fn queue_of() -> Vec<domain::id::Tenant> {
    vec![TENANT.parse().expect("a tenant")]
}

/// A caller who may everything everywhere.
///
/// # Panics
/// Never: its names are good.
pub fn everywhere() -> Caller {
    Caller {
        tenant: TENANT.parse().expect("a tenant"),
        client: "pos".parse().expect("a client"),
        subject: "pos".parse().expect("a subject"),
        scopes: Scope::ALL.iter().copied().collect(),
        locations: Locations::All,
    }
}

/// Another person who may everything everywhere.
///
/// # Panics
/// Never: its names are good.
pub fn second_person() -> Caller {
    Caller {
        subject: "second".parse().expect("a subject"),
        ..everywhere()
    }
}

/// The name of a parameter that is sent as the header `If-Match`.
pub const IF_MATCH: &str = "if-match";

/// A gateway's event. A query may stand behind the route, and [`IF_MATCH`] among the path's parameters.
///
/// # Panics
/// Never: it is as the gateway makes it.
pub fn request(caller: &Caller, route: &str, path: &[(&str, &str)], body: &Value) -> Request {
    let context: serde_json::Map<_, _> = caller
        .to_context()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    let (route, query) = route.split_once('?').unwrap_or((route, ""));
    let query: serde_json::Map<_, _> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(k, v)| (k.to_owned(), json!(v)))
        .collect();
    let (headers, path): (Vec<_>, Vec<_>) = path.iter().partition(|(name, _)| *name == IF_MATCH);
    let path: serde_json::Map<_, _> = path.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    let mut sent: serde_json::Map<_, _> = headers.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    sent.insert("content-type".to_owned(), json!("application/json"));
    let event = json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": "/",
        "rawQueryString": "",
        "headers": sent,
        "queryStringParameters": query,
        "pathParameters": path,
        "requestContext": {
            "requestId": "r-1",
            "http": {"method": "POST", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
            "authorizer": {"lambda": context},
        },
        "body": if body.is_null() { Value::Null } else { json!(body.to_string()) },
        "isBase64Encoded": false,
    });
    Request::from_event(serde_json::from_value(event).expect("a gateway event")).expect("a request")
}

/// Injected crashes are panics by design; their traces would bury the one that matters.
fn silence_crashes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<Crash>() {
                usual(info);
            }
        }));
    });
}
