//! `treue runs` and `treue offline` against an API that answers with the bodies of the real one: what they print, what they send, and
//! with which code they end.

use std::collections::VecDeque;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use http_edge::api::campaigns::{CampaignRunPage, CampaignRunView, CampaignView};
use http_edge::api::offline::LossReport;
use serde_json::{Value, json};

const RUN: &str = "bonus~2026-12";

/// What is answered and what was asked for.
#[derive(Clone, Default)]
struct Api {
    /// The run as each look finds it; the last one stays.
    looks: Arc<Mutex<VecDeque<Value>>>,
    /// Method, path and body of every call.
    asked: Arc<Mutex<Vec<(String, Value)>>>,
    approved: Value,
}

impl Api {
    fn with(looks: impl IntoIterator<Item = Value>) -> Self {
        Self {
            looks: Arc::new(Mutex::new(looks.into_iter().collect())),
            approved: json!(RUN),
            ..Self::default()
        }
    }

    fn note(&self, call: &str, body: Value) {
        self.asked.lock().unwrap().push((call.to_owned(), body));
    }

    fn look(&self) -> Value {
        let mut looks = self.looks.lock().unwrap();
        if looks.len() > 1 {
            looks.pop_front().unwrap()
        } else {
            looks[0].clone()
        }
    }
}

/// A run in a stage; as the API's own type writes it.
fn run(stage: &str, more: &Value) -> Value {
    let totals = json!({
        "members": 900, "out": {"no_address": 100}, "control": 0, "letters": 800, "vouchers": 800, "unlimited_vouchers": 0,
        "face_value_minor": 800_000, "printing_minor": 17_600, "postage_minor": 42_400,
    });
    let mut run = json!({
        "run_id": RUN, "revision": 1, "campaign": "bonus", "edition": 1, "day": "2026-12-01", "stage": stage, "currency": "CHF",
        "dry_run": {"totals": totals, "digest": "0".repeat(64)}, "begun_at": "2026-11-24T09:05:00Z",
    });
    for (name, value) in more.as_object().unwrap() {
        run[name] = value.clone();
    }
    let read: CampaignRunView = serde_json::from_value(run).unwrap();
    serde_json::to_value(read).unwrap()
}

fn progress(segments_done: u8, vouchers: u64, rate: Option<u64>) -> Value {
    let mut progress = json!({
        "segments_done": segments_done, "segments": 16, "shards_done": 3, "shards": 64, "members": vouchers, "vouchers": vouchers,
        "kept_back": 2,
    });
    if let Some(rate) = rate {
        progress["vouchers_per_minute"] = json!(rate);
        progress["expected_end"] = json!("2026-12-01T09:30:00Z");
    }
    json!({"progress": progress})
}

async fn show(State(api): State<Api>, Path(run): Path<String>) -> (StatusCode, String) {
    api.note(&format!("GET {run}"), Value::Null);
    if run == RUN {
        return (StatusCode::OK, api.look().to_string());
    }
    let problem = json!({"code": "not_found", "detail": "there is no run with this name"});
    (StatusCode::NOT_FOUND, problem.to_string())
}

async fn list(State(api): State<Api>, RawQuery(query): RawQuery) -> String {
    api.note("GET runs", json!(query));
    let run: CampaignRunView = serde_json::from_value(api.look()).unwrap();
    let next = query
        .is_none_or(|query| !query.contains("next="))
        .then(|| "a+b".to_owned());
    let page = CampaignRunPage { items: vec![run], next };
    serde_json::to_string(&page).unwrap()
}

async fn stop(State(api): State<Api>, Path(run): Path<String>, body: String) -> String {
    api.note(&format!("STOP {run}"), serde_json::from_str(&body).unwrap());
    api.look().to_string()
}

