//! Results of campaigns (R5, R6, X6): what became of letters and vouchers, live and exactly once; revenue with a letter against
//! the control group; and what earlier runs let expect of the next one. Through the calls, the queues and the schedule.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::id::{RunName, Tenant};
use end_to_end::delivery::Delivering;
use end_to_end::letters::begin_run;
use end_to_end::till::{chf, give_back, receipt};
use end_to_end::world::{CUT, IF_MATCH, TENANT, World, everywhere, second_person};
use faults::Site;
use http_edge::Caller;
use http_edge::caller::Locations;
use messages::CampaignMessage;
use runtime::sqs::{Deadline, Delivery};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::run::RunId;

const RUN: &str = "bonus~2026-12";
const RESULTS: &str = "GET /v1/runs/{run_id}/results";
const MEASURE: &str = "POST /v1/runs/{run_id}/measurements";
/// Members of each group that the story needs.
const GROUP: usize = 3;

/// Half of all customers with a receipt get a voucher of ten francs for 60 days, the others are the control group.
fn bonus() -> Value {
    json!({
        "id": "bonus", "name": "Bonus", "programme": "treue", "kind": {"type": "bonus"},
        "segment": "activity.receipts_12m >= 1",
        "voucher": {
            "worth": {"type": "amount", "value_minor": 1_000}, "min_basket_minor": 2_000,
            "validity": {"type": "days", "after_start": 0, "days": 60}, "bearer": "bearer", "consideration": "free",
            "vat_kind": "value", "per_member": 1,
        },
        "texts": {"de": "{salutation}, {value} bis {valid_until}."},
        "letter_variant": "bonus-a", "control_per_cent": 50, "one_per_household": false, "needs_acknowledgement": false,
        "letter_cost": {"printing_minor": 22, "postage_minor": 53}, "schedule": {"type": "monthly", "day": 1},
    })
}

/// A member: card and party.
type Member = (String, String);

/// A started run with its members.
struct Started {
    world: World,
    delivering: Delivering,
    letters: Vec<Member>,
    control: Vec<Member>,
    codes: Vec<String>,
    receipts: u32,
}

