//! The command line of `treue`: what it refuses, and with which exit code.

use std::path::Path;
use std::process::{Command, Output};

/// Runs `treue` in an empty folder.
fn treue(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_treue"))
        .args(args)
        .current_dir(folder)
        .env_remove("TREUE_API_KEY")
        .output()
        .expect("treue runs")
}

fn refused(args: &[&str], code: i32, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.jsonl"), "{}\n").unwrap();
    std::fs::write(
        folder.path().join("bad-setup.jsonl"),
        "{\"method\":\"GET\",\"path\":\"/v1/cards\"}\n",
    )
    .unwrap();
    let output = treue(folder.path(), args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {error}");
    assert!(error.contains(says), "{args:?} says {error}");
}

#[test]
fn a_wrong_command_line_is_refused_with_2() {
    refused(&["--bogus"], 2, "--bogus");
    refused(&["--port", "70000"], 2, "70000");
    refused(&["dance"], 2, "dance");
    refused(&["replay"], 2, "FILE");
    refused(&["replay", "journal.jsonl", "--concurrency", "0"], 2, "concurrency");
    refused(&["replay", "missing.jsonl"], 2, "missing.jsonl");
    refused(
        &["replay", "journal.jsonl", "--setup", "missing.jsonl"],
        2,
        "missing.jsonl",
    );
    refused(
        &["replay", "journal.jsonl", "--setup", "bad-setup.jsonl"],
        2,
        "bad-setup.jsonl:1",
    );
    refused(
        &["replay", "journal.jsonl", "--api", "https://api.example.com"],
        2,
        "--table",
    );
    refused(&["replay", "journal.jsonl", "--table", "t"], 2, "--api");
    refused(&["returns", "back.csv"], 2, "--carrier");
    refused(&["returns", "missing.csv", "--carrier", "post"], 2, "missing.csv");
    let on_aws = ["--carrier", "post", "--api", "https://api.example.com"];
    refused(&[&["returns", "back.csv"], &on_aws[..]].concat(), 2, "--key");
    refused(&["runs"], 2, "list");
    refused(&["runs", "show"], 2, "RUN");
    refused(&["runs", "show", "Bonus 2026"], 2, "RUN");
    refused(&["runs", "show", "b~1", "--api", "https://api.example.com"], 2, "--key");
    refused(&["runs", "watch", "b~1", "--every", "0"], 2, "--every");
    refused(&["runs", "stop", "b~1"], 2, "--reason");
    refused(&["offline"], 2, "losses");
    refused(&["offline", "losses", "--from", "yesterday"], 2, "--from");
    let turned = ["offline", "losses", "--from", "2026-11-30", "--until", "2026-11-01"];
    refused(&turned, 2, "is after");
    refused(&["reconcile", "--posting-queue-url", "x"], 2, "--table");
    refused(&["verify", "--party", "Max Muster"], 2, "party");
    refused(&["finance", "2026-13"], 2, "a month is a year of four digits");
    refused(&["finance"], 2, "MONTH");
    refused(&["finance", "2026-11", "--programme", "Treue"], 2, "programme");
    refused(&["convert", "elsewhere", "x.csv", "--out", "o"], 2, "completejourney");
    refused(&["keys", "--port", "1"], 2, "--port");
}

#[test]
fn the_stack_needs_its_template() {
    refused(&["--no-demo"], 2, "template.yaml");
}

#[test]
fn without_a_stack_to_work_on_the_answer_is_3() {
    for command in ["keys", "verify", "reconcile", "bootstrap"] {
        refused(&[command], 3, "treue");
    }
    for command in [&["runs", "list"][..], &["runs", "show", "b~1"], &["offline", "losses"]] {
        refused(command, 3, "treue");
    }
    let nobody = [
        "replay",
        "journal.jsonl",
        "--api",
        "http://127.0.0.1:1",
        "--key",
        "k",
        "--table",
        "t",
    ];
    refused(&nobody, 3, "127.0.0.1:1");
}

#[test]
fn what_fails_for_another_reason_is_1() {
    refused(&["convert", "cdnow", "missing.csv", "--out", "o"], 1, "missing.csv");
}

#[test]
fn help_names_every_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let output = treue(folder.path(), &["--help"]);
    let help = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success());
    for code in ["\n  0 ", "\n  1 ", "\n  2 ", "\n  3 "] {
        assert!(help.contains(code), "{help}");
    }
}