async fn campaign(State(api): State<Api>) -> String {
    let examples = http_edge::openapi::document();
    let shown = &examples["paths"]["/v1/campaigns/{campaign_id}"]["get"]["responses"]["200"];
    let mut example = shown["content"]["application/json"]["example"].clone();
    example["standing"]["status"] = json!({
        "status": "approved", "by": "urs", "at": "2026-11-24T10:00:00Z", "run": api.approved, "digest": "0".repeat(64),
    });
    let read: CampaignView = serde_json::from_value(example).unwrap();
    serde_json::to_string(&read).unwrap()
}

async fn start(State(api): State<Api>) -> (StatusCode, String) {
    api.note("START", Value::Null);
    (StatusCode::ACCEPTED, api.look().to_string())
}

async fn losses(State(api): State<Api>, RawQuery(query): RawQuery) -> String {
    api.note("GET losses", json!(query));
    let chf = |minor: i64| json!({"amount_minor": minor, "currency": "CHF"});
    let reasons = json!([{"reason": "redeemed_elsewhere", "count": 2, "amount": chf(1_050)}]);
    let report = json!({
        "from": "2026-11-01", "to": "2026-11-30",
        "branches": [{"location_id": "B02", "bearer": "company", "count": 2, "amount": chf(1_050), "reasons": reasons}],
        "totals": [{"bearer": "company", "count": 2, "amount": chf(1_050)}],
    });
    let read: LossReport = serde_json::from_value(report).unwrap();
    serde_json::to_string(&read).unwrap()
}