async fn must(world: &World, route: &str, path: &[(&str, &str)], body: &Value) -> Value {
    let (status, answer) = world.call(route, path, body).await;
    assert!((200..300).contains(&status), "{route}: {status} {answer}");
    answer
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

impl Started {
    /// The run of December with at least three members in each group, printed and confirmed.
    async fn new(delivering: Delivering) -> Self {
        let mut started = Self::chosen(delivering).await;
        started.approve_and_start().await;
        started.printed(1).await;
        started
    }

    /// The members of that run are chosen.
    async fn chosen(delivering: Delivering) -> Self {
        let mut started = Self {
            world: World::new().await,
            delivering,
            letters: Vec::new(),
            control: Vec::new(),
            codes: Vec::new(),
            receipts: 0,
        };
        // Parties have random ids, and the draw follows from them.
        for serial in 1..=60 {
            if started.letters.len().min(started.control.len()) >= GROUP {
                break;
            }
            started.shopper(serial).await;
        }
        started.rest().await;
        let body = json!({"expected_edition": 0, "campaign": bonus()});
        let path = [("campaign_id", "bonus")];
        must(&started.world, "PUT /v1/campaigns/{campaign_id}", &path, &body).await;
        started.try_for(&json!({})).await;
        started
    }

    /// The letters of this revision are printed and confirmed.
    async fn printed(&mut self, revision: u32) {
        let file = self
            .world
            .file(&format!("out/demo/{RUN}/{revision:04}/letters.csv"))
            .await;
        let file = file.expect("the file stands");
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(file.as_bytes());
        let rows: Result<Vec<BTreeMap<String, String>>, _> = reader.deserialize().collect();
        self.codes = rows.unwrap().iter().map(|row| row["code"].clone()).collect();
        assert_eq!(self.codes.len(), self.letters.len());
        self.confirm(&file).await;
    }

    async fn shopper(&mut self, serial: u64) {
        let (card, party) = self.world.customer(serial).await;
        let address = json!({
            "kind": "postal", "purposes": ["main"], "street": "Gasse", "house_number": "1", "postcode": "8001", "town": "Zürich",
            "country": "CH",
        });
        let path = [("party_id", &*party), (IF_MATCH, "*")];
        must(&self.world, "POST /v1/parties/{party_id}/contacts", &path, &address).await;
        let (status, answer) = self
            .world
            .buy(&receipt("B01", &format!("first{serial}"), 12_990, Some(&card)))
            .await;
        assert_eq!(status, 201, "{answer}");
        let drawn = campaign::bucket("bonus", "2026-12", &party.parse().unwrap());
        let group = if drawn < campaign::BUCKETS / 2 {
            &mut self.control
        } else {
            &mut self.letters
        };
        group.push((card, party));
    }

    async fn rest(&mut self) {
        self.delivering.until_rest(&self.world).await;
    }

    /// Chooses the members of a run; the run.
    async fn try_for(&mut self, body: &Value) -> Value {
        let route = "POST /v1/campaigns/{campaign_id}/dry-runs";
        let run = must(&self.world, route, &[("campaign_id", "bonus")], body).await;
        self.rest().await;
        let run = run["run_id"].as_str().unwrap();
        must(&self.world, "GET /v1/runs/{run_id}", &[("run_id", run)], &Value::Null).await
    }

    async fn approve_and_start(&mut self) {
        self.start().await;
        self.rest().await;
    }

    /// Nothing of it is done yet.
    async fn start(&self) {
        let run = must(&self.world, "GET /v1/runs/{run_id}", &[("run_id", RUN)], &Value::Null).await;
        begin_run(&self.world, &run).await;
    }

    async fn confirm(&self, file: &str) {
        let sha256: String = Sha256::digest(file.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let said = json!({
            "run": RUN, "variant": "bonus-a", "rows": self.letters.len(), "sha256": sha256, "accepted_on": "2026-11-22",
        });
        let path = [("run_id", RUN)];
        must(&self.world, "POST /v1/runs/{run_id}/acknowledgement", &path, &said).await;
    }

    fn today(&self) -> String {
        self.world.now.format("%Y-%m-%d").to_string()
    }

    /// Takes a voucher today, and says on which receipt.
    async fn redeem(&mut self, store: &str, code: &str) -> String {
        self.receipts += 1;
        let key = format!("{store}~1~{}~v{}", self.today(), self.receipts);
        let body = json!({"store": store, "till": "1", "code": code, "receipt": key, "basket_total": chf(5_000)});
        must(&self.world, "POST /v1/vouchers/redeem", &[], &body).await;
        key
    }

    async fn reverse(&self, code: &str, receipt: &str) {
        let body = json!({"store": &receipt[..3], "till": "1", "code": code, "receipt": receipt});
        must(&self.world, "POST /v1/vouchers/reverse", &[], &body).await;
    }

    /// A purchase of a member today; the key of its receipt.
    async fn buy(&mut self, card: &str, minor: i64) -> String {
        self.receipts += 1;
        let number = format!("b{}", self.receipts);
        let mut body = receipt("B01", &number, minor, Some(card));
        body["business_date"] = json!(self.today());
        let (status, answer) = self.world.buy(&body).await;
        assert_eq!(status, 201, "{answer}");
        format!("B01~1~{}~{number}", self.today())
    }

    async fn results(&self) -> Value {
        must(&self.world, RESULTS, &[("run_id", RUN)], &Value::Null).await
    }

    /// Redemptions on two days at two branches, one of them taken back and the voucher taken again elsewhere.
    async fn two_days_at_the_tills(&mut self) {
        let codes = self.codes.clone();
        self.world.now = at("2026-12-02T10:00:00Z");
        let first = self.redeem("B01", &codes[0]).await;
        self.redeem("B02", &codes[1]).await;
        self.world.now = at("2026-12-03T10:00:00Z");
        self.redeem("B01", &codes[2]).await;
        self.reverse(&codes[0], &first).await;
        self.redeem("B02", &codes[0]).await;
        self.rest().await;
    }
}

fn taken(vouchers: i64) -> Value {
    json!({"vouchers": vouchers, "value_minor": vouchers * 1_000})
}

#[tokio::test]
async fn r5_redemptions_by_branch_and_day_are_counted_once_however_they_are_heard_of() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    for delivering in [Delivering::well(), Delivering::badly(seed)] {
        let mut started = Started::new(delivering).await;
        let letters = started.letters.len() as u64;
        let before = started.results().await;
        assert_eq!(
            (&before["redeemed"], &before["by_day"], &before["open"]),
            (&taken(0), &json!([]), &json!(letters)),
            "{before}"
        );
        started.two_days_at_the_tills().await;
        let results = started.results().await;
        assert_eq!(
            (&results["redeemed"], &results["reversed"]),
            (&taken(3), &taken(1)),
            "{results}"
        );
        let branches = json!([
            {"store": "B01", "redeemed": taken(1), "reversed": taken(1)},
            {"store": "B02", "redeemed": taken(2), "reversed": taken(0)},
        ]);
        assert_eq!(results["by_branch"], branches, "{results}");
        let days = json!([
            {"day": "2026-12-02", "redeemed": taken(1), "reversed": taken(1)},
            {"day": "2026-12-03", "redeemed": taken(2), "reversed": taken(0)},
        ]);
        assert_eq!(results["by_day"], days, "{results}");
        let route = format!("{RESULTS}?store=B01");
        let of_branch = must(&started.world, &route, &[("run_id", RUN)], &Value::Null).await;
        let days = json!([
            {"day": "2026-12-02", "redeemed": taken(0), "reversed": taken(1)},
            {"day": "2026-12-03", "redeemed": taken(1), "reversed": taken(0)},
        ]);
        assert_eq!(of_branch["by_day"], days, "{of_branch}");
        // A key of one location sees no other location's.
        let own = Caller {
            locations: Locations::Only(["B01".parse().expect("an id")].into()),
            ..everywhere()
        };
        let path = [("run_id", RUN)];
        let (status, all) = started.world.call_as(&own, RESULTS, &path, &Value::Null).await;
        assert_eq!(
            (status, &all["by_branch"], &all["by_day"]),
            (200, &json!([branches[0]]), &days),
            "{all}"
        );
        let route = format!("{RESULTS}?store=B02");
        let (status, foreign) = started.world.call_as(&own, &route, &path, &Value::Null).await;
        assert_eq!((status, &foreign["code"]), (403, &json!("location_forbidden")));

        // The relay begins again with everything that the stream keeps, and the queues bring it in any order.
        started.delivering.rewind();
        started.rest().await;
        assert_eq!(started.results().await, results, "seed {seed}");
    }
}

/// A run that was stopped among its vouchers and then made on has two revisions and gave its vouchers once.
#[tokio::test]
async fn r5_a_run_that_was_stopped_and_made_on_is_one_in_the_results() {
    let mut started = Started::chosen(Delivering::well()).await;
    started.start().await;
    started.delivering.once(&started.world).await;
    let body = json!({"reason": "The printer is on strike"});
    let stopped = must(&started.world, "POST /v1/runs/{run_id}/stop", &[("run_id", RUN)], &body).await;
    assert_eq!(stopped["stage"], "stopped", "{stopped}");
    started.rest().await;
    started.try_for(&json!({})).await;
    let tried = started.results().await;
    assert_eq!(
        (&tried["revision"], &tried["stage"]),
        (&json!(1), &json!("stopped")),
        "what is only tried has given nothing: {tried}"
    );
    started.approve_and_start().await;
    started.printed(2).await;
    started.two_days_at_the_tills().await;

    let run = started.results().await;
    let letters = json!(started.letters.len());
    assert_eq!(
        (&run["revision"], &run["issued"], &run["redeemed"]),
        (&json!(2), &letters, &taken(3)),
        "{run}"
    );
    let route = "GET /v1/campaigns/{campaign_id}/results";
    let path = [("campaign_id", "bonus")];
    let all = must(&started.world, route, &path, &Value::Null).await;
    assert_eq!(
        (&all["total"]["issued"], &all["total"]["redeemed"], &all["by_branch"]),
        (&letters, &taken(3), &run["by_branch"]),
        "{all}"
    );
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all}");
}

