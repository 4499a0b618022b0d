//! `treue returns` against an API that answers as the real one does: a damaged file is refused before anything is reported, and
//! every row that was not taken is told by its line.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use serde_json::{Value, json};

const HEADER: &str = "piece_id;reason;returned_on\n";
const KNOWN: &str = "3F8KQ2W9ZT4M7XABW";
const UNKNOWN: &str = "9H2JQ5W3ZR8M1XCDZ";

/// The bodies that were sent.
type Sent = Arc<Mutex<Vec<Value>>>;

async fn settings() -> String {
    let settings = lettershop::settings::Settings::default();
    json!({"version": 0, "settings": settings}).to_string()
}

/// Refuses a letter of a day in the far future, and knows one letter.
async fn returns(State(sent): State<Sent>, body: String) -> (StatusCode, String) {
    let body: Value = serde_json::from_str(&body).unwrap();
    let letters = body["returns"].as_array().unwrap().clone();
    sent.lock().unwrap().push(body);
    let late = letters.iter().position(|letter| letter["returned_on"] == "2099-01-01");
    if let Some(late) = late {
        let wrong = json!({"pointer": format!("/returns/{late}/returned_on"), "code": "out_of_range", "detail": "…"});
        let problem = json!({"code": "invalid", "detail": "…", "errors": [wrong]});
        return (StatusCode::UNPROCESSABLE_ENTITY, problem.to_string());
    }
    let item = |letter: &Value| {
        let outcome = if letter["piece"] == KNOWN {
            "applied"
        } else {
            "unknown_piece"
        };
        json!({"piece": letter["piece"], "outcome": outcome})
    };
    let items: Vec<_> = letters.iter().map(item).collect();
    (StatusCode::OK, json!({"items": items}).to_string())
}

async fn reported(bytes: &[u8], more: &[&str]) -> (Output, Vec<Value>) {
    let sent = Sent::default();
    let routes = Router::new()
        .route("/v1/lettershop/settings", get(settings))
        .route("/v1/lettershop/returns", post(returns))
        .with_state(sent.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, routes).await });
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("back.csv");
    std::fs::write(&file, bytes).unwrap();
    let output = run(&file, &url, more).await;
    server.abort();
    let sent = sent.lock().unwrap().clone();
    (output, sent)
}

async fn run(file: &Path, url: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_treue"));
    command
        .arg("returns")
        .arg(file)
        .args(["--carrier", "internal", "--json"]);
    command.args(["--api", url, "--key", "k"]).args(more);
    tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p3_a_file_is_reported_and_every_row_that_was_not_taken_is_told() {
    let row = |piece: &str, code: &str, day: &str| format!("{piece};{code};{day}\n");
    let good = HEADER.to_owned() + &row(KNOWN, "moved_unknown", "09.12.2026");
    for _ in 0..2 {
        let (output, sent) = reported(good.as_bytes(), &[]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let letter =
            json!({"piece": KNOWN, "carrier": "internal", "code": "moved_unknown", "returned_on": "2026-12-09"});
        assert_eq!(sent, [json!({"returns": [letter]})]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let expected = json!({"rows": 1, "outcomes": {"applied": 1}, "not_taken": [], "rejected": []});
        assert_eq!(report, expected);
    }
    let mixed = good
        + &row("3F8KQ2W9ZT4M7XABX", "refused", "2026-12-09")
        + &row(UNKNOWN, "refused", "2026-12-09")
        + &row("0000000000000000 0", "deceased", "2099-01-01");
    let (output, sent) = reported(mixed.as_bytes(), &[]).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(sent.len(), 2, "once with the row that the API refuses, once without");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        report["not_taken"],
        json!([{"line": 4, "piece": UNKNOWN, "outcome": "unknown_piece"}])
    );
    let expected = json!([
        {"line": 3, "field": "piece_id", "code": "check_symbol"},
        {"line": 5, "field": "returned_on", "code": "out_of_range"},
    ]);
    assert_eq!(report["rejected"], expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p3_a_file_that_is_cut_off_or_in_another_encoding_is_refused_and_nothing_reported() {
    let good = format!("{HEADER}{KNOWN};moved_unknown;2026-12-09\n");
    let latin: Vec<u8> = good.bytes().chain(*b"Z\xfcrich;other;2026-12-09\n").collect();
    let utf16: Vec<u8> = b"\xff\xfe".iter().copied().chain(good.bytes()).collect();
    let counted = format!("{good}#END;2\n");
    let cases: [(&[u8], &[&str], &str); 4] = [
        (&latin, &[], "line 3 is not UTF-8"),
        (&utf16, &[], "another encoding"),
        (good.as_bytes(), &["--trailer"], "cut off"),
        (counted.as_bytes(), &["--trailer"], "another count"),
    ];
    for (bytes, more, says) in cases {
        let (output, sent) = reported(bytes, more).await;
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{says}: {error}");
        assert!(error.contains(says), "{says}: {error}");
        assert!(sent.is_empty(), "nothing of it is reported");
    }
}