/// Runs `treue` against the API; what it printed, and what it asked for.
async fn treue(api: &Api, args: &[&str]) -> (Output, Vec<(String, Value)>) {
    let routes = Router::new()
        .route("/v1/runs", get(list))
        .route("/v1/runs/{run}", get(show))
        .route("/v1/runs/{run}/stop", post(stop))
        .route("/v1/campaigns/{campaign}", get(campaign))
        .route("/v1/campaigns/{campaign}/start", post(start))
        .route("/v1/offline-losses", get(losses))
        .with_state(api.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let mut command = Command::new(env!("CARGO_BIN_EXE_treue"));
    command.args(args).args(["--api", &url, "--key", "k"]);
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    server.abort();
    let asked = std::mem::take(&mut *api.asked.lock().unwrap());
    (output, asked)
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_a_run_is_shown_with_progress_rate_budget_file_and_acknowledgement() {
    let mut more = progress(16, 123, Some(90));
    more["budget_minor"] = json!(900_000);
    let api = Api::with([run("issuing", &more)]);
    let (output, _) = treue(&api, &["runs", "show", RUN]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = printed(&output);
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in [
        "stage issuing",
        "segments 16 of 16",
        "letters 800",
        "face value CHF 8000.00",
        "budget CHF 9000.00",
        "shards 3 of 64",
        "members 123",
        "vouchers 123",
        "rate 1.5 a second, until 09:30:00 UTC",
        "file none",
        "acknowledgement none",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        assert!(lines.contains(&words), "{line}: {shown}");
    }
    // The same data as the API's.
    let (output, _) = treue(&api, &["runs", "show", RUN, "--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json, run("issuing", &more));

    let written = json!({"written_at": "2026-12-01T10:00:00Z", "acknowledgement_due_at": "2026-12-04T10:00:00Z"});
    let (output, _) = treue(&Api::with([run("written", &written)]), &["runs", "show", RUN]).await;
    let shown = printed(&output);
    assert!(shown.contains("stands since 2026-12-01 10:00:00 UTC"), "{shown}");
    assert!(shown.contains("awaited until 2026-12-04 10:00:00 UTC"), "{shown}");
    let (output, _) = treue(&api, &["runs", "show", "bonus~2026-11"]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("there is no run"),
        "{output:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_a_list_goes_through_all_pages_of_a_campaign() {
    let api = Api::with([run("written", &json!({}))]);
    let (output, asked) = treue(&api, &["runs", "list", "--campaign", "bonus", "--json"]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let runs: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(runs.len(), 2);
    let queries: Vec<_> = asked.into_iter().map(|(_, query)| query).collect();
    assert_eq!(queries, [json!("campaign=bonus"), json!("campaign=bonus&next=a%2Bb")]);
    let (output, _) = treue(&api, &["runs", "list"]).await;
    let shown = printed(&output);
    assert!(shown.contains(RUN) && shown.contains("800 letters"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_a_run_is_watched_until_its_file_stands_it_is_chosen_or_it_is_stopped() {
    let watch = ["runs", "watch", RUN, "--every", "1"];
    let to_the_end = [
        run("choosing", &progress(4, 0, None)),
        run("issuing", &progress(16, 100, Some(600))),
        run("writing", &progress(16, 800, None)),
        run("written", &json!({"written_at": "2026-12-01T10:00:00Z"})),
    ];
    let (output, asked) = treue(&Api::with(to_the_end), &watch).await;
    assert_eq!((output.status.code(), asked.len()), (Some(0), 4), "{output:?}");
    assert!(printed(&output).contains("stands since"), "{output:?}");

    let (output, asked) = treue(&Api::with([run("chosen", &json!({}))]), &watch).await;
    assert_eq!((output.status.code(), asked.len()), (Some(0), 1), "{output:?}");

    let blocking = |done: Option<&str>| {
        let mut blocking = json!({
            "asked_at": "2026-12-01T09:00:00Z", "shards_done": 1, "shards": 2, "blocked": 7, "redeemed": 1, "voided": 0,
            "unblocked": 0, "erased": 0, "held": 0,
        });
        if let Some(done) = done {
            blocking["done_at"] = json!(done);
        }
        run("stopped", &json!({"stopped": "by_hand", "blocking": blocking}))
    };
    let (output, asked) = treue(&Api::with([blocking(None)]), &watch).await;
    assert_eq!((output.status.code(), asked.len()), (Some(1), 1), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("by_hand"),
        "{output:?}"
    );
    let both = [blocking(None), blocking(Some("2026-12-01T09:06:00Z"))];
    let (output, asked) = treue(&Api::with(both), &[&watch[..], &["--blocked"]].concat()).await;
    assert_eq!((output.status.code(), asked.len()), (Some(1), 2), "{output:?}");
    assert!(printed(&output).contains("7; 1 redeemed"), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r5_a_run_is_stopped_with_its_reason_and_started_only_when_it_is_the_approved_one() {
    let stopped = Api::with([run("stopped", &json!({"stopped": "by_hand"}))]);
    let stop = ["runs", "stop", RUN, "--reason", "Wrong value", "--block-vouchers"];
    let (output, asked) = treue(&stopped, &stop).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let body = json!({"reason": "Wrong value", "block_vouchers": true});
    assert_eq!(asked, [(format!("STOP {RUN}"), body)]);

    let chosen = Api::with([run("chosen", &json!({}))]);
    let (output, asked) = treue(&chosen, &["runs", "start", RUN]).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(asked.iter().any(|(call, _)| call == "START"), "{asked:?}");

    let other = Api {
        approved: json!("bonus~2027-01"),
        ..Api::with([run("chosen", &json!({}))])
    };
    let (output, asked) = treue(&other, &["runs", "start", RUN]).await;
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(asked.iter().all(|(call, _)| call != "START"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn x3_losses_of_offline_tills_are_told_by_branch_and_bearer() {
    let api = Api::with([json!(null)]);
    let days = ["offline", "losses", "--from", "2026-11-01", "--until", "2026-11-30"];
    let (output, asked) = treue(&api, &days).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        asked,
        [("GET losses".to_owned(), json!("from=2026-11-01&to=2026-11-30"))]
    );
    let shown = printed(&output);
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    for line in [
        "B02 company 2 CHF 10.50",
        "redeemed_elsewhere 2 CHF 10.50",
        "all company 2 CHF 10.50",
    ] {
        let words: Vec<_> = line.split(' ').collect();
        assert!(lines.contains(&words), "{line}: {shown}");
    }
    let (output, _) = treue(&api, &[&days[..], &["--json"]].concat()).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["totals"][0]["amount"]["amount_minor"], 1_050);
}
