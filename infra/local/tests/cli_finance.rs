//! `treue finance` as a process: what it prints and with which code it ends.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use faults::Probe;
use messages::Sender;
use serde_json::Value;
use store::finance::{self, FileFacts, ReportId, RunResult};
use store::{Db, Site};
use treue_local::aws::{AwsEndpoints, AwsOptions};
use treue_local::operations::{Queues, System, Walk, bootstrap};
use treue_local::provision::{Clients, ProvisionOptions, provision};
use treue_local::template::Document;

/// A table without sales.
async fn table() -> (AwsEndpoints, System) {
    let endpoints = AwsEndpoints::start(AwsOptions::default()).await.unwrap();
    let clients = Clients::new(&endpoints.env()).await;
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let document = Document::load(&template, "test", &BTreeMap::new()).unwrap();
    let mut attributes = document.foreseen_attributes().unwrap();
    let model = document.model(&attributes).unwrap();
    let options = ProvisionOptions::default();
    provision(&clients, &model, &options, &mut attributes).await.unwrap();
    let system = System {
        db: Db::new(clients.dynamodb.clone(), model.tables[0].name.clone(), Probe::none()),
        sender: Sender::new(clients.sqs.clone(), Probe::none()),
        tenant: "demo".parse().unwrap(),
        queues: Queues::default(),
        walk: Walk::Segments,
    };
    bootstrap::places(&system, runtime::now()).await.unwrap();
    (endpoints, system)
}

async fn treue(endpoints: &AwsEndpoints, system: &System, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treue"));
    command
        .args(["finance", "2026-10", "--table", system.db.table()])
        .args(more);
    command.envs(endpoints.env());
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_is_missing_or_differs_ends_with_1_and_one_that_agrees_with_0() {
    let (endpoints, system) = table().await;
    let missing = treue(&endpoints, &system, &["--json"]).await;
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    let shown: Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert_eq!(shown[0]["differences"][0], "there is no report of this month");

    let id = ReportId {
        tenant: system.tenant.clone(),
        programme: "treue".parse().unwrap(),
        month: "2026-10".parse().unwrap(),
    };
    let (db, now) = (&system.db, runtime::now());
    let zone = (chrono_tz::Europe::Zurich, domain::liability::Companies::new());
    for (revision, accounts, code) in [(1, 0, 0), (2, 7, 1)] {
        let begun = finance::begin(db, Site::ToolWrite, &id, revision, zone.clone(), now).await;
        assert_eq!(begun.unwrap(), None);
        let run = finance::run(db, Site::ToolRead, &id, revision).await.unwrap().unwrap();
        let file = |name: &str| FileFacts {
            name: name.to_owned(),
            key: name.to_owned(),
            bytes: 1,
            sha256: shown[0]["computed"]["sha256"][name].as_str().unwrap().to_owned(),
        };
        let result = RunResult {
            accounts,
            rows: 0,
            total: Default::default(),
            vouchers: 0,
            redeemed: Vec::new(),
            files: ["liability.csv", "settlement.csv", "companies.csv"].map(file).to_vec(),
        };
        assert!(finance::complete(db, Site::ToolWrite, &run, result, now).await.unwrap());
        let output = treue(&endpoints, &system, &["--programme", "treue"]).await;
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(&format!("treue 2026-10 (revision {revision})")), "{text}");
        assert_eq!(
            text.contains("accounts: the report says 7, the table says 0"),
            code == 1,
            "{text}"
        );
    }
    let unknown = treue(&endpoints, &system, &["--programme", "nobody"]).await;
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");
}