#[tokio::test]
async fn r5_a_run_from_the_letters_to_expired_vouchers_and_its_cost() {
    let mut started = Started::new(Delivering::well()).await;
    let (letters, control) = (started.letters.len() as u64, started.control.len() as u64);
    started.two_days_at_the_tills().await;
    let results = started.results().await;
    let counts = [
        "chosen",
        "letters",
        "control",
        "kept_back",
        "issued",
        "printed",
        "planted",
        "sent",
        "returned",
        "voided",
        "blocked",
        "open",
        "expired",
    ]
    .map(|name| results[name].as_u64().unwrap());
    let expected = [
        letters + control,
        letters,
        control,
        0,
        letters,
        letters,
        0,
        letters,
        0,
        0,
        0,
        letters - 3,
        0,
    ];
    assert_eq!(counts, expected, "{results}");
    let cost = json!({
        "printing_minor": letters * 22, "postage_minor": letters * 53, "redeemed_minor": 3_000,
        "total_minor": letters * 75 + 3_000,
    });
    assert_eq!(results["cost"], cost, "{results}");
    assert_eq!(
        (
            &results["valid_from"],
            &results["valid_until"],
            &results["currency"],
            &results["complete"]
        ),
        (&json!("2026-12-01"), &json!("2027-01-29"), &json!("CHF"), &json!(true)),
        "{results}"
    );

    started.world.now = at("2027-01-30T00:30:00Z");
    let over = started.results().await;
    assert_eq!(
        (&over["open"], &over["expired"]),
        (&json!(0), &json!(letters - 3)),
        "{over}"
    );
    let path = [("campaign_id", "bonus")];
    let all = must(
        &started.world,
        "GET /v1/campaigns/{campaign_id}/results",
        &path,
        &Value::Null,
    )
    .await;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(1), "{all}");
    for name in ["redeemed", "reversed", "issued", "expired", "cost"] {
        assert_eq!(all["total"][name], over[name], "{all}");
    }
    assert_eq!(
        (&all["by_branch"], &all["by_day"]),
        (&over["by_branch"], &over["by_day"])
    );
    let (status, answer) = started
        .world
        .call(RESULTS, &[("run_id", "bonus~2026-11")], &Value::Null)
        .await;
    assert_eq!((status, &answer["code"]), (404, &json!("not_found")));
}

/// The difference of two means, and what it comes to for all of the first group, rounded to the nearest.
fn uplift((letters, of_letters): (i64, i64), (control, of_control): (i64, i64)) -> (i64, i64) {
    let nearest = |dividend: i64, divisor: i64| (2 * dividend.abs() + divisor) / (2 * divisor) * dividend.signum();
    let difference = letters * of_control - control * of_letters;
    (
        nearest(difference, of_letters * of_control),
        nearest(difference, of_control),
    )
}

#[tokio::test]
async fn r5_revenue_against_the_control_group_is_right_to_the_rappen() {
    let mut started = Started::new(Delivering::twice()).await;
    let path = [("run_id", RUN)];
    let (status, answer) = started.world.call(MEASURE, &path, &Value::Null).await;
    assert_eq!(
        (status, &answer["code"]),
        (409, &json!("campaign_state")),
        "its vouchers are not valid yet"
    );
    let (with, without) = (started.letters[0].0.clone(), started.control[0].0.clone());
    let other = started.letters[1].0.clone();
    // The day before the first one, and the first.
    started.world.now = at("2026-11-30T10:00:00Z");
    started.buy(&with, 9_999).await;
    started.world.now = at("2026-12-01T10:00:00Z");
    let sold = started.buy(&with, 5_005).await;
    started.buy(&without, 2_010).await;
    started.world.now = at("2026-12-03T10:00:00Z");
    let mut back = give_back("B01", "back", Some(&sold), (200, 1_001));
    back["business_date"] = json!("2026-12-03");
    must(&started.world, "POST /v1/returns", &[], &back).await;
    // Bought and voided: no buyer.
    let voided = started.buy(&other, 7_777).await;
    let body = json!({"reason": "Test"});
    must(
        &started.world,
        "POST /v1/purchases/{key}/void",
        &[("key", &voided)],
        &body,
    )
    .await;
    started.rest().await;
    assert_eq!(started.results().await["revenue"], Value::Null, "not measured yet");

    started.world.ask_for_runs().await;
    started.rest().await;
    let members = |group: &[Member]| i64::try_from(group.len()).unwrap();
    let (letters, control) = (members(&started.letters), members(&started.control));
    let results = started.results().await;
    let revenue = &results["revenue"];
    assert_eq!(
        (
            &revenue["as_of"],
            &revenue["from"],
            &revenue["through"],
            &results["measuring"]
        ),
        (
            &json!("2026-12-03T10:00:00Z"),
            &json!("2026-12-01"),
            &json!("2026-12-03"),
            &json!(false)
        ),
        "{results}"
    );
    let group = |group: &Value| ["members", "buyers", "revenue_minor"].map(|name| group[name].as_i64().unwrap());
    assert_eq!(group(&revenue["letters"]), [letters, 1, 4_004], "{revenue}");
    assert_eq!(group(&revenue["control"]), [control, 1, 2_010], "{revenue}");
    let (per_head, all) = uplift((4_004, letters), (2_010, control));
    let found = &revenue["uplift"];
    assert_eq!(
        (&found["revenue_minor"], &found["certainty"]),
        (&json!(all), &json!("too_few")),
        "{revenue}"
    );
    // Means are rounded to thousandths before they are compared.
    let told = found["per_head_minor"].as_i64().unwrap();
    assert!((told - per_head).abs() <= 1, "{told} and {per_head}");

    // The last day counts, the day after does not; who was erased since is among them as before.
    started.world.now = at("2027-01-29T10:00:00Z");
    started.buy(&without, 3_000).await;
    started.world.now = at("2027-01-30T10:00:00Z");
    started.buy(&without, 4_000).await;
    let party = started.letters[0].1.clone();
    let path_of_party = [("party_id", &*party)];
    let body = json!({"reason": "on_request"});
    must(
        &started.world,
        "POST /v1/parties/{party_id}/erasure",
        &path_of_party,
        &body,
    )
    .await;
    let route = "POST /v1/parties/{party_id}/erasure/approval";
    let (status, answer) = started
        .world
        .call_as(&second_person(), route, &path_of_party, &Value::Null)
        .await;
    assert!(matches!(status, 200..=202), "{status} {answer}");
    started.rest().await;
    let asked = must(&started.world, MEASURE, &path, &Value::Null).await;
    assert_eq!(asked["revenue"], *revenue, "as it was measured last");
    started.rest().await;
    let results = started.results().await;
    let later = &results["revenue"];
    assert_eq!(
        (&later["as_of"], &later["through"]),
        (&json!("2027-01-30T10:00:00Z"), &json!("2027-01-29")),
        "{results}"
    );
    assert_eq!(group(&later["letters"]), [letters, 1, 4_004], "{later}");
    assert_eq!(group(&later["control"]), [control, 1, 5_010], "{later}");
}

#[tokio::test]
async fn r5_a_worker_whose_time_is_over_amid_a_page_measures_each_member_once() {
    let mut started = Started::new(Delivering::well()).await;
    started.world.now = at("2026-12-01T10:00:00Z");
    let buyers: Vec<String> = started.letters.iter().map(|(card, _)| card.clone()).collect();
    for card in &buyers {
        started.buy(card, 1_000).await;
    }
    started.rest().await;
    must(&started.world, MEASURE, &[("run_id", RUN)], &Value::Null).await;
    let work_off = async |message: CampaignMessage| {
        let delivery = vec![Delivery {
            id: "1".to_owned(),
            message,
        }];
        let (app, over) = (started.world.running_campaigns(), Deadline::at(Instant::now()));
        let failed = app.work_off(delivery, over, started.world.now).await;
        assert!(failed.is_empty(), "it has handed its work on");
    };
    let (tenant, run): (Tenant, RunName) = (TENANT.parse().unwrap(), RUN.parse().unwrap());
    work_off(CampaignMessage::Measure {
        tenant: tenant.clone(),
        run: run.clone(),
        revision: 1,
        asked_at: started.world.now,
    })
    .await;
    let id = RunId {
        tenant: tenant.clone(),
        run: run.clone(),
        revision: 1,
    };
    let (letters, control) = (started.letters.len(), started.control.len());
    let mut members = 0;
    for shard in 0..CUT.shards {
        let mut after_each = Vec::new();
        loop {
            let place = (1, shard);
            work_off(CampaignMessage::MeasureShard {
                tenant: tenant.clone(),
                run: run.clone(),
                revision: 1,
                number: place.0,
                shard,
            })
            .await;
            let measured = store::run::measured_shard(&started.world.db, Site::ToolRead, &id, place).await;
            let measured = measured.unwrap();
            after_each.push(measured.letters.members + measured.control.members);
            if measured.done {
                break;
            }
        }
        let all = *after_each.last().unwrap();
        let one_by_one: Vec<u64> = (1..=all).collect();
        // A shard without members is done with one message.
        assert!(after_each == one_by_one || after_each == [0], "{after_each:?}");
        members += all;
    }
    assert_eq!(members, u64::try_from(letters + control).unwrap());
    started.rest().await;
    let revenue = &started.results().await["revenue"];
    let group = |name: &str| ["members", "buyers", "revenue_minor"].map(|of| revenue[name][of].clone());
    assert_eq!(
        group("letters"),
        [json!(letters), json!(letters), json!(1_000 * letters)]
    );
    assert_eq!(group("control"), [json!(control), json!(0), json!(0)]);
    started.rest().await;
    assert_eq!(started.results().await["revenue"], *revenue);
}

#[tokio::test]
async fn x6_a_dry_run_says_what_is_to_be_expected_by_earlier_runs() {
    let mut started = Started::new(Delivering::well()).await;
    let first = must(
        &started.world,
        "GET /v1/runs/{run_id}",
        &[("run_id", RUN)],
        &Value::Null,
    )
    .await;
    assert_eq!(first["forecast"], Value::Null, "the first run knows of none before");
    started.two_days_at_the_tills().await;
    let issued = started.letters.len() as i64;
    let permille = (3_000 + issued - 1) / issued;
    for (now, run, over) in [
        ("2026-12-03T12:00:00Z", "bonus~2027-01", false),
        ("2027-01-30T12:00:00Z", "bonus~2027-02", true),
    ] {
        started.world.now = at(now);
        let tried = started.try_for(&json!({})).await;
        assert_eq!(
            (&tried["run_id"], &tried["stage"]),
            (&json!(run), &json!("chosen")),
            "{tried}"
        );
        let totals = &tried["dry_run"]["totals"];
        let face = totals["face_value_minor"].as_i64().unwrap();
        let expected = (face * permille + 999) / 1_000;
        let forecast = json!({
            "redeemed_permille": permille, "runs": [RUN], "over": over, "expected_redemption_minor": expected,
            "liability_minor": expected, "since_last_minor": expected - 3_000,
        });
        assert_eq!(tried["forecast"], forecast, "{tried}");
        let letters = totals["letters"].as_i64().unwrap() - issued;
        assert_eq!(tried["difference"]["letters"], json!(letters), "{tried}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_many_redemptions_at_once_count_one_each() {
    let mut started = Started::new(Delivering::badly(7)).await;
    started.delivering.at_once(8);
    started.world.now = at("2026-12-02T10:00:00Z");
    let codes = started.codes.clone();
    for round in 0..4 {
        for code in &codes {
            let receipt = started.redeem("SHOP", code).await;
            if round < 3 {
                let body = json!({"store": "SHOP", "till": "1", "code": code, "receipt": receipt});
                must(&started.world, "POST /v1/vouchers/reverse", &[], &body).await;
            }
        }
    }
    started.rest().await;
    let results = started.results().await;
    let all = codes.len() as i64;
    assert_eq!(
        (&results["redeemed"], &results["reversed"]),
        (&taken(all), &taken(3 * all)),
        "{results}"
    );
}
